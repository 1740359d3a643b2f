/* writer.c - lays a plan out as a neuronbin.
 *
 * Everything that the digest covers (header, tables, code) is small and is put
 * together in one block of memory; the weights go to the file from where they are. All
 * padding is zero, so equal plans give equal bytes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "neuronbin/writer.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "base/error.h"
#include "base/file.h"
#include "base/sha256.h"

/* The block being filled. Its size is known before it is allocated, so filling
 * it needs no checks. */
typedef struct layout {
  mxn_neuronbin_header header;
  uint8_t *block;
  uint64_t strings_used;
} layout;

static uint64_t round_up(uint64_t bytes) { return (bytes + MXN_ALIGNMENT - 1) / MXN_ALIGNMENT * MXN_ALIGNMENT; }

static const char *text_or_empty(const char *text) { return text ? text : ""; }

static mxn_status check_tensor(const plan_tensor *tensor, mxn_error *err) {
  int32_t n_dims = tensor->type.n_dims;
  if (n_dims < 0 || n_dims > MXN_NEURONBIN_MAX_DIMS)
    return error_set(err, MXN_UNSUPPORTED, "tensor '%s': expected at most %d dimensions, got %" PRId32,
                     text_or_empty(tensor->name), MXN_NEURONBIN_MAX_DIMS, n_dims);
  return MXN_OK;
}

static mxn_status check_plan(const plan *p, mxn_error *err) {
  for (uint32_t i = 0; i < p->n_inputs; i++) TRY(check_tensor(&p->inputs[i], err));
  for (uint32_t i = 0; i < p->n_outputs; i++) TRY(check_tensor(&p->outputs[i], err));
  for (uint32_t i = 0; i < p->n_steps; i++) {
    if (p->steps[i].n_buffers > MXN_STEP_MAX_BUFFERS)
      return error_set(err, MXN_INTERNAL, "step '%s': expected at most %d buffers, got %" PRIu32,
                       text_or_empty(p->steps[i].name), MXN_STEP_MAX_BUFFERS, p->steps[i].n_buffers);
  }
  return MXN_OK;
}

static uint64_t string_bytes(const char *text) { return strlen(text_or_empty(text)) + 1; }

/* One byte for the empty string at offset 0, then each name once per user. */
static uint64_t strings_bytes(const plan *p) {
  uint64_t bytes = 1;
  for (uint32_t i = 0; i < p->n_inputs; i++) bytes += string_bytes(p->inputs[i].name);
  for (uint32_t i = 0; i < p->n_outputs; i++) bytes += string_bytes(p->outputs[i].name);
  for (uint32_t i = 0; i < p->n_steps; i++) bytes += string_bytes(p->steps[i].name);
  for (uint32_t i = 0; i < p->n_targets; i++) bytes += string_bytes(p->targets[i].name);
  return bytes;
}

static uint64_t code_bytes(const plan *p) {
  uint64_t bytes = 0;
  for (uint32_t i = 0; i < p->n_targets; i++) bytes = round_up(bytes) + p->targets[i].code_bytes;
  return bytes;
}

static uint32_t count_buffers(const plan *p) {
  uint32_t n_buffers = 0;
  for (uint32_t i = 0; i < p->n_steps; i++) n_buffers += p->steps[i].n_buffers;
  return n_buffers;
}

static uint64_t count_flops(const plan *p) {
  uint64_t flops = 0;
  for (uint32_t i = 0; i < p->n_steps; i++) flops += p->steps[i].flops;
  return flops;
}

/* Place a section at `end`; returns where the next one may start. */
static uint64_t place(mxn_neuronbin_section *section, uint64_t end, uint64_t bytes) {
  section->offset = round_up(end);
  section->bytes = bytes;
  return section->offset + bytes;
}

static void place_sections(const plan *p, mxn_neuronbin_header *header) {
  uint64_t n_tensors = (uint64_t)p->n_inputs + p->n_outputs;
  uint64_t n_kernels = (uint64_t)p->n_targets * p->n_kernels;
  uint64_t end = sizeof *header;
  end = place(&header->strings, end, strings_bytes(p));
  end = place(&header->tensors, end, n_tensors * sizeof(mxn_neuronbin_tensor));
  end = place(&header->buffers, end, header->n_buffers * sizeof(mxn_neuronbin_buffer));
  end = place(&header->steps, end, p->n_steps * sizeof(mxn_neuronbin_step));
  end = place(&header->targets, end, p->n_targets * sizeof(mxn_neuronbin_target));
  end = place(&header->kernels, end, n_kernels * sizeof(mxn_neuronbin_kernel));
  end = place(&header->code, end, code_bytes(p));
  header->checked_bytes = round_up(end);
  header->total_bytes = place(&header->weights, end, p->weights_bytes);
}

