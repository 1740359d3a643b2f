/* attributes.c - the texts of attributes become values.
 *
 * The texts are Python's, of version 2 and 3: "(3, 3)", "[3,3]", "(2L, 2L)", "3",
 * "None", "True", "1e-05", "-inf". What MXNet's parser refuses is refused here.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <float.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <threads.h>

#include "ops/operator.h"

/* A position in a text. */
typedef struct cursor {
  const char *at;
} cursor;

static void skip_spaces(cursor *c) { c->at += strspn(c->at, " \t\r\n"); }

static bool skip(cursor *c, const char *text) {
  skip_spaces(c);
  const size_t n = strlen(text);
  if (strncmp(c->at, text, n) != 0) return false;
  c->at += n;
  return true;
}

static bool at_end(cursor *c) {
  skip_spaces(c);
  return *c->at == '\0';
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* Decimal digits with a sign. */
static bool parse_integer(cursor *c, int64_t *out) {
  skip_spaces(c);
  const char *digits = c->at;
  const bool is_negative = *digits == '-';
  if (*digits == '-' || *digits == '+') digits++;
  if (!is_digit(*digits)) return false;
  int64_t v = 0;
  for (; is_digit(*digits); digits++)
    if (__builtin_mul_overflow(v, 10, &v) || __builtin_sub_overflow(v, *digits - '0', &v)) return false;
  if (!is_negative && __builtin_sub_overflow(0, v, &v)) return false;
  c->at = digits;
  *out = v;
  return true;
}

/* Python 2 writes an L behind long integers. */
static bool parse_long(cursor *c, int64_t *out) {
  if (!parse_integer(c, out)) return false;
  c->at += *c->at == 'L';
  return true;
}

static locale_t c_locale;
static once_flag c_locale_once = ONCE_FLAG_INIT;
static void create_c_locale(void) { c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0); }

/* A decimal number that a double holds: "1e-05"; strtod() of the C locale, whatever
 * the application has set. */
static bool parse_number(cursor *c, double *out) {
  call_once(&c_locale_once, create_c_locale);
  skip_spaces(c);
  const char *first = c->at + (*c->at == '-' || *c->at == '+');
  const bool is_decimal = (is_digit(*first) || *first == '.') && first[1] != 'x' && first[1] != 'X';
  if (!is_decimal || c_locale == (locale_t)0) return false;
  char *end;
  *out = strtod_l(c->at, &end, c_locale);
  if (end == c->at || !isfinite(*out)) return false;
  c->at = end;
  return true;
}

/* "-inf", "Infinity", "nan". */
static bool parse_special(const char *text, double *out) {
  const bool is_negative = *text == '-';
  if (is_negative || *text == '+') text++;
  if (strcasecmp(text, "nan") == 0)
    *out = NAN;
  else if (strcasecmp(text, "inf") == 0 || strcasecmp(text, "infinity") == 0)
    *out = INFINITY;
  else
    return false;
  if (is_negative) *out = -*out;
  return true;
}

static bool fits_float(double x) { return x == 0 || (fabs(x) <= (double)FLT_MAX && fabs(x) >= (double)FLT_MIN); }

/* MXNet reads a number that may be None as C++ streams do, which know no infinity,
 * and any other by itself: with an f behind it, but no space. */
static bool parse_float(const op_attribute *d, const char *text, double *out) {
  cursor c = {text};
  skip_spaces(&c);
  const bool may_be_none = d->texts || (d->default_text && strcmp(d->default_text, "None") == 0);
  if (!may_be_none && parse_special(c.at, out)) return true;
  if (!parse_number(&c, out) || (d->kind == OP_FLOAT && !fits_float(*out))) return false;
  if (may_be_none) return at_end(&c);
  c.at += *c.at == 'f' || *c.at == 'F';
  return *c.at == '\0';
}

static bool parse_bool(const char *text, int64_t *out) {
  static const char *const words[] = {"false", "true", "0", "1"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    if (strcasecmp(text, words[i]) != 0) continue;
    *out = (int64_t)(i & 1);
    return true;
  }
  return false;
}

