/* extract.h - groups of operators become subgraph nodes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_API_EXTRACT_H
#define MXN_API_EXTRACT_H

#include "base/name_set.h"
#include "graph/graph.h"
#include "partition/partition.h"

/* A subgraph node, still without neuronbin and attributes. */
typedef struct subgraph {
  node *node;   /* inputs: data, labels, the variable of the neuronbin */
  graph *inner; /* = node->subgraphs[0]; its first variables are the data inputs and the labels */
  uint32_t n_data;
  const char **input_names;  /* [n_data]: names of the inner variables */
  const char **output_names; /* [node->n_outputs] */
} subgraph;

typedef struct subgraph_list {
  subgraph *items;
  size_t n_items;
} subgraph_list;

/* Replace every group of the partition by one node (every operator must be needed by an
 * output: graph_compact()) and name the nodes, and the
 * variables of their neuronbins, in the new graph's order, by names that are not in
 * `taken`; they are added to it. Operators move into the inner graphs with their types; labels
 * that only subgraphs read get the type float32 (1,). The list is in the order of
 * the nodes. */
void extract_subgraphs(graph *g, const partition *p, name_set *taken, subgraph_list *out_list);

#endif
