/* conformance_case.c - one recorded case: load, run, compare.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "cli/commands.h"
#include "cli/conformance.h"
#include "io/array_file.h"

/* Memory that ends at a page which nobody may touch, as it begins behind one. The
 * process ends with the case, so none is given back. */
static void *allocate_guarded(void *context, size_t bytes) {
  (void)context;
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  if (bytes > SIZE_MAX / 4) return NULL;
  const size_t inside = (bytes + page - 1) / page * page;
  char *block = mmap(NULL, inside + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (block == MAP_FAILED) return NULL;
  if (inside > 0 && mprotect(block + page, inside, PROT_READ | PROT_WRITE) != 0) return NULL;
  return block + page + inside - bytes;
}

static void keep(void *context, void *data) {
  (void)context;
  (void)data;
}

/* A case while it runs. */
typedef struct running_case {
  const conformance_settings *settings;
  const conformance_case *index;
  conformance_result *result;
  char symbol_path[1024], params_path[1024];
  mxn_arrays *arrays;
  mxn_model *model;
  mxn_input *inputs;
  mxn_tensor *tensors;
  size_t n_inputs, n_outputs;
  mxn_executor *executor;
  mxn_tensor *outputs;
} running_case;

/* Arrays are called arg:NAME, aux:NAME and, what MXNet computed, out:NUMBER. */

static const char *variable_of(const mxn_array *a) {
  return !strncmp(a->name, "arg:", 4) || !strncmp(a->name, "aux:", 4) ? a->name + 4 : NULL;
}

static const mxn_tensor *expected_output(const running_case *c, size_t i, mxn_tensor *room) {
  char name[32];
  snprintf(name, sizeof name, "out:%zu", i);
  for (size_t k = 0; k < mxn_arrays_n(c->arrays); k++) {
    const mxn_array a = mxn_arrays_get(c->arrays, k);
    if (strcmp(a.name, name) != 0) continue;
    *room = a.tensor;
    return room;
  }
  return NULL;
}

static bool is_input(const running_case *c, const char *name) {
  for (size_t i = 0; i < mxn_model_n_inputs(c->model); i++)
    if (!strcmp(mxn_model_input_name(c->model, i), name)) return true;
  return false;
}

/* What a checkpoint would hold as parameters: a compiled convolution needs its
 * weights when it is compiled. */
static bool is_parameter(const mxn_array *a) {
  static const char *const endings[] = {"weight", "bias", "gamma", "beta", "mean", "var", "parameters"};
  const size_t n = strlen(a->name);
  if (!strncmp(a->name, "aux:", 4)) return true;
  for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
    const size_t n_ending = strlen(endings[i]);
    if (n >= n_ending && !strcmp(a->name + n - n_ending, endings[i])) return true;
  }
  return false;
}

/* The model with its parameters, whose data stay with the case's arrays. */
static mxn_status create_model(running_case *c, const mapped_file *symbol, mxn_error *err) {
  const size_t n = mxn_arrays_n(c->arrays);
  mxn_array *kept = calloc(n + 1, sizeof *kept);
  size_t n_kept = 0;
  if (!kept) return error_set(err, MXN_NOMEM, "out of memory");
  for (size_t i = 0; i < n; i++) {
    const mxn_array a = mxn_arrays_get(c->arrays, i);
    if (variable_of(&a) && is_parameter(&a)) kept[n_kept++] = a;
  }
  const mxn_status status =
      mxn_model_create(c->symbol_path, (const char *)symbol->data, symbol->bytes, kept, n_kept, &c->model, err);
  free(kept);
  return status;
}

static mxn_status load_case_model(running_case *c, mxn_error *err) {
  mapped_file symbol;
  if (!c->settings->is_compiled) return mxn_model_load_files(c->symbol_path, NULL, &c->model, err);
  TRY(file_map(c->symbol_path, &symbol, err));
  const mxn_status status = create_model(c, &symbol, err);
  file_unmap(&symbol);
  return status;
}

static mxn_status copy_guarded(mxn_tensor *t, mxn_error *err) {
  const size_t bytes = count_elements(&t->type) * mxn_dtype_bytes(t->type.dtype);
  void *data = allocate_guarded(NULL, bytes);
  if (!data) return error_set(err, MXN_NOMEM, "no memory for %zu bytes with guard pages", bytes);
  if (bytes > 0) memcpy(data, t->data, bytes);
  t->data = data;
  return MXN_OK;
}

