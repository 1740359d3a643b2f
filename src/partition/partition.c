/* partition.c - see partition.h.
 *
 * Two steps. First every operator gets a level: the number of times a path from
 * the inputs enters compiled code. Levels never fall along a path and rise where
 * it comes back from an operator that is left out, so neighbours of one level
 * form groups without a cycle. Then neighbouring groups of different levels are
 * merged while no other path leads from one to the other, which a bit matrix
 * (which groups does a unit reach?) tells. A unit is a group, or a node outside.
 *
 * The first step is linear; a merge costs units x groups / 64 words.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "partition/partition.h"

#include <string.h>

#include "base/error.h"
#include "base/name_set.h"
#include "base/near.h"
#include "ops/ops.h"
#include "partition/compilable.h"

typedef struct grouping {
  const graph *g;
  arena *a;
  name_set excluded, forced;
  const char **reason; /* by node id; NULL: goes to the compiler */
  uint32_t *level;     /* by node id */
  uint32_t *parent;    /* by node id: union-find, the root stands for the unit */
} grouping;

/* Names that the caller gave. */

static mxn_status unknown_name(const graph *g, const char *name, const char *option, mxn_error *err) {
  const char **names = arena_array(g->arena, g->n_nodes, sizeof *names);
  size_t n_names = 0;
  char near[192];
  for (size_t i = 0; i < g->n_nodes; i++)
    if (!node_is_variable(g->nodes[i])) names[n_names++] = g->nodes[i]->name;
  near_names(name, names, n_names, near, sizeof near);
  return error_set(err, MXN_ARGUMENT, "%s: %s: no operator is called '%s'%s%s", g->name, option, name,
                   near[0] ? "; near names: " : "", near);
}

/* `option` for messages; `names` has the operators of the graph. */
static mxn_status take_names(const graph *g, const name_set *names, const char *option, const char *const *given,
                             size_t n, name_set *out, mxn_error *err) {
  *out = (name_set){.arena = g->arena};
  for (size_t i = 0; i < n; i++) {
    name_set_add(out, given[i]);
    if (!name_set_has(names, given[i])) return unknown_name(g, given[i], option, err);
  }
  return MXN_OK;
}

static mxn_status read_names(grouping *p, const partition_options *o, mxn_error *err) {
  name_set names = {.arena = p->a};
  for (size_t i = 0; i < p->g->n_nodes; i++)
    if (!node_is_variable(p->g->nodes[i])) name_set_add(&names, p->g->nodes[i]->name);
  TRY(take_names(p->g, &names, "excl_node_names", o->excluded, o->n_excluded, &p->excluded, err));
  TRY(take_names(p->g, &names, "force_incl_node_names", o->forced, o->n_forced, &p->forced, err));
  for (size_t i = 0; i < o->n_forced; i++)
    if (name_set_has(&p->excluded, o->forced[i]))
      return error_set(err, MXN_ARGUMENT, "%s: '%s' is in excl_node_names and in force_incl_node_names", p->g->name,
                       o->forced[i]);
  return MXN_OK;
}

/* Step 0: every operator's own answer. */

/* Most operators have only their first output in inference. */
static void leave_out_other_outputs(grouping *p, value v) {
  if (node_is_variable(v.node) || p->reason[v.node->id]) return;
  if (!compilable_has_output(v.node, v.output))
    p->reason[v.node->id] = "an output of it that only training needs is used";
}

static void find_reasons(grouping *p) {
  const graph *g = p->g;
  for (size_t i = 0; i < g->n_nodes; i++) {
    const node *n = g->nodes[i];
    if (node_is_variable(n))
      p->reason[i] = "a variable";
    else if (name_set_has(&p->excluded, n->name))
      p->reason[i] = "it is in excl_node_names";
    else
      p->reason[i] = compilable_reason(n);
  }
  for (size_t i = 0; i < g->n_nodes; i++)
    for (uint32_t k = 0; k < g->nodes[i]->n_inputs; k++) leave_out_other_outputs(p, g->nodes[i]->inputs[k]);
  for (size_t i = 0; i < g->n_outputs; i++) leave_out_other_outputs(p, g->outputs[i]);
}

/* Step 1: levels. */

static uint32_t find_root(grouping *p, uint32_t i) {
  while (p->parent[i] != i) {
    p->parent[i] = p->parent[p->parent[i]];
    i = p->parent[i];
  }
  return i;
}

/* The smaller id becomes the root, so that a group is known by its first node. */
static void join(grouping *p, uint32_t a, uint32_t b) {
  a = find_root(p, a);
  b = find_root(p, b);
  if (a < b)
    p->parent[b] = a;
  else
    p->parent[a] = b;
}

static bool is_compiled(const grouping *p, const node *n) { return !p->reason[n->id]; }

