/* ops_linalg_test.c - linear algebra on matrices that can be checked by hand.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ops_graph.h"

#include <math.h>

static mxn_status run_with(const char *op, const char *attributes, mxn_type type, double *a, double *const *outputs) {
  char text[SHAPE_TEXT_BYTES];
  const graph *g = inferred(arena_printf(&memory, "%%0 = input \"A\" : float64%s\n%%1 = %s(%%0) \"f\" {%s}",
                                         shape_text(&type, text), op, attributes));
  const node *n = last(g);
  const mxn_tensor in = {*value_type(n->inputs[0]), a};
  mxn_tensor *out = arena_array(&memory, n->n_outputs, sizeof *out);
  for (uint32_t i = 0; i < n->n_outputs; i++) out[i] = (mxn_tensor){n->outputs[i], outputs[i]};
  return op_forward(n, &in, out, &error);
}

static mxn_status run(const char *op, mxn_type type, double *a, double *const *outputs) {
  return run_with(op, "", type, a, outputs);
}

static const mxn_type square = {MXN_FLOAT64, 2, {2, 2}};

static void assert_doubles(const double *got, const double *want, size_t n) {
  for (size_t i = 0; i < n; i++) assert_float_equal(got[i], want[i], 1e-12);
}

static void test_cholesky(void **state) {
  (void)state;
  double a[] = {4, 99, 2, 10}, l[4], negative[] = {1, 2, 2, 1};
  assert_int_equal(run("_linalg_potrf", square, a, (double *const[]){l}), MXN_OK); /* the upper triangle is not read */
  assert_doubles(l, (const double[]){2, 0, 1, 3}, 4);
  assert_int_equal(run("_linalg_potrf", square, negative, (double *const[]){l}), MXN_ARGUMENT);
  assert_non_null(strstr(error.message, "node 'f' (_linalg_potrf): matrix 0 is not positive definite"));
}

static void test_determinant(void **state) {
  (void)state;
  double a[] = {0, 2, 3, 0}, singular[] = {1, 2, 2, 4}, sign, logarithm;
  assert_int_equal(run("_linalg_det", square, a, (double *const[]){&sign}), MXN_OK);
  assert_float_equal(sign, -6, 1e-12);
  assert_int_equal(run("_linalg_slogdet", square, a, (double *const[]){&sign, &logarithm}), MXN_OK);
  assert_float_equal(sign, -1, 0);
  assert_float_equal(logarithm, log(6), 1e-12);
  assert_int_equal(run("_linalg_slogdet", square, singular, (double *const[]){&sign, &logarithm}), MXN_OK);
  assert_float_equal(sign, 0, 0);
  assert_int_equal(run("_linalg_inverse", square, singular, (double *const[]){a}), MXN_ARGUMENT);
}

static void test_eigenvalues(void **state) {
  (void)state;
  double a[] = {2, 1, 1, 2}, u[4], values[2];
  assert_int_equal(run("_linalg_syevd", square, a, (double *const[]){u, values}), MXN_OK);
  assert_doubles(values, (const double[]){1, 3}, 2);
  assert_float_equal(u[0], -u[1], 1e-12);
  assert_float_equal(u[2], u[3], 1e-12);
  assert_true(u[2] > 0);
}

/* Rank 1: the second row of V has no length to take its direction from. */
static void test_singular_values(void **state) {
  (void)state;
  double a[] = {3, 4, 6, 8}, ut[4], values[2], v[4];
  assert_int_equal(run("_npi_svd", square, a, (double *const[]){ut, values, v}), MXN_OK);
  assert_float_equal(values[0], sqrt(125), 1e-12);
  assert_true(fabs(values[1]) < 1e-12);
  for (int i = 0; i < 4; i++) assert_float_equal(ut[i / 2 * 2] * values[0] * v[i % 2], a[i], 1e-12);
  assert_true(fabs(v[0] * v[2] + v[1] * v[3]) < 1e-12);
  assert_float_equal(v[2] * v[2] + v[3] * v[3], 1, 1e-12);
}

