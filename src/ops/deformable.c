/* deformable.c - convolutions whose windows are bent by learned offsets:
 * DeformableConvolution, and ModulatedDeformableConvolution with a weight for every
 * point as well.
 *
 * Offsets are (N, groups * kernel * 2, H, W) with y before x, masks (N, groups *
 * kernel, H, W). Points outside the image are 0; the modulated kind also fades to 0
 * over the last pixel.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "ops/family.h"
#include "ops/number.h"
#include "ops/window.h"

enum { N, C, H, W };

static bool is_modulated(const node *n) { return op_is(n, "_contrib_ModulatedDeformableConvolution"); }

/* The inputs in their order; without a mask or a bias their place is -1. */
typedef struct places {
  int offset, mask, weight, bias;
} places;

static places places_of(const node *n) {
  const int weight = is_modulated(n) ? 3 : 2;
  return (places){1, is_modulated(n) ? 2 : -1, weight, op_bool(n, "no_bias") ? -1 : weight + 1};
}

uint32_t deformable_inputs(const node *n) { return (uint32_t)places_of(n).weight + 1 + !op_bool(n, "no_bias"); }

/* Inference. */

static mxn_status infer_side(inference *x, int32_t i, int64_t in, int64_t *out) {
  const node *n = x->node;
  const int64_t kernel = window_attribute(n, "kernel", i, 1), stride = window_attribute(n, "stride", i, 1);
  const int64_t pad = window_attribute(n, "pad", i, 0), dilate = window_attribute(n, "dilate", i, 1);
  const int64_t extent = window_extent(kernel, dilate);
  *out = -1;
  if (in < 0) return MXN_OK;
  if (in > INT32_MAX || extent > in + 2 * pad)
    return infer_error(x, MXN_SHAPE,
                       "the kernel of %" PRId64 " is larger than the input of %" PRId64 " with pad %" PRId64, extent,
                       in, pad);
  *out = (in + 2 * pad - extent) / stride + 1;
  return MXN_OK;
}

static mxn_status check_groups(inference *x, int64_t channels) {
  const int64_t groups = op_int(x->node, "num_group"), bent = op_int(x->node, "num_deformable_group");
  const int64_t filters = op_int(x->node, "num_filter");
  if (groups >= 1 && bent >= 1 && filters >= 1 && filters % groups == 0 &&
      (channels < 0 || (channels % groups == 0 && channels % bent == 0)))
    return MXN_OK;
  return infer_error(x, MXN_SHAPE,
                     "%" PRId64 " channels and %" PRId64 " filters do not divide into num_group %" PRId64
                     " and num_deformable_group %" PRId64,
                     channels, filters, groups, bent);
}

static mxn_status infer_deformation(inference *x, const mxn_type *output) {
  const places at = places_of(x->node);
  const op_tuple kernel = op_tuple_of(x->node, "kernel");
  int64_t points;
  if (!dims_multiply(kernel.v[0], kernel.v[1], &points) ||
      !dims_multiply(points, 2 * op_int(x->node, "num_deformable_group"), &points))
    return infer_error(x, MXN_SHAPE, "the number of offsets overflows");
  mxn_type offset = *output;
  offset.dims[C] = points;
  TRY(infer_input(x, (uint32_t)at.offset, &offset));
  offset.dims[C] = points / 2;
  return at.mask < 0 ? MXN_OK : infer_input(x, (uint32_t)at.mask, &offset);
}

mxn_status deformable_shape(inference *x) {
  static const char *const tuples[] = {"kernel", "stride", "dilate", "pad"};
  const mxn_type image = {.n_dims = 4, .dims = {-1, -1, -1, -1}};
  const places at = places_of(x->node);
  const int64_t filters = op_int(x->node, "num_filter"), groups = op_int(x->node, "num_group");
  for (int i = 0; i < 4; i++) TRY(window_check_tuple(x, tuples[i], 2));
  const char *layout = op_text(x->node, "layout");
  if (op_tuple_of(x->node, "kernel").n != 2 || (layout && strcmp(layout, "NCHW") != 0))
    return infer_error(x, MXN_SHAPE, "it is expected to have a kernel of two values and layout NCHW");
  if (at.mask >= 0 && filters % op_int(x->node, "num_deformable_group") != 0)
    return infer_error(x, MXN_SHAPE, "num_filter %" PRId64 " is not a multiple of num_deformable_group %" PRId64,
                       filters, op_int(x->node, "num_deformable_group"));
  TRY(infer_input(x, 0, &image));
  const mxn_type *data = x->inputs[0];
  TRY(check_groups(x, data->dims[C]));
  const op_tuple kernel = op_tuple_of(x->node, "kernel");
  const mxn_type weight = {
      .n_dims = 4, .dims = {filters, data->dims[C] < 0 ? -1 : data->dims[C] / groups, kernel.v[0], kernel.v[1]}};
  const mxn_type bias = {.n_dims = 1, .dims = {filters}};
  mxn_type output = {.n_dims = 4, .dims = {data->dims[N], filters}};
  TRY(infer_side(x, 0, data->dims[H], &output.dims[H]));
  TRY(infer_side(x, 1, data->dims[W], &output.dims[W]));
  TRY(infer_input(x, (uint32_t)at.weight, &weight));
  if (at.bias >= 0) TRY(infer_input(x, (uint32_t)at.bias, &bias));
  TRY(infer_output(x, 0, &output));
  return infer_deformation(x, &output);
}

