/* neuron_cc_options.c - see neuron_cc_options.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/neuron_cc_options.h"

#include <string.h>

#define CASTS "fp32-cast-all|fp32-cast-all-fp16|fp32-cast-matmult|fp32-cast-matmult-bf16|fp32-cast-matmult-fp16"

/* As OPTION_LIST. */
/* clang-format off */
#define NEURON_CC_OPTION_LIST(X)                                                                                     \
  X(FRAMEWORK, "--framework", 0, "NAME", TEXT, framework, "framework of the model: MXNET (default)")                  \
  X(IO_CONFIG, "--io-config", 0, "JSON|FILE", TEXT, io_config, "inputs and outputs as JSON, or a file with it: {\"inputs\": {NAME: [SHAPE, TYPE]}, \"outputs\": [NAME]}; default: what the symbol says") \
  X(CORES, "--neuroncore-pipeline-cores", 0, "N", NUMBER, cores, "NeuronCores of the pipeline that the program must fit in, 1 to 64 (default 1): recorded in the program; one stage is made, whose steps run on all cores") \
  X(OLD_CORES, "--num-neuroncores", 0, "N", NUMBER, cores, "older name of --neuroncore-pipeline-cores")               \
  X(OUTPUT, "--output", 'o', "FILE", TEXT, output, "the neuronbin to write (default out.neff)")                       \
  X(TARGETS, "--targets", 0, "T", TEXT, targets, "x86-64-v3 (AVX2), x86-64-v4 (AVX-512) or both with a comma (default)") \
  X(DUMP, "--dump", 0, "PASS", TEXT, dump, "append the graph after PASS, or after all, to the file of --dump-path")   \
  X(DUMP_PATH, "--dump-path", 0, "FILE", TEXT, dump_path, "file for --dump")                                          \
  X(GRAPH, "--graph", 0, "FILE", TEXT, graph, "the subgraph, as text")                                                \
  X(WEIGHTS, "--weights", 0, "FILE", TEXT, weights, "its arrays")                                                     \
  X(VERBOSE, "--verbose", 0, "LEVEL", TEXT, verbose, "INFO, WARN, ...: without INFO nothing is said about options that have no effect (default INFO)") \
  X(FP32_CAST, "--fp32-cast", 0, "all|matmult|matmult-fp16|matmult-bf16|all-fp16", WORDS, ignored, "no effect: float32 stays float32") \
  X(FAST_MATH, "--fast-math", 0, "all|none|fast-relayout|no-fast-relayout|" CASTS, WORDS, ignored, "no effect: float32 stays float32") \
  X(SATURATE, "--enable-saturate-infinity", 0, NULL, IGNORED, ignored, "no effect: infinities stay as in MXNet")      \
  X(FAST_LOADING, "--enable-fast-loading-neuron-binaries", 0, NULL, IGNORED, ignored, "no effect: programs are never packed") \
  X(FAST_SWITCH, "--enable-fast-context-switch", 0, NULL, IGNORED, ignored, "no effect: weights are mapped when they are needed") \
  X(STATIC_WEIGHTS, "--static-weights", 0, NULL, IGNORED, ignored, "no effect: weights are always static")            \
  X(EXTRACT_WEIGHTS, "--extract-weights", 0, "[TYPE]", IGNORED, ignored, "no effect: weights are beside the code anyway") \
  X(BATCHING, "--batching_en", 0, NULL, IGNORED, ignored, "no effect: the batch is that of the inputs")               \
  X(REMATERIALIZATION, "--rematerialization_en", 0, NULL, IGNORED, ignored, "no effect")                              \
  X(SPILL, "--spill_dis", 0, NULL, IGNORED, ignored, "no effect")                                                     \
  X(INTENSITY, "--arith_intensity_target", 0, "N", IGNORED, ignored, "no effect")                                     \
  X(SB_SIZE, "--sb_size", 0, "N", IGNORED, ignored, "no effect")                                                      \
  X(REPLICATION, "--enable-replication", 0, "BOOL", IGNORED, ignored, "no effect")                                    \
  X(LAYOUT, "--tensor-layout-heuristics", 0, "NAME", IGNORED, ignored, "no effect")                                   \
  X(PIPELINE, "--pipeline", 0, "compile|SaveTemps", WORDS, ignored, "no effect")                                      \
  X(O1, "-O1", 0, NULL, IGNORED, ignored, "no effect: code is always optimised")                                      \
  X(O2, "-O2", 0, NULL, IGNORED, ignored, "no effect: code is always optimised")                                      \
  X(O3, "-O3", 0, NULL, IGNORED, ignored, "no effect: code is always optimised")
