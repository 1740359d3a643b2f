/* numpy_elementwise.c - element types of numpy's elementwise operators, and those
 * that are more than a function of functions.def.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "ops/family.h"
#include "ops/number.h"
#include "ops/view.h"

enum { BLOCK = 512 };

/* Element types. */

static mxn_status refuse(inference *x, mxn_dtype dtype, const char *expected) {
  return infer_error(x, MXN_UNSUPPORTED, "it computes %s, not %s", expected, mxn_dtype_name(dtype));
}

mxn_status numpy_number_dtype(inference *x) {
  TRY(infer_same_dtype(x));
  return x->outputs[0]->dtype == MXN_BOOL ? refuse(x, MXN_BOOL, "numbers") : MXN_OK;
}

mxn_status numpy_float_dtype(inference *x) {
  TRY(infer_same_dtype(x));
  const mxn_dtype dtype = x->outputs[0]->dtype;
  return dtype != MXN_DTYPE_UNKNOWN && !dtype_is_float(dtype) ? refuse(x, dtype, "floats") : MXN_OK;
}

mxn_status numpy_integer_dtype(inference *x) {
  TRY(infer_same_dtype(x));
  const mxn_dtype dtype = x->outputs[0]->dtype;
  return dtype_is_float(dtype) ? refuse(x, dtype, "integers") : MXN_OK;
}

mxn_status numpy_predicate_dtype(inference *x) {
  const mxn_dtype left = x->inputs[0]->dtype;
  if (x->n_inputs == 2) {
    TRY(infer_input_dtype(x, 1, left));
    TRY(infer_input_dtype(x, 0, x->inputs[1]->dtype));
  }
  return infer_output_dtype(x, 0, MXN_BOOL);
}

/* From the least precise on; floats are more than integers. */
static int precision(mxn_dtype dtype) {
  static const mxn_dtype order[] = {MXN_BOOL,    MXN_INT8,     MXN_UINT8,   MXN_INT32,  MXN_INT64,
                                    MXN_FLOAT16, MXN_BFLOAT16, MXN_FLOAT32, MXN_FLOAT64};
  for (int i = 0; i < (int)(sizeof order / sizeof *order); i++)
    if (order[i] == dtype) return i;
  return -1;
}

mxn_status numpy_promoted_dtype(inference *x) {
  const mxn_dtype left = x->inputs[0]->dtype, right = x->inputs[1]->dtype;
  if (left == MXN_DTYPE_UNKNOWN || right == MXN_DTYPE_UNKNOWN || left == right) return infer_same_dtype(x);
  if ((left == MXN_INT8 && right == MXN_UINT8) || (left == MXN_UINT8 && right == MXN_INT8))
    return infer_error(x, MXN_UNSUPPORTED, "int8 and uint8 have no common type");
  return infer_output_dtype(x, 0, precision(left) > precision(right) ? left : right);
}

mxn_status numpy_promoted_number_dtype(inference *x) {
  TRY(numpy_promoted_dtype(x));
  return x->outputs[0]->dtype == MXN_BOOL ? refuse(x, MXN_BOOL, "numbers") : MXN_OK;
}

mxn_status numpy_true_divide_dtype(inference *x) {
  const mxn_dtype left = x->inputs[0]->dtype, right = x->inputs[x->n_inputs - 1]->dtype;
  if (left == MXN_DTYPE_UNKNOWN || right == MXN_DTYPE_UNKNOWN) return MXN_OK;
  const bool is_float_left = dtype_is_float(left), is_float_right = dtype_is_float(right);
  if (left != right && is_float_left == is_float_right)
    return infer_error(x, MXN_UNSUPPORTED, "%s is not divided by %s", mxn_dtype_name(left), mxn_dtype_name(right));
  return infer_output_dtype(x, 0, is_float_left ? left : is_float_right ? right : MXN_FLOAT32);
}

mxn_status numpy_bitwise_not_forward(const forward *f) {
  const bool is_bool = f->outputs[0].type.dtype == MXN_BOOL;
  map_unary(is_bool ? &unary_logical_not : &unary_bitwise_not, &f->inputs[0], &f->outputs[0]);
  return MXN_OK;
}

/* around. MXNet multiplies by ten as often as there are decimals, in the type. */

static double scaled(mxn_dtype dtype, double x, int64_t decimals, bool is_up) {
  const int64_t n = decimals < 0 ? -decimals : decimals;
  for (int64_t i = 0; i < n && x != 0 && isfinite(x); i++) x = round_to(dtype, is_up ? x * 10 : x / 10);
  return x;
}

static double around(mxn_dtype dtype, double x, int64_t decimals) {
  const double moved = scaled(dtype, x, decimals, decimals > 0);
  double rounded = round_to(dtype, round(moved));
  if (fabs(rounded - moved) == 0.5 && fmod(rounded, 2) != 0) rounded += rounded > moved ? -1 : 1;
  return scaled(dtype, rounded, decimals, decimals < 0);
}

static mxn_status check_around(const forward *f) {
  if (f->outputs[0].type.dtype != MXN_FLOAT16) return MXN_OK;
  return op_error(NULL, f->node, f->err, MXN_UNSUPPORTED, "it does not round float16");
}

