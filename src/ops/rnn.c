/* rnn.c - RNN: stacked recurrent layers, in one or two directions, with all their
 * parameters in one vector.
 *
 * The vector holds, for each layer and direction, the weights of the input
 * [gates * H][I], of the state [gates * H][R] and of the projection [P][H], and
 * behind all weights the two biases [gates * H] of each. R is P with a projection,
 * H without. Gates are those of cuDNN: LSTM i f g o, GRU r z n.
 *
 * sequence_length follows cuDNN too, as MXNet has it nowhere else: outputs behind
 * the end are 0, final states are those at the end, and the backward direction
 * begins there.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "ops/family.h"
#include "ops/number.h"
#include "ops/rnn.h"

enum { DATA, PARAMETERS, STATE, CELL };

static bool is_lstm(const node *n) { return strcmp(op_text(n, "mode"), "lstm") == 0; }
static bool is_gru(const node *n) { return strcmp(op_text(n, "mode"), "gru") == 0; }

uint32_t rnn_inputs(const node *n) { return (is_lstm(n) ? 4 : 3) + op_bool(n, "use_sequence_length"); }
uint32_t rnn_outputs(const node *n) { return !op_bool(n, "state_outputs") ? 1 : is_lstm(n) ? 3 : 2; }

rnn rnn_of(const node *n, const mxn_type *data) {
  rnn r = {.T = data->dims[0], .N = data->dims[1], .I = data->dims[2]};
  r.H = op_int(n, "state_size");
  r.P = op_is_none(n, "projection_size") ? 0 : op_int(n, "projection_size");
  r.R = r.P > 0 ? r.P : r.H;
  r.layers = op_int(n, "num_layers");
  r.directions = op_bool(n, "bidirectional") ? 2 : 1;
  r.gates = is_lstm(n) ? 4 : is_gru(n) ? 3 : 1;
  return r;
}

int64_t rnn_layer_input(const rnn *r, int64_t layer) { return layer == 0 ? r->I : r->R * r->directions; }

int64_t rnn_layer_weights(const rnn *r, int64_t layer) {
  return (rnn_layer_input(r, layer) + r->R) * r->gates * r->H + r->P * r->H;
}

int64_t rnn_weights(const rnn *r) {
  return rnn_layer_weights(r, 0) * r->directions + rnn_layer_weights(r, 1) * (r->layers - 1) * r->directions;
}

/* All parameters; -1 where the input size is unknown, false where it overflows. */
static bool count_parameters(const rnn *r, int64_t *out) {
  const int64_t most = 1 << 24;
  if (r->H > most || r->P > most || r->layers > most || r->I > most * 16) return false;
  const int64_t rest = rnn_layer_weights(r, 1) + 2 * r->gates * r->H;
  const int64_t first = rnn_layer_weights(r, 0) + 2 * r->gates * r->H;
  if (__builtin_mul_overflow(rest, (r->layers - 1) * r->directions, out)) return false;
  if (__builtin_add_overflow(*out, first * r->directions, out)) return false;
  if (r->I < 0) *out = -1;
  return true;
}

/* Inference. */

static mxn_status check_attributes(inference *x) {
  const node *n = x->node;
  const double p = op_float(n, "p");
  if (op_int(n, "state_size") < 1 || op_int(n, "num_layers") < 1)
    return infer_error(x, MXN_SHAPE, "state_size is %" PRId64 " and num_layers %" PRId64 ", expected at least 1",
                       op_int(n, "state_size"), op_int(n, "num_layers"));
  if (!op_is_none(n, "projection_size") && (op_int(n, "projection_size") < 1 || !is_lstm(n)))
    return infer_error(x, MXN_SHAPE, "projection_size is %" PRId64 " with mode %s, expected at least 1 with lstm",
                       op_int(n, "projection_size"), op_text(n, "mode"));
  if (op_is(n, "RNN") && op_is_none(n, "lstm_state_clip_min") != op_is_none(n, "lstm_state_clip_max"))
    return infer_error(x, MXN_SHAPE, "lstm_state_clip_min and lstm_state_clip_max are expected together");
  if (!(p >= 0 && p <= 1)) return infer_error(x, MXN_SHAPE, "p is %g, expected 0 to 1", p);
  return MXN_OK;
}

