/* order.c - see order.h.
 *
 * Sorting is stable in both directions: of equal numbers the one that stands first
 * comes first. NaN counts as larger than every number.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ops/order.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ops/family.h"
#include "ops/number.h"

/* A number of a line, and its place there. Integers are compared exactly. */
typedef struct ranked {
  double number;
  int64_t integer; /* 0 for floats */
  int64_t place;
} ranked;

static int compare_numbers(const ranked *a, const ranked *b) {
  if (isnan(a->number) || isnan(b->number)) return !!isnan(a->number) - !!isnan(b->number);
  if (a->number != b->number) return a->number < b->number ? -1 : 1;
  return (a->integer > b->integer) - (a->integer < b->integer);
}

static int compare_places(const ranked *a, const ranked *b) { return (a->place > b->place) - (a->place < b->place); }

static int ascending(const void *a, const void *b) {
  const int order = compare_numbers(a, b);
  return order ? order : compare_places(a, b);
}

static int descending(const void *a, const void *b) {
  const int order = compare_numbers(b, a);
  return order ? order : compare_places(a, b);
}

/* The lines along the axis, or one line of all elements. */
static lines lines_of(const node *n, const mxn_type *t) {
  if (!op_is_none(n, "axis")) return lines_along(t, axis_from_front(op_int(n, "axis"), t->n_dims));
  lines all = {1, 1, 1};
  (void)!dims_product(t, 0, t->n_dims, &all.length);
  return all;
}

static void sort_line(const mxn_tensor *in, const lines *l, int64_t start, bool is_ascending, ranked *line) {
  const bool is_float = dtype_is_float(in->type.dtype);
  for (int64_t i = 0; i < l->length; i++) {
    line[i] = (ranked){.place = i};
    load_doubles(in, start + i * l->inner, 1, &line[i].number);
    if (!is_float) load_integers(in, start + i * l->inner, 1, &line[i].integer);
  }
  qsort(line, (size_t)l->length, sizeof *line, is_ascending ? ascending : descending);
}

/* What becomes of the first k of each line; outputs that nobody wants are NULL. */
typedef struct chosen {
  int64_t k;
  bool is_ascending;
  mxn_tensor *values, *places, *mask;
} chosen;

static void store_value(mxn_tensor *out, int64_t at, const ranked *r) {
  if (dtype_is_float(out->type.dtype))
    store_doubles(out, at, 1, &r->number);
  else
    store_integers(out, at, 1, &r->integer);
}

static void store_line(const chosen *c, const lines *l, int64_t outer, int64_t inner, const ranked *line) {
  static const int64_t one = 1, zero = 0;
  for (int64_t i = 0; i < c->k; i++) {
    const int64_t at = (outer * c->k + i) * l->inner + inner;
    if (c->values) store_value(c->values, at, &line[i]);
    if (c->places) store_integers(c->places, at, 1, &line[i].place);
  }
  for (int64_t i = 0; c->mask && i < l->length; i++)
    store_integers(c->mask, (outer * l->length + line[i].place) * l->inner + inner, 1, i < c->k ? &one : &zero);
}

static mxn_status choose(const forward *f, const chosen *c) {
  const lines l = lines_of(f->node, &f->inputs[0].type);
  ranked *line = arena_array(f->scratch, (size_t)l.length, sizeof *line);
  if (l.length == 0) return MXN_OK;
  for (int64_t o = 0; o < l.outer; o++)
    for (int64_t i = 0; i < l.inner; i++) {
      sort_line(&f->inputs[0], &l, o * l.length * l.inner + i, c->is_ascending, line);
      store_line(c, &l, o, i, line);
    }
  return MXN_OK;
}

