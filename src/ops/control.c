/* control.c - see control.h.
 *
 * Inference writes the types of a subgraph's values into the subgraph and sweeps
 * it along with the graph around it, once in each sweep, so that depth costs
 * nothing. MXNet infers no shapes through _while_loop and _cond, and finds them
 * while it runs. So a contradiction of shapes in one of their subgraphs is none:
 * its shapes are left open (shapes_vary) and found by running it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ops/control.h"

#include <string.h>

#include "ops/body.h"
#include "ops/number.h"

/* Of one node: more than any model has, few enough for the stack. */
enum { MAX_INPUTS = 4096, MAX_SUBGRAPHS = 3 };

/* For each variable of a subgraph the input of the node that it stands for. */
typedef struct places {
  uint32_t n;
  uint16_t outer[MAX_INPUTS];
} places;

uint32_t control_outputs(const node *n) {
  const int64_t number = op_int(n, "num_outputs");
  return number < 0 ? 0 : (uint32_t)number;
}

mxn_status control_dtype(inference *x) {
  (void)x;
  return MXN_OK;
}

uint32_t control_count_variables(const graph *g) {
  uint32_t n = 0;
  for (size_t i = 0; i < g->n_nodes; i++) n += node_is_variable(g->nodes[i]);
  return n;
}

/* Checks: what the attributes say fits the node and its subgraphs. */

static mxn_status check_subgraphs(inference *x, uint32_t expected) {
  const node *n = x->node;
  if (n->n_subgraphs != expected)
    return infer_error(x, MXN_FORMAT, "expected %u subgraphs, got %u", expected, n->n_subgraphs);
  if (n->n_inputs > MAX_INPUTS)
    return infer_error(x, MXN_UNSUPPORTED, "it has %u inputs, at most %d are supported", n->n_inputs, MAX_INPUTS);
  return MXN_OK;
}

static mxn_status check_heads(inference *x, uint32_t s, size_t expected) {
  const size_t n = x->node->subgraphs[s]->n_outputs;
  if (n == expected) return MXN_OK;
  return infer_error(x, MXN_FORMAT, "subgraph %u has %zu outputs, expected %zu", s, n, expected);
}

static mxn_status check_out_data(inference *x) {
  const int64_t n = op_int(x->node, "num_out_data");
  if (n >= 0 && n <= x->n_outputs) return MXN_OK;
  return infer_error(x, MXN_FORMAT, "num_out_data is %lld, expected 0 to num_outputs = %u", (long long)n, x->n_outputs);
}

static mxn_status check_places(inference *x, uint32_t s, const char *name, int64_t n, const int64_t *v, int64_t limit) {
  const uint32_t variables = control_count_variables(x->node->subgraphs[s]);
  if (n != variables)
    return infer_error(x, MXN_FORMAT, "%s has %lld values, subgraph %u has %u variables", name, (long long)n, s,
                       variables);
  for (int64_t i = 0; i < n; i++)
    if (v[i] < 0 || v[i] >= limit)
      return infer_error(x, MXN_FORMAT, "%s has %lld, expected numbers below %lld", name, (long long)v[i],
                         (long long)limit);
  return MXN_OK;
}

/* A tuple of places, one for each variable of subgraph s. */
static mxn_status check_locations(inference *x, uint32_t s, const char *name) {
  const op_tuple t = op_tuple_of(x->node, name);
  return check_places(x, s, name, t.n, t.v, x->n_inputs);
}

static void read_places(const node *n, const char *name, places *out) {
  const op_tuple t = op_tuple_of(n, name);
  out->n = (uint32_t)t.n;
  for (uint32_t k = 0; k < out->n; k++) out->outer[k] = (uint16_t)t.v[k];
}

/* Types. */

/* A value outside and its slice along dimension 0 inside; `size` of that dimension
 * is -1 where it is not known. A slice of a vector is (1). */
static mxn_type slice_type(const mxn_type *t) {
  mxn_type slice = *t;
  if (t->n_dims == 1) slice.dims[0] = 1;
  if (t->n_dims <= 1) return slice;
  slice.n_dims--;
  memmove(slice.dims, t->dims + 1, (size_t)slice.n_dims * sizeof *slice.dims);
  return slice;
}

