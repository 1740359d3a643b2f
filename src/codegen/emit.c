/* emit.c - steps and storages become the plan, kernels become code.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "codegen/emit.h"

#include <string.h>

#include "base/error.h"
#include "codegen/select.h"
#include "codegen/specialize.h"

typedef struct emitter {
  compile *c;
  const step_list *steps;
  uint32_t *kernel_of;  /* [n_steps] row of the kernels table */
  uint32_t *first_step; /* [n_kernels] a step that has this kernel */
  uint32_t n_kernels;
} emitter;

static bool same_kernel(const step *a, const step *b) {
  return a->kernel == b->kernel && !memcmp(&a->shape, &b->shape, kernel_shape_bytes(a->kernel)) &&
         a->expression.n_terms == b->expression.n_terms &&
         !memcmp(a->expression.terms, b->expression.terms, a->expression.n_terms * sizeof *a->expression.terms);
}

static void number_kernels(emitter *e) {
  e->kernel_of = arena_array(e->c->arena, e->steps->n_items, sizeof *e->kernel_of);
  e->first_step = arena_array(e->c->arena, e->steps->n_items, sizeof *e->first_step);
  for (uint32_t i = 0; i < e->steps->n_items; i++) {
    uint32_t k = 0;
    while (k < e->n_kernels && !same_kernel(&e->steps->items[e->first_step[k]], &e->steps->items[i])) k++;
    if (k == e->n_kernels) e->first_step[e->n_kernels++] = i;
    e->kernel_of[i] = k;
  }
}

static mxn_status emit_target(emitter *e, const target *t, plan_target *out, mxn_error *err) {
  arena *a = e->c->arena;
  specialisation *kernels = arena_array(a, e->n_kernels, sizeof *kernels);
  uint64_t *entries = arena_array(a, e->n_kernels, sizeof *entries);
  out->name = t->name;
  out->level = t->level;
  out->kernels = arena_array(a, e->n_kernels, sizeof *out->kernels);
  for (uint32_t k = 0; k < e->n_kernels; k++) {
    const step *s = &e->steps->items[e->first_step[k]];
    kernels[k] = (specialisation){s->kernel, s->shape, &s->expression};
    out->kernels[k].n_tasks = select_tiles(t, s->kernel, &kernels[k].shape);
  }
  linked_code code;
  TRY(specialize(a, t, kernels, e->n_kernels, &code, entries, err));
  for (uint32_t k = 0; k < e->n_kernels; k++) out->kernels[k].entry = entries[k];
  out->code = code.bytes;
  out->code_bytes = code.n_bytes;
  return MXN_OK;
}

static mxn_neuronbin_buffer buffer_of(const compile *c, const step_buffer *b) {
  const storage *s = &c->storages[b->storage];
  return (mxn_neuronbin_buffer){
      .space = s->space, .index = s->index, .offset = s->offset + b->offset, .bytes = b->bytes};
}

static plan_step *plan_steps(const emitter *e) {
  plan_step *steps = arena_array(e->c->arena, e->steps->n_items, sizeof *steps);
  for (uint32_t i = 0; i < e->steps->n_items; i++) {
    const step *s = &e->steps->items[i];
    steps[i] = (plan_step){.kernel = e->kernel_of[i], .n_buffers = s->n_buffers, .name = s->name, .flops = s->flops};
    for (uint32_t b = 0; b < s->n_buffers; b++) steps[i].buffers[b] = buffer_of(e->c, &s->buffers[b]);
  }
  return steps;
}

/* Storages have their offsets in the order of their creation. */
static void plan_weights_of(const compile *c, plan *p) {
  p->weights = arena_array(c->arena, c->n_storages, sizeof *p->weights);
  for (size_t i = 0; i < c->n_storages; i++) {
    const storage *s = &c->storages[i];
    if (s->space == MXN_SPACE_WEIGHTS) p->weights[p->n_weights++] = (plan_weights){s->data, s->offset, s->bytes};
  }
  p->weights_bytes = c->weights_bytes;
}

mxn_status emit_neuronbin(compile *c, const step_list *steps, const target *const *targets, size_t n_targets, plan p,
                          const char *path, mxn_error *err) {
  emitter e = {.c = c, .steps = steps};
  number_kernels(&e);
  p.targets = arena_array(c->arena, n_targets, sizeof *p.targets);
  p.n_targets = (uint32_t)n_targets;
  for (size_t i = 0; i < n_targets; i++) TRY(emit_target(&e, targets[i], &p.targets[i], err));
  p.n_kernels = e.n_kernels;
  p.steps = plan_steps(&e);
  p.n_steps = (uint32_t)steps->n_items;
  plan_weights_of(c, &p);
  p.arena_bytes = c->arena_bytes;
  return neuronbin_write(&p, path, err);
}
