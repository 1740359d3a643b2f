"""The statistics functions of MXNet-Neuron's documentation, as they stand there.

SPDX-License-Identifier: Apache-2.0
"""

import json


# fmt: off
def sym_nodes(sym):
  return json.loads(sym.tojson())['nodes']


def count_ops(graph_nodes):
  return len([x['op'] for x in graph_nodes if x['op'] != 'null'])


def get_compile_stats(sym):
  cnt = count_ops(sym_nodes(sym))
  neuron_subgraph_cnt = 0
  neuron_compiled_cnt = 0
  for g in sym_nodes(sym):
    if g['op'] == '_neuron_subgraph_op':
      neuron_subgraph_cnt += 1
      for sg in g['subgraphs']:
        neuron_compiled_cnt += count_ops(sg['nodes'])
  return (cnt, neuron_subgraph_cnt, neuron_compiled_cnt)
# fmt: on
