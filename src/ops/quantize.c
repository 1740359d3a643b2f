/* quantize.c - between real and quantized numbers: see quantized.h.
 *
 * oneDNN rounds to the nearest with scales of 127.5 / range, where MXNet's own
 * operator has 127 / range and cuts; the released builds run oneDNN's.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "ops/number.h"
#include "ops/quantized.h"

/* Shared. */

float quantized_real(const real_range *r) { return fmaxf(fabsf(r->least), fabsf(r->most)); }

float quantized_number(const mxn_tensor *t) {
  double number;
  load_doubles(t, 0, 1, &number);
  return (float)number;
}

real_range quantized_range(const mxn_tensor *t) {
  return (real_range){quantized_number(&t[0]), quantized_number(&t[1])};
}

void quantized_give_range(const forward *f, real_range r) {
  if (f->node->n_outputs < 3) return;
  store_doubles(&f->outputs[1], 0, 1, &(double){(double)r.least});
  store_doubles(&f->outputs[2], 0, 1, &(double){(double)r.most});
}

bool quantized_calibration(const node *n, real_range *out) {
  if (op_is_none(n, "min_calib_range") || op_is_none(n, "max_calib_range")) return false;
  *out = (real_range){(float)op_float(n, "min_calib_range"), (float)op_float(n, "max_calib_range")};
  return true;
}

static float quantized_most(mxn_dtype dtype) {
  return dtype == MXN_INT8 ? QUANTIZED_INT8_RANGE : QUANTIZED_UINT8_RANGE;
}

float quantized_scale(mxn_dtype dtype, real_range r) {
  const float real = quantized_real(&r);
  return real != 0 ? quantized_most(dtype) / real : 2147483647.0f;
}

real_range quantized_product_range(real_range a, real_range b, bool is_unsigned) {
  const float one_a = quantized_real(&a) / 127.0f, one_b = quantized_real(&b) / (is_unsigned ? 255.0f : 127.0f);
  const float most = one_a * one_b * 2147483647.0f;
  return (real_range){-most, most};
}

int64_t quantized_round(mxn_dtype dtype, float x) {
  const double least = dtype == MXN_INT8 ? -128 : dtype == MXN_UINT8 ? 0 : -0x1p31;
  const double most = dtype == MXN_INT8 ? 127 : dtype == MXN_UINT8 ? 255 : 0x1p31 - 1;
  const double rounded = nearbyint((double)x);
  if (isnan(x)) return dtype == MXN_UINT8 ? 0 : (int64_t)most; /* zeros with a range of nothing */
  if (rounded >= most) return (int64_t)most;
  return rounded > least ? (int64_t)rounded : (int64_t)least;
}

static const mxn_type one_number = {.dtype = MXN_FLOAT32, .n_dims = 1, .dims = {1}};

mxn_status quantized_infer_ranges(inference *x, uint32_t first_range) {
  for (uint32_t i = first_range; i < x->n_inputs; i++) TRY(infer_input(x, i, &one_number));
  for (uint32_t i = 1; i < x->n_outputs; i++) TRY(infer_output(x, i, &one_number));
  return MXN_OK;
}

mxn_status quantized_infer_range_dtypes(inference *x, uint32_t first_range) {
  for (uint32_t i = first_range; i < x->n_inputs; i++) TRY(infer_input_dtype(x, i, MXN_FLOAT32));
  for (uint32_t i = 1; i < x->n_outputs; i++) TRY(infer_output_dtype(x, i, MXN_FLOAT32));
  return MXN_OK;
}

mxn_status quantized_expect(inference *x, uint32_t input) {
  input_name name;
  const mxn_dtype dtype = x->inputs[input]->dtype;
  if (dtype == MXN_INT8 || dtype == MXN_UINT8 || dtype == MXN_DTYPE_UNKNOWN) return MXN_OK;
  return infer_error(x, MXN_SHAPE, "%s is %s, expected int8 or uint8", infer_input_name(x, input, &name),
                     mxn_dtype_name(dtype));
}

int64_t quantized_elements(const mxn_tensor *t) { return count_elements(&t->type); }

mxn_tensor quantized_empty(arena *a, const mxn_type *shape, mxn_dtype dtype) {
  mxn_tensor t = {.type = *shape};
  t.type.dtype = dtype;
  t.data = arena_array(a, (size_t)quantized_elements(&t) + 1, mxn_dtype_bytes(dtype));
  return t;
}

