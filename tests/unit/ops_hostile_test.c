/* ops_hostile_test.c - bad input for every operator, made from its row of ops.def.
 *
 * Each row is tried with texts that its attributes do not admit, with a wrong
 * number of inputs, and with a few hundred random nodes: attributes at the edges of
 * their kinds, inputs of any rank, type and size, sizes of 0 and sizes that
 * overflow, types of outputs that nothing but a reader knows, and numbers such as NaN
 * where indices are expected. Whatever happens is a status whose message names the
 * node and the operator; never a crash, a hang or an INTERNAL error. What runs writes
 * every byte of its outputs. The build with ASan and UBSan runs it as well.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit/ops_graph.h"

#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <unistd.h>

#include "ops/layers.h"
#include "ops/number.h"
#include "ops/operator.h"
#include "ops/random.h"

enum { ROUNDS = 200, MAX_INPUTS = 16, MAX_ATTRIBUTES = 32, MOST_BYTES = 1 << 16, SECONDS = 30 };

/* What is being tried: printed where the process dies of it. */

static char trying[4096];

static void print_trying(void) {
  static const char head[] = "\nthis happened in: ";
  if (write(STDERR_FILENO, head, sizeof head - 1) < 0 || write(STDERR_FILENO, trying, strlen(trying)) < 0) return;
}

static void die(int number) {
  print_trying();
  signal(number, SIG_DFL);
  raise(number);
}

/* Of a build with sanitizers: memory that is not there is an error to handle, not the end. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "allocator_may_return_null=1:max_allocation_size_mb=512"; }
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

/* In every test that runs nodes: cmocka sets its own before each. */
static void watch(void) {
  static const int numbers[] = {SIGSEGV, SIGABRT, SIGFPE, SIGBUS, SIGILL, SIGALRM};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) signal(numbers[i], die);
  if (__sanitizer_set_death_callback) __sanitizer_set_death_callback(print_trying);
}

/* What is wrong is said for every operator before the test fails. */

static int n_wrong;

static int start_counting(void **state) {
  n_wrong = 0;
  return start(state);
}

static void complain(mxn_status status) {
  n_wrong++;
  print_message("%s: status %d, %s\n", trying, (int)status, error.message);
}

/* Random choices, the same in every run. */

static uint64_t seed;

static uint64_t random_below(uint64_t n) {
  seed = seed * 6364136223846793005u + 1442695040888963407u;
  return (seed >> 33) % n;
}

#define PICK(table) ((table)[random_below(sizeof(table) / sizeof *(table))])

/* A node of its own: attributes[i] is the text of the definition's attribute i, or NULL. */

typedef struct trial {
  const op_def *def;
  const char *texts[MAX_ATTRIBUTES];
  mxn_tensor inputs[MAX_INPUTS];
  uint32_t n_inputs;
  const mxn_type *output; /* what a reader says about output 0, or NULL */
  bool np_shape;
} trial;

static size_t count_attributes(const op_def *def) {
  size_t n = 0;
  while (def->attributes && def->attributes[n].name) n++;
  assert_true(n <= MAX_ATTRIBUTES);
  return n;
}

static void describe(const trial *t) {
  size_t used = (size_t)snprintf(trying, sizeof trying, "%s%s {", t->np_shape ? "numpy " : "", t->def->name);
  for (size_t i = 0; i < count_attributes(t->def) && used < sizeof trying; i++)
    if (t->texts[i])
      used += (size_t)snprintf(trying + used, sizeof trying - used, "%s=%s; ", t->def->attributes[i].name, t->texts[i]);
  for (uint32_t i = 0; i < t->n_inputs && used < sizeof trying; i++) {
    char shape[SHAPE_TEXT_BYTES];
    const mxn_type *type = &t->inputs[i].type;
    used += (size_t)snprintf(trying + used, sizeof trying - used, "%s %s%s", i ? "," : "}", mxn_dtype_name(type->dtype),
                             shape_text(type, shape));
  }
}

/* The graph of the inputs and the node, which is its last. */
static graph *make_graph(const trial *t) {
  graph *g = graph_create(&memory, "t");
  g->np_shape = t->np_shape;
  for (uint32_t i = 0; i < t->n_inputs; i++)
    (void)graph_add_variable(g, arena_printf(&memory, "in%u", i), t->inputs[i].type);
  node *n = graph_add(g, t->def->name, "n", t->n_inputs, 0);
  for (uint32_t i = 0; i < t->n_inputs; i++) n->inputs[i] = (value){g->nodes[i], 0};
  for (size_t i = 0; i < count_attributes(t->def); i++)
    if (t->texts[i]) node_set_attribute(g, n, t->def->attributes[i].name, t->texts[i]);
  error = (mxn_error){0};
  describe(t);
  return g;
}

static void assert_message(const trial *t, const char *graph_name, mxn_status status) {
  const char *expected = arena_printf(&memory, "%snode 'n' (%s): ", graph_name, t->def->name);
  if (status == MXN_INTERNAL || strncmp(error.message, expected, strlen(expected)) != 0) complain(status);
}

/* Attributes that fit, and as many inputs as the operator has with them. */

static const char *first_text(const char *texts) {
  return arena_printf(&memory, "%.*s", (int)strcspn(texts, "|"), texts);
}

