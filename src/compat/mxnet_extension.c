/* mxnet_extension.c - the operator `_neuron_subgraph_op` for MXNet 1.9, as a library that
 * MXLoadLib() loads.
 *
 * The operator has no state: MXNet would write the node's `subgraphs` as text for each
 * state it creates, and Gluon creates one with each call. Programs are kept in
 * program_cache.c instead. Shapes and types come from the node's attributes, because
 * MXNet infers them before there is a neuronbin. MXNet asks only for those of the first
 * data input (num_inputs is 1): it overwrites its own memory where an input of unknown
 * rank is one of several.
 *
 * Nothing is thrown and nothing ends the process: a message is left for MXNet, which
 * makes an MXNetError of it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/shape.h"
#include "base/text_list.h"
#include "compat/mxnet_abi.h"
#include "compat/mxnet_message.h"
#include "compat/mxnet_node.h"
#include "compat/program_cache.h"

/* MXNet's functions have parameters that we have no use for. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

/* The library. */

enum { MXNET_1_9 = 10900, MXNET_1_10 = 11000 };

int _opVersion(void) { return MXNET_EXTENSION_VERSION; }

int initialize(int mxnet_version) {
  mxn_error err = {0};
  if (mxnet_version >= MXNET_1_9 && mxnet_version < MXNET_1_10) return mxnet_answer(MXN_OK, &err);
  return mxnet_answer(error_set(&err, MXN_UNSUPPORTED, "mxneuron's extension is for MXNet 1.9, this is MXNet %d.%d.%d",
                                mxnet_version / 10000, mxnet_version / 100 % 100, mxnet_version % 100),
                      &err);
}

#define DEFINE_UNCALLED(name) \
  int name(void) { return MXNET_FAILURE; }
MXNET_UNCALLED_LIST(DEFINE_UNCALLED)
#undef DEFINE_UNCALLED

int _partRegSize(void) { return 0; }

void _opCallFree(void *memory) { free(memory); }

/* Registration. Callbacks are marks: MXNet gives them back, we know what is meant. */

static int forward(void) { return MXNET_SUCCESS; }
static int backward(void) { return MXNET_SUCCESS; }

int _opRegSize(void) { return 1; }

/* MXNet chose the parameters. NOLINTNEXTLINE(readability-function-size) */
void _opRegGet(int index, const char **out_name, int *out_is_subgraph, const char ***out_forward_contexts,
               mxnet_callback **out_forward, int *out_n_forward, const char ***out_backward_contexts,
               mxnet_callback **out_backward, int *out_n_backward, const char ***out_state_contexts,
               mxnet_callback **out_state, int *out_n_state, mxnet_callback *out_parse, mxnet_callback *out_type,
               mxnet_callback *out_storage, mxnet_callback *out_shape, mxnet_callback *out_mutate) {
  static const char *contexts[] = {"cpu"};
  static mxnet_callback forwards[] = {forward}, backwards[] = {backward};
  *out_name = MXNET_NODE_OPERATOR;
  *out_is_subgraph = 0;
  *out_forward_contexts = *out_backward_contexts = *out_state_contexts = contexts;
  *out_forward = forwards;
  *out_backward = *out_state = backwards;
  *out_n_forward = *out_n_backward = 1; /* Module binds for training unless told otherwise */
  *out_n_state = 0;
  *out_parse = *out_type = *out_shape = forward;
  *out_storage = *out_mutate = NULL;
}

int _opCallParseAttrs(mxnet_callback callback, MXNET_ATTRIBUTES, int *out_n_inputs, int *out_n_outputs) {
  mxn_error err = {0};
  mxnet_node node;
  const mxn_status status = mxnet_node_read(&node, MXNET_PASS_ATTRIBUTES, &err);
  *out_n_inputs = node.n_inputs;
  *out_n_outputs = node.n_outputs;
  return mxnet_answer(status, &err);
}

/* Which node an error is about: that of these outputs. */
static mxn_status name_node(const mxnet_node *node, mxn_status status, mxn_error *err) {
  if (status == MXN_OK) return MXN_OK;
  return error_prefix(err, status, "%s (%s)", MXNET_NODE_OPERATOR, node->output_names ? node->output_names : "");
}

