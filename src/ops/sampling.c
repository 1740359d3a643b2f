/* sampling.c - an image sampled at the points of a grid: GridGenerator,
 * BilinearSampler and SpatialTransformer.
 *
 * A grid is (N, 2, H, W): x and y of every point, between -1 and 1 from one border
 * of the image to the other. Points beyond the border see zeros.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "ops/family.h"
#include "ops/number.h"

enum { N, C, H, W };

static bool is_affine(const node *n) { return strcmp(op_text(n, "transform_type"), "affine") == 0; }

/* The height and width that the attribute demands. */
static mxn_status target_shape(inference *x, int64_t out[2]) {
  const op_tuple t = op_tuple_of(x->node, "target_shape");
  if (t.n != 2 || t.v[0] < 1 || t.v[1] < 1)
    return infer_error(x, MXN_SHAPE, "target_shape is not a height and a width of at least 1");
  out[0] = t.v[0];
  out[1] = t.v[1];
  return MXN_OK;
}

mxn_status grid_generator_shape(inference *x) {
  const mxn_type *data = x->inputs[0];
  if (!is_affine(x->node)) {
    const mxn_type flow = {.n_dims = 4, .dims = {-1, 2, -1, -1}};
    TRY(infer_input(x, 0, &flow));
    return infer_data_shape(x);
  }
  int64_t target[2] = {0};
  TRY(target_shape(x, target));
  const mxn_type transforms = {.n_dims = 2, .dims = {-1, 6}};
  TRY(infer_input(x, 0, &transforms));
  const mxn_type grid = {.n_dims = 4, .dims = {data->dims[0], 2, target[0], target[1]}};
  return infer_output(x, 0, &grid);
}

mxn_status bilinear_sampler_shape(inference *x) {
  const mxn_type any = {.n_dims = 4, .dims = {-1, -1, -1, -1}};
  TRY(infer_input(x, 0, &any));
  const mxn_type grid = {.n_dims = 4, .dims = {x->inputs[0]->dims[N], 2, -1, -1}};
  TRY(infer_input(x, 1, &grid));
  const int64_t *data = x->inputs[0]->dims, *points = x->inputs[1]->dims;
  const mxn_type output = {.n_dims = 4, .dims = {data[N], data[C], points[H], points[W]}};
  return infer_output(x, 0, &output);
}

mxn_status spatial_transformer_shape(inference *x) {
  const mxn_type any = {.n_dims = 4, .dims = {-1, -1, -1, -1}};
  int64_t target[2] = {0};
  TRY(target_shape(x, target));
  TRY(infer_input(x, 0, &any));
  const int64_t *data = x->inputs[0]->dims;
  const mxn_type loc = {.n_dims = 2, .dims = {data[N], 6}};
  TRY(infer_input(x, 1, &loc));
  const mxn_type output = {.n_dims = 4, .dims = {data[N], data[C], target[0], target[1]}};
  return infer_output(x, 0, &output);
}

/* The grid of an affine matrix [2][3]; x and y have height * width elements. */
static void affine_grid(const double *matrix, int64_t height, int64_t width, double *x, double *y) {
  for (int64_t i = 0; i < height * width; i++) {
    const double to_x = -1 + (double)(i % width) * (2.0 / (double)(width - 1));
    const double to_y = -1 + (double)(i / width) * (2.0 / (double)(height - 1));
    x[i] = matrix[0] * to_x + matrix[1] * to_y + matrix[2];
    y[i] = matrix[3] * to_x + matrix[4] * to_y + matrix[5];
  }
}

/* Optical flow in pixels, relative to where each point stands. */
static void warp_grid(int64_t height, int64_t width, double *x, double *y) {
  for (int64_t i = 0; i < height * width; i++) {
    x[i] = (x[i] + (double)(i % width)) / ((double)(width - 1) / 2) - 1;
    y[i] = (y[i] + (double)(i / width)) / ((double)(height - 1) / 2) - 1;
  }
}

