/* control.h - control flow: operators that run graphs of their own.
 *
 * The graphs are the node's `subgraphs`. Which of the node's inputs a variable of
 * a subgraph stands for is told by attributes; variables count in the order of
 * the subgraph's nodes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_OPS_CONTROL_H
#define MXN_OPS_CONTROL_H

#include "ops/infer.h"

uint32_t control_outputs(const node *n); /* what num_outputs says */

/* Shapes and types together: a subgraph needs both at once. */
mxn_status control_dtype(inference *x); /* leaves that to the function of shapes */

/* _foreach: the body runs once for each slice along dimension 0 of the data. */
uint32_t foreach_inputs(const node *n);
mxn_status foreach_shape(inference *x);
mxn_status foreach_forward(const forward *f);

/* _while_loop: the body runs as long as the condition holds, max_iterations times
 * at most; what its data outputs do not reach is 0. */
uint32_t while_loop_inputs(const node *n);
mxn_status while_loop_shape(inference *x);
mxn_status while_loop_forward(const forward *f);

/* _cond: one of two branches runs. */
uint32_t cond_inputs(const node *n);
mxn_status cond_shape(inference *x);
mxn_status cond_forward(const forward *f);

/* _CachedOp: a graph as an operator. */
uint32_t cached_op_inputs(const node *n);
uint32_t cached_op_outputs(const node *n);
mxn_status cached_op_shape(inference *x);
mxn_status cached_op_forward(const forward *f);

/* _neuron_subgraph_op: what was compiled; see subgraph.h. The executor runs it. */
uint32_t subgraph_op_inputs(const node *n);
uint32_t subgraph_op_outputs(const node *n);
mxn_status subgraph_op_shape(inference *x);
mxn_status subgraph_op_dtype(inference *x);

/* Operators whose subgraph 0 is what they compute on their first inputs, such as
 * _sg_mkldnn_conv: input k is variable k, for n_inputs of them. Of the inputs that
 * `is_quantized` (may be NULL) marks, and of output 0 where it is not NULL, only
 * the shapes agree: inside they are float32. */
mxn_status control_infer_fused(inference *x, uint32_t n_inputs, const bool *is_quantized);
uint32_t control_count_variables(const graph *g);

#endif
