/* kernel_cases.h - random cases for kernel templates, with a plain reference.
 *
 * A case has buffers with guard pages directly behind (or before) them, outputs
 * that are a slice of a wider storage with a zero border, and sentinels wherever
 * the kernel must not write. The runner is the caller's: native or specialised.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_TESTS_KERNEL_CASES_H
#define MXN_TESTS_KERNEL_CASES_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lower/step.h"

enum { CASE_MAX_BUFFERS = 5 };

typedef struct guarded {
  float *data;
  size_t n;
  void *map;
  size_t map_bytes;
} guarded;

typedef struct kernel_case {
  kernel_template kernel;
  kernel_shape shape;
  expression expression; /* relu(value + operand), or the value alone */
  guarded buffers[CASE_MAX_BUFFERS];
  uint32_t n_buffers, output;
  int64_t offsets[CASE_MAX_BUFFERS]; /* elements to where the kernel's pointer points */
  double *expected;                  /* of the whole output storage; NAN: must stay as it was */
  double tolerance;
} kernel_case;

static uint64_t random_state = 1;

static uint32_t random_below(uint32_t n) {
  random_state = random_state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)((random_state >> 33) % n);
}
static int64_t random_in(int64_t low, int64_t high) { return low + random_below((uint32_t)(high - low + 1)); }
static float random_float(void) { return (float)random_below(20001) / 10000.0f - 1.0f; }

static guarded guarded_create(size_t n) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE), bytes = n * sizeof(float);
  const size_t body = (bytes + page - 1) / page * page;
  guarded g = {.n = n, .map_bytes = body + 2 * page};
  g.map = mmap(NULL, g.map_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  char *start = (char *)g.map + page;
  if (g.map == MAP_FAILED || (body && mprotect(start, body, PROT_READ | PROT_WRITE))) _exit(99);
  const int at_end = random_below(4) != 0;
  g.data = (float *)(at_end ? start + body - bytes : start);
  for (size_t i = 0; i < n; i++) g.data[i] = random_float();
  return g;
}

static guarded *add_buffer(kernel_case *k, size_t n, int64_t offset) {
  k->offsets[k->n_buffers] = offset;
  k->buffers[k->n_buffers] = guarded_create(n);
  return &k->buffers[k->n_buffers++];
}

static void case_finish(kernel_case *k) {
  for (uint32_t i = 0; i < k->n_buffers; i++) munmap(k->buffers[i].map, k->buffers[i].map_bytes);
  free(k->expected);
}

/* An output slice of `channels` channels, perhaps with a border, all sentinels. */
static struct k_image add_image(kernel_case *k, int64_t batch, int64_t h, int64_t w, int64_t channels,
                                bool has_border) {
  struct k_image o = {.height = h, .width = w};
  if (has_border && random_below(3) == 0) {
    o.top = random_in(0, 2);
    o.left = random_in(0, 2);
    o.bottom = random_in(0, 2);
    o.right = random_in(0, 2);
  }
  const int64_t first = random_below(2) ? random_in(0, 5) : 0;
  o.pixel = channels + first + (random_below(2) ? random_in(0, 5) : 0);
  o.row = (o.left + w + o.right) * o.pixel;
  o.image = (o.top + h + o.bottom) * o.row;
  k->output = k->n_buffers;
  const int64_t n = batch * o.image;
  add_buffer(k, (size_t)n, o.top * o.row + o.left * o.pixel + first);
  k->expected = malloc((size_t)n * sizeof *k->expected);
  for (int64_t i = 0; i < n; i++) {
    const int64_t c = i % o.pixel;
    k->expected[i] = c >= first && c < first + channels ? 0 : NAN;
  }
  return o;
}

static struct k_image add_output(kernel_case *k, int64_t batch, int64_t h, int64_t w, int64_t channels) {
  return add_image(k, batch, h, w, channels, true);
}

