/* numpy_contraction.c - numpy's sums of products: dot, matmul, tensordot, einsum.
 *
 * All are one loop over labelled axes. A label names an axis of the output, or one
 * that is summed over; an operand steps along a label by the sum of its axes of
 * that label, so a label that an operand has twice walks its diagonal.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <string.h>

#include "ops/family.h"
#include "ops/number.h"
#include "ops/view.h"

/* The labels of einsum: letters, and one for each axis of an ellipsis. The others
 * number their axes. */
enum { MAX_LABELS = 52 + MXN_MAX_DIMS };

typedef struct labelled {
  int32_t n;
  int32_t labels[MXN_MAX_DIMS];
} labelled;

typedef struct contraction {
  uint32_t n_operands;
  labelled *operands;
  labelled output;
  int64_t sizes[MAX_LABELS]; /* -1: nobody has the label */
} contraction;

static contraction create(arena *a, uint32_t n_operands) {
  contraction c = {.n_operands = n_operands, .operands = arena_array(a, n_operands, sizeof *c.operands)};
  memset(c.operands, 0, n_operands * sizeof *c.operands);
  for (int32_t i = 0; i < MAX_LABELS; i++) c.sizes[i] = -1;
  return c;
}

/* What the axes say about the labels: a size of 1 is broadcast. False, and the
 * operand and its axis, where they disagree. */
static bool set_sizes(contraction *c, mxn_type *const *types, uint32_t *out_operand, int32_t *out_axis) {
  for (uint32_t i = 0; i < c->n_operands; i++) {
    for (int32_t d = 0; d < c->operands[i].n; d++) {
      int64_t *size = &c->sizes[c->operands[i].labels[d]];
      const int64_t dim = types[i]->dims[d];
      *out_operand = i;
      *out_axis = d;
      if (*size >= 0 && *size != dim && *size != 1 && dim != 1) return false;
      if (*size < 0 || *size == 1) *size = dim;
    }
  }
  return true;
}

static mxn_status infer_contraction(inference *x, contraction *c) {
  uint32_t operand;
  int32_t axis;
  if (!set_sizes(c, x->inputs, &operand, &axis))
    return infer_error(x, MXN_SHAPE, "axis %d of input %u has %" PRId64 " elements, expected %" PRId64, axis, operand,
                       x->inputs[operand]->dims[axis], c->sizes[c->operands[operand].labels[axis]]);
  mxn_type out = {.n_dims = c->output.n};
  for (int32_t d = 0; d < c->output.n; d++) out.dims[d] = c->sizes[c->output.labels[d]];
  return infer_output(x, 0, &out);
}

/* Running. */

/* One loop: a label, its size, and every operand's step along it. */
typedef struct loop {
  int64_t size;
  int64_t *steps;
} loop;

typedef struct nest {
  int32_t n_outer, n_loops; /* those of the output, then those that are summed over */
  loop loops[MAX_LABELS];
} nest;

static int64_t step_along(const labelled *l, const mxn_type *t, int32_t label) {
  const view v = view_of(t);
  int64_t step = 0;
  for (int32_t d = 0; d < l->n; d++)
    if (l->labels[d] == label && t->dims[d] != 1) step += v.steps[d];
  return step;
}

static void add_loop(nest *n, const forward *f, const contraction *c, int32_t label) {
  loop *l = &n->loops[n->n_loops++];
  *l = (loop){.size = c->sizes[label], .steps = arena_array(f->scratch, c->n_operands, sizeof *l->steps)};
  for (uint32_t i = 0; i < c->n_operands; i++) l->steps[i] = step_along(&c->operands[i], &f->inputs[i].type, label);
}

static void create_nest(nest *n, const forward *f, const contraction *c) {
  bool is_outer[MAX_LABELS] = {false};
  n->n_loops = 0;
  for (int32_t d = 0; d < c->output.n; d++) {
    is_outer[c->output.labels[d]] = true;
    add_loop(n, f, c, c->output.labels[d]);
  }
  n->n_outer = n->n_loops;
  for (int32_t label = 0; label < MAX_LABELS; label++)
    if (!is_outer[label] && c->sizes[label] >= 0) add_loop(n, f, c, label);
}

