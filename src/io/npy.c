/* npy.c - see npy.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "io/npy.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "io/array_list.h"

static const char magic[6] = "\x93NUMPY";

static const struct {
  const char *text;
  mxn_dtype dtype;
} descriptions[] = {
    {"<f4", MXN_FLOAT32}, {"<f8", MXN_FLOAT64}, {"<f2", MXN_FLOAT16}, {"|u1", MXN_UINT8},
    {"|i1", MXN_INT8},    {"<i4", MXN_INT32},   {"<i8", MXN_INT64},   {"|b1", MXN_BOOL},
};
enum { N_DESCRIPTIONS = sizeof descriptions / sizeof *descriptions, MAX_HEADER_BYTES = 65536 };

/* What follows "'key':" in the dictionary, or NULL. */
static const char *find_key(const char *dictionary, const char *key) {
  const char *found = strstr(dictionary, key);
  if (!found) return NULL;
  found += strlen(key);
  found += strspn(found, " ");
  if (*found++ != ':') return NULL;
  return found + strspn(found, " ");
}

static bool parse_shape(const char *text, mxn_type *type) {
  type->n_dims = 0;
  if (*text++ != '(') return false;
  for (;;) {
    char *end;
    text += strspn(text, " ,");
    if (*text == ')') return true;
    if (!isdigit((unsigned char)*text) || type->n_dims == MXN_MAX_DIMS) return false;
    errno = 0;
    type->dims[type->n_dims++] = strtoll(text, &end, 10);
    if (errno || end == text) return false;
    text = end + (*end == 'L');
  }
}

static bool parse_description(const char *text, mxn_type *type) {
  for (size_t i = 0; i < N_DESCRIPTIONS; i++) {
    if (strncmp(text + 1, descriptions[i].text, 3) != 0 || text[4] != text[0]) continue;
    type->dtype = descriptions[i].dtype;
    return true;
  }
  return false;
}

static mxn_status parse_dictionary(const char *text, const char *label, mxn_type *type, bool *out_is_fortran,
                                   mxn_error *err) {
  const char *description = find_key(text, "'descr'"), *order = find_key(text, "'fortran_order'");
  const char *shape = find_key(text, "'shape'");
  if (!description || !order || !shape) return error_set(err, MXN_FORMAT, "%s: its .npy header is malformed", label);
  if ((*description != '\'' && *description != '"') || !parse_description(description, type))
    return error_set(err, MXN_UNSUPPORTED, "%s: element type %.*s; expected little-endian float, int32, int64 or bytes",
                     label, (int)strcspn(description, ","), description);
  if (!parse_shape(shape, type)) return error_set(err, MXN_FORMAT, "%s: its shape is malformed", label);
  *out_is_fortran = strncmp(order, "False", 5) != 0;
  return MXN_OK;
}

/* Header and type; the data begins at *out_start. */
static mxn_status read_header(const uint8_t *data, size_t bytes, const char *label, mxn_type *type,
                              bool *out_is_fortran, size_t *out_start, mxn_error *err) {
  if (bytes < 12 || memcmp(data, magic, sizeof magic) != 0)
    return error_set(err, MXN_FORMAT, "%s: this is no .npy file", label);
  const size_t start = data[6] == 1 ? 10 : 12;
  size_t header = (size_t)data[8] | (size_t)data[9] << 8;
  if (data[6] != 1) header |= (size_t)data[10] << 16 | (size_t)data[11] << 24;
  if (data[6] < 1 || data[6] > 3)
    return error_set(err, MXN_VERSION, "%s: version %d of the .npy format, expected 1 to 3", label, data[6]);
  if (header > MAX_HEADER_BYTES || header > bytes - start)
    return error_set(err, MXN_FORMAT, "%s: its .npy header ends at byte %zu of %zu", label, start + header, bytes);
  char *text = malloc(header + 8);
  if (!text) return error_set(err, MXN_NOMEM, "%s: out of memory", label);
  memcpy(text, data + start, header);
  memset(text + header, 0, 8);
  const mxn_status status = parse_dictionary(text, label, type, out_is_fortran, err);
  free(text);
  *out_start = start + header;
  return status;
}

/* Copy elements whose first index runs fastest to where the last one does. */
static void copy_to_c_order(const mxn_type *type, const uint8_t *from, uint8_t *to, size_t n) {
  const size_t size = mxn_dtype_bytes(type->dtype);
  int64_t index[MXN_MAX_DIMS] = {0};
  size_t strides[MXN_MAX_DIMS], at = 0;
  for (int32_t d = 0; d < type->n_dims; d++) strides[d] = d ? strides[d - 1] * (size_t)type->dims[d - 1] : 1;
  for (size_t i = 0; i < n; i++) {
    memcpy(to + i * size, from + at * size, size);
    for (int32_t d = type->n_dims; d-- > 0;) {
      at += strides[d];
      if (++index[d] < type->dims[d]) break;
      at -= strides[d] * (size_t)type->dims[d];
      index[d] = 0;
    }
  }
}

mxn_status npy_read(const uint8_t *data, size_t bytes, const char *label, mxn_tensor *out_tensor, void **out_copy,
                    mxn_error *err) {
  mxn_type type = {0};
  bool is_fortran = false;
  size_t start = 0, needed;
  *out_copy = NULL;
  TRY(read_header(data, bytes, label, &type, &is_fortran, &start, err));
  if (!array_bytes(&type, &needed) || needed > bytes - start)
    return error_set(err, MXN_FORMAT, "%s: the array is larger than its file: %zu bytes are there", label,
                     bytes - start);
  *out_tensor = (mxn_tensor){type, (void *)(data + start)};
  if (!is_fortran || type.n_dims < 2 || needed == 0) return MXN_OK;
  *out_copy = malloc(needed);
  if (!*out_copy) return error_set(err, MXN_NOMEM, "%s: no memory for %zu bytes in C order", label, needed);
  copy_to_c_order(&type, data + start, *out_copy, needed / mxn_dtype_bytes(type.dtype));
  out_tensor->data = *out_copy;
  return MXN_OK;
}

static const char *description_of(mxn_dtype dtype) {
  for (size_t i = 0; i < N_DESCRIPTIONS; i++)
    if (descriptions[i].dtype == dtype) return descriptions[i].text;
  return NULL;
}

mxn_status npy_header(const mxn_type *type, const char *path, char header[NPY_HEADER_BYTES], size_t *out_bytes,
                      mxn_error *err) {
  enum { START = 10, ALIGNMENT = 64 };
  const char *description = description_of(type->dtype);
  if (!description)
    return error_set(err, MXN_UNSUPPORTED, "%s: NumPy has no element type %s; a .params file can hold it", path,
                     mxn_dtype_name(type->dtype));
  size_t used = START;
  used += (size_t)snprintf(header + used, NPY_HEADER_BYTES - used, "{'descr': '%s', 'fortran_order': False, 'shape': (",
                           description);
  for (int32_t i = 0; i < type->n_dims; i++)
    used += (size_t)snprintf(header + used, NPY_HEADER_BYTES - used, "%lld,%s", (long long)type->dims[i],
                             i + 1 < type->n_dims ? " " : "");
  used += (size_t)snprintf(header + used, NPY_HEADER_BYTES - used, "), }");
  const size_t end = (used + 1 + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  memset(header + used, ' ', end - used);
  header[end - 1] = '\n';
  memcpy(header, magic, sizeof magic);
  const size_t length = end - START;
  header[6] = 1;
  header[7] = 0;
  header[8] = (char)(length & 0xff);
  header[9] = (char)(length >> 8);
  *out_bytes = end;
  return MXN_OK;
}