/* relu(value + operand), the operand with the output's shape; or nothing. */
static const float *add_expression(kernel_case *k, int64_t batch, int64_t h, int64_t w, int64_t c, int64_t *stride) {
  expression *e = &k->expression;
  memset(e, 0, sizeof *e);
  e->n_terms = 1;
  if (random_below(2)) return NULL;
  stride[0] = h * w * c;
  stride[1] = w * c;
  stride[2] = c;
  stride[3] = 1;
  e->terms[1] = (expression_term){.opcode = EXPRESSION_LOAD, .buffer = k->n_buffers};
  memcpy(e->terms[1].stride, stride, 4 * sizeof *stride);
  e->terms[2] = (expression_term){.opcode = EXPRESSION_ADD, .operand = {0, 1}};
  e->terms[3] = (expression_term){.opcode = EXPRESSION_RELU, .operand = {2, 0}};
  e->n_terms = 4;
  return add_buffer(k, (size_t)(batch * h * w * c), 0)->data;
}

/* Put x at output position (n, h, w, c), after the expression. */
static void expect(kernel_case *k, const struct k_image *o, const float *operand, const int64_t *stride, int64_t n,
                   int64_t h, int64_t w, int64_t c, double x) {
  if (operand) x += (double)operand[n * stride[0] + h * stride[1] + w * stride[2] + c * stride[3]];
  if (operand && x < 0) x = 0;
  k->expected[k->offsets[k->output] + n * o->image + h * o->row + w * o->pixel + c] = x;
}

static double conv2d_at(const struct k_conv2d *s, const float *in, const float *weights, const float *bias, int64_t n,
                        int64_t h, int64_t w, int64_t g, int64_t oc) {
  const int64_t blocks = (s->out_channels + K_CHANNEL_BLOCK - 1) / K_CHANNEL_BLOCK;
  const int64_t block = g * blocks + oc / K_CHANNEL_BLOCK, lane = oc % K_CHANNEL_BLOCK;
  double sum = (double)bias[block * K_CHANNEL_BLOCK + lane];
  for (int64_t kh = 0; kh < s->kernel_h; kh++)
    for (int64_t kw = 0; kw < s->kernel_w; kw++)
      for (int64_t ic = 0; ic < s->in_channels; ic++) {
        const int64_t y = h * s->stride_h + kh * s->dilate_h, x = w * s->stride_w + kw * s->dilate_w;
        const int64_t tap = ((block * s->kernel_h + kh) * s->kernel_w + kw) * s->in_channels + ic;
        sum +=
            (double)in[n * s->in_image + y * s->in_row + x * s->in_pixel + (g * s->in_channels + ic) * s->in_channel] *
            (double)weights[tap * K_CHANNEL_BLOCK + lane];
      }
  return sum;
}

