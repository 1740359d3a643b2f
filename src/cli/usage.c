/* usage.c - see usage.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/usage.h"

#include <string.h>

#include "base/near.h"
#include "cli/fold.h"

bool usage_is_help(const char *text) { return !strcmp(text, "--help") || !strcmp(text, "-h"); }

void usage_print(const usage *u, FILE *out) {
  enum { INDENT = 18 };
  const size_t width = usual_width(out);
  char more[160];
  fprintf(out, "usage: %s %s\n\n", u->program, u->operands);
  print_folded(out, u->about, 0, 0, width);
  fputs("\ncommands:\n", out);
  for (const command *const *c = u->commands; *c; c++)
    print_folded(out, (*c)->summary, (size_t)fprintf(out, "  %s", (*c)->name), INDENT, width);
  putc('\n', out);
  snprintf(more, sizeof more, "'%s COMMAND --help' tells more; '%s %s' which one this is.", u->program, u->program,
           u->version_option);
  print_folded(out, more, 0, 0, width);
  fputs("\nexit status:\n", out);
#define X(number, text) print_folded(out, text, (size_t)fprintf(out, "  %d", number), 5, width);
  EXIT_STATUS_LIST(X)
#undef X
}

const command *usage_find(const usage *u, const char *name) {
  enum { MAX_COMMANDS = 32 };
  const char *names[MAX_COMMANDS];
  size_t n = 0;
  char near[128];
  for (const command *const *c = u->commands; *c && n < MAX_COMMANDS; c++) {
    if (!strcmp((*c)->name, name)) return *c;
    names[n++] = (*c)->name;
  }
  near_names(name, names, n, near, sizeof near);
  fprintf(stderr, "%s: unknown command '%.100s'%s%s%s\nTry '%s --help'.\n", u->program, name,
          *near ? "; did you mean " : "", near, *near ? "?" : "", u->program);
  return NULL;
}
