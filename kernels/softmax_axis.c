/* softmax_axis.c - softmax over the images, the rows or the pixels of every channel.
 *
 * A line goes along the axis, with channels in the lanes: sums need no folding,
 * and every load is contiguous. The output has no border.
 *
 * Tasks: a range of lines.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "kernel.h"
#include "math.h"

/* `lanes` channels of the line at `in`, whose first position is `at`. */
INLINE void softmax_axis_lanes(const struct k_softmax_axis *s, const float *in, float *out, void *const *buffers,
                               int64_t *at, int64_t lanes, k_expression expression) {
  const int64_t length = s->extent[s->axis], in_step = s->in[s->axis], out_step = s->out[s->axis];
  vf max = vec_load_lanes(in, 1, lanes), sum = {0};
  NO_UNROLL for (int64_t i = 1; i < length; i++) max = vec_maximum(vec_load_lanes(in + i * in_step, 1, lanes), max);
  NO_UNROLL for (int64_t i = 0; i < length; i++) {
    const vf e = math_exp(vec_load_lanes(in + i * in_step, 1, lanes) - max);
    vec_store_lanes(out + i * out_step, e, lanes);
    sum += e;
  }
  const vf scale = vec_splat(1) / sum;
  NO_UNROLL for (int64_t i = 0; i < length; i++) {
    float *p = out + i * out_step;
    at[s->axis] = i;
    vec_store_lanes(p, expression(vec_load_lanes(p, 1, lanes) * scale, buffers, at, lanes), lanes);
  }
  at[s->axis] = 0;
}

KERNEL void k_softmax_axis_nhwc_f32(void *const *buffers, void *scratch, int64_t task_begin, int64_t task_end,
                                    const struct k_softmax_axis *s, k_expression expression) {
  (void)scratch;
  const int64_t tail = s->channels % VF;
  /* The two positions beside the axis. */
  const int64_t outer = s->axis == 0 ? 1 : 0, inner = s->axis == 2 ? 1 : 2;
  const int64_t line_end = min64(s->extent[outer] * s->extent[inner], task_end * s->lines_per_task);
  NO_UNROLL for (int64_t line = task_begin * s->lines_per_task; line < line_end; line++) {
    int64_t at[4] = {0};
    at[outer] = line / s->extent[inner];
    at[inner] = line % s->extent[inner];
    const float *in = (const float *)buffers[0] + at[outer] * s->in[outer] + at[inner] * s->in[inner];
    float *out = (float *)buffers[1] + at[outer] * s->out[outer] + at[inner] * s->out[inner];
    NO_UNROLL for (; at[3] + VF <= s->channels; at[3] += VF)
        softmax_axis_lanes(s, in + at[3], out + at[3], buffers, at, VF, expression);
    if (tail) softmax_axis_lanes(s, in + at[3], out + at[3], buffers, at, tail, expression);
  }
}
