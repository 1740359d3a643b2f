/* factor.c - factorizations of small dense matrices: see linalg.h.
 *
 * MXNet calls LAPACK. Cholesky, LU and LQ are unique with LAPACK's signs, and it
 * fixes the signs of eigenvectors and singular vectors itself: of each the
 * element of largest magnitude is positive. So that Jacobi's rotations, which
 * need no library, give the same answers up to rounding.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ops/linalg.h"
#include "ops/number.h"

/* Enough for any matrix: convergence is quadratic. */
enum { MAX_SWEEPS = 60 };

static double dot(const double *x, const double *y, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += x[i] * y[i];
  return sum;
}

static void swap_rows(double *a, int64_t columns, int64_t i, int64_t j) {
  for (int64_t c = 0; c < columns; c++) {
    const double t = a[i * columns + c];
    a[i * columns + c] = a[j * columns + c];
    a[j * columns + c] = t;
  }
}

static void transpose_square(double *a, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < i; j++) {
      const double t = a[i * n + j];
      a[i * n + j] = a[j * n + i];
      a[j * n + i] = t;
    }
}

/* Cholesky: A = L L', reading the lower triangle; what is above becomes 0. */

static bool cholesky(double *a, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    for (int64_t j = 0; j <= i; j++) {
      const double x = a[i * n + j] - dot(a + i * n, a + j * n, j);
      if (i == j && !(x > 0)) return false;
      a[i * n + j] = i == j ? sqrt(x) : x / a[j * n + j];
    }
    for (int64_t j = i + 1; j < n; j++) a[i * n + j] = 0;
  }
  return true;
}

mxn_status linalg_potrf_forward(const forward *f) {
  const matrices a = linalg_load(f->scratch, &f->inputs[0]);
  const bool is_lower = op_bool(f->node, "lower");
  for (int64_t m = 0; m < a.count; m++) {
    double *matrix = a.data + m * a.rows * a.rows;
    if (!is_lower) transpose_square(matrix, a.rows);
    if (!cholesky(matrix, a.rows))
      return op_error(NULL, f->node, f->err, MXN_ARGUMENT, "matrix %" PRId64 " is not positive definite", m);
    if (!is_lower) transpose_square(matrix, a.rows);
  }
  linalg_store(&f->outputs[0], a.data);
  return MXN_OK;
}

/* The inverse of L L' from L: columns of the identity, forward and back. */
static void invert_product(const double *l, int64_t n, double *out) {
  for (int64_t c = 0; c < n; c++) {
    double *x = out + c * n; /* the inverse is symmetric: columns are rows */
    for (int64_t i = 0; i < n; i++) x[i] = ((i == c) - dot(l + i * n, x, i)) / l[i * n + i];
    for (int64_t i = n - 1; i >= 0; i--) {
      for (int64_t k = i + 1; k < n; k++) x[i] -= l[k * n + i] * x[k];
      x[i] /= l[i * n + i];
    }
  }
}

mxn_status linalg_potri_forward(const forward *f) {
  const matrices a = linalg_load(f->scratch, &f->inputs[0]), out = linalg_empty(f->scratch, a.count, a.rows, a.rows);
  for (int64_t m = 0; m < a.count; m++) {
    double *l = a.data + m * a.rows * a.rows;
    if (!op_bool(f->node, "lower")) transpose_square(l, a.rows);
    invert_product(l, a.rows, out.data + m * a.rows * a.rows);
  }
  linalg_store(&f->outputs[0], out.data);
  return MXN_OK;
}

/* LQ with Householder's reflectors, signs as LAPACK chooses them. */

mxn_status linalg_gelqf_shape(inference *x) {
  TRY(linalg_expect_matrices(x, 0, false));
  TRY(infer_output(x, 0, x->inputs[0]));
  TRY(infer_input(x, 0, x->outputs[0]));
  mxn_type l = *x->inputs[0];
  if (l.n_dims < 2) return MXN_OK;
  const int64_t rows = l.dims[l.n_dims - 2], columns = l.dims[l.n_dims - 1];
  if (rows > columns && columns >= 0)
    return infer_error(x, MXN_SHAPE,
                       "A has %" PRId64 " rows and %" PRId64 " columns, expected as many columns at least", rows,
                       columns);
  l.dims[l.n_dims - 1] = rows;
  return infer_output(x, 1, &l);
}

/* Turn row v (n elements) into (beta, 0, ...): v becomes the reflector I - tau v v'
 * with v[0] = 1, *out_beta what is left. */
