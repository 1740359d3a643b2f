/* checkpoint_name.c - see checkpoint_name.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/checkpoint_name.h"

#include <ctype.h>
#include <string.h>

/* Bytes of `name` before `ending`; 0 where it ends otherwise. */
static size_t bytes_before(const char *name, const char *ending) {
  const size_t n = strlen(name), m = strlen(ending);
  return n > m && strcmp(name + n - m, ending) == 0 ? n - m : 0;
}

bool checkpoint_name_split(const char *name, size_t *out_prefix_bytes, int32_t *out_epoch) {
  enum { LEAST_DIGITS = 4, MOST_DIGITS = 9 };
  *out_epoch = -1;
  *out_prefix_bytes = bytes_before(name, "-symbol.json");
  if (*out_prefix_bytes) return true;
  const size_t end = bytes_before(name, ".params");
  size_t first = end;
  while (first > 0 && isdigit((unsigned char)name[first - 1])) first--;
  if (end - first < LEAST_DIGITS || end - first > MOST_DIGITS || first < 2 || name[first - 1] != '-') return false;
  *out_epoch = 0;
  for (size_t i = first; i < end; i++) *out_epoch = *out_epoch * 10 + (name[i] - '0');
  *out_prefix_bytes = first - 1;
  return true;
}
