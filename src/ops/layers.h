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
uint32_t upsampling_inputs(const node *n);
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

/* attention.c */
mxn_status selfatt_qk_shape(inference *x);
mxn_status selfatt_qk_forward(const forward *f);
mxn_status selfatt_valatt_shape(inference *x);
mxn_status selfatt_valatt_forward(const forward *f);
mxn_status encdec_qk_shape(inference *x);
mxn_status encdec_qk_forward(const forward *f);
mxn_status encdec_valatt_shape(inference *x);
mxn_status encdec_valatt_forward(const forward *f);

/* ctc_loss.c */
uint32_t ctc_loss_inputs(const node *n);
mxn_status ctc_loss_shape(inference *x);
mxn_status ctc_loss_dtype(inference *x);
mxn_status ctc_loss_forward(const forward *f);

/* softmax.c: outputs that let data through */
mxn_status svm_output_shape(inference *x);
mxn_status sparse_reg_shape(inference *x);

/* pooling_v1.c */
mxn_status pooling_v1_shape(inference *x);
mxn_status pooling_v1_forward(const forward *f);

/* correlation.c */
mxn_status correlation_shape(inference *x);
mxn_status correlation_forward(const forward *f);

/* signal.c */
mxn_status fft_shape(inference *x);
mxn_status fft_forward(const forward *f);
mxn_status ifft_shape(inference *x);
mxn_status ifft_forward(const forward *f);
mxn_status count_sketch_shape(inference *x);
mxn_status count_sketch_forward(const forward *f);

/* hawkes.c */
mxn_status hawkes_shape(inference *x);
mxn_status hawkes_dtype(inference *x);
mxn_status hawkes_forward(const forward *f);

/* image.c */
mxn_status image_crop_shape(inference *x);
mxn_status image_crop_forward(const forward *f);
mxn_status image_flip_shape(inference *x);
mxn_status image_flip_left_right_forward(const forward *f);
mxn_status image_flip_top_bottom_forward(const forward *f);
mxn_status image_to_tensor_shape(inference *x);
mxn_status image_to_tensor_dtype(inference *x);
mxn_status image_to_tensor_forward(const forward *f);
mxn_status image_normalize_shape(inference *x);
mxn_status image_normalize_forward(const forward *f);
mxn_status image_resize_shape(inference *x);
mxn_status image_resize_dtype(inference *x);
mxn_status image_cv_resize_shape(inference *x);
mxn_status image_border_shape(inference *x);
mxn_status image_border_dtype(inference *x);
mxn_status image_border_forward(const forward *f);

/* image_resize.c */
mxn_status image_resize_forward(const forward *f); /* of _cvimresize, too */

/* augment.c: _image_ operators that draw, and what they do with what is drawn. */
mxn_status augment_factors_shape(inference *x);
mxn_status random_brightness_forward(const forward *f);
mxn_status random_contrast_forward(const forward *f);
mxn_status random_saturation_forward(const forward *f);
mxn_status random_hue_forward(const forward *f);
mxn_status random_color_jitter_forward(const forward *f);
mxn_status adjust_lighting_shape(inference *x);
mxn_status adjust_lighting_forward(const forward *f);
mxn_status random_lighting_forward(const forward *f);
mxn_status random_flip_left_right_forward(const forward *f);
mxn_status random_flip_top_bottom_forward(const forward *f);

#endif
