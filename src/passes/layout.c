/* layout.c - where every value lies in memory.
 *
 * Activations are channels-last. Conversions become `_copy` nodes of their own,
 * marked with the layout they make, so that the lowering sees none:
 *
 *   - an input in NCHW is read as it is by a convolution without padding; all
 *     others get a channels-last copy
 *   - Reshape and Flatten of a spatial value work on a row-major copy, and are
 *     then views
 *   - an output is written by its operator where both layouts are the same bytes,
 *     otherwise by a copy to NCHW
 *
 * Concat along channels costs nothing where its operands write into slices of
 * its storage; an operand that cannot is copied. The padding of a convolution is
 * a zero border around its input, which the step that writes the input keeps
 * zero (docs/decisions/0007). SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "graph/shape.h"
#include "ops/ops.h"
#include "passes/elementwise.h"
#include "passes/pass.h"

static const char layout_key[] = "layout";
static const char row_major[] = "row_major";
static const char channels_last[] = "channels_last";

static bool is_op(const node *n, const char *op) { return !node_is_variable(n) && op_is(n, op); }

/* Height and width of a value; 1 for fewer than four dimensions. */
static int64_t height_of(const mxn_type *t) { return t->n_dims == 4 ? t->dims[2] : 1; }
static int64_t width_of(const mxn_type *t) { return t->n_dims == 4 ? t->dims[3] : 1; }
static int64_t channels_of(const mxn_type *t) { return t->n_dims >= 2 ? t->dims[1] : 1; }
static int64_t batch_of(const mxn_type *t) { return t->n_dims >= 1 ? t->dims[0] : 1; }

/* True where NCHW and channels-last are the same bytes. */
static bool is_layout_free(const mxn_type *t) { return channels_of(t) == 1 || height_of(t) * width_of(t) == 1; }

static bool is_view(const node *n) { return is_op(n, "Flatten") || is_op(n, "Reshape"); }

/* Values that a kernel writes, and therefore anywhere we like. */
static bool is_step(const node *n) { return !node_is_variable(n) && !is_view(n); }

/* Steps that write zeros around their images. */
static bool writes_border(const node *n) { return is_step(n) && !(is_op(n, "softmax") && op_softmax_axis(n) != 1); }

static bool is_row_major(const node *n) {
  if (is_layout_free(&n->outputs[0])) return false;
  if (node_is_variable(n) || is_view(n)) return true;
  const char *made = is_op(n, "_copy") ? node_attribute(n, layout_key) : NULL;
  return made && strcmp(made, row_major) == 0;
}

/* What a node is part of: the concat it writes into. Indexed by node id. */
typedef struct layout {
  compile *c;
  const node **concat; /* NULL: has its own storage */
  int64_t *channel;    /* first channel inside it */
  struct k_image *border;
  uint32_t *output; /* index of the model's output it writes, or NO_STORAGE */
} layout;

static value copy_to(compile *c, value v, const char *made) {
  node *n = graph_add(c->graph, "_copy", v.node->name, 1, 1);
  n->inputs[0] = v;
  n->outputs[0] = *value_type(v);
  node_set_attribute(c->graph, n, layout_key, made);
  return (value){n, 0};
}

static bool has_padding(const node *n) {
  const op_tuple pad = op_tuple_of(n, "pad");
  for (int32_t i = 0; i < pad.n; i++)
    if (pad.v[i]) return true;
  return false;
}

/* Whether a node needs its data input channels-last and, for a border, in a
 * storage of ours. */
static bool needs_channels_last(const node *n, const node *input) {
  if (is_op(n, "Convolution")) return has_padding(n) && (is_row_major(input) || !writes_border(input));
  if (is_op(n, "Pooling") || is_op(n, "softmax")) return is_row_major(input);
  return false;
}

/* Reshape and Flatten need the elements in row-major order without gaps. A
 * value without spatial extent is only renamed by Flatten. */
static bool needs_row_major(const node *n, const node *input) {
  if (!is_view(n)) return false;
  const mxn_type *in = &input->outputs[0], *out = &n->outputs[0];
  if (height_of(in) * width_of(in) == 1 && height_of(out) * width_of(out) == 1 && channels_of(in) == channels_of(out))
    return false;
  return !node_is_variable(input);
}

/* A value is copied once for each layout, however many need it. */
static void convert_input(compile *c, node *n, uint32_t i, value *copies, const char *made) {
  value *copy = &copies[n->inputs[i].node->id];
  if (!copy->node) *copy = copy_to(c, n->inputs[i], made);
  n->inputs[i] = *copy;
}

