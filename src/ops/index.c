/* index.c - see index.h.
 *
 * Indices come from the model's inputs: all are checked, or brought inside as the
 * operator's mode says, before they are used.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ops/index.h"

#include <inttypes.h>
#include <string.h>

#include "ops/family.h"
#include "ops/number.h"

static int64_t load_index(const mxn_tensor *t, int64_t i) {
  int64_t index;
  load_integers(t, i, 1, &index);
  return index;
}

static mxn_status index_error(const forward *f, int64_t index, int64_t size) {
  return op_error(NULL, f->node, f->err, MXN_ARGUMENT, "index %" PRId64 " lies outside %" PRId64 " elements", index,
                  size);
}

int64_t index_clip(int64_t index, int64_t size) { return index < 0 ? 0 : index >= size ? size - 1 : index; }

int64_t index_wrap(int64_t index, int64_t size) {
  const int64_t rest = index % size;
  return rest < 0 ? rest + size : rest;
}

/* n elements from place `from` of one tensor to place `to` of another of the same type. */
static void copy_elements(mxn_tensor *out, int64_t to, const mxn_tensor *in, int64_t from, int64_t n) {
  const size_t bytes = mxn_dtype_bytes(out->type.dtype);
  if (n > 0)
    memcpy((char *)out->data + (size_t)to * bytes, (const char *)in->data + (size_t)from * bytes, (size_t)n * bytes);
}

static void fill_elements(mxn_tensor *out, double number) {
  const int64_t elements = count_elements(&out->type);
  for (int64_t i = 0; i < elements; i++) store_doubles(out, i, 1, &number);
}

mxn_status indexed_dtype(inference *x) { return infer_data_dtype(x); }

/* The element type of two inputs and the output. */
static mxn_status share_dtype(inference *x, uint32_t a, uint32_t b) {
  TRY(infer_input_dtype(x, a, x->inputs[b]->dtype));
  TRY(infer_input_dtype(x, a, x->outputs[0]->dtype));
  TRY(infer_input_dtype(x, b, x->inputs[a]->dtype));
  return infer_output_dtype(x, 0, x->inputs[a]->dtype);
}

/* where: the condition has the shape of x, or one value for each row. */

mxn_status where_shape(inference *x) {
  const mxn_type *condition = x->inputs[0];
  TRY(infer_input(x, 1, x->inputs[2]));
  TRY(infer_input(x, 1, x->outputs[0]));
  TRY(infer_input(x, 2, x->inputs[1]));
  TRY(infer_output(x, 0, x->inputs[1]));
  const mxn_type *t = x->inputs[1];
  if (condition->n_dims < 0 || t->n_dims < 0) return MXN_OK;
  if (condition->n_dims != t->n_dims && condition->n_dims == 1)
    return infer_input(x, 0, &(mxn_type){.n_dims = 1, .dims = {t->n_dims > 0 ? t->dims[0] : 1}});
  TRY(infer_input(x, 0, t));
  TRY(infer_input(x, 1, x->inputs[0]));
  return MXN_OK;
}

mxn_status where_dtype(inference *x) { return share_dtype(x, 1, 2); }

mxn_status where_forward(const forward *f) {
  const int64_t elements = count_elements(&f->outputs[0].type), conditions = count_elements(&f->inputs[0].type);
  if (conditions == 0) return MXN_OK;
  const int64_t row = elements / conditions;
  for (int64_t i = 0; i < conditions; i++) {
    double condition;
    load_doubles(&f->inputs[0], i, 1, &condition);
    copy_elements(&f->outputs[0], i * row, &f->inputs[condition != 0 ? 1 : 2], i * row, row);
  }
  return MXN_OK;
}

/* take: the axis is replaced by the dimensions of the indices. */

