/* options.c - see options.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/options.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checkpoint_name.h"
#include "base/near.h"
#include "cli/fold.h"

static const option_row all_options[] = {
#define X(id, name, letter, value, kind, field, help) \
  {name, letter, value, KIND_##kind, offsetof(options, field), help},
    OPTION_LIST(X)
#undef X
};
static const option_table mxneuron_table = {"mxneuron", all_options, sizeof all_options / sizeof *all_options};
enum { MAX_OPTIONS = 64 }; /* bits of command.options */
static_assert(sizeof all_options / sizeof *all_options <= MAX_OPTIONS, "a command's options are bits");

const option_table *options_table(const command *c) { return c->table ? c->table : &mxneuron_table; }
bool options_has(const command *c, size_t i) { return c->options >> i & 1; }
const char *options_operands(const command *c) { return c->operands ? c->operands : "PREFIX"; }

static bool misuse(const command *c, const char *text, const char *what, const char *hint) {
  const char *program = options_table(c)->program;
  fprintf(stderr, "%s %s: %s%s%s\nTry '%s %s --help'.\n", program, c->name, text, what, hint, program, c->name);
  return false;
}

static bool unknown_option(const command *c, const char *text, size_t bytes) {
  const option_table *table = options_table(c);
  const char *names[MAX_OPTIONS];
  char name[64], near[128], hint[160] = "";
  size_t n = 0;
  snprintf(name, sizeof name, "%.*s", (int)bytes, text);
  for (size_t i = 0; i < table->n; i++)
    if (options_has(c, i)) names[n++] = table->rows[i].name;
  near_names(name, names, n, near, sizeof near);
  if (*near) snprintf(hint, sizeof hint, "; did you mean %s?", near);
  return misuse(c, "unknown option ", name, hint);
}

static bool misuse_value(const command *c, const option_row *o, const char *expected, const char *got) {
  char text[512];
  snprintf(text, sizeof text, "%s: expected %s, got '%.200s'", o->name, expected, got);
  return misuse(c, text, "", "");
}

