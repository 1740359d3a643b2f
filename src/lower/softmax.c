/* softmax.c - softmax over channels, or over another axis of every channel.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lower/lower.h"
#include "ops/ops.h"

static void lower_over_channels(const placement *in, const placement *out, step *s) {
  s->kernel = KERNEL_SOFTMAX_NHWC_F32;
  s->shape.softmax = (struct k_softmax){
      .batch = out->batch,
      .channels = out->channels,
      .in_image = in->image.image,
      .in_row = in->image.row,
      .in_pixel = in->image.pixel,
      .out = out->image,
  };
}

/* `axis` is 0 for images, 1 for rows, 2 for pixels. */
static void lower_over_axis(const placement *in, const placement *out, int64_t axis, step *s) {
  s->kernel = KERNEL_SOFTMAX_AXIS_NHWC_F32;
  s->shape.softmax_axis = (struct k_softmax_axis){
      .extent = {out->batch, out->image.height, out->image.width},
      .channels = out->channels,
      .axis = axis,
      .in = {in->image.image, in->image.row, in->image.pixel},
      .out = {out->image.image, out->image.row, out->image.pixel},
  };
}

void lower_softmax(compile *c, const node *n, step *s) {
  const placement *in = &c->placements[n->inputs[0].node->id], *out = &c->placements[n->id];
  const int32_t axis = op_softmax_axis(n), last = n->outputs[0].n_dims - 1;
  if (axis == 1)
    lower_over_channels(in, out, s);
  else
    lower_over_axis(in, out, axis == 0 ? 0 : axis == last ? 2 : 1, s);
  step_add_buffer(c, s, in->storage, in->offset);
  step_add_buffer(c, s, out->storage, out->offset);
  build_expression(c, n, 1, s);
}
