/* symbol_fuzz.c - symbol JSON up to inferred shapes, then printed and read again.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "fuzz/fuzz.h"

#include <string.h>

#include "base/arena.h"
#include "mxnet/checkpoint.h"
#include "mxnet/upgrade.h"
#include "ops/ops.h"

static mxn_status read_symbol(arena *a, const uint8_t *data, size_t bytes, mxn_error *err) {
  graph *g = NULL;
  mxn_status status = symbol_parse(a, "fuzz", (const char *)data, bytes, &g, err);
  if (status == MXN_OK) status = symbol_upgrade(g, err);
  if (status == MXN_OK) status = ops_bind(g, err);
  if (status == MXN_OK) status = ops_infer(g, err);
  if (status != MXN_OK) return status;
  /* What we write, we must read. */
  const char *text = symbol_print(a, g);
  if (symbol_parse(a, "printed", text, strlen(text), &g, err) != MXN_OK) abort();
  return MXN_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
  arena a;
  mxn_error err = {0};
  arena_init(&a);
  if (setjmp(a.recovery) == 0) {
    const mxn_status status = read_symbol(&a, data, bytes, &err);
    check_refusal(status, &err);
  }
  arena_finish(&a);
  return 0;
}
