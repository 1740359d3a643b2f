/* common.c - what several commands need: see commands.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "io/array_file.h"

int misused(const command *c, const mxn_error *err) {
  fprintf(stderr, "mxneuron %s: %s\nTry 'mxneuron %s --help'.\n", c->name, err->message, c->name);
  return EXIT_USAGE;
}

int failed(const command *c, const mxn_error *err) {
  fflush(stdout);
  fprintf(stderr, "mxneuron %s: %s\n", c->name, *err->message ? err->message : mxn_status_text(err->code));
  return 1;
}

double now_seconds(void) { return (double)clock_ns() / 1e9; }

/* Types. */

size_t count_elements(const mxn_type *type) {
  size_t n = 1;
  for (int32_t i = 0; i < type->n_dims; i++) n *= (size_t)type->dims[i];
  return n;
}

bool same_shape(const mxn_type *a, const mxn_type *b) {
  if (a->n_dims != b->n_dims) return false;
  for (int32_t i = 0; i < a->n_dims; i++)
    if (a->dims[i] != b->dims[i]) return false;
  return true;
}

const char *type_text(const mxn_type *type, char text[256]) {
  enum { BYTES = 256 };
  if (type->n_dims < 0) {
    const bool has_dtype = type->dtype != MXN_DTYPE_UNKNOWN;
    snprintf(text, BYTES, "%s of any shape", has_dtype ? mxn_dtype_name(type->dtype) : "any type");
    return text;
  }
  size_t used = (size_t)snprintf(text, BYTES, "%s (", mxn_dtype_name(type->dtype));
  for (int32_t i = 0; i < type->n_dims && used < BYTES; i++)
    used += (size_t)snprintf(text + used, BYTES - used, type->dims[i] < 0 ? "%s?" : "%s%lld", i ? ", " : "",
                             (long long)type->dims[i]);
  if (used < BYTES) snprintf(text + used, BYTES - used, type->n_dims == 1 ? ",)" : ")");
  return text;
}

/* Inputs. */

mxn_status inputs_init(input_set *set, size_t n, mxn_error *err) {
  *set = (input_set){calloc(n + 1, sizeof *set->inputs), calloc(n + 1, sizeof *set->tensors), n};
  if (set->inputs && set->tensors) return MXN_OK;
  inputs_finish(set);
  return error_set(err, MXN_NOMEM, "out of memory");
}

void inputs_finish(input_set *set) {
  for (size_t i = 0; i < set->n && set->inputs && set->tensors; i++) {
    free((char *)set->inputs[i].name);
    free(set->tensors[i].data);
  }
  free(set->inputs);
  free(set->tensors);
  *set = (input_set){0};
}

static mxn_status set_input(input_set *set, size_t i, const char *name, size_t name_bytes, const mxn_type *type,
                            mxn_error *err) {
  for (size_t k = 0; k < i; k++)
    if (!strncmp(set->inputs[k].name, name, name_bytes) && !set->inputs[k].name[name_bytes])
      return error_set(err, MXN_ARGUMENT, "input '%.*s' is given twice", (int)name_bytes, name);
  size_t bytes = mxn_dtype_bytes(type->dtype);
  for (int32_t d = 0; d < type->n_dims; d++)
    if (__builtin_mul_overflow(bytes, (size_t)type->dims[d], &bytes) || bytes > SIZE_MAX / 4)
      return error_set(err, MXN_ARGUMENT, "input '%.*s' is too large", (int)name_bytes, name);
  set->inputs[i] = (mxn_input){strndup(name, name_bytes), *type};
  set->tensors[i] = (mxn_tensor){*type, NULL};
  return set->inputs[i].name ? MXN_OK : error_set(err, MXN_NOMEM, "out of memory");
}

static mxn_status allocate_data(input_set *set, size_t i, mxn_error *err) {
  const mxn_type *type = &set->tensors[i].type;
  const size_t bytes = count_elements(type) * mxn_dtype_bytes(type->dtype);
  set->tensors[i].data = calloc(bytes ? bytes : 1, 1);
  return set->tensors[i].data ? MXN_OK : error_set(err, MXN_NOMEM, "no memory for input '%s'", set->inputs[i].name);
}

/* "1,3,224,224" up to the end or a colon. */
static const char *parse_dims(const char *text, mxn_type *type) {
  while (isdigit((unsigned char)*text) && type->n_dims < MXN_MAX_DIMS) {
    char *end;
    errno = 0;
    const long long dim = strtoll(text, &end, 10);
    if (errno || dim < 1) return NULL;
    type->dims[type->n_dims++] = dim;
    if (*end != ',') return end;
    text = end + 1;
  }
  return NULL;
}