/* Whether a list such as "max|avg|sum" has the text. */
static bool has_text(const char *texts, const char *text) {
  const size_t n = strlen(text);
  for (const char *t = texts; n > 0; t++) {
    const size_t length = strcspn(t, "|");
    if (length == n && strncmp(t, text, n) == 0) return true;
    t += length;
    if (!*t) break;
  }
  return false;
}

/* Tuples. */

typedef union element {
  int64_t integer;
  double number;
} element;

static bool is_of_numbers(const op_attribute *d) { return d->kind == OP_FLOATS || d->kind == OP_NUMBERS; }

static bool parse_element(cursor *c, const op_attribute *d, element *out) {
  if (is_of_numbers(d)) {
    if (!parse_number(c, &out->number)) return false;
    if (d->kind == OP_FLOATS && fabs(out->number) > (double)FLT_MAX) return false;
    if (d->kind == OP_FLOATS) out->number = (double)(float)out->number;
    return true;
  }
  if (d->minimum == OP_TUPLE_NONE && skip(c, "None")) {
    out->integer = OP_TUPLE_NONE;
    return true;
  }
  return parse_long(c, &out->integer) && out->integer >= d->minimum && out->integer != OP_TUPLE_NONE;
}

/* "(1, 2)", "[1, 2]", "(1,)", "()", or a bare "1". The list has one element for
 * each comma and one more at most. */
static bool parse_elements(cursor *c, const op_attribute *d, element *out, int32_t most, int32_t *out_n) {
  const char *close = skip(c, "(") ? ")" : skip(c, "[") ? "]" : NULL;
  int32_t n = 0;
  const op_attribute bare = {.kind = d->kind, .minimum = d->minimum == OP_TUPLE_NONE ? INT64_MIN + 1 : d->minimum};
  while (!(close && skip(c, close))) {
    if (n == most || !parse_element(c, close ? d : &bare, &out[n])) return false;
    n++;
    if (!close) break;
    if (skip(c, ",")) continue;
    if (!skip(c, close)) return false;
    break;
  }
  *out_n = n;
  return at_end(c);
}

enum { MAX_ELEMENTS = 1 << 20 };

static int32_t most_elements(const op_attribute *d, const char *text) {
  int32_t n = 1;
  if (d->kind == OP_TUPLE) return MXN_MAX_DIMS;
  for (; *text && n < MAX_ELEMENTS; text++) n += *text == ',';
  return n;
}

static bool parse_tuple(arena *a, const op_attribute *d, const char *text, op_parameter *out) {
  cursor c = {text};
  const int32_t most = most_elements(d, text);
  int32_t n;
  element *elements = arena_array(a, (size_t)(most < MXN_MAX_DIMS ? MXN_MAX_DIMS : most), sizeof *elements);
  if (!parse_elements(&c, d, elements, most, &n)) return false;
  if (is_of_numbers(d))
    out->numbers = arena_copy(a, &(op_numbers){.n = n, .v = &elements->number}, sizeof(op_numbers));
  else
    out->tuple = arena_copy(a, &(op_tuple){.n = n, .v = &elements->integer}, sizeof(op_tuple));
  return true;
}

/* Values. */

static bool is_tuple(const op_attribute *d) {
  return d->kind == OP_TUPLE || d->kind == OP_INTEGERS || is_of_numbers(d);
}

/* Only what declares None, as its default or among its texts, may be None; a tuple that
 * has a default or whose elements may be None may be, too. */
static bool may_be_none(const op_attribute *d) {
  const bool is_said = (d->kind == OP_INT || d->kind == OP_FLOAT) && d->texts;
  if (is_said || (d->kind == OP_TUPLE && d->minimum == OP_TUPLE_NONE)) return true;
  return d->default_text && (is_tuple(d) || strcmp(d->default_text, "None") == 0);
}

static bool parse_dtype(const op_attribute *d, const char *text, int64_t *out) {
  *out = mxn_dtype_from_name(text);
  return *out != MXN_DTYPE_UNKNOWN && (!d->texts || has_text(d->texts, text));
}

