/* image_resize.c - _image_resize and _cvimresize, as OpenCV 3.4 does them. Both axes
 * are resampled one after the other: an output is a weighted sum of the rows that its
 * taps name, and a row's number one of columns. Bytes are summed as OpenCV sums them,
 * to the bit: in fixed point, or in float32 where it has a vector of them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <float.h>
#include <inttypes.h>
#include <math.h>

#include "ops/family.h"
#include "ops/number.h"

/* OpenCV's numbers, and what it makes of area: pixels that all weigh the same where the
 * scale is whole, and a kind of linear where an axis grows. */
typedef enum interpolation {
  NEAREST,
  LINEAR,
  CUBIC,
  AREA,
  LANCZOS4,
  LINEAR_EXACT,
  N_INTERPOLATIONS,
  AREA_WHOLE = N_INTERPOLATIONS,
  AREA_GROWN,
  N_METHODS
} interpolation;

/* What output i of an axis takes: taps begin[i] to begin[i + 1]. */
typedef struct taps {
  int64_t *begin, *at, n;
  double *weight;
} taps;

/* How images are resampled; sums are multiplied by `factor`. */
typedef struct resampling {
  interpolation how;
  bool is_bytes, is_double;
  int64_t channels, row; /* numbers in a row of the output */
  double factor;
  taps rows, columns;
} resampling;

/* The size of an axis, which OpenCV takes from the inverse of its inverse. */
typedef struct axis {
  int64_t in, out;
  double scale;
} axis;

static axis axis_of(int64_t in, int64_t out) { return (axis){in, out, 1 / ((double)out / (double)in)}; }

static bool is_whole(const axis *a) { return fabs(a->scale - rint(a->scale)) < DBL_EPSILON; }

static int64_t inside(int64_t i, int64_t size) { return i < 0 ? 0 : i < size ? i : size - 1; }

static void add_tap(taps *t, int64_t at, double weight) {
  t->at[t->n] = at;
  t->weight[t->n++] = weight;
}

/* Weights of the pixels around one that lies at x, from 0 to 1, behind the middle
 * left one. Functions of float32 to the bit: bytes show it. */

static void linear_weights(float x, float *w) {
  w[0] = 1 - x;
  w[1] = x;
}

static float cubic_near(float x) { return ((1.25F * x) - 2.25F) * x * x + 1; }

static void cubic_weights(float x, float *w) {
  const float a = -0.75F, far = x + 1;
  w[0] = ((a * far - 5 * a) * far + 8 * a) * far - 4 * a;
  w[1] = cubic_near(x);
  w[2] = cubic_near(1 - x);
  w[3] = 1 - w[0] - w[1] - w[2];
}

/* sin(pi x) sin(pi x / 4) / x^2 of the eight distances from x, whose sum becomes 1. The
 * sines of distances that differ by one are turns of the first by 45 degrees. */
static void lanczos_weights(float x, float *w) {
  const double half_root = 0.70710678118654752440, pi = 3.14159265358979323846;
  const double turns[][2] = {{1, 0},  {-half_root, -half_root}, {0, 1},  {half_root, -half_root},
                             {-1, 0}, {half_root, half_root},   {0, -1}, {-half_root, half_root}};
  const double first = -(x + 3) * pi * 0.25, sine = sin(first), cosine = cos(first);
  float sum = 0;
  for (int i = 0; i < 8; i++) w[i] = i == 3;
  if (x < FLT_EPSILON) return;
  for (int i = 0; i < 8; i++) {
    const double at = -(x + 3 - (float)i) * pi * 0.25;
    w[i] = (float)((turns[i][0] * sine + turns[i][1] * cosine) / (at * at));
    sum += w[i];
  }
  sum = 1.F / sum;
  for (int i = 0; i < 8; i++) w[i] *= sum;
}

/* Filters have so many taps, whose weights are whole multiples of 1/unit for bytes. */
typedef struct filter {
  int n_taps;
  double unit;
  void (*weights)(float x, float *w);
} filter;

static const filter filters[N_METHODS] = {[LINEAR] = {2, 2048, linear_weights},
                                          [AREA_GROWN] = {2, 2048, linear_weights},
                                          [CUBIC] = {4, 2048, cubic_weights},
                                          [LANCZOS4] = {8, 2048, lanczos_weights},
                                          [LINEAR_EXACT] = {2, 256, linear_weights}};

/* Where output i lies in the input: so far behind `*out_first`. */
static float place(const axis *a, int64_t i, interpolation how, int64_t *out_first) {
  if (how == AREA_GROWN) {
    *out_first = (int64_t)floor((double)i * a->scale);
    const float x = (float)((double)(i + 1) - (double)(*out_first + 1) * ((double)a->out / (double)a->in));
    return x <= 0 ? 0 : x - floorf(x);
  }
  const double at = ((double)i + 0.5) * a->scale - 0.5, single = how == LINEAR_EXACT ? at : (double)(float)at;
  *out_first = (int64_t)floor(single);
  return (float)(single - floor(single));
}

