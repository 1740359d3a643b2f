/* mxnet_pass.c - the graph pass `neuron` for MXNet 1.9: compiles what optimize_for() gives
 * it, a symbol with its parameters, and returns the compiled symbol with its neuronbins.
 *
 * MXNet does not say which arguments are inputs and which are parameters: Gluon gives
 * arrays for both. Inputs are those that the option `inputs` names, without it those
 * called data, data0, data1, ... and those that have no array. Labels, of which the
 * operators know, are neither.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/near.h"
#include "base/shape.h"
#include "base/text_list.h"
#include "compat/mxnet_abi.h"
#include "compat/mxnet_message.h"
#include "compat/mxnet_node.h"
#include "mxneuron/model.h"

#pragma GCC diagnostic ignored "-Wunused-parameter"

#define PASS "neuron"
#define LABEL "optimize_for('" PASS "')"

/* Options. */

typedef struct name_array {
  const char **names;
  size_t n;
  char *text; /* that the names point into */
} name_array;

typedef struct pass_options {
  name_array inputs, excluded, forced;
  const char *work_dir;
  bool has_inputs;
} pass_options;

/* Python's text of a list of strings, or one name. */
static bool read_names(const char *text, name_array *out) {
  static const char delimiters[] = "[](){}'\", \t\n";
  out->text = strdup(text);
  out->names = calloc(strlen(text) / 2 + 1, sizeof *out->names);
  if (!out->text || !out->names) return false;
  char *rest = NULL;
  for (char *name = strtok_r(out->text, delimiters, &rest); name; name = strtok_r(NULL, delimiters, &rest))
    out->names[out->n++] = name;
  return true;
}

static void free_names(name_array *array) {
  free(array->names);
  free(array->text);
}

static mxn_status unknown_option(const char *key, mxn_error *err) {
  static const char *known[] = {"inputs", "excl_node_names", "force_incl_node_names", "work_dir"};
  char near[192];
  near_names(key, known, sizeof known / sizeof *known, near, sizeof near);
  return error_set(err, MXN_ARGUMENT, LABEL ": there is no option '%s'; %s %s", key,
                   near[0] ? "near names:" : "options are",
                   near[0] ? near : "inputs, excl_node_names, force_incl_node_names, work_dir");
}

static mxn_status read_option(const char *key, const char *value, pass_options *o, mxn_error *err) {
  name_array *names = NULL;
  if (!strcmp(key, "work_dir")) {
    o->work_dir = value;
    return MXN_OK;
  }
  if (!strcmp(key, "dedup_subgraph")) return MXN_OK; /* MXNet's own */
  if (!strcmp(key, "inputs")) names = &o->inputs;
  if (!strcmp(key, "excl_node_names")) names = &o->excluded;
  if (!strcmp(key, "force_incl_node_names")) names = &o->forced;
  if (!names) return unknown_option(key, err);
  o->has_inputs |= names == &o->inputs;
  return read_names(value, names) ? MXN_OK : error_set(err, MXN_NOMEM, LABEL ": out of memory");
}

static void free_options(pass_options *o) {
  free_names(&o->inputs);
  free_names(&o->excluded);
  free_names(&o->forced);
}

/* Symbols. MXNet notes what it inferred as attributes of all nodes, lists of one item for
 * each output: "__ext_shape__": "[[2,8]]". They are read from the text as MXNet prints it, in which
 * quotes inside of strings have a backslash before them. */

/* The value of a pair that begins between `at` and `end`, or NULL. */
static const char *find_value(const char *at, const char *end, const char *key) {
  char pair[32];
  const int n = snprintf(pair, sizeof pair, "\"%s\": \"", key);
  const char *found = strstr(at, pair);
  return found && found < end ? found + n : NULL;
}

/* Behind the name of the variable; NULL where there is none of that name. */
static const char *find_variable(const char *json, const char *name) {
  static const char key[] = "\"name\": \"";
  const size_t n = strlen(name);
  for (const char *at = strstr(json, key); at; at = strstr(at, key)) {
    at += sizeof key - 1;
    if (!strncmp(at, name, n) && at[n] == '"') return at + n;
  }
  return NULL;
}

static mxn_type inferred_type(const char *json, const char *name) {
  const char *at = find_variable(json, name), *end = at ? strstr(at, "\"inputs\": [") : NULL;
  if (!end) return (mxn_type){.dtype = MXN_DTYPE_UNKNOWN, .n_dims = -1};
  return text_list_type(find_value(at, end, "__ext_dtype__"), find_value(at, end, "__ext_shape__"), 0);
}

/* Arrays. */

typedef struct pass_arrays {
  const char *const *names;
  void *const *data;
  const int64_t *const *shapes;
  const int *n_dims, *dtypes;
  const char *const *devices;
  int n;
} pass_arrays;

static bool is_listed(const char *name, const char *const *names, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (!strcmp(names[i], name)) return true;
  return false;
}

