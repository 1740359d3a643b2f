/* operators.h - the operators of MXNet, and what mxneuron makes of each.
 *
 * Threads: any.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXNEURON_OPERATORS_H
#define MXNEURON_OPERATORS_H

#include <stddef.h>

#include "mxneuron/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* X(name, number, text) */
#define MXN_SUPPORT_LIST(X)                    \
  X(COMPILED, 0, "compiled")                   \
  X(REFERENCE, 1, "reference")                 \
  X(NOT_FOR_INFERENCE, 2, "not for inference") \
  X(NOT_YET, 3, "not yet")

/* COMPILED: to machine code where attributes, shapes and types allow it, otherwise
 * as REFERENCE: by the reference operators. The other two are kept in a model, and
 * an error when it is run. */
typedef enum mxn_support {
#define MXN_SUPPORT_ENUM(name, number, text) MXN_SUPPORT_##name = number,
  MXN_SUPPORT_LIST(MXN_SUPPORT_ENUM)
#undef MXN_SUPPORT_ENUM
} mxn_support;

/* A name that MXNet 1.9.1 registers. Strings are static. */
typedef struct mxn_operator {
  const char *name;
  const char *canonical; /* the operator that it is a name of; NULL where mxneuron has none */
  mxn_support support;
  const char *reason; /* why it is not for inference; NULL otherwise */
} mxn_operator;

/* All names, sorted. All zero for an index out of range. */
MXN_API size_t mxn_operators_n(void);
MXN_API mxn_operator mxn_operators_get(size_t index);

/* "compiled", ... ; "unknown" for other numbers. */
MXN_API const char *mxn_support_text(mxn_support support);

#ifdef __cplusplus
}
#endif
#endif
