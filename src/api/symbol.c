/* symbol.c - what a symbol is as text, and what its types are.
 *
 * The model is only read: each call works in an arena of its own.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "base/error.h"
#include "base/near.h"
#include "base/shape.h"
#include "executor/model.h"
#include "mxnet/checkpoint.h"
#include "ops/ops.h"

mxn_status mxn_model_print_symbol(const mxn_model *model, char *buffer, size_t buffer_bytes, size_t *out_bytes,
                                  mxn_error *err) {
  error_clear(err);
  *out_bytes = 0;
  arena a;
  arena_init(&a);
  if (setjmp(a.recovery)) {
    arena_finish(&a);
    return error_set(err, MXN_NOMEM, "%s: out of memory", model->graph->name);
  }
  const char *text = symbol_print(&a, model->graph);
  const size_t bytes = strlen(text), kept = bytes < buffer_bytes ? bytes : buffer_bytes - 1;
  if (buffer_bytes > 0) {
    memcpy(buffer, text, kept);
    buffer[kept] = '\0';
  }
  arena_finish(&a);
  *out_bytes = bytes;
  return MXN_OK;
}

/* Types. */

static mxn_status unknown_variable(const mxn_model *model, const graph *g, const char *name, mxn_error *err) {
  const char **names = arena_array(g->arena, model->n_variables, sizeof *names);
  char near[192];
  for (size_t i = 0; i < model->n_variables; i++) names[i] = model->variables[i]->name;
  near_names(name, names, model->n_variables, near, sizeof near);
  return error_set(err, MXN_ARGUMENT, "%s: there is no variable '%s'%s%s", g->name, name,
                   near[0] ? "; near names: " : "", near);
}

/* What an input is given goes before what the symbol says (__shape__), as in
 * MXNet; an array is what it is. */
static mxn_status merge_input(const graph *g, node *n, const mxn_input *input, mxn_error *err) {
  char expected[SHAPE_TEXT_BYTES], got[SHAPE_TEXT_BYTES];
  mxn_type *type = &n->outputs[0], given = input->type;
  if (given.dtype == MXN_DTYPE_UNKNOWN) given.dtype = type->dtype;
  if (n->constant && given.dtype != type->dtype)
    return error_set(err, MXN_SHAPE, "%s: variable '%s': expected dtype %s, got %s", g->name, n->name,
                     mxn_dtype_name(type->dtype), mxn_dtype_name(given.dtype));
  if ((n->constant || given.n_dims < 0) && !shape_merge(&given, type))
    return error_set(err, MXN_SHAPE, "%s: variable '%s': expected shape %s, got %s", g->name, n->name,
                     shape_text(type, expected), shape_text(&given, got));
  *type = given;
  return MXN_OK;
}

static mxn_status set_input(const mxn_model *model, const graph *g, const mxn_input *input, mxn_error *err) {
  char text[SHAPE_TEXT_BYTES];
  bool is_found = false;
  if (!type_is_valid(&input->type))
    return error_set(err, MXN_ARGUMENT, "%s: variable '%s': expected a dtype and dimensions, or -1, got %s %s", g->name,
                     input->name, mxn_dtype_name(input->type.dtype), shape_text(&input->type, text));
  for (size_t i = 0; i < g->n_nodes; i++) {
    node *n = g->nodes[i];
    if (!node_is_variable(n) || strcmp(n->name, input->name) != 0) continue;
    is_found = true;
    TRY(merge_input(g, n, input, err));
  }
  return is_found ? MXN_OK : unknown_variable(model, g, input->name, err);
}

static mxn_status infer(const mxn_model *model, graph *g, const mxn_input *inputs, size_t n_inputs, mxn_error *err) {
  TRY(ops_bind(g, err));
  for (size_t i = 0; i < n_inputs; i++) TRY(set_input(model, g, &inputs[i], err));
  return ops_infer(g, err);
}

static void give_types(const mxn_model *model, const graph *g, mxn_type *out_variables, mxn_type *out_outputs) {
  for (size_t i = 0; i < model->n_variables && out_variables; i++)
    out_variables[i] = g->nodes[model->variables[i]->id]->outputs[0];
  for (size_t i = 0; i < g->n_outputs && out_outputs; i++) out_outputs[i] = *value_type(g->outputs[i]);
}

mxn_status mxn_model_infer(const mxn_model *model, const mxn_input *inputs, size_t n_inputs, mxn_type *out_variables,
                           mxn_type *out_outputs, mxn_error *err) {
  error_clear(err);
  arena a;
  arena_init(&a);
  if (setjmp(a.recovery)) {
    arena_finish(&a);
    return error_set(err, MXN_NOMEM, "%s: out of memory", model->graph->name);
  }
  graph *g = graph_copy(&a, model->graph);
  const mxn_status status = infer(model, g, inputs, n_inputs, err);
  if (status == MXN_OK) give_types(model, g, out_variables, out_outputs);
  arena_finish(&a);
  return status;
}