static double make_reflector(double *v, int64_t n, double *out_beta) {
  const double alpha = v[0], rest = sqrt(dot(v + 1, v + 1, n - 1));
  *out_beta = alpha;
  v[0] = 1;
  if (rest == 0) return 0;
  const double beta = -copysign(hypot(alpha, rest), alpha);
  for (int64_t i = 1; i < n; i++) v[i] /= alpha - beta;
  *out_beta = beta;
  return (beta - alpha) / beta;
}

static void reflect(double *row, const double *v, int64_t n, double tau) {
  const double s = tau * dot(row, v, n);
  for (int64_t i = 0; i < n; i++) row[i] -= s * v[i];
}

/* a: [m][n], becomes Q; l: [m][m]; tau: [m]; v: [m][n] */
static void factor_lq(double *a, int64_t m, int64_t n, double *l, double *tau, double *v) {
  for (int64_t i = 0; i < m; i++) {
    double beta;
    memcpy(v + i * n, a + i * n + i, (size_t)(n - i) * sizeof *v);
    tau[i] = make_reflector(v + i * n, n - i, &beta);
    for (int64_t r = i + 1; r < m; r++) reflect(a + r * n + i, v + i * n, n - i, tau[i]);
    for (int64_t c = 0; c < m; c++) l[i * m + c] = c < i ? a[i * n + c] : c == i ? beta : 0;
  }
  memset(a, 0, (size_t)(m * n) * sizeof *a);
  for (int64_t i = 0; i < m; i++) a[i * n + i] = 1;
  for (int64_t i = m - 1; i >= 0; i--)
    for (int64_t r = i; r < m; r++) reflect(a + r * n + i, v + i * n, n - i, tau[i]);
}

mxn_status linalg_gelqf_forward(const forward *f) {
  const matrices a = linalg_load(f->scratch, &f->inputs[0]), l = linalg_empty(f->scratch, a.count, a.rows, a.rows);
  const matrices room = linalg_empty(f->scratch, 1, a.rows, a.columns + 1);
  for (int64_t m = 0; m < a.count; m++)
    factor_lq(a.data + m * a.rows * a.columns, a.rows, a.columns, l.data + m * a.rows * a.rows,
              room.data + a.rows * a.columns, room.data);
  linalg_store(&f->outputs[0], a.data);
  linalg_store(&f->outputs[1], l.data);
  return MXN_OK;
}

/* LU with partial pivoting, in place; the sign of the permutation, 0 where a
 * pivot is 0. rows: what the rows were before. */

static int factor_lu(double *a, int64_t n, int64_t *rows) {
  int sign = 1;
  for (int64_t i = 0; i < n; i++) rows[i] = i;
  for (int64_t k = 0; k < n; k++) {
    int64_t pivot = k;
    for (int64_t i = k + 1; i < n; i++)
      if (fabs(a[i * n + k]) > fabs(a[pivot * n + k])) pivot = i;
    if (a[pivot * n + k] == 0) return 0;
    if (pivot != k) {
      const int64_t t = rows[k];
      rows[k] = rows[pivot];
      rows[pivot] = t;
      swap_rows(a, n, k, pivot);
      sign = -sign;
    }
    for (int64_t i = k + 1; i < n; i++) {
      const double factor = a[i * n + k] /= a[k * n + k];
      for (int64_t j = k + 1; j < n; j++) a[i * n + j] -= factor * a[k * n + j];
    }
  }
  return sign;
}

/* Solve A X = B from the factors; b: [n][columns], x likewise. */
static void solve_lu(const double *lu, const int64_t *rows, int64_t n, const double *b, int64_t columns, double *x) {
  for (int64_t c = 0; c < columns; c++) {
    for (int64_t i = 0; i < n; i++) {
      double sum = b[rows[i] * columns + c];
      for (int64_t k = 0; k < i; k++) sum -= lu[i * n + k] * x[k * columns + c];
      x[i * columns + c] = sum;
    }
    for (int64_t i = n - 1; i >= 0; i--) {
      for (int64_t k = i + 1; k < n; k++) x[i * columns + c] -= lu[i * n + k] * x[k * columns + c];
      x[i * columns + c] /= lu[i * n + i];
    }
  }
}

static double *make_identity(arena *a, int64_t n) {
  double *identity = arena_array(a, (size_t)(n * n) + 1, sizeof *identity);
  for (int64_t i = 0; i < n; i++) identity[i * n + i] = 1;
  return identity;
}

