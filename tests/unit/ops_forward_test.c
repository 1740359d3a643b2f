/* ops_forward_test.c - reference forwards on small cases computed by hand.
 *
 * Inputs called x0, x1, ... count up from 1 in their elements, unless a test sets them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit/ops_graph.h"

#include <float.h>
#include <math.h>

#include "ops/number.h"

static mxn_tensor tensor_of(const mxn_type *type) {
  size_t bytes = 0;
  assert_true(type_bytes(type, &bytes));
  return (mxn_tensor){*type, arena_alloc(&memory, bytes + 1)};
}

static void set(mxn_tensor *t, const double *values) {
  int64_t n = 0;
  assert_true(shape_elements(&t->type, &n));
  store_doubles(t, 0, n, values);
}

static void count_up(mxn_tensor *t) {
  int64_t n = 0;
  assert_true(shape_elements(&t->type, &n));
  for (int64_t i = 0; i < n; i++) store_doubles(t, i, 1, &(double){(double)(i + 1)});
}

/* The last node of the graph, its inputs and outputs. */
typedef struct run {
  node *node;
  mxn_tensor inputs[8], outputs[8];
} run;

static run prepare(const char *lines) {
  run r = {.node = last(inferred(lines))};
  for (uint32_t i = 0; i < r.node->n_inputs; i++) {
    r.inputs[i] = tensor_of(value_type(r.node->inputs[i]));
    count_up(&r.inputs[i]);
  }
  for (uint32_t i = 0; i < r.node->n_outputs; i++) r.outputs[i] = tensor_of(&r.node->outputs[i]);
  return r;
}

static void execute(run *r) {
  if (op_forward(r->node, r->inputs, r->outputs, &error) != MXN_OK) fail_msg("%s", error.message);
}

static void assert_values(const mxn_tensor *t, const double *expected, int64_t n) {
  int64_t elements = 0;
  assert_true(shape_elements(&t->type, &elements));
  assert_int_equal(elements, n);
  for (int64_t i = 0; i < n; i++) {
    double got;
    load_doubles(t, i, 1, &got);
    const bool equal = isnan(expected[i]) ? isnan(got) : got == expected[i] || fabs(got - expected[i]) < 1e-6;
    if (!equal) fail_msg("element %d: expected %.9g, got %.9g", (int)i, expected[i], got);
  }
}
#define ASSERT_VALUES(tensor, ...) \
  assert_values((tensor), (const double[]){__VA_ARGS__}, sizeof((const double[]){__VA_ARGS__}) / sizeof(double))

/* One line of an operator on one input that counts up. */
#define ASSERT_FORWARD(lines, ...)              \
  do {                                          \
    run r_ = prepare(lines);                    \
    execute(&r_);                               \
    ASSERT_VALUES(&r_.outputs[0], __VA_ARGS__); \
  } while (0)

static void test_convolution(void **state) {
  (void)state;
  /* 1 2 3 / 4 5 6 / 7 8 9 under 1 2 / 3 4. */
  ASSERT_FORWARD(
      "%0 = input \"x\" : float32(1, 1, 3, 3)\n%1 = input \"w\" : float32(1, 1, 2, 2)\n"
      "%2 = Convolution(%0, %1) \"c\" {kernel=\"(2, 2)\", num_filter=\"1\", no_bias=\"1\"}",
      37, 47, 67, 77);
  /* A border of zeros, every other window, and the bias. */
  ASSERT_FORWARD(
      "%0 = input \"x\" : float32(1, 1, 3, 3)\n%1 = input \"w\" : float32(1, 1, 2, 2)\n"
      "%2 = input \"b\" : float32(1)\n"
      "%3 = Convolution(%0, %1, %2) \"c\" {kernel=\"(2, 2)\", num_filter=\"1\", pad=\"(1, 1)\", stride=\"(2, 2)\"}",
      5, 19, 37, 78);
  /* A border on two sides only. */
  ASSERT_FORWARD(
      "%0 = input \"x\" : float32(1, 1, 2, 2)\n%1 = input \"w\" : float32(1, 1, 1, 2)\n"
      "%2 = Convolution(%0, %1) \"c\" {kernel=\"(1, 2)\", num_filter=\"1\", no_bias=\"1\", pad=\"(0, 1)\"}",
      2, 5, 2, 6, 11, 4);
  /* A gap of one between the taps. */
  ASSERT_FORWARD(
      "%0 = input \"x\" : float32(1, 1, 3, 3)\n%1 = input \"w\" : float32(1, 1, 2, 2)\n"
      "%2 = Convolution(%0, %1) \"c\" {kernel=\"(2, 2)\", num_filter=\"1\", no_bias=\"1\", dilate=\"(2, 2)\"}",
      1 + 6 + 21 + 36);
}

