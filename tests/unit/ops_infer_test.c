/* ops_infer_test.c - shapes and element types, forward and backward.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit/ops_graph.h"

/* The output of one operator on one input of that shape. */
static void assert_shape(const char *op, const char *attributes, const char *in, const char *expected) {
  const char *lines =
      arena_printf(&memory, "%%0 = input \"x\" : float32%s\n%%1 = %s(%%0) \"n\" {%s}", in, op, attributes);
  assert_type(last(inferred(lines)), 0, arena_printf(&memory, "float32%s", expected));
}

static void assert_shape_refused(const char *op, const char *attributes, const char *in, const char *message) {
  const char *lines =
      arena_printf(&memory, "%%0 = input \"x\" : float32%s\n%%1 = %s(%%0) \"n\" {%s}", in, op, attributes);
  assert_refused(lines, MXN_SHAPE, arena_printf(&memory, "t: node 'n' (%s): %s", op, message));
}

static void test_convolution(void **state) {
  (void)state;
  graph *g = inferred(
      "%0 = input \"x\" : float32(2, 6, 11, 7)\n%1 = input \"w\" : ??\n%2 = input \"b\" : ??\n"
      "%3 = Convolution(%0, %1, %2) \"c\" {kernel=\"(3, 2)\", stride=\"(2, 1)\", pad=\"(1, 0)\", "
      "dilate=\"(1, 3)\", num_filter=\"8\", num_group=\"2\"}");
  assert_type(g->nodes[1], 0, "float32(8, 3, 3, 2)");
  assert_type(g->nodes[2], 0, "float32(8)");
  assert_type(g->nodes[3], 0, "float32(2, 8, 6, 4)");
}

/* With a stride of 1 the size of the input follows from that of the output. */
static void test_convolution_backward(void **state) {
  (void)state;
  graph *g = inferred(
      "%0 = input \"x\" : ??\n%1 = constant \"w\" : float32(4, 5, 3, 3)\n"
      "%2 = Convolution(%0, %1) \"c\" {kernel=\"(3, 3)\", num_filter=\"4\", no_bias=\"True\"}\n"
      "%3 = input \"y\" : float32(2, 4, 6, 7)\n%4 = elemwise_add(%2, %3) \"a\"");
  assert_type(g->nodes[0], 0, "float32(2, 5, 8, 9)");
}

