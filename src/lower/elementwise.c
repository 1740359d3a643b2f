/* elementwise.c - expressions, fused behind a kernel or in a loop of their own.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "lower/lower.h"
#include "ops/ops.h"
#include "passes/access.h"

static uint32_t add_term(expression *e, expression_term term) {
  e->terms[e->n_terms] = term;
  return e->n_terms++;
}

static uint32_t add_function(expression *e, expression_opcode function, uint32_t a, uint32_t b) {
  return add_term(e, (expression_term){.opcode = (int32_t)function, .operand = {a, b}});
}

static uint32_t add_number(expression *e, double number) {
  return add_term(e, (expression_term){.opcode = EXPRESSION_CONSTANT, .constant = (float)number});
}

/* Sizes of an operand as an image (access.h). */
typedef struct operand_size {
  int64_t n, h, w, c;
} operand_size;

/* An operand of one dimension goes along the channels (PReLU's gamma). */
static operand_size size_of(const mxn_type *t) {
  if (t->n_dims == 1) return (operand_size){1, 1, 1, t->dims[0]};
  return (operand_size){batch_of(t), height_of(t), width_of(t), channels_of(t)};
}

/* A constant goes into the weights as it is, row-major. */
static placement place_constant(compile *c, const node *n) {
  const mxn_type *type = &n->outputs[0];
  const operand_size z = size_of(type);
  const int64_t channels = z.c, h = z.h, w = z.w;
  const uint64_t floats = (uint64_t)(z.n * channels * h * w);
  float *data;
  const uint32_t s = compile_add_weights(c, floats, &data);
  memcpy(data, n->constant->data, floats * sizeof *data);
  placement p = {.storage = s, .channel = h * w, .image = {.image = channels * h * w, .row = w, .pixel = 1}};
  int64_t stride = 1;
  for (int32_t d = type->n_dims; d-- > 0; stride *= type->dims[d]) p.stride[d] = stride;
  return p;
}

placement place_operand(compile *c, value v) {
  return v.node->constant ? place_constant(c, v.node) : c->placements[v.node->id];
}

/* Load an operand: dimensions of size one are broadcast (stride 0). */
static uint32_t add_load(compile *c, step *s, value v) {
  const operand_size z = size_of(value_type(v));
  const placement p = place_operand(c, v);
  expression_term load = {.opcode = EXPRESSION_LOAD, .buffer = s->n_buffers};
  load.stride[0] = z.n > 1 ? p.image.image : 0;
  load.stride[1] = z.h > 1 ? p.image.row : 0;
  load.stride[2] = z.w > 1 ? p.image.pixel : 0;
  load.stride[3] = z.c > 1 ? p.channel : 0;
  step_add_buffer(c, s, p.storage, p.offset);
  return add_term(&s->expression, load);
}

/* Term by term: the order of a call's arguments is up to the C compiler, the bytes of
 * a neuronbin are not. */
static void add_clip(expression *e, const elementwise *op, uint32_t operand) {
  const uint32_t low = add_number(e, op->number), raised = add_function(e, EXPRESSION_MAXIMUM, operand, low);
  const uint32_t high = add_number(e, op->high);
  add_function(e, EXPRESSION_MINIMUM, raised, high);
}

/* Append one operator; operands are terms. */
static void add_operator(expression *e, const elementwise *op, const uint32_t *operands) {
  switch (op->form) {
    case ELEMENTWISE_UNARY: add_function(e, op->function, operands[0], 0); break;
    case ELEMENTWISE_BINARY: add_function(e, op->function, operands[0], operands[1]); break;
    case ELEMENTWISE_SCALAR: add_function(e, op->function, operands[0], add_number(e, op->number)); break;
    case ELEMENTWISE_SCALAR_REVERSED: add_function(e, op->function, add_number(e, op->number), operands[0]); break;
    case ELEMENTWISE_CLIP: add_clip(e, op, operands[0]);
  }
}

void build_expression(compile *c, const node *n, uint32_t first_extra, step *s) {
  expression *e = &s->expression;
  if (e->n_terms == 0) add_term(e, (expression_term){.opcode = EXPRESSION_VALUE});
  uint32_t extra = first_extra;
  for (size_t i = 0; i < n->n_fused; i++) {
    const fused_operator *f = &n->fused[i];
    const uint32_t chain = e->n_terms - 1;
    uint32_t operands[2] = {chain, chain};
    for (uint32_t k = 0; k < f->operator->n_inputs; k++)
      if (k != f->chain) operands[k] = add_load(c, s, n->inputs[extra++]);
    elementwise op;
    if (elementwise_of(f->operator, & op)) add_operator(e, &op, operands);
  }
}

/* Pixels and channels are one run of elements where every access has no gap
 * between pixels, or does not move at all. */
static void merge_channels(step *s, struct k_loop *k) {
  if (k->out.pixel != k->channels || k->out.left || k->out.right) return;
  for (uint32_t i = 0; i < s->expression.n_terms; i++) {
    const expression_term *t = &s->expression.terms[i];
    if (t->opcode != EXPRESSION_LOAD) continue;
    const bool is_run = t->stride[3] == 1 && t->stride[2] == k->channels;
    const bool is_still = t->stride[3] == 0 && t->stride[2] == 0;
    if (!is_run && !is_still && k->out.width > 1) return;
  }
  k->channels *= k->out.width;
  k->out.pixel *= k->out.width;
  k->out.width = 1;
  for (uint32_t i = 0; i < s->expression.n_terms; i++) s->expression.terms[i].stride[2] = 0;
}

void lower_elementwise(compile *c, const node *n, step *s) {
  const placement *out = &c->placements[n->id];
  struct k_loop *k = &s->shape.loop;
  elementwise op;
  s->kernel = KERNEL_LOOP_NHWC_F32;
  *k = (struct k_loop){.batch = out->batch, .channels = out->channels, .out = out->image};
  step_add_buffer(c, s, out->storage, out->offset);
  uint32_t own = n->n_inputs;
  for (size_t i = 0; i < n->n_fused; i++) own -= n->fused[i].operator->n_inputs - 1;
  uint32_t operands[2] = {0, 0};
  for (uint32_t i = 0; i < own; i++) operands[i] = add_load(c, s, n->inputs[i]);
  if (elementwise_of(n, &op)) add_operator(&s->expression, &op, operands);
  build_expression(c, n, own, s);
  merge_channels(s, k);
}
