/* numpy_reduction.c - numpy's reductions: sums, extremes, moments, positions.
 *
 * Every number of the output comes from one row of elements (reduce.h), which is
 * folded in halves, as vectors; that also keeps sums accurate.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ops/family.h"
#include "ops/number.h"
#include "ops/view.h"

/* Axes. */

/* Which axes of n_dims the attribute names; false where it names none such, or one
 * twice. A scalar has the axes 0 and -1. */
static bool find_axes(const node *n, int32_t n_dims, bool is_reduced[MXN_MAX_DIMS]) {
  const op_tuple axes = op_tuple_of(n, "axis");
  for (int32_t d = 0; d < MXN_MAX_DIMS; d++) is_reduced[d] = axes.n < 0;
  if (n_dims == 0) return axes.n <= 0 || (axes.n == 1 && (axes.v[0] == 0 || axes.v[0] == -1));
  for (int32_t i = 0; i < axes.n; i++) {
    const int64_t axis = axes.v[i] < 0 ? axes.v[i] + n_dims : axes.v[i];
    if (axis < 0 || axis >= n_dims || is_reduced[axis]) return false;
    is_reduced[axis] = true;
  }
  return true;
}

/* MXNet looks at axes that are counted from the first only. */
static mxn_status check_filled(inference *x, const mxn_type *in) {
  const op_tuple axes = op_tuple_of(x->node, "axis");
  for (int32_t i = 0; i < axes.n; i++)
    if (in->n_dims > 0 && axes.v[i] >= 0 && in->dims[axes.v[i]] == 0)
      return infer_error(x, MXN_SHAPE, "axis %" PRId64 " of a has no elements", axes.v[i]);
  for (int32_t d = 0; d < in->n_dims && axes.n < 0; d++)
    if (in->dims[d] == 0) return infer_error(x, MXN_SHAPE, "axis %d of a has no elements", d);
  return MXN_OK;
}

static mxn_status infer_reduced(inference *x, bool keeps_dims, bool is_filled) {
  const mxn_type *in = x->inputs[0];
  bool is_reduced[MXN_MAX_DIMS];
  if (in->n_dims < 0) return MXN_OK;
  if (!find_axes(x->node, in->n_dims, is_reduced))
    return infer_error(x, MXN_SHAPE, "axis does not name different axes of %d dimensions", in->n_dims);
  if (is_filled) TRY(check_filled(x, in));
  const mxn_type out = reduced_shape(in, is_reduced, keeps_dims);
  for (uint32_t i = 0; i < x->n_outputs; i++) TRY(infer_output(x, i, &out));
  return MXN_OK;
}

mxn_status numpy_reduce_shape(inference *x) { return infer_reduced(x, op_bool(x->node, "keepdims"), false); }
mxn_status numpy_reduce_filled_shape(inference *x) { return infer_reduced(x, op_bool(x->node, "keepdims"), true); }

/* Element types. */

static bool has_dtype(const node *n) { return !op_is_none(n, "dtype"); }

mxn_status numpy_sum_dtype(inference *x) {
  if (has_dtype(x->node)) return infer_output_dtype(x, 0, op_dtype(x->node, "dtype"));
  if (x->inputs[0]->dtype == MXN_BOOL) return infer_output_dtype(x, 0, MXN_INT64);
  return infer_same_dtype(x);
}

mxn_status numpy_mean_dtype(inference *x) {
  const mxn_dtype in = x->inputs[0]->dtype;
  if (has_dtype(x->node)) return infer_output_dtype(x, 0, op_dtype(x->node, "dtype"));
  if (dtype_is_float(in)) return infer_same_dtype(x);
  return in == MXN_DTYPE_UNKNOWN ? MXN_OK : infer_output_dtype(x, 0, MXN_FLOAT32);
}

