/* sha256.h - SHA-256 (FIPS 180-4), in C only: the runtime links libc alone.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_BASE_SHA256_H
#define MXN_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

typedef struct sha256 {
  void (*compress)(uint32_t state[8], const uint8_t *block); /* as the CPU can */
  uint32_t state[8];
  uint64_t bytes;
  uint8_t block[64];
} sha256;

void sha256_init(sha256 *s);
void sha256_init_portable(sha256 *s); /* without instructions that not every CPU has */
void sha256_update(sha256 *s, const void *data, size_t bytes);
void sha256_final(sha256 *s, uint8_t digest[32]);

#endif
