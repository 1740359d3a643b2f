/* number.h - elements of any type as doubles or 64-bit integers.
 *
 * Reference forwards compute in these two and convert at their borders. Ranges
 * are in elements; data needs no alignment.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_OPS_NUMBER_H
#define MXN_OPS_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

#include "mxneuron/tensor.h"

/* float16, bfloat16, float32 and float64; the others are integers. */
bool dtype_is_float(mxn_dtype dtype);

void load_doubles(const mxn_tensor *t, int64_t first, int64_t n, double *out);
void load_integers(const mxn_tensor *t, int64_t first, int64_t n, int64_t *out);

/* Round to the nearest (floats) or towards zero (integers), as a C cast on x86
 * does where the value does not fit; bool becomes whether it is not zero. */
void store_doubles(mxn_tensor *t, int64_t first, int64_t n, const double *from);
void store_integers(mxn_tensor *t, int64_t first, int64_t n, const int64_t *from);

/* A number as the type keeps it: 0.1 as the double nearest to 0.1f. */
double round_to(mxn_dtype dtype, double x);

/* lgamma() without the sign that it keeps in a global. */
double log_gamma(double x);

/* As qsort() asks for: below 0 where a stands before b. What is no number stands behind
 * all others. */
int compare_rising(double a, double b);
int compare_falling(double a, double b);

#endif