/* x = A^-1 b for `count` matrices, b one after the other or, of step 0, one for all. */
static mxn_status solve_all(const forward *f, const matrices *a, const double *b, int64_t b_step, int64_t columns,
                            double *x) {
  int64_t *rows = arena_array(f->scratch, (size_t)a->rows + 1, sizeof *rows);
  for (int64_t m = 0; m < a->count; m++) {
    double *lu = a->data + m * a->rows * a->rows;
    if (factor_lu(lu, a->rows, rows) == 0)
      return op_error(NULL, f->node, f->err, MXN_ARGUMENT, "matrix %" PRId64 " is singular", m);
    solve_lu(lu, rows, a->rows, b + m * b_step, columns, x + m * a->rows * columns);
  }
  return MXN_OK;
}

mxn_status linalg_inverse_forward(const forward *f) {
  const matrices a = linalg_load(f->scratch, &f->inputs[0]), out = linalg_empty(f->scratch, a.count, a.rows, a.rows);
  TRY(solve_all(f, &a, make_identity(f->scratch, a.rows), 0, a.rows, out.data));
  linalg_store(&f->outputs[0], out.data);
  return MXN_OK;
}

/* det and slogdet: one number for each matrix, () or (1) for a single one. */

mxn_status linalg_det_shape(inference *x) {
  TRY(linalg_expect_matrices(x, 0, true));
  mxn_type out = *x->inputs[0];
  if (!shape_is_known(&out)) return MXN_OK;
  const bool is_empty = out.dims[out.n_dims - 1] == 0;
  out.n_dims -= 2;
  const bool is_scalar = x->graph ? x->graph->np_shape || is_empty : x->outputs[0]->n_dims == 0;
  if (out.n_dims == 0 && !is_scalar) out = (mxn_type){.n_dims = 1, .dims = {1}};
  for (uint32_t i = 0; i < x->n_outputs; i++) TRY(infer_output(x, i, &out));
  return MXN_OK;
}

static double log_determinant(double *a, int64_t n, int64_t *rows, double *out_sign) {
  int sign = factor_lu(a, n, rows);
  double sum = 0;
  for (int64_t i = 0; i < n && sign != 0; i++) {
    if (a[i * n + i] < 0) sign = -sign;
    sum += log(fabs(a[i * n + i]));
  }
  *out_sign = sign;
  return sign == 0 ? -INFINITY : sum;
}

static void determine(const forward *f, mxn_tensor *sign, mxn_tensor *logarithm) {
  const matrices a = linalg_load(f->scratch, &f->inputs[0]);
  int64_t *rows = arena_array(f->scratch, (size_t)a.rows + 1, sizeof *rows);
  for (int64_t m = 0; m < a.count; m++) {
    double s, l = log_determinant(a.data + m * a.rows * a.rows, a.rows, rows, &s);
    if (!sign) l = s * exp(l);
    if (sign) store_doubles(sign, m, 1, &s);
    store_doubles(logarithm, m, 1, &l);
  }
}

mxn_status linalg_det_forward(const forward *f) {
  determine(f, NULL, &f->outputs[0]);
  return MXN_OK;
}

mxn_status linalg_slogdet_forward(const forward *f) {
  determine(f, &f->outputs[0], &f->outputs[1]);
  return MXN_OK;
}

/* Symmetric eigenvalues: Jacobi's rotations until nothing is beside the diagonal. */

typedef struct rotation {
  double c, s;
} rotation;

/* The rotation that makes 0 of `off` between diagonal elements p and q. */
static rotation find_rotation(double p, double q, double off) {
  const double theta = (q - p) / (2 * off);
  const double t = copysign(1, theta) / (fabs(theta) + hypot(1, theta)), c = 1 / sqrt(1 + t * t);
  return (rotation){c, t * c};
}

static void rotate(double *x, double *y, int64_t step, int64_t n, rotation r) {
  for (int64_t i = 0; i < n; i++) {
    const double a = x[i * step], b = y[i * step];
    x[i * step] = r.c * a - r.s * b;
    y[i * step] = r.s * a + r.c * b;
  }
}

static bool is_small(double off, double p, double q) {
  return fabs(off) <= 1e-17 * sqrt(fabs(p) * fabs(q)) || off == 0;
}

