/* compile.c - what passes create. SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/shape.h"
#include "passes/pass.h"

uint32_t compile_add_storage(compile *c, mxn_space space, uint32_t index, uint64_t bytes) {
  *ARENA_PUSH(c->arena, c->storages, c->n_storages, c->storages_capacity) =
      (storage){.space = space, .index = index, .bytes = bytes, .first_step = UINT32_MAX};
  return (uint32_t)(c->n_storages - 1);
}

/* Weights are large: they have their own blocks, released with the arena. */
static float *allocate_floats(compile *c, uint64_t floats) {
  float *data = calloc(floats ? floats : 1, sizeof *data);
  if (!data) longjmp(c->arena->recovery, 1);
  arena_defer(c->arena, free, data);
  return data;
}

uint32_t compile_add_weights(compile *c, uint64_t floats, float **out_data) {
  const uint32_t s = compile_add_storage(c, MXN_SPACE_WEIGHTS, 0, floats * sizeof(float));
  *out_data = c->storages[s].data = allocate_floats(c, floats);
  return s;
}

node *compile_add_constant(compile *c, const char *name, int32_t n_dims, const int64_t *dims, float **out_data) {
  const mxn_type type = type_of(MXN_FLOAT32, n_dims, dims);
  int64_t elements = 0;
  if (!shape_elements(&type, &elements)) elements = 0;
  node *n = graph_add_variable(c->graph, name, type);
  mxn_tensor *t = arena_alloc(c->arena, sizeof *t);
  t->type = type;
  t->data = *out_data = allocate_floats(c, (uint64_t)elements);
  n->constant = t;
  return n;
}
