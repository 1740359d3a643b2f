/* reduce.h - reductions along axes: sums, products, extremes, norms, moments, and
 * what an axis is searched for.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_OPS_REDUCE_H
#define MXN_OPS_REDUCE_H

#include "ops/operator.h"

/* X(name, start of floats, start of integers, the total `a` with a number `x`: of
 * doubles, of int64_t). NaN is the result of max and min where there is one. */
#define REDUCE_LIST(X)                                                       \
  X(sum, 0, 0, a + x, (int64_t)((uint64_t)a + (uint64_t)x))                  \
  X(nansum, 0, 0, x != x ? a : a + x, (int64_t)((uint64_t)a + (uint64_t)x))  \
  X(prod, 1, 1, a *x, (int64_t)((uint64_t)a * (uint64_t)x))                  \
  X(nanprod, 1, 1, x != x ? a : a * x, (int64_t)((uint64_t)a * (uint64_t)x)) \
  X(max, -INFINITY, INT64_MIN, a != a || a >= x ? a : x, a >= x ? a : x)     \
  X(min, INFINITY, INT64_MAX, a != a || a <= x ? a : x, a <= x ? a : x)

#define X(name, ...) extern const reduce_function reduce_##name;
REDUCE_LIST(X)
#undef X

/* Which of n_dims axes are reduced: those of `axes`, all where it is None or empty,
 * the others with is_excluded. An error that names the attribute where one is out
 * of range or stands twice. */
MXN_MUST_CHECK mxn_status reduce_axes(inference *x, const char *attribute, bool is_excluded, int32_t n_dims,
                                      bool is_reduced[MXN_MAX_DIMS]);

/* The shape without the reduced axes, or with 1 there. */
mxn_type reduced_shape(const mxn_type *in, const bool is_reduced[MXN_MAX_DIMS], bool keepdims);

/* The elements that make one element of the output, for one output after the other. */
typedef struct reduction {
  int64_t outputs, inputs; /* how many outputs, and inputs of each */
  int32_t n_outer, n_inner;
  int64_t outer_dims[MXN_MAX_DIMS], outer_steps[MXN_MAX_DIMS];
  int64_t inner_dims[MXN_MAX_DIMS], inner_steps[MXN_MAX_DIMS];
} reduction;

reduction reduction_of(const mxn_type *in, const bool is_reduced[MXN_MAX_DIMS]);

/* The inputs of output number `output`, in their order in memory; room for r->inputs. */
void reduction_load_doubles(const reduction *r, const mxn_tensor *in, int64_t output, double *out);
void reduction_load_integers(const reduction *r, const mxn_tensor *in, int64_t output, int64_t *out);

/* Operators. */

mxn_status reduce_shape(inference *x);
mxn_status reduce_some_shape(inference *x); /* of what needs at least one element */
mxn_status reduce_forward(const forward *f);
mxn_status mean_forward(const forward *f);
mxn_status square_sum_forward(const forward *f);
bool reduce_batch(const node *n, const bool *is_carried);
mxn_status norm_shape(inference *x);
mxn_status norm_dtype(inference *x);
mxn_status norm_forward(const forward *f);
bool norm_batch(const node *n, const bool *is_carried);
mxn_status moments_shape(inference *x);
mxn_status moments_forward(const forward *f);
bool moments_batch(const node *n, const bool *is_carried);
mxn_status search_shape(inference *x);
mxn_status argmax_forward(const forward *f);
mxn_status argmin_forward(const forward *f);
bool search_batch(const node *n, const bool *is_carried);
mxn_status argmax_channel_shape(inference *x);
mxn_status argmax_channel_forward(const forward *f);
mxn_status pick_shape(inference *x);
mxn_status pick_dtype(inference *x);
mxn_status pick_forward(const forward *f);
bool pick_batch(const node *n, const bool *is_carried);

#endif