static const char *fitting_text(const op_attribute *d) {
  const int64_t number = d->minimum > 1 ? d->minimum : 1;
  switch (d->kind) {
    case OP_INT:
    case OP_LONG: return arena_printf(&memory, "%" PRId64, number);
    case OP_BOOL:
    case OP_FLOAT:
    case OP_DOUBLE: return "1";
    case OP_ENUMERATION: return first_text(d->texts);
    case OP_TEXT: return "x";
    case OP_DTYPE: return d->texts ? first_text(d->texts) : "float32";
    case OP_TUPLE:
    case OP_INTEGERS:
    case OP_FLOATS:
    case OP_NUMBERS: return "(1, 1)";
  }
  return "";
}

static trial fitting_trial(const op_def *def) {
  trial t = {.def = def};
  for (size_t i = 0; i < count_attributes(def); i++)
    if (!def->attributes[i].default_text) t.texts[i] = fitting_text(&def->attributes[i]);
  return t;
}

/* False where the attributes do not even parse, or ask for more inputs than a test has. */
static bool set_inputs(trial *t) {
  t->n_inputs = 0;
  const graph *g = make_graph(t);
  if (ops_bind((graph *)g, &error) != MXN_OK && strstr(error.message, "attribute")) return false;
  uint32_t n = 0;
  for (const char *const *name = t->def->inputs; name && *name; name++) n++;
  if (t->def->count_inputs) n = t->def->count_inputs(last(g));
  t->n_inputs = n;
  for (uint32_t i = 0; i < n && i < MAX_INPUTS; i++) t->inputs[i].type = type_unknown();
  return n < MAX_INPUTS;
}

/* Texts that an attribute of that kind does not admit. */

static const char *const malformed[] = {"", "x", "1 2", "(1", "1)", "(1, x)", "((1))", "1e", "--1", "(,)"};
static const char *const malformed_integers[] = {"1.5", "1e3", "True", "99999999999999999999", "-99999999999999999999"};
static const char *const malformed_ints[] = {"2147483648", "-2147483649"};
static const char *const malformed_bools[] = {"2", "yes", "-1", "1.0"};
static const char *const malformed_dtypes[] = {"float31", "0", "Float32"};

static void assert_attribute_refused(const op_def *def, size_t i, const char *text) {
  trial t = fitting_trial(def);
  t.texts[i] = text;
  const mxn_status status = ops_bind(make_graph(&t), &error);
  const char *name = def->attributes[i].name;
  const char *begin = arena_printf(&memory, "t: node 'n' (%s): attribute %s: expected ", def->name, name);
  const char *end = arena_printf(&memory, ", got '%s'", text);
  const size_t n = strlen(error.message);
  if (status != MXN_FORMAT || strncmp(error.message, begin, strlen(begin)) != 0 || n < strlen(end) ||
      strcmp(error.message + n - strlen(end), end) != 0)
    complain(status);
}

#define ASSERT_REFUSED(def, i, table) \
  for (size_t k = 0; k < sizeof(table) / sizeof *(table); k++) assert_attribute_refused(def, i, (table)[k])

static bool is_tuple(const op_attribute *d) { return d->kind >= OP_TUPLE; }

static void assert_range(const op_def *def, size_t i) {
  const op_attribute *d = &def->attributes[i];
  if (d->minimum <= INT32_MIN) return;
  assert_attribute_refused(def, i,
                           arena_printf(&memory, is_tuple(d) ? "(%" PRId64 ", 5)" : "%" PRId64, d->minimum - 1));
}

static void assert_bad_texts(const op_def *def, size_t i) {
  const op_attribute *d = &def->attributes[i];
  if (d->kind == OP_TEXT) return;
  ASSERT_REFUSED(def, i, malformed);
  switch (d->kind) {
    case OP_INT: ASSERT_REFUSED(def, i, malformed_ints);      /* fall through */
    case OP_LONG: ASSERT_REFUSED(def, i, malformed_integers); /* fall through */
    case OP_TUPLE:
    case OP_INTEGERS: assert_range(def, i); break;
    case OP_BOOL: ASSERT_REFUSED(def, i, malformed_bools); break;
    case OP_DTYPE: ASSERT_REFUSED(def, i, malformed_dtypes); break;
    default: break;
  }
  if (!d->default_text && d->minimum != OP_TUPLE_NONE) assert_attribute_refused(def, i, "None");
}

static void test_attributes(void **state) {
  (void)state;
  for (size_t k = 0; k < op_count(); k++)
    for (size_t i = 0; i < count_attributes(op_at(k)); i++) assert_bad_texts(op_at(k), i);
  assert_int_equal(n_wrong, 0);
}

static void test_missing_attributes(void **state) {
  (void)state;
  for (size_t k = 0; k < op_count(); k++) {
    for (size_t i = 0; i < count_attributes(op_at(k)); i++) {
      trial t = fitting_trial(op_at(k));
      if (!t.texts[i]) continue;
      t.texts[i] = NULL;
      const mxn_status status = ops_bind(make_graph(&t), &error);
      const char *expected = arena_printf(&memory, "t: node 'n' (%s): attribute %s is missing, expected ", t.def->name,
                                          t.def->attributes[i].name);
      if (status != MXN_FORMAT || strncmp(error.message, expected, strlen(expected)) != 0) complain(status);
    }
  }
  assert_int_equal(n_wrong, 0);
}