/* Forward. */

static double pixel(const double *plane, const int64_t *dims, int64_t y, int64_t x) {
  return y < 0 || y >= dims[H] || x < 0 || x >= dims[W] ? 0 : plane[y * dims[W] + x];
}

/* Between pixels that are 0 beyond the border. */
static double fading(const double *plane, const int64_t *dims, double y, double x) {
  if (!(y > -1 && x > -1 && y < (double)dims[H] && x < (double)dims[W])) return 0;
  const int64_t top = (int64_t)floor(y), left = (int64_t)floor(x);
  const double ly = y - (double)top, lx = x - (double)left;
  return (1 - ly) * ((1 - lx) * pixel(plane, dims, top, left) + lx * pixel(plane, dims, top, left + 1)) +
         ly * ((1 - lx) * pixel(plane, dims, top + 1, left) + lx * pixel(plane, dims, top + 1, left + 1));
}

static double sharp(const double *plane, const int64_t *dims, double y, double x) {
  if (!(y >= 0 && x >= 0 && y < (double)dims[H] && x < (double)dims[W])) return 0;
  return between_pixels(plane, dims[H], dims[W], y, x);
}

/* What every position needs. */
typedef struct bent {
  const node *node;
  const double *image, *offset, *mask; /* of one sample; mask NULL: none */
  const int64_t *in, *to;              /* dimensions of data and output */
  int64_t kernel_h, kernel_w, groups;
} bent;

/* Point `k` of the window for the output at (row, column), in the given group. */
static double sample_point(const bent *b, int64_t channel, int64_t k, int64_t row, int64_t column) {
  const int64_t plane = b->to[H] * b->to[W], at = row * b->to[W] + column, points = b->kernel_h * b->kernel_w;
  const int64_t point = channel / (b->in[C] / b->groups) * points + k;
  const node *n = b->node;
  const int64_t y = row * window_attribute(n, "stride", 0, 1) - window_attribute(n, "pad", 0, 0) +
                    k / b->kernel_w * window_attribute(n, "dilate", 0, 1);
  const int64_t x = column * window_attribute(n, "stride", 1, 1) - window_attribute(n, "pad", 1, 0) +
                    k % b->kernel_w * window_attribute(n, "dilate", 1, 1);
  const double h = (double)y + b->offset[2 * point * plane + at],
               w = (double)x + b->offset[(2 * point + 1) * plane + at];
  const double *image = b->image + channel * b->in[H] * b->in[W];
  return b->mask ? fading(image, b->in, h, w) * b->mask[point * plane + at] : sharp(image, b->in, h, w);
}

static void convolve_at(const forward *f, const bent *b, const double *weight, int64_t sample, int64_t at,
                        double *samples) {
  const places place = places_of(f->node);
  const int64_t points = b->kernel_h * b->kernel_w, plane = b->to[H] * b->to[W];
  const int64_t groups = op_int(f->node, "num_group"), each = b->in[C] / groups * points;
  for (int64_t i = 0; i < b->in[C] * points; i++)
    samples[i] = sample_point(b, i / points, i % points, at / b->to[W], at % b->to[W]);
  for (int64_t o = 0; o < b->to[C]; o++) {
    const double *from = samples + o / (b->to[C] / groups) * each;
    double sum = 0;
    if (place.bias >= 0) load_doubles(&f->inputs[place.bias], o, 1, &sum);
    for (int64_t i = 0; i < each; i++) sum += weight[o * each + i] * from[i];
    store_doubles(&f->outputs[0], (sample * b->to[C] + o) * plane + at, 1, &sum);
  }
}

mxn_status deformable_forward(const forward *f) {
  const places at = places_of(f->node);
  const int64_t *in = f->inputs[0].type.dims, *to = f->outputs[0].type.dims;
  const op_tuple kernel = op_tuple_of(f->node, "kernel");
  bent b = {.node = f->node, .in = in, .to = to, .kernel_h = kernel.v[0], .kernel_w = kernel.v[1]};
  b.groups = op_int(f->node, "num_deformable_group");
  const int64_t points = b.kernel_h * b.kernel_w, plane = to[H] * to[W];
  const double *image = input_doubles(f, 0, NULL), *offset = input_doubles(f, (uint32_t)at.offset, NULL);
  const double *mask = at.mask < 0 ? NULL : input_doubles(f, (uint32_t)at.mask, NULL);
  const double *weight = input_doubles(f, (uint32_t)at.weight, NULL);
  double *samples = arena_array(f->scratch, (size_t)(in[C] * points), sizeof *samples);
  for (int64_t n = 0; n < to[N]; n++) {
    b.image = image + n * in[C] * in[H] * in[W];
    b.offset = offset + n * b.groups * points * 2 * plane;
    b.mask = mask ? mask + n * b.groups * points * plane : NULL;
    for (int64_t i = 0; i < plane; i++) convolve_at(f, &b, weight, n, i, samples);
  }
  return MXN_OK;
}
