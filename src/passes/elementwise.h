/* elementwise.h - which operators are elementwise, and as what functions of
 * kernels/expression.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_PASSES_ELEMENTWISE_H
#define MXN_PASSES_ELEMENTWISE_H

#include <stdbool.h>

#include "graph/graph.h"

typedef enum expression_opcode {
  EXPRESSION_VALUE,    /* what the kernel computed; 0 in a loop */
  EXPRESSION_LOAD,     /* an operand from memory */
  EXPRESSION_CONSTANT, /* one number */
#define X(NAME, name, operands) EXPRESSION_##NAME,
#include "kernels/expression.def"
#undef X
} expression_opcode;

/* How an operator calls a function. */
typedef enum elementwise_form {
  ELEMENTWISE_UNARY,           /* f(x) */
  ELEMENTWISE_BINARY,          /* f(x, y) of two tensors */
  ELEMENTWISE_SCALAR,          /* f(x, number) */
  ELEMENTWISE_SCALAR_REVERSED, /* f(number, x) */
  ELEMENTWISE_CLIP,            /* minimum(maximum(x, low), high) */
} elementwise_form;

typedef struct elementwise {
  elementwise_form form;
  expression_opcode function;
  double number, high; /* the scalar; low and high of a clip */
} elementwise;

/* True and *out filled if the node is one. Attributes decide: Activation with
 * act_type tanh is UNARY TANH. */
bool elementwise_of(const node *n, elementwise *out);

#endif
