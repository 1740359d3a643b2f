/* params.c - parameter files: names with their kind, arrays in place.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/shape.h"
#include "mxnet/checkpoint.h"
#include "mxnet/ndarray_list.h"
#include "mxnet/sparse.h"

static const struct kind_prefix {
  parameter_kind kind;
  const char *text;
} kind_prefixes[] = {{PARAMETER_ARGUMENT, "arg:"}, {PARAMETER_AUXILIARY, "aux:"}, {PARAMETER_PLAIN, ""}};

const char *parameter_prefix(parameter_kind kind) {
  size_t i = 0;
  while (kind_prefixes[i].kind != kind) i++;
  return kind_prefixes[i].text;
}

parameter parameter_named(arena *a, const char *name, size_t bytes) {
  size_t i = 0;
  while (strlen(kind_prefixes[i].text) > bytes || memcmp(name, kind_prefixes[i].text, strlen(kind_prefixes[i].text)))
    i++;
  const size_t skipped = strlen(kind_prefixes[i].text);
  bytes -= skipped;
  char *copy = arena_alloc(a, bytes + 1);
  memcpy(copy, name + skipped, bytes);
  return (parameter){.name = copy, .kind = kind_prefixes[i].kind};
}

/* Zeros. Large copies have their own memory: weights do not live in the arena. */
static void *allocate(arena *a, size_t bytes) {
  enum { LARGE_BYTES = 64 << 10 };
  if (bytes < LARGE_BYTES) return arena_alloc(a, bytes);
  void *data = calloc(bytes, 1);
  if (data) arena_defer(a, free, data);
  return data;
}

/* A file being loaded. */
typedef struct params_file {
  arena *arena;
  const char *path;
  mapped_file *mapped;
  mxn_error *err;
} params_file;

/* Data stay in the mapped file where their elements are aligned there. A sparse
 * array becomes dense, which is what MXNet gives to operators without a sparse form. */
static mxn_status set_data(const params_file *f, parameter *p, const ndarray_entry *entry, size_t index) {
  size_t bytes;
  p->tensor.type = entry->type;
  if (entry->type.n_dims < 0) return MXN_OK;
  const size_t element = mxn_dtype_bytes(entry->type.dtype);
  const uint8_t *data = f->mapped->data + entry->offset;
  const bool is_dense = entry->storage == NDARRAY_DENSE;
  p->tensor.data = (void *)data;
  if (is_dense && entry->offset % (element > 4 ? element : 4) == 0) return MXN_OK;
  p->tensor.data = type_bytes(&entry->type, &bytes) ? allocate(f->arena, bytes) : NULL;
  if (!p->tensor.data) return error_set(f->err, MXN_NOMEM, "%s: no memory for array '%s'", f->path, p->name);
  if (!is_dense) return sparse_expand(f->mapped->data, f->path, index, entry, p->tensor.data, f->err);
  memcpy(p->tensor.data, data, entry->bytes);
  return MXN_OK;
}

static int compare_names(const void *a, const void *b) {
  const parameter *p = *(const parameter *const *)a, *q = *(const parameter *const *)b;
  const int order = strcmp(p->name, q->name);
  return order ? order : (p->kind > q->kind) - (p->kind < q->kind);
}

const parameter **parameters_by_name(arena *a, const parameter_list *list) {
  const parameter **sorted = arena_array(a, list->n_items, sizeof *sorted);
  for (size_t i = 0; i < list->n_items; i++) sorted[i] = &list->items[i];
  qsort(sorted, list->n_items, sizeof *sorted, compare_names);
  return sorted;
}

mxn_status parameters_check_unique(arena *a, const parameter_list *list, const char *file, mxn_error *err) {
  const parameter **sorted = parameters_by_name(a, list);
  for (size_t i = 1; i < list->n_items; i++)
    if (compare_names(&sorted[i - 1], &sorted[i]) == 0)
      return error_set(err, MXN_FORMAT, "%s: two arrays are called '%s%s'", file, parameter_prefix(sorted[i]->kind),
                       sorted[i]->name);
  return MXN_OK;
}

static void release_file(void *file) { file_unmap(file); }
static void release_list(void *list) { ndarray_list_finish(list); }

