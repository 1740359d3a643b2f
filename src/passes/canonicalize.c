/* canonicalize.c - one spelling per operator, for inference.
 *
 * Operators that only matter in training become what they compute: Dropout its
 * input, SoftmaxOutput a softmax, a regression output its link function; their
 * labels fall away. FullyConnected flattens by itself, so a Flatten before it
 * goes, too. SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "base/shape.h"
#include "ops/ops.h"
#include "passes/access.h"
#include "passes/canonicalize.h"
#include "passes/elementwise.h"

static bool is_identity(const node *n) {
  static const char *const names[] = {"Dropout", "BlockGrad", "_copy", "LinearRegressionOutput", "MAERegressionOutput"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (op_is(n, names[i])) return true;
  const bool is_reshape = op_is(n, "Flatten") || op_is(n, "Reshape");
  return is_reshape && shape_equal(&n->outputs[0], value_type(n->inputs[0]));
}

/* A type as the attribute of a Reshape. */
static const char *shape_attribute(compile *c, const mxn_type *t) {
  char text[SHAPE_TEXT_BYTES];
  return arena_printf(c->arena, "%s", shape_text(t, text));
}

node *add_like(compile *c, const node *n, const char *op) {
  node *r = graph_add(c->graph, op, n->name, 1, 1);
  r->inputs[0] = n->inputs[0];
  r->outputs[0] = n->outputs[0];
  return r;
}

node *add_unary(compile *c, const node *n, const char *op, value in, const mxn_type *type) {
  node *r = graph_add(c->graph, op, n->name, 1, 1);
  r->inputs[0] = in;
  r->outputs[0] = *type;
  return r;
}

value add_reshape(compile *c, const node *n, value in, const mxn_type *type) {
  node *r = add_unary(c, n, "Reshape", in, type);
  node_set_attribute(c->graph, r, "shape", shape_attribute(c, type));
  return (value){r, 0};
}

void put_behind(compile *c, rewrite *r, node *n, const char *op, const mxn_type *type) {
  node *moved = graph_add(c->graph, op, n->name, 1, 1);
  const node behind = *moved, old = *n;
  *moved = old;
  moved->id = behind.id;
  *n = behind;
  n->id = old.id;
  n->inputs[0] = (value){moved, 0};
  n->outputs[0] = *type;
  for (uint32_t i = 0; i < moved->n_inputs; i++) rewrite_forget(r, moved->inputs[i]); /* n reads them no more */
}

void reshape_behind(compile *c, rewrite *r, node *n, const mxn_type *type) {
  put_behind(c, r, n, "Reshape", type);
  node_set_attribute(c->graph, n, "shape", shape_attribute(c, type));
}

static bool is_softmax(const node *n) {
  return op_is(n, "softmax") || op_is(n, "SoftmaxOutput") || op_is(n, "SoftmaxActivation");
}

static void rewrite_softmax(compile *c, rewrite *r, node *n) {
  node *softmax = add_like(c, n, "softmax");
  node_set_attribute(c->graph, softmax, "axis", arena_printf(c->arena, "%d", (int)op_softmax_axis(n)));
  rewrite_replace(r, (value){n, 0}, (value){softmax, 0});
}

/* x / sqrt(sum(x * x) + eps), the sum over all axes of a sample, over its channels or
 * over all axes behind them. */
static void rewrite_l2_normalization(compile *c, rewrite *r, node *n) {
  const mxn_type *type = &n->outputs[0];
  const char *mode = op_text(n, "mode"), *axes = "";
  const int32_t begin = strcmp(mode, "spatial") == 0 ? 2 : 1, end = strcmp(mode, "channel") == 0 ? 2 : type->n_dims;
  mxn_type small = *type;
  for (int32_t d = begin; d < end; d++) {
    small.dims[d] = 1;
    axes = arena_printf(c->arena, "%s%d,", axes, (int)d);
  }
  node *squares = add_unary(c, n, "square", n->inputs[0], type);
  node *sum = add_unary(c, n, "sum", (value){squares, 0}, &small);
  node *with_eps = add_unary(c, n, "_plus_scalar", (value){sum, 0}, &small);
  node *norm = add_unary(c, n, "sqrt", (value){with_eps, 0}, &small);
  node *scaled = graph_add(c->graph, "broadcast_div", n->name, 2, 1);
  node_set_attribute(c->graph, sum, "axis", arena_printf(c->arena, "(%s)", axes));
  node_set_attribute(c->graph, sum, "keepdims", "True");
  node_set_attribute(c->graph, with_eps, "scalar", arena_printf(c->arena, "%.9g", op_float(n, "eps")));
  scaled->inputs[0] = n->inputs[0];
  scaled->inputs[1] = (value){norm, 0};
  scaled->outputs[0] = *type;
  rewrite_replace(r, (value){n, 0}, (value){scaled, 0});
}

/* Without flatten, every row of the last axis is a sample: a matrix product between
 * two Reshapes. */
static void rewrite_rows(compile *c, rewrite *r, node *n) {
  const mxn_type in = *value_type(n->inputs[0]), out = n->outputs[0];
  mxn_type rows = {.dtype = in.dtype, .n_dims = 2, .dims = {1, in.dims[in.n_dims - 1]}};
  for (int32_t d = 0; d < in.n_dims - 1; d++) rows.dims[0] *= in.dims[d];
  n->inputs[0] = add_reshape(c, n, n->inputs[0], &rows);
  rows.dims[1] = out.dims[out.n_dims - 1];
  n->outputs[0] = rows;
  reshape_behind(c, r, n, &out);
}

