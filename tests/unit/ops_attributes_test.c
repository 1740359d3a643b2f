/* ops_attributes_test.c - names, attributes and facts of operators.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit/ops_graph.h"

#include <math.h>

#include "ops/operator.h"

/* A pooling with one attribute. */
static const node *pooling(const char *text) {
  return last(bound(arena_printf(&memory, "%%0 = input \"x\" : ??\n%%1 = Pooling(%%0) \"p\" {%s}", text)));
}

static void assert_tuple(const char *text, int32_t n, int64_t a, int64_t b) {
  const op_tuple t = op_tuple_of(pooling(arena_printf(&memory, "stride=\"%s\"", text)), "stride");
  assert_int_equal(t.n, n);
  if (n > 0) assert_int_equal(t.v[0], a);
  if (n > 1) assert_int_equal(t.v[1], b);
}

static void test_tuples(void **state) {
  (void)state;
  assert_tuple("(3, 2)", 2, 3, 2);
  assert_tuple("[3,2]", 2, 3, 2);
  assert_tuple("(2L, 4L)", 2, 2, 4);
  assert_tuple(" ( 5 , ) ", 1, 5, 0);
  assert_tuple("7", 1, 7, 0);
  assert_tuple("()", 0, 0, 0);
  assert_tuple("[]", 0, 0, 0);
  assert_tuple("None", -1, 0, 0);
}

static void test_none_inside_a_tuple(void **state) {
  (void)state;
  const node *n = last(bound("%0 = input \"x\" : ??\n%1 = slice(%0) \"s\" {begin=\"(None, -3)\", end=\"(2, None)\"}"));
  const op_tuple begin = op_tuple_of(n, "begin"), end = op_tuple_of(n, "end");
  assert_true(begin.n == 2 && begin.v[0] == OP_TUPLE_NONE && begin.v[1] == -3);
  assert_true(end.n == 2 && end.v[0] == 2 && end.v[1] == OP_TUPLE_NONE);
}

/* Kinds that few operators have, by themselves. */

static bool parses(const op_attribute *d, const char *text, op_parameter *out) {
  const char *expected = NULL;
  const bool fits = attribute_parse(&memory, d, text, out, &expected);
  assert_true(fits || expected);
  return fits;
}

static void assert_parse_fails(const op_attribute *d, const char *text, const char *expected) {
  const char *got = NULL;
  op_parameter p;
  assert_false(attribute_parse(&memory, d, text, &p, &got));
  assert_string_equal(got, expected);
}

static void test_tuples_of_numbers(void **state) {
  (void)state;
  const op_attribute floats = {.name = "sizes", .kind = OP_FLOATS, .default_text = "(1.0,)"};
  const op_attribute numbers = {.name = "range", .kind = OP_NUMBERS, .default_text = "None"};
  op_parameter p;
  assert_true(parses(&floats, "(0.1, 2, -3e38)", &p));
  assert_true(p.numbers->n == 3 && p.numbers->v[0] == (double)0.1f && p.numbers->v[1] == 2);
  assert_true(p.numbers->v[2] == (double)-3e38f);
  assert_true(parses(&floats, NULL, &p) && p.numbers->n == 1 && p.numbers->v[0] == 1);
  assert_true(parses(&floats, "0.5", &p) && p.numbers->n == 1 && p.numbers->v[0] == 0.5);
  assert_true(parses(&numbers, "[0.1,]", &p) && p.numbers->n == 1 && p.numbers->v[0] == 0.1);
  assert_true(parses(&numbers, "()", &p) && p.numbers->n == 0 && !p.is_none);
  assert_true(parses(&numbers, "None", &p) && p.is_none);
  assert_true(parses(&numbers, NULL, &p) && p.is_none);
  assert_parse_fails(&numbers, "(1, two)", "a tuple of numbers");
  assert_parse_fails(&numbers, "(1, None)", "a tuple of numbers");
  assert_parse_fails(&numbers, "(1", "a tuple of numbers");
}

