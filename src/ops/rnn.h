/* rnn.h - the sizes of a recurrent network and the layout of its parameters, for
 * RNN (rnn.c) and its quantized form (quantized_rnn.c).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_OPS_RNN_H
#define MXN_OPS_RNN_H

#include "ops/operator.h"

/* T steps of N sequences of I numbers; H in the cell, P in the projection (0: none),
 * R in the state. */
typedef struct rnn {
  int64_t T, N, I, H, P, R;
  int64_t layers, directions, gates;
} rnn;

rnn rnn_of(const node *n, const mxn_type *data);

/* Elements of a step's input, and of the weights in one direction. */
int64_t rnn_layer_input(const rnn *r, int64_t layer);
int64_t rnn_layer_weights(const rnn *r, int64_t layer);

/* Of all layers; the biases begin there. */
int64_t rnn_weights(const rnn *r);

double rnn_sigmoid(double x);

#endif
