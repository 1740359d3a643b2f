/* operator.h - how an operator is defined. Inside src/ops, and for its tests.
 *
 * ops.def has one row for each operator: a struct op_def. Everything that rows
 * share (ways to infer, loops, rules for the batch) is a function of its family,
 * declared in family.h, so that most operators are a row and nothing else.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_OPS_OPERATOR_H
#define MXN_OPS_OPERATOR_H

#include "base/arena.h"
#include "ops/ops.h"

/* Attributes. */

typedef enum op_attribute_kind {
  OP_INT,         /* 32 bits, as most of MXNet's are */
  OP_LONG,        /* 64 bits */
  OP_BOOL,        /* True, False, 1, 0 */
  OP_FLOAT,       /* rounded to float32, as MXNet keeps it */
  OP_DOUBLE,      /* kept as it is */
  OP_ENUMERATION, /* one of `texts` */
  OP_TEXT,        /* any text */
  OP_DTYPE,       /* the name of an element type; one of `texts` where there are some */
  OP_TUPLE,       /* of 64-bit integers, one for each dimension; or a bare integer */
  OP_INTEGERS,    /* the same of any length */
  OP_FLOATS,      /* a tuple of numbers of any length, rounded to float32, or a bare number */
  OP_NUMBERS,     /* the same, kept as they are */
} op_attribute_kind;

/* The declaration of an attribute. A default of "None" also says that None may be
 * written; no default at all says that the attribute is required. Tuples may be
 * None wherever they have a default, as MXNet's mxnet::TShape may. */
typedef struct op_attribute {
  const char *name;
  op_attribute_kind kind;
  const char *default_text;
  int64_t minimum;   /* of integers and of a tuple's elements; 0 of OP_FLOAT: from 0 to 1; OP_TUPLE_NONE: an element may
                        be None */
  const char *texts; /* of an enumeration: "max|avg|sum"; of a number or OP_BOOL: "None" where that may be written */
} op_attribute;

/* A tuple's element that is None; below every integer. */
#define OP_TUPLE_NONE INT64_MIN

/* The value of an attribute; parameters stand in the order of the declarations. */
typedef struct op_parameter {
  bool is_none;
  union {
    int64_t integer; /* integers, booleans and element types */
    double number;
    const char *text;
    const op_tuple *tuple;
    const op_numbers *numbers;
    const char *const *texts; /* behind the last: what is appended to the names of the outputs */
  };
} op_parameter;

/* Parse `text`, which NULL stands for left out. `out` is in the arena where it is
 * a tuple. On failure *out_expected says what was expected. */
bool attribute_parse(arena *a, const op_attribute *d, const char *text, op_parameter *out, const char **out_expected);

/* Inference. */

/* One node's inputs and outputs while their types are inferred. Functions fill in
 * what they can tell from what is known, in both directions, and are called again
 * until nothing changes. */
typedef struct inference {
  const graph *graph; /* for messages; NULL: the node has none */
  const node *node;
  mxn_type **inputs;
  mxn_type **outputs;
  uint32_t n_inputs, n_outputs;
  bool changed;
  mxn_error *err;
  const struct sweep *sweep; /* NULL: a check, which writes nothing into the node's subgraphs */
} inference;

typedef mxn_status (*op_infer)(inference *x);

/* Element types that input 0 may have. */
typedef enum op_dtypes {
  OP_ANY_DTYPE,
  OP_ANY_FLOAT,  /* all kinds of float: MXNet has some on GPUs alone, and verify runs models in float64 */
  OP_WIDE_FLOAT, /* float32 and float64 */
  OP_ONLY_FLOAT32,
  OP_ANY_INTEGER,
} op_dtypes;

/* Forward. */

/* One run of a node. Types of inputs and outputs agree with what inference says.
 * The scratch arena is the call's own. */
typedef struct forward {
  const node *node;
  const mxn_tensor *inputs;
  mxn_tensor *outputs;
  arena *scratch;
  mxn_error *err;
  const op_memory *memory; /* of forward_allocate(); NULL: all outputs have theirs */
} forward;

typedef mxn_status (*op_run)(const forward *f);

/* Loops over n numbers of an elementwise operator; either may be NULL. */
typedef struct unary_function {
  void (*floats)(const double *x, double *out, int64_t n);
  void (*integers)(const int64_t *x, int64_t *out, int64_t n);
} unary_function;

typedef struct binary_function {
  void (*floats)(const double *x, const double *y, double *out, int64_t n);
  void (*integers)(const int64_t *x, const int64_t *y, int64_t *out, int64_t n);
} binary_function;

/* A reduction: what it starts from, and n more numbers taken into the total. */
typedef struct reduce_function {
  double float_start;
  int64_t integer_start;
  void (*floats)(double *total, const double *x, int64_t n);
  void (*integers)(int64_t *total, const int64_t *x, int64_t n);
} reduce_function;

/* The definition. */

struct op_def {
  const char *name;
  const char *const *aliases;     /* NULL-terminated, or NULL */
  const op_attribute *attributes; /* ends with name NULL, or NULL */
  const char *const *inputs;      /* names, NULL-terminated; NULL: as many as count_inputs says */
  const char *const *outputs;     /* what is appended to the node's name; NULL: "output", "output0", ... */
  const char *const *(*list_outputs)(const node *n); /* NULL: `outputs`, whatever the attributes are */
  uint32_t first_auxiliary, label;                   /* indices of inputs; 0: none */

  /* NULL: all `inputs`, one output. `count_hidden` are outputs behind those that
   * MXNet shows, to which a file may refer all the same. */
  uint32_t (*count_inputs)(const node *n);
  uint32_t (*count_outputs)(const node *n);
  uint32_t n_hidden_outputs;

  op_infer shape; /* required */
  op_infer dtype; /* NULL: one for all inputs and outputs */
  op_dtypes dtypes;
  op_run forward;      /* NULL: no reference */
  bool has_data_shape; /* shapes of outputs depend on data: forward sets them by forward_allocate() */
  bool (*carries_batch)(const node *n, const bool *is_carried); /* NULL: not proven */

  const unary_function *unary;
  const binary_function *binary;
  const reduce_function *reduce;
};
typedef struct op_def op_def;

/* The definition by name or alias; NULL where there is none. */
const op_def *op_find(const char *name);

/* All definitions, in the order of ops.def. */
const op_def *op_at(size_t index);
size_t op_count(void);

/* The inputs of a node without those of the operators fused into it. */
uint32_t op_own_inputs(const node *n);

/* "node 'conv0' (Convolution): " and the message, behind the graph's name where
 * there is a graph. */
mxn_status op_error(const graph *g, const node *n, mxn_error *err, mxn_status code, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

#endif
