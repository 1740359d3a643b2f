/* eigen.c - eigenvalues and right eigenvectors of square matrices, _npi_eig and
 * _npi_eigvals.
 *
 * The way is that of LAPACK's dgeev, since the order of the eigenvalues and the signs
 * of the vectors are what it leaves: the matrix is balanced, reduced to Hessenberg's
 * form by reflections, and then to an upper triangle by QR steps of two shifts, which
 * split off eigenvalues from the end; vectors are found there by substitution, taken
 * back and made of length 1. Above 75 rows LAPACK steps with more shifts, and its order
 * may be another one.
 *
 * Matrices are [row][column]; indices count from 0.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "ops/family.h"

/* One matrix: A = scaled and permuted Z T Z'. */
typedef struct schur {
  int64_t n;
  double *t, *z;        /* [n][n] */
  double *scale;        /* of row i in [low, high]; of others the row that it was swapped with */
  double *values;       /* [n] */
  int64_t low, high;    /* the rows between isolated eigenvalues */
  double ulp, smallest; /* of the type in which MXNet computes */
} schur;

/* Balancing: an eigenvalue whose row or column is zero elsewhere moves to the end or
 * the beginning; the other rows and columns get norms that are alike. */

static void swap_numbers(double *a, double *b) {
  const double t = *a;
  *a = *b;
  *b = t;
}

static void swap_both(schur *s, int64_t from, int64_t to) {
  s->scale[to] = (double)from;
  if (from == to) return;
  for (int64_t i = 0; i <= s->high; i++) swap_numbers(&s->t[i * s->n + from], &s->t[i * s->n + to]);
  for (int64_t j = s->low; j < s->n; j++) swap_numbers(&s->t[from * s->n + j], &s->t[to * s->n + j]);
}

/* Whether row or column `line` is zero within [low, high] but for its diagonal. */
static bool is_isolated(const schur *s, int64_t line, bool is_row) {
  for (int64_t i = s->low; i <= s->high; i++)
    if (i != line && s->t[is_row ? line * s->n + i : i * s->n + line] != 0) return false;
  return true;
}

static bool isolate_row(schur *s) {
  for (int64_t row = s->high; row >= 0; row--) {
    if (!is_isolated(s, row, true)) continue;
    swap_both(s, row, s->high);
    return true;
  }
  return false;
}

static bool isolate_column(schur *s) {
  for (int64_t column = s->low; column <= s->high; column++) {
    if (!is_isolated(s, column, false)) continue;
    swap_both(s, column, s->low);
    return true;
  }
  return false;
}

/* The length of row or column `line` within [low, high]. */
static double line_length(const schur *s, int64_t line, bool is_row) {
  double sum = 0;
  for (int64_t i = s->low; i <= s->high; i++) {
    const double x = s->t[is_row ? line * s->n + i : i * s->n + line];
    sum += x * x;
  }
  return sqrt(sum);
}

/* Scale row i by 1 / factor and column i by the factor, a power of 2. */
static bool scale_line(schur *s, int64_t i) {
  static const double limit = 0x1p400; /* far from overflow */
  double column = line_length(s, i, false), row = line_length(s, i, true), factor = 1;
  const double before = column + row;
  if (column == 0 || row == 0 || !isfinite(before)) return false;
  for (; column < row / 2 && factor < limit; factor *= 2) column *= 2, row /= 2;
  for (; column / 2 >= row && factor > 1 / limit; factor /= 2) column /= 2, row *= 2;
  if (column + row >= 0.95 * before) return false;
  s->scale[i] *= factor;
  for (int64_t j = s->low; j < s->n; j++) s->t[i * s->n + j] /= factor;
  for (int64_t k = 0; k <= s->high; k++) s->t[k * s->n + i] *= factor;
  return true;
}

static void balance(schur *s) {
  bool is_done = false;
  s->low = 0;
  s->high = s->n - 1;
  for (; s->high > 0 && isolate_row(s); s->high--) {
  }
  for (; s->low < s->high && isolate_column(s); s->low++) {
  }
  for (int64_t i = s->low; i <= s->high; i++) s->scale[i] = 1;
  for (int sweep = 0; sweep < 100 && !is_done; sweep++) {
    is_done = true;
    for (int64_t i = s->low; i <= s->high; i++) is_done = !scale_line(s, i) && is_done;
  }
}

