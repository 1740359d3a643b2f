/* documents.c - man pages and shell completion, made while building, and the flags
 * of neuron-cc for python/mx_neuron.
 *
 *     cli-documents man|bash|zsh|python mxneuron|neuron-cc
 *
 * prints one document of the tables that parse the command line and print its
 * help, so that none of them can fall behind. It is not installed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/neuron_cc_options.h"

typedef struct program {
  const char *name, *summary, *description;
  const command *const *commands; /* ends with NULL */
} program;

static const program programs[] = {
    {"mxneuron", "compile and run models of Apache MXNet",
     "An ahead-of-time compiler and runtime for the models of Apache MXNet. PREFIX stands for a checkpoint, "
     "PREFIX-symbol.json with PREFIX-0000.params, or for the neuronbin file of that name; the name of either file of "
     "the checkpoint will do, too.",
     mxneuron_commands},
    {"neuron-cc", "compile a model of Apache MXNet to a program",
     "The compiler of mxneuron. It is started by it, and can be used by hand as the compiler of MXNet-Neuron.",
     neuron_cc_commands},
};

static bool is_file(const char *value) { return value && strstr(value, "FILE") != NULL; }
static bool is_words(const option_row *o) {
  return o->kind == KIND_WORD || o->kind == KIND_SOME_WORDS || o->kind == KIND_WORDS;
}
static bool may_repeat(const option_row *o) { return o->kind == KIND_LIST || o->kind == KIND_NAMES; }

typedef struct escape {
  char from; /* 0: the end of a table */
  const char *to;
} escape;

static void print_escaped(const char *text, const escape *escapes) {
  for (; *text; text++) {
    const escape *e = escapes;
    while (e->from && e->from != *text) e++;
    if (e->from)
      fputs(e->to, stdout);
    else
      putchar(*text);
  }
}

/* Man pages. */

/* Nothing here begins with a dot or a quote, which would be a request. */
static void print_roff(const char *text) {
  print_escaped(text, (const escape[]){{'\\', "\\e"}, {'-', "\\-"}, {'|', "|\\:"}, {0, NULL}});
}

static void print_man_option(const option_row *o) {
  fputs(".TP\n.B ", stdout);
  if (o->letter) printf("\\-%c, ", o->letter);
  print_roff(o->name);
  if (o->value) {
    fputs(" \\fI", stdout);
    print_roff(o->value);
    fputs("\\fR", stdout);
  }
  putchar('\n');
  print_roff(o->help);
  puts(".");
}

static void print_man_command(const program *p, const command *c) {
  const option_table *table = options_table(c);
  fputs(".SS ", stdout);
  print_roff(c->name);
  fputs("\n.B ", stdout);
  print_roff(p->name);
  putchar(' ');
  print_roff(c->name);
  printf("\\fR %s%s[\\fIoptions\\fR]\n.PP\n", options_operands(c), *options_operands(c) ? " " : "");
  print_roff(c->details);
  putchar('\n');
  for (size_t i = 0; i < table->n; i++)
    if (options_has(c, i)) print_man_option(&table->rows[i]);
  fputs(".PP\nExample:\n.PP\n.RS 4\n", stdout);
  print_roff(c->example);
  puts("\n.RE");
}

