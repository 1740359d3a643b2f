/* parse.c - the text of text.h, read. One function a rule of the grammar; a
 * line never nests, so neither does the parser.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/shape.h"
#include "base/utf8.h"
#include "graph/text.h"

/* As for symbol files: an output takes 150 bytes. */
enum { MAX_TEXT_BYTES = 64 << 20, MAX_OUTPUTS = 1 << 20 };

typedef struct parser {
  graph *graph;
  const char *file;
  const char *at, *end;
  size_t line;
  size_t n_outputs; /* of all nodes so far */
  mxn_error *err;
} parser;

typedef struct value_list {
  value *items;
  size_t n, capacity;
} value_list;

typedef struct attribute_list {
  attribute *items;
  size_t n, capacity;
} attribute_list;

typedef struct type_list {
  mxn_type *items;
  size_t n, capacity;
} type_list;

static void skip_blanks(parser *p) {
  while (p->at < p->end && (*p->at == ' ' || *p->at == '\t')) p->at++;
}

static mxn_status unexpected(parser *p, const char *expected) {
  enum { SHOWN_BYTES = 24 };
  skip_blanks(p);
  size_t n = 0;
  while (n < SHOWN_BYTES && p->at + n < p->end && p->at[n] != '\n') n++;
  n = utf8_cut(p->at, n);
  if (n == 0)
    return error_set(p->err, MXN_FORMAT, "%s: line %zu: expected %s, got the end of the line", p->file, p->line,
                     expected);
  return error_set(p->err, MXN_FORMAT, "%s: line %zu: expected %s, got '%.*s'", p->file, p->line, expected, (int)n,
                   p->at);
}

static bool is_word_byte(char c) { return isalnum((unsigned char)c) || c == '_' || c == '.'; }

/* Step over `token` if it is next; a word must end there. */
static bool accept(parser *p, const char *token) {
  skip_blanks(p);
  const size_t n = strlen(token);
  if ((size_t)(p->end - p->at) < n || memcmp(p->at, token, n) != 0) return false;
  const char *behind = p->at + n;
  if (isalpha((unsigned char)token[0]) && behind < p->end && is_word_byte(*behind)) return false;
  p->at = behind;
  return true;
}

static mxn_status expect(parser *p, const char *token, const char *expected) {
  return accept(p, token) ? MXN_OK : unexpected(p, expected);
}

static bool is_next(parser *p, char c) {
  skip_blanks(p);
  return p->at < p->end && *p->at == c;
}

static bool is_digit(parser *p) { return p->at < p->end && isdigit((unsigned char)*p->at); }

/* A decimal number up to `limit`. */
static mxn_status read_number(parser *p, uint64_t limit, const char *expected, uint64_t *out) {
  skip_blanks(p);
  if (!is_digit(p)) return unexpected(p, expected);
  uint64_t number = 0;
  for (; is_digit(p); p->at++)
    if (__builtin_mul_overflow(number, 10u, &number) ||
        __builtin_add_overflow(number, (uint64_t)(*p->at - '0'), &number) || number > limit)
      return error_set(p->err, MXN_FORMAT, "%s: line %zu: expected %s of at most %" PRIu64, p->file, p->line, expected,
                       limit);
  *out = number;
  return MXN_OK;
}

static int hex_digit(char c) {
  static const char digits[] = "0123456789abcdef";
  const char *found = c ? strchr(digits, tolower((unsigned char)c)) : NULL;
  return found ? (int)(found - digits) : -1;
}

/* The byte that an escape stands for, with p->at behind its backslash; 0 where it is none. */
static char read_escape(parser *p) {
  if (p->end - p->at < 1) return 0;
  const char c = *p->at++;
  if (c == '"' || c == '\\') return c;
  if (c == 'n') return '\n';
  if (c != 'x' || p->end - p->at < 2) return 0;
  const int high = hex_digit(p->at[0]), low = hex_digit(p->at[1]);
  p->at += 2;
  return high < 0 || low < 0 ? 0 : (char)(high << 4 | low);
}

