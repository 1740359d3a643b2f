/* infer.h - what the shape and type functions of the families are made of.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_OPS_INFER_H
#define MXN_OPS_INFER_H

#include "base/error.h"
#include "base/shape.h"
#include "ops/operator.h"

/* Put what `shape` knows into the shape of an input or output; an error that
 * names it where they contradict. */
MXN_MUST_CHECK mxn_status infer_input(inference *x, uint32_t i, const mxn_type *shape);
MXN_MUST_CHECK mxn_status infer_output(inference *x, uint32_t i, const mxn_type *shape);

/* The same for element types; MXN_DTYPE_UNKNOWN puts nothing. */
MXN_MUST_CHECK mxn_status infer_input_dtype(inference *x, uint32_t i, mxn_dtype dtype);
MXN_MUST_CHECK mxn_status infer_output_dtype(inference *x, uint32_t i, mxn_dtype dtype);

mxn_status infer_error(inference *x, mxn_status code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* "weight", or "1" where the input has no name; `text` holds the number. */
typedef struct input_name {
  char text[24];
} input_name;
const char *infer_input_name(const inference *x, uint32_t i, input_name *name);

/* From Python's numbering of axes, -1 the last, to 0..n_dims - 1; an error that
 * names the attribute where the axis is out of range. */
MXN_MUST_CHECK mxn_status infer_axis(inference *x, const char *attribute, int64_t axis, int32_t n_dims,
                                     int32_t *out_axis);

/* Ways to infer that many operators share. */
mxn_status infer_same_shape(inference *x); /* one shape for all inputs and outputs */
mxn_status infer_same_dtype(inference *x); /* one element type for all inputs and outputs */
mxn_status infer_data_shape(inference *x); /* output 0 has the shape of input 0 */
mxn_status infer_data_dtype(inference *x); /* output 0 has the element type of input 0 */

/* Two numbers of elements multiplied; -1 where one of them is unknown. False
 * where the product overflows. */
bool dims_multiply(int64_t a, int64_t b, int64_t *out);

/* The product of dimensions [first, end) of a shape; -1 where one is unknown,
 * false where it overflows. */
bool dims_product(const mxn_type *t, int32_t first, int32_t end, int64_t *out);

/* The last one first. */
void dims_reverse(int64_t *dims, int32_t n);

/* The elements of a tensor as [outer][length][inner], lines along an axis. */
typedef struct lines {
  int64_t outer, length, inner;
} lines;

lines lines_along(const mxn_type *t, int32_t axis);

/* Of a type or some of its dimensions that are known and do not overflow, as those
 * of a node that runs; 0 of any other. */
int64_t count_elements(const mxn_type *t);
int64_t count_dims(const mxn_type *t, int32_t first, int32_t end);

/* Take subgraph `i` of the node along in the sweep; where the types of its
 * variables and outputs are known to the caller, they are in its graph already. */
MXN_MUST_CHECK mxn_status infer_subgraph(inference *x, uint32_t i);

/* Infer one node, as often as something changes. */
MXN_MUST_CHECK mxn_status infer_node(inference *x);

#endif
