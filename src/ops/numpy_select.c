/* numpy_select.c - numpy's operators that depend on which elements there are: what
 * is not zero, what is there once, what a mask selects.
 *
 * Most of their shapes are known only when they have run.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ops/family.h"
#include "ops/number.h"
#include "ops/view.h"

mxn_status numpy_index_dtype(inference *x) { return infer_output_dtype(x, 0, MXN_INT64); }

static int64_t count(const mxn_type *t) {
  int64_t elements = 0;
  return shape_elements(t, &elements) ? elements : 0;
}

/* Which elements are not zero, and how many. */
static int64_t find_truths(const forward *f, const mxn_tensor *t, bool **out) {
  const int64_t n = count(&t->type);
  int64_t found = 0;
  *out = arena_array(f->scratch, (size_t)n + 1, sizeof **out);
  for (int64_t i = 0; i < n; i++) {
    double x;
    load_doubles(t, i, 1, &x);
    (*out)[i] = x != 0;
    found += x != 0;
  }
  return found;
}

/* nonzero: a row of indices for each element that is not zero; a scalar has one
 * index. */

mxn_status numpy_nonzero_shape(inference *x) {
  const mxn_type *in = x->inputs[0];
  if (in->n_dims < 0) return MXN_OK;
  const mxn_type out = {.n_dims = 2, .dims = {-1, in->n_dims == 0 ? 1 : in->n_dims}};
  return infer_output(x, 0, &out);
}

mxn_status numpy_nonzero_forward(const forward *f) {
  const mxn_type *in = &f->inputs[0].type;
  const int32_t columns = in->n_dims == 0 ? 1 : in->n_dims;
  bool *is_true;
  const mxn_type out = {.n_dims = 2, .dims = {find_truths(f, &f->inputs[0], &is_true), columns}};
  TRY(forward_allocate(f, 0, &out));
  int64_t row = 0;
  for (int64_t i = 0; i < count(in); i++) {
    if (!is_true[i]) continue;
    int64_t rest = i;
    for (int32_t d = columns - 1; d >= 0; d--) {
      const int64_t size = in->n_dims == 0 ? 1 : in->dims[d], at = rest % size;
      store_integers(&f->outputs[0], row * columns + d, 1, &at);
      rest /= size;
    }
    row++;
  }
  return MXN_OK;
}

/* bincount. */

uint32_t numpy_bincount_inputs(const node *n) { return op_bool(n, "has_weights") ? 2 : 1; }

mxn_status numpy_bincount_shape(inference *x) {
  const mxn_type vector = {.n_dims = 1, .dims = {-1}};
  TRY(infer_input(x, 0, &vector));
  if (x->n_inputs > 1) TRY(infer_input(x, 1, x->inputs[0]));
  return infer_output(x, 0, &vector);
}

mxn_status numpy_bincount_dtype(inference *x) { return infer_output_dtype(x, 0, x->inputs[x->n_inputs - 1]->dtype); }

static mxn_status count_bins(const forward *f, const int64_t *data, int64_t n, int64_t *out) {
  *out = op_int(f->node, "minlength");
  for (int64_t i = 0; i < n; i++) {
    if (data[i] < 0 || data[i] >= INT32_MAX)
      return op_error(NULL, f->node, f->err, MXN_ARGUMENT, "data has %" PRId64 ", expected none below 0", data[i]);
    if (data[i] >= *out) *out = data[i] + 1;
  }
  return MXN_OK;
}

mxn_status numpy_bincount_forward(const forward *f) {
  const int64_t n = count(&f->inputs[0].type);
  const bool has_weights = op_own_inputs(f->node) > 1;
  int64_t *data = arena_array(f->scratch, (size_t)n + 1, sizeof *data);
  mxn_type out = {.n_dims = 1};
  load_integers(&f->inputs[0], 0, n, data);
  TRY(count_bins(f, data, n, &out.dims[0]));
  TRY(forward_allocate(f, 0, &out));
  double *bins = arena_array(f->scratch, (size_t)out.dims[0] + 1, sizeof *bins);
  for (int64_t i = 0; i < out.dims[0]; i++) bins[i] = 0;
  for (int64_t i = 0; i < n; i++) {
    double weight = 1;
    if (has_weights) load_doubles(&f->inputs[1], i, 1, &weight);
    bins[data[i]] += weight;
  }
  store_doubles(&f->outputs[0], 0, out.dims[0], bins);
  return MXN_OK;
}

