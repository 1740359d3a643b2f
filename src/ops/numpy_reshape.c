/* numpy_reshape.c - numpy's operators that leave the elements in their order.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <string.h>

#include "ops/family.h"

mxn_status numpy_copy_all_forward(const forward *f) {
  for (uint32_t i = 0; i < f->node->n_outputs; i++) {
    const forward one = {.node = f->node, .inputs = &f->inputs[i], .outputs = &f->outputs[i], .err = f->err};
    TRY(copy_forward(&one));
  }
  return MXN_OK;
}

/* The dimension that is -1 is what the others leave of the input's elements. */
static mxn_status resolve_rest(inference *x, const mxn_type *in, mxn_type *out) {
  int64_t elements, known = 1;
  int32_t rest = -1;
  if (!shape_elements(in, &elements)) return infer_error(x, MXN_SHAPE, "the number of its elements is not known");
  for (int32_t d = 0; d < out->n_dims; d++) {
    if (out->dims[d] < 0 && rest >= 0) return infer_error(x, MXN_SHAPE, "newshape has -1 twice");
    if (out->dims[d] < 0)
      rest = d;
    else if (!dims_multiply(known, out->dims[d], &known))
      return infer_error(x, MXN_SHAPE, "newshape has too many elements");
  }
  const bool fits = rest < 0 ? known == elements : known > 0 && elements % known == 0;
  char from[SHAPE_TEXT_BYTES], to[SHAPE_TEXT_BYTES];
  if (!fits)
    return infer_error(x, MXN_SHAPE, "%" PRId64 " elements of %s do not fit the shape %s", elements,
                       shape_text(in, from), shape_text(out, to));
  if (rest >= 0) out->dims[rest] = elements / known;
  return MXN_OK;
}

static mxn_status check_order(inference *x) {
  if (strcmp(op_text(x->node, "order"), "C") == 0) return MXN_OK;
  return infer_error(x, MXN_UNSUPPORTED, "order is '%.40s', expected C", op_text(x->node, "order"));
}

mxn_status numpy_reshape_shape(inference *x) {
  const op_tuple codes = op_tuple_of(x->node, "newshape");
  mxn_type out = {.n_dims = codes.n};
  TRY(check_order(x));
  if (!shape_is_known(x->inputs[0])) return MXN_OK;
  for (int32_t d = 0; d < codes.n; d++) {
    if (codes.v[d] < -1) return infer_error(x, MXN_SHAPE, "newshape has the unknown code %" PRId64, codes.v[d]);
    out.dims[d] = codes.v[d];
  }
  TRY(resolve_rest(x, x->inputs[0], &out));
  return infer_output(x, 0, &out);
}

/* npx.reshape: -1 what is left, -2 keep a dimension, -3 drop a dimension of 1, -4
 * keep all that follow, -5 join two, -6 split one into the next two values. */

typedef struct reshaping {
  inference *x;
  int64_t codes[MXN_MAX_DIMS];
  int32_t n_codes, code, from;
  mxn_type in, out;
} reshaping;

static mxn_status append(reshaping *r, int64_t dim) {
  if (r->out.n_dims == MXN_MAX_DIMS)
    return infer_error(r->x, MXN_SHAPE, "newshape has more than %d dimensions", MXN_MAX_DIMS);
  r->out.dims[r->out.n_dims++] = dim;
  return MXN_OK;
}

static mxn_status need(reshaping *r, int32_t n) {
  if (r->from + n <= r->in.n_dims) return MXN_OK;
  return infer_error(r->x, MXN_SHAPE, "newshape takes more dimensions than the %d of a", r->in.n_dims);
}

static mxn_status split_one(reshaping *r) {
  if (r->code + 2 > r->n_codes) return infer_error(r->x, MXN_SHAPE, "code -6 needs two values behind it");
  const int64_t dim = r->in.dims[r->from++];
  int64_t a = r->codes[r->code++], b = r->codes[r->code++], product;
  if (a == -1 && b > 0) a = dim / b;
  if (b == -1 && a > 0) b = dim / a;
  if (a < 0 || b < 0 || !dims_multiply(a, b, &product) || product != dim)
    return infer_error(r->x, MXN_SHAPE, "code -6 splits %" PRId64 " into %" PRId64 " and %" PRId64, dim, a, b);
  TRY(append(r, a));
  return append(r, b);
}

static mxn_status join_two(reshaping *r) {
  int64_t product;
  if (!dims_multiply(r->in.dims[r->from], r->in.dims[r->from + 1], &product))
    return infer_error(r->x, MXN_SHAPE, "newshape has too many elements");
  r->from += 2;
  return append(r, product);
}

