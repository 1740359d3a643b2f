/* json_string.h - texts as JSON.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_BASE_JSON_STRING_H
#define MXN_BASE_JSON_STRING_H

#include <stdio.h>

/* `text` in quotes. Escapes are \" \\ \n \r \t, which are all that MXNet reads, and
 * \u00XX for other control characters; all other bytes stay as they are. */
void json_print_string(FILE *out, const char *text);

#endif
