/* arrange.c - see arrange.h.
 *
 * What a strided view can say is one; for the rest a function tells where each
 * element of the output comes from.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ops/arrange.h"

#include <inttypes.h>
#include <string.h>

#include "ops/family.h"
#include "ops/number.h"
#include "ops/view.h"

static void step_on(const mxn_type *t, int64_t *at) {
  for (int32_t d = t->n_dims - 1; d >= 0; d--) {
    if (++at[d] < t->dims[d]) return;
    at[d] = 0;
  }
}

void copy_places(const forward *f, element_place place, double fill) {
  mxn_tensor *out = &f->outputs[0];
  const size_t bytes = mxn_dtype_bytes(out->type.dtype);
  const int64_t elements = count_elements(&out->type);
  const char *from = f->inputs[0].data;
  char *to = out->data;
  int64_t at[MXN_MAX_DIMS] = {0}, kept;
  mxn_tensor filling = {.type = {.dtype = out->type.dtype}, .data = &kept};
  store_doubles(&filling, 0, 1, &fill);
  for (int64_t i = 0; i < elements; i++, step_on(&out->type, at)) {
    const int64_t source = place(f, at);
    memcpy(to + (size_t)i * bytes, source < 0 ? (const char *)&kept : from + (size_t)source * bytes, bytes);
  }
}

static int64_t place_of(const mxn_type *t, const int64_t *at) {
  int64_t place = 0;
  for (int32_t d = 0; d < t->n_dims; d++) place = place * t->dims[d] + at[d];
  return place;
}

static mxn_status too_large(inference *x) { return infer_error(x, MXN_SHAPE, "its output has too many elements"); }

/* Broadcasts. */

mxn_status stretch_forward(const forward *f) {
  const view v = view_broadcast(&f->inputs[0].type, &f->outputs[0].type);
  copy_view(&f->outputs[0], &f->inputs[0], &v);
  return MXN_OK;
}

static mxn_status no_broadcast(inference *x, const mxn_type *in, const mxn_type *to) {
  char from[SHAPE_TEXT_BYTES], target[SHAPE_TEXT_BYTES];
  return infer_error(x, MXN_SHAPE, "%s cannot be broadcast to %s", shape_text(in, from), shape_text(to, target));
}

/* Dimensions of `to` that are -1 stay those of the input. */
static mxn_status infer_broadcast(inference *x, mxn_type *to) {
  const mxn_type *in = x->inputs[0];
  if (in->n_dims != to->n_dims) return no_broadcast(x, in, to);
  for (int32_t d = 0; d < in->n_dims; d++) {
    if (to->dims[d] < 0)
      to->dims[d] = in->dims[d];
    else if (in->dims[d] >= 0 && in->dims[d] != to->dims[d] && in->dims[d] != 1)
      return no_broadcast(x, in, to);
  }
  return infer_output(x, 0, to);
}

mxn_status broadcast_to_shape(inference *x) {
  const op_tuple shape = op_tuple_of(x->node, "shape");
  mxn_type to = {.n_dims = shape.n < 0 ? 0 : shape.n};
  if (x->inputs[0]->n_dims < 0) return MXN_OK;
  for (int32_t d = 0; d < to.n_dims; d++) to.dims[d] = shape.v[d] == 0 ? -1 : shape.v[d];
  return infer_broadcast(x, &to);
}

mxn_status broadcast_axis_shape(inference *x) {
  const op_tuple axes = op_tuple_of(x->node, "axis"), sizes = op_tuple_of(x->node, "size");
  mxn_type out = *x->inputs[0];
  if (axes.n != sizes.n) return infer_error(x, MXN_SHAPE, "axis has %d values, size has %d", axes.n, sizes.n);
  if (!shape_is_known(&out)) return MXN_OK;
  for (int32_t i = 0; i < axes.n; i++) {
    int32_t axis = 0;
    TRY(infer_axis(x, "axis", axes.v[i], out.n_dims, &axis));
    if (out.dims[axis] != 1)
      return infer_error(x, MXN_SHAPE, "axis %d of data has size %" PRId64 ", expected 1", axis, out.dims[axis]);
    out.dims[axis] = sizes.v[i];
  }
  return infer_output(x, 0, &out);
}