static void conv2d_nhwc_f32_case(kernel_case *k) {
  struct k_conv2d *s = &k->shape.conv2d;
  k->kernel = KERNEL_CONV2D_NHWC_F32;
  *s = (struct k_conv2d){.batch = random_in(1, 3), .groups = random_below(3) ? 1 : random_in(2, 3)};
  s->in_channels = random_below(6) ? random_in(1, 20) : random_in(21, 150);
  s->out_channels = random_in(1, 70);
  s->kernel_h = random_in(1, 4);
  s->kernel_w = random_in(1, 4);
  s->stride_h = random_in(1, 3);
  s->stride_w = random_in(1, 3);
  s->dilate_h = random_in(1, 2);
  s->dilate_w = random_in(1, 2);
  const int64_t h = random_in(1, 5), w = random_in(1, 30), channels = s->in_channels * s->groups;
  const int64_t in_h = (h - 1) * s->stride_h + (s->kernel_h - 1) * s->dilate_h + 1;
  const int64_t in_w = (w - 1) * s->stride_w + (s->kernel_w - 1) * s->dilate_w + 1;
  const int is_nchw = random_below(2) == 0;
  s->in_channel = is_nchw ? in_h * in_w : 1;
  s->in_pixel = is_nchw ? 1 : channels;
  s->in_row = in_w * s->in_pixel;
  s->in_image = in_h * in_w * channels;
  const int64_t blocks = s->groups * ((s->out_channels + K_CHANNEL_BLOCK - 1) / K_CHANNEL_BLOCK) * K_CHANNEL_BLOCK;
  const float *in = add_buffer(k, (size_t)(s->batch * s->in_image), 0)->data;
  const float *weights = add_buffer(k, (size_t)(blocks * s->kernel_h * s->kernel_w * s->in_channels), 0)->data;
  const float *bias = add_buffer(k, (size_t)blocks, 0)->data;
  const int64_t all = s->groups * s->out_channels;
  s->out = add_output(k, s->batch, h, w, all);
  int64_t stride[4];
  const float *operand = add_expression(k, s->batch, h, w, all, stride);
  for (int64_t n = 0; n < s->batch; n++)
    for (int64_t y = 0; y < h; y++)
      for (int64_t x = 0; x < w; x++)
        for (int64_t c = 0; c < all; c++)
          expect(k, &s->out, operand, stride, n, y, x, c,
                 conv2d_at(s, in, weights, bias, n, y, x, c / s->out_channels, c % s->out_channels));
  k->tolerance = 2e-6 * (double)(s->kernel_h * s->kernel_w * s->in_channels + 4);
}

static double depthwise2d_at(const struct k_depthwise2d *s, const float *in, const float *weights, const float *bias,
                             int64_t n, int64_t h, int64_t w, int64_t c) {
  const int64_t block = c / K_CHANNEL_BLOCK, lane = c % K_CHANNEL_BLOCK;
  double sum = (double)bias[c];
  for (int64_t kh = 0; kh < s->kernel_h; kh++)
    for (int64_t kw = 0; kw < s->kernel_w; kw++) {
      const int64_t y = h * s->stride_h + kh * s->dilate_h, x = w * s->stride_w + kw * s->dilate_w;
      const int64_t tap = (block * s->kernel_h + kh) * s->kernel_w + kw;
      sum += (double)in[n * s->in_image + y * s->in_row + x * s->in_pixel + c] *
             (double)weights[tap * K_CHANNEL_BLOCK + lane];
    }
  return sum;
}

static void depthwise2d_nhwc_f32_case(kernel_case *k) {
  struct k_depthwise2d *s = &k->shape.depthwise2d;
  k->kernel = KERNEL_DEPTHWISE2D_NHWC_F32;
  *s = (struct k_depthwise2d){.batch = random_in(1, 3), .channels = random_in(1, 70)};
  s->kernel_h = random_in(1, 5);
  s->kernel_w = random_below(5) ? random_in(1, 5) : random_in(6, 9);
  s->stride_h = random_in(1, 3);
  s->stride_w = random_in(1, 3);
  s->dilate_h = random_in(1, 2);
  s->dilate_w = random_in(1, 2);
  const int64_t h = random_in(1, 5), w = random_in(1, 30), gap = random_in(0, 3);
  const int64_t in_h = (h - 1) * s->stride_h + (s->kernel_h - 1) * s->dilate_h + 1;
  const int64_t in_w = (w - 1) * s->stride_w + (s->kernel_w - 1) * s->dilate_w + 1;
  s->in_pixel = s->channels + gap;
  s->in_row = in_w * s->in_pixel;
  s->in_image = in_h * s->in_row;
  const int64_t padded = (s->channels + K_CHANNEL_BLOCK - 1) / K_CHANNEL_BLOCK * K_CHANNEL_BLOCK;
  /* The last pixel has no gap behind it. */
  const float *in = add_buffer(k, (size_t)(s->batch * s->in_image - gap), 0)->data;
  const float *weights = add_buffer(k, (size_t)(padded * s->kernel_h * s->kernel_w), 0)->data;
  const float *bias = add_buffer(k, (size_t)padded, 0)->data;
  s->out = add_output(k, s->batch, h, w, s->channels);
  int64_t stride[4];
  const float *operand = add_expression(k, s->batch, h, w, s->channels, stride);
  for (int64_t n = 0; n < s->batch; n++)
    for (int64_t y = 0; y < h; y++)
      for (int64_t x = 0; x < w; x++)
        for (int64_t c = 0; c < s->channels; c++)
          expect(k, &s->out, operand, stride, n, y, x, c, depthwise2d_at(s, in, weights, bias, n, y, x, c));
  k->tolerance = 1e-6 * (double)(s->kernel_h * s->kernel_w + 4);
}

