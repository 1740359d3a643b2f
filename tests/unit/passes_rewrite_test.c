/* passes_rewrite_test.c - values that are replaced, and their uses.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/shape.h"
#include "passes/rewrite.h"

static arena memory;

static int set_up(void **state) {
  (void)state;
  arena_init(&memory);
  return setjmp(memory.recovery);
}

static int tear_down(void **state) {
  (void)state;
  arena_finish(&memory);
  return 0;
}

static node *add(graph *g, const char *name, node *a, node *b) {
  node *n = graph_add(g, "add", name, 2, 1);
  n->inputs[0] = (value){a, 0};
  n->inputs[1] = (value){b, 0};
  return n;
}

static graph *small_graph(void) {
  graph *g = graph_create(&memory, "small");
  node *data = graph_add_variable(g, "data", type_unknown());
  node *twice = add(g, "twice", data, data);
  node *sum = add(g, "sum", twice, data);
  g->outputs = arena_array(&memory, 1, sizeof *g->outputs);
  g->outputs[g->n_outputs++] = (value){sum, 0};
  return g;
}

static void test_replaced_values_are_read_where_they_are_visited(void **state) {
  (void)state;
  graph *g = small_graph();
  const value data = {g->nodes[0], 0}, twice = {g->nodes[1], 0}, sum = {g->nodes[2], 0};
  rewrite r = rewrite_begin(g);
  assert_int_equal(rewrite_uses(&r, data), 3);
  assert_int_equal(rewrite_uses(&r, twice), 1);
  assert_int_equal(rewrite_uses(&r, sum), 1);
  rewrite_replace(&r, twice, data);
  assert_int_equal(rewrite_uses(&r, data), 4);
  assert_int_equal(rewrite_uses(&r, twice), 0);
  assert_ptr_equal(sum.node->inputs[0].node, twice.node);
  rewrite_visit(&r, sum.node);
  assert_ptr_equal(sum.node->inputs[0].node, data.node);
  rewrite_forget(&r, data);
  assert_int_equal(rewrite_uses(&r, data), 3);
}

static void test_new_nodes_read_too(void **state) {
  (void)state;
  graph *g = small_graph();
  const value data = {g->nodes[0], 0}, sum = {g->nodes[2], 0};
  rewrite r = rewrite_begin(g);
  const value first = {add(g, "first", data.node, data.node), 0};
  const value second = {add(g, "second", first.node, data.node), 0};
  rewrite_replace(&r, sum, second);
  assert_int_equal(rewrite_uses(&r, data), 6);
  assert_int_equal(rewrite_uses(&r, first), 1);
  assert_int_equal(rewrite_uses(&r, second), 1);
  assert_ptr_equal(g->outputs[0].node, sum.node);
  rewrite_finish(&r);
  assert_ptr_equal(g->outputs[0].node, second.node);
}

static void test_each_output_by_itself(void **state) {
  (void)state;
  graph *g = graph_create(&memory, "parts");
  node *data = graph_add_variable(g, "data", type_unknown());
  node *parts = graph_add(g, "split", "parts", 1, 2);
  parts->inputs[0] = (value){data, 0};
  node *sum = add(g, "sum", parts, parts);
  sum->inputs[1].output = 1;
  rewrite r = rewrite_begin(g);
  rewrite_replace(&r, (value){parts, 1}, (value){data, 0});
  rewrite_finish(&r);
  assert_ptr_equal(sum->inputs[0].node, parts);
  assert_ptr_equal(sum->inputs[1].node, data);
  assert_int_equal(sum->inputs[1].output, 0);
  assert_int_equal(rewrite_uses(&r, (value){parts, 0}), 1);
  assert_int_equal(rewrite_uses(&r, (value){parts, 1}), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
      TEST(test_replaced_values_are_read_where_they_are_visited),
      TEST(test_new_nodes_read_too),
      TEST(test_each_output_by_itself),
#undef TEST
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
