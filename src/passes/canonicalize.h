/* canonicalize.h - what the rewrites of canonicalize.c share: nodes in place of nodes.
 *
 * A new node has the name of the one that it stands for. SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_PASSES_CANONICALIZE_H
#define MXN_PASSES_CANONICALIZE_H

#include "passes/pass.h"
#include "passes/rewrite.h"

/* `op` of the first input, with the same result. */
node *add_like(compile *c, const node *n, const char *op);

/* `op` of `in`. */
node *add_unary(compile *c, const node *n, const char *op, value in, const mxn_type *type);

value add_reshape(compile *c, const node *n, value in, const mxn_type *type);

/* The operator moves to a new node, and n becomes `op` behind it: what read n reads that. */
void put_behind(compile *c, rewrite *r, node *n, const char *op, const mxn_type *type);

/* As put_behind() with a Reshape. */
void reshape_behind(compile *c, rewrite *r, node *n, const mxn_type *type);

/* canonicalize_axes.c */
void rewrite_parts(compile *c, rewrite *r, node *n);
void rewrite_concat(compile *c, rewrite *r, node *n);
void rewrite_pad(compile *c, rewrite *r, node *n);

/* canonicalize_images.c */
bool is_line(const node *n);
void rewrite_line(compile *c, rewrite *r, node *n);
void rewrite_adaptive_pooling(compile *c, rewrite *r, node *n);
void rewrite_deconvolution(compile *c, rewrite *r, node *n);
void rewrite_upsampling(compile *c, rewrite *r, node *n);

#endif