/* a: [n][n] symmetric, its diagonal becomes the eigenvalues; u: rows become the vectors. */
static void diagonalize(double *a, int64_t n, double *u) {
  bool is_done = false;
  memset(u, 0, (size_t)(n * n) * sizeof *u);
  for (int64_t i = 0; i < n; i++) u[i * n + i] = 1;
  for (int sweep = 0; sweep < MAX_SWEEPS && !is_done; sweep++) {
    is_done = true;
    for (int64_t p = 0; p < n; p++)
      for (int64_t q = p + 1; q < n; q++) {
        if (is_small(a[p * n + q], a[p * n + p], a[q * n + q])) continue;
        const rotation r = find_rotation(a[p * n + p], a[q * n + q], a[p * n + q]);
        rotate(a + p * n, a + q * n, 1, n, r);
        rotate(a + p, a + q, n, n, r);
        a[p * n + q] = a[q * n + p] = 0;
        rotate(u + p * n, u + q * n, 1, n, r);
        is_done = false;
      }
  }
}

static void fix_sign(double *v, int64_t n, double *with, int64_t step, int64_t with_n) {
  int64_t most = 0;
  for (int64_t i = 1; i < n; i++)
    if (fabs(v[i]) > fabs(v[most])) most = i;
  if (n == 0 || v[most] >= 0) return;
  for (int64_t i = 0; i < n; i++) v[i] = -v[i];
  for (int64_t i = 0; with && i < with_n; i++) with[i * step] = -with[i * step];
}

/* Sort values with the rows of vectors, ascending or descending. */
static void sort_rows(double *values, double *rows, int64_t n, int64_t columns, bool is_descending) {
  for (int64_t i = 0; i < n; i++) {
    int64_t best = i;
    for (int64_t k = i + 1; k < n; k++)
      if (is_descending ? values[k] > values[best] : values[k] < values[best]) best = k;
    const double t = values[i];
    values[i] = values[best];
    values[best] = t;
    if (best != i) swap_rows(rows, columns, i, best);
  }
}

/* From the lower or upper triangle: ascending values, vectors in rows. */
static void eigen(double *a, int64_t n, bool is_upper, double *values, double *u) {
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < i; j++) {
      const double x = is_upper ? a[j * n + i] : a[i * n + j];
      a[i * n + j] = a[j * n + i] = x;
    }
  diagonalize(a, n, u);
  for (int64_t i = 0; i < n; i++) values[i] = a[i * n + i];
  sort_rows(values, u, n, n, false);
  for (int64_t i = 0; i < n; i++) fix_sign(u + i * n, n, NULL, 0, 0);
}

mxn_status linalg_syevd_shape(inference *x) {
  TRY(linalg_expect_matrices(x, 0, true));
  TRY(infer_output(x, 0, x->inputs[0]));
  TRY(infer_input(x, 0, x->outputs[0]));
  mxn_type values = *x->inputs[0];
  if (values.n_dims < 2) return MXN_OK;
  values.n_dims--;
  return infer_output(x, 1, &values);
}

mxn_status linalg_syevd_forward(const forward *f) {
  const matrices a = linalg_load(f->scratch, &f->inputs[0]), u = linalg_empty(f->scratch, a.count, a.rows, a.rows);
  const matrices values = linalg_empty(f->scratch, a.count, 1, a.rows);
  for (int64_t m = 0; m < a.count; m++)
    eigen(a.data + m * a.rows * a.rows, a.rows, false, values.data + m * a.rows, u.data + m * a.rows * a.rows);
  linalg_store(&f->outputs[0], u.data);
  linalg_store(&f->outputs[1], values.data);
  return MXN_OK;
}

/* eigh: values, then vectors in columns; eigvalsh: values alone. */

mxn_status linalg_eigh_shape(inference *x) {
  TRY(linalg_expect_matrices(x, 0, true));
  mxn_type values = *x->inputs[0];
  if (values.n_dims < 2) return MXN_OK;
  values.n_dims--;
  if (x->n_outputs > 1) TRY(infer_output(x, 1, x->inputs[0]));
  return infer_output(x, 0, &values);
}

mxn_status linalg_eigh_dtype(inference *x) {
  const mxn_dtype in = x->inputs[0]->dtype;
  if (in == MXN_DTYPE_UNKNOWN) return MXN_OK;
  if (in == MXN_FLOAT16) return infer_error(x, MXN_SHAPE, "A is float16, expected another type");
  for (uint32_t i = 0; i < x->n_outputs; i++)
    TRY(infer_output_dtype(x, i, in == MXN_FLOAT32 ? MXN_FLOAT32 : MXN_FLOAT64));
  return MXN_OK;
}

