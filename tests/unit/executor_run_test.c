/* executor_run_test.c - binding and running models on the reference operators.
 *
 * The model: y = softmax(relu(x W' + b)), with the label that training needs.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api_fixture.h"

#include <math.h>
#include <pthread.h>

static const char symbol[] = SYMBOL(
    VARIABLE("data") "," VARIABLE("fc_weight") "," VARIABLE("fc_bias") "," OPERATOR(
        "FullyConnected", "fc", "\"num_hidden\": \"2\"",
        "[0,0,0],[1,0,0],[2,0,0]") "," OPERATOR("Activation", "relu", "\"act_type\": \"relu\"",
                                                "[3,0,0]") "," VARIABLE("softmax_label") "," OPERATOR("SoftmaxOutput",
                                                                                                      "softmax", "",
                                                                                                      "[4,0,0],[5,0,"
                                                                                                      "0]"),
    "0,1,2,5", "[6,0,0]");

static float weights[] = {1, 2, 3, -1, -2, -3}, bias[] = {0.5f, 0.25f};

static mxn_model *load(void) {
  const mxn_array arrays[] = {{"arg:fc_weight", {fixture_type(2, 2, 3), weights}},
                              {"arg:fc_bias", {fixture_type(1, 2, 0), bias}}};
  return fixture_model("net", symbol, arrays, 2);
}

static const mxn_input data_input = {"data", {MXN_FLOAT32, 2, {2, 3}}};

static void test_describes_the_model(void **state) {
  (void)state;
  mxn_model *model = load();
  mxn_model_statistics s;
  mxn_model_get_statistics(model, &s);
  assert_int_equal(s.n_original, 3);
  assert_int_equal(s.n_operators, 3);
  assert_int_equal(s.n_subgraphs + s.n_compiled, 0);
  assert_int_equal(mxn_model_n_inputs(model), 1);
  assert_string_equal(mxn_model_input_name(model, 0), "data");
  assert_null(mxn_model_input_name(model, 1));
  assert_int_equal(mxn_model_n_outputs(model), 1);
  assert_string_equal(mxn_model_output_name(model, 0), "softmax_output");
  mxn_model_close(model);
}

static void test_runs(void **state) {
  (void)state;
  mxn_error err = {0};
  mxn_model *model = load();
  mxn_executor *executor;
  CHECK_OK(mxn_executor_create(model, &data_input, 1, NULL, &executor, &err));
  float x[] = {1, 0, 0, -1, 1, -1};
  mxn_tensor input = {data_input.type, x}, output;
  for (int turn = 0; turn < 2; turn++) {
    CHECK_OK(mxn_executor_run(executor, &input, 1, &output, 1, &err));
    assert_int_equal(output.type.n_dims, 2);
    const float *y = output.data;
    /* Rows before the softmax: (1.5, 0) and (0, 2.25). */
    assert_float_equal(y[0], 1 / (1 + expf(-1.5f)), 1e-6f);
    assert_float_equal(y[3], 1 / (1 + expf(-2.25f)), 1e-6f);
  }
  mxn_executor_destroy(executor);
  mxn_model_close(model);
}

static void test_inner_outputs(void **state) {
  (void)state;
  mxn_error err = {0};
  mxn_model *model = load();
  mxn_executor *executor;
  const char *names[] = {"fc_output", "data"};
  const mxn_executor_options options = {.struct_bytes = sizeof options, .outputs = names, .n_outputs = 2};
  CHECK_OK(mxn_executor_create(model, &data_input, 1, &options, &executor, &err));
  float x[] = {1, 0, 0, -1, 1, -1};
  mxn_tensor input = {data_input.type, x}, outputs[2];
  CHECK_OK(mxn_executor_run(executor, &input, 1, outputs, 2, &err));
  assert_int_equal(mxn_executor_n_outputs(executor), 2);
  assert_string_equal(mxn_executor_output_name(executor, 0), "fc_output");
  assert_null(mxn_executor_output_name(executor, 2));
  const float *y = outputs[0].data;
  assert_float_equal(y[0], 1.5f, 0);
  assert_float_equal(y[1], -0.75f, 0);
  /* An input that is an output is a copy: it outlives the caller's array. */
  assert_ptr_not_equal(outputs[1].data, x);
  assert_memory_equal(outputs[1].data, x, sizeof x);
  mxn_executor_destroy(executor);

  const char *wrong[] = {"fc_outptu"};
  const mxn_executor_options wrong_options = {.struct_bytes = sizeof wrong_options, .outputs = wrong, .n_outputs = 1};
  assert_int_equal(mxn_executor_create(model, &data_input, 1, &wrong_options, &executor, &err), MXN_ARGUMENT);
  ASSERT_MESSAGE(err, "there is no output 'fc_outptu'; near names: 'fc_output'");
  mxn_model_close(model);
}

