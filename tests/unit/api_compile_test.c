/* api_compile_test.c - mxn_compile() with compilers that are shell scripts: what it
 * makes of a good neuronbin, and what of every way in which a compiler can fail.
 *
 * The model: y = (x + w)^2 for samples of 1000 numbers. The sample neuronbin, which
 * the scripts give for it, has a w of its own for each of a batch of 4.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api_fixture.h"

#include <signal.h>
#include <time.h>

#include "neuronbin_sample.h"

/* neuron-cc's arguments, as far as the scripts look at them. */
#define SCRIPT                                                                                   \
  "#!/bin/sh\n"                                                                                  \
  "while [ $# -gt 0 ]; do\n"                                                                     \
  "  case $1 in\n"                                                                               \
  "    --output) output=$2 ;; --graph) graph=$2 ;; --dump-path) dump=$2 ;; --dump) pass=$2 ;;\n" \
  "  esac\n"                                                                                     \
  "  shift\n"                                                                                    \
  "done\n"

static const char symbol[] =
    SYMBOL(VARIABLE("data") "," VARIABLE("w") "," OPERATOR("broadcast_add", "plus", "", "[0,0,0],[1,0,0]") "," OPERATOR(
               "square", "square", "", "[2,0,0]"),
           "0,1", "[3,0,0]");
/* The same with an operator that no compiler has between the two. */
static const char cut_symbol[] =
    SYMBOL(VARIABLE("data") "," VARIABLE("w") "," OPERATOR("broadcast_add", "plus", "", "[0,0,0],[1,0,0]") "," OPERATOR(
               "sin", "sin", "", "[2,0,0]") "," OPERATOR("square", "square", "", "[3,0,0]"),
           "0,1", "[4,0,0]");

static float w[SAMPLE_COLUMNS], unused[] = {1, 2};
static const mxn_input data_input = {"data", {MXN_FLOAT32, 2, {SAMPLE_ROWS, SAMPLE_COLUMNS}}};

static mxn_model *load(const char *text) {
  for (size_t i = 0; i < SAMPLE_COLUMNS; i++) w[i] = sample_weight(i);
  const mxn_array arrays[] = {{"arg:w", {fixture_type(2, 1, SAMPLE_COLUMNS), w}},
                              {"arg:unused", {fixture_type(1, 2, 0), unused}}};
  return fixture_model("net", text, arrays, 2);
}

/* Compile with the script; the folder for temporary files is empty afterwards. */
static mxn_status compile_with(const char *text, const char *script, mxn_compile_options *o, mxn_model **out,
                               mxn_error *err) {
  mxn_model *model = load(text);
  o->struct_bytes = sizeof *o;
  fixture_write("neuron-cc", script, 0755);
  if (!o->compiler) o->compiler = fixture_path("neuron-cc");
  const mxn_status status = mxn_compile(model, &data_input, 1, o, out, err);
  mxn_model_close(model);
  assert_int_equal(fixture_count(fixture_path("temporary")), 0);
  return status;
}

/* A compiler that copies the sample. */
static const char *good_script(void) {
  static char script[1024];
  mxn_error err = {0};
  CHECK_OK(sample_write(fixture_path("sample"), &err));
  snprintf(script, sizeof script, SCRIPT "cp '%s' \"$output\"\n", fixture_path("sample"));
  return script;
}

/* What succeeds. */

static mxn_model *compile_sample(void) {
  mxn_error err = {0};
  mxn_model *compiled;
  mxn_compile_options o = {0};
  CHECK_OK(compile_with(symbol, good_script(), &o, &compiled, &err));
  return compiled;
}