static void convert_inputs(compile *c) {
  graph *g = c->graph;
  const size_t n_nodes = g->n_nodes;
  value *to_channels_last = arena_array(c->arena, n_nodes, sizeof *to_channels_last);
  value *to_row_major = arena_array(c->arena, n_nodes, sizeof *to_row_major);
  for (size_t i = 0; i < n_nodes; i++) {
    node *n = g->nodes[i];
    if (node_is_variable(n)) continue;
    if (needs_channels_last(n, n->inputs[0].node)) convert_input(c, n, 0, to_channels_last, channels_last);
    if (needs_row_major(n, n->inputs[0].node)) convert_input(c, n, 0, to_row_major, row_major);
  }
}

/* Each operand of a concat becomes a value of its own that a step writes. */
static void convert_concats(compile *c) {
  graph *g = c->graph;
  const size_t n_nodes = g->n_nodes;
  bool *taken = arena_array(c->arena, n_nodes, sizeof *taken);
  for (size_t i = 0; i < n_nodes; i++) {
    node *n = g->nodes[i];
    if (!is_op(n, "Concat")) continue;
    for (uint32_t k = 0; k < n->n_inputs; k++) {
      const node *m = n->inputs[k].node;
      const bool fits = writes_border(m) && !is_row_major(m) && m->id < n_nodes && !taken[m->id];
      if (fits)
        taken[m->id] = true;
      else
        n->inputs[k] = copy_to(c, n->inputs[k], channels_last);
    }
  }
}

static bool is_concat_operand(const graph *g, const node *n) {
  for (size_t i = 0; i < g->n_nodes; i++)
    for (uint32_t k = 0; is_op(g->nodes[i], "Concat") && k < g->nodes[i]->n_inputs; k++)
      if (g->nodes[i]->inputs[k].node == n) return true;
  return false;
}

/* Each output becomes a value that a step writes for it alone. */
static void convert_outputs(compile *c) {
  graph *g = c->graph;
  for (size_t i = 0; i < g->n_outputs; i++) {
    const node *n = g->outputs[i].node;
    const bool fits = is_step(n) && !is_op(n, "Concat") && is_layout_free(&n->outputs[0]) &&
                      graph_count_uses(g, g->outputs[i]) == 1 && !is_concat_operand(g, n);
    if (!fits) g->outputs[i] = copy_to(c, g->outputs[i], row_major);
  }
}

static int64_t max_of(int64_t a, int64_t b) { return a > b ? a : b; }

/* Pixels that a convolution reads before (axis 0: above, 1: left) and behind. */
static void window_border(const node *n, int32_t axis, int64_t *before, int64_t *behind) {
  const int64_t kernel = op_tuple_at(op_tuple_of(n, "kernel"), axis, 1),
                stride = op_tuple_at(op_tuple_of(n, "stride"), axis, 1);
  const int64_t dilate = op_tuple_at(op_tuple_of(n, "dilate"), axis, 1),
                pad = op_tuple_at(op_tuple_of(n, "pad"), axis, 0);
  const int64_t in = value_type(n->inputs[0])->dims[2 + axis], out = n->outputs[0].dims[2 + axis];
  *before = pad;
  *behind = max_of(0, (out - 1) * stride + (kernel - 1) * dilate + 1 - pad - in);
}

/* The node whose storage `n` is written into. */
static const node *root_of(const layout *l, const node *n) {
  while (l->concat[n->id]) n = l->concat[n->id];
  return n;
}

static void find_slices(layout *l) {
  const graph *g = l->c->graph;
  for (size_t i = 0; i < g->n_nodes; i++) {
    const node *n = g->nodes[i];
    if (!is_op(n, "Concat")) continue;
    int64_t channel = 0;
    for (uint32_t k = 0; k < n->n_inputs; k++) {
      l->concat[n->inputs[k].node->id] = n;
      l->channel[n->inputs[k].node->id] = channel;
      channel += channels_of(value_type(n->inputs[k]));
    }
  }
}

static void find_borders(layout *l) {
  const graph *g = l->c->graph;
  for (size_t i = 0; i < g->n_nodes; i++) {
    const node *n = g->nodes[i];
    if (!is_op(n, "Convolution") || !has_padding(n)) continue;
    struct k_image *b = &l->border[root_of(l, n->inputs[0].node)->id];
    int64_t before, behind;
    window_border(n, 0, &before, &behind);
    b->top = max_of(b->top, before);
    b->bottom = max_of(b->bottom, behind);
    window_border(n, 1, &before, &behind);
    b->left = max_of(b->left, before);
    b->right = max_of(b->right, behind);
  }
}

static void find_outputs(layout *l) {
  const graph *g = l->c->graph;
  for (size_t i = 0; i < g->n_nodes; i++) l->output[i] = NO_STORAGE;
  for (size_t i = 0; i < g->n_outputs; i++) l->output[g->outputs[i].node->id] = (uint32_t)i;
}

