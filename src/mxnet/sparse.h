/* sparse.h - sparse arrays become dense ones, which is what MXNet gives to an
 * operator that has no sparse form.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_MXNET_SPARSE_H
#define MXN_MXNET_SPARSE_H

#include "mxnet/ndarray_list.h"

/* Put the stored part of a row_sparse or csr entry where it belongs in the dense
 * array `out`, which holds zeros. `data` is the file; `file` and `array`, the number
 * of the entry, are for messages. MXN_FORMAT where an index is out of range. */
MXN_MUST_CHECK mxn_status sparse_expand(const uint8_t *data, const char *file, size_t array, const ndarray_entry *entry,
                                        void *out, mxn_error *err);

#endif
