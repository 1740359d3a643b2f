/* normalization.c - BatchNorm as inference computes it, and L2Normalization.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <string.h>

#include "ops/family.h"
#include "ops/number.h"

/* BatchNorm. */

enum { DATA, GAMMA, BETA, MEAN, VARIANCE };

uint32_t batch_norm_outputs(const node *n) { return op_bool(n, "output_mean_var") ? 3 : 1; }

/* BatchNorm_v1 and SyncBatchNorm declare no axis. */
static int64_t given_axis(const node *n) { return op_declares(n, "axis") ? op_int(n, "axis") : 1; }

static bool is_old(const node *n) { return op_is(n, "BatchNorm_v1"); }

static int32_t channel_axis(const node *n, int32_t n_dims) { return axis_from_front(given_axis(n), n_dims); }

mxn_status batch_norm_shape(inference *x) {
  TRY(infer_data_shape(x));
  const mxn_type *data = x->inputs[DATA];
  int32_t axis;
  if (data->n_dims < 0) return MXN_OK;
  if (is_old(x->node) && data->n_dims != 2 && data->n_dims != 4)
    return infer_error(x, MXN_SHAPE, "data has %d dimensions, expected 2 or 4", data->n_dims);
  TRY(infer_axis(x, "axis", given_axis(x->node), data->n_dims, &axis));
  mxn_type channels = {.n_dims = 1, .dims = {data->dims[axis]}};
  for (uint32_t i = GAMMA; i <= VARIANCE; i++) {
    TRY(infer_input(x, i, &channels));
    channels = *x->inputs[i];
  }
  for (uint32_t i = 1; i < x->n_outputs; i++) TRY(infer_output(x, i, &channels));
  mxn_type back = *data;
  back.dims[axis] = channels.dims[0];
  TRY(infer_input(x, DATA, &back));
  return infer_output(x, 0, &back);
}

/* The older operator has two forms: of columns, and of images. */
mxn_status batch_norm_v1_shape(inference *x) {
  const int32_t n_dims = x->inputs[DATA]->n_dims;
  if (n_dims >= 0 && n_dims != 2 && n_dims != 4)
    return infer_error(x, MXN_SHAPE, "data has %d dimensions, expected 2 or 4", n_dims);
  return batch_norm_shape(x);
}

/* The parameters of half-precision data are float32. */
mxn_status batch_norm_dtype(inference *x) {
  TRY(infer_data_dtype(x));
  const mxn_dtype data = x->inputs[DATA]->dtype;
  const mxn_dtype parameters = data == MXN_FLOAT16 || data == MXN_BFLOAT16 ? MXN_FLOAT32 : data;
  for (uint32_t i = GAMMA; i <= VARIANCE; i++) TRY(infer_input_dtype(x, i, parameters));
  for (uint32_t i = 1; i < x->n_outputs; i++) TRY(infer_output_dtype(x, i, parameters));
  return MXN_OK;
}

typedef struct affine {
  double *scale, *shift;
} affine;

/* y = x * scale + shift for each channel; the outputs behind the first get the
 * mean and 1 / sqrt(variance + eps), of BatchNorm_v1 the variance. MXNet keeps eps in the type of the data. */
static affine fold_parameters(const forward *f, int64_t channels) {
  const node *n = f->node;
  const double eps = round_to(f->inputs[DATA].type.dtype, op_float(n, "eps"));
  const bool fix_gamma = op_bool(n, "fix_gamma");
  affine a = {arena_array(f->scratch, (size_t)channels, sizeof(double)),
              arena_array(f->scratch, (size_t)channels, sizeof(double))};
  for (int64_t c = 0; c < channels; c++) {
    double p[VARIANCE + 1];
    for (int i = GAMMA; i <= VARIANCE; i++) load_doubles(&f->inputs[i], c, 1, &p[i]);
    const double inverse = 1 / sqrt(p[VARIANCE] + eps);
    a.scale[c] = (fix_gamma ? 1 : p[GAMMA]) * inverse;
    a.shift[c] = p[BETA] - p[MEAN] * a.scale[c];
    if (n->n_outputs > 1) store_doubles(&f->outputs[1], c, 1, &p[MEAN]);
    if (n->n_outputs > 2) store_doubles(&f->outputs[2], c, 1, is_old(n) ? &p[VARIANCE] : &inverse);
  }
  return a;
}

