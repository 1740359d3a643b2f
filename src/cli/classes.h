/* classes.h - `--top K --labels FILE`: the classes with the largest numbers.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_CLI_CLASSES_H
#define MXN_CLI_CLASSES_H

#include "cli/json_writer.h"
#include "cli/options.h"
#include "mxneuron/tensor.h"

/* Names of classes, one a line; empty lines count, but for the last. */
typedef struct class_labels {
  const char *path;
  char *text;   /* heap */
  char **lines; /* heap, into text */
  size_t n;
} class_labels;

/* Read a file of at most 16 MiB of UTF-8. */
MXN_MUST_CHECK mxn_status labels_load(const char *path, class_labels *out, mxn_error *err);
void labels_finish(class_labels *labels); /* also for one that is all zero */

/* How many classes to print: --top, or 5 with --labels; 0 where neither is given. */
size_t classes_wanted(const options *o);

/* Whether an output has classes: (items, classes), with dimensions of 1 behind them. */
bool has_classes(const mxn_type *type);

/* Whether the labels, if there are any, are as many as the classes. */
MXN_MUST_CHECK mxn_status labels_check(const class_labels *labels, const char *name, const mxn_type *type,
                                       mxn_error *err);

/* Print the n_wanted classes of each item, the largest number first, the lower class
 * first where they are equal. NULL writer: as text. */
MXN_MUST_CHECK mxn_status classes_print(const char *name, const mxn_tensor *output, size_t n_wanted,
                                        const class_labels *labels, json_writer *w, mxn_error *err);

#endif