/* At the border both neighbours of a linear tap are the same; OpenCV drops the weight
 * of a column there and keeps that of a row, which bytes show in their rounding. */
static bool drops_weight(const axis *a, int64_t first, interpolation how, bool is_row) {
  return filters[how].n_taps == 2 && (!is_row || how == LINEAR_EXACT) && (first < 0 || first >= a->in - 1);
}

static void filter_taps(const resampling *r, const axis *a, bool is_row, taps *t) {
  const filter *f = &filters[r->how];
  for (int64_t i = 0; i < a->out; i++) {
    int64_t first;
    float x = place(a, i, r->how, &first), w[8];
    t->begin[i] = t->n;
    if (drops_weight(a, first, r->how, is_row)) x = 0;
    f->weights(x, w);
    for (int k = 0; k < f->n_taps; k++)
      add_tap(t, inside(first - f->n_taps / 2 + 1 + k, a->in),
              r->is_bytes ? rint((double)w[k] * f->unit) : (double)w[k]);
  }
}

static void nearest_taps(const axis *a, taps *t) {
  for (int64_t i = 0; i < a->out; i++) {
    t->begin[i] = t->n;
    add_tap(t, inside((int64_t)floor((double)i * a->scale), a->in), 1);
  }
}

static void whole_taps(const axis *a, taps *t) {
  const int64_t n = (int64_t)rint(a->scale);
  for (int64_t i = 0; i < a->out; i++) {
    t->begin[i] = t->n;
    for (int64_t k = 0; k < n; k++) add_tap(t, inside(i * n + k, a->in), 1);
  }
}

/* Each pixel by the part of it that the output covers; less than a thousandth is none. */
static void area_taps(const axis *a, taps *t) {
  for (int64_t i = 0; i < a->out; i++) {
    const double from = (double)i * a->scale, to = from + a->scale, width = fmin(a->scale, (double)a->in - from);
    const int64_t last = (int64_t)fmin(floor(to), (double)(a->in - 1)), first = (int64_t)fmin(ceil(from), (double)last);
    const double before = (double)first - from, after = to - (double)last;
    t->begin[i] = t->n;
    if (before > 1e-3) add_tap(t, first - 1, (float)(before / width));
    for (int64_t k = first; k < last; k++) add_tap(t, k, (float)(1 / width));
    if (after > 1e-3) add_tap(t, last, (float)(fmin(fmin(after, 1), width) / width));
  }
}

static taps taps_of(const forward *f, const resampling *r, const axis *a, bool is_row) {
  const size_t room = (size_t)a->in + 8 * (size_t)a->out;
  taps t = {.begin = arena_array(f->scratch, (size_t)a->out + 1, sizeof *t.begin),
            .at = arena_array(f->scratch, room, sizeof *t.at),
            .weight = arena_array(f->scratch, room, sizeof *t.weight)};
  if (r->how == NEAREST)
    nearest_taps(a, &t);
  else if (r->how == AREA)
    area_taps(a, &t);
  else if (r->how == AREA_WHOLE)
    whole_taps(a, &t);
  else
    filter_taps(r, a, is_row, &t);
  t.begin[a->out] = t.n;
  return t;
}

/* Sums of float32 are rounded as they grow. */
static double weighted(const resampling *r, double sum, double x, double weight) {
  return r->is_double ? sum + x * weight : (double)((float)sum + (float)x * (float)weight);
}

static double column_sum(const resampling *r, const double *row, int64_t x, int64_t c) {
  double sum = 0;
  for (int64_t i = r->columns.begin[x]; i < r->columns.begin[x + 1]; i++)
    sum = weighted(r, sum, row[r->columns.at[i] * r->channels + c], r->columns.weight[i]);
  return sum;
}

static double row_sum(const resampling *r, const double *sums, const double *weight, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum = weighted(r, sum, sums[i], weight[i]);
  return sum;
}

/* Bytes from the sums of n rows. OpenCV's sums of 32 bits wrap. */

static double fixed_point(const double *sums, const double *weight, int64_t n, int bits) {
  int64_t sum = (int64_t)1 << (bits - 1);
  for (int64_t i = 0; i < n; i++) sum += (int64_t)(sums[i] * weight[i]);
  return (double)((int32_t)(uint32_t)sum >> bits);
}

static double linear_byte(const double *sums, const double *weight) {
  int64_t sum = 2;
  for (int i = 0; i < 2; i++) sum += ((int64_t)weight[i] * ((int64_t)sums[i] >> 4)) >> 16;
  return (double)(sum >> 2);
}

/* The `at`-th number of a row. Cubic rows are vectors of eight, and what is left; means
 * of two by two pixels round halves up where OpenCV has code for so many channels. */
