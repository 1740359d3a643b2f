/* shape.h - arithmetic on element types and shapes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_BASE_SHAPE_H
#define MXN_BASE_SHAPE_H

#include <stdbool.h>

#include "mxneuron/tensor.h"

/* Nothing known: dtype and number of dimensions -1. */
mxn_type type_unknown(void);
mxn_type type_of(mxn_dtype dtype, int32_t n_dims, const int64_t *dims);

/* shape_* looks at dimensions alone, type_* at the element type too. */

/* Number of dimensions, up to MXN_MAX_DIMS, and every dimension known. */
bool shape_is_known(const mxn_type *t);
bool shape_equal(const mxn_type *a, const mxn_type *b);

/* Elements or bytes of a fully known type; false where the product overflows
 * int64 (size_t), a dimension is negative or the type is not known. A shape that
 * overflows without its zeros is refused as well. */
bool shape_elements(const mxn_type *t, int64_t *out_elements);
bool type_bytes(const mxn_type *t, size_t *out_bytes);

/* A type, parts of which may be unknown, that can be: no number is out of range. */
bool type_is_valid(const mxn_type *t);

/* Merge the dimensions that `from` knows into `into`, whose element type stays;
 * false, and `into` as it was, where they contradict. */
bool shape_merge(mxn_type *into, const mxn_type *from);

#define SHAPE_TEXT_BYTES 256
/* "(1, 3, ?, 224)"; "?" where nothing is known, "(17 dimensions)" for more than a
 * type from outside can have. Returns `text`. */
const char *shape_text(const mxn_type *t, char text[SHAPE_TEXT_BYTES]);

#endif
