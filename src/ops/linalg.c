/* linalg.c - see linalg.h. SPDX-License-Identifier: Apache-2.0 */
#include "ops/linalg.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "ops/number.h"

/* Matrices. */

matrices linalg_empty(arena *a, int64_t count, int64_t rows, int64_t columns) {
  int64_t n;
  if (!dims_product(&(mxn_type){.n_dims = 3, .dims = {count, rows, columns}}, 0, 3, &n)) n = INT64_MAX;
  return (matrices){arena_array(a, (size_t)n + 1, sizeof(double)), count, rows, columns};
}

matrices linalg_load(arena *a, const mxn_tensor *t) {
  const int32_t n_dims = t->type.n_dims;
  matrices m = linalg_empty(a, count_dims(&t->type, 0, n_dims - 2), t->type.dims[n_dims - 2], t->type.dims[n_dims - 1]);
  load_doubles(t, 0, count_elements(&t->type), m.data);
  return m;
}

void linalg_store(mxn_tensor *t, const double *data) { store_doubles(t, 0, count_elements(&t->type), data); }

mxn_status linalg_expect_matrices(inference *x, uint32_t input, bool is_square) {
  input_name name;
  char text[SHAPE_TEXT_BYTES];
  const mxn_type *t = x->inputs[input];
  if (t->n_dims < 0) return MXN_OK;
  const bool is_matrix = t->n_dims >= 2;
  const int64_t rows = is_matrix ? t->dims[t->n_dims - 2] : -1, columns = is_matrix ? t->dims[t->n_dims - 1] : -1;
  if (is_matrix && (!is_square || rows < 0 || columns < 0 || rows == columns)) return MXN_OK;
  return infer_error(x, MXN_SHAPE, "%s has shape %s, expected %smatrices", infer_input_name(x, input, &name),
                     shape_text(t, text), is_square ? "square " : "");
}

mxn_status linalg_square_shape(inference *x) {
  TRY(linalg_expect_matrices(x, 0, true));
  TRY(infer_same_shape(x));
  return linalg_expect_matrices(x, 0, true);
}

/* gemm and gemm2: rows run along `axis`, columns along the last dimension. */

static mxn_status row_axis(inference *x, const mxn_type *t, int32_t *out) {
  const int64_t axis = op_int(x->node, "axis"), positive = axis < 0 ? axis + t->n_dims : axis;
  if (positive < 0 || positive >= t->n_dims - 1)
    return infer_error(x, MXN_SHAPE, "axis is %" PRId64 ", expected one before the last of %d dimensions", axis,
                       t->n_dims);
  *out = (int32_t)positive;
  return MXN_OK;
}

mxn_status linalg_gemm_shape(inference *x) {
  const mxn_type *a = x->inputs[0], *b = x->inputs[1];
  const bool transpose_a = op_bool(x->node, "transpose_a"), transpose_b = op_bool(x->node, "transpose_b");
  int32_t axis = 0;
  TRY(linalg_expect_matrices(x, 0, false));
  TRY(linalg_expect_matrices(x, 1, false));
  if (a->n_dims < 0 || b->n_dims < 0) return MXN_OK;
  if (a->n_dims != b->n_dims) return infer_error(x, MXN_SHAPE, "A has %d dimensions, B %d", a->n_dims, b->n_dims);
  TRY(row_axis(x, a, &axis));
  const int32_t last = a->n_dims - 1;
  mxn_type out = *a, inner = *b;
  out.dims[axis] = transpose_a ? a->dims[last] : a->dims[axis];
  out.dims[last] = transpose_b ? b->dims[axis] : b->dims[last];
  inner.dims[axis] = inner.dims[last] = -1;
  for (int32_t d = 0; d < last; d++)
    if (d != axis) inner.dims[d] = a->dims[d];
  inner.dims[transpose_b ? last : axis] = transpose_a ? a->dims[axis] : a->dims[last];
  TRY(infer_input(x, 1, &inner));
  TRY(infer_output(x, 0, &out));
  return x->n_inputs > 2 ? infer_input(x, 2, x->outputs[0]) : MXN_OK;
}

/* Element (outer, row, middle, column) of a tensor whose rows run along an axis. */
typedef struct grid {
  int64_t outer, rows, middle, columns;
} grid;

static grid grid_of(const mxn_type *t, int32_t axis) {
  grid g = {.rows = t->dims[axis], .columns = t->dims[t->n_dims - 1]};
  if (!dims_product(t, 0, axis, &g.outer) || !dims_product(t, axis + 1, t->n_dims - 1, &g.middle)) g.outer = 0;
  return g;
}

