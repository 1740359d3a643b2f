/* numpy_random.c - numpy's random operators, _npi_uniform and the like.
 *
 * A parameter is an attribute, or where that is None the next input, which is
 * broadcast to the output: to `size`, or without one to the shape of the
 * parameters. The operators with _n put `size` before that shape. The hidden output
 * of some is the number before the parameters are applied.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "ops/draw.h"
#include "ops/family.h"
#include "ops/number.h"
#include "ops/view.h"

/* Distributions: a number without parameters, and what they make of it. */

static double unit_noise(generator *g) { return 1 - next_unit(g); } /* in (0, 1] */
static double normal_noise(generator *g) { return draw_normal(g, 0, 1); }
static double exponential_noise(generator *g) { return draw_exponential(g, 1, 0); }
static double rayleigh_noise(generator *g) { return sqrt(2 * draw_exponential(g, 1, 0)); }
static double gumbel_noise(generator *g) { return -log(draw_exponential(g, 1, 0)); }
static double logistic_noise(generator *g) {
  const double u = next_unit(g);
  return log(u) - log1p(-u);
}

static double of_uniform(double noise, double low, double high) { return low + (1 - noise) * (high - low); }
static double of_location(double noise, double location, double scale) { return location + noise * scale; }
static double of_scale(double noise, double scale, double unused) { return unused + noise * scale; }
static double of_pareto(double noise, double a, double unused) { return unused + expm1(noise / a); }
static double of_power(double noise, double a, double unused) { return unused + pow(noise, 1 / a); }
static double of_bernoulli(double noise, double p, double is_logit) {
  return is_logit != 0 ? p > log(noise) - log1p(-noise) : p >= noise;
}

typedef enum bound { ANY, NOT_NEGATIVE, POSITIVE } bound;

static const struct numpy_distribution {
  const char *op;
  struct {
    const char *name;
    bound bound;
  } parameters[2];
  double (*noise)(generator *g);
  double (*apply)(double noise, double a, double b);
} distributions[] = {
    {"_npi_uniform", {{"low", ANY}, {"high", ANY}}, unit_noise, of_uniform},
    {"_npi_uniform_n", {{"low", ANY}, {"high", ANY}}, unit_noise, of_uniform},
    {"_npi_normal", {{"loc", ANY}, {"scale", NOT_NEGATIVE}}, normal_noise, of_location},
    {"_npi_normal_n", {{"loc", ANY}, {"scale", NOT_NEGATIVE}}, normal_noise, of_location},
    {"_npi_gumbel", {{"loc", ANY}, {"scale", NOT_NEGATIVE}}, gumbel_noise, of_location},
    {"_npi_logistic", {{"loc", ANY}, {"scale", NOT_NEGATIVE}}, logistic_noise, of_location},
    {"_npi_exponential", {{"scale", NOT_NEGATIVE}}, exponential_noise, of_scale},
    {"_npi_rayleigh", {{"scale", NOT_NEGATIVE}}, rayleigh_noise, of_scale},
    {"_npi_pareto", {{"a", POSITIVE}}, exponential_noise, of_pareto},
    {"_npi_powerd", {{"a", POSITIVE}}, unit_noise, of_power},
    {"_npi_weibull", {{"a", POSITIVE}}, exponential_noise, of_power},
    {"_npi_gamma", {{"shape", POSITIVE}, {"scale", POSITIVE}}, NULL, NULL},
};

static const struct numpy_distribution *find_distribution(const node *n) {
  const struct numpy_distribution *d = distributions;
  while (!op_is(n, d->op)) d++;
  return d;
}

/* Inputs and types. */

uint32_t numpy_random_inputs(const node *n) {
  const struct numpy_distribution *d = find_distribution(n);
  uint32_t count = 0;
  for (int i = 0; i < 2 && d->parameters[i].name; i++) count += op_is_none(n, d->parameters[i].name);
  return count;
}

