/* access.c - see access.h. SPDX-License-Identifier: Apache-2.0 */
#include "passes/access.h"

static bool is_one_of(const node *n, const char *const *names, size_t n_names) {
  for (size_t i = 0; i < n_names; i++)
    if (!node_is_variable(n) && op_is(n, names[i])) return true;
  return false;
}

bool is_move(const node *n) {
  static const char *const names[] = {"Reshape",   "Flatten",  "expand_dims", "squeeze",
                                      "transpose", "SwapAxis", "slice",       "slice_axis"};
  return is_one_of(n, names, sizeof names / sizeof *names);
}

bool is_reduction(const node *n) {
  static const char *const names[] = {"sum", "mean", "max", "min"};
  return is_one_of(n, names, sizeof names / sizeof *names);
}

bool node_is_access(const node *n) { return is_move(n) && !node_attribute(n, "layout"); }

static int64_t product(const mxn_type *t, int32_t begin, int32_t end) {
  int64_t p = 1;
  for (int32_t d = begin; d < end; d++) p *= t->dims[d];
  return p;
}

int64_t batch_of(const mxn_type *t) { return t->n_dims >= 1 ? t->dims[0] : 1; }
int64_t channels_of(const mxn_type *t) { return t->n_dims >= 2 ? t->dims[1] : 1; }
int64_t height_of(const mxn_type *t) { return product(t, 2, t->n_dims - 1); }
int64_t width_of(const mxn_type *t) { return t->n_dims >= 3 ? t->dims[t->n_dims - 1] : 1; }

access access_channels_last(const node *base) {
  const mxn_type *t = &base->outputs[0];
  const int32_t last = t->n_dims - 1;
  access a = {.base = base};
  for (int32_t d = 0; d <= last; d++) {
    a.along[d] = d == 0 ? ALONG_IMAGES : d == 1 ? ALONG_ELEMENTS : d == last ? ALONG_PIXELS : ALONG_ROWS;
    a.step[d] = a.along[d] == ALONG_ROWS ? product(t, d + 1, last) : 1;
  }
  return a;
}

access access_row_major(const node *base) {
  const mxn_type *t = &base->outputs[0];
  access a = {.base = base};
  for (int32_t d = 0; d < t->n_dims; d++) {
    a.along[d] = ALONG_ELEMENTS;
    a.step[d] = product(t, d + 1, t->n_dims);
  }
  return a;
}

access access_select(const access *in, const node *n, const op_selection *selection) {
  access a = {.base = in->base};
  for (int i = 0; i < N_DIRECTIONS; i++) a.first[i] = in->first[i];
  for (int32_t d = 0; d < value_type(n->inputs[0])->n_dims; d++)
    a.first[in->along[d]] += selection->begin[d] * in->step[d];
  for (int32_t d = 0; d < n->outputs[0].n_dims; d++) {
    const int32_t from = selection->axis[d];
    a.along[d] = in->along[from];
    a.step[d] = in->step[from] * selection->step[from];
  }
  return a;
}

/* Dimensions [begin, end) of more than one element are one run along one direction;
 * *out_last is the innermost of them, or -1. */
static bool is_run(const access *a, const mxn_type *t, int32_t begin, int32_t end, int32_t *out_last) {
  int32_t inner = -1;
  *out_last = -1;
  for (int32_t d = end - 1; d >= begin; d--) {
    if (t->dims[d] == 1) continue;
    if (inner < 0)
      *out_last = d;
    else if (a->along[d] != a->along[inner] || a->step[d] != a->step[inner] * t->dims[inner])
      return false;
    inner = d;
  }
  return true;
}

/* Dimensions of both shapes fall into groups of as many elements, from the first
 * on: in each the input's dimensions must be one run, which the output's divide. */
bool access_reshape(const access *in, const node *n, access *out) {
  const mxn_type *from = value_type(n->inputs[0]), *to = &n->outputs[0];
  int32_t i = 0, k = 0;
  *out = *in;
  for (int32_t d = 0; d < to->n_dims; d++) {
    out->along[d] = ALONG_ELEMENTS;
    out->step[d] = 1;
  }
  while (k < to->n_dims) {
    const int32_t i0 = i, k0 = k;
    int64_t n_from = 1, n_to = to->dims[k++];
    while (n_from != n_to) {
      if (n_from < n_to)
        n_from *= from->dims[i++];
      else
        n_to *= to->dims[k++];
    }
    int32_t last;
    if (!is_run(in, from, i0, i, &last)) return false;
    int64_t inner = 1;
    for (int32_t d = k - 1; d >= k0 && last >= 0; d--) {
      out->along[d] = in->along[last];
      out->step[d] = in->step[last] * inner;
      inner *= to->dims[d];
    }
  }
  return true;
}

bool access_is_image(const access *a, const mxn_type *t) {
  int32_t last;
  return is_run(a, t, 2, t->n_dims - 1, &last);
}

bool access_has_unit_channels(const access *a, const mxn_type *t) {
  return channels_of(t) == 1 || (a->along[1] == ALONG_ELEMENTS && a->step[1] == 1);
}

bool access_pieces(const mxn_type *from, const mxn_type *to, access_piece out[ACCESS_MAX_PIECES], uint32_t *out_n) {
  int32_t i = from->n_dims - 1, k = to->n_dims - 1;
  int64_t from_inner = 1, to_inner = 1;
  *out_n = 0;
  while (i >= 0 && k >= 0) {
    const int64_t from_left = from->dims[i] / from_inner, to_left = to->dims[k] / to_inner;
    const int64_t extent = from_left < to_left ? from_left : to_left;
    if (from_left % extent != 0 || to_left % extent != 0) return false;
    if (extent > 1) out[(*out_n)++] = (access_piece){extent, i, k, from_inner, to_inner};
    from_inner *= extent;
    to_inner *= extent;
    if (from_inner == from->dims[i]) {
      from_inner = 1;
      i--;
    }
    if (to_inner == to->dims[k]) {
      to_inner = 1;
      k--;
    }
  }
  return true;
}
