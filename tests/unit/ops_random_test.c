/* ops_random_test.c - means and variances of the random operators; a run of n
 * numbers must be within 5 standard errors.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ops_graph.h"

#include <math.h>

enum { N = 40000 };

static float numbers[N];

static void run(const char *lines, void *const *inputs, void *output) {
  const graph *g = inferred(lines);
  const node *n = last(g);
  mxn_tensor *in = arena_array(&memory, n->n_inputs, sizeof *in), out = {n->outputs[0], output};
  for (uint32_t i = 0; i < n->n_inputs; i++) in[i] = (mxn_tensor){*value_type(n->inputs[i]), inputs[i]};
  if (op_forward(n, in, &out, &error) != MXN_OK) fail_msg("%s", error.message);
}

static void assert_moments(const float *x, size_t n, double mean, double variance) {
  double sum = 0, squares = 0, fourths = 0;
  for (size_t i = 0; i < n; i++) {
    const double d = (double)x[i] - mean;
    sum += d;
    squares += d * d;
    fourths += d * d * d * d;
  }
  const double count = (double)n, got = squares / count;
  assert_true(fabs(sum / count) < 5 * sqrt(variance / count));
  assert_true(fabs(got - variance) < 5 * sqrt((fourths / count - got * got) / count));
}

static void check(const char *op, const char *attributes, double mean, double variance) {
  run(arena_printf(&memory, "%%0 = %s() \"r\" {%s, shape=\"(200, 200)\"}", op, attributes), NULL, numbers);
  assert_moments(numbers, N, mean, variance);
}

static void test_moments(void **state) {
  (void)state;
  check("_random_uniform", "low=\"-1\", high=\"3\"", 1, 16.0 / 12);
  check("_random_normal", "loc=\"2\", scale=\"3\"", 2, 9);
  check("_random_gamma", "alpha=\"0.4\", beta=\"2\"", 0.8, 1.6);
  check("_random_gamma", "alpha=\"9\", beta=\"0.5\"", 4.5, 2.25);
  check("_random_exponential", "lam=\"4\"", 0.25, 1.0 / 16);
  check("_random_poisson", "lam=\"3\"", 3, 3);
  check("_random_poisson", "lam=\"250\"", 250, 250);
  check("_random_negative_binomial", "k=\"3\", p=\"0.4\"", 4.5, 11.25);
  check("_random_generalized_negative_binomial", "mu=\"2\", alpha=\"0.3\"", 2, 3.2);
}

static void check_numpy(const char *op, const char *attributes, double mean, double variance) {
  run(arena_printf(&memory, "%%0 = %s() \"r\" {%s, size=\"(200, 200)\"}", op, attributes), NULL, numbers);
  assert_moments(numbers, N, mean, variance);
}

static void test_numpy_moments(void **state) {
  (void)state;
  const double euler = 0.57721566490153286, pi = 3.14159265358979324;
  check_numpy("_npi_uniform", "low=\"-1\", high=\"3\"", 1, 16.0 / 12);
  check_numpy("_npi_uniform_n", "low=\"-1\", high=\"3\"", 1, 16.0 / 12);
  check_numpy("_npi_normal", "loc=\"2\", scale=\"3\"", 2, 9);
  check_numpy("_npi_normal_n", "loc=\"2\", scale=\"3\"", 2, 9);
  check_numpy("_npi_gamma", "shape=\"9\", scale=\"0.5\"", 4.5, 2.25);
  check_numpy("_npi_gumbel", "loc=\"1\", scale=\"2\"", 1 + 2 * euler, 4 * pi * pi / 6);
  check_numpy("_npi_logistic", "loc=\"1\", scale=\"2\"", 1, 4 * pi * pi / 3);
  check_numpy("_npi_exponential", "scale=\"4\"", 4, 16);
  check_numpy("_npi_rayleigh", "scale=\"2\"", 2 * sqrt(pi / 2), 4 * (4 - pi) / 2);
  check_numpy("_npi_pareto", "a=\"9\"", 1.0 / 8, 9.0 / (64 * 7));
  check_numpy("_npi_powerd", "a=\"3\"", 0.75, 3.0 / 80);
  check_numpy("_npi_weibull", "a=\"2\"", sqrt(pi) / 2, 1 - pi / 4);
  check_numpy("_npi_bernoulli", "prob=\"0.3\", logit=\"None\", is_logit=\"0\"", 0.3, 0.21);
  check_numpy("_npi_bernoulli", "prob=\"None\", logit=\"1\", is_logit=\"1\"", 1 / (1 + exp(-1)),
              exp(-1) / pow(1 + exp(-1), 2));
}

/* A parameter from an input is broadcast; with _n it comes behind the size. */
static void test_numpy_parameters(void **state) {
  (void)state;
  float loc[] = {-5, 5}, negative = -1;
  const char *input = "%0 = input \"m\" : float32(2, 1)\n%1 = ";
  run(arena_printf(&memory, "%s_npi_normal(%%0) \"r\" {loc=\"None\", scale=\"2\", size=\"(2, 20000)\"}", input),
      (void *const[]){loc}, numbers);
  assert_moments(numbers, N / 2, -5, 4);
  assert_moments(numbers + N / 2, N / 2, 5, 4);
  const graph *g = inferred(
      arena_printf(&memory, "%s_npi_normal_n(%%0) \"r\" {loc=\"None\", scale=\"2\", size=\"(20000)\"}", input));
  assert_type(last(g), 0, "float32(20000, 2, 1)");
  g = inferred("%0 = input \"s\" : float32(1)\n%1 = _npi_exponential(%0) \"r\" {scale=\"None\"}");
  mxn_tensor in = {*value_type(last(g)->inputs[0]), &negative}, out = {last(g)->outputs[0], numbers};
  assert_int_equal(op_forward(last(g), &in, &out, &error), MXN_ARGUMENT);
  assert_string_equal(error.message, "node 'r' (_npi_exponential): scale is -1, expected 0 or more");
}