/* Of the model without arrays every argument but the labels is an input. */
static bool is_label(const mxn_model *symbol, const char *name) {
  for (size_t i = 0; i < mxn_model_n_inputs(symbol); i++)
    if (!strcmp(mxn_model_input_name(symbol, i), name)) return false;
  return true;
}

static bool is_input(const pass_options *o, const char *name) {
  if (o->has_inputs) return is_listed(name, o->inputs.names, o->inputs.n);
  return !strncmp(name, "data", 4) && name[4 + strspn(name + 4, "0123456789")] == '\0';
}

static mxn_type array_type(const pass_arrays *arrays, int index) {
  return mxnet_array_type(arrays->dtypes[index], arrays->shapes[index], arrays->n_dims[index]);
}

/* Parameters and auxiliary states, named as in files; names are on the heap. */
typedef struct parameter_array {
  mxn_array *items;
  size_t n;
} parameter_array;

static mxn_status add_parameter(parameter_array *to, const char *prefix, const pass_arrays *from, int index,
                                mxn_error *err) {
  char *name = NULL;
  if (strcmp(from->devices[index], "cpu") != 0)
    return error_set(err, MXN_ARGUMENT, LABEL ": array '%s': expected it on a CPU context, got %s", from->names[index],
                     from->devices[index]);
  if (asprintf(&name, "%s:%s", prefix, from->names[index]) < 0)
    return error_set(err, MXN_NOMEM, LABEL ": out of memory");
  to->items[to->n++] = (mxn_array){name, {array_type(from, index), from->data[index]}};
  return MXN_OK;
}

static void free_parameters(parameter_array *parameters) {
  for (size_t i = 0; i < parameters->n; i++) free((char *)parameters->items[i].name);
  free(parameters->items);
}

/* The compile. */

typedef struct pass_call {
  const char *json;
  pass_arrays args, aux;
  pass_options options;
  mxnet_new_array new_array;
  const void *new_array_context;
} pass_call;

/* Names of the option `inputs` must be of the symbol. */
static mxn_status check_inputs(const pass_call *c, const mxn_model *symbol, mxn_error *err) {
  const size_t n = mxn_model_n_variables(symbol);
  const char **known = calloc(n + 1, sizeof *known);
  mxn_status status = known ? MXN_OK : error_set(err, MXN_NOMEM, LABEL ": out of memory");
  for (size_t i = 0; i < n && known; i++) known[i] = mxn_model_get_variable(symbol, i).name;
  for (size_t i = 0; i < c->options.inputs.n && status == MXN_OK; i++) {
    const char *name = c->options.inputs.names[i];
    char near[192];
    if (is_listed(name, known, n)) continue;
    near_names(name, known, n, near, sizeof near);
    status = error_set(err, MXN_ARGUMENT, LABEL ": inputs: expected variables of the symbol, got '%s'%s%s", name,
                       near[0] ? "; near names: " : "", near);
  }
  free(known);
  return status;
}

static mxn_status create_model(const pass_call *c, const parameter_array *parameters, mxn_model **out_model,
                               mxn_error *err) {
  return mxn_model_create(LABEL, c->json, strlen(c->json), parameters->items, parameters->n, out_model, err);
}

static mxn_status add_parameters(const pass_call *c, const mxn_model *symbol, parameter_array *to, mxn_error *err) {
  to->items = calloc((size_t)c->args.n + (size_t)c->aux.n + 1, sizeof *to->items);
  if (!to->items) return error_set(err, MXN_NOMEM, LABEL ": out of memory");
  for (int i = 0; i < c->args.n; i++)
    if (!is_input(&c->options, c->args.names[i]) && !is_label(symbol, c->args.names[i]))
      TRY(add_parameter(to, "arg", &c->args, i, err));
  for (int i = 0; i < c->aux.n; i++) TRY(add_parameter(to, "aux", &c->aux, i, err));
  return MXN_OK;
}

static mxn_status load(const pass_call *c, mxn_model **out_model, mxn_error *err) {
  parameter_array parameters = {0};
  mxn_model *symbol = NULL;
  mxn_status status = create_model(c, &parameters, &symbol, err);
  if (status == MXN_OK) status = check_inputs(c, symbol, err);
  if (status == MXN_OK) status = add_parameters(c, symbol, &parameters, err);
  if (status == MXN_OK) status = create_model(c, &parameters, out_model, err);
  mxn_model_close(symbol);
  free_parameters(&parameters);
  return status;
}

/* The type of the array that was given, or what MXNet or the symbol says. */
static mxn_type input_type(const pass_call *c, const mxn_model *model, size_t index) {
  const char *name = mxn_model_input_name(model, index);
  for (int i = 0; i < c->args.n; i++)
    if (!strcmp(c->args.names[i], name)) return array_type(&c->args, i);
  mxn_type type = inferred_type(c->json, name);
  if (type.n_dims < 0) type = *mxn_model_input_type(model, index);
  if (type.dtype == MXN_DTYPE_UNKNOWN) type.dtype = MXN_FLOAT32;
  return type;
}

