/* quantized_rnn.c - _contrib_quantized_rnn: an LSTM whose inputs and states are uint8
 * and whose weights become int8 while it runs, as oneDNN computes it.
 *
 * A real number x is uint8(x * data_scale + data_shift). Cells, biases and the
 * functions of the gates are float32. The output and the state are what their uint8
 * stand for.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <string.h>

#include "ops/family.h"
#include "ops/number.h"
#include "ops/rnn.h"

enum { DATA, PARAMETERS, STATE, CELL, SCALE, SHIFT };

static mxn_status check_attributes(inference *x) {
  const node *n = x->node;
  if (strcmp(op_text(n, "mode"), "lstm") != 0)
    return infer_error(x, MXN_SHAPE, "mode is %s, expected lstm", op_text(n, "mode"));
  if (op_bool(n, "use_sequence_length") || !op_is_none(n, "projection_size"))
    return infer_error(x, MXN_SHAPE, "use_sequence_length and projection_size are for RNN alone");
  return MXN_OK;
}

mxn_status quantized_rnn_shape(inference *x) {
  const mxn_type one = {.n_dims = 1, .dims = {1}};
  TRY(check_attributes(x));
  TRY(infer_input(x, SCALE, &one));
  TRY(infer_input(x, SHIFT, &one));
  return rnn_shape(x);
}

mxn_status quantized_rnn_dtype(inference *x) {
  TRY(infer_input_dtype(x, DATA, MXN_UINT8));
  for (uint32_t i = PARAMETERS; i < x->n_inputs; i++) TRY(infer_input_dtype(x, i, MXN_FLOAT32));
  for (uint32_t i = 0; i < x->n_outputs; i++) TRY(infer_output_dtype(x, i, MXN_FLOAT32));
  return MXN_OK;
}

typedef struct run {
  rnn r;
  float scale, shift;
  const double *weights;
  float *weight_scales; /* of each gate of each number of the state, for all layers */
  double *h, *c;        /* all states; h in uint8 */
} run;

static double quantize(const run *all, double x) {
  return (double)quantized_round(MXN_UINT8, (float)x * all->scale + all->shift);
}

static double dequantize(const run *all, double x) { return (double)(((float)x - all->shift) / all->scale); }

/* Each of `rows` maxima is raised to the largest magnitude of its n weights. */
static void raise_maxima(float *maxima, int64_t rows, const double *weights, int64_t n) {
  for (int64_t row = 0; row < rows; row++)
    for (int64_t i = 0; i < n; i++) maxima[row] = fmaxf(maxima[row], fabsf((float)weights[row * n + i]));
}

/* MXNet joins what oneDNN computes at once, layers of one direction and one size of
 * input, looks at the first layer of each group behind the first, and there at the
 * first weights of the input and at those behind as many as the first layer has. */
static void find_weight_scales(run *all) {
  const rnn *r = &all->r;
  const int64_t gates = 4 * r->H, first = rnn_layer_weights(r, 0) * r->directions, n = gates * r->H;
  const bool is_joined = r->directions == 1;
  const int64_t n_groups = !is_joined ? r->layers : r->I == r->H || r->layers == 1 ? 1 : 2;
  float *maxima = all->weight_scales;
  for (int64_t d = 0; d < r->directions; d++) {
    const double *weights = all->weights + d * rnn_layer_weights(r, 0);
    raise_maxima(maxima, gates, weights, r->I);
    raise_maxima(maxima, gates, weights + gates * r->I, r->H);
  }
  for (int64_t group = 1; group < n_groups; group++) {
    const int64_t at = first + (group - 1) * rnn_layer_weights(r, 1) * r->directions;
    const int64_t state = at + (group == 1 ? gates * r->I : n);
    raise_maxima(maxima, gates, all->weights + at, r->H);
    if (state + n <= rnn_weights(r) + 2 * gates * r->layers * r->directions)
      raise_maxima(maxima, gates, all->weights + state, r->H);
  }
  for (int64_t i = 0; i < gates; i++) all->weight_scales[i] = 127.0f / maxima[i];
}

/* Weights of [4 H][n] as int8, and their sums added to those of their rows. */
static double *quantize_weights(const forward *f, const run *all, const double *weights, int64_t n, double *sums) {
  const int64_t gates = 4 * all->r.H;
  double *out = arena_array(f->scratch, (size_t)(gates * n) + 1, sizeof *out);
  for (int64_t row = 0; row < gates; row++)
    for (int64_t i = 0; i < n; i++) {
      const float scaled = (float)weights[row * n + i] * all->weight_scales[row];
      sums[row] += out[row * n + i] = (double)quantized_round(MXN_INT8, scaled);
    }
  return out;
}

/* One layer in one direction. */
typedef struct direction {
  const run *all;
  int64_t input;
  const double *weights_x, *weights_h;
  float *bias; /* less what data_shift adds to the sums of products */
  double *gates;
  double *h, *c; /* of one sequence */
} direction;

