/* move.c - operators that move elements without looking at them: transposes,
 * slices, concatenation.
 *
 * All are copies between strided views (view.h), or of blocks where a block stays
 * in one piece.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <string.h>

#include "ops/family.h"
#include "ops/number.h"
#include "ops/view.h"

/* transpose and SwapAxis: output dimension d is input dimension order[d]. */

static mxn_status infer_order(inference *x, const int32_t *order, int32_t n_dims) {
  const mxn_type in = *x->inputs[0], out = *x->outputs[0];
  mxn_type to = {.n_dims = n_dims}, back = {.n_dims = n_dims};
  for (int32_t d = 0; d < n_dims; d++) {
    to.dims[d] = in.n_dims == n_dims ? in.dims[order[d]] : -1;
    back.dims[order[d]] = out.n_dims == n_dims ? out.dims[d] : -1;
  }
  TRY(infer_output(x, 0, &to));
  return infer_input(x, 0, &back);
}

static void copy_order(const forward *f, const int32_t *order) {
  const view in = view_of(&f->inputs[0].type);
  view v = {0};
  for (int32_t d = 0; d < f->inputs[0].type.n_dims; d++) v.steps[d] = in.steps[order[d]];
  copy_view(&f->outputs[0], &f->inputs[0], &v);
}

/* Without axes the order is reversed; false where axes are no order of n_dims. numpy's
 * operator counts axes from the end, too, and may have None. */
static bool transpose_order(const node *n, int32_t n_dims, int32_t order[MXN_MAX_DIMS]) {
  const op_tuple axes = op_tuple_of(n, "axes");
  const bool is_numpy = op_is(n, "_np_transpose");
  bool is_used[MXN_MAX_DIMS] = {false};
  if (is_numpy ? axes.n >= 0 && axes.n != n_dims : axes.n < 0 || (axes.n > 0 && axes.n != n_dims)) return false;
  for (int32_t d = 0; d < n_dims; d++) {
    int64_t axis = axes.n > 0 ? axes.v[d] : n_dims - 1 - d;
    if (axis < 0 && is_numpy) axis += n_dims;
    if (axis < 0 || axis >= n_dims || is_used[axis]) return false;
    is_used[axis] = true;
    order[d] = (int32_t)axis;
  }
  return true;
}

mxn_status transpose_shape(inference *x) {
  const int32_t in = x->inputs[0]->n_dims, n_dims = in >= 0 ? in : x->outputs[0]->n_dims;
  int32_t order[MXN_MAX_DIMS] = {0};
  if (n_dims < 0) return MXN_OK;
  if (!transpose_order(x->node, n_dims, order))
    return infer_error(x, MXN_SHAPE, "axes are no order of the %d dimensions of data", n_dims);
  return infer_order(x, order, n_dims);
}

mxn_status transpose_forward(const forward *f) {
  int32_t order[MXN_MAX_DIMS] = {0};
  (void)!transpose_order(f->node, f->inputs[0].type.n_dims, order);
  copy_order(f, order);
  return MXN_OK;
}

bool transpose_batch(const node *n, const bool *is_carried) {
  int32_t order[MXN_MAX_DIMS] = {0};
  return batch_all(n, is_carried) && transpose_order(n, n->outputs[0].n_dims, order) && order[0] == 0;
}

static mxn_status swap_order(inference *x, int32_t n_dims, int32_t order[MXN_MAX_DIMS]) {
  int32_t a, b;
  TRY(infer_axis(x, "dim1", op_int(x->node, "dim1"), n_dims, &a));
  TRY(infer_axis(x, "dim2", op_int(x->node, "dim2"), n_dims, &b));
  for (int32_t d = 0; d < n_dims; d++) order[d] = d == a ? b : d == b ? a : d;
  return MXN_OK;
}

mxn_status swap_axis_shape(inference *x) {
  const int32_t in = x->inputs[0]->n_dims, n_dims = in >= 0 ? in : x->outputs[0]->n_dims;
  int32_t order[MXN_MAX_DIMS] = {0};
  if (n_dims < 0) return MXN_OK;
  TRY(swap_order(x, n_dims, order));
  return infer_order(x, order, n_dims);
}

