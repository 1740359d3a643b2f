/* bench.c - `mxneuron bench`: how fast a model runs, on inputs made up here.
 *
 * Before anything is timed, the result is compared with the reference operators.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "cli/commands.h"
#include "cli/json_writer.h"
#include "cli/peak.h"
#include "mxneuron/program.h"

typedef struct result {
  double min_ms, median_ms, p99_ms, first_ms, gflops, peak_gflops, percent_of_peak;
  uint64_t arena_bytes, scratch_bytes; /* of all programs; scratch for each core */
  size_t n_runs;
  uint32_t n_cores;
  char target[32];
} result;

/* Inputs. */

static mxn_status parse_inputs(const options *o, input_set *set, mxn_error *err) {
  if (o->inputs.n == 0) return error_set(err, MXN_ARGUMENT, "--input NAME=SHAPE is missing");
  return inputs_parse_shapes(set, "--input", &o->inputs, err);
}

static mxn_status fill_inputs(input_set *set, mxn_error *err) {
  for (size_t i = 0; i < set->n; i++) TRY(inputs_fill(set, i, err));
  return MXN_OK;
}

/* Checking. */

static mxn_status compare_outputs(const options *o, const bound_model *found, const bound_model *expected,
                                  mxn_error *err) {
  for (size_t i = 0; i < found->n_outputs; i++) {
    const difference d = compare_arrays(&found->outputs[i], &expected->outputs[i]);
    if (d.relative_error <= o->tolerance) continue;
    return error_set(err, MXN_INTERNAL,
                     "output '%s' differs from the reference operators by %.3g of its largest magnitude",
                     mxn_executor_output_name(found->executor, i), d.relative_error);
  }
  return MXN_OK;
}

static mxn_status check(const options *o, const mxn_model *model, const input_set *inputs, bound_model *b,
                        mxn_error *err) {
  bound_model reference;
  TRY(bind_model(model, inputs, NULL, o->cores, &reference, err));
  mxn_status status = run_bound(&reference, inputs, err);
  if (status == MXN_OK) status = run_bound(b, inputs, err);
  if (status == MXN_OK) status = compare_outputs(o, b, &reference, err);
  bound_finish(&reference);
  return status;
}

/* What the programs of a model do in one run. */
static mxn_status add_programs(const mxn_model *model, const input_set *inputs, double *out_gflop, result *r,
                               mxn_error *err) {
  *out_gflop = 0;
  for (size_t i = 0; mxn_model_subgraph_name(model, i); i++) {
    const void *data;
    size_t bytes;
    mxn_program *program;
    mxn_program_info info;
    TRY(mxn_model_neuronbin(model, i, &data, &bytes, err));
    TRY(mxn_program_open_memory(data, bytes, mxn_model_subgraph_name(model, i), &program, err));
    mxn_program_get_info(program, &info);
    const mxn_type *type = mxn_program_input_type(program, 0);
    const int64_t batch = inputs->inputs[0].type.dims[0], compiled = type->n_dims > 0 ? type->dims[0] : 1;
    const int64_t n_pieces = mxn_program_has_batch(program) && compiled > 0 ? (batch + compiled - 1) / compiled : 1;
    *out_gflop += (double)info.flops * (double)n_pieces / 1e9;
    r->arena_bytes += info.arena_bytes;
    r->scratch_bytes += info.scratch_bytes;
    snprintf(r->target, sizeof r->target, "%s", info.target);
    mxn_program_close(program);
  }
  return MXN_OK;
}

/* Timing. */

typedef struct time_list {
  double *seconds; /* heap */
  size_t n, capacity;
} time_list;

static mxn_status add_time(time_list *list, double seconds, mxn_error *err) {
  if (list->n == list->capacity) {
    const size_t larger = list->capacity ? list->capacity * 2 : 1024;
    double *grown = realloc(list->seconds, larger * sizeof *grown);
    if (!grown) return error_set(err, MXN_NOMEM, "out of memory");
    list->seconds = grown;
    list->capacity = larger;
  }
  list->seconds[list->n++] = seconds;
  return MXN_OK;
}

static mxn_status time_run(bound_model *b, const input_set *inputs, double *out_seconds, mxn_error *err) {
  const double begin = now_seconds();
  TRY(run_bound(b, inputs, err));
  *out_seconds = now_seconds() - begin;
  return MXN_OK;
}

/* Run for about `seconds`, at least `least` times. */
static mxn_status time_runs(bound_model *b, const input_set *inputs, double seconds, size_t least, time_list *list,
                            mxn_error *err) {
  const double end = now_seconds() + seconds;
  list->n = 0;
  while (list->n < least || now_seconds() < end) {
    double taken;
    TRY(time_run(b, inputs, &taken, err));
    TRY(add_time(list, taken, err));
  }
  return MXN_OK;
}