static void test_convolution_groups_and_dimensions(void **state) {
  (void)state;
  /* Two groups of one channel: 1 2 3 with 1 2, 4 5 6 with 3 4. */
  ASSERT_FORWARD(
      "%0 = input \"x\" : float32(1, 2, 3)\n%1 = input \"w\" : float32(2, 1, 2)\n"
      "%2 = Convolution(%0, %1) \"c\" {kernel=\"(2,)\", num_filter=\"2\", num_group=\"2\", no_bias=\"1\"}",
      5, 8, 32, 39);
  ASSERT_FORWARD(
      "%0 = input \"x\" : float32(1, 1, 2, 2, 2)\n%1 = input \"w\" : float32(1, 1, 2, 1, 2)\n"
      "%2 = Convolution(%0, %1) \"c\" {kernel=\"(2, 1, 2)\", num_filter=\"1\", no_bias=\"1\"}",
      1 + 4 + 15 + 24, 3 + 8 + 21 + 32);
  /* Two images, one tap, two channels in and out: 1x1 takes the image as one row. */
  ASSERT_FORWARD(
      "%0 = input \"x\" : float32(2, 2, 1, 3)\n%1 = input \"w\" : float32(2, 2, 1, 1)\n"
      "%2 = Convolution(%0, %1) \"c\" {kernel=\"(1, 1)\", num_filter=\"2\", no_bias=\"1\"}",
      9, 12, 15, 19, 26, 33, 27, 30, 33, 61, 68, 75);
}

static void test_deconvolution(void **state) {
  (void)state;
  ASSERT_FORWARD(
      "%0 = input \"x\" : float32(1, 1, 2)\n%1 = input \"w\" : float32(1, 1, 3)\n"
      "%2 = Deconvolution(%0, %1) \"d\" {kernel=\"(3,)\", stride=\"(2,)\", num_filter=\"1\"}",
      1, 2, 3 + 2, 4, 6);
}

