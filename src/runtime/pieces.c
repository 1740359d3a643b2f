/* pieces.c - runs with another batch than the compiled one.
 *
 * A run is cut into pieces of the program's batch, which read and write the caller's
 * arrays where they lie. Only a last piece that is not full is copied: into inputs
 * padded with zeros, and out of the session's own outputs.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "runtime/session.h"

/* Arrays of one piece, and memory for a piece that is not full. */
struct pieces {
  size_t n_inputs;
  mxn_tensor *inputs, *outputs;
  void **padded; /* [n_inputs] */
};

void pieces_destroy(struct pieces *pieces) {
  if (!pieces) return;
  for (size_t i = 0; i < pieces->n_inputs && pieces->padded; i++) free(pieces->padded[i]);
  free(pieces->padded);
  free(pieces->inputs);
  free(pieces->outputs);
  free(pieces);
}

static bool alloc_padded(const mxn_session *s, struct pieces *p) {
  for (size_t i = 0; i < p->n_inputs; i++) {
    p->padded[i] = calloc(1, neuronbin_tensor_bytes(&s->program->bin.inputs[i]));
    if (!p->padded[i]) return false;
  }
  return true;
}

static mxn_status create_pieces(mxn_session *s, mxn_error *err) {
  if (s->pieces) return MXN_OK;
  const size_t n_inputs = mxn_program_n_inputs(s->program), n_outputs = mxn_program_n_outputs(s->program);
  struct pieces *p = calloc(1, sizeof *p);
  if (p) {
    p->n_inputs = n_inputs;
    p->padded = calloc(n_inputs, sizeof *p->padded);
    p->inputs = calloc(n_inputs, sizeof *p->inputs);
    p->outputs = calloc(n_outputs, sizeof *p->outputs);
  }
  if (p && p->padded && p->inputs && p->outputs && alloc_padded(s, p)) {
    s->pieces = p;
    return MXN_OK;
  }
  pieces_destroy(p);
  return error_set(err, MXN_NOMEM, "%s: out of memory for a batch of another size", s->program->label);
}

/* Checks. */

/* Whether a type is the program's but for dimension 0, which is the batch. */
static bool has_samples(const mxn_type *type, const mxn_type *compiled, int64_t batch, int64_t compiled_batch) {
  if (type->dtype != compiled->dtype || type->n_dims != compiled->n_dims || type->n_dims < 1) return false;
  if (type->dims[0] != batch || compiled->dims[0] != compiled_batch) return false;
  for (int32_t d = 1; d < type->n_dims; d++)
    if (type->dims[d] != compiled->dims[d]) return false;
  return true;
}

static mxn_status samples_error(const mxn_session *s, const char *what, const char *name, int64_t batch,
                                mxn_error *err) {
  return error_set(err, MXN_SHAPE,
                   "%s: %s '%s': expected the compiled type with %" PRId64
                   " samples, as the first input has, in dimension 0",
                   s->program->label, what, name, batch);
}

static mxn_status check_samples(const mxn_session *s, const mxn_tensor *inputs, const mxn_tensor *outputs,
                                int64_t batch, int64_t compiled, mxn_error *err) {
  const mxn_program *p = s->program;
  for (size_t i = 0; i < mxn_program_n_inputs(p); i++) {
    if (!has_samples(&inputs[i].type, mxn_program_input_type(p, i), batch, compiled))
      return samples_error(s, "input", mxn_program_input_name(p, i), batch, err);
    if (!inputs[i].data)
      return error_set(err, MXN_ARGUMENT, "%s: input '%s': expected data, got NULL", p->label,
                       mxn_program_input_name(p, i));
  }
  for (size_t i = 0; i < mxn_program_n_outputs(p); i++) {
    if (outputs[i].data && !has_samples(&outputs[i].type, mxn_program_output_type(p, i), batch, compiled))
      return samples_error(s, "output", mxn_program_output_name(p, i), batch, err);
  }
  return MXN_OK;
}

/* Running. */

static size_t sample_bytes(const mxn_neuronbin_tensor *t) { return neuronbin_tensor_bytes(t) / (size_t)t->dims[0]; }

/* Point to `count` samples from `first` on; fewer than a batch are padded, with zeros
 * or what an earlier piece left: their results go nowhere. */
static void take_samples(mxn_session *s, const mxn_tensor *inputs, int64_t first, int64_t count, bool is_full) {
  for (size_t i = 0; i < s->pieces->n_inputs; i++) {
    const size_t bytes = sample_bytes(&s->program->bin.inputs[i]);
    char *data = (char *)inputs[i].data + (size_t)first * bytes;
    if (!is_full) {
      memcpy(s->pieces->padded[i], data, (size_t)count * bytes);
      data = s->pieces->padded[i];
    }
    s->pieces->inputs[i] = (mxn_tensor){*mxn_program_input_type(s->program, i), data};
  }
}

static void place_outputs(mxn_session *s, const mxn_tensor *outputs, int64_t first, bool is_full) {
  for (size_t i = 0; i < mxn_program_n_outputs(s->program); i++) {
    const size_t bytes = sample_bytes(&s->program->bin.outputs[i]);
    char *data = is_full && outputs[i].data ? (char *)outputs[i].data + (size_t)first * bytes : NULL;
    s->pieces->outputs[i] = (mxn_tensor){*mxn_program_output_type(s->program, i), data};
  }
}

static void copy_outputs(const mxn_session *s, const mxn_tensor *outputs, int64_t first, int64_t count) {
  for (size_t i = 0; i < mxn_program_n_outputs(s->program); i++) {
    const size_t bytes = sample_bytes(&s->program->bin.outputs[i]);
    if (outputs[i].data)
      memcpy((char *)outputs[i].data + (size_t)first * bytes, s->outputs[i].data, (size_t)count * bytes);
  }
}

static mxn_status run_pieces(mxn_session *s, const mxn_tensor *inputs, const mxn_tensor *outputs, int64_t batch,
                             int64_t compiled, mxn_error *err) {
  struct pieces *p = s->pieces;
  for (int64_t first = 0; first < batch; first += compiled) {
    const int64_t left = batch - first, count = left < compiled ? left : compiled;
    const bool is_full = count == compiled;
    take_samples(s, inputs, first, count, is_full);
    place_outputs(s, outputs, first, is_full);
    TRY(session_run(s, p->inputs, p->n_inputs, p->outputs, mxn_program_n_outputs(s->program), err));
    if (!is_full) copy_outputs(s, outputs, first, count);
  }
  return MXN_OK;
}

mxn_status mxn_session_run_into(mxn_session *session, const mxn_tensor *inputs, size_t n_inputs,
                                const mxn_tensor *outputs, size_t n_outputs, mxn_error *err) {
  error_clear(err);
  const mxn_program *p = session ? session->program : NULL;
  const bool is_countable = p && inputs && outputs && n_inputs > 0 && n_inputs == mxn_program_n_inputs(p) &&
                            n_outputs == mxn_program_n_outputs(p) && mxn_program_has_batch(p);
  const int64_t compiled = is_countable ? mxn_program_input_type(p, 0)->dims[0] : 0;
  const int64_t batch = is_countable && inputs[0].type.n_dims > 0 ? inputs[0].type.dims[0] : 0;
  if (batch < 1 || compiled < 1 || batch == compiled)
    return session_run(session, inputs, n_inputs, outputs, n_outputs, err);
  TRY(check_samples(session, inputs, outputs, batch, compiled, err));
  TRY(create_pieces(session, err));
  return run_pieces(session, inputs, outputs, batch, compiled, err);
}
