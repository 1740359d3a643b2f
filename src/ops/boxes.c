/* boxes.c - operators on boxes: box_nms, box_iou, box_encode, box_decode and
 * bipartite_matching.
 *
 * What is kept or dropped depends on comparisons, so overlaps are rounded to the
 * type of the data first, as MXNet's are.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ops/family.h"
#include "ops/number.h"

static box_format format_of(const node *n, const char *name) {
  return strcmp(op_text(n, name), "center") == 0 ? BOX_CENTER : BOX_CORNER;
}

/* The length that two boxes share in the dimension of a[0] and a[2]. */
static double intersect(const double *a, const double *b, box_format format) {
  const bool is_center = format == BOX_CENTER;
  const double a_begin = is_center ? a[0] - a[2] / 2 : a[0], a_end = is_center ? a[0] + a[2] / 2 : a[2];
  const double b_begin = is_center ? b[0] - b[2] / 2 : b[0], b_end = is_center ? b[0] + b[2] / 2 : b[2];
  const double w = (a_end < b_end ? a_end : b_end) - (a_begin > b_begin ? a_begin : b_begin);
  return w > 0 ? w : 0;
}

static double area(const double *box, box_format format) {
  const double w = format == BOX_CENTER ? box[2] : box[2] - box[0];
  const double h = format == BOX_CENTER ? box[3] : box[3] - box[1];
  return w < 0 || h < 0 ? 0 : w * h;
}

double box_iou(const double *a, const double *b, box_format format) {
  const double shared = intersect(a, b, format) * intersect(a + 1, b + 1, format);
  return shared <= 0 ? 0 : shared / (area(a, format) + area(b, format) - shared);
}

/* box_nms: the best boxes in the order of their scores, those that overlap a better
 * one dropped; what is left of each batch is -1. */

typedef struct nms {
  int64_t n, width; /* boxes of a batch, numbers of a box */
  int64_t score, box, id, background;
  double valid, threshold;
  bool is_forced;
  box_format format;
  mxn_dtype dtype;
} nms;

static nms nms_of(const forward *f) {
  const node *n = f->node;
  const mxn_type *t = &f->inputs[0].type;
  return (nms){.n = t->dims[t->n_dims - 2],
               .width = t->dims[t->n_dims - 1],
               .score = op_int(n, "score_index"),
               .box = op_int(n, "coord_start"),
               .id = op_int(n, "id_index"),
               .background = op_int(n, "background_id"),
               .valid = round_to(t->dtype, op_float(n, "valid_thresh")),
               .threshold = op_float(n, "overlap_thresh"),
               .is_forced = op_bool(n, "force_suppress"),
               .format = format_of(n, "in_format"),
               .dtype = t->dtype};
}

static mxn_status check_index(inference *x, const char *name, int64_t index, int64_t last) {
  const int64_t begin = op_int(x->node, "coord_start");
  if (index >= 0 && index <= last && (index < begin || index > begin + 3)) return MXN_OK;
  return infer_error(x, MXN_SHAPE, "%s is %" PRId64 ", expected 0 to %" PRId64 " without the coordinates from %" PRId64,
                     name, index, last, begin);
}

mxn_status box_nms_shape(inference *x) {
  const node *n = x->node;
  TRY(infer_data_shape(x));
  const mxn_type *data = x->inputs[0];
  if (data->n_dims < 0) return MXN_OK;
  if (data->n_dims < 2) return infer_error(x, MXN_SHAPE, "data has %d dimensions, expected at least 2", data->n_dims);
  const int64_t width = data->dims[data->n_dims - 1], begin = op_int(n, "coord_start"), id = op_int(n, "id_index");
  mxn_type record = *data;
  record.dims[data->n_dims - 1] = 1;
  if (x->n_outputs > 1) TRY(infer_output(x, 1, &record));
  if (width < 0) return MXN_OK;
  if (width < 5 + (id >= 0) || begin < 0 || begin > width - 4)
    return infer_error(x, MXN_SHAPE,
                       "boxes have %" PRId64 " numbers with coordinates from %" PRId64
                       ", expected at least %d and 4 coordinates inside",
                       width, begin, 5 + (id >= 0));
  TRY(check_index(x, "score_index", op_int(n, "score_index"), width - 1));
  if (id >= 0) TRY(check_index(x, "id_index", id, width - 1));
  if (id >= 0 && id == op_int(n, "score_index"))
    return infer_error(x, MXN_SHAPE, "id_index and score_index are both %" PRId64, id);
  return MXN_OK;
}

/* A number to sort by, and where it stood: equal ones keep their order. */
typedef struct ranked {
  double score;
  int64_t index;
} ranked;