static void test_pooling(void **state) {
  (void)state;
  const char *image = "%0 = input \"x\" : float32(1, 1, 3, 3)\n";
#define POOL(attributes) arena_printf(&memory, "%s%%1 = Pooling(%%0) \"p\" {%s}", image, attributes)
  ASSERT_FORWARD(POOL("kernel=\"(2, 2)\""), 5, 6, 8, 9);
  ASSERT_FORWARD(POOL("kernel=\"(2, 2)\", stride=\"(2, 2)\""), 5);
  ASSERT_FORWARD(POOL("kernel=\"(2, 2)\", stride=\"(2, 2)\", pooling_convention=\"full\""), 5, 6, 8, 9);
  /* Beyond the border an average counts only what the pad holds. */
  ASSERT_FORWARD(POOL("kernel=\"(2, 2)\", stride=\"(2, 2)\", pooling_convention=\"full\", pool_type=\"avg\""), 3, 4.5,
                 7.5, 9);
  ASSERT_FORWARD(POOL("kernel=\"(2, 2)\", stride=\"(2, 2)\", pad=\"(1, 1)\", pool_type=\"avg\""), 0.25, 1.25, 2.75, 7);
  ASSERT_FORWARD(
      POOL("kernel=\"(2, 2)\", stride=\"(2, 2)\", pad=\"(1, 1)\", pool_type=\"avg\", count_include_pad=\"False\""), 1,
      2.5, 5.5, 7);
  ASSERT_FORWARD(POOL("kernel=\"(2, 2)\", stride=\"(2, 2)\", pad=\"(1, 1)\", pool_type=\"sum\""), 1, 5, 11, 28);
  ASSERT_FORWARD(POOL("global_pool=\"True\", pool_type=\"avg\", kernel=\"(7, 7)\", pad=\"(3, 3)\""), 5);
  ASSERT_FORWARD(POOL("kernel=\"(3, 3)\", pool_type=\"lp\", p_value=\"2\""), 16.881943016134134);
  ASSERT_FORWARD(POOL("global_pool=\"True\", layout=\"NHWC\""), 7, 8, 9);
#undef POOL
}

static void test_max_of_negatives(void **state) {
  (void)state;
  run r = prepare("%0 = input \"x\" : float32(1, 1, 3)\n%1 = Pooling(%0) \"p\" {kernel=\"(3,)\", pad=\"(1,)\"}");
  set(&r.inputs[0], (const double[]){-3, -2, -5});
  execute(&r);
  ASSERT_VALUES(&r.outputs[0], -2, -2, -2);
}

static void test_fully_connected(void **state) {
  (void)state;
  ASSERT_FORWARD(
      "%0 = input \"x\" : float32(2, 1, 2)\n%1 = input \"w\" : float32(2, 2)\n%2 = input \"b\" : float32(2)\n"
      "%3 = FullyConnected(%0, %1, %2) \"f\" {num_hidden=\"2\"}",
      6, 13, 12, 27);
  ASSERT_FORWARD(
      "%0 = input \"x\" : float32(1, 2, 2)\n%1 = input \"w\" : float32(1, 2)\n"
      "%2 = FullyConnected(%0, %1) \"f\" {num_hidden=\"1\", no_bias=\"1\", flatten=\"0\"}",
      5, 11);
  /* Longer than the vectors of the loop: 1 + 4 + ... + 19 * 19. */
  ASSERT_FORWARD(
      "%0 = input \"x\" : float64(1, 19)\n%1 = input \"w\" : float64(1, 19)\n"
      "%2 = FullyConnected(%0, %1) \"f\" {num_hidden=\"1\", no_bias=\"1\"}",
      2470);
}

/* eps and fix_gamma must be MXNet's: a variance of 1e-3 shows the default of 1e-3. */
static void assert_batch_norm(const char *attributes, double expected) {
  run r = prepare(arena_printf(&memory,
                               "%%0 = input \"x\" : float32(1, 1, 1)\n%%1 = input \"g\" : float32(1)\n"
                               "%%2 = BatchNorm(%%0, %%1, %%1, %%1, %%1) \"b\" {%s}",
                               attributes));
  set(&r.inputs[0], (const double[]){3});
  set(&r.inputs[1], (const double[]){2});
  set(&r.inputs[2], (const double[]){0.5});
  set(&r.inputs[3], (const double[]){1});
  set(&r.inputs[4], (const double[]){1e-3});
  execute(&r);
  double got;
  load_doubles(&r.outputs[0], 0, 1, &got);
  if (fabs(got - expected) > 1e-4 * fabs(expected)) fail_msg("expected %.9g, got %.9g", expected, got);
}

static void test_batch_norm(void **state) {
  (void)state;
  assert_batch_norm("", 2 / sqrt(2e-3) + 0.5);
  assert_batch_norm("fix_gamma=\"False\"", 4 / sqrt(2e-3) + 0.5);
  assert_batch_norm("eps=\"1e-05\"", 2 / sqrt(1.01e-3) + 0.5);
  assert_batch_norm("eps=\"0.003\", use_global_stats=\"True\"", 2 / sqrt(4e-3) + 0.5);
}

