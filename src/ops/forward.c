/* forward.c - running one node: types are checked, then the family computes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "ops/family.h"
#include "ops/number.h"

/* Without numpy's semantics MXNet takes a size of 0 for unknown. */
static mxn_status check_sizes(const node *n, const mxn_type *t, const char *what, uint32_t i, mxn_error *err) {
  char text[SHAPE_TEXT_BYTES];
  if (n->np_shape || count_elements(t) > 0) return MXN_OK;
  return op_error(NULL, n, err, MXN_SHAPE, "%s %u has shape %s, expected sizes of at least 1 without numpy's semantics",
                  what, i, shape_text(t, text));
}

static mxn_status check_data(const node *n, const mxn_tensor *t, const char *what, uint32_t i, mxn_error *err) {
  size_t bytes;
  char text[SHAPE_TEXT_BYTES];
  if (!type_bytes(&t->type, &bytes))
    return op_error(NULL, n, err, MXN_SHAPE, "the type of %s %u is not known or has too many elements: %s", what, i,
                    shape_text(&t->type, text));
  TRY(check_sizes(n, &t->type, what, i, err));
  if (bytes > 0 && !t->data) return op_error(NULL, n, err, MXN_ARGUMENT, "%s %u has no data", what, i);
  return MXN_OK;
}

/* Types of a node's tensors as inference sees them. Labels are whatever they are. */
static inference infer_tensors(arena *a, const node *n, const mxn_tensor *inputs, const mxn_tensor *outputs,
                               mxn_error *err) {
  const uint32_t n_inputs = op_own_inputs(n);
  mxn_type *types = arena_array(a, (size_t)n_inputs + n->n_outputs, sizeof *types);
  mxn_type **pointers = arena_array(a, (size_t)n_inputs + n->n_outputs, sizeof *pointers);
  inference x = {.node = n, .err = err, .n_inputs = n_inputs, .n_outputs = n->n_outputs};
  x.inputs = pointers;
  x.outputs = pointers + n_inputs;
  for (uint32_t i = 0; i < n_inputs; i++) {
    types[i] = i < op_first_label(n) ? inputs[i].type : type_unknown();
    x.inputs[i] = &types[i];
  }
  for (uint32_t i = 0; i < n->n_outputs; i++) {
    types[n_inputs + i] = outputs[i].type;
    x.outputs[i] = &types[n_inputs + i];
  }
  return x;
}

static mxn_status check_inputs(const node *n, const mxn_tensor *inputs, mxn_error *err) {
  for (uint32_t i = 0; i < op_own_inputs(n) && i < op_first_label(n); i++)
    TRY(check_data(n, &inputs[i], "input", i, err));
  return MXN_OK;
}

static mxn_status check_outputs(const node *n, const mxn_tensor *outputs, mxn_error *err) {
  for (uint32_t i = 0; i < n->n_outputs; i++) TRY(check_data(n, &outputs[i], "output", i, err));
  return MXN_OK;
}

/* Memory. */

static mxn_status give_memory(const node *n, const op_memory *memory, uint32_t i, mxn_tensor *t, mxn_error *err) {
  size_t bytes;
  if (!type_bytes(&t->type, &bytes))
    return op_error(NULL, n, err, MXN_SHAPE, "the type of output %u cannot be inferred", i);
  t->data = memory->allocate(memory->context, bytes);
  return t->data ? MXN_OK : op_error(NULL, n, err, MXN_NOMEM, "no memory for output %u", i);
}

mxn_status forward_allocate(const forward *f, uint32_t i, const mxn_type *type) {
  mxn_tensor *t = &f->outputs[i];
  if (!f->memory) return op_error(NULL, f->node, f->err, MXN_INTERNAL, "output %u has nowhere to get memory", i);
  const mxn_dtype dtype = t->type.dtype;
  t->type = *type;
  t->type.dtype = dtype;
  return give_memory(f->node, f->memory, i, t, f->err);
}

/* What inference found, and memory for what is known. */
static mxn_status prepare_outputs(const inference *x, mxn_tensor *outputs, const op_memory *memory) {
  for (uint32_t i = 0; i < x->n_outputs; i++) {
    outputs[i] = (mxn_tensor){.type = *x->outputs[i]};
    if (x->node->def->has_data_shape && !shape_is_known(x->outputs[i])) continue;
    TRY(give_memory(x->node, memory, i, &outputs[i], x->err));
  }
  return MXN_OK;
}

double *input_doubles(const forward *f, uint32_t input, int64_t *out_n) {
  int64_t n = 0;
  (void)!shape_elements(&f->inputs[input].type, &n);
  double *x = arena_array(f->scratch, (size_t)n, sizeof *x);
  load_doubles(&f->inputs[input], 0, n, x);
  if (out_n) *out_n = n;
  return x;
}

void store_output(const forward *f, uint32_t output, const double *x) {
  int64_t n = 0;
  (void)!shape_elements(&f->outputs[output].type, &n);
  store_doubles(&f->outputs[output], 0, n, x);
}

/* Whether there is nothing to compute: an empty array may have dimensions of 2^40 all the same. */
static bool is_empty(const inference *x) {
  for (uint32_t i = 0; i < x->n_outputs; i++)
    if (!shape_is_known(x->outputs[i]) || count_elements(x->outputs[i]) > 0) return false;
  return true;
}

/* `memory` NULL: the outputs have theirs. */
static mxn_status run_node(const node *n, const mxn_tensor *inputs, mxn_tensor *outputs, const op_memory *memory,
                           arena *scratch, mxn_error *err) {
  TRY(check_inputs(n, inputs, err));
  if (!memory) TRY(check_outputs(n, outputs, err));
  inference x = infer_tensors(scratch, n, inputs, outputs, err);
  TRY(infer_node(&x));
  if (memory) TRY(prepare_outputs(&x, outputs, memory));
  if (is_empty(&x)) return memory ? check_outputs(n, outputs, err) : MXN_OK;
  const forward f = {.node = n, .inputs = inputs, .outputs = outputs, .scratch = scratch, .err = err, .memory = memory};
  TRY(n->def->forward(&f));
  return memory ? check_outputs(n, outputs, err) : MXN_OK;
}

mxn_status op_forward_allocating(const node *n, const mxn_tensor *inputs, mxn_tensor *outputs, const op_memory *memory,
                                 mxn_error *err) {
  if (!n->def) return op_error(NULL, n, err, MXN_UNSUPPORTED, "nobody knows the operator");
  if (!n->def->forward) return op_error(NULL, n, err, MXN_UNSUPPORTED, "it has no reference forward");
  arena scratch;
  arena_init(&scratch);
  if (setjmp(scratch.recovery)) {
    arena_finish(&scratch);
    return op_error(NULL, n, err, MXN_NOMEM, "not enough memory to run it");
  }
  const mxn_status status = run_node(n, inputs, outputs, memory, &scratch, err);
  arena_finish(&scratch);
  return status;
}

mxn_status op_forward(const node *n, const mxn_tensor *inputs, mxn_tensor *outputs, mxn_error *err) {
  return op_forward_allocating(n, inputs, outputs, NULL, err);
}