static mxn_status broadcast_axes_like(inference *x, op_tuple to, op_tuple from) {
  const mxn_type *rhs = x->inputs[1];
  mxn_type out = *x->inputs[0];
  if (to.n != from.n || to.n == 0)
    return infer_error(x, MXN_SHAPE, "lhs_axes has %d values, rhs_axes has %d", to.n, from.n);
  for (int32_t i = 0; i < to.n; i++) {
    int32_t left = 0, right = 0;
    TRY(infer_axis(x, "lhs_axes", to.v[i], out.n_dims, &left));
    TRY(infer_axis(x, "rhs_axes", from.v[i], rhs->n_dims, &right));
    if (x->inputs[0]->dims[left] != 1 && x->inputs[0]->dims[left] >= 0)
      return infer_error(x, MXN_SHAPE, "axis %d of lhs has size %" PRId64 ", expected 1", left, out.dims[left]);
    out.dims[left] = rhs->dims[right];
  }
  return infer_output(x, 0, &out);
}

mxn_status broadcast_like_shape(inference *x) {
  const op_tuple to = op_tuple_of(x->node, "lhs_axes"), from = op_tuple_of(x->node, "rhs_axes");
  mxn_type like = *x->inputs[1];
  if (x->inputs[0]->n_dims < 0 || like.n_dims < 0) return MXN_OK;
  return to.n < 0 || from.n < 0 ? infer_broadcast(x, &like) : broadcast_axes_like(x, to, from);
}

/* reshape_like: dimensions [begin, end) of lhs become those of rhs. */

static mxn_status axis_range(inference *x, const char *begin_name, const char *end_name, int32_t n_dims, int32_t *begin,
                             int32_t *end) {
  const node *n = x->node;
  const int64_t first = op_is_none(n, begin_name) ? 0 : axis_from_front(op_int(n, begin_name), n_dims);
  const int64_t last = op_is_none(n, end_name) ? n_dims : axis_from_front(op_int(n, end_name), n_dims);
  if (first < 0 || first > n_dims || last < 0 || last > n_dims || first > last)
    return infer_error(x, MXN_SHAPE, "%s %" PRId64 " and %s %" PRId64 " are no range of %d dimensions", begin_name,
                       first, end_name, last, n_dims);
  *begin = (int32_t)first;
  *end = (int32_t)last;
  return MXN_OK;
}

static mxn_status append_dims(inference *x, mxn_type *out, const mxn_type *from, int32_t begin, int32_t end) {
  for (int32_t d = begin; d < end; d++) {
    if (out->n_dims == MXN_MAX_DIMS) return infer_error(x, MXN_SHAPE, "its output has too many dimensions");
    out->dims[out->n_dims++] = from->dims[d];
  }
  return MXN_OK;
}

mxn_status reshape_like_shape(inference *x) {
  const mxn_type *lhs = x->inputs[0], *rhs = x->inputs[1];
  int32_t begin = 0, end = 0, rhs_begin = 0, rhs_end = 0;
  mxn_type out = {.n_dims = 0};
  int64_t before, after;
  if (lhs->n_dims < 0 || rhs->n_dims < 0) return MXN_OK;
  TRY(axis_range(x, "lhs_begin", "lhs_end", lhs->n_dims, &begin, &end));
  TRY(axis_range(x, "rhs_begin", "rhs_end", rhs->n_dims, &rhs_begin, &rhs_end));
  TRY(append_dims(x, &out, lhs, 0, begin));
  TRY(append_dims(x, &out, rhs, rhs_begin, rhs_end));
  TRY(append_dims(x, &out, lhs, end, lhs->n_dims));
  char from[SHAPE_TEXT_BYTES], to[SHAPE_TEXT_BYTES];
  if (shape_elements(lhs, &before) && shape_elements(&out, &after) && before != after)
    return infer_error(x, MXN_SHAPE, "the elements of %s do not fit the shape %s", shape_text(lhs, from),
                       shape_text(&out, to));
  return infer_output(x, 0, &out);
}

