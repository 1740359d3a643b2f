/* utf8.h - checking and cutting UTF-8 text from outside.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_BASE_UTF8_H
#define MXN_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Whether the bytes are well-formed UTF-8 (no surrogates, no overlong forms)
 * without a NUL, so that they can become a C string. */
bool utf8_is_text(const char *text, size_t bytes);

/* The largest length up to `bytes` that does not cut a character in two. */
size_t utf8_cut(const char *text, size_t bytes);

/* Make text fit to be shown: bytes that are no UTF-8 and control characters
 * other than tab and newline become '?'. */
void utf8_make_printable(char *text);

#endif
