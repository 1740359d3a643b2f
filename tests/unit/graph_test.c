/* graph_test.c - shapes, rewiring, order, copies, and what verify refuses.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "fixture.h"

#include "base/shape.h"
#include "graph/graph.h"
#include "graph/verify.h"

static mxn_type shape(int32_t n_dims, int64_t a, int64_t b, int64_t c) {
  return type_of(MXN_FLOAT32, n_dims, (const int64_t[]){a, b, c});
}

static void assert_shape_text(mxn_type t, const char *expected) {
  char text[SHAPE_TEXT_BYTES];
  assert_string_equal(shape_text(&t, text), expected);
}

static void test_shape_text(void **state) {
  (void)state;
  assert_shape_text(type_unknown(), "?");
  assert_shape_text(shape(0, 0, 0, 0), "()");
  assert_shape_text(shape(1, 6, 0, 0), "(6)");
  assert_shape_text(shape(3, 1, -1, 224), "(1, ?, 224)");
  mxn_type t = {.dtype = MXN_FLOAT32, .n_dims = MXN_MAX_DIMS};
  for (int32_t d = 0; d < MXN_MAX_DIMS; d++) t.dims[d] = INT64_MAX;
  char text[SHAPE_TEXT_BYTES];
  shape_text(&t, text);
  assert_string_equal(text + strlen(text) - 6, ", ...)");
}

static void test_shape_elements(void **state) {
  (void)state;
  int64_t elements;
  size_t bytes;
  mxn_type t = shape(3, 2, 3, 4);
  assert_true(shape_elements(&t, &elements) && elements == 24);
  assert_true(type_bytes(&t, &bytes) && bytes == 96);
  t.dtype = MXN_DTYPE_UNKNOWN;
  assert_false(type_bytes(&t, &bytes));
  t = shape(0, 0, 0, 0);
  assert_true(shape_elements(&t, &elements) && elements == 1);
  t = shape(2, 3, 0, 0);
  assert_true(shape_elements(&t, &elements) && elements == 0);
  t = shape(2, 3, -1, 0);
  assert_false(shape_elements(&t, &elements));
  t = shape(3, INT64_MAX, 0, 2);
  assert_false(shape_elements(&t, &elements));
  t = shape(2, (int64_t)1 << 31, (int64_t)1 << 31, 0);
  assert_true(shape_elements(&t, &elements) && elements == (int64_t)1 << 62);
  assert_false(type_bytes(&t, &bytes));
  t = type_unknown();
  assert_false(shape_elements(&t, &elements));
}

static void test_shape_merge(void **state) {
  (void)state;
  mxn_type into = type_unknown(), from = shape(3, 1, -1, 5);
  assert_true(shape_merge(&into, &from));
  assert_int_equal(into.dtype, MXN_DTYPE_UNKNOWN);
  assert_true(shape_equal(&into, &from));
  from = shape(3, -1, 4, -1);
  assert_true(shape_merge(&into, &from));
  assert_shape_text(into, "(1, 4, 5)");
  assert_true(shape_is_known(&into));
  from = shape(3, -1, 3, -1);
  assert_false(shape_merge(&into, &from));
  from = shape(2, 1, 4, 0);
  assert_false(shape_merge(&into, &from));
  assert_shape_text(into, "(1, 4, 5)");
  from = type_unknown();
  assert_true(shape_merge(&into, &from));
  assert_shape_text(into, "(1, 4, 5)");
}

static node *add(graph *g, const char *op, const char *name, node *a, node *b) {
  node *n = graph_add(g, op, name, b ? 2 : 1, 1);
  n->inputs[0] = (value){a, 0};
  if (b) n->inputs[1] = (value){b, 0};
  return n;
}

static void set_head(graph *g, node *n) {
  g->outputs = arena_alloc(g->arena, sizeof *g->outputs);
  g->outputs[0] = (value){n, 0};
  g->n_outputs = 1;
}

/* data -> relu -> sum(relu, data) */
static graph *small_graph(void) {
  graph *g = graph_create(&memory, "small");
  node *data = graph_add_variable(g, "data", shape(2, 3, 4, 0));
  node *relu = add(g, "relu", "r", data, NULL);
  set_head(g, add(g, "elemwise_add", "sum", relu, data));
  return g;
}

