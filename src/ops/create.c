/* create.c - see create.h. SPDX-License-Identifier: Apache-2.0 */
#include "ops/create.h"

#include <inttypes.h>
#include <math.h>

#include "ops/family.h"
#include "ops/number.h"

mxn_status created_dtype(inference *x) { return infer_output_dtype(x, 0, op_dtype(x->node, "dtype")); }

mxn_status numbered_dtype(inference *x) {
  const int64_t number = op_int(x->node, "dtype");
  if (number != -1 && mxn_dtype_bytes((mxn_dtype)number) == 0)
    return infer_error(x, MXN_FORMAT, "attribute dtype: expected the number of an element type, got %" PRId64, number);
  return infer_output_dtype(x, 0, (mxn_dtype)number);
}

/* Without numpy's semantics 0 and () stand for what is not known. */
mxn_status created_shape(inference *x) {
  const op_tuple shape = op_tuple_of(x->node, "shape");
  const bool is_numpy = x->graph && x->graph->np_shape;
  mxn_type out = {.n_dims = shape.n};
  if (shape.n < 0 || (shape.n == 0 && !is_numpy)) return MXN_OK;
  for (int32_t d = 0; d < shape.n; d++) {
    if (shape.v[d] < -1) return infer_error(x, MXN_SHAPE, "shape has the size %" PRId64, shape.v[d]);
    out.dims[d] = shape.v[d] == 0 && !is_numpy ? -1 : shape.v[d];
  }
  return infer_output(x, 0, &out);
}

static mxn_status fill(const forward *f, double number) {
  const int64_t elements = count_elements(&f->outputs[0].type);
  for (int64_t i = 0; i < elements; i++) store_doubles(&f->outputs[0], i, 1, &number);
  return MXN_OK;
}

mxn_status zeros_forward(const forward *f) { return fill(f, 0); }
mxn_status ones_forward(const forward *f) { return fill(f, 1); }
mxn_status full_forward(const forward *f) { return fill(f, op_float(f->node, "value")); }

mxn_status eye_shape(inference *x) {
  const int64_t rows = op_int(x->node, "N"), columns = op_int(x->node, "M");
  return infer_output(x, 0, &(mxn_type){.n_dims = 2, .dims = {rows, columns > 0 ? columns : rows}});
}

mxn_status eye_forward(const forward *f) {
  const int64_t rows = f->outputs[0].type.dims[0], columns = f->outputs[0].type.dims[1], k = op_int(f->node, "k");
  const double one = 1;
  TRY(fill(f, 0));
  for (int64_t r = 0; r < rows; r++) {
    int64_t column;
    if (__builtin_add_overflow(r, k, &column) || column < 0 || column >= columns) continue;
    store_doubles(&f->outputs[0], r * columns + column, 1, &one);
  }
  return MXN_OK;
}

/* Sequences: `repeat` times each number. Start and step are rounded to the type first. */

/* MXNet takes 16-bit floats for unsigned numbers and cuts what they start from. */
double sequence_number(mxn_dtype dtype, double x) {
  return round_to(dtype, dtype == MXN_FLOAT16 || dtype == MXN_BFLOAT16 ? trunc(x) : x);
}

static void store_sequence(const forward *f, double start, double step, int64_t repeat) {
  const mxn_dtype dtype = f->outputs[0].type.dtype;
  const int64_t elements = count_elements(&f->outputs[0].type);
  const double first = sequence_number(dtype, start), by = sequence_number(dtype, step);
  for (int64_t i = 0; i < elements; i++) {
    const double number = first + (double)(i / repeat) * by;
    store_doubles(&f->outputs[0], i, 1, &number);
  }
}

/* A range of one number starts from 0. */
static bool starts_from_zero(const node *n) { return op_is_none(n, "stop") && !op_bool(n, "infer_range"); }

