/* canonicalize_images.c - operators on images as Convolution and Pooling in two dimensions.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>

#include "ops/ops.h"
#include "passes/canonicalize.h"

/* Convolutions and poolings along one dimension: images of one row. */

bool is_line(const node *n) { return (op_is(n, "Convolution") || op_is(n, "Pooling")) && n->outputs[0].n_dims == 3; }

static mxn_type as_row(const mxn_type *t) {
  return (mxn_type){.dtype = t->dtype, .n_dims = 4, .dims = {t->dims[0], t->dims[1], 1, t->dims[2]}};
}

static void widen_tuple(compile *c, node *n, const char *key, int64_t first) {
  const op_tuple t = op_tuple_of(n, key);
  if (t.n == 1)
    node_set_attribute(c->graph, n, key, arena_printf(c->arena, "(%" PRId64 ", %" PRId64 ")", first, t.v[0]));
}

void rewrite_line(compile *c, rewrite *r, node *n) {
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
  reshape_behind(c, r, n, &out);
}

/* Parts of one size: windows that touch. */
void rewrite_adaptive_pooling(compile *c, rewrite *r, node *n) {
  const int64_t *in = value_type(n->inputs[0])->dims, *out = n->outputs[0].dims;
  const char *window = arena_printf(c->arena, "(%" PRId64 ", %" PRId64 ")", in[2] / out[2], in[3] / out[3]);
  node *pooling = add_like(c, n, "Pooling");
  node_set_attribute(c->graph, pooling, "pool_type", "avg");
  node_set_attribute(c->graph, pooling, "kernel", window);
  node_set_attribute(c->graph, pooling, "stride", window);
  rewrite_replace(r, (value){n, 0}, (value){pooling, 0});
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

void rewrite_deconvolution(compile *c, rewrite *r, node *n) {
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
void rewrite_upsampling(compile *c, rewrite *r, node *n) {
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
