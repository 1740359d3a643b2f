/* partition_groups_test.c - which operators form groups, that groups make no
 * cycle and cannot be larger, and what is said about those left out.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "fixture.h"

#include "base/shape.h"
#include "graph/graph.h"
#include "ops/ops.h"
#include "partition/partition.h"

/* Graphs of the same unary operator or addition over one shape, written as
 * "name=input" and "name=input+input"; "data" and "w" (a parameter) are there. */

#define T ": float32(1, 4, 3, 3)"
static const char header[] = "graph \"test\"\n%0 = input \"data\" " T "\n%1 = constant \"w\" " T "\n";

static float weights[36];
static const mxn_tensor weight = {{MXN_FLOAT32, 4, {1, 4, 3, 3}}, weights};

static graph *prepare(graph *g) {
  mxn_error err = {0};
  for (size_t i = 0; i < g->n_nodes; i++)
    if (!strcmp(g->nodes[i]->name, "w")) g->nodes[i]->constant = &weight;
  if (ops_bind(g, &err) != MXN_OK || ops_infer(g, &err) != MXN_OK) fail_msg("%s", err.message);
  return g;
}

static graph *parse(const char *text) { return prepare(graph_of_text(text)); }

static graph *graph_of(const char *body) { return parse(arena_printf(&memory, "%s%s", header, body)); }

