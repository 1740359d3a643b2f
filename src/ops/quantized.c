/* quantized.c - layers of quantized numbers: see quantized.h.
 *
 * Sums of products are computed by the layers of real numbers in float64, which
 * holds them exactly, and rounded or cut to their type at the end.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ops/quantized.h"

#include <math.h>
#include <string.h>

#include "ops/family.h"
#include "ops/number.h"

uint32_t quantized_layer_inputs(const node *n) { return op_bool(n, "no_bias") ? 6 : 9; }

static uint32_t count_layer_inputs(const inference *x) { return x->n_inputs / 3; }

mxn_status quantized_layer_dtype(inference *x) {
  const uint32_t n = count_layer_inputs(x);
  TRY(quantized_expect(x, 0));
  for (uint32_t i = 1; i < n; i++) TRY(infer_input_dtype(x, i, MXN_INT8));
  TRY(infer_output_dtype(x, 0, MXN_INT32));
  return quantized_infer_range_dtypes(x, n);
}

/* Run a layer on n_inputs arrays in float64; its output in float64. */
static mxn_status run_layer(const forward *f, op_run run, const mxn_tensor *inputs, mxn_tensor *out) {
  *out = quantized_empty(f->scratch, &f->outputs[0].type, MXN_FLOAT64);
  const forward layer = {.node = f->node, .inputs = inputs, .outputs = out, .scratch = f->scratch, .err = f->err};
  return run(&layer);
}

static void store_rounded(mxn_tensor *out, const mxn_tensor *wide) {
  const double *from = wide->data;
  const int64_t n = quantized_elements(wide);
  for (int64_t i = 0; i < n; i++) {
    const int64_t rounded = quantized_round(out->type.dtype, (float)from[i]);
    store_integers(out, i, 1, &rounded);
  }
}

/* Sums of products; beyond int32 they wrap, as in any int32 sum. */
static void store_sums(mxn_tensor *out, const mxn_tensor *wide) {
  const int64_t n = quantized_elements(wide);
  for (int64_t i = 0; i < n; i++) {
    int64_t sum;
    load_integers(wide, i, 1, &sum);
    store_integers(out, i, 1, &sum);
  }
}

static void widen_inputs(const forward *f, uint32_t n, mxn_tensor *out) {
  for (uint32_t i = 0; i < n; i++) out[i] = quantized_widen(f->scratch, &f->inputs[i]);
}

enum { DATA, WEIGHT, BIAS, MAX_LAYER_INPUTS };

/* Convolution: oneDNN adds the bias as it is, without a look at its range. */

mxn_status quantized_convolution_shape(inference *x) {
  if (op_int(x->node, "num_group") != 1)
    return infer_error(x, MXN_UNSUPPORTED, "num_group is %lld, MXNet has 1 only",
                       (long long)op_int(x->node, "num_group"));
  return quantized_infer_layer(x, convolution_shape, count_layer_inputs(x));
}

mxn_status quantized_convolution_forward(const forward *f) {
  const uint32_t n = quantized_layer_inputs(f->node) / 3;
  mxn_tensor inputs[MAX_LAYER_INPUTS], sums;
  widen_inputs(f, n, inputs);
  TRY(run_layer(f, convolution_forward, inputs, &sums));
  store_sums(&f->outputs[0], &sums);
  quantized_give_range(
      f, quantized_product_range(quantized_range(&f->inputs[n]), quantized_range(&f->inputs[n + 2]), false));
  return MXN_OK;
}

/* FullyConnected: the bias in units of the sums, cut to an integer. */

mxn_status quantized_fully_connected_shape(inference *x) {
  return quantized_infer_layer(x, fully_connected_shape, count_layer_inputs(x));
}

static void rescale_bias(const forward *f, uint32_t n, const mxn_tensor *bias) {
  const real_range data = quantized_range(&f->inputs[n]), weight = quantized_range(&f->inputs[n + 2]);
  const real_range real = quantized_range(&f->inputs[n + 4]);
  const float data_scale =
      (f->inputs[DATA].type.dtype == MXN_INT8 ? QUANTIZED_INT8_RANGE : QUANTIZED_UINT8_RANGE) / quantized_real(&data);
  const float weight_scale = QUANTIZED_INT8_RANGE / quantized_real(&weight);
  const float scale = data_scale * weight_scale * quantized_real(&real) / QUANTIZED_INT8_RANGE;
  double *b = bias->data;
  const int64_t elements = quantized_elements(bias);
  for (int64_t i = 0; i < elements; i++) b[i] = (double)truncf((float)b[i] * scale);
}

