/* text_list.c - see text_list.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/text_list.h"

#include <ctype.h>
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

/* The dimensions of list number `index` in "[[...], [...]]". */
static bool read_shape(const char *text, uint32_t index, mxn_type *type) {
  uint32_t n_dims = 0;
  text = skip_blanks(text);
  if (*text++ != '[') return false;
  for (uint32_t i = 0; i <= index; i++) {
    if (i > 0) {
      text = skip_blanks(text);
      if (*text++ != ',') return false;
    }
    if (!read_numbers(&text, type->dims, MXN_MAX_DIMS, &n_dims)) return false;
  }
  if (n_dims > MXN_MAX_DIMS) return false;
  type->n_dims = (int32_t)n_dims;
  return true;
}

mxn_type text_list_type(const char *dtypes, const char *shapes, uint32_t index) {
  enum { MAX_TYPES = 256 };
  mxn_type type = {.dtype = MXN_DTYPE_UNKNOWN, .n_dims = -1};
  int64_t numbers[MAX_TYPES];
  uint32_t n_numbers;
  if (dtypes && read_numbers(&dtypes, numbers, MAX_TYPES, &n_numbers) && index < n_numbers && index < MAX_TYPES &&
      mxn_dtype_bytes((mxn_dtype)numbers[index]) > 0)
    type.dtype = (mxn_dtype)numbers[index];
  if (!shapes || !read_shape(shapes, index, &type)) return type;
  for (int32_t i = 0; i < type.n_dims; i++)
    if (type.dims[i] <= 0) type.dims[i] = -1;
  return type;
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