static mxn_status drop_one(reshaping *r) {
  if (r->in.dims[r->from] == 1) return r->from++, MXN_OK;
  return infer_error(r->x, MXN_SHAPE, "code -3 drops a dimension of %" PRId64, r->in.dims[r->from]);
}

static mxn_status take_code(reshaping *r) {
  static const int32_t taken[] = {0, 0, 1, 1, 0, 2, 1}; /* dimensions that code -i needs */
  const int64_t code = r->codes[r->code++];
  if (code < -6) return infer_error(r->x, MXN_SHAPE, "newshape has the unknown code %" PRId64, code);
  if (code < 0) TRY(need(r, taken[-code]));
  switch (code) {
    case -2: return append(r, r->in.dims[r->from++]);
    case -3: return drop_one(r);
    case -4:
      while (r->from < r->in.n_dims) TRY(append(r, r->in.dims[r->from++]));
      return MXN_OK;
    case -5: return join_two(r);
    case -6: return split_one(r);
    default: r->from++; return append(r, code);
  }
}

mxn_status numpyx_reshape_shape(inference *x) {
  const op_tuple codes = op_tuple_of(x->node, "newshape");
  const bool is_reversed = op_bool(x->node, "reverse");
  reshaping r = {.x = x, .n_codes = codes.n, .in = *x->inputs[0]};
  TRY(check_order(x));
  if (!shape_is_known(x->inputs[0])) return MXN_OK;
  for (int32_t i = 0; i < codes.n; i++) r.codes[i] = codes.v[i];
  if (is_reversed) {
    dims_reverse(r.codes, r.n_codes);
    dims_reverse(r.in.dims, r.in.n_dims);
  }
  while (r.code < r.n_codes) TRY(take_code(&r));
  TRY(resolve_rest(x, x->inputs[0], &r.out));
  if (is_reversed) dims_reverse(r.out.dims, r.out.n_dims);
  return infer_output(x, 0, &r.out);
}

mxn_status numpy_squeeze_shape(inference *x) {
  const op_tuple axes = op_tuple_of(x->node, "axis");
  const mxn_type *in = x->inputs[0];
  bool is_dropped[MXN_MAX_DIMS] = {false};
  mxn_type out = {.n_dims = 0};
  if (!shape_is_known(in)) return MXN_OK;
  for (int32_t d = 0; d < in->n_dims; d++) is_dropped[d] = axes.n < 0 && in->dims[d] == 1;
  for (int32_t i = 0; i < axes.n && !(in->n_dims == 0 && axes.v[i] >= -1 && axes.v[i] <= 0); i++) {
    int32_t axis;
    TRY(infer_axis(x, "axis", axes.v[i], in->n_dims, &axis));
    if (in->dims[axis] != 1 || is_dropped[axis])
      return infer_error(x, MXN_SHAPE, "axis %d of %" PRId64 " elements cannot be dropped", axis, in->dims[axis]);
    is_dropped[axis] = true;
  }
  for (int32_t d = 0; d < in->n_dims; d++)
    if (!is_dropped[d]) out.dims[out.n_dims++] = in->dims[d];
  return infer_output(x, 0, &out);
}

/* A vector (N) has the shape (1, N), or (1, N, 1); a matrix (M, N) has (M, N, 1). */
static mxn_type widened(const mxn_type *t, int32_t n_dims) {
  if (t->n_dims >= n_dims) return *t;
  mxn_type out = {.n_dims = n_dims, .dims = {1, 1, 1}};
  const int32_t first = n_dims - t->n_dims > 1 || t->n_dims == 1 ? 1 : 0;
  for (int32_t d = 0; d < t->n_dims; d++) out.dims[d + (n_dims == 1 ? 0 : first)] = t->dims[d];
  return out;
}

static mxn_status infer_widened(inference *x, int32_t n_dims) {
  for (uint32_t i = 0; i < x->n_inputs; i++) {
    if (x->inputs[i]->n_dims < 0) continue;
    const mxn_type out = widened(x->inputs[i], n_dims);
    TRY(infer_output(x, i, &out));
  }
  return MXN_OK;
}

mxn_status numpy_atleast_1d_shape(inference *x) { return infer_widened(x, 1); }
mxn_status numpy_atleast_2d_shape(inference *x) { return infer_widened(x, 2); }
mxn_status numpy_atleast_3d_shape(inference *x) { return infer_widened(x, 3); }
