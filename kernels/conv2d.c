/* conv2d.c - direct convolution over channels-last activations.
 *
 * A tile of output pixels by channel blocks stays in registers while the sum
 * runs over kernel rows, kernel columns and input channels: every step loads the
 * weights of the tile's blocks once and broadcasts one input value a pixel. The
 * input has its padding in memory, so no tile knows about borders. A matrix
 * product is the case of a 1x1 kernel over one long row of pixels.
 *
 * Long sums go by pieces: in one run from the first product to the last, rounding
 * errors would grow with the square root of their number.
 *
 * Tasks: a range of tiles times a range of channel blocks; within a task blocks
 * are the outer loop, so their weights stay in cache over the tiles.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "kernel.h"

enum {
  MAX_TILE_PIXELS = 30,
  MAX_TILE_VECTORS = 8,
  SMALL_TILE = 18, /* products of a term */
  /* Terms of a kernel row up to which its loop is unrolled: the first layer of an image net gains a fifth with 16
   * registers and loses a tenth with 32, where the tile is wider. */
  SHORT_ROW = 24,
  REGISTERS = VF == 16 ? 32 : 16, /* a tile has fewer sums */
  NEAR_LINES = 8,                 /* from the weights of a term to those that are fetched into L1 */
  FAR_LINES = 64,                 /* and into L2, where weights are read once */
  MAX_TILES_AHEAD = 32
};

/* Output pixels in registers: consecutive ones of a row, or, where rows are short, of an image or of all images. */
struct tile {
  int64_t pixels, n, h, w;      /* how many, and where the first one is */
  int64_t in[MAX_TILE_PIXELS];  /* elements from the first pixel's window to each one's */
  const float *input, *weights; /* of the first pixel and the first channel */
  const float *ahead;           /* what this tile fetches early */
};

/* What a product needs: input channel ic below kernel row kh and column kw. */
struct term {
  const float *input, *weights, *ahead;
};

/* Step to the next output pixel in the order of memory. */
INLINE void next_pixel(const struct k_conv2d *s, int64_t *n, int64_t *h, int64_t *w) {
  if (++*w < s->out.width || s->tile_run == K_RUN_ROW) return;
  *w = 0;
  if (++*h < s->out.height || s->tile_run == K_RUN_IMAGE) return;
  *h = 0;
  ++*n;
}

INLINE int64_t conv2d_window(const struct k_conv2d *s, int64_t n, int64_t h, int64_t w) {
  return n * s->in_image + h * s->stride_h * s->in_row + w * s->stride_w * s->in_pixel;
}

INLINE void tile_locate(const struct k_conv2d *s, struct tile *t, const int64_t pixels) {
  t->pixels = pixels;
  int64_t n = t->n, h = t->h, w = t->w;
  const int64_t first = conv2d_window(s, n, h, w);
  UNROLL for (int64_t m = 0; m < pixels; m++) {
    t->in[m] = conv2d_window(s, n, h, w) - first;
    next_pixel(s, &n, &h, &w);
  }
}

INLINE int64_t tiles_per_run(const struct k_conv2d *s) {
  return (k_conv2d_run_pixels(s) + s->tile_pixels - 1) / s->tile_pixels;
}

INLINE int64_t conv2d_tiles(const struct k_conv2d *s) { return k_conv2d_runs(s) * tiles_per_run(s); }

/* Each tile fetches early what comes next: with few tiles its share of the next blocks' weights. */
INLINE int64_t fetches_weights(const struct k_conv2d *s) {
  return conv2d_tiles(s) > 1 && conv2d_tiles(s) <= MAX_TILES_AHEAD;
}

/* With many the next tile's input, where kernels of one pixel read each input once. */
INLINE int64_t fetches_input(const struct k_conv2d *s) {
  return conv2d_tiles(s) > MAX_TILES_AHEAD && s->kernel_h == 1 && s->in_channel == 1 && s->tile_run == K_RUN_ROW &&
         s->in_channels >= BLOCK;
}

