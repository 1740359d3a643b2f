/* neuron_cc_options.h - the commands and options of neuron-cc, as options.h has
 * mxneuron's: parsing, help, man page and completion are made of them.
 *
 * Names and meanings are those of MXNet-Neuron's compiler. Flags that mean nothing
 * on a CPU are accepted, so that scripts go on.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_CLI_NEURON_CC_OPTIONS_H
#define MXN_CLI_NEURON_CC_OPTIONS_H

#include "cli/options.h"

/* Values point into argv. */
typedef struct neuron_cc_options {
  const char *framework, *io_config, *output, *verbose;
  const char *targets, *dump, *dump_path;
  const char *graph, *weights; /* of one subgraph */
  int64_t cores;
  text_list ignored; /* names of options without an effect */
} neuron_cc_options;

extern const command neuron_cc_compile_command, neuron_cc_list_command;

/* What libmxneuron starts: one subgraph in, one neuronbin out. */
extern const command neuron_cc_subgraph_command;

/* All three; NULL behind the last. */
extern const command *const neuron_cc_commands[];

/* The help text of an option, by its name. */
const char *neuron_cc_option_help(const char *name);

#endif
