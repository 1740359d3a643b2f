/* status.c - texts of statuses and element types, from the lists in the public headers.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "mxneuron/status.h"

#include <string.h>

#include "mxneuron/tensor.h"

const char *mxn_status_text(mxn_status status) {
  switch (status) {
#define STATUS_CASE(name, number, text) \
  case MXN_##name: return text;
    MXN_STATUS_LIST(STATUS_CASE)
#undef STATUS_CASE
  }
  return "unknown status";
}

typedef struct dtype_row {
  mxn_dtype dtype;
  const char *name;
  size_t bytes;
} dtype_row;

static const dtype_row dtypes[] = {
#define DTYPE_ROW(name, number, text, bytes) {MXN_##name, text, bytes},
    MXN_DTYPE_LIST(DTYPE_ROW)
#undef DTYPE_ROW
};

static const dtype_row *find_dtype(mxn_dtype dtype) {
  for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++)
    if (dtypes[i].dtype == dtype) return &dtypes[i];
  return NULL;
}

size_t mxn_dtype_bytes(mxn_dtype dtype) {
  const dtype_row *row = find_dtype(dtype);
  return row ? row->bytes : 0;
}

const char *mxn_dtype_name(mxn_dtype dtype) {
  const dtype_row *row = find_dtype(dtype);
  return row ? row->name : "unknown";
}

mxn_dtype mxn_dtype_from_name(const char *name) {
  for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++)
    if (strcmp(dtypes[i].name, name) == 0) return dtypes[i].dtype;
  return MXN_DTYPE_UNKNOWN;
}