mxn_status numpy_moments_dtype(inference *x) {
  const mxn_dtype in = x->inputs[0]->dtype;
  if (x->n_outputs > 1) TRY(infer_output_dtype(x, 1, in));
  if (has_dtype(x->node)) return infer_output_dtype(x, 0, op_dtype(x->node, "dtype"));
  return infer_data_dtype(x);
}

/* Rows. */

static mxn_status rows_of(const forward *f, const mxn_type *t, reduction *out) {
  bool is_reduced[MXN_MAX_DIMS];
  if (!find_axes(f->node, t->n_dims, is_reduced))
    return op_error(NULL, f->node, f->err, MXN_SHAPE, "axis does not name different axes");
  *out = reduction_of(t, is_reduced);
  return MXN_OK;
}

static double *row_buffer(const forward *f, const reduction *r) {
  return arena_array(f->scratch, (size_t)r->inputs + 1, sizeof(double));
}

static double fold_floats(const binary_function *function, double *x, int64_t n) {
  for (; n > 1; n -= n / 2) function->floats(x, x + (n - n / 2), x, n / 2);
  return x[0];
}

static int64_t fold_integers(const binary_function *function, int64_t *x, int64_t n) {
  for (; n > 1; n -= n / 2) function->integers(x, x + (n - n / 2), x, n / 2);
  return x[0];
}

static double sum_of(double *x, int64_t n) { return n == 0 ? 0 : fold_floats(&binary_add, x, n); }

/* MXNet folds bytes in 32 bits. */
static int64_t wrapped(mxn_dtype dtype, int64_t x) {
  return dtype == MXN_INT8 ? (int32_t)(uint32_t)x : dtype == MXN_UINT8 ? (uint32_t)x : x;
}

/* Integers are folded as such, with wrap around, whatever the output is; booleans
 * count as 0 and 1. An empty row has the number `empty`. */
static mxn_status fold_rows(const forward *f, double empty) {
  const binary_function *function = f->node->def->binary;
  mxn_tensor *out = &f->outputs[0];
  reduction r;
  TRY(rows_of(f, &f->inputs[0].type, &r));
  const bool is_integer = !dtype_is_float(f->inputs[0].type.dtype);
  double *floats = row_buffer(f, &r);
  int64_t *integers = arena_array(f->scratch, (size_t)r.inputs + 1, sizeof *integers);
  for (int64_t i = 0; i < r.outputs; i++) {
    if (is_integer && r.inputs > 0) {
      reduction_load_integers(&r, &f->inputs[0], i, integers);
      const int64_t folded = wrapped(f->inputs[0].type.dtype, fold_integers(function, integers, r.inputs));
      store_integers(out, i, 1, &folded);
    } else {
      reduction_load_doubles(&r, &f->inputs[0], i, floats);
      const double folded = r.inputs == 0 ? empty : fold_floats(function, floats, r.inputs);
      store_doubles(out, i, 1, &folded);
    }
  }
  return MXN_OK;
}

static mxn_status refuse_initial(const forward *f) {
  if (op_is_none(f->node, "initial")) return MXN_OK;
  return op_error(NULL, f->node, f->err, MXN_UNSUPPORTED, "initial is not supported, in MXNet neither");
}

mxn_status numpy_reduce_forward(const forward *f) {
  TRY(refuse_initial(f));
  return fold_rows(f, 0);
}

/* What is not zero is true, also where it is alone in its row. */
mxn_status numpy_all_forward(const forward *f) { return fold_rows(f, 1); }
mxn_status numpy_any_forward(const forward *f) { return fold_rows(f, 0); }

/* Moments. */

/* A sum divided as MXNet does it: a sum in integers wraps around in their type
 * before the division, which drops the fraction. */
static double normalized(double sum, int64_t n, mxn_dtype dtype) {
  if (dtype_is_float(dtype)) return sum / (double)n;
  const double by = round_to(dtype, (double)n);
  return by == 0 ? 0 : trunc(round_to(dtype, sum) / by);
}

