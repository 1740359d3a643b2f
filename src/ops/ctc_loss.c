/* ctc_loss.c - CTCLoss: minus the logarithm of the probability of a label sequence,
 * summed over all ways to place it among the steps.
 *
 * Data are (length, batch, alphabet), before softmax. A sequence that does not fit
 * into its steps has loss 0, as in MXNet.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "ops/family.h"
#include "ops/number.h"

enum { DATA, LABEL };

uint32_t ctc_loss_inputs(const node *n) { return 2 + op_bool(n, "use_data_lengths") + op_bool(n, "use_label_lengths"); }

mxn_status ctc_loss_shape(inference *x) {
  const mxn_type data = {.n_dims = 3, .dims = {-1, -1, -1}};
  TRY(infer_input(x, DATA, &data));
  const int64_t *dims = x->inputs[DATA]->dims;
  const mxn_type label = {.n_dims = 2, .dims = {dims[1], -1}}, batch = {.n_dims = 1, .dims = {dims[1]}};
  TRY(infer_input(x, LABEL, &label));
  for (uint32_t i = LABEL + 1; i < x->n_inputs; i++) TRY(infer_input(x, i, &batch));
  if (dims[2] == 0) return infer_error(x, MXN_SHAPE, "data has no alphabet");
  const int64_t longest = x->inputs[LABEL]->dims[1];
  if (dims[0] >= 0 && longest > dims[0])
    return infer_error(x, MXN_SHAPE,
                       "labels are up to %" PRId64 " long, expected at most the %" PRId64 " steps of data", longest,
                       dims[0]);
  return infer_output(x, 0, &batch);
}

/* MXNet computes float32; labels and lengths may have types of their own. */
mxn_status ctc_loss_dtype(inference *x) {
  TRY(infer_data_dtype(x));
  for (uint32_t i = LABEL; i < x->n_inputs; i++)
    if (x->inputs[i]->dtype == MXN_DTYPE_UNKNOWN) TRY(infer_input_dtype(x, i, x->inputs[DATA]->dtype));
  return MXN_OK;
}

/* One sequence of the batch. */
typedef struct sequence {
  const double *data; /* of step 0 */
  int64_t steps, stride, alphabet, blank;
  const int64_t *labels;
  int64_t n_labels;
} sequence;

static double log_add(double a, double b) {
  if (a < b) return log_add(b, a);
  return isinf(b) ? a : a + log1p(exp(b - a));
}

/* What log softmax subtracts. */
static double log_sum(const double *x, int64_t n) {
  double largest = -INFINITY, sum = 0;
  for (int64_t i = 0; i < n; i++) largest = x[i] > largest ? x[i] : largest;
  for (int64_t i = 0; i < n; i++) sum += exp(x[i] - largest);
  return largest + log(sum);
}

/* State i of the labels with blanks around each: the symbol that it stands for. */
static int64_t symbol(const sequence *s, int64_t i) { return i % 2 == 0 ? s->blank : s->labels[i / 2]; }

static bool fits(const sequence *s) {
  int64_t needed = s->n_labels;
  for (int64_t i = 1; i < s->n_labels; i++) needed += s->labels[i] == s->labels[i - 1];
  return needed <= s->steps;
}

/* One step: from the states before to those after. */
static void advance(const sequence *s, int64_t t, const double *before, double *after) {
  const int64_t n = 2 * s->n_labels + 1;
  const double *x = s->data + t * s->stride, total = log_sum(x, s->alphabet);
  for (int64_t i = 0; i < n; i++) {
    double sum = before[i];
    if (i > 0) sum = log_add(sum, before[i - 1]);
    if (i > 1 && symbol(s, i) != s->blank && symbol(s, i) != symbol(s, i - 2)) sum = log_add(sum, before[i - 2]);
    after[i] = sum + x[symbol(s, i)] - total;
  }
}

/* `states` has room for two rows. */
static double loss(const sequence *s, double *states) {
  const int64_t n = 2 * s->n_labels + 1;
  double *before = states, *after = states + n;
  if (!fits(s)) return 0;
  for (int64_t i = 0; i < n; i++) before[i] = -INFINITY;
  /* Before the first step stands a state from which the first two are reached. */
  for (int64_t t = 0; t < s->steps; t++) {
    if (t == 0) before[0] = 0;
    advance(s, t, before, after);
    if (t == 0)
      for (int64_t i = 2; i < n; i++) after[i] = -INFINITY;
    double *swapped = before;
    before = after;
    after = swapped;
  }
  return -(n > 1 ? log_add(before[n - 1], before[n - 2]) : before[0]);
}

static mxn_status load_labels(const forward *f, int64_t b, sequence *s, int64_t *labels) {
  const int64_t longest = f->inputs[LABEL].type.dims[1], padding = s->blank == 0 ? 0 : -1;
  const bool has_lengths = op_bool(f->node, "use_label_lengths");
  load_integers(&f->inputs[LABEL], b * longest, longest, labels);
  s->labels = labels;
  s->n_labels = 0;
  while (s->n_labels < longest && labels[s->n_labels] != padding) s->n_labels++;
  if (has_lengths) load_integers(&f->inputs[op_own_inputs(f->node) - 1], b, 1, &s->n_labels);
  if (s->n_labels < 0 || s->n_labels > longest)
    return op_error(NULL, f->node, f->err, MXN_ARGUMENT, "label_lengths has %" PRId64 ", expected 0 to %" PRId64,
                    s->n_labels, longest);
  for (int64_t i = 0; i < s->n_labels; i++)
    if (labels[i] < 0 || labels[i] >= s->alphabet)
      return op_error(NULL, f->node, f->err, MXN_ARGUMENT, "label has %" PRId64 ", expected 0 to %" PRId64, labels[i],
                      s->alphabet - 1);
  return MXN_OK;
}

static mxn_status load_steps(const forward *f, int64_t b, sequence *s) {
  const int64_t steps = f->inputs[DATA].type.dims[0];
  s->steps = steps;
  if (op_bool(f->node, "use_data_lengths")) load_integers(&f->inputs[LABEL + 1], b, 1, &s->steps);
  if (s->steps >= 0 && s->steps <= steps) return MXN_OK;
  return op_error(NULL, f->node, f->err, MXN_ARGUMENT, "data_lengths has %" PRId64 ", expected 0 to %" PRId64, s->steps,
                  steps);
}

mxn_status ctc_loss_forward(const forward *f) {
  const int64_t *dims = f->inputs[DATA].type.dims, longest = f->inputs[LABEL].type.dims[1];
  const bool is_first = strcmp(op_text(f->node, "blank_label"), "first") == 0;
  const double *data = input_doubles(f, DATA, NULL);
  int64_t *labels = arena_array(f->scratch, (size_t)longest, sizeof *labels);
  double *states = arena_array(f->scratch, (size_t)(2 * longest + 1), 2 * sizeof *states);
  for (int64_t b = 0; b < dims[1]; b++) {
    sequence s = {.data = data + b * dims[2], .stride = dims[1] * dims[2], .alphabet = dims[2]};
    s.blank = is_first ? 0 : dims[2] - 1;
    TRY(load_steps(f, b, &s));
    TRY(load_labels(f, b, &s, labels));
    const double cost = loss(&s, states);
    store_doubles(&f->outputs[0], b, 1, &cost);
  }
  return MXN_OK;
}
