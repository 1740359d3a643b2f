/* npz.h - NumPy's archives: a zip file of .npy files, not compressed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_IO_NPZ_H
#define MXN_IO_NPZ_H

#include <stddef.h>
#include <stdint.h>

#include "mxneuron/model.h"

/* View the arrays of an archive in memory. *out_arrays and the names in it are
 * heap: npz_free(). MXN_UNSUPPORTED for compressed archives. */
MXN_MUST_CHECK mxn_status npz_read(const uint8_t *data, size_t bytes, const char *path, mxn_array **out_arrays,
                                   size_t *out_n, mxn_error *err);
void npz_free(mxn_array *arrays, size_t n);

/* Write an archive (temporary name, sync, rename). */
MXN_MUST_CHECK mxn_status npz_write(const char *path, const mxn_array *arrays, size_t n, mxn_error *err);

#endif
