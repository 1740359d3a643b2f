/* softmax.c - softmax over the channels of every pixel.
 *
 * Three passes over a row of channels: the maximum, exp(x - max) with its sum,
 * the division. Sums run in one vector and are folded at the end in a fixed
 * order, so the result does not depend on the number of threads.
 *
 * Tasks: a range of rows.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "kernel.h"
#include "math.h"

INLINE float softmax_maximum(const float *in, int64_t channels) {
  float max = in[0];
  vf maxima = vec_splat(max);
  int64_t c = 0;
  NO_UNROLL for (; c + VF <= channels; c += VF) maxima = vec_maximum(vec_load(in + c), maxima);
  UNROLL for (int64_t i = 0; i < VF; i++) max = maxima[i] > max ? maxima[i] : max;
  NO_UNROLL for (; c < channels; c++) max = in[c] > max ? in[c] : max;
  return max;
}

/* Write exp(in - max) and return the sum. */
INLINE float softmax_exponentials(const float *in, float *out, int64_t channels, float max) {
  const int64_t tail = channels % VF;
  vf sums = {0};
  int64_t c = 0;
  NO_UNROLL for (; c + VF <= channels; c += VF) {
    const vf e = math_exp(vec_load(in + c) - vec_splat(max));
    vec_store(out + c, e);
    sums += e;
  }
  if (tail) {
    const vf e = math_exp(vec_load_lanes(in + c, 1, tail) - vec_splat(max));
    vec_store_lanes(out + c, e, tail);
    UNROLL for (int64_t i = 0; i < VF; i++) if (i < tail) sums[i] += e[i];
  }
  float sum = 0;
  UNROLL for (int64_t i = 0; i < VF; i++) sum += sums[i];
  return sum;
}

KERNEL void k_softmax_nhwc_f32(void *const *buffers, void *scratch, int64_t task_begin, int64_t task_end,
                               const struct k_softmax *s, k_expression expression) {
  (void)scratch;
  const int64_t tail = s->channels % VF;
  const int64_t row_end = min64(s->batch * s->out.height, task_end * s->rows_per_task);
  NO_UNROLL for (int64_t row = task_begin * s->rows_per_task; row < row_end; row++) {
    const int64_t n = row / s->out.height, h = row % s->out.height;
    float *image = (float *)buffers[1] + n * s->out.image;
    zero_border(&s->out, image, h, 1, 1, 0, s->channels);
    NO_UNROLL for (int64_t w = 0; w < s->out.width; w++) {
      const float *in = (const float *)buffers[0] + n * s->in_image + h * s->in_row + w * s->in_pixel;
      float *out = image + h * s->out.row + w * s->out.pixel;
      const float max = softmax_maximum(in, s->channels);
      const vf scale = vec_splat(1.0f / softmax_exponentials(in, out, s->channels, max));
      int64_t at[4] = {n, h, w, 0};
      NO_UNROLL for (; at[3] + VF <= s->channels; at[3] += VF)
          vec_store(out + at[3], expression(vec_load(out + at[3]) * scale, buffers, at, VF));
      if (tail)
        vec_store_lanes(out + at[3], expression(vec_load_lanes(out + at[3], 1, tail) * scale, buffers, at, tail), tail);
    }
  }
}