static void check_compiled(const mxn_model *compiled) {
  mxn_error err = {0};
  mxn_model_statistics s;
  mxn_model_get_statistics(compiled, &s);
  assert_int_equal(s.n_original, 2);
  assert_int_equal(s.n_operators, 1);
  assert_int_equal(s.n_subgraphs, 1);
  assert_int_equal(s.n_compiled, 2);
  assert_string_equal(mxn_model_subgraph_name(compiled, 0), "_neuron_subgraph_op0");
  assert_string_equal(mxn_model_output_name(compiled, 0), "square_output");
  assert_int_equal(mxn_model_n_inputs(compiled), 1);
  assert_string_equal(mxn_model_input_name(compiled, 0), "data");
  assert_int_equal(mxn_model_input_type(compiled, 0)->dtype, MXN_FLOAT32);
  const void *data;
  size_t n_bytes;
  CHECK_OK(mxn_model_neuronbin(compiled, 0, &data, &n_bytes, &err));
  assert_memory_equal(data, MXN_NEURONBIN_MAGIC, 8);
  assert_int_equal((n_bytes + 40) % 64, 0);
}

/* Rows 0 to 3 of w again and again: pieces of the compiled batch. */
static void check_run(const mxn_model *compiled, int64_t rows) {
  enum { MAX_ROWS = 9 };
  static float x[MAX_ROWS * SAMPLE_COLUMNS];
  mxn_error err = {0};
  mxn_executor *executor;
  const size_t n = (size_t)rows * SAMPLE_COLUMNS;
  for (size_t i = 0; i < n; i++) x[i] = (float)(i % 7);
  const mxn_input input = {"data", {MXN_FLOAT32, 2, {rows, SAMPLE_COLUMNS}}};
  CHECK_OK(mxn_executor_create(compiled, &input, 1, NULL, &executor, &err));
  mxn_tensor tensor = {input.type, x}, output;
  for (int turn = 0; turn < 2; turn++) {
    CHECK_OK(mxn_executor_run(executor, &tensor, 1, &output, 1, &err));
    assert_int_equal(output.type.dims[0], rows);
    for (size_t i = 0; i < n; i++) {
      const float sum = x[i] + sample_weight(i % SAMPLE_N);
      assert_float_equal(((const float *)output.data)[i], sum * sum, 0);
    }
  }
  mxn_executor_destroy(executor);
}

static void test_compiles_saves_and_loads(void **state) {
  (void)state;
  mxn_error err = {0};
  mxn_model *compiled = compile_sample(), *loaded;
  check_compiled(compiled);
  check_run(compiled, SAMPLE_ROWS);
  CHECK_OK(mxn_model_save(compiled, fixture_path("out"), 0, &err));
  mxn_model_close(compiled);
  CHECK_OK(mxn_model_load(fixture_path("out"), 0, &loaded, &err));
  check_compiled(loaded);
  for (int64_t rows = 1; rows <= 9; rows++) check_run(loaded, rows);
  assert_int_equal(mxn_compile(loaded, &data_input, 1, NULL, &compiled, &err), MXN_ARGUMENT);
  ASSERT_MESSAGE(err, "compiled already");
  mxn_model_close(loaded);
}

/* Operators that no output needs are dropped, as MXNet drops them: they are no subgraphs,
 * and it does not matter that one does not fit its input. */
static void test_operators_that_nobody_needs(void **state) {
  (void)state;
#define NEEDED                                                                \
  VARIABLE("data")                                                            \
  "," OPERATOR("relu", "left", "", "[0,0,0]") "," VARIABLE("w") "," OPERATOR( \
      "broadcast_add", "plus", "", "[0,0,0],[2,0,0]") "," OPERATOR("square", "square", "", "[3,0,0]") ","
#define NOT_NEEDED                                                                                                   \
  OPERATOR("sin", "sin", "", "[4,0,0]")                                                                              \
  "," OPERATOR("relu", "right", "", "[5,0,0]") "," OPERATOR("Crop", "crop", "\"num_args\":\"1\",\"h_w\":\"(1, 1)\"", \
                                                            "[5,0,0]")
  static const char text[] = SYMBOL(NEEDED NOT_NEEDED, "0,2", "[4,0,0]");
  mxn_error err = {0};
  mxn_model *compiled, *model;
  mxn_executor *executor;
  mxn_compile_options o = {0};
  mxn_model_statistics s;
  CHECK_OK(compile_with(text, good_script(), &o, &compiled, &err));
  mxn_model_get_statistics(compiled, &s);
  assert_int_equal(s.n_operators, 1);
  assert_int_equal(s.n_subgraphs, 1);
  check_run(compiled, SAMPLE_ROWS);
  mxn_model_close(compiled);
  model = load(text);
  CHECK_OK(mxn_executor_create(model, &data_input, 1, NULL, &executor, &err));
  mxn_executor_destroy(executor);
  mxn_model_close(model);
}