static void assert_inputs_refused(trial *t, uint32_t n) {
  const uint32_t right = t->n_inputs;
  t->n_inputs = n;
  const mxn_status status = ops_bind(make_graph(t), &error);
  const char *expected = arena_printf(&memory, "t: node 'n' (%s): expected %u input", t->def->name, right);
  const bool is_said = strncmp(error.message, expected, strlen(expected)) == 0;
  if (status != MXN_FORMAT || !is_said || !strstr(error.message, arena_printf(&memory, ", got %u", n)))
    complain(status);
  t->n_inputs = right;
}

/* Subgraphs, which no row describes, say how many there are. */
static bool counts_its_inputs(const trial *t) {
  trial more = *t;
  more.n_inputs++;
  return ops_bind(make_graph(&more), &error) == MXN_OK;
}

static void test_numbers_of_inputs(void **state) {
  (void)state;
  for (size_t k = 0; k < op_count(); k++) {
    trial t = fitting_trial(op_at(k));
    if (!set_inputs(&t)) continue;
    const mxn_status status = ops_bind(make_graph(&t), &error);
    if (status != MXN_OK) complain(status);
    if (counts_its_inputs(&t)) continue;
    if (t.n_inputs > 0) assert_inputs_refused(&t, t.n_inputs - 1);
    assert_inputs_refused(&t, t.n_inputs + 1);
  }
  assert_int_equal(n_wrong, 0);
}

/* Random nodes. */

static const char *const integer_texts[] = {"0", "1", "2", "3", "-1", "-2", "4", "7", "2147483647", "-2147483648"};
static const char *const long_texts[] = {"0", "1", "-1", "4", "9223372036854775807", "-9223372036854775807"};
static const char *const bool_texts[] = {"True", "False"};
static const char *const number_texts[] = {"0",     "1",    "0.5",   "-1",  "2",    "100",
                                           "1e-30", "3e38", "-3e38", "inf", "-inf", "nan"};
static const char *const element_texts[] = {"0",
                                            "1",
                                            "2",
                                            "3",
                                            "1",
                                            "2",
                                            "-1",
                                            "-2",
                                            "4",
                                            "16",
                                            "2147483647",
                                            "4294967296",
                                            "9223372036854775807",
                                            "-9223372036854775807"};
static const char *const dtype_texts[] = {"float32", "float64", "float16", "bfloat16", "uint8",
                                          "int8",    "int32",   "int64",   "bool"};

static const char *random_tuple(const op_attribute *d) {
  const bool is_of_numbers = d->kind == OP_FLOATS || d->kind == OP_NUMBERS;
  const uint64_t n = random_below(8) ? random_below(5) : random_below(18);
  const bool is_extreme = random_below(4) == 0;
  if (random_below(16) == 0) return "None";
  const char *list = "(";
  for (uint64_t i = 0; i < n; i++) {
    const char *text = is_of_numbers ? PICK(number_texts)
                       : is_extreme  ? PICK(element_texts)
                                     : element_texts[random_below(6)];
    if (d->minimum == OP_TUPLE_NONE && random_below(4) == 0) text = "None";
    list = arena_printf(&memory, "%s%s,", list, text);
  }
  return arena_printf(&memory, "%s)", list);
}

static const char *random_choice(const char *texts) {
  const char *t = texts;
  for (uint64_t skip = random_below(8); skip > 0; skip--) {
    t += strcspn(t, "|");
    t = *t ? t + 1 : texts;
  }
  return first_text(t);
}

static const char *random_text(const op_attribute *d) {
  switch (d->kind) {
    case OP_INT: return random_below(4) ? integer_texts[random_below(6)] : PICK(integer_texts);
    case OP_LONG: return PICK(long_texts);
    case OP_BOOL: return PICK(bool_texts);
    case OP_FLOAT:
    case OP_DOUBLE: return random_below(4) ? number_texts[random_below(6)] : PICK(number_texts);
    case OP_ENUMERATION: return random_choice(d->texts);
    case OP_TEXT: return random_below(2) ? "x" : "ij,jk->ik";
    case OP_DTYPE: return d->texts ? random_choice(d->texts) : PICK(dtype_texts);
    case OP_TUPLE:
    case OP_INTEGERS:
    case OP_FLOATS:
    case OP_NUMBERS: return random_tuple(d);
  }
  return "";
}

/* Where random shapes do not come far, nodes that run, of which then some attributes
 * and inputs are replaced: attributes, and a shape for each input, or a type and a shape. */
typedef struct sample {
  const char *op, *attributes, *inputs;
} sample;

