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
    {"relu", NULL, ELEMENTWISE_UNARY, EXPRESSION_RELU, NULL},
    {"sigmoid", NULL, ELEMENTWISE_UNARY, EXPRESSION_SIGMOID, NULL},
    {"tanh", NULL, ELEMENTWISE_UNARY, EXPRESSION_TANH, NULL},
    {"exp", NULL, ELEMENTWISE_UNARY, EXPRESSION_EXP, NULL},
    {"log", NULL, ELEMENTWISE_UNARY, EXPRESSION_LOG, NULL},
    {"sqrt", NULL, ELEMENTWISE_UNARY, EXPRESSION_SQRT, NULL},
    {"square", NULL, ELEMENTWISE_UNARY, EXPRESSION_SQUARE, NULL},
    {"abs", NULL, ELEMENTWISE_UNARY, EXPRESSION_ABSOLUTE, NULL},
    {"negative", NULL, ELEMENTWISE_UNARY, EXPRESSION_NEGATIVE, NULL},
    {"elemwise_add", NULL, ELEMENTWISE_BINARY, EXPRESSION_ADD, NULL},
    {"elemwise_sub", NULL, ELEMENTWISE_BINARY, EXPRESSION_SUBTRACT, NULL},
    {"elemwise_mul", NULL, ELEMENTWISE_BINARY, EXPRESSION_MULTIPLY, NULL},
    {"elemwise_div", NULL, ELEMENTWISE_BINARY, EXPRESSION_DIVIDE, NULL},
    {"_maximum", NULL, ELEMENTWISE_BINARY, EXPRESSION_MAXIMUM, NULL},
    {"_minimum", NULL, ELEMENTWISE_BINARY, EXPRESSION_MINIMUM, NULL},
    {"broadcast_add", NULL, ELEMENTWISE_BINARY, EXPRESSION_ADD, NULL},
    {"broadcast_sub", NULL, ELEMENTWISE_BINARY, EXPRESSION_SUBTRACT, NULL},
    {"broadcast_mul", NULL, ELEMENTWISE_BINARY, EXPRESSION_MULTIPLY, NULL},
    {"broadcast_div", NULL, ELEMENTWISE_BINARY, EXPRESSION_DIVIDE, NULL},
    {"broadcast_maximum", NULL, ELEMENTWISE_BINARY, EXPRESSION_MAXIMUM, NULL},
    {"broadcast_minimum", NULL, ELEMENTWISE_BINARY, EXPRESSION_MINIMUM, NULL},
    {"_plus_scalar", NULL, ELEMENTWISE_SCALAR, EXPRESSION_ADD, "scalar"},
    {"_minus_scalar", NULL, ELEMENTWISE_SCALAR, EXPRESSION_SUBTRACT, "scalar"},
    {"_rminus_scalar", NULL, ELEMENTWISE_SCALAR_REVERSED, EXPRESSION_SUBTRACT, "scalar"},
    {"_mul_scalar", NULL, ELEMENTWISE_SCALAR, EXPRESSION_MULTIPLY, "scalar"},
    {"_div_scalar", NULL, ELEMENTWISE_SCALAR, EXPRESSION_DIVIDE, "scalar"},
    {"_rdiv_scalar", NULL, ELEMENTWISE_SCALAR_REVERSED, EXPRESSION_DIVIDE, "scalar"},
    {"_maximum_scalar", NULL, ELEMENTWISE_SCALAR, EXPRESSION_MAXIMUM, "scalar"},
    {"_minimum_scalar", NULL, ELEMENTWISE_SCALAR, EXPRESSION_MINIMUM, "scalar"},
    {"clip", NULL, ELEMENTWISE_CLIP, EXPRESSION_MAXIMUM, "a_min"},
    {"_npx_relu", NULL, ELEMENTWISE_UNARY, EXPRESSION_RELU, NULL},
    {"_npx_sigmoid", NULL, ELEMENTWISE_UNARY, EXPRESSION_SIGMOID, NULL},
    {"_npi_tanh", NULL, ELEMENTWISE_UNARY, EXPRESSION_TANH, NULL},
    {"_npi_exp", NULL, ELEMENTWISE_UNARY, EXPRESSION_EXP, NULL},
    {"_npi_log", NULL, ELEMENTWISE_UNARY, EXPRESSION_LOG, NULL},
    {"_npi_sqrt", NULL, ELEMENTWISE_UNARY, EXPRESSION_SQRT, NULL},
    {"_npi_square", NULL, ELEMENTWISE_UNARY, EXPRESSION_SQUARE, NULL},
    {"_npi_absolute", NULL, ELEMENTWISE_UNARY, EXPRESSION_ABSOLUTE, NULL},
    {"_npi_negative", NULL, ELEMENTWISE_UNARY, EXPRESSION_NEGATIVE, NULL},
    {"_npi_add", NULL, ELEMENTWISE_BINARY, EXPRESSION_ADD, NULL},
    {"_npi_subtract", NULL, ELEMENTWISE_BINARY, EXPRESSION_SUBTRACT, NULL},
    {"_npi_multiply", NULL, ELEMENTWISE_BINARY, EXPRESSION_MULTIPLY, NULL},
    {"_npi_true_divide", NULL, ELEMENTWISE_BINARY, EXPRESSION_DIVIDE, NULL},
    {"_npi_add_scalar", NULL, ELEMENTWISE_SCALAR, EXPRESSION_ADD, "scalar"},
    {"_npi_subtract_scalar", NULL, ELEMENTWISE_SCALAR, EXPRESSION_SUBTRACT, "scalar"},
    {"_npi_rsubtract_scalar", NULL, ELEMENTWISE_SCALAR_REVERSED, EXPRESSION_SUBTRACT, "scalar"},
    {"_npi_multiply_scalar", NULL, ELEMENTWISE_SCALAR, EXPRESSION_MULTIPLY, "scalar"},
    {"_npi_true_divide_scalar", NULL, ELEMENTWISE_SCALAR, EXPRESSION_DIVIDE, "scalar"},
    {"_npi_rtrue_divide_scalar", NULL, ELEMENTWISE_SCALAR_REVERSED, EXPRESSION_DIVIDE, "scalar"},
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