/* [[3, 4], [6, 8]] has the singular values sqrt(125) and 0. */
static void test_norms(void **state) {
  static const struct {
    const char *attributes;
    double want;
  } cases[] = {
      {"flag=\"-2\"", 11.180339887498949},
      {"axis=\"(0, 1)\", flag=\"1\"", 11.180339887498949},
      {"flag=\"2\"", 11.180339887498949},
      {"ord=\"2\"", 11.180339887498949},
      {"ord=\"-2\"", 0},
      {"ord=\"1\"", 12},
      {"ord=\"-1\"", 9},
      {"ord=\"inf\"", 14},
      {"axis=\"(1, 0)\", ord=\"1\"", 14}, /* columns are the first axis */
      {"axis=\"-1\", ord=\"2\"", 5},
      {"axis=\"-1\", ord=\"1\"", 7},
      {"axis=\"-1\", ord=\"0\"", 2},
      {"axis=\"-1\", ord=\"3\"", 4.497941445275415},
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    double a[] = {3, 4, 6, 8}, norm[2];
    assert_int_equal(run_with("_npi_norm", cases[i].attributes, square, a, (double *const[]){norm}), MXN_OK);
    assert_float_equal(norm[0], cases[i].want, 1e-12);
  }
}

/* Isolated eigenvalues stay in their order; the values of a companion matrix are the
 * roots of its polynomial, (x - 1)(x - 2)(x - 4); vectors have length 1. */
static void test_eigenvalues_of_any_matrix(void **state) {
  (void)state;
  static const mxn_type three = {MXN_FLOAT64, 2, {3, 3}};
  double triangle[] = {3, 1, 0, 2}, turn[] = {0, -1, 1, 0}, companion[] = {7, -14, 8, 1, 0, 0, 0, 1, 0};
  double values[3], v[9];
  assert_int_equal(run("_npi_eig", square, triangle, (double *const[]){values, v}), MXN_OK);
  assert_doubles(values, (const double[]){3, 2}, 2);
  assert_doubles(v, (const double[]){1, -sqrt(0.5), 0, sqrt(0.5)}, 4);
  assert_int_equal(run("_npi_eigvals", three, companion, (double *const[]){values}), MXN_OK);
  assert_doubles(values, (const double[]){4, 2, 1}, 3);
  assert_int_equal(run("_npi_eig", three, companion, (double *const[]){values, v}), MXN_OK);
  for (int k = 0; k < 3; k++) {
    assert_float_equal(v[k], v[3 + k] * values[k], 1e-12);
    assert_float_equal(v[k] * v[k] + v[3 + k] * v[3 + k] + v[6 + k] * v[6 + k], 1, 1e-12);
  }
  assert_int_equal(run("_npi_eig", square, turn, (double *const[]){values, v}), MXN_UNSUPPORTED);
  assert_non_null(strstr(error.message, "node 'f' (_npi_eig): matrix 0 has complex eigenvalues, expected real ones"));
}

/* Of a symmetric matrix of 40 rows, as the other operator finds them, in any order. */
static void test_many_eigenvalues(void **state) {
  enum { N = 40 };
  static const mxn_type type = {MXN_FLOAT64, 2, {N, N}};
  static double a[N * N], values[N], sorted[N];
  (void)state;
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) a[i * N + j] = i == j ? 3 * i : (i * 7 + j * 7 + i * j * 3) % 23 - 11;
  assert_int_equal(run("_npi_eigvalsh", type, a, (double *const[]){sorted}), MXN_OK);
  assert_int_equal(run("_npi_eigvals", type, a, (double *const[]){values}), MXN_OK);
  for (int i = 0; i < N; i++) {
    double nearest = INFINITY;
    for (int j = 0; j < N; j++) nearest = fmin(nearest, fabs(values[j] - sorted[i]));
    assert_true(nearest < 1e-9);
  }
}

static void test_refuses(void **state) {
  (void)state;
  graph *g = bound("%0 = input \"A\" : float64(2, 3)\n%1 = _linalg_inverse(%0) \"f\" {}");
  assert_int_equal(ops_infer(g, &error), MXN_SHAPE);
  assert_non_null(strstr(error.message, "node 'f' (_linalg_inverse): A has shape (2, 3), expected square matrices"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_cholesky),         TEST(test_determinant), TEST(test_eigenvalues),
      TEST(test_singular_values),  TEST(test_norms),       TEST(test_eigenvalues_of_any_matrix),
      TEST(test_many_eigenvalues), TEST(test_refuses),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