mxn_tensor quantized_widen(arena *a, const mxn_tensor *t) {
  const mxn_tensor wide = quantized_empty(a, &t->type, MXN_FLOAT64);
  load_doubles(t, 0, quantized_elements(t), wide.data);
  return wide;
}

mxn_status quantized_infer_layer(inference *x, op_infer shape, uint32_t n_inputs) {
  inference layer = *x;
  layer.n_inputs = n_inputs;
  layer.n_outputs = 1;
  TRY(shape(&layer));
  x->changed |= layer.changed;
  return quantized_infer_ranges(x, n_inputs);
}

mxn_status quantized_same_shape(inference *x) {
  return quantized_infer_layer(x, infer_same_shape, x->n_inputs > 3 ? 2 : 1);
}

/* Numbers one by one. */

static void scale_and_round(const mxn_tensor *in, mxn_tensor *out, float scale) {
  const int64_t n = quantized_elements(in);
  for (int64_t i = 0; i < n; i++) {
    double number;
    load_doubles(in, i, 1, &number);
    const int64_t rounded = quantized_round(out->type.dtype, (float)number * scale);
    store_integers(out, i, 1, &rounded);
  }
}

static void copy_numbers(const forward *f) {
  size_t bytes;
  if (type_bytes(&f->inputs[0].type, &bytes) && bytes) memcpy(f->outputs[0].data, f->inputs[0].data, bytes);
}

static real_range find_range(const mxn_tensor *t) {
  real_range r = {FLT_MAX, -FLT_MAX};
  const int64_t n = quantized_elements(t);
  for (int64_t i = 0; i < n; i++) {
    double number;
    load_doubles(t, i, 1, &number);
    if ((float)number < r.least) r.least = (float)number;
    if ((float)number > r.most) r.most = (float)number;
  }
  return r;
}

/* What out_type says: auto is uint8 where no number is negative. */
static mxn_dtype quantized_type(const node *n) {
  const char *text = op_text(n, "out_type");
  real_range r;
  if (strcmp(text, "auto") == 0) return quantized_calibration(n, &r) && r.least >= 0 ? MXN_UINT8 : MXN_INT8;
  return strcmp(text, "uint8") == 0 ? MXN_UINT8 : MXN_INT8;
}

/* Symmetric around 0 where numbers have a sign. */
static real_range symmetric(mxn_dtype dtype, real_range r) {
  const float real = quantized_real(&r);
  return dtype == MXN_INT8 ? (real_range){-real, real} : r;
}

/* _contrib_quantize: data with its range. */

mxn_status quantize_dtype(inference *x) {
  for (uint32_t i = 0; i < x->n_inputs; i++) TRY(infer_input_dtype(x, i, MXN_FLOAT32));
  TRY(infer_output_dtype(x, 0, quantized_type(x->node)));
  return quantized_infer_range_dtypes(x, 1);
}

mxn_status quantize_forward(const forward *f) {
  const mxn_dtype dtype = f->outputs[0].type.dtype;
  const real_range r = quantized_range(&f->inputs[1]);
  scale_and_round(&f->inputs[0], &f->outputs[0], (dtype == MXN_INT8 ? 127.0f : 255.0f) / quantized_real(&r));
  quantized_give_range(f, symmetric(dtype, r));
  return MXN_OK;
}

/* _contrib_quantize_v2: the range is calibrated, or that of the data. */

mxn_status quantize_v2_dtype(inference *x) {
  const mxn_dtype in = x->inputs[0]->dtype;
  if (in != MXN_FLOAT32 && in != MXN_DTYPE_UNKNOWN) TRY(quantized_expect(x, 0));
  TRY(infer_output_dtype(x, 0, quantized_type(x->node)));
  return quantized_infer_range_dtypes(x, 1);
}

mxn_status quantize_v2_forward(const forward *f) {
  const mxn_dtype in = f->inputs[0].type.dtype, out = f->outputs[0].type.dtype;
  real_range r;
  const bool is_calibrated = quantized_calibration(f->node, &r);
  if (in != MXN_FLOAT32) {
    copy_numbers(f);
    const real_range all = in == MXN_UINT8 ? (real_range){0, QUANTIZED_UINT8_RANGE}
                                           : (real_range){-QUANTIZED_INT8_RANGE, QUANTIZED_INT8_RANGE};
    quantized_give_range(f, is_calibrated ? r : all);
    return MXN_OK;
  }
  if (!is_calibrated) r = find_range(&f->inputs[0]);
  scale_and_round(&f->inputs[0], &f->outputs[0], quantized_most(out) / quantized_real(&r));
  quantized_give_range(f, symmetric(out, r));
  return MXN_OK;
}