/* What a real MXNet 1.9.1 takes and refuses, kind by kind. */
static void test_texts_that_mxnet_takes(void **state) {
  (void)state;
  static const struct {
    op_attribute attribute;
    const char *taken[8], *refused[12];
  } cases[] = {
      {{"a", OP_INT, "1", INT64_MIN, NULL},
       {"1", " 1", "1 ", "+1", "-1"},
       {"1L", "1.", "0x1", "2147483648", "1 2", "None"}},
      {{"a", OP_INT, "None", INT64_MIN, NULL}, {"1L", "1 ", "None"}, {"1.", "nan"}},
      {{"a", OP_FLOAT, "1", INT64_MIN, NULL},
       {"1f", ".5", "1.", "nan", "-inf", "Infinity", " 1", "3e38"},
       {"1 ", "1L", "1e39", "1e-50", "1e400", "0x10", "1d", "nanx", "None"}},
      {{"a", OP_DOUBLE, "1", INT64_MIN, NULL}, {"1f", "1e39", "1e-50", "nan"}, {"1 ", "1e400", "0x10"}},
      {{"a", OP_DOUBLE, "None", INT64_MIN, NULL}, {"1 ", "1e39", "None", ".5"}, {"1f", "nan", "inf", "1e400"}},
      {{"a", OP_FLOATS, "None", INT64_MIN, NULL},
       {"1", "(.5,)", "(+1,)", "[1, 2]"},
       {"nan", "(inf,)", "(1e39,)", "(1f,)"}},
      {{"a", OP_BOOL, "1", 0, NULL}, {"true", "FALSE", "0"}, {"None", "2", "yes", ""}},
      {{"a", OP_BOOL, "1", 0, "None"}, {"None", "True"}, {"2", "none"}},
  };
  op_parameter p;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    for (const char *const *text = cases[i].taken; text < cases[i].taken + 8 && *text; text++)
      if (!parses(&cases[i].attribute, *text, &p)) fail_msg("case %zu refuses '%s'", i, *text);
    for (const char *const *text = cases[i].refused; text < cases[i].refused + 12 && *text; text++)
      if (parses(&cases[i].attribute, *text, &p)) fail_msg("case %zu takes '%s'", i, *text);
  }
}

static void test_long_tuples(void **state) {
  (void)state;
  const op_attribute integers = {.name = "indices", .kind = OP_INTEGERS, .minimum = 0};
  const op_attribute dimensions = {.name = "shape", .kind = OP_TUPLE, .minimum = 0};
  const char *text = "(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17)";
  op_parameter p;
  assert_true(parses(&integers, text, &p) && p.tuple->n == 17 && p.tuple->v[16] == 17);
  assert_parse_fails(&dimensions, text, "a tuple of integers of at least 0");
  assert_parse_fails(&integers, "(1, -1)", "a tuple of integers of at least 0");
  assert_parse_fails(&integers, NULL, "a tuple of integers of at least 0");
  assert_parse_fails(&integers, "None", "a tuple of integers of at least 0");
}

static void test_none_in_place_of_a_tuple_or_its_element(void **state) {
  (void)state;
  const op_attribute axis = {.name = "axis", .kind = OP_TUPLE, .default_text = "None", .minimum = INT64_MIN + 1};
  const op_attribute begin = {.name = "begin", .kind = OP_TUPLE, .default_text = "()", .minimum = OP_TUPLE_NONE};
  op_parameter p;
  assert_true(parses(&axis, NULL, &p) && p.is_none);
  assert_true(parses(&axis, "()", &p) && !p.is_none && p.tuple->n == 0);
  assert_true(parses(&axis, "-2", &p) && p.tuple->n == 1 && p.tuple->v[0] == -2);
  assert_parse_fails(&axis, "(None,)", "a tuple of integers");
  assert_true(parses(&begin, "(None, 3)", &p) && p.tuple->v[0] == OP_TUPLE_NONE && p.tuple->v[1] == 3);
  assert_true(parses(&begin, "None", &p) && p.is_none);
}

