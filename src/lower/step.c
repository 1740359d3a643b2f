/* step.c - the tables behind step.h. SPDX-License-Identifier: Apache-2.0 */
#include "lower/step.h"

size_t kernel_shape_bytes(kernel_template kernel) {
  static const size_t bytes[] = {
#define X(NAME, name, shape) sizeof(struct shape),
#include "kernels/kernels.def"
#undef X
  };
  return bytes[kernel];
}

const char *kernel_name(kernel_template kernel) {
  static const char *const names[] = {
#define X(NAME, name, shape) #name,
#include "kernels/kernels.def"
#undef X
  };
  return names[kernel];
}

const char *expression_function(int32_t opcode, uint32_t *out_operands) {
  static const struct {
    const char *name;
    uint32_t operands;
  } functions[] = {
#define X(NAME, name, operands) {#name, operands},
#include "kernels/expression.def"
#undef X
  };
  const int32_t first = EXPRESSION_CONSTANT + 1;
  *out_operands = functions[opcode - first].operands;
  return functions[opcode - first].name;
}
