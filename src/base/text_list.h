/* text_list.h - lists that attributes of a node hold as text: "[1, 2]",
 * "[[1, 2], []]", "[\"a\", \"b\"]".
 *
 * Texts come from files: whatever they hold, reading ends inside them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_BASE_TEXT_LIST_H
#define MXN_BASE_TEXT_LIST_H

#include <stdbool.h>
#include <stdint.h>

#include "mxneuron/tensor.h"

/* Read a list of numbers; false if it is something else. Numbers beyond `capacity`
 * are counted, not stored. */
bool text_list_numbers(const char *text, int64_t *numbers, uint32_t capacity, uint32_t *out_n);

/* Item `index` of a list of dtypes and of a list of shapes, where sizes below 1 mean
 * unknown ones. Parts that are malformed or not there (NULL too) are unknown. */
mxn_type text_list_type(const char *dtypes, const char *shapes, uint32_t index);

/* A list of strings, as json_print_string() writes them, one after another. */
typedef struct text_list_reader {
  const char *at;
  uint32_t n_read;
} text_list_reader;

/* The next string goes to `out_string`, which may be NULL, with its end; it takes no more
 * bytes than `at` moves over in the text. False at the end of the list and where it is
 * malformed. Start with {text}. */
bool text_list_next(text_list_reader *reader, char *out_string);

#endif
