/* graph_text_test.c - the graph as text: what is printed is read, what is
 * malformed is refused with file and line.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "fixture.h"

#include "base/shape.h"
#include "graph/verify.h"

static graph *parse(const char *text) {
  graph *g = graph_of_text(text);
  assert_int_equal(graph_verify(g, "parse", NULL), MXN_OK);
  return g;
}

/* Everything that the grammar has, as it is printed. */
static const char everything[] =
    "graph \"a \\\"b\\\\\\n\\x01\\x7f\xC3\xA9\" np_shape {mxnet_version=\"[\\\"int\\\",10901]\"}\n"
    "%0 = input \"data\" {__dtype__=\"0\", \"odd key\"=\"\"} : float32(1, ?, 28)\n"
    "%1 = input \"w\" : ?(6, 0)\n"
    "%2 = auxiliary \"mean\" : float16?\n"
    "%3 = input \"scalar\" : int64()\n"
    "%4 = SliceChannel(%0) \"split\" {num_outputs=\"2\"} : float32(1), ??\n"
    "%5 = Convolution(%4.1, %1, %4.0) \"c\" {k=\"(5, 5)\"} then Activation \"r\" {act_type=\"relu\"} then "
    "elemwise_add/2#1 \"a\" : float32(1, 6)\n"
    "%6 = \"my op\"() \"\" : bool(1)\n"
    "%7 = input(%6) \"an operator called input\" : bool(1)\n"
    "output %4.0, %5, %4.0, %7\n";

static void test_everything(void **state) {
  (void)state;
  const graph *g = parse(everything);
  assert_string_equal(text_of_graph(g), everything);
  assert_string_equal(g->name, "a \"b\\\n\x01\x7F\xC3\xA9");
  assert_true(g->np_shape);
  assert_int_equal(g->n_outputs, 4);
  assert_string_equal(node_attribute(g->nodes[0], "odd key"), "");
  assert_true(g->nodes[2]->is_auxiliary);
  assert_int_equal(g->nodes[3]->outputs[0].n_dims, 0);
  const node *n = g->nodes[5];
  assert_int_equal(n->n_inputs, 3);
  assert_int_equal(n->inputs[0].output, 1);
  assert_int_equal(n->n_fused, 2);
  assert_int_equal(n->fused[0].operator->n_inputs, 1);
  assert_int_equal(n->fused[1].chain, 1);
  assert_ptr_equal(n->fused[1].operator->inputs[0].node, g->nodes[4]);
  assert_ptr_equal(n->fused[1].operator->inputs[1].node, n);
  assert_true(shape_equal(&n->fused[1].operator->outputs[0], &n->outputs[0]));
}

static void test_constants_print_as_such(void **state) {
  (void)state;
  graph *g = parse("graph \"g\"\n%0 = constant \"w\" : float32(2)\noutput %0\n");
  assert_null(g->nodes[0]->constant);
  const mxn_tensor array = {g->nodes[0]->outputs[0], NULL};
  g->nodes[0]->constant = &array;
  assert_string_equal(text_of_graph(g), "graph \"g\"\n%0 = constant \"w\" : float32(2)\noutput %0\n");
}

static void test_loose_layout(void **state) {
  (void)state;
  const graph *g =
      parse("\n  graph\t\"g\"\n\n%0=input\"d\":float32( 1,2 )\n  %1 = relu( %0 )\"r\" : ? ( ?,2 )  \n\noutput  %1\n\n");
  assert_string_equal(text_of_graph(g),
                      "graph \"g\"\n%0 = input \"d\" : float32(1, 2)\n%1 = relu(%0) \"r\" : ?(?, 2)\noutput %1\n");
}

static void assert_refused(const char *text, const char *message) {
  mxn_error err = {0};
  graph *g = NULL;
  assert_int_equal(graph_parse(&memory, "bad", text, strlen(text), &g, &err), MXN_FORMAT);
  assert_string_equal(err.message, message);
  assert_null(g);
}

#define HEAD "graph \"g\"\n%0 = input \"d\" : float32(1)\n"

