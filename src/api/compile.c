/* compile.c - from a model to a compiled model.
 *
 *     copy -> infer -> partition -> extract -> neuron-cc, once a subgraph -> assemble
 *
 * The new model shares nothing with the old one: what is left of the parameters
 * is copied.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/extract.h"
#include "api/model.h"
#include "api/neuron_cc.h"
#include "api/work_dir.h"
#include "base/error.h"
#include "base/file.h"
#include "base/name_set.h"
#include "base/shape.h"
#include "executor/interface.h"
#include "executor/model.h"
#include "graph/text.h"
#include "mxnet/ndarray_list.h"
#include "mxneuron/abi.h"
#include "mxneuron/program.h"
#include "ops/ops.h"
#include "ops/subgraph.h"
#include "partition/partition.h"

typedef struct compilation {
  const mxn_model *source;
  const mxn_compile_options *options;
  mxn_model *model; /* the new one; its arena holds everything here */
  arena *arena;
  graph *graph; /* = model->graph */
  subgraph_list subgraphs;
  neuron_cc_job *jobs;    /* by subgraph */
  mxn_tensor *neuronbins; /* by subgraph: uint8 (1, N) */
  bool *has_batch;        /* by subgraph */
} compilation;

static void *allocate(arena *a, size_t bytes) {
  void *data = bytes > SIZE_MAX / 2 ? NULL : aligned_alloc(MXN_ALIGNMENT, (bytes / MXN_ALIGNMENT + 1) * MXN_ALIGNMENT);
  if (!data) longjmp(a->recovery, 1);
  arena_defer(a, free, data);
  return data;
}

static mxn_status prepare_graph(compilation *c, const mxn_input *inputs, size_t n_inputs, mxn_error *err) {
  if (c->source->statistics.n_subgraphs > 0)
    return error_set(err, MXN_ARGUMENT, "%s: the model is compiled already: it has nodes " SUBGRAPH_OP,
                     c->source->graph->name);
  c->graph = c->model->graph = graph_copy(c->arena, c->source->graph);
  TRY(ops_bind(c->graph, err));
  return graph_set_interface(c->graph, inputs, n_inputs, c->options->outputs, c->options->n_outputs, err);
}

/* What the new nodes and arrays must not be called. */
static name_set taken_names(const compilation *c) {
  const parameter_list *parameters = &c->source->parameters;
  name_set set = {.arena = c->arena};
  for (size_t i = 0; i < c->graph->n_nodes; i++) name_set_add(&set, c->graph->nodes[i]->name);
  for (size_t i = 0; i < parameters->n_items; i++) name_set_add(&set, parameters->items[i].name);
  return set;
}

static mxn_status find_subgraphs(compilation *c, mxn_error *err) {
  const mxn_compile_options *o = c->options;
  const partition_options names = {o->excl_node_names, o->n_excl_node_names, o->force_incl_node_names,
                                   o->n_force_incl_node_names};
  partition p;
  TRY(partition_graph(c->graph, &names, &p, err));
  mxn_model *m = c->model;
  m->left_out = arena_array(c->arena, p.n_left_out, sizeof *m->left_out);
  m->n_left_out = p.n_left_out;
  for (size_t i = 0; i < p.n_left_out; i++)
    m->left_out[i] = (mxn_left_out){p.left_out[i].node->name, p.left_out[i].node->op, p.left_out[i].reason};
  name_set taken = taken_names(c);
  extract_subgraphs(c->graph, &p, &taken, &c->subgraphs);
  return MXN_OK;
}

/* What goes to neuron-cc. */

static mxn_status write_graph(const graph *g, const char *path, mxn_error *err) {
  FILE *out = fopen(path, "we");
  if (!out) return error_set_system(err, path, "create", errno);
  graph_print(g, out);
  bool failed = ferror(out) != 0;
  failed |= fclose(out) != 0;
  return failed ? error_set_system(err, path, "write", errno) : MXN_OK;
}

static mxn_status write_weights(arena *a, const graph *g, const char *path, mxn_error *err) {
  parameter_list all = {0}, once = {0};
  for (size_t i = 0; i < g->n_nodes; i++) {
    const node *n = g->nodes[i];
    if (n->constant)
      *ARENA_PUSH(a, all.items, all.n_items, all.capacity) = (parameter){n->name, PARAMETER_PLAIN, *n->constant};
  }
  const parameter **sorted = parameters_by_name(a, &all);
  for (size_t i = 0; i < all.n_items; i++)
    if (i == 0 || strcmp(sorted[i - 1]->name, sorted[i]->name) != 0)
      *ARENA_PUSH(a, once.items, once.n_items, once.capacity) = *sorted[i];
  return params_save(path, FILE_PASSED, &once, err);
}

