/* runtime_session_test.c - runs: checks before anything is written, the same
 * bits on any number of cores, threads, fork, the caller's processor state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <dirent.h>
#include <fenv.h>
#include <immintrin.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "mxneuron/program.h"
#include "neuronbin_sample.h"
#include "runtime/cpu.h"

/* ThreadSanitizer does not support threads in a child of a process that had
 * some. */
#if defined(__SANITIZE_THREAD__)
#define HAS_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HAS_THREAD_SANITIZER 1
#endif
#endif
#ifndef HAS_THREAD_SANITIZER
#define HAS_THREAD_SANITIZER 0
#endif

static bytes sample;
static mxn_program *program;

static int open_program(void **state) {
  (void)state;
  sample = sample_bytes();
  return mxn_program_open_memory(sample.data, sample.size, "sample", &program, NULL);
}

static int close_program(void **state) {
  (void)state;
  mxn_program_close(program);
  free(sample.data);
  return 0;
}

static mxn_session *create(uint32_t n_cores) {
  mxn_error err = {0};
  mxn_session *s = NULL;
  if (mxn_session_create(program, n_cores, &s, &err) != MXN_OK) fail_msg("%s", err.message);
  return s;
}

/* Values whose sum and square are rounded, so that bits show what was computed. */
static void fill(float *x, size_t seed) {
  for (size_t i = 0; i < SAMPLE_N; i++) x[i] = (float)((i * 7919 + seed * 104729) % 1000) / 7.0f;
}

static bool is_right(const float *x, const float *y) {
  for (size_t i = 0; i < SAMPLE_N; i++) {
    const volatile float sum = x[i] + sample_weight(i), square = sum * sum;
    if (y[i] != square) return false;
  }
  return true;
}

/* Run and compare; no assertion, so any thread may call it. */
static bool runs_right(mxn_session *s, size_t seed) {
  float x[SAMPLE_N];
  mxn_tensor in = {*mxn_program_input_type(program, 0), x}, out = {0};
  fill(x, seed);
  return mxn_session_run(s, &in, 1, &out, 1, NULL) == MXN_OK && is_right(x, out.data);
}

static size_t count_threads(void) {
  size_t n = 0;
  DIR *tasks = opendir("/proc/self/task");
  assert_non_null(tasks);
  for (struct dirent *entry; (entry = readdir(tasks));) n += entry->d_name[0] != '.';
  closedir(tasks);
  return n;
}

/* First of all tests, while nothing has started the pool. */
static void test_one_core_starts_no_thread(void **state) {
  (void)state;
  const size_t n_before = count_threads();
  mxn_session *s = create(1);
  assert_true(runs_right(s, 1));
  assert_true(runs_right(s, 2));
  mxn_session_destroy(s);
  assert_int_equal(count_threads(), n_before);
}

static void test_same_bits_on_any_cores(void **state) {
  (void)state;
  for (uint32_t n_cores = 0; n_cores <= 5; n_cores++) {
    mxn_session *s = create(n_cores);
    for (size_t seed = 0; seed < 20; seed++) assert_true(runs_right(s, seed));
    mxn_session_destroy(s);
  }
  mxn_session_destroy(NULL);
}

/* What is wrong with a call; nothing of the caller's or of the last run changes. */
static void expect_refused(mxn_session *s, const mxn_tensor *in, size_t n_in, size_t n_out, mxn_status status,
                           const char *part) {
  mxn_error err = {0};
  mxn_tensor out = {{MXN_INT8, 1, {7}}, &err};
  assert_int_equal(mxn_session_run(s, in, n_in, &out, n_out, &err), status);
  if (!strstr(err.message, part)) fail_msg("expected '%s', got '%s'", part, err.message);
  assert_int_equal(out.type.dtype, MXN_INT8);
  assert_ptr_equal(out.data, &err);
}

