/* copy.c - a strided copy: every change of order and of layout.
 *
 * The last axis is the inner loop, the others are one row number. The border of
 * the output is one task, behind those of the rows.
 *
 * Tasks: a range of rows, or the border of all images.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "kernel.h"

INLINE void copy_store(float *p, int64_t stride, vf x, int64_t lanes) {
  if (stride == 1) {
    vec_store_lanes(p, x, lanes);
    return;
  }
  UNROLL for (int64_t i = 0; i < VF; i++) if (i < lanes) p[i * stride] = x[i];
}

INLINE void copy_row(const struct k_copy *s, const float *in, float *out, int64_t row) {
  const int64_t length = s->extent[K_COPY_AXES - 1], tail = length % VF;
  const int64_t in_step = s->in[K_COPY_AXES - 1], out_step = s->out[K_COPY_AXES - 1];
  UNROLL for (int64_t i = K_COPY_AXES - 2; i >= 0; i--) {
    in += row % s->extent[i] * s->in[i];
    out += row % s->extent[i] * s->out[i];
    row /= s->extent[i];
  }
  int64_t i = 0;
  NO_UNROLL for (; i + VF <= length; i += VF)
      copy_store(out + i * out_step, out_step, vec_load_lanes(in + i * in_step, in_step, VF), VF);
  if (tail) copy_store(out + i * out_step, out_step, vec_load_lanes(in + i * in_step, in_step, tail), tail);
}

KERNEL void k_copy_f32(void *const *buffers, void *scratch, int64_t task_begin, int64_t task_end,
                       const struct k_copy *s, k_expression expression) {
  (void)scratch;
  (void)expression;
  const float *in = buffers[0];
  float *out = buffers[1];
  const int64_t row_tasks = (s->rows + s->rows_per_task - 1) / s->rows_per_task;
  const int64_t row_end = min64(s->rows, task_end * s->rows_per_task);
  NO_UNROLL for (int64_t row = task_begin * s->rows_per_task; row < row_end; row++) copy_row(s, in, out, row);
  if (task_end <= row_tasks) return;
  NO_UNROLL for (int64_t n = 0; n < s->batch; n++) NO_UNROLL for (int64_t h = 0; h < s->image.height; h++)
      zero_border(&s->image, out + n * s->image.image, h, 1, 1, 0, s->channels);
}
