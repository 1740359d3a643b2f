/* batch.c - the proof that a graph computes each sample of a batch alone.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "base/shape.h"
#include "ops/family.h"

/* Rules that families share. Labels are no inputs of inference. */

static const mxn_type *input_type(const node *n, uint32_t i) { return value_type(n->inputs[i]); }

bool batch_all(const node *n, const bool *is_carried) {
  for (uint32_t i = 0; i < op_first_label(n); i++)
    if (!is_carried[i]) return false;
  return n->n_inputs > 0;
}

bool batch_data(const node *n, const bool *is_carried) {
  for (uint32_t i = 1; i < op_first_label(n); i++)
    if (is_carried[i]) return false;
  return is_carried[0];
}

/* Dimensions are matched from the last one on. What does not carry the batch
 * must be broadcast along it: it has fewer dimensions, or 1 there. */
bool batch_broadcast(const node *n, const bool *is_carried) {
  const int32_t n_dims = n->outputs[0].n_dims;
  if (n_dims < 1) return false;
  for (uint32_t i = 0; i < op_first_label(n); i++) {
    const mxn_type *t = input_type(n, i);
    const bool fits = is_carried[i]
                          ? t->n_dims == n_dims
                          : t->n_dims >= 0 && (t->n_dims < n_dims || (t->n_dims == n_dims && t->dims[0] == 1));
    if (!fits) return false;
  }
  return true;
}

bool op_carries_batch(const node *n, const bool *input_carries) {
  return n->def && n->def->carries_batch && n->n_fused == 0 && n->def->carries_batch(n, input_carries);
}

/* The graph. */

typedef struct proof {
  const graph *graph;
  bool *is_carried;   /* by node: its shown outputs carry the batch, or none does */
  bool *inputs;       /* room for the inputs of one node */
  int64_t batch;      /* dimension 0 of all inputs; -1: not seen yet */
  const node *misfit; /* the first input that is no batch */
} proof;

static bool is_label_only(const graph *g, const node *v) {
  bool is_label = false;
  for (size_t i = 0; i < g->n_nodes; i++) {
    const node *n = g->nodes[i];
    for (uint32_t k = 0; k < n->n_inputs; k++) {
      if (n->inputs[k].node != v) continue;
      if (k < op_first_label(n)) return false;
      is_label = true;
    }
  }
  return is_label;
}

/* An input of the graph: dimension 0 has the size of the batch. */
static void start_input(proof *p, const node *n) {
  const mxn_type *t = &n->outputs[0];
  if (n->constant || is_label_only(p->graph, n)) return;
  const bool fits = t->n_dims > 0 && t->dims[0] >= 0 && (p->batch < 0 || p->batch == t->dims[0]);
  if (fits) p->batch = t->dims[0];
  if (!fits && !p->misfit) p->misfit = n;
  p->is_carried[n->id] = fits;
}

/* Outputs that MXNet hides are statistics of the parameters. */
static uint32_t count_shown(const node *n) {
  return n->def && n->def->count_outputs ? n->def->count_outputs(n) : n->def ? 1 : n->n_outputs;
}

static bool is_value_carried(const proof *p, value v) {
  return p->is_carried[v.node->id] && v.output < (node_is_variable(v.node) ? 1 : count_shown(v.node));
}

static bool prove_operator(proof *p, const node *n) {
  bool is_any = false;
  for (uint32_t i = 0; i < n->n_inputs; i++) {
    p->inputs[i] = is_value_carried(p, n->inputs[i]);
    is_any |= p->inputs[i] && i < op_first_label(n);
  }
  if (!is_any && n->def) return true;
  if (!op_carries_batch(n, p->inputs)) return false;
  for (uint32_t i = 0; i < count_shown(n); i++)
    if (n->outputs[i].n_dims < 1 || n->outputs[i].dims[0] != p->batch) return false;
  return p->is_carried[n->id] = true;
}

static const node *find_first(proof *p) {
  const graph *g = p->graph;
  for (size_t i = 0; i < g->n_nodes; i++) {
    const node *n = g->nodes[i];
    if (node_is_variable(n))
      start_input(p, n);
    else if (!prove_operator(p, n))
      return n;
  }
  for (size_t i = 0; i < g->n_outputs; i++)
    if (!is_value_carried(p, g->outputs[i])) return g->outputs[i].node;
  return p->misfit;
}

static uint32_t most_inputs(const graph *g) {
  uint32_t most = 0;
  for (size_t i = 0; i < g->n_nodes; i++)
    if (g->nodes[i]->n_inputs > most) most = g->nodes[i]->n_inputs;
  return most;
}

bool ops_prove_batch(const graph *g, const node **out_first) {
  proof p = {.graph = g, .batch = -1};
  p.is_carried = arena_array(g->arena, g->n_nodes, sizeof *p.is_carried);
  p.inputs = arena_array(g->arena, most_inputs(g), sizeof *p.inputs);
  const node *first = find_first(&p);
  if (out_first) *out_first = first;
  return !first;
}
