/* body.c - see body.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ops/body.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "ops/family.h"

/* Memory. */

typedef struct block {
  struct block *next;
  _Alignas(max_align_t) char data[];
} block;

/* Memory that is released together. */
typedef struct block_list {
  block *first;
} block_list;

static void blocks_release(void *list) {
  block_list *l = list;
  while (l->first) {
    block *next = l->first->next;
    free(l->first);
    l->first = next;
  }
}

/* An empty list in the arena, whose blocks go with it. */
static block_list *blocks_create(arena *a) {
  block_list *l = arena_alloc(a, sizeof *l);
  arena_defer(a, blocks_release, l);
  return l;
}

static void *blocks_allocate(void *list, size_t bytes) {
  block_list *l = list;
  block *b = bytes < SIZE_MAX / 2 ? malloc(sizeof *b + bytes) : NULL;
  if (!b) return NULL;
  b->next = l->first;
  l->first = b;
  return b->data;
}

size_t body_bytes(const mxn_type *t) {
  size_t bytes = 0;
  return type_bytes(t, &bytes) ? bytes : 0;
}

static void copy_data(const mxn_tensor *from, void *to) {
  const size_t bytes = body_bytes(&from->type);
  if (bytes) memcpy(to, from->data, bytes);
}

mxn_status body_give_output(const forward *f, uint32_t i, const mxn_type *type) {
  char got[SHAPE_TEXT_BYTES], expected[SHAPE_TEXT_BYTES];
  mxn_type *known = &f->outputs[i].type;
  if (known->dtype == MXN_DTYPE_UNKNOWN) known->dtype = type->dtype;
  if (!f->outputs[i].data && !shape_is_known(known)) return forward_allocate(f, i, type);
  if (shape_equal(known, type) && known->dtype == type->dtype) return MXN_OK;
  return op_error(NULL, f->node, f->err, MXN_SHAPE, "output %u is %s %s, expected %s %s", i,
                  mxn_dtype_name(type->dtype), shape_text(type, got), mxn_dtype_name(known->dtype),
                  shape_text(known, expected));
}

/* Bodies. */

static uint32_t most_inputs(const graph *g) {
  uint32_t most = 0;
  for (size_t i = 0; i < g->n_nodes; i++)
    if (g->nodes[i]->n_inputs > most) most = g->nodes[i]->n_inputs;
  return most;
}

void body_init(const forward *f, uint32_t s, body *b) {
  const graph *g = f->node->subgraphs[s];
  uint32_t n_variables = 0;
  *b = (body){.f = f, .index = s, .graph = g};
  b->tensors = arena_array(f->scratch, g->n_nodes, sizeof *b->tensors);
  b->variables = arena_array(f->scratch, g->n_nodes, sizeof *b->variables);
  b->inputs = arena_array(f->scratch, most_inputs(g), sizeof *b->inputs);
  for (size_t i = 0; i < g->n_nodes; i++) {
    b->tensors[i] = arena_array(f->scratch, g->nodes[i]->n_outputs, sizeof **b->tensors);
    if (node_is_variable(g->nodes[i])) b->variables[n_variables++] = g->nodes[i];
  }
  b->blocks = blocks_create(f->scratch);
}

void body_set(body *b, uint32_t variable, const mxn_tensor *t) { b->tensors[b->variables[variable]->id][0] = *t; }

static mxn_status run_node(body *b, const node *n) {
  mxn_error *err = b->f->err;
  mxn_tensor *outputs = b->tensors[n->id];
  const op_memory memory = {blocks_allocate, b->blocks};
  for (uint32_t k = 0; k < n->n_inputs; k++) b->inputs[k] = b->tensors[n->inputs[k].node->id][n->inputs[k].output];
  for (uint32_t k = 0; k < n->n_outputs; k++) outputs[k] = (mxn_tensor){.type = n->outputs[k]};
  const mxn_status status = op_forward_allocating(n, b->inputs, outputs, &memory, err);
  if (status == MXN_OK) return status;
  return error_prefix(err, status, "node '%s' (%s): subgraph %u", b->f->node->name, b->f->node->op, b->index);
}

mxn_status body_run(body *b) {
  blocks_release(b->blocks);
  for (size_t i = 0; i < b->graph->n_nodes; i++)
    if (!node_is_variable(b->graph->nodes[i])) TRY(run_node(b, b->graph->nodes[i]));
  return MXN_OK;
}

const mxn_tensor *body_output(const body *b, uint32_t i) {
  const value v = b->graph->outputs[i];
  return &b->tensors[v.node->id][v.output];
}

/* States. */

void states_init(const forward *f, uint32_t first, states *s) {
  *s = (states){.f = f, .first = first, .n = f->node->n_outputs - first};
  s->current = arena_array(f->scratch, s->n, 2 * sizeof *s->current);
  s->next = s->current + s->n;
  s->blocks = blocks_create(f->scratch);
}

mxn_status states_step(states *s, const body *b) {
  block_list old = *s->blocks;
  bool has_memory = true;
  *s->blocks = (block_list){0};
  for (uint32_t i = 0; i < s->n; i++) s->next[i] = *body_output(b, s->first + i);
  for (uint32_t i = 0; i < s->n && has_memory; i++) {
    s->current[i] = s->next[i];
    s->current[i].data = blocks_allocate(s->blocks, body_bytes(&s->next[i].type));
    has_memory = s->current[i].data;
    if (has_memory) copy_data(&s->next[i], s->current[i].data);
  }
  blocks_release(&old);
  return has_memory ? MXN_OK : op_error(NULL, s->f->node, s->f->err, MXN_NOMEM, "no memory for its next turn");
}

mxn_status states_finish(const states *s) {
  for (uint32_t i = 0; i < s->n; i++) {
    TRY(body_give_output(s->f, s->first + i, &s->current[i].type));
    copy_data(&s->current[i], s->f->outputs[s->first + i].data);
  }
  return MXN_OK;
}