/* The option that `text` names up to '=' or its end. */
static const option_row *find_option(const command *c, const char *text, size_t bytes) {
  const option_table *table = options_table(c);
  for (size_t i = 0; i < table->n; i++) {
    const option_row *o = &table->rows[i];
    if (!options_has(c, i)) continue;
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

static bool read_number(const command *c, const option_row *o, const char *text, int64_t *out) {
  char *end;
  errno = 0;
  *out = strtoll(text, &end, 10);
  if (!errno && end != text && !*end && *out >= 0 && *out <= INT32_MAX) return true;
  return misuse_value(c, o, "a whole number from 0 on", text);
}

static bool read_real(const command *c, const option_row *o, const char *text, double *out) {
  char *end;
  *out = strtod(text, &end);
  if (end != text && !*end && isfinite(*out) && *out >= 0) return true;
  return misuse_value(c, o, "a number from 0 on", text);
}

bool words_have(const char *words, const char *word, size_t bytes) {
  for (const char *w = words; *w; w += strcspn(w, "|"), w += *w == '|')
    if (strcspn(w, "|") == bytes && !strncmp(w, word, bytes)) return true;
  return false;
}

static bool read_words(const command *c, const option_row *o, const char *text, bool has_commas, const char **out) {
  *out = text;
  for (const char *word = text;;) {
    const size_t bytes = has_commas ? strcspn(word, ",") : strlen(word);
    if (!words_have(o->value, word, bytes)) return misuse_value(c, o, o->value, text);
    word += bytes;
    if (!*word++) return true;
  }
}

/* Without a name there would be all outputs. */
static bool read_names(const command *c, const option_row *o, char *text, text_list *out) {
  if (!text[strspn(text, ",")]) return misuse_value(c, o, o->value, text);
  return add_names(out, text) || misuse(c, "out of memory", "", "");
}

static bool set_value(const command *c, const option_row *o, char *text, void *out) {
  void *field = (char *)out + o->offset;
  switch (o->kind) {
    case KIND_TEXT: *(const char **)field = text; return true;
    case KIND_WORD: return read_words(c, o, text, false, field);
    case KIND_SOME_WORDS: return read_words(c, o, text, true, field);
    case KIND_LIST: return add_text(field, text) || misuse(c, "out of memory", "", "");
    case KIND_NAMES: return read_names(c, o, text, field);
    case KIND_NUMBER: return read_number(c, o, text, field);
    case KIND_REAL: return read_real(c, o, text, field);
    case KIND_FLAG: *(bool *)field = true; return true;
    case KIND_IGNORED:
    case KIND_WORDS: return add_text(field, o->name) || misuse(c, "out of memory", "", "");
  }
  return false;
}

/* After '=' words are separated by blanks or commas, else they are words of argv. */
static bool parse_words(const command *c, const option_row *o, const char *equals, int argc, char **argv, int *i,
                        void *out) {
  if (!equals) {
    const int first = *i + 1;
    while (*i + 1 < argc && words_have(o->value, argv[*i + 1], strlen(argv[*i + 1]))) (*i)++;
    if (*i < first) return misuse_value(c, o, o->value, first < argc ? argv[first] : "nothing");
  }
  for (const char *word = equals ? equals + 1 : ""; *word;) {
    const size_t bytes = strcspn(word, " ,");
    if (bytes > 0 && !words_have(o->value, word, bytes)) return misuse_value(c, o, o->value, word);
    word += bytes + (word[bytes] != '\0');
  }
  return set_value(c, o, NULL, out);
}

/* argv[*i] is an option; *i moves to the last word it takes. */
static bool parse_option(const command *c, int argc, char **argv, int *i, void *out) {
  char *text = argv[*i], *equals = strchr(text, '=');
  const size_t bytes = equals ? (size_t)(equals - text) : strlen(text);
  const option_row *o = find_option(c, text, bytes);
  if (!o) return unknown_option(c, text, bytes);
  if (o->kind == KIND_WORDS) return parse_words(c, o, equals, argc, argv, i, out);
  if (!o->value) {
    if (equals) return misuse(c, o->name, " takes no value", "");
    return set_value(c, o, NULL, out);
  }
  if (!equals && *o->value == '[') return set_value(c, o, NULL, out);
  if (!equals && *i + 1 == argc) return misuse(c, o->name, " needs a value: ", o->value);
  return set_value(c, o, equals ? equals + 1 : argv[++*i], out);
}

bool options_parse_words(const command *c, int argc, char **argv, void *out, text_list *operands) {
  for (int i = 0; i < argc; i++) {
    if (argv[i][0] == '-' && argv[i][1]) {
      if (!parse_option(c, argc, argv, &i, out)) return false;
    } else if (!add_text(operands, argv[i])) {
      return misuse(c, "out of memory", "", "");
    }
  }
  return true;
}

/* A shell completes PREFIX to the name of a file. The arguments are the program's own
 * to change. */
static bool cut_file_name(const command *c, const char **name, int64_t *epoch) {
  size_t bytes;
  int32_t found;
  if (!*name || !checkpoint_name_split(*name, &bytes, &found)) return true;
  if (found >= 0 && *epoch >= 0 && found != *epoch) return misuse(c, "--epoch: ", *name, " is of another epoch");
  if (found >= 0) *epoch = found;
  ((char *)*name)[bytes] = '\0';
  return true;
}

static bool take_file_names(const command *c, options *out) {
  int64_t saved = 0;
  if (out->prefix && !*out->prefix) return misuse(c, options_operands(c), " is empty", "");
  if (out->out && !*out->out) return misuse(c, "--out is empty", "", "");
  if (out->out && out->out[strlen(out->out) - 1] == '/')
    return misuse(c, "--out: expected what the names of both files begin with, got the folder ", out->out, "");
  if (!cut_file_name(c, &out->prefix, &out->epoch) || !cut_file_name(c, &out->out, &saved)) return false;
  if (out->epoch < 0) out->epoch = 0;
  return true;
}

static bool take_prefix(const command *c, const text_list *operands, options *out) {
  const bool wants_prefix = *options_operands(c) != '\0';
  if (!wants_prefix && operands->n > 0) return misuse(c, "expected options only, got ", operands->items[0], "");
  if (!wants_prefix) return true;
  if (operands->n == 0) return misuse(c, options_operands(c), " is missing", "");
  char only[64];
  snprintf(only, sizeof only, "one %s only, got also ", options_operands(c));
  if (operands->n > 1) return misuse(c, only, operands->items[1], "");
  out->prefix = operands->items[0];
  return true;
}

bool options_parse(const command *c, int argc, char **argv, options *out) {
  text_list operands = {0};
  *out = (options){.epoch = -1, .min_compiled = -1, .top = -1, .tolerance = 1e-4, .seconds = 2};
  const bool is_right =
      options_parse_words(c, argc, argv, out, &operands) && take_prefix(c, &operands, out) && take_file_names(c, out);
  free(operands.items);
  return is_right;
}

void options_finish(options *o) {
  text_list *lists[] = {&o->inputs, &o->excluded, &o->forced, &o->outputs, &o->shapes};
  for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) free(lists[i]->items);
}

void options_help(const command *c, FILE *out) {
  enum { INDENT = 28 };
  const option_table *table = options_table(c);
  const char *operands = options_operands(c);
  const size_t width = usual_width(out);
  fprintf(out, "usage: %s %s %s%s[options]\n\n", table->program, c->name, operands, *operands ? " " : "");
  print_folded(out, c->details, 0, 0, width);
  fputs("\noptions:\n", out);
  for (size_t i = 0; i < table->n; i++) {
    const option_row *o = &table->rows[i];
    if (!options_has(c, i)) continue;
    size_t column = 0;
    if (o->letter) column = (size_t)fprintf(out, "  -%c,", o->letter);
    column += (size_t)fprintf(out, "%s%s", o->letter ? " " : "  ", o->name);
    if (o->value) column += (size_t)fprintf(out, " %s", o->value);
    print_folded(out, o->help, column, INDENT, width);
  }
  fprintf(out, "\nexample:\n  %s\n", c->example);
}