/* The neuronbin is first, at byte 64; what only compiled operators used is gone. */
static void test_parameter_file(void **state) {
  (void)state;
  mxn_error err = {0};
  mxn_model *compiled = compile_sample();
  mxn_arrays *arrays;
  CHECK_OK(mxn_model_save(compiled, fixture_path("out"), 0, &err));
  mxn_model_close(compiled);
  CHECK_OK(mxn_arrays_load(fixture_path("out-0000.params"), &arrays, &err));
  assert_int_equal(mxn_arrays_n(arrays), 2);
  assert_string_equal(mxn_arrays_get(arrays, 0).name, "arg:_neuron_subgraph_op0_neuronbin");
  assert_string_equal(mxn_arrays_get(arrays, 1).name, "arg:unused");
  mxn_arrays_close(arrays);
  bytes file = read_bytes(fixture_path("out-0000.params"));
  assert_memory_equal(file.data + 64, MXN_NEURONBIN_MAGIC, 8);
  free(file.data);
}

/* Arrays that nothing reads keep their names too, so the new one has another. */
static void test_array_called_as_a_neuronbin(void **state) {
  (void)state;
  mxn_error err = {0};
  mxn_compile_options o = {.struct_bytes = sizeof o};
  mxn_model *compiled, *loaded;
  const mxn_array arrays[] = {{"arg:w", {fixture_type(2, 1, SAMPLE_COLUMNS), w}},
                              {"arg:_neuron_subgraph_op0_neuronbin", {fixture_type(1, 2, 0), unused}}};
  mxn_model *model = fixture_model("net", symbol, arrays, 2);
  fixture_write("neuron-cc", good_script(), 0755);
  o.compiler = fixture_path("neuron-cc");
  CHECK_OK(mxn_compile(model, &data_input, 1, &o, &compiled, &err));
  mxn_model_close(model);
  assert_string_equal(mxn_model_subgraph_name(compiled, 0), "_neuron_subgraph_op1");
  CHECK_OK(mxn_model_save(compiled, fixture_path("out"), 0, &err));
  mxn_model_close(compiled);
  CHECK_OK(mxn_model_load(fixture_path("out"), 0, &loaded, &err));
  assert_string_equal(mxn_model_get_array(loaded, 0).name, "arg:_neuron_subgraph_op1_neuronbin");
  assert_string_equal(mxn_model_get_array(loaded, 1).name, "arg:_neuron_subgraph_op0_neuronbin");
  check_run(loaded, SAMPLE_ROWS);
  mxn_model_close(loaded);
}

static void test_wrong_shape_for_the_program(void **state) {
  (void)state;
  mxn_error err = {0};
  mxn_model *compiled = compile_sample();
  mxn_executor *executor;
  const mxn_input narrow = {"data", fixture_type(2, 4, 999)};
  assert_int_equal(mxn_executor_create(compiled, &narrow, 1, NULL, &executor, &err), MXN_SHAPE);
  ASSERT_MESSAGE(err,
                 "node '_neuron_subgraph_op0' (_neuron_subgraph_op): compiled for input 'data' of float32 (?, 1000), "
                 "got float32 (4, 999)");
  const mxn_input integers = {"data", {MXN_INT32, 2, {4, 1000}}};
  assert_int_not_equal(mxn_executor_create(compiled, &integers, 1, NULL, &executor, &err), MXN_OK);
  mxn_model_close(compiled);
}

static void test_a_file_for_the_prefix(void **state) {
  (void)state;
  mxn_error err = {0};
  mxn_model *compiled = compile_sample(), *loaded;
  assert_int_equal(mxn_model_save(compiled, fixture_path("out-0000.params"), 0, &err), MXN_ARGUMENT);
  ASSERT_MESSAGE(err, "out-0000.params: expected what the names of both files begin with, '");
  assert_int_equal(mxn_model_load(fixture_path("net-symbol.json"), 0, &loaded, &err), MXN_ARGUMENT);
  ASSERT_MESSAGE(err, "net-symbol.json: expected what the names of both files begin with, '");
  mxn_model_close(compiled);
}

