/* checksum.h - whether bytes were changed by accident, at the speed of memory.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_BASE_CHECKSUM_H
#define MXN_BASE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* Sums are of pieces, which fit into a core's cache and which threads may sum at the same time; joined in their order
 * they are another number for sure where two blocks of equal size differ within 8 bytes that begin at a multiple of 8,
 * almost surely where they differ otherwise. Never 0. No protection against intent: that is what SHA-256 is for. The
 * number is kept in files. */
#define CHECKSUM_PIECE_BYTES ((size_t)1 << 17)
size_t checksum_n_pieces(size_t bytes);
uint64_t checksum_of_piece(const void *data, size_t bytes, size_t piece);
uint64_t checksum_join(const uint64_t *sums, size_t n_pieces);

/* The same number at once, without the CPU's vectors. */
uint64_t checksum_of_portably(const void *data, size_t bytes);

#endif