static void test_wrong_inputs_change_nothing(void **state) {
  (void)state;
  static float x[SAMPLE_N], before[SAMPLE_N];
  mxn_session *s = create(2);
  const mxn_tensor good = {*mxn_program_input_type(program, 0), x};
  mxn_tensor bad, out;
  fill(x, 3);
  assert_int_equal(mxn_session_run(s, &good, 1, &out, 1, NULL), MXN_OK);
  memcpy(before, out.data, sizeof before);
  fill(x, 4);
  expect_refused(s, &good, 0, 1, MXN_ARGUMENT, "expected 1 inputs, got 0");
  expect_refused(s, &good, 2, 1, MXN_ARGUMENT, "expected 1 inputs, got 2");
  expect_refused(s, &good, 1, 0, MXN_ARGUMENT, "1 outputs, got 0");
  bad = good, bad.type.dtype = MXN_FLOAT64;
  expect_refused(s, &bad, 1, 1, MXN_ARGUMENT, "'data': dtype: expected float32, got float64");
  bad = good, bad.type.dtype = (mxn_dtype)99;
  expect_refused(s, &bad, 1, 1, MXN_ARGUMENT, "got unknown");
  bad = good, bad.type.dims[0] = SAMPLE_ROWS + 1;
  expect_refused(s, &bad, 1, 1, MXN_SHAPE, "'data': shape: expected (4, 1000), got (5, 1000)");
  bad = good, bad.type.n_dims = 1;
  expect_refused(s, &bad, 1, 1, MXN_SHAPE, "got (4");
  bad = good, bad.type.n_dims = -1;
  expect_refused(s, &bad, 1, 1, MXN_SHAPE, "expected (4, 1000)");
  bad = good, bad.type.n_dims = INT32_MAX;
  expect_refused(s, &bad, 1, 1, MXN_SHAPE, "expected (4, 1000)");
  bad = good, bad.data = (char *)out.data + SAMPLE_BYTES - 4;
  expect_refused(s, &bad, 1, 1, MXN_ARGUMENT, "'data': expected a copy of output 'square_output'");
  bad = good, bad.data = NULL;
  expect_refused(s, &bad, 1, 1, MXN_ARGUMENT, "'data': expected data, got NULL");
  assert_memory_equal(before, out.data, sizeof before);
  mxn_session_destroy(s);
}

static void test_unaligned_input(void **state) {
  (void)state;
  char block[SAMPLE_BYTES + 4];
  float x[SAMPLE_N];
  mxn_session *s = create(1);
  fill(x, 5);
  for (size_t offset = 0; offset < 4; offset++) {
    mxn_tensor in = {*mxn_program_input_type(program, 0), block + offset}, out;
    memcpy(block + offset, x, sizeof x);
    assert_int_equal(mxn_session_run(s, &in, 1, &out, 1, NULL), MXN_OK);
    assert_int_equal((uintptr_t)out.data % MXN_ALIGNMENT, 0);
    assert_true(is_right(x, out.data));
  }
  mxn_session_destroy(s);
}

/* A tensor of `n` rows. */
static mxn_tensor rows(float *data, int64_t n) {
  mxn_tensor t = {*mxn_program_input_type(program, 0), data};
  t.type.dims[0] = n;
  return t;
}

/* Rows of any batch, each as in the compiled one. */
static void fill_rows(float *x, size_t n, size_t seed) {
  for (size_t i = 0; i < n; i++) fill(x + i * SAMPLE_N, seed + i);
}

static void expect_rows(const float *x, const float *y, size_t n_rows) {
  for (size_t i = 0; i < n_rows * SAMPLE_COLUMNS; i++) {
    const volatile float sum = x[i] + sample_weight(i % SAMPLE_N), square = sum * sum;
    if (y[i] != square) fail_msg("element %zu: expected %g, got %g", i, square, y[i]);
  }
}

