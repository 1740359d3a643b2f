/* usage.h - what a program with commands says about itself.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_CLI_USAGE_H
#define MXN_CLI_USAGE_H

#include "cli/options.h"

typedef struct usage {
  const char *program, *operands, *about;
  const char *version_option;
  const command *const *commands; /* NULL behind the last */
} usage;

/* "--help" or "-h". */
bool usage_is_help(const char *text);

void usage_print(const usage *u, FILE *out);

/* The command of that name; NULL after a message with near names on stderr. */
const command *usage_find(const usage *u, const char *name);

#endif
