/* deconvolution.c - Deconvolution: every input element adds its filter, scaled, to
 * the outputs around it; the transpose of Convolution with the same attributes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>

#include "ops/family.h"
#include "ops/number.h"
#include "ops/window.h"

/* Inference. */

static bool has_target(const node *n) {
  const op_tuple target = op_tuple_of(n, "target_shape");
  for (int32_t i = 0; i < target.n; i++)
    if (target.v[i] != 0) return true;
  return false;
}

/* How far the filters reach without pad; -1 where it overflows. */
static int64_t full_extent(const node *n, int32_t i, int64_t in) {
  const int64_t extent = window_extent(window_attribute(n, "kernel", i, 1), window_attribute(n, "dilate", i, 1));
  int64_t full;
  if (__builtin_mul_overflow(in - 1, window_attribute(n, "stride", i, 1), &full)) return -1;
  return __builtin_add_overflow(full, extent, &full) ? -1 : full;
}

/* With target_shape, half of what is too much goes on either side, and one that is
 * left over is added behind again. */
static int64_t surplus(const node *n, int32_t i, int64_t in) {
  return full_extent(n, i, in) - window_attribute(n, "target_shape", i, 0);
}

static int64_t pad_of(const node *n, int32_t i, int64_t in) {
  return has_target(n) ? (surplus(n, i, in) + 1) / 2 : window_attribute(n, "pad", i, 0);
}

static int64_t adj_of(const node *n, int32_t i, int64_t in) {
  return has_target(n) ? surplus(n, i, in) % 2 : window_attribute(n, "adj", i, 0);
}

static mxn_status infer_dimension(inference *x, int32_t i, int64_t in, int64_t *out) {
  const node *n = x->node;
  *out = -1;
  if (in < 1) return MXN_OK;
  const int64_t full = full_extent(n, i, in), pad = pad_of(n, i, in), adj = adj_of(n, i, in);
  if (has_target(n) && surplus(n, i, in) < 0)
    return infer_error(x, MXN_SHAPE, "target_shape is larger than the output of %" PRId64, full);
  if (adj >= window_attribute(n, "stride", i, 1))
    return infer_error(x, MXN_SHAPE, "adj is %" PRId64 ", expected less than the stride", adj);
  *out = full - 2 * pad + adj;
  if (full < 0 || *out < 1)
    return infer_error(x, MXN_SHAPE, "pad %" PRId64 " leaves nothing of an output of %" PRId64, pad, full);
  return MXN_OK;
}

mxn_status deconvolution_shape(inference *x) {
  const node *n = x->node;
  const int32_t n_spatial = op_tuple_of(n, "kernel").n;
  const int64_t groups = op_int(n, "num_group"), filters = op_int(n, "num_filter");
  TRY(window_check_filters(x, n_spatial));
  TRY(window_check_tuple(x, "adj", n_spatial));
  if (!op_is_none(x->node, "target_shape")) TRY(window_check_tuple(x, "target_shape", n_spatial));
  mxn_type in = {.n_dims = n_spatial + 2};
  for (int32_t d = 0; d < in.n_dims; d++) in.dims[d] = -1;
  TRY(infer_input(x, 0, &in));
  in = *x->inputs[0];
  if (in.dims[1] >= 0 && in.dims[1] % groups != 0)
    return infer_error(x, MXN_SHAPE, "%" PRId64 " input channels are not a multiple of num_group %" PRId64, in.dims[1],
                       groups);
  mxn_type weight = {.n_dims = in.n_dims, .dims = {in.dims[1], filters / groups}}, out = in;
  for (int32_t i = 0; i < n_spatial; i++) weight.dims[2 + i] = window_attribute(n, "kernel", i, 1);
  TRY(infer_input(x, 1, &weight));
  if (x->n_inputs > 2) TRY(infer_input(x, 2, &(mxn_type){.n_dims = 1, .dims = {filters}}));
  out.dims[1] = filters;
  for (int32_t i = 0; i < n_spatial; i++) TRY(infer_dimension(x, i, in.dims[2 + i], &out.dims[2 + i]));
  TRY(infer_output(x, 0, &out));
  in.dims[0] = x->outputs[0]->dims[0];
  return infer_input(x, 0, &in);
}