/* Whole pieces and a padded one; nothing is written behind the caller's rows. */
static void test_run_into_memory_of_any_batch(void **state) {
  (void)state;
  enum { MAX_PIECES = 3, MAX_ROWS = MAX_PIECES * SAMPLE_ROWS };
  static float x[MAX_PIECES * SAMPLE_N], y[MAX_PIECES * SAMPLE_N + 1];
  mxn_session *s = create(2);
  fill_rows(x, MAX_PIECES, 11);
  for (size_t n = 1; n <= MAX_ROWS; n++) {
    const mxn_tensor in = rows(x, (int64_t)n), out = rows(y + n % 2, (int64_t)n);
    memset(y, 0x7f, sizeof y);
    const float untouched = y[0];
    assert_int_equal(mxn_session_run_into(s, &in, 1, &out, 1, NULL), MXN_OK);
    expect_rows(x, y + n % 2, n);
    assert_true(n % 2 == 0 || y[0] == untouched);
    assert_true(n == MAX_ROWS || y[n % 2 + n * SAMPLE_COLUMNS] == untouched);
  }
  mxn_session_destroy(s);
}

static void expect_not_into(mxn_session *s, const mxn_tensor *in, const mxn_tensor *out, mxn_status status,
                            const char *part) {
  mxn_error err = {0};
  assert_int_equal(mxn_session_run_into(s, in, 1, out, 1, &err), status);
  if (!strstr(err.message, part)) fail_msg("expected '%s', got '%s'", part, err.message);
}

static void test_run_into_wrong_memory(void **state) {
  (void)state;
  static float x[2 * SAMPLE_N], y[2 * SAMPLE_N];
  mxn_session *s = create(1);
  const mxn_tensor in = rows(x, SAMPLE_ROWS), out = rows(y, SAMPLE_ROWS), none = rows(NULL, SAMPLE_ROWS);
  mxn_tensor bad = rows(y, SAMPLE_ROWS + 1), wide = rows(x, 5);
  expect_not_into(s, &in, &bad, MXN_SHAPE, "output 'square_output': shape: expected (4, 1000), got (5, 1000)");
  bad = rows(x, 0);
  expect_not_into(s, &bad, &out, MXN_SHAPE, "input 'data': shape: expected (4, 1000), got (0, 1000)");
  bad = rows(y, SAMPLE_ROWS), bad.type.dtype = MXN_INT32;
  expect_not_into(s, &in, &bad, MXN_ARGUMENT, "output 'square_output': dtype: expected float32, got int32");
  bad = rows(x + SAMPLE_N - 1, SAMPLE_ROWS);
  expect_not_into(s, &in, &bad, MXN_ARGUMENT, "'data': expected a copy of output 'square_output'");
  expect_not_into(s, &wide, &out, MXN_SHAPE, "output 'square_output': expected the compiled type with 5 samples");
  wide.type.dims[1] = 999;
  expect_not_into(s, &wide, &none, MXN_SHAPE, "input 'data': expected the compiled type with 5 samples");
  for (int64_t n = 1; n <= 2 * SAMPLE_ROWS; n++) { /* with and without a padded piece */
    const mxn_tensor empty = rows(NULL, n), room = rows(y, n);
    expect_not_into(s, &empty, &room, MXN_ARGUMENT, "input 'data': expected data, got NULL");
  }
  assert_int_equal(mxn_session_run_into(s, &in, 1, &none, 1, NULL), MXN_OK);
  mxn_session_destroy(s);
}

static void test_run_does_not_allocate(void **state) {
  (void)state;
  for (uint32_t n_cores = 1; n_cores <= 2; n_cores++) {
    mxn_session *s = create(n_cores);
    assert_true(runs_right(s, 0));
    const struct mallinfo2 before = mallinfo2();
    for (size_t seed = 0; seed < 5; seed++) assert_true(runs_right(s, seed));
    const struct mallinfo2 after = mallinfo2();
    assert_int_equal(after.uordblks, before.uordblks);
    mxn_session_destroy(s);
  }
}

/* The run rounds to nearest and flushes denormals whatever the caller has set,
 * and the caller finds his own settings again. */
