/* neuron_cc.c - the compiler's own process.
 *
 *     neuron-cc subgraph --graph F --weights F --targets x86-64-v3,x86-64-v4 --output F
 *                        [--dump PASS --dump-path F] [--cores N]
 *
 * reads one subgraph (graph/text.h) and its arrays, runs passes and code
 * generation, and writes one neuronbin. On failure the last line on stderr is
 * "neuron-cc: STATUS: message" and the exit code is 1; 2 is a wrong command line.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "codegen/emit.h"
#include "codegen/specialize.h"
#include "graph/shape.h"
#include "graph/text.h"
#include "lower/lower.h"
#include "mxnet/checkpoint.h"
#include "ops/ops.h"

typedef struct arguments {
  const char *graph, *weights, *targets, *output, *dump, *dump_path, *cores;
} arguments;

static const char usage[] =
    "usage: neuron-cc subgraph --graph FILE --weights FILE --output FILE\n"
    "                 [--targets x86-64-v3,x86-64-v4] [--dump PASS --dump-path FILE] [--cores N]\n"
    "\n"
    "Compiles one subgraph of an MXNet model to a neuronbin. mxneuron starts it; see\n"
    "'mxneuron compile --help' for whole checkpoints.\n";

static const char **argument_of(arguments *a, const char *name) {
  const struct {
    const char *name;
    const char **text;
  } known[] = {
      {"--graph", &a->graph}, {"--weights", &a->weights}, {"--targets", &a->targets},     {"--output", &a->output},
      {"--dump", &a->dump},   {"--cores", &a->cores},     {"--dump-path", &a->dump_path},
  };
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (!strcmp(name, known[i].name)) return known[i].text;
  return NULL;
}

static mxn_status parse_arguments(int argc, char **argv, arguments *a, mxn_error *err) {
  for (int i = 2; i < argc; i += 2) {
    const char **text = argument_of(a, argv[i]);
    if (!text) return error_set(err, MXN_ARGUMENT, "unknown option '%s'", argv[i]);
    if (i + 1 == argc) return error_set(err, MXN_ARGUMENT, "option %s needs a value", argv[i]);
    *text = argv[i + 1];
  }
  if (!a->graph || !a->weights || !a->output)
    return error_set(err, MXN_ARGUMENT, "--graph, --weights and --output are needed");
  if (a->cores && strcmp(a->cores, "1") != 0)
    return error_set(err, MXN_UNSUPPORTED, "--cores: got %s, this version makes programs for 1 NeuronCore", a->cores);
  return MXN_OK;
}

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

static bool is_pass(const char *name) {
  static const char *const names[] = {
#define X(name) #name,
      MXN_PASS_LIST(X)
#undef X
          "all"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (!strcmp(names[i], name)) return true;
  return false;
}

static void close_file(void *file) { fclose(file); }

static mxn_status open_dump(arena *a, const arguments *args, dump *out, mxn_error *err) {
  if (!is_pass(args->dump))
    return error_set(err, MXN_ARGUMENT, "--dump: unknown pass '%s', expected canonicalize, fold, fuse, layout or all",
                     args->dump);
  if (!args->dump_path) return error_set(err, MXN_ARGUMENT, "--dump needs --dump-path");
  out->pass = args->dump;
  out->file = fopen(args->dump_path, "a");
  if (!out->file) return error_set(err, MXN_IO, "%s: %s", args->dump_path, strerror(errno));
  arena_defer(a, close_file, out->file);
  return MXN_OK;
}

static void unmap(void *file) { file_unmap(file); }

static mxn_status read_graph(arena *a, const arguments *args, graph **out_graph, mxn_error *err) {
  mapped_file *file = arena_alloc(a, sizeof *file);
  TRY(file_map(args->graph, file, err));
  arena_defer(a, unmap, file);
  TRY(graph_parse(a, args->graph, (const char *)file->data, file->bytes, out_graph, err));
  TRY(ops_bind(*out_graph, err));
  parameter_list weights = {0};
  TRY(params_load(a, args->weights, &weights, err));
  TRY(checkpoint_attach(*out_graph, &weights, err));
  return ops_infer(*out_graph, err);
}

/* What the kernels can address: float32 values of two or four dimensions, every
 * size known. */
static mxn_status check_value(const graph *g, const node *n, mxn_error *err) {
  const mxn_type *t = &n->outputs[0];
  int64_t elements;
  char text[SHAPE_TEXT_BYTES];
  if (t->dtype == MXN_FLOAT32 && (t->n_dims == 2 || t->n_dims == 4) && shape_elements(t, &elements) && elements > 0)
    return MXN_OK;
  return error_set(err, MXN_UNSUPPORTED,
                   "%s: node '%s' (%s): expected float32 of 2 or 4 dimensions with known sizes, got %s %s", g->name,
                   n->name, n->op, mxn_dtype_name(t->dtype), shape_text(t, text));
}

