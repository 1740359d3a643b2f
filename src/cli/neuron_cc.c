/* neuron_cc.c - the compiler, an executable of its own: commands and messages.
 *
 * By hand it compiles whole models (`compile`); libmxneuron starts it for one
 * subgraph (`subgraph`). Code generation is in no other process, because LLVM ends
 * its process on a fatal error. On failure the last line on stderr is
 * "neuron-cc: STATUS: message" and the exit status is 1; by hand a wrong command
 * line is 2.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "cli/neuron_cc_compile.h"
#include "cli/neuron_cc_options.h"
#include "cli/usage.h"
#include "codegen/specialize.h"
#include "codegen/target.h"
#include "neuronbin/check.h"
#include "partition/catalog.h"

/* MXN_ARGUMENT from a command is a wrong command line. */
typedef struct invocation {
  const command *command;
  neuron_cc_options options;
  text_list operands;
} invocation;

static mxn_status check_framework(const char *name, mxn_error *err) {
  if (!name || !strcasecmp(name, "MXNET")) return MXN_OK;
  return error_set(err, MXN_ARGUMENT, "--framework: expected MXNET, got '%.100s'", name);
}

static mxn_status check_cores(int64_t cores, mxn_error *err) {
  if (cores >= 1 && cores <= NEURONBIN_MAX_CORES) return MXN_OK;
  return error_set(err, MXN_ARGUMENT, "--neuroncore-pipeline-cores: expected 1 to %d, got %lld", NEURONBIN_MAX_CORES,
                   (long long)cores);
}

/* What is no value of these options at all; a file that one of them names may be wrong, too. */
static mxn_status check_values(const neuron_cc_options *o, mxn_error *err) {
  const target *ignored[MAX_TARGETS];
  size_t n;
  TRY(check_framework(o->framework, err));
  TRY(check_cores(o->cores, err));
  if (o->targets && target_parse(o->targets, ignored, &n, err) != MXN_OK)
    return error_prefix(err, MXN_ARGUMENT, "--targets");
  if (o->dump && !words_have(PASS_WORDS, o->dump, strlen(o->dump)))
    return error_set(err, MXN_ARGUMENT, "--dump: expected %s, got '%.100s'", PASS_WORDS, o->dump);
  if (o->dump && !o->dump_path) return error_set(err, MXN_ARGUMENT, "--dump needs --dump-path");
  return o->io_config ? check_io_config_text(o->io_config, err) : MXN_OK;
}

/* Scripts that come from chips learn that an option does nothing here. */
static void tell_ignored(const neuron_cc_options *o) {
  if (o->verbose && strcasecmp(o->verbose, "INFO") != 0 && strcasecmp(o->verbose, "DEBUG") != 0) return;
  for (size_t i = 0; i < o->ignored.n; i++)
    printf("INFO: %s: %s\n", o->ignored.items[i], neuron_cc_option_help(o->ignored.items[i]));
}

static bool ends_with(const char *text, const char *end) {
  const size_t n = strlen(text), k = strlen(end);
  return n >= k && !strcmp(text + n - k, end);
}

/* The two files in either order: the symbol is the one called .json. */
static mxn_status name_files(const text_list *operands, const char **out_symbol, const char **out_params,
                             mxn_error *err) {
  const char *files[2] = {NULL, NULL};
  if (operands->n < 1 || operands->n > 2)
    return error_set(err, MXN_ARGUMENT, "expected a symbol file and a parameter file, got %zu files", operands->n);
  for (size_t i = 0; i < operands->n; i++) {
    const char **file = &files[ends_with(operands->items[i], ".json") ? 0 : 1];
    if (*file) break;
    *file = operands->items[i];
  }
  if (!files[0] || (operands->n == 2 && !files[1]))
    return error_set(err, MXN_ARGUMENT, "expected NAME-symbol.json and NAME-0000.params, got '%.100s'%s%.100s%s",
                     operands->items[0], operands->n == 2 ? " and '" : "", operands->n == 2 ? operands->items[1] : "",
                     operands->n == 2 ? "'" : "");
  *out_symbol = files[0];
  *out_params = files[1];
  return MXN_OK;
}

typedef struct files {
  const char *symbol, *params;
} files;

