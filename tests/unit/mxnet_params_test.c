/* mxnet_params_test.c - NDArray list files: every format, in place or copied,
 * and what hostile bytes are told.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "fixture.h"

#include <stdbool.h>
#include <unistd.h>

#include "base/file.h"
#include "base/shape.h"
#include "mxnet/checkpoint.h"
#include "mxnet/ndarray_list.h"

#define V1 0xF993FAC8u
#define V2 0xF993FAC9u
#define V3 0xF993FACAu

/* A file being put together. */
typedef struct image {
  uint8_t bytes[4096];
  size_t n;
} image;

static void put(image *f, uint64_t number, size_t bytes) {
  memcpy(f->bytes + f->n, &number, bytes);
  f->n += bytes;
}

static void put32(image *f, uint32_t number) { put(f, number, 4); }
static void put64(image *f, uint64_t number) { put(f, number, 8); }

static void put_text(image *f, const char *text) {
  put64(f, strlen(text));
  memcpy(f->bytes + f->n, text, strlen(text));
  f->n += strlen(text);
}

static image list_of(uint64_t n) {
  image f = {.n = 0};
  put64(&f, 0x112);
  put64(&f, 0);
  put64(&f, n);
  return f;
}

/* Up to the data. */
static void put_v2(image *f, uint32_t dtype, uint32_t n_dims, const uint64_t *dims) {
  put32(f, V2);
  put32(f, 0);
  put32(f, n_dims);
  for (uint32_t d = 0; d < n_dims; d++) put64(f, dims[d]);
  put32(f, 1);
  put32(f, 0);
  put32(f, dtype);
}

static void assert_entry(const ndarray_entry *e, mxn_dtype dtype, int32_t n_dims, size_t offset, size_t bytes) {
  assert_int_equal(e->type.dtype, dtype);
  assert_int_equal(e->type.n_dims, n_dims);
  assert_int_equal(e->offset, offset);
  assert_int_equal(e->bytes, bytes);
}

static void test_all_formats(void **state) {
  (void)state;
  image f = list_of(7);
  put32(&f, 2), put32(&f, 1), put32(&f, 2); /* legacy (1, 2) on a GPU */
  put32(&f, 2), put32(&f, 3), put32(&f, MXN_UINT8);
  put(&f, 0x0201, 2);
  put32(&f, 0); /* legacy none */
  put32(&f, V1), put32(&f, 1), put64(&f, 3);
  put32(&f, 1), put32(&f, 0), put32(&f, MXN_INT8);
  put(&f, 0x030201, 3);
  put32(&f, V2), put32(&f, 0), put32(&f, 0); /* none */
  put_v2(&f, MXN_FLOAT64, 1, (const uint64_t[]){1});
  put64(&f, 5);
  put32(&f, V3), put32(&f, 0), put32(&f, 0); /* a scalar */
  put32(&f, 1), put32(&f, 0), put32(&f, MXN_BOOL);
  put(&f, 1, 1);
  put32(&f, V3), put32(&f, 0), put32(&f, UINT32_MAX); /* unknown, so none */
  put64(&f, 0);
  ndarray_list list;
  mxn_error err = {0};
  if (ndarray_list_read(f.bytes, f.n, "f", &list, &err) != MXN_OK) fail_msg("%s", err.message);
  assert_int_equal(list.n_entries, 7);
  assert_entry(&list.entries[0], MXN_UINT8, 2, 48, 2);
  assert_int_equal(list.entries[0].type.dims[1], 2);
  assert_int_equal(list.entries[1].type.n_dims, -1);
  assert_entry(&list.entries[2], MXN_INT8, 1, 82, 3);
  assert_int_equal(list.entries[3].type.n_dims, -1);
  assert_entry(&list.entries[4], MXN_FLOAT64, 1, 129, 8);
  assert_entry(&list.entries[5], MXN_BOOL, 0, 161, 1);
  assert_true(list.entries[5].is_numpy && !list.entries[4].is_numpy);
  assert_int_equal(list.entries[6].type.n_dims, -1);
  assert_null(list.entries[0].name);
  ndarray_list_finish(&list);
  ndarray_list_finish(&list);
}

