/* options.h - the options of all commands: one table for parsing, help, man pages
 * and completion. neuron-cc has a table of its own (neuron_cc_options.h).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_CLI_OPTIONS_H
#define MXN_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "passes/pass_list.h"

/* X(NUMBER, help) */
#define EXIT_STATUS_LIST(X)                                         \
  X(0, "success")                                                   \
  X(1, "failure: a file, a model or a result is not as it must be") \
  X(2, "wrong usage: an unknown command or option, something missing, a value that the option never has")
enum { EXIT_USAGE = 2 };

/* Values that are words. */
#define TARGET_WORDS "x86-64-v3|x86-64-v4"
#define LAYOUT_WORDS "NCHW|NHWC"
#define PASS_WORD(name) #name "|"
#define PASS_WORDS MXN_PASS_LIST(PASS_WORD) "all"

typedef struct text_list {
  const char **items; /* heap */
  size_t n;
} text_list;

/* Values point into argv. */
typedef struct options {
  const char *prefix;
  text_list inputs, excluded, forced, outputs, shapes;
  const char *out, *target, *dump, *output_file, *golden, *op, *case_id;
  const char *resize, *mean, *deviation, *scale, *layout, *labels; /* NULL: not given */
  int64_t epoch, jobs, cores, min_compiled, top;                   /* min_compiled, top -1: not given */
  double tolerance, seconds;
  bool reference, compiled, json, no_check, rgb, bgr;
} options;

/* X(ID, "--name", short letter or 0, "VALUE" or NULL for a flag, kind, field, help).
 * Help says what the values mean; the first column is made of the rest. */
/* clang-format off */
#define OPTION_LIST(X)                                                                                             \
  X(INPUT_SHAPE, "--input", 0, "NAME=SHAPE[:TYPE]", LIST, inputs, "shape of an input, such as data=1,3,224,224; TYPE float32 by default") \
  X(INPUT_FILE, "--input", 0, "NAME=FILE,...", LIST, inputs, "an input: JPEG, PNG, .npy, .npz, .params, .nd, JSON, or .raw and .bin (little-endian numbers); several files are a batch") \
  X(SHAPE, "--shape", 0, "NAME=SHAPE[:TYPE]", LIST, shapes, "shape of an input that comes from raw or JSON numbers, where the model does not tell it") \
  X(RESIZE, "--resize", 0, "WxH", TEXT, resize, "resize images, bilinear (default: to what the model was compiled for)") \
  X(MEAN, "--mean", 0, "X[,X,X]", TEXT, mean, "subtract from the pixels 0 to 255, in the order of the model's channels") \
  X(SCALE, "--scale", 0, "X", TEXT, scale, "multiply the pixels by it, after --mean")                               \
  X(STD, "--std", 0, "X[,X,X]", TEXT, deviation, "divide the pixels by it, after --mean")                           \
  X(LAYOUT, "--layout", 0, LAYOUT_WORDS, WORD, layout, "how the model wants images (default NCHW)")                  \
  X(RGB, "--rgb", 0, NULL, FLAG, rgb, "the model wants red, green, blue (default)")                                 \
  X(BGR, "--bgr", 0, NULL, FLAG, bgr, "the model wants blue, green, red")                                           \
  X(TOP, "--top", 0, "K", NUMBER, top, "print the K classes with the largest numbers (with --labels: 5)")           \
  X(LABELS, "--labels", 0, "FILE", TEXT, labels, "names of the classes, one a line")                                \
  X(EPOCH, "--epoch", 0, "N", NUMBER, epoch, "read PREFIX-N.params, four digits (default 0)")                       \
  X(OUT, "--out", 'o', "OUT", TEXT, out, "write OUT-symbol.json and OUT-0000.params (default PREFIX_compiled)")     \
  X(EXCLUDED, "--excl", 0, "NODE", LIST, excluded, "leave this operator to the framework; may be repeated")         \
  X(FORCED, "--force-incl", 0, "NODE", LIST, forced, "fail unless this operator is compiled; may be repeated")          \
  X(TARGET, "--target", 0, TARGET_WORDS, SOME_WORDS, target, "code for AVX2 (v3) or AVX-512 (v4); both with a comma (default)") \
  X(JOBS, "--jobs", 0, "N", NUMBER, jobs, "processes at a time (default: one a core)")                              \
  X(DUMP, "--dump", 0, PASS_WORDS, WORD, dump, "write the graphs after this pass, or after all, to OUT-PASS.graph") \
  X(OUTPUT_FILE, "--output", 0, "FILE", TEXT, output_file, "write the outputs: .npy, .npz, .params or .nd")         \
  X(OUTPUTS, "--outputs", 0, "NAME,...", NAMES, outputs, "evaluate these outputs or inner values")                  \
  X(CORES, "--cores", 0, "N", NUMBER, cores, "cores to run on (default: all that the process may use)")             \
  X(REFERENCE, "--reference", 0, NULL, FLAG, reference, "run on the reference operators, nothing compiled")         \
  X(COMPILED, "--compiled", 0, NULL, FLAG, compiled, "compile what can be compiled")                                \
  X(OP, "--op", 0, "NAME", TEXT, op, "only the cases with this operator")                                           \
  X(CASE, "--case", 0, "ID", TEXT, case_id, "only this case, such as unittest-test_operator/0001")                  \
  X(GOLDEN, "--golden", 0, "FILE", TEXT, golden, "arrays in:NAME, out:NAME and internal:NAME_output")               \
  X(TOLERANCE, "--tolerance", 0, "X", REAL, tolerance, "largest error, of the largest magnitude (default 1e-4)")    \
  X(MIN_COMPILED, "--min-compiled", 0, "N", NUMBER, min_compiled, "fail if fewer operators are compiled (default: all that can be)") \
  X(SECONDS, "--seconds", 0, "S", REAL, seconds, "time to measure for (default 2)")                                 \
  X(JSON, "--json", 0, NULL, FLAG, json, "print JSON")                                                              \
  X(NO_CHECK, "--no-check", 0, NULL, FLAG, no_check, "do not compare with the reference operators first")
