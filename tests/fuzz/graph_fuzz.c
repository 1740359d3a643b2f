/* graph_fuzz.c - the IR's text. SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"
#include "fuzz/fuzz.h"
#include "graph/text.h"
#include "ops/ops.h"

static mxn_status read_graph(arena *a, const uint8_t *data, size_t bytes, mxn_error *err) {
  graph *g = NULL;
  mxn_status status = graph_parse(a, "fuzz", (const char *)data, bytes, &g, err);
  if (status == MXN_OK) status = ops_bind(g, err);
  if (status == MXN_OK) status = ops_infer(g, err);
  return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
  arena a;
  mxn_error err = {0};
  arena_init(&a);
  if (setjmp(a.recovery) == 0) {
    const mxn_status status = read_graph(&a, data, bytes, &err);
    check_refusal(status, &err);
  }
  arena_finish(&a);
  return 0;
}
