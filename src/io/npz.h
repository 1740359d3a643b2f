/* npz.h - NumPy's archives: a zip file of .npy files. Compressed ones are read,
 * those written are not compressed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_IO_NPZ_H
#define MXN_IO_NPZ_H

#include <stddef.h>
#include <stdint.h>

#include "io/array_list.h"

/* The arrays of an archive in memory, as views where they are not compressed.
 * MXN_UNSUPPORTED for a compression other than zip's usual one. */
MXN_MUST_CHECK mxn_status npz_read(const uint8_t *data, size_t bytes, const char *path, array_list *out_arrays,
                                   mxn_error *err);

/* Write an archive (temporary name, sync, rename). */
MXN_MUST_CHECK mxn_status npz_write(const char *path, const mxn_array *arrays, size_t n, mxn_error *err);

#endif
