/* layer_norm.c - LayerNorm, GroupNorm, InstanceNorm and LRN.
 *
 * The first three subtract the mean of a group of elements and divide by the root
 * of its variance plus eps; they differ in what a group is and which gamma and beta
 * an element takes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "ops/family.h"
#include "ops/number.h"

enum { DATA, GAMMA, BETA };

uint32_t layer_norm_outputs(const node *n) { return op_bool(n, "output_mean_var") ? 3 : 1; }

/* gamma and beta have `n` elements; the hidden outputs have shape `moments`. */
static mxn_status infer_parameters(inference *x, int64_t n, const mxn_type *moments) {
  const mxn_type parameters = {.n_dims = 1, .dims = {n}};
  TRY(infer_input(x, GAMMA, &parameters));
  TRY(infer_input(x, BETA, &parameters));
  for (uint32_t i = 1; i < x->n_outputs; i++) TRY(infer_output(x, i, moments));
  return MXN_OK;
}

mxn_status layer_norm_shape(inference *x) {
  const mxn_type *data = x->inputs[DATA];
  int32_t axis;
  TRY(infer_data_shape(x));
  if (data->n_dims < 0) return MXN_OK;
  TRY(infer_axis(x, "axis", op_int(x->node, "axis"), data->n_dims, &axis));
  mxn_type moments = *data;
  moments.dims[axis] = 1;
  return infer_parameters(x, data->dims[axis], &moments);
}

mxn_status group_norm_shape(inference *x) {
  const mxn_type *data = x->inputs[DATA];
  const int64_t groups = op_int(x->node, "num_groups");
  TRY(infer_data_shape(x));
  if (data->n_dims < 0) return MXN_OK;
  if (data->n_dims < 3) return infer_error(x, MXN_SHAPE, "data has %d dimensions, expected at least 3", data->n_dims);
  if (groups < 1 || (data->dims[1] >= 0 && data->dims[1] % groups != 0))
    return infer_error(x, MXN_SHAPE, "num_groups is %" PRId64 ", expected a divisor of %" PRId64 " channels", groups,
                       data->dims[1]);
  const mxn_type moments = {.n_dims = 2, .dims = {data->dims[0], groups}};
  return infer_parameters(x, groups, &moments);
}

mxn_status instance_norm_shape(inference *x) {
  const mxn_type *data = x->inputs[DATA];
  TRY(infer_data_shape(x));
  if (data->n_dims < 0) return MXN_OK;
  if (data->n_dims < 3) return infer_error(x, MXN_SHAPE, "data has %d dimensions, expected at least 3", data->n_dims);
  const mxn_type moments = {.n_dims = 2, .dims = {data->dims[0], data->dims[1]}};
  return infer_parameters(x, data->dims[1], &moments);
}

typedef struct group {
  double mean, deviation;
} group;

/* Of no elements mean and deviation are no numbers. */
static group normalize(double *x, int64_t n, double eps) {
  group g = {0};
  double squares = 0;
  for (int64_t i = 0; i < n; i++) g.mean += x[i];
  g.mean /= (double)n;
  for (int64_t i = 0; i < n; i++) {
    x[i] -= g.mean;
    squares += x[i] * x[i];
  }
  g.deviation = sqrt(squares / (double)n + eps);
  for (int64_t i = 0; i < n; i++) x[i] /= g.deviation;
  return g;
}

static void store_moments(const forward *f, int64_t i, double mean, double second) {
  if (f->node->n_outputs > 1) store_doubles(&f->outputs[1], i, 1, &mean);
  if (f->node->n_outputs > 2) store_doubles(&f->outputs[2], i, 1, &second);
}

static void load_parameters(const forward *f, int64_t i, double *gamma, double *beta) {
  load_doubles(&f->inputs[GAMMA], i, 1, gamma);
  load_doubles(&f->inputs[BETA], i, 1, beta);
}