static mxn_status parse_shape(input_set *set, size_t i, const char *flag, const char *text, mxn_error *err) {
  mxn_type type = {.dtype = MXN_FLOAT32};
  const char *equals = strchr(text, '=');
  const char *end = equals && equals != text ? parse_dims(equals + 1, &type) : NULL;
  if (!end || (*end && *end != ':'))
    return error_set(err, MXN_ARGUMENT, "%s: expected NAME=SHAPE[:TYPE] such as data=1,3,224,224, got '%.200s'", flag,
                     text);
  if (*end) type.dtype = mxn_dtype_from_name(end + 1);
  if (type.dtype == MXN_DTYPE_UNKNOWN)
    return error_set(err, MXN_ARGUMENT, "%s: '%.200s': unknown element type '%.50s'", flag, text, end + 1);
  if (set_input(set, i, text, (size_t)(equals - text), &type, err) == MXN_OK) return MXN_OK;
  return error_prefix(err, MXN_ARGUMENT, "%s", flag);
}

mxn_status inputs_parse_shapes(input_set *set, const char *option, const text_list *values, mxn_error *err) {
  TRY(inputs_init(set, values->n, err));
  for (size_t i = 0; i < values->n; i++) TRY(parse_shape(set, i, option, values->items[i], err));
  return MXN_OK;
}

mxn_status inputs_add(input_set *set, size_t i, const char *name, const mxn_type *type, mxn_error *err) {
  TRY(set_input(set, i, name, strlen(name), type, err));
  return allocate_data(set, i, err);
}

mxn_status inputs_copy(input_set *set, size_t i, const char *name, size_t name_bytes, const mxn_tensor *array,
                       mxn_dtype dtype, mxn_error *err) {
  mxn_type type = array->type;
  type.dtype = dtype;
  if (type.n_dims < 0)
    return error_set(err, MXN_ARGUMENT, "input '%.*s' is an array without a shape", (int)name_bytes, name);
  TRY(set_input(set, i, name, name_bytes, &type, err));
  TRY(allocate_data(set, i, err));
  return convert_numbers(array->data, array->type.dtype, set->tensors[i].data, dtype, count_elements(&type), err);
}

mxn_status inputs_fill(input_set *set, size_t i, mxn_error *err) {
  const mxn_tensor *t = &set->tensors[i];
  const size_t n = count_elements(&t->type);
  uint32_t state = 2463534242u + (uint32_t)i;
  TRY(allocate_data(set, i, err));
  for (size_t k = 0; k < n; k++) {
    state ^= state << 13; /* Marsaglia's xorshift */
    state ^= state >> 17;
    state ^= state << 5;
    const double number = (double)state / 2147483648.0 - 1;
    TRY(convert_numbers(&number, MXN_FLOAT64, (char *)t->data + k * mxn_dtype_bytes(t->type.dtype), t->type.dtype, 1,
                        err));
  }
  return MXN_OK;
}

mxn_dtype wanted_dtype(const mxn_model *model, const char *name, size_t name_bytes, mxn_dtype otherwise) {
  for (size_t i = 0; i < mxn_model_n_inputs(model); i++) {
    const char *known = mxn_model_input_name(model, i);
    const mxn_dtype dtype = mxn_model_input_type(model, i)->dtype;
    if (strlen(known) == name_bytes && !strncmp(known, name, name_bytes) && dtype != MXN_DTYPE_UNKNOWN) return dtype;
  }
  return otherwise;
}

static bool is_given(const input_set *set, const char *name) {
  for (size_t i = 0; i < set->n; i++)
    if (set->inputs[i].name && !strcmp(set->inputs[i].name, name)) return true;
  return false;
}

mxn_status add_input_hint(const mxn_model *model, const input_set *set, const char *form, mxn_status status,
                          mxn_error *err) {
  char quoted[256];
  if (status != MXN_ARGUMENT) return status;
  for (size_t i = 0; i < mxn_model_n_inputs(model); i++) {
    const char *name = mxn_model_input_name(model, i);
    const size_t used = strlen(err->message);
    snprintf(quoted, sizeof quoted, "'%s'", name);
    if (is_given(set, name) || !strstr(err->message, quoted)) continue;
    snprintf(err->message + used, sizeof err->message - used, "; expected --input %s=%s", name, form);
    break;
  }
  return status;
}

/* Models. */

