/* rewrite.h - replacing values of a graph and counting their uses.
 *
 * A pass goes through the nodes in their order. What it replaces takes effect where
 * rewrite_visit() comes to a reader, or in rewrite_finish(), so that neither costs
 * more in a larger graph. A replaced value is not replaced again.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_PASSES_REWRITE_H
#define MXN_PASSES_REWRITE_H

#include "graph/graph.h"

typedef struct rewritten_value {
  value by; /* what readers read instead; no node: the value itself */
  size_t n_uses;
} rewritten_value;

/* In the graph's arena. Nodes that are added meanwhile are found by themselves. */
typedef struct rewrite {
  graph *g;
  size_t *first; /* by node id: of its values */
  size_t n_nodes, first_capacity;
  rewritten_value *values;
  size_t n_values, values_capacity;
} rewrite;

rewrite rewrite_begin(graph *g);

/* The node's inputs become what they were replaced by. */
void rewrite_visit(rewrite *r, node *n);

/* How many inputs of nodes and heads read a value. */
size_t rewrite_uses(rewrite *r, value v);

/* One of them is none any more. */
void rewrite_forget(rewrite *r, value v);

/* Every use of `from` becomes a use of `to`. */
void rewrite_replace(rewrite *r, value from, value to);

/* All inputs and heads. */
void rewrite_finish(rewrite *r);

#endif