static double pool2d_at(const struct k_pool2d *s, const float *in, int64_t n, int64_t h, int64_t w, int64_t c) {
  double sum = 0, max = -3.402823466e38;
  int64_t count = 0, padded = 0;
  for (int64_t kh = 0; kh < s->kernel_h; kh++)
    for (int64_t kw = 0; kw < s->kernel_w; kw++) {
      const int64_t y = h * s->stride_h - s->pad_h + kh, x = w * s->stride_w - s->pad_w + kw;
      padded += y < s->padded_h - s->pad_h && x < s->padded_w - s->pad_w;
      if (y < 0 || y >= s->in_h || x < 0 || x >= s->in_w) continue;
      const double v = (double)in[n * s->in_image + y * s->in_row + x * s->in_pixel + c];
      count++;
      sum += v;
      max = v > max ? v : max;
    }
  if (s->is_max) return max;
  return s->divide_by == 2 ? sum : sum / (double)(s->divide_by == 1 ? padded : count);
}

static void pool2d_nhwc_f32_case(kernel_case *k) {
  struct k_pool2d *s = &k->shape.pool2d;
  k->kernel = KERNEL_POOL2D_NHWC_F32;
  *s = (struct k_pool2d){.batch = random_in(1, 3), .channels = random_in(1, 40)};
  s->kernel_h = random_in(1, 4);
  s->kernel_w = random_in(1, 4);
  s->stride_h = random_in(1, 3);
  s->stride_w = random_in(1, 3);
  s->pad_h = random_in(0, s->kernel_h - 1);
  s->pad_w = random_in(0, s->kernel_w - 1);
  s->in_h = random_in(s->kernel_h, 9);
  s->in_w = random_in(s->kernel_w, 9);
  s->in_pixel = s->channels + random_in(0, 3);
  s->in_row = s->in_w * s->in_pixel;
  s->in_image = s->in_h * s->in_row;
  s->is_max = random_below(2);
  s->divide_by = random_in(0, 2);
  s->padded_h = s->in_h + 2 * s->pad_h;
  s->padded_w = s->in_w + 2 * s->pad_w;
  const float *in = add_buffer(k, (size_t)(s->batch * s->in_image), 0)->data;
  const int64_t h = (s->padded_h - s->kernel_h) / s->stride_h + 1, w = (s->padded_w - s->kernel_w) / s->stride_w + 1;
  s->out = add_output(k, s->batch, h, w, s->channels);
  int64_t stride[4];
  const float *operand = add_expression(k, s->batch, h, w, s->channels, stride);
  for (int64_t n = 0; n < s->batch; n++)
    for (int64_t y = 0; y < h; y++)
      for (int64_t x = 0; x < w; x++)
        for (int64_t c = 0; c < s->channels; c++)
          expect(k, &s->out, operand, stride, n, y, x, c, pool2d_at(s, in, n, y, x, c));
  k->tolerance = 1e-5;
}

