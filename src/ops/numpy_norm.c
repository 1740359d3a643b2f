/* numpy_norm.c - numpy's norms of vectors and matrices, _npi_norm.
 *
 * The attributes ord and flag say which: flag -2 is the length of all elements, 1
 * Frobenius' norm, 2 the sum of the singular values; ord says the rest. Axes are one
 * (vectors) or two (matrices); None is the last two, or the only one.
 *
 * Hidden outputs are what MXNet keeps for the gradient: the singular value
 * decomposition, or the sums of magnitudes of rows or columns.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "ops/family.h"
#include "ops/number.h"

enum { FLAG_ALL = -2, FLAG_FROBENIUS = 1, FLAG_NUCLEAR = 2 };

typedef struct norm_axes {
  int32_t n;
  int32_t v[2];
  bool is_reduced[MXN_MAX_DIMS];
} norm_axes;

/* Those of an array of n_dims; an error where there are none such. */
static mxn_status find_norm_axes(inference *x, int32_t n_dims, norm_axes *out) {
  const op_tuple axes = op_tuple_of(x->node, "axis");
  *out = (norm_axes){.n = axes.n < 0 ? (n_dims < 2 ? n_dims : 2) : axes.n};
  if (out->n < 1 || out->n > 2)
    return infer_error(x, MXN_SHAPE, "attribute axis: expected one or two axes of %d dimensions, got %d", n_dims,
                       out->n);
  for (int32_t i = 0; i < out->n; i++) {
    const int64_t axis = axes.n < 0 ? n_dims - out->n + i : axes.v[i];
    TRY(infer_axis(x, "axis", axis, n_dims, &out->v[i]));
    if (out->is_reduced[out->v[i]]) return infer_error(x, MXN_SHAPE, "axis has axis %" PRId64 " twice", axis);
    out->is_reduced[out->v[i]] = true;
  }
  return MXN_OK;
}

static bool is_spectral(const node *n) { return fabs(op_float(n, "ord")) == 2; }
static bool needs_decomposition(const node *n) {
  const int64_t flag = op_int(n, "flag");
  return flag != FLAG_ALL && flag != FLAG_FROBENIUS && is_spectral(n);
}

static bool sums_columns(const node *n) { return fabs(op_float(n, "ord")) == 1; }

/* Of nothing every norm is 0: what only the computation refuses is accepted. */
static bool is_empty(const mxn_type *t) { return shape_is_known(t) && count_elements(t) == 0; }

static mxn_status check_order(inference *x, const norm_axes *axes) {
  const double order = op_float(x->node, "ord");
  const int64_t flag = op_int(x->node, "flag");
  if (flag == FLAG_ALL || axes->n == 2) return MXN_OK;
  if (flag == FLAG_NUCLEAR)
    return infer_error(x, MXN_SHAPE, "attribute flag: expected two axes for the nuclear norm, got one");
  if (isinf(order) && !is_empty(x->inputs[0]))
    return infer_error(x, MXN_UNSUPPORTED, "attribute ord: expected a finite order of vectors");
  return MXN_OK;
}

/* A = UT diag(L) V of each matrix. */
static mxn_status infer_decomposition(inference *x, const norm_axes *axes) {
  const mxn_type *in = x->inputs[0];
  const int64_t rows = in->dims[axes->v[0]], columns = in->dims[axes->v[1]];
  int64_t count = 1;
  if (needs_decomposition(x->node) && rows > columns && !is_empty(in))
    return infer_error(x, MXN_SHAPE,
                       "data has matrices of %" PRId64 " rows and %" PRId64 " columns, expected rows <= columns", rows,
                       columns);
  for (int32_t d = 0; d < in->n_dims; d++)
    if (!axes->is_reduced[d] && !dims_multiply(count, in->dims[d], &count))
      return infer_error(x, MXN_SHAPE, "data has too many matrices");
  const mxn_type shapes[] = {{.n_dims = 3, .dims = {count, rows, rows}},
                             {.n_dims = 2, .dims = {count, rows < columns ? rows : columns}},
                             {.n_dims = 3, .dims = {count, rows, columns}}};
  for (uint32_t i = 1; i < x->n_outputs; i++) TRY(infer_output(x, i, &shapes[i - 1]));
  return MXN_OK;
}

/* One sum for each row or column: [before the summed axis][1][behind it]. */
static mxn_status infer_sums(inference *x, const norm_axes *axes) {
  const mxn_type *in = x->inputs[0];
  const int32_t summed = axes->v[sums_columns(x->node) ? 0 : 1];
  mxn_type shapes[] = {{.n_dims = 3, .dims = {1, 1, 1}}, {.n_dims = 2}, {.n_dims = 3}};
  if (!dims_product(in, 0, summed, &shapes[0].dims[0]) || !dims_product(in, summed + 1, in->n_dims, &shapes[0].dims[2]))
    return infer_error(x, MXN_SHAPE, "data has too many rows");
  for (uint32_t i = 1; i < x->n_outputs; i++) TRY(infer_output(x, i, &shapes[i - 1]));
  return MXN_OK;
}

