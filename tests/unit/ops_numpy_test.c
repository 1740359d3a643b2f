/* ops_numpy_test.c - numpy's operators on small cases computed by hand, and what
 * they refuse.
 *
 * Inputs count up from 1 in their elements.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit/ops_graph.h"

#include <math.h>

#include "ops/number.h"

static mxn_tensor tensor_of(const mxn_type *type) {
  size_t bytes = 0;
  assert_true(type_bytes(type, &bytes));
  mxn_tensor t = {*type, arena_alloc(&memory, bytes + 1)};
  int64_t n = 0;
  assert_true(shape_elements(type, &n));
  for (int64_t i = 0; i < n; i++) store_doubles(&t, i, 1, &(double){(double)(i + 1)});
  return t;
}

static mxn_tensor compute(const char *lines) {
  const node *n = last(inferred(lines));
  mxn_tensor inputs[4], *outputs = arena_array(&memory, n->n_outputs, sizeof *outputs);
  for (uint32_t i = 0; i < n->n_inputs; i++) inputs[i] = tensor_of(value_type(n->inputs[i]));
  for (uint32_t i = 0; i < n->n_outputs; i++) outputs[i] = tensor_of(&n->outputs[i]);
  if (op_forward(n, inputs, outputs, &error) != MXN_OK) fail_msg("%s", error.message);
  return outputs[0];
}

static void assert_result(const char *lines, mxn_dtype dtype, const double *expected, int64_t n) {
  const mxn_tensor t = compute(lines);
  int64_t elements = 0;
  assert_true(shape_elements(&t.type, &elements));
  assert_int_equal(t.type.dtype, dtype);
  assert_int_equal(elements, n);
  for (int64_t i = 0; i < n; i++) {
    double got;
    load_doubles(&t, i, 1, &got);
    if (fabs(got - expected[i]) > 1e-6) fail_msg("%s: element %d is %.9g, not %.9g", lines, (int)i, got, expected[i]);
  }
}
#define ASSERT_RESULT(lines, dtype, ...) \
  assert_result((lines), (dtype), (const double[]){__VA_ARGS__}, sizeof((const double[]){__VA_ARGS__}) / sizeof(double))

#define X(type) "%0 = input \"x\" : " type "\n"
#define Y(type) "%1 = input \"y\" : " type "\n"

static void test_element_types(void **state) {
  (void)state;
  ASSERT_RESULT(X("int32(2)") Y("float32(2)") "%2 = _npi_add(%0, %1) \"n\" {}", MXN_FLOAT32, 2, 4);
  ASSERT_RESULT(X("int8(2)") Y("int64(2)") "%2 = _npi_multiply(%0, %1) \"n\" {}", MXN_INT64, 1, 4);
  ASSERT_RESULT(X("int32(2)") Y("int32(2)") "%2 = _npi_true_divide(%0, %1) \"n\" {}", MXN_FLOAT32, 1, 1);
  ASSERT_RESULT(X("int64(3)") "%1 = _npi_power_scalar(%0) \"n\" {scalar=\"17\", is_int=\"True\"}", MXN_INT64, 1, 131072,
                129140160);
  ASSERT_RESULT(X("int32(2)") Y("int32(2)") "%2 = _npi_polyval(%0, %1) \"n\" {}", MXN_INT32, 3, 4);
  ASSERT_RESULT(X("int32(3)") "%1 = _npi_greater_scalar(%0) \"n\" {scalar=\"1.5\", is_int=\"False\"}", MXN_BOOL, 0, 1,
                1);
  ASSERT_RESULT(X("int32(2)") "%1 = _npi_mean(%0) \"n\" {}", MXN_FLOAT32, 1.5);
  ASSERT_RESULT(X("bool(2)") "%1 = _np_sum(%0) \"n\" {}", MXN_INT64, 2);
  ASSERT_RESULT(X("bool(2)") "%1 = _npi_bitwise_not(%0) \"n\" {}", MXN_BOOL, 0, 0);
}

static void test_reductions(void **state) {
  (void)state;
  /* 14! wraps around in 32 bits, 70! to 0 in 64. */
  ASSERT_RESULT(X("int8(14)") "%1 = _np_prod(%0) \"n\" {dtype=\"int64\"}", MXN_INT64, 1278945280);
  ASSERT_RESULT(X("uint8(14)") "%1 = _np_prod(%0) \"n\" {dtype=\"float64\"}", MXN_FLOAT64, 1278945280);
  ASSERT_RESULT(X("int32(70)") "%1 = _np_prod(%0) \"n\" {dtype=\"float32\"}", MXN_FLOAT32, 0);
  ASSERT_RESULT(X("float32(2, 3)") "%1 = _np_sum(%0) \"n\" {axis=\"(0,)\"}", MXN_FLOAT32, 5, 7, 9);
  ASSERT_RESULT(X("float32(2, 3)") "%1 = _np_max(%0) \"n\" {axis=\"-1\"}", MXN_FLOAT32, 3, 6);
  ASSERT_RESULT(X("float32(4)") "%1 = _npi_var(%0) \"n\" {ddof=\"1\"}", MXN_FLOAT32, 5.0 / 3);
  ASSERT_RESULT(X("float32(2, 3)") "%1 = _npi_argmin(%0) \"n\" {axis=\"1\"}", MXN_INT64, 0, 0);
  ASSERT_RESULT(X("float32(5)") "%1 = _npi_percentile(%0) \"n\" {q_scalar=\"37.5\"}", MXN_FLOAT32, 2.5);
  ASSERT_RESULT(X("int32(2, 2)") "%1 = _np_cumsum(%0) \"n\" {axis=\"0\"}", MXN_INT32, 1, 2, 4, 6);
}