/* The operands as numbers, and where each is. */
typedef struct running {
  const nest *nest;
  uint32_t n_operands;
  double **floats;
  int64_t **integers; /* NULL: floats are computed */
  int64_t *at;
} running;

/* Move all operands to position i of loops [first, end). */
static void seek(running *r, int32_t first, int32_t end, int64_t i, int64_t sign) {
  for (int32_t k = end - 1; k >= first; k--) {
    const loop *l = &r->nest->loops[k];
    for (uint32_t o = 0; o < r->n_operands; o++) r->at[o] += sign * (i % l->size) * l->steps[o];
    i /= l->size;
  }
}

static double product_of_floats(const running *r) {
  double product = 1;
  for (uint32_t o = 0; o < r->n_operands; o++) product *= r->floats[o][r->at[o]];
  return product;
}

static int64_t product_of_integers(const running *r) {
  uint64_t product = 1;
  for (uint32_t o = 0; o < r->n_operands; o++) product *= (uint64_t)r->integers[o][r->at[o]];
  return (int64_t)product;
}

static int64_t positions(const nest *n, int32_t first, int32_t end) {
  int64_t product = 1;
  for (int32_t k = first; k < end; k++) product *= n->loops[k].size;
  return product;
}

/* The sum over all inner positions; the innermost loop steps along without seeking. */
static void sum_products(running *r, double *out_float, int64_t *out_integer) {
  const nest *n = r->nest;
  const bool has_inner = n->n_loops > n->n_outer;
  const loop *last = has_inner ? &n->loops[n->n_loops - 1] : NULL;
  const int64_t length = has_inner ? last->size : 1;
  const int64_t rows = has_inner ? positions(n, n->n_outer, n->n_loops - 1) : 1;
  uint64_t integer_sum = 0;
  double sum = 0;
  for (int64_t row = 0; row < rows && length > 0; row++) {
    seek(r, n->n_outer, n->n_loops - 1, row, 1);
    for (int64_t i = 0; i < length; i++) {
      if (r->integers)
        integer_sum += (uint64_t)product_of_integers(r);
      else
        sum += product_of_floats(r);
      for (uint32_t o = 0; o < r->n_operands && has_inner; o++) r->at[o] += last->steps[o];
    }
    for (uint32_t o = 0; o < r->n_operands && has_inner; o++) r->at[o] -= length * last->steps[o];
    seek(r, n->n_outer, n->n_loops - 1, row, -1);
  }
  *out_float = sum;
  *out_integer = (int64_t)integer_sum;
}

static running load_operands(const forward *f, const nest *n, uint32_t n_operands) {
  running r = {.nest = n, .n_operands = n_operands};
  r.at = arena_array(f->scratch, n_operands, sizeof *r.at);
  r.floats = arena_array(f->scratch, n_operands, sizeof *r.floats);
  const bool is_integer = !dtype_is_float(f->outputs[0].type.dtype);
  if (is_integer) r.integers = arena_array(f->scratch, n_operands, sizeof *r.integers);
  for (uint32_t i = 0; i < n_operands; i++) {
    int64_t elements = 0;
    (void)!shape_elements(&f->inputs[i].type, &elements);
    r.at[i] = 0;
    r.floats[i] = arena_array(f->scratch, (size_t)elements + 1, sizeof **r.floats);
    load_doubles(&f->inputs[i], 0, elements, r.floats[i]);
    if (!is_integer) continue;
    r.integers[i] = arena_array(f->scratch, (size_t)elements + 1, sizeof **r.integers);
    load_integers(&f->inputs[i], 0, elements, r.integers[i]);
  }
  return r;
}

/* Sizes are multiplied only where all are together: operands of a thousand elements each
 * may have more combinations than anyone counts. */
