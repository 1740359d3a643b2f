/* layout.c - where every value lies in memory.
 *
 * Activations are channels-last. Conversions become `_copy` nodes of their own,
 * marked with the layout they make, so that the lowering sees none:
 *
 *   - operators that move elements are accesses of what their input's step wrote
 *     (access.h). A Reshape that is none becomes a step, marked channels-last, that
 *     writes its result; where the two shapes have no common parts it is an access
 *     of a row-major copy
 *   - an input in NCHW is read as it is by a convolution without padding and by
 *     elementwise operators; all others get a channels-last copy
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
#include "base/shape.h"
#include "ops/ops.h"
#include "passes/access.h"
#include "passes/pass.h"
#include "passes/rewrite.h"

static const char layout_key[] = "layout";
static const char row_major[] = "row_major";
static const char channels_last[] = "channels_last";

static bool is_op(const node *n, const char *op) { return !node_is_variable(n) && op_is(n, op); }

/* True where NCHW and channels-last are the same bytes. */
static bool is_layout_free(const mxn_type *t) { return channels_of(t) == 1 || height_of(t) * width_of(t) == 1; }

static bool has_layout(const node *n, const char *made) {
  const char *text = node_is_variable(n) ? NULL : node_attribute(n, layout_key);
  return text && !strcmp(text, made);
}

/* Values that a kernel writes, and therefore anywhere we like. */
static bool is_step(const node *n) { return !node_is_variable(n) && !node_is_access(n); }

/* Steps that write zeros around their images. */
static bool writes_border(const node *n) {
  return is_step(n) && !has_layout(n, row_major) && !(is_op(n, "softmax") && op_softmax_axis(n) != 1);
}

/* What a node is part of: the concat it writes into. Indexed by node id. */
typedef struct layout {
  compile *c;
  const node **concat; /* NULL: has its own storage */
  int64_t *channel;    /* first channel inside it */
  struct k_image *border;
  uint32_t *input;  /* of a variable: index of the model's input */
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

static access own_access(const node *n) {
  return node_is_variable(n) || has_layout(n, row_major) ? access_row_major(n) : access_channels_last(n);
}

/* How the value of a node is accessed, by that of its input; false for a Reshape
 * that is no access of it. */
static bool derive_access(const node *n, const access *in, access *out) {
  op_selection selection;
  if (!node_is_access(n)) {
    *out = own_access(n);
    return true;
  }
  if (!op_selection_of(n, 0, &selection)) return access_reshape(in, n, out);
  *out = access_select(in, n, &selection);
  return true;
}

/* Whether a kernel can read input i of `n` as it lies: for a convolution with a
 * border, for pooling, softmax and reductions with channels one behind the other. */
static bool can_read(const node *n, uint32_t i, const access *a) {
  const mxn_type *t = value_type(n->inputs[i]);
  if (!access_is_image(a, t)) return false;
  if (i > 0) return true;
  if (is_op(n, "Convolution") && has_padding(n)) return writes_border(n->inputs[0].node);
  if (is_op(n, "Pooling") || is_op(n, "softmax") || is_reduction(n)) return access_has_unit_channels(a, t);
  return true;
}

typedef struct conversion {
  compile *c;
  size_t n_nodes;   /* without the copies */
  access *accesses; /* by id, without the copies */
  value *to_channels_last, *to_row_major;
} conversion;

static access access_of(const conversion *x, const node *n) {
  return n->id < x->n_nodes ? x->accesses[n->id] : own_access(n);
}

/* A value is copied once for each layout, however many need it. */
static void convert_input(const conversion *x, node *n, uint32_t i, value *copies, const char *made) {
  value *copy = &copies[n->inputs[i].node->id];
  if (!copy->node) *copy = copy_to(x->c, n->inputs[i], made);
  n->inputs[i] = *copy;
}

/* A Reshape that is no access of its input: a step, or an access of a copy. */
static void convert_reshape(const conversion *x, node *n) {
  access_piece pieces[ACCESS_MAX_PIECES];
  uint32_t n_pieces;
  if (access_pieces(value_type(n->inputs[0]), &n->outputs[0], pieces, &n_pieces))
    node_set_attribute(x->c->graph, n, layout_key, channels_last);
  else
    convert_input(x, n, 0, x->to_row_major, row_major);
}

static void convert_node(conversion *x, node *n) {
  access in = {0};
  for (uint32_t i = 0; i < n->n_inputs && !node_is_variable(n); i++) {
    if (n->inputs[i].node->constant) continue;
    const access a = access_of(x, n->inputs[i].node);
    if (i == 0) in = a;
    if (!is_move(n) && !is_op(n, "Concat") && !can_read(n, i, &a))
      convert_input(x, n, i, x->to_channels_last, channels_last);
  }
  if (derive_access(n, &in, &x->accesses[n->id])) return;
  convert_reshape(x, n);
  in = access_of(x, n->inputs[0].node);
  (void)!derive_access(n, &in, &x->accesses[n->id]);
}

static void convert_inputs(compile *c) {
  const size_t n = c->graph->n_nodes;
  conversion x = {.c = c,
                  .n_nodes = n,
                  .accesses = arena_array(c->arena, n, sizeof *x.accesses),
                  .to_channels_last = arena_array(c->arena, n, sizeof *x.to_channels_last),
                  .to_row_major = arena_array(c->arena, n, sizeof *x.to_row_major)};
  for (size_t i = 0; i < n; i++) convert_node(&x, c->graph->nodes[i]);
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
      const bool fits = writes_border(m) && m->id < n_nodes && !taken[m->id];
      if (fits)
        taken[m->id] = true;
      else
        n->inputs[k] = copy_to(c, n->inputs[k], channels_last);
    }
  }
}

