/* array_file.c - see array_file.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "io/array_file.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/float16.h"
#include "io/array_list.h"
#include "io/json_arrays.h"
#include "io/npy.h"
#include "io/npz.h"

struct array_file {
  char *path;
  mapped_file file;
  mxn_arrays *mxnet; /* of MXNet's files */
  array_list list;   /* of all others */
};

static mxn_status read_npy(array_file *f, mxn_error *err) {
  TRY(array_list_init(&f->list, 1, f->path, err));
  f->list.arrays[0].name = strdup("");
  if (!f->list.arrays[0].name) return error_set(err, MXN_NOMEM, "%s: out of memory", f->path);
  return npy_read(f->file.data, f->file.bytes, f->path, &f->list.arrays[0].tensor, &f->list.buffers[0], err);
}

/* How files begin: those of numpy, their archives, and MXNet's lists of arrays. */
static const char npy_magic[] = "\x93NUMPY", zip_magic[] = "PK", list_magic[] = "\x12\x01\0\0\0\0\0";

static bool begins_with(const uint8_t *data, size_t bytes, const char *magic, size_t n) {
  return bytes >= n && memcmp(data, magic, n) == 0;
}

static bool is_npy(const uint8_t *data, size_t bytes) {
  return begins_with(data, bytes, npy_magic, sizeof npy_magic - 1);
}
static bool is_npz(const uint8_t *data, size_t bytes) {
  return begins_with(data, bytes, zip_magic, sizeof zip_magic - 1);
}

bool array_file_is(const uint8_t *data, size_t bytes) {
  const size_t n = bytes < sizeof list_magic ? bytes : sizeof list_magic; /* with the last 0; it may be cut short */
  return is_npy(data, bytes) || is_npz(data, bytes) || json_arrays_is(data, bytes) ||
         (n > 0 && memcmp(data, list_magic, n) == 0);
}

static mxn_status read_contents(array_file *f, mxn_error *err) {
  const uint8_t *data = f->file.data;
  const size_t bytes = f->file.bytes;
  if (is_npy(data, bytes)) return read_npy(f, err);
  if (is_npz(data, bytes)) return npz_read(data, bytes, f->path, &f->list, err);
  if (json_arrays_is(data, bytes)) return json_arrays_read(data, bytes, f->path, &f->list, err);
  file_unmap(&f->file);
  return mxn_arrays_load(f->path, &f->mxnet, err);
}

mxn_status array_file_load(const char *path, array_file **out_file, mxn_error *err) {
  *out_file = NULL;
  array_file *f = calloc(1, sizeof *f);
  if (f) f->path = strdup(path);
  mxn_status status = f && f->path ? file_map(path, &f->file, err) : error_set(err, MXN_NOMEM, "%s: no memory", path);
  if (status == MXN_OK) status = read_contents(f, err);
  if (status == MXN_OK)
    *out_file = f;
  else
    array_file_close(f);
  return status;
}

void array_file_close(array_file *file) {
  if (!file) return;
  array_list_finish(&file->list);
  mxn_arrays_close(file->mxnet);
  file_unmap(&file->file);
  free(file->path);
  free(file);
}

size_t array_file_n(const array_file *file) { return file->mxnet ? mxn_arrays_n(file->mxnet) : file->list.n; }

mxn_array array_file_get(const array_file *file, size_t index) {
  if (file->mxnet) return mxn_arrays_get(file->mxnet, index);
  return index < file->list.n ? file->list.arrays[index] : (mxn_array){0};
}

static bool is_called(const char *array, const char *name) {
  static const char prefix[] = "in:";
  if (strncmp(array, prefix, strlen(prefix)) == 0 && strcmp(array + strlen(prefix), name) == 0) return true;
  return strcmp(array, name) == 0;
}

mxn_status array_file_find(const array_file *file, const char *name, mxn_array *out_array, mxn_error *err) {
  char names[256] = "";
  const size_t n = array_file_n(file);
  size_t used = 0;
  *out_array = array_file_get(file, 0);
  if (n == 1) return MXN_OK;
  for (size_t i = 0; i < n; i++) {
    const mxn_array array = array_file_get(file, i);
    if (is_called(array.name, name)) {
      *out_array = array;
      return MXN_OK;
    }
    if (used < sizeof names)
      used += (size_t)snprintf(names + used, sizeof names - used, "%s'%.60s'", i ? ", " : "", array.name);
  }
  return error_set(err, MXN_ARGUMENT, "%s: there is no array '%s' among the %zu: %s", file->path, name, n, names);
}

static bool ends_with(const char *text, const char *end) {
  const size_t n = strlen(text), m = strlen(end);
  return n >= m && strcmp(text + n - m, end) == 0;
}

static mxn_status save_npy(const char *path, const mxn_tensor *t, mxn_error *err) {
  char header[NPY_HEADER_BYTES];
  size_t header_bytes, bytes = mxn_dtype_bytes(t->type.dtype);
  file_writer *w;
  TRY(npy_header(&t->type, path, header, &header_bytes, err));
  TRY(file_writer_open(path, FILE_KEPT, &w, err));
  for (int32_t i = 0; i < t->type.n_dims; i++) bytes *= (size_t)t->type.dims[i];
  file_writer_write(w, header, header_bytes);
  file_writer_write(w, t->data, bytes);
  return file_writer_commit(w, err);
}

mxn_status array_file_check_name(const char *path, mxn_error *err) {
  static const char *const endings[] = {".npy", ".npz", ".params", ".nd"};
  for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
    if (ends_with(path, endings[i])) return MXN_OK;
  return error_set(err, MXN_ARGUMENT, "%s: expected a name that ends in .npy, .npz, .params or .nd", path);
}

