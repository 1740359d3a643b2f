/* fixture.h - what tests of graphs share: an arena for each test, and a graph from
 * the IR's text in it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_TESTS_FIXTURE_H
#define MXN_TESTS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "graph/text.h"

static arena memory;
static mxn_error error; /* empty when a test begins */

static inline int start(void **state) {
  (void)state;
  arena_init(&memory);
  error = (mxn_error){0};
  return 0;
}

static inline int stop(void **state) {
  (void)state;
  arena_finish(&memory);
  return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, start, stop)

/* The graph of a text that must be well-formed. */
static inline graph *graph_of_text(const char *text) {
  graph *g = NULL;
  if (graph_parse(&memory, "t", text, strlen(text), &g, &error) != MXN_OK) fail_msg("%s: %s", error.message, text);
  return g;
}

/* The graph as text, in the test's arena. */
static inline char *text_of_graph(const graph *g) {
  char *text = NULL;
  size_t bytes = 0;
  FILE *out = open_memstream(&text, &bytes);
  assert_non_null(out);
  graph_print(g, out);
  assert_int_equal(fclose(out), 0);
  arena_defer(&memory, free, text);
  return text;
}

#endif