mxn_status quantized_fully_connected_forward(const forward *f) {
  const uint32_t n = quantized_layer_inputs(f->node) / 3;
  mxn_tensor inputs[MAX_LAYER_INPUTS], sums;
  widen_inputs(f, n, inputs);
  if (n > BIAS) rescale_bias(f, n, &inputs[BIAS]);
  TRY(run_layer(f, fully_connected_forward, inputs, &sums));
  store_sums(&f->outputs[0], &sums);
  const bool is_unsigned = f->inputs[DATA].type.dtype == MXN_UINT8;
  quantized_give_range(
      f, quantized_product_range(quantized_range(&f->inputs[n]), quantized_range(&f->inputs[n + 2]), is_unsigned));
  return MXN_OK;
}

/* Pooling, Flatten, Activation: the range stays. */

mxn_status quantized_pooling_shape(inference *x) {
  const char *type = op_text(x->node, "pool_type");
  if (strcmp(type, "max") != 0 && strcmp(type, "avg") != 0)
    return infer_error(x, MXN_UNSUPPORTED, "pool_type is %s, MXNet has max and avg only", type);
  if (!op_is_none(x->node, "layout") && strcmp(op_text(x->node, "layout"), "NCHW") != 0)
    return infer_error(x, MXN_UNSUPPORTED, "layout is %s, MXNet has NCHW only", op_text(x->node, "layout"));
  return quantized_infer_layer(x, pooling_shape, 1);
}

/* The same node with pool_type sum. */
static node with_sum(const forward *f) {
  node n = *f->node;
  size_t i = 0, count = 0;
  while (strcmp(n.def->attributes[i].name, "pool_type") != 0) i++;
  while (n.def->attributes[count].name) count++;
  op_parameter *parameters = arena_copy(f->scratch, n.parameters, (count + 1) * sizeof *parameters);
  parameters[i].text = "sum";
  n.parameters = parameters;
  return n;
}

/* oneDNN divides by the size of the kernel, also where it hangs over the padding
 * (pooling_convention full); MXNet's own Pooling does not. */
static bool divides_by_kernel(const node *n) {
  return strcmp(op_text(n, "pool_type"), "avg") == 0 && strcmp(op_text(n, "pooling_convention"), "full") == 0 &&
         op_bool(n, "count_include_pad") && !op_bool(n, "global_pool");
}

static mxn_status pool_by_kernel(const forward *f, const mxn_tensor *data, mxn_tensor *out) {
  const node n = with_sum(f);
  const op_tuple kernel = op_tuple_of(&n, "kernel");
  const forward sum = {.node = &n, .outputs = f->outputs, .scratch = f->scratch, .err = f->err};
  double size = 1;
  TRY(run_layer(&sum, pooling_forward, data, out));
  for (int32_t i = 0; i < kernel.n; i++) size *= (double)kernel.v[i];
  double *numbers = out->data;
  const int64_t elements = quantized_elements(out);
  for (int64_t i = 0; i < elements; i++) numbers[i] /= size;
  return MXN_OK;
}

mxn_status quantized_pooling_forward(const forward *f) {
  mxn_tensor data, out;
  widen_inputs(f, 1, &data);
  TRY(divides_by_kernel(f->node) ? pool_by_kernel(f, &data, &out) : run_layer(f, pooling_forward, &data, &out));
  store_rounded(&f->outputs[0], &out);
  quantized_give_range(f, quantized_range(&f->inputs[1]));
  return MXN_OK;
}

mxn_status quantized_flatten_shape(inference *x) { return quantized_infer_layer(x, flatten_shape, 1); }

mxn_status quantized_copy_dtype(inference *x) {
  TRY(quantized_expect(x, 0));
  TRY(infer_data_dtype(x));
  return quantized_infer_range_dtypes(x, 1);
}

mxn_status quantized_copy_forward(const forward *f) {
  size_t bytes;
  if (type_bytes(&f->inputs[0].type, &bytes) && bytes) memcpy(f->outputs[0].data, f->inputs[0].data, bytes);
  quantized_give_range(f, quantized_range(&f->inputs[1]));
  return MXN_OK;
}

