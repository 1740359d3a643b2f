/* ops_conformance_test.c - cases recorded from MXNet's own unit tests, for the
 * operators that the reference has.
 *
 * Reads conformance/ in the folder that MXN_SHARED names (default: ../shared) and
 * skips where it is absent.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

#include "base/error.h"
#include "graph/shape.h"
#include "mxnet/checkpoint.h"
#include "mxnet/upgrade.h"
#include "ops/number.h"
#include "ops/operator.h"

/* Fewer cases mean that operators or cases got lost. */
enum { LEAST_CASES = 1200 };

static const char *shared(void) {
  const char *folder = getenv("MXN_SHARED");
  return folder ? folder : "../shared";
}

/* Tolerances of the folder's README: relative, absolute. */
static void tolerance(mxn_dtype dtype, double *relative, double *absolute) {
  *relative = dtype == MXN_FLOAT16 ? 2e-3 : dtype == MXN_BFLOAT16 ? 1e-2 : dtype_is_float(dtype) ? 1e-4 : 0;
  *absolute = dtype == MXN_FLOAT16 ? 1e-3 : dtype == MXN_BFLOAT16 ? 1e-2 : dtype_is_float(dtype) ? 1e-5 : 0;
}

static mxn_status compare(const mxn_tensor *want, const mxn_tensor *got, size_t output, mxn_error *err) {
  double relative, absolute, a, b;
  char expected[SHAPE_TEXT_BYTES], found[SHAPE_TEXT_BYTES];
  int64_t n = 0;
  if (want->type.dtype != got->type.dtype || !shape_equal(&want->type, &got->type))
    return error_set(err, MXN_INTERNAL, "output %zu is %s %s, expected %s %s", output, mxn_dtype_name(got->type.dtype),
                     shape_text(&got->type, found), mxn_dtype_name(want->type.dtype),
                     shape_text(&want->type, expected));
  tolerance(want->type.dtype, &relative, &absolute);
  (void)!shape_elements(&want->type, &n);
  for (int64_t i = 0; i < n; i++) {
    load_doubles(want, i, 1, &a);
    load_doubles(got, i, 1, &b);
    if (a == b || (isnan(a) && isnan(b)) || fabs(a - b) <= absolute + relative * fabs(a)) continue;
    return error_set(err, MXN_INTERNAL, "output %zu, element %lld is %g, expected %g", output, (long long)i, b, a);
  }
  return MXN_OK;
}

static mxn_status run_nodes(arena *a, const graph *g, mxn_tensor **tensors, mxn_error *err) {
  for (size_t i = 0; i < g->n_nodes; i++) {
    const node *n = g->nodes[i];
    tensors[i] = arena_array(a, n->n_outputs, sizeof **tensors);
    for (uint32_t k = 0; k < n->n_outputs; k++) {
      size_t bytes;
      if (!type_bytes(&n->outputs[k], &bytes)) return error_set(err, MXN_SHAPE, "'%s': no type", n->name);
      tensors[i][k] = (mxn_tensor){n->outputs[k], n->constant ? n->constant->data : arena_alloc(a, bytes + 1)};
    }
    if (node_is_variable(n)) continue;
    mxn_tensor *inputs = arena_array(a, n->n_inputs, sizeof *inputs);
    for (uint32_t k = 0; k < n->n_inputs; k++) inputs[k] = tensors[n->inputs[k].node->id][n->inputs[k].output];
    TRY(op_forward(n, inputs, tensors[i], err));
  }
  return MXN_OK;
}

static mxn_status run_case(arena *a, const char *base, mxn_error *err) {
  graph *g;
  parameter_list arrays = {0};
  TRY(symbol_load(a, arena_printf(a, "%s-symbol.json", base), &g, err));
  TRY(symbol_upgrade(g, err));
  TRY(ops_bind(g, err));
  TRY(params_load(a, arena_printf(a, "%s.params", base), &arrays, err));
  TRY(checkpoint_attach(g, &arrays, err));
  TRY(ops_infer(g, err));
  mxn_tensor **tensors = arena_array(a, g->n_nodes, sizeof *tensors);
  TRY(run_nodes(a, g, tensors, err));
  for (size_t i = 0; i < g->n_outputs; i++) {
    const parameter *want = parameter_find(&arrays, arena_printf(a, "out:%zu", i));
    if (!want) return error_set(err, MXN_FORMAT, "out:%zu is missing", i);
    TRY(compare(&want->tensor, &tensors[g->outputs[i].node->id][g->outputs[i].output], i, err));
  }
  return MXN_OK;
}

/* Column 0 is the case, column 2 the operators, separated by commas. */
static bool is_for_us(char *line, const char **out_case) {
  char *rest = line;
  *out_case = strsep(&rest, "\t");
  (void)strsep(&rest, "\t");
  char *ops = strsep(&rest, "\t");
  for (const char *op; ops && (op = strsep(&ops, ",")) != NULL;)
    if (!op_find(op)) return false;
  return rest != NULL;
}

static void test_cases(void **state) {
  (void)state;
  char path[1024], line[8192];
  snprintf(path, sizeof path, "%s/conformance/index.tsv", shared());
  FILE *index = fopen(path, "r");
  if (!index) {
    print_message("SKIPPED: %s is absent (MXN_SHARED names the folder)\n", path);
    skip();
  }
  int n_cases = 0, n_wrong = 0;
  const char *name;
  (void)!fgets(line, sizeof line, index);
  while (fgets(line, sizeof line, index)) {
    if (!is_for_us(line, &name)) continue;
    arena a;
    mxn_error err = {0};
    arena_init(&a);
    snprintf(path, sizeof path, "%s/conformance/%s", shared(), name);
    n_cases++;
    if (setjmp(a.recovery) || run_case(&a, path, &err) != MXN_OK) {
      n_wrong++;
      print_error("%s: %s\n", name, err.message);
    }
    arena_finish(&a);
  }
  fclose(index);
  print_message("%d cases\n", n_cases);
  assert_int_equal(n_wrong, 0);
  assert_true(n_cases >= LEAST_CASES);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases)};
  return cmocka_run_group_tests_name("ops: conformance", tests, NULL, NULL);
}