mxn_status swap_axis_forward(const forward *f) {
  int32_t order[MXN_MAX_DIMS] = {0};
  inference x = {.node = f->node, .err = f->err};
  TRY(swap_order(&x, f->inputs[0].type.n_dims, order));
  copy_order(f, order);
  return MXN_OK;
}

bool swap_axis_batch(const node *n, const bool *is_carried) {
  int32_t order[MXN_MAX_DIMS] = {0};
  inference x = {.node = n};
  return batch_all(n, is_carried) && swap_order(&x, n->outputs[0].n_dims, order) == MXN_OK && order[0] == 0;
}

/* Concat and SliceChannel: blocks along an axis. */

/* All inputs agree but for the axis, where the output has the sum. */
mxn_status concat_shape(inference *x) {
  mxn_type common = *x->outputs[0];
  int32_t axis = 0;
  int64_t sum = 0;
  for (uint32_t i = 0; i < x->n_inputs && common.n_dims < 0; i++) common = *x->inputs[i];
  if (common.n_dims < 0) return MXN_OK;
  TRY(infer_axis(x, "dim", op_int(x->node, "dim"), common.n_dims, &axis));
  common.dims[axis] = -1;
  for (uint32_t i = 0; i < x->n_inputs; i++) {
    TRY(infer_input(x, i, &common));
    common = *x->inputs[i];
    const int64_t dim = common.dims[axis];
    if (sum >= 0 && (dim < 0 || __builtin_add_overflow(sum, dim, &sum))) sum = -1;
    common.dims[axis] = -1;
  }
  for (uint32_t i = 0; i < x->n_inputs; i++) TRY(infer_input(x, i, &common));
  common.dims[axis] = sum;
  return infer_output(x, 0, &common);
}

/* The bytes of a tensor as rows of its dimensions from `axis` on. */
static size_t row_bytes(const mxn_type *t, int32_t axis) {
  int64_t elements = 0;
  (void)!dims_product(t, axis, t->n_dims, &elements);
  return (size_t)elements * mxn_dtype_bytes(t->dtype);
}

static void copy_rows(char *to, size_t to_step, const char *from, size_t from_step, size_t bytes, int64_t rows) {
  for (int64_t i = 0; i < rows && bytes > 0; i++) memcpy(to + (size_t)i * to_step, from + (size_t)i * from_step, bytes);
}

mxn_status concat_forward(const forward *f) {
  const mxn_type *out = &f->outputs[0].type;
  const int32_t axis = axis_from_front(op_int(f->node, "dim"), out->n_dims);
  const uint32_t n = op_own_inputs(f->node);
  char *to = f->outputs[0].data;
  int64_t rows;
  if (!dims_product(out, 0, axis, &rows)) return MXN_OK;
  for (uint32_t i = 0; i < n; i++) {
    const size_t bytes = row_bytes(&f->inputs[i].type, axis);
    copy_rows(to, row_bytes(out, axis), f->inputs[i].data, bytes, bytes, rows);
    if (bytes > 0) to += bytes;
  }
  return MXN_OK;
}

bool concat_batch(const node *n, const bool *is_carried) {
  return batch_all(n, is_carried) && axis_from_front(op_int(n, "dim"), n->outputs[0].n_dims) != 0;
}

uint32_t slice_channel_outputs(const node *n) { return (uint32_t)op_int(n, "num_outputs"); }

/* The shape of the input from that of an output; the axis is unknown where it is. */
static mxn_type whole_of(const node *n, const mxn_type *part, int32_t axis, int32_t n_dims) {
  const int64_t count = op_int(n, "num_outputs");
  const bool is_squeezed = part->n_dims < n_dims;
  mxn_type whole = {.n_dims = n_dims};
  for (int32_t d = 0; d < n_dims; d++) whole.dims[d] = d == axis ? -1 : part->dims[is_squeezed && d > axis ? d - 1 : d];
  if (is_squeezed)
    whole.dims[axis] = count;
  else if (!dims_multiply(part->dims[axis], count, &whole.dims[axis]))
    whole.dims[axis] = -1;
  return whole;
}

