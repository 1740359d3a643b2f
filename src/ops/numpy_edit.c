/* numpy_edit.c - numpy's operators that take elements out, put some in, or take
 * differences.
 *
 * delete and insert are index maps along one axis (view.h). Without axis the array
 * is a vector.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ops/family.h"
#include "ops/number.h"
#include "ops/view.h"

/* The array as the operator sees it, and the axis. */
static mxn_status see_array(inference *x, const mxn_type *in, mxn_type *out, int32_t *out_axis) {
  *out = *in;
  *out_axis = 0;
  if (op_is_none(x->node, "axis")) {
    out->n_dims = 1;
    if (!shape_elements(in, &out->dims[0])) return infer_error(x, MXN_SHAPE, "arr has too many elements");
    return MXN_OK;
  }
  return infer_axis(x, "axis", op_int(x->node, "axis"), in->n_dims, out_axis);
}

/* Python's slices: the first index, the step and how many there are. */
typedef struct slice {
  int64_t start, step, count;
} slice;

static int64_t clamped(int64_t i, int64_t size, int64_t step) {
  if (i < 0) i += size;
  if (i < 0) return step < 0 ? -1 : 0;
  return i < size ? i : step < 0 ? size - 1 : size;
}

static mxn_status find_slice(inference *x, int64_t size, slice *out) {
  const node *n = x->node;
  const int64_t step = op_is_none(n, "step") ? 1 : op_int(n, "step");
  if (step == 0) return infer_error(x, MXN_SHAPE, "step is 0");
  const int64_t first = step > 0 ? 0 : size - 1, end = step > 0 ? size : -1;
  const int64_t start = op_is_none(n, "start") ? first : clamped(op_int(n, "start"), size, step);
  const int64_t stop = op_is_none(n, "stop") ? end : clamped(op_int(n, "stop"), size, step);
  const int64_t distance = step > 0 ? stop - start : start - stop, stride = step > 0 ? step : -step;
  *out = (slice){.start = start, .step = step, .count = distance > 0 ? (distance - 1) / stride + 1 : 0};
  return MXN_OK;
}

static mxn_status find_index(inference *x, int64_t size, bool may_be_end, int64_t *out) {
  const int64_t i = op_int(x->node, "int_ind");
  if (i < -size || i - may_be_end >= size)
    return infer_error(x, MXN_SHAPE, "int_ind is %" PRId64 ", the axis has %" PRId64 " elements", i, size);
  *out = i < 0 ? i + size : i;
  return MXN_OK;
}

/* delete. Indices in an array make the shape depend on data: equal ones delete one
 * element, those outside the axis none, and MXNet does not count from the end. */

uint32_t numpy_delete_inputs(const node *n) { return op_is_none(n, "step") && op_is_none(n, "int_ind") ? 2 : 1; }

static mxn_status find_deleted(inference *x, int64_t size, slice *out) {
  if (!op_is_none(x->node, "step")) return find_slice(x, size, out);
  *out = (slice){.step = 1, .count = 1};
  return find_index(x, size, false, &out->start);
}

mxn_status numpy_delete_shape(inference *x) {
  mxn_type out;
  int32_t axis;
  slice deleted;
  if (!shape_is_known(x->inputs[0])) return MXN_OK;
  TRY(see_array(x, x->inputs[0], &out, &axis));
  if (x->n_inputs > 1) {
    out.dims[axis] = -1;
  } else {
    TRY(find_deleted(x, out.dims[axis], &deleted));
    out.dims[axis] -= deleted.count;
  }
  return infer_output(x, 0, &out);
}

/* Mark what is deleted with -1. */
static mxn_status mark_deleted(const forward *f, int64_t *map, int64_t size) {
  inference x = {.node = f->node, .err = f->err};
  slice deleted;
  int64_t n_indices = 0, at;
  if (op_own_inputs(f->node) == 1) {
    TRY(find_deleted(&x, size, &deleted));
    for (int64_t i = 0; i < deleted.count; i++) map[deleted.start + i * deleted.step] = -1;
    return MXN_OK;
  }
  (void)!shape_elements(&f->inputs[1].type, &n_indices);
  for (int64_t i = 0; i < n_indices; i++) {
    load_integers(&f->inputs[1], i, 1, &at);
    if (at >= 0 && at < size) map[at] = -1;
  }
  return MXN_OK;
}