static void test_moves(void **state) {
  (void)state;
  ASSERT_RESULT(X("float32(2, 2)") "%1 = _npi_rot90(%0) \"n\" {axes=\"(0, 1)\"}", MXN_FLOAT32, 2, 4, 1, 3);
  ASSERT_RESULT(X("float32(4)") "%1 = _np_roll(%0) \"n\" {shift=\"(1,)\"}", MXN_FLOAT32, 4, 1, 2, 3);
  ASSERT_RESULT(X("float32(1, 3)") "%1 = _npi_pad(%0) \"n\" {mode=\"reflect\", pad_width=\"((0, 0), (3, 1))\"}",
                MXN_FLOAT32, 2, 3, 2, 1, 2, 3, 2);
  ASSERT_RESULT(X("float32(2)") Y("float32(2)") "%2 = _npi_column_stack(%0, %1) \"n\" {num_args=\"2\"}", MXN_FLOAT32, 1,
                1, 2, 2);
  ASSERT_RESULT(X("float32(5)") "%1 = _npi_delete(%0) \"n\" {start=\"1\", stop=\"4\", step=\"2\"}", MXN_FLOAT32, 1, 3,
                5);
  ASSERT_RESULT(X("float32(3)") Y("float32(1)") "%2 = _npi_insert_scalar(%0, %1) \"n\" {int_ind=\"-1\"}", MXN_FLOAT32,
                1, 2, 1, 3);
}

static void test_products(void **state) {
  (void)state;
  ASSERT_RESULT(X("float32(2, 2)") Y("float32(2, 2)") "%2 = _npi_matmul(%0, %1) \"n\" {}", MXN_FLOAT32, 7, 10, 15, 22);
  ASSERT_RESULT(X("float32(2, 2)") "%1 = _npi_einsum(%0) \"n\" {num_args=\"1\", subscripts=\"ii\"}", MXN_FLOAT32, 5);
  ASSERT_RESULT(X("float32(2)")
                    Y("float32(2)") "%2 = _npi_einsum(%0, %1) \"n\" {num_args=\"2\", subscripts=\"a,b->ba\"}",
                MXN_FLOAT32, 1, 2, 2, 4);
}

