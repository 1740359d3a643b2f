/* symbol_json.c - reading NAME-symbol.json.
 *
 * The text is parsed by jansson, which bounds depth, numbers, UTF-8 and keys;
 * what the values mean is checked here, field by field. Node n of a graph may
 * read nodes before n only. Sizes: 0.1 to 1 MB of text, up to 2,000 nodes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/near.h"
#include "mxnet/cached_op.h"
#include "mxnet/checkpoint.h"

/* JSON takes up to 50 times its text in memory, an output 150 bytes. */
enum { MAX_TEXT_BYTES = 64 << 20, MAX_SUBGRAPH_DEPTH = 32, MAX_OUTPUT = 65535, MAX_OUTPUTS = 1 << 20 };

typedef struct parser {
  arena *arena;
  const char *file;
  mxn_error *err;
  uint64_t n_outputs; /* of all nodes in all subgraphs so far */
} parser;

/* Where the parser is: a graph, inside a node of the outer one. */
typedef struct scope {
  parser *p;
  const struct scope *outer;
  graph *graph;
  size_t n_nodes;   /* as the file counts them */
  bool is_in_node;  /* the three below are set */
  size_t node;      /* its index */
  const char *op;   /* its operator, or NULL */
  const char *name; /* its name, or NULL */
  size_t subgraph;  /* index of this graph among those of the outer node */
  unsigned depth;
} scope;

