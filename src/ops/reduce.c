/* reduce.c - see reduce.h.
 *
 * The numbers that make one element of the output are gathered into a row, as
 * doubles or as int64, and a function runs over the row: totals are exact where
 * MXNet's are rounded after every step.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ops/reduce.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "ops/family.h"
#include "ops/number.h"
#include "ops/view.h"

#define X(name, float_first, integer_first, floating, integral)                    \
  static void name##_floats(double *total, const double *numbers, int64_t n) {     \
    double a = *total;                                                             \
    for (int64_t i = 0; i < n; i++) {                                              \
      const double x = numbers[i];                                                 \
      a = floating;                                                                \
    }                                                                              \
    *total = a;                                                                    \
  }                                                                                \
  static void name##_integers(int64_t *total, const int64_t *numbers, int64_t n) { \
    int64_t a = *total;                                                            \
    for (int64_t i = 0; i < n; i++) {                                              \
      const int64_t x = numbers[i];                                                \
      a = integral;                                                                \
    }                                                                              \
    *total = a;                                                                    \
  }                                                                                \
  const reduce_function reduce_##name = {float_first, integer_first, name##_floats, name##_integers};
REDUCE_LIST(X)
#undef X

/* Axes. */

static mxn_status duplicate_axis(inference *x, const char *attribute_name, int64_t axis) {
  return infer_error(x, MXN_SHAPE, "%s has axis %" PRId64 " twice", attribute_name, axis);
}

mxn_status reduce_axes(inference *x, const char *attribute_name, bool is_excluded, int32_t n_dims,
                       bool is_reduced[MXN_MAX_DIMS]) {
  const op_tuple axes = op_tuple_of(x->node, attribute_name);
  const bool is_all = axes.n <= 0;
  memset(is_reduced, 0, MXN_MAX_DIMS * sizeof *is_reduced);
  for (int32_t i = 0; i < axes.n; i++) {
    int32_t axis = 0;
    TRY(infer_axis(x, attribute_name, axes.v[i], n_dims, &axis));
    if (is_reduced[axis]) return duplicate_axis(x, attribute_name, axes.v[i]);
    is_reduced[axis] = true;
  }
  for (int32_t d = 0; d < n_dims; d++) is_reduced[d] = is_all || is_reduced[d] != is_excluded;
  return MXN_OK;
}

mxn_type reduced_shape(const mxn_type *in, const bool is_reduced[MXN_MAX_DIMS], bool keepdims) {
  mxn_type out = {.n_dims = 0};
  for (int32_t d = 0; d < in->n_dims; d++)
    if (!is_reduced[d] || keepdims) out.dims[out.n_dims++] = is_reduced[d] ? 1 : in->dims[d];
  return out;
}

/* At least one dimension stays, as in MXNet's older operators. */
static mxn_type filled_shape(const mxn_type *in, const bool *is_reduced, bool keepdims) {
  mxn_type out = reduced_shape(in, is_reduced, keepdims);
  if (out.n_dims == 0 && !keepdims) out.dims[out.n_dims++] = 1;
  return out;
}

reduction reduction_of(const mxn_type *in, const bool is_reduced[MXN_MAX_DIMS]) {
  const view v = view_of(in);
  reduction r = {.outputs = 1, .inputs = 1};
  for (int32_t d = 0; d < in->n_dims; d++) {
    const int32_t at = is_reduced[d] ? r.n_inner++ : r.n_outer++;
    (is_reduced[d] ? r.inner_dims : r.outer_dims)[at] = in->dims[d];
    (is_reduced[d] ? r.inner_steps : r.outer_steps)[at] = v.steps[d];
    *(is_reduced[d] ? &r.inputs : &r.outputs) *= in->dims[d];
  }
  return r;
}

/* Numbers that lie side by side. */
static int64_t run_length(const reduction *r) {
  const int32_t last = r->n_inner - 1;
  return last >= 0 && r->inner_steps[last] == 1 ? r->inner_dims[last] : 1;
}

