/* upgrade.h - symbols of old MXNet versions become what MXNet 1.9.1 means.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_MXNET_UPGRADE_H
#define MXN_MXNET_UPGRADE_H

#include "graph/graph.h"
#include "mxneuron/status.h"

/* Apply what MXNet itself applies when it loads a symbol of the version that the
 * graph's attribute mxnet_version names (without one: 0.8.0):
 *   before 1.9.1  bare keys of training become hidden: "lr_mult" "__lr_mult__",
 *                 "weight_lr_mult" that of the input NODE_weight
 *   before 0.9.0  inputs that files leave out (auxiliary states above all)
 *                 become variables called NODE_INPUT
 *   before 0.9.5  argmax and argmin with axis -1 have no axis
 *   always        operators that no output needs are dropped
 * Runs right after symbol_parse(); afterwards the version is 1.9.1. MXN_FORMAT
 * where mxnet_version is no number. */
MXN_MUST_CHECK mxn_status symbol_upgrade(graph *g, mxn_error *err);

#endif
