/* api_fixture.h - a folder of the test's own, and small checkpoints in it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_TESTS_API_FIXTURE_H
#define MXN_TESTS_API_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mxneuron/executor.h"
#include "mxneuron/model.h"

static char fixture_folder[256];

/* A path in the folder; static, one of several in turn. */
static inline const char *fixture_path(const char *name) {
  static char paths[16][512];
  static unsigned turn;
  char *path = paths[turn++ % 16];
  snprintf(path, sizeof paths[0], "%s/%s", fixture_folder, name);
  return path;
}

static inline size_t fixture_count(const char *path) {
  size_t n = 0;
  DIR *folder = opendir(path);
  assert_non_null(folder);
  for (const struct dirent *entry; (entry = readdir(folder));) n += entry->d_name[0] != '.';
  closedir(folder);
  return n;
}

/* The library's own temporary folders go to "temporary", where tests see them. */
static inline int fixture_start(void **state) {
  (void)state;
  const char *parent = getenv("TMPDIR");
  snprintf(fixture_folder, sizeof fixture_folder, "%s/mxneuron-test-XXXXXX", parent ? parent : P_tmpdir);
  if (!mkdtemp(fixture_folder)) return -1;
  return mkdir(fixture_path("temporary"), 0700) || setenv("TMPDIR", fixture_path("temporary"), 1);
}

static inline void fixture_empty(const char *path) {
  DIR *folder = opendir(path);
  if (!folder) return;
  for (const struct dirent *entry; (entry = readdir(folder));)
    if (entry->d_name[0] != '.') unlinkat(dirfd(folder), entry->d_name, 0);
  closedir(folder);
}

static inline int fixture_stop(void **state) {
  (void)state;
  unsetenv("TMPDIR");
  rmdir(fixture_path("temporary"));
  fixture_empty(fixture_path("kept"));
  rmdir(fixture_path("kept"));
  fixture_empty(fixture_folder);
  return rmdir(fixture_folder);
}

static inline void fixture_write(const char *name, const char *text, mode_t mode) {
  FILE *file = fopen(fixture_path(name), "w");
  assert_non_null(file);
  assert_true(fputs(text, file) >= 0);
  assert_int_equal(fclose(file), 0);
  assert_int_equal(chmod(fixture_path(name), mode), 0);
}

#define CHECK_OK(expression)                                 \
  do {                                                       \
    if ((expression) != MXN_OK) fail_msg("%s", err.message); \
  } while (0)

#define ASSERT_MESSAGE(err, text)                                                                \
  do {                                                                                           \
    if (!strstr((err).message, (text))) fail_msg("expected '%s' in: %s", (text), (err).message); \
  } while (0)

static inline mxn_type fixture_type(int32_t n_dims, int64_t a, int64_t b) {
  return (mxn_type){MXN_FLOAT32, n_dims, {a, b}};
}

/* Write NAME-symbol.json and NAME-0000.params and load them. */
static inline mxn_model *fixture_model(const char *name, const char *symbol, const mxn_array *arrays, size_t n) {
  mxn_error err = {0};
  mxn_model *model;
  char file[128];
  snprintf(file, sizeof file, "%s-symbol.json", name);
  fixture_write(file, symbol, 0644);
  snprintf(file, sizeof file, "%s-0000.params", name);
  CHECK_OK(mxn_arrays_save(fixture_path(file), arrays, n, &err));
  CHECK_OK(mxn_model_load(fixture_path(name), 0, &model, &err));
  return model;
}

#define VARIABLE(name) "{\"op\": \"null\", \"name\": \"" name "\", \"inputs\": []}"
#define OPERATOR(op, name, attributes, inputs) \
  "{\"op\": \"" op "\", \"name\": \"" name "\", \"attrs\": {" attributes "}, \"inputs\": [" inputs "]}"
#define SYMBOL(nodes, arguments, heads)                                         \
  "{\"nodes\": [" nodes "], \"arg_nodes\": [" arguments "], \"heads\": [" heads \
  "], \"attrs\": {\"mxnet_version\": [\"int\", 10901]}}"

#endif