static const sample samples[] = {
    {"Convolution", "kernel=(3,3);num_filter=4;num_group=2", "2,4,5,5 4,2,3,3 4"},
    {"Convolution", "kernel=(3,);num_filter=2;no_bias=1", "2,4,5 2,4,3"},
    {"Convolution_v1", "kernel=(3,3);num_filter=4", "2,4,5,5 4,4,3,3 4"},
    {"Deconvolution", "kernel=(3,3);num_filter=4;num_group=2;no_bias=0", "2,4,5,5 4,2,3,3 4"},
    {"_contrib_DeformableConvolution", "kernel=(3,3);num_filter=4;no_bias=1", "1,2,5,5 1,18,3,3 4,2,3,3"},
    {"_contrib_ModulatedDeformableConvolution", "kernel=(3,3);num_filter=4;no_bias=1",
     "1,2,5,5 1,18,3,3 1,9,3,3 4,2,3,3"},
    {"Pooling", "kernel=(2,2);pool_type=avg", "2,3,5,5"},
    {"Pooling_v1", "kernel=(2,2);pool_type=avg", "2,3,5,5"},
    {"_contrib_AdaptiveAvgPooling2D", "output_size=(2,3)", "2,3,5,5"},
    {"_contrib_BilinearResize2D", "height=4;width=3", "2,3,5,5"},
    {"UpSampling", "scale=2;sample_type=nearest;num_args=1", "2,3,5,5"},
    {"UpSampling", "scale=2;sample_type=bilinear;num_args=2;num_filter=3", "2,3,5,5 3,1,4,4"},
    {"UpSampling", "scale=2;sample_type=bilinear;num_args=1;num_filter=3", "2,3,5,5 3,1,4,4"},
    {"LRN", "nsize=3", "2,3,5,5"},
    {"GroupNorm", "num_groups=2", "2,4,5,5 2 2"},
    {"InstanceNorm", "", "2,4,5,5 4 4"},
    {"LayerNorm", "axis=1", "2,4,5,5 4 4"},
    {"BatchNorm", "axis=1", "2,4,5,5 4 4 4 4"},
    {"RNN", "state_size=2;num_layers=1;mode=rnn_tanh", "4,2,3 14 1,2,2"},
    {"_contrib_quantized_rnn", "state_size=2;num_layers=1;mode=lstm", "uint8:4,2,3 56 1,2,2 1,2,2 1 1"},
    {"RNN", "state_size=2;num_layers=1;mode=lstm", "4,2,3 56 1,2,2 1,2,2"},
    {"RNN", "state_size=2;num_layers=1;mode=gru;bidirectional=1;use_sequence_length=1", "4,2,3 84 2,2,2 2"},
    {"GridGenerator", "transform_type=affine;target_shape=(4,4)", "2,6"},
    {"GridGenerator", "transform_type=warp", "2,2,4,4"},
    {"BilinearSampler", "", "2,3,4,4 2,2,3,3"},
    {"SpatialTransformer", "transform_type=affine;sampler_type=bilinear;target_shape=(3,3)", "2,3,4,4 2,6"},
    {"_contrib_interleaved_matmul_selfatt_qk", "heads=2", "3,2,12"},
    {"_contrib_interleaved_matmul_selfatt_valatt", "heads=2", "3,2,12 4,3,3"},
    {"_contrib_interleaved_matmul_encdec_qk", "heads=2", "3,2,4 5,2,8"},
    {"_contrib_interleaved_matmul_encdec_valatt", "heads=2", "5,2,8 4,3,5"},
    {"CTCLoss", "", "4,2,5 2,3"},
    {"CTCLoss", "use_data_lengths=1;use_label_lengths=1;blank_label=last", "4,2,5 2,3 2 2"},
    {"Correlation", "max_displacement=1;pad_size=1", "1,2,6,6 1,2,6,6"},
    {"Crop", "num_args=1;h_w=(2,2);offset=(1,1)", "1,2,6,6"},
    {"Crop", "num_args=2;center_crop=1", "1,2,6,6 1,2,3,3"},
    {"Pad", "mode=reflect;pad_width=(0,0,0,0,1,1,2,2)", "1,2,6,6"},
    {"_npi_pad", "pad_width=((1,1),(2,2))", "4,4"},
    {"_contrib_count_sketch", "out_dim=4", "2,5 1,5 1,5"},
    {"_contrib_hawkesll", "", "2,3 3 3 2,3 2,4 int32:2,4 2 2"},
    {"_image_crop", "x=1;y=1;width=2;height=2", "6,6,3"},
    {"_image_normalize", "mean=(1,2,3);std=(1,2,1)", "3,6,6"},
    {"_image_resize", "size=(3,4)", "uint8:6,6,3"},
    {"_contrib_box_nms", "topk=2", "2,5,6"},
    {"_contrib_box_encode", "", "1,4 1,4 1,4,4 1,4,4 4 4"},
    {"_contrib_box_decode", "", "2,5,4 1,5,4"},
    {"_contrib_bipartite_matching", "threshold=0.5", "2,3,4"},
    {"_contrib_MultiBoxPrior", "sizes=(0.5,0.2);ratios=(1,2)", "1,3,3,2"},
    {"_contrib_MultiBoxDetection", "", "1,3,4 1,16 1,4,4"},
    {"_contrib_MultiBoxTarget", "", "1,4,4 1,2,5 1,3,4"},
    {"ROIPooling", "pooled_size=(2,2);spatial_scale=1", "2,3,6,6 4,5"},
    {"_contrib_ROIAlign", "pooled_size=(2,2);spatial_scale=1", "2,3,6,6 4,5"},
    {"_contrib_RROIAlign", "pooled_size=(2,2);spatial_scale=1", "2,3,6,6 4,6"},
    {"_contrib_PSROIPooling", "spatial_scale=1;output_dim=2;pooled_size=2", "1,8,6,6 3,5"},
    {"_contrib_DeformablePSROIPooling", "spatial_scale=1;output_dim=2;group_size=2;pooled_size=2",
     "1,8,6,6 3,5 3,2,2,2"},
    {"_contrib_Proposal", "scales=(2,);ratios=(1,);rpn_min_size=1;rpn_post_nms_top_n=4", "1,2,3,3 1,4,3,3 1,3"},
    {"_contrib_MultiProposal", "scales=(2,);ratios=(1,);rpn_min_size=1;rpn_post_nms_top_n=4", "2,2,3,3 2,4,3,3 2,3"},
    {"im2col", "kernel=(2,2)", "2,3,4,4"},
    {"col2im", "kernel=(2,2);output_size=(4,4)", "2,12,9"},
    {"depth_to_space", "block_size=2", "1,8,3,3"},
    {"space_to_depth", "block_size=2", "1,2,4,4"},
    {"scatter_nd", "shape=(3,4)", "4 2,4"},
    {"_scatter_set_nd", "shape=(3,4)", "3,4 4 2,4"},
    {"_contrib_index_copy", "", "5,2 3 3,2"},
    {"_npi_tensordot", "a_axes_summed=(1,);b_axes_summed=(0,)", "2,3 3,4"},
    {"_npi_rot90", "k=1;axes=(0,1)", "3,4"},
    {"_npi_solve", "", "3,3 3,2"},
    {"_linalg_gemm", "", "3,4 4,2 3,2"},
    {"_linalg_trsm", "", "3,3 3,2"},
    {"_linalg_trmm", "rightside=1", "3,3 2,3"},
    {"_contrib_quantized_conv", "kernel=(3,3);num_filter=4;no_bias=1", "uint8:1,4,5,5 int8:4,4,3,3 1 1 1 1"},
    {"_contrib_quantized_fully_connected", "num_hidden=3;no_bias=1", "int8:2,4 int8:3,4 1 1 1 1"},
    {"_contrib_quantized_pooling", "kernel=(2,2)", "int8:2,3,4,4 1 1"},
    {"_contrib_quantized_concat", "num_args=2", "int8:2,3 int8:2,3 1 1 1 1"},
    {"_contrib_quantized_elemwise_add", "", "int8:2,3 int8:2,3 1 1 1 1"},
    {"_contrib_quantized_act", "act_type=relu", "int8:2,3 1 1"},
    {"_contrib_quantized_batch_norm", "eps=0.1;min_calib_range=-1;max_calib_range=1", "int8:2,3,4,4 3 3 3 3 1 1"},
    {"_contrib_calibrate_entropy", "num_quantized_bins=7", "31 32"},
    {"_contrib_calibrate_entropy", "num_quantized_bins=7", "int8:31 int8:32"},
    {"_histogram", "bin_cnt=4;range=(-1.7e308,1.7e308)", "float64:5"},
};