static int64_t grid_at(const grid *g, int64_t outer, int64_t row, int64_t middle, int64_t column) {
  return ((outer * g->rows + row) * g->middle + middle) * g->columns + column;
}

/* One product: op(A) op(B) times alpha, and beta times what `out` has. */
typedef struct product {
  const double *a, *b;
  double *out;
  grid a_grid, b_grid, out_grid;
  bool transpose_a, transpose_b;
  double alpha, beta;
} product;

static void multiply_one(const product *p, int64_t outer, int64_t middle) {
  const int64_t inner = p->transpose_a ? p->a_grid.rows : p->a_grid.columns;
  for (int64_t r = 0; r < p->out_grid.rows; r++) {
    for (int64_t c = 0; c < p->out_grid.columns; c++) {
      double sum = 0;
      for (int64_t k = 0; k < inner; k++)
        sum += p->a[grid_at(&p->a_grid, outer, p->transpose_a ? k : r, middle, p->transpose_a ? r : k)] *
               p->b[grid_at(&p->b_grid, outer, p->transpose_b ? c : k, middle, p->transpose_b ? k : c)];
      double *to = &p->out[grid_at(&p->out_grid, outer, r, middle, c)];
      *to = p->alpha * sum + (p->beta != 0 ? p->beta * *to : 0);
    }
  }
}

static double *load_all(const forward *f, const mxn_tensor *t) {
  const int64_t n = count_elements(&t->type);
  double *data = arena_array(f->scratch, (size_t)n + 1, sizeof *data);
  load_doubles(t, 0, n, data);
  return data;
}

mxn_status linalg_gemm_forward(const forward *f) {
  const node *n = f->node;
  const int64_t axis = op_int(n, "axis");
  const int32_t n_dims = f->inputs[0].type.n_dims, rows = axis_from_front(axis, n_dims);
  product p = {.a = load_all(f, &f->inputs[0]), .b = load_all(f, &f->inputs[1])};
  p.out = load_all(f, op_own_inputs(n) > 2 ? &f->inputs[2] : &f->outputs[0]);
  p.a_grid = grid_of(&f->inputs[0].type, rows);
  p.b_grid = grid_of(&f->inputs[1].type, rows);
  p.out_grid = grid_of(&f->outputs[0].type, rows);
  p.transpose_a = op_bool(n, "transpose_a");
  p.transpose_b = op_bool(n, "transpose_b");
  p.alpha = op_float(n, "alpha");
  p.beta = op_own_inputs(n) > 2 ? op_float(n, "beta") : 0;
  for (int64_t o = 0; o < p.out_grid.outer; o++)
    for (int64_t m = 0; m < p.out_grid.middle; m++) multiply_one(&p, o, m);
  linalg_store(&f->outputs[0], p.out);
  return MXN_OK;
}

/* syrk: A A', or A' A. */

mxn_status linalg_syrk_shape(inference *x) {
  TRY(linalg_expect_matrices(x, 0, false));
  mxn_type out = *x->inputs[0];
  if (out.n_dims < 0) return MXN_OK;
  const int32_t last = out.n_dims - 1;
  const int64_t size = out.dims[op_bool(x->node, "transpose") ? last : last - 1];
  out.dims[last] = out.dims[last - 1] = size;
  return infer_output(x, 0, &out);
}

mxn_status linalg_syrk_forward(const forward *f) {
  const bool transpose = op_bool(f->node, "transpose");
  const int32_t rows = f->inputs[0].type.n_dims - 2;
  product p = {.a = load_all(f, &f->inputs[0]), .transpose_a = transpose, .transpose_b = !transpose};
  p.b = p.a;
  p.out = load_all(f, &f->outputs[0]);
  p.a_grid = p.b_grid = grid_of(&f->inputs[0].type, rows);
  p.out_grid = grid_of(&f->outputs[0].type, rows);
  p.alpha = op_float(f->node, "alpha");
  for (int64_t o = 0; o < p.out_grid.outer; o++) multiply_one(&p, o, 0);
  linalg_store(&f->outputs[0], p.out);
  return MXN_OK;
}

/* trmm and trsm: a triangle of A times B or B times it, or the inverse of that. */

mxn_status linalg_triangle_shape(inference *x) {
  TRY(linalg_expect_matrices(x, 0, true));
  TRY(linalg_expect_matrices(x, 1, false));
  TRY(infer_output(x, 0, x->inputs[1]));
  TRY(infer_input(x, 1, x->outputs[0]));
  const mxn_type *b = x->inputs[1];
  if (b->n_dims < 2) return MXN_OK;
  mxn_type a = *b;
  const int64_t size = b->dims[op_bool(x->node, "rightside") ? b->n_dims - 1 : b->n_dims - 2];
  a.dims[a.n_dims - 1] = a.dims[a.n_dims - 2] = size;
  return infer_input(x, 0, &a);
}

