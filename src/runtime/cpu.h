/* cpu.h - which of the compiled targets this CPU can run.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_RUNTIME_CPU_H
#define MXN_RUNTIME_CPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mxneuron/status.h"
#include "neuronbin/reader.h"

/* Whether CPU and operating system have all of an x86-64 psABI level (3 or 4).
 * Any thread. */
bool cpu_has_level(uint32_t level);

/* What they lack of a level, as "AVX2, FMA" into `text`; empty for none. */
const char *cpu_missing(uint32_t level, char *text, size_t text_bytes);

/* The first target that the CPU can run, or the one that MXNEURON_ISA names.
 * Error: TARGET, naming what is lacking or which targets there are. */
MXN_MUST_CHECK mxn_status cpu_choose_target(const neuronbin *bin, const char *label, uint32_t *out_target,
                                            mxn_error *err);

#endif
