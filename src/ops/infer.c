/* infer.c - types and shapes, forward and backward to a fixpoint.
 *
 * The graph is swept from its inputs to its outputs and back until a sweep
 * changes nothing. Sequential models need two sweeps; the limit is for graphs
 * made to need many, whose types stay unknown.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ops/infer.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "ops/number.h"

enum { MAX_SWEEPS = 100 };

/* Merging and its errors. */

mxn_status infer_error(inference *x, mxn_status code, const char *format, ...) {
  char text[MXN_ERROR_MESSAGE_BYTES];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  return op_error(x->graph, x->node, x->err, code, "%s", text);
}

static uint32_t count_names(const char *const *names) {
  uint32_t n = 0;
  while (names && names[n]) n++;
  return n;
}

const char *infer_input_name(const inference *x, uint32_t i, input_name *name) {
  const char *const *names = x->node->def->inputs;
  if (i < count_names(names)) return names[i];
  snprintf(name->text, sizeof name->text, "input %u", i);
  return name->text;
}

static mxn_status merge_shape(inference *x, mxn_type *into, const mxn_type *shape, const char *what) {
  char got[SHAPE_TEXT_BYTES], expected[SHAPE_TEXT_BYTES];
  const mxn_type before = *into;
  if (!shape_merge(into, shape))
    return infer_error(x, MXN_SHAPE, "%s has shape %s, expected %s", what, shape_text(into, got),
                       shape_text(shape, expected));
  x->changed |= !shape_equal(&before, into);
  return MXN_OK;
}

mxn_status infer_input(inference *x, uint32_t i, const mxn_type *shape) {
  input_name name;
  return merge_shape(x, x->inputs[i], shape, infer_input_name(x, i, &name));
}

mxn_status infer_output(inference *x, uint32_t i, const mxn_type *shape) {
  return merge_shape(x, x->outputs[i], shape, "its output");
}

static mxn_status merge_dtype(inference *x, mxn_type *into, mxn_dtype dtype, const char *what) {
  if (dtype == MXN_DTYPE_UNKNOWN || into->dtype == dtype) return MXN_OK;
  if (into->dtype != MXN_DTYPE_UNKNOWN)
    return infer_error(x, MXN_SHAPE, "%s is %s, expected %s", what, mxn_dtype_name(into->dtype), mxn_dtype_name(dtype));
  into->dtype = dtype;
  x->changed = true;
  return MXN_OK;
}

mxn_status infer_input_dtype(inference *x, uint32_t i, mxn_dtype dtype) {
  input_name name;
  return merge_dtype(x, x->inputs[i], dtype, infer_input_name(x, i, &name));
}

mxn_status infer_output_dtype(inference *x, uint32_t i, mxn_dtype dtype) {
  return merge_dtype(x, x->outputs[i], dtype, "its output");
}

/* Arithmetic. */

bool dims_multiply(int64_t a, int64_t b, int64_t *out) {
  if (a < 0 || b < 0) {
    *out = -1;
    return true;
  }
  return !__builtin_mul_overflow(a, b, out);
}

bool dims_product(const mxn_type *t, int32_t first, int32_t end, int64_t *out) {
  *out = 1;
  for (int32_t d = first; d < end; d++)
    if (!dims_multiply(*out, t->dims[d], out)) return false;
  return true;
}

void dims_reverse(int64_t *dims, int32_t n) {
  for (int32_t i = 0; i < n / 2; i++) {
    const int64_t kept = dims[i];
    dims[i] = dims[n - 1 - i];
    dims[n - 1 - i] = kept;
  }
}

lines lines_along(const mxn_type *t, int32_t axis) {
  lines l = {.length = t->dims[axis]};
  (void)!dims_product(t, 0, axis, &l.outer);
  (void)!dims_product(t, axis + 1, t->n_dims, &l.inner);
  return l;
}

int64_t count_elements(const mxn_type *t) {
  int64_t n = 0;
  return shape_elements(t, &n) ? n : 0;
}

int64_t count_dims(const mxn_type *t, int32_t first, int32_t end) {
  int64_t n = 0;
  return dims_product(t, first, end, &n) ? n : 0;
}

mxn_status infer_axis(inference *x, const char *attribute_name, int64_t axis, int32_t n_dims, int32_t *out_axis) {
  if (axis < -n_dims || axis >= n_dims)
    return infer_error(x, MXN_SHAPE, "%s is %" PRId64 ", expected an axis of %d dimensions", attribute_name, axis,
                       n_dims);
  *out_axis = axis_from_front(axis, n_dims);
  return MXN_OK;
}

/* Shared ways to infer. */

mxn_status infer_same_shape(inference *x) {
  mxn_type shape = type_unknown();
  for (uint32_t i = 0; i < x->n_inputs; i++) {
    TRY(infer_input(x, i, &shape));
    shape = *x->inputs[i];
  }
  for (uint32_t i = 0; i < x->n_outputs; i++) {
    TRY(infer_output(x, i, &shape));
    shape = *x->outputs[i];
  }
  for (uint32_t i = 0; i < x->n_inputs; i++) TRY(infer_input(x, i, &shape));
  for (uint32_t i = 0; i < x->n_outputs; i++) TRY(infer_output(x, i, &shape));
  return MXN_OK;
}

mxn_status infer_same_dtype(inference *x) {
  mxn_dtype dtype = MXN_DTYPE_UNKNOWN;
  for (uint32_t i = 0; i < x->n_inputs && dtype == MXN_DTYPE_UNKNOWN; i++) dtype = x->inputs[i]->dtype;
  for (uint32_t i = 0; i < x->n_outputs && dtype == MXN_DTYPE_UNKNOWN; i++) dtype = x->outputs[i]->dtype;
  for (uint32_t i = 0; i < x->n_inputs; i++) TRY(infer_input_dtype(x, i, dtype));
  for (uint32_t i = 0; i < x->n_outputs; i++) TRY(infer_output_dtype(x, i, dtype));
  return MXN_OK;
}

