/* convolution.c - Convolution in one to three dimensions, with groups.
 *
 * The reference convolves directly, in doubles. The input is copied into a padded
 * image whose columns are split by their position within the stride, so that any
 * run of outputs of one row reads a run of inputs. A tile of 4 channels by 4
 * columns stays in registers while the taps go by; input channels go in chunks
 * that stay in the second-level cache while all output channels use them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <string.h>

#include "ops/family.h"
#include "ops/number.h"
#include "ops/window.h"

uint32_t inputs_with_bias(const node *n) { return op_bool(n, "no_bias") ? 2 : 3; }

/* Inference. */

static mxn_status infer_weights(inference *x, int32_t n_spatial, int64_t channels) {
  const node *n = x->node;
  const int64_t groups = op_int(n, "num_group"), filters = op_int(n, "num_filter");
  if (channels >= 0 && channels % groups != 0)
    return infer_error(x, MXN_SHAPE, "%" PRId64 " input channels are not a multiple of num_group %" PRId64, channels,
                       groups);
  mxn_type weight = {.n_dims = n_spatial + 2, .dims = {filters, channels < 0 ? -1 : channels / groups}};
  for (int32_t i = 0; i < n_spatial; i++) weight.dims[2 + i] = window_attribute(n, "kernel", i, 1);
  TRY(infer_input(x, 1, &weight));
  return x->n_inputs < 3 ? MXN_OK : infer_input(x, 2, &(mxn_type){.n_dims = 1, .dims = {filters}});
}

/* One spatial dimension, forward, and back where the stride is 1. */
static mxn_status infer_dimension(inference *x, int32_t i, int64_t *in, int64_t *out) {
  const node *n = x->node;
  const int64_t extent = window_extent(window_attribute(n, "kernel", i, 1), window_attribute(n, "dilate", i, 1));
  const int64_t stride = window_attribute(n, "stride", i, 1), pad = window_attribute(n, "pad", i, 0);
  int64_t padded;
  if (*in < 0 && *out >= 0 && stride == 1) {
    int64_t back;
    if (__builtin_add_overflow(*out, extent - 1 - 2 * pad, &back) || back < 0)
      return infer_error(x, MXN_SHAPE, "no input gives an output of %" PRId64, *out);
    *in = back;
  }
  if (*in < 0) return MXN_OK;
  if (__builtin_add_overflow(*in, 2 * pad, &padded) || extent > padded)
    return infer_error(x, MXN_SHAPE,
                       "the kernel spans %" PRId64 ", more than the input of %" PRId64 " with pad %" PRId64, extent,
                       *in, pad);
  *out = (padded - extent) / stride + 1;
  return MXN_OK;
}

mxn_status convolution_shape(inference *x) {
  const int32_t n_spatial = op_tuple_of(x->node, "kernel").n;
  TRY(window_check_filters(x, n_spatial));
  mxn_type in = {.n_dims = n_spatial + 2}, out = in;
  for (int32_t d = 0; d < in.n_dims; d++) in.dims[d] = out.dims[d] = -1;
  TRY(infer_input(x, 0, &in));
  TRY(infer_output(x, 0, &out));
  in = *x->inputs[0];
  out = *x->outputs[0];
  TRY(infer_weights(x, n_spatial, in.dims[1]));
  if (in.dims[1] < 0 && x->inputs[1]->dims[1] > 0)
    (void)!dims_multiply(x->inputs[1]->dims[1], op_int(x->node, "num_group"), &in.dims[1]);
  if (in.dims[0] < 0) in.dims[0] = out.dims[0];
  out.dims[0] = in.dims[0];
  out.dims[1] = op_int(x->node, "num_filter");
  for (int32_t i = 0; i < n_spatial; i++) TRY(infer_dimension(x, i, &in.dims[2 + i], &out.dims[2 + i]));
  TRY(infer_input(x, 0, &in));
  return infer_output(x, 0, &out);
}

/* Forward. */

enum { LANES = 4, FILTERS = 4, CHUNK_DOUBLES = 32 << 10, CHUNK_CHANNELS = 8 };

typedef double lanes __attribute__((vector_size(LANES * sizeof(double))));

/* Sizes are in doubles. */
typedef struct convolution {
  window w;
  int64_t channels, filters; /* of one group */
  int64_t taps;
  int64_t phase_step, row_step, plane_step, channel_step; /* in the padded image */
  int64_t pixels;                                         /* of an output channel */
  int64_t *offsets;                                       /* [taps] from the first tap's element */
  double *image;                                          /* [channels][d][h][phase][column] */
  double *weights;                                        /* [filters / 4][channels][taps][4] */
  double *sums;                                           /* [filters rounded up][pixels] */
  double *row;                                            /* of the image, or the weights of a filter */
} convolution;

