/* array_list.c - see array_list.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "io/array_list.h"

#include <stdlib.h>

#include "base/error.h"

mxn_status array_list_init(array_list *list, size_t n, const char *path, mxn_error *err) {
  *list = (array_list){calloc(n + 1, sizeof *list->arrays), calloc(n + 1, sizeof *list->buffers), n};
  if (list->arrays && list->buffers) return MXN_OK;
  array_list_finish(list);
  return error_set(err, MXN_NOMEM, "%s: out of memory", path);
}

void array_list_finish(array_list *list) {
  for (size_t i = 0; list->arrays && list->buffers && i < list->n; i++) {
    free((char *)list->arrays[i].name);
    free(list->buffers[i]);
  }
  free(list->arrays);
  free(list->buffers);
  *list = (array_list){0};
}

bool array_bytes(const mxn_type *type, size_t *out_bytes) {
  size_t bytes = mxn_dtype_bytes(type->dtype);
  bool fits = true;
  for (int32_t i = 0; i < type->n_dims; i++) fits &= !__builtin_mul_overflow(bytes, (size_t)type->dims[i], &bytes);
  *out_bytes = bytes;
  return fits;
}