/* The reduction of one output position. */
static double reduce_at(const struct k_reduce *s, const float *in, const int64_t *at) {
  const int64_t size[4] = {s->batch, s->height, s->width, s->channels};
  const int64_t over[4] = {s->over_images, s->over_rows, s->over_pixels, s->over_channels};
  double total = s->operation == 0 ? 0 : s->operation == 1 ? -INFINITY : INFINITY;
  for (int64_t i = 0; i < size[0] * size[1] * size[2] * size[3]; i++) {
    int64_t rest = i, p[4];
    int is_part = 1;
    for (int d = 3; d >= 0; d--) {
      p[d] = rest % size[d];
      rest /= size[d];
      is_part = is_part && (over[d] || p[d] == at[d]);
    }
    const double x = (double)in[p[0] * s->in_image + p[1] * s->in_row + p[2] * s->in_pixel + p[3]];
    if (!is_part) continue;
    total = s->operation == 0 ? total + x : s->operation == 1 ? fmax(total, x) : fmin(total, x);
  }
  return total / (double)s->divisor;
}

static void reduce_nhwc_f32_case(kernel_case *k) {
  struct k_reduce *s = &k->shape.reduce;
  k->kernel = KERNEL_REDUCE_NHWC_F32;
  *s = (struct k_reduce){.batch = random_in(1, 3), .height = random_in(1, 4), .width = random_in(1, 5)};
  s->channels = random_in(1, 40);
  s->over_images = random_below(4) == 0;
  s->over_rows = random_below(2);
  s->over_pixels = random_below(2);
  s->over_channels = random_below(2);
  s->operation = random_below(3);
  s->divisor = s->operation == 0 && random_below(2) ? random_in(2, 9) : 1;
  s->in_pixel = s->channels + random_in(0, 3);
  s->in_row = s->width * s->in_pixel;
  s->in_image = s->height * s->in_row;
  const float *in = add_buffer(k, (size_t)(s->batch * s->in_image), 0)->data;
  const int64_t n = s->over_images ? 1 : s->batch, h = s->over_rows ? 1 : s->height;
  const int64_t w = s->over_pixels ? 1 : s->width, channels = s->over_channels ? 1 : s->channels;
  s->out = add_output(k, n, h, w, channels);
  int64_t stride[4], at[4];
  const float *operand = add_expression(k, n, h, w, channels, stride);
  for (at[0] = 0; at[0] < n; at[0]++)
    for (at[1] = 0; at[1] < h; at[1]++)
      for (at[2] = 0; at[2] < w; at[2]++)
        for (at[3] = 0; at[3] < channels; at[3]++)
          expect(k, &s->out, operand, stride, at[0], at[1], at[2], at[3], reduce_at(s, in, at));
  k->tolerance = 2e-4;
}

/* relu(0 + operand): a copy or change of layout through the expression. */
static void loop_nhwc_f32_case(kernel_case *k) {
  struct k_loop *s = &k->shape.loop;
  k->kernel = KERNEL_LOOP_NHWC_F32;
  *s = (struct k_loop){.batch = random_in(1, 3), .channels = random_in(1, 40)};
  const int64_t h = random_in(1, 5), w = random_in(1, 6);
  s->out = add_output(k, s->batch, h, w, s->channels);
  int64_t stride[4];
  const float *operand = NULL;
  while (!operand) operand = add_expression(k, s->batch, h, w, s->channels, stride);
  if (random_below(2)) { /* from NCHW */
    stride[3] = h * w;
    stride[2] = 1;
    stride[1] = w;
    memcpy(k->expression.terms[1].stride, stride, sizeof stride);
  }
  for (int64_t n = 0; n < s->batch; n++)
    for (int64_t y = 0; y < h; y++)
      for (int64_t x = 0; x < w; x++)
        for (int64_t c = 0; c < s->channels; c++) expect(k, &s->out, operand, stride, n, y, x, c, 0);
  k->tolerance = 0;
}

static void swap_axes(struct k_copy *s, int a, int b) {
  int64_t *const fields[] = {s->extent, s->in, s->out};
  for (int i = 0; i < 3; i++) {
    const int64_t kept = fields[i][a];
    fields[i][a] = fields[i][b];
    fields[i][b] = kept;
  }
}

