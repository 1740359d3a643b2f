/* multibox.c - anchors and detections of single-shot detectors: MultiBoxPrior and
 * MultiBoxDetection.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ops/family.h"
#include "ops/number.h"

/* MultiBoxPrior: boxes around the centre of every pixel, of all sizes with the first
 * ratio, then of the first size with the other ratios. */

static mxn_status check_numbers(inference *x, const char *name, int64_t least, int64_t most) {
  const int64_t n = op_numbers_of(x->node, name).n;
  if (n >= least && n <= most) return MXN_OK;
  return infer_error(x, MXN_SHAPE, "%s has %" PRId64 " values, expected %" PRId64 "%s", name, n, least,
                     most > least ? " or more" : "");
}

mxn_status multibox_prior_shape(inference *x) {
  const mxn_type image = {.n_dims = 4, .dims = {-1, -1, -1, -1}};
  const node *n = x->node;
  TRY(check_numbers(x, "sizes", 1, INT32_MAX));
  TRY(check_numbers(x, "ratios", 1, INT32_MAX));
  TRY(check_numbers(x, "steps", 2, 2));
  const op_numbers steps = op_numbers_of(x->node, "steps");
  if (steps.v[0] * steps.v[1] < 0)
    return infer_error(x, MXN_SHAPE, "steps are %g and %g, expected two of one sign", steps.v[0], steps.v[1]);
  TRY(check_numbers(x, "offsets", 2, 2));
  const op_numbers offsets = op_numbers_of(n, "offsets");
  for (int i = 0; i < 2; i++)
    if (!(offsets.v[i] >= 0 && offsets.v[i] <= 1))
      return infer_error(x, MXN_SHAPE, "offsets has %g, expected 0 to 1", offsets.v[i]);
  TRY(infer_input(x, 0, &image));
  const mxn_type *data = x->inputs[0];
  const int64_t each = op_numbers_of(n, "sizes").n + op_numbers_of(n, "ratios").n - 1;
  int64_t anchors;
  if (!dims_product(data, 2, 4, &anchors) || !dims_multiply(anchors, each, &anchors))
    return infer_error(x, MXN_SHAPE, "the number of anchors overflows");
  const mxn_type output = {.n_dims = 3, .dims = {1, anchors, 4}};
  return infer_output(x, 0, &output);
}

/* What the anchors of all pixels share; widths in heights of the image. */
typedef struct priors {
  const float *half_widths, *half_heights;
  int64_t n;
  bool is_clipped;
} priors;

static priors list_priors(const forward *f, float height, float width) {
  const op_numbers sizes = op_numbers_of(f->node, "sizes"), ratios = op_numbers_of(f->node, "ratios");
  const int64_t n = sizes.n + ratios.n - 1;
  float *w = arena_array(f->scratch, (size_t)n, 2 * sizeof *w), *h = w + n;
  for (int64_t i = 0; i < n; i++) {
    const float size = (float)sizes.v[i < sizes.n ? i : 0];
    const float ratio = sqrtf((float)ratios.v[i < sizes.n ? 0 : i - sizes.n + 1]);
    w[i] = size * height / width * ratio / 2;
    h[i] = size / ratio / 2;
  }
  return (priors){w, h, n, op_bool(f->node, "clip")};
}

static void store_prior(const forward *f, const priors *p, int64_t index, float x, float y) {
  const float w = p->half_widths[index % p->n], h = p->half_heights[index % p->n];
  double box[4] = {(double)(x - w), (double)(y - h), (double)(x + w), (double)(y + h)};
  for (int i = 0; i < 4 && p->is_clipped; i++) box[i] = box[i] < 0 ? 0 : box[i] > 1 ? 1 : box[i];
  store_doubles(&f->outputs[0], index * 4, 4, box);
}

mxn_status multibox_prior_forward(const forward *f) {
  const int64_t height = f->inputs[0].type.dims[2], width = f->inputs[0].type.dims[3];
  const op_numbers steps = op_numbers_of(f->node, "steps"), offsets = op_numbers_of(f->node, "offsets");
  const bool has_steps = steps.v[0] > 0 && steps.v[1] > 0;
  const float step_y = has_steps ? (float)steps.v[0] : 1.0F / (float)height;
  const float step_x = has_steps ? (float)steps.v[1] : 1.0F / (float)width;
  const priors p = list_priors(f, (float)height, (float)width);
  for (int64_t i = 0; i < height * width * p.n; i++) {
    const int64_t pixel = i / p.n;
    store_prior(f, &p, i, ((float)(pixel % width) + (float)offsets.v[1]) * step_x,
                ((float)(pixel / width) + (float)offsets.v[0]) * step_y);
  }
  return MXN_OK;
}

/* MultiBoxDetection: class, score and box of every anchor that shows something, best
 * first, without those that overlap a better one. */

enum { PROBABILITY, LOCATION, ANCHOR, NUMBERS = 6 };