mxn_status squeeze_shape(inference *x) {
  const op_tuple axes = op_tuple_of(x->node, "axis");
  const mxn_type *in = x->inputs[0];
  bool is_dropped[MXN_MAX_DIMS] = {false};
  mxn_type out = {.n_dims = 0};
  if (in->n_dims < 0 || (axes.n < 0 && !shape_is_known(in))) return MXN_OK;
  for (int32_t i = 0; i < axes.n; i++) {
    int32_t axis = 0;
    TRY(infer_axis(x, "axis", axes.v[i], in->n_dims, &axis));
    if (in->dims[axis] >= 0 && in->dims[axis] != 1)
      return infer_error(x, MXN_SHAPE, "axis %d of data has size %" PRId64 ", expected 1", axis, in->dims[axis]);
    if (is_dropped[axis]) return infer_error(x, MXN_SHAPE, "axis has %d twice", axis);
    is_dropped[axis] = true;
  }
  for (int32_t d = 0; d < in->n_dims; d++)
    if (axes.n < 0 ? in->dims[d] != 1 : !is_dropped[d]) out.dims[out.n_dims++] = in->dims[d];
  if (out.n_dims == 0) out.dims[out.n_dims++] = 1;
  return infer_output(x, 0, &out);
}

/* stack. */

mxn_status stack_shape(inference *x) {
  mxn_type common = type_unknown();
  int32_t axis = 0;
  for (uint32_t i = 0; i < x->n_inputs; i++) {
    TRY(infer_input(x, i, &common));
    common = *x->inputs[i];
  }
  if (common.n_dims < 0) return MXN_OK;
  for (uint32_t i = 0; i < x->n_inputs; i++) TRY(infer_input(x, i, &common));
  if (common.n_dims == MXN_MAX_DIMS) return infer_error(x, MXN_SHAPE, "its output has too many dimensions");
  TRY(infer_axis(x, "axis", op_int(x->node, "axis"), common.n_dims + 1, &axis));
  mxn_type out = {.n_dims = common.n_dims + 1};
  for (int32_t d = 0; d < out.n_dims; d++)
    out.dims[d] = d == axis ? (int64_t)x->n_inputs : common.dims[d < axis ? d : d - 1];
  return infer_output(x, 0, &out);
}

mxn_status stack_forward(const forward *f) {
  const mxn_type *in = &f->inputs[0].type;
  const int32_t axis = axis_from_front(op_int(f->node, "axis"), in->n_dims + 1);
  const uint32_t n = op_own_inputs(f->node);
  int64_t rows = 0, columns = 0;
  (void)!dims_product(in, 0, axis, &rows);
  (void)!dims_product(in, axis, in->n_dims, &columns);
  const size_t bytes = (size_t)columns * mxn_dtype_bytes(in->dtype);
  for (uint32_t i = 0; i < n && bytes > 0; i++)
    for (int64_t r = 0; r < rows; r++)
      memcpy((char *)f->outputs[0].data + ((size_t)r * n + i) * bytes,
             (const char *)f->inputs[i].data + (size_t)r * bytes, bytes);
  return MXN_OK;
}

/* tile and repeat. */

mxn_status tile_shape(inference *x) {
  const op_tuple reps = op_tuple_of(x->node, "reps");
  const mxn_type *in = x->inputs[0];
  if (!shape_is_known(in)) return MXN_OK;
  mxn_type out = {.n_dims = in->n_dims > reps.n ? in->n_dims : reps.n};
  for (int32_t d = 0; d < out.n_dims; d++) {
    const int32_t own = d - (out.n_dims - in->n_dims), rep = d - (out.n_dims - reps.n);
    if (!dims_multiply(own < 0 ? 1 : in->dims[own], rep < 0 ? 1 : reps.v[rep], &out.dims[d])) return too_large(x);
  }
  return infer_output(x, 0, &out);
}

static int64_t tile_place(const forward *f, const int64_t *at) {
  const mxn_type *in = &f->inputs[0].type;
  const int32_t ahead = f->outputs[0].type.n_dims - in->n_dims;
  int64_t place = 0;
  for (int32_t d = 0; d < in->n_dims; d++) place = place * in->dims[d] + at[d + ahead] % in->dims[d];
  return place;
}

mxn_status tile_forward(const forward *f) {
  copy_places(f, tile_place, 0);
  return MXN_OK;
}