/* Floats that one term fetches. */
INLINE int64_t ahead_floats(const struct k_conv2d *s) {
  if (fetches_weights(s)) return (s->tile_blocks * BLOCK + conv2d_tiles(s) - 1) / conv2d_tiles(s);
  if (fetches_input(s)) return s->tile_pixels * s->stride_w * s->in_pixel / k_conv2d_terms(s);
  return 0;
}

INLINE struct term term_at(const struct k_conv2d *s, const struct tile *t, int64_t kh, int64_t kw, int64_t ic) {
  const int64_t i = (kh * s->kernel_w + kw) * s->in_channels + ic;
  return (struct term){t->input + kh * s->dilate_h * s->in_row + kw * s->dilate_w * s->in_pixel + ic * s->in_channel,
                       t->weights + i * BLOCK, t->ahead + i * ahead_floats(s)};
}

/* Whether each run gets the weights, which its one tile reads once, from memory. */
INLINE int64_t streams_weights(const struct k_conv2d *s) {
  return conv2d_tiles(s) == 1 && s->groups * k_conv2d_weight_bytes(s) > K_L2_BYTES;
}

/* Fetch this tile's weights, where they do not fit into L1. */
INLINE void prefetch_weights(const struct k_conv2d *s, const float *q, const int64_t vectors) {
  if (s->tile_blocks * k_conv2d_terms(s) * BLOCK * 4 <= K_L1_WEIGHT_BYTES) return;
  UNROLL for (int64_t v = 0; v < vectors; v += BLOCK_VECTORS) {
    const float *line = q + v / BLOCK_VECTORS * k_conv2d_terms(s) * BLOCK;
    __builtin_prefetch(line + NEAR_LINES * BLOCK, 0, 3);
    if (streams_weights(s)) __builtin_prefetch(line + FAR_LINES * BLOCK, 0, 2);
  }
}

/* Add input channel ic of a kernel column to the sums. */
INLINE void conv2d_term(const struct k_conv2d *s, const struct tile *t, const struct term *first, int64_t ic,
                        vf (*sum)[MAX_TILE_VECTORS], const int64_t pixels, const int64_t vectors) {
  const int64_t block_floats = k_conv2d_terms(s) * BLOCK;
  const float *q = first->weights + ic * BLOCK;
  vf w[MAX_TILE_VECTORS];
  UNROLL for (int64_t v = 0; v < vectors; v++) w[v] =
      vec_load(q + v / BLOCK_VECTORS * block_floats + v % BLOCK_VECTORS * VF);
  prefetch_weights(s, q, vectors);
  if (ahead_floats(s)) __builtin_prefetch(first->ahead + ic * ahead_floats(s), 0, 2);
  UNROLL for (int64_t m = 0; m < pixels; m++) {
    const vf x = vec_splat(first->input[t->in[m] + ic * s->in_channel]);
    UNROLL for (int64_t v = 0; v < vectors; v++) sum[m][v] += x * w[v];
  }
}

/* Add `terms` input channels of a kernel column to the sums. Where a term is a few products, what the loop costs
 * beside them shows: two terms a turn gain 2 to 5 percent. In tiles of what remains they gain too little for their
 * code. */
INLINE void conv2d_terms(const struct k_conv2d *s, const struct tile *t, struct term first, int64_t terms,
                         vf (*sum)[MAX_TILE_VECTORS], const int64_t pixels, const int64_t vectors) {
  if (pixels == s->tile_pixels && pixels * vectors <= SMALL_TILE) {
    UNROLL_BY_2 for (int64_t ic = 0; ic < terms; ic++) conv2d_term(s, t, &first, ic, sum, pixels, vectors);
  } else {
    NO_UNROLL for (int64_t ic = 0; ic < terms; ic++) conv2d_term(s, t, &first, ic, sum, pixels, vectors);
  }
}