static mxn_status write_job(compilation *c, const char *folder, size_t i, mxn_error *err) {
  const subgraph *s = &c->subgraphs.items[i];
  const char *stem = arena_printf(c->arena, "%s/%s", folder, s->node->name);
  neuron_cc_job *job = &c->jobs[i];
  *job = (neuron_cc_job){.name = s->node->name,
                         .graph_path = arena_printf(c->arena, "%s.graph", stem),
                         .weights_path = arena_printf(c->arena, "%s.params", stem),
                         .output_path = arena_printf(c->arena, "%s.neuronbin", stem)};
  if (c->options->dump && c->options->dump_path) job->dump_path = arena_printf(c->arena, "%s.dump", stem);
  /* A kept work folder may hold the files of an earlier compile. */
  remove(job->output_path);
  if (job->dump_path) remove(job->dump_path);
  TRY(write_graph(s->inner, job->graph_path, err));
  return write_weights(c->arena, s->inner, job->weights_path, err);
}

/* One file, in the order of the subgraphs, whichever was compiled first. */
static mxn_status gather_dumps(const compilation *c, mxn_error *err) {
  file_writer *out;
  if (!c->options->dump || !c->options->dump_path) return MXN_OK;
  TRY(file_writer_open(c->options->dump_path, FILE_KEPT, &out, err));
  for (size_t i = 0; i < c->subgraphs.n_items; i++) {
    mapped_file file;
    const mxn_status status = file_map(c->jobs[i].dump_path, &file, err);
    if (status != MXN_OK) {
      file_writer_abandon(out);
      return status;
    }
    file_writer_write(out, file.data, file.bytes);
    file_unmap(&file);
  }
  return file_writer_commit(out, err);
}

/* What comes back. */

/* The smallest N such that the data of the array after it starts at a multiple of
 * 64 again, behind a header of its own. */
static size_t padded_bytes(size_t bytes) {
  const size_t header = NDARRAY_HEADER_BYTES(2);
  return (bytes + header + MXN_ALIGNMENT - 1) / MXN_ALIGNMENT * MXN_ALIGNMENT - header;
}

/* A host that cannot run the code can still compile it. */
static mxn_status check_program(const compilation *c, size_t i, mxn_error *err) {
  const mxn_tensor *t = &c->neuronbins[i];
  mxn_error problem = {0};
  mxn_program *program = NULL;
  const mxn_status status =
      mxn_program_open_memory(t->data, (size_t)t->type.dims[1], c->subgraphs.items[i].node->name, &program, &problem);
  mxn_program_close(program);
  if (status == MXN_OK || status == MXN_TARGET) return MXN_OK;
  if (status == MXN_NOMEM) return error_set(err, status, "%s", problem.message);
  return error_set(err, MXN_INTERNAL, "neuron-cc wrote what is no neuronbin: %s", problem.message);
}

static void release_file(void *file) { file_unmap(file); }

static mxn_status read_program(compilation *c, size_t i, mxn_error *err) {
  mapped_file *file = arena_alloc(c->arena, sizeof *file);
  arena_defer(c->arena, release_file, file); /* where memory is short */
  TRY(file_map(c->jobs[i].output_path, file, err));
  const size_t bytes = padded_bytes(file->bytes);
  char *data = allocate(c->arena, bytes);
  if (file->bytes) memcpy(data, file->data, file->bytes);
  memset(data + file->bytes, 0, bytes - file->bytes);
  file_unmap(file);
  c->neuronbins[i] = (mxn_tensor){type_of(MXN_UINT8, 2, (int64_t[]){1, (int64_t)bytes}), data};
  return check_program(c, i, err);
}

static mxn_status run_compiler(compilation *c, const char *folder, mxn_error *err) {
  const mxn_compile_options *o = c->options;
  neuron_cc_options run = {.targets = o->targets,
                           .dump = o->dump,
                           .n_processes = o->n_jobs ? o->n_jobs : mxn_default_cores(),
                           .progress = o->progress,
                           .progress_context = o->progress_context,
                           .is_cancelled = o->is_cancelled,
                           .cancel_context = o->cancel_context};
  if (o->n_pipeline_cores) run.pipeline_cores = arena_printf(c->arena, "%u", o->n_pipeline_cores);
  TRY(neuron_cc_find(c->arena, o->compiler, &run.compiler, err));
  for (size_t i = 0; i < c->subgraphs.n_items; i++) TRY(write_job(c, folder, i, err));
  if (run.n_processes == 0) run.n_processes = 1;
  TRY(neuron_cc_run(c->arena, &run, c->jobs, c->subgraphs.n_items, err));
  for (size_t i = 0; i < c->subgraphs.n_items; i++) TRY(read_program(c, i, err));
  return gather_dumps(c, err);
}

static mxn_status compile_subgraphs(compilation *c, mxn_error *err) {
  const size_t n = c->subgraphs.n_items;
  work_dir *dir;
  c->jobs = arena_array(c->arena, n, sizeof *c->jobs);
  c->neuronbins = arena_array(c->arena, n, sizeof *c->neuronbins);
  c->has_batch = arena_array(c->arena, n, sizeof *c->has_batch);
  if (n == 0) return MXN_OK;
  for (size_t i = 0; i < n; i++) c->has_batch[i] = ops_prove_batch(c->subgraphs.items[i].inner, NULL);
  TRY(work_dir_open(c->arena, c->options->work_dir, &dir, err));
  const mxn_status status = run_compiler(c, dir->path, err);
  work_dir_close(dir);
  return status == MXN_OK || status == MXN_ARGUMENT || status == MXN_IO
             ? status
             : error_prefix(err, status, "%s", c->graph->name);
}