/* False where it has too many dimensions. */
static bool stack_type(const mxn_type *slice, int64_t size, mxn_type *out) {
  *out = *slice;
  if (slice->n_dims < 0) return true;
  if (slice->n_dims == MXN_MAX_DIMS) return false;
  out->n_dims++;
  memmove(out->dims + 1, slice->dims, (size_t)slice->n_dims * sizeof *slice->dims);
  out->dims[0] = size;
  return true;
}

static mxn_status infer_stacked(inference *x, const mxn_type *slice, int64_t size, mxn_type *out) {
  if (stack_type(slice, size, out)) return MXN_OK;
  return infer_error(x, MXN_UNSUPPORTED, "an output has more than %d dimensions", MXN_MAX_DIMS);
}

/* Into the type of a value of a subgraph, unless this is only a check. */
static mxn_status learn_inner(inference *x, mxn_type *inner, const mxn_type *type) {
  char got[SHAPE_TEXT_BYTES], expected[SHAPE_TEXT_BYTES];
  if (!x->sweep) return MXN_OK;
  mxn_type merged = *inner;
  if (!shape_merge(&merged, type))
    return infer_error(x, MXN_SHAPE, "a subgraph has shape %s, expected %s", shape_text(inner, got),
                       shape_text(type, expected));
  if (merged.dtype == MXN_DTYPE_UNKNOWN) merged.dtype = type->dtype;
  if (type->dtype != MXN_DTYPE_UNKNOWN && merged.dtype != type->dtype)
    return infer_error(x, MXN_SHAPE, "a subgraph has %s, expected %s", mxn_dtype_name(merged.dtype),
                       mxn_dtype_name(type->dtype));
  x->changed |= merged.dtype != inner->dtype || !shape_equal(&merged, inner);
  *inner = merged;
  return MXN_OK;
}

static mxn_status meet_input(inference *x, uint32_t i, mxn_type *inner) {
  TRY(infer_input(x, i, inner));
  TRY(infer_input_dtype(x, i, inner->dtype));
  return learn_inner(x, inner, x->inputs[i]);
}

static mxn_status meet_output(inference *x, uint32_t i, mxn_type *inner) {
  TRY(infer_output(x, i, inner));
  TRY(infer_output_dtype(x, i, inner->dtype));
  return learn_inner(x, inner, x->outputs[i]);
}

/* Output i stacks `size` values of the subgraph. */
static mxn_status meet_stacked_output(inference *x, uint32_t i, mxn_type *inner, int64_t size) {
  mxn_type stacked;
  TRY(infer_stacked(x, inner, size, &stacked));
  TRY(infer_output(x, i, &stacked));
  TRY(infer_output_dtype(x, i, inner->dtype));
  if (x->outputs[i]->n_dims < 2) return MXN_OK;
  const mxn_type slice = slice_type(x->outputs[i]);
  return learn_inner(x, inner, &slice);
}

/* The same variable before and after the loop. */
static mxn_status meet_state(inference *x, uint32_t input, uint32_t output) {
  TRY(infer_output(x, output, x->inputs[input]));
  TRY(infer_output_dtype(x, output, x->inputs[input]->dtype));
  TRY(infer_input(x, input, x->outputs[output]));
  return infer_input_dtype(x, input, x->outputs[output]->dtype);
}

static mxn_type *head_type(const node *n, uint32_t s, uint32_t i) {
  const value v = n->subgraphs[s]->outputs[i];
  return &v.node->outputs[v.output];
}

/* What an input of the node and the variable that stands for it learn from each other. */
typedef mxn_status (*meeting)(inference *x, uint32_t input, mxn_type *inner);

/* Inputs of the node and variables of subgraph s; then the subgraph itself. */
static mxn_status infer_with(inference *x, uint32_t s, const places *p, meeting meet) {
  const graph *g = x->node->subgraphs[s];
  uint32_t k = 0;
  for (size_t i = 0; i < g->n_nodes; i++)
    if (node_is_variable(g->nodes[i])) TRY(meet(x, p->outer[k++], &g->nodes[i]->outputs[0]));
  return infer_subgraph(x, s);
}

/* Shapes that are found by running. */

/* Whether a graph's shapes depend on data, or change from turn to turn. */
static bool has_open_shapes(const graph *g) {
  bool is_open = g->shapes_vary;
  for (size_t i = 0; i < g->n_nodes && !is_open; i++) {
    const node *n = g->nodes[i];
    if (!op_has_data_shape(n)) continue;
    is_open = n->n_subgraphs == 0;
    for (uint32_t k = 0; k < n->n_subgraphs && !is_open; k++) is_open = has_open_shapes(n->subgraphs[k]);
  }
  return is_open;
}