bool is_compiled(const mxn_model *model) {
  mxn_model_statistics s;
  mxn_model_get_statistics(model, &s);
  return s.n_subgraphs > 0;
}

static mxn_status bind(const mxn_model *model, const input_set *inputs, const text_list *outputs,
                       mxn_executor_options settings, bound_model *out, mxn_error *err) {
  settings.struct_bytes = sizeof settings;
  settings.outputs = outputs ? outputs->items : NULL;
  settings.n_outputs = outputs ? outputs->n : 0;
  *out = (bound_model){0};
  TRY(mxn_executor_create(model, inputs->inputs, inputs->n, &settings, &out->executor, err));
  out->n_outputs = mxn_executor_n_outputs(out->executor);
  out->outputs = calloc(out->n_outputs + 1, sizeof *out->outputs);
  if (out->outputs) return MXN_OK;
  bound_finish(out);
  return error_set(err, MXN_NOMEM, "out of memory");
}

mxn_status bind_model(const mxn_model *model, const input_set *inputs, const text_list *outputs, int64_t n_cores,
                      bound_model *out, mxn_error *err) {
  return bind(model, inputs, outputs, (mxn_executor_options){.n_cores = (uint32_t)n_cores}, out, err);
}

mxn_status bind_float64(const mxn_model *model, const input_set *inputs, const text_list *outputs, bound_model *out,
                        mxn_error *err) {
  return bind(model, inputs, outputs, (mxn_executor_options){.in_float64 = true}, out, err);
}

mxn_status run_bound(bound_model *b, const input_set *inputs, mxn_error *err) {
  return mxn_executor_run(b->executor, inputs->tensors, inputs->n, b->outputs, b->n_outputs, err);
}

void bound_finish(bound_model *b) {
  mxn_executor_destroy(b->executor);
  free(b->outputs);
  *b = (bound_model){0};
}

static void show_progress(void *context, size_t n_done, size_t n_total) {
  (void)context;
  fprintf(stderr, "\rcompiled %zu of %zu subgraphs", n_done, n_total);
  if (n_done == n_total) fputs("\r\033[K", stderr);
}

mxn_status compile_model(const mxn_model *model, const input_set *inputs, const options *o, const text_list *outputs,
                         mxn_model **out_model, mxn_error *err) {
  const bool is_terminal = isatty(STDERR_FILENO);
  char dump_path[4096];
  mxn_compile_options settings = {.struct_bytes = sizeof settings,
                                  .excl_node_names = o->excluded.items,
                                  .n_excl_node_names = o->excluded.n,
                                  .force_incl_node_names = o->forced.items,
                                  .n_force_incl_node_names = o->forced.n,
                                  .targets = o->target,
                                  .n_jobs = (uint32_t)o->jobs,
                                  .progress = is_terminal ? show_progress : NULL,
                                  .outputs = outputs ? outputs->items : NULL,
                                  .n_outputs = outputs ? outputs->n : 0,
                                  .is_cancelled = was_interrupted};
  if (o->dump) {
    const int bytes = snprintf(dump_path, sizeof dump_path, "%s-%s.graph", o->out, o->dump);
    if (bytes < 0 || (size_t)bytes >= sizeof dump_path)
      return error_set(err, MXN_ARGUMENT, "the name of OUT is too long");
    settings.dump = o->dump;
    settings.dump_path = dump_path;
  }
  if (is_terminal) fputs("\rcompiling ...", stderr);
  interrupts_hold();
  const mxn_status status = mxn_compile(model, inputs->inputs, inputs->n, &settings, out_model, err);
  if (is_terminal) fputs("\r\033[K", stderr);
  interrupts_release();
  return status;
}

/* Comparing. */

static double error_at(double found, double expected) {
  if (found == expected || (isnan(found) && isnan(expected))) return 0;
  const double error = fabs(found - expected);
  return isnan(error) ? (double)INFINITY : error;
}

difference compare_arrays(const mxn_tensor *found, const mxn_tensor *expected) {
  difference d = {0};
  const size_t n = count_elements(&expected->type);
  for (size_t i = 0; i < n; i++) {
    const double want = number_at(expected->data, expected->type.dtype, i);
    const double error = error_at(number_at(found->data, found->type.dtype, i), want);
    if (error > d.largest_error) d.largest_error = error;
    if (isfinite(want) && fabs(want) > d.magnitude) d.magnitude = fabs(want);
  }
  d.relative_error = d.largest_error == 0 ? 0 : d.largest_error / d.magnitude;
  return d;
}
