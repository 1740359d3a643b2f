/* program.c - finding, checking and mapping a neuronbin.
 *
 * A neuronbin that starts at a multiple of MXN_ALIGNMENT, with
 * MXN_OVER_READ_BYTES readable after its weights, is used where it lies: its
 * weights then are shared with every process that maps the file. Any other is
 * copied once. Code is always copied to its own pages, which are never writable
 * and executable at the same time.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "runtime/program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "mxnet/ndarray_list.h"
#include "neuronbin/check.h"
#include "runtime/cpu.h"

/* Bytes of a file or of memory. `readable` counts on to the end of the last
 * mapped page. */
typedef struct span {
  const uint8_t *data;
  size_t bytes, readable;
} span;

static const char name_suffix[] = "_neuronbin";
enum { SUFFIX_LENGTH = sizeof name_suffix - 1 };

/* The node's name inside an array's name; empty where it holds no neuronbin. */
static span node_of(const ndarray_entry *entry) {
  span name = {(const uint8_t *)entry->name, entry->name_bytes, 0};
  if (!entry->name || entry->type.dtype != MXN_UINT8 || entry->storage != NDARRAY_DENSE) return (span){0};
  if (name.bytes >= 4 && memcmp(name.data, "arg:", 4) == 0) name = (span){name.data + 4, name.bytes - 4, 0};
  if (name.bytes <= SUFFIX_LENGTH) return (span){0};
  name.bytes -= SUFFIX_LENGTH;
  return memcmp(name.data + name.bytes, name_suffix, SUFFIX_LENGTH) == 0 ? name : (span){0};
}

/* `node` may carry the suffix; NULL is any. */
static bool is_node(span name, const char *node) {
  if (name.bytes == 0) return false;
  if (!node) return true;
  size_t length = strlen(node);
  if (length > SUFFIX_LENGTH && strcmp(node + length - SUFFIX_LENGTH, name_suffix) == 0) length -= SUFFIX_LENGTH;
  return length == name.bytes && memcmp(node, name.data, length) == 0;
}

/* What the file holds, as "a, b" into `text`. */
static const char *list_nodes(const ndarray_list *list, char *text, size_t text_bytes) {
  size_t used = 0;
  text[0] = '\0';
  for (size_t i = 0; i < list->n_entries && used < text_bytes; i++) {
    const span name = node_of(&list->entries[i]);
    if (name.bytes == 0) continue;
    const size_t shown = name.bytes < text_bytes ? name.bytes : text_bytes; /* a name may be longer than an int says */
    used += (size_t)snprintf(text + used, text_bytes - used, "%s%.*s", used > 0 ? ", " : "", (int)shown,
                             (const char *)name.data);
  }
  return text;
}

static mxn_status choose_entry(const ndarray_list *list, const char *label, const char *node,
                               const ndarray_entry **out_entry, mxn_error *err) {
  char text[256];
  size_t n_found = 0, n_nodes = 0;
  for (size_t i = 0; i < list->n_entries; i++) {
    const span name = node_of(&list->entries[i]);
    n_nodes += name.bytes > 0;
    if (!is_node(name, node)) continue;
    *out_entry = &list->entries[i];
    n_found++;
  }
  if (n_found == 1) return MXN_OK;
  if (n_nodes == 0)
    return error_set(err, MXN_ARGUMENT, "%s: expected a neuronbin (an array named '..._neuronbin'), there is none",
                     label);
  if (n_found == 0)
    return error_set(err, MXN_ARGUMENT, "%s: expected the neuronbin of node '%s', there are: %s", label, node,
                     list_nodes(list, text, sizeof text));
  return error_set(err, MXN_ARGUMENT, "%s: expected one neuronbin or the name of a node, got %zu: %s", label, n_found,
                   list_nodes(list, text, sizeof text));
}

/* Narrow a whole file to its neuronbin. */
static mxn_status find_neuronbin(span *s, const char *label, const char *node, mxn_error *err) {
  if (neuronbin_is_magic(s->data, s->bytes)) return MXN_OK;
  ndarray_list list = {0};
  const ndarray_entry *entry = NULL;
  TRY(ndarray_list_read(s->data, s->bytes, label, &list, err));
  const mxn_status status = choose_entry(&list, label, node, &entry, err);
  if (status == MXN_OK) *s = (span){s->data + entry->offset, entry->bytes, s->readable - entry->offset};
  ndarray_list_finish(&list);
  return status;
}

static void *alloc_aligned(size_t bytes) {
  return aligned_alloc(MXN_ALIGNMENT, (bytes + MXN_ALIGNMENT - 1) / MXN_ALIGNMENT * MXN_ALIGNMENT);
}

/* Where the neuronbin can be used: in place, or in a copy that the program
 * owns. */