/* A wrong command line leaves with 2 before anything is read. */
static mxn_status check_invocation(invocation *v, files *out, mxn_error *err) {
  TRY(check_values(&v->options, err));
  if (v->command == &neuron_cc_compile_command) return name_files(&v->operands, &out->symbol, &out->params, err);
  if (v->operands.n > 0)
    return error_set(err, MXN_ARGUMENT, "expected options only, got '%.100s'", v->operands.items[0]);
  if (v->command == &neuron_cc_subgraph_command && !(v->options.graph && v->options.weights && v->options.output))
    return error_set(err, MXN_ARGUMENT, "--graph, --weights and --output are needed");
  return MXN_OK;
}

static mxn_status list_operators(void) {
  for (size_t i = 0; i < catalog_count(); i++) {
    const mxn_operator o = catalog_at(i);
    if (o.support == MXN_SUPPORT_COMPILED) puts(o.name);
  }
  return MXN_OK;
}

static mxn_status run_command(invocation *v, const files *f, mxn_error *err) {
  tell_ignored(&v->options);
  if (v->command == &neuron_cc_list_command) return list_operators();
  if (v->command == &neuron_cc_subgraph_command) return compile_subgraph(&v->options, err);
  if (!v->options.output) v->options.output = "out.neff"; /* as documented for Inferentia */
  return compile_model_files(&v->options, f->symbol, f->params, err);
}

static const char *status_name(mxn_status status) {
#define X(name, number, text) \
  if (status == number) return #name;
  MXN_STATUS_LIST(X)
#undef X
  return "INTERNAL";
}

/* A full disk must not look like success. */
static int report(mxn_status status, const mxn_error *err) {
  if (fflush(stdout) != 0 || ferror(stdout)) {
    perror("neuron-cc: cannot write");
    return 1;
  }
  if (status == MXN_OK) return 0;
  fprintf(stderr, "neuron-cc: %s: %s\n", status_name(status), err->message);
  return 1;
}

static int misused(const command *c, const mxn_error *err) {
  fprintf(stderr, "neuron-cc %s: %s\nTry 'neuron-cc %s --help'.\n", c->name, err->message, c->name);
  return EXIT_USAGE;
}

static int run_words(invocation *v, int argc, char **argv) {
  mxn_error err = {0};
  files f = {0};
  for (int i = 0; i < argc; i++) {
    if (!usage_is_help(argv[i])) continue;
    options_help(v->command, stdout);
    return report(MXN_OK, NULL);
  }
  v->options.cores = 1;
  if (!options_parse_words(v->command, argc, argv, &v->options, &v->operands)) return EXIT_USAGE;
  const mxn_status status = check_invocation(v, &f, &err);
  /* The library reads the last line, whatever is wrong. */
  if (status != MXN_OK && v->command != &neuron_cc_subgraph_command) return misused(v->command, &err);
  if (status != MXN_OK) return report(status, &err);
  return report(run_command(v, &f, &err), &err);
}

static const usage neuron_cc_usage = {
    .program = "neuron-cc",
    .operands = "COMMAND [options]",
    .about = "Compiles MXNet models to machine code.",
    .version_option = "-V",
    .commands = neuron_cc_commands,
};

/* LLVM ends the process after this returns. */
static void report_fatal(const char *reason) { fprintf(stderr, "neuron-cc: INTERNAL: LLVM: %s\n", reason); }

int main(int argc, char **argv) {
  invocation v = {0};
  specialize_on_fatal_error(report_fatal);
  if (argc < 2) {
    usage_print(&neuron_cc_usage, stderr);
    return EXIT_USAGE;
  }
  if (usage_is_help(argv[1])) {
    usage_print(&neuron_cc_usage, stdout);
    return report(MXN_OK, NULL);
  }
  if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
    puts("neuron-cc " MXNEURON_VERSION);
    return report(MXN_OK, NULL);
  }
  v.command = usage_find(&neuron_cc_usage, argv[1]);
  if (!v.command) return EXIT_USAGE;
  const int exit_status = run_words(&v, argc - 2, argv + 2);
  free(v.operands.items);
  free(v.options.ignored.items);
  return exit_status;
}
