/* params_fuzz.c - MXNet's NDArray lists; every byte of the arrays is read, and
 * small sparse arrays become dense.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/shape.h"
#include "fuzz/fuzz.h"
#include "mxnet/ndarray_list.h"
#include "mxnet/sparse.h"

static void expand(const uint8_t *data, size_t index, const ndarray_entry *e) {
  enum { MAX_BYTES = 1 << 20 };
  size_t dense_bytes;
  mxn_error err = {0};
  if (e->storage == NDARRAY_DENSE || !type_bytes(&e->type, &dense_bytes) || dense_bytes > MAX_BYTES) return;
  void *dense = calloc(dense_bytes ? dense_bytes : 1, 1);
  if (!dense) return;
  check_refusal(sparse_expand(data, "fuzz", index, e, dense, &err), &err);
  free(dense);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
  static volatile uint8_t sum;
  ndarray_list list = {0};
  mxn_error err = {0};
  const mxn_status status = ndarray_list_read(data, bytes, "fuzz", &list, &err);
  check_refusal(status, &err);
  for (size_t i = 0; status == MXN_OK && i < list.n_entries; i++) {
    const ndarray_entry *e = &list.entries[i];
    for (size_t k = 0; k < e->bytes; k++) sum ^= data[e->offset + k];
    expand(data, i, e);
    for (size_t k = 0; k < e->name_bytes; k++) sum ^= (uint8_t)e->name[k];
  }
  if (status == MXN_OK) ndarray_list_finish(&list);
  return 0;
}
