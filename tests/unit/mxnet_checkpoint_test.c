/* mxnet_checkpoint_test.c - arrays meet variables; the real files in shared/
 * (MXN_SHARED, ../shared) go through load, print, parse and copy unchanged.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "fixture.h"

#include <glob.h>
#include <unistd.h>

#include "base/shape.h"
#include "graph/verify.h"
#include "mxnet/checkpoint.h"
#include "mxnet/upgrade.h"

static float numbers[6];

static parameter array(const char *name, parameter_kind kind, mxn_dtype dtype, int64_t rows, int64_t columns) {
  return (parameter){name, kind, {type_of(dtype, 2, (const int64_t[]){rows, columns}), numbers}};
}

static node *variable(graph *g, const char *name, const char *shape, const char *dtype) {
  node *n = graph_add_variable(g, name, type_unknown());
  if (shape) node_set_attribute(g, n, "__shape__", shape);
  if (dtype) node_set_attribute(g, n, "__dtype__", dtype);
  return n;
}

static void assert_type(const node *n, const char *dtype, const char *shape) {
  char text[SHAPE_TEXT_BYTES];
  assert_string_equal(mxn_dtype_name(n->outputs[0].dtype), dtype);
  assert_string_equal(shape_text(&n->outputs[0], text), shape);
}

static void attach(graph *g, const parameter_list *list) {
  mxn_error err = {0};
  if (checkpoint_attach(g, list, &err) != MXN_OK) fail_msg("%s", err.message);
}

static void test_kinds(void **state) {
  (void)state;
  parameter items[] = {
      array("both", PARAMETER_AUXILIARY, MXN_FLOAT32, 1, 1), array("plain", PARAMETER_PLAIN, MXN_FLOAT16, 2, 2),
      array("both", PARAMETER_ARGUMENT, MXN_FLOAT32, 3, 2),  array("unread", PARAMETER_ARGUMENT, MXN_FLOAT32, 1, 1),
      array("both", PARAMETER_PLAIN, MXN_FLOAT32, 1, 2),     array("state", PARAMETER_AUXILIARY, MXN_FLOAT32, 1, 3),
  };
  const parameter_list list = {.items = items, .n_items = 6};
  graph *g = graph_create(&memory, "s.json");
  const node *argument = variable(g, "both", NULL, NULL);
  node *auxiliary = variable(g, "both", NULL, NULL);
  const node *again = variable(g, "both", NULL, NULL), *plain = variable(g, "plain", NULL, NULL);
  const node *not_marked = variable(g, "state", NULL, NULL), *input = variable(g, "data", NULL, NULL);
  auxiliary->is_auxiliary = true;
  attach(g, &list);
  assert_ptr_equal(argument->constant, &items[2].tensor);
  assert_ptr_equal(auxiliary->constant, &items[0].tensor);
  assert_ptr_equal(again->constant, argument->constant);
  assert_type(again, "float32", "(3, 2)");
  assert_type(plain, "float16", "(2, 2)");
  assert_ptr_equal(not_marked->constant, &items[5].tensor);
  assert_null(input->constant);
  assert_type(input, "unknown", "?");
  assert_int_equal(graph_verify(g, "attach", NULL), MXN_OK);
}

static void test_what_the_symbol_says(void **state) {
  (void)state;
  static const struct {
    const char *shape, *dtype;
    bool np_shape;
    const char *expected_dtype, *expected_shape;
  } cases[] = {
      {"(1, 0, 3)", "2", false, "float16", "(1, ?, 3)"},
      {"(1L, -1L,)", "-1", false, "unknown", "(1, ?)"},
      {"[4,5]", "int8", false, "int8", "(4, 5)"},
      {"()", NULL, false, "unknown", "?"},
      {"None", NULL, false, "unknown", "?"},
      {"()", "0", true, "float32", "()"},
      {"(0, -1)", "0", true, "float32", "(0, ?)"},
  };
  const parameter_list none = {.items = NULL, .n_items = 0};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    graph *g = graph_create(&memory, "s.json");
    g->np_shape = cases[i].np_shape;
    const node *n = variable(g, "x", cases[i].shape, cases[i].dtype);
    attach(g, &none);
    assert_type(n, cases[i].expected_dtype, cases[i].expected_shape);
  }
  /* What is known already, such as the caller's type, stays. */
  graph *g = graph_create(&memory, "s.json");
  node *n = variable(g, "x", "(1, 3)", "0");
  n->outputs[0] = type_of(MXN_FLOAT16, 2, (const int64_t[]){4, 3});
  attach(g, &none);
  assert_type(n, "float16", "(4, 3)");
}