mxn_status layer_norm_forward(const forward *f) {
  const mxn_type *t = &f->inputs[DATA].type;
  const double eps = op_float(f->node, "eps");
  const int32_t axis = axis_from_front(op_int(f->node, "axis"), t->n_dims);
  const int64_t n = t->dims[axis];
  int64_t outer, inner;
  if (!dims_product(t, 0, axis, &outer) || !dims_product(t, axis + 1, t->n_dims, &inner)) return MXN_OK;
  double *x = arena_array(f->scratch, (size_t)n, 3 * sizeof *x), *gamma = x + n, *beta = gamma + n;
  load_doubles(&f->inputs[GAMMA], 0, n, gamma);
  load_doubles(&f->inputs[BETA], 0, n, beta);
  for (int64_t i = 0; i < outer * inner; i++) {
    const int64_t first = i / inner * n * inner + i % inner;
    for (int64_t k = 0; k < n; k++) load_doubles(&f->inputs[DATA], first + k * inner, 1, &x[k]);
    const group g = normalize(x, n, eps);
    store_moments(f, i, g.mean, g.deviation);
    for (int64_t k = 0; k < n; k++) {
      const double y = x[k] * gamma[k] + beta[k];
      store_doubles(&f->outputs[0], first + k * inner, 1, &y);
    }
  }
  return MXN_OK;
}

/* Groups are `n` elements one behind the other, and group i takes gamma and beta
 * number i % n_parameters. `is_variance`: the third output is g.deviation squared
 * without eps, as InstanceNorm gives it. */
static mxn_status normalize_blocks(const forward *f, int64_t n_groups, int64_t n, int64_t n_parameters,
                                   bool is_variance) {
  const double eps = op_float(f->node, "eps");
  double *x = arena_array(f->scratch, (size_t)n, sizeof *x);
  for (int64_t i = 0; i < n_groups; i++) {
    double gamma, beta;
    load_parameters(f, i % n_parameters, &gamma, &beta);
    load_doubles(&f->inputs[DATA], i * n, n, x);
    const group g = normalize(x, n, eps);
    store_moments(f, i, g.mean, is_variance ? g.deviation * g.deviation - eps : g.deviation);
    for (int64_t k = 0; k < n; k++) x[k] = x[k] * gamma + beta;
    store_doubles(&f->outputs[0], i * n, n, x);
  }
  return MXN_OK;
}

mxn_status group_norm_forward(const forward *f) {
  const mxn_type *t = &f->inputs[DATA].type;
  const int64_t groups = op_int(f->node, "num_groups");
  int64_t sample;
  if (!dims_product(t, 1, t->n_dims, &sample)) return MXN_OK;
  return normalize_blocks(f, t->dims[0] * groups, sample / groups, groups, false);
}

mxn_status instance_norm_forward(const forward *f) {
  const mxn_type *t = &f->inputs[DATA].type;
  int64_t plane;
  if (!dims_product(t, 2, t->n_dims, &plane)) return MXN_OK;
  return normalize_blocks(f, t->dims[0] * t->dims[1], plane, t->dims[1], true);
}

/* LRN: across channels. */

mxn_status lrn_shape(inference *x) {
  const mxn_type *data = x->inputs[DATA];
  const int64_t size = op_int(x->node, "nsize");
  if (size % 2 == 0) return infer_error(x, MXN_SHAPE, "nsize is %" PRId64 ", expected an odd number", size);
  TRY(infer_same_shape(x));
  if (data->n_dims >= 0 && data->n_dims != 4)
    return infer_error(x, MXN_SHAPE, "data has %d dimensions, expected 4", data->n_dims);
  return MXN_OK;
}

/* The squares around channel c, and the norm knorm + alpha / nsize * their sum. */
static double lrn_norm(const node *n, const double *column, int64_t channels, int64_t c) {
  const int64_t size = op_int(n, "nsize"), half = size / 2;
  double sum = 0;
  for (int64_t k = c < half ? 0 : c - half; k <= c + half && k < channels; k++) sum += column[k] * column[k];
  return op_float(n, "knorm") + op_float(n, "alpha") / (double)size * sum;
}

mxn_status lrn_forward(const forward *f) {
  const mxn_type *t = &f->inputs[DATA].type;
  const int64_t channels = t->dims[1], plane = t->dims[2] * t->dims[3];
  const double beta = op_float(f->node, "beta");
  double *column = arena_array(f->scratch, (size_t)channels, sizeof *column);
  for (int64_t i = 0; i < t->dims[0] * plane; i++) {
    const int64_t first = i / plane * channels * plane + i % plane;
    for (int64_t c = 0; c < channels; c++) load_doubles(&f->inputs[DATA], first + c * plane, 1, &column[c]);
    for (int64_t c = 0; c < channels; c++) {
      const double norm = lrn_norm(f->node, column, channels, c), y = column[c] * pow(norm, -beta);
      store_doubles(&f->outputs[0], first + c * plane, 1, &y);
      if (f->node->n_outputs > 1) store_doubles(&f->outputs[1], first + c * plane, 1, &norm);
    }
  }
  return MXN_OK;
}
