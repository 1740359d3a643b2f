/* misc.c - see misc.h. SPDX-License-Identifier: Apache-2.0 */
#include "ops/misc.h"

#include <math.h>

#include "ops/family.h"
#include "ops/number.h"

/* Elementwise functions of one input and some parameters, in blocks. */

typedef double (*parametric)(const double *parameters, double x);

static void map(const forward *f, parametric function, const double *parameters) {
  enum { BLOCK = 512 };
  double x[BLOCK];
  const int64_t elements = count_elements(&f->outputs[0].type);
  for (int64_t i = 0; i < elements; i += BLOCK) {
    const int64_t n = elements - i < BLOCK ? elements - i : BLOCK;
    load_doubles(&f->inputs[0], i, n, x);
    for (int64_t k = 0; k < n; k++) x[k] = function(parameters, x[k]);
    store_doubles(&f->outputs[0], i, n, x);
  }
}

static double hard_sigmoid(const double *p, double x) {
  const double y = p[0] * x + p[1];
  return y > 1 ? 1 : y < 0 ? 0 : y;
}

mxn_status hard_sigmoid_forward(const forward *f) {
  map(f, hard_sigmoid, (const double[]){op_float(f->node, "alpha"), op_float(f->node, "beta")});
  return MXN_OK;
}

static double quadratic(const double *p, double x) { return p[0] * x * x + p[1] * x + p[2]; }

mxn_status quadratic_forward(const forward *f) {
  map(f, quadratic, (const double[]){op_float(f->node, "a"), op_float(f->node, "b"), op_float(f->node, "c")});
  return MXN_OK;
}

mxn_status div_sqrt_dim_shape(inference *x) {
  TRY(infer_data_shape(x));
  return x->inputs[0]->n_dims == 0 ? infer_error(x, MXN_SHAPE, "data has no dimensions") : MXN_OK;
}

static double divide(const double *p, double x) { return x / p[0]; }

mxn_status div_sqrt_dim_forward(const forward *f) {
  const mxn_type *t = &f->inputs[0].type;
  map(f, divide, (const double[]){round_to(t->dtype, sqrt((double)t->dims[t->n_dims - 1]))});
  return MXN_OK;
}

/* Mixed precision: only the kinds of float that it knows are cast. */

static bool is_amp_float(mxn_dtype dtype) {
  return dtype == MXN_FLOAT32 || dtype == MXN_FLOAT16 || dtype == MXN_BFLOAT16;
}

mxn_status amp_cast_dtype(inference *x) {
  const mxn_dtype in = x->inputs[0]->dtype;
  if (in == MXN_DTYPE_UNKNOWN) return MXN_OK;
  return infer_output_dtype(x, 0, is_amp_float(in) ? op_dtype(x->node, "dtype") : in);
}

uint32_t amp_multicast_inputs(const node *n) { return (uint32_t)op_int(n, "num_outputs"); }

mxn_status amp_multicast_shape(inference *x) {
  for (uint32_t i = 0; i < x->n_inputs; i++) {
    TRY(infer_output(x, i, x->inputs[i]));
    TRY(infer_input(x, i, x->outputs[i]));
  }
  return MXN_OK;
}

/* float32 where one is, with cast_narrow the narrowest; otherwise that of the first input. */
static mxn_dtype common_dtype(const inference *x, bool is_narrow) {
  mxn_dtype dtype = is_narrow ? MXN_FLOAT32 : x->inputs[0]->dtype;
  for (uint32_t i = 0; i < x->n_inputs; i++) {
    const mxn_dtype in = x->inputs[i]->dtype;
    if (is_narrow ? in == MXN_FLOAT16 || in == MXN_BFLOAT16 : in == MXN_FLOAT32) dtype = in;
  }
  return dtype;
}

mxn_status amp_multicast_dtype(inference *x) {
  for (uint32_t i = 0; i < x->n_inputs; i++)
    if (x->inputs[i]->dtype == MXN_DTYPE_UNKNOWN) return MXN_OK;
  const mxn_dtype dtype = common_dtype(x, op_bool(x->node, "cast_narrow"));
  for (uint32_t i = 0; i < x->n_inputs; i++)
    TRY(infer_output_dtype(x, i, is_amp_float(x->inputs[i]->dtype) ? dtype : x->inputs[i]->dtype));
  return MXN_OK;
}

mxn_status amp_multicast_forward(const forward *f) {
  for (uint32_t i = 0; i < f->node->n_outputs; i++) map_unary(&unary_identity, &f->inputs[i], &f->outputs[i]);
  return MXN_OK;
}

