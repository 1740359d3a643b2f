/* multibox_target.c - MultiBoxTarget: which anchors stand for which object.
 *
 * Every object takes the free anchor that overlaps it best, the best pair first; then
 * anchors that overlap an object enough take it, too. The rest is background, or with
 * mining only the part of it that the network likes least.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "ops/family.h"
#include "ops/number.h"

enum { ANCHOR, LABEL, PREDICTION };

mxn_status multibox_target_shape(inference *x) {
  const mxn_type anchors = {.n_dims = 3, .dims = {1, -1, 4}}, cube = {.n_dims = 3, .dims = {-1, -1, -1}};
  int64_t numbers;
  if (op_numbers_of(x->node, "variances").n != 4)
    return infer_error(x, MXN_SHAPE, "variances is expected to have 4 values");
  TRY(infer_input(x, ANCHOR, &anchors));
  TRY(infer_input(x, LABEL, &cube));
  const int64_t n = x->inputs[ANCHOR]->dims[1], *label = x->inputs[LABEL]->dims;
  if (label[1] == 0 || (label[2] >= 0 && label[2] < 5) || n == 0 || !dims_multiply(n, 4, &numbers))
    return infer_error(x, MXN_SHAPE,
                       "label has %" PRId64 " objects of %" PRId64 " numbers for %" PRId64
                       " anchors, expected at least 1, 5 and 1",
                       label[1], label[2], n);
  const mxn_type prediction = {.n_dims = 3, .dims = {label[0], -1, n}};
  const mxn_type boxes = {.n_dims = 2, .dims = {label[0], numbers}}, classes = {.n_dims = 2, .dims = {label[0], n}};
  TRY(infer_input(x, PREDICTION, &prediction));
  if (x->inputs[PREDICTION]->dims[1] == 0) return infer_error(x, MXN_SHAPE, "cls_pred has no classes");
  TRY(infer_output(x, 0, &boxes));
  TRY(infer_output(x, 1, &boxes));
  return infer_output(x, 2, &classes);
}

/* What an anchor became. */
typedef enum anchor_state { ANCHOR_IGNORED = -1, ANCHOR_NEGATIVE, ANCHOR_POSITIVE } anchor_state;

/* One image. */
typedef struct matching {
  const forward *f;
  int64_t image, n_anchors, n_objects, label_width;
  const double *anchors, *labels;
  float *overlaps; /* [n_anchors][n_objects] */
  float *best;     /* of each anchor; below 0: not known */
  int64_t *object; /* that it overlaps best */
  anchor_state *state;
  bool *is_taken; /* by object */
} matching;

static void compute_overlaps(const matching *m) {
  for (int64_t i = 0; i < m->n_anchors * m->n_objects; i++)
    m->overlaps[i] = (float)box_iou(m->anchors + i / m->n_objects * 4,
                                    m->labels + i % m->n_objects * m->label_width + 1, BOX_CORNER);
}

/* The best free pair; false where none overlaps. */
static bool find_pair(const matching *m, int64_t *anchor, int64_t *object) {
  float largest = 1e-6F;
  *anchor = -1;
  for (int64_t i = 0; i < m->n_anchors * m->n_objects; i++) {
    const int64_t a = i / m->n_objects, o = i % m->n_objects;
    if (m->state[a] == ANCHOR_POSITIVE || m->is_taken[o] || !(m->overlaps[i] > largest)) continue;
    largest = m->overlaps[i];
    *anchor = a;
    *object = o;
  }
  return *anchor >= 0;
}

static void find_best_object(const matching *m, int64_t anchor) {
  m->best[anchor] = -1;
  for (int64_t o = 0; o < m->n_objects; o++) {
    const float overlap = m->overlaps[anchor * m->n_objects + o];
    if (!(overlap > m->best[anchor])) continue;
    m->best[anchor] = overlap;
    m->object[anchor] = o;
  }
}

static int64_t match_anchors(const matching *m) {
  const float threshold = (float)op_float(m->f->node, "overlap_threshold");
  int64_t n_positive = 0, anchor, object;
  for (; find_pair(m, &anchor, &object); n_positive++) {
    m->object[anchor] = object;
    m->state[anchor] = ANCHOR_POSITIVE;
    m->is_taken[object] = true;
  }
  for (int64_t a = 0; a < m->n_anchors; a++) {
    if (m->state[a] == ANCHOR_POSITIVE) continue;
    find_best_object(m, a);
    if (!(threshold > 0 && m->best[a] > threshold)) continue;
    m->state[a] = ANCHOR_POSITIVE;
    n_positive++;
  }
  return n_positive;
}

/* Mining: the anchors that look least like background. */

typedef struct candidate {
  float probability; /* of background */
  int64_t anchor;
} candidate;

static int by_rising_probability(const void *a, const void *b) {
  const candidate *p = a, *q = b;
  const int order = compare_rising((double)p->probability, (double)q->probability);
  return order ? order : (p->anchor > q->anchor) - (p->anchor < q->anchor);
}

