/* numpy_join.c - numpy's operators that join arrays along an axis, or cut one.
 *
 * Every kind of stack is a concatenation of inputs that are seen with dimensions
 * of 1 added.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <string.h>

#include "ops/family.h"

/* Joining. */

typedef mxn_type (*see)(const mxn_type *t, int32_t axis);

static mxn_type as_it_is(const mxn_type *t, int32_t axis) { return (void)axis, *t; }

static mxn_type as_vector(const mxn_type *t, int32_t axis) {
  mxn_type out = {.n_dims = 1, .dims = {1}};
  (void)axis;
  (void)!dims_product(t, 0, t->n_dims, &out.dims[0]);
  return out;
}

static mxn_type with_axis(const mxn_type *t, int32_t axis) {
  mxn_type out = {.n_dims = t->n_dims + 1};
  for (int32_t d = 0; d < out.n_dims; d++) out.dims[d] = d < axis ? t->dims[d] : d == axis ? 1 : t->dims[d - 1];
  return out;
}

static mxn_type as_rows(const mxn_type *t, int32_t axis) {
  (void)axis;
  if (t->n_dims > 1) return *t;
  return (mxn_type){.n_dims = 2, .dims = {1, t->n_dims == 1 ? t->dims[0] : 1}};
}

static mxn_type as_columns(const mxn_type *t, int32_t axis) {
  (void)axis;
  if (t->n_dims > 1) return *t;
  return (mxn_type){.n_dims = 2, .dims = {t->n_dims == 1 ? t->dims[0] : 1, 1}};
}

static mxn_type at_least_vector(const mxn_type *t, int32_t axis) {
  (void)axis;
  return t->n_dims > 0 ? *t : (mxn_type){.n_dims = 1, .dims = {1}};
}

static mxn_type as_layers(const mxn_type *t, int32_t axis) {
  if (t->n_dims > 2) return *t;
  const mxn_type rows = as_rows(t, axis);
  return with_axis(&rows, 2);
}

static mxn_status infer_joined(inference *x, int64_t wanted, see seen_as) {
  const bool is_new = seen_as == with_axis;
  mxn_type out = type_unknown();
  int32_t axis = 0;
  int64_t sum = 0;
  for (uint32_t i = 0; i < x->n_inputs; i++)
    if (!shape_is_known(x->inputs[i])) return MXN_OK;
  const int32_t n_dims = is_new ? x->inputs[0]->n_dims + 1 : seen_as(x->inputs[0], 0).n_dims;
  TRY(infer_axis(x, "axis", wanted, n_dims, &axis));
  for (uint32_t i = 0; i < x->n_inputs; i++) {
    if (is_new && x->inputs[i]->n_dims == MXN_MAX_DIMS)
      return infer_error(x, MXN_SHAPE, "input %u has %d dimensions already", i, MXN_MAX_DIMS);
    mxn_type part = seen_as(x->inputs[i], axis);
    const bool overflows = axis < part.n_dims && __builtin_add_overflow(sum, part.dims[axis], &sum);
    if (axis < part.n_dims) part.dims[axis] = -1;
    char got[SHAPE_TEXT_BYTES], expected[SHAPE_TEXT_BYTES];
    if (overflows || !shape_merge(&out, &part))
      return infer_error(x, MXN_SHAPE, "input %u has shape %s, expected %s but for the axis", i,
                         shape_text(x->inputs[i], got), shape_text(&out, expected));
  }
  out.dims[axis] = sum;
  return infer_output(x, 0, &out);
}

/* The output's rows from `axis` on take one block of each input. */
static mxn_status join(const forward *f, int32_t axis) {
  const uint32_t n = op_own_inputs(f->node);
  int64_t rows = 0;
  size_t whole = 0, at = 0;
  if (!dims_product(&f->outputs[0].type, 0, axis, &rows) || !type_bytes(&f->outputs[0].type, &whole) || whole == 0)
    return MXN_OK;
  whole /= (size_t)rows;
  for (uint32_t i = 0; i < n; i++) {
    size_t bytes = 0;
    if (!type_bytes(&f->inputs[i].type, &bytes) || bytes == 0) continue;
    bytes /= (size_t)rows;
    for (int64_t row = 0; row < rows; row++)
      memcpy((char *)f->outputs[0].data + (size_t)row * whole + at,
             (const char *)f->inputs[i].data + (size_t)row * bytes, bytes);
    at += bytes;
  }
  return MXN_OK;
}

static int32_t output_axis(const forward *f, int64_t axis) { return axis_from_front(axis, f->outputs[0].type.n_dims); }

/* None joins the inputs as vectors; left out it is 0, which None would be as well. */
static bool joins_vectors(const node *n) { return op_is_none(n, "axis") && node_attribute(n, "axis"); }

mxn_status numpy_concatenate_shape(inference *x) {
  if (joins_vectors(x->node)) return infer_joined(x, 0, as_vector);
  return infer_joined(x, op_int(x->node, "axis"), as_it_is);
}