mxn_status take_shape(inference *x) {
  const mxn_type *a = x->inputs[0], *indices = x->inputs[1];
  mxn_type out = {.n_dims = 0};
  int32_t axis = 0;
  if (a->n_dims < 0 || indices->n_dims < 0) return MXN_OK;
  TRY(infer_axis(x, "axis", op_int(x->node, "axis"), a->n_dims, &axis));
  if (a->n_dims - 1 + indices->n_dims > MXN_MAX_DIMS)
    return infer_error(x, MXN_SHAPE, "its output has too many dimensions");
  for (int32_t d = 0; d < axis; d++) out.dims[out.n_dims++] = a->dims[d];
  for (int32_t d = 0; d < indices->n_dims; d++) out.dims[out.n_dims++] = indices->dims[d];
  for (int32_t d = axis + 1; d < a->n_dims; d++) out.dims[out.n_dims++] = a->dims[d];
  return infer_output(x, 0, &out);
}

/* Mode is clip, raise or wrap. */
static mxn_status bring_inside(const forward *f, char mode, int64_t size, int64_t *index) {
  if (size == 0 || (mode == 'r' && (*index < 0 || *index >= size))) return index_error(f, *index, size);
  *index = mode == 'c' ? index_clip(*index, size) : index_wrap(*index, size);
  return MXN_OK;
}

static mxn_status take_rows(const forward *f, const mxn_tensor *from, const mxn_tensor *indices, int32_t axis,
                            char mode) {
  const mxn_type *t = &from->type;
  const int64_t rows = count_dims(t, 0, axis), size = t->dims[axis], row = count_dims(t, axis + 1, t->n_dims);
  const int64_t n = count_elements(&indices->type);
  for (int64_t i = 0; i < n; i++) {
    int64_t index = load_index(indices, i);
    if (rows * row > 0) TRY(bring_inside(f, mode, size, &index));
    for (int64_t r = 0; r < rows; r++)
      copy_elements(&f->outputs[0], (r * n + i) * row, from, (r * size + index) * row, row);
  }
  return MXN_OK;
}

mxn_status take_forward(const forward *f) {
  const int32_t axis = axis_from_front(op_int(f->node, "axis"), f->inputs[0].type.n_dims);
  return take_rows(f, &f->inputs[0], &f->inputs[1], axis, op_text(f->node, "mode")[0]);
}

mxn_status batch_take_shape(inference *x) {
  const mxn_type *a = x->inputs[0];
  if (a->n_dims >= 0 && a->n_dims != 2) return infer_error(x, MXN_SHAPE, "a has %d dimensions, expected 2", a->n_dims);
  const mxn_type column = {.n_dims = 1, .dims = {a->n_dims == 2 ? a->dims[0] : -1}};
  TRY(infer_input(x, 1, &column));
  return infer_output(x, 0, &column);
}

mxn_status batch_take_dtype(inference *x) {
  TRY(infer_input_dtype(x, 1, MXN_INT32));
  return infer_data_dtype(x);
}

mxn_status batch_take_forward(const forward *f) {
  const int64_t rows = f->inputs[0].type.dims[0], columns = f->inputs[0].type.dims[1];
  for (int64_t r = 0; r < rows; r++) {
    int64_t index = load_index(&f->inputs[1], r);
    TRY(bring_inside(f, 'c', columns, &index));
    copy_elements(&f->outputs[0], r, &f->inputs[0], r * columns + index, 1);
  }
  return MXN_OK;
}

/* Embedding: rows of the weights. */

mxn_status embedding_shape(inference *x) {
  mxn_type out = *x->inputs[0];
  const int64_t rows = op_int(x->node, "input_dim"), columns = op_int(x->node, "output_dim");
  TRY(infer_input(x, 1, &(mxn_type){.n_dims = 2, .dims = {rows, columns}}));
  if (out.n_dims < 0) return MXN_OK;
  if (out.n_dims == MXN_MAX_DIMS) return infer_error(x, MXN_SHAPE, "data has %d dimensions already", out.n_dims);
  out.dims[out.n_dims++] = columns;
  return infer_output(x, 0, &out);
}

/* The attribute decides where nothing else does. */
mxn_status embedding_dtype(inference *x) {
  mxn_dtype dtype = x->inputs[1]->dtype;
  if (dtype == MXN_DTYPE_UNKNOWN) dtype = x->outputs[0]->dtype;
  if (dtype == MXN_DTYPE_UNKNOWN) dtype = op_dtype(x->node, "dtype");
  TRY(infer_input_dtype(x, 1, dtype));
  return infer_output_dtype(x, 0, dtype);
}

