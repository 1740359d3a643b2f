/* gate.h - a number that threads wait on, spinning first and then sleeping.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_RUNTIME_GATE_H
#define MXN_RUNTIME_GATE_H

#include <stdalign.h>
#include <stdatomic.h>

enum { CACHE_LINE_BYTES = 64 };

typedef struct gate {
  alignas(CACHE_LINE_BYTES) atomic_uint value;
  atomic_uint n_sleepers;
} gate;

/* Return once the value is not `old`. */
void gate_wait_change(gate *g, unsigned old);

/* Return once the value is `expected`. Whoever stores that calls gate_wake(). */
void gate_wait_for(gate *g, unsigned expected);

/* Call after changing the value: wakes all that sleep. */
void gate_wake(gate *g);

#endif
