/* model.h - MXNet checkpoints: load, inspect, compile, save.
 *
 * A model is a symbol with its parameters, immutable once loaded or compiled:
 * any number of threads may read it. What a model returns (names, types) belongs
 * to it and lives until mxn_model_close().
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXNEURON_MODEL_H
#define MXNEURON_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mxneuron/status.h"
#include "mxneuron/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mxn_model mxn_model;

/* One array of an MXNet parameter file. */
typedef struct mxn_array {
  const char *name; /* "" where the file has no names */
  mxn_tensor tensor;
} mxn_array;

/* Load PREFIX-symbol.json and PREFIX-EPOCH.params (four digits). The parameter
 * file stays mapped until the model is closed; it may be replaced by rename. A
 * missing parameter file is an error. Errors: ARGUMENT (the name of one of the files
 * for the prefix), IO, FORMAT, NOMEM. */
MXN_API MXN_MUST_CHECK mxn_status mxn_model_load(const char *prefix, int epoch, mxn_model **out_model, mxn_error *err);

/* As mxn_model_load with the files named; params_path NULL: no parameters. */
MXN_API MXN_MUST_CHECK mxn_status mxn_model_load_files(const char *symbol_path, const char *params_path,
                                                       mxn_model **out_model, mxn_error *err);

/* A neuronbin file, such as `neuron-cc compile` writes it, as a model of one
 * subgraph with the program's inputs and outputs. The file stays mapped until the
 * model is closed. Errors: IO, FORMAT, VERSION, TARGET, NOMEM. */
MXN_API MXN_MUST_CHECK mxn_status mxn_model_load_program(const char *path, mxn_model **out_model, mxn_error *err);

/* As mxn_model_load from memory. `symbol` is JSON text; `name` stands for its file
 * in messages. Arrays are called "arg:NAME", "aux:NAME" or NAME; an array without
 * data, n_dims -1, is one that MXNet calls none. Their data is borrowed: the
 * caller keeps it alive and unchanged until mxn_model_close(). Without arrays the
 * model is a symbol alone, and what needs one fails when it is asked for.
 * Errors: ARGUMENT (an array that has no type or no data, a name twice), FORMAT,
 * SHAPE, NOMEM. */
MXN_API MXN_MUST_CHECK mxn_status mxn_model_create(const char *name, const char *symbol, size_t symbol_bytes,
                                                   const mxn_array *arrays, size_t n_arrays, mxn_model **out_model,
                                                   mxn_error *err);

/* Write PREFIX-symbol.json and PREFIX-EPOCH.params, each to a temporary name,
 * synced, then renamed: the old files stay whole on any error. */
MXN_API MXN_MUST_CHECK mxn_status mxn_model_save(const mxn_model *model, const char *prefix, int epoch, mxn_error *err);

MXN_API void mxn_model_close(mxn_model *model); /* NULL is fine */

/* Inputs: the variables without an array, labels of output operators left out.
 * Outputs: the original names ("softmax_output"), compiled or not. NULL out of
 * range. */
MXN_API size_t mxn_model_n_inputs(const mxn_model *model);
MXN_API const char *mxn_model_input_name(const mxn_model *model, size_t index);
/* What is known about an input before anything is bound: the symbol's __shape__
 * and __dtype__, or what the model was compiled for. Unknown parts are -1, a batch
 * that may change is one of them. */
MXN_API const mxn_type *mxn_model_input_type(const mxn_model *model, size_t index);
MXN_API size_t mxn_model_n_outputs(const mxn_model *model);
MXN_API const char *mxn_model_output_name(const mxn_model *model, size_t index);

/* Type and shape of an input to compile or bind for. */
typedef struct mxn_input {
  const char *name;
  mxn_type type;
} mxn_input;

/* The symbol as JSON text that MXNet 1.9.1 reads. Like snprintf(): what fits goes
 * into buffer[buffer_bytes], NUL at the end, and out_bytes is what all of it takes,
 * NUL not counted. */
MXN_API MXN_MUST_CHECK mxn_status mxn_model_print_symbol(const mxn_model *model, char *buffer, size_t buffer_bytes,
                                                         size_t *out_bytes, mxn_error *err);

/* The arrays of the model, named as in mxn_model_create(); zeros out of range. */
MXN_API size_t mxn_model_n_arrays(const mxn_model *model);
MXN_API mxn_array mxn_model_get_array(const mxn_model *model, size_t index);

/* A variable of the symbol: an input, a label, a parameter or an auxiliary state. */
typedef struct mxn_variable {
  const char *name;
  bool is_auxiliary;
} mxn_variable;
/* Variables that the outputs reach, in the order in which MXNet lists arguments
 * and auxiliary states; zeros out of range. */
MXN_API size_t mxn_model_n_variables(const mxn_model *model);
MXN_API mxn_variable mxn_model_get_variable(const mxn_model *model, size_t index);

