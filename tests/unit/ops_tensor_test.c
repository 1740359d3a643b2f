/* ops_tensor_test.c - reductions, arrangement, indexing, sorting, products of
 * matrices: tables of what each computes, infers and refuses.
 *
 * Inputs count up from 1 in their elements, unless a row sets the last of them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit/ops_graph.h"

#include <math.h>

#include "ops/number.h"

enum { MOST = 16 };

/* A node on inputs of these types: what it computes. */
typedef struct forward_case {
  const char *node, *inputs[3];
  int n_last;
  double last[MOST]; /* elements of the last input */
  int n_expected;
  double expected[MOST];
} forward_case;

#define VALUES(...) \
  sizeof((double[]){__VA_ARGS__}) / sizeof(double), { __VA_ARGS__ }
#define COUNTED 0, {0}

static const char *lines_of(const char *operator, const char * const * inputs) {
  const char *text = "", *arguments = "";
  int n = 0;
  for (; n < 3 && inputs[n]; n++) {
    text = arena_printf(&memory, "%s%%%d = input \"x%d\" : %s\n", text, n, n, inputs[n]);
    arguments = arena_printf(&memory, "%s%s%%%d", arguments, n ? ", " : "", n);
  }
  const char *space = strchr(operator, ' ');
  const int name = space ? (int)(space - operator) : (int)strlen(operator);
  return arena_printf(&memory, "%s%%%d = %.*s(%s) \"n\"%s", text, n, name, operator, arguments, operator+ name);
}

static mxn_tensor tensor_of(const mxn_type *type) {
  size_t bytes = 0;
  assert_true(type_bytes(type, &bytes));
  return (mxn_tensor){*type, arena_alloc(&memory, bytes + 1)};
}

static mxn_status run(const forward_case *c, mxn_tensor outputs[4]) {
  const node *n = last(inferred(lines_of(c->node, c->inputs)));
  mxn_tensor inputs[3];
  for (uint32_t i = 0; i < n->n_inputs; i++) {
    int64_t elements = 0;
    inputs[i] = tensor_of(value_type(n->inputs[i]));
    assert_true(shape_elements(&inputs[i].type, &elements));
    for (int64_t k = 0; k < elements; k++) store_doubles(&inputs[i], k, 1, &(double){(double)(k + 1)});
    if (i + 1 == n->n_inputs && c->n_last) store_doubles(&inputs[i], 0, c->n_last, c->last);
  }
  for (uint32_t i = 0; i < n->n_outputs; i++) outputs[i] = tensor_of(&n->outputs[i]);
  error = (mxn_error){0};
  return op_forward(n, inputs, outputs, &error);
}

static void check(const forward_case *c) {
  mxn_tensor outputs[4];
  int64_t elements = 0;
  if (run(c, outputs) != MXN_OK) fail_msg("%s: %s", c->node, error.message);
  assert_true(shape_elements(&outputs[0].type, &elements));
  if (elements != c->n_expected) fail_msg("%s: %d elements, expected %d", c->node, (int)elements, c->n_expected);
  for (int64_t i = 0; i < elements; i++) {
    double got;
    load_doubles(&outputs[0], i, 1, &got);
    const bool is_equal = isnan(c->expected[i]) ? isnan(got) : fabs(got - c->expected[i]) < 1e-5;
    if (!is_equal) fail_msg("%s: element %d is %g, expected %g", c->node, (int)i, got, c->expected[i]);
  }
}

