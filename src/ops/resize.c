/* resize.c - images of another size: UpSampling, BilinearResize2D and
 * AdaptiveAvgPooling2D. All are (N, C, H, W).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "ops/family.h"
#include "ops/number.h"

enum { N, C, H, W };

static const mxn_type any_image = {.n_dims = 4, .dims = {-1, -1, -1, -1}};

static bool is_text(const node *n, const char *name, const char *text) { return strcmp(op_text(n, name), text) == 0; }

/* UpSampling. With several inputs each one is enlarged to the size that the first
 * one gets; bilinear is a transposed convolution, whose weights are an input. */

/* num_args counts the images; MXNet completes it to 1 where the weight is left to it. */
uint32_t upsampling_inputs(const node *n) { return is_text(n, "sample_type", "nearest") ? count_arguments(n) : 2; }

static int64_t bilinear_kernel(const node *n) {
  const int64_t scale = op_int(n, "scale");
  return 2 * scale - scale % 2;
}

static mxn_status scaled(inference *x, int64_t size, int64_t *out) {
  *out = -1;
  if (size >= 0 && __builtin_mul_overflow(size, op_int(x->node, "scale"), out))
    return infer_error(x, MXN_SHAPE, "the size overflows");
  return MXN_OK;
}

static mxn_status check_divides(inference *x, uint32_t input, int64_t in, int64_t out) {
  if (in < 0 || out < 0 || (in > 0 && out % in == 0)) return MXN_OK;
  return infer_error(x, MXN_SHAPE, "input %u has size %" PRId64 ", expected a divisor of %" PRId64, input, in, out);
}

/* An input is enlarged by one number in both directions. */
static mxn_status check_one_scale(inference *x, uint32_t input, const mxn_type *output) {
  const int64_t *in = x->inputs[input]->dims, *out = output->dims;
  if (in[H] < 1 || in[W] < 1 || out[H] < 0 || out[W] < 0 || out[H] / in[H] == out[W] / in[W]) return MXN_OK;
  return infer_error(x, MXN_SHAPE, "input %u would grow by %" PRId64 " and %" PRId64 ", expected one scale", input,
                     out[H] / in[H], out[W] / in[W]);
}

static mxn_status nearest_channels(inference *x, const mxn_type *output, int64_t *channels) {
  const bool is_sum = is_text(x->node, "multi_input_mode", "sum");
  *channels = 0;
  for (uint32_t i = 0; i < x->n_inputs; i++) {
    const mxn_type *t = x->inputs[i];
    TRY(infer_input(x, i, &any_image));
    TRY(check_divides(x, i, t->dims[H], output->dims[H]));
    TRY(check_divides(x, i, t->dims[W], output->dims[W]));
    TRY(check_one_scale(x, i, output));
    if (is_sum && i > 0 && *channels >= 0 && t->dims[C] >= 0 && t->dims[C] != *channels)
      return infer_error(x, MXN_SHAPE, "input %u has %" PRId64 " channels, expected %" PRId64, i, t->dims[C],
                         *channels);
    if (t->dims[C] < 0 || *channels < 0)
      *channels = -1;
    else if (is_sum)
      *channels = t->dims[C];
    else if (__builtin_add_overflow(*channels, t->dims[C], channels))
      return infer_error(x, MXN_SHAPE, "the number of channels overflows");
  }
  return MXN_OK;
}

mxn_status upsampling_shape(inference *x) {
  TRY(infer_input(x, 0, &any_image));
  const mxn_type *data = x->inputs[0];
  mxn_type output = {.n_dims = 4, .dims = {data->dims[N], data->dims[C]}};
  for (uint32_t i = 1; i < x->n_inputs && is_text(x->node, "sample_type", "nearest"); i++)
    TRY(infer_input(x, i, &(mxn_type){.n_dims = 4, .dims = {data->dims[N], -1, -1, -1}}));
  TRY(scaled(x, data->dims[H], &output.dims[H]));
  TRY(scaled(x, data->dims[W], &output.dims[W]));
  if (is_text(x->node, "sample_type", "nearest")) {
    TRY(nearest_channels(x, &output, &output.dims[C]));
    return infer_output(x, 0, &output);
  }
  const int64_t kernel = bilinear_kernel(x->node), filters = op_int(x->node, "num_filter");
  if (data->dims[C] >= 0 && filters != data->dims[C])
    return infer_error(x, MXN_SHAPE, "num_filter is %" PRId64 ", expected %" PRId64, filters, data->dims[C]);
  const mxn_type weight = {.n_dims = 4, .dims = {data->dims[C], 1, kernel, kernel}};
  TRY(infer_input(x, 1, &weight));
  return infer_output(x, 0, &output);
}

