/* check.c - see check.h. Every field is checked before another is computed from
 * it; the work is linear in the bytes that are checked.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "neuronbin/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/sha256.h"
#include "base/utf8.h"
#include "mxneuron/tensor.h"

/* The bytes being checked, and the row that messages name. */
typedef struct checker {
  const char *label;
  const mxn_neuronbin_header *header;
  neuronbin bin;
  const char *table; /* NULL: the header */
  uint64_t row;
  mxn_error *err;
} checker;

enum { FIELD_TEXT_BYTES = 64 };

static const char *field_text(const checker *c, const char *field, char text[FIELD_TEXT_BYTES]) {
  if (c->table)
    snprintf(text, FIELD_TEXT_BYTES, "%s[%" PRIu64 "].%s", c->table, c->row, field);
  else
    snprintf(text, FIELD_TEXT_BYTES, "header.%s", field);
  return text;
}

static mxn_status expect_range(const checker *c, const char *field, int64_t got, int64_t low, int64_t high) {
  char text[FIELD_TEXT_BYTES];
  if (got >= low && got <= high) return MXN_OK;
  if (low == high)
    return error_set(c->err, MXN_FORMAT, "%s: %s: expected %" PRId64 ", got %" PRId64, c->label,
                     field_text(c, field, text), low, got);
  return error_set(c->err, MXN_FORMAT, "%s: %s: expected %" PRId64 " to %" PRId64 ", got %" PRId64, c->label,
                   field_text(c, field, text), low, high, got);
}

static mxn_status expect_equal(const checker *c, const char *field, uint64_t got, uint64_t expected) {
  char text[FIELD_TEXT_BYTES];
  if (got == expected) return MXN_OK;
  return error_set(c->err, MXN_FORMAT, "%s: %s: expected %" PRIu64 ", got %" PRIu64, c->label,
                   field_text(c, field, text), expected, got);
}

static mxn_status expect_least(const checker *c, const char *field, uint64_t got, uint64_t least) {
  char text[FIELD_TEXT_BYTES];
  if (got >= least) return MXN_OK;
  return error_set(c->err, MXN_FORMAT, "%s: %s: expected at least %" PRIu64 ", got %" PRIu64, c->label,
                   field_text(c, field, text), least, got);
}

static mxn_status expect_most(const checker *c, const char *field, uint64_t got, uint64_t most) {
  char text[FIELD_TEXT_BYTES];
  if (got <= most) return MXN_OK;
  return error_set(c->err, MXN_FORMAT, "%s: %s: expected at most %" PRIu64 ", got %" PRIu64, c->label,
                   field_text(c, field, text), most, got);
}

static mxn_status expect_multiple(const checker *c, const char *field, uint64_t got, uint64_t of) {
  char text[FIELD_TEXT_BYTES];
  if (got % of == 0) return MXN_OK;
  return error_set(c->err, MXN_FORMAT, "%s: %s: expected a multiple of %" PRIu64 ", got %" PRIu64, c->label,
                   field_text(c, field, text), of, got);
}

/* offset + bytes <= end, without computing the sum. */
static mxn_status expect_inside(const checker *c, const char *field, uint64_t offset, uint64_t bytes, uint64_t end) {
  char text[FIELD_TEXT_BYTES];
  if (offset <= end && bytes <= end - offset) return MXN_OK;
  return error_set(c->err, MXN_FORMAT, "%s: %s: expected to end by byte %" PRIu64 ", got %" PRIu64 " + %" PRIu64,
                   c->label, field_text(c, field, text), end, offset, bytes);
}

static mxn_status expect_zeros(const checker *c, const char *field, const void *data, size_t bytes) {
  char text[FIELD_TEXT_BYTES];
  const uint8_t *p = data;
  for (size_t i = 0; i < bytes; i++) {
    if (p[i] != 0)
      return error_set(c->err, MXN_FORMAT, "%s: %s: expected zeros, got 0x%02x at byte %zu", c->label,
                       field_text(c, field, text), p[i], i);
  }
  return MXN_OK;
}

