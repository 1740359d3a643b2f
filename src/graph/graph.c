/* graph.c - building and rewiring graphs.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "graph/graph.h"

#include <string.h>

#include "base/shape.h"

graph *graph_create(arena *a, const char *name) {
  graph *g = arena_alloc(a, sizeof *g);
  g->arena = a;
  g->name = arena_strdup(a, name);
  return g;
}

node *graph_add(graph *g, const char *op, const char *name, uint32_t n_inputs, uint32_t n_outputs) {
  node *n = arena_alloc(g->arena, sizeof *n);
  n->op = arena_strdup(g->arena, op);
  n->name = arena_strdup(g->arena, name);
  n->id = (uint32_t)g->n_nodes;
  n->n_inputs = n_inputs;
  n->n_outputs = n_outputs;
  n->inputs = arena_array(g->arena, n_inputs, sizeof *n->inputs);
  n->outputs = arena_array(g->arena, n_outputs, sizeof *n->outputs);
  for (uint32_t i = 0; i < n_outputs; i++) n->outputs[i] = type_unknown();
  *ARENA_PUSH(g->arena, g->nodes, g->n_nodes, g->nodes_capacity) = n;
  return n;
}

node *graph_add_variable(graph *g, const char *name, mxn_type type) {
  node *n = graph_add(g, "null", name, 0, 1);
  n->outputs[0] = type;
  return n;
}

static attribute *find_attribute(const node *n, const char *key) {
  for (size_t i = 0; i < n->n_attributes; i++)
    if (strcmp(n->attributes[i].key, key) == 0) return &n->attributes[i];
  return NULL;
}

const char *node_attribute(const node *n, const char *key) {
  const attribute *found = find_attribute(n, key);
  return found ? found->text : NULL;
}

void node_set_attribute(graph *g, node *n, const char *key, const char *text) {
  attribute *found = find_attribute(n, key);
  if (!found) {
    attribute *attributes = arena_array(g->arena, n->n_attributes + 1, sizeof *attributes);
    if (n->n_attributes) memcpy(attributes, n->attributes, n->n_attributes * sizeof *attributes);
    n->attributes = attributes;
    found = &attributes[n->n_attributes++];
    found->key = arena_strdup(g->arena, key);
  }
  found->text = arena_strdup(g->arena, text);
}

void node_remove_attribute(node *n, const char *key) {
  attribute *found = find_attribute(n, key);
  if (!found) return;
  const size_t behind = n->n_attributes - (size_t)(found - n->attributes) - 1;
  memmove(found, found + 1, behind * sizeof *found);
  n->n_attributes--;
}

/* A depth-first walk over inputs, on its own stack: graphs are deeper than the
 * thread's. Nodes come out after the nodes they read, each once. */
typedef struct walk {
  struct frame {
    node *node;
    uint32_t next_input;
  } *stack;
  bool *is_seen; /* by id */
  node **order;
  size_t n_order;
} walk;

static void walk_from(walk *w, node *root) {
  if (w->is_seen[root->id]) return;
  size_t depth = 0;
  w->is_seen[root->id] = true;
  w->stack[depth++] = (struct frame){root, 0};
  while (depth > 0) {
    struct frame *top = &w->stack[depth - 1];
    if (top->next_input == top->node->n_inputs) {
      w->order[w->n_order++] = top->node;
      depth--;
      continue;
    }
    node *input = top->node->inputs[top->next_input++].node;
    if (w->is_seen[input->id]) continue;
    w->is_seen[input->id] = true;
    w->stack[depth++] = (struct frame){input, 0};
  }
}

static walk walk_create(const graph *g) {
  return (walk){.stack = arena_array(g->arena, g->n_nodes, sizeof(struct frame)),
                .is_seen = arena_array(g->arena, g->n_nodes, sizeof(bool)),
                .order = arena_array(g->arena, g->n_nodes, sizeof(node *))};
}

static void renumber(graph *g) {
  for (size_t i = 0; i < g->n_nodes; i++) g->nodes[i]->id = (uint32_t)i;
}

void graph_compact(graph *g) {
  renumber(g);
  walk live = walk_create(g), sorted = walk_create(g);
  for (size_t i = 0; i < g->n_outputs; i++) walk_from(&live, g->outputs[i].node);
  for (size_t i = 0; i < g->n_nodes; i++) {
    node *n = g->nodes[i];
    const bool is_interface = node_is_variable(n) && !n->constant;
    if (live.is_seen[i] || is_interface) walk_from(&sorted, n);
  }
  g->nodes = sorted.order;
  g->nodes_capacity = g->n_nodes;
  g->n_nodes = sorted.n_order;
  renumber(g);
}

