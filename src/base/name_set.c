/* name_set.c - see name_set.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/name_set.h"

#include <stdint.h>
#include <string.h>

/* FNV-1a, then the upper half into the lower: the slots are chosen by that. */
static size_t hash_of(const char *name) {
  uint64_t hash = 14695981039346656037u;
  for (const char *c = name; *c; c++) hash = (hash ^ (unsigned char)*c) * 1099511628211u;
  return (size_t)(hash ^ hash >> 32);
}

/* Where the name is, or a free slot. */
static const char **find_slot(const name_set *s, const char *name) {
  size_t i = hash_of(name) & (s->n_slots - 1);
  while (s->slots[i] && strcmp(s->slots[i], name) != 0) i = (i + 1) & (s->n_slots - 1);
  return &s->slots[i];
}

static void grow(name_set *s) {
  enum { FIRST = 64 };
  const name_set old = *s;
  s->n_slots = old.n_slots ? old.n_slots * 2 : FIRST;
  s->slots = arena_array(s->arena, s->n_slots, sizeof *s->slots);
  for (size_t i = 0; i < old.n_slots; i++)
    if (old.slots[i]) *find_slot(s, old.slots[i]) = old.slots[i];
}

bool name_set_add(name_set *s, const char *name) {
  if (2 * s->n >= s->n_slots) grow(s);
  const char **slot = find_slot(s, name);
  if (*slot) return false;
  *slot = name;
  s->n++;
  return true;
}

bool name_set_has(const name_set *s, const char *name) { return s->n > 0 && *find_slot(s, name); }