mxn_status numpy_concatenate_forward(const forward *f) { return join(f, output_axis(f, op_int(f->node, "axis"))); }

mxn_status numpy_stack_shape(inference *x) { return infer_joined(x, op_int(x->node, "axis"), with_axis); }
mxn_status numpy_stack_forward(const forward *f) { return join(f, output_axis(f, op_int(f->node, "axis"))); }

mxn_status numpy_vstack_shape(inference *x) { return infer_joined(x, 0, as_rows); }
mxn_status numpy_vstack_forward(const forward *f) { return join(f, 0); }

/* Vectors one behind the other, all else along axis 1. */
mxn_status numpy_hstack_shape(inference *x) {
  return infer_joined(x, x->n_inputs > 0 && x->inputs[0]->n_dims > 1 ? 1 : 0, at_least_vector);
}

mxn_status numpy_hstack_forward(const forward *f) { return join(f, f->outputs[0].type.n_dims > 1 ? 1 : 0); }

mxn_status numpy_dstack_shape(inference *x) { return infer_joined(x, 2, as_layers); }
mxn_status numpy_dstack_forward(const forward *f) { return join(f, 2); }

mxn_status numpy_column_stack_shape(inference *x) { return infer_joined(x, 1, as_columns); }
mxn_status numpy_column_stack_forward(const forward *f) { return join(f, 1); }

/* Splitting: at indices, of which the first is 0, or into sections. */

uint32_t numpy_split_outputs(const node *n) {
  const int64_t sections = op_int(n, "sections");
  const op_tuple indices = op_tuple_of(n, "indices");
  return sections > 0 ? (uint32_t)sections : (uint32_t)(indices.n > 0 ? indices.n : 0);
}

/* Part i of an axis of `size`: where it begins, and its size. */
static int64_t part_begin(const node *n, uint32_t i, int64_t size) {
  const int64_t sections = op_int(n, "sections");
  const op_tuple indices = op_tuple_of(n, "indices");
  if (sections > 0) return size / sections * i;
  if (i >= (uint32_t)indices.n) return size;
  const int64_t begin = indices.v[i] < 0 ? indices.v[i] + size : indices.v[i];
  return begin < 0 ? 0 : begin > size ? size : begin;
}

static int64_t part_size(const node *n, uint32_t i, int64_t size) {
  const int64_t length = part_begin(n, i + 1, size) - part_begin(n, i, size);
  return length > 0 ? length : 0;
}

static mxn_status infer_split(inference *x, int32_t axis) {
  const mxn_type *in = x->inputs[0];
  const int64_t sections = op_int(x->node, "sections");
  if (!shape_is_known(in)) return MXN_OK;
  if (axis >= in->n_dims)
    return infer_error(x, MXN_SHAPE, "data has %d dimensions, it has no axis %d", in->n_dims, axis);
  if (sections > 0 && in->dims[axis] % sections != 0)
    return infer_error(x, MXN_SHAPE, "axis %d of %" PRId64 " does not split into %" PRId64 " sections", axis,
                       in->dims[axis], sections);
  for (uint32_t i = 0; i < x->n_outputs; i++) {
    mxn_type part = *in;
    part.dims[axis] = part_size(x->node, i, in->dims[axis]);
    if (op_bool(x->node, "squeeze_axis") && part.dims[axis] == 1) {
      for (int32_t d = axis; d + 1 < part.n_dims; d++) part.dims[d] = part.dims[d + 1];
      part.n_dims--;
    }
    TRY(infer_output(x, i, &part));
  }
  return MXN_OK;
}

static mxn_status split(const forward *f, int32_t axis) {
  const mxn_type *in = &f->inputs[0].type;
  const int64_t size = in->dims[axis];
  int64_t rows = 1, behind = 1;
  if (!dims_product(in, 0, axis, &rows) || !dims_product(in, axis + 1, in->n_dims, &behind)) return MXN_OK;
  const size_t bytes = (size_t)behind * mxn_dtype_bytes(in->dtype);
  for (uint32_t i = 0; i < f->node->n_outputs; i++) {
    const size_t part = (size_t)part_size(f->node, i, size) * bytes;
    const size_t at = (size_t)part_begin(f->node, i, size) * bytes;
    for (int64_t row = 0; row < rows && part > 0; row++)
      memcpy((char *)f->outputs[i].data + (size_t)row * part,
             (const char *)f->inputs[0].data + (size_t)row * (size_t)size * bytes + at, part);
  }
  return MXN_OK;
}

/* Vectors are cut along their only axis, all else along axis 1. */
static int32_t horizontal_axis(const mxn_type *t) { return t->n_dims > 1 ? 1 : 0; }

mxn_status numpy_hsplit_shape(inference *x) { return infer_split(x, horizontal_axis(x->inputs[0])); }
mxn_status numpy_hsplit_forward(const forward *f) { return split(f, horizontal_axis(&f->inputs[0].type)); }
mxn_status numpy_dsplit_shape(inference *x) { return infer_split(x, 2); }
mxn_status numpy_dsplit_forward(const forward *f) { return split(f, 2); }
