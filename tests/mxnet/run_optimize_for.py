#!/usr/bin/env python3
"""optimize_for('neuron') of a real MXNet, on symbols and Gluon blocks, compared with what they gave before.

    run_optimize_for.py EXTENSION.so PREFIX SHAPE

PREFIX is a checkpoint with one input `data` of SHAPE, and a label. Prints a line for each check and ends with how many
passed.

SPDX-License-Identifier: Apache-2.0
"""

import ast
import json
import sys

import numpy as np
from checks import checks_of, expect_error, named, run_checks
from mxnet.gluon import nn

import mxnet as mx

random = np.random.RandomState(5)


class Checkpoint:
    def __init__(self, prefix, shape):
        self.symbol, self.args, self.aux = mx.model.load_checkpoint(prefix, 0)
        self.shape = shape

    def expected(self, data):
        executor = self.symbol.simple_bind(mx.cpu(), data=data.shape, grad_req="null")
        executor.copy_params_from(self.args, self.aux)
        return executor.forward(data=data)[0].asnumpy()

    def optimize(self, data, args=None, **options):
        args, aux = dict(self.args, **(args or {})), dict(self.aux)
        symbol = self.symbol.optimize_for("neuron", args, aux, mx.cpu(), **options)
        arrays = dict(args, data=mx.nd.array(data), softmax_label=mx.nd.zeros((data.shape[0],)))
        arrays = {name: arrays[name] for name in symbol.list_arguments()}
        return symbol, symbol.bind(mx.cpu(), arrays, aux_states=aux, grad_req="null").forward()[0].asnumpy()


def close(found, expected):
    assert found.shape == expected.shape, (found.shape, expected.shape)
    error = abs(found - expected).max()
    assert error <= 1e-5 * abs(expected).max(), f"differs by {error}"


def operators(symbol):
    return [node["op"] for node in json.loads(symbol.tojson())["nodes"] if node["op"] != "null"]


def check_input_given_with_the_arguments(c):
    data = random.uniform(size=c.shape).astype("float32")
    given = {"data": mx.nd.array(data), "softmax_label": mx.nd.zeros(c.shape[:1])}
    symbol, found = c.optimize(data, given)
    assert operators(symbol) == ["_neuron_subgraph_op"], operators(symbol)
    close(found, c.expected(data))
    close(c.optimize(data, given, inputs="data")[1], c.expected(data))


def check_input_given_by_shape(c):
    data = random.uniform(size=c.shape).astype("float32")
    symbol, found = c.optimize(data, shape_dict={"data": c.shape})
    assert operators(symbol) == ["_neuron_subgraph_op"], operators(symbol)
    close(found, c.expected(data))


def check_labels_of_any_name(c):
    """An operator says which of its inputs is the label, not the name."""
    data, label = mx.sym.var("data"), mx.sym.var("output")
    symbol = mx.sym.LinearRegressionOutput(mx.sym.FullyConnected(data, num_hidden=3, name="fc"), label, name="last")
    args = {"data": mx.nd.ones((2, 4)), "fc_weight": mx.nd.ones((3, 4)), "fc_bias": mx.nd.zeros((3,)),
            "output": mx.nd.ones((2, 3))}
    symbol = symbol.optimize_for("neuron", args, {}, mx.cpu())
    assert symbol.list_arguments() == ["data", "output", "_neuron_subgraph_op0_neuronbin"], symbol.list_arguments()
    close(symbol.bind(mx.cpu(), args, grad_req="null").forward()[0].asnumpy(), np.full((2, 3), 4.0))


def check_weights_called_label(c):
    """A parameter whose name ends like a label's is compiled in."""
    symbol = mx.sym.broadcast_add(mx.sym.var("data"), mx.sym.var("no_label"), name="add")
    args = {"data": mx.nd.ones((2, 3)), "no_label": mx.nd.ones((1, 3))}
    symbol = symbol.optimize_for("neuron", args, {}, mx.cpu())
    assert symbol.list_arguments() == ["data", "_neuron_subgraph_op0_neuronbin"], symbol.list_arguments()


def check_excluded_nodes(c):
    data = random.uniform(size=c.shape).astype("float32")
    last = [node["name"] for node in json.loads(c.symbol.tojson())["nodes"] if node["op"] != "null"][-1]
    symbol, found = c.optimize(data, shape_dict={"data": c.shape}, excl_node_names=[last])
    assert operators(symbol)[-1] == operators(c.symbol)[-1], operators(symbol)
    assert "_neuron_subgraph_op" in operators(symbol)
    close(found, c.expected(data))


def check_the_arguments_follow(c):
    args, aux = dict(c.args), dict(c.aux)
    symbol = c.symbol.optimize_for("neuron", args, aux, mx.cpu(), shape_dict={"data": c.shape})
    known = set(symbol.list_arguments())
    assert set(args) <= known, set(args) - known
    assert not aux, aux.keys()
    assert [args[name].dtype for name in args if name.endswith("_neuronbin")] == [np.uint8]


def check_unknown_options(c):
    expect_error(lambda: c.optimize(np.zeros(c.shape), shape_dict={"data": c.shape}, excl_node_name="a"),
                 "there is no option 'excl_node_name'", "'excl_node_names'")
    expect_error(lambda: c.optimize(np.zeros(c.shape), shape_dict={"data": c.shape}, excl_node_names="nothing"),
                 "'nothing'")
    expect_error(lambda: c.optimize(np.zeros(c.shape), shape_dict={"data": c.shape}, inputs="dat"),
                 "inputs: expected variables of the symbol, got 'dat'; near names: 'data'")


def check_shapes_must_be_known(c):
    expect_error(lambda: c.symbol.optimize_for("neuron", dict(c.args), dict(c.aux), mx.cpu(), skip_infer=True), "data")


def network():
    net = nn.HybridSequential()
    net.add(nn.Conv2D(16, 3, in_channels=3), nn.BatchNorm(in_channels=16), nn.Activation("relu"), nn.GlobalAvgPool2D(),
            nn.Flatten(), nn.Dense(5, in_units=16))
    net.initialize(mx.init.Xavier())
    return net


def check_gluon_optimize_for(c):
    net, data = network(), mx.nd.random.uniform(shape=(2, 3, 9, 9))
    expected = net(data).asnumpy()
    net.optimize_for(data, backend="neuron")
    for _ in range(2):
        close(net(data).asnumpy(), expected)


def check_gluon_hybridize(c):
    net, data = network(), mx.nd.random.uniform(shape=(2, 3, 9, 9))
    expected = net(data).asnumpy()
    net.hybridize(backend="neuron")
    close(net(data).asnumpy(), expected)


def main():
    extension, prefix, shape = sys.argv[1:]
    mx.library.load(extension, False)
    checkpoint = Checkpoint(prefix, ast.literal_eval(f"({shape},)"))
    sys.exit(run_checks(named(checks_of(globals()), checkpoint, prefix="optimize_for: ")))


main()
