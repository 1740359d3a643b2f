/* ndarray_list.c - see ndarray_list.h. Every number comes from the file and is
 * checked before it is used.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "mxnet/ndarray_list.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/utf8.h"

/* An entry takes 50 times the bytes of the smallest array in a file. */
enum { MAX_ARRAYS = 1 << 20 };

enum { MXNET_MAX_DIMS = 32, FIRST_DEVICE_TYPE = 1, LAST_DEVICE_TYPE = 6 };

/* The numbers are those of the files. A sparse array is small in a file, however
 * large it is: this much is believed. */
static const struct storage_kind {
  const char *name;
  uint32_t n_indices;
} storage_kinds[] = {
    [NDARRAY_DENSE] = {"default", 0}, [NDARRAY_ROW_SPARSE] = {"row_sparse", 1}, [NDARRAY_CSR] = {"csr", 2}};
static const uint64_t max_expanded_bytes = (uint64_t)4 << 30;

/* dtypes 8 to 11 are MXNet's int16, uint16, uint32, uint64, which no operator of MXNet 1.9.1 takes. */
enum { FIRST_FOREIGN_DTYPE = 8, LAST_FOREIGN_DTYPE = 11 };

typedef struct reader {
  const uint8_t *data;
  size_t bytes, at;
  const char *file;
  size_t array; /* the one being read */
  mxn_error *err;
} reader;

/* `n` bytes, or NULL and an error that says what is cut. */
static const uint8_t *take(reader *r, uint64_t n, const char *what) {
  if (n > r->bytes - r->at) {
    uint64_t end;
    if (__builtin_add_overflow((uint64_t)r->at, n, &end)) end = UINT64_MAX;
    error_set(r->err, MXN_FORMAT, "%s: array %zu: %s ends at byte %" PRIu64 " of %zu", r->file, r->array, what, end,
              r->bytes);
    return NULL;
  }
  const uint8_t *p = r->data + r->at;
  r->at += n;
  return p;
}

static mxn_status take_u32(reader *r, const char *what, uint32_t *out) {
  const uint8_t *p = take(r, sizeof *out, what);
  if (!p) return MXN_FORMAT;
  memcpy(out, p, sizeof *out);
  return MXN_OK;
}

/* The fields of the list's header and of its names, outside any array. */
static mxn_status take_u64(reader *r, const char *what, uint64_t *out) {
  if (r->bytes - r->at < sizeof *out)
    return error_set(r->err, MXN_FORMAT, "%s: %s ends at byte %zu of %zu", r->file, what, r->at + sizeof *out,
                     r->bytes);
  memcpy(out, r->data + r->at, sizeof *out);
  r->at += sizeof *out;
  return MXN_OK;
}

static mxn_status read_legacy_dims(reader *r, mxn_type *type) {
  const uint8_t *p = take(r, (uint64_t)type->n_dims * 4, "shape");
  if (!p) return MXN_FORMAT;
  for (int32_t d = 0; d < type->n_dims; d++) {
    uint32_t dim;
    memcpy(&dim, p + 4 * d, sizeof dim);
    type->dims[d] = dim;
  }
  return MXN_OK;
}

static mxn_status read_dims(reader *r, mxn_type *type) {
  const uint8_t *p = take(r, (uint64_t)type->n_dims * 8, "shape");
  if (!p) return MXN_FORMAT;
  memcpy(type->dims, p, (size_t)type->n_dims * 8);
  return MXN_OK;
}

static mxn_status check_n_dims(reader *r, int64_t n_dims) {
  if (n_dims >= -1 && n_dims <= MXN_MAX_DIMS) return MXN_OK;
  if (n_dims > MXN_MAX_DIMS && n_dims <= MXNET_MAX_DIMS)
    return error_set(r->err, MXN_UNSUPPORTED, "%s: array %zu: %" PRId64 " dimensions, at most %d are supported",
                     r->file, r->array, n_dims, MXN_MAX_DIMS);
  return error_set(r->err, MXN_FORMAT, "%s: array %zu: %" PRId64 " dimensions, expected 0 to %d", r->file, r->array,
                   n_dims, MXNET_MAX_DIMS);
}

