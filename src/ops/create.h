/* create.h - operators that make arrays of constants and sequences.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_OPS_CREATE_H
#define MXN_OPS_CREATE_H

#include "ops/operator.h"

mxn_status created_dtype(inference *x);  /* what the attribute dtype says */
mxn_status numbered_dtype(inference *x); /* the attribute dtype is the number of one; -1: any */
mxn_status created_shape(inference *x);  /* what the attribute shape says */
mxn_status zeros_forward(const forward *f);
mxn_status ones_forward(const forward *f);
mxn_status full_forward(const forward *f);
mxn_status eye_shape(inference *x);
mxn_status eye_forward(const forward *f);
double sequence_number(mxn_dtype dtype, double x); /* what a range starts from, or its step, in its type */
mxn_status arange_shape(inference *x);
mxn_status arange_forward(const forward *f);
mxn_status linspace_shape(inference *x);
mxn_status linspace_forward(const forward *f);
mxn_status arange_like_shape(inference *x);
mxn_status arange_like_forward(const forward *f);
mxn_status index_array_shape(inference *x);
mxn_status index_array_forward(const forward *f);

#endif
