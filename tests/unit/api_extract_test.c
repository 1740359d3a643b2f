/* api_extract_test.c - groups of operators become subgraph nodes: what goes into
 * the node, what stays, and in which order inputs and outputs stand.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "fixture.h"

#include <sys/resource.h>

#include "api/extract.h"
#include "executor/model.h"
#include "graph/verify.h"
#include "ops/ops.h"
#include "ops/subgraph.h"

static float numbers[64];
static const mxn_tensor array = {{MXN_FLOAT32, 2, {4, 4}}, numbers};

static graph *parse(const char *text) {
  mxn_error err = {0};
  graph *g = graph_of_text(text);
  for (size_t i = 0; i < g->n_nodes; i++)
    if (strstr(g->nodes[i]->name, "weight")) g->nodes[i]->constant = &array;
  if (ops_bind(g, &err) != MXN_OK || ops_infer(g, &err) != MXN_OK) fail_msg("%s", err.message);
  return g;
}

/* Extract with every operator compiled but those excluded. */
static subgraph_list extract(graph *g, const char *excluded) {
  mxn_error err = {0};
  partition p;
  subgraph_list list;
  const partition_options o = {.excluded = &excluded, .n_excluded = excluded != NULL};
  if (partition_graph(g, &o, &p, &err) != MXN_OK) fail_msg("%s", err.message);
  name_set taken = {.arena = g->arena};
  extract_subgraphs(g, &p, &taken, &list);
  if (graph_verify(g, "extract", &err) != MXN_OK) fail_msg("%s", err.message);
  for (size_t i = 0; i < list.n_items; i++)
    if (graph_verify(list.items[i].inner, "inner", &err) != MXN_OK) fail_msg("%s", err.message);
  return list;
}

static const node *find(const graph *g, const char *name) {
  for (size_t i = 0; i < g->n_nodes; i++)
    if (!strcmp(g->nodes[i]->name, name)) return g->nodes[i];
  return NULL;
}

#define M " : float32(2, 4)\n"
#define FC(to, from, weight, name) \
  to " = FullyConnected(" from ", " weight ") \"" name "\" {num_hidden=\"4\", no_bias=\"True\"}" M

static const char whole[] = "graph \"net\"\n%0 = input \"data\"" M "%1 = constant \"weight\" : float32(4, 4)\n"
    FC("%2", "%0", "%1", "fc1") FC("%3", "%2", "%1", "fc2") "%4 = input \"label\" : ? ?\n"
    "%5 = SoftmaxOutput(%3, %4) \"softmax\"" M "output %5\n";

static void test_whole_model(void **state) {
  (void)state;
  graph *g = parse(whole);
  const subgraph_list list = extract(g, NULL);
  assert_int_equal(list.n_items, 1);
  const subgraph *s = &list.items[0];
  assert_string_equal(s->node->name, "_neuron_subgraph_op0");
  assert_int_equal(s->node->n_inputs, 3);
  assert_int_equal(s->n_data, 1);
  assert_string_equal(s->node->inputs[0].node->name, "data");
  assert_string_equal(s->node->inputs[1].node->name, "label");
  assert_string_equal(s->node->inputs[2].node->name, "_neuron_subgraph_op0_neuronbin");
  assert_string_equal(s->input_names[0], "data");
  assert_string_equal(s->output_names[0], "softmax_output");
  assert_ptr_equal(g->outputs[0].node, s->node);
  /* The weight that only compiled operators read is gone, inside it is there once. */
  assert_null(find(g, "weight"));
  assert_non_null(find(s->inner, "weight"));
  assert_int_equal(s->inner->n_nodes, 3 + 3);
  assert_string_equal(node_attribute(s->node->inputs[1].node, "__shape__"), "(1,)");
  assert_string_equal(node_attribute(s->node->inputs[1].node, "__dtype__"), "0");
}

