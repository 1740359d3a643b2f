/* registry.c - the table of operators, and what is asked about one.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <threads.h>

#include "ops/family.h"

/* The rows. */

#define REQUIRED NULL
#define INT(name, text) {name, OP_INT, text, INT64_MIN, NULL}
#define INT_OR_NONE(name, text) {name, OP_INT, text, INT64_MIN, "None"}
#define INT_FROM(minimum, name, text) {name, OP_INT, text, minimum, NULL}
#define LONG(name, text) {name, OP_LONG, text, INT64_MIN, NULL}
#define LONG_FROM(minimum, name, text) {name, OP_LONG, text, minimum, NULL}
#define BOOL(name, text) {name, OP_BOOL, text, 0, NULL}
#define BOOL_OR_NONE(name, text) {name, OP_BOOL, text, 0, "None"}
#define FLOAT(name, text) {name, OP_FLOAT, text, INT64_MIN, NULL}
#define FLOAT_OR_NONE(name, text) {name, OP_FLOAT, text, INT64_MIN, "None"}
#define SHARE(name, text) {name, OP_FLOAT, text, 0, NULL} /* from 0 to 1 */
#define DOUBLE(name, text) {name, OP_DOUBLE, text, INT64_MIN, NULL}
#define ENUMERATION(name, text, texts) {name, OP_ENUMERATION, text, 0, texts}
#define TEXT(name, text) {name, OP_TEXT, text, 0, NULL}
#define DTYPE(name, text) {name, OP_DTYPE, text, 0, NULL}
#define DTYPE_OF(name, text, texts) {name, OP_DTYPE, text, 0, texts}
#define TUPLE(name, text) {name, OP_TUPLE, text, INT64_MIN + 1, NULL}
#define TUPLE_FROM(minimum, name, text) {name, OP_TUPLE, text, minimum, NULL}
#define TUPLE_OR_NONE(name, text) {name, OP_TUPLE, text, OP_TUPLE_NONE, NULL} /* elements may be None */
#define INTEGERS(name, text) {name, OP_INTEGERS, text, INT64_MIN + 1, NULL}
#define INTEGERS_FROM(minimum, name, text) {name, OP_INTEGERS, text, minimum, NULL}
#define FLOATS(name, text) {name, OP_FLOATS, text, 0, NULL}
#define NUMBERS(name, text) {name, OP_NUMBERS, text, 0, NULL}

#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})
#define NUMBERED ((const char *const[]){NULL})
#define ATTRIBUTES(...) ((const op_attribute[]){__VA_ARGS__, {NULL, OP_INT, NULL, 0, NULL}})

static const op_def definitions[] = {
#define OPERATOR(...) {.name = __VA_ARGS__},
#include "ops/ops.def"
#undef OPERATOR
};

size_t op_count(void) { return sizeof definitions / sizeof *definitions; }
const op_def *op_at(size_t index) { return &definitions[index]; }

/* Names and aliases in a hash table with open addressing, filled once. */

enum { N_SLOTS = 4096 };

typedef struct slot {
  const char *name;
  const op_def *def;
} slot;

static slot slots[N_SLOTS];
static once_flag slots_once = ONCE_FLAG_INIT;

static size_t hash(const char *name) {
  uint32_t h = 2166136261u; /* FNV-1a */
  for (; *name; name++) h = (h ^ (unsigned char)*name) * 16777619u;
  return h % N_SLOTS;
}

static slot *find_slot(const char *name) {
  size_t i = hash(name);
  while (slots[i].name && strcmp(slots[i].name, name) != 0) i = (i + 1) % N_SLOTS;
  return &slots[i];
}

static void add_name(const char *name, const op_def *def) {
  slot *s = find_slot(name);
  assert(!s->name && "an operator's name stands twice in ops.def");
  *s = (slot){name, def};
}

