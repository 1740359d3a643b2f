/* pass.h - what the passes work on.
 *
 * One subgraph on its way through neuron-cc. Passes allocate from the arena and
 * free nothing. Every pass has the same signature, so that pipeline.c is a list.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_PASSES_PASS_H
#define MXN_PASSES_PASS_H

#include "graph/graph.h"
#include "kernels/shapes.h"
#include "mxneuron/abi.h"
#include "mxneuron/status.h"
#include "passes/pass_list.h"

/* A block of memory that steps read and write. */
typedef struct storage {
  mxn_space space;
  uint32_t index; /* of the input or output */
  uint64_t bytes;
  uint64_t offset;                /* in the arena or the weights; set by plan_memory */
  uint32_t first_step, last_step; /* arena: lifetime, inclusive; set by the lowering */
  float *data;                    /* weights: what to store */
} storage;

/* Where a value lies: element (i0, i1, ...) at offset + i0 * stride[0] + ..., in
 * elements of 4 bytes. As an image (access.h) its element (n, h, w, c) is at offset +
 * n * image.image + h * image.row + w * image.pixel + c * channel; a value of two
 * dimensions is (n, 1, 1, c). One whose rows have no single stride is read by copies
 * alone. */
typedef struct placement {
  uint32_t storage;
  int64_t offset;
  int64_t stride[MXN_MAX_DIMS];
  int64_t batch, channels, channel;
  struct k_image image;
} placement;

enum { NO_STORAGE = UINT32_MAX };

/* Of a node: fused operators, and their operands beside the running value. */
enum { MAX_FUSED = 12, MAX_EXTRA_OPERANDS = 8 };

typedef struct compile {
  arena *arena;
  graph *graph;
  storage *storages;
  size_t n_storages, storages_capacity;
  placement *placements;               /* [graph->n_nodes], set by layout */
  uint64_t arena_bytes, weights_bytes; /* set by plan_memory */
} compile;

#define X(name) MXN_MUST_CHECK mxn_status pass_##name(compile *c, mxn_error *err);
MXN_PASS_LIST(X)
#undef X

/* Called after each pass with its name; NULL: not called. */
typedef struct pass_observer {
  void (*after)(void *context, const char *pass, const graph *g);
  void *context;
} pass_observer;

/* All passes in order, the graph verified after each. */
MXN_MUST_CHECK mxn_status pipeline_run(compile *c, const pass_observer *observer, mxn_error *err);

/* Give every storage of the arena and of the weights an offset; arena storages
 * whose lifetimes overlap do not overlap in memory. */
void plan_memory(compile *c);

uint32_t compile_add_storage(compile *c, mxn_space space, uint32_t index, uint64_t bytes);

/* A storage of the weights and its zeroed floats, to be filled. */
uint32_t compile_add_weights(compile *c, uint64_t floats, float **out_data);

/* A float32 constant as a new variable; `data` comes zeroed, to be filled by the
 * caller before the next pass. */
node *compile_add_constant(compile *c, const char *name, int32_t n_dims, const int64_t *dims, float **out_data);

#endif