/* Operands of the output's rank, which the slopes of prelu are not. */
static bool broadcasts_inner_axes(const node *n) {
  elementwise e;
  if (!elementwise_of(n, &e) || e.form != ELEMENTWISE_BINARY || op_is(n, "LeakyReLU")) return false;
  return !op_broadcasts_rows_as_one(n);
}

/* Between channels and the last dimension, a kernel sees one: operands that broadcast
 * some of them alone get others, joined where that makes no difference. */
static void rewrite_broadcast(compile *c, rewrite *r, node *n) {
  const op_joined joined = op_joined_axes(n);
  const mxn_type out = n->outputs[0];
  for (uint32_t i = 0; i < n->n_inputs; i++) {
    const mxn_type type = op_joined_type(&joined, value_type(n->inputs[i]));
    n->inputs[i] = add_reshape(c, n, n->inputs[i], &type);
  }
  n->outputs[0] = op_joined_type(&joined, &out);
  reshape_behind(c, r, n, &out);
}

static bool drops_axes(const node *n) {
  bool is_reduced[MXN_MAX_DIMS];
  return op_reduced_axes(n, is_reduced) && !op_bool(n, "keepdims");
}

/* A reduction that keeps its axes, and a Reshape without them. */
static void rewrite_reduction(compile *c, rewrite *r, node *n) {
  const mxn_type *in = value_type(n->inputs[0]);
  bool is_reduced[MXN_MAX_DIMS] = {false};
  const char *axes = "";
  if (!op_reduced_axes(n, is_reduced)) return;
  mxn_type kept = *in;
  for (int32_t d = 0; d < in->n_dims; d++) {
    if (!is_reduced[d]) continue;
    kept.dims[d] = 1;
    axes = arena_printf(c->arena, "%s%d,", axes, (int)d);
  }
  node *wide = add_unary(c, n, op_name(n), n->inputs[0], &kept);
  node_set_attribute(c->graph, wide, "axis", arena_printf(c->arena, "(%s)", axes));
  node_set_attribute(c->graph, wide, "keepdims", "True");
  rewrite_replace(r, (value){n, 0}, add_reshape(c, n, (value){wide, 0}, &n->outputs[0]));
}

static bool is_flatten(const node *n) { return !node_is_variable(n) && op_is(n, "Flatten"); }

static void rewrite_node(compile *c, rewrite *r, node *n) {
  rewrite_visit(r, n);
  if (is_identity(n)) {
    rewrite_replace(r, (value){n, 0}, n->inputs[0]);
  } else if (op_is(n, "LogisticRegressionOutput")) {
    rewrite_replace(r, (value){n, 0}, (value){add_like(c, n, "sigmoid"), 0});
  } else if (op_is(n, "FullyConnected")) {
    if (!op_bool(n, "flatten") && value_type(n->inputs[0])->n_dims != 2)
      rewrite_rows(c, r, n);
    else if (op_bool(n, "flatten") && is_flatten(n->inputs[0].node))
      n->inputs[0] = n->inputs[0].node->inputs[0];
  } else if (is_line(n)) {
    rewrite_line(c, r, n);
  } else if (is_softmax(n)) {
    rewrite_softmax(c, r, n);
  } else if (op_is(n, "SliceChannel")) {
    rewrite_parts(c, r, n);
  } else if (op_is(n, "Concat")) {
    rewrite_concat(c, r, n);
  } else if (op_is(n, "Pad")) {
    rewrite_pad(c, r, n);
  } else if (op_is(n, "Deconvolution")) {
    rewrite_deconvolution(c, r, n);
  } else if (op_is(n, "UpSampling")) {
    rewrite_upsampling(c, r, n);
  } else if (broadcasts_inner_axes(n)) {
    rewrite_broadcast(c, r, n);
  } else if (op_is(n, "_contrib_AdaptiveAvgPooling2D")) {
    rewrite_adaptive_pooling(c, r, n);
  } else if (op_is(n, "L2Normalization")) {
    rewrite_l2_normalization(c, r, n);
  } else if (drops_axes(n)) {
    rewrite_reduction(c, r, n);
  } else if (is_move(n)) {
    node_remove_attribute(n, "layout"); /* a user's key: layout marks with it */
  }
}

/* Labels: inputs that nothing reads any more. */
static void drop_unused_variables(graph *g) {
  rewrite r = rewrite_begin(g);
  size_t kept = 0;
  for (size_t i = 0; i < g->n_nodes; i++) {
    node *n = g->nodes[i];
    if (!node_is_variable(n) || rewrite_uses(&r, (value){n, 0}) > 0) g->nodes[kept++] = n;
  }
  g->n_nodes = kept;
  for (size_t i = 0; i < kept; i++) g->nodes[i]->id = (uint32_t)i;
}

mxn_status pass_canonicalize(compile *c, mxn_error *err) {
  const size_t n_nodes = c->graph->n_nodes;
  rewrite r = rewrite_begin(c->graph);
  for (size_t i = 0; i < n_nodes; i++)
    if (!node_is_variable(c->graph->nodes[i])) rewrite_node(c, &r, c->graph->nodes[i]);
  rewrite_finish(&r);
  graph_compact(c->graph);
  drop_unused_variables(c->graph);
  return ops_bind(c->graph, err);
}
