/* codec.h - the two image formats behind image_decode(), and orientation.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_IO_CODEC_H
#define MXN_IO_CODEC_H

#include "io/image.h"

/* As image_decode(); *out_orientation is 1 to 8, as in EXIF. */
MXN_MUST_CHECK mxn_status jpeg_decode(const uint8_t *data, size_t bytes, const char *path, uint32_t n_channels,
                                      image *out_image, int *out_orientation, mxn_error *err);
MXN_MUST_CHECK mxn_status png_decode(const uint8_t *data, size_t bytes, const char *path, uint32_t n_channels,
                                     image *out_image, mxn_error *err);

/* The orientation in a JPEG's APP1 segment; 1 where it has none. */
int exif_orientation(const uint8_t *data, size_t bytes);

#endif
