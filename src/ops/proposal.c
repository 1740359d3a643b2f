/* proposal.c - Proposal and MultiProposal: regions from the scores and shifts of the
 * anchors at every position of a feature map.
 *
 * Which regions stay depends on comparisons of computed numbers, so everything here
 * is float32, as in MXNet.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ops/family.h"
#include "ops/number.h"

enum { SCORES, SHIFTS, IMAGE_INFO };
enum { N, C, H, W };

uint32_t proposal_outputs(const node *n) { return op_bool(n, "output_score") ? 2 : 1; }

mxn_status proposal_shape(inference *x) {
  const mxn_type map = {.n_dims = 4, .dims = {-1, -1, -1, -1}};
  const node *n = x->node;
  const int64_t anchors = (int64_t)op_numbers_of(n, "scales").n * op_numbers_of(n, "ratios").n;
  const int64_t each = op_int(n, "rpn_post_nms_top_n");
  int64_t regions;
  TRY(infer_input(x, SCORES, &map));
  const int64_t *scores = x->inputs[SCORES]->dims;
  if (op_numbers_of(n, "scales").n < 1 || op_numbers_of(n, "ratios").n < 1)
    return infer_error(x, MXN_SHAPE, "scales and ratios are expected to have at least one value each");
  if (scores[C] >= 0 && scores[C] != 2 * anchors)
    return infer_error(x, MXN_SHAPE, "cls_prob has %" PRId64 " channels, expected two for each of %" PRId64 " anchors",
                       scores[C], anchors);
  if (op_is(n, "_contrib_Proposal") && scores[N] > 1)
    return infer_error(x, MXN_SHAPE, "cls_prob has %" PRId64 " images, expected 1", scores[N]);
  if (each < 1 || !dims_multiply(scores[N], each, &regions))
    return infer_error(x, MXN_SHAPE, "rpn_post_nms_top_n is %" PRId64 ", expected at least 1", each);
  const mxn_type shifts = {.n_dims = 4, .dims = {scores[N], 4 * anchors, scores[H], scores[W]}};
  const mxn_type info = {.n_dims = 2, .dims = {scores[N], 3}};
  TRY(infer_input(x, SHIFTS, &shifts));
  TRY(infer_input(x, IMAGE_INFO, &info));
  const mxn_type output = {.n_dims = 2, .dims = {regions, 5}}, score = {.n_dims = 2, .dims = {regions, 1}};
  TRY(infer_output(x, 0, &output));
  return x->n_outputs > 1 ? infer_output(x, 1, &score) : MXN_OK;
}

mxn_status proposal_dtype(inference *x) {
  TRY(infer_same_dtype(x));
  const mxn_dtype dtype = x->inputs[SCORES]->dtype;
  if (dtype == MXN_FLOAT32 || dtype == MXN_DTYPE_UNKNOWN) return MXN_OK;
  return infer_error(x, MXN_UNSUPPORTED, "cls_prob is %s, expected float32", mxn_dtype_name(dtype));
}

typedef struct region {
  float box[4], score;
  int64_t index; /* keeps equal scores in order */
} region;

/* The anchor of one ratio and scale around the first position. */
static void make_anchor(float stride, float ratio, float scale, float anchor[4]) {
  const float center = 0.5F * (stride - 1), area = floorf(stride * stride / ratio);
  const float w = floorf(sqrtf(area) + 0.5F) * scale, h = floorf(w / scale * ratio + 0.5F) * scale;
  anchor[0] = center - 0.5F * (w - 1);
  anchor[1] = center - 0.5F * (h - 1);
  anchor[2] = center + 0.5F * (w - 1);
  anchor[3] = center + 0.5F * (h - 1);
}

static float clip(float x, float size) { return fmaxf(fminf(x, size - 1), 0); }

/* Move a box by what the network says, and into the image. */
static void shift(float box[4], const float by[4], bool is_plain, float height, float width) {
  for (int i = 0; i < 2; i++) {
    const float size = box[i + 2] - box[i] + 1, center = (float)((double)box[i] + 0.5 * ((double)size - 1));
    const float limit = i == 0 ? width : height;
    float low = box[i] + by[i], high = box[i + 2] + by[i + 2];
    if (!is_plain) {
      const float to = by[i] * size + center, length = expf(by[i + 2]) * size;
      low = (float)((double)to - 0.5 * ((double)length - 1));
      high = (float)((double)to + 0.5 * ((double)length - 1));
    }
    box[i] = clip(low, limit);
    box[i + 2] = clip(high, limit);
  }
}

/* Regions that are too small go to the end of the list. */
static void drop_small(region *r, float least) {
  if (!(r->box[2] - r->box[0] + 1 < least || r->box[3] - r->box[1] + 1 < least)) return;
  for (int i = 0; i < 4; i++) r->box[i] += (i < 2 ? -1 : 1) * least / 2;
  r->score = -1;
}