static mxn_status read_storage(reader *r, bool is_numpy, ndarray_storage *out) {
  uint32_t number;
  TRY(take_u32(r, "storage type", &number));
  if (number >= sizeof storage_kinds / sizeof *storage_kinds)
    return error_set(r->err, MXN_FORMAT, "%s: array %zu: storage type %" PRId32 ", expected 0, 1 or 2", r->file,
                     r->array, (int32_t)number);
  *out = (ndarray_storage)number;
  if (*out == NDARRAY_DENSE || !is_numpy) return MXN_OK;
  return error_set(r->err, MXN_FORMAT, "%s: array %zu: storage type %s, arrays with numpy shapes are dense", r->file,
                   r->array, storage_kinds[number].name);
}

/* The array formats differ in what stands before the context. */
static const struct array_format {
  uint32_t magic;
  bool has_storage, is_numpy;
} array_formats[] = {{0xF993FAC8, false, false}, {0xF993FAC9, true, false}, {0xF993FACA, true, true}};

static bool has_unknown_dim(const mxn_type *type) {
  for (int32_t d = 0; d < type->n_dims; d++)
    if (type->dims[d] == -1) return true;
  return false;
}

/* Number of dimensions and dimensions, as all formats but the oldest have them. */
static mxn_status read_new_dims(reader *r, mxn_type *type) {
  uint32_t n_dims;
  TRY(take_u32(r, "number of dimensions", &n_dims));
  TRY(check_n_dims(r, (int32_t)n_dims));
  type->n_dims = (int32_t)n_dims;
  return type->n_dims > 0 ? read_dims(r, type) : MXN_OK;
}

static const struct array_format *find_format(uint32_t magic) {
  for (size_t i = 0; i < sizeof array_formats / sizeof *array_formats; i++)
    if (array_formats[i].magic == magic) return &array_formats[i];
  return NULL;
}

/* Up to the shape; n_dims -1 where the array is none. `out_stored` is the shape of
 * what a sparse array stores. */
static mxn_status read_shape(reader *r, ndarray_entry *entry, mxn_type *out_stored) {
  uint32_t magic;
  mxn_type *type = &entry->type;
  TRY(take_u32(r, "header", &magic));
  const struct array_format *format = find_format(magic);
  if (!format && magic > MXNET_MAX_DIMS)
    return error_set(r->err, MXN_FORMAT, "%s: array %zu: unknown format 0x%08" PRIX32 " at byte %zu", r->file, r->array,
                     magic, r->at - 4);
  if (!format) {
    TRY(check_n_dims(r, magic));
    type->n_dims = (int32_t)magic;
    TRY(read_legacy_dims(r, type));
  } else {
    if (format->has_storage) TRY(read_storage(r, format->is_numpy, &entry->storage));
    if (entry->storage != NDARRAY_DENSE) TRY(read_new_dims(r, out_stored));
    TRY(read_new_dims(r, type));
  }
  entry->is_numpy = format && format->is_numpy;
  if (entry->is_numpy ? has_unknown_dim(type) : type->n_dims == 0) type->n_dims = -1;
  return MXN_OK;
}

static mxn_status read_context(reader *r) {
  uint32_t device, index;
  TRY(take_u32(r, "device type", &device));
  TRY(take_u32(r, "device index", &index));
  if (device >= FIRST_DEVICE_TYPE && device <= LAST_DEVICE_TYPE) return MXN_OK;
  return error_set(r->err, MXN_FORMAT, "%s: array %zu: device type %" PRId32 ", expected %d to %d", r->file, r->array,
                   (int32_t)device, FIRST_DEVICE_TYPE, LAST_DEVICE_TYPE);
}

static mxn_status read_dtype(reader *r, mxn_type *type) {
  uint32_t number;
  TRY(take_u32(r, "dtype", &number));
  type->dtype = (mxn_dtype)number;
  if (mxn_dtype_bytes(type->dtype) > 0) return MXN_OK;
  const bool is_foreign = number >= FIRST_FOREIGN_DTYPE && number <= LAST_FOREIGN_DTYPE;
  return error_set(r->err, is_foreign ? MXN_UNSUPPORTED : MXN_FORMAT, "%s: array %zu: dtype %" PRId32 " is not %s",
                   r->file, r->array, (int32_t)number, is_foreign ? "supported" : "one of MXNet's");
}

