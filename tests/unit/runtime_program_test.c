/* runtime_program_test.c - finding a neuronbin in a file, using it in place or
 * from a copy, and choosing its target.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/checksum.h"
#include "mxneuron/program.h"
#include "neuronbin_sample.h"
#include "runtime/cpu.h"
#include "runtime/weights_check.h"

/* A copy of the path, which outlives the next sample_path(). */
static char *path_of(const char *name) {
  char *path = strdup(sample_path(name));
  assert_non_null(path);
  return path;
}

static void expect_message(const mxn_error *err, mxn_status code, const char *part) {
  if (err->code != code || !strstr(err->message, part))
    fail_msg("expected status %d with '%s', got %d '%s'", code, part, err->code, err->message);
}

/* Run on x = 1 and compare with what the sample computes. */
static void expect_runs(const mxn_program *p) {
  static float x[SAMPLE_N];
  mxn_error err = {0};
  mxn_session *s = NULL;
  mxn_tensor in = {*mxn_program_input_type(p, 0), x}, out = {0};
  for (size_t i = 0; i < SAMPLE_N; i++) x[i] = 1;
  assert_int_equal(mxn_session_create(p, 1, &s, &err), MXN_OK);
  assert_int_equal(mxn_session_run(s, &in, 1, &out, 1, &err), MXN_OK);
  const float *y = out.data;
  for (size_t i = 0; i < SAMPLE_N; i++) {
    const float sum = 1 + sample_weight(i);
    assert_true(y[i] == sum * sum);
  }
  mxn_session_destroy(s);
}

static void test_bare_file(void **state) {
  (void)state;
  mxn_error err = {0};
  mxn_program *p = NULL;
  mxn_program_info info;
  char *path = path_of("bare");
  assert_int_equal(sample_write(path, &err), MXN_OK);
  assert_int_equal(mxn_program_open(path, NULL, &p, &err), MXN_OK);
  assert_int_equal(mxn_program_n_inputs(p), 1);
  assert_int_equal(mxn_program_n_outputs(p), 1);
  assert_string_equal(mxn_program_input_name(p, 0), "data");
  assert_string_equal(mxn_program_output_name(p, 0), "square_output");
  assert_null(mxn_program_input_name(p, 1));
  assert_null(mxn_program_output_name(p, 1));
  assert_null(mxn_program_input_type(p, 1));
  assert_null(mxn_program_output_type(p, SIZE_MAX));
  assert_int_equal(mxn_program_output_type(p, 0)->dims[1], SAMPLE_COLUMNS);
  assert_true(mxn_program_has_batch(p));
  assert_string_equal(mxn_program_step_name(p, 1), "square");
  assert_int_equal(mxn_program_step_flops(p, 1), 2 * SAMPLE_STEP_FLOPS);
  assert_null(mxn_program_step_name(p, 2));
  assert_int_equal(mxn_program_step_flops(p, 2), 0);
  mxn_program_get_info(p, &info);
  assert_int_equal(info.arena_bytes, 128 + SAMPLE_BYTES);
  assert_int_equal(info.weight_bytes, SAMPLE_BYTES);
  assert_int_equal(info.scratch_bytes, 64);
  assert_int_equal(info.flops, 3 * SAMPLE_STEP_FLOPS);
  assert_int_equal(info.n_operators, 2);
  assert_int_equal(info.n_steps, 2);
  assert_string_equal(info.targets, "x86-64-v4,x86-64-v3");
  assert_string_equal(info.target, cpu_has_level(4) ? "x86-64-v4" : "x86-64-v3");
  assert_true(info.is_mapped);
  assert_int_equal(mxn_program_check_weights(p, &err), MXN_OK);
  expect_runs(p);
  mxn_program_close(p);
  mxn_program_close(NULL);
  unlink(path);
  free(path);
}

/* A parameter file with these arrays, each with the sample's bytes or with
 * `n_padding` bytes where its name is "arg:padding". */
static char *write_params(const char *const *names, size_t n_names, size_t n_padding) {
  bytes sample = sample_bytes(), padding = {calloc(1, n_padding), n_padding}, arrays[4];
  for (size_t i = 0; i < n_names; i++) arrays[i] = strcmp(names[i], "arg:padding") == 0 ? padding : sample;
  bytes file = params_bytes(arrays, names, n_names);
  char *path = path_of("model-0000.params");
  write_bytes(path, file);
  free(file.data);
  free(sample.data);
  free(padding.data);
  return path;
}

