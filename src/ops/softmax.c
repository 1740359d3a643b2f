/* softmax.c - softmax along an axis, and the output operators that end a network.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "ops/family.h"
#include "ops/number.h"

/* Dimension 0, and all others as one. */
static lines rows_of(const mxn_type *t) {
  lines l = {.outer = t->dims[0], .inner = 1};
  (void)!dims_product(t, 1, t->n_dims, &l.length);
  return l;
}

typedef struct softmax_options {
  double temperature;
  bool is_log, is_negated;
  const mxn_tensor *lengths; /* of each line, or NULL */
} softmax_options;

/* One line of n numbers; what lies behind `used` is 0. */
static void softmax_line(const softmax_options *o, double *line, int64_t n, int64_t used) {
  double most = -INFINITY, sum = 0;
  for (int64_t i = 0; i < used; i++) {
    if (o->is_negated) line[i] = -line[i];
    if (line[i] > most || isnan(line[i])) most = line[i];
  }
  for (int64_t i = 0; i < used; i++) {
    line[i] = (line[i] - most) / o->temperature;
    sum += exp(line[i]);
  }
  for (int64_t i = 0; i < used; i++) line[i] = o->is_log ? line[i] - log(sum) : exp(line[i]) / sum;
  for (int64_t i = used; i < n; i++) line[i] = 0;
}

static int64_t used_of(const softmax_options *o, int64_t line, int64_t length) {
  int64_t used = length;
  if (o->lengths) load_integers(o->lengths, line, 1, &used);
  return used < 0 ? 0 : used > length ? length : used;
}

/* Lines with gaps are taken in groups of neighbours, so that memory is read in order. */
static void softmax(const forward *f, lines l, const softmax_options *o) {
  if (l.outer == 0 || l.length == 0 || l.inner == 0) return;
  const int64_t block = l.length * l.inner;
  double *x = arena_array(f->scratch, (size_t)block, sizeof *x);
  double *line = arena_array(f->scratch, (size_t)l.length, sizeof *line);
  for (int64_t k = 0; k < l.outer; k++) {
    load_doubles(&f->inputs[0], k * block, block, x);
    for (int64_t j = 0; j < l.inner; j++) {
      for (int64_t i = 0; i < l.length; i++) line[i] = x[i * l.inner + j];
      softmax_line(o, line, l.length, used_of(o, k * l.inner + j, l.length));
      for (int64_t i = 0; i < l.length; i++) x[i * l.inner + j] = line[i];
    }
    store_doubles(&f->outputs[0], k * block, block, x);
  }
}

/* softmax, log_softmax, softmin. */

static int32_t axis_of(const node *n, const mxn_type *t) { return axis_from_front(op_int(n, "axis"), t->n_dims); }

uint32_t softmax_inputs(const node *n) { return op_bool(n, "use_length") ? 2 : 1; }

mxn_status softmax_shape(inference *x) {
  TRY(infer_data_shape(x));
  const mxn_type *data = x->inputs[0];
  int32_t axis;
  if (data->n_dims < 0) return MXN_OK;
  TRY(infer_axis(x, "axis", op_int(x->node, "axis"), data->n_dims, &axis));
  if (x->n_inputs < 2) return MXN_OK;
  mxn_type lengths = {.n_dims = data->n_dims - 1};
  for (int32_t d = 0; d < lengths.n_dims; d++) lengths.dims[d] = data->dims[d < axis ? d : d + 1];
  return infer_input(x, 1, &lengths);
}

/* The attribute decides the output's type; lengths are integers. */
mxn_status softmax_dtype(inference *x) {
  const mxn_dtype dtype = op_dtype(x->node, "dtype");
  if (x->n_inputs > 1 && x->inputs[1]->dtype == MXN_DTYPE_UNKNOWN) TRY(infer_input_dtype(x, 1, MXN_INT32));
  if (dtype != MXN_DTYPE_UNKNOWN) return infer_output_dtype(x, 0, dtype);
  return infer_data_dtype(x);
}