mxn_status numpy_mean_forward(const forward *f) {
  reduction r;
  TRY(refuse_initial(f));
  TRY(rows_of(f, &f->inputs[0].type, &r));
  double *x = row_buffer(f, &r);
  for (int64_t i = 0; i < r.outputs; i++) {
    reduction_load_doubles(&r, &f->inputs[0], i, x);
    const double mean = r.inputs == 0 ? 0 : normalized(sum_of(x, r.inputs), r.inputs, f->outputs[0].type.dtype);
    store_doubles(&f->outputs[0], i, 1, &mean);
  }
  return MXN_OK;
}

/* The mean and the squared deviations have the input's type. */
static double variance_of(double *x, int64_t n, int64_t ddof, double mean, mxn_dtype in, mxn_dtype out) {
  for (int64_t i = 0; i < n; i++) {
    const double deviation = round_to(in, x[i] - mean);
    x[i] = round_to(in, deviation * deviation);
  }
  return normalized(sum_of(x, n), n - ddof, out);
}

static mxn_status spread_forward(const forward *f, bool is_deviation) {
  const mxn_dtype in = f->inputs[0].type.dtype, out = f->outputs[0].type.dtype;
  reduction r;
  TRY(rows_of(f, &f->inputs[0].type, &r));
  double *x = row_buffer(f, &r), *sums = row_buffer(f, &r);
  for (int64_t i = 0; i < r.outputs; i++) {
    reduction_load_doubles(&r, &f->inputs[0], i, x);
    memcpy(sums, x, (size_t)r.inputs * sizeof *x);
    const double mean = round_to(in, normalized(sum_of(sums, r.inputs), r.inputs, in));
    const double variance = variance_of(x, r.inputs, op_int(f->node, "ddof"), mean, in, out);
    const double result = is_deviation ? sqrt(variance) : variance;
    store_doubles(&f->outputs[0], i, 1, &result);
    if (f->node->n_outputs > 1) store_doubles(&f->outputs[1], i, 1, &mean);
  }
  return MXN_OK;
}

mxn_status numpy_std_forward(const forward *f) { return spread_forward(f, true); }
mxn_status numpy_var_forward(const forward *f) { return spread_forward(f, false); }

/* average: the sum of products with the weights, divided by the weights' sum. */

uint32_t numpy_average_inputs(const node *n) { return op_bool(n, "weighted") ? 2 : 1; }
uint32_t numpy_average_outputs(const node *n) { return op_bool(n, "returned") ? 2 : 1; }

mxn_status numpy_average_shape(inference *x) {
  const mxn_type *in = x->inputs[0], *weights = x->n_inputs > 1 ? x->inputs[1] : in;
  const op_tuple axes = op_tuple_of(x->node, "axis");
  int32_t axis = 0;
  mxn_type out = *in, scalar = {.n_dims = 0};
  bool is_reduced[MXN_MAX_DIMS];
  if (in->n_dims < 0 || weights->n_dims < 0) return MXN_OK;
  if (!find_axes(x->node, in->n_dims, is_reduced))
    return infer_error(x, MXN_SHAPE, "axis does not name different axes of %d dimensions", in->n_dims);
  out = reduced_shape(in, is_reduced, false);
  TRY(infer_output(x, 0, &out));
  const bool is_row = weights->n_dims != in->n_dims;
  if (is_row) {
    if (weights->n_dims != 1 || axes.n != 1)
      return infer_error(x, MXN_SHAPE, "weights have %d dimensions, expected those of a, or 1 and one axis",
                         weights->n_dims);
    TRY(infer_axis(x, "axis", axes.v[0], in->n_dims, &axis));
    const mxn_type row = {.n_dims = 1, .dims = {in->dims[axis]}};
    TRY(infer_input(x, 1, &row));
  } else if (x->n_inputs > 1) {
    TRY(infer_input(x, 1, in));
  }
  if (x->n_outputs < 2) return MXN_OK;
  return infer_output(x, 1, is_row || x->n_inputs == 1 ? &scalar : &out);
}

