/* ops_control_test.c - control flow with its subgraphs, read from symbol files.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ops_graph.h"

#include <math.h>

#include "mxnet/checkpoint.h"

#define VAR(name) "{\"op\":\"null\",\"name\":\"" name "\",\"inputs\":[]}"
#define OP(op, name, attributes, inputs) \
  "{\"op\":\"" op "\",\"name\":\"" name "\",\"attrs\":{" attributes "},\"inputs\":[" inputs "]}"
#define OP_WITH(op, name, attributes, inputs, subgraphs)                                    \
  "{\"op\":\"" op "\",\"name\":\"" name "\",\"attrs\":{" attributes "},\"inputs\":[" inputs \
  "],"                                                                                      \
  "\"subgraphs\":[" subgraphs "]}"
#define GRAPH(nodes, heads) "{\"nodes\":[" nodes "],\"heads\":[" heads "]}"

/* Running sums: the output of a row and the next state are row + state. */
#define SUM_BODY \
  GRAPH(VAR("row") "," VAR("state") "," OP("elemwise_add", "add", "", "[0,0,0],[1,0,0]"), "[2,0,0],[2,0,0]")
#define FOREACH_ATTRIBUTES(states)                                                                              \
  "\"num_args\":\"3\",\"num_outputs\":\"2\",\"num_out_data\":\"1\",\"in_data_locs\":\"[0]\",\"in_state_locs\":" \
  "\"" states "\",\"remain_locs\":\"[]\""
#define FOREACH(states, body)                                                                                       \
  GRAPH(VAR("x") "," VAR("s") "," OP_WITH("_foreach", "loop", FOREACH_ATTRIBUTES(states), "[0,0,0],[1,0,0]", body), \
        "[2,0,0],[2,1,0]")

static graph *load(const char *text) {
  graph *g = NULL;
  if (symbol_parse(&memory, "t", text, strlen(text), &g, &error) != MXN_OK) fail_msg("%s", error.message);
  if (ops_bind(g, &error) != MXN_OK) fail_msg("%s", error.message);
  return g;
}

static void infer(graph *g, const mxn_type *types) {
  for (size_t i = 0; i < g->n_nodes; i++)
    if (node_is_variable(g->nodes[i])) g->nodes[i]->outputs[0] = *types++;
  if (ops_infer(g, &error) != MXN_OK) fail_msg("%s", error.message);
}

static const mxn_type scalar = {MXN_FLOAT32, 1, {1}};

/* Run the last node on its inputs; all are floats. */
static mxn_status run(const graph *g, float *const *inputs, float *const *outputs) {
  const node *n = last(g);
  mxn_tensor *in = arena_array(&memory, n->n_inputs, sizeof *in),
             *out = arena_array(&memory, n->n_outputs, sizeof *out);
  for (uint32_t i = 0; i < n->n_inputs; i++) in[i] = (mxn_tensor){*value_type(n->inputs[i]), inputs[i]};
  for (uint32_t i = 0; i < n->n_outputs; i++) out[i] = (mxn_tensor){n->outputs[i], outputs[i]};
  return op_forward(n, in, out, &error);
}

static void assert_floats(const float *got, const float *want, size_t n) {
  for (size_t i = 0; i < n; i++) assert_float_equal(got[i], want[i], 0);
}

static void test_foreach(void **state) {
  (void)state;
  graph *g = load(FOREACH("[1]", SUM_BODY));
  const mxn_type types[] = {{MXN_FLOAT32, 2, {3, 2}}, type_unknown()};
  infer(g, types);
  assert_type(g->nodes[1], 0, "float32(2)");
  assert_type(last(g), 0, "float32(3, 2)");
  assert_type(last(g), 1, "float32(2)");
  float x[] = {1, 2, 3, 4, 5, 6}, s[] = {10, 20}, rows[6], end[2];
  for (int turn = 0; turn < 2; turn++) {
    assert_int_equal(run(g, (float *const[]){x, s}, (float *const[]){rows, end}), MXN_OK);
    assert_floats(rows, (const float[]){11, 22, 14, 26, 19, 32}, 6);
    assert_floats(end, (const float[]){19, 32}, 2);
  }
}

