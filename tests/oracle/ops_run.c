/* ops_run.c - runs checkpoints on the reference operators, for comparison with a
 * real MXNet.
 *
 *     ops_run LIST   each line of LIST: SYMBOL.json IN.params OUT.params, separated
 *                    by tabs. IN holds arg:NAME and aux:NAME, OUT gets out:0, ...
 *                    Prints "ok" or the error, a line for each.
 *     ops_run        prints the operators: name, aliases, inputs, attributes with
 *                    their defaults, separated by tabs
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "mxnet/checkpoint.h"
#include "mxnet/upgrade.h"
#include "ops/operator.h"

static void print_names(const char *const *names) {
  for (; names && *names; names++) printf("%s%s", *names, names[1] ? "," : "");
  putchar('\t');
}

static void print_operators(void) {
  for (size_t i = 0; i < op_count(); i++) {
    const op_def *def = op_at(i);
    printf("%s\t", def->name);
    print_names(def->aliases);
    print_names(def->inputs);
    for (const op_attribute *a = def->attributes; a && a->name; a++)
      printf("%s=%s%s", a->name, a->default_text ? a->default_text : "required", a[1].name ? ";" : "");
    putchar('\n');
  }
}

/* Running a graph: a tensor for every value. Those of operators get their shape and
 * memory when they run: shapes may depend on data. */

static void *allocate(void *context, size_t bytes) { return arena_alloc(context, bytes + 1); }

static mxn_status make_tensors(arena *a, const graph *g, mxn_tensor **tensors, mxn_error *err) {
  for (size_t i = 0; i < g->n_nodes; i++) {
    const node *n = g->nodes[i];
    tensors[i] = arena_array(a, n->n_outputs, sizeof **tensors);
    for (uint32_t k = 0; k < n->n_outputs; k++) tensors[i][k] = (mxn_tensor){.type = n->outputs[k]};
    if (!node_is_variable(n)) continue;
    if (!n->constant) return error_set(err, MXN_ARGUMENT, "'%s' has no array", n->name);
    tensors[i][0] = *n->constant;
  }
  return MXN_OK;
}

static mxn_status run_graph(arena *a, const graph *g, mxn_tensor **tensors, mxn_error *err) {
  const op_memory memory = {allocate, a};
  for (size_t i = 0; i < g->n_nodes; i++) {
    const node *n = g->nodes[i];
    if (node_is_variable(n)) continue;
    mxn_tensor *inputs = arena_array(a, n->n_inputs, sizeof *inputs);
    for (uint32_t k = 0; k < n->n_inputs; k++) inputs[k] = tensors[n->inputs[k].node->id][n->inputs[k].output];
    TRY(op_forward_allocating(n, inputs, tensors[i], &memory, err));
  }
  return MXN_OK;
}

static mxn_status run_checkpoint(arena *a, const char *symbol, const char *in, const char *out, mxn_error *err) {
  graph *g;
  parameter_list parameters = {0}, results = {0};
  TRY(symbol_load(a, symbol, &g, err));
  TRY(symbol_upgrade(g, err));
  TRY(ops_bind(g, err));
  TRY(params_load(a, in, &parameters, err));
  TRY(checkpoint_attach(g, &parameters, err));
  TRY(ops_infer(g, err));
  mxn_tensor **tensors = arena_array(a, g->n_nodes, sizeof *tensors);
  TRY(make_tensors(a, g, tensors, err));
  TRY(run_graph(a, g, tensors, err));
  for (size_t i = 0; i < g->n_outputs; i++) {
    const value v = g->outputs[i];
    parameter *p = ARENA_PUSH(a, results.items, results.n_items, results.capacity);
    *p = (parameter){.name = arena_printf(a, "out:%zu", i), .tensor = tensors[v.node->id][v.output]};
  }
  return params_save(out, &results, err);
}

static void run_line(char *line) {
  char *symbol = strtok(line, "\t\n"), *in = strtok(NULL, "\t\n"), *out = strtok(NULL, "\t\n");
  if (!symbol || !in || !out) return;
  arena a;
  mxn_error err = {0};
  arena_init(&a);
  if (setjmp(a.recovery))
    puts("out of memory");
  else
    puts(run_checkpoint(&a, symbol, in, out, &err) == MXN_OK ? "ok" : err.message);
  arena_finish(&a);
  fflush(stdout);
}

int main(int argc, char **argv) {
  char line[4096];
  if (argc < 2) {
    print_operators();
    return EXIT_SUCCESS;
  }
  FILE *list = fopen(argv[1], "r");
  if (!list) {
    perror(argv[1]);
    return EXIT_FAILURE;
  }
  while (fgets(line, sizeof line, list)) run_line(line);
  fclose(list);
  return EXIT_SUCCESS;
}
