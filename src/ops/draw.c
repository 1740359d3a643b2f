/* draw.c - see draw.h.
 *
 * The generator is xoshiro256++ (Blackman and Vigna), its state filled by
 * SplitMix64 from the seed and the number of the run.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ops/draw.h"

#include <math.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

/* Generator. */

static uint64_t split_mix(uint64_t *x) {
  uint64_t z = *x += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

generator next_generator(void) {
  static _Atomic uint64_t runs;
  const char *seed = getenv("MXNEURON_SEED");
  uint64_t from = seed ? strtoull(seed, NULL, 10) : 0;
  from = split_mix(&from) ^ atomic_fetch_add(&runs, 1);
  generator g;
  for (int i = 0; i < 4; i++) g.state[i] = split_mix(&from);
  return g;
}

static uint64_t rotate_left(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

static uint64_t next_bits(generator *g) {
  uint64_t *s = g->state;
  const uint64_t result = rotate_left(s[0] + s[3], 23) + s[0], t = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = rotate_left(s[3], 45);
  return result;
}

double next_unit(generator *g) { return (double)(next_bits(g) >> 11) * 0x1p-53; }

/* What is beyond a multiple of n is drawn again. */
uint64_t next_below(generator *g, uint64_t n) {
  const uint64_t most = UINT64_MAX - UINT64_MAX % n;
  uint64_t x = next_bits(g);
  while (x >= most) x = next_bits(g);
  return x % n;
}

/* Distributions. */

double draw_uniform(generator *g, double low, double high) { return low + (high - low) * next_unit(g); }

/* Box and Muller. */
double draw_normal(generator *g, double mean, double deviation) {
  const double radius = sqrt(-2 * log(1 - next_unit(g)));
  return mean + deviation * radius * cos(2 * M_PI * next_unit(g));
}

double draw_exponential(generator *g, double rate, double unused) {
  (void)unused;
  return -log(1 - next_unit(g)) / rate;
}

/* Marsaglia and Tsang (2000); below 1 by the power of a uniform number. */
double draw_gamma(generator *g, double shape, double scale) {
  if (!(shape > 0 && isfinite(shape))) return NAN;
  const double boost = shape < 1 ? pow(1 - next_unit(g), 1 / shape) : 1;
  const double d = (shape < 1 ? shape + 1 : shape) - 1.0 / 3, c = 1 / sqrt(9 * d);
  for (;;) {
    const double x = draw_normal(g, 0, 1), t = 1 + c * x, v = t * t * t;
    if (v > 0 && log(1 - next_unit(g)) < 0.5 * x * x + d - d * v + d * log(v)) return boost * d * v * scale;
  }
}

/* Ahrens and Dieter (1974): where the middle one of n uniform numbers lies is a beta
 * number, and on one side of it the trials are decided. */
double draw_binomial(generator *g, double n, double p) {
  enum { DIRECT = 12 };
  double count = 0;
  if (!(p > 0)) return 0;
  while (n > DIRECT && p < 1) {
    const double middle = floor((n + 1) / 2), below = draw_gamma(g, middle, 1);
    const double place = below / (below + draw_gamma(g, n + 1 - middle, 1));
    const bool is_below = place <= p;
    if (is_below) count += middle;
    n = is_below ? n - middle : middle - 1;
    p = is_below ? (p - place) / (1 - place) : p / place;
  }
  if (p >= 1) return count + n;
  for (int64_t i = 0; i < (int64_t)n; i++) count += next_unit(g) < p;
  return count;
}

/* Ahrens and Dieter (1974): of a long time, when event number m comes is a gamma
 * number, and what is left or too much is a shorter problem. */
double draw_poisson(generator *g, double mean, double unused) {
  enum { DIRECT = 12 };
  double count = 0;
  (void)unused;
  if (!(mean >= 0) || mean > 0x1p53) return NAN;
  while (mean > DIRECT) {
    const double m = floor(mean * 7 / 8), time = draw_gamma(g, m, 1);
    if (time > mean) return count + draw_binomial(g, m - 1, mean / time);
    count += m;
    mean -= time;
  }
  double product = next_unit(g);
  const double limit = exp(-mean);
  while (product > limit) {
    count++;
    product *= next_unit(g);
  }
  return count;
}

double draw_negative_binomial(generator *g, double k, double p) {
  return p < 1 ? draw_poisson(g, draw_gamma(g, k, (1 - p) / p), 0) : 0;
}

double draw_generalized_negative_binomial(generator *g, double mean, double alpha) {
  return draw_poisson(g, alpha > 0 ? draw_gamma(g, 1 / alpha, alpha * mean) : mean, 0);
}

int64_t draw_index(generator *g, const double *probabilities, int64_t n) {
  double left = next_unit(g);
  for (int64_t i = 0; i < n - 1; i++) {
    left -= probabilities[i];
    if (left < 0) return i;
  }
  return n - 1;
}