node **graph_variables(arena *a, graph *g, size_t *out_n) {
  renumber(g);
  walk reached = walk_create(g);
  for (size_t i = 0; i < g->n_outputs; i++) walk_from(&reached, g->outputs[i].node);
  node **variables = arena_array(a, reached.n_order, sizeof *variables);
  size_t n = 0;
  for (size_t i = 0; i < reached.n_order; i++)
    if (node_is_variable(reached.order[i])) variables[n++] = reached.order[i];
  *out_n = n;
  return variables;
}

static attribute *copy_attributes(arena *a, const attribute *from, size_t n) {
  attribute *to = arena_array(a, n, sizeof *to);
  for (size_t i = 0; i < n; i++) to[i] = (attribute){arena_strdup(a, from[i].key), arena_strdup(a, from[i].text)};
  return to;
}

/* Everything of a node that points to no other node. */
static void copy_contents(arena *a, node *to, const node *from) {
  for (uint32_t i = 0; i < from->n_outputs; i++) to->outputs[i] = from->outputs[i];
  to->n_attributes = from->n_attributes;
  to->attributes = copy_attributes(a, from->attributes, from->n_attributes);
  to->is_auxiliary = from->is_auxiliary;
  if (from->constant) to->constant = arena_copy(a, from->constant, sizeof *from->constant);
  to->n_subgraphs = from->n_subgraphs;
  to->subgraphs = arena_array(a, from->n_subgraphs, sizeof *to->subgraphs);
  for (uint32_t i = 0; i < from->n_subgraphs; i++) to->subgraphs[i] = graph_copy(a, from->subgraphs[i]);
}

void node_wire_fused(node *n) {
  uint32_t extra = n->n_inputs;
  for (size_t i = 0; i < n->n_fused; i++) extra -= n->fused[i].operator->n_inputs - 1;
  for (size_t i = 0; i < n->n_fused; i++) {
    const node *fused = n->fused[i].operator;
    for (uint32_t k = 0; k < fused->n_inputs; k++)
      fused->inputs[k] = k == n->fused[i].chain ? (value){n, 0} : n->inputs[extra++];
  }
}

static void copy_fused(arena *a, node *to, const node *from) {
  to->n_fused = from->n_fused;
  to->fused = arena_array(a, from->n_fused, sizeof *to->fused);
  for (size_t i = 0; i < from->n_fused; i++) {
    const node *old = from->fused[i].operator;
    node *n = arena_alloc(a, sizeof *n);
    *n = (node){.op = arena_strdup(a, old->op),
                .name = arena_strdup(a, old->name),
                .n_inputs = old->n_inputs,
                .n_outputs = old->n_outputs,
                .inputs = arena_array(a, old->n_inputs, sizeof *n->inputs),
                .outputs = arena_array(a, old->n_outputs, sizeof *n->outputs)};
    copy_contents(a, n, old);
    to->fused[i] = (fused_operator){n, from->fused[i].chain};
  }
  node_wire_fused(to);
}

graph *graph_copy(arena *a, const graph *g) {
  graph *copy = graph_create(a, g->name);
  copy->np_shape = g->np_shape;
  copy->shapes_vary = g->shapes_vary;
  copy->n_attributes = g->n_attributes;
  copy->attributes = copy_attributes(a, g->attributes, g->n_attributes);
  for (size_t i = 0; i < g->n_nodes; i++) {
    const node *from = g->nodes[i];
    copy_contents(a, graph_add(copy, from->op, from->name, from->n_inputs, from->n_outputs), from);
  }
  for (size_t i = 0; i < g->n_nodes; i++) {
    const node *from = g->nodes[i];
    node *to = copy->nodes[i];
    for (uint32_t k = 0; k < from->n_inputs; k++)
      to->inputs[k] = (value){copy->nodes[from->inputs[k].node->id], from->inputs[k].output};
    if (from->n_fused) copy_fused(a, to, from);
  }
  copy->n_outputs = g->n_outputs;
  copy->outputs = arena_array(a, g->n_outputs, sizeof *copy->outputs);
  for (size_t i = 0; i < g->n_outputs; i++)
    copy->outputs[i] = (value){copy->nodes[g->outputs[i].node->id], g->outputs[i].output};
  return copy;
}
