/* fused.c - _sg_mkldnn_conv and _sg_mkldnn_fully_connected: see quantized.h.
 *
 * MXNet's graph pass for oneDNN puts a convolution or FullyConnected and what
 * follows it (BatchNorm, an activation, a sum, another activation) into a
 * subgraph. With real numbers that subgraph is what is computed. With quantized
 * ones the weights are folded and quantized here, and everything behind the
 * integer sums is float32, in oneDNN's order.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "ops/family.h"
#include "ops/number.h"

enum { MAX_FUSED_INPUTS = 8, MAX_ACTIVATIONS = 2 };

static bool is_quantized(const node *n) { return op_bool(n, "quantized"); }

static uint32_t count_base_inputs(const node *n) {
  return n->n_subgraphs == 1 ? control_count_variables(n->subgraphs[0]) : n->n_inputs;
}

/* The subgraph's nodes. */

static const node *find_node(const node *n, const char *op) {
  const graph *g = n->subgraphs[0];
  for (size_t i = 0; i < g->n_nodes; i++)
    if (!node_is_variable(g->nodes[i]) && op_is(g->nodes[i], op)) return g->nodes[i];
  return NULL;
}

static bool is_activation(const node *n) {
  static const char *const names[] = {"Activation", "LeakyReLU", "clip", "square", "sqrt", "exp", "abs"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (op_is(n, names[i])) return true;
  return false;
}

static uint32_t find_activations(const node *n, const node *found[MAX_ACTIVATIONS]) {
  const graph *g = n->subgraphs[0];
  uint32_t count = 0;
  for (size_t i = 0; i < g->n_nodes && count < MAX_ACTIVATIONS; i++)
    if (!node_is_variable(g->nodes[i]) && is_activation(g->nodes[i])) found[count++] = g->nodes[i];
  return count;
}

/* Activations of oneDNN after which no number is negative. */
static bool is_never_negative(const node *n) {
  if (op_is(n, "LeakyReLU")) return false;
  if (!op_is(n, "Activation")) return true;
  const char *type = op_text(n, "act_type");
  return strcmp(type, "relu") == 0 || strcmp(type, "sigmoid") == 0 || strcmp(type, "softrelu") == 0;
}

/* Nothing keeps a file's subgraph from changing shapes between its nodes, so that inference
 * of the whole says nothing about an input and the node that it belongs to. */
static mxn_status expect_elements(const forward *f, uint32_t input, int64_t expected) {
  const int64_t n = quantized_elements(&f->inputs[input]);
  if (n == expected) return MXN_OK;
  return op_error(NULL, f->node, f->err, MXN_FORMAT, "input %u has %lld elements, expected %lld", input, (long long)n,
                  (long long)expected);
}

/* Apply an activation to n float32 numbers kept as doubles. */
static mxn_status activate(const forward *f, const node *activation, double *numbers, int64_t n) {
  const mxn_type type = {.dtype = MXN_FLOAT64, .n_dims = 1, .dims = {n}};
  mxn_tensor out = {type, arena_array(f->scratch, (size_t)n + 1, sizeof(double))};
  const mxn_tensor in = {type, numbers};
  if (!activation || n == 0) return MXN_OK;
  if (op_own_inputs(activation) != 1 || activation->n_outputs != 1)
    return op_error(NULL, f->node, f->err, MXN_FORMAT,
                    "activation '%s' of its subgraph has not one input and one output", activation->name);
  TRY(op_forward(activation, &in, &out, f->err));
  memcpy(numbers, out.data, (size_t)n * sizeof *numbers);
  return MXN_OK;
}

/* Scales and quantized parameters. */

/* Numbers of one channel's weights are rows of the first dimension. */
typedef struct weights {
  mxn_tensor weight, bias; /* float64; the bias has a number for each channel */
  int64_t channels, columns;
  bool has_bias;
  bool is_per_channel;
  float *scales; /* [channels] */
  real_range range;
} weights;

static weights load_weights(const forward *f, uint32_t weight, const mxn_tensor *bias) {
  weights w = {.weight = quantized_widen(f->scratch, &f->inputs[weight]), .has_bias = bias != NULL};
  w.channels = w.weight.type.dims[0];
  w.columns = w.channels ? quantized_elements(&w.weight) / w.channels : 0;
  const mxn_type channels = {.n_dims = 1, .dims = {w.channels}};
  w.bias = bias ? quantized_widen(f->scratch, bias) : quantized_empty(f->scratch, &channels, MXN_FLOAT64);
  w.scales = arena_array(f->scratch, (size_t)w.channels + 1, sizeof *w.scales);
  return w;
}

static real_range row_range(const double *row, int64_t n) {
  real_range r = {FLT_MAX, -FLT_MAX};
  for (int64_t i = 0; i < n; i++) {
    r.least = fminf(r.least, (float)row[i]);
    r.most = fmaxf(r.most, (float)row[i]);
  }
  return r;
}

/* The scale of a channel, such that its bias fits int32. */
static float channel_scale(const weights *w, int64_t c, float data_scale) {
  const double *row = (const double *)w->weight.data + c * w->columns, *bias = w->bias.data;
  const float scale = quantized_scale(MXN_INT8, row_range(row, w->columns)), b = (float)bias[c];
  if (!w->has_bias || b == 0) return scale;
  return fminf(scale, (b > 0 ? 2147483647.0f : -2147483648.0f) / 2 / b / data_scale);
}

static void choose_scales(weights *w, float data_scale) {
  w->range = row_range(w->weight.data, w->channels * w->columns);
  for (int64_t c = 0; c < w->channels; c++)
    w->scales[c] = w->is_per_channel ? channel_scale(w, c, data_scale) : quantized_scale(MXN_INT8, w->range);
}

static void quantize_weights(const weights *w, float data_scale) {
  double *weight = w->weight.data, *bias = w->bias.data;
  for (int64_t c = 0; c < w->channels; c++) {
    for (int64_t i = c * w->columns; i < (c + 1) * w->columns; i++)
      weight[i] = (double)quantized_round(MXN_INT8, (float)weight[i] * w->scales[c]);
    bias[c] = (double)quantized_round(MXN_INT32, (float)bias[c] * (w->scales[c] * data_scale));
  }
}

/* BatchNorm into the weights, in float32. */
static void fold_batch_norm(const forward *f, const node *bn, const mxn_tensor *parameters, weights *w) {
  enum { GAMMA, BETA, MEAN, VARIANCE, N };
  double *weight = w->weight.data, *bias = w->bias.data;
  const mxn_dtype dtype = f->inputs[1].type.dtype;
  for (int64_t c = 0; c < w->channels; c++) {
    double p[N];
    for (int i = 0; i < N; i++) load_doubles(&parameters[i], c, 1, &p[i]);
    const double gamma = op_bool(bn, "fix_gamma") ? 1 : p[GAMMA];
    const float alpha = (float)(gamma / sqrt(p[VARIANCE] + op_float(bn, "eps")));
    bias[c] = round_to(dtype, (double)((float)p[BETA] + alpha * ((float)bias[c] - (float)p[MEAN])));
    for (int64_t i = c * w->columns; i < (c + 1) * w->columns; i++)
      weight[i] = round_to(dtype, (double)((float)weight[i] * alpha));
  }
  w->has_bias = true;
}

/* The layer's integer sums without its bias, in float64. */
static mxn_status integer_sums(const forward *f, const node *layer, const weights *w, mxn_tensor *out) {
  const mxn_type channels = {.n_dims = 1, .dims = {w->channels}};
  const mxn_tensor inputs[] = {quantized_widen(f->scratch, &f->inputs[0]), w->weight,
                               quantized_empty(f->scratch, &channels, MXN_FLOAT64)};
  *out = quantized_empty(f->scratch, &f->outputs[0].type, MXN_FLOAT64);
  return op_forward(layer, inputs, out, f->err);
}

static void store_numbers(mxn_tensor *out, mxn_dtype saturated, const double *from, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    if (out->type.dtype == MXN_FLOAT32) {
      store_doubles(out, i, 1, &from[i]);
      continue;
    }
    const int64_t rounded = quantized_round(saturated, (float)from[i]);
    store_integers(out, i, 1, &rounded);
  }
}

