/* elementwise.c - one loop for each function of functions.def, one walk over the
 * elements for each number of operands.
 *
 * Elements go through blocks that stay in the first-level cache: load as double
 * or int64, apply, store in the output's type.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <string.h>

#include "ops/family.h"
#include "ops/number.h"

enum { BLOCK = 512 };

/* What C leaves undefined for integers wraps around, as the machine does. */
#define WRAP(a, operation, b) ((int64_t)((uint64_t)(a)operation(uint64_t)(b)))

static int64_t divide_integers(int64_t x, int64_t y) { return y == 0 ? 0 : y == -1 ? WRAP(0, -, x) : x / y; }

/* The sign of the result is the divisor's, as in Python. */
static int64_t modulo_integers(int64_t x, int64_t y) {
  if (y == 0 || y == -1) return 0;
  const int64_t r = x % y;
  return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}

static double modulo(double x, double y) {
  if (y == 0) return 0;
  const double r = fmod(x, y);
  return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}

static int64_t least_common_multiple(int64_t x, int64_t y) {
  int64_t a = x < 0 ? WRAP(0, -, x) : x, b = y < 0 ? WRAP(0, -, y) : y;
  if (x == 0 || y == 0) return 0;
  const int64_t product_of = a;
  const int64_t by = b;
  while (b != 0 && a != INT64_MIN) {
    const int64_t rest = a % b;
    a = b;
    b = rest;
  }
  return WRAP(product_of / a, *, by);
}

/* y is the number sigma: a parabola inside 1 / sigma^2, straight lines outside. */
static double smooth_l1(double x, double y) {
  const double square = y * y, bound = 1 / square;
  if (x > bound) return x - 0.5 * bound;
  return x < -bound ? -x - 0.5 * bound : 0.5 * x * x * square;
}

/* Winitzki's formula is right to 0.002, from where Newton's steps square the error. */
static double inverse_erf(double x) {
  if (!(fabs(x) < 1)) return fabs(x) == 1 ? copysign(INFINITY, x) : NAN;
  const double a = 0.147, l = log1p(-x * x), b = 2 / (M_PI * a) + l / 2;
  double y = copysign(sqrt(sqrt(b * b - l / a) - b), x);
  for (int i = 0; i < 4; i++) {
    const double error = x > 0 ? (1 - x) - erfc(y) : erfc(-y) - (1 + x);
    const double slope = M_2_SQRTPI * exp(-y * y);
    if (slope == 0) break;
    y -= error / slope;
  }
  return y;
}

/* The loops. */

#define FLOAT_UNARY_LOOP(name, result)                                          \
  static void unary_##name##_floats(const double *in, double *out, int64_t n) { \
    for (int64_t i = 0; i < n; i++) {                                           \
      const double x = in[i];                                                   \
      out[i] = result;                                                          \
    }                                                                           \
  }
#define UNARY_LOOP(name, result)                                                    \
  static void unary_##name##_integers(const int64_t *in, int64_t *out, int64_t n) { \
    for (int64_t i = 0; i < n; i++) {                                               \
      const int64_t x = in[i];                                                      \
      out[i] = result;                                                              \
    }                                                                               \
  }
#define FLOAT_BINARY_LOOP(name, result)                                                            \
  static void binary_##name##_floats(const double *in, const double *by, double *out, int64_t n) { \
    for (int64_t i = 0; i < n; i++) {                                                              \
      const double x = in[i], y = by[i];                                                           \
      out[i] = result;                                                                             \
    }                                                                                              \
  }
#define BINARY_LOOP(name, result)                                                                       \
  static void binary_##name##_integers(const int64_t *in, const int64_t *by, int64_t *out, int64_t n) { \
    for (int64_t i = 0; i < n; i++) {                                                                   \
      const int64_t x = in[i], y = by[i];                                                               \
      out[i] = result;                                                                                  \
    }                                                                                                   \
  }

#define UNARY(name, floating, integral) \
  FLOAT_UNARY_LOOP(name, floating)      \
  UNARY_LOOP(name, integral)            \
  const unary_function unary_##name = {unary_##name##_floats, unary_##name##_integers};
#define FLOAT_UNARY(name, floating) \
  FLOAT_UNARY_LOOP(name, floating)  \
  const unary_function unary_##name = {unary_##name##_floats, NULL};
#define BINARY(name, floating, integral) \
  FLOAT_BINARY_LOOP(name, floating)      \
  BINARY_LOOP(name, integral)            \
  const binary_function binary_##name = {binary_##name##_floats, binary_##name##_integers};
#define FLOAT_BINARY(name, floating) \
  FLOAT_BINARY_LOOP(name, floating)  \
  const binary_function binary_##name = {binary_##name##_floats, NULL};