static int compare_times(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double quantile_ms(const time_list *sorted, double q) {
  const double position = q * (double)(sorted->n - 1);
  return sorted->seconds[(size_t)(position + 0.5)] * 1e3;
}

static mxn_status measure(const options *o, bound_model *b, const input_set *inputs, result *r, mxn_error *err) {
  enum { LEAST_WARM_UP = 3, LEAST_RUNS = 10 };
  time_list times = {0};
  mxn_status status = time_runs(b, inputs, o->seconds / 10, LEAST_WARM_UP, &times, err);
  if (status == MXN_OK) status = time_runs(b, inputs, o->seconds, LEAST_RUNS, &times, err);
  if (status == MXN_OK) {
    qsort(times.seconds, times.n, sizeof *times.seconds, compare_times);
    r->min_ms = quantile_ms(&times, 0);
    r->median_ms = quantile_ms(&times, 0.5);
    r->p99_ms = quantile_ms(&times, 0.99);
    r->n_runs = times.n;
  }
  free(times.seconds);
  return status;
}

/* Opening counts, as it does in a process that starts to answer. */
static mxn_status first_run(const options *o, const mxn_model *model, const input_set *inputs, bound_model *b,
                            result *r, mxn_error *err) {
  double taken;
  const double begin = now_seconds();
  TRY(bind_model(model, inputs, NULL, o->cores, b, err));
  TRY(time_run(b, inputs, &taken, err));
  r->first_ms = (now_seconds() - begin) * 1e3;
  return MXN_OK;
}

static mxn_status bench_bound(const options *o, const mxn_model *original, const mxn_model *compiled,
                              const input_set *inputs, bound_model *b, result *r, mxn_error *err) {
  double gflop;
  TRY(first_run(o, compiled, inputs, b, r, err));
  if (!o->no_check && original) TRY(check(o, original, inputs, b, err));
  if (!o->no_check && !original)
    fprintf(stderr, "mxneuron bench: %s is compiled: nothing to compare it with\n", o->prefix);
  TRY(add_programs(compiled, inputs, &gflop, r, err));
  r->n_cores = o->cores ? (uint32_t)o->cores : mxn_default_cores();
  TRY(measure(o, b, inputs, r, err));
  r->gflops = gflop / (r->median_ms / 1e3);
  r->peak_gflops = measure_peak_gflops(r->target, r->n_cores);
  r->percent_of_peak = r->peak_gflops > 0 ? 100 * r->gflops / r->peak_gflops : 0;
  return MXN_OK;
}

/* Printing. */

static mxn_status print_json(const result *r, mxn_error *err) {
  json_writer w;
  TRY(json_open(&w, err));
  json_real(&w, "min_ms", r->min_ms);
  json_real(&w, "median_ms", r->median_ms);
  json_real(&w, "p99_ms", r->p99_ms);
  json_real(&w, "first_ms", r->first_ms);
  json_real(&w, "gflops", r->gflops);
  json_real(&w, "peak_gflops", r->peak_gflops);
  json_real(&w, "percent_of_peak", r->percent_of_peak);
  json_count(&w, "arena_bytes", r->arena_bytes);
  json_count(&w, "scratch_bytes", r->scratch_bytes);
  return json_close(&w, err);
}

static void print_table(const result *r) {
  printf("%zu runs on %u core%s, %s\n", r->n_runs, r->n_cores, r->n_cores == 1 ? "" : "s",
         *r->target ? r->target : "nothing compiled");
  printf("run        min %.3f ms, median %.3f ms, p99 %.3f ms\n", r->min_ms, r->median_ms, r->p99_ms);
  printf("first run  %.3f ms, opening the programs included\n", r->first_ms);
  printf("speed      %.1f GFLOP/s, %.1f %% of the peak of %.1f measured now\n", r->gflops, r->percent_of_peak,
         r->peak_gflops);
  printf("memory     arena %llu bytes, scratch %llu a core\n", (unsigned long long)r->arena_bytes,
         (unsigned long long)r->scratch_bytes);
}

/* The command. */

static mxn_status bench_model(const options *o, const mxn_model *model, const input_set *inputs, mxn_error *err) {
  mxn_model *compiled = NULL;
  bound_model b = {0};
  result r = {0};
  mxn_status status = MXN_OK;
  if (!is_compiled(model)) status = compile_model(model, inputs, o, NULL, &compiled, err);
  if (status == MXN_OK)
    status = bench_bound(o, compiled ? model : NULL, compiled ? compiled : model, inputs, &b, &r, err);
  bound_finish(&b);
  mxn_model_close(compiled);
  if (status != MXN_OK) return status;
  if (o->json) return print_json(&r, err);
  print_table(&r);
  return MXN_OK;
}

static int run(const options *o) {
  mxn_model *model = NULL;
  input_set inputs = {0};
  mxn_error err = {0};
  int exit_status = 0;
  /* Of a program that carries several targets the runtime takes this one. */
  if (o->target && !strchr(o->target, ',')) setenv("MXNEURON_ISA", o->target, 1);
  if (parse_inputs(o, &inputs, &err) != MXN_OK)
    exit_status = misused(&bench_command, &err);
  else if (load_model(o, &model, &err) != MXN_OK || fill_inputs(&inputs, &err) != MXN_OK ||
           bench_model(o, model, &inputs, &err) != MXN_OK)
    exit_status = failed(&bench_command, &err);
  inputs_finish(&inputs);
  mxn_model_close(model);
  return exit_status;
}

const command bench_command = {
    .name = "bench",
    .summary = "measure how fast a checkpoint runs",
    .details =
        "Measures runs on made-up inputs, after comparing the result with the reference "
        "operators. A checkpoint that is not compiled is compiled first, in memory. "
        "The peak is that of the vector instructions which the code uses.",
    .example = "mxneuron bench squeezenet --input data=1,3,224,224 --cores 1",
    .options = OPTION_BIT(INPUT_SHAPE) | OPTION_BIT(EPOCH) | OPTION_BIT(CORES) | OPTION_BIT(TARGET) |
               OPTION_BIT(SECONDS) | OPTION_BIT(JSON) | OPTION_BIT(NO_CHECK),
    .run = run,
};
