/* executor.c - see include/mxneuron/executor.h.
 *
 * The executor has its own copy of the graph, with types for the bound inputs,
 * and one array for each value that a wanted output needs, all made at create.
 * Where a shape depends on data the array is made by the run, and lives until the
 * next one.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "mxneuron/executor.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/near.h"
#include "base/shape.h"
#include "executor/model.h"
#include "executor/program_step.h"
#include "ops/number.h"
#include "ops/ops.h"
#include "ops/subgraph.h"

typedef struct step {
  const node *node;
  bool has_data_shape;   /* types of its outputs depend on data, of its own or of its inputs */
  program_step *program; /* NULL: the reference forward */
  mxn_tensor *inputs;    /* [n_inputs], filled at each run */
} step;

struct mxn_executor {
  arena arena;
  graph *graph;
  bool *needed;         /* by node id */
  mxn_tensor **tensors; /* by node id: [n_outputs]; NULL where nothing needs the node */
  step *steps;
  size_t n_steps;
  node **inputs; /* in the caller's order; NULL where no run reads it */
  mxn_type *input_types;
  const char **input_names;
  size_t n_inputs;
  value *outputs;
  const char **output_names;
  void **own_output; /* [n_outputs]: a copy, where the output is an input or a parameter */
  size_t n_outputs;
  void *(*allocate)(void *context, size_t bytes);
  void (*release)(void *context, void *data);
  void *memory_context;
  void **run_blocks; /* heap: memory of the last run, for outputs whose shapes it found */
  size_t n_run_blocks, run_blocks_capacity;
};

/* Memory of values: from the caller, or from the heap. */

static void *allocate_on_heap(void *context, size_t bytes) {
  enum { ALIGNMENT = 64 };
  (void)context;
  return bytes > SIZE_MAX / 2 ? NULL : aligned_alloc(ALIGNMENT, (bytes / ALIGNMENT + 1) * ALIGNMENT);
}

static void release_to_heap(void *context, void *data) {
  (void)context;
  free(data);
}

/* A block that dies with the executor. */
typedef struct owned_block {
  const mxn_executor *executor;
  void *data;
} owned_block;

static void release_block(void *object) {
  const owned_block *b = object;
  b->executor->release(b->executor->memory_context, b->data);
}

static void *allocate(mxn_executor *e, size_t bytes) {
  owned_block *b = arena_alloc(&e->arena, sizeof *b);
  *b = (owned_block){e, e->allocate(e->memory_context, bytes)};
  if (!b->data) longjmp(e->arena.recovery, 1);
  arena_defer(&e->arena, release_block, b);
  return b->data;
}

/* Blocks of one run. */

static void release_run(mxn_executor *e) {
  for (size_t i = 0; i < e->n_run_blocks; i++) e->release(e->memory_context, e->run_blocks[i]);
  e->n_run_blocks = 0;
}

static void *allocate_for_run(void *executor, size_t bytes) {
  mxn_executor *e = executor;
  if (e->n_run_blocks == e->run_blocks_capacity) {
    const size_t capacity = e->run_blocks_capacity ? e->run_blocks_capacity * 2 : 16;
    void **blocks = realloc(e->run_blocks, capacity * sizeof *blocks);
    if (!blocks) return NULL;
    e->run_blocks = blocks;
    e->run_blocks_capacity = capacity;
  }
  void *data = e->allocate(e->memory_context, bytes);
  if (data) e->run_blocks[e->n_run_blocks++] = data;
  return data;
}

/* What to evaluate. */

static mxn_status find_outputs(mxn_executor *e, const mxn_executor_options *o, mxn_error *err) {
  graph *g = e->graph;
  e->n_outputs = g->n_outputs;
  e->outputs = g->outputs;
  if (o->n_outputs > 0) {
    TRY(find_values(g, o->outputs, o->n_outputs, &e->outputs, err));
    e->n_outputs = o->n_outputs;
  }
  e->output_names = arena_array(&e->arena, e->n_outputs, sizeof *e->output_names);
  for (size_t i = 0; i < e->n_outputs; i++) e->output_names[i] = model_value_name(g, e->outputs[i]);
  e->needed = nodes_needed(&e->arena, g, e->outputs, e->n_outputs);
  return MXN_OK;
}