/* Reflections: H = I - factor v v', v[0] = 1, H x = (length, 0, ...). x becomes v;
 * the length is returned. */
static double make_reflection(double *x, int64_t n, double *factor) {
  double tail = 0;
  for (int64_t i = 1; i < n; i++) tail += x[i] * x[i];
  const double first = x[0];
  *factor = 0;
  x[0] = 1;
  if (tail == 0) return first;
  const double length = -copysign(sqrt(first * first + tail), first);
  *factor = (length - first) / length;
  for (int64_t i = 1; i < n; i++) x[i] /= first - length;
  return length;
}

/* Rows [row, row + n) of columns [first, end). */
static void reflect_rows(double *a, int64_t stride, int64_t row, int64_t first, int64_t end, const double *v, int64_t n,
                         double factor) {
  for (int64_t j = first; j < end; j++) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += v[i] * a[(row + i) * stride + j];
    for (int64_t i = 0; i < n; i++) a[(row + i) * stride + j] -= factor * sum * v[i];
  }
}

/* Columns [column, column + n) of rows [first, end). */
static void reflect_columns(double *a, int64_t stride, int64_t column, int64_t first, int64_t end, const double *v,
                            int64_t n, double factor) {
  for (int64_t i = first; i < end; i++) {
    double sum = 0;
    for (int64_t j = 0; j < n; j++) sum += v[j] * a[i * stride + column + j];
    for (int64_t j = 0; j < n; j++) a[i * stride + column + j] -= factor * sum * v[j];
  }
}

/* Hessenberg's form; z becomes the product of the reflections. v: room for n. */
static void reduce(schur *s, double *v) {
  memset(s->z, 0, (size_t)(s->n * s->n) * sizeof *s->z);
  for (int64_t i = 0; i < s->n; i++) s->z[i * s->n + i] = 1;
  for (int64_t k = s->low; k < s->high - 1; k++) {
    const int64_t n = s->high - k;
    double factor;
    for (int64_t i = 0; i < n; i++) v[i] = s->t[(k + 1 + i) * s->n + k];
    const double length = make_reflection(v, n, &factor);
    for (int64_t i = 0; i < n; i++) s->t[(k + 1 + i) * s->n + k] = i == 0 ? length : 0;
    reflect_columns(s->t, s->n, k + 1, 0, s->high + 1, v, n, factor);
    reflect_rows(s->t, s->n, k + 1, k + 1, s->n, v, n, factor);
    reflect_columns(s->z, s->n, k + 1, 0, s->n, v, n, factor);
  }
}

/* QR steps. */

static double at(const schur *s, int64_t i, int64_t j) { return s->t[i * s->n + j]; }

/* Whether the element left of the diagonal in row k is negligible. */
static bool is_negligible(const schur *s, int64_t k) {
  const double left = fabs(at(s, k, k - 1)), above = fabs(at(s, k - 1, k));
  if (left <= s->smallest) return true;
  double around = fabs(at(s, k - 1, k - 1)) + fabs(at(s, k, k));
  if (around == 0 && k - 2 >= s->low) around += fabs(at(s, k - 1, k - 2));
  if (around == 0 && k + 1 <= s->high) around += fabs(at(s, k + 1, k));
  if (left > s->ulp * around) return false;
  const double difference = fabs(at(s, k - 1, k - 1) - at(s, k, k)), diagonal = fabs(at(s, k, k));
  const double off = fmax(left, above), on = fmax(diagonal, difference), sum = on + off;
  return fmin(left, above) * (off / sum) <= fmax(s->smallest, s->ulp * (fmin(diagonal, difference) * (on / sum)));
}

/* Two shifts: a pair of conjugates, or one real number twice. */
typedef struct shifts {
  double real, imaginary;
} shifts;