static void test_texts_and_choices_of_element_types(void **state) {
  (void)state;
  const op_attribute text = {.name = "subscripts", .kind = OP_TEXT, .default_text = ""};
  const op_attribute dtype = {.name = "dtype", .kind = OP_DTYPE, .default_text = "float32", .texts = "float32|int64"};
  op_parameter p;
  assert_true(parses(&text, "ij,jk->ik", &p));
  assert_string_equal(p.text, "ij,jk->ik");
  assert_true(parses(&text, NULL, &p));
  assert_string_equal(p.text, "");
  assert_true(parses(&dtype, NULL, &p) && p.integer == MXN_FLOAT32);
  assert_true(parses(&dtype, "int64", &p) && p.integer == MXN_INT64);
  assert_parse_fails(&dtype, "int8", "one of float32 int64");
  assert_parse_fails(&dtype, "float", "one of float32 int64");
}

static double number(const char *text) {
  const char *lines = "%%0 = input \"x\" : ??\n%%1 = _plus_scalar(%%0) \"p\" {scalar=\"%s\"}";
  char *all = arena_alloc(&memory, 256);
  snprintf(all, 256, lines, text);
  return op_float(last(bound(all)), "scalar");
}

static void test_numbers(void **state) {
  (void)state;
  assert_true(number("1e-05") == 1e-5);
  assert_true(number("-3") == -3);
  assert_true(number("-inf") == -INFINITY);
  assert_true(isnan(number("nan")));
  assert_true(number("0.0078125") == 0.0078125);
}

/* A float of MXNet's is float32, a double is not. */
static void test_float_is_rounded(void **state) {
  (void)state;
  const node *n = last(bound("%0 = input \"x\" : ??\n%1 = LeakyReLU(%0) \"l\" {slope=\"0.1\"}"));
  assert_true(op_float(n, "slope") == (double)0.1f);
  assert_true(number("0.1") == 0.1);
}

static void test_booleans(void **state) {
  (void)state;
  static const char *const yes[] = {"True", "true", "1"}, *const no[] = {"False", "false", "0"};
  for (int i = 0; i < 3; i++) {
    assert_true(op_bool(pooling(arena_printf(&memory, "global_pool=\"%s\"", yes[i])), "global_pool"));
    assert_false(op_bool(pooling(arena_printf(&memory, "global_pool=\"%s\"", no[i])), "global_pool"));
  }
  assert_true(op_bool(pooling("count_include_pad=\"None\""), "count_include_pad"));
}

static void test_defaults(void **state) {
  (void)state;
  const node *n = pooling("");
  assert_string_equal(op_text(n, "pool_type"), "max");
  assert_string_equal(op_text(n, "pooling_convention"), "valid");
  assert_null(op_text(n, "layout"));
  assert_true(op_is_none(n, "p_value"));
  assert_true(op_bool(n, "count_include_pad"));
  assert_int_equal(op_tuple_of(n, "kernel").n, 0);
  n = last(bound("%0 = input \"x\" : ??\n%1 = input \"g\" : ??\n%2 = BatchNorm(%0, %1, %1, %1, %1) \"b\""));
  assert_true(op_float(n, "eps") == (double)1e-3f);
  assert_true(op_bool(n, "fix_gamma"));
  assert_int_equal(op_int(n, "axis"), 1);
}

static void test_element_types(void **state) {
  (void)state;
  const node *n = last(bound("%0 = input \"x\" : ??\n%1 = Cast(%0) \"c\" {dtype=\"float16\"}"));
  assert_int_equal(op_dtype(n, "dtype"), MXN_FLOAT16);
  n = last(bound("%0 = input \"x\" : ??\n%1 = softmax(%0) \"s\""));
  assert_int_equal(op_dtype(n, "dtype"), MXN_DTYPE_UNKNOWN);
}

static void test_other_keys_are_ignored(void **state) {
  (void)state;
  const node *n = pooling("__mirror_stage__=\"True\", \"my key\"=\"(((\", kernel=\"(2, 2)\"");
  assert_int_equal(op_tuple_of(n, "kernel").n, 2);
}

