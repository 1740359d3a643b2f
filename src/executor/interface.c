/* interface.c - see interface.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "executor/interface.h"

#include <string.h>

#include "base/error.h"
#include "base/near.h"
#include "base/shape.h"
#include "executor/model.h"
#include "ops/ops.h"

static const mxn_input *find_input(const mxn_input *inputs, size_t n, const char *name) {
  for (size_t i = 0; i < n; i++)
    if (!strcmp(inputs[i].name, name)) return &inputs[i];
  return NULL;
}

static mxn_status check_input(const graph *g, const mxn_input *input, mxn_error *err) {
  char text[SHAPE_TEXT_BYTES];
  const char **names = arena_array(g->arena, g->n_nodes, sizeof *names);
  name_list all = {0};
  size_t n = 0, bytes;
  if (!type_bytes(&input->type, &bytes))
    return error_set(err, MXN_ARGUMENT, "%s: input '%s': expected a type and a shape, got %s %s", g->name, input->name,
                     mxn_dtype_name(input->type.dtype), shape_text(&input->type, text));
  for (size_t i = 0; i < g->n_nodes; i++) {
    if (!node_is_variable(g->nodes[i]) || g->nodes[i]->constant) continue;
    if (!strcmp(g->nodes[i]->name, input->name)) return MXN_OK;
    names[n++] = g->nodes[i]->name;
    name_list_add(&all, g->nodes[i]->name, NULL);
  }
  char near[192];
  near_names(input->name, names, n, near, sizeof near);
  return error_set(err, MXN_ARGUMENT, "%s: there is no input '%s'; %s %s", g->name, input->name,
                   near[0] ? "near names:" : "the inputs are", near[0] ? near : name_list_text(&all));
}

static mxn_status set_inputs(graph *g, const mxn_input *inputs, size_t n_inputs, mxn_error *err) {
  const bool *needed = nodes_needed(g->arena, g, g->outputs, g->n_outputs);
  name_list missing = {0};
  for (size_t i = 0; i < n_inputs; i++) {
    TRY(check_input(g, &inputs[i], err));
    if (find_input(inputs, i, inputs[i].name))
      return error_set(err, MXN_ARGUMENT, "%s: input '%s' is given twice", g->name, inputs[i].name);
  }
  for (size_t i = 0; i < g->n_nodes; i++) {
    node *v = g->nodes[i];
    if (!node_is_variable(v) || v->constant || !needed[i]) continue;
    const mxn_input *given = find_input(inputs, n_inputs, v->name);
    if (given)
      v->outputs[0] = given->type;
    else
      name_list_add(&missing, v->name, NULL);
  }
  if (missing.n_names == 0) return MXN_OK;
  return error_set(err, MXN_ARGUMENT, "%s: neither an input nor an array in the parameters is given for %s", g->name,
                   name_list_text(&missing));
}

/* Of a graph with other outputs only what they need stays. */
static mxn_status choose_outputs(graph *g, const char *const *names, size_t n_names, mxn_error *err) {
  value *values;
  if (n_names == 0) return MXN_OK;
  TRY(find_values(g, names, n_names, &values, err));
  g->outputs = values;
  g->n_outputs = n_names;
  graph_compact(g);
  return MXN_OK;
}

mxn_status graph_set_interface(graph *g, const mxn_input *inputs, size_t n_inputs, const char *const *outputs,
                               size_t n_outputs, mxn_error *err) {
  TRY(choose_outputs(g, outputs, n_outputs, err));
  TRY(set_inputs(g, inputs, n_inputs, err));
  return ops_infer(g, err);
}