static int64_t round_up(int64_t n, int64_t step) { return (n + step - 1) / step * step; }

/* A product of sizes; what overflows is out of memory to arena_array(). */
static int64_t multiply(const forward *f, int64_t a, int64_t b) {
  int64_t n;
  if (__builtin_mul_overflow(a, b, &n)) (void)arena_array(f->scratch, SIZE_MAX, sizeof(double));
  return n;
}

static double *scratch_doubles(const forward *f, int64_t a, int64_t b) {
  return arena_array(f->scratch, (size_t)multiply(f, a, b), sizeof(double));
}

/* A kernel of one tap that visits every pixel sees the image as one row. */
static void flatten_window(window *w) {
  int64_t pixels = 1;
  for (int i = 0; i < SPATIAL_DIMS; i++) {
    if (w->kernel[i] != 1 || w->stride[i] != 1 || w->pad[i] != 0) return;
    pixels *= w->in[i];
  }
  *w = (window){
      .in = {1, 1, pixels}, .out = {1, 1, pixels}, .kernel = {1, 1, 1}, .stride = {1, 1, 1}, .dilate = {1, 1, 1}};
}

static void set_offsets(convolution *c) {
  const window *w = &c->w;
  int64_t *offset = c->offsets;
  for (int64_t d = 0; d < w->kernel[0]; d++)
    for (int64_t h = 0; h < w->kernel[1]; h++)
      for (int64_t k = 0; k < w->kernel[2]; k++) {
        const int64_t column = k * w->dilate[2];
        *offset++ = d * w->dilate[0] * c->plane_step + h * w->dilate[1] * c->row_step +
                    column % w->stride[2] * c->phase_step + column / w->stride[2];
      }
}

static convolution prepare(const forward *f) {
  const node *n = f->node;
  const mxn_type *in = &f->inputs[0].type, *out = &f->outputs[0].type;
  const int64_t groups = op_int(n, "num_group");
  convolution c = {.channels = in->dims[1] / groups, .filters = out->dims[1] / groups};
  c.w = window_of(n, in, out, 2, in->n_dims - 2, true);
  flatten_window(&c.w);
  const window *w = &c.w;
  c.taps = w->kernel[0] * w->kernel[1] * w->kernel[2];
  c.phase_step = (w->in[2] + 2 * w->pad[2]) / w->stride[2] + 1 + LANES;
  c.row_step = multiply(f, w->stride[2], c.phase_step);
  c.pixels = w->out[0] * w->out[1] * w->out[2];
  c.plane_step = multiply(f, w->in[1] + 2 * w->pad[1], c.row_step);
  c.channel_step = multiply(f, w->in[0] + 2 * w->pad[0], c.plane_step);
  c.image = scratch_doubles(f, c.channels, c.channel_step);
  c.weights = scratch_doubles(f, round_up(c.filters, FILTERS), c.channels * c.taps);
  c.sums = scratch_doubles(f, round_up(c.filters, FILTERS), c.pixels + LANES);
  c.row = scratch_doubles(f, w->in[2] + c.channels * c.taps, 1);
  c.offsets = arena_array(f->scratch, (size_t)c.taps, sizeof *c.offsets);
  set_offsets(&c);
  return c;
}

/* [filters][channels][taps] to blocks of 4 filters; missing filters are 0. */
static void pack_weights(const forward *f, const convolution *c, int64_t group) {
  const int64_t per_filter = c->channels * c->taps;
  for (int64_t o = 0; o < c->filters; o++) {
    load_doubles(&f->inputs[1], (group * c->filters + o) * per_filter, per_filter, c->row);
    double *block = c->weights + o / FILTERS * FILTERS * per_filter + o % FILTERS;
    for (int64_t i = 0; i < per_filter; i++) block[i * FILTERS] = c->row[i];
  }
}

/* A row of the input goes to its phases: column x of the padded row is element
 * x / stride of phase x % stride. */
static void place_row(const convolution *c, double *to) {
  const window *w = &c->w;
  if (w->stride[2] == 1) {
    memcpy(to + w->pad[2], c->row, (size_t)w->in[2] * sizeof *to);
    return;
  }
  for (int64_t i = 0; i < w->in[2]; i++) {
    const int64_t column = i + w->pad[2];
    to[column % w->stride[2] * c->phase_step + column / w->stride[2]] = c->row[i];
  }
}

