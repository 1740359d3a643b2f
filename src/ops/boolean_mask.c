/* boolean_mask.c - the rows that a mask chooses: their number depends on data.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <string.h>

#include "ops/family.h"
#include "ops/number.h"

mxn_status boolean_mask_shape(inference *x) {
  const mxn_type *data = x->inputs[0], *index = x->inputs[1];
  if (op_int(x->node, "axis") != 0)
    return infer_error(x, MXN_SHAPE, "axis is %" PRId64 ", expected 0", op_int(x->node, "axis"));
  if (data->n_dims < 0) return MXN_OK;
  if (data->n_dims == 0 || (index->n_dims >= 0 && index->n_dims != 1))
    return infer_error(x, MXN_SHAPE, "data has %d dimensions and index %d, expected at least 1 and 1", data->n_dims,
                       index->n_dims);
  const mxn_type rows = {.n_dims = 1, .dims = {data->dims[0]}};
  TRY(infer_input(x, 1, &rows));
  mxn_type chosen = *data;
  chosen.dims[0] = -1;
  return infer_output(x, 0, &chosen);
}

mxn_status boolean_mask_dtype(inference *x) { return infer_data_dtype(x); }

mxn_status boolean_mask_forward(const forward *f) {
  const mxn_tensor *data = &f->inputs[0], *index = &f->inputs[1];
  const int64_t n = data->type.dims[0];
  double *mask = arena_array(f->scratch, (size_t)n, sizeof *mask);
  mxn_type chosen = data->type;
  size_t bytes = 0;
  load_doubles(index, 0, n, mask);
  chosen.dims[0] = 0;
  for (int64_t i = 0; i < n; i++) chosen.dims[0] += mask[i] != 0;
  TRY(forward_allocate(f, 0, &chosen));
  if (!type_bytes(&data->type, &bytes) || bytes == 0) return MXN_OK;
  const size_t row = bytes / (size_t)n;
  char *to = f->outputs[0].data;
  for (int64_t i = 0; i < n; i++) {
    if (mask[i] == 0) continue;
    memcpy(to, (const char *)data->data + (size_t)i * row, row);
    to += row;
  }
  return MXN_OK;
}