mxn_status rnn_shape(inference *x) {
  const mxn_type *data = x->inputs[DATA];
  int64_t n_parameters;
  TRY(check_attributes(x));
  if (data->n_dims < 0) return MXN_OK;
  if (data->n_dims != 3)
    return infer_error(x, MXN_SHAPE, "data has %d dimensions, expected length, batch and input", data->n_dims);
  const rnn r = rnn_of(x->node, data);
  if (!count_parameters(&r, &n_parameters)) return infer_error(x, MXN_SHAPE, "it has too many parameters");
  const mxn_type parameters = {.n_dims = 1, .dims = {n_parameters}};
  const mxn_type state = {.n_dims = 3, .dims = {r.layers * r.directions, r.N, r.R}};
  const mxn_type cell = {.n_dims = 3, .dims = {r.layers * r.directions, r.N, r.H}};
  const mxn_type lengths = {.n_dims = 1, .dims = {r.N}};
  const mxn_type output = {.n_dims = 3, .dims = {r.T, r.N, r.R * r.directions}};
  TRY(infer_input(x, PARAMETERS, &parameters));
  TRY(infer_input(x, STATE, &state));
  if (is_lstm(x->node)) TRY(infer_input(x, CELL, &cell));
  if (op_bool(x->node, "use_sequence_length")) TRY(infer_input(x, x->n_inputs - 1, &lengths));
  TRY(infer_output(x, 0, &output));
  if (x->n_outputs > 1) TRY(infer_output(x, 1, &state));
  return x->n_outputs > 2 ? infer_output(x, 2, &cell) : MXN_OK;
}

/* Lengths have a type of their own. */
mxn_status rnn_dtype(inference *x) {
  const uint32_t n_same = x->n_inputs - op_bool(x->node, "use_sequence_length");
  mxn_dtype dtype = x->outputs[0]->dtype;
  for (uint32_t i = 0; i < n_same && dtype == MXN_DTYPE_UNKNOWN; i++) dtype = x->inputs[i]->dtype;
  for (uint32_t i = 0; i < n_same; i++) TRY(infer_input_dtype(x, i, dtype));
  for (uint32_t i = 0; i < x->n_outputs; i++) TRY(infer_output_dtype(x, i, dtype));
  if (n_same < x->n_inputs && x->inputs[n_same]->dtype == MXN_DTYPE_UNKNOWN) return infer_input_dtype(x, n_same, dtype);
  return MXN_OK;
}

/* Forward. */

double rnn_sigmoid(double x) { return 1 / (1 + exp(-x)); }

/* out[n_out] = weights[n_out][n_in] x + bias */
static void affine(const double *weights, const double *bias, const double *x, int64_t n_in, int64_t n_out,
                   double *out) {
  for (int64_t o = 0; o < n_out; o++) {
    double sum = bias[o];
    for (int64_t i = 0; i < n_in; i++) sum += weights[o * n_in + i] * x[i];
    out[o] = sum;
  }
}

/* One layer in one direction. */
typedef struct direction {
  const rnn *r;
  const node *node;
  int64_t input;                                    /* elements of a step's input */
  const double *weights_x, *weights_h, *projection; /* projection NULL: none */
  const double *bias_x, *bias_h;
  double *from_x, *from_h; /* [gates * H] */
  double *h, *c;           /* [R] and [H] of one sequence */
  double *raw;             /* [H]: before the projection */
} direction;

static double clip_cell(const node *n, double c) {
  if (op_is_none(n, "lstm_state_clip_min")) return c;
  const double low = op_float(n, "lstm_state_clip_min"), high = op_float(n, "lstm_state_clip_max");
  if (isnan(c)) return op_bool(n, "lstm_state_clip_nan") ? low : c;
  return c < low ? low : c > high ? high : c;
}