/* A symbol that says of its program what is not true. */
static void test_wrong_symbol_for_the_program(void **state) {
  (void)state;
  mxn_error err = {0};
  mxn_model *compiled = compile_sample();
  CHECK_OK(mxn_model_save(compiled, fixture_path("out"), 0, &err));
  mxn_model_close(compiled);
  bytes file = read_bytes(fixture_path("out-symbol.json"));
  file.data = realloc(file.data, file.size + 1);
  assert_non_null(file.data);
  file.data[file.size] = '\0';
  char *shape = strstr((char *)file.data, "[[0, 1000]]");
  assert_non_null(shape);
  memcpy(shape, "[[0, 1001]]", 11);
  fixture_write("out-symbol.json", (char *)file.data, 0644);
  free(file.data);
  CHECK_OK(mxn_model_load(fixture_path("out"), 0, &compiled, &err));
  const mxn_input wide = {"data", fixture_type(2, 4, 1001)};
  mxn_executor *executor;
  assert_int_equal(mxn_executor_create(compiled, &wide, 1, NULL, &executor, &err), MXN_FORMAT);
  ASSERT_MESSAGE(err, "its program is compiled for 'data' of float32 (4, 1000), the symbol makes it float32 (4, 1001)");
  mxn_model_close(compiled);
}

static void count_progress(void *context, size_t n_done, size_t n_total) {
  size_t *calls = context;
  assert_int_equal(n_done, ++*calls);
  assert_int_equal(n_total, 2);
}

static void test_dump_work_folder_and_progress(void **state) {
  (void)state;
  mxn_error err = {0};
  mxn_model *compiled;
  char script[2048], dump[512], kept[512];
  size_t calls = 0;
  snprintf(dump, sizeof dump, "%s", fixture_path("dump"));
  snprintf(kept, sizeof kept, "%s", fixture_path("kept"));
  snprintf(script, sizeof script, "%s%s", good_script(), "basename \"$graph\" >\"$dump\"; echo $pass >>\"$dump\"\n");
  mxn_compile_options o = {.dump = "fuse",
                           .dump_path = dump,
                           .work_dir = kept,
                           .n_jobs = 2,
                           .progress = count_progress,
                           .progress_context = &calls};
  CHECK_OK(compile_with(cut_symbol, script, &o, &compiled, &err));
  assert_int_equal(calls, 2);
  assert_int_equal(fixture_count(kept), 2 * 4);
  bytes text = read_bytes(dump);
  static const char expected[] = "_neuron_subgraph_op0.graph\nfuse\n_neuron_subgraph_op1.graph\nfuse\n";
  assert_int_equal(text.size, strlen(expected));
  assert_memory_equal(text.data, expected, text.size);
  free(text.data);
  assert_int_equal(mxn_model_n_left_out(compiled), 1);
  assert_string_equal(mxn_model_get_left_out(compiled, 0).node, "sin");
  assert_string_equal(mxn_model_get_left_out(compiled, 0).op, "sin");
  assert_null(mxn_model_get_left_out(compiled, 1).node);
  mxn_model_close(compiled);
}

/* Nothing to compile is no reason to need a compiler. */
static void test_nothing_to_compile(void **state) {
  (void)state;
  mxn_error err = {0};
  mxn_model *compiled;
  const char *names[] = {"plus", "square"};
  mxn_compile_options o = {.excl_node_names = names, .n_excl_node_names = 2, .compiler = "/nowhere/neuron-cc"};
  CHECK_OK(compile_with(symbol, "", &o, &compiled, &err));
  mxn_model_statistics s;
  mxn_model_get_statistics(compiled, &s);
  assert_int_equal(s.n_operators, 2);
  assert_int_equal(s.n_subgraphs, 0);
  mxn_model_close(compiled);
}