/* Add kernel row kh to the sums. */
INLINE void conv2d_row(const struct k_conv2d *s, const struct tile *t, int64_t kh, vf (*sum)[MAX_TILE_VECTORS],
                       const int64_t pixels, const int64_t vectors) {
  if (VF == 8 && s->kernel_w * s->in_channels <= SHORT_ROW) {
    UNROLL for (int64_t kw = 0; kw < s->kernel_w; kw++)
        conv2d_terms(s, t, term_at(s, t, kh, kw, 0), s->in_channels, sum, pixels, vectors);
  } else {
    NO_UNROLL for (int64_t kw = 0; kw < s->kernel_w; kw++)
        conv2d_terms(s, t, term_at(s, t, kh, kw, 0), s->in_channels, sum, pixels, vectors);
  }
}

/* Memory that the compiler cannot see through, so that what is there takes no registers from the loop. */
INLINE vf *in_memory(vf *p) {
  __asm__ volatile("" : "+r"(p));
  return p;
}

INLINE void conv2d_clear(vf (*sum)[MAX_TILE_VECTORS], const int64_t pixels, const int64_t vectors) {
  UNROLL for (int64_t m = 0; m < pixels; m++) { UNROLL for (int64_t v = 0; v < vectors; v++) sum[m][v] = (vf){0}; }
}

/* Where the registers hold the sums and the totals, adding costs next to nothing. */
INLINE void conv2d_add_to(vf *total, const vf (*sum)[MAX_TILE_VECTORS], const int64_t pixels, const int64_t vectors) {
  if (2 * pixels * vectors + vectors + 1 > REGISTERS) total = in_memory(total);
  UNROLL for (int64_t m = 0; m < pixels; m++) {
    UNROLL for (int64_t v = 0; v < vectors; v++) total[m * vectors + v] += sum[m][v];
  }
}

/* Kernel row kh in pieces of sum_channels of a column. */
INLINE void conv2d_row_pieces(const struct k_conv2d *s, const struct tile *t, int64_t kh, vf *total,
                              const int64_t pixels, const int64_t vectors) {
  const int64_t ragged = s->in_channels % s->sum_channels;
  NO_UNROLL for (int64_t kw = 0; kw < s->kernel_w; kw++) {
    NO_UNROLL for (int64_t ic = 0; ic < s->in_channels; ic += s->sum_channels) {
      const int64_t terms = ragged ? min64(s->sum_channels, s->in_channels - ic) : s->sum_channels;
      vf sum[MAX_TILE_PIXELS][MAX_TILE_VECTORS];
      conv2d_clear(sum, pixels, vectors);
      conv2d_terms(s, t, term_at(s, t, kh, kw, ic), terms, sum, pixels, vectors);
      conv2d_add_to(total, sum, pixels, vectors);
    }
  }
}

/* Add all terms to the totals, piece by piece. */
INLINE void conv2d_pieces(const struct k_conv2d *s, const struct tile *t, vf *total, const int64_t pixels,
                          const int64_t vectors) {
  NO_UNROLL for (int64_t row = 0; row < s->kernel_h; row += s->sum_rows) {
    if (s->sum_channels) {
      conv2d_row_pieces(s, t, row, total, pixels, vectors);
      continue;
    }
    const int64_t end = s->kernel_h % s->sum_rows ? min64(row + s->sum_rows, s->kernel_h) : row + s->sum_rows;
    vf sum[MAX_TILE_PIXELS][MAX_TILE_VECTORS];
    conv2d_clear(sum, pixels, vectors);
    NO_UNROLL for (int64_t kh = row; kh < end; kh++) conv2d_row(s, t, kh, sum, pixels, vectors);
    conv2d_add_to(total, sum, pixels, vectors);
  }
}

