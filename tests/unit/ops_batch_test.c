/* ops_batch_test.c - which graphs are proven to keep the samples of a batch apart.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit/ops_graph.h"

/* Constants carry no batch; the test needs no data in them. */
static graph *prepare(const char *lines) {
  static const mxn_tensor array;
  graph *g = inferred(lines);
  for (size_t i = 0; i < g->n_nodes; i++)
    if (node_is_variable(g->nodes[i]) && g->nodes[i]->name[0] == 'w') g->nodes[i]->constant = &array;
  return g;
}

static void assert_proven(const char *lines) {
  const node *first = NULL;
  if (!ops_prove_batch(prepare(lines), &first)) fail_msg("'%s' breaks the proof of: %s", first->name, lines);
  assert_null(first);
}

static void assert_broken_by(const char *name, const char *lines) {
  const node *first = NULL;
  if (ops_prove_batch(prepare(lines), &first)) fail_msg("proven: %s", lines);
  assert_string_equal(first->name, name);
}

/* One operator on a batch of two. */
static void assert_one(bool is_proven, const char *shape, const char *op) {
  const char *lines = arena_printf(&memory, "%%0 = input \"x\" : float32%s\n%%1 = %s", shape, op);
  if (is_proven)
    assert_proven(lines);
  else
    assert_broken_by("n", lines);
}

static void test_single_operators(void **state) {
  (void)state;
  assert_one(true, "(2, 3)", "relu(%0) \"n\"");
  assert_one(true, "(2, 3)", "_mul_scalar(%0) \"n\" {scalar=\"2\"}");
  assert_one(true, "(2, 3)", "elemwise_add(%0, %0) \"n\"");
  assert_one(true, "(2, 3)", "broadcast_add(%0, %0) \"n\"");
  assert_one(true, "(2, 3, 4, 4)", "Pooling(%0) \"n\" {kernel=\"(2, 2)\"}");
  assert_one(true, "(2, 3)", "softmax(%0) \"n\"");
  assert_one(true, "(2, 3)", "softmax(%0) \"n\" {axis=\"1\"}");
  assert_one(false, "(2, 3)", "softmax(%0) \"n\" {axis=\"0\"}");
  assert_one(false, "(2, 3)", "softmax(%0) \"n\" {axis=\"-2\"}");
  assert_one(false, "(2)", "softmax(%0) \"n\"");
  assert_one(true, "(2, 3, 4)", "Flatten(%0) \"n\"");
  assert_one(true, "(2, 3)", "Concat(%0, %0) \"n\" {num_args=\"2\", dim=\"1\"}");
  assert_one(false, "(2, 3)", "Concat(%0, %0) \"n\" {num_args=\"2\", dim=\"0\"}");
  assert_one(false, "(2, 3)", "Concat(%0, %0) \"n\" {num_args=\"2\", dim=\"-2\"}");
  assert_one(true, "(2, 4)", "SliceChannel(%0) \"n\" {num_outputs=\"2\"}");
  assert_one(false, "(2, 4)", "SliceChannel(%0) \"n\" {num_outputs=\"2\", axis=\"0\"}");
  assert_one(true, "(2, 3, 4)", "transpose(%0) \"n\" {axes=\"(0, 2, 1)\"}");
  assert_one(false, "(2, 2, 2)", "transpose(%0) \"n\" {axes=\"(1, 0, 2)\"}");
  assert_one(true, "(2, 3, 4)", "SwapAxis(%0) \"n\" {dim1=\"1\", dim2=\"2\"}");
  assert_one(false, "(2, 2, 4)", "SwapAxis(%0) \"n\" {dim1=\"0\", dim2=\"1\"}");
  assert_one(true, "(2, 3)", "expand_dims(%0) \"n\" {axis=\"1\"}");
  assert_one(false, "(1, 3)", "expand_dims(%0) \"n\" {axis=\"0\"}");
  assert_one(true, "(2, 3)", "L2Normalization(%0) \"n\"");
}

static void test_reshape(void **state) {
  (void)state;
  assert_one(true, "(2, 6)", "Reshape(%0) \"n\" {shape=\"(0, 2, 3)\"}");
  assert_one(true, "(2, 6)", "Reshape(%0) \"n\" {shape=\"(-1, 6)\"}");
  assert_one(true, "(1, 64, 5, 5)", "Reshape(%0) \"n\" {shape=\"(0, -4, 2, -1, -2)\"}");
  assert_one(false, "(2, 6)", "Reshape(%0) \"n\" {shape=\"(-1, 3)\"}");
  assert_one(false, "(2, 6)", "Reshape(%0) \"n\" {shape=\"(2, 6)\"}");
  assert_one(false, "(1, 6)", "Reshape(%0) \"n\" {shape=\"(1, 6)\"}");
  assert_one(false, "(2, 3, 4)", "Reshape(%0) \"n\" {shape=\"(-3, 4)\"}");
  assert_one(false, "(1, 3, 4)", "Reshape(%0) \"n\" {shape=\"(-4, 1, 1, -2)\"}");
}