mxn_status numpy_delete_forward(const forward *f) {
  inference x = {.node = f->node, .err = f->err};
  mxn_tensor in = f->inputs[0];
  int32_t axis;
  TRY(see_array(&x, &f->inputs[0].type, &in.type, &axis));
  int64_t **maps = identity_maps(f->scratch, &in.type);
  int64_t kept = 0;
  TRY(mark_deleted(f, maps[axis], in.type.dims[axis]));
  for (int64_t i = 0; i < in.type.dims[axis]; i++)
    if (maps[axis][i] >= 0) maps[axis][kept++] = maps[axis][i];
  mxn_type out = in.type;
  out.dims[axis] = kept;
  if (op_own_inputs(f->node) > 1) TRY(forward_allocate(f, 0, &out));
  copy_mapped(&f->outputs[0], &in, maps);
  return MXN_OK;
}

/* insert: at one index, at a slice, or at the indices of an array. */

typedef enum insertion { AT_INDEX, AT_SLICE, AT_ARRAY } insertion;

static bool has_value(const node *n) { return !op_is_none(n, "val"); }
uint32_t numpy_insert_inputs(const node *n) { return has_value(n) ? 1 : 2; }
uint32_t numpy_insert_array_inputs(const node *n) { return has_value(n) ? 2 : 3; }

/* The values with as many dimensions as the array. */
static mxn_status see_values(inference *x, const mxn_type *values, int32_t n_dims, mxn_type *out) {
  *out = (mxn_type){.dtype = values->dtype, .n_dims = n_dims};
  const int32_t extra = values->n_dims - n_dims;
  for (int32_t d = 0; d < extra; d++)
    if (values->dims[d] != 1) return infer_error(x, MXN_SHAPE, "values have more dimensions than arr");
  for (int32_t d = 0; d < n_dims; d++) out->dims[d] = d + extra >= 0 ? values->dims[d + extra] : 1;
  return MXN_OK;
}

/* Everything about an insertion but the indices of an array. */
typedef struct inserting {
  mxn_type array, values, out;
  int32_t axis;
  slice at;         /* not for AT_ARRAY */
  int64_t n_places; /* 1: all values at one index, one behind the other */
  int64_t n_new;
} inserting;

/* Axis 0 of the values goes to the axis inserted along: which of theirs is axis d. */
static int32_t moved_axis(int32_t d, int32_t axis) { return d < axis ? d + 1 : d == axis ? 0 : d; }

static mxn_status plan_insertion(inference *x, insertion kind, const mxn_type *array, const mxn_type *values,
                                 const mxn_type *indices, inserting *out) {
  TRY(see_array(x, array, &out->array, &out->axis));
  TRY(see_values(x, values, out->array.n_dims, &out->values));
  const int64_t size = out->array.dims[out->axis];
  out->at = (slice){.step = 1, .count = 1};
  if (kind == AT_INDEX) TRY(find_index(x, size, true, &out->at.start));
  if (kind == AT_SLICE) TRY(find_slice(x, size, &out->at));
  if (kind == AT_ARRAY && !shape_elements(indices, &out->at.count))
    return infer_error(x, MXN_SHAPE, "obj has too many elements");
  out->n_places = out->at.count;
  /* At one index the first axis of the values is the one inserted along. */
  out->n_new = out->n_places != 1 ? out->n_places : out->values.dims[kind == AT_INDEX ? 0 : out->axis];
  out->out = out->array;
  if (__builtin_add_overflow(size, out->n_new, &out->out.dims[out->axis]))
    return infer_error(x, MXN_SHAPE, "the output has too many elements");
  for (int32_t d = 0; d < out->out.n_dims; d++) {
    const int64_t room = d == out->axis ? out->n_new : out->out.dims[d];
    const int64_t dim = out->values.dims[kind == AT_INDEX ? moved_axis(d, out->axis) : d];
    if (dim != 1 && dim != room)
      return infer_error(x, MXN_SHAPE, "values have %" PRId64 " elements for axis %d, expected %" PRId64, dim, d, room);
  }
  return MXN_OK;
}

static mxn_status infer_insertion(inference *x, insertion kind) {
  const mxn_type scalar = {.n_dims = 0};
  inserting plan;
  for (uint32_t i = 0; i < x->n_inputs; i++)
    if (!shape_is_known(x->inputs[i])) return MXN_OK;
  const mxn_type *values = has_value(x->node) ? &scalar : x->inputs[1];
  TRY(plan_insertion(x, kind, x->inputs[0], values, x->inputs[x->n_inputs - 1], &plan));
  return infer_output(x, 0, &plan.out);
}