#include "ops/functions.def"
#undef UNARY
#undef BINARY
#undef FLOAT_UNARY
#undef FLOAT_BINARY

/* A block of numbers, as the computation of an output of that type needs them. */
typedef union block {
  double floats[BLOCK];
  int64_t integers[BLOCK];
} block;

/* What the walks are told: integers are exact where the function has them. */
static bool use_integers(bool has_integers, mxn_dtype out, mxn_dtype in) {
  return has_integers && !dtype_is_float(out) && !dtype_is_float(in);
}

/* Where the function has no integers, MXNet computes those in float32. */
static void store_results(bool has_integers, mxn_tensor *out, int64_t first, int64_t n, double *results) {
  for (int64_t i = 0; i < n && !has_integers && !dtype_is_float(out->type.dtype); i++)
    results[i] = round_to(MXN_FLOAT32, results[i]);
  store_doubles(out, first, n, results);
}

static int64_t block_at(int64_t first, int64_t end) { return end - first < BLOCK ? end - first : BLOCK; }

void map_unary(const unary_function *function, const mxn_tensor *x, mxn_tensor *out) {
  const bool is_integer = use_integers(function->integers, out->type.dtype, x->type.dtype);
  const int64_t elements = count_elements(&out->type);
  block in, result;
  for (int64_t i = 0; i < elements; i += BLOCK) {
    const int64_t n = block_at(i, elements);
    if (is_integer) {
      load_integers(x, i, n, in.integers);
      function->integers(in.integers, result.integers, n);
      store_integers(out, i, n, result.integers);
    } else {
      load_doubles(x, i, n, in.floats);
      function->floats(in.floats, result.floats, n);
      store_results(function->integers, out, i, n, result.floats);
    }
  }
}

/* Broadcasting: the output's elements in order, for each operand the step along
 * each dimension. Dimensions that both walk without a break become one. */

enum { N_OPERANDS = 2 };

typedef struct walk {
  int32_t n_dims;
  int64_t dims[MXN_MAX_DIMS + 1];
  int64_t steps[N_OPERANDS][MXN_MAX_DIMS + 1];
} walk;

static void set_steps(const mxn_type *out, const mxn_type *in, int64_t *steps) {
  int64_t step = 1;
  for (int32_t d = out->n_dims - 1; d >= 0; d--) {
    const int32_t own = d - (out->n_dims - in->n_dims);
    steps[d] = own >= 0 && in->dims[own] != 1 ? step : 0;
    if (own >= 0) step *= in->dims[own];
  }
}

static bool can_join(const walk *w, int32_t d, int64_t dim, int64_t steps[N_OPERANDS]) {
  for (int k = 0; k < N_OPERANDS; k++)
    if (w->steps[k][d] != steps[k] * dim) return false;
  return true;
}

static walk walk_of(const mxn_type *out, const mxn_type *x, const mxn_type *y) {
  int64_t steps[N_OPERANDS][MXN_MAX_DIMS];
  set_steps(out, x, steps[0]);
  set_steps(out, y, steps[1]);
  walk w = {.n_dims = 1, .dims = {1}};
  for (int32_t d = 0; d < out->n_dims; d++) {
    int64_t here[N_OPERANDS];
    for (int k = 0; k < N_OPERANDS; k++) here[k] = steps[k][d];
    int32_t at = w.n_dims - 1;
    if (w.dims[at] == 1)
      w.dims[at] = out->dims[d];
    else if (can_join(&w, at, out->dims[d], here))
      w.dims[at] *= out->dims[d];
    else
      w.dims[at = w.n_dims++] = out->dims[d];
    for (int k = 0; k < N_OPERANDS; k++) w.steps[k][at] = here[k];
  }
  return w;
}

/* Where row `row` of the last dimension starts in an operand. */
static int64_t row_start(const walk *w, int k, int64_t row) {
  int64_t start = 0;
  for (int32_t d = w->n_dims - 2; d >= 0; d--) {
    start += row % w->dims[d] * w->steps[k][d];
    row /= w->dims[d];
  }
  return start;
}

/* n numbers of an operand that stands still (step 0) or goes on (step 1). */
static void load_block(const mxn_tensor *t, bool is_integer, int64_t first, int64_t step, int64_t n, block *out) {
  const int64_t loaded = step ? n : 1;
  if (is_integer)
    load_integers(t, first, loaded, out->integers);
  else
    load_doubles(t, first, loaded, out->floats);
  for (int64_t i = loaded; i < n; i++) memcpy(&out->floats[i], &out->floats[0], sizeof out->floats[0]);
}

