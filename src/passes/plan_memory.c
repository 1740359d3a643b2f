/* plan_memory.c - offsets for the storages.
 *
 * Arena: storages from the largest to the smallest, each at the lowest offset
 * where it meets no storage that lives at the same time (greedy by size, Pisarchyk
 * and Lee 2020, "Efficient Memory Management for Deep Neural Net Inference").
 * Weights: one behind the other. SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>

#include "passes/pass.h"

static uint64_t align_up(uint64_t x) { return (x + MXN_ALIGNMENT - 1) / MXN_ALIGNMENT * MXN_ALIGNMENT; }

static bool live_together(const storage *a, const storage *b) {
  return a->first_step <= b->last_step && b->first_step <= a->last_step;
}

static uint32_t lifetime(const storage *s) { return s->last_step - s->first_step; }

/* Larger first; of equals what lives longer, so that a chain of residuals takes turns between two places and what lives
 * shortly finds the free one; then in their order, so that the plan depends on the graph alone. */
static int compare_sizes(const void *a, const void *b) {
  const storage *x = *(storage *const *)a, *y = *(storage *const *)b;
  if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
  if (lifetime(x) != lifetime(y)) return lifetime(x) < lifetime(y) ? 1 : -1;
  return x < y ? -1 : x > y;
}

/* The lowest free offset among `placed`, which are sorted by offset. */
static uint64_t lowest_offset(const storage *s, storage *const *placed, size_t n) {
  uint64_t offset = 0;
  for (size_t i = 0; i < n; i++) {
    if (!live_together(s, placed[i])) continue;
    if (offset + s->bytes <= placed[i]->offset) break;
    const uint64_t end = align_up(placed[i]->offset + placed[i]->bytes);
    if (end > offset) offset = end;
  }
  return offset;
}

/* Behind those that lie at the same offset or lower. */
static void insert_by_offset(storage **placed, size_t n, storage *s) {
  while (n > 0 && placed[n - 1]->offset > s->offset) {
    placed[n] = placed[n - 1];
    n--;
  }
  placed[n] = s;
}

static void plan_arena(compile *c) {
  storage **order = arena_array(c->arena, c->n_storages, sizeof *order);
  storage **placed = arena_array(c->arena, c->n_storages, sizeof *placed);
  size_t n = 0;
  for (size_t i = 0; i < c->n_storages; i++) {
    const storage *s = &c->storages[i];
    if (s->space == MXN_SPACE_ARENA && s->first_step != UINT32_MAX) order[n++] = &c->storages[i];
  }
  qsort(order, n, sizeof *order, compare_sizes);
  c->arena_bytes = 0;
  for (size_t i = 0; i < n; i++) {
    storage *s = order[i];
    s->offset = lowest_offset(s, placed, i);
    if (s->offset + s->bytes > c->arena_bytes) c->arena_bytes = align_up(s->offset + s->bytes);
    insert_by_offset(placed, i, s);
  }
}

void plan_memory(compile *c) {
  plan_arena(c);
  c->weights_bytes = 0;
  for (size_t i = 0; i < c->n_storages; i++) {
    storage *s = &c->storages[i];
    if (s->space != MXN_SPACE_WEIGHTS) continue;
    s->offset = c->weights_bytes;
    c->weights_bytes = align_up(s->offset + s->bytes);
  }
}
