/* ops_subgraph_test.c - what is inferred from what a subgraph was compiled for.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ops_graph.h"

#include "mxnet/checkpoint.h"

/* %0 and %1 are the data inputs x and state, %3 the subgraph. */
#define COMPILED(shapes) COMPILED_BEFORE shapes "}"
#define COMPILED_BEFORE                                                \
  "%2 = constant \"op_neuronbin\" : uint8(1, 64)\n"                    \
  "%3 = _neuron_subgraph_op(%0, %1, %2) \"op\" {in_types=\"[0, 4]\", " \
  "__input_names__=\"[\\\"x\\\", \\\"state\\\"]\", out_types=\"[0]\", "
#define ANY_BATCH COMPILED("in_shapes=\"[[0, 3], [0, 8]]\", out_shapes=\"[[0, 5]]\"")
#define BATCH_OF_4 COMPILED("in_shapes=\"[[4, 3], [4, 8]]\", out_shapes=\"[[4, 5]]\"")

static void assert_types(const char *inputs, const char *compiled, const char *x, const char *state, const char *out) {
  graph *g = inferred(arena_printf(&memory, "%s%s", inputs, compiled));
  assert_type(g->nodes[0], 0, x);
  assert_type(g->nodes[1], 0, state);
  assert_type(last(g), 0, out);
}

static void test_batch_from_any_input(void **state) {
  (void)state;
  assert_types("%0 = input \"x\" : float32(6, 3)\n%1 = input \"state\" : ??\n", ANY_BATCH, "float32(6, 3)",
               "int32(6, 8)", "float32(6, 5)");
  assert_types("%0 = input \"x\" : ??\n%1 = input \"state\" : ?(6, ?)\n", ANY_BATCH, "float32(6, 3)", "int32(6, 8)",
               "float32(6, 5)");
  assert_types("%0 = input \"x\" : ??\n%1 = input \"state\" : ??\n", ANY_BATCH, "float32(?, 3)", "int32(?, 8)",
               "float32(?, 5)");
  assert_types("%0 = input \"x\" : ??\n%1 = input \"state\" : ??\n", BATCH_OF_4, "float32(4, 3)", "int32(4, 8)",
               "float32(4, 5)");
}

/* The begin state of a recurrent network: its batch is what the rest says. */
static void test_into_an_operator_before_it(void **state) {
  (void)state;
  assert_types("%0 = input \"x\" : float32(6, 3)\n%1 = _zeros() \"state\" {shape=\"(0, 8)\", dtype=\"int32\"}\n",
               ANY_BATCH, "float32(6, 3)", "int32(6, 8)", "float32(6, 5)");
  assert_types("%0 = input \"x\" : ??\n%1 = _zeros() \"state\" {shape=\"(0, 8)\", dtype=\"int32\"}\n", BATCH_OF_4,
               "float32(4, 3)", "int32(4, 8)", "float32(4, 5)");
}

static void test_batch_from_an_output(void **state) {
  (void)state;
  graph *g = inferred("%0 = input \"x\" : ??\n%1 = input \"state\" : ??\n" ANY_BATCH
                      "\n%4 = input \"y\" : float32(7, 5)\n%5 = elemwise_add(%3, %4) \"add\"");
  assert_type(g->nodes[0], 0, "float32(7, 3)");
  assert_type(g->nodes[1], 0, "int32(7, 8)");
}

static void assert_mismatch(const char *inputs, const char *compiled, const char *message) {
  assert_refused(arena_printf(&memory, "%s%s", inputs, compiled), MXN_SHAPE,
                 arena_printf(&memory, "t: node 'op' (_neuron_subgraph_op): compiled for %s", message));
}