static void apply_binary(const binary_function *function, bool is_integer, const block *x, const block *y,
                         mxn_tensor *out, int64_t first, int64_t n) {
  block result;
  if (is_integer) {
    function->integers(x->integers, y->integers, result.integers, n);
    store_integers(out, first, n, result.integers);
  } else {
    function->floats(x->floats, y->floats, result.floats, n);
    store_results(function->integers, out, first, n, result.floats);
  }
}

void map_binary(const binary_function *function, const mxn_tensor *x, const mxn_tensor *y, mxn_tensor *out) {
  const mxn_tensor *operands[N_OPERANDS] = {x, y};
  const bool is_integer = use_integers(function->integers, out->type.dtype, x->type.dtype);
  const int64_t elements = count_elements(&out->type);
  const walk w = walk_of(&out->type, &x->type, &y->type);
  const int64_t length = w.dims[w.n_dims - 1];
  block in[N_OPERANDS];
  for (int64_t row = 0; row * length < elements; row++) {
    const int64_t start[N_OPERANDS] = {row_start(&w, 0, row), row_start(&w, 1, row)};
    for (int64_t i = 0; i < length; i += BLOCK) {
      const int64_t n = block_at(i, length);
      for (int k = 0; k < N_OPERANDS; k++) {
        const int64_t step = w.steps[k][w.n_dims - 1];
        load_block(operands[k], is_integer, start[k] + i * step, step, n, &in[k]);
      }
      apply_binary(function, is_integer, &in[0], &in[1], out, row * length + i, n);
    }
  }
}

/* MXNet brings the number into the type that it computes in: the output's, or for
 * a comparison the input's, where a fraction makes integers float64. */
static mxn_dtype number_dtype(mxn_dtype in, mxn_dtype out) {
  if (out != MXN_BOOL) return out;
  return dtype_is_float(in) || in == MXN_BOOL ? in : MXN_FLOAT64;
}

static bool is_whole(double x) { return x == trunc(x) && x >= -0x1p63 && x < 0x1p63; }

void map_scalar(const binary_function *function, const mxn_tensor *x, double number, bool is_reversed,
                mxn_tensor *out) {
  const double kept = round_to(number_dtype(x->type.dtype, out->type.dtype), number);
  const bool is_integer = use_integers(function->integers, out->type.dtype, x->type.dtype) && is_whole(kept);
  const int64_t elements = count_elements(&out->type);
  block in, scalar;
  for (int64_t i = 0; i < BLOCK; i++) {
    if (is_integer)
      scalar.integers[i] = (int64_t)kept;
    else
      scalar.floats[i] = kept;
  }
  for (int64_t i = 0; i < elements; i += BLOCK) {
    const int64_t n = block_at(i, elements);
    load_block(x, is_integer, i, 1, n, &in);
    apply_binary(function, is_integer, is_reversed ? &scalar : &in, is_reversed ? &in : &scalar, out, i, n);
  }
}

/* Operators. */

mxn_status unary_forward(const forward *f) {
  map_unary(f->node->def->unary, &f->inputs[0], &f->outputs[0]);
  return MXN_OK;
}

mxn_status binary_forward(const forward *f) {
  map_binary(f->node->def->binary, &f->inputs[0], &f->inputs[1], &f->outputs[0]);
  return MXN_OK;
}

/* Integers are compared with an integer where the node says that it is one. */
static double scalar_of(const forward *f) {
  const double number = op_float(f->node, "scalar");
  const bool is_compared = f->outputs[0].type.dtype == MXN_BOOL && !dtype_is_float(f->inputs[0].type.dtype);
  return is_compared && op_bool(f->node, "is_int") ? trunc(number) : number;
}

mxn_status scalar_forward(const forward *f) {
  map_scalar(f->node->def->binary, &f->inputs[0], scalar_of(f), false, &f->outputs[0]);
  return MXN_OK;
}

mxn_status scalar_reversed_forward(const forward *f) {
  map_scalar(f->node->def->binary, &f->inputs[0], op_float(f->node, "scalar"), true, &f->outputs[0]);
  return MXN_OK;
}

/* What is above a_max becomes a_max, even where a_min is above that; NaN is neither
 * above nor below. */
mxn_status clip_forward(const forward *f) {
  const double least = op_float(f->node, "a_min"), most = op_float(f->node, "a_max");
  const int64_t n = count_elements(&f->outputs[0].type);
  const size_t bytes = mxn_dtype_bytes(f->outputs[0].type.dtype);
  for (int64_t i = 0; i < n; i++) {
    double x;
    load_doubles(&f->inputs[0], i, 1, &x);
    if (x > most || x < least)
      store_doubles(&f->outputs[0], i, 1, x > most ? &most : &least);
    else
      memmove((char *)f->outputs[0].data + (size_t)i * bytes, (const char *)f->inputs[0].data + (size_t)i * bytes,
              bytes);
  }
  return MXN_OK;
}

