/* neuron_cc_compile.c - see neuron_cc_compile.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/neuron_cc_compile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/shape.h"
#include "cli/left_out.h"
#include "codegen/emit.h"
#include "executor/interface.h"
#include "executor/model.h"
#include "graph/text.h"
#include "lower/lower.h"
#include "mxnet/checkpoint.h"
#include "mxnet/io_config.h"
#include "mxnet/upgrade.h"
#include "ops/ops.h"
#include "partition/compilable.h"
#include "partition/partition.h"

/* Append each wanted pass's graph to the dump file. */
typedef struct dump {
  const char *pass;
  FILE *file;
} dump;

static void dump_graph(void *context, const char *pass, const graph *g) {
  const dump *d = context;
  if (strcmp(d->pass, "all") != 0 && strcmp(d->pass, pass) != 0) return;
  fprintf(d->file, "# after %s\n", pass);
  graph_print(g, d->file);
}

static void close_file(void *file) { fclose(file); }

static mxn_status open_dump(arena *a, const neuron_cc_options *o, dump *out, mxn_error *err) {
  out->pass = o->dump;
  out->file = fopen(o->dump_path, "a");
  if (!out->file) return error_set(err, MXN_IO, "%s: %s", o->dump_path, strerror(errno));
  arena_defer(a, close_file, out->file);
  return MXN_OK;
}

static void unmap(void *file) { file_unmap(file); }

/* Reading. */

static mxn_status read_subgraph(arena *a, const neuron_cc_options *o, graph **out_graph, mxn_error *err) {
  mapped_file *file = arena_alloc(a, sizeof *file);
  TRY(file_map(o->graph, file, err));
  arena_defer(a, unmap, file);
  TRY(graph_parse(a, o->graph, (const char *)file->data, file->bytes, out_graph, err));
  TRY(ops_bind(*out_graph, err));
  parameter_list weights = {0};
  TRY(params_load(a, o->weights, &weights, err));
  TRY(checkpoint_attach(*out_graph, &weights, err));
  return ops_infer(*out_graph, err);
}

/* Inputs as the symbol declares them; what it says no type of is float32. */
static void declared_inputs(const graph *g, io_config *out) {
  const bool *needed = nodes_needed(g->arena, g, g->outputs, g->n_outputs);
  out->inputs = arena_array(g->arena, g->n_nodes, sizeof *out->inputs);
  for (size_t i = 0; i < g->n_nodes; i++) {
    const node *n = g->nodes[i];
    if (!needed[i] || !node_is_variable(n) || n->constant || !shape_is_known(&n->outputs[0])) continue;
    mxn_input *input = &out->inputs[out->n_inputs++];
    *input = (mxn_input){n->name, n->outputs[0]};
    if (input->type.dtype == MXN_DTYPE_UNKNOWN) input->type.dtype = MXN_FLOAT32;
  }
}

/* A program gives each output once, and what it gives is computed. */
static mxn_status check_outputs(graph *g, mxn_error *err) {
  size_t kept = 0;
  for (size_t i = 0; i < g->n_outputs; i++) {
    const value v = g->outputs[i];
    if (node_is_variable(v.node))
      return error_set(err, MXN_UNSUPPORTED, "%s: output '%s' is no operator's: there is nothing to compile", g->name,
                       v.node->name);
    size_t k = 0;
    while (k < kept && !(g->outputs[k].node == v.node && g->outputs[k].output == v.output)) k++;
    if (k == kept) g->outputs[kept++] = v;
  }
  g->n_outputs = kept;
  return kept > 0 ? MXN_OK : error_set(err, MXN_UNSUPPORTED, "%s: the model has no outputs", g->name);
}

static uint32_t count_operators(const graph *g) {
  uint32_t n = 0;
  for (size_t i = 0; i < g->n_nodes; i++) n += !node_is_variable(g->nodes[i]);
  return n;
}

/* All or nothing: the reasons are those of a partition. */
static mxn_status check_operators(const graph *g, mxn_error *err) {
  partition p;
  TRY(partition_graph(g, &(partition_options){0}, &p, err));
  if (p.n_left_out == 0) return MXN_OK;
  mxn_left_out *list = arena_array(g->arena, p.n_left_out, sizeof *list);
  for (size_t i = 0; i < p.n_left_out; i++)
    list[i] = (mxn_left_out){p.left_out[i].node->name, p.left_out[i].node->op, p.left_out[i].reason};
  fprintf(stderr, "cannot be compiled:\n");
  print_left_out(stderr, list, p.n_left_out);
  return error_set(err, MXN_UNSUPPORTED, "%s: %zu of %u operators cannot be compiled", g->name, p.n_left_out,
                   count_operators(g));
}