static void test_attributes(void **state) {
  (void)state;
  graph *g = parse(whole);
  const subgraph_list list = extract(g, NULL);
  const subgraph *s = &list.items[0];
  const char *quoted[] = {"so\"ft\\max\x01_output"};
  subgraph_describe(g, s->node, s->n_data, s->input_names, quoted, true);
  static const char *const expected[][2] = {
      {"num_inputs", "1"},
      {"__ext_extra_inputs__", "2"},
      {"num_outputs", "1"},
      {"in_shapes", "[[0, 4]]"},
      {"out_shapes", "[[0, 4]]"},
      {"in_types", "[0]"},
      {"out_types", "[0]"},
      {"compile_batch", "2"},
      {"__subgraph_opt_neuroncore__", "1"},
      {"__input_names__", "[\"data\"]"},
  };
  for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
    assert_string_equal(node_attribute(s->node, expected[i][0]), expected[i][1]);
  assert_string_equal(subgraph_output_name(&memory, s->node, 0), quoted[0]);
  assert_int_equal(subgraph_n_data(s->node), 1);
  text_list_types types = subgraph_input_types(s->node);
  const mxn_type type = text_list_next_type(&types);
  assert_int_equal(type.dtype, MXN_FLOAT32);
  assert_int_equal(type.n_dims, 2);
  assert_int_equal(type.dims[0], -1);
  assert_int_equal(type.dims[1], 4);
  assert_true(input_is_ignored(s->node, 1));
  assert_false(input_is_ignored(s->node, 0));
}

/* Attributes come from files. */
static void test_hostile_attributes(void **state) {
  (void)state;
  static const char *const texts[] = {"",
                                      "[",
                                      "]",
                                      "[0",
                                      "[0,",
                                      "[0 0]",
                                      "[[0]]",
                                      "\"",
                                      "[\"",
                                      "[\"\\",
                                      "[\"\\u00",
                                      "[\"a\",",
                                      "[9999999999999999999999]",
                                      "[0,0,0,0,0,0,0,0,0,0,0]",
                                      "None"};
  graph *g = parse(whole);
  const subgraph_list list = extract(g, NULL);
  node *n = list.items[0].node;
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    node_set_attribute(g, n, "in_types", texts[i]);
    node_set_attribute(g, n, "in_shapes", texts[i]);
    node_set_attribute(g, n, "__output_names__", texts[i]);
    assert_true(subgraph_n_data(n) < n->n_inputs);
    text_list_types types = subgraph_input_types(n);
    for (int k = 0; k < 4; k++) (void)text_list_next_type(&types);
    assert_non_null(subgraph_output_name(&memory, n, 0));
  }
}

/* Each name is read alone: with 2000 outputs all before it, again and again, would
 * take gigabytes. */
static void test_many_names(void **state) {
  (void)state;
  enum { N = 2000 };
  graph *g = parse(whole);
  node *n = extract(g, NULL).items[0].node;
  char *text = NULL;
  size_t bytes = 0;
  FILE *out = open_memstream(&text, &bytes);
  assert_non_null(out);
  for (int i = 0; i < N; i++)
    fprintf(out, "%s\"output \\\"%d\\\" \\\\ \\n\\r\\t \\u001f %0100d\"", i ? ", " : "[", i, 0);
  fputs("]", out);
  assert_int_equal(fclose(out), 0);
  node_set_attribute(g, n, "__output_names__", text);
  free(text);
  struct rusage before, after;
  assert_int_equal(getrusage(RUSAGE_SELF, &before), 0);
  for (uint32_t i = 0; i < N; i++) {
    char expected[160];
    snprintf(expected, sizeof expected, "output \"%u\" \\ \n\r\t \x1f %0100d", i, 0);
    assert_string_equal(subgraph_output_name(&memory, n, i), expected);
  }
  assert_int_equal(getrusage(RUSAGE_SELF, &after), 0);
  assert_true(after.ru_maxrss - before.ru_maxrss < 64 << 10); /* KiB */
}

