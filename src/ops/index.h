/* index.h - operators that read or write elements at places that another input says.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_OPS_INDEX_H
#define MXN_OPS_INDEX_H

#include "ops/operator.h"

/* An index brought into [0, size), size at least 1: the nearest one, or counted round. */
int64_t index_clip(int64_t index, int64_t size);
int64_t index_wrap(int64_t index, int64_t size);

mxn_status indexed_dtype(inference *x); /* data and output have one type, indices any */
mxn_status where_shape(inference *x);
mxn_status where_dtype(inference *x);
mxn_status where_forward(const forward *f);
mxn_status take_shape(inference *x);
mxn_status take_forward(const forward *f);
mxn_status batch_take_shape(inference *x);
mxn_status batch_take_dtype(inference *x);
mxn_status batch_take_forward(const forward *f);
mxn_status embedding_shape(inference *x);
mxn_status embedding_dtype(inference *x);
mxn_status embedding_forward(const forward *f);
mxn_status sparse_retain_shape(inference *x);
mxn_status sparse_retain_forward(const forward *f);
mxn_status one_hot_shape(inference *x);
mxn_status one_hot_dtype(inference *x);
mxn_status one_hot_forward(const forward *f);
mxn_status gather_nd_shape(inference *x);
mxn_status gather_nd_forward(const forward *f);
mxn_status scatter_nd_shape(inference *x);
mxn_status scatter_nd_forward(const forward *f);
mxn_status scatter_set_nd_shape(inference *x);
mxn_status scatter_set_nd_dtype(inference *x);
mxn_status scatter_set_nd_forward(const forward *f);
mxn_status ravel_shape(inference *x);
mxn_status ravel_forward(const forward *f);
mxn_status unravel_shape(inference *x);
mxn_status unravel_forward(const forward *f);
mxn_status index_copy_shape(inference *x);
mxn_status index_copy_dtype(inference *x);
mxn_status index_copy_forward(const forward *f);

#endif