static mxn_status read_copy(const uint8_t *bytes, size_t n, mxn_error *err) {
  uint8_t *copy = malloc(n ? n : 1); /* so that the sanitizer sees its end */
  ndarray_list list;
  memcpy(copy, bytes, n);
  const mxn_status status = ndarray_list_read(copy, n, "f", &list, err);
  ndarray_list_finish(&list);
  free(copy);
  return status;
}

static void assert_refused(const image *f, mxn_status expected, const char *message) {
  mxn_error err = {0};
  assert_int_equal(read_copy(f->bytes, f->n, &err), expected);
  assert_string_equal(err.message, message);
}

static image named_file(void) {
  image f = list_of(2);
  put_v2(&f, MXN_FLOAT32, 2, (const uint64_t[]){1, 3});
  put(&f, 0, 8), put(&f, 0, 4);
  put_v2(&f, MXN_INT64, 1, (const uint64_t[]){1});
  put64(&f, 9);
  put64(&f, 2);
  put_text(&f, "arg:w");
  put_text(&f, "aux:m");
  return f;
}

static void test_cut_file(void **state) {
  (void)state;
  const image whole = named_file();
  mxn_error err = {0};
  assert_int_equal(read_copy(whole.bytes, whole.n, &err), MXN_OK);
  for (size_t n = 0; n < whole.n; n++) {
    char end[64];
    err = (mxn_error){0};
    assert_int_equal(read_copy(whole.bytes, n, &err), MXN_FORMAT);
    snprintf(end, sizeof end, " of %zu", n);
    if (!strstr(err.message, " ends at byte ") || !strstr(err.message, end)) fail_msg("%zu: %s", n, err.message);
  }
  image f = whole;
  f.n = 70;
  assert_refused(&f, MXN_FORMAT, "f: array 0: data ends at byte 76 of 70");
  f = whole;
  put(&f, 0, 1);
  assert_refused(&f, MXN_FORMAT, "f: the list ends at byte 150, but the file has 151");
}

