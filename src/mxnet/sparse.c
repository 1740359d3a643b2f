/* sparse.c - see sparse.h. Indices come from the file and are checked before they
 * are used.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "mxnet/sparse.h"

#include <inttypes.h>
#include <string.h>

#include "base/error.h"

static int64_t index_at(const uint8_t *data, const ndarray_indices *indices, size_t i) {
  int64_t wide;
  int32_t narrow;
  if (indices->dtype == MXN_INT64) {
    memcpy(&wide, data + indices->offset + i * sizeof wide, sizeof wide);
    return wide;
  }
  memcpy(&narrow, data + indices->offset + i * sizeof narrow, sizeof narrow);
  return narrow;
}

static mxn_status index_error(const char *file, size_t array, const char *what, size_t i, int64_t index, int64_t least,
                              int64_t most, mxn_error *err) {
  return error_set(err, MXN_FORMAT, "%s: array %zu: %s %zu is %" PRId64 ", expected %" PRId64 " to %" PRId64, file,
                   array, what, i, index, least, most);
}

static mxn_status expand_rows(const uint8_t *data, const char *file, size_t array, const ndarray_entry *e, uint8_t *out,
                              mxn_error *err) {
  const ndarray_indices *rows = &e->indices[0];
  const size_t row_bytes = rows->n ? e->bytes / rows->n : 0;
  for (size_t i = 0; i < rows->n; i++) {
    const int64_t row = index_at(data, rows, i);
    if (row < 0 || row >= e->type.dims[0]) return index_error(file, array, "row", i, row, 0, e->type.dims[0] - 1, err);
    memcpy(out + (size_t)row * row_bytes, data + e->offset + i * row_bytes, row_bytes);
  }
  return MXN_OK;
}

static mxn_status expand_csr(const uint8_t *data, const char *file, size_t array, const ndarray_entry *e, uint8_t *out,
                             mxn_error *err) {
  const ndarray_indices *starts = &e->indices[0], *columns = &e->indices[1];
  const size_t element = mxn_dtype_bytes(e->type.dtype), n_columns = (size_t)e->type.dims[1];
  int64_t end = starts->n > 0 ? index_at(data, starts, 0) : 0;
  if (end != 0) return index_error(file, array, "start of row", 0, end, 0, 0, err);
  for (size_t row = 0; row + 1 < starts->n; row++) {
    const int64_t begin = end;
    end = index_at(data, starts, row + 1);
    if (end < begin || (uint64_t)end > columns->n)
      return index_error(file, array, "start of row", row + 1, end, begin, (int64_t)columns->n, err);
    for (size_t i = (size_t)begin; i < (size_t)end; i++) {
      const int64_t column = index_at(data, columns, i);
      if (column < 0 || column >= e->type.dims[1])
        return index_error(file, array, "column", i, column, 0, e->type.dims[1] - 1, err);
      memcpy(out + (row * n_columns + (size_t)column) * element, data + e->offset + i * element, element);
    }
  }
  return MXN_OK;
}

mxn_status sparse_expand(const uint8_t *data, const char *file, size_t array, const ndarray_entry *entry, void *out,
                         mxn_error *err) {
  return (entry->storage == NDARRAY_CSR ? expand_csr : expand_rows)(data, file, array, entry, out, err);
}