uint32_t count_arguments(const node *n) { return (uint32_t)op_int(n, "num_args"); }

/* add_n: the first two, then one after the other. */
mxn_status sum_forward(const forward *f) {
  const uint32_t n = count_arguments(f->node);
  map_unary(&unary_identity, &f->inputs[0], &f->outputs[0]);
  for (uint32_t i = 1; i < n; i++) map_binary(&binary_add, &f->outputs[0], &f->inputs[i], &f->outputs[0]);
  return MXN_OK;
}

/* Stretch `out` so that `in` can be broadcast to it. Dimensions are matched from the
 * last one on; 1 stretches. */
static mxn_status stretch(inference *x, mxn_type *out, const mxn_type *in) {
  const mxn_type before = *out;
  out->n_dims = before.n_dims > in->n_dims ? before.n_dims : in->n_dims;
  for (int32_t d = 0; d < out->n_dims; d++) {
    const int32_t own = d - (out->n_dims - before.n_dims), other = d - (out->n_dims - in->n_dims);
    const int64_t l = own >= 0 ? before.dims[own] : 1, r = other >= 0 ? in->dims[other] : 1;
    char left[SHAPE_TEXT_BYTES], right[SHAPE_TEXT_BYTES];
    if (l >= 0 && r >= 0 && l != r && l != 1 && r != 1)
      return infer_error(x, MXN_SHAPE, "shapes %s and %s cannot be broadcast", shape_text(&before, left),
                         shape_text(in, right));
    out->dims[d] = l < 0 || r < 0 ? -1 : l == 1 ? r : l;
  }
  return MXN_OK;
}

mxn_status broadcast_shape(inference *x) {
  mxn_type out = {.n_dims = 0};
  for (uint32_t i = 0; i < x->n_inputs; i++)
    if (x->inputs[i]->n_dims < 0) return MXN_OK;
  for (uint32_t i = 0; i < x->n_inputs; i++) TRY(stretch(x, &out, x->inputs[i]));
  return infer_output(x, 0, &out);
}

/* Integers with a number that is none become float64, booleans int64. */
mxn_status scalar_dtype(inference *x) {
  const mxn_dtype in = x->inputs[0]->dtype;
  const bool is_int = op_bool(x->node, "is_int"), is_known = in != MXN_DTYPE_UNKNOWN;
  if (is_known && !dtype_is_float(in) && !is_int) return infer_output_dtype(x, 0, MXN_FLOAT64);
  if (in == MXN_BOOL) return infer_output_dtype(x, 0, MXN_INT64);
  return infer_same_dtype(x);
}

/* Which dimensions broadcast together. */

static bool has_dimension(const node *n, uint32_t input, int32_t d) {
  return value_type(n->inputs[input])->dims[d] == n->outputs[0].dims[d];
}

bool op_broadcasts_rows_as_one(const node *n) {
  for (uint32_t i = 0; i < n->n_inputs; i++) {
    bool all = true, none = true;
    for (int32_t d = 2; d < n->outputs[0].n_dims - 1; d++) {
      all = all && has_dimension(n, i, d);
      none = none && value_type(n->inputs[i])->dims[d] == 1;
    }
    if (!all && !none) return false;
  }
  return true;
}

static bool broadcasts_alike(const node *n, int32_t d, int32_t e) {
  const int64_t *out = n->outputs[0].dims;
  for (uint32_t i = 0; i < n->n_inputs && out[d] != 1 && out[e] != 1; i++)
    if (has_dimension(n, i, d) != has_dimension(n, i, e)) return false;
  return true;
}

op_joined op_joined_axes(const node *n) {
  const mxn_type *out = &n->outputs[0];
  op_joined j = {.n_dims = out->n_dims};
  int32_t last = 1; /* stands for what joined so far: a size of 1 does for nothing */
  for (int32_t d = 2; d < out->n_dims; d++) {
    j.joins[d] = broadcasts_alike(n, last, d);
    j.n_dims -= j.joins[d];
    if (!j.joins[d] || out->dims[d] != 1) last = d;
  }
  return j;
}

mxn_type op_joined_type(const op_joined *j, const mxn_type *t) {
  mxn_type joined = {.dtype = t->dtype};
  for (int32_t d = 0; d < t->n_dims; d++) {
    if (j->joins[d])
      joined.dims[joined.n_dims - 1] *= t->dims[d];
    else
      joined.dims[joined.n_dims++] = t->dims[d];
  }
  return joined;
}