/* x0 of (2, 3): 1 2 3, 4 5 6. */
static const forward_case forward_cases[] = {
    {"sum", {"float32(2, 3)"}, COUNTED, VALUES(21)},
    {"sum {axis=\"1\"}", {"float32(2, 3)"}, COUNTED, VALUES(6, 15)},
    {"sum {axis=\"-2\", keepdims=\"True\"}", {"float32(2, 3)"}, COUNTED, VALUES(5, 7, 9)},
    {"sum {axis=\"0\", exclude=\"True\"}", {"float32(2, 3)"}, COUNTED, VALUES(6, 15)},
    {"sum", {"int8(2, 3)"}, VALUES(127, 1, 0, 0, 0, 0), VALUES(-128)},
    {"mean {axis=\"1\"}", {"float32(2, 3)"}, COUNTED, VALUES(2, 5)},
    {"mean", {"int32(2, 3)"}, COUNTED, VALUES(3)},
    {"prod {axis=\"1\"}", {"float32(2, 3)"}, COUNTED, VALUES(6, 120)},
    {"nansum", {"float32(3)"}, VALUES(1, NAN, 2), VALUES(3)},
    {"nanprod", {"float32(3)"}, VALUES(3, NAN, 2), VALUES(6)},
    {"max", {"float32(3)"}, VALUES(1, NAN, 2), VALUES(NAN)},
    {"min {axis=\"0\"}", {"float32(2, 3)"}, COUNTED, VALUES(1, 2, 3)},
    {"_square_sum {axis=\"1\"}", {"float32(2, 3)"}, COUNTED, VALUES(14, 77)},
    {"_sparse_retain", {"float32(3, 2)", "float32(2)"}, VALUES(2, 0), VALUES(1, 2, 0, 0, 5, 6)},
    {"_contrib_round_ste", {"float32(4)"}, VALUES(-1.5, -0.4, 0.5, 1.2), VALUES(-2, 0, 1, 1)},
    {"_CrossDeviceCopy", {"float32(2)"}, VALUES(3, 4), VALUES(3, 4)},
    {"softmax_cross_entropy", {"float32(2, 3)", "float32(2)"}, VALUES(0, 2), VALUES(2.407606 + 0.407606)},
    {"norm", {"float32(2)"}, VALUES(3, 4), VALUES(5)},
    {"norm {ord=\"1\", axis=\"1\"}", {"float32(2, 3)"}, COUNTED, VALUES(6, 15)},
    {"argmax {axis=\"1\"}", {"float32(2, 3)"}, VALUES(1, 3, 3, 9, 8, 7), VALUES(1, 0)},
    {"argmax", {"float32(4)"}, VALUES(1, NAN, 3, NAN), VALUES(1)},
    {"argmin {axis=\"0\"}", {"float32(2, 2)"}, VALUES(1, 3, 1, 2), VALUES(0, 1)},
    {"argmax_channel", {"float32(2, 2)"}, VALUES(1, 3, 4, 2), VALUES(1, 0)},
    {"pick {mode=\"wrap\"}", {"float32(2, 3)", "float32(2)"}, VALUES(-1, 4), VALUES(3, 5)},
    {"pick", {"float32(2, 3)", "int32(2)"}, VALUES(-5, 9), VALUES(1, 6)},
    {"broadcast_to {shape=\"(2, 0)\"}", {"float32(1, 2)"}, COUNTED, VALUES(1, 2, 1, 2)},
    {"broadcast_axis {axis=\"1\", size=\"2\"}", {"float32(2, 1)"}, COUNTED, VALUES(1, 1, 2, 2)},
    {"broadcast_like", {"float32(1, 2)", "float32(2, 2)"}, COUNTED, VALUES(1, 2, 1, 2)},
    {"stack {num_args=\"2\", axis=\"-1\"}", {"float32(2)", "float32(2)"}, VALUES(8, 9), VALUES(1, 8, 2, 9)},
    {"tile {reps=\"(2, 2)\"}", {"float32(2)"}, COUNTED, VALUES(1, 2, 1, 2, 1, 2, 1, 2)},
    {"repeat {repeats=\"2\"}", {"float32(2)"}, COUNTED, VALUES(1, 1, 2, 2)},
    {"repeat {repeats=\"2\", axis=\"0\"}", {"float32(2, 1)"}, COUNTED, VALUES(1, 1, 2, 2)},
    {"reverse {axis=\"(0, 1)\"}", {"float32(2, 3)"}, COUNTED, VALUES(6, 5, 4, 3, 2, 1)},
    {"Pad {mode=\"reflect\", pad_width=\"(0,0,0,0,0,0,1,2)\"}",
     {"float32(1, 1, 1, 3)"},
     COUNTED,
     VALUES(2, 1, 2, 3, 2, 1)},
    {"Pad {mode=\"edge\", pad_width=\"(0,0,0,0,0,0,1,1)\"}", {"float32(1, 1, 1, 2)"}, COUNTED, VALUES(1, 1, 2, 2)},
    {"diag {k=\"1\"}", {"float32(2)"}, COUNTED, VALUES(0, 1, 0, 0, 0, 2, 0, 0, 0)},
    {"diag {k=\"-1\"}", {"float32(2, 3)"}, COUNTED, VALUES(4)},
    {"depth_to_space {block_size=\"2\"}", {"float32(1, 4, 1, 2)"}, COUNTED, VALUES(1, 3, 2, 4, 5, 7, 6, 8)},
    {"space_to_depth {block_size=\"2\"}", {"float32(1, 1, 2, 2)"}, COUNTED, VALUES(1, 2, 3, 4)},
    {"_split_v2 {indices=\"(0, 1)\", axis=\"1\"}", {"float32(2, 3)"}, COUNTED, VALUES(1, 4)},
    {"_split_v2 {indices=\"()\", sections=\"2\", axis=\"1\"}", {"float32(2, 3)"}, COUNTED, VALUES(1, 2, 4, 5)},
    {"shape_array", {"float32(2, 3)"}, COUNTED, VALUES(2, 3)},
    {"size_array", {"float32(2, 3)"}, COUNTED, VALUES(6)},
    {"_full {shape=\"(2,)\", value=\"1.5\"}", {0}, COUNTED, VALUES(1.5, 1.5)},
    {"_eye {N=\"2\", M=\"3\", k=\"1\"}", {0}, COUNTED, VALUES(0, 1, 0, 0, 0, 1)},
    {"_arange {start=\"2\", repeat=\"2\"}", {0}, COUNTED, VALUES(0, 0, 1, 1)},
    {"_linspace {start=\"0\", stop=\"1\", num=\"3\"}", {0}, COUNTED, VALUES(0, 0.5, 1)},
    {"_contrib_arange_like {axis=\"1\", start=\"1\"}", {"float32(2, 3)"}, COUNTED, VALUES(1, 2, 3)},
    {"_contrib_arange_like {start=\"1.5\", step=\"1.5\"}", {"float16(3)"}, COUNTED, VALUES(1, 2, 3)},
    {"_contrib_div_sqrt_dim", {"int32(5)"}, VALUES(4, 5, -5, 0, 9), VALUES(2, 2, -2, 0, 4)},
    {"_contrib_index_array", {"float32(1, 2)"}, COUNTED, VALUES(0, 0, 0, 1)},
    {"where", {"float32(2)", "float32(2, 1)", "float32(2, 1)"}, VALUES(8, 9), VALUES(1, 2)},
    {"take {axis=\"1\", mode=\"wrap\"}", {"float32(2, 3)", "float32(2)"}, VALUES(-1, 3), VALUES(3, 1, 6, 4)},
    {"take", {"float32(3)", "int32(2)"}, VALUES(-1, 7), VALUES(1, 3)},
    {"batch_take", {"float32(2, 2)", "int32(2)"}, VALUES(1, 0), VALUES(2, 3)},
    {"one_hot {depth=\"2\"}", {"float32(3)"}, VALUES(1, 5, 0), VALUES(0, 1, 0, 0, 1, 0)},
    {"gather_nd", {"float32(2, 2)", "int32(2, 2)"}, VALUES(0, 1, 1, -1), VALUES(2, 4)},
    {"scatter_nd {shape=\"(4,)\"}", {"float32(2)", "int32(1, 2)"}, VALUES(3, 1), VALUES(0, 2, 0, 1)},
    {"_ravel_multi_index {shape=\"(-1, 3)\"}", {"float32(2, 2)"}, VALUES(1, 2, 0, 1), VALUES(3, 7)},
    {"_unravel_index {shape=\"(2, 3)\"}", {"float32(2)"}, VALUES(3, 5), VALUES(1, 1, 0, 2)},
    {"topk {k=\"2\"}", {"float32(4)"}, VALUES(3, 9, 3, 1), VALUES(1, 0)},
    {"topk {k=\"1\", ret_typ=\"mask\", axis=\"0\"}", {"float32(2, 2)"}, VALUES(1, 4, 2, 3), VALUES(0, 1, 1, 0)},
    {"sort {axis=\"None\", is_ascend=\"False\"}", {"float32(2, 2)"}, COUNTED, VALUES(4, 3, 2, 1)},
    {"argsort", {"float32(3)"}, VALUES(5, 1, 5), VALUES(1, 0, 2)},
    {"_histogram {bin_cnt=\"2\", range=\"(0, 4)\"}", {"float32(4)"}, VALUES(0, 2, 4, 5), VALUES(1, 2)},
    {"_histogram {bin_cnt=\"5\", range=\"(0, 3)\"}", {"int32(3)"}, VALUES(1, 5, 0), VALUES(0, 1, 1, 0, 0)},
    {"dot {transpose_a=\"True\"}", {"float32(2, 1)", "float32(2, 2)"}, COUNTED, VALUES(7, 10)},
    {"dot", {"float32(3)", "float32(3)"}, COUNTED, VALUES(14)},
    {"batch_dot {transpose_b=\"True\"}", {"float32(1, 1, 2)", "float32(1, 2, 2)"}, COUNTED, VALUES(5, 11)},
    {"khatri_rao {num_args=\"2\"}", {"float32(2, 1)", "float32(2, 1)"}, COUNTED, VALUES(1, 2, 2, 4)},
    {"im2col {kernel=\"(2,)\"}", {"float32(1, 1, 3)"}, COUNTED, VALUES(1, 2, 2, 3)},
    {"col2im {kernel=\"(2,)\", output_size=\"(3,)\"}", {"float32(1, 2, 2)"}, COUNTED, VALUES(1, 5, 4)},
    {"Crop {num_args=\"1\", h_w=\"(1, 1)\", offset=\"(1, 0)\"}", {"float32(1, 1, 2, 2)"}, COUNTED, VALUES(3)},
    {"_slice_assign {begin=\"(0, 1)\", end=\"(2, 2)\"}",
     {"float32(2, 2)", "float32(2, 1)"},
     VALUES(8, 9),
     VALUES(1, 8, 3, 9)},
    {"_slice_assign_scalar {begin=\"(None,)\", end=\"(None,)\", step=\"(-2,)\", scalar=\"0\"}",
     {"float32(3)"},
     COUNTED,
     VALUES(0, 2, 0)},
    {"erfinv", {"float32(3)"}, VALUES(0.5, -0.5, 0), VALUES(0.47693628, -0.47693628, 0)},
    {"smooth_l1 {scalar=\"1\"}", {"float32(3)"}, VALUES(0.5, 2, -2), VALUES(0.125, 1.5, 1.5)},
    {"hard_sigmoid", {"float32(3)"}, VALUES(0, 9, -9), VALUES(0.5, 1, 0)},
    {"_contrib_div_sqrt_dim", {"float32(1, 4)"}, COUNTED, VALUES(0.5, 1, 1.5, 2)},
    {"all_finite", {"float32(2)"}, VALUES(1, INFINITY), VALUES(0)},
    {"_contrib_allclose", {"float32(2)", "float32(2)"}, VALUES(1.000001, 2), VALUES(1)},
    {"_contrib_allclose", {"float32(2)", "float32(2)"}, VALUES(1.1, 2), VALUES(0)},
    {"_zeros_without_dtype {shape=\"(2,)\", dtype=\"0\"}", {0}, COUNTED, VALUES(0, 0)},
    {"multi_all_finite {num_arrays=\"2\"}", {"float32(2)", "float32(2)"}, COUNTED, VALUES(1)},
};

