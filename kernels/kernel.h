/* kernel.h - what all kernel templates share: vectors, the description of an
 * operand in memory, borders, expressions.
 *
 * A template is an ordinary always_inline C function. Its last parameters, the
 * shape struct and the expression, are constants: the compiler builds a wrapper
 * that passes them and lets LLVM fold, unroll and inline. So a field of a shape
 * costs nothing at run time, and a branch on it disappears.
 *
 * Freestanding: no libc, no globals, no allocation. MXN_VECTOR_FLOATS is 8 for
 * x86-64-v3 and 16 for x86-64-v4.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_KERNELS_KERNEL_H
#define MXN_KERNELS_KERNEL_H

#include <stdint.h>

#include "shapes.h"

#ifndef MXN_VECTOR_FLOATS
#error "MXN_VECTOR_FLOATS: floats in a vector, 8 or 16"
#endif

/* Marks a function that the compiler looks up by name in the bitcode. */
#define KERNEL __attribute__((always_inline))
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")
#define UNROLL_BY_2 _Pragma("clang loop unroll_count(2)")
/* For loops that must stay loops where their trip count is constant: code size. */
#define NO_UNROLL _Pragma("clang loop unroll(disable)")

enum { VF = MXN_VECTOR_FLOATS, BLOCK = K_CHANNEL_BLOCK, BLOCK_VECTORS = K_CHANNEL_BLOCK / MXN_VECTOR_FLOATS };

typedef float vf __attribute__((vector_size(4 * MXN_VECTOR_FLOATS)));
typedef float vf_unaligned __attribute__((vector_size(4 * MXN_VECTOR_FLOATS), aligned(4)));
typedef int32_t vi __attribute__((vector_size(4 * MXN_VECTOR_FLOATS)));

INLINE vf vec_splat(float x) { return x - (vf){0}; }
INLINE vf vec_load(const float *p) { return *(const vf_unaligned *)p; }
INLINE void vec_store(float *p, vf x) { *(vf_unaligned *)p = x; }

/* A value is kept where the condition holds in its lane. */
INLINE vf vec_select(vi condition, vf yes, vf no) { return (vf)((condition & (vi)yes) | (~condition & (vi)no)); }

/* a > b ? a : b; a NaN in a is passed over. */
INLINE vf vec_maximum(vf a, vf b) { return vec_select(a > b, a, b); }

/* The first `lanes` lanes alone; the others are 0. Reads nothing beyond. */
INLINE vf vec_load_lanes(const float *p, int64_t stride, int64_t lanes) {
  if (stride == 0) return vec_splat(*p);
  if (stride == 1 && lanes == VF) return vec_load(p);
  vf x = {0};
  UNROLL for (int64_t i = 0; i < VF; i++) if (i < lanes) x[i] = p[i * stride];
  return x;
}

INLINE void vec_store_lanes(float *p, vf x, int64_t lanes) {
  if (lanes == VF) {
    vec_store(p, x);
    return;
  }
  UNROLL for (int64_t i = 0; i < VF; i++) if (i < lanes) p[i] = x[i];
}

/* An elementwise expression, composed by the compiler from the functions of
 * expression.h: x is the kernel's own value at position `at` (n, h, w, c; c is
 * the first of `lanes` channels), operands come from the step's buffers. */
typedef vf (*k_expression)(vf x, void *const *buffers, const int64_t *at, int64_t lanes);

INLINE int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }
INLINE int64_t max64(int64_t a, int64_t b) { return a > b ? a : b; }

/* Zero `count` pixels from p, channels [c0, c1) of each. */
INLINE void zero_pixels(float *p, int64_t pixel, int64_t count, int64_t c0, int64_t c1) {
  NO_UNROLL for (int64_t i = 0; i < count; i++) {
    float *q = p + i * pixel;
    int64_t c = c0;
    NO_UNROLL for (; c + VF <= c1; c += VF) vec_store(q + c, (vf){0});
    NO_UNROLL for (; c < c1; c++) q[c] = 0;
  }
}

/* The zero border that later steps read as padding, as far as it touches row h
 * of the image at `image`: beside the row where the caller computes its first or
 * last pixel, above the first row and below the last. Channels [c0, c1). */
INLINE void zero_border(const struct k_image *o, float *image, int64_t h, int is_first, int is_last, int64_t c0,
                        int64_t c1) {
  if (o->top == 0 && o->bottom == 0 && o->left == 0 && o->right == 0) return;
  const int64_t full = o->left + o->width + o->right;
  float *row = image + h * o->row;
  if (is_first) {
    zero_pixels(row - o->left * o->pixel, o->pixel, o->left, c0, c1);
    if (h == 0)
      for (int64_t i = 1; i <= o->top; i++) zero_pixels(row - i * o->row - o->left * o->pixel, o->pixel, full, c0, c1);
  }
  if (is_last) {
    zero_pixels(row + o->width * o->pixel, o->pixel, o->right, c0, c1);
    if (h == o->height - 1)
      for (int64_t i = 1; i <= o->bottom; i++)
        zero_pixels(row + i * o->row - o->left * o->pixel, o->pixel, full, c0, c1);
  }
}

#endif
