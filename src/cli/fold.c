/* fold.c - see fold.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/fold.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

size_t terminal_width(FILE *out, size_t otherwise) {
  struct winsize size;
  const int fd = fileno(out);
  if (!isatty(fd)) return otherwise;
  return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : USUAL_WIDTH;
}

size_t usual_width(FILE *out) {
  const size_t width = terminal_width(out, USUAL_WIDTH);
  return width < USUAL_WIDTH ? width : USUAL_WIDTH;
}

static size_t end_line(FILE *out, size_t indent) {
  fprintf(out, "\n%*s", (int)indent, "");
  return indent;
}

static size_t longest_word(const char *text) {
  size_t longest = 0;
  for (const char *word = text; *word;) {
    const size_t bytes = strcspn(word, " ");
    if (bytes > longest) longest = bytes;
    word += bytes + (word[bytes] == ' ');
  }
  return longest;
}

void print_folded(FILE *out, const char *text, size_t column, size_t indent, size_t width) {
  enum { LEAST = 30, NARROW_INDENT = 4, GAP = 2 };
  const size_t longest = longest_word(text);
  if (indent > NARROW_INDENT && indent + (longest > LEAST ? longest : LEAST) > width) indent = NARROW_INDENT;
  if (column > 0 && column + GAP > indent)
    column = end_line(out, indent);
  else
    column += (size_t)fprintf(out, "%*s", (int)(indent - column), "");
  for (const char *word = text; *word;) {
    const size_t bytes = strcspn(word, " ");
    if (column > indent && column + 1 + bytes > width) column = end_line(out, indent);
    column += (size_t)fprintf(out, "%s%.*s", column > indent ? " " : "", (int)bytes, word);
    word += bytes + (word[bytes] == ' ');
  }
  putc('\n', out);
}