static void find_level(grouping *p, const node *n) {
  uint32_t level = 0;
  for (uint32_t k = 0; k < n->n_inputs; k++) {
    const node *input = n->inputs[k].node;
    const bool comes_back = is_compiled(p, n) && !is_compiled(p, input) && !node_is_variable(input);
    const uint32_t needed = p->level[input->id] + comes_back;
    if (needed > level) level = needed;
  }
  p->level[n->id] = level;
}

static void group_levels(grouping *p) {
  for (size_t i = 0; i < p->g->n_nodes; i++) {
    const node *n = p->g->nodes[i];
    find_level(p, n);
    if (!is_compiled(p, n)) continue;
    for (uint32_t k = 0; k < n->n_inputs; k++) {
      const node *input = n->inputs[k].node;
      if (is_compiled(p, input) && p->level[input->id] == p->level[i]) join(p, (uint32_t)i, input->id);
    }
  }
}

/* Step 2: merging neighbours. */

typedef struct edge {
  uint32_t from, to; /* units */
} edge;

typedef struct reachability {
  uint32_t n_units, n_groups, n_edges;
  uint32_t *unit; /* by node id; groups are the units below n_groups */
  edge *edges;
  size_t words;    /* of a row */
  uint64_t *reach; /* [n_units][words]: the groups behind a unit, itself left out */
} reachability;

static uint64_t *row_of(const reachability *r, uint32_t unit) { return r->reach + unit * r->words; }
static bool reaches(const reachability *r, uint32_t unit, uint32_t group) {
  return row_of(r, unit)[group / 64] >> (group % 64) & 1;
}

/* Add to `unit` what `next` reaches and `next` itself; true if that was news. */
static bool add_behind(reachability *r, uint32_t unit, uint32_t next) {
  uint64_t *to = row_of(r, unit), news = 0;
  const uint64_t *from = row_of(r, next);
  for (size_t i = 0; i < r->words; i++) {
    news |= from[i] & ~to[i];
    to[i] |= from[i];
  }
  if (next < r->n_groups && !reaches(r, unit, next)) {
    news = 1;
    to[next / 64] |= (uint64_t)1 << (next % 64);
  }
  return news != 0;
}

static void number_units(grouping *p, reachability *r) {
  const size_t n = p->g->n_nodes;
  r->unit = arena_array(p->a, n, sizeof *r->unit);
  for (uint32_t i = 0; i < n; i++)
    if (!p->reason[i] && find_root(p, i) == i) r->unit[i] = r->n_groups++;
  r->n_units = r->n_groups;
  for (uint32_t i = 0; i < n; i++) {
    if (p->reason[i])
      r->unit[i] = r->n_units++;
    else
      r->unit[i] = r->unit[find_root(p, i)];
  }
}

static void list_edges(grouping *p, reachability *r) {
  size_t n_inputs = 0;
  for (size_t i = 0; i < p->g->n_nodes; i++) n_inputs += p->g->nodes[i]->n_inputs;
  r->edges = arena_array(p->a, n_inputs, sizeof *r->edges);
  for (size_t i = 0; i < p->g->n_nodes; i++) {
    const node *n = p->g->nodes[i];
    for (uint32_t k = 0; k < n->n_inputs; k++) {
      const edge e = {r->unit[n->inputs[k].node->id], r->unit[i]};
      if (e.from != e.to) r->edges[r->n_edges++] = e;
    }
  }
}

/* Edges are in the order of their ends, so backwards most rows are complete when
 * they are read; groups can still need another turn. */
static void find_reach(grouping *p, reachability *r) {
  r->words = (r->n_groups + 63) / 64;
  r->reach = arena_array(p->a, r->n_units, r->words * sizeof *r->reach);
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t i = r->n_edges; i-- > 0;) changed |= add_behind(r, r->edges[i].from, r->edges[i].to);
  }
}

/* No way from `from` to `to` but the direct edges. */
static bool can_merge(const reachability *r, uint32_t from, uint32_t to) {
  for (size_t i = 0; i < r->n_edges; i++) {
    const edge *e = &r->edges[i];
    if (e->from == from && e->to != to && e->to != from && reaches(r, e->to, to)) return false;
  }
  return true;
}

/* Group `to` becomes part of `from`: its edges and its place in every row move. */
static void merge_units(reachability *r, uint32_t from, uint32_t to) {
  add_behind(r, from, to);
  for (uint32_t u = 0; u < r->n_units; u++)
    if (u != from && (reaches(r, u, from) || reaches(r, u, to))) add_behind(r, u, from);
  for (size_t i = 0; i < r->n_edges; i++) {
    edge *e = &r->edges[i];
    if (e->from == to) e->from = from;
    if (e->to == to) e->to = from;
  }
  for (uint32_t u = 0; u < r->n_units; u++) row_of(r, u)[to / 64] &= ~((uint64_t)1 << (to % 64));
  row_of(r, from)[from / 64] &= ~((uint64_t)1 << (from % 64));
}