static bool *find_concat_operands(const graph *g) {
  bool *is_operand = arena_array(g->arena, g->n_nodes, sizeof *is_operand);
  for (size_t i = 0; i < g->n_nodes; i++)
    for (uint32_t k = 0; is_op(g->nodes[i], "Concat") && k < g->nodes[i]->n_inputs; k++)
      is_operand[g->nodes[i]->inputs[k].node->id] = true;
  return is_operand;
}

/* Each output becomes a value that a step writes for it alone. */
static void convert_outputs(compile *c) {
  graph *g = c->graph;
  rewrite r = rewrite_begin(g); /* a copy reads in the output's place */
  const bool *is_operand = find_concat_operands(g);
  for (size_t i = 0; i < g->n_outputs; i++) {
    const node *n = g->outputs[i].node;
    const bool fits = is_step(n) && !is_op(n, "Concat") && is_layout_free(&n->outputs[0]) &&
                      rewrite_uses(&r, g->outputs[i]) == 1 && !is_operand[n->id];
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

/* Outputs have their caller's layout, and one pixel has no next one. */
static int64_t pixel_stride(const mxn_type *t, mxn_space space) {
  const bool has_gaps = space == MXN_SPACE_ARENA && height_of(t) * width_of(t) > 1;
  return has_gaps ? k_pixel_stride(channels_of(t)) : channels_of(t);
}

static placement channels_last_placement(const mxn_type *t, const struct k_image *border, int64_t pixel) {
  struct k_image i = *border;
  i.height = height_of(t);
  i.width = width_of(t);
  i.pixel = pixel;
  i.row = (i.left + i.width + i.right) * i.pixel;
  i.image = (i.top + i.height + i.bottom) * i.row;
  return (placement){.offset = i.top * i.row + i.left * i.pixel,
                     .batch = batch_of(t),
                     .channels = channels_of(t),
                     .channel = 1,
                     .image = i};
}

/* The graph's variables without a constant are its inputs, in their order. */
static void number_inputs(layout *l) {
  const graph *g = l->c->graph;
  uint32_t index = 0;
  for (size_t i = 0; i < g->n_nodes; i++)
    if (node_is_variable(g->nodes[i]) && !g->nodes[i]->constant) l->input[i] = index++;
}

/* Dimensions of one element have the stride that they would have in a tensor
 * without gaps, so that they do not keep kernels from merging loops. */
static void close_gaps(placement *p) {
  struct k_image *i = &p->image;
  if (p->channels == 1) p->channel = 1;
  if (i->width == 1) i->pixel = p->channels * p->channel;
  if (i->height == 1) i->row = i->width * i->pixel;
}

/* The value of a node through its access of what lies at `base`. */
static placement place_access(const access *a, const mxn_type *t, const placement *base) {
  const int64_t strides[N_DIRECTIONS] = {base->image.image, 1, base->image.row, base->image.pixel};
  const int32_t last = t->n_dims - 1;
  placement p = {.storage = base->storage, .offset = base->offset, .batch = batch_of(t), .channels = channels_of(t)};
  p.image.height = height_of(t);
  p.image.width = width_of(t);
  for (int i = 0; i < N_DIRECTIONS; i++) p.offset += a->first[i] * strides[i];
  for (int32_t d = 0; d <= last; d++) p.stride[d] = strides[a->along[d]] * a->step[d];
  p.image.image = last >= 0 ? p.stride[0] : 0;
  p.channel = last >= 1 ? p.stride[1] : 1;
  p.image.pixel = last >= 2 ? p.stride[last] : 0;
  for (int32_t d = 2; d < last; d++)
    if (t->dims[d] > 1) p.image.row = p.stride[d];
  close_gaps(&p);
  return p;
}

static void set_strides(placement *p, const node *n) {
  const access own = access_channels_last(n);
  const placement whole = place_access(&own, &n->outputs[0], p);
  memcpy(p->stride, whole.stride, sizeof p->stride);
}

static placement place_dense(const node *n, uint32_t s) {
  const access own = access_row_major(n);
  return place_access(&own, &n->outputs[0], &(placement){.storage = s});
}

static placement place_variable(layout *l, const node *n) {
  size_t bytes = 0;
  if (n->constant) return (placement){.storage = NO_STORAGE};
  if (!type_bytes(&n->outputs[0], &bytes)) bytes = 0;
  return place_dense(n, compile_add_storage(l->c, MXN_SPACE_INPUT, l->input[n->id], bytes));
}

static placement place_step(layout *l, const node *n) {
  const bool is_output = l->output[n->id] != NO_STORAGE;
  const mxn_space space = is_output ? MXN_SPACE_OUTPUT : MXN_SPACE_ARENA;
  const uint32_t index = is_output ? l->output[n->id] : 0;
  size_t bytes = 0;
  if (has_layout(n, row_major)) {
    if (!type_bytes(&n->outputs[0], &bytes)) bytes = 0;
    return place_dense(n, compile_add_storage(l->c, space, index, bytes));
  }
  placement p = channels_last_placement(&n->outputs[0], &l->border[n->id], pixel_stride(&n->outputs[0], space));
  p.storage = compile_add_storage(l->c, space, index, (uint64_t)(p.batch * p.image.image) * sizeof(float));
  set_strides(&p, n);
  return p;
}

/* A slice of its concat's placement, which must be there already. */
static placement place_slice(const layout *l, const node *n) {
  placement p = l->c->placements[l->concat[n->id]->id];
  p.offset += l->channel[n->id];
  p.channels = channels_of(&n->outputs[0]);
  set_strides(&p, n);
  return p;
}

static void place_steps(layout *l) {
  compile *c = l->c;
  /* Concats before their operands, hence backwards. */
  for (size_t i = c->graph->n_nodes; i-- > 0;) {
    const node *n = c->graph->nodes[i];
    if (node_is_variable(n))
      c->placements[i] = place_variable(l, n);
    else if (is_step(n))
      c->placements[i] = l->concat[i] ? place_slice(l, n) : place_step(l, n);
  }
}

static void place_accesses(layout *l) {
  compile *c = l->c;
  const graph *g = c->graph;
  access *accesses = arena_array(c->arena, g->n_nodes, sizeof *accesses);
  for (size_t i = 0; i < g->n_nodes; i++) {
    const node *n = g->nodes[i];
    (void)!derive_access(n, n->n_inputs ? &accesses[n->inputs[0].node->id] : NULL, &accesses[i]);
    if (node_is_access(n))
      c->placements[i] = place_access(&accesses[i], &n->outputs[0], &c->placements[accesses[i].base->id]);
  }
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
              .input = arena_array(c->arena, n, sizeof *l.input),
              .output = arena_array(c->arena, n, sizeof *l.output)};
  c->placements = arena_array(c->arena, n, sizeof *c->placements);
  number_inputs(&l);
  find_outputs(&l);
  find_slices(&l);
  find_borders(&l);
  place_steps(&l);
  place_accesses(&l);
  return MXN_OK;
}