static void print_man(const program *p) {
  static const char date[] = "2026-12-01"; /* when the command line changed last */
  printf(".\\\" Made by cli-documents: see src/cli/documents.c\n.TH \"");
  print_roff(p->name);
  printf("\" 1 %s \"mxneuron %s\"\n.nh\n.ad l\n.SH NAME\n", date, MXNEURON_VERSION);
  print_roff(p->name);
  fputs(" \\- ", stdout);
  print_roff(p->summary);
  fputs("\n.SH SYNOPSIS\n.B ", stdout);
  print_roff(p->name);
  fputs("\n.I command\n[\\fIoptions\\fR]\n.br\n.B ", stdout);
  print_roff(p->name);
  fputs("\n.RI [ command ]\n.B \\-\\-help\n.br\n.B ", stdout);
  print_roff(p->name);
  fputs("\n.B \\-\\-version\n.SH DESCRIPTION\n", stdout);
  print_roff(p->description);
  puts("\n.SH COMMANDS");
  for (const command *const *c = p->commands; *c; c++) print_man_command(p, *c);
  puts(".SH EXIT STATUS"
#define X(number, text) "\n.TP\n.B " #number "\n" text "."
       EXIT_STATUS_LIST(X)
#undef X
           "\n"
           ".SH ENVIRONMENT\n"
           ".TP\n.B MXNEURON_CC\nPath of the compiler neuron\\-cc, where it is not beside mxneuron or in PATH.\n"
           ".TP\n.B MXNEURON_ISA\nRun code for this older target, such as x86\\-64\\-v3.\n"
           ".TP\n.B MXNEURON_NUM_CORES\nThe most cores to run on.\n"
           ".TP\n.B TMPDIR\nWhere temporary files are made.\n"
           ".SH SEE ALSO\n"
           ".BR mxneuron (1),\n.BR neuron\\-cc (1)");
}

/* Completion in bash. */

static void print_words(const char *words) { print_escaped(words, (const escape[]){{'|', " "}, {0, NULL}}); }

static void print_bash_options(const command *c) {
  const option_table *table = options_table(c);
  printf("    %s) options='", c->name);
  for (size_t i = 0; i < table->n; i++)
    if (options_has(c, i)) printf("%s ", table->rows[i].name);
  puts("--help' ;;");
}

/* "--fp32-cast) values='all matmult'" and the like; the same rows for all commands. */
static void print_bash_values(const program *p) {
  const option_table *table = options_table(p->commands[0]);
  for (size_t i = 0; i < table->n; i++) {
    const option_row *o = &table->rows[i];
    if (!is_words(o)) continue;
    printf("    %s) values='", o->name);
    print_words(o->value);
    puts("' ;;");
  }
}

static void print_bash(const program *p) {
  printf("# bash completion for %s, made by cli-documents: see src/cli/documents.c\n\n", p->name);
  printf("_%s() {\n", strcmp(p->name, "neuron-cc") ? p->name : "neuron_cc");
  puts(
      "  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} options='' values=''\n"
      "  COMPREPLY=()\n"
      "  if [ \"$COMP_CWORD\" = 1 ]; then");
  fputs("    mapfile -t COMPREPLY < <(compgen -W '", stdout);
  for (const command *const *c = p->commands; *c; c++) printf("%s ", (*c)->name);
  puts(
      "--help --version' -- \"$current\")\n"
      "    return\n"
      "  fi\n"
      "  case $previous in");
  print_bash_values(p);
  puts(
      "    *) ;;\n"
      "  esac\n"
      "  case ${COMP_WORDS[1]} in");
  for (const command *const *c = p->commands; *c; c++) print_bash_options(*c);
  puts(
      "    *) ;;\n"
      "  esac\n"
      "  if [ -n \"$values\" ]; then\n"
      "    mapfile -t COMPREPLY < <(compgen -W \"$values\" -- \"$current\")\n"
      "  elif [[ $current == -* ]]; then\n"
      "    mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$current\")\n"
      "  elif [[ $previous != -* ]]; then\n"
      "    # A checkpoint is named without its end.\n"
      "    mapfile -t COMPREPLY < <(compgen -G \"$current*-symbol.json\" | sed 's/-symbol\\.json$//')\n"
      "  fi\n"
      "}");
  printf("complete -o default -F _%s %s\n", strcmp(p->name, "neuron-cc") ? p->name : "neuron_cc", p->name);
}

/* Completion in zsh. */

/* Inside '...' of a specification. */
static void print_zsh_text(const char *text) {
  static const escape escapes[] = {{'[', "\\["}, {']', "\\]"}, {':', "\\:"}, {'\'', "'\\''"}, {0, NULL}};
  print_escaped(text, escapes);
}

