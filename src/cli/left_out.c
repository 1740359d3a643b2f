/* left_out.c - see left_out.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/left_out.h"

#include <stdbool.h>
#include <string.h>

static bool is_first_of_its_reason(const mxn_left_out *list, size_t i) {
  for (size_t k = 0; k < i; k++)
    if (!strcmp(list[k].reason, list[i].reason)) return false;
  return true;
}

static void print_reason(FILE *out, const mxn_left_out *list, size_t n, const char *reason) {
  const char *separator = " ";
  size_t count = 0;
  for (size_t i = 0; i < n; i++) count += !strcmp(list[i].reason, reason);
  fprintf(out, "  %s (%zu):", reason, count);
  for (size_t i = 0; i < n; i++) {
    if (strcmp(list[i].reason, reason) != 0) continue;
    fprintf(out, "%s%s (%s)", separator, list[i].node, list[i].op);
    separator = ", ";
  }
  putc('\n', out);
}

void print_left_out(FILE *out, const mxn_left_out *list, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (is_first_of_its_reason(list, i)) print_reason(out, list, n, list[i].reason);
}
