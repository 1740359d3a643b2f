/* misc.h - elementwise operators with parameters of their own, casts of mixed
 * precision, and checks of whole arrays.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_OPS_MISC_H
#define MXN_OPS_MISC_H

#include "ops/operator.h"

mxn_status hard_sigmoid_forward(const forward *f);
mxn_status quadratic_forward(const forward *f);
mxn_status div_sqrt_dim_shape(inference *x);
mxn_status div_sqrt_dim_forward(const forward *f);
mxn_status amp_cast_dtype(inference *x);
uint32_t amp_multicast_inputs(const node *n);
mxn_status amp_multicast_shape(inference *x);
mxn_status amp_multicast_dtype(inference *x);
mxn_status amp_multicast_forward(const forward *f);
uint32_t count_arrays(const node *n); /* what num_arrays says */
mxn_status all_finite_shape(inference *x);
mxn_status all_finite_dtype(inference *x);
mxn_status all_finite_forward(const forward *f);
mxn_status multi_sum_sq_shape(inference *x);
mxn_status multi_sum_sq_dtype(inference *x);
mxn_status multi_sum_sq_forward(const forward *f);
mxn_status multi_lars_forward(const forward *f);
mxn_status all_close_shape(inference *x);
mxn_status all_close_dtype(inference *x);
mxn_status all_close_forward(const forward *f);

#endif