static void leave_shapes_open(graph *g) {
  g->shapes_vary = true;
  for (size_t i = 0; i < g->n_nodes; i++) {
    const node *n = g->nodes[i];
    for (uint32_t k = 0; k < n->n_outputs; k++) n->outputs[k].n_dims = -1;
    for (uint32_t k = 0; k < n->n_subgraphs; k++) leave_shapes_open(n->subgraphs[k]);
  }
}

static mxn_type without_shape(const mxn_type *t) {
  mxn_type type = type_unknown();
  type.dtype = t->dtype;
  return type;
}

static mxn_status meet_input_dtype(inference *x, uint32_t i, mxn_type *inner) {
  TRY(infer_input_dtype(x, i, inner->dtype));
  const mxn_type type = without_shape(x->inputs[i]);
  return learn_inner(x, inner, &type);
}

static mxn_status meet_output_dtype(inference *x, uint32_t i, mxn_type *inner) {
  TRY(infer_output_dtype(x, i, inner->dtype));
  const mxn_type type = without_shape(x->outputs[i]);
  return learn_inner(x, inner, &type);
}

/* infer() of subgraph s; `*out_is_open` where it finds a contradiction. */
static mxn_status try_to_infer(inference *x, mxn_status (*infer)(inference *, uint32_t), uint32_t s,
                               bool *out_is_open) {
  mxn_error problem = {0};
  inference trial = *x;
  trial.err = &problem;
  const mxn_status status = infer(&trial, s);
  x->changed |= trial.changed;
  *out_is_open = status == MXN_SHAPE && x->sweep;
  if (*out_is_open) return MXN_OK;
  if (status != MXN_OK && x->err) *x->err = problem;
  return status;
}

/* Running. */

static void body_set_inputs(body *b, const places *p) {
  for (uint32_t k = 0; k < p->n; k++) body_set(b, k, &b->f->inputs[p->outer[k]]);
}

/* The condition's only value. */
static mxn_status read_condition(const body *b, bool *out) {
  const mxn_tensor *t = body_output(b, 0);
  int64_t elements = 0;
  double number;
  if (!shape_elements(&t->type, &elements) || elements != 1)
    return op_error(NULL, b->f->node, b->f->err, MXN_SHAPE, "the condition has %lld elements, expected 1",
                    (long long)elements);
  load_doubles(t, 0, 1, &number);
  *out = number != 0;
  return MXN_OK;
}

/* Row `index` of `size` in the first outputs is what the body has just computed. */
static mxn_status store_rows(const body *b, uint32_t n_rows_outputs, int64_t index, int64_t size) {
  for (uint32_t i = 0; i < n_rows_outputs; i++) {
    const mxn_tensor *row = body_output(b, i);
    const size_t bytes = body_bytes(&row->type);
    const bool is_new = !b->f->outputs[i].data;
    mxn_type stacked;
    if (!stack_type(&row->type, size, &stacked))
      return op_error(NULL, b->f->node, b->f->err, MXN_UNSUPPORTED, "output %u has more than %d dimensions", i,
                      MXN_MAX_DIMS);
    TRY(body_give_output(b->f, i, &stacked));
    char *out = b->f->outputs[i].data;
    if (is_new && out) memset(out, 0, body_bytes(&stacked));
    if (bytes) memcpy(out + (size_t)index * bytes, row->data, bytes);
  }
  return MXN_OK;
}

/* _foreach: inputs are data, states, then what stays the same. */

static const char *const foreach_attributes[] = {"in_data_locs", "in_state_locs", "remain_locs"};
enum { N_FOREACH_ATTRIBUTES = sizeof foreach_attributes / sizeof *foreach_attributes };

uint32_t foreach_inputs(const node *n) { return (uint32_t)op_int(n, "num_args") - 1; }

static uint32_t foreach_count(const node *n, size_t index) {
  const int32_t count = op_tuple_of(n, foreach_attributes[index]).n;
  return count < 0 ? 0 : (uint32_t)count;
}

