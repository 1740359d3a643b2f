/* matrix.c - see matrix.h. SPDX-License-Identifier: Apache-2.0 */
#include "ops/matrix.h"

#include <inttypes.h>

#include "ops/family.h"
#include "ops/number.h"

/* A product of matrices [rows][terms] and [terms][columns], each perhaps stored transposed. */
typedef struct matrix_product {
  int64_t rows, terms, columns;
  bool is_left_transposed, is_right_transposed;
} matrix_product;

/* Row by row: the right matrix is read in its order whichever way it is stored. */
static void multiply(const matrix_product *m, const double *left, const double *right, double *row, mxn_tensor *out,
                     int64_t first) {
  for (int64_t r = 0; r < m->rows; r++) {
    for (int64_t c = 0; c < m->columns; c++) row[c] = 0;
    for (int64_t t = 0; t < m->terms && !m->is_right_transposed; t++) {
      const double factor = left[m->is_left_transposed ? t * m->rows + r : r * m->terms + t];
      for (int64_t c = 0; c < m->columns; c++) row[c] += factor * right[t * m->columns + c];
    }
    for (int64_t c = 0; c < m->columns && m->is_right_transposed; c++)
      for (int64_t t = 0; t < m->terms; t++)
        row[c] += left[m->is_left_transposed ? t * m->rows + r : r * m->terms + t] * right[c * m->terms + t];
    store_doubles(out, first + r * m->columns, m->columns, row);
  }
}

static mxn_status multiply_batches(const forward *f, const matrix_product *m, int64_t batches) {
  const int64_t lefts = m->rows * m->terms, rights = m->terms * m->columns;
  double *left = arena_array(f->scratch, (size_t)lefts, sizeof *left);
  double *right = arena_array(f->scratch, (size_t)rights, sizeof *right);
  double *row = arena_array(f->scratch, (size_t)m->columns, sizeof *row);
  for (int64_t b = 0; b < batches; b++) {
    load_doubles(&f->inputs[0], b * lefts, lefts, left);
    load_doubles(&f->inputs[1], b * rights, rights, right);
    multiply(m, left, right, row, &f->outputs[0], b * m->rows * m->columns);
  }
  return MXN_OK;
}

/* dot: the last axis of lhs with the first of rhs; transposed, the first with the last. */

static mxn_status no_product(inference *x) {
  char left[SHAPE_TEXT_BYTES], right[SHAPE_TEXT_BYTES];
  return infer_error(x, MXN_SHAPE, "shapes %s and %s cannot be multiplied", shape_text(x->inputs[0], left),
                     shape_text(x->inputs[1], right));
}

mxn_status dot_shape(inference *x) {
  const mxn_type *lhs = x->inputs[0], *rhs = x->inputs[1];
  const bool is_left = op_bool(x->node, "transpose_a"), is_right = op_bool(x->node, "transpose_b");
  if (lhs->n_dims < 0 || rhs->n_dims < 0) return MXN_OK;
  const bool are_vectors = lhs->n_dims == 1 && rhs->n_dims == 1;
  if (lhs->n_dims == 0 || rhs->n_dims == 0 || (are_vectors && (is_left || is_right))) return no_product(x);
  if (lhs->n_dims + rhs->n_dims - 2 > MXN_MAX_DIMS) return no_product(x);
  const int64_t left = lhs->dims[is_left ? 0 : lhs->n_dims - 1], right = rhs->dims[is_right ? rhs->n_dims - 1 : 0];
  if (left >= 0 && right >= 0 && left != right) return no_product(x);
  mxn_type out = {.n_dims = 0};
  for (int32_t d = 1; d < lhs->n_dims; d++) out.dims[out.n_dims++] = lhs->dims[is_left ? d : d - 1];
  for (int32_t d = 1; d < rhs->n_dims; d++) out.dims[out.n_dims++] = rhs->dims[is_right ? d - 1 : d];
  if (out.n_dims == 0) out.dims[out.n_dims++] = 1;
  return infer_output(x, 0, &out);
}

