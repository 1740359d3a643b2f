/* hawkes.c - the log likelihood of marked events under Hawkes processes. N samples of
 * T events, K marks.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "ops/family.h"
#include "ops/number.h"

enum { MU, ALPHA, BETA, STATE, LAGS, MARKS, VALID_LENGTH, MAX_TIME };

mxn_status hawkes_shape(inference *x) {
  const mxn_type matrix = {.n_dims = 2, .dims = {-1, -1}};
  TRY(infer_input(x, MU, &matrix));
  TRY(infer_input(x, LAGS, &matrix));
  const int64_t n = x->inputs[MU]->dims[0], k = x->inputs[MU]->dims[1], t = x->inputs[LAGS]->dims[1];
  const mxn_type samples = {.n_dims = 1, .dims = {n}}, marks = {.n_dims = 1, .dims = {k}};
  const mxn_type states = {.n_dims = 2, .dims = {n, k}}, events = {.n_dims = 2, .dims = {n, t}};
  const mxn_type *types[] = {&states, &marks, &marks, &states, &events, &events, &samples, &samples};
  for (uint32_t i = MU; i <= MAX_TIME; i++) TRY(infer_input(x, i, types[i]));
  TRY(infer_output(x, 0, &samples));
  return infer_output(x, 1, &states);
}

mxn_status hawkes_dtype(inference *x) {
  const mxn_dtype dtype = x->inputs[MU]->dtype != MXN_DTYPE_UNKNOWN ? x->inputs[MU]->dtype : x->outputs[0]->dtype;
  for (uint32_t i = MU; i <= MAX_TIME; i++) TRY(infer_input_dtype(x, i, i == MARKS ? MXN_INT32 : dtype));
  TRY(infer_output_dtype(x, 0, dtype));
  return infer_output_dtype(x, 1, dtype);
}

/* One sample. `last`: when each mark was seen. */
typedef struct sample {
  const double *mu, *alpha, *beta, *lags;
  const int64_t *marks;
  double *state, *last;
  int64_t n_marks, n_events;
} sample;

static double events_likelihood(const sample *s) {
  double likelihood = 0, now = 0;
  for (int64_t i = 0; i < s->n_events; i++) {
    const int64_t m = s->marks[i];
    now += s->lags[i];
    const double passed = now - s->last[m], decay = exp(-s->beta[m] * passed);
    const double intensity = s->mu[m] + s->alpha[m] * s->beta[m] * s->state[m] * decay;
    likelihood += log(intensity) - s->mu[m] * passed - s->alpha[m] * s->state[m] * (1 - decay);
    s->state[m] = 1 + s->state[m] * decay;
    s->last[m] = now;
  }
  return likelihood;
}

/* What did not happen from the last events to the end. */
static double rest_likelihood(const sample *s, double end) {
  double likelihood = 0;
  for (int64_t m = 0; m < s->n_marks; m++) {
    const double passed = end - s->last[m], decay = exp(-s->beta[m] * passed);
    likelihood -= s->mu[m] * passed + s->alpha[m] * s->state[m] * (1 - decay);
    s->state[m] *= decay;
  }
  return likelihood;
}

static mxn_status check_sample(const forward *f, const sample *s, double length, int64_t most) {
  if (!(length >= 0 && length <= (double)most))
    return op_error(NULL, f->node, f->err, MXN_ARGUMENT, "valid_length has %g, expected 0 to %" PRId64, length, most);
  for (int64_t i = 0; (double)i < length; i++)
    if (s->marks[i] < 0 || s->marks[i] >= s->n_marks)
      return op_error(NULL, f->node, f->err, MXN_ARGUMENT, "marks has %" PRId64 ", expected 0 to %" PRId64, s->marks[i],
                      s->n_marks - 1);
  return MXN_OK;
}

mxn_status hawkes_forward(const forward *f) {
  const int64_t *lags = f->inputs[LAGS].type.dims, T = lags[1], K = f->inputs[MU].type.dims[1];
  const double *mu = input_doubles(f, MU, NULL), *times = input_doubles(f, LAGS, NULL);
  const double *lengths = input_doubles(f, VALID_LENGTH, NULL), *ends = input_doubles(f, MAX_TIME, NULL);
  double *states = input_doubles(f, STATE, NULL), *last = arena_array(f->scratch, (size_t)K, sizeof *last);
  int64_t *marks = arena_array(f->scratch, (size_t)T, sizeof *marks);
  sample s = {.alpha = input_doubles(f, ALPHA, NULL), .beta = input_doubles(f, BETA, NULL), .last = last, .n_marks = K};
  for (int64_t i = 0; i < lags[0]; i++) {
    load_integers(&f->inputs[MARKS], i * T, T, marks);
    memset(last, 0, (size_t)K * sizeof *last);
    s.mu = mu + i * K;
    s.lags = times + i * T;
    s.marks = marks;
    s.state = states + i * K;
    TRY(check_sample(f, &s, lengths[i], T));
    s.n_events = (int64_t)ceil(lengths[i]);
    double likelihood = events_likelihood(&s);
    likelihood += rest_likelihood(&s, ends[i]);
    store_doubles(&f->outputs[0], i, 1, &likelihood);
  }
  store_output(f, 1, states);
  return MXN_OK;
}