/* Header. */

static mxn_status check_identity(const checker *c, size_t bytes) {
  const mxn_neuronbin_header *h = c->header;
  if (!neuronbin_is_magic(h, sizeof *h))
    return error_set(c->err, MXN_FORMAT, "%s: header.magic: expected \"" MXN_NEURONBIN_MAGIC "\", got other bytes",
                     c->label);
  if (h->version != MXN_NEURONBIN_VERSION)
    return error_set(c->err, MXN_VERSION, "%s: header.version: expected %d, got %" PRIu32, c->label,
                     MXN_NEURONBIN_VERSION, h->version);
  TRY(expect_equal(c, "header_bytes", h->header_bytes, sizeof *h));
  if (h->total_bytes > bytes)
    return error_set(c->err, MXN_FORMAT,
                     "%s: header.total_bytes: expected at most the %zu bytes there are, got %" PRIu64, c->label, bytes,
                     h->total_bytes);
  TRY(expect_most(c, "checked_bytes", h->checked_bytes, h->total_bytes));
  return expect_least(c, "checked_bytes", h->checked_bytes, sizeof *h);
}

static mxn_status check_reserved(const checker *c) {
  const mxn_neuronbin_header *h = c->header;
  TRY(expect_zeros(c, "reserved0", h->reserved0, sizeof h->reserved0));
  TRY(expect_zeros(c, "reserved1", h->reserved1, sizeof h->reserved1));
  TRY(expect_zeros(c, "reserved2", h->reserved2, sizeof h->reserved2));
  TRY(expect_zeros(c, "reserved3", h->reserved3, sizeof h->reserved3));
  return expect_zeros(c, "reserved4", h->reserved4, sizeof h->reserved4);
}

static mxn_status check_figures(const checker *c) {
  const mxn_neuronbin_header *h = c->header;
  const size_t used = strnlen(h->compiler, sizeof h->compiler);
  TRY(expect_range(c, "n_targets", h->n_targets, 1, NEURONBIN_MAX_TARGETS));
  TRY(expect_range(c, "n_cores", h->n_cores, 1, NEURONBIN_MAX_CORES));
  TRY(expect_most(c, "arena_bytes", h->arena_bytes, NEURONBIN_MAX_ARENA_BYTES));
  if (used == sizeof h->compiler || !utf8_is_text(h->compiler, used))
    return error_set(c->err, MXN_FORMAT, "%s: header.compiler: expected UTF-8 text that ends in NUL, got other bytes",
                     c->label);
  return MXN_OK;
}

/* Where a section may lie and what it must hold. */
typedef struct section_rule {
  const char *offset_field, *bytes_field;
  mxn_neuronbin_section section;
  uint64_t rows, row_bytes; /* row_bytes 0: any size */
} section_rule;

#define SECTION(name, rows, row_bytes) {#name ".offset", #name ".bytes", h->name, rows, row_bytes}

/* Sections follow each other; returns in *end where the last one ends. */
static mxn_status check_section(const checker *c, const section_rule *rule, uint64_t limit, uint64_t *end) {
  const mxn_neuronbin_section s = rule->section;
  TRY(expect_multiple(c, rule->offset_field, s.offset, MXN_ALIGNMENT));
  TRY(expect_least(c, rule->offset_field, s.offset, *end));
  TRY(expect_inside(c, rule->bytes_field, s.offset, s.bytes, limit));
  if (rule->row_bytes) TRY(expect_equal(c, rule->bytes_field, s.bytes, rule->rows * rule->row_bytes));
  *end = s.offset + s.bytes;
  return MXN_OK;
}

