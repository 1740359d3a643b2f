/* compile.c - `mxneuron compile`: a checkpoint becomes a compiled checkpoint.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/json_writer.h"
#include "cli/left_out.h"

/* As the script in MXNet-Neuron's documentation prints them, two spaces included. */
static void print_statistics(const mxn_model *model) {
  mxn_model_statistics s;
  mxn_model_get_statistics(model, &s);
  printf("INFO:mxnet: Number of operations in original model:  %zu\n", s.n_original);
  printf("INFO:mxnet: Number of operations in compiled model:  %zu\n", s.n_operators);
  printf("INFO:mxnet: Number of Neuron subgraphs in compiled model:  %zu\n", s.n_subgraphs);
  printf("INFO:mxnet: Number of operations placed on Neuron runtime:  %zu\n", s.n_compiled);
}

static mxn_status print_all_left_out(const mxn_model *model, mxn_error *err) {
  const size_t n = mxn_model_n_left_out(model);
  if (n == 0) return MXN_OK;
  mxn_left_out *list = calloc(n, sizeof *list);
  if (!list) return error_set(err, MXN_NOMEM, "out of memory");
  for (size_t i = 0; i < n; i++) list[i] = mxn_model_get_left_out(model, i);
  printf("Left to the framework: %zu\n", n);
  print_left_out(stdout, list, n);
  free(list);
  return MXN_OK;
}

static mxn_status print_json(const mxn_model *model, mxn_error *err) {
  json_writer w;
  mxn_model_statistics s;
  TRY(json_open(&w, err));
  mxn_model_get_statistics(model, &s);
  json_count(&w, "original_operators", s.n_original);
  json_count(&w, "operators", s.n_operators);
  json_count(&w, "subgraphs", s.n_subgraphs);
  json_count(&w, "compiled_operators", s.n_compiled);
  json_begin(&w, "left_out", '[');
  for (size_t i = 0; i < mxn_model_n_left_out(model); i++) {
    const mxn_left_out l = mxn_model_get_left_out(model, i);
    json_begin(&w, NULL, '{');
    json_text(&w, "node", l.node);
    json_text(&w, "op", l.op);
    json_text(&w, "reason", l.reason);
    json_end(&w, '}');
  }
  json_end(&w, ']');
  return json_close(&w, err);
}

static mxn_status print_result(const options *o, const mxn_model *model, mxn_error *err) {
  if (o->json) return print_json(model, err);
  print_statistics(model);
  return print_all_left_out(model, err);
}

static mxn_status check_nodes(const options *o, mxn_error *err) {
  for (size_t i = 0; i < o->forced.n; i++)
    for (size_t k = 0; k < o->excluded.n; k++)
      if (!strcmp(o->forced.items[i], o->excluded.items[k]))
        return error_set(err, MXN_ARGUMENT, "--force-incl: '%.200s' is also in --excl", o->forced.items[i]);
  return MXN_OK;
}

static mxn_status compile_and_save(const options *o, const mxn_model *model, const input_set *inputs, mxn_error *err) {
  mxn_model *compiled;
  TRY(compile_model(model, inputs, o, NULL, &compiled, err));
  interrupts_hold(); /* both files are written, or none */
  mxn_status status = mxn_model_save(compiled, o->out, 0, err);
  interrupts_release();
  if (status == MXN_OK) status = print_result(o, compiled, err);
  mxn_model_close(compiled);
  return status;
}

static mxn_status run_with(const options *o, const input_set *inputs, mxn_error *err) {
  mxn_model *model = NULL;
  mxn_status status = mxn_model_load(o->prefix, (int)o->epoch, &model, err);
  if (status == MXN_OK) status = add_input_hint(model, inputs, "SHAPE", compile_and_save(o, model, inputs, err), err);
  mxn_model_close(model);
  return status;
}

static int run(const options *given) {
  options o = *given;
  mxn_error err = {0};
  input_set inputs = {0};
  char *out = NULL;
  if (!o.out) {
    if (asprintf(&out, "%s_compiled", o.prefix) < 0) {
      error_set(&err, MXN_NOMEM, "out of memory");
      return failed(&compile_command, &err);
    }
    o.out = out;
  }
  int exit_status = 0;
  if (check_nodes(&o, &err) != MXN_OK || inputs_parse_shapes(&inputs, "--input", &o.inputs, &err) != MXN_OK)
    exit_status = misused(&compile_command, &err);
  else if (run_with(&o, &inputs, &err) != MXN_OK)
    exit_status = failed(&compile_command, &err);
  inputs_finish(&inputs);
  free(out);
  return exit_status;
}

const command compile_command = {
    .name = "compile",
    .summary = "compile a checkpoint for given input shapes",
    .details =
        "Compiles PREFIX-symbol.json and PREFIX-0000.params to a checkpoint that holds "
        "machine code, and tells which operators were left to the framework, and why.",
    .example = "mxneuron compile squeezenet --input data=1,3,224,224 -o squeezenet_compiled",
    .options = OPTION_BIT(INPUT_SHAPE) | OPTION_BIT(EPOCH) | OPTION_BIT(OUT) | OPTION_BIT(EXCLUDED) |
               OPTION_BIT(FORCED) | OPTION_BIT(TARGET) | OPTION_BIT(JOBS) | OPTION_BIT(DUMP) | OPTION_BIT(JSON),
    .run = run,
};