static partition split(const graph *g, const char *const *excluded, size_t n_excluded) {
  mxn_error err = {0};
  partition p;
  const partition_options o = {.excluded = excluded, .n_excluded = n_excluded};
  if (partition_graph(g, &o, &p, &err) != MXN_OK) fail_msg("%s", err.message);
  return p;
}
#define SPLIT(g, ...) \
  split((g), (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static uint32_t group_called(const graph *g, const partition *p, const char *name) {
  for (size_t i = 0; i < g->n_nodes; i++)
    if (!strcmp(g->nodes[i]->name, name)) return p->group[i];
  fail_msg("no node '%s'", name);
  return NO_GROUP;
}

static const char *reason_of(const partition *p, const char *name) {
  for (size_t i = 0; i < p->n_left_out; i++)
    if (!strcmp(p->left_out[i].node->name, name)) return p->left_out[i].reason;
  return "it is compiled";
}

/* Whether the groups, each taken as one node, form a cycle: Kahn's algorithm over
 * units, which are groups and the nodes outside. */
static bool has_cycle(const graph *g, const uint32_t *group, uint32_t n_groups) {
  const size_t n_units = n_groups + g->n_nodes;
  size_t *waiting = arena_array(&memory, n_units, sizeof *waiting), n_done = 0, n_nodes = 0, n_ready = 0;
  bool *exists = arena_array(&memory, n_units, sizeof *exists),
       *is_done = arena_array(&memory, n_units, sizeof *is_done);
  uint32_t *unit = arena_array(&memory, g->n_nodes, sizeof *unit);
  for (uint32_t i = 0; i < g->n_nodes; i++) {
    unit[i] = group[i] == NO_GROUP ? n_groups + i : group[i];
    n_nodes += !exists[unit[i]];
    exists[unit[i]] = true;
  }
  do {
    memset(waiting, 0, n_units * sizeof *waiting);
    for (size_t i = 0; i < g->n_nodes; i++)
      for (uint32_t k = 0; k < g->nodes[i]->n_inputs; k++) {
        const uint32_t from = unit[g->nodes[i]->inputs[k].node->id];
        waiting[unit[i]] += from != unit[i] && !is_done[from];
      }
    n_ready = 0;
    for (size_t u = 0; u < n_units; u++) {
      if (!exists[u] || is_done[u] || waiting[u]) continue;
      is_done[u] = true;
      n_ready++;
    }
    n_done += n_ready;
  } while (n_ready > 0);
  return n_done < n_nodes;
}

/* No two groups with an edge between them could be one. */
static bool could_merge(const graph *g, const partition *p) {
  uint32_t *group = arena_array(&memory, g->n_nodes, sizeof *group);
  for (size_t i = 0; i < g->n_nodes; i++)
    for (uint32_t k = 0; k < g->nodes[i]->n_inputs; k++) {
      const uint32_t a = p->group[g->nodes[i]->inputs[k].node->id], b = p->group[i];
      if (a == b || a == NO_GROUP || b == NO_GROUP) continue;
      for (size_t j = 0; j < g->n_nodes; j++) group[j] = p->group[j] == b ? a : p->group[j];
      if (!has_cycle(g, group, p->n_groups)) return true;
    }
  return false;
}

static void assert_sound(const graph *g, const partition *p) {
  assert_false(has_cycle(g, p->group, p->n_groups));
  assert_false(could_merge(g, p));
}

/* What is one group. */

static void test_chain_is_one_group(void **state) {
  (void)state;
  const graph *g = graph_of("%2 = relu(%0) \"a\" " T "\n%3 = exp(%2) \"b\" " T "\n%4 = elemwise_add(%3, %1) \"c\" " T
                            "\noutput %4\n");
  const partition p = split(g, NULL, 0);
  assert_int_equal(p.n_groups, 1);
  assert_int_equal(p.n_left_out, 0);
  assert_int_equal(p.group[0], NO_GROUP);
}

static void test_excluded_node_cuts_a_chain(void **state) {
  (void)state;
  const graph *g =
      graph_of("%2 = relu(%0) \"a\" " T "\n%3 = exp(%2) \"b\" " T "\n%4 = relu(%3) \"c\" " T "\noutput %4\n");
  const partition p = SPLIT(g, "b");
  assert_int_equal(p.n_groups, 2);
  assert_int_equal(p.n_left_out, 1);
  assert_string_equal(reason_of(&p, "b"), "it is in excl_node_names");
  assert_sound(g, &p);
}

static void test_diamond_with_an_excluded_arm(void **state) {
  (void)state;
  const graph *g = graph_of("%2 = relu(%0) \"top\" " T "\n%3 = exp(%2) \"left\" " T "\n%4 = abs(%2) \"right\" " T
                            "\n%5 = elemwise_add(%3, %4) \"bottom\" " T "\noutput %5\n");
  const partition p = SPLIT(g, "left");
  assert_int_equal(p.n_groups, 2);
  assert_int_not_equal(group_called(g, &p, "top"), group_called(g, &p, "bottom"));
  assert_sound(g, &p);
  const partition whole = split(g, NULL, 0);
  assert_int_equal(whole.n_groups, 1);
}

/* The arm that does not pass the excluded node joins the group behind it. */
static void test_late_arm_joins(void **state) {
  (void)state;
  const graph *g = graph_of("%2 = exp(%0) \"out\" " T "\n%3 = relu(%2) \"a\" " T "\n%4 = relu(%0) \"b\" " T
                            "\n%5 = elemwise_add(%3, %4) \"c\" " T "\noutput %5\n");
  const partition p = SPLIT(g, "out");
  assert_int_equal(p.n_groups, 1);
  assert_int_equal(group_called(g, &p, "a"), group_called(g, &p, "b"));
  assert_sound(g, &p);
}

/* Each group alone would be convex, but two of them would need each other. */
static void test_groups_do_not_need_each_other(void **state) {
  (void)state;
  const graph *g =
      graph_of("%2 = relu(%0) \"h1\" " T "\n%3 = abs(%0) \"k1\" " T "\n%4 = exp(%2) \"x\" " T "\n%5 = exp(%3) \"y\" " T
               "\n%6 = elemwise_add(%4, %3) \"k2\" " T "\n%7 = elemwise_add(%5, %2) \"h2\" " T "\noutput %6, %7\n");
  const partition p = SPLIT(g, "x", "y");
  assert_sound(g, &p);
}

static void test_several_outputs(void **state) {
  (void)state;
  const graph *g = graph_of("%2 = relu(%0) \"a\" " T "\n%3 = exp(%2) \"b\" " T "\noutput %2, %3, %0\n");
  const partition p = split(g, NULL, 0);
  assert_int_equal(p.n_groups, 1);
}

/* Random graphs. */

static uint32_t next_random(uint32_t *state) {
  *state = *state * 1664525u + 1013904223u;
  return *state >> 16;
}

static graph *random_graph(uint32_t seed, size_t n, const char **excluded, size_t *n_excluded) {
  const mxn_type type = {MXN_FLOAT32, 4, {1, 4, 3, 3}};
  graph *g = graph_create(&memory, "random");
  graph_add_variable(g, "data", type);
  *n_excluded = 0;
  for (size_t i = 1; i < n; i++) {
    const bool is_binary = next_random(&seed) % 2;
    node *v = graph_add(g, is_binary ? "elemwise_add" : "relu", arena_printf(&memory, "n%zu", i), is_binary ? 2 : 1, 1);
    const size_t window = i < 6 ? i : 6;
    for (uint32_t k = 0; k < v->n_inputs; k++) v->inputs[k] = (value){g->nodes[i - 1 - next_random(&seed) % window], 0};
    if (next_random(&seed) % 5 == 0) excluded[(*n_excluded)++] = v->name;
  }
  g->outputs = arena_alloc(&memory, sizeof *g->outputs);
  g->outputs[0] = (value){g->nodes[n - 1], 0};
  g->n_outputs = 1;
  return prepare(g);
}

static void test_random_graphs(void **state) {
  (void)state;
  size_t most_groups = 0;
  for (uint32_t seed = 1; seed <= 150; seed++) {
    const char *excluded[64];
    size_t n_excluded;
    const graph *g = random_graph(seed, 60, excluded, &n_excluded);
    const partition p = split(g, excluded, n_excluded);
    assert_sound(g, &p);
    assert_int_equal(p.n_left_out, n_excluded);
    if (p.n_groups > most_groups) most_groups = p.n_groups;
  }
  assert_true(most_groups > 3);
}

static void test_large_graph(void **state) {
  (void)state;
  enum { N = 3000 };
  const char **excluded = arena_array(&memory, N, sizeof *excluded);
  size_t n_excluded;
  const graph *g = random_graph(7, N, excluded, &n_excluded);
  const partition p = split(g, excluded, n_excluded);
  assert_true(p.n_groups > 1);
  assert_int_equal(p.n_left_out, n_excluded);
}

/* What is left out, and why. */

static void assert_reason(const char *body, const char *name, const char *reason) {
  const graph *g = graph_of(body);
  const partition p = split(g, NULL, 0);
  assert_string_equal(reason_of(&p, name), reason);
}

static void test_reasons(void **state) {
  (void)state;
  assert_reason("%2 = Foo(%0) \"f\" " T "\noutput %2\n", "f", "the operator is unknown");
  assert_reason("%2 = sin(%0) \"f\" " T "\noutput %2\n", "f", "the compiler does not have the operator");
  assert_reason("%2 = relu(%1) \"f\" " T "\n%3 = relu(%0) \"g\" " T "\noutput %2, %3\n", "f",
                "it does not depend on an input of the model");
  assert_reason("%2 = input \"b\" : float64(2, 3)\n%3 = relu(%2) \"f\" : ? ?\noutput %3\n", "f",
                "it is not in float32");
  assert_reason("%2 = input \"b\" : float32(2)\n%3 = relu(%2) \"f\" : ? ?\noutput %3\n", "f",
                "its values have fewer than 2 dimensions");
  assert_reason("%2 = input \"b\" : float32(2, ?)\n%3 = relu(%2) \"f\" : ? ?\noutput %3\n", "f",
                "its shapes are not known before it runs");
  assert_reason("%2 = softmax(%0) \"f\" {temperature=\"2\"} : ? ?\noutput %2\n", "f", "its temperature is not 1");
  assert_reason(
      "%2 = input \"k\" : float32(2, 4, 1, 1)\n"
      "%3 = Convolution(%0, %2) \"f\" {kernel=\"(1, 1)\", num_filter=\"2\", no_bias=\"True\"} : ? ?\noutput %3\n",
      "f", "its weights are not in the parameter file");
}

/* 2^62 elements: their bytes are 0 in 64 bits. */
static void test_reasons_of_size(void **state) {
  (void)state;
  assert_reason(
      "%2 = input \"a\" : float32(65536, 1, 32768, 1)\n%3 = input \"b\" : float32(1, 65536, 1, 32768)\n"
      "%4 = broadcast_add(%2, %3) \"f\" : ? ?\noutput %4\n",
      "f", "its values are empty or too large");
  assert_reason(
      "%2 = input \"k\" : float32(2, 4, 1, 1)\n"
      "%3 = Convolution(%0, %2) \"f\" {kernel=\"(1, 1)\", num_filter=\"2\", no_bias=\"True\", "
      "pad=\"(2147483647, 2147483647)\", stride=\"(2147483647, 2147483647)\"} : ? ?\noutput %3\n",
      "f", "its padding is much larger than its values");
  assert_reason(
      "%2 = Convolution(%0, %1) \"f\" {kernel=\"(3, 3)\", num_filter=\"1\", no_bias=\"True\", "
      "pad=\"(250, 250)\"} : ? ?\noutput %2\n",
      "f", "it is compiled");
  assert_reason(
      "%2 = input \"a\" : float32(100000, 1, 300, 2)\n"
      "%3 = Pooling(%2) \"f\" {kernel=\"(2, 2)\"} : ? ?\noutput %3\n",
      "f", "its output has too many rows");
}

/* Names. */

static mxn_status refuse(const partition_options *o, mxn_error *err) {
  const graph *g = graph_of("%2 = relu(%0) \"pool9\" " T "\n%3 = exp(%2) \"drop9\" " T "\noutput %3\n");
  partition p;
  return partition_graph(g, o, &p, err);
}

static void test_unknown_names(void **state) {
  (void)state;
  mxn_error err = {0};
  const char *wrong[] = {"drop8"}, *right[] = {"drop9"}, *variable[] = {"data"};
  assert_int_equal(refuse(&(partition_options){.excluded = wrong, .n_excluded = 1}, &err), MXN_ARGUMENT);
  assert_string_equal(err.message, "test: excl_node_names: no operator is called 'drop8'; near names: 'drop9'");
  err = (mxn_error){0};
  assert_int_equal(refuse(&(partition_options){.forced = wrong, .n_forced = 1}, &err), MXN_ARGUMENT);
  assert_non_null(strstr(err.message, "force_incl_node_names"));
  err = (mxn_error){0};
  assert_int_equal(refuse(&(partition_options){right, 1, right, 1}, &err), MXN_ARGUMENT);
  err = (mxn_error){0};
  assert_int_equal(refuse(&(partition_options){.excluded = variable, .n_excluded = 1}, &err), MXN_ARGUMENT);
}

static void test_forced_name(void **state) {
  (void)state;
  mxn_error err = {0};
  const char *forced[] = {"f"};
  const partition_options o = {.forced = forced, .n_forced = 1};
  partition p;
  assert_int_equal(partition_graph(graph_of("%2 = relu(%0) \"f\" " T "\noutput %2\n"), &o, &p, &err), MXN_OK);
  assert_int_equal(p.n_groups, 1);
  assert_int_equal(partition_graph(graph_of("%2 = sin(%0) \"f\" " T "\noutput %2\n"), &o, &p, &err), MXN_UNSUPPORTED);
  assert_string_equal(err.message,
                      "test: node 'f' (sin) is in force_incl_node_names, but the compiler does not have the operator");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_chain_is_one_group),
      TEST(test_excluded_node_cuts_a_chain),
      TEST(test_diamond_with_an_excluded_arm),
      TEST(test_late_arm_joins),
      TEST(test_groups_do_not_need_each_other),
      TEST(test_several_outputs),
      TEST(test_random_graphs),
      TEST(test_large_graph),
      TEST(test_reasons),
      TEST(test_reasons_of_size),
      TEST(test_unknown_names),
      TEST(test_forced_name),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
