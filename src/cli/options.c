/* options.c - see options.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/near.h"

typedef enum option_kind { KIND_TEXT, KIND_LIST, KIND_NAMES, KIND_NUMBER, KIND_REAL, KIND_FLAG } option_kind;

typedef struct option {
  const char *name;
  char letter;
  const char *value; /* NULL: a flag */
  option_kind kind;
  size_t offset; /* of the field in struct options */
  const char *help;
} option;

static const option all_options[] = {
#define X(id, name, letter, value, kind, field, help) \
  {name, letter, value, KIND_##kind, offsetof(options, field), help},
    OPTION_LIST(X)
#undef X
};
enum { N_OPTIONS = sizeof all_options / sizeof *all_options };

static bool has_option(const command *c, size_t i) { return c->options >> i & 1; }

static bool misuse(const command *c, const char *text, const char *what, const char *hint) {
  fprintf(stderr, "mxneuron %s: %s%s%s\nTry 'mxneuron %s --help'.\n", c->name, text, what, hint, c->name);
  return false;
}

static bool unknown_option(const command *c, const char *text, size_t bytes) {
  const char *names[N_OPTIONS];
  char name[64], near[128], hint[160] = "";
  size_t n = 0;
  snprintf(name, sizeof name, "%.*s", (int)bytes, text);
  for (size_t i = 0; i < N_OPTIONS; i++)
    if (has_option(c, i)) names[n++] = all_options[i].name;
  near_names(name, names, n, near, sizeof near);
  if (*near) snprintf(hint, sizeof hint, "; did you mean %s?", near);
  return misuse(c, "unknown option ", name, hint);
}

/* The option that `text` names up to '=' or its end. */
static const option *find_option(const command *c, const char *text, size_t bytes) {
  for (size_t i = 0; i < N_OPTIONS; i++) {
    const option *o = &all_options[i];
    if (!has_option(c, i)) continue;
    if (strlen(o->name) == bytes && !strncmp(o->name, text, bytes)) return o;
    if (o->letter && bytes == 2 && text[0] == '-' && text[1] == o->letter) return o;
  }
  return NULL;
}

static bool add_text(text_list *list, const char *text) {
  const char **items = realloc(list->items, (list->n + 1) * sizeof *items);
  if (!items) return false;
  list->items = items;
  items[list->n++] = text;
  return true;
}

/* "a,b": the commas in argv become ends. */
static bool add_names(text_list *list, char *text) {
  for (char *save = NULL, *name = strtok_r(text, ",", &save); name; name = strtok_r(NULL, ",", &save))
    if (!add_text(list, name)) return false;
  return true;
}

static bool read_number(const command *c, const option *o, const char *text, int64_t *out) {
  char *end;
  errno = 0;
  *out = strtoll(text, &end, 10);
  if (!errno && end != text && !*end && *out >= 0 && *out <= INT32_MAX) return true;
  fprintf(stderr, "mxneuron %s: %s: expected a number, got '%s'\n", c->name, o->name, text);
  return false;
}

static bool read_real(const command *c, const option *o, const char *text, double *out) {
  char *end;
  *out = strtod(text, &end);
  if (end != text && !*end && *out >= 0) return true;
  fprintf(stderr, "mxneuron %s: %s: expected a number, got '%s'\n", c->name, o->name, text);
  return false;
}

static bool set_value(const command *c, const option *o, char *text, options *out) {
  void *field = (char *)out + o->offset;
  switch (o->kind) {
    case KIND_TEXT: *(const char **)field = text; return true;
    case KIND_LIST: return add_text(field, text);
    case KIND_NAMES: return add_names(field, text);
    case KIND_NUMBER: return read_number(c, o, text, field);
    case KIND_REAL: return read_real(c, o, text, field);
    case KIND_FLAG: *(bool *)field = true; return true;
  }
  return false;
}

/* argv[*i] is an option; *i moves to the last word it takes. */
static bool parse_option(const command *c, int argc, char **argv, int *i, options *out) {
  char *text = argv[*i], *equals = strchr(text, '=');
  const size_t bytes = equals ? (size_t)(equals - text) : strlen(text);
  const option *o = find_option(c, text, bytes);
  if (!o) return unknown_option(c, text, bytes);
  if (o->kind == KIND_FLAG) {
    if (equals) return misuse(c, o->name, " takes no value", "");
    return set_value(c, o, NULL, out);
  }
  if (!equals && *i + 1 == argc) return misuse(c, o->name, " needs a value: ", o->value);
  return set_value(c, o, equals ? equals + 1 : argv[++*i], out);
}

bool options_parse(const command *c, int argc, char **argv, options *out) {
  *out = (options){.min_compiled = -1, .tolerance = 1e-4, .seconds = 2};
  for (int i = 0; i < argc; i++) {
    if (argv[i][0] == '-' && argv[i][1]) {
      if (!parse_option(c, argc, argv, &i, out)) return false;
    } else if (out->prefix) {
      return misuse(c, "one PREFIX only, got also ", argv[i], "");
    } else {
      out->prefix = argv[i];
    }
  }
  return out->prefix || misuse(c, "PREFIX is missing", "", "");
}

void options_finish(options *o) {
  text_list *lists[] = {&o->inputs, &o->excluded, &o->forced, &o->outputs};
  for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) free(lists[i]->items);
}

/* Help texts fold at 80 columns behind the first column. */
static void print_folded(FILE *out, const char *text, size_t indent) {
  enum { WIDTH = 80 };
  size_t column = indent;
  for (const char *word = text; *word;) {
    const size_t bytes = strcspn(word, " ");
    if (column + 1 + bytes > WIDTH && column > indent) {
      fprintf(out, "\n%*s", (int)indent, "");
      column = indent;
    }
    fprintf(out, "%s%.*s", column > indent ? " " : "", (int)bytes, word);
    column += bytes + (column > indent);
    word += bytes + (word[bytes] == ' ');
  }
  putc('\n', out);
}

void options_help(const command *c, FILE *out) {
  enum { INDENT = 28 };
  fprintf(out, "usage: mxneuron %s PREFIX [options]\n\n", c->name);
  print_folded(out, c->details, 0);
  fputs("\noptions:\n", out);
  for (size_t i = 0; i < N_OPTIONS; i++) {
    const option *o = &all_options[i];
    char first[64];
    if (!has_option(c, i)) continue;
    char letter[8] = "";
    if (o->letter) snprintf(letter, sizeof letter, "-%c, ", o->letter);
    snprintf(first, sizeof first, "  %s%s%s%s", letter, o->name, o->value ? " " : "", o->value ? o->value : "");
    if (strlen(first) + 2 > INDENT)
      fprintf(out, "%s\n%*s", first, INDENT, "");
    else
      fprintf(out, "%-*s", INDENT, first);
    print_folded(out, o->help, INDENT);
  }
  fprintf(out, "\nexample:\n  %s\n", c->example);
}