/* Without an axis the elements become one row first. */
mxn_status repeat_shape(inference *x) {
  const int64_t repeats = op_int(x->node, "repeats");
  mxn_type out = *x->inputs[0];
  int32_t axis = 0;
  int64_t elements;
  if (out.n_dims < 0) return MXN_OK;
  if (op_is_none(x->node, "axis")) {
    if (!dims_product(&out, 0, out.n_dims, &elements)) return too_large(x);
    out = (mxn_type){.n_dims = 1, .dims = {elements}};
  } else {
    TRY(infer_axis(x, "axis", op_int(x->node, "axis"), out.n_dims, &axis));
  }
  if (repeats == 0) return infer_output(x, 0, &(mxn_type){.n_dims = 1, .dims = {0}});
  if (!dims_multiply(out.dims[axis], repeats, &out.dims[axis])) return too_large(x);
  return infer_output(x, 0, &out);
}

static int64_t repeat_place(const forward *f, const int64_t *at) {
  const mxn_type *in = &f->inputs[0].type;
  const int64_t repeats = op_int(f->node, "repeats");
  if (op_is_none(f->node, "axis")) return at[0] / repeats;
  int64_t inside[MXN_MAX_DIMS];
  memcpy(inside, at, sizeof inside);
  inside[axis_from_front(op_int(f->node, "axis"), in->n_dims)] /= repeats;
  return place_of(in, inside);
}

mxn_status repeat_forward(const forward *f) {
  copy_places(f, repeat_place, 0);
  return MXN_OK;
}

/* reverse: an axis that stands twice is reversed twice. */

mxn_status reverse_shape(inference *x) {
  const op_tuple axes = op_tuple_of(x->node, "axis");
  TRY(infer_data_shape(x));
  const int32_t n_dims = x->inputs[0]->n_dims;
  for (int32_t i = 0; i < axes.n && n_dims >= 0; i++) {
    int32_t axis = 0;
    TRY(infer_axis(x, "axis", axes.v[i], n_dims, &axis));
  }
  return MXN_OK;
}

mxn_status reverse_forward(const forward *f) {
  const op_tuple axes = op_tuple_of(f->node, "axis");
  const mxn_type *in = &f->inputs[0].type;
  view v = view_of(in);
  if (count_elements(in) == 0) return MXN_OK;
  for (int32_t i = 0; i < axes.n; i++) {
    const int64_t axis = axes.v[i];
    v.start += v.steps[axis] * (in->dims[axis] - 1);
    v.steps[axis] = -v.steps[axis];
  }
  copy_view(&f->outputs[0], &f->inputs[0], &v);
  return MXN_OK;
}

/* Pad: of the dimensions behind the channels. */

mxn_status pad_shape(inference *x) {
  const op_tuple widths = op_tuple_of(x->node, "pad_width");
  const mxn_type *in = x->inputs[0];
  const bool is_reflected = strcmp(op_text(x->node, "mode"), "reflect") == 0;
  mxn_type out = *in;
  if (in->n_dims < 0) return MXN_OK;
  if (in->n_dims != 4 && in->n_dims != 5)
    return infer_error(x, MXN_SHAPE, "data has %d dimensions, expected 4 or 5", in->n_dims);
  if (widths.n != 2 * in->n_dims)
    return infer_error(x, MXN_SHAPE, "pad_width has %d values, expected %d", widths.n, 2 * in->n_dims);
  for (int32_t i = 0; i < 4; i++)
    if (widths.v[i] != 0) return infer_error(x, MXN_SHAPE, "pad_width pads samples or channels");
  for (int32_t d = 2; d < in->n_dims; d++) {
    const int64_t before = widths.v[2 * d], after = widths.v[2 * d + 1];
    if (in->dims[d] < 0) continue;
    if (is_reflected && (before >= in->dims[d] || after >= in->dims[d]))
      return infer_error(x, MXN_SHAPE, "pad_width reflects more than the %" PRId64 " elements of axis %d", in->dims[d],
                         d);
    if (in->dims[d] == 0 && (before > 0 || after > 0) && strcmp(op_text(x->node, "mode"), "constant") != 0)
      return infer_error(x, MXN_SHAPE, "axis %d has no elements to pad with", d);
    if (__builtin_add_overflow(in->dims[d], before, &out.dims[d]) ||
        __builtin_add_overflow(out.dims[d], after, &out.dims[d]))
      return too_large(x);
  }
  return infer_output(x, 0, &out);
}