mxn_status linalg_eigh_forward(const forward *f) {
  const matrices a = linalg_load(f->scratch, &f->inputs[0]), u = linalg_empty(f->scratch, a.count, a.rows, a.rows);
  const matrices values = linalg_empty(f->scratch, a.count, 1, a.rows);
  const char *triangle = op_text(f->node, "UPLO");
  for (int64_t m = 0; m < a.count; m++) {
    double *vectors = u.data + m * a.rows * a.rows;
    eigen(a.data + m * a.rows * a.rows, a.rows, strcmp(triangle, "U") == 0, values.data + m * a.rows, vectors);
    transpose_square(vectors, a.rows);
  }
  linalg_store(&f->outputs[0], values.data);
  if (f->node->n_outputs > 1) linalg_store(&f->outputs[1], u.data);
  return MXN_OK;
}

/* Singular values: the rows of A are rotated until they are orthogonal; their
 * lengths are the values, the product of the rotations is UT. m <= n. */

mxn_status linalg_svd_shape(inference *x) {
  TRY(linalg_expect_matrices(x, 0, false));
  mxn_type t = *x->inputs[0];
  if (t.n_dims < 2) return MXN_OK;
  const int64_t rows = t.dims[t.n_dims - 2], columns = t.dims[t.n_dims - 1];
  if (columns >= 0 && rows > columns)
    return infer_error(x, MXN_SHAPE,
                       "A has %" PRId64 " rows and %" PRId64 " columns, expected as many columns at least", rows,
                       columns);
  TRY(infer_output(x, 2, &t));
  t.dims[t.n_dims - 1] = rows;
  TRY(infer_output(x, 0, &t));
  t.n_dims--;
  return infer_output(x, 1, &t);
}

static void orthogonalize(double *a, int64_t m, int64_t n, double *u) {
  bool is_done = false;
  for (int sweep = 0; sweep < MAX_SWEEPS && !is_done; sweep++) {
    is_done = true;
    for (int64_t p = 0; p < m; p++)
      for (int64_t q = p + 1; q < m; q++) {
        double *x = a + p * n, *y = a + q * n;
        const double off = dot(x, y, n), pp = dot(x, x, n), qq = dot(y, y, n);
        if (fabs(off) <= 1e-16 * sqrt(pp * qq)) continue;
        const rotation r = find_rotation(pp, qq, off);
        rotate(x, y, 1, n, r);
        rotate(u + p * m, u + q * m, 1, m, r);
        is_done = false;
      }
  }
}

/* A direction for a row of no length: of the unit vectors the one that the rows
 * before leave most of. */
static void complete_row(double *v, int64_t row, int64_t n) {
  double *x = v + row * n, best = 0;
  int64_t best_i = 0;
  for (int64_t i = 0; i < n; i++) {
    double left = 1;
    for (int64_t r = 0; r < row; r++) left -= v[r * n + i] * v[r * n + i];
    if (left > best) best = left, best_i = i;
  }
  memset(x, 0, (size_t)n * sizeof *x);
  x[best_i] = 1;
  for (int twice = 0; twice < 2; twice++)
    for (int64_t r = 0; r < row; r++) {
      const double s = dot(v + r * n, x, n);
      for (int64_t i = 0; i < n; i++) x[i] -= s * v[r * n + i];
    }
  const double length = sqrt(dot(x, x, n));
  for (int64_t i = 0; i < n && length > 0; i++) x[i] /= length;
}

void linalg_singular(double *a, int64_t m, int64_t n, double *ut, double *values, double *room) {
  double *u = room, *joined = room; /* rows [u | a], sorted together */
  double *rotations = ut;
  static const double negligible = 1e-14;
  memset(rotations, 0, (size_t)(m * m) * sizeof *rotations);
  for (int64_t i = 0; i < m; i++) rotations[i * m + i] = 1;
  orthogonalize(a, m, n, rotations);
  for (int64_t i = 0; i < m; i++) {
    values[i] = sqrt(dot(a + i * n, a + i * n, n));
    memcpy(joined + i * (m + n), rotations + i * m, (size_t)m * sizeof *joined);
    memcpy(joined + i * (m + n) + m, a + i * n, (size_t)n * sizeof *joined);
  }
  sort_rows(values, joined, m, m + n, true);
  for (int64_t i = 0; i < m; i++) {
    for (int64_t k = 0; k < m; k++) ut[k * m + i] = u[i * (m + n) + k];
    for (int64_t k = 0; k < n; k++) a[i * n + k] = joined[i * (m + n) + m + k] / (values[i] > 0 ? values[i] : 1);
    if (values[i] <= negligible * values[0]) complete_row(a, i, n); /* what is left is rounding */
    fix_sign(a + i * n, n, ut + i, m, m);
  }
}

