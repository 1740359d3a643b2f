/* png.c - PNG through libpng: see codec.h.
 *
 * libpng reports by a callback that does not return, so decoding has one recovery
 * point (docs/decisions/0008). All that decoding changes lies in the struct.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "io/codec.h"

typedef struct png_decoder {
  png_structp png;
  png_infop info;
  jmp_buf recovery;
  const uint8_t *data;
  size_t bytes, at;
  const char *path;
  uint32_t n_channels;
  image image;
  uint8_t **rows;
  mxn_status status;
  mxn_error *err;
} png_decoder;

static _Noreturn void give_up(png_decoder *d, mxn_status status) {
  d->status = status;
  longjmp(d->recovery, 1);
}

static _Noreturn void on_error(png_structp png, png_const_charp text) {
  png_decoder *d = png_get_error_ptr(png);
  give_up(d, error_set(d->err, MXN_FORMAT, "%s: PNG: %s", d->path, text));
}

static void on_warning(png_structp png, png_const_charp text) {
  (void)png;
  (void)text;
}

static void read_bytes(png_structp png, png_bytep to, size_t n) {
  png_decoder *d = png_get_io_ptr(png);
  if (n > d->bytes - d->at)
    give_up(d, error_set(d->err, MXN_FORMAT, "%s: the PNG ends at byte %zu, before its image does", d->path, d->bytes));
  memcpy(to, d->data + d->at, n);
  d->at += n;
}

/* Whatever the file has becomes 8 bits of grey or of red, green and blue. */
static void set_transforms(png_decoder *d) {
  const png_byte colours = png_get_color_type(d->png, d->info), depth = png_get_bit_depth(d->png, d->info);
  const bool is_grey = !(colours & PNG_COLOR_MASK_COLOR);
  if (d->n_channels == 0) d->n_channels = is_grey ? 1 : 3;
  if (depth == 16) png_set_strip_16(d->png);
  if (colours == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(d->png);
  if (is_grey && depth < 8) png_set_expand_gray_1_2_4_to_8(d->png);
  png_set_strip_alpha(d->png);
  if (is_grey && d->n_channels == 3) png_set_gray_to_rgb(d->png);
  if (!is_grey && d->n_channels == 1) png_set_rgb_to_gray(d->png, PNG_ERROR_ACTION_NONE, 0.299, 0.587);
}

static void read_rows(png_decoder *d) {
  const size_t row_bytes = d->image.width * d->n_channels;
  d->rows = calloc(d->image.height, sizeof *d->rows);
  if (!d->rows) give_up(d, error_set(d->err, MXN_NOMEM, "%s: out of memory", d->path));
  for (size_t y = 0; y < d->image.height; y++) d->rows[y] = d->image.pixels + y * row_bytes;
  png_set_interlace_handling(d->png);
  png_read_update_info(d->png, d->info);
  if (png_get_rowbytes(d->png, d->info) != row_bytes)
    give_up(d, error_set(d->err, MXN_UNSUPPORTED, "%s: the PNG has a row of %zu bytes, expected %zu", d->path,
                         png_get_rowbytes(d->png, d->info), row_bytes));
  png_read_image(d->png, d->rows);
  png_read_end(d->png, NULL);
}

static void decode(png_decoder *d) {
  d->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, d, on_error, on_warning);
  if (d->png) d->info = png_create_info_struct(d->png);
  if (!d->info) give_up(d, error_set(d->err, MXN_NOMEM, "%s: out of memory", d->path));
  png_set_read_fn(d->png, d, read_bytes);
  png_read_info(d->png, d->info);
  set_transforms(d);
  const mxn_status status = image_init(&d->image, png_get_image_width(d->png, d->info),
                                       png_get_image_height(d->png, d->info), d->n_channels, d->path, d->err);
  if (status != MXN_OK) give_up(d, status);
  read_rows(d);
}

static void decode_or_recover(png_decoder *d) {
  if (setjmp(d->recovery) == 0) decode(d);
}

mxn_status png_decode(const uint8_t *data, size_t bytes, const char *path, uint32_t n_channels, image *out_image,
                      mxn_error *err) {
  png_decoder *d = calloc(1, sizeof *d);
  if (!d) return error_set(err, MXN_NOMEM, "%s: out of memory", path);
  d->data = data;
  d->bytes = bytes;
  d->path = path;
  d->n_channels = n_channels;
  d->err = err;
  decode_or_recover(d);
  png_destroy_read_struct(&d->png, &d->info, NULL);
  free(d->rows);
  const mxn_status status = d->status;
  if (status != MXN_OK) image_finish(&d->image);
  *out_image = d->image;
  free(d);
  return status;
}
