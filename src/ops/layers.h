/* layers.h - what the rows of ops_layers.def refer to.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_OPS_LAYERS_H
#define MXN_OPS_LAYERS_H

#include "ops/infer.h"

/* boolean_mask.c */
mxn_status boolean_mask_shape(inference *x);
mxn_status boolean_mask_dtype(inference *x);
mxn_status boolean_mask_forward(const forward *f);

/* sequence.c */
uint32_t sequence_inputs(const node *n); /* 2 with use_sequence_length, otherwise 1 */
mxn_status sequence_shape(inference *x);
mxn_status sequence_last_shape(inference *x);
mxn_status sequence_dtype(inference *x);
mxn_status sequence_last_forward(const forward *f);
mxn_status sequence_mask_forward(const forward *f);
mxn_status sequence_reverse_forward(const forward *f);

/* layer_norm.c */
uint32_t layer_norm_outputs(const node *n);
mxn_status layer_norm_shape(inference *x);
mxn_status layer_norm_forward(const forward *f);
mxn_status group_norm_shape(inference *x);
mxn_status group_norm_forward(const forward *f);
mxn_status instance_norm_shape(inference *x);
mxn_status instance_norm_forward(const forward *f);
mxn_status lrn_shape(inference *x);
mxn_status lrn_forward(const forward *f);

/* rnn.c */
uint32_t rnn_inputs(const node *n);
uint32_t rnn_outputs(const node *n);
mxn_status rnn_shape(inference *x);
mxn_status rnn_dtype(inference *x);
mxn_status rnn_forward(const forward *f);
mxn_status rnn_param_concat_shape(inference *x);

/* resize.c */
mxn_status upsampling_shape(inference *x);
mxn_status upsampling_forward(const forward *f);
uint32_t bilinear_resize_inputs(const node *n);
mxn_status bilinear_resize_shape(inference *x);
mxn_status bilinear_resize_forward(const forward *f);
mxn_status adaptive_pooling_shape(inference *x);
mxn_status adaptive_pooling_forward(const forward *f);

/* sampling.c */
mxn_status grid_generator_shape(inference *x);
mxn_status grid_generator_forward(const forward *f);
mxn_status bilinear_sampler_shape(inference *x);
mxn_status bilinear_sampler_forward(const forward *f);
mxn_status spatial_transformer_shape(inference *x);
mxn_status spatial_transformer_forward(const forward *f);

#endif