/* What is refused, word for word. */

static void assert_pooling_refused(const char *text, const char *message) {
  const char *lines = arena_printf(&memory, "%%0 = input \"x\" : ??\n%%1 = Pooling(%%0) \"p\" {%s}", text);
  assert_refused(lines, MXN_FORMAT, arena_printf(&memory, "t: node 'p' (Pooling): %s", message));
}

static void test_refusals(void **state) {
  (void)state;
  assert_pooling_refused("stride=\"(1, x)\"",
                         "attribute stride: expected a tuple of integers of at least 1, got '(1, x)'");
  assert_pooling_refused("stride=\"(0, 1)\"",
                         "attribute stride: expected a tuple of integers of at least 1, got '(0, 1)'");
  assert_pooling_refused("stride=\"(1, 2\"",
                         "attribute stride: expected a tuple of integers of at least 1, got '(1, 2'");
  assert_pooling_refused("stride=\"(1, 2]\"",
                         "attribute stride: expected a tuple of integers of at least 1, got '(1, 2]'");
  assert_pooling_refused("stride=\"(1, 2) 3\"",
                         "attribute stride: expected a tuple of integers of at least 1, got '(1, 2) 3'");
  assert_pooling_refused("pad=\"99999999999999999999\"",
                         "attribute pad: expected a tuple of integers of at least 0, got '99999999999999999999'");
  assert_pooling_refused("pool_type=\"ma\"", "attribute pool_type: expected one of max avg sum lp, got 'ma'");
  assert_pooling_refused("pool_type=\"\"", "attribute pool_type: expected one of max avg sum lp, got ''");
  assert_pooling_refused("global_pool=\"yes\"", "attribute global_pool: expected True or False, got 'yes'");
  assert_pooling_refused("p_value=\"3000000000\"", "attribute p_value: expected an integer, got '3000000000'");
  assert_pooling_refused("p_value=\"1.5\"", "attribute p_value: expected an integer, got '1.5'");
}

static void test_more_refusals(void **state) {
  (void)state;
  assert_refused("%0 = input \"x\" : ??\n%1 = FullyConnected(%0, %0, %0) \"f\"", MXN_FORMAT,
                 "t: node 'f' (FullyConnected): attribute num_hidden is missing, expected an integer of at least 1");
  assert_refused("%0 = input \"x\" : ??\n%1 = FullyConnected(%0, %0) \"f\" {num_hidden=\"5\"}", MXN_FORMAT,
                 "t: node 'f' (FullyConnected): expected 3 inputs (data, weight, bias), got 2");
  assert_refused("%0 = input \"x\" : ??\n%1 = Concat(%0, %0) \"c\" {num_args=\"3\"}", MXN_FORMAT,
                 "t: node 'c' (Concat): expected 3 inputs, got 2");
  assert_refused("%0 = input \"x\" : ??\n%1 = clip(%0) \"c\" {a_min=\"0\", a_max=\"six\"}", MXN_FORMAT,
                 "t: node 'c' (clip): attribute a_max: expected a number, got 'six'");
  assert_refused("%0 = input \"x\" : ??\n%1 = SliceChannel(%0) \"s\" {num_outputs=\"2000000000\"}", MXN_UNSUPPORTED,
                 "t: node 's' (SliceChannel): the nodes have more than 1048576 outputs");
  assert_refused("%0 = input \"x\" : ??\n%1 = relu(%0) \"r\" : ??, ??", MXN_FORMAT,
                 "t: node 'r' (relu): output 1 is read, it has 1");
}

/* Names and facts. */

static void assert_alias(const char *alias, const char *name) {
  const op_def *def = op_find(alias);
  assert_non_null(def);
  assert_string_equal(def->name, name);
}