static int64_t clamp(int64_t i, int64_t size) { return i < 0 ? 0 : i >= size ? size - 1 : i; }
static int64_t reflect(int64_t i, int64_t size) { return i < 0 ? -i : i >= size ? 2 * (size - 1) - i : i; }

static int64_t pad_place(const forward *f, const int64_t *at) {
  const mxn_type *in = &f->inputs[0].type;
  const op_tuple widths = op_tuple_of(f->node, "pad_width");
  const char mode = op_text(f->node, "mode")[0];
  int64_t place = 0;
  for (int32_t d = 0; d < in->n_dims; d++) {
    const int64_t size = in->dims[d], i = at[d] - widths.v[2 * d];
    if (mode == 'c' && (i < 0 || i >= size)) return -1;
    place = place * size + (mode == 'e' ? clamp(i, size) : mode == 'r' ? reflect(i, size) : i);
  }
  return place;
}

mxn_status pad_forward(const forward *f) {
  copy_places(f, pad_place, op_float(f->node, "constant_value"));
  return MXN_OK;
}

/* diag: a matrix of a row, or the diagonals of matrices. */

mxn_status diag_shape(inference *x) {
  const mxn_type *in = x->inputs[0];
  const int64_t k = op_int(x->node, "k");
  int32_t first = 0, second = 0;
  if (!shape_is_known(in)) return MXN_OK;
  if (in->n_dims == 1) {
    int64_t size;
    if (__builtin_add_overflow(in->dims[0], k < 0 ? -k : k, &size)) return too_large(x);
    return infer_output(x, 0, &(mxn_type){.n_dims = 2, .dims = {size, size}});
  }
  TRY(infer_axis(x, "axis1", op_int(x->node, "axis1"), in->n_dims, &first));
  TRY(infer_axis(x, "axis2", op_int(x->node, "axis2"), in->n_dims, &second));
  if (first == second) return infer_error(x, MXN_SHAPE, "axis1 and axis2 are the same axis %d", first);
  const int64_t rows = in->dims[first] + (k < 0 ? k : 0), columns = in->dims[second] - (k > 0 ? k : 0);
  const int64_t size = rows < columns ? rows : columns;
  if (size < 0) return infer_error(x, MXN_SHAPE, "diagonal k %" PRId64 " lies outside the matrix", k);
  mxn_type out = {.n_dims = 0};
  for (int32_t d = 0; d < in->n_dims; d++)
    if (d != first && d != second) out.dims[out.n_dims++] = in->dims[d];
  out.dims[out.n_dims++] = size;
  return infer_output(x, 0, &out);
}

static int64_t diag_place(const forward *f, const int64_t *at) {
  const int64_t k = op_int(f->node, "k");
  return at[1] - at[0] != k ? -1 : k < 0 ? at[1] : at[0];
}

mxn_status diag_forward(const forward *f) {
  const mxn_type *in = &f->inputs[0].type;
  if (in->n_dims == 1) {
    copy_places(f, diag_place, 0);
    return MXN_OK;
  }
  const int32_t first = axis_from_front(op_int(f->node, "axis1"), in->n_dims);
  const int32_t second = axis_from_front(op_int(f->node, "axis2"), in->n_dims);
  const view v = view_diagonal(in, first, second, op_int(f->node, "k"));
  copy_view(&f->outputs[0], &f->inputs[0], &v);
  return MXN_OK;
}

/* depth_to_space and space_to_depth: blocks of pixels against channels. */

static mxn_status check_image(inference *x) {
  const int32_t n_dims = x->inputs[0]->n_dims;
  return n_dims == 4 ? MXN_OK : infer_error(x, MXN_SHAPE, "data has %d dimensions, expected 4", n_dims);
}

static mxn_status no_blocks(inference *x, int32_t axis) {
  return infer_error(x, MXN_SHAPE,
                     "axis %d of data has size %" PRId64 ", which does not divide into blocks of %" PRId64, axis,
                     x->inputs[0]->dims[axis], op_int(x->node, "block_size"));
}

mxn_status depth_to_space_shape(inference *x) {
  const int64_t block = op_int(x->node, "block_size");
  const mxn_type *in = x->inputs[0];
  mxn_type out = *in;
  if (!shape_is_known(in)) return MXN_OK;
  TRY(check_image(x));
  if (in->dims[1] % (block * block) != 0) return no_blocks(x, 1);
  out.dims[1] /= block * block;
  if (!dims_multiply(in->dims[2], block, &out.dims[2]) || !dims_multiply(in->dims[3], block, &out.dims[3]))
    return too_large(x);
  return infer_output(x, 0, &out);
}

