/* numpy_move.c - numpy's operators that move elements: other orders of axes,
 * reversals, shifts, padding.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ops/family.h"
#include "ops/number.h"
#include "ops/view.h"

/* moveaxis. */

static mxn_status find_order(inference *x, int32_t n_dims, int32_t order[MXN_MAX_DIMS]) {
  const op_tuple source = op_tuple_of(x->node, "source"), destination = op_tuple_of(x->node, "destination");
  bool is_moved[MXN_MAX_DIMS] = {false};
  int32_t from, to, next = 0;
  if (source.n != destination.n)
    return infer_error(x, MXN_SHAPE, "source has %d axes, destination %d", source.n, destination.n);
  for (int32_t d = 0; d < n_dims; d++) order[d] = -1;
  for (int32_t i = 0; i < source.n; i++) {
    TRY(infer_axis(x, "source", source.v[i], n_dims, &from));
    TRY(infer_axis(x, "destination", destination.v[i], n_dims, &to));
    if (is_moved[from] || order[to] >= 0) return infer_error(x, MXN_SHAPE, "source or destination has an axis twice");
    order[to] = from;
    is_moved[from] = true;
  }
  for (int32_t d = 0; d < n_dims; d++) {
    if (order[d] >= 0) continue;
    while (is_moved[next]) next++;
    order[d] = next++;
  }
  return MXN_OK;
}

mxn_status numpy_moveaxis_shape(inference *x) {
  const mxn_type *in = x->inputs[0];
  int32_t order[MXN_MAX_DIMS];
  if (in->n_dims < 0) return MXN_OK;
  TRY(find_order(x, in->n_dims, order));
  mxn_type out = {.n_dims = in->n_dims};
  for (int32_t d = 0; d < in->n_dims; d++) out.dims[d] = in->dims[order[d]];
  return infer_output(x, 0, &out);
}

mxn_status numpy_moveaxis_forward(const forward *f) {
  inference x = {.node = f->node, .err = f->err};
  const view own = view_of(&f->inputs[0].type);
  int32_t order[MXN_MAX_DIMS];
  view v = {0};
  TRY(find_order(&x, f->inputs[0].type.n_dims, order));
  for (int32_t d = 0; d < f->inputs[0].type.n_dims; d++) v.steps[d] = own.steps[order[d]];
  copy_view(&f->outputs[0], &f->inputs[0], &v);
  return MXN_OK;
}

/* broadcast_to. A dimension -2 is the input's. */

mxn_status numpy_broadcast_to_shape(inference *x) {
  const op_tuple shape = op_tuple_of(x->node, "shape");
  const mxn_type *in = x->inputs[0];
  mxn_type out = {.n_dims = shape.n};
  if (!shape_is_known(in)) return MXN_OK;
  if (shape.n < in->n_dims)
    return infer_error(x, MXN_SHAPE, "shape has %d dimensions, the array %d", shape.n, in->n_dims);
  for (int32_t d = 0; d < shape.n; d++) {
    const int32_t own = d - (shape.n - in->n_dims);
    const int64_t dim = own >= 0 ? in->dims[own] : 1;
    out.dims[d] = shape.v[d] == -2 && own >= 0 ? dim : shape.v[d];
    if (out.dims[d] < 0 || (dim != 1 && dim != out.dims[d]))
      return infer_error(x, MXN_SHAPE, "dimension %d of %" PRId64 " is not broadcast to %" PRId64, own, dim,
                         shape.v[d]);
  }
  return infer_output(x, 0, &out);
}

mxn_status numpy_broadcast_to_forward(const forward *f) {
  const view v = view_broadcast(&f->inputs[0].type, &f->outputs[0].type);
  copy_view(&f->outputs[0], &f->inputs[0], &v);
  return MXN_OK;
}

/* flip: an axis read backwards; without axis all are. */

