/* random.c - see random.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ops/random.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "ops/draw.h"
#include "ops/family.h"
#include "ops/number.h"
#include "ops/view.h"

/* What a parameter must be, where it is an attribute. */
typedef enum bound { ANY, NOT_NEGATIVE, POSITIVE } bound;

static const struct distribution {
  const char *name;
  const char *parameters[2];
  bound bounds[2];
  draw_function draw;
} distributions[] = {
    {"uniform", {"low", "high"}, {ANY, ANY}, draw_uniform},
    {"normal", {"loc", "scale"}, {ANY, POSITIVE}, draw_normal},
    {"gamma", {"alpha", "beta"}, {POSITIVE, POSITIVE}, draw_gamma},
    {"exponential", {"lam", NULL}, {POSITIVE, ANY}, draw_exponential},
    {"poisson", {"lam", NULL}, {NOT_NEGATIVE, ANY}, draw_poisson},
    {"negative_binomial", {"k", "p"}, {NOT_NEGATIVE, NOT_NEGATIVE}, draw_negative_binomial},
    {"generalized_negative_binomial",
     {"mu", "alpha"},
     {NOT_NEGATIVE, NOT_NEGATIVE},
     draw_generalized_negative_binomial},
};
enum { N_DISTRIBUTIONS = sizeof distributions / sizeof *distributions };

/* The distribution in the operator's name: _random_NAME, _random_NAME_like, _sample_NAME. */
static const struct distribution *find_distribution(const node *n) {
  const char *name = strchr(op_name(n) + 1, '_') + 1;
  for (size_t i = 0; i < N_DISTRIBUTIONS; i++) {
    const size_t length = strlen(distributions[i].name);
    if (strncmp(name, distributions[i].name, length) != 0) continue;
    if (!name[length] || strcmp(name + length, "_like") == 0) return &distributions[i];
  }
  return NULL;
}

/* _random_* */

static double attribute_number(const node *n, const char *name) {
  return strcmp(name, "k") == 0 ? (double)op_int(n, name) : op_float(n, name);
}

static mxn_status check_parameters(inference *x, const struct distribution *d) {
  static const char *const expected[] = {[NOT_NEGATIVE] = "at least 0", [POSITIVE] = "more than 0"};
  for (int i = 0; i < 2 && d->parameters[i]; i++) {
    const double number = attribute_number(x->node, d->parameters[i]);
    if (d->bounds[i] == ANY || (d->bounds[i] == POSITIVE ? number > 0 : number >= 0)) continue;
    return infer_error(x, MXN_ARGUMENT, "%s is %g, expected %s", d->parameters[i], number, expected[d->bounds[i]]);
  }
  if (d->draw != draw_uniform || op_float(x->node, "high") >= op_float(x->node, "low")) return MXN_OK;
  return infer_error(x, MXN_ARGUMENT, "high is %g, expected at least low, %g", op_float(x->node, "high"),
                     op_float(x->node, "low"));
}

mxn_status random_shape(inference *x) {
  const struct distribution *drawn = find_distribution(x->node);
  if (drawn) TRY(check_parameters(x, drawn));
  if (x->n_inputs > 0) return infer_same_shape(x);
  const op_tuple shape = op_tuple_of(x->node, "shape");
  const bool is_known = shape.n > 0 || (shape.n == 0 && x->graph && x->graph->np_shape);
  if (!is_known) return MXN_OK;
  mxn_type out = {.n_dims = shape.n};
  for (int32_t d = 0; d < shape.n; d++) out.dims[d] = shape.v[d];
  return infer_output(x, 0, &out);
}

mxn_status random_dtype(inference *x) {
  if (x->n_inputs > 0) return infer_same_dtype(x);
  const mxn_dtype dtype = op_dtype(x->node, "dtype");
  if (dtype != MXN_DTYPE_UNKNOWN) return infer_output_dtype(x, 0, dtype);
  return x->outputs[0]->dtype == MXN_DTYPE_UNKNOWN ? infer_output_dtype(x, 0, MXN_FLOAT32) : MXN_OK;
}

mxn_status random_forward(const forward *f) {
  const struct distribution *d = find_distribution(f->node);
  const double a = attribute_number(f->node, d->parameters[0]);
  const double b = d->parameters[1] ? attribute_number(f->node, d->parameters[1]) : 0;
  const int64_t n = count_elements(&f->outputs[0].type);
  generator g = next_generator();
  for (int64_t i = 0; i < n; i++) {
    const double number = d->draw(&g, a, b);
    store_doubles(&f->outputs[0], i, 1, &number);
  }
  return MXN_OK;
}

