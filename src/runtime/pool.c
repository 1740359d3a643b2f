/* pool.c - the process's worker threads.
 *
 * `is_busy` is the lock of everything below it: only the thread that took it
 * grows the pool or posts work. A worker touches a job only between taking its
 * post and leaving, and the caller waits until all that took theirs have left, so
 * a job may live on the caller's stack. All shared state is static: a worker that is just
 * about to sleep may look at it at any time.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "runtime/pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "runtime/gate.h"

enum {
  PAUSE_NS = 1000000, /* what follows a run sooner is of one series */
  LATE_NS = 60000,    /* a core that has halted wakes up in 20 to 50 microseconds */
  MAX_MOVED = 3,      /* late workers that are worth moving: of many, one counts less */
};

enum slot_state { SLOT_IDLE, SLOT_POSTED, SLOT_STOPPED };

typedef struct slot {
  gate state;      /* slot_state */
  uint32_t worker; /* number in the run; 0 is the caller */
  pthread_t thread;
  atomic_bool is_moving; /* by move_off() */
} slot;

/* What changes in a run, first. */
static struct {
  gate n_running; /* workers that have neither left the run nor missed it */
  alignas(CACHE_LINE_BYTES) atomic_bool is_busy;
  uint32_t n_slots;
  uint64_t end_ns; /* of the last run */
  int caller_core; /* which workers leave; -1: none */
  pool_work work;
  void *job;
  slot slots[POOL_MAX_CORES - 1];
} pool;

/* When the workers that this thread has woken are late; 0: it has woken none, or late ones were moved. */
static _Thread_local uint64_t late_ns;

static void exclude(pthread_t thread, int core) {
  cpu_set_t allowed, others;
  if (core < 0 || core >= CPU_SETSIZE || pthread_getaffinity_np(thread, sizeof allowed, &allowed) != 0) return;
  others = allowed;
  CPU_CLR((size_t)core, &others);
  if (CPU_COUNT(&others) == 0 || pthread_setaffinity_np(thread, sizeof others, &others) != 0) return;
  pthread_setaffinity_np(thread, sizeof allowed, &allowed);
}

/* Put a worker on another core, and leave it all that it may use. One thread at a time does: a second one would read,
 * and restore, what the first has excluded for a moment. The system wakes a worker on the caller's core where all
 * others are busy at that moment, be it with a thread that is about to wait for this very run, as the threads that call
 * MXNet do; and it moves neither of the two until it balances its load, milliseconds later. */
static void move_off(slot *s, int core) {
  if (atomic_exchange(&s->is_moving, true)) return;
  exclude(s->thread, core);
  atomic_store(&s->is_moving, false);
}

/* Take the slot's post, which its worker and the caller may both want. */
static bool take_post(slot *s) {
  unsigned posted = SLOT_POSTED;
  return atomic_compare_exchange_strong(&s->state.value, &posted, SLOT_IDLE);
}

static void *worker_main(void *argument) {
  slot *s = argument;
  for (;;) {
    gate_wait_change(&s->state, SLOT_IDLE);
    if (atomic_load(&s->state.value) == SLOT_STOPPED) return NULL;
    if (!take_post(s)) continue;
    if (sched_getcpu() == pool.caller_core) move_off(s, pool.caller_core);
    pool.work(pool.job, s->worker);
    /* Only the last one to leave wakes the caller, who waits for zero. */
    if (atomic_fetch_sub(&pool.n_running.value, 1) == 1) gate_wake(&pool.n_running);
  }
}

/* The threads of the parent do not exist in the child, and whoever held the
 * pool there does not hold it here. */
static void reset_in_child(void) {
  for (uint32_t i = 0; i < pool.n_slots; i++) {
    atomic_store(&pool.slots[i].state.value, SLOT_IDLE);
    atomic_store(&pool.slots[i].state.n_sleepers, 0);
  }
  pool.n_slots = 0;
  atomic_store(&pool.n_running.value, 0);
  atomic_store(&pool.n_running.n_sleepers, 0);
  atomic_store(&pool.is_busy, false);
}

