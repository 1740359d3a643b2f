/* attention.c - the products of multi-head attention with interleaved heads.
 *
 * Projections are (length, batch, heads * parts * size): behind each other lie, for
 * every head, its queries, keys and values (self-attention), or keys and values.
 * Attention maps are (batch * heads, queries, keys).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "ops/family.h"
#include "ops/number.h"

static const mxn_type any_cube = {.n_dims = 3, .dims = {-1, -1, -1}};

/* size / parts where it divides; -1 where it is unknown. */
static mxn_status divide(inference *x, uint32_t input, int64_t parts, int64_t *out) {
  input_name name;
  const int64_t size = x->inputs[input]->dims[2];
  *out = size < 0 ? -1 : size / parts;
  if (size < 0 || size % parts == 0) return MXN_OK;
  return infer_error(x, MXN_SHAPE, "%s has %" PRId64 " columns, expected a multiple of %" PRId64,
                     infer_input_name(x, input, &name), size, parts);
}

/* Heads have what size / parts is, and where that is no whole number, MXNet lets the
 * heads of the next row follow at once. */
static mxn_status check_heads(inference *x, uint32_t input, int64_t parts) {
  input_name name;
  const int64_t size = x->inputs[input]->dims[2];
  if (size < 0 || size >= parts) return MXN_OK;
  return infer_error(x, MXN_SHAPE, "%s has %" PRId64 " columns, expected at least %" PRId64,
                     infer_input_name(x, input, &name), size, parts);
}

static mxn_status heads_of(inference *x, int64_t batch, int64_t *heads, int64_t *out_maps) {
  *heads = op_int(x->node, "heads");
  if (*heads < 1 || *heads > INT32_MAX || !dims_multiply(batch, *heads, out_maps))
    return infer_error(x, MXN_SHAPE, "heads is %" PRId64 ", expected at least 1", *heads);
  return MXN_OK;
}

mxn_status selfatt_qk_shape(inference *x) {
  int64_t heads = 1, maps = -1;
  TRY(infer_input(x, 0, &any_cube));
  const int64_t *data = x->inputs[0]->dims;
  TRY(heads_of(x, data[1], &heads, &maps));
  TRY(check_heads(x, 0, 3 * heads));
  const mxn_type output = {.n_dims = 3, .dims = {maps, data[0], data[0]}};
  return infer_output(x, 0, &output);
}

mxn_status selfatt_valatt_shape(inference *x) {
  int64_t heads = 1, maps = -1, ignored, columns = -1;
  TRY(infer_input(x, 0, &any_cube));
  const int64_t *data = x->inputs[0]->dims;
  TRY(heads_of(x, data[1], &heads, &maps));
  TRY(divide(x, 0, 3 * heads, &ignored));
  TRY(divide(x, 0, 3, &columns));
  const mxn_type attention = {.n_dims = 3, .dims = {maps, data[0], data[0]}};
  TRY(infer_input(x, 1, &attention));
  const mxn_type output = {.n_dims = 3, .dims = {data[0], data[1], columns}};
  return infer_output(x, 0, &output);
}

mxn_status encdec_qk_shape(inference *x) {
  int64_t heads = 1, maps = -1, columns;
  TRY(infer_input(x, 0, &any_cube));
  TRY(infer_input(x, 1, &any_cube));
  const int64_t *queries = x->inputs[0]->dims, *keys = x->inputs[1]->dims;
  TRY(heads_of(x, queries[1], &heads, &maps));
  TRY(check_heads(x, 0, heads));
  if (!dims_multiply(queries[2], 2, &columns)) return infer_error(x, MXN_SHAPE, "the number of columns overflows");
  const mxn_type both = {.n_dims = 3, .dims = {-1, queries[1], columns}};
  TRY(infer_input(x, 1, &both));
  const mxn_type output = {.n_dims = 3, .dims = {maps, queries[0], keys[0]}};
  return infer_output(x, 0, &output);
}

mxn_status encdec_valatt_shape(inference *x) {
  int64_t heads = 1, maps = -1, ignored, columns = -1;
  TRY(infer_input(x, 0, &any_cube));
  TRY(infer_input(x, 1, &any_cube));
  const int64_t *data = x->inputs[0]->dims, *attention = x->inputs[1]->dims;
  TRY(heads_of(x, data[1], &heads, &maps));
  TRY(divide(x, 0, 2 * heads, &ignored));
  TRY(divide(x, 0, 2, &columns));
  const mxn_type map = {.n_dims = 3, .dims = {maps, -1, data[0]}};
  TRY(infer_input(x, 1, &map));
  const mxn_type output = {.n_dims = 3, .dims = {attention[1], data[1], columns}};
  return infer_output(x, 0, &output);
}

/* Where a head's vectors lie in a projection: vector i of map m is `size` numbers at
 * data + i * step + m * stride. */
typedef struct vectors {
  const double *data;
  int64_t step, stride, size;
} vectors;

static vectors vectors_of(const forward *f, uint32_t input, int64_t parts, int64_t part) {
  const int64_t *dims = f->inputs[input].type.dims, heads = op_int(f->node, "heads");
  const int64_t size = dims[2] / (parts * heads);
  return (vectors){input_doubles(f, input, NULL) + part * size, dims[1] * heads * parts * size, parts * size, size};
}

/* out[m][i][k] = queries[i] keys[k] / sqrt(size) */
static mxn_status score(const forward *f, vectors queries, vectors keys) {
  const int64_t *to = f->outputs[0].type.dims;
  double *row = arena_array(f->scratch, (size_t)to[2], sizeof *row);
  for (int64_t i = 0; i < to[0] * to[1]; i++) {
    const double *q = queries.data + i % to[1] * queries.step + i / to[1] * queries.stride;
    for (int64_t k = 0; k < to[2]; k++) {
      const double *key = keys.data + k * keys.step + i / to[1] * keys.stride;
      row[k] = 0;
      for (int64_t c = 0; c < keys.size; c++) row[k] += q[c] * key[c];
      row[k] /= sqrt((double)keys.size);
    }
    store_doubles(&f->outputs[0], i * to[2], to[2], row);
  }
  return MXN_OK;
}

/* out[i][m] = sum over k of attention[m][i][k] values[k] */
static mxn_status attend(const forward *f, vectors values) {
  const int64_t *maps = f->inputs[1].type.dims;
  const double *attention = input_doubles(f, 1, NULL);
  double *sum = arena_array(f->scratch, (size_t)values.size, sizeof *sum);
  for (int64_t i = 0; i < maps[1] * maps[0]; i++) {
    const int64_t query = i / maps[0], map = i % maps[0];
    memset(sum, 0, (size_t)values.size * sizeof *sum);
    for (int64_t k = 0; k < maps[2]; k++) {
      const double weight = attention[(map * maps[1] + query) * maps[2] + k];
      const double *v = values.data + k * values.step + map * values.stride;
      for (int64_t c = 0; c < values.size; c++) sum[c] += weight * v[c];
    }
    store_doubles(&f->outputs[0], i * values.size, values.size, sum);
  }
  return MXN_OK;
}

mxn_status selfatt_qk_forward(const forward *f) { return score(f, vectors_of(f, 0, 3, 0), vectors_of(f, 0, 3, 1)); }
mxn_status selfatt_valatt_forward(const forward *f) { return attend(f, vectors_of(f, 0, 3, 2)); }
mxn_status encdec_qk_forward(const forward *f) { return score(f, vectors_of(f, 0, 1, 0), vectors_of(f, 1, 2, 0)); }
mxn_status encdec_valatt_forward(const forward *f) { return attend(f, vectors_of(f, 0, 2, 1)); }
