/* peak.h - the most that a core computes: independent fused multiply-adds.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_CLI_PEAK_H
#define MXN_CLI_PEAK_H

#include <stdint.h>

/* GFLOP/s in float32 of `n_cores` threads that run at the same time, with the
 * vectors of `target` (x86-64-v4: AVX-512, otherwise AVX2). 0 where the CPU has
 * neither. Takes a tenth of a second. */
double measure_peak_gflops(const char *target, uint32_t n_cores);

#endif
