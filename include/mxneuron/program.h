/* program.h - opening and running compiled models. libmxneuron-rt, and the
 * whole of what an inference host needs.
 *
 * A program is one opened neuronbin: immutable, checked, mapped read-only where
 * it comes from a file, shared by any number of threads. A session is one
 * thread's mutable state: the activation arena and the outputs. Create it once,
 * run it often; run never allocates.
 *
 * Trust: a neuronbin holds machine code and is trusted like a shared library.
 * Everything around the code is checked before use.
 *
 * Cores: all sessions of a process share one pool of worker threads. A run that
 * finds the pool busy computes on its caller's thread alone; the bits of the
 * result do not depend on it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXNEURON_PROGRAM_H
#define MXNEURON_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mxneuron/status.h"
#include "mxneuron/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mxn_program mxn_program;
typedef struct mxn_session mxn_session;

/* Open the neuronbin in an MXNet parameter file, or a bare neuronbin file.
 *
 * `node` names the subgraph ("_neuron_subgraph_op0", with or without
 * "_neuronbin"); NULL takes the only one. The file may be replaced (by rename)
 * while it is open. MXNEURON_ISA=x86-64-v3 in the environment forces an older
 * target. Errors: IO, FORMAT (which field, expected, got), VERSION, TARGET (what
 * the CPU lacks), ARGUMENT (no or several neuronbins, names listed). */
MXN_API MXN_MUST_CHECK mxn_status mxn_program_open(const char *path, const char *node, mxn_program **out_program,
                                                   mxn_error *err);

/* As mxn_program_open, from memory. The caller keeps `data` alive and unchanged
 * until mxn_program_close(); `label` stands for the file in messages. */
MXN_API MXN_MUST_CHECK mxn_status mxn_program_open_memory(const void *data, size_t bytes, const char *label,
                                                          mxn_program **out_program, mxn_error *err);

/* As mxn_program_open_memory, for a neuronbin of which there are several copies that
 * come and go, such as a framework's arrays: all but the weights is copied, `data`
 * is not needed after return. Each run then needs the weights of some copy, see
 * mxn_session_use_weights(). */
MXN_API MXN_MUST_CHECK mxn_status mxn_program_open_detached(const void *data, size_t bytes, const char *label,
                                                            mxn_program **out_program, mxn_error *err);

/* NULL is fine. No session of the program may be left. */
MXN_API void mxn_program_close(mxn_program *program);

/* Interface, in the framework's order and layout. Strings and types belong to
 * the program; an index out of range gives NULL. */
MXN_API size_t mxn_program_n_inputs(const mxn_program *program);
MXN_API size_t mxn_program_n_outputs(const mxn_program *program);
MXN_API const char *mxn_program_input_name(const mxn_program *program, size_t index);
MXN_API const char *mxn_program_output_name(const mxn_program *program, size_t index);
MXN_API const mxn_type *mxn_program_input_type(const mxn_program *program, size_t index);
MXN_API const mxn_type *mxn_program_output_type(const mxn_program *program, size_t index);

/* True where dimension 0 of every input and output is proven to carry the
 * batch: a run may be cut or padded along it. */
MXN_API bool mxn_program_has_batch(const mxn_program *program);

/* Figures of a program, all fixed at compile time. */
typedef struct mxn_program_info {
  uint64_t arena_bytes;   /* activations of one session */
  uint64_t scratch_bytes; /* per worker */
  uint64_t weight_bytes;
  uint64_t code_bytes; /* of the chosen target */
  uint64_t flops;      /* of one run: 2 per multiply-add */
  uint32_t n_operators;
  uint32_t n_steps;
  const char *target;  /* the chosen one: "x86-64-v4" */
  const char *targets; /* all it carries, comma-separated, best first */
  bool is_mapped;      /* weights used in place from the file */
} mxn_program_info;
MXN_API void mxn_program_get_info(const mxn_program *program, mxn_program_info *out_info);

/* Name of a step (the operators it computes) and its flops; NULL and 0 out of range. */
MXN_API const char *mxn_program_step_name(const mxn_program *program, size_t step);
MXN_API uint64_t mxn_program_step_flops(const mxn_program *program, size_t step);

/* Compare the weights with their digest (reads all of them: 0.1 to 0.4 s for
 * 100 MB). MXN_FORMAT where they were changed. */
MXN_API MXN_MUST_CHECK mxn_status mxn_program_check_weights(const mxn_program *program, mxn_error *err);

/* A session with its arena and outputs. `n_cores` 0 takes as many as the
 * process may use (affinity mask, cgroup quota, MXNEURON_NUM_CORES). */
MXN_API MXN_MUST_CHECK mxn_status mxn_session_create(const mxn_program *program, uint32_t n_cores,
                                                     mxn_session **out_session, mxn_error *err);
MXN_API void mxn_session_destroy(mxn_session *session);

/* Run once. inputs[i] must have the program's dtype and shape; data is borrowed
 * until return and needs no alignment. On success outputs[i] points into the
 * session, valid until its next run or destroy. On error no output is changed.
 * A session belongs to one thread at a time. Errors: ARGUMENT, SHAPE. */
MXN_API MXN_MUST_CHECK mxn_status mxn_session_run(mxn_session *session, const mxn_tensor *inputs, size_t n_inputs,
                                                  mxn_tensor *outputs, size_t n_outputs, mxn_error *err);

/* As mxn_session_run, into memory of the caller: outputs[i] says type and data, which
 * overlaps no input and needs no alignment; without data the output is not wanted.
 * Where mxn_program_has_batch(), dimension 0 of all inputs and outputs may be another
 * size: the run is cut into pieces of the program's batch, and the last one padded,
 * for which the session allocates memory once. */
MXN_API MXN_MUST_CHECK mxn_status mxn_session_run_into(mxn_session *session, const mxn_tensor *inputs, size_t n_inputs,
                                                       const mxn_tensor *outputs, size_t n_outputs, mxn_error *err);

/* Read the weights from this copy of the neuronbin of a detached program in the runs
 * that follow, which borrow it. It is not compared but for its header, see
 * mxn_session_check_weights(). Errors: FORMAT (another neuronbin, truncated), ARGUMENT
 * (it must start at a multiple of 64 and have 64 bytes after its end; a program that
 * was opened with its weights). */
MXN_API MXN_MUST_CHECK mxn_status mxn_session_use_weights(mxn_session *session, const void *data, size_t bytes,
                                                          mxn_error *err);

/* Compare the copy that a session of a detached program was given, but for its weights, with
 * the program, and let the next run compare the weights with their checksum, no digest, while
 * it reads them: about a millisecond for 100 MB. Where they were changed, that run is a FORMAT
 * error, and what it wrote is no result. Errors here: FORMAT (the copy was changed), NOMEM. */
MXN_API MXN_MUST_CHECK mxn_status mxn_session_check_weights(mxn_session *session, mxn_error *err);

/* As mxn_session_run, and the nanoseconds of each step into step_ns[n_steps]. */
MXN_API MXN_MUST_CHECK mxn_status mxn_session_profile(mxn_session *session, const mxn_tensor *inputs, size_t n_inputs,
                                                      mxn_tensor *outputs, size_t n_outputs, uint64_t *step_ns,
                                                      size_t n_steps, mxn_error *err);

/* Cores that a new session takes by default. */
MXN_API uint32_t mxn_default_cores(void);

#ifdef __cplusplus
}
#endif
#endif