uint32_t numpy_bernoulli_inputs(const node *n) { return op_is_none(n, "prob") && op_is_none(n, "logit"); }

/* The shape of all parameters together; n_dims -1 where one is not known. */
static mxn_status parameters_shape(inference *x, mxn_type *out) {
  inference parameters = *x;
  mxn_type shape = type_unknown(), *output = &shape;
  parameters.outputs = &output;
  parameters.n_outputs = 1;
  TRY(broadcast_shape(&parameters));
  *out = shape;
  return MXN_OK;
}

static mxn_status infer_all(inference *x, const mxn_type *shape) {
  for (uint32_t i = 0; i < x->n_outputs; i++) TRY(infer_output(x, i, shape));
  return MXN_OK;
}

static mxn_type size_shape(const op_tuple *size) {
  mxn_type out = {.n_dims = size->n};
  for (int32_t d = 0; d < size->n; d++) out.dims[d] = size->v[d];
  return out;
}

static bool fits_into(const mxn_type *t, const mxn_type *shape) {
  if (t->n_dims > shape->n_dims) return false;
  for (int32_t d = 1; d <= t->n_dims; d++)
    if (t->dims[t->n_dims - d] != 1 && t->dims[t->n_dims - d] != shape->dims[shape->n_dims - d]) return false;
  return true;
}

mxn_status numpy_random_shape(inference *x) {
  const op_tuple size = op_tuple_of(x->node, "size");
  mxn_type parameters;
  TRY(parameters_shape(x, &parameters));
  if (size.n < 0) return parameters.n_dims < 0 ? MXN_OK : infer_all(x, &parameters);
  const mxn_type out = size_shape(&size);
  for (uint32_t i = 0; i < x->n_inputs; i++)
    if (shape_is_known(x->inputs[i]) && !fits_into(x->inputs[i], &out))
      return infer_error(x, MXN_SHAPE, "input%u does not broadcast to attribute size", i + 1);
  return infer_all(x, &out);
}

mxn_status numpy_random_n_shape(inference *x) {
  const op_tuple size = op_tuple_of(x->node, "size");
  mxn_type parameters;
  TRY(parameters_shape(x, &parameters));
  if (parameters.n_dims < 0) return MXN_OK;
  mxn_type out = size_shape(&size);
  if (size.n < 0) return infer_all(x, &parameters);
  if (parameters.n_dims > MXN_MAX_DIMS - out.n_dims)
    return infer_error(x, MXN_UNSUPPORTED, "the output has more than %d dimensions", MXN_MAX_DIMS);
  for (int32_t d = 0; d < parameters.n_dims; d++) out.dims[out.n_dims++] = parameters.dims[d];
  return infer_all(x, &out);
}

/* float32 where there is no attribute dtype; so is a hidden output. */
mxn_status numpy_random_dtype(inference *x) {
  for (uint32_t i = 1; i < x->n_outputs; i++) TRY(infer_output_dtype(x, i, MXN_FLOAT32));
  return infer_output_dtype(x, 0, MXN_FLOAT32);
}

mxn_status numpy_random_chosen_dtype(inference *x) {
  for (uint32_t i = 1; i < x->n_outputs; i++) TRY(infer_output_dtype(x, i, MXN_FLOAT32));
  return infer_output_dtype(x, 0, op_dtype(x->node, "dtype"));
}

/* Forward. */

/* A parameter for every number of the output. */
typedef struct parameter {
  const double *numbers; /* NULL: `number` */
  double number;
  view place;
} parameter;

static mxn_status check_bound(const forward *f, const char *name, bound b, const double *x, int64_t n) {
  for (int64_t i = 0; i < n && b != ANY; i++)
    if (!(b == POSITIVE ? x[i] > 0 : x[i] >= 0))
      return op_error(NULL, f->node, f->err, MXN_ARGUMENT, "%s is %g, expected %s", name, x[i],
                      b == POSITIVE ? "more than 0" : "0 or more");
  return MXN_OK;
}

