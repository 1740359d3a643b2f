#!/usr/bin/env python3
"""Load a compiled checkpoint into a real MXNet and look at it the way MXNet's users do.

    load_compiled.py EXTENSION.so ORIGINAL_PREFIX COMPILED_PREFIX STATISTICS NAME=SHAPE...

EXTENSION.so registers `_neuron_subgraph_op`; STATISTICS is what the statistics script of MXNet-Neuron's documentation
must count: operators before, operators after, subgraphs, operators inside them ("67,1,1,67"). Prints a line for each
check and ends with how many passed.

SPDX-License-Identifier: Apache-2.0
"""

import ast
import json
import sys

import numpy as np
from checks import checks_of, named, run_checks

import mxnet as mx

OPERATOR = "_neuron_subgraph_op"


def count_operators(nodes):
    return sum(node["op"] != "null" for node in nodes)


def statistics(original, compiled):
    """The four counts of the documented script, which reads tojson() of both symbols."""
    nodes = json.loads(compiled.tojson())["nodes"]
    subgraphs = [node["subgraphs"] for node in nodes if node["op"] == OPERATOR]
    inside = sum(count_operators(graph["nodes"]) for graphs in subgraphs for graph in graphs)
    before = count_operators(json.loads(original.tojson())["nodes"])
    return [before, count_operators(nodes), len(subgraphs), inside]


class Compiled:
    """A compiled checkpoint as MXNet reads it, beside the original."""

    def __init__(self, original_prefix, prefix, expected_statistics, shapes):
        self.original = mx.sym.load(original_prefix + "-symbol.json")
        self.symbol = mx.sym.load(prefix + "-symbol.json")
        self.arrays = mx.nd.load(prefix + "-0000.params")
        self.nodes = json.loads(self.symbol.tojson())["nodes"]
        self.expected_statistics = expected_statistics
        self.shapes = shapes
        with open(prefix + "-0000.params", "rb") as file:
            self.bytes = file.read()

    def neuronbins(self):
        """Name, array and variable of each."""
        variables = {node["name"]: node for node in self.nodes if node["op"] == "null"}
        return [(key[4:], array, variables[key[4:]]) for key, array in self.arrays.items()
                if key.endswith("_neuronbin")]

    def check_statistics(self):
        found = statistics(self.original, self.symbol)
        assert found == self.expected_statistics, f"expected {self.expected_statistics}, got {found}"

    def check_statistics_after_a_round_trip(self):
        found = statistics(self.original, mx.sym.load_json(self.symbol.tojson()))
        assert found == self.expected_statistics, f"expected {self.expected_statistics}, got {found}"

    def check_names_of_subgraph_nodes(self):
        names = [node["name"] for node in self.nodes if node["op"] == OPERATOR]
        assert names == [f"{OPERATOR}{i}" for i in range(len(names))], names

    def check_subgraph_nodes_say_their_cores(self):
        for node in self.nodes:
            if node["op"] == OPERATOR:
                assert "__subgraph_opt_neuroncore__" in node["attrs"], node["attrs"].keys()

    def check_the_neuronbin_is_the_last_input(self):
        for node in self.nodes:
            if node["op"] == OPERATOR:
                last = self.nodes[node["inputs"][-1][0]]["name"]
                assert last == node["name"] + "_neuronbin", last

    def check_as_many_outputs(self):
        before, after = self.original.list_outputs(), self.symbol.list_outputs()
        assert len(before) == len(after), f"expected {before}, got {after}"

    def check_operators_left_out_keep_their_names(self):
        before = {node["name"] for node in json.loads(self.original.tojson())["nodes"]}
        kept = {node["name"] for node in self.nodes if node["op"] not in ("null", OPERATOR)}
        assert kept <= before, kept - before

    def check_every_argument_has_an_array(self):
        known = {key[4:] for key in self.arrays} | set(self.shapes)
        missing = [name for name in self.symbol.list_inputs() if name not in known and "label" not in name]
        assert not missing, missing

    def check_neuronbins_are_bytes(self):
        assert len(self.neuronbins()) == self.expected_statistics[2]
        for name, array, _ in self.neuronbins():
            assert array.dtype == np.uint8 and array.ndim == 2 and array.shape[0] == 1, (name, array.dtype, array.shape)

    def check_neuronbin_variables_say_type_and_shape(self):
        for name, array, variable in self.neuronbins():
            found = variable["attrs"]["__dtype__"], ast.literal_eval(variable["attrs"]["__shape__"])
            assert found == ("3", array.shape), f"{name}: {found}"

    def check_neuronbins_are_aligned_in_the_file(self):
        for name, array, _ in self.neuronbins():
            offset = self.bytes.index(array.asnumpy().tobytes())
            assert offset % 64 == 0, f"{name} begins at byte {offset}"

    def check_infer_shape(self):
        _, expected, _ = self.original.infer_shape(**self.shapes)
        _, found, _ = self.symbol.infer_shape(**self.shapes)
        assert found == expected, f"expected {expected}, got {found}"

    def check_simple_bind(self):
        executor = self.symbol.simple_bind(mx.cpu(), grad_req="null", **self.shapes)
        for name, array, _ in self.neuronbins():
            bound = executor.arg_dict[name]
            assert (bound.dtype, bound.shape) == (array.dtype, array.shape), (name, bound.dtype, bound.shape)

    def check_module_takes_the_parameters(self):
        args = {k[4:]: v for k, v in self.arrays.items() if k.startswith("arg:")}
        aux = {k[4:]: v for k, v in self.arrays.items() if k.startswith("aux:")}
        labels = [name for name in self.symbol.list_arguments() if name.endswith("label")]
        module = mx.mod.Module(self.symbol, data_names=list(self.shapes), label_names=labels or None, context=mx.cpu())
        module.bind(data_shapes=list(self.shapes.items()), for_training=False)
        module.set_params(args, aux, allow_missing=False)
        for name, array, _ in self.neuronbins():
            assert (module.get_params()[0][name].asnumpy() == array.asnumpy()).all(), name


def main():
    extension, original, compiled, expected, *inputs = sys.argv[1:]
    mx.library.load(extension, False)
    shapes = {name: ast.literal_eval(f"({shape},)") for name, shape in (text.split("=") for text in inputs)}
    checkpoint = Compiled(original, compiled, [int(n) for n in expected.split(",")], shapes)
    sys.exit(run_checks(named(checks_of(vars(Compiled)), checkpoint)))


if __name__ == "__main__":
    main()