static void assert_refused(const char *shape, const char *dtype, mxn_status expected, const char *message) {
  parameter items[] = {array("w", PARAMETER_ARGUMENT, MXN_FLOAT32, 2, 3)};
  const parameter_list list = {.items = items, .n_items = 1};
  mxn_error err = {0};
  graph *g = graph_create(&memory, "s.json");
  variable(g, "w", shape, dtype);
  assert_int_equal(checkpoint_attach(g, &list, &err), expected);
  assert_string_equal(err.message, message);
}

static void test_contradictions(void **state) {
  (void)state;
  assert_refused("(2, 4)", NULL, MXN_SHAPE,
                 "s.json: node 0 'w' (variable): __shape__ is (2, 4), array 'arg:w' has (2, 3)");
  assert_refused("(0, 0, 0)", NULL, MXN_SHAPE,
                 "s.json: node 0 'w' (variable): __shape__ is (?, ?, ?), array 'arg:w' has (2, 3)");
  assert_refused("(2, 0)", "2", MXN_FORMAT,
                 "s.json: node 0 'w' (variable): __dtype__ is float16, array 'arg:w' has float32");
  static const char *const shapes[] = {"",
                                       "2, 3",
                                       "(2, 3",
                                       "(2 3)",
                                       "(2, 3)x",
                                       "(-2)",
                                       "(a)",
                                       "(,)",
                                       "{2}",
                                       "[2)",
                                       "(99999999999999999999)",
                                       "(1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1)"};
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
    assert_refused(
        shapes[i], NULL, MXN_FORMAT,
        arena_printf(&memory, "s.json: node 0 'w' (variable): __shape__ is '%s', expected a shape such as (3, 4)",
                     shapes[i]));
  static const char *const dtypes[] = {"", "float31", "9", "-2", "99999999999", "0 0"};
  for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++)
    assert_refused(
        NULL, dtypes[i], MXN_FORMAT,
        arena_printf(&memory, "s.json: node 0 'w' (variable): __dtype__ is '%s', expected the number of a dtype",
                     dtypes[i]));
}

static void test_array_that_is_none(void **state) {
  (void)state;
  parameter items[] = {{"w", PARAMETER_AUXILIARY, {type_unknown(), NULL}}};
  const parameter_list list = {.items = items, .n_items = 1};
  mxn_error err = {0};
  graph *g = graph_create(&memory, "s.json");
  variable(g, "w", NULL, NULL);
  assert_int_equal(checkpoint_attach(g, &list, &err), MXN_FORMAT);
  assert_string_equal(err.message, "s.json: node 0 'w' (variable): its array 'aux:w' is none");
}

static const char *shared_folder(void) {
  const char *folder = getenv("MXN_SHARED");
  return folder ? folder : "../shared";
}

static void skip_without_shared(void) {
  if (access(shared_folder(), R_OK) == 0) return;
  print_message("SKIPPED: %s is not there; set MXN_SHARED to the folder of shared test inputs\n", shared_folder());
  skip();
}

/* Call check() for every file of shared/ that `pattern` names. */
static void for_each_shared(const char *pattern, void (*check)(const char *path)) {
  glob_t found;
  char path[512];
  snprintf(path, sizeof path, "%s/%s", shared_folder(), pattern);
  assert_int_equal(glob(path, 0, NULL, &found), 0);
  for (size_t i = 0; i < found.gl_pathc; i++) {
    arena_init(&memory);
    check(found.gl_pathv[i]);
    arena_finish(&memory);
  }
  globfree(&found);
}