static int64_t depth_to_space_place(const forward *f, const int64_t *at) {
  const int64_t block = op_int(f->node, "block_size"), channels = f->outputs[0].type.dims[1];
  const int64_t channel = (at[2] % block * block + at[3] % block) * channels + at[1];
  return place_of(&f->inputs[0].type, (const int64_t[]){at[0], channel, at[2] / block, at[3] / block});
}

mxn_status depth_to_space_forward(const forward *f) {
  copy_places(f, depth_to_space_place, 0);
  return MXN_OK;
}

mxn_status space_to_depth_shape(inference *x) {
  const int64_t block = op_int(x->node, "block_size");
  const mxn_type *in = x->inputs[0];
  mxn_type out = *in;
  if (!shape_is_known(in)) return MXN_OK;
  TRY(check_image(x));
  for (int32_t d = 2; d < 4; d++) {
    if (in->dims[d] % block != 0) return no_blocks(x, d);
    out.dims[d] /= block;
  }
  if (!dims_multiply(in->dims[1], block * block, &out.dims[1])) return too_large(x);
  return infer_output(x, 0, &out);
}

static int64_t space_to_depth_place(const forward *f, const int64_t *at) {
  const int64_t block = op_int(f->node, "block_size"), channels = f->inputs[0].type.dims[1];
  const int64_t pixel = at[1] / channels;
  return place_of(&f->inputs[0].type, (const int64_t[]){at[0], at[1] % channels, at[2] * block + pixel / block,
                                                        at[3] * block + pixel % block});
}

mxn_status space_to_depth_forward(const forward *f) {
  copy_places(f, space_to_depth_place, 0);
  return MXN_OK;
}

/* _split_v2: sections that differ by one at most, or parts that start at indices. */

uint32_t split_outputs(const node *n) {
  const int64_t sections = op_int(n, "sections");
  const int32_t indices = op_tuple_of(n, "indices").n;
  return sections > 0 ? (uint32_t)sections : indices > 0 ? (uint32_t)indices : 0;
}

static int64_t part_start(const node *n, uint32_t part, int64_t size) {
  const int64_t sections = op_int(n, "sections");
  if (part >= split_outputs(n)) return size;
  if (sections == 0) return op_tuple_of(n, "indices").v[part];
  const int64_t longer = size % sections;
  return part * (size / sections) + (part < longer ? part : longer);
}

static mxn_status part_size(inference *x, uint32_t part, int64_t size, int64_t *out) {
  const int64_t start = part_start(x->node, part, size), end = part_start(x->node, part + 1, size);
  *out = size < 0 ? -1 : 0;
  if (size <= 0) return MXN_OK;
  if (start >= 0 && start <= end && end <= size) {
    *out = end - start;
    return MXN_OK;
  }
  return infer_error(x, MXN_SHAPE, "part %u from %" PRId64 " to %" PRId64 " lies outside the axis of %" PRId64, part,
                     start, end, size);
}

mxn_status split_shape(inference *x) {
  const mxn_type *in = x->inputs[0];
  const bool is_squeezed = op_bool(x->node, "squeeze_axis");
  int32_t axis = 0;
  if (in->n_dims < 0) return MXN_OK;
  TRY(infer_axis(x, "axis", op_int(x->node, "axis"), in->n_dims, &axis));
  for (uint32_t i = 0; i < x->n_outputs; i++) {
    mxn_type part = *in;
    TRY(part_size(x, i, in->dims[axis], &part.dims[axis]));
    if (is_squeezed && part.dims[axis] >= 0 && part.dims[axis] != 1)
      return infer_error(x, MXN_SHAPE, "part %u has size %" PRId64 ", expected 1 with squeeze_axis", i,
                         part.dims[axis]);
    for (int32_t d = axis; is_squeezed && d + 1 < in->n_dims; d++) part.dims[d] = in->dims[d + 1];
    if (is_squeezed) part.n_dims--;
    TRY(infer_output(x, i, &part));
  }
  return MXN_OK;
}

