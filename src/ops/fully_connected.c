/* fully_connected.c - FullyConnected. SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "ops/family.h"
#include "ops/number.h"

/* Columns of the weights: all but the first dimension, or the last one. False
 * where the number overflows, -1 where it is not known. */
static bool count_columns(const node *n, const mxn_type *data, int64_t *out) {
  const bool flatten = op_bool(n, "flatten");
  return dims_product(data, flatten ? 1 : data->n_dims - 1, data->n_dims, out);
}

/* (n), or (n, 1), which MXNet takes as well. */
static mxn_status infer_bias(inference *x, int64_t n) {
  const mxn_type column = {.n_dims = 2, .dims = {n, 1}};
  if (shape_equal(x->inputs[2], &column)) return MXN_OK;
  return infer_input(x, 2, &(mxn_type){.n_dims = 1, .dims = {n}});
}

mxn_status fully_connected_shape(inference *x) {
  const node *n = x->node;
  const int64_t hidden = op_int(n, "num_hidden");
  const mxn_type *data = x->inputs[0];
  int64_t columns = -1;
  if (x->n_inputs > 2) TRY(infer_bias(x, hidden));
  if (data->n_dims == 0) return infer_error(x, MXN_SHAPE, "data has no dimensions");
  if (data->n_dims > 0 && !count_columns(n, data, &columns))
    return infer_error(x, MXN_SHAPE, "data has too many elements");
  TRY(infer_input(x, 1, &(mxn_type){.n_dims = 2, .dims = {hidden, columns}}));
  if (data->n_dims < 0) return MXN_OK;
  mxn_type out = *data;
  if (op_bool(n, "flatten")) out.n_dims = 2;
  out.dims[out.n_dims - 1] = hidden;
  if (op_bool(n, "flatten")) out.dims[0] = data->dims[0];
  TRY(infer_output(x, 0, &out));
  mxn_type back = *data;
  back.dims[0] = x->outputs[0]->n_dims > (op_bool(n, "flatten") ? 0 : 1) ? x->outputs[0]->dims[0] : back.dims[0];
  return infer_input(x, 0, &back);
}

enum { SUMS = 8 };

/* In 8 sums, so that the loop is vectors without a change of order by the compiler. */
static double dot(const double *x, const double *y, int64_t n) {
  double sums[SUMS] = {0}, sum = 0;
  int64_t i = 0;
  for (; i + SUMS <= n; i += SUMS)
    for (int k = 0; k < SUMS; k++) sums[k] += x[i + k] * y[i + k];
  for (; i < n; i++) sum += x[i] * y[i];
  for (int k = 0; k < SUMS; k++) sum += sums[k];
  return sum;
}

/* Each row of the weights is read once and meets all rows of the data. */
mxn_status fully_connected_forward(const forward *f) {
  const mxn_tensor *data = &f->inputs[0], *weight = &f->inputs[1];
  const int64_t hidden = weight->type.dims[0], columns = weight->type.dims[1];
  int64_t elements = 0;
  if (!shape_elements(&f->outputs[0].type, &elements) || elements == 0) return MXN_OK;
  const int64_t rows = elements / hidden;
  int64_t inputs = 0;
  if (__builtin_mul_overflow(rows, columns, &inputs)) return MXN_OK;
  double *x = arena_array(f->scratch, (size_t)inputs, sizeof *x);
  double *w = arena_array(f->scratch, (size_t)columns, sizeof *w);
  load_doubles(data, 0, inputs, x);
  for (int64_t o = 0; o < hidden; o++) {
    double bias = 0;
    if (inputs_with_bias(f->node) == 3) load_doubles(&f->inputs[2], o, 1, &bias);
    load_doubles(weight, o * columns, columns, w);
    for (int64_t r = 0; r < rows; r++) {
      const double sum = dot(x + r * columns, w, columns) + bias;
      store_doubles(&f->outputs[0], r * hidden + o, 1, &sum);
    }
  }
  return MXN_OK;
}

bool fully_connected_batch(const node *n, const bool *is_carried) {
  return batch_data(n, is_carried) && (op_bool(n, "flatten") || value_type(n->inputs[0])->n_dims > 1);
}