/* Bytes of the data; a product that overflows is refused, zeros left aside. */
static mxn_status data_bytes(reader *r, const mxn_type *type, size_t *out_bytes) {
  int64_t bytes = (int64_t)mxn_dtype_bytes(type->dtype);
  bool is_empty = false;
  for (int32_t d = 0; d < type->n_dims; d++) {
    const int64_t dim = type->dims[d];
    if (dim < 0)
      return error_set(r->err, MXN_FORMAT, "%s: array %zu: dimension %" PRId32 " is %" PRId64, r->file, r->array, d,
                       dim);
    if (dim == 0) is_empty = true;
    if (dim > 0 && __builtin_mul_overflow(bytes, dim, &bytes))
      return error_set(r->err, MXN_FORMAT, "%s: array %zu: the number of bytes overflows at dimension %" PRId32,
                       r->file, r->array, d);
  }
  *out_bytes = is_empty ? 0 : (size_t)bytes;
  return MXN_OK;
}

/* Sparse arrays. */

static mxn_status read_indices_header(reader *r, ndarray_indices *indices) {
  uint32_t number;
  mxn_type shape;
  TRY(take_u32(r, "dtype of indices", &number));
  if (number != MXN_INT64 && number != MXN_INT32)
    return error_set(r->err, MXN_FORMAT, "%s: array %zu: indices of dtype %" PRId32 ", expected int32 or int64",
                     r->file, r->array, (int32_t)number);
  TRY(read_new_dims(r, &shape));
  if (shape.n_dims != 1 || shape.dims[0] < 0)
    return error_set(r->err, MXN_FORMAT, "%s: array %zu: its indices are not one row of numbers", r->file, r->array);
  indices->dtype = (mxn_dtype)number;
  indices->n = (size_t)shape.dims[0];
  return MXN_OK;
}

/* What is stored are whole rows, each with its index. */
static bool agree_row_sparse(const ndarray_entry *e, const mxn_type *stored) {
  bool agree = stored->n_dims == e->type.n_dims && (uint64_t)stored->dims[0] == e->indices[0].n;
  for (int32_t d = 1; agree && d < stored->n_dims; d++) agree = stored->dims[d] == e->type.dims[d];
  return agree;
}

/* What is stored are single numbers of a matrix, each with its column. MXNet writes
 * no row starts where it stores none. */
static bool agree_csr(const ndarray_entry *e, const mxn_type *stored) {
  if (e->type.n_dims != 2 || stored->n_dims != 1 || (uint64_t)stored->dims[0] != e->indices[1].n) return false;
  const uint64_t n_starts = e->indices[0].n;
  return n_starts == (uint64_t)e->type.dims[0] + 1 || (n_starts == 0 && stored->dims[0] == 0);
}

static mxn_status check_sparse(reader *r, const ndarray_entry *e, const mxn_type *stored) {
  size_t bytes;
  if (!(e->storage == NDARRAY_CSR ? agree_csr : agree_row_sparse)(e, stored))
    return error_set(r->err, MXN_FORMAT, "%s: array %zu: the shapes of its %s parts do not agree", r->file, r->array,
                     storage_kinds[e->storage].name);
  TRY(data_bytes(r, &e->type, &bytes));
  if (bytes <= max_expanded_bytes) return MXN_OK;
  return error_set(r->err, MXN_UNSUPPORTED,
                   "%s: array %zu: a %s array that takes %zu bytes as a dense one, expected at most %" PRIu64, r->file,
                   r->array, storage_kinds[e->storage].name, bytes, max_expanded_bytes);
}

static mxn_status take_indices(reader *r, ndarray_indices *indices) {
  uint64_t bytes;
  indices->offset = r->at;
  if (__builtin_mul_overflow(indices->n, mxn_dtype_bytes(indices->dtype), &bytes)) bytes = UINT64_MAX;
  return take(r, bytes, "indices") ? MXN_OK : MXN_FORMAT;
}

/* The list. */