mxn_status linalg_svd_forward(const forward *f) {
  const matrices a = linalg_load(f->scratch, &f->inputs[0]), ut = linalg_empty(f->scratch, a.count, a.rows, a.rows);
  const matrices values = linalg_empty(f->scratch, a.count, 1, a.rows);
  const matrices room = linalg_empty(f->scratch, 1, a.rows, a.rows + a.columns);
  for (int64_t m = 0; m < a.count; m++)
    linalg_singular(a.data + m * a.rows * a.columns, a.rows, a.columns, ut.data + m * a.rows * a.rows,
                    values.data + m * a.rows, room.data);
  linalg_store(&f->outputs[0], ut.data);
  linalg_store(&f->outputs[1], values.data);
  linalg_store(&f->outputs[2], a.data);
  return MXN_OK;
}

/* pinv: V' diag(1 / value) UT', without values of rcond times the largest or less.
 * MXNet reads hermitian and computes the same. */

/* rcond is broadcast to the dimensions before the matrices. */
static mxn_status check_rcond(inference *x) {
  const mxn_type *a = x->inputs[0], *rcond = x->inputs[1];
  if (rcond->n_dims < 0) return MXN_OK;
  const int32_t shift = a->n_dims - 2 - rcond->n_dims;
  bool fits = shift >= 0;
  for (int32_t d = 0; fits && d < rcond->n_dims; d++)
    fits = rcond->dims[d] < 0 || rcond->dims[d] == 1 || rcond->dims[d] == a->dims[d + shift];
  return fits ? MXN_OK : infer_error(x, MXN_SHAPE, "rcond does not broadcast to the matrices of A");
}

mxn_status linalg_pinv_shape(inference *x) {
  TRY(linalg_expect_matrices(x, 0, false));
  mxn_type out = *x->inputs[0];
  if (out.n_dims < 2) return MXN_OK;
  if (x->n_inputs > 1) TRY(check_rcond(x));
  out.dims[out.n_dims - 2] = x->inputs[0]->dims[out.n_dims - 1];
  out.dims[out.n_dims - 1] = x->inputs[0]->dims[out.n_dims - 2];
  return infer_output(x, 0, &out);
}

/* For matrix number `matrix` of the batch. */
static double rcond_of(const forward *f, int64_t matrix) {
  if (op_own_inputs(f->node) == 1) return op_float(f->node, "rcond");
  const mxn_type *a = &f->inputs[0].type, *rcond = &f->inputs[1].type;
  int64_t index = 0, step = 1;
  for (int32_t d = a->n_dims - 3, r = rcond->n_dims - 1; r >= 0; d--, r--) {
    if (rcond->dims[r] > 1) index += matrix % a->dims[d] * step;
    step *= rcond->dims[r];
    matrix /= a->dims[d];
  }
  double number;
  load_doubles(&f->inputs[1], index, 1, &number);
  return number;
}

/* [m][n] to [n][m] */
static void transpose_matrix(const double *a, int64_t m, int64_t n, double *out) {
  for (int64_t i = 0; i < m; i++)
    for (int64_t j = 0; j < n; j++) out[j * m + i] = a[i * n + j];
}

/* out: [n][m], of a: [m][n] with m <= n */
static void pseudo_invert(double *a, int64_t m, int64_t n, double rcond, double *ut, double *values, double *room,
                          double *out) {
  linalg_singular(a, m, n, ut, values, room);
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < m; j++) {
      double sum = 0;
      for (int64_t k = 0; k < m; k++)
        if (values[k] > rcond * values[0]) sum += a[k * n + i] * ut[j * m + k] / values[k];
      out[i * m + j] = sum;
    }
}

