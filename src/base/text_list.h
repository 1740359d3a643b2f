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

/* A list of dtypes and a list of shapes, one type after another. Sizes below 1 mean
 * unknown ones; what is malformed, or not there, is unknown, and all behind it. */
typedef struct text_list_types {
  const char *dtypes, *shapes; /* the next items, or NULL */
} text_list_types;
text_list_types text_list_types_of(const char *dtypes, const char *shapes); /* either may be NULL */
mxn_type text_list_next_type(text_list_types *types);

/* Type number `index`. */
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

/* Where each of `names` stands among the first `n` strings of the list, equal ones one after
 * another. A list that does not name them all, or NULL, does not say: then each stands at its own
 * index. `buffer` has as many bytes as the text. */
void text_list_match(const char *list, const char *const *names, uint32_t n, char *buffer, uint32_t *out_places);

#endif