static void test_batch_norm_axis(void **state) {
  (void)state;
  run r = prepare(
      "%0 = input \"x\" : float32(1, 2, 2)\n%1 = input \"g\" : float32(2)\n%2 = input \"v\" : float32(2)\n"
      "%3 = BatchNorm(%0, %1, %1, %2, %2) \"b\" {axis=\"-1\", eps=\"0\", output_mean_var=\"1\"}");
  set(&r.inputs[3], (const double[]){1, 2});
  set(&r.inputs[4], (const double[]){1, 4});
  execute(&r);
  ASSERT_VALUES(&r.outputs[0], 1, 2, 3, 3);
  ASSERT_VALUES(&r.outputs[1], 1, 2);
  ASSERT_VALUES(&r.outputs[2], 1, 0.5);
}

static void test_l2_normalization(void **state) {
  (void)state;
  run r = prepare("%0 = input \"x\" : float32(2, 2)\n%1 = L2Normalization(%0) \"l\"");
  set(&r.inputs[0], (const double[]){3, 4, 6, 8});
  execute(&r);
  ASSERT_VALUES(&r.outputs[0], 0.6, 0.8, 0.6, 0.8);
}

static void test_softmax(void **state) {
  (void)state;
  const double a = 1 / (1 + M_E), b = M_E / (1 + M_E), c = 1 / (1 + M_E * M_E), d = 1 - 1 / (1 + M_E * M_E);
  ASSERT_FORWARD("%0 = input \"x\" : float32(2, 2)\n%1 = softmax(%0) \"s\"", a, b, a, b);
  ASSERT_FORWARD("%0 = input \"x\" : float32(2, 2)\n%1 = softmax(%0) \"s\" {axis=\"0\"}", c, c, d, d);
  ASSERT_FORWARD("%0 = input \"x\" : float32(2, 2)\n%1 = softmax(%0) \"s\" {axis=\"0\", temperature=\"2\"}", a, a, b,
                 b);
  ASSERT_FORWARD("%0 = input \"x\" : float32(1, 2)\n%1 = log_softmax(%0) \"s\"", log(a), log(b));
  ASSERT_FORWARD("%0 = input \"x\" : float32(1, 2)\n%1 = softmin(%0) \"s\"", b, a);
  ASSERT_FORWARD("%0 = input \"x\" : float32(1, 2, 2, 1)\n%1 = SoftmaxActivation(%0) \"s\" {mode=\"channel\"}", c, c, d,
                 d);
  /* The largest number is taken off first. */
  run r = prepare("%0 = input \"x\" : float32(1, 2)\n%1 = softmax(%0) \"s\"");
  set(&r.inputs[0], (const double[]){1000, 999});
  execute(&r);
  ASSERT_VALUES(&r.outputs[0], b, a);
}

static void test_softmax_output(void **state) {
  (void)state;
  const double a = 1 / (1 + M_E), b = M_E / (1 + M_E), c = 1 / (1 + M_E * M_E), d = 1 - 1 / (1 + M_E * M_E);
#define OUTPUT(type, attributes) \
  "%0 = input \"x\" : " type "\n%1 = input \"y\" : ??\n%2 = SoftmaxOutput(%0, %1) \"s\" {" attributes "}"
  ASSERT_FORWARD(OUTPUT("float32(2, 2)", ""), a, b, a, b);
  ASSERT_FORWARD(OUTPUT("float32(1, 2, 2)", "multi_output=\"True\""), c, c, d, d);
  ASSERT_FORWARD(OUTPUT("float32(1, 2, 2)", "preserve_shape=\"True\""), a, b, a, b);
  /* MXNet's oneDNN takes the last axis of four dimensions, other code all of them. */
  ASSERT_FORWARD(OUTPUT("float32(1, 2, 1, 2)", ""), a, b, a, b);
  const double sum = 1 + M_E + M_E * M_E + M_E * M_E * M_E;
  ASSERT_FORWARD(OUTPUT("float64(1, 2, 1, 2)", ""), 1 / sum, M_E / sum, M_E * M_E / sum, M_E * M_E * M_E / sum);
#undef OUTPUT
}