/* The output is int8, even of uint8, whose bits it then holds. */
mxn_status quantized_activation_dtype(inference *x) {
  if (strcmp(op_text(x->node, "act_type"), "relu") != 0)
    return infer_error(x, MXN_UNSUPPORTED, "act_type is %s, MXNet has relu only", op_text(x->node, "act_type"));
  TRY(quantized_expect(x, 0));
  TRY(infer_output_dtype(x, 0, MXN_INT8));
  return quantized_infer_range_dtypes(x, 1);
}

mxn_status quantized_activation_forward(const forward *f) {
  const int64_t n = quantized_elements(&f->inputs[0]);
  for (int64_t i = 0; i < n; i++) {
    int64_t number;
    load_integers(&f->inputs[0], i, 1, &number);
    if (number < 0) number = 0;
    store_integers(&f->outputs[0], i, 1, &number);
  }
  quantized_give_range(f, quantized_range(&f->inputs[1]));
  return MXN_OK;
}

/* Concat: arrays, then their ranges; what has another scale than the output is
 * rescaled. */

uint32_t quantized_concat_inputs(const node *n) {
  const int64_t number = op_int(n, "num_args");
  return number > INT32_MAX / 3 ? UINT32_MAX : 3 * (uint32_t)number;
}

mxn_status quantized_concat_shape(inference *x) {
  return quantized_infer_layer(x, concat_shape, count_layer_inputs(x));
}

mxn_status quantized_concat_dtype(inference *x) {
  const uint32_t n = count_layer_inputs(x);
  mxn_dtype out = MXN_UINT8;
  for (uint32_t i = 0; i < n; i++) {
    TRY(quantized_expect(x, i));
    if (x->inputs[i]->dtype == MXN_DTYPE_UNKNOWN) return quantized_infer_range_dtypes(x, n);
    if (x->inputs[i]->dtype == MXN_INT8) out = MXN_INT8;
  }
  TRY(infer_output_dtype(x, 0, out));
  return quantized_infer_range_dtypes(x, n);
}

static mxn_tensor rescaled(arena *a, const mxn_tensor *t, mxn_dtype dtype, float scale) {
  mxn_tensor out = quantized_empty(a, &t->type, dtype);
  const int64_t n = quantized_elements(t);
  for (int64_t i = 0; i < n; i++) {
    double number;
    load_doubles(t, i, 1, &number);
    const int64_t rounded = quantized_round(dtype, (float)number * scale);
    store_integers(&out, i, 1, &rounded);
  }
  return out;
}

static float unguarded_scale(mxn_dtype dtype, real_range r) {
  return (dtype == MXN_INT8 ? QUANTIZED_INT8_RANGE : QUANTIZED_UINT8_RANGE) / quantized_real(&r);
}

/* The same operator with the rescaled arrays alone; concat reads its node's
 * number of inputs, so that the node is a copy. */
mxn_status quantized_concat_forward(const forward *f) {
  const uint32_t n = (uint32_t)op_int(f->node, "num_args");
  const mxn_dtype dtype = f->outputs[0].type.dtype;
  mxn_tensor *arrays = arena_array(f->scratch, n, sizeof *arrays);
  real_range all = {0, 0};
  for (uint32_t i = 0; i < n; i++) {
    const real_range r = quantized_range(&f->inputs[n + 2 * i]);
    if (r.least < all.least) all.least = r.least;
    if (r.most > all.most) all.most = r.most;
  }
  const float out_scale = unguarded_scale(dtype, all);
  for (uint32_t i = 0; i < n; i++) {
    const float scale = unguarded_scale(f->inputs[i].type.dtype, quantized_range(&f->inputs[n + 2 * i]));
    const bool is_same = scale == out_scale && f->inputs[i].type.dtype == dtype;
    arrays[i] = is_same ? f->inputs[i] : rescaled(f->scratch, &f->inputs[i], dtype, out_scale / scale);
  }
  node concat = *f->node;
  concat.n_inputs = n;
  const forward inner = {
      .node = &concat, .inputs = arrays, .outputs = f->outputs, .scratch = f->scratch, .err = f->err};
  TRY(concat_forward(&inner));
  quantized_give_range(f, all);
  return MXN_OK;
}

/* elemwise_add and elemwise_mul: two arrays, then their ranges. */

enum { LEFT_RANGE = 2, RIGHT_RANGE = 4 };

mxn_status quantized_add_dtype(inference *x) {
  const mxn_dtype left = x->inputs[0]->dtype, right = x->inputs[1]->dtype;
  real_range r;
  TRY(quantized_expect(x, 0));
  TRY(quantized_expect(x, 1));
  TRY(quantized_infer_range_dtypes(x, 2));
  if (!quantized_calibration(x->node, &r)) return infer_output_dtype(x, 0, MXN_INT32);
  if (left == MXN_DTYPE_UNKNOWN || right == MXN_DTYPE_UNKNOWN) return MXN_OK;
  return infer_output_dtype(x, 0, left == right ? left : MXN_INT8);
}

