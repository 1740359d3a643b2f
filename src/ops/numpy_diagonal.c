/* numpy_diagonal.c - numpy's operators on diagonals.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <string.h>

#include "ops/family.h"
#include "ops/number.h"
#include "ops/view.h"

/* How many elements diagonal k of rows x columns has. */
static int64_t diagonal_length(int64_t rows, int64_t columns, int64_t k) {
  if (k > 0) columns -= k;
  if (k < 0) rows += k;
  const int64_t n = rows < columns ? rows : columns;
  return n > 0 ? n : 0;
}

static void clear(mxn_tensor *t) {
  size_t bytes = 0;
  if (type_bytes(&t->type, &bytes) && bytes > 0) memset(t->data, 0, bytes);
}

/* n elements of a vector onto diagonal k of a cleared square. */
static void set_diagonal(mxn_tensor *out, const mxn_tensor *in, int64_t n, int64_t k) {
  const int64_t columns = out->type.dims[1];
  const size_t bytes = mxn_dtype_bytes(in->type.dtype);
  clear(out);
  for (int64_t i = 0; i < n; i++) {
    const int64_t row = k < 0 ? i - k : i, column = k > 0 ? i + k : i;
    memcpy((char *)out->data + (size_t)(row * columns + column) * bytes, (const char *)in->data + (size_t)i * bytes,
           bytes);
  }
}

static mxn_status infer_square(inference *x, int64_t n, int64_t k) {
  int64_t side;
  if (__builtin_add_overflow(n, k < 0 ? -k : k, &side))
    return infer_error(x, MXN_SHAPE, "data has too many elements: %" PRId64, n);
  const mxn_type out = {.n_dims = 2, .dims = {side, side}};
  return infer_output(x, 0, &out);
}

/* diag: a vector becomes a diagonal, a matrix gives its. */

mxn_status numpy_diag_shape(inference *x) {
  const mxn_type *in = x->inputs[0];
  const int64_t k = op_int(x->node, "k");
  if (!shape_is_known(in)) return MXN_OK;
  if (in->n_dims != 1 && in->n_dims != 2)
    return infer_error(x, MXN_SHAPE, "data has %d dimensions, expected 1 or 2", in->n_dims);
  if (in->n_dims == 1) return infer_square(x, in->dims[0], k);
  const mxn_type out = {.n_dims = 1, .dims = {diagonal_length(in->dims[0], in->dims[1], k)}};
  return infer_output(x, 0, &out);
}

mxn_status numpy_diag_forward(const forward *f) {
  const mxn_tensor *in = &f->inputs[0];
  const int64_t k = op_int(f->node, "k");
  if (in->type.n_dims == 1) {
    set_diagonal(&f->outputs[0], in, in->type.dims[0], k);
    return MXN_OK;
  }
  const view v = view_diagonal(&in->type, 0, 1, k);
  copy_view(&f->outputs[0], in, &v);
  return MXN_OK;
}

mxn_status numpy_diagflat_shape(inference *x) {
  int64_t elements;
  if (!shape_is_known(x->inputs[0])) return MXN_OK;
  if (!shape_elements(x->inputs[0], &elements)) return infer_error(x, MXN_SHAPE, "data has too many elements");
  return infer_square(x, elements, op_int(x->node, "k"));
}

mxn_status numpy_diagflat_forward(const forward *f) {
  int64_t elements = 0;
  (void)!shape_elements(&f->inputs[0].type, &elements);
  set_diagonal(&f->outputs[0], &f->inputs[0], elements, op_int(f->node, "k"));
  return MXN_OK;
}

/* diagonal and trace: of two axes of an array. */

static mxn_status find_plane(inference *x, int32_t n_dims, int32_t *a, int32_t *b) {
  if (n_dims < 2) return infer_error(x, MXN_SHAPE, "data has %d dimensions, expected 2 or more", n_dims);
  TRY(infer_axis(x, "axis1", op_int(x->node, "axis1"), n_dims, a));
  TRY(infer_axis(x, "axis2", op_int(x->node, "axis2"), n_dims, b));
  return *a == *b ? infer_error(x, MXN_SHAPE, "axis1 and axis2 are both axis %d", *a) : MXN_OK;
}

static mxn_type without_plane(const mxn_type *t, int32_t a, int32_t b) {
  mxn_type out = {.n_dims = 0};
  for (int32_t d = 0; d < t->n_dims; d++)
    if (d != a && d != b) out.dims[out.n_dims++] = t->dims[d];
  return out;
}

static mxn_type diagonal_type(const node *n, const mxn_type *t, int32_t a, int32_t b) {
  mxn_type out = without_plane(t, a, b);
  out.dims[out.n_dims++] = diagonal_length(t->dims[a], t->dims[b], op_int(n, "offset"));
  return out;
}