static size_t append(char *text, size_t used, size_t bytes, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static size_t append(char *text, size_t used, size_t bytes, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const int n = vsnprintf(text + used, bytes - used, format, arguments);
  va_end(arguments);
  if (n < 0) return used;
  return (size_t)n < bytes - used ? used + (size_t)n : bytes - 1;
}

/* Of deeper scopes than this only the innermost one is named. */
enum { SHOWN_DEPTH = 2 };

/* "FILE: node 3 'foreach0' (_foreach): subgraph 1: node 2 'fc' (FullyConnected)" */
static size_t scope_text(const scope *s, unsigned innermost, char *text, size_t bytes) {
  size_t used = 0;
  if (s->outer) {
    used = scope_text(s->outer, innermost, text, bytes);
    if (s->depth == SHOWN_DEPTH && s->depth < innermost) used = append(text, used, bytes, ": ...");
    if (s->depth >= SHOWN_DEPTH && s->depth < innermost) return used;
    used = append(text, used, bytes, ": subgraph %zu", s->subgraph);
  } else {
    used = append(text, used, bytes, "%s", s->p->file);
  }
  if (!s->is_in_node) return used;
  used = append(text, used, bytes, ": node %zu", s->node);
  if (s->name) used = append(text, used, bytes, " '%.60s'", s->name);
  if (s->op) used = append(text, used, bytes, " (%.60s)", s->op);
  return used;
}

static mxn_status fail(const scope *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

static mxn_status fail(const scope *s, const char *format, ...) {
  char text[MXN_ERROR_MESSAGE_BYTES], where[MXN_ERROR_MESSAGE_BYTES];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  scope_text(s, s->depth, where, sizeof where);
  return error_set(s->p->err, MXN_FORMAT, "%s: %s", where, text);
}

static const char *kind_text(const json_t *json) {
  switch (json ? json_typeof(json) : JSON_NULL) {
    case JSON_OBJECT: return "an object";
    case JSON_ARRAY: return "an array";
    case JSON_STRING: return "a string";
    case JSON_INTEGER: return "an integer";
    case JSON_REAL: return "a real number";
    case JSON_TRUE:
    case JSON_FALSE: return "a boolean";
    case JSON_NULL: break;
  }
  return json ? "null" : "missing";
}

static mxn_status expect(const scope *s, const json_t *json, json_type type, const char *expected, const char *what) {
  if (json && json_typeof(json) == type) return MXN_OK;
  return fail(s, "%s is %s, expected %s", what, kind_text(json), expected);
}

static mxn_status expect_array(const scope *s, const json_t *json, const char *what) {
  return expect(s, json, JSON_ARRAY, "an array", what);
}

/* Fields that MXNet has written in any version; like MXNet, nothing else passes. */
static const char *const graph_fields[] = {"nodes", "arg_nodes", "heads", "node_row_ptr", "attrs"};
static const char *const node_fields[] = {
    "op", "name", "inputs", "attrs", "attr", "param", "control_deps", "subgraphs", "backward_source_id"};
enum { N_GRAPH_FIELDS = sizeof graph_fields / sizeof *graph_fields };
enum { N_NODE_FIELDS = sizeof node_fields / sizeof *node_fields };

static mxn_status check_fields(const scope *s, json_t *object, const char *const *fields, size_t n_fields) {
  const char *key;
  json_t *member;
  json_object_foreach(object, key, member) {
    size_t i = 0;
    while (i < n_fields && strcmp(fields[i], key) != 0) i++;
    if (i < n_fields) continue;
    char near[128];
    near_names(key, fields, n_fields, near, sizeof near);
    return fail(s, "unknown field '%.100s'%s%s", key, near[0] ? ", did you mean " : "", near);
  }
  return MXN_OK;
}

/* A number from 0 to limit - 1. */
static mxn_status read_index(const scope *s, const json_t *json, uint64_t limit, const char *what, uint32_t *out) {
  TRY(expect(s, json, JSON_INTEGER, "an integer", what));
  const json_int_t number = json_integer_value(json);
  if (number < 0 || (uint64_t)number >= limit)
    return fail(s, "%s is %" JSON_INTEGER_FORMAT ", expected a number below %" PRIu64, what, number, limit);
  *out = (uint32_t)number;
  return MXN_OK;
}

/* [node, output] or [node, output, version]: an output of one of the first `limit` nodes. */
static mxn_status read_value(const scope *s, const json_t *entry, size_t limit, const char *what, size_t index,
                             value *out) {
  char label[64];
  uint32_t id, output, version;
  snprintf(label, sizeof label, "%s %zu", what, index);
  TRY(expect_array(s, entry, label));
  const size_t n = json_array_size(entry);
  if (n != 2 && n != 3) return fail(s, "%s has %zu numbers, expected 2 or 3", label, n);
  snprintf(label, sizeof label, "node of %s %zu", what, index);
  TRY(read_index(s, json_array_get(entry, 0), limit, label, &id));
  snprintf(label, sizeof label, "output of %s %zu", what, index);
  TRY(read_index(s, json_array_get(entry, 1), MAX_OUTPUT + 1, label, &output));
  snprintf(label, sizeof label, "version of %s %zu", what, index);
  if (n == 3) TRY(read_index(s, json_array_get(entry, 2), UINT32_MAX, label, &version));
  node *read = s->graph->nodes[id];
  if (node_is_variable(read) && output > 0)
    return fail(s, "output of %s %zu is %" PRIu32 ", but node %" PRIu32 " is a variable", what, index, output, id);
  if (output >= read->n_outputs) read->n_outputs = output + 1;
  *out = (value){read, output};
  return MXN_OK;
}

static char *dump_text(arena *a, const json_t *json) {
  const size_t flags = JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15);
  const size_t bytes = json_dumpb(json, NULL, 0, flags);
  char *text = arena_alloc(a, bytes + 1);
  /* No text at all: jansson lacks memory. */
  if (bytes == 0 || json_dumpb(json, text, bytes, flags) != bytes) longjmp(a->recovery, 1);
  return text;
}

static mxn_status attribute_text(const scope *s, const char *key, const json_t *json, const char **out_text) {
  if (json_is_string(json))
    *out_text = arena_strdup(s->p->arena, json_string_value(json));
  else if (json_is_number(json))
    *out_text = dump_text(s->p->arena, json);
  else
    return fail(s, "attribute '%.100s' is %s, expected a string", key, kind_text(json));
  return MXN_OK;
}

/* Where MXNet versions put attributes; of one key the first of these counts. */
static const char *const attribute_fields[] = {"attrs", "attr", "param"};
enum { N_ATTRIBUTE_FIELDS = sizeof attribute_fields / sizeof *attribute_fields };

static bool is_in_earlier_field(const json_t *object, const char *key, size_t field) {
  for (size_t i = 0; i < field; i++)
    if (json_object_get(json_object_get(object, attribute_fields[i]), key)) return true;
  return false;
}

static mxn_status read_attributes(const scope *s, const json_t *object, node *n) {
  size_t total = 0;
  for (size_t i = 0; i < N_ATTRIBUTE_FIELDS; i++) {
    const json_t *field = json_object_get(object, attribute_fields[i]);
    if (field) TRY(expect(s, field, JSON_OBJECT, "an object", attribute_fields[i]));
    total += json_object_size(field);
  }
  n->attributes = arena_array(s->p->arena, total, sizeof *n->attributes);
  for (size_t i = 0; i < N_ATTRIBUTE_FIELDS; i++) {
    const char *key;
    json_t *member;
    json_object_foreach(json_object_get(object, attribute_fields[i]), key, member) {
      if (is_in_earlier_field(object, key, i)) continue;
      attribute *a = &n->attributes[n->n_attributes++];
      a->key = arena_strdup(s->p->arena, key);
      TRY(attribute_text(s, key, member, &a->text));
    }
  }
  return MXN_OK;
}

static mxn_status read_inputs(const scope *s, const json_t *inputs, node *n) {
  for (uint32_t i = 0; i < n->n_inputs; i++)
    TRY(read_value(s, json_array_get(inputs, i), s->node, "input", i, &n->inputs[i]));
  return MXN_OK;
}

static mxn_status read_graph(scope *s, json_t *root);

static mxn_status read_subgraphs(const scope *s, const json_t *object, node *n) {
  json_t *subgraphs = json_object_get(object, "subgraphs");
  if (!subgraphs) return MXN_OK;
  TRY(expect_array(s, subgraphs, "subgraphs"));
  if (s->depth == MAX_SUBGRAPH_DEPTH) return fail(s, "subgraphs are nested more than %d deep", MAX_SUBGRAPH_DEPTH);
  n->n_subgraphs = (uint32_t)json_array_size(subgraphs);
  n->subgraphs = arena_array(s->p->arena, n->n_subgraphs, sizeof *n->subgraphs);
  for (uint32_t i = 0; i < n->n_subgraphs; i++) {
    n->subgraphs[i] = graph_create(s->p->arena, "");
    n->subgraphs[i]->name = n->name;
    n->subgraphs[i]->np_shape = s->graph->np_shape;
    scope inner = {.p = s->p, .outer = s, .graph = n->subgraphs[i], .subgraph = i, .depth = s->depth + 1};
    TRY(read_graph(&inner, json_array_get(subgraphs, i)));
  }
  return MXN_OK;
}

static void release_json(void *box) { json_decref(*(json_t **)box); }

/* _CachedOp has its graph as a text among its attributes. */
static mxn_status read_cached_op(const scope *s, node *n) {
  const char *text = node_attribute(n, CACHED_OP_GRAPH);
  if (!text || n->n_subgraphs > 0) return MXN_OK;
  json_error_t error;
  json_t **owner = arena_alloc(s->p->arena, sizeof *owner);
  arena_defer(s->p->arena, release_json, owner);
  json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &error);
  if (!root) return fail(s, "attribute '" CACHED_OP_GRAPH "': line %d: %s", error.line, error.text);
  *owner = json_pack("{s: [o]}", "subgraphs", root);
  if (!*owner) longjmp(s->p->arena->recovery, 1);
  const mxn_status status = read_subgraphs(s, *owner, n);
  json_decref(*owner);
  *owner = NULL;
  return status;
}