/* Plane `plane` of an input, enlarged and added to `out` or put there. */
static void enlarge(const mxn_tensor *in, int64_t plane, const int64_t *to, bool is_added, double *from, double *out) {
  const int64_t *dims = in->type.dims;
  load_doubles(in, plane * dims[H] * dims[W], dims[H] * dims[W], from);
  const int64_t scale_h = to[H] / dims[H], scale_w = to[W] / dims[W];
  for (int64_t y = 0; y < to[H]; y++)
    for (int64_t x = 0; x < to[W]; x++) {
      const double value_here = from[y / scale_h * dims[W] + x / scale_w];
      out[y * to[W] + x] = value_here + (is_added ? out[y * to[W] + x] : 0);
    }
}

static mxn_status upsampling_nearest(const forward *f) {
  const int64_t *to = f->outputs[0].type.dims, plane = to[H] * to[W];
  const bool is_sum = is_text(f->node, "multi_input_mode", "sum");
  double *out = arena_array(f->scratch, (size_t)plane, 2 * sizeof *out), *from = out + plane;
  for (int64_t n = 0; n < to[N]; n++) {
    int64_t first = 0;
    for (uint32_t i = 0; i < op_own_inputs(f->node); i++) {
      const int64_t channels = f->inputs[i].type.dims[C];
      for (int64_t c = 0; c < channels; c++) {
        const int64_t at = (n * to[C] + (is_sum ? 0 : first) + c) * plane;
        if (is_sum && i > 0) load_doubles(&f->outputs[0], at, plane, out);
        enlarge(&f->inputs[i], n * channels + c, to, is_sum && i > 0, from, out);
        store_doubles(&f->outputs[0], at, plane, out);
      }
      first += channels;
    }
  }
  return MXN_OK;
}

/* Add a pixel's share to the outputs that it reaches. */
static void spread(const double *weight, int64_t kernel, double pixel, int64_t top, int64_t left, const int64_t *to,
                   double *out) {
  for (int64_t y = 0; y < kernel; y++)
    for (int64_t x = 0; x < kernel; x++) {
      const int64_t oy = top + y, ox = left + x;
      if (oy >= 0 && oy < to[H] && ox >= 0 && ox < to[W]) out[oy * to[W] + ox] += pixel * weight[y * kernel + x];
    }
}

static mxn_status upsampling_bilinear(const forward *f) {
  const int64_t *in = f->inputs[0].type.dims, *to = f->outputs[0].type.dims;
  const int64_t pixels = in[H] * in[W], plane = to[H] * to[W], kernel = bilinear_kernel(f->node);
  const int64_t scale = op_int(f->node, "scale"), pad = scale / 2;
  double *image = arena_array(f->scratch, (size_t)pixels, sizeof *image);
  double *weight = arena_array(f->scratch, (size_t)(kernel * kernel), sizeof *weight);
  double *out = arena_array(f->scratch, (size_t)plane, sizeof *out);
  for (int64_t p = 0; p < in[N] * in[C]; p++) {
    load_doubles(&f->inputs[0], p * pixels, pixels, image);
    load_doubles(&f->inputs[1], p % in[C] * kernel * kernel, kernel * kernel, weight);
    memset(out, 0, (size_t)plane * sizeof *out);
    for (int64_t i = 0; i < pixels; i++)
      spread(weight, kernel, image[i], i / in[W] * scale - pad, i % in[W] * scale - pad, to, out);
    store_doubles(&f->outputs[0], p * plane, plane, out);
  }
  return MXN_OK;
}