/* The new model. */

static name_set variable_names(arena *a, const graph *g) {
  name_set set = {.arena = a};
  for (size_t i = 0; i < g->n_nodes; i++)
    if (node_is_variable(g->nodes[i])) name_set_add(&set, g->nodes[i]->name);
  return set;
}

static void add_neuronbins(compilation *c, parameter_list *list, parameter_kind kind) {
  for (size_t i = 0; i < c->subgraphs.n_items; i++) {
    const node *n = c->subgraphs.items[i].node;
    const char *name = n->inputs[n->n_inputs - 1].node->name;
    *ARENA_PUSH(c->arena, list->items, list->n_items, list->capacity) = (parameter){name, kind, c->neuronbins[i]};
  }
}

static parameter copy_parameter(arena *a, const parameter *p) {
  parameter copy = {arena_strdup(a, p->name), p->kind, p->tensor};
  size_t bytes;
  if (!p->tensor.data || !type_bytes(&p->tensor.type, &bytes)) return copy;
  copy.tensor.data = allocate(a, bytes);
  memcpy(copy.tensor.data, p->tensor.data, bytes);
  return copy;
}

/* An array leaves where only compiled operators used it. */
static void collect_parameters(compilation *c) {
  const parameter_list *old = &c->source->parameters;
  const name_set before = variable_names(c->arena, c->source->graph), after = variable_names(c->arena, c->graph);
  bool all_plain = old->n_items > 0;
  for (size_t i = 0; i < old->n_items; i++) all_plain &= old->items[i].kind == PARAMETER_PLAIN;
  parameter_list *list = &c->model->parameters;
  add_neuronbins(c, list, all_plain ? PARAMETER_PLAIN : PARAMETER_ARGUMENT);
  for (size_t i = 0; i < old->n_items; i++) {
    if (name_set_has(&before, old->items[i].name) && !name_set_has(&after, old->items[i].name)) continue;
    *ARENA_PUSH(c->arena, list->items, list->n_items, list->capacity) = copy_parameter(c->arena, &old->items[i]);
  }
}

static void describe_subgraphs(compilation *c) {
  for (size_t i = 0; i < c->subgraphs.n_items; i++) {
    const subgraph *s = &c->subgraphs.items[i];
    node *bin = s->node->inputs[s->node->n_inputs - 1].node;
    const long long bytes = (long long)c->neuronbins[i].type.dims[1];
    node_set_attribute(c->graph, bin, "__shape__", arena_printf(c->arena, "(1, %lld)", bytes));
    node_set_attribute(c->graph, bin, "__dtype__", "3");
    subgraph_describe(c->graph, s->node, s->n_data, s->input_names, s->output_names, c->has_batch[i]);
  }
}

/* A model knows no types of the shapes it was compiled for, as after a load. */
static void forget_types(graph *g) {
  for (size_t i = 0; i < g->n_nodes; i++) {
    node *n = g->nodes[i];
    for (uint32_t k = 0; k < n->n_outputs; k++) n->outputs[k] = type_unknown();
    for (uint32_t k = 0; k < n->n_subgraphs; k++) forget_types(n->subgraphs[k]);
    n->constant = NULL;
  }
}

static mxn_status assemble(compilation *c, mxn_error *err) {
  describe_subgraphs(c);
  collect_parameters(c);
  forget_types(c->graph);
  TRY(ops_bind(c->graph, err));
  TRY(checkpoint_attach(c->graph, &c->model->parameters, err));
  model_describe(c->model);
  return MXN_OK;
}

static mxn_status compile(compilation *c, const mxn_input *inputs, size_t n_inputs, mxn_error *err) {
  TRY(prepare_graph(c, inputs, n_inputs, err));
  TRY(find_subgraphs(c, err));
  TRY(compile_subgraphs(c, err));
  return assemble(c, err);
}

mxn_status mxn_compile(const mxn_model *model, const mxn_input *inputs, size_t n_inputs,
                       const mxn_compile_options *options, mxn_model **out_model, mxn_error *err) {
  error_clear(err);
  *out_model = NULL;
  mxn_compile_options o = {0};
  if (options) TRY(options_read("mxn_compile_options", options, options->struct_bytes, &o, sizeof o, err));
  mxn_model *m = model_create();
  if (!m) return error_set(err, MXN_NOMEM, "%s: out of memory", model->graph->name);
  compilation c = {.source = model, .options = &o, .model = m, .arena = &m->arena};
  if (setjmp(m->arena.recovery)) {
    mxn_model_close(m);
    return error_set(err, MXN_NOMEM, "%s: not enough memory to compile it", model->graph->name);
  }
  const mxn_status status = compile(&c, inputs, n_inputs, err);
  if (status == MXN_OK)
    *out_model = m;
  else
    mxn_model_close(m);
  return status;
}
