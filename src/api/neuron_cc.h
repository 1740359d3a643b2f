/* neuron_cc.h - finding and running the compiler, an executable of its own.
 *
 * Whatever happens to a compiler process (a message, a crash, garbage on stderr)
 * becomes an error of the call. No process is left when a function returns.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_API_NEURON_CC_H
#define MXN_API_NEURON_CC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "mxneuron/status.h"

/* The path of neuron-cc, in this order: `given`, the environment variable
 * MXNEURON_CC, beside this library and the running executable, in
 * ../libexec/mxneuron and ../bin from there, PATH. MXN_IO where there is none. */
MXN_MUST_CHECK mxn_status neuron_cc_find(arena *a, const char *given, const char **out_path, mxn_error *err);

/* One subgraph to compile. */
typedef struct neuron_cc_job {
  const char *name; /* of the node, for messages */
  const char *graph_path, *weights_path, *output_path;
  const char *dump_path; /* NULL: no dump */
} neuron_cc_job;

typedef struct neuron_cc_options {
  const char *compiler;                                           /* as neuron_cc_find() gave it */
  const char *targets;                                            /* NULL: the compiler's default */
  const char *pipeline_cores;                                     /* a number, or NULL */
  const char *dump;                                               /* pass, or NULL */
  size_t n_processes;                                             /* at a time, at least 1 */
  void (*progress)(void *context, size_t n_done, size_t n_total); /* may be NULL */
  void *progress_context;
  bool (*is_cancelled)(void *context); /* may be NULL */
  void *cancel_context;
} neuron_cc_options;

/* Run the compiler once for each job. The first failure ends the other processes
 * and is the result: the status that the compiler names, MXN_INTERNAL where it
 * ended in another way, with what it said, MXN_CANCELLED where is_cancelled says so. */
MXN_MUST_CHECK mxn_status neuron_cc_run(arena *a, const neuron_cc_options *options, const neuron_cc_job *jobs, size_t n,
                                        mxn_error *err);

#endif
