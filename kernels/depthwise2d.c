/* depthwise2d.c - convolution with one filter for each channel, over
 * channels-last activations.
 *
 * Channels fill the vectors, and a tile of output pixels stays in registers. The
 * columns of a kernel row are unrolled, so that pixels share what they load. As
 * for conv2d.c the input has its padding in memory.
 *
 * Tasks: an output row.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "kernel.h"

enum { DEPTHWISE_MAX_PIXELS = 8, DEPTHWISE_LONG_ROW = 7 };

/* Add column kw of a kernel row; p points to it at the tile's first pixel, q to its weights. */
INLINE void depthwise2d_tap(const struct k_depthwise2d *s, const float *p, const float *q, int64_t lanes, vf *sum,
                            const int64_t pixels) {
  const vf w = vec_load(q);
  UNROLL for (int64_t m = 0; m < pixels; m++) sum[m] += vec_load_lanes(p + m * s->stride_w * s->in_pixel, 1, lanes) * w;
}

/* Sums of `pixels` from `in` on, bias included. */
INLINE void depthwise2d_sums(const struct k_depthwise2d *s, const float *in, const float *weights, const float *bias,
                             int64_t lanes, vf *sum, const int64_t pixels) {
  const int64_t step = s->dilate_w * s->in_pixel;
  UNROLL for (int64_t m = 0; m < pixels; m++) sum[m] = vec_load(bias);
  NO_UNROLL for (int64_t kh = 0; kh < s->kernel_h; kh++) {
    const float *p = in + kh * s->dilate_h * s->in_row, *q = weights + kh * s->kernel_w * BLOCK;
    if (s->kernel_w <= DEPTHWISE_LONG_ROW) {
      UNROLL for (int64_t kw = 0; kw < s->kernel_w; kw++)
          depthwise2d_tap(s, p + kw * step, q + kw * BLOCK, lanes, sum, pixels);
    } else {
      NO_UNROLL for (int64_t kw = 0; kw < s->kernel_w; kw++)
          depthwise2d_tap(s, p + kw * step, q + kw * BLOCK, lanes, sum, pixels);
    }
  }
}

/* `lanes` channels from at[3] on of `pixels` from position `at` on. */
INLINE void depthwise2d_lanes(const struct k_depthwise2d *s, k_expression expression, void *const *buffers,
                              const int64_t *at, int64_t lanes, const int64_t pixels) {
  const float *in = (const float *)buffers[0] + at[0] * s->in_image + at[1] * s->stride_h * s->in_row +
                    at[2] * s->stride_w * s->in_pixel + at[3];
  const float *weights = (const float *)buffers[1] + at[3] / BLOCK * BLOCK * s->kernel_h * s->kernel_w + at[3] % BLOCK;
  float *out = (float *)buffers[3] + at[0] * s->out.image + at[1] * s->out.row + at[2] * s->out.pixel + at[3];
  vf sum[DEPTHWISE_MAX_PIXELS];
  depthwise2d_sums(s, in, weights, (const float *)buffers[2] + at[3], lanes, sum, pixels);
  UNROLL for (int64_t m = 0; m < pixels; m++) {
    const int64_t place[4] = {at[0], at[1], at[2] + m, at[3]};
    vec_store_lanes(out + m * s->out.pixel, expression(sum[m], buffers, place, lanes), lanes);
  }
}

/* All channels of `pixels` from pixel w of a row on. */
INLINE void depthwise2d_tile(const struct k_depthwise2d *s, k_expression expression, void *const *buffers, int64_t n,
                             int64_t h, int64_t w, const int64_t pixels) {
  const int64_t tail = s->channels % VF;
  int64_t at[4] = {n, h, w, 0};
  NO_UNROLL for (; at[3] + VF <= s->channels; at[3] += VF) depthwise2d_lanes(s, expression, buffers, at, VF, pixels);
  if (tail) depthwise2d_lanes(s, expression, buffers, at, tail, pixels);
}

KERNEL void k_depthwise2d_nhwc_f32(void *const *buffers, void *scratch, int64_t task_begin, int64_t task_end,
                                   const struct k_depthwise2d *s, k_expression expression) {
  (void)scratch;
  const int64_t rest = s->out.width % s->tile_pixels;
  NO_UNROLL for (int64_t row = task_begin; row < task_end; row++) {
    const int64_t n = row / s->out.height, h = row % s->out.height;
    int64_t w = 0;
    zero_border(&s->out, (float *)buffers[3] + n * s->out.image, h, 1, 1, 0, s->channels);
    NO_UNROLL for (; w + s->tile_pixels <= s->out.width; w += s->tile_pixels)
        depthwise2d_tile(s, expression, buffers, n, h, w, s->tile_pixels);
    if (rest) depthwise2d_tile(s, expression, buffers, n, h, w, rest);
  }
}
