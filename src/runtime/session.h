/* session.h - the inside of a session.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_RUNTIME_SESSION_H
#define MXN_RUNTIME_SESSION_H

#include <stdatomic.h>

#include "runtime/gate.h"
#include "runtime/program.h"
#include "runtime/weights_check.h"

/* A step in a run. Those who claim write `n_claimed`, those who wait read `n_done`. */
typedef struct step_progress {
  gate n_done;
  alignas(CACHE_LINE_BYTES) atomic_uint n_claimed;
  uint32_t chunk; /* tasks to claim at once */
} step_progress;

struct mxn_session {
  const mxn_program *program;
  uint32_t n_cores;
  size_t scratch_stride;
  uint8_t *arena;
  uint8_t *scratch; /* [n_cores][scratch_stride] */
  mxn_tensor *outputs;
  void **buffers;         /* address of each of the program's buffers */
  const uint8_t *weights; /* NULL: of a detached program, none yet */
  weights_check *check;   /* of the next run, else NULL */
  step_progress *steps;
  uint64_t *start_ns;    /* of each step in a profiled run, else NULL */
  struct pieces *pieces; /* of mxn_session_run_into() with another batch, else NULL */
};

/* Run on arrays of the program's types. Outputs without data go to the session's own. */
MXN_MUST_CHECK mxn_status session_run(mxn_session *s, const mxn_tensor *inputs, size_t n_inputs,
                                      const mxn_tensor *outputs, size_t n_outputs, mxn_error *err);

/* Free what another batch needed; NULL is fine. */
void pieces_destroy(struct pieces *pieces);

#endif