/* *next is the input that the next parameter without an attribute takes. */
static mxn_status load_parameter(const forward *f, const char *name, bound b, uint32_t *next, parameter *out) {
  if (!name) return MXN_OK;
  if (!op_is_none(f->node, name)) {
    out->number = op_float(f->node, name);
    return check_bound(f, name, b, &out->number, 1);
  }
  int64_t n;
  out->numbers = input_doubles(f, *next, &n);
  out->place = view_broadcast(&f->inputs[*next].type, &f->outputs[0].type);
  ++*next;
  return check_bound(f, name, b, out->numbers, n);
}

static double parameter_at(const parameter *p, const mxn_type *out, int64_t i) {
  return p->numbers ? p->numbers[view_offset(out->n_dims, out->dims, p->place.steps, i)] : p->number;
}

mxn_status numpy_random_forward(const forward *f) {
  const struct numpy_distribution *d = find_distribution(f->node);
  const mxn_type *out = &f->outputs[0].type;
  parameter p[2] = {{0}, {0}};
  uint32_t next = 0;
  for (int i = 0; i < 2; i++) TRY(load_parameter(f, d->parameters[i].name, d->parameters[i].bound, &next, &p[i]));
  generator g = next_generator();
  for (int64_t i = 0, n = count_elements(out); i < n; i++) {
    const double a = parameter_at(&p[0], out, i), b = parameter_at(&p[1], out, i), noise = d->noise ? d->noise(&g) : 0;
    const double number = d->apply ? d->apply(noise, a, b) : draw_gamma(&g, a, b);
    store_doubles(&f->outputs[0], i, 1, &number);
    if (f->node->n_outputs > 1) store_doubles(&f->outputs[1], i, 1, &noise);
  }
  return MXN_OK;
}

/* Whether a number is below prob, or below the logistic function of logit. */
mxn_status numpy_bernoulli_forward(const forward *f) {
  const mxn_type *out = &f->outputs[0].type;
  const bool has_input = op_own_inputs(f->node) > 0;
  const bool is_logit = has_input ? op_bool(f->node, "is_logit") : op_is_none(f->node, "prob");
  parameter p = {0};
  uint32_t next = 0;
  TRY(load_parameter(f, is_logit ? "logit" : "prob", ANY, &next, &p));
  const int64_t n_inputs = has_input ? count_elements(&f->inputs[0].type) : 1;
  for (int64_t i = 0; i < n_inputs && !is_logit; i++) {
    const double x = has_input ? p.numbers[i] : p.number;
    if (!(x >= 0 && x <= 1))
      return op_error(NULL, f->node, f->err, MXN_ARGUMENT, "prob is %g, expected a number in [0, 1]", x);
  }
  generator g = next_generator();
  for (int64_t i = 0, n = count_elements(out); i < n; i++) {
    const double number = of_bernoulli(unit_noise(&g), parameter_at(&p, out, i), is_logit);
    store_doubles(&f->outputs[0], i, 1, &number);
  }
  return MXN_OK;
}

/* choice: indices below a, or below the size of the first input; `weighted` by the
 * numbers of the last input. */

uint32_t numpy_choice_inputs(const node *n) { return (uint32_t)op_is_none(n, "a") + (uint32_t)op_bool(n, "weighted"); }

mxn_status numpy_choice_shape(inference *x) {
  const op_tuple size = op_tuple_of(x->node, "size");
  const mxn_type out = size_shape(&(op_tuple){.n = size.n < 0 ? 0 : size.n, .v = size.v});
  return infer_output(x, 0, &out);
}

mxn_status numpy_choice_dtype(inference *x) { return infer_output_dtype(x, 0, MXN_INT64); }

/* The `n` largest keys, in their order: with noise of Gumbel added to the logarithms
 * of the weights, indices without replacement. */