static void test_activations(void **state) {
  (void)state;
  const char *x = "%0 = input \"x\" : float32(1, 3)\n";
  static const struct {
    const char *op;
    double expected[3]; /* of -1, 0 and 2 */
  } cases[] = {
      {"Activation(%0) \"a\" {act_type=\"relu\"}", {0, 0, 2}},
      {"Activation(%0) \"a\" {act_type=\"sigmoid\"}", {0.2689414213699951, 0.5, 0.8807970779778823}},
      {"Activation(%0) \"a\" {act_type=\"tanh\"}", {-0.7615941559557649, 0, 0.9640275800758169}},
      {"Activation(%0) \"a\" {act_type=\"softrelu\"}", {0.31326168751822286, 0.6931471805599453, 2.1269280110429727}},
      {"Activation(%0) \"a\" {act_type=\"softsign\"}", {-0.5, 0, 2.0 / 3}},
      {"LeakyReLU(%0) \"a\"", {-0.25, 0, 2}},
      {"LeakyReLU(%0) \"a\" {act_type=\"elu\", slope=\"0.5\"}", {-0.31606027941427883, 0, 2}},
      {"LeakyReLU(%0) \"a\" {act_type=\"rrelu\", lower_bound=\"0.25\", upper_bound=\"0.5\"}", {-0.375, 0, 2}},
      {"LeakyReLU(%0) \"a\" {act_type=\"selu\"}", {-1.1113307378125628, 0, 2.1014019747109692}},
      {"LeakyReLU(%0) \"a\" {act_type=\"gelu\"}", {-0.15865525393145707, 0, 1.9544997361036416}},
      {"clip(%0) \"a\" {a_min=\"-0.5\", a_max=\"1\"}", {-0.5, 0, 1}},
      {"clip(%0) \"a\" {a_min=\"1\", a_max=\"0\"}", {1, 1, 0}},
      {"clip(%0) \"a\" {a_min=\"nan\", a_max=\"1\"}", {-1, 0, 1}},
      {"_rminus_scalar(%0) \"a\" {scalar=\"1\"}", {2, 1, -1}},
      {"_rpower_scalar(%0) \"a\" {scalar=\"2\"}", {0.5, 1, 4}},
      {"_maximum_scalar(%0) \"a\" {scalar=\"0\"}", {0, 0, 2}},
      {"_mod_scalar(%0) \"a\" {scalar=\"1.5\"}", {0.5, 0, 0.5}},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    run r = prepare(arena_printf(&memory, "%s%%1 = %s", x, cases[i].op));
    set(&r.inputs[0], (const double[]){-1, 0, 2});
    execute(&r);
    assert_values(&r.outputs[0], cases[i].expected, 3);
  }
}

static void test_prelu(void **state) {
  (void)state;
  run r = prepare(
      "%0 = input \"x\" : float32(1, 2, 2)\n%1 = input \"g\" : float32(2)\n"
      "%2 = LeakyReLU(%0, %1) \"l\" {act_type=\"prelu\"}");
  set(&r.inputs[0], (const double[]){-1, 2, -3, -4});
  set(&r.inputs[1], (const double[]){0.5, 0.25});
  execute(&r);
  ASSERT_VALUES(&r.outputs[0], -0.5, 2, -0.75, -1);
}