/* Infer types, forward and backward, from what the model knows and from `inputs`,
 * which may name any variable and leave dtype or dimensions unknown (-1); they go
 * before __shape__ and __dtype__, not before an array.
 * out_variables[n_variables] and out_outputs[n_outputs] are in the orders of the
 * model; either is NULL where it is not wanted. What cannot be inferred is unknown
 * there, which is no error. Errors: ARGUMENT (no such variable, near names),
 * SHAPE (a contradiction, with node, expected and got). */
MXN_API MXN_MUST_CHECK mxn_status mxn_model_infer(const mxn_model *model, const mxn_input *inputs, size_t n_inputs,
                                                  mxn_type *out_variables, mxn_type *out_outputs, mxn_error *err);

/* What the documented statistics script counts. Before a compile n_subgraphs
 * and n_compiled are 0 and n_operators == n_original. */
typedef struct mxn_model_statistics {
  size_t n_original;  /* operators of the model before it was compiled */
  size_t n_operators; /* now, a subgraph counts as one */
  size_t n_subgraphs;
  size_t n_compiled; /* operators inside the subgraphs */
} mxn_model_statistics;
MXN_API void mxn_model_get_statistics(const mxn_model *model, mxn_model_statistics *out_statistics);

/* Name of subgraph node `index` ("_neuron_subgraph_op0"), NULL out of range, and
 * its neuronbin, borrowed from the model. */
MXN_API const char *mxn_model_subgraph_name(const mxn_model *model, size_t index);
MXN_API MXN_MUST_CHECK mxn_status mxn_model_neuronbin(const mxn_model *model, size_t index, const void **out_data,
                                                      size_t *out_bytes, mxn_error *err);

/* An operator that mxn_compile() left to the framework, and why. */
typedef struct mxn_left_out {
  const char *node;
  const char *op;
  const char *reason;
} mxn_left_out;
MXN_API size_t mxn_model_n_left_out(const mxn_model *model);
MXN_API mxn_left_out mxn_model_get_left_out(const mxn_model *model, size_t index);

/* Options of mxn_compile; zero everything and set struct_bytes to sizeof, else
 * they are an error. */
typedef struct mxn_compile_options {
  size_t struct_bytes;
  const char *const *excl_node_names; /* nodes to leave to the framework */
  size_t n_excl_node_names;
  const char *const *force_incl_node_names; /* these must be compiled, else an error says why */
  size_t n_force_incl_node_names;
  const char *targets;   /* "x86-64-v3,x86-64-v4"; NULL: both */
  uint32_t n_jobs;       /* neuron-cc processes at a time; 0: mxn_default_cores() */
  const char *dump;      /* name of a pass, or "all": its graph goes to dump_file */
  const char *dump_path; /* file for the dump; NULL: not written */
  const char *compiler;  /* path of neuron-cc; NULL: beside the library, then PATH */
  const char *work_dir;  /* keeps what goes to and from neuron-cc; NULL: a temporary one, removed */
  /* Called after each finished subgraph, on the calling thread. */
  void (*progress)(void *context, size_t n_done, size_t n_total);
  void *progress_context;
  const char *const *outputs; /* make these the model's outputs: names of outputs or of inner values, as in
                               * mxn_executor_options; only what they need is compiled. NULL: as they are */
  size_t n_outputs;
  /* Asked several times a second, on the calling thread; true ends the compile with
   * MXN_CANCELLED, and leaves neither a process nor a temporary folder. NULL: never. */
  bool (*is_cancelled)(void *context);
  void *cancel_context;
  uint32_t n_pipeline_cores; /* --neuroncore-pipeline-cores of neuron-cc, 1 to 64: recorded in the programs; 0: 1 */
} mxn_compile_options;

/* Compile for the given input types into a new model; `model` stays as it is
 * and may be closed before the result. `inputs` must name every input of the
 * model. `options` NULL: defaults. Errors: ARGUMENT (unknown node or input, near
 * names listed), SHAPE, UNSUPPORTED, INTERNAL (a compiler crash, with what it
 * said), CANCELLED. */
MXN_API MXN_MUST_CHECK mxn_status mxn_compile(const mxn_model *model, const mxn_input *inputs, size_t n_inputs,
                                              const mxn_compile_options *options, mxn_model **out_model,
                                              mxn_error *err);

typedef struct mxn_arrays mxn_arrays;

/* Read an MXNet parameter file (.params, .nd). Arrays belong to the object; they
 * are mapped, so reading is lazy and unaligned data is copied. */
MXN_API MXN_MUST_CHECK mxn_status mxn_arrays_load(const char *path, mxn_arrays **out_arrays, mxn_error *err);
MXN_API size_t mxn_arrays_n(const mxn_arrays *arrays);
MXN_API mxn_array mxn_arrays_get(const mxn_arrays *arrays, size_t index);
MXN_API void mxn_arrays_close(mxn_arrays *arrays);

/* Write arrays with names, as mxn_model_save does. */
MXN_API MXN_MUST_CHECK mxn_status mxn_arrays_save(const char *path, const mxn_array *arrays, size_t n, mxn_error *err);

#ifdef __cplusplus
}
#endif
#endif
