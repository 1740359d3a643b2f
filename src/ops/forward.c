/* forward.c - running one node: types are checked, then the family computes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "ops/family.h"
#include "ops/number.h"

static mxn_status check_data(const node *n, const mxn_tensor *t, const char *what, uint32_t i, mxn_error *err) {
  size_t bytes;
  if (!type_bytes(&t->type, &bytes))
    return op_error(NULL, n, err, MXN_SHAPE, "the type of %s %u is not known", what, i);
  if (bytes > 0 && !t->data) return op_error(NULL, n, err, MXN_ARGUMENT, "%s %u has no data", what, i);
  return MXN_OK;
}

/* Types as inference sees them: it may not find anything to change. */
static mxn_status check_types(arena *a, const node *n, const mxn_tensor *inputs, const mxn_tensor *outputs,
                              mxn_error *err) {
  const uint32_t n_inputs = op_own_inputs(n);
  mxn_type *types = arena_array(a, (size_t)n_inputs + n->n_outputs, sizeof *types);
  mxn_type **pointers = arena_array(a, (size_t)n_inputs + n->n_outputs, sizeof *pointers);
  inference x = {.node = n, .err = err, .n_inputs = n_inputs, .n_outputs = n->n_outputs};
  x.inputs = pointers;
  x.outputs = pointers + n_inputs;
  for (uint32_t i = 0; i < n_inputs; i++) {
    if (i < op_first_label(n)) TRY(check_data(n, &inputs[i], "input", i, err));
    types[i] = i < op_first_label(n) ? inputs[i].type : type_unknown();
    x.inputs[i] = &types[i];
  }
  for (uint32_t i = 0; i < n->n_outputs; i++) {
    TRY(check_data(n, &outputs[i], "output", i, err));
    types[n_inputs + i] = outputs[i].type;
    x.outputs[i] = &types[n_inputs + i];
  }
  return infer_node(&x);
}

mxn_status check_floats(const forward *f) {
  const mxn_dtype dtype = f->outputs[0].type.dtype;
  if (dtype_is_float(dtype)) return MXN_OK;
  return op_error(NULL, f->node, f->err, MXN_UNSUPPORTED, "it computes floats, not %s", mxn_dtype_name(dtype));
}

mxn_status op_forward(const node *n, const mxn_tensor *inputs, mxn_tensor *outputs, mxn_error *err) {
  if (!n->def) return op_error(NULL, n, err, MXN_UNSUPPORTED, "nobody knows the operator");
  if (!n->def->forward) return op_error(NULL, n, err, MXN_UNSUPPORTED, "it has no reference forward");
  arena scratch;
  arena_init(&scratch);
  if (setjmp(scratch.recovery)) {
    arena_finish(&scratch);
    return op_error(NULL, n, err, MXN_NOMEM, "not enough memory to run it");
  }
  mxn_status status = check_types(&scratch, n, inputs, outputs, err);
  const forward f = {.node = n, .inputs = inputs, .outputs = outputs, .scratch = &scratch, .err = err};
  if (status == MXN_OK) status = n->def->forward(&f);
  arena_finish(&scratch);
  return status;
}
