/* model.c - loading, saving and looking at models.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "executor/model.h"

#include <stdlib.h>
#include <string.h>

#include "api/model.h"
#include "base/checkpoint_name.h"
#include "base/error.h"
#include "base/file.h"
#include "base/shape.h"
#include "mxnet/checkpoint.h"
#include "mxnet/upgrade.h"
#include "ops/ops.h"
#include "ops/subgraph.h"

mxn_model *model_create(void) {
  mxn_model *m = calloc(1, sizeof *m);
  if (m) arena_init(&m->arena);
  return m;
}

void mxn_model_close(mxn_model *model) {
  if (!model) return;
  arena_finish(&model->arena);
  free(model);
}

static mxn_status check_subgraphs(const mxn_model *m, mxn_error *err) {
  const mxn_tensor *array;
  for (size_t i = 0; i < m->statistics.n_subgraphs; i++) {
    const node *n = m->subgraphs[i];
    if (m->parameters.n_items > 0) TRY(subgraph_neuronbin(m->graph, n, &array, err));
    if (subgraph_n_data(n) > 0) continue;
    const char *types = node_attribute(n, "in_types");
    return error_set(err, MXN_FORMAT, "%s: node '%s' (%s): in_types is %s%.100s, expected a list of 1 to %u numbers",
                     m->graph->name, n->name, n->op, types ? "" : "absent", types ? types : "", n->n_inputs - 1);
  }
  return MXN_OK;
}

/* Where a model comes from: two files, or memory. */
typedef struct model_source {
  const char *name; /* of the symbol, for messages */
  const char *params_path;
  const char *symbol; /* JSON text; NULL: in the file `name` */
  size_t symbol_bytes;
  const mxn_array *arrays;
  size_t n_arrays;
} model_source;

static mxn_status take_array(mxn_model *m, const mxn_array *array, mxn_error *err) {
  char shape[SHAPE_TEXT_BYTES];
  size_t bytes;
  const mxn_type *type = &array->tensor.type;
  const bool is_none = type->n_dims == -1 && !array->tensor.data;
  if (!array->name) return error_set(err, MXN_ARGUMENT, "%s: an array has no name", m->graph->name);
  if (!is_none && (!type_bytes(type, &bytes) || !array->tensor.data))
    return error_set(err, MXN_ARGUMENT, "%s: array '%s': expected a type, a shape and data, got %s %s%s",
                     m->graph->name, array->name, mxn_dtype_name(type->dtype), shape_text(type, shape),
                     array->tensor.data ? "" : " without data");
  parameter *p = ARENA_PUSH(&m->arena, m->parameters.items, m->parameters.n_items, m->parameters.capacity);
  *p = parameter_named(&m->arena, array->name, strlen(array->name));
  p->tensor = array->tensor;
  return MXN_OK;
}

static mxn_status load(mxn_model *m, const model_source *s, mxn_error *err) {
  TRY(s->symbol ? symbol_parse(&m->arena, s->name, s->symbol, s->symbol_bytes, &m->graph, err)
                : symbol_load(&m->arena, s->name, &m->graph, err));
  TRY(symbol_upgrade(m->graph, err));
  TRY(ops_bind(m->graph, err));
  if (s->params_path) TRY(params_load(&m->arena, s->params_path, &m->parameters, err));
  for (size_t i = 0; i < s->n_arrays; i++) TRY(take_array(m, &s->arrays[i], err));
  if (s->n_arrays > 0) TRY(parameters_check_unique(&m->arena, &m->parameters, s->name, err));
  TRY(checkpoint_attach(m->graph, &m->parameters, err));
  model_describe(m);
  return check_subgraphs(m, err);
}

static mxn_status create(const model_source *source, mxn_model **out_model, mxn_error *err) {
  error_clear(err);
  *out_model = NULL;
  mxn_model *m = model_create();
  if (!m) return error_set(err, MXN_NOMEM, "%s: out of memory", source->name);
  if (setjmp(m->arena.recovery)) {
    mxn_model_close(m);
    return error_set(err, MXN_NOMEM, "%s: out of memory", source->name);
  }
  const mxn_status status = load(m, source, err);
  if (status == MXN_OK)
    *out_model = m;
  else
    mxn_model_close(m);
  return status;
}

mxn_status mxn_model_load_files(const char *symbol_path, const char *params_path, mxn_model **out_model,
                                mxn_error *err) {
  return create(&(model_source){.name = symbol_path, .params_path = params_path}, out_model, err);
}

mxn_status mxn_model_create(const char *name, const char *symbol, size_t symbol_bytes, const mxn_array *arrays,
                            size_t n_arrays, mxn_model **out_model, mxn_error *err) {
  if (!symbol) { /* create() would take `name` for a file */
    error_clear(err);
    *out_model = NULL;
    return error_set(err, MXN_ARGUMENT, "%s: expected the text of a symbol, got NULL", name);
  }
  const model_source source = {
      .name = name, .symbol = symbol, .symbol_bytes = symbol_bytes, .arrays = arrays, .n_arrays = n_arrays};
  return create(&source, out_model, err);
}

/* The two files of a checkpoint, in `a`. */
typedef struct checkpoint_paths {
  const char *symbol, *params;
} checkpoint_paths;

