/* main.c - the command line `mxneuron`: a table of commands.
 *
 * Results go to stdout, messages and progress to stderr; for the exit status see
 * EXIT_STATUS_LIST.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/usage.h"

static const usage mxneuron_usage = {
    .program = "mxneuron",
    .operands = "COMMAND [PREFIX] [options]",
    .about = "Compiles MXNet checkpoints (PREFIX-symbol.json and PREFIX-0000.params) to machine code and runs them.",
    .version_option = "--version",
    .commands = mxneuron_commands,
};

static int run_command_line(const command *c, int argc, char **argv) {
  options o;
  for (int i = 0; i < argc; i++) {
    if (!usage_is_help(argv[i])) continue;
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
    usage_print(&mxneuron_usage, stderr);
    return EXIT_USAGE;
  }
  if (usage_is_help(argv[1])) {
    usage_print(&mxneuron_usage, stdout);
    return finish_output(0);
  }
  if (!strcmp(argv[1], "--version")) {
    puts("mxneuron " MXNEURON_VERSION);
    return finish_output(0);
  }
  const command *c = usage_find(&mxneuron_usage, argv[1]);
  if (!c) return EXIT_USAGE;
  return finish_output(run_command_line(c, argc - 2, argv + 2));
}
