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
#include "passes/elementwise.h"
#include "passes/pass.h"
#include "passes/rewrite.h"

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

static bool is_softmax(const node *n) {
  return op_is(n, "softmax") || op_is(n, "SoftmaxOutput") || op_is(n, "SoftmaxActivation");
}

static node *add_like(compile *c, const node *n, const char *op) {
  node *r = graph_add(c->graph, op, n->name, 1, 1);
  r->inputs[0] = n->inputs[0];
  r->outputs[0] = n->outputs[0];
  return r;
}

static void rewrite_softmax(compile *c, rewrite *r, node *n) {
  node *softmax = add_like(c, n, "softmax");
  node_set_attribute(c->graph, softmax, "axis", arena_printf(c->arena, "%d", (int)op_softmax_axis(n)));
  rewrite_replace(r, (value){n, 0}, (value){softmax, 0});
}

/* One output of SliceChannel as a slice, and without the axis where it is squeezed. */
static value add_part(compile *c, const node *n, uint32_t output, int32_t axis, int64_t size) {
  const mxn_type *whole = value_type(n->inputs[0]);
  node *part = graph_add(c->graph, "slice_axis", n->name, 1, 1);
  part->inputs[0] = n->inputs[0];
  part->outputs[0] = *whole;
  part->outputs[0].dims[axis] = size;
  node_set_attribute(c->graph, part, "axis", arena_printf(c->arena, "%d", (int)axis));
  node_set_attribute(c->graph, part, "begin", arena_printf(c->arena, "%" PRId64, output * size));
  node_set_attribute(c->graph, part, "end", arena_printf(c->arena, "%" PRId64, (output + 1) * size));
  if (!op_bool(n, "squeeze_axis")) return (value){part, 0};
  node *squeezed = graph_add(c->graph, "Reshape", n->name, 1, 1);
  squeezed->inputs[0] = (value){part, 0};
  squeezed->outputs[0] = n->outputs[output];
  node_set_attribute(c->graph, squeezed, "shape", shape_attribute(c, &n->outputs[output]));
  return (value){squeezed, 0};
}

static void rewrite_parts(compile *c, rewrite *r, node *n) {
  const mxn_type *whole = value_type(n->inputs[0]);
  const int32_t axis = axis_from_front(op_int(n, "axis"), whole->n_dims);
  const int64_t size = whole->dims[axis] / op_int(n, "num_outputs");
  for (uint32_t i = 0; i < n->n_outputs; i++)
    if (rewrite_uses(r, (value){n, i})) rewrite_replace(r, (value){n, i}, add_part(c, n, i, axis, size));
}

static node *add_unary(compile *c, const node *n, const char *op, value in, const mxn_type *type) {
  node *r = graph_add(c->graph, op, n->name, 1, 1);
  r->inputs[0] = in;
  r->outputs[0] = *type;
  return r;
}

