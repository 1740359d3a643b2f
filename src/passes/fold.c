/* fold.c - what is known at compile time is computed at compile time.
 *
 * An operator of constants only becomes its result (by the reference forward).
 * BatchNorm becomes y = x * scale + shift per channel with
 *
 *     scale = gamma / sqrt(variance + eps),  shift = beta - mean * scale
 *
 * (gamma counts as 1 under fix_gamma), and scale and shift move into the weights
 * and the bias of the convolution or matrix product before it where nothing else
 * reads that. SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>

#include "base/error.h"
#include "base/shape.h"
#include "ops/ops.h"
#include "passes/pass.h"
#include "passes/rewrite.h"

/* Readers of n read `by` instead, and n reads nothing any more. */
static void replace(rewrite *r, node *n, value by) {
  for (uint32_t i = 0; i < n->n_inputs; i++) rewrite_forget(r, n->inputs[i]);
  rewrite_replace(r, (value){n, 0}, by);
  n->n_inputs = 0;
}

static bool is_constant(value v) { return node_is_variable(v.node) && v.node->constant; }

static const float *floats(value v) { return v.node->constant->data; }

static mxn_status fold_constant(compile *c, rewrite *r, node *n, mxn_error *err) {
  if (n->n_inputs == 0 || n->n_outputs != 1 || !shape_is_known(&n->outputs[0])) return MXN_OK;
  mxn_tensor *inputs = arena_array(c->arena, n->n_inputs, sizeof *inputs);
  for (uint32_t i = 0; i < n->n_inputs; i++) {
    if (!is_constant(n->inputs[i])) return MXN_OK;
    inputs[i] = *n->inputs[i].node->constant;
  }
  if (n->outputs[0].dtype != MXN_FLOAT32) return MXN_OK;
  float *data;
  node *result = compile_add_constant(c, n->name, n->outputs[0].n_dims, n->outputs[0].dims, &data);
  mxn_tensor output = *result->constant;
  TRY(op_forward(n, inputs, &output, err));
  replace(r, n, (value){result, 0});
  return MXN_OK;
}

/* A new constant of one number a channel, shaped to broadcast against `like`. */
static node *channel_constant(compile *c, const node *n, const char *suffix, const mxn_type *like, float **out_data) {
  int64_t dims[MXN_MAX_DIMS];
  for (int32_t d = 0; d < like->n_dims; d++) dims[d] = d == 1 ? like->dims[1] : 1;
  return compile_add_constant(c, arena_printf(c->arena, "%s_%s", n->name, suffix), like->n_dims, dims, out_data);
}

typedef struct affine {
  node *scale, *shift;
  float *scales, *shifts;
  int64_t channels;
} affine;

static affine batch_norm_affine(compile *c, const node *n) {
  const mxn_type *type = &n->outputs[0];
  affine a = {.channels = type->dims[1]};
  a.scale = channel_constant(c, n, "scale", type, &a.scales);
  a.shift = channel_constant(c, n, "shift", type, &a.shifts);
  const float *gamma = floats(n->inputs[1]), *beta = floats(n->inputs[2]);
  const float *mean = floats(n->inputs[3]), *variance = floats(n->inputs[4]);
  const double eps = op_float(n, "eps");
  const bool fix_gamma = op_bool(n, "fix_gamma");
  for (int64_t i = 0; i < a.channels; i++) {
    const double scale = (fix_gamma ? 1.0 : (double)gamma[i]) / sqrt((double)variance[i] + eps);
    a.scales[i] = (float)scale;
    a.shifts[i] = (float)((double)beta[i] - (double)mean[i] * scale);
  }
  return a;
}

/* True for a convolution or matrix product with constant weights whose result
 * goes to one place only. */
static bool takes_scale(rewrite *r, value v) {
  const node *p = v.node;
  if (node_is_variable(p) || !(op_is(p, "Convolution") || op_is(p, "FullyConnected"))) return false;
  if (rewrite_uses(r, v) != 1 || !is_constant(p->inputs[1])) return false;
  return p->n_inputs < 3 || is_constant(p->inputs[2]);
}

/* Multiply output channel i of the weights by scale[i], put shift into the bias. Uses of
 * constants are not counted. */
static void scale_weights(compile *c, node *p, const affine *a) {
  const mxn_tensor *old = p->inputs[1].node->constant;
  const float *old_weights = old->data, *old_bias = p->n_inputs > 2 ? floats(p->inputs[2]) : NULL;
  float *weights, *bias;
  node *w = compile_add_constant(c, p->inputs[1].node->name, old->type.n_dims, old->type.dims, &weights);
  node *b = compile_add_constant(c, arena_printf(c->arena, "%s_bias", p->name), 1, &a->channels, &bias);
  int64_t elements = 0;
  if (!shape_elements(&old->type, &elements)) return;
  const int64_t per_channel = elements / a->channels;
  for (int64_t i = 0; i < elements; i++)
    weights[i] = (float)((double)old_weights[i] * (double)a->scales[i / per_channel]);
  for (int64_t i = 0; i < a->channels; i++)
    bias[i] = (float)((old_bias ? (double)old_bias[i] : 0) * (double)a->scales[i] + (double)a->shifts[i]);
  value *inputs = arena_array(c->arena, 3, sizeof *inputs);
  inputs[0] = p->inputs[0];
  inputs[1] = (value){w, 0};
  inputs[2] = (value){b, 0};
  p->inputs = inputs;
  p->n_inputs = 3;
  node_set_attribute(c->graph, p, "no_bias", "False");
}

static node *add_binary(compile *c, const char *op, const char *name, value x, node *constant, const mxn_type *type) {
  node *r = graph_add(c->graph, op, name, 2, 1);
  r->inputs[0] = x;
  r->inputs[1] = (value){constant, 0};
  r->outputs[0] = *type;
  return r;
}

static mxn_status fold_batch_norm(compile *c, rewrite *r, node *n, mxn_error *err) {
  for (uint32_t i = 1; i < 5; i++)
    if (!is_constant(n->inputs[i]))
      return error_set(err, MXN_UNSUPPORTED, "%s: node '%s' (BatchNorm): input %u has no array", c->graph->name,
                       n->name, i);
  const affine a = batch_norm_affine(c, n);
  const value x = n->inputs[0];
  if (takes_scale(r, x)) {
    scale_weights(c, x.node, &a);
    replace(r, n, x);
    return MXN_OK;
  }
  node *scaled = add_binary(c, "broadcast_mul", n->name, x, a.scale, &n->outputs[0]);
  node *shifted = add_binary(c, "broadcast_add", n->name, (value){scaled, 0}, a.shift, &n->outputs[0]);
  replace(r, n, (value){shifted, 0});
  return MXN_OK;
}

mxn_status pass_fold(compile *c, mxn_error *err) {
  const size_t n_nodes = c->graph->n_nodes;
  rewrite r = rewrite_begin(c->graph);
  for (size_t i = 0; i < n_nodes; i++) {
    node *n = c->graph->nodes[i];
    if (node_is_variable(n)) continue;
    rewrite_visit(&r, n);
    if (op_is(n, "BatchNorm"))
      TRY(fold_batch_norm(c, &r, n, err));
    else
      TRY(fold_constant(c, &r, n, err));
  }
  rewrite_finish(&r);
  graph_compact(c->graph);
  return ops_bind(c->graph, err);
}
