/* target.c - the table of targets. SPDX-License-Identifier: Apache-2.0 */
#include "codegen/target.h"

#include <string.h>

#include "base/error.h"
#include "codegen/bitcode.h"

static const target targets[] = {
    {"x86-64-v4", 4, 16, 32, "512", mxn_bitcode_v4_start, mxn_bitcode_v4_end},
    {"x86-64-v3", 3, 8, 16, "256", mxn_bitcode_v3_start, mxn_bitcode_v3_end},
};
enum { N_TARGETS = sizeof targets / sizeof *targets };

static size_t find(const char *name, size_t n) {
  for (size_t i = 0; i < N_TARGETS; i++)
    if (strlen(targets[i].name) == n && !memcmp(targets[i].name, name, n)) return i;
  return N_TARGETS;
}

mxn_status target_parse(const char *names, const target **out_targets, size_t *out_n, mxn_error *err) {
  unsigned wanted = names ? 0 : (1u << N_TARGETS) - 1;
  for (const char *p = names; p && *p;) {
    const size_t n = strcspn(p, ","), i = find(p, n);
    if (i == N_TARGETS)
      return error_set(err, MXN_ARGUMENT, "unknown target '%.*s', expected x86-64-v3 or x86-64-v4", (int)n, p);
    wanted |= 1u << i;
    p += n + (p[n] == ',');
  }
  if (!wanted) return error_set(err, MXN_ARGUMENT, "no target named, expected x86-64-v3 or x86-64-v4");
  *out_n = 0;
  for (size_t i = 0; i < N_TARGETS; i++)
    if (wanted & 1u << i) out_targets[(*out_n)++] = &targets[i];
  return MXN_OK;
}