void reduction_load_doubles(const reduction *r, const mxn_tensor *in, int64_t output, double *out) {
  const int64_t start = view_offset(r->n_outer, r->outer_dims, r->outer_steps, output), run = run_length(r);
  for (int64_t i = 0; i < r->inputs; i += run)
    load_doubles(in, start + view_offset(r->n_inner, r->inner_dims, r->inner_steps, i), run, out + i);
}

void reduction_load_integers(const reduction *r, const mxn_tensor *in, int64_t output, int64_t *out) {
  const int64_t start = view_offset(r->n_outer, r->outer_dims, r->outer_steps, output), run = run_length(r);
  for (int64_t i = 0; i < r->inputs; i += run)
    load_integers(in, start + view_offset(r->n_inner, r->inner_dims, r->inner_steps, i), run, out + i);
}

/* sum, mean, prod, nansum, nanprod, max, min. */

mxn_status reduce_shape(inference *x) {
  const mxn_type *in = x->inputs[0];
  bool is_reduced[MXN_MAX_DIMS];
  if (in->n_dims < 0) return MXN_OK;
  TRY(reduce_axes(x, "axis", op_bool(x->node, "exclude"), in->n_dims, is_reduced));
  const mxn_type out = filled_shape(in, is_reduced, op_bool(x->node, "keepdims"));
  return infer_output(x, 0, &out);
}

static bool is_empty(const mxn_type *t) {
  int64_t elements = 0;
  return shape_elements(t, &elements) && elements == 0;
}

mxn_status reduce_some_shape(inference *x) {
  if (is_empty(x->inputs[0])) return infer_error(x, MXN_SHAPE, "data has no elements to reduce");
  return reduce_shape(x);
}

/* What is reduced when a node runs: inference has accepted the axes. */
static reduction reduction_of_axes(const forward *f, const char *axes, bool is_excluded) {
  inference x = {.node = f->node};
  bool is_reduced[MXN_MAX_DIMS];
  (void)!reduce_axes(&x, axes, is_excluded, f->inputs[0].type.n_dims, is_reduced);
  return reduction_of(&f->inputs[0].type, is_reduced);
}

static int64_t wrap_integer(mxn_dtype dtype, int64_t x) {
  uint64_t memory;
  mxn_tensor t = {.type = {.dtype = dtype}, .data = &memory};
  store_integers(&t, 0, 1, &x);
  load_integers(&t, 0, 1, &x);
  return x;
}

/* MXNet divides in the output's type. */
static double divide_floats(mxn_dtype dtype, double total, int64_t n) {
  return round_to(dtype, total) / round_to(dtype, (double)n);
}

static int64_t divide_integers(mxn_dtype dtype, int64_t total, int64_t n) {
  const int64_t by = wrap_integer(dtype, n);
  return by == 0 || by == -1 ? 0 : wrap_integer(dtype, total) / by;
}

static void reduce_floats(const forward *f, const reduction *r, bool is_mean) {
  const reduce_function *function = f->node->def->reduce;
  double *row = arena_array(f->scratch, (size_t)r->inputs, sizeof *row);
  for (int64_t o = 0; o < r->outputs; o++) {
    double total = function->float_start;
    reduction_load_doubles(r, &f->inputs[0], o, row);
    function->floats(&total, row, r->inputs);
    if (is_mean) total = divide_floats(f->outputs[0].type.dtype, total, r->inputs);
    store_doubles(&f->outputs[0], o, 1, &total);
  }
}

static void reduce_integers(const forward *f, const reduction *r, bool is_mean) {
  const reduce_function *function = f->node->def->reduce;
  int64_t *row = arena_array(f->scratch, (size_t)r->inputs, sizeof *row);
  for (int64_t o = 0; o < r->outputs; o++) {
    int64_t total = function->integer_start;
    reduction_load_integers(r, &f->inputs[0], o, row);
    function->integers(&total, row, r->inputs);
    if (is_mean) total = divide_integers(f->outputs[0].type.dtype, total, r->inputs);
    store_integers(&f->outputs[0], o, 1, &total);
  }
}

