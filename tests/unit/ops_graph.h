/* ops_graph.h - graphs for the tests of src/ops, written as the IR's text.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_TESTS_OPS_GRAPH_H
#define MXN_TESTS_OPS_GRAPH_H

#include "fixture.h"

#include "base/shape.h"
#include "ops/ops.h"

/* One line of the text: without empty braces, and with a type that says nothing
 * where it has none. */
static inline const char *complete_line(const char *line, size_t n) {
  char *copy = arena_printf(&memory, "%.*s", (int)n, line);
  char *braces = strstr(copy, " {}");
  if (braces) memmove(braces, braces + 3, strlen(braces + 3) + 1);
  return strstr(copy, " : ") ? copy : arena_printf(&memory, "%s : ??", copy);
}

/* The graph of some lines, which need not give the types of operators; its output
 * is the last node. */
static inline graph *parse(const char *lines) {
  const char *text = "graph \"t\"\n";
  int n_nodes = 0;
  for (; *lines; n_nodes++) {
    const size_t n = strcspn(lines, "\n");
    text = arena_printf(&memory, "%s%s\n", text, complete_line(lines, n));
    lines += n + (lines[n] == '\n');
  }
  text = arena_printf(&memory, "%soutput %%%d\n", text, n_nodes - 1);
  return graph_of_text(text);
}

static inline graph *bound(const char *lines) {
  graph *g = parse(lines);
  if (ops_bind(g, &error) != MXN_OK) fail_msg("%s", error.message);
  return g;
}

static inline graph *inferred(const char *lines) {
  graph *g = bound(lines);
  if (ops_infer(g, &error) != MXN_OK) fail_msg("%s", error.message);
  return g;
}

static inline void assert_type(const node *n, uint32_t output, const char *expected) {
  char text[SHAPE_TEXT_BYTES];
  const mxn_type *t = &n->outputs[output];
  assert_string_equal(arena_printf(&memory, "%s%s", mxn_dtype_name(t->dtype), shape_text(t, text)), expected);
}

static inline node *last(const graph *g) { return g->nodes[g->n_nodes - 1]; }

/* The message of what fails: in binding, or in inference. */
static inline void assert_refused(const char *lines, mxn_status code, const char *message) {
  graph *g = parse(lines);
  error = (mxn_error){0};
  mxn_status status = ops_bind(g, &error);
  if (status == MXN_OK) status = ops_infer(g, &error);
  assert_string_equal(error.message, message);
  assert_int_equal(status, code);
}

#endif
