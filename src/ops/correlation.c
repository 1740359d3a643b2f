/* correlation.c - Correlation: patches of one image against displaced patches of
 * another.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <math.h>

#include "ops/family.h"
#include "ops/number.h"

enum { N, C, H, W };

typedef struct correlation {
  int64_t kernel, displacement, stride1, stride2, pad;
  int64_t radius, grid; /* displacements to each side, and across */
} correlation;

static correlation correlation_of(const node *n) {
  correlation c = {op_int(n, "kernel_size"),
                   op_int(n, "max_displacement"),
                   op_int(n, "stride1"),
                   op_int(n, "stride2"),
                   op_int(n, "pad_size"),
                   0,
                   0};
  c.radius = c.stride2 > 0 ? c.displacement / c.stride2 : 0;
  c.grid = 2 * c.radius + 1;
  return c;
}

static mxn_status places(inference *x, const correlation *c, int64_t size, int64_t *out) {
  if (size > INT32_MAX) return infer_error(x, MXN_UNSUPPORTED, "data has %" PRId64 " rows or columns", size);
  const int64_t border = c->displacement + (c->kernel - 1) / 2, inside = size + 2 * c->pad - 2 * border;
  *out = size < 0 ? -1 : (inside + c->stride1 - 1) / c->stride1;
  if (size < 0 || inside > 0) return MXN_OK;
  return infer_error(x, MXN_SHAPE, "neighbourhood and kernel do not fit into %" PRId64 " with pad %" PRId64, size,
                     c->pad);
}

mxn_status correlation_shape(inference *x) {
  const mxn_type image = {.n_dims = 4, .dims = {-1, -1, -1, -1}};
  const correlation c = correlation_of(x->node);
  if (c.kernel % 2 == 0 || c.stride1 < 1 || c.stride2 < 1)
    return infer_error(x, MXN_SHAPE,
                       "kernel_size is %" PRId64 ", stride1 %" PRId64 ", stride2 %" PRId64
                       ", expected an odd size and strides of at least 1",
                       c.kernel, c.stride1, c.stride2);
  if (c.grid > INT16_MAX || c.pad > INT16_MAX)
    return infer_error(x, MXN_UNSUPPORTED, "the grid is %" PRId64 " and pad_size %" PRId64 ", expected at most %d",
                       c.grid, c.pad, INT16_MAX);
  TRY(infer_input(x, 0, &image));
  TRY(infer_input(x, 1, x->inputs[0]));
  TRY(infer_input(x, 0, x->inputs[1]));
  const int64_t *data = x->inputs[0]->dims;
  mxn_type output = {.n_dims = 4, .dims = {data[N], c.grid * c.grid}};
  TRY(places(x, &c, data[H], &output.dims[H]));
  TRY(places(x, &c, data[W], &output.dims[W]));
  return infer_output(x, 0, &output);
}

static double padded(const double *plane, const int64_t *dims, int64_t y, int64_t x) {
  return y < 0 || y >= dims[H] || x < 0 || x >= dims[W] ? 0 : plane[y * dims[W] + x];
}

/* The sum over a patch of one channel, whose corners are (y, x) and (y + dy, x + dx). */
static double patch(const double *a, const double *b, const int64_t *dims, int64_t kernel, int64_t y, int64_t x,
                    int64_t dy, int64_t dx, bool is_product) {
  double sum = 0;
  for (int64_t i = 0; i < kernel * kernel; i++) {
    const int64_t h = y + i / kernel, w = x + i % kernel;
    const double p = padded(a, dims, h, w), q = padded(b, dims, h + dy, w + dx);
    sum += is_product ? p * q : fabs(p - q);
  }
  return sum;
}

mxn_status correlation_forward(const forward *f) {
  const correlation c = correlation_of(f->node);
  const int64_t *in = f->inputs[0].type.dims, *to = f->outputs[0].type.dims, plane = in[H] * in[W];
  const bool is_product = op_bool(f->node, "is_multiply");
  const double *first = input_doubles(f, 0, NULL), *second = input_doubles(f, 1, NULL);
  int64_t n = 0;
  (void)!shape_elements(&f->outputs[0].type, &n);
  for (int64_t i = 0; i < n; i++) {
    const int64_t x = i % to[W] * c.stride1 + c.displacement - c.pad;
    const int64_t y = i / to[W] % to[H] * c.stride1 + c.displacement - c.pad;
    const int64_t way = i / to[W] / to[H] % to[C], sample = i / to[W] / to[H] / to[C] * in[C] * plane;
    const int64_t dx = (way % c.grid - c.radius) * c.stride2, dy = (way / c.grid - c.radius) * c.stride2;
    double sum = 0;
    for (int64_t k = 0; k < in[C]; k++)
      sum += patch(first + sample + k * plane, second + sample + k * plane, in, c.kernel, y, x, dy, dx, is_product);
    sum /= (double)(c.kernel * c.kernel * in[C]);
    store_doubles(&f->outputs[0], i, 1, &sum);
  }
  return MXN_OK;
}
