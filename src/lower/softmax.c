/* softmax.c - softmax over channels. SPDX-License-Identifier: Apache-2.0 */
#include "lower/lower.h"

void lower_softmax(compile *c, const node *n, step *s) {
  const placement *in = &c->placements[n->inputs[0].node->id], *out = &c->placements[n->id];
  s->kernel = KERNEL_SOFTMAX_NHWC_F32;
  s->shape.softmax = (struct k_softmax){
      .batch = out->batch,
      .channels = out->channels,
      .in_image = in->image.image,
      .in_row = in->image.row,
      .in_pixel = in->image.pixel,
      .out = out->image,
  };
  step_add_buffer(c, s, in->storage, in->offset);
  step_add_buffer(c, s, out->storage, out->offset);
  build_expression(c, n, 1, s);
}
