/* run.c - `mxneuron run`: images or arrays through a model.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "cli/commands.h"
#include "cli/input_files.h"
#include "io/array_file.h"

static void print_output(const char *name, const mxn_tensor *t) {
  enum { SHOWN = 8 };
  char text[256];
  const size_t n = count_elements(&t->type);
  printf("%s %s:", name, type_text(&t->type, text));
  for (size_t i = 0; i < n && i < SHOWN; i++) printf(" %.7g", number_at(t->data, t->type.dtype, i));
  puts(n > SHOWN ? " ..." : "");
}

static mxn_status write_outputs(const bound_model *b, const char *path, mxn_error *err) {
  mxn_array *arrays = calloc(b->n_outputs + 1, sizeof *arrays);
  if (!arrays) return error_set(err, MXN_NOMEM, "out of memory");
  for (size_t i = 0; i < b->n_outputs; i++)
    arrays[i] = (mxn_array){mxn_executor_output_name(b->executor, i), b->outputs[i]};
  const mxn_status status = array_file_save(path, arrays, b->n_outputs, err);
  free(arrays);
  return status;
}

static mxn_status run_model(const options *o, const mxn_model *model, const input_set *inputs, mxn_error *err) {
  bound_model b;
  TRY(bind_model(model, inputs, &o->outputs, o->cores, &b, err));
  mxn_status status = run_bound(&b, inputs, err);
  if (status == MXN_OK && o->output_file) status = write_outputs(&b, o->output_file, err);
  for (size_t i = 0; i < b.n_outputs && status == MXN_OK && !o->output_file; i++)
    print_output(mxn_executor_output_name(b.executor, i), &b.outputs[i]);
  bound_finish(&b);
  return status;
}

/* Where there is no compiler the reference operators are there, at their speed. */
static mxn_status compile_and_run(const options *o, const mxn_model *model, const input_set *inputs, mxn_error *err) {
  mxn_model *compiled;
  const mxn_status status = compile_model(model, inputs, o, &o->outputs, &compiled, err);
  if (status == MXN_IO) {
    fprintf(stderr, "mxneuron run: not compiled, the reference operators run it: %s\n", err->message);
    error_clear(err);
    return run_model(o, model, inputs, err);
  }
  if (status != MXN_OK) return status;
  const options all_outputs = {.cores = o->cores, .output_file = o->output_file};
  const mxn_status run_status = run_model(&all_outputs, compiled, inputs, err);
  mxn_model_close(compiled);
  return run_status;
}

static mxn_status run_with(const options *o, const mxn_model *model, input_set *inputs, mxn_error *err) {
  TRY(input_files_load(o, model, inputs, err));
  if (o->reference && is_compiled(model))
    return error_set(err, MXN_ARGUMENT, "%s is compiled: --reference needs the model it was compiled from", o->prefix);
  const mxn_status status =
      o->reference || is_compiled(model) ? run_model(o, model, inputs, err) : compile_and_run(o, model, inputs, err);
  return add_input_hint(model, inputs, "FILE", status, err);
}

static int run(const options *o) {
  mxn_model *model = NULL;
  input_set inputs = {0};
  mxn_error err = {0};
  if (input_files_check(o, &err) != MXN_OK) return misused(&run_command, &err);
  mxn_status status = load_model(o, &model, &err);
  if (status == MXN_OK) status = run_with(o, model, &inputs, &err);
  inputs_finish(&inputs);
  mxn_model_close(model);
  return status == MXN_OK ? 0 : failed(&run_command, &err);
}

const command run_command = {
    .name = "run",
    .summary = "run a checkpoint on images or arrays",
    .details =
        "Runs a compiled checkpoint, or a neuronbin that neuron-cc wrote; what is not compiled is compiled first, in "
        "memory. "
        "Prints the shape and the first numbers of every output, or writes them to a file.",
    .example = "mxneuron run squeezenet_compiled --input data=cat.npy --output answer.npy",
    .options = OPTION_BIT(INPUT_FILE) | OPTION_BIT(EPOCH) | OPTION_BIT(OUTPUT_FILE) | OPTION_BIT(OUTPUTS) |
               OPTION_BIT(CORES) | OPTION_BIT(REFERENCE) | OPTION_BIT(SHAPE) | OPTION_BIT(RESIZE) | OPTION_BIT(MEAN) |
               OPTION_BIT(SCALE) | OPTION_BIT(STD) | OPTION_BIT(LAYOUT) | OPTION_BIT(RGB) | OPTION_BIT(BGR),
    .run = run,
};
