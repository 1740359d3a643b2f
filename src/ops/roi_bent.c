/* roi_bent.c - regions that are turned or bent: RROIAlign and DeformablePSROIPooling.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <math.h>

#include "ops/family.h"
#include "ops/number.h"

enum { N, C, H, W };

static const mxn_type any_image = {.n_dims = 4, .dims = {-1, -1, -1, -1}};

static mxn_status check_image(const forward *f, int64_t region, double image) {
  const int64_t images = f->inputs[0].type.dims[N];
  if (image >= 0 && image < (double)images) return MXN_OK;
  return op_error(NULL, f->node, f->err, MXN_ARGUMENT, "region %" PRId64 " is of image %g, expected 0 to %" PRId64,
                  region, image, images - 1);
}

/* RROIAlign: regions are (image, centre x, centre y, width, height, degrees). */

mxn_status rroi_align_shape(inference *x) {
  const op_tuple size = op_tuple_of(x->node, "pooled_size");
  const mxn_type regions = {.n_dims = 2, .dims = {-1, 6}};
  if (size.n != 2 || size.v[0] < 1 || size.v[1] < 1)
    return infer_error(x, MXN_SHAPE, "pooled_size is not a height and a width of at least 1");
  TRY(infer_input(x, 0, &any_image));
  TRY(infer_input(x, 1, &regions));
  const mxn_type output = {.n_dims = 4, .dims = {x->inputs[1]->dims[0], x->inputs[0]->dims[C], size.v[0], size.v[1]}};
  return infer_output(x, 0, &output);
}

typedef struct turned {
  double x, y, width, height, cosine, sine;
  int64_t points_h, points_w; /* of a bin */
} turned;

static mxn_status turn(const forward *f, const double region[6], turned *t) {
  const int64_t *to = f->outputs[0].type.dims, ratio = op_int(f->node, "sampling_ratio");
  const double scale = op_float(f->node, "spatial_scale"), angle = region[5] * M_PI / 180, most = 1 << 20;
  *t = (turned){.x = region[1] * scale, .y = region[2] * scale, .cosine = cos(angle), .sine = sin(angle)};
  t->width = fmax(region[3] * scale, 1);
  t->height = fmax(region[4] * scale, 1);
  if (!(t->width < most && t->height < most) || ratio > (1 << 20))
    return op_error(NULL, f->node, f->err, MXN_ARGUMENT, "a region is %g by %g, which is too large", t->width,
                    t->height);
  t->points_h = ratio > 0 ? ratio : (int64_t)ceil(round_to(f->inputs[0].type.dtype, t->height / (double)to[H]));
  t->points_w = ratio > 0 ? ratio : (int64_t)ceil(round_to(f->inputs[0].type.dtype, t->width / (double)to[W]));
  return MXN_OK;
}

static double mean_of_bin(const turned *t, const double *plane, const int64_t *in, const int64_t *to, int64_t row,
                          int64_t column) {
  const double bin_h = t->height / (double)to[H], bin_w = t->width / (double)to[W];
  double sum = 0;
  for (int64_t i = 0; i < t->points_h * t->points_w; i++) {
    const double down = ((double)(i / t->points_w) + 0.5) / (double)t->points_h;
    const double along = ((double)(i % t->points_w) + 0.5) / (double)t->points_w;
    const double y = ((double)row + down) * bin_h - t->height / 2, x = ((double)column + along) * bin_w - t->width / 2;
    sum += between_pixels(plane, in[H], in[W], y * t->cosine - x * t->sine + t->y, x * t->cosine + y * t->sine + t->x);
  }
  return sum / (double)(t->points_h * t->points_w);
}

mxn_status rroi_align_forward(const forward *f) {
  const int64_t *in = f->inputs[0].type.dims, *to = f->outputs[0].type.dims, bins = to[H] * to[W];
  const double *image = input_doubles(f, 0, NULL), *regions = input_doubles(f, 1, NULL);
  for (int64_t i = 0; i < to[0]; i++) {
    turned t = {0};
    TRY(check_image(f, i, regions[i * 6]));
    TRY(turn(f, regions + i * 6, &t));
    for (int64_t k = 0; k < to[C] * bins; k++) {
      const double *plane = image + ((int64_t)regions[i * 6] * in[C] + k / bins) * in[H] * in[W];
      const double mean = mean_of_bin(&t, plane, in, to, k % bins / to[W], k % to[W]);
      store_doubles(&f->outputs[0], i * to[C] * bins + k, 1, &mean);
    }
  }
  return MXN_OK;
}

/* DeformablePSROIPooling: every bin has a channel of its own, and is moved by `trans`
 * (regions, classes * 2, parts, parts), in sizes of the region. */

uint32_t deformable_psroi_inputs(const node *n) { return op_bool(n, "no_trans") ? 2 : 3; }

static int64_t part_size(const node *n) {
  const int64_t size = op_int(n, "part_size");
  return size == 0 ? op_int(n, "pooled_size") : size;
}

/* Along a side of a bin: beyond it, a node would hang. */
enum { MOST_SAMPLES = 1024 };

