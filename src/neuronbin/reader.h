/* reader.h - a neuronbin's bytes as typed tables, without copying.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_NEURONBIN_READER_H
#define MXN_NEURONBIN_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mxneuron/abi.h"

/* Where a neuronbin has to start for its tables to be read in place. */
#define NEURONBIN_TABLE_ALIGNMENT 8

/* Views into the bytes of a neuronbin; whoever owns those keeps them alive. */
typedef struct neuronbin {
  const uint8_t *data;
  const mxn_neuronbin_header *header;
  const char *strings;
  const mxn_neuronbin_tensor *inputs, *outputs;
  const mxn_neuronbin_buffer *buffers;
  const mxn_neuronbin_step *steps;
  const mxn_neuronbin_target *targets;
  const mxn_neuronbin_kernel *kernels; /* [n_targets][n_kernels] */
  const uint8_t *weights;
} neuronbin;

/* Whether the bytes start with a neuronbin's magic. */
bool neuronbin_is_magic(const void *data, size_t bytes);

/* The views of bytes that passed neuronbin_check() and start at a multiple of
 * NEURONBIN_TABLE_ALIGNMENT. */
void neuronbin_view(const void *data, neuronbin *out_bin);

/* The kernels of one target. */
const mxn_neuronbin_kernel *neuronbin_kernels(const neuronbin *bin, uint32_t target);

/* Bytes of the whole array; 0 where a dimension is not positive, the product
 * overflows or the dtype is none. */
uint64_t neuronbin_tensor_bytes(const mxn_neuronbin_tensor *tensor);

#endif