/* unique: slices of the axis, or elements without it, sorted, each once. */

uint32_t numpy_unique_outputs(const node *n) {
  return 1 + (uint32_t)op_bool(n, "return_index") + (uint32_t)op_bool(n, "return_inverse") +
         (uint32_t)op_bool(n, "return_counts");
}

mxn_status numpy_unique_shape(inference *x) {
  const mxn_type vector = {.n_dims = 1, .dims = {-1}};
  mxn_type out = *x->inputs[0];
  int32_t axis = 0;
  if (!shape_is_known(&out)) return MXN_OK;
  if (!op_is_none(x->node, "axis"))
    TRY(infer_axis(x, "axis", op_int(x->node, "axis"), out.n_dims > 0 ? out.n_dims : 1, &axis));
  const bool is_vector = op_is_none(x->node, "axis") || out.n_dims == 0 || count(&out) == 0;
  if (!is_vector) out.dims[axis] = -1;
  TRY(infer_output(x, 0, is_vector ? &vector : &out));
  for (uint32_t i = 1; i < x->n_outputs; i++) TRY(infer_output(x, i, &vector));
  return MXN_OK;
}

mxn_status numpy_unique_dtype(inference *x) {
  for (uint32_t i = 1; i < x->n_outputs; i++) TRY(infer_output_dtype(x, i, MXN_INT64));
  return infer_data_dtype(x);
}

/* One slice: `length` numbers, and where it stood. */
typedef struct sortable {
  const double *x;
  int64_t length, at;
} sortable;

/* No two NaN are equal. */
static bool are_equal(const sortable *l, const sortable *r) {
  for (int64_t i = 0; i < l->length; i++)
    if (l->x[i] != r->x[i]) return false;
  return true;
}

static int compare_slices(const void *a, const void *b) {
  const sortable *l = a, *r = b;
  for (int64_t i = 0; i < l->length; i++) {
    const int order = compare_rising(l->x[i], r->x[i]);
    if (order) return order;
  }
  return (l->at > r->at) - (l->at < r->at);
}

/* The array as slices: the axis first, all else behind it. */
typedef struct slices {
  mxn_tensor data; /* dimension 0 is the axis */
  int32_t axis;
  int64_t n, length;
  sortable *sorted;
} slices;

static slices slices_of(const forward *f) {
  const mxn_tensor *in = &f->inputs[0];
  const bool is_vector = op_is_none(f->node, "axis") || in->type.n_dims == 0;
  slices s = {.data = *in, .n = count(&in->type), .length = 1};
  if (!is_vector) {
    const int64_t wanted = op_int(f->node, "axis");
    int32_t order[MXN_MAX_DIMS] = {0};
    s.axis = (int32_t)(wanted < 0 ? wanted + in->type.n_dims : wanted);
    for (int32_t d = 0, at = 1; d < in->type.n_dims; d++) order[d == s.axis ? 0 : at++] = d;
    s.data = view_transposed(f->scratch, in, order);
    s.length = s.n == 0 ? 1 : s.n / s.data.type.dims[0];
    s.n = s.n == 0 ? 0 : s.data.type.dims[0];
  }
  double *x = arena_array(f->scratch, (size_t)(s.n * s.length) + 1, sizeof *x);
  load_doubles(&s.data, 0, s.n * s.length, x);
  s.sorted = arena_array(f->scratch, (size_t)s.n + 1, sizeof *s.sorted);
  for (int64_t i = 0; i < s.n; i++) s.sorted[i] = (sortable){.x = x + i * s.length, .length = s.length, .at = i};
  qsort(s.sorted, (size_t)s.n, sizeof *s.sorted, compare_slices);
  return s;
}

/* firsts[k]: where in the sorted slices the k-th that differs begins. */
static int64_t find_firsts(const forward *f, const slices *s, int64_t **out) {
  int64_t n = 0;
  *out = arena_array(f->scratch, (size_t)s->n + 1, sizeof **out);
  for (int64_t i = 0; i < s->n; i++)
    if (i == 0 || !are_equal(&s->sorted[i - 1], &s->sorted[i])) (*out)[n++] = i;
  (*out)[n] = s->n;
  return n;
}

