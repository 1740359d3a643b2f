/* ndarray_list.h - walking MXNet's NDArray list files (.params, .nd).
 *
 * Layout (MXNet src/ndarray/ndarray.cc): u64 magic 0x112, u64 0, u64 count, the
 * arrays, u64 count of names (0 or count), each u64 length and bytes. An array:
 * legacy (u32 ndim, u32 dims), V1 0xF993FAC8 (u32 ndim, i64 dims), V2 0xF993FAC9
 * (i32 storage type, i32 ndim, i64 dims) or V3 0xF993FACA (as V2, numpy shapes),
 * then context (i32, i32), dtype i32 and the data. A sparse array is V2, with the
 * shape of what is stored before its shape, and behind the dtype, for each kind of
 * index, a dtype and a shape; the indices lie behind the data. Only this file knows
 * that.
 *
 * Stands on base and the public headers alone, because the runtime reads
 * parameter files too.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_MXNET_NDARRAY_LIST_H
#define MXN_MXNET_NDARRAY_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mxneuron/status.h"
#include "mxneuron/tensor.h"

typedef enum ndarray_storage { NDARRAY_DENSE, NDARRAY_ROW_SPARSE, NDARRAY_CSR } ndarray_storage;

/* Indices of a sparse array in the file, unaligned: of row_sparse the numbers of
 * the stored rows; of csr where each row begins in the data and where the last one
 * ends (none where nothing is stored), then the columns. */
typedef struct ndarray_indices {
  mxn_dtype dtype; /* int32 or int64 */
  size_t n, offset;
} ndarray_indices;
enum { NDARRAY_MAX_INDICES = 2 };

/* One array as it lies in the file; n_dims -1 in `type` for MXNet's "none". */
typedef struct ndarray_entry {
  mxn_type type;
  ndarray_storage storage;
  size_t offset; /* of the data in the file: of what is stored, where it is sparse */
  size_t bytes;
  ndarray_indices indices[NDARRAY_MAX_INDICES];
  bool is_numpy;    /* V3 */
  const char *name; /* not NUL-terminated; NULL where the file has no names */
  size_t name_bytes;
} ndarray_entry;

typedef struct ndarray_list {
  ndarray_entry *entries; /* heap */
  size_t n_entries;
} ndarray_list;

/* Read the directory of a file's bytes. Everything is checked against `bytes`;
 * messages name `file`, the array and "ends at byte X of Y". Names point into
 * `data`. The numbers of indices agree with the shapes; what they say is checked by
 * sparse_expand(). */
MXN_MUST_CHECK mxn_status ndarray_list_read(const uint8_t *data, size_t bytes, const char *file, ndarray_list *out_list,
                                            mxn_error *err);
void ndarray_list_finish(ndarray_list *list);

#define NDARRAY_LIST_HEADER_BYTES 24
/* Bytes of a V2 array header with that many dimensions. */
#define NDARRAY_HEADER_BYTES(n_dims) (12 + 8 * (size_t)(n_dims) + 8 + 4)

#endif
