/* checkpoint.h - symbol.json and .params, read into a graph and written back.
 *
 * Ownership: graph and names in the arena; arrays point into the mapped file,
 * which arena_finish() unmaps.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_MXNET_CHECKPOINT_H
#define MXN_MXNET_CHECKPOINT_H

#include "base/file.h"
#include "graph/graph.h"
#include "mxneuron/status.h"

/* A named array. `kind` is what stands before the colon in the file. */
typedef enum parameter_kind { PARAMETER_PLAIN, PARAMETER_ARGUMENT, PARAMETER_AUXILIARY } parameter_kind;
typedef struct parameter {
  const char *name; /* without "arg:" or "aux:" */
  parameter_kind kind;
  mxn_tensor tensor; /* 4-byte aligned at least: copied where the file is worse */
} parameter;

typedef struct parameter_list {
  parameter *items;
  size_t n_items, capacity;
  bool np_shape; /* of a model with numpy semantics, where MXNet reads V3 arrays only */
} parameter_list;

/* "arg:", "aux:" or "". */
const char *parameter_prefix(parameter_kind kind);

/* A parameter without an array: "arg:NAME", "aux:NAME" or NAME taken apart, in `a`. */
parameter parameter_named(arena *a, const char *name, size_t bytes);

/* FORMAT where two arrays have one name and kind; `file` is for the message. */
MXN_MUST_CHECK mxn_status parameters_check_unique(arena *a, const parameter_list *list, const char *file,
                                                  mxn_error *err);

/* The arrays sorted by name, then by kind in the order of the enumeration. */
const parameter **parameters_by_name(arena *a, const parameter_list *list);

/* Map a parameter file and list its arrays. An array that MXNet calls none has
 * n_dims -1 and no data; two of one name and kind are an error. Sparse arrays
 * (row_sparse, csr) become dense. */
MXN_MUST_CHECK mxn_status params_load(arena *a, const char *path, parameter_list *out_list, mxn_error *err);

/* Write arrays in their order ("arg:"/"aux:" in front by kind), as
 * file_writer_commit() does. The format is V2; for np_shape, or where a shape is () or has
 * a 0, V3 for all, as MXNet reads no mixed files. The first array, where its shape
 * is (1, N), has its data at byte 64. ARGUMENT for a type that cannot be written. */
MXN_MUST_CHECK mxn_status params_save(const char *path, file_lifetime lifetime, const parameter_list *list,
                                      mxn_error *err);

/* Read symbol JSON text of any MXNet version (`param`, `attr`, `attrs`; old
 * names; auxiliary states that old files leave out are not added here, the
 * upgrade in mxnet/upgrade.h does it). A node has the outputs that are read, one
 * at least. Hostile input: depth, indices, counts and order are checked; messages
 * name `file` and node. */
MXN_MUST_CHECK mxn_status symbol_parse(arena *a, const char *file, const char *text, size_t bytes, graph **out_graph,
                                       mxn_error *err);
MXN_MUST_CHECK mxn_status symbol_load(arena *a, const char *path, graph **out_graph, mxn_error *err);

/* The JSON text that MXNet 1.9.1 reads, two-space indented, owned by the arena.
 * It says it is of MXNet 1.9.1: a graph from a file needs symbol_upgrade() first.
 * The texts of graph->attributes are JSON. */
char *symbol_print(arena *a, const graph *g);

/* Point each variable's `constant` to the array of its name and take over its
 * type; a shape or dtype in the symbol (__shape__, __dtype__) that contradicts is
 * an error. Of several kinds an auxiliary state takes its own, others the
 * argument. Variables of one name share an array; arrays without a variable are
 * passed over. A variable without an array whose type is not known takes what
 * the symbol says, and those of one name become the first of them, so that an
 * input is given once. Runs after ops_bind(), which marks auxiliary states. */
MXN_MUST_CHECK mxn_status checkpoint_attach(graph *g, const parameter_list *list, mxn_error *err);

#endif