static void watch_fork(void) { pthread_atfork(NULL, NULL, reset_in_child); }

static bool start_worker(slot *s, uint32_t worker) {
  s->worker = worker;
  atomic_store(&s->is_moving, false);
  return pthread_create(&s->thread, NULL, worker_main, s) == 0;
}

/* New threads inherit the signal mask, so that none of them ever runs a handler
 * of the application. */
static void grow(uint32_t n_slots) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  sigset_t all, old;
  if (pool.n_slots >= n_slots || pthread_once(&once, watch_fork) != 0) return;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  while (pool.n_slots < n_slots && start_worker(&pool.slots[pool.n_slots], pool.n_slots + 1)) pool.n_slots++;
  pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static bool take(void) { return !atomic_exchange(&pool.is_busy, true); }

/* When the library is unloaded, no thread may be left in its code. The pool stays
 * taken, so a run of another thread, at exit, computes alone. */
__attribute__((destructor)) static void stop_workers(void) {
  if (!take()) return;
  for (uint32_t i = 0; i < pool.n_slots; i++) {
    atomic_store(&pool.slots[i].state.value, SLOT_STOPPED);
    gate_wake(&pool.slots[i].state);
  }
  for (uint32_t i = 0; i < pool.n_slots; i++) pthread_join(pool.slots[i].thread, NULL);
}

static void give_back(void) { atomic_store(&pool.is_busy, false); }

static uint32_t limit_cores(uint32_t n_cores) { return n_cores < POOL_MAX_CORES ? n_cores : POOL_MAX_CORES; }

void pool_reserve(uint32_t n_cores) {
  if (n_cores <= 1 || !take()) return;
  grow(limit_cores(n_cores) - 1);
  give_back();
}

/* Whether workers are moved: not in runs that follow each other, where the system has found cores for all, or knows
 * better, because other processes are as busy. */
static void begin_moves(void) {
  const uint64_t now_ns = clock_ns();
  const bool is_rested = now_ns - pool.end_ns > PAUSE_NS;
  pool.caller_core = is_rested ? sched_getcpu() : -1;
  late_ns = is_rested ? now_ns + LATE_NS : 0;
}

static void end_moves(void) {
  late_ns = 0;
  pool.end_ns = clock_ns();
}

static void post(uint32_t n_workers, pool_work work, void *job) {
  pool.work = work;
  pool.job = job;
  atomic_store(&pool.n_running.value, n_workers - 1);
  for (uint32_t i = 0; i < n_workers - 1; i++) {
    atomic_store(&pool.slots[i].state.value, SLOT_POSTED);
    gate_wake(&pool.slots[i].state);
  }
}

void pool_move_late(void) {
  if (late_ns == 0 || clock_ns() < late_ns) return;
  late_ns = 0;
  const int core = sched_getcpu();
  for (uint32_t i = 0; i < MAX_MOVED && i < pool.n_slots; i++) {
    slot *s = &pool.slots[i];
    if (atomic_load(&s->state.value) == SLOT_POSTED) move_off(s, core);
  }
}

/* Workers that have not begun find nothing left to do: a thread that the system
 * has not scheduled yet must not hold up a run that is over. */
static void recall(uint32_t n_workers) {
  for (uint32_t i = 0; i < n_workers - 1; i++) {
    if (take_post(&pool.slots[i])) atomic_fetch_sub(&pool.n_running.value, 1);
  }
}

void pool_run(uint32_t n_cores, pool_work work, void *job) {
  if (n_cores <= 1 || !take()) {
    work(job, 0);
    return;
  }
  n_cores = limit_cores(n_cores);
  grow(n_cores - 1);
  const uint32_t n_workers = (n_cores - 1 < pool.n_slots ? n_cores - 1 : pool.n_slots) + 1;
  begin_moves();
  post(n_workers, work, job);
  work(job, 0);
  recall(n_workers);
  gate_wait_for(&pool.n_running, 0);
  end_moves();
  give_back();
}
