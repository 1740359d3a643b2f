/* emit.h - a lowered subgraph to a neuronbin file.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_CODEGEN_EMIT_H
#define MXN_CODEGEN_EMIT_H

#include "codegen/target.h"
#include "lower/step.h"
#include "neuronbin/writer.h"

/* Generate code for each target and write the neuronbin to `path`. `interface`
 * comes with inputs, outputs and n_operators filled; the rest is taken from the
 * steps. Identical kernels are compiled once. */
MXN_MUST_CHECK mxn_status emit_neuronbin(compile *c, const step_list *steps, const target *const *targets,
                                         size_t n_targets, plan interface, const char *path, mxn_error *err);

#endif
