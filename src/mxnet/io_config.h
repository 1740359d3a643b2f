/* io_config.h - the inputs and outputs to compile for, as neuron-cc takes them.
 *
 *     {"inputs": {"data": [[1, 3, 224, 224], "float32"]}, "outputs": ["softmax_output"]}
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_MXNET_IO_CONFIG_H
#define MXN_MXNET_IO_CONFIG_H

#include <stdbool.h>

#include "base/arena.h"
#include "mxneuron/model.h"

typedef struct io_config {
  mxn_input *inputs;
  size_t n_inputs;
  const char **outputs; /* none: the model's own */
  size_t n_outputs;
} io_config;

/* Whether it is the JSON text itself, which begins with '{', and no file's name. */
bool io_config_is_text(const char *text_or_path);

/* Read the JSON text itself, or the file of that name.
 * Everything is in `a`. Shapes and element types are checked, names are not.
 * Errors: IO, FORMAT (which member, expected, got). */
MXN_MUST_CHECK mxn_status io_config_read(arena *a, const char *text_or_path, io_config *out_config, mxn_error *err);

#endif