/* Where the second array's data of write_params() starts. */
static size_t second_offset(size_t n_padding) { return 24 + 32 + n_padding + 32; }

static void test_alignment_in_a_file(void **state) {
  (void)state;
  const char *names[] = {"arg:padding", "arg:op0_neuronbin"};
  for (size_t n_padding = 1; n_padding <= 128; n_padding += 13) {
    mxn_error err = {0};
    mxn_program *p = NULL;
    mxn_program_info info;
    char *path = write_params(names, 2, n_padding);
    if (mxn_program_open(path, NULL, &p, &err) != MXN_OK) fail_msg("padding %zu: %s", n_padding, err.message);
    mxn_program_get_info(p, &info);
    assert_int_equal(info.is_mapped, second_offset(n_padding) % MXN_ALIGNMENT == 0);
    assert_int_equal(mxn_program_check_weights(p, &err), MXN_OK);
    expect_runs(p);
    mxn_program_close(p);
    unlink(path);
    free(path);
  }
}

static void expect_refused(const char *path, const char *node, const char *part) {
  mxn_error err = {0};
  mxn_program *p = (mxn_program *)&err;
  assert_int_equal(mxn_program_open(path, node, &p, &err), MXN_ARGUMENT);
  assert_null(p);
  expect_message(&err, MXN_ARGUMENT, part);
  expect_message(&err, MXN_ARGUMENT, "model-0000.params");
}

static void expect_opens(const char *path, const char *node) {
  mxn_error err = {0};
  mxn_program *p = NULL;
  if (mxn_program_open(path, node, &p, &err) != MXN_OK) fail_msg("node '%s': %s", node ? node : "", err.message);
  mxn_program_close(p);
}

static void test_names(void **state) {
  (void)state;
  const char *one[] = {"arg:padding", "arg:_neuron_subgraph_op0_neuronbin", "arg:padding"};
  const char *two[] = {"arg:_neuron_subgraph_op0_neuronbin", "arg:padding", "_neuron_subgraph_op1_neuronbin"};
  const char *none[] = {"arg:padding", "_neuronbin", "arg:neuronbin"};
  char *path = write_params(one, 3, 40);
  expect_opens(path, NULL);
  expect_opens(path, "_neuron_subgraph_op0");
  expect_opens(path, "_neuron_subgraph_op0_neuronbin");
  expect_refused(path, "_neuron_subgraph_op", "_neuron_subgraph_op0");
  free(path);
  path = write_params(two, 3, 1);
  expect_refused(path, NULL, "_neuron_subgraph_op0, _neuron_subgraph_op1");
  expect_opens(path, "_neuron_subgraph_op0");
  expect_opens(path, "_neuron_subgraph_op1_neuronbin");
  free(path);
  path = write_params(none, 3, 1);
  expect_refused(path, NULL, "there is none");
  unlink(path);
  free(path);
}

/* The sample's bytes where a framework would have them, and room behind. */
static bytes aligned_sample(void) {
  const bytes sample = sample_bytes();
  bytes b = {aligned_alloc(MXN_ALIGNMENT, (sample.size / MXN_ALIGNMENT + 1) * MXN_ALIGNMENT), sample.size};
  assert_non_null(b.data);
  memcpy(b.data, sample.data, sample.size);
  free(sample.data);
  return b;
}

static float *first_weight(bytes b) { return (void *)(b.data + ((mxn_neuronbin_header *)b.data)->weights.offset); }

/* One run of ones; the first element tells the first weight. */
static float run_ones(mxn_session *s, const mxn_program *p, mxn_status expected) {
  static float x[SAMPLE_N], y[SAMPLE_N];
  const mxn_tensor in = {*mxn_program_input_type(p, 0), x}, out = {*mxn_program_output_type(p, 0), y};
  for (size_t i = 0; i < SAMPLE_N; i++) x[i] = 1;
  assert_int_equal(mxn_session_run_into(s, &in, 1, &out, 1, NULL), expected);
  return y[0];
}