static void lstm_cell(const direction *d, double *out) {
  const int64_t H = d->r->H;
  for (int64_t k = 0; k < H; k++) {
    const double *x = d->from_x + k, *h = d->from_h + k;
    const double i = rnn_sigmoid(x[0] + h[0]), f = rnn_sigmoid(x[H] + h[H]);
    const double g = tanh(x[2 * H] + h[2 * H]), o = rnn_sigmoid(x[3 * H] + h[3 * H]);
    d->c[k] = clip_cell(d->node, f * d->c[k] + i * g);
    out[k] = o * tanh(d->c[k]);
  }
}

static void gru_cell(const direction *d, double *out) {
  const int64_t H = d->r->H;
  for (int64_t k = 0; k < H; k++) {
    const double *x = d->from_x + k, *h = d->from_h + k;
    const double reset = rnn_sigmoid(x[0] + h[0]), update = rnn_sigmoid(x[H] + h[H]);
    const double candidate = tanh(x[2 * H] + reset * h[2 * H]);
    out[k] = (1 - update) * candidate + update * d->h[k];
  }
}

static void plain_cell(const direction *d, double *out) {
  const bool is_relu = strcmp(op_text(d->node, "mode"), "rnn_relu") == 0;
  for (int64_t k = 0; k < d->r->H; k++) {
    const double sum = d->from_x[k] + d->from_h[k];
    out[k] = !is_relu ? tanh(sum) : sum > 0 || isnan(sum) ? sum : 0;
  }
}

/* From the input of one step to the new state d->h (and d->c). */
static void step(const direction *d, const double *x) {
  const rnn *r = d->r;
  affine(d->weights_x, d->bias_x, x, d->input, r->gates * r->H, d->from_x);
  affine(d->weights_h, d->bias_h, d->h, r->R, r->gates * r->H, d->from_h);
  (r->gates == 4 ? lstm_cell : r->gates == 3 ? gru_cell : plain_cell)(d, d->raw);
  if (!d->projection) {
    memcpy(d->h, d->raw, (size_t)r->H * sizeof *d->h);
    return;
  }
  for (int64_t p = 0; p < r->P; p++) {
    d->h[p] = 0;
    for (int64_t k = 0; k < r->H; k++) d->h[p] += d->projection[p * r->H + k] * d->raw[k];
  }
}

/* A sequence of `length` steps through the direction; x and y are of its batch. */
static void run_sequence(const direction *d, const double *x, double *y, int64_t length, bool is_backward) {
  const rnn *r = d->r;
  for (int64_t i = 0; i < length; i++) {
    const int64_t t = is_backward ? length - 1 - i : i;
    step(d, x + t * r->N * d->input);
    memcpy(y + t * r->N * r->R * r->directions, d->h, (size_t)r->R * sizeof *y);
  }
}

typedef struct run {
  rnn r;
  const double *weights, *biases; /* of the next layer and direction */
  double *h, *c;                  /* all states; c NULL: no LSTM */
  const int64_t *lengths;
} run;

static direction next_direction(const forward *f, run *all, int64_t layer) {
  const rnn *r = &all->r;
  const int64_t gates = r->gates * r->H;
  direction d = {.r = r, .node = f->node, .input = rnn_layer_input(r, layer)};
  d.weights_x = all->weights;
  d.weights_h = d.weights_x + gates * d.input;
  d.projection = r->P > 0 ? d.weights_h + gates * r->R : NULL;
  d.bias_x = all->biases;
  d.bias_h = d.bias_x + gates;
  d.from_x = arena_array(f->scratch, (size_t)gates, 2 * sizeof *d.from_x);
  d.from_h = d.from_x + gates;
  d.raw = arena_array(f->scratch, (size_t)r->H, sizeof *d.raw);
  all->weights += rnn_layer_weights(r, layer);
  all->biases += 2 * gates;
  return d;
}