/* "input 'data'", or its number where the node does not say how it is called. */
enum { INPUT_TEXT_BYTES = 128 };
static const char *input_text(const mxnet_node *node, int index, char text[INPUT_TEXT_BYTES]) {
  text_list_reader reader = {node->input_names, 0};
  char *name = node->input_names ? malloc(strlen(node->input_names) + 1) : NULL;
  bool is_named = name != NULL;
  for (int i = 0; i <= index && is_named; i++) is_named = text_list_next(&reader, name);
  if (is_named)
    snprintf(text, INPUT_TEXT_BYTES, "input '%s'", name);
  else
    snprintf(text, INPUT_TEXT_BYTES, "data input %d", index);
  free(name);
  return text;
}

/* Inference. */

static mxn_status check_dtype(const mxnet_node *node, int index, mxn_dtype expected, mxn_dtype got, mxn_error *err) {
  char text[INPUT_TEXT_BYTES];
  if (index >= node->n_data || got == expected) return MXN_OK;
  return error_set(err, MXN_ARGUMENT, "%s: compiled for %s, got %s", input_text(node, index, text),
                   mxn_dtype_name(expected), mxn_dtype_name(got));
}

int _opCallInferType(mxnet_callback callback, MXNET_ATTRIBUTES, int *in_dtypes, int n_in, int *out_dtypes, int n_out) {
  mxn_error err = {0};
  mxnet_node node;
  mxn_status status = mxnet_node_read(&node, MXNET_PASS_ATTRIBUTES, &err);
  for (int i = 0; i < n_in && status == MXN_OK; i++) {
    const mxn_type expected = mxnet_node_input(&node, i);
    if (in_dtypes[i] < 0) in_dtypes[i] = expected.dtype;
    status = name_node(&node, check_dtype(&node, i, expected.dtype, (mxn_dtype)in_dtypes[i], &err), &err);
  }
  for (int i = 0; i < n_out && status == MXN_OK; i++) out_dtypes[i] = mxnet_node_output(&node, i).dtype;
  return mxnet_answer(status, &err);
}

/* Binds. Memory of an array that died may hold another one of the same number of writes, but
 * only behind a bind, before which MXNet infers shapes. Nodes that share a counter only cost
 * each other a check. */

enum { N_BIND_COUNTERS = 64 };
static atomic_uint_fast64_t n_binds[N_BIND_COUNTERS];

static atomic_uint_fast64_t *bind_counter(const mxnet_node *node) {
  uint32_t hash = 2166136261;
  for (const char *at = node->output_names; at && *at; at++) hash = (hash ^ (uint8_t)*at) * 16777619;
  return &n_binds[hash % N_BIND_COUNTERS];
}

/* What MXNet calls unknown, as it comes here. */
static bool is_known(unsigned dim) { return dim != 0 && dim != (unsigned)-1; }

static bool fits(const mxn_type *expected, const unsigned *dims, int n_dims) {
  if (n_dims < 0) return true;
  if (n_dims != expected->n_dims) return false;
  for (int d = 0; d < n_dims; d++)
    if (is_known(dims[d]) && expected->dims[d] >= 0 && expected->dims[d] != dims[d]) return false;
  return true;
}

static mxn_type type_of_dims(const unsigned *dims, int n_dims) {
  mxn_type type = {.n_dims = n_dims < MXN_MAX_DIMS ? n_dims : MXN_MAX_DIMS};
  for (int32_t d = 0; d < type.n_dims; d++) type.dims[d] = is_known(dims[d]) ? (int64_t)dims[d] : -1;
  return type;
}

static mxn_status check_shape(const mxnet_node *node, int index, const unsigned *dims, int n_dims, mxn_error *err) {
  char expected_text[SHAPE_TEXT_BYTES], got_text[SHAPE_TEXT_BYTES], text[INPUT_TEXT_BYTES];
  const mxn_type expected = mxnet_node_input(node, index);
  if (index >= node->n_data || fits(&expected, dims, n_dims)) return MXN_OK;
  const mxn_type got = type_of_dims(dims, n_dims);
  return error_set(err, MXN_SHAPE, "%s: compiled for shape %s, got %s", input_text(node, index, text),
                   shape_text(&expected, expected_text), shape_text(&got, got_text));
}

/* An answer cannot say "unknown", and MXNet asks before it knows: then the batch is the
 * compiled one. */
static unsigned find_batch(const mxnet_node *node, unsigned *const *in_shapes, const int *in_n_dims, int n_in) {
  if (n_in > 0 && in_n_dims[0] > 0 && is_known(in_shapes[0][0])) return in_shapes[0][0];
  return node->compile_batch > 0 ? (unsigned)node->compile_batch : 1;
}

