/* program.h - the inside of an opened neuronbin.
 *
 * Immutable once opened, so any number of sessions and threads read it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_RUNTIME_PROGRAM_H
#define MXN_RUNTIME_PROGRAM_H

#include "base/file.h"
#include "mxneuron/program.h"
#include "neuronbin/reader.h"

struct mxn_program {
  char *label;      /* stands for the file in messages */
  mapped_file file; /* all zero for a program from memory */
  void *copy;       /* of the neuronbin, where it could not be used in place; without weights if detached */
  bool is_detached; /* each run is given the weights */
  neuronbin bin;
  const mxn_neuronbin_kernel *kernels; /* of the chosen target */
  uint8_t *code;                       /* of the chosen target: own pages, executable */
  size_t code_bytes;
  uint32_t target;
  uint32_t scratch_bytes; /* most that a kernel needs */
  mxn_type *types;        /* inputs, then outputs */
  char *targets;          /* all names, comma-separated */
};

#endif
