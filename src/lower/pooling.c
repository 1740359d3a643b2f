/* pooling.c - Pooling to its kernel. SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "lower/lower.h"
#include "ops/ops.h"

void lower_pooling(compile *c, const node *n, step *s) {
  const placement *in = &c->placements[n->inputs[0].node->id], *out = &c->placements[n->id];
  const op_tuple kernel = op_tuple_of(n, "kernel"), stride = op_tuple_of(n, "stride"), pad = op_tuple_of(n, "pad");
  const bool is_global = op_bool(n, "global_pool");
  const char *type = op_text(n, "pool_type");
  struct k_pool2d *k = &s->shape.pool2d;
  *k = (struct k_pool2d){
      .batch = out->batch,
      .channels = out->channels,
      .in_h = in->image.height,
      .in_w = in->image.width,
      .in_image = in->image.image,
      .in_row = in->image.row,
      .in_pixel = in->image.pixel,
      .kernel_h = is_global ? in->image.height : kernel.v[0],
      .kernel_w = is_global ? in->image.width : kernel.v[1],
      .stride_h = is_global ? 1 : op_tuple_at(stride, 0, 1),
      .stride_w = is_global ? 1 : op_tuple_at(stride, 1, 1),
      .pad_h = is_global ? 0 : op_tuple_at(pad, 0, 0),
      .pad_w = is_global ? 0 : op_tuple_at(pad, 1, 0),
      .is_max = strcmp(type, "max") == 0,
      .divide_by = strcmp(type, "avg") != 0 ? 2 : op_bool(n, "count_include_pad"),
      .out = out->image,
  };
  k->padded_h = k->in_h + 2 * k->pad_h;
  k->padded_w = k->in_w + 2 * k->pad_w;
  s->kernel = KERNEL_POOL2D_NHWC_F32;
  step_add_buffer(c, s, in->storage, in->offset);
  step_add_buffer(c, s, out->storage, out->offset);
  build_expression(c, n, 1, s);
}
