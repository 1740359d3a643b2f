/* link.h - from LLVM's object file to one position-independent block of code.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_CODEGEN_LINK_H
#define MXN_CODEGEN_LINK_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "mxneuron/status.h"

typedef struct linked_code {
  uint8_t *bytes; /* in the arena */
  size_t n_bytes;
} linked_code;

/* Lay the code and constant sections of an x86-64 ELF object one behind the
 * other and apply their relocations, which must be relative and inside the
 * object. MXN_INTERNAL for anything else, such as a call to memcpy. */
MXN_MUST_CHECK mxn_status link_object(arena *a, const uint8_t *object, linked_code *out_code, mxn_error *err);

/* Offset in the linked code of a global function of the object. */
MXN_MUST_CHECK mxn_status link_find(const uint8_t *object, const char *function, uint64_t *out_offset, mxn_error *err);

#endif