static trial random_trial(const op_def *def) {
  trial t = {.def = def, .np_shape = random_below(2)};
  for (size_t i = 0; i < count_attributes(def); i++) {
    const op_attribute *d = &def->attributes[i];
    if (!d->default_text || random_below(3) == 0) t.texts[i] = random_below(4) ? random_text(d) : fitting_text(d);
  }
  return t;
}

static mxn_type random_type(void) {
  static const int64_t sizes[] = {1, 2, 3, 4, 1, 2, 3, 4, 6, 8, 12, 0};
  static const int64_t extreme[] = {1, 2, 0, 65536, INT32_MAX, (int64_t)1 << 32, (int64_t)1 << 62, INT64_MAX};
  const bool is_extreme = random_below(16) == 0;
  mxn_type t = {.dtype = mxn_dtype_from_name(random_below(2) ? "float32" : PICK(dtype_texts))};
  t.n_dims = (int32_t)(random_below(16) ? random_below(6) : random_below(MXN_MAX_DIMS + 1));
  for (int32_t d = 0; d < t.n_dims; d++)
    t.dims[d] = is_extreme ? PICK(extreme) : sizes[random_below(random_below(8) ? 11 : 12)];
  return t;
}

/* Inputs are often of one type or one shape: others do not come far. */
static void set_random_types(trial *t) {
  const uint64_t way = random_below(4);
  for (uint32_t i = 0; i < t->n_inputs; i++) {
    mxn_type *type = &t->inputs[i].type;
    if (random_below(3) && way < 3) *type = type_unknown();
    if (i == 0 || way == 3 || random_below(8) == 0) *type = random_type();
    if (i > 0 && way == 1) *type = t->inputs[0].type;
  }
}

/* "uint8:2,3,4": a type and a shape. */
static mxn_type type_of_text(const char *text) {
  const char *colon = strchr(text, ':');
  mxn_type t = {.dtype = MXN_FLOAT32};
  if (colon) t.dtype = mxn_dtype_from_name(arena_printf(&memory, "%.*s", (int)(colon - text), text));
  for (const char *at = colon ? colon + 1 : text; *at;) {
    char *end;
    t.dims[t.n_dims++] = strtoll(at, &end, 10);
    at = end + (*end == ',');
  }
  return t;
}