/* Sums of `pixels` x `vectors`, bias included. */
INLINE void conv2d_sums(const struct k_conv2d *s, const struct tile *t, const float *bias, vf (*sum)[MAX_TILE_VECTORS],
                        const int64_t pixels, const int64_t vectors) {
  UNROLL for (int64_t m = 0; m < pixels; m++) {
    UNROLL for (int64_t v = 0; v < vectors; v++) sum[m][v] = vec_load(bias + v * VF);
  }
  if (s->sum_rows >= s->kernel_h && !s->sum_channels) {
    NO_UNROLL for (int64_t kh = 0; kh < s->kernel_h; kh++) conv2d_row(s, t, kh, sum, pixels, vectors);
    return;
  }
  vf total[REGISTERS];
  UNROLL for (int64_t m = 0; m < pixels; m++) {
    UNROLL for (int64_t v = 0; v < vectors; v++) total[m * vectors + v] = sum[m][v];
  }
  conv2d_pieces(s, t, total, pixels, vectors);
  UNROLL for (int64_t m = 0; m < pixels; m++) {
    UNROLL for (int64_t v = 0; v < vectors; v++) sum[m][v] = total[m * vectors + v];
  }
}

/* Store the sums through the expression, channels [channel, end). */
INLINE void conv2d_store(const struct k_conv2d *s, k_expression expression, void *const *buffers, const struct tile *t,
                         int64_t channel, int64_t last_lanes, const vf (*sum)[MAX_TILE_VECTORS], const int64_t pixels,
                         const int64_t vectors) {
  float *out = (float *)buffers[3];
  int64_t n = t->n, h = t->h, w = t->w;
  UNROLL for (int64_t m = 0; m < pixels; m++) {
    UNROLL for (int64_t v = 0; v < vectors; v++) {
      const int64_t in_last = v - (vectors - BLOCK_VECTORS); /* vector of the last block, or before it */
      const int64_t lanes = in_last >= 0 ? min64(VF, last_lanes - in_last * VF) : VF;
      if (lanes <= 0) continue;
      const int64_t at[4] = {n, h, w, channel + v * VF};
      float *p = out + n * s->out.image + h * s->out.row + w * s->out.pixel + channel + v * VF;
      vec_store_lanes(p, expression(sum[m][v], buffers, at, lanes), lanes);
    }
    next_pixel(s, &n, &h, &w);
  }
}

/* The border beside, above and below the tile's pixels. */
INLINE void conv2d_border(const struct k_conv2d *s, void *const *buffers, const struct tile *t, int64_t channel,
                          int64_t end) {
  int64_t n = t->n, h = t->h, w = t->w;
  if (s->tile_run == K_RUN_ROW) {
    float *image = (float *)buffers[3] + n * s->out.image;
    zero_border(&s->out, image, h, w == 0, w + t->pixels == s->out.width, channel, end);
    return;
  }
  NO_UNROLL for (int64_t m = 0; m < t->pixels; m++) {
    float *image = (float *)buffers[3] + n * s->out.image;
    zero_border(&s->out, image, h, w == 0, w + 1 == s->out.width, channel, end);
    next_pixel(s, &n, &h, &w);
  }
}

/* Tile number `tile`: `pixels` x `blocks`; the last block has `last_lanes` channels. */
INLINE void conv2d_tile(const struct k_conv2d *s, k_expression expression, void *const *buffers, struct tile *t,
                        int64_t tile, int64_t group, int64_t block, int64_t last_lanes, const int64_t pixels,
                        const int64_t blocks) {
  const int64_t blocks_per_group = k_conv2d_blocks(s);
  const int64_t packed_block = group * blocks_per_group + block, terms = k_conv2d_terms(s);
  const int64_t channel = group * s->out_channels + block * BLOCK;
  t->input = (const float *)buffers[0] + conv2d_window(s, t->n, t->h, t->w) + group * s->in_channels * s->in_channel;
  t->weights = (const float *)buffers[1] + packed_block * terms * BLOCK;
  t->ahead = fetches_input(s) ? t->input + pixels * s->stride_w * s->in_pixel
                              : t->weights + blocks * terms * BLOCK + tile * terms * ahead_floats(s);
  const float *bias = (const float *)buffers[2] + packed_block * BLOCK;
  vf sum[MAX_TILE_PIXELS][MAX_TILE_VECTORS];
  tile_locate(s, t, pixels);
  conv2d_border(s, buffers, t, channel, channel + (blocks - 1) * BLOCK + last_lanes);
  conv2d_sums(s, t, bias, sum, pixels, blocks * BLOCK_VECTORS);
  conv2d_store(s, expression, buffers, t, channel, last_lanes, sum, pixels, blocks * BLOCK_VECTORS);
}