/* Without rows, which numpy's semantics allow, the state stays as it was. */
static void test_foreach_over_nothing(void **state) {
  (void)state;
  graph *g = load(FOREACH("[1]", SUM_BODY));
  const mxn_type types[] = {{MXN_FLOAT32, 2, {0, 2}}, {MXN_FLOAT32, 1, {2}}};
  infer(g, types);
  last(g)->np_shape = true;
  float s[] = {10, 20}, none[1], end[2];
  assert_int_equal(run(g, (float *const[]){none, s}, (float *const[]){none, end}), MXN_OK);
  assert_floats(end, s, 2);
}

/* Two states that change places: (a, b) becomes (b, a) in each of three turns. */
#define WHILE_ATTRIBUTES                                                                      \
  "\"num_args\":\"5\",\"num_outputs\":\"4\",\"num_out_data\":\"1\",\"max_iterations\":\"5\"," \
  "\"cond_input_locs\":\"[0]\",\"func_input_locs\":\"[0, 1, 2]\",\"func_var_locs\":\"[0, 1, 2]\""
#define BELOW(limit) GRAPH(VAR("i") "," OP("_lesser_scalar", "c", "\"scalar\":\"" limit "\"", "[0,0,0]"), "[1,0,0]")
#define SWAP                                                                                           \
  GRAPH(VAR("i") "," VAR("a") "," VAR("b") "," OP("_plus_scalar", "n", "\"scalar\":\"1\"", "[0,0,0]"), \
        "[1,0,0],[3,0,0],[2,0,0],[1,0,0]")
#define WHILE(limit)                                                                                      \
  GRAPH(VAR("i") "," VAR("a") "," VAR("b") "," OP_WITH("_while_loop", "loop", WHILE_ATTRIBUTES,           \
                                                       "[0,0,0],[1,0,0],[2,0,0]", BELOW(limit) "," SWAP), \
        "[3,0,0]")

static void run_while(const char *text, const float *want_rows, const float *want_end) {
  graph *g = load(text);
  infer(g, (const mxn_type[]){scalar, scalar, scalar});
  assert_type(last(g), 0, "float32(5, 1)");
  float i = 0, a = 7, b = 8, rows[5] = {9, 9, 9, 9, 9}, end[3];
  assert_int_equal(run(g, (float *const[]){&i, &a, &b}, (float *const[]){rows, &end[0], &end[1], &end[2]}), MXN_OK);
  assert_floats(rows, want_rows, 5);
  assert_floats(end, want_end, 3);
}

static void test_while_loop(void **state) {
  (void)state;
  run_while(WHILE("3"), (const float[]){7, 8, 7, 0, 0}, (const float[]){3, 8, 7});
  run_while(WHILE("0"), (const float[]){0, 0, 0, 0, 0}, (const float[]){0, 7, 8});
  run_while(WHILE("99"), (const float[]){7, 8, 7, 8, 7}, (const float[]){5, 8, 7}); /* max_iterations */
}

/* x doubles its rows in each of three turns; the row that a turn hands out is the head `row`. */
#define DOUBLE(row)                                                                              \
  GRAPH(VAR("i") "," VAR("x") "," OP("_plus_scalar", "n", "\"scalar\":\"1\"", "[0,0,0]") "," OP( \
            "Concat", "xx", "\"dim\":\"0\",\"num_args\":\"2\"",                                  \
            "[1,0,0],[1,0,0]") "," OP("sum", "s", "\"axis\":\"0\"", "[1,0,0]"),                  \
        "[" row ",0,0],[2,0,0],[3,0,0]")
#define GROWING_ATTRIBUTES                                                                    \
  "\"num_args\":\"4\",\"num_outputs\":\"3\",\"num_out_data\":\"1\",\"max_iterations\":\"4\"," \
  "\"cond_input_locs\":\"[0]\",\"func_input_locs\":\"[0, 1]\",\"func_var_locs\":\"[0, 1]\""
#define GROWING(row)                                                                                    \
  GRAPH(VAR("i") "," VAR("x") "," OP_WITH("_while_loop", "loop", GROWING_ATTRIBUTES, "[0,0,0],[1,0,0]", \
                                          BELOW("3") "," DOUBLE(row)),                                  \
        "[2,0,0],[2,1,0],[2,2,0]")