static mxn_status give_slices(const forward *f, const slices *s, const int64_t *firsts, int64_t n) {
  const bool is_vector = op_is_none(f->node, "axis") || f->inputs[0].type.n_dims == 0 || s->n == 0;
  mxn_type out = {.n_dims = 1, .dims = {n}};
  if (!is_vector) {
    out = f->inputs[0].type;
    out.dims[s->axis] = n;
  }
  TRY(forward_allocate(f, 0, &out));
  const size_t bytes = (size_t)s->length * mxn_dtype_bytes(s->data.type.dtype);
  mxn_tensor kept = {.type = s->data.type, .data = arena_alloc(f->scratch, (size_t)n * bytes + 1)};
  for (int64_t k = 0; k < n; k++)
    memcpy((char *)kept.data + (size_t)k * bytes, (const char *)s->data.data + (size_t)s->sorted[firsts[k]].at * bytes,
           bytes);
  if (is_vector) {
    if (n > 0) memcpy(f->outputs[0].data, kept.data, (size_t)n * bytes);
    return MXN_OK;
  }
  view v = {0};
  kept.type.dims[0] = n;
  const view own = view_of(&kept.type);
  for (int32_t d = 0, at = 1; d < out.n_dims; d++) v.steps[d] = own.steps[d == s->axis ? 0 : at++];
  copy_view(&f->outputs[0], &kept, &v);
  return MXN_OK;
}

typedef enum unique_output { UNIQUE_INDEX, UNIQUE_INVERSE, UNIQUE_COUNT } unique_output;

static mxn_status give_numbers(const forward *f, uint32_t output, unique_output which, const slices *s,
                               const int64_t *firsts, int64_t n) {
  const mxn_type out = {.n_dims = 1, .dims = {which == UNIQUE_INVERSE ? s->n : n}};
  TRY(forward_allocate(f, output, &out));
  for (int64_t k = 0; k < n; k++) {
    const int64_t number = which == UNIQUE_INDEX ? s->sorted[firsts[k]].at : firsts[k + 1] - firsts[k];
    if (which != UNIQUE_INVERSE) store_integers(&f->outputs[output], k, 1, &number);
    for (int64_t i = firsts[k]; i < firsts[k + 1] && which == UNIQUE_INVERSE; i++)
      store_integers(&f->outputs[output], s->sorted[i].at, 1, &k);
  }
  return MXN_OK;
}

mxn_status numpy_unique_forward(const forward *f) {
  static const char *const attributes[] = {"return_index", "return_inverse", "return_counts"};
  const slices s = slices_of(f);
  uint32_t output = 1;
  int64_t *firsts;
  const int64_t n = find_firsts(f, &s, &firsts);
  TRY(give_slices(f, &s, firsts, n));
  for (int i = UNIQUE_INDEX; i <= UNIQUE_COUNT; i++)
    if (op_bool(f->node, attributes[i])) TRY(give_numbers(f, output++, (unique_output)i, &s, firsts, n));
  return MXN_OK;
}

/* boolean_mask_assign: the mask covers the axes from start_axis on. */

static mxn_status check_mask(inference *x) {
  const mxn_type *data = x->inputs[0], *mask = x->inputs[1];
  const int64_t start = op_int(x->node, "start_axis");
  if (start < 0 || start + mask->n_dims > data->n_dims || data->n_dims - mask->n_dims >= MXN_MAX_DIMS)
    return infer_error(x, MXN_SHAPE, "start_axis is %" PRId64 ", data has %d dimensions, mask %d", start, data->n_dims,
                       mask->n_dims);
  for (int32_t d = 0; d < mask->n_dims; d++)
    if (mask->dims[d] != data->dims[start + d])
      return infer_error(x, MXN_SHAPE, "axis %d of mask has %" PRId64 " elements, data has %" PRId64, d, mask->dims[d],
                         data->dims[start + d]);
  return MXN_OK;
}

