/* operators.c - the list of operators behind include/mxneuron/operators.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "mxneuron/operators.h"

#include "partition/catalog.h"

size_t mxn_operators_n(void) { return catalog_count(); }
mxn_operator mxn_operators_get(size_t index) { return catalog_at(index); }

const char *mxn_support_text(mxn_support support) {
#define X(name, number, text) \
  if (support == MXN_SUPPORT_##name) return text;
  MXN_SUPPORT_LIST(X)
#undef X
  return "unknown";
}