static void set_attribute(trial *t, const char *name, const char *text) {
  const size_t n = count_attributes(t->def);
  size_t i = 0;
  while (i < n && strcmp(t->def->attributes[i].name, name) != 0) i++;
  if (i == n) fail_msg("%s has no attribute %s", t->def->name, name);
  t->texts[i] = text;
}

static trial trial_of_sample(const sample *s) {
  trial t = {.def = op_find(s->op)};
  char *rest, *attributes = arena_strdup(&memory, s->attributes), *inputs = arena_strdup(&memory, s->inputs);
  for (char *text = strtok_r(attributes, ";", &rest); text; text = strtok_r(NULL, ";", &rest)) {
    char *equals = strchr(text, '=');
    *equals = 0;
    set_attribute(&t, text, equals + 1);
  }
  for (char *text = strtok_r(inputs, " ", &rest); text; text = strtok_r(NULL, " ", &rest))
    t.inputs[t.n_inputs++].type = type_of_text(text);
  return t;
}

/* Some of what the sample says, replaced. */
static trial random_neighbour(const sample *s) {
  trial t = trial_of_sample(s);
  t.np_shape = random_below(2);
  for (uint64_t n = random_below(3), k = count_attributes(t.def); n > 0 && k > 0; n--) {
    const uint64_t i = random_below(k);
    t.texts[i] = random_text(&t.def->attributes[i]);
  }
  if (random_below(2)) return t;
  mxn_type *type = &t.inputs[random_below(t.n_inputs)].type;
  const mxn_type other = random_type();
  if (type->n_dims > 0 && random_below(2))
    type->dims[random_below((uint64_t)type->n_dims)] = other.n_dims > 0 ? other.dims[0] : 0;
  else if (random_below(2))
    type->dtype = other.dtype;
  else
    *type = other;
  return t;
}

static void fill(mxn_tensor *tensor, int64_t n) {
  static const double ordinary[] = {0, 1, 2, 0.5, 1.5, 3, -1, -0.25};
  static const double extreme[] = {0, -1, 1e9, -1e9, 3e18, -3e18, 1e300, INFINITY, -INFINITY, NAN, 1, 2};
  const bool is_extreme = random_below(2);
  for (int64_t i = 0; i < n; i++) store_doubles(tensor, i, 1, is_extreme ? &PICK(extreme) : &PICK(ordinary));
}

/* False where the inputs are too large to be there. */
static bool fill_inputs(trial *t) {
  for (uint32_t i = 0; i < t->n_inputs; i++) {
    size_t bytes;
    if (!type_bytes(&t->inputs[i].type, &bytes) || bytes > MOST_BYTES) return false;
    t->inputs[i].data = malloc(bytes ? bytes : 1);
    assert_non_null(t->inputs[i].data);
    arena_defer(&memory, free, t->inputs[i].data);
    if (bytes) fill(&t->inputs[i], (int64_t)(bytes / mxn_dtype_bytes(t->inputs[i].type.dtype)));
  }
  return true;
}

/* Memory of outputs; `context` is the byte that fills it. */
static void *allocate(void *context, size_t bytes) {
  if (bytes > MOST_BYTES) return NULL;
  void *data = malloc(bytes ? bytes : 1);
  assert_non_null(data);
  arena_defer(&memory, free, data);
  return memset(data, *(const uint8_t *)context, bytes);
}

/* Labels are not looked at. */
static bool has_zero(const trial *t, const node *n) {
  for (uint32_t i = 0; i < op_first_label(n); i++) {
    for (int32_t d = 0; d < t->inputs[i].type.n_dims; d++)
      if (t->inputs[i].type.dims[d] == 0) return true;
  }
  return false;
}

static mxn_status run_over(const trial *t, const node *n, uint8_t filling, mxn_tensor **out) {
  const op_memory from = {allocate, &filling};
  *out = arena_array(&memory, n->n_outputs, sizeof **out);
  for (uint32_t i = 0; i < n->n_outputs; i++) (*out)[i].type = n->outputs[i];
  error = (mxn_error){0};
  return op_forward_allocating(n, t->inputs, *out, &from, &error);
}

static bool are_equal(const node *n, const mxn_tensor *a, const mxn_tensor *b) {
  for (uint32_t i = 0; i < n->n_outputs; i++) {
    size_t bytes;
    if (!type_bytes(&a[i].type, &bytes) || !shape_equal(&a[i].type, &b[i].type)) return false;
    if (bytes && memcmp(a[i].data, b[i].data, bytes) != 0) return false;
  }
  return true;
}

/* Operators that draw numbers give others in every run. */
static bool draws(const op_def *def) {
  static const op_run runs[] = {random_forward,
                                randint_forward,
                                sample_forward,
                                multinomial_forward,
                                shuffle_forward,
                                dropout_forward,
                                zipfian_forward,
                                numpy_random_forward,
                                numpy_bernoulli_forward,
                                numpy_choice_forward,
                                numpy_multinomial_forward,
                                random_brightness_forward,
                                random_contrast_forward,
                                random_saturation_forward,
                                random_hue_forward,
                                random_color_jitter_forward,
                                random_lighting_forward,
                                random_flip_left_right_forward,
                                random_flip_top_bottom_forward};
  for (size_t i = 0; i < sizeof runs / sizeof *runs; i++)
    if (def->forward == runs[i]) return true;
  return false;
}