/* _contrib_quantize_asym: uint8 with a scale and a shift as its second and third output. */

mxn_status quantize_asym_dtype(inference *x) {
  const mxn_dtype in = x->inputs[0]->dtype;
  if (in != MXN_FLOAT32 && in != MXN_DTYPE_UNKNOWN) TRY(quantized_expect(x, 0));
  TRY(infer_output_dtype(x, 0, MXN_UINT8));
  return quantized_infer_range_dtypes(x, 1);
}

mxn_status quantize_asym_forward(const forward *f) {
  const mxn_dtype in = f->inputs[0].type.dtype;
  const int64_t n = quantized_elements(&f->inputs[0]);
  float scale = 1, shift = in == MXN_INT8 ? 128 : 0;
  real_range r;
  if (in == MXN_FLOAT32) {
    if (!quantized_calibration(f->node, &r)) r = find_range(&f->inputs[0]);
    scale = 255 / (r.most - r.least);
    shift = 255 - r.most * scale;
  }
  for (int64_t i = 0; i < n; i++) {
    double number;
    load_doubles(&f->inputs[0], i, 1, &number);
    const int64_t rounded = quantized_round(MXN_UINT8, (float)number * scale + shift);
    store_integers(&f->outputs[0], i, 1, &rounded);
  }
  quantized_give_range(f, (real_range){scale, shift});
  return MXN_OK;
}

/* _contrib_dequantize */

mxn_status dequantize_dtype(inference *x) {
  TRY(quantized_expect(x, 0));
  TRY(quantized_infer_range_dtypes(x, 1));
  return infer_output_dtype(x, 0, MXN_FLOAT32);
}

mxn_status dequantize_forward(const forward *f) {
  const real_range r = quantized_range(&f->inputs[1]);
  const float scale = quantized_real(&r) / quantized_most(f->inputs[0].type.dtype);
  const int64_t n = quantized_elements(&f->inputs[0]);
  for (int64_t i = 0; i < n; i++) {
    double number;
    load_doubles(&f->inputs[0], i, 1, &number);
    number = (double)((float)number * scale);
    store_doubles(&f->outputs[0], i, 1, &number);
  }
  return MXN_OK;
}

/* _contrib_requantize: int32 with its range to int8. */

mxn_status requantize_dtype(inference *x) {
  TRY(infer_input_dtype(x, 0, MXN_INT32));
  TRY(infer_output_dtype(x, 0, quantized_type(x->node)));
  return quantized_infer_range_dtypes(x, 1);
}

mxn_status requantize_forward(const forward *f) {
  static const float int32_range = 2147483647.0f;
  const mxn_dtype out = f->outputs[0].type.dtype;
  const real_range first = quantized_range(&f->inputs[1]);
  real_range second;
  float real;
  if (quantized_calibration(f->node, &second)) {
    real = quantized_real(&second);
  } else {
    second = find_range(&f->inputs[0]);
    real = truncf(quantized_real(&second)) * quantized_real(&first) / int32_range;
  }
  const float second_scale = (out == MXN_INT8 ? 127.0f : 255.0f) / real;
  scale_and_round(&f->inputs[0], &f->outputs[0], quantized_real(&first) / int32_range * second_scale);
  quantized_give_range(f, (real_range){out == MXN_INT8 ? -real : 0, real});
  return MXN_OK;
}

/* _contrib_calibrate_entropy: the threshold whose quantized histogram diverges
 * least from the histogram (Kullback and Leibler). Sums in float32 and counts cut
 * to integers, as MXNet has them. */

mxn_status calibrate_entropy_shape(inference *x) {
  for (uint32_t i = 0; i < x->n_outputs; i++) TRY(infer_output(x, i, &one_number));
  mxn_type *histogram = x->inputs[0], *edges = x->inputs[1];
  int64_t n, m;
  if (!shape_is_known(histogram) || !shape_is_known(edges)) return MXN_OK;
  if (!shape_elements(histogram, &n) || !shape_elements(edges, &m) || m - 1 != n)
    return infer_error(x, MXN_SHAPE, "hist_edges has not one element more than hist");
  if (n / 2 < op_int(x->node, "num_quantized_bins") / 2 || n % 2 == 0)
    return infer_error(x, MXN_SHAPE, "hist has %lld bins, expected an odd number, num_quantized_bins at least",
                       (long long)n);
  return MXN_OK;
}

