/* pipeline.c - the passes in their order. SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "graph/verify.h"
#include "passes/pass.h"

typedef struct pass {
  const char *name;
  mxn_status (*run)(compile *c, mxn_error *err);
} pass;

static const pass passes[] = {
#define X(name) {#name, pass_##name},
    MXN_PASS_LIST(X)
#undef X
};

mxn_status pipeline_run(compile *c, const pass_observer *observer, mxn_error *err) {
  for (size_t i = 0; i < sizeof passes / sizeof *passes; i++) {
    TRY(passes[i].run(c, err));
    TRY(graph_verify(c->graph, passes[i].name, err));
    if (observer) observer->after(observer->context, passes[i].name, c->graph);
  }
  return MXN_OK;
}
