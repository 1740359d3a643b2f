/* checkpoint.c - arrays meet their variables.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "mxnet/checkpoint.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/shape.h"

typedef struct attachment {
  const graph *graph;
  const parameter **sorted; /* by name, then kind */
  size_t n;
  mxn_error *err;
} attachment;

/* Step over blanks and `c`, if it is next. */
static bool accept(const char **text, char c) {
  while (isspace((unsigned char)**text)) (*text)++;
  if (**text != c) return false;
  (*text)++;
  return true;
}

static bool read_integer(const char **text, int64_t *out) {
  char *end;
  errno = 0;
  *out = strtoll(*text, &end, 10);
  if (end == *text || errno == ERANGE) return false;
  *text = *end == 'L' ? end + 1 : end; /* Python 2 wrote long integers so */
  return true;
}

/* "(3, 4)" or "[3, 4]" in MXNet's words: what is not known is 0 (before numpy
 * semantics, where no dimensions at all is nothing known either) or -1. */
static bool parse_shape(const char *text, bool np_shape, mxn_type *out) {
  if (strcmp(text, "None") == 0) return true;
  const bool is_list = accept(&text, '[');
  if (!is_list && !accept(&text, '(')) return false;
  const char close = is_list ? ']' : ')';
  int32_t n_dims = 0;
  while (!accept(&text, close)) {
    int64_t dim;
    if (n_dims == MXN_MAX_DIMS || !read_integer(&text, &dim) || dim < -1) return false;
    out->dims[n_dims++] = dim == 0 && !np_shape ? -1 : dim;
    if (!accept(&text, ',') && *text != close) return false;
  }
  out->n_dims = n_dims == 0 && !np_shape ? -1 : n_dims;
  return *text == '\0';
}

/* A number as MXNet writes it, -1 for unknown, or a name. */
static bool parse_dtype(const char *text, mxn_type *out) {
  int64_t number;
  out->dtype = mxn_dtype_from_name(text);
  if (out->dtype != MXN_DTYPE_UNKNOWN) return true;
  if (!read_integer(&text, &number) || *text != '\0') return false;
  if (number < -1 || number > INT32_MAX) return false;
  out->dtype = (mxn_dtype)number;
  return number == -1 || mxn_dtype_bytes(out->dtype) > 0;
}

/* What the symbol says about a variable. */
static mxn_status declared_type(const attachment *a, const node *n, mxn_type *out) {
  const char *shape = node_attribute(n, "__shape__"), *dtype = node_attribute(n, "__dtype__");
  *out = type_unknown();
  if (shape && !parse_shape(shape, a->graph->np_shape, out))
    return error_set(a->err, MXN_FORMAT,
                     "%s: node %" PRIu32 " '%s' (variable): __shape__ is '%.100s', expected a shape such as (3, 4)",
                     a->graph->name, n->id, n->name, shape);
  if (dtype && !parse_dtype(dtype, out))
    return error_set(a->err, MXN_FORMAT,
                     "%s: node %" PRIu32 " '%s' (variable): __dtype__ is '%.100s', expected the number of a dtype",
                     a->graph->name, n->id, n->name, dtype);
  return MXN_OK;
}

