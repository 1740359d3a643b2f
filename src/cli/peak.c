/* peak.c - see peak.h.
 *
 * Each round adds a product to every one of 16 vectors; they do not depend on each
 * other, so the latency of an addition (4 cycles on two ports needs 8) is hidden.
 * The best of several short measurements counts: others use the core, too.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/peak.h"

#include <immintrin.h>
#include <pthread.h>
#include <string.h>

#include "cli/commands.h"

enum { N_ACCUMULATORS = 16, N_ROUNDS = 100000, N_MEASUREMENTS = 12, MAX_THREADS = 256 };

/* Both return a number that depends on every sum, so that none is left out. */

__attribute__((target("avx512f"), noinline)) static float run_avx512(void) {
  __m512 sums[N_ACCUMULATORS], x = _mm512_set1_ps(0.999f), y = _mm512_set1_ps(0.001f);
  for (int i = 0; i < N_ACCUMULATORS; i++) sums[i] = _mm512_set1_ps((float)i);
  for (int round = 0; round < N_ROUNDS; round++) {
#pragma GCC unroll 16
    for (int i = 0; i < N_ACCUMULATORS; i++) sums[i] = _mm512_fmadd_ps(sums[i], x, y);
  }
  for (int i = 1; i < N_ACCUMULATORS; i++) sums[0] = _mm512_add_ps(sums[0], sums[i]);
  return _mm512_cvtss_f32(sums[0]);
}

/* AVX2 has 16 registers: 12 sums, two factors, and room. */
enum { N_AVX2_ACCUMULATORS = 12 };

__attribute__((target("avx2,fma"), noinline)) static float run_avx2(void) {
  __m256 sums[N_AVX2_ACCUMULATORS], x = _mm256_set1_ps(0.999f), y = _mm256_set1_ps(0.001f);
  for (int i = 0; i < N_AVX2_ACCUMULATORS; i++) sums[i] = _mm256_set1_ps((float)i);
  for (int round = 0; round < N_ROUNDS; round++) {
#pragma GCC unroll 12
    for (int i = 0; i < N_AVX2_ACCUMULATORS; i++) sums[i] = _mm256_fmadd_ps(sums[i], x, y);
  }
  for (int i = 1; i < N_AVX2_ACCUMULATORS; i++) sums[0] = _mm256_add_ps(sums[0], sums[i]);
  return _mm256_cvtss_f32(sums[0]);
}

typedef struct measurement {
  float (*run)(void);
  double flops; /* of one call */
  double best;  /* GFLOP/s */
} measurement;

static void *measure(void *argument) {
  measurement *m = argument;
  volatile float sink = 0;
  for (int i = 0; i < N_MEASUREMENTS; i++) {
    const double begin = now_seconds();
    sink += m->run();
    const double gflops = m->flops / (now_seconds() - begin) / 1e9;
    if (gflops > m->best) m->best = gflops;
  }
  return NULL;
}

/* A measurement lasts a hundred times as long as it takes to start a thread, so
 * most of it is together with the others. */
static double measure_threads(const measurement *one, uint32_t n) {
  measurement each[MAX_THREADS];
  pthread_t threads[MAX_THREADS];
  uint32_t n_started = 0;
  double total = 0;
  if (n > MAX_THREADS) n = MAX_THREADS;
  for (uint32_t i = 0; i < n; i++) each[i] = *one;
  while (n_started < n && pthread_create(&threads[n_started], NULL, measure, &each[n_started]) == 0) n_started++;
  for (uint32_t i = 0; i < n_started; i++) {
    pthread_join(threads[i], NULL);
    total += each[i].best;
  }
  return total;
}

double measure_peak_gflops(const char *target, uint32_t n_cores) {
  measurement m = {0};
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && strcmp(target, "x86-64-v4") == 0)
    m = (measurement){.run = run_avx512, .flops = 2.0 * 16 * N_ACCUMULATORS * N_ROUNDS};
  else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    m = (measurement){.run = run_avx2, .flops = 2.0 * 8 * N_AVX2_ACCUMULATORS * N_ROUNDS};
  else
    return 0;
  if (n_cores > 1) return measure_threads(&m, n_cores);
  measure(&m);
  return m.best;
}