static mxn_status read_model(arena *a, const neuron_cc_options *o, const char *symbol_path, const char *params_path,
                             graph **out_graph, mxn_error *err) {
  io_config config = {0};
  parameter_list weights = {0};
  if (o->io_config) TRY(io_config_read(a, o->io_config, &config, err));
  TRY(symbol_load(a, symbol_path, out_graph, err));
  TRY(symbol_upgrade(*out_graph, err));
  TRY(ops_bind(*out_graph, err));
  if (params_path) TRY(params_load(a, params_path, &weights, err));
  TRY(checkpoint_attach(*out_graph, &weights, err));
  if (!o->io_config) declared_inputs(*out_graph, &config);
  TRY(graph_set_interface(*out_graph, config.inputs, config.n_inputs, config.outputs, config.n_outputs, err));
  TRY(check_outputs(*out_graph, err));
  return check_operators(*out_graph, err);
}

static mxn_status check_constant(const graph *g, const node *n, mxn_error *err) {
  if (!n->constant || n->constant->type.dtype == MXN_FLOAT32) return MXN_OK;
  return error_set(err, MXN_UNSUPPORTED, "%s: parameter '%s': expected float32, got %s", g->name, n->name,
                   mxn_dtype_name(n->constant->type.dtype));
}

/* The lowering relies on what a partition checks; a graph from a file may be any. */
static mxn_status check_graph(const graph *g, mxn_error *err) {
  for (size_t i = 0; i < g->n_nodes; i++) {
    const node *n = g->nodes[i];
    if (node_is_variable(n)) {
      TRY(check_constant(g, n, err));
      continue;
    }
    const char *reason = n->n_fused > 0 ? "it is fused already" : compilable_reason(n);
    if (reason)
      return error_set(err, MXN_UNSUPPORTED, "%s: node '%s' (%s) cannot be compiled: %s", g->name, n->name, n->op,
                       reason);
  }
  return MXN_OK;
}

static void list_outputs(graph *g, plan *p, int32_t batch_axis) {
  p->outputs = arena_array(g->arena, g->n_outputs, sizeof *p->outputs);
  for (size_t i = 0; i < g->n_outputs; i++)
    p->outputs[p->n_outputs++] = (plan_tensor){value_name(g, g->outputs[i]), *value_type(g->outputs[i]), batch_axis};
}

/* Labels are gone by now: what is left without an array is the interface. */
static void list_inputs(graph *g, plan *p, int32_t batch_axis) {
  p->inputs = arena_array(g->arena, g->n_nodes, sizeof *p->inputs);
  for (size_t i = 0; i < g->n_nodes; i++) {
    const node *n = g->nodes[i];
    if (!node_is_variable(n) || n->constant) continue;
    p->inputs[p->n_inputs++] = (plan_tensor){n->name, n->outputs[0], batch_axis};
  }
}

/* Compiling. */

static mxn_status compile_graph(arena *a, const neuron_cc_options *o, graph *g, file_lifetime lifetime,
                                mxn_error *err) {
  const target *targets[MAX_TARGETS];
  size_t n_targets = 0;
  TRY(target_parse(o->targets, targets, &n_targets, err));
  dump d = {0};
  if (o->dump) TRY(open_dump(a, o, &d, err));
  compile c = {.arena = a, .graph = g};
  TRY(check_graph(g, err));
  plan p = {.n_operators = count_operators(g), .n_requested_cores = (uint32_t)o->cores, .lifetime = lifetime};
  const int32_t batch_axis = ops_prove_batch(g, NULL) ? 0 : -1;
  list_outputs(g, &p, batch_axis);
  const pass_observer observer = {dump_graph, &d};
  TRY(pipeline_run(&c, d.file ? &observer : NULL, err));
  list_inputs(g, &p, batch_axis);
  step_list steps;
  TRY(lower_graph(&c, &steps, err));
  plan_memory(&c);
  return emit_neuronbin(&c, &steps, targets, n_targets, p, o->output, err);
}

mxn_status check_io_config_text(const char *text_or_path, mxn_error *err) {
  arena a;
  io_config ignored;
  if (!io_config_is_text(text_or_path)) return MXN_OK;
  arena_init(&a);
  if (setjmp(a.recovery)) {
    arena_finish(&a);
    return error_set(err, MXN_NOMEM, "--io-config: out of memory");
  }
  const mxn_status status = io_config_read(&a, text_or_path, &ignored, err);
  arena_finish(&a);
  return status;
}

mxn_status compile_subgraph(const neuron_cc_options *o, mxn_error *err) {
  arena a;
  graph *g;
  arena_init(&a);
  if (setjmp(a.recovery)) {
    arena_finish(&a);
    return error_set(err, MXN_NOMEM, "%s: out of memory", o->graph);
  }
  mxn_status status = read_subgraph(&a, o, &g, err);
  if (status == MXN_OK) status = compile_graph(&a, o, g, FILE_PASSED, err);
  arena_finish(&a);
  return status;
}

mxn_status compile_model_files(const neuron_cc_options *o, const char *symbol_path, const char *params_path,
                               mxn_error *err) {
  arena a;
  graph *g;
  arena_init(&a);
  if (setjmp(a.recovery)) {
    arena_finish(&a);
    return error_set(err, MXN_NOMEM, "%s: out of memory", symbol_path);
  }
  mxn_status status = read_model(&a, o, symbol_path, params_path, &g, err);
  if (status == MXN_OK) status = compile_graph(&a, o, g, FILE_KEPT, err);
  arena_finish(&a);
  return status;
}
