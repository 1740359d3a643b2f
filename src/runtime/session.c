/* session.c - running a program.
 *
 * Everything that a run needs is allocated and resolved by mxn_session_create;
 * a run checks its inputs, puts their addresses into the table of buffers and
 * goes through the steps. Tasks of a step are claimed in chunks from the step's
 * counter, and a thread goes on when all of the step's tasks are done, whoever did
 * them: it never waits for a thread that has claimed nothing.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "runtime/session.h"

#include <immintrin.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/shape.h"
#include "neuronbin/check.h"
#include "runtime/cores.h"
#include "runtime/pool.h"

enum {
  CHUNKS_PER_WORKER = 4, /* enough to even out, few enough to cost nothing */
  /* Work is counted in floating-point operations; a byte that a step touches
   * counts as some, as on a core that computes 100 G of them and moves 25 GB a
   * second. */
  FLOPS_PER_BYTE = 4,
  /* Moving a cache line to another core takes about 0.1 microseconds and a chunk
   * moves several; waking a thread takes up to 50. What is smaller does not gain. */
  MIN_CHUNK_FLOPS = 100000,
  MIN_SHARED_FLOPS = 4000000,
  /* All exceptions masked, round to nearest, flush-to-zero, denormals-are-zero. */
  RUN_MXCSR = 0x1f80 | 0x8000 | 0x0040,
};

/* Each thread claims once in vain, at most all tasks at once: the counter of claims
 * does not wrap, or tasks would be done twice. */
static_assert((uint64_t)NEURONBIN_MAX_TASKS * POOL_MAX_CORES <= UINT32_MAX, "claims fit their counter");

static void *alloc_aligned(uint64_t bytes) {
  if (bytes > SIZE_MAX / 2) return NULL;
  return aligned_alloc(MXN_ALIGNMENT, (bytes + MXN_ALIGNMENT) / MXN_ALIGNMENT * MXN_ALIGNMENT);
}

static bool alloc_outputs(mxn_session *s) {
  const neuronbin *bin = &s->program->bin;
  const uint32_t n_outputs = bin->header->n_outputs;
  s->outputs = calloc(n_outputs, sizeof *s->outputs);
  if (!s->outputs) return false;
  for (uint32_t i = 0; i < n_outputs; i++) {
    const uint64_t bytes = neuronbin_tensor_bytes(&bin->outputs[i]);
    s->outputs[i].type = *mxn_program_output_type(s->program, i);
    s->outputs[i].data = alloc_aligned(bytes);
    if (!s->outputs[i].data) return false;
    memset(s->outputs[i].data, 0, bytes);
  }
  return true;
}

static bool alloc_memory(mxn_session *s) {
  const mxn_neuronbin_header *header = s->program->bin.header;
  s->scratch_stride =
      ((size_t)s->program->scratch_bytes + MXN_OVER_READ_BYTES + MXN_ALIGNMENT - 1) / MXN_ALIGNMENT * MXN_ALIGNMENT;
  s->arena = alloc_aligned(header->arena_bytes + MXN_OVER_READ_BYTES);
  s->scratch = alloc_aligned(s->n_cores * s->scratch_stride);
  s->buffers = calloc((size_t)header->n_buffers + 1, sizeof *s->buffers);
  s->steps = alloc_aligned(header->n_steps * sizeof *s->steps);
  return s->arena && s->scratch && s->buffers && s->steps && alloc_outputs(s);
}

/* Inputs and outputs get theirs with each run. */
static void resolve_space(mxn_session *s, mxn_space space, const uint8_t *start) {
  const neuronbin *bin = &s->program->bin;
  for (uint32_t i = 0; i < bin->header->n_buffers && start; i++) {
    if (bin->buffers[i].space == space) s->buffers[i] = (uint8_t *)start + bin->buffers[i].offset;
  }
}

static uint64_t step_work(const neuronbin *bin, const mxn_neuronbin_step *step) {
  uint64_t bytes = 0;
  for (uint32_t i = 0; i < step->n_buffers; i++) bytes += bin->buffers[step->first_buffer + i].bytes;
  return step->flops + FLOPS_PER_BYTE * bytes;
}

static uint64_t program_work(const neuronbin *bin) {
  uint64_t work = 0;
  for (uint32_t i = 0; i < bin->header->n_steps; i++) work += step_work(bin, &bin->steps[i]);
  return work;
}

static uint32_t n_tasks_of(const mxn_session *s, uint32_t step) {
  return s->program->kernels[s->program->bin.steps[step].kernel].n_tasks;
}

static uint64_t min(uint64_t a, uint64_t b) { return a < b ? a : b; }
static uint64_t max(uint64_t a, uint64_t b) { return a < b ? b : a; }