static void test_aliases(void **state) {
  (void)state;
  assert_alias("_Plus", "elemwise_add");
  assert_alias("_MulScalar", "_mul_scalar");
  assert_alias("ChannelwiseConvolution", "Convolution");
  assert_alias("Softmax", "SoftmaxOutput");
  assert_alias("split", "SliceChannel");
  assert_alias("crop", "slice");
  assert_alias("_sparse_relu", "relu");
  assert_null(op_find("QConvolution"));
  assert_null(op_find("_sparse_"));
  assert_null(op_find(""));
  const node *n = last(bound("%0 = input \"x\" : ??\n%1 = _Plus(%0, %0) \"p\""));
  assert_true(op_is(n, "elemwise_add"));
  assert_string_equal(op_name(n), "elemwise_add");
}

static void test_every_name_finds_its_operator(void **state) {
  (void)state;
  for (size_t i = 0; i < op_count(); i++) {
    assert_ptr_equal(op_find(op_at(i)->name), op_at(i));
    for (const char *const *alias = op_at(i)->aliases; alias && *alias; alias++)
      assert_ptr_equal(op_find(*alias), op_at(i));
    assert_non_null(op_at(i)->shape);
  }
}

static void test_unknown_operators_stay(void **state) {
  (void)state;
  graph *g =
      inferred("%0 = input \"x\" : float32(1, 2)\n%1 = QActivation(%0) \"q\" {act_bit=\"1\"}\n%2 = relu(%1) \"r\"");
  assert_null(g->nodes[1]->def);
  assert_null(g->nodes[1]->def);
  assert_int_equal(op_first_label(g->nodes[1]), 1);
  assert_string_equal(op_name(g->nodes[1]), "QActivation");
  assert_type(g->nodes[2], 0, "unknown?");
}

static void test_outputs(void **state) {
  (void)state;
  graph *g = bound(
      "%0 = input \"x\" : ??\n%1 = input \"g\" : ??\n"
      "%2 = SliceChannel(%0) \"s\" {num_outputs=\"3\"}\n"
      "%3 = BatchNorm(%0, %1, %1, %1, %1) \"b\"\n"
      "%4 = BatchNorm(%0, %1, %1, %1, %1) \"m\" {output_mean_var=\"True\"}\n"
      "%5 = relu(%0) \"r\"");
  node *split = g->nodes[2], *mean = g->nodes[4];
  assert_int_equal(split->n_outputs, 3);
  assert_int_equal(g->nodes[3]->n_outputs, 1);
  assert_int_equal(mean->n_outputs, 3);
  assert_string_equal(value_name(g, (value){split, 2}), "s_output2");
  assert_string_equal(value_name(g, (value){g->nodes[3], 0}), "b_output");
  assert_string_equal(value_name(g, (value){mean, 1}), "m_mean");
  assert_string_equal(value_name(g, (value){g->nodes[5], 0}), "r_output");
  assert_string_equal(value_name(g, (value){g->nodes[0], 0}), "x");
  assert_string_equal(op_output_suffix(mean, 2), "var");
}