/* From a tensor of random order to an image: rows and pixels in one to three parts. */
static void copy_f32_case(kernel_case *k) {
  struct k_copy *s = &k->shape.copy;
  k->kernel = KERNEL_COPY_F32;
  *s = (struct k_copy){.batch = random_in(1, 3), .rows = 1};
  const int64_t inner = random_in(1, 40), outer = random_in(1, 5), h = random_in(1, 5), w = random_in(1, 6);
  s->channels = inner * outer;
  for (int i = 0; i < K_COPY_AXES; i++) s->extent[i] = 1;
  int64_t *extent = s->extent + K_COPY_AXES - 5, *in = s->in + K_COPY_AXES - 5, *out = s->out + K_COPY_AXES - 5;
  const int first = (int)random_below(5), by = 1 + (int)random_below(4);
  const int64_t extents[5] = {s->batch, h, w, outer, inner};
  int64_t elements = 1;
  for (int i = 0; i < 5; i++) in[(first + i * by) % 5] = elements, elements *= extents[(first + i * by) % 5];
  const float *from = add_buffer(k, (size_t)elements, 0)->data;
  s->image = add_output(k, s->batch, h, w, s->channels);
  const int64_t strides[5] = {s->image.image, s->image.row, s->image.pixel, inner, 1};
  for (int i = 0; i < 5; i++) {
    extent[i] = extents[i];
    out[i] = strides[i];
  }
  const int last = (int)random_below(5); /* the inner loop goes along any axis */
  swap_axes(s, K_COPY_AXES - 5 + last, K_COPY_AXES - 1);
  for (int i = 0; i < K_COPY_AXES - 1; i++) s->rows *= s->extent[i];
  k->expression.n_terms = 1;
  const int64_t all = s->rows * s->extent[K_COPY_AXES - 1];
  for (int64_t i = 0; i < all; i++) {
    int64_t rest = i, a = 0, b = 0;
    for (int d = K_COPY_AXES - 1; d >= 0; d--) {
      a += rest % s->extent[d] * s->in[d];
      b += rest % s->extent[d] * s->out[d];
      rest /= s->extent[d];
    }
    k->expected[k->offsets[k->output] + b] = (double)from[a];
  }
  k->tolerance = 0;
}

static void softmax_nhwc_f32_case(kernel_case *k) {
  struct k_softmax *s = &k->shape.softmax;
  k->kernel = KERNEL_SOFTMAX_NHWC_F32;
  *s = (struct k_softmax){.batch = random_in(1, 3), .channels = random_in(1, 70)};
  const int64_t h = random_in(1, 3), w = random_in(1, 4);
  s->in_pixel = s->channels + random_in(0, 3);
  s->in_row = w * s->in_pixel;
  s->in_image = h * s->in_row;
  guarded *in = add_buffer(k, (size_t)(s->batch * s->in_image), 0);
  for (size_t i = 0; i < in->n; i++) in->data[i] *= 30;
  const float *data = in->data;
  s->out = add_output(k, s->batch, h, w, s->channels);
  int64_t stride[4];
  const float *operand = add_expression(k, s->batch, h, w, s->channels, stride);
  for (int64_t n = 0; n < s->batch; n++)
    for (int64_t y = 0; y < h; y++)
      for (int64_t x = 0; x < w; x++) {
        const float *row = data + n * s->in_image + y * s->in_row + x * s->in_pixel;
        double max = -INFINITY, sum = 0;
        for (int64_t c = 0; c < s->channels; c++) max = fmax(max, (double)row[c]);
        for (int64_t c = 0; c < s->channels; c++) sum += exp((double)row[c] - max);
        for (int64_t c = 0; c < s->channels; c++)
          expect(k, &s->out, operand, stride, n, y, x, c, exp((double)row[c] - max) / sum);
      }
  k->tolerance = 2e-6;
}