/* Convolution. */

enum { CONV_DATA, CONV_WEIGHT, CONV_BIAS };

/* with_relu and with_postsum_relu are the names of older files. */
static bool has_activation(const node *n) { return op_bool(n, "with_act") || op_bool(n, "with_relu"); }
static bool has_postsum_activation(const node *n) {
  return op_bool(n, "with_postsum_act") || op_bool(n, "with_postsum_relu");
}

static uint32_t count_convolution_ranges(const node *n) {
  return !is_quantized(n) ? 0 : op_bool(n, "with_sum") ? 4 : 2;
}

uint32_t fused_convolution_inputs(const node *n) { return count_base_inputs(n) + count_convolution_ranges(n); }
uint32_t fused_convolution_outputs(const node *n) { return is_quantized(n) ? 3 : 1; }

/* Inputs: data, weight, bias, the four of BatchNorm, sum, ranges. */
typedef struct convolution_parts {
  const node *convolution, *batch_norm;
  const node *activation, *postsum_activation;
  uint32_t n_base, batch_norm_input, sum_input;
  bool has_bias, has_sum;
} convolution_parts;

static convolution_parts find_convolution(const node *n) {
  convolution_parts p = {.convolution = find_node(n, "Convolution"), .batch_norm = find_node(n, "BatchNorm")};
  const node *found[MAX_ACTIVATIONS] = {NULL, NULL};
  (void)find_activations(n, found);
  const bool is_first = has_activation(n);
  p.activation = is_first ? found[0] : NULL;
  p.postsum_activation = has_postsum_activation(n) ? found[is_first] : NULL;
  p.has_bias = p.convolution && !op_bool(p.convolution, "no_bias");
  p.has_sum = op_bool(n, "with_sum");
  p.batch_norm_input = p.has_bias ? 3 : 2;
  p.sum_input = p.batch_norm_input + (p.batch_norm ? 4 : 0);
  p.n_base = p.sum_input + p.has_sum;
  return p;
}

