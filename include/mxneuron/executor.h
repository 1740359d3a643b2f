/* executor.h - running a whole checkpoint, compiled, partly compiled or not.
 *
 * Subgraph nodes run on the runtime, all others on the reference operators. An
 * executor is bound to input types, like MXNet's; it belongs to one thread at a
 * time and borrows the model, which must outlive it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXNEURON_EXECUTOR_H
#define MXNEURON_EXECUTOR_H

#include <stdbool.h>

#include "mxneuron/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mxn_executor mxn_executor;

/* Options of mxn_executor_create; zero everything and set struct_bytes to sizeof,
 * else they are an error. */
typedef struct mxn_executor_options {
  size_t struct_bytes;
  uint32_t n_cores;           /* 0: mxn_default_cores() */
  const char *const *outputs; /* evaluate these instead of the model's outputs: names of outputs or of
                               * inner values ("fc3_output", "conv1_output"); only what they need runs */
  size_t n_outputs;
  bool in_float64; /* compute in float64 what the model computes in a narrower float type: parameters are
                    * converted, inputs of such types are bound and given as float64; for models that are
                    * not compiled */
  /* Where the memory for values comes from, outputs included; both NULL: the heap.
   * NULL from allocate() is out of memory. */
  void *(*allocate)(void *context, size_t bytes);
  void (*release)(void *context, void *data);
  void *memory_context;
} mxn_executor_options;

/* Bind for the given input types, which stand above the symbol's __dtype__. A
 * compiled subgraph accepts another batch size where its batch axis is proven;
 * otherwise another shape is an error that names the node. Labels need not be
 * given. Operators that cannot run are listed all at once. Errors: ARGUMENT, SHAPE,
 * UNSUPPORTED, and what opening a neuronbin gives. */
MXN_API MXN_MUST_CHECK mxn_status mxn_executor_create(const mxn_model *model, const mxn_input *inputs, size_t n_inputs,
                                                      const mxn_executor_options *options, mxn_executor **out_executor,
                                                      mxn_error *err);
MXN_API void mxn_executor_destroy(mxn_executor *executor);

MXN_API size_t mxn_executor_n_outputs(const mxn_executor *executor);
MXN_API const char *mxn_executor_output_name(const mxn_executor *executor, size_t index);

/* Run once; inputs in the order given at create, with those types, borrowed
 * until return; no output of the last run may be among them (copy it). outputs[i]
 * belong to the executor, valid until its next run or destroy. On error outputs[]
 * is as it was. Errors: ARGUMENT, SHAPE, and what an operator gives. */
MXN_API MXN_MUST_CHECK mxn_status mxn_executor_run(mxn_executor *executor, const mxn_tensor *inputs, size_t n_inputs,
                                                   mxn_tensor *outputs, size_t n_outputs, mxn_error *err);

#ifdef __cplusplus
}
#endif
#endif