/* Files of one array whose header has one word changed. */
static void test_bad_headers(void **state) {
  (void)state;
  static const struct {
    size_t at;
    uint64_t number;
    size_t bytes;
    mxn_status status;
    const char *message;
  } cases[] = {
      {0, 0x113, 8, MXN_FORMAT, "f: not an MXNet array file: it starts with 0x113, expected 0x112"},
      {16, UINT64_MAX, 8, MXN_FORMAT, "f: 18446744073709551615 arrays, expected at most 1048576"},
      {16, 1 << 20, 8, MXN_FORMAT, "f: array 2: device type 0, expected 1 to 6"},
      {24, 0xF993FACB, 4, MXN_FORMAT, "f: array 0: unknown format 0xF993FACB at byte 24"},
      {24, 20, 4, MXN_UNSUPPORTED, "f: array 0: 20 dimensions, at most 16 are supported"},
      {28, 7, 4, MXN_FORMAT, "f: array 0: storage type 7, expected 0, 1 or 2"},
      {32, 33, 4, MXN_FORMAT, "f: array 0: 33 dimensions, expected 0 to 32"},
      {32, (uint32_t)-2, 4, MXN_FORMAT, "f: array 0: -2 dimensions, expected 0 to 32"},
      {36, UINT64_MAX, 8, MXN_FORMAT, "f: array 0: dimension 0 is -1"},
      {36, 1000, 8, MXN_FORMAT, "f: array 0: data ends at byte 12064 of 150"},
      {36, (uint64_t)1 << 59, 8, MXN_FORMAT, "f: array 0: data ends at byte 6917529027641081920 of 150"},
      {36, (uint64_t)1 << 62, 8, MXN_FORMAT, "f: array 0: the number of bytes overflows at dimension 0"},
      {44, (uint64_t)1 << 61, 8, MXN_FORMAT, "f: array 0: the number of bytes overflows at dimension 1"},
      {52, 0, 4, MXN_FORMAT, "f: array 0: device type 0, expected 1 to 6"},
      {60, 9, 4, MXN_UNSUPPORTED, "f: array 0: dtype 9 is not supported"},
      {60, 13, 4, MXN_FORMAT, "f: array 0: dtype 13 is not one of MXNet's"},
      {60, UINT32_MAX, 4, MXN_FORMAT, "f: array 0: dtype -1 is not one of MXNet's"},
      {116, 1, 8, MXN_FORMAT, "f: 1 names for 2 arrays"},
      {124, UINT64_MAX, 8, MXN_FORMAT, "f: array 0: name ends at byte 18446744073709551615 of 150"},
      {132, 0xFF, 1, MXN_FORMAT, "f: array 0: its name is not UTF-8 text"},
      {133, 0, 1, MXN_FORMAT, "f: array 0: its name is not UTF-8 text"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    image f = named_file();
    memcpy(f.bytes + cases[i].at, &cases[i].number, cases[i].bytes);
    assert_refused(&f, cases[i].status, cases[i].message);
  }
}

/* A row_sparse float32 array (rows, 2) with two stored rows, indices int64. */
static image row_sparse_file(uint64_t rows, uint64_t first_row, uint64_t second_row) {
  image f = list_of(1);
  put32(&f, V2), put32(&f, 1);
  put32(&f, 2), put64(&f, 2), put64(&f, 2);
  put32(&f, 2), put64(&f, rows), put64(&f, 2);
  put32(&f, 1), put32(&f, 0), put32(&f, MXN_FLOAT32);
  put32(&f, MXN_INT64), put32(&f, 1), put64(&f, 2);
  for (uint32_t i = 0; i < 4; i++) put32(&f, 0x3F800000);
  put64(&f, first_row), put64(&f, second_row);
  put64(&f, 0);
  return f;
}

/* The same with one word changed, as in test_bad_headers(). */
static void test_bad_sparse_headers(void **state) {
  (void)state;
  static const struct {
    size_t at;
    uint64_t number;
    size_t bytes;
    mxn_status status;
    const char *message;
  } cases[] = {
      {24, V3, 4, MXN_FORMAT, "f: array 0: storage type row_sparse, arrays with numpy shapes are dense"},
      {28, 2, 4, MXN_FORMAT, "f: array 0: indices of dtype 1065353216, expected int32 or int64"},
      {36, 3, 8, MXN_FORMAT, "f: array 0: the shapes of its row_sparse parts do not agree"},
      {36, UINT64_MAX, 8, MXN_FORMAT, "f: array 0: the shapes of its row_sparse parts do not agree"},
      {44, 3, 8, MXN_FORMAT, "f: array 0: the shapes of its row_sparse parts do not agree"},
      {56, UINT64_MAX, 8, MXN_FORMAT, "f: array 0: dimension 0 is -1"},
      {56, (uint64_t)1 << 62, 8, MXN_FORMAT, "f: array 0: the number of bytes overflows at dimension 0"},
      {56, (uint64_t)1 << 40, 8, MXN_UNSUPPORTED,
       "f: array 0: a row_sparse array that takes 8796093022208 bytes as a dense one, expected at most 4294967296"},
      {84, 0, 4, MXN_FORMAT, "f: array 0: indices of dtype 0, expected int32 or int64"},
      {88, 2, 4, MXN_FORMAT, "f: array 0: its indices are not one row of numbers"},
      {92, UINT64_MAX, 8, MXN_FORMAT, "f: array 0: its indices are not one row of numbers"},
      {92, 3, 8, MXN_FORMAT, "f: array 0: the shapes of its row_sparse parts do not agree"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    image f = row_sparse_file(5, 1, 3);
    memcpy(f.bytes + cases[i].at, &cases[i].number, cases[i].bytes);
    assert_refused(&f, cases[i].status, cases[i].message);
  }
  const image whole = row_sparse_file(5, 1, 3);
  mxn_error err = {0};
  assert_int_equal(read_copy(whole.bytes, whole.n, &err), MXN_OK);
  for (size_t n = 0; n < whole.n; n++) {
    err = (mxn_error){0};
    assert_int_equal(read_copy(whole.bytes, n, &err), MXN_FORMAT);
    if (!strstr(err.message, " ends at byte ")) fail_msg("%zu: %s", n, err.message);
  }
}

static char folder[] = "mxnet_params_test_XXXXXX";

/* Tests that write files do so in a folder of their own. */
static int start_in_folder(void **state) {
  memcpy(folder + sizeof folder - 7, "XXXXXX", 6);
  return mkdtemp(folder) && chdir(folder) == 0 ? start(state) : -1;
}

static int stop_in_folder(void **state) {
  remove("f.params");
  stop(state);
  return chdir("..") == 0 && rmdir(folder) == 0 ? 0 : -1;
}

static void write_image(const image *f) {
  file_writer *w;
  assert_int_equal(file_writer_open("f.params", FILE_KEPT, &w, NULL), MXN_OK);
  file_writer_write(w, f->bytes, f->n);
  assert_int_equal(file_writer_commit(w, NULL), MXN_OK);
}

static parameter_list load(void) {
  parameter_list list;
  mxn_error err = {0};
  if (params_load(&memory, "f.params", &list, &err) != MXN_OK) fail_msg("%s", err.message);
  return list;
}

static void test_load_names_and_data(void **state) {
  (void)state;
  const image f = named_file();
  write_image(&f);
  const parameter_list list = load();
  assert_int_equal(list.n_items, 2);
  assert_false(list.np_shape);
  assert_string_equal(list.items[0].name, "w");
  assert_int_equal(list.items[0].kind, PARAMETER_ARGUMENT);
  assert_string_equal(list.items[1].name, "m");
  assert_int_equal(list.items[1].kind, PARAMETER_AUXILIARY);
  /* Byte 108 is no multiple of 8: an int64 is copied to where it can be read. */
  assert_int_equal((uintptr_t)list.items[1].tensor.data % 8, 0);
  assert_int_equal(*(const int64_t *)list.items[1].tensor.data, 9);
  /* What is aligned stays in the file: at byte 64 of a page. */
  assert_int_equal((uintptr_t)list.items[0].tensor.data % 4096, 64);
}

static void test_large_unaligned_array(void **state) {
  (void)state;
  enum { N = 100001 };
  uint8_t *bytes = malloc(N);
  for (size_t i = 0; i < N; i++) bytes[i] = (uint8_t)(i * 7);
  mxn_type type = {.dtype = MXN_UINT8, .n_dims = 1, .dims = {N}};
  parameter items[] = {{"a", PARAMETER_PLAIN, {type, bytes}}, {"b", PARAMETER_PLAIN, {type, bytes}}};
  const parameter_list saved = {.items = items, .n_items = 2};
  assert_int_equal(params_save("f.params", FILE_KEPT, &saved, NULL), MXN_OK);
  const parameter_list list = load();
  for (size_t i = 0; i < 2; i++) {
    assert_int_equal((uintptr_t)list.items[i].tensor.data % 4, 0);
    assert_memory_equal(list.items[i].tensor.data, bytes, N);
  }
  free(bytes);
}

static void test_two_of_one_name(void **state) {
  (void)state;
  image f = list_of(2);
  put32(&f, 0), put32(&f, 0);
  put64(&f, 2);
  put_text(&f, "arg:w"), put_text(&f, "aux:w");
  write_image(&f);
  load();
  memcpy(f.bytes + f.n - 5, "arg", 3);
  write_image(&f);
  parameter_list list;
  mxn_error err = {0};
  assert_int_equal(params_load(&memory, "f.params", &list, &err), MXN_FORMAT);
  assert_string_equal(err.message, "f.params: two arrays are called 'arg:w'");
  assert_int_equal(list.n_items, 0);
}

static void test_empty_and_missing_files(void **state) {
  (void)state;
  parameter_list list;
  mxn_error err = {0};
  assert_int_equal(params_load(&memory, "f.params", &list, &err), MXN_IO);
  assert_string_equal(err.message, "f.params: cannot open: No such file or directory");
  const image empty = {.n = 0};
  write_image(&empty);
  err = (mxn_error){0};
  assert_int_equal(params_load(&memory, "f.params", &list, &err), MXN_FORMAT);
  assert_string_equal(err.message, "f.params: header ends at byte 8 of 0");
}

/* The bytes that MXNet 1.9.1 itself writes for these two arrays. */
static void test_saved_bytes(void **state) {
  (void)state;
  image f = named_file();
  float w[3] = {0};
  int64_t m = 9;
  parameter items[] = {
      {"w", PARAMETER_ARGUMENT, {{.dtype = MXN_FLOAT32, .n_dims = 2, .dims = {1, 3}}, w}},
      {"m", PARAMETER_AUXILIARY, {{.dtype = MXN_INT64, .n_dims = 1, .dims = {1}}, &m}},
  };
  parameter_list list = {.items = items, .n_items = 2};
  assert_int_equal(NDARRAY_LIST_HEADER_BYTES + NDARRAY_HEADER_BYTES(2), 64);
  assert_int_equal(params_save("f.params", FILE_KEPT, &list, NULL), MXN_OK);
  mapped_file file;
  assert_int_equal(file_map("f.params", &file, NULL), MXN_OK);
  assert_int_equal(file.bytes, f.n);
  assert_memory_equal(file.data, f.bytes, f.n);
  file_unmap(&file);
}

/* One shape that only numpy semantics know makes the whole file V3. */
static void test_numpy_shapes_are_kept(void **state) {
  (void)state;
  float number = 3;
  parameter items[] = {
      {"", PARAMETER_PLAIN, {{.dtype = MXN_FLOAT32, .n_dims = 1, .dims = {1}}, &number}},
      {"", PARAMETER_PLAIN, {{.dtype = MXN_FLOAT32, .n_dims = 0}, &number}},
      {"", PARAMETER_PLAIN, {{.dtype = MXN_INT8, .n_dims = 2, .dims = {0, 5}}, NULL}},
      {"", PARAMETER_PLAIN, {{.dtype = MXN_DTYPE_UNKNOWN, .n_dims = -1}, NULL}},
  };
  parameter_list saved = {.items = items, .n_items = 4};
  assert_int_equal(params_save("f.params", FILE_KEPT, &saved, NULL), MXN_OK);
  const parameter_list list = load();
  assert_int_equal(list.n_items, 4);
  assert_true(list.np_shape);
  for (size_t i = 0; i < 4; i++) {
    assert_string_equal(list.items[i].name, "");
    assert_int_equal(list.items[i].tensor.type.n_dims, items[i].tensor.type.n_dims);
    assert_int_equal(list.items[i].tensor.type.dtype, items[i].tensor.type.dtype);
  }
  assert_true(*(const float *)list.items[1].tensor.data == 3);
  assert_int_equal(list.items[2].tensor.type.dims[1], 5);
  saved.n_items = 1;
  assert_int_equal(params_save("f.params", FILE_KEPT, &saved, NULL), MXN_OK);
  assert_false(load().np_shape);
  saved.np_shape = true;
  assert_int_equal(params_save("f.params", FILE_KEPT, &saved, NULL), MXN_OK);
  assert_true(load().np_shape);
}

static void test_save_refuses_unknown_types(void **state) {
  (void)state;
  parameter item = {"w", PARAMETER_ARGUMENT, {{.dtype = MXN_FLOAT32, .n_dims = 2, .dims = {3, -1}}, NULL}};
  const parameter_list list = {.items = &item, .n_items = 1};
  mxn_error err = {0};
  assert_int_equal(params_save("f.params", FILE_KEPT, &list, &err), MXN_ARGUMENT);
  assert_string_equal(err.message, "f.params: array 'w': cannot write type float32(3, ?) without data");
  assert_int_not_equal(access("f.params", F_OK), 0);
}

static void assert_load_refused(const image *f, const char *message) {
  parameter_list list;
  mxn_error err = {0};
  write_image(f);
  assert_int_equal(params_load(&memory, "f.params", &list, &err), MXN_FORMAT);
  assert_string_equal(err.message, message);
}

static void test_sparse_indices_out_of_range(void **state) {
  (void)state;
  image f = row_sparse_file(5, 1, 3);
  write_image(&f);
  const float *dense = load().items[0].tensor.data;
  for (size_t i = 0; i < 10; i++) assert_true(dense[i] == (i / 2 == 1 || i / 2 == 3));
  f = row_sparse_file(5, 1, 5);
  assert_load_refused(&f, "f.params: array 0: row 1 is 5, expected 0 to 4");
  f = row_sparse_file(5, UINT64_MAX, 2);
  assert_load_refused(&f, "f.params: array 0: row 0 is -1, expected 0 to 4");
}

/* A csr matrix of 2 x 3 with three numbers. */
static image csr_file_from(uint64_t first, uint64_t start, uint64_t end, uint32_t column) {
  image f = list_of(1);
  put32(&f, V2), put32(&f, 2);
  put32(&f, 1), put64(&f, 3);
  put32(&f, 2), put64(&f, 2), put64(&f, 3);
  put32(&f, 1), put32(&f, 0), put32(&f, MXN_INT8);
  put32(&f, MXN_INT64), put32(&f, 1), put64(&f, 3);
  put32(&f, MXN_INT32), put32(&f, 1), put64(&f, 3);
  put(&f, 0x030201, 3);
  put64(&f, first), put64(&f, start), put64(&f, end);
  put32(&f, 2), put32(&f, 0), put32(&f, column);
  put64(&f, 0);
  return f;
}

static image csr_file(uint64_t start, uint64_t end, uint32_t column) { return csr_file_from(0, start, end, column); }

static void test_csr_indices(void **state) {
  (void)state;
  image f = csr_file(1, 3, 1);
  write_image(&f);
  assert_memory_equal(load().items[0].tensor.data, ((const int8_t[]){0, 0, 1, 2, 3, 0}), 6);
  f = csr_file(1, 4, 1);
  assert_load_refused(&f, "f.params: array 0: start of row 2 is 4, expected 1 to 3");
  f = csr_file(2, 1, 1);
  assert_load_refused(&f, "f.params: array 0: start of row 2 is 1, expected 2 to 3");
  f = csr_file(1, 3, 3);
  assert_load_refused(&f, "f.params: array 0: column 2 is 3, expected 0 to 2");
  f = csr_file(1, 3, UINT32_MAX);
  assert_load_refused(&f, "f.params: array 0: column 2 is -1, expected 0 to 2");
  f = csr_file_from(1, 1, 3, 1); /* the first number would belong to no row */
  assert_load_refused(&f, "f.params: array 0: start of row 0 is 1, expected 0 to 0");
}

/* Files that MXNet wrote: tests/formats/make_formats.py. */

static parameter_list load_written(const char *path) {
  parameter_list list;
  mxn_error err = {0};
  if (params_load(&memory, path, &list, &err) != MXN_OK) fail_msg("%s", err.message);
  return list;
}

static const parameter *find_array(const parameter_list *list, const char *name) {
  for (size_t i = 0; i < list->n_items; i++)
    if (strcmp(list->items[i].name, name) == 0) return &list->items[i];
  fail_msg("no array '%s'", name);
  return NULL;
}

static void test_every_dtype(void **state) {
  (void)state;
  static const struct {
    const char *name;
    uint64_t bits[3];
  } cases[] = {
      {"float32", {0x3F800000, 0, 0xC0400000}},
      {"float64", {0x3FF0000000000000, 0, 0xC008000000000000}},
      {"float16", {0x3C00, 0, 0xC200}},
      {"bfloat16", {0x3F80, 0, 0xC040}},
      {"uint8", {1, 0, 1}},
      {"bool", {1, 0, 1}},
      {"int8", {1, 0, 0xFD}},
      {"int32", {1, 0, 0xFFFFFFFD}},
      {"int64", {1, 0, 0xFFFFFFFFFFFFFFFD}},
  };
  const parameter_list list = load_written("tests/formats/dtypes.params");
  assert_int_equal(list.n_items, sizeof cases / sizeof *cases);
  for (size_t i = 0; i < list.n_items; i++) {
    const parameter *p = find_array(&list, cases[i].name);
    assert_non_null(p);
    assert_int_equal(p->kind, PARAMETER_ARGUMENT);
    assert_string_equal(mxn_dtype_name(p->tensor.type.dtype), cases[i].name);
    assert_int_equal(p->tensor.type.dims[0], 3);
    const size_t bytes = mxn_dtype_bytes(p->tensor.type.dtype);
    for (size_t k = 0; k < 3; k++)
      assert_memory_equal((const char *)p->tensor.data + k * bytes, &cases[i].bits[k], bytes);
  }
}

static void test_sparse_arrays_as_mxnet_makes_them_dense(void **state) {
  (void)state;
  const parameter_list list = load_written("tests/formats/sparse.params");
  assert_int_equal(list.n_items, 14);
  for (size_t i = 0; i < list.n_items; i++) {
    const parameter *sparse = &list.items[i];
    if (strncmp(sparse->name, "dense:", 6) == 0) continue;
    const parameter *dense = find_array(&list, arena_printf(&memory, "dense:%s", sparse->name));
    size_t bytes = 0;
    assert_non_null(dense);
    assert_true(shape_equal(&dense->tensor.type, &sparse->tensor.type) && type_bytes(&dense->tensor.type, &bytes));
    assert_int_equal(dense->tensor.type.dtype, sparse->tensor.type.dtype);
    assert_memory_equal(sparse->tensor.data, dense->tensor.data, bytes);
  }
}

static void test_numpy_shapes_as_mxnet_writes_them(void **state) {
  (void)state;
  const parameter_list list = load_written("tests/formats/numpy.params");
  char text[SHAPE_TEXT_BYTES];
  assert_true(list.np_shape);
  assert_string_equal(shape_text(&find_array(&list, "scalar")->tensor.type, text), "()");
  assert_string_equal(shape_text(&find_array(&list, "empty")->tensor.type, text), "(0, 3)");
  const parameter *matrix = find_array(&list, "matrix");
  assert_string_equal(shape_text(&matrix->tensor.type, text), "(2, 3)");
  assert_true(((const float *)matrix->tensor.data)[5] == 7.5F);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_all_formats),
      cmocka_unit_test(test_cut_file),
      cmocka_unit_test(test_bad_headers),
      cmocka_unit_test(test_bad_sparse_headers),
      cmocka_unit_test_setup_teardown(test_load_names_and_data, start_in_folder, stop_in_folder),
      cmocka_unit_test_setup_teardown(test_large_unaligned_array, start_in_folder, stop_in_folder),
      cmocka_unit_test_setup_teardown(test_two_of_one_name, start_in_folder, stop_in_folder),
      cmocka_unit_test_setup_teardown(test_empty_and_missing_files, start_in_folder, stop_in_folder),
      cmocka_unit_test_setup_teardown(test_saved_bytes, start_in_folder, stop_in_folder),
      cmocka_unit_test_setup_teardown(test_numpy_shapes_are_kept, start_in_folder, stop_in_folder),
      cmocka_unit_test_setup_teardown(test_save_refuses_unknown_types, start_in_folder, stop_in_folder),
      cmocka_unit_test_setup_teardown(test_sparse_indices_out_of_range, start_in_folder, stop_in_folder),
      cmocka_unit_test_setup_teardown(test_csr_indices, start_in_folder, stop_in_folder),
      TEST(test_every_dtype),
      TEST(test_sparse_arrays_as_mxnet_makes_them_dense),
      TEST(test_numpy_shapes_as_mxnet_writes_them),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
