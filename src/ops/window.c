/* window.c - see window.h. SPDX-License-Identifier: Apache-2.0 */
#include "ops/window.h"

#include <inttypes.h>

int64_t window_attribute(const node *n, const char *name, int32_t i, int64_t otherwise) {
  const op_tuple t = op_tuple_of(n, name);
  return i < t.n ? t.v[i] : otherwise;
}

mxn_status window_check_tuple(inference *x, const char *name, int32_t expected) {
  const op_tuple t = op_tuple_of(x->node, name);
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