/* How many tasks of a step are worth claiming at once. */
static uint32_t chunk_of(const mxn_session *s, uint32_t step) {
  const neuronbin *bin = &s->program->bin;
  const uint64_t n_worth = step_work(bin, &bin->steps[step]) / MIN_CHUNK_FLOPS + 1;
  const uint64_t n_wanted = s->n_cores > 1 ? (uint64_t)s->n_cores * CHUNKS_PER_WORKER : 1;
  const uint64_t n_checked = s->check ? weights_check_n_chunks(bin, step) : 1;
  const uint64_t n_chunks = max(n_checked, min(n_worth, n_wanted)), n_tasks = n_tasks_of(s, step);
  return (uint32_t)((n_tasks + n_chunks - 1) / n_chunks);
}

static void prepare_steps(mxn_session *s) {
  for (uint32_t i = 0; i < s->program->bin.header->n_steps; i++) s->steps[i] = (step_progress){.chunk = chunk_of(s, i)};
}

static void resolve_arrays(mxn_session *s, const mxn_tensor *inputs, const mxn_tensor *outputs) {
  const neuronbin *bin = &s->program->bin;
  for (uint32_t i = 0; i < bin->header->n_buffers; i++) {
    const mxn_neuronbin_buffer *buffer = &bin->buffers[i];
    if (buffer->space != MXN_SPACE_INPUT && buffer->space != MXN_SPACE_OUTPUT) continue;
    uint8_t *data = (buffer->space == MXN_SPACE_INPUT ? inputs : outputs)[buffer->index].data;
    s->buffers[i] = (data ? data : s->outputs[buffer->index].data) + buffer->offset;
  }
}

mxn_status mxn_session_create(const mxn_program *program, uint32_t n_cores, mxn_session **out_session, mxn_error *err) {
  error_clear(err);
  if (!program || !out_session) return error_set(err, MXN_ARGUMENT, "mxn_session_create: expected program and result");
  *out_session = NULL;
  if (n_cores == 0) TRY(cores_available(&n_cores, err));
  mxn_session *s = calloc(1, sizeof *s);
  if (!s) return error_set(err, MXN_NOMEM, "%s: out of memory for a session", program->label);
  s->program = program;
  s->n_cores = n_cores < POOL_MAX_CORES ? n_cores : POOL_MAX_CORES;
  if (program_work(&program->bin) < MIN_SHARED_FLOPS) s->n_cores = 1;
  if (!alloc_memory(s)) {
    mxn_session_destroy(s);
    return error_set(err, MXN_NOMEM, "%s: out of memory for a session: %" PRIu64 " bytes of activations",
                     program->label, program->bin.header->arena_bytes);
  }
  resolve_space(s, MXN_SPACE_ARENA, s->arena);
  s->weights = program->bin.weights;
  resolve_space(s, MXN_SPACE_WEIGHTS, s->weights);
  prepare_steps(s);
  pool_reserve(s->n_cores);
  *out_session = s;
  return MXN_OK;
}

mxn_status mxn_session_use_weights(mxn_session *session, const void *data, size_t bytes, mxn_error *err) {
  error_clear(err);
  const mxn_program *p = session->program;
  const mxn_neuronbin_header *header = p->bin.header;
  if (!p->is_detached) return error_set(err, MXN_ARGUMENT, "%s: the program has weights of its own", p->label);
  TRY(neuronbin_check_copy(header, data, bytes, p->label, err));
  if ((uintptr_t)data % MXN_ALIGNMENT != 0 || bytes - header->total_bytes < MXN_OVER_READ_BYTES)
    return error_set(err, MXN_ARGUMENT, "%s: weights: expected them aligned to %d bytes and %d bytes behind them",
                     p->label, MXN_ALIGNMENT, MXN_OVER_READ_BYTES);
  session->weights = (const uint8_t *)data + header->weights.offset;
  resolve_space(session, MXN_SPACE_WEIGHTS, session->weights);
  return MXN_OK;
}

mxn_status mxn_session_check_weights(mxn_session *session, mxn_error *err) {
  error_clear(err);
  const mxn_program *p = session->program;
  if (p->is_detached && session->weights)
    TRY(neuronbin_check_same(&p->bin, session->weights - p->bin.header->weights.offset, p->label, err));
  if (session->check || p->bin.header->weights_checksum == 0) return MXN_OK;
  session->check = weights_check_create(&p->bin);
  if (!session->check) return error_set(err, MXN_NOMEM, "%s: out of memory for a check", p->label);
  prepare_steps(session);
  return MXN_OK;
}

void mxn_session_destroy(mxn_session *session) {
  if (!session) return;
  weights_check_destroy(session->check);
  if (session->outputs) {
    for (size_t i = 0; i < session->program->bin.header->n_outputs; i++) free(session->outputs[i].data);
  }
  free(session->outputs);
  free(session->arena);
  free(session->scratch);
  free(session->buffers);
  free(session->steps);
  pieces_destroy(session->pieces);
  free(session);
}

