/* gate.c - waiting, by futex.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "runtime/gate.h"

#include <immintrin.h>
#include <linux/futex.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Some tens of microseconds: longer than the usual wait for the slowest worker
 * of a step, shorter than what a sleep and a wake-up cost twice. */
enum { SPIN_LIMIT = 1000 };

static void futex_wait(atomic_uint *address, unsigned expected) {
  syscall(SYS_futex, address, FUTEX_WAIT_PRIVATE, expected, NULL, NULL, 0);
}

static void futex_wake_all(atomic_uint *address) {
  syscall(SYS_futex, address, FUTEX_WAKE_PRIVATE, 1 << 30, NULL, NULL, 0);
}

/* Return once the value is `number`, or, without `is_wanted`, once it is not. */
static void wait_until(gate *g, unsigned number, bool is_wanted) {
  for (int i = 0; i < SPIN_LIMIT; i++) {
    if ((atomic_load_explicit(&g->value, memory_order_acquire) == number) == is_wanted) return;
    _mm_pause();
  }
  atomic_fetch_add(&g->n_sleepers, 1);
  for (unsigned value; ((value = atomic_load(&g->value)) == number) != is_wanted;) futex_wait(&g->value, value);
  atomic_fetch_sub(&g->n_sleepers, 1);
}

void gate_wait_change(gate *g, unsigned old) { wait_until(g, old, false); }

void gate_wait_for(gate *g, unsigned expected) { wait_until(g, expected, true); }

/* Both sides order their two accesses (value and n_sleepers) sequentially, so no
 * sleeper is missed. */
void gate_wake(gate *g) {
  if (atomic_load(&g->n_sleepers) > 0) futex_wake_all(&g->value);
}
