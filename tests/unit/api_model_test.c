/* api_model_test.c - models from memory, and back to text, arrays and types.
 *
 * The model: y = softmax(BatchNorm(x W')), its arguments in an order of their own.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api_fixture.h"

#include "mxneuron/operators.h"

#define SYMBOL_NODES \
  VARIABLE("unread") \
  "," VARIABLE("moving_mean") "," VARIABLE("data") "," VARIABLE("weight") "," OPERATOR(                       \
      "FullyConnected", "fc", "\"num_hidden\": \"2\", \"no_bias\": \"True\"", "[2,0,0],[3,0,0]") ","          \
  VARIABLE("gamma") "," VARIABLE("beta") "," VARIABLE("moving_var") "," OPERATOR(                             \
      "BatchNorm", "bn", "", "[4,0,0],[5,0,0],[6,0,0],[1,0,0],[7,0,0]") "," VARIABLE("label") "," OPERATOR(   \
      "SoftmaxOutput", "softmax", "", "[8,0,0],[9,0,0]")
static const char symbol[] = SYMBOL(SYMBOL_NODES, "0,1,2,3,5,6,7,9", "[10,0,0]");

static float weight[] = {1, 2, 3, -1, -2, -3};
static const mxn_array weight_array = {"arg:weight", {{MXN_FLOAT32, 2, {2, 3}}, weight}};

static mxn_model *create(const mxn_array *arrays, size_t n) {
  mxn_error err = {0};
  mxn_model *model;
  CHECK_OK(mxn_model_create("net", symbol, strlen(symbol), arrays, n, &model, &err));
  return model;
}

static void test_lists_variables_as_mxnet_does(void **state) {
  (void)state;
  static const mxn_variable expected[] = {{"data", false}, {"weight", false},     {"gamma", false},
                                          {"beta", false}, {"moving_mean", true}, {"moving_var", true},
                                          {"label", false}};
  mxn_model *model = create(NULL, 0);
  assert_int_equal(mxn_model_n_variables(model), sizeof expected / sizeof *expected);
  for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
    assert_string_equal(mxn_model_get_variable(model, i).name, expected[i].name);
    assert_int_equal(mxn_model_get_variable(model, i).is_auxiliary, expected[i].is_auxiliary);
  }
  assert_null(mxn_model_get_variable(model, 7).name);
  mxn_model_close(model);
}

/* y = x + x, where each x is a node: the symbol wants one array. */
static mxn_status load_inputs_of_one_name(const char *first, const char *second, mxn_model **out_model,
                                          mxn_error *err) {
  char text[1024];
  snprintf(text, sizeof text,
           "{\"nodes\": [{\"op\": \"null\", \"name\": \"x\", \"inputs\": [], \"attrs\": {%s}},"
           "{\"op\": \"null\", \"name\": \"x\", \"inputs\": [], \"attrs\": {%s}}," OPERATOR(
               "elemwise_add", "y", "", "[0,0,0],[1,0,0]") "], \"arg_nodes\": [0, 1], \"heads\": [[2, 0, 0]]}",
           first, second);
  return mxn_model_create("net", text, strlen(text), NULL, 0, out_model, err);
}

static void test_inputs_of_one_name_are_one(void **state) {
  (void)state;
  mxn_error err = {0};
  mxn_model *model;
  CHECK_OK(load_inputs_of_one_name("\"__shape__\": \"(0, 3)\"", "\"__shape__\": \"(2, 0)\", \"__dtype__\": \"0\"",
                                   &model, &err));
  assert_int_equal(mxn_model_n_variables(model), 1);
  assert_int_equal(mxn_model_n_inputs(model), 1);
  const mxn_type *type = mxn_model_input_type(model, 0);
  assert_int_equal(type->dtype, MXN_FLOAT32);
  assert_int_equal(type->n_dims, 2);
  assert_int_equal(type->dims[0], 2);
  assert_int_equal(type->dims[1], 3);
  mxn_model_close(model);
  assert_int_equal(load_inputs_of_one_name("\"__shape__\": \"(2, 3)\"", "\"__shape__\": \"(2, 4)\"", &model, &err),
                   MXN_SHAPE);
  assert_null(model);
  ASSERT_MESSAGE(err, "net: variables 0 and 1 are both 'x', but unknown (2, 3) and unknown (2, 4)");
}