static void test_prelu_of_images(void **state) {
  (void)state;
  run r = prepare(
      "%0 = input \"x\" : float32(2, 1, 2)\n%1 = input \"g\" : float32(2, 1)\n"
      "%2 = LeakyReLU(%0, %1) \"l\" {act_type=\"prelu\"}");
  set(&r.inputs[0], (const double[]){-1, 2, -3, -4});
  set(&r.inputs[1], (const double[]){0.5, 0.25});
  execute(&r);
  ASSERT_VALUES(&r.outputs[0], -0.5, 2, -0.75, -1);
}

static void test_rounding(void **state) {
  (void)state;
  run r = prepare("%0 = input \"x\" : float32(6)\n%1 = rint(%0) \"r\"");
  const double x[] = {-2.5, -0.5, 0.5, 1.5, 2.5, 2.6};
  set(&r.inputs[0], x);
  execute(&r);
  ASSERT_VALUES(&r.outputs[0], -3, -1, 0, 1, 2, 3);
  r = prepare("%0 = input \"x\" : float32(6)\n%1 = round(%0) \"r\"");
  set(&r.inputs[0], x);
  execute(&r);
  ASSERT_VALUES(&r.outputs[0], -3, -1, 1, 2, 3, 3);
}

static void test_integers(void **state) {
  (void)state;
  run r = prepare("%0 = input \"x\" : int64(2)\n%1 = input \"y\" : int64(2)\n%2 = elemwise_add(%0, %1) \"a\"");
  store_integers(&r.inputs[0], 0, 2, (const int64_t[]){INT64_MAX, 9007199254740993});
  store_integers(&r.inputs[1], 0, 2, (const int64_t[]){1, 2});
  execute(&r);
  int64_t got[2];
  load_integers(&r.outputs[0], 0, 2, got);
  assert_true(got[0] == INT64_MIN && got[1] == 9007199254740995);
  r = prepare("%0 = input \"x\" : int32(3)\n%1 = input \"y\" : int32(3)\n%2 = elemwise_div(%0, %1) \"a\"");
  set(&r.inputs[0], (const double[]){7, -7, 5});
  set(&r.inputs[1], (const double[]){2, 2, 0});
  execute(&r);
  ASSERT_VALUES(&r.outputs[0], 3, -3, 0);
}

static void test_broadcast(void **state) {
  (void)state;
  ASSERT_FORWARD(
      "%0 = input \"x\" : float32(2, 1, 2)\n%1 = input \"y\" : float32(3, 1)\n%2 = broadcast_add(%0, %1) \"a\"", 2, 3,
      3, 4, 4, 5, 4, 5, 5, 6, 6, 7);
  ASSERT_FORWARD("%0 = input \"x\" : float32(1)\n%1 = input \"y\" : float32(2, 2)\n%2 = broadcast_sub(%0, %1) \"a\"", 0,
                 -1, -2, -3);
}