/* all_finite and multi_all_finite: 1 where no input has NaN or infinity. */

uint32_t count_arrays(const node *n) { return (uint32_t)op_int(n, "num_arrays"); }

mxn_status all_finite_shape(inference *x) { return infer_output(x, 0, &(mxn_type){.n_dims = 1, .dims = {1}}); }
mxn_status all_finite_dtype(inference *x) { return infer_output_dtype(x, 0, MXN_FLOAT32); }

static bool is_all_finite(const mxn_tensor *t) {
  const int64_t elements = count_elements(&t->type);
  for (int64_t i = 0; i < elements; i++) {
    double x;
    load_doubles(t, i, 1, &x);
    if (!isfinite(x)) return false;
  }
  return true;
}

mxn_status all_finite_forward(const forward *f) {
  const uint32_t n = op_own_inputs(f->node);
  double result = 1;
  for (uint32_t i = 0; i < n; i++)
    if (!is_all_finite(&f->inputs[i])) result = 0;
  store_doubles(&f->outputs[0], 0, 1, &result);
  return MXN_OK;
}

/* multi_sum_sq: one number for each array. */

mxn_status multi_sum_sq_shape(inference *x) {
  return infer_output(x, 0, &(mxn_type){.n_dims = 1, .dims = {op_int(x->node, "num_arrays")}});
}

mxn_status multi_sum_sq_dtype(inference *x) {
  for (uint32_t i = 0; i < x->n_inputs; i++) {
    TRY(infer_input_dtype(x, i, x->inputs[0]->dtype));
    TRY(infer_input_dtype(x, 0, x->inputs[i]->dtype));
  }
  return infer_output_dtype(x, 0, MXN_FLOAT32);
}

mxn_status multi_sum_sq_forward(const forward *f) {
  for (uint32_t i = 0; i < f->node->n_inputs; i++) {
    const int64_t elements = count_elements(&f->inputs[i].type);
    double sum = 0;
    for (int64_t k = 0; k < elements; k++) {
      double x;
      load_doubles(&f->inputs[i], k, 1, &x);
      sum += x * x;
    }
    store_doubles(&f->outputs[0], i, 1, &sum);
  }
  return MXN_OK;
}

/* multi_lars: learning rates by the norms of weights and gradients. */

mxn_status multi_lars_forward(const forward *f) {
  enum { RATE, WEIGHTS, GRADIENTS, DECAY, N_INPUTS };
  const double eta = op_float(f->node, "eta"), eps = op_float(f->node, "eps");
  const double rescale = op_float(f->node, "rescale_grad");
  const int64_t elements = count_elements(&f->outputs[0].type);
  for (int64_t k = 0; k < elements; k++) {
    double x[N_INPUTS];
    for (int i = 0; i < N_INPUTS; i++) load_doubles(&f->inputs[i], k, 1, &x[i]);
    const double weight = sqrt(x[WEIGHTS]), divisor = sqrt(x[GRADIENTS]) * rescale + x[DECAY] * weight + eps;
    if (weight > 0 && x[GRADIENTS] > 0) x[RATE] *= eta * weight / divisor;
    store_doubles(&f->outputs[0], k, 1, &x[RATE]);
  }
  return MXN_OK;
}

/* _contrib_allclose: one number that tells whether two arrays agree. */

mxn_status all_close_shape(inference *x) {
  TRY(infer_input(x, 0, x->inputs[1]));
  TRY(infer_input(x, 1, x->inputs[0]));
  return infer_output(x, 0, &(mxn_type){.n_dims = 0});
}

mxn_status all_close_dtype(inference *x) {
  TRY(infer_input_dtype(x, 0, x->inputs[1]->dtype));
  TRY(infer_input_dtype(x, 1, x->inputs[0]->dtype));
  return infer_output_dtype(x, 0, MXN_UINT8);
}

static bool is_close(const node *n, double a, double b) {
  if (isnan(a) || isnan(b)) return op_bool(n, "equal_nan") && isnan(a) && isnan(b);
  return a == b || fabs(a - b) <= op_float(n, "atol") + op_float(n, "rtol") * fabs(b);
}

mxn_status all_close_forward(const forward *f) {
  const int64_t elements = count_elements(&f->inputs[0].type);
  double result = 1;
  for (int64_t i = 0; i < elements; i++) {
    double a, b;
    load_doubles(&f->inputs[0], i, 1, &a);
    load_doubles(&f->inputs[1], i, 1, &b);
    if (!is_close(f->node, a, b)) result = 0;
  }
  store_doubles(&f->outputs[0], 0, 1, &result);
  return MXN_OK;
}
