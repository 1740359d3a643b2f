/* status.h - how every fallible function of mxneuron answers.
 *
 * A function that can fail returns mxn_status and takes, last, an mxn_error
 * that the caller owns and that may be NULL. The first error wins; outer layers
 * only put context in front of it. Nothing here allocates, prints or keeps
 * thread-local state, so the structs are easy to bind from other languages.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXNEURON_STATUS_H
#define MXNEURON_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

#define MXN_API __attribute__((visibility("default")))
#define MXN_MUST_CHECK __attribute__((warn_unused_result))

/* X(name, number, text): numbers are part of the ABI and never change. */
#define MXN_STATUS_LIST(X)                                 \
  X(OK, 0, "success")                                      \
  X(ARGUMENT, 1, "invalid argument")                       \
  X(NOMEM, 2, "out of memory")                             \
  X(IO, 3, "cannot read or write")                         \
  X(FORMAT, 4, "malformed input")                          \
  X(VERSION, 5, "version not supported")                   \
  X(UNSUPPORTED, 6, "operator or attribute not supported") \
  X(SHAPE, 7, "shapes do not agree")                       \
  X(TARGET, 8, "CPU lacks a required feature")             \
  X(INTERNAL, 9, "bug in mxneuron")                        \
  X(CANCELLED, 10, "cancelled by the caller")

typedef enum mxn_status {
#define MXN_STATUS_ENUM(name, number, text) MXN_##name = number,
  MXN_STATUS_LIST(MXN_STATUS_ENUM)
#undef MXN_STATUS_ENUM
} mxn_status;

#define MXN_ERROR_MESSAGE_BYTES 508

/* An error with its message, NUL-terminated UTF-8 that names file, node,
 * operator, attribute, expected and got where they apply. */
typedef struct mxn_error {
  mxn_status code;
  char message[MXN_ERROR_MESSAGE_BYTES];
} mxn_error;

/* The text of a status ("success", ...); "unknown status" for other numbers.
 * The string is static. Any thread. */
MXN_API const char *mxn_status_text(mxn_status status);

#ifdef __cplusplus
}
#endif
#endif
