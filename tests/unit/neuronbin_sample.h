/* neuronbin_sample.h - a small neuronbin with hand-assembled kernels:
 *
 *     step 0  sum = x + weights      (arena)
 *     step 1  y = sum * sum          (goes through the scratch)
 *
 * for x and y of SAMPLE_N float32 values, one task each. It says that it is heavy,
 * so that runs use the pool. Its bytes can be
 * changed and sealed again (digest recomputed), or wrapped in a parameter file.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_TESTS_NEURONBIN_SAMPLE_H
#define MXN_TESTS_NEURONBIN_SAMPLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/sha256.h"
#include "neuronbin/writer.h"

#define SAMPLE_ROWS 4
#define SAMPLE_COLUMNS 1000
#define SAMPLE_N (SAMPLE_ROWS * SAMPLE_COLUMNS)
#define SAMPLE_STEP_FLOPS UINT64_C(1000000000)
#define SAMPLE_BYTES (SAMPLE_N * sizeof(float))

typedef struct bytes {
  uint8_t *data; /* heap */
  size_t size;
} bytes;

/* add:    r8 = buffers[0], r9 = buffers[1], r10 = buffers[2];
 *         for (; rdx < rcx; rdx++) r10[rdx] = r8[rdx] + r9[rdx];
 * square: r8 = buffers[0], r10 = buffers[1];
 *         for (; rdx < rcx; rdx++) scratch[15] = r8[rdx], r10[rdx] = scratch[15] * scratch[15]; */
static const uint8_t sample_code[] = {
    0x4c, 0x8b, 0x07, 0x4c, 0x8b, 0x4f, 0x08, 0x4c, 0x8b, 0x57, 0x10, 0x48, 0x39, 0xca, 0x7d, 0x17,
    0xf3, 0x41, 0x0f, 0x10, 0x04, 0x90, 0xf3, 0x41, 0x0f, 0x58, 0x04, 0x91, 0xf3, 0x41, 0x0f, 0x11,
    0x04, 0x92, 0x48, 0xff, 0xc2, 0xeb, 0xe4, 0xc3, 0x4c, 0x8b, 0x07, 0x4c, 0x8b, 0x57, 0x08, 0x48,
    0x39, 0xca, 0x7d, 0x1b, 0xf3, 0x41, 0x0f, 0x10, 0x04, 0x90, 0xf3, 0x0f, 0x11, 0x46, 0x3c, 0xf3,
    0x0f, 0x59, 0x46, 0x3c, 0xf3, 0x41, 0x0f, 0x11, 0x04, 0x92, 0x48, 0xff, 0xc2, 0xeb, 0xe0, 0xc3,
};
enum { SAMPLE_SQUARE_ENTRY = 40 };

static inline float sample_weight(size_t i) { return (float)i * 0.25f - 100.0f; }

/* A path in a folder of this test's own, which the system's temporary folder
 * holds; static, for the next call only. */
static inline const char *sample_path(const char *name) {
  static char folder[512], path[600];
  if (!folder[0]) {
    const char *parent = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/mxneuron-test-XXXXXX", parent ? parent : P_tmpdir);
    assert_non_null(mkdtemp(folder));
  }
  snprintf(path, sizeof path, "%s%s%s", folder, name[0] ? "/" : "", name);
  return path;
}

/* For the end of main: remove the folder, which the tests left empty. */
static inline void sample_finish(void) { rmdir(sample_path("")); }

