/* partition.h - which operators go to the compiler, in which groups.
 *
 * A group becomes one subgraph. Groups are as large as they can be without a
 * cycle: where a value leaves a group, passes through an operator that is left
 * out and would come back, the group ends. SqueezeNet is one group of 67
 * operators; typical models have 1 to 20 groups.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_PARTITION_PARTITION_H
#define MXN_PARTITION_PARTITION_H

#include "graph/graph.h"
#include "mxneuron/status.h"

enum { NO_GROUP = UINT32_MAX };

/* Names of nodes to leave out, and of nodes that must be compiled. */
typedef struct partition_options {
  const char *const *excluded;
  size_t n_excluded;
  const char *const *forced;
  size_t n_forced;
} partition_options;

typedef struct left_out {
  const node *node;
  const char *reason; /* a clause; static */
} left_out;

typedef struct partition {
  uint32_t *group; /* [n_nodes] by node id; NO_GROUP: a variable, or left out */
  uint32_t n_groups;
  left_out *left_out; /* every operator without a group, in the graph's order */
  size_t n_left_out;
} partition;

/* Partition a graph with inferred types; the result is in the graph's arena.
 * MXN_ARGUMENT for an excluded or forced name that no operator has (near names
 * listed) or that is both, MXN_UNSUPPORTED for a forced one that cannot be compiled. */
MXN_MUST_CHECK mxn_status partition_graph(const graph *g, const partition_options *options, partition *out_partition,
                                          mxn_error *err);

#endif
