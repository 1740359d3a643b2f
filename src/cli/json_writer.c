/* json_writer.c - see json_writer.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/json_writer.h"

#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/json_string.h"

mxn_status json_open(json_writer *w, mxn_error *err) {
  *w = (json_writer){0};
  w->out = open_memstream(&w->text, &w->bytes);
  if (!w->out) return error_set(err, MXN_NOMEM, "out of memory");
  putc('{', w->out);
  return MXN_OK;
}

void json_abandon(json_writer *w) {
  if (w->out) fclose(w->out);
  free(w->text);
  *w = (json_writer){0};
}

mxn_status json_close(json_writer *w, mxn_error *err) {
  fputs("}\n", w->out);
  const bool is_complete = fclose(w->out) == 0;
  w->out = NULL;
  if (is_complete) fwrite(w->text, 1, w->bytes, stdout);
  json_abandon(w);
  return is_complete ? MXN_OK : error_set(err, MXN_NOMEM, "out of memory");
}

/* What stands before a value. False where there is nothing to write to. */
static bool begin_value(json_writer *w, const char *key) {
  if (!w->out) return false;
  if (w->needs_comma) fputs(", ", w->out);
  if (key) {
    json_print_string(w->out, key);
    fputs(": ", w->out);
  }
  w->needs_comma = true;
  return true;
}

void json_begin(json_writer *w, const char *key, char bracket) {
  if (!begin_value(w, key)) return;
  putc(bracket, w->out);
  w->needs_comma = false;
}

void json_end(json_writer *w, char bracket) {
  if (!w->out) return;
  putc(bracket, w->out);
  w->needs_comma = true;
}

void json_text(json_writer *w, const char *key, const char *text) {
  if (begin_value(w, key)) json_print_string(w->out, text);
}

void json_count(json_writer *w, const char *key, uint64_t number) {
  if (begin_value(w, key)) fprintf(w->out, "%llu", (unsigned long long)number);
}

void json_flag(json_writer *w, const char *key, bool flag) {
  if (begin_value(w, key)) fputs(flag ? "true" : "false", w->out);
}

void json_real(json_writer *w, const char *key, double number) {
  if (!begin_value(w, key)) return;
  if (isfinite(number))
    fprintf(w->out, "%.9g", number);
  else
    fputs("null", w->out);
}

void json_shape(json_writer *w, const char *key, const mxn_type *type) {
  if (!begin_value(w, key)) return;
  if (type->n_dims < 0) {
    fputs("null", w->out);
    return;
  }
  putc('[', w->out);
  for (int32_t i = 0; i < type->n_dims; i++) {
    if (i > 0) fputs(", ", w->out);
    if (type->dims[i] < 0)
      fputs("null", w->out);
    else
      fprintf(w->out, "%lld", (long long)type->dims[i]);
  }
  putc(']', w->out);
}
