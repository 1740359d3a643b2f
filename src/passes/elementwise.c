/* elementwise.c - the table of elementwise operators. SPDX-License-Identifier: Apache-2.0 */
#include "passes/elementwise.h"

#include <string.h>

#include "ops/ops.h"

typedef struct rule {
  const char *op;
  const char *act_type; /* the attribute's value that the rule is for, or NULL */
  elementwise_form form;
  expression_opcode function;
  const char *number; /* the attribute with the scalar */
} rule;

static const rule rules[] = {
    {"Activation", "relu", ELEMENTWISE_UNARY, EXPRESSION_RELU, NULL},
    {"Activation", "sigmoid", ELEMENTWISE_UNARY, EXPRESSION_SIGMOID, NULL},
    {"Activation", "tanh", ELEMENTWISE_UNARY, EXPRESSION_TANH, NULL},
    {"Activation", "softrelu", ELEMENTWISE_UNARY, EXPRESSION_SOFTRELU, NULL},
    {"Activation", "softsign", ELEMENTWISE_UNARY, EXPRESSION_SOFTSIGN, NULL},
    {"LeakyReLU", "leaky", ELEMENTWISE_SCALAR, EXPRESSION_LEAKY, "slope"},
    {"LeakyReLU", "elu", ELEMENTWISE_SCALAR, EXPRESSION_ELU, "slope"},
    {"LeakyReLU", "prelu", ELEMENTWISE_BINARY, EXPRESSION_LEAKY, NULL},
    {"clip", NULL, ELEMENTWISE_CLIP, EXPRESSION_MAXIMUM, "a_min"},
#define UNARY(op, function) {op, NULL, ELEMENTWISE_UNARY, EXPRESSION_##function, NULL},
#define BINARY(op, function) {op, NULL, ELEMENTWISE_BINARY, EXPRESSION_##function, NULL},
#define SCALAR(op, function) {op, NULL, ELEMENTWISE_SCALAR, EXPRESSION_##function, "scalar"},
#define REVERSED(op, function) {op, NULL, ELEMENTWISE_SCALAR_REVERSED, EXPRESSION_##function, "scalar"},
#include "ops/compiled.def"
#undef UNARY
#undef BINARY
#undef SCALAR
#undef REVERSED
};

bool elementwise_of(const node *n, elementwise *out) {
  for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
    const rule *r = &rules[i];
    if (!op_is(n, r->op) || (r->act_type && strcmp(op_text(n, "act_type"), r->act_type) != 0)) continue;
    *out = (elementwise){.form = r->form, .function = r->function};
    if (r->number) out->number = op_float(n, r->number);
    if (r->form == ELEMENTWISE_CLIP) out->high = op_float(n, "a_max");
    return true;
  }
  return false;
}