static void test_moves(void **state) {
  (void)state;
  const char *x = "%0 = input \"x\" : float32(2, 3)\n";
#define OP(line) arena_printf(&memory, "%s%%1 = %s", x, line)
  ASSERT_FORWARD(OP("transpose(%0) \"n\""), 1, 4, 2, 5, 3, 6);
  ASSERT_FORWARD(OP("SwapAxis(%0) \"n\" {dim1=\"0\", dim2=\"1\"}"), 1, 4, 2, 5, 3, 6);
  ASSERT_FORWARD(OP("slice(%0) \"n\" {begin=\"(None, 1)\", end=\"(None, None)\"}"), 2, 3, 5, 6);
  ASSERT_FORWARD(OP("slice(%0) \"n\" {begin=\"(None, None)\", end=\"(None, None)\", step=\"(-1, -2)\"}"), 6, 4, 3, 1);
  ASSERT_FORWARD(OP("slice_axis(%0) \"n\" {axis=\"1\", begin=\"-1\", end=\"None\"}"), 3, 6);
  ASSERT_FORWARD(OP("Concat(%0, %0) \"n\" {num_args=\"2\", dim=\"1\"}"), 1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6);
  ASSERT_FORWARD(OP("Reshape(%0) \"n\" {shape=\"(3, 2)\"}"), 1, 2, 3, 4, 5, 6);
  ASSERT_FORWARD(OP("Dropout(%0) \"n\" {p=\"0.9\"}"), 1, 2, 3, 4, 5, 6);
#undef OP
  ASSERT_FORWARD("%0 = input \"x\" : float32(2, 3)\n%1 = input \"y\" : float32(1, 2)\n%2 = slice_like(%0, %1) \"n\"", 1,
                 2);
  ASSERT_FORWARD("%0 = input \"x\" : uint8(2, 2, 2)\n%1 = transpose(%0) \"n\" {axes=\"(1, 0, 2)\"}", 1, 2, 5, 6, 3, 4,
                 7, 8);
  run r = prepare("%0 = input \"x\" : float32(2, 4)\n%1 = SliceChannel(%0) \"n\" {num_outputs=\"2\"}");
  execute(&r);
  ASSERT_VALUES(&r.outputs[0], 1, 2, 5, 6);
  ASSERT_VALUES(&r.outputs[1], 3, 4, 7, 8);
}

static void test_cast(void **state) {
  (void)state;
  const char *const lines = "%0 = input \"x\" : float32(4)\n%1 = Cast(%0) \"c\" {dtype=\"int8\"}";
  run r = prepare(lines);
  set(&r.inputs[0], (const double[]){1.9, -1.9, 300, -3e9});
  execute(&r);
  ASSERT_VALUES(&r.outputs[0], 1, -1, 44, 0);
  r = prepare("%0 = input \"x\" : float64(6)\n%1 = Cast(%0) \"c\" {dtype=\"float16\"}");
  /* Ties go to even, from 65520 on to infinity, 2^-24 is the least. */
  set(&r.inputs[0], (const double[]){2049, 2051, 65519, 65520, 0x1p-24, 0x1p-25});
  execute(&r);
  ASSERT_VALUES(&r.outputs[0], 2048, 2052, 65504, INFINITY, 0x1p-24, 0);
  r = prepare("%0 = input \"x\" : float32(4)\n%1 = Cast(%0) \"c\" {dtype=\"bfloat16\"}");
  set(&r.inputs[0], (const double[]){257, 259, FLT_MAX, NAN});
  execute(&r);
  ASSERT_VALUES(&r.outputs[0], 256, 260, INFINITY, NAN);
}

/* What must not be computed. */

static void assert_forward_refused(run *r, mxn_status code, const char *message) {
  error = (mxn_error){0};
  assert_int_equal(op_forward(r->node, r->inputs, r->outputs, &error), code);
  assert_string_equal(error.message, message);
}

static void test_refusals(void **state) {
  (void)state;
  run r = prepare("%0 = input \"x\" : float32(2, 3)\n%1 = relu(%0) \"r\"");
  r.outputs[0].type.dims[1] = 4;
  assert_forward_refused(&r, MXN_SHAPE, "node 'r' (relu): its output has shape (2, 4), expected (2, 3)");
  r = prepare("%0 = input \"x\" : float32(2, 3)\n%1 = relu(%0) \"r\"");
  r.inputs[0].data = NULL;
  assert_forward_refused(&r, MXN_ARGUMENT, "node 'r' (relu): input 0 has no data");
  r.node = last(parse("%0 = input \"x\" : float32(2)\n%1 = QActivation(%0) \"q\""));
  assert_forward_refused(&r, MXN_UNSUPPORTED, "node 'q' (QActivation): nobody knows the operator");
}