mxn_status linalg_pinv_forward(const forward *f) {
  const matrices a = linalg_load(f->scratch, &f->inputs[0]);
  const bool is_tall = a.rows > a.columns;
  const int64_t m = is_tall ? a.columns : a.rows, n = is_tall ? a.rows : a.columns, size = m * n;
  const matrices wide = linalg_empty(f->scratch, 1, m, n), inverse = linalg_empty(f->scratch, 1, n, m);
  const matrices ut = linalg_empty(f->scratch, 1, m, m), room = linalg_empty(f->scratch, 1, m, m + n + 1);
  for (int64_t i = 0; i < a.count; i++) {
    double *matrix = a.data + i * size;
    if (is_tall)
      transpose_matrix(matrix, a.rows, a.columns, wide.data);
    else
      memcpy(wide.data, matrix, (size_t)size * sizeof *matrix);
    pseudo_invert(wide.data, m, n, rcond_of(f, i), ut.data, room.data + m * (m + n), room.data, inverse.data);
    if (is_tall)
      transpose_matrix(inverse.data, n, m, matrix);
    else
      memcpy(matrix, inverse.data, (size_t)size * sizeof *matrix);
  }
  linalg_store(&f->outputs[0], a.data);
  return MXN_OK;
}

/* solve: B is a matrix, or a vector where it has a dimension less. */

mxn_status linalg_solve_shape(inference *x) {
  TRY(linalg_expect_matrices(x, 0, true));
  const mxn_type *a = x->inputs[0];
  TRY(infer_output(x, 0, x->inputs[1]));
  TRY(infer_input(x, 1, x->outputs[0]));
  mxn_type b = *x->inputs[1];
  if (a->n_dims < 0 || b.n_dims < 0) return MXN_OK;
  if (b.n_dims != a->n_dims && b.n_dims != a->n_dims - 1)
    return infer_error(x, MXN_SHAPE, "A has %d dimensions, B %d", a->n_dims, b.n_dims);
  for (int32_t d = 0; d < a->n_dims - 1; d++) b.dims[d] = a->dims[d];
  return infer_input(x, 1, &b);
}

mxn_status linalg_solve_forward(const forward *f) {
  const matrices a = linalg_load(f->scratch, &f->inputs[0]);
  const mxn_type *t = &f->inputs[1].type;
  const int64_t columns = t->n_dims == f->inputs[0].type.n_dims ? t->dims[t->n_dims - 1] : 1;
  const matrices b = linalg_empty(f->scratch, a.count, a.rows, columns),
                 x = linalg_empty(f->scratch, a.count, a.rows, columns);
  load_doubles(&f->inputs[1], 0, a.count * a.rows * columns, b.data);
  TRY(solve_all(f, &a, b.data, a.rows * columns, columns, x.data));
  linalg_store(&f->outputs[0], x.data);
  return MXN_OK;
}

/* tensorinv: the first `ind` dimensions are the rows of one matrix. */

mxn_status linalg_tensorinv_shape(inference *x) {
  const mxn_type *a = x->inputs[0];
  const int64_t ind = op_int(x->node, "ind");
  if (!shape_is_known(a)) return MXN_OK;
  const int32_t split = ind < a->n_dims ? (int32_t)ind : a->n_dims;
  int64_t front, back;
  if (!dims_product(a, 0, split, &front) || !dims_product(a, split, a->n_dims, &back) || front != back || back == 0)
    return infer_error(x, MXN_SHAPE, "a with ind %" PRId64 " is no square matrix", ind);
  mxn_type out = *a;
  for (int32_t d = 0; d < a->n_dims; d++) out.dims[d] = a->dims[(d + split) % a->n_dims];
  return infer_output(x, 0, &out);
}

mxn_status linalg_tensorinv_forward(const forward *f) {
  const mxn_type *t = &f->inputs[0].type;
  const int64_t ind = op_int(f->node, "ind");
  int64_t n;
  if (!dims_product(t, 0, ind < t->n_dims ? (int32_t)ind : t->n_dims, &n)) return MXN_OK;
  const matrices a = linalg_empty(f->scratch, 1, n, n), out = linalg_empty(f->scratch, 1, n, n);
  load_doubles(&f->inputs[0], 0, n * n, a.data);
  TRY(solve_all(f, &a, make_identity(f->scratch, n), 0, n, out.data));
  linalg_store(&f->outputs[0], out.data);
  return MXN_OK;
}

/* tensorsolve: a is a matrix whose rows are the elements of b; axes in a_axes are
 * moved behind the others first. A scalar is a matrix of one element. */

