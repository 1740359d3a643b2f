/* mxnet_node.h - what the attributes of a `_neuron_subgraph_op` node say.
 *
 * The attributes are those of src/ops/subgraph.h. MXNet shows them as keys and
 * values with every call; they are read there each time, and nothing is kept.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_COMPAT_MXNET_NODE_H
#define MXN_COMPAT_MXNET_NODE_H

#include <stdbool.h>

#include "compat/mxnet_abi.h"
#include "mxneuron/tensor.h"

#define MXNET_NODE_OPERATOR "_neuron_subgraph_op"

/* MXNet's own operators know no arrays of more. */
#define MXNET_NODE_MAX_ARRAYS 4096

typedef struct mxnet_node {
  const char *in_types, *in_shapes, *out_types, *out_shapes;
  const char *input_names;  /* a list of texts; may be NULL */
  const char *output_names; /* in the same way */
  int n_inputs;             /* of which MXNet infers shapes and types */
  int n_data;               /* that the program reads */
  int n_outputs;
  int compile_batch;
} mxnet_node;

/* MXN_FORMAT says which attribute is missing or malformed. */
MXN_MUST_CHECK mxn_status mxnet_node_read(mxnet_node *node, MXNET_ATTRIBUTES, mxn_error *err);

/* Types of a data input and of an output; a batch that may change is -1. */
mxn_type mxnet_node_input(const mxnet_node *node, int index);
mxn_type mxnet_node_output(const mxnet_node *node, int index);

/* Of an array that MXNet hands over; dimensions beyond MXN_MAX_DIMS are left out. */
mxn_type mxnet_array_type(int dtype, const int64_t *shape, int n_dims);

#endif