static void softmax_axis_nhwc_f32_case(kernel_case *k) {
  struct k_softmax_axis *s = &k->shape.softmax_axis;
  k->kernel = KERNEL_SOFTMAX_AXIS_NHWC_F32;
  *s = (struct k_softmax_axis){.channels = random_in(1, 70), .axis = random_in(0, 2)};
  for (int i = 0; i < 3; i++) s->extent[i] = random_in(1, 7);
  s->in[2] = s->channels + random_in(0, 3);
  s->in[1] = s->extent[2] * s->in[2];
  s->in[0] = s->extent[1] * s->in[1];
  guarded *in = add_buffer(k, (size_t)(s->extent[0] * s->in[0]), 0);
  for (size_t i = 0; i < in->n; i++) in->data[i] *= 30;
  const float *data = in->data;
  const struct k_image o = add_image(k, s->extent[0], s->extent[1], s->extent[2], s->channels, false);
  s->out[0] = o.image;
  s->out[1] = o.row;
  s->out[2] = o.pixel;
  int64_t stride[4], at[3];
  const float *operand = add_expression(k, s->extent[0], s->extent[1], s->extent[2], s->channels, stride);
  for (at[0] = 0; at[0] < s->extent[0]; at[0]++)
    for (at[1] = 0; at[1] < s->extent[1]; at[1]++)
      for (at[2] = 0; at[2] < s->extent[2]; at[2]++)
        for (int64_t c = 0; c < s->channels; c++) {
          const float *x = data + at[0] * s->in[0] + at[1] * s->in[1] + at[2] * s->in[2] + c;
          const float *line = x - at[s->axis] * s->in[s->axis];
          double max = -INFINITY, sum = 0;
          for (int64_t i = 0; i < s->extent[s->axis]; i++) max = fmax(max, (double)line[i * s->in[s->axis]]);
          for (int64_t i = 0; i < s->extent[s->axis]; i++) sum += exp((double)line[i * s->in[s->axis]] - max);
          expect(k, &o, operand, stride, at[0], at[1], at[2], c, exp((double)*x - max) / sum);
        }
  k->tolerance = 2e-6;
}

/* Named after the templates, so that a new row of kernels.def asks for a case. */
typedef void (*case_maker)(kernel_case *k);
static const case_maker case_makers[] = {
#define X(NAME, name, shape) name##_case,
#include "kernels/kernels.def"
#undef X
};

/* Compare the whole output storage; prints the first difference. */
static int case_is_right(const kernel_case *k, const float *before) {
  const float *out = k->buffers[k->output].data;
  for (size_t i = 0; i < k->buffers[k->output].n; i++) {
    const double want = isnan(k->expected[i]) ? (double)before[i] : k->expected[i];
    const double slack = isnan(k->expected[i]) ? 0 : k->tolerance;
    if (fabs((double)out[i] - want) <= slack) continue;
    printf("%s: element %zu: got %g, expected %g\n", kernel_name(k->kernel), i, (double)out[i], want);
    return 0;
  }
  return 1;
}

/* clang's -fsanitize=function reads in front of what is called; there is nothing
 * in front of generated code. */
#ifdef __clang__
#define CALLS_MACHINE_CODE __attribute__((no_sanitize("function")))
#else
#define CALLS_MACHINE_CODE
#endif

/* Run all tasks one by one, last first: no task may need another. */
CALLS_MACHINE_CODE static int case_run(kernel_case *k, mxn_kernel function, uint32_t n_tasks) {
  void *buffers[CASE_MAX_BUFFERS];
  const guarded *out = &k->buffers[k->output];
  float *before = malloc(out->n * sizeof *before + 1);
  memcpy(before, out->data, out->n * sizeof *before);
  for (uint32_t i = 0; i < k->n_buffers; i++) buffers[i] = k->buffers[i].data + k->offsets[i];
  for (uint32_t t = n_tasks; t-- > 0;) function(buffers, NULL, t, t + 1);
  const int right = case_is_right(k, before);
  free(before);
  return right;
}

#endif