static int by_falling_score(const void *a, const void *b) {
  const region *p = a, *q = b;
  const int order = compare_falling((double)p->score, (double)q->score);
  return order ? order : (p->index > q->index) - (p->index < q->index);
}

static float load_float(const mxn_tensor *t, int64_t i) {
  double x;
  load_doubles(t, i, 1, &x);
  return (float)x;
}

/* The regions of one image; every anchor at every position. */
static mxn_status list_regions(const forward *f, int64_t image, region *list) {
  const node *n = f->node;
  const int64_t *dims = f->inputs[SCORES].type.dims, anchors = dims[C] / 2, plane = dims[H] * dims[W];
  const op_numbers scales = op_numbers_of(n, "scales"), ratios = op_numbers_of(n, "ratios");
  const float stride = (float)op_int(n, "feature_stride");
  float info[3];
  for (int i = 0; i < 3; i++) info[i] = load_float(&f->inputs[IMAGE_INFO], image * 3 + i);
  const float real_h = truncf(info[0] / stride), real_w = truncf(info[1] / stride);
  if (!(real_h <= (float)dims[H] && real_w <= (float)dims[W]))
    return op_error(NULL, n, f->err, MXN_ARGUMENT, "im_info has %g by %g, expected at most the feature map",
                    (double)info[0], (double)info[1]);
  for (int64_t i = 0; i < anchors * plane; i++) {
    const int64_t a = i % anchors, at = i / anchors, y = at / dims[W], x = at % dims[W];
    region *r = &list[i];
    float by[4];
    make_anchor(stride, (float)ratios.v[a / scales.n], (float)scales.v[a % scales.n], r->box);
    for (int k = 0; k < 4; k++) r->box[k] += (float)(k % 2 ? y : x) * stride;
    for (int k = 0; k < 4; k++) by[k] = load_float(&f->inputs[SHIFTS], ((image * anchors + a) * 4 + k) * plane + at);
    r->index = i;
    r->score = load_float(&f->inputs[SCORES], (image * dims[C] + anchors + a) * plane + at);
    shift(r->box, by, op_bool(n, "iou_loss"), info[0], info[1]);
    if ((float)y >= real_h || (float)x >= real_w) r->score = -1;
    drop_small(r, (float)op_int(n, "rpn_min_size") * info[2]);
  }
  return MXN_OK;
}

static float area(const float box[4]) { return (box[2] - box[0] + 1) * (box[3] - box[1] + 1); }

static float overlap(const float a[4], const float b[4]) {
  const float w = fmaxf(0, fminf(a[2], b[2]) - fmaxf(a[0], b[0]) + 1);
  const float h = fmaxf(0, fminf(a[3], b[3]) - fmaxf(a[1], b[1]) + 1);
  return w * h / (area(a) + area(b) - w * h);
}

/* Bring the best regions to the front, without those that overlap a better one. */
static int64_t suppress(region *list, int64_t n, int64_t most, float threshold) {
  int64_t kept = 0;
  for (int64_t i = 0; i < n && kept < most; i++) {
    bool is_free = true;
    for (int64_t k = 0; k < kept && is_free; k++) is_free = !(overlap(list[k].box, list[i].box) > threshold);
    if (is_free) list[kept++] = list[i];
  }
  return kept;
}

/* Where fewer regions are left than wanted, they come again in turn. */
static void store_regions(const forward *f, int64_t image, const region *list, int64_t n) {
  const int64_t wanted = op_int(f->node, "rpn_post_nms_top_n");
  for (int64_t i = 0; i < wanted && n > 0; i++) {
    const region *r = &list[i % n];
    const double row[] = {(double)image, (double)r->box[0], (double)r->box[1], (double)r->box[2], (double)r->box[3]};
    const double score = (double)r->score;
    store_doubles(&f->outputs[0], (image * wanted + i) * 5, 5, row);
    if (f->node->n_outputs > 1) store_doubles(&f->outputs[1], image * wanted + i, 1, &score);
  }
}

mxn_status proposal_forward(const forward *f) {
  const int64_t *dims = f->inputs[SCORES].type.dims, n = dims[C] / 2 * dims[H] * dims[W];
  const int64_t before = op_int(f->node, "rpn_pre_nms_top_n"), after = op_int(f->node, "rpn_post_nms_top_n");
  const int64_t candidates = before > 0 && before < n ? before : n;
  region *list = arena_array(f->scratch, (size_t)n, sizeof *list);
  for (int64_t i = 0; i < dims[N]; i++) {
    TRY(list_regions(f, i, list));
    qsort(list, (size_t)n, sizeof *list, by_falling_score);
    store_regions(f, i, list, suppress(list, candidates, after, (float)op_float(f->node, "threshold")));
  }
  return MXN_OK;
}
