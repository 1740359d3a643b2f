/* draw.h - the generator of the random operators, and numbers of its distributions.
 *
 * See random.h for seeds and streams. A generator belongs to one thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_OPS_DRAW_H
#define MXN_OPS_DRAW_H

#include <stdint.h>

typedef struct generator {
  uint64_t state[4];
} generator;

/* The next stream of the process. */
generator next_generator(void);

double next_unit(generator *g);                /* in [0, 1), all 53 bits */
uint64_t next_below(generator *g, uint64_t n); /* in [0, n), every number alike */

/* Distributions of two parameters; those of one do not look at the second. */
typedef double (*draw_function)(generator *g, double a, double b);
double draw_uniform(generator *g, double low, double high);
double draw_normal(generator *g, double mean, double deviation);
double draw_exponential(generator *g, double rate, double unused);
double draw_gamma(generator *g, double shape, double scale);
double draw_poisson(generator *g, double mean, double unused);
double draw_binomial(generator *g, double n, double p);          /* successes of probability p in n trials */
double draw_negative_binomial(generator *g, double k, double p); /* failures before k successes of probability p */
double draw_generalized_negative_binomial(generator *g, double mean, double alpha);

/* An index in [0, n), by probabilities whose sum is 1; the last takes what lacks. */
int64_t draw_index(generator *g, const double *probabilities, int64_t n);

#endif