static void test_refusals(void **state) {
  (void)state;
  static const char *const cases[][2] = {
      {"", "bad: line 1: expected graph and its name, got the end of the line"},
      {"graf", "bad: line 1: expected graph and its name, got 'graf'"},
      {"graph \"g", "bad: line 1: expected a closing quote, got the end of the line"},
      {"graph \"g\\", "bad: line 1: expected an escape \\\" \\\\ \\n or \\xHH before this, got the end of the line"},
      {"graph \"\\x00\"", "bad: line 1: expected an escape \\\" \\\\ \\n or \\xHH before this, got '\"'"},
      {"graph \"\\xff\"", "bad: line 1: a string is not UTF-8"},
      {"graph \"\xFF\"", "bad: the text is not UTF-8"},
      {"graph \"g\" 3", "bad: line 1: expected the end of the line, got '3'"},
      {"graph \"g\"\n", "bad: line 2: expected a node, or output, got the end of the line"},
      {"graph \"g\"\noutput %0", "bad: line 2: a value before the first node"},
      {HEAD "output %1", "bad: line 3: expected the number of a node before this line of at most 0"},
      {HEAD "output %99999999999999999999", "bad: line 3: expected the number of a node before this line of at most 0"},
      {HEAD "output %0.1", "bad: line 3: expected the number of an output of at most 0"},
      {HEAD "output %0\nmore", "bad: line 4: expected nothing after the outputs, got 'more'"},
      {HEAD "%2 = relu(%0) \"r\" : bool?", "bad: line 3: node 2, expected 1"},
      {HEAD "%1 = relu(%1) \"r\" : bool?", "bad: line 3: expected the number of a node before this line of at most 0"},
      {HEAD "%1 = relu(%0) : bool?", "bad: line 3: expected the name of a node in quotes, got ': bool?'"},
      {HEAD "%1 = relu(%0) \"r\"", "bad: line 3: expected ':' and a type, got the end of the line"},
      {HEAD "%1 = relu(%0) \"r\" {a=1} : bool?",
       "bad: line 3: expected the text of an attribute in quotes, got '1} : bool?'"},
      {HEAD "%1 = relu(%0) \"r\" {a=\"1\" : bool?", "bad: line 3: expected ',' or '}', got ': bool?'"},
      {HEAD "%1 = relu(%0) \"r\" : float31(1)", "bad: line 3: 'float31' is no element type"},
      {HEAD "%1 = relu(%0) \"r\" : float32(-1)", "bad: line 3: expected a dimension, got '-1)'"},
      {HEAD "%1 = relu(%0) \"r\" : float32(9223372036854775808)",
       "bad: line 3: expected a dimension of at most 9223372036854775807"},
      {HEAD "%1 = relu(%0) \"r\" : float32(1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1)", "bad: line 3: more than 16 dimensions"},
      {HEAD "%1 = null(%0) \"r\" : bool?", "bad: line 3: a variable is written as input, constant or auxiliary"},
      {HEAD "%1 = input \"x\" : bool?, ??", "bad: line 3: a variable has 2 types, expected 1"},
      {HEAD "%1 = relu \"x\" : bool?", "bad: line 3: expected '(' and the operator's inputs, got '\"x\" : bool?'"},
      {HEAD "%1 = relu(%0) \"r\" then add/3 \"a\" : bool?",
       "bad: line 3: the fused operators need 2 more operands, there are 1"},
      {HEAD "%1 = relu(%0) \"r\" then add/2#2 \"a\" : bool?", "bad: line 3: operand 2 of an operator of 2"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) assert_refused(cases[i][0], cases[i][1]);
}

/* Cut anywhere before its outputs, the text is refused and never read past its end. */
static void test_cut_text(void **state) {
  (void)state;
  const size_t n = (size_t)(strstr(everything, "output %") - everything) + strlen("output");
  for (size_t bytes = 0; bytes < n; bytes++) {
    mxn_error err = {0};
    graph *g = NULL;
    char *text = malloc(bytes ? bytes : 1);
    memcpy(text, everything, bytes);
    const mxn_status status = graph_parse(&memory, "cut", text, bytes, &g, &err);
    free(text);
    if (status != MXN_FORMAT) fail_msg("%zu bytes were accepted", bytes);
  }
}

static void test_nul_is_refused(void **state) {
  (void)state;
  mxn_error err = {0};
  graph *g;
  assert_int_equal(graph_parse(&memory, "bad", "graph\0\"g\"", 9, &g, &err), MXN_FORMAT);
  assert_string_equal(err.message, "bad: the text is not UTF-8");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_everything), TEST(test_constants_print_as_such), TEST(test_loose_layout), TEST(test_refusals),
      TEST(test_cut_text),   TEST(test_nul_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
