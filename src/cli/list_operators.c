/* list_operators.c - `mxneuron list-operators`: what becomes of MXNet's operators.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "cli/commands.h"
#include "cli/fold.h"
#include "cli/json_writer.h"
#include "mxneuron/operators.h"

static bool is_alias(const mxn_operator *o) { return o->canonical && strcmp(o->canonical, o->name) != 0; }

static void print_line(const mxn_operator *o, size_t width) {
  enum { NAME_COLUMNS = 44 };
  char text[512];
  snprintf(text, sizeof text, "%s%s%s%s%s%s", mxn_support_text(o->support), is_alias(o) ? ", as " : "",
           is_alias(o) ? o->canonical : "", o->reason ? " (" : "", o->reason ? o->reason : "", o->reason ? ")" : "");
  if (width == SIZE_MAX)
    printf("%-*s %s\n", NAME_COLUMNS, o->name, text);
  else
    print_folded(stdout, text, (size_t)printf("%s", o->name), NAME_COLUMNS + 1, width);
}

static void print_counts(size_t width) {
  static const mxn_support supports[] = {
#define X(name, number, text) MXN_SUPPORT_##name,
      MXN_SUPPORT_LIST(X)
#undef X
  };
  char text[256];
  int used = snprintf(text, sizeof text, "%zu names", mxn_operators_n());
  for (size_t i = 0; i < sizeof supports / sizeof *supports; i++) {
    size_t n = 0;
    for (size_t k = 0; k < mxn_operators_n(); k++) n += mxn_operators_get(k).support == supports[i];
    used +=
        snprintf(text + used, sizeof text - (size_t)used, "%s %zu %s", i ? "," : ":", n, mxn_support_text(supports[i]));
  }
  print_folded(stdout, text, 0, 0, width);
}

static mxn_status print_json(mxn_error *err) {
  json_writer w;
  TRY(json_open(&w, err));
  json_begin(&w, "operators", '[');
  for (size_t i = 0; i < mxn_operators_n(); i++) {
    const mxn_operator o = mxn_operators_get(i);
    json_begin(&w, NULL, '{');
    json_text(&w, "name", o.name);
    json_text(&w, "support", mxn_support_text(o.support));
    if (o.canonical) json_text(&w, "canonical", o.canonical);
    if (o.reason) json_text(&w, "reason", o.reason);
    json_end(&w, '}');
  }
  json_end(&w, ']');
  return json_close(&w, err);
}

static int run(const options *o) {
  mxn_error err = {0};
  if (o->json) return print_json(&err) == MXN_OK ? 0 : failed(&list_operators_command, &err);
  const size_t width = terminal_width(stdout, SIZE_MAX); /* what a program reads are whole lines */
  for (size_t i = 0; i < mxn_operators_n(); i++) {
    const mxn_operator one = mxn_operators_get(i);
    print_line(&one, width);
  }
  print_counts(width);
  return 0;
}

const command list_operators_command = {
    .name = "list-operators",
    .summary = "list what becomes of each operator of MXNet",
    .details =
        "Lists every operator that MXNet 1.9.1 registers, and what becomes of it: compiled to machine code (where "
        "its attributes and shapes allow it), run by the reference operators, or not for inference, with the reason.",
    .example = "mxneuron list-operators | grep Convolution",
    .options = OPTION_BIT(JSON),
    .operands = "",
    .run = run,
};
