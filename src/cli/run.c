/* run.c - `mxneuron run`: images or arrays through a model, compiled or not.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "cli/classes.h"
#include "cli/commands.h"
#include "cli/input_files.h"
#include "cli/json_writer.h"
#include "io/array_file.h"

/* What goes to stdout, and how. */
typedef struct printer {
  const options *options;
  class_labels labels;
} printer;

/* As text. */

static void print_numbers(const char *name, const mxn_tensor *t) {
  enum { SHOWN = 8 };
  char text[256];
  const size_t n = count_elements(&t->type);
  printf("%s %s:", name, type_text(&t->type, text));
  for (size_t i = 0; i < n && i < SHOWN; i++) {
    const double number = number_at(t->data, t->type.dtype, i);
    printf(" %.7g", isnan(number) ? (double)NAN : number); /* a NaN's sign means nothing */
  }
  puts(n > SHOWN ? " ..." : "");
}

/* Classes where they are wanted and there; numbers, unless they go to a file. */
static mxn_status print_output(const printer *p, const char *name, const mxn_tensor *t, mxn_error *err) {
  const size_t n_wanted = classes_wanted(p->options);
  if (n_wanted && has_classes(&t->type)) return classes_print(name, t, n_wanted, &p->labels, NULL, err);
  if (!p->options->output_file) print_numbers(name, t);
  return MXN_OK;
}

/* As JSON. */

static mxn_status add_output(const printer *p, json_writer *w, const char *name, const mxn_tensor *t, mxn_error *err) {
  const size_t n_wanted = classes_wanted(p->options), n = count_elements(&t->type);
  mxn_status status = MXN_OK;
  json_begin(w, NULL, '{');
  json_text(w, "name", name);
  json_text(w, "type", mxn_dtype_name(t->type.dtype));
  json_shape(w, "shape", &t->type);
  if (n_wanted && has_classes(&t->type)) {
    status = classes_print(name, t, n_wanted, &p->labels, w, err);
  } else if (!p->options->output_file) {
    json_begin(w, "data", '[');
    for (size_t i = 0; i < n; i++) json_real(w, NULL, number_at(t->data, t->type.dtype, i));
    json_end(w, ']');
  }
  json_end(w, '}');
  return status;
}

static mxn_status print_json(const printer *p, const bound_model *b, mxn_error *err) {
  json_writer w;
  TRY(json_open(&w, err));
  mxn_status status = MXN_OK;
  json_begin(&w, "outputs", '[');
  for (size_t i = 0; i < b->n_outputs && status == MXN_OK; i++)
    status = add_output(p, &w, mxn_executor_output_name(b->executor, i), &b->outputs[i], err);
  json_end(&w, ']');
  if (p->options->output_file) json_text(&w, "file", p->options->output_file);
  if (status == MXN_OK) return json_close(&w, err);
  json_abandon(&w);
  return status;
}

/* Outputs. */

static mxn_status write_outputs(const bound_model *b, const char *path, mxn_error *err) {
  mxn_array *arrays = calloc(b->n_outputs + 1, sizeof *arrays);
  if (!arrays) return error_set(err, MXN_NOMEM, "out of memory");
  for (size_t i = 0; i < b->n_outputs; i++)
    arrays[i] = (mxn_array){mxn_executor_output_name(b->executor, i), b->outputs[i]};
  const mxn_status status = array_file_save(path, arrays, b->n_outputs, err);
  free(arrays);
  return status;
}

/* --top and --labels need an output with classes, and as many labels. */
static mxn_status check_classes(const printer *p, const bound_model *b, mxn_error *err) {
  char text[256];
  size_t n_found = 0;
  if (!classes_wanted(p->options)) return MXN_OK;
  for (size_t i = 0; i < b->n_outputs; i++) {
    if (!has_classes(&b->outputs[i].type)) continue;
    TRY(labels_check(&p->labels, mxn_executor_output_name(b->executor, i), &b->outputs[i].type, err));
    n_found++;
  }
  if (n_found > 0) return MXN_OK;
  return error_set(err, MXN_ARGUMENT, "--top: expected an output of (items, classes), got '%s' of %s",
                   mxn_executor_output_name(b->executor, 0), type_text(&b->outputs[0].type, text));
}