static double byte_of(const resampling *r, int64_t at, const double *sums, const double *weight, int64_t n) {
  const bool is_vector = at < r->row / 8 * 8, is_half_up = r->factor == 0.25 && (r->channels != 2 && r->channels < 5);
  switch (r->how) {
    case LINEAR:
    case AREA_GROWN: return linear_byte(sums, weight);
    case CUBIC: return is_vector ? rint(row_sum(r, sums, weight, n) / (1 << 22)) : fixed_point(sums, weight, n, 22);
    case LANCZOS4: return fixed_point(sums, weight, n, 22);
    case LINEAR_EXACT: return fixed_point(sums, weight, n, 16);
    default: break;
  }
  const double mean = (double)((float)row_sum(r, sums, weight, n) * (float)r->factor);
  return is_half_up ? floor(mean + 0.5) : rint(mean);
}

static double resampled(const resampling *r, const double *image, int64_t in_row, int64_t y, int64_t at, double *sums) {
  const int64_t first = r->rows.begin[y], n = r->rows.begin[y + 1] - first;
  const double *weight = r->rows.weight + first;
  for (int64_t i = 0; i < n; i++)
    sums[i] = column_sum(r, image + r->rows.at[first + i] * in_row, at / r->channels, at % r->channels);
  if (r->is_bytes) return fmin(fmax(byte_of(r, at, sums, weight, n), 0), 255);
  return row_sum(r, sums, weight, n) * r->factor;
}

/* OpenCV takes area for linear where both axes are halved. */
static interpolation method_of(interpolation how, bool is_bytes, int64_t channels, const axis *y, const axis *x) {
  const bool are_whole = is_whole(y) && is_whole(x);
  const bool are_halved = are_whole && rint(y->scale) == 2 && rint(x->scale) == 2;
  if (how == LINEAR_EXACT && !is_bytes) how = LINEAR;
  if (are_halved && (how == LINEAR || (how == LINEAR_EXACT && channels != 2))) how = AREA;
  if (how != AREA) return how;
  if (y->scale < 1 || x->scale < 1) return AREA_GROWN;
  return are_whole ? AREA_WHOLE : AREA;
}

static mxn_status check_method(const forward *f, interpolation how, int64_t channels) {
  const mxn_dtype dtype = f->inputs[0].type.dtype;
  if (dtype == MXN_INT32 && how != NEAREST)
    return op_error(NULL, f->node, f->err, MXN_UNSUPPORTED, "interp is %d, expected 0 (nearest) for int32", (int)how);
  if (how == AREA && channels > 4)
    return op_error(NULL, f->node, f->err, MXN_SHAPE,
                    "data has %" PRId64 " channels, expected at most 4 to shrink them by area", channels);
  return MXN_OK;
}

mxn_status image_resize_forward(const forward *f) {
  const mxn_type *from = &f->inputs[0].type, *to = &f->outputs[0].type;
  const int64_t *in = from->dims + from->n_dims - 3, *out = to->dims + to->n_dims - 3;
  const int64_t interp = op_int(f->node, "interp"), n_images = from->n_dims > 3 ? from->dims[0] : 1;
  const axis y = axis_of(in[0], out[0]), x = axis_of(in[1], out[1]);
  if (in[0] == out[0] && in[1] == out[1]) return copy_forward(f);
  if (interp < 0 || interp >= N_INTERPOLATIONS)
    return op_error(NULL, f->node, f->err, MXN_ARGUMENT, "interp is %" PRId64 ", expected 0 to %d", interp,
                    N_INTERPOLATIONS - 1);
  resampling r = {.is_bytes = from->dtype == MXN_UINT8,
                  .is_double = from->dtype == MXN_FLOAT64 || from->dtype == MXN_INT32,
                  .channels = in[2],
                  .row = out[1] * out[2],
                  .factor = 1};
  r.how = method_of((interpolation)interp, r.is_bytes, in[2], &y, &x);
  TRY(check_method(f, r.how, in[2]));
  if (r.how == AREA_WHOLE) r.factor = (double)(1.F / (float)(rint(y.scale) * rint(x.scale)));
  r.rows = taps_of(f, &r, &y, true);
  r.columns = taps_of(f, &r, &x, false);
  const int64_t in_row = in[1] * in[2];
  double *image = arena_array(f->scratch, (size_t)(in[0] * in_row), sizeof *image);
  double *row = arena_array(f->scratch, (size_t)r.row, sizeof *row);
  double *sums = arena_array(f->scratch, (size_t)r.rows.n, sizeof *sums);
  for (int64_t i = 0; i < n_images * out[0]; i++) {
    if (i % out[0] == 0) load_doubles(&f->inputs[0], i / out[0] * in[0] * in_row, in[0] * in_row, image);
    for (int64_t at = 0; at < r.row; at++) row[at] = resampled(&r, image, in_row, i % out[0], at, sums);
    store_doubles(&f->outputs[0], i * r.row, r.row, row);
  }
  return MXN_OK;
}
