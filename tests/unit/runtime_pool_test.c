/* runtime_pool_test.c - where the workers of a run begin.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "runtime/pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

#include "base/clock.h"
#include "neuronbin_sample.h"

enum { N_RUNS = 40, PATIENCE_S = 10 };

typedef struct meeting {
  atomic_bool has_begun; /* the worker */
  atomic_bool is_met;    /* the caller knows */
  int caller_core, worker_core, n_allowed;
} meeting;

static int count_allowed(void) {
  cpu_set_t allowed;
  return sched_getaffinity(0, sizeof allowed, &allowed) == 0 ? CPU_COUNT(&allowed) : 0;
}

static bool is_in_time(uint64_t begin_ns) { return clock_ns() - begin_ns < PATIENCE_S * UINT64_C(1000000000); }

/* The caller has work until the worker has begun. */
static void meet(void *job, uint32_t worker) {
  meeting *m = job;
  if (worker > 0) {
    m->worker_core = sched_getcpu();
    atomic_store(&m->has_begun, true);
    while (!atomic_load(&m->is_met)) continue;
    m->n_allowed = count_allowed();
    return;
  }
  for (const uint64_t begin_ns = clock_ns(); !atomic_load(&m->has_begun) && is_in_time(begin_ns);) pool_move_late();
  m->caller_core = sched_getcpu();
  atomic_store(&m->is_met, true);
}

/* Two cores of the process, or false. */
static bool find_two(const cpu_set_t *allowed, size_t cores[2]) {
  size_t n = 0;
  for (size_t i = 0; i < CPU_SETSIZE && n < 2; i++)
    if (CPU_ISSET(i, allowed)) cores[n++] = i;
  return n == 2;
}

/* Of this thread, and of those that it starts. */
static int use_cores(const size_t *cores, size_t n) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (size_t i = 0; i < n; i++) CPU_SET(cores[i], &set);
  return sched_setaffinity(0, sizeof set, &set);
}

typedef struct neighbour {
  size_t core;
  atomic_bool is_over;
} neighbour;

static void *keep_busy(void *argument) {
  neighbour *n = argument;
  const int failure = use_cores(&n->core, 1);
  while (!failure && !atomic_load(&n->is_over)) continue;
  return failure ? NULL : n;
}

/* Of two cores one is busy when the worker is woken, so that the system may well put it on the caller's. */
static void test_workers_begin_beside_the_caller(void **state) {
  (void)state;
  cpu_set_t all;
  size_t cores[2];
  assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
  if (!find_two(&all, cores)) skip();
  assert_int_equal(use_cores(cores, 2), 0);
  pool_reserve(2);
  neighbour n = {.core = cores[1]};
  pthread_t thread;
  void *result = NULL;
  assert_int_equal(pthread_create(&thread, NULL, keep_busy, &n), 0);
  assert_int_equal(use_cores(cores, 1), 0);
  int n_beside = 0;
  for (int i = 0; i < N_RUNS; i++) {
    meeting m = {.worker_core = -1};
    usleep(2000); /* the worker sleeps again */
    pool_run(2, meet, &m);
    assert_true(atomic_load(&m.has_begun));
    assert_int_equal(m.caller_core, cores[0]);
    assert_int_equal(m.n_allowed, 2);
    n_beside += m.worker_core == (int)cores[1];
  }
  atomic_store(&n.is_over, true);
  assert_int_equal(pthread_join(thread, &result), 0);
  assert_non_null(result);
  assert_int_equal(sched_setaffinity(0, sizeof all, &all), 0);
  assert_in_range(n_beside, N_RUNS * 3 / 4, N_RUNS); /* the system may still move it at any time */
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_workers_begin_beside_the_caller)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