/* Lists of shapes that MXNet frees. */
typedef struct shape_list {
  unsigned **shapes;
  int *n_dims;
  int n;
} shape_list;

static void free_shapes(shape_list *list) {
  for (int i = 0; i < list->n && list->shapes; i++) free(list->shapes[i]);
  free(list->shapes);
  free(list->n_dims);
}

static bool create_shapes(shape_list *list, int n) {
  *list = (shape_list){calloc((size_t)n + 1, sizeof *list->shapes), calloc((size_t)n + 1, sizeof *list->n_dims), n};
  return list->shapes && list->n_dims;
}

static bool set_shape(shape_list *list, int index, const mxn_type *type, unsigned batch) {
  const int n_dims = type->n_dims < 0 ? 0 : type->n_dims;
  list->n_dims[index] = n_dims;
  list->shapes[index] = calloc((size_t)n_dims + 1, sizeof **list->shapes);
  for (int d = 0; d < n_dims && list->shapes[index]; d++)
    list->shapes[index][d] = type->dims[d] < 0 ? batch : (unsigned)type->dims[d];
  return list->shapes[index] != NULL;
}

static bool fill_shapes(const mxnet_node *node, shape_list *inputs, shape_list *outputs, unsigned batch) {
  bool is_filled = true;
  for (int i = 0; i < inputs->n; i++) {
    const mxn_type type = mxnet_node_input(node, i);
    is_filled &= set_shape(inputs, i, &type, batch);
  }
  for (int i = 0; i < outputs->n; i++) {
    const mxn_type type = mxnet_node_output(node, i);
    is_filled &= set_shape(outputs, i, &type, batch);
  }
  return is_filled;
}

/* MXNet chose the parameters. NOLINTNEXTLINE(readability-function-size) */
int _opCallInferShape(mxnet_callback callback, MXNET_ATTRIBUTES, unsigned **in_shapes, int *in_n_dims, int n_in,
                      unsigned ***out_in_shapes, int **out_in_n_dims, unsigned ***out_shapes, int **out_n_dims,
                      int n_out) {
  mxn_error err = {0};
  mxnet_node node;
  shape_list inputs = {0}, outputs = {0};
  mxn_status status = mxnet_node_read(&node, MXNET_PASS_ATTRIBUTES, &err);
  if (status == MXN_OK && n_in > node.n_data)
    status = error_set(&err, MXN_FORMAT, "attribute 'num_inputs': expected at most %d, got %d", node.n_data, n_in);
  for (int i = 0; i < n_in && status == MXN_OK; i++) status = check_shape(&node, i, in_shapes[i], in_n_dims[i], &err);
  if (status == MXN_OK && (!create_shapes(&inputs, n_in) || !create_shapes(&outputs, n_out) ||
                           !fill_shapes(&node, &inputs, &outputs, find_batch(&node, in_shapes, in_n_dims, n_in))))
    status = error_set(&err, MXN_NOMEM, "out of memory for shapes");
  if (status != MXN_OK) {
    free_shapes(&inputs);
    free_shapes(&outputs);
    return mxnet_answer(name_node(&node, status, &err), &err);
  }
  atomic_fetch_add(bind_counter(&node), 1);
  *out_in_shapes = inputs.shapes;
  *out_in_n_dims = inputs.n_dims;
  *out_shapes = outputs.shapes;
  *out_n_dims = outputs.n_dims;
  return mxnet_answer(MXN_OK, &err);
}

/* Running. */

/* Arrays of a call, inputs or outputs. */
typedef struct call_arrays {
  const int64_t *const *shapes;
  const int *n_dims;
  void *const *data;
  const int *dtypes;
  const size_t *versions;
  const int *device_ids;
  int n;
} call_arrays;

static mxn_tensor tensor_of(const call_arrays *arrays, int index) {
  return (mxn_tensor){mxnet_array_type(arrays->dtypes[index], arrays->shapes[index], arrays->n_dims[index]),
                      arrays->data[index]};
}

/* The last input. */
static mxn_status find_neuronbin(const mxnet_node *node, const call_arrays *in, neuronbin_array *out_array,
                                 mxn_error *err) {
  const int last = in->n - 1;
  if (in->n < node->n_data + 1)
    return error_set(err, MXN_ARGUMENT, "expected %d data inputs and a neuronbin, got %d inputs", node->n_data, in->n);
  if (in->dtypes[last] != MXN_UINT8)
    return error_set(err, MXN_ARGUMENT, "expected a neuronbin of uint8 as last input, got %s",
                     mxn_dtype_name((mxn_dtype)in->dtypes[last]));
  *out_array =
      (neuronbin_array){in->data[last], in->n_dims[last] >= 0, in->versions[last], atomic_load(bind_counter(node))};
  for (int d = 0; d < in->n_dims[last]; d++) out_array->bytes *= (size_t)in->shapes[last][d];
  return MXN_OK;
}