static int by_falling_score(const void *a, const void *b) {
  const ranked *p = a, *q = b;
  const int order = compare_falling(p->score, q->score);
  return order ? order : (p->index > q->index) - (p->index < q->index);
}

static bool is_valid(const nms *s, const double *box) {
  if (!(box[s->score] > s->valid)) return false;
  return s->id < 0 || box[s->id] != (double)s->background;
}

static bool suppresses(const nms *s, const double *better, const double *other) {
  if (!s->is_forced && s->id >= 0 && trunc(better[s->id]) != trunc(other[s->id])) return false;
  return round_to(s->dtype, box_iou(better + s->box, other + s->box, s->format)) > s->threshold;
}

/* Indices of the boxes to keep, best first; an index of -1 is dropped. */
static int64_t rank_and_suppress(const nms *s, const double *boxes, int64_t most, ranked *list) {
  int64_t n = 0;
  for (int64_t i = 0; i < s->n; i++)
    if (is_valid(s, boxes + i * s->width)) list[n++] = (ranked){boxes[i * s->width + s->score], i};
  qsort(list, (size_t)n, sizeof *list, by_falling_score);
  if (n > most) n = most;
  for (int64_t i = 0; i < n; i++)
    for (int64_t k = i + 1; k < n && list[i].index >= 0; k++)
      if (list[k].index >= 0 && suppresses(s, boxes + list[i].index * s->width, boxes + list[k].index * s->width))
        list[k].index = -1;
  return n;
}

/* MXNet leaves a box as it is whose first coordinate is negative: it may be none. */
static void convert(double *box, box_format to) {
  const double a = box[0], b = box[1], c = box[2], d = box[3];
  if (a < 0) return;
  if (to == BOX_CENTER) {
    memcpy(box, (double[]){(a + c) / 2, (b + d) / 2, c - a, d - b}, 4 * sizeof *box);
  } else {
    memcpy(box, (double[]){a - c / 2, b - d / 2, a + c / 2, b + d / 2}, 4 * sizeof *box);
  }
}

static void store_record(const forward *f, int64_t i, double index) {
  if (f->node->n_outputs > 1) store_doubles(&f->outputs[1], i, 1, &index);
}

static void nms_batch(const forward *f, const nms *s, int64_t batch, int64_t most, double *boxes, double *out,
                      ranked *list) {
  const box_format to = format_of(f->node, "out_format");
  const int64_t numbers = s->n * s->width;
  load_doubles(&f->inputs[0], batch * numbers, numbers, boxes);
  const int64_t n = rank_and_suppress(s, boxes, most, list);
  int64_t kept = 0;
  for (int64_t i = 0; i < n; i++) {
    if (list[i].index < 0) continue;
    double *row = out + kept * s->width;
    memcpy(row, boxes + list[i].index * s->width, (size_t)s->width * sizeof *row);
    if (to != s->format) convert(row + s->box, to);
    store_record(f, batch * s->n + kept++, (double)(batch * s->n + list[i].index));
  }
  for (int64_t i = kept; i < s->n; i++) store_record(f, batch * s->n + i, -1);
  for (int64_t i = kept * s->width; i < numbers; i++) out[i] = -1;
  store_doubles(&f->outputs[0], batch * numbers, numbers, out);
}

mxn_status box_nms_forward(const forward *f) {
  const nms s = nms_of(f);
  const int64_t topk = op_int(f->node, "topk"), most = topk < 0 || topk > s.n ? s.n : topk;
  int64_t elements = 0;
  if (!shape_elements(&f->inputs[0].type, &elements) || elements == 0) return MXN_OK;
  const int64_t batches = elements / (s.n * s.width);
  if (most < 1) {
    for (int64_t i = 0; i < batches * s.n; i++) store_record(f, i, (double)i);
    return copy_forward(f);
  }
  double *boxes = arena_array(f->scratch, (size_t)(s.n * s.width), 2 * sizeof *boxes);
  ranked *list = arena_array(f->scratch, (size_t)s.n, sizeof *list);
  for (int64_t b = 0; b < batches; b++) nms_batch(f, &s, b, most, boxes, boxes + s.n * s.width, list);
  return MXN_OK;
}

/* box_iou: every box of lhs with every box of rhs. */

static mxn_status check_boxes(inference *x, uint32_t input, int32_t least) {
  input_name name;
  const mxn_type *t = x->inputs[input];
  if (t->n_dims < 0 || (t->n_dims >= least && (t->dims[t->n_dims - 1] == 4 || t->dims[t->n_dims - 1] < 0)))
    return MXN_OK;
  return infer_error(x, MXN_SHAPE, "%s is expected to have at least %d dimensions, the last of size 4",
                     infer_input_name(x, input, &name), least);
}

