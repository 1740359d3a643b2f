/* symbol_print.c - writing NAME-symbol.json as MXNet 1.9.1 reads it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_string.h"
#include "mxnet/cached_op.h"
#include "mxnet/checkpoint.h"

static void print_field(FILE *out, int indent, const char *key) { fprintf(out, "%*s\"%s\": ", indent, "", key); }

static void print_values(FILE *out, const value *values, size_t n) {
  fputc('[', out);
  for (size_t i = 0; i < n; i++)
    fprintf(out, "%s[%" PRIu32 ", %" PRIu32 ", 0]", i ? ", " : "", values[i].node->id, values[i].output);
  fputc(']', out);
}

static void print_attributes(FILE *out, int indent, const node *n) {
  print_field(out, indent, "attrs");
  fputs("{\n", out);
  for (size_t i = 0; i < n->n_attributes; i++) {
    fprintf(out, "%*s", indent + 2, "");
    json_print_string(out, n->attributes[i].key);
    fputs(": ", out);
    json_print_string(out, n->attributes[i].text);
    fputs(i + 1 < n->n_attributes ? ",\n" : "\n", out);
  }
  fprintf(out, "%*s},\n", indent, "");
}

static void print_graph(FILE *out, int indent, const graph *g, bool is_top);

static void print_subgraphs(FILE *out, int indent, const node *n) {
  fputs(",\n", out);
  print_field(out, indent, "subgraphs");
  fputs("[\n", out);
  for (uint32_t i = 0; i < n->n_subgraphs; i++) {
    fprintf(out, "%*s", indent + 2, "");
    print_graph(out, indent + 2, n->subgraphs[i], false);
    fputs(i + 1 < n->n_subgraphs ? ",\n" : "\n", out);
  }
  fprintf(out, "%*s]", indent, "");
}

static void print_node(FILE *out, int indent, const node *n) {
  fprintf(out, "%*s{\n", indent, "");
  print_field(out, indent + 2, "op");
  json_print_string(out, n->op);
  fputs(",\n", out);
  print_field(out, indent + 2, "name");
  json_print_string(out, n->name);
  fputs(",\n", out);
  if (n->n_attributes) print_attributes(out, indent + 2, n);
  print_field(out, indent + 2, "inputs");
  print_values(out, n->inputs, n->n_inputs);
  const bool is_in_attribute = strcmp(n->op, CACHED_OP) == 0 && node_attribute(n, CACHED_OP_GRAPH);
  if (n->n_subgraphs && !is_in_attribute) print_subgraphs(out, indent + 2, n);
  fprintf(out, "\n%*s}", indent, "");
}

static void print_arg_nodes(FILE *out, const graph *g) {
  const char *separator = "[";
  for (size_t i = 0; i < g->n_nodes; i++) {
    if (!node_is_variable(g->nodes[i])) continue;
    fprintf(out, "%s%zu", separator, i);
    separator = ", ";
  }
  fputs(separator[0] == '[' ? "[]" : "]", out);
}

/* The number of outputs before each node, and in all. */
static void print_node_row_ptr(FILE *out, const graph *g) {
  uint64_t n_outputs = 0;
  fputs("[0", out);
  for (size_t i = 0; i < g->n_nodes; i++) {
    n_outputs += g->nodes[i]->n_outputs;
    fprintf(out, ", %" PRIu64, n_outputs);
  }
  fputc(']', out);
}

/* What is written here stands for MXNet 1.9.1, whatever the file was read as. */
static void print_file_attributes(FILE *out, int indent, const graph *g) {
  fputs(",\n", out);
  print_field(out, indent, "attrs");
  fputs("{\"mxnet_version\": [\"int\", 10901]", out);
  if (g->np_shape) fputs(", \"is_np_shape\": [\"int\", 1]", out);
  for (size_t i = 0; i < g->n_attributes; i++) {
    const attribute *a = &g->attributes[i];
    if (strcmp(a->key, "mxnet_version") == 0 || strcmp(a->key, "is_np_shape") == 0) continue;
    fputs(", ", out);
    json_print_string(out, a->key);
    fprintf(out, ": %s", a->text);
  }
  fputc('}', out);
}

static void print_graph(FILE *out, int indent, const graph *g, bool is_top) {
  fputs("{\n", out);
  print_field(out, indent + 2, "nodes");
  fputs("[\n", out);
  for (size_t i = 0; i < g->n_nodes; i++) {
    print_node(out, indent + 4, g->nodes[i]);
    fputs(i + 1 < g->n_nodes ? ",\n" : "\n", out);
  }
  fprintf(out, "%*s],\n", indent + 2, "");
  print_field(out, indent + 2, "arg_nodes");
  print_arg_nodes(out, g);
  fputs(",\n", out);
  print_field(out, indent + 2, "node_row_ptr");
  print_node_row_ptr(out, g);
  fputs(",\n", out);
  print_field(out, indent + 2, "heads");
  print_values(out, g->outputs, g->n_outputs);
  if (is_top) print_file_attributes(out, indent + 2, g);
  fprintf(out, "\n%*s}", indent, "");
}

char *symbol_print(arena *a, const graph *g) {
  char *text = NULL;
  size_t bytes = 0;
  FILE *out = open_memstream(&text, &bytes);
  if (!out) longjmp(a->recovery, 1);
  print_graph(out, 0, g, true);
  fputc('\n', out);
  const bool is_short = ferror(out) != 0;
  if (fclose(out) != 0 || is_short || !text) {
    free(text);
    longjmp(a->recovery, 1);
  }
  arena_defer(a, free, text);
  return text;
}