static void refuses(const mxn_model *model, const mxn_input *inputs, size_t n, mxn_status status, const char *message) {
  mxn_error err = {0};
  mxn_executor *executor;
  assert_int_equal(mxn_executor_create(model, inputs, n, NULL, &executor, &err), status);
  assert_null(executor);
  ASSERT_MESSAGE(err, message);
}

static void test_refuses_to_bind(void **state) {
  (void)state;
  mxn_model *model = load();
  const mxn_input unknown = {"dta", data_input.type}, many = {"data", {MXN_FLOAT32, INT32_MAX, {2, 3}}};
  const mxn_input unshaped = {"data", {MXN_FLOAT32, 2, {-1, 3}}}, narrow = {"data", {MXN_FLOAT32, 2, {2, 4}}};
  const mxn_input twice[] = {data_input, data_input};
  const mxn_input labelled[] = {data_input, {"softmax_label", {MXN_FLOAT32, 1, {7}}}};
  refuses(model, NULL, 0, MXN_ARGUMENT, "neither an input nor an array in the parameters is given for 'data'");
  refuses(model, &unknown, 1, MXN_ARGUMENT, "there is no input 'dta'; near names: 'data'");
  refuses(model, &unshaped, 1, MXN_ARGUMENT, "expected a type and a shape, got float32 (?, 3)");
  refuses(model, &narrow, 1, MXN_SHAPE, "'fc'");
  refuses(model, &many, 1, MXN_ARGUMENT, "expected a type and a shape, got float32 (2147483647 dimensions)");
  refuses(model, twice, 2, MXN_ARGUMENT, "given twice");
  /* A label may be given, and is not looked at. */
  mxn_error err = {0};
  mxn_executor *executor;
  CHECK_OK(mxn_executor_create(model, labelled, 2, NULL, &executor, &err));
  mxn_executor_destroy(executor);
  mxn_model_close(model);
}

static void refuses_options(const mxn_model *model, const mxn_executor_options *options, mxn_status status,
                            const char *message) {
  mxn_error err = {0};
  mxn_executor *executor;
  assert_int_equal(mxn_executor_create(model, &data_input, 1, options, &executor, &err), status);
  assert_null(executor);
  ASSERT_MESSAGE(err, message);
}

static void *no_memory(void *context, size_t bytes) {
  (void)context;
  (void)bytes;
  return NULL;
}

/* Options without their size would be passed over in silence. */
static void test_refuses_options(void **state) {
  (void)state;
  mxn_error err = {0};
  mxn_model *model = load();
  mxn_executor *executor;
  struct {
    mxn_executor_options known;
    int64_t newer;
  } options = {.known = {.n_cores = 1}};
  refuses_options(model, &options.known, MXN_ARGUMENT, "mxn_executor_options.struct_bytes: expected sizeof");
  options.known.struct_bytes = sizeof options.known;
  options.known.allocate = no_memory;
  refuses_options(model, &options.known, MXN_ARGUMENT, "mxn_executor_options.release: expected a function");
  options.known.allocate = NULL;
  options.known.struct_bytes = sizeof options;
  CHECK_OK(mxn_executor_create(model, &data_input, 1, &options.known, &executor, &err));
  mxn_executor_destroy(executor);
  options.newer = 1;
  refuses_options(model, &options.known, MXN_UNSUPPORTED, "mxn_executor_options: byte ");
  mxn_model_close(model);
}

/* What an output holds would be overwritten while it is read. */
static void test_refuses_its_own_memory(void **state) {
  (void)state;
  mxn_error err = {0};
  mxn_model *model = load();
  mxn_executor *executor;
  const char *names[] = {"softmax_output", "data"};
  const mxn_executor_options options = {.struct_bytes = sizeof options, .outputs = names, .n_outputs = 2};
  CHECK_OK(mxn_executor_create(model, &data_input, 1, &options, &executor, &err));
  float x[] = {1, 0, 0, -1, 1, -1};
  mxn_tensor input = {data_input.type, x}, outputs[2];
  CHECK_OK(mxn_executor_run(executor, &input, 1, outputs, 2, &err));
  for (int i = 0; i < 2; i++) {
    const char *message =
        i ? "input 'data': expected a copy of output 'data'" : "expected a copy of output 'softmax_output'";
    input.data = outputs[i].data;
    assert_int_equal(mxn_executor_run(executor, &input, 1, outputs, 2, &err), MXN_ARGUMENT);
    ASSERT_MESSAGE(err, message);
  }
  input.data = x;
  CHECK_OK(mxn_executor_run(executor, &input, 1, outputs, 2, &err));
  mxn_executor_destroy(executor);
  mxn_model_close(model);
}

