/* arrays_fuzz.c - .npy, .npz and JSON numbers; every byte of the arrays is read.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "fuzz/fuzz.h"
#include "io/json_arrays.h"
#include "io/npy.h"
#include "io/npz.h"

static volatile uint8_t sum;

static void read_tensor(const mxn_tensor *t) {
  size_t n;
  if (!array_bytes(&t->type, &n)) abort();
  for (size_t i = 0; i < n; i++) sum ^= ((const uint8_t *)t->data)[i];
}

static void read_list(mxn_status status, const mxn_error *err, array_list *list) {
  check_refusal(status, err);
  for (size_t i = 0; i < list->n; i++) {
    sum ^= (uint8_t)strlen(list->arrays[i].name);
    read_tensor(&list->arrays[i].tensor);
  }
  array_list_finish(list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
  mxn_error err = {0};
  array_list list = {0};
  mxn_tensor tensor;
  void *copy = NULL;
  if (json_arrays_is(data, bytes)) {
    const mxn_status status = json_arrays_read(data, bytes, "fuzz", &list, &err);
    read_list(status, &err, &list);
  } else if (bytes > 2 && memcmp(data, "PK", 2) == 0) {
    const mxn_status status = npz_read(data, bytes, "fuzz", &list, &err);
    read_list(status, &err, &list);
  } else {
    const mxn_status status = npy_read(data, bytes, "fuzz", &tensor, &copy, &err);
    check_refusal(status, &err);
    if (status == MXN_OK) read_tensor(&tensor);
    free(copy);
  }
  return 0;
}
