/* input_files.h - `--input NAME=FILE[,FILE...]`: from files to the arrays of a model.
 *
 * Several files are one batch, joined along dimension 0. What a file is, its content
 * says: JPEG, PNG, .npy, .npz, MXNet's arrays, JSON; a name ending in .raw or .bin
 * means bare little-endian numbers of the input's element type.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_CLI_INPUT_FILES_H
#define MXN_CLI_INPUT_FILES_H

#include "cli/commands.h"

/* Whether the options are well-formed: MXN_ARGUMENT is wrong usage. */
MXN_MUST_CHECK mxn_status input_files_check(const options *o, mxn_error *err);

/* Read all inputs into `set`, which is initialized here; inputs_finish() it in any
 * case. Where neither the model nor --shape tells how many channels an image has, or
 * whether numbers are one item or a batch, the model is tried with both. */
MXN_MUST_CHECK mxn_status input_files_load(const options *o, const mxn_model *model, input_set *set, mxn_error *err);

#endif
