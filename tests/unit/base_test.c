/* base_test.c - statuses, errors, arenas, files, digests and names.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/checkpoint_name.h"
#include "base/checksum.h"
#include "base/error.h"
#include "base/file.h"
#include "base/float16.h"
#include "base/name_set.h"
#include "base/near.h"
#include "base/sha256.h"
#include "base/text_list.h"
#include "base/utf8.h"
#include "mxneuron/tensor.h"

static void test_status_text(void **state) {
  (void)state;
  assert_string_equal(mxn_status_text(MXN_OK), "success");
  assert_string_equal(mxn_status_text(MXN_SHAPE), "shapes do not agree");
  assert_string_equal(mxn_status_text((mxn_status)77), "unknown status");
}

static void test_dtypes(void **state) {
  (void)state;
  assert_int_equal(mxn_dtype_bytes(MXN_BFLOAT16), 2);
  assert_int_equal(mxn_dtype_bytes(MXN_DTYPE_UNKNOWN), 0);
  assert_int_equal(mxn_dtype_bytes((mxn_dtype)9), 0);
  assert_string_equal(mxn_dtype_name(MXN_INT64), "int64");
  assert_string_equal(mxn_dtype_name((mxn_dtype)9), "unknown");
  assert_int_equal(mxn_dtype_from_name("bool"), MXN_BOOL);
  assert_int_equal(mxn_dtype_from_name("float"), MXN_DTYPE_UNKNOWN);
}

static void test_first_error_wins(void **state) {
  (void)state;
  mxn_error err = {0};
  assert_int_equal(error_set(&err, MXN_FORMAT, "pad has %d values", 3), MXN_FORMAT);
  assert_int_equal(error_set(&err, MXN_IO, "later"), MXN_IO);
  assert_int_equal(error_prefix(&err, MXN_IO, "%s", "a.json"), MXN_FORMAT);
  assert_int_equal(err.code, MXN_FORMAT);
  assert_string_equal(err.message, "a.json: pad has 3 values");
  error_clear(&err);
  assert_int_equal(err.code, MXN_OK);
  assert_string_equal(err.message, "");
  assert_int_equal(error_set(NULL, MXN_IO, "x"), MXN_IO);
  assert_int_equal(error_prefix(NULL, MXN_IO, "x"), MXN_IO);
}

static void test_long_message_stays_utf8(void **state) {
  (void)state;
  char text[1001];
  for (size_t offset = 0; offset < 4; offset++) {
    mxn_error err = {0};
    memset(text, 'a', sizeof text);
    for (size_t i = offset; i + 4 < sizeof text; i += 4) memcpy(text + i, "\xF0\x9F\x90\x8D", 4);
    text[sizeof text - 1] = '\0';
    assert_int_equal(error_set(&err, MXN_FORMAT, "%s", text), MXN_FORMAT);
    const size_t n = strlen(err.message);
    assert_true(utf8_is_text(err.message, n));
    assert_in_range(n, sizeof err.message - 4, sizeof err.message - 1);
    assert_int_equal(error_prefix(&err, MXN_FORMAT, "file"), MXN_FORMAT);
    assert_true(utf8_is_text(err.message, strlen(err.message)));
  }
}

static void test_utf8(void **state) {
  (void)state;
  static const struct {
    const char *text;
    size_t bytes;
    bool is_text;
  } cases[] = {{"", 0, true},
               {"abc", 3, true},
               {"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x90\x8D", 9, true},
               {"a\0b", 3, false},
               {"\x80", 1, false},
               {"\xC0\x80", 2, false},
               {"\xC3", 1, false},
               {"\xE0\x80\x80", 3, false},
               {"\xED\xA0\x80", 3, false},
               {"\xF0\x80\x80\x80", 4, false},
               {"\xF4\x90\x80\x80", 4, false},
               {"\xF5\x80\x80\x80", 4, false}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    assert_int_equal(utf8_is_text(cases[i].text, cases[i].bytes), cases[i].is_text);
  assert_int_equal(utf8_cut("a\xE2\x82\xAC", 4), 4);
  assert_int_equal(utf8_cut("a\xE2\x82\xAC", 3), 1);
  assert_int_equal(utf8_cut("a\xE2\x82\xAC", 2), 1);
  assert_int_equal(utf8_cut("a\xE2\x82\xAC", 1), 1);
  assert_int_equal(utf8_cut("", 0), 0);
}

static void test_messages_are_printable(void **state) {
  (void)state;
  mxn_error err = {0};
  assert_int_equal(error_set(&err, MXN_FORMAT, "%.4s %s", "abc\xC3\xA9", "\x1B[31m\xFF\t\n\x7F\xE2\x82\xAC"),
                   MXN_FORMAT);
  assert_string_equal(err.message, "abc? ?[31m?\t\n?\xE2\x82\xAC");
}

static int n_released;
static void count_release(void *object) { assert_int_equal(*(int *)object, ++n_released); }

static void test_arena(void **state) {
  (void)state;
  arena a;
  int order[] = {2, 1};
  arena_init(&a);
  if (setjmp(a.recovery)) fail_msg("out of memory");
  for (size_t bytes = 0; bytes < 5000; bytes += 37) {
    unsigned char *p = arena_alloc(&a, bytes);
    assert_int_equal((uintptr_t)p % 16, 0);
    for (size_t i = 0; i < bytes; i++) assert_int_equal(p[i], 0);
    memset(p, 0xFF, bytes);
  }
  unsigned char *large = arena_alloc(&a, 8 << 20);
  memset(large, 1, 8 << 20);
  char *text = arena_printf(&a, "%s-%d", "conv", 7);
  assert_string_equal(text, "conv-7");
  assert_string_equal(arena_strdup(&a, text), "conv-7");
  n_released = 0;
  arena_defer(&a, count_release, &order[0]);
  arena_defer(&a, count_release, &order[1]);
  arena_finish(&a);
  assert_int_equal(n_released, 2);
  arena_finish(&a);
  assert_int_equal(n_released, 2);
}

static void test_arena_grow(void **state) {
  (void)state;
  arena a;
  arena_init(&a);
  if (setjmp(a.recovery)) fail_msg("out of memory");
  struct {
    size_t *items, n, capacity;
  } list = {NULL, 0, 0};
  for (size_t i = 0; i < 1000; i++) *ARENA_PUSH(&a, list.items, list.n, list.capacity) = i;
  assert_int_equal(list.n, 1000);
  for (size_t i = 0; i < 1000; i++) assert_int_equal(list.items[i], i);
  arena_finish(&a);
}

/* What cannot be had jumps to the recovery point, and nothing leaks. */
static void test_arena_out_of_memory(void **state) {
  (void)state;
  static const size_t requests[][2] = {{SIZE_MAX, 1}, {SIZE_MAX / 2, 4}, {1, SIZE_MAX - 8}};
  for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
    arena a;
    volatile bool has_jumped = false;
    arena_init(&a);
    if (setjmp(a.recovery)) {
      has_jumped = true;
    } else {
      arena_alloc(&a, 100);
      arena_array(&a, requests[i][0], requests[i][1]);
    }
    assert_true(has_jumped);
    arena_finish(&a);
  }
}