/* What both arrays are multiplied by. */
static void add_scales(const forward *f, float scales[2], real_range *out) {
  const real_range left = quantized_range(&f->inputs[LEFT_RANGE]), right = quantized_range(&f->inputs[RIGHT_RANGE]);
  const mxn_dtype types[] = {f->inputs[0].type.dtype, f->inputs[1].type.dtype};
  const float reals[] = {quantized_real(&left), quantized_real(&right)}, sum = reals[0] + reals[1];
  if (quantized_calibration(f->node, out)) {
    const float out_scale = unguarded_scale(f->outputs[0].type.dtype, *out);
    scales[0] = out_scale / unguarded_scale(types[0], left);
    scales[1] = out_scale / unguarded_scale(types[1], right);
    return;
  }
  *out = (real_range){-sum, sum};
  for (int i = 0; i < 2; i++) {
    const float most = types[i] == MXN_INT8 ? QUANTIZED_INT8_RANGE : QUANTIZED_UINT8_RANGE;
    scales[i] = reals[i] * 2147483647.0f / (sum * most);
  }
}

/* Of two types the uint8 one is brought to int8 first. */
mxn_status quantized_add_forward(const forward *f) {
  mxn_tensor arrays[2] = {f->inputs[0], f->inputs[1]};
  const int64_t n = quantized_elements(&f->outputs[0]);
  float scales[2];
  real_range range;
  add_scales(f, scales, &range);
  for (int i = 0; i < 2 && arrays[0].type.dtype != arrays[1].type.dtype; i++) {
    if (arrays[i].type.dtype != MXN_UINT8) continue;
    arrays[i] = rescaled(f->scratch, &arrays[i], MXN_INT8, scales[i]);
    scales[i] = 1;
  }
  for (int64_t i = 0; i < n; i++) {
    double x, y;
    load_doubles(&arrays[0], i, 1, &x);
    load_doubles(&arrays[1], i, 1, &y);
    const int64_t sum = quantized_round(f->outputs[0].type.dtype, (float)x * scales[0] + (float)y * scales[1]);
    store_integers(&f->outputs[0], i, 1, &sum);
  }
  quantized_give_range(f, range);
  return MXN_OK;
}

uint32_t quantized_outputs(const node *n) { return op_bool(n, "enable_float_output") ? 1 : 3; }

mxn_status quantized_multiply_dtype(inference *x) {
  real_range r;
  for (uint32_t i = 0; i < 2; i++) TRY(infer_input_dtype(x, i, MXN_INT8));
  TRY(quantized_infer_range_dtypes(x, 2));
  const mxn_dtype integer = quantized_calibration(x->node, &r) ? MXN_INT8 : MXN_INT32;
  return infer_output_dtype(x, 0, x->n_outputs == 1 ? MXN_FLOAT32 : integer);
}

mxn_status quantized_multiply_forward(const forward *f) {
  const real_range left = quantized_range(&f->inputs[LEFT_RANGE]), right = quantized_range(&f->inputs[RIGHT_RANGE]);
  const float left_scale = unguarded_scale(MXN_INT8, left), right_scale = unguarded_scale(MXN_INT8, right);
  const bool is_float = f->node->n_outputs == 1;
  const int64_t n = quantized_elements(&f->outputs[0]);
  real_range out = {0, 0};
  float scale = 1;
  if (is_float)
    scale = (float)(1.0 / (double)left_scale / (double)right_scale);
  else if (quantized_calibration(f->node, &out))
    scale = unguarded_scale(MXN_INT8, out) / left_scale / right_scale;
  else
    out = quantized_product_range(left, right, false);
  for (int64_t i = 0; i < n; i++) {
    double x, y;
    load_doubles(&f->inputs[0], i, 1, &x);
    load_doubles(&f->inputs[1], i, 1, &y);
    const double product = (double)((float)(x * y) * scale);
    store_doubles(&f->outputs[0], i, 1, &product);
  }
  quantized_give_range(f, out);
  return MXN_OK;
}

/* Embedding: rows of int8; a row beyond the table is its nearest one. */