static bool merge_once(reachability *r, uint32_t *merged_into) {
  bool changed = false;
  for (size_t i = 0; i < r->n_edges; i++) {
    const edge e = r->edges[i];
    if (e.from >= r->n_groups || e.to >= r->n_groups || e.from == e.to || !can_merge(r, e.from, e.to)) continue;
    merge_units(r, e.from, e.to);
    merged_into[e.to] = e.from;
    changed = true;
  }
  return changed;
}

static void merge_levels(grouping *p) {
  reachability r = {0};
  number_units(p, &r);
  if (r.n_groups < 2) return;
  list_edges(p, &r);
  find_reach(p, &r);
  uint32_t *merged_into = arena_array(p->a, r.n_groups, sizeof *merged_into);
  for (uint32_t i = 0; i < r.n_groups; i++) merged_into[i] = i;
  while (merge_once(&r, merged_into)) continue;
  uint32_t *first = arena_array(p->a, r.n_groups, sizeof *first);
  for (uint32_t i = 0; i < p->g->n_nodes; i++)
    if (!p->reason[i] && find_root(p, i) == i) first[r.unit[i]] = i;
  for (uint32_t i = 0; i < r.n_groups; i++)
    if (merged_into[i] != i) join(p, first[i], first[merged_into[i]]);
}

/* The result. */

/* A program needs an input: what only constants feed stays with the framework. */
static void leave_out_constants(grouping *p) {
  const graph *g = p->g;
  bool *has_input = arena_array(p->a, g->n_nodes, sizeof *has_input);
  for (size_t i = 0; i < g->n_nodes; i++) {
    const node *n = g->nodes[i];
    if (!is_compiled(p, n)) continue;
    const uint32_t root = find_root(p, (uint32_t)i), end = n->def ? op_first_label(n) : n->n_inputs;
    for (uint32_t k = 0; k < end; k++) {
      const node *input = n->inputs[k].node;
      const bool is_inside = is_compiled(p, input) && find_root(p, input->id) == root;
      if (!is_inside && !input->constant) has_input[root] = true;
    }
  }
  bool *is_dropped = arena_array(p->a, g->n_nodes, sizeof *is_dropped);
  for (uint32_t i = 0; i < g->n_nodes; i++) is_dropped[i] = !p->reason[i] && !has_input[find_root(p, i)];
  for (uint32_t i = 0; i < g->n_nodes; i++)
    if (is_dropped[i]) p->reason[i] = "it does not depend on an input of the model";
}

static void write_result(grouping *p, partition *out) {
  const graph *g = p->g;
  *out = (partition){.group = arena_array(p->a, g->n_nodes, sizeof *out->group),
                     .left_out = arena_array(p->a, g->n_nodes, sizeof *out->left_out)};
  uint32_t *number = arena_array(p->a, g->n_nodes, sizeof *number);
  for (uint32_t i = 0; i < g->n_nodes; i++) {
    const node *n = g->nodes[i];
    out->group[i] = NO_GROUP;
    if (node_is_variable(n)) continue;
    if (p->reason[i]) {
      out->left_out[out->n_left_out++] = (left_out){n, p->reason[i]};
      continue;
    }
    const uint32_t root = find_root(p, i);
    if (!number[root]) number[root] = ++out->n_groups;
    out->group[i] = number[root] - 1;
  }
}

/* Nobody can force what there is no code for; left out in silence it may not be. */
static mxn_status check_forced(const grouping *p, const partition *result, mxn_error *err) {
  for (size_t i = 0; i < result->n_left_out; i++) {
    const node *n = result->left_out[i].node;
    if (name_set_has(&p->forced, n->name))
      return error_set(err, MXN_UNSUPPORTED, "%s: node '%s' (%s) is in force_incl_node_names, but %s", p->g->name,
                       n->name, n->op, result->left_out[i].reason);
  }
  return MXN_OK;
}

mxn_status partition_graph(const graph *g, const partition_options *options, partition *out_partition, mxn_error *err) {
  grouping p = {.g = g,
                .a = g->arena,
                .reason = arena_array(g->arena, g->n_nodes, sizeof *p.reason),
                .level = arena_array(g->arena, g->n_nodes, sizeof *p.level),
                .parent = arena_array(g->arena, g->n_nodes, sizeof *p.parent)};
  for (uint32_t i = 0; i < g->n_nodes; i++) p.parent[i] = i;
  TRY(read_names(&p, options, err));
  find_reasons(&p);
  group_levels(&p);
  merge_levels(&p);
  leave_out_constants(&p);
  write_result(&p, out_partition);
  return check_forced(&p, out_partition, err);
}
