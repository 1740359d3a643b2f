/* verify.c - `mxneuron verify`: results against what MXNet computed.
 *
 * A golden file holds inputs (in:NAME), outputs (out:NAME) and inner values
 * (internal:NAME_output). Two groups are evaluated: the outputs, with the model
 * compiled as it is; and the inner values, with a model compiled to give them.
 *
 * A golden in float32 has an error of its own, which grows with the depth of the
 * model. Where a result misses the tolerance, the model runs once more in float64.
 * A golden that is within twice the tolerance of that run still counts, and the
 * result passes if it is within the tolerance of that run too, or not twice as far
 * from it as the golden. All numbers are printed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "cli/commands.h"
#include "cli/json_writer.h"

/* Arrays of the golden with one prefix. */
typedef struct golden_group {
  const char *prefix;
  text_list names; /* without the prefix */
  mxn_tensor *expected;
  bound_model float64; /* its outputs are those of the group, once something needs them */
  bool has_float64, no_float64;
} golden_group;

typedef struct verification {
  const options *options;
  const mxn_model *model;
  mxn_arrays *golden;
  input_set inputs;
  input_set float64_inputs;
  golden_group outputs, internals;
  json_writer json; /* with --json; else it writes nothing */
  mxn_model_statistics statistics;
  bool is_failed;
} verification;

static const char *behind_prefix(const char *text, const char *prefix) {
  const size_t n = strlen(prefix);
  return strncmp(text, prefix, n) == 0 ? text + n : NULL;
}

/* The golden file. */

static mxn_status add_expected(golden_group *g, const char *name, const mxn_tensor *tensor, mxn_error *err) {
  const char **names = realloc(g->names.items, (g->names.n + 1) * sizeof *names);
  if (names) g->names.items = names;
  mxn_tensor *expected = realloc(g->expected, (g->names.n + 1) * sizeof *expected);
  if (expected) g->expected = expected;
  if (!names || !expected) return error_set(err, MXN_NOMEM, "out of memory");
  names[g->names.n] = name;
  expected[g->names.n++] = *tensor;
  return MXN_OK;
}

/* The types of the golden's inputs are those that MXNet was bound to. */
static mxn_status read_golden(verification *v, mxn_error *err) {
  const size_t n = mxn_arrays_n(v->golden);
  size_t n_inputs = 0;
  for (size_t i = 0; i < n; i++) n_inputs += behind_prefix(mxn_arrays_get(v->golden, i).name, "in:") != NULL;
  TRY(inputs_init(&v->inputs, n_inputs, err));
  n_inputs = 0;
  for (size_t i = 0; i < n; i++) {
    const mxn_array a = mxn_arrays_get(v->golden, i);
    const char *input = behind_prefix(a.name, "in:"), *output = behind_prefix(a.name, "out:");
    const char *internal = behind_prefix(a.name, "internal:");
    if (input)
      TRY(inputs_copy(&v->inputs, n_inputs++, input, strlen(input), &a.tensor,
                      wanted_dtype(v->model, input, strlen(input), a.tensor.type.dtype), err));
    if (output) TRY(add_expected(&v->outputs, output, &a.tensor, err));
    if (internal) TRY(add_expected(&v->internals, internal, &a.tensor, err));
  }
  if (v->outputs.names.n + v->internals.names.n > 0 && n_inputs > 0) return MXN_OK;
  return error_set(err, MXN_ARGUMENT, "%s: it has %zu arrays in:NAME, %zu out:NAME and %zu internal:NAME",
                   v->options->golden, n_inputs, v->outputs.names.n, v->internals.names.n);
}

/* What can be evaluated. */

/* Results as text, where they are not JSON. */
__attribute__((format(printf, 2, 3))) static void say(const verification *v, const char *format, ...) {
  va_list arguments;
  if (v->options->json) return;
  va_start(arguments, format);
  vprintf(format, arguments);
  va_end(arguments);
}

static void begin_result(verification *v, const char *prefix, const char *name) {
  char full[512];
  snprintf(full, sizeof full, "%s%s", prefix, name);
  json_begin(&v->json, NULL, '{');
  json_text(&v->json, "name", full);
}

static void note_left_out(verification *v, const char *prefix, const char *name, const char *why) {
  say(v, "note: %s%s is left out: %s\n", prefix, name, why);
  begin_result(v, prefix, name);
  json_text(&v->json, "left_out", why);
  json_end(&v->json, '}');
}