static void fill_header(const plan *p, mxn_neuronbin_header *header) {
  memcpy(header->magic, MXN_NEURONBIN_MAGIC, sizeof header->magic);
  header->version = MXN_NEURONBIN_VERSION;
  header->header_bytes = sizeof *header;
  header->n_inputs = p->n_inputs;
  header->n_outputs = p->n_outputs;
  header->n_buffers = count_buffers(p);
  header->n_steps = p->n_steps;
  header->n_targets = p->n_targets;
  header->n_kernels = p->n_kernels;
  header->arena_bytes = p->arena_bytes;
  header->flops = count_flops(p);
  header->n_operators = p->n_operators;
  header->n_cores = 1;
  header->n_requested_cores = p->n_requested_cores ? p->n_requested_cores : 1;
  header->cores_per_node[0] = 1;
  static const char compiler[] = "mxneuron " MXNEURON_VERSION;
  static_assert(sizeof compiler <= sizeof header->compiler, "compiler name fits");
  memcpy(header->compiler, compiler, sizeof compiler);
  place_sections(p, header);
}

static uint32_t add_string(layout *l, const char *text) {
  uint64_t offset = l->strings_used;
  memcpy(l->block + l->header.strings.offset + offset, text_or_empty(text), string_bytes(text));
  l->strings_used += string_bytes(text);
  return (uint32_t)offset;
}

static void fill_tensors(layout *l, mxn_neuronbin_tensor *rows, const plan_tensor *tensors, uint32_t n_tensors) {
  for (uint32_t i = 0; i < n_tensors; i++) {
    const mxn_type *type = &tensors[i].type;
    rows[i].name = add_string(l, tensors[i].name);
    rows[i].dtype = type->dtype;
    rows[i].n_dims = type->n_dims;
    rows[i].batch_axis = tensors[i].batch_axis;
    for (int32_t d = 0; d < type->n_dims; d++) rows[i].dims[d] = type->dims[d];
  }
}

static void fill_steps(const plan *p, layout *l) {
  mxn_neuronbin_step *rows = (void *)(l->block + l->header.steps.offset);
  mxn_neuronbin_buffer *buffers = (void *)(l->block + l->header.buffers.offset);
  uint32_t n_buffers = 0;
  for (uint32_t i = 0; i < p->n_steps; i++) {
    const plan_step *step = &p->steps[i];
    rows[i] = (mxn_neuronbin_step){step->kernel, n_buffers, step->n_buffers, add_string(l, step->name), step->flops};
    for (uint32_t b = 0; b < step->n_buffers; b++) buffers[n_buffers++] = step->buffers[b];
  }
}

static void fill_targets(const plan *p, layout *l) {
  mxn_neuronbin_target *rows = (void *)(l->block + l->header.targets.offset);
  mxn_neuronbin_kernel *kernels = (void *)(l->block + l->header.kernels.offset);
  uint64_t end = l->header.code.offset;
  for (uint32_t i = 0; i < p->n_targets; i++) {
    const plan_target *target = &p->targets[i];
    rows[i].name = add_string(l, target->name);
    rows[i].level = target->level;
    end = place(&rows[i].code, end, target->code_bytes);
    if (target->code_bytes > 0) memcpy(l->block + rows[i].code.offset, target->code, target->code_bytes);
    for (uint32_t k = 0; k < p->n_kernels; k++) *kernels++ = target->kernels[k];
  }
}

static void digest_of(const void *data, size_t bytes, uint8_t digest[32]) {
  sha256 s;
  sha256_init(&s);
  sha256_update(&s, data, bytes);
  sha256_final(&s, digest);
}

/* The plan's weights, read in the pieces of their checksum from the first to the last. */
typedef struct weights_reader {
  const plan *plan;
  uint32_t first; /* of the plan's weights, the one that ends behind what was read */
  uint64_t at;
  size_t piece_bytes;
  uint8_t gathered[CHECKSUM_PIECE_BYTES]; /* a piece that no single array has */
} weights_reader;