mxn_status randint_dtype(inference *x) {
  const mxn_dtype dtype = op_dtype(x->node, "dtype");
  if (op_int(x->node, "low") >= op_int(x->node, "high"))
    return infer_error(x, MXN_ARGUMENT, "low is %" PRId64 ", expected less than high, %" PRId64, op_int(x->node, "low"),
                       op_int(x->node, "high"));
  return infer_output_dtype(x, 0, dtype == MXN_DTYPE_UNKNOWN ? MXN_INT32 : dtype);
}

mxn_status randint_forward(const forward *f) {
  const int64_t low = op_int(f->node, "low"), n = count_elements(&f->outputs[0].type);
  const uint64_t range = (uint64_t)op_int(f->node, "high") - (uint64_t)low;
  generator g = next_generator();
  for (int64_t i = 0; i < n; i++) {
    const int64_t number = (int64_t)((uint64_t)low + next_below(&g, range));
    store_integers(&f->outputs[0], i, 1, &number);
  }
  return MXN_OK;
}

/* _sample_* */

static mxn_status append_shape(inference *x, mxn_type *t, const op_tuple *shape) {
  if (shape->n > MXN_MAX_DIMS - t->n_dims)
    return infer_error(x, MXN_UNSUPPORTED, "the output has more than %d dimensions", MXN_MAX_DIMS);
  for (int32_t d = 0; d < shape->n; d++) t->dims[t->n_dims++] = shape->v[d];
  return MXN_OK;
}

mxn_status sample_shape(inference *x) {
  const op_tuple shape = op_tuple_of(x->node, "shape");
  inference parameters = *x;
  parameters.n_outputs = 0;
  TRY(infer_same_shape(&parameters));
  x->changed |= parameters.changed;
  mxn_type out = *x->inputs[0];
  if (out.n_dims < 0) return MXN_OK;
  TRY(append_shape(x, &out, &shape));
  return infer_output(x, 0, &out);
}

mxn_status sample_dtype(inference *x) {
  const mxn_dtype dtype = op_dtype(x->node, "dtype"), in = x->inputs[0]->dtype;
  for (uint32_t i = 1; i < x->n_inputs; i++) TRY(infer_input_dtype(x, i, in));
  if (dtype != MXN_DTYPE_UNKNOWN) return infer_output_dtype(x, 0, dtype);
  if (in == MXN_DTYPE_UNKNOWN || x->outputs[0]->dtype != MXN_DTYPE_UNKNOWN) return MXN_OK;
  return infer_output_dtype(x, 0, MXN_FLOAT32);
}

mxn_status sample_forward(const forward *f) {
  const struct distribution *d = find_distribution(f->node);
  const int64_t n = count_elements(&f->outputs[0].type), sets = count_elements(&f->inputs[0].type);
  generator g = next_generator();
  for (int64_t i = 0; i < n && sets > 0; i++) {
    double parameters[2] = {0, 0};
    for (uint32_t k = 0; k < op_own_inputs(f->node); k++)
      load_doubles(&f->inputs[k], i / (n / sets), 1, &parameters[k]);
    const double number = d->draw(&g, parameters[0], parameters[1]);
    store_doubles(&f->outputs[0], i, 1, &number);
  }
  return MXN_OK;
}

/* _sample_multinomial: indices by the probabilities of the last dimension, and
 * with get_prob the logarithms of those. */

uint32_t multinomial_outputs(const node *n) { return op_bool(n, "get_prob") ? 2 : 1; }

mxn_status multinomial_shape(inference *x) {
  const op_tuple shape = op_tuple_of(x->node, "shape");
  mxn_type out = *x->inputs[0];
  if (out.n_dims < 0) return MXN_OK;
  if (out.n_dims == 0 || out.dims[out.n_dims - 1] == 0)
    return infer_error(x, MXN_SHAPE, "data has no probabilities in its last dimension");
  out.n_dims--;
  TRY(append_shape(x, &out, &shape));
  if (out.n_dims == 0) out = (mxn_type){.n_dims = 1, .dims = {1}};
  for (uint32_t i = 0; i < x->n_outputs; i++) TRY(infer_output(x, i, &out));
  return MXN_OK;
}

mxn_status multinomial_dtype(inference *x) {
  TRY(infer_output_dtype(x, 0, op_dtype(x->node, "dtype")));
  return x->n_outputs > 1 ? infer_output_dtype(x, 1, x->inputs[0]->dtype) : MXN_OK;
}

mxn_status multinomial_forward(const forward *f) {
  const mxn_type *t = &f->inputs[0].type;
  const int64_t classes = t->dims[t->n_dims - 1], sets = count_elements(&f->inputs[0].type) / classes;
  const int64_t n = count_elements(&f->outputs[0].type);
  double *probabilities = arena_array(f->scratch, (size_t)classes, sizeof *probabilities);
  generator g = next_generator();
  for (int64_t i = 0; i < n && sets > 0; i++) {
    load_doubles(&f->inputs[0], i / (n / sets) * classes, classes, probabilities);
    const int64_t index = draw_index(&g, probabilities, classes);
    const double logarithm = log(probabilities[index]);
    store_integers(&f->outputs[0], i, 1, &index);
    if (f->node->n_outputs > 1) store_doubles(&f->outputs[1], i, 1, &logarithm);
  }
  return MXN_OK;
}