static placement row_major_placement(const mxn_type *t, uint32_t s) {
  const int64_t n = batch_of(t), c = channels_of(t), h = height_of(t), w = width_of(t);
  return (placement){.storage = s,
                     .batch = n,
                     .channels = c,
                     .channel = h * w,
                     .image = {.height = h, .width = w, .image = c * h * w, .row = w, .pixel = 1}};
}

static placement channels_last_placement(const mxn_type *t, uint32_t s, const struct k_image *border) {
  struct k_image i = *border;
  i.height = height_of(t);
  i.width = width_of(t);
  i.pixel = channels_of(t);
  i.row = (i.left + i.width + i.right) * i.pixel;
  i.image = (i.top + i.height + i.bottom) * i.row;
  return (placement){.storage = s,
                     .offset = i.top * i.row + i.left * i.pixel,
                     .batch = batch_of(t),
                     .channels = channels_of(t),
                     .channel = 1,
                     .image = i};
}

/* The graph's variables without a constant are its inputs, in their order. */
static uint32_t input_index(const graph *g, const node *n) {
  uint32_t index = 0;
  for (size_t i = 0; g->nodes[i] != n; i++) index += node_is_variable(g->nodes[i]) && !g->nodes[i]->constant;
  return index;
}

static placement place_variable(layout *l, const node *n) {
  const mxn_type *t = &n->outputs[0];
  if (n->constant) return (placement){.storage = NO_STORAGE};
  size_t bytes = 0;
  if (!type_bytes(t, &bytes)) bytes = 0;
  const uint32_t s = compile_add_storage(l->c, MXN_SPACE_INPUT, input_index(l->c->graph, n), bytes);
  placement p = row_major_placement(t, s);
  if (is_layout_free(t)) p = channels_last_placement(t, s, &(struct k_image){0});
  return p;
}

static placement place_view(const layout *l, const node *n) {
  const placement *in = &l->c->placements[n->inputs[0].node->id];
  const mxn_type *t = &n->outputs[0];
  if (in->image.height * in->image.width == 1 && height_of(t) * width_of(t) == 1 && channels_of(t) == in->channels) {
    placement p = *in;
    p.image.row = p.image.pixel = in->image.image;
    p.image.top = p.image.bottom = p.image.left = p.image.right = 0;
    return p;
  }
  placement p = is_layout_free(t) ? channels_last_placement(t, in->storage, &(struct k_image){0})
                                  : row_major_placement(t, in->storage);
  p.offset = in->offset;
  return p;
}

static placement place_step(layout *l, const node *n) {
  const mxn_type *t = &n->outputs[0];
  const uint32_t output = l->output[n->id];
  const bool is_output = output != NO_STORAGE;
  placement p = is_row_major(n) ? row_major_placement(t, 0) : channels_last_placement(t, 0, &l->border[n->id]);
  p.storage = compile_add_storage(l->c, is_output ? MXN_SPACE_OUTPUT : MXN_SPACE_ARENA, is_output ? output : 0,
                                  (uint64_t)(p.batch * p.image.image) * sizeof(float));
  return p;
}

/* A slice of its concat's placement, which must be there already. */
static placement place_slice(const layout *l, const node *n) {
  placement p = l->c->placements[l->concat[n->id]->id];
  p.offset += l->channel[n->id];
  p.channels = channels_of(&n->outputs[0]);
  return p;
}

static void place_all(layout *l) {
  compile *c = l->c;
  const graph *g = c->graph;
  /* Concats before their operands, hence backwards; views after their input. */
  for (size_t i = g->n_nodes; i-- > 0;) {
    const node *n = g->nodes[i];
    if (node_is_variable(n))
      c->placements[i] = place_variable(l, n);
    else if (!is_view(n))
      c->placements[i] = l->concat[i] ? place_slice(l, n) : place_step(l, n);
  }
  for (size_t i = 0; i < g->n_nodes; i++)
    if (is_view(g->nodes[i])) c->placements[i] = place_view(l, g->nodes[i]);
}

mxn_status pass_layout(compile *c, mxn_error *err) {
  convert_inputs(c);
  convert_concats(c);
  convert_outputs(c);
  graph_compact(c->graph);
  TRY(ops_bind(c->graph, err));
  const size_t n = c->graph->n_nodes;
  layout l = {.c = c,
              .concat = arena_array(c->arena, n, sizeof *l.concat),
              .channel = arena_array(c->arena, n, sizeof *l.channel),
              .border = arena_array(c->arena, n, sizeof *l.border),
              .output = arena_array(c->arena, n, sizeof *l.output)};
  c->placements = arena_array(c->arena, n, sizeof *c->placements);
  find_outputs(&l);
  find_slices(&l);
  find_borders(&l);
  place_all(&l);
  return MXN_OK;
}