static void *allocate(void *context, size_t bytes) { return arena_alloc(context, bytes + 1); }

static mxn_status run_allocating(const graph *g, mxn_tensor *outputs) {
  const node *n = last(g);
  float i = 0, x[] = {1, 2};
  const op_memory heap = {allocate, &memory};
  const mxn_tensor inputs[] = {{*value_type(n->inputs[0]), &i}, {*value_type(n->inputs[1]), x}};
  for (uint32_t k = 0; k < n->n_outputs; k++) outputs[k] = (mxn_tensor){.type = n->outputs[k]};
  return op_forward_allocating(n, inputs, outputs, &heap, &error);
}

static void assert_growth(const char *text) {
  graph *g = load(text);
  const mxn_type types[] = {scalar, {MXN_FLOAT32, 2, {1, 2}}};
  mxn_tensor outputs[3];
  infer(g, types);
  assert_int_equal(last(g)->outputs[2].n_dims, -1);
  if (run_allocating(g, outputs) != MXN_OK) fail_msg("%s", error.message);
  assert_int_equal(outputs[2].type.dims[0], 8);
  assert_floats(outputs[2].data, (const float[]){1, 2, 1, 2, 1, 2}, 6);
  assert_floats(outputs[0].data, (const float[]){1, 2, 2, 4, 4, 8, 0, 0}, 8);
  assert_floats(outputs[1].data, (const float[]){3}, 1);
}

/* A loop in a graph in a text: shapes that are open outside are open inside. */
static const char *growing_inside(const char *loop) {
  return arena_printf(&memory,
                      GRAPH(VAR("i") "," VAR("x") "," OP_WITH("_CachedOp", "c", "", "[0,0,0],[1,0,0]", "%s"),
                            "[2,0,0],[2,1,0],[2,2,0]"),
                      loop);
}

static void test_growing_loop(void **state) {
  (void)state;
  assert_growth(GROWING("4"));
  assert_growth(growing_inside(GROWING("4")));
}

static void test_rows_of_two_shapes(void **state) {
  (void)state;
  graph *g = load(GROWING("1"));
  const mxn_type types[] = {scalar, {MXN_FLOAT32, 2, {1, 2}}};
  mxn_tensor outputs[3];
  infer(g, types);
  assert_int_equal(run_allocating(g, outputs), MXN_SHAPE);
  if (!strstr(error.message, "node 'loop' (_while_loop): output 0 is float32 (4, 2, 2), expected float32 (4, 1, 2)"))
    fail_msg("%s", error.message);
}

#define TIMES(k) GRAPH(VAR("y") "," OP("_mul_scalar", "m", "\"scalar\":\"" k "\"", "[0,0,0]"), "[1,0,0]")
#define SAME GRAPH(VAR("c"), "[0,0,0]")
#define COND(then_branch)                                                                                         \
  GRAPH(VAR("c") "," VAR("y") "," OP_WITH("_cond", "if",                                                          \
                                          "\"num_args\":\"5\",\"num_outputs\":\"1\",\"cond_input_locs\":\"[0]\"," \
                                          "\"then_input_locs\":\"[1]\",\"else_input_locs\":\"[1]\"",              \
                                          "[0,0,0],[1,0,0]", SAME "," then_branch "," TIMES("3")),                \
        "[2,0,0]")

static float run_cond(const char *text, float condition) {
  graph *g = load(text);
  infer(g, (const mxn_type[]){scalar, scalar});
  float y = 5, out = 0;
  if (run(g, (float *const[]){&condition, &y}, (float *const[]){&out}) != MXN_OK) fail_msg("%s", error.message);
  return out;
}

static void test_cond(void **state) {
  (void)state;
  assert_float_equal(run_cond(COND(TIMES("2")), 1), 10, 0);
  assert_float_equal(run_cond(COND(TIMES("2")), 0), 15, 0);
}

