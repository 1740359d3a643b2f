/* upgrade.c - see upgrade.h. MXNet's own upgrades are in its
 * src/nnvm/legacy_json_util.cc; that of initializers means nothing for inference
 * and is left out.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "mxnet/upgrade.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/shape.h"

enum { VERSION_0_8_0 = 800, VERSION_0_9_0 = 900, VERSION_0_9_5 = 905, VERSION_1_9_1 = 10901 };

#define VERSION_KEY "mxnet_version"
#define CURRENT_VERSION "[\"int\",10901]"

/* Inputs of the operators of MXNet 0.8 that it completes by itself. The last
 * `n_optional` are there only where attribute `key` (`default_text` where the
 * node has none) is `text`. */
static const struct input_names {
  const char *op;
  const char *names[5];
  uint32_t n_names, n_optional;
  const char *key, *default_text, *text;
} input_names[] = {
    {.op = "BatchNorm", .names = {"data", "gamma", "beta", "moving_mean", "moving_var"}, .n_names = 5},
    {.op = "CuDNNBatchNorm", .names = {"data", "gamma", "beta", "moving_mean", "moving_var"}, .n_names = 5},
    {.op = "IdentityAttachKLSparseReg", .names = {"data", "moving_avg"}, .n_names = 2},
    {"FullyConnected", {"data", "weight", "bias"}, 3, 1, "no_bias", "False", "False"},
    {"Convolution", {"data", "weight", "bias"}, 3, 1, "no_bias", "False", "False"},
    {"Deconvolution", {"data", "weight", "bias"}, 3, 1, "no_bias", "True", "False"},
    {"LeakyReLU", {"data", "gamma"}, 2, 1, "act_type", "leaky", "prelu"},
    {.op = "Embedding", .names = {"data", "weight"}, .n_names = 2},
    {.op = "InstanceNorm", .names = {"data", "gamma", "beta"}, .n_names = 3},
    {.op = "SoftmaxOutput", .names = {"data", "label"}, .n_names = 2},
    {.op = "Softmax", .names = {"data", "label"}, .n_names = 2},
    {.op = "SVMOutput", .names = {"data", "label"}, .n_names = 2},
    {.op = "LinearRegressionOutput", .names = {"data", "label"}, .n_names = 2},
    {.op = "LogisticRegressionOutput", .names = {"data", "label"}, .n_names = 2},
    {.op = "MAERegressionOutput", .names = {"data", "label"}, .n_names = 2},
};

static const struct input_names *find_names(const node *n) {
  for (size_t i = 0; i < sizeof input_names / sizeof *input_names; i++)
    if (strcmp(input_names[i].op, n->op) == 0) return &input_names[i];
  return NULL;
}

/* Python's and C++'s spellings of a boolean are the same attribute. */
static bool same_text(const char *a, const char *b) {
  static const char *const spellings[][2] = {{"0", "False"}, {"false", "False"}, {"1", "True"}, {"true", "True"}};
  for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++)
    if (strcmp(a, spellings[i][0]) == 0) a = spellings[i][1];
  return strcmp(a, b) == 0;
}

static uint32_t expected_inputs(const struct input_names *row, const node *n) {
  if (row->n_optional == 0) return row->n_names;
  const char *text = node_attribute(n, row->key);
  return same_text(text ? text : row->default_text, row->text) ? row->n_names : row->n_names - row->n_optional;
}

/* Append the missing inputs to the node; their variables go to the graph's nodes. */
static void complete_inputs(graph *g, node *n, const struct input_names *row) {
  const uint32_t expected = expected_inputs(row, n);
  if (n->n_inputs >= expected) return;
  value *inputs = arena_array(g->arena, expected, sizeof *inputs);
  for (uint32_t i = 0; i < n->n_inputs; i++) inputs[i] = n->inputs[i];
  for (uint32_t i = n->n_inputs; i < expected; i++) {
    const char *name = arena_printf(g->arena, "%s%s%s", n->name, n->name[0] ? "_" : "", row->names[i]);
    inputs[i] = (value){graph_add_variable(g, name, type_unknown()), 0};
  }
  n->inputs = inputs;
  n->n_inputs = expected;
}

/* Variables that were added stand right before the first node that reads them. */
static void add_missing_inputs(graph *g) {
  node **old = g->nodes;
  const size_t n_old = g->n_nodes;
  g->nodes = NULL;
  g->n_nodes = g->nodes_capacity = 0;
  for (size_t i = 0; i < n_old; i++) {
    const struct input_names *row = find_names(old[i]);
    if (row) complete_inputs(g, old[i], row);
    old[i]->id = (uint32_t)g->n_nodes;
    *ARENA_PUSH(g->arena, g->nodes, g->n_nodes, g->nodes_capacity) = old[i];
  }
}