static mxn_status check_positions(const forward *f, const nest *n) {
  int64_t product = 1;
  for (int32_t k = 0; k < n->n_loops; k++)
    if (!dims_multiply(product, n->loops[k].size, &product))
      return op_error(NULL, f->node, f->err, MXN_UNSUPPORTED, "its operands have too many combinations of elements");
  return MXN_OK;
}

static mxn_status contract(const forward *f, contraction *c) {
  mxn_type **types = arena_array(f->scratch, c->n_operands, sizeof *types);
  nest n;
  uint32_t operand;
  int32_t axis;
  int64_t elements = 0;
  for (uint32_t i = 0; i < c->n_operands; i++) types[i] = arena_copy(f->scratch, &f->inputs[i].type, sizeof **types);
  if (!set_sizes(c, types, &operand, &axis) || !shape_elements(&f->outputs[0].type, &elements)) return MXN_OK;
  create_nest(&n, f, c);
  TRY(check_positions(f, &n));
  running r = load_operands(f, &n, c->n_operands);
  for (int64_t i = 0; i < elements; i++) {
    double sum;
    int64_t integer_sum;
    seek(&r, 0, n.n_outer, i, 1);
    sum_products(&r, &sum, &integer_sum);
    seek(&r, 0, n.n_outer, i, -1);
    if (r.integers)
      store_integers(&f->outputs[0], i, 1, &integer_sum);
    else
      store_doubles(&f->outputs[0], i, 1, &sum);
  }
  return MXN_OK;
}

/* Two operands: axes of the one are joined with axes of the other. */

/* Every axis of `type` gets a label of its own, from `next` on, but for those that
 * have one already. */
static void number_axes(labelled *l, const mxn_type *type, int32_t *next) {
  for (int32_t d = 0; d < type->n_dims; d++)
    if (l->labels[d] < 0) l->labels[d] = (*next)++;
  l->n = type->n_dims;
}

static contraction create_pair(arena *a) {
  contraction c = create(a, 2);
  for (int32_t d = 0; d < MXN_MAX_DIMS; d++) c.operands[0].labels[d] = c.operands[1].labels[d] = -1;
  return c;
}

/* Axis pairs are joined; the output has the others, a's first. False where there
 * are too many. */
static bool join_pairs(contraction *c, const mxn_type *a, const mxn_type *b, const int32_t *a_axes,
                       const int32_t *b_axes, int32_t n) {
  int32_t next = n;
  bool is_summed[MAX_LABELS] = {false};
  for (int32_t i = 0; i < n; i++) {
    c->operands[0].labels[a_axes[i]] = c->operands[1].labels[b_axes[i]] = i;
    is_summed[i] = true;
  }
  number_axes(&c->operands[0], a, &next);
  number_axes(&c->operands[1], b, &next);
  if (a->n_dims + b->n_dims - 2 * n > MXN_MAX_DIMS) return false;
  for (uint32_t o = 0; o < 2; o++)
    for (int32_t d = 0; d < c->operands[o].n; d++)
      if (!is_summed[c->operands[o].labels[d]]) c->output.labels[c->output.n++] = c->operands[o].labels[d];
  return true;
}

static mxn_status too_many(inference *x) {
  return infer_error(x, MXN_SHAPE, "the output has more than %d dimensions", MXN_MAX_DIMS);
}

static bool are_known(const inference *x) {
  for (uint32_t i = 0; i < x->n_inputs; i++)
    if (!shape_is_known(x->inputs[i])) return false;
  return true;
}

/* What is summed over has one size; 1 is not broadcast there. */
static mxn_status check_pairs(inference *x, const mxn_type *a, const mxn_type *b, const int32_t *a_axes,
                              const int32_t *b_axes, int32_t n) {
  for (int32_t i = 0; i < n; i++)
    for (int32_t k = 0; k < i; k++)
      if (a_axes[i] == a_axes[k] || b_axes[i] == b_axes[k])
        return infer_error(x, MXN_SHAPE, "an axis of a or b is summed over twice");
  for (int32_t i = 0; i < n; i++)
    if (a->dims[a_axes[i]] != b->dims[b_axes[i]])
      return infer_error(x, MXN_SHAPE, "axis %d of a has %" PRId64 " elements, axis %d of b has %" PRId64, a_axes[i],
                         a->dims[a_axes[i]], b_axes[i], b->dims[b_axes[i]]);
  return MXN_OK;
}

