/* near.c - see near.h. A name counts as near where at most a third of its
 * letters, and one more, would have to change.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/near.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { MAX_NAME_BYTES = 127, MAX_NEAR = 3 };

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

/* Levenshtein's distance, one row of its table at a time. */
static size_t edit_distance(const char *a, size_t n_a, const char *b, size_t n_b) {
  size_t row[MAX_NAME_BYTES + 1];
  for (size_t j = 0; j <= n_b; j++) row[j] = j;
  for (size_t i = 1; i <= n_a; i++) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= n_b; j++) {
      const size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = smaller(replaced, smaller(row[j], row[j - 1]) + 1);
    }
  }
  return row[n_b];
}

typedef struct candidate {
  const char *name;
  size_t distance;
} candidate;

/* Put a candidate into the sorted best; of equal ones the first stays first. */
static size_t insert(candidate *best, size_t n, candidate c) {
  for (size_t i = 0; i < n; i++)
    if (strcmp(best[i].name, c.name) == 0) return n;
  size_t at = n;
  while (at > 0 && best[at - 1].distance > c.distance) at--;
  if (at == MAX_NEAR) return n;
  if (n < MAX_NEAR) n++;
  for (size_t i = n - 1; i > at; i--) best[i] = best[i - 1];
  best[at] = c;
  return n;
}

const char *near_names(const char *name, const char *const *names, size_t n_names, char *text, size_t text_bytes) {
  if (text_bytes == 0) return text;
  text[0] = '\0';
  const size_t length = strnlen(name, MAX_NAME_BYTES + 1);
  if (length > MAX_NAME_BYTES) return text;
  candidate best[MAX_NEAR];
  size_t n = 0;
  for (size_t i = 0; i < n_names; i++) {
    const size_t other = strnlen(names[i], MAX_NAME_BYTES + 1);
    if (other > MAX_NAME_BYTES) continue;
    const size_t distance = edit_distance(name, length, names[i], other);
    if (distance <= 1 + length / 3 && distance < length) n = insert(best, n, (candidate){names[i], distance});
  }
  size_t used = 0;
  for (size_t i = 0; i < n; i++) {
    const size_t needed = strlen(best[i].name) + (used ? 4 : 2);
    if (needed >= text_bytes - used) break;
    used += (size_t)snprintf(text + used, text_bytes - used, "%s'%s'", used ? ", " : "", best[i].name);
  }
  return text;
}
