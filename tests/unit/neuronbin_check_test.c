/* neuronbin_check_test.c - what is written is read back; every field that can be
 * wrong is refused with a message that names it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/checksum.h"
#include "neuronbin/check.h"
#include "neuronbin_sample.h"

static neuronbin view(bytes b) {
  neuronbin bin;
  neuronbin_view(b.data, &bin);
  return bin;
}

static void test_round_trip(void **state) {
  (void)state;
  mxn_error err = {0};
  bytes b = sample_bytes();
  assert_int_equal(neuronbin_check(b.data, b.size, "sample", &err), MXN_OK);
  const neuronbin bin = view(b);
  assert_string_equal(bin.header->compiler, "mxneuron 0.1.0");
  assert_int_equal(bin.header->flops, 3 * SAMPLE_STEP_FLOPS);
  assert_int_equal(bin.header->n_cores, 1);
  assert_int_equal(bin.header->n_buffers, 5);
  assert_string_equal(bin.strings + bin.inputs[0].name, "data");
  assert_string_equal(bin.strings + bin.outputs[0].name, "square_output");
  assert_int_equal(bin.outputs[0].dims[1], SAMPLE_COLUMNS);
  assert_string_equal(bin.strings + bin.steps[1].name, "square");
  assert_int_equal(bin.steps[1].first_buffer, 3);
  assert_int_equal(bin.buffers[3].offset, 128);
  assert_string_equal(bin.strings + bin.targets[1].name, "x86-64-v3");
  assert_int_equal(neuronbin_kernels(&bin, 1)[1].entry, SAMPLE_SQUARE_ENTRY);
  assert_memory_equal(b.data + bin.targets[1].code.offset, sample_code, sizeof sample_code);
  const float last = sample_weight(SAMPLE_N - 1);
  assert_memory_equal(bin.weights + SAMPLE_BYTES - sizeof last, &last, sizeof last);
  assert_int_equal(neuronbin_check_weights(&bin, "sample", &err), MXN_OK);
  free(b.data);
}

static void test_same_plan_same_bytes(void **state) {
  (void)state;
  bytes a = sample_bytes(), b = sample_bytes();
  assert_int_equal(a.size, b.size);
  assert_memory_equal(a.data, b.data, a.size);
  free(a.data);
  free(b.data);
}

/* Arrays that share pieces of the checksum, fill some and leave gaps are as one array with zeros in the gaps. */
static void test_weights_in_parts(void **state) {
  (void)state;
  const uint64_t piece = CHECKSUM_PIECE_BYTES, size = 5 * piece + 320;
  uint8_t *all = malloc(size);
  assert_non_null(all);
  for (size_t i = 0; i < size; i++) all[i] = (uint8_t)(i * 7 + i / 251 + 1);
  plan_weights parts[] = {{all, 0, 60},
                          {all + 64, 64, 0},
                          {all + 64, 64, piece - 64},
                          {all + piece, piece, piece + 128},
                          {all + 2 * piece + 192, 2 * piece + 192, 2 * piece},
                          {all + 4 * piece + 256, 4 * piece + 256, 100}};
  enum { N_PARTS = sizeof parts / sizeof *parts };
  for (size_t i = 0; i < N_PARTS; i++) {
    const uint64_t end = parts[i].offset + parts[i].bytes, next = i + 1 < N_PARTS ? parts[i + 1].offset : size;
    memset(all + end, 0, next - end);
  }
  plan_weights one = {all, 0, size};
  const plan whole = {.weights = &one, .n_weights = 1, .weights_bytes = size},
             divided = {.weights = parts, .n_weights = N_PARTS, .weights_bytes = size};
  mxn_error err = {0};
  assert_int_equal(neuronbin_write(&whole, sample_path("whole"), &err), MXN_OK);
  bytes expected = read_bytes(sample_path("whole"));
  assert_int_equal(neuronbin_write(&divided, sample_path("divided"), &err), MXN_OK);
  bytes got = read_bytes(sample_path("divided"));
  assert_int_equal(got.size, expected.size);
  assert_memory_equal(got.data, expected.data, got.size);
  const neuronbin bin = view(got);
  assert_memory_equal(bin.weights, all, size);
  assert_int_equal(bin.header->weights_checksum, checksum_of_portably(all, size));
  assert_int_equal(neuronbin_check_weights(&bin, "divided", &err), MXN_OK);
  unlink(sample_path("whole"));
  unlink(sample_path("divided"));
  free(all);
  free(expected.data);
  free(got.data);
}