mxn_status numpy_diagonal_shape(inference *x) {
  int32_t a, b;
  if (!shape_is_known(x->inputs[0])) return MXN_OK;
  TRY(find_plane(x, x->inputs[0]->n_dims, &a, &b));
  const mxn_type out = diagonal_type(x->node, x->inputs[0], a, b);
  return infer_output(x, 0, &out);
}

mxn_status numpy_diagonal_forward(const forward *f) {
  inference x = {.node = f->node, .err = f->err};
  int32_t a, b;
  TRY(find_plane(&x, f->inputs[0].type.n_dims, &a, &b));
  const view v = view_diagonal(&f->inputs[0].type, a, b, op_int(f->node, "offset"));
  copy_view(&f->outputs[0], &f->inputs[0], &v);
  return MXN_OK;
}

mxn_status numpy_trace_shape(inference *x) {
  int32_t a, b;
  if (!shape_is_known(x->inputs[0])) return MXN_OK;
  TRY(find_plane(x, x->inputs[0]->n_dims, &a, &b));
  const mxn_type out = without_plane(x->inputs[0], a, b);
  return infer_output(x, 0, &out);
}

mxn_status numpy_trace_forward(const forward *f) {
  inference x = {.node = f->node, .err = f->err};
  int64_t elements = 0;
  int32_t a, b;
  TRY(find_plane(&x, f->inputs[0].type.n_dims, &a, &b));
  const mxn_type shape = diagonal_type(f->node, &f->inputs[0].type, a, b);
  const view v = view_diagonal(&f->inputs[0].type, a, b, op_int(f->node, "offset"));
  const mxn_tensor diagonals = view_copy(f->scratch, &f->inputs[0], &v, &shape);
  const int64_t length = shape.dims[shape.n_dims - 1];
  (void)!shape_elements(&f->outputs[0].type, &elements);
  for (int64_t i = 0; i < elements; i++) {
    double sum = 0, number;
    int64_t integer_sum = 0, integer;
    for (int64_t k = 0; k < length; k++) {
      load_doubles(&diagonals, i * length + k, 1, &number);
      load_integers(&diagonals, i * length + k, 1, &integer);
      sum += number;
      integer_sum = (int64_t)((uint64_t)integer_sum + (uint64_t)integer);
    }
    if (dtype_is_float(diagonals.type.dtype))
      store_doubles(&f->outputs[0], i, 1, &sum);
    else
      store_integers(&f->outputs[0], i, 1, &integer_sum);
  }
  return MXN_OK;
}

/* tril: what is above diagonal k becomes 0; a vector is every row of a square. */

mxn_status numpy_tril_shape(inference *x) {
  const mxn_type *in = x->inputs[0];
  if (in->n_dims < 0) return MXN_OK;
  if (in->n_dims == 0) return infer_error(x, MXN_SHAPE, "data has no dimensions");
  return in->n_dims == 1 ? infer_square(x, in->dims[0], 0) : infer_data_shape(x);
}

mxn_status numpy_tril_forward(const forward *f) {
  const mxn_type *t = &f->outputs[0].type;
  const int64_t rows = t->dims[t->n_dims - 2], columns = t->dims[t->n_dims - 1], k = op_int(f->node, "k");
  const size_t bytes = mxn_dtype_bytes(t->dtype);
  const bool is_vector = f->inputs[0].type.n_dims == 1;
  int64_t elements = 0;
  clear(&f->outputs[0]);
  if (!shape_elements(t, &elements)) return MXN_OK;
  for (int64_t i = 0; i < elements; i++) {
    if (i % columns > i / columns % rows + k) continue;
    const int64_t from = is_vector ? i % columns : i;
    memcpy((char *)f->outputs[0].data + (size_t)i * bytes, (const char *)f->inputs[0].data + (size_t)from * bytes,
           bytes);
  }
  return MXN_OK;
}

/* diag_indices_from: the positions of a cube's diagonal, a row for each axis. */

mxn_status numpy_diag_indices_from_shape(inference *x) {
  const mxn_type *in = x->inputs[0];
  if (!shape_is_known(in)) return MXN_OK;
  if (in->n_dims < 2) return infer_error(x, MXN_SHAPE, "data has %d dimensions, expected 2 or more", in->n_dims);
  for (int32_t d = 1; d < in->n_dims; d++)
    if (in->dims[d] != in->dims[0]) return infer_error(x, MXN_SHAPE, "the dimensions of data differ");
  const mxn_type out = {.n_dims = 2, .dims = {in->n_dims, in->dims[0]}};
  return infer_output(x, 0, &out);
}

mxn_status numpy_diag_indices_from_forward(const forward *f) {
  const int64_t *dims = f->outputs[0].type.dims;
  for (int64_t i = 0; i < dims[0] * dims[1]; i++) {
    const int64_t at = i % dims[1];
    store_integers(&f->outputs[0], i, 1, &at);
  }
  return MXN_OK;
}