/* A graph inside a text inside a graph. */
#define CACHED                                                                                                  \
  GRAPH(VAR("z") "," OP("_CachedOp", "cached",                                                                  \
                        "\"subgraph\":\"{\\\"nodes\\\":[{\\\"op\\\":\\\"null\\\",\\\"name\\\":"                 \
                        "\\\"q\\\",\\\"inputs\\\":[]},{\\\"op\\\":\\\"_plus_scalar\\\",\\\"name\\\":\\\"p\\\"," \
                        "\\\"attrs\\\":{\\\"scalar\\\":\\\"1\\\"},\\\"inputs\\\":[[0,0,0]]}],\\\"heads\\\":"    \
                        "[[1,0,0]]}\"",                                                                         \
                        "[0,0,0]"),                                                                             \
        "[1,0,0]")

static void test_cached_op_inside_cond(void **state) {
  (void)state;
  assert_float_equal(run_cond(COND(CACHED), 1), 6, 0);
  const graph *g = load(COND(CACHED));
  const char *printed = symbol_print(&memory, g);
  assert_non_null(strstr(printed, "\"op\": \"_CachedOp\""));
  assert_float_equal(run_cond(printed, 1), 6, 0);
}

/* Depth costs nothing: each level would double the sweeps otherwise. */
static void test_deep_nesting(void **state) {
  (void)state;
  const char *text = TIMES("2");
  for (int depth = 0; depth < 30; depth++)
    text = arena_printf(&memory,
                        "{\"nodes\":[%s,{\"op\":\"_CachedOp\",\"name\":\"d\",\"inputs\":[[0,0,0]],\"subgraphs\":[%s]}],"
                        "\"heads\":[[1,0,0]]}",
                        VAR("v"), text);
  graph *g = load(text);
  infer(g, &scalar);
  float x = 4, y = 0;
  assert_int_equal(run(g, (float *const[]){&x}, (float *const[]){&y}), MXN_OK);
  assert_float_equal(y, 8, 0);
}

static void refuses(const char *text, const mxn_type *types, const char *message) {
  error = (mxn_error){0};
  graph *g = NULL;
  mxn_status status = symbol_parse(&memory, "t", text, strlen(text), &g, &error);
  if (status == MXN_OK) status = ops_bind(g, &error);
  for (size_t i = 0; status == MXN_OK && i < g->n_nodes; i++)
    if (node_is_variable(g->nodes[i])) g->nodes[i]->outputs[0] = *types++;
  if (status == MXN_OK) status = ops_infer(g, &error);
  assert_int_not_equal(status, MXN_OK);
  if (!strstr(error.message, message)) fail_msg("'%s' is not in: %s", message, error.message);
}

static void test_refuses(void **state) {
  (void)state;
  const mxn_type types[] = {{MXN_FLOAT32, 2, {3, 2}}, {MXN_FLOAT32, 1, {2}}, scalar};
  const mxn_type wrong[] = {{MXN_FLOAT32, 2, {3, 2}}, {MXN_FLOAT32, 1, {4}}, scalar};
  refuses(FOREACH("[1]", SUM_BODY), wrong, "loop: node 'add' (elemwise_add): rhs has shape (4), expected (2)");
  refuses(FOREACH("[0]", SUM_BODY), types, "in_state_locs: expected each of the subgraph's 2 variables once, got 0");
  refuses(FOREACH("[7]", SUM_BODY), types, "got 7");
  refuses(FOREACH("[-1]", SUM_BODY), types, "attribute in_state_locs");
  refuses(FOREACH("[]", SUM_BODY), types, "in_state_locs has 0 values, expected 1");
  refuses(FOREACH("[1]", SUM_BODY "," SUM_BODY), types, "expected 1 subgraphs, got 2");
  refuses(FOREACH("[1]", SAME), types, "subgraph 0 has 1 outputs, expected 2");
  refuses(COND(SAME "," SAME), types, "expected 3 subgraphs, got 4");
  refuses(GRAPH(VAR("z") "," OP("_CachedOp", "cached", "\"subgraph\":\"{\"", "[0,0,0]"), "[1,0,0]"), types,
          "attribute 'subgraph'");
  refuses(GRAPH(VAR("z") "," OP("_CachedOp", "cached", "", "[0,0,0]"), "[1,0,0]"), types,
          "expected 1 subgraphs, got 0");
}