static mxn_status infer_nothing_hidden(inference *x) {
  for (uint32_t i = 1; i < x->n_outputs; i++) TRY(infer_output(x, i, &(mxn_type){.n_dims = i == 2 ? 2 : 3}));
  return MXN_OK;
}

/* The length of all elements has no axes, but may be asked for by them. */
static mxn_status infer_length(inference *x) {
  const mxn_type *in = x->inputs[0];
  mxn_type out = {.n_dims = op_bool(x->node, "keepdims") ? in->n_dims : 0};
  for (int32_t d = 0; d < out.n_dims; d++) out.dims[d] = 1;
  TRY(infer_output(x, 0, &out));
  return infer_nothing_hidden(x);
}

mxn_status numpy_norm_shape(inference *x) {
  const mxn_type *in = x->inputs[0];
  const bool is_all = op_int(x->node, "flag") == FLAG_ALL;
  norm_axes axes;
  if (in->n_dims < 0) return MXN_OK;
  if (is_all && op_is_none(x->node, "axis")) return infer_length(x);
  TRY(find_norm_axes(x, in->n_dims, &axes));
  TRY(check_order(x, &axes));
  if (!shape_is_known(in)) return MXN_OK;
  const mxn_type out = reduced_shape(in, axes.is_reduced, op_bool(x->node, "keepdims"));
  if (is_all && !is_empty(in) && count_elements(&out) > 1)
    return infer_error(x, MXN_SHAPE, "attribute axis: expected all axes of data with flag %d", FLAG_ALL);
  TRY(infer_output(x, 0, &out));
  if (axes.n == 1) return infer_nothing_hidden(x);
  return is_spectral(x->node) ? infer_decomposition(x, &axes) : infer_sums(x, &axes);
}

mxn_status numpy_norm_dtype(inference *x) {
  TRY(numpy_number_dtype(x));
  const bool is_decomposed = needs_decomposition(x->node) && op_tuple_of(x->node, "axis").n != 1 &&
                             x->inputs[0]->n_dims > 1 && !is_empty(x->inputs[0]);
  const mxn_dtype in = x->inputs[0]->dtype;
  if (is_decomposed && in != MXN_DTYPE_UNKNOWN && in != MXN_FLOAT32 && in != MXN_FLOAT64)
    return infer_error(x, MXN_SHAPE, "data is %s, expected float32 or float64 for singular values", mxn_dtype_name(in));
  return MXN_OK;
}

/* Vectors: what is taken out of the powers is the largest magnitude; zeros have no
 * power. In integers MXNet divides by that as integers do: of the quotients only
 * those of the largest elements are left. */
typedef struct power_sum {
  double scale, sum;
} power_sum;

static double power_of(double quotient, double order) {
  if (order == 0) return quotient != 0;
  return quotient == 0 ? 0 : pow(quotient, order);
}

static power_sum sum_powers(const double *x, int64_t n, double order, bool is_float) {
  power_sum p = {0, 0};
  for (int64_t i = 0; i < n; i++) {
    const double magnitude = fabs(x[i]);
    if (magnitude == 0) continue;
    const bool is_larger = p.scale < magnitude;
    const double quotient = is_larger ? p.scale / magnitude : magnitude / p.scale;
    const double power = power_of(is_float ? quotient : trunc(quotient), order);
    p = is_larger ? (power_sum){magnitude, p.sum * power + 1} : (power_sum){p.scale, p.sum + power};
  }
  return p;
}

static double vector_norm(const double *x, int64_t n, double order, bool is_float) {
  const power_sum p = sum_powers(x, n, order, is_float);
  if (order == 0) return p.sum;
  const double root = power_of(p.sum, 1 / order);
  return p.scale * (is_float ? root : trunc(root));
}

static double length_of(const double *x, int64_t n, bool is_float) {
  const power_sum p = sum_powers(x, n, 2, is_float);
  return p.scale * sqrt(p.sum);
}

static void run_vectors(const forward *f, const bool *is_reduced, bool is_length) {
  const reduction r = reduction_of(&f->inputs[0].type, is_reduced);
  const bool is_float = dtype_is_float(f->inputs[0].type.dtype);
  double *row = arena_array(f->scratch, (size_t)r.inputs, sizeof *row);
  for (int64_t o = 0; o < r.outputs; o++) {
    reduction_load_doubles(&r, &f->inputs[0], o, row);
    const double norm =
        is_length ? length_of(row, r.inputs, is_float) : vector_norm(row, r.inputs, op_float(f->node, "ord"), is_float);
    store_doubles(&f->outputs[0], o, 1, &norm);
  }
}

/* Matrices, one after the other: [rows][columns] */
typedef struct norm_matrices {
  double *data;
  int64_t count, rows, columns;
} norm_matrices;

