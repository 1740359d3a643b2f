/* fuzz_neuronbin.c - the check of a neuronbin, and its promise: what passes can be
 * used without another check. Every row is followed to the bytes that it stands
 * for, as a session would, but nothing is executed. (neuronbin_fuzz.c opens a
 * program instead, which also wants a CPU for its code.)
 *
 * The digest would keep every change out, so the input's is made right first.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdbool.h>
#include <string.h>

#include "base/sha256.h"
#include "fuzz/fuzz.h"
#include "neuronbin/check.h"

static void must(bool condition) {
  if (!condition) abort();
}

static void seal(uint8_t *data, size_t bytes) {
  mxn_neuronbin_header *h = (void *)data;
  sha256 s;
  if (bytes < sizeof *h || h->checked_bytes > bytes) return;
  memset(h->digest, 0, sizeof h->digest);
  sha256_init(&s);
  sha256_update(&s, data, h->checked_bytes);
  sha256_final(&s, h->digest);
}

/* Bytes of the space that a buffer lies in, by another way than the check's. */
static uint64_t space_bytes(const neuronbin *bin, const mxn_neuronbin_buffer *b) {
  const mxn_neuronbin_header *h = bin->header;
  if (b->space == MXN_SPACE_ARENA) return h->arena_bytes;
  if (b->space == MXN_SPACE_WEIGHTS) return h->weights.bytes;
  must(b->index < (b->space == MXN_SPACE_INPUT ? h->n_inputs : h->n_outputs));
  return neuronbin_tensor_bytes(b->space == MXN_SPACE_INPUT ? &bin->inputs[b->index] : &bin->outputs[b->index]);
}

static size_t follow_steps(const neuronbin *bin) {
  size_t length = 0;
  for (uint32_t i = 0; i < bin->header->n_steps; i++) {
    const mxn_neuronbin_step *s = &bin->steps[i];
    must(s->n_buffers <= MXN_STEP_MAX_BUFFERS);
    length += strlen(bin->strings + s->name);
    for (uint32_t k = 0; k < s->n_buffers; k++) {
      const mxn_neuronbin_buffer *b = &bin->buffers[s->first_buffer + k];
      must((__uint128_t)b->offset + b->bytes <= space_bytes(bin, b));
    }
    for (uint32_t t = 0; t < bin->header->n_targets; t++) {
      const mxn_neuronbin_kernel *kernel = &neuronbin_kernels(bin, t)[s->kernel];
      must(kernel->n_tasks > 0 && kernel->entry < bin->targets[t].code.bytes);
    }
  }
  return length;
}

static size_t follow_bytes(const neuronbin *bin, size_t bytes) {
  size_t sum = 0;
  for (uint32_t i = 0; i < bin->header->n_inputs; i++) sum += strlen(bin->strings + bin->inputs[i].name);
  for (uint32_t i = 0; i < bin->header->n_outputs; i++) sum += strlen(bin->strings + bin->outputs[i].name);
  for (uint32_t t = 0; t < bin->header->n_targets; t++) {
    const mxn_neuronbin_section code = bin->targets[t].code;
    sum += strlen(bin->strings + bin->targets[t].name);
    for (uint64_t i = 0; i < code.bytes; i++) sum += bin->data[code.offset + i];
  }
  must((__uint128_t)bin->header->weights.offset + bin->header->weights.bytes <= bytes);
  for (uint64_t i = 0; i < bin->header->weights.bytes; i++) sum += bin->weights[i];
  return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
  static volatile size_t sum;
  mxn_error err = {0};
  neuronbin bin;
  uint8_t *copy = malloc(bytes ? bytes : 1);
  if (!copy) return 0;
  memcpy(copy, data, bytes);
  seal(copy, bytes);
  const mxn_status status = neuronbin_check(copy, bytes, "fuzz", &err);
  check_refusal(status, &err);
  if (status == MXN_OK) {
    neuronbin_view(copy, &bin);
    sum += follow_steps(&bin) + follow_bytes(&bin, bytes);
  }
  free(copy);
  return 0;
}
