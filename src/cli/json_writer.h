/* json_writer.h - one JSON object for stdout, written at the end or not at all.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_CLI_JSON_WRITER_H
#define MXN_CLI_JSON_WRITER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "mxneuron/status.h"
#include "mxneuron/tensor.h"

typedef struct json_writer {
  FILE *out; /* NULL: every call does nothing, so that callers need not ask */
  char *text;
  size_t bytes;
  bool needs_comma;
} json_writer;

/* Begin the object. */
MXN_MUST_CHECK mxn_status json_open(json_writer *w, mxn_error *err);
/* End and print it. */
MXN_MUST_CHECK mxn_status json_close(json_writer *w, mxn_error *err);
/* Forget it; also for a writer that is all zero or closed. */
void json_abandon(json_writer *w);

/* `key` is NULL for items of a list. */
void json_begin(json_writer *w, const char *key, char bracket); /* '{' or '[' */
void json_end(json_writer *w, char bracket);                    /* '}' or ']' */
void json_text(json_writer *w, const char *key, const char *text);
void json_count(json_writer *w, const char *key, uint64_t number);
void json_flag(json_writer *w, const char *key, bool flag);
/* null where the number is infinite or NaN, which JSON lacks. */
void json_real(json_writer *w, const char *key, double number);
/* A list of dimensions, null for those that are not known; null for an unknown number of them. */
void json_shape(json_writer *w, const char *key, const mxn_type *type);

#endif
