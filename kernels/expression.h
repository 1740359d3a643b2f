/* expression.h - the scalar functions of elementwise expressions, on vectors.
 *
 * The list is X-macro data: expression.def names them once for the lowering
 * (which operator becomes which), for the compiler (which looks up
 * "x_" + name in the bitcode) and for the tests.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_KERNELS_EXPRESSION_H
#define MXN_KERNELS_EXPRESSION_H

#include "kernel.h"
#include "math.h"

/* Loads of operands: see k_image for strides. */
KERNEL vf x_load(void *const *buffers, int64_t buffer, int64_t offset, int64_t stride, int64_t lanes) {
  return vec_load_lanes((const float *)buffers[buffer] + offset, stride, lanes);
}

KERNEL vf x_add(vf a, vf b) { return a + b; }
KERNEL vf x_subtract(vf a, vf b) { return a - b; }
KERNEL vf x_multiply(vf a, vf b) { return a * b; }
KERNEL vf x_divide(vf a, vf b) { return a / b; }
/* As MXNet's mshadow_op: a > b ? a : b, a NaN in a is kept. */
KERNEL vf x_maximum(vf a, vf b) { return vec_select((a > b) | (a != a), a, b); }
KERNEL vf x_minimum(vf a, vf b) { return vec_select((a < b) | (a != a), a, b); }
/* NaN stays NaN, as in MXNet's isnan(a) || a > 0 ? a : 0. */
KERNEL vf x_relu(vf a) { return vec_select(a <= (vf){0}, (vf){0}, a); }
KERNEL vf x_negative(vf a) { return -a; }
KERNEL vf x_absolute(vf a) { return (vf)((vi)a & 0x7fffffff); }
KERNEL vf x_square(vf a) { return a * a; }
KERNEL vf x_sqrt(vf a) { return __builtin_elementwise_sqrt(a); }
KERNEL vf x_exp(vf a) { return math_exp(a); }
KERNEL vf x_log(vf a) { return math_log(a); }
KERNEL vf x_tanh(vf a) { return math_tanh(a); }
KERNEL vf x_sigmoid(vf a) { return vec_splat(1) / (vec_splat(1) + math_exp(-a)); }
/* log(1 + exp(a)); a itself where exp would only add noise (MXNet: a > 20). */
KERNEL vf x_softrelu(vf a) { return vec_select(a > vec_splat(20), a, math_log1p(math_exp(a))); }
KERNEL vf x_softsign(vf a) { return a / (vec_splat(1) + x_absolute(a)); }
/* slope * a below zero. */
KERNEL vf x_leaky(vf a, vf slope) { return vec_select(a > (vf){0}, a, a * slope); }
/* slope * (exp(a) - 1) below zero. */
KERNEL vf x_elu(vf a, vf slope) { return vec_select(a > (vf){0}, a, slope * math_expm1(a)); }

#endif
