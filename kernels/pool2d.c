/* pool2d.c - maximum, average and sum pooling over channels-last activations.
 *
 * Channels fill the vectors. Windows are cut at the image, never at the border
 * in memory: a maximum must not see the zeros there. The divisor of an average
 * follows MXNet (src/operator/nn/pool.h): with count_include_pad the window is
 * counted inside the padded image, without it inside the image.
 *
 * Tasks: an output row times a range of channels.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "kernel.h"

/* A window of the input, cut at the image. */
struct window {
  int64_t h0, h1, w0, w1;
  float scale;
};

INLINE struct window pool2d_window(const struct k_pool2d *s, int64_t oh, int64_t ow) {
  const int64_t h = oh * s->stride_h - s->pad_h, w = ow * s->stride_w - s->pad_w;
  struct window r = {max64(h, 0), min64(h + s->kernel_h, s->in_h), max64(w, 0), min64(w + s->kernel_w, s->in_w), 1};
  const int64_t padded =
      (min64(h + s->kernel_h, s->padded_h - s->pad_h) - h) * (min64(w + s->kernel_w, s->padded_w - s->pad_w) - w);
  const int64_t inside = max64(r.h1 - r.h0, 0) * max64(r.w1 - r.w0, 0);
  if (s->divide_by == 0) r.scale = 1.0f / (float)inside;
  if (s->divide_by == 1) r.scale = 1.0f / (float)padded;
  /* A window outside the image, which the convention "full" can ask for, averages to zero. */
  if (inside == 0) r.scale = 0;
  return r;
}

/* `lanes` channels of one window. Rows are summed one by one, for less rounding than one long sum has. */
INLINE vf pool2d_lanes(const struct k_pool2d *s, const float *in, struct window r, int64_t lanes) {
  vf x = vec_splat(s->is_max ? -3.402823466e38f : 0.0f);
  NO_UNROLL for (int64_t h = r.h0; h < r.h1; h++) {
    vf row = s->is_max ? x : (vf){0};
    NO_UNROLL for (int64_t w = r.w0; w < r.w1; w++) {
      const vf y = vec_load_lanes(in + h * s->in_row + w * s->in_pixel, 1, lanes);
      row = s->is_max ? vec_maximum(y, row) : row + y;
    }
    x = s->is_max ? row : x + row;
  }
  return s->is_max ? x : x * vec_splat(r.scale);
}

KERNEL void k_pool2d_nhwc_f32(void *const *buffers, void *scratch, int64_t task_begin, int64_t task_end,
                              const struct k_pool2d *s, k_expression expression) {
  (void)scratch;
  const int64_t channel_tasks = (s->channels + s->channels_per_task - 1) / s->channels_per_task;
  const int64_t tail = s->channels % VF;
  NO_UNROLL for (int64_t task = task_begin; task < task_end; task++) {
    const int64_t c0 = task % channel_tasks * s->channels_per_task;
    const int64_t c1 = min64(s->channels, c0 + s->channels_per_task);
    const int64_t row = task / channel_tasks, n = row / s->out.height, h = row % s->out.height;
    const float *in = (const float *)buffers[0] + n * s->in_image;
    float *image = (float *)buffers[1] + n * s->out.image;
    zero_border(&s->out, image, h, 1, 1, c0, c1);
    NO_UNROLL for (int64_t w = 0; w < s->out.width; w++) {
      const struct window r = pool2d_window(s, h, w);
      float *out = image + h * s->out.row + w * s->out.pixel;
      int64_t at[4] = {n, h, w, c0};
      NO_UNROLL for (; at[3] + VF <= c1; at[3] += VF)
          vec_store(out + at[3], expression(pool2d_lanes(s, in + at[3], r, VF), buffers, at, VF));
      if (tail && at[3] < c1)
        vec_store_lanes(out + at[3], expression(pool2d_lanes(s, in + at[3], r, tail), buffers, at, tail), tail);
    }
  }
}