static mxn_status find_flipped(inference *x, int32_t n_dims, bool is_flipped[MXN_MAX_DIMS]) {
  const op_tuple axes = op_tuple_of(x->node, "axis");
  for (int32_t d = 0; d < MXN_MAX_DIMS; d++) is_flipped[d] = axes.n < 0;
  for (int32_t i = 0; i < axes.n; i++) {
    if (axes.v[i] < 0 || axes.v[i] >= n_dims)
      return infer_error(x, MXN_SHAPE, "axis has %" PRId64 ", expected axes from 0 to %d", axes.v[i], n_dims - 1);
    is_flipped[axes.v[i]] = !is_flipped[axes.v[i]];
  }
  return MXN_OK;
}

mxn_status numpy_flip_shape(inference *x) {
  bool is_flipped[MXN_MAX_DIMS];
  if (x->inputs[0]->n_dims >= 0) TRY(find_flipped(x, x->inputs[0]->n_dims, is_flipped));
  return infer_data_shape(x);
}

static void flip(view *v, const mxn_type *t, int32_t d) {
  v->start += (t->dims[d] - 1) * v->steps[d];
  v->steps[d] = -v->steps[d];
}

mxn_status numpy_flip_forward(const forward *f) {
  inference x = {.node = f->node, .err = f->err};
  const mxn_type *t = &f->inputs[0].type;
  bool is_flipped[MXN_MAX_DIMS];
  view v = view_of(t);
  TRY(find_flipped(&x, t->n_dims, is_flipped));
  for (int32_t d = 0; d < t->n_dims; d++)
    if (is_flipped[d]) flip(&v, t, d);
  copy_view(&f->outputs[0], &f->inputs[0], &v);
  return MXN_OK;
}

/* rot90: the plane of two axes, turned k times from the first to the second. */

static int32_t quarter_turns(const node *n) { return (int32_t)(((op_int(n, "k") % 4) + 4) % 4); }

static mxn_status find_plane(inference *x, int32_t n_dims, int32_t *a, int32_t *b) {
  const op_tuple axes = op_tuple_of(x->node, "axes");
  if (axes.n != 2) return infer_error(x, MXN_SHAPE, "axes has %d values, expected 2", axes.n);
  TRY(infer_axis(x, "axes", axes.v[0], n_dims, a));
  TRY(infer_axis(x, "axes", axes.v[1], n_dims, b));
  return *a == *b ? infer_error(x, MXN_SHAPE, "axes names axis %d twice", *a) : MXN_OK;
}

mxn_status numpy_rot90_shape(inference *x) {
  mxn_type out = *x->inputs[0];
  int32_t a, b;
  if (out.n_dims < 0) return MXN_OK;
  TRY(find_plane(x, out.n_dims, &a, &b));
  if (quarter_turns(x->node) % 2 == 1) {
    out.dims[a] = x->inputs[0]->dims[b];
    out.dims[b] = x->inputs[0]->dims[a];
  }
  return infer_output(x, 0, &out);
}

mxn_status numpy_rot90_forward(const forward *f) {
  inference x = {.node = f->node, .err = f->err};
  const mxn_type *t = &f->inputs[0].type;
  const int32_t turns = quarter_turns(f->node);
  int32_t a, b;
  view v = view_of(t);
  TRY(find_plane(&x, t->n_dims, &a, &b));
  if (turns == 1 || turns == 2) flip(&v, t, b);
  if (turns == 2 || turns == 3) flip(&v, t, a);
  if (turns % 2 == 1) {
    const int64_t step = v.steps[a];
    v.steps[a] = v.steps[b];
    v.steps[b] = step;
  }
  copy_view(&f->outputs[0], &f->inputs[0], &v);
  return MXN_OK;
}

/* roll: indices shifted, around the end; without axis in the array as a vector. */

