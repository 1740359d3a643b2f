/* codegen_kernels_test.c - specialised kernels against the reference: the same
 * random cases as kernels_test.c, through LLVM, the linker and an executable
 * mapping, for every target that this CPU runs. SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "codegen/select.h"
#include "codegen/specialize.h"
#include "codegen/target.h"
#include "unit/kernel_cases.h"

enum { CASES_PER_TEMPLATE = 24 };

static void *map_code(const linked_code *code) {
  void *p = mmap(NULL, code->n_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  assert_true(p != MAP_FAILED);
  memcpy(p, code->bytes, code->n_bytes);
  assert_int_equal(mprotect(p, code->n_bytes, PROT_READ | PROT_EXEC), 0);
  return p;
}

/* All cases of a template in one module, as a model would have them. */
static void check_template(const target *t, kernel_template kernel) {
  kernel_case cases[CASES_PER_TEMPLATE] = {0};
  specialisation kernels[CASES_PER_TEMPLATE];
  uint32_t n_tasks[CASES_PER_TEMPLATE];
  uint64_t entries[CASES_PER_TEMPLATE];
  arena a;
  linked_code code;
  mxn_error err = {0};
  arena_init(&a);
  for (int i = 0; i < CASES_PER_TEMPLATE; i++) {
    random_state = (uint64_t)i * 7919 + kernel * 31 + 5;
    case_makers[kernel](&cases[i]);
    n_tasks[i] = select_tiles(t, kernel, &cases[i].shape);
    kernels[i] = (specialisation){kernel, cases[i].shape, &cases[i].expression};
  }
  if (specialize(&a, t, kernels, CASES_PER_TEMPLATE, &code, entries, &err)) fail_msg("%s", err.message);
  char *p = map_code(&code);
  for (int i = 0; i < CASES_PER_TEMPLATE; i++) {
    mxn_kernel function = (mxn_kernel)(void *)(p + entries[i]);
    if (!case_run(&cases[i], function, n_tasks[i])) fail_msg("%s: case %d", t->name, i);
    case_finish(&cases[i]);
  }
  munmap(p, code.n_bytes);
  arena_finish(&a);
}

static int cpu_runs(const target *t) {
  if (t->level == 4) return __builtin_cpu_supports("x86-64-v4");
  return __builtin_cpu_supports("x86-64-v3");
}

static void check_targets(kernel_template kernel) {
  const target *targets[MAX_TARGETS];
  size_t n = 0;
  assert_int_equal(target_parse(NULL, targets, &n, NULL), MXN_OK);
  for (size_t i = 0; i < n; i++) {
    if (cpu_runs(targets[i]))
      check_template(targets[i], kernel);
    else
      printf("SKIPPED: this CPU is no %s\n", targets[i]->name);
  }
}

#define X(NAME, name, shape)              \
  static void test_##name(void **state) { \
    (void)state;                          \
    check_targets(KERNEL_##NAME);         \
  }
#include "kernels/kernels.def"
#undef X

static void test_targets_are_parsed(void **state) {
  (void)state;
  const target *targets[MAX_TARGETS];
  size_t n = 0;
  mxn_error err = {0};
  assert_int_equal(target_parse("x86-64-v3,x86-64-v4,x86-64-v3", targets, &n, &err), MXN_OK);
  assert_int_equal(n, 2);
  assert_string_equal(targets[0]->name, "x86-64-v4");
  assert_int_equal(target_parse("x86-64-v2", targets, &n, &err), MXN_ARGUMENT);
  assert_string_equal(err.message, "unknown target 'x86-64-v2', expected x86-64-v3 or x86-64-v4");
}

int main(void) {
  __builtin_cpu_init();
  const struct CMUnitTest tests[] = {
#define X(NAME, name, shape) cmocka_unit_test(test_##name),
#include "kernels/kernels.def"
#undef X
      cmocka_unit_test(test_targets_are_parsed),
  };
  return cmocka_run_group_tests_name("codegen_kernels", tests, NULL, NULL);
}
