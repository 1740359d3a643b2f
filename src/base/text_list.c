/* text_list.c - see text_list.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/text_list.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static const char *skip_blanks(const char *text) {
  while (isspace((unsigned char)*text)) text++;
  return text;
}

/* As text_list_numbers(), from *text on. */
static bool read_numbers(const char **text, int64_t *numbers, uint32_t capacity, uint32_t *out_n) {
  const char *at = skip_blanks(*text);
  *out_n = 0;
  if (*at++ != '[') return false;
  at = skip_blanks(at);
  while (*at != ']') {
    char *end;
    const int64_t number = strtoll(at, &end, 10);
    if (end == at) return false;
    if (*out_n < capacity) numbers[*out_n] = number;
    ++*out_n;
    at = skip_blanks(end);
    if (*at == ',')
      at = skip_blanks(at + 1);
    else if (*at != ']')
      return false;
  }
  *text = at + 1;
  return true;
}

bool text_list_numbers(const char *text, int64_t *numbers, uint32_t capacity, uint32_t *out_n) {
  return read_numbers(&text, numbers, capacity, out_n);
}

/* Behind the bracket that opens a list; NULL where there is none. */
static const char *open_list(const char *text) {
  if (!text) return NULL;
  text = skip_blanks(text);
  return *text == '[' ? text + 1 : NULL;
}

/* Behind the comma after an item; NULL after the last one. */
static const char *next_item(const char *text) {
  text = skip_blanks(text);
  return *text == ',' ? text + 1 : NULL;
}

static mxn_dtype next_dtype(const char **list) {
  char *end;
  if (!*list) return MXN_DTYPE_UNKNOWN;
  const long number = strtol(*list, &end, 10);
  const bool is_number = end != *list;
  *list = is_number ? next_item(end) : NULL;
  const bool is_dtype = is_number && number >= 0 && number <= INT_MAX && mxn_dtype_bytes((mxn_dtype)number) > 0;
  return is_dtype ? (mxn_dtype)number : MXN_DTYPE_UNKNOWN;
}

static void next_shape(const char **list, mxn_type *type) {
  uint32_t n_dims;
  const char *text = *list;
  *list = NULL;
  if (!text || !read_numbers(&text, type->dims, MXN_MAX_DIMS, &n_dims) || n_dims > MXN_MAX_DIMS) return;
  type->n_dims = (int32_t)n_dims;
  for (uint32_t i = 0; i < n_dims; i++)
    if (type->dims[i] <= 0) type->dims[i] = -1;
  *list = next_item(text);
}

text_list_types text_list_types_of(const char *dtypes, const char *shapes) {
  return (text_list_types){open_list(dtypes), open_list(shapes)};
}

mxn_type text_list_next_type(text_list_types *types) {
  mxn_type type = {.dtype = next_dtype(&types->dtypes), .n_dims = -1};
  next_shape(&types->shapes, &type);
  return type;
}

mxn_type text_list_type(const char *dtypes, const char *shapes, uint32_t index) {
  text_list_types types = text_list_types_of(dtypes, shapes);
  for (uint32_t i = 0; i < index; i++) text_list_next_type(&types);
  return text_list_next_type(&types);
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

/* The character that an escape without digits stands for, or 0. */
static char escaped(char letter) {
  static const char letters[] = "\"\\nrt", characters[] = "\"\\\n\r\t";
  const char *found = letter ? strchr(letters, letter) : NULL;
  return found ? characters[found - letters] : 0;
}

/* Undo json_print_string() from behind the opening quote; *text goes behind the
 * closing one. `to` may be NULL. */
static bool read_string(const char **text, char *to) {
  const char *at = *text;
  for (; *at && *at != '"'; at++) {
    char c = *at;
    if (c == '\\' && !strncmp(at, "\\u00", 4) && hex_digit(at[4]) >= 0 && hex_digit(at[5]) >= 0) {
      c = (char)(hex_digit(at[4]) * 16 + hex_digit(at[5]));
      at += 5;
    } else if (c == '\\') {
      c = escaped(*++at);
      if (!c) return false;
    }
    if (to) *to++ = c;
  }
  if (*at != '"') return false;
  if (to) *to = '\0';
  *text = at + 1;
  return true;
}

bool text_list_next(text_list_reader *reader, char *out_string) {
  const char *at = skip_blanks(reader->at);
  if (*at++ != (reader->n_read ? ',' : '[')) return false;
  at = skip_blanks(at);
  if (*at++ != '"') return false;
  if (!read_string(&at, out_string)) return false;
  reader->at = at;
  reader->n_read++;
  return true;
}

/* False where no name that has no place yet is `text`. */
static bool give_place(const char *text, uint32_t place, const char *const *names, uint32_t n, uint32_t *places) {
  for (uint32_t i = 0; i < n; i++) {
    if (places[i] != UINT32_MAX || strcmp(names[i], text) != 0) continue;
    places[i] = place;
    return true;
  }
  return false;
}

void text_list_match(const char *list, const char *const *names, uint32_t n, char *buffer, uint32_t *out_places) {
  text_list_reader reader = {list, 0};
  uint32_t n_found = 0;
  for (uint32_t i = 0; i < n; i++) out_places[i] = UINT32_MAX;
  while (list && reader.n_read < n && text_list_next(&reader, buffer))
    n_found += give_place(buffer, reader.n_read - 1, names, n, out_places);
  for (uint32_t i = 0; i < n && n_found < n; i++) out_places[i] = i;
}
