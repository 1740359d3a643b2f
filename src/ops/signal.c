/* signal.c - Fourier transforms and count sketches, which MXNet has for GPUs alone.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <math.h>

#include "ops/family.h"
#include "ops/number.h"

static mxn_status check_dims(inference *x) {
  const int32_t n_dims = x->inputs[0]->n_dims;
  if (n_dims < 0 || n_dims == 2 || n_dims == 4) return MXN_OK;
  return infer_error(x, MXN_SHAPE, "data has %d dimensions, expected 2 or 4", n_dims);
}

/* fft: real numbers become complex ones, real and imaginary part in turn; ifft: the
 * way back, real parts only and not divided by their number. */

mxn_status fft_shape(inference *x) {
  const mxn_type *data = x->inputs[0];
  TRY(check_dims(x));
  if (data->n_dims < 0) return MXN_OK;
  mxn_type output = *data;
  if (!dims_multiply(data->dims[data->n_dims - 1], 2, &output.dims[data->n_dims - 1]))
    return infer_error(x, MXN_SHAPE, "the output overflows");
  return infer_output(x, 0, &output);
}

mxn_status ifft_shape(inference *x) {
  const mxn_type *data = x->inputs[0];
  TRY(check_dims(x));
  if (data->n_dims < 0) return MXN_OK;
  mxn_type output = *data;
  int64_t *last = &output.dims[data->n_dims - 1];
  if (*last >= 0 && *last % 2 != 0)
    return infer_error(x, MXN_SHAPE, "the last dimension is %" PRId64 ", expected pairs", *last);
  if (*last >= 0) *last /= 2;
  return infer_output(x, 0, &output);
}

/* The cosine and sine of 2 pi k / n for all k. */
static double *circle(const forward *f, int64_t n) {
  double *points = arena_array(f->scratch, (size_t)n, 2 * sizeof *points);
  for (int64_t k = 0; k < n; k++) {
    points[2 * k] = cos(2 * M_PI * (double)k / (double)n);
    points[2 * k + 1] = sin(2 * M_PI * (double)k / (double)n);
  }
  return points;
}

mxn_status fft_forward(const forward *f) {
  const mxn_type *t = &f->inputs[0].type;
  const int64_t n = t->dims[t->n_dims - 1];
  int64_t all;
  const double *x = input_doubles(f, 0, &all), *points = circle(f, n);
  for (int64_t i = 0; i < all; i++) {
    const double *row = x + i / n * n;
    double sum[2] = {0};
    for (int64_t k = 0; k < n; k++) {
      const int64_t angle = i % n * k % n;
      sum[0] += row[k] * points[2 * angle];
      sum[1] -= row[k] * points[2 * angle + 1];
    }
    store_doubles(&f->outputs[0], 2 * i, 2, sum);
  }
  return MXN_OK;
}

mxn_status ifft_forward(const forward *f) {
  const mxn_type *t = &f->inputs[0].type;
  const int64_t n = t->dims[t->n_dims - 1] / 2;
  int64_t all;
  const double *x = input_doubles(f, 0, &all), *points = circle(f, n);
  for (int64_t i = 0; i < all / 2; i++) {
    const double *row = x + i / n * 2 * n;
    double sum = 0;
    for (int64_t k = 0; k < n; k++) {
      const int64_t angle = i % n * k % n;
      sum += row[2 * k] * points[2 * angle] - row[2 * k + 1] * points[2 * angle + 1];
    }
    store_doubles(&f->outputs[0], i, 1, &sum);
  }
  return MXN_OK;
}

/* count_sketch: element i is added, with sign s[i], to element h[i] of the sketch. */

mxn_status count_sketch_shape(inference *x) {
  const mxn_type *data = x->inputs[0];
  const int64_t size = op_int(x->node, "out_dim");
  TRY(check_dims(x));
  if (size < 1) return infer_error(x, MXN_SHAPE, "out_dim is %" PRId64 ", expected at least 1", size);
  if (data->n_dims < 0) return MXN_OK;
  const mxn_type hashes = {.n_dims = 2, .dims = {1, data->dims[data->n_dims - 1]}};
  TRY(infer_input(x, 1, &hashes));
  TRY(infer_input(x, 2, &hashes));
  mxn_type output = *data;
  output.dims[data->n_dims - 1] = size;
  return infer_output(x, 0, &output);
}

mxn_status count_sketch_forward(const forward *f) {
  const mxn_type *t = &f->inputs[0].type;
  const int64_t n = t->dims[t->n_dims - 1], size = op_int(f->node, "out_dim");
  int64_t all, sketches = 0;
  const double *x = input_doubles(f, 0, &all), *h = input_doubles(f, 1, NULL), *s = input_doubles(f, 2, NULL);
  for (int64_t i = 0; i < n; i++)
    if (!(h[i] >= 0 && h[i] < (double)size))
      return op_error(NULL, f->node, f->err, MXN_ARGUMENT, "h has %g, expected 0 to %" PRId64, h[i], size - 1);
  (void)!shape_elements(&f->outputs[0].type, &sketches);
  double *out = arena_array(f->scratch, (size_t)sketches, sizeof *out);
  for (int64_t i = 0; i < all; i++) out[i / n * size + (int64_t)h[i % n]] += s[i % n] * x[i];
  store_output(f, 0, out);
  return MXN_OK;
}
