/* float16.c - see float16.h. The runtime links libc alone, so without libm.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/float16.h"

#include <math.h>
#include <string.h>

enum { DOUBLE_MANTISSA = 52, DOUBLE_BIAS = 1023, DOUBLE_EXPONENTS = 2047 };

/* 2 to the power of an exponent that a normal double has. */
static double power_of_two(int exponent) {
  const uint64_t bits = (uint64_t)(exponent + DOUBLE_BIAS) << DOUBLE_MANTISSA;
  double x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

/* Below the normal range: less than any 16-bit number's exponent. */
static int exponent_of(double x) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  return (int)(bits >> DOUBLE_MANTISSA & DOUBLE_EXPONENTS) - DOUBLE_BIAS;
}

/* Of a number from 0 to 2 to the power of 51: beyond it doubles have no fraction. */
static double round_to_even(double x) { return x + 0x1p52 - 0x1p52; }

double float16_decode(uint16_t bits, int mantissa) {
  const int exponent_bits = 15 - mantissa, bias = (1 << (exponent_bits - 1)) - 1;
  const int exponent = (bits >> mantissa) & ((1 << exponent_bits) - 1);
  const int fraction = bits & ((1 << mantissa) - 1);
  double x;
  if (exponent == (1 << exponent_bits) - 1)
    x = fraction ? (double)NAN : (double)INFINITY;
  else
    x = (exponent ? fraction + (1 << mantissa) : fraction) * power_of_two((exponent ? exponent : 1) - bias - mantissa);
  return bits & 0x8000 ? -x : x;
}

/* A carry out of the fraction runs into the exponent, as it should. */
uint16_t float16_encode(double x, int mantissa) {
  const int exponent_bits = 15 - mantissa, bias = (1 << (exponent_bits - 1)) - 1;
  const unsigned sign = signbit(x) ? 0x8000 : 0, infinity = ((1u << exponent_bits) - 1) << mantissa;
  if (isnan(x)) return (uint16_t)(infinity | (1u << (mantissa - 1)));
  int exponent = exponent_of(x);
  if (exponent > bias) return (uint16_t)(sign | infinity);
  if (exponent < 1 - bias) exponent = 1 - bias;
  const double fraction = round_to_even((sign ? -x : x) * power_of_two(mantissa - exponent));
  const unsigned bits = ((unsigned)(exponent + bias - 1) << mantissa) + (unsigned)fraction;
  return (uint16_t)(sign | bits);
}
