/* catalog.c - see catalog.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "partition/catalog.h"

#include "ops/operator.h"
#include "partition/compilable.h"

typedef enum reason {
#define X(id, text) REASON_##id,
  MXNET_REASON_LIST(X)
#undef X
} reason;

static const char *const reason_texts[] = {
#define X(id, text) text,
    MXNET_REASON_LIST(X)
#undef X
};

static const struct {
  const char *name;
  reason reason;
} names[] = {
#define X(name, reason) {name, REASON_##reason},
#include "ops/mxnet_names.def"
#undef X
};

size_t catalog_count(void) { return sizeof names / sizeof *names; }

/* What runs it decides; the reason stands for what nothing runs. */
mxn_operator catalog_at(size_t index) {
  if (index >= catalog_count()) return (mxn_operator){0};
  const op_def *def = op_find(names[index].name);
  mxn_operator o = {.name = names[index].name, .canonical = def ? def->name : NULL, .support = MXN_SUPPORT_NOT_YET};
  if (def && compilable_has(def->name)) {
    o.support = MXN_SUPPORT_COMPILED;
  } else if (def && def->forward) {
    o.support = MXN_SUPPORT_REFERENCE;
  } else if (names[index].reason != REASON_NONE) {
    o.support = MXN_SUPPORT_NOT_FOR_INFERENCE;
    o.reason = reason_texts[names[index].reason];
  }
  return o;
}