static mxn_status run_softmax(const forward *f, bool is_log, bool is_negated) {
  const mxn_type *t = &f->inputs[0].type;
  const double temperature = op_is_none(f->node, "temperature") ? 1 : op_float(f->node, "temperature");
  const softmax_options o = {.temperature = round_to(t->dtype, temperature),
                             .is_log = is_log,
                             .is_negated = is_negated,
                             .lengths = softmax_inputs(f->node) > 1 ? &f->inputs[1] : NULL};
  softmax(f, lines_along(t, axis_of(f->node, t)), &o);
  return MXN_OK;
}

mxn_status softmax_forward(const forward *f) { return run_softmax(f, false, false); }
mxn_status log_softmax_forward(const forward *f) { return run_softmax(f, true, false); }
mxn_status softmin_forward(const forward *f) { return run_softmax(f, false, true); }

bool softmax_batch(const node *n, const bool *is_carried) {
  return batch_all(n, is_carried) && axis_of(n, value_type(n->inputs[0])) != 0;
}

/* SoftmaxActivation. Mode instance normalises the last axis, as MXNet 1.9.1 with oneDNN does (measured; without
 * oneDNN the source flattens all axes but the first). */

static const softmax_options plain = {.temperature = 1};

static bool is_channel_mode(const node *n) { return strcmp(op_text(n, "mode"), "channel") == 0; }

mxn_status softmax_activation_shape(inference *x) {
  TRY(infer_data_shape(x));
  const int32_t n_dims = x->inputs[0]->n_dims, least = is_channel_mode(x->node) ? 3 : 1;
  if (n_dims < 0 || n_dims >= least) return MXN_OK;
  return infer_error(x, MXN_SHAPE, "data has %d dimensions, expected at least %d", n_dims, least);
}

/* Mode instance means the last axis: MXNet flattens all others into rows. */
static int32_t activation_axis(const node *n, const mxn_type *t) { return is_channel_mode(n) ? 1 : t->n_dims - 1; }

mxn_status softmax_activation_forward(const forward *f) {
  const mxn_type *t = &f->inputs[0].type;
  softmax(f, lines_along(t, activation_axis(f->node, t)), &plain);
  return MXN_OK;
}

bool softmax_activation_batch(const node *n, const bool *is_carried) {
  return batch_all(n, is_carried) && n->outputs[0].n_dims > 1;
}

/* SoftmaxOutput. */

/* What inference tells about a label that nobody gave; one that is given is not
 * read, so that it need not fit. */
static mxn_status infer_label(inference *x, const mxn_type *shape) {
  return x->n_inputs < 2 || x->inputs[1]->n_dims >= 0 ? MXN_OK : infer_input(x, 1, shape);
}

mxn_status output_dtype(inference *x) {
  TRY(infer_data_dtype(x));
  const bool is_given = x->n_inputs < 2 || x->inputs[1]->dtype != MXN_DTYPE_UNKNOWN;
  return is_given ? MXN_OK : infer_input_dtype(x, 1, x->inputs[0]->dtype);
}

static mxn_type multi_output_label(const mxn_type *data) {
  mxn_type label = {.n_dims = 2, .dims = {data->dims[0], -1}};
  (void)!dims_product(data, 2, data->n_dims, &label.dims[1]);
  return label;
}

mxn_status softmax_output_shape(inference *x) {
  TRY(infer_data_shape(x));
  const mxn_type *data = x->inputs[0];
  if (data->n_dims < 0) return MXN_OK;
  const bool multi_output = op_bool(x->node, "multi_output");
  if (data->n_dims < (multi_output ? 2 : 1))
    return infer_error(x, MXN_SHAPE, "data has %d dimensions, expected at least %d", data->n_dims,
                       multi_output ? 2 : 1);
  if (multi_output) {
    const mxn_type label = multi_output_label(data);
    return infer_label(x, &label);
  }
  mxn_type label = *data;
  label.n_dims--;
  return infer_label(x, &label);
}

/* Without an attribute that says so, MXNet takes all axes but the first, except
 * where oneDNN computes it: float32 and bfloat16 of four dimensions, where it takes
 * the last axis (src/operator/nn/mkldnn/mkldnn_softmax_output.cc). Networks with
 * such a head, like vgg16_reduced, are used with that. */
static int32_t output_axis(const node *n, const mxn_type *t) {
  const bool is_onednn = t->n_dims == 4 && (t->dtype == MXN_FLOAT32 || t->dtype == MXN_BFLOAT16);
  if (op_bool(n, "multi_output")) return 1;
  return op_bool(n, "preserve_shape") || is_onednn || t->n_dims <= 2 ? t->n_dims - 1 : -1;
}