static bool parse_enumeration(arena *a, const char *texts, const char *text, const char **out) {
  if (!has_text(texts, text)) return false;
  *out = arena_strdup(a, text);
  return true;
}

/* MXNet knows Python's long integers where they may be None, and in tuples. */
static bool parse_whole(const op_attribute *d, cursor *c, int64_t *out) {
  return (may_be_none(d) ? parse_long : parse_integer)(c, out) && at_end(c);
}

static bool parse_value(arena *a, const op_attribute *d, const char *text, op_parameter *out) {
  cursor c = {text};
  switch (d->kind) {
    case OP_INT: return parse_whole(d, &c, &out->integer) && out->integer <= INT32_MAX;
    case OP_LONG: return parse_whole(d, &c, &out->integer);
    case OP_BOOL: return parse_bool(text, &out->integer);
    case OP_FLOAT:
    case OP_DOUBLE: return parse_float(d, text, &out->number);
    case OP_ENUMERATION: return parse_enumeration(a, d->texts, text, &out->text);
    case OP_TEXT: return (out->text = arena_strdup(a, text)) != NULL;
    case OP_DTYPE: return parse_dtype(d, text, &out->integer);
    case OP_TUPLE:
    case OP_INTEGERS:
    case OP_FLOATS:
    case OP_NUMBERS: return parse_tuple(a, d, text, out);
  }
  return false;
}

static int64_t lowest(const op_attribute *d) {
  return d->kind == OP_INT && d->minimum < INT32_MIN ? INT32_MIN : d->minimum;
}

static bool is_share(const op_attribute *d) { return d->kind == OP_FLOAT && d->minimum == 0; }

static const char *expected_texts(arena *a, const char *texts) {
  char *list = arena_printf(a, "one of %s", texts);
  for (char *t = list; *t; t++)
    if (*t == '|') *t = ' ';
  return list;
}

static const char *expected_value(arena *a, const op_attribute *d) {
  const bool has_minimum = d->minimum > INT32_MIN;
  switch (d->kind) {
    case OP_INT:
    case OP_LONG: return has_minimum ? arena_printf(a, "an integer of at least %" PRId64, d->minimum) : "an integer";
    case OP_BOOL: return "True or False";
    case OP_FLOAT:
    case OP_DOUBLE: return is_share(d) ? "a number from 0 to 1" : "a number";
    case OP_ENUMERATION: return expected_texts(a, d->texts);
    case OP_TEXT: return "a text";
    case OP_DTYPE: return d->texts ? expected_texts(a, d->texts) : "the name of an element type";
    case OP_FLOATS:
    case OP_NUMBERS: return "a tuple of numbers";
    case OP_TUPLE:
    case OP_INTEGERS:
      return has_minimum ? arena_printf(a, "a tuple of integers of at least %" PRId64, d->minimum)
                         : "a tuple of integers";
  }
  return "another value";
}

static bool is_out_of_range(const op_attribute *d, const op_parameter *p) {
  if (is_share(d)) return p->number < 0 || p->number > 1;
  return (d->kind == OP_INT || d->kind == OP_LONG) && p->integer < lowest(d);
}

bool attribute_parse(arena *a, const op_attribute *d, const char *text, op_parameter *out, const char **out_expected) {
  *out = (op_parameter){0};
  const bool is_default = !text || (d->kind == OP_BOOL && d->texts && strcmp(text, "None") == 0);
  if (is_default && d->default_text) text = d->default_text;
  if (!text) {
    *out_expected = expected_value(a, d);
    return false;
  }
  if (strcmp(text, "None") == 0 && may_be_none(d)) {
    out->is_none = true;
    return true;
  }
  if (!parse_value(a, d, text, out) || is_out_of_range(d, out)) {
    *out_expected = expected_value(a, d);
    return false;
  }
  if (d->kind == OP_FLOAT) out->number = (double)(float)out->number;
  return true;
}
