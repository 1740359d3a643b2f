/* select.c - an analytic cost picks tile sizes.
 *
 * The model counts cycles of a core with two FMA and two loads of a vector a cycle
 * and 512 KiB of L2 to use. Cores that take two cycles for a 512-bit FMA (Zen 4)
 * are slower by the same factor for all tiles, or wait less. It ranks candidates;
 * it does not predict times. SPDX-License-Identifier: Apache-2.0
 */
#include "codegen/select.h"

#include <string.h>

enum {
  MAX_TILE_PIXELS = 28,
  MAX_WRAPPED_PIXELS = 6, /* each one's address has a general register of its own */
  MAX_TILE_VECTORS = 8,
  MIN_FMA_CYCLES = 5,      /* until a sum can be used again: latency 4, seldom met in full */
  L2_BYTES_PER_CYCLE = 15, /* as the kernel gets weights from there, measured on an Intel core with 512-bit FMA */
  ALIAS_BYTES = 4096,      /* lines that far apart share an L1 set */
  ALIAS_WAYS = 8,
  TASK_CYCLES = 20000, /* about 6 microseconds: a barrier costs less than one */
  MAX_TASKS = 64,
};

static int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }
static int64_t min_of(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t max_of(int64_t a, int64_t b) { return a > b ? a : b; }
static double max_cost(double a, double b) { return a > b ? a : b; }

static int sums_by_pieces(const struct k_conv2d *s) { return s->sum_channels || s->sum_rows < s->kernel_h; }

/* Products that are summed in registers before they join the total: about the square root of all, which makes the
 * least rounding error, but enough of them to hide the work of adding. Pieces of equal size need no code for what
 * remains. */
static void select_sums(const target *t, struct k_conv2d *s) {
  const int64_t row = s->kernel_w * s->in_channels, terms = s->kernel_h * row;
  int64_t piece = t->vector_floats == 16 ? 48 : 32;
  while (piece * piece < terms) piece += 8;
  s->sum_channels = 0;
  s->sum_rows = s->kernel_h;
  if (terms < 2 * piece) return;
  if (row < 2 * piece || s->in_channels < piece / 2) {
    s->sum_rows = max_of(1, piece / row);
    return;
  }
  s->sum_rows = 1;
  s->sum_channels = min_of(piece, s->in_channels);
  for (int64_t n = piece; n < 2 * piece; n++) {
    if (s->in_channels % n) continue;
    s->sum_channels = n;
    break;
  }
}

static int tile_fits(const target *t, int64_t pixels, int64_t blocks) {
  const int64_t vectors = blocks * K_CHANNEL_BLOCK / t->vector_floats;
  if (vectors > MAX_TILE_VECTORS) return 0;
  if (pixels == 1) return vectors + 2 <= t->vector_registers;
  return pixels * vectors + vectors + 1 <= t->vector_registers;
}

/* Cycles of adding a tile's sums to its totals, piece by piece. The totals have registers of their own where both
 * fit, else they are loaded and stored. */
static double add_cost(const target *t, const struct k_conv2d *s, double pixels, double vectors) {
  if (!sums_by_pieces(s)) return 0;
  const int64_t rows = divide_up(s->kernel_h, s->sum_rows);
  const int64_t pieces = s->sum_channels ? rows * s->kernel_w * divide_up(s->in_channels, s->sum_channels) : rows;
  const double in_registers = 2 * pixels * vectors + vectors + 1 <= t->vector_registers;
  return (double)pieces * pixels * vectors * (in_registers ? 0.5 : 1.5);
}

/* Cycles of one tile of `pixels` x `blocks`. */
static double tile_cost(const target *t, const struct k_conv2d *s, int64_t pixels, int64_t blocks) {
  const double vectors = (double)(blocks * K_CHANNEL_BLOCK / t->vector_floats);
  const double taps = (double)(s->kernel_h * s->kernel_w), terms = taps * (double)s->in_channels;
  const double slab_bytes = terms * (double)blocks * K_CHANNEL_BLOCK * 4;
  double cycles = max_cost((double)pixels * vectors / 2, MIN_FMA_CYCLES);
  cycles = max_cost(cycles, (vectors + (double)pixels) / 2);
  cycles += 0.05 * (vectors + (double)pixels); /* of two that are equal, the one that loads less */
  if (slab_bytes > K_L1_WEIGHT_BYTES)
    cycles = max_cost(cycles, (double)blocks * K_CHANNEL_BLOCK * 4 / L2_BYTES_PER_CYCLE);
  const int64_t step_bytes = s->stride_w * s->in_pixel * 4;
  if (s->in_pixel > 1 && step_bytes % ALIAS_BYTES == 0 && pixels > ALIAS_WAYS) cycles *= 1.6;
  const double locate = s->tile_run == K_RUN_ALL ? (double)pixels * 8 : 0;
  return terms * cycles + taps * 6 + add_cost(t, s, pixels, vectors) + (double)pixels * vectors * 3 + locate + 30;
}

/* Cycles of the whole layer, all tiles of a run and what remains of it. */
static double conv2d_cost(const target *t, const struct k_conv2d *s, int64_t pixels, int64_t blocks) {
  const int64_t runs = k_conv2d_runs(s), width = k_conv2d_run_pixels(s), all_blocks = k_conv2d_blocks(s);
  const int64_t rest_pixels = width % pixels, rest_blocks = all_blocks % blocks;
  double run = 0;
  for (int is_rest = 0; is_rest < 2; is_rest++) {
    const int64_t n = is_rest ? rest_blocks != 0 : all_blocks / blocks, b = is_rest ? rest_blocks : blocks;
    if (!n) continue;
    run += (double)n * (double)(width / pixels) * tile_cost(t, s, pixels, b);
    if (rest_pixels) run += (double)n * tile_cost(t, s, rest_pixels, b);
  }
  const double code = 1 + (rest_pixels ? 0.01 : 0) + (rest_blocks ? 0.02 : 0);
  return run * code * (double)(runs * s->groups);
}

/* Tasks: where the weights exceed L2 they are read once and tasks share out the
 * blocks; otherwise tasks share out the pixels. */
static uint32_t conv2d_tasks(struct k_conv2d *s, double cost) {
  const int64_t runs = k_conv2d_runs(s), run = k_conv2d_run_pixels(s), tiles = runs * divide_up(run, s->tile_pixels);
  const int64_t blocks = k_conv2d_blocks(s), block_tiles = divide_up(blocks, s->tile_blocks);
  const int64_t wanted = max_of(1, min_of(MAX_TASKS, (int64_t)(cost / TASK_CYCLES)));
  const double pixel_bytes = 4.0 * (double)(s->in_pixel > 1 ? s->in_pixel : s->in_channels);
  const double input_bytes =
      pixel_bytes * (double)(s->out.height * s->out.width) * (double)s->stride_h * (double)s->stride_w;
  int64_t block_tasks = 1, tile_tasks = 1;
  if (k_conv2d_weight_bytes(s) > K_L2_BYTES && input_bytes <= 2 * K_L2_BYTES) {
    block_tasks = min_of(wanted, block_tiles);
    tile_tasks = min_of(tiles, divide_up(wanted, block_tasks));
  } else {
    tile_tasks = min_of(wanted, tiles);
    block_tasks = min_of(block_tiles, divide_up(wanted, tile_tasks));
  }
  s->tiles_per_task = divide_up(tiles, tile_tasks);
  s->blocks_per_task = divide_up(block_tiles, block_tasks) * s->tile_blocks;
  return (uint32_t)(divide_up(tiles, s->tiles_per_task) * divide_up(blocks, s->blocks_per_task) * s->groups);
}

/* Keep the cheapest tile of the candidate's runs, in multiples of `whole` pixels. */
static void try_tiles(const target *t, const struct k_conv2d *s, int64_t whole, int64_t max_pixels,
                      struct k_conv2d *best, double *best_cost) {
  for (int64_t blocks = 1; blocks <= min_of(MAX_TILE_VECTORS, k_conv2d_blocks(s)); blocks++) {
    for (int64_t pixels = whole; pixels <= max_pixels; pixels += whole) {
      if (!tile_fits(t, pixels, blocks)) continue;
      const double cost = conv2d_cost(t, s, pixels, blocks);
      if (*best_cost >= 0 && cost >= *best_cost) continue;
      *best_cost = cost;
      best->tile_pixels = pixels;
      best->tile_blocks = blocks;
      best->tile_run = s->tile_run;
    }
  }
}

static uint32_t select_conv2d(const target *t, struct k_conv2d *s) {
  select_sums(t, s);
  struct k_conv2d candidate = *s;
  double best_cost = -1;
  candidate.tile_run = K_RUN_ROW;
  try_tiles(t, &candidate, 1, min_of(MAX_TILE_PIXELS, s->out.width), s, &best_cost);
  candidate.tile_run = K_RUN_IMAGE;
  if (s->out.height > 1) try_tiles(t, &candidate, s->out.width, MAX_TILE_PIXELS, s, &best_cost);
  candidate.tile_run = K_RUN_ALL;
  if (s->batch * s->out.height > 1) try_tiles(t, &candidate, 1, MAX_WRAPPED_PIXELS, s, &best_cost);
  return conv2d_tasks(s, best_cost);
}

/* As few tiles as the registers allow, of equal size: pixels share the columns that they load. */
static uint32_t select_depthwise2d(const target *t, struct k_depthwise2d *s) {
  const int64_t most = t->vector_registers / 4;
  s->tile_pixels = divide_up(s->out.width, divide_up(s->out.width, most));
  return (uint32_t)(s->batch * s->out.height);
}

/* Rows of a task so that it works on some thousand elements. */
static int64_t rows_per_task(int64_t rows, int64_t row_elements) {
  const int64_t tasks = max_of(1, min_of(MAX_TASKS, rows * row_elements / 16384));
  return divide_up(rows, min_of(tasks, rows));
}

static uint32_t select_pool2d(const target *t, struct k_pool2d *s) {
  const int64_t rows = s->batch * s->out.height, chunk = 4 * t->vector_floats;
  const int64_t work = rows * s->out.width * s->kernel_h * s->kernel_w * s->channels;
  s->channels_per_task = s->channels;
  if (rows < 4 && work > 16384 && s->channels > chunk) s->channels_per_task = chunk;
  return (uint32_t)(rows * divide_up(s->channels, s->channels_per_task));
}

/* Behind the tasks of the rows one for the borders. */
static uint32_t select_copy(struct k_copy *s) {
  const struct k_image *o = &s->image;
  s->rows_per_task = rows_per_task(s->rows, s->extent[K_COPY_AXES - 1] * 4);
  const bool has_border = o->top || o->left || o->bottom || o->right;
  return (uint32_t)divide_up(s->rows, s->rows_per_task) + has_border;
}

uint32_t select_tiles(const target *t, kernel_template kernel, kernel_shape *shape) {
  switch (kernel) {
    case KERNEL_CONV2D_NHWC_F32: return select_conv2d(t, &shape->conv2d);
    case KERNEL_DEPTHWISE2D_NHWC_F32: return select_depthwise2d(t, &shape->depthwise2d);
    case KERNEL_POOL2D_NHWC_F32: return select_pool2d(t, &shape->pool2d);
    case KERNEL_LOOP_NHWC_F32: {
      struct k_loop *s = &shape->loop;
      const int64_t rows = s->batch * s->out.height;
      s->rows_per_task = rows_per_task(rows, s->out.width * s->channels);
      return (uint32_t)divide_up(rows, s->rows_per_task);
    }
    case KERNEL_REDUCE_NHWC_F32: {
      struct k_reduce *s = &shape->reduce;
      const int64_t rows = (s->over_images ? 1 : s->batch) * s->out.height;
      s->rows_per_task = rows_per_task(rows, s->batch * s->height * s->width * s->channels / rows);
      return (uint32_t)divide_up(rows, s->rows_per_task);
    }
    case KERNEL_COPY_F32: return select_copy(&shape->copy);
    case KERNEL_SOFTMAX_NHWC_F32: {
      struct k_softmax *s = &shape->softmax;
      const int64_t rows = s->batch * s->out.height;
      s->rows_per_task = rows_per_task(rows, s->out.width * s->channels * 8);
      return (uint32_t)divide_up(rows, s->rows_per_task);
    }
    case KERNEL_SOFTMAX_AXIS_NHWC_F32: {
      struct k_softmax_axis *s = &shape->softmax_axis;
      const int64_t length = s->extent[s->axis], lines = s->extent[0] * s->extent[1] * s->extent[2] / length;
      s->lines_per_task = rows_per_task(lines, length * s->channels * 8);
      return (uint32_t)divide_up(lines, s->lines_per_task);
    }
    case N_KERNEL_TEMPLATES: break;
  }
  return 0;
}
