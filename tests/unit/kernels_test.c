/* kernels_test.c - every kernel template, compiled natively, against its
 * reference over random odd sizes. The build makes one program per vector width.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "codegen/select.h"
#include "kernels/kernels.c"
#include "unit/kernel_cases.h"

static const kernel_case *current;

static vf native_expression(vf x, void *const *buffers, const int64_t *at, int64_t lanes) {
  const expression *e = &current->expression;
  if (e->n_terms == 1) return x;
  const expression_term *t = &e->terms[1];
  const int64_t offset = at[0] * t->stride[0] + at[1] * t->stride[1] + at[2] * t->stride[2] + at[3] * t->stride[3];
  return x_relu(x_add(x, x_load(buffers, t->buffer, offset, t->stride[3], lanes)));
}

static void run_native(void *const *buffers, void *scratch, int64_t begin, int64_t end) {
  switch (current->kernel) {
#define X(NAME, name, shape_struct)                                                                          \
  case KERNEL_##NAME:                                                                                        \
    k_##name(buffers, scratch, begin, end, (const struct shape_struct *)&current->shape, native_expression); \
    break;
#include "kernels/kernels.def"
#undef X
    case N_KERNEL_TEMPLATES: break;
  }
}

static const target native = {.name = "native", .vector_floats = VF, .vector_registers = VF == 16 ? 32 : 16};

static void check_template(kernel_template kernel) {
  for (int i = 0; i < 300; i++) {
    random_state = (uint64_t)i * 1000 + kernel + 1;
    kernel_case k = {0};
    case_makers[kernel](&k);
    const uint32_t n_tasks = select_tiles(&native, kernel, &k.shape);
    current = &k;
    const int right = case_run(&k, run_native, n_tasks);
    case_finish(&k);
    if (!right) fail_msg("case %d", i);
  }
}

#define X(NAME, name, shape_struct)       \
  static void test_##name(void **state) { \
    (void)state;                          \
    check_template(KERNEL_##NAME);        \
  }
#include "kernels/kernels.def"
#undef X

/* A matrix product of a row with a matrix of one block. */
static struct k_conv2d long_sum(int64_t terms) {
  struct k_conv2d s = {.batch = 1, .groups = 1, .in_channels = terms, .out_channels = K_CHANNEL_BLOCK};
  s.kernel_h = s.kernel_w = s.stride_h = s.stride_w = s.dilate_h = s.dilate_w = 1;
  s.in_image = s.in_row = s.in_pixel = terms;
  s.in_channel = 1;
  s.out = (struct k_image){.height = 1, .width = 1, .image = 16, .row = 16, .pixel = 16};
  return s;
}

/* In one run from the first product to the last, these sums are 18 units off, by pieces 3.4. */
static void test_long_sums_round_little(void **state) {
  (void)state;
  enum { TERMS = 4096, BOUND = 5 };
  static float in[TERMS], weights[TERMS * K_CHANNEL_BLOCK], bias[K_CHANNEL_BLOCK], out[K_CHANNEL_BLOCK];
  kernel_case k = {.kernel = KERNEL_CONV2D_NHWC_F32, .expression = {.n_terms = 1}};
  void *buffers[] = {in, weights, bias, out};
  double error = 0, size = 0;
  k.shape.conv2d = long_sum(TERMS);
  const uint32_t n_tasks = select_tiles(&native, k.kernel, &k.shape);
  for (int round = 0; round < 20; round++) {
    for (size_t i = 0; i < TERMS; i++) in[i] = random_float();
    for (size_t i = 0; i < TERMS * K_CHANNEL_BLOCK; i++) weights[i] = random_float();
    current = &k;
    run_native(buffers, NULL, 0, n_tasks);
    for (int64_t c = 0; c < K_CHANNEL_BLOCK; c++) {
      const double exact = conv2d_at(&k.shape.conv2d, in, weights, bias, 0, 0, 0, 0, c);
      error += pow((double)out[c] - exact, 2);
      size += pow(exact, 2);
    }
  }
  const double units = sqrt(error / size) * 0x1p24;
  printf("sums of %d products: %.1f units in the last place (bound %d)\n", TERMS, units, BOUND);
  assert_true(units < BOUND);
}

