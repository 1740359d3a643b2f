/* weights_check.c - see weights_check.h.
 *
 * A step's tasks take its weights in order, or the sums come too early or too late for the cache, and are right all the
 * same.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "runtime/weights_check.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/checksum.h"

/* Of several pieces, and less than caches of one core have. */
static const uint64_t chunk_bytes = 4 * CHECKSUM_PIECE_BYTES;

struct weights_check {
  const neuronbin *bin;
  size_t n_pieces;
  uint64_t *sums;           /* [n_pieces] */
  atomic_bool *are_claimed; /* [n_pieces] */
};

weights_check *weights_check_create(const neuronbin *bin) {
  weights_check *c = calloc(1, sizeof *c);
  if (!c) return NULL;
  c->bin = bin;
  c->n_pieces = checksum_n_pieces(bin->header->weights.bytes);
  c->sums = calloc(c->n_pieces, sizeof *c->sums);
  c->are_claimed = calloc(c->n_pieces, sizeof *c->are_claimed);
  if (c->sums && c->are_claimed) return c;
  weights_check_destroy(c);
  return NULL;
}

void weights_check_destroy(weights_check *c) {
  if (!c) return;
  free(c->sums);
  free(c->are_claimed);
  free(c);
}

uint64_t weights_check_n_chunks(const neuronbin *bin, uint32_t step) {
  const mxn_neuronbin_step *row = &bin->steps[step];
  uint64_t bytes = 0;
  for (uint32_t i = 0; i < row->n_buffers; i++) {
    const mxn_neuronbin_buffer *buffer = &bin->buffers[row->first_buffer + i];
    if (buffer->space == MXN_SPACE_WEIGHTS) bytes += buffer->bytes;
  }
  return bytes / chunk_bytes + 1;
}

/* Pieces that begin in [begin, end) of the weights. */
static void sum_range(weights_check *c, const uint8_t *weights, uint64_t begin, uint64_t end) {
  for (size_t piece = (begin + CHECKSUM_PIECE_BYTES - 1) / CHECKSUM_PIECE_BYTES;
       piece < c->n_pieces && piece * CHECKSUM_PIECE_BYTES < end; piece++) {
    if (!atomic_exchange_explicit(&c->are_claimed[piece], true, memory_order_relaxed))
      c->sums[piece] = checksum_of_piece(weights, c->bin->header->weights.bytes, piece);
  }
}

void weights_check_tasks(weights_check *c, const uint8_t *weights, uint32_t step, uint32_t begin, uint32_t end,
                         uint32_t n_tasks) {
  const mxn_neuronbin_step *row = &c->bin->steps[step];
  for (uint32_t i = 0; i < row->n_buffers; i++) {
    const mxn_neuronbin_buffer *buffer = &c->bin->buffers[row->first_buffer + i];
    if (buffer->space != MXN_SPACE_WEIGHTS) continue;
    sum_range(c, weights, buffer->offset + buffer->bytes / n_tasks * begin,
              end == n_tasks ? buffer->offset + buffer->bytes : buffer->offset + buffer->bytes / n_tasks * end);
  }
}

uint64_t weights_check_finish(weights_check *c, const uint8_t *weights) {
  sum_range(c, weights, 0, UINT64_MAX);
  return checksum_join(c->sums, c->n_pieces);
}