/* The sum of the weights that all rows have in common. */
static void store_shared_scale(const forward *f, const reduction *r, bool is_row) {
  double *w = row_buffer(f, r);
  if (is_row) load_doubles(&f->inputs[1], 0, r->inputs, w);
  store_doubles(&f->outputs[1], 0, 1, &(double){is_row ? sum_of(w, r->inputs) : (double)r->inputs});
}

mxn_status numpy_average_forward(const forward *f) {
  const bool is_weighted = op_own_inputs(f->node) > 1, is_returned = f->node->n_outputs > 1;
  reduction r;
  TRY(rows_of(f, &f->inputs[0].type, &r));
  const bool is_row = is_weighted && f->inputs[1].type.n_dims != f->inputs[0].type.n_dims;
  double *x = row_buffer(f, &r), *w = row_buffer(f, &r);
  for (int64_t i = 0; i < r.outputs; i++) {
    reduction_load_doubles(&r, &f->inputs[0], i, x);
    if (is_row)
      load_doubles(&f->inputs[1], 0, r.inputs, w);
    else if (is_weighted)
      reduction_load_doubles(&r, &f->inputs[1], i, w);
    for (int64_t k = 0; k < r.inputs && is_weighted; k++) x[k] *= w[k];
    const double scale = is_weighted ? sum_of(w, r.inputs) : (double)r.inputs;
    const double average = sum_of(x, r.inputs) / scale;
    store_doubles(&f->outputs[0], i, 1, &average);
    if (is_returned && is_weighted && !is_row) store_doubles(&f->outputs[1], i, 1, &scale);
  }
  if (is_returned && (is_row || !is_weighted)) store_shared_scale(f, &r, is_row);
  return MXN_OK;
}

/* percentile: a sorted row at a position, which may lie between two elements. q is
 * an input, or the attribute q_scalar. */

uint32_t numpy_percentile_inputs(const node *n) { return op_is_none(n, "q_scalar") ? 2 : 1; }

mxn_status numpy_percentile_shape(inference *x) {
  const mxn_type *in = x->inputs[0], *q = x->n_inputs > 1 ? x->inputs[1] : NULL;
  bool is_reduced[MXN_MAX_DIMS];
  if (!shape_is_known(in) || (q && !shape_is_known(q))) return MXN_OK;
  if (!find_axes(x->node, in->n_dims, is_reduced))
    return infer_error(x, MXN_SHAPE, "axis does not name different axes of %d dimensions", in->n_dims);
  mxn_type out = reduced_shape(in, is_reduced, op_bool(x->node, "keepdims"));
  if (q && q->n_dims > 1) return infer_error(x, MXN_SHAPE, "q has %d dimensions, expected 0 or 1", q->n_dims);
  if (q && q->n_dims == 1) {
    if (out.n_dims == MXN_MAX_DIMS) return infer_error(x, MXN_SHAPE, "the output has too many dimensions");
    memmove(out.dims + 1, out.dims, (size_t)out.n_dims * sizeof *out.dims);
    out.dims[0] = q->dims[0];
    out.n_dims++;
  }
  return infer_output(x, 0, &out);
}

mxn_status numpy_percentile_dtype(inference *x) {
  const mxn_dtype in = x->inputs[0]->dtype;
  if (in == MXN_DTYPE_UNKNOWN) return MXN_OK;
  return infer_output_dtype(x, 0, in == MXN_FLOAT64 ? MXN_FLOAT64 : MXN_FLOAT32);
}

static int compare_doubles(const void *a, const void *b) {
  return compare_rising(*(const double *)a, *(const double *)b);
}

