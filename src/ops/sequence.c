/* sequence.c - SequenceLast, SequenceMask and SequenceReverse.
 *
 * Data are (length, batch, ...), or (batch, length, ...) with axis=1. Without
 * sequence_length every sequence is as long as the axis.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <string.h>

#include "ops/family.h"
#include "ops/number.h"

uint32_t sequence_inputs(const node *n) { return op_bool(n, "use_sequence_length") ? 2 : 1; }

static mxn_status check_data(inference *x) {
  const mxn_type *data = x->inputs[0];
  const int64_t axis = op_int(x->node, "axis"), last = op_is(x->node, "SequenceReverse") ? 0 : 1;
  if (axis < 0 || axis > last)
    return infer_error(x, MXN_SHAPE, "axis is %" PRId64 ", expected %s", axis, last ? "0 or 1" : "0");
  if (data->n_dims >= 0 && data->n_dims < 2)
    return infer_error(x, MXN_SHAPE, "data has %d dimensions, expected at least 2", data->n_dims);
  if (data->n_dims < 0 || x->n_inputs < 2) return MXN_OK;
  const mxn_type batch = {.n_dims = 1, .dims = {data->dims[axis == 0 ? 1 : 0]}};
  return infer_input(x, 1, &batch);
}

mxn_status sequence_shape(inference *x) {
  TRY(infer_data_shape(x));
  return check_data(x);
}

mxn_status sequence_last_shape(inference *x) {
  const mxn_type *data = x->inputs[0];
  TRY(check_data(x));
  if (data->n_dims < 0) return MXN_OK;
  if (data->dims[op_int(x->node, "axis")] == 0) return infer_error(x, MXN_SHAPE, "data has no steps");
  mxn_type last = {.n_dims = data->n_dims - 1};
  const int32_t axis = (int32_t)op_int(x->node, "axis");
  for (int32_t d = 0, k = 0; d < data->n_dims; d++)
    if (d != axis) last.dims[k++] = data->dims[d];
  return infer_output(x, 0, &last);
}

/* Lengths may be of any type. Where nobody says one, it is that of the data. */
mxn_status sequence_dtype(inference *x) {
  TRY(infer_data_dtype(x));
  if (x->n_inputs < 2 || x->inputs[1]->dtype != MXN_DTYPE_UNKNOWN) return MXN_OK;
  return infer_input_dtype(x, 1, x->inputs[0]->dtype);
}

/* Rows are what lies behind the first two dimensions. */
typedef struct sequences {
  int64_t length, batch, axis;
  size_t row; /* bytes */
  int64_t row_elements;
  int64_t *lengths; /* [batch] */
} sequences;

static mxn_status load_lengths(const forward *f, sequences *s, int64_t least) {
  s->lengths = arena_array(f->scratch, (size_t)s->batch, sizeof *s->lengths);
  for (int64_t b = 0; b < s->batch; b++) s->lengths[b] = s->length;
  if (op_own_inputs(f->node) < 2) return MXN_OK;
  load_integers(&f->inputs[1], 0, s->batch, s->lengths);
  for (int64_t b = 0; b < s->batch; b++)
    if (s->lengths[b] < least || s->lengths[b] > s->length)
      return op_error(NULL, f->node, f->err, MXN_ARGUMENT,
                      "sequence_length has %" PRId64 " for sequence %" PRId64 ", expected %" PRId64 " to %" PRId64,
                      s->lengths[b], b, least, s->length);
  return MXN_OK;
}

static mxn_status read_sequences(const forward *f, int64_t least, sequences *s) {
  const mxn_type *t = &f->inputs[0].type;
  s->axis = op_int(f->node, "axis");
  s->length = t->dims[s->axis];
  s->batch = t->dims[1 - s->axis];
  (void)!dims_product(t, 2, t->n_dims, &s->row_elements);
  s->row = (size_t)s->row_elements * mxn_dtype_bytes(t->dtype);
  return load_lengths(f, s, least);
}

static int64_t row_index(const sequences *s, int64_t position, int64_t b) {
  return s->axis == 0 ? position * s->batch + b : b * s->length + position;
}

static const char *row_at(const sequences *s, const mxn_tensor *t, int64_t position, int64_t b) {
  return (const char *)t->data + (size_t)row_index(s, position, b) * s->row;
}

mxn_status sequence_last_forward(const forward *f) {
  sequences s;
  TRY(read_sequences(f, 1, &s));
  for (int64_t b = 0; b < s.batch && s.row > 0 && s.length > 0; b++)
    memcpy((char *)f->outputs[0].data + (size_t)b * s.row, row_at(&s, &f->inputs[0], s.lengths[b] - 1, b), s.row);
  return MXN_OK;
}

mxn_status sequence_mask_forward(const forward *f) {
  const double padding = op_float(f->node, "value");
  sequences s;
  TRY(copy_forward(f));
  TRY(read_sequences(f, INT64_MIN, &s));
  double *values = arena_array(f->scratch, (size_t)s.row_elements, sizeof *values);
  for (int64_t i = 0; i < s.row_elements; i++) values[i] = padding;
  for (int64_t b = 0; b < s.batch; b++)
    for (int64_t p = s.lengths[b] < 0 ? 0 : s.lengths[b]; p < s.length; p++)
      store_doubles(&f->outputs[0], row_index(&s, p, b) * s.row_elements, s.row_elements, values);
  return MXN_OK;
}

mxn_status sequence_reverse_forward(const forward *f) {
  sequences s;
  TRY(read_sequences(f, 0, &s));
  for (int64_t b = 0; b < s.batch && s.row > 0; b++)
    for (int64_t p = 0; p < s.length; p++) {
      const int64_t from = p < s.lengths[b] ? s.lengths[b] - 1 - p : p;
      memcpy((char *)row_at(&s, &f->outputs[0], p, b), row_at(&s, &f->inputs[0], from, b), s.row);
    }
  return MXN_OK;
}