static void test_forwards(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof forward_cases / sizeof *forward_cases; i++) check(&forward_cases[i]);
}

/* No square overflows. */
static void test_norm_of_large_numbers(void **state) {
  (void)state;
  const forward_case c = {"norm", {"float64(2)"}, VALUES(3e200, 4e200), VALUES(5e200)};
  mxn_tensor outputs[4];
  double got;
  assert_int_equal(run(&c, outputs), MXN_OK);
  load_doubles(&outputs[0], 0, 1, &got);
  assert_true(fabs(got / 5e200 - 1) < 1e-12);
}

static void test_moments(void **state) {
  (void)state;
  const forward_case c = {"moments {axes=\"0\"}", {"float32(4)"}, COUNTED, VALUES(2.5)};
  mxn_tensor outputs[4];
  double variance;
  check(&c);
  assert_int_equal(run(&c, outputs), MXN_OK);
  load_doubles(&outputs[1], 0, 1, &variance);
  assert_true(fabs(variance - 1.25) < 1e-6);
}

/* Types. */

static void assert_inferred(const char *operator, const char * a, const char *b, const char *expected) {
  const char *const inputs[3] = {a, b, NULL};
  assert_type(last(inferred(lines_of(operator, inputs))), 0, expected);
}

static void test_types(void **state) {
  (void)state;
  assert_inferred("sum {keepdims=\"True\"}", "int32(2, 3)", NULL, "int32(1, 1)");
  assert_inferred("norm {out_dtype=\"float64\"}", "float32(2, 3)", NULL, "float64(1)");
  assert_inferred("argmax {axis=\"0\"}", "float16(2, 3)", NULL, "float16(3)");
  assert_inferred("squeeze", "float32(1, 1)", NULL, "float32(1)");
  assert_inferred("squeeze {axis=\"0\"}", "float32(1, 1)", NULL, "float32(1)");
  assert_inferred("reshape_like {lhs_begin=\"1\", rhs_begin=\"1\"}", "int8(2, 6)", "float32(9, 3, 2)", "int8(2, 3, 2)");
  assert_inferred("_split_v2 {indices=\"()\", sections=\"3\", axis=\"0\", squeeze_axis=\"1\"}", "float32(3, 2)", NULL,
                  "float32(2)");
  assert_inferred("shape_array", "float16(2, 3)", NULL, "int64(2)");
  assert_inferred("take {axis=\"1\"}", "float16(2, 3, 4)", "int32(5, 6)", "float16(2, 5, 6, 4)");
  assert_inferred("one_hot {depth=\"3\", dtype=\"int32\"}", "float32(2)", NULL, "int32(2, 3)");
  assert_inferred("topk {k=\"2\", axis=\"0\", ret_typ=\"value\"}", "float64(3, 4)", NULL, "float64(2, 4)");
  assert_inferred("topk {k=\"2\", axis=\"0\"}", "float64(3, 4)", NULL, "float32(2, 4)");
  assert_inferred("dot {transpose_b=\"True\"}", "float32(2, 3)", "float32(5, 4, 3)", "float32(2, 5, 4)");
  assert_inferred("amp_cast {dtype=\"float16\"}", "float32(2)", NULL, "float16(2)");
  assert_inferred("amp_cast {dtype=\"float16\"}", "int32(2)", NULL, "int32(2)");
  assert_inferred("amp_multicast {num_outputs=\"2\"}", "float16(2)", "float32(3)", "float32(2)");
  assert_inferred("amp_multicast {num_outputs=\"2\", cast_narrow=\"1\"}", "float32(2)", "float16(3)", "float16(2)");
}

