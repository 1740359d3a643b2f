/* verify.h - the invariants of graph.h, checked after every pass.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_GRAPH_VERIFY_H
#define MXN_GRAPH_VERIFY_H

#include "graph/graph.h"
#include "mxneuron/status.h"

/* MXN_INTERNAL and a message that names pass and node where an invariant is
 * broken: order, ids, references, output counts, fused operands. */
MXN_MUST_CHECK mxn_status graph_verify(const graph *g, const char *pass, mxn_error *err);

#endif