static void list_unknown(const graph *g, const bool *needed, name_list *unknown) {
  for (size_t i = 0; i < g->n_nodes; i++) {
    const node *n = g->nodes[i];
    if ((needed && !needed[i]) || node_is_variable(n) || subgraph_is(n)) continue;
    if (!n->def) name_list_add(unknown, n->name, n->op);
    for (uint32_t k = 0; k < n->n_subgraphs && n->def; k++) list_unknown(n->subgraphs[k], NULL, unknown);
  }
}

/* Also inside control flow, before anything runs. */
static mxn_status check_operators(const mxn_executor *e, mxn_error *err) {
  name_list unknown = {0};
  list_unknown(e->graph, e->needed, &unknown);
  if (unknown.n_names == 0) return MXN_OK;
  return error_set(err, MXN_UNSUPPORTED, "%s: %zu %s that nobody knows cannot run: %s", e->graph->name, unknown.n_names,
                   unknown.n_names == 1 ? "operator" : "operators", name_list_text(&unknown));
}

static const mxn_tensor *to_float64(mxn_executor *e, const mxn_tensor *t, mxn_error *err) {
  int64_t n;
  size_t bytes;
  mxn_tensor *wide = arena_alloc(&e->arena, sizeof *wide);
  wide->type = t->type;
  wide->type.dtype = MXN_FLOAT64;
  if (!shape_elements(&wide->type, &n) || !type_bytes(&wide->type, &bytes)) {
    error_set(err, MXN_NOMEM, "a parameter is too large in float64");
    return NULL;
  }
  wide->data = allocate(e, bytes);
  load_doubles(t, 0, n, wide->data);
  return wide;
}

/* Variables decide the types of everything else, of what is not needed too; its
 * parameters stay as they are. */
static mxn_status widen_variables(mxn_executor *e, mxn_error *err) {
  for (size_t i = 0; i < e->graph->n_nodes; i++) {
    node *n = e->graph->nodes[i];
    if (!node_is_variable(n) || !dtype_is_float(n->outputs[0].dtype)) continue;
    if (e->needed[i] && n->constant && !(n->constant = to_float64(e, n->constant, err)))
      return error_prefix(err, MXN_NOMEM, "%s: node '%s'", e->graph->name, n->name);
    n->outputs[0].dtype = MXN_FLOAT64;
  }
  return MXN_OK;
}

/* Inputs. */

static node *find_variable(const graph *g, const char *name) {
  for (size_t i = 0; i < g->n_nodes; i++)
    if (node_is_variable(g->nodes[i]) && !g->nodes[i]->constant && !strcmp(g->nodes[i]->name, name)) return g->nodes[i];
  return NULL;
}

static mxn_status unknown_input(const graph *g, const char *name, mxn_error *err) {
  const char **names = arena_array(g->arena, g->n_nodes, sizeof *names);
  name_list all = {0};
  size_t n = 0;
  for (size_t i = 0; i < g->n_nodes; i++) {
    if (!node_is_variable(g->nodes[i]) || g->nodes[i]->constant) continue;
    names[n++] = g->nodes[i]->name;
    name_list_add(&all, g->nodes[i]->name, NULL);
  }
  char near[192];
  near_names(name, names, n, near, sizeof near);
  return error_set(err, MXN_ARGUMENT, "%s: there is no input '%s'; %s %s", g->name, name,
                   near[0] ? "near names:" : "the inputs are", near[0] ? near : name_list_text(&all));
}

static mxn_status bind_input(mxn_executor *e, size_t i, const mxn_input *input, mxn_error *err) {
  char text[SHAPE_TEXT_BYTES];
  size_t bytes;
  node *n = find_variable(e->graph, input->name);
  if (!n) return unknown_input(e->graph, input->name, err);
  for (size_t k = 0; k < i; k++)
    if (!strcmp(e->input_names[k], input->name))
      return error_set(err, MXN_ARGUMENT, "%s: input '%s' is given twice", e->graph->name, input->name);
  if (!type_bytes(&input->type, &bytes))
    return error_set(err, MXN_ARGUMENT, "%s: input '%s': expected a type and a shape, got %s %s", e->graph->name,
                     input->name, mxn_dtype_name(input->type.dtype), shape_text(&input->type, text));
  e->input_names[i] = n->name;
  e->input_types[i] = input->type;
  e->inputs[i] = e->needed[n->id] ? n : NULL;
  if (e->needed[n->id]) n->outputs[0] = input->type;
  return MXN_OK;
}

static bool is_bound(const mxn_executor *e, const node *n) {
  for (size_t i = 0; i < e->n_inputs; i++)
    if (e->inputs[i] == n) return true;
  return false;
}