static void test_convolution_refusals(void **state) {
  (void)state;
  const char *lines =
      "%%0 = input \"x\" : float32(1, 4, 5, 5)\n%%1 = input \"w\" : ??\n"
      "%%2 = Convolution(%%0, %%1) \"conv0\" {no_bias=\"1\", num_filter=\"6\", %s}";
  static const char *const cases[][2] = {
      {"kernel=\"(3, 3)\", pad=\"(1, 1, 1)\"", "pad has 3 values, expected 2"},
      {"kernel=\"(3, 3)\", stride=\"(2,)\"", "stride has 1 values, expected 2"},
      {"kernel=\"(7, 3)\"", "the kernel spans 7, more than the input of 5 with pad 0"},
      {"kernel=\"(3, 3)\", num_group=\"3\"", "4 input channels are not a multiple of num_group 3"},
      {"kernel=\"(3, 3)\", num_group=\"4\"", "num_filter 6 is not a multiple of num_group 4"},
      {"kernel=\"(3,)\"", "data has shape (1, 4, 5, 5), expected (?, ?, ?)"},
      {"kernel=\"()\"", "kernel has 0 values, expected 1 to 3"},
      {"kernel=\"(3, 3)\", pad=\"(1, 9223372036854775807)\"", "pad is out of range: 9223372036854775807"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char *text = arena_alloc(&memory, 512);
    snprintf(text, 512, lines, cases[i][0]);
    assert_refused(text, MXN_SHAPE, arena_printf(&memory, "t: node 'conv0' (Convolution): %s", cases[i][1]));
  }
  char *text = arena_alloc(&memory, 512);
  snprintf(text, 512, lines, "kernel=\"(3, 3)\", layout=\"NHWC\"");
  assert_refused(text, MXN_UNSUPPORTED, "t: node 'conv0' (Convolution): layout NHWC is not supported, expected NCHW");
}

static void test_wrong_weight(void **state) {
  (void)state;
  assert_refused(
      "%0 = input \"x\" : float32(1, 20)\n%1 = constant \"w\" : float32(10, 30)\n"
      "%2 = FullyConnected(%0, %1) \"fc1\" {num_hidden=\"10\", no_bias=\"True\"}",
      MXN_SHAPE, "t: node 'fc1' (FullyConnected): weight has shape (10, 30), expected (10, 20)");
  assert_refused(
      "%0 = input \"x\" : float32(1, 20)\n%1 = constant \"w\" : float64(10, 20)\n"
      "%2 = FullyConnected(%0, %1) \"fc1\" {num_hidden=\"10\", no_bias=\"True\"}",
      MXN_SHAPE, "t: node 'fc1' (FullyConnected): weight is float64, expected float32");
}

static void test_fully_connected(void **state) {
  (void)state;
  graph *g = inferred(
      "%0 = input \"x\" : float32(2, 3, 4)\n%1 = input \"w\" : ??\n%2 = input \"b\" : ??\n"
      "%3 = FullyConnected(%0, %1, %2) \"f\" {num_hidden=\"5\"}\n%4 = input \"v\" : ??\n"
      "%5 = FullyConnected(%0, %4) \"h\" {num_hidden=\"5\", flatten=\"False\", no_bias=\"True\"}");
  assert_type(g->nodes[1], 0, "float32(5, 12)");
  assert_type(g->nodes[2], 0, "float32(5)");
  assert_type(g->nodes[3], 0, "float32(2, 5)");
  assert_type(g->nodes[4], 0, "float32(5, 4)");
  assert_type(g->nodes[5], 0, "float32(2, 3, 5)");
}

/* The batch comes back from an output. */
static void test_batch_backward(void **state) {
  (void)state;
  graph *g = inferred(
      "%0 = input \"x\" : ?(?, 20)\n%1 = constant \"w\" : float32(10, 20)\n"
      "%2 = FullyConnected(%0, %1) \"f\" {num_hidden=\"10\", no_bias=\"True\"}\n%3 = relu(%2) \"r\"\n"
      "%4 = input \"y\" : float32(7, 10)\n%5 = elemwise_mul(%3, %4) \"m\"");
  assert_type(g->nodes[0], 0, "float32(7, 20)");
  assert_type(g->nodes[3], 0, "float32(7, 10)");
}

static void test_pooling(void **state) {
  (void)state;
  assert_shape("Pooling", "kernel=\"(3, 3)\", stride=\"(2, 2)\"", "(1, 4, 8, 9)", "(1, 4, 3, 4)");
  assert_shape("Pooling", "kernel=\"(3, 3)\", stride=\"(2, 2)\", pooling_convention=\"full\"", "(1, 4, 8, 9)",
               "(1, 4, 4, 4)");
  assert_shape("Pooling", "kernel=\"(2,)\", stride=\"(3,)\", pooling_convention=\"same\"", "(1, 4, 8)", "(1, 4, 3)");
  assert_shape("Pooling", "kernel=\"(2, 2, 2)\", pad=\"(1, 0, 0)\"", "(1, 4, 3, 3, 3)", "(1, 4, 4, 2, 2)");
  assert_shape("Pooling", "global_pool=\"True\"", "(1, 4, 8, 9)", "(1, 4, 1, 1)");
  assert_shape("Pooling", "kernel=\"(2, 2)\", layout=\"NHWC\"", "(1, 8, 9, 4)", "(1, 7, 8, 4)");
  assert_shape_refused("Pooling", "kernel=\"(9, 3)\"", "(1, 4, 8, 9)",
                       "the kernel of 9 is larger than the input of 8 with pad 0");
  assert_shape_refused("Pooling", "kernel=\"(3, 3)\"", "(1, 4)", "data has 2 dimensions, expected 3 to 5");
  assert_shape_refused("Pooling", "kernel=\"(3,)\"", "(1, 4, 8, 9)", "kernel has 1 values, expected 2");
  assert_shape_refused("Pooling", "kernel=\"(3, 3)\", stride=\"None\"", "(1, 4, 8, 9)",
                       "stride is None, expected 2 values");
  assert_shape_refused("Pooling", "kernel=\"(3, 3)\", pool_type=\"lp\", p_value=\"4\"", "(1, 4, 8, 9)",
                       "p_value is 4, expected 1, 2 or 3");
}

static void test_reshape(void **state) {
  (void)state;
  assert_shape("Reshape", "shape=\"(0, -1)\"", "(2, 3, 4)", "(2, 12)");
  assert_shape("Reshape", "shape=\"(-1, 6)\"", "(2, 3, 4)", "(4, 6)");
  assert_shape("Reshape", "shape=\"(-2,)\"", "(2, 3, 4)", "(2, 3, 4)");
  assert_shape("Reshape", "shape=\"(-2, 1, 1)\"", "(2, 3, 4)", "(2, 3, 4, 1, 1)");
  assert_shape("Reshape", "shape=\"(-3, 4)\"", "(2, 3, 4)", "(6, 4)");
  assert_shape("Reshape", "shape=\"(0, -3)\"", "(2, 3, 4)", "(2, 12)");
  assert_shape("Reshape", "shape=\"(-4, 1, 2, -2)\"", "(2, 3, 4)", "(1, 2, 3, 4)");
  assert_shape("Reshape", "shape=\"(0, -4, 2, -1, -2)\"", "(1, 64, 5, 5)", "(1, 2, 32, 5, 5)");
  assert_shape("Reshape", "shape=\"(0, -3, -2)\"", "(1, 2, 32, 5, 5)", "(1, 64, 5, 5)");
  assert_shape("Reshape", "shape=\"(-1, 0)\", reverse=\"1\"", "(10, 5, 4)", "(50, 4)");
  assert_shape("Reshape", "shape=\"(-1, 0)\"", "(10, 5, 4)", "(40, 5)");
  assert_shape("Reshape", "target_shape=\"(2, 0)\"", "(2, 3, 4)", "(2, 12)");
  assert_shape("Reshape", "shape=\"(0, -1)\"", "(2, ?, 4)", "(2, ?)");
}

static void test_reshape_refusals(void **state) {
  (void)state;
  assert_shape_refused("Reshape", "shape=\"(5, -1)\"", "(2, 3)", "6 elements of (2, 3) do not fit the shape (5, ?)");
  assert_shape_refused("Reshape", "shape=\"(7,)\"", "(2, 3)", "6 elements of (2, 3) do not fit the shape (7)");
  assert_shape_refused("Reshape", "shape=\"(-1, -1)\"", "(2, 3)", "shape has -1 twice");
  assert_shape_refused("Reshape", "shape=\"(0, 0, 0)\"", "(2, 3)", "shape has more codes than data has dimensions");
  assert_shape_refused("Reshape", "shape=\"(0, -3)\"", "(2, 3)", "shape has more codes than data has dimensions");
  assert_shape_refused("Reshape", "shape=\"(-4, 2)\"", "(2, 3)", "code -4 of shape needs two values behind it");
  assert_shape_refused("Reshape", "shape=\"(-4, -1, -1, 3)\"", "(2, 3)", "both values behind code -4 of shape are -1");
  assert_shape_refused("Reshape", "shape=\"(-4, 3, -1, 3)\"", "(2, 3)", "code -4 of shape splits 2 into 3 and 0");
  assert_shape_refused("Reshape", "shape=\"(-5,)\"", "(2, 3)", "shape has the unknown code -5");
}

static void test_moves(void **state) {
  (void)state;
  assert_shape("Flatten", "", "(2, 3, 4)", "(2, 12)");
  assert_shape("transpose", "axes=\"(2, 0, 1)\"", "(2, 3, 4)", "(4, 2, 3)");
  assert_shape("transpose", "", "(2, 3, 4)", "(4, 3, 2)");
  assert_shape("SwapAxis", "dim1=\"1\", dim2=\"-1\"", "(2, 3, 4)", "(2, 4, 3)");
  assert_shape("expand_dims", "axis=\"-1\"", "(2, 3)", "(2, 3, 1)");
  assert_shape("expand_dims", "axis=\"0\"", "(2, 3)", "(1, 2, 3)");
  assert_shape("slice", "begin=\"(None, 1)\", end=\"(None, -1)\"", "(2, 5, 4)", "(2, 3, 4)");
  assert_shape("slice", "begin=\"(3,)\", end=\"(None,)\", step=\"(-2,)\"", "(5, 4)", "(2, 4)");
  assert_shape("slice_axis", "axis=\"-1\", begin=\"1\", end=\"None\"", "(2, 5)", "(2, 4)");
  assert_shape("slice_axis", "axis=\"1\", begin=\"-3\", end=\"-1\"", "(2, 5)", "(2, 2)");
  assert_shape("SliceChannel", "num_outputs=\"3\", axis=\"1\", squeeze_axis=\"1\"", "(2, 3, 4)", "(2, 4)");
  assert_shape_refused("SliceChannel", "num_outputs=\"2\"", "(2, 3)", "axis 1 of 3 does not split into num_outputs 2");
  assert_shape_refused("transpose", "axes=\"(0, 0)\"", "(2, 3)", "axes are no order of the 2 dimensions of data");
  assert_shape_refused("slice_axis", "axis=\"1\", begin=\"4\", end=\"9\"", "(2, 5)",
                       "begin 4 and end 9 select nothing inside 5");
  assert_shape_refused("softmax", "axis=\"2\"", "(2, 5)", "axis is 2, expected an axis of 2 dimensions");
  assert_shape_refused("Flatten", "", "(2, 4611686018427387904, 4)", "data has too many elements");
}

static void test_concat(void **state) {
  (void)state;
  graph *g = inferred(
      "%0 = input \"a\" : float32(2, 3, 5)\n%1 = input \"b\" : ?(?, 4, ?)\n"
      "%2 = Concat(%0, %1) \"c\" {num_args=\"2\"}");
  assert_type(g->nodes[1], 0, "float32(2, 4, 5)");
  assert_type(g->nodes[2], 0, "float32(2, 7, 5)");
  assert_refused(
      "%0 = input \"a\" : float32(2, 3, 5)\n%1 = input \"b\" : float32(2, 4, 6)\n"
      "%2 = Concat(%0, %1) \"c\" {num_args=\"2\"}",
      MXN_SHAPE, "t: node 'c' (Concat): input 1 has shape (2, 4, 6), expected (2, ?, 5)");
}

static void test_broadcast(void **state) {
  (void)state;
  graph *g = inferred(
      "%0 = input \"a\" : float32(2, 1, 5)\n%1 = input \"b\" : float32(3, 1)\n"
      "%2 = broadcast_add(%0, %1) \"c\"");
  assert_type(g->nodes[2], 0, "float32(2, 3, 5)");
  assert_refused("%0 = input \"a\" : float32(2, 3)\n%1 = input \"b\" : float32(4, 3)\n%2 = broadcast_mul(%0, %1) \"c\"",
                 MXN_SHAPE, "t: node 'c' (broadcast_mul): shapes (2, 3) and (4, 3) cannot be broadcast");
  assert_refused("%0 = input \"a\" : float32(2, 3)\n%1 = input \"b\" : float32(1, 3)\n%2 = elemwise_add(%0, %1) \"c\"",
                 MXN_SHAPE, "t: node 'c' (elemwise_add): rhs has shape (1, 3), expected (2, 3)");
}

static void assert_label(const char *attributes, const char *data, const char *expected) {
  const char *lines = arena_printf(&memory,
                                   "%%0 = input \"x\" : float32%s\n%%1 = input \"label\" : ??\n"
                                   "%%2 = SoftmaxOutput(%%0, %%1) \"s\" {%s}",
                                   data, attributes);
  assert_type(inferred(lines)->nodes[1], 0, arena_printf(&memory, "float32%s", expected));
}

static void test_labels(void **state) {
  (void)state;
  assert_label("", "(4, 10)", "(4)");
  assert_label("multi_output=\"True\"", "(4, 10, 3, 2)", "(4, 6)");
  assert_label("preserve_shape=\"True\"", "(4, 3, 10)", "(4, 3)");
  graph *g = inferred(
      "%0 = input \"x\" : float32(4, 1)\n%1 = input \"y\" : ??\n%2 = input \"z\" : float32(9, 9)\n"
      "%3 = LinearRegressionOutput(%0, %1) \"l\"\n%4 = SoftmaxOutput(%0, %2) \"s\"");
  assert_type(g->nodes[1], 0, "float32(4)");
  assert_type(g->nodes[4], 0, "float32(4, 1)");
}

/* Statistics of half-precision data are float32. */
static void test_batch_norm(void **state) {
  (void)state;
  graph *g = inferred(
      "%0 = input \"x\" : float16(2, 3, 4)\n%1 = input \"g\" : ??\n%2 = input \"v\" : ??\n"
      "%3 = BatchNorm(%0, %1, %1, %2, %2) \"b\" {axis=\"-1\"}");
  assert_type(g->nodes[1], 0, "float32(4)");
  assert_type(g->nodes[2], 0, "float32(4)");
  assert_type(g->nodes[3], 0, "float16(2, 3, 4)");
}

static void test_element_types(void **state) {
  (void)state;
  graph *g = inferred(
      "%0 = input \"a\" : int32(2)\n%1 = Cast(%0) \"c\" {dtype=\"float16\"}\n%2 = input \"b\" : ??\n"
      "%3 = elemwise_add(%1, %2) \"s\"\n%4 = input \"free\" : ?(3)\n%5 = relu(%4) \"r\"\n"
      "%6 = _plus_scalar(%0) \"p\" {scalar=\"0.5\", is_int=\"False\"}");
  assert_type(g->nodes[2], 0, "float16(2)");
  assert_type(g->nodes[3], 0, "float16(2)");
  assert_type(g->nodes[5], 0, "float32(3)");
  assert_type(g->nodes[6], 0, "float64(2)");
}

static void test_unknown_stays_unknown(void **state) {
  (void)state;
  graph *g = inferred("%0 = input \"x\" : ??\n%1 = Flatten(%0) \"f\"\n%2 = expand_dims(%1) \"e\" {axis=\"0\"}");
  assert_type(g->nodes[1], 0, "float32?");
  assert_type(g->nodes[2], 0, "float32?");
}

/* Inference is repeated where an executor learns more. */
static void test_again(void **state) {
  (void)state;
  graph *g = inferred("%0 = input \"x\" : ??\n%1 = relu(%0) \"r\"");
  g->nodes[0]->outputs[0] = type_of(MXN_FLOAT32, 2, (const int64_t[]){3, 4});
  assert_int_equal(ops_infer(g, &error), MXN_OK);
  assert_type(g->nodes[1], 0, "float32(3, 4)");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_convolution),
      TEST(test_convolution_backward),
      TEST(test_convolution_refusals),
      TEST(test_wrong_weight),
      TEST(test_fully_connected),
      TEST(test_batch_backward),
      TEST(test_pooling),
      TEST(test_reshape),
      TEST(test_reshape_refusals),
      TEST(test_moves),
      TEST(test_concat),
      TEST(test_broadcast),
      TEST(test_labels),
      TEST(test_batch_norm),
      TEST(test_element_types),
      TEST(test_unknown_stays_unknown),
      TEST(test_again),
  };
  return cmocka_run_group_tests_name("ops: inference", tests, NULL, NULL);
}