/* The tuples tell the variable of each input; every variable needs one. */
static mxn_status foreach_places(inference *x, places *out) {
  const node *n = x->node;
  const uint32_t variables = control_count_variables(n->subgraphs[0]);
  uint32_t input = 0;
  out->n = variables;
  if (variables > x->n_inputs)
    return infer_error(x, MXN_FORMAT, "the subgraph has %u variables, expected %u", variables, x->n_inputs);
  for (uint32_t k = 0; k < variables; k++) out->outer[k] = MAX_INPUTS;
  for (size_t a = 0; a < N_FOREACH_ATTRIBUTES; a++) {
    const op_tuple t = op_tuple_of(n, foreach_attributes[a]);
    for (int32_t i = 0; i < t.n; i++, input++) {
      if (input >= x->n_inputs || t.v[i] < 0 || t.v[i] >= variables || out->outer[t.v[i]] != MAX_INPUTS)
        return infer_error(x, MXN_FORMAT, "%s: expected each of the subgraph's %u variables once, got %lld",
                           foreach_attributes[a], variables, (long long)t.v[i]);
      out->outer[t.v[i]] = (uint16_t)input;
    }
  }
  if (input != x->n_inputs || input != variables)
    return infer_error(x, MXN_FORMAT, "in_data_locs, in_state_locs and remain_locs have %u values, expected %u", input,
                       x->n_inputs);
  return MXN_OK;
}

static mxn_status foreach_check(inference *x, places *out) {
  const node *n = x->node;
  TRY(check_subgraphs(x, 1));
  TRY(check_heads(x, 0, x->n_outputs));
  TRY(check_out_data(x));
  if (foreach_count(n, 0) == 0) return infer_error(x, MXN_FORMAT, "in_data_locs is empty, expected data to loop over");
  if (x->n_outputs - op_int(n, "num_out_data") != foreach_count(n, 1))
    return infer_error(x, MXN_FORMAT, "in_state_locs has %u values, expected %lld", foreach_count(n, 1),
                       (long long)(x->n_outputs - op_int(n, "num_out_data")));
  return foreach_places(x, out);
}

/* Data of `size` rows, and the variable for one row of it. */
static mxn_status meet_data(inference *x, uint32_t i, mxn_type *inner) {
  TRY(infer_input_dtype(x, i, inner->dtype));
  mxn_type slice = type_unknown();
  slice.dtype = x->inputs[i]->dtype;
  if (x->inputs[i]->n_dims == 0) return infer_error(x, MXN_SHAPE, "input %u has no dimension to loop over", i);
  if (x->inputs[i]->n_dims > 0) {
    const int64_t size = x->inputs[0]->n_dims > 0 ? x->inputs[0]->dims[0] : -1;
    mxn_type data = *x->inputs[i];
    if (data.n_dims > 1) TRY(infer_stacked(x, inner, size, &data));
    if (data.n_dims == 1) data.dims[0] = size;
    TRY(infer_input(x, i, &data));
    slice = slice_type(x->inputs[i]);
  }
  return learn_inner(x, inner, &slice);
}

static mxn_status meet_foreach_input(inference *x, uint32_t input, mxn_type *inner) {
  return input < foreach_count(x->node, 0) ? meet_data(x, input, inner) : meet_input(x, input, inner);
}

mxn_status foreach_shape(inference *x) {
  const node *n = x->node;
  places p;
  TRY(foreach_check(x, &p));
  TRY(infer_with(x, 0, &p, meet_foreach_input));
  const uint32_t n_data = foreach_count(n, 0), n_out_data = (uint32_t)op_int(n, "num_out_data");
  const int64_t size = x->inputs[0]->n_dims > 0 ? x->inputs[0]->dims[0] : -1;
  for (uint32_t i = 0; i < n_out_data; i++) TRY(meet_stacked_output(x, i, head_type(n, 0, i), size));
  for (uint32_t i = n_out_data; i < x->n_outputs; i++) {
    TRY(meet_output(x, i, head_type(n, 0, i)));
    TRY(meet_state(x, n_data + i - n_out_data, i));
  }
  return MXN_OK;
}

static void foreach_start(body *b, states *s) {
  const node *n = b->f->node;
  const op_tuple rest = op_tuple_of(n, foreach_attributes[2]);
  const uint32_t n_data = foreach_count(n, 0);
  for (uint32_t i = 0; i < s->n; i++) s->current[i] = b->f->inputs[n_data + i];
  for (int32_t i = 0; i < rest.n; i++) body_set(b, (uint32_t)rest.v[i], &b->f->inputs[n_data + s->n + (uint32_t)i]);
}

