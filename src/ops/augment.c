/* augment.c - colours of images (height, width, channels) changed by drawn factors,
 * and flips that are drawn.
 *
 * Numbers are float32 at every step, as MXNet has them, for those that become bytes
 * are cut. An image of one channel has no hue and no light of its own: it stays.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "ops/draw.h"
#include "ops/family.h"
#include "ops/number.h"

/* What is changed in place: all numbers of one image. */
typedef struct picture {
  float *x; /* [pixels][channels] */
  int64_t pixels, channels;
  mxn_dtype dtype;
} picture;

/* The weights of red, green and blue in a grey. */
static const float grey[] = {0.299F, 0.587F, 0.114F};

static picture load_picture(const forward *f) {
  const mxn_type *t = &f->inputs[0].type;
  picture p = {.pixels = t->dims[0] * t->dims[1], .channels = t->dims[2], .dtype = t->dtype};
  int64_t n;
  const double *x = input_doubles(f, 0, &n);
  p.x = arena_array(f->scratch, (size_t)n, sizeof *p.x);
  for (int64_t i = 0; i < n; i++) p.x[i] = (float)x[i];
  return p;
}

static mxn_status store_picture(const forward *f, const picture *p) {
  const int64_t n = p->pixels * p->channels;
  for (int64_t i = 0; i < n; i++) store_doubles(&f->outputs[0], i, 1, &(double){(double)p->x[i]});
  return MXN_OK;
}

/* As the element type keeps it, of a byte what fits: steps follow each other. */
static float kept(const picture *p, float x) {
  if (p->dtype == MXN_UINT8) return truncf(fminf(fmaxf(x, 0), 255));
  return (float)(dtype_is_float(p->dtype) ? round_to(p->dtype, (double)x) : trunc((double)x));
}

typedef void (*picture_change)(const picture *p, float factor);

static void change_brightness(const picture *p, float factor) {
  for (int64_t i = 0; i < p->pixels * p->channels; i++) p->x[i] = kept(p, p->x[i] * factor);
}

/* Towards the mean grey, or away from it. */
static void change_contrast(const picture *p, float factor) {
  const int64_t n = p->pixels * p->channels;
  float sum = 0;
  for (int64_t i = 0; i < n; i++) sum += p->channels > 1 ? p->x[i] * grey[i % 3] : p->x[i];
  const float rest = (1 - factor) * (sum / (float)p->pixels);
  for (int64_t i = 0; i < n; i++) p->x[i] = kept(p, p->x[i] * factor + rest);
}

/* MXNet takes the blue part for the whole grey. */
static void change_saturation(const picture *p, float factor) {
  for (int64_t i = 0; i < p->pixels && p->channels > 1; i++) {
    float *x = p->x + 3 * i;
    const float rest = x[2] * grey[2] * (1 - factor);
    for (int c = 0; c < 3; c++) x[c] = kept(p, rest + x[c] * factor);
  }
}

/* Hue in degrees, lightness and saturation from 0 to 1. */
typedef struct hls {
  float h, l, s;
} hls;

static hls hls_of(const float *rgb) {
  const float r = rgb[0] / 255, g = rgb[1] / 255, b = rgb[2] / 255;
  const float most = fmaxf(fmaxf(r, g), b), least = fminf(fminf(r, g), b), range = most - least;
  hls x = {.l = (most + least) * 0.5F};
  if (!(range > FLT_EPSILON)) return x;
  x.s = x.l < 0.5F ? range / (most + least) : range / (2 - most - least);
  const float sixth = 60 / range;
  x.h = most == r ? (g - b) * sixth : most == g ? (b - r) * sixth + 120 : (r - g) * sixth + 240;
  if (x.h < 0) x.h += 360;
  return x;
}

static void rgb_of(hls x, float *rgb) {
  static const int sectors[6][3] = {{0, 3, 1}, {2, 0, 1}, {1, 0, 3}, {1, 2, 0}, {3, 1, 0}, {0, 1, 2}};
  const float high = x.l <= 0.5F ? x.l * (1 + x.s) : x.l + x.s - x.l * x.s, low = 2 * x.l - high;
  float h = x.h * (1 / 60.0F);
  h -= 6 * floorf(h / 6);
  if (!(h >= 0 && h < 6)) h = 0;
  const int sector = (int)h;
  const float part = h - (float)sector;
  const float levels[] = {high, low, low + (high - low) * (1 - part), low + (high - low) * part};
  for (int c = 0; c < 3; c++) rgb[c] = 255 * (x.s != 0 ? levels[sectors[sector][c]] : x.l);
}