static graph *load(const char *path) {
  mxn_error err = {0};
  graph *g;
  if (symbol_load(&memory, path, &g, &err) != MXN_OK || symbol_upgrade(g, &err) != MXN_OK ||
      graph_verify(g, "load", &err) != MXN_OK)
    fail_msg("%s", err.message);
  return g;
}

static void check_symbol(const char *path) {
  mxn_error err = {0};
  graph *g = load(path), *parsed;
  const char *text = text_of_graph(g), *json = symbol_print(&memory, g);
  if (graph_parse(&memory, path, text, strlen(text), &parsed, &err) != MXN_OK) fail_msg("%s", err.message);
  assert_string_equal(text_of_graph(parsed), text);
  const graph *copy = graph_copy(&memory, g);
  assert_string_equal(text_of_graph(copy), text);
  assert_string_equal(symbol_print(&memory, copy), json);
  if (symbol_parse(&memory, path, json, strlen(json), &parsed, &err) != MXN_OK) fail_msg("%s", err.message);
  assert_string_equal(symbol_print(&memory, parsed), json);
  assert_int_equal(symbol_upgrade(parsed, NULL), MXN_OK);
  assert_string_equal(symbol_print(&memory, parsed), json);
}

static void test_shared_symbols(void **state) {
  (void)state;
  skip_without_shared();
  for_each_shared("symbols/*-symbol.json", check_symbol);
  for_each_shared("models/*/*-symbol.json", check_symbol);
  for_each_shared("formats/save_000800.json", check_symbol);
}

/* A model's arrays all find a variable, and the text keeps what is constant. */
static void check_model(const char *symbol_path) {
  mxn_error err = {0};
  glob_t found;
  graph *g = load(symbol_path), *parsed;
  parameter_list list;
  const size_t prefix = strlen(symbol_path) - strlen("-symbol.json");
  const char *pattern = arena_printf(&memory, "%.*s-[0-9]*.params", (int)prefix, symbol_path);
  assert_int_equal(glob(pattern, 0, NULL, &found), 0);
  if (params_load(&memory, found.gl_pathv[0], &list, &err) != MXN_OK || checkpoint_attach(g, &list, &err) != MXN_OK)
    fail_msg("%s", err.message);
  globfree(&found);
  size_t n_attached = 0;
  for (size_t i = 0; i < g->n_nodes; i++) n_attached += g->nodes[i]->constant != NULL;
  assert_int_equal(n_attached, list.n_items);
  assert_int_equal(graph_verify(g, "attach", NULL), MXN_OK);
  const char *text = text_of_graph(g);
  assert_non_null(strstr(text, " = constant "));
  if (graph_parse(&memory, symbol_path, text, strlen(text), &parsed, &err) != MXN_OK) fail_msg("%s", err.message);
  attach(parsed, &list);
  assert_string_equal(text_of_graph(parsed), text);
}

static void test_shared_models(void **state) {
  (void)state;
  skip_without_shared();
  for_each_shared("models/*/*-symbol.json", check_model);
}

static void check_arrays(const char *path) {
  mxn_error err = {0};
  parameter_list list;
  if (params_load(&memory, path, &list, &err) != MXN_OK) fail_msg("%s", err.message);
  assert_true(list.n_items > 0);
}

static void test_shared_arrays(void **state) {
  (void)state;
  skip_without_shared();
  for_each_shared("symbols/*.params", check_arrays);
  for_each_shared("formats/mean_224.nd", check_arrays);
  for_each_shared("formats/legacy_ndarray.v0", check_arrays);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_kinds),
      TEST(test_what_the_symbol_says),
      TEST(test_contradictions),
      TEST(test_array_that_is_none),
      cmocka_unit_test(test_shared_symbols),
      cmocka_unit_test(test_shared_models),
      cmocka_unit_test(test_shared_arrays),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
