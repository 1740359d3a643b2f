/* io_config.c - see io_config.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "mxnet/io_config.h"

#include <ctype.h>
#include <jansson.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/shape.h"

enum { MAX_TEXT_BYTES = 1 << 20 };

/* What is read, for messages. */
typedef struct source {
  arena *arena;
  const char *label; /* "--io-config", or the file */
  mxn_error *err;
} source;

static mxn_status expect_input(const source *s, const char *name, const char *expected) {
  return error_set(s->err, MXN_FORMAT, "%s: input '%.100s': expected %s", s->label, name, expected);
}

/* [[1, 3, 224, 224], "float32"] */
static mxn_status read_input(const source *s, const char *name, const json_t *pair, mxn_input *out) {
  const json_t *dims = json_array_get(pair, 0), *dtype = json_array_get(pair, 1);
  size_t bytes;
  if (json_array_size(pair) != 2 || !json_is_array(dims) || !json_is_string(dtype))
    return expect_input(s, name, "a shape and an element type, such as [[1,3,224,224],\"float32\"]");
  out->name = arena_strdup(s->arena, name);
  out->type = type_unknown();
  out->type.dtype = mxn_dtype_from_name(json_string_value(dtype));
  if (out->type.dtype == MXN_DTYPE_UNKNOWN) return expect_input(s, name, "an element type such as \"float32\"");
  if (json_array_size(dims) > MXN_MAX_DIMS) return expect_input(s, name, "fewer dimensions");
  out->type.n_dims = (int32_t)json_array_size(dims);
  for (size_t i = 0; i < json_array_size(dims); i++) {
    const json_t *dim = json_array_get(dims, i);
    if (!json_is_integer(dim) || json_integer_value(dim) < 1)
      return expect_input(s, name, "dimensions that are numbers from 1 on");
    out->type.dims[i] = json_integer_value(dim);
  }
  return type_bytes(&out->type, &bytes) ? MXN_OK : expect_input(s, name, "a smaller shape");
}

static mxn_status read_inputs(const source *s, json_t *inputs, io_config *out) {
  const char *name;
  json_t *pair;
  if (!json_is_object(inputs))
    return error_set(s->err, MXN_FORMAT, "%s: expected an object \"inputs\" of names with shape and element type",
                     s->label);
  out->inputs = arena_array(s->arena, json_object_size(inputs), sizeof *out->inputs);
  json_object_foreach(inputs, name, pair) TRY(read_input(s, name, pair, &out->inputs[out->n_inputs++]));
  return MXN_OK;
}

static mxn_status read_outputs(const source *s, const json_t *outputs, io_config *out) {
  if (!outputs) return MXN_OK;
  if (!json_is_array(outputs))
    return error_set(s->err, MXN_FORMAT, "%s: expected \"outputs\" to be a list of names", s->label);
  out->outputs = arena_array(s->arena, json_array_size(outputs), sizeof *out->outputs);
  for (size_t i = 0; i < json_array_size(outputs); i++) {
    const char *name = json_string_value(json_array_get(outputs, i));
    if (!name) return error_set(s->err, MXN_FORMAT, "%s: output %zu: expected a name", s->label, i);
    out->outputs[out->n_outputs++] = arena_strdup(s->arena, name);
  }
  return MXN_OK;
}

/* A member with another name is a slip that must not be passed over. */
static mxn_status read_members(const source *s, json_t *root, io_config *out) {
  const char *name;
  json_t *member;
  if (!json_is_object(root)) return error_set(s->err, MXN_FORMAT, "%s: expected an object", s->label);
  json_object_foreach(root, name, member) {
    if (!strcmp(name, "inputs") || !strcmp(name, "outputs")) continue;
    return error_set(s->err, MXN_FORMAT, "%s: unknown member '%.100s', expected \"inputs\" and \"outputs\"", s->label,
                     name);
  }
  TRY(read_inputs(s, json_object_get(root, "inputs"), out));
  return read_outputs(s, json_object_get(root, "outputs"), out);
}

static void release_json(void *box) { json_decref(*(json_t **)box); }

static mxn_status parse(const source *s, const char *text, size_t bytes, io_config *out) {
  json_error_t error;
  json_t **root = arena_alloc(s->arena, sizeof *root);
  if (bytes > MAX_TEXT_BYTES)
    return error_set(s->err, MXN_FORMAT, "%s: %zu bytes, expected at most %d", s->label, bytes, MAX_TEXT_BYTES);
  arena_defer(s->arena, release_json, root);
  *root = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &error);
  if (*root) return read_members(s, *root, out);
  return error_set(s->err, MXN_FORMAT, "%s: line %d, column %d: %s", s->label, error.line, error.column, error.text);
}

static void release_file(void *file) { file_unmap(file); }

bool io_config_is_text(const char *text_or_path) {
  while (isspace((unsigned char)*text_or_path)) text_or_path++;
  return *text_or_path == '{';
}

mxn_status io_config_read(arena *a, const char *text_or_path, io_config *out_config, mxn_error *err) {
  *out_config = (io_config){0};
  if (io_config_is_text(text_or_path))
    return parse(&(source){a, "--io-config", err}, text_or_path, strlen(text_or_path), out_config);
  mapped_file *file = arena_alloc(a, sizeof *file);
  arena_defer(a, release_file, file);
  TRY(file_map(text_or_path, file, err));
  return parse(&(source){a, text_or_path, err}, (const char *)file->data, file->bytes, out_config);
}