/* What list_outputs() of MXNet 1.9.1 says. */
static void test_names_of_outputs(void **state) {
  (void)state;
  static const struct {
    const char *node;
    const char *suffixes[3];
  } cases[] = {
      {"topk(%0) \"n\"", {"output"}},
      {"topk(%0) \"n\" {ret_typ=\"mask\"}", {"output"}},
      {"topk(%0) \"n\" {ret_typ=\"value\"}", {"output0"}},
      {"topk(%0) \"n\" {ret_typ=\"both\"}", {"output0", "output1"}},
      {"sort(%0) \"n\"", {"output0"}},
      {"_contrib_box_nms(%0) \"n\"", {"output0"}},
      {"CTCLoss(%0, %0) \"n\"", {"output0"}},
      {"_linalg_det(%0) \"n\"", {"output0"}},
      {"_contrib_quantize_v2(%0) \"n\"", {"output0", "output1", "output2"}},
      {"_contrib_quantized_act(%0, %0, %0) \"n\" {act_type=\"relu\"}", {"output", "min_output", "max_output"}},
      {"_split_v2(%0) \"n\" {indices=\"(0,)\", sections=\"1\"}", {"output"}},
      {"SliceChannel(%0) \"n\" {num_outputs=\"1\"}", {"output0"}},
      {"_sample_multinomial(%0) \"n\"", {"output"}},
      {"_sample_multinomial(%0) \"n\" {get_prob=\"True\"}", {"output0", "output1"}},
      {"make_loss(%0) \"n\"", {"loss"}},
      {"_npi_matmul(%0, %0) \"n\"", {"out"}},
      {"_npi_concatenate(%0) \"n\" {num_args=\"1\"}", {"out"}},
      {"_npi_stack(%0) \"n\" {num_args=\"1\"}", {"output"}},
      {"_npi_average(%0) \"n\" {weighted=\"False\"}", {"output0"}},
      {"_contrib_hawkesll(%0, %0, %0, %0, %0, %0, %0, %0) \"n\"", {"output", "out_state"}},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[256];
    snprintf(text, sizeof text, "%%0 = input \"x\" : ??\n%%1 = %s", cases[i].node);
    const node *n = last(bound(text));
    for (uint32_t k = 0; k < n->n_outputs; k++) assert_string_equal(op_output_suffix(n, k), cases[i].suffixes[k]);
  }
}

static void test_labels_and_auxiliaries(void **state) {
  (void)state;
  graph *g = bound(
      "%0 = input \"x\" : ??\n%1 = input \"y\" : ??\n%2 = input \"g\" : ??\n%3 = input \"v\" : ??\n"
      "%4 = BatchNorm(%0, %2, %2, %3, %3) \"b\"\n%5 = SoftmaxOutput(%4, %1) \"s\"");
  assert_int_equal(op_first_label(g->nodes[5]), 1);
  assert_int_equal(op_first_label(g->nodes[4]), 5);
  assert_true(op_input_is_auxiliary(g->nodes[4], 3) && op_input_is_auxiliary(g->nodes[4], 4));
  assert_false(op_input_is_auxiliary(g->nodes[4], 2) || op_input_is_auxiliary(g->nodes[5], 1));
  assert_true(g->nodes[3]->is_auxiliary);
  assert_false(g->nodes[2]->is_auxiliary);
}

/* Fused operators have definitions, too, and do not count as inputs. */
static void test_fused_operators(void **state) {
  (void)state;
  graph *g = bound(
      "%0 = input \"x\" : float32(1, 2)\n%1 = input \"w\" : float32(3, 2)\n%2 = input \"y\" : float32(1, 3)\n"
      "%3 = FullyConnected(%0, %1, %2) \"f\" {num_hidden=\"3\", no_bias=\"True\"} then elemwise_add/2 \"a\" "
      "then Activation \"r\" {act_type=\"relu\"} : float32(1, 3)");
  assert_string_equal(op_text(last(g)->fused[1].operator, "act_type"), "relu");
  assert_int_equal(op_own_inputs(last(g)), 2);
  assert_int_equal(ops_infer(g, &error), MXN_OK);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_tuples),
      TEST(test_none_inside_a_tuple),
      TEST(test_tuples_of_numbers),
      TEST(test_texts_that_mxnet_takes),
      TEST(test_long_tuples),
      TEST(test_none_in_place_of_a_tuple_or_its_element),
      TEST(test_texts_and_choices_of_element_types),
      TEST(test_numbers),
      TEST(test_float_is_rounded),
      TEST(test_booleans),
      TEST(test_defaults),
      TEST(test_element_types),
      TEST(test_other_keys_are_ignored),
      TEST(test_refusals),
      TEST(test_more_refusals),
      TEST(test_aliases),
      TEST(test_every_name_finds_its_operator),
      TEST(test_unknown_operators_stay),
      TEST(test_outputs),
      TEST(test_names_of_outputs),
      TEST(test_labels_and_auxiliaries),
      TEST(test_fused_operators),
  };
  return cmocka_run_group_tests_name("ops: attributes", tests, NULL, NULL);
}