static void test_refuses_to_run(void **state) {
  (void)state;
  mxn_error err = {0};
  mxn_model *model = load();
  mxn_executor *executor;
  CHECK_OK(mxn_executor_create(model, &data_input, 1, NULL, &executor, &err));
  float x[6] = {0};
  mxn_tensor input = {fixture_type(2, 3, 2), x}, output = {.data = x}, many = {{MXN_FLOAT32, INT32_MAX, {2, 3}}, x};
  assert_int_equal(mxn_executor_run(executor, &input, 1, &output, 1, &err), MXN_SHAPE);
  ASSERT_MESSAGE(err, "input 'data': bound to float32 (2, 3), got float32 (3, 2)");
  assert_int_equal(mxn_executor_run(executor, &many, 1, &output, 1, &err), MXN_SHAPE);
  ASSERT_MESSAGE(err, "got float32 (2147483647 dimensions)");
  assert_int_equal(mxn_executor_run(executor, &input, 0, &output, 1, &err), MXN_ARGUMENT);
  assert_int_equal(mxn_executor_run(executor, &input, 1, &output, 0, &err), MXN_ARGUMENT);
  assert_ptr_equal(output.data, x);
  mxn_executor_destroy(executor);
  mxn_model_close(model);
}

static void test_lists_unknown_operators(void **state) {
  (void)state;
  static const char text[] = SYMBOL(
      VARIABLE("data") "," OPERATOR("Foo", "one", "", "[0,0,0]") "," OPERATOR("relu", "r", "", "[1,0,0]") "," OPERATOR(
          "Bar", "two", "", "[2,0,0]") "," OPERATOR("Baz", "aside", "", "[0,0,0]"),
      "0", "[3,0,0],[4,0,0]");
  mxn_model *model = fixture_model("unknown", text, NULL, 0);
  refuses(model, &data_input, 1, MXN_UNSUPPORTED,
          "3 operators that nobody knows cannot run: 'one' (Foo), 'two' (Bar), 'aside' (Baz)");
  mxn_model_close(model);
}

/* An unknown operator that only one branch would run is reported before any runs. */
static void test_unknown_operators_inside_control_flow(void **state) {
  (void)state;
  static const char inside[] =
      "{\"nodes\": [{\"op\": \"null\", \"name\": \"v\", \"inputs\": []}, {\"op\": \"Custom\", \"name\": \"mine\", "
      "\"attrs\": {\"op_type\": \"x\"}, \"inputs\": [[0,0,0]]}], \"heads\": [[1,0,0]]}";
  char text[2048];
  snprintf(text, sizeof text,
           "{\"nodes\": [{\"op\": \"null\", \"name\": \"data\", \"inputs\": []}, {\"op\": \"_cond\", \"name\": \"if\", "
           "\"attrs\": {\"num_args\": \"4\", \"num_outputs\": \"1\", \"cond_input_locs\": \"[0]\", "
           "\"then_input_locs\": \"[0]\", \"else_input_locs\": \"[0]\"}, \"inputs\": [[0,0,0]], \"subgraphs\": "
           "[{\"nodes\": [{\"op\": \"null\", \"name\": \"c\", \"inputs\": []}], \"heads\": [[0,0,0]]}, %s, %s]}], "
           "\"heads\": [[1,0,0]]}",
           inside, inside);
  mxn_model *model = fixture_model("inside", text, NULL, 0);
  refuses(model, &data_input, 1, MXN_UNSUPPORTED,
          "2 operators that nobody knows cannot run: 'mine' (Custom), 'mine' (Custom)");
  mxn_model_close(model);
}

/* What float32 would round away is there: 1 + 1e-9 through a layer of weights. */
static void test_runs_in_float64(void **state) {
  (void)state;
  mxn_error err = {0};
  const char *const names[] = {"fc_output"};
  const mxn_input wide = {"data", {MXN_FLOAT64, 2, {1, 3}}};
  const mxn_executor_options options = {
      .struct_bytes = sizeof options, .outputs = names, .n_outputs = 1, .in_float64 = true};
  mxn_model *model = load();
  mxn_executor *executor;
  CHECK_OK(mxn_executor_create(model, &wide, 1, &options, &executor, &err));
  double x[] = {1 + 1e-9, 0, 0};
  mxn_tensor input = {wide.type, x}, output;
  CHECK_OK(mxn_executor_run(executor, &input, 1, &output, 1, &err));
  assert_int_equal(output.type.dtype, MXN_FLOAT64);
  const double *y = output.data;
  assert_true(y[0] == x[0] + 0.5 && y[1] == -x[0] + 0.25);
  mxn_executor_destroy(executor);
  assert_int_equal(mxn_executor_create(model, &data_input, 1, &options, &executor, &err), MXN_SHAPE);
  ASSERT_MESSAGE(err, "weight is float64, expected float32");
  mxn_model_close(model);
}

