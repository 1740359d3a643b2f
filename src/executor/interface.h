/* interface.h - a graph for given inputs and outputs, with all types that follow.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_EXECUTOR_INTERFACE_H
#define MXN_EXECUTOR_INTERFACE_H

#include "graph/graph.h"
#include "mxneuron/model.h"

/* Make `outputs`, names of outputs or inner values, the graph's outputs (none: they
 * stay), give its inputs their types, and infer all others. `inputs` must name every
 * variable that the outputs need and that has no array; others of the graph's
 * inputs may be among them. After ops_bind(). Errors: ARGUMENT (an unknown name,
 * near ones listed; a missing input; a type with unknown parts), SHAPE. */
MXN_MUST_CHECK mxn_status graph_set_interface(graph *g, const mxn_input *inputs, size_t n_inputs,
                                              const char *const *outputs, size_t n_outputs, mxn_error *err);

#endif
