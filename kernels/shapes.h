/* shapes.h - the constants of a specialised kernel. Shared by the templates,
 * the lowering that fills them and the tests.
 *
 * Every field is an int64_t, so that a struct is an array of numbers to the
 * compiler; strides count elements (4 bytes). Fields under "tile" are chosen per
 * target by codegen/select.c, all others by the lowering.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_KERNELS_SHAPES_H
#define MXN_KERNELS_SHAPES_H

#include <stdint.h>

/* Output channels in a block of packed convolution weights:
 * [group][block][kernel_h][kernel_w][in_channel][16], zeros where the last block
 * of a group is not full. */
#define K_CHANNEL_BLOCK 16

/* A channels-last activation: pixel (n, h, w) of channel c lies at
 * n * image + h * row + w * pixel + c. The border of `top` rows and `left`
 * pixels ... around each image is inside the same buffer and is kept zero by the
 * step that writes it. */
struct k_image {
  int64_t height, width;
  int64_t image, row, pixel;
  int64_t top, left, bottom, right;
};

/* The output pixels that tiles of a convolution divide. */
enum {
  K_RUN_ROW,   /* a row */
  K_RUN_IMAGE, /* an image, by whole rows */
  K_RUN_ALL    /* all pixels, one behind the other */
};

/* buffers: input at the window of output pixel (0, 0), weights, bias
 * [group][block][16], output, operands of the expression. */
struct k_conv2d {
  int64_t batch, groups;
  int64_t in_channels, out_channels; /* of one group */
  int64_t kernel_h, kernel_w, stride_h, stride_w, dilate_h, dilate_w;
  int64_t in_image, in_row, in_pixel, in_channel; /* any layout: NCHW has in_pixel 1 */
  struct k_image out;
  /* tile */
  int64_t tile_pixels;     /* output pixels held in registers */
  int64_t tile_run;        /* what tiles divide: K_RUN_... */
  int64_t tile_blocks;     /* channel blocks held in registers */
  int64_t tiles_per_task;  /* consecutive tiles, over rows and images */
  int64_t blocks_per_task; /* a multiple of tile_blocks, or all */
  int64_t sum_channels;    /* input channels of a tap that are summed before they join the total; or 0: */
  int64_t sum_rows;        /* rows of the kernel that are */
};

/* What the templates and the code that chooses their tiles must see alike. */
#define K_SHARED static inline __attribute__((always_inline))

enum {
  K_L1_WEIGHT_BYTES = 24 * 1024, /* weights of a tile that stay in L1; of 32 KiB the rest is for inputs */
  K_L2_BYTES = 512 * 1024        /* of L2 to use */
};

/* Runs of output pixels, one behind the other, and the pixels of each. */
K_SHARED int64_t k_conv2d_runs(const struct k_conv2d *s) {
  if (s->tile_run == K_RUN_ROW) return s->batch * s->out.height;
  return s->tile_run == K_RUN_IMAGE ? s->batch : 1;
}
K_SHARED int64_t k_conv2d_run_pixels(const struct k_conv2d *s) {
  return s->batch * s->out.height * s->out.width / k_conv2d_runs(s);
}

/* Channel blocks of a group. */
K_SHARED int64_t k_conv2d_blocks(const struct k_conv2d *s) {
  return (s->out_channels + K_CHANNEL_BLOCK - 1) / K_CHANNEL_BLOCK;
}

/* Products of an output, and the packed weights of a group. */
K_SHARED int64_t k_conv2d_terms(const struct k_conv2d *s) { return s->kernel_h * s->kernel_w * s->in_channels; }
K_SHARED int64_t k_conv2d_weight_bytes(const struct k_conv2d *s) {
  return k_conv2d_blocks(s) * k_conv2d_terms(s) * K_CHANNEL_BLOCK * 4;
}

/* Elements from one pixel of an activation to the next. Kernels read the same channel of several pixels, or of every
 * second one, at once: 4096 bytes apart, as with 512 or 1024 channels, these would share the few lines of one L1 set.
 */
K_SHARED int64_t k_pixel_stride(int64_t channels) { return channels % 512 == 0 ? channels + 16 : channels; }

/* buffers: input at the window of output pixel (0, 0), weights
 * [channel / 16][kernel_h][kernel_w][16], bias [channel], both as long as all
 * blocks of 16 are, output, operands of the expression. */
struct k_depthwise2d {
  int64_t batch, channels;
  int64_t kernel_h, kernel_w, stride_h, stride_w, dilate_h, dilate_w;
  int64_t in_image, in_row, in_pixel;
  struct k_image out;
  /* tile */
  int64_t tile_pixels; /* of a row, held in registers */
};

/* buffers: input at pixel (0, 0), output, operands of the expression. */
struct k_pool2d {
  int64_t batch, channels;
  int64_t in_h, in_w, in_image, in_row, in_pixel;
  int64_t kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w;
  int64_t is_max;             /* else the average, or the sum */
  int64_t divide_by;          /* average: 0 the window inside the image, 1 the window inside the padded image; sum: 2 */
  int64_t padded_h, padded_w; /* in_h + pad before and after */
  struct k_image out;
  /* tile */
  int64_t channels_per_task;
};

/* A reduction of an activation; dimensions that are reduced have size 1 in `out`.
 * buffers: input, output, operands of the expression. */
struct k_reduce {
  int64_t batch, height, width, channels; /* of the input */
  int64_t in_image, in_row, in_pixel;
  int64_t over_images, over_rows, over_pixels, over_channels;
  int64_t operation; /* 0 sum, 1 maximum, 2 minimum */
  int64_t divisor;   /* of the result: the number of elements for a mean, otherwise 1 */
  struct k_image out;
  /* tile */
  int64_t rows_per_task;
};

/* Any elementwise computation: the expression at every position of `out`. buffers: output, operands of the expression.
 */
struct k_loop {
  int64_t batch, channels;
  struct k_image out;
  /* tile */
  int64_t rows_per_task;
};

#define K_COPY_AXES 16

/* A copy between two orders: element (i0, i1, ...) lies at the sum of i * stride on
 * both sides. Axes that are not needed stand in front, with extent 1. buffers:
 * input, output at element (0, 0, ...), which is pixel (0, 0) of its image. */
struct k_copy {
  int64_t extent[K_COPY_AXES], in[K_COPY_AXES], out[K_COPY_AXES];
  int64_t rows;            /* product of all extents but the last */
  int64_t batch, channels; /* of the output */
  struct k_image image;    /* of the output, for its border */
  /* tile */
  int64_t rows_per_task;
};

/* exp(x - max) / sum over the channels of every pixel. buffers: input, output. */
struct k_softmax {
  int64_t batch, channels;
  int64_t in_image, in_row, in_pixel;
  struct k_image out;
  /* tile */
  int64_t rows_per_task;
};

/* Softmax over the images, the rows or the pixels of every channel, which lie one
 * behind the other. buffers: input, output. */
struct k_softmax_axis {
  int64_t extent[3]; /* images, rows, pixels */
  int64_t channels;
  int64_t axis;          /* 0, 1 or 2: the one of `extent` that is normalised */
  int64_t in[3], out[3]; /* strides of images, rows, pixels */
  /* tile */
  int64_t lines_per_task;
};

#endif