mxn_status embedding_forward(const forward *f) { return take_rows(f, &f->inputs[1], &f->inputs[0], 0, 'c'); }

/* _sparse_retain: the rows that the indices name, and zeros for the others. */

mxn_status sparse_retain_shape(inference *x) {
  if (x->inputs[0]->n_dims == 0) return infer_error(x, MXN_SHAPE, "data has no rows");
  TRY(infer_data_shape(x));
  return infer_input(x, 0, x->outputs[0]);
}

mxn_status sparse_retain_forward(const forward *f) {
  const mxn_type *t = &f->inputs[0].type;
  const int64_t rows = t->dims[0], n = count_elements(&f->inputs[1].type);
  size_t bytes = 0;
  if (!type_bytes(t, &bytes) || bytes == 0) return MXN_OK;
  const size_t row = bytes / (size_t)rows;
  memset(f->outputs[0].data, 0, bytes);
  for (int64_t i = 0; i < n; i++) {
    const int64_t index = load_index(&f->inputs[1], i);
    if (index < 0 || index >= rows) continue;
    const size_t at = (size_t)index * row;
    memcpy((char *)f->outputs[0].data + at, (const char *)f->inputs[0].data + at, row);
  }
  return MXN_OK;
}

/* one_hot. */

mxn_status one_hot_shape(inference *x) {
  mxn_type out = *x->inputs[0];
  if (out.n_dims < 0) return MXN_OK;
  if (out.n_dims == MXN_MAX_DIMS) return infer_error(x, MXN_SHAPE, "indices have %d dimensions already", out.n_dims);
  out.dims[out.n_dims++] = op_int(x->node, "depth");
  return infer_output(x, 0, &out);
}

mxn_status one_hot_dtype(inference *x) { return infer_output_dtype(x, 0, op_dtype(x->node, "dtype")); }

mxn_status one_hot_forward(const forward *f) {
  const int64_t n = count_elements(&f->inputs[0].type), depth = op_int(f->node, "depth");
  const double on = op_float(f->node, "on_value");
  fill_elements(&f->outputs[0], op_float(f->node, "off_value"));
  for (int64_t i = 0; i < n; i++) {
    const int64_t index = load_index(&f->inputs[0], i);
    if (index >= 0 && index < depth) store_doubles(&f->outputs[0], i * depth + index, 1, &on);
  }
  return MXN_OK;
}

/* gather_nd and scatter_nd: column i of the indices is the place of block i. */

enum { MAX_INDEXED_AXES = 10 };

static mxn_status check_columns(inference *x, const mxn_type *indices, const mxn_type *data) {
  if (indices->n_dims < 2)
    return infer_error(x, MXN_SHAPE, "indices have %d dimensions, expected at least 2", indices->n_dims);
  if (indices->dims[0] > data->n_dims || indices->dims[0] > MAX_INDEXED_AXES)
    return infer_error(x, MXN_SHAPE, "indices address %" PRId64 " axes of %d", indices->dims[0], data->n_dims);
  return MXN_OK;
}

/* The shape of the blocks: the indices' without the first axis, then the axes that are not indexed. */
static mxn_status shape_of_blocks(inference *x, const mxn_type *indices, const mxn_type *data, mxn_type *out) {
  const int32_t indexed = (int32_t)indices->dims[0];
  *out = (mxn_type){.n_dims = 0};
  if (indices->n_dims - 1 + data->n_dims - indexed > MXN_MAX_DIMS)
    return infer_error(x, MXN_SHAPE, "its output has too many dimensions");
  for (int32_t d = 1; d < indices->n_dims; d++) out->dims[out->n_dims++] = indices->dims[d];
  for (int32_t d = indexed; d < data->n_dims; d++) out->dims[out->n_dims++] = data->dims[d];
  return MXN_OK;
}

