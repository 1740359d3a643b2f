/* bench_kernels.c - the direct convolution over the layer shapes of real models.
 *
 *     bench_kernels [--target T] SHAPES.txt...
 *
 * For each layer and each target that this CPU runs: the result is checked
 * against a plain reference first; then minimum and median of a run on one
 * core, GFLOP/s of the minimum and its share of the FMA peak, which is measured
 * in turns with the kernel in the same run. SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "cli/commands.h"
#include "cli/peak.h"
#include "codegen/select.h"
#include "codegen/specialize.h"
#include "codegen/target.h"

enum { RUNS = 21 };

typedef struct layer {
  char name[64];
  int64_t h, w, in, out, kernel, stride, pad;
} layer;

/* For cli/peak.c, too. */
double now_seconds(void) { return (double)clock_ns() / 1e9; }

static float *random_floats(size_t n) {
  float *p = aligned_alloc(64, (n * sizeof *p + 63) / 64 * 64);
  uint32_t x = 12345;
  for (size_t i = 0; p && i < n; i++) {
    x = x * 1664525u + 1013904223u;
    p[i] = (float)(x >> 8) / 8388608.0f - 1.0f;
  }
  return p;
}

/* As the layout places activations and the lowering reads them: gaps between pixels of many channels, where there are
 * none the kernel's columns as one. */
static struct k_conv2d shape_of(const layer *l) {
  const int64_t in_h = l->h + 2 * l->pad, in_w = l->w + 2 * l->pad;
  const int64_t pixel = k_pixel_stride(l->in), columns = pixel == l->in ? 1 : l->kernel;
  struct k_conv2d s = {.batch = 1,
                       .groups = 1,
                       .in_channels = l->in * l->kernel / columns,
                       .out_channels = l->out,
                       .kernel_h = l->kernel,
                       .kernel_w = columns,
                       .stride_h = l->stride,
                       .stride_w = l->stride,
                       .dilate_h = 1,
                       .dilate_w = 1,
                       .in_image = in_h * in_w * pixel,
                       .in_row = in_w * pixel,
                       .in_pixel = pixel,
                       .in_channel = 1};
  const int64_t h = (in_h - l->kernel) / l->stride + 1, w = (in_w - l->kernel) / l->stride + 1;
  const int is_row = l->kernel == 1 && l->stride == 1;
  s.out.height = is_row ? 1 : h;
  s.out.width = is_row ? h * w : w;
  s.out.pixel = l->out;
  s.out.row = s.out.width * l->out;
  s.out.image = h * w * l->out;
  return s;
}

static double reference(const struct k_conv2d *s, const float *in, const float *w, int64_t y, int64_t x, int64_t oc) {
  double sum = 0;
  for (int64_t kh = 0; kh < s->kernel_h; kh++)
    for (int64_t kw = 0; kw < s->kernel_w; kw++)
      for (int64_t ic = 0; ic < s->in_channels; ic++)
        sum += (double)in[(y * s->stride_h + kh) * s->in_row + (x * s->stride_w + kw) * s->in_pixel + ic] *
               (double)w[(((oc / 16 * s->kernel_h + kh) * s->kernel_w + kw) * s->in_channels + ic) * 16 + oc % 16];
  return sum;
}

static int is_right(const struct k_conv2d *s, const float *in, const float *w, const float *out) {
  const double slack = 1e-6 * (double)(s->kernel_h * s->kernel_w * s->in_channels + 10);
  for (int i = 0; i < 500; i++) {
    const int64_t y = (i * 7) % s->out.height, x = (i * 13) % s->out.width, oc = (i * 31) % s->out_channels;
    if (fabs(reference(s, in, w, y, x, oc) - (double)out[y * s->out.row + x * s->out.pixel + oc]) > slack) return 0;
  }
  return 1;
}

