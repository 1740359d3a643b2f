/* passes_golden_test.c - what each pass makes of small graphs, as text.
 *
 * tests/golden/NAME.graph is an input graph; NAME.expected holds the graphs
 * after all passes, then the placements, steps and memory plan. Constants are
 * filled with a fixed pattern. MXN_UPDATE_GOLDEN=1 writes the expected files anew.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/shape.h"
#include "graph/text.h"
#include "lower/lower.h"
#include "ops/ops.h"

static const char *golden_directory(void) {
  const char *directory = getenv("MXN_GOLDEN");
  return directory ? directory : "tests/golden";
}

static void print_after(void *context, const char *pass, const graph *g) {
  FILE *out = context;
  fprintf(out, "=== %s\n", pass);
  graph_print(g, out);
}

/* 0.5, 0.625, ... 1.375, 0.5: positive, so that variances are. */
static void fill_constants(graph *g) {
  for (size_t i = 0; i < g->n_nodes; i++) {
    node *n = g->nodes[i];
    if (!node_is_variable(n) || !strncmp(n->name, "data", 4) || strstr(n->name, "label")) continue;
    int64_t elements = 0;
    assert_true(shape_elements(&n->outputs[0], &elements));
    mxn_tensor *t = arena_alloc(g->arena, sizeof *t);
    float *data = arena_array(g->arena, (size_t)elements, sizeof *data);
    for (int64_t k = 0; k < elements; k++) data[k] = 0.5f + 0.125f * (float)(k % 8);
    *t = (mxn_tensor){n->outputs[0], data};
    n->constant = t;
  }
}

static void print_buffer(const compile *c, const step_buffer *b, FILE *out) {
  static const char *const spaces[] = {"arena", "weights", "input", "output"};
  const storage *s = &c->storages[b->storage];
  fprintf(out, " %s", spaces[s->space]);
  if (s->space == MXN_SPACE_INPUT || s->space == MXN_SPACE_OUTPUT) fprintf(out, "%u", s->index);
  fprintf(out, "+%llu:%llu", (unsigned long long)(s->offset + b->offset), (unsigned long long)b->bytes);
}

static void print_steps(const compile *c, const step_list *steps, FILE *out) {
  fprintf(out, "=== steps\n");
  for (size_t i = 0; i < steps->n_items; i++) {
    const step *s = &steps->items[i];
    fprintf(out, "%s %s terms=%u flops=%llu:", kernel_name(s->kernel), s->name, s->expression.n_terms,
            (unsigned long long)s->flops);
    for (uint32_t b = 0; b < s->n_buffers; b++) print_buffer(c, &s->buffers[b], out);
    fputc('\n', out);
  }
  fprintf(out, "arena %llu bytes, weights %llu bytes\n", (unsigned long long)c->arena_bytes,
          (unsigned long long)c->weights_bytes);
}

static char *compile_to_text(const char *path) {
  mxn_error err = {0};
  mapped_file file;
  arena a;
  char *text = NULL;
  size_t bytes = 0;
  FILE *out = open_memstream(&text, &bytes);
  arena_init(&a);
  compile c = {.arena = &a};
  step_list steps = {0};
  const pass_observer observer = {print_after, out};
  if (setjmp(a.recovery)) fail_msg("out of memory");
  if (file_map(path, &file, &err) || graph_parse(&a, "golden", (const char *)file.data, file.bytes, &c.graph, &err))
    fail_msg("%s", err.message);
  fill_constants(c.graph);
  if (ops_bind(c.graph, &err) || ops_infer(c.graph, &err) || pipeline_run(&c, &observer, &err) ||
      lower_graph(&c, &steps, &err))
    fail_msg("%s: %s", path, err.message);
  plan_memory(&c);
  print_steps(&c, &steps, out);
  fclose(out);
  file_unmap(&file);
  arena_finish(&a);
  return text;
}

static void write_file(const char *path, const char *text) {
  FILE *f = fopen(path, "w");
  assert_non_null(f);
  fputs(text, f);
  fclose(f);
}

static void check_golden(const char *name) {
  char path[512];
  mapped_file want = {0};
  snprintf(path, sizeof path, "%s/%s.graph", golden_directory(), name);
  char *got = compile_to_text(path);
  snprintf(path, sizeof path, "%s/%s.expected", golden_directory(), name);
  if (getenv("MXN_UPDATE_GOLDEN")) write_file(path, got);
  assert_int_equal(file_map(path, &want, NULL), MXN_OK);
  const int same = strlen(got) == want.bytes && !memcmp(got, want.data, want.bytes);
  if (!same) print_message("%s differs; the passes made:\n%s", path, got);
  file_unmap(&want);
  free(got);
  assert_true(same);
}

#define GOLDENS(X)           \
  X(convolution_batch_norm)  \
  X(residual)                \
  X(concat_slices)           \
  X(softmax_output)          \
  X(softmax_axes)            \
  X(channel_shuffle)         \
  X(moves)                   \
  X(l2_normalization)        \
  X(flatten_fully_connected) \
  X(outputs_in_nchw)         \
  X(memory_reuse)

#define X(name)                           \
  static void test_##name(void **state) { \
    (void)state;                          \
    check_golden(#name);                  \
  }
GOLDENS(X)
#undef X

int main(void) {
  const struct CMUnitTest tests[] = {
#define X(name) cmocka_unit_test(test_##name),
      GOLDENS(X)
#undef X
  };
  return cmocka_run_group_tests_name("passes_golden", tests, NULL, NULL);
}
