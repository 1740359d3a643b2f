/* error.h - filling an mxn_error.
 *
 * The first error wins: error_set() on a struct that already holds one keeps
 * the old. Every function here takes NULL for `err`.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_BASE_ERROR_H
#define MXN_BASE_ERROR_H

#include "mxneuron/status.h"

/* Forget what `err` held; public entry points call it first. */
void error_clear(mxn_error *err);

/* Store code and message (cut at the end of the buffer) and return `code`. */
mxn_status error_set(mxn_error *err, mxn_status code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* "path: cannot WHAT: " and what the system says to `number`, an errno: MXN_NOMEM
 * where that is memory, otherwise MXN_IO. */
mxn_status error_set_system(mxn_error *err, const char *path, const char *what, int number);

/* Put "context: " in front of the message and return the error's code, or
 * `code` where err is NULL. */
mxn_status error_prefix(mxn_error *err, mxn_status code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Return from the calling function if `expression` fails. Only for functions
 * that own nothing outside an arena. */
#define TRY(expression)                            \
  do {                                             \
    mxn_status try_status_ = (expression);         \
    if (try_status_ != MXN_OK) return try_status_; \
  } while (0)

#endif