static void choose_keys(generator *g, double *keys, int64_t population, int64_t n, mxn_tensor *out) {
  for (int64_t i = 0; i < population; i++) keys[i] = gumbel_noise(g) + log(keys[i]);
  for (int64_t k = 0; k < n; k++) {
    int64_t best = 0;
    for (int64_t i = 1; i < population; i++)
      if (keys[i] > keys[best] || isnan(keys[best])) best = i;
    keys[best] = NAN;
    store_integers(out, k, 1, &best);
  }
}

/* Fisher and Yates, stopped after n. */
static void choose_some(generator *g, int64_t *indices, int64_t population, int64_t n, mxn_tensor *out) {
  for (int64_t i = 0; i < population; i++) indices[i] = i;
  for (int64_t k = 0; k < n; k++) {
    const int64_t other = k + (int64_t)next_below(g, (uint64_t)(population - k)), index = indices[other];
    indices[other] = indices[k];
    store_integers(out, k, 1, &index);
  }
}

static mxn_status check_choice(const forward *f, int64_t population, int64_t n, int64_t n_weights) {
  if (population <= 0 && n > 0)
    return op_error(NULL, f->node, f->err, MXN_ARGUMENT, "a is %" PRId64 ", expected more than 0", population);
  if (!op_bool(f->node, "replace") && n > population)
    return op_error(NULL, f->node, f->err, MXN_ARGUMENT,
                    "%" PRId64 " numbers without replacement of %" PRId64 ", expected as many at most", n, population);
  if (n_weights >= 0 && n_weights != population)
    return op_error(NULL, f->node, f->err, MXN_SHAPE, "%" PRId64 " weights, expected %" PRId64, n_weights, population);
  return MXN_OK;
}

mxn_status numpy_choice_forward(const forward *f) {
  const bool has_a = !op_is_none(f->node, "a"), is_weighted = op_bool(f->node, "weighted");
  const int64_t population = has_a ? op_int(f->node, "a") : count_elements(&f->inputs[0].type);
  const int64_t n = count_elements(&f->outputs[0].type);
  int64_t n_weights = -1;
  double *weights = is_weighted ? input_doubles(f, has_a ? 0 : 1, &n_weights) : NULL;
  TRY(check_choice(f, population, n, n_weights));
  generator g = next_generator();
  if (!op_bool(f->node, "replace")) {
    if (is_weighted)
      choose_keys(&g, weights, population, n, &f->outputs[0]);
    else
      choose_some(&g, arena_array(f->scratch, (size_t)population, sizeof(int64_t)), population, n, &f->outputs[0]);
    return MXN_OK;
  }
  for (int64_t i = 0; i < n; i++) {
    const int64_t index =
        is_weighted ? draw_index(&g, weights, population) : (int64_t)next_below(&g, (uint64_t)population);
    store_integers(&f->outputs[0], i, 1, &index);
  }
  return MXN_OK;
}

/* multinomial: how often each outcome comes in n experiments. Outcome by outcome, it
 * is a binomial number of the experiments that are left; the last takes the rest. */

uint32_t numpy_multinomial_inputs(const node *n) { return op_is_none(n, "pvals"); }

mxn_status numpy_multinomial_shape(inference *x) {
  const op_tuple size = op_tuple_of(x->node, "size");
  const bool has_input = x->n_inputs > 0;
  mxn_type out = size_shape(&(op_tuple){.n = size.n < 0 ? 0 : size.n, .v = size.v});
  if (has_input && x->inputs[0]->n_dims < 0) return MXN_OK;
  if (has_input && x->inputs[0]->n_dims != 1)
    return infer_error(x, MXN_SHAPE, "a has %d dimensions, expected 1", x->inputs[0]->n_dims);
  if (out.n_dims == MXN_MAX_DIMS)
    return infer_error(x, MXN_UNSUPPORTED, "the output has more than %d dimensions", MXN_MAX_DIMS);
  out.dims[out.n_dims++] = has_input ? x->inputs[0]->dims[0] : op_numbers_of(x->node, "pvals").n;
  return infer_output(x, 0, &out);
}