mxn_status arange_shape(inference *x) {
  const node *n = x->node;
  const double step = op_float(n, "step"), start = starts_from_zero(n) ? 0 : op_float(n, "start");
  const double stop = starts_from_zero(n) ? op_float(n, "start") : op_float(n, "stop");
  if (!(step > 0) && !(step < 0)) return infer_error(x, MXN_FORMAT, "attribute step: expected a number but 0");
  if (op_bool(n, "infer_range") && op_is_none(n, "stop")) return MXN_OK;
  if (step > 0 ? !(start < stop) : !(start > stop))
    return infer_error(x, MXN_SHAPE, "no number lies between start %g and stop %g with step %g", start, stop, step);
  const double size = ceil((stop - start) / step) * (double)op_int(n, "repeat");
  if (!(size < 0x1p31)) return infer_error(x, MXN_SHAPE, "the range has too many elements");
  return infer_output(x, 0, &(mxn_type){.n_dims = 1, .dims = {(int64_t)size}});
}

mxn_status arange_forward(const forward *f) {
  const node *n = f->node;
  store_sequence(f, starts_from_zero(n) ? 0 : op_float(n, "start"), op_float(n, "step"), op_int(n, "repeat"));
  return MXN_OK;
}

mxn_status linspace_shape(inference *x) {
  return infer_output(x, 0, &(mxn_type){.n_dims = 1, .dims = {op_int(x->node, "num")}});
}

mxn_status linspace_forward(const forward *f) {
  const double start = op_float(f->node, "start"), stop = op_float(f->node, "stop");
  const int64_t steps = op_int(f->node, "num") - op_bool(f->node, "endpoint");
  const double step = steps > 0 ? (stop - start) / (double)steps : 0;
  for (int64_t i = 0; i < f->outputs[0].type.dims[0]; i++) {
    const double number = start + step * (double)i;
    store_doubles(&f->outputs[0], i, 1, &number);
  }
  return MXN_OK;
}

mxn_status arange_like_shape(inference *x) {
  const mxn_type *in = x->inputs[0];
  int32_t axis = 0;
  if (in->n_dims < 0) return MXN_OK;
  if (op_is_none(x->node, "axis")) return infer_output(x, 0, in);
  TRY(infer_axis(x, "axis", op_int(x->node, "axis"), in->n_dims, &axis));
  return infer_output(x, 0, &(mxn_type){.n_dims = 1, .dims = {in->dims[axis]}});
}

mxn_status arange_like_forward(const forward *f) {
  store_sequence(f, op_float(f->node, "start"), op_float(f->node, "step"), op_int(f->node, "repeat"));
  return MXN_OK;
}

/* _contrib_index_array: for each element its place, along `axes` or along all. */

mxn_status index_array_shape(inference *x) {
  const op_tuple axes = op_tuple_of(x->node, "axes");
  mxn_type out = *x->inputs[0];
  if (out.n_dims < 0) return MXN_OK;
  const int32_t n_dims = out.n_dims;
  for (int32_t i = 0; i < axes.n; i++) {
    int32_t axis = 0;
    TRY(infer_axis(x, "axes", axes.v[i], n_dims, &axis));
  }
  if (n_dims == MXN_MAX_DIMS) return infer_error(x, MXN_SHAPE, "data has %d dimensions already", n_dims);
  out.dims[out.n_dims++] = axes.n < 0 ? n_dims : axes.n;
  return infer_output(x, 0, &out);
}

mxn_status index_array_forward(const forward *f) {
  const op_tuple axes = op_tuple_of(f->node, "axes");
  const mxn_type *in = &f->inputs[0].type;
  const int64_t elements = count_elements(in), n = axes.n < 0 ? in->n_dims : axes.n;
  for (int64_t i = 0; i < elements; i++) {
    int64_t at[MXN_MAX_DIMS] = {0};
    for (int64_t d = in->n_dims - 1, rest = i; d >= 0; rest /= in->dims[d--]) at[d] = rest % in->dims[d];
    for (int64_t k = 0; k < n; k++) {
      const int64_t axis = axes.n < 0 ? k : axes.v[k] < 0 ? axes.v[k] + in->n_dims : axes.v[k];
      store_integers(&f->outputs[0], i * n + k, 1, &at[axis]);
    }
  }
  return MXN_OK;
}
