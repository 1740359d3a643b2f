/* program_step.h - one compiled subgraph inside an executor.
 *
 * Opens the program of a subgraph node and runs it, in pieces of the compiled
 * batch where the executor is bound to another one.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_EXECUTOR_PROGRAM_STEP_H
#define MXN_EXECUTOR_PROGRAM_STEP_H

#include "graph/graph.h"
#include "mxneuron/program.h"

typedef struct program_step {
  const graph *graph;
  node *node;
  mxn_program *program;
  mxn_session *session;
  size_t n_inputs, n_outputs;
  uint32_t *input_of;      /* [n_inputs]: which input of the node the program's input is */
  int64_t batch, compiled; /* dimension 0 bound and of the program; equal: one run */
  mxn_tensor *inputs, *outputs;
} program_step;

/* Open the node's program; program and session are closed with the arena. */
MXN_MUST_CHECK mxn_status program_step_open(arena *a, graph *g, node *n, uint32_t n_cores, program_step **out_step,
                                            mxn_error *err);

/* With the node's types known: choose how to cut the batch. MXN_FORMAT where they are
 * not those of the program. */
MXN_MUST_CHECK mxn_status program_step_bind(program_step *s, mxn_error *err);

/* True where outputs must have memory of their own; otherwise they lie in the
 * session after each run. */
bool program_step_copies(const program_step *s);

/* Run on the node's inputs (node order). Fills the data of `outputs`, or writes
 * into it where program_step_copies(). */
MXN_MUST_CHECK mxn_status program_step_run(program_step *s, const mxn_tensor *inputs, mxn_tensor *outputs,
                                           mxn_error *err);

#endif
