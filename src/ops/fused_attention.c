/* fused_attention.c - _sg_mkldnn_selfatt_qk and _sg_mkldnn_selfatt_valatt: the
 * products of self-attention in a subgraph, as fused.c has layers.
 *
 * With real numbers the subgraph is what is computed. With quantized ones it is
 * computed on the integers, in float64, which holds them exactly; what comes out is
 * scaled.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ops/family.h"
#include "ops/number.h"

static bool is_quantized(const node *n) { return op_bool(n, "quantized"); }

/* 1: queries and keys lie in one array; 2: maps, and the values. */
static uint32_t count_base(const node *n) { return op_is(n, "_sg_mkldnn_selfatt_qk") ? 1 : 2; }

uint32_t fused_attention_inputs(const node *n) { return count_base(n) * (is_quantized(n) ? 3 : 1); }

uint32_t fused_attention_outputs(const node *n) {
  return is_quantized(n) && !op_bool(n, "enable_float_output") ? 3 : 1;
}

static mxn_status infer_dtypes(inference *x, uint32_t base) {
  real_range r;
  const bool is_calibrated = quantized_calibration(x->node, &r);
  TRY(infer_input_dtype(x, 0, MXN_INT8));
  if (base > 1) TRY(infer_input_dtype(x, 1, MXN_UINT8));
  TRY(quantized_infer_range_dtypes(x, base));
  if (x->n_outputs == 1) return infer_output_dtype(x, 0, MXN_FLOAT32);
  return infer_output_dtype(x, 0, is_calibrated ? MXN_INT8 : MXN_INT32);
}

mxn_status fused_attention_shape(inference *x) {
  const uint32_t base = count_base(x->node);
  if (x->node->n_subgraphs != 1 || !is_quantized(x->node)) return control_infer_fused(x, x->n_inputs, NULL);
  TRY(control_infer_fused(x, base, (const bool[]){true, true}));
  TRY(quantized_infer_ranges(x, base));
  return infer_dtypes(x, base);
}

/* The product on integers; its node is the only one of the subgraph that computes. */
static mxn_status multiply(const forward *f, uint32_t base, mxn_tensor *out) {
  const graph *g = f->node->subgraphs[0];
  const node *product = g->outputs[0].node;
  mxn_tensor inputs[2];
  for (uint32_t i = 0; i < base; i++) inputs[i] = quantized_widen(f->scratch, &f->inputs[i]);
  *out = quantized_empty(f->scratch, &f->outputs[0].type, MXN_FLOAT64);
  if (node_is_variable(product) || op_own_inputs(product) != base || product->n_outputs != 1)
    return op_error(NULL, f->node, f->err, MXN_FORMAT, "its subgraph is no product of self-attention");
  return op_forward(product, inputs, out, f->err);
}

/* What a sum is multiplied with, and the range of the output. MXNet forgets the range
 * of queries and keys: that of their int32 sums is 0. */
typedef struct stage {
  float scale;
  real_range range;
} stage;

static stage find_stage(const forward *f, uint32_t base) {
  const real_range data = quantized_range(&f->inputs[base]);
  const real_range other = base > 1 ? quantized_range(&f->inputs[base + 2]) : data;
  const float sums = quantized_scale(MXN_INT8, data) * quantized_scale(f->inputs[base - 1].type.dtype, other);
  stage s = {1, {0, 0}};
  if (quantized_calibration(f->node, &s.range) && f->node->n_outputs > 1)
    s.scale = quantized_scale(MXN_INT8, s.range) / sums;
  else if (f->node->n_outputs == 1)
    s.scale = 1 / sums;
  else if (base > 1)
    s.range = quantized_product_range(data, other, true);
  return s;
}

mxn_status fused_attention_forward(const forward *f) {
  if (!is_quantized(f->node)) return cached_op_forward(f);
  const uint32_t base = count_base(f->node);
  const mxn_dtype dtype = f->outputs[0].type.dtype;
  const int64_t n = quantized_elements(&f->outputs[0]);
  const stage s = find_stage(f, base);
  mxn_tensor sums;
  TRY(multiply(f, base, &sums));
  for (int64_t i = 0; i < n; i++) {
    const double number = (double)((float)((const double *)sums.data)[i] * s.scale);
    const int64_t integer = dtype_is_float(dtype) ? 0 : quantized_round(dtype, (float)number);
    if (dtype_is_float(dtype))
      store_doubles(&f->outputs[0], i, 1, &number);
    else
      store_integers(&f->outputs[0], i, 1, &integer);
  }
  if (f->node->n_outputs > 1) quantized_give_range(f, s.range);
  return MXN_OK;
}
