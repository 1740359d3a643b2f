/* target.h - the CPUs that code is made for.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_CODEGEN_TARGET_H
#define MXN_CODEGEN_TARGET_H

#include <stddef.h>
#include <stdint.h>

#include "mxneuron/status.h"

typedef struct target {
  const char *name;       /* psABI level, also LLVM's CPU name */
  uint32_t level;         /* 3 or 4 */
  uint32_t vector_floats; /* floats in a vector register */
  uint32_t vector_registers;
  const char *vector_bits;      /* LLVM's prefer-vector-width */
  const unsigned char *bitcode; /* the kernel templates, unoptimised */
  const unsigned char *bitcode_end;
} target;

enum { MAX_TARGETS = 8 };

/* Parse "x86-64-v3,x86-64-v4" (NULL: all) into targets, best first, each once.
 * MXN_ARGUMENT with the known names for an unknown one. */
MXN_MUST_CHECK mxn_status target_parse(const char *names, const target **out_targets, size_t *out_n, mxn_error *err);

#endif