static void test_other_outputs(void **state) {
  (void)state;
  mxn_error err = {0};
  mxn_model *compiled;
  const char *names[] = {"plus_output"}, *excluded[] = {"plus"};
  mxn_compile_options o = {.outputs = names, .n_outputs = 1, .excl_node_names = excluded, .n_excl_node_names = 1};
  CHECK_OK(compile_with(symbol, "", &o, &compiled, &err));
  assert_int_equal(mxn_model_n_outputs(compiled), 1);
  assert_string_equal(mxn_model_output_name(compiled, 0), "plus_output");
  mxn_model_statistics s;
  mxn_model_get_statistics(compiled, &s);
  assert_int_equal(s.n_original, 1);
  mxn_model_close(compiled);
}

/* What fails. */

static void refuses(const char *script, mxn_status status, const char *message) {
  mxn_error err = {0};
  mxn_model *compiled = NULL;
  mxn_compile_options o = {0};
  assert_int_equal(compile_with(symbol, script, &o, &compiled, &err), status);
  assert_null(compiled);
  ASSERT_MESSAGE(err, message);
}

static void test_compiler_says_why(void **state) {
  (void)state;
  refuses(SCRIPT "echo noise >&2; echo \"neuron-cc: UNSUPPORTED: node 'plus' (elemwise_add): no kernel\" >&2; exit 1\n",
          MXN_UNSUPPORTED, "node 'plus' (elemwise_add): no kernel");
  refuses(SCRIPT "printf 'neuron-cc: NOMEM: out of memory' >&2; exit 1\n", MXN_NOMEM, "out of memory");
  refuses(SCRIPT "echo 'neuron-cc: INTERNAL: LLVM: cannot select' >&2; exit 1\n", MXN_INTERNAL, "LLVM: cannot select");
}

static void test_compiler_crashes(void **state) {
  (void)state;
  refuses(SCRIPT "echo 'about to fail' >&2; kill -SEGV $$\n", MXN_INTERNAL, "neuron-cc was ended by signal 11");
  refuses(SCRIPT "echo 'about to fail' >&2; kill -SEGV $$\n", MXN_INTERNAL, "it said: about to fail");
  refuses(SCRIPT "kill -KILL $$\n", MXN_INTERNAL, "signal 9 (Killed); it said: nothing");
  refuses(SCRIPT "echo 'usage: neuron-cc' >&2; exit 2\n", MXN_INTERNAL, "ended with exit status 2; it said: usage");
  refuses(SCRIPT "echo 'neuron-cc: OK: odd' >&2; exit 1\n", MXN_INTERNAL, "exit status 1");
}

static void test_compiler_writes_nonsense(void **state) {
  (void)state;
  refuses(SCRIPT "exit 0\n", MXN_INTERNAL, "ended well but wrote no neuronbin");
  refuses(SCRIPT "echo garbage >\"$output\"\n", MXN_INTERNAL, "neuron-cc wrote what is no neuronbin");
  refuses(SCRIPT ": >\"$output\"\n", MXN_INTERNAL, "neuron-cc wrote what is no neuronbin");
  refuses(SCRIPT "head -c 1000000 /dev/zero | tr '\\0' 'x' >&2; printf '\\377\\n\\001' >&2; exit 3\n", MXN_INTERNAL,
          "exit status 3; it said: xxx");
}

static void test_compiler_is_missing(void **state) {
  (void)state;
  mxn_error err = {0};
  mxn_model *compiled;
  mxn_compile_options o = {.compiler = fixture_path("nothing")};
  assert_int_equal(compile_with(symbol, "", &o, &compiled, &err), MXN_IO);
  ASSERT_MESSAGE(err, "No such file or directory");
  fixture_write("text", "", 0644);
  err = (mxn_error){0};
  o.compiler = fixture_path("text");
  assert_int_equal(compile_with(symbol, "", &o, &compiled, &err), MXN_IO);
  ASSERT_MESSAGE(err, "not an executable file");
  err = (mxn_error){0};
  o.compiler = fixture_path("neuron-cc");
  assert_int_equal(compile_with(symbol, "no program\n", &o, &compiled, &err), MXN_IO);
  ASSERT_MESSAGE(err, "cannot start");
}