mxn_status gather_nd_shape(inference *x) {
  const mxn_type *data = x->inputs[0], *indices = x->inputs[1];
  mxn_type out;
  if (data->n_dims < 0 || !shape_is_known(indices)) return MXN_OK;
  TRY(check_columns(x, indices, data));
  TRY(shape_of_blocks(x, indices, data, &out));
  return infer_output(x, 0, &out);
}

/* The place of block i in an array of type `t`. */
static mxn_status find_block(const forward *f, const mxn_tensor *indices, const mxn_type *t, int64_t i, bool is_wrapped,
                             int64_t *out) {
  const int64_t n = count_dims(&indices->type, 1, indices->type.n_dims);
  const int32_t indexed = (int32_t)indices->type.dims[0];
  int64_t place = 0;
  for (int32_t d = 0; d < indexed; d++) {
    const int64_t size = t->dims[d];
    int64_t index = load_index(indices, d * n + i);
    if (index < (is_wrapped ? -size : 0) || index >= size) return index_error(f, index, size);
    place = place * size + (index < 0 ? index + size : index);
  }
  *out = place * count_dims(t, indexed, t->n_dims);
  return MXN_OK;
}

mxn_status gather_nd_forward(const forward *f) {
  const mxn_type *data = &f->inputs[0].type, *indices = &f->inputs[1].type;
  const int64_t n = count_dims(indices, 1, indices->n_dims);
  const int64_t block = count_dims(data, (int32_t)indices->dims[0], data->n_dims);
  for (int64_t i = 0; i < n; i++) {
    int64_t place = 0;
    TRY(find_block(f, &f->inputs[1], data, i, true, &place));
    copy_elements(&f->outputs[0], i * block, &f->inputs[0], place, block);
  }
  return MXN_OK;
}

static mxn_status infer_scatter(inference *x, uint32_t blocks, uint32_t places) {
  const op_tuple shape = op_tuple_of(x->node, "shape");
  const mxn_type *indices = x->inputs[places];
  mxn_type out = {.n_dims = shape.n}, expected;
  for (int32_t d = 0; d < shape.n; d++) out.dims[d] = shape.v[d];
  TRY(infer_output(x, 0, &out));
  if (!shape_is_known(indices)) return MXN_OK;
  TRY(check_columns(x, indices, &out));
  TRY(shape_of_blocks(x, indices, &out, &expected));
  return infer_input(x, blocks, &expected);
}

static mxn_status scatter(const forward *f, const mxn_tensor *blocks, const mxn_tensor *indices) {
  const mxn_type *out = &f->outputs[0].type;
  const int64_t n = count_dims(&indices->type, 1, indices->type.n_dims);
  const int64_t block = count_dims(out, (int32_t)indices->type.dims[0], out->n_dims);
  for (int64_t i = 0; i < n; i++) {
    int64_t place = 0;
    TRY(find_block(f, indices, out, i, true, &place));
    copy_elements(&f->outputs[0], place, blocks, i * block, block);
  }
  return MXN_OK;
}

mxn_status scatter_nd_shape(inference *x) { return infer_scatter(x, 0, 1); }

mxn_status scatter_nd_forward(const forward *f) {
  fill_elements(&f->outputs[0], 0);
  return scatter(f, &f->inputs[0], &f->inputs[1]);
}

mxn_status scatter_set_nd_shape(inference *x) {
  TRY(infer_data_shape(x));
  return infer_scatter(x, 1, 2);
}

mxn_status scatter_set_nd_dtype(inference *x) { return share_dtype(x, 0, 1); }

mxn_status scatter_set_nd_forward(const forward *f) {
  copy_elements(&f->outputs[0], 0, &f->inputs[0], 0, count_elements(&f->outputs[0].type));
  return scatter(f, &f->inputs[1], &f->inputs[2]);
}

/* _ravel_multi_index and _unravel_index: columns of coordinates against places. */

/* The size of axis 0 does not matter; -1 is usual there. */
static mxn_status need_shape(inference *x) {
  const op_tuple shape = op_tuple_of(x->node, "shape");
  bool fits = shape.n > 0;
  for (int32_t d = 1; d < shape.n; d++) fits &= shape.v[d] > 0;
  return fits ? MXN_OK : infer_error(x, MXN_FORMAT, "attribute shape: expected a tuple of positive integers");
}