static mxn_status bind_inputs(mxn_executor *e, const mxn_input *inputs, size_t n, mxn_error *err) {
  e->inputs = arena_array(&e->arena, n, sizeof *e->inputs);
  e->input_types = arena_array(&e->arena, n, sizeof *e->input_types);
  e->input_names = arena_array(&e->arena, n, sizeof *e->input_names);
  for (; e->n_inputs < n; e->n_inputs++) TRY(bind_input(e, e->n_inputs, &inputs[e->n_inputs], err));
  name_list missing = {0};
  for (size_t i = 0; i < e->graph->n_nodes; i++) {
    const node *v = e->graph->nodes[i];
    if (e->needed[i] && node_is_variable(v) && !v->constant && !is_bound(e, v)) name_list_add(&missing, v->name, NULL);
  }
  if (missing.n_names == 0) return MXN_OK;
  return error_set(err, MXN_ARGUMENT, "%s: neither an input nor an array in the parameters is given for %s",
                   e->graph->name, name_list_text(&missing));
}

/* Types. */

static mxn_status bind_programs(mxn_executor *e, mxn_error *err) {
  for (size_t i = 0; i < e->n_steps; i++)
    if (e->steps[i].program) TRY(program_step_bind(e->steps[i].program, err));
  return MXN_OK;
}

/* Without numpy semantics no array is empty or a scalar: MXNet takes a size of 0 for
 * one that is not known yet. */
static bool means_a_shape(const graph *g, const mxn_type *t) {
  for (int32_t d = 0; !g->np_shape && d < t->n_dims; d++)
    if (t->dims[d] == 0) return false;
  return g->np_shape || t->n_dims != 0;
}

static mxn_status refuse_type(const mxn_executor *e, const node *n, uint32_t output, const char *why, mxn_error *err) {
  char shape[SHAPE_TEXT_BYTES];
  const mxn_type *t = &n->outputs[output];
  const char *dtype = mxn_dtype_name(t->dtype);
  shape_text(t, shape);
  if (node_is_variable(n))
    return error_set(err, MXN_SHAPE, "%s: variable '%s' is %s %s: %s", e->graph->name, n->name, dtype, shape, why);
  return error_set(err, MXN_SHAPE, "%s: node '%s' (%s): output %u is %s %s: %s", e->graph->name, n->name, n->op, output,
                   dtype, shape, why);
}

static mxn_status check_node_types(const mxn_executor *e, const node *n, mxn_error *err) {
  size_t bytes;
  for (uint32_t k = 0; k < n->n_outputs; k++) {
    const mxn_type *t = &n->outputs[k];
    if (!shape_is_known(t) || !type_bytes(t, &bytes)) return refuse_type(e, n, k, "its type cannot be inferred", err);
    if (!means_a_shape(e->graph, t))
      return refuse_type(e, n, k, "expected sizes from 1 on, as the model is not of numpy semantics (is_np_shape)",
                         err);
  }
  return MXN_OK;
}

static bool has_unknown_shape(const node *n) {
  for (uint32_t k = 0; k < n->n_outputs; k++)
    if (!shape_is_known(&n->outputs[k])) return true;
  return false;
}

/* The shapes of an operator may be unknown until it runs where they depend on data,
 * of its own or of an operator before it. */
static bool waits_for_data(const node *n) {
  bool waits = op_has_data_shape(n);
  for (uint32_t i = 0; i < n->n_inputs && !subgraph_is(n); i++) {
    const node *from = n->inputs[i].node;
    waits |= !input_is_ignored(n, i) && !shape_is_known(&from->outputs[n->inputs[i].output]);
  }
  return waits && has_unknown_shape(n);
}

/* Nodes stand behind their inputs, so an unknown shape was found right before. */
static mxn_status check_types(const mxn_executor *e, mxn_error *err) {
  for (size_t i = 0; i < e->graph->n_nodes; i++) {
    const node *n = e->graph->nodes[i];
    if (e->needed[i] && (node_is_variable(n) || !waits_for_data(n))) TRY(check_node_types(e, n, err));
  }
  for (size_t i = 0; i < e->n_steps; i++) e->steps[i].has_data_shape = waits_for_data(e->steps[i].node);
  return MXN_OK;
}

/* Memory. */

