/* pixels.c - see pixels.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/pixels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

const char *pixel_option_given(const options *o) {
  if (o->resize) return "--resize";
  if (o->mean) return "--mean";
  if (o->deviation) return "--std";
  if (o->scale) return "--scale";
  if (o->layout) return "--layout";
  if (o->rgb) return "--rgb";
  return o->bgr ? "--bgr" : NULL;
}

static mxn_status parse_size(const char *text, pixel_settings *s, mxn_error *err) {
  char *middle, *end;
  const unsigned long long width = strtoull(text, &middle, 10);
  const unsigned long long height = *middle == 'x' ? strtoull(middle + 1, &end, 10) : 0;
  if (*text < '0' || *text > '9' || !height || middle[1] < '0' || middle[1] > '9' || *end || !width)
    return error_set(err, MXN_ARGUMENT, "--resize: expected WIDTHxHEIGHT such as 224x224, got '%.100s'", text);
  if (width > IMAGE_MAX_PIXELS / height)
    return error_set(err, MXN_ARGUMENT, "--resize: expected at most %d pixels, got '%.100s'", IMAGE_MAX_PIXELS, text);
  s->width = (size_t)width;
  s->height = (size_t)height;
  return MXN_OK;
}

static mxn_status wrong_numbers(const char *name, const char *text, mxn_error *err) {
  return error_set(err, MXN_ARGUMENT, "%s: expected 1 or 3 numbers with commas, got '%.100s'", name, text);
}

static mxn_status parse_channels(const char *name, const char *text, channel_numbers *out, mxn_error *err) {
  for (const char *at = text;; at++) {
    char *end;
    if (out->n == 3) return wrong_numbers(name, text, err);
    const double number = strtod(at, &end);
    if (end == at || !isfinite(number) || (*end && *end != ',')) return wrong_numbers(name, text, err);
    out->values[out->n++] = number;
    at = end;
    if (!*at) break;
  }
  return out->n == 2 ? wrong_numbers(name, text, err) : MXN_OK;
}

static mxn_status parse_scale(const char *text, double *out_scale, mxn_error *err) {
  char *end;
  *out_scale = strtod(text, &end);
  if (end != text && !*end && isfinite(*out_scale)) return MXN_OK;
  return error_set(err, MXN_ARGUMENT, "--scale: expected one number, got '%.100s'", text);
}

mxn_status pixel_settings_parse(const options *o, pixel_settings *out, mxn_error *err) {
  pixel_settings s = {.scale = 1, .is_bgr = o->bgr};
  if (o->resize) TRY(parse_size(o->resize, &s, err));
  if (o->mean) TRY(parse_channels("--mean", o->mean, &s.mean, err));
  if (o->deviation) TRY(parse_channels("--std", o->deviation, &s.deviation, err));
  for (size_t i = 0; i < s.deviation.n; i++)
    if (s.deviation.values[i] == 0) return error_set(err, MXN_ARGUMENT, "--std: the pixels are divided by it, got 0");
  if (o->scale) TRY(parse_scale(o->scale, &s.scale, err));
  if (o->rgb && o->bgr) return error_set(err, MXN_ARGUMENT, "--rgb and --bgr: expected one of them");
  s.is_nhwc = o->layout && !strcmp(o->layout, "NHWC");
  *out = s;
  return MXN_OK;
}

image_axes pixel_axes(const pixel_settings *s) { return s->is_nhwc ? (image_axes){3, 1, 2} : (image_axes){1, 2, 3}; }

mxn_status pixel_settings_check(const pixel_settings *s, uint32_t n_channels, const char *path, mxn_error *err) {
  const struct {
    const char *name;
    size_t n;
  } given[] = {{"--mean", s->mean.n}, {"--std", s->deviation.n}};
  for (size_t i = 0; i < 2; i++)
    if (given[i].n > n_channels)
      return error_set(err, MXN_ARGUMENT, "%s: %s: the model has %u channel, expected 1 number, got %zu", path,
                       given[i].name, n_channels, given[i].n);
  return MXN_OK;
}

static float channel_number(const channel_numbers *c, size_t channel, double otherwise) {
  return (float)(c->n == 0 ? otherwise : c->values[c->n == 1 ? 0 : channel]);
}

void pixels_put(const pixel_settings *s, const image *img, float *to) {
  const size_t n_channels = img->n_channels, n_pixels = img->width * img->height;
  const float scale = (float)s->scale;
  for (size_t c = 0; c < n_channels; c++) {
    const uint8_t *from = img->pixels + (s->is_bgr ? n_channels - 1 - c : c);
    const float mean = channel_number(&s->mean, c, 0), deviation = channel_number(&s->deviation, c, 1);
    float *first = s->is_nhwc ? to + c : to + c * n_pixels;
    const size_t step = s->is_nhwc ? n_channels : 1;
    for (size_t i = 0; i < n_pixels; i++) first[i * step] = ((float)from[i * n_channels] - mean) * scale / deviation;
  }
}
