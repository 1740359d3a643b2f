/* api_nomem_test.c - memory that runs out: the n-th allocation fails, for every n
 * that a whole life of a model has, from load to run. Each time the call says
 * NOMEM, leaves nothing behind (the sanitizer build sees leaks) and works again.
 *
 * The linker sends the project's allocations here (--wrap); jansson's come by its
 * own hook. neuron-cc is a script that copies a file: it has its own memory.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api_fixture.h"

#include <errno.h>
#include <jansson.h>
#include <sys/mman.h>

#include "neuronbin_sample.h"

static size_t n_allocations; /* since the last reset */
static size_t failing;       /* which of them fails; 0: none */

static bool fails(void) {
  const bool fail = __atomic_add_fetch(&n_allocations, 1, __ATOMIC_RELAXED) == failing;
  if (fail) errno = ENOMEM;
  return fail;
}

/* X(result, name, parameters, arguments, value of a failure), by the names that
 * large file offsets give to fopen() and mmap(). */
#define WRAPPED(X)                                                                              \
  X(void *, malloc, (size_t size), (size), NULL)                                                \
  X(void *, calloc, (size_t n, size_t size), (n, size), NULL)                                   \
  X(void *, realloc, (void *old, size_t size), (old, size), NULL)                               \
  X(void *, aligned_alloc, (size_t alignment, size_t size), (alignment, size), NULL)            \
  X(char *, strdup, (const char *text), (text), NULL)                                           \
  X(char *, strndup, (const char *text, size_t size), (text, size), NULL)                       \
  X(FILE *, open_memstream, (char **text, size_t *size), (text, size), NULL)                    \
  X(FILE *, fopen64, (const char *path, const char *mode), (path, mode), NULL)                  \
  X(void *, mmap64, (void *at, size_t size, int protection, int flags, int file, off_t offset), \
    (at, size, protection, flags, file, offset), MAP_FAILED)

#define DEFINE(result, name, parameters, arguments, failure) \
  result __real_##name parameters;                           \
  result __wrap_##name parameters;                           \
  result __wrap_##name parameters { return fails() ? failure : __real_##name arguments; }
WRAPPED(DEFINE)
#undef DEFINE

/* y = (x + w)^2, which is what the sample neuronbin computes. */
static const char symbol[] =
    SYMBOL(VARIABLE("data") "," VARIABLE("w") "," OPERATOR("elemwise_add", "plus", "", "[0,0,0],[1,0,0]") "," OPERATOR(
               "square", "square", "", "[2,0,0]"),
           "0,1", "[3,0,0]");
/* What the sample does not compute, on the reference operators. */
static const char layers[] =
    SYMBOL(VARIABLE("data") "," VARIABLE("fc_weight") "," OPERATOR(
               "FullyConnected", "fc", "\"num_hidden\": \"2\", \"no_bias\": \"True\"",
               "[0,0,0],[1,0,0]") "," OPERATOR("softmax", "softmax", "\"axis\": \"-1\"", "[2,0,0]"),
           "0,1", "[3,0,0]");

static float w[SAMPLE_N], x[SAMPLE_N];
static const mxn_type sample_type = {MXN_FLOAT32, 2, {SAMPLE_ROWS, SAMPLE_COLUMNS}};

/* The model that lives, and what it reads. */
static char prefix[512];
static mxn_input data_input;

/* jansson 2.14 ends in an assertion where its buffer for a string cannot grow, to
 * 32 bytes, 64, 128, ...: these allocations are left alone. */
static void *json_malloc(size_t size) {
  const bool is_buffer = size >= 32 && (size & (size - 1)) == 0;
  return is_buffer ? __real_malloc(size) : __wrap_malloc(size);
}

/* One life of a model; the first failure ends it. */

static mxn_status run(const mxn_model *model, mxn_error *err) {
  const mxn_executor_options o = {.struct_bytes = sizeof o, .n_cores = 2};
  const mxn_tensor input = {data_input.type, x};
  mxn_tensor output;
  mxn_executor *executor;
  mxn_status status = mxn_executor_create(model, &data_input, 1, &o, &executor, err);
  if (status == MXN_OK) status = mxn_executor_run(executor, &input, 1, &output, 1, err);
  mxn_executor_destroy(executor);
  return status;
}

static mxn_status live_compiled(mxn_error *err) {
  mxn_model *model, *compiled = NULL;
  const mxn_compile_options o = {.struct_bytes = sizeof o, .compiler = fixture_path("neuron-cc"), .n_jobs = 1};
  mxn_status status = mxn_model_load(prefix, 0, &model, err);
  if (status == MXN_OK) status = mxn_compile(model, &data_input, 1, &o, &compiled, err);
  if (status == MXN_OK) status = mxn_model_save(compiled, fixture_path("out"), 0, err);
  if (status == MXN_OK) status = run(compiled, err);
  mxn_model_close(compiled);
  mxn_model_close(model);
  return status;
}