/* Without an axis the output is one line. k of 0 or less takes all. */
static mxn_status infer_lines(inference *x, int64_t k, bool is_whole) {
  const mxn_type *in = x->inputs[0];
  mxn_type out = *in;
  int32_t axis = 0;
  if (!shape_is_known(in)) return MXN_OK;
  if (!op_is_none(x->node, "axis")) TRY(infer_axis(x, "axis", op_int(x->node, "axis"), in->n_dims, &axis));
  const lines l = lines_of(x->node, in);
  if (k <= 0) k = l.length;
  if (k > l.length)
    return infer_error(x, MXN_SHAPE, "k is %" PRId64 ", expected at most %" PRId64 " elements", k, l.length);
  if (!is_whole && op_is_none(x->node, "axis"))
    out = (mxn_type){.n_dims = 1, .dims = {k}};
  else if (!is_whole)
    out.dims[axis] = k;
  for (uint32_t i = 0; i < x->n_outputs; i++) TRY(infer_output(x, i, &out));
  return MXN_OK;
}

/* topk. */

static char what_is_returned(const node *n) { return op_text(n, "ret_typ")[0]; }

uint32_t topk_outputs(const node *n) { return what_is_returned(n) == 'b' ? 2 : 1; }

/* Values have their places behind them, hidden or not, and are numbered therefore. */
const char *const *topk_output_names(const node *n) {
  static const char *const numbered[] = {NULL};
  const char what = what_is_returned(n);
  return what == 'b' || what == 'v' ? numbered : NULL;
}

mxn_status topk_shape(inference *x) { return infer_lines(x, op_int(x->node, "k"), what_is_returned(x->node) == 'm'); }

mxn_status topk_dtype(inference *x) {
  const char what = what_is_returned(x->node);
  const mxn_dtype places = op_dtype(x->node, "dtype");
  if (x->n_outputs > 1) TRY(infer_output_dtype(x, 1, what == 'v' ? MXN_INT64 : places));
  return what == 'i' ? infer_output_dtype(x, 0, places) : infer_data_dtype(x);
}

mxn_status topk_forward(const forward *f) {
  const lines l = lines_of(f->node, &f->inputs[0].type);
  const char what = what_is_returned(f->node);
  const int64_t k = op_int(f->node, "k");
  const chosen c = {.k = k <= 0 ? l.length : k,
                    .is_ascending = op_bool(f->node, "is_ascend"),
                    .values = what == 'b' || what == 'v' ? &f->outputs[0] : NULL,
                    .places = what == 'i'              ? &f->outputs[0]
                              : f->node->n_outputs > 1 ? &f->outputs[1]
                                                       : NULL,
                    .mask = what == 'm' ? &f->outputs[0] : NULL};
  return choose(f, &c);
}

/* sort and argsort. */

mxn_status sort_shape(inference *x) { return infer_lines(x, 0, false); }

mxn_status sort_dtype(inference *x) {
  if (x->n_outputs > 1) TRY(infer_output_dtype(x, 1, MXN_INT64));
  return infer_data_dtype(x);
}

mxn_status sort_forward(const forward *f) {
  const chosen c = {.k = lines_of(f->node, &f->inputs[0].type).length,
                    .is_ascending = op_bool(f->node, "is_ascend"),
                    .values = &f->outputs[0],
                    .places = f->node->n_outputs > 1 ? &f->outputs[1] : NULL};
  return choose(f, &c);
}

mxn_status argsort_dtype(inference *x) { return infer_output_dtype(x, 0, op_dtype(x->node, "dtype")); }

mxn_status argsort_forward(const forward *f) {
  const chosen c = {.k = lines_of(f->node, &f->inputs[0].type).length,
                    .is_ascending = op_bool(f->node, "is_ascend"),
                    .places = &f->outputs[0]};
  return choose(f, &c);
}

/* _histogram: numbers counted between bounds, which are given or equally spaced. */

static bool has_count(const node *n) { return !op_is_none(n, "bin_cnt"); }

uint32_t histogram_inputs(const node *n) { return has_count(n) ? 1 : 2; }