mxn_status split_forward(const forward *f) {
  const mxn_type *in = &f->inputs[0].type;
  const int32_t axis = axis_from_front(op_int(f->node, "axis"), in->n_dims);
  int64_t rows = 0, columns = 0;
  (void)!dims_product(in, 0, axis, &rows);
  (void)!dims_product(in, axis + 1, in->n_dims, &columns);
  const size_t bytes = (size_t)columns * mxn_dtype_bytes(in->dtype);
  if (count_elements(in) == 0) return MXN_OK;
  for (uint32_t i = 0; i < f->node->n_outputs; i++) {
    const int64_t start = part_start(f->node, i, in->dims[axis]), end = part_start(f->node, i + 1, in->dims[axis]);
    const size_t part = (size_t)(end - start) * bytes;
    for (int64_t r = 0; r < rows && part > 0; r++)
      memcpy((char *)f->outputs[i].data + (size_t)r * part,
             (const char *)f->inputs[0].data + (size_t)(r * in->dims[axis] + start) * bytes, part);
  }
  return MXN_OK;
}

/* Crop: an image cut to h_w, or to the size of a second input. */

mxn_status crop_shape(inference *x) {
  const op_tuple size = op_tuple_of(x->node, "h_w"), offset = op_tuple_of(x->node, "offset");
  const mxn_type *in = x->inputs[0];
  const bool is_centered = op_bool(x->node, "center_crop");
  if (x->n_inputs > 2) return infer_error(x, MXN_FORMAT, "expected 1 or 2 inputs, got %u", x->n_inputs);
  if (size.n != 2 || offset.n != 2) return infer_error(x, MXN_SHAPE, "h_w and offset need 2 values");
  if (!shape_is_known(in) || (x->n_inputs > 1 && !shape_is_known(x->inputs[1]))) return MXN_OK;
  TRY(check_image(x));
  if (x->n_inputs > 1 && x->inputs[1]->n_dims != 4)
    return infer_error(x, MXN_SHAPE, "its second input has %d dimensions, expected 4", x->inputs[1]->n_dims);
  mxn_type out = *in;
  for (int32_t i = 0; i < 2; i++) {
    const int64_t from = is_centered ? 0 : offset.v[i];
    out.dims[2 + i] = x->n_inputs > 1 ? x->inputs[1]->dims[2 + i] : size.v[i];
    if (out.dims[2 + i] < 1 || from > in->dims[2 + i] || out.dims[2 + i] > in->dims[2 + i] - from)
      return infer_error(x, MXN_SHAPE, "%" PRId64 " from %" PRId64 " on lies outside axis %d of %" PRId64,
                         out.dims[2 + i], from, 2 + i, in->dims[2 + i]);
  }
  return infer_output(x, 0, &out);
}

mxn_status crop_forward(const forward *f) {
  const op_tuple offset = op_tuple_of(f->node, "offset");
  const mxn_type *in = &f->inputs[0].type, *out = &f->outputs[0].type;
  const bool is_centered = op_bool(f->node, "center_crop");
  view v = view_of(in);
  for (int32_t i = 0; i < 2; i++)
    v.start += v.steps[2 + i] * (is_centered ? (in->dims[2 + i] - out->dims[2 + i]) / 2 : offset.v[i]);
  copy_view(&f->outputs[0], &f->inputs[0], &v);
  return MXN_OK;
}

/* shape_array and size_array. */

mxn_status int64_dtype(inference *x) { return infer_output_dtype(x, 0, MXN_INT64); }

mxn_status shape_array_shape(inference *x) {
  const int32_t n_dims = x->inputs[0]->n_dims;
  return n_dims < 0 ? MXN_OK : infer_output(x, 0, &(mxn_type){.n_dims = 1, .dims = {n_dims}});
}

mxn_status shape_array_forward(const forward *f) {
  store_integers(&f->outputs[0], 0, f->inputs[0].type.n_dims, f->inputs[0].type.dims);
  return MXN_OK;
}

mxn_status size_array_shape(inference *x) { return infer_output(x, 0, &(mxn_type){.n_dims = 1, .dims = {1}}); }

mxn_status size_array_forward(const forward *f) {
  const int64_t elements = count_elements(&f->inputs[0].type);
  store_integers(&f->outputs[0], 0, 1, &elements);
  return MXN_OK;
}