static mxn_status live_by_reference(mxn_error *err) {
  mxn_model *model;
  mxn_arrays *arrays = NULL;
  mxn_status status = mxn_arrays_load(fixture_path("layers-0000.params"), &arrays, err);
  mxn_arrays_close(arrays);
  if (status != MXN_OK) return status;
  status = mxn_model_load(prefix, 0, &model, err);
  if (status == MXN_OK) status = run(model, err);
  mxn_model_close(model);
  return status;
}

/* Files of the test's folder that are mapped. */
static size_t count_mapped(void) {
  char line[1024];
  size_t n = 0;
  FILE *maps = fopen("/proc/self/maps", "r");
  assert_non_null(maps);
  while (fgets(line, sizeof line, maps)) n += strstr(line, fixture_folder) != NULL;
  fclose(maps);
  return n;
}

/* Each `stride`-th of them. */
static void fail_each(mxn_status (*live)(mxn_error *err), size_t stride) {
  enum { MAX_ALLOCATIONS = 50000 };
  mxn_error err = {0};
  CHECK_OK(live(&err)); /* what the process keeps is there */
  const size_t n_files = fixture_count("/proc/self/fd");
  for (size_t n = 1; n < MAX_ALLOCATIONS; n += stride) {
    n_allocations = 0;
    failing = n;
    const mxn_status status = live(&err);
    const bool was_reached = n_allocations >= failing;
    failing = 0;
    /* What is only nice to have, such as the number of cores, may be missing. */
    if (status != MXN_OK && status != MXN_NOMEM) fail_msg("allocation %zu: status %d, %s", n, status, err.message);
    if (status == MXN_NOMEM && !err.message[0]) fail_msg("allocation %zu: no message", n);
    assert_int_equal(fixture_count(fixture_path("temporary")), 0);
    assert_int_equal(fixture_count("/proc/self/fd"), n_files);
    assert_int_equal(count_mapped(), 0);
    if (was_reached) continue;
    assert_int_equal(status, MXN_OK);
    print_message("%zu allocations\n", n_allocations);
    return;
  }
  fail_msg("more than %d allocations", MAX_ALLOCATIONS);
}

static void live_with(const char *model, mxn_type input) {
  snprintf(prefix, sizeof prefix, "%s", model);
  data_input = (mxn_input){"data", input};
}

/* A compiler that copies a program. */
static void write_compiler(const char *program) {
  char script[1024];
  snprintf(script, sizeof script, "#!/bin/sh\nwhile [ \"$1\" != --output ]; do shift; done\ncp '%s' \"$2\"\n", program);
  fixture_write("neuron-cc", script, 0755);
}

static void test_compiled(void **state) {
  (void)state;
  mxn_error err = {0};
  const mxn_array arrays[] = {{"arg:w", {sample_type, w}}};
  mxn_model_close(fixture_model("net", symbol, arrays, 1));
  CHECK_OK(sample_write(fixture_path("sample"), &err));
  write_compiler(fixture_path("sample"));
  live_with(fixture_path("net"), sample_type);
  fail_each(live_compiled, 1);
}

/* The real compiler makes the demo's program, once. */
static void compile_demo(void) {
  mxn_error err = {0};
  mxn_model *model, *compiled;
  const mxn_compile_options o = {.struct_bytes = sizeof o, .work_dir = fixture_path("kept")};
  CHECK_OK(mxn_model_load(prefix, 0, &model, &err));
  CHECK_OK(mxn_compile(model, &data_input, 1, &o, &compiled, &err));
  mxn_model_close(compiled);
  mxn_model_close(model);
}

static void test_demo(void **state) {
  (void)state;
  live_with("examples/demo/digits", (mxn_type){MXN_FLOAT32, 4, {1, 1, 8, 8}});
  compile_demo();
  write_compiler(fixture_path("kept/_neuron_subgraph_op0.neuronbin"));
  fail_each(live_compiled, 5);
}

static void test_by_reference(void **state) {
  (void)state;
  const mxn_array arrays[] = {{"arg:fc_weight", {fixture_type(2, 2, SAMPLE_COLUMNS), w}}};
  mxn_model_close(fixture_model("layers", layers, arrays, 1));
  live_with(fixture_path("layers"), sample_type);
  fail_each(live_by_reference, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_compiled),
      cmocka_unit_test(test_demo),
      cmocka_unit_test(test_by_reference),
  };
  json_set_alloc_funcs(json_malloc, free);
  return cmocka_run_group_tests(tests, fixture_start, fixture_stop);
}