static mxn_status take_inputs(running_case *c, mxn_error *err) {
  const size_t n = mxn_arrays_n(c->arrays);
  c->inputs = calloc(n + 1, sizeof *c->inputs);
  c->tensors = calloc(n + 1, sizeof *c->tensors);
  if (!c->inputs || !c->tensors) return error_set(err, MXN_NOMEM, "out of memory");
  for (size_t i = 0; i < n; i++) {
    const mxn_array a = mxn_arrays_get(c->arrays, i);
    const char *name = variable_of(&a);
    if (!name || a.tensor.type.n_dims < 0 || !is_input(c, name)) continue;
    c->inputs[c->n_inputs] = (mxn_input){name, a.tensor.type};
    c->tensors[c->n_inputs] = a.tensor;
    TRY(copy_guarded(&c->tensors[c->n_inputs++], err));
  }
  return MXN_OK;
}

/* Running. */

static mxn_status compile(running_case *c, mxn_error *err) {
  const mxn_compile_options settings = {.struct_bytes = sizeof settings, .targets = c->settings->target, .n_jobs = 1};
  mxn_model *compiled;
  TRY(mxn_compile(c->model, c->inputs, c->n_inputs, &settings, &compiled, err));
  mxn_model_close(c->model);
  c->model = compiled;
  return MXN_OK;
}

static mxn_status run_case_model(running_case *c, mxn_error *err) {
  const mxn_executor_options settings = {
      .struct_bytes = sizeof settings, .n_cores = 1, .allocate = allocate_guarded, .release = keep};
  mxn_model_statistics statistics;
  if (c->settings->is_compiled) TRY(compile(c, err));
  mxn_model_get_statistics(c->model, &statistics);
  c->result->n_operators = (uint32_t)statistics.n_original;
  c->result->n_compiled = (uint32_t)statistics.n_compiled;
  TRY(mxn_executor_create(c->model, c->inputs, c->n_inputs, &settings, &c->executor, err));
  c->n_outputs = mxn_executor_n_outputs(c->executor);
  c->outputs = calloc(c->n_outputs + 1, sizeof *c->outputs);
  if (!c->outputs) return error_set(err, MXN_NOMEM, "out of memory");
  return mxn_executor_run(c->executor, c->tensors, c->n_inputs, c->outputs, c->n_outputs, err);
}

/* Comparing. */

typedef struct tolerance {
  double relative, absolute;
} tolerance;

/* A case is as exact as the coarsest float in it. */
static tolerance tolerance_of(const char *dtypes) {
  if (strstr(dtypes, "bfloat16")) return (tolerance){1e-2, 1e-2};
  if (strstr(dtypes, "float16")) return (tolerance){2e-3, 1e-3};
  return (tolerance){1e-4, 1e-5};
}

/* Rounding errors of operators that sum many terms are of the size of the terms,
 * which the largest output tells better than an output where they cancel. */
static bool sums_many_terms(const char *ops) {
  static const char *const parts[] = {"onv",
                                      "FullyConnected",
                                      "fully_connected",
                                      "dot",
                                      "matmul",
                                      "gemm",
                                      "linalg",
                                      "sum",
                                      "mean",
                                      "prod",
                                      "norm",
                                      "Norm",
                                      "RNN",
                                      "average",
                                      "einsum",
                                      "std",
                                      "_var",
                                      "Correlation",
                                      "pinv",
                                      "inv",
                                      "solve",
                                      "svd",
                                      "eig",
                                      "cholesky",
                                      "Pooling",
                                      "moments",
                                      "khatri_rao",
                                      "fft",
                                      "_trace"};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    if (strstr(ops, parts[i])) return true;
  return false;
}

static bool is_float(mxn_dtype dtype) {
  return dtype == MXN_FLOAT32 || dtype == MXN_FLOAT64 || dtype == MXN_FLOAT16 || dtype == MXN_BFLOAT16;
}

static double largest_magnitude(const mxn_tensor *t, size_t n) {
  double largest = 0;
  for (size_t i = 0; i < n; i++) {
    const double x = fabs(number_at(t->data, t->type.dtype, i));
    if (isfinite(x) && x > largest) largest = x;
  }
  return largest;
}

static void print_index(FILE *out, const mxn_type *t, size_t i) {
  size_t stride = count_elements(t);
  for (int32_t d = 0; d < t->n_dims; d++) {
    stride /= (size_t)t->dims[d];
    fprintf(out, "%s%zu", d ? ", " : "", i / stride);
    i %= stride;
  }
}

