/* numpy_creation.c - numpy's operators that make an array from attributes alone.
 *
 * Each is a function of the element's position.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <math.h>

#include "ops/family.h"
#include "ops/number.h"

mxn_status numpy_created_dtype(inference *x) { return infer_output_dtype(x, 0, op_dtype(x->node, "dtype")); }

mxn_status numpy_full_like_dtype(inference *x) {
  if (!op_is_none(x->node, "dtype")) return numpy_created_dtype(x);
  return infer_output_dtype(x, 0, x->inputs[0]->dtype);
}

static mxn_status infer_tuple(inference *x, const op_tuple *dims, int32_t before, int64_t first) {
  mxn_type out = {.n_dims = dims->n + before, .dims = {first}};
  if (out.n_dims > MXN_MAX_DIMS) return infer_error(x, MXN_SHAPE, "more than %d dimensions", MXN_MAX_DIMS);
  for (int32_t d = 0; d < dims->n; d++) {
    if (dims->v[d] < 0) return infer_error(x, MXN_SHAPE, "dimension %d is %" PRId64, d, dims->v[d]);
    out.dims[d + before] = dims->v[d];
  }
  return infer_output(x, 0, &out);
}

/* Fill the output: element i is number(f, i). */
static mxn_status fill(const forward *f, double (*number)(const forward *f, int64_t i)) {
  int64_t elements = 0;
  if (!shape_elements(&f->outputs[0].type, &elements)) return MXN_OK;
  for (int64_t i = 0; i < elements; i++) {
    const double x = number(f, i);
    store_doubles(&f->outputs[0], i, 1, &x);
  }
  return MXN_OK;
}

/* Constants. */

mxn_status numpy_filled_shape(inference *x) {
  const op_tuple shape = op_tuple_of(x->node, "shape");
  return shape.n < 0 ? MXN_OK : infer_tuple(x, &shape, 0, 0);
}

static double zero(const forward *f, int64_t i) { return (void)f, (void)i, 0; }
static double one(const forward *f, int64_t i) { return (void)f, (void)i, 1; }
static double fill_value(const forward *f, int64_t i) { return (void)i, op_float(f->node, "fill_value"); }

mxn_status numpy_zeros_forward(const forward *f) { return fill(f, zero); }
mxn_status numpy_ones_forward(const forward *f) { return fill(f, one); }
mxn_status numpy_full_like_forward(const forward *f) { return fill(f, fill_value); }

/* Diagonals. */

mxn_status numpy_identity_shape(inference *x) {
  if (op_tuple_of(x->node, "shape").n != 2) return infer_error(x, MXN_SHAPE, "shape has not 2 dimensions");
  return numpy_filled_shape(x);
}

/* M is an optional 64-bit integer. */
mxn_status numpy_eye_shape(inference *x) {
  const int64_t rows = op_int(x->node, "N"), columns = op_is_none(x->node, "M") ? rows : op_int(x->node, "M");
  if (rows < 0 || columns < 0) return infer_error(x, MXN_SHAPE, "N or M is negative");
  const mxn_type out = {.n_dims = 2, .dims = {rows, columns}};
  return infer_output(x, 0, &out);
}

static double diagonal_at(const forward *f, int64_t i, int64_t k) {
  const int64_t columns = f->outputs[0].type.dims[1];
  return i % columns - i / columns == k;
}

static double identity_element(const forward *f, int64_t i) { return diagonal_at(f, i, 0); }
static double eye_element(const forward *f, int64_t i) { return diagonal_at(f, i, op_int(f->node, "k")); }

mxn_status numpy_identity_forward(const forward *f) { return fill(f, identity_element); }
mxn_status numpy_eye_forward(const forward *f) { return fill(f, eye_element); }

/* Ranges. */