static mxn_status run_reduction(const forward *f, bool is_mean) {
  const reduction r = reduction_of_axes(f, "axis", op_bool(f->node, "exclude"));
  if (dtype_is_float(f->inputs[0].type.dtype))
    reduce_floats(f, &r, is_mean);
  else
    reduce_integers(f, &r, is_mean);
  return MXN_OK;
}

mxn_status reduce_forward(const forward *f) { return run_reduction(f, false); }
mxn_status mean_forward(const forward *f) { return run_reduction(f, true); }

/* Squares are rounded to the type before they are summed. */
mxn_status square_sum_forward(const forward *f) {
  const mxn_tensor *in = &f->inputs[0];
  const size_t bytes = (size_t)count_elements(&in->type) * mxn_dtype_bytes(in->type.dtype);
  mxn_tensor squares = {in->type, arena_alloc(f->scratch, bytes)};
  map_unary(&unary_square, in, &squares);
  forward sum = *f;
  sum.inputs = &squares;
  return reduce_forward(&sum);
}

/* Whether each input is carried and the first axis stays. */
bool op_reduced_axes(const node *n, bool is_reduced[MXN_MAX_DIMS]) {
  inference x = {.node = n};
  return n->def->reduce && op_declares(n, "exclude") &&
         reduce_axes(&x, "axis", op_bool(n, "exclude"), value_type(n->inputs[0])->n_dims, is_reduced) == MXN_OK;
}

static bool keeps_first_axis(const node *n, const bool *is_carried, const char *axes, bool is_excluded) {
  inference x = {.node = n};
  bool is_reduced[MXN_MAX_DIMS];
  return batch_all(n, is_carried) &&
         reduce_axes(&x, axes, is_excluded, value_type(n->inputs[0])->n_dims, is_reduced) == MXN_OK && !is_reduced[0];
}

bool reduce_batch(const node *n, const bool *is_carried) {
  return keeps_first_axis(n, is_carried, "axis", op_bool(n, "exclude"));
}

/* norm. */

mxn_status norm_shape(inference *x) {
  const mxn_type *in = x->inputs[0];
  const int64_t order = op_int(x->node, "ord");
  bool is_reduced[MXN_MAX_DIMS];
  if (order != 1 && order != 2)
    return infer_error(x, MXN_FORMAT, "attribute ord: expected 1 or 2, got %" PRId64, order);
  if (in->n_dims < 0) return MXN_OK;
  TRY(reduce_axes(x, "axis", false, in->n_dims, is_reduced));
  const mxn_type out = filled_shape(in, is_reduced, op_bool(x->node, "keepdims"));
  return infer_output(x, 0, &out);
}

mxn_status norm_dtype(inference *x) {
  const mxn_dtype dtype = op_dtype(x->node, "out_dtype");
  return dtype == MXN_DTYPE_UNKNOWN ? infer_data_dtype(x) : infer_output_dtype(x, 0, dtype);
}

/* The largest number is taken out, so that no square overflows. */
static double euclidean(const double *x, int64_t n) {
  double largest = 0, sum = 0;
  for (int64_t i = 0; i < n; i++) largest = isnan(x[i]) || fabs(x[i]) > largest ? fabs(x[i]) : largest;
  if (largest == 0 || isinf(largest) || isnan(largest)) return largest;
  for (int64_t i = 0; i < n; i++) sum += x[i] / largest * (x[i] / largest);
  return largest * sqrt(sum);
}

static double sum_of_magnitudes(const double *x, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += fabs(x[i]);
  return sum;
}

