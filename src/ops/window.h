/* window.h - the geometry that convolution and pooling share: a window that
 * walks over one to three spatial dimensions.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_OPS_WINDOW_H
#define MXN_OPS_WINDOW_H

#include "ops/infer.h"

enum { SPATIAL_DIMS = 3 };

/* Always three dimensions, D H W; those that the operator lacks have size 1. */
typedef struct window {
  int64_t in[SPATIAL_DIMS], out[SPATIAL_DIMS];
  int64_t kernel[SPATIAL_DIMS], stride[SPATIAL_DIMS], dilate[SPATIAL_DIMS], pad[SPATIAL_DIMS];
} window;

/* The attribute's element for spatial dimension i; `otherwise` where it is left out. */
int64_t window_attribute(const node *n, const char *attribute, int32_t i, int64_t otherwise);

/* An error where a tuple that is given is None, has another number of values than
 * `expected`, or one that no image reaches. */
MXN_MUST_CHECK mxn_status window_check_tuple(inference *x, const char *attribute, int32_t expected);

/* What Convolution and Deconvolution demand: tuples of one to three values, a layout
 * with channels first, filters that divide into groups. */
MXN_MUST_CHECK mxn_status window_check_filters(inference *x, int32_t n_spatial);

/* Geometry of a node whose spatial dimensions are dims[first...] of its input and
 * output. Operators without the attribute "dilate" have 1. */
window window_of(const node *n, const mxn_type *in, const mxn_type *out, int32_t first, int32_t n_spatial,
                 bool has_dilate);

/* Kernel with its gaps. */
static inline int64_t window_extent(int64_t kernel, int64_t dilate) { return (kernel - 1) * dilate + 1; }

#endif