mxn_status dot_forward(const forward *f) {
  const mxn_type *lhs = &f->inputs[0].type, *rhs = &f->inputs[1].type;
  const bool is_left = op_bool(f->node, "transpose_a"), is_right = op_bool(f->node, "transpose_b");
  const matrix_product m = {.rows = is_left ? count_dims(lhs, 1, lhs->n_dims) : count_dims(lhs, 0, lhs->n_dims - 1),
                            .terms = lhs->dims[is_left ? 0 : lhs->n_dims - 1],
                            .columns = is_right ? count_dims(rhs, 0, rhs->n_dims - 1) : count_dims(rhs, 1, rhs->n_dims),
                            .is_left_transposed = is_left,
                            .is_right_transposed = is_right};
  return multiply_batches(f, &m, 1);
}

/* batch_dot: the last two axes are matrices, the others count them. */

mxn_status batch_dot_shape(inference *x) {
  const mxn_type *lhs = x->inputs[0], *rhs = x->inputs[1];
  const bool is_left = op_bool(x->node, "transpose_a"), is_right = op_bool(x->node, "transpose_b");
  if (lhs->n_dims < 0 || rhs->n_dims < 0) return MXN_OK;
  if (lhs->n_dims < 3 || lhs->n_dims != rhs->n_dims) return no_product(x);
  const int32_t last = lhs->n_dims - 1;
  mxn_type out = *lhs;
  for (int32_t d = 0; d < last - 1; d++) {
    if (lhs->dims[d] >= 0 && rhs->dims[d] >= 0 && lhs->dims[d] != rhs->dims[d]) return no_product(x);
    if (out.dims[d] < 0) out.dims[d] = rhs->dims[d];
  }
  const int64_t left = lhs->dims[is_left ? last - 1 : last], right = rhs->dims[is_right ? last : last - 1];
  if (left >= 0 && right >= 0 && left != right) return no_product(x);
  out.dims[last - 1] = lhs->dims[is_left ? last : last - 1];
  out.dims[last] = rhs->dims[is_right ? last - 1 : last];
  return infer_output(x, 0, &out);
}

mxn_status batch_dot_forward(const forward *f) {
  const mxn_type *lhs = &f->inputs[0].type, *out = &f->outputs[0].type;
  const int32_t last = out->n_dims - 1;
  const matrix_product m = {.rows = out->dims[last - 1],
                            .terms = lhs->dims[op_bool(f->node, "transpose_a") ? last - 1 : last],
                            .columns = out->dims[last],
                            .is_left_transposed = op_bool(f->node, "transpose_a"),
                            .is_right_transposed = op_bool(f->node, "transpose_b")};
  return multiply_batches(f, &m, count_dims(out, 0, last - 1));
}

bool batch_dot_batch(const node *n, const bool *is_carried) { return batch_all(n, is_carried); }

/* khatri_rao: column by column the Kronecker product of matrices. */

mxn_status khatri_rao_shape(inference *x) {
  int64_t rows = 1, columns = -1;
  for (uint32_t i = 0; i < x->n_inputs; i++) {
    const mxn_type *t = x->inputs[i];
    if (t->n_dims < 0) return MXN_OK;
    if (t->n_dims != 2) return infer_error(x, MXN_SHAPE, "input %u has %d dimensions, expected 2", i, t->n_dims);
    TRY(infer_input(x, i, &(mxn_type){.n_dims = 2, .dims = {-1, columns}}));
    columns = t->dims[1];
    if (!dims_multiply(rows, t->dims[0], &rows)) return infer_error(x, MXN_SHAPE, "its output has too many elements");
  }
  return infer_output(x, 0, &(mxn_type){.n_dims = 2, .dims = {rows, columns}});
}