mxn_status numpy_insert_index_shape(inference *x) { return infer_insertion(x, AT_INDEX); }
mxn_status numpy_insert_slice_shape(inference *x) { return infer_insertion(x, AT_SLICE); }
mxn_status numpy_insert_array_shape(inference *x) { return infer_insertion(x, AT_ARRAY); }

/* A new element: before which of the array's it goes. */
typedef struct place {
  int64_t at, order;
} place;

static int compare_places(const void *a, const void *b) {
  const place *l = a, *r = b;
  if (l->at != r->at) return l->at < r->at ? -1 : 1;
  return l->order < r->order ? -1 : 1;
}

/* Where the new elements go, sorted. */
static mxn_status find_places(const forward *f, insertion kind, const inserting *plan, place *out) {
  const int64_t size = plan->array.dims[plan->axis];
  for (int64_t i = 0; i < plan->n_new; i++) {
    const int64_t k = plan->n_places == 1 ? 0 : i;
    int64_t at = plan->at.start + k * plan->at.step;
    if (kind == AT_ARRAY) load_integers(&f->inputs[op_own_inputs(f->node) - 1], k, 1, &at);
    if (at < -size || at > size)
      return op_error(NULL, f->node, f->err, MXN_SHAPE, "index %" PRId64 " is outside an axis of %" PRId64, at, size);
    out[i] = (place){.at = at < 0 ? at + size : at, .order = i};
  }
  qsort(out, (size_t)plan->n_new, sizeof *out, compare_places);
  return MXN_OK;
}

/* The values in the array's type, with the array's dimensions. */
static mxn_tensor values_of(const forward *f, insertion kind, const inserting *plan) {
  mxn_tensor values = {.type = plan->values};
  size_t bytes = 0;
  values.type.dtype = f->outputs[0].type.dtype;
  (void)!type_bytes(&values.type, &bytes);
  values.data = arena_alloc(f->scratch, bytes + 8);
  if (has_value(f->node)) {
    const double number = op_float(f->node, "val");
    store_doubles(&values, 0, 1, &number);
  } else {
    map_unary(&unary_identity, &f->inputs[1], &values);
  }
  if (kind != AT_INDEX) return values;
  int32_t order[MXN_MAX_DIMS];
  for (int32_t d = 0; d < values.type.n_dims; d++) order[d] = moved_axis(d, plan->axis);
  return view_transposed(f->scratch, &values, order);
}

static mxn_status run_insertion(const forward *f, insertion kind) {
  inference x = {.node = f->node, .err = f->err};
  const mxn_type scalar = {.n_dims = 0}, *last = &f->inputs[op_own_inputs(f->node) - 1].type;
  mxn_tensor array = f->inputs[0];
  inserting plan;
  TRY(plan_insertion(&x, kind, &array.type, has_value(f->node) ? &scalar : &f->inputs[1].type, last, &plan));
  array.type = plan.array;
  const mxn_tensor values = values_of(f, kind, &plan);
  place *places = arena_array(f->scratch, (size_t)plan.n_new + 1, sizeof *places);
  TRY(find_places(f, kind, &plan, places));
  int64_t **old = identity_maps(f->scratch, &plan.out), **new = identity_maps(f->scratch, &plan.out);
  for (int64_t i = 0, k = 0; i < plan.out.dims[plan.axis]; i++) {
    const bool is_new = k < plan.n_new && places[k].at + k == i;
    old[plan.axis][i] = is_new ? -1 : i - k;
    new[plan.axis][i] = is_new ? places[k++].order : -1;
  }
  for (int32_t d = 0; d < plan.out.n_dims; d++)
    for (int64_t i = 0; i < plan.out.dims[d] && values.type.dims[d] == 1; i++)
      if (new[d][i] > 0) new[d][i] = 0;
  copy_mapped(&f->outputs[0], &array, old);
  copy_mapped(&f->outputs[0], &values, new);
  return MXN_OK;
}

mxn_status numpy_insert_index_forward(const forward *f) { return run_insertion(f, AT_INDEX); }
mxn_status numpy_insert_slice_forward(const forward *f) { return run_insertion(f, AT_SLICE); }
mxn_status numpy_insert_array_forward(const forward *f) { return run_insertion(f, AT_ARRAY); }

/* diff: n times the difference of neighbours along an axis. */

