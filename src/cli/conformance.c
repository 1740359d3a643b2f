/* conformance.c - `mxneuron conformance`: recorded cases of MXNet's own tests.
 *
 * A folder of cases has index.tsv, a row for each case with the columns case, ops
 * and dtypes among others, and for a case CASE-symbol.json and CASE.params.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/conformance.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/error.h"
#include "base/file.h"
#include "cli/commands.h"
#include "mxneuron/program.h"

/* The index. */

typedef struct case_list {
  char *text; /* heap: the file, cut into fields */
  conformance_case *cases;
  size_t n;
} case_list;

enum { MAX_COLUMNS = 32 };

/* Cut a line at its tabs. */
static size_t split_line(char *line, char *fields[MAX_COLUMNS]) {
  size_t n = 0;
  for (char *at = line; at && n < MAX_COLUMNS;) {
    fields[n++] = at;
    at = strchr(at, '\t');
    if (at) *at++ = '\0';
  }
  return n;
}

static bool find_column(char *const *fields, size_t n, const char *name, size_t *out) {
  for (*out = 0; *out < n; ++*out)
    if (!strcmp(fields[*out], name)) return true;
  return false;
}

static bool has_word(const char *list, const char *word) {
  const size_t n = strlen(word);
  for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
    if (!strncmp(at, word, n) && (at[n] == ',' || !at[n])) return true;
  return false;
}

static bool is_wanted(const options *o, const conformance_case *c) {
  return (!o->op || has_word(c->ops, o->op)) && (!o->case_id || !strcmp(o->case_id, c->id));
}

