/* check.h - validating a neuronbin from outside.
 *
 * What passes can be run without further checks of its tables; only the machine
 * code itself is trusted. Messages read "LABEL: FIELD: expected X, got Y", with
 * fields as abi.h names them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_NEURONBIN_CHECK_H
#define MXN_NEURONBIN_CHECK_H

#include <stddef.h>

#include "mxneuron/status.h"
#include "neuronbin/reader.h"

#define NEURONBIN_MAX_TARGETS 8
#define NEURONBIN_MAX_CORES 64 /* as many as header.cores_per_node has bytes */
#define NEURONBIN_MAX_TASKS ((UINT32_C(1) << 24) - 1)
#define NEURONBIN_MAX_SCRATCH_BYTES (UINT32_C(1) << 30)
#define NEURONBIN_MAX_ARENA_BYTES (UINT64_C(1) << 46)

/* Copy the header out and check it and the bounds of all sections: enough to
 * know how much to copy. `data` needs no alignment; what lies behind total_bytes
 * is padding. Errors: FORMAT, VERSION. */
MXN_MUST_CHECK mxn_status neuronbin_check_header(const void *data, size_t bytes, const char *label,
                                                 mxn_neuronbin_header *out_header, mxn_error *err);

/* Check everything: header, digest, tables. `data` starts at a multiple of
 * NEURONBIN_TABLE_ALIGNMENT; of the `bytes` bytes that the whole has, only the
 * first checked_bytes are read. Errors: FORMAT, VERSION. */
MXN_MUST_CHECK mxn_status neuronbin_check(const void *data, size_t bytes, const char *label, mxn_error *err);

/* Whether `data` begins with a checked header and is all there. Error: FORMAT. */
MXN_MUST_CHECK mxn_status neuronbin_check_copy(const mxn_neuronbin_header *header, const void *data, size_t bytes,
                                               const char *label, mxn_error *err);

/* Whether a copy that begins with the header is the same in all that the digest covers. Error: FORMAT. */
MXN_MUST_CHECK mxn_status neuronbin_check_same(const neuronbin *bin, const void *data, const char *label,
                                               mxn_error *err);

/* Whether a checksum of its weights is what the header says. Error: FORMAT. */
MXN_MUST_CHECK mxn_status neuronbin_check_sum(const mxn_neuronbin_header *header, uint64_t weights_checksum,
                                              const char *label, mxn_error *err);

/* Compare the weights with the header's digest. Error: FORMAT. */
MXN_MUST_CHECK mxn_status neuronbin_check_weights(const neuronbin *bin, const char *label, mxn_error *err);

#endif