int32_t op_softmax_axis(const node *n) {
  const mxn_type *t = &n->outputs[0];
  return op_is(n, "SoftmaxOutput")       ? output_axis(n, t)
         : op_is(n, "SoftmaxActivation") ? activation_axis(n, t)
                                         : axis_of(n, t);
}

mxn_status softmax_output_forward(const forward *f) {
  const mxn_type *t = &f->inputs[0].type;
  const int32_t axis = output_axis(f->node, t);
  softmax(f, axis < 0 ? rows_of(t) : lines_along(t, axis), &plain);
  return MXN_OK;
}

bool softmax_output_batch(const node *n, const bool *is_carried) { return is_carried[0] && n->outputs[0].n_dims > 1; }

/* softmax_cross_entropy: one number for a batch, the sum of -log of what the labels'
 * classes have. */

mxn_status softmax_cross_entropy_shape(inference *x) {
  const mxn_type *data = x->inputs[0], *label = x->inputs[1];
  TRY(infer_output(x, 0, &(mxn_type){.n_dims = 1, .dims = {1}}));
  if (data->n_dims >= 0 && data->n_dims != 2)
    return infer_error(x, MXN_SHAPE, "data has %d dimensions, expected 2", data->n_dims);
  if (label->n_dims >= 0 && label->n_dims != 1)
    return infer_error(x, MXN_SHAPE, "label has %d dimensions, expected 1", label->n_dims);
  if (data->n_dims < 0) return MXN_OK;
  return infer_input(x, 1, &(mxn_type){.n_dims = 1, .dims = {data->dims[0]}});
}

static double negative_log_softmax(const double *x, int64_t n, int64_t at) {
  double largest = -INFINITY, sum = 0;
  for (int64_t i = 0; i < n; i++) largest = fmax(largest, x[i]);
  for (int64_t i = 0; i < n; i++) sum += exp(x[i] - largest);
  return -log(fmax(exp(x[at] - largest) / sum, 1e-8)); /* 1e-8 is MXNet's */
}

mxn_status softmax_cross_entropy_forward(const forward *f) {
  const int64_t rows = f->inputs[0].type.dims[0], classes = f->inputs[0].type.dims[1];
  double *x = arena_array(f->scratch, (size_t)classes, sizeof *x), total = 0;
  for (int64_t row = 0; row < rows; row++) {
    int64_t label;
    load_integers(&f->inputs[1], row, 1, &label);
    if (label < 0 || label >= classes)
      return op_error(NULL, f->node, f->err, MXN_ARGUMENT,
                      "label %" PRId64 " of row %" PRId64 ", expected less than %" PRId64, label, row, classes);
    load_doubles(&f->inputs[0], row * classes, classes, x);
    total += negative_log_softmax(x, classes, label);
  }
  store_doubles(&f->outputs[0], 0, 1, &total);
  return MXN_OK;
}

/* LinearRegressionOutput and its kin: an elementwise function of the data. */
mxn_status regression_output_shape(inference *x) {
  TRY(infer_data_shape(x));
  const mxn_type *data = x->inputs[0];
  if (!shape_is_known(data)) return MXN_OK;
  mxn_type label = *data;
  if (data->n_dims == 2 && data->dims[1] == 1) label.n_dims = 1;
  return infer_label(x, &label);
}

/* Outputs that let data through. */

mxn_status svm_output_shape(inference *x) {
  TRY(infer_data_shape(x));
  if (x->n_inputs < 2 || x->inputs[0]->n_dims < 2) return MXN_OK;
  mxn_type label = *x->inputs[0];
  label.n_dims--;
  return infer_input(x, 1, &label);
}

mxn_status sparse_reg_shape(inference *x) {
  const mxn_type *data = x->inputs[0];
  TRY(infer_data_shape(x));
  if (data->n_dims < 0) return MXN_OK;
  if (data->n_dims < 2) return infer_error(x, MXN_SHAPE, "data has %d dimensions, expected at least 2", data->n_dims);
  const mxn_type average = {.n_dims = 1, .dims = {data->dims[1]}};
  return infer_input(x, 1, &average);
}
