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

mxn_status checkpoint_attach(graph *g, const parameter_list *list, mxn_error *err) {
  const attachment a = {g, parameters_by_name(g->arena, list), list->n_items, err};
  for (size_t i = 0; i < g->n_nodes; i++) {
    node *n = g->nodes[i];
    if (!node_is_variable(n)) continue;
    const parameter *p = find_parameter(&a, n);
    TRY(p ? attach(&a, n, p) : declare(&a, n));
  }
  return MXN_OK;
}