mxn_status numpy_multinomial_forward(const forward *f) {
  const bool has_input = op_own_inputs(f->node) > 0;
  const op_numbers numbers = has_input ? (op_numbers){0} : op_numbers_of(f->node, "pvals");
  int64_t n = numbers.n;
  const double *probabilities = has_input ? input_doubles(f, 0, &n) : numbers.v;
  const int64_t total = count_elements(&f->outputs[0].type), experiments = op_int(f->node, "n");
  double sum = 0;
  for (int64_t i = 0; i < n && total > 0; i++) sum += probabilities[i];
  if (sum > 1 + 1e-6)
    return op_error(NULL, f->node, f->err, MXN_ARGUMENT, "the sum of pvals is %g, expected 1 at most", sum);
  generator g = next_generator();
  for (int64_t row = 0; row < total; row += n) {
    double left = (double)experiments, rest = 1;
    for (int64_t i = 0; i < n; i++) {
      const double count = i == n - 1 ? left : draw_binomial(&g, left, probabilities[i] / rest);
      store_doubles(&f->outputs[0], row + i, 1, &count);
      left -= count;
      rest -= probabilities[i];
    }
  }
  return MXN_OK;
}

/* _sample_unique_zipfian: different numbers, log-uniform, and how often was tried. */

uint32_t zipfian_outputs(const node *n) {
  (void)n;
  return 2;
}

mxn_status zipfian_shape(inference *x) {
  const op_tuple shape = op_tuple_of(x->node, "shape");
  mxn_type out = shape.n == 2 ? size_shape(&shape) : *x->outputs[0];
  if (shape.n > 0 && shape.n != 2)
    return infer_error(x, MXN_SHAPE, "attribute shape: expected 2 dimensions, got %d", shape.n);
  if (out.n_dims < 0) return MXN_OK;
  TRY(infer_output(x, 0, &out));
  if (out.n_dims != 2) return infer_error(x, MXN_SHAPE, "the output has %d dimensions, expected 2", out.n_dims);
  if (out.dims[1] > op_int(x->node, "range_max"))
    return infer_error(x, MXN_ARGUMENT, "%" PRId64 " different numbers below range_max %" PRId64 ", expected as many",
                       out.dims[1], op_int(x->node, "range_max"));
  return infer_output(x, 1, &(mxn_type){.n_dims = 1, .dims = {out.dims[0]}});
}

mxn_status zipfian_dtype(inference *x) {
  TRY(infer_output_dtype(x, 0, MXN_INT64));
  return infer_output_dtype(x, 1, MXN_INT64);
}

/* A set of numbers: slots of a power of 2, -1 where there is none. */
static bool insert_number(int64_t *slots, uint64_t n_slots, int64_t number) {
  uint64_t at = (uint64_t)number * 0x9e3779b97f4a7c15u & (n_slots - 1);
  for (; slots[at] >= 0; at = (at + 1) & (n_slots - 1))
    if (slots[at] == number) return false;
  slots[at] = number;
  return true;
}

mxn_status zipfian_forward(const forward *f) {
  const mxn_type *t = &f->outputs[0].type;
  const int64_t n = t->dims[1];
  const double log_range = log((double)op_int(f->node, "range_max"));
  uint64_t n_slots = 2;
  while (n_slots < 2 * (uint64_t)n) n_slots *= 2;
  int64_t *slots = arena_array(f->scratch, n_slots, sizeof *slots);
  generator g = next_generator();
  for (int64_t row = 0; row < t->dims[0]; row++) {
    int64_t tries = 0;
    memset(slots, 0xff, n_slots * sizeof *slots);
    for (int64_t i = 0; i < n; tries++) {
      const int64_t number = lround(exp(next_unit(&g) * log_range)) - 1;
      if (insert_number(slots, n_slots, number)) store_integers(&f->outputs[0], row * n + i++, 1, &number);
    }
    store_integers(&f->outputs[1], row, 1, &tries);
  }
  return MXN_OK;
}
