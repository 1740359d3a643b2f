/* compat_program_cache_test.c - programs that outlive the arrays they came from: equal
 * arrays, changed ones, misaligned ones, more than the cache keeps, and fork.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "compat/program_cache.h"

#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "neuronbin_sample.h"

static bytes sample;

static int make_sample(void **state) {
  (void)state;
  sample = sample_bytes();
  return 0;
}

static int free_sample(void **state) {
  (void)state;
  free(sample.data);
  return 0;
}

/* A copy as MXNet would have it, `offset` bytes off its alignment. Its number of writes is new. */
static neuronbin_array copy_sample(size_t offset) {
  static atomic_size_t version;
  uint8_t *data = aligned_alloc(MXN_ALIGNMENT, (sample.size / MXN_ALIGNMENT + 2) * MXN_ALIGNMENT);
  assert_non_null(data);
  memcpy(data + offset, sample.data, sample.size);
  return (neuronbin_array){data + offset, sample.size, atomic_fetch_add(&version, 1) + 1, 0};
}

static void free_copy(neuronbin_array array) { free((void *)((uintptr_t)array.data / MXN_ALIGNMENT * MXN_ALIGNMENT)); }

static mxn_neuronbin_header *header_of(neuronbin_array array) { return (void *)array.data; }

/* Change the first weight, and the checksum and digest with it or not. */
static void set_weight(neuronbin_array array, float weight, bool is_sealed) {
  bytes b = {(uint8_t *)array.data, array.bytes};
  mxn_neuronbin_header *h = header_of(array);
  memcpy(b.data + h->weights.offset, &weight, sizeof weight);
  if (!is_sealed) return;
  h->weights_checksum = 0;
  h->weights_digest[0] ^= 1;
  h->n_operators = (uint32_t)weight;
  seal(b);
}

static mxn_status try_to_run(neuronbin_array array, float *out_weight, mxn_error *err) {
  static float x[SAMPLE_N];
  float y[SAMPLE_N];
  ready_session *s;
  mxn_status status = program_cache_take(&array, "out", &s, err);
  if (status != MXN_OK) {
    assert_null(s);
    return status;
  }
  s->inputs[0] = (mxn_tensor){*mxn_program_input_type(s->program, 0), x};
  s->outputs[0] = (mxn_tensor){*mxn_program_output_type(s->program, 0), y};
  status = mxn_session_run_into(s->session, s->inputs, 1, s->outputs, 1, err);
  program_cache_give_back(s, status == MXN_OK);
  *out_weight = y[0];
  return status;
}

/* The weight that a run on zeros reads. */
static float run(neuronbin_array array) {
  mxn_error err = {0};
  float weight;
  if (try_to_run(array, &weight, &err) != MXN_OK) fail_msg("%s", err.message);
  return weight;
}

static void expect_refused(neuronbin_array array, mxn_status status, const char *part) {
  mxn_error err = {0};
  float weight;
  if (try_to_run(array, &weight, &err) != status) fail_msg("%s: got '%s'", part, err.message);
  if (!strstr(err.message, part)) fail_msg("expected '%s', got '%s'", part, err.message);
}

static void test_arrays_come_and_go(void **state) {
  (void)state;
  const float expected = sample_weight(0) * sample_weight(0);
  for (size_t i = 0; i < 50; i++) {
    neuronbin_array array = copy_sample(i % 3 == 2 ? 8 : 0);
    assert_true(run(array) == expected);
    assert_true(run(array) == expected);
    memset((void *)array.data, 0xff, array.bytes);
    free_copy(array);
  }
}