mxn_status batch_norm_forward(const forward *f) {
  const mxn_type *t = &f->inputs[DATA].type;
  const int32_t axis = channel_axis(f->node, t->n_dims);
  const int64_t channels = t->dims[axis];
  int64_t outer, inner;
  if (!dims_product(t, 0, axis, &outer) || !dims_product(t, axis + 1, t->n_dims, &inner)) return MXN_OK;
  const affine a = fold_parameters(f, channels);
  if (outer == 0 || channels == 0 || inner == 0) return MXN_OK;
  double *x = arena_array(f->scratch, (size_t)inner, sizeof *x);
  for (int64_t i = 0; i < outer * channels; i++) {
    const double scale = a.scale[i % channels], shift = a.shift[i % channels];
    load_doubles(&f->inputs[DATA], i * inner, inner, x);
    for (int64_t k = 0; k < inner; k++) x[k] = x[k] * scale + shift;
    store_doubles(&f->outputs[0], i * inner, inner, x);
  }
  return MXN_OK;
}

mxn_status batch_norm_relu_forward(const forward *f) {
  TRY(batch_norm_forward(f));
  map_unary(&unary_relu, &f->outputs[0], &f->outputs[0]);
  return MXN_OK;
}

bool batch_norm_batch(const node *n, const bool *is_carried) {
  return !op_bool(n, "output_mean_var") && batch_data(n, is_carried) && channel_axis(n, n->outputs[0].n_dims) != 0;
}

/* L2Normalization: x / sqrt(sum of squares + eps) over a part of each sample. */

static bool is_mode(const node *n, const char *mode) { return strcmp(op_text(n, "mode"), mode) == 0; }

mxn_status l2_normalization_shape(inference *x) {
  TRY(infer_data_shape(x));
  const int32_t n_dims = x->inputs[0]->n_dims, least = is_mode(x->node, "instance") ? 1 : 3;
  if (n_dims >= 0 && n_dims < least)
    return infer_error(x, MXN_SHAPE, "data has %d dimensions, mode %s needs at least %d", n_dims,
                       op_text(x->node, "mode"), least);
  return MXN_OK;
}

mxn_status l2_normalization_forward(const forward *f) {
  const mxn_type *t = &f->inputs[0].type;
  const bool is_spatial = is_mode(f->node, "spatial"), is_channel = is_mode(f->node, "channel");
  const double eps = op_float(f->node, "eps");
  int64_t outer = t->dims[0], length, inner = 1;
  if (is_spatial && !dims_multiply(outer, t->dims[1], &outer)) return MXN_OK;
  if (is_channel && !dims_product(t, 2, t->n_dims, &inner)) return MXN_OK;
  if (!dims_product(t, is_spatial ? 2 : 1, is_channel ? 2 : t->n_dims, &length)) return MXN_OK;
  if (outer == 0 || length == 0 || inner == 0) return MXN_OK;
  double *x = arena_array(f->scratch, (size_t)(length * inner), sizeof *x);
  double *norm = arena_array(f->scratch, (size_t)inner, sizeof *norm);
  for (int64_t o = 0; o < outer; o++) {
    load_doubles(&f->inputs[0], o * length * inner, length * inner, x);
    for (int64_t j = 0; j < inner; j++) norm[j] = eps;
    for (int64_t i = 0; i < length * inner; i++) norm[i % inner] += x[i] * x[i];
    for (int64_t i = 0; i < length * inner; i++) x[i] /= sqrt(norm[i % inner]);
    store_doubles(&f->outputs[0], o * length * inner, length * inner, x);
  }
  return MXN_OK;
}