/* Whether what lies in the outputs before a run shows behind it. */
static bool leaves_gaps(const trial *t, const node *n, const mxn_tensor *first) {
  mxn_tensor *again;
  if (draws(t->def)) return false;
  return run_over(t, n, 0xFF, &again) != MXN_OK || !are_equal(n, first, again);
}

static void run_trial(trial *t, const node *n) {
  mxn_tensor *outputs;
  for (uint32_t i = 0; i < t->n_inputs; i++) t->inputs[i].type = *value_type(n->inputs[i]);
  if (!fill_inputs(t)) return;
  describe(t);
  const mxn_status status = run_over(t, n, 0, &outputs);
  if (status != MXN_OK) assert_message(t, "", status);
  if (status != MXN_OK) return;
  if ((!t->np_shape && has_zero(t, n)) || leaves_gaps(t, n, outputs)) complain(status);
}

static void try_trial(trial *t) {
  graph *g = make_graph(t);
  alarm(SECONDS);
  mxn_status status = ops_bind(g, &error);
  if (status == MXN_OK && t->output && last(g)->n_outputs > 0) last(g)->outputs[0] = *t->output;
  if (status == MXN_OK) status = ops_infer(g, &error);
  if (status != MXN_OK) assert_message(t, "t: ", status);
  if (status == MXN_OK && t->def->forward) run_trial(t, last(g));
  alarm(0);
}

static void try_random_node(const op_def *def) {
  trial t = random_trial(def);
  if (!set_inputs(&t)) return;
  set_random_types(&t);
  const mxn_type read_as = random_type();
  if (random_below(8) == 0) t.output = &read_as;
  try_trial(&t);
}

/* MXN_ROUNDS says how many nodes of each operator are tried, MXN_SEED from where. */
static int count_rounds(void) {
  const char *rounds = getenv("MXN_ROUNDS"), *from = getenv("MXN_SEED");
  seed = from ? strtoull(from, NULL, 10) : 1;
  return rounds ? atoi(rounds) : ROUNDS;
}

static void start_again(void) {
  (void)stop(NULL);
  (void)start(NULL);
}

static void test_random_nodes(void **state) {
  (void)state;
  watch();
  const int rounds = count_rounds();
  for (size_t k = 0; k < op_count(); k++) {
    for (int i = 0; i < rounds; i++) {
      try_random_node(op_at(k));
      start_again();
    }
  }
  assert_int_equal(n_wrong, 0);
}

static void test_samples_run(void **state) {
  (void)state;
  watch();
  for (size_t k = 0; k < sizeof samples / sizeof *samples; k++) {
    trial t = trial_of_sample(&samples[k]);
    graph *g = make_graph(&t);
    mxn_status status = ops_bind(g, &error);
    if (status == MXN_OK) status = ops_infer(g, &error);
    if (status != MXN_OK) complain(status);
    if (status == MXN_OK) run_trial(&t, last(g));
  }
  assert_int_equal(n_wrong, 0);
}

static void test_neighbours_of_samples(void **state) {
  (void)state;
  watch();
  const int rounds = 3 * count_rounds();
  for (size_t k = 0; k < sizeof samples / sizeof *samples; k++) {
    for (int i = 0; i < rounds; i++) {
      trial t = random_neighbour(&samples[k]);
      try_trial(&t);
      start_again();
    }
  }
  assert_int_equal(n_wrong, 0);
}

/* Ranges and shapes that MXNet 1.9.1 refuses, beyond what a row's kinds say. */
typedef struct refusal {
  sample node;
  const char *message;
} refusal;

