/* program_step.c - see program_step.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "executor/program_step.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "executor/subgraph.h"
#include "graph/shape.h"
#include "ops/ops.h"

static void close_program(void *program) { mxn_program_close(program); }
static void destroy_session(void *session) { mxn_session_destroy(session); }

/* The program may order its inputs by itself: names say which is which, and where
 * they do not (a rewritten symbol), the node's order counts. */
static void match_inputs(arena *a, program_step *s) {
  size_t n_matched = 0;
  for (uint32_t k = 0; k < s->n_inputs; k++) {
    const char *name = subgraph_input_name(a, s->node, k);
    for (size_t i = 0; name && i < s->n_inputs; i++) {
      if (strcmp(mxn_program_input_name(s->program, i), name) != 0) continue;
      s->input_of[i] = k;
      n_matched++;
      break;
    }
  }
  for (uint32_t i = 0; i < s->n_inputs && n_matched != s->n_inputs; i++) s->input_of[i] = i;
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
  s->padded = arena_array(a, s->n_inputs, sizeof *s->padded);
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

/* Equal but for dimension 0. */
static bool samples_equal(const mxn_type *a, const mxn_type *b) {
  if (a->n_dims != b->n_dims || a->n_dims < 1) return false;
  mxn_type c = *a;
  c.dims[0] = b->dims[0];
  return shape_equal(&c, b);
}

static mxn_status shape_error(const program_step *s, size_t i, const char *why, mxn_error *err) {
  const mxn_type *expected = mxn_program_input_type(s->program, i), *got = bound_type(s, i);
  char a[SHAPE_TEXT_BYTES], b[SHAPE_TEXT_BYTES];
  return error_set(err, MXN_SHAPE, "%s: node '%s': compiled for input '%s' of %s %s, got %s %s%s", s->graph->name,
                   s->node->name, mxn_program_input_name(s->program, i), mxn_dtype_name(expected->dtype),
                   shape_text(expected, a), mxn_dtype_name(got->dtype), shape_text(got, b), why);
}

static node *inner_variable(const graph *inner, const char *name) {
  for (size_t i = 0; i < inner->n_nodes; i++)
    if (node_is_variable(inner->nodes[i]) && !strcmp(inner->nodes[i]->name, name)) return inner->nodes[i];
  return NULL;
}

/* Which operator mixes the samples; inside the node, for the compiled shapes. */
static const node *find_mixer(const program_step *s) {
  const node *first = NULL;
  if (s->node->n_subgraphs == 0) return NULL;
  graph *inner = s->node->subgraphs[0];
  for (size_t i = 0; i < s->n_inputs; i++) {
    node *v = inner_variable(inner, mxn_program_input_name(s->program, i));
    if (v) v->outputs[0] = *mxn_program_input_type(s->program, i);
  }
  mxn_error ignored = {0};
  if (ops_infer(inner, &ignored) != MXN_OK || ops_prove_batch(inner, &first)) return NULL;
  return first;
}

static mxn_status batch_error(arena *a, const program_step *s, size_t i, mxn_error *err) {
  const node *mixer = find_mixer(s);
  const char *why = ", and another batch size is not proven to give the same results";
  if (mixer) why = arena_printf(a, ", and node '%s' (%s) is not proven to keep samples apart", mixer->name, mixer->op);
  return shape_error(s, i, why, err);
}

/* All inputs have the compiled shape, or all have another size of dimension 0. */
static mxn_status find_batch(arena *a, program_step *s, mxn_error *err) {
  s->batch = s->compiled = 1;
  for (size_t i = 0; i < s->n_inputs; i++) {
    const mxn_type *expected = mxn_program_input_type(s->program, i), *got = bound_type(s, i);
    if (expected->dtype != got->dtype || !shape_is_known(got)) return shape_error(s, i, "", err);
    const bool is_equal = shape_equal(expected, got);
    if (!is_equal && !samples_equal(expected, got)) return shape_error(s, i, "", err);
    if (!is_equal && !mxn_program_has_batch(s->program)) return batch_error(a, s, i, err);
    if (i == 0 && got->n_dims > 0) {
      s->batch = got->dims[0];
      s->compiled = expected->dims[0];
    }
    if (!is_equal && (got->dims[0] < 1 || got->dims[0] != s->batch || expected->dims[0] != s->compiled))
      return shape_error(s, i, ", which is not the batch of the first input", err);
    if (is_equal && s->batch != s->compiled)
      return shape_error(s, i, ", which is not the batch of the first input", err);
  }
  return MXN_OK;
}

static void *allocate(arena *a, size_t bytes) {
  enum { ALIGNMENT = 64 };
  void *data = bytes > SIZE_MAX / 2 ? NULL : aligned_alloc(ALIGNMENT, (bytes / ALIGNMENT + 1) * ALIGNMENT);
  if (!data) longjmp(a->recovery, 1);
  arena_defer(a, free, data);
  return data;
}

static mxn_status set_outputs(program_step *s, mxn_error *err) {
  for (uint32_t i = 0; i < s->node->n_outputs; i++) {
    mxn_type *t = &s->node->outputs[i];
    *t = *mxn_program_output_type(s->program, i);
    if (s->batch == s->compiled) continue;
    if (t->n_dims < 1 || t->dims[0] != s->compiled)
      return error_set(err, MXN_FORMAT, "%s: node '%s': output %u of its program does not carry the batch",
                       s->graph->name, s->node->name, i);
    t->dims[0] = s->batch;
  }
  return MXN_OK;
}

mxn_status program_step_bind(arena *a, program_step *s, mxn_error *err) {
  TRY(find_batch(a, s, err));
  TRY(set_outputs(s, err));
  for (size_t i = 0; i < s->n_inputs; i++) {
    size_t bytes;
    s->inputs[i].type = *mxn_program_input_type(s->program, i);
    if (s->batch == s->compiled || (s->compiled > 0 && s->batch % s->compiled == 0)) continue;
    if (!type_bytes(&s->inputs[i].type, &bytes)) return shape_error(s, i, "", err);
    s->padded[i] = allocate(a, bytes);
    memset(s->padded[i], 0, bytes);
  }
  return MXN_OK;
}

bool program_step_copies(const program_step *s) { return s->batch != s->compiled; }

/* Running. */

static size_t sample_bytes(const mxn_type *t) {
  size_t bytes = mxn_dtype_bytes(t->dtype);
  for (int32_t i = 1; i < t->n_dims; i++) bytes *= (size_t)t->dims[i];
  return bytes;
}

/* Point to `count` samples from `first` on; fewer than a batch are padded. */
static void take_samples(program_step *s, const mxn_tensor *inputs, int64_t first, int64_t count) {
  for (size_t i = 0; i < s->n_inputs; i++) {
    const size_t bytes = sample_bytes(&s->inputs[i].type);
    char *data = (char *)inputs[s->input_of[i]].data + (size_t)first * bytes;
    if (count < s->compiled) {
      memcpy(s->padded[i], data, (size_t)count * bytes);
      data = s->padded[i];
    }
    s->inputs[i].data = data;
  }
}

static mxn_status run_piece(program_step *s, mxn_error *err) {
  const mxn_status status = mxn_session_run(s->session, s->inputs, s->n_inputs, s->outputs, s->n_outputs, err);
  return status == MXN_OK ? status : error_prefix(err, status, "%s: node '%s'", s->graph->name, s->node->name);
}

static mxn_status run_pieces(program_step *s, const mxn_tensor *inputs, mxn_tensor *outputs, mxn_error *err) {
  for (int64_t first = 0; first < s->batch; first += s->compiled) {
    const int64_t left = s->batch - first, count = left < s->compiled ? left : s->compiled;
    take_samples(s, inputs, first, count);
    TRY(run_piece(s, err));
    for (uint32_t i = 0; i < s->node->n_outputs; i++) {
      const size_t bytes = sample_bytes(&outputs[i].type);
      memcpy((char *)outputs[i].data + (size_t)first * bytes, s->outputs[i].data, (size_t)count * bytes);
    }
  }
  return MXN_OK;
}

mxn_status program_step_run(program_step *s, const mxn_tensor *inputs, mxn_tensor *outputs, mxn_error *err) {
  if (program_step_copies(s)) return run_pieces(s, inputs, outputs, err);
  for (size_t i = 0; i < s->n_inputs; i++) s->inputs[i].data = inputs[s->input_of[i]].data;
  TRY(run_piece(s, err));
  for (uint32_t i = 0; i < s->node->n_outputs; i++) outputs[i].data = s->outputs[i].data;
  return MXN_OK;
}
