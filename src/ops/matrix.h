/* matrix.h - products of matrices, and images as matrices of their windows.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_OPS_MATRIX_H
#define MXN_OPS_MATRIX_H

#include "ops/operator.h"

mxn_status dot_shape(inference *x);
mxn_status dot_forward(const forward *f);
mxn_status batch_dot_shape(inference *x);
mxn_status batch_dot_forward(const forward *f);
bool batch_dot_batch(const node *n, const bool *is_carried);
mxn_status khatri_rao_shape(inference *x);
mxn_status khatri_rao_forward(const forward *f);
mxn_status im2col_shape(inference *x);
mxn_status im2col_forward(const forward *f);
mxn_status col2im_shape(inference *x);
mxn_status col2im_forward(const forward *f);

#endif