/* Parameters that nothing needs are not converted, and disturb nobody. */
static void test_runs_a_part_in_float64(void **state) {
  (void)state;
  static const char text[] = SYMBOL(
      VARIABLE("data") "," VARIABLE("a_weight") "," OPERATOR(
          "FullyConnected", "a", "\"num_hidden\": \"2\", \"no_bias\": \"True\"",
          "[0,0,0],[1,0,0]") "," VARIABLE("b_weight") "," OPERATOR("FullyConnected", "b",
                                                                   "\"num_hidden\": \"3\", \"no_bias\": \"True\"",
                                                                   "[2,0,0],[3,0,0]"),
      "0,1,3", "[2,0,0],[4,0,0]");
  const mxn_array arrays[] = {{"arg:a_weight", {fixture_type(2, 2, 3), weights}},
                              {"arg:b_weight", {fixture_type(2, 3, 2), weights}}};
  mxn_error err = {0};
  const char *const names[] = {"a_output"};
  const mxn_input wide = {"data", {MXN_FLOAT64, 2, {1, 3}}};
  const mxn_executor_options options = {
      .struct_bytes = sizeof options, .outputs = names, .n_outputs = 1, .in_float64 = true};
  mxn_model *model = fixture_model("part", text, arrays, 2);
  mxn_executor *executor;
  CHECK_OK(mxn_executor_create(model, &wide, 1, &options, &executor, &err));
  double x[] = {1 + 1e-9, 0, 0};
  mxn_tensor input = {wide.type, x}, output;
  CHECK_OK(mxn_executor_run(executor, &input, 1, &output, 1, &err));
  assert_true(((const double *)output.data)[0] == x[0]);
  mxn_executor_destroy(executor);
  mxn_model_close(model);
}

/* A model is shared: every thread infers, prints, binds and runs it at once. */

enum { N_THREADS = 4, N_ROUNDS = 20 };

static void *use_model(void *model) {
  const char *failure = NULL;
  for (int round = 0; round < N_ROUNDS && !failure; round++) {
    float x[] = {1, 0, 0, -1, 1, -1};
    mxn_tensor input = {data_input.type, x}, output = {0};
    mxn_type type;
    mxn_executor *executor;
    size_t bytes;
    if (mxn_model_infer(model, &data_input, 1, NULL, &type, NULL) != MXN_OK || type.dims[0] != 2) failure = "infer";
    if (mxn_model_print_symbol(model, NULL, 0, &bytes, NULL) != MXN_OK) failure = "print";
    if (mxn_executor_create(model, &data_input, 1, NULL, &executor, NULL) != MXN_OK) return "create";
    if (mxn_executor_run(executor, &input, 1, &output, 1, NULL) != MXN_OK ||
        fabsf(((float *)output.data)[0] - 1 / (1 + expf(-1.5f))) > 1e-6f)
      failure = "run";
    mxn_executor_destroy(executor);
  }
  return (void *)failure;
}

static void test_threads_share_a_model(void **state) {
  (void)state;
  mxn_model *model = load();
  pthread_t threads[N_THREADS];
  for (int i = 0; i < N_THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, use_model, model), 0);
  for (int i = 0; i < N_THREADS; i++) {
    void *failure;
    assert_int_equal(pthread_join(threads[i], &failure), 0);
    if (failure) fail_msg("%s", (const char *)failure);
  }
  mxn_model_close(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_describes_the_model),     cmocka_unit_test(test_runs),
      cmocka_unit_test(test_runs_in_float64),         cmocka_unit_test(test_runs_a_part_in_float64),
      cmocka_unit_test(test_inner_outputs),           cmocka_unit_test(test_refuses_to_bind),
      cmocka_unit_test(test_refuses_to_run),          cmocka_unit_test(test_threads_share_a_model),
      cmocka_unit_test(test_refuses_options),         cmocka_unit_test(test_refuses_its_own_memory),
      cmocka_unit_test(test_lists_unknown_operators), cmocka_unit_test(test_unknown_operators_inside_control_flow),
  };
  return cmocka_run_group_tests(tests, fixture_start, fixture_stop);
}