static mxn_status find_shifts(inference *x, int32_t n_dims, int64_t shifts[MXN_MAX_DIMS]) {
  const op_tuple shift = op_tuple_of(x->node, "shift"), axes = op_tuple_of(x->node, "axis");
  bool is_used[MXN_MAX_DIMS] = {false};
  int32_t axis;
  for (int32_t d = 0; d < MXN_MAX_DIMS; d++) shifts[d] = 0;
  if (shift.n < 1 || (shift.n > 1 && shift.n != axes.n))
    return infer_error(x, MXN_SHAPE, "shift has %d values, axis %d", shift.n, axes.n);
  for (int32_t i = 0; i < axes.n; i++) {
    TRY(infer_axis(x, "axis", axes.v[i], n_dims, &axis));
    if (is_used[axis]) return infer_error(x, MXN_SHAPE, "axis names axis %d twice", axis);
    is_used[axis] = true;
    shifts[axis] = shift.n == 1 ? shift.v[0] : shift.v[i];
  }
  return MXN_OK;
}

mxn_status numpy_roll_shape(inference *x) {
  int64_t shifts[MXN_MAX_DIMS];
  if (x->inputs[0]->n_dims >= 0) TRY(find_shifts(x, x->inputs[0]->n_dims, shifts));
  return infer_data_shape(x);
}

static void shift_map(int64_t *map, int64_t n, int64_t shift) {
  for (int64_t i = 0; i < n; i++) map[((i + shift % n) % n + n) % n] = i;
}

mxn_status numpy_roll_forward(const forward *f) {
  inference x = {.node = f->node, .err = f->err};
  mxn_tensor in = f->inputs[0], out = f->outputs[0];
  int64_t shifts[MXN_MAX_DIMS];
  TRY(find_shifts(&x, in.type.n_dims, shifts));
  if (op_is_none(f->node, "axis")) {
    const mxn_type flat = {.dtype = in.type.dtype, .n_dims = 1, .dims = {0}};
    int64_t elements = 0;
    (void)!shape_elements(&in.type, &elements);
    in.type = out.type = flat;
    in.type.dims[0] = out.type.dims[0] = elements;
    shifts[0] = op_tuple_of(f->node, "shift").v[0];
  }
  int64_t **maps = identity_maps(f->scratch, &in.type);
  for (int32_t d = 0; d < in.type.n_dims; d++)
    if (in.type.dims[d] > 0) shift_map(maps[d], in.type.dims[d], shifts[d]);
  copy_mapped(&out, &in, maps);
  return MXN_OK;
}

/* pad. The widths are pairs, "((1, 2), (0, 3))". */

static bool read_number(const char **at, int64_t *out) {
  char *end;
  *at += strspn(*at, " ([,");
  *out = strtoll(*at, &end, 10);
  if (end == *at || *out < 0 || *out > INT32_MAX) return false;
  *at = end + strspn(end, " )]L");
  return true;
}

static mxn_status find_widths(inference *x, int32_t n_dims, int64_t widths[MXN_MAX_DIMS][2]) {
  const char *text = op_text(x->node, "pad_width"), *at = text;
  bool is_good = true;
  for (int32_t d = 0; d < n_dims && is_good; d++)
    is_good = read_number(&at, &widths[d][0]) && read_number(&at, &widths[d][1]);
  if (is_good && at[strspn(at, " ,)]")] == '\0') return MXN_OK;
  return infer_error(x, MXN_FORMAT, "attribute pad_width: expected a pair for each of %d dimensions, got '%.100s'",
                     n_dims, text);
}

mxn_status numpy_pad_shape(inference *x) {
  mxn_type out = *x->inputs[0];
  int64_t widths[MXN_MAX_DIMS][2];
  const bool is_constant = strcmp(op_text(x->node, "mode"), "constant") == 0;
  if (!shape_is_known(&out)) return MXN_OK;
  if (strcmp(op_text(x->node, "reflect_type"), "even") != 0)
    return infer_error(x, MXN_UNSUPPORTED, "reflect_type is '%.40s', expected even", op_text(x->node, "reflect_type"));
  TRY(find_widths(x, out.n_dims, widths));
  for (int32_t d = 0; d < out.n_dims; d++) {
    if (out.dims[d] == 0 && !is_constant && (widths[d][0] > 0 || widths[d][1] > 0))
      return infer_error(x, MXN_SHAPE, "axis %d has no elements to pad with", d);
    if (__builtin_add_overflow(out.dims[d], widths[d][0], &out.dims[d]) ||
        __builtin_add_overflow(out.dims[d], widths[d][1], &out.dims[d]))
      return infer_error(x, MXN_SHAPE, "axis %d becomes too large", d);
  }
  return infer_output(x, 0, &out);
}

