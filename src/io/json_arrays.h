/* json_arrays.h - numbers in JSON: nested lists, alone or as members of an object.
 *
 *     [[0, 1.5], [2, 3]]          one array of shape (2, 2), with the name ""
 *     {"data": [0, 1, 2]}         one array called data
 *
 * Limits: 64 MiB of text, lists nested as deep as an array has dimensions. All
 * lists of a level have the same length.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_IO_JSON_ARRAYS_H
#define MXN_IO_JSON_ARRAYS_H

#include <stdbool.h>

#include "io/array_list.h"

/* Whether the first character behind blanks begins a list or an object. */
bool json_arrays_is(const uint8_t *data, size_t bytes);

/* Read all arrays: int64 where every number is an integer, otherwise float64.
 * Members of the object that are no lists are left out. Errors: FORMAT (what was
 * expected where), UNSUPPORTED (limits), NOMEM. */
MXN_MUST_CHECK mxn_status json_arrays_read(const uint8_t *data, size_t bytes, const char *path, array_list *out_arrays,
                                           mxn_error *err);

#endif