static shifts find_shifts(const schur *s, int64_t first, int64_t last, int step) {
  double a = at(s, last - 1, last - 1), b = at(s, last - 1, last), c = at(s, last, last - 1), d = at(s, last, last);
  if (step == 10 || step == 20) { /* where it does not converge, others */
    const int64_t k = step == 10 ? first : last;
    const double size = step == 10 ? fabs(at(s, first + 1, first)) + fabs(at(s, first + 2, first + 1))
                                   : fabs(at(s, last, last - 1)) + fabs(at(s, last - 1, last - 2));
    a = d = 0.75 * size + at(s, k, k);
    b = -0.4375 * size;
    c = size;
  }
  const double size = fabs(a) + fabs(b) + fabs(c) + fabs(d);
  if (size == 0) return (shifts){0, 0};
  a /= size, b /= size, c /= size, d /= size;
  const double middle = (a + d) / 2, determinant = (a - middle) * (d - middle) - b * c;
  const double root = sqrt(fabs(determinant));
  if (determinant >= 0) return (shifts){middle * size, root * size};
  const double one = middle + root, other = middle - root;
  return (shifts){(fabs(one - d) <= fabs(other - d) ? one : other) * size, 0};
}

/* The first column of the step that starts in row m. */
static void first_column(const schur *s, int64_t m, shifts shift, double v[3]) {
  const double real = shift.real, imaginary = shift.imaginary, x = at(s, m, m) - real;
  const double size = fabs(x) + fabs(imaginary) + fabs(at(s, m + 1, m)), below = at(s, m + 1, m) / size;
  v[0] = below * at(s, m, m + 1) + x * (x / size) + imaginary * (imaginary / size);
  v[1] = below * (at(s, m, m) + at(s, m + 1, m + 1) - 2 * real);
  v[2] = below * at(s, m + 2, m + 1);
  const double sum = fabs(v[0]) + fabs(v[1]) + fabs(v[2]);
  for (int i = 0; i < 3; i++) v[i] /= sum;
}

/* The row where the step may start: what it disturbs on its left is negligible. */
static int64_t find_start(const schur *s, int64_t first, int64_t last, shifts shift, double v[3]) {
  for (int64_t m = last - 2;; m--) {
    first_column(s, m, shift, v);
    if (m <= first) return m;
    const double around = fabs(at(s, m - 1, m - 1)) + fabs(at(s, m, m)) + fabs(at(s, m + 1, m + 1));
    if (fabs(at(s, m, m - 1)) * (fabs(v[1]) + fabs(v[2])) <= s->ulp * fabs(v[0]) * around) return m;
  }
}

/* One step on rows [first, last]: the bulge is chased down. */
static void step_once(schur *s, int64_t first, int64_t last, shifts shift) {
  double v[3], factor;
  const int64_t start = find_start(s, first, last, shift, v), n = s->n;
  for (int64_t k = start; k < last; k++) {
    const int64_t rows = last - k + 1 < 3 ? last - k + 1 : 3, end = k + 4 < last + 1 ? k + 4 : last + 1;
    for (int64_t i = 0; i < rows && k > start; i++) v[i] = at(s, k + i, k - 1);
    const double length = make_reflection(v, rows, &factor);
    for (int64_t i = 0; i < rows && k > start; i++) s->t[(k + i) * n + k - 1] = i == 0 ? length : 0;
    if (k == start && start > first) s->t[k * n + k - 1] *= 1 - factor;
    reflect_rows(s->t, n, k, k, n, v, rows, factor);
    reflect_columns(s->t, n, k, 0, end, v, rows, factor);
    reflect_columns(s->z, n, k, 0, n, v, rows, factor);
  }
}

/* Two rows that have split off: a rotation makes them a triangle where their
 * eigenvalues are real. */
typedef struct block {
  double a, b, c, d;   /* [[a, b], [c, d]] */
  double cosine, sine; /* of the rotation */
} block;

static double sign_of(double x) { return copysign(1, x); }

/* Conjugates, or reals that are nearly equal: both on the diagonal become the same. */
static void even_block(block *x) {
  const double sigma = x->b + x->c, difference = x->a - x->d, tau = hypot(sigma, difference);
  const double cosine = sqrt(0.5 * (1 + fabs(sigma) / tau)),
               sine = -(0.5 * difference / (tau * cosine)) * sign_of(sigma);
  const double aa = x->a * cosine + x->b * sine, bb = -x->a * sine + x->b * cosine;
  const double cc = x->c * cosine + x->d * sine, dd = -x->c * sine + x->d * cosine;
  const double middle = 0.5 * (aa * cosine + cc * sine - bb * sine + dd * cosine);
  *x = (block){middle, bb * cosine + dd * sine, -aa * sine + cc * cosine, middle, cosine, sine};
  if (x->c == 0) return;
  if (x->b == 0) {
    *x = (block){middle, -x->c, 0, middle, -sine, cosine};
  } else if (sign_of(x->b) == sign_of(x->c)) {
    const double root = copysign(sqrt(fabs(x->b)) * sqrt(fabs(x->c)), x->c), scale = 1 / sqrt(fabs(x->b + x->c));
    const double more_cosine = sqrt(fabs(x->b)) * scale, more_sine = sqrt(fabs(x->c)) * scale;
    *x = (block){middle + root,
                 x->b - x->c,
                 0,
                 middle - root,
                 cosine * more_cosine - sine * more_sine,
                 cosine * more_sine + sine * more_cosine};
  }
}