mxn_status upsampling_forward(const forward *f) {
  int64_t n = 0;
  if (!shape_elements(&f->outputs[0].type, &n) || n == 0) return MXN_OK;
  return is_text(f->node, "sample_type", "nearest") ? upsampling_nearest(f) : upsampling_bilinear(f);
}

/* BilinearResize2D. */

uint32_t bilinear_resize_inputs(const node *n) { return is_text(n, "mode", "like") ? 2 : 1; }

/* MXNet looks at scale_height alone to tell whether scales are given. */
static mxn_status check_scales(inference *x) {
  const node *n = x->node;
  const bool wants = is_text(n, "mode", "odd_scale") || !op_is_none(n, "scale_height");
  if (!is_text(n, "mode", "size") && !is_text(n, "mode", "odd_scale")) return MXN_OK;
  if (wants && (op_is_none(n, "scale_height") || op_is_none(n, "scale_width")))
    return infer_error(x, MXN_SHAPE, "scale_height and scale_width are expected together");
  return MXN_OK;
}

/* 0, which nobody can resize to, where the size is beyond all images. */
static int64_t times(float size, float factor) {
  const float product = size * factor;
  return product >= 0 && product < (float)INT32_MAX ? (int64_t)product : 0;
}

static int64_t resized(const node *n, int64_t in, int64_t like, const char *size, const char *scale) {
  if (is_text(n, "mode", "like")) return like;
  if (is_text(n, "mode", "size") && op_is_none(n, "scale_height")) return op_int(n, size);
  if (in < 0) return -1;
  const bool is_odd = in % 2 != 0;
  if (is_text(n, "mode", "size")) return times((float)in, (float)op_float(n, scale));
  if (is_text(n, "mode", "odd_scale")) {
    const float factor = (float)op_float(n, scale);
    return is_odd ? times((float)(in - 1), factor) + 1 : times((float)in, factor);
  }
  if (is_odd == (strncmp(op_text(n, "mode"), "to_odd", 6) == 0)) return in;
  const char *mode = op_text(n, "mode");
  return strcmp(mode + strlen(mode) - 2, "up") == 0 ? in + 1 : in - 1;
}

mxn_status bilinear_resize_shape(inference *x) {
  TRY(infer_input(x, 0, &any_image));
  TRY(check_scales(x));
  const mxn_type *data = x->inputs[0];
  const bool has_like = x->n_inputs > 1;
  if (has_like) TRY(infer_input(x, 1, &any_image));
  if (data->dims[H] == 0 || data->dims[W] == 0) return infer_error(x, MXN_SHAPE, "data has no pixels");
  mxn_type output = *data;
  output.dims[H] = resized(x->node, data->dims[H], has_like ? x->inputs[1]->dims[H] : -1, "height", "scale_height");
  output.dims[W] = resized(x->node, data->dims[W], has_like ? x->inputs[1]->dims[W] : -1, "width", "scale_width");
  if (output.dims[H] == 0 || output.dims[W] == 0 || output.dims[H] > INT16_MAX || output.dims[W] > INT16_MAX)
    return infer_error(x, MXN_SHAPE, "the output would be %" PRId64 " by %" PRId64 ", expected 1 to %d", output.dims[H],
                       output.dims[W], INT16_MAX);
  return infer_output(x, 0, &output);
}

/* Where an output's coordinate lies in the input: between `first` and the next. */
typedef struct position {
  int64_t first, next;
  double weight; /* of `next` */
} position;

/* MXNet computes coordinates in float32, and what they are decides which pixels
 * are taken. */
static position position_of(int64_t i, int64_t in, int64_t out, bool align_corners) {
  const float scale = out <= 1 ? 0 : align_corners ? (float)(in - 1) / (float)(out - 1) : (float)in / (float)out;
  float at = scale * (float)i;
  if (!align_corners) at = (float)((double)scale * ((double)i + 0.5) - 0.5);
  if (at < 0) at = 0;
  position p = {.first = (int64_t)at};
  if (p.first > in - 1) p.first = in - 1;
  p.next = p.first < in - 1 ? p.first + 1 : p.first;
  p.weight = (double)at - (double)p.first;
  return p;
}

