"""What SUBGRAPH_INFO=1 prints: which operators were compiled, and why the others were not.

SPDX-License-Identifier: Apache-2.0
"""

from __future__ import annotations

import ctypes
import json
import os

from ._library import Statistics, lib


def _subgraph_lines(model):
    for node in json.loads(model.symbol_text())["nodes"]:
        for graph in node.get("subgraphs", []) if node["op"] == "_neuron_subgraph_op" else []:
            operators = [f"{inner['name']} ({inner['op']})" for inner in graph["nodes"] if inner["op"] != "null"]
            yield f"  {node['name']}, operators {len(operators)}: {', '.join(operators)}"


def _left_out_lines(model):
    for i in range(lib.model_n_left_out(model.handle)):
        left = lib.model_get_left_out(model.handle, i)
        yield f"  not compiled: {os.fsdecode(left.node)} ({os.fsdecode(left.op)}): {os.fsdecode(left.reason)}"


def print_partition(model) -> None:
    counts = Statistics()
    lib.model_get_statistics(model.handle, ctypes.byref(counts))
    print(f"SUBGRAPH_INFO: operators {counts.n_original}, after compiling {counts.n_operators}; "
          f"subgraphs {counts.n_subgraphs}, operators in them {counts.n_compiled}")
    for line in (*_subgraph_lines(model), *_left_out_lines(model)):
        print(line)
