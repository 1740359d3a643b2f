/* ops_quantized_test.c - quantized operators against hand-made numbers.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ops_graph.h"

/* Run the last node; all its inputs are variables. */
static mxn_status run(const char *lines, void *const *inputs, void *const *outputs) {
  const graph *g = inferred(lines);
  const node *n = g->nodes[g->n_nodes - 1];
  mxn_tensor *in = arena_array(&memory, n->n_inputs, sizeof *in),
             *out = arena_array(&memory, n->n_outputs, sizeof *out);
  for (uint32_t i = 0; i < n->n_inputs; i++) in[i] = (mxn_tensor){*value_type(n->inputs[i]), inputs[i]};
  for (uint32_t i = 0; i < n->n_outputs; i++) out[i] = (mxn_tensor){n->outputs[i], outputs[i]};
  return op_forward(n, in, out, &error);
}

static void test_quantize_v2(void **state) {
  (void)state;
  float x[] = {-2, -0.5f, 0, 1, 9}, least, most;
  int8_t q[5];
  assert_int_equal(run("%0 = input \"x\" : float32(5)\n"
                       "%1 = _contrib_quantize_v2(%0) \"q\" {min_calib_range=\"-1\", max_calib_range=\"2\"}",
                       (void *const[]){x}, (void *const[]){q, &least, &most}),
                   MXN_OK);
  /* 127.5 / 2 for one. */
  assert_memory_equal(q, ((const int8_t[]){-128, -32, 0, 64, 127}), 5);
  assert_float_equal(least, -2, 0);
  assert_float_equal(most, 2, 0);
}

static void test_auto_is_unsigned_without_negatives(void **state) {
  (void)state;
  const graph *g = inferred(
      "%0 = input \"x\" : float32(5)\n"
      "%1 = _contrib_quantize_v2(%0) \"q\" {out_type=\"auto\", min_calib_range=\"0\", max_calib_range=\"2\"}");
  assert_type(g->nodes[1], 0, "uint8(5)");
  assert_type(g->nodes[1], 1, "float32(1)");
}

/* (100 * 2 + 3 * -4) with a bias of 7 in units of 1 / 127.5. */
static void test_fully_connected(void **state) {
  (void)state;
  int8_t x[] = {100, 3}, w[] = {2, -4}, b[] = {7};
  float one[] = {-1, 1}, least, most;
  int32_t sum;
  assert_int_equal(run("%0 = input \"x\" : int8(1, 2)\n%1 = input \"w\" : int8(1, 2)\n%2 = input \"b\" : int8(1)\n"
                       "%3 = input \"a\" : ??\n%4 = input \"c\" : ??\n%5 = input \"d\" : ??\n%6 = input \"e\" : ??\n"
                       "%7 = input \"f\" : ??\n%8 = input \"g\" : ??\n"
                       "%9 = _contrib_quantized_fully_connected(%0, %1, %2, %3, %4, %5, %6, %7, %8) \"fc\" "
                       "{num_hidden=\"1\"}",
                       (void *const[]){x, w, b, &one[0], &one[1], &one[0], &one[1], &one[0], &one[1]},
                       (void *const[]){&sum, &least, &most}),
                   MXN_OK);
  assert_int_equal(sum, 200 - 12 + 892); /* 7 * 127.5 is cut */
  assert_float_equal(most, 2147483647.0f / (127.0f * 127.0f), 0.1f);
  assert_float_equal(least, -most, 0);
}

static void test_requantize_finds_its_range(void **state) {
  (void)state;
  int32_t x[] = {1 << 30, -(1 << 29), 0};
  float least = -4, most = 4, out_least, out_most;
  int8_t q[3];
  assert_int_equal(run("%0 = input \"x\" : int32(3)\n%1 = input \"a\" : ??\n%2 = input \"b\" : ??\n"
                       "%3 = _contrib_requantize(%0, %1, %2) \"q\" {}",
                       (void *const[]){x, &least, &most}, (void *const[]){q, &out_least, &out_most}),
                   MXN_OK);
  assert_float_equal(out_most, 2, 1e-6f);
  assert_memory_equal(q, ((const int8_t[]){127, -64, 0}), 3); /* -63.5 to the even */
}

static void refuses(const char *lines, const char *message) {
  error = (mxn_error){0};
  graph *g = parse(lines);
  mxn_status status = ops_bind(g, &error);
  if (status == MXN_OK) status = ops_infer(g, &error);
  assert_int_not_equal(status, MXN_OK);
  if (!strstr(error.message, message)) fail_msg("'%s' is not in: %s", message, error.message);
}

static void test_refuses(void **state) {
  (void)state;
  refuses("%0 = input \"x\" : int32(3)\n%1 = _contrib_quantize_v2(%0) \"q\" {}",
          "node 'q' (_contrib_quantize_v2): data is int32, expected int8 or uint8");
  refuses("%0 = input \"x\" : float32(3)\n%1 = _contrib_quantize_v2(%0) \"q\" {out_type=\"int4\"}",
          "attribute out_type: expected one of auto int8 uint8, got 'int4'");
  refuses("%0 = input \"x\" : float32(3)\n%1 = _sg_mkldnn_conv(%0) \"c\" {}", "expected 1 subgraphs, got 0");
  refuses(
      "%0 = input \"x\" : int8(3)\n%1 = input \"a\" : float32(2)\n%2 = input \"b\" : ??\n"
      "%3 = _contrib_dequantize(%0, %1, %2) \"d\" {}",
      "min_range has shape (2), expected (1)");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_quantize_v2),     TEST(test_auto_is_unsigned_without_negatives),
      TEST(test_fully_connected), TEST(test_requantize_finds_its_range),
      TEST(test_refuses),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