/* The counts are of 32 bits and n_targets is small, so no product overflows. */
static mxn_status check_sections(const checker *c) {
  const mxn_neuronbin_header *h = c->header;
  const section_rule checked[] = {
      SECTION(strings, 0, 0),
      SECTION(tensors, (uint64_t)h->n_inputs + h->n_outputs, sizeof(mxn_neuronbin_tensor)),
      SECTION(buffers, h->n_buffers, sizeof(mxn_neuronbin_buffer)),
      SECTION(steps, h->n_steps, sizeof(mxn_neuronbin_step)),
      SECTION(targets, h->n_targets, sizeof(mxn_neuronbin_target)),
      SECTION(kernels, (uint64_t)h->n_targets * h->n_kernels, sizeof(mxn_neuronbin_kernel)),
      SECTION(code, 0, 0),
  };
  const section_rule weights = SECTION(weights, 0, 0);
  uint64_t end = sizeof *h;
  for (size_t i = 0; i < sizeof checked / sizeof *checked; i++)
    TRY(check_section(c, &checked[i], h->checked_bytes, &end));
  end = h->checked_bytes;
  return check_section(c, &weights, h->total_bytes, &end);
}
#undef SECTION

mxn_status neuronbin_check_header(const void *data, size_t bytes, const char *label, mxn_neuronbin_header *out_header,
                                  mxn_error *err) {
  const checker c = {.label = label, .header = out_header, .err = err};
  if (bytes < sizeof *out_header)
    return error_set(err, MXN_FORMAT, "%s: header: expected %zu bytes, got %zu", label, sizeof *out_header, bytes);
  memcpy(out_header, data, sizeof *out_header);
  TRY(check_identity(&c, bytes));
  TRY(check_reserved(&c));
  TRY(check_figures(&c));
  return check_sections(&c);
}

/* Digests. */

static bool digest_matches(const sha256 *started, const uint8_t expected[32]) {
  sha256 s = *started;
  uint8_t digest[32];
  sha256_final(&s, digest);
  return memcmp(digest, expected, sizeof digest) == 0;
}

static mxn_status digest_error(const char *label, const char *field, const char *what, mxn_error *err) {
  return error_set(err, MXN_FORMAT, "%s: header.%s: expected the SHA-256 of the %s, got another: the data was changed",
                   label, field, what);
}

static mxn_status check_digest(const checker *c) {
  mxn_neuronbin_header header = *c->header;
  sha256 s;
  memset(header.digest, 0, sizeof header.digest);
  sha256_init(&s);
  sha256_update(&s, &header, sizeof header);
  sha256_update(&s, c->bin.data + sizeof header, header.checked_bytes - sizeof header);
  if (digest_matches(&s, c->header->digest)) return MXN_OK;
  return digest_error(c->label, "digest", "checked bytes", c->err);
}

mxn_status neuronbin_check_weights(const neuronbin *bin, const char *label, mxn_error *err) {
  sha256 s;
  sha256_init(&s);
  if (bin->header->weights.bytes > 0) sha256_update(&s, bin->weights, bin->header->weights.bytes);
  if (digest_matches(&s, bin->header->weights_digest)) return MXN_OK;
  return digest_error(label, "weights_digest", "weights", err);
}

mxn_status neuronbin_check_copy(const mxn_neuronbin_header *header, const void *data, size_t bytes, const char *label,
                                mxn_error *err) {
  if (bytes < header->total_bytes)
    return error_set(err, MXN_FORMAT, "%s: neuronbin: expected %" PRIu64 " bytes, got %zu: it was truncated", label,
                     header->total_bytes, bytes);
  if (memcmp(data, header, sizeof *header) != 0) {
    mxn_neuronbin_header other;
    TRY(neuronbin_check_header(data, bytes, label, &other, err));
    return error_set(err, MXN_FORMAT, "%s: header: expected that of the opened neuronbin, got another", label);
  }
  return MXN_OK;
}

mxn_status neuronbin_check_same(const neuronbin *bin, const void *data, const char *label, mxn_error *err) {
  if (memcmp(data, bin->data, bin->header->checked_bytes) == 0) return MXN_OK;
  return digest_error(label, "digest", "checked bytes", err);
}

