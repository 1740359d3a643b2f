/* access.h - how the dimensions of a value run through memory.
 *
 * Operators that only move elements (transpose, slice, Reshape ...) cost nothing
 * where their result is another way to go through what their input's step wrote.
 * An access says that way before addresses are known: memory has directions, and
 * each dimension of a value goes along one of them with a step.
 *
 *   - channels-last: images, elements (channels), rows, pixels. Borders and slices
 *     of a concat lie between, so two directions never merge.
 *   - row-major without gaps: elements alone, so every Reshape is another access.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_PASSES_ACCESS_H
#define MXN_PASSES_ACCESS_H

#include "graph/graph.h"
#include "ops/ops.h"

/* Operators that move elements and do not look at them, in the spelling that
 * canonicalize leaves. */
bool is_move(const node *n);

/* Operators that the reduce kernel computes. */
bool is_reduction(const node *n);

/* A move that is no step of its own: layout marks those that are. */
bool node_is_access(const node *n);

typedef enum direction { ALONG_IMAGES, ALONG_ELEMENTS, ALONG_ROWS, ALONG_PIXELS, N_DIRECTIONS } direction;

typedef struct access {
  const node *base;            /* whose memory it is */
  int64_t first[N_DIRECTIONS]; /* where element (0, 0, ...) is */
  direction along[MXN_MAX_DIMS];
  int64_t step[MXN_MAX_DIMS];
} access;

/* A value of any rank as (n, c, h, w): the dimensions between channels and the
 * last one are its rows. 1 for what it does not have. */
int64_t batch_of(const mxn_type *t);
int64_t channels_of(const mxn_type *t);
int64_t height_of(const mxn_type *t);
int64_t width_of(const mxn_type *t);

/* A value that its node writes, and an input or a copy in MXNet's order. */
access access_channels_last(const node *base);
access access_row_major(const node *base);

/* What `n` selects from its input, which is accessed by `in`. */
access access_select(const access *in, const node *n, const op_selection *selection);

/* The input with the dimensions of `n`'s output; false where that is no access. */
bool access_reshape(const access *in, const node *n, access *out);

/* Whether the dimensions are those of an image: the rows have one stride. */
bool access_is_image(const access *a, const mxn_type *t);

/* Whether channels lie one behind the other. */
bool access_has_unit_channels(const access *a, const mxn_type *t);

/* Dimensions that divide those of two shapes, which have as many elements, innermost
 * first: piece i is `extent` elements of dimension `from` of one and of dimension
 * `to` of the other, whose inner parts are from_inner and to_inner elements. */
typedef struct access_piece {
  int64_t extent;
  int32_t from, to;
  int64_t from_inner, to_inner;
} access_piece;

enum { ACCESS_MAX_PIECES = 2 * MXN_MAX_DIMS };

/* False where there are none: (2, 3) and (3, 2). */
bool access_pieces(const mxn_type *from, const mxn_type *to, access_piece out[ACCESS_MAX_PIECES], uint32_t *out_n);

#endif