/* What would be read and written at once. */
static mxn_status check_overlap(const mxn_session *s, size_t index, const mxn_tensor *input, const mxn_tensor *outputs,
                                mxn_error *err) {
  const neuronbin *bin = &s->program->bin;
  const uintptr_t begin = (uintptr_t)input->data, end = begin + neuronbin_tensor_bytes(&bin->inputs[index]);
  for (size_t i = 0; i < bin->header->n_outputs; i++) {
    const uintptr_t output = (uintptr_t)(outputs[i].data ? outputs[i].data : s->outputs[i].data);
    if (begin >= output + neuronbin_tensor_bytes(&bin->outputs[i]) || output >= end) continue;
    return error_set(err, MXN_ARGUMENT, "%s: input '%s': expected a copy of output '%s', got the memory of the output",
                     s->program->label, mxn_program_input_name(s->program, index),
                     mxn_program_output_name(s->program, i));
  }
  return MXN_OK;
}

static mxn_status check_type(const mxn_program *p, const char *what, const char *name, const mxn_type *expected,
                             const mxn_type *got, mxn_error *err) {
  char expected_text[SHAPE_TEXT_BYTES], got_text[SHAPE_TEXT_BYTES];
  if (got->dtype != expected->dtype)
    return error_set(err, MXN_ARGUMENT, "%s: %s '%s': dtype: expected %s, got %s", p->label, what, name,
                     mxn_dtype_name(expected->dtype), mxn_dtype_name(got->dtype));
  if (shape_equal(got, expected)) return MXN_OK;
  return error_set(err, MXN_SHAPE, "%s: %s '%s': shape: expected %s, got %s", p->label, what, name,
                   shape_text(expected, expected_text), shape_text(got, got_text));
}

static mxn_status check_input(const mxn_session *s, size_t index, const mxn_tensor *input, const mxn_tensor *outputs,
                              mxn_error *err) {
  const mxn_program *p = s->program;
  const char *name = mxn_program_input_name(p, index);
  TRY(check_type(p, "input", name, mxn_program_input_type(p, index), &input->type, err));
  if (!input->data) return error_set(err, MXN_ARGUMENT, "%s: input '%s': expected data, got NULL", p->label, name);
  return check_overlap(s, index, input, outputs, err);
}

static mxn_status check_counts(const mxn_session *s, const mxn_tensor *inputs, size_t n_inputs,
                               const mxn_tensor *outputs, size_t n_outputs, mxn_error *err) {
  if (!s) return error_set(err, MXN_ARGUMENT, "mxn_session_run: expected a session, got NULL");
  const mxn_program *p = s->program;
  if (n_inputs != mxn_program_n_inputs(p) || (!inputs && n_inputs > 0))
    return error_set(err, MXN_ARGUMENT, "%s: expected %zu inputs, got %zu", p->label, mxn_program_n_inputs(p),
                     inputs ? n_inputs : 0);
  if (n_outputs != mxn_program_n_outputs(p) || !outputs)
    return error_set(err, MXN_ARGUMENT, "%s: expected room for %zu outputs, got %zu", p->label,
                     mxn_program_n_outputs(p), outputs ? n_outputs : 0);
  if (!s->weights && p->bin.header->weights.bytes > 0)
    return error_set(err, MXN_ARGUMENT, "%s: expected weights, see mxn_session_use_weights()", p->label);
  return MXN_OK;
}

static mxn_status check_run(const mxn_session *s, const mxn_tensor *inputs, size_t n_inputs, const mxn_tensor *outputs,
                            size_t n_outputs, mxn_error *err) {
  TRY(check_counts(s, inputs, n_inputs, outputs, n_outputs, err));
  for (size_t i = 0; i < n_inputs; i++) TRY(check_input(s, i, &inputs[i], s->outputs, err));
  return MXN_OK;
}

static mxn_kernel kernel_at(const mxn_program *p, const mxn_neuronbin_kernel *kernel) {
  const uint8_t *entry = p->code + kernel->entry;
  mxn_kernel function;
  memcpy(&function, &entry, sizeof function);
  return function;
}

/* clang's -fsanitize=function looks for a type in front of what is called, and
 * in front of a neuronbin's code there may be no memory at all. */
#ifdef __clang__
#define CALLS_MACHINE_CODE __attribute__((no_sanitize("function")))
#else
#define CALLS_MACHINE_CODE
#endif