static void test_detached(void **state) {
  (void)state;
  bytes first = aligned_sample(), second = aligned_sample();
  mxn_error err = {0};
  mxn_program *p = NULL;
  mxn_session *s = NULL;
  assert_int_equal(mxn_program_open_detached(first.data, first.size, "first", &p, &err), MXN_OK);
  assert_int_equal(mxn_session_create(p, 1, &s, &err), MXN_OK);
  run_ones(s, p, MXN_ARGUMENT);
  assert_int_equal(mxn_session_use_weights(s, first.data, first.size, &err), MXN_OK);
  assert_true(run_ones(s, p, MXN_OK) == (1 + sample_weight(0)) * (1 + sample_weight(0)));
  *first_weight(second) = 2;
  assert_int_equal(mxn_session_use_weights(s, second.data, second.size, &err), MXN_OK);
  free(first.data);
  assert_true(run_ones(s, p, MXN_OK) == 9);
  mxn_session_destroy(s);
  mxn_program_close(p);
  free(second.data);
}

static void expect_no_weights(mxn_session *s, const void *data, size_t size, mxn_status status, const char *part) {
  mxn_error err = {0};
  assert_int_equal(mxn_session_use_weights(s, data, size, &err), status);
  expect_message(&err, status, part);
}

static void test_weights_of_another(void **state) {
  (void)state;
  bytes good = aligned_sample(), other = aligned_sample();
  mxn_error err = {0};
  mxn_program *p = NULL;
  mxn_session *s = NULL;
  assert_int_equal(mxn_program_open_detached(good.data, good.size, "array", &p, &err), MXN_OK);
  assert_int_equal(mxn_session_create(p, 1, &s, &err), MXN_OK);
  other.data[40] ^= 0x80;
  expect_no_weights(s, other.data, other.size, MXN_FORMAT, "array: header: expected that of the opened neuronbin");
  expect_no_weights(s, good.data, 100, MXN_FORMAT, "truncated");
  expect_no_weights(s, good.data, good.size - MXN_OVER_READ_BYTES - 1, MXN_FORMAT, "truncated");
  expect_no_weights(s, good.data, good.size - 1, MXN_ARGUMENT, "64 bytes behind them");
  mxn_session_destroy(s);
  assert_int_equal(mxn_program_check_weights(p, &err), MXN_ARGUMENT);
  mxn_program_close(p);
  assert_int_equal(mxn_program_open_memory(good.data, good.size, "own", &p, &err), MXN_OK);
  assert_int_equal(mxn_session_create(p, 1, &s, &err), MXN_OK);
  expect_no_weights(s, good.data, good.size, MXN_ARGUMENT, "own: the program has weights of its own");
  mxn_session_destroy(s);
  mxn_program_close(p);
  free(good.data);
  free(other.data);
}

static void test_changed_weights(void **state) {
  (void)state;
  bytes b = aligned_sample();
  const mxn_neuronbin_header h = *(mxn_neuronbin_header *)b.data;
  mxn_error err = {0};
  mxn_program *p = NULL;
  mxn_session *s = NULL;
  assert_int_equal(mxn_program_open_detached(b.data, b.size, "array", &p, &err), MXN_OK);
  assert_int_equal(mxn_session_create(p, 2, &s, &err), MXN_OK);
  assert_int_equal(mxn_session_use_weights(s, b.data, b.size, &err), MXN_OK);
  assert_int_equal(mxn_session_check_weights(s, &err), MXN_OK);
  const float expected = run_ones(s, p, MXN_OK);
  for (uint64_t i = 4; i < h.weights.bytes; i += 997) {
    b.data[h.weights.offset + i] ^= 1;
    assert_int_equal(mxn_session_check_weights(s, &err), MXN_OK);
    run_ones(s, p, MXN_FORMAT);
    assert_true(run_ones(s, p, MXN_OK) == expected);
    b.data[h.weights.offset + i] ^= 1;
  }
  assert_int_equal(mxn_session_check_weights(s, &err), MXN_OK);
  assert_true(run_ones(s, p, MXN_OK) == expected);
  mxn_session_destroy(s);
  mxn_program_close(p);
  free(b.data);
}