static mxn_status place_neuronbin(mxn_program *p, span *s, mxn_error *err) {
  mxn_neuronbin_header header;
  TRY(neuronbin_check_header(s->data, s->bytes, p->label, &header, err));
  const bool has_room = s->readable - header.total_bytes >= MXN_OVER_READ_BYTES;
  if ((uintptr_t)s->data % MXN_ALIGNMENT == 0 && has_room) return MXN_OK;
  const size_t bytes = header.total_bytes + MXN_OVER_READ_BYTES;
  uint8_t *copy = alloc_aligned(bytes);
  if (!copy) return error_set(err, MXN_NOMEM, "%s: neuronbin: out of memory for %zu bytes", p->label, bytes);
  memcpy(copy, s->data, header.total_bytes);
  memset(copy + header.total_bytes, 0, MXN_OVER_READ_BYTES);
  p->copy = copy;
  file_unmap(&p->file);
  *s = (span){copy, header.total_bytes, bytes};
  return MXN_OK;
}

/* A copy of all but the weights. */
static mxn_status copy_plan(mxn_program *p, span *s, mxn_error *err) {
  mxn_neuronbin_header header;
  TRY(neuronbin_check_header(s->data, s->bytes, p->label, &header, err));
  p->copy = alloc_aligned(header.checked_bytes);
  if (!p->copy)
    return error_set(err, MXN_NOMEM, "%s: neuronbin: out of memory for %zu bytes", p->label,
                     (size_t)header.checked_bytes);
  memcpy(p->copy, s->data, header.checked_bytes);
  s->data = p->copy;
  return MXN_OK;
}

static mxn_status map_code(mxn_program *p, mxn_error *err) {
  const mxn_neuronbin_section *code = &p->bin.targets[p->target].code;
  if (code->bytes == 0) return MXN_OK;
  void *pages = mmap(NULL, code->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED)
    return error_set(err, MXN_NOMEM, "%s: neuronbin: cannot map %zu bytes of code", p->label, (size_t)code->bytes);
  p->code = pages;
  p->code_bytes = code->bytes;
  memcpy(pages, p->bin.data + code->offset, code->bytes);
  if (mprotect(pages, code->bytes, PROT_READ | PROT_EXEC) == 0) return MXN_OK;
  return error_set(err, MXN_TARGET, "%s: neuronbin: the system does not let code be made executable", p->label);
}

static mxn_type type_of(const mxn_neuronbin_tensor *tensor) {
  mxn_type type = {.dtype = (mxn_dtype)tensor->dtype, .n_dims = tensor->n_dims};
  for (int32_t d = 0; d < tensor->n_dims; d++) type.dims[d] = tensor->dims[d];
  return type;
}

static mxn_status list_types(mxn_program *p, mxn_error *err) {
  const size_t n_tensors = (size_t)p->bin.header->n_inputs + p->bin.header->n_outputs;
  p->types = calloc(n_tensors, sizeof *p->types);
  if (!p->types) return error_set(err, MXN_NOMEM, "%s: out of memory", p->label);
  for (size_t i = 0; i < n_tensors; i++) p->types[i] = type_of(&p->bin.inputs[i]);
  return MXN_OK;
}

static mxn_status list_targets(mxn_program *p, mxn_error *err) {
  size_t bytes = 1;
  for (uint32_t i = 0; i < p->bin.header->n_targets; i++) bytes += strlen(p->bin.strings + p->bin.targets[i].name) + 1;
  p->targets = calloc(1, bytes);
  if (!p->targets) return error_set(err, MXN_NOMEM, "%s: out of memory", p->label);
  char *end = p->targets;
  for (uint32_t i = 0; i < p->bin.header->n_targets; i++) {
    if (i > 0) *end++ = ',';
    end = stpcpy(end, p->bin.strings + p->bin.targets[i].name);
  }
  return MXN_OK;
}

static void find_scratch(mxn_program *p) {
  for (uint32_t i = 0; i < p->bin.header->n_kernels; i++) {
    if (p->kernels[i].scratch_bytes > p->scratch_bytes) p->scratch_bytes = p->kernels[i].scratch_bytes;
  }
}

/* What is placed becomes a program. */
static mxn_status load_placed(mxn_program *p, span s, mxn_error *err) {
  TRY(neuronbin_check(s.data, s.bytes, p->label, err));
  neuronbin_view(s.data, &p->bin);
  TRY(cpu_choose_target(&p->bin, p->label, &p->target, err));
  p->kernels = neuronbin_kernels(&p->bin, p->target);
  find_scratch(p);
  TRY(list_types(p, err));
  TRY(list_targets(p, err));
  return map_code(p, err);
}

static mxn_status load(mxn_program *p, span s, const char *node, mxn_error *err) {
  TRY(find_neuronbin(&s, p->label, node, err));
  TRY(place_neuronbin(p, &s, err));
  return load_placed(p, s, err);
}

static mxn_status load_detached(mxn_program *p, span s, mxn_error *err) {
  TRY(copy_plan(p, &s, err));
  TRY(load_placed(p, s, err));
  p->is_detached = true;
  p->bin.weights = NULL;
  return MXN_OK;
}

static mxn_status program_create(const char *label, mxn_program **out_program, mxn_error *err) {
  mxn_program *p = calloc(1, sizeof *p);
  if (p) p->label = strdup(label);
  *out_program = p;
  if (p && p->label) return MXN_OK;
  return error_set(err, MXN_NOMEM, "%s: out of memory", label);
}