mxn_status slice_channel_shape(inference *x) {
  const node *n = x->node;
  const mxn_type in = *x->inputs[0];
  const int64_t count = op_int(n, "num_outputs");
  const bool squeeze = op_bool(n, "squeeze_axis");
  int32_t axis;
  if (in.n_dims < 0) return MXN_OK;
  TRY(infer_axis(x, "axis", op_int(n, "axis"), in.n_dims, &axis));
  const int64_t dim = in.dims[axis];
  if (dim >= 0 && (squeeze ? dim != count : dim % count != 0))
    return infer_error(x, MXN_SHAPE, "axis %d of %" PRId64 " does not split into num_outputs %" PRId64, axis, dim,
                       count);
  mxn_type part = in;
  part.dims[axis] = dim < 0 ? -1 : dim / count;
  if (squeeze) {
    part.n_dims--;
    for (int32_t d = axis; d < part.n_dims; d++) part.dims[d] = in.dims[d + 1];
  }
  for (uint32_t i = 0; i < x->n_outputs; i++) {
    TRY(infer_output(x, i, &part));
    const mxn_type whole = whole_of(n, x->outputs[i], axis, in.n_dims);
    TRY(infer_input(x, 0, &whole));
  }
  return MXN_OK;
}

mxn_status slice_channel_forward(const forward *f) {
  const mxn_type *in = &f->inputs[0].type;
  const int32_t axis = axis_from_front(op_int(f->node, "axis"), in->n_dims);
  const char *from = f->inputs[0].data;
  const size_t whole = row_bytes(in, axis), part = whole / slice_channel_outputs(f->node);
  int64_t rows;
  if (!dims_product(in, 0, axis, &rows)) return MXN_OK;
  for (uint32_t i = 0; i < f->node->n_outputs && part > 0; i++, from += part)
    copy_rows(f->outputs[i].data, part, from, whole, part, rows);
  return MXN_OK;
}

bool slice_channel_batch(const node *n, const bool *is_carried) {
  return batch_all(n, is_carried) && axis_from_front(op_int(n, "axis"), value_type(n->inputs[0])->n_dims) != 0;
}

/* slice, slice_axis, slice_like: a begin, an end and a step for each axis. */

typedef struct slice_range {
  int64_t begin, step, size;
} slice_range;

/* Python's rules; OP_TUPLE_NONE stands for what is left out. */
static slice_range resolve_range(int64_t begin, int64_t end, int64_t step, int64_t size) {
  const int64_t lowest = step > 0 ? 0 : -1, highest = step > 0 ? size : size - 1;
  slice_range r = {.step = step};
  if (begin == OP_TUPLE_NONE)
    begin = step > 0 ? 0 : size - 1;
  else if (begin < 0)
    begin += size;
  if (end == OP_TUPLE_NONE)
    end = step > 0 ? size : -1;
  else if (end < 0)
    end = end + size < lowest ? lowest : end + size;
  r.begin = begin < lowest ? lowest : begin > highest ? highest : begin;
  end = end > highest && step > 0 ? highest : end;
  const int64_t distance = step > 0 ? end - r.begin : r.begin - end, stride = step > 0 ? step : -step;
  r.size = distance > 0 && r.begin >= 0 ? (distance - 1) / stride + 1 : 0;
  return r;
}

static void copy_ranges(const forward *f, const slice_range *ranges) {
  const view in = view_of(&f->inputs[0].type);
  view v = {0};
  for (int32_t d = 0; d < f->inputs[0].type.n_dims; d++) {
    v.start += ranges[d].begin * in.steps[d];
    v.steps[d] = ranges[d].size > 1 ? ranges[d].step * in.steps[d] : 0;
  }
  copy_view(&f->outputs[0], &f->inputs[0], &v);
}