/* Sums in the order of tasks, and of what no task reads. */
static void test_checksum_along_with_tasks(void **state) {
  (void)state;
  enum { N_TASKS = 7, N_STEPS = 2 };
  const uint64_t size = 9 * CHECKSUM_PIECE_BYTES + 12345, half = size / 2;
  mxn_neuronbin_header header = {.weights = {0, size}};
  const mxn_neuronbin_buffer buffers[] = {{MXN_SPACE_WEIGHTS, 0, 64, half},
                                          {MXN_SPACE_INPUT, 0, 0, size},
                                          {MXN_SPACE_WEIGHTS, 0, half - 1000, half - CHECKSUM_PIECE_BYTES - 20000},
                                          {MXN_SPACE_WEIGHTS, 0, 0, 3}};
  const mxn_neuronbin_step steps[N_STEPS] = {{.first_buffer = 0, .n_buffers = 2}, {.first_buffer = 1, .n_buffers = 3}};
  const neuronbin bin = {.header = &header, .buffers = buffers, .steps = steps};
  uint8_t *weights = malloc(size);
  assert_non_null(weights);
  for (size_t i = 0; i < size; i++) weights[i] = (uint8_t)(i * 7 + i / 251);
  for (uint32_t chunk = 1; chunk <= N_TASKS; chunk++) {
    weights_check *c = weights_check_create(&bin);
    assert_non_null(c);
    for (uint32_t step = 0; step < N_STEPS; step++) {
      for (uint32_t task = 0; task < N_TASKS; task += chunk)
        weights_check_tasks(c, weights, step, task, task + chunk < N_TASKS ? task + chunk : N_TASKS, N_TASKS);
    }
    assert_int_equal(weights_check_finish(c, weights), checksum_of_portably(weights, size));
    weights_check_destroy(c);
  }
  free(weights);
}

static void test_unaligned_memory(void **state) {
  (void)state;
  bytes b = sample_bytes();
  uint8_t *block = aligned_alloc(MXN_ALIGNMENT, (b.size / MXN_ALIGNMENT + 2) * MXN_ALIGNMENT);
  assert_non_null(block);
  for (size_t offset = 0; offset < MXN_ALIGNMENT; offset += 3) {
    mxn_error err = {0};
    mxn_program *p = NULL;
    memcpy(block + offset, b.data, b.size);
    if (mxn_program_open_memory(block + offset, b.size, "memory", &p, &err) != MXN_OK)
      fail_msg("offset %zu: %s", offset, err.message);
    expect_runs(p);
    mxn_program_close(p);
  }
  free(block);
  free(b.data);
}

/* No byte behind the weights: they must be copied, or vector tails read past
 * the block. */
static void test_no_room_behind_the_weights(void **state) {
  (void)state;
  mxn_error err = {0};
  mxn_program *p = NULL;
  bytes b = sample_bytes();
  const size_t total = ((mxn_neuronbin_header *)b.data)->total_bytes;
  assert_int_equal(total % MXN_ALIGNMENT, 0);
  uint8_t *block = aligned_alloc(MXN_ALIGNMENT, total);
  memcpy(block, b.data, total);
  assert_int_equal(mxn_program_open_memory(block, total, "memory", &p, &err), MXN_OK);
  memset(block, 0, total);
  expect_runs(p);
  mxn_program_close(p);
  free(block);
  free(b.data);
}

static void test_truncated(void **state) {
  (void)state;
  bytes b = sample_bytes();
  const size_t total = ((mxn_neuronbin_header *)b.data)->total_bytes;
  for (size_t size = 0; size < total; size += size < 2048 ? 1 : 101) {
    mxn_error err = {0};
    mxn_program *p = (mxn_program *)&err;
    uint8_t *cut = malloc(size + 1);
    memcpy(cut, b.data, size);
    assert_int_equal(mxn_program_open_memory(cut, size, "cut", &p, &err), MXN_FORMAT);
    assert_null(p);
    assert_memory_equal(err.message, "cut: ", 5);
    free(cut);
  }
  free(b.data);
}