static void test_prints_what_fits(void **state) {
  (void)state;
  mxn_error err = {0};
  mxn_model *model = create(NULL, 0), *again;
  size_t bytes, same;
  char head[4], text[8192];
  CHECK_OK(mxn_model_print_symbol(model, NULL, 0, &bytes, &err));
  assert_true(bytes > 100 && bytes < sizeof text);
  CHECK_OK(mxn_model_print_symbol(model, head, sizeof head, &same, &err));
  assert_int_equal(same, bytes);
  assert_string_equal(head, "{\n ");
  CHECK_OK(mxn_model_print_symbol(model, text, sizeof text, &same, &err));
  assert_int_equal(strlen(text), bytes);
  CHECK_OK(mxn_model_create("again", text, bytes, NULL, 0, &again, &err));
  assert_int_equal(mxn_model_n_variables(again), mxn_model_n_variables(model));
  mxn_model_close(again);
  mxn_model_close(model);
}

static void test_gives_arrays_back(void **state) {
  (void)state;
  const mxn_array arrays[] = {
      weight_array, {"aux:none", {{MXN_DTYPE_UNKNOWN, -1, {0}}, NULL}}, {"plain", weight_array.tensor}};
  mxn_model *model = create(arrays, 3);
  assert_int_equal(mxn_model_n_arrays(model), 3);
  for (size_t i = 0; i < 3; i++) assert_string_equal(mxn_model_get_array(model, i).name, arrays[i].name);
  assert_ptr_equal(mxn_model_get_array(model, 0).tensor.data, weight);
  assert_null(mxn_model_get_array(model, 3).name);
  mxn_model_close(model);
}

static void refuses(const mxn_array *arrays, size_t n, mxn_status status, const char *message) {
  mxn_error err = {0};
  mxn_model *model;
  assert_int_equal(mxn_model_create("net", symbol, strlen(symbol), arrays, n, &model, &err), status);
  assert_null(model);
  ASSERT_MESSAGE(err, message);
}