/* Forward. */

/* Outputs of one dimension that input element `at` reaches with tap `tap`, or -1. */
static int64_t target_of(const window *w, int i, int64_t at, int64_t tap) {
  const int64_t out = at * w->stride[i] + tap * w->dilate[i] - w->pad[i];
  return out >= 0 && out < w->out[i] ? out : -1;
}

/* One input channel's image into one output channel's, by one filter. */
static void add_image(const window *w, const double *in, const double *filter, double *out) {
  for (int64_t d = 0; d < w->in[0]; d++)
    for (int64_t h = 0; h < w->in[1]; h++, in += w->in[2])
      for (int64_t t = 0; t < w->kernel[0] * w->kernel[1]; t++) {
        const int64_t od = target_of(w, 0, d, t / w->kernel[1]), oh = target_of(w, 1, h, t % w->kernel[1]);
        if (od < 0 || oh < 0) continue;
        double *row = out + (od * w->out[1] + oh) * w->out[2];
        for (int64_t k = 0; k < w->kernel[2]; k++)
          for (int64_t i = 0; i < w->in[2]; i++) {
            const int64_t o = target_of(w, 2, i, k);
            if (o >= 0) row[o] += in[i] * filter[t * w->kernel[2] + k];
          }
      }
}

static window geometry(const node *n, const mxn_type *in, const mxn_type *out) {
  const int32_t n_spatial = in->n_dims - 2;
  window w = window_of(n, in, out, 2, n_spatial, true);
  for (int32_t i = 0; i < n_spatial; i++) w.pad[SPATIAL_DIMS - n_spatial + i] = pad_of(n, i, in->dims[2 + i]);
  return w;
}

mxn_status deconvolution_forward(const forward *f) {
  const mxn_type *in = &f->inputs[0].type, *out = &f->outputs[0].type, *weight = &f->inputs[1].type;
  int64_t n_in, n_out, n_weight;
  if (!shape_elements(in, &n_in) || !shape_elements(out, &n_out) || !shape_elements(weight, &n_weight)) return MXN_OK;
  if (n_in == 0 || n_out == 0) return MXN_OK;
  const window w = geometry(f->node, in, out);
  const int64_t channels = in->dims[1], filters = out->dims[1], groups = op_int(f->node, "num_group");
  const int64_t in_pixels = w.in[0] * w.in[1] * w.in[2], out_pixels = w.out[0] * w.out[1] * w.out[2];
  const int64_t taps = w.kernel[0] * w.kernel[1] * w.kernel[2], per_group = filters / groups;
  double *x = arena_array(f->scratch, (size_t)in_pixels, sizeof *x);
  double *filter = arena_array(f->scratch, (size_t)n_weight, sizeof *filter);
  double *y = arena_array(f->scratch, (size_t)(filters * out_pixels), sizeof *y);
  load_doubles(&f->inputs[1], 0, n_weight, filter);
  for (int64_t image = 0; image < in->dims[0]; image++) {
    for (int64_t o = 0; o < filters; o++) {
      double bias = 0;
      if (inputs_with_bias(f->node) == 3) load_doubles(&f->inputs[2], o, 1, &bias);
      for (int64_t i = 0; i < out_pixels; i++) y[o * out_pixels + i] = bias;
    }
    for (int64_t c = 0; c < channels; c++) {
      const int64_t first = c / (channels / groups) * per_group;
      load_doubles(&f->inputs[0], (image * channels + c) * in_pixels, in_pixels, x);
      for (int64_t o = 0; o < per_group; o++)
        add_image(&w, x, filter + (c * per_group + o) * taps, y + (first + o) * out_pixels);
    }
    store_doubles(&f->outputs[0], image * filters * out_pixels, filters * out_pixels, y);
  }
  return MXN_OK;
}
