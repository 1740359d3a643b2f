/* pooling.c - Pooling in one to three dimensions, channels first or last.
 *
 * MXNet's rules for windows over the border: the last window of `full` may begin
 * inside and end beyond the padded input. An average counts the elements of the
 * window inside the padded input, or inside the input (count_include_pad=False).
 * A maximum over no element is the lowest number of the type; an average is 0,
 * and not a number in three dimensions.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "ops/family.h"
#include "ops/number.h"
#include "ops/window.h"

static bool is_text(const node *n, const char *name, const char *text) {
  const char *given = op_text(n, name);
  return given && strcmp(given, text) == 0;
}

/* Pooling_v1 declares none. */
static const char *layout_of(const node *n) { return op_declares(n, "layout") ? op_text(n, "layout") : NULL; }

/* "NWC", "NHWC", "NDHWC" end in C. */
static bool has_channels_last(const node *n) {
  const char *layout = layout_of(n);
  return layout && layout[strlen(layout) - 1] == 'C';
}

/* Inference. */

static int64_t divide_up(int64_t a, int64_t b) { return a / b + (a % b != 0); }

static mxn_status infer_dimension(inference *x, int32_t i, int64_t in, int64_t *out) {
  const node *n = x->node;
  const int64_t kernel = window_attribute(n, "kernel", i, 1), stride = window_attribute(n, "stride", i, 1);
  const int64_t pad = window_attribute(n, "pad", i, 0);
  int64_t padded;
  *out = -1;
  if (in < 0) return MXN_OK;
  if (__builtin_add_overflow(in, 2 * pad, &padded) || kernel > padded)
    return infer_error(x, MXN_SHAPE,
                       "the kernel of %" PRId64 " is larger than the input of %" PRId64 " with pad %" PRId64, kernel,
                       in, pad);
  if (is_text(n, "pooling_convention", "same") && op_tuple_of(n, "kernel").n == 1)
    *out = divide_up(padded, stride);
  else if (is_text(n, "pooling_convention", "valid"))
    *out = 1 + (padded - kernel) / stride;
  else
    *out = 1 + divide_up(padded - kernel, stride);
  return MXN_OK;
}

static mxn_status check_attributes(inference *x, int32_t n_spatial) {
  static const char *const names[] = {"kernel", "stride", "pad"};
  const node *n = x->node;
  if (is_text(n, "pool_type", "lp") && (op_int(n, "p_value") < 1 || op_int(n, "p_value") > 3))
    return infer_error(x, MXN_SHAPE, "p_value is %" PRId64 ", expected 1, 2 or 3", op_int(n, "p_value"));
  const char *layout = layout_of(n);
  if (layout && strlen(layout) != (size_t)n_spatial + 2)
    return infer_error(x, MXN_SHAPE, "layout %s does not fit data of %d dimensions", layout, n_spatial + 2);
  if (op_bool(n, "global_pool")) return MXN_OK;
  const bool is_same = is_text(n, "pooling_convention", "same");
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (!is_same || strcmp(names[i], "pad") != 0) TRY(window_check_tuple(x, names[i], n_spatial));
  const op_tuple pad = op_tuple_of(n, "pad");
  for (int32_t i = 0; i < pad.n && is_same; i++)
    if (pad.v[i] != 0) return infer_error(x, MXN_SHAPE, "pooling_convention same needs a pad of 0");
  return MXN_OK;
}

mxn_status pooling_shape(inference *x) {
  const node *n = x->node;
  const mxn_type *in = x->inputs[0];
  const int32_t n_kernel = op_tuple_of(n, "kernel").n;
  const bool is_global = op_bool(n, "global_pool");
  if (in->n_dims < 0) return MXN_OK;
  if (in->n_dims < 3 || in->n_dims > 5)
    return infer_error(x, MXN_SHAPE, "data has %d dimensions, expected 3 to 5", in->n_dims);
  if (!is_global && n_kernel != in->n_dims - 2)
    return infer_error(x, MXN_SHAPE, "kernel has %d values, expected %d", n_kernel < 0 ? 0 : n_kernel, in->n_dims - 2);
  TRY(check_attributes(x, in->n_dims - 2));
  const int32_t first = has_channels_last(n) ? 1 : 2;
  mxn_type out = *in;
  for (int32_t i = 0; i < in->n_dims - 2; i++) {
    if (is_global)
      out.dims[first + i] = 1;
    else
      TRY(infer_dimension(x, i, in->dims[first + i], &out.dims[first + i]));
  }
  return infer_output(x, 0, &out);
}

/* Forward. */

typedef enum pool_kind { POOL_MAX, POOL_AVERAGE, POOL_SUM, POOL_LP } pool_kind;

typedef struct pooling {
  window w;
  pool_kind kind;
  bool counts_pad, is_3d;
  int64_t power; /* of lp; 1 otherwise */    /* of lp */
  int64_t steps[SPATIAL_DIMS], channel_step; /* in the input */
  double lowest;
} pooling;

/* The part of a window inside the input, and how many elements it has with the pad. */
typedef struct range {
  int64_t begin, end, padded;
} range;

