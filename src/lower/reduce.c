/* reduce.c - reductions to their kernel. SPDX-License-Identifier: Apache-2.0 */
#include "lower/lower.h"
#include "ops/ops.h"
#include "passes/access.h"

/* The inner dimensions are rows together: all of them are reduced, or none. */
static bool reduces_rows(const mxn_type *t, const bool *is_reduced) {
  for (int32_t d = 2; d < t->n_dims - 1; d++)
    if (is_reduced[d] && t->dims[d] > 1) return true;
  return false;
}

void lower_reduce(compile *c, const node *n, step *s) {
  const placement *in = &c->placements[n->inputs[0].node->id], *out = &c->placements[n->id];
  const mxn_type *t = value_type(n->inputs[0]);
  bool is_reduced[MXN_MAX_DIMS] = {false};
  (void)!op_reduced_axes(n, is_reduced);
  struct k_reduce *k = &s->shape.reduce;
  s->kernel = KERNEL_REDUCE_NHWC_F32;
  *k = (struct k_reduce){
      .batch = in->batch,
      .height = in->image.height,
      .width = in->image.width,
      .channels = in->channels,
      .in_image = in->image.image,
      .in_row = in->image.row,
      .in_pixel = in->image.pixel,
      .over_images = is_reduced[0],
      .over_channels = is_reduced[1],
      .over_rows = reduces_rows(t, is_reduced),
      .over_pixels = t->n_dims > 2 && is_reduced[t->n_dims - 1],
      .operation = op_is(n, "max")   ? 1
                   : op_is(n, "min") ? 2
                                     : 0,
      .divisor = 1,
      .out = out->image,
  };
  if (op_is(n, "mean"))
    for (int32_t d = 0; d < t->n_dims; d++) k->divisor *= is_reduced[d] ? t->dims[d] : 1;
  step_add_buffer(c, s, in->storage, in->offset);
  step_add_buffer(c, s, out->storage, out->offset);
  build_expression(c, n, 1, s);
}