/* Hand the program out, or take it down again. */
static mxn_status finish_open(mxn_program *p, mxn_status status, mxn_program **out_program) {
  if (status == MXN_OK)
    *out_program = p;
  else
    mxn_program_close(p);
  return status;
}

static mxn_status load_file(mxn_program *p, const char *node, mxn_error *err) {
  TRY(file_map(p->label, &p->file, err));
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  return load(p, (span){p->file.data, p->file.bytes, (p->file.bytes + page - 1) / page * page}, node, err);
}

mxn_status mxn_program_open(const char *path, const char *node, mxn_program **out_program, mxn_error *err) {
  error_clear(err);
  if (!path || !out_program) return error_set(err, MXN_ARGUMENT, "mxn_program_open: expected a path and a result");
  mxn_program *p = NULL;
  *out_program = NULL;
  mxn_status status = program_create(path, &p, err);
  if (status == MXN_OK) status = load_file(p, node, err);
  return finish_open(p, status, out_program);
}

mxn_status mxn_program_open_detached(const void *data, size_t bytes, const char *label, mxn_program **out_program,
                                     mxn_error *err) {
  error_clear(err);
  if (!out_program || (!data && bytes > 0))
    return error_set(err, MXN_ARGUMENT, "mxn_program_open_detached: expected data and a result");
  mxn_program *p = NULL;
  *out_program = NULL;
  mxn_status status = program_create(label ? label : "memory", &p, err);
  if (status == MXN_OK) status = load_detached(p, (span){data, bytes, bytes}, err);
  return finish_open(p, status, out_program);
}

mxn_status mxn_program_open_memory(const void *data, size_t bytes, const char *label, mxn_program **out_program,
                                   mxn_error *err) {
  error_clear(err);
  if (!out_program || (!data && bytes > 0))
    return error_set(err, MXN_ARGUMENT, "mxn_program_open_memory: expected data and a result");
  mxn_program *p = NULL;
  *out_program = NULL;
  mxn_status status = program_create(label ? label : "memory", &p, err);
  if (status == MXN_OK) status = load(p, (span){data, bytes, bytes}, NULL, err);
  return finish_open(p, status, out_program);
}

void mxn_program_close(mxn_program *program) {
  if (!program) return;
  if (program->code) munmap(program->code, program->code_bytes);
  file_unmap(&program->file);
  free(program->copy);
  free(program->types);
  free(program->targets);
  free(program->label);
  free(program);
}

size_t mxn_program_n_inputs(const mxn_program *program) { return program->bin.header->n_inputs; }

size_t mxn_program_n_outputs(const mxn_program *program) { return program->bin.header->n_outputs; }

const char *mxn_program_input_name(const mxn_program *program, size_t index) {
  if (index >= program->bin.header->n_inputs) return NULL;
  return program->bin.strings + program->bin.inputs[index].name;
}

const char *mxn_program_output_name(const mxn_program *program, size_t index) {
  if (index >= program->bin.header->n_outputs) return NULL;
  return program->bin.strings + program->bin.outputs[index].name;
}

const mxn_type *mxn_program_input_type(const mxn_program *program, size_t index) {
  return index < program->bin.header->n_inputs ? &program->types[index] : NULL;
}

const mxn_type *mxn_program_output_type(const mxn_program *program, size_t index) {
  return index < program->bin.header->n_outputs ? &program->types[program->bin.header->n_inputs + index] : NULL;
}

bool mxn_program_has_batch(const mxn_program *program) {
  const size_t n_tensors = (size_t)program->bin.header->n_inputs + program->bin.header->n_outputs;
  for (size_t i = 0; i < n_tensors; i++) {
    if (program->bin.inputs[i].batch_axis != 0) return false;
  }
  return true;
}

void mxn_program_get_info(const mxn_program *program, mxn_program_info *out_info) {
  const mxn_neuronbin_header *header = program->bin.header;
  *out_info = (mxn_program_info){
      .arena_bytes = header->arena_bytes,
      .scratch_bytes = program->scratch_bytes,
      .weight_bytes = header->weights.bytes,
      .code_bytes = program->code_bytes,
      .flops = header->flops,
      .n_operators = header->n_operators,
      .n_steps = header->n_steps,
      .target = program->bin.strings + program->bin.targets[program->target].name,
      .targets = program->targets,
      .is_mapped = program->file.data && !program->copy,
  };
}

const char *mxn_program_step_name(const mxn_program *program, size_t step) {
  return step < program->bin.header->n_steps ? program->bin.strings + program->bin.steps[step].name : NULL;
}

uint64_t mxn_program_step_flops(const mxn_program *program, size_t step) {
  return step < program->bin.header->n_steps ? program->bin.steps[step].flops : 0;
}

mxn_status mxn_program_check_weights(const mxn_program *program, mxn_error *err) {
  error_clear(err);
  if (program->is_detached)
    return error_set(err, MXN_ARGUMENT, "%s: a detached program has no weights of its own", program->label);
  return neuronbin_check_weights(&program->bin, program->label, err);
}
