/* verify.c - see verify.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "graph/verify.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/error.h"
#include "base/shape.h"

typedef struct verifier {
  const graph *graph;
  const char *pass;
  mxn_error *err;
} verifier;

static mxn_status broken(const verifier *v, const node *n, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static mxn_status broken(const verifier *v, const node *n, const char *format, ...) {
  char text[256];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  return error_set(v->err, MXN_INTERNAL, "%s: after pass %s: node %" PRIu32 " '%.100s' (%.60s): %s", v->graph->name,
                   v->pass, n->id, n->name, n->op, text);
}

/* NULL, or what is wrong with a value that must come from one of the first `limit` nodes. */
static const char *value_problem(const graph *g, value v, size_t limit) {
  if (!v.node) return "is not set";
  if (v.node->id >= g->n_nodes || g->nodes[v.node->id] != v.node) return "is of a node that is not in the graph";
  if (v.node->id >= limit) return "is of a node that does not come before it";
  if (v.output >= v.node->n_outputs) return "is an output that its node does not have";
  return NULL;
}

static mxn_status verify_variable(const verifier *v, const node *n) {
  if (n->n_inputs > 0) return broken(v, n, "a variable has %" PRIu32 " inputs", n->n_inputs);
  if (n->n_outputs != 1) return broken(v, n, "a variable has %" PRIu32 " outputs", n->n_outputs);
  const mxn_tensor *t = n->constant;
  if (t && (t->type.dtype != n->outputs[0].dtype || !shape_equal(&t->type, &n->outputs[0])))
    return broken(v, n, "its type is not its array's");
  return MXN_OK;
}

static mxn_status verify_fused(const verifier *v, const node *n) {
  uint64_t extra = 0;
  for (size_t i = 0; i < n->n_fused; i++) {
    const node *fused = n->fused[i].operator;
    if (n->fused[i].chain >= fused->n_inputs)
      return broken(v, n, "fused '%.60s' has %" PRIu32 " operands, the chain is number %" PRIu32, fused->name,
                    fused->n_inputs, n->fused[i].chain);
    extra += fused->n_inputs - 1;
  }
  if (extra > n->n_inputs)
    return broken(v, n, "the fused operators need %" PRIu64 " more operands, the node has %" PRIu32 " inputs", extra,
                  n->n_inputs);
  return MXN_OK;
}

static mxn_status verify_node(const verifier *v, const node *n) {
  for (uint32_t i = 0; i < n->n_inputs; i++) {
    const char *problem = value_problem(v->graph, n->inputs[i], n->id);
    if (problem) return broken(v, n, "input %" PRIu32 " %s", i, problem);
  }
  if (n->n_outputs == 0) return broken(v, n, "it has no outputs");
  for (uint32_t i = 0; i < n->n_outputs; i++)
    if (!type_is_valid(&n->outputs[i])) return broken(v, n, "the type of output %" PRIu32 " is not valid", i);
  if (node_is_variable(n)) return verify_variable(v, n);
  if (n->constant) return broken(v, n, "an operator has an array");
  return verify_fused(v, n);
}

mxn_status graph_verify(const graph *g, const char *pass, mxn_error *err) {
  const verifier v = {g, pass, err};
  for (size_t i = 0; i < g->n_nodes; i++) {
    if (g->nodes[i]->id != i) return broken(&v, g->nodes[i], "it stands at place %zu", i);
    TRY(verify_node(&v, g->nodes[i]));
  }
  for (size_t i = 0; i < g->n_outputs; i++) {
    const char *problem = value_problem(g, g->outputs[i], g->n_nodes);
    if (problem) return error_set(err, MXN_INTERNAL, "%s: after pass %s: head %zu %s", g->name, pass, i, problem);
  }
  return MXN_OK;
}
