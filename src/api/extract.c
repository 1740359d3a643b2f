/* extract.c - see extract.h.
 *
 * Node ids stay those of the old graph until the end: group, stand-in and output
 * number of a node are looked up by them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/extract.h"

#include <string.h>

#include "base/shape.h"
#include "executor/model.h"
#include "ops/subgraph.h"

/* A value that enters a group from outside. */
typedef struct external {
  value value;
  bool is_data; /* what the group gives depends on it; otherwise it only feeds labels */
  node *inner;  /* its variable in the inner graph */
} external;

typedef struct extraction {
  graph *g;
  const partition *p;
  size_t n_old;            /* nodes of the old graph */
  size_t *first_value;     /* by id: the number of its first output among all values */
  bool *is_output;         /* by value: it leaves its group */
  bool *is_needed;         /* by id: more than labels in its group depends on it */
  uint32_t *output_number; /* by value: among the outputs of its subgraph node */
  size_t *external_number; /* by value: among the externals ... */
  uint32_t *external_of;   /* ... of group external_of - 1 */
  name_set constants;      /* names of arrays */
  node **copy;             /* by id: a constant's variable in the inner graph ... */
  uint32_t *copied_for;    /* ... of group copied_for - 1 */
  subgraph *subgraphs;     /* by group */
  node ***members;         /* by group, in the graph's order */
  size_t *n_members;
} extraction;

static uint32_t group_of(const extraction *x, const node *n) {
  return n->id < x->n_old ? x->p->group[n->id] : NO_GROUP;
}

static size_t value_number(const extraction *x, value v) { return x->first_value[v.node->id] + v.output; }

static void find_outputs(extraction *x) {
  const graph *g = x->g;
  for (size_t i = 0; i < x->n_old; i++) {
    const node *n = g->nodes[i];
    for (uint32_t k = 0; k < n->n_inputs; k++) {
      const value input = n->inputs[k];
      if (group_of(x, input.node) != group_of(x, n)) x->is_output[value_number(x, input)] = true;
    }
  }
  for (size_t i = 0; i < g->n_outputs; i++) x->is_output[value_number(x, g->outputs[i])] = true;
}

/* Readers stand behind what they read. */
static void find_needed(extraction *x) {
  for (size_t i = x->n_old; i-- > 0;) {
    node *n = x->g->nodes[i];
    for (uint32_t k = 0; k < n->n_outputs; k++)
      if (x->is_output[value_number(x, (value){n, k})]) x->is_needed[i] = true;
    for (uint32_t k = 0; k < n->n_inputs && x->is_needed[i]; k++)
      if (!input_is_ignored(n, k)) x->is_needed[n->inputs[k].node->id] = true;
  }
}

static void list_members(extraction *x) {
  for (size_t i = 0; i < x->n_old; i++)
    if (x->p->group[i] != NO_GROUP) x->n_members[x->p->group[i]]++;
  for (uint32_t k = 0; k < x->p->n_groups; k++) {
    x->members[k] = arena_array(x->g->arena, x->n_members[k], sizeof **x->members);
    x->n_members[k] = 0;
  }
  for (size_t i = 0; i < x->n_old; i++) {
    const uint32_t k = x->p->group[i];
    if (k != NO_GROUP) x->members[k][x->n_members[k]++] = x->g->nodes[i];
  }
}

/* Externals of one group. */

typedef struct external_list {
  external *items;
  size_t n_items, capacity;
} external_list;

static external *find_external(const extraction *x, uint32_t group, external_list *list, value v) {
  const size_t number = value_number(x, v);
  return x->external_of[number] == group + 1 ? &list->items[x->external_number[number]] : NULL;
}

static external *add_external(extraction *x, uint32_t group, external_list *list, value v) {
  const size_t number = value_number(x, v);
  x->external_of[number] = group + 1;
  x->external_number[number] = list->n_items;
  external *e = ARENA_PUSH(x->g->arena, list->items, list->n_items, list->capacity);
  *e = (external){.value = v};
  return e;
}

static external_list list_externals(extraction *x, uint32_t group) {
  external_list list = {0};
  for (size_t i = 0; i < x->n_members[group]; i++) {
    const node *n = x->members[group][i];
    for (uint32_t k = 0; k < n->n_inputs; k++) {
      const value v = n->inputs[k];
      if (group_of(x, v.node) == group || v.node->constant) continue;
      external *e = find_external(x, group, &list, v);
      if (!e) e = add_external(x, group, &list, v);
      e->is_data |= x->is_needed[n->id] && !input_is_ignored(n, k);
    }
  }
  return list;
}

/* Arrays are found by name, so an input must not be called as one. */
static const char *free_name(const extraction *x, name_set *inputs, const char *name) {
  const char *candidate = name;
  for (unsigned i = 1; name_set_has(&x->constants, candidate) || !name_set_add(inputs, candidate); i++)
    candidate = arena_printf(x->g->arena, "%s_%u", name, i);
  return candidate;
}

