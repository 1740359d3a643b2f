/* mxnet_node.c - see mxnet_node.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "compat/mxnet_node.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text_list.h"

static const char *find(const char *key, MXNET_ATTRIBUTES) {
  for (int i = 0; i < n_attributes; i++)
    if (!strcmp(keys[i], key)) return values[i];
  return NULL;
}

static mxn_status bad_attribute(const char *key, const char *expected, const char *got, mxn_error *err) {
  return error_set(err, MXN_FORMAT, MXNET_NODE_OPERATOR ": attribute '%s': expected %s, got %.100s%s%s", key, expected,
                   got ? "'" : "none", got ? got : "", got ? "'" : "");
}

/* A number from `least` on. */
static mxn_status read_number(const char *key, const char *text, int least, int *out_number, mxn_error *err) {
  char *end;
  const long number = text ? strtol(text, &end, 10) : -1;
  if (!text || end == text || *end || number < least || number > MXNET_NODE_MAX_ARRAYS)
    return bad_attribute(key, least ? "a number from 1 on" : "a number from 0 on", text, err);
  *out_number = (int)number;
  return MXN_OK;
}

static mxn_status read_n_data(mxnet_node *node, mxn_error *err) {
  uint32_t n_data;
  if (!node->in_types || !text_list_numbers(node->in_types, NULL, 0, &n_data) || n_data > MXNET_NODE_MAX_ARRAYS)
    return bad_attribute("in_types", "a list of dtypes", node->in_types, err);
  node->n_data = (int)n_data;
  return MXN_OK;
}

mxn_status mxnet_node_read(mxnet_node *node, MXNET_ATTRIBUTES, mxn_error *err) {
  const char *extra = find("__ext_extra_inputs__", MXNET_PASS_ATTRIBUTES);
  const char *batch = find("compile_batch", MXNET_PASS_ATTRIBUTES);
  int n_extra;
  *node = (mxnet_node){
      .in_types = find("in_types", MXNET_PASS_ATTRIBUTES),
      .in_shapes = find("in_shapes", MXNET_PASS_ATTRIBUTES),
      .out_types = find("out_types", MXNET_PASS_ATTRIBUTES),
      .out_shapes = find("out_shapes", MXNET_PASS_ATTRIBUTES),
      .input_names = find("__input_names__", MXNET_PASS_ATTRIBUTES),
      .output_names = find("__output_names__", MXNET_PASS_ATTRIBUTES),
      .compile_batch = batch ? atoi(batch) : 1,
  };
  TRY(read_number("num_inputs", find("num_inputs", MXNET_PASS_ATTRIBUTES), 0, &node->n_inputs, err));
  TRY(read_number("num_outputs", find("num_outputs", MXNET_PASS_ATTRIBUTES), 1, &node->n_outputs, err));
  if (extra) TRY(read_number("__ext_extra_inputs__", extra, 0, &n_extra, err));
  return read_n_data(node, err);
}

mxn_type mxnet_node_input(const mxnet_node *node, int index) {
  return text_list_type(node->in_types, node->in_shapes, (uint32_t)index);
}

mxn_type mxnet_node_output(const mxnet_node *node, int index) {
  return text_list_type(node->out_types, node->out_shapes, (uint32_t)index);
}

mxn_type mxnet_array_type(int dtype, const int64_t *shape, int n_dims) {
  mxn_type type = {.dtype = (mxn_dtype)dtype, .n_dims = n_dims < MXN_MAX_DIMS ? n_dims : MXN_MAX_DIMS};
  for (int32_t d = 0; d < type.n_dims; d++) type.dims[d] = shape[d];
  return type;
}