static void test_unwritable(void **state) {
  (void)state;
  mxn_error err = {0};
  assert_int_equal(sample_write(sample_path("no/such/folder"), &err), MXN_IO);
  assert_non_null(strstr(err.message, "no/such/folder"));
}

static void test_too_many_dims(void **state) {
  (void)state;
  mxn_error err = {0};
  plan_tensor x = {"wide", {.dtype = MXN_FLOAT32, .n_dims = 9}, -1};
  const plan p = {.inputs = &x, .n_inputs = 1};
  assert_int_equal(neuronbin_write(&p, sample_path("wide"), &err), MXN_UNSUPPORTED);
  assert_string_equal(err.message, "tensor 'wide': expected at most 8 dimensions, got 9");
}

/* Every field that is checked, with a value that it must not
 * have, or with NULL one that it may. */
#define HEADER(field, value, message)                                                                       \
  {#field, SECTION_HEADER, offsetof(mxn_neuronbin_header, field), sizeof((mxn_neuronbin_header *)0)->field, \
   value,  message}
#define ROW(section, table, row, field, value, message)                            \
  {#table "." #field,                                                              \
   section,                                                                        \
   (row) * sizeof(mxn_neuronbin_##table) + offsetof(mxn_neuronbin_##table, field), \
   sizeof((mxn_neuronbin_##table *)0)->field,                                      \
   value,                                                                          \
   message}

enum section_id { SECTION_HEADER, STRINGS, TENSORS, BUFFERS, STEPS, TARGETS, KERNELS };

typedef struct mutation {
  const char *what;
  enum section_id section;
  size_t offset, width;
  uint64_t value;
  const char *message;
} mutation;

static const mutation mutations[] = {
    HEADER(magic, 0, "header.magic: expected \"MXNEURON\", got other bytes"),
    HEADER(version, 2, "header.version: expected 1, got 2"),
    HEADER(header_bytes, 512, "header.header_bytes: expected 1024, got 512"),
    HEADER(total_bytes, UINT64_MAX, "header.total_bytes: expected at most the"),
    HEADER(total_bytes, 1000, "header.checked_bytes: expected at most 1000, got"),
    HEADER(checked_bytes, 100, "header.checked_bytes: expected at least 1024, got 100"),
    HEADER(checked_bytes, UINT64_MAX, "header.checked_bytes: expected at most"),
    HEADER(checked_bytes, 1088, "header.tensors.bytes: expected to end by byte 1088"),
    HEADER(reserved0[0], 1, "header.reserved0: expected zeros, got 0x01 at byte 0"),
    HEADER(reserved4[3], 1, "header.reserved4: expected zeros, got 0x01 at byte 12"),
    HEADER(reserved1[0], 7, "header.reserved1: expected zeros, got 0x07 at byte 0"),
    HEADER(reserved2[26], 1, "header.reserved2: expected zeros, got 0x01 at byte 104"),
    HEADER(reserved3[119], 1, "header.reserved3: expected zeros, got 0x01 at byte 476"),
    HEADER(n_cores, 0, "header.n_cores: expected 1 to 64, got 0"),
    HEADER(compiler, 0xff, "header.compiler: expected UTF-8 text"),
    HEADER(n_inputs, 2, "header.tensors.bytes: expected 240, got 160"),
    HEADER(n_inputs, UINT32_MAX, "header.tensors.bytes: expected 343597383680, got 160"),
    HEADER(n_outputs, 0, "header.tensors.bytes: expected 80, got 160"),
    HEADER(n_buffers, 4, "header.buffers.bytes: expected 96, got 120"),
    HEADER(n_steps, 3, "header.steps.bytes: expected 72, got 48"),
    HEADER(n_targets, 0, "header.n_targets: expected 1 to 8, got 0"),
    HEADER(n_targets, UINT32_MAX, "header.n_targets: expected 1 to 8, got 4294967295"),
    HEADER(n_targets, 1, "header.targets.bytes: expected 24, got 48"),
    HEADER(n_kernels, UINT32_MAX, "header.kernels.bytes: expected 137438953440, got 64"),
    HEADER(arena_bytes, UINT64_MAX, "header.arena_bytes: expected at most"),
    HEADER(arena_bytes, SAMPLE_BYTES, "buffers[2].bytes: expected to end by byte 16000, got 128 + 16000"),
    HEADER(strings.offset, 1032, "header.strings.offset: expected a multiple of 64, got 1032"),
    HEADER(strings.offset, 960, "header.strings.offset: expected at least 1024, got 960"),
    HEADER(strings.bytes, 0, "header.strings.bytes: expected at least 1, got 0"),
    HEADER(strings.bytes, 3, "strings: expected a NUL at both ends"),
    HEADER(tensors.offset, UINT64_MAX - 63, "header.tensors.bytes: expected to end by byte"),
    HEADER(buffers.offset, 1024, "header.buffers.offset: expected at least"),
    HEADER(code.bytes, UINT64_MAX, "header.code.bytes: expected to end by byte"),
    HEADER(weights.offset, 1024, "header.weights.offset: expected at least"),
    HEADER(weights.bytes, UINT64_MAX, "header.weights.bytes: expected to end by byte"),
    HEADER(weights.bytes, 64, "buffers[1].bytes: expected to end by byte 64, got 0 + 16000"),
    {"first string", STRINGS, 0, 1, 'x', "strings: expected a NUL at both ends"},
    {"string", STRINGS, 1, 1, 0xff, "strings: expected UTF-8"},
    ROW(TENSORS, tensor, 0, name, UINT32_MAX, "tensors[0].name: expected 0 to"),
    ROW(TENSORS, tensor, 0, name, 2, "tensors[0].name: expected the start of a string, got 2"),
    ROW(TENSORS, tensor, 1, dtype, 8, "tensors[1].dtype: expected an element type, got 8"),
    ROW(TENSORS, tensor, 0, n_dims, 9, "tensors[0].n_dims: expected 0 to 8, got 9"),
    ROW(TENSORS, tensor, 0, n_dims, UINT32_MAX, "tensors[0].n_dims: expected 0 to 8, got -1"),
    ROW(TENSORS, tensor, 0, n_dims, 1, "tensors[0].dims[1]: expected 0, got 1000"),
    ROW(TENSORS, tensor, 0, batch_axis, 1, "tensors[0].batch_axis: expected -1 to 0, got 1"),
    ROW(TENSORS, tensor, 0, batch_axis, UINT32_MAX - 1, "tensors[0].batch_axis: expected -1 to 0, got -2"),
    ROW(TENSORS, tensor, 1, dims[0], 0, "tensors[1].dims[0]: expected 1 to"),
    ROW(TENSORS, tensor, 1, dims[0], UINT64_MAX, "tensors[1].dims[0]: expected 1 to"),
    ROW(TENSORS, tensor, 1, dims[0], UINT64_C(1) << 62, "tensors[1].dims: expected fewer than 2^63 bytes in all"),
    ROW(TENSORS, tensor, 1, dims[0], 1, "buffers[4].bytes: expected to end by byte 4000, got 0 + 16000"),
    ROW(BUFFERS, buffer, 0, space, 4, "buffers[0].space: expected 0 to 3, got 4"),
    ROW(BUFFERS, buffer, 0, index, 1, "buffers[0].index: expected one of 1 inputs, got 1"),
    ROW(BUFFERS, buffer, 2, index, 1, "buffers[2].index: expected 0, got 1"),
    ROW(BUFFERS, buffer, 4, index, 9, "buffers[4].index: expected one of 1 outputs, got 9"),
    ROW(BUFFERS, buffer, 2, offset, 2, "buffers[2].offset: expected a multiple of 4, got 2"),
    ROW(BUFFERS, buffer, 2, offset, 132, "buffers[2].bytes: expected to end by byte 16128, got 132 + 16000"),
    ROW(BUFFERS, buffer, 2, offset, UINT64_MAX - 3, "buffers[2].bytes: expected to end by byte 16128"),
    ROW(BUFFERS, buffer, 1, bytes, UINT64_MAX, "buffers[1].bytes: expected to end by byte 16000"),
    ROW(STEPS, step, 1, kernel, 2, "steps[1].kernel: expected 0 to 1, got 2"),
    ROW(STEPS, step, 1, first_buffer, 4, "steps[1].first_buffer + n_buffers: expected at most 5, got 6"),
    ROW(STEPS, step, 1, first_buffer, UINT32_MAX, "steps[1].first_buffer + n_buffers: expected at most 5"),
    ROW(STEPS, step, 0, n_buffers, 17, "steps[0].n_buffers: expected at most 16, got 17"),
    ROW(STEPS, step, 0, name, 1 << 20, "steps[0].name: expected 0 to"),
    ROW(TARGETS, target, 1, name, 1 << 20, "targets[1].name: expected 0 to"),
    ROW(TARGETS, target, 0, level, 2, "targets[0].level: expected 3 to 4, got 2"),
    ROW(TARGETS, target, 0, level, 5, "targets[0].level: expected 3 to 4, got 5"),
    ROW(TARGETS, target, 0, level, 3, NULL),
    ROW(TARGETS, target, 1, level, 4, NULL),
    ROW(TARGETS, target, 0, code.offset, 0, "targets[0].code.offset: expected at least"),
    ROW(TARGETS, target, 0, code.offset, 4, "targets[0].code.offset: expected a multiple of 64, got 4"),
    ROW(TARGETS, target, 1, code.bytes, 1 << 20, "targets[1].code.bytes: expected to end by byte"),
    ROW(KERNELS, kernel, 0, entry, sizeof sample_code, "kernels[0].entry: expected to end by byte 80, got 80 + 1"),
    ROW(KERNELS, kernel, 3, entry, UINT64_MAX, "kernels[3].entry: expected to end by byte 80"),
    ROW(KERNELS, kernel, 2, n_tasks, 0, "kernels[2].n_tasks: expected 1 to 16777215, got 0"),
    ROW(KERNELS, kernel, 2, n_tasks, 1 << 24, "kernels[2].n_tasks: expected 1 to 16777215, got 16777216"),
    ROW(KERNELS, kernel, 1, scratch_bytes, (1u << 30) + 1, "kernels[1].scratch_bytes: expected 0 to 1073741824"),
};

static uint64_t section_offset(const mxn_neuronbin_header *h, enum section_id section) {
  const uint64_t offsets[] = {0,
                              h->strings.offset,
                              h->tensors.offset,
                              h->buffers.offset,
                              h->steps.offset,
                              h->targets.offset,
                              h->kernels.offset};
  return offsets[section];
}

static void check_mutation(bytes b, const mutation *m) {
  mxn_error err = {0};
  memcpy(b.data + section_offset((void *)b.data, m->section) + m->offset, &m->value, m->width);
  seal(b);
  const mxn_status expected = !m->message ? MXN_OK : strcmp(m->what, "version") == 0 ? MXN_VERSION : MXN_FORMAT;
  const mxn_status status = neuronbin_check(b.data, b.size, "file.params", &err);
  if (status != expected || (m->message && strncmp(err.message, "file.params: ", 13) != 0) ||
      !strstr(err.message, m->message ? m->message : ""))
    fail_msg("%s = %llu: expected '%s', got status %d '%s'", m->what, (unsigned long long)m->value,
             m->message ? m->message : "success", status, err.message);
}

static void test_mutations(void **state) {
  (void)state;
  const bytes original = sample_bytes();
  for (size_t i = 0; i < sizeof mutations / sizeof *mutations; i++) {
    bytes b = {malloc(original.size), original.size};
    memcpy(b.data, original.data, b.size);
    check_mutation(b, &mutations[i]);
    free(b.data);
  }
  free(original.data);
}

static void test_compiler_is_terminated(void **state) {
  (void)state;
  mxn_error err = {0};
  bytes b = sample_bytes();
  memset(((mxn_neuronbin_header *)b.data)->compiler, 'x', 64);
  seal(b);
  assert_int_equal(neuronbin_check(b.data, b.size, "f", &err), MXN_FORMAT);
  assert_string_equal(err.message, "f: header.compiler: expected UTF-8 text that ends in NUL, got other bytes");
  free(b.data);
}

/* Each target is fine by itself. */
static void test_targets_are_in_order(void **state) {
  (void)state;
  mxn_error err = {0};
  bytes b = sample_bytes();
  mxn_neuronbin_target *targets = (void *)(b.data + ((mxn_neuronbin_header *)b.data)->targets.offset);
  targets[0].level = 3;
  targets[1].level = 4;
  seal(b);
  assert_int_equal(neuronbin_check(b.data, b.size, "f", &err), MXN_FORMAT);
  assert_string_equal(err.message, "f: targets[1].level (best first): expected at most 3, got 4");
  free(b.data);
}

/* Any changed bit of the checked part is noticed, before it does harm. */
static void test_damage(void **state) {
  (void)state;
  bytes b = sample_bytes();
  const size_t checked = ((mxn_neuronbin_header *)b.data)->checked_bytes;
  for (size_t i = 0; i < checked; i++) {
    b.data[i] ^= 0x10;
    const mxn_status status = neuronbin_check(b.data, b.size, "f", NULL);
    if (status != MXN_FORMAT && status != MXN_VERSION) fail_msg("byte %zu: got status %d", i, status);
    b.data[i] ^= 0x10;
  }
  assert_int_equal(neuronbin_check(b.data, b.size, "f", NULL), MXN_OK);
  free(b.data);
}

static void test_damaged_weights(void **state) {
  (void)state;
  mxn_error err = {0};
  bytes b = sample_bytes();
  const neuronbin bin = view(b);
  b.data[bin.header->weights.offset + 17] ^= 1;
  assert_int_equal(neuronbin_check(b.data, b.size, "f", &err), MXN_OK);
  assert_int_equal(neuronbin_check_weights(&bin, "f", &err), MXN_FORMAT);
  assert_non_null(strstr(err.message, "f: header.weights_digest: expected the SHA-256 of the weights"));
  free(b.data);
}

/* A block of exactly the length, so that a sanitizer sees reads past it. */
static void test_truncation(void **state) {
  (void)state;
  bytes b = sample_bytes();
  const size_t total = ((mxn_neuronbin_header *)b.data)->total_bytes;
  for (size_t size = 0; size < total; size += size < 2048 ? 1 : 61) {
    uint8_t *cut = malloc(size ? size : 1);
    memcpy(cut, b.data, size);
    assert_int_equal(neuronbin_check(cut, size, "f", NULL), MXN_FORMAT);
    free(cut);
  }
  assert_int_equal(neuronbin_check(b.data, total, "f", NULL), MXN_OK);
  free(b.data);
}

static void test_padding(void **state) {
  (void)state;
  bytes b = sample_bytes();
  const uint8_t padding[4096] = {0xcc};
  append(&b, padding, sizeof padding);
  assert_int_equal(neuronbin_check(b.data, b.size, "f", NULL), MXN_OK);
  free(b.data);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_round_trip),
      cmocka_unit_test(test_same_plan_same_bytes),
      cmocka_unit_test(test_weights_in_parts),
      cmocka_unit_test(test_unwritable),
      cmocka_unit_test(test_too_many_dims),
      cmocka_unit_test(test_mutations),
      cmocka_unit_test(test_compiler_is_terminated),
      cmocka_unit_test(test_targets_are_in_order),
      cmocka_unit_test(test_damage),
      cmocka_unit_test(test_damaged_weights),
      cmocka_unit_test(test_truncation),
      cmocka_unit_test(test_padding),
  };
  const int n_failed = cmocka_run_group_tests(tests, NULL, NULL);
  sample_finish();
  return n_failed;
}
