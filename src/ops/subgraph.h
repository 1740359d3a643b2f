/* subgraph.h - the node that stands for a compiled subgraph.
 *
 * Operator `_neuron_subgraph_op`, named `_neuron_subgraph_op0`, 1, ... Its inputs:
 * data first, then labels that it ignores, last the variable NODE_neuronbin with
 * the program. Attributes (texts as MXNet-Neuron's extension reads them):
 *
 *   num_inputs            "1": MXNet infers shapes from the first input alone
 *   __ext_extra_inputs__  all other inputs
 *   num_outputs
 *   in_shapes, out_shapes "[[0, 3, 224, 224]]" of the data inputs and outputs;
 *                         dimension 0 is 0 where it is proven to be the batch
 *   in_types, out_types   "[0]": MXNet's numbers
 *   compile_batch         dimension 0 of the first input at compile time
 *   __subgraph_opt_neuroncore__  NeuronCores: "1"
 *   __input_names__       "[\"data\"]": what the program calls the data inputs
 *   __output_names__      "[\"softmax_output\"]": what the outputs were called
 *
 * `subgraphs` holds the original nodes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_OPS_SUBGRAPH_H
#define MXN_OPS_SUBGRAPH_H

#include "base/text_list.h"
#include "graph/graph.h"
#include "mxneuron/status.h"

#define SUBGRAPH_OP "_neuron_subgraph_op"
#define SUBGRAPH_NEURONBIN "_neuronbin"

bool subgraph_is(const node *n);

/* Number of inputs that the program reads; the others are labels and, last, the
 * neuronbin. 0 where in_types is malformed. */
uint32_t subgraph_n_data(const node *n);

/* Number of outputs that out_types lists; 0 where it is malformed. */
uint32_t subgraph_n_listed_outputs(const node *n);

/* What in_types and in_shapes say about the data inputs, or out_types and out_shapes
 * about the outputs. A batch is -1. */
text_list_types subgraph_input_types(const node *n);
text_list_types subgraph_output_types(const node *n);

/* What the program calls the data inputs, as a text list, or NULL. */
const char *subgraph_input_names(const node *n);

/* One of them, or NULL; in `a`. */
const char *subgraph_input_name(arena *a, const node *n, uint32_t input);

/* The original name of an output, in `a`. */
const char *subgraph_output_name(arena *a, const node *n, uint32_t output);

/* The array with the program: MXN_FORMAT where the node has none of bytes. */
MXN_MUST_CHECK mxn_status subgraph_neuronbin(const graph *g, const node *n, const mxn_tensor **out_array,
                                             mxn_error *err);

/* Set all attributes of a node whose outputs and inputs have their types.
 * `has_batch`: dimension 0 carries the batch everywhere. */
void subgraph_describe(graph *g, node *n, uint32_t n_data, const char *const *input_names,
                       const char *const *output_names, bool has_batch);

#endif