static void note_other_outputs(verification *v) {
  for (size_t i = 0; i < mxn_model_n_outputs(v->model); i++) {
    const char *name = mxn_model_output_name(v->model, i);
    size_t k = 0;
    while (k < v->outputs.names.n && strcmp(v->outputs.names.items[k], name) != 0) k++;
    if (k == v->outputs.names.n) note_left_out(v, "", name, "the golden has no array for it");
  }
}

static void drop_expected(golden_group *g, size_t i) {
  g->names.n--;
  for (; i < g->names.n; i++) {
    g->names.items[i] = g->names.items[i + 1];
    g->expected[i] = g->expected[i + 1];
  }
}

static mxn_status check_names(const verification *v, mxn_error *err) {
  for (size_t i = 0; i < v->outputs.names.n; i++) {
    size_t k = 0;
    while (k < mxn_model_n_outputs(v->model) && strcmp(mxn_model_output_name(v->model, k), v->outputs.names.items[i]))
      k++;
    if (k == mxn_model_n_outputs(v->model))
      return error_set(err, MXN_ARGUMENT, "%s: %s has no output '%s'", v->options->golden, v->options->prefix,
                       v->outputs.names.items[i]);
  }
  return MXN_OK;
}

static mxn_status try_to_bind(const verification *v, const text_list *names, mxn_error *err) {
  bound_model b;
  TRY(bind_model(v->model, &v->inputs, names, 1, &b, err));
  bound_finish(&b);
  return MXN_OK;
}

/* Where the outputs as a whole miss an input, look for those that miss it: what
 * needs a label is no output of inference. */
static mxn_status drop_heads_without_input(verification *v, golden_group *g, mxn_error *err) {
  mxn_error problem = {0};
  if (g->names.n == 0 || try_to_bind(v, &g->names, &problem) == MXN_OK) return MXN_OK;
  if (problem.code != MXN_ARGUMENT || g->names.n == 1) return error_set(err, problem.code, "%s", problem.message);
  for (size_t i = g->names.n; i-- > 0;) {
    const text_list one = {&g->names.items[i], 1};
    mxn_error reason = {0};
    if (try_to_bind(v, &one, &reason) == MXN_OK) continue;
    note_left_out(v, g->prefix, g->names.items[i], reason.message);
    drop_expected(g, i);
  }
  return g->names.n > 0 ? MXN_OK : error_set(err, problem.code, "%s", problem.message);
}

/* Comparing. */

static bool is_within(const difference *d, double tolerance) {
  const double zero_tolerance = 1e-6;
  return d->magnitude == 0 ? d->largest_error <= zero_tolerance : d->relative_error <= tolerance;
}

/* The inputs once more, floats as float64. */
static mxn_status widen_inputs(verification *v, mxn_error *err) {
  const input_set *from = &v->inputs;
  if (v->float64_inputs.inputs) return MXN_OK;
  TRY(inputs_init(&v->float64_inputs, from->n, err));
  for (size_t i = 0; i < from->n; i++) {
    const mxn_dtype dtype = from->inputs[i].type.dtype;
    const bool is_narrow = dtype == MXN_FLOAT32 || dtype == MXN_FLOAT16 || dtype == MXN_BFLOAT16;
    TRY(inputs_copy(&v->float64_inputs, i, from->inputs[i].name, strlen(from->inputs[i].name), &from->tensors[i],
                    is_narrow ? MXN_FLOAT64 : dtype, err));
  }
  return MXN_OK;
}

static mxn_status run_float64(verification *v, golden_group *g, mxn_error *err) {
  TRY(widen_inputs(v, err));
  TRY(bind_float64(v->model, &v->float64_inputs, &g->names, &g->float64, err));
  return run_bound(&g->float64, &v->float64_inputs, err);
}

/* Output i of the group in float64; NULL where the model cannot run so. */
static const mxn_tensor *float64_output(verification *v, golden_group *g, size_t i) {
  mxn_error problem = {0};
  if (!g->has_float64 && !g->no_float64) {
    g->has_float64 = run_float64(v, g, &problem) == MXN_OK;
    g->no_float64 = !g->has_float64;
    if (g->no_float64) say(v, "note: the model does not run in float64: %s\n", problem.message);
  }
  return g->has_float64 ? &g->float64.outputs[i] : NULL;
}

static void print_difference(verification *v, const difference *d) {
  if (d->magnitude == 0)
    say(v, "largest error %.3g, expected zeros", d->largest_error);
  else
    say(v, "largest error %.3g, relative %.3g", d->largest_error, d->relative_error);
  json_real(&v->json, "largest_error", d->largest_error);
  json_real(&v->json, "relative_error", d->relative_error);
  json_real(&v->json, "largest_magnitude", d->magnitude);
}