/* By `factor` of a whole turn. */
static void change_hue(const picture *p, float factor) {
  for (int64_t i = 0; i < p->pixels && p->channels > 1; i++) {
    float *rgb = p->x + 3 * i;
    hls x = hls_of(rgb);
    x.h += factor * 360;
    rgb_of(x, rgb);
    for (int c = 0; c < 3; c++) rgb[c] = kept(p, rgb[c]);
  }
}

/* By the components of the colours of ImageNet. */
static void change_light(const picture *p, const float alpha[3]) {
  static const float components[3][3] = {
      {(float)(55.46 * -0.5675), (float)(4.794 * 0.7192), (float)(1.148 * 0.4009)},
      {(float)(55.46 * -0.5808), (float)(4.794 * -0.0045), (float)(1.148 * -0.8140)},
      {(float)(55.46 * -0.5836), (float)(4.794 * -0.6948), (float)(1.148 * 0.4203)},
  };
  for (int64_t i = 0; i < 3 * p->pixels && p->channels > 1; i++) {
    const float *part = components[i % 3];
    p->x[i] = kept(p, p->x[i] + (part[0] * alpha[0] + part[1] * alpha[1] + part[2] * alpha[2]));
  }
}

/* The operators. */

mxn_status augment_factors_shape(inference *x) {
  const double least = op_float(x->node, "min_factor"), most = op_float(x->node, "max_factor");
  if (!(least >= 0 && most >= 0))
    return infer_error(x, MXN_ARGUMENT, "min_factor is %g and max_factor %g, expected at least 0", least, most);
  return image_flip_shape(x);
}

static mxn_status change_by_factor(const forward *f, picture_change change) {
  generator g = next_generator();
  const picture p = load_picture(f);
  change(&p, (float)draw_uniform(&g, op_float(f->node, "min_factor"), op_float(f->node, "max_factor")));
  return store_picture(f, &p);
}

mxn_status random_brightness_forward(const forward *f) { return change_by_factor(f, change_brightness); }
mxn_status random_contrast_forward(const forward *f) { return change_by_factor(f, change_contrast); }
mxn_status random_saturation_forward(const forward *f) { return change_by_factor(f, change_saturation); }
mxn_status random_hue_forward(const forward *f) { return change_by_factor(f, change_hue); }

/* The four changes in a drawn order, each where its attribute is more than 0. */
mxn_status random_color_jitter_forward(const forward *f) {
  static const struct {
    const char *attribute;
    picture_change change;
    double middle;
  } changes[] = {{"brightness", change_brightness, 1},
                 {"contrast", change_contrast, 1},
                 {"saturation", change_saturation, 1},
                 {"hue", change_hue, 0}};
  int order[] = {0, 1, 2, 3};
  generator g = next_generator();
  const picture p = load_picture(f);
  for (int left = 4; left > 0; left--) {
    const uint64_t drawn = next_below(&g, (uint64_t)left);
    const int i = order[drawn];
    const double jitter = op_float(f->node, changes[i].attribute);
    order[drawn] = order[left - 1];
    if (jitter > 0) changes[i].change(&p, (float)(changes[i].middle + draw_uniform(&g, -jitter, jitter)));
  }
  return store_picture(f, &p);
}

mxn_status adjust_lighting_shape(inference *x) {
  const int32_t n = op_numbers_of(x->node, "alpha").n;
  if (n != 3) return infer_error(x, MXN_ARGUMENT, "alpha has %d values, expected 3", n < 0 ? 0 : n);
  return image_flip_shape(x);
}

mxn_status adjust_lighting_forward(const forward *f) {
  const op_numbers alpha = op_numbers_of(f->node, "alpha");
  const picture p = load_picture(f);
  change_light(&p, (const float[]){(float)alpha.v[0], (float)alpha.v[1], (float)alpha.v[2]});
  return store_picture(f, &p);
}

mxn_status random_lighting_forward(const forward *f) {
  const double deviation = op_float(f->node, "alpha_std");
  generator g = next_generator();
  const picture p = load_picture(f);
  float alpha[3];
  for (int i = 0; i < 3; i++) alpha[i] = (float)draw_normal(&g, 0, deviation);
  change_light(&p, alpha);
  return store_picture(f, &p);
}

static mxn_status flip_at_random(const forward *f, op_run flip) {
  generator g = next_generator();
  return next_below(&g, 2) ? flip(f) : copy_forward(f);
}

mxn_status random_flip_left_right_forward(const forward *f) { return flip_at_random(f, image_flip_left_right_forward); }

mxn_status random_flip_top_bottom_forward(const forward *f) { return flip_at_random(f, image_flip_top_bottom_forward); }
