/* image.h - photographs: JPEG and PNG as 8-bit pixels, and their size.
 *
 * What MXNet's image.imdecode and image.imresize give (OpenCV), with the same
 * numbers: an orientation in the EXIF data of a JPEG is applied; transparency is
 * dropped; of 16 bits the upper 8 count; grey comes from a JPEG's own luminance,
 * from a PNG's colours as 0.299 R + 0.587 G + 0.114 B. Colour profiles are ignored.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_IO_IMAGE_H
#define MXN_IO_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mxneuron/status.h"

/* Rows from the top, pixels from the left: [height][width][n_channels]. */
typedef struct image {
  size_t width, height;
  uint32_t n_channels; /* 1 grey, 3 red, green, blue */
  uint8_t *pixels;     /* heap: image_finish() */
} image;

enum { IMAGE_MAX_PIXELS = 1 << 26 };

/* Whether the bytes begin like a JPEG or a PNG. */
bool image_is(const uint8_t *data, size_t bytes);

/* "GIF", where the bytes begin like an image of another format; else NULL. */
const char *image_other_format(const uint8_t *data, size_t bytes);

/* Decode with 1 or 3 channels, 0 for those of the file. Messages name `path`.
 * Errors: FORMAT (damaged, cut short), UNSUPPORTED (CMYK, more than
 * IMAGE_MAX_PIXELS), NOMEM. */
MXN_MUST_CHECK mxn_status image_decode(const uint8_t *data, size_t bytes, const char *path, uint32_t n_channels,
                                       image *out_image, mxn_error *err);

/* Bilinear, with pixel centres at half: output pixel x lies at (x + 0.5) * scale -
 * 0.5 of the input, and what is beyond the edge is the edge. Weights have 11 bits,
 * as OpenCV's have. Making an image smaller skips pixels, it does not average. */
MXN_MUST_CHECK mxn_status image_resize(const image *from, size_t width, size_t height, image *out_image,
                                       mxn_error *err);

/* Memory for the pixels; the limit is checked. */
MXN_MUST_CHECK mxn_status image_init(image *img, size_t width, size_t height, uint32_t n_channels, const char *path,
                                     mxn_error *err);
void image_finish(image *img); /* also for one that is all zero */

#endif