/* Embedding tells the type of its weights; where the shape of its branches. */
static void test_backward_inference(void **state) {
  (void)state;
  const char *const embedding[3] = {"float32(2)", "??", NULL}, *const where[3] = {"float32(2, 3)", "??",
                                                                                  "float64(2, 3)"};
  graph *g = inferred(lines_of("Embedding {input_dim=\"4\", output_dim=\"5\"}", embedding));
  assert_type(g->nodes[1], 0, "float32(4, 5)");
  assert_type(last(inferred(lines_of("where", where)))->inputs[1].node, 0, "float64(2, 3)");
}

/* Refusals: by inference, or by the forward where an input's values decide. */

static const struct {
  const char *node, *inputs[3], *message;
} refusals[] = {
    {"sum {axis=\"2\"}", {"float32(2, 3)"}, "t: node 'n' (sum): axis is 2, expected an axis of 2 dimensions"},
    {"sum {axis=\"(0, -2)\"}", {"float32(2, 3)"}, "t: node 'n' (sum): axis has axis -2 twice"},
    {"_image_flip_top_bottom",
     {"float32(1, 2, 2, 3)"},
     "t: node 'n' (_image_flip_top_bottom): data has 4 dimensions, expected 3"},
    {"_image_flip_left_right",
     {"float32(2, 2, 4)"},
     "t: node 'n' (_image_flip_left_right): data has 4 channels, expected 1 or 3"},
    {"softmax_cross_entropy",
     {"float32(2, 3)", "float32(2, 1)"},
     "t: node 'n' (softmax_cross_entropy): label has 2 dimensions, expected 1"},
    {"max", {"float32(0, 3)"}, "t: node 'n' (max): data has no elements to reduce"},
    {"moments", {"float32(2)"}, "t: node 'n' (moments): attribute axes: expected at least one axis, got none"},
    {"norm {ord=\"3\"}", {"float32(2)"}, "t: node 'n' (norm): attribute ord: expected 1 or 2, got 3"},
    {"broadcast_to {shape=\"(2, 3)\"}",
     {"float32(2, 2)"},
     "t: node 'n' (broadcast_to): (2, 2) cannot be broadcast to (2, 3)"},
    {"squeeze {axis=\"0\"}", {"float32(2, 1)"}, "t: node 'n' (squeeze): axis 0 of data has size 2, expected 1"},
    {"tile {reps=\"(4611686018427387904, 4)\"}",
     {"float32(2, 3)"},
     "t: node 'n' (tile): its output has too many elements"},
    {"Pad {mode=\"edge\", pad_width=\"(0,0,0,0)\"}",
     {"float32(2, 3)"},
     "t: node 'n' (Pad): data has 2 dimensions, expected 4 or 5"},
    {"topk {k=\"4\"}", {"float32(3)"}, "t: node 'n' (topk): k is 4, expected at most 3 elements"},
    {"dot", {"float32(2, 3)", "float32(2, 3)"}, "t: node 'n' (dot): shapes (2, 3) and (2, 3) cannot be multiplied"},
    {"gather_nd", {"float32(2)", "int32(2, 3)"}, "t: node 'n' (gather_nd): indices address 2 axes of 1"},
    {"_arange {start=\"5\", stop=\"1\"}",
     {0},
     "t: node 'n' (_arange): no number lies between start 5 and stop 1 with step 1"},
    {"_zeros_without_dtype {shape=\"(2,)\", dtype=\"40\"}",
     {0},
     "t: node 'n' (_zeros_without_dtype): attribute dtype: expected the number of an element type, got 40"},
    {"im2col {kernel=\"(4,)\"}", {"float32(1, 1, 3)"}, "t: node 'n' (im2col): kernel of 4 is larger than axis 2"},
};