static void fill_slots(void) {
  for (size_t i = 0; i < op_count(); i++) {
    const op_def *def = op_at(i);
    add_name(def->name, def);
    for (const char *const *alias = def->aliases; alias && *alias; alias++) add_name(*alias, def);
  }
}

/* MXNet registers many operators once more for sparse arrays, under this prefix;
 * with dense arrays they are the same. */
static const char sparse_prefix[] = "_sparse_";

const op_def *op_find(const char *name) {
  call_once(&slots_once, fill_slots);
  const op_def *def = find_slot(name)->def;
  const size_t n = sizeof sparse_prefix - 1;
  if (!def && strncmp(name, sparse_prefix, n) == 0) def = find_slot(name + n)->def;
  return def;
}

/* Facts. */

const char *op_name(const node *n) { return n->def ? n->def->name : n->op; }
bool op_is(const node *n, const char *canonical_name) { return strcmp(op_name(n), canonical_name) == 0; }
bool op_has_data_shape(const node *n) { return n->def && n->def->has_data_shape; }

uint32_t op_own_inputs(const node *n) {
  uint32_t fused = 0;
  for (size_t i = 0; i < n->n_fused; i++) fused += n->fused[i].operator->n_inputs - 1;
  return fused < n->n_inputs ? n->n_inputs - fused : 0;
}

uint32_t op_first_label(const node *n) {
  const bool has_label = n->def && n->def->label && n->def->label < n->n_inputs;
  return has_label ? n->def->label : n->n_inputs;
}

bool op_input_is_auxiliary(const node *n, uint32_t input) {
  return n->def && n->def->first_auxiliary && input >= n->def->first_auxiliary && input < op_own_inputs(n);
}

/* Attributes. */

static const op_parameter *find_parameter(const node *n, const char *name) {
  const op_attribute *a = n->def ? n->def->attributes : NULL;
  for (size_t i = 0; a && a[i].name; i++)
    if (strcmp(a[i].name, name) == 0) return &n->parameters[i];
  assert(!"the operator declares no such attribute");
  static const op_parameter none = {.is_none = true};
  return &none;
}

bool op_declares(const node *n, const char *name) {
  const op_attribute *a = n->def ? n->def->attributes : NULL;
  while (a && a->name && strcmp(a->name, name) != 0) a++;
  return a && a->name;
}

bool op_is_none(const node *n, const char *name) { return find_parameter(n, name)->is_none; }
int64_t op_int(const node *n, const char *name) { return find_parameter(n, name)->integer; }
double op_float(const node *n, const char *name) { return find_parameter(n, name)->number; }
bool op_bool(const node *n, const char *name) { return op_int(n, name) != 0; }
const char *op_text(const node *n, const char *name) { return find_parameter(n, name)->text; }

op_tuple op_tuple_of(const node *n, const char *name) {
  const op_parameter *p = find_parameter(n, name);
  static const int64_t zeros[MXN_MAX_DIMS];
  return p->is_none ? (op_tuple){.n = -1, .v = zeros} : *p->tuple;
}

op_numbers op_numbers_of(const node *n, const char *name) {
  const op_parameter *p = find_parameter(n, name);
  return p->is_none ? (op_numbers){.n = -1} : *p->numbers;
}

mxn_dtype op_dtype(const node *n, const char *name) {
  const op_parameter *p = find_parameter(n, name);
  return p->is_none ? MXN_DTYPE_UNKNOWN : (mxn_dtype)p->integer;
}

/* Names of outputs. */

static size_t count_attributes(const op_def *def) {
  size_t n = 0;
  while (def->attributes && def->attributes[n].name) n++;
  return n;
}

const char *op_output_suffix(const node *n, uint32_t output) {
  if (!n->def || output >= n->n_outputs) return "output";
  return n->parameters[count_attributes(n->def)].texts[output];
}

const char *value_name(graph *g, value v) {
  if (node_is_variable(v.node)) return v.node->name;
  return arena_printf(g->arena, "%s_%s", v.node->name, op_output_suffix(v.node, v.output));
}
