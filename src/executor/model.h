/* model.h - a model behind include/mxneuron/model.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_EXECUTOR_MODEL_H
#define MXN_EXECUTOR_MODEL_H

#include "graph/graph.h"
#include "mxnet/checkpoint.h"
#include "mxneuron/model.h"

/* Everything is in the arena, which nobody uses once the model is made: threads
 * that share it only read. */
struct mxn_model {
  arena arena;
  graph *graph; /* bound, arrays attached */
  parameter_list parameters;

  /* Set by model_describe(). */
  node **inputs; /* variables that a run needs */
  mxn_type *input_types;
  size_t n_inputs;
  const char **output_names; /* [graph->n_outputs] */
  node **variables;          /* that the outputs reach */
  size_t n_variables;
  const char **array_names; /* [parameters.n_items], with "arg:" or "aux:" */
  node **subgraphs;
  mxn_model_statistics statistics;

  mxn_left_out *left_out;
  size_t n_left_out;
};

/* Fill what the graph determines. */
void model_describe(mxn_model *m);

/* True where a run does not read that input of an operator: a label. */
bool input_is_ignored(const node *n, uint32_t input);

/* By node id: whether a run for these values needs the node. */
bool *nodes_needed(arena *a, const graph *g, const value *values, size_t n_values);

/* What a value is called, compiled or not; in g's arena. */
const char *model_value_name(graph *g, value v);

/* Find values of the graph by name; outputs of the model first, then inner ones.
 * MXN_ARGUMENT with near names. */
MXN_MUST_CHECK mxn_status find_values(graph *g, const char *const *names, size_t n_names, value **out_values,
                                      mxn_error *err);

/* Copy a public struct of options, of `bytes` bytes in the caller's eyes, into the
 * zeroed one that this library knows. ARGUMENT where `bytes` is not set,
 * UNSUPPORTED where an option is that only a newer library has. `type` is its name. */
MXN_MUST_CHECK mxn_status options_read(const char *type, const void *options, size_t bytes, void *out_options,
                                       size_t known_bytes, mxn_error *err);

/* A fixed vector of names for a message: "'a', 'b' and 3 more". */
typedef struct name_list {
  char text[256];
  size_t used, n_names, n_shown;
} name_list;
void name_list_add(name_list *list, const char *name, const char *op); /* op may be NULL */
const char *name_list_text(name_list *list);

#endif
