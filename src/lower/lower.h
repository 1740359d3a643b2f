/* lower.h - from operators with placed values to kernel steps.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_LOWER_LOWER_H
#define MXN_LOWER_LOWER_H

#include "lower/step.h"

/* Lower every operator in the graph's order, pack its weights, and record the
 * lifetimes of storages. MXN_UNSUPPORTED names a node that has no lowering. */
MXN_MUST_CHECK mxn_status lower_graph(compile *c, step_list *out_steps, mxn_error *err);

/* One family each: fill a step for the node (without its fused operators). */
void lower_convolution(compile *c, const node *n, step *s);
void lower_fully_connected(compile *c, const node *n, step *s);
void lower_pooling(compile *c, const node *n, step *s);
void lower_copy(compile *c, const node *n, step *s);
void lower_reduce(compile *c, const node *n, step *s);
void lower_softmax(compile *c, const node *n, step *s);
void lower_elementwise(compile *c, const node *n, step *s);

/* Where an operand lies; a constant becomes part of the weights. */
placement place_operand(compile *c, value v);

/* Append a buffer: everything of a value's storage from `offset` elements on. */
void step_add_buffer(compile *c, step *s, uint32_t number, int64_t offset);

/* The expression of a root with its fused operators: term 0 is the kernel's
 * value, `first_extra` the root's first input that belongs to a fused operator. */
void build_expression(compile *c, const node *n, uint32_t first_extra, step *s);

/* Treat rows, or images too, as one long row of pixels where the strides of the
 * kernel's operands and of all loads allow it. `in` are the strides of the
 * kernel's own input, or NULL. */
typedef struct pixel_strides {
  int64_t *image, *row, *pixel;
} pixel_strides;
void merge_pixels(step *s, int64_t *batch, struct k_image *out, const pixel_strides *in);

#endif