static direction next_direction(const forward *f, const run *all, int64_t layer, int64_t side) {
  const rnn *r = &all->r;
  const int64_t gates = 4 * r->H, before = layer * r->directions + side;
  const int64_t behind_first = before - r->directions;
  const double *weights =
      all->weights + (layer == 0 ? side * rnn_layer_weights(r, 0)
                                 : r->directions * rnn_layer_weights(r, 0) + behind_first * rnn_layer_weights(r, 1));
  const double *biases = all->weights + rnn_weights(r) + 2 * gates * before;
  direction d = {.all = all, .input = rnn_layer_input(r, layer)};
  double *sums = arena_array(f->scratch, (size_t)gates, sizeof *sums);
  memset(sums, 0, (size_t)gates * sizeof *sums);
  d.weights_x = quantize_weights(f, all, weights, d.input, sums);
  d.weights_h = quantize_weights(f, all, weights + gates * d.input, r->H, sums);
  d.bias = arena_array(f->scratch, (size_t)gates, sizeof *d.bias);
  d.gates = arena_array(f->scratch, (size_t)gates, sizeof *d.gates);
  for (int64_t i = 0; i < gates; i++)
    d.bias[i] = (float)biases[i] + (float)biases[gates + i] -
                (float)sums[i] * all->shift / (all->weight_scales[i] * all->scale);
  return d;
}

static double dot(const double *a, const double *b, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += a[i] * b[i];
  return sum;
}

/* From the input of one step to the new state. */
static void step(const direction *d, const double *x) {
  const run *all = d->all;
  const int64_t H = all->r.H;
  for (int64_t g = 0; g < 4 * H; g++) {
    const double sum = dot(d->weights_x + g * d->input, x, d->input) + dot(d->weights_h + g * H, d->h, H);
    d->gates[g] = (double)((float)sum * (1.0f / (all->weight_scales[g] * all->scale)) + d->bias[g]);
  }
  for (int64_t k = 0; k < H; k++) {
    const double *g = d->gates + k;
    d->c[k] = (double)(float)(rnn_sigmoid(g[H]) * d->c[k] + rnn_sigmoid(g[0]) * tanh(g[2 * H]));
    d->h[k] = quantize(all, rnn_sigmoid(g[3 * H]) * tanh(d->c[k]));
  }
}

static void run_sequence(const direction *d, const double *x, double *y, bool is_backward) {
  const rnn *r = &d->all->r;
  for (int64_t i = 0; i < r->T; i++) {
    const int64_t t = is_backward ? r->T - 1 - i : i;
    step(d, x + t * r->N * d->input);
    memcpy(y + t * r->N * r->H * r->directions, d->h, (size_t)r->H * sizeof *y);
  }
}

static const double *run_layer(const forward *f, const run *all, int64_t layer, const double *x) {
  const rnn *r = &all->r;
  const int64_t out = r->H * r->directions;
  double *y = arena_array(f->scratch, (size_t)count_elements(&f->outputs[0].type) + 1, sizeof *y);
  for (int64_t side = 0; side < r->directions; side++) {
    direction d = next_direction(f, all, layer, side);
    for (int64_t b = 0; b < r->N; b++) {
      const int64_t state = ((layer * r->directions + side) * r->N + b) * r->H;
      d.h = all->h + state;
      d.c = all->c + state;
      run_sequence(&d, x + b * d.input, y + b * out + side * r->H, side == 1);
    }
  }
  return y;
}

mxn_status quantized_rnn_forward(const forward *f) {
  int64_t n_states;
  run all = {.r = rnn_of(f->node, &f->inputs[DATA].type)};
  const rnn *r = &all.r;
  all.scale = quantized_number(&f->inputs[SCALE]);
  all.shift = quantized_number(&f->inputs[SHIFT]);
  all.weights = input_doubles(f, PARAMETERS, NULL);
  all.weight_scales = arena_array(f->scratch, (size_t)r->H, 4 * sizeof *all.weight_scales);
  memset(all.weight_scales, 0, (size_t)r->H * 4 * sizeof *all.weight_scales);
  find_weight_scales(&all);
  all.h = input_doubles(f, STATE, &n_states);
  for (int64_t i = 0; i < n_states; i++) all.h[i] = quantize(&all, all.h[i]);
  all.c = input_doubles(f, CELL, NULL);
  const double *x = input_doubles(f, DATA, NULL);
  for (int64_t layer = 0; layer < r->layers; layer++) x = run_layer(f, &all, layer, x);
  const int64_t n = count_elements(&f->outputs[0].type);
  double *out = arena_array(f->scratch, (size_t)n + 1, sizeof *out);
  for (int64_t i = 0; i < n; i++) out[i] = dequantize(&all, x[i]);
  store_output(f, 0, out);
  if (f->node->n_outputs == 1) return MXN_OK;
  for (int64_t i = 0; i < n_states; i++) all.h[i] = dequantize(&all, all.h[i]);
  store_output(f, 1, all.h);
  store_output(f, 2, all.c);
  return MXN_OK;
}
