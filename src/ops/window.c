/* window.c - see window.h. SPDX-License-Identifier: Apache-2.0 */
#include "ops/window.h"

#include <inttypes.h>
#include <string.h>

int64_t window_attribute(const node *n, const char *name, int32_t i, int64_t otherwise) {
  const op_tuple t = op_tuple_of(n, name);
  return i < t.n ? t.v[i] : otherwise;
}

mxn_status window_check_tuple(inference *x, const char *name, int32_t expected) {
  const op_tuple t = op_tuple_of(x->node, name);
  if (t.n < 0) return infer_error(x, MXN_SHAPE, "%s is None, expected %d values", name, expected);
  if (t.n > 0 && t.n != expected)
    return infer_error(x, MXN_SHAPE, "%s has %d values, expected %d", name, t.n, expected);
  for (int32_t i = 0; i < t.n; i++)
    if (t.v[i] < 0 || t.v[i] > INT32_MAX)
      return infer_error(x, MXN_SHAPE, "%s is out of range: %" PRId64, name, t.v[i]);
  return MXN_OK;
}

window window_of(const node *n, const mxn_type *in, const mxn_type *out, int32_t first, int32_t n_spatial,
                 bool has_dilate) {
  window w;
  for (int32_t i = 0; i < SPATIAL_DIMS; i++) {
    const int32_t own = i - (SPATIAL_DIMS - n_spatial);
    const bool is_own = own >= 0;
    w.in[i] = is_own ? in->dims[first + own] : 1;
    w.out[i] = is_own ? out->dims[first + own] : 1;
    w.kernel[i] = is_own ? window_attribute(n, "kernel", own, 1) : 1;
    w.stride[i] = is_own ? window_attribute(n, "stride", own, 1) : 1;
    w.dilate[i] = is_own && has_dilate ? window_attribute(n, "dilate", own, 1) : 1;
    w.pad[i] = is_own ? window_attribute(n, "pad", own, 0) : 0;
  }
  return w;
}

static const char *const layouts[] = {"NCW", "NCHW", "NCDHW"};

mxn_status window_check_filters(inference *x, int32_t n_spatial) {
  static const char *const names[] = {"kernel", "stride", "dilate", "pad"};
  const node *n = x->node;
  const char *layout = op_text(n, "layout");
  if (n_spatial < 1 || n_spatial > SPATIAL_DIMS)
    return infer_error(x, MXN_SHAPE, "kernel has %d values, expected 1 to 3", n_spatial);
  if (layout && strcmp(layout, layouts[n_spatial - 1]) != 0)
    return infer_error(x, MXN_UNSUPPORTED, "layout %s is not supported, expected %s", layout, layouts[n_spatial - 1]);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) TRY(window_check_tuple(x, names[i], n_spatial));
  if (op_int(n, "num_filter") % op_int(n, "num_group") != 0)
    return infer_error(x, MXN_SHAPE, "num_filter %" PRId64 " is not a multiple of num_group %" PRId64,
                       op_int(n, "num_filter"), op_int(n, "num_group"));
  return MXN_OK;
}
