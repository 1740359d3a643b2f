/* tensor.h - dense arrays as they cross the API.
 *
 * A tensor is a view: it never owns `data`. Data is row-major without gaps, in
 * the byte order of the host (little-endian), and aligned for its elements where a
 * function does not say that it need not be. Who owns the memory, and for how
 * long, is said at each function that takes or returns one.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXNEURON_TENSOR_H
#define MXNEURON_TENSOR_H

#include <stddef.h>
#include <stdint.h>

#include "mxneuron/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MXN_MAX_DIMS 16

/* X(name, number, MXNet's text, bytes of one element): the numbers are those of
 * MXNet's files (mshadow/base.h, TypeFlag). */
#define MXN_DTYPE_LIST(X)     \
  X(FLOAT32, 0, "float32", 4) \
  X(FLOAT64, 1, "float64", 8) \
  X(FLOAT16, 2, "float16", 2) \
  X(UINT8, 3, "uint8", 1)     \
  X(INT32, 4, "int32", 4)     \
  X(INT8, 5, "int8", 1)       \
  X(INT64, 6, "int64", 8)     \
  X(BOOL, 7, "bool", 1)       \
  X(BFLOAT16, 12, "bfloat16", 2)

typedef enum mxn_dtype {
  MXN_DTYPE_UNKNOWN = -1,
#define MXN_DTYPE_ENUM(name, number, text, bytes) MXN_##name = number,
  MXN_DTYPE_LIST(MXN_DTYPE_ENUM)
#undef MXN_DTYPE_ENUM
} mxn_dtype;

/* Element type and dimensions; a dimension of -1 is not known (yet), n_dims -1
 * says that not even their number is. */
typedef struct mxn_type {
  mxn_dtype dtype;
  int32_t n_dims;
  int64_t dims[MXN_MAX_DIMS];
} mxn_type;

typedef struct mxn_tensor {
  mxn_type type;
  void *data;
} mxn_tensor;

/* Bytes of one element; 0 for a number that is no dtype. Any thread. */
MXN_API size_t mxn_dtype_bytes(mxn_dtype dtype);

/* MXNet's name of a dtype; "unknown" for a number that is none. Static. */
MXN_API const char *mxn_dtype_name(mxn_dtype dtype);

/* The dtype that MXNet calls `name`, or MXN_DTYPE_UNKNOWN. */
MXN_API mxn_dtype mxn_dtype_from_name(const char *name);

#ifdef __cplusplus
}
#endif
#endif