/* What is left makes up for what is dropped; elements along an axis are dropped together. */
static void test_dropout(void **state) {
  (void)state;
  static float ones[N];
  for (int i = 0; i < N; i++) ones[i] = 1;
  const char *x = "%0 = input \"x\" : float32(20000, 2)\n";
  run(arena_printf(&memory, "%s%%1 = Dropout(%%0) \"d\" {p=\"0.2\", mode=\"always\"}", x), (void *const[]){ones},
      numbers);
  assert_moments(numbers, N, 1, 0.25);
  for (int i = 0; i < N; i++) assert_true(numbers[i] == 0 || numbers[i] == 1.25F);
  run(arena_printf(&memory, "%s%%1 = Dropout(%%0) \"d\" {p=\"0.5\", mode=\"always\", axes=\"(1,)\"}", x),
      (void *const[]){ones}, numbers);
  size_t dropped = 0;
  for (int i = 0; i < N; i += 2) {
    assert_float_equal(numbers[i], numbers[i + 1], 0);
    dropped += numbers[i] == 0;
  }
  assert_float_equal((double)dropped / (N / 2), 0.5, 0.02);
  run(arena_printf(&memory, "%s%%1 = Dropout(%%0) \"d\" {p=\"0\", mode=\"always\"}", x), (void *const[]){ones},
      numbers);
  assert_memory_equal(numbers, ones, sizeof ones);
}

/* One number of an image of one pixel, drawn anew N / 10 times. */
static void check_image(const char *op, const char *attributes, double mean, double variance) {
  float rgb[] = {1, 1, 1}, out[3];
  const char *lines =
      arena_printf(&memory, "%%0 = input \"x\" : float32(1, 1, 3)\n%%1 = %s(%%0) \"r\" {%s}", op, attributes);
  const graph *g = inferred(lines);
  const mxn_tensor in = {*value_type(last(g)->inputs[0]), rgb};
  for (int i = 0; i < N / 10; i++) {
    mxn_tensor output = {last(g)->outputs[0], out};
    if (op_forward(last(g), &in, &output, &error) != MXN_OK) fail_msg("%s", error.message);
    numbers[i] = out[2];
  }
  assert_moments(numbers, N / 10, mean, variance);
}

static void test_images(void **state) {
  (void)state;
  check_image("_image_random_brightness", "min_factor=\"0.5\", max_factor=\"2\"", 1.25, 2.25 / 12);
  check_image("_image_random_color_jitter", "brightness=\"0.5\", contrast=\"0\", saturation=\"0\", hue=\"0\"", 1,
              1.0 / 12);
  check_image("_image_random_lighting", "alpha_std=\"0.1\"", 1,
              0.01 * (pow(55.46 * 0.5836, 2) + pow(4.794 * 0.6948, 2) + pow(1.148 * 0.4203, 2)));
}