static void foreach_set_row(body *b, const states *s, int64_t row) {
  const op_tuple data = op_tuple_of(b->f->node, foreach_attributes[0]);
  const op_tuple state = op_tuple_of(b->f->node, foreach_attributes[1]);
  for (int32_t i = 0; i < data.n; i++) {
    const mxn_type type = slice_type(&b->f->inputs[i].type);
    body_set(b, (uint32_t)data.v[i],
             &(mxn_tensor){type, (char *)b->f->inputs[i].data + (size_t)row * body_bytes(&type)});
  }
  for (uint32_t i = 0; i < s->n; i++) body_set(b, (uint32_t)state.v[i], &s->current[i]);
}

mxn_status foreach_forward(const forward *f) {
  const uint32_t n_out_data = (uint32_t)op_int(f->node, "num_out_data");
  const int64_t size = f->inputs[0].type.dims[0];
  body b;
  states s;
  body_init(f, 0, &b);
  states_init(f, n_out_data, &s);
  foreach_start(&b, &s);
  for (int64_t row = 0; row < size; row++) {
    foreach_set_row(&b, &s, row);
    TRY(body_run(&b));
    TRY(store_rows(&b, n_out_data, row, size));
    TRY(states_step(&s, &b));
  }
  return states_finish(&s);
}

/* _while_loop: subgraph 0 is the condition, subgraph 1 the body. */

enum { WHILE, DO };

uint32_t while_loop_inputs(const node *n) { return (uint32_t)op_int(n, "num_args") - 2; }

/* The input that starts loop variable i. */
static uint32_t while_loop_input(const node *n, uint32_t i) {
  return (uint32_t)op_tuple_of(n, "func_input_locs").v[op_tuple_of(n, "func_var_locs").v[i]];
}

static mxn_status while_loop_check(inference *x) {
  const node *n = x->node;
  TRY(check_subgraphs(x, 2));
  TRY(check_heads(x, 0, 1));
  TRY(check_heads(x, 1, x->n_outputs));
  TRY(check_out_data(x));
  TRY(check_locations(x, 0, "cond_input_locs"));
  TRY(check_locations(x, 1, "func_input_locs"));
  const op_tuple variables = op_tuple_of(n, "func_var_locs");
  const int64_t expected = x->n_outputs - op_int(n, "num_out_data");
  if (variables.n != expected)
    return infer_error(x, MXN_FORMAT, "func_var_locs has %d values, expected %lld", variables.n, (long long)expected);
  for (int32_t i = 0; i < variables.n; i++)
    if (variables.v[i] >= op_tuple_of(n, "func_input_locs").n)
      return infer_error(x, MXN_FORMAT, "func_var_locs has %lld, expected numbers below %d", (long long)variables.v[i],
                         op_tuple_of(n, "func_input_locs").n);
  return MXN_OK;
}

/* Loop variables whose shapes the body changes. */
static mxn_status check_states(inference *x, uint32_t s) {
  const uint32_t n_out_data = (uint32_t)op_int(x->node, "num_out_data");
  for (uint32_t i = n_out_data; i < x->n_outputs; i++) {
    mxn_type after = *head_type(x->node, s, i);
    if (!shape_merge(&after, x->inputs[while_loop_input(x->node, i - n_out_data)]))
      return infer_error(x, MXN_SHAPE, "loop variable %u changes its shape", i - n_out_data);
  }
  return MXN_OK;
}

static mxn_status while_loop_fixed(inference *x, uint32_t s) {
  const node *n = x->node;
  const uint32_t n_out_data = (uint32_t)op_int(n, "num_out_data");
  places p;
  read_places(n, "cond_input_locs", &p);
  TRY(infer_with(x, WHILE, &p, meet_input));
  read_places(n, "func_input_locs", &p);
  TRY(infer_with(x, s, &p, meet_input));
  TRY(check_states(x, s));
  for (uint32_t i = 0; i < n_out_data; i++)
    TRY(meet_stacked_output(x, i, head_type(n, s, i), op_int(n, "max_iterations")));
  for (uint32_t i = n_out_data; i < x->n_outputs; i++) {
    TRY(meet_output(x, i, head_type(n, s, i)));
    TRY(meet_state(x, while_loop_input(n, i - n_out_data), i));
  }
  return MXN_OK;
}

