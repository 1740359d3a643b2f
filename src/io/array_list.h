/* array_list.h - arrays with names, and the memory behind them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_IO_ARRAY_LIST_H
#define MXN_IO_ARRAY_LIST_H

#include "mxneuron/model.h"

/* Invariant: arrays[i].name is heap, its data lies in buffers[i] (heap) or, where
 * that is NULL, in memory that somebody else owns. */
typedef struct array_list {
  mxn_array *arrays;
  void **buffers;
  size_t n;
} array_list;

/* Room for n arrays, all zero. Messages name `path`. */
MXN_MUST_CHECK mxn_status array_list_init(array_list *list, size_t n, const char *path, mxn_error *err);
void array_list_finish(array_list *list); /* also for one that is all zero */

/* Bytes of an array's data; false where they do not fit in a size_t. */
MXN_MUST_CHECK bool array_bytes(const mxn_type *type, size_t *out_bytes);

#endif