/* _shuffle (Fisher and Yates) */

mxn_status shuffle_forward(const forward *f) {
  const mxn_type *t = &f->inputs[0].type;
  const int64_t rows = t->n_dims > 0 ? t->dims[0] : 1;
  size_t bytes = 0;
  char *out = f->outputs[0].data;
  if (!type_bytes(t, &bytes) || bytes == 0) return MXN_OK;
  const size_t row = bytes / (size_t)rows;
  void *room = arena_alloc(f->scratch, row);
  generator g = next_generator();
  memcpy(out, f->inputs[0].data, bytes);
  for (int64_t i = rows - 1; i > 0; i--) {
    const size_t other = (size_t)next_below(&g, (uint64_t)i + 1);
    memcpy(room, out + (size_t)i * row, row);
    memmove(out + (size_t)i * row, out + other * row, row);
    memcpy(out + other * row, room, row);
  }
  return MXN_OK;
}

/* Dropout */

mxn_status dropout_shape(inference *x) {
  const op_tuple axes = op_tuple_of(x->node, "axes");
  const int32_t n_dims = x->inputs[0]->n_dims;
  for (int32_t i = 0; i < axes.n && n_dims >= 0; i++)
    if (axes.v[i] < 0 || axes.v[i] >= n_dims)
      return infer_error(x, MXN_SHAPE, "axes has %" PRId64 ", expected axes from 0 to %d", axes.v[i], n_dims - 1);
  return infer_same_shape(x);
}

/* 0, or what makes up for the zeros, for each element but along axes: these share one. */
static mxn_tensor draw_mask(const forward *f, double kept) {
  const op_tuple axes = op_tuple_of(f->node, "axes");
  mxn_tensor mask = {.type = f->inputs[0].type};
  for (int32_t i = 0; i < axes.n; i++) mask.type.dims[axes.v[i]] = 1;
  const int64_t n = count_elements(&mask.type);
  double *numbers = mask.data = arena_array(f->scratch, (size_t)n, sizeof *numbers);
  generator g = next_generator();
  for (int64_t i = 0; i < n; i++) numbers[i] = (next_unit(&g) < kept ? 1 : 0) / kept;
  return mask;
}

mxn_status dropout_forward(const forward *f) {
  const double kept = 1 - op_float(f->node, "p");
  if (strcmp(op_text(f->node, "mode"), "always") != 0 || kept == 1) return copy_forward(f);
  const mxn_type *t = &f->inputs[0].type;
  const mxn_tensor mask = draw_mask(f, kept);
  const view shared = view_broadcast(&mask.type, t);
  const int64_t n = count_elements(t);
  for (int64_t i = 0; i < n; i++) {
    double x;
    load_doubles(&f->inputs[0], i, 1, &x);
    x *= ((const double *)mask.data)[view_offset(t->n_dims, t->dims, shared.steps, i)];
    store_doubles(&f->outputs[0], i, 1, &x);
  }
  return MXN_OK;
}

/* Densities: their logarithms, of a sample and up to two parameters. MXNet rounds
 * most steps to the type, which shows in float16: so does r(). */

typedef struct rounding {
  mxn_dtype dtype;
} rounding;

static double r(rounding t, double x) { return round_to(t.dtype, x); }

static double log_uniform(rounding t, double x, double low, double high) {
  (void)x;
  return -r(t, log(r(t, high - low)));
}

static double log_normal(rounding t, double x, double mean, double deviation) {
  const double d = r(t, x - mean), square = r(t, deviation * deviation);
  const double exponent = r(t, r(t, r(t, -0.5 * d) * d) / square);
  return r(t, exponent - log(r(t, r(t, sqrt(2 * M_PI)) * deviation)));
}

static double log_gamma_density(rounding t, double x, double alpha, double beta) {
  const double power = r(t, r(t, alpha - 1) * log(x)), scaled = r(t, alpha * log(beta));
  return r(t, r(t, r(t, scaled + power) - r(t, beta * x)) - r(t, log_gamma(alpha)));
}

static double log_exponential(rounding t, double x, double rate, double unused) {
  (void)unused;
  return r(t, r(t, log(rate)) - r(t, rate * x));
}

static double log_poisson(rounding t, double x, double mean, double unused) {
  (void)unused;
  return r(t, r(t, r(t, x * r(t, log(mean))) - log_gamma(r(t, x + 1))) - mean);
}