static float background_probability(const matching *m, int64_t anchor) {
  const mxn_tensor *t = &m->f->inputs[PREDICTION];
  const int64_t classes = t->type.dims[1], first = m->image * classes * m->n_anchors + anchor;
  double background, sum = 0;
  load_doubles(t, first, 1, &background);
  for (int64_t c = 0; c < classes; c++) {
    double x;
    load_doubles(t, first + c * m->n_anchors, 1, &x);
    sum += exp(x - background);
  }
  return (float)(1 / sum);
}

static mxn_status mine(const matching *m, int64_t n_positive) {
  const node *n = m->f->node;
  const double ratio = op_float(n, "negative_mining_ratio"), threshold = op_float(n, "negative_mining_thresh");
  const double wanted = trunc((double)n_positive * ratio), most = (double)(m->n_anchors - n_positive);
  candidate *list = arena_array(m->f->scratch, (size_t)m->n_anchors, sizeof *list);
  int64_t n_candidates = 0;
  for (int64_t a = 0; a < m->n_anchors; a++)
    if (m->state[a] == ANCHOR_IGNORED && (double)m->best[a] < threshold)
      list[n_candidates++] = (candidate){background_probability(m, a), a};
  const int64_t n_negative = (int64_t)(wanted < most ? wanted : most);
  if (n_negative > n_candidates)
    return op_error(NULL, n, m->f->err, MXN_ARGUMENT, "mining finds %" PRId64 " anchors, expected at least %" PRId64,
                    n_candidates, n_negative);
  qsort(list, (size_t)n_candidates, sizeof *list, by_rising_probability);
  for (int64_t i = 0; i < n_negative; i++) m->state[list[i].anchor] = ANCHOR_NEGATIVE;
  return MXN_OK;
}

/* How the object's box differs from the anchor. */
static void encode(const double *anchor, const double *box, const op_numbers *variances, double target[4]) {
  for (int i = 0; i < 2; i++) {
    const double length = anchor[i + 2] - anchor[i], object_length = box[i + 2] - box[i];
    target[i] = ((box[i] + box[i + 2]) / 2 - (anchor[i] + anchor[i + 2]) / 2) / length / variances->v[i];
    target[i + 2] = log(object_length / length) / variances->v[i + 2];
  }
}

static void store_targets(const matching *m) {
  const op_numbers variances = op_numbers_of(m->f->node, "variances");
  for (int64_t a = 0; a < m->n_anchors; a++) {
    const int64_t at = m->image * m->n_anchors + a;
    double target[4] = {0}, mask[4] = {0}, class = op_float(m->f->node, "ignore_label");
    if (m->state[a] == ANCHOR_NEGATIVE) class = 0;
    if (m->state[a] == ANCHOR_POSITIVE) {
      const double *label = m->labels + m->object[a] * m->label_width;
      class = label[0] + 1;
      encode(m->anchors + a * 4, label + 1, &variances, target);
      for (int i = 0; i < 4; i++) mask[i] = 1;
    }
    store_doubles(&m->f->outputs[0], at * 4, 4, target);
    store_doubles(&m->f->outputs[1], at * 4, 4, mask);
    store_doubles(&m->f->outputs[2], at, 1, &class);
  }
}

static mxn_status match_image(matching *m) {
  const bool mines = op_float(m->f->node, "negative_mining_ratio") > 0;
  for (int64_t a = 0; a < m->n_anchors; a++) m->state[a] = ANCHOR_IGNORED;
  if (m->n_objects > 0) {
    compute_overlaps(m);
    const int64_t n_positive = match_anchors(m);
    if (mines) TRY(mine(m, n_positive));
    for (int64_t a = 0; a < m->n_anchors && !mines; a++)
      if (m->state[a] == ANCHOR_IGNORED) m->state[a] = ANCHOR_NEGATIVE;
  }
  store_targets(m);
  return MXN_OK;
}

/* Objects end where a class is -1. */
static int64_t count_objects(const double *labels, int64_t n, int64_t width) {
  int64_t count = 0;
  while (count < n && labels[count * width] != -1) count++;
  return count;
}

mxn_status multibox_target_forward(const forward *f) {
  const int64_t *dims = f->inputs[LABEL].type.dims, n = f->inputs[ANCHOR].type.dims[1];
  arena *a = f->scratch;
  int64_t cells;
  if (!dims_multiply(n, dims[1], &cells)) return MXN_OK;
  const double *anchors = input_doubles(f, ANCHOR, NULL), *labels = input_doubles(f, LABEL, NULL);
  for (int64_t i = 0; i < dims[0]; i++) {
    const double *here = labels + i * dims[1] * dims[2];
    matching m = {.f = f, .image = i, .n_anchors = n, .label_width = dims[2], .anchors = anchors, .labels = here};
    m.n_objects = count_objects(here, dims[1], dims[2]);
    m.overlaps = arena_array(a, (size_t)cells, sizeof *m.overlaps);
    m.best = arena_array(a, (size_t)n, sizeof *m.best);
    m.object = arena_array(a, (size_t)n, sizeof *m.object);
    m.state = arena_array(a, (size_t)n, sizeof *m.state);
    m.is_taken = arena_array(a, (size_t)dims[1], sizeof *m.is_taken);
    TRY(match_image(&m));
  }
  return MXN_OK;
}