static void test_processor_state(void **state) {
  (void)state;
  enum { FLUSH = 0x8040, ZERO_WEIGHT = 400 };
  static float x[SAMPLE_N];
  const unsigned normal = _mm_getcsr();
  for (uint32_t n_cores = 1; n_cores <= 2; n_cores++) {
    mxn_session *s = create(n_cores);
    mxn_tensor in = {*mxn_program_input_type(program, 0), x}, out;
    fill(x, 6);
    x[ZERO_WEIGHT] = 1e-20f;
    const unsigned mine = (normal & ~(unsigned)_MM_ROUND_MASK) | _MM_ROUND_UP | _MM_EXCEPT_DENORM;
    _mm_setcsr(mine);
    const mxn_status status = mxn_session_run(s, &in, 1, &out, 1, NULL);
    const unsigned left = _mm_getcsr();
    _mm_setcsr(normal);
    assert_int_equal(status, MXN_OK);
    assert_int_equal(left, mine);
    assert_int_equal(left & FLUSH, 0);
    assert_true(((float *)out.data)[ZERO_WEIGHT] == 0.0f);
    x[ZERO_WEIGHT] = 0;
    assert_true(is_right(x, out.data));
    mxn_session_destroy(s);
  }
}

static void test_profile(void **state) {
  (void)state;
  static float x[SAMPLE_N];
  for (uint32_t n_cores = 1; n_cores <= 2; n_cores++) {
    mxn_error err = {0};
    mxn_session *s = create(n_cores);
    mxn_tensor in = {*mxn_program_input_type(program, 0), x}, out;
    uint64_t ns[2] = {0};
    fill(x, 7);
    assert_int_equal(mxn_session_profile(s, &in, 1, &out, 1, ns, 2, &err), MXN_OK);
    assert_true(is_right(x, out.data));
    for (size_t i = 0; i < 2; i++) assert_in_range(ns[i], 1, UINT64_C(10000000000));
    assert_int_equal(mxn_session_profile(s, &in, 1, &out, 1, ns, 3, &err), MXN_ARGUMENT);
    assert_non_null(strstr(err.message, "2 steps, got 3"));
    assert_true(runs_right(s, 8));
    mxn_session_destroy(s);
  }
}

typedef struct crowd {
  uint32_t n_cores;
  atomic_uint n_wrong;
} crowd;

static void *run_many(void *argument) {
  crowd *c = argument;
  mxn_session *s = NULL;
  if (mxn_session_create(program, c->n_cores, &s, NULL) != MXN_OK) atomic_fetch_add(&c->n_wrong, 1);
  for (size_t seed = 0; s && seed < 100; seed++) {
    if (!runs_right(s, seed)) atomic_fetch_add(&c->n_wrong, 1);
  }
  mxn_session_destroy(s);
  return NULL;
}

/* One core each, and all of them after the one pool. */
static void test_sessions_of_four_threads(void **state) {
  (void)state;
  for (uint32_t n_cores = 1; n_cores <= 3; n_cores++) {
    crowd c = {.n_cores = n_cores};
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++) assert_int_equal(pthread_create(&threads[i], NULL, run_many, &c), 0);
    for (size_t i = 0; i < 4; i++) assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(atomic_load(&c.n_wrong), 0);
  }
}

/* The mask of blocked signals of a thread of this process. */
static unsigned long long blocked_signals(const char *task) {
  char path[300], line[256];
  unsigned long long mask = 0;
  snprintf(path, sizeof path, "/proc/self/task/%s/status", task);
  FILE *file = fopen(path, "r");
  assert_non_null(file);
  while (fgets(line, sizeof line, file)) (void)sscanf(line, "SigBlk: %llx", &mask);
  fclose(file);
  return mask;
}

static void test_workers_block_signals(void **state) {
  (void)state;
  mxn_session *s = create(3);
  assert_true(runs_right(s, 9));
  size_t n_blocking = 0;
  DIR *tasks = opendir("/proc/self/task");
  assert_non_null(tasks);
  for (struct dirent *entry; (entry = readdir(tasks));) {
    if (entry->d_name[0] == '.') continue;
    n_blocking += blocked_signals(entry->d_name) >> (SIGTERM - 1) & blocked_signals(entry->d_name) >> (SIGUSR1 - 1) & 1;
  }
  closedir(tasks);
  assert_true(n_blocking >= 2);
  mxn_session_destroy(s);
}

