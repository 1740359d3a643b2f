/* copy.c - changes of layout, and a Reshape that is a step, to the strided copy.
 *
 * The axes are the common parts of both shapes, merged where both sides have no gap
 * between them. SPDX-License-Identifier: Apache-2.0
 */
#include "lower/lower.h"
#include "passes/access.h"

typedef struct copy_axis {
  int64_t extent, in, out;
} copy_axis;

/* Two shapes have fewer common parts than dimensions in all. */
static_assert(2 * MXN_NEURONBIN_MAX_DIMS <= K_COPY_AXES, "the axes of every Reshape fit the kernel");

enum { MIN_INNER = 8 }; /* elements for which an inner loop is worth its contiguous side */

static void insert_axis(copy_axis *axes, uint32_t *n, copy_axis axis) {
  uint32_t i = (*n)++;
  for (; i > 0 && axes[i - 1].out < axis.out; i--) axes[i] = axes[i - 1];
  axes[i] = axis;
}

/* Axes outermost first, by the stride of the output. */
static uint32_t list_axes(const node *n, const placement *in, const placement *out, copy_axis *axes) {
  access_piece pieces[ACCESS_MAX_PIECES];
  uint32_t n_pieces, n_axes = 0;
  if (!access_pieces(value_type(n->inputs[0]), &n->outputs[0], pieces, &n_pieces)) return 0;
  for (uint32_t i = 0; i < n_pieces; i++) {
    const access_piece *p = &pieces[i];
    insert_axis(axes, &n_axes,
                (copy_axis){p->extent, in->stride[p->from] * p->from_inner, out->stride[p->to] * p->to_inner});
  }
  return n_axes;
}

static uint32_t merge_axes(copy_axis *axes, uint32_t n) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < n; i++) {
    copy_axis *outer = kept > 0 ? &axes[kept - 1] : NULL;
    const copy_axis inner = axes[i];
    if (outer && outer->in == inner.in * inner.extent && outer->out == inner.out * inner.extent)
      *outer = (copy_axis){outer->extent * inner.extent, inner.in, inner.out};
    else
      axes[kept++] = inner;
  }
  return kept;
}

/* How well an axis serves as the inner loop: contiguous stores before contiguous
 * loads before length alone. */
static int64_t inner_score(const copy_axis *a) {
  if (a->extent < MIN_INNER) return a->extent;
  return MIN_INNER + (a->out == 1 ? 2 : a->in == 1 ? 1 : 0);
}

static void move_inner_last(copy_axis *axes, uint32_t n) {
  uint32_t best = n - 1;
  for (uint32_t i = n; i-- > 0;)
    if (inner_score(&axes[i]) > inner_score(&axes[best])) best = i;
  const copy_axis inner = axes[best];
  for (uint32_t i = best; i + 1 < n; i++) axes[i] = axes[i + 1];
  axes[n - 1] = inner;
}

void lower_copy(compile *c, const node *n, step *s) {
  const placement in = place_operand(c, n->inputs[0]), *out = &c->placements[n->id];
  copy_axis axes[ACCESS_MAX_PIECES];
  const uint32_t n_axes = merge_axes(axes, list_axes(n, &in, out, axes));
  struct k_copy *k = &s->shape.copy;
  s->kernel = KERNEL_COPY_F32;
  *k = (struct k_copy){.rows = 1, .batch = out->batch, .channels = out->channels, .image = out->image};
  if (n_axes > 0) move_inner_last(axes, n_axes);
  for (uint32_t i = 0; i < K_COPY_AXES; i++) {
    const uint32_t added = K_COPY_AXES - n_axes;
    const copy_axis axis = i < added ? (copy_axis){.extent = 1} : axes[i - added];
    k->extent[i] = axis.extent;
    k->in[i] = axis.in;
    k->out[i] = axis.out;
    if (i + 1 < K_COPY_AXES) k->rows *= axis.extent;
  }
  step_add_buffer(c, s, in.storage, in.offset);
  step_add_buffer(c, s, out->storage, out->offset);
  build_expression(c, n, n->n_inputs, s);
}