mxn_status norm_forward(const forward *f) {
  const reduction r = reduction_of_axes(f, "axis", false);
  double *row = arena_array(f->scratch, (size_t)r.inputs, sizeof *row);
  for (int64_t o = 0; o < r.outputs; o++) {
    reduction_load_doubles(&r, &f->inputs[0], o, row);
    const double norm = op_int(f->node, "ord") == 1 ? sum_of_magnitudes(row, r.inputs) : euclidean(row, r.inputs);
    store_doubles(&f->outputs[0], o, 1, &norm);
  }
  return MXN_OK;
}

bool norm_batch(const node *n, const bool *is_carried) { return keeps_first_axis(n, is_carried, "axis", false); }

/* moments: mean and variance. */

mxn_status moments_shape(inference *x) {
  const mxn_type *in = x->inputs[0];
  bool is_reduced[MXN_MAX_DIMS];
  if (op_tuple_of(x->node, "axes").n <= 0)
    return infer_error(x, MXN_FORMAT, "attribute axes: expected at least one axis, got none");
  if (in->n_dims < 0) return MXN_OK;
  TRY(reduce_axes(x, "axes", false, in->n_dims, is_reduced));
  const mxn_type out = filled_shape(in, is_reduced, op_bool(x->node, "keepdims"));
  TRY(infer_output(x, 0, &out));
  return infer_output(x, 1, &out);
}

/* Deviations are from the mean as it is stored. */
mxn_status moments_forward(const forward *f) {
  const reduction r = reduction_of_axes(f, "axes", false);
  double *row = arena_array(f->scratch, (size_t)r.inputs, sizeof *row);
  for (int64_t o = 0; o < r.outputs; o++) {
    double mean = 0, sum = 0, squares = 0;
    reduction_load_doubles(&r, &f->inputs[0], o, row);
    for (int64_t i = 0; i < r.inputs; i++) sum += row[i];
    mean = sum / (double)r.inputs;
    store_doubles(&f->outputs[0], o, 1, &mean);
    load_doubles(&f->outputs[0], o, 1, &mean);
    for (int64_t i = 0; i < r.inputs; i++) squares += (row[i] - mean) * (row[i] - mean);
    squares /= (double)r.inputs;
    store_doubles(&f->outputs[1], o, 1, &squares);
  }
  return MXN_OK;
}

bool moments_batch(const node *n, const bool *is_carried) { return keeps_first_axis(n, is_carried, "axes", false); }

/* argmax, argmin, argmax_channel: the place of the first extreme. */

/* A shape without one axis, or with 1 there. */
static mxn_type shape_without(const mxn_type *in, int32_t axis, bool keepdims) {
  bool is_reduced[MXN_MAX_DIMS] = {false};
  is_reduced[axis] = true;
  return filled_shape(in, is_reduced, keepdims);
}

static mxn_status infer_search(inference *x, bool is_all, int64_t from_axis, bool keepdims) {
  const mxn_type *in = x->inputs[0];
  mxn_type out = {.n_dims = 1, .dims = {1}};
  if (in->n_dims < 0) return MXN_OK;
  if (is_all) {
    if (is_empty(in)) return infer_error(x, MXN_SHAPE, "data has no elements to search");
    for (int32_t d = 0; keepdims && d < in->n_dims; d++) out.dims[d] = 1;
    if (keepdims) out.n_dims = in->n_dims;
  } else {
    int32_t axis = 0;
    TRY(infer_axis(x, "axis", from_axis, in->n_dims, &axis));
    if (in->dims[axis] == 0) return infer_error(x, MXN_SHAPE, "axis %d of data has no elements to search", axis);
    out = shape_without(in, axis, keepdims);
  }
  return infer_output(x, 0, &out);
}

mxn_status search_shape(inference *x) {
  const node *n = x->node;
  return infer_search(x, op_is_none(n, "axis"), op_int(n, "axis"), op_bool(n, "keepdims"));
}

mxn_status argmax_channel_shape(inference *x) { return infer_search(x, false, 1, false); }