static mxn_status plan_pairs(inference *x, arena *scratch, const mxn_type *a, const mxn_type *b, const int32_t *a_axes,
                             const int32_t *b_axes, int32_t n, contraction *out) {
  TRY(check_pairs(x, a, b, a_axes, b_axes, n));
  *out = create_pair(scratch);
  return join_pairs(out, a, b, a_axes, b_axes, n) ? MXN_OK : too_many(x);
}

/* dot: the last axis of a with the last but one of b, or its only one. */
static mxn_status plan_dot(inference *x, arena *scratch, const mxn_type *const *types, uint32_t n_types,
                           contraction *out) {
  (void)n_types;
  const mxn_type *a = types[0], *b = types[1];
  const int32_t a_axis = a->n_dims - 1, b_axis = b->n_dims == 1 ? 0 : b->n_dims - 2;
  return plan_pairs(x, scratch, a, b, &a_axis, &b_axis, a->n_dims == 0 || b->n_dims == 0 ? 0 : 1, out);
}

static mxn_status plan_tensordot(inference *x, arena *scratch, const mxn_type *const *types, uint32_t n_types,
                                 contraction *out) {
  (void)n_types;
  const mxn_type *a = types[0], *b = types[1];
  const op_tuple a_axes = op_tuple_of(x->node, "a_axes_summed"), b_axes = op_tuple_of(x->node, "b_axes_summed");
  int32_t a_summed[MXN_MAX_DIMS], b_summed[MXN_MAX_DIMS];
  if (a_axes.n != b_axes.n)
    return infer_error(x, MXN_SHAPE, "a_axes_summed has %d axes, b_axes_summed %d", a_axes.n, b_axes.n);
  for (int32_t i = 0; i < a_axes.n; i++) {
    TRY(infer_axis(x, "a_axes_summed", a_axes.v[i], a->n_dims, &a_summed[i]));
    TRY(infer_axis(x, "b_axes_summed", b_axes.v[i], b->n_dims, &b_summed[i]));
  }
  return plan_pairs(x, scratch, a, b, a_summed, b_summed, a_axes.n > 0 ? a_axes.n : 0, out);
}

/* The last axes of a with the first of b. */
static mxn_status plan_tensordot_int(inference *x, arena *scratch, const mxn_type *const *types, uint32_t n_types,
                                     contraction *out) {
  (void)n_types;
  const mxn_type *a = types[0], *b = types[1];
  const int64_t n = op_int(x->node, "axes");
  int32_t a_summed[MXN_MAX_DIMS], b_summed[MXN_MAX_DIMS];
  if (n < 0 || n > a->n_dims || n > b->n_dims)
    return infer_error(x, MXN_SHAPE, "axes is %" PRId64 ", a and b have %d and %d dimensions", n, a->n_dims, b->n_dims);
  for (int32_t i = 0; i < n; i++) {
    a_summed[i] = a->n_dims - (int32_t)n + i;
    b_summed[i] = i;
  }
  return plan_pairs(x, scratch, a, b, a_summed, b_summed, (int32_t)n, out);
}