mxn_status khatri_rao_forward(const forward *f) {
  const int64_t rows = f->outputs[0].type.dims[0], columns = f->outputs[0].type.dims[1];
  const uint32_t n = op_own_inputs(f->node);
  double *row = arena_array(f->scratch, (size_t)columns, sizeof *row);
  double *factors = arena_array(f->scratch, (size_t)columns, sizeof *factors);
  for (int64_t r = 0; r < rows; r++) {
    int64_t rest = r;
    for (int64_t c = 0; c < columns; c++) row[c] = 1;
    for (uint32_t i = n; i-- > 0;) {
      const int64_t size = f->inputs[i].type.dims[0];
      load_doubles(&f->inputs[i], rest % size * columns, columns, factors);
      for (int64_t c = 0; c < columns; c++) row[c] *= factors[c];
      rest /= size;
    }
    store_doubles(&f->outputs[0], r * columns, columns, row);
  }
  return MXN_OK;
}

/* im2col and col2im: [n][c][kernel place][window] against images of 1 to 3 dimensions. */

enum { MOST_AXES = 3 };

typedef struct windows {
  int32_t n;
  int64_t kernel[MOST_AXES], stride[MOST_AXES], dilate[MOST_AXES], pad[MOST_AXES];
  int64_t image[MOST_AXES], count[MOST_AXES]; /* sizes of the image, windows along each axis */
  int64_t kernels, images, counts;            /* their products */
} windows;

static mxn_status read_axes(inference *x, windows *w) {
  const node *n = x->node;
  const op_tuple kernel = op_tuple_of(n, "kernel"), stride = op_tuple_of(n, "stride"), pad = op_tuple_of(n, "pad");
  const op_tuple dilate = op_tuple_of(n, "dilate");
  *w = (windows){.n = kernel.n, .kernel = {1, 1, 1}, .count = {1, 1, 1}, .kernels = 1, .images = 1, .counts = 1};
  const bool fits = kernel.n >= 1 && kernel.n <= MOST_AXES && (stride.n <= 0 || stride.n == kernel.n) &&
                    (pad.n <= 0 || pad.n == kernel.n) && (dilate.n <= 0 || dilate.n == kernel.n);
  if (!fits) return infer_error(x, MXN_SHAPE, "kernel, stride, dilate and pad do not have 1 to 3 values each");
  for (int32_t d = 0; d < w->n; d++) {
    w->kernel[d] = kernel.v[d];
    w->stride[d] = stride.n > 0 ? stride.v[d] : 1;
    w->dilate[d] = dilate.n > 0 ? dilate.v[d] : 1;
    w->pad[d] = pad.n > 0 ? pad.v[d] : 0;
  }
  return MXN_OK;
}

/* Sizes are limited so that no product of two overflows. */
static mxn_status count_windows(inference *x, windows *w) {
  for (int32_t d = 0; d < w->n; d++) {
    const int64_t values[] = {w->kernel[d], w->stride[d], w->dilate[d], w->pad[d], w->image[d]};
    for (int i = 0; i < 5; i++)
      if (values[i] > INT32_MAX / 2) return infer_error(x, MXN_SHAPE, "%" PRId64 " is too large", values[i]);
    const int64_t reach = (w->kernel[d] - 1) * w->dilate[d] + 1, room = w->image[d] + 2 * w->pad[d] - reach;
    if (room < 0) return infer_error(x, MXN_SHAPE, "kernel of %" PRId64 " is larger than axis %d", reach, d + 2);
    w->count[d] = room / w->stride[d] + 1;
    if (!dims_multiply(w->kernels, w->kernel[d], &w->kernels) || !dims_multiply(w->images, w->image[d], &w->images) ||
        !dims_multiply(w->counts, w->count[d], &w->counts))
      return infer_error(x, MXN_SHAPE, "its output has too many elements");
  }
  return MXN_OK;
}

/* Where a place of the kernel lies in the image for a window; -1 in the pad. */
static int64_t find_pixel(const windows *w, int64_t place, int64_t window) {
  int64_t pixel = 0, step = 1;
  for (int32_t d = w->n - 1; d >= 0; d--) {
    const int64_t at = window % w->count[d] * w->stride[d] - w->pad[d] + place % w->kernel[d] * w->dilate[d];
    if (at < 0 || at >= w->image[d]) return -1;
    pixel += at * step;
    step *= w->image[d];
    window /= w->count[d];
    place /= w->kernel[d];
  }
  return pixel;
}

