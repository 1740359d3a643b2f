/* json_arrays.c - see json_arrays.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "io/json_arrays.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

enum { MAX_TEXT_BYTES = 64 << 20 };

/* What stands before the first character that is not blank. */
static size_t blank_bytes(const uint8_t *data, size_t bytes) {
  static const char byte_order_mark[] = "\xef\xbb\xbf";
  size_t i = bytes >= 3 && memcmp(data, byte_order_mark, 3) == 0 ? 3 : 0;
  while (i < bytes && (data[i] == ' ' || (data[i] >= '\t' && data[i] <= '\r'))) i++;
  return i;
}

bool json_arrays_is(const uint8_t *data, size_t bytes) {
  const size_t i = blank_bytes(data, bytes);
  return i < bytes && (data[i] == '[' || data[i] == '{');
}

/* One array while it is read. */
typedef struct reader {
  const char *path;
  const char *name;
  mxn_type type;
  size_t index[MXN_MAX_DIMS]; /* of the item at hand, for messages */
  bool has_fractions;
  double *numbers; /* or int64_t, in the same memory */
  size_t n;
} reader;

static mxn_status problem(const reader *r, int32_t depth, mxn_error *err, mxn_status status, const char *what) {
  char place[256] = "";
  size_t used = 0;
  for (int32_t i = 0; i < depth && used < sizeof place; i++)
    used += (size_t)snprintf(place + used, sizeof place - used, "[%zu]", r->index[i]);
  return error_set(err, status, "%s: %s%s%s: %s", r->path, r->name, place, *r->name || *place ? "" : "the list", what);
}

static const char *kind_of(const json_t *item) {
  static const char *const kinds[] = {
      [JSON_OBJECT] = "an object",    [JSON_ARRAY] = "a list",  [JSON_STRING] = "a string",
      [JSON_INTEGER] = "a number",    [JSON_REAL] = "a number", [JSON_TRUE] = "a truth value",
      [JSON_FALSE] = "a truth value", [JSON_NULL] = "null",
  };
  return kinds[json_typeof(item)];
}

/* The shape is that of the first item of each level. */
static mxn_status find_shape(reader *r, const json_t *list, mxn_error *err) {
  for (const json_t *item = list; json_is_array(item); item = json_array_get(item, 0)) {
    if (r->type.n_dims == MXN_MAX_DIMS)
      return problem(r, r->type.n_dims, err, MXN_UNSUPPORTED, "lists are nested deeper than 16");
    if (json_array_size(item) == 0) return problem(r, r->type.n_dims, err, MXN_FORMAT, "an empty list");
    r->type.dims[r->type.n_dims++] = (int64_t)json_array_size(item);
  }
  return MXN_OK;
}

/* Every list of a level has the length of its first, and holds the same kind. */
static mxn_status check_items(reader *r, const json_t *item, int32_t depth, mxn_error *err) {
  char what[128];
  if (depth == r->type.n_dims) {
    r->has_fractions |= json_is_real(item);
    if (json_is_number(item)) return MXN_OK;
    snprintf(what, sizeof what, "expected a number, got %s", kind_of(item));
    return problem(r, depth, err, MXN_FORMAT, what);
  }
  if (!json_is_array(item)) {
    snprintf(what, sizeof what, "expected a list of %lld, got %s", (long long)r->type.dims[depth], kind_of(item));
    return problem(r, depth, err, MXN_FORMAT, what);
  }
  if ((int64_t)json_array_size(item) != r->type.dims[depth]) {
    snprintf(what, sizeof what, "expected a list of %lld, got one of %zu", (long long)r->type.dims[depth],
             json_array_size(item));
    return problem(r, depth, err, MXN_FORMAT, what);
  }
  for (size_t i = 0; i < json_array_size(item); i++) {
    r->index[depth] = i;
    TRY(check_items(r, json_array_get(item, i), depth + 1, err));
  }
  return MXN_OK;
}

static void put_items(reader *r, const json_t *item, int32_t depth) {
  if (depth < r->type.n_dims) {
    for (size_t i = 0; i < json_array_size(item); i++) put_items(r, json_array_get(item, i), depth + 1);
    return;
  }
  const int64_t integer = json_integer_value(item);
  if (r->has_fractions)
    r->numbers[r->n] = json_number_value(item);
  else
    memcpy(&r->numbers[r->n], &integer, sizeof integer);
  r->n++;
}

static mxn_status read_array(const char *path, const char *name, const json_t *list, mxn_array *out, void **out_buffer,
                             mxn_error *err) {
  reader r = {.path = path, .name = name, .type.dtype = MXN_INT64};
  size_t bytes;
  TRY(find_shape(&r, list, err));
  TRY(check_items(&r, list, 0, err));
  if (r.has_fractions) r.type.dtype = MXN_FLOAT64;
  char *own_name = strdup(name);
  out->name = own_name;
  r.numbers = own_name && array_bytes(&r.type, &bytes) ? malloc(bytes) : NULL;
  *out_buffer = r.numbers;
  if (!r.numbers) return error_set(err, MXN_NOMEM, "%s: out of memory", path);
  put_items(&r, list, 0);
  out->tensor = (mxn_tensor){r.type, r.numbers};
  return MXN_OK;
}

static mxn_status read_members(json_t *object, const char *path, array_list *list, mxn_error *err) {
  const char *key;
  json_t *member;
  size_t n = 0;
  json_object_foreach(object, key, member) n += json_is_array(member);
  if (n == 0)
    return error_set(err, MXN_FORMAT, "%s: expected a list of numbers or an object with one, such as {\"data\": [...]}",
                     path);
  TRY(array_list_init(list, n, path, err));
  n = 0;
  json_object_foreach(object, key, member) {
    if (!json_is_array(member)) continue;
    TRY(read_array(path, key, member, &list->arrays[n], &list->buffers[n], err));
    n++;
  }
  return MXN_OK;
}

mxn_status json_arrays_read(const uint8_t *data, size_t bytes, const char *path, array_list *out_arrays,
                            mxn_error *err) {
  const size_t blank = blank_bytes(data, bytes);
  json_error_t where;
  array_list list = {0};
  if (bytes > MAX_TEXT_BYTES)
    return error_set(err, MXN_UNSUPPORTED, "%s: %zu bytes of JSON, at most %d are read; use .npy", path, bytes,
                     MAX_TEXT_BYTES);
  json_t *document = json_loadb((const char *)data + blank, bytes - blank, JSON_REJECT_DUPLICATES, &where);
  if (!document)
    return error_set(err, MXN_FORMAT, "%s: line %d, column %d: %s", path, where.line, where.column, where.text);
  mxn_status status;
  if (json_is_object(document)) {
    status = read_members(document, path, &list, err);
  } else {
    status = array_list_init(&list, 1, path, err);
    if (status == MXN_OK) status = read_array(path, "", document, &list.arrays[0], &list.buffers[0], err);
  }
  json_decref(document);
  if (status == MXN_OK)
    *out_arrays = list;
  else
    array_list_finish(&list);
  return status;
}