/* The element of a sorted row at `position`; what lies between two is weighted. */
static double element_at(const double *sorted, int64_t n, double position, const char *interpolation) {
  if (strcmp(interpolation, "lower") == 0) return sorted[(int64_t)floor(position)];
  if (strcmp(interpolation, "higher") == 0) return sorted[(int64_t)ceil(position)];
  if (strcmp(interpolation, "nearest") == 0) return sorted[(int64_t)round(position)];
  if (strcmp(interpolation, "midpoint") == 0) position = (floor(position) + ceil(position)) / 2;
  const int64_t below = (int64_t)floor(position), above = below + 1 < n ? below + 1 : n - 1;
  const double weight = position - (double)below;
  return sorted[below] * (1 - weight) + sorted[above] * weight;
}

static mxn_status load_percentages(const forward *f, double **out, int64_t *out_n) {
  *out_n = 1;
  if (op_own_inputs(f->node) > 1 && !shape_elements(&f->inputs[1].type, out_n)) *out_n = 0;
  *out = arena_array(f->scratch, (size_t)*out_n + 1, sizeof **out);
  if (op_own_inputs(f->node) > 1)
    load_doubles(&f->inputs[1], 0, *out_n, *out);
  else
    **out = op_float(f->node, "q_scalar");
  for (int64_t i = 0; i < *out_n; i++)
    if (!((*out)[i] >= 0 && (*out)[i] <= 100))
      return op_error(NULL, f->node, f->err, MXN_ARGUMENT, "q is %g, expected 0 to 100", (*out)[i]);
  return MXN_OK;
}

mxn_status numpy_percentile_forward(const forward *f) {
  const char *interpolation = op_text(f->node, "interpolation");
  double *q;
  int64_t n_q;
  reduction r;
  TRY(rows_of(f, &f->inputs[0].type, &r));
  TRY(load_percentages(f, &q, &n_q));
  if (r.inputs == 0) return op_error(NULL, f->node, f->err, MXN_SHAPE, "there are no elements to choose from");
  double *x = row_buffer(f, &r);
  for (int64_t i = 0; i < r.outputs; i++) {
    reduction_load_doubles(&r, &f->inputs[0], i, x);
    qsort(x, (size_t)r.inputs, sizeof *x, compare_doubles);
    for (int64_t k = 0; k < n_q; k++) {
      /* MXNet rounds the position to float32, which may go beyond the last element. */
      const double position = fmin((double)(float)(q[k] * (double)(r.inputs - 1) / 100), (double)(r.inputs - 1));
      const double found = element_at(x, r.inputs, position, interpolation);
      store_doubles(&f->outputs[0], k * r.outputs + i, 1, &found);
    }
  }
  return MXN_OK;
}

/* argmax and argmin: one axis, or all. */

/* The dimensions before the axis, of it, and behind it; all in one where axis is
 * None. False where the axis is out of range. */
static bool split_at_axis(const node *n, const mxn_type *t, int32_t *out_axis, int64_t out[3]) {
  const int64_t axis = op_int(n, "axis");
  *out_axis = -1;
  out[0] = out[1] = out[2] = 1;
  if (op_is_none(n, "axis") || (t->n_dims == 0 && (axis == 0 || axis == -1)))
    return dims_product(t, 0, t->n_dims, &out[1]);
  if (axis < -t->n_dims || axis >= t->n_dims) return false;
  *out_axis = axis_from_front(axis, t->n_dims);
  out[1] = t->dims[*out_axis];
  return dims_product(t, 0, *out_axis, &out[0]) && dims_product(t, *out_axis + 1, t->n_dims, &out[2]);
}

static mxn_status infer_split(inference *x, int32_t *out_axis, int64_t out[3]) {
  if (split_at_axis(x->node, x->inputs[0], out_axis, out)) return MXN_OK;
  return infer_error(x, MXN_SHAPE, "axis is not one of %d dimensions", x->inputs[0]->n_dims);
}

