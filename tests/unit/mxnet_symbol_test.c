/* mxnet_symbol_test.c - symbol JSON of all versions, upgraded, written again, and
 * what malformed files are told.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "fixture.h"

#include "graph/verify.h"
#include "mxnet/checkpoint.h"
#include "mxnet/upgrade.h"

/* Single quotes stand for double ones. */
static const char *json(const char *text) {
  char *copy = arena_strdup(&memory, text);
  for (char *s = copy; *s; s++)
    if (*s == '\'') *s = '"';
  return copy;
}

static graph *parse(const char *text) {
  mxn_error err = {0};
  graph *g;
  const char *quoted = json(text);
  if (symbol_parse(&memory, "s.json", quoted, strlen(quoted), &g, &err) != MXN_OK) fail_msg("%s", err.message);
  assert_int_equal(graph_verify(g, "load", NULL), MXN_OK);
  return g;
}

static void upgrade(graph *g) {
  mxn_error err = {0};
  if (symbol_upgrade(g, &err) != MXN_OK) fail_msg("%s", err.message);
  assert_int_equal(graph_verify(g, "upgrade", NULL), MXN_OK);
}

static void test_fields_of_all_versions(void **state) {
  (void)state;
  graph *g = parse(
      "{'nodes': [{'op': 'null', 'name': 'x', 'inputs': [], 'backward_source_id': -1},"
      " {'op': 'split', 'name': 's', 'inputs': [[0, 0]], 'param': {'a': '1', 'b': '2', 'c': '3'},"
      "  'attr': {'b': 'attr', 'c': 'attr'}, 'attrs': {'c': 'attrs', 'n': 7, 'r': 0.1}},"
      " {'op': 'add', 'name': 'y', 'inputs': [[1, 2], [0, 0, 5]], 'control_deps': [0]}],"
      " 'arg_nodes': [0], 'node_row_ptr': [0, 1, 2, 3], 'heads': [[2, 0], [1, 1, 0]],"
      " 'attrs': {'mxnet_version': ['int', 10300], 'is_np_shape': ['int', 1], 'more': ['list_str', ['\\n']]}}");
  assert_string_equal(g->name, "s.json");
  assert_true(g->np_shape);
  assert_int_equal(g->n_nodes, 3);
  const node *split = g->nodes[1];
  assert_int_equal(split->n_outputs, 3);
  assert_int_equal(split->outputs[2].n_dims, -1);
  static const char *const expected[][2] = {{"a", "1"}, {"b", "attr"}, {"c", "attrs"}, {"n", "7"}, {"r", "0.1"}};
  assert_int_equal(split->n_attributes, 5);
  for (size_t i = 0; i < 5; i++) assert_string_equal(node_attribute(split, expected[i][0]), expected[i][1]);
  assert_ptr_equal(g->nodes[2]->inputs[0].node, split);
  assert_int_equal(g->nodes[2]->inputs[0].output, 2);
  assert_int_equal(g->n_outputs, 2);
  assert_int_equal(g->outputs[1].output, 1);
  assert_string_equal(g->attributes[2].text, "[\"list_str\",[\"\\n\"]]");
}

static void test_subgraphs(void **state) {
  (void)state;
  const graph *g = parse(
      "{'nodes': [{'op': 'null', 'name': 'x', 'inputs': []}, {'op': '_foreach', 'name': 'f', 'inputs': [[0, 0, 0]],"
      " 'subgraphs': [{'nodes': [{'op': 'null', 'name': 'i', 'inputs': []}], 'arg_nodes': [0], 'heads': [[0, 0, 0]]},"
      " {'nodes': [], 'heads': []}]}], 'heads': [[1, 0, 0]], 'attrs': {'is_np_shape': ['int', 1]}}");
  const node *f = g->nodes[1];
  assert_int_equal(f->n_subgraphs, 2);
  assert_string_equal(f->subgraphs[0]->name, "f");
  assert_string_equal(f->subgraphs[0]->nodes[0]->name, "i");
  assert_true(f->subgraphs[0]->np_shape);
  assert_int_equal(f->subgraphs[1]->n_nodes, 0);
}

