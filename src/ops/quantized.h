/* quantized.h - operators of int8 checkpoints, as MXNet computes them with oneDNN.
 *
 * A quantized array is int8 or uint8 with two arrays of one number beside it, the
 * range of the real numbers that it stands for.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_OPS_QUANTIZED_H
#define MXN_OPS_QUANTIZED_H

#include "ops/infer.h"

/* Outputs are a quantized array and its range. */
uint32_t quantized_outputs(const node *n);     /* 3, or 1 where enable_float_output says so */
mxn_status quantized_same_shape(inference *x); /* of the first output and all inputs that are no ranges */

/* quantize.c: between real and quantized numbers. */
mxn_status quantize_dtype(inference *x);
mxn_status quantize_forward(const forward *f);
mxn_status quantize_v2_dtype(inference *x);
mxn_status quantize_v2_forward(const forward *f);
mxn_status quantize_asym_dtype(inference *x);
mxn_status quantize_asym_forward(const forward *f);
mxn_status dequantize_dtype(inference *x);
mxn_status dequantize_forward(const forward *f);
mxn_status requantize_dtype(inference *x);
mxn_status requantize_forward(const forward *f);
mxn_status calibrate_entropy_shape(inference *x);
mxn_status calibrate_entropy_forward(const forward *f);

/* quantized.c: the layers. */
uint32_t quantized_layer_inputs(const node *n); /* 6 with no_bias, otherwise 9 */
mxn_status quantized_layer_dtype(inference *x);
mxn_status quantized_convolution_shape(inference *x);
mxn_status quantized_convolution_forward(const forward *f);
mxn_status quantized_fully_connected_shape(inference *x);
mxn_status quantized_fully_connected_forward(const forward *f);
mxn_status quantized_pooling_shape(inference *x);
mxn_status quantized_pooling_forward(const forward *f);
mxn_status quantized_flatten_shape(inference *x);
mxn_status quantized_copy_dtype(inference *x); /* the array keeps its type */
mxn_status quantized_copy_forward(const forward *f);
mxn_status quantized_activation_dtype(inference *x);
mxn_status quantized_activation_forward(const forward *f);
uint32_t quantized_concat_inputs(const node *n);
mxn_status quantized_concat_shape(inference *x);
mxn_status quantized_concat_dtype(inference *x);
mxn_status quantized_concat_forward(const forward *f);
mxn_status quantized_add_dtype(inference *x);
mxn_status quantized_add_forward(const forward *f);
mxn_status quantized_multiply_dtype(inference *x);
mxn_status quantized_multiply_forward(const forward *f);
mxn_status quantized_embedding_shape(inference *x);
mxn_status quantized_embedding_dtype(inference *x);
mxn_status quantized_embedding_forward(const forward *f);
mxn_status quantized_batch_norm_shape(inference *x);
mxn_status quantized_batch_norm_dtype(inference *x);
mxn_status quantized_batch_norm_forward(const forward *f);

/* quantized_rnn.c */
mxn_status quantized_rnn_shape(inference *x);
mxn_status quantized_rnn_dtype(inference *x);
mxn_status quantized_rnn_forward(const forward *f);

/* fused.c: _sg_mkldnn_conv and _sg_mkldnn_fully_connected, a layer with what
 * follows it as a subgraph, in real or in quantized numbers. */
uint32_t fused_convolution_inputs(const node *n);
uint32_t fused_convolution_outputs(const node *n);
mxn_status fused_convolution_shape(inference *x);
mxn_status fused_convolution_forward(const forward *f);
uint32_t fused_fully_connected_inputs(const node *n);
uint32_t fused_fully_connected_outputs(const node *n);
mxn_status fused_fully_connected_shape(inference *x);
mxn_status fused_fully_connected_forward(const forward *f);

/* fused_attention.c: _sg_mkldnn_selfatt_qk and _sg_mkldnn_selfatt_valatt */
uint32_t fused_attention_inputs(const node *n);
uint32_t fused_attention_outputs(const node *n);
mxn_status fused_attention_shape(inference *x);
mxn_status fused_attention_forward(const forward *f);

/* Shared. Scales are float32, as oneDNN's are. */

typedef struct real_range {
  float least, most;
} real_range;

#define QUANTIZED_INT8_RANGE 127.5f
#define QUANTIZED_UINT8_RANGE 255.5f

float quantized_real(const real_range *r);                    /* the larger magnitude */
float quantized_number(const mxn_tensor *t);                  /* the only number of an array */
real_range quantized_range(const mxn_tensor *least_and_most); /* of two arrays in turn */
void quantized_give_range(const forward *f, real_range r);    /* outputs 1 and 2 */
bool quantized_calibration(const node *n, real_range *out);   /* min_calib_range and max_calib_range; false: not both */

/* Quantized numbers for one real one: 127.5 or 255.5 over the range, 2^31 - 1
 * where that is nothing. */
float quantized_scale(mxn_dtype dtype, real_range r);

/* The range of int32 sums of products. */
real_range quantized_product_range(real_range a, real_range b, bool is_unsigned);

/* Round to the nearest, ties to even, and keep inside the integer type. */
int64_t quantized_round(mxn_dtype dtype, float x);

/* Ranges: inputs from `first_range` on and outputs 1 and 2 are (1) and float32. */
mxn_status quantized_infer_ranges(inference *x, uint32_t first_range);

/* By `shape` for a layer of the first n_inputs and output 0, and the ranges behind them. */
mxn_status quantized_infer_layer(inference *x, op_infer shape, uint32_t n_inputs);
mxn_status quantized_infer_range_dtypes(inference *x, uint32_t first_range);
mxn_status quantized_expect(inference *x, uint32_t input); /* int8 or uint8, where the type is known */

int64_t quantized_elements(const mxn_tensor *t);

/* A copy of a tensor in float64, which holds int32 exactly. */
mxn_tensor quantized_widen(arena *a, const mxn_tensor *t);
mxn_tensor quantized_empty(arena *a, const mxn_type *shape, mxn_dtype dtype);

#endif
