/* float16.h - binary floating point of 16 bits: a sign, an exponent, and `mantissa`
 * bits. In C only: compilers do not agree on the types.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_BASE_FLOAT16_H
#define MXN_BASE_FLOAT16_H

#include <stdint.h>

enum { FLOAT16_MANTISSA = 10, BFLOAT16_MANTISSA = 7 };

double float16_decode(uint16_t bits, int mantissa);

/* Round to nearest, ties to even; infinite beyond the largest. */
uint16_t float16_encode(double x, int mantissa);

#endif