/* A condition must be one number. */
static void test_condition_of_many_numbers(void **state) {
  (void)state;
  graph *g = load(COND(TIMES("2")));
  const mxn_type pair = {MXN_FLOAT32, 1, {2}};
  infer(g, (const mxn_type[]){pair, scalar});
  float c[2] = {0}, y = 0, out;
  assert_int_equal(run(g, (float *const[]){c, &y}, (float *const[]){&out}), MXN_SHAPE);
  assert_non_null(strstr(error.message, "the condition has 2 elements, expected 1"));
}

/* Self-attention of int8: one head of two numbers, q, k and v behind each other. */
#define SELFATT_BODY \
  GRAPH(VAR("x") "," OP("_contrib_interleaved_matmul_selfatt_qk", "qk", "\"heads\":\"1\"", "[0,0,0]"), "[1,0,0]")
#define SELFATT(attributes, head)                                                                        \
  GRAPH(VAR("x") "," VAR("least") "," VAR("most") "," OP_WITH("_sg_mkldnn_selfatt_qk", "sg", attributes, \
                                                              "[0,0,0],[1,0,0],[2,0,0]", SELFATT_BODY),  \
        head)

static void test_fused_attention(void **state) {
  (void)state;
  graph *g = load(SELFATT("\"heads\":\"1\",\"quantized\":\"True\",\"enable_float_output\":\"True\"", "[3,0,0]"));
  const mxn_type data = {MXN_INT8, 3, {2, 1, 6}};
  infer(g, (const mxn_type[]){data, scalar, scalar});
  assert_type(last(g), 0, "float32(1, 2, 2)");
  int8_t x[] = {1, 2, 3, 4, 0, 0, -5, 6, 7, 100, 0, 0};
  float least = -1, most = 127.5f, out[4];
  const mxn_tensor in[] = {{data, x}, {scalar, &least}, {scalar, &most}};
  mxn_tensor scores = {last(g)->outputs[0], out};
  assert_int_equal(op_forward(last(g), in, &scores, &error), MXN_OK);
  const double products[] = {1 * 3 + 2 * 4, 1 * 7 + 2 * 100, -5 * 3 + 6 * 4, -5 * 7 + 6 * 100};
  for (int i = 0; i < 4; i++) assert_float_equal(out[i], products[i] / sqrt(2), 1e-3);
  g = load(SELFATT("\"heads\":\"1\",\"quantized\":\"True\"", "[3,0,0],[3,1,0],[3,2,0]"));
  infer(g, (const mxn_type[]){data, scalar, scalar});
  assert_type(last(g), 0, "int32(1, 2, 2)");
  g = load(SELFATT("\"heads\":\"1\",\"quantized\":\"True\",\"min_calib_range\":\"-1\",\"max_calib_range\":\"1\"",
                   "[3,0,0],[3,1,0],[3,2,0]"));
  infer(g, (const mxn_type[]){data, scalar, scalar});
  assert_type(last(g), 0, "int8(1, 2, 2)");
}

/* Subgraphs that MXNet does not write: shapes change, or nodes have other numbers of
 * inputs and outputs, between the inputs and the layer. `inputs` are float32 but the
 * first, which is int8, and as many ones as ranges. */
#define FUSED(op, attributes, variables, edges, body, head) \
  GRAPH(variables "," OP_WITH(op, "sg", "\"quantized\":\"True\"," attributes, edges, body), head)
#define CALIBRATED "\"min_calib_range\":\"-1\",\"max_calib_range\":\"1\""
#define TILED VAR("x") "," VAR("w") "," OP("tile", "tile", "\"reps\":\"(1, 1, 8, 8)\"", "[0,0,0]") ","
#define TILED_LAYER(attributes) GRAPH(TILED OP("Convolution", "conv", attributes, "[2,0,0],[1,0,0]"), "[3,0,0]")

static void assert_not_run(const char *text, const mxn_type *types, const char *message) {
  graph *g = load(text);
  infer(g, types);
  const node *n = last(g);
  mxn_tensor in[8], out[3];
  for (uint32_t i = 0; i < n->n_inputs; i++) {
    in[i] = (mxn_tensor){types[i], arena_alloc(&memory, 4096)};
    if (types[i].dtype == MXN_FLOAT32) *(float *)in[i].data = 1;
  }
  for (uint32_t i = 0; i < n->n_outputs; i++) out[i] = (mxn_tensor){n->outputs[i], arena_alloc(&memory, 4096)};
  error = (mxn_error){0};
  assert_int_not_equal(op_forward(n, in, out, &error), MXN_OK);
  if (!strstr(error.message, message)) fail_msg("'%s' is not in: %s", message, error.message);
}