mxn_status params_load(arena *a, const char *path, parameter_list *out_list, mxn_error *err) {
  *out_list = (parameter_list){0};
  mapped_file *file = arena_alloc(a, sizeof *file);
  ndarray_list *entries = arena_alloc(a, sizeof *entries);
  arena_defer(a, release_file, file);
  arena_defer(a, release_list, entries);
  TRY(file_map(path, file, err));
  TRY(ndarray_list_read(file->data, file->bytes, path, entries, err));
  const size_t n = entries->n_entries;
  parameter_list list = {.items = arena_array(a, n, sizeof(parameter)), .n_items = n, .capacity = n};
  const params_file f = {a, path, file, err};
  bool has_names = false;
  for (size_t i = 0; i < n; i++) {
    const ndarray_entry *entry = &entries->entries[i];
    list.items[i] = parameter_named(a, entry->name ? entry->name : "", entry->name_bytes);
    TRY(set_data(&f, &list.items[i], entry, i));
    has_names |= entries->entries[i].name != NULL;
    list.np_shape |= entries->entries[i].is_numpy;
  }
  ndarray_list_finish(entries);
  if (has_names) TRY(parameters_check_unique(a, &list, path, err));
  *out_list = list;
  return MXN_OK;
}

/* The V2 format cannot spell shapes that are () or have a 0. */
static bool needs_numpy_format(const parameter_list *list) {
  for (size_t i = 0; i < list->n_items; i++) {
    const mxn_type *type = &list->items[i].tensor.type;
    if (type->n_dims == 0) return true;
    for (int32_t d = 0; d < type->n_dims; d++)
      if (type->dims[d] == 0) return true;
  }
  return list->np_shape;
}

static void write_u32(file_writer *w, uint32_t number) { file_writer_write(w, &number, sizeof number); }
static void write_u64(file_writer *w, uint64_t number) { file_writer_write(w, &number, sizeof number); }

static void write_array(file_writer *w, const mxn_tensor *t, bool is_numpy) {
  enum { DENSE = 0, CPU = 1 };
  const uint32_t v2 = 0xF993FAC9, v3 = 0xF993FACA;
  const mxn_type *type = &t->type;
  write_u32(w, is_numpy ? v3 : v2);
  write_u32(w, DENSE);
  /* None has no dimensions in V2, -1 in V3, and ends here. */
  write_u32(w, type->n_dims < 0 && !is_numpy ? 0 : (uint32_t)type->n_dims);
  if (type->n_dims < 0) return;
  file_writer_write(w, type->dims, (size_t)type->n_dims * sizeof *type->dims);
  write_u32(w, CPU);
  write_u32(w, 0);
  write_u32(w, (uint32_t)type->dtype);
  size_t bytes = 0;
  if (type_bytes(type, &bytes)) file_writer_write(w, t->data, bytes);
}

static void write_names(file_writer *w, const parameter_list *list) {
  bool has_names = false;
  for (size_t i = 0; i < list->n_items; i++)
    has_names |= list->items[i].name[0] != '\0' || list->items[i].kind != PARAMETER_PLAIN;
  write_u64(w, has_names ? list->n_items : 0);
  for (size_t i = 0; has_names && i < list->n_items; i++) {
    const char *prefix = parameter_prefix(list->items[i].kind), *name = list->items[i].name;
    write_u64(w, strlen(prefix) + strlen(name));
    file_writer_write(w, prefix, strlen(prefix));
    file_writer_write(w, name, strlen(name));
  }
}

static mxn_status check_types(const char *path, const parameter_list *list, mxn_error *err) {
  char shape[SHAPE_TEXT_BYTES];
  size_t bytes;
  for (size_t i = 0; i < list->n_items; i++) {
    const mxn_tensor *t = &list->items[i].tensor;
    if (t->type.n_dims == -1 && !t->data) continue; /* what MXNet calls none */
    if (!type_bytes(&t->type, &bytes) || (bytes > 0 && !t->data))
      return error_set(err, MXN_ARGUMENT, "%s: array '%s': cannot write type %s%s%s", path, list->items[i].name,
                       mxn_dtype_name(t->type.dtype), shape_text(&t->type, shape), t->data ? "" : " without data");
  }
  return MXN_OK;
}

mxn_status params_save(const char *path, file_lifetime lifetime, const parameter_list *list, mxn_error *err) {
  const uint64_t list_magic = 0x112;
  TRY(check_types(path, list, err));
  file_writer *w;
  TRY(file_writer_open(path, lifetime, &w, err));
  write_u64(w, list_magic);
  write_u64(w, 0);
  write_u64(w, list->n_items);
  const bool is_numpy = needs_numpy_format(list);
  for (size_t i = 0; i < list->n_items; i++) write_array(w, &list->items[i].tensor, is_numpy);
  write_names(w, list);
  return file_writer_commit(w, err);
}
