/* ops.h - the operators of MXNet: attributes, shape and type inference, and the
 * reference forward.
 *
 * ops.def declares each operator once. Attributes are parsed by ops_bind(), so
 * that the rest of the code reads typed values by name:
 *
 *     int64_t group = op_int(n, "num_group");
 *
 * Reading a name that the operator does not declare is a bug (assert). Default
 * values and ranges are MXNet 1.9.1's (the dmlc::Parameter structs in
 * src/operator).
 *
 * Reference forwards compute float kinds in double and integers in int64 and
 * round to the node's type: they are the oracle of everything compiled.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_OPS_OPS_H
#define MXN_OPS_OPS_H

#include <stdbool.h>
#include <stdint.h>

#include "graph/graph.h"
#include "mxneuron/status.h"

/* A tuple attribute such as kernel; n is -1 where it is None. Up to MXN_MAX_DIMS
 * elements may be read, of which those from n on are 0. Only an attribute that is
 * no tuple of dimensions (kind OP_INTEGERS) has more. */
typedef struct op_tuple {
  int32_t n;
  const int64_t *v;
} op_tuple;

/* An axis, perhaps counted from the end, that is known to be one of n_dims. */
static inline int32_t axis_from_front(int64_t axis, int32_t n_dims) {
  return (int32_t)(axis < 0 ? axis + n_dims : axis);
}

/* A tuple of numbers such as the sizes of MultiBoxPrior; n is -1 where it is None. */
typedef struct op_numbers {
  int32_t n;
  const double *v;
} op_numbers;

/* Element i, or `otherwise` where the tuple has none. */
static inline int64_t op_tuple_at(const op_tuple t, int32_t i, int64_t otherwise) {
  return i < t.n ? t.v[i] : otherwise;
}

/* Resolve every node's definition (aliases included: _Plus is elemwise_add)
 * and parse its attributes, also in subgraphs. Operators that nobody knows keep
 * def == NULL; node->n_outputs is set from the definition where it depends on
 * attributes, and auxiliary states are marked. A bad attribute is an error that
 * names file, node, operator, attribute, expected and got. Attributes that are
 * not the operator's (user keys, __shape__) are ignored. */
MXN_MUST_CHECK mxn_status ops_bind(graph *g, mxn_error *err);

/* Infer element types and shapes of all values, forward and backward to a
 * fixpoint, from what the variables know (their output type). Types that stay
 * unknown are no error here; a contradiction is. */
MXN_MUST_CHECK mxn_status ops_infer(graph *g, mxn_error *err);

/* The same without the default: in ops_infer() a variable of whose element type
 * nobody says anything is float32, as MXNet binds it. */
MXN_MUST_CHECK mxn_status ops_infer_known(graph *g, mxn_error *err);

/* The canonical name: "elemwise_add" for a node written as "_Plus". */
const char *op_name(const node *n);
bool op_is(const node *n, const char *canonical_name);

int64_t op_int(const node *n, const char *attribute);
double op_float(const node *n, const char *attribute);
bool op_bool(const node *n, const char *attribute);
const char *op_text(const node *n, const char *attribute); /* any, or one of an enumeration's texts */
op_tuple op_tuple_of(const node *n, const char *attribute);
op_numbers op_numbers_of(const node *n, const char *attribute);
mxn_dtype op_dtype(const node *n, const char *attribute);

/* Whether an attribute that may be None is. What op_text() gives is NULL then,
 * what op_dtype() gives MXN_DTYPE_UNKNOWN; op_int() and op_float() give 0. */
bool op_is_none(const node *n, const char *attribute);

/* Whether the operator has an attribute of that name. */
bool op_declares(const node *n, const char *attribute);

/* Facts about an operator, for partition and passes. */
uint32_t op_first_label(const node *n); /* index of the first label input; n_inputs where it has none */
bool op_input_is_auxiliary(const node *n, uint32_t input);

/* "output", "output0", "mean": what MXNet appends to the node's name for an
 * output ("conv1" + "_" + "output"), and the whole name in the graph's arena. */
const char *op_output_suffix(const node *n, uint32_t output);
const char *value_name(graph *g, value v); /* a variable's value has its name */

/* The axis that softmax, log_softmax, softmin, SoftmaxActivation or SoftmaxOutput
 * normalises, counted from 0; -1 where it takes all axes but the first together.
 * Types must be inferred. */
int32_t op_softmax_axis(const node *n);

/* What an operator takes out of its input, and in which order: output dimension d
 * runs along input dimension axis[d]; of input dimension a it takes begin[a],
 * begin[a] + step[a] ... One that no output dimension runs along stays at begin[a]. */
typedef struct op_selection {
  int32_t axis[MXN_MAX_DIMS];
  int64_t begin[MXN_MAX_DIMS], step[MXN_MAX_DIMS];
} op_selection;

/* True and *out filled for transpose, SwapAxis, slice, slice_axis and SliceChannel
 * (its output number `output`). Types must be inferred. */
bool op_selection_of(const node *n, uint32_t output, op_selection *out);

/* True and is_reduced filled for sum, mean, prod, max, min and their kin: which axes
 * of the input they reduce. Types must be inferred. */
bool op_reduced_axes(const node *n, bool is_reduced[MXN_MAX_DIMS]);

/* Operands of an elementwise operator, all of its output's rank: whether each has all
 * dimensions between channels and the last one, or 1 there. */
bool op_broadcasts_rows_as_one(const node *n);

/* Which dimensions of the same join the one before them, from 2 on: those that each
 * operand has with it, or broadcasts with it. */
typedef struct op_joined {
  bool joins[MXN_MAX_DIMS];
  int32_t n_dims; /* of what is left */
} op_joined;
op_joined op_joined_axes(const node *n);

/* The type of an operand, or of the output, with its dimensions joined. */
mxn_type op_joined_type(const op_joined *j, const mxn_type *t);

/* Whether every output carries the batch in dimension 0, sample i depending on
 * sample i of the inputs alone, given which inputs carry it. Inputs that do not
 * carry it are constants or variables of a fixed shape. */
bool op_carries_batch(const node *n, const bool *input_carries);

/* True where that is proven from all inputs (variables without a constant) to
 * all outputs of the graph. `out_first` (may be NULL): the first node that
 * breaks it. Types must be inferred. */
bool ops_prove_batch(const graph *g, const node **out_first);

/* Whether shapes of its outputs are known only when it has run. */
bool op_has_data_shape(const node *n);

/* Where memory comes from for outputs whose shapes are not known before a run.
 * NULL from allocate() is out of memory. */
typedef struct op_memory {
  void *(*allocate)(void *context, size_t bytes);
  void *context;
} op_memory;

/* Run the node on its inputs. `inputs` have the node's inferred input types (or
 * any that inference accepts); `outputs` have types and memory set by the
 * caller. MXN_UNSUPPORTED where the operator has no reference forward. Threads:
 * any, on different outputs. */
MXN_MUST_CHECK mxn_status op_forward(const node *n, const mxn_tensor *inputs, mxn_tensor *outputs, mxn_error *err);

/* As op_forward() for outputs without memory, whose types may be unknown: types are
 * inferred from those of the inputs, memory comes from `memory` (NULL: op_forward). */
MXN_MUST_CHECK mxn_status op_forward_allocating(const node *n, const mxn_tensor *inputs, mxn_tensor *outputs,
                                                const op_memory *memory, mxn_error *err);

#endif