static void test_fused_of_other_subgraphs(void **state) {
  (void)state;
  const mxn_type one = {MXN_FLOAT32, 1, {1}};
  const mxn_type image = {MXN_INT8, 4, {1, 1, 2, 2}}, filter = {MXN_FLOAT32, 4, {1, 1, 3, 3}};
  assert_not_run(
      FUSED("_sg_mkldnn_conv", CALIBRATED, VAR("x") "," VAR("w") "," VAR("a") "," VAR("b"),
            "[0,0,0],[1,0,0],[2,0,0],[3,0,0]",
            TILED_LAYER("\"kernel\":\"(3, 3)\",\"pad\":\"(1, 1)\",\"num_filter\":\"1\",\"no_bias\":\"True\""),
            "[4,0,0],[4,1,0],[4,2,0]"),
      (const mxn_type[]){image, filter, one, one}, "node 'conv' (Convolution): its output has shape");
  const mxn_type row = {MXN_INT8, 2, {1, 2}}, weight = {MXN_FLOAT32, 2, {3, 2}};
  assert_not_run(
      FUSED("_sg_mkldnn_fully_connected", "\"channel_wise_quantize\":\"True\"," CALIBRATED,
            VAR("x") "," VAR("w") "," VAR("v") "," VAR("a") "," VAR("b"), "[0,0,0],[1,0,0],[2,0,0],[3,0,0],[4,0,0]",
            GRAPH(VAR("x") "," VAR("w") "," VAR("v") "," OP("tile", "tile", "\"reps\":\"(3,)\"", "[2,0,0]") "," OP(
                      "FullyConnected", "fc", "\"num_hidden\":\"3\"", "[0,0,0],[1,0,0],[3,0,0]"),
                  "[4,0,0]"),
            "[5,0,0],[5,1,0],[5,2,0]"),
      (const mxn_type[]){row, weight, one, one, one}, "input 2 has 1 elements, expected 3");
  assert_not_run(FUSED("_sg_mkldnn_fully_connected", "\"channel_wise_quantize\":\"True\"," CALIBRATED,
                       VAR("x") "," VAR("w") "," VAR("a") "," VAR("b"), "[0,0,0],[1,0,0],[2,0,0],[3,0,0]",
                       GRAPH(VAR("x") "," VAR("w") "," OP(
                                 "FullyConnected", "fc", "\"num_hidden\":\"3\",\"no_bias\":\"True\"",
                                 "[0,0,0],[1,0,0]") "," OP("LeakyReLU", "act", "\"act_type\":\"rrelu\"", "[2,0,0]"),
                             "[3,0,0]"),
                       "[4,0,0],[4,1,0],[4,2,0]"),
                 (const mxn_type[]){row, weight, one, one}, "activation 'act' of its subgraph has not one input");
  const mxn_type sequence = {MXN_INT8, 3, {2, 1, 6}};
  assert_not_run(
      GRAPH(VAR("x") "," VAR("a") "," VAR("b") "," OP_WITH(
                "_sg_mkldnn_selfatt_qk", "sg", "\"heads\":\"1\",\"quantized\":\"True\"", "[0,0,0],[1,0,0],[2,0,0]",
                GRAPH(VAR("x") "," OP("SliceChannel", "s", "\"num_outputs\":\"2\",\"axis\":\"2\"", "[0,0,0]"),
                      "[1,0,0]")),
            "[3,0,0],[3,1,0],[3,2,0]"),
      (const mxn_type[]){sequence, one, one}, "its subgraph is no product of self-attention");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_foreach),
      TEST(test_foreach_over_nothing),
      TEST(test_while_loop),
      TEST(test_growing_loop),
      TEST(test_rows_of_two_shapes),
      TEST(test_cond),
      TEST(test_cached_op_inside_cond),
      TEST(test_deep_nesting),
      TEST(test_refuses),
      TEST(test_condition_of_many_numbers),
      TEST(test_fused_attention),
      TEST(test_fused_of_other_subgraphs),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
