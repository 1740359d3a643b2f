/* inspect.c - `mxneuron inspect`: what a checkpoint holds.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>

#include "base/error.h"
#include "cli/commands.h"
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

static mxn_status print_subgraph(const mxn_model *model, size_t i, mxn_error *err) {
  const void *data;
  size_t bytes;
  mxn_program *program;
  const char *name = mxn_model_subgraph_name(model, i);
  TRY(mxn_model_neuronbin(model, i, &data, &bytes, err));
  TRY(mxn_program_open_memory(data, bytes, name, &program, err));
  print_program(name, program);
  mxn_program_close(program);
  return MXN_OK;
}

static int run(const options *o) {
  mxn_model *model = NULL;
  mxn_error err = {0};
  mxn_status status = load_model(o, &model, &err);
  if (status == MXN_OK) print_model(model);
  for (size_t i = 0; status == MXN_OK && mxn_model_subgraph_name(model, i); i++)
    status = print_subgraph(model, i, &err);
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
    .options = OPTION_BIT(EPOCH),
    .run = run,
};
