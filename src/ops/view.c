/* view.c - see view.h. SPDX-License-Identifier: Apache-2.0 */
#include "ops/view.h"

#include <string.h>

#include "base/shape.h"

view view_of(const mxn_type *t) {
  view v = {0};
  int64_t step = 1;
  for (int32_t d = t->n_dims - 1; d >= 0; d--) {
    v.steps[d] = step;
    step *= t->dims[d];
  }
  return v;
}

view view_broadcast(const mxn_type *t, const mxn_type *shape) {
  const view own = view_of(t);
  const int32_t added = shape->n_dims - t->n_dims;
  view v = {0};
  for (int32_t d = 0; d < t->n_dims; d++) v.steps[d + added] = t->dims[d] == 1 ? 0 : own.steps[d];
  return v;
}

view view_diagonal(const mxn_type *t, int32_t a, int32_t b, int64_t k) {
  const view own = view_of(t);
  view v = {.start = k > 0 ? k * own.steps[b] : -k * own.steps[a]};
  int32_t at = 0;
  for (int32_t d = 0; d < t->n_dims; d++)
    if (d != a && d != b) v.steps[at++] = own.steps[d];
  v.steps[at] = own.steps[a] + own.steps[b];
  return v;
}

int64_t view_offset(int32_t n, const int64_t *dims, const int64_t *steps, int64_t index) {
  int64_t offset = 0;
  for (int32_t d = n - 1; d >= 0; d--) {
    offset += index % dims[d] * steps[d];
    index /= dims[d];
  }
  return offset;
}

/* A copy of a constant size is one instruction. */
#define COPY_CASE(bytes)                                                                        \
  case bytes:                                                                                   \
    for (int64_t i = 0; i < n; i++) memcpy(to + i * (bytes), from + i * step * (bytes), bytes); \
    break;

static void copy_row(char *to, const char *from, int64_t n, int64_t step, size_t bytes) {
  if (step == 1) {
    memcpy(to, from, (size_t)n * bytes);
    return;
  }
  switch (bytes) {
    COPY_CASE(1)
    COPY_CASE(2)
    COPY_CASE(4)
    COPY_CASE(8)
    default: break;
  }
}

void copy_view(mxn_tensor *out, const mxn_tensor *in, const view *v) {
  const mxn_type *t = &out->type;
  const size_t bytes = mxn_dtype_bytes(t->dtype);
  int64_t elements, index[MXN_MAX_DIMS] = {0}, at = v->start;
  if (!shape_elements(t, &elements) || elements == 0) return;
  const int32_t last = t->n_dims - 1;
  const int64_t length = last < 0 ? 1 : t->dims[last], step = last < 0 ? 1 : v->steps[last];
  for (int64_t done = 0; done < elements; done += length) {
    copy_row((char *)out->data + (size_t)done * bytes, (const char *)in->data + at * (int64_t)bytes, length, step,
             bytes);
    for (int32_t d = last - 1; d >= 0; d--) {
      at += v->steps[d];
      if (++index[d] < t->dims[d]) break;
      at -= index[d] * v->steps[d];
      index[d] = 0;
    }
  }
}

mxn_tensor view_copy(arena *a, const mxn_tensor *in, const view *v, const mxn_type *shape) {
  size_t bytes = 0;
  mxn_tensor out = {.type = *shape};
  out.type.dtype = in->type.dtype;
  (void)!type_bytes(&out.type, &bytes);
  out.data = arena_alloc(a, bytes + 1);
  copy_view(&out, in, v);
  return out;
}

mxn_tensor view_transposed(arena *a, const mxn_tensor *in, const int32_t *order) {
  const view own = view_of(&in->type);
  mxn_type shape = in->type;
  view v = {0};
  for (int32_t d = 0; d < shape.n_dims; d++) {
    shape.dims[d] = in->type.dims[order[d]];
    v.steps[d] = own.steps[order[d]];
  }
  return view_copy(a, in, &v, &shape);
}

int64_t **identity_maps(arena *a, const mxn_type *shape) {
  int64_t **maps = arena_array(a, MXN_MAX_DIMS, sizeof *maps);
  for (int32_t d = 0; d < shape->n_dims; d++) {
    maps[d] = arena_array(a, (size_t)shape->dims[d] + 1, sizeof **maps);
    for (int64_t i = 0; i < shape->dims[d]; i++) maps[d][i] = i;
  }
  return maps;
}

/* Where element i of `out` comes from; -1 from nowhere. */
static int64_t mapped_element(const mxn_type *out, const view *in, int64_t *const *maps, int64_t i) {
  int64_t at = 0;
  for (int32_t d = out->n_dims - 1; d >= 0; d--) {
    const int64_t from = maps[d][i % out->dims[d]];
    if (from < 0) return -1;
    at += from * in->steps[d];
    i /= out->dims[d];
  }
  return at;
}

void copy_mapped(mxn_tensor *out, const mxn_tensor *in, int64_t *const *maps) {
  const size_t bytes = mxn_dtype_bytes(out->type.dtype);
  const view v = view_of(&in->type);
  int64_t elements = 0;
  if (!shape_elements(&out->type, &elements)) return;
  for (int64_t i = 0; i < elements; i++) {
    const int64_t from = mapped_element(&out->type, &v, maps, i);
    if (from < 0) continue;
    memcpy((char *)out->data + (size_t)i * bytes, (const char *)in->data + (size_t)from * bytes, bytes);
  }
}
