/* step.h - a lowered subgraph: kernel steps over storages, still without tile
 * sizes (codegen/select.c chooses them per target) and without addresses
 * (passes/plan_memory.c places the storages).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_LOWER_STEP_H
#define MXN_LOWER_STEP_H

#include "kernels/shapes.h"
#include "passes/elementwise.h"
#include "passes/pass.h"

typedef enum kernel_template {
#define X(NAME, name, shape) KERNEL_##NAME,
#include "kernels/kernels.def"
#undef X
  N_KERNEL_TEMPLATES
} kernel_template;

/* One operation of an expression. Operands are earlier terms. A load reads
 * buffers[buffer] at sum(at[i] * stride[i]) elements; stride[3] is between
 * lanes. All fields are written, unused ones zero: terms are compared as bytes. */
typedef struct expression_term {
  int32_t opcode;
  uint32_t operand[2];
  float constant;
  int64_t buffer;
  int64_t stride[4];
} expression_term;

enum { EXPRESSION_MAX_TERMS = 64 };

/* The root is a value and two loads at most; an operator is four terms at most (clip),
 * beside the loads of its operands. */
static_assert(3 + 4 * (MAX_FUSED + 1) + MAX_EXTRA_OPERANDS <= EXPRESSION_MAX_TERMS, "a chain fits an expression");
/* A convolution has most buffers of its own: input, weights, bias, output. */
static_assert(4 + MAX_EXTRA_OPERANDS <= MXN_STEP_MAX_BUFFERS, "operands fit a step");

/* The last term is the result. */
typedef struct expression {
  expression_term terms[EXPRESSION_MAX_TERMS];
  uint32_t n_terms;
} expression;

typedef union kernel_shape {
  struct k_conv2d conv2d;
  struct k_depthwise2d depthwise2d;
  struct k_pool2d pool2d;
  struct k_loop loop;
  struct k_copy copy;
  struct k_reduce reduce;
  struct k_softmax softmax;
  struct k_softmax_axis softmax_axis;
} kernel_shape;

/* A buffer of a step: bytes [offset, offset + bytes) of a storage. */
typedef struct step_buffer {
  uint32_t storage;
  uint64_t offset;
  uint64_t bytes;
} step_buffer;

typedef struct step {
  kernel_template kernel;
  kernel_shape shape;
  expression expression;
  step_buffer buffers[MXN_STEP_MAX_BUFFERS];
  uint32_t n_buffers;
  const char *name; /* the operators it computes: "conv1+relu1" */
  uint64_t flops;
} step;

typedef struct step_list {
  step *items;
  size_t n_items, capacity;
} step_list;

/* Bytes of the shape struct of a template, and the template's name. */
size_t kernel_shape_bytes(kernel_template kernel);
const char *kernel_name(kernel_template kernel);

/* Name and number of operands of a function term ("relu", 1). */
const char *expression_function(int32_t opcode, uint32_t *out_operands);

#endif
