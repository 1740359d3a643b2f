/* checksum.c - see checksum.h.
 *
 * Eight independent chains keep the multiplier busy. A step of a chain maps states one to one, for each word,
 * and words one to one, for each state; so do the end, which chains the chains, and the chain of pieces.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/checksum.h"

#include <string.h>

enum {
  N_CHAINS = 8,
  WORD_BYTES = 8,
  BLOCK_BYTES = N_CHAINS * WORD_BYTES,
  /* Fetched early: the hardware's own prefetching stops at the end of each page. */
  AHEAD_BYTES = 4096,
};

static uint64_t step(uint64_t state, uint64_t word) {
  state = (state ^ word) * UINT64_C(0x9e3779b97f4a7c15);
  return state ^ state >> 29;
}

/* Unrolled, so that the chains stay in registers. */
static inline void add_block(uint64_t chains[N_CHAINS], const uint8_t *block) {
#pragma GCC unroll N_CHAINS
  for (int i = 0; i < N_CHAINS; i++) {
    uint64_t word;
    memcpy(&word, block + (size_t)i * WORD_BYTES, sizeof word);
    chains[i] = step(chains[i], word);
  }
}

static uint64_t sum_of(const uint8_t *at, size_t bytes) {
  uint64_t chains[N_CHAINS] = {1, 2, 3, 4, 5, 6, 7, 8}, sum = bytes;
  size_t left = bytes;
  for (; left >= BLOCK_BYTES; left -= BLOCK_BYTES, at += BLOCK_BYTES) {
    __builtin_prefetch(at + AHEAD_BYTES);
    add_block(chains, at);
  }
  uint8_t last[BLOCK_BYTES] = {0};
  if (left > 0) memcpy(last, at, left);
  add_block(chains, last);
  for (int i = 0; i < N_CHAINS; i++) sum = step(sum, chains[i]);
  return sum;
}

size_t checksum_n_pieces(size_t bytes) { return bytes > 0 ? (bytes - 1) / CHECKSUM_PIECE_BYTES + 1 : 1; }

uint64_t checksum_of_piece(const void *data, size_t bytes, size_t piece) {
  const size_t begin = piece * CHECKSUM_PIECE_BYTES, left = bytes - begin;
  return sum_of((const uint8_t *)data + begin, left < CHECKSUM_PIECE_BYTES ? left : CHECKSUM_PIECE_BYTES);
}

/* The number of the piece keeps two that change places apart. */
static uint64_t add_piece(uint64_t sum, size_t piece, uint64_t sum_of_piece) {
  return piece > 0 ? step(step(sum, piece), sum_of_piece) : sum_of_piece;
}

uint64_t checksum_join(const uint64_t *sums, size_t n_pieces) {
  uint64_t sum = 0;
  for (size_t i = 0; i < n_pieces; i++) sum = add_piece(sum, i, sums[i]);
  return sum ? sum : 1;
}

uint64_t checksum_of(const void *data, size_t bytes) {
  uint64_t sum = 0;
  for (size_t i = 0; i < checksum_n_pieces(bytes); i++) sum = add_piece(sum, i, checksum_of_piece(data, bytes, i));
  return sum ? sum : 1;
}
