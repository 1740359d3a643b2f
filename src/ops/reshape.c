/* reshape.c - operators that leave the elements in their order: copies, new
 * shapes and new types.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <string.h>

#include "ops/family.h"
#include "ops/number.h"

mxn_status copy_forward(const forward *f) {
  size_t bytes;
  if (type_bytes(&f->outputs[0].type, &bytes) && bytes > 0) memmove(f->outputs[0].data, f->inputs[0].data, bytes);
  return MXN_OK;
}

mxn_status cast_dtype(inference *x) { return infer_output_dtype(x, 0, op_dtype(x->node, "dtype")); }

mxn_status cast_forward(const forward *f) {
  map_unary(&unary_identity, &f->inputs[0], &f->outputs[0]);
  return MXN_OK;
}

/* A dimension that alone is unknown follows from the number of elements. */
static mxn_status infer_last_unknown(inference *x, mxn_type *t, const mxn_type *same_elements) {
  int64_t elements, known = 1;
  int32_t unknown = -1;
  if (!shape_elements(same_elements, &elements) || t->n_dims < 0) return MXN_OK;
  for (int32_t d = 0; d < t->n_dims; d++) {
    if (t->dims[d] < 0 && unknown >= 0) return MXN_OK;
    if (t->dims[d] < 0)
      unknown = d;
    else if (!dims_multiply(known, t->dims[d], &known))
      return infer_error(x, MXN_SHAPE, "its shape has too many elements");
  }
  char from[SHAPE_TEXT_BYTES], to[SHAPE_TEXT_BYTES];
  if (unknown >= 0 && known > 0 && elements % known == 0) t->dims[unknown] = elements / known;
  const bool fits = unknown >= 0 ? t->dims[unknown] >= 0 || known == 0 : known == elements;
  if (fits) return MXN_OK;
  return infer_error(x, MXN_SHAPE, "%" PRId64 " elements of %s do not fit the shape %s", elements,
                     shape_text(same_elements, from), shape_text(t, to));
}

mxn_status flatten_shape(inference *x) {
  const mxn_type *in = x->inputs[0];
  if (in->n_dims < 0) return MXN_OK;
  if (in->n_dims == 0) return infer_error(x, MXN_SHAPE, "data has no dimensions");
  mxn_type out = {.n_dims = 2, .dims = {in->dims[0]}};
  if (!dims_product(in, 1, in->n_dims, &out.dims[1])) return infer_error(x, MXN_SHAPE, "data has too many elements");
  TRY(infer_output(x, 0, &out));
  mxn_type back = *in;
  back.dims[0] = x->outputs[0]->dims[0];
  TRY(infer_last_unknown(x, &back, x->outputs[0]));
  return infer_input(x, 0, &back);
}

/* Reshape. The codes: 0 keeps a dimension, -1 is what is left, -2 copies all that
 * follow, -3 joins two, -4 splits one into the two that stand behind it. */

typedef struct reshaping {
  inference *x;
  const int64_t *codes, *in;
  int32_t n_codes, n_in;
  int32_t code, from; /* next ones */
  mxn_type out;
  int32_t rest; /* the output's dimension that -1 stands for, or -1 */
} reshaping;

static mxn_status no_dimension(reshaping *r) {
  return infer_error(r->x, MXN_SHAPE, "shape has more codes than data has dimensions");
}

static mxn_status append(reshaping *r, int64_t dim) {
  if (r->out.n_dims == MXN_MAX_DIMS) return infer_error(r->x, MXN_SHAPE, "shape has too many dimensions");
  r->out.dims[r->out.n_dims++] = dim;
  return MXN_OK;
}

static mxn_status copy_rest(reshaping *r) {
  while (r->from < r->n_in) TRY(append(r, r->in[r->from++]));
  return MXN_OK;
}

static mxn_status join_two(reshaping *r) {
  int64_t joined;
  if (r->from + 1 >= r->n_in) return no_dimension(r);
  if (!dims_multiply(r->in[r->from], r->in[r->from + 1], &joined))
    return infer_error(r->x, MXN_SHAPE, "data has too many elements");
  r->from += 2;
  return append(r, joined);
}

static mxn_status split_one(reshaping *r) {
  if (r->from >= r->n_in) return no_dimension(r);
  if (r->code + 1 >= r->n_codes) return infer_error(r->x, MXN_SHAPE, "code -4 of shape needs two values behind it");
  const int64_t dim = r->in[r->from++];
  int64_t a = r->codes[r->code++], b = r->codes[r->code++], product;
  if (a == -1 && b == -1) return infer_error(r->x, MXN_SHAPE, "both values behind code -4 of shape are -1");
  if (a == -1 && dim >= 0 && b > 0) a = dim / b;
  if (b == -1 && dim >= 0 && a > 0) b = dim / a;
  if (dim >= 0 && (a < 0 || b < 0 || !dims_multiply(a, b, &product) || product != dim))
    return infer_error(r->x, MXN_SHAPE, "code -4 of shape splits %" PRId64 " into %" PRId64 " and %" PRId64, dim, a, b);
  TRY(append(r, a));
  return append(r, b);
}

