/* roi.c - regions of an image brought to one size: ROIPooling, ROIAlign and
 * PSROIPooling. A region is (image, left, top, right, bottom) in pixels of the
 * original image, spatial_scale brings it to the feature map.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "ops/family.h"
#include "ops/number.h"

enum { N, C, H, W };

/* Channels of the output, and its height and width. */
static mxn_status infer_regions(inference *x, int64_t channels, int64_t height, int64_t width, int64_t numbers) {
  const mxn_type regions = {.n_dims = 2, .dims = {-1, numbers}};
  TRY(infer_input(x, 1, &regions));
  if (height < 1 || width < 1)
    return infer_error(x, MXN_SHAPE, "pooled_size is %" PRId64 " by %" PRId64 ", expected at least 1", height, width);
  const mxn_type output = {.n_dims = 4, .dims = {x->inputs[1]->dims[0], channels, height, width}};
  for (uint32_t i = 0; i < x->n_outputs; i++) TRY(infer_output(x, i, &output));
  return MXN_OK;
}

static mxn_status infer_image(inference *x, int64_t pooled[2]) {
  const mxn_type image = {.n_dims = 4, .dims = {-1, -1, -1, -1}};
  const op_tuple size = op_tuple_of(x->node, "pooled_size");
  TRY(infer_input(x, 0, &image));
  if (size.n != 2) return infer_error(x, MXN_SHAPE, "pooled_size has %d values, expected 2", size.n);
  pooled[0] = size.v[0];
  pooled[1] = size.v[1];
  return MXN_OK;
}

static int64_t clamp(double x, int64_t high) { return !(x > 0) ? 0 : x > (double)high ? high : (int64_t)x; }

static mxn_status load_region(const forward *f, int64_t i, int64_t numbers, double region[5]) {
  const int64_t images = f->inputs[0].type.dims[N];
  region[0] = 0;
  load_doubles(&f->inputs[1], i * numbers, numbers, region + 5 - numbers);
  if (region[0] < (double)images) return MXN_OK;
  return op_error(NULL, f->node, f->err, MXN_ARGUMENT, "region %" PRId64 " is of image %g, expected 0 to %" PRId64, i,
                  region[0], images - 1);
}

/* ROIPooling: the largest value of each bin; a bin of nothing is 0. */

mxn_status roi_pooling_shape(inference *x) {
  int64_t pooled[2] = {0};
  const double scale = op_float(x->node, "spatial_scale");
  if (!(scale >= 0 && scale <= 1)) return infer_error(x, MXN_SHAPE, "spatial_scale is %g, expected 0 to 1", scale);
  TRY(infer_image(x, pooled));
  return infer_regions(x, x->inputs[0]->dims[C], pooled[0], pooled[1], 5);
}

/* The pixels [begin, end) of bin i; MXNet divides in the type of the data. */
static void bin_range(int64_t i, double start, double length, int64_t bins, int64_t size, mxn_dtype dtype,
                      int64_t *begin, int64_t *end) {
  const double bin = round_to(dtype, length / (double)bins);
  *begin = clamp(floor(round_to(dtype, (double)i * bin)) + start, size);
  *end = clamp(ceil(round_to(dtype, (double)(i + 1) * bin)) + start, size);
}

static double largest(const double *plane, int64_t width, const int64_t y[2], const int64_t x[2], double *at) {
  double best = -INFINITY;
  *at = -1;
  for (int64_t h = y[0]; h < y[1]; h++)
    for (int64_t w = x[0]; w < x[1]; w++)
      if (plane[h * width + w] > best) {
        best = plane[h * width + w];
        *at = (double)(h * width + w);
      }
  return *at < 0 ? 0 : best;
}

static void pool_region(const forward *f, int64_t i, const double *region, const double *image) {
  const int64_t *in = f->inputs[0].type.dims, *to = f->outputs[0].type.dims, bins = to[H] * to[W];
  const mxn_dtype dtype = f->inputs[0].type.dtype;
  const float scale = (float)op_float(f->node, "spatial_scale");
  double edge[4];
  for (int k = 0; k < 4; k++) edge[k] = round((double)((float)region[k + 1] * scale));
  const double width = fmax(edge[2] - edge[0] + 1, 1), height = fmax(edge[3] - edge[1] + 1, 1);
  for (int64_t k = 0; k < to[C] * bins; k++) {
    int64_t y[2] = {0}, x[2] = {0};
    double at = -1, best = 0;
    bin_range(k % bins / to[W], edge[1], height, to[H], in[H], dtype, &y[0], &y[1]);
    bin_range(k % to[W], edge[0], width, to[W], in[W], dtype, &x[0], &x[1]);
    if (region[0] >= 0 && region[0] < (double)in[N])
      best = largest(image + (((int64_t)region[0] * in[C]) + k / bins) * in[H] * in[W], in[W], y, x, &at);
    store_doubles(&f->outputs[0], i * to[C] * bins + k, 1, &best);
    if (f->node->n_outputs > 1) store_doubles(&f->outputs[1], i * to[C] * bins + k, 1, &at);
  }
}