static slice_range whole_range(int64_t size) { return (slice_range){.begin = 0, .step = 1, .size = size}; }

static void slice_ranges(const node *n, const mxn_type *in, slice_range *ranges) {
  const op_tuple begin = op_tuple_of(n, "begin"), end = op_tuple_of(n, "end"), step = op_tuple_of(n, "step");
  for (int32_t d = 0; d < in->n_dims; d++) {
    const int64_t by = op_tuple_at(step, d, 1);
    ranges[d] = in->dims[d] < 0
                    ? whole_range(-1)
                    : resolve_range(op_tuple_at(begin, d, OP_TUPLE_NONE), op_tuple_at(end, d, OP_TUPLE_NONE),
                                    by == OP_TUPLE_NONE ? 1 : by, in->dims[d]);
  }
}

mxn_status slice_shape(inference *x) {
  const node *n = x->node;
  const op_tuple begin = op_tuple_of(n, "begin"), end = op_tuple_of(n, "end"), step = op_tuple_of(n, "step");
  const mxn_type *in = x->inputs[0];
  if (begin.n != end.n || (step.n > 0 && step.n != begin.n))
    return infer_error(x, MXN_SHAPE, "begin, end and step have %d, %d and %d values", begin.n, end.n, step.n);
  for (int32_t d = 0; d < step.n; d++)
    if (step.v[d] == 0) return infer_error(x, MXN_SHAPE, "step has a 0");
  if (in->n_dims < 0) return MXN_OK;
  if (in->n_dims == 0 || begin.n > in->n_dims)
    return infer_error(x, MXN_SHAPE, "begin has %d values, data has %d dimensions", begin.n, in->n_dims);
  slice_range ranges[MXN_MAX_DIMS];
  mxn_type out = *in;
  slice_ranges(n, in, ranges);
  for (int32_t d = 0; d < begin.n; d++) out.dims[d] = ranges[d].size;
  return infer_output(x, 0, &out);
}

mxn_status slice_forward(const forward *f) {
  slice_range ranges[MXN_MAX_DIMS];
  slice_ranges(f->node, &f->inputs[0].type, ranges);
  copy_ranges(f, ranges);
  return MXN_OK;
}

/* The whole of axis 0, whatever its size. */
bool slice_batch(const node *n, const bool *is_carried) {
  const op_tuple begin = op_tuple_of(n, "begin"), end = op_tuple_of(n, "end"), step = op_tuple_of(n, "step");
  const int64_t first = op_tuple_at(begin, 0, OP_TUPLE_NONE), by = op_tuple_at(step, 0, 1);
  return batch_all(n, is_carried) && (first == OP_TUPLE_NONE || first == 0) &&
         op_tuple_at(end, 0, OP_TUPLE_NONE) == OP_TUPLE_NONE && (by == OP_TUPLE_NONE || by == 1);
}

/* _slice_assign and _slice_assign_scalar: a copy of the data with a slice replaced. */

static mxn_status infer_assigned(inference *x, mxn_type *part) {
  const mxn_type *in = x->inputs[0];
  mxn_type *outputs[] = {part};
  inference of_slice = {.graph = x->graph, .node = x->node, .inputs = x->inputs, .outputs = outputs, .err = x->err};
  *part = type_unknown();
  TRY(infer_data_shape(x));
  return in->n_dims < 0 ? MXN_OK : slice_shape(&of_slice);
}

mxn_status slice_assign_shape(inference *x) {
  mxn_type part;
  TRY(infer_assigned(x, &part));
  return infer_input(x, 1, &part);
}

mxn_status slice_assign_scalar_shape(inference *x) {
  mxn_type part;
  return infer_assigned(x, &part);
}

/* The places of a slice in the output, in their order. */
typedef struct slice_places {
  int32_t n_dims;
  int64_t start, elements, dims[MXN_MAX_DIMS], steps[MXN_MAX_DIMS];
} slice_places;