mxn_status numpy_mask_assign_shape(inference *x) {
  if (shape_is_known(x->inputs[0]) && shape_is_known(x->inputs[1])) TRY(check_mask(x));
  return infer_data_shape(x);
}

mxn_status numpy_mask_assign_dtype(inference *x) {
  if (x->n_inputs > 2) TRY(infer_input_dtype(x, 2, x->inputs[0]->dtype));
  return infer_data_dtype(x);
}

/* The shape of what the mask selects; values are broadcast to it. */
static mxn_status selected_shape(const forward *f, int64_t n_true, const mxn_type *values, mxn_type *out) {
  const mxn_type *data = &f->inputs[0].type, *mask = &f->inputs[1].type;
  const int32_t start = (int32_t)op_int(f->node, "start_axis");
  *out = (mxn_type){.n_dims = 0};
  for (int32_t d = 0; d < start; d++) out->dims[out->n_dims++] = data->dims[d];
  out->dims[out->n_dims++] = n_true;
  for (int32_t d = start + mask->n_dims; d < data->n_dims; d++) out->dims[out->n_dims++] = data->dims[d];
  const int32_t added = out->n_dims - values->n_dims;
  bool fits = added >= 0;
  for (int32_t d = 0; d < values->n_dims && fits; d++)
    fits = values->dims[d] == 1 || values->dims[d] == out->dims[d + added];
  char got[SHAPE_TEXT_BYTES], expected[SHAPE_TEXT_BYTES];
  if (fits) return MXN_OK;
  return op_error(NULL, f->node, f->err, MXN_SHAPE, "value has shape %s, the mask selects %s", shape_text(values, got),
                  shape_text(out, expected));
}

static mxn_status assign(const forward *f, const mxn_tensor *values) {
  const mxn_type *data = &f->inputs[0].type, *mask = &f->inputs[1].type;
  const int32_t start = (int32_t)op_int(f->node, "start_axis");
  const size_t bytes = mxn_dtype_bytes(data->dtype);
  int64_t leading = 1, trailing = 1;
  bool *is_true;
  mxn_type selected;
  TRY(selected_shape(f, find_truths(f, &f->inputs[1], &is_true), &values->type, &selected));
  const view v = view_broadcast(&values->type, &selected);
  const mxn_tensor stretched = view_copy(f->scratch, values, &v, &selected);
  TRY(copy_forward(f));
  if (!dims_product(data, 0, start, &leading) || !dims_product(data, start + mask->n_dims, data->n_dims, &trailing))
    return MXN_OK;
  const int64_t middle = count(mask);
  const char *from = stretched.data;
  for (int64_t i = 0; i < leading * middle; i++) {
    if (!is_true[i % middle]) continue;
    memcpy((char *)f->outputs[0].data + (size_t)(i * trailing) * bytes, from, (size_t)trailing * bytes);
    from += (size_t)trailing * bytes;
  }
  return MXN_OK;
}

mxn_status numpy_mask_assign_tensor_forward(const forward *f) { return assign(f, &f->inputs[2]); }

mxn_status numpy_mask_assign_scalar_forward(const forward *f) {
  mxn_tensor scalar = {.type = {.dtype = f->inputs[0].type.dtype, .n_dims = 0}, .data = arena_alloc(f->scratch, 8)};
  const double number = op_float(f->node, "value");
  store_doubles(&scalar, 0, 1, &number);
  return assign(f, &scalar);
}

/* constraint_check: true, or the error that the model's author wrote. */

mxn_status numpy_constraint_check_shape(inference *x) {
  const mxn_type scalar = {.n_dims = 0};
  return infer_output(x, 0, &scalar);
}

mxn_status numpy_constraint_check_dtype(inference *x) {
  TRY(infer_input_dtype(x, 0, MXN_BOOL));
  return infer_output_dtype(x, 0, MXN_BOOL);
}

mxn_status numpy_constraint_check_forward(const forward *f) {
  bool *is_true;
  const int64_t holds = find_truths(f, &f->inputs[0], &is_true) == count(&f->inputs[0].type);
  if (!holds) return op_error(NULL, f->node, f->err, MXN_ARGUMENT, "%.200s", op_text(f->node, "msg"));
  store_integers(&f->outputs[0], 0, 1, &holds);
  return MXN_OK;
}
