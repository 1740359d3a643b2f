/* specialize.h - machine code for kernel steps: the partial evaluator.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_CODEGEN_SPECIALIZE_H
#define MXN_CODEGEN_SPECIALIZE_H

#include "codegen/link.h"
#include "codegen/target.h"
#include "lower/step.h"

/* A template with its constants; tiles are chosen. */
typedef struct specialisation {
  kernel_template kernel;
  kernel_shape shape;
  const expression *expression;
} specialisation;

/* Compile n specialisations for a target into one block of code in `a`;
 * out_entries[i] is where kernel i starts. LLVM's own errors come back as
 * MXN_INTERNAL with what it said; a fatal LLVM error ends the process after it
 * printed the message, which is why this runs in neuron-cc only. */
MXN_MUST_CHECK mxn_status specialize(arena *a, const target *t, const specialisation *kernels, size_t n,
                                     linked_code *out_code, uint64_t *out_entries, mxn_error *err);

/* Have `report` called with LLVM's words before it ends the process on a fatal
 * error. Once a process. */
void specialize_on_fatal_error(void (*report)(const char *reason));

#endif
