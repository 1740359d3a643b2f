/* view.h - tensors read in another order than they are stored in.
 *
 * What moves elements without looking at them is a view of its input and one
 * copy: transposes, slices, broadcasts, reversals.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_OPS_VIEW_H
#define MXN_OPS_VIEW_H

#include "base/arena.h"
#include "mxneuron/tensor.h"

/* Element (i0, i1, ...) is at start + i0 * steps[0] + ..., counted in elements. A
 * step of 0 repeats, a negative one goes backwards. */
typedef struct view {
  int64_t start;
  int64_t steps[MXN_MAX_DIMS];
} view;

/* The tensor as it is stored. */
view view_of(const mxn_type *t);

/* The tensor as numpy broadcasts it to `shape`, to which it must fit. */
view view_broadcast(const mxn_type *t, const mxn_type *shape);

/* Diagonal k of axes a and b as the last dimension, behind the other axes. */
view view_diagonal(const mxn_type *t, int32_t a, int32_t b, int64_t k);

/* `out` in its order, read through a view of `in`; both have one element type. */
void copy_view(mxn_tensor *out, const mxn_tensor *in, const view *v);

/* A tensor of that shape, and of `in`'s element type, filled through a view of
 * `in`. In the arena. */
mxn_tensor view_copy(arena *a, const mxn_tensor *in, const view *v, const mxn_type *shape);

/* `in` with its dimensions in another order: dimension d is dimension order[d]. */
mxn_tensor view_transposed(arena *a, const mxn_tensor *in, const int32_t *order);

/* Where element `index` of an array of `n` dimensions lies in memory with these steps. */
int64_t view_offset(int32_t n, const int64_t *dims, const int64_t *steps, int64_t index);

/* `in` through an index for each dimension: `out` at i takes index maps[d][i] of
 * dimension d; -1 leaves the element as it is. Both have as many dimensions and one
 * element type. */
void copy_mapped(mxn_tensor *out, const mxn_tensor *in, int64_t *const *maps);

/* A map for every dimension of `shape`: each index is itself. In the arena. */
int64_t **identity_maps(arena *a, const mxn_type *shape);

#endif