static mxn_status read_string(parser *p, const char *expected, const char **out) {
  TRY(expect(p, "\"", expected));
  size_t n = 0; /* bytes up to the closing quote, escapes as written */
  while (p->at + n < p->end && p->at[n] != '"' && p->at[n] != '\n')
    n += p->at[n] == '\\' && p->at + n + 1 < p->end ? 2 : 1;
  char *text = arena_alloc(p->graph->arena, n + 1);
  size_t used = 0;
  while (p->at < p->end && *p->at != '"' && *p->at != '\n') {
    char c = *p->at++;
    if (c == '\\' && !(c = read_escape(p))) return unexpected(p, "an escape \\\" \\\\ \\n or \\xHH before this");
    text[used++] = c;
  }
  TRY(expect(p, "\"", "a closing quote"));
  if (!utf8_is_text(text, used))
    return error_set(p->err, MXN_FORMAT, "%s: line %zu: a string is not UTF-8", p->file, p->line);
  *out = text;
  return MXN_OK;
}

/* A bare word or a string. */
static mxn_status read_word(parser *p, const char *expected, const char **out) {
  if (is_next(p, '"')) return read_string(p, expected, out);
  const char *start = p->at;
  while (p->at < p->end && is_word_byte(*p->at)) p->at++;
  if (p->at == start) return unexpected(p, expected);
  char *text = arena_alloc(p->graph->arena, (size_t)(p->at - start) + 1);
  memcpy(text, start, (size_t)(p->at - start));
  *out = text;
  return MXN_OK;
}

/* [ "{" KEY "=" STRING { "," KEY "=" STRING } "}" ] */
static mxn_status read_attributes(parser *p, attribute **out, size_t *out_n) {
  attribute_list list = {0};
  if (!accept(p, "{")) return MXN_OK;
  do {
    attribute *a = ARENA_PUSH(p->graph->arena, list.items, list.n, list.capacity);
    TRY(read_word(p, "the name of an attribute", &a->key));
    TRY(expect(p, "=", "'='"));
    TRY(read_string(p, "the text of an attribute in quotes", &a->text));
  } while (accept(p, ","));
  *out = list.items;
  *out_n = list.n;
  return expect(p, "}", "',' or '}'");
}

/* "%4" or "%4.1" */
static mxn_status read_value(parser *p, value *out) {
  uint64_t id, output = 0;
  const graph *g = p->graph;
  TRY(expect(p, "%", "a value such as %4 or %4.1"));
  if (g->n_nodes == 0)
    return error_set(p->err, MXN_FORMAT, "%s: line %zu: a value before the first node", p->file, p->line);
  TRY(read_number(p, g->n_nodes - 1, "the number of a node before this line", &id));
  node *n = g->nodes[id];
  if (accept(p, ".")) TRY(read_number(p, n->n_outputs - 1, "the number of an output", &output));
  *out = (value){n, (uint32_t)output};
  return MXN_OK;
}

static mxn_status read_values(parser *p, value_list *list) {
  if (!is_next(p, '%')) return MXN_OK;
  do TRY(read_value(p, ARENA_PUSH(p->graph->arena, list->items, list->n, list->capacity)));
  while (accept(p, ","));
  return MXN_OK;
}

/* "(" [ DIM { "," DIM } ] ")", a DIM being a number or "?" */
static mxn_status read_dims(parser *p, mxn_type *t) {
  TRY(expect(p, "(", "a shape"));
  t->n_dims = 0;
  if (accept(p, ")")) return MXN_OK;
  do {
    uint64_t dim = 0;
    if (t->n_dims == MXN_MAX_DIMS)
      return error_set(p->err, MXN_FORMAT, "%s: line %zu: more than %d dimensions", p->file, p->line, MXN_MAX_DIMS);
    const bool is_unknown = accept(p, "?");
    if (!is_unknown) TRY(read_number(p, INT64_MAX, "a dimension", &dim));
    t->dims[t->n_dims++] = is_unknown ? -1 : (int64_t)dim;
  } while (accept(p, ","));
  return expect(p, ")", "',' or ')'");
}