static void test_printed_text(void **state) {
  (void)state;
  graph *g = parse(
      "{'nodes': [{'op': 'null', 'name': 'x\\n\\u00e9\\\\', 'inputs': []}, {'op': 'f', 'name': 'f',"
      " 'inputs': [[0, 0]], 'attrs': {'b': '\\'', 'a': '\\u0001'}, 'subgraphs': [{'nodes': [], 'heads': []}]}],"
      " 'heads': [[1, 1], [0, 0]], 'attrs': {'mxnet_version': ['int', 903], 'k': ['str', 'v']}}");
  const char *text = symbol_print(&memory, g);
  assert_string_equal(text, json("{\n"
                                 "  'nodes': [\n"
                                 "    {\n"
                                 "      'op': 'null',\n"
                                 "      'name': 'x\\n\xC3\xA9\\\\',\n"
                                 "      'inputs': []\n"
                                 "    },\n"
                                 "    {\n"
                                 "      'op': 'f',\n"
                                 "      'name': 'f',\n"
                                 "      'attrs': {\n"
                                 "        'b': '\\'',\n"
                                 "        'a': '\\u0001'\n"
                                 "      },\n"
                                 "      'inputs': [[0, 0, 0]],\n"
                                 "      'subgraphs': [\n"
                                 "        {\n"
                                 "          'nodes': [\n"
                                 "          ],\n"
                                 "          'arg_nodes': [],\n"
                                 "          'node_row_ptr': [0],\n"
                                 "          'heads': []\n"
                                 "        }\n"
                                 "      ]\n"
                                 "    }\n"
                                 "  ],\n"
                                 "  'arg_nodes': [0],\n"
                                 "  'node_row_ptr': [0, 1, 3],\n"
                                 "  'heads': [[1, 1, 0], [0, 0, 0]],\n"
                                 "  'attrs': {'mxnet_version': ['int', 10901], 'k': ['str','v']}\n"
                                 "}\n"));
  g->np_shape = true;
  assert_non_null(strstr(symbol_print(&memory, g), json("'is_np_shape': ['int', 1]")));
}

#define DATA "{'op': 'null', 'name': 'data', 'inputs': []}"
#define ONE(node) "{'nodes': [" DATA ", " node "], 'heads': [[1, 0]]}"

static void assert_names(const graph *g, size_t n, const char *const *names) {
  assert_int_equal(g->n_nodes, n);
  for (size_t i = 0; i < n; i++) assert_string_equal(g->nodes[i]->name, names[i]);
}

/* Files before 0.9 leave out auxiliary states, and may leave out any last inputs. */
static void test_upgrade_adds_inputs(void **state) {
  (void)state;
  graph *g = parse("{'nodes': [" DATA
                   ", {'op': 'null', 'name': 'g', 'inputs': []}, {'op': 'null', 'name': 'b', 'inputs': []},"
                   "{'op': 'BatchNorm', 'name': 'bn', 'param': {'eps': '0.1'}, 'inputs': [[0, 0], [1, 0], [2, 0]]},"
                   "{'op': 'FullyConnected', 'name': 'fc', 'param': {'num_hidden': '2'}, 'inputs': [[3, 0]]},"
                   "{'op': 'FullyConnected', 'name': 'fc2', 'param': {'no_bias': 'True'}, 'inputs': [[4, 0]]}],"
                   "'heads': [[5, 0]]}");
  upgrade(g);
  static const char *const names[] = {
      "data", "g", "b", "bn_moving_mean", "bn_moving_var", "bn", "fc_weight", "fc_bias", "fc", "fc2_weight", "fc2"};
  assert_names(g, 11, names);
  assert_int_equal(g->nodes[5]->n_inputs, 5);
  assert_ptr_equal(g->nodes[5]->inputs[3].node, g->nodes[3]);
  assert_ptr_equal(g->nodes[8]->inputs[0].node, g->nodes[5]);
  assert_int_equal(g->nodes[10]->n_inputs, 2);
  assert_string_equal(g->attributes[0].key, "mxnet_version");
  assert_string_equal(g->attributes[0].text, "[\"int\",10901]");
  const size_t n = g->n_nodes;
  upgrade(g);
  assert_int_equal(g->n_nodes, n);
}

/* From 0.9 on a file says all. */
static void test_new_files_are_complete(void **state) {
  (void)state;
  graph *g = parse("{'nodes': [" DATA
                   ", {'op': 'BatchNorm', 'name': 'bn', 'inputs': [[0, 0]]}], 'heads': [[1, 0]],"
                   " 'attrs': {'mxnet_version': ['int', 900]}}");
  upgrade(g);
  assert_int_equal(g->n_nodes, 2);
}

