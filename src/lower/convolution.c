/* convolution.c - Convolution and FullyConnected to the direct convolution.
 *
 * A matrix product over a spatial value is a convolution whose kernel is the
 * whole image. SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>

#include "lower/lower.h"
#include "ops/ops.h"

/* Subnormal weights only cost time: runs flush them to zero anyway. */
static float flush(float x) { return fpclassify(x) == FP_SUBNORMAL ? 0 : x; }

/* [out_channels * groups][in_channels][kernel_h][kernel_w] to
 * [group][block][kernel_h][kernel_w][in_channel][16]. */
static uint32_t pack_weights(compile *c, const struct k_conv2d *k, const float *from) {
  const int64_t taps = k->kernel_h * k->kernel_w, out = k->out_channels, in = k->in_channels;
  const int64_t blocks = k_conv2d_blocks(k);
  float *to;
  const uint32_t s = compile_add_weights(c, (uint64_t)(k->groups * blocks * taps * in * K_CHANNEL_BLOCK), &to);
  for (int64_t g = 0; g < k->groups; g++) {
    for (int64_t oc = 0; oc < out; oc++) {
      const float *source = from + (g * out + oc) * in * taps;
      float *block = to + (g * blocks + oc / K_CHANNEL_BLOCK) * taps * in * K_CHANNEL_BLOCK + oc % K_CHANNEL_BLOCK;
      for (int64_t ic = 0; ic < in; ic++)
        for (int64_t t = 0; t < taps; t++) block[(t * in + ic) * K_CHANNEL_BLOCK] = flush(source[ic * taps + t]);
    }
  }
  return s;
}

/* [out_channels * groups], or zeros, to [group][block][16]. */
static uint32_t pack_bias(compile *c, int64_t groups, int64_t out_channels, const float *from) {
  const int64_t blocks = (out_channels + K_CHANNEL_BLOCK - 1) / K_CHANNEL_BLOCK;
  float *to;
  const uint32_t s = compile_add_weights(c, (uint64_t)(groups * blocks * K_CHANNEL_BLOCK), &to);
  for (int64_t g = 0; from && g < groups; g++)
    for (int64_t oc = 0; oc < out_channels; oc++)
      to[g * blocks * K_CHANNEL_BLOCK + oc] = flush(from[g * out_channels + oc]);
  return s;
}

/* The inputs of every kernel here, of `groups` groups: the input from its border on, weights, bias; then the output. */
static void add_buffers(compile *c, const node *n, step *s, op_tuple pad, uint32_t weights, int64_t groups,
                        int64_t out_channels) {
  const placement *in = &c->placements[n->inputs[0].node->id], *out = &c->placements[n->id];
  const uint32_t own = op_bool(n, "no_bias") ? 2 : 3;
  const float *bias = own == 3 ? n->inputs[2].node->constant->data : NULL;
  step_add_buffer(c, s, in->storage,
                  in->offset - op_tuple_at(pad, 0, 0) * in->image.row - op_tuple_at(pad, 1, 0) * in->image.pixel);
  step_add_buffer(c, s, weights, 0);
  step_add_buffer(c, s, pack_bias(c, groups, out_channels, bias), 0);
  step_add_buffer(c, s, out->storage, out->offset);
  build_expression(c, n, own, s);
}

/* What both operators share: `k` has its window, pads are in pixels. */
static void finish(compile *c, const node *n, step *s, op_tuple pad) {
  struct k_conv2d *k = &s->shape.conv2d;
  const placement *out = &c->placements[n->id];
  k->batch = out->batch;
  k->out = out->image;
  s->kernel = KERNEL_CONV2D_NHWC_F32;
  s->flops = 2 * (uint64_t)(k->batch * k->out.height * k->out.width * k->groups * k->out_channels * k->kernel_h *
                            k->kernel_w * k->in_channels);
  add_buffers(c, n, s, pad, pack_weights(c, k, n->inputs[1].node->constant->data), k->groups, k->out_channels);
}

/* [channels][kernel_h][kernel_w] to [channel / 16][kernel_h][kernel_w][16]. */
static uint32_t pack_depthwise(compile *c, int64_t channels, int64_t taps, const float *from) {
  const int64_t blocks = (channels + K_CHANNEL_BLOCK - 1) / K_CHANNEL_BLOCK;
  float *to;
  const uint32_t s = compile_add_weights(c, (uint64_t)(blocks * taps * K_CHANNEL_BLOCK), &to);
  for (int64_t i = 0; i < channels; i++) {
    float *block = to + i / K_CHANNEL_BLOCK * taps * K_CHANNEL_BLOCK + i % K_CHANNEL_BLOCK;
    for (int64_t t = 0; t < taps; t++) block[t * K_CHANNEL_BLOCK] = flush(from[i * taps + t]);
  }
  return s;
}

/* A filter of its own for each channel. */
static bool is_depthwise(const node *n, const placement *in) {
  const int64_t groups = op_int(n, "num_group");
  return groups > 1 && groups == in->channels && groups == op_int(n, "num_filter") && in->channel == 1;
}