static mxn_status windows_of_image(inference *x, windows *w) {
  const mxn_type *in = x->inputs[0];
  TRY(read_axes(x, w));
  if (in->n_dims != w->n + 2)
    return infer_error(x, MXN_SHAPE, "data has %d dimensions, expected %d", in->n_dims, w->n + 2);
  for (int32_t d = 0; d < w->n; d++) w->image[d] = in->dims[d + 2];
  return count_windows(x, w);
}

mxn_status im2col_shape(inference *x) {
  const mxn_type *in = x->inputs[0];
  windows w;
  if (!shape_is_known(in)) return MXN_OK;
  TRY(windows_of_image(x, &w));
  mxn_type out = {.n_dims = 3, .dims = {in->dims[0], 0, w.counts}};
  if (!dims_multiply(in->dims[1], w.kernels, &out.dims[1]))
    return infer_error(x, MXN_SHAPE, "its output has too many elements");
  return infer_output(x, 0, &out);
}

mxn_status im2col_forward(const forward *f) {
  inference x = {.node = f->node, .err = f->err};
  mxn_type in = f->inputs[0].type, *inputs[] = {&in};
  windows w;
  x.inputs = inputs;
  TRY(windows_of_image(&x, &w));
  for (int64_t plane = 0; plane < in.dims[0] * in.dims[1]; plane++)
    for (int64_t i = 0; i < w.kernels * w.counts; i++) {
      const int64_t pixel = find_pixel(&w, i / w.counts, i % w.counts);
      double number = 0;
      if (pixel >= 0) load_doubles(&f->inputs[0], plane * w.images + pixel, 1, &number);
      store_doubles(&f->outputs[0], plane * w.kernels * w.counts + i, 1, &number);
    }
  return MXN_OK;
}

static mxn_status windows_of_size(inference *x, windows *w) {
  const op_tuple size = op_tuple_of(x->node, "output_size");
  TRY(read_axes(x, w));
  if (size.n != w->n) return infer_error(x, MXN_SHAPE, "output_size has %d values, expected %d", size.n, w->n);
  for (int32_t d = 0; d < w->n; d++) w->image[d] = size.v[d];
  return count_windows(x, w);
}

mxn_status col2im_shape(inference *x) {
  const mxn_type *in = x->inputs[0];
  windows w;
  if (!shape_is_known(in)) return MXN_OK;
  TRY(windows_of_size(x, &w));
  if (in->n_dims != 3 || in->dims[1] % w.kernels != 0 || in->dims[2] != w.counts) {
    char got[SHAPE_TEXT_BYTES];
    return infer_error(x, MXN_SHAPE, "data has shape %s, expected (n, c * %" PRId64 ", %" PRId64 ")",
                       shape_text(in, got), w.kernels, w.counts);
  }
  mxn_type out = {.n_dims = w.n + 2, .dims = {in->dims[0], in->dims[1] / w.kernels}};
  for (int32_t d = 0; d < w.n; d++) out.dims[d + 2] = w.image[d];
  return infer_output(x, 0, &out);
}

mxn_status col2im_forward(const forward *f) {
  inference x = {.node = f->node, .err = f->err};
  const mxn_type *out = &f->outputs[0].type;
  windows w;
  TRY(windows_of_size(&x, &w));
  double *image = arena_array(f->scratch, (size_t)w.images, sizeof *image);
  for (int64_t plane = 0; plane < out->dims[0] * out->dims[1]; plane++) {
    for (int64_t i = 0; i < w.images; i++) image[i] = 0;
    for (int64_t i = 0; i < w.kernels * w.counts; i++) {
      const int64_t pixel = find_pixel(&w, i / w.counts, i % w.counts);
      double number;
      load_doubles(&f->inputs[0], plane * w.kernels * w.counts + i, 1, &number);
      if (pixel >= 0) image[pixel] += number;
    }
    store_doubles(&f->outputs[0], plane * w.images, w.images, image);
  }
  return MXN_OK;
}
