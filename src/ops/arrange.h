/* arrange.h - operators that repeat, spread or rearrange elements.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_OPS_ARRANGE_H
#define MXN_OPS_ARRANGE_H

#include "ops/operator.h"

/* The element of input 0 that stands at `at` in the output, or -1 for the fill. */
typedef int64_t (*element_place)(const forward *f, const int64_t *at);
void copy_places(const forward *f, element_place place, double fill);

mxn_status stretch_forward(const forward *f); /* input 0 broadcast to the output */
mxn_status broadcast_to_shape(inference *x);
mxn_status broadcast_axis_shape(inference *x);
mxn_status broadcast_like_shape(inference *x);
mxn_status reshape_like_shape(inference *x);
mxn_status squeeze_shape(inference *x);
mxn_status stack_shape(inference *x);
mxn_status stack_forward(const forward *f);
mxn_status tile_shape(inference *x);
mxn_status tile_forward(const forward *f);
mxn_status repeat_shape(inference *x);
mxn_status repeat_forward(const forward *f);
mxn_status reverse_shape(inference *x);
mxn_status reverse_forward(const forward *f);
mxn_status pad_shape(inference *x);
mxn_status pad_forward(const forward *f);
mxn_status diag_shape(inference *x);
mxn_status diag_forward(const forward *f);
mxn_status depth_to_space_shape(inference *x);
mxn_status depth_to_space_forward(const forward *f);
mxn_status space_to_depth_shape(inference *x);
mxn_status space_to_depth_forward(const forward *f);
uint32_t split_outputs(const node *n);
mxn_status split_shape(inference *x);
mxn_status split_forward(const forward *f);
mxn_status crop_shape(inference *x);
mxn_status crop_forward(const forward *f);
mxn_status shape_array_shape(inference *x);
mxn_status shape_array_forward(const forward *f);
mxn_status size_array_shape(inference *x);
mxn_status size_array_forward(const forward *f);
mxn_status int64_dtype(inference *x); /* of the output, whatever the input is */

#endif