static inline mxn_status sample_write(const char *path, mxn_error *err) {
  static float weights[SAMPLE_N];
  for (size_t i = 0; i < SAMPLE_N; i++) weights[i] = sample_weight(i);
  const mxn_type type = {.dtype = MXN_FLOAT32, .n_dims = 2, .dims = {SAMPLE_ROWS, SAMPLE_COLUMNS}};
  plan_tensor x = {"data", type, 0}, y = {"square_output", type, 0};
  plan_step steps[2] = {
      {.kernel = 0,
       .n_buffers = 3,
       .name = "plus",
       .flops = SAMPLE_STEP_FLOPS,
       .buffers = {{MXN_SPACE_INPUT, 0, 0, SAMPLE_BYTES},
                   {MXN_SPACE_WEIGHTS, 0, 0, SAMPLE_BYTES},
                   {MXN_SPACE_ARENA, 0, 128, SAMPLE_BYTES}}},
      {.kernel = 1,
       .n_buffers = 2,
       .name = "square",
       .flops = 2 * SAMPLE_STEP_FLOPS,
       .buffers = {{MXN_SPACE_ARENA, 0, 128, SAMPLE_BYTES}, {MXN_SPACE_OUTPUT, 0, 0, SAMPLE_BYTES}}},
  };
  mxn_neuronbin_kernel kernels[2] = {{0, SAMPLE_N, 0}, {SAMPLE_SQUARE_ENTRY, SAMPLE_N, 64}};
  plan_target targets[2] = {{"x86-64-v4", 4, sample_code, sizeof sample_code, kernels},
                            {"x86-64-v3", 3, sample_code, sizeof sample_code, kernels}};
  plan_weights all_weights = {weights, 0, sizeof weights};
  const plan p = {.inputs = &x,
                  .outputs = &y,
                  .steps = steps,
                  .targets = targets,
                  .weights = &all_weights,
                  .n_weights = 1,
                  .weights_bytes = sizeof weights,
                  .arena_bytes = 128 + SAMPLE_BYTES,
                  .n_inputs = 1,
                  .n_outputs = 1,
                  .n_steps = 2,
                  .n_targets = 2,
                  .n_kernels = 2,
                  .n_operators = 2};
  return neuronbin_write(&p, path, err);
}

static inline bytes read_bytes(const char *path) {
  mapped_file file;
  assert_int_equal(file_map(path, &file, NULL), MXN_OK);
  bytes b = {malloc(file.bytes), file.bytes};
  assert_non_null(b.data);
  memcpy(b.data, file.data, file.bytes);
  file_unmap(&file);
  return b;
}

static inline void write_bytes(const char *path, bytes b) {
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(b.data, 1, b.size, file), b.size);
  assert_int_equal(fclose(file), 0);
}

static inline bytes sample_bytes(void) {
  mxn_error err = {0};
  char path[600];
  snprintf(path, sizeof path, "%s", sample_path("sample"));
  assert_int_equal(sample_write(path, &err), MXN_OK);
  bytes b = read_bytes(path);
  unlink(path);
  return b;
}

/* Make the digest right again, as far as the header lets it. */
static inline void seal(bytes b) {
  mxn_neuronbin_header *h = (void *)b.data;
  sha256 s;
  memset(h->digest, 0, sizeof h->digest);
  if (h->checked_bytes > b.size) return;
  uint8_t digest[32];
  sha256_init(&s);
  sha256_update(&s, b.data, h->checked_bytes);
  sha256_final(&s, digest);
  memcpy(h->digest, digest, sizeof digest);
}

static inline void append(bytes *b, const void *data, size_t size) {
  b->data = realloc(b->data, b->size + size);
  assert_non_null(b->data);
  memcpy(b->data + b->size, data, size);
  b->size += size;
}

static inline void append_u64(bytes *b, uint64_t value) { append(b, &value, sizeof value); }
static inline void append_u32(bytes *b, uint32_t value) { append(b, &value, sizeof value); }

/* A one-dimensional uint8 array in MXNet's V2 layout. */
static inline void append_array(bytes *b, bytes content) {
  append_u32(b, 0xF993FAC9);
  append_u32(b, 0);
  append_u32(b, 1);
  append_u64(b, content.size);
  append_u32(b, 1);
  append_u32(b, 0);
  append_u32(b, MXN_UINT8);
  append(b, content.data, content.size);
}

/* A parameter file of some uint8 arrays. */
static inline bytes params_bytes(const bytes *arrays, const char *const *names, size_t n_arrays) {
  bytes b = {NULL, 0};
  append_u64(&b, 0x112);
  append_u64(&b, 0);
  append_u64(&b, n_arrays);
  for (size_t i = 0; i < n_arrays; i++) append_array(&b, arrays[i]);
  append_u64(&b, n_arrays);
  for (size_t i = 0; i < n_arrays; i++) {
    append_u64(&b, strlen(names[i]));
    append(&b, names[i], strlen(names[i]));
  }
  return b;
}

#endif