static void lower_depthwise(compile *c, const node *n, step *s) {
  const placement *in = &c->placements[n->inputs[0].node->id], *out = &c->placements[n->id];
  const op_tuple kernel = op_tuple_of(n, "kernel"), stride = op_tuple_of(n, "stride");
  const op_tuple dilate = op_tuple_of(n, "dilate"), pad = op_tuple_of(n, "pad");
  struct k_depthwise2d *k = &s->shape.depthwise2d;
  *k = (struct k_depthwise2d){
      .batch = out->batch,
      .channels = in->channels,
      .kernel_h = kernel.v[0],
      .kernel_w = kernel.v[1],
      .stride_h = op_tuple_at(stride, 0, 1),
      .stride_w = op_tuple_at(stride, 1, 1),
      .dilate_h = op_tuple_at(dilate, 0, 1),
      .dilate_w = op_tuple_at(dilate, 1, 1),
      .in_image = in->image.image,
      .in_row = in->image.row,
      .in_pixel = in->image.pixel,
      .out = out->image,
  };
  const int64_t taps = k->kernel_h * k->kernel_w;
  s->kernel = KERNEL_DEPTHWISE2D_NHWC_F32;
  s->flops = 2 * (uint64_t)(k->batch * k->out.height * k->out.width * k->channels * taps);
  add_buffers(c, n, s, pad, pack_depthwise(c, k->channels, taps, n->inputs[1].node->constant->data), 1, k->channels);
}

/* The columns of the kernel as one of kernel_w * channels, where pixels have no gaps. */
static void merge_columns(struct k_conv2d *k) {
  if (k->groups > 1 || k->dilate_w > 1 || k->in_channel != 1 || k->in_pixel != k->in_channels) return;
  k->in_channels *= k->kernel_w;
  k->kernel_w = 1;
}

void lower_convolution(compile *c, const node *n, step *s) {
  const placement *in = &c->placements[n->inputs[0].node->id];
  if (is_depthwise(n, in)) {
    lower_depthwise(c, n, s);
    return;
  }
  const op_tuple kernel = op_tuple_of(n, "kernel"), stride = op_tuple_of(n, "stride");
  const op_tuple dilate = op_tuple_of(n, "dilate"), pad = op_tuple_of(n, "pad");
  const int64_t groups = op_int(n, "num_group");
  struct k_conv2d *k = &s->shape.conv2d;
  *k = (struct k_conv2d){
      .groups = groups,
      .in_channels = in->channels / groups,
      .out_channels = op_int(n, "num_filter") / groups,
      .kernel_h = kernel.v[0],
      .kernel_w = kernel.v[1],
      .stride_h = op_tuple_at(stride, 0, 1),
      .stride_w = op_tuple_at(stride, 1, 1),
      .dilate_h = op_tuple_at(dilate, 0, 1),
      .dilate_w = op_tuple_at(dilate, 1, 1),
      .in_image = in->image.image,
      .in_row = in->image.row,
      .in_pixel = in->image.pixel,
      .in_channel = in->channel,
  };
  finish(c, n, s, pad);
  merge_columns(k);
  const pixel_strides strides = {&k->in_image, &k->in_row, &k->in_pixel};
  if (kernel.v[0] * kernel.v[1] == 1 && k->stride_h * k->stride_w == 1 && !op_tuple_at(pad, 0, 0) &&
      !op_tuple_at(pad, 1, 0))
    merge_pixels(s, &k->batch, &k->out, &strides);
}

/* The image as one pixel of height * width * channels, where it has no gaps. */
static void collapse_kernel(struct k_conv2d *k) {
  if (k->in_channel != 1 || k->in_pixel != k->in_channels || k->in_row != k->kernel_w * k->in_pixel) return;
  k->in_channels *= k->kernel_h * k->kernel_w;
  k->kernel_h = k->kernel_w = 1;
}

void lower_fully_connected(compile *c, const node *n, step *s) {
  const placement *in = &c->placements[n->inputs[0].node->id];
  struct k_conv2d *k = &s->shape.conv2d;
  *k = (struct k_conv2d){
      .groups = 1,
      .in_channels = in->channels,
      .out_channels = op_int(n, "num_hidden"),
      .kernel_h = in->image.height,
      .kernel_w = in->image.width,
      .stride_h = 1,
      .stride_w = 1,
      .dilate_h = 1,
      .dilate_w = 1,
      .in_image = in->image.image,
      .in_row = in->image.row,
      .in_pixel = in->image.pixel,
      .in_channel = in->channel,
  };
  finish(c, n, s, (op_tuple){0});
  collapse_kernel(k);
  const pixel_strides strides = {&k->in_image, &k->in_row, &k->in_pixel};
  if (k->kernel_h * k->kernel_w == 1) merge_pixels(s, &k->batch, &k->out, &strides);
}