/* Where tile number `tile` begins. A tile of an image begins with a row. */
INLINE struct tile tile_begin(const struct k_conv2d *s, int64_t tile) {
  const int64_t run = tile / tiles_per_run(s), pixel = tile % tiles_per_run(s) * s->tile_pixels;
  if (s->tile_run == K_RUN_ROW) return (struct tile){.n = run / s->out.height, .h = run % s->out.height, .w = pixel};
  if (s->tile_run == K_RUN_IMAGE) return (struct tile){.n = run, .h = pixel / s->out.width};
  const int64_t row = pixel / s->out.width;
  return (struct tile){.n = row / s->out.height, .h = row % s->out.height, .w = pixel % s->out.width};
}

/* Tile number `tile` over `blocks` blocks from `block` on. */
INLINE void conv2d_blocks(const struct k_conv2d *s, k_expression expression, void *const *buffers, int64_t tile,
                          int64_t group, int64_t block, const int64_t blocks) {
  const int64_t run = k_conv2d_run_pixels(s), rest = run % s->tile_pixels;
  const int64_t blocks_per_group = k_conv2d_blocks(s);
  const int64_t tail = s->out_channels % BLOCK;
  struct tile t = tile_begin(s, tile);
  const int is_rest = rest && tile % tiles_per_run(s) == tiles_per_run(s) - 1;
  const int is_tail = tail && block + blocks == blocks_per_group;
  if (is_rest && is_tail)
    conv2d_tile(s, expression, buffers, &t, tile, group, block, tail, rest, blocks);
  else if (is_rest)
    conv2d_tile(s, expression, buffers, &t, tile, group, block, BLOCK, rest, blocks);
  else if (is_tail)
    conv2d_tile(s, expression, buffers, &t, tile, group, block, tail, s->tile_pixels, blocks);
  else
    conv2d_tile(s, expression, buffers, &t, tile, group, block, BLOCK, s->tile_pixels, blocks);
}

KERNEL void k_conv2d_nhwc_f32(void *const *buffers, void *scratch, int64_t task_begin, int64_t task_end,
                              const struct k_conv2d *s, k_expression expression) {
  (void)scratch;
  const int64_t tiles = conv2d_tiles(s);
  const int64_t blocks_per_group = k_conv2d_blocks(s);
  const int64_t rest = blocks_per_group % s->tile_blocks;
  const int64_t tile_tasks = (tiles + s->tiles_per_task - 1) / s->tiles_per_task;
  const int64_t block_tasks = (blocks_per_group + s->blocks_per_task - 1) / s->blocks_per_task;
  NO_UNROLL for (int64_t task = task_begin; task < task_end; task++) {
    const int64_t first_tile = task % tile_tasks * s->tiles_per_task;
    const int64_t tile_end = min64(tiles, first_tile + s->tiles_per_task);
    const int64_t group = task / tile_tasks / block_tasks;
    const int64_t block_begin = task / tile_tasks % block_tasks * s->blocks_per_task;
    const int64_t block_end = min64(blocks_per_group, block_begin + s->blocks_per_task);
    NO_UNROLL for (int64_t block = block_begin; block < block_end; block += s->tile_blocks) {
      const int is_rest = rest && block + s->tile_blocks > blocks_per_group;
      NO_UNROLL for (int64_t tile = first_tile; tile < tile_end; tile++) {
        if (is_rest)
          conv2d_blocks(s, expression, buffers, tile, group, block, rest);
        else
          conv2d_blocks(s, expression, buffers, tile, group, block, s->tile_blocks);
      }
    }
  }
}