static mxn_status name_files(arena *a, const char *prefix, int epoch, checkpoint_paths *out, mxn_error *err) {
  size_t bytes;
  int32_t named;
  if (epoch < 0) return error_set(err, MXN_ARGUMENT, "%s: expected an epoch of 0 or more, got %d", prefix, epoch);
  if (checkpoint_name_split(prefix, &bytes, &named))
    return error_set(err, MXN_ARGUMENT, "%s: expected what the names of both files begin with, '%.*s'", prefix,
                     (int)bytes, prefix);
  *out =
      (checkpoint_paths){arena_printf(a, "%s-symbol.json", prefix), arena_printf(a, "%s-%04d.params", prefix, epoch)};
  return MXN_OK;
}

mxn_status mxn_model_load(const char *prefix, int epoch, mxn_model **out_model, mxn_error *err) {
  error_clear(err);
  *out_model = NULL;
  arena a;
  arena_init(&a);
  if (setjmp(a.recovery)) {
    arena_finish(&a);
    return error_set(err, MXN_NOMEM, "%s: out of memory", prefix);
  }
  checkpoint_paths paths;
  mxn_status status = name_files(&a, prefix, epoch, &paths, err);
  if (status == MXN_OK) status = mxn_model_load_files(paths.symbol, paths.params, out_model, err);
  arena_finish(&a);
  return status;
}

/* The symbol is written before the parameters and renamed after them: an error
 * that can be seen beforehand leaves both old files. */
static mxn_status save(arena *a, const mxn_model *m, const char *prefix, int epoch, mxn_error *err) {
  checkpoint_paths paths;
  file_writer *symbol;
  TRY(name_files(a, prefix, epoch, &paths, err));
  const char *text = symbol_print(a, m->graph);
  TRY(file_writer_open(paths.symbol, FILE_KEPT, &symbol, err));
  file_writer_write(symbol, text, strlen(text));
  const mxn_status status = params_save(paths.params, FILE_KEPT, &m->parameters, err);
  if (status == MXN_OK) return file_writer_commit(symbol, err);
  file_writer_abandon(symbol);
  return status;
}

mxn_status mxn_model_save(const mxn_model *model, const char *prefix, int epoch, mxn_error *err) {
  error_clear(err);
  arena a;
  arena_init(&a);
  if (setjmp(a.recovery)) {
    arena_finish(&a);
    return error_set(err, MXN_NOMEM, "%s: out of memory", prefix);
  }
  const mxn_status status = save(&a, model, prefix, epoch, err);
  arena_finish(&a);
  return status;
}

size_t mxn_model_n_inputs(const mxn_model *model) { return model->n_inputs; }

const char *mxn_model_input_name(const mxn_model *model, size_t index) {
  return index < model->n_inputs ? model->inputs[index]->name : NULL;
}

const mxn_type *mxn_model_input_type(const mxn_model *model, size_t index) {
  return index < model->n_inputs ? &model->input_types[index] : NULL;
}

size_t mxn_model_n_outputs(const mxn_model *model) { return model->graph->n_outputs; }

const char *mxn_model_output_name(const mxn_model *model, size_t index) {
  return index < model->graph->n_outputs ? model->output_names[index] : NULL;
}

void mxn_model_get_statistics(const mxn_model *model, mxn_model_statistics *out_statistics) {
  *out_statistics = model->statistics;
}

const char *mxn_model_subgraph_name(const mxn_model *model, size_t index) {
  return index < model->statistics.n_subgraphs ? model->subgraphs[index]->name : NULL;
}

mxn_status mxn_model_neuronbin(const mxn_model *model, size_t index, const void **out_data, size_t *out_bytes,
                               mxn_error *err) {
  error_clear(err);
  if (index >= model->statistics.n_subgraphs)
    return error_set(err, MXN_ARGUMENT, "%s: there is no subgraph %zu, the model has %zu", model->graph->name, index,
                     model->statistics.n_subgraphs);
  const mxn_tensor *array;
  TRY(subgraph_neuronbin(model->graph, model->subgraphs[index], &array, err));
  *out_data = array->data;
  *out_bytes = 0;
  return type_bytes(&array->type, out_bytes) ? MXN_OK : MXN_FORMAT;
}

size_t mxn_model_n_arrays(const mxn_model *model) { return model->parameters.n_items; }

mxn_array mxn_model_get_array(const mxn_model *model, size_t index) {
  if (index >= model->parameters.n_items) return (mxn_array){0};
  return (mxn_array){model->array_names[index], model->parameters.items[index].tensor};
}

size_t mxn_model_n_variables(const mxn_model *model) { return model->n_variables; }

mxn_variable mxn_model_get_variable(const mxn_model *model, size_t index) {
  if (index >= model->n_variables) return (mxn_variable){0};
  return (mxn_variable){model->variables[index]->name, model->variables[index]->is_auxiliary};
}

size_t mxn_model_n_left_out(const mxn_model *model) { return model->n_left_out; }

mxn_left_out mxn_model_get_left_out(const mxn_model *model, size_t index) {
  return index < model->n_left_out ? model->left_out[index] : (mxn_left_out){0};
}