static void test_flips(void **state) {
  (void)state;
  float pixels[] = {0, 1}, out[2];
  size_t flipped = 0;
  for (int i = 0; i < 4000; i++) {
    run(arena_printf(&memory, "%%0 = input \"x\" : float32(%s, 1)\n%%1 = _image_random_flip_%s(%%0) \"r\"",
                     i % 2 ? "1, 2" : "2, 1", i % 2 ? "left_right" : "top_bottom"),
        (void *const[]){pixels}, out);
    assert_float_equal(out[0] + out[1], 1, 0);
    flipped += out[0] == 1;
  }
  assert_float_equal((double)flipped / 4000, 0.5, 0.05);
}

static void test_choice(void **state) {
  (void)state;
  static int64_t drawn[N];
  float weights[] = {0.5f, 0, 0.25f, 0.25f};
  size_t counts[4] = {0}, firsts[4] = {0};
  run("%0 = input \"p\" : float32(4)\n%1 = _npi_choice(%0) \"r\" {a=\"4\", weighted=\"True\", size=\"(40000)\"}",
      (void *const[]){weights}, drawn);
  for (size_t i = 0; i < N; i++) counts[drawn[i]]++;
  assert_int_equal(counts[1], 0);
  assert_float_equal((double)counts[0] / N, 0.5, 0.02);
  for (int i = 0; i < 4000; i++) {
    run("%0 = input \"p\" : float32(4)\n%1 = _npi_choice(%0) \"r\" {a=\"4\", weighted=\"True\", replace=\"False\", "
        "size=\"(3)\"}",
        (void *const[]){weights}, drawn);
    assert_int_equal(drawn[0] + drawn[1] + drawn[2], 0 + 2 + 3);
    firsts[drawn[0]]++;
  }
  assert_float_equal((double)firsts[0] / 4000, 0.5, 0.05);
  run("%0 = _npi_choice() \"r\" {a=\"1000\", replace=\"False\", size=\"(1000)\"}", NULL, drawn);
  int64_t sum = 0, fixed = 0;
  for (int i = 0; i < 1000; i++) sum += drawn[i], fixed += drawn[i] == i;
  assert_int_equal(sum, 999 * 500);
  assert_true(fixed < 10);
}

static void test_numpy_multinomial(void **state) {
  (void)state;
  static int64_t counts[300];
  run("%0 = _npi_multinomial() \"r\" {n=\"1000\", pvals=\"(0.2, 0.5, 0.3)\", size=\"(100)\"}", NULL, counts);
  int64_t sums[3] = {0};
  for (int i = 0; i < 300; i++) sums[i % 3] += counts[i];
  assert_int_equal(sums[0] + sums[1] + sums[2], 100000);
  assert_float_equal((double)sums[0] / 100000, 0.2, 0.01);
  assert_float_equal((double)sums[1] / 100000, 0.5, 0.01);
}

/* As many experiments as an int holds, in no time: mean and variance of the first. */
static void test_numpy_multinomial_of_many(void **state) {
  (void)state;
  static int64_t counts[2 * N];
  run("%0 = _npi_multinomial() \"r\" {n=\"2000000000\", pvals=\"(0.3, 0.7)\", size=\"(200, 200)\"}", NULL, counts);
  for (int i = 0; i < N; i++) {
    assert_int_equal(counts[2 * i] + counts[2 * i + 1], 2000000000);
    numbers[i] = (float)((double)counts[2 * i] - 6e8);
  }
  assert_moments(numbers, N, 0, 2e9 * 0.3 * 0.7);
}

/* P(0) is log(1.5) / log(range_max): half a unit lies above 1. */
static void test_zipfian(void **state) {
  (void)state;
  static int64_t drawn[N], tries[N];
  const graph *g = inferred("%0 = _sample_unique_zipfian() \"r\" {range_max=\"100\", shape=\"(40000, 1)\"}");
  mxn_tensor out[] = {{last(g)->outputs[0], drawn}, {last(g)->outputs[1], tries}};
  assert_int_equal(op_forward(last(g), NULL, out, &error), MXN_OK);
  size_t zeros = 0;
  for (size_t i = 0; i < N; i++) zeros += drawn[i] == 0 && tries[i] == 1;
  assert_float_equal((double)zeros / N, log(1.5) / log(100), 0.01);
  g = inferred("%0 = _sample_unique_zipfian() \"r\" {range_max=\"9\", shape=\"(1, 9)\"}");
  out[0].type = last(g)->outputs[0], out[1].type = last(g)->outputs[1];
  assert_int_equal(op_forward(last(g), NULL, out, &error), MXN_OK);
  int64_t sum = 0;
  for (int i = 0; i < 9; i++) sum += drawn[i];
  assert_int_equal(sum, 36);
  assert_true(tries[0] >= 9);
  assert_refused("%0 = _sample_unique_zipfian() \"r\" {range_max=\"9\", shape=\"(1, 10)\"}", MXN_ARGUMENT,
                 "t: node 'r' (_sample_unique_zipfian): 10 different numbers below range_max 9, expected as many");
}

