/* subgraph_infer.c - what follows from what a subgraph was compiled for.
 *
 * The node's attributes give all types of its data inputs and outputs. Where they
 * leave dimension 0 open it is the batch, one for all of them, which any input or
 * output may tell; everything else is as compiled.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <string.h>

#include "ops/control.h"
#include "ops/subgraph.h"

uint32_t subgraph_op_inputs(const node *n) { return n->n_inputs; }

uint32_t subgraph_op_outputs(const node *n) {
  const uint32_t n_listed = subgraph_n_listed_outputs(n);
  return n_listed ? n_listed : n->n_outputs;
}

/* One side of the node: its data inputs, or its outputs. */
typedef struct side {
  mxn_type *const *types;
  uint32_t n;
  bool is_output;
  text_list_types compiled;
} side;

static side data_inputs(const inference *x) {
  return (side){x->inputs, subgraph_n_data(x->node), false, subgraph_input_types(x->node)};
}

static side all_outputs(const inference *x) {
  return (side){x->outputs, x->n_outputs, true, subgraph_output_types(x->node)};
}

/* The batch. */

static bool carries_batch(const mxn_type *compiled) { return compiled->n_dims > 0 && compiled->dims[0] < 0; }

static int64_t batch_of(side s) {
  for (uint32_t i = 0; i < s.n; i++) {
    const mxn_type compiled = text_list_next_type(&s.compiled);
    if (carries_batch(&compiled) && s.types[i]->n_dims > 0 && s.types[i]->dims[0] >= 0) return s.types[i]->dims[0];
  }
  return -1;
}

static int64_t find_batch(const inference *x) {
  const int64_t batch = batch_of(data_inputs(x));
  return batch >= 0 ? batch : batch_of(all_outputs(x));
}

/* Errors. */

/* Weights are packed into the program, so that inside they are variables too. */
static void set_inner_types(const inference *x, graph *inner) {
  static const mxn_tensor weight;
  text_list_types types = subgraph_input_types(x->node);
  for (size_t i = 0; i < inner->n_nodes; i++)
    if (node_is_variable(inner->nodes[i])) inner->nodes[i]->constant = &weight;
  for (uint32_t k = 0; k < subgraph_n_data(x->node); k++) {
    const mxn_type type = text_list_next_type(&types);
    const char *name = subgraph_input_name(inner->arena, x->node, k);
    for (size_t i = 0; i < inner->n_nodes && name; i++) {
      node *n = inner->nodes[i];
      if (!node_is_variable(n) || strcmp(n->name, name) != 0) continue;
      n->constant = NULL;
      n->outputs[0] = type;
    }
  }
}

/* Which operator of the subgraph mixes the samples, or NULL. */
static const node *find_mixer(const inference *x) {
  const node *first = NULL;
  mxn_error ignored = {0};
  if (!x->sweep || x->node->n_subgraphs == 0) return NULL;
  graph *inner = x->node->subgraphs[0];
  set_inner_types(x, inner);
  if (ops_infer(inner, &ignored) != MXN_OK || ops_prove_batch(inner, &first)) return NULL;
  return first;
}

static bool differ_in_batch(const mxn_type *a, const mxn_type *b) {
  mxn_type same = *a;
  if (a->n_dims < 1 || b->n_dims < 1 || a->dims[0] == b->dims[0]) return false;
  same.dims[0] = b->dims[0];
  return shape_merge(&same, b);
}

static const char *value_text(const inference *x, const side *s, uint32_t i) {
  arena *a = x->graph->arena;
  if (s->is_output) return arena_printf(a, "output '%s'", subgraph_output_name(a, x->node, i));
  const char *name = subgraph_input_name(a, x->node, i);
  return name ? arena_printf(a, "input '%s'", name) : arena_printf(a, "input %u", i);
}

static mxn_status refuse(inference *x, const side *s, uint32_t i, const mxn_type *compiled, const char *why) {
  char expected[SHAPE_TEXT_BYTES], got[SHAPE_TEXT_BYTES];
  const mxn_type *type = s->types[i];
  return infer_error(x, MXN_SHAPE, "compiled for %s of %s %s, got %s %s%s", value_text(x, s, i),
                     mxn_dtype_name(compiled->dtype), shape_text(compiled, expected), mxn_dtype_name(type->dtype),
                     shape_text(type, got), why);
}

static mxn_status refuse_shape(inference *x, const side *s, uint32_t i, const mxn_type *compiled, int64_t batch) {
  arena *a = x->graph->arena;
  if (!differ_in_batch(compiled, s->types[i])) return refuse(x, s, i, compiled, "");
  if (carries_batch(compiled))
    return refuse(x, s, i, compiled, arena_printf(a, ", and another value has a batch of %" PRId64, batch));
  const node *mixer = find_mixer(x);
  if (!mixer) return refuse(x, s, i, compiled, ", and another batch size is not proven to give the same results");
  return refuse(x, s, i, compiled,
                arena_printf(a, ", and node '%s' (%s) is not proven to keep samples apart", mixer->name, mixer->op));
}

/* Shapes. */

static bool fits(const mxn_type *type, const mxn_type *shape) {
  mxn_type merged = *type;
  return shape_merge(&merged, shape);
}

static mxn_status infer_shapes(inference *x, side s, int64_t batch) {
  for (uint32_t i = 0; i < s.n; i++) {
    const mxn_type compiled = text_list_next_type(&s.compiled);
    mxn_type shape = compiled;
    if (carries_batch(&compiled)) shape.dims[0] = batch;
    if (!fits(s.types[i], &shape)) return refuse_shape(x, &s, i, &compiled, batch);
    TRY((s.is_output ? infer_output : infer_input)(x, i, &shape));
  }
  return MXN_OK;
}

mxn_status subgraph_op_shape(inference *x) {
  const int64_t batch = find_batch(x);
  TRY(infer_shapes(x, data_inputs(x), batch));
  return infer_shapes(x, all_outputs(x), batch);
}

/* Element types. */

static mxn_status infer_dtypes(inference *x, side s) {
  for (uint32_t i = 0; i < s.n; i++) {
    const mxn_type compiled = text_list_next_type(&s.compiled);
    const mxn_dtype dtype = s.types[i]->dtype;
    const bool is_other = dtype != compiled.dtype && dtype != MXN_DTYPE_UNKNOWN && compiled.dtype != MXN_DTYPE_UNKNOWN;
    if (is_other) return refuse(x, &s, i, &compiled, "");
    TRY((s.is_output ? infer_output_dtype : infer_input_dtype)(x, i, compiled.dtype));
  }
  return MXN_OK;
}

mxn_status subgraph_op_dtype(inference *x) {
  TRY(infer_dtypes(x, data_inputs(x)));
  return infer_dtypes(x, all_outputs(x));
}
