/* compilable.c - the table of operators that are compiled.
 *
 * One row is one operator (its canonical name) with the check of what is special
 * about it; what holds for all of them is checked once: float32, two to eight
 * dimensions, every size known. The lowering relies on what is checked here.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "partition/compilable.h"

#include <string.h>

#include "base/shape.h"
#include "mxneuron/abi.h"
#include "ops/ops.h"

typedef const char *(*check_function)(const node *n);

/* Elements of a value: sums of some thousand values' bytes stay far from 64 bits. */
#define MAX_ELEMENTS (INT64_C(1) << 36)

/* Each row of a pooling is a task, of which a step has less than 2^24. */
enum { MAX_POOLED_ROWS = 1 << 22 };

/* Elements of a padded input that always pass; above, how many times those of input
 * and output. A kernel of 7 around one pixel makes 49. */
enum { MAX_PADDING = 1 << 20, MAX_PADDED_TIMES = 64 };

static bool is_constant(value v) { return v.node->constant != NULL; }

static bool is_one_of(const char *text, const char *const *known, size_t n_known) {
  for (size_t i = 0; i < n_known; i++)
    if (text && !strcmp(text, known[i])) return true;
  return false;
}
#define IS_ONE_OF(text, ...) \
  is_one_of((text), (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

/* An enumeration attribute that was left out, or says what the default is. */
static bool is_default_or(const char *text, const char *expected) {
  return !text || IS_ONE_OF(text, "", "None", expected);
}

static const char *check_nothing(const node *n) {
  (void)n;
  return NULL;
}

/* Between channels and the last one, a kernel sees one dimension. */
static const char *check_softmax_axis(const node *n) {
  const int32_t axis = op_softmax_axis(n), n_dims = n->outputs[0].n_dims;
  if (axis < 0) return "it normalises several axes together";
  return n_dims <= 4 || axis < 2 || axis == n_dims - 1 ? NULL : "its axis is one of several inner dimensions";
}

/* Packed at compile time, so they must be there. */
static const char *check_parameters(const node *n) {
  for (uint32_t i = 1; i < n->n_inputs; i++) {
    if (!is_constant(n->inputs[i])) return "its weights are not in the parameter file";
    if (value_type(n->inputs[i])->dtype != MXN_FLOAT32) return "its weights are not float32";
  }
  return NULL;
}

static const char *check_image(const node *n) {
  return value_type(n->inputs[0])->n_dims == 4 ? NULL : "its input does not have 4 dimensions";
}

/* The padding lies in memory around the input, so a hostile one must not fill it:
 * two pads of 2^31 would even wrap the bytes of the arena. */
static const char *check_padding(const node *n) {
  static const char reason[] = "its padding is much larger than its values";
  const op_tuple pad = op_tuple_of(n, "pad");
  const mxn_type *in = value_type(n->inputs[0]);
  mxn_type padded = *in;
  int64_t n_padded, n_in, n_out;
  for (int32_t d = 2; d < in->n_dims; d++) padded.dims[d] += 2 * op_tuple_at(pad, d - 2, 0);
  if (!shape_elements(&padded, &n_padded) || !shape_elements(in, &n_in) || !shape_elements(&n->outputs[0], &n_out))
    return reason;
  return n_padded <= MAX_PADDING || n_padded / MAX_PADDED_TIMES <= n_in + n_out ? NULL : reason;
}

/* What is filled stands among the weights. */
static const char *check_pad(const node *n) {
  int64_t n_in, n_out;
  if (!IS_ONE_OF(op_text(n, "mode"), "constant")) return "its mode is not constant";
  if (!shape_elements(value_type(n->inputs[0]), &n_in) || !shape_elements(&n->outputs[0], &n_out)) return NULL;
  return n_out <= MAX_PADDING || n_out / MAX_PADDED_TIMES <= n_in ? NULL : "its padding is much larger than its values";
}

/* An image, or a line: canonicalize makes that an image of one row. */
static const char *check_window(const node *n) {
  const int32_t n_dims = value_type(n->inputs[0])->n_dims;
  if (n_dims != 3 && n_dims != 4) return "its input does not have 3 or 4 dimensions";
  const bool is_given = op_is(n, "Convolution") || !op_bool(n, "global_pool");
  if (is_given && op_tuple_of(n, "kernel").n != n_dims - 2) return "its kernel has not the dimensions of its input";
  return is_default_or(op_text(n, "layout"), n_dims == 3 ? "NCW" : "NCHW") ? NULL : "its layout is not NCHW or NCW";
}

static const char *check_convolution(const node *n) {
  const char *reason = check_window(n);
  if (!reason) reason = check_padding(n);
  return reason ? reason : check_parameters(n);
}

/* One dimension of what canonicalize makes a convolution to the phases of the stride. */
static const char *check_phases(const node *n, int32_t i) {
  const int64_t kernel = op_tuple_of(n, "kernel").v[i], stride = op_tuple_at(op_tuple_of(n, "stride"), i, 1);
  const int64_t pad = op_tuple_at(op_tuple_of(n, "pad"), i, 0), adj = op_tuple_at(op_tuple_of(n, "adj"), i, 0);
  const int64_t taps = (kernel + stride - 1) / stride;
  if (op_tuple_at(op_tuple_of(n, "dilate"), i, 1) != 1) return "it dilates its kernel";
  if (op_tuple_at(op_tuple_of(n, "target_shape"), i, 0) != 0) return "it has a target_shape";
  if (stride > kernel) return "its stride is larger than its kernel";
  if (pad / stride >= taps) return "its pad is larger than its kernel";
  return kernel + adj - pad % stride <= stride * taps ? NULL : "its adj goes beyond its kernel";
}

static const char *check_deconvolution(const node *n) {
  if (op_tuple_of(n, "kernel").n != 2) return "its kernel does not have 2 dimensions";
  if (!is_default_or(op_text(n, "layout"), "NCHW")) return "its layout is not NCHW";
  const char *reason = check_image(n);
  for (int32_t i = 0; i < 2 && !reason; i++) reason = check_phases(n, i);
  return reason ? reason : check_parameters(n);
}

static const char *check_upsampling(const node *n) {
  if (!IS_ONE_OF(op_text(n, "sample_type"), "nearest")) return "its sample_type is not nearest";
  return n->n_inputs == 1 ? check_image(n) : "it has several inputs";
}

static const char *check_leaky_relu(const node *n) {
  const char *kind = op_text(n, "act_type");
  if (IS_ONE_OF(kind, "leaky", "elu")) return NULL;
  if (!IS_ONE_OF(kind, "prelu")) return "its act_type is not leaky, prelu or elu";
  const char *reason = check_parameters(n);
  if (reason) return reason;
  const mxn_type *gamma = value_type(n->inputs[1]);
  const bool fits = gamma->n_dims == 1 && (gamma->dims[0] == 1 || gamma->dims[0] == n->outputs[0].dims[1]);
  return fits ? NULL : "its slope is not one number or one number a channel";
}

static const char *check_pooled_rows(const node *n) {
  const mxn_type *out = &n->outputs[0];
  const int64_t rows = out->n_dims == 3 ? 1 : out->dims[2];
  return out->dims[0] <= MAX_POOLED_ROWS / rows ? NULL : "its output has too many rows";
}

static const char *check_pooling(const node *n) {
  if (!IS_ONE_OF(op_text(n, "pool_type"), "max", "avg", "sum")) return "its pool_type is not max, avg or sum";
  if (!IS_ONE_OF(op_text(n, "pooling_convention"), "valid", "full"))
    return "its pooling_convention is not valid or full";
  const char *reason = check_window(n);
  return reason ? reason : check_pooled_rows(n);
}

static const char *check_adaptive_pooling(const node *n) {
  const char *reason = check_image(n);
  if (reason) return reason;
  const int64_t *in = value_type(n->inputs[0])->dims, *out = n->outputs[0].dims;
  if (in[2] % out[2] != 0 || in[3] % out[3] != 0) return "its windows are not of one size";
  return check_pooled_rows(n);
}

static const char *check_dropout(const node *n) {
  return is_default_or(op_text(n, "mode"), "training") ? NULL : "it drops values in inference, too";
}

static const char *check_clip(const node *n) {
  return op_float(n, "a_min") <= op_float(n, "a_max") ? NULL : "its a_min is not below its a_max";
}

static const char *check_softmax(const node *n) {
  if (n->n_inputs != 1) return "it has an input for lengths";
  const char *temperature = node_attribute(n, "temperature");
  if (!is_default_or(temperature, "1.0") && op_float(n, "temperature") != 1) return "its temperature is not 1";
  const mxn_dtype dtype = op_dtype(n, "dtype");
  if (dtype != MXN_DTYPE_UNKNOWN && dtype != MXN_FLOAT32) return "its dtype is not float32";
  return check_softmax_axis(n);
}

static const char *check_batch_norm(const node *n) {
  if (axis_from_front(op_int(n, "axis"), n->outputs[0].n_dims) != 1) return "its axis is not 1";
  if (op_bool(n, "output_mean_var")) return "it gives mean and variance, too";
  return check_parameters(n);
}

/* Operands of one rank and type, each dimension equal or 1. */
static const char *check_binary(const node *n) {
  const mxn_type *out = &n->outputs[0];
  for (uint32_t i = 0; i < n->n_inputs; i++) {
    const mxn_type *t = value_type(n->inputs[i]);
    if (t->dtype != MXN_FLOAT32) return "its operands are not all in float32";
    if (t->n_dims != out->n_dims) return "its operands do not have the same number of dimensions";
  }
  if (op_broadcasts_rows_as_one(n) || op_joined_axes(n).n_dims <= 4) return NULL;
  return "it broadcasts some of the inner dimensions alone";
}

/* Between channels and the last one, a kernel sees one dimension. */
static const char *check_reduction(const node *n) {
  const mxn_type *t = value_type(n->inputs[0]);
  bool is_reduced[MXN_MAX_DIMS] = {false}, all = true, none = true;
  if (!op_reduced_axes(n, is_reduced)) return "its axes are not known";
  for (int32_t d = 2; d < t->n_dims - 1; d++) {
    all = all && (is_reduced[d] || t->dims[d] == 1);
    none = none && (!is_reduced[d] || t->dims[d] == 1);
  }
  return all || none ? NULL : "it reduces some of the inner dimensions alone";
}

static const char *check_selection(const node *n) {
  op_selection s;
  if (!op_selection_of(n, 0, &s)) return "its axes are not known";
  for (int32_t d = 0; d < n->outputs[0].n_dims; d++)
    if (s.step[s.axis[d]] < 0 && n->outputs[0].dims[d] > 1) return "its step is negative";
  return NULL;
}

/* Operators that only move elements take values of any rank and give all of their
 * outputs. */
typedef struct row {
  const char *op;
  check_function check;
  bool moves;
} row;

static const row rows[] = {
    {"Convolution", check_convolution, false},
    {"Deconvolution", check_deconvolution, false},
    {"UpSampling", check_upsampling, false},
    {"FullyConnected", check_parameters, false},
    {"Pooling", check_pooling, false},
    {"_contrib_AdaptiveAvgPooling2D", check_adaptive_pooling, false},
    {"L2Normalization", check_nothing, false},
    {"sum", check_reduction, false},
    {"mean", check_reduction, false},
    {"max", check_reduction, false},
    {"min", check_reduction, false},
    {"BatchNorm", check_batch_norm, false},
    {"LeakyReLU", check_leaky_relu, false},
    {"Activation", check_nothing, false},
    {"Concat", check_nothing, false},
    {"Flatten", check_nothing, true},
    {"Reshape", check_nothing, true},
    {"expand_dims", check_nothing, true},
    {"squeeze", check_nothing, true},
    {"transpose", check_selection, true},
    {"SwapAxis", check_selection, true},
    {"slice", check_selection, true},
    {"slice_axis", check_selection, true},
    {"SliceChannel", check_selection, true},
    {"Pad", check_pad, false},
    {"Dropout", check_dropout, false},
    {"BlockGrad", check_nothing, false},
    {"_copy", check_nothing, false},
    {"SoftmaxOutput", check_softmax_axis, false},
    {"SoftmaxActivation", check_softmax_axis, false},
    {"softmax", check_softmax, false},
    {"LinearRegressionOutput", check_nothing, false},
    {"LogisticRegressionOutput", check_nothing, false},
    {"MAERegressionOutput", check_nothing, false},
    {"clip", check_clip, false},
#define UNARY(op, function) {op, check_nothing, false},
#define BINARY(op, function) {op, check_binary, false},
#define SCALAR(op, function) {op, check_nothing, false},
#define REVERSED(op, function) {op, check_nothing, false},
#include "ops/compiled.def"
#undef UNARY
#undef BINARY
#undef SCALAR
#undef REVERSED
};

static const row *find_row(const char *canonical_name) {
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (!strcmp(rows[i].op, canonical_name)) return &rows[i];
  return NULL;
}

bool compilable_has(const char *canonical_name) { return find_row(canonical_name) != NULL; }

/* What the kernels can address. */
static const char *check_type(const mxn_type *t, int32_t min_dims) {
  int64_t elements;
  if (!shape_is_known(t)) return "its shapes are not known before it runs";
  if (t->dtype == MXN_DTYPE_UNKNOWN) return "its element type is not known";
  if (t->dtype != MXN_FLOAT32) return "it is not in float32";
  if (t->n_dims < min_dims) return "its values have fewer than 2 dimensions";
  if (t->n_dims > MXN_NEURONBIN_MAX_DIMS) return "its values have more than 8 dimensions";
  if (!shape_elements(t, &elements) || elements == 0 || elements > MAX_ELEMENTS)
    return "its values are empty or too large";
  return NULL;
}

static const char *check_types(const node *n, int32_t min_dims) {
  const char *reason = check_type(&n->outputs[0], min_dims);
  for (uint32_t i = 0; i < op_first_label(n) && !reason; i++)
    if (!is_constant(n->inputs[i])) reason = check_type(value_type(n->inputs[i]), min_dims);
  return reason;
}

bool compilable_has_output(const node *n, uint32_t output) {
  const row *found = find_row(op_name(n));
  return output == 0 || (found && found->moves);
}

const char *compilable_reason(const node *n) {
  if (!n->def) return "the operator is unknown";
  const row *found = find_row(op_name(n));
  if (!found) return "the compiler does not have the operator";
  const char *reason = check_types(n, found->moves ? 1 : 2);
  return reason ? reason : found->check(n);
}