static mxn_status show_outputs(const printer *p, const bound_model *b, mxn_error *err) {
  TRY(check_classes(p, b, err));
  if (p->options->output_file) TRY(write_outputs(b, p->options->output_file, err));
  if (p->options->json) return print_json(p, b, err);
  for (size_t i = 0; i < b->n_outputs; i++)
    TRY(print_output(p, mxn_executor_output_name(b->executor, i), &b->outputs[i], err));
  return MXN_OK;
}

/* Running. `outputs` is NULL for all of the model. */
static mxn_status run_model(const printer *p, const mxn_model *model, const input_set *inputs, const text_list *outputs,
                            mxn_error *err) {
  bound_model b;
  TRY(bind_model(model, inputs, outputs, p->options->cores, &b, err));
  mxn_status status = run_bound(&b, inputs, err);
  if (status == MXN_OK) status = show_outputs(p, &b, err);
  bound_finish(&b);
  return status;
}

/* Where there is no compiler the reference operators are there, at their speed. */
static mxn_status compile_and_run(const printer *p, const mxn_model *model, const input_set *inputs, mxn_error *err) {
  const options *o = p->options;
  mxn_model *compiled;
  const mxn_status status = compile_model(model, inputs, o, &o->outputs, &compiled, err);
  if (status == MXN_IO) {
    fprintf(stderr, "mxneuron run: not compiled, the reference operators run it: %s\n", err->message);
    error_clear(err);
    return run_model(p, model, inputs, &o->outputs, err);
  }
  if (status != MXN_OK) return status;
  const mxn_status run_status = run_model(p, compiled, inputs, NULL, err);
  mxn_model_close(compiled);
  return run_status;
}

static mxn_status run_with(const printer *p, const mxn_model *model, input_set *inputs, mxn_error *err) {
  const options *o = p->options;
  TRY(input_files_load(o, model, inputs, err));
  if (o->reference && is_compiled(model))
    return error_set(err, MXN_ARGUMENT, "%s is compiled: --reference needs the model it was compiled from", o->prefix);
  const mxn_status status = o->reference || is_compiled(model) ? run_model(p, model, inputs, &o->outputs, err)
                                                               : compile_and_run(p, model, inputs, err);
  return add_input_hint(model, inputs, "FILE", status, err);
}

static mxn_status check_options(const options *o, mxn_error *err) {
  TRY(input_files_check(o, err));
  if (o->output_file && array_file_check_name(o->output_file, err) != MXN_OK)
    return error_prefix(err, MXN_ARGUMENT, "--output");
  return o->top == 0 ? error_set(err, MXN_ARGUMENT, "--top: expected at least 1, got 0") : MXN_OK;
}

static int run(const options *o) {
  mxn_model *model = NULL;
  input_set inputs = {0};
  printer p = {.options = o};
  mxn_error err = {0};
  if (check_options(o, &err) != MXN_OK) return misused(&run_command, &err);
  mxn_status status = load_model(o, &model, &err);
  if (status == MXN_OK && o->labels) status = labels_load(o->labels, &p.labels, &err);
  if (status == MXN_OK) status = run_with(&p, model, &inputs, &err);
  labels_finish(&p.labels);
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
        "Prints the shape and the first numbers of every output, or the classes with the largest "
        "numbers, or writes all to a file.",
    .example =
        "mxneuron run squeezenet_compiled --input data=cat.jpg --resize 224x224 --mean 123.68,116.28,103.53 "
        "--scale 0.017 --top 5 --labels synset.txt",
    .options = OPTION_BIT(INPUT_FILE) | OPTION_BIT(EPOCH) | OPTION_BIT(OUTPUT_FILE) | OPTION_BIT(OUTPUTS) |
               OPTION_BIT(CORES) | OPTION_BIT(REFERENCE) | OPTION_BIT(SHAPE) | OPTION_BIT(RESIZE) | OPTION_BIT(MEAN) |
               OPTION_BIT(SCALE) | OPTION_BIT(STD) | OPTION_BIT(LAYOUT) | OPTION_BIT(RGB) | OPTION_BIT(BGR) |
               OPTION_BIT(TOP) | OPTION_BIT(LABELS) | OPTION_BIT(JSON),
    .run = run,
};