static int compare_doubles(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Print one line; false where the result is wrong or nothing could be made. */
static int bench_layer(const target *t, const layer *l) {
  arena a;
  linked_code code;
  uint64_t entry;
  mxn_error err = {0};
  expression e = {.terms = {{.opcode = EXPRESSION_VALUE}}, .n_terms = 1};
  specialisation k = {.kernel = KERNEL_CONV2D_NHWC_F32, .expression = &e};
  k.shape.conv2d = shape_of(l);
  const struct k_conv2d *s = &k.shape.conv2d;
  const uint32_t n_tasks = select_tiles(t, k.kernel, &k.shape);
  arena_init(&a);
  const double start = now_seconds();
  if (specialize(&a, t, &k, 1, &code, &entry, &err)) {
    printf("%s: %s\n", l->name, err.message);
    return 0;
  }
  const double compile_ms = (now_seconds() - start) * 1e3;
  const int64_t blocks = (l->out + 15) / 16 * 16;
  float *in = random_floats((size_t)s->in_image), *out = random_floats((size_t)s->out.image);
  float *w = random_floats((size_t)(blocks * l->kernel * l->kernel * l->in)), *bias = calloc((size_t)blocks, 4);
  char *map = mmap(NULL, code.n_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memcpy(map, code.bytes, code.n_bytes);
  mprotect(map, code.n_bytes, PROT_READ | PROT_EXEC);
  mxn_kernel run = (mxn_kernel)(void *)(map + entry);
  void *buffers[] = {in, w, bias, out};
  double times[RUNS], peak = 0;
  run(buffers, NULL, 0, n_tasks);
  const int right = is_right(s, in, w, out);
  for (int i = 0; i < RUNS; i++) {
    const double begin = now_seconds();
    run(buffers, NULL, 0, n_tasks);
    times[i] = now_seconds() - begin;
    if (i % 7 == 0) peak = fmax(peak, measure_peak_gflops(t->name, 1));
  }
  qsort(times, RUNS, sizeof *times, compare_doubles);
  const double gflops =
      2e-9 * (double)(s->out.height * s->out.width * l->in * l->out * l->kernel * l->kernel) / times[0];
  printf("%-20s %-10s tile %2ldx%ld %4zu KB %4.0f ms  %8.3f %8.3f ms  %6.1f GFLOP/s  %3.0f %% of %.0f  %s\n", l->name,
         t->name, (long)s->tile_pixels, (long)s->tile_blocks, code.n_bytes / 1024, compile_ms, times[0] * 1e3,
         times[RUNS / 2] * 1e3, gflops, 100 * gflops / peak, peak, right ? "right" : "WRONG");
  munmap(map, code.n_bytes);
  free(in);
  free(out);
  free(w);
  free(bias);
  arena_finish(&a);
  return right;
}

static int cpu_runs(const target *t) {
  return t->level == 4 ? __builtin_cpu_supports("x86-64-v4") : __builtin_cpu_supports("x86-64-v3");
}

static int bench_file(const char *path, const target *const *targets, size_t n_targets) {
  FILE *f = fopen(path, "r");
  char line[256];
  int right = f != NULL;
  if (!f) fprintf(stderr, "%s: cannot read\n", path);
  while (f && fgets(line, sizeof line, f)) {
    layer l;
    if (line[0] == '#' || sscanf(line, "%63s %ld %ld %ld %ld %ld %ld %ld", l.name, &l.h, &l.w, &l.in, &l.out, &l.kernel,
                                 &l.stride, &l.pad) != 8)
      continue;
    for (size_t i = 0; i < n_targets; i++)
      if (cpu_runs(targets[i])) right &= bench_layer(targets[i], &l);
  }
  if (f) fclose(f);
  return right;
}

int main(int argc, char **argv) {
  const target *targets[MAX_TARGETS];
  size_t n_targets = 0;
  mxn_error err = {0};
  int first = 1, right = 1;
  const char *names = NULL;
  if (argc > 2 && !strcmp(argv[1], "--target")) {
    names = argv[2];
    first = 3;
  }
  if (target_parse(names, targets, &n_targets, &err)) {
    fprintf(stderr, "bench_kernels: %s\n", err.message);
    return 2;
  }
  printf("one core; minimum and median of %d runs; FMA peak measured in turns\n", RUNS);
  for (int i = first; i < argc; i++) right &= bench_file(argv[i], targets, n_targets);
  return right ? 0 : 1;
}
