/* clock.h - time that only goes forward.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_BASE_CLOCK_H
#define MXN_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Nanoseconds since a moment of the past. */
static inline uint64_t clock_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

#endif