/* Data first, then labels; the new node reads them in this order. */
static void add_externals(extraction *x, subgraph *s, external_list *list) {
  graph *g = x->g;
  s->input_names = arena_array(g->arena, list->n_items, sizeof *s->input_names);
  name_set names = {.arena = g->arena};
  uint32_t n = 0;
  for (int turn = 0; turn < 2; turn++) {
    for (size_t i = 0; i < list->n_items; i++) {
      external *e = &list->items[i];
      if (e->is_data != (turn == 0)) continue;
      const char *name = free_name(x, &names, model_value_name(g, e->value));
      e->inner = graph_add_variable(s->inner, name, *value_type(e->value));
      if (turn == 0) s->input_names[s->n_data++] = e->inner->name;
      s->node->inputs[n++] = e->value;
    }
  }
}

/* Members. */

static node *copy_constant(extraction *x, uint32_t group, graph *inner, const node *from) {
  if (x->copied_for[from->id] == group + 1) return x->copy[from->id];
  node *to = graph_add_variable(inner, from->name, from->outputs[0]);
  to->attributes = from->attributes;
  to->n_attributes = from->n_attributes;
  to->constant = from->constant;
  to->is_auxiliary = from->is_auxiliary;
  x->copied_for[from->id] = group + 1;
  x->copy[from->id] = to;
  return to;
}

static void move_member(extraction *x, uint32_t group, graph *inner, external_list *externals, node *n) {
  for (uint32_t k = 0; k < n->n_inputs; k++) {
    value *v = &n->inputs[k];
    if (group_of(x, v->node) == group) continue;
    if (v->node->constant)
      *v = (value){copy_constant(x, group, inner, v->node), 0};
    else
      *v = (value){find_external(x, group, externals, *v)->inner, 0};
  }
  *ARENA_PUSH(inner->arena, inner->nodes, inner->n_nodes, inner->nodes_capacity) = n;
}

static uint32_t number_outputs(extraction *x, uint32_t group) {
  uint32_t n_outputs = 0;
  for (size_t i = 0; i < x->n_members[group]; i++) {
    node *n = x->members[group][i];
    for (uint32_t k = 0; k < n->n_outputs; k++) {
      const size_t v = value_number(x, (value){n, k});
      if (x->is_output[v]) x->output_number[v] = n_outputs++;
    }
  }
  return n_outputs;
}

static void set_output(extraction *x, subgraph *s, value v) {
  if (!x->is_output[value_number(x, v)]) return;
  const uint32_t k = x->output_number[value_number(x, v)];
  s->inner->outputs[k] = v;
  s->output_names[k] = model_value_name(x->g, v);
  s->node->outputs[k] = *value_type(v);
}

static void set_outputs(extraction *x, uint32_t group, subgraph *s) {
  graph *inner = s->inner;
  inner->n_outputs = s->node->n_outputs;
  inner->outputs = arena_array(inner->arena, inner->n_outputs, sizeof *inner->outputs);
  s->output_names = arena_array(inner->arena, inner->n_outputs, sizeof *s->output_names);
  for (size_t i = 0; i < x->n_members[group]; i++) {
    node *n = x->members[group][i];
    for (uint32_t k = 0; k < n->n_outputs; k++) set_output(x, s, (value){n, k});
  }
}

static void create_subgraph(extraction *x, uint32_t group) {
  graph *g = x->g;
  subgraph *s = &x->subgraphs[group];
  external_list externals = list_externals(x, group);
  const uint32_t n_inputs = (uint32_t)externals.n_items + 1;
  s->inner = graph_create(g->arena, "");
  s->inner->np_shape = g->np_shape;
  node *bin = graph_add_variable(g, "", type_unknown());
  s->node = graph_add(g, SUBGRAPH_OP, "", n_inputs, number_outputs(x, group));
  s->node->subgraphs = arena_copy(g->arena, &s->inner, sizeof s->inner);
  s->node->n_subgraphs = 1;
  add_externals(x, s, &externals);
  s->node->inputs[n_inputs - 1] = (value){bin, 0};
  for (size_t i = 0; i < x->n_members[group]; i++) move_member(x, group, s->inner, &externals, x->members[group][i]);
  set_outputs(x, group, s);
}

/* The new graph. */

static void rewire(const extraction *x, value *v) {
  const uint32_t group = group_of(x, v->node);
  if (group != NO_GROUP) *v = (value){x->subgraphs[group].node, x->output_number[value_number(x, *v)]};
}

static void replace_members(extraction *x) {
  graph *g = x->g;
  size_t kept = 0;
  for (size_t i = 0; i < g->n_nodes; i++) {
    node *n = g->nodes[i];
    if (group_of(x, n) != NO_GROUP) continue;
    for (uint32_t k = 0; k < n->n_inputs; k++) rewire(x, &n->inputs[k]);
    g->nodes[kept++] = n;
  }
  for (size_t i = 0; i < g->n_outputs; i++) rewire(x, &g->outputs[i]);
  g->n_nodes = kept;
  for (uint32_t k = 0; k < x->p->n_groups; k++) {
    graph *inner = x->subgraphs[k].inner;
    for (size_t i = 0; i < inner->n_nodes; i++) inner->nodes[i]->id = (uint32_t)i;
  }
  graph_compact(g);
}

