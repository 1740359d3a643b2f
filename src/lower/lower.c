/* lower.c - the list of lowerings, and what they share. SPDX-License-Identifier: Apache-2.0 */
#include "lower/lower.h"

#include <string.h>

#include "base/error.h"
#include "ops/ops.h"
#include "passes/access.h"

typedef struct lowering {
  const char *op;
  void (*lower)(compile *c, const node *n, step *s);
} lowering;

static const lowering lowerings[] = {
    {"Convolution", lower_convolution},
    {"FullyConnected", lower_fully_connected},
    {"Pooling", lower_pooling},
    {"softmax", lower_softmax},
    {"sum", lower_reduce},
    {"mean", lower_reduce},
    {"max", lower_reduce},
    {"min", lower_reduce},
    {"_copy", lower_copy},
    {"Reshape", lower_copy},
    {"Flatten", lower_copy},
    {"expand_dims", lower_copy},
    {"squeeze", lower_copy},
};

/* Operators that layout turned into places: nothing is left to compute. */
static bool is_place(const node *n) { return node_is_variable(n) || op_is(n, "Concat") || node_is_access(n); }

void step_add_buffer(compile *c, step *s, uint32_t number, int64_t offset) {
  const uint64_t bytes = (uint64_t)offset * sizeof(float);
  s->buffers[s->n_buffers++] =
      (step_buffer){.storage = number, .offset = bytes, .bytes = c->storages[number].bytes - bytes};
}

static const char *step_name(compile *c, const node *n) {
  const char *name = n->name;
  for (size_t i = 0; i < n->n_fused; i++) name = arena_printf(c->arena, "%s+%s", name, n->fused[i].operator->name);
  return name;
}

static void record_lifetimes(compile *c, const step *s, uint32_t index) {
  for (uint32_t i = 0; i < s->n_buffers; i++) {
    storage *b = &c->storages[s->buffers[i].storage];
    if (b->first_step == UINT32_MAX) b->first_step = index;
    b->last_step = index;
  }
}

/* Weights and bias are packed at compile time, so they must be there. */
static mxn_status check_weights(const compile *c, const node *n, mxn_error *err) {
  if (!op_is(n, "Convolution") && !op_is(n, "FullyConnected")) return MXN_OK;
  for (uint32_t i = 1; i < (op_bool(n, "no_bias") ? 2u : 3u); i++)
    if (!n->inputs[i].node->constant)
      return error_set(err, MXN_UNSUPPORTED, "%s: node '%s' (%s): '%s' has no array", c->graph->name, n->name, n->op,
                       n->inputs[i].node->name);
  return MXN_OK;
}

static mxn_status lower_node(compile *c, const node *n, step *s, mxn_error *err) {
  elementwise e;
  TRY(check_weights(c, n, err));
  s->name = step_name(c, n);
  for (size_t i = 0; i < sizeof lowerings / sizeof *lowerings; i++) {
    if (!op_is(n, lowerings[i].op)) continue;
    lowerings[i].lower(c, n, s);
    return MXN_OK;
  }
  if (!elementwise_of(n, &e))
    return error_set(err, MXN_UNSUPPORTED, "%s: node '%s' (%s): the compiler has no kernel for this operator",
                     c->graph->name, n->name, n->op);
  lower_elementwise(c, n, s);
  return MXN_OK;
}

mxn_status lower_graph(compile *c, step_list *out_steps, mxn_error *err) {
  *out_steps = (step_list){0};
  for (size_t i = 0; i < c->graph->n_nodes; i++) {
    const node *n = c->graph->nodes[i];
    if (is_place(n)) continue;
    step *s = ARENA_PUSH(c->arena, out_steps->items, out_steps->n_items, out_steps->capacity);
    memset(s, 0, sizeof *s);
    TRY(lower_node(c, n, s, err));
    record_lifetimes(c, s, (uint32_t)out_steps->n_items - 1);
  }
  return MXN_OK;
}

/* Every access of the step moves by `width` pixels from row to row. */
static bool rows_follow(const step *s, const struct k_image *out, const pixel_strides *in) {
  bool follow = out->row == out->width * out->pixel && (!in || *in->row == out->width * *in->pixel);
  for (uint32_t i = 0; i < s->expression.n_terms; i++) {
    const expression_term *t = &s->expression.terms[i];
    if (t->opcode == EXPRESSION_LOAD) follow = follow && t->stride[1] == out->width * t->stride[2];
  }
  return follow;
}

/* As rows_follow, for images of one row each. */
static bool images_follow(const step *s, const struct k_image *out, const pixel_strides *in) {
  bool follow = out->image == out->width * out->pixel && (!in || *in->image == out->width * *in->pixel);
  for (uint32_t i = 0; i < s->expression.n_terms; i++) {
    const expression_term *t = &s->expression.terms[i];
    if (t->opcode == EXPRESSION_LOAD) follow = follow && t->stride[0] == out->width * t->stride[2];
  }
  return follow;
}

/* An image of one pixel: the image stride takes the place of the pixel's. */
static void images_to_pixels(step *s, struct k_image *out, const pixel_strides *in) {
  out->pixel = out->image;
  if (in) *in->pixel = *in->image;
  for (uint32_t i = 0; i < s->expression.n_terms; i++) {
    expression_term *t = &s->expression.terms[i];
    if (t->opcode == EXPRESSION_LOAD) t->stride[2] = t->stride[0];
  }
}

static void forget_strides(step *s, struct k_image *out, const pixel_strides *in) {
  out->image = out->row = 0;
  if (in) *in->image = *in->row = 0;
  for (uint32_t i = 0; i < s->expression.n_terms; i++)
    if (s->expression.terms[i].opcode == EXPRESSION_LOAD)
      s->expression.terms[i].stride[0] = s->expression.terms[i].stride[1] = 0;
}

void merge_pixels(step *s, int64_t *batch, struct k_image *out, const pixel_strides *in) {
  if (out->top || out->left || out->bottom || out->right) return;
  if (out->height > 1) {
    if (!rows_follow(s, out, in)) return;
    out->width *= out->height;
    out->height = 1;
  }
  if (*batch > 1) {
    if (out->width == 1) images_to_pixels(s, out, in);
    if (!images_follow(s, out, in)) return;
    out->width *= *batch;
    *batch = 1;
  }
  forget_strides(s, out, in);
}
