/* json_string.c - see json_string.h. SPDX-License-Identifier: Apache-2.0 */
#include "base/json_string.h"

void json_print_string(FILE *out, const char *text) {
  putc('"', out);
  for (; *text; text++) {
    if (*text == '"' || *text == '\\')
      fprintf(out, "\\%c", *text);
    else if ((unsigned char)*text < 0x20)
      fprintf(out, "\\u%04x", (unsigned char)*text);
    else
      putc(*text, out);
  }
  putc('"', out);
}
