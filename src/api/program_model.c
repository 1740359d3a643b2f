/* program_model.c - a neuronbin alone as a model of one subgraph.
 *
 * Whatever runs or shows models then does it with what neuron-cc wrote, on the
 * runtime: there is no other operator in the graph.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/model.h"
#include "base/error.h"
#include "base/file.h"
#include "base/shape.h"
#include "executor/model.h"
#include "mxneuron/program.h"
#include "ops/subgraph.h"

static void unmap(void *file) { file_unmap(file); }
static void close_program(void *program) { mxn_program_close(program); }

/* The node with its variables, their types those of the program. */
static node *add_program(graph *g, const mxn_program *p) {
  const uint32_t n_inputs = (uint32_t)mxn_program_n_inputs(p), n_outputs = (uint32_t)mxn_program_n_outputs(p);
  const char *name = SUBGRAPH_OP "0";
  node **variables = arena_array(g->arena, n_inputs + 1, sizeof *variables);
  for (uint32_t i = 0; i < n_inputs; i++)
    variables[i] = graph_add_variable(g, mxn_program_input_name(p, i), *mxn_program_input_type(p, i));
  variables[n_inputs] = graph_add_variable(g, arena_printf(g->arena, "%s" SUBGRAPH_NEURONBIN, name), type_unknown());
  node *n = graph_add(g, SUBGRAPH_OP, name, n_inputs + 1, n_outputs);
  for (uint32_t i = 0; i <= n_inputs; i++) n->inputs[i] = (value){variables[i], 0};
  g->outputs = arena_array(g->arena, n_outputs, sizeof *g->outputs);
  g->n_outputs = n_outputs;
  for (uint32_t i = 0; i < n_outputs; i++) {
    n->outputs[i] = *mxn_program_output_type(p, i);
    g->outputs[i] = (value){n, i};
  }
  return n;
}

static void describe(graph *g, node *n, const mxn_program *p) {
  const uint32_t n_inputs = n->n_inputs - 1;
  const char **inputs = arena_array(g->arena, n_inputs, sizeof *inputs);
  const char **outputs = arena_array(g->arena, n->n_outputs, sizeof *outputs);
  for (uint32_t i = 0; i < n_inputs; i++) inputs[i] = mxn_program_input_name(p, i);
  for (uint32_t i = 0; i < n->n_outputs; i++) outputs[i] = mxn_program_output_name(p, i);
  subgraph_describe(g, n, n_inputs, inputs, outputs, mxn_program_has_batch(p));
  /* Shapes of a run come from its own inputs. */
  for (uint32_t i = 0; i < n_inputs; i++) n->inputs[i].node->outputs[0] = type_unknown();
  for (uint32_t i = 0; i < n->n_outputs; i++) n->outputs[i] = type_unknown();
}

static mxn_status load(mxn_model *m, const char *path, mxn_error *err) {
  mapped_file *file = arena_alloc(&m->arena, sizeof *file);
  mxn_program *program;
  arena_defer(&m->arena, unmap, file);
  TRY(file_map(path, file, err));
  TRY(mxn_program_open_memory(file->data, file->bytes, path, &program, err));
  arena_defer(&m->arena, close_program, program);
  m->graph = graph_create(&m->arena, path);
  node *n = add_program(m->graph, program);
  describe(m->graph, n, program);
  mxn_tensor *array = arena_alloc(&m->arena, sizeof *array);
  /* Arrays are written nowhere by those who read a model. */
  *array = (mxn_tensor){type_of(MXN_UINT8, 2, (int64_t[]){1, (int64_t)file->bytes}), (void *)file->data};
  node *bin = n->inputs[n->n_inputs - 1].node;
  bin->constant = array;
  *ARENA_PUSH(&m->arena, m->parameters.items, m->parameters.n_items, m->parameters.capacity) =
      (parameter){bin->name, PARAMETER_ARGUMENT, *array};
  bin->outputs[0] = array->type;
  model_describe(m);
  mxn_program_info info;
  mxn_program_get_info(program, &info);
  m->statistics.n_original = m->statistics.n_compiled = info.n_operators;
  return MXN_OK;
}

mxn_status mxn_model_load_program(const char *path, mxn_model **out_model, mxn_error *err) {
  error_clear(err);
  *out_model = NULL;
  mxn_model *m = model_create();
  if (!m) return error_set(err, MXN_NOMEM, "%s: out of memory", path);
  if (setjmp(m->arena.recovery)) {
    mxn_model_close(m);
    return error_set(err, MXN_NOMEM, "%s: out of memory", path);
  }
  const mxn_status status = load(m, path, err);
  if (status == MXN_OK)
    *out_model = m;
  else
    mxn_model_close(m);
  return status;
}
