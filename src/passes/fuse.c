/* fuse.c - elementwise operators move into the operator before them.
 *
 * A chain such as convolution, add, relu becomes one node: the convolution with
 * `fused` = add, relu and the add's other operand appended to its inputs. An
 * operator is fused where the running value has no other reader, so its node can
 * wait for the other operands; graph_compact() finds that order.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/error.h"
#include "base/shape.h"
#include "ops/ops.h"
#include "passes/access.h"
#include "passes/elementwise.h"
#include "passes/pass.h"
#include "passes/rewrite.h"

/* Operators whose kernels end in an expression. */
static bool is_root(const node *n) {
  elementwise e;
  if (node_is_variable(n)) return false;
  return op_is(n, "Convolution") || op_is(n, "FullyConnected") || op_is(n, "Pooling") || op_is(n, "softmax") ||
         is_reduction(n) || elementwise_of(n, &e);
}

static uint32_t own_inputs(const node *n) {
  uint32_t extra = 0;
  for (size_t i = 0; i < n->n_fused; i++) extra += n->fused[i].operator->n_inputs - 1;
  return n->n_inputs - extra;
}

static bool can_fuse(rewrite *r, const node *n, uint32_t operand) {
  const value v = n->inputs[operand];
  const node *p = v.node;
  return is_root(p) && shape_equal(value_type(v), &n->outputs[0]) && rewrite_uses(r, v) == 1 &&
         p->n_fused < MAX_FUSED && p->n_inputs - own_inputs(p) + n->n_inputs - 1 <= MAX_EXTRA_OPERANDS;
}

static void fuse(compile *c, rewrite *r, node *n, uint32_t operand) {
  node *p = n->inputs[operand].node;
  fused_operator *fused = arena_array(c->arena, p->n_fused + 1, sizeof *fused);
  for (size_t i = 0; i < p->n_fused; i++) fused[i] = p->fused[i];
  node *operator= arena_copy(c->arena, n, sizeof *n);
  operator->inputs = arena_copy(c->arena, n->inputs, n->n_inputs * sizeof *n->inputs);
  fused[p->n_fused] = (fused_operator){operator, operand };
  value *inputs = arena_array(c->arena, p->n_inputs + n->n_inputs, sizeof *inputs);
  uint32_t n_inputs = 0;
  for (uint32_t i = 0; i < p->n_inputs; i++) inputs[n_inputs++] = p->inputs[i];
  for (uint32_t i = 0; i < n->n_inputs; i++)
    if (i != operand) inputs[n_inputs++] = n->inputs[i];
  p->fused = fused;
  p->n_fused++;
  p->inputs = inputs;
  p->n_inputs = n_inputs;
  rewrite_forget(r, n->inputs[operand]); /* `p` reads the others now */
  rewrite_replace(r, (value){n, 0}, (value){p, 0});
  n->n_inputs = 0;
}

mxn_status pass_fuse(compile *c, mxn_error *err) {
  (void)err;
  graph *g = c->graph;
  rewrite r = rewrite_begin(g);
  for (size_t i = 0; i < g->n_nodes; i++) {
    node *n = g->nodes[i];
    elementwise e;
    rewrite_visit(&r, n);
    if (node_is_variable(n) || n->n_fused || !elementwise_of(n, &e)) continue;
    /* Of two operands the later one: the other is then ready when it runs. */
    int best = -1;
    for (uint32_t k = 0; k < n->n_inputs; k++)
      if (can_fuse(&r, n, k) && (best < 0 || n->inputs[k].node->id > n->inputs[best].node->id)) best = (int)k;
    if (best < 0) continue;
    fuse(c, &r, n, (uint32_t)best);
  }
  rewrite_finish(&r);
  graph_compact(g);
  for (size_t i = 0; i < g->n_nodes; i++) node_wire_fused(g->nodes[i]);
  return MXN_OK;
}