mxn_status bilinear_resize_forward(const forward *f) {
  const int64_t *in = f->inputs[0].type.dims, *to = f->outputs[0].type.dims;
  const int64_t pixels = in[H] * in[W], plane = to[H] * to[W];
  const bool align = op_bool(f->node, "align_corners");
  if (in[H] == to[H] && in[W] == to[W]) return copy_forward(f);
  double *image = arena_array(f->scratch, (size_t)pixels, sizeof *image);
  double *out = arena_array(f->scratch, (size_t)plane, sizeof *out);
  for (int64_t p = 0; p < in[N] * in[C]; p++) {
    load_doubles(&f->inputs[0], p * pixels, pixels, image);
    for (int64_t i = 0; i < plane; i++) {
      const position y = position_of(i / to[W], in[H], to[H], align), x = position_of(i % to[W], in[W], to[W], align);
      const double *top = image + y.first * in[W], *bottom = image + y.next * in[W];
      out[i] = (1 - y.weight) * ((1 - x.weight) * top[x.first] + x.weight * top[x.next]) +
               y.weight * ((1 - x.weight) * bottom[x.first] + x.weight * bottom[x.next]);
    }
    store_doubles(&f->outputs[0], p * plane, plane, out);
  }
  return MXN_OK;
}

/* AdaptiveAvgPooling2D: output i is the mean of the inputs that its share touches. */

mxn_status adaptive_pooling_shape(inference *x) {
  const op_tuple size = op_tuple_of(x->node, "output_size");
  TRY(infer_input(x, 0, &any_image));
  mxn_type output = *x->inputs[0];
  if (size.n > 2) return infer_error(x, MXN_SHAPE, "output_size has %d values, expected at most 2", size.n);
  output.dims[H] = size.n < 1 ? 1 : size.v[0];
  output.dims[W] = size.n < 1 ? 1 : size.v[size.n - 1];
  if (output.dims[H] < 1 || output.dims[W] < 1)
    return infer_error(x, MXN_SHAPE, "output_size is %" PRId64 " by %" PRId64 ", expected at least 1", output.dims[H],
                       output.dims[W]);
  return infer_output(x, 0, &output);
}

static int64_t share_begin(int64_t i, int64_t out, int64_t in) { return i * in / out; }
static int64_t share_end(int64_t i, int64_t out, int64_t in) { return ((i + 1) * in + out - 1) / out; }

static double mean_of(const double *image, const int64_t *in, const int64_t *to, int64_t oy, int64_t ox) {
  const int64_t top = share_begin(oy, to[H], in[H]), bottom = share_end(oy, to[H], in[H]);
  const int64_t left = share_begin(ox, to[W], in[W]), right = share_end(ox, to[W], in[W]);
  double sum = 0;
  for (int64_t y = top; y < bottom; y++)
    for (int64_t x = left; x < right; x++) sum += image[y * in[W] + x];
  return sum / (double)(right - left) / (double)(bottom - top);
}

mxn_status adaptive_pooling_forward(const forward *f) {
  const int64_t *in = f->inputs[0].type.dims, *to = f->outputs[0].type.dims;
  const int64_t pixels = in[H] * in[W], plane = to[H] * to[W];
  double *image = arena_array(f->scratch, (size_t)pixels, sizeof *image);
  double *out = arena_array(f->scratch, (size_t)plane, sizeof *out);
  for (int64_t p = 0; p < in[N] * in[C]; p++) {
    load_doubles(&f->inputs[0], p * pixels, pixels, image);
    for (int64_t i = 0; i < plane; i++) out[i] = mean_of(image, in, to, i / to[W], i % to[W]);
    store_doubles(&f->outputs[0], p * plane, plane, out);
  }
  return MXN_OK;
}