static const char *free_node_name(arena *a, name_set *taken, size_t *number) {
  for (;; ++*number) {
    const char *name = arena_printf(a, SUBGRAPH_OP "%zu", *number);
    const char *bin = arena_printf(a, "%s" SUBGRAPH_NEURONBIN, name);
    if (name_set_has(taken, name) || name_set_has(taken, bin)) continue;
    name_set_add(taken, name);
    name_set_add(taken, bin);
    return name;
  }
}

static void name_subgraphs(extraction *x, name_set *taken, subgraph_list *out) {
  graph *g = x->g;
  subgraph **by_id = arena_array(g->arena, g->n_nodes, sizeof *by_id);
  size_t number = 0;
  *out = (subgraph_list){arena_array(g->arena, x->p->n_groups, sizeof *out->items), 0};
  for (uint32_t k = 0; k < x->p->n_groups; k++) by_id[x->subgraphs[k].node->id] = &x->subgraphs[k];
  for (size_t i = 0; i < g->n_nodes; i++) {
    node *n = g->nodes[i];
    if (!by_id[i]) continue;
    n->name = free_node_name(g->arena, taken, &number);
    n->inputs[n->n_inputs - 1].node->name = arena_printf(g->arena, "%s" SUBGRAPH_NEURONBIN, n->name);
    by_id[i]->inner->name = n->name;
    out->items[out->n_items++] = *by_id[i];
  }
}

/* Labels that no operator of the new graph reads: without a shape and a type
 * MXNet's Module and Gluon refuse to bind them. */
static void declare_labels(graph *g, const subgraph_list *list) {
  bool *is_read = arena_array(g->arena, g->n_nodes, sizeof *is_read);
  for (size_t i = 0; i < g->n_outputs; i++) is_read[g->outputs[i].node->id] = true;
  for (size_t i = 0; i < g->n_nodes; i++)
    for (uint32_t k = 0; k < g->nodes[i]->n_inputs && !subgraph_is(g->nodes[i]); k++)
      is_read[g->nodes[i]->inputs[k].node->id] = true;
  for (size_t i = 0; i < list->n_items; i++)
    for (uint32_t k = 0; k < list->items[i].n_data; k++) is_read[list->items[i].node->inputs[k].node->id] = true;
  for (size_t i = 0; i < list->n_items; i++) {
    const subgraph *s = &list->items[i];
    for (uint32_t k = s->n_data; k + 1 < s->node->n_inputs; k++) {
      node *label = s->node->inputs[k].node;
      if (!node_is_variable(label) || is_read[label->id]) continue;
      label->outputs[0] = type_of(MXN_FLOAT32, 1, (int64_t[]){1});
      node_set_attribute(g, label, "__shape__", "(1,)");
      node_set_attribute(g, label, "__dtype__", "0");
    }
  }
}

void extract_subgraphs(graph *g, const partition *p, name_set *taken, subgraph_list *out_list) {
  arena *a = g->arena;
  const size_t n = g->n_nodes;
  size_t *first_value = arena_array(a, n, sizeof *first_value), n_values = 0;
  for (size_t i = 0; i < n; i++) {
    first_value[i] = n_values;
    n_values += g->nodes[i]->n_outputs;
  }
  extraction x = {.g = g,
                  .p = p,
                  .n_old = n,
                  .first_value = first_value,
                  .is_output = arena_array(a, n_values, sizeof *x.is_output),
                  .is_needed = arena_array(a, n, sizeof *x.is_needed),
                  .output_number = arena_array(a, n_values, sizeof *x.output_number),
                  .external_number = arena_array(a, n_values, sizeof *x.external_number),
                  .external_of = arena_array(a, n_values, sizeof *x.external_of),
                  .constants = {.arena = a},
                  .copy = arena_array(a, n, sizeof *x.copy),
                  .copied_for = arena_array(a, n, sizeof *x.copied_for),
                  .subgraphs = arena_array(a, p->n_groups, sizeof *x.subgraphs),
                  .members = arena_array(a, p->n_groups, sizeof *x.members),
                  .n_members = arena_array(a, p->n_groups, sizeof *x.n_members)};
  for (size_t i = 0; i < n; i++)
    if (g->nodes[i]->constant) name_set_add(&x.constants, g->nodes[i]->name);
  find_outputs(&x);
  find_needed(&x);
  list_members(&x);
  for (uint32_t k = 0; k < p->n_groups; k++) create_subgraph(&x, k);
  replace_members(&x);
  name_subgraphs(&x, taken, out_list);
  declare_labels(g, out_list);
}
