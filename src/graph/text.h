/* text.h - the graph as text, the same for printing and parsing.
 *
 *     graph "lenet-symbol.json"
 *     %0 = input "data" : float32(1, 1, 28, 28)
 *     %1 = constant "conv1_weight" : float32(6, 1, 5, 5)
 *     %2 = auxiliary "bn_moving_mean" : float32(6)
 *     %3 = Convolution(%0, %1) "conv1" {kernel="(5, 5)", num_filter="6"} : float32(1, 6, 24, 24)
 *     %4 = SliceChannel(%3) "split" {num_outputs="2"} : float32(1, 3, 24, 24), float32(1, 3, 24, 24)
 *     %5 = Convolution(%4.1, %1) "c" {...} then Activation "relu1" {act_type="relu"} : ...
 *     output %4.0, %5
 *
 * Strings are in double quotes with \" \\ \n and \xHH escapes; operators and
 * keys that are no plain words are strings too. After the graph's name: np_shape
 * where numpy semantics hold, and the attributes of the file.
 *
 * A value is %N, or %N.K where the node has several outputs. Parts of a type may
 * be unknown: float32(1, ?, 3), float32? (not even the number of dimensions),
 * ?(1, 3), ??.
 *
 * `then` lists the operators fused into a node. Where one has several operands,
 * "/n" after its name tells how many, and "#k" which of them carries the chain
 * unless it is the first; the others are the node's last inputs, in turn:
 *
 *     %6 = Convolution(%3, %1, %5) "c" {...} then elemwise_add/2#1 "add" : float32(1, 6, 24, 24)
 *
 * Blank lines mean nothing. Subgraphs are not printed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_GRAPH_TEXT_H
#define MXN_GRAPH_TEXT_H

#include <stdio.h>

#include "graph/graph.h"
#include "mxneuron/status.h"

/* Write the text to `out`; write errors are left in ferror(out). */
void graph_print(const graph *g, FILE *out);

/* Read a graph from `text` (n bytes; hostile: sizes, references and nesting are
 * checked). Messages name `file` and the line. Variables printed as "constant"
 * or "auxiliary" come back without their arrays, types of fused operators as
 * their node's. */
MXN_MUST_CHECK mxn_status graph_parse(arena *a, const char *file, const char *text, size_t n, graph **out_graph,
                                      mxn_error *err);

#endif