static slice_places places_of(const forward *f) {
  const mxn_type *t = &f->outputs[0].type;
  const view whole = view_of(t);
  slice_range ranges[MXN_MAX_DIMS];
  slice_places p = {.n_dims = t->n_dims, .elements = 1};
  slice_ranges(f->node, t, ranges);
  for (int32_t d = 0; d < t->n_dims; d++) {
    p.start += ranges[d].begin * whole.steps[d];
    p.dims[d] = ranges[d].size;
    p.steps[d] = ranges[d].size > 1 ? ranges[d].step * whole.steps[d] : 0;
    p.elements *= ranges[d].size;
  }
  return p;
}

mxn_status slice_assign_forward(const forward *f) {
  const slice_places p = places_of(f);
  const size_t bytes = mxn_dtype_bytes(f->outputs[0].type.dtype);
  TRY(copy_forward(f));
  for (int64_t i = 0; i < p.elements; i++) {
    const int64_t at = p.start + view_offset(p.n_dims, p.dims, p.steps, i);
    memcpy((char *)f->outputs[0].data + (size_t)at * bytes, (const char *)f->inputs[1].data + (size_t)i * bytes, bytes);
  }
  return MXN_OK;
}

mxn_status slice_assign_scalar_forward(const forward *f) {
  const slice_places p = places_of(f);
  const double number = op_float(f->node, "scalar");
  TRY(copy_forward(f));
  for (int64_t i = 0; i < p.elements; i++)
    store_doubles(&f->outputs[0], p.start + view_offset(p.n_dims, p.dims, p.steps, i), 1, &number);
  return MXN_OK;
}

static int64_t slice_axis_end(const node *n) { return op_is_none(n, "end") ? OP_TUPLE_NONE : op_int(n, "end"); }

mxn_status slice_axis_shape(inference *x) {
  const node *n = x->node;
  mxn_type shape = *x->inputs[0];
  int32_t axis;
  if (shape.n_dims < 0) return MXN_OK;
  TRY(infer_axis(x, "axis", op_int(n, "axis"), shape.n_dims, &axis));
  const int64_t size = shape.dims[axis];
  shape.dims[axis] = -1;
  if (size >= 0) {
    const int64_t begin = op_int(n, "begin"), end = slice_axis_end(n);
    const int64_t from = begin < 0 ? begin + size : begin;
    const int64_t to = end == OP_TUPLE_NONE ? size : end < 0 ? end + size : end;
    if (from < 0 || from >= to || to > size)
      return infer_error(x, MXN_SHAPE, "begin %" PRId64 " and end %" PRId64 " select nothing inside %" PRId64, from, to,
                         size);
    shape.dims[axis] = to - from;
  }
  TRY(infer_output(x, 0, &shape));
  mxn_type back = *x->outputs[0];
  back.dims[axis] = -1;
  return infer_input(x, 0, &back);
}

static void slice_axis_ranges(const node *n, const mxn_type *in, slice_range *ranges) {
  const int32_t axis = axis_from_front(op_int(n, "axis"), in->n_dims);
  for (int32_t d = 0; d < in->n_dims; d++) ranges[d] = whole_range(in->dims[d]);
  ranges[axis] = resolve_range(op_int(n, "begin"), slice_axis_end(n), 1, in->dims[axis]);
}

mxn_status slice_axis_forward(const forward *f) {
  slice_range ranges[MXN_MAX_DIMS];
  slice_axis_ranges(f->node, &f->inputs[0].type, ranges);
  copy_ranges(f, ranges);
  return MXN_OK;
}

bool slice_axis_batch(const node *n, const bool *is_carried) {
  const bool is_whole = op_int(n, "begin") == 0 && op_is_none(n, "end");
  return batch_all(n, is_carried) && (is_whole || axis_from_front(op_int(n, "axis"), n->outputs[0].n_dims) != 0);
}

/* Selections. */

static void select_order(op_selection *s, const int32_t *order, int32_t n_dims) {
  for (int32_t d = 0; d < n_dims; d++) s->axis[d] = order[d];
}

