/* neuronbin_fuzz.c - a neuronbin is opened and asked everything, never run: its
 * code is trusted, what is around it is not. The digest would keep every change
 * out, so the input's is made right first.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "base/sha256.h"
#include "fuzz/fuzz.h"
#include "mxneuron/abi.h"
#include "mxneuron/program.h"

static void set_digest(uint8_t *copy, size_t bytes) {
  mxn_neuronbin_header h;
  if (bytes < sizeof h) return;
  memcpy(&h, copy, sizeof h);
  if (h.checked_bytes < sizeof h || h.checked_bytes > bytes) return;
  sha256 s;
  memset(copy + offsetof(mxn_neuronbin_header, digest), 0, sizeof h.digest);
  sha256_init(&s);
  sha256_update(&s, copy, h.checked_bytes);
  sha256_final(&s, h.digest);
  memcpy(copy + offsetof(mxn_neuronbin_header, digest), h.digest, sizeof h.digest);
}

static size_t ask_everything(const mxn_program *p) {
  mxn_program_info info;
  mxn_program_get_info(p, &info);
  size_t length = strlen(info.target) + strlen(info.targets);
  for (size_t i = 0; i < mxn_program_n_inputs(p); i++) length += strlen(mxn_program_input_name(p, i));
  for (size_t i = 0; i < mxn_program_n_outputs(p); i++) length += strlen(mxn_program_output_name(p, i));
  for (size_t i = 0; i < info.n_steps; i++) length += strlen(mxn_program_step_name(p, i));
  return length;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
  static volatile size_t length;
  mxn_program *p = NULL;
  mxn_error err = {0};
  uint8_t *copy = malloc(bytes + 1);
  if (!copy) return 0;
  memcpy(copy, data, bytes);
  set_digest(copy, bytes);
  const mxn_status status = mxn_program_open_memory(copy, bytes, "fuzz", &p, &err);
  check_refusal(status, &err);
  if (status == MXN_OK) length += ask_everything(p);
  mxn_program_close(p);
  free(copy);
  return 0;
}
