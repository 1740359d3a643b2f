/* neuron_cc_compile.h - from a graph to a neuronbin, inside neuron-cc.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_CLI_NEURON_CC_COMPILE_H
#define MXN_CLI_NEURON_CC_COMPILE_H

#include "cli/neuron_cc_options.h"
#include "mxneuron/status.h"

/* --io-config, where it is the JSON text itself and no file. */
MXN_MUST_CHECK mxn_status check_io_config_text(const char *text_or_path, mxn_error *err);

/* One subgraph as text, with its arrays. */
MXN_MUST_CHECK mxn_status compile_subgraph(const neuron_cc_options *o, mxn_error *err);

/* A whole model; `params_path` NULL: no arrays. Prints to stderr every operator that
 * cannot be compiled with its reason; then the status is MXN_UNSUPPORTED. */
MXN_MUST_CHECK mxn_status compile_model_files(const neuron_cc_options *o, const char *symbol_path,
                                              const char *params_path, mxn_error *err);

#endif