/* clang-format on */

enum {
#define X(id, name, letter, value, kind, field, help) ID_##id,
  NEURON_CC_OPTION_LIST(X)
#undef X
      N_ROWS
};

static const option_row rows[] = {
#define X(id, name, letter, value, kind, field, help) \
  {name, letter, value, KIND_##kind, offsetof(neuron_cc_options, field), help},
    NEURON_CC_OPTION_LIST(X)
#undef X
};

static const option_table table = {"neuron-cc", rows, N_ROWS};

#define BIT(id) (UINT64_C(1) << ID_##id)

/* All from FP32_CAST on. */
#define WITHOUT_EFFECT ((UINT64_C(1) << N_ROWS) - BIT(FP32_CAST))

#define FOR_ALL (BIT(CORES) | BIT(OLD_CORES) | BIT(OUTPUT) | BIT(TARGETS) | BIT(DUMP) | BIT(DUMP_PATH) | BIT(VERBOSE))

const command neuron_cc_compile_command = {
    .name = "compile",
    .summary = "compile a whole model to one neuronbin",
    .details =
        "Compiles NAME-symbol.json with the arrays of NAME-0000.params to one program, which 'mxneuron "
        "run' and libmxneuron-rt run. Every operator must be one that can be compiled; if not, an error says "
        "which are not, and why. 'mxneuron compile' leaves such operators to the framework.",
    .example =
        "neuron-cc compile a-symbol.json a-0000.params --framework MXNET --io-config "
        "'{\"inputs\": {\"data\": [[1,3,224,224], \"float32\"]}, \"outputs\": [\"softmax_output\"]}' "
        "--output a.neuronbin",
    .options = BIT(FRAMEWORK) | BIT(IO_CONFIG) | FOR_ALL | WITHOUT_EFFECT,
    .table = &table,
    .operands = "SYMBOL PARAMS",
};

const command neuron_cc_list_command = {
    .name = "list-operators",
    .summary = "list the operators that can be compiled",
    .details =
        "Prints the names of the operators that can be compiled, one a line, as MXNet registers them. Whether "
        "a node can be compiled depends on its attributes and shapes, too.",
    .example = "neuron-cc list-operators --framework MXNET",
    .options = BIT(FRAMEWORK) | BIT(VERBOSE),
    .table = &table,
    .operands = "",
};

const command neuron_cc_subgraph_command = {
    .name = "subgraph",
    .summary = "compile one subgraph, for libmxneuron",
    .details =
        "Compiles one subgraph, as libmxneuron writes it, to one program. On failure the last line on stderr "
        "is 'neuron-cc: STATUS: message'.",
    .example = "neuron-cc subgraph --graph a.graph --weights a.params --output a.neuronbin",
    .options = BIT(GRAPH) | BIT(WEIGHTS) | FOR_ALL | WITHOUT_EFFECT,
    .table = &table,
    .operands = "",
};

const command *const neuron_cc_commands[] = {&neuron_cc_compile_command, &neuron_cc_list_command,
                                             &neuron_cc_subgraph_command, NULL};

const char *neuron_cc_option_help(const char *name) {
  for (size_t i = 0; i < N_ROWS; i++)
    if (!strcmp(rows[i].name, name)) return rows[i].help;
  return "";
}
