/* program_step.c - see program_step.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "executor/program_step.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/shape.h"
#include "ops/ops.h"
#include "ops/subgraph.h"

static void close_program(void *program) { mxn_program_close(program); }
static void destroy_session(void *session) { mxn_session_destroy(session); }

/* The program may order its inputs by itself: names say which is which, and where
 * they do not (a rewritten symbol), the node's order counts. */
static void match_inputs(arena *a, program_step *s) {
  const char *listed = subgraph_input_names(s->node);
  const char **names = arena_array(a, s->n_inputs, sizeof *names);
  for (size_t i = 0; i < s->n_inputs; i++) names[i] = mxn_program_input_name(s->program, i);
  text_list_match(listed, names, (uint32_t)s->n_inputs, arena_alloc(a, listed ? strlen(listed) : 0), s->input_of);
}

static mxn_status check_interface(const program_step *s, mxn_error *err) {
  const node *n = s->node;
  if (s->n_inputs != subgraph_n_data(n))
    return error_set(err, MXN_FORMAT, "%s: node '%s': its program has %zu inputs, in_types of the node says %u",
                     s->graph->name, n->name, s->n_inputs, subgraph_n_data(n));
  if (s->n_outputs < n->n_outputs)
    return error_set(err, MXN_FORMAT, "%s: node '%s': its program has %zu outputs, the symbol uses %u", s->graph->name,
                     n->name, s->n_outputs, n->n_outputs);
  return MXN_OK;
}

mxn_status program_step_open(arena *a, graph *g, node *n, uint32_t n_cores, program_step **out_step, mxn_error *err) {
  program_step *s = arena_alloc(a, sizeof *s);
  const mxn_tensor *array;
  size_t bytes;
  s->graph = g;
  s->node = n;
  TRY(subgraph_neuronbin(g, n, &array, err));
  if (!type_bytes(&array->type, &bytes))
    return error_set(err, MXN_FORMAT, "%s: node '%s': its neuronbin has no size", g->name, n->name);
  const char *label = arena_printf(a, "%s: node '%s'", g->name, n->name);
  TRY(mxn_program_open_memory(array->data, bytes, label, &s->program, err));
  arena_defer(a, close_program, s->program);
  s->n_inputs = mxn_program_n_inputs(s->program);
  s->n_outputs = mxn_program_n_outputs(s->program);
  TRY(check_interface(s, err));
  s->input_of = arena_array(a, s->n_inputs, sizeof *s->input_of);
  s->inputs = arena_array(a, s->n_inputs, sizeof *s->inputs);
  s->outputs = arena_array(a, s->n_outputs, sizeof *s->outputs);
  match_inputs(a, s);
  TRY(mxn_session_create(s->program, n_cores, &s->session, err));
  arena_defer(a, destroy_session, s->session);
  *out_step = s;
  return MXN_OK;
}

/* Binding. */

static const mxn_type *bound_type(const program_step *s, size_t i) {
  return value_type(s->node->inputs[s->input_of[i]]);
}

static const mxn_type *compiled_type(const program_step *s, size_t i) { return mxn_program_input_type(s->program, i); }

/* The types of the node are what the symbol says, which need not be true. */
static mxn_status check_type(const program_step *s, const char *name, const mxn_type *compiled, const mxn_type *bound,
                             mxn_error *err) {
  char a[SHAPE_TEXT_BYTES], b[SHAPE_TEXT_BYTES];
  const bool carries_batch = compiled->n_dims > 0 && compiled->dims[0] == s->compiled;
  mxn_type expected = *compiled;
  if (carries_batch) expected.dims[0] = s->batch;
  const bool is_cut = s->batch != s->compiled;
  const bool may_be_cut = carries_batch && mxn_program_has_batch(s->program);
  if ((!is_cut || may_be_cut) && expected.dtype == bound->dtype && shape_equal(&expected, bound)) return MXN_OK;
  return error_set(err, MXN_FORMAT,
                   "%s: node '%s': its program is compiled for '%s' of %s %s, the symbol makes it %s %s",
                   s->graph->name, s->node->name, name, mxn_dtype_name(compiled->dtype), shape_text(compiled, a),
                   mxn_dtype_name(bound->dtype), shape_text(bound, b));
}

/* Dimension 0 of the first input, where it has one, says how the batch is cut. */
mxn_status program_step_bind(program_step *s, mxn_error *err) {
  s->batch = s->compiled = 1;
  if (s->n_inputs > 0 && compiled_type(s, 0)->n_dims > 0 && bound_type(s, 0)->n_dims > 0) {
    s->batch = bound_type(s, 0)->dims[0];
    s->compiled = compiled_type(s, 0)->dims[0];
  }
  for (size_t i = 0; i < s->n_inputs; i++)
    TRY(check_type(s, mxn_program_input_name(s->program, i), compiled_type(s, i), bound_type(s, i), err));
  for (uint32_t i = 0; i < s->node->n_outputs; i++)
    TRY(check_type(s, mxn_program_output_name(s->program, i), mxn_program_output_type(s->program, i),
                   &s->node->outputs[i], err));
  return MXN_OK;
}

bool program_step_copies(const program_step *s) { return s->batch != s->compiled; }

/* Running. */

/* Outputs that the symbol does not use keep no data: they are not wanted. */
static mxn_status run_into(program_step *s, mxn_tensor *outputs, mxn_error *err) {
  for (uint32_t i = 0; i < s->node->n_outputs; i++) s->outputs[i] = outputs[i];
  return mxn_session_run_into(s->session, s->inputs, s->n_inputs, s->outputs, s->n_outputs, err);
}

mxn_status program_step_run(program_step *s, const mxn_tensor *inputs, mxn_tensor *outputs, mxn_error *err) {
  for (size_t i = 0; i < s->n_inputs; i++) s->inputs[i] = inputs[s->input_of[i]];
  const bool copies = program_step_copies(s);
  const mxn_status status = copies ? run_into(s, outputs, err)
                                   : mxn_session_run(s->session, s->inputs, s->n_inputs, s->outputs, s->n_outputs, err);
  if (status != MXN_OK) return error_prefix(err, status, "%s: node '%s'", s->graph->name, s->node->name);
  for (uint32_t i = 0; i < s->node->n_outputs && !copies; i++) outputs[i].data = s->outputs[i].data;
  return MXN_OK;
}