static mxn_status add_rows(case_list *list, const options *o, char *rows, size_t n_lines, mxn_error *err) {
  char *fields[MAX_COLUMNS], *save = NULL;
  size_t id, ops, dtypes;
  char *header = strtok_r(rows, "\n", &save);
  const size_t n_columns = header ? split_line(header, fields) : 0;
  if (!find_column(fields, n_columns, "case", &id) || !find_column(fields, n_columns, "ops", &ops) ||
      !find_column(fields, n_columns, "dtypes", &dtypes))
    return error_set(err, MXN_FORMAT, "%s/index.tsv: expected the columns case, ops and dtypes", o->prefix);
  list->cases = calloc(n_lines + 1, sizeof *list->cases);
  if (!list->cases) return error_set(err, MXN_NOMEM, "out of memory");
  for (char *line = strtok_r(NULL, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
    if (split_line(line, fields) != n_columns)
      return error_set(err, MXN_FORMAT, "%s/index.tsv: row '%.100s' has not %zu columns", o->prefix, line, n_columns);
    const conformance_case c = {fields[id], fields[ops], fields[dtypes]};
    if (is_wanted(o, &c)) list->cases[list->n++] = c;
  }
  return MXN_OK;
}

static mxn_status read_index(case_list *list, const options *o, mxn_error *err) {
  char path[1024];
  mapped_file file;
  size_t n_lines = 0;
  snprintf(path, sizeof path, "%s/index.tsv", o->prefix);
  TRY(file_map(path, &file, err));
  list->text = calloc(file.bytes + 1, 1);
  if (list->text) memcpy(list->text, file.data, file.bytes);
  for (size_t i = 0; list->text && i < file.bytes; i++) n_lines += list->text[i] == '\n';
  file_unmap(&file);
  if (!list->text) return error_set(err, MXN_NOMEM, "out of memory");
  TRY(add_rows(list, o, list->text, n_lines + 1, err));
  return list->n > 0 ? MXN_OK : error_set(err, MXN_ARGUMENT, "%s: no case fits", path);
}

/* The report. */

typedef struct operator_row {
  char name[64];
  size_t n_passed, n_failed, n_skipped;
} operator_row;

typedef struct table {
  operator_row *rows;
  size_t n;
} table;

static operator_row *find_row(table *t, const char *name, size_t bytes) {
  for (size_t i = 0; i < t->n; i++)
    if (strlen(t->rows[i].name) == bytes && !strncmp(t->rows[i].name, name, bytes)) return &t->rows[i];
  operator_row *rows = realloc(t->rows, (t->n + 1) * sizeof *rows);
  if (!rows) return NULL;
  t->rows = rows;
  operator_row *row = &rows[t->n++];
  *row = (operator_row){0};
  snprintf(row->name, sizeof row->name, "%.*s", (int)bytes, name);
  return row;
}

/* A case counts for each operator in it. */
static void count_operators(table *t, const char *ops, conformance_verdict verdict) {
  while (*ops) {
    const size_t bytes = strcspn(ops, ",");
    operator_row *row = find_row(t, ops, bytes < sizeof row->name ? bytes : sizeof row->name - 1);
    if (row) ++*(verdict == CASE_PASSED ? &row->n_passed : verdict == CASE_FAILED ? &row->n_failed : &row->n_skipped);
    ops += bytes + (ops[bytes] == ',');
  }
}

static int compare_rows(const void *a, const void *b) {
  return strcmp(((const operator_row *)a)->name, ((const operator_row *)b)->name);
}

static void print_table(const case_list *list, const conformance_result *results) {
  table t = {0};
  for (size_t i = 0; i < list->n; i++) count_operators(&t, list->cases[i].ops, results[i].verdict);
  if (t.n > 0) qsort(t.rows, t.n, sizeof *t.rows, compare_rows);
  printf("%-44s %7s %7s %7s\n", "operator", "passed", "failed", "skipped");
  for (size_t i = 0; i < t.n; i++)
    printf("%-44s %7zu %7zu %7zu\n", t.rows[i].name, t.rows[i].n_passed, t.rows[i].n_failed, t.rows[i].n_skipped);
  free(t.rows);
}

static void print_failures(const case_list *list, const conformance_result *results) {
  for (size_t i = 0; i < list->n; i++)
    if (results[i].verdict != CASE_PASSED)
      printf("%s %s (%s): %s\n", results[i].verdict == CASE_SKIPPED ? "SKIPPED" : "FAILED", list->cases[i].id,
             list->cases[i].ops, results[i].message);
}

static void print_compiled(const conformance_result *results, size_t n) {
  size_t fully = 0, partly = 0, not_at_all = 0;
  for (size_t i = 0; i < n; i++) {
    const conformance_result *r = &results[i];
    ++*(r->n_compiled == 0 ? &not_at_all : r->n_compiled < r->n_operators ? &partly : &fully);
  }
  printf("%zu fully compiled, %zu partly, %zu by reference only\n", fully, partly, not_at_all);
}

static bool print_counts(const conformance_result *results, size_t n) {
  size_t counts[CASE_SKIPPED + 1] = {0};
  for (size_t i = 0; i < n; i++) counts[results[i].verdict]++;
  counts[CASE_FAILED] += counts[CASE_NOT_RUN];
  printf("%zu passed, %zu failed, %zu skipped\n", counts[CASE_PASSED], counts[CASE_FAILED], counts[CASE_SKIPPED]);
  return counts[CASE_FAILED] == 0;
}

/* The command. */

static mxn_status run_cases(const options *o, const case_list *list, bool *out_passed, mxn_error *err) {
  const conformance_settings settings = {.folder = o->prefix, .is_compiled = o->compiled, .target = o->target};
  const uint32_t n_jobs = o->jobs > 0 ? (uint32_t)o->jobs : mxn_default_cores();
  const size_t bytes = list->n * sizeof(conformance_result);
  conformance_result *results = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (results == MAP_FAILED) return error_set(err, MXN_NOMEM, "out of memory");
  const mxn_status status = conformance_run_all(&settings, list->cases, list->n, n_jobs, results, err);
  if (status == MXN_OK) {
    print_table(list, results);
    print_failures(list, results);
    if (o->compiled) print_compiled(results, list->n);
    *out_passed = print_counts(results, list->n);
  }
  munmap(results, bytes);
  return status;
}

static int run(const options *o) {
  mxn_error err = {0};
  case_list list = {0};
  bool passed = false;
  if (o->reference && o->compiled) {
    error_set(&err, MXN_ARGUMENT, "--reference and --compiled exclude each other");
    return misused(&conformance_command, &err);
  }
  mxn_status status = read_index(&list, o, &err);
  if (status == MXN_OK) status = run_cases(o, &list, &passed, &err);
  free(list.cases);
  free(list.text);
  if (status != MXN_OK) return failed(&conformance_command, &err);
  return passed ? 0 : 1;
}

const command conformance_command = {
    .name = "conformance",
    .summary = "run cases that were recorded from MXNet's own tests",
    .details =
        "DIR has index.tsv, and for each case there a symbol and its arrays. Runs them on the "
        "reference operators, or compiled as far as that goes, and compares with what MXNet "
        "computed. Every case has a process of its own, so a crash is a failure like others.",
    .example = "mxneuron conformance conformance --op Convolution",
    .operands = "DIR",
    .options = OPTION_BIT(REFERENCE) | OPTION_BIT(COMPILED) | OPTION_BIT(OP) | OPTION_BIT(CASE) | OPTION_BIT(TARGET) |
               OPTION_BIT(JOBS),
    .run = run,
};