mxn_status neuronbin_check_sum(const mxn_neuronbin_header *header, uint64_t weights_checksum, const char *label,
                               mxn_error *err) {
  if (header->weights_checksum == 0 || weights_checksum == header->weights_checksum) return MXN_OK;
  return error_set(err, MXN_FORMAT,
                   "%s: header.weights_checksum: expected that of the weights, got another: the data was changed",
                   label);
}

/* Tables. */

/* Every string is text and the last one ends inside, so that a name needs no
 * check but of where it begins. */
static mxn_status check_strings(const checker *c) {
  const char *strings = c->bin.strings;
  const uint64_t bytes = c->header->strings.bytes;
  TRY(expect_least(c, "strings.bytes", bytes, 1));
  if (strings[0] != '\0' || strings[bytes - 1] != '\0')
    return error_set(c->err, MXN_FORMAT, "%s: strings: expected a NUL at both ends, got other bytes", c->label);
  for (uint64_t at = 0; at < bytes;) {
    const size_t length = strlen(strings + at);
    if (!utf8_is_text(strings + at, length))
      return error_set(c->err, MXN_FORMAT, "%s: strings: expected UTF-8, got other bytes behind byte %" PRIu64,
                       c->label, at);
    at += length + 1;
  }
  return MXN_OK;
}

static mxn_status check_name(const checker *c, uint32_t name) {
  char text[FIELD_TEXT_BYTES];
  TRY(expect_range(c, "name", name, 0, (int64_t)c->header->strings.bytes - 1));
  if (name == 0 || c->bin.strings[name - 1] == '\0') return MXN_OK;
  return error_set(c->err, MXN_FORMAT, "%s: %s: expected the start of a string, got %" PRIu32, c->label,
                   field_text(c, "name", text), name);
}

static mxn_status check_dims(const checker *c, const mxn_neuronbin_tensor *t) {
  char field[FIELD_TEXT_BYTES], text[FIELD_TEXT_BYTES];
  for (int32_t d = 0; d < MXN_NEURONBIN_MAX_DIMS; d++) {
    snprintf(field, sizeof field, "dims[%" PRId32 "]", d);
    TRY(expect_range(c, field, t->dims[d], d < t->n_dims, d < t->n_dims ? INT64_MAX : 0));
  }
  if (neuronbin_tensor_bytes(t) > 0) return MXN_OK;
  return error_set(c->err, MXN_FORMAT, "%s: %s: expected fewer than 2^63 bytes in all, got more", c->label,
                   field_text(c, "dims", text));
}

static mxn_status check_tensor(const checker *c, const mxn_neuronbin_tensor *t) {
  char text[FIELD_TEXT_BYTES];
  TRY(check_name(c, t->name));
  if (mxn_dtype_bytes((mxn_dtype)t->dtype) == 0)
    return error_set(c->err, MXN_FORMAT, "%s: %s: expected an element type, got %" PRId32, c->label,
                     field_text(c, "dtype", text), t->dtype);
  TRY(expect_range(c, "n_dims", t->n_dims, 0, MXN_NEURONBIN_MAX_DIMS));
  TRY(expect_range(c, "batch_axis", t->batch_axis, -1, t->n_dims > 0 ? 0 : -1));
  return check_dims(c, t);
}

/* Bytes of the space that a buffer lies in. */
static uint64_t space_bytes(const checker *c, const mxn_neuronbin_buffer *b) {
  switch (b->space) {
    case MXN_SPACE_ARENA: return c->header->arena_bytes;
    case MXN_SPACE_WEIGHTS: return c->header->weights.bytes;
    case MXN_SPACE_INPUT: return neuronbin_tensor_bytes(&c->bin.inputs[b->index]);
    case MXN_SPACE_OUTPUT: return neuronbin_tensor_bytes(&c->bin.outputs[b->index]);
  }
  return 0;
}