/* Where position i outside [0, n) takes its element from; -1 from nowhere. */
static int64_t edge(int64_t i, int64_t n) { return i < 0 ? 0 : n - 1; }
static int64_t nowhere(int64_t i, int64_t n) { return (void)i, (void)n, -1; }

static int64_t mirrored(int64_t i, int64_t n, int64_t period) {
  const int64_t at = (i % period + period) % period;
  return at < n ? at : period - at - (period == 2 * n);
}

static int64_t reflect(int64_t i, int64_t n) { return n == 1 ? 0 : mirrored(i, n, 2 * n - 2); }
static int64_t symmetric(int64_t i, int64_t n) { return mirrored(i, n, 2 * n); }

static void pad_by_maps(const forward *f, int64_t (*outside)(int64_t i, int64_t n), const int64_t widths[][2]) {
  int64_t **maps = identity_maps(f->scratch, &f->outputs[0].type);
  for (int32_t d = 0; d < f->outputs[0].type.n_dims; d++) {
    const int64_t n = f->inputs[0].type.dims[d];
    for (int64_t i = 0; i < f->outputs[0].type.dims[d]; i++) {
      const int64_t at = i - widths[d][0];
      maps[d][i] = at >= 0 && at < n ? at : outside(at, n);
    }
  }
  copy_mapped(&f->outputs[0], &f->inputs[0], maps);
}

static void fill_output(const forward *f, double number) {
  int64_t elements = 0;
  (void)!shape_elements(&f->outputs[0].type, &elements);
  for (int64_t i = 0; i < elements; i++) store_doubles(&f->outputs[0], i, 1, &number);
}

/* The largest (sign 1) or smallest (-1) of the padded axis goes into its pads. The
 * last axis comes first: the others take what it has filled. */
static void pad_with_extremes(const forward *f, int32_t d, const int64_t widths[2], double sign) {
  mxn_tensor *out = &f->outputs[0];
  const lines l = lines_along(&out->type, d);
  const int64_t size = l.length, step = l.inner, n = f->inputs[0].type.dims[d];
  for (int64_t line = 0; line < l.outer * step && n > 0; line++) {
    const int64_t first = line / step * size * step + line % step;
    double best, x;
    load_doubles(out, first + widths[0] * step, 1, &best);
    for (int64_t i = 1; i < n; i++) {
      load_doubles(out, first + (widths[0] + i) * step, 1, &x);
      if (sign * x > sign * best) best = x;
    }
    for (int64_t i = 0; i < size; i++)
      if (i < widths[0] || i >= widths[0] + n) store_doubles(out, first + i * step, 1, &best);
  }
}

mxn_status numpy_pad_forward(const forward *f) {
  static const struct {
    const char *mode;
    int64_t (*outside)(int64_t i, int64_t n);
    double sign;
  } modes[] = {{"constant", nowhere, 0},    {"edge", edge, 0},       {"reflect", reflect, 0},
               {"symmetric", symmetric, 0}, {"maximum", nowhere, 1}, {"minimum", nowhere, -1}};
  inference x = {.node = f->node, .err = f->err};
  const char *mode = op_text(f->node, "mode");
  int64_t widths[MXN_MAX_DIMS][2];
  size_t k = 0;
  TRY(find_widths(&x, f->inputs[0].type.n_dims, widths));
  while (strcmp(modes[k].mode, mode) != 0) k++;
  fill_output(f, op_float(f->node, "constant_value"));
  pad_by_maps(f, modes[k].outside, (const int64_t(*)[2])widths);
  for (int32_t d = f->inputs[0].type.n_dims - 1; d >= 0 && modes[k].sign != 0; d--)
    pad_with_extremes(f, d, widths[d], modes[k].sign);
  return MXN_OK;
}