static mxn_status read_type(parser *p, mxn_type *t) {
  *t = type_unknown();
  if (!accept(p, "?")) {
    const char *name;
    TRY(read_word(p, "an element type", &name));
    t->dtype = mxn_dtype_from_name(name);
    if (t->dtype == MXN_DTYPE_UNKNOWN)
      return error_set(p->err, MXN_FORMAT, "%s: line %zu: '%.40s' is no element type", p->file, p->line, name);
  }
  return accept(p, "?") ? MXN_OK : read_dims(p, t);
}

/* ":" TYPE { "," TYPE } end of line */
static mxn_status read_types(parser *p, type_list *list) {
  TRY(expect(p, ":", "':' and a type"));
  do {
    if (p->n_outputs++ == MAX_OUTPUTS)
      return error_set(p->err, MXN_FORMAT, "%s: line %zu: more than %d outputs", p->file, p->line, MAX_OUTPUTS);
    TRY(read_type(p, ARENA_PUSH(p->graph->arena, list->items, list->n, list->capacity)));
  } while (accept(p, ","));
  return MXN_OK;
}

static mxn_status end_line(parser *p) {
  skip_blanks(p);
  if (p->at == p->end) return MXN_OK;
  TRY(expect(p, "\n", "the end of the line"));
  p->line++;
  return MXN_OK;
}

static void skip_empty_lines(parser *p) {
  for (skip_blanks(p); p->at < p->end && *p->at == '\n'; skip_blanks(p)) {
    p->at++;
    p->line++;
  }
}

/* OP [ "/" operands ] [ "#" chain ] STRING [ attributes ] */
static mxn_status read_fused(parser *p, fused_operator *out) {
  node *n = arena_alloc(p->graph->arena, sizeof *n);
  uint64_t n_inputs = 1, chain = 0;
  TRY(read_word(p, "the name of an operator", &n->op));
  if (accept(p, "/")) TRY(read_number(p, UINT16_MAX, "a number of operands", &n_inputs));
  if (accept(p, "#")) TRY(read_number(p, UINT16_MAX, "the number of an operand", &chain));
  if (chain >= n_inputs)
    return error_set(p->err, MXN_FORMAT, "%s: line %zu: operand %" PRIu64 " of an operator of %" PRIu64, p->file,
                     p->line, chain, n_inputs);
  TRY(read_string(p, "the name of a node in quotes", &n->name));
  TRY(read_attributes(p, &n->attributes, &n->n_attributes));
  n->n_inputs = (uint32_t)n_inputs;
  n->inputs = arena_array(p->graph->arena, n_inputs, sizeof *n->inputs);
  *out = (fused_operator){n, (uint32_t)chain};
  return MXN_OK;
}

typedef struct fused_list {
  fused_operator *items;
  size_t n, capacity;
} fused_list;

static mxn_status read_all_fused(parser *p, const value_list *inputs, fused_list *list) {
  size_t extra = 0;
  while (accept(p, "then")) {
    fused_operator *f = ARENA_PUSH(p->graph->arena, list->items, list->n, list->capacity);
    TRY(read_fused(p, f));
    extra += f->operator->n_inputs - 1;
    if (extra > inputs->n)
      return error_set(p->err, MXN_FORMAT, "%s: line %zu: the fused operators need %zu more operands, there are %zu",
                       p->file, p->line, extra, inputs->n);
  }
  return MXN_OK;
}

static void set_fused(graph *g, node *n, const fused_list *list) {
  n->n_fused = list->n;
  n->fused = list->items;
  for (size_t i = 0; i < list->n; i++) {
    node *fused = (node *)list->items[i].operator;
    fused->n_outputs = 1;
    fused->outputs = arena_copy(g->arena, n->outputs, sizeof *n->outputs);
  }
  node_wire_fused(n);
}