mxn_status numpy_diff_shape(inference *x) {
  const int64_t n = op_int(x->node, "n");
  mxn_type out = *x->inputs[0];
  int32_t axis;
  if (!shape_is_known(&out)) return MXN_OK;
  TRY(infer_axis(x, "axis", op_int(x->node, "axis"), out.n_dims, &axis));
  out.dims[axis] = n >= out.dims[axis] ? 0 : out.dims[axis] - n;
  return infer_output(x, 0, &out);
}

/* Integers wrap around; doubles keep what float kinds have. */
static void difference(mxn_tensor *t, int64_t at, int64_t step) {
  if (dtype_is_float(t->type.dtype)) {
    double left, right;
    load_doubles(t, at, 1, &left);
    load_doubles(t, at + step, 1, &right);
    right -= left;
    store_doubles(t, at, 1, &right);
  } else {
    int64_t left, right;
    load_integers(t, at, 1, &left);
    load_integers(t, at + step, 1, &right);
    right = (int64_t)((uint64_t)right - (uint64_t)left);
    store_integers(t, at, 1, &right);
  }
}

/* The input in the widest type of its kind, so that nothing is rounded between. */
static mxn_tensor widened(const forward *f, const mxn_tensor *in) {
  mxn_tensor out = {.type = in->type};
  size_t bytes = 0;
  out.type.dtype = dtype_is_float(in->type.dtype) ? MXN_FLOAT64 : MXN_INT64;
  (void)!type_bytes(&out.type, &bytes);
  out.data = arena_alloc(f->scratch, bytes + 8);
  map_unary(&unary_identity, in, &out);
  return out;
}

mxn_status numpy_diff_forward(const forward *f) {
  const mxn_type *in = &f->inputs[0].type, *out = &f->outputs[0].type;
  const int32_t axis = axis_from_front(op_int(f->node, "axis"), in->n_dims);
  mxn_tensor t = widened(f, &f->inputs[0]);
  int64_t behind = 1, before = 1;
  (void)!dims_product(in, axis + 1, in->n_dims, &behind);
  (void)!dims_product(in, 0, axis, &before);
  const int64_t size = in->dims[axis], times = size - out->dims[axis];
  for (int64_t k = 1; k <= times && out->dims[axis] > 0; k++)
    for (int64_t line = 0; line < before * behind; line++)
      for (int64_t i = 0; i < size - k; i++)
        difference(&t, line / behind * size * behind + i * behind + line % behind, behind);
  const view v = view_of(in);
  const mxn_tensor kept = view_copy(f->scratch, &t, &v, out);
  map_unary(&unary_identity, &kept, &f->outputs[0]);
  return MXN_OK;
}

/* ediff1d: differences of the elements as a vector, with something at its ends. */

uint32_t numpy_ediff1d_inputs(const node *n) {
  return 1 + (uint32_t)op_bool(n, "to_begin_arr_given") + (uint32_t)op_bool(n, "to_end_arr_given");
}

/* What is put at an end: an input, one number, or nothing. */
static int64_t end_size(const node *n, const char *given, const char *scalar, const mxn_type *input) {
  int64_t elements = 0;
  if (op_bool(n, given)) return shape_elements(input, &elements) ? elements : -1;
  return op_is_none(n, scalar) ? 0 : 1;
}

mxn_status numpy_ediff1d_shape(inference *x) {
  mxn_type out = {.n_dims = 1};
  int64_t elements;
  for (uint32_t i = 0; i < x->n_inputs; i++)
    if (!shape_is_known(x->inputs[i])) return MXN_OK;
  if (!shape_elements(x->inputs[0], &elements)) return infer_error(x, MXN_SHAPE, "input1 has too many elements");
  const mxn_type *last = x->inputs[x->n_inputs - 1], *second = x->inputs[x->n_inputs > 1 ? 1 : 0];
  const int64_t begin = end_size(x->node, "to_begin_arr_given", "to_begin_scalar", second);
  const int64_t end = end_size(x->node, "to_end_arr_given", "to_end_scalar", last);
  int64_t ends;
  if (begin < 0 || end < 0 || __builtin_add_overflow(begin, end, &ends) ||
      __builtin_add_overflow(ends, elements > 0 ? elements - 1 : 0, &out.dims[0]))
    return infer_error(x, MXN_SHAPE, "the output has too many elements");
  return infer_output(x, 0, &out);
}