static void select_ranges(op_selection *s, const slice_range *ranges, int32_t n_dims) {
  for (int32_t d = 0; d < n_dims; d++) {
    s->begin[d] = ranges[d].begin;
    s->step[d] = ranges[d].step;
  }
}

static bool select_transposed(const node *n, const mxn_type *in, op_selection *out) {
  int32_t order[MXN_MAX_DIMS] = {0};
  inference x = {.node = n};
  const bool is_order =
      op_is(n, "transpose") ? transpose_order(n, in->n_dims, order) : swap_order(&x, in->n_dims, order) == MXN_OK;
  if (is_order) select_order(out, order, in->n_dims);
  return is_order;
}

static void select_channel(const node *n, const mxn_type *in, uint32_t output, op_selection *out) {
  const int32_t axis = axis_from_front(op_int(n, "axis"), in->n_dims);
  out->begin[axis] = output * (in->dims[axis] / slice_channel_outputs(n));
  if (!op_bool(n, "squeeze_axis")) return;
  for (int32_t d = axis; d + 1 < in->n_dims; d++) out->axis[d] = d + 1;
}

bool op_selection_of(const node *n, uint32_t output, op_selection *out) {
  slice_range ranges[MXN_MAX_DIMS];
  if (n->n_inputs != 1) return false;
  const mxn_type *in = value_type(n->inputs[0]);
  *out = (op_selection){0};
  for (int32_t d = 0; d < in->n_dims; d++) {
    out->axis[d] = d;
    out->step[d] = 1;
  }
  if (op_is(n, "transpose") || op_is(n, "SwapAxis")) return select_transposed(n, in, out);
  if (op_is(n, "SliceChannel")) {
    select_channel(n, in, output, out);
    return true;
  }
  if (op_is(n, "slice"))
    slice_ranges(n, in, ranges);
  else if (op_is(n, "slice_axis"))
    slice_axis_ranges(n, in, ranges);
  else
    return false;
  select_ranges(out, ranges, in->n_dims);
  return true;
}

/* Whether slice_like cuts dimension d: one of `axes`, all where there are none; None
 * is not even these. */
static bool is_cut(const node *n, int32_t d, int32_t n_dims) {
  const op_tuple axes = op_tuple_of(n, "axes");
  for (int32_t i = 0; i < axes.n; i++)
    if (axis_from_front(axes.v[i], n_dims) == d) return true;
  return axes.n == 0;
}

mxn_status slice_like_shape(inference *x) {
  const op_tuple axes = op_tuple_of(x->node, "axes");
  mxn_type out = *x->inputs[0];
  const mxn_type *like = x->inputs[1];
  int32_t axis;
  if (out.n_dims < 0 || like->n_dims < 0) return MXN_OK;
  for (int32_t i = 0; i < axes.n; i++) TRY(infer_axis(x, "axes", axes.v[i], out.n_dims, &axis));
  if (axes.n == 0 && out.n_dims != like->n_dims)
    return infer_error(x, MXN_SHAPE, "data has %d dimensions, shape_like %d", out.n_dims, like->n_dims);
  for (int32_t d = 0; d < out.n_dims; d++) {
    if (!is_cut(x->node, d, out.n_dims)) continue;
    if (d >= like->n_dims || (like->dims[d] > out.dims[d] && out.dims[d] >= 0))
      return infer_error(x, MXN_SHAPE, "axis %d of data is smaller than that of shape_like", d);
    out.dims[d] = like->dims[d];
  }
  return infer_output(x, 0, &out);
}

mxn_status slice_like_forward(const forward *f) {
  const view v = view_of(&f->inputs[0].type);
  copy_view(&f->outputs[0], &f->inputs[0], &v);
  return MXN_OK;
}

bool slice_like_batch(const node *n, const bool *is_carried) {
  return is_carried[0] && (is_carried[1] || !is_cut(n, 0, n->outputs[0].n_dims));
}
