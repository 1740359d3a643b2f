/* arrays.c - MXNet parameter files as arrays with names.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>

#include "base/arena.h"
#include "base/error.h"
#include "mxnet/checkpoint.h"
#include "mxneuron/model.h"

struct mxn_arrays {
  arena arena;
  mxn_array *items;
  size_t n_items;
};

static mxn_status load(mxn_arrays *arrays, const char *path, mxn_error *err) {
  parameter_list list = {0};
  TRY(params_load(&arrays->arena, path, &list, err));
  arrays->items = arena_array(&arrays->arena, list.n_items, sizeof *arrays->items);
  for (size_t i = 0; i < list.n_items; i++) {
    const parameter *p = &list.items[i];
    arrays->items[i] = (mxn_array){arena_printf(&arrays->arena, "%s%s", parameter_prefix(p->kind), p->name), p->tensor};
  }
  arrays->n_items = list.n_items;
  return MXN_OK;
}

mxn_status mxn_arrays_load(const char *path, mxn_arrays **out_arrays, mxn_error *err) {
  error_clear(err);
  *out_arrays = NULL;
  mxn_arrays *arrays = calloc(1, sizeof *arrays);
  if (!arrays) return error_set(err, MXN_NOMEM, "%s: out of memory", path);
  arena_init(&arrays->arena);
  if (setjmp(arrays->arena.recovery)) {
    mxn_arrays_close(arrays);
    return error_set(err, MXN_NOMEM, "%s: out of memory", path);
  }
  const mxn_status status = load(arrays, path, err);
  if (status == MXN_OK)
    *out_arrays = arrays;
  else
    mxn_arrays_close(arrays);
  return status;
}

size_t mxn_arrays_n(const mxn_arrays *arrays) { return arrays->n_items; }

mxn_array mxn_arrays_get(const mxn_arrays *arrays, size_t index) {
  return index < arrays->n_items ? arrays->items[index] : (mxn_array){0};
}

void mxn_arrays_close(mxn_arrays *arrays) {
  if (!arrays) return;
  arena_finish(&arrays->arena);
  free(arrays);
}

mxn_status mxn_arrays_save(const char *path, const mxn_array *arrays, size_t n, mxn_error *err) {
  error_clear(err);
  parameter_list list = {.items = calloc(n ? n : 1, sizeof *list.items), .n_items = n, .capacity = n};
  if (!list.items) return error_set(err, MXN_NOMEM, "%s: out of memory", path);
  for (size_t i = 0; i < n; i++)
    list.items[i] = (parameter){arrays[i].name ? arrays[i].name : "", PARAMETER_PLAIN, arrays[i].tensor};
  const mxn_status status = params_save(path, FILE_KEPT, &list, err);
  free(list.items);
  return status;
}
