/* bind.c - from a node's texts to its definition and parameters.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/shape.h"
#include "ops/family.h"

/* Of all nodes of a graph together: more than any model has, few enough to list. */
enum { MAX_OUTPUTS = 1 << 20 };

mxn_status op_error(const graph *g, const node *n, mxn_error *err, mxn_status code, const char *format, ...) {
  char text[MXN_ERROR_MESSAGE_BYTES];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  return error_set(err, code, "%s%snode '%s' (%s): %s", g ? g->name : "", g ? ": " : "", n->name, n->op, text);
}

static mxn_status parse_attributes(const graph *g, const node *n, op_parameter *parameters, mxn_error *err) {
  const op_attribute *a = n->def->attributes;
  for (size_t i = 0; a && a[i].name; i++) {
    const char *text = node_attribute(n, a[i].name), *expected = "";
    if (attribute_parse(g->arena, &a[i], text, &parameters[i], &expected)) continue;
    if (!text) return op_error(g, n, err, MXN_FORMAT, "attribute %s is missing, expected %s", a[i].name, expected);
    return op_error(g, n, err, MXN_FORMAT, "attribute %s: expected %s, got '%.100s'", a[i].name, expected, text);
  }
  return MXN_OK;
}

/* Inputs. */

static uint32_t count_names(const char *const *names) {
  uint32_t n = 0;
  while (names && names[n]) n++;
  return n;
}

static const char *input_list(const graph *g, const char *const *names, uint32_t n) {
  const char *list = "";
  for (uint32_t i = 0; names && names[i] && i < n; i++)
    list = arena_printf(g->arena, "%s%s%s", list, i ? ", " : " (", names[i]);
  return *list ? arena_printf(g->arena, "%s)", list) : list;
}

static mxn_status check_inputs(const graph *g, const node *n, mxn_error *err) {
  const op_def *def = n->def;
  const uint32_t expected = def->count_inputs ? def->count_inputs(n) : count_names(def->inputs);
  if (op_own_inputs(n) == expected) return MXN_OK;
  return op_error(g, n, err, MXN_FORMAT, "expected %u input%s%s, got %u", expected, expected == 1 ? "" : "s",
                  input_list(g, def->inputs, expected), op_own_inputs(n));
}

static void mark_auxiliaries(const node *n) {
  for (uint32_t i = 0; i < n->n_inputs; i++)
    if (op_input_is_auxiliary(n, i) && node_is_variable(n->inputs[i].node)) n->inputs[i].node->is_auxiliary = true;
}

/* Outputs. */

uint32_t two_outputs(const node *n) { return (void)n, 2; }
uint32_t three_outputs(const node *n) { return (void)n, 3; }

static mxn_status set_outputs(const graph *g, node *n, uint32_t *n_outputs, mxn_error *err) {
  const op_def *def = n->def;
  const uint32_t shown = def->count_outputs ? def->count_outputs(n) : 1;
  const uint32_t all = shown == 1 ? shown + def->n_hidden_outputs : shown;
  if (all > MAX_OUTPUTS - *n_outputs)
    return op_error(g, n, err, MXN_UNSUPPORTED, "the nodes have more than %d outputs", MAX_OUTPUTS);
  *n_outputs += all;
  if (n->n_outputs > all) return op_error(g, n, err, MXN_FORMAT, "output %u is read, it has %u", n->n_outputs - 1, all);
  if (n->n_outputs >= shown) return MXN_OK;
  mxn_type *outputs = arena_array(g->arena, shown, sizeof *outputs);
  for (uint32_t i = 0; i < shown; i++) outputs[i] = i < n->n_outputs ? n->outputs[i] : type_unknown();
  n->outputs = outputs;
  n->n_outputs = shown;
  return MXN_OK;
}

static const char *const *list_suffixes(const graph *g, const node *n) {
  const char *const *names = n->def->list_outputs ? n->def->list_outputs(n) : n->def->outputs;
  const uint32_t n_names = count_names(names);
  const char **suffixes = arena_array(g->arena, n->n_outputs, sizeof *suffixes);
  const bool is_single = !names && n->n_outputs == 1;
  for (uint32_t i = 0; i < n->n_outputs; i++)
    suffixes[i] = is_single ? "output" : i < n_names ? names[i] : arena_printf(g->arena, "output%u", i);
  return suffixes;
}

/* Nodes. */

static mxn_status bind_node(const graph *g, node *n, uint32_t *n_outputs, mxn_error *err) {
  n->def = op_find(n->op);
  n->parameters = NULL;
  n->np_shape = g->np_shape;
  if (!n->def) return MXN_OK;
  size_t n_attributes = 0;
  while (n->def->attributes && n->def->attributes[n_attributes].name) n_attributes++;
  op_parameter *parameters = arena_array(g->arena, n_attributes + 1, sizeof *parameters);
  n->parameters = parameters;
  TRY(parse_attributes(g, n, parameters, err));
  TRY(check_inputs(g, n, err));
  TRY(set_outputs(g, n, n_outputs, err));
  parameters[n_attributes].texts = list_suffixes(g, n);
  mark_auxiliaries(n);
  return MXN_OK;
}

mxn_status ops_bind(graph *g, mxn_error *err) {
  uint32_t n_outputs = 0;
  for (size_t i = 0; i < g->n_nodes; i++) {
    node *n = g->nodes[i];
    if (!node_is_variable(n)) TRY(bind_node(g, n, &n_outputs, err));
    for (size_t k = 0; k < n->n_fused; k++) TRY(bind_node(g, (node *)n->fused[k].operator, & n_outputs, err));
    for (uint32_t k = 0; k < n->n_subgraphs; k++) TRY(ops_bind(n->subgraphs[k], err));
  }
  return MXN_OK;
}