static void test_sample(void **state) {
  (void)state;
  float mu[] = {-5, 5}, sigma[] = {1, 2};
  run("%0 = input \"m\" : float32(2)\n%1 = input \"s\" : float32(2)\n"
      "%2 = _sample_normal(%0, %1) \"r\" {shape=\"(20000)\"}",
      (void *const[]){mu, sigma}, numbers);
  assert_moments(numbers, N / 2, -5, 1);
  assert_moments(numbers + N / 2, N / 2, 5, 4);
}

static void test_multinomial(void **state) {
  (void)state;
  float p[] = {0.2f, 0, 0.8f};
  static int32_t index[N];
  run("%0 = input \"p\" : float32(3)\n%1 = _sample_multinomial(%0) \"r\" {shape=\"(40000)\"}", (void *const[]){p},
      index);
  size_t counts[3] = {0};
  for (size_t i = 0; i < N; i++) counts[index[i]]++;
  assert_int_equal(counts[1], 0);
  assert_float_equal((double)counts[0] / N, 0.2, 0.01);
}

static void test_randint_and_shuffle(void **state) {
  (void)state;
  static int64_t drawn[N];
  run("%0 = _random_randint() \"r\" {low=\"-2\", high=\"3\", shape=\"(40000)\", dtype=\"int64\"}", NULL, drawn);
  size_t counts[5] = {0};
  for (size_t i = 0; i < N; i++) counts[drawn[i] + 2]++;
  for (int i = 0; i < 5; i++) assert_float_equal((double)counts[i] / N, 0.2, 0.01);
  int32_t rows[200], out[200], sum = 0, moved = 0;
  for (int i = 0; i < 200; i++) rows[i] = i / 2;
  run("%0 = input \"x\" : int32(100, 2)\n%1 = _shuffle(%0) \"s\" {}", (void *const[]){rows}, out);
  for (int i = 0; i < 200; i++) {
    sum += out[i];
    moved += out[i] != rows[i];
    assert_int_equal(out[i], out[i ^ 1]); /* rows stay together */
  }
  assert_int_equal(sum, 9900);
  assert_true(moved > 100);
}

/* Two runs differ: each takes a stream of its own. */
static void test_streams(void **state) {
  (void)state;
  float a[8], b[8];
  run("%0 = _random_uniform() \"r\" {shape=\"(8,)\"}", NULL, a);
  run("%0 = _random_uniform() \"r\" {shape=\"(8,)\"}", NULL, b);
  assert_memory_not_equal(a, b, sizeof a);
}

static void test_density(void **state) {
  (void)state;
  float x[] = {0, 1, 2, 3}, lam[] = {1, 2}, p[4];
  run("%0 = input \"x\" : float32(2, 2)\n%1 = input \"l\" : float32(2)\n%2 = _random_pdf_poisson(%0, %1) \"d\" {}",
      (void *const[]){x, lam}, p);
  assert_float_equal(p[0], exp(-1), 1e-6);
  assert_float_equal(p[1], exp(-1), 1e-6);
  assert_float_equal(p[2], 2 * exp(-2), 1e-6);
  assert_float_equal(p[3], 4 * exp(-2) / 3, 1e-6);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_moments),
      TEST(test_sample),
      TEST(test_numpy_moments),
      TEST(test_numpy_parameters),
      TEST(test_dropout),
      TEST(test_images),
      TEST(test_flips),
      TEST(test_choice),
      TEST(test_numpy_multinomial),
      TEST(test_numpy_multinomial_of_many),
      TEST(test_zipfian),
      TEST(test_multinomial),
      TEST(test_streams),
      TEST(test_density),
      TEST(test_randint_and_shuffle),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
