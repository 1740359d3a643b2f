/* reader.c - a neuronbin's bytes as typed tables.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "neuronbin/reader.h"

#include <string.h>

#include "mxneuron/tensor.h"

bool neuronbin_is_magic(const void *data, size_t bytes) {
  const size_t magic_bytes = sizeof((mxn_neuronbin_header *)NULL)->magic;
  return bytes >= magic_bytes && memcmp(data, MXN_NEURONBIN_MAGIC, magic_bytes) == 0;
}

void neuronbin_view(const void *data, neuronbin *out_bin) {
  const uint8_t *base = data;
  const mxn_neuronbin_header *header = data;
  out_bin->data = base;
  out_bin->header = header;
  out_bin->strings = (const char *)base + header->strings.offset;
  out_bin->inputs = (const void *)(base + header->tensors.offset);
  out_bin->outputs = out_bin->inputs + header->n_inputs;
  out_bin->buffers = (const void *)(base + header->buffers.offset);
  out_bin->steps = (const void *)(base + header->steps.offset);
  out_bin->targets = (const void *)(base + header->targets.offset);
  out_bin->kernels = (const void *)(base + header->kernels.offset);
  out_bin->weights = base + header->weights.offset;
}

const mxn_neuronbin_kernel *neuronbin_kernels(const neuronbin *bin, uint32_t target) {
  return bin->kernels + (size_t)target * bin->header->n_kernels;
}

uint64_t neuronbin_tensor_bytes(const mxn_neuronbin_tensor *tensor) {
  uint64_t bytes = mxn_dtype_bytes((mxn_dtype)tensor->dtype);
  for (int32_t d = 0; d < tensor->n_dims; d++) {
    if (tensor->dims[d] <= 0 || __builtin_mul_overflow(bytes, (uint64_t)tensor->dims[d], &bytes)) return 0;
  }
  return bytes <= INT64_MAX ? bytes : 0;
}
