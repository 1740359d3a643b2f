/* params_fuzz.c - MXNet's NDArray lists; every byte of the arrays is read.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "fuzz/fuzz.h"
#include "mxnet/ndarray_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
  static volatile uint8_t sum;
  ndarray_list list = {0};
  mxn_error err = {0};
  const mxn_status status = ndarray_list_read(data, bytes, "fuzz", &list, &err);
  check_refusal(status, &err);
  for (size_t i = 0; status == MXN_OK && i < list.n_entries; i++) {
    const ndarray_entry *e = &list.entries[i];
    for (size_t k = 0; k < e->bytes; k++) sum ^= data[e->offset + k];
    for (size_t k = 0; k < e->name_bytes; k++) sum ^= (uint8_t)e->name[k];
  }
  if (status == MXN_OK) ndarray_list_finish(&list);
  return 0;
}