static void assert_order(const graph *g, size_t n, const char *const *names) {
  assert_int_equal(g->n_nodes, n);
  for (size_t i = 0; i < n; i++) {
    assert_string_equal(g->nodes[i]->name, names[i]);
    assert_int_equal(g->nodes[i]->id, i);
  }
  assert_int_equal(graph_verify(g, "test", NULL), MXN_OK);
}

static void test_attributes(void **state) {
  (void)state;
  graph *g = small_graph();
  node *n = g->nodes[1];
  assert_null(node_attribute(n, "a"));
  node_set_attribute(g, n, "a", "1");
  node_set_attribute(g, n, "b", "2");
  node_set_attribute(g, n, "a", "3");
  assert_int_equal(n->n_attributes, 2);
  assert_string_equal(node_attribute(n, "a"), "3");
  node_remove_attribute(n, "a");
  node_remove_attribute(n, "none");
  assert_null(node_attribute(n, "a"));
  assert_string_equal(node_attribute(n, "b"), "2");
  assert_int_equal(n->n_attributes, 1);
}

/* Unread operators and constants go, inputs stay, late operands come forward. */
static void test_compact(void **state) {
  (void)state;
  graph *g = graph_create(&memory, "order");
  mxn_tensor array = {shape(1, 1, 0, 0), NULL};
  node *data = graph_add_variable(g, "data", type_unknown());
  node *first = add(g, "relu", "first", data, data);
  add(g, "relu", "dead", first, NULL);
  node *label = graph_add_variable(g, "label", type_unknown());
  graph_add_variable(g, "unread", array.type)->constant = &array;
  node *late = add(g, "relu", "late", label, NULL);
  node *weight = graph_add_variable(g, "weight", array.type);
  weight->constant = &array;
  set_head(g, add(g, "elemwise_add", "sum", first, weight));
  first->inputs[1] = (value){late, 0};
  graph_compact(g);
  static const char *const names[] = {"data", "label", "late", "first", "weight", "sum"};
  assert_order(g, 6, names);
  graph_compact(g);
  assert_order(g, 6, names);
}

static void test_compact_deep_graph(void **state) {
  (void)state;
  enum { DEPTH = 200000 };
  graph *g = graph_create(&memory, "deep");
  node *n = graph_add_variable(g, "data", type_unknown());
  for (size_t i = 0; i < DEPTH; i++) n = add(g, "relu", "r", n, NULL);
  set_head(g, n);
  for (size_t i = 0; i <= DEPTH / 2; i++) { /* the other way round */
    node *swapped = g->nodes[i];
    g->nodes[i] = g->nodes[DEPTH - i];
    g->nodes[DEPTH - i] = swapped;
  }
  graph_compact(g);
  assert_int_equal(g->n_nodes, DEPTH + 1);
  assert_int_equal(graph_verify(g, "test", NULL), MXN_OK);
}

static void test_copy(void **state) {
  (void)state;
  arena other;
  arena_init(&other);
  graph *g = graph_create(&other, "original");
  mxn_tensor *array = arena_alloc(&other, sizeof *array);
  float number = 1;
  *array = (mxn_tensor){shape(1, 1, 0, 0), &number};
  node *data = graph_add_variable(g, "data", shape(1, 1, 0, 0));
  node *weight = graph_add_variable(g, "weight", array->type);
  weight->constant = array;
  node *mul = graph_add(g, "elemwise_mul", "m", 3, 1);
  mul->inputs[0] = (value){data, 0};
  mul->inputs[1] = (value){weight, 0};
  mul->inputs[2] = (value){data, 0};
  mul->outputs[0] = shape(1, 1, 0, 0);
  node_set_attribute(g, mul, "k", "v");
  node *fused = arena_alloc(&other, sizeof *fused);
  *fused = (node){.op = "elemwise_add", .name = "a", .n_inputs = 2, .n_outputs = 1, .outputs = mul->outputs};
  mul->fused = arena_copy(&other, &(fused_operator){fused, 1}, sizeof(fused_operator));
  mul->n_fused = 1;
  mul->n_subgraphs = 1;
  mul->subgraphs = arena_alloc(&other, sizeof(graph *));
  mul->subgraphs[0] = graph_create(&other, "inner");
  set_head(g, mul);
  graph *copy = graph_copy(&memory, g);
  arena_finish(&other);

  assert_string_equal(copy->name, "original");
  static const char *const names[] = {"data", "weight", "m"};
  assert_order(copy, 3, names);
  const node *n = copy->nodes[2];
  assert_ptr_equal(copy->outputs[0].node, n);
  assert_string_equal(node_attribute(n, "k"), "v");
  assert_shape_text(n->outputs[0], "(1)");
  assert_ptr_equal(copy->nodes[1]->constant->data, &number);
  assert_string_equal(n->subgraphs[0]->name, "inner");
  assert_string_equal(n->fused[0].operator->name, "a");
  assert_int_equal(n->fused[0].chain, 1);
  assert_ptr_equal(n->fused[0].operator->inputs[0].node, copy->nodes[0]);
  assert_ptr_equal(n->fused[0].operator->inputs[1].node, n);
}

