/* pixels.h - from an image to the numbers that a model wants.
 *
 *     number = (pixel - mean) * scale / std
 *
 * in float32, pixels from 0 to 255; mean and std are per channel, in the order in
 * which the model gets the channels.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_CLI_PIXELS_H
#define MXN_CLI_PIXELS_H

#include "cli/options.h"
#include "io/image.h"
#include "mxneuron/tensor.h"

/* One number for all channels, or one for each. */
typedef struct channel_numbers {
  double values[3];
  size_t n; /* 0: not given */
} channel_numbers;

typedef struct pixel_settings {
  size_t width, height; /* 0: not given */
  channel_numbers mean, deviation;
  double scale;
  bool is_nhwc, is_bgr;
} pixel_settings;

/* The option that only images have and that is given, or NULL. */
const char *pixel_option_given(const options *o);

/* Read the options. MXN_ARGUMENT with the option, what is expected and what is there. */
MXN_MUST_CHECK mxn_status pixel_settings_parse(const options *o, pixel_settings *out, mxn_error *err);

/* Axes of a batch of images. */
typedef struct image_axes {
  int32_t channels, height, width;
} image_axes;
image_axes pixel_axes(const pixel_settings *s);

/* Check that mean and std suit an image's channels; messages name `path`. */
MXN_MUST_CHECK mxn_status pixel_settings_check(const pixel_settings *s, uint32_t n_channels, const char *path,
                                               mxn_error *err);

/* One image as [channels][height][width], or [height][width][channels] for NHWC. */
void pixels_put(const pixel_settings *s, const image *img, float *to);

#endif