static mxn_status read_array(reader *r, ndarray_entry *entry) {
  mxn_type stored = {.n_dims = 0};
  entry->type.dtype = MXN_DTYPE_UNKNOWN;
  TRY(read_shape(r, entry, &stored));
  if (entry->type.n_dims < 0) return MXN_OK;
  TRY(read_context(r));
  TRY(read_dtype(r, &entry->type));
  stored.dtype = entry->type.dtype;
  const uint32_t n_indices = storage_kinds[entry->storage].n_indices;
  for (uint32_t i = 0; i < n_indices; i++) TRY(read_indices_header(r, &entry->indices[i]));
  if (n_indices > 0) TRY(check_sparse(r, entry, &stored));
  TRY(data_bytes(r, n_indices > 0 ? &stored : &entry->type, &entry->bytes));
  entry->offset = r->at;
  if (!take(r, entry->bytes, "data")) return MXN_FORMAT;
  for (uint32_t i = 0; i < n_indices; i++) TRY(take_indices(r, &entry->indices[i]));
  return MXN_OK;
}

/* Room grows with what was read: the count alone must not allocate. */
static mxn_status grow(reader *r, ndarray_list *list, size_t *capacity) {
  if (list->n_entries < *capacity) return MXN_OK;
  const size_t larger = *capacity ? *capacity * 2 : 64;
  ndarray_entry *entries = realloc(list->entries, larger * sizeof *entries);
  if (!entries) return error_set(r->err, MXN_NOMEM, "%s: out of memory", r->file);
  list->entries = entries;
  *capacity = larger;
  return MXN_OK;
}

static mxn_status read_arrays(reader *r, uint64_t n, ndarray_list *list) {
  size_t capacity = 0;
  for (r->array = 0; r->array < n; r->array++) {
    TRY(grow(r, list, &capacity));
    ndarray_entry *entry = &list->entries[list->n_entries++];
    *entry = (ndarray_entry){.offset = r->at};
    TRY(read_array(r, entry));
  }
  return MXN_OK;
}

static mxn_status read_names(reader *r, ndarray_list *list) {
  uint64_t n, length;
  TRY(take_u64(r, "number of names", &n));
  if (n != 0 && n != list->n_entries)
    return error_set(r->err, MXN_FORMAT, "%s: %" PRIu64 " names for %zu arrays", r->file, n, list->n_entries);
  for (r->array = 0; r->array < n; r->array++) {
    TRY(take_u64(r, "length of a name", &length));
    const char *name = (const char *)take(r, length, "name");
    if (!name) return MXN_FORMAT;
    if (!utf8_is_text(name, length))
      return error_set(r->err, MXN_FORMAT, "%s: array %zu: its name is not UTF-8 text", r->file, r->array);
    list->entries[r->array].name = name;
    list->entries[r->array].name_bytes = length;
  }
  return MXN_OK;
}

static mxn_status read_header(reader *r, uint64_t *out_n) {
  static const uint64_t list_magic = 0x112;
  uint64_t magic, reserved;
  TRY(take_u64(r, "header", &magic));
  if (magic != list_magic)
    return error_set(r->err, MXN_FORMAT,
                     "%s: not an MXNet array file: it starts with 0x%" PRIx64 ", expected 0x%" PRIx64, r->file, magic,
                     list_magic);
  TRY(take_u64(r, "header", &reserved));
  TRY(take_u64(r, "number of arrays", out_n));
  if (*out_n > MAX_ARRAYS)
    return error_set(r->err, MXN_FORMAT, "%s: %" PRIu64 " arrays, expected at most %d", r->file, *out_n, MAX_ARRAYS);
  return MXN_OK;
}

static mxn_status read_list(reader *r, ndarray_list *list) {
  uint64_t n;
  TRY(read_header(r, &n));
  TRY(read_arrays(r, n, list));
  TRY(read_names(r, list));
  if (r->at < r->bytes)
    return error_set(r->err, MXN_FORMAT, "%s: the list ends at byte %zu, but the file has %zu", r->file, r->at,
                     r->bytes);
  return MXN_OK;
}

mxn_status ndarray_list_read(const uint8_t *data, size_t bytes, const char *file, ndarray_list *out_list,
                             mxn_error *err) {
  *out_list = (ndarray_list){NULL, 0};
  reader r = {.data = data, .bytes = bytes, .file = file, .err = err};
  const mxn_status status = read_list(&r, out_list);
  if (status != MXN_OK) ndarray_list_finish(out_list);
  return status;
}

void ndarray_list_finish(ndarray_list *list) {
  free(list->entries);
  *list = (ndarray_list){NULL, 0};
}
