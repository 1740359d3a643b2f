/* image.c - see image.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "io/image.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "io/codec.h"

static const uint8_t jpeg_magic[3] = {0xff, 0xd8, 0xff};
static const uint8_t png_magic[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

static bool begins_with(const uint8_t *data, size_t bytes, const uint8_t *magic, size_t n) {
  return bytes >= n && memcmp(data, magic, n) == 0;
}

bool image_is(const uint8_t *data, size_t bytes) {
  return begins_with(data, bytes, jpeg_magic, sizeof jpeg_magic) ||
         begins_with(data, bytes, png_magic, sizeof png_magic);
}

const char *image_other_format(const uint8_t *data, size_t bytes) {
  static const struct {
    const char *name, *magic;
    size_t offset;
  } formats[] = {{"GIF", "GIF8", 0}, {"BMP", "BM", 0},         {"WebP", "WEBP", 8},
                 {"TIFF", "II*", 0}, {"TIFF", "MM", 0},        {"HEIF or AVIF", "ftyp", 4},
                 {"PBM", "P4", 0},   {"PGM", "P5", 0},         {"PPM", "P6", 0},
                 {"PSD", "8BPS", 0}, {"JPEG 2000", "jP  ", 4}, {"SVG", "<svg", 0}};
  for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
    const size_t n = strlen(formats[i].magic), offset = formats[i].offset;
    if (bytes >= offset + n && memcmp(data + offset, formats[i].magic, n) == 0) return formats[i].name;
  }
  return NULL;
}

mxn_status image_init(image *img, size_t width, size_t height, uint32_t n_channels, const char *path, mxn_error *err) {
  *img = (image){.width = width, .height = height, .n_channels = n_channels};
  if (width == 0 || height == 0 || width > IMAGE_MAX_PIXELS / height)
    return error_set(err, MXN_UNSUPPORTED, "%s: an image of %zu x %zu pixels, expected 1 to %d", path, width, height,
                     IMAGE_MAX_PIXELS);
  img->pixels = malloc(width * height * n_channels);
  if (img->pixels) return MXN_OK;
  return error_set(err, MXN_NOMEM, "%s: no memory for %zu x %zu pixels", path, width, height);
}

void image_finish(image *img) {
  free(img->pixels);
  *img = (image){0};
}

/* Orientation. */

/* How EXIF's orientations read the stored pixels for upright ones. */
static const struct {
  bool is_transposed, is_flipped_x, is_flipped_y;
} orientations[] = {[2] = {0, 1, 0}, [3] = {0, 1, 1}, [4] = {0, 0, 1}, [5] = {1, 0, 0},
                    [6] = {1, 0, 1}, [7] = {1, 1, 1}, [8] = {1, 1, 0}};

static mxn_status turn_upright(image *img, int orientation, const char *path, mxn_error *err) {
  const bool is_transposed = orientations[orientation].is_transposed;
  const size_t width = is_transposed ? img->height : img->width, height = is_transposed ? img->width : img->height;
  const size_t n_channels = img->n_channels;
  image upright;
  TRY(image_init(&upright, width, height, img->n_channels, path, err));
  for (size_t y = 0; y < height; y++) {
    for (size_t x = 0; x < width; x++) {
      size_t from_x = is_transposed ? y : x, from_y = is_transposed ? x : y;
      if (orientations[orientation].is_flipped_x) from_x = img->width - 1 - from_x;
      if (orientations[orientation].is_flipped_y) from_y = img->height - 1 - from_y;
      memcpy(upright.pixels + (y * width + x) * n_channels, img->pixels + (from_y * img->width + from_x) * n_channels,
             n_channels);
    }
  }
  image_finish(img);
  *img = upright;
  return MXN_OK;
}

mxn_status image_decode(const uint8_t *data, size_t bytes, const char *path, uint32_t n_channels, image *out_image,
                        mxn_error *err) {
  int orientation = 1;
  *out_image = (image){0};
  if (begins_with(data, bytes, png_magic, sizeof png_magic))
    return png_decode(data, bytes, path, n_channels, out_image, err);
  TRY(jpeg_decode(data, bytes, path, n_channels, out_image, &orientation, err));
  if (orientation == 1) return MXN_OK;
  const mxn_status status = turn_upright(out_image, orientation, path, err);
  if (status != MXN_OK) image_finish(out_image);
  return status;
}

/* Resizing. Weights are integers of 11 bits; a row interpolated in x keeps those
 * bits, and the second step takes 22 of them away in two roundings (OpenCV). */
enum { WEIGHT_BITS = 11, WEIGHT_ONE = 1 << WEIGHT_BITS };

/* Where an output pixel reads along one axis. */
typedef struct tap {
  size_t first, second;
  int32_t first_weight, second_weight;
} tap;

static size_t clip(double index, size_t n) { return index<0 ? 0 : index>(double)(n - 1) ? n - 1 : (size_t)index; }

/* `at_edge`: beyond the edge one pixel has the whole weight. */
static tap find_tap(size_t i, size_t n_from, size_t n_to, bool at_edge) {
  const double scale = 1 / ((double)n_to / (double)n_from);
  const float position = (float)(((double)i + 0.5) * scale - 0.5), base = floorf(position);
  float fraction = position - base;
  if (at_edge && (base < 0 || base >= (float)(n_from - 1))) fraction = 0;
  return (tap){clip((double)base, n_from), clip((double)base + 1, n_from),
               (int32_t)lrintf((1.0f - fraction) * (float)WEIGHT_ONE), (int32_t)lrintf(fraction * (float)WEIGHT_ONE)};
}

static void interpolate_row(const image *from, size_t y, const tap *taps, size_t width, int32_t *to) {
  const size_t n_channels = from->n_channels;
  const uint8_t *row = from->pixels + y * from->width * n_channels;
  for (size_t x = 0; x < width; x++)
    for (size_t c = 0; c < n_channels; c++)
      *to++ = row[taps[x].first * n_channels + c] * taps[x].first_weight +
              row[taps[x].second * n_channels + c] * taps[x].second_weight;
}

static void blend_rows(const int32_t *first, const int32_t *second, const tap *t, size_t n, uint8_t *to) {
  for (size_t i = 0; i < n; i++) {
    const int32_t a = t->first_weight * (first[i] >> 4) >> 16, b = t->second_weight * (second[i] >> 4) >> 16;
    to[i] = (uint8_t)((a + b + 2) >> 2);
  }
}

mxn_status image_resize(const image *from, size_t width, size_t height, image *out_image, mxn_error *err) {
  image to;
  TRY(image_init(&to, width, height, from->n_channels, "--resize", err));
  const size_t n = width * from->n_channels;
  tap *taps = calloc(width, sizeof *taps);
  int32_t *rows = calloc(2 * n, sizeof *rows);
  if (taps && rows) {
    for (size_t x = 0; x < width; x++) taps[x] = find_tap(x, from->width, width, true);
    for (size_t y = 0; y < height; y++) {
      const tap t = find_tap(y, from->height, height, false);
      interpolate_row(from, t.first, taps, width, rows);
      interpolate_row(from, t.second, taps, width, rows + n);
      blend_rows(rows, rows + n, &t, n, to.pixels + y * n);
    }
    *out_image = to;
  } else {
    image_finish(&to);
  }
  free(rows);
  free(taps);
  return to.pixels ? MXN_OK : error_set(err, MXN_NOMEM, "no memory to resize an image");
}