static void test_upgrade_drops_axis(void **state) {
  (void)state;
  static const char *const axis[] = {"-1", "1"}, *const versions[] = {"904", "905"};
  for (size_t i = 0; i < 4; i++) {
    graph *g = parse(arena_printf(&memory,
                                  "{'nodes': [" DATA
                                  ", {'op': 'argmax', 'name': 'm', 'attr': {'axis': '%s'}, 'inputs': [[0, 0]]}],"
                                  "'heads': [[1, 0]], 'attrs': {'mxnet_version': ['int', %s]}}",
                                  axis[i % 2], versions[i / 2]));
    upgrade(g);
    const char *kept = node_attribute(g->nodes[1], "axis");
    if (i == 0)
      assert_null(kept);
    else
      assert_string_equal(kept, axis[i % 2]);
  }
}

/* MXNet 1.9.1 refuses operators with bare keys of training. */
static void test_upgrade_hides_keys(void **state) {
  (void)state;
  graph *g = parse(
      "{'nodes': [" DATA
      ", {'op': 'null', 'name': 'fc_weight', 'attr': {'weight_lr_mult': '2'}, 'inputs': []},"
      "{'op': 'FullyConnected', 'name': 'fc', 'param': {'no_bias': '1'}, 'attr': {'lr_mult': '3', 'ctx_group': 'dev',"
      "'__ctx_group__': 'kept', 'weight_wd_mult': '4', 'bias_wd_mult': '5', 'my_key': '6'},"
      "'inputs': [[0, 0], [1, 0]]}], 'heads': [[2, 0]]}");
  upgrade(g);
  const node *weight = g->nodes[1], *fc = g->nodes[2];
  assert_int_equal(fc->n_attributes, 4);
  assert_string_equal(node_attribute(fc, "__lr_mult__"), "3");
  assert_string_equal(node_attribute(fc, "__ctx_group__"), "kept");
  assert_string_equal(node_attribute(fc, "my_key"), "6");
  assert_string_equal(node_attribute(weight, "__wd_mult__"), "4");
  assert_string_equal(node_attribute(weight, "weight_lr_mult"), "2");
}

static void test_upgrade_refuses_odd_version(void **state) {
  (void)state;
  graph *g = parse("{'nodes': [" DATA "], 'heads': [[0, 0]], 'attrs': {'mxnet_version': ['str', 1]}}");
  mxn_error err = {0};
  assert_int_equal(symbol_upgrade(g, &err), MXN_FORMAT);
  assert_string_equal(err.message, "s.json: mxnet_version is [\"str\",1], expected [\"int\", number]");
}

static void assert_refused(const char *text, size_t bytes, const char *message) {
  mxn_error err = {0};
  graph *g = NULL;
  assert_int_equal(symbol_parse(&memory, "s.json", text, bytes, &g, &err), MXN_FORMAT);
  assert_string_equal(err.message, message);
  assert_null(g);
}