static mxn_status read_node(scope *s, json_t *object) {
  s->op = s->name = NULL;
  TRY(expect(s, object, JSON_OBJECT, "an object", "it"));
  const json_t *name = json_object_get(object, "name"), *op = json_object_get(object, "op");
  const json_t *inputs = json_object_get(object, "inputs");
  TRY(expect(s, name, JSON_STRING, "a string", "name"));
  s->name = json_string_value(name);
  TRY(expect(s, op, JSON_STRING, "a string", "op"));
  s->op = json_string_value(op);
  if (!s->op[0]) return fail(s, "op is empty");
  TRY(check_fields(s, object, node_fields, N_NODE_FIELDS));
  TRY(expect_array(s, inputs, "inputs"));
  /* The number of outputs is known when all nodes that read them are. */
  node *n = graph_add(s->graph, s->op, s->name, (uint32_t)json_array_size(inputs), 0);
  n->n_outputs = 1;
  if (node_is_variable(n) && n->n_inputs > 0)
    return fail(s, "a variable has %" PRIu32 " inputs, expected none", n->n_inputs);
  TRY(read_inputs(s, inputs, n));
  TRY(read_attributes(s, object, n));
  TRY(read_subgraphs(s, object, n));
  return strcmp(n->op, CACHED_OP) == 0 ? read_cached_op(s, n) : MXN_OK;
}