/* Before 0.9.5 an axis of -1 stood for none. */
static void drop_axis(graph *g) {
  for (size_t i = 0; i < g->n_nodes; i++) {
    node *n = g->nodes[i];
    if (strcmp(n->op, "argmax") != 0 && strcmp(n->op, "argmin") != 0) continue;
    const char *axis = node_attribute(n, "axis");
    if (axis && strcmp(axis, "-1") == 0) node_remove_attribute(n, "axis");
  }
}

/* Keys of training and placement that old files write bare on operators, where
 * MXNet 1.9.1 takes them for parameters that the operator does not have. */
static const char *const hidden_keys[] = {"ctx_group", "lr_mult", "wd_mult", "force_mirroring", "mirror_stage"};

static const char *find_hidden_suffix(const char *key) {
  const size_t bytes = strlen(key);
  for (size_t i = 0; i < sizeof hidden_keys / sizeof *hidden_keys; i++) {
    const size_t hidden_bytes = strlen(hidden_keys[i]);
    if (bytes >= hidden_bytes && strcmp(key + bytes - hidden_bytes, hidden_keys[i]) == 0) return hidden_keys[i];
  }
  return NULL;
}

/* "weight_lr_mult" of fc1 means fc1_weight; without such an input it means nothing. */
static void set_hidden_of_input(graph *g, const node *n, const attribute *a, const char *hidden) {
  const size_t input_bytes = strlen(a->key) - strlen(hidden) - 1;
  const char *name = arena_printf(g->arena, "%s_%.*s", n->name, (int)input_bytes, a->key);
  for (uint32_t i = 0; i < n->n_inputs; i++) {
    node *input = n->inputs[i].node;
    if (node_is_variable(input) && strcmp(input->name, name) == 0)
      node_set_attribute(g, input, arena_printf(g->arena, "__%s__", hidden), a->text);
  }
}

/* "lr_mult" becomes "__lr_mult__"; "weight_lr_mult" moves to the input. */
static void hide_keys_of_node(graph *g, node *n) {
  size_t kept = 0;
  for (size_t i = 0; i < n->n_attributes; i++) {
    attribute a = n->attributes[i];
    const char *hidden = find_hidden_suffix(a.key);
    const size_t before = hidden ? strlen(a.key) - strlen(hidden) : 0;
    if (hidden && before > 0 && a.key[before - 1] == '_' && !node_is_variable(n)) {
      set_hidden_of_input(g, n, &a, hidden);
      continue;
    }
    if (hidden && before == 0) a.key = arena_printf(g->arena, "__%s__", hidden);
    if (hidden && before == 0 && node_attribute(n, a.key)) continue;
    n->attributes[kept++] = a;
  }
  n->n_attributes = kept;
}

static void hide_keys(graph *g) {
  for (size_t i = 0; i < g->n_nodes; i++) hide_keys_of_node(g, g->nodes[i]);
}

static attribute *find_version(const graph *g) {
  for (size_t i = 0; i < g->n_attributes; i++)
    if (strcmp(g->attributes[i].key, VERSION_KEY) == 0) return &g->attributes[i];
  return NULL;
}

static void set_version(graph *g, attribute *found) {
  if (!found) {
    attribute *attributes = arena_array(g->arena, g->n_attributes + 1, sizeof *attributes);
    if (g->n_attributes) memcpy(attributes, g->attributes, g->n_attributes * sizeof *attributes);
    g->attributes = attributes;
    found = &attributes[g->n_attributes++];
    found->key = VERSION_KEY;
  }
  found->text = CURRENT_VERSION;
}

mxn_status symbol_upgrade(graph *g, mxn_error *err) {
  attribute *found = find_version(g);
  long long version = VERSION_0_8_0;
  if (found && sscanf(found->text, "[\"int\",%lld]", &version) != 1)
    return error_set(err, MXN_FORMAT, "%s: " VERSION_KEY " is %s, expected [\"int\", number]", g->name, found->text);
  if (version < VERSION_1_9_1) hide_keys(g);
  if (version < VERSION_0_9_0) add_missing_inputs(g);
  if (version < VERSION_0_9_5) drop_axis(g);
  set_version(g, found);
  graph_compact(g);
  return MXN_OK;
}