mxn_status ravel_shape(inference *x) {
  const op_tuple shape = op_tuple_of(x->node, "shape");
  const mxn_type *in = x->inputs[0];
  TRY(need_shape(x));
  if (in->n_dims < 0) return MXN_OK;
  if (in->n_dims < 1 || (in->dims[0] >= 0 && in->dims[0] != shape.n))
    return infer_error(x, MXN_SHAPE, "axis 0 of data counts the axes of shape, expected %d", shape.n);
  mxn_type out = {.n_dims = in->n_dims - 1};
  for (int32_t d = 0; d < out.n_dims; d++) out.dims[d] = in->dims[d + 1];
  if (out.n_dims == 0) out = (mxn_type){.n_dims = 1, .dims = {1}};
  return infer_output(x, 0, &out);
}

mxn_status ravel_forward(const forward *f) {
  const op_tuple shape = op_tuple_of(f->node, "shape");
  const int64_t n = count_elements(&f->outputs[0].type);
  for (int64_t i = 0; i < n; i++) {
    int64_t place = 0;
    for (int32_t d = 0; d < shape.n; d++)
      place = (int64_t)((uint64_t)place * (uint64_t)shape.v[d] + (uint64_t)load_index(&f->inputs[0], d * n + i));
    store_integers(&f->outputs[0], i, 1, &place);
  }
  return MXN_OK;
}

mxn_status unravel_shape(inference *x) {
  const op_tuple shape = op_tuple_of(x->node, "shape");
  const mxn_type *in = x->inputs[0];
  TRY(need_shape(x));
  if (in->n_dims < 0) return MXN_OK;
  if (in->n_dims == MXN_MAX_DIMS) return infer_error(x, MXN_SHAPE, "data has %d dimensions already", in->n_dims);
  mxn_type out = {.n_dims = in->n_dims + 1, .dims = {shape.n}};
  for (int32_t d = 0; d < in->n_dims; d++) out.dims[d + 1] = in->dims[d];
  return infer_output(x, 0, &out);
}

mxn_status unravel_forward(const forward *f) {
  const op_tuple shape = op_tuple_of(f->node, "shape");
  const int64_t n = count_elements(&f->inputs[0].type);
  for (int64_t i = 0; i < n; i++) {
    int64_t rest = load_index(&f->inputs[0], i);
    for (int32_t d = shape.n - 1; d >= 0; d--) {
      const int64_t at = d == 0 ? rest : rest % shape.v[d];
      store_integers(&f->outputs[0], d * n + i, 1, &at);
      if (d > 0) rest /= shape.v[d];
    }
  }
  return MXN_OK;
}

/* _contrib_index_copy: rows of new_tensor take the places of rows of old_tensor. */

mxn_status index_copy_shape(inference *x) {
  const mxn_type *old = x->inputs[0];
  TRY(infer_data_shape(x));
  if (old->n_dims < 0) return MXN_OK;
  if (old->n_dims == 0) return infer_error(x, MXN_SHAPE, "old_tensor has no dimensions");
  mxn_type new = *old;
  new.dims[0] = x->inputs[1]->n_dims == 1 ? x->inputs[1]->dims[0] : -1;
  TRY(infer_input(x, 2, &new));
  return infer_input(x, 1, &(mxn_type){.n_dims = 1, .dims = {x->inputs[2]->dims[0]}});
}

mxn_status index_copy_dtype(inference *x) { return share_dtype(x, 0, 2); }

mxn_status index_copy_forward(const forward *f) {
  const mxn_type *t = &f->outputs[0].type;
  const int64_t row = count_dims(t, 1, t->n_dims), n = f->inputs[1].type.dims[0];
  copy_elements(&f->outputs[0], 0, &f->inputs[0], 0, count_elements(t));
  for (int64_t i = 0; i < n; i++) {
    const int64_t index = load_index(&f->inputs[1], i);
    if (index < 0 || index >= t->dims[0]) return index_error(f, index, t->dims[0]);
    copy_elements(&f->outputs[0], index * row, &f->inputs[2], i * row, row);
  }
  return MXN_OK;
}
