/* subgraph.c - see subgraph.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ops/subgraph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json_string.h"
#include "base/shape.h"
#include "base/text_list.h"

bool subgraph_is(const node *n) { return !strcmp(n->op, SUBGRAPH_OP); }

static uint32_t count_numbers(const char *text) {
  uint32_t n;
  return text && text_list_numbers(text, NULL, 0, &n) ? n : 0;
}

uint32_t subgraph_n_data(const node *n) {
  const uint32_t n_data = count_numbers(node_attribute(n, "in_types"));
  return n_data < n->n_inputs ? n_data : 0;
}

uint32_t subgraph_n_listed_outputs(const node *n) { return count_numbers(node_attribute(n, "out_types")); }

text_list_types subgraph_input_types(const node *n) {
  return text_list_types_of(node_attribute(n, "in_types"), node_attribute(n, "in_shapes"));
}

text_list_types subgraph_output_types(const node *n) {
  return text_list_types_of(node_attribute(n, "out_types"), node_attribute(n, "out_shapes"));
}

/* String number `index` of a list, or NULL; in `a`. */
static const char *listed_name(arena *a, const char *text, uint32_t index) {
  text_list_reader reader = {text, 0};
  for (uint32_t i = 0; i < index; i++)
    if (!text_list_next(&reader, NULL)) return NULL;
  text_list_reader behind = reader;
  if (!text_list_next(&behind, NULL)) return NULL;
  char *name = arena_alloc(a, (size_t)(behind.at - reader.at));
  text_list_next(&reader, name);
  return name;
}

const char *subgraph_input_names(const node *n) { return node_attribute(n, "__input_names__"); }

const char *subgraph_input_name(arena *a, const node *n, uint32_t input) {
  const char *names = subgraph_input_names(n);
  return names ? listed_name(a, names, input) : NULL;
}

const char *subgraph_output_name(arena *a, const node *n, uint32_t output) {
  const char *names = node_attribute(n, "__output_names__");
  const char *name = names ? listed_name(a, names, output) : NULL;
  if (name && *name) return name;
  return n->n_outputs == 1 ? arena_printf(a, "%s_output", n->name) : arena_printf(a, "%s_output%u", n->name, output);
}

mxn_status subgraph_neuronbin(const graph *g, const node *n, const mxn_tensor **out_array, mxn_error *err) {
  const node *bin = n->n_inputs ? n->inputs[n->n_inputs - 1].node : NULL;
  if (!bin || !node_is_variable(bin))
    return error_set(err, MXN_FORMAT, "%s: node '%s' (%s): its last input is not the variable '%s%s'", g->name, n->name,
                     n->op, n->name, SUBGRAPH_NEURONBIN);
  if (!bin->constant)
    return error_set(err, MXN_FORMAT, "%s: node '%s' (%s): the parameters have no array '%s'", g->name, n->name, n->op,
                     bin->name);
  const mxn_type *t = &bin->constant->type;
  if (t->dtype != MXN_UINT8 && t->dtype != MXN_INT8)
    return error_set(err, MXN_FORMAT, "%s: node '%s' (%s): expected uint8 in '%s', got %s", g->name, n->name, n->op,
                     bin->name, mxn_dtype_name(t->dtype));
  *out_array = bin->constant;
  return MXN_OK;
}

/* Writing. */

static void print_shape(FILE *out, const mxn_type *t, bool has_batch) {
  putc('[', out);
  for (int32_t i = 0; i < t->n_dims; i++)
    fprintf(out, "%s%lld", i ? ", " : "", i == 0 && has_batch ? 0LL : (long long)t->dims[i]);
  putc(']', out);
}

/* What one list attribute shows of input or output number i. */
typedef struct list_source {
  const node *node;
  const char *const *input_names, *const *output_names;
  bool has_batch;
} list_source;

static void print_input_shape(FILE *out, const list_source *s, uint32_t i) {
  print_shape(out, value_type(s->node->inputs[i]), s->has_batch);
}
static void print_output_shape(FILE *out, const list_source *s, uint32_t i) {
  print_shape(out, &s->node->outputs[i], s->has_batch);
}
static void print_input_dtype(FILE *out, const list_source *s, uint32_t i) {
  fprintf(out, "%d", value_type(s->node->inputs[i])->dtype);
}
static void print_output_dtype(FILE *out, const list_source *s, uint32_t i) {
  fprintf(out, "%d", s->node->outputs[i].dtype);
}
static void print_input_name(FILE *out, const list_source *s, uint32_t i) { json_print_string(out, s->input_names[i]); }
static void print_output_name(FILE *out, const list_source *s, uint32_t i) {
  json_print_string(out, s->output_names[i]);
}

static void set_list(graph *g, node *n, const char *key, const list_source *source, uint32_t n_items,
                     void (*print)(FILE *, const list_source *, uint32_t)) {
  char *text = NULL;
  size_t bytes = 0;
  FILE *out = open_memstream(&text, &bytes);
  if (!out) longjmp(g->arena->recovery, 1);
  putc('[', out);
  for (uint32_t i = 0; i < n_items; i++) {
    if (i) fputs(", ", out);
    print(out, source, i);
  }
  putc(']', out);
  if (fclose(out) != 0 || !text) {
    free(text);
    longjmp(g->arena->recovery, 1);
  }
  arena_defer(g->arena, free, text);
  node_set_attribute(g, n, key, text);
}

static void set_number(graph *g, node *n, const char *key, long long number) {
  node_set_attribute(g, n, key, arena_printf(g->arena, "%lld", number));
}

void subgraph_describe(graph *g, node *n, uint32_t n_data, const char *const *input_names,
                       const char *const *output_names, bool has_batch) {
  const list_source source = {n, input_names, output_names, has_batch};
  const mxn_type *first = value_type(n->inputs[0]);
  set_number(g, n, "num_inputs", 1);
  set_number(g, n, "__ext_extra_inputs__", (long long)n->n_inputs - 1);
  set_number(g, n, "num_outputs", n->n_outputs);
  set_list(g, n, "in_shapes", &source, n_data, print_input_shape);
  set_list(g, n, "out_shapes", &source, n->n_outputs, print_output_shape);
  set_list(g, n, "in_types", &source, n_data, print_input_dtype);
  set_list(g, n, "out_types", &source, n->n_outputs, print_output_dtype);
  set_number(g, n, "compile_batch", first->n_dims > 0 ? first->dims[0] : 1);
  set_number(g, n, "__subgraph_opt_neuroncore__", 1);
  set_list(g, n, "__input_names__", &source, n_data, print_input_name);
  set_list(g, n, "__output_names__", &source, n->n_outputs, print_output_name);
}