/* The border of the image is zero from its allocation on. */
static void load_image(const forward *f, const convolution *c, int64_t first_channel) {
  const window *w = &c->w;
  const int64_t rows = w->in[0] * w->in[1];
  for (int64_t channel = 0; channel < c->channels; channel++)
    for (int64_t r = 0; r < rows; r++) {
      const int64_t d = r / w->in[1] + w->pad[0], h = r % w->in[1] + w->pad[1];
      load_doubles(&f->inputs[0], ((first_channel + channel) * rows + r) * w->in[2], w->in[2], c->row);
      place_row(c, c->image + channel * c->channel_step + d * c->plane_step + h * c->row_step);
    }
}

static inline void add_lanes(double *to, const lanes *v) {
  lanes sum;
  memcpy(&sum, to, sizeof sum);
  sum += *v;
  memcpy(to, &sum, sizeof sum);
}

/* 4 filters by 4 columns: all taps of `channels` channels. */
static void add_tile(const convolution *c, int64_t channels, const double *image, const double *weights, double *sums,
                     int64_t filter_step) {
  lanes a0 = {0}, a1 = {0}, a2 = {0}, a3 = {0};
  for (int64_t channel = 0; channel < channels; channel++, image += c->channel_step)
    for (int64_t t = 0; t < c->taps; t++, weights += FILTERS) {
      lanes x;
      memcpy(&x, image + c->offsets[t], sizeof x);
      a0 += weights[0] * x;
      a1 += weights[1] * x;
      a2 += weights[2] * x;
      a3 += weights[3] * x;
    }
  add_lanes(sums, &a0);
  add_lanes(sums + filter_step, &a1);
  add_lanes(sums + 2 * filter_step, &a2);
  add_lanes(sums + 3 * filter_step, &a3);
}

/* A tile that reaches beyond the row puts its sums into a buffer first. */
static void add_last_tile(const convolution *c, int64_t channels, const double *image, const double *weights,
                          double *sums, int64_t columns) {
  double tile[FILTERS * LANES] = {0};
  add_tile(c, channels, image, weights, tile, LANES);
  for (int o = 0; o < FILTERS; o++)
    for (int64_t i = 0; i < columns; i++) sums[o * c->pixels + i] += tile[o * LANES + i];
}

/* All pixels of 4 filters. */
static void add_block(const convolution *c, int64_t channels, const double *image, const double *weights,
                      double *sums) {
  const window *w = &c->w;
  for (int64_t r = 0; r < w->out[0] * w->out[1]; r++, sums += w->out[2]) {
    const int64_t d = r / w->out[1] * w->stride[0], h = r % w->out[1] * w->stride[1];
    const double *row = image + d * c->plane_step + h * c->row_step;
    int64_t i = 0;
    for (; i + LANES <= w->out[2]; i += LANES) add_tile(c, channels, row + i, weights, sums + i, c->pixels);
    if (i < w->out[2]) add_last_tile(c, channels, row + i, weights, sums + i, w->out[2] - i);
  }
}

static void convolve(const convolution *c) {
  const int64_t fitting = CHUNK_DOUBLES / c->channel_step;
  const int64_t chunk = fitting > CHUNK_CHANNELS ? fitting : CHUNK_CHANNELS;
  for (int64_t first = 0; first < c->channels; first += chunk) {
    const int64_t channels = c->channels - first < chunk ? c->channels - first : chunk;
    for (int64_t o = 0; o < c->filters; o += FILTERS)
      add_block(c, channels, c->image + first * c->channel_step,
                c->weights + (o * c->channels + first * FILTERS) * c->taps, c->sums + o * c->pixels);
  }
}

static void start_sums(const forward *f, const convolution *c, int64_t group) {
  const bool has_bias = inputs_with_bias(f->node) == 3;
  for (int64_t o = 0; o < c->filters; o++) {
    double bias = 0;
    if (has_bias) load_doubles(&f->inputs[2], group * c->filters + o, 1, &bias);
    for (int64_t i = 0; i < c->pixels; i++) c->sums[o * c->pixels + i] = bias;
  }
}

mxn_status convolution_forward(const forward *f) {
  const int64_t images = f->outputs[0].type.dims[0], groups = op_int(f->node, "num_group");
  int64_t elements = 0;
  if (shape_elements(&f->outputs[0].type, &elements) && elements == 0) return MXN_OK;
  const convolution c = prepare(f);
  for (int64_t g = 0; g < groups; g++) {
    pack_weights(f, &c, g);
    for (int64_t i = 0; i < images; i++) {
      load_image(f, &c, (i * groups + g) * c.channels);
      start_sums(f, &c, g);
      convolve(&c);
      store_doubles(&f->outputs[0], (i * groups + g) * c.filters * c.pixels, c.filters * c.pixels, c.sums);
    }
  }
  return MXN_OK;
}