/* The order of a's axes; false where a_axes has one twice or beyond. */
static bool tensorsolve_order(const node *n, int32_t n_dims, int32_t *order) {
  const op_tuple axes = op_tuple_of(n, "a_axes");
  bool is_moved[MXN_MAX_DIMS] = {false};
  int32_t count = 0;
  for (int32_t i = 0; i < axes.n; i++) {
    const int64_t axis = axes.v[i] < 0 ? axes.v[i] + n_dims : axes.v[i];
    if (axis < 0 || axis >= n_dims || is_moved[axis]) return false;
    is_moved[axis] = true;
  }
  for (int32_t d = 0; d < n_dims; d++)
    if (!is_moved[d]) order[count++] = d;
  for (int32_t i = 0; i < axes.n; i++) order[count++] = (int32_t)(axes.v[i] < 0 ? axes.v[i] + n_dims : axes.v[i]);
  return true;
}

mxn_status linalg_tensorsolve_shape(inference *x) {
  const mxn_type *a = x->inputs[0], *b = x->inputs[1];
  int32_t order[MXN_MAX_DIMS] = {0};
  int64_t rows, elements;
  if (!shape_is_known(a) || !shape_is_known(b)) return MXN_OK;
  if (!tensorsolve_order(x->node, a->n_dims, order)) return infer_error(x, MXN_SHAPE, "a_axes is no list of axes of a");
  if (a->n_dims == 0 || b->n_dims == 0) {
    if (!shape_elements(a, &rows) || !shape_elements(b, &elements) || rows != 1 || elements != 1)
      return infer_error(x, MXN_SHAPE, "a and b have different numbers of elements");
    return infer_output(x, 0, a);
  }
  const int32_t rows_end = a->n_dims > b->n_dims ? b->n_dims : b->n_dims - a->n_dims;
  const int32_t front = rows_end < a->n_dims ? rows_end : a->n_dims;
  mxn_type moved = {.n_dims = a->n_dims}, out = {.n_dims = a->n_dims - front};
  for (int32_t d = 0; d < a->n_dims; d++) moved.dims[d] = a->dims[order[d]];
  for (int32_t d = 0; d < out.n_dims; d++) out.dims[d] = moved.dims[front + d];
  if (!dims_product(&moved, 0, front, &rows) || !shape_elements(&out, &elements) || rows != elements ||
      !shape_elements(b, &elements) || rows != elements)
    return infer_error(x, MXN_SHAPE, "a is no square matrix for the elements of b");
  return infer_output(x, 0, &out);
}

/* Each of any type; float32 alone gives float32. */
mxn_status linalg_tensorsolve_dtype(inference *x) {
  const mxn_dtype a = x->inputs[0]->dtype, b = x->inputs[1]->dtype;
  if (a == MXN_DTYPE_UNKNOWN || b == MXN_DTYPE_UNKNOWN) return MXN_OK;
  if (a == MXN_FLOAT16 || b == MXN_FLOAT16) return infer_error(x, MXN_SHAPE, "float16 is not supported");
  return infer_output_dtype(x, 0, a == MXN_FLOAT32 && b == MXN_FLOAT32 ? MXN_FLOAT32 : MXN_FLOAT64);
}

/* a with its axes moved, from its element number `index` there. */
static int64_t moved_index(const mxn_type *a, const int32_t *order, int64_t index) {
  int64_t steps[MXN_MAX_DIMS] = {0}, step = 1, from = 0;
  for (int32_t d = a->n_dims - 1; d >= 0; d--) {
    steps[d] = step;
    step *= a->dims[d];
  }
  for (int32_t d = a->n_dims - 1; d >= 0; d--) {
    from += index % a->dims[order[d]] * steps[order[d]];
    index /= a->dims[order[d]];
  }
  return from;
}

mxn_status linalg_tensorsolve_forward(const forward *f) {
  const mxn_type *a = &f->inputs[0].type;
  int32_t order[MXN_MAX_DIMS] = {0};
  int64_t n;
  if (!shape_elements(&f->outputs[0].type, &n) || !tensorsolve_order(f->node, a->n_dims, order)) return MXN_OK;
  const matrices matrix = linalg_empty(f->scratch, 1, n, n), b = linalg_empty(f->scratch, 1, n, 1);
  const matrices x = linalg_empty(f->scratch, 1, n, 1);
  for (int64_t i = 0; i < n * n; i++) load_doubles(&f->inputs[0], moved_index(a, order, i), 1, &matrix.data[i]);
  load_doubles(&f->inputs[1], 0, n, b.data);
  TRY(solve_all(f, &matrix, b.data, n, 1, x.data));
  linalg_store(&f->outputs[0], x.data);
  return MXN_OK;
}