static const refusal refusals[] = {
    {{"ROIPooling", "pooled_size=(1,1);spatial_scale=2", "1,2,4,4 1,5"},
     "attribute spatial_scale: expected a number from 0 to 1, got '2'"},
    {{"FullyConnected", "num_hidden=1;no_bias=1", "int32:1,2 int32:1,2"}, "data is int32, expected a kind of float"},
    {{"_linalg_det", "", "float16:2,2"}, "A is float16, expected float32 or float64"},
    {{"multi_lars", "eta=1;eps=1", "float64:2 float64:2 float64:2 float64:2"}, "lrs is float64, expected float32"},
    {{"_random_normal", "scale=0;shape=(2,)", ""}, "scale is 0, expected more than 0"},
    {{"_random_poisson_like", "lam=-1", "2"}, "lam is -1, expected at least 0"},
    {{"_random_uniform", "low=2;high=1;shape=(2,)", ""}, "high is 1, expected at least low, 2"},
    {{"_npi_bincount", "", "float32:3"}, "data is float32, expected a kind of integer"},
    {{"_npi_flip", "axis=(-1,)", "2,3"}, "axis has -1, expected axes from 0 to 1"},
    {{"_np_cumsum", "axis=-1", "2,3"}, "axis is -1, expected at least 0"},
    {{"_np_transpose", "axes=()", "2,3"}, "axes are no order of the 2 dimensions of data"},
    {{"transpose", "axes=(1,-2)", "2,3"}, "axes are no order of the 2 dimensions of data"},
    {{"Dropout", "axes=(-1,)", "2,3"}, "axes has -1, expected axes from 0 to 1"},
    {{"Dropout", "axes=(0,2)", "2,3"}, "axes has 2, expected axes from 0 to 1"},
    {{"Dropout", "p=-0.5", "2,3"}, "attribute p: expected a number from 0 to 1, got '-0.5'"},
    {{"SoftmaxOutput", "smooth_alpha=1.5", "2,3 2"},
     "attribute smooth_alpha: expected a number from 0 to 1, got '1.5'"},
    {{"_contrib_BilinearResize2D", "height=0", "1,1,3,3"},
     "attribute height: expected an integer of at least 1, got '0'"},
    {{"_contrib_MultiBoxPrior", "steps=(-1,1)", "1,2,2,2"}, "steps are -1 and 1, expected two of one sign"},
    {{"_contrib_MultiBoxDetection", "", "2,3,4 2,16 2,4,4"}, "anchor has shape (2, 4, 4), expected (1, 4, 4)"},
    {{"UpSampling", "scale=2;sample_type=nearest;num_args=2", "4,2,4,4 2,2,4,4"},
     "input 1 has shape (2, 2, 4, 4), expected (4, ?, ?, ?)"},
    {{"BatchNorm_v1", "", "2,3,4 3 3 3 3"}, "data has 3 dimensions, expected 2 or 4"},
    {{"SVMOutput", "", "2,3,4 2"}, "label has shape (2), expected (2, 3)"},
    {{"_image_flip_left_right", "", "1,4,4,3"}, "data has 4 dimensions, expected 3"},
    {{"_image_flip_top_bottom", "", "4,4,2"}, "data has 2 channels, expected 1 or 3"},
    {{"_contrib_ModulatedDeformableConvolution", "kernel=(1,1);num_filter=3;num_deformable_group=2;no_bias=1",
      "1,2,5,5 1,4,5,5 1,2,5,5 3,2,1,1"},
     "num_filter 3 is not a multiple of num_deformable_group 2"},
};

/* Shapes that there is nothing to compute of, or too much. */
static const refusal impossible[] = {
    {{"SequenceLast", "", "0,4,2"}, "data has no steps"},
    {{"_sparse_retain", "", "float32: 1"}, "data has no rows"},
    {{"pick", "", "2,0 2"}, "axis 1 of data has no elements to pick from"},
    {{"_random_pdf_normal", "", "float32: float32: float32:"}, "sample has no dimensions"},
    {{"_random_pdf_dirichlet", "", "2,0 2,0"}, "sample has vectors without elements"},
    {{"_npi_tensorsolve", "a_axes=(1,1)", "1 float32:"}, "a_axes is no list of axes of a"},
    {{"CTCLoss", "", "2,1,0 1,1"}, "data has no alphabet"},
    {{"_contrib_BilinearResize2D", "height=2;width=2", "1,1,0,3"}, "data has no pixels"},
    {{"_contrib_Proposal", "scales=None;ratios=None", "1,2,3,3 1,4,3,3 1,3"},
     "scales and ratios are expected to have at least one value each"},
    {{"diag", "k=1", "9223372036854775807"}, "its output has too many elements"},
    {{"_npi_ediff1d", "to_begin_arr_given=1;to_end_arr_given=1", "2 9223372036854775807 9223372036854775807"},
     "the output has too many elements"},
};

static void assert_all_refused(const refusal *table, size_t n) {
  for (size_t k = 0; k < n; k++) {
    const trial t = trial_of_sample(&table[k].node);
    graph *g = make_graph(&t);
    mxn_status status = ops_bind(g, &error);
    if (status == MXN_OK) status = ops_infer(g, &error);
    const char *expected = arena_printf(&memory, "t: node 'n' (%s): %s", t.def->name, table[k].message);
    if (status == MXN_OK || strcmp(error.message, expected) != 0) complain(status);
  }
  assert_int_equal(n_wrong, 0);
}

static void test_refusals_of_mxnet(void **state) {
  (void)state;
  assert_all_refused(refusals, sizeof refusals / sizeof *refusals);
}

static void test_impossible_shapes(void **state) {
  (void)state;
  assert_all_refused(impossible, sizeof impossible / sizeof *impossible);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_attributes, start_counting, stop),
      cmocka_unit_test_setup_teardown(test_missing_attributes, start_counting, stop),
      cmocka_unit_test_setup_teardown(test_numbers_of_inputs, start_counting, stop),
      cmocka_unit_test_setup_teardown(test_random_nodes, start_counting, stop),
      cmocka_unit_test_setup_teardown(test_refusals_of_mxnet, start_counting, stop),
      cmocka_unit_test_setup_teardown(test_impossible_shapes, start_counting, stop),
      cmocka_unit_test_setup_teardown(test_samples_run, start_counting, stop),
      cmocka_unit_test_setup_teardown(test_neighbours_of_samples, start_counting, stop),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