static void print_zsh_option(const option_row *o) {
  fputs(" \\\n        ", stdout);
  const char *join = o->value ? "=" : "";
  if (o->letter) printf("'(-%c %s)'{-%c%s,%s%s}", o->letter, o->name, o->letter, *join ? "+" : "", o->name, join);
  putchar('\'');
  if (!o->letter) printf("%s%s%s", may_repeat(o) ? "*" : "", o->name, join);
  putchar('[');
  print_zsh_text(o->help);
  putchar(']');
  if (o->value) {
    putchar(':');
    print_zsh_text(is_words(o) ? "value" : o->value);
    putchar(':');
    if (is_file(o->value)) fputs("_files", stdout);
    if (is_words(o)) {
      putchar('(');
      print_words(o->value);
      putchar(')');
    }
  }
  putchar('\'');
}

static void print_zsh_command(const command *c) {
  const option_table *table = options_table(c);
  printf("    %s)\n      _arguments", c->name);
  for (size_t i = 0; i < table->n; i++)
    if (options_has(c, i)) print_zsh_option(&table->rows[i]);
  fputs(" \\\n        '--help[tell more]'", stdout);
  if (*options_operands(c)) printf(" \\\n        '*:%s:_files'", options_operands(c));
  puts("\n      ;;");
}

static void print_zsh(const program *p) {
  printf("#compdef %s\n# Made by cli-documents: see src/cli/documents.c\n\n", p->name);
  puts("local -a commands\ncommands=(");
  for (const command *const *c = p->commands; *c; c++) {
    printf("  '%s:", (*c)->name);
    print_zsh_text((*c)->summary);
    puts("'");
  }
  puts(
      ")\n"
      "if (( CURRENT == 2 )); then\n"
      "  _describe command commands\n"
      "else\n"
      "  shift words\n"
      "  (( CURRENT-- ))\n"
      "  case $words[1] in");
  for (const command *const *c = p->commands; *c; c++) print_zsh_command(*c);
  puts("  esac\nfi");
}

/* The options of a program's first command as a table of Python. */

static void print_python_text(const char *text) {
  putchar('"');
  print_escaped(text, (const escape[]){{'"', "\\\""}, {'\\', "\\\\"}, {0, NULL}});
  putchar('"');
}

static void print_python_option(const option_row *o) {
  printf("    ");
  print_python_text(o->name);
  fputs(": (", stdout);
  if (o->value)
    print_python_text(o->value);
  else
    fputs("None", stdout);
  printf(", %s),\n", is_words(o) ? "True" : "False");
}

static void print_python(const program *p) {
  const command *c = p->commands[0];
  const option_table *table = options_table(c);
  printf("\"\"\"Options of `%s %s`. Made by cli-documents, as src/cli/documents.c says.\n\n", p->name, c->name);
  puts(
      "SPDX-License-Identifier: Apache-2.0\n\"\"\"\n\n"
      "# Name: what its value is called, None for a flag, and whether that lists the words that may follow.\n"
      "OPTIONS = {");
  for (size_t i = 0; i < table->n; i++)
    if (options_has(c, i)) print_python_option(&table->rows[i]);
  puts("}");
}

/* Which one. */

static const struct {
  const char *name;
  void (*print)(const program *p);
} kinds[] = {{"man", print_man}, {"bash", print_bash}, {"zsh", print_zsh}, {"python", print_python}};

int main(int argc, char **argv) {
  for (size_t k = 0; argc == 3 && k < sizeof kinds / sizeof *kinds; k++)
    for (size_t p = 0; p < sizeof programs / sizeof *programs; p++) {
      if (strcmp(argv[1], kinds[k].name) != 0 || strcmp(argv[2], programs[p].name) != 0) continue;
      kinds[k].print(&programs[p]);
      return fflush(stdout) == 0 ? 0 : 1;
    }
  fputs("usage: cli-documents man|bash|zsh|python mxneuron|neuron-cc\n", stderr);
  return 2;
}