/* matmul: matrices of the last two axes, broadcast over those before. */
static mxn_status plan_matmul(inference *x, arena *scratch, const mxn_type *const *types, uint32_t n_types,
                              contraction *out) {
  (void)n_types;
  const mxn_type *a = types[0], *b = types[1];
  enum { SUMMED, ROW, COLUMN, BATCH };
  if (a->n_dims == 0 || b->n_dims == 0) return infer_error(x, MXN_SHAPE, "a or b is a scalar");
  const int32_t a_axis = a->n_dims - 1, b_axis = b->n_dims == 1 ? 0 : b->n_dims - 2;
  const int32_t a_batch = a->n_dims > 2 ? a->n_dims - 2 : 0, b_batch = b->n_dims > 2 ? b->n_dims - 2 : 0;
  const int32_t batch = a_batch > b_batch ? a_batch : b_batch;
  TRY(check_pairs(x, a, b, &a_axis, &b_axis, 1));
  *out = create_pair(scratch);
  labelled *l = &out->operands[0], *r = &out->operands[1];
  l->n = a->n_dims;
  r->n = b->n_dims;
  l->labels[a_axis] = r->labels[b_axis] = SUMMED;
  if (a->n_dims > 1) l->labels[a_axis - 1] = ROW;
  if (b->n_dims > 1) r->labels[b_axis + 1] = COLUMN;
  for (int32_t d = 0; d < batch; d++) {
    if (d >= batch - a_batch) l->labels[d - (batch - a_batch)] = BATCH + d;
    if (d >= batch - b_batch) r->labels[d - (batch - b_batch)] = BATCH + d;
    out->output.labels[out->output.n++] = BATCH + d;
  }
  if (a->n_dims > 1) out->output.labels[out->output.n++] = ROW;
  if (b->n_dims > 1) out->output.labels[out->output.n++] = COLUMN;
  return MXN_OK;
}

/* How the inputs, whose types these are, are contracted. */
typedef mxn_status (*plan)(inference *x, arena *a, const mxn_type *const *types, uint32_t n, contraction *out);

static mxn_status infer_by(inference *x, plan make) {
  arena a;
  contraction c;
  if (!are_known(x)) return MXN_OK;
  arena_init(&a);
  if (setjmp(a.recovery)) {
    arena_finish(&a);
    return infer_error(x, MXN_NOMEM, "out of memory");
  }
  mxn_status status = make(x, &a, (const mxn_type *const *)x->inputs, x->n_inputs, &c);
  if (status == MXN_OK) status = infer_contraction(x, &c);
  arena_finish(&a);
  return status;
}

static mxn_status run_by(const forward *f, plan make) {
  inference x = {.node = f->node, .err = f->err};
  const uint32_t n = op_own_inputs(f->node);
  const mxn_type **types = arena_array(f->scratch, n, sizeof *types);
  contraction c;
  for (uint32_t i = 0; i < n; i++) types[i] = &f->inputs[i].type;
  TRY(make(&x, f->scratch, types, n, &c));
  return contract(f, &c);
}

mxn_status numpy_dot_shape(inference *x) { return infer_by(x, plan_dot); }
mxn_status numpy_dot_forward(const forward *f) { return run_by(f, plan_dot); }
mxn_status numpy_matmul_shape(inference *x) { return infer_by(x, plan_matmul); }
mxn_status numpy_matmul_forward(const forward *f) { return run_by(f, plan_matmul); }
mxn_status numpy_tensordot_shape(inference *x) { return infer_by(x, plan_tensordot); }
mxn_status numpy_tensordot_forward(const forward *f) { return run_by(f, plan_tensordot); }
mxn_status numpy_tensordot_int_axes_shape(inference *x) { return infer_by(x, plan_tensordot_int); }
mxn_status numpy_tensordot_int_axes_forward(const forward *f) { return run_by(f, plan_tensordot_int); }

/* einsum: "ij,jk->ik". */

static int32_t letter(char c) { return c >= 'a' && c <= 'z' ? c - 'a' : c >= 'A' && c <= 'Z' ? 26 + c - 'A' : -1; }

static mxn_status bad_subscripts(inference *x, const char *what) {
  return infer_error(x, MXN_FORMAT, "attribute subscripts: %s in '%.100s'", what, op_text(x->node, "subscripts"));
}

/* The labels of one operand up to ',', '-' or the end. An ellipsis stands for what
 * the letters leave of n_dims, aligned at its last axis. */