mxn_status numpy_search_shape(inference *x) {
  const mxn_type *in = x->inputs[0];
  int32_t axis;
  int64_t sizes[3];
  if (in->n_dims < 0) return MXN_OK;
  TRY(infer_split(x, &axis, sizes));
  if (sizes[1] == 0) return infer_error(x, MXN_SHAPE, "there is nothing to search in");
  bool is_reduced[MXN_MAX_DIMS];
  for (int32_t d = 0; d < MXN_MAX_DIMS; d++) is_reduced[d] = axis < 0 || d == axis;
  const mxn_type out = reduced_shape(in, is_reduced, op_bool(x->node, "keepdims"));
  return infer_output(x, 0, &out);
}

/* The first of equals; a NaN is more, and less, than any number. */
static bool is_better(double x, double best, double sign) {
  if (isnan(best)) return false;
  return isnan(x) || sign * x > sign * best;
}

static mxn_status search_forward(const forward *f, double sign) {
  int32_t axis;
  int64_t sizes[3], elements = 0;
  if (!split_at_axis(f->node, &f->inputs[0].type, &axis, sizes) || !shape_elements(&f->inputs[0].type, &elements))
    return MXN_OK;
  double *x = arena_array(f->scratch, (size_t)elements + 1, sizeof *x);
  load_doubles(&f->inputs[0], 0, elements, x);
  for (int64_t i = 0; i < sizes[0] * sizes[2]; i++) {
    const double *column = x + i / sizes[2] * sizes[1] * sizes[2] + i % sizes[2];
    int64_t best = 0;
    for (int64_t k = 1; k < sizes[1]; k++)
      if (is_better(column[k * sizes[2]], column[best * sizes[2]], sign)) best = k;
    store_integers(&f->outputs[0], i, 1, &best);
  }
  return MXN_OK;
}

mxn_status numpy_argmax_forward(const forward *f) { return search_forward(f, 1); }
mxn_status numpy_argmin_forward(const forward *f) { return search_forward(f, -1); }

/* cumsum. */

mxn_status numpy_cumsum_shape(inference *x) {
  const mxn_type *in = x->inputs[0];
  int32_t axis;
  int64_t sizes[3];
  if (in->n_dims < 0) return MXN_OK;
  if (op_int(x->node, "axis") < 0)
    return infer_error(x, MXN_SHAPE, "axis is %" PRId64 ", expected at least 0", op_int(x->node, "axis"));
  TRY(infer_split(x, &axis, sizes));
  if (!op_is_none(x->node, "axis")) return infer_data_shape(x);
  const mxn_type flat = {.n_dims = 1, .dims = {sizes[1]}};
  return infer_output(x, 0, &flat);
}

/* A sum is rounded to the output's type before the next number is added. */
mxn_status numpy_cumsum_forward(const forward *f) {
  const mxn_dtype dtype = f->outputs[0].type.dtype;
  int32_t axis;
  int64_t sizes[3], elements = 0;
  if (!split_at_axis(f->node, &f->inputs[0].type, &axis, sizes) || !shape_elements(&f->inputs[0].type, &elements))
    return MXN_OK;
  const bool is_float = dtype_is_float(dtype) || dtype_is_float(f->inputs[0].type.dtype);
  for (int64_t i = 0; i < sizes[0] * sizes[2]; i++) {
    const int64_t first = i / sizes[2] * sizes[1] * sizes[2] + i % sizes[2];
    double sum = 0, x;
    int64_t integer_sum = 0, integer;
    for (int64_t k = 0; k < sizes[1]; k++) {
      const int64_t at = first + k * sizes[2];
      if (is_float) {
        load_doubles(&f->inputs[0], at, 1, &x);
        sum = round_to(dtype, sum + round_to(dtype, x));
        store_doubles(&f->outputs[0], at, 1, &sum);
      } else {
        load_integers(&f->inputs[0], at, 1, &integer);
        integer_sum = (int64_t)((uint64_t)integer_sum + (uint64_t)integer);
        store_integers(&f->outputs[0], at, 1, &integer_sum);
      }
    }
  }
  return MXN_OK;
}
