/* loop.c - elementwise expressions at every position of an activation; broadcasts
 * are loads that do not move.
 *
 * Tasks: a range of rows.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "kernel.h"

KERNEL void k_loop_nhwc_f32(void *const *buffers, void *scratch, int64_t task_begin, int64_t task_end,
                            const struct k_loop *s, k_expression expression) {
  (void)scratch;
  const int64_t tail = s->channels % VF;
  const int64_t row_end = min64(s->batch * s->out.height, task_end * s->rows_per_task);
  NO_UNROLL for (int64_t row = task_begin * s->rows_per_task; row < row_end; row++) {
    const int64_t n = row / s->out.height, h = row % s->out.height;
    float *image = (float *)buffers[0] + n * s->out.image;
    zero_border(&s->out, image, h, 1, 1, 0, s->channels);
    NO_UNROLL for (int64_t w = 0; w < s->out.width; w++) {
      float *out = image + h * s->out.row + w * s->out.pixel;
      int64_t at[4] = {n, h, w, 0};
      NO_UNROLL for (; at[3] + VF <= s->channels; at[3] += VF)
          vec_store(out + at[3], expression((vf){0}, buffers, at, VF));
      if (tail) vec_store_lanes(out + at[3], expression((vf){0}, buffers, at, tail), tail);
    }
  }
}