/* Who is wrong, the result or the golden? */
static bool judge_by_float64(verification *v, const mxn_tensor *found, const mxn_tensor *expected,
                             const mxn_tensor *exact) {
  const double factor = 2, tolerance = v->options->tolerance;
  const difference ours = compare_arrays(found, exact), golden = compare_arrays(expected, exact);
  say(v, "; relative to a run in float64: this %.3g, golden %.3g", ours.relative_error, golden.relative_error);
  json_real(&v->json, "float64_error", ours.relative_error);
  json_real(&v->json, "golden_float64_error", golden.relative_error);
  const double golden_error = golden.relative_error;
  return golden_error <= factor * tolerance && is_within(&ours, fmax(tolerance, factor * golden_error));
}

static bool compare_shapes(verification *v, const mxn_type *found, const mxn_type *expected) {
  char a[256], b[256];
  if (same_shape(found, expected)) return true;
  say(v, "expected %s, got %s", type_text(expected, a), type_text(found, b));
  json_shape(&v->json, "expected_shape", expected);
  json_shape(&v->json, "shape", found);
  return false;
}

/* The run in float64 comes first, because it may have a note to print. */
static void compare(verification *v, golden_group *g, size_t i, const char *how, const mxn_tensor *found) {
  const mxn_tensor *expected = &g->expected[i], *exact = NULL;
  difference d = {0};
  bool passed = false;
  if (same_shape(&found->type, &expected->type)) {
    d = compare_arrays(found, expected);
    passed = is_within(&d, v->options->tolerance);
    if (!passed) exact = float64_output(v, g, i);
  }
  say(v, "%s%s %s: ", g->prefix, g->names.items[i], how);
  begin_result(v, g->prefix, g->names.items[i]);
  json_text(&v->json, "run", how);
  if (compare_shapes(v, &found->type, &expected->type)) print_difference(v, &d);
  if (exact) passed = judge_by_float64(v, found, expected, exact);
  say(v, passed ? "\n" : ": FAILED\n");
  json_flag(&v->json, "passed", passed);
  json_end(&v->json, '}');
  v->is_failed |= !passed;
}

static mxn_status run_and_compare(verification *v, const mxn_model *model, golden_group *g, const char *how,
                                  mxn_error *err) {
  bound_model b;
  TRY(bind_model(model, &v->inputs, &g->names, v->options->cores, &b, err));
  const mxn_status status = run_bound(&b, &v->inputs, err);
  for (size_t i = 0; status == MXN_OK && i < g->names.n; i++) compare(v, g, i, how, &b.outputs[i]);
  bound_finish(&b);
  return status;
}

static mxn_status verify_group(verification *v, golden_group *g, size_t *n_compiled, size_t *n_possible,
                               mxn_error *err) {
  mxn_model *compiled;
  mxn_model_statistics s;
  TRY(compile_model(v->model, &v->inputs, v->options, &g->names, &compiled, err));
  mxn_model_get_statistics(compiled, &s);
  if (v->statistics.n_original == 0) v->statistics = s;
  *n_compiled = s.n_compiled;
  *n_possible = s.n_original - mxn_model_n_left_out(compiled);
  say(v, "compiled %zu of %zu operators in %zu subgraph%s\n", s.n_compiled, s.n_original, s.n_subgraphs,
      s.n_subgraphs == 1 ? "" : "s");
  mxn_status status = run_and_compare(v, compiled, g, "compiled", err);
  if (status == MXN_OK) status = run_and_compare(v, v->model, g, "by reference", err);
  mxn_model_close(compiled);
  return status;
}

/* The command. */

static mxn_status verify_original(verification *v, mxn_error *err) {
  size_t n_compiled = 0, n_possible = 0, ignored;
  TRY(drop_heads_without_input(v, &v->outputs, err));
  if (v->outputs.names.n > 0) TRY(verify_group(v, &v->outputs, &n_compiled, &n_possible, err));
  if (v->internals.names.n > 0 && v->outputs.names.n == 0)
    TRY(verify_group(v, &v->internals, &n_compiled, &n_possible, err));
  else if (v->internals.names.n > 0)
    TRY(verify_group(v, &v->internals, &ignored, &ignored, err));
  const size_t needed = v->options->min_compiled >= 0 ? (size_t)v->options->min_compiled : n_possible;
  if (n_compiled >= needed) return MXN_OK;
  say(v, "compiled %zu operators, expected at least %zu: FAILED\n", n_compiled, needed);
  v->is_failed = true;
  return MXN_OK;
}