/* clang-format on */

typedef enum option_id {
#define X(id, name, letter, value, kind, field, help) OPTION_##id,
  OPTION_LIST(X)
#undef X
} option_id;
#define OPTION_BIT(id) (UINT64_C(1) << OPTION_##id)

/* How an option's value is read, and the field that it goes to. */
typedef enum option_kind {
  KIND_TEXT,       /* const char * */
  KIND_WORD,       /* const char *, one of the words that `value` lists: "all|none" */
  KIND_SOME_WORDS, /* const char *, some of them with commas */
  KIND_LIST,       /* text_list, one more item each time */
  KIND_NAMES,      /* text_list, split at commas */
  KIND_NUMBER,     /* int64_t */
  KIND_REAL,       /* double */
  KIND_FLAG,       /* bool */
  KIND_IGNORED,    /* text_list: the option's own name; `value` says whether a value is read */
  KIND_WORDS,      /* as KIND_IGNORED, with any number of the words that `value` lists */
} option_kind;

/* A row of a table of options. */
typedef struct option_row {
  const char *name;
  char letter;       /* 0: none */
  const char *value; /* NULL: a flag; "[NAME]": only after '=' */
  option_kind kind;
  size_t offset; /* of the field in the program's struct */
  const char *help;
} option_row;

typedef struct option_table {
  const char *program; /* "mxneuron" */
  const option_row *rows;
  size_t n; /* 64 at most */
} option_table;

/* Whether `words`, "all|none", has the first bytes of `word`. */
bool words_have(const char *words, const char *word, size_t bytes);

/* A command of a program. `run` returns the exit status. */
typedef struct command {
  const char *name, *summary, *details, *example;
  uint64_t options;          /* OPTION_BIT of each */
  const option_table *table; /* NULL: mxneuron's */
  const char *operands;      /* what stands beside options; NULL: "PREFIX", "": nothing */
  int (*run)(const options *o);
} command;

/* The table that a command's bits count in, and whether row i is one of its options. */
const option_table *options_table(const command *c);
bool options_has(const command *c, size_t i);
const char *options_operands(const command *c);

/* Parse what stands behind the command's name. False after a message on stderr. */
bool options_parse(const command *c, int argc, char **argv, options *out);
void options_finish(options *o);

/* As options_parse for any table: values go to `out`, which has its defaults, and
 * what is no option to `operands`. */
bool options_parse_words(const command *c, int argc, char **argv, void *out, text_list *operands);

void options_help(const command *c, FILE *out);

#endif