static void test_refusals(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
    graph *g = parse(lines_of(refusals[i].node, refusals[i].inputs));
    error = (mxn_error){0};
    if (ops_bind(g, &error) == MXN_OK) assert_int_not_equal(ops_infer(g, &error), MXN_OK);
    assert_string_equal(error.message, refusals[i].message);
  }
}

static void test_indices_outside_are_refused(void **state) {
  (void)state;
  const forward_case cases[] = {
      {"gather_nd", {"float32(2)", "int32(1, 1)"}, VALUES(2), COUNTED},
      {"scatter_nd {shape=\"(2,)\"}", {"float32(1)", "int32(1, 1)"}, VALUES(-3), COUNTED},
      {"take {mode=\"raise\"}", {"float32(2)", "int32(1)"}, VALUES(5), COUNTED},
  };
  mxn_tensor outputs[4];
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    assert_int_equal(run(&cases[i], outputs), MXN_ARGUMENT);
    assert_non_null(strstr(error.message, "lies outside 2 elements"));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_forwards),
      TEST(test_norm_of_large_numbers),
      TEST(test_moments),
      TEST(test_types),
      TEST(test_backward_inference),
      TEST(test_refusals),
      TEST(test_indices_outside_are_refused),
  };
  return cmocka_run_group_tests_name("ops: tensors", tests, NULL, NULL);
}