static void test_refusals(void **state) {
  (void)state;
  static const char *const cases[][2] = {
      {"", "s.json: the file is empty"},
      {"[]", "s.json: the text is an array, expected an object"},
      {"{}", "s.json: nodes is missing, expected an array"},
      {"{'nodes': {}}", "s.json: nodes is an object, expected an array"},
      {"{'nodes': []}", "s.json: heads is missing, expected an array"},
      {"{'nodes': [], 'heads': []}", "s.json: heads is empty: the graph has no outputs"},
      {"{'nodes': [], 'heads': [[0, 0]]}", "s.json: node of head 0 is 0, expected a number below 0"},
      {"{'nodes': [], 'heads': [], 'head': 1}", "s.json: unknown field 'head', did you mean 'heads'"},
      {"{'nodes': [], 'heads': [], 'zzzzz': 1}", "s.json: unknown field 'zzzzz'"},
      {"{'nodes': [], 'heads': []} x", "s.json: line 1, column 28: end of file expected near 'x'"},
      {"{'nodes': [], 'nodes': []}", "s.json: line 1, column 21: duplicate object key near '\"nodes\"'"},
      {"{'nodes': [1e999]}", "s.json: line 1, column 16: real number overflow near '1e999'"},
      {"{'nodes': [99999999999999999999]}", "s.json: line 1, column 31: too big integer near '99999999999999999999'"},
      {"{'a': '\xFF'}", "s.json: line 1, column 7: unable to decode byte 0xff near '\"'"},
      {"{'nodes': [7], 'heads': []}", "s.json: node 0: it is an integer, expected an object"},
      {ONE("{'op': 'f', 'inputs': []}"), "s.json: node 1: name is missing, expected a string"},
      {ONE("{'name': 'f', 'inputs': []}"), "s.json: node 1 'f': op is missing, expected a string"},
      {ONE("{'name': 'f', 'op': '', 'inputs': []}"), "s.json: node 1 'f' (): op is empty"},
      {ONE("{'name': 'f', 'op': true, 'inputs': []}"), "s.json: node 1 'f': op is a boolean, expected a string"},
      {ONE("{'name': 'f', 'op': 'g'}"), "s.json: node 1 'f' (g): inputs is missing, expected an array"},
      {ONE("{'name': 'f', 'op': 'g', 'input': [[0, 0]]}"),
       "s.json: node 1 'f' (g): unknown field 'input', did you mean 'inputs'"},
      {ONE("{'name': 'f', 'op': 'null', 'inputs': [[0, 0]]}"),
       "s.json: node 1 'f' (null): a variable has 1 inputs, expected none"},
      {ONE("{'name': 'f', 'op': 'g', 'inputs': [0]}"),
       "s.json: node 1 'f' (g): input 0 is an integer, expected an array"},
      {ONE("{'name': 'f', 'op': 'g', 'inputs': [[0, 0], [0]]}"),
       "s.json: node 1 'f' (g): input 1 has 1 numbers, expected 2 or 3"},
      {ONE("{'name': 'f', 'op': 'g', 'inputs': [[1, 0]]}"),
       "s.json: node 1 'f' (g): node of input 0 is 1, expected a number below 1"},
      {ONE("{'name': 'f', 'op': 'g', 'inputs': [[-1, 0]]}"),
       "s.json: node 1 'f' (g): node of input 0 is -1, expected a number below 1"},
      {ONE("{'name': 'f', 'op': 'g', 'inputs': [[0.5, 0]]}"),
       "s.json: node 1 'f' (g): node of input 0 is a real number, expected an integer"},
      {ONE("{'name': 'f', 'op': 'g', 'inputs': [[0, 1]]}"),
       "s.json: node 1 'f' (g): output of input 0 is 1, but node 0 is a variable"},
      {ONE("{'name': 'f', 'op': 'g', 'inputs': [[0, 65536]]}"),
       "s.json: node 1 'f' (g): output of input 0 is 65536, expected a number below 65536"},
      {ONE("{'name': 'f', 'op': 'g', 'inputs': [[0, 0, 'v']]}"),
       "s.json: node 1 'f' (g): version of input 0 is a string, expected an integer"},
      {ONE("{'name': 'f', 'op': 'g', 'inputs': [], 'attrs': []}"),
       "s.json: node 1 'f' (g): attrs is an array, expected an object"},
      {ONE("{'name': 'f', 'op': 'g', 'inputs': [], 'param': {'pad': null}}"),
       "s.json: node 1 'f' (g): attribute 'pad' is null, expected a string"},
      {ONE("{'name': 'f', 'op': 'g', 'inputs': [], 'subgraphs': {}}"),
       "s.json: node 1 'f' (g): subgraphs is an object, expected an array"},
      {ONE("{'name': 'f', 'op': 'g', 'inputs': [], 'subgraphs': [{'nodes': [" DATA
           ", {'op': 'h', 'name': 'i', 'inputs': [[3, 0]]}], 'heads': []}]}"),
       "s.json: node 1 'f' (g): subgraph 0: node 1 'i' (h): node of input 0 is 3, expected a number below 1"},
      {"{'nodes': [" DATA "], 'heads': [[1, 0]]}", "s.json: node of head 0 is 1, expected a number below 1"},
      {"{'nodes': [" DATA "], 'heads': [[0, 0]], 'arg_nodes': [1]}",
       "s.json: arg_nodes[0] is 1, expected a number below 1"},
      {"{'nodes': [{'op': 'f', 'name': 'g', 'inputs': []}], 'heads': [[0, 0]], 'arg_nodes': [0]}",
       "s.json: arg_nodes[0] is node 0 'g' (f), expected a variable"},
      {"{'nodes': [" DATA "], 'heads': [[0, 0]], 'attrs': {'mxnet_version': 10901}}",
       "s.json: attribute 'mxnet_version' of the file is an integer, expected an array"},
      {"{'nodes': [" DATA "], 'heads': [[0, 0]], 'attrs': {'mxnet_version': ['int']}}",
       "s.json: attribute 'mxnet_version' of the file has 1 values, expected a type and a value"},
      {"{'nodes': [" DATA "], 'heads': [[0, 0]], 'attrs': {'is_np_shape': ['int', 'yes']}}",
       "s.json: attribute 'is_np_shape' of the file is a string, expected an integer"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const char *text = json(cases[i][0]);
    assert_refused(text, strlen(text), cases[i][1]);
  }
}

static void test_nul_is_refused(void **state) {
  (void)state;
  assert_refused("{\"a\": \"\\u0000\"}", 15,
                 "s.json: line 1, column 14: \\u0000 is not allowed without JSON_ALLOW_NUL near '\"\\u0000\"'");
  assert_refused("{\"a\": \"\0\"}", 10, "s.json: line 1, column 7: control character 0x0 near '\"'");
}

static void test_deep_nesting_is_refused(void **state) {
  (void)state;
  char deep[5000];
  memset(deep, '[', sizeof deep);
  mxn_error err = {0};
  graph *g;
  assert_int_equal(symbol_parse(&memory, "s.json", deep, sizeof deep, &g, &err), MXN_FORMAT);
  assert_string_equal(err.message, "s.json: line 1, column 2049: maximum parsing depth reached near '['");
}

/* 40 subgraphs inside each other: 32 pass. */
static void test_deep_subgraphs_are_refused(void **state) {
  (void)state;
  const char *text = json("{'nodes': [], 'heads': []}");
  for (size_t i = 0; i < 40; i++) {
    mxn_error err = {0};
    graph *g;
    text = arena_printf(&memory,
                        json("{'nodes': [{'op': 'f', 'name': 'n', 'inputs': [], 'subgraphs': [%s]}],"
                             " 'heads': [[0, 0]]}"),
                        text);
    const mxn_status status = symbol_parse(&memory, "s.json", text, strlen(text), &g, &err);
    assert_int_equal(status, i < 32 ? MXN_OK : MXN_FORMAT);
    if (i >= 32)
      assert_string_equal(err.message,
                          "s.json: node 0 'n' (f): subgraph 0: node 0 'n' (f): ...: subgraph 0: node 0 'n' (f): "
                          "subgraphs are nested more than 32 deep");
  }
}

/* A million outputs in all is more than memory should be asked for. */
static void test_outputs_are_bounded(void **state) {
  (void)state;
  const char *nodes = "", *heads = "";
  for (size_t i = 0; i < 17; i++) {
    nodes = arena_printf(&memory, "%s%s{\"op\": \"f\", \"name\": \"n\", \"inputs\": []}", nodes, i ? "," : "");
    heads = arena_printf(&memory, "%s%s[%zu, 65535]", heads, i ? "," : "", i);
  }
  const char *text = arena_printf(&memory, "{\"nodes\": [%s], \"heads\": [%s]}", nodes, heads);
  assert_refused(text, strlen(text), "s.json: the nodes have more than 1048576 outputs");
}

/* Cut anywhere, a file is refused and never read past its end. */
static void test_cut_file(void **state) {
  (void)state;
  const char *text = json(ONE("{'name': 'f', 'op': 'g', 'inputs': [[0, 0]], 'attrs': {'k': '\\u00e9'}}"));
  for (size_t n = 0; n < strlen(text); n++) {
    mxn_error err = {0};
    graph *g;
    char *copy = arena_copy(&memory, text, n);
    assert_int_equal(symbol_parse(&memory, "s.json", copy, n, &g, &err), MXN_FORMAT);
    assert_true(strlen(err.message) > strlen("s.json: "));
  }
}

static void test_missing_file(void **state) {
  (void)state;
  mxn_error err = {0};
  graph *g;
  assert_int_equal(symbol_load(&memory, "none-symbol.json", &g, &err), MXN_IO);
  assert_string_equal(err.message, "none-symbol.json: cannot open: No such file or directory");
  assert_null(g);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_fields_of_all_versions),
      TEST(test_subgraphs),
      TEST(test_printed_text),
      TEST(test_upgrade_adds_inputs),
      TEST(test_new_files_are_complete),
      TEST(test_upgrade_drops_axis),
      TEST(test_upgrade_hides_keys),
      TEST(test_upgrade_refuses_odd_version),
      TEST(test_refusals),
      TEST(test_nul_is_refused),
      TEST(test_deep_nesting_is_refused),
      TEST(test_deep_subgraphs_are_refused),
      TEST(test_outputs_are_bounded),
      TEST(test_cut_file),
      TEST(test_missing_file),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
