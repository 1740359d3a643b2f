/* family.h - what the rows of ops.def refer to: the functions of each family.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_OPS_FAMILY_H
#define MXN_OPS_FAMILY_H

#include "ops/arrange.h"
#include "ops/control.h"
#include "ops/create.h"
#include "ops/detection.h"
#include "ops/index.h"
#include "ops/infer.h"
#include "ops/layers.h"
#include "ops/linalg.h"
#include "ops/matrix.h"
#include "ops/misc.h"
#include "ops/numpy.h"
#include "ops/order.h"
#include "ops/quantized.h"
#include "ops/random.h"
#include "ops/reduce.h"

/* bind.c: counts of outputs that depend on nothing. */
uint32_t two_outputs(const node *n);
uint32_t three_outputs(const node *n);

/* batch.c: rules for the batch. */
bool batch_all(const node *n, const bool *is_carried);       /* every input carries it */
bool batch_data(const node *n, const bool *is_carried);      /* input 0 does, the others do not */
bool batch_broadcast(const node *n, const bool *is_carried); /* as numpy broadcasts */

/* forward.c: give output i its shape and memory, where the shape depends on data.
 * Each such output once, before its data are written. */
MXN_MUST_CHECK mxn_status forward_allocate(const forward *f, uint32_t i, const mxn_type *type);

/* forward.c: all numbers of an input in the scratch arena, and those of an output
 * rounded to its type. out_n: how many; may be NULL. */
double *input_doubles(const forward *f, uint32_t input, int64_t *out_n);
void store_output(const forward *f, uint32_t output, const double *x);

/* elementwise.c */
#define UNARY(name, floats, integers) extern const unary_function unary_##name;
#define BINARY(name, floats, integers) extern const binary_function binary_##name;
#define FLOAT_UNARY(name, floats) extern const unary_function unary_##name;
#define FLOAT_BINARY(name, floats) extern const binary_function binary_##name;
#include "ops/functions.def"
#undef UNARY
#undef BINARY
#undef FLOAT_UNARY
#undef FLOAT_BINARY

/* One to three tensors, broadcast to the first. */
void map_unary(const unary_function *function, const mxn_tensor *x, mxn_tensor *out);
void map_binary(const binary_function *function, const mxn_tensor *x, const mxn_tensor *y, mxn_tensor *out);
/* function(x, number), or function(number, x). */
void map_scalar(const binary_function *function, const mxn_tensor *x, double number, bool is_reversed, mxn_tensor *out);
mxn_status unary_forward(const forward *f);
mxn_status binary_forward(const forward *f);
mxn_status scalar_forward(const forward *f);
mxn_status scalar_reversed_forward(const forward *f);
mxn_status clip_forward(const forward *f);
mxn_status sum_forward(const forward *f);
mxn_status broadcast_shape(inference *x);
mxn_status scalar_dtype(inference *x);
uint32_t count_arguments(const node *n); /* what num_args says */

/* activation.c */
mxn_status activation_forward(const forward *f);
uint32_t leaky_relu_inputs(const node *n);
uint32_t leaky_relu_outputs(const node *n);
mxn_status leaky_relu_shape(inference *x);
mxn_status leaky_relu_forward(const forward *f);
bool leaky_relu_batch(const node *n, const bool *is_carried);

/* softmax.c */
uint32_t softmax_inputs(const node *n);
mxn_status softmax_shape(inference *x);
mxn_status softmax_dtype(inference *x);
mxn_status softmax_forward(const forward *f);
mxn_status log_softmax_forward(const forward *f);
mxn_status softmin_forward(const forward *f);
bool softmax_batch(const node *n, const bool *is_carried);
mxn_status softmax_activation_shape(inference *x);
mxn_status softmax_activation_forward(const forward *f);
bool softmax_activation_batch(const node *n, const bool *is_carried);
mxn_status output_dtype(inference *x); /* of operators with a label */
mxn_status softmax_output_shape(inference *x);
mxn_status softmax_output_forward(const forward *f);
mxn_status softmax_cross_entropy_shape(inference *x);
mxn_status softmax_cross_entropy_forward(const forward *f);
bool softmax_output_batch(const node *n, const bool *is_carried);
mxn_status regression_output_shape(inference *x);

/* convolution.c */
uint32_t inputs_with_bias(const node *n); /* 2 with no_bias, otherwise 3 */
mxn_status convolution_shape(inference *x);
mxn_status convolution_forward(const forward *f);

/* deconvolution.c */
mxn_status deconvolution_shape(inference *x);
mxn_status deconvolution_forward(const forward *f);

/* fully_connected.c */
mxn_status fully_connected_shape(inference *x);
mxn_status fully_connected_forward(const forward *f);
bool fully_connected_batch(const node *n, const bool *is_carried);

/* pooling.c */
mxn_status pooling_shape(inference *x);
mxn_status pooling_forward(const forward *f);

/* normalization.c */
uint32_t batch_norm_outputs(const node *n);
mxn_status batch_norm_shape(inference *x);
mxn_status batch_norm_v1_shape(inference *x);
mxn_status batch_norm_dtype(inference *x);
mxn_status batch_norm_forward(const forward *f);
mxn_status batch_norm_relu_forward(const forward *f);
bool batch_norm_batch(const node *n, const bool *is_carried);
mxn_status l2_normalization_shape(inference *x);
mxn_status l2_normalization_forward(const forward *f);

/* reshape.c: the elements stay in their order. */
mxn_status copy_forward(const forward *f);
mxn_status flatten_shape(inference *x);
mxn_status reshape_shape(inference *x);
bool reshape_batch(const node *n, const bool *is_carried);
mxn_status expand_dims_shape(inference *x);
bool expand_dims_batch(const node *n, const bool *is_carried);
mxn_status cast_dtype(inference *x);
mxn_status cast_forward(const forward *f);

/* move.c: elements change their places. */
mxn_status transpose_shape(inference *x);
mxn_status transpose_forward(const forward *f);
bool transpose_batch(const node *n, const bool *is_carried);
mxn_status swap_axis_shape(inference *x);
mxn_status swap_axis_forward(const forward *f);
bool swap_axis_batch(const node *n, const bool *is_carried);
mxn_status concat_shape(inference *x);
mxn_status concat_forward(const forward *f);
bool concat_batch(const node *n, const bool *is_carried);
uint32_t slice_channel_outputs(const node *n);
mxn_status slice_channel_shape(inference *x);
mxn_status slice_channel_forward(const forward *f);
bool slice_channel_batch(const node *n, const bool *is_carried);
mxn_status slice_shape(inference *x);
mxn_status slice_forward(const forward *f);
bool slice_batch(const node *n, const bool *is_carried);
mxn_status slice_assign_shape(inference *x);
mxn_status slice_assign_forward(const forward *f);
mxn_status slice_assign_scalar_shape(inference *x);
mxn_status slice_assign_scalar_forward(const forward *f);
mxn_status slice_axis_shape(inference *x);
mxn_status slice_axis_forward(const forward *f);
bool slice_axis_batch(const node *n, const bool *is_carried);
mxn_status slice_like_shape(inference *x);
mxn_status slice_like_forward(const forward *f);
bool slice_like_batch(const node *n, const bool *is_carried);

#endif