/* Zeros get a little, taken from the others; false where that leaves nothing. */
static bool smooth(float *p, int64_t n) {
  static const float eps = 0.0001f;
  int64_t zeros = 0;
  for (int64_t i = 0; i < n; i++) zeros += p[i] == 0;
  if (zeros == n) return false;
  const float taken = eps * (float)zeros / (float)(n - zeros);
  if (taken >= 1) return false;
  for (int64_t i = 0; i < n; i++) p[i] += p[i] == 0 ? eps : -taken;
  return true;
}

static float sum_of(const float *p, int64_t n) {
  float sum = 0;
  for (int64_t i = 0; i < n; i++) sum += p[i];
  return sum;
}

static float divergence(const float *p, const float *q, int64_t n) {
  const float p_sum = sum_of(p, n), q_sum = sum_of(q, n);
  float sum = 0;
  for (int64_t i = 0; i < n; i++) {
    const float a = p[i] / p_sum, b = q[i] / q_sum;
    sum += a * logf(a / b);
  }
  return sum;
}

/* Spread the bins [start, stop) evenly over those of them that are not empty. */
static void spread(const float *p, const float *inside, int64_t start, int64_t stop, int64_t merged, float *q) {
  double total = 0;
  int64_t filled = 0;
  for (int64_t k = start; k < stop; k++) filled += truncf(inside[k]) != 0;
  for (int64_t k = start; k < merged; k++) total += trunc((double)inside[k]);
  for (int64_t k = start; k < stop; k++) q[k] = filled > 0 && p[k] != 0 ? (float)total / (float)filled : 0;
}

/* The divergence with the 2 * half + 1 bins in the middle kept. p: the histogram
 * with what is outside added to its ends; inside: without. */
static float threshold_divergence(const float *histogram, int64_t n, int64_t half, int64_t bins, float *p,
                                  float *inside, float *q) {
  const int64_t start = n / 2 - half, size = 2 * half + 1, merged = size / bins;
  for (int64_t j = 0; j < size; j++) p[j] = inside[j] = histogram[start + j];
  inside[0] = 0;
  p[0] = 0;
  for (int64_t j = 0; j <= start; j++) p[0] += histogram[j];
  for (int64_t j = start + size; j < n; j++) p[size - 1] += histogram[j];
  for (int64_t b = 0; b < bins; b++) {
    const int64_t stop = b == bins - 1 ? size : (b + 1) * merged;
    spread(p, inside, b * merged, stop, stop, q);
  }
  if (!smooth(p, size) || !smooth(q, size)) return INFINITY;
  return divergence(p, q, size);
}

static float *load_floats(const forward *f, int64_t n) {
  float *out = arena_array(f->scratch, (size_t)n, sizeof *out);
  for (int64_t i = 0; i < n; i++) {
    double number;
    load_doubles(&f->inputs[0], i, 1, &number);
    out[i] = (float)number;
  }
  return out;
}

mxn_status calibrate_entropy_forward(const forward *f) {
  const int64_t n = quantized_elements(&f->inputs[0]), bins = op_int(f->node, "num_quantized_bins");
  const float *histogram = load_floats(f, n);
  float *p = arena_array(f->scratch, (size_t)n, sizeof *p), *q = arena_array(f->scratch, (size_t)n, sizeof *q);
  float *inside = arena_array(f->scratch, (size_t)n, sizeof *inside), least = FLT_MAX;
  int64_t best = bins / 2;
  for (int64_t half = bins / 2; half <= n / 2; half++) {
    const float d = threshold_divergence(histogram, n, half, bins, p, inside, q);
    if (d >= least) continue;
    least = d;
    best = half;
  }
  double threshold;
  load_doubles(&f->inputs[1], n / 2 + best + 1, 1, &threshold);
  store_doubles(&f->outputs[0], 0, 1, &threshold);
  store_doubles(&f->outputs[1], 0, 1, &(double){(double)least});
  return MXN_OK;
}