/* What the node says fits the subgraph: otherwise inputs would be mixed up. */
static mxn_status check_convolution(inference *x, const convolution_parts *p) {
  const node *n = x->node;
  const bool fits = p->convolution && (p->batch_norm != NULL) == op_bool(n, "with_bn") &&
                    (p->activation != NULL) == has_activation(n) &&
                    (p->postsum_activation != NULL) == has_postsum_activation(n) && p->n_base == count_base_inputs(n) &&
                    p->n_base <= MAX_FUSED_INPUTS && (!p->has_sum || find_node(n, "elemwise_add"));
  if (fits) return MXN_OK;
  return infer_error(x, MXN_FORMAT,
                     "its subgraph does not have what with_bn, with_act, with_sum and with_postsum_act say");
}

static bool is_convolution_unsigned(const convolution_parts *p) {
  if (!p->has_sum && p->activation) return is_never_negative(p->activation);
  return p->postsum_activation && is_never_negative(p->postsum_activation);
}

static mxn_status infer_convolution_dtypes(inference *x, const convolution_parts *p) {
  real_range r;
  TRY(quantized_expect(x, CONV_DATA));
  TRY(quantized_infer_range_dtypes(x, p->n_base));
  const mxn_dtype calibrated = is_convolution_unsigned(p) ? MXN_UINT8 : MXN_INT8;
  return infer_output_dtype(x, 0, quantized_calibration(x->node, &r) ? calibrated : MXN_INT32);
}

