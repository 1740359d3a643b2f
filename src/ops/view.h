/* view.h - strided views: operators that move elements without looking at them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_OPS_VIEW_H
#define MXN_OPS_VIEW_H

#include "mxneuron/tensor.h"

/* A view of a tensor: element (i0, i1, ...) is at start + i0 * steps[0] + ...,
 * counted in elements. A step of 0 repeats, a negative one goes backwards. */
typedef struct view {
  int64_t start;
  int64_t steps[MXN_MAX_DIMS];
} view;

/* All elements in their order. */
view view_of(const mxn_type *t);

/* The elements of a shape with `n_dims` or fewer dimensions, stretched to a shape of
 * n_dims as numpy broadcasts. */
view view_broadcast(const mxn_type *t, int32_t n_dims);

/* Fill `out` in its order with the elements of `in` that the view says. Both have
 * one element type; the view must stay inside `in`. */
void copy_view(mxn_tensor *out, const mxn_tensor *in, const view *v);

/* Where element `index` of an array of `n` dimensions lies in memory with these steps. */
int64_t view_offset(int32_t n, const int64_t *dims, const int64_t *steps, int64_t index);

#endif