static mxn_status report_element(const mxn_tensor *want, const mxn_tensor *got, size_t output, size_t i, size_t n_wrong,
                                 mxn_error *err) {
  char index[200] = "";
  FILE *out = fmemopen(index, sizeof index, "w");
  if (out) {
    print_index(out, &want->type, i);
    fclose(out);
  }
  const double a = number_at(want->data, want->type.dtype, i), b = number_at(got->data, got->type.dtype, i);
  return error_set(err, MXN_INTERNAL,
                   "output %zu, element (%s): expected %.9g, got %.9g, error %.3g; %zu of %zu differ", output, index, a,
                   b, fabs(a - b), n_wrong, count_elements(&want->type));
}

static bool is_same(const mxn_tensor *want, const mxn_tensor *got, size_t i, const tolerance *t, double scale) {
  const size_t element = mxn_dtype_bytes(want->type.dtype);
  if (!is_float(want->type.dtype))
    return memcmp((char *)want->data + i * element, (char *)got->data + i * element, element) == 0;
  const double a = number_at(want->data, want->type.dtype, i), b = number_at(got->data, got->type.dtype, i);
  if (a == b || (isnan(a) && isnan(b))) return true;
  return isfinite(a) && fabs(a - b) <= t->absolute + t->relative * (scale > 0 ? scale : fabs(a));
}

static mxn_status compare_output(const running_case *c, const mxn_tensor *want, size_t output, mxn_error *err) {
  const mxn_tensor *got = &c->outputs[output];
  char expected[256], found[256];
  if (want->type.dtype != got->type.dtype || !same_shape(&want->type, &got->type))
    return error_set(err, MXN_INTERNAL, "output %zu: expected %s, got %s", output, type_text(&want->type, expected),
                     type_text(&got->type, found));
  const size_t n = count_elements(&want->type);
  const tolerance t = tolerance_of(c->index->dtypes);
  const double scale = sums_many_terms(c->index->ops) ? largest_magnitude(want, n) : 0;
  size_t n_wrong = 0, first = 0;
  for (size_t i = 0; i < n; i++) {
    if (is_same(want, got, i, &t, scale)) continue;
    if (n_wrong++ == 0) first = i;
  }
  return n_wrong ? report_element(want, got, output, first, n_wrong, err) : MXN_OK;
}

static mxn_status compare_outputs(const running_case *c, mxn_error *err) {
  size_t n_compared = 0;
  for (size_t i = 0; i < c->n_outputs; i++) {
    mxn_tensor room;
    const mxn_tensor *want = expected_output(c, i, &room);
    if (!want) continue;
    TRY(compare_output(c, want, i, err));
    n_compared++;
  }
  if (n_compared > 0) return MXN_OK;
  return error_set(err, MXN_FORMAT, "the case has no output to compare with");
}

static mxn_status run_case(running_case *c, mxn_error *err) {
  snprintf(c->symbol_path, sizeof c->symbol_path, "%s/%s-symbol.json", c->settings->folder, c->index->id);
  snprintf(c->params_path, sizeof c->params_path, "%s/%s.params", c->settings->folder, c->index->id);
  TRY(mxn_arrays_load(c->params_path, &c->arrays, err));
  TRY(load_case_model(c, err));
  TRY(take_inputs(c, err));
  TRY(run_case_model(c, err));
  return compare_outputs(c, err);
}

/* Messages name files by their whole path; a line of a report needs the rest. */
static const char *behind_path(const running_case *c, const char *message) {
  const size_t n = strlen(c->symbol_path);
  return !strncmp(message, c->symbol_path, n) && !strncmp(message + n, ": ", 2) ? message + n + 2 : message;
}

void conformance_run_case(const conformance_settings *s, const conformance_case *index, conformance_result *out) {
  mxn_error err = {0};
  running_case c = {.settings = s, .index = index, .result = out};
  const mxn_status status = run_case(&c, &err);
  snprintf(out->message, sizeof out->message, "%s", behind_path(&c, err.message));
  out->verdict = status == MXN_OK ? CASE_PASSED : status == MXN_TARGET ? CASE_SKIPPED : CASE_FAILED;
  mxn_executor_destroy(c.executor);
  mxn_model_close(c.model);
  mxn_arrays_close(c.arrays);
  free(c.inputs);
  free(c.tensors);
  free(c.outputs);
}