mxn_status box_iou_shape(inference *x) {
  const mxn_type *lhs = x->inputs[0], *rhs = x->inputs[1];
  TRY(check_boxes(x, 0, 2));
  TRY(check_boxes(x, 1, 2));
  if (lhs->n_dims < 0 || rhs->n_dims < 0) return MXN_OK;
  if (lhs->n_dims + rhs->n_dims - 2 > MXN_MAX_DIMS)
    return infer_error(x, MXN_SHAPE, "the output would have %d dimensions", lhs->n_dims + rhs->n_dims - 2);
  mxn_type output = {.n_dims = lhs->n_dims + rhs->n_dims - 2};
  int32_t k = 0;
  for (int32_t d = 0; d < lhs->n_dims - 1; d++) output.dims[k++] = lhs->dims[d];
  for (int32_t d = 0; d < rhs->n_dims - 1; d++) output.dims[k++] = rhs->dims[d];
  return infer_output(x, 0, &output);
}

mxn_status box_iou_forward(const forward *f) {
  const box_format format = format_of(f->node, "format");
  int64_t n_left = 0, n_right = 0;
  const double *lhs = input_doubles(f, 0, &n_left), *rhs = input_doubles(f, 1, &n_right);
  n_left /= 4;
  n_right /= 4;
  double *out = arena_array(f->scratch, (size_t)n_right, sizeof *out);
  for (int64_t i = 0; i < n_left; i++) {
    for (int64_t k = 0; k < n_right; k++) out[k] = box_iou(lhs + i * 4, rhs + k * 4, format);
    store_doubles(&f->outputs[0], i * n_right, n_right, out);
  }
  return MXN_OK;
}

/* box_encode: how a box differs from its anchor, in units of the anchor. */

mxn_status box_encode_shape(inference *x) {
  enum { SAMPLES, MATCHES, ANCHORS, REFS, MEANS, STDS };
  const mxn_type four = {.n_dims = 1, .dims = {4}}, boxes = {.n_dims = 3, .dims = {-1, -1, 4}};
  TRY(infer_input(x, ANCHORS, &boxes));
  TRY(infer_input(x, REFS, &boxes));
  TRY(infer_input(x, MEANS, &four));
  TRY(infer_input(x, STDS, &four));
  const int64_t *anchors = x->inputs[ANCHORS]->dims;
  const mxn_type each = {.n_dims = 2, .dims = {anchors[0], anchors[1]}},
                 refs = {.n_dims = 3, .dims = {anchors[0], -1, 4}};
  TRY(infer_input(x, SAMPLES, &each));
  TRY(infer_input(x, MATCHES, &each));
  TRY(infer_input(x, REFS, &refs));
  for (uint32_t i = 0; i < x->n_outputs; i++) TRY(infer_output(x, i, x->inputs[ANCHORS]));
  return MXN_OK;
}

static void encode(const double *ref, const double *anchor, const double *means, const double *stds, double *out) {
  for (int i = 0; i < 2; i++) {
    const double length = ref[i + 2] - ref[i], anchor_length = anchor[i + 2] - anchor[i];
    const double center = ref[i] + length * 0.5, anchor_center = anchor[i] + anchor_length * 0.5;
    out[i] = ((center - anchor_center) / anchor_length - means[i]) / stds[i];
    out[i + 2] = (log(length / anchor_length) - means[i + 2]) / stds[i + 2];
  }
}

mxn_status box_encode_forward(const forward *f) {
  const int64_t *anchors_dims = f->inputs[2].type.dims, n = anchors_dims[1], n_refs = f->inputs[3].type.dims[1];
  for (int64_t i = 0; i < anchors_dims[0] * n; i++) {
    double sample, match, anchor[4], ref[4], means[4], stds[4], target[4] = {0}, mask[4] = {0};
    load_doubles(&f->inputs[0], i, 1, &sample);
    load_doubles(&f->inputs[1], i, 1, &match);
    if (sample > 0.5) {
      if (!(match >= 0 && match < (double)n_refs))
        return op_error(NULL, f->node, f->err, MXN_ARGUMENT, "matches has %g, expected 0 to %" PRId64, match,
                        n_refs - 1);
      load_doubles(&f->inputs[2], i * 4, 4, anchor);
      load_doubles(&f->inputs[3], (i / n * n_refs + (int64_t)match) * 4, 4, ref);
      load_doubles(&f->inputs[4], 0, 4, means);
      load_doubles(&f->inputs[5], 0, 4, stds);
      encode(ref, anchor, means, stds, target);
      for (int k = 0; k < 4; k++) mask[k] = 1;
    }
    store_doubles(&f->outputs[0], i * 4, 4, target);
    store_doubles(&f->outputs[1], i * 4, 4, mask);
  }
  return MXN_OK;
}