mxn_status roi_pooling_forward(const forward *f) {
  int64_t n;
  const double *image = input_doubles(f, 0, &n);
  for (int64_t i = 0; i < f->outputs[0].type.dims[0]; i++) {
    double region[5];
    load_doubles(&f->inputs[1], i * 5, 5, region);
    pool_region(f, i, region, image);
  }
  return MXN_OK;
}

/* ROIAlign: the mean of points between the pixels. */

mxn_status roi_align_shape(inference *x) {
  int64_t pooled[2] = {0}, channels, bins;
  const double scale = op_float(x->node, "spatial_scale");
  if (!(scale >= 0 && scale <= 1)) return infer_error(x, MXN_SHAPE, "spatial_scale is %g, expected 0 to 1", scale);
  TRY(infer_image(x, pooled));
  channels = x->inputs[0]->dims[C];
  if (op_bool(x->node, "position_sensitive") && channels >= 0) {
    if (pooled[0] < 1 || pooled[1] < 1 || !dims_multiply(pooled[0], pooled[1], &bins) || channels % bins != 0)
      return infer_error(x, MXN_SHAPE, "data has %" PRId64 " channels, expected a multiple of pooled_size", channels);
    channels /= bins;
  }
  return infer_regions(x, channels, pooled[0], pooled[1], 5);
}

double between_pixels(const double *plane, int64_t height, int64_t width, double y, double x) {
  if (!(y >= -1 && y <= (double)height && x >= -1 && x <= (double)width) || height == 0 || width == 0) return 0;
  if (y <= 0) y = 0;
  if (x <= 0) x = 0;
  if (y >= (double)(height - 1)) y = (double)(height - 1);
  if (x >= (double)(width - 1)) x = (double)(width - 1);
  const int64_t top = (int64_t)y, left = (int64_t)x;
  const int64_t bottom = top < height - 1 ? top + 1 : top, right = left < width - 1 ? left + 1 : left;
  const double ly = y - (double)top, lx = x - (double)left;
  return (1 - ly) * ((1 - lx) * plane[top * width + left] + lx * plane[top * width + right]) +
         ly * ((1 - lx) * plane[bottom * width + left] + lx * plane[bottom * width + right]);
}

/* A region on the feature map, and how many points a bin has. */
typedef struct aligned_region {
  double top, left, bin_h, bin_w;
  int64_t points_h, points_w;
} aligned_region;

static mxn_status align_region(const forward *f, const double *region, aligned_region *out) {
  const int64_t *to = f->outputs[0].type.dims, ratio = op_int(f->node, "sample_ratio");
  const double scale = op_float(f->node, "spatial_scale"), offset = op_bool(f->node, "aligned") ? 0.5 : 0;
  double width = (region[3] - region[1]) * scale, height = (region[4] - region[2]) * scale;
  const double most = 1 << 20;
  if (op_bool(f->node, "aligned") && !(width > 0 && height > 0))
    return op_error(NULL, f->node, f->err, MXN_ARGUMENT, "a region is %g by %g, expected more than 0", width, height);
  if (!op_bool(f->node, "aligned")) {
    width = fmax(width, 1);
    height = fmax(height, 1);
  }
  if (!(width < most && height < most) || ratio > (1 << 20))
    return op_error(NULL, f->node, f->err, MXN_ARGUMENT, "a region is %g by %g, which is too large", width, height);
  *out = (aligned_region){.top = region[2] * scale - offset,
                          .left = region[1] * scale - offset,
                          .bin_h = height / (double)to[H],
                          .bin_w = width / (double)to[W]};
  const mxn_dtype dtype = f->inputs[0].type.dtype;
  out->points_h = ratio > 0 ? ratio : (int64_t)ceil(round_to(dtype, out->bin_h));
  out->points_w = ratio > 0 ? ratio : (int64_t)ceil(round_to(dtype, out->bin_w));
  return MXN_OK;
}

static double mean_of_bin(const aligned_region *r, const double *plane, const int64_t *in, int64_t row,
                          int64_t column) {
  double sum = 0;
  for (int64_t i = 0; i < r->points_h; i++)
    for (int64_t k = 0; k < r->points_w; k++) {
      const double y = r->top + ((double)row + ((double)i + 0.5) / (double)r->points_h) * r->bin_h;
      const double x = r->left + ((double)column + ((double)k + 0.5) / (double)r->points_w) * r->bin_w;
      sum += between_pixels(plane, in[H], in[W], y, x);
    }
  return sum / (double)(r->points_h * r->points_w);
}