static const uint8_t *gather(weights_reader *r, uint64_t end) {
  memset(r->gathered, 0, r->piece_bytes);
  for (uint32_t i = r->first; i < r->plan->n_weights && r->plan->weights[i].offset < end; i++) {
    const plan_weights *w = &r->plan->weights[i];
    const uint64_t from = w->offset < r->at ? r->at : w->offset;
    const uint64_t to = w->offset + w->bytes < end ? w->offset + w->bytes : end;
    if (from < to) memcpy(r->gathered + (from - r->at), (const uint8_t *)w->data + (from - w->offset), to - from);
  }
  return r->gathered;
}

static const uint8_t *next_piece(weights_reader *r) {
  const plan *p = r->plan;
  r->at += r->piece_bytes;
  const uint64_t left = p->weights_bytes - r->at,
                 end = r->at + (left < CHECKSUM_PIECE_BYTES ? left : CHECKSUM_PIECE_BYTES);
  r->piece_bytes = end - r->at;
  while (r->first < p->n_weights && p->weights[r->first].offset + p->weights[r->first].bytes <= r->at) r->first++;
  if (r->first == p->n_weights) return gather(r, end);
  const plan_weights *w = &p->weights[r->first];
  const bool has_all = w->offset <= r->at && end <= w->offset + w->bytes;
  return has_all ? (const uint8_t *)w->data + (r->at - w->offset) : gather(r, end);
}

static mxn_status sum_weights(const plan *p, mxn_neuronbin_header *header, mxn_error *err) {
  const size_t n_pieces = checksum_n_pieces(p->weights_bytes);
  weights_reader r = {.plan = p};
  uint64_t *sums = calloc(n_pieces, sizeof *sums);
  if (!sums) return error_set(err, MXN_NOMEM, "out of memory for the sums of %" PRIu64 " bytes", p->weights_bytes);
  sha256 digest;
  sha256_init(&digest);
  for (size_t i = 0; i < n_pieces; i++) {
    const uint8_t *piece = next_piece(&r);
    sha256_update(&digest, piece, r.piece_bytes);
    sums[i] = checksum_of_piece(piece, r.piece_bytes, 0);
  }
  sha256_final(&digest, header->weights_digest);
  header->weights_checksum = checksum_join(sums, n_pieces);
  free(sums);
  return MXN_OK;
}

static void fill_block(const plan *p, layout *l) {
  mxn_neuronbin_tensor *tensors = (void *)(l->block + l->header.tensors.offset);
  l->strings_used = 1;
  fill_tensors(l, tensors, p->inputs, p->n_inputs);
  fill_tensors(l, tensors + p->n_inputs, p->outputs, p->n_outputs);
  fill_steps(p, l);
  fill_targets(p, l);
  memcpy(l->block, &l->header, sizeof l->header);
  digest_of(l->block, l->header.checked_bytes, l->header.digest);
  memcpy(l->block, &l->header, sizeof l->header);
}

/* The zeros after the end let the weights be used in place: kernels may read
 * that far past them. */
static mxn_status write_file(const plan *p, const layout *l, const char *path, mxn_error *err) {
  static const uint8_t padding[MXN_OVER_READ_BYTES];
  file_writer *writer = NULL;
  TRY(file_writer_open(path, p->lifetime, &writer, err));
  file_writer_write(writer, l->block, l->header.checked_bytes);
  weights_reader r = {.plan = p};
  for (size_t i = 0; i < checksum_n_pieces(p->weights_bytes); i++) {
    const uint8_t *piece = next_piece(&r);
    file_writer_write(writer, piece, r.piece_bytes);
  }
  file_writer_write(writer, padding, sizeof padding);
  return file_writer_commit(writer, err);
}

mxn_status neuronbin_write(const plan *p, const char *path, mxn_error *err) {
  TRY(check_plan(p, err));
  layout l = {0};
  fill_header(p, &l.header);
  if (l.header.strings.bytes > UINT32_MAX)
    return error_set(err, MXN_UNSUPPORTED, "%s: expected at most %" PRIu32 " bytes of names, got %" PRIu64, path,
                     UINT32_MAX, l.header.strings.bytes);
  TRY(sum_weights(p, &l.header, err));
  l.block = calloc(1, l.header.checked_bytes);
  if (!l.block) return error_set(err, MXN_NOMEM, "%s: out of memory for the neuronbin's tables", path);
  fill_block(p, &l);
  mxn_status status = write_file(p, &l, path, err);
  free(l.block);
  return status;
}
