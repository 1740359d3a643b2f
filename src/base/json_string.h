/* json_string.h - texts as JSON.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_BASE_JSON_STRING_H
#define MXN_BASE_JSON_STRING_H

#include <stdio.h>

/* `text` in quotes; control characters as \u00XX, all other bytes as they are. */
void json_print_string(FILE *out, const char *text);

#endif