mxn_status array_file_save(const char *path, const mxn_array *arrays, size_t n, mxn_error *err) {
  TRY(array_file_check_name(path, err));
  if (ends_with(path, ".npz")) return npz_write(path, arrays, n, err);
  if (!ends_with(path, ".npy")) return mxn_arrays_save(path, arrays, n, err);
  if (n != 1) return error_set(err, MXN_ARGUMENT, "%s: a .npy file holds one array, there are %zu; use .npz", path, n);
  return save_npy(path, &arrays[0].tensor, err);
}

/* Numbers. */

#define READ(type)                                                          \
  do {                                                                      \
    type number;                                                            \
    memcpy(&number, (const char *)data + i * sizeof number, sizeof number); \
    return (double)number;                                                  \
  } while (0)

double number_at(const void *data, mxn_dtype dtype, size_t i) {
  uint16_t bits;
  switch (dtype) {
    case MXN_FLOAT32: READ(float);
    case MXN_FLOAT64: READ(double);
    case MXN_UINT8:
    case MXN_BOOL: READ(uint8_t);
    case MXN_INT8: READ(int8_t);
    case MXN_INT32: READ(int32_t);
    case MXN_INT64: READ(int64_t);
    case MXN_FLOAT16:
    case MXN_BFLOAT16: break;
    case MXN_DTYPE_UNKNOWN: return 0;
  }
  memcpy(&bits, (const char *)data + i * sizeof bits, sizeof bits);
  return float16_decode(bits, dtype == MXN_FLOAT16 ? FLOAT16_MANTISSA : BFLOAT16_MANTISSA);
}
#undef READ

/* Out of range becomes the nearest number there is, as C leaves it undefined. */
static double limit(double x, double low, double high) { return x != x ? 0 : x < low ? low : x > high ? high : x; }

static void put_number(void *data, mxn_dtype dtype, size_t i, double x) {
  switch (dtype) {
    case MXN_FLOAT32: ((float *)data)[i] = (float)x; break;
    case MXN_FLOAT64: ((double *)data)[i] = x; break;
    case MXN_UINT8: ((uint8_t *)data)[i] = (uint8_t)limit(x, 0, UINT8_MAX); break;
    case MXN_BOOL: ((uint8_t *)data)[i] = x != 0; break;
    case MXN_INT8: ((int8_t *)data)[i] = (int8_t)limit(x, INT8_MIN, INT8_MAX); break;
    case MXN_INT32: ((int32_t *)data)[i] = (int32_t)limit(x, INT32_MIN, INT32_MAX); break;
    case MXN_INT64: ((int64_t *)data)[i] = (int64_t)limit(x, -0x1p63, 0x1.fffffffffffffp62); break;
    case MXN_FLOAT16: ((uint16_t *)data)[i] = float16_encode(x, FLOAT16_MANTISSA); break;
    case MXN_BFLOAT16: ((uint16_t *)data)[i] = float16_encode(x, BFLOAT16_MANTISSA); break;
    case MXN_DTYPE_UNKNOWN: break;
  }
}

mxn_status convert_numbers(const void *from, mxn_dtype from_dtype, void *to, mxn_dtype to_dtype, size_t n,
                           mxn_error *err) {
  if (from_dtype == to_dtype) {
    if (n) memcpy(to, from, n * mxn_dtype_bytes(to_dtype));
    return MXN_OK;
  }
  if (mxn_dtype_bytes(from_dtype) == 0 || mxn_dtype_bytes(to_dtype) == 0)
    return error_set(err, MXN_UNSUPPORTED, "cannot convert %s to %s", mxn_dtype_name(from_dtype),
                     mxn_dtype_name(to_dtype));
  for (size_t i = 0; i < n; i++) put_number(to, to_dtype, i, number_at(from, from_dtype, i));
  return MXN_OK;
}

/* The smallest and largest number of an element type. */
static void range_of(mxn_dtype dtype, double *out_low, double *out_high) {
  static const struct {
    mxn_dtype dtype;
    double low, high;
  } ranges[] = {
      {MXN_FLOAT32, -(double)FLT_MAX, (double)FLT_MAX},
      {MXN_FLOAT16, -65504, 65504},
      {MXN_BFLOAT16, -0x1.fep127, 0x1.fep127},
      {MXN_UINT8, 0, UINT8_MAX},
      {MXN_BOOL, 0, 1},
      {MXN_INT8, INT8_MIN, INT8_MAX},
      {MXN_INT32, INT32_MIN, INT32_MAX},
      {MXN_INT64, -0x1p63, 0x1.fffffffffffffp62},
  };
  *out_low = -DBL_MAX;
  *out_high = DBL_MAX;
  for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
    if (ranges[i].dtype != dtype) continue;
    *out_low = ranges[i].low;
    *out_high = ranges[i].high;
  }
}

size_t first_lost_number(const void *data, mxn_dtype dtype, mxn_dtype to, size_t n) {
  const bool is_real = to == MXN_FLOAT32 || to == MXN_FLOAT64 || to == MXN_FLOAT16 || to == MXN_BFLOAT16;
  double low, high;
  if (dtype == to) return n;
  range_of(to, &low, &high);
  for (size_t i = 0; i < n; i++) {
    const double x = number_at(data, dtype, i);
    if (is_real ? isfinite(x) && (x < low || x > high) : !(x >= low && x <= high && x == floor(x))) return i;
  }
  return n;
}