static mxn_status list_steps(mxn_executor *e, uint32_t n_cores, mxn_error *err) {
  e->steps = arena_array(&e->arena, e->graph->n_nodes, sizeof *e->steps);
  for (size_t i = 0; i < e->graph->n_nodes; i++) {
    node *n = e->graph->nodes[i];
    if (!e->needed[i] || node_is_variable(n)) continue;
    step *s = &e->steps[e->n_steps++];
    s->node = n;
    s->inputs = arena_array(&e->arena, n->n_inputs, sizeof *s->inputs);
    if (subgraph_is(n)) TRY(program_step_open(&e->arena, e->graph, n, n_cores, &s->program, err));
  }
  return MXN_OK;
}

static bool has_memory(const step *s) { return !s->has_data_shape && (!s->program || program_step_copies(s->program)); }

static void allocate_tensors(mxn_executor *e) {
  const graph *g = e->graph;
  e->tensors = arena_array(&e->arena, g->n_nodes, sizeof *e->tensors);
  for (size_t i = 0; i < g->n_nodes; i++) {
    const node *n = g->nodes[i];
    e->tensors[i] = arena_array(&e->arena, n->n_outputs, sizeof **e->tensors);
    for (uint32_t k = 0; k < n->n_outputs; k++) e->tensors[i][k].type = n->outputs[k];
    if (n->constant) e->tensors[i][0] = *n->constant;
  }
  for (size_t i = 0; i < e->n_steps; i++) {
    const node *n = e->steps[i].node;
    for (uint32_t k = 0; k < n->n_outputs && has_memory(&e->steps[i]); k++) {
      size_t bytes = 0;
      if (type_bytes(&n->outputs[k], &bytes)) e->tensors[n->id][k].data = allocate(e, bytes);
    }
  }
}

static void allocate_outputs(mxn_executor *e) {
  e->own_output = arena_array(&e->arena, e->n_outputs, sizeof *e->own_output);
  for (size_t i = 0; i < e->n_outputs; i++) {
    size_t bytes = 0;
    if (node_is_variable(e->outputs[i].node) && type_bytes(value_type(e->outputs[i]), &bytes))
      e->own_output[i] = allocate(e, bytes);
  }
}

static mxn_status create(mxn_executor *e, const mxn_model *model, const mxn_input *inputs, size_t n_inputs,
                         const mxn_executor_options *o, mxn_error *err) {
  e->graph = graph_copy(&e->arena, model->graph);
  TRY(ops_bind(e->graph, err));
  TRY(find_outputs(e, o, err));
  if (o->in_float64) TRY(widen_variables(e, err));
  TRY(bind_inputs(e, inputs, n_inputs, err));
  TRY(check_operators(e, err));
  TRY(list_steps(e, o->n_cores, err));
  TRY(ops_infer(e->graph, err));
  TRY(check_types(e, err));
  TRY(bind_programs(e, err));
  allocate_tensors(e);
  allocate_outputs(e);
  return MXN_OK;
}

mxn_status mxn_executor_create(const mxn_model *model, const mxn_input *inputs, size_t n_inputs,
                               const mxn_executor_options *options, mxn_executor **out_executor, mxn_error *err) {
  error_clear(err);
  *out_executor = NULL;
  mxn_executor_options o = {0};
  if (options) TRY(options_read("mxn_executor_options", options, options->struct_bytes, &o, sizeof o, err));
  if (o.allocate && !o.release)
    return error_set(err, MXN_ARGUMENT, "mxn_executor_options.release: expected a function beside allocate, got NULL");
  mxn_executor *e = calloc(1, sizeof *e);
  if (!e) return error_set(err, MXN_NOMEM, "%s: out of memory", model->graph->name);
  e->allocate = o.allocate ? o.allocate : allocate_on_heap;
  e->release = o.allocate ? o.release : release_to_heap;
  e->memory_context = o.memory_context;
  arena_init(&e->arena);
  if (setjmp(e->arena.recovery)) {
    mxn_executor_destroy(e);
    return error_set(err, MXN_NOMEM, "%s: not enough memory to run it", model->graph->name);
  }
  const mxn_status status = create(e, model, inputs, n_inputs, &o, err);
  if (status == MXN_OK)
    *out_executor = e;
  else
    mxn_executor_destroy(e);
  return status;
}

void mxn_executor_destroy(mxn_executor *executor) {
  if (!executor) return;
  release_run(executor);
  free(executor->run_blocks);
  arena_finish(&executor->arena);
  free(executor);
}

size_t mxn_executor_n_outputs(const mxn_executor *executor) { return executor->n_outputs; }

const char *mxn_executor_output_name(const mxn_executor *executor, size_t index) {
  return index < executor->n_outputs ? executor->output_names[index] : NULL;
}

/* Running. */