static mxn_status read_labels(inference *x, const char **at, int32_t n_dims, labelled *out, bool counts[MAX_LABELS]) {
  int32_t n_letters = 0;
  for (const char *c = *at; *c && *c != ',' && *c != '-'; c++) n_letters += letter(*c) >= 0;
  const int32_t n_hidden = n_dims - n_letters;
  out->n = 0;
  for (; **at && **at != ',' && **at != '-'; ++*at) {
    if (**at == ' ') continue;
    const bool is_ellipsis = strncmp(*at, "...", 3) == 0;
    if (!is_ellipsis && letter(**at) < 0) return bad_subscripts(x, "an unexpected character");
    if (n_hidden < 0 || out->n + (is_ellipsis ? n_hidden : 1) > MXN_MAX_DIMS)
      return bad_subscripts(x, "more labels than the operand has dimensions");
    if (!is_ellipsis) out->labels[out->n++] = letter(**at);
    for (int32_t d = 0; d < n_hidden && is_ellipsis; d++) {
      out->labels[out->n++] = 52 + MXN_MAX_DIMS - n_hidden + d;
      counts[out->labels[out->n - 1]] = true;
    }
    if (is_ellipsis) *at += 2;
  }
  return out->n == n_dims ? MXN_OK : bad_subscripts(x, "fewer labels than the operand has dimensions");
}

static bool add_output(contraction *c, int32_t label) {
  if (c->output.n == MXN_MAX_DIMS) return false;
  c->output.labels[c->output.n++] = label;
  return true;
}

/* Without an arrow: the ellipsis, then the letters that occur once, capitals first.
 * False where these are too many. */
static bool implicit_output(contraction *c, const bool *hidden) {
  int32_t counts[MAX_LABELS] = {0};
  bool fits = true;
  for (uint32_t i = 0; i < c->n_operands; i++)
    for (int32_t d = 0; d < c->operands[i].n; d++) counts[c->operands[i].labels[d]]++;
  for (int32_t label = 52; label < MAX_LABELS; label++)
    if (hidden[label]) fits &= add_output(c, label);
  for (int32_t k = 0; k < 52; k++)
    if (counts[(k + 26) % 52] == 1) fits &= add_output(c, (k + 26) % 52);
  return fits;
}

static mxn_status read_output(inference *x, const char *at, contraction *c, bool hidden[MAX_LABELS]) {
  bool is_used[MAX_LABELS] = {false};
  int32_t n_dims = 0, n_hidden = 0;
  for (int32_t label = 52; label < MAX_LABELS; label++) n_hidden += hidden[label];
  for (const char *s = at; *s; s++) n_dims += letter(*s) >= 0;
  if (strstr(at, "...")) n_dims += n_hidden;
  TRY(read_labels(x, &at, n_dims, &c->output, hidden));
  if (*at) return bad_subscripts(x, "something behind the output");
  for (uint32_t i = 0; i < c->n_operands; i++)
    for (int32_t d = 0; d < c->operands[i].n; d++) is_used[c->operands[i].labels[d]] = true;
  for (int32_t d = 0; d < c->output.n; d++) {
    if (!is_used[c->output.labels[d]]) return bad_subscripts(x, "a label of the output that is twice, or no operand's");
    is_used[c->output.labels[d]] = false;
  }
  return MXN_OK;
}

static mxn_status plan_einsum(inference *x, arena *a, const mxn_type *const *types, uint32_t n, contraction *out) {
  const char *at = op_text(x->node, "subscripts");
  bool hidden[MAX_LABELS] = {false};
  *out = create(a, n);
  for (uint32_t i = 0; i < n; i++) {
    TRY(read_labels(x, &at, types[i]->n_dims, &out->operands[i], hidden));
    if ((i + 1 < n) != (*at == ',')) return bad_subscripts(x, "another number of operands");
    if (*at == ',') at++;
  }
  if (*at == '-') return at[1] == '>' ? read_output(x, at + 2, out, hidden) : bad_subscripts(x, "a '-' without '>'");
  return implicit_output(out, hidden) ? MXN_OK : too_many(x);
}

mxn_status numpy_einsum_shape(inference *x) { return infer_by(x, plan_einsum); }
mxn_status numpy_einsum_forward(const forward *f) { return run_by(f, plan_einsum); }