static void test_mismatches(void **state) {
  (void)state;
  assert_mismatch("%0 = input \"x\" : float32(6, 2)\n%1 = input \"state\" : ??\n", ANY_BATCH,
                  "input 'x' of float32 (?, 3), got float32 (6, 2)");
  assert_mismatch("%0 = input \"x\" : float32(6, 3)\n%1 = input \"state\" : int32(7, 8)\n", ANY_BATCH,
                  "input 'state' of int32 (?, 8), got int32 (7, 8), and another value has a batch of 6");
  assert_mismatch("%0 = input \"x\" : float32(6, 3)\n%1 = input \"state\" : ??\n", BATCH_OF_4,
                  "input 'x' of float32 (4, 3), got float32 (6, 3), and another batch size is not proven to give the "
                  "same results");
  assert_mismatch("%0 = input \"x\" : float32(4, 3)\n%1 = input \"state\" : float32(4, 8)\n", BATCH_OF_4,
                  "input 'state' of int32 (4, 8), got float32 (4, 8)");
  assert_mismatch("%0 = input \"x\" : float32(4, 3, 1)\n%1 = input \"state\" : ??\n", BATCH_OF_4,
                  "input 'x' of float32 (4, 3), got float32 (4, 3, 1)");
}

#define ONES "1, 1, 1, 1, 1, 1, 1, 1, "
/* What the texts do not say stays unknown. */
static void test_malformed_texts(void **state) {
  (void)state;
  static const char *const shapes[] = {"", "[", "[[", "[[4", "[4, 3]", "[[" ONES ONES ONES ONES "1]]", "None"};
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
    assert_types(
        "%0 = input \"x\" : ??\n%1 = input \"state\" : ??\n",
        arena_printf(&memory, "%s in_shapes=\"%s\", out_shapes=\"%s\"}", COMPILED_BEFORE, shapes[i], shapes[i]),
        "float32?", "int32?", "float32?");
}

/* Its weights are in the program: inside they are variables without an array, here
 * with as many rows as the batch. */
static void test_names_the_operator_that_mixes(void **state) {
  (void)state;
  static const char symbol[] =
      "{\"nodes\": [{\"op\": \"null\", \"name\": \"data\", \"inputs\": []},"
      "{\"op\": \"null\", \"name\": \"op_neuronbin\", \"inputs\": []},"
      "{\"op\": \"_neuron_subgraph_op\", \"name\": \"op\", \"attrs\": {\"in_types\": \"[0]\", \"out_types\": \"[0]\","
      "\"in_shapes\": \"[[4, 3]]\", \"out_shapes\": \"[[8, 2]]\", \"__input_names__\": \"[\\\"x\\\"]\"},"
      "\"inputs\": [[0, 0, 0], [1, 0, 0]], \"subgraphs\": [{\"nodes\": ["
      "{\"op\": \"null\", \"name\": \"x\", \"inputs\": []}, {\"op\": \"null\", \"name\": \"w\", \"inputs\": []},"
      "{\"op\": \"FullyConnected\", \"name\": \"fc\", \"attrs\": {\"num_hidden\": \"4\", \"no_bias\": \"True\"},"
      "\"inputs\": [[0, 0, 0], [1, 0, 0]]},"
      "{\"op\": \"Reshape\", \"name\": \"mix\", \"attrs\": {\"shape\": \"(8, 2)\"}, \"inputs\": [[2, 0, 0]]}],"
      "\"heads\": [[3, 0, 0]]}]}], \"heads\": [[2, 0, 0]]}";
  graph *g = NULL;
  if (symbol_parse(&memory, "t", symbol, strlen(symbol), &g, &error) != MXN_OK) fail_msg("%s", error.message);
  if (ops_bind(g, &error) != MXN_OK) fail_msg("%s", error.message);
  g->nodes[0]->outputs[0] = type_of(MXN_FLOAT32, 2, (int64_t[]){5, 3});
  assert_int_equal(ops_infer(g, &error), MXN_SHAPE);
  assert_string_equal(
      error.message,
      "t: node 'op' (_neuron_subgraph_op): compiled for input 'x' of float32 (4, 3), got float32 (5, 3), "
      "and node 'mix' (Reshape) is not proven to keep samples apart");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_batch_from_any_input), TEST(test_into_an_operator_before_it),
      TEST(test_batch_from_an_output), TEST(test_mismatches),
      TEST(test_malformed_texts),      TEST(test_names_the_operator_that_mixes),
  };
  return cmocka_run_group_tests_name("ops: compiled subgraphs", tests, NULL, NULL);
}
