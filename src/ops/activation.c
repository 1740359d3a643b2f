/* activation.c - Activation and LeakyReLU: an attribute says which function.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "ops/family.h"

typedef struct named_unary {
  const char *name;
  const unary_function *function;
} named_unary;

static const unary_function *find_unary(const named_unary *table, size_t n, const char *name) {
  for (size_t i = 0; i < n; i++)
    if (strcmp(table[i].name, name) == 0) return table[i].function;
  return NULL;
}

mxn_status activation_forward(const forward *f) {
  static const named_unary table[] = {{"relu", &unary_relu},
                                      {"sigmoid", &unary_sigmoid},
                                      {"softrelu", &unary_softrelu},
                                      {"softsign", &unary_softsign},
                                      {"tanh", &unary_tanh}};
  map_unary(find_unary(table, sizeof table / sizeof *table, op_text(f->node, "act_type")), &f->inputs[0],
            &f->outputs[0]);
  return MXN_OK;
}

/* LeakyReLU. */

static bool is_act(const node *n, const char *act_type) { return strcmp(op_text(n, "act_type"), act_type) == 0; }

uint32_t leaky_relu_inputs(const node *n) { return is_act(n, "prelu") ? 2 : 1; }

/* rrelu shows its mask, which inference leaves unset; here it is zeros. */
uint32_t leaky_relu_outputs(const node *n) { return is_act(n, "rrelu") ? 2 : 1; }

/* Gamma broadcasts to the first two dimensions of data, each of its sizes to the last one
 * that fits; `n_dims` is -1 where one does not. */
static mxn_type gamma_type(const mxn_type *gamma, const mxn_type *data) {
  mxn_type t = {.dtype = gamma->dtype, .n_dims = data->n_dims};
  int32_t left = gamma->n_dims;
  for (int32_t d = t.n_dims - 1; d >= 0; d--) {
    const int64_t size = left > 0 ? gamma->dims[left - 1] : 1;
    const bool is_taken = left > 0 && d < 2 && (size == data->dims[d] || size == 1);
    t.dims[d] = is_taken ? size : 1;
    left -= is_taken;
  }
  if (left > 0) t.n_dims = -1;
  return t;
}

mxn_status leaky_relu_shape(inference *x) {
  TRY(infer_data_shape(x));
  for (uint32_t i = 1; i < x->n_outputs; i++) TRY(infer_output(x, i, x->inputs[0]));
  const mxn_type *data = x->inputs[0];
  if (x->n_inputs < 2 || data->n_dims < 0) return MXN_OK;
  if (x->inputs[1]->n_dims < 0)
    return infer_input(x, 1, &(mxn_type){.n_dims = 1, .dims = {data->n_dims > 1 ? data->dims[1] : 1}});
  if (!shape_is_known(x->inputs[1]) || !shape_is_known(data)) return MXN_OK;
  char got[SHAPE_TEXT_BYTES], of[SHAPE_TEXT_BYTES];
  if (gamma_type(x->inputs[1], data).n_dims < 0)
    return infer_error(x, MXN_SHAPE, "gamma has shape %s, which does not broadcast to %s",
                       shape_text(x->inputs[1], got), shape_text(data, of));
  return MXN_OK;
}

mxn_status leaky_relu_forward(const forward *f) {
  static const named_unary table[] = {{"selu", &unary_selu}, {"gelu", &unary_gelu}};
  const node *n = f->node;
  const unary_function *unary = find_unary(table, sizeof table / sizeof *table, op_text(n, "act_type"));
  if (unary) {
    map_unary(unary, &f->inputs[0], &f->outputs[0]);
  } else if (is_act(n, "prelu")) {
    const mxn_tensor gamma = {gamma_type(&f->inputs[1].type, &f->inputs[0].type), f->inputs[1].data};
    map_binary(&binary_leaky, &f->inputs[0], &gamma, &f->outputs[0]);
  } else if (is_act(n, "rrelu")) {
    const float slope = ((float)op_float(n, "lower_bound") + (float)op_float(n, "upper_bound")) / 2;
    map_scalar(&binary_leaky, &f->inputs[0], (double)slope, false, &f->outputs[0]);
    map_scalar(&binary_multiply, &f->inputs[0], 0, false, &f->outputs[1]);
  } else {
    map_scalar(is_act(n, "elu") ? &binary_elu : &binary_leaky, &f->inputs[0], op_float(n, "slope"), false,
               &f->outputs[0]);
  }
  return MXN_OK;
}

bool leaky_relu_batch(const node *n, const bool *is_carried) {
  if (!batch_data(n, is_carried)) return false;
  if (n->n_inputs < 2) return true;
  const mxn_type gamma = gamma_type(value_type(n->inputs[1]), value_type(n->inputs[0]));
  return gamma.n_dims > 0 && gamma.dims[0] == 1;
}