static bool count_and_cancel(void *context) { return ++*(size_t *)context == 2; }

static void test_cancelled(void **state) {
  (void)state;
  mxn_error err = {0};
  mxn_model *compiled = NULL;
  size_t asked = 0;
  mxn_compile_options o = {.is_cancelled = count_and_cancel, .cancel_context = &asked};
  assert_int_equal(compile_with(symbol, SCRIPT "exec sleep 60\n", &o, &compiled, &err), MXN_CANCELLED);
  assert_null(compiled);
  assert_int_equal(asked, 2);
  ASSERT_MESSAGE(err, "cancelled after 0 of 1 subgraphs");
}

/* The first failure ends the others: nobody waits a minute for the second. */
static void test_failure_ends_the_others(void **state) {
  (void)state;
  mxn_error err = {0};
  mxn_model *compiled;
  mxn_compile_options o = {.n_jobs = 2};
  struct timespec begin, end;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  const mxn_status status =
      compile_with(cut_symbol, SCRIPT "case $graph in *op0*) exit 7;; esac\nexec sleep 60\n", &o, &compiled, &err);
  clock_gettime(CLOCK_MONOTONIC, &end);
  assert_int_equal(status, MXN_INTERNAL);
  ASSERT_MESSAGE(err, "exit status 7");
  assert_true(end.tv_sec - begin.tv_sec < 30);
}

/* Applications may ignore SIGCHLD, and then learn nothing about their children. */
static void test_ignored_sigchld(void **state) {
  (void)state;
  signal(SIGCHLD, SIG_IGN);
  mxn_model *compiled = compile_sample();
  mxn_model_close(compiled);
  refuses(SCRIPT "exit 1\n", MXN_INTERNAL, "wrote no neuronbin");
  signal(SIGCHLD, SIG_DFL);
}

static void test_wrong_inputs(void **state) {
  (void)state;
  mxn_error err = {0};
  mxn_model *model = load(symbol), *compiled;
  const mxn_input wrong = {"dato", data_input.type}, twice[] = {data_input, data_input};
  assert_int_equal(mxn_compile(model, NULL, 0, NULL, &compiled, &err), MXN_ARGUMENT);
  ASSERT_MESSAGE(err, "neither an input nor an array in the parameters is given for 'data'");
  assert_int_equal(mxn_compile(model, &wrong, 1, NULL, &compiled, &err), MXN_ARGUMENT);
  ASSERT_MESSAGE(err, "there is no input 'dato'; near names: 'data'");
  assert_int_equal(mxn_compile(model, twice, 2, NULL, &compiled, &err), MXN_ARGUMENT);
  ASSERT_MESSAGE(err, "given twice");
  const mxn_input narrow = {"data", fixture_type(2, 4, 999)};
  assert_int_equal(mxn_compile(model, &narrow, 1, NULL, &compiled, &err), MXN_SHAPE);
  ASSERT_MESSAGE(err, "'plus'");
  mxn_model_close(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_compiles_saves_and_loads),
      cmocka_unit_test(test_operators_that_nobody_needs),
      cmocka_unit_test(test_parameter_file),
      cmocka_unit_test(test_array_called_as_a_neuronbin),
      cmocka_unit_test(test_wrong_shape_for_the_program),
      cmocka_unit_test(test_wrong_symbol_for_the_program),
      cmocka_unit_test(test_a_file_for_the_prefix),
      cmocka_unit_test(test_dump_work_folder_and_progress),
      cmocka_unit_test(test_nothing_to_compile),
      cmocka_unit_test(test_other_outputs),
      cmocka_unit_test(test_compiler_says_why),
      cmocka_unit_test(test_compiler_crashes),
      cmocka_unit_test(test_compiler_writes_nonsense),
      cmocka_unit_test(test_compiler_is_missing),
      cmocka_unit_test(test_cancelled),
      cmocka_unit_test(test_failure_ends_the_others),
      cmocka_unit_test(test_ignored_sigchld),
      cmocka_unit_test(test_wrong_inputs),
  };
  return cmocka_run_group_tests(tests, fixture_start, fixture_stop);
}
