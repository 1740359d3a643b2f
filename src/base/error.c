/* error.c - see error.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

void error_clear(mxn_error *err) {
  if (!err) return;
  err->code = MXN_OK;
  err->message[0] = '\0';
}

/* Names from files stand in messages, some cut to a length: all stays UTF-8. */
static void format_cut(char *text, size_t bytes, const char *format, va_list arguments) {
  const int needed = vsnprintf(text, bytes, format, arguments);
  if (needed < 0) text[0] = '\0';
  if (needed >= 0 && (size_t)needed >= bytes) text[utf8_cut(text, bytes - 1)] = '\0';
  utf8_make_printable(text);
}

mxn_status error_set(mxn_error *err, mxn_status code, const char *format, ...) {
  if (!err || err->code != MXN_OK) return code;
  err->code = code;
  va_list arguments;
  va_start(arguments, format);
  format_cut(err->message, sizeof err->message, format, arguments);
  va_end(arguments);
  return code;
}

mxn_status error_set_system(mxn_error *err, const char *path, const char *what, int number) {
  char text[128];
  return error_set(err, number == ENOMEM ? MXN_NOMEM : MXN_IO, "%s: cannot %s: %s", path, what,
                   strerror_r(number, text, sizeof text));
}

mxn_status error_prefix(mxn_error *err, mxn_status code, const char *format, ...) {
  if (!err) return code;
  char old[MXN_ERROR_MESSAGE_BYTES];
  memcpy(old, err->message, sizeof old);
  va_list arguments;
  va_start(arguments, format);
  format_cut(err->message, sizeof err->message, format, arguments);
  va_end(arguments);
  const size_t used = strlen(err->message);
  const size_t room = sizeof err->message - used;
  const int needed = snprintf(err->message + used, room, ": %s", old);
  if (needed >= 0 && (size_t)needed >= room) err->message[utf8_cut(err->message, sizeof err->message - 1)] = '\0';
  return err->code != MXN_OK ? err->code : code;
}
