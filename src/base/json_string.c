/* json_string.c - see json_string.h. SPDX-License-Identifier: Apache-2.0 */
#include "base/json_string.h"

#include <string.h>

void json_print_string(FILE *out, const char *text) {
  static const char special[] = "\"\\\n\r\t", letters[] = "\"\\nrt";
  putc('"', out);
  for (; *text; text++) {
    const char *found = strchr(special, *text);
    if (found)
      fprintf(out, "\\%c", letters[found - special]);
    else if ((unsigned char)*text < 0x20)
      fprintf(out, "\\u%04x", (unsigned char)*text);
    else
      putc(*text, out);
  }
  putc('"', out);
}