static void test_changed_arrays(void **state) {
  (void)state;
  neuronbin_array array = copy_sample(0);
  run(array);
  set_weight(array, 5, false);
  array.version++;
  expect_refused(array, MXN_FORMAT, "_neuron_subgraph_op (out): header.weights_checksum");
  expect_refused(array, MXN_FORMAT, "_neuron_subgraph_op (out): header.weights_checksum");
  array.version--;
  array.n_binds++;
  expect_refused(array, MXN_FORMAT, "header.weights_checksum");
  set_weight(array, sample_weight(0), false);
  run(array);
  uint8_t *last_checked = (uint8_t *)array.data + header_of(array)->checked_bytes - 1;
  *last_checked ^= 1;
  array.version++;
  expect_refused(array, MXN_FORMAT, "_neuron_subgraph_op (out): header.digest");
  expect_refused(array, MXN_FORMAT, "header.digest");
  *last_checked ^= 1;
  run(array);
  header_of(array)->checked_bytes ^= 64;
  expect_refused(array, MXN_FORMAT, "header");
  header_of(array)->checked_bytes ^= 64;
  header_of(array)->version = 9;
  expect_refused(array, MXN_VERSION, "header.version: expected 1, got 9");
  header_of(array)->version = 1;
  array.bytes = header_of(array)->total_bytes - 1;
  expect_refused(array, MXN_FORMAT, "expected");
  array.bytes = 10;
  expect_refused(array, MXN_FORMAT, "_neuron_subgraph_op (out): neuronbin: expected at least 1024 bytes, got 10");
  free_copy(array);
}

/* An array that is copied is noticed, too, whatever the copy of an earlier run was. */
static void test_changed_misaligned_array(void **state) {
  (void)state;
  neuronbin_array array = copy_sample(8);
  run(array);
  set_weight(array, 5, false);
  array.version++;
  expect_refused(array, MXN_FORMAT, "header.weights_checksum");
  set_weight(array, sample_weight(0), false);
  array.version++;
  assert_true(run(array) == sample_weight(0) * sample_weight(0));
  array.bytes = header_of(array)->total_bytes - 1;
  expect_refused(array, MXN_FORMAT, "expected");
  free_copy(array);
}

/* More programs than are kept: the first ones are opened again, and memory does not grow. */
static void test_many_programs(void **state) {
  (void)state;
  enum { N_PROGRAMS = 200 };
  neuronbin_array array = copy_sample(0);
  size_t used[2];
  for (int round = 0; round < 2; round++) {
    for (int i = 1; i <= N_PROGRAMS; i++) {
      set_weight(array, (float)i, true);
      array.version++;
      assert_true(run(array) == (float)i * (float)i);
    }
    used[round] = mallinfo2().uordblks;
  }
  assert_true(used[1] < used[0] + used[0] / 10 + 100000);
  free_copy(array);
}

/* All see their own weights, whoever uses which session. */
static void *run_often(void *argument) {
  neuronbin_array first = copy_sample(0), second = copy_sample(0);
  const float weight = *(float *)argument;
  size_t n_wrong = 0;
  set_weight(second, weight, true);
  for (int i = 0; i < 200; i++)
    n_wrong += run(first) != sample_weight(0) * sample_weight(0) || run(second) != weight * weight;
  free_copy(first);
  free_copy(second);
  return (void *)n_wrong;
}

static void test_threads(void **state) {
  (void)state;
  enum { N_THREADS = 4 };
  pthread_t threads[N_THREADS];
  float weights[N_THREADS];
  for (int i = 0; i < N_THREADS; i++) {
    weights[i] = (float)(1000 + i);
    assert_int_equal(pthread_create(&threads[i], NULL, run_often, &weights[i]), 0);
  }
  for (int i = 0; i < N_THREADS; i++) {
    void *n_wrong;
    pthread_join(threads[i], &n_wrong);
    assert_null(n_wrong);
  }
}

static void test_fork(void **state) {
  (void)state;
  neuronbin_array array = copy_sample(0);
  const float expected = run(array);
  const pid_t child = fork();
  if (child == 0) _exit(run(array) == expected ? 0 : 1);
  int status;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
  assert_true(run(array) == expected);
  free_copy(array);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_arrays_come_and_go),
      cmocka_unit_test(test_changed_arrays),
      cmocka_unit_test(test_changed_misaligned_array),
      cmocka_unit_test(test_many_programs),
      cmocka_unit_test(test_threads),
      cmocka_unit_test(test_fork),
  };
  const int n_failed = cmocka_run_group_tests(tests, make_sample, free_sample);
  sample_finish();
  return n_failed;
}
