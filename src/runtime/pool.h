/* pool.h - the process's worker threads.
 *
 * There is one pool. It starts empty and grows when a session asks for cores; a
 * run takes all of it or, where another run has it, none. Workers spin for some
 * microseconds after a run and then sleep. They block all signals. After fork()
 * the child has an empty pool, and grows its own.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_RUNTIME_POOL_H
#define MXN_RUNTIME_POOL_H

#include <stdint.h>

/* Most threads of one run, the caller included. */
#define POOL_MAX_CORES 256

/* What every participant of a run executes; the caller is number 0. */
typedef void (*pool_work)(void *job, uint32_t worker);

/* Have workers for a run on n_cores ready, as far as the pool is free and the
 * system gives threads; a run tries again. Nothing for one core. */
void pool_reserve(uint32_t n_cores);

/* Execute work on the caller's thread and on up to n_cores - 1 others that begin
 * before the caller's is done; on the caller's alone where the pool is busy. So
 * the caller's work must be the whole job, which the others take parts of, and no
 * one may wait for another to begin. Whatever workers write is visible on return. */
void pool_run(uint32_t n_cores, pool_work work, void *job);

/* For the work to call now and then. On the caller's thread, once in a run that follows a pause: workers that were
 * woken and have not begun within the usual time wait for the caller's core; they are moved to others. */
void pool_move_late(void);

#endif
