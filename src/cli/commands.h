/* commands.h - the commands, and what several of them need.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_CLI_COMMANDS_H
#define MXN_CLI_COMMANDS_H

#include <stdbool.h>

#include "cli/options.h"
#include "mxneuron/executor.h"
#include "mxneuron/model.h"

extern const command compile_command, run_command, verify_command, bench_command, inspect_command,
    list_operators_command, conformance_command;

/* All of them, in the order of the help; NULL behind the last. */
extern const command *const mxneuron_commands[];

/* Print "mxneuron COMMAND: message" and return 1. */
int failed(const command *c, const mxn_error *err);

/* Print it with a hint to the help and return 2. */
int misused(const command *c, const mxn_error *err);

/* The checkpoint of that PREFIX and epoch, or, where there is none and PREFIX is a
 * file itself, the program in it. */
MXN_MUST_CHECK mxn_status load_model(const options *o, mxn_model **out_model, mxn_error *err);

/* The arrays that a command feeds to a model. Data is on the heap. */
typedef struct input_set {
  mxn_input *inputs;
  mxn_tensor *tensors;
  size_t n;
} input_set;

/* Make room for n inputs. */
MXN_MUST_CHECK mxn_status inputs_init(input_set *set, size_t n, mxn_error *err);
void inputs_finish(input_set *set);

/* "data=1,3,224,224:float32", the values of `option`, as inputs whose data are not set. The
 * set is initialized here; inputs_finish() it in any case. */
MXN_MUST_CHECK mxn_status inputs_parse_shapes(input_set *set, const char *option, const text_list *values,
                                              mxn_error *err);

/* Input number i of a type, all zeros. */
MXN_MUST_CHECK mxn_status inputs_add(input_set *set, size_t i, const char *name, const mxn_type *type, mxn_error *err);

/* A copy of an array as input number i, converted to `dtype`. */
MXN_MUST_CHECK mxn_status inputs_copy(input_set *set, size_t i, const char *name, size_t name_bytes,
                                      const mxn_tensor *array, mxn_dtype dtype, mxn_error *err);

/* Fill input number i with numbers between -1 and 1, the same in every process. */
MXN_MUST_CHECK mxn_status inputs_fill(input_set *set, size_t i, mxn_error *err);

/* The element type in which the model wants an input, or `otherwise`. */
mxn_dtype wanted_dtype(const mxn_model *model, const char *name, size_t name_bytes, mxn_dtype otherwise);

/* Behind an error that names an input which is not given: how to give it, such as
 * "; expected --input data=FILE". Returns `status`. */
mxn_status add_input_hint(const mxn_model *model, const input_set *set, const char *form, mxn_status status,
                          mxn_error *err);

bool is_compiled(const mxn_model *model);

/* An executor with room for its outputs. */
typedef struct bound_model {
  mxn_executor *executor;
  mxn_tensor *outputs; /* heap */
  size_t n_outputs;
} bound_model;
MXN_MUST_CHECK mxn_status bind_model(const mxn_model *model, const input_set *inputs, const text_list *outputs,
                                     int64_t n_cores, bound_model *out, mxn_error *err);
/* As bind_model, with the reference operators in float64; so are the inputs. */
MXN_MUST_CHECK mxn_status bind_float64(const mxn_model *model, const input_set *inputs, const text_list *outputs,
                                       bound_model *out, mxn_error *err);
MXN_MUST_CHECK mxn_status run_bound(bound_model *b, const input_set *inputs, mxn_error *err);
void bound_finish(bound_model *b);

/* Compile in memory with the command's options, with progress on a terminal. */
MXN_MUST_CHECK mxn_status compile_model(const mxn_model *model, const input_set *inputs, const options *o,
                                        const text_list *outputs, mxn_model **out_model, mxn_error *err);

/* How far two arrays are apart. */
typedef struct difference {
  double largest_error;  /* infinite where one is NaN and the other is not */
  double relative_error; /* to the largest magnitude expected; infinite where that is 0 and the error is not */
  double magnitude;
} difference;
size_t count_elements(const mxn_type *type);
bool same_shape(const mxn_type *a, const mxn_type *b);
difference compare_arrays(const mxn_tensor *found, const mxn_tensor *expected);

/* "float32 (1, 3, 224, 224)" */
const char *type_text(const mxn_type *type, char text[256]);

double now_seconds(void);

#endif