/* In a child: the parent's session, and a new one that starts threads. */
static int run_in_child(mxn_session *s) {
  for (size_t seed = 0; seed < 5; seed++) {
    if (!runs_right(s, seed)) return 1;
  }
  crowd c = {.n_cores = 2};
  run_many(&c);
  if (count_threads() < 2) return 3;
  return atomic_load(&c.n_wrong) == 0 ? 0 : 2;
}

static void expect_child_runs(mxn_session *s) {
  int status = 0;
  const pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    alarm(60);
    _exit(run_in_child(s));
  }
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 0);
}

static void *run_until(void *argument) {
  atomic_bool *is_over = argument;
  mxn_session *s = NULL;
  if (mxn_session_create(program, 3, &s, NULL) != MXN_OK) return NULL;
  while (!atomic_load(is_over) && runs_right(s, 10)) continue;
  mxn_session_destroy(s);
  return is_over;
}

/* Also while another thread has the pool, which nobody gives back in the child. */
static void test_fork(void **state) {
  (void)state;
  if (HAS_THREAD_SANITIZER) skip();
  mxn_session *s = create(2);
  assert_true(runs_right(s, 11));
  expect_child_runs(s);
  assert_true(runs_right(s, 12));
  atomic_bool is_over = false;
  pthread_t thread;
  void *result = NULL;
  assert_int_equal(pthread_create(&thread, NULL, run_until, &is_over), 0);
  for (int i = 0; i < 10; i++) expect_child_runs(s);
  atomic_store(&is_over, true);
  assert_int_equal(pthread_join(thread, &result), 0);
  assert_non_null(result);
  mxn_session_destroy(s);
}

/* 64 TiB of activations: legal, and more than any machine gives. */
static void test_no_memory(void **state) {
  (void)state;
  mxn_error err = {0};
  mxn_session *s = (mxn_session *)&err;
  mxn_program *p = NULL;
  bytes b = sample_bytes();
  ((mxn_neuronbin_header *)b.data)->arena_bytes = UINT64_C(1) << 46;
  seal(b);
  assert_int_equal(mxn_program_open_memory(b.data, b.size, "big", &p, &err), MXN_OK);
  assert_int_equal(mxn_session_create(p, 1, &s, &err), MXN_NOMEM);
  assert_null(s);
  assert_non_null(strstr(err.message, "big: out of memory"));
  mxn_program_close(p);
  free(b.data);
}

/* So that a request beyond all bounds is refused under sanitizers, too. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "allocator_may_return_null=1"; }
const char *__tsan_default_options(void);
const char *__tsan_default_options(void) { return "allocator_may_return_null=1"; }

int main(void) {
  unsetenv("MXNEURON_ISA");
  unsetenv("MXNEURON_NUM_CORES");
  if (!cpu_has_level(3)) {
    printf("SKIPPED: this CPU has no x86-64-v3\n");
    return 77;
  }
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_one_core_starts_no_thread),
      cmocka_unit_test(test_same_bits_on_any_cores),
      cmocka_unit_test(test_wrong_inputs_change_nothing),
      cmocka_unit_test(test_unaligned_input),
      cmocka_unit_test(test_run_into_memory_of_any_batch),
      cmocka_unit_test(test_run_into_wrong_memory),
      cmocka_unit_test(test_run_does_not_allocate),
      cmocka_unit_test(test_processor_state),
      cmocka_unit_test(test_profile),
      cmocka_unit_test(test_sessions_of_four_threads),
      cmocka_unit_test(test_workers_block_signals),
      cmocka_unit_test(test_fork),
      cmocka_unit_test(test_no_memory),
  };
  const int n_failed = cmocka_run_group_tests(tests, open_program, close_program);
  sample_finish();
  return n_failed;
}