static mxn_status while_loop_dtypes(inference *x) {
  const node *n = x->node;
  const uint32_t n_out_data = (uint32_t)op_int(n, "num_out_data");
  places p;
  read_places(n, "cond_input_locs", &p);
  TRY(infer_with(x, WHILE, &p, meet_input_dtype));
  read_places(n, "func_input_locs", &p);
  TRY(infer_with(x, DO, &p, meet_input_dtype));
  for (uint32_t i = 0; i < x->n_outputs; i++) {
    TRY(meet_output_dtype(x, i, head_type(n, DO, i)));
    if (i < n_out_data) continue;
    const uint32_t input = while_loop_input(n, i - n_out_data);
    TRY(infer_output_dtype(x, i, x->inputs[input]->dtype));
    TRY(infer_input_dtype(x, input, x->outputs[i]->dtype));
  }
  return MXN_OK;
}

mxn_status while_loop_shape(inference *x) {
  graph *const *graphs = x->node->subgraphs;
  TRY(while_loop_check(x));
  bool is_open = has_open_shapes(graphs[DO]);
  if (!is_open) TRY(try_to_infer(x, while_loop_fixed, DO, &is_open));
  if (!is_open) return MXN_OK;
  if (x->sweep && !graphs[DO]->shapes_vary) {
    leave_shapes_open(graphs[WHILE]);
    leave_shapes_open(graphs[DO]);
  }
  return while_loop_dtypes(x);
}

static void while_loop_set(body *b, const char *locations, const states *s) {
  places p;
  read_places(b->f->node, locations, &p);
  body_set_inputs(b, &p);
  for (uint32_t i = 0; i < s->n; i++) {
    const uint32_t input = while_loop_input(b->f->node, i);
    for (uint32_t k = 0; k < p.n; k++)
      if (p.outer[k] == input) body_set(b, k, &s->current[i]);
  }
}

static void while_loop_start(const forward *f, states *s) {
  states_init(f, (uint32_t)op_int(f->node, "num_out_data"), s);
  for (uint32_t i = 0; i < s->n; i++) s->current[i] = f->inputs[while_loop_input(f->node, i)];
  for (uint32_t i = 0; i < s->first; i++) {
    const size_t bytes = body_bytes(&f->outputs[i].type);
    if (f->outputs[i].data && bytes) memset(f->outputs[i].data, 0, bytes);
  }
}

mxn_status while_loop_forward(const forward *f) {
  const int64_t max_iterations = op_int(f->node, "max_iterations");
  body condition, loop;
  states s;
  body_init(f, WHILE, &condition);
  body_init(f, DO, &loop);
  while_loop_start(f, &s);
  for (int64_t step = 0; step < max_iterations; step++) {
    bool is_true = false;
    while_loop_set(&condition, "cond_input_locs", &s);
    TRY(body_run(&condition));
    TRY(read_condition(&condition, &is_true));
    if (!is_true) break;
    while_loop_set(&loop, "func_input_locs", &s);
    TRY(body_run(&loop));
    TRY(store_rows(&loop, s.first, step, max_iterations));
    TRY(states_step(&s, &loop));
  }
  return states_finish(&s);
}

/* Graphs that run once. */

static mxn_status run_once(const forward *f, uint32_t s, const places *p, body *out) {
  body_init(f, s, out);
  body_set_inputs(out, p);
  return body_run(out);
}

static mxn_status run_to_outputs(const forward *f, uint32_t s, const places *p) {
  body b;
  states end;
  TRY(run_once(f, s, p, &b));
  states_init(f, 0, &end);
  for (uint32_t i = 0; i < end.n; i++) end.current[i] = *body_output(&b, i);
  return states_finish(&end);
}

/* _cond: subgraph 0 is the condition, 1 and 2 the branches. */

enum { THEN = 1, ELSE = 2 };
static const char *const cond_attributes[MAX_SUBGRAPHS] = {"cond_input_locs", "then_input_locs", "else_input_locs"};

uint32_t cond_inputs(const node *n) { return (uint32_t)op_int(n, "num_args") - 3; }

static mxn_status cond_infer_fixed(inference *x, uint32_t s) {
  places p;
  read_places(x->node, cond_attributes[s], &p);
  return infer_with(x, s, &p, meet_input);
}