static int64_t put_end(const forward *f, const char *given, const char *scalar, const mxn_tensor *input, int64_t at) {
  const int64_t n = end_size(f->node, given, scalar, &input->type);
  if (op_bool(f->node, given)) {
    mxn_tensor part = f->outputs[0];
    part.type = input->type;
    part.data = (char *)part.data + (size_t)at * mxn_dtype_bytes(part.type.dtype);
    map_unary(&unary_identity, input, &part);
  } else if (n == 1) {
    const double number = op_float(f->node, scalar);
    store_doubles(&f->outputs[0], at, 1, &number);
  }
  return at + n;
}

mxn_status numpy_ediff1d_forward(const forward *f) {
  const uint32_t n = op_own_inputs(f->node);
  const bool is_float = dtype_is_float(f->inputs[0].type.dtype);
  int64_t elements = 0;
  if (!shape_elements(&f->inputs[0].type, &elements)) return MXN_OK;
  int64_t at = put_end(f, "to_begin_arr_given", "to_begin_scalar", &f->inputs[n > 1 ? 1 : 0], 0);
  for (int64_t i = 0; i + 1 < elements; i++, at++) {
    double x[2];
    int64_t k[2];
    load_doubles(&f->inputs[0], i, 2, x);
    load_integers(&f->inputs[0], i, 2, k);
    x[1] -= x[0];
    k[1] = (int64_t)((uint64_t)k[1] - (uint64_t)k[0]);
    if (is_float)
      store_doubles(&f->outputs[0], at, 1, &x[1]);
    else
      store_integers(&f->outputs[0], at, 1, &k[1]);
  }
  put_end(f, "to_end_arr_given", "to_end_scalar", &f->inputs[n - 1], at);
  return MXN_OK;
}

/* polyval: Horner's rule. */

mxn_status numpy_polyval_shape(inference *x) {
  const mxn_type vector = {.n_dims = 1, .dims = {-1}};
  TRY(infer_input(x, 0, &vector));
  TRY(infer_output(x, 0, x->inputs[1]));
  return infer_input(x, 1, x->outputs[0]);
}

static void polyval_of_integers(const forward *f, int64_t n_terms, int64_t elements) {
  int64_t *p = arena_array(f->scratch, (size_t)n_terms + 1, sizeof *p);
  load_integers(&f->inputs[0], 0, n_terms, p);
  for (int64_t i = 0; i < elements; i++) {
    int64_t x, sum = 0;
    load_integers(&f->inputs[1], i, 1, &x);
    for (int64_t k = 0; k < n_terms; k++) sum = (int64_t)((uint64_t)sum * (uint64_t)x + (uint64_t)p[k]);
    store_integers(&f->outputs[0], i, 1, &sum);
  }
}

static void polyval_of_floats(const forward *f, int64_t n_terms, int64_t elements) {
  double *p = arena_array(f->scratch, (size_t)n_terms + 1, sizeof *p);
  load_doubles(&f->inputs[0], 0, n_terms, p);
  for (int64_t i = 0; i < elements; i++) {
    double x, sum = 0;
    load_doubles(&f->inputs[1], i, 1, &x);
    for (int64_t k = 0; k < n_terms; k++) sum = sum * x + p[k];
    store_doubles(&f->outputs[0], i, 1, &sum);
  }
}

mxn_status numpy_polyval_forward(const forward *f) {
  const int64_t n_terms = f->inputs[0].type.dims[0];
  int64_t elements = 0;
  if (!shape_elements(&f->outputs[0].type, &elements)) return MXN_OK;
  if (dtype_is_float(f->outputs[0].type.dtype))
    polyval_of_floats(f, n_terms, elements);
  else
    polyval_of_integers(f, n_terms, elements);
  return MXN_OK;
}

/* share_memory: whether two arrays overlap. */

mxn_status numpy_share_memory_shape(inference *x) {
  const mxn_type scalar = {.n_dims = 0};
  return infer_output(x, 0, &scalar);
}

mxn_status numpy_share_memory_dtype(inference *x) { return infer_output_dtype(x, 0, MXN_BOOL); }

mxn_status numpy_share_memory_forward(const forward *f) {
  uintptr_t begin[2], end[2];
  for (int i = 0; i < 2; i++) {
    size_t bytes = 0;
    (void)!type_bytes(&f->inputs[i].type, &bytes);
    begin[i] = (uintptr_t)f->inputs[i].data;
    end[i] = begin[i] + bytes;
  }
  const int64_t overlap = begin[0] < end[1] && begin[1] < end[0] && begin[0] < end[0] && begin[1] < end[1];
  store_integers(&f->outputs[0], 0, 1, &overlap);
  return MXN_OK;
}