/* Element (i, j) of op(A), whose other triangle is 0. */
typedef struct triangle {
  const double *data;
  int64_t size;
  bool is_lower, is_transposed;
} triangle;

static double triangle_at(const triangle *t, int64_t i, int64_t j) {
  const int64_t row = t->is_transposed ? j : i, column = t->is_transposed ? i : j;
  if (t->is_lower ? column > row : column < row) return 0;
  return t->data[row * t->size + column];
}

/* A vector of B that op(A) or its transpose works on: a column from the left, a
 * row from the right. */
typedef struct vector {
  double *data;
  int64_t step;
} vector;

static void multiply_vector(const triangle *t, bool is_right, vector v, double alpha, double *room) {
  for (int64_t i = 0; i < t->size; i++) {
    room[i] = 0;
    for (int64_t k = 0; k < t->size; k++)
      room[i] += (is_right ? triangle_at(t, k, i) : triangle_at(t, i, k)) * v.data[k * v.step];
  }
  for (int64_t i = 0; i < t->size; i++) v.data[i * v.step] = alpha * room[i];
}

static void solve_vector(const triangle *t, bool is_right, vector v, double alpha, double *room) {
  const bool is_forward = (t->is_lower != t->is_transposed) != is_right;
  (void)room;
  for (int64_t n = 0; n < t->size; n++) {
    const int64_t i = is_forward ? n : t->size - 1 - n;
    double x = alpha * v.data[i * v.step];
    for (int64_t k = is_forward ? 0 : i + 1; k < (is_forward ? i : t->size); k++)
      x -= (is_right ? triangle_at(t, k, i) : triangle_at(t, i, k)) * v.data[k * v.step];
    v.data[i * v.step] = x / triangle_at(t, i, i);
  }
}

static mxn_status run_triangle(const forward *f, void (*apply)(const triangle *, bool, vector, double, double *)) {
  const node *n = f->node;
  const matrices a = linalg_load(f->scratch, &f->inputs[0]), b = linalg_load(f->scratch, &f->inputs[1]);
  const bool is_right = op_bool(n, "rightside");
  double *room = arena_array(f->scratch, (size_t)a.rows + 1, sizeof *room);
  for (int64_t m = 0; m < b.count; m++) {
    const triangle t = {a.data + m * a.rows * a.rows, a.rows, op_bool(n, "lower"), op_bool(n, "transpose")};
    double *matrix = b.data + m * b.rows * b.columns;
    for (int64_t i = 0; i < (is_right ? b.rows : b.columns); i++) {
      const vector v = {matrix + i * (is_right ? b.columns : 1), is_right ? 1 : b.columns};
      apply(&t, is_right, v, op_float(n, "alpha"), room);
    }
  }
  linalg_store(&f->outputs[0], b.data);
  return MXN_OK;
}

mxn_status linalg_trmm_forward(const forward *f) { return run_triangle(f, multiply_vector); }
mxn_status linalg_trsm_forward(const forward *f) { return run_triangle(f, solve_vector); }

/* sumlogdiag */

mxn_status linalg_sumlogdiag_shape(inference *x) {
  TRY(linalg_expect_matrices(x, 0, true));
  mxn_type out = *x->inputs[0];
  if (out.n_dims < 0) return MXN_OK;
  out.n_dims -= 2;
  if (out.n_dims == 0) out = (mxn_type){.n_dims = 1, .dims = {1}};
  return infer_output(x, 0, &out);
}

mxn_status linalg_sumlogdiag_forward(const forward *f) {
  const matrices a = linalg_load(f->scratch, &f->inputs[0]);
  for (int64_t m = 0; m < a.count; m++) {
    double sum = 0;
    for (int64_t i = 0; i < a.rows; i++) sum += log(a.data[(m * a.rows + i) * a.columns + i]);
    store_doubles(&f->outputs[0], m, 1, &sum);
  }
  return MXN_OK;
}

/* Diagonals and triangles of square matrices, and matrices made of them. `offset`
 * counts diagonals above the main one. */

typedef bool (*place)(const node *n, int64_t size, int64_t row, int64_t column, int64_t *out_index);

static bool diagonal_place(const node *n, int64_t size, int64_t row, int64_t column, int64_t *out_index) {
  const int64_t offset = op_int(n, "offset");
  (void)size;
  *out_index = offset > 0 ? row : column;
  return column - row == offset;
}