static bool type_equal(const mxn_type *a, const mxn_type *b) { return a->dtype == b->dtype && shape_equal(a, b); }

/* An output of the last run, fed back, would be written while it is read. */
static mxn_status check_overlap(const mxn_executor *e, size_t index, const mxn_tensor *input, mxn_error *err) {
  size_t bytes = 0, output_bytes = 0;
  if (!type_bytes(&input->type, &bytes)) return MXN_OK;
  const uintptr_t begin = (uintptr_t)input->data, end = begin + bytes;
  for (size_t i = 0; i < e->n_outputs; i++) {
    const mxn_tensor *t = &e->tensors[e->outputs[i].node->id][e->outputs[i].output];
    const uintptr_t output = (uintptr_t)(e->own_output[i] ? e->own_output[i] : t->data);
    if (!output || !type_bytes(&t->type, &output_bytes) || begin >= output + output_bytes || output >= end) continue;
    return error_set(err, MXN_ARGUMENT, "%s: input '%s': expected a copy of output '%s', got the executor's own memory",
                     e->graph->name, e->input_names[index], e->output_names[i]);
  }
  return MXN_OK;
}

static mxn_status take_inputs(mxn_executor *e, const mxn_tensor *inputs, size_t n_inputs, mxn_error *err) {
  char expected[SHAPE_TEXT_BYTES], got[SHAPE_TEXT_BYTES];
  if (n_inputs != e->n_inputs)
    return error_set(err, MXN_ARGUMENT, "%s: expected %zu inputs, got %zu", e->graph->name, e->n_inputs, n_inputs);
  for (size_t i = 0; i < n_inputs; i++) {
    if (!e->inputs[i]) continue;
    if (!type_equal(&inputs[i].type, &e->input_types[i]))
      return error_set(err, MXN_SHAPE, "%s: input '%s': bound to %s %s, got %s %s", e->graph->name, e->input_names[i],
                       mxn_dtype_name(e->input_types[i].dtype), shape_text(&e->input_types[i], expected),
                       mxn_dtype_name(inputs[i].type.dtype), shape_text(&inputs[i].type, got));
    if (!inputs[i].data)
      return error_set(err, MXN_ARGUMENT, "%s: input '%s' has no data", e->graph->name, e->input_names[i]);
    TRY(check_overlap(e, i, &inputs[i], err));
    e->tensors[e->inputs[i]->id][0].data = inputs[i].data;
  }
  return MXN_OK;
}

static mxn_status run_step(mxn_executor *e, step *s, mxn_error *err) {
  const node *n = s->node;
  mxn_tensor *outputs = e->tensors[n->id];
  for (uint32_t k = 0; k < n->n_inputs; k++) s->inputs[k] = e->tensors[n->inputs[k].node->id][n->inputs[k].output];
  if (s->program) return program_step_run(s->program, s->inputs, outputs, err);
  const op_memory memory = {allocate_for_run, e};
  for (uint32_t k = 0; k < n->n_outputs && s->has_data_shape; k++) outputs[k] = (mxn_tensor){.type = n->outputs[k]};
  const mxn_status status = op_forward_allocating(n, s->inputs, outputs, s->has_data_shape ? &memory : NULL, err);
  return status == MXN_OK ? status : error_prefix(err, status, "%s", e->graph->name);
}

static void give_outputs(const mxn_executor *e, mxn_tensor *outputs) {
  for (size_t i = 0; i < e->n_outputs; i++) {
    const value v = e->outputs[i];
    outputs[i] = e->tensors[v.node->id][v.output];
    if (!e->own_output[i]) continue;
    size_t bytes = 0;
    if (type_bytes(&outputs[i].type, &bytes)) memcpy(e->own_output[i], outputs[i].data, bytes);
    outputs[i].data = e->own_output[i];
  }
}

mxn_status mxn_executor_run(mxn_executor *executor, const mxn_tensor *inputs, size_t n_inputs, mxn_tensor *outputs,
                            size_t n_outputs, mxn_error *err) {
  error_clear(err);
  if (n_outputs != executor->n_outputs)
    return error_set(err, MXN_ARGUMENT, "%s: expected room for %zu outputs, got %zu", executor->graph->name,
                     executor->n_outputs, n_outputs);
  TRY(take_inputs(executor, inputs, n_inputs, err));
  release_run(executor);
  for (size_t i = 0; i < executor->n_steps; i++) TRY(run_step(executor, &executor->steps[i], err));
  give_outputs(executor, outputs);
  return MXN_OK;
}
