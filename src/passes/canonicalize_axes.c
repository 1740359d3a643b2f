/* canonicalize_axes.c - operators that cut and join values along an axis.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>

#include "base/shape.h"
#include "ops/ops.h"
#include "passes/canonicalize.h"

/* One output of SliceChannel as a slice, and without the axis where it is squeezed. */
static value add_part(compile *c, const node *n, uint32_t output, int32_t axis, int64_t size) {
  mxn_type type = *value_type(n->inputs[0]);
  type.dims[axis] = size;
  node *part = add_unary(c, n, "slice_axis", n->inputs[0], &type);
  node_set_attribute(c->graph, part, "axis", arena_printf(c->arena, "%d", (int)axis));
  node_set_attribute(c->graph, part, "begin", arena_printf(c->arena, "%" PRId64, output * size));
  node_set_attribute(c->graph, part, "end", arena_printf(c->arena, "%" PRId64, (output + 1) * size));
  const value v = {part, 0};
  return op_bool(n, "squeeze_axis") ? add_reshape(c, n, v, &n->outputs[output]) : v;
}

void rewrite_parts(compile *c, rewrite *r, node *n) {
  const mxn_type *whole = value_type(n->inputs[0]);
  const int32_t axis = axis_from_front(op_int(n, "axis"), whole->n_dims);
  const int64_t size = whole->dims[axis] / op_int(n, "num_outputs");
  for (uint32_t i = 0; i < n->n_outputs; i++)
    if (rewrite_uses(r, (value){n, i})) rewrite_replace(r, (value){n, i}, add_part(c, n, i, axis, size));
}

static value swap_axes(compile *c, node *swap, int32_t axis) {
  node_set_attribute(c->graph, swap, "dim1", "1");
  node_set_attribute(c->graph, swap, "dim2", arena_printf(c->arena, "%d", (int)axis));
  return (value){swap, 0};
}

static mxn_type with_swapped_axes(const mxn_type *t, int32_t axis) {
  mxn_type swapped = *t;
  swapped.dims[1] = t->dims[axis];
  swapped.dims[axis] = t->dims[1];
  return swapped;
}

/* Along another axis than the channels: that axis takes their place for a while. */
static value put_axis_in_place(compile *c, rewrite *r, node *n, int32_t axis) {
  const mxn_type out = n->outputs[0];
  if (axis == 1) return (value){n, 0};
  for (uint32_t i = 0; i < n->n_inputs; i++) {
    const mxn_type swapped = with_swapped_axes(value_type(n->inputs[i]), axis);
    n->inputs[i] = swap_axes(c, add_unary(c, n, "SwapAxis", n->inputs[i], &swapped), axis);
  }
  n->outputs[0] = with_swapped_axes(&out, axis);
  node_set_attribute(c->graph, n, "dim", "1");
  put_behind(c, r, n, "SwapAxis", &out);
  return swap_axes(c, n, axis);
}

void rewrite_concat(compile *c, rewrite *r, node *n) {
  put_axis_in_place(c, r, n, axis_from_front(op_int(n, "dim"), n->outputs[0].n_dims));
}

/* Pad: zeros around an image that only convolutions read are theirs. */

static bool pads_convolutions(const compile *c, rewrite *r, const node *n) {
  const int64_t *pad = op_tuple_of(n, "pad_width").v;
  if (n->outputs[0].n_dims != 4 || op_float(n, "constant_value") != 0) return false;
  if (pad[0] || pad[1] || pad[2] || pad[3] || pad[4] != pad[5] || pad[6] != pad[7]) return false;
  size_t uses = 0;
  for (size_t i = 0; i < c->graph->n_nodes; i++) {
    const node *m = c->graph->nodes[i];
    uses += !node_is_variable(m) && op_is(m, "Convolution") && m->inputs[0].node == n;
  }
  return uses == rewrite_uses(r, (value){(node *)n, 0});
}

static void give_padding_away(compile *c, node *n) {
  const int64_t *pad = op_tuple_of(n, "pad_width").v;
  for (size_t i = 0; i < c->graph->n_nodes; i++) {
    node *m = c->graph->nodes[i];
    if (m->n_inputs == 0 || m->inputs[0].node != n) continue;
    const op_tuple own = op_tuple_of(m, "pad");
    node_set_attribute(c->graph, m, "pad",
                       arena_printf(c->arena, "(%" PRId64 ", %" PRId64 ")", op_tuple_at(own, 0, 0) + pad[4],
                                    op_tuple_at(own, 1, 0) + pad[6]));
    m->inputs[0] = n->inputs[0];
  }
}

static value add_fill(compile *c, const node *n, mxn_type type, int32_t axis, int64_t size) {
  float *data;
  int64_t elements = 0;
  type.dims[axis] = size;
  node *r = compile_add_constant(c, arena_printf(c->arena, "%s_fill", n->name), type.n_dims, type.dims, &data);
  if (shape_elements(&type, &elements))
    for (int64_t i = 0; i < elements; i++) data[i] = (float)op_float(n, "constant_value");
  return (value){r, 0};
}

/* Numbers before and behind, axis by axis. */
static void add_numbers(compile *c, rewrite *r, node *n) {
  const int64_t *pad = op_tuple_of(n, "pad_width").v;
  value v = n->inputs[0];
  mxn_type type = *value_type(v);
  for (int32_t d = 0; d < type.n_dims; d++) {
    const int64_t before = pad[2 * d], behind = pad[2 * d + 1];
    if (before == 0 && behind == 0) continue;
    node *joined = graph_add(c->graph, "Concat", n->name, 1 + (before != 0) + (behind != 0), 1);
    if (before) joined->inputs[0] = add_fill(c, n, type, d, before);
    joined->inputs[before != 0] = v;
    if (behind) joined->inputs[joined->n_inputs - 1] = add_fill(c, n, type, d, behind);
    type.dims[d] += before + behind;
    joined->outputs[0] = type;
    node_set_attribute(c->graph, joined, "num_args", arena_printf(c->arena, "%u", joined->n_inputs));
    node_set_attribute(c->graph, joined, "dim", "1");
    v = put_axis_in_place(c, r, joined, d);
  }
  rewrite_replace(r, (value){n, 0}, v);
}

void rewrite_pad(compile *c, rewrite *r, node *n) {
  if (pads_convolutions(c, r, n))
    give_padding_away(c, n);
  else
    add_numbers(c, r, n);
}