/* Rows of the lower triangle one after the other; the upper one is transposed. */
static bool triangle_place(const node *n, int64_t size, int64_t row, int64_t column, int64_t *out_index) {
  const int64_t offset = op_int(n, "offset");
  const bool is_upper = offset > 0 || (offset == 0 && !op_bool(n, "lower"));
  const int64_t r = (is_upper ? column : row) - llabs(offset), c = is_upper ? row : column;
  (void)size;
  *out_index = r * (r + 1) / 2 + c;
  return r >= c;
}

/* Packed elements (one vector for each matrix) from or to square matrices. */
static mxn_status move_places(const forward *f, place at, const mxn_type *squares, const mxn_type *vectors,
                              bool is_extracting) {
  const int64_t size = squares->dims[squares->n_dims - 1], packed = vectors->dims[vectors->n_dims - 1];
  const int64_t count = count_dims(vectors, 0, vectors->n_dims - 1);
  const double *in = load_all(f, &f->inputs[0]);
  double *out = arena_array(f->scratch, (size_t)count_elements(&f->outputs[0].type) + 1, sizeof *out);
  for (int64_t i = 0; i < count * size * size; i++) {
    const int64_t matrix = i / (size * size);
    int64_t index;
    if (!at(f->node, size, i / size % size, i % size, &index)) continue;
    if (is_extracting)
      out[matrix * packed + index] = in[i];
    else
      out[i] = in[matrix * packed + index];
  }
  linalg_store(&f->outputs[0], out);
  return MXN_OK;
}

static mxn_status extract_shape(inference *x, bool is_triangle) {
  const int64_t offset = llabs(op_int(x->node, "offset"));
  TRY(linalg_expect_matrices(x, 0, true));
  mxn_type out = *x->inputs[0];
  if (out.n_dims < 0) return MXN_OK;
  const int64_t size = out.dims[--out.n_dims];
  if (size >= 0 && size <= offset)
    return infer_error(x, MXN_SHAPE, "offset is %" PRId64 ", expected less than the size of the matrices, %" PRId64,
                       op_int(x->node, "offset"), size);
  const int64_t n = size - offset;
  if (size > INT32_MAX) return infer_error(x, MXN_UNSUPPORTED, "matrices of %" PRId64 " rows", size);
  out.dims[out.n_dims - 1] = size < 0 ? -1 : is_triangle ? n * (n + 1) / 2 : n;
  return infer_output(x, 0, &out);
}

mxn_status linalg_extractdiag_shape(inference *x) { return extract_shape(x, false); }
mxn_status linalg_extracttrian_shape(inference *x) { return extract_shape(x, true); }

/* The rows of a triangle of n elements; -1 where there is none, or it has too many. */
static int64_t triangle_rows(int64_t n) {
  if (n > INT32_MAX) return -1;
  const int64_t rows = (int64_t)floor(0.5 + (sqrt(8 * (double)n + 1) - 1) * 0.5);
  return rows * (rows + 1) / 2 == n ? rows : -1;
}

static mxn_status make_shape(inference *x, bool is_triangle) {
  mxn_type out = *x->inputs[0];
  if (out.n_dims < 0) return MXN_OK;
  if (out.n_dims == 0 || out.n_dims == MXN_MAX_DIMS)
    return infer_error(x, MXN_SHAPE, "A has %d dimensions", out.n_dims);
  const int64_t n = out.dims[out.n_dims - 1], rows = n < 0 || !is_triangle ? n : triangle_rows(n);
  if (n >= 0 && rows < 0)
    return infer_error(x, MXN_SHAPE, "the last dimension of A is %" PRId64 ", expected 1, 3, 6, 10, ...", n);
  if (n > INT32_MAX) return infer_error(x, MXN_UNSUPPORTED, "vectors of %" PRId64 " elements", n);
  const int64_t size = n < 0 ? -1 : rows + llabs(op_int(x->node, "offset"));
  out.dims[out.n_dims - 1] = out.dims[out.n_dims] = size;
  out.n_dims++;
  return infer_output(x, 0, &out);
}

mxn_status linalg_makediag_shape(inference *x) { return make_shape(x, false); }
mxn_status linalg_maketrian_shape(inference *x) { return make_shape(x, true); }

static mxn_status extract(const forward *f, place at) {
  return move_places(f, at, &f->inputs[0].type, &f->outputs[0].type, true);
}

static mxn_status make(const forward *f, place at) {
  return move_places(f, at, &f->outputs[0].type, &f->inputs[0].type, false);
}

mxn_status linalg_extractdiag_forward(const forward *f) { return extract(f, diagonal_place); }
mxn_status linalg_extracttrian_forward(const forward *f) { return extract(f, triangle_place); }
mxn_status linalg_makediag_forward(const forward *f) { return make(f, diagonal_place); }
mxn_status linalg_maketrian_forward(const forward *f) { return make(f, triangle_place); }