static mxn_status verify_compiled(verification *v, mxn_error *err) {
  mxn_model_statistics s;
  mxn_model_get_statistics(v->model, &s);
  v->statistics = s;
  say(v, "compiled %zu of %zu operators in %zu subgraph%s\n", s.n_compiled, s.n_original, s.n_subgraphs,
      s.n_subgraphs == 1 ? "" : "s");
  for (size_t i = 0; i < v->internals.names.n; i++)
    note_left_out(v, v->internals.prefix, v->internals.names.items[i],
                  "the model is compiled, inner values are not there");
  if (v->outputs.names.n == 0)
    return error_set(err, MXN_ARGUMENT, "%s: expected arrays out:NAME for the compiled %s, there are none",
                     v->options->golden, v->options->prefix);
  TRY(drop_heads_without_input(v, &v->outputs, err));
  TRY(run_and_compare(v, v->model, &v->outputs, "compiled", err));
  if (v->options->min_compiled < 0 || s.n_compiled >= (size_t)v->options->min_compiled) return MXN_OK;
  say(v, "compiled %zu operators, expected at least %lld: FAILED\n", s.n_compiled, (long long)v->options->min_compiled);
  v->is_failed = true;
  return MXN_OK;
}

static mxn_status verify(verification *v, mxn_error *err) {
  TRY(mxn_arrays_load(v->options->golden, &v->golden, err));
  TRY(read_golden(v, err));
  TRY(check_names(v, err));
  note_other_outputs(v);
  return is_compiled(v->model) ? verify_compiled(v, err) : verify_original(v, err);
}

static mxn_status verify_with_json(verification *v, mxn_error *err) {
  if (!v->options->json) return verify(v, err);
  json_writer *w = &v->json;
  TRY(json_open(w, err));
  json_begin(w, "results", '[');
  TRY(verify(v, err));
  json_end(w, ']');
  json_count(w, "original_operators", v->statistics.n_original);
  json_count(w, "compiled_operators", v->statistics.n_compiled);
  json_count(w, "subgraphs", v->statistics.n_subgraphs);
  json_real(w, "tolerance", v->options->tolerance);
  json_flag(w, "passed", !v->is_failed);
  return json_close(w, err);
}

static void finish(verification *v) {
  golden_group *groups[] = {&v->outputs, &v->internals};
  for (size_t i = 0; i < 2; i++) {
    free(groups[i]->names.items);
    free(groups[i]->expected);
    bound_finish(&groups[i]->float64);
  }
  json_abandon(&v->json);
  inputs_finish(&v->float64_inputs);
  inputs_finish(&v->inputs);
  mxn_arrays_close(v->golden);
}

static int run(const options *o) {
  mxn_model *model = NULL;
  mxn_error err = {0};
  if (!o->golden) {
    error_set(&err, MXN_ARGUMENT, "--golden FILE is missing");
    return misused(&verify_command, &err);
  }
  mxn_status status = load_model(o, &model, &err);
  verification v = {.options = o, .model = model, .outputs.prefix = "out:", .internals.prefix = "internal:"};
  if (status == MXN_OK) status = verify_with_json(&v, &err);
  finish(&v);
  mxn_model_close(model);
  if (status != MXN_OK) return failed(&verify_command, &err);
  say(&v, v.is_failed ? "FAILED\n" : "passed\n");
  return v.is_failed;
}

const command verify_command = {
    .name = "verify",
    .summary = "compare a checkpoint's results with golden ones",
    .details =
        "Compiles PREFIX for the shapes of the golden's inputs, runs it compiled and by the "
        "reference operators, and compares both with the golden's outputs. Of a compiled "
        "PREFIX the compiled run alone is compared. An expected array of zeros must be met "
        "within 1e-6. Where a result misses the tolerance, a run in "
        "float64 tells how much of that is the golden's own rounding error; up to twice the "
        "tolerance of it is excused, and said.",
    .example = "mxneuron verify lenet --golden lenet.golden.params --tolerance 1e-4",
    .options = OPTION_BIT(GOLDEN) | OPTION_BIT(TOLERANCE) | OPTION_BIT(MIN_COMPILED) | OPTION_BIT(EPOCH) |
               OPTION_BIT(CORES) | OPTION_BIT(JOBS) | OPTION_BIT(JSON),
    .run = run,
};
