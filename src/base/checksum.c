/* checksum.c - see checksum.h.
 *
 * Eight independent chains keep the multiplier busy. A step of a chain maps states one to one, for each word,
 * and words one to one, for each state; so does the end, which chains the chains.
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

uint64_t checksum_of(const void *data, size_t bytes) {
  const uint8_t *at = data;
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
  return sum ? sum : 1;
}