mxn_status fused_convolution_shape(inference *x) {
  if (x->node->n_subgraphs != 1) return control_infer_fused(x, 0, NULL);
  const convolution_parts p = find_convolution(x->node);
  if (!is_quantized(x->node)) return control_infer_fused(x, x->n_inputs, NULL);
  bool quantized[MAX_FUSED_INPUTS] = {true};
  TRY(check_convolution(x, &p));
  if (p.has_sum) quantized[p.sum_input] = true;
  TRY(control_infer_fused(x, p.n_base, quantized));
  TRY(quantized_infer_ranges(x, p.n_base));
  return infer_convolution_dtypes(x, &p);
}

/* What stands behind the sums. */
typedef struct output_stage {
  float *scales; /* [channels] */
  float sum_scale;
  real_range range;
} output_stage;

/* Scales of the requantization; sums stay as they are where it is not calibrated. */
static output_stage convolution_output(const forward *f, const convolution_parts *p, const weights *w,
                                       float data_scale) {
  const mxn_tensor *ranges = &f->inputs[p->n_base];
  const bool is_unsigned = f->inputs[CONV_DATA].type.dtype == MXN_UINT8;
  output_stage o = {.scales = arena_array(f->scratch, (size_t)w->channels + 1, sizeof(float)), .sum_scale = 1};
  const bool is_calibrated = quantized_calibration(f->node, &o.range);
  float scale = data_scale * (w->channels ? w->scales[0] : 1);
  if (is_calibrated) scale = quantized_scale(is_convolution_unsigned(p) ? MXN_UINT8 : MXN_INT8, o.range);
  if (!is_calibrated) o.range = quantized_product_range(w->range, quantized_range(ranges), is_unsigned);
  for (int64_t c = 0; c < w->channels; c++) o.scales[c] = is_calibrated ? scale / data_scale / w->scales[c] : 1;
  if (p->has_sum)
    o.sum_scale = scale / quantized_scale(f->inputs[p->sum_input].type.dtype, quantized_range(&ranges[2]));
  return o;
}

static void requantize(const weights *w, const float *scales, double *sums, int64_t n, int64_t inner) {
  const double *bias = w->bias.data;
  for (int64_t i = 0; i < n; i++) {
    const int64_t c = i / inner % w->channels;
    sums[i] = (double)((float)(sums[i] + bias[c]) * scales[c]);
  }
}

static void add_sum(const mxn_tensor *sum, float scale, double *numbers, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    double x;
    load_doubles(sum, i, 1, &x);
    numbers[i] = (double)((float)numbers[i] + scale * (float)x);
  }
}

static mxn_status finish_convolution(const forward *f, const convolution_parts *p, const weights *w,
                                     const output_stage *o, double *numbers) {
  const mxn_type *t = &f->outputs[0].type;
  const int64_t n = quantized_elements(&f->outputs[0]);
  int64_t inner;
  mxn_dtype saturated = t->dtype;
  if (n == 0 || !dims_product(t, 2, t->n_dims, &inner)) return MXN_OK;
  requantize(w, o->scales, numbers, n, inner);
  /* A bound on what is calibrated is where uint8 ends. */
  const bool is_bound = p->activation && op_is(p->activation, "clip") && !p->has_sum;
  TRY(activate(f, is_bound ? NULL : p->activation, numbers, n));
  if (p->has_sum) add_sum(&f->inputs[p->sum_input], o->sum_scale, numbers, n);
  TRY(activate(f, p->postsum_activation, numbers, n));
  /* The sum's memory is the output's, in the type of the sum. */
  if (p->has_sum && t->dtype != MXN_INT32) saturated = f->inputs[p->sum_input].type.dtype;
  store_numbers(&f->outputs[0], saturated, numbers, n);
  quantized_give_range(f, o->range);
  return MXN_OK;
}

