/* array_file.h - files of arrays: .npy, .npz, JSON, and MXNet's .params and .nd.
 *
 * What a file holds is told by its content, what is written by the name's ending.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_IO_ARRAY_FILE_H
#define MXN_IO_ARRAY_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "mxneuron/model.h"

typedef struct array_file array_file;

/* Whether the bytes begin like such a file. */
bool array_file_is(const uint8_t *data, size_t bytes);

/* Load all arrays; they belong to the object. The array of a .npy file, and of a
 * JSON file that is one list, has the name "". Data may be unaligned. */
MXN_MUST_CHECK mxn_status array_file_load(const char *path, array_file **out_file, mxn_error *err);
void array_file_close(array_file *file); /* NULL is fine */

size_t array_file_n(const array_file *file);
mxn_array array_file_get(const array_file *file, size_t index);

/* The array called `name` or "in:NAME", or the only one. MXN_ARGUMENT, names listed. */
MXN_MUST_CHECK mxn_status array_file_find(const array_file *file, const char *name, mxn_array *out_array,
                                          mxn_error *err);

/* Whether array_file_save() can write a file of that name. */
MXN_MUST_CHECK mxn_status array_file_check_name(const char *path, mxn_error *err);

/* Write arrays to FILE.npy (one), FILE.npz, FILE.params or FILE.nd. */
MXN_MUST_CHECK mxn_status array_file_save(const char *path, const mxn_array *arrays, size_t n, mxn_error *err);

/* Convert n numbers to another element type, floats to the nearest, integers towards
 * zero and to the nearest that there is. MXN_UNSUPPORTED where a dtype is none. */
MXN_MUST_CHECK mxn_status convert_numbers(const void *from, mxn_dtype from_dtype, void *to, mxn_dtype to_dtype,
                                          size_t n, mxn_error *err);

/* The first of n numbers that `to` cannot hold: behind its largest number or, where
 * it has integers alone, a fraction. n where all are fine; no float is too precise. */
size_t first_lost_number(const void *data, mxn_dtype dtype, mxn_dtype to, size_t n);

/* Number i of an array, aligned or not. */
double number_at(const void *data, mxn_dtype dtype, size_t i);

#endif
