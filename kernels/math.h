/* math.h - exp, log, tanh and their relatives as branch-free polynomials.
 *
 * Bounds over all finite inputs, tested in tests/unit/kernels_math_test.c
 * against libm in double: exp 2 ulp, expm1 3 ulp, log 3 ulp, log1p 4 ulp,
 * tanh 5 ulp, sigmoid 4 ulp. NaN stays NaN, results below the normal range are
 * flushed to zero. The coefficients of exp are the Taylor series; those of log
 * are the series of 2 artanh(s) with s = (m - 1) / (m + 1).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_KERNELS_MATH_H
#define MXN_KERNELS_MATH_H

#include "kernel.h"

/* Adding this rounds |x| < 2^22 to an integer in the low bits of the mantissa. */
#define ROUND_MAGIC 12582912.0f

/* x = n ln 2 + r with |r| <= ln 2 / 2; x within [-104, 89]. */
struct reduced {
  vi n;
  vf r;
};

INLINE struct reduced math_reduce(vf x) {
  const vf t = x * vec_splat(1.44269504088896341f) + vec_splat(ROUND_MAGIC);
  const vf n = t - vec_splat(ROUND_MAGIC);
  const vf r = x - n * vec_splat(0.693359375f) + n * vec_splat(2.12194440054690583e-4f);
  return (struct reduced){(vi)t - (vi)vec_splat(ROUND_MAGIC), r};
}

/* (e^r - 1 - r) / r^2 for |r| <= ln 2 / 2. */
INLINE vf math_exp_series(vf r) {
  vf p = vec_splat(1.0f / 5040);
  p = p * r + vec_splat(1.0f / 720);
  p = p * r + vec_splat(1.0f / 120);
  p = p * r + vec_splat(1.0f / 24);
  p = p * r + vec_splat(1.0f / 6);
  return p * r + vec_splat(0.5f);
}

/* 2^n for n in [-126, 127]. */
INLINE vf math_power_of_two(vi n) { return (vf)((n + 127) << 23); }

/* Into [low, high]; NaN passes. */
INLINE vf math_clamp(vf x, float low, float high) {
  const vi below = x<vec_splat(low), above = x> vec_splat(high);
  const vi kept = ~(below | above);
  return (vf)((below & (vi)vec_splat(low)) | (above & (vi)vec_splat(high)) | (kept & (vi)x));
}

INLINE vf math_exp(vf x) {
  const struct reduced a = math_reduce(math_clamp(x, -104.0f, 89.0f));
  const vf e = vec_splat(1) + (a.r + a.r * a.r * math_exp_series(a.r));
  const vi half = a.n >> 1; /* in two factors: 2^n itself may be out of range */
  return e * math_power_of_two(half) * math_power_of_two(a.n - half);
}

/* x up to 88. */
INLINE vf math_expm1(vf x) {
  const struct reduced a = math_reduce(math_clamp(x, -30.0f, 88.0f));
  const vf scale = math_power_of_two(a.n);
  const vf e = a.r + a.r * a.r * math_exp_series(a.r);
  return scale * e + (scale - vec_splat(1));
}

INLINE vf math_log(vf x) {
  /* m in [sqrt(1/2), sqrt(2)), x = m 2^e. */
  const vi bits = (vi)x - 0x3f3504f3;
  const vi e = bits >> 23;
  const vf m = (vf)((bits & 0x007fffff) + 0x3f3504f3);
  const vf f = m - vec_splat(1), s = f / (m + vec_splat(1)), z = s * s;
  vf p = vec_splat(2.0f / 9);
  p = p * z + vec_splat(2.0f / 7);
  p = p * z + vec_splat(2.0f / 5);
  p = p * z + vec_splat(2.0f / 3);
  /* log m = f - s (f - z p): exact leading term, small correction. */
  const vf n = __builtin_convertvector(e, vf);
  const vf log_m = f - s * (f - z * p);
  const vf y = n * vec_splat(0.693359375f) + (log_m - n * vec_splat(2.12194440054690583e-4f));
  const vi is_zero = x == (vf){0}, is_bad = ~(x >= (vf){0}), is_inf = x == vec_splat(__builtin_inff());
  const vi special = (is_zero & (vi)vec_splat(-__builtin_inff())) | (is_bad & (vi)vec_splat(__builtin_nanf(""))) |
                     (is_inf & (vi)vec_splat(__builtin_inff()));
  const vi is_special = is_zero | is_bad | is_inf;
  return (vf)(special | (~is_special & (vi)y));
}

/* x >= 0: log(1 + x) and the part of x that 1 + x lost. */
INLINE vf math_log1p(vf x) {
  const vf u = vec_splat(1) + x;
  const vf lost = (x - (u - vec_splat(1))) / u;
  const vi is_inf = x == vec_splat(__builtin_inff());
  return (vf)((is_inf & (vi)x) | (~is_inf & (vi)(math_log(u) + lost)));
}

INLINE vf math_tanh(vf x) {
  const vi sign = (vi)x & (vi)vec_splat(-0.0f);
  const vf a = math_clamp((vf)((vi)x & 0x7fffffff), 0.0f, 10.0f);
  const vf e = math_expm1(a + a);
  return (vf)((vi)(e / (e + vec_splat(2))) | sign);
}

#endif