static const double *run_layer(const forward *f, run *all, int64_t layer, const double *x) {
  const rnn *r = &all->r;
  const int64_t out = r->R * r->directions;
  int64_t n;
  const mxn_type type = {.n_dims = 3, .dims = {r->T, r->N, out}};
  if (!shape_elements(&type, &n)) return x;
  double *y = arena_array(f->scratch, (size_t)n, sizeof *y);
  for (int64_t side = 0; side < r->directions; side++) {
    direction d = next_direction(f, all, layer);
    for (int64_t b = 0; b < r->N; b++) {
      const int64_t state = (layer * r->directions + side) * r->N + b;
      d.h = all->h + state * r->R;
      d.c = all->c ? all->c + state * r->H : NULL;
      run_sequence(&d, x + b * d.input, y + b * out + side * r->R, all->lengths[b], side == 1);
    }
  }
  return y;
}

static mxn_status load_lengths(const forward *f, run *all) {
  const rnn *r = &all->r;
  int64_t *lengths = arena_array(f->scratch, (size_t)r->N, sizeof *lengths);
  for (int64_t b = 0; b < r->N; b++) lengths[b] = r->T;
  all->lengths = lengths;
  if (!op_bool(f->node, "use_sequence_length")) return MXN_OK;
  load_integers(&f->inputs[op_own_inputs(f->node) - 1], 0, r->N, lengths);
  for (int64_t b = 0; b < r->N; b++)
    if (lengths[b] < 0 || lengths[b] > r->T)
      return op_error(NULL, f->node, f->err, MXN_ARGUMENT,
                      "sequence_length has %" PRId64 " for sequence %" PRId64 ", expected 0 to %" PRId64, lengths[b], b,
                      r->T);
  return MXN_OK;
}

mxn_status rnn_forward(const forward *f) {
  run all = {.r = rnn_of(f->node, &f->inputs[DATA].type)};
  const rnn *r = &all.r;
  TRY(load_lengths(f, &all));
  all.weights = input_doubles(f, PARAMETERS, NULL);
  all.biases = all.weights + rnn_weights(r);
  all.h = input_doubles(f, STATE, NULL);
  if (is_lstm(f->node)) all.c = input_doubles(f, CELL, NULL);
  const double *x = input_doubles(f, DATA, NULL);
  for (int64_t layer = 0; layer < r->layers; layer++) x = run_layer(f, &all, layer, x);
  store_output(f, 0, x);
  if (f->node->n_outputs > 1) store_output(f, 1, all.h);
  if (f->node->n_outputs > 2) store_output(f, 2, all.c);
  return MXN_OK;
}

/* Concat whose inputs may be unknown where they come from a layer that is not
 * bound yet: what is left of the output is theirs in equal parts, two at most. */
mxn_status rnn_param_concat_shape(inference *x) {
  const mxn_type *output = x->outputs[0];
  int64_t left;
  uint32_t n_unknown = 0;
  int32_t axis;
  TRY(concat_shape(x));
  if (output->n_dims < 0) return MXN_OK;
  TRY(infer_axis(x, "dim", op_int(x->node, "dim"), output->n_dims, &axis));
  left = output->dims[axis];
  for (uint32_t i = 0; i < x->n_inputs && left >= 0; i++) {
    const int64_t size = x->inputs[i]->n_dims < 0 ? -1 : x->inputs[i]->dims[axis];
    n_unknown += size < 0;
    left -= size < 0 ? 0 : size;
  }
  if (n_unknown != 2 || left < 0) return MXN_OK;
  mxn_type part = *output;
  part.dims[axis] = left / 2;
  for (uint32_t i = 0; i < x->n_inputs; i++)
    if (x->inputs[i]->n_dims < 0 || x->inputs[i]->dims[axis] < 0) TRY(infer_input(x, i, &part));
  return MXN_OK;
}
