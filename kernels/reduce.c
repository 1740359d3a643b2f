/* reduce.c - sums, maxima and minima over images, rows, pixels and channels, in any
 * choice.
 *
 * Every row of pixels has a total of its own before it joins the others, so that
 * sums of large images stay accurate; the lanes of a sum over channels are folded
 * in a fixed order.
 *
 * Tasks: a range of output rows.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "kernel.h"

/* A NaN on either side is the result of maximum and minimum. */
INLINE vf reduce_two(const struct k_reduce *s, vf x, vf total) {
  if (s->operation == 0) return x + total;
  return vec_select((s->operation == 1 ? x > total : x < total) | (x != x), x, total);
}

INLINE vf reduce_start(const struct k_reduce *s) {
  const float inf = __builtin_inff();
  return vec_splat(s->operation == 0 ? 0 : s->operation == 1 ? -inf : inf);
}

/* The lanes that are reduced so far, joined by those of a pixel's channels. */
INLINE vf reduce_channels(const struct k_reduce *s, const float *pixel, vf total) {
  const int64_t tail = s->channels % VF;
  int64_t c = 0;
  NO_UNROLL for (; c + VF <= s->channels; c += VF) total = reduce_two(s, vec_load(pixel + c), total);
  if (!tail) return total;
  const vf last = reduce_two(s, vec_load_lanes(pixel + c, 1, tail), total);
  UNROLL for (int64_t i = 0; i < VF; i++) if (i < tail) total[i] = last[i];
  return total;
}

/* What output position `at` has: of `lanes` channels, or of all in every lane. */
INLINE vf reduce_position(const struct k_reduce *s, const float *in, const int64_t *at, int64_t lanes) {
  const int64_t n0 = s->over_images ? 0 : at[0], n1 = s->over_images ? s->batch : n0 + 1;
  const int64_t h0 = s->over_rows ? 0 : at[1], h1 = s->over_rows ? s->height : h0 + 1;
  const int64_t w0 = s->over_pixels ? 0 : at[2], w1 = s->over_pixels ? s->width : w0 + 1;
  vf total = reduce_start(s);
  NO_UNROLL for (int64_t n = n0; n < n1; n++) NO_UNROLL for (int64_t h = h0; h < h1; h++) {
    vf row = reduce_start(s);
    NO_UNROLL for (int64_t w = w0; w < w1; w++) {
      const float *pixel = in + n * s->in_image + h * s->in_row + w * s->in_pixel;
      row = s->over_channels ? reduce_channels(s, pixel, row)
                             : reduce_two(s, vec_load_lanes(pixel + at[3], 1, lanes), row);
    }
    total = reduce_two(s, row, total);
  }
  if (s->over_channels) {
    vf folded = vec_splat(total[0]);
    UNROLL for (int64_t i = 1; i < VF; i++) folded = reduce_two(s, vec_splat(total[i]), folded);
    total = folded;
  }
  return s->divisor == 1 ? total : total / vec_splat((float)s->divisor);
}

KERNEL void k_reduce_nhwc_f32(void *const *buffers, void *scratch, int64_t task_begin, int64_t task_end,
                              const struct k_reduce *s, k_expression expression) {
  (void)scratch;
  const float *in = buffers[0];
  const int64_t channels = s->over_channels ? 1 : s->channels, tail = channels % VF;
  const int64_t row_end = min64((s->over_images ? 1 : s->batch) * s->out.height, task_end * s->rows_per_task);
  NO_UNROLL for (int64_t row = task_begin * s->rows_per_task; row < row_end; row++) {
    const int64_t n = row / s->out.height, h = row % s->out.height;
    float *image = (float *)buffers[1] + n * s->out.image;
    zero_border(&s->out, image, h, 1, 1, 0, channels);
    NO_UNROLL for (int64_t w = 0; w < s->out.width; w++) {
      float *out = image + h * s->out.row + w * s->out.pixel;
      int64_t at[4] = {n, h, w, 0};
      NO_UNROLL for (; at[3] + VF <= channels; at[3] += VF)
          vec_store(out + at[3], expression(reduce_position(s, in, at, VF), buffers, at, VF));
      if (tail) vec_store_lanes(out + at[3], expression(reduce_position(s, in, at, tail), buffers, at, tail), tail);
    }
  }
}
