/* number.c - see number.h. SPDX-License-Identifier: Apache-2.0 */
#include "ops/number.h"

#include <math.h>
#include <string.h>

#include "base/float16.h"

bool dtype_is_float(mxn_dtype dtype) {
  return dtype == MXN_FLOAT16 || dtype == MXN_BFLOAT16 || dtype == MXN_FLOAT32 || dtype == MXN_FLOAT64;
}

/* Casts that are defined for every double, with the result of x86. */
static int64_t to_int64(double x) { return x >= -0x1p63 && x < 0x1p63 ? (int64_t)x : INT64_MIN; }
static int32_t to_int32(double x) { return x > -0x1p31 - 1 && x < 0x1p31 ? (int32_t)x : INT32_MIN; }

/* X(dtype, stored type, as a double, as an integer, from a double, from an integer) */
#define NUMBER_LIST(X)                                                                                        \
  X(FLOAT32, float, (double)v, to_int64((double)v), (float)v, (float)v)                                       \
  X(FLOAT64, double, v, to_int64(v), v, (double)v)                                                            \
  X(FLOAT16, uint16_t, float16_decode(v, FLOAT16_MANTISSA), to_int64(float16_decode(v, FLOAT16_MANTISSA)),    \
    float16_encode(v, FLOAT16_MANTISSA), float16_encode((double)v, FLOAT16_MANTISSA))                         \
  X(BFLOAT16, uint16_t, float16_decode(v, BFLOAT16_MANTISSA), to_int64(float16_decode(v, BFLOAT16_MANTISSA)), \
    float16_encode(v, BFLOAT16_MANTISSA), float16_encode((double)v, BFLOAT16_MANTISSA))                       \
  X(UINT8, uint8_t, v, v, (uint8_t)to_int32(v), (uint8_t)v)                                                   \
  X(INT8, int8_t, v, v, (int8_t)to_int32(v), (int8_t)v)                                                       \
  X(INT32, int32_t, v, v, to_int32(v), (int32_t)v)                                                            \
  X(INT64, int64_t, (double)v, v, to_int64(v), v)                                                             \
  X(BOOL, uint8_t, v != 0, v != 0, v != 0, v != 0)

/* One loop each; memcpy() because arrays in files are not always aligned. */
#define LOAD_CASE(NAME, stored, result)                  \
  case MXN_##NAME:                                       \
    for (int64_t i = 0; i < n; i++) {                    \
      stored v;                                          \
      memcpy(&v, data + (size_t)i * sizeof v, sizeof v); \
      out[i] = result;                                   \
    }                                                    \
    break;
#define STORE_CASE(NAME, stored, result)                          \
  case MXN_##NAME:                                                \
    for (int64_t i = 0; i < n; i++) {                             \
      const __typeof__(*from) v = from[i];                        \
      const stored kept = result;                                 \
      memcpy(data + (size_t)i * sizeof kept, &kept, sizeof kept); \
    }                                                             \
    break;

static char *element(const mxn_tensor *t, int64_t first) {
  return (char *)t->data + (size_t)first * mxn_dtype_bytes(t->type.dtype);
}

void load_doubles(const mxn_tensor *t, int64_t first, int64_t n, double *out) {
  const char *data = element(t, first);
  switch (t->type.dtype) {
#define X(NAME, stored, as_double, ...) LOAD_CASE(NAME, stored, as_double)
    NUMBER_LIST(X)
#undef X
    case MXN_DTYPE_UNKNOWN: break;
  }
}

void load_integers(const mxn_tensor *t, int64_t first, int64_t n, int64_t *out) {
  const char *data = element(t, first);
  switch (t->type.dtype) {
#define X(NAME, stored, as_double, as_integer, ...) LOAD_CASE(NAME, stored, as_integer)
    NUMBER_LIST(X)
#undef X
    case MXN_DTYPE_UNKNOWN: break;
  }
}

void store_doubles(mxn_tensor *t, int64_t first, int64_t n, const double *from) {
  char *data = element(t, first);
  switch (t->type.dtype) {
#define X(NAME, stored, as_double, as_integer, from_double, from_integer) STORE_CASE(NAME, stored, from_double)
    NUMBER_LIST(X)
#undef X
    case MXN_DTYPE_UNKNOWN: break;
  }
}

void store_integers(mxn_tensor *t, int64_t first, int64_t n, const int64_t *from) {
  char *data = element(t, first);
  switch (t->type.dtype) {
#define X(NAME, stored, as_double, as_integer, from_double, from_integer) STORE_CASE(NAME, stored, from_integer)
    NUMBER_LIST(X)
#undef X
    case MXN_DTYPE_UNKNOWN: break;
  }
}

double log_gamma(double x) {
  int sign;
  return lgamma_r(x, &sign);
}

int compare_rising(double a, double b) {
  if (isnan(a) || isnan(b)) return !!isnan(a) - !!isnan(b);
  return (a > b) - (a < b);
}

int compare_falling(double a, double b) { return compare_rising(-a, -b); }

double round_to(mxn_dtype dtype, double x) {
  uint64_t memory;
  mxn_tensor t = {.type = {.dtype = dtype}, .data = &memory};
  store_doubles(&t, 0, 1, &x);
  load_doubles(&t, 0, 1, &x);
  return x;
}