static mxn_status check_index(const checker *c, const mxn_neuronbin_buffer *b) {
  char text[FIELD_TEXT_BYTES];
  const bool is_input = b->space == MXN_SPACE_INPUT, is_output = b->space == MXN_SPACE_OUTPUT;
  if (!is_input && !is_output) return expect_equal(c, "index", b->index, 0);
  const uint32_t n = is_input ? c->header->n_inputs : c->header->n_outputs;
  if (b->index < n) return MXN_OK;
  return error_set(c->err, MXN_FORMAT, "%s: %s: expected one of %" PRIu32 " %s, got %" PRIu32, c->label,
                   field_text(c, "index", text), n, is_input ? "inputs" : "outputs", b->index);
}

static mxn_status check_buffer(const checker *c, const mxn_neuronbin_buffer *b) {
  TRY(expect_range(c, "space", b->space, MXN_SPACE_ARENA, MXN_SPACE_OUTPUT));
  TRY(check_index(c, b));
  TRY(expect_multiple(c, "offset", b->offset, 4));
  return expect_inside(c, "bytes", b->offset, b->bytes, space_bytes(c, b));
}

static mxn_status check_step(const checker *c, const mxn_neuronbin_step *s) {
  TRY(check_name(c, s->name));
  TRY(expect_range(c, "kernel", s->kernel, 0, (int64_t)c->header->n_kernels - 1));
  TRY(expect_most(c, "n_buffers", s->n_buffers, MXN_STEP_MAX_BUFFERS));
  const uint64_t end = (uint64_t)s->first_buffer + s->n_buffers;
  return expect_most(c, "first_buffer + n_buffers", end, c->header->n_buffers);
}

static mxn_status check_target(const checker *c, const mxn_neuronbin_target *t) {
  const mxn_neuronbin_section code = c->header->code;
  TRY(check_name(c, t->name));
  TRY(expect_range(c, "level", t->level, 3, 4));
  if (c->row > 0) TRY(expect_most(c, "level (best first)", t->level, c->bin.targets[c->row - 1].level));
  TRY(expect_multiple(c, "code.offset", t->code.offset, MXN_ALIGNMENT));
  TRY(expect_least(c, "code.offset", t->code.offset, code.offset));
  return expect_inside(c, "code.bytes", t->code.offset, t->code.bytes, code.offset + code.bytes);
}

static mxn_status check_kernel(const checker *c, const mxn_neuronbin_kernel *k) {
  const mxn_neuronbin_target *t = &c->bin.targets[c->row / c->header->n_kernels];
  TRY(expect_inside(c, "entry", k->entry, 1, t->code.bytes));
  TRY(expect_range(c, "n_tasks", k->n_tasks, 1, NEURONBIN_MAX_TASKS));
  return expect_range(c, "scratch_bytes", k->scratch_bytes, 0, NEURONBIN_MAX_SCRATCH_BYTES);
}

/* Run a check on every row of a table, for its messages' sake under that name. */
#define CHECK_ROWS(c, name, rows, n_rows, check) \
  for ((c)->table = (name), (c)->row = 0; (c)->row < (n_rows); (c)->row++) TRY(check((c), &(rows)[(c)->row]))

static mxn_status check_tables(checker *c) {
  const mxn_neuronbin_header *h = c->header;
  const neuronbin *bin = &c->bin;
  TRY(check_strings(c));
  CHECK_ROWS(c, "tensors", bin->inputs, (uint64_t)h->n_inputs + h->n_outputs, check_tensor);
  CHECK_ROWS(c, "buffers", bin->buffers, h->n_buffers, check_buffer);
  CHECK_ROWS(c, "steps", bin->steps, h->n_steps, check_step);
  CHECK_ROWS(c, "targets", bin->targets, h->n_targets, check_target);
  CHECK_ROWS(c, "kernels", bin->kernels, (uint64_t)h->n_targets * h->n_kernels, check_kernel);
  return MXN_OK;
}
#undef CHECK_ROWS

mxn_status neuronbin_check(const void *data, size_t bytes, const char *label, mxn_error *err) {
  mxn_neuronbin_header header;
  TRY(neuronbin_check_header(data, bytes, label, &header, err));
  checker c = {.label = label, .header = &header, .err = err};
  neuronbin_view(data, &c.bin);
  TRY(check_digest(&c));
  return check_tables(&c);
}