mxn_status fused_convolution_forward(const forward *f) {
  if (!is_quantized(f->node)) return cached_op_forward(f);
  const convolution_parts p = find_convolution(f->node);
  const real_range data = quantized_range(&f->inputs[p.n_base]);
  const float data_scale = quantized_scale(f->inputs[CONV_DATA].type.dtype, data);
  real_range calibrated;
  mxn_tensor sums;
  weights w = load_weights(f, CONV_WEIGHT, p.has_bias ? &f->inputs[CONV_BIAS] : NULL);
  for (uint32_t i = CONV_BIAS; i < p.sum_input; i++) TRY(expect_elements(f, i, w.channels));
  if (p.has_sum) TRY(expect_elements(f, p.sum_input, quantized_elements(&f->outputs[0])));
  if (p.batch_norm) fold_batch_norm(f, p.batch_norm, &f->inputs[p.batch_norm_input], &w);
  w.is_per_channel = quantized_calibration(f->node, &calibrated);
  choose_scales(&w, data_scale);
  quantize_weights(&w, data_scale);
  TRY(integer_sums(f, p.convolution, &w, &sums));
  const output_stage o = convolution_output(f, &p, &w, data_scale);
  return finish_convolution(f, &p, &w, &o, sums.data);
}

/* FullyConnected. Inputs: data, weight, bias, range of the data; without
 * channel_wise_quantize also those of the weight and the bias, which are int8. */

enum { FC_DATA, FC_WEIGHT, FC_BIAS };

static bool is_channel_wise(const node *n) {
  return !op_is_none(n, "channel_wise_quantize") && op_bool(n, "channel_wise_quantize");
}

static bool has_float_output(const node *n) { return op_bool(n, "enable_float_output"); }

uint32_t fused_fully_connected_inputs(const node *n) {
  const uint32_t base = count_base_inputs(n);
  if (!is_quantized(n)) return base;
  return is_channel_wise(n) ? base + 2 : base * 3;
}

uint32_t fused_fully_connected_outputs(const node *n) { return is_quantized(n) && !has_float_output(n) ? 3 : 1; }

static const node *find_fc_activation(const node *n) {
  const node *found[MAX_ACTIVATIONS] = {NULL, NULL};
  return find_activations(n, found) ? found[0] : NULL;
}

static mxn_status infer_fc_dtypes(inference *x, uint32_t base) {
  const node *n = x->node, *activation = find_fc_activation(n);
  real_range r;
  TRY(quantized_expect(x, FC_DATA));
  for (uint32_t i = FC_WEIGHT; i < base; i++) TRY(infer_input_dtype(x, i, is_channel_wise(n) ? MXN_FLOAT32 : MXN_INT8));
  TRY(quantized_infer_range_dtypes(x, base));
  const mxn_dtype calibrated = activation && is_never_negative(activation) ? MXN_UINT8 : MXN_INT8;
  const mxn_dtype integer = quantized_calibration(n, &r) ? calibrated : MXN_INT32;
  return infer_output_dtype(x, 0, has_float_output(n) ? MXN_FLOAT32 : integer);
}

mxn_status fused_fully_connected_shape(inference *x) {
  const node *n = x->node;
  const uint32_t base = count_base_inputs(n);
  real_range r;
  if (n->n_subgraphs != 1 || !is_quantized(n)) return control_infer_fused(x, x->n_inputs, NULL);
  const node *fc = find_node(n, "FullyConnected");
  if (!fc || base != (op_bool(fc, "no_bias") ? 2u : 3u))
    return infer_error(x, MXN_FORMAT, "its subgraph is no FullyConnected with an activation");
  if (is_channel_wise(n) && !has_float_output(n) && !quantized_calibration(n, &r))
    return infer_error(x, MXN_UNSUPPORTED,
                       "channel_wise_quantize needs min_calib_range and max_calib_range, or enable_float_output");
  TRY(control_infer_fused(x, base, (const bool[]){true, true, true}));
  TRY(quantized_infer_ranges(x, base));
  return infer_fc_dtypes(x, base);
}

/* int8 weights and bias: the bias becomes int32 in units of the sums; where it
 * would not fit, the weights become smaller. Rounds half away from 0. */