/* The operator moves to a new node, and n becomes `op` behind it: what read n reads that. */
static void put_behind(compile *c, rewrite *r, node *n, const char *op, const mxn_type *type) {
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

static value add_reshape(compile *c, const node *n, value in, const mxn_type *type) {
  node *r = add_unary(c, n, "Reshape", in, type);
  node_set_attribute(c->graph, r, "shape", shape_attribute(c, type));
  return (value){r, 0};
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
  put_behind(c, r, n, "Reshape", &out);
  node_set_attribute(c->graph, n, "shape", shape_attribute(c, &out));
}

/* Convolutions and poolings along one dimension: images of one row. */

static bool is_line(const node *n) {
  return (op_is(n, "Convolution") || op_is(n, "Pooling")) && n->outputs[0].n_dims == 3;
}

static mxn_type as_row(const mxn_type *t) {
  return (mxn_type){.dtype = t->dtype, .n_dims = 4, .dims = {t->dims[0], t->dims[1], 1, t->dims[2]}};
}

static void widen_tuple(compile *c, node *n, const char *key, int64_t first) {
  const op_tuple t = op_tuple_of(n, key);
  if (t.n == 1)
    node_set_attribute(c->graph, n, key, arena_printf(c->arena, "(%" PRId64 ", %" PRId64 ")", first, t.v[0]));
}

static void rewrite_line(compile *c, rewrite *r, node *n) {
  const bool is_convolution = op_is(n, "Convolution");
  const mxn_type out = n->outputs[0];
  for (uint32_t i = 0; i <= is_convolution; i++) {
    const mxn_type row = as_row(value_type(n->inputs[i]));
    n->inputs[i] = add_reshape(c, n, n->inputs[i], &row);
  }
  widen_tuple(c, n, "kernel", 1);
  widen_tuple(c, n, "stride", 1);
  widen_tuple(c, n, "pad", 0);
  if (is_convolution) widen_tuple(c, n, "dilate", 1);
  node_remove_attribute(n, "layout");
  n->outputs[0] = as_row(&out);
  put_behind(c, r, n, "Reshape", &out);
  node_set_attribute(c->graph, n, "shape", shape_attribute(c, &out));
}

static value swap_axes(compile *c, node *swap, int32_t axis) {
  node_set_attribute(c->graph, swap, "dim1", "1");
  node_set_attribute(c->graph, swap, "dim2", arena_printf(c->arena, "%d", (int)axis));
  return (value){swap, 0};
}

static mxn_type with_swapped_axes(const mxn_type *t, int32_t axis) {
  mxn_type swapped = *t;
  swapped.dims[1] = t->dims[axis];
  swapped.dims[axis] = t->dims[1];
  return swapped;
}

/* Along another axis than the channels: that axis takes their place for a while. */
static value put_axis_in_place(compile *c, rewrite *r, node *n, int32_t axis) {
  const mxn_type out = n->outputs[0];
  if (axis == 1) return (value){n, 0};
  for (uint32_t i = 0; i < n->n_inputs; i++) {
    const mxn_type swapped = with_swapped_axes(value_type(n->inputs[i]), axis);
    n->inputs[i] = swap_axes(c, add_unary(c, n, "SwapAxis", n->inputs[i], &swapped), axis);
  }
  n->outputs[0] = with_swapped_axes(&out, axis);
  node_set_attribute(c->graph, n, "dim", "1");
  put_behind(c, r, n, "SwapAxis", &out);
  return swap_axes(c, n, axis);
}

static void rewrite_concat(compile *c, rewrite *r, node *n) {
  put_axis_in_place(c, r, n, axis_from_front(op_int(n, "dim"), n->outputs[0].n_dims));
}

/* Pad: zeros around an image that only convolutions read are theirs. */

static bool pads_convolutions(const compile *c, rewrite *r, const node *n) {
  const int64_t *pad = op_tuple_of(n, "pad_width").v;
  if (n->outputs[0].n_dims != 4 || op_float(n, "constant_value") != 0) return false;
  if (pad[0] || pad[1] || pad[2] || pad[3] || pad[4] != pad[5] || pad[6] != pad[7]) return false;
  size_t uses = 0;
  for (size_t i = 0; i < c->graph->n_nodes; i++) {
    const node *m = c->graph->nodes[i];
    uses += !node_is_variable(m) && op_is(m, "Convolution") && m->inputs[0].node == n;
  }
  return uses == rewrite_uses(r, (value){(node *)n, 0});
}

static void give_padding_away(compile *c, node *n) {
  const int64_t *pad = op_tuple_of(n, "pad_width").v;
  for (size_t i = 0; i < c->graph->n_nodes; i++) {
    node *m = c->graph->nodes[i];
    if (m->n_inputs == 0 || m->inputs[0].node != n) continue;
    const op_tuple own = op_tuple_of(m, "pad");
    node_set_attribute(c->graph, m, "pad",
                       arena_printf(c->arena, "(%" PRId64 ", %" PRId64 ")", op_tuple_at(own, 0, 0) + pad[4],
                                    op_tuple_at(own, 1, 0) + pad[6]));
    m->inputs[0] = n->inputs[0];
  }
}

static value add_fill(compile *c, const node *n, mxn_type type, int32_t axis, int64_t size) {
  float *data;
  int64_t elements = 0;
  type.dims[axis] = size;
  node *r = compile_add_constant(c, arena_printf(c->arena, "%s_fill", n->name), type.n_dims, type.dims, &data);
  if (shape_elements(&type, &elements))
    for (int64_t i = 0; i < elements; i++) data[i] = (float)op_float(n, "constant_value");
  return (value){r, 0};
}

/* Otherwise numbers stand before and behind, axis by axis. */
static void rewrite_pad(compile *c, rewrite *r, node *n) {
  const int64_t *pad = op_tuple_of(n, "pad_width").v;
  value v = n->inputs[0];
  mxn_type type = *value_type(v);
  for (int32_t d = 0; d < type.n_dims; d++) {
    const int64_t before = pad[2 * d], behind = pad[2 * d + 1];
    if (before == 0 && behind == 0) continue;
    node *joined = graph_add(c->graph, "Concat", n->name, 1 + (before != 0) + (behind != 0), 1);
    if (before) joined->inputs[0] = add_fill(c, n, type, d, before);
    joined->inputs[before != 0] = v;
    if (behind) joined->inputs[joined->n_inputs - 1] = add_fill(c, n, type, d, behind);
    type.dims[d] += before + behind;
    joined->outputs[0] = type;
    node_set_attribute(c->graph, joined, "num_args", arena_printf(c->arena, "%u", joined->n_inputs));
    node_set_attribute(c->graph, joined, "dim", "1");
    v = put_axis_in_place(c, r, joined, d);
  }
  rewrite_replace(r, (value){n, 0}, v);
}

/* Parts of one size: windows that touch. */
static void rewrite_adaptive_pooling(compile *c, rewrite *r, node *n) {
  const int64_t *in = value_type(n->inputs[0])->dims, *out = n->outputs[0].dims;
  const char *window = arena_printf(c->arena, "(%" PRId64 ", %" PRId64 ")", in[2] / out[2], in[3] / out[3]);
  node *pooling = add_like(c, n, "Pooling");
  node_set_attribute(c->graph, pooling, "pool_type", "avg");
  node_set_attribute(c->graph, pooling, "kernel", window);
  node_set_attribute(c->graph, pooling, "stride", window);
  rewrite_replace(r, (value){n, 0}, (value){pooling, 0});
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
  put_behind(c, r, n, "Reshape", &out);
  node_set_attribute(c->graph, n, "shape", shape_attribute(c, &out));
}

/* Deconvolution: one Convolution gives the phases of the stride, each by its own taps,
 *
 *     out[stride * q + phase] = sum over t of in[q - t] * weight[stride * t + phase]
 *
 * which then go side by side, and what pad takes away is cut off. */

typedef struct phases {
  int64_t n;     /* the stride */
  int64_t taps;  /* of each, the last ones perhaps 0 */
  int64_t pad;   /* of the convolution */
  int64_t size;  /* of each in its output */
  int64_t begin; /* of what is wanted, when they are side by side */
} phases;

static phases phases_of(const node *n, int32_t i) {
  const int64_t stride = op_tuple_at(op_tuple_of(n, "stride"), i, 1), pad = op_tuple_at(op_tuple_of(n, "pad"), i, 0);
  phases p = {.n = stride, .taps = (op_tuple_of(n, "kernel").v[i] + stride - 1) / stride, .begin = pad % stride};
  p.pad = p.taps - 1 - pad / stride;
  p.size = value_type(n->inputs[0])->dims[2 + i] + 2 * p.pad - p.taps + 1;
  return p;
}

static const float *constant_floats(value v) { return v.node->constant->data; }

/* (channels, filters of a group, ...) to (filters, phases, channels of a group, ...), taps turned round. */
static node *phase_weights(compile *c, const node *n, const phases *h, const phases *w) {
  const int64_t *from = value_type(n->inputs[1])->dims, filters = op_int(n, "num_filter");
  const int64_t channels = from[0] / op_int(n, "num_group"), kernel_h = from[2], kernel_w = from[3];
  const int64_t dims[] = {filters * h->n * w->n, channels, h->taps, w->taps};
  const int64_t n_weights = from[0] * from[1] * kernel_h * kernel_w;
  float *to;
  node *r = compile_add_constant(c, arena_printf(c->arena, "%s_phases", n->name), 4, dims, &to);
  for (int64_t i = 0; i < n_weights; i++) {
    const int64_t x = i % kernel_w, y = i / kernel_w % kernel_h, channel = i / (kernel_w * kernel_h * from[1]);
    const int64_t filter = channel / channels * from[1] + i / (kernel_w * kernel_h) % from[1];
    const int64_t row = (filter * h->n + y % h->n) * w->n + x % w->n;
    const int64_t image = (row * channels + channel % channels) * h->taps + h->taps - 1 - y / h->n;
    to[image * w->taps + w->taps - 1 - x / w->n] = constant_floats(n->inputs[1])[i];
  }
  return r;
}

static node *phase_bias(compile *c, const node *n, int64_t n_phases) {
  const int64_t size = op_int(n, "num_filter") * n_phases;
  float *to;
  node *r = compile_add_constant(c, arena_printf(c->arena, "%s_bias_phases", n->name), 1, &size, &to);
  for (int64_t i = 0; i < size; i++) to[i] = constant_floats(n->inputs[2])[i / n_phases];
  return r;
}

static value add_phases(compile *c, const node *n, const phases *h, const phases *w, const mxn_type *type) {
  node *r = graph_add(c->graph, "Convolution", n->name, n->n_inputs, 1);
  r->inputs[0] = n->inputs[0];
  r->inputs[1] = (value){phase_weights(c, n, h, w), 0};
  if (n->n_inputs > 2) r->inputs[2] = (value){phase_bias(c, n, h->n * w->n), 0};
  r->outputs[0] = *type;
  node_set_attribute(c->graph, r, "kernel", arena_printf(c->arena, "(%" PRId64 ", %" PRId64 ")", h->taps, w->taps));
  node_set_attribute(c->graph, r, "pad", arena_printf(c->arena, "(%" PRId64 ", %" PRId64 ")", h->pad, w->pad));
  node_set_attribute(c->graph, r, "num_filter", arena_printf(c->arena, "%" PRId64, type->dims[1]));
  node_set_attribute(c->graph, r, "num_group", arena_printf(c->arena, "%" PRId64, op_int(n, "num_group")));
  node_set_attribute(c->graph, r, "no_bias", n->n_inputs > 2 ? "False" : "True");
  return (value){r, 0};
}

/* (N, C, phases, phases, H, W) to (N, C, H, phases, W, phases), as an image. */
static value interleave(compile *c, const node *n, value v, const phases *h, const phases *w) {
  const mxn_type *out = &n->outputs[0];
  const mxn_type apart = {out->dtype, 6, {out->dims[0], out->dims[1], h->n, w->n, h->size, w->size}};
  const mxn_type together = {out->dtype, 6, {out->dims[0], out->dims[1], h->size, h->n, w->size, w->n}};
  const mxn_type image = {out->dtype, 4, {out->dims[0], out->dims[1], h->size * h->n, w->size * w->n}};
  node *moved = add_unary(c, n, "transpose", add_reshape(c, n, v, &apart), &together);
  node_set_attribute(c->graph, moved, "axes", "(0, 1, 4, 2, 5, 3)");
  return add_reshape(c, n, (value){moved, 0}, &image);
}

static void rewrite_deconvolution(compile *c, rewrite *r, node *n) {
  const phases h = phases_of(n, 0), w = phases_of(n, 1);
  const mxn_type *out = &n->outputs[0];
  const mxn_type type = {out->dtype, 4, {out->dims[0], out->dims[1] * h.n * w.n, h.size, w.size}};
  value v = add_phases(c, n, &h, &w, &type);
  if (h.n * w.n > 1) v = interleave(c, n, v, &h, &w);
  node *cut = add_unary(c, n, "slice", v, out);
  node_set_attribute(c->graph, cut, "begin",
                     arena_printf(c->arena, "(0, 0, %" PRId64 ", %" PRId64 ")", h.begin, w.begin));
  node_set_attribute(c->graph, cut, "end",
                     arena_printf(c->arena, "(%" PRId64 ", %" PRId64 ", %" PRId64 ", %" PRId64 ")", out->dims[0],
                                  out->dims[1], h.begin + out->dims[2], w.begin + out->dims[3]));
  rewrite_replace(r, (value){n, 0}, (value){cut, 0});
}

/* Each pixel is all phases of a square, which then go side by side. */
static void rewrite_upsampling(compile *c, rewrite *r, node *n) {
  const mxn_type *in = value_type(n->inputs[0]);
  const int64_t scale = op_int(n, "scale"), square[] = {1, 1, scale * scale, 1};
  const phases h = {.n = scale, .size = in->dims[2]}, w = {.n = scale, .size = in->dims[3]};
  const mxn_type pixels = {in->dtype, 4, {in->dims[0], in->dims[1], 1, in->dims[2] * in->dims[3]}};
  mxn_type all = pixels;
  all.dims[2] = square[2];
  float *ones;
  node *repeated = graph_add(c->graph, "broadcast_mul", n->name, 2, 1);
  repeated->inputs[0] = add_reshape(c, n, n->inputs[0], &pixels);
  repeated->inputs[1] =
      (value){compile_add_constant(c, arena_printf(c->arena, "%s_ones", n->name), 4, square, &ones), 0};
  for (int64_t i = 0; i < square[2]; i++) ones[i] = 1;
  repeated->outputs[0] = all;
  rewrite_replace(r, (value){n, 0}, interleave(c, n, (value){repeated, 0}, &h, &w));
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
  node *narrow = add_unary(c, n, "Reshape", (value){wide, 0}, &n->outputs[0]);
  node_set_attribute(c->graph, wide, "axis", arena_printf(c->arena, "(%s)", axes));
  node_set_attribute(c->graph, wide, "keepdims", "True");
  node_set_attribute(c->graph, narrow, "shape", shape_attribute(c, &n->outputs[0]));
  rewrite_replace(r, (value){n, 0}, (value){narrow, 0});
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
    if (pads_convolutions(c, r, n))
      give_padding_away(c, n);
    else
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