static double log_negative_binomial(rounding t, double x, double k, double p) {
  const double ways = r(t, log_gamma(r(t, x + k)) - log_gamma(r(t, x + 1)) - log_gamma(k));
  return r(t, r(t, ways + r(t, k * log(p))) + r(t, x * log(r(t, 1 - p))));
}

static double log_generalized_negative_binomial(rounding t, double x, double mean, double alpha) {
  return log_negative_binomial(t, x, r(t, 1 / alpha), r(t, 1 / r(t, r(t, mean * alpha) + 1)));
}

static const struct density {
  const char *op;
  double (*logarithm)(rounding t, double x, double a, double b);
} densities[] = {
    {"_random_pdf_uniform", log_uniform},
    {"_random_pdf_normal", log_normal},
    {"_random_pdf_gamma", log_gamma_density},
    {"_random_pdf_exponential", log_exponential},
    {"_random_pdf_poisson", log_poisson},
    {"_random_pdf_negative_binomial", log_negative_binomial},
    {"_random_pdf_generalized_negative_binomial", log_generalized_negative_binomial},
    {"_random_pdf_dirichlet", NULL}, /* samples are vectors */
};

static const struct density *find_density(const node *n) {
  const struct density *d = densities;
  while (!op_is(n, d->op)) d++;
  return d;
}

/* Parameters have the first dimensions of the samples; vectors also the last. */
mxn_status pdf_shape(inference *x) {
  const bool is_vector = !find_density(x->node)->logarithm;
  const mxn_type *sample = x->inputs[0];
  input_name name;
  for (uint32_t i = 0; i < x->n_inputs; i++) {
    if (x->inputs[i]->n_dims < 0) return MXN_OK;
    if (x->inputs[i]->n_dims == 0)
      return infer_error(x, MXN_SHAPE, "%s has no dimensions", infer_input_name(x, i, &name));
  }
  if (is_vector && sample->dims[sample->n_dims - 1] == 0)
    return infer_error(x, MXN_SHAPE, "sample has vectors without elements");
  if (x->inputs[1]->n_dims > sample->n_dims)
    return infer_error(x, MXN_SHAPE, "the parameters have %d dimensions, the samples %d", x->inputs[1]->n_dims,
                       sample->n_dims);
  mxn_type parameter = *sample, out = *sample;
  parameter.n_dims = x->inputs[1]->n_dims;
  if (is_vector) parameter.dims[parameter.n_dims - 1] = sample->dims[sample->n_dims - 1];
  for (uint32_t i = 1; i < x->n_inputs; i++) TRY(infer_input(x, i, &parameter));
  out.n_dims -= is_vector;
  if (out.n_dims == 0) out = (mxn_type){.n_dims = 1, .dims = {1}};
  return infer_output(x, 0, &out);
}

static double log_dirichlet(const double *x, const double *alpha, int64_t n) {
  double sum = 0, alphas = 0;
  for (int64_t i = 0; i < n; i++) {
    sum += (alpha[i] - 1) * log(x[i]) - log_gamma(alpha[i]);
    alphas += alpha[i];
  }
  return sum + log_gamma(alphas);
}

/* Of sample i, which is the `length` numbers there, in the set of parameters `set`. */
static double log_density(const forward *f, const struct density *d, int64_t i, int64_t set, int64_t length,
                          double *room) {
  double parameters[2] = {0, 0};
  load_doubles(&f->inputs[0], i * length, length, room);
  if (!d->logarithm) {
    load_doubles(&f->inputs[1], set * length, length, room + length);
    return log_dirichlet(room, room + length, length);
  }
  for (uint32_t k = 1; k < op_own_inputs(f->node); k++) load_doubles(&f->inputs[k], set, 1, &parameters[k - 1]);
  return d->logarithm((rounding){f->outputs[0].type.dtype}, room[0], parameters[0], parameters[1]);
}

mxn_status pdf_forward(const forward *f) {
  const struct density *d = find_density(f->node);
  const mxn_type *t = &f->inputs[0].type;
  const int64_t n = count_elements(&f->outputs[0].type);
  double *room = arena_array(f->scratch, 2 * (size_t)t->dims[t->n_dims - 1] + 2, sizeof *room);
  const int64_t length = d->logarithm ? 1 : t->dims[t->n_dims - 1];
  const int64_t sets = count_elements(&f->inputs[1].type) / length;
  for (int64_t i = 0; i < n && sets > 0; i++) {
    const double logarithm = log_density(f, d, i, i / (n / sets), length, room);
    const double density = op_bool(f->node, "is_log") ? logarithm : exp(logarithm);
    store_doubles(&f->outputs[0], i, 1, &density);
  }
  return MXN_OK;
}
