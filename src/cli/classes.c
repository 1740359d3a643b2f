/* classes.c - see classes.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/classes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/utf8.h"
#include "io/array_file.h"

/* Labels. */

static size_t count_lines(const char *text, size_t bytes) {
  size_t n = 0;
  for (size_t i = 0; i < bytes; i++) n += text[i] == '\n';
  return n + (bytes > 0 && text[bytes - 1] != '\n');
}

static void split_lines(class_labels *l) {
  char *at = l->text;
  for (size_t i = 0; i < l->n; i++) {
    const size_t bytes = strcspn(at, "\n");
    l->lines[i] = at;
    at += bytes + 1;
    at[-1] = '\0';
    if (bytes > 0 && at[-2] == '\r') at[-2] = '\0';
    utf8_make_printable(l->lines[i]);
  }
}

mxn_status labels_load(const char *path, class_labels *out, mxn_error *err) {
  enum { MAX_BYTES = 16 << 20 };
  mapped_file file;
  class_labels l = {.path = path};
  TRY(file_map(path, &file, err));
  const char *text = (const char *)file.data;
  if (file.bytes > MAX_BYTES || !utf8_is_text(text, file.bytes)) {
    file_unmap(&file);
    return error_set(err, MXN_FORMAT, "%s: expected labels as UTF-8 text of at most %d bytes", path, MAX_BYTES);
  }
  l.n = count_lines(text, file.bytes);
  l.text = calloc(file.bytes + 1, 1);
  l.lines = calloc(l.n + 1, sizeof *l.lines);
  if (l.text && file.bytes) memcpy(l.text, text, file.bytes);
  file_unmap(&file);
  *out = l;
  if (!l.text || !l.lines) return error_set(err, MXN_NOMEM, "%s: out of memory", path);
  split_lines(&l);
  return MXN_OK;
}

void labels_finish(class_labels *labels) {
  free(labels->text);
  free(labels->lines);
  *labels = (class_labels){0};
}

/* Classes. */

size_t classes_wanted(const options *o) {
  enum { USUAL = 5 };
  return o->top > 0 ? (size_t)o->top : o->labels ? USUAL : 0;
}

bool has_classes(const mxn_type *type) {
  for (int32_t i = 2; i < type->n_dims; i++)
    if (type->dims[i] != 1) return false;
  return type->n_dims >= 2;
}

mxn_status labels_check(const class_labels *labels, const char *name, const mxn_type *type, mxn_error *err) {
  if (!labels->lines || (int64_t)labels->n == type->dims[1]) return MXN_OK;
  return error_set(err, MXN_ARGUMENT, "%s: --labels: expected %lld labels for the classes of output '%s', got %zu",
                   labels->path, (long long)type->dims[1], name, labels->n);
}

typedef struct ranked {
  double number;
  size_t class;
} ranked;

static int compare_ranked(const void *a, const void *b) {
  const ranked *x = a, *y = b;
  if (isnan(x->number) != isnan(y->number)) return isnan(x->number) ? 1 : -1;
  if (x->number > y->number) return -1;
  if (x->number < y->number) return 1;
  return (x->class > y->class) - (x->class < y->class);
}

static void print_class(const ranked *r, const class_labels *labels, json_writer *w) {
  const char *label = labels->lines ? labels->lines[r->class] : NULL;
  if (!w) {
    printf("%6zu %10.6f%s%s\n", r->class, r->number, label ? "  " : "", label ? label : "");
    return;
  }
  json_begin(w, NULL, '{');
  json_count(w, "class", r->class);
  json_real(w, "probability", r->number);
  if (label) json_text(w, "label", label);
  json_end(w, '}');
}

mxn_status classes_print(const char *name, const mxn_tensor *output, size_t n_wanted, const class_labels *labels,
                         json_writer *w, mxn_error *err) {
  const size_t n_items = (size_t)output->type.dims[0], n_classes = (size_t)output->type.dims[1];
  ranked *all = calloc(n_classes + 1, sizeof *all);
  if (!all) return error_set(err, MXN_NOMEM, "out of memory");
  if (w) json_begin(w, "top", '[');
  for (size_t i = 0; i < n_items; i++) {
    for (size_t c = 0; c < n_classes; c++)
      all[c] = (ranked){number_at(output->data, output->type.dtype, i * n_classes + c), c};
    qsort(all, n_classes, sizeof *all, compare_ranked);
    if (w)
      json_begin(w, NULL, '[');
    else
      printf("%s[%zu]:\n", name, i);
    for (size_t k = 0; k < n_wanted && k < n_classes; k++) print_class(&all[k], labels, w);
    if (w) json_end(w, ']');
  }
  if (w) json_end(w, ']');
  free(all);
  return MXN_OK;
}