typedef struct function_bound {
  const char *name;
  vf (*function)(vf);
  double (*exact)(double);
  double low, high, ulp;
} function_bound;

static double exact_sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double exact_softrelu(double x) { return log1p(exp(x)); }

static const function_bound bounds[] = {
    {"exp", x_exp, exp, -87, 88.7, 2},
    {"log", x_log, log, 1e-37, 1e38, 3},
    {"tanh", x_tanh, tanh, -20, 20, 5},
    {"sigmoid", x_sigmoid, exact_sigmoid, -80, 80, 4},
    {"softrelu", x_softrelu, exact_softrelu, -80, 80, 6},
};

static double ulp_error(double got, double want) {
  const float nearest = (float)want;
  const double ulp = (double)nextafterf(fabsf(nearest), INFINITY) - fabs((double)nearest);
  return fabs(got - want) / ulp;
}

static double worst_error(const function_bound *b) {
  enum { N = 200000 };
  const int is_log_scale = b->low > 0;
  double worst = 0;
  for (int i = 0; i < N; i++) {
    const double u = (i + 0.5) / N;
    const float x = (float)(is_log_scale ? b->low * pow(b->high / b->low, u) : b->low + (b->high - b->low) * u);
    const vf y = b->function(vec_splat(x));
    const double e = ulp_error((double)y[i % VF], b->exact((double)x));
    if (!(e <= worst)) worst = e;
  }
  return worst;
}

static void test_functions_keep_their_bounds(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
    const double worst = worst_error(&bounds[i]);
    printf("%-10s %.2f ulp (bound %.0f)\n", bounds[i].name, worst, bounds[i].ulp);
    if (!(worst <= bounds[i].ulp)) fail_msg("%s: %.2f ulp, bound %.0f", bounds[i].name, worst, bounds[i].ulp);
  }
}

static void test_special_values(void **state) {
  (void)state;
  const float inf = INFINITY, nan = NAN;
  assert_true(x_exp(vec_splat(inf))[0] == inf && x_exp(vec_splat(-inf))[0] == 0 && isnan(x_exp(vec_splat(nan))[0]));
  assert_true(x_log(vec_splat(0))[0] == -inf && x_log(vec_splat(inf))[0] == inf && isnan(x_log(vec_splat(-1))[0]));
  assert_true(x_tanh(vec_splat(inf))[0] == 1 && x_tanh(vec_splat(-inf))[0] == -1 && isnan(x_tanh(vec_splat(nan))[0]));
  assert_true(x_sigmoid(vec_splat(-inf))[0] == 0 && x_sigmoid(vec_splat(inf))[0] == 1);
  assert_true(isnan(x_relu(vec_splat(nan))[0]) && x_relu(vec_splat(-inf))[0] == 0);
  assert_true(x_softrelu(vec_splat(100))[0] == 100 && isnan(x_softrelu(vec_splat(nan))[0]));
  assert_true(isnan(x_maximum(vec_splat(nan), vec_splat(1))[0]) && x_maximum(vec_splat(2), vec_splat(1))[0] == 2);
}

int main(void) {
  __builtin_cpu_init();
  if (VF == 16 && !__builtin_cpu_supports("avx512f")) {
    printf("SKIPPED: this CPU has no AVX-512\n");
    return 77;
  }
  const struct CMUnitTest tests[] = {
#define X(NAME, name, shape_struct) cmocka_unit_test(test_##name),
#include "kernels/kernels.def"
#undef X
      cmocka_unit_test(test_long_sums_round_little),
      cmocka_unit_test(test_functions_keep_their_bounds),
      cmocka_unit_test(test_special_values),
  };
  return cmocka_run_group_tests_name("kernels", tests, NULL, NULL);
}