mxn_status grid_generator_forward(const forward *f) {
  const int64_t *grid = f->outputs[0].type.dims, plane = grid[H] * grid[W];
  double *points = arena_array(f->scratch, (size_t)plane, 2 * sizeof *points);
  for (int64_t n = 0; n < grid[N]; n++) {
    double matrix[6];
    if (is_affine(f->node)) {
      load_doubles(&f->inputs[0], n * 6, 6, matrix);
      affine_grid(matrix, grid[H], grid[W], points, points + plane);
    } else {
      load_doubles(&f->inputs[0], n * 2 * plane, 2 * plane, points);
      warp_grid(grid[H], grid[W], points, points + plane);
    }
    store_doubles(&f->outputs[0], n * 2 * plane, 2 * plane, points);
  }
  return MXN_OK;
}

static double pixel(const double *image, int64_t height, int64_t width, double y, double x) {
  if (!(x >= 0 && x <= (double)(width - 1) && y >= 0 && y <= (double)(height - 1))) return 0;
  return image[(int64_t)y * width + (int64_t)x];
}

/* The image between its pixels; y and x in pixels. */
static double interpolate(const double *image, int64_t height, int64_t width, double y, double x) {
  const double top = floor(y), left = floor(x), wy = 1 - (y - top), wx = 1 - (x - left);
  return pixel(image, height, width, top, left) * wy * wx + pixel(image, height, width, top, left + 1) * wy * (1 - wx) +
         pixel(image, height, width, top + 1, left) * (1 - wy) * wx +
         pixel(image, height, width, top + 1, left + 1) * (1 - wy) * (1 - wx);
}

/* Sample number n of the batch at the points x and y. */
static void sample(const forward *f, int64_t n, const double *x, const double *y, double *image, double *out) {
  const int64_t *in = f->inputs[0].type.dims, *to = f->outputs[0].type.dims;
  const int64_t pixels = in[H] * in[W], points = to[H] * to[W];
  for (int64_t c = 0; c < in[C]; c++) {
    load_doubles(&f->inputs[0], (n * in[C] + c) * pixels, pixels, image);
    for (int64_t i = 0; i < points; i++)
      out[i] =
          interpolate(image, in[H], in[W], (y[i] + 1) * (double)(in[H] - 1) / 2, (x[i] + 1) * (double)(in[W] - 1) / 2);
    store_doubles(&f->outputs[0], (n * in[C] + c) * points, points, out);
  }
}

mxn_status bilinear_sampler_forward(const forward *f) {
  const int64_t *in = f->inputs[0].type.dims, *to = f->outputs[0].type.dims, points = to[H] * to[W];
  double *image = arena_array(f->scratch, (size_t)(in[H] * in[W]), sizeof *image);
  double *grid = arena_array(f->scratch, (size_t)points, 3 * sizeof *grid);
  for (int64_t n = 0; n < in[N]; n++) {
    load_doubles(&f->inputs[1], n * 2 * points, 2 * points, grid);
    sample(f, n, grid, grid + points, image, grid + 2 * points);
  }
  return MXN_OK;
}

mxn_status spatial_transformer_forward(const forward *f) {
  const int64_t *in = f->inputs[0].type.dims, *to = f->outputs[0].type.dims, points = to[H] * to[W];
  double *image = arena_array(f->scratch, (size_t)(in[H] * in[W]), sizeof *image);
  double *grid = arena_array(f->scratch, (size_t)points, 3 * sizeof *grid);
  for (int64_t n = 0; n < in[N]; n++) {
    double matrix[6];
    load_doubles(&f->inputs[1], n * 6, 6, matrix);
    affine_grid(matrix, to[H], to[W], grid, grid + points);
    sample(f, n, grid, grid + points, image, grid + 2 * points);
  }
  return MXN_OK;
}
