/* shape.c - see shape.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/shape.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

mxn_type type_unknown(void) { return (mxn_type){.dtype = MXN_DTYPE_UNKNOWN, .n_dims = -1}; }

mxn_type type_of(mxn_dtype dtype, int32_t n_dims, const int64_t *dims) {
  assert(n_dims <= MXN_MAX_DIMS);
  mxn_type t = {.dtype = dtype, .n_dims = n_dims};
  for (int32_t d = 0; d < n_dims; d++) t.dims[d] = dims[d];
  return t;
}

bool shape_is_known(const mxn_type *t) {
  if (t->n_dims < 0 || t->n_dims > MXN_MAX_DIMS) return false;
  for (int32_t d = 0; d < t->n_dims; d++)
    if (t->dims[d] < 0) return false;
  return true;
}

bool shape_equal(const mxn_type *a, const mxn_type *b) {
  if (a->n_dims != b->n_dims) return false;
  for (int32_t d = 0; d < a->n_dims; d++)
    if (a->dims[d] != b->dims[d]) return false;
  return true;
}

bool shape_elements(const mxn_type *t, int64_t *out_elements) {
  if (!shape_is_known(t)) return false;
  /* A dimension of 0 must not hide an overflow of the others: strides count them. */
  int64_t elements = 1;
  bool is_empty = false;
  for (int32_t d = 0; d < t->n_dims; d++) {
    if (t->dims[d] == 0)
      is_empty = true;
    else if (__builtin_mul_overflow(elements, t->dims[d], &elements))
      return false;
  }
  *out_elements = is_empty ? 0 : elements;
  return true;
}

bool type_bytes(const mxn_type *t, size_t *out_bytes) {
  const size_t element = mxn_dtype_bytes(t->dtype);
  int64_t elements;
  return element > 0 && shape_elements(t, &elements) && !__builtin_mul_overflow((size_t)elements, element, out_bytes);
}

bool type_is_valid(const mxn_type *t) {
  if (t->n_dims < -1 || t->n_dims > MXN_MAX_DIMS) return false;
  for (int32_t d = 0; d < t->n_dims; d++)
    if (t->dims[d] < -1) return false;
  return t->dtype == MXN_DTYPE_UNKNOWN || mxn_dtype_bytes(t->dtype) > 0;
}

bool shape_merge(mxn_type *into, const mxn_type *from) {
  if (from->n_dims < 0) return true;
  mxn_type merged = *from;
  merged.dtype = into->dtype;
  if (into->n_dims >= 0) {
    if (into->n_dims != from->n_dims) return false;
    for (int32_t d = 0; d < from->n_dims; d++) {
      if (from->dims[d] < 0) merged.dims[d] = into->dims[d];
      if (into->dims[d] >= 0 && merged.dims[d] != into->dims[d]) return false;
    }
  }
  *into = merged;
  return true;
}

const char *shape_text(const mxn_type *t, char text[SHAPE_TEXT_BYTES]) {
  if (t->n_dims < 0) return snprintf(text, SHAPE_TEXT_BYTES, "?"), text;
  if (t->n_dims > MXN_MAX_DIMS) return snprintf(text, SHAPE_TEXT_BYTES, "(%" PRId32 " dimensions)", t->n_dims), text;
  /* Room for the longest number and ")" stays free, so nothing is cut inside. */
  size_t used = 0;
  text[used++] = '(';
  for (int32_t d = 0; d < t->n_dims; d++) {
    const char *comma = d ? ", " : "";
    const size_t room = SHAPE_TEXT_BYTES - used;
    if (room < 32) {
      used += (size_t)snprintf(text + used, room, "%s...", comma);
      break;
    }
    used += (size_t)(t->dims[d] < 0 ? snprintf(text + used, room, "%s?", comma)
                                    : snprintf(text + used, room, "%s%" PRId64, comma, t->dims[d]));
  }
  snprintf(text + used, SHAPE_TEXT_BYTES - used, ")");
  return text;
}
