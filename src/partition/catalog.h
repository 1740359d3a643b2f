/* catalog.h - every name that MXNet registers, and what becomes of it here.
 *
 * The names are in ops/mxnet_names.def; what has a reference or can be compiled is
 * asked of the registry and of compilable.h, so that there is no second list.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_PARTITION_CATALOG_H
#define MXN_PARTITION_CATALOG_H

#include "mxneuron/operators.h"

/* X(ID, text): why a name has no meaning in inference. */
#define MXNET_REASON_LIST(X)                                         \
  X(NONE, NULL)                                                      \
  X(BACKWARD, "backward: the gradient of another operator")          \
  X(PYTHON, "custom: runs Python code of the application")           \
  X(SPARSE, "sparse: works on what a csr matrix stores, dense here") \
  X(INTERNAL, "internal: no symbol file has it")                     \
  X(OPTIMIZER, "optimizer: updates weights in training")             \
  X(GRADIENTS, "training: clears gradients")                         \
  X(FILES, "I/O: reads or decodes image files")                      \
  X(APPLICATION, "arrays: writes to an array of the application")

size_t catalog_count(void);
mxn_operator catalog_at(size_t index);

#endif
