/* npy.h - NumPy's array format: one array in memory.
 *
 * Little-endian numbers of the element types that mxn_dtype has; versions 1 to 3
 * of the format. Arrays in Fortran order are read, those written are in C order.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_IO_NPY_H
#define MXN_IO_NPY_H

#include <stddef.h>
#include <stdint.h>

#include "mxneuron/tensor.h"

/* View the array in `bytes` bytes of a .npy file; its data needs no alignment.
 * *out_copy is NULL, or where the tensor's data had to be put in C order: free()
 * it after use. Messages name `label`. */
MXN_MUST_CHECK mxn_status npy_read(const uint8_t *data, size_t bytes, const char *label, mxn_tensor *out_tensor,
                                   void **out_copy, mxn_error *err);

/* What stands before an array's data in a file; a multiple of 64 bytes long. */
enum { NPY_HEADER_BYTES = 512 };
MXN_MUST_CHECK mxn_status npy_header(const mxn_type *type, const char *path, char header[NPY_HEADER_BYTES],
                                     size_t *out_bytes, mxn_error *err);

#endif