mxn_status multibox_detection_shape(inference *x) {
  const mxn_type any = {.n_dims = 3, .dims = {-1, -1, -1}}, any_location = {.n_dims = 2, .dims = {-1, -1}};
  TRY(check_numbers(x, "variances", 4, 4));
  TRY(infer_input(x, PROBABILITY, &any));
  TRY(infer_input(x, LOCATION, &any_location));
  const int64_t batch = x->inputs[PROBABILITY]->dims[0], n = x->inputs[PROBABILITY]->dims[2];
  int64_t n_locations;
  if (n == 0 || !dims_multiply(n, 4, &n_locations))
    return infer_error(x, MXN_SHAPE, "cls_prob has %" PRId64 " anchors", n);
  const mxn_type location = {.n_dims = 2, .dims = {batch, n_locations}};
  const mxn_type anchor = {.n_dims = 3, .dims = {1, n, 4}}, output = {.n_dims = 3, .dims = {batch, n, NUMBERS}};
  TRY(infer_input(x, LOCATION, &location));
  TRY(infer_input(x, ANCHOR, &anchor));
  return infer_output(x, 0, &output);
}

static void locate(const double *anchor, const double *shift, const op_numbers *variances, bool is_clipped,
                   double *box) {
  for (int i = 0; i < 2; i++) {
    const double length = anchor[i + 2] - anchor[i], center = (anchor[i] + anchor[i + 2]) / 2;
    const double at = shift[i] * variances->v[i] * length + center;
    const double half = exp(shift[i + 2] * variances->v[i + 2]) * length / 2;
    box[i] = at - half;
    box[i + 2] = at + half;
  }
  for (int i = 0; i < 4 && is_clipped; i++) box[i] = box[i] < 0 ? 0 : box[i] > 1 ? 1 : box[i];
}

/* A detection: class, score, box; `index` keeps equal scores in order. */
typedef struct detection {
  double numbers[NUMBERS];
  int64_t index;
} detection;

static int by_falling_score(const void *a, const void *b) {
  const detection *p = a, *q = b;
  const int order = compare_falling(p->numbers[1], q->numbers[1]);
  return order ? order : (p->index > q->index) - (p->index < q->index);
}

/* The best class but the background, 0 where none reaches the threshold. */
static int64_t best_class(const forward *f, int64_t batch, int64_t anchor, double *score) {
  const int64_t *dims = f->inputs[PROBABILITY].type.dims;
  int64_t best = 0;
  *score = -1;
  for (int64_t c = 1; c < dims[1]; c++) {
    double p;
    load_doubles(&f->inputs[PROBABILITY], (batch * dims[1] + c) * dims[2] + anchor, 1, &p);
    if (!(p > *score)) continue;
    *score = p;
    best = c;
  }
  return best > 0 && *score < op_float(f->node, "threshold") ? 0 : best;
}

static int64_t list_detections(const forward *f, int64_t batch, detection *list) {
  const op_numbers variances = op_numbers_of(f->node, "variances");
  const int64_t n = f->inputs[PROBABILITY].type.dims[2];
  int64_t found = 0;
  for (int64_t i = 0; i < n; i++) {
    double score, anchor[4], shift[4];
    const int64_t class = best_class(f, batch, i, &score);
    if (class < 1) continue;
    load_doubles(&f->inputs[ANCHOR], i * 4, 4, anchor);
    load_doubles(&f->inputs[LOCATION], (batch * n + i) * 4, 4, shift);
    detection *d = &list[found++];
    *d = (detection){.numbers = {(double)(class - 1), score}, .index = i};
    locate(anchor, shift, &variances, op_bool(f->node, "clip"), d->numbers + 2);
  }
  return found;
}

static void suppress(const forward *f, detection *list, int64_t n) {
  const double threshold = op_float(f->node, "nms_threshold");
  const bool is_forced = op_bool(f->node, "force_suppress");
  for (int64_t i = 0; i < n; i++) {
    for (int64_t k = i + 1; k < n && list[i].numbers[0] >= 0; k++) {
      if (list[k].numbers[0] < 0 || (!is_forced && list[i].numbers[0] != list[k].numbers[0])) continue;
      const double iou = box_iou(list[i].numbers + 2, list[k].numbers + 2, BOX_CORNER);
      if (round_to(f->outputs[0].type.dtype, iou) >= threshold) list[k].numbers[0] = -1;
    }
  }
}

/* What topk cuts off stays where it was found, without a class, as MXNet leaves it. */
static void rank(const forward *f, detection *list, detection *found, int64_t n) {
  const double threshold = op_float(f->node, "nms_threshold");
  const int64_t topk = op_int(f->node, "nms_topk"), kept = topk > 0 && topk < n ? topk : n;
  if (threshold <= 0 || threshold > 1 || n == 0) return;
  memcpy(found, list, (size_t)n * sizeof *list);
  qsort(list, (size_t)n, sizeof *list, by_falling_score);
  for (int64_t i = kept; i < n; i++) {
    list[i] = found[i];
    list[i].numbers[0] = -1;
  }
  suppress(f, list, kept);
}

mxn_status multibox_detection_forward(const forward *f) {
  const int64_t *dims = f->outputs[0].type.dims;
  detection *list = arena_array(f->scratch, (size_t)dims[1], 2 * sizeof *list);
  const double none[NUMBERS] = {-1, -1, -1, -1, -1, -1};
  for (int64_t b = 0; b < dims[0]; b++) {
    const int64_t n = list_detections(f, b, list);
    rank(f, list, list + dims[1], n);
    for (int64_t i = 0; i < dims[1]; i++)
      store_doubles(&f->outputs[0], (b * dims[1] + i) * NUMBERS, NUMBERS, i < n ? list[i].numbers : none);
  }
  return MXN_OK;
}