static mxn_status check_constant(const graph *g, const node *n, mxn_error *err) {
  if (!n->constant || n->constant->type.dtype == MXN_FLOAT32) return MXN_OK;
  return error_set(err, MXN_UNSUPPORTED, "%s: parameter '%s': expected float32, got %s", g->name, n->name,
                   mxn_dtype_name(n->constant->type.dtype));
}

static mxn_status check_graph(const graph *g, mxn_error *err) {
  for (size_t i = 0; i < g->n_nodes; i++) {
    const node *n = g->nodes[i];
    if (node_is_variable(n)) {
      TRY(check_constant(g, n, err));
      continue;
    }
    if (!op_is_known(n))
      return error_set(err, MXN_UNSUPPORTED, "%s: node '%s': unknown operator '%s'", g->name, n->name, n->op);
    TRY(check_value(g, n, err));
  }
  return MXN_OK;
}

static uint32_t count_operators(const graph *g) {
  uint32_t n = 0;
  for (size_t i = 0; i < g->n_nodes; i++) n += !node_is_variable(g->nodes[i]);
  return n;
}

static void list_outputs(graph *g, plan *p, int32_t batch_axis) {
  p->outputs = arena_array(g->arena, g->n_outputs, sizeof *p->outputs);
  for (size_t i = 0; i < g->n_outputs; i++)
    p->outputs[p->n_outputs++] = (plan_tensor){value_name(g, g->outputs[i]), *value_type(g->outputs[i]), batch_axis};
}

/* Labels are gone by now: what is left without an array is the interface. */
static mxn_status list_inputs(graph *g, plan *p, int32_t batch_axis, mxn_error *err) {
  p->inputs = arena_array(g->arena, g->n_nodes, sizeof *p->inputs);
  for (size_t i = 0; i < g->n_nodes; i++) {
    const node *n = g->nodes[i];
    if (!node_is_variable(n) || n->constant) continue;
    TRY(check_value(g, n, err));
    p->inputs[p->n_inputs++] = (plan_tensor){n->name, n->outputs[0], batch_axis};
  }
  return MXN_OK;
}

static mxn_status compile_subgraph(arena *a, const arguments *args, mxn_error *err) {
  const target *targets[MAX_TARGETS];
  size_t n_targets = 0;
  TRY(target_parse(args->targets, targets, &n_targets, err));
  dump d = {0};
  if (args->dump) TRY(open_dump(a, args, &d, err));
  compile c = {.arena = a};
  TRY(read_graph(a, args, &c.graph, err));
  TRY(check_graph(c.graph, err));
  plan p = {.n_operators = count_operators(c.graph)};
  const int32_t batch_axis = ops_prove_batch(c.graph, NULL) ? 0 : -1;
  list_outputs(c.graph, &p, batch_axis);
  const pass_observer observer = {dump_graph, &d};
  TRY(pipeline_run(&c, d.file ? &observer : NULL, err));
  TRY(list_inputs(c.graph, &p, batch_axis, err));
  step_list steps;
  TRY(lower_graph(&c, &steps, err));
  plan_memory(&c);
  return emit_neuronbin(&c, &steps, targets, n_targets, p, args->output, err);
}

static mxn_status run(const arguments *args, mxn_error *err) {
  arena a;
  arena_init(&a);
  if (setjmp(a.recovery)) {
    arena_finish(&a);
    return error_set(err, MXN_NOMEM, "%s: out of memory", args->graph);
  }
  const mxn_status status = compile_subgraph(&a, args, err);
  arena_finish(&a);
  return status;
}

static const char *status_name(mxn_status status) {
#define X(name, number, text) \
  if (status == number) return #name;
  MXN_STATUS_LIST(X)
#undef X
  return "INTERNAL";
}

/* LLVM ends the process after this returns. */
static void report_fatal(const char *reason) { fprintf(stderr, "neuron-cc: INTERNAL: LLVM: %s\n", reason); }

int main(int argc, char **argv) {
  mxn_error err = {0};
  arguments a = {0};
  specialize_on_fatal_error(report_fatal);
  if (argc == 2 && !strcmp(argv[1], "--help")) {
    fputs(usage, stdout);
    return 0;
  }
  if (argc < 2 || strcmp(argv[1], "subgraph") != 0) {
    fputs(usage, stderr);
    return 2;
  }
  mxn_status status = parse_arguments(argc, argv, &a, &err);
  const int exit_code = status == MXN_ARGUMENT ? 2 : 1;
  if (status == MXN_OK) status = run(&a, &err);
  if (status == MXN_OK) return 0;
  fprintf(stderr, "neuron-cc: %s: %s\n", status_name(status), err.message);
  return exit_code;
}