static char folder[] = "base_test_XXXXXX";

static int make_folder(void **state) {
  (void)state;
  strcpy(folder + strlen(folder) - 6, "XXXXXX");
  return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int remove_folder(void **state) {
  (void)state;
  remove("file");
  return chdir("..") == 0 && rmdir(folder) == 0 ? 0 : -1;
}

static void write_text(const char *text) {
  file_writer *w;
  assert_int_equal(file_writer_open("file", FILE_KEPT, &w, NULL), MXN_OK);
  file_writer_write(w, text, strlen(text));
  assert_int_equal(file_writer_commit(w, NULL), MXN_OK);
}

static void assert_file(const char *text) {
  mapped_file file;
  assert_int_equal(file_map("file", &file, NULL), MXN_OK);
  assert_int_equal(file.bytes, strlen(text));
  if (file.bytes) assert_memory_equal(file.data, text, file.bytes);
  file_unmap(&file);
  file_unmap(&file);
}

static void test_file_is_replaced_at_once(void **state) {
  (void)state;
  write_text("first");
  assert_file("first");
  file_writer *w;
  assert_int_equal(file_writer_open("file", FILE_KEPT, &w, NULL), MXN_OK);
  file_writer_write(w, "second", 6);
  assert_file("first");
  file_writer_abandon(w);
  file_writer_abandon(NULL);
  assert_file("first");
  write_text("third");
  assert_file("third");
  write_text("");
  assert_file("");
}

static void test_file_of_many_writes(void **state) {
  (void)state;
  enum { BYTES = 300000 };
  char *text = malloc(BYTES + 1);
  for (size_t i = 0; i < BYTES; i++) text[i] = (char)('a' + i % 23);
  text[BYTES] = '\0';
  file_writer *w;
  assert_int_equal(file_writer_open("file", FILE_KEPT, &w, NULL), MXN_OK);
  for (size_t at = 0, n = 1; at < BYTES; at += n, n = n * 3 % 100003) {
    if (n > BYTES - at) n = BYTES - at;
    file_writer_write(w, text + at, n);
  }
  assert_int_equal(file_writer_commit(w, NULL), MXN_OK);
  assert_file(text);
  free(text);
}

static void test_file_permissions_follow_umask(void **state) {
  (void)state;
  struct stat status;
  const mode_t old = umask(027);
  write_text("x");
  umask(old);
  assert_int_equal(stat("file", &status), 0);
  assert_int_equal(status.st_mode & 0777, 0640);
}

static void assert_map_fails(const char *path, const char *message) {
  mxn_error err = {0};
  mapped_file file;
  assert_int_equal(file_map(path, &file, &err), MXN_IO);
  assert_string_equal(err.message, message);
  assert_null(file.data);
}

static void test_file_errors(void **state) {
  (void)state;
  assert_map_fails("none", "none: cannot open: No such file or directory");
  assert_map_fails(".", ".: cannot read: not a regular file");
  assert_int_equal(mkfifo("file", 0600), 0);
  assert_map_fails("file", "file: cannot read: not a regular file");
  mxn_error err = {0};
  file_writer *w;
  assert_int_equal(file_writer_open("none/file", FILE_KEPT, &w, &err), MXN_IO);
  assert_string_equal(err.message, "none/file: cannot create: No such file or directory");
  assert_null(w);
  error_clear(&err);
  /* Root would replace a device by a file. */
  assert_int_equal(file_writer_open("file", FILE_KEPT, &w, &err), MXN_IO);
  assert_string_equal(err.message, "file: cannot write: not a regular file");
  assert_null(w);
  error_clear(&err);
  assert_int_equal(mkdir("folder", 0700), 0);
  assert_int_equal(file_writer_open("folder", FILE_KEPT, &w, &err), MXN_OK);
  file_writer_write(w, "x", 1);
  assert_int_equal(file_writer_commit(w, &err), MXN_IO);
  assert_string_equal(err.message, "folder: cannot write: Is a directory");
  assert_int_equal(rmdir("folder"), 0); /* the temporary file is gone: remove_folder() checks */
}

/* An error of a write sticks, comes out of the commit and leaves the old file. */
static void test_file_write_error(void **state) {
  (void)state;
  enum { LIMIT_BYTES = 1000 };
  static const char data[200000];
  const struct rlimit limit = {LIMIT_BYTES, RLIM_INFINITY};
  struct rlimit old;
  mxn_error err = {0};
  file_writer *w;
  write_text("old");
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
  void (*old_handler)(int) = signal(SIGXFSZ, SIG_IGN);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
  assert_int_equal(file_writer_open("file", FILE_KEPT, &w, &err), MXN_OK);
  file_writer_write(w, data, sizeof data);
  file_writer_write(w, data, 1);
  const mxn_status status = file_writer_commit(w, &err);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
  signal(SIGXFSZ, old_handler);
  assert_int_equal(status, MXN_IO);
  assert_string_equal(err.message, "file: cannot write: File too large");
  assert_file("old");
}

static void assert_digest_by(void (*init)(sha256 *), const char *text, size_t step, const char *expected) {
  sha256 s;
  uint8_t digest[32];
  char hex[65];
  const size_t n = strlen(text);
  init(&s);
  for (size_t at = 0; at < n; at += step) sha256_update(&s, text + at, step < n - at ? step : n - at);
  sha256_final(&s, digest);
  for (size_t i = 0; i < 32; i++) snprintf(hex + 2 * i, 3, "%02x", digest[i]);
  assert_string_equal(hex, expected);
}

static void assert_digest(const char *text, size_t step, const char *expected) {
  assert_digest_by(sha256_init, text, step, expected);
  assert_digest_by(sha256_init_portable, text, step, expected);
}

/* The examples of FIPS 180-4 and lengths around the block. */
static void test_sha256(void **state) {
  (void)state;
  assert_digest("", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  assert_digest("abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  assert_digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 100,
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  char *million = malloc(1000001);
  memset(million, 'a', 1000000);
  million[1000000] = '\0';
  static const size_t steps[] = {1000000, 64, 63, 65, 1};
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
    assert_digest(million, steps[i], "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  free(million);
}

static void assert_near(const char *name, size_t bytes, const char *expected) {
  static const char *const names[] = {"pool9", "drop9", "drop9", "relu_conv10", "prob", "drop", "drop10", "data", ""};
  char text[64];
  assert_ptr_equal(near_names(name, names, sizeof names / sizeof *names, text, bytes), text);
  assert_string_equal(text, expected);
}

static uint64_t checksum_of(const void *data, size_t bytes) {
  uint64_t sums[3];
  const size_t n = checksum_n_pieces(bytes);
  assert_in_range(n, 1, 3);
  for (size_t i = 0; i < n; i++) sums[i] = checksum_of_piece(data, bytes, i);
  return checksum_join(sums, n);
}

static void test_checksum(void **state) {
  (void)state;
  enum { MAX_BYTES = 600 };
  uint8_t data[MAX_BYTES];
  for (size_t i = 0; i < MAX_BYTES; i++) data[i] = (uint8_t)(i * i);
  for (size_t bytes = 0; bytes <= MAX_BYTES; bytes++) {
    const uint64_t sum = checksum_of(data, bytes);
    assert_int_not_equal(sum, 0);
    assert_int_equal(checksum_of_portably(data, bytes), sum);
    if (bytes > 0) assert_int_not_equal(sum, checksum_of(data, bytes - 1));
    for (size_t i = 0; i < bytes; i++) {
      data[i] ^= 0x10;
      assert_int_not_equal(sum, checksum_of(data, bytes));
      data[i] ^= 0x10;
    }
  }
  /* Files hold the number. */
  assert_int_equal(checksum_of("neuronbin", 9), UINT64_C(0xfeed836c9ca2bd50));
}

static void test_checksum_of_pieces(void **state) {
  (void)state;
  const size_t sizes[] = {
      0, 5, CHECKSUM_PIECE_BYTES - 1, CHECKSUM_PIECE_BYTES, CHECKSUM_PIECE_BYTES + 1, 2 * CHECKSUM_PIECE_BYTES + 77};
  const size_t n_pieces[] = {1, 1, 1, 1, 2, 3};
  uint8_t *data = calloc(1, sizes[5]);
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    assert_int_equal(checksum_n_pieces(sizes[i]), n_pieces[i]);
    const uint64_t sum = checksum_of(data, sizes[i]);
    assert_int_equal(checksum_of_portably(data, sizes[i]), sum);
    for (size_t at = 0; at < sizes[i]; at += 99991) {
      data[at] ^= 1;
      assert_int_not_equal(checksum_of(data, sizes[i]), sum);
      data[at] ^= 1;
    }
  }
  /* Equal pieces in another order are something else. */
  data[0] = 1;
  const uint64_t first = checksum_of(data, sizes[5]);
  data[0] = 0;
  data[CHECKSUM_PIECE_BYTES] = 1;
  assert_int_not_equal(checksum_of(data, sizes[5]), first);
  free(data);
}

static void test_text_list_numbers(void **state) {
  (void)state;
  const char *malformed[] = {"", "1", "[1", "[1,", "[1 2]", "[a]", "(1)"};
  int64_t numbers[2];
  uint32_t n;
  for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++)
    assert_false(text_list_numbers(malformed[i], numbers, 2, &n));
  assert_true(text_list_numbers(" [ 4 , -5,6 ] ", numbers, 2, &n));
  assert_int_equal(n, 3);
  assert_int_equal(numbers[0], 4);
  assert_int_equal(numbers[1], -5);
  assert_true(text_list_numbers("[]", NULL, 0, &n));
  assert_int_equal(n, 0);
}

static void test_text_list_type(void **state) {
  (void)state;
  mxn_type t = text_list_type("[0, 4]", "[[0, 3], [7]]", 0);
  assert_int_equal(t.dtype, MXN_FLOAT32);
  assert_int_equal(t.n_dims, 2);
  assert_int_equal(t.dims[0], -1);
  assert_int_equal(t.dims[1], 3);
  t = text_list_type("[0, 4]", "[[0, 3], [7]]", 1);
  assert_int_equal(t.dtype, MXN_INT32);
  assert_int_equal(t.n_dims, 1);
  assert_int_equal(t.dims[0], 7);
  t = text_list_type("[99]", "[[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]]", 0);
  assert_int_equal(t.dtype, MXN_DTYPE_UNKNOWN);
  assert_int_equal(t.n_dims, -1);
  assert_int_equal(text_list_type("[0]", "[[1]]", 1).n_dims, -1);
  assert_int_equal(text_list_type(NULL, NULL, 0).n_dims, -1);
}

static void test_text_list_strings(void **state) {
  (void)state;
  char text[64];
  text_list_reader good = {" [\"a\" , \"b\\\"\\u0007\"]", 0}, bad = {"[\"a\", \"b", 0}, empty = {"[]", 0};
  assert_true(text_list_next(&good, text));
  assert_string_equal(text, "a");
  assert_true(text_list_next(&good, text));
  assert_string_equal(text, "b\"\a");
  assert_false(text_list_next(&good, text));
  assert_int_equal(good.n_read, 2);
  assert_true(text_list_next(&bad, text));
  assert_false(text_list_next(&bad, text));
  assert_false(text_list_next(&empty, text));
}

static void assert_places(const char *list, const char *const *names, uint32_t n, const uint32_t *expected) {
  char buffer[64];
  uint32_t places[8];
  text_list_match(list, names, n, buffer, places);
  for (uint32_t i = 0; i < n; i++) assert_int_equal(places[i], expected[i]);
}

static void test_text_list_match(void **state) {
  (void)state;
  static const char *const names[] = {"b", "a", "b"};
  static const uint32_t in_order[] = {0, 1, 2};
  assert_places("[\"a\", \"b\", \"b\", \"c\"]", names, 3, (const uint32_t[]){1, 0, 2});
  assert_places("[\"a\"]", names + 1, 1, in_order);
  assert_places("[\"a\", \"c\", \"b\"]", names, 3, in_order);
  assert_places("[\"a\", \"b\"]", names, 3, in_order);
  assert_places("[\"a\", \"b\", \"b", names, 3, in_order);
  assert_places("", names, 3, in_order);
  assert_places(NULL, names, 3, in_order);
}

static void test_near_names(void **state) {
  (void)state;
  assert_near("drp9", 64, "'drop9', 'drop'");
  assert_near("drop1", 64, "'drop9', 'drop', 'drop10'");
  assert_near("drop1", 16, "'drop9', 'drop'");
  assert_near("drop1", 15, "'drop9'");
  assert_near("drop1", 7, "");
  assert_near("drop1", 1, "");
  assert_near("softmax", 64, "");
  assert_near("", 64, "");
  assert_near("relu_conv01", 64, "'relu_conv10'");
  char text[8] = "x", longer[200];
  memset(longer, 'a', sizeof longer - 1);
  longer[sizeof longer - 1] = '\0';
  const char *const names[] = {longer};
  assert_string_equal(near_names(longer, names, 1, text, sizeof text), "");
  assert_string_equal(near_names("a", names, 1, text, sizeof text), "");
}

static void test_float16(void **state) {
  (void)state;
  static const struct {
    double x;
    uint16_t half, bfloat;
  } cases[] = {
      {1, 0x3C00, 0x3F80},          {-3, 0xC200, 0xC040}, {0, 0, 0},
      {0x1.004p0, 0x3C01, 0x3F80},  /* one more than half's last bit of 1 */
      {0x1.002p0, 0x3C00, 0x3F80},  /* halfway, to even */
      {0x1.006p0, 0x3C02, 0x3F80},  /* halfway, to even */
      {65519, 0x7BFF, 0x4780},      /* the last that stays finite */
      {65520, 0x7C00, 0x4780},      /* halfway to what would come next */
      {0x1p-24, 0x0001, 0x3380},    /* the smallest half */
      {0x1p-25, 0x0000, 0x3300},    /* halfway to zero, to even */
      {0x1.ffp-15, 0x03FE, 0x3880}, /* subnormal */
      {-1e300, 0xFC00, 0xFF80},     {1e-310, 0, 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    assert_int_equal(float16_encode(cases[i].x, FLOAT16_MANTISSA), cases[i].half);
    assert_int_equal(float16_encode(cases[i].x, BFLOAT16_MANTISSA), cases[i].bfloat);
  }
  /* Every number comes back. */
  for (uint32_t bits = 0; bits < 65536; bits++) {
    const double half = float16_decode((uint16_t)bits, FLOAT16_MANTISSA);
    const double bfloat = float16_decode((uint16_t)bits, BFLOAT16_MANTISSA);
    if (half == half) assert_int_equal(float16_encode(half, FLOAT16_MANTISSA), bits);
    if (bfloat == bfloat) assert_int_equal(float16_encode(bfloat, BFLOAT16_MANTISSA), bits);
  }
  assert_true(float16_decode(0x7BFF, FLOAT16_MANTISSA) == 65504 && float16_decode(0x0001, FLOAT16_MANTISSA) == 0x1p-24);
}

static void test_checkpoint_names(void **state) {
  (void)state;
  static const struct {
    const char *name;
    size_t prefix_bytes;
    int32_t epoch;
  } names[] = {{"net-symbol.json", 3, -1},  {"a/b-0001-symbol.json", 8, -1}, {"net-0000.params", 3, 0},
               {"net-0123.params", 3, 123}, {"net-12345.params", 3, 12345},  {"a-b-0007.params", 3, 7}};
  static const char *const others[] = {"net",
                                       "-symbol.json",
                                       "net-symbol.jso",
                                       "net-000.params",
                                       "net.params",
                                       "0000.params",
                                       "-0000.params",
                                       "net0000.params",
                                       ".params",
                                       "",
                                       "net-0000.params2",
                                       "net-00000000000.params"};
  size_t bytes;
  int32_t epoch;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    assert_true(checkpoint_name_split(names[i].name, &bytes, &epoch));
    assert_int_equal(bytes, names[i].prefix_bytes);
    assert_int_equal(epoch, names[i].epoch);
  }
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    assert_false(checkpoint_name_split(others[i], &bytes, &epoch));
}

static void test_name_set(void **state) {
  (void)state;
  enum { N = 5000 };
  arena a;
  arena_init(&a);
  if (setjmp(a.recovery)) fail_msg("out of memory");
  name_set set = {.arena = &a};
  assert_false(name_set_has(&set, ""));
  for (int i = 0; i < N; i++) assert_true(name_set_add(&set, arena_printf(&a, "name%d", i)));
  assert_true(name_set_add(&set, ""));
  for (int i = 0; i < N; i++) {
    assert_true(name_set_has(&set, arena_printf(&a, "name%d", i)));
    assert_false(name_set_add(&set, arena_printf(&a, "name%d", i)));
    assert_false(name_set_has(&set, arena_printf(&a, "name%d_", i)));
  }
  assert_int_equal(set.n, N + 1);
  arena_finish(&a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_status_text),
      cmocka_unit_test(test_dtypes),
      cmocka_unit_test(test_checkpoint_names),
      cmocka_unit_test(test_first_error_wins),
      cmocka_unit_test(test_long_message_stays_utf8),
      cmocka_unit_test(test_messages_are_printable),
      cmocka_unit_test(test_utf8),
      cmocka_unit_test(test_arena),
      cmocka_unit_test(test_arena_grow),
      cmocka_unit_test(test_arena_out_of_memory),
      cmocka_unit_test_setup_teardown(test_file_is_replaced_at_once, make_folder, remove_folder),
      cmocka_unit_test_setup_teardown(test_file_of_many_writes, make_folder, remove_folder),
      cmocka_unit_test_setup_teardown(test_file_permissions_follow_umask, make_folder, remove_folder),
      cmocka_unit_test_setup_teardown(test_file_errors, make_folder, remove_folder),
      cmocka_unit_test_setup_teardown(test_file_write_error, make_folder, remove_folder),
      cmocka_unit_test(test_sha256),
      cmocka_unit_test(test_checksum),
      cmocka_unit_test(test_checksum_of_pieces),
      cmocka_unit_test(test_text_list_numbers),
      cmocka_unit_test(test_text_list_type),
      cmocka_unit_test(test_text_list_strings),
      cmocka_unit_test(test_text_list_match),
      cmocka_unit_test(test_near_names),
      cmocka_unit_test(test_name_set),
      cmocka_unit_test(test_float16),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