/* box_decode: the box back from its difference to the anchor. */

mxn_status box_decode_shape(inference *x) {
  const mxn_type boxes = {.n_dims = 3, .dims = {-1, -1, 4}};
  TRY(infer_input(x, 0, &boxes));
  const mxn_type anchors = {.n_dims = 3, .dims = {1, x->inputs[0]->dims[1], 4}};
  TRY(infer_input(x, 1, &anchors));
  return infer_data_shape(x);
}

static void decode(const double *data, const double *anchor, box_format format, const double *stds, double clip,
                   double *out) {
  for (int i = 0; i < 2; i++) {
    const double length = format == BOX_CENTER ? anchor[i + 2] : anchor[i + 2] - anchor[i];
    const double center = (format == BOX_CENTER ? anchor[i] : anchor[i] + length * 0.5) + data[i] * stds[i] * length;
    double growth = data[i + 2] * stds[i + 2];
    if (clip > 0 && !(growth < clip)) growth = clip;
    const double half = exp(growth) * length * 0.5;
    out[i] = center - half;
    out[i + 2] = center + half;
  }
}

mxn_status box_decode_forward(const forward *f) {
  static const char *const names[] = {"std0", "std1", "std2", "std3"};
  const int64_t *dims = f->inputs[0].type.dims;
  double stds[4], data[4], anchor[4], out[4];
  for (int i = 0; i < 4; i++) stds[i] = op_float(f->node, names[i]);
  for (int64_t i = 0; i < dims[0] * dims[1]; i++) {
    load_doubles(&f->inputs[0], i * 4, 4, data);
    load_doubles(&f->inputs[1], i % dims[1] * 4, 4, anchor);
    decode(data, anchor, format_of(f->node, "format"), stds, op_float(f->node, "clip"), out);
    store_doubles(&f->outputs[0], i * 4, 4, out);
  }
  return MXN_OK;
}

/* bipartite_matching: the best pairs of a row and a column, one after the other. */

mxn_status bipartite_matching_shape(inference *x) {
  const mxn_type *data = x->inputs[0];
  if (data->n_dims < 0) return MXN_OK;
  if (data->n_dims < 2) return infer_error(x, MXN_SHAPE, "data has %d dimensions, expected at least 2", data->n_dims);
  mxn_type rows = *data;
  rows.n_dims--;
  TRY(infer_output(x, 0, &rows));
  rows.dims[rows.n_dims - 1] = data->dims[data->n_dims - 1];
  return infer_output(x, 1, &rows);
}

static void match(const forward *f, ranked *list, int64_t rows, int64_t columns, double *of_row, double *of_column) {
  const double sign = op_bool(f->node, "is_ascend") ? -1 : 1, threshold = op_float(f->node, "threshold") * sign;
  const int64_t topk = op_int(f->node, "topk");
  int64_t n_matches = 0;
  qsort(list, (size_t)(rows * columns), sizeof *list, by_falling_score);
  for (int64_t i = 0; i < rows; i++) of_row[i] = -1;
  for (int64_t i = 0; i < columns; i++) of_column[i] = -1;
  for (int64_t i = 0; i < rows * columns; i++) {
    const int64_t r = list[i].index / columns, c = list[i].index % columns;
    if (of_row[r] >= 0 || of_column[c] >= 0) continue;
    if (!(list[i].score > threshold)) break;
    of_row[r] = (double)c;
    of_column[c] = (double)r;
    /* MXNet counts one match more than topk says. */
    if (topk > 0 && ++n_matches > topk) break;
  }
}

mxn_status bipartite_matching_forward(const forward *f) {
  const mxn_type *t = &f->inputs[0].type;
  const int64_t rows = t->dims[t->n_dims - 2], columns = t->dims[t->n_dims - 1];
  const double sign = op_bool(f->node, "is_ascend") ? -1 : 1;
  const int64_t batches = count_dims(t, 0, t->n_dims - 2);
  ranked *list = arena_array(f->scratch, (size_t)(rows * columns), sizeof *list);
  double *of_row = arena_array(f->scratch, (size_t)(rows + columns), sizeof *of_row), *of_column = of_row + rows;
  for (int64_t b = 0; b < batches; b++) {
    for (int64_t i = 0; i < rows * columns; i++) {
      double score;
      load_doubles(&f->inputs[0], b * rows * columns + i, 1, &score);
      list[i] = (ranked){score * sign, i};
    }
    match(f, list, rows, columns, of_row, of_column);
    store_doubles(&f->outputs[0], b * rows, rows, of_row);
    store_doubles(&f->outputs[1], b * columns, columns, of_column);
  }
  return MXN_OK;
}
