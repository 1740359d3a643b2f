/* inspect.c - `mxneuron inspect`: what a checkpoint holds.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>

#include "base/error.h"
#include "cli/commands.h"
#include "cli/json_writer.h"
#include "mxneuron/program.h"

static void print_model(const mxn_model *model) {
  mxn_model_statistics s;
  char text[256];
  mxn_model_get_statistics(model, &s);
  printf("operators  %zu in the original model, %zu now\n", s.n_original, s.n_operators);
  printf("subgraphs  %zu with %zu operators\n", s.n_subgraphs, s.n_compiled);
  for (size_t i = 0; i < mxn_model_n_inputs(model); i++)
    printf("input      %s: %s\n", mxn_model_input_name(model, i), type_text(mxn_model_input_type(model, i), text));
  for (size_t i = 0; i < mxn_model_n_outputs(model); i++) printf("output     %s\n", mxn_model_output_name(model, i));
}

static void print_interface(const mxn_program *p) {
  char text[256];
  for (size_t i = 0; i < mxn_program_n_inputs(p); i++)
    printf("  input    %s: %s\n", mxn_program_input_name(p, i), type_text(mxn_program_input_type(p, i), text));
  for (size_t i = 0; i < mxn_program_n_outputs(p); i++)
    printf("  output   %s: %s\n", mxn_program_output_name(p, i), type_text(mxn_program_output_type(p, i), text));
  printf("  batch    %s\n", mxn_program_has_batch(p) ? "other batch sizes are cut or padded" : "this batch size only");
}

static void print_program(const char *name, const mxn_program *p) {
  mxn_program_info info;
  mxn_program_get_info(p, &info);
  printf("\n%s\n", name);
  print_interface(p);
  printf("  targets  %s; %s on this CPU\n", info.targets, info.target);
  printf("  bytes    arena %llu, scratch %llu a core, code %llu, weights %llu\n", (unsigned long long)info.arena_bytes,
         (unsigned long long)info.scratch_bytes, (unsigned long long)info.code_bytes,
         (unsigned long long)info.weight_bytes);
  printf("  work     %u operators in %u steps, %.3f GFLOP\n", info.n_operators, info.n_steps, (double)info.flops / 1e9);
  for (size_t i = 0; i < info.n_steps; i++)
    printf("  %4zu %9.3f MFLOP  %s\n", i, (double)mxn_program_step_flops(p, i) / 1e6, mxn_program_step_name(p, i));
}

/* As JSON. */

static void add_tensor(json_writer *w, const char *name, const mxn_type *type) {
  json_begin(w, NULL, '{');
  json_text(w, "name", name);
  if (type->dtype != MXN_DTYPE_UNKNOWN) json_text(w, "type", mxn_dtype_name(type->dtype));
  json_shape(w, "shape", type);
  json_end(w, '}');
}

static void add_model(json_writer *w, const mxn_model *model) {
  mxn_model_statistics s;
  mxn_model_get_statistics(model, &s);
  json_count(w, "original_operators", s.n_original);
  json_count(w, "operators", s.n_operators);
  json_count(w, "compiled_operators", s.n_compiled);
  json_begin(w, "inputs", '[');
  for (size_t i = 0; i < mxn_model_n_inputs(model); i++)
    add_tensor(w, mxn_model_input_name(model, i), mxn_model_input_type(model, i));
  json_end(w, ']');
  json_begin(w, "outputs", '[');
  for (size_t i = 0; i < mxn_model_n_outputs(model); i++) json_text(w, NULL, mxn_model_output_name(model, i));
  json_end(w, ']');
}

static void add_interface(json_writer *w, const mxn_program *p) {
  json_begin(w, "inputs", '[');
  for (size_t i = 0; i < mxn_program_n_inputs(p); i++)
    add_tensor(w, mxn_program_input_name(p, i), mxn_program_input_type(p, i));
  json_end(w, ']');
  json_begin(w, "outputs", '[');
  for (size_t i = 0; i < mxn_program_n_outputs(p); i++)
    add_tensor(w, mxn_program_output_name(p, i), mxn_program_output_type(p, i));
  json_end(w, ']');
  json_flag(w, "any_batch", mxn_program_has_batch(p));
}

static void add_steps(json_writer *w, const mxn_program *p, size_t n_steps) {
  json_begin(w, "steps", '[');
  for (size_t i = 0; i < n_steps; i++) {
    json_begin(w, NULL, '{');
    json_text(w, "name", mxn_program_step_name(p, i));
    json_count(w, "flops", mxn_program_step_flops(p, i));
    json_end(w, '}');
  }
  json_end(w, ']');
}

static void add_program(json_writer *w, const char *name, const mxn_program *p) {
  mxn_program_info info;
  mxn_program_get_info(p, &info);
  json_begin(w, NULL, '{');
  json_text(w, "name", name);
  add_interface(w, p);
  json_text(w, "targets", info.targets);
  json_text(w, "target", info.target);
  json_count(w, "arena_bytes", info.arena_bytes);
  json_count(w, "scratch_bytes", info.scratch_bytes);
  json_count(w, "code_bytes", info.code_bytes);
  json_count(w, "weight_bytes", info.weight_bytes);
  json_count(w, "operators", info.n_operators);
  json_count(w, "flops", info.flops);
  add_steps(w, p, info.n_steps);
  json_end(w, '}');
}

/* The command. */

static mxn_status show_subgraph(const mxn_model *model, size_t i, json_writer *w, mxn_error *err) {
  const void *data;
  size_t bytes;
  mxn_program *program;
  const char *name = mxn_model_subgraph_name(model, i);
  TRY(mxn_model_neuronbin(model, i, &data, &bytes, err));
  TRY(mxn_program_open_memory(data, bytes, name, &program, err));
  if (w->out)
    add_program(w, name, program);
  else
    print_program(name, program);
  mxn_program_close(program);
  return MXN_OK;
}

static mxn_status inspect(const options *o, const mxn_model *model, json_writer *w, mxn_error *err) {
  if (o->json) {
    TRY(json_open(w, err));
    add_model(w, model);
    json_begin(w, "subgraphs", '[');
  } else {
    print_model(model);
  }
  for (size_t i = 0; mxn_model_subgraph_name(model, i); i++) TRY(show_subgraph(model, i, w, err));
  json_end(w, ']');
  return o->json ? json_close(w, err) : MXN_OK;
}

static int run(const options *o) {
  mxn_model *model = NULL;
  json_writer w = {0};
  mxn_error err = {0};
  mxn_status status = load_model(o, &model, &err);
  if (status == MXN_OK) status = inspect(o, model, &w, &err);
  json_abandon(&w);
  mxn_model_close(model);
  return status == MXN_OK ? 0 : failed(&inspect_command, &err);
}

const command inspect_command = {
    .name = "inspect",
    .summary = "show what a checkpoint holds",
    .details =
        "Shows operators and subgraphs of a checkpoint, and of each subgraph its inputs and "
        "outputs, targets, memory and steps.",
    .example = "mxneuron inspect squeezenet_compiled",
    .options = OPTION_BIT(EPOCH) | OPTION_BIT(JSON),
    .run = run,
};
