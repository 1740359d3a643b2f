/* model.c - see model.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "executor/model.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/near.h"
#include "base/shape.h"
#include "ops/ops.h"
#include "ops/subgraph.h"

bool input_is_ignored(const node *n, uint32_t input) {
  if (subgraph_is(n)) return input >= subgraph_n_data(n);
  return n->def && input >= op_first_label(n);
}

bool *nodes_needed(arena *a, const graph *g, const value *values, size_t n_values) {
  bool *needed = arena_array(a, g->n_nodes, sizeof *needed);
  for (size_t i = 0; i < n_values; i++) needed[values[i].node->id] = true;
  for (size_t i = g->n_nodes; i-- > 0;) {
    const node *n = g->nodes[i];
    if (!needed[i]) continue;
    for (uint32_t k = 0; k < n->n_inputs; k++)
      if (!input_is_ignored(n, k)) needed[n->inputs[k].node->id] = true;
  }
  return needed;
}

const char *model_value_name(graph *g, value v) {
  const node *n = v.node;
  if (node_is_variable(n)) return n->name;
  if (subgraph_is(n)) return subgraph_output_name(g->arena, n, v.output);
  if (n->def) return value_name(g, v);
  return n->n_outputs == 1 ? arena_printf(g->arena, "%s_output", n->name)
                           : arena_printf(g->arena, "%s_output%u", n->name, v.output);
}

static size_t count_operators(const graph *g) {
  size_t n = 0;
  for (size_t i = 0; i < g->n_nodes; i++) n += !node_is_variable(g->nodes[i]);
  return n;
}

static void count(mxn_model *m) {
  mxn_model_statistics *s = &m->statistics;
  graph *g = m->graph;
  *s = (mxn_model_statistics){.n_operators = count_operators(g)};
  m->subgraphs = arena_array(&m->arena, s->n_operators, sizeof *m->subgraphs);
  for (size_t i = 0; i < g->n_nodes; i++) {
    node *n = g->nodes[i];
    if (!subgraph_is(n)) continue;
    m->subgraphs[s->n_subgraphs++] = n;
    for (uint32_t k = 0; k < n->n_subgraphs; k++) s->n_compiled += count_operators(n->subgraphs[k]);
  }
  s->n_original = s->n_operators - s->n_subgraphs + s->n_compiled;
}

/* A copy of the graph with the types that its parameters and compiled subgraphs
 * imply; a model that contradicts itself says so when it is bound. */
static const graph *infer_from_parameters(const mxn_model *m) {
  mxn_error ignored = {0};
  graph *g = graph_copy(m->graph->arena, m->graph);
  if (ops_bind(g, &ignored) != MXN_OK || ops_infer_known(g, &ignored) != MXN_OK) return m->graph;
  return g;
}

static void list_inputs(mxn_model *m) {
  const graph *g = m->graph;
  const graph *inferred = infer_from_parameters(m);
  const bool *needed = nodes_needed(&m->arena, g, g->outputs, g->n_outputs);
  m->inputs = arena_array(&m->arena, g->n_nodes, sizeof *m->inputs);
  m->input_types = arena_array(&m->arena, g->n_nodes, sizeof *m->input_types);
  for (size_t i = 0; i < g->n_nodes; i++) {
    node *n = g->nodes[i];
    if (!needed[i] || !node_is_variable(n) || n->constant) continue;
    m->input_types[m->n_inputs] = inferred->nodes[n->id]->outputs[0];
    m->inputs[m->n_inputs++] = n;
  }
}

void model_describe(mxn_model *m) {
  graph *g = m->graph;
  count(m);
  list_inputs(m);
  m->output_names = arena_array(&m->arena, g->n_outputs, sizeof *m->output_names);
  for (size_t i = 0; i < g->n_outputs; i++) m->output_names[i] = model_value_name(g, g->outputs[i]);
  m->variables = graph_variables(&m->arena, g, &m->n_variables);
  m->array_names = arena_array(&m->arena, m->parameters.n_items, sizeof *m->array_names);
  for (size_t i = 0; i < m->parameters.n_items; i++) {
    const parameter *p = &m->parameters.items[i];
    m->array_names[i] = arena_printf(&m->arena, "%s%s", parameter_prefix(p->kind), p->name);
  }
}

