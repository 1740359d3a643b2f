/* graph.h - the intermediate representation: a graph of operators over tensors.
 *
 * Nodes stand in topological order: a node comes after the nodes it reads. A
 * variable (op "null" in MXNet's files) is a node without inputs: an input of
 * the model, or a parameter where `constant` points to its array. Typical sizes:
 * 100 to 2,000 nodes, 1 to 4 inputs a node.
 *
 * Ownership: everything in a graph belongs to its arena; `constant` borrows
 * from the parameters, which must outlive the graph.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_GRAPH_GRAPH_H
#define MXN_GRAPH_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "mxneuron/tensor.h"

typedef struct node node;
typedef struct graph graph;

/* Output number `output` of a node. */
typedef struct value {
  node *node;
  uint32_t output;
} value;

typedef struct attribute {
  const char *key;
  const char *text;
} attribute;

/* An elementwise operator that a pass moved into the node before it: see
 * passes/fuse.c. `chain` is the operand that carries the running value; the
 * other operands are the next ones of the node's inputs, after its own. */
typedef struct fused_operator {
  const node *operator;
  uint32_t chain;
} fused_operator;

struct node {
  const char *op;   /* MXNet's registered name; "null" for a variable */
  const char *name; /* names may repeat in old files */
  uint32_t id;      /* index in graph->nodes */
  uint32_t n_inputs, n_outputs, n_subgraphs;
  size_t n_attributes;
  attribute *attributes; /* as in the file: parameters of the operator and user keys */
  value *inputs;
  mxn_type *outputs; /* [n_outputs] element types and shapes, as far as inferred */
  graph **subgraphs; /* of control flow operators and of _neuron_subgraph_op */

  /* Set by ops_bind(): the operator's definition and parsed parameters. NULL
   * for variables and for operators that nobody knows. */
  const struct op_def *def;
  const struct op_parameter *parameters;
  bool np_shape; /* the graph's, for the operator: what shapes mean to it */

  /* Variables only. */
  const mxn_tensor *constant; /* the parameter's array, or NULL */
  bool is_auxiliary;          /* an auxiliary state, such as a moving mean */

  /* Inside neuron-cc. */
  fused_operator *fused;
  size_t n_fused;
};

struct graph {
  arena *arena;
  const char *name; /* for messages: the symbol file, or the subgraph's node */
  node **nodes;
  size_t n_nodes, nodes_capacity;
  value *outputs; /* heads */
  size_t n_outputs;
  attribute *attributes; /* of the file, such as mxnet_version */
  size_t n_attributes;
  bool np_shape;    /* numpy semantics: () is a scalar, 0 is a size */
  bool shapes_vary; /* of a subgraph: inference found that they are known only when it runs */
};

/* An empty graph in `a`; `name` is copied. */
graph *graph_create(arena *a, const char *name);

/* Append a node with room for the inputs (unset) and outputs (unknown types);
 * op and name are copied. */
node *graph_add(graph *g, const char *op, const char *name, uint32_t n_inputs, uint32_t n_outputs);

/* As graph_add for a variable of one output. */
node *graph_add_variable(graph *g, const char *name, mxn_type type);

static inline bool node_is_variable(const node *n) {
  return n->op[0] == 'n' && n->op[1] == 'u' && n->op[2] == 'l' && n->op[3] == 'l' && !n->op[4];
}

/* The text of an attribute, or NULL. */
const char *node_attribute(const node *n, const char *key);
void node_set_attribute(graph *g, node *n, const char *key, const char *text);
void node_remove_attribute(node *n, const char *key);

/* Set the inputs of a node's fused operators: the chain is the node's value,
 * the others are the node's inputs after its own, in turn. */
void node_wire_fused(node *n);

static inline const mxn_type *value_type(value v) { return &v.node->outputs[v.output]; }

/* Drop the operators that no head needs and put the rest into topological
 * order, stable where the order was right; renumber. Variables without a
 * constant stay: they are the interface. */
void graph_compact(graph *g);

/* The variables that the outputs reach, in the order in which a depth-first walk
 * from the outputs leaves them: MXNet lists arguments so. In `a`. */
node **graph_variables(arena *a, graph *g, size_t *out_n);

/* Bring all types and the numbers of nodes into an independent copy in `a`.
 * Only the arrays' data stay borrowed; `def` and `parameters` are unset: run
 * ops_bind() on the copy. */
graph *graph_copy(arena *a, const graph *g);

#endif
