/* print.c - the text of text.h, written.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <ctype.h>
#include <inttypes.h>

#include "graph/text.h"

static void print_string(FILE *out, const char *text) {
  fputc('"', out);
  for (const unsigned char *s = (const unsigned char *)text; *s; s++) {
    if (*s == '"' || *s == '\\')
      fprintf(out, "\\%c", *s);
    else if (*s == '\n')
      fputs("\\n", out);
    else if (*s < 0x20 || *s == 0x7F)
      fprintf(out, "\\x%02x", *s);
    else
      fputc(*s, out);
  }
  fputc('"', out);
}

static bool is_word(const char *text) {
  if (!isalpha((unsigned char)text[0]) && text[0] != '_') return false;
  for (; *text; text++)
    if (!isalnum((unsigned char)*text) && *text != '_' && *text != '.') return false;
  return true;
}

static void print_word(FILE *out, const char *text) {
  if (is_word(text))
    fputs(text, out);
  else
    print_string(out, text);
}

static void print_attributes(FILE *out, const attribute *attributes, size_t n) {
  for (size_t i = 0; i < n; i++) {
    fputs(i ? ", " : " {", out);
    print_word(out, attributes[i].key);
    fputc('=', out);
    print_string(out, attributes[i].text);
  }
  if (n) fputc('}', out);
}

static void print_values(FILE *out, const value *values, size_t n) {
  for (size_t i = 0; i < n; i++) {
    fprintf(out, "%s%%%" PRIu32, i ? ", " : "", values[i].node->id);
    if (values[i].node->n_outputs > 1) fprintf(out, ".%" PRIu32, values[i].output);
  }
}

static void print_type(FILE *out, const mxn_type *t) {
  fputs(t->dtype == MXN_DTYPE_UNKNOWN ? "?" : mxn_dtype_name(t->dtype), out);
  if (t->n_dims < 0) {
    fputc('?', out);
    return;
  }
  fputc('(', out);
  for (int32_t d = 0; d < t->n_dims; d++) {
    if (d) fputs(", ", out);
    if (t->dims[d] < 0)
      fputc('?', out);
    else
      fprintf(out, "%" PRId64, t->dims[d]);
  }
  fputc(')', out);
}

static void print_fused(FILE *out, const fused_operator *f) {
  fputs(" then ", out);
  print_word(out, f->operator->op);
  if (f->operator->n_inputs != 1) fprintf(out, "/%" PRIu32, f->operator->n_inputs);
  if (f->chain) fprintf(out, "#%" PRIu32, f->chain);
  fputc(' ', out);
  print_string(out, f->operator->name);
  print_attributes(out, f->operator->attributes, f->operator->n_attributes);
}

static void print_node(FILE *out, const node *n) {
  fprintf(out, "%%%" PRIu32 " = ", n->id);
  if (node_is_variable(n)) {
    fputs(n->is_auxiliary ? "auxiliary" : n->constant ? "constant" : "input", out);
  } else {
    print_word(out, n->op);
    fputc('(', out);
    print_values(out, n->inputs, n->n_inputs);
    fputc(')', out);
  }
  fputc(' ', out);
  print_string(out, n->name);
  print_attributes(out, n->attributes, n->n_attributes);
  for (size_t i = 0; i < n->n_fused; i++) print_fused(out, &n->fused[i]);
  for (uint32_t i = 0; i < n->n_outputs; i++) {
    fputs(i ? ", " : " : ", out);
    print_type(out, &n->outputs[i]);
  }
  fputc('\n', out);
}

void graph_print(const graph *g, FILE *out) {
  fputs("graph ", out);
  print_string(out, g->name);
  if (g->np_shape) fputs(" np_shape", out);
  print_attributes(out, g->attributes, g->n_attributes);
  fputc('\n', out);
  for (size_t i = 0; i < g->n_nodes; i++) print_node(out, g->nodes[i]);
  fputs(g->n_outputs ? "output " : "output", out);
  print_values(out, g->outputs, g->n_outputs);
  fputc('\n', out);
}