mxn_status histogram_shape(inference *x) {
  const int64_t bins = op_int(x->node, "bin_cnt");
  const op_numbers range = op_numbers_of(x->node, "range");
  if (has_count(x->node) != (range.n >= 0) || (range.n >= 0 && range.n != 2))
    return infer_error(x, MXN_FORMAT, "attribute range: expected two numbers with bin_cnt, none without");
  if (has_count(x->node)) {
    TRY(infer_output(x, 0, &(mxn_type){.n_dims = 1, .dims = {bins}}));
    return infer_output(x, 1, &(mxn_type){.n_dims = 1, .dims = {bins + 1}});
  }
  if (!shape_is_known(x->inputs[1])) return MXN_OK;
  if (x->inputs[1]->n_dims != 1 || x->inputs[1]->dims[0] < 2)
    return infer_error(x, MXN_SHAPE, "bins need one dimension with at least 2 bounds");
  TRY(infer_output(x, 0, &(mxn_type){.n_dims = 1, .dims = {x->inputs[1]->dims[0] - 1}}));
  return infer_output(x, 1, x->inputs[1]);
}

mxn_status histogram_dtype(inference *x) {
  TRY(infer_output_dtype(x, 0, MXN_INT64));
  TRY(infer_output_dtype(x, 1, x->inputs[0]->dtype));
  return x->n_inputs > 1 ? infer_input_dtype(x, 1, x->inputs[0]->dtype) : MXN_OK;
}

/* The bin of a number; -1 outside the bounds. The last bin has its upper bound. */
static int64_t find_bin(const double *bounds, int64_t bins, double number) {
  if (!(number >= bounds[0] && number <= bounds[bins])) return -1;
  if (number == bounds[bins]) return bins - 1;
  int64_t low = 0, high = bins;
  while (high - low > 1) {
    const int64_t middle = low + (high - low) / 2;
    *(number >= bounds[middle] ? &low : &high) = middle;
  }
  return low;
}

/* The same where bins are of one size. MXNet computes the place and looks at its
 * neighbours alone, which shows where bounds are integers. */
static int64_t find_even_bin(const double *bounds, int64_t bins, double number, const op_numbers range) {
  const double least = range.v[0], most = range.v[1];
  if (!(most > least)) return find_bin(bounds, bins, number);
  if (!(number >= least && number <= most)) return -1;
  const double place = (number - least) * (double)bins / (most - least);
  int64_t bin = place < (double)(bins - 1) ? (int64_t)place : bins - 1;
  if (number < bounds[bin]) bin--;
  if (bin != bins - 1 && number >= bounds[bin + 1]) bin++;
  return bin;
}

/* Bounds as the type keeps them. */
static double *histogram_bounds(const forward *f, int64_t bins) {
  double *bounds = arena_array(f->scratch, (size_t)bins + 1, sizeof *bounds);
  if (has_count(f->node)) {
    const op_numbers range = op_numbers_of(f->node, "range");
    for (int64_t i = 0; i <= bins; i++)
      bounds[i] = (range.v[1] * (double)i + (double)(bins - i) * range.v[0]) / (double)bins;
  } else {
    load_doubles(&f->inputs[1], 0, bins + 1, bounds);
  }
  store_doubles(&f->outputs[1], 0, bins + 1, bounds);
  load_doubles(&f->outputs[1], 0, bins + 1, bounds);
  return bounds;
}

mxn_status histogram_forward(const forward *f) {
  const int64_t bins = f->outputs[0].type.dims[0];
  const double *bounds = histogram_bounds(f, bins);
  const op_numbers range = op_numbers_of(f->node, "range");
  int64_t *counts = arena_array(f->scratch, (size_t)bins, sizeof *counts), elements = 0;
  (void)!shape_elements(&f->inputs[0].type, &elements);
  for (int64_t i = 0; i < elements; i++) {
    double number;
    load_doubles(&f->inputs[0], i, 1, &number);
    const int64_t bin =
        has_count(f->node) ? find_even_bin(bounds, bins, number, range) : find_bin(bounds, bins, number);
    if (bin >= 0) counts[bin]++;
  }
  store_integers(&f->outputs[0], 0, bins, counts);
  return MXN_OK;
}
