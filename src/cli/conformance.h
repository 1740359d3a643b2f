/* conformance.h - one recorded case, and many of them in processes of their own.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_CLI_CONFORMANCE_H
#define MXN_CLI_CONFORMANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mxneuron/status.h"

/* A row of index.tsv; texts point into the index. */
typedef struct conformance_case {
  const char *id;     /* "FILE/NNNN" */
  const char *ops;    /* "Convolution,Flatten" */
  const char *dtypes; /* of all its arrays: "float16,float32" */
} conformance_case;

/* What a case came to. It is written by another process. */
typedef enum conformance_verdict { CASE_NOT_RUN, CASE_PASSED, CASE_FAILED, CASE_SKIPPED } conformance_verdict;
typedef struct conformance_result {
  conformance_verdict verdict;
  uint32_t n_operators, n_compiled;      /* of the case's graph */
  char message[MXN_ERROR_MESSAGE_BYTES]; /* why it failed or was skipped */
} conformance_result;

typedef struct conformance_settings {
  const char *folder;
  bool is_compiled;   /* compile first; what cannot be compiled runs by reference */
  const char *target; /* of the compiler; NULL: all */
} conformance_settings;

/* Run one case in this process, whose memory for arrays has guard pages. A case
 * is skipped where this CPU cannot run the target. */
void conformance_run_case(const conformance_settings *s, const conformance_case *c, conformance_result *out);

/* Run cases in processes of their own, `n_jobs` at a time: what crashes or takes
 * longer than a minute fails alone. `results` must be shared memory. */
MXN_MUST_CHECK mxn_status conformance_run_all(const conformance_settings *s, const conformance_case *cases, size_t n,
                                              uint32_t n_jobs, conformance_result *results, mxn_error *err);

#endif