/* A pad that no memory holds. */
static void test_memory(void **state) {
  (void)state;
  run r = prepare(
      "%0 = input \"x\" : float32(1, 1, 1, 1)\n%1 = input \"w\" : float32(1, 1, 1, 1)\n"
      "%2 = Convolution(%0, %1) \"c\" {kernel=\"(1, 1)\", num_filter=\"1\", no_bias=\"1\", "
      "pad=\"(2147483647, 2147483647)\", stride=\"(2147483647, 2147483647)\"}");
  assert_forward_refused(&r, MXN_NOMEM, "node 'c' (Convolution): not enough memory to run it");
}

/* Sizes of 0 are sizes where numpy's semantics hold, and refused elsewhere. */
static void test_empty(void **state) {
  (void)state;
  static const char *const cases[] = {
      ("%0 = input \"x\" : float32(0, 3)\n%1 = input \"w\" : float32(2, 3)\n"
       "%2 = FullyConnected(%0, %1) \"n\" {num_hidden=\"2\", no_bias=\"1\"}"),
      "%0 = input \"x\" : float32(0, 3, 4, 4)\n%1 = Pooling(%0) \"n\" {kernel=\"(2, 2)\"}",
      "%0 = input \"x\" : float32(0, 3)\n%1 = softmax(%0) \"n\"",
      ("%0 = input \"x\" : float32(0, 3, 2147483647)\n"
       "%1 = _npi_delete(%0) \"n\" {start=\"1\", stop=\"2\", step=\"1\", axis=\"0\"}"),
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    run r = prepare(cases[i]);
    r.node->np_shape = true;
    execute(&r);
    r.node->np_shape = false;
    error = (mxn_error){0};
    assert_int_equal(op_forward(r.node, r.inputs, r.outputs, &error), MXN_SHAPE);
    assert_non_null(strstr(error.message, "): input 0 has shape (0, 3"));
  }
}

/* No channels to add up: what is left is the bias, here none. The padded image would have
 * 2^61 elements a channel. */
static void test_convolution_of_no_channels(void **state) {
  (void)state;
  run r = prepare(
      "%0 = input \"x\" : float32(1, 0, 2, 1)\n%1 = input \"w\" : float32(1, 0, 1, 1)\n"
      "%2 = Convolution(%0, %1) \"c\" {kernel=\"(1, 1)\", num_filter=\"1\", no_bias=\"1\", "
      "pad=\"(536870911, 536870911)\", stride=\"(268435456, 268435456)\"}");
  r.node->np_shape = true;
  execute(&r);
  ASSERT_VALUES(&r.outputs[0], 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
}

static void test_regions_of_no_pixels(void **state) {
  (void)state;
  run r = prepare(
      "%0 = input \"x\" : float32(1, 1, 0, 3)\n%1 = input \"r\" : float32(1, 5)\n"
      "%2 = _contrib_ROIAlign(%0, %1) \"a\" {pooled_size=\"(1, 1)\", spatial_scale=\"1\"}");
  r.node->np_shape = true;
  set(&r.inputs[1], (const double[]){0, 0, 0, 1, 1});
  execute(&r);
  ASSERT_VALUES(&r.outputs[0], 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_convolution),
      TEST(test_convolution_groups_and_dimensions),
      TEST(test_deconvolution),
      TEST(test_pooling),
      TEST(test_max_of_negatives),
      TEST(test_fully_connected),
      TEST(test_batch_norm),
      TEST(test_batch_norm_axis),
      TEST(test_l2_normalization),
      TEST(test_softmax),
      TEST(test_softmax_output),
      TEST(test_activations),
      TEST(test_prelu),
      TEST(test_prelu_of_images),
      TEST(test_rounding),
      TEST(test_integers),
      TEST(test_broadcast),
      TEST(test_moves),
      TEST(test_cast),
      TEST(test_refusals),
      TEST(test_memory),
      TEST(test_empty),
      TEST(test_convolution_of_no_channels),
      TEST(test_regions_of_no_pixels),
  };
  return cmocka_run_group_tests_name("ops: forward", tests, NULL, NULL);
}
