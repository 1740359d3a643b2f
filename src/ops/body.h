/* body.h - the subgraph of a control flow operator, run node by node.
 *
 * Types of its values are found while it runs, as far as inference left them open,
 * so that no two turns of a loop need have the same shapes. Values live until the
 * next turn; what a turn hands to the next one is kept in a struct states.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_OPS_BODY_H
#define MXN_OPS_BODY_H

#include "ops/operator.h"

typedef struct body {
  const forward *f;
  uint32_t index; /* of the node's subgraphs */
  const graph *graph;
  mxn_tensor **tensors;      /* by node id */
  node **variables;          /* in the order of the subgraph's nodes */
  mxn_tensor *inputs;        /* room for those of any node */
  struct block_list *blocks; /* memory of values */
} body;

/* Memory of the body belongs to f->scratch, also that which a run asks for. */
void body_init(const forward *f, uint32_t s, body *b);
void body_set(body *b, uint32_t variable, const mxn_tensor *t);
MXN_MUST_CHECK mxn_status body_run(body *b);
const mxn_tensor *body_output(const body *b, uint32_t i);

/* The last n outputs of a loop, from its inputs over each turn's results to the end. */
typedef struct states {
  const forward *f;
  uint32_t first, n;         /* of the node's outputs, of the body's heads as well */
  mxn_tensor *current;       /* [n] */
  mxn_tensor *next;          /* [n]: used by states_step() */
  struct block_list *blocks; /* memory of what is current */
} states;

void states_init(const forward *f, uint32_t first, states *s);
MXN_MUST_CHECK mxn_status states_step(states *s, const body *b); /* a body may hand one state on as another */
MXN_MUST_CHECK mxn_status states_finish(const states *s);        /* into the node's outputs */

/* Give output i of the node a type, where inference left it open, and memory; an
 * error where it has another shape already. */
MXN_MUST_CHECK mxn_status body_give_output(const forward *f, uint32_t i, const mxn_type *type);

size_t body_bytes(const mxn_type *t); /* 0 where it is not known */

#endif