static mxn_status read_nodes(scope *s, const json_t *nodes) {
  s->n_nodes = json_array_size(nodes);
  s->is_in_node = true;
  for (s->node = 0; s->node < s->n_nodes; s->node++) TRY(read_node(s, json_array_get(nodes, s->node)));
  s->is_in_node = false;
  return MXN_OK;
}

static mxn_status read_heads(const scope *s, const json_t *heads) {
  graph *g = s->graph;
  g->n_outputs = json_array_size(heads);
  g->outputs = arena_array(s->p->arena, g->n_outputs, sizeof *g->outputs);
  if (!s->outer && g->n_outputs == 0) return fail(s, "heads is empty: the graph has no outputs");
  for (size_t i = 0; i < g->n_outputs; i++)
    TRY(read_value(s, json_array_get(heads, i), s->n_nodes, "head", i, &g->outputs[i]));
  return MXN_OK;
}

static mxn_status add_outputs(const scope *s) {
  for (size_t i = 0; i < s->graph->n_nodes; i++) {
    node *n = s->graph->nodes[i];
    s->p->n_outputs += n->n_outputs;
    if (s->p->n_outputs > MAX_OUTPUTS) return fail(s, "the nodes have more than %d outputs", MAX_OUTPUTS);
    n->outputs = arena_array(s->p->arena, n->n_outputs, sizeof *n->outputs);
    for (uint32_t k = 0; k < n->n_outputs; k++) n->outputs[k] = (mxn_type){.dtype = MXN_DTYPE_UNKNOWN, .n_dims = -1};
  }
  return MXN_OK;
}

static mxn_status check_arg_nodes(const scope *s, const json_t *arg_nodes) {
  if (!arg_nodes) return MXN_OK;
  TRY(expect_array(s, arg_nodes, "arg_nodes"));
  for (size_t i = 0; i < json_array_size(arg_nodes); i++) {
    uint32_t id;
    char label[48];
    snprintf(label, sizeof label, "arg_nodes[%zu]", i);
    TRY(read_index(s, json_array_get(arg_nodes, i), s->n_nodes, label, &id));
    const node *n = s->graph->nodes[id];
    if (!node_is_variable(n))
      return fail(s, "%s is node %" PRIu32 " '%.100s' (%.100s), expected a variable", label, id, n->name, n->op);
  }
  return MXN_OK;
}