static mxn_status compile(const pass_call *c, const mxn_model *model, mxn_model **out_model, mxn_error *err) {
  const size_t n = mxn_model_n_inputs(model);
  mxn_input *inputs = calloc(n + 1, sizeof *inputs);
  if (!inputs) return error_set(err, MXN_NOMEM, LABEL ": out of memory");
  for (size_t i = 0; i < n; i++) inputs[i] = (mxn_input){mxn_model_input_name(model, i), input_type(c, model, i)};
  const mxn_compile_options options = {
      .struct_bytes = sizeof options,
      .excl_node_names = c->options.excluded.names,
      .n_excl_node_names = c->options.excluded.n,
      .force_incl_node_names = c->options.forced.names,
      .n_force_incl_node_names = c->options.forced.n,
      .work_dir = c->options.work_dir,
  };
  const mxn_status status = mxn_compile(model, inputs, n, &options, out_model, err);
  free(inputs);
  return status;
}

/* MXNet gets the arrays that it does not have: neuronbins. */
static void give_arrays(const pass_call *c, const mxn_model *compiled) {
  for (size_t i = 0; i < mxn_model_n_arrays(compiled); i++) {
    const mxn_array array = mxn_model_get_array(compiled, i);
    const char *name = array.name + strlen("arg:");
    const mxn_type *type = &array.tensor.type;
    if (is_listed(name, c->args.names, (size_t)c->args.n) || is_listed(name, c->aux.names, (size_t)c->aux.n)) continue;
    size_t bytes;
    void *data = NULL;
    if (!type_bytes(type, &bytes)) continue; /* none */
    c->new_array(c->new_array_context, type->dims, type->n_dims, "cpu", 0, type->dtype, name,
                 strncmp(array.name, "arg:", 4) == 0, &data);
    if (data) memcpy(data, array.tensor.data, bytes);
  }
}

static mxn_status give_symbol(const mxn_model *compiled, char **out_json, mxn_error *err) {
  size_t bytes;
  TRY(mxn_model_print_symbol(compiled, NULL, 0, &bytes, err));
  char *text = malloc(bytes + 1);
  if (!text) return error_set(err, MXN_NOMEM, LABEL ": out of memory for the symbol");
  const mxn_status status = mxn_model_print_symbol(compiled, text, bytes + 1, &bytes, err);
  if (status == MXN_OK)
    *out_json = text;
  else
    free(text);
  return status;
}

static mxn_status run_pass(const pass_call *c, char **out_json, mxn_error *err) {
  mxn_model *model = NULL, *compiled = NULL;
  mxn_status status = load(c, &model, err);
  if (status == MXN_OK) status = compile(c, model, &compiled, err);
  if (status == MXN_OK) status = give_symbol(compiled, out_json, err);
  if (status == MXN_OK) give_arrays(c, compiled);
  mxn_model_close(compiled);
  mxn_model_close(model);
  return status;
}

/* Arrays may still be written: MXNet, which is what called us, knows. It may be loaded where
 * its names are not seen by others. */
static void wait_for_arrays(const void *caller) {
  Dl_info info;
  void *mxnet = dladdr(caller, &info) ? dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD) : NULL;
  void *symbol = mxnet ? dlsym(mxnet, "MXNDArrayWaitAll") : NULL;
  int (*wait)(void);
  memcpy(&wait, &symbol, sizeof wait);
  if (wait) wait();
  if (mxnet) dlclose(mxnet);
}

/* What MXNet calls. */

static int mark(void) { return MXNET_SUCCESS; }

int _passRegSize(void) { return 1; }

void _passRegGet(int index, mxnet_callback *out_pass, const char **out_name) {
  *out_pass = mark;
  *out_name = PASS;
}

/* MXNet chose the parameters. NOLINTNEXTLINE(readability-function-size) */
int _passCallGraphPass(mxnet_callback callback, const char *json, char **out_json, MXNET_ATTRIBUTES, const char *pass,
                       MXNET_PARAMETERS(arg), MXNET_PARAMETERS(aux), mxnet_new_array new_array,
                       const void *new_array_context) {
  mxn_error err = {0};
  pass_call call = {
      .json = json,
      .args = {arg_names, arg_data, arg_shapes, arg_n_dims, arg_dtypes, arg_devices, n_arg},
      .aux = {aux_names, aux_data, aux_shapes, aux_n_dims, aux_dtypes, aux_devices, n_aux},
      .new_array = new_array,
      .new_array_context = new_array_context,
  };
  mxn_status status = MXN_OK;
  *out_json = NULL;
  wait_for_arrays(__builtin_return_address(0));
  for (int i = 0; i < n_attributes && status == MXN_OK; i++)
    status = read_option(keys[i], values[i], &call.options, &err);
  if (status == MXN_OK) status = run_pass(&call, out_json, &err);
  free_options(&call.options);
  return mxnet_answer(status, &err);
}