static void test_refuses_arrays(void **state) {
  (void)state;
  const mxn_array twice[] = {weight_array, weight_array};
  const mxn_array bad[] = {{"arg:weight", {{MXN_FLOAT32, 17, {2, 3}}, weight}},
                           {"arg:weight", {{MXN_FLOAT32, 2, {INT64_MAX, 3}}, weight}},
                           {"arg:weight", {{MXN_FLOAT32, -2, {0}}, NULL}},
                           {"arg:weight", {{(mxn_dtype)9, 2, {2, 3}}, weight}},
                           {"arg:weight", {{MXN_FLOAT32, 2, {2, 3}}, NULL}}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    refuses(&bad[i], 1, MXN_ARGUMENT, "net: array 'arg:weight': expected a type, a shape and data");
  refuses(twice, 2, MXN_FORMAT, "two arrays are called 'arg:weight'");
  refuses(&(mxn_array){NULL, weight_array.tensor}, 1, MXN_ARGUMENT, "an array has no name");
  mxn_error err = {0};
  mxn_model *model;
  assert_int_equal(mxn_model_create("net", symbol, 20, NULL, 0, &model, &err), MXN_FORMAT);
  assert_int_equal(mxn_model_create("net", NULL, 0, NULL, 0, &model, &err), MXN_ARGUMENT);
  assert_null(model);
  ASSERT_MESSAGE(err, "net: expected the text of a symbol, got NULL");
}

/* Nothing is written of arrays that cannot be, and no byte beyond them is read. */
static void test_refuses_to_save_arrays(void **state) {
  (void)state;
  static const struct {
    mxn_tensor tensor;
    const char *message;
  } cases[] = {
      {{{MXN_FLOAT32, 17, {2, 3}}, weight}, "array 'w': cannot write type float32(17 dimensions)"},
      {{{MXN_FLOAT32, INT32_MAX, {2, 3}}, weight}, "array 'w': cannot write type float32(2147483647 dimensions)"},
      {{{MXN_FLOAT32, 2, {2, 3}}, NULL}, "array 'w': cannot write type float32(2, 3) without data"},
      {{{MXN_FLOAT32, 2, {INT64_MAX, 3}}, weight}, "array 'w': cannot write type float32(9223372036854775807, 3)"},
      {{{MXN_FLOAT32, -2, {0}}, NULL}, "array 'w': cannot write type float32? without data"},
      {{{(mxn_dtype)9, 1, {1}}, weight}, "array 'w': cannot write type unknown(1)"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    mxn_error err = {0};
    const mxn_array array = {"w", cases[i].tensor};
    assert_int_equal(mxn_arrays_save(fixture_path("bad.params"), &array, 1, &err), MXN_ARGUMENT);
    ASSERT_MESSAGE(err, cases[i].message);
    assert_int_equal(access(fixture_path("bad.params"), F_OK), -1);
  }
}

static void test_infers(void **state) {
  (void)state;
  mxn_error err = {0};
  mxn_type variables[7], output;
  mxn_model *model = create(&weight_array, 1);
  const mxn_input known = {"data", {MXN_DTYPE_UNKNOWN, 2, {5, 3}}};
  CHECK_OK(mxn_model_infer(model, &known, 1, variables, &output, &err));
  assert_int_equal(variables[0].dtype, MXN_FLOAT32);
  assert_int_equal(variables[4].dims[0], 2);
  assert_true(output.n_dims == 2 && output.dims[0] == 5 && output.dims[1] == 2);
  CHECK_OK(mxn_model_infer(model, NULL, 0, NULL, &output, &err));
  assert_true(output.dims[0] == -1 || output.n_dims == -1);
  mxn_model_close(model);
}

static void test_inputs_go_before_what_the_symbol_says(void **state) {
  (void)state;
  static const char text[] = SYMBOL(
      "{\"op\": \"null\", \"name\": \"data\", \"attrs\": {\"__shape__\": \"(16, 3)\", \"__dtype__\": \"0\"}, "
      "\"inputs\": []}," OPERATOR("Flatten", "flat", "", "[0,0,0]"),
      "0", "[1,0,0]");
  mxn_error err = {0};
  mxn_model *model;
  mxn_type output;
  CHECK_OK(mxn_model_create("net", text, strlen(text), NULL, 0, &model, &err));
  CHECK_OK(mxn_model_infer(model, NULL, 0, NULL, &output, &err));
  assert_true(output.dims[0] == 16 && output.dims[1] == 3);
  const mxn_input given[] = {{"data", {MXN_DTYPE_UNKNOWN, 3, {2, 4, 5}}}, {"data", {MXN_FLOAT64, -1, {0}}}};
  CHECK_OK(mxn_model_infer(model, &given[0], 1, NULL, &output, &err));
  assert_true(output.dtype == MXN_FLOAT32 && output.dims[0] == 2 && output.dims[1] == 20);
  CHECK_OK(mxn_model_infer(model, &given[1], 1, NULL, &output, &err));
  assert_true(output.dtype == MXN_FLOAT64 && output.dims[0] == 16 && output.dims[1] == 3);
  mxn_model_close(model);
}

static void test_refuses_to_infer(void **state) {
  (void)state;
  static const struct {
    mxn_input input;
    mxn_status status;
    const char *message;
  } cases[] = {
      {{"dta", {MXN_FLOAT32, 2, {5, 3}}}, MXN_ARGUMENT, "there is no variable 'dta'; near names: 'data'"},
      {{"data", {MXN_FLOAT32, 2, {5, 4}}}, MXN_SHAPE, "'fc'"},
      {{"weight", {MXN_FLOAT32, 2, {2, 4}}}, MXN_SHAPE, "variable 'weight': expected shape (2, 3), got (2, 4)"},
      {{"weight", {MXN_INT32, 2, {2, 3}}}, MXN_SHAPE, "expected dtype float32, got int32"},
      {{"data", {MXN_FLOAT32, 17, {5, 4}}}, MXN_ARGUMENT, "or -1, got float32 (17 dimensions)"},
      {{"data", {MXN_FLOAT32, INT32_MAX, {5, 4}}}, MXN_ARGUMENT, "got float32 (2147483647 dimensions)"},
      {{"data", {MXN_FLOAT32, -2, {5, 4}}}, MXN_ARGUMENT, "or -1, got float32 ?"},
      {{"data", {MXN_FLOAT32, 2, {5, -4}}}, MXN_ARGUMENT, "or -1, got float32 (5, ?)"},
      {{"data", {(mxn_dtype)9, 2, {5, 3}}}, MXN_ARGUMENT, "or -1, got unknown (5, 3)"},
  };
  mxn_model *model = create(&weight_array, 1);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    mxn_error err = {0};
    assert_int_equal(mxn_model_infer(model, &cases[i].input, 1, NULL, NULL, &err), cases[i].status);
    ASSERT_MESSAGE(err, cases[i].message);
  }
  mxn_model_close(model);
}

static void refuses_files(const char *symbol_path, const char *params_path, mxn_status status, const char *message) {
  mxn_error err = {0};
  mxn_model *model;
  assert_int_equal(mxn_model_load_files(symbol_path, params_path, &model, &err), status);
  assert_null(model);
  ASSERT_MESSAGE(err, message);
}

static void test_loads_files(void **state) {
  (void)state;
  mxn_error err = {0};
  mxn_model *model;
  const char *symbol_path = fixture_path("any.json"), *params_path = fixture_path("any.nd");
  fixture_write("any.json", symbol, 0644);
  CHECK_OK(mxn_arrays_save(params_path, &weight_array, 1, &err));
  CHECK_OK(mxn_model_load_files(symbol_path, params_path, &model, &err));
  assert_int_equal(mxn_model_n_arrays(model), 1);
  mxn_model_close(model);
  CHECK_OK(mxn_model_load_files(symbol_path, NULL, &model, &err));
  assert_int_equal(mxn_model_n_arrays(model), 0);
  assert_int_equal(mxn_model_n_variables(model), 7);
  mxn_model_close(model);
  refuses_files(fixture_path("no.json"), NULL, MXN_IO, "no.json: cannot open");
  refuses_files(symbol_path, fixture_path("no.nd"), MXN_IO, "no.nd: cannot open");
  refuses_files(params_path, NULL, MXN_FORMAT, "any.nd: line 1");
  refuses_files(symbol_path, symbol_path, MXN_FORMAT, "any.json: not an MXNet array file");
}

/* A program as a model comes from neuron-cc alone; what is none is refused here. */
static void test_refuses_programs(void **state) {
  (void)state;
  mxn_error err = {0};
  mxn_model *model;
  fixture_write("short.neuronbin", "MXNEURON", 0644);
  assert_int_equal(mxn_model_load_program(fixture_path("short.neuronbin"), &model, &err), MXN_FORMAT);
  assert_null(model);
  ASSERT_MESSAGE(err, "short.neuronbin: header: expected 1024 bytes, got 8");
  assert_int_equal(mxn_model_load_program(fixture_path("no.neuronbin"), &model, &err), MXN_IO);
  assert_null(model);
}

static void test_lists_operators(void **state) {
  (void)state;
  const size_t n = mxn_operators_n();
  assert_int_equal(n, 1167);
  for (size_t i = 1; i < n; i++) assert_true(strcmp(mxn_operators_get(i - 1).name, mxn_operators_get(i).name) < 0);
  assert_null(mxn_operators_get(n).name);
  assert_null(mxn_operators_get(SIZE_MAX).name);
  assert_string_equal(mxn_support_text(MXN_SUPPORT_COMPILED), "compiled");
  assert_string_equal(mxn_support_text((mxn_support)9), "unknown");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_lists_variables_as_mxnet_does),
      cmocka_unit_test(test_inputs_of_one_name_are_one),
      cmocka_unit_test(test_prints_what_fits),
      cmocka_unit_test(test_gives_arrays_back),
      cmocka_unit_test(test_loads_files),
      cmocka_unit_test(test_refuses_programs),
      cmocka_unit_test(test_lists_operators),
      cmocka_unit_test(test_refuses_arrays),
      cmocka_unit_test(test_refuses_to_save_arrays),
      cmocka_unit_test(test_infers),
      cmocka_unit_test(test_inputs_go_before_what_the_symbol_says),
      cmocka_unit_test(test_refuses_to_infer),
  };
  return cmocka_run_group_tests(tests, fixture_start, fixture_stop);
}