mxn_status quantized_embedding_shape(inference *x) {
  const int64_t rows = op_int(x->node, "input_dim"), columns = op_int(x->node, "output_dim");
  mxn_type out = *x->inputs[0];
  TRY(infer_input(x, 1, &(mxn_type){.n_dims = 2, .dims = {rows, columns}}));
  TRY(quantized_infer_ranges(x, 2));
  if (out.n_dims < 0) return MXN_OK;
  if (out.n_dims == MXN_MAX_DIMS) return infer_error(x, MXN_UNSUPPORTED, "data has %d dimensions", out.n_dims);
  out.dims[out.n_dims++] = columns;
  return infer_output(x, 0, &out);
}

mxn_status quantized_embedding_dtype(inference *x) {
  TRY(infer_input_dtype(x, 1, MXN_INT8));
  TRY(infer_output_dtype(x, 0, MXN_INT8));
  return quantized_infer_range_dtypes(x, 2);
}

mxn_status quantized_embedding_forward(const forward *f) {
  const int64_t rows = f->inputs[1].type.dims[0], columns = f->inputs[1].type.dims[1];
  const int64_t n = quantized_elements(&f->inputs[0]);
  for (int64_t i = 0; i < n && rows > 0; i++) {
    int64_t row;
    load_integers(&f->inputs[0], i, 1, &row);
    row = row < 0 ? 0 : row >= rows ? rows - 1 : row;
    memcpy((int8_t *)f->outputs[0].data + i * columns, (const int8_t *)f->inputs[1].data + row * columns,
           (size_t)columns);
  }
  quantized_give_range(f, quantized_range(&f->inputs[2]));
  return MXN_OK;
}

/* BatchNorm: uint8 becomes int8, then y = x * scale + shift for each channel. */

enum { GAMMA = 1, BETA, MEAN, VARIANCE, N_BATCH_NORM_INPUTS };

mxn_status quantized_batch_norm_shape(inference *x) {
  real_range r;
  if (!quantized_calibration(x->node, &r))
    return infer_error(x, MXN_UNSUPPORTED, "min_calib_range or max_calib_range is missing");
  return quantized_infer_layer(x, batch_norm_shape, N_BATCH_NORM_INPUTS);
}

mxn_status quantized_batch_norm_dtype(inference *x) {
  TRY(quantized_expect(x, 0));
  TRY(infer_output_dtype(x, 0, MXN_INT8));
  return quantized_infer_range_dtypes(x, 1);
}

typedef struct affine {
  float scale, shift;
} affine;

static affine channel_affine(const forward *f, int64_t c, float data_real, float out_real) {
  double p[N_BATCH_NORM_INPUTS];
  for (int i = GAMMA; i < N_BATCH_NORM_INPUTS; i++) load_doubles(&f->inputs[i], c, 1, &p[i]);
  const double eps = op_float(f->node, "eps");
  const float inverse = (float)(1 / sqrt(p[VARIANCE] + eps)), gamma = (float)p[GAMMA];
  /* oneDNN normalizes once more, with a variance of 1. */
  return (affine){gamma * inverse * data_real / out_real / sqrtf(1 + (float)eps),
                  ((float)p[BETA] - (float)p[MEAN] * gamma * inverse) * QUANTIZED_INT8_RANGE / out_real};
}

mxn_status quantized_batch_norm_forward(const forward *f) {
  const mxn_type *t = &f->inputs[DATA].type;
  const int64_t n = quantized_elements(&f->inputs[DATA]);
  const int32_t d = axis_from_front(op_int(f->node, "axis"), t->n_dims);
  const real_range in = quantized_range(&f->inputs[N_BATCH_NORM_INPUTS]);
  mxn_tensor data = f->inputs[DATA];
  real_range out;
  int64_t inner;
  if (!quantized_calibration(f->node, &out) || !dims_product(t, d + 1, t->n_dims, &inner)) return MXN_OK;
  if (t->dtype == MXN_UINT8) data = rescaled(f->scratch, &data, MXN_INT8, QUANTIZED_INT8_RANGE / QUANTIZED_UINT8_RANGE);
  for (int64_t i = 0; i < n; i++) {
    const affine a = channel_affine(f, i / inner % t->dims[d], quantized_real(&in), quantized_real(&out));
    double x;
    load_doubles(&data, i, 1, &x);
    const int64_t rounded = quantized_round(MXN_INT8, (float)x * a.scale + a.shift);
    store_integers(&f->outputs[0], i, 1, &rounded);
  }
  quantized_give_range(f, out);
  return MXN_OK;
}