/* Lines that inference refuses, and what the message holds. */
static void test_refused(void **state) {
  static const struct {
    const char *lines, *expected;
  } cases[] = {
      {X("bool(2)") Y("bool(2)") "%2 = _npi_subtract(%0, %1) \"n\" {}", "bool"},
      {X("int8(2)") Y("uint8(2)") "%2 = _npi_add(%0, %1) \"n\" {}", "no common type"},
      {X("float32(2)") "%1 = _npi_bitwise_not(%0) \"n\" {}", "float32"},
      {X("float32(2, 3)") "%1 = _np_sum(%0) \"n\" {axis=\"(0, 2)\"}", "axis"},
      {X("float32(2, 3)") "%1 = _np_sum(%0) \"n\" {axis=\"(1, -1)\"}", "axis"},
      {X("float32(0)") "%1 = _np_max(%0) \"n\" {}", "no elements"},
      {X("float32(2, 3)") "%1 = _npx_reshape(%0) \"n\" {newshape=\"(-6, 4, 1, -2)\"}", "-6"},
      {X("float32(2, 3)") "%1 = _npx_reshape(%0) \"n\" {newshape=\"(-5, -5)\"}", "more dimensions"},
      {X("float32(2)") "%1 = _npi_pad(%0) \"n\" {pad_width=\"((1,),)\"}", "pad_width"},
      {X("float32(2)") "%1 = _npi_einsum(%0) \"n\" {num_args=\"1\", subscripts=\"ab\"}", "labels"},
      {X("float32(2)") "%1 = _npi_einsum(%0) \"n\" {num_args=\"1\", subscripts=\"a->b\"}", "no operand's"},
      {X("float32(2)") "%1 = _npi_delete(%0) \"n\" {int_ind=\"2\"}", "int_ind"},
      {X("float32(3, 4)") Y("float32(2, 2)") "%2 = _npi_insert_scalar(%0, %1) \"n\" {int_ind=\"1\", axis=\"0\"}",
       "values have 2 elements for axis 1"},
      {X("float32(2, 2)") Y("float32(2, 2)") "%2 = _npi_tensordot(%0, %1) \"n\" {a_axes_summed=\"(0, 0)\", "
                                             "b_axes_summed=\"(0, 1)\"}",
       "twice"},
      {"%0 = _npi_arange() \"n\" {start=\"0\", stop=\"1\", step=\"0\"}", "step"},
      {"%0 = _npi_arange() \"n\" {start=\"0\", stop=\"1e300\"}", "too many"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    graph *g = parse(cases[i].lines);
    error = (mxn_error){0};
    const bool is_refused = ops_bind(g, &error) != MXN_OK || ops_infer(g, &error) != MXN_OK;
    if (!is_refused || !strstr(error.message, cases[i].expected)) fail_msg("%s: '%s'", cases[i].lines, error.message);
  }
}

/* The only input has these elements. */
static mxn_tensor compute_on(const char *lines, const void *x) {
  const node *n = last(inferred(lines));
  const mxn_tensor in = {*value_type(n->inputs[0]), (void *)x};
  mxn_tensor *outputs = arena_array(&memory, n->n_outputs, sizeof *outputs);
  for (uint32_t i = 0; i < n->n_outputs; i++) outputs[i] = tensor_of(&n->outputs[i]);
  if (op_forward(n, &in, outputs, &error) != MXN_OK) fail_msg("%s", error.message);
  return outputs[0];
}

/* Sums of integers are not rounded to doubles. */
static void test_exact_trace(void **state) {
  (void)state;
  const int64_t x[] = {(INT64_C(1) << 53) + 1, 0, 0, 2};
  const mxn_tensor t = compute_on(X("int64(2, 2)") "%1 = _np_trace(%0) \"n\" {}", x);
  assert_int_equal(*(const int64_t *)t.data, (INT64_C(1) << 53) + 3);
}

/* What is no number stands behind all others, and leaves them in order. */
static void test_sorts_nan(void **state) {
  (void)state;
  const float x[] = {3, NAN, 1};
  const mxn_tensor t = compute_on(X("float32(3)") "%1 = _npi_percentile(%0) \"n\" {q_scalar=\"0\"}", x);
  assert_float_equal(*(const float *)t.data, 1, 0);
}

/* An average of no rows has weights all the same. */
static void test_average_of_no_rows(void **state) {
  (void)state;
  const node *n = last(inferred(X("float32(0, 3)") "%1 = _npi_average(%0) \"n\" "
                                                   "{axis=\"(1,)\", weighted=\"0\", returned=\"1\"}"));
  const mxn_tensor in = tensor_of(value_type(n->inputs[0]));
  mxn_tensor outputs[] = {tensor_of(&n->outputs[0]), tensor_of(&n->outputs[1])};
  ((node *)n)->np_shape = true;
  assert_int_equal(op_forward(n, &in, outputs, &error), MXN_OK);
  assert_float_equal(*(const float *)outputs[1].data, 3, 0);
}

static void test_too_many_combinations(void **state) {
  (void)state;
  const node *n =
      last(inferred(X("float32(65536)")
                        Y("float32(65536)") "%2 = input \"z\" : float32(65536)\n"
                                            "%3 = input \"u\" : float32(65536)\n%4 = _npi_einsum(%0, %1, %2, %3) \"n\" "
                                            "{num_args=\"4\", subscripts=\"a,b,c,d->\"}"));
  mxn_tensor inputs[4], out = tensor_of(&n->outputs[0]);
  for (int i = 0; i < 4; i++) inputs[i] = tensor_of(value_type(n->inputs[i]));
  assert_int_equal(op_forward(n, inputs, &out, &error), MXN_UNSUPPORTED);
  assert_string_equal(error.message, "node 'n' (_npi_einsum): its operands have too many combinations of elements");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_element_types),
      TEST(test_reductions),
      TEST(test_moves),
      TEST(test_products),
      TEST(test_refused),
      TEST(test_exact_trace),
      TEST(test_sorts_nan),
      TEST(test_average_of_no_rows),
      TEST(test_too_many_combinations),
  };
  return cmocka_run_group_tests_name("ops_numpy", tests, NULL, NULL);
}
