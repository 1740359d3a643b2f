/* jpeg.c - JPEG through libjpeg-turbo: see codec.h.
 *
 * libjpeg reports by callbacks that do not return, so decoding has one recovery
 * point (docs/decisions/0008). All that decoding changes lies in the struct.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

/* jpeglib.h needs <stdio.h> before it, jerror.h needs jpeglib.h. */
#include <jpeglib.h>

#include <jerror.h>

#include "base/error.h"
#include "io/codec.h"

/* More scans than any encoder writes: a small file could keep us busy for hours. */
enum { MAX_SCANS = 500, EXIF_MARKER = JPEG_APP0 + 1, MAX_MARKER_BYTES = 65533 };

typedef struct jpeg_decoder {
  struct jpeg_decompress_struct info;
  struct jpeg_error_mgr errors;
  struct jpeg_progress_mgr progress;
  jmp_buf recovery;
  const uint8_t *data;
  size_t bytes;
  const char *path;
  uint32_t n_channels;
  image image;
  int orientation;
  mxn_status status;
  mxn_error *err;
} jpeg_decoder;

static _Noreturn void give_up(jpeg_decoder *d, mxn_status status) {
  d->status = status;
  longjmp(d->recovery, 1);
}

static _Noreturn void on_error(j_common_ptr info) {
  jpeg_decoder *d = info->client_data;
  char text[JMSG_LENGTH_MAX];
  info->err->format_message(info, text);
  give_up(d, error_set(d->err, info->err->msg_code == JERR_OUT_OF_MEMORY ? MXN_NOMEM : MXN_FORMAT, "%s: JPEG: %s",
                       d->path, text));
}

/* A damaged image would be filled with grey; superfluous bytes do no harm. */
static void on_message(j_common_ptr info, int level) {
  jpeg_decoder *d = info->client_data;
  const int code = info->err->msg_code;
  if (level >= 0 || code == JWRN_EXTRANEOUS_DATA || code == JWRN_ADOBE_XFORM) return;
  if (code == JWRN_JPEG_EOF)
    give_up(d,
            error_set(d->err, MXN_FORMAT, "%s: the JPEG ends at byte %zu, before its image does", d->path, d->bytes));
  on_error(info);
}

static void on_progress(j_common_ptr info) {
  jpeg_decoder *d = info->client_data;
  if (d->info.input_scan_number <= MAX_SCANS) return;
  give_up(d, error_set(d->err, MXN_UNSUPPORTED, "%s: a JPEG of more than %d scans", d->path, MAX_SCANS));
}

static const char *colour_space_name(J_COLOR_SPACE space) {
  return space == JCS_CMYK || space == JCS_YCCK ? "CMYK" : "of no known colours";
}

static void choose_colours(jpeg_decoder *d) {
  const J_COLOR_SPACE space = d->info.jpeg_color_space;
  if (space != JCS_GRAYSCALE && space != JCS_YCbCr && space != JCS_RGB)
    give_up(d, error_set(d->err, MXN_UNSUPPORTED,
                         "%s: the JPEG is %s (%d components), expected grey or RGB; convert it first", d->path,
                         colour_space_name(space), d->info.num_components));
  if (d->n_channels == 0) d->n_channels = space == JCS_GRAYSCALE ? 1 : 3;
  d->info.out_color_space = d->n_channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
}

static void find_orientation(jpeg_decoder *d) {
  d->orientation = 1;
  for (jpeg_saved_marker_ptr m = d->info.marker_list; m && d->orientation == 1; m = m->next)
    d->orientation = exif_orientation(m->data, m->data_length);
}

static void decode(jpeg_decoder *d) {
  jpeg_create_decompress(&d->info);
  d->info.progress = &d->progress;
  d->progress.progress_monitor = on_progress;
  jpeg_save_markers(&d->info, EXIF_MARKER, MAX_MARKER_BYTES);
  jpeg_mem_src(&d->info, d->data, d->bytes);
  jpeg_read_header(&d->info, TRUE);
  choose_colours(d);
  find_orientation(d);
  const mxn_status status =
      image_init(&d->image, d->info.image_width, d->info.image_height, d->n_channels, d->path, d->err);
  if (status != MXN_OK) give_up(d, status);
  jpeg_start_decompress(&d->info);
  while (d->info.output_scanline < d->info.output_height) {
    JSAMPROW row = d->image.pixels + (size_t)d->info.output_scanline * d->image.width * d->n_channels;
    jpeg_read_scanlines(&d->info, &row, 1);
  }
  jpeg_finish_decompress(&d->info);
}

static void decode_or_recover(jpeg_decoder *d) {
  if (setjmp(d->recovery) == 0) decode(d);
}

mxn_status jpeg_decode(const uint8_t *data, size_t bytes, const char *path, uint32_t n_channels, image *out_image,
                       int *out_orientation, mxn_error *err) {
  jpeg_decoder *d = calloc(1, sizeof *d);
  if (!d) return error_set(err, MXN_NOMEM, "%s: out of memory", path);
  d->data = data;
  d->bytes = bytes;
  d->path = path;
  d->n_channels = n_channels;
  d->err = err;
  d->info.err = jpeg_std_error(&d->errors);
  d->errors.error_exit = on_error;
  d->errors.emit_message = on_message;
  d->info.client_data = d;
  decode_or_recover(d);
  jpeg_destroy_decompress(&d->info);
  const mxn_status status = d->status;
  if (status != MXN_OK) image_finish(&d->image);
  *out_image = d->image;
  *out_orientation = d->orientation;
  free(d);
  return status;
}