/* This worker's share of a step. */
CALLS_MACHINE_CODE static void run_step(mxn_session *s, uint32_t step, void *scratch) {
  const mxn_neuronbin_step *row = &s->program->bin.steps[step];
  const mxn_kernel compute = kernel_at(s->program, &s->program->kernels[row->kernel]);
  void *const *buffers = s->buffers + row->first_buffer;
  step_progress *progress = &s->steps[step];
  const uint32_t n_tasks = n_tasks_of(s, step), chunk = progress->chunk;
  for (;;) {
    const uint32_t begin = atomic_fetch_add_explicit(&progress->n_claimed, chunk, memory_order_relaxed);
    if (begin >= n_tasks) return;
    const uint32_t end = n_tasks - begin < chunk ? n_tasks : begin + chunk;
    if (s->check) weights_check_tasks(s->check, s->weights, step, begin, end, n_tasks);
    compute(buffers, scratch, begin, end);
    if (atomic_fetch_add(&progress->n_done.value, end - begin) + end - begin == n_tasks) gate_wake(&progress->n_done);
    pool_move_late();
  }
}

static void run_steps(void *job, uint32_t worker) {
  mxn_session *s = job;
  const uint32_t n_steps = s->program->bin.header->n_steps, mxcsr = _mm_getcsr();
  void *scratch = s->scratch + worker * s->scratch_stride;
  _mm_setcsr(RUN_MXCSR);
  for (uint32_t i = 0; i < n_steps; i++) {
    if (worker == 0 && s->start_ns) s->start_ns[i] = clock_ns();
    run_step(s, i, scratch);
    gate_wait_for(&s->steps[i].n_done, n_tasks_of(s, i));
  }
  _mm_setcsr(mxcsr);
}

/* What the run has read is what was compiled. */
static mxn_status finish_check(mxn_session *s, mxn_error *err) {
  if (!s->check) return MXN_OK;
  const uint64_t sum = weights_check_finish(s->check, s->weights);
  weights_check_destroy(s->check);
  s->check = NULL;
  prepare_steps(s);
  return neuronbin_check_sum(s->program->bin.header, sum, s->program->label, err);
}

static mxn_status run_checked(mxn_session *s, const mxn_tensor *inputs, const mxn_tensor *outputs, mxn_error *err) {
  resolve_arrays(s, inputs, outputs);
  for (uint32_t i = 0; i < s->program->bin.header->n_steps; i++) {
    atomic_store_explicit(&s->steps[i].n_claimed, 0, memory_order_relaxed);
    atomic_store_explicit(&s->steps[i].n_done.value, 0, memory_order_relaxed);
  }
  pool_run(s->n_cores, run_steps, s);
  return finish_check(s, err);
}

static void give_outputs(const mxn_session *s, mxn_tensor *outputs) {
  for (size_t i = 0; i < s->program->bin.header->n_outputs; i++) outputs[i] = s->outputs[i];
}

mxn_status session_run(mxn_session *s, const mxn_tensor *inputs, size_t n_inputs, const mxn_tensor *outputs,
                       size_t n_outputs, mxn_error *err) {
  TRY(check_counts(s, inputs, n_inputs, outputs, n_outputs, err));
  for (size_t i = 0; i < n_inputs; i++) TRY(check_input(s, i, &inputs[i], outputs, err));
  for (size_t i = 0; i < n_outputs; i++) {
    if (!outputs[i].data) continue;
    TRY(check_type(s->program, "output", mxn_program_output_name(s->program, i), &s->outputs[i].type, &outputs[i].type,
                   err));
  }
  return run_checked(s, inputs, outputs, err);
}

mxn_status mxn_session_run(mxn_session *session, const mxn_tensor *inputs, size_t n_inputs, mxn_tensor *outputs,
                           size_t n_outputs, mxn_error *err) {
  error_clear(err);
  TRY(check_run(session, inputs, n_inputs, outputs, n_outputs, err));
  TRY(run_checked(session, inputs, session->outputs, err));
  give_outputs(session, outputs);
  return MXN_OK;
}

mxn_status mxn_session_profile(mxn_session *session, const mxn_tensor *inputs, size_t n_inputs, mxn_tensor *outputs,
                               size_t n_outputs, uint64_t *step_ns, size_t n_steps, mxn_error *err) {
  error_clear(err);
  TRY(check_run(session, inputs, n_inputs, outputs, n_outputs, err));
  const size_t expected = session->program->bin.header->n_steps;
  if (n_steps != expected || (!step_ns && n_steps > 0))
    return error_set(err, MXN_ARGUMENT, "%s: expected room for the times of %zu steps, got %zu",
                     session->program->label, expected, step_ns ? n_steps : 0);
  session->start_ns = step_ns;
  const mxn_status status = run_checked(session, inputs, session->outputs, err);
  session->start_ns = NULL;
  if (status != MXN_OK) return status;
  give_outputs(session, outputs);
  /* A step ends where the next one starts. */
  const uint64_t end = clock_ns();
  for (size_t i = 0; i < n_steps; i++) step_ns[i] = (i + 1 < n_steps ? step_ns[i + 1] : end) - step_ns[i];
  return MXN_OK;
}