static void test_excluded_in_the_middle(void **state) {
  (void)state;
  graph *g = parse("graph \"net\"\n%0 = input \"data\"" M
                   "%1 = constant \"weight\" : float32(4, 4)\n" FC("%2", "%0", "%1", "fc1") FC("%3", "%2", "%1", "mid")
                       FC("%4", "%3", "%1", "fc2") "%5 = elemwise_add(%4, %3) \"add\"" M "output %2, %5, %2\n");
  const subgraph_list list = extract(g, "mid");
  assert_int_equal(list.n_items, 2);
  const subgraph *first = &list.items[0], *second = &list.items[1];
  const node *mid = find(g, "mid");
  assert_non_null(mid);
  /* In topological order, with the shared weight where it is still read. */
  assert_string_equal(first->output_names[0], "fc1_output");
  assert_string_equal(second->output_names[0], "add_output");
  assert_ptr_equal(mid->inputs[0].node, first->node);
  assert_ptr_equal(mid->inputs[1].node, find(g, "weight"));
  assert_int_equal(second->n_data, 1);
  assert_ptr_equal(second->node->inputs[0].node, mid);
  assert_string_equal(second->input_names[0], "mid_output");
  assert_ptr_equal(g->outputs[0].node, first->node);
  assert_ptr_equal(g->outputs[1].node, second->node);
  assert_ptr_equal(g->outputs[2].node, first->node);
}

/* An input that has the name of an array inside must not get that array. */
static void test_names_do_not_collide(void **state) {
  (void)state;
  graph *g = parse("graph \"net\"\n%0 = input \"data\"" M "%1 = constant \"x_weight\" : float32(4, 4)\n" FC(
      "%2", "%0", "%1", "x") FC("%3", "%2", "%1", "y") "output %3\n");
  ((node *)find(g, "x_weight"))->name = "x_output";
  const subgraph_list list = extract(g, "x");
  assert_string_equal(list.items[0].input_names[0], "x_output_1");
}

/* A node gives as many outputs as leave its group, under their own names. */
static void test_several_outputs_of_a_node(void **state) {
  (void)state;
  graph *g = parse("graph \"net\"\n%0 = input \"data\"" M
                   "%1 = SliceChannel(%0) \"split\" {num_outputs=\"2\"} : float32(2, 2), float32(2, 2)\n"
                   "%2 = relu(%1.1) \"out\" : float32(2, 2)\noutput %2, %1.1, %1.0\n");
  const subgraph_list list = extract(g, "out");
  assert_int_equal(list.n_items, 1);
  const subgraph *s = &list.items[0];
  assert_int_equal(s->node->n_outputs, 2);
  assert_string_equal(s->output_names[0], "split_output0");
  assert_string_equal(s->output_names[1], "split_output1");
  assert_int_equal(find(g, "out")->inputs[0].output, 1);
  assert_int_equal(g->outputs[1].output, 1);
  assert_int_equal(g->outputs[2].output, 0);
}

/* What only a label depends on is no input of the program. */
static void test_operators_before_a_label(void **state) {
  (void)state;
  graph *g = parse("graph \"net\"\n%0 = input \"data\"" M
                   "%1 = input \"answer\" : float32(2, 1)\n"
                   "%2 = Reshape(%1) \"flat\" {shape=\"(-1,)\"} : float32(2)\n"
                   "%3 = SoftmaxOutput(%0, %2) \"softmax\"" M "output %3\n");
  const subgraph_list list = extract(g, NULL);
  assert_int_equal(list.n_items, 1);
  assert_int_equal(list.items[0].n_data, 1);
  assert_string_equal(list.items[0].node->inputs[1].node->name, "answer");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_whole_model),
      TEST(test_attributes),
      TEST(test_hostile_attributes),
      TEST(test_many_names),
      TEST(test_excluded_in_the_middle),
      TEST(test_names_do_not_collide),
      TEST(test_several_outputs_of_a_node),
      TEST(test_operators_before_a_label),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
