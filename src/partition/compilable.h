/* compilable.h - what the compiler can take, and why not.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_PARTITION_COMPILABLE_H
#define MXN_PARTITION_COMPILABLE_H

#include "graph/graph.h"

/* NULL if the compiler can take the operator with these attributes, types and
 * shapes, otherwise the reason: a clause such as "its axis is not 1" that many
 * nodes share. Types must be inferred. The text is static. */
const char *compilable_reason(const node *n);

/* Whether code gives this output of an operator: the first, or every one. */
bool compilable_has_output(const node *n, uint32_t output);

/* Whether the compiler has an operator of this canonical name at all. */
bool compilable_has(const char *canonical_name);

#endif