static mxn_status cond_infer(inference *x, uint32_t s) {
  graph *g = x->node->subgraphs[s];
  bool is_open = g->shapes_vary;
  places p;
  TRY(check_heads(x, s, s ? x->n_outputs : 1));
  TRY(check_locations(x, s, cond_attributes[s]));
  if (!is_open) TRY(try_to_infer(x, cond_infer_fixed, s, &is_open));
  if (!is_open) return MXN_OK;
  if (x->sweep && !g->shapes_vary) leave_shapes_open(g);
  read_places(x->node, cond_attributes[s], &p);
  return infer_with(x, s, &p, meet_input_dtype);
}

/* Where both branches have the same shape the output has it. */
static bool branches_agree(const inference *x, uint32_t i) {
  mxn_type merged = *head_type(x->node, THEN, i);
  const mxn_type *other = head_type(x->node, ELSE, i);
  const bool are_known = shape_is_known(&merged) && shape_is_known(other);
  const bool are_open = has_open_shapes(x->node->subgraphs[THEN]) || has_open_shapes(x->node->subgraphs[ELSE]);
  return (are_known || (x->sweep && !are_open)) && shape_merge(&merged, other);
}

mxn_status cond_shape(inference *x) {
  TRY(check_subgraphs(x, MAX_SUBGRAPHS));
  for (uint32_t s = 0; s < MAX_SUBGRAPHS; s++) TRY(cond_infer(x, s));
  for (uint32_t i = 0; i < x->n_outputs; i++) {
    const bool is_same = branches_agree(x, i);
    for (uint32_t s = THEN; s <= ELSE; s++)
      TRY((is_same ? meet_output : meet_output_dtype)(x, i, head_type(x->node, s, i)));
  }
  return MXN_OK;
}

mxn_status cond_forward(const forward *f) {
  places p;
  body condition;
  bool is_true = false;
  read_places(f->node, cond_attributes[0], &p);
  TRY(run_once(f, 0, &p, &condition));
  TRY(read_condition(&condition, &is_true));
  const uint32_t branch = is_true ? THEN : ELSE;
  read_places(f->node, cond_attributes[branch], &p);
  return run_to_outputs(f, branch, &p);
}

/* _CachedOp: input k is variable k. */

uint32_t cached_op_inputs(const node *n) {
  return n->n_subgraphs ? control_count_variables(n->subgraphs[0]) : n->n_inputs;
}

uint32_t cached_op_outputs(const node *n) { return n->n_subgraphs ? (uint32_t)n->subgraphs[0]->n_outputs : 1; }

static void number_places(uint32_t n, places *out) {
  out->n = n;
  for (uint32_t k = 0; k < n; k++) out->outer[k] = (uint16_t)k;
}

mxn_status cached_op_shape(inference *x) {
  places p;
  TRY(check_subgraphs(x, 1));
  number_places(x->n_inputs, &p);
  TRY(infer_with(x, 0, &p, meet_input));
  for (uint32_t i = 0; i < x->n_outputs; i++) TRY(meet_output(x, i, head_type(x->node, 0, i)));
  return MXN_OK;
}

mxn_status cached_op_forward(const forward *f) {
  places p;
  number_places(f->node->n_inputs, &p);
  return run_to_outputs(f, 0, &p);
}

/* Fused operators. */

static mxn_status meet_shape(inference *x, uint32_t i, mxn_type *inner) {
  TRY(infer_input(x, i, inner));
  mxn_type type = *x->inputs[i];
  type.dtype = MXN_FLOAT32;
  return learn_inner(x, inner, &type);
}

mxn_status control_infer_fused(inference *x, uint32_t n_inputs, const bool *is_quantized) {
  TRY(check_subgraphs(x, 1));
  TRY(check_heads(x, 0, 1));
  const graph *g = x->node->subgraphs[0];
  if (control_count_variables(g) != n_inputs || n_inputs > x->n_inputs)
    return infer_error(x, MXN_FORMAT, "the subgraph has %u variables, expected %u", control_count_variables(g),
                       n_inputs);
  uint32_t k = 0;
  for (size_t i = 0; i < g->n_nodes; i++) {
    if (!node_is_variable(g->nodes[i])) continue;
    mxn_type *inner = &g->nodes[i]->outputs[0];
    TRY(is_quantized && is_quantized[k] ? meet_shape(x, k, inner) : meet_input(x, k, inner));
    k++;
  }
  TRY(infer_subgraph(x, 0));
  mxn_type *head = head_type(x->node, 0, 0);
  return is_quantized ? infer_output(x, 0, head) : meet_output(x, 0, head);
}