static range range_of(const window *w, int i, int64_t out) {
  range r = {.begin = out * w->stride[i] - w->pad[i]};
  r.end = r.begin + w->kernel[i];
  if (r.end > w->in[i] + w->pad[i]) r.end = w->in[i] + w->pad[i];
  r.padded = r.end - r.begin;
  if (r.begin < 0) r.begin = 0;
  if (r.end > w->in[i]) r.end = w->in[i];
  return r;
}

/* Powers of 1 to 3, as MXNet has them: no absolute value for odd ones. */
static double power_of(const pooling *p, double x) { return p->power == 1 ? x : p->power == 2 ? x * x : x * x * x; }
static double root_of(const pooling *p, double x) { return p->power == 1 ? x : p->power == 2 ? sqrt(x) : cbrt(x); }

static double reduce(const pooling *p, const double *data, const range r[SPATIAL_DIMS]) {
  double best = p->lowest, sum = 0;
  for (int64_t d = r[0].begin; d < r[0].end; d++)
    for (int64_t h = r[1].begin; h < r[1].end; h++) {
      const double *row = data + d * p->steps[0] + h * p->steps[1];
      for (int64_t i = r[2].begin; i < r[2].end; i++) {
        const double x = row[i * p->steps[2]];
        if (x > best) best = x;
        sum += power_of(p, x);
      }
    }
  if (p->kind == POOL_MAX) return best;
  if (p->kind != POOL_AVERAGE) return root_of(p, sum);
  double count = 1;
  for (int i = 0; i < SPATIAL_DIMS; i++) count *= (double)(p->counts_pad ? r[i].padded : r[i].end - r[i].begin);
  return count > 0 ? sum / count : p->is_3d && count == 0 ? NAN : 0;
}

/* One channel of one image; `step` is that of the output's pixels. */
static void pool_channel(const pooling *p, const double *in, double *out, int64_t step) {
  const window *w = &p->w;
  range r[SPATIAL_DIMS];
  for (int64_t d = 0; d < w->out[0]; d++) {
    r[0] = range_of(w, 0, d);
    for (int64_t h = 0; h < w->out[1]; h++) {
      r[1] = range_of(w, 1, h);
      for (int64_t i = 0; i < w->out[2]; i++, out += step) {
        r[2] = range_of(w, 2, i);
        *out = reduce(p, in, r);
      }
    }
  }
}

static void make_global(window *w) {
  for (int i = 0; i < SPATIAL_DIMS; i++) {
    w->kernel[i] = w->in[i];
    w->stride[i] = 1;
    w->pad[i] = 0;
  }
}

static double lowest_of(mxn_dtype dtype) {
  switch (dtype) {
    case MXN_FLOAT64: return -DBL_MAX;
    case MXN_FLOAT16: return -65504;
    case MXN_BFLOAT16: return -0x1.fep127;
    case MXN_UINT8: return 0;
    case MXN_INT8: return INT8_MIN;
    case MXN_INT32: return INT32_MIN;
    case MXN_INT64: return -0x1p63;
    default: return -FLT_MAX;
  }
}

static pooling prepare(const node *n, const mxn_type *in, const mxn_type *out) {
  static const char *const kinds[] = {"max", "avg", "sum", "lp"};
  const int32_t first = has_channels_last(n) ? 1 : 2, channel = has_channels_last(n) ? in->n_dims - 1 : 1;
  pooling p = {.w = window_of(n, in, out, first, in->n_dims - 2, false),
               .counts_pad = op_bool(n, "count_include_pad"),
               .is_3d = in->n_dims == 5,
               .power = is_text(n, "pool_type", "lp") ? op_int(n, "p_value") : 1,
               .lowest = lowest_of(in->dtype)};
  for (int k = 0; k < 4; k++)
    if (is_text(n, "pool_type", kinds[k])) p.kind = (pool_kind)k;
  if (op_bool(n, "global_pool")) make_global(&p.w);
  const int64_t channels = in->dims[channel];
  p.steps[2] = first == 1 ? channels : 1;
  p.steps[1] = p.w.in[2] * p.steps[2];
  p.steps[0] = p.w.in[1] * p.steps[1];
  p.channel_step = first == 1 ? 1 : p.w.in[0] * p.steps[0];
  return p;
}

mxn_status pooling_forward(const forward *f) {
  const mxn_type *in = &f->inputs[0].type, *out = &f->outputs[0].type;
  int64_t n_in, n_out;
  if (!shape_elements(in, &n_in) || !shape_elements(out, &n_out) || n_out == 0) return MXN_OK;
  const bool is_last = has_channels_last(f->node);
  const pooling p = prepare(f->node, in, out);
  const int64_t images = in->dims[0], channels = in->dims[is_last ? in->n_dims - 1 : 1];
  const int64_t in_image = n_in / images, out_image = n_out / images, pixels = out_image / channels;
  double *x = arena_array(f->scratch, (size_t)in_image, sizeof *x);
  double *y = arena_array(f->scratch, (size_t)out_image, sizeof *y);
  for (int64_t i = 0; i < images; i++) {
    load_doubles(&f->inputs[0], i * in_image, in_image, x);
    for (int64_t c = 0; c < channels; c++)
      pool_channel(&p, x + c * p.channel_step, y + c * (is_last ? 1 : pixels), is_last ? channels : 1);
    store_doubles(&f->outputs[0], i * out_image, out_image, y);
  }
  return MXN_OK;
}
