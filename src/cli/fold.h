/* fold.h - text in lines that fit.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_CLI_FOLD_H
#define MXN_CLI_FOLD_H

#include <stddef.h>
#include <stdio.h>

enum { USUAL_WIDTH = 80 };

/* How many columns the terminal behind `out` has; `otherwise` where it is none. */
size_t terminal_width(FILE *out, size_t otherwise);

/* At most the usual width, that of text. */
size_t usual_width(FILE *out);

/* Print the words of a text between the columns `indent` and `width`, then end the
 * line. What stands in the first `column` columns is followed by two blanks at least;
 * where there is no room for them, or too little for the text, the text begins on a
 * line of its own. */
void print_folded(FILE *out, const char *text, size_t column, size_t indent, size_t width);

#endif