static void test_bad_file(void **state) {
  (void)state;
  mxn_error err = {0};
  mxn_program *p = NULL;
  char *path = path_of("bad");
  bytes b = sample_bytes();
  assert_int_equal(mxn_program_open(path, NULL, &p, &err), MXN_IO);
  expect_message(&err, MXN_IO, path);
  ((mxn_neuronbin_header *)b.data)->n_steps = 77;
  seal(b);
  write_bytes(path, b);
  assert_int_equal(mxn_program_open(path, NULL, &p, &err), MXN_FORMAT);
  expect_message(&err, MXN_FORMAT, path);
  expect_message(&err, MXN_FORMAT, "steps.bytes: expected");
  write_bytes(path, (bytes){b.data, 0});
  assert_int_equal(mxn_program_open(path, NULL, &p, &err), MXN_FORMAT);
  assert_null(p);
  unlink(path);
  free(path);
  free(b.data);
}

/* The mapping keeps the file that was opened. */
static void test_replaced_file(void **state) {
  (void)state;
  mxn_error err = {0};
  mxn_program *p = NULL;
  char *path = path_of("model"), *other = path_of("other");
  bytes junk = {calloc(1, 64), 64};
  assert_int_equal(sample_write(path, &err), MXN_OK);
  assert_int_equal(mxn_program_open(path, NULL, &p, &err), MXN_OK);
  write_bytes(other, junk);
  assert_int_equal(rename(other, path), 0);
  expect_runs(p);
  mxn_program_close(p);
  unlink(path);
  free(path);
  free(other);
  free(junk.data);
}

static void test_forced_target(void **state) {
  (void)state;
  mxn_error err = {0};
  mxn_program *p = NULL;
  mxn_program_info info;
  bytes b = sample_bytes();
  setenv("MXNEURON_ISA", "x86-64-v3", 1);
  assert_int_equal(mxn_program_open_memory(b.data, b.size, "m", &p, &err), MXN_OK);
  mxn_program_get_info(p, &info);
  assert_string_equal(info.target, "x86-64-v3");
  expect_runs(p);
  mxn_program_close(p);
  setenv("MXNEURON_ISA", "x86-64-v5", 1);
  assert_int_equal(mxn_program_open_memory(b.data, b.size, "m", &p, &err), MXN_TARGET);
  expect_message(&err, MXN_TARGET, "x86-64-v4, x86-64-v3");
  expect_message(&err, MXN_TARGET, "x86-64-v5");
  setenv("MXNEURON_ISA", "", 1);
  assert_int_equal(mxn_program_open_memory(b.data, b.size, "m", &p, &err), MXN_OK);
  mxn_program_close(p);
  unsetenv("MXNEURON_ISA");
  free(b.data);
}

static void test_missing_features(void **state) {
  (void)state;
  char text[256];
  for (uint32_t level = 3; level <= 4; level++)
    assert_int_equal(cpu_missing(level, text, sizeof text)[0] == '\0', cpu_has_level(level));
  assert_true(!cpu_has_level(4) || cpu_has_level(3));
}

static void test_code_is_never_writable_and_executable(void **state) {
  (void)state;
  mxn_error err = {0};
  mxn_program *p = NULL;
  char line[512];
  bytes b = sample_bytes();
  assert_int_equal(mxn_program_open_memory(b.data, b.size, "m", &p, &err), MXN_OK);
  FILE *maps = fopen("/proc/self/maps", "r");
  assert_non_null(maps);
  while (fgets(line, sizeof line, maps)) assert_null(strstr(line, " rwx"));
  fclose(maps);
  mxn_program_close(p);
  free(b.data);
}

int main(void) {
  unsetenv("MXNEURON_ISA");
  if (!cpu_has_level(3)) {
    printf("SKIPPED: this CPU has no x86-64-v3\n");
    return 77;
  }
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_bare_file),
      cmocka_unit_test(test_alignment_in_a_file),
      cmocka_unit_test(test_names),
      cmocka_unit_test(test_detached),
      cmocka_unit_test(test_weights_of_another),
      cmocka_unit_test(test_changed_weights),
      cmocka_unit_test(test_checksum_along_with_tasks),
      cmocka_unit_test(test_unaligned_memory),
      cmocka_unit_test(test_no_room_behind_the_weights),
      cmocka_unit_test(test_truncated),
      cmocka_unit_test(test_bad_file),
      cmocka_unit_test(test_replaced_file),
      cmocka_unit_test(test_forced_target),
      cmocka_unit_test(test_missing_features),
      cmocka_unit_test(test_code_is_never_writable_and_executable),
  };
  const int n_failed = cmocka_run_group_tests(tests, NULL, NULL);
  sample_finish();
  return n_failed;
}