static void standardize(block *x, double ulp) {
  x->cosine = 1;
  x->sine = 0;
  if (x->c == 0) return;
  if (x->b == 0) {
    *x = (block){x->d, -x->c, 0, x->a, 0, 1};
    return;
  }
  const double half = 0.5 * (x->a - x->d), larger = fmax(fabs(x->b), fabs(x->c));
  if (half == 0 && sign_of(x->b) != sign_of(x->c)) return;
  const double smaller = fmin(fabs(x->b), fabs(x->c)) * sign_of(x->b) * sign_of(x->c);
  const double scale = fmax(fabs(half), larger), discriminant = half / scale * half + larger / scale * smaller;
  if (discriminant < 4 * ulp) {
    even_block(x);
    return;
  }
  const double z = half + copysign(sqrt(scale) * sqrt(discriminant), half), length = hypot(x->c, z);
  *x = (block){x->d + z, x->b - x->c, 0, x->d - larger / z * smaller, z / length, x->c / length};
}

static void rotate_pair(double *x, double *y, double cosine, double sine) {
  const double rotated = cosine * *x + sine * *y;
  *y = cosine * *y - sine * *x;
  *x = rotated;
}

/* Rows k and k + 1; false where their eigenvalues are not real. */
static bool split_block(schur *s, int64_t k) {
  const int64_t n = s->n;
  double *t = s->t;
  block x = {.a = t[k * n + k], .b = t[k * n + k + 1], .c = t[(k + 1) * n + k], .d = t[(k + 1) * n + k + 1]};
  standardize(&x, s->ulp);
  for (int64_t j = k + 2; j < n; j++) rotate_pair(&t[k * n + j], &t[(k + 1) * n + j], x.cosine, x.sine);
  for (int64_t i = 0; i < k; i++) rotate_pair(&t[i * n + k], &t[i * n + k + 1], x.cosine, x.sine);
  for (int64_t i = 0; i < n; i++) rotate_pair(&s->z[i * n + k], &s->z[i * n + k + 1], x.cosine, x.sine);
  t[k * n + k] = x.a, t[k * n + k + 1] = x.b;
  t[(k + 1) * n + k] = x.c, t[(k + 1) * n + k + 1] = x.d;
  return x.c == 0 || sqrt(fabs(x.b)) * sqrt(fabs(x.c)) <= 1e-15; /* as MXNet asks */
}

typedef enum triangle { TRIANGLE_REAL, TRIANGLE_COMPLEX, TRIANGLE_ENDLESS } triangle;

/* The upper triangle, from Hessenberg's form. */
static triangle triangulate(schur *s) {
  const int64_t most = 30 * (s->n < 10 ? 10 : s->n);
  int step = 0;
  bool is_real = true;
  for (int64_t last = s->high, first = 0; last >= s->low; step++) {
    for (first = last; first > s->low && !is_negligible(s, first); first--) {
    }
    if (first > s->low) s->t[first * s->n + first - 1] = 0;
    if (first < last - 1) {
      if (step > most) return TRIANGLE_ENDLESS;
      step_once(s, first, last, find_shifts(s, first, last, step));
      continue;
    }
    if (first == last - 1) is_real = split_block(s, first) && is_real;
    last = first - 1;
    step = -1;
  }
  return is_real ? TRIANGLE_REAL : TRIANGLE_COMPLEX;
}

/* Vectors. */