/* Every value of the graph with its name, the model's outputs first. */
typedef struct named_values {
  const char **names;
  value *values;
  size_t n;
} named_values;

static void add_named(graph *g, named_values *all, value v) {
  all->names[all->n] = model_value_name(g, v);
  all->values[all->n++] = v;
}

static named_values name_values(graph *g) {
  size_t n = g->n_outputs;
  for (size_t i = 0; i < g->n_nodes; i++) n += g->nodes[i]->n_outputs;
  named_values all = {arena_array(g->arena, n, sizeof *all.names), arena_array(g->arena, n, sizeof *all.values), 0};
  for (size_t i = 0; i < g->n_outputs; i++) add_named(g, &all, g->outputs[i]);
  for (size_t i = 0; i < g->n_nodes; i++)
    for (uint32_t k = 0; k < g->nodes[i]->n_outputs; k++) add_named(g, &all, (value){g->nodes[i], k});
  return all;
}

static mxn_status unknown_output(const graph *g, const named_values *all, const char *name, mxn_error *err) {
  char near[192];
  name_list outputs = {0};
  for (size_t i = 0; i < g->n_outputs; i++) name_list_add(&outputs, all->names[i], NULL);
  near_names(name, all->names, all->n, near, sizeof near);
  return error_set(err, MXN_ARGUMENT, "%s: there is no output '%s'; %s %s", g->name, name,
                   near[0] ? "near names:" : "the outputs are", near[0] ? near : name_list_text(&outputs));
}

mxn_status find_values(graph *g, const char *const *names, size_t n_names, value **out_values, mxn_error *err) {
  const named_values all = name_values(g);
  *out_values = arena_array(g->arena, n_names, sizeof **out_values);
  for (size_t i = 0; i < n_names; i++) {
    size_t k = 0;
    while (k < all.n && strcmp(all.names[k], names[i])) k++;
    if (k == all.n) return unknown_output(g, &all, names[i], err);
    (*out_values)[i] = all.values[k];
  }
  return MXN_OK;
}

mxn_status options_read(const char *type, const void *options, size_t bytes, void *out_options, size_t known_bytes,
                        mxn_error *err) {
  const char *given = options;
  if (bytes < sizeof bytes)
    return error_set(err, MXN_ARGUMENT, "%s.struct_bytes: expected sizeof(%s), got %zu", type, type, bytes);
  for (size_t i = known_bytes; i < bytes; i++)
    if (given[i])
      return error_set(err, MXN_UNSUPPORTED, "%s: byte %zu is set, this library knows the first %zu", type, i,
                       known_bytes);
  memcpy(out_options, options, bytes < known_bytes ? bytes : known_bytes);
  return MXN_OK;
}

void name_list_add(name_list *list, const char *name, const char *op) {
  char item[128];
  enum { ROOM_FOR_MORE = 32 };
  list->n_names++;
  const int bytes = op ? snprintf(item, sizeof item, "%s'%.60s' (%.40s)", list->used ? ", " : "", name, op)
                       : snprintf(item, sizeof item, "%s'%.60s'", list->used ? ", " : "", name);
  if (bytes < 0 || list->used + (size_t)bytes + ROOM_FOR_MORE > sizeof list->text) return;
  memcpy(list->text + list->used, item, (size_t)bytes + 1);
  list->used += (size_t)bytes;
  list->n_shown++;
}

const char *name_list_text(name_list *list) {
  if (list->n_shown < list->n_names)
    snprintf(list->text + list->used, sizeof list->text - list->used, " and %zu more", list->n_names - list->n_shown);
  return list->text;
}