/* The program may order its inputs by itself: names say which is which. Several nodes may
 * have the program, with other names each where someone rewrote the symbol. */
static mxn_status match_inputs(const mxnet_node *node, ready_session *s, mxn_error *err) {
  const char *listed = node->input_names ? node->input_names : "";
  if (s->matched && !strcmp(s->matched, listed)) return MXN_OK;
  const size_t bytes = strlen(listed) + 1;
  char *text = malloc(bytes);
  if (!text) return error_set(err, MXN_NOMEM, "out of memory");
  text_list_match(listed, s->input_names, (uint32_t)mxn_program_n_inputs(s->program), text, s->input_of);
  free(s->matched);
  s->matched = memcpy(text, listed, bytes);
  return MXN_OK;
}

static mxn_status set_inputs(const mxnet_node *node, const call_arrays *in, ready_session *s, mxn_error *err) {
  const size_t n = mxn_program_n_inputs(s->program);
  if (n != (size_t)node->n_data)
    return error_set(err, MXN_FORMAT, "attribute 'in_types' says %d data inputs, the neuronbin has %zu", node->n_data,
                     n);
  TRY(match_inputs(node, s, err));
  for (size_t i = 0; i < n; i++) s->inputs[i] = tensor_of(in, (int)s->input_of[i]);
  return MXN_OK;
}

static mxn_status set_outputs(const call_arrays *out, ready_session *s, mxn_error *err) {
  const size_t n = mxn_program_n_outputs(s->program);
  if (n < (size_t)out->n)
    return error_set(err, MXN_FORMAT, "the neuronbin has %zu outputs, the symbol uses %d", n, out->n);
  for (size_t i = 0; i < n; i++) s->outputs[i] = (mxn_tensor){0};
  for (int i = 0; i < out->n; i++) s->outputs[i] = tensor_of(out, i);
  return MXN_OK;
}

static mxn_status set_arrays(const mxnet_node *node, const call_arrays *in, const call_arrays *out, ready_session *s,
                             mxn_error *err) {
  TRY(set_inputs(node, in, s, err));
  return set_outputs(out, s, err);
}

/* Errors of the program name it. */
static mxn_status run(const mxnet_node *node, const call_arrays *in, const call_arrays *out, ready_session *s,
                      mxn_error *err) {
  TRY(name_node(node, set_arrays(node, in, out, s, err), err));
  return mxn_session_run_into(s->session, s->inputs, mxn_program_n_inputs(s->program), s->outputs,
                              mxn_program_n_outputs(s->program), err);
}

static mxn_status compute(const mxnet_node *node, const call_arrays *in, const call_arrays *out, mxn_error *err) {
  neuronbin_array array;
  ready_session *session;
  TRY(name_node(node, find_neuronbin(node, in, &array, err), err));
  TRY(program_cache_take(&array, node->output_names ? node->output_names : "", &session, err));
  const mxn_status status = run(node, in, out, session, err);
  program_cache_give_back(session, status == MXN_OK);
  return status;
}

/* MXNet chose the parameters. NOLINTNEXTLINE(readability-function-size) */
int _opCallFCompute(mxnet_callback callback, MXNET_ATTRIBUTES, MXNET_ARRAYS(in), MXNET_ARRAYS(out), MXNET_RESOURCES) {
  mxn_error err = {0};
  mxnet_node node;
  const call_arrays in = {in_shapes, in_n_dims, in_data, in_dtypes, in_versions, in_device_ids, n_in};
  const call_arrays out = {out_shapes, out_n_dims, out_data, out_dtypes, out_versions, out_device_ids, n_out};
  if (callback == backward)
    return mxnet_answer(
        error_set(&err, MXN_UNSUPPORTED, "%s is compiled for inference: it has no gradient", MXNET_NODE_OPERATOR),
        &err);
  mxn_status status = mxnet_node_read(&node, MXNET_PASS_ATTRIBUTES, &err);
  if (status == MXN_OK) status = compute(&node, &in, &out, &err);
  return mxnet_answer(status, &err);
}