mxn_status numpy_arange_shape(inference *x) {
  const double start = op_float(x->node, "start"), stop = op_float(x->node, "stop"), step = op_float(x->node, "step");
  if (step == 0 || op_is_none(x->node, "stop") || op_int(x->node, "repeat") != 1)
    return infer_error(x, MXN_SHAPE, "expected a stop, a step other than 0 and repeat 1");
  const double size = ceil((stop - start) / step);
  if (!(size < 0x1p62)) return infer_error(x, MXN_SHAPE, "the range has too many elements");
  const mxn_type out = {.n_dims = 1, .dims = {size < 0 ? 0 : (int64_t)size}};
  return infer_output(x, 0, &out);
}

/* MXNet computes in the element type. */
static double arange_element(const forward *f, int64_t i) {
  const mxn_dtype dtype = f->outputs[0].type.dtype;
  const double start = sequence_number(dtype, op_float(f->node, "start"));
  const double step = sequence_number(dtype, op_float(f->node, "step"));
  return start + round_to(dtype, (double)i * step);
}

mxn_status numpy_arange_forward(const forward *f) { return fill(f, arange_element); }

mxn_status numpy_logspace_shape(inference *x) {
  const mxn_type out = {.n_dims = 1, .dims = {op_int(x->node, "num")}};
  return infer_output(x, 0, &out);
}

static double logspace_element(const forward *f, int64_t i) {
  const node *n = f->node;
  const int64_t steps = op_int(n, "num") - op_bool(n, "endpoint");
  const double start = op_float(n, "start");
  const double step = steps > 0 ? (op_float(n, "stop") - start) / (double)steps : 0;
  return pow(op_float(n, "base"), start + step * (double)i);
}

mxn_status numpy_logspace_forward(const forward *f) { return fill(f, logspace_element); }

mxn_status numpy_indices_shape(inference *x) {
  const op_tuple dimensions = op_tuple_of(x->node, "dimensions");
  return infer_tuple(x, &dimensions, 1, dimensions.n);
}

/* Plane d holds the position along dimension d. */
static double index_element(const forward *f, int64_t i) {
  const mxn_type *t = &f->outputs[0].type;
  int64_t plane = 1, behind = 1;
  (void)!dims_product(t, 1, t->n_dims, &plane);
  const int64_t d = i / plane;
  (void)!dims_product(t, (int32_t)d + 2, t->n_dims, &behind);
  return (double)(i % plane / behind % t->dims[d + 1]);
}

mxn_status numpy_indices_forward(const forward *f) { return fill(f, index_element); }

/* Windows. */

mxn_status numpy_window_shape(inference *x) {
  const int64_t size = op_int(x->node, "M");
  if (op_is_none(x->node, "M")) return infer_error(x, MXN_ARGUMENT, "M is None, expected an integer");
  const mxn_type out = {.n_dims = 1, .dims = {size < 0 ? 0 : size}};
  return infer_output(x, 0, &out);
}

/* The angle of `turns` turns over the window, rounded as MXNet rounds it. */
static double cosine(const forward *f, int64_t i, int turns) {
  const int64_t last = f->outputs[0].type.dims[0] - 1;
  const double angle = (double)(float)(2 * turns * (float)M_PI * (float)i / (float)last);
  return cos(round_to(f->outputs[0].type.dtype, angle));
}

static double window(const forward *f, int64_t i, double constant, double first, double second) {
  const mxn_dtype dtype = f->outputs[0].type.dtype;
  if (f->outputs[0].type.dims[0] == 1) return 1;
  const double once = round_to(dtype, first) * cosine(f, i, 1);
  const double twice = second == 0 ? 0 : round_to(dtype, second) * cosine(f, i, 2);
  return round_to(dtype, constant) - once + twice;
}

static double hanning_element(const forward *f, int64_t i) { return window(f, i, 0.5, 0.5, 0); }
static double hamming_element(const forward *f, int64_t i) { return window(f, i, 0.54, 0.46, 0); }
static double blackman_element(const forward *f, int64_t i) { return window(f, i, 0.42, 0.5, 0.08); }

mxn_status numpy_hanning_forward(const forward *f) { return fill(f, hanning_element); }
mxn_status numpy_hamming_forward(const forward *f) { return fill(f, hamming_element); }
mxn_status numpy_blackman_forward(const forward *f) { return fill(f, blackman_element); }