/* Attributes of the file are pairs of a type's name and a value: ["int", 10901]. */
static mxn_status read_file_attribute(const scope *s, const char *key, const json_t *pair, attribute *out) {
  char label[128];
  snprintf(label, sizeof label, "attribute '%.100s' of the file", key);
  TRY(expect_array(s, pair, label));
  if (json_array_size(pair) != 2 || !json_is_string(json_array_get(pair, 0)))
    return fail(s, "%s has %zu values, expected a type and a value", label, json_array_size(pair));
  const bool is_int = strcmp(key, "mxnet_version") == 0 || strcmp(key, "is_np_shape") == 0;
  if (is_int && !json_is_integer(json_array_get(pair, 1)))
    return fail(s, "%s is %s, expected an integer", label, kind_text(json_array_get(pair, 1)));
  *out = (attribute){arena_strdup(s->p->arena, key), dump_text(s->p->arena, pair)};
  return MXN_OK;
}

static mxn_status read_file_attributes(const scope *s, json_t *attributes) {
  if (!attributes) return MXN_OK;
  TRY(expect(s, attributes, JSON_OBJECT, "an object", "attrs"));
  graph *g = s->graph;
  const json_t *np_shape = json_object_get(attributes, "is_np_shape");
  g->attributes = arena_array(s->p->arena, json_object_size(attributes), sizeof *g->attributes);
  const char *key;
  json_t *pair;
  json_object_foreach(attributes, key, pair) TRY(read_file_attribute(s, key, pair, &g->attributes[g->n_attributes++]));
  if (np_shape) g->np_shape = json_integer_value(json_array_get(np_shape, 1)) != 0;
  return MXN_OK;
}

static mxn_status read_graph(scope *s, json_t *root) {
  TRY(expect(s, root, JSON_OBJECT, "an object", s->outer ? "it" : "the text"));
  TRY(check_fields(s, root, graph_fields, N_GRAPH_FIELDS));
  const json_t *nodes = json_object_get(root, "nodes"), *heads = json_object_get(root, "heads");
  TRY(expect_array(s, nodes, "nodes"));
  TRY(expect_array(s, heads, "heads"));
  TRY(read_file_attributes(s, json_object_get(root, "attrs")));
  TRY(read_nodes(s, nodes));
  TRY(read_heads(s, heads));
  TRY(add_outputs(s));
  return check_arg_nodes(s, json_object_get(root, "arg_nodes"));
}

mxn_status symbol_parse(arena *a, const char *file, const char *text, size_t bytes, graph **out_graph, mxn_error *err) {
  *out_graph = NULL;
  if (bytes == 0) return error_set(err, MXN_FORMAT, "%s: the file is empty", file);
  if (bytes > MAX_TEXT_BYTES)
    return error_set(err, MXN_FORMAT, "%s: %zu bytes, expected at most %d", file, bytes, MAX_TEXT_BYTES);
  json_t **root = arena_alloc(a, sizeof *root);
  arena_defer(a, release_json, root);
  json_error_t error;
  errno = 0; /* where jansson lacks memory for a token it speaks of bad syntax */
  *root = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &error);
  if (!*root && (errno == ENOMEM || json_error_code(&error) == json_error_out_of_memory))
    return error_set(err, MXN_NOMEM, "%s: out of memory", file);
  if (!*root)
    return error_set(err, MXN_FORMAT, "%s: line %d, column %d: %s", file, error.line, error.column, error.text);
  parser p = {.arena = a, .file = file, .err = err};
  scope top = {.p = &p, .graph = graph_create(a, file)};
  const mxn_status status = read_graph(&top, *root);
  json_decref(*root);
  *root = NULL;
  if (status == MXN_OK) *out_graph = top.graph;
  return status;
}

static void release_file(void *file) { file_unmap(file); }

mxn_status symbol_load(arena *a, const char *path, graph **out_graph, mxn_error *err) {
  *out_graph = NULL;
  mapped_file *file = arena_alloc(a, sizeof *file);
  arena_defer(a, release_file, file);
  TRY(file_map(path, file, err));
  const mxn_status status = symbol_parse(a, path, (const char *)file->data, file->bytes, out_graph, err);
  file_unmap(file);
  return status;
}
