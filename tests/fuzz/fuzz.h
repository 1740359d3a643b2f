/* fuzz.h - what the fuzz targets share: each is a LLVMFuzzerTestOneInput over one
 * parser of untrusted bytes. An input may be refused with any status; it may not
 * crash, leak, or succeed with a message that says otherwise.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_TESTS_FUZZ_H
#define MXN_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "mxneuron/status.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* A refusal says why and says it once; a success says nothing. */
static inline void check_refusal(mxn_status status, const mxn_error *err) {
  const int has_message = err->message[0] != '\0';
  if ((status != MXN_OK) != has_message || err->code != status) abort();
}

#endif