static mxn_status take_code(reshaping *r) {
  const int64_t code = r->codes[r->code++];
  switch (code) {
    case 0: return r->from < r->n_in ? append(r, r->in[r->from++]) : no_dimension(r);
    case -1:
      if (r->rest >= 0) return infer_error(r->x, MXN_SHAPE, "shape has -1 twice");
      r->rest = r->out.n_dims;
      r->from++;
      return append(r, -1);
    case -2: return copy_rest(r);
    case -3: return join_two(r);
    case -4: return split_one(r);
    default: break;
  }
  if (code < 0) return infer_error(r->x, MXN_SHAPE, "shape has the unknown code %" PRId64, code);
  r->from++;
  return append(r, code);
}

static mxn_status resolve_codes(inference *x, op_tuple codes, mxn_type in, mxn_type *out) {
  const bool is_reversed = op_bool(x->node, "reverse");
  int64_t in_turn[MXN_MAX_DIMS];
  memcpy(in_turn, codes.v, sizeof in_turn);
  if (is_reversed) {
    dims_reverse(in_turn, codes.n);
    dims_reverse(in.dims, in.n_dims);
  }
  reshaping r = {.x = x, .codes = in_turn, .in = in.dims, .n_codes = codes.n, .n_in = in.n_dims, .rest = -1};
  while (r.code < r.n_codes) TRY(take_code(&r));
  TRY(infer_last_unknown(x, &r.out, &in));
  if (is_reversed) dims_reverse(r.out.dims, r.out.n_dims);
  *out = r.out;
  return MXN_OK;
}

/* The older form: a shape in which one 0 is what is left. */
static mxn_type target_shape(const node *n, const mxn_type *in) {
  const op_tuple t = op_tuple_of(n, "target_shape");
  mxn_type out = {.n_dims = t.n};
  for (int32_t d = 0; d < t.n; d++) out.dims[d] = t.v[d] == 0 ? -1 : t.v[d];
  if (op_bool(n, "keep_highest") && in->n_dims > 0) out.dims[0] = in->dims[0];
  return out;
}

mxn_status reshape_shape(inference *x) {
  const op_tuple codes = op_tuple_of(x->node, "shape");
  mxn_type in = *x->inputs[0], out = *x->outputs[0];
  if (in.n_dims < 0) return MXN_OK;
  if (codes.n > 0) {
    TRY(resolve_codes(x, codes, in, &out));
  } else if (op_tuple_of(x->node, "target_shape").n > 0) {
    out = target_shape(x->node, &in);
    TRY(infer_last_unknown(x, &out, &in));
  }
  TRY(infer_output(x, 0, &out));
  TRY(infer_last_unknown(x, &in, x->outputs[0]));
  return infer_input(x, 0, &in);
}

/* Dimension 0 is kept by the first code, or is all that is left where the others
 * are as large as they were; no other code can then reach the batch. */
bool reshape_batch(const node *n, const bool *is_carried) {
  const op_tuple codes = op_tuple_of(n, "shape");
  if (!batch_all(n, is_carried) || op_bool(n, "reverse") || codes.n < 1) return false;
  return codes.v[0] == 0 || codes.v[0] == -1 || codes.v[0] == -2;
}

/* expand_dims. */

static int32_t new_axis(const node *n, int32_t n_dims) {
  const int64_t axis = op_int(n, "axis");
  return (int32_t)(axis < 0 ? axis + n_dims + 1 : axis);
}

mxn_status expand_dims_shape(inference *x) {
  const mxn_type in = *x->inputs[0], out = *x->outputs[0];
  const int32_t n_dims = in.n_dims >= 0 ? in.n_dims : out.n_dims - 1;
  int32_t axis;
  if (in.n_dims < 0 && out.n_dims < 1) return MXN_OK;
  if (n_dims == MXN_MAX_DIMS) return infer_error(x, MXN_SHAPE, "data has %d dimensions already", n_dims);
  TRY(infer_axis(x, "axis", op_int(x->node, "axis"), n_dims + 1, &axis));
  mxn_type wide = {.n_dims = n_dims + 1}, narrow = {.n_dims = n_dims};
  for (int32_t d = 0; d <= n_dims; d++) {
    const int32_t from = d < axis ? d : d - 1;
    wide.dims[d] = d == axis ? 1 : in.n_dims < 0 ? -1 : in.dims[from];
    if (d != axis) narrow.dims[from] = out.n_dims == n_dims + 1 ? out.dims[d] : -1;
  }
  TRY(infer_output(x, 0, &wide));
  return infer_input(x, 0, &narrow);
}

bool expand_dims_batch(const node *n, const bool *is_carried) {
  return batch_all(n, is_carried) && new_axis(n, value_type(n->inputs[0])->n_dims) != 0;
}
