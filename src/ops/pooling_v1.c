/* pooling_v1.c - Pooling_v1: as Pooling, but the pad is zeros like any other, for a
 * maximum too, and an average always divides by the whole kernel.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <string.h>

#include "ops/family.h"
#include "ops/number.h"
#include "ops/window.h"

enum { N, C, H, W };

mxn_status pooling_v1_shape(inference *x) {
  const mxn_type image = {.n_dims = 4, .dims = {-1, -1, -1, -1}};
  TRY(infer_input(x, 0, &image));
  return pooling_shape(x);
}

typedef struct axis {
  int64_t in, kernel, stride, pad;
} axis;

static axis axis_of(const forward *f, int32_t i) {
  const int64_t in = f->inputs[0].type.dims[H + i];
  if (op_bool(f->node, "global_pool")) return (axis){in, in, 1, 0};
  return (axis){in, window_attribute(f->node, "kernel", i, 1), window_attribute(f->node, "stride", i, 1),
                window_attribute(f->node, "pad", i, 0)};
}

/* The window of output `out`, cut where the pad ends. */
static void window_range(const axis *a, int64_t out, int64_t *begin, int64_t *end) {
  *begin = out * a->stride - a->pad;
  *end = *begin + a->kernel;
  if (*end > a->in + a->pad) *end = a->in + a->pad;
}

static double reduce_window(const double *plane, const axis *y, const axis *x, int64_t row, int64_t column,
                            double *out_sum) {
  int64_t top, bottom, left, right;
  double best = -INFINITY;
  window_range(y, row, &top, &bottom);
  window_range(x, column, &left, &right);
  *out_sum = 0;
  for (int64_t h = top; h < bottom; h++)
    for (int64_t w = left; w < right; w++) {
      const bool is_inside = h >= 0 && h < y->in && w >= 0 && w < x->in;
      const double pixel = is_inside ? plane[h * x->in + w] : 0;
      if (pixel > best) best = pixel;
      *out_sum += pixel;
    }
  return best;
}

mxn_status pooling_v1_forward(const forward *f) {
  const int64_t *in = f->inputs[0].type.dims, *to = f->outputs[0].type.dims;
  const axis y = axis_of(f, 0), x = axis_of(f, 1);
  const char *type = op_text(f->node, "pool_type");
  const bool is_max = strcmp(type, "max") == 0;
  const double divisor = strcmp(type, "avg") == 0 ? (double)(y.kernel * x.kernel) : 1;
  double *plane = arena_array(f->scratch, (size_t)(in[H] * in[W]), sizeof *plane);
  double *out = arena_array(f->scratch, (size_t)(to[H] * to[W]), sizeof *out);
  for (int64_t p = 0; p < in[N] * in[C]; p++) {
    load_doubles(&f->inputs[0], p * in[H] * in[W], in[H] * in[W], plane);
    for (int64_t i = 0; i < to[H] * to[W]; i++) {
      double sum;
      const double best = reduce_window(plane, &y, &x, i / to[W], i % to[W], &sum);
      out[i] = is_max ? best : sum / divisor;
    }
    store_doubles(&f->outputs[0], p * to[H] * to[W], to[H] * to[W], out);
  }
  return MXN_OK;
}
