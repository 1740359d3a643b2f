/* image_fuzz.c - JPEG and PNG, EXIF data, and resizing of what they give.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "fuzz/fuzz.h"
#include "io/codec.h"
#include "io/image.h"

/* Large ones are only slow. */
enum { MAX_PIXELS = 1 << 16, WIDTH = 7, HEIGHT = 5 };

static void check_image(const image *img) {
  static volatile uint8_t sum;
  image small;
  mxn_error err = {0};
  for (size_t i = 0; i < img->width * img->height * img->n_channels; i++) sum ^= img->pixels[i];
  if (img->width > MAX_PIXELS / img->height) return;
  if (image_resize(img, WIDTH, HEIGHT, &small, &err) != MXN_OK) abort();
  for (size_t i = 0; i < (size_t)WIDTH * HEIGHT * small.n_channels; i++) sum ^= small.pixels[i];
  image_finish(&small);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
  const int orientation = exif_orientation(data, bytes);
  if (orientation < 1 || orientation > 8) abort();
  for (uint32_t n_channels = 0; n_channels <= 3 && image_is(data, bytes); n_channels += n_channels ? 2 : 1) {
    image img;
    mxn_error err = {0};
    const mxn_status status = image_decode(data, bytes, "fuzz", n_channels, &img, &err);
    check_refusal(status, &err);
    if (status == MXN_OK) check_image(&img);
    image_finish(&img);
  }
  return 0;
}