static mxn_status read_operator(parser *p, const char *op) {
  value_list inputs = {0};
  fused_list fused = {0};
  type_list types = {0};
  node parts = {0};
  TRY(read_values(p, &inputs));
  TRY(expect(p, ")", "',' or ')'"));
  TRY(read_string(p, "the name of a node in quotes", &parts.name));
  TRY(read_attributes(p, &parts.attributes, &parts.n_attributes));
  TRY(read_all_fused(p, &inputs, &fused));
  TRY(read_types(p, &types));
  if (strcmp(op, "null") == 0)
    return error_set(p->err, MXN_FORMAT, "%s: line %zu: a variable is written as input, constant or auxiliary", p->file,
                     p->line);
  node *n = graph_add(p->graph, op, parts.name, (uint32_t)inputs.n, (uint32_t)types.n);
  n->attributes = parts.attributes;
  n->n_attributes = parts.n_attributes;
  n->inputs = inputs.items;
  n->outputs = types.items;
  set_fused(p->graph, n, &fused);
  return MXN_OK;
}

static mxn_status read_variable(parser *p, bool is_auxiliary) {
  node parts = {0};
  type_list types = {0};
  TRY(read_string(p, "the name of a variable in quotes", &parts.name));
  TRY(read_attributes(p, &parts.attributes, &parts.n_attributes));
  TRY(read_types(p, &types));
  if (types.n != 1)
    return error_set(p->err, MXN_FORMAT, "%s: line %zu: a variable has %zu types, expected 1", p->file, p->line,
                     types.n);
  node *n = graph_add_variable(p->graph, parts.name, types.items[0]);
  n->attributes = parts.attributes;
  n->n_attributes = parts.n_attributes;
  n->is_auxiliary = is_auxiliary;
  return MXN_OK;
}

static mxn_status read_node(parser *p) {
  uint64_t id;
  const char *word;
  TRY(expect(p, "%", "a node, or output"));
  TRY(read_number(p, UINT32_MAX, "the number of a node", &id));
  if (id != p->graph->n_nodes)
    return error_set(p->err, MXN_FORMAT, "%s: line %zu: node %" PRIu64 ", expected %zu", p->file, p->line, id,
                     p->graph->n_nodes);
  TRY(expect(p, "=", "'='"));
  TRY(read_word(p, "an operator, input, constant or auxiliary", &word));
  if (accept(p, "(")) return read_operator(p, word);
  if (strcmp(word, "input") == 0 || strcmp(word, "constant") == 0) return read_variable(p, false);
  if (strcmp(word, "auxiliary") == 0) return read_variable(p, true);
  return unexpected(p, "'(' and the operator's inputs");
}

static mxn_status read_graph(parser *p) {
  graph *g = p->graph;
  value_list outputs = {0};
  skip_empty_lines(p);
  TRY(expect(p, "graph", "graph and its name"));
  TRY(read_string(p, "the name of the graph in quotes", &g->name));
  g->np_shape = accept(p, "np_shape");
  TRY(read_attributes(p, &g->attributes, &g->n_attributes));
  TRY(end_line(p));
  for (skip_empty_lines(p); !accept(p, "output"); skip_empty_lines(p)) {
    TRY(read_node(p));
    TRY(end_line(p));
  }
  TRY(read_values(p, &outputs));
  g->outputs = outputs.items;
  g->n_outputs = outputs.n;
  TRY(end_line(p));
  skip_empty_lines(p);
  return p->at == p->end ? MXN_OK : unexpected(p, "nothing after the outputs");
}

mxn_status graph_parse(arena *a, const char *file, const char *text, size_t n, graph **out_graph, mxn_error *err) {
  *out_graph = NULL;
  if (n > MAX_TEXT_BYTES)
    return error_set(err, MXN_FORMAT, "%s: %zu bytes, expected at most %d", file, n, MAX_TEXT_BYTES);
  if (n == 0) text = "";
  if (!utf8_is_text(text, n)) return error_set(err, MXN_FORMAT, "%s: the text is not UTF-8", file);
  parser p = {.graph = graph_create(a, ""), .file = file, .at = text, .end = text + n, .line = 1, .err = err};
  TRY(read_graph(&p));
  *out_graph = p.graph;
  return MXN_OK;
}