/* Of the triangle, for eigenvalue k: x[k] = 1 above zeros. */
static void substitute(const schur *s, int64_t k, double *x) {
  const double eigenvalue = at(s, k, k), least = fmax(s->ulp * fabs(eigenvalue), s->smallest);
  for (int64_t i = 0; i < k; i++) x[i] = -at(s, i, k);
  x[k] = 1;
  for (int64_t j = k - 1; j >= 0; j--) {
    const double difference = at(s, j, j) - eigenvalue;
    x[j] /= fabs(difference) < least ? least : difference;
    if (fabs(x[j]) > 0x1p400) {
      const double scale = 1 / fabs(x[j]);
      for (int64_t i = 0; i <= k; i++) x[i] *= scale;
    }
    for (int64_t i = 0; i < j; i++) x[i] -= x[j] * at(s, i, j);
  }
}

/* Row i of the vectors was swapped with row scale[i]: the last swap is undone first. */
static void unswap(const schur *s, double *v, int64_t i) {
  const int64_t other = (int64_t)s->scale[i];
  for (int64_t j = 0; j < s->n && other != i; j++) swap_numbers(&v[i * s->n + j], &v[other * s->n + j]);
}

/* v: [n][n], vectors in columns; x: room for n. */
static void find_vectors(const schur *s, double *v, double *x) {
  const int64_t n = s->n;
  for (int64_t k = 0; k < n; k++) {
    substitute(s, k, x);
    for (int64_t i = 0; i < n; i++) {
      double sum = 0;
      for (int64_t j = 0; j <= k; j++) sum += s->z[i * n + j] * x[j];
      v[i * n + k] = sum;
    }
  }
  for (int64_t i = s->low; i <= s->high; i++)
    for (int64_t j = 0; j < n; j++) v[i * n + j] *= s->scale[i];
  for (int64_t i = s->low - 1; i >= 0; i--) unswap(s, v, i);
  for (int64_t i = s->high + 1; i < n; i++) unswap(s, v, i);
  for (int64_t k = 0; k < n; k++) {
    double largest = 0, sum = 0;
    for (int64_t i = 0; i < n; i++) largest = fmax(largest, fabs(v[i * n + k]));
    for (int64_t i = 0; i < n; i++) v[i * n + k] /= largest, sum += v[i * n + k] * v[i * n + k];
    for (int64_t i = 0; i < n; i++) v[i * n + k] /= sqrt(sum);
  }
}

/* The operators: values, and vectors in the columns of a second output. */

static schur make_schur(const forward *f, int64_t n) {
  const bool is_single = f->outputs[0].type.dtype == MXN_FLOAT32;
  const double ulp = is_single ? FLT_EPSILON : DBL_EPSILON;
  return (schur){.n = n,
                 .z = linalg_empty(f->scratch, 1, n, n).data,
                 .scale = linalg_empty(f->scratch, 1, 1, n).data,
                 .ulp = ulp,
                 .smallest = (is_single ? FLT_MIN : DBL_MIN) * ((double)n / ulp)};
}

static bool all_finite(const double *x, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    if (!isfinite(x[i])) return false;
  return true;
}

static mxn_status check_triangle(const forward *f, int64_t matrix, triangle t) {
  if (t == TRIANGLE_COMPLEX)
    return op_error(NULL, f->node, f->err, MXN_UNSUPPORTED, "matrix %lld has complex eigenvalues, expected real ones",
                    (long long)matrix);
  if (t == TRIANGLE_ENDLESS)
    return op_error(NULL, f->node, f->err, MXN_ARGUMENT, "the eigenvalues of matrix %lld do not converge",
                    (long long)matrix);
  return MXN_OK;
}

mxn_status linalg_eig_forward(const forward *f) {
  const matrices a = linalg_load(f->scratch, &f->inputs[0]);
  const int64_t n = a.rows, size = n * n;
  const matrices values = linalg_empty(f->scratch, a.count, 1, n), vectors = linalg_empty(f->scratch, a.count, n, n);
  double *room = linalg_empty(f->scratch, 1, 1, n).data;
  schur s = make_schur(f, n);
  for (int64_t m = 0; m < a.count; m++) {
    s.t = a.data + m * size;
    balance(&s);
    reduce(&s, room);
    TRY(check_triangle(f, m, all_finite(s.t, size) ? triangulate(&s) : TRIANGLE_ENDLESS));
    for (int64_t i = 0; i < n; i++) values.data[m * n + i] = at(&s, i, i);
    if (f->node->n_outputs > 1) find_vectors(&s, vectors.data + m * size, room);
  }
  linalg_store(&f->outputs[0], values.data);
  if (f->node->n_outputs > 1) linalg_store(&f->outputs[1], vectors.data);
  return MXN_OK;
}