mxn_status infer_data_dtype(inference *x) {
  TRY(infer_output_dtype(x, 0, x->inputs[0]->dtype));
  return infer_input_dtype(x, 0, x->outputs[0]->dtype);
}

mxn_status infer_data_shape(inference *x) {
  TRY(infer_output(x, 0, x->inputs[0]));
  return infer_input(x, 0, x->outputs[0]);
}

/* The driver. */

static bool is_one_of(mxn_dtype dtype, op_dtypes dtypes) {
  switch (dtypes) {
    case OP_ANY_DTYPE: return true;
    case OP_ANY_FLOAT: return dtype_is_float(dtype);
    case OP_WIDE_FLOAT: return dtype == MXN_FLOAT32 || dtype == MXN_FLOAT64;
    case OP_ONLY_FLOAT32: return dtype == MXN_FLOAT32;
    case OP_ANY_INTEGER: return !dtype_is_float(dtype);
  }
  return false;
}

static mxn_status check_dtypes(inference *x) {
  static const char *const expected[] = {[OP_ANY_FLOAT] = "a kind of float",
                                         [OP_WIDE_FLOAT] = "float32 or float64",
                                         [OP_ONLY_FLOAT32] = "float32",
                                         [OP_ANY_INTEGER] = "a kind of integer"};
  const op_dtypes dtypes = x->node->def->dtypes;
  const mxn_dtype dtype = x->n_inputs ? x->inputs[0]->dtype : MXN_DTYPE_UNKNOWN;
  input_name name;
  if (dtype == MXN_DTYPE_UNKNOWN || is_one_of(dtype, dtypes)) return MXN_OK;
  return infer_error(x, MXN_SHAPE, "%s is %s, expected %s", infer_input_name(x, 0, &name), mxn_dtype_name(dtype),
                     expected[dtypes]);
}

mxn_status infer_node(inference *x) {
  const op_def *def = x->node->def;
  TRY(check_dtypes(x));
  TRY(def->shape(x));
  return (def->dtype ? def->dtype : infer_same_dtype)(x);
}

typedef struct sweep {
  const graph *graph;
  mxn_type **types; /* room for the inputs and outputs of one node, and of one in each subgraph around it */
  bool is_forward;
  bool changed;
  mxn_error *err;
} sweep;

static mxn_status visit(sweep *s, const node *n) {
  if (!n->def) return MXN_OK;
  inference x = {.graph = s->graph, .node = n, .err = s->err, .sweep = s};
  x.n_inputs = op_own_inputs(n);
  x.n_outputs = n->n_outputs;
  x.inputs = s->types;
  x.outputs = s->types + x.n_inputs;
  for (uint32_t i = 0; i < x.n_inputs; i++) x.inputs[i] = &n->inputs[i].node->outputs[n->inputs[i].output];
  for (uint32_t i = 0; i < x.n_outputs; i++) x.outputs[i] = &n->outputs[i];
  TRY(infer_node(&x));
  s->changed |= x.changed;
  return MXN_OK;
}

static mxn_status sweep_once(sweep *s) {
  const size_t n = s->graph->n_nodes;
  s->changed = false;
  for (size_t k = 0; k < n; k++) TRY(visit(s, s->graph->nodes[s->is_forward ? k : n - 1 - k]));
  return MXN_OK;
}

static mxn_status sweep_until_stable(sweep *s) {
  s->changed = true;
  for (int i = 0; s->changed && i < MAX_SWEEPS; i++) {
    s->is_forward = i % 2 == 0;
    TRY(sweep_once(s));
  }
  return MXN_OK;
}

mxn_status infer_subgraph(inference *x, uint32_t i) {
  if (!x->sweep) return MXN_OK;
  sweep inner = *x->sweep;
  inner.graph = x->node->subgraphs[i];
  inner.err = x->err;
  inner.types += x->n_inputs + x->n_outputs;
  TRY(sweep_once(&inner));
  x->changed |= inner.changed;
  return MXN_OK;
}

static size_t most_types(const graph *g);

static size_t count_types(const node *n) {
  size_t inside = 0;
  for (uint32_t k = 0; k < n->n_subgraphs; k++) {
    const size_t types = most_types(n->subgraphs[k]);
    if (types > inside) inside = types;
  }
  return (size_t)n->n_inputs + n->n_outputs + inside;
}

static size_t most_types(const graph *g) {
  size_t most = 0;
  for (size_t i = 0; i < g->n_nodes; i++) {
    const size_t types = count_types(g->nodes[i]);
    if (types > most) most = types;
  }
  return most;
}

/* MXNet binds a variable whose type nobody says as float32. */
static bool set_default_dtypes(graph *g) {
  bool changed = false;
  for (size_t i = 0; i < g->n_nodes; i++) {
    node *n = g->nodes[i];
    if (!node_is_variable(n) || n->outputs[0].dtype != MXN_DTYPE_UNKNOWN) continue;
    n->outputs[0].dtype = MXN_FLOAT32;
    changed = true;
  }
  return changed;
}

mxn_status ops_infer_known(graph *g, mxn_error *err) {
  sweep s = {.graph = g, .types = arena_array(g->arena, most_types(g), sizeof *s.types), .err = err};
  return sweep_until_stable(&s);
}

mxn_status ops_infer(graph *g, mxn_error *err) {
  TRY(ops_infer_known(g, err));
  return set_default_dtypes(g) ? ops_infer_known(g, err) : MXN_OK;
}