static norm_matrices load_matrices(const forward *f, const norm_axes *axes) {
  const mxn_type *in = &f->inputs[0].type;
  const reduction r = reduction_of(in, axes->is_reduced);
  const bool is_swapped = axes->v[0] > axes->v[1]; /* the elements come in the order of memory */
  const norm_matrices m = {arena_array(f->scratch, (size_t)(r.outputs * r.inputs), sizeof(double)), r.outputs,
                           in->dims[axes->v[0]], in->dims[axes->v[1]]};
  double *row = arena_array(f->scratch, (size_t)r.inputs, sizeof *row);
  for (int64_t o = 0; o < r.outputs; o++) {
    double *out = m.data + o * r.inputs;
    reduction_load_doubles(&r, &f->inputs[0], o, row);
    for (int64_t i = 0; i < r.inputs; i++) out[i] = row[is_swapped ? i % m.columns * m.rows + i / m.columns : i];
  }
  return m;
}

static double extreme_of(const double *x, int64_t n, bool is_largest) {
  const reduce_function *function = is_largest ? &reduce_max : &reduce_min;
  double total = function->float_start;
  function->floats(&total, x, n);
  return total;
}

/* Sums are kept as the output's type keeps them. */
static void run_sums(const forward *f, const norm_axes *axes) {
  const norm_matrices m = load_matrices(f, axes);
  const mxn_dtype dtype = f->outputs[0].type.dtype;
  const bool is_columns = sums_columns(f->node);
  const int64_t n = is_columns ? m.columns : m.rows, terms = is_columns ? m.rows : m.columns;
  double *sums = arena_array(f->scratch, (size_t)n, sizeof *sums);
  for (int64_t o = 0; o < m.count; o++) {
    const double *a = m.data + o * m.rows * m.columns;
    for (int64_t i = 0; i < n; i++) {
      sums[i] = 0;
      for (int64_t k = 0; k < terms; k++) sums[i] += fabs(is_columns ? a[k * n + i] : a[i * terms + k]);
      sums[i] = round_to(dtype, sums[i]);
    }
    const double norm = extreme_of(sums, n, op_float(f->node, "ord") > 0);
    store_doubles(&f->outputs[0], o, 1, &norm);
  }
}

/* The sums for the hidden output lie in the order of the array. */
static void store_sums(const forward *f, const norm_axes *axes) {
  bool is_reduced[MXN_MAX_DIMS] = {false};
  is_reduced[axes->v[sums_columns(f->node) ? 0 : 1]] = true;
  const reduction r = reduction_of(&f->inputs[0].type, is_reduced);
  double *row = arena_array(f->scratch, (size_t)r.inputs, sizeof *row);
  for (int64_t o = 0; o < r.outputs; o++) {
    double sum = 0;
    reduction_load_doubles(&r, &f->inputs[0], o, row);
    for (int64_t i = 0; i < r.inputs; i++) sum += fabs(row[i]);
    store_doubles(&f->outputs[1], o, 1, &sum);
  }
}

static void run_singular(const forward *f, const norm_axes *axes) {
  const norm_matrices m = load_matrices(f, axes);
  const matrices ut = linalg_empty(f->scratch, m.count, m.rows, m.rows);
  const matrices values = linalg_empty(f->scratch, m.count, 1, m.rows);
  const matrices room = linalg_empty(f->scratch, 1, m.rows, m.rows + m.columns);
  for (int64_t o = 0; o < m.count; o++) {
    double *l = values.data + o * m.rows, norm = 0;
    linalg_singular(m.data + o * m.rows * m.columns, m.rows, m.columns, ut.data + o * m.rows * m.rows, l, room.data);
    if (op_int(f->node, "flag") == FLAG_NUCLEAR)
      reduce_sum.floats(&norm, l, m.rows);
    else
      norm = l[op_float(f->node, "ord") > 0 ? 0 : m.rows - 1];
    store_doubles(&f->outputs[0], o, 1, &norm);
  }
  if (f->node->n_outputs > 1) linalg_store(&f->outputs[1], ut.data);
  if (f->node->n_outputs > 2) linalg_store(&f->outputs[2], values.data);
  if (f->node->n_outputs > 3) linalg_store(&f->outputs[3], m.data);
}

static void clear_outputs(const forward *f) {
  for (uint32_t i = 0; i < f->node->n_outputs; i++)
    memset(f->outputs[i].data, 0,
           (size_t)count_elements(&f->outputs[i].type) * mxn_dtype_bytes(f->outputs[i].type.dtype));
}

mxn_status numpy_norm_forward(const forward *f) {
  const mxn_type *in = &f->inputs[0].type;
  const int64_t flag = op_int(f->node, "flag");
  inference x = {.node = f->node};
  norm_axes axes = {0};
  clear_outputs(f);
  if (count_elements(in) == 0) return MXN_OK;
  for (int32_t d = 0; d < in->n_dims && flag == FLAG_ALL; d++) axes.is_reduced[d] = true;
  if (flag != FLAG_ALL) TRY(find_norm_axes(&x, in->n_dims, &axes));
  if (axes.n < 2 || flag == FLAG_FROBENIUS)
    run_vectors(f, axes.is_reduced, flag == FLAG_ALL || axes.n == 2);
  else if (is_spectral(f->node))
    run_singular(f, &axes);
  else
    run_sums(f, &axes);
  if (axes.n == 2 && flag != FLAG_FROBENIUS && !is_spectral(f->node) && f->node->n_outputs > 1) store_sums(f, &axes);
  return MXN_OK;
}