static void assert_broken(const graph *g, const char *message) {
  mxn_error err = {0};
  assert_int_equal(graph_verify(g, "fuse", &err), MXN_INTERNAL);
  assert_string_equal(err.message, message);
}

static void test_verify_order(void **state) {
  (void)state;
  graph *g = small_graph();
  assert_int_equal(graph_verify(g, "fuse", NULL), MXN_OK);
  g->nodes[1]->inputs[0].node = g->nodes[2];
  assert_broken(g, "small: after pass fuse: node 1 'r' (relu): input 0 is of a node that does not come before it");
  g->nodes[1]->inputs[0].node = NULL;
  assert_broken(g, "small: after pass fuse: node 1 'r' (relu): input 0 is not set");
  g->nodes[1]->inputs[0] = (value){g->nodes[0], 1};
  assert_broken(g, "small: after pass fuse: node 1 'r' (relu): input 0 is an output that its node does not have");
  g->nodes[1]->inputs[0].output = 0;
  node stranger = *g->nodes[0];
  g->nodes[2]->inputs[1].node = &stranger;
  assert_broken(g,
                "small: after pass fuse: node 2 'sum' (elemwise_add): input 1 is of a node that is not in the graph");
  g->nodes[2]->inputs[1].node = g->nodes[0];
  g->outputs[0].output = 7;
  assert_broken(g, "small: after pass fuse: head 0 is an output that its node does not have");
  g->outputs[0].output = 0;
  g->nodes[2]->id = 5;
  assert_broken(g, "small: after pass fuse: node 5 'sum' (elemwise_add): it stands at place 2");
}

static void test_verify_nodes(void **state) {
  (void)state;
  graph *g = small_graph();
  mxn_tensor array = {shape(2, 3, 5, 0), NULL};
  g->nodes[0]->constant = &array;
  assert_broken(g, "small: after pass fuse: node 0 'data' (null): its type is not its array's");
  array.type = g->nodes[0]->outputs[0];
  g->nodes[1]->constant = &array;
  assert_broken(g, "small: after pass fuse: node 1 'r' (relu): an operator has an array");
  g->nodes[1]->constant = NULL;
  g->nodes[1]->outputs[0].n_dims = MXN_MAX_DIMS + 1;
  assert_broken(g, "small: after pass fuse: node 1 'r' (relu): the type of output 0 is not valid");
  g->nodes[1]->outputs[0] = type_unknown();
  const node fused = {.op = "elemwise_add", .name = "f", .n_inputs = 2};
  fused_operator list[] = {{&fused, 2}, {&fused, 0}, {&fused, 0}};
  g->nodes[2]->fused = list;
  g->nodes[2]->n_fused = 3;
  assert_broken(g,
                "small: after pass fuse: node 2 'sum' (elemwise_add): fused 'f' has 2 operands, the chain is number 2");
  list[0].chain = 1;
  assert_broken(g,
                "small: after pass fuse: node 2 'sum' (elemwise_add): the fused operators need 3 more operands, the "
                "node has 2 inputs");
  g->nodes[2]->n_fused = 2;
  assert_int_equal(graph_verify(g, "fuse", NULL), MXN_OK);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_shape_text),
      cmocka_unit_test(test_shape_elements),
      cmocka_unit_test(test_shape_merge),
      TEST(test_attributes),
      TEST(test_compact),
      TEST(test_compact_deep_graph),
      TEST(test_copy),
      TEST(test_verify_order),
      TEST(test_verify_nodes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
