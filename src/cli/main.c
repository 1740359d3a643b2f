/* main.c - the command line `mxneuron`: a table of commands.
 *
 * Exit status: 0 success, 1 failure, 2 wrong usage. Results go to stdout, messages
 * and progress to stderr.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>

#include "base/near.h"
#include "cli/commands.h"

enum { MAX_COMMANDS = 32, EXIT_USAGE = 2 };

static void print_usage(FILE *out) {
  fputs(
      "usage: mxneuron COMMAND [PREFIX] [options]\n\n"
      "Compiles MXNet checkpoints (PREFIX-symbol.json and PREFIX-0000.params) to\n"
      "machine code and runs them.\n\ncommands:\n",
      out);
  for (const command *const *c = mxneuron_commands; *c; c++) fprintf(out, "  %-15s %s\n", (*c)->name, (*c)->summary);
  fputs("\n'mxneuron COMMAND --help' tells more; 'mxneuron --version' which one this is.\n", out);
}

static const command *find_command(const char *name) {
  for (const command *const *c = mxneuron_commands; *c; c++)
    if (!strcmp((*c)->name, name)) return *c;
  return NULL;
}

static int unknown_command(const char *name) {
  const char *names[MAX_COMMANDS];
  size_t n = 0;
  char near[128];
  for (const command *const *c = mxneuron_commands; *c && n < MAX_COMMANDS; c++) names[n++] = (*c)->name;
  near_names(name, names, n, near, sizeof near);
  fprintf(stderr, "mxneuron: unknown command '%.100s'%s%s%s\nTry 'mxneuron --help'.\n", name,
          *near ? "; did you mean " : "", near, *near ? "?" : "");
  return EXIT_USAGE;
}

static bool is_help(const char *text) { return !strcmp(text, "--help") || !strcmp(text, "-h"); }

static int run_command_line(const command *c, int argc, char **argv) {
  options o;
  for (int i = 0; i < argc; i++) {
    if (!is_help(argv[i])) continue;
    options_help(c, stdout);
    return 0;
  }
  const int status = options_parse(c, argc, argv, &o) ? c->run(&o) : EXIT_USAGE;
  options_finish(&o);
  return status;
}

/* A full disk must not look like success. */
static int finish_output(int status) {
  if (fflush(stdout) == 0 && !ferror(stdout)) return status;
  perror("mxneuron: cannot write");
  return 1;
}

int main(int argc, char **argv) {
  if (argc < 2) {
    print_usage(stderr);
    return EXIT_USAGE;
  }
  if (is_help(argv[1])) {
    print_usage(stdout);
    return finish_output(0);
  }
  if (!strcmp(argv[1], "--version")) {
    puts("mxneuron " MXNEURON_VERSION);
    return finish_output(0);
  }
  const command *c = find_command(argv[1]);
  if (!c) return unknown_command(argv[1]);
  return finish_output(run_command_line(c, argc - 2, argv + 2));
}