/* First entry of that name in the sorted arrays, or where it would stand. */
static size_t lower_bound(const attachment *a, const char *name) {
  size_t low = 0, high = a->n;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (strcmp(a->sorted[middle]->name, name) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static const parameter *find_parameter(const attachment *a, const node *n) {
  const parameter *first = NULL, *auxiliary = NULL;
  for (size_t i = lower_bound(a, n->name); i < a->n && strcmp(a->sorted[i]->name, n->name) == 0; i++) {
    const parameter *p = a->sorted[i];
    if (p->kind == PARAMETER_AUXILIARY) auxiliary = p;
    /* An argument comes before a plain array, an auxiliary state only where it is one. */
    if (!first || p->kind == PARAMETER_ARGUMENT) first = p;
  }
  return n->is_auxiliary && auxiliary ? auxiliary : first;
}

static mxn_status attach(const attachment *a, node *n, const parameter *p) {
  const mxn_type *array = &p->tensor.type;
  mxn_type declared, merged;
  char expected[SHAPE_TEXT_BYTES], got[SHAPE_TEXT_BYTES];
  TRY(declared_type(a, n, &declared));
  if (!p->tensor.data && array->n_dims < 0)
    return error_set(a->err, MXN_FORMAT, "%s: node %" PRIu32 " '%s' (variable): its array '%s%s' is none",
                     a->graph->name, n->id, n->name, parameter_prefix(p->kind), p->name);
  merged = declared;
  if (!shape_merge(&merged, array))
    return error_set(a->err, MXN_SHAPE, "%s: node %" PRIu32 " '%s' (variable): __shape__ is %s, array '%s%s' has %s",
                     a->graph->name, n->id, n->name, shape_text(&declared, expected), parameter_prefix(p->kind),
                     p->name, shape_text(array, got));
  if (declared.dtype != MXN_DTYPE_UNKNOWN && declared.dtype != array->dtype)
    return error_set(a->err, MXN_FORMAT, "%s: node %" PRIu32 " '%s' (variable): __dtype__ is %s, array '%s%s' has %s",
                     a->graph->name, n->id, n->name, mxn_dtype_name(declared.dtype), parameter_prefix(p->kind), p->name,
                     mxn_dtype_name(array->dtype));
  n->constant = &p->tensor;
  n->outputs[0] = *array;
  return MXN_OK;
}

/* Without an array a variable knows what the symbol says about it. */
static mxn_status declare(const attachment *a, node *n) {
  mxn_type declared;
  TRY(declared_type(a, n, &declared));
  if (n->outputs[0].dtype == MXN_DTYPE_UNKNOWN) n->outputs[0].dtype = declared.dtype;
  if (n->outputs[0].n_dims < 0) {
    declared.dtype = n->outputs[0].dtype;
    n->outputs[0] = declared;
  }
  return MXN_OK;
}

/* By name, auxiliary states apart, in the order of the graph. */
static int compare_variables(const void *left, const void *right) {
  const node *a = *(node *const *)left, *b = *(node *const *)right;
  const int order = strcmp(a->name, b->name);
  if (order != 0) return order;
  if (a->is_auxiliary != b->is_auxiliary) return a->is_auxiliary ? 1 : -1;
  return a->id < b->id ? -1 : 1;
}

static bool is_same_input(const node *a, const node *b) {
  return strcmp(a->name, b->name) == 0 && a->is_auxiliary == b->is_auxiliary;
}

/* What one of them is declared to be counts for both. */
static mxn_status merge_declared(const graph *g, node *first, const node *other, mxn_error *err) {
  char a[SHAPE_TEXT_BYTES], b[SHAPE_TEXT_BYTES];
  const mxn_type was = first->outputs[0], *type = &other->outputs[0];
  if (was.dtype == MXN_DTYPE_UNKNOWN) first->outputs[0].dtype = type->dtype;
  if (shape_merge(&first->outputs[0], type) &&
      (type->dtype == MXN_DTYPE_UNKNOWN || type->dtype == first->outputs[0].dtype))
    return MXN_OK;
  return error_set(err, MXN_SHAPE, "%s: variables %" PRIu32 " and %" PRIu32 " are both '%s', but %s %s and %s %s",
                   g->name, first->id, other->id, first->name, mxn_dtype_name(was.dtype), shape_text(&was, a),
                   mxn_dtype_name(type->dtype), shape_text(type, b));
}

static void replace(node *const *first, value *v) {
  if (first[v->node->id]) v->node = first[v->node->id];
}

/* `first` says by id which variable stands for another one, which leaves the graph. */
static void drop_replaced(graph *g, node *const *first) {
  size_t kept = 0;
  for (size_t i = 0; i < g->n_nodes; i++)
    for (uint32_t k = 0; k < g->nodes[i]->n_inputs; k++) replace(first, &g->nodes[i]->inputs[k]);
  for (size_t i = 0; i < g->n_outputs; i++) replace(first, &g->outputs[i]);
  for (size_t i = 0; i < g->n_nodes; i++)
    if (!first[i]) g->nodes[kept++] = g->nodes[i];
  g->n_nodes = kept;
  for (size_t i = 0; i < kept; i++) g->nodes[i]->id = (uint32_t)i;
}

/* Inputs of one name are one input: MXNet binds by name. */
static mxn_status unite_inputs(graph *g, mxn_error *err) {
  node **inputs = arena_array(g->arena, g->n_nodes, sizeof *inputs);
  node **first = arena_array(g->arena, g->n_nodes, sizeof *first);
  size_t n = 0;
  for (size_t i = 0; i < g->n_nodes; i++)
    if (node_is_variable(g->nodes[i]) && !g->nodes[i]->constant) inputs[n++] = g->nodes[i];
  if (n > 0) qsort(inputs, n, sizeof(node *), compare_variables);
  for (size_t i = 1; i < n; i++) {
    node *before = inputs[i - 1];
    if (!is_same_input(before, inputs[i])) continue;
    node *stands_for_both = first[before->id] ? first[before->id] : before;
    first[inputs[i]->id] = stands_for_both;
    TRY(merge_declared(g, stands_for_both, inputs[i], err));
  }
  drop_replaced(g, first);
  return MXN_OK;
}

mxn_status checkpoint_attach(graph *g, const parameter_list *list, mxn_error *err) {
  const attachment a = {g, parameters_by_name(g->arena, list), list->n_items, err};
  for (size_t i = 0; i < g->n_nodes; i++) {
    node *n = g->nodes[i];
    if (!node_is_variable(n)) continue;
    const parameter *p = find_parameter(&a, n);
    TRY(p ? attach(&a, n, p) : declare(&a, n));
  }
  return unite_inputs(g, err);
}