mxn_status deformable_psroi_shape(inference *x) {
  const node *n = x->node;
  const int64_t size = op_int(n, "pooled_size"), group = op_int(n, "group_size"), dim = op_int(n, "output_dim");
  const mxn_type regions = {.n_dims = 2, .dims = {-1, 5}};
  int64_t channels;
  if (size < 1 || group < 1 || dim < 1 || part_size(n) < 1 || op_int(n, "sample_per_part") < 1 ||
      !dims_multiply(dim, group, &channels) || !dims_multiply(channels, group, &channels))
    return infer_error(x, MXN_SHAPE,
                       "pooled_size, group_size, output_dim and sample_per_part are expected to be at least 1");
  if (op_int(n, "sample_per_part") > MOST_SAMPLES)
    return infer_error(x, MXN_UNSUPPORTED, "sample_per_part is %" PRId64 ", expected at most %d",
                       op_int(n, "sample_per_part"), MOST_SAMPLES);
  const mxn_type image = {.n_dims = 4, .dims = {-1, channels, -1, -1}};
  TRY(infer_input(x, 0, &image));
  TRY(infer_input(x, 1, &regions));
  const int64_t n_regions = x->inputs[1]->dims[0];
  const mxn_type trans = {.n_dims = 4, .dims = {n_regions, -1, part_size(n), part_size(n)}};
  if (x->n_inputs > 2) TRY(infer_input(x, 2, &trans));
  const int64_t classes = x->n_inputs > 2 ? x->inputs[2]->dims[1] : 2;
  if (classes >= 0 && (classes < 2 || classes % 2 != 0 || dim % (classes / 2) != 0))
    return infer_error(x, MXN_SHAPE, "trans has %" PRId64 " channels, expected two for each class", classes);
  const mxn_type output = {.n_dims = 4, .dims = {n_regions, dim, size, size}};
  for (uint32_t i = 0; i < x->n_outputs; i++) TRY(infer_output(x, i, &output));
  return MXN_OK;
}

/* A point of the image, as two numbers in pixels. */
typedef struct point {
  double y, x;
} point;

static point moved_by(const forward *f, const double *trans, int64_t region, int64_t channel, int64_t row,
                      int64_t column) {
  if (!trans) return (point){0, 0};
  const int64_t *dims = f->inputs[2].type.dims, parts = part_size(f->node), *to = f->outputs[0].type.dims;
  const int64_t class = channel / (to[C] / (dims[1] / 2));
  const double *at =
      trans + (region * dims[1] + 2 * class) * parts * parts + row * parts / to[H] * parts + column * parts / to[W];
  const double scale = op_float(f->node, "trans_std");
  return (point){at[parts * parts] * scale, at[0] * scale};
}

/* The mean of the points of a bin that lie in the image, and how many they are. */
static double mean_of_points(const forward *f, const double *plane, point start, point step, double *out_count) {
  const int64_t *in = f->inputs[0].type.dims, each = op_int(f->node, "sample_per_part");
  double sum = 0;
  *out_count = 0;
  for (int64_t i = 0; i < each * each; i++) {
    const double y = start.y + (double)(i / each) * step.y, x = start.x + (double)(i % each) * step.x;
    if (!(x >= -0.5 && x <= (double)in[W] - 0.5 && y >= -0.5 && y <= (double)in[H] - 0.5)) continue;
    sum += between_pixels(plane, in[H], in[W], y, x);
    ++*out_count;
  }
  return *out_count > 0 ? sum / *out_count : 0;
}

static void pool_region(const forward *f, int64_t i, const double *region, const double *image, const double *trans) {
  const int64_t *in = f->inputs[0].type.dims, *to = f->outputs[0].type.dims, bins = to[H] * to[W];
  const int64_t group = op_int(f->node, "group_size"), each = op_int(f->node, "sample_per_part");
  const double scale = op_float(f->node, "spatial_scale");
  const point corner = {round(region[2]) * scale - 0.5, round(region[1]) * scale - 0.5};
  const double height = fmax((round(region[4]) + 1) * scale - 0.5 - corner.y, 0.1);
  const double width = fmax((round(region[3]) + 1) * scale - 0.5 - corner.x, 0.1);
  const point bin = {height / (double)to[H], width / (double)to[W]};
  const point step = {bin.y / (double)each, bin.x / (double)each};
  for (int64_t k = 0; k < to[C] * bins; k++) {
    const int64_t row = k % bins / to[W], column = k % to[W];
    const int64_t c = (k / bins * group + region_group(row, group, to[H])) * group + region_group(column, group, to[W]);
    const point by = moved_by(f, trans, i, k / bins, row, column);
    const point start = {(double)row * bin.y + corner.y + by.y * height,
                         (double)column * bin.x + corner.x + by.x * width};
    const double *plane = image + ((int64_t)region[0] * in[C] + c) * in[H] * in[W];
    double count;
    const double mean = mean_of_points(f, plane, start, step, &count);
    store_doubles(&f->outputs[0], i * to[C] * bins + k, 1, &mean);
    if (f->node->n_outputs > 1) store_doubles(&f->outputs[1], i * to[C] * bins + k, 1, &count);
  }
}

mxn_status deformable_psroi_forward(const forward *f) {
  const double *image = input_doubles(f, 0, NULL), *regions = input_doubles(f, 1, NULL);
  const double *trans = op_bool(f->node, "no_trans") ? NULL : input_doubles(f, 2, NULL);
  for (int64_t i = 0; i < f->outputs[0].type.dims[0]; i++) {
    TRY(check_image(f, i, regions[i * 5]));
    pool_region(f, i, regions + i * 5, image, trans);
  }
  return MXN_OK;
}
