/* rewrite.c - see rewrite.h. SPDX-License-Identifier: Apache-2.0 */
#include "passes/rewrite.h"

static rewritten_value *entry_of(rewrite *r, value v) { return &r->values[r->first[v.node->id] + v.output]; }

static void add_values(rewrite *r, const node *n) {
  *ARENA_PUSH(r->g->arena, r->first, r->n_nodes, r->first_capacity) = r->n_values;
  for (uint32_t i = 0; i < n->n_outputs; i++)
    *ARENA_PUSH(r->g->arena, r->values, r->n_values, r->values_capacity) = (rewritten_value){0};
}

/* Take up the nodes that are new. */
static void follow(rewrite *r) {
  const graph *g = r->g;
  const size_t n_before = r->n_nodes;
  while (r->n_nodes < g->n_nodes) add_values(r, g->nodes[r->n_nodes]);
  for (size_t i = n_before; i < g->n_nodes; i++)
    for (uint32_t k = 0; k < g->nodes[i]->n_inputs; k++) entry_of(r, g->nodes[i]->inputs[k])->n_uses++;
}

rewrite rewrite_begin(graph *g) {
  rewrite r = {.g = g};
  follow(&r);
  for (size_t i = 0; i < g->n_outputs; i++) entry_of(&r, g->outputs[i])->n_uses++;
  return r;
}

static value current(rewrite *r, value v) {
  for (value by; (by = entry_of(r, v)->by).node;) v = by;
  return v;
}

void rewrite_visit(rewrite *r, node *n) {
  for (uint32_t k = 0; k < n->n_inputs; k++) n->inputs[k] = current(r, n->inputs[k]);
}

size_t rewrite_uses(rewrite *r, value v) {
  follow(r);
  return entry_of(r, v)->n_uses;
}

void rewrite_forget(rewrite *r, value v) {
  follow(r);
  entry_of(r, v)->n_uses--;
}

void rewrite_replace(rewrite *r, value from, value to) {
  follow(r);
  entry_of(r, to)->n_uses += entry_of(r, from)->n_uses;
  *entry_of(r, from) = (rewritten_value){.by = to};
}

void rewrite_finish(rewrite *r) {
  graph *g = r->g;
  follow(r);
  for (size_t i = 0; i < g->n_nodes; i++) rewrite_visit(r, g->nodes[i]);
  for (size_t i = 0; i < g->n_outputs; i++) g->outputs[i] = current(r, g->outputs[i]);
}
