/* writer.h - a compiled subgraph in memory, and its serialisation.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_NEURONBIN_WRITER_H
#define MXN_NEURONBIN_WRITER_H

#include "base/file.h"
#include "mxneuron/abi.h"
#include "mxneuron/status.h"
#include "mxneuron/tensor.h"

typedef struct plan_tensor {
  const char *name;
  mxn_type type;
  int32_t batch_axis;
} plan_tensor;

typedef struct plan_step {
  uint32_t kernel;
  uint32_t n_buffers;
  mxn_neuronbin_buffer buffers[MXN_STEP_MAX_BUFFERS];
  const char *name;
  uint64_t flops;
} plan_step;

typedef struct plan_target {
  const char *name;
  uint32_t level;
  const void *code;
  size_t code_bytes;
  mxn_neuronbin_kernel *kernels; /* [plan.n_kernels] */
} plan_target;

/* A part of the weights, at a multiple of MXN_ALIGNMENT. */
typedef struct plan_weights {
  const void *data;
  uint64_t offset, bytes;
} plan_weights;

/* Everything that goes into a neuronbin; the arrays belong to the caller. */
typedef struct plan {
  plan_tensor *inputs, *outputs;
  plan_step *steps;
  plan_target *targets;  /* best first */
  plan_weights *weights; /* by offset, zeros between them */
  uint64_t weights_bytes, arena_bytes;
  uint32_t n_inputs, n_outputs, n_steps, n_targets, n_weights, n_kernels, n_operators;
  uint32_t n_requested_cores; /* 0: 1 */
  file_lifetime lifetime;
} plan;

/* Write the neuronbin to `path` (as file_writer_commit() does). The bytes depend
 * on the plan alone. */
MXN_MUST_CHECK mxn_status neuronbin_write(const plan *p, const char *path, mxn_error *err);

#endif