static void test_slices(void **state) {
  (void)state;
  assert_one(true, "(2, 3)", "slice(%0) \"n\" {begin=\"(None, 1)\", end=\"(None, 2)\"}");
  assert_one(false, "(2, 3)", "slice(%0) \"n\" {begin=\"(0, 1)\", end=\"(2, 2)\"}");
  assert_one(false, "(2, 3)", "slice(%0) \"n\" {begin=\"(None,)\", end=\"(None,)\", step=\"(-1,)\"}");
  assert_one(true, "(2, 3)", "slice_axis(%0) \"n\" {axis=\"1\", begin=\"0\", end=\"2\"}");
  assert_one(false, "(2, 3)", "slice_axis(%0) \"n\" {axis=\"0\", begin=\"0\", end=\"2\"}");
  assert_one(true, "(2, 3)", "slice_axis(%0) \"n\" {axis=\"0\", begin=\"0\", end=\"None\"}");
}

static void test_layers(void **state) {
  (void)state;
  assert_proven(
      "%0 = input \"x\" : float32(2, 3, 8, 8)\n%1 = constant \"w1\" : float32(4, 3, 3, 3)\n"
      "%2 = Convolution(%0, %1) \"c\" {kernel=\"(3, 3)\", num_filter=\"4\", no_bias=\"1\"}\n"
      "%3 = constant \"w2\" : float32(4)\n%4 = BatchNorm(%2, %3, %3, %3, %3) \"b\"\n"
      "%5 = LeakyReLU(%4, %3) \"l\" {act_type=\"prelu\"}\n%6 = constant \"w3\" : float32(5, 144)\n"
      "%7 = FullyConnected(%5, %6) \"f\" {num_hidden=\"5\", no_bias=\"1\"}\n%8 = input \"label\" : float32(2)\n"
      "%9 = SoftmaxOutput(%7, %8) \"s\"");
  assert_broken_by("b",
                   "%0 = input \"x\" : float32(2, 3)\n%1 = constant \"w\" : float32(2)\n"
                   "%2 = BatchNorm(%0, %1, %1, %1, %1) \"b\" {axis=\"0\"}");
}

/* Constants are broadcast along the batch, or they fit one size of it only. */
static void test_constants(void **state) {
  (void)state;
  assert_proven(
      "%0 = input \"x\" : float32(2, 3)\n%1 = constant \"w\" : float32(1, 3)\n%2 = broadcast_mul(%0, %1) \"n\"");
  assert_proven("%0 = input \"x\" : float32(2, 3)\n%1 = constant \"w\" : float32(3)\n%2 = broadcast_mul(%0, %1) \"n\"");
  assert_broken_by(
      "n", "%0 = input \"x\" : float32(2, 3)\n%1 = constant \"w\" : float32(2, 3)\n%2 = broadcast_mul(%0, %1) \"n\"");
  assert_broken_by(
      "n", "%0 = input \"x\" : float32(2, 3)\n%1 = constant \"w\" : float32(2, 3)\n%2 = elemwise_add(%0, %1) \"n\"");
  assert_broken_by(
      "n",
      "%0 = input \"x\" : float32(2, 3)\n%1 = constant \"w\" : float32(3, 2, 3)\n%2 = broadcast_mul(%0, %1) \"n\"");
  assert_proven(
      "%0 = input \"x\" : float32(2, 3)\n%1 = constant \"w\" : float32(1, 3)\n%2 = exp(%1) \"e\"\n"
      "%3 = broadcast_mul(%0, %2) \"n\"");
}

static void test_graphs(void **state) {
  (void)state;
  assert_broken_by(
      "y", "%0 = input \"x\" : float32(2, 3)\n%1 = input \"y\" : float32(3, 3)\n%2 = broadcast_mul(%0, %0) \"n\"");
  assert_broken_by("q",
                   "%0 = input \"x\" : float32(2, 3)\n%1 = QActivation(%0) \"q\" : float32(2, 3)\n%2 = relu(%1) \"n\"");
  assert_broken_by("e", "%0 = input \"x\" : float32(2, 3)\n%1 = constant \"w\" : float32(2, 3)\n%2 = exp(%1) \"e\"");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_single_operators), TEST(test_reshape),   TEST(test_slices),
      TEST(test_layers),           TEST(test_constants), TEST(test_graphs),
  };
  return cmocka_run_group_tests_name("ops: batch", tests, NULL, NULL);
}