mxn_status numpy_around_forward(const forward *f) {
  const mxn_dtype dtype = f->outputs[0].type.dtype;
  const int64_t decimals = op_int(f->node, "decimals");
  int64_t elements = 0;
  double x[BLOCK];
  TRY(check_around(f));
  if (!dtype_is_float(dtype) && decimals >= 0) return copy_forward(f);
  if (!shape_elements(&f->outputs[0].type, &elements)) return MXN_OK;
  for (int64_t i = 0; i < elements; i += BLOCK) {
    const int64_t n = elements - i < BLOCK ? elements - i : BLOCK;
    load_doubles(&f->inputs[0], i, n, x);
    for (int64_t k = 0; k < n; k++) x[k] = around(dtype, x[k], decimals);
    store_doubles(&f->outputs[0], i, n, x);
  }
  return MXN_OK;
}

/* nan_to_num. */

static double largest(mxn_dtype dtype) {
  switch (dtype) {
    case MXN_FLOAT16: return 65504;
    case MXN_BFLOAT16: return 0x1.fep127;
    case MXN_FLOAT32: return FLT_MAX;
    default: return DBL_MAX;
  }
}

static double infinity_becomes(const node *n, const char *name, mxn_dtype dtype, double otherwise) {
  return op_is_none(n, name) ? otherwise : round_to(dtype, op_float(n, name));
}

mxn_status numpy_nan_to_num_forward(const forward *f) {
  const mxn_dtype dtype = f->outputs[0].type.dtype;
  if (!dtype_is_float(dtype)) return copy_forward(f);
  const double nan = round_to(dtype, op_float(f->node, "nan"));
  const double above = infinity_becomes(f->node, "posinf", dtype, largest(dtype));
  const double below = infinity_becomes(f->node, "neginf", dtype, -largest(dtype));
  int64_t elements = 0;
  double x[BLOCK];
  if (!shape_elements(&f->outputs[0].type, &elements)) return MXN_OK;
  for (int64_t i = 0; i < elements; i += BLOCK) {
    const int64_t n = elements - i < BLOCK ? elements - i : BLOCK;
    load_doubles(&f->inputs[0], i, n, x);
    for (int64_t k = 0; k < n; k++) {
      if (isnan(x[k])) x[k] = nan;
      if (isinf(x[k])) x[k] = x[k] > 0 ? above : below;
    }
    store_doubles(&f->outputs[0], i, n, x);
  }
  return MXN_OK;
}

/* where: the condition and both choices as large as the output, then a choice. */

mxn_status numpy_where_dtype(inference *x) {
  mxn_dtype dtype = x->outputs[0]->dtype;
  for (uint32_t i = 1; i < x->n_inputs && dtype == MXN_DTYPE_UNKNOWN; i++) dtype = x->inputs[i]->dtype;
  for (uint32_t i = 1; i < x->n_inputs; i++) TRY(infer_input_dtype(x, i, dtype));
  return infer_output_dtype(x, 0, dtype);
}

mxn_status numpy_where_scalars_dtype(inference *x) { return infer_output_dtype(x, 0, MXN_FLOAT32); }

static mxn_tensor stretched(const forward *f, const mxn_tensor *t) {
  const view v = view_broadcast(&t->type, &f->outputs[0].type);
  return view_copy(f->scratch, t, &v, &f->outputs[0].type);
}

static mxn_tensor filled(const forward *f, const char *name) {
  mxn_tensor one = {.type = {.dtype = f->outputs[0].type.dtype, .n_dims = 0}, .data = arena_alloc(f->scratch, 8)};
  const double number = op_float(f->node, name);
  store_doubles(&one, 0, 1, &number);
  return stretched(f, &one);
}

static mxn_status choose(const forward *f, const mxn_tensor *x, const mxn_tensor *y) {
  const mxn_tensor condition = stretched(f, &f->inputs[0]);
  const size_t bytes = mxn_dtype_bytes(f->outputs[0].type.dtype);
  int64_t elements = 0;
  if (!shape_elements(&f->outputs[0].type, &elements)) return MXN_OK;
  for (int64_t i = 0; i < elements; i++) {
    double holds;
    load_doubles(&condition, i, 1, &holds);
    const mxn_tensor *from = holds != 0 ? x : y;
    memcpy((char *)f->outputs[0].data + (size_t)i * bytes, (const char *)from->data + (size_t)i * bytes, bytes);
  }
  return MXN_OK;
}

mxn_status numpy_where_forward(const forward *f) {
  const mxn_tensor x = stretched(f, &f->inputs[1]), y = stretched(f, &f->inputs[2]);
  return choose(f, &x, &y);
}

mxn_status numpy_where_left_forward(const forward *f) {
  const mxn_tensor x = filled(f, "scalar"), y = stretched(f, &f->inputs[1]);
  return choose(f, &x, &y);
}

mxn_status numpy_where_right_forward(const forward *f) {
  const mxn_tensor x = stretched(f, &f->inputs[1]), y = filled(f, "scalar");
  return choose(f, &x, &y);
}

mxn_status numpy_where_scalars_forward(const forward *f) {
  const mxn_tensor x = filled(f, "x"), y = filled(f, "y");
  return choose(f, &x, &y);
}