/* The first NaN is an extreme, too. */
static double find_extreme(const reduce_function *function, const double *x, int64_t n) {
  double total = function->float_start;
  int64_t at = 0;
  for (int64_t i = 0; i < n; i++) {
    const double before = total;
    function->floats(&total, &x[i], 1);
    if (total != before && !isnan(before)) at = i;
  }
  return (double)at;
}

static mxn_status search(const forward *f, const reduce_function *function, bool is_all, int64_t from_axis) {
  const mxn_type *in = &f->inputs[0].type;
  bool is_reduced[MXN_MAX_DIMS] = {false};
  for (int32_t d = 0; d < in->n_dims; d++) is_reduced[d] = is_all || d == axis_from_front(from_axis, in->n_dims);
  const reduction r = reduction_of(in, is_reduced);
  double *row = arena_array(f->scratch, (size_t)r.inputs, sizeof *row);
  for (int64_t o = 0; o < r.outputs; o++) {
    reduction_load_doubles(&r, &f->inputs[0], o, row);
    const double at = find_extreme(function, row, r.inputs);
    store_doubles(&f->outputs[0], o, 1, &at);
  }
  return MXN_OK;
}

mxn_status argmax_forward(const forward *f) {
  return search(f, &reduce_max, op_is_none(f->node, "axis"), op_int(f->node, "axis"));
}

mxn_status argmin_forward(const forward *f) {
  return search(f, &reduce_min, op_is_none(f->node, "axis"), op_int(f->node, "axis"));
}

mxn_status argmax_channel_forward(const forward *f) { return search(f, &reduce_max, false, 1); }

static bool is_first_axis(const node *n, int64_t axis) {
  return axis == 0 || axis + value_type(n->inputs[0])->n_dims == 0;
}

bool search_batch(const node *n, const bool *is_carried) {
  return batch_all(n, is_carried) && !op_is_none(n, "axis") && !is_first_axis(n, op_int(n, "axis"));
}

/* pick: one element of each line along an axis. */

mxn_status pick_shape(inference *x) {
  const mxn_type *in = x->inputs[0], *index = x->inputs[1];
  int32_t axis = 0;
  if (in->n_dims < 0) return MXN_OK;
  TRY(infer_axis(x, "axis", op_int(x->node, "axis"), in->n_dims, &axis));
  if (in->dims[axis] == 0) return infer_error(x, MXN_SHAPE, "axis %d of data has no elements to pick from", axis);
  const mxn_type out = shape_without(in, axis, op_bool(x->node, "keepdims"));
  TRY(infer_output(x, 0, &out));
  const mxn_type places = shape_without(in, axis, index->n_dims == in->n_dims);
  return infer_input(x, 1, &places);
}

mxn_status pick_dtype(inference *x) { return infer_data_dtype(x); }

mxn_status pick_forward(const forward *f) {
  const mxn_type *in = &f->inputs[0].type;
  const int32_t axis = axis_from_front(op_int(f->node, "axis"), in->n_dims);
  const bool is_clipped = strcmp(op_text(f->node, "mode"), "clip") == 0;
  const size_t bytes = mxn_dtype_bytes(in->dtype);
  bool is_reduced[MXN_MAX_DIMS] = {false};
  is_reduced[axis] = true;
  const reduction r = reduction_of(in, is_reduced);
  for (int64_t o = 0; o < r.outputs; o++) {
    int64_t index;
    load_integers(&f->inputs[1], o, 1, &index);
    index = is_clipped ? index_clip(index, r.inputs) : index_wrap(index, r.inputs);
    const int64_t at = view_offset(r.n_outer, r.outer_dims, r.outer_steps, o) + index * r.inner_steps[0];
    memcpy((char *)f->outputs[0].data + (size_t)o * bytes, (const char *)f->inputs[0].data + (size_t)at * bytes, bytes);
  }
  return MXN_OK;
}

bool pick_batch(const node *n, const bool *is_carried) {
  return batch_all(n, is_carried) && !is_first_axis(n, op_int(n, "axis"));
}