mxn_status roi_align_forward(const forward *f) {
  const int64_t *in = f->inputs[0].type.dims, *to = f->outputs[0].type.dims, bins = to[H] * to[W];
  const bool is_sensitive = op_bool(f->node, "position_sensitive");
  int64_t n;
  const double *image = input_doubles(f, 0, &n);
  for (int64_t i = 0; i < to[0]; i++) {
    double region[5];
    aligned_region r = {0};
    TRY(load_region(f, i, 5, region));
    TRY(align_region(f, region, &r));
    for (int64_t k = 0; k < to[C] * bins; k++) {
      const int64_t channel = is_sensitive ? k : k / bins;
      double mean = 0;
      if (region[0] >= 0)
        mean = mean_of_bin(&r, image + ((int64_t)region[0] * in[C] + channel) * in[H] * in[W], in, k % bins / to[W],
                           k % to[W]);
      store_doubles(&f->outputs[0], i * to[C] * bins + k, 1, &mean);
    }
  }
  return MXN_OK;
}

/* PSROIPooling: every bin has a channel of its own. */

static int64_t group_size(const node *n) {
  const int64_t size = op_int(n, "group_size");
  return size == 0 ? op_int(n, "pooled_size") : size;
}

mxn_status psroi_pooling_shape(inference *x) {
  const mxn_type image = {.n_dims = 4, .dims = {-1, -1, -1, -1}};
  const int64_t size = op_int(x->node, "pooled_size"), group = group_size(x->node), dim = op_int(x->node, "output_dim");
  int64_t channels;
  TRY(infer_input(x, 0, &image));
  if (dim < 1 || group < 1 || !dims_multiply(dim, group, &channels) || !dims_multiply(channels, group, &channels))
    return infer_error(x, MXN_SHAPE, "output_dim is %" PRId64 " and group_size %" PRId64 ", expected at least 1", dim,
                       group);
  const int64_t given = x->inputs[0]->dims[C];
  if (given >= 0 && given != channels)
    return infer_error(x, MXN_SHAPE, "data has %" PRId64 " channels, expected %" PRId64, given, channels);
  return infer_regions(x, dim, size, size, 5);
}

int64_t region_group(int64_t bin, int64_t group, int64_t bins) {
  const int64_t g = bin * group / bins;
  return g < group - 1 ? g : group - 1;
}

static double mean_of_pixels(const double *plane, int64_t width, const int64_t y[2], const int64_t x[2]) {
  double sum = 0;
  if (y[1] <= y[0] || x[1] <= x[0]) return 0;
  for (int64_t h = y[0]; h < y[1]; h++)
    for (int64_t w = x[0]; w < x[1]; w++) sum += plane[h * width + w];
  return sum / (double)((y[1] - y[0]) * (x[1] - x[0]));
}

static void scaled_range(int64_t i, double start, double bin, mxn_dtype dtype, int64_t size, int64_t range[2]) {
  range[0] = clamp(floor(round_to(dtype, (double)i * bin + start)), size);
  range[1] = clamp(ceil(round_to(dtype, (double)(i + 1) * bin + start)), size);
}

mxn_status psroi_pooling_forward(const forward *f) {
  const int64_t *in = f->inputs[0].type.dims, *to = f->outputs[0].type.dims, bins = to[H] * to[W];
  const int64_t group = group_size(f->node);
  const double scale = op_float(f->node, "spatial_scale");
  const mxn_dtype dtype = f->inputs[0].type.dtype;
  int64_t n;
  const double *image = input_doubles(f, 0, &n);
  for (int64_t i = 0; i < to[0]; i++) {
    double region[5];
    TRY(load_region(f, i, 5, region));
    const double left = round(region[1]) * scale, top = round(region[2]) * scale;
    const double width = fmax((round(region[3]) + 1) * scale - left, 0.1);
    const double height = fmax((round(region[4]) + 1) * scale - top, 0.1);
    for (int64_t k = 0; k < to[C] * bins; k++) {
      const int64_t row = k % bins / to[W], column = k % to[W];
      const int64_t c =
          (k / bins * group + region_group(row, group, to[H])) * group + region_group(column, group, to[W]);
      int64_t y[2], x[2];
      scaled_range(row, top, round_to(dtype, height / (double)to[H]), dtype, in[H], y);
      scaled_range(column, left, round_to(dtype, width / (double)to[W]), dtype, in[W], x);
      double mean = 0;
      if (region[0] >= 0) mean = mean_of_pixels(image + ((int64_t)region[0] * in[C] + c) * in[H] * in[W], in[W], y, x);
      store_doubles(&f->outputs[0], i * to[C] * bins + k, 1, &mean);
    }
  }
  return MXN_OK;
}