static void rescale_fc(const forward *f, uint32_t base, float data_scale, weights *w) {
  w->range = quantized_range(&f->inputs[base + 2]);
  float weight_scale = quantized_scale(MXN_INT8, w->range);
  if (w->has_bias) {
    const real_range b = quantized_range(&f->inputs[base + 4]);
    const float bias_scale = quantized_scale(MXN_INT8, b);
    float rescale = data_scale * weight_scale / bias_scale;
    const float most = 1073741823.0f / quantized_real(&b) / bias_scale;
    double *weight = w->weight.data, *bias = w->bias.data;
    const float shrink = rescale > most ? most * bias_scale / data_scale / weight_scale : 1;
    if (rescale > most) {
      rescale = most;
      for (int64_t i = 0; i < w->channels * w->columns; i++) weight[i] = (double)roundf((float)weight[i] * shrink);
      weight_scale *= shrink;
    }
    for (int64_t c = 0; c < w->channels; c++) bias[c] = (double)roundf((float)bias[c] * rescale);
  }
  for (int64_t c = 0; c < w->channels; c++) w->scales[c] = weight_scale;
}

/* What the sums are multiplied by before and after the activation. */
typedef struct fc_output {
  float *scales;
  float after;
  real_range range;
} fc_output;

static fc_output fc_output_of(const forward *f, uint32_t base, const weights *w, float data_scale,
                              bool has_activation_) {
  const mxn_dtype data = f->inputs[FC_DATA].type.dtype, out = f->outputs[0].type.dtype;
  fc_output o = {.scales = arena_array(f->scratch, (size_t)w->channels + 1, sizeof(float)), .after = 1};
  const bool is_calibrated = quantized_calibration(f->node, &o.range);
  float scale = 1 / data_scale;
  if (is_calibrated && has_activation_) o.after = quantized_scale(out, o.range);
  if (is_calibrated && !has_activation_) scale = quantized_scale(out, o.range) / data_scale;
  const bool is_scaled = is_calibrated || has_float_output(f->node);
  for (int64_t c = 0; c < w->channels; c++) o.scales[c] = is_scaled ? scale / w->scales[c] : 1;
  if (!is_calibrated && !is_channel_wise(f->node))
    o.range = quantized_product_range(quantized_range(&f->inputs[base]), w->range, data == MXN_UINT8);
  return o;
}

mxn_status fused_fully_connected_forward(const forward *f) {
  if (!is_quantized(f->node)) return cached_op_forward(f);
  const uint32_t base = count_base_inputs(f->node);
  const node *activation = find_fc_activation(f->node);
  const float data_scale = quantized_scale(f->inputs[FC_DATA].type.dtype, quantized_range(&f->inputs[base]));
  const int64_t n = quantized_elements(&f->outputs[0]);
  mxn_tensor sums;
  weights w = load_weights(f, FC_WEIGHT, base > FC_BIAS ? &f->inputs[FC_BIAS] : NULL);
  if (w.has_bias) TRY(expect_elements(f, FC_BIAS, w.channels));
  w.is_per_channel = is_channel_wise(f->node);
  if (w.is_per_channel) {
    choose_scales(&w, data_scale);
    quantize_weights(&w, data_scale);
  } else {
    rescale_fc(f, base, data_scale, &w);
  }
  TRY(integer_sums(f, find_node(f->node, "FullyConnected"), &w, &sums));
  const fc_output o = fc_output_of(f, base, &w, data_scale, activation != NULL);
  double *numbers = sums.data;
  if (n == 0) return MXN_OK;
  requantize(&w, o.scales, numbers, n, 1);
  TRY(activate(f, activation, numbers, n));
  for (int64_t i = 0; i < n; i++) numbers[i] = (double)((float)numbers[i] * o.after);
  store_numbers(&f->outputs[0], f->outputs[0].type.dtype, numbers, n);
  quantized_give_range(f, o.range);
  return MXN_OK;
}
