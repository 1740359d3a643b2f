#!/usr/bin/env python3
"""Run a compiled checkpoint in a real MXNet in all the ways that MXNet has, and compare with the original there.

    run_operator.py EXTENSION.so ORIGINAL_PREFIX COMPILED_PREFIX SHAPE [WORK_FOLDER]

SHAPE is that of the input `data`, batch first; the label is `softmax_label`. Prints a line for each check and ends with
how many passed. Everything here also runs under MXNET_ENGINE_TYPE=NaiveEngine.

SPDX-License-Identifier: Apache-2.0
"""

import ast
import contextlib
import json
import os
import sys
import threading

import numpy as np
from checks import expect_error, named, run_checks

import mxnet as mx
from mxnet import gluon

OPERATOR = "_neuron_subgraph_op"
random = np.random.RandomState(7)


class Checkpoints:
    def __init__(self, original, compiled, shape, folder):
        self.original, self.compiled, self.folder = original, compiled, folder
        self.sample = shape[1:]
        self.symbol, self.args, self.aux = mx.model.load_checkpoint(compiled, 0)
        self.original_symbol, self.original_args, self.original_aux = mx.model.load_checkpoint(original, 0)
        self.neuronbins = [name for name in self.args if name.endswith("_neuronbin")]

    def data(self, batch=1):
        return random.uniform(size=(batch, *self.sample)).astype("float32")

    def expected(self, data):
        executor = self.original_symbol.simple_bind(mx.cpu(), data=data.shape, grad_req="null")
        executor.copy_params_from(self.original_args, self.original_aux)
        return [output.asnumpy() for output in executor.forward(data=data)]

    def check(self, outputs, data):
        outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
        expected = self.expected(data)
        assert len(outputs) == len(expected), (len(outputs), len(expected))
        for output, right in zip(outputs, expected):
            found = output.asnumpy()
            assert found.shape == right.shape, f"expected shape {right.shape}, got {found.shape}"
            error = abs(found - right).max()
            assert error <= 1e-5 * max(abs(right).max(), 1e-3), f"differs by {error}"

    def bind(self, data, context=None, args=None, label_shape=(1,)):
        arrays = dict(args or self.args, data=mx.nd.array(data), softmax_label=mx.nd.zeros(label_shape))
        return self.symbol.bind(ctx=context or mx.cpu(), args=arrays, aux_states=self.aux, grad_req="null")

    def simple_bind(self, batch, context=None, **kwargs):
        executor = self.symbol.simple_bind(context or mx.cpu(), data=(batch, *self.sample), **kwargs)
        executor.copy_params_from(self.args, self.aux, allow_extra_params=True)
        return executor

    def module(self, batch, context=None, labels=True, **kwargs):
        module = mx.mod.Module(self.symbol, label_names=["softmax_label"] if labels else None, context=context or mx.cpu())
        if labels:
            kwargs["label_shapes"] = [("softmax_label", (batch,))]
        module.bind([("data", (batch, *self.sample))], **kwargs)
        module.set_params(self.args, self.aux, allow_missing=not labels)
        return module

    def block(self, prefix=None):
        prefix = prefix or self.compiled
        return gluon.SymbolBlock.imports(f"{prefix}-symbol.json", ["data", "softmax_label"], f"{prefix}-0000.params",
                                         ctx=mx.cpu())

    def changed(self, change):
        """The parameters with every neuronbin changed."""
        args = dict(self.args)
        for name in self.neuronbins:
            args[name] = mx.nd.array(change(args[name].asnumpy().copy()), dtype="uint8")
        return args


def forward(module, data):
    module.forward(mx.io.DataBatch([mx.nd.array(data)], label=None), is_train=False)
    return module.get_outputs()


CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


@check
def documented_script(c):
    """Of MXNet-Neuron's documentation, but for the context."""
    image = mx.nd.array(c.data())
    args = dict(c.args, softmax_label=mx.nd.random_normal(shape=(1,)), data=image)
    exe = c.symbol.bind(ctx=mx.cpu(), args=args, aux_states=c.aux, grad_req="null")
    exe.forward(data=image)
    c.check(exe.outputs, image.asnumpy())


@check
def bind_with_the_arrays_of_the_caller(c):
    data = c.data()
    executor = c.bind(data)
    c.check(executor.forward(), data)
    data = c.data()
    executor.arg_dict["data"][:] = data
    c.check(executor.forward(), data)


@check
def simple_bind(c):
    for batch in (1, 4, 5):
        executor, data = c.simple_bind(batch, grad_req="null"), c.data(batch)
        c.check(executor.forward(data=data), data)


@check
def simple_bind_for_gradients(c):
    executor, data = c.simple_bind(2), c.data(2)
    c.check(executor.forward(is_train=False, data=data), data)
    c.check(executor.forward(is_train=True, data=data), data)


@check
def evaluate(c):
    data = c.data()
    c.check(c.symbol.eval(ctx=mx.cpu(), data=mx.nd.array(data), softmax_label=mx.nd.zeros((1,)), **c.args, **c.aux), data)


@check
def executor_reshape(c):
    executor = c.simple_bind(4, grad_req="null")
    for batch in (1, 6, 4):
        executor = executor.reshape(allow_up_sizing=True, data=(batch, *c.sample))
        data = c.data(batch)
        c.check(executor.forward(data=data), data)


@check
def inner_outputs(c):
    internals = c.symbol.get_internals()
    name = next(name for name in internals.list_outputs() if name.startswith(OPERATOR) and name.endswith("output"))
    inner, data = internals[name], c.data()
    args = {k: v for k, v in dict(c.args, data=mx.nd.array(data), softmax_label=mx.nd.zeros((1,))).items()
            if k in inner.list_arguments()}
    inner.bind(mx.cpu(), args, grad_req="null").forward()[0].wait_to_read()


@check
def module_for_inference(c):
    for labels in (True, False):
        module, data = c.module(2, labels=labels, for_training=False), c.data(2)
        c.check(forward(module, data), data)


@check
def module_bound_for_training(c):
    module, data = c.module(2), c.data(2)
    c.check(forward(module, data), data)


@check
def module_reshape(c):
    module = c.module(2, for_training=False)
    module.reshape([("data", (5, *c.sample))], [("softmax_label", (5,))])
    data = c.data(5)
    c.check(forward(module, data), data)


@check
def module_predict(c):
    module, data = c.module(4, labels=False, for_training=False), c.data(10)
    c.check(module.predict(mx.io.NDArrayIter(data, batch_size=4)), data)


@check
def module_load_and_save(c):
    module = mx.mod.Module.load(c.compiled, 0, label_names=["softmax_label"])
    module.bind([("data", (1, *c.sample))], [("softmax_label", (1,))], for_training=False)
    data = c.data()
    c.check(forward(module, data), data)
    prefix = os.path.join(c.folder, "saved")
    module.save_checkpoint(prefix, 0)
    again = Checkpoints(c.original, prefix, (1, *c.sample), c.folder)
    c.check(again.bind(data).forward(), data)


@check
def module_on_two_contexts(c):
    module, data = c.module(4, context=[mx.cpu(0), mx.cpu(1)], labels=False, for_training=False), c.data(4)
    c.check(forward(module, data), data)


@check
def averaged_neuronbin_is_named(c):
    """What MXNet makes of the copies of two contexts."""
    averaged = c.changed(lambda b: (b.astype("uint8") + b.astype("uint8")) // 2)
    expect_error(lambda: c.bind(c.data(), args=averaged).forward()[0].wait_to_read(), OPERATOR, "Module.get_params()")


@check
def symbol_block(c):
    label = mx.nd.zeros((1,))
    for options in (None, {}, {"static_alloc": True}, {"static_alloc": True, "static_shape": True}):
        block = c.block()
        if options is not None:
            block.hybridize(**options)
        for batch in (2, 2, 5, 1):
            data = c.data(batch)
            c.check(block(mx.nd.array(data), label), data)


@check
def symbol_block_inside_a_hybrid_block(c):
    class Net(gluon.HybridBlock):
        def __init__(self):
            super().__init__()
            self.inner = c.block()

        def hybrid_forward(self, F, x, label):  # noqa: N803 (MXNet calls it so)
            return self.inner(x * 2, label) + 0

    net, data, label = Net(), c.data(2), mx.nd.zeros((1,))
    half = mx.nd.array(data) / 2
    c.check(net(half, label), data)
    net.hybridize()
    c.check(net(half, label), data)
    prefix = os.path.join(c.folder, "exported")
    net.export(prefix)
    symbol, params = f"{prefix}-symbol.json", f"{prefix}-0000.params"
    names = [name for name in mx.sym.load(symbol).list_inputs() if not name.endswith("neuronbin") and "data" in name]
    assert len(names) == 2, names
    c.check(gluon.SymbolBlock.imports(symbol, names, params)(half, label), data)


@check
def symbol_block_export_and_imports(c):
    block, data, label = c.block(), c.data(), mx.nd.zeros((1,))
    block.hybridize()
    block(mx.nd.array(data), label)
    prefix = os.path.join(c.folder, "block")
    block.export(prefix)
    c.check(c.block(prefix)(mx.nd.array(data), label), data)


@check
def imperative(c):
    nodes = json.loads(c.symbol.tojson())["nodes"]
    node = next(node for node in nodes if node["op"] == OPERATOR)
    inputs = [nodes[i[0]]["name"] for i in node["inputs"]]
    if inputs[0] != "data":
        return
    data = c.data(3)
    known = dict(c.args, data=mx.nd.array(data), softmax_label=mx.nd.zeros((1,)))
    operator = getattr(mx.nd._internal, OPERATOR)
    for _ in range(3):
        outputs = operator(*[known[name] for name in inputs], **node["attrs"])
    if len([node for node in nodes if node["op"] != "null"]) == 1:
        c.check(outputs, data)


@check
def statistics_survive_a_round_trip(c):
    again = mx.sym.load_json(c.symbol.tojson())
    nodes = [json.loads(s.tojson())["nodes"] for s in (c.symbol, again)]
    inside = [[len(node["subgraphs"][0]["nodes"]) for node in n if node["op"] == OPERATOR] for n in nodes]
    assert inside[0] == inside[1] and inside[0], inside


@check
def executors_in_threads(c):
    """Of one context and of four, all with the same program."""
    for n_contexts in (1, 4):
        failures, results = [], []

        def run(executor, seed, failures=failures, results=results):
            numbers = np.random.RandomState(seed)
            try:
                for _ in range(20):
                    data = numbers.uniform(size=(1, *c.sample)).astype("float32")
                    outputs = executor.forward(data=mx.nd.array(data))
                    results.append((outputs[0].asnumpy(), data))
            except Exception as error:  # for the thread that waits
                failures.append(error)

        executors = [c.simple_bind(1, context=mx.cpu(i % n_contexts), grad_req="null") for i in range(4)]
        threads = [threading.Thread(target=run, args=(e, i)) for i, e in enumerate(executors)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures, failures[0]
        assert len(results) == 80
        for found, data in results[::7]:
            c.check([mx.nd.array(found)], data)


@check
def a_pinned_context_keeps_its_number(c):
    """mx.neuron(i) with i > 0 is one."""
    data, context = c.data(), mx.Context("cpu_pinned", 1)
    executor = c.simple_bind(1, context=context, grad_req="null")
    c.check(executor.forward(data=mx.nd.array(data)), data)


@check
def models_take_turns(c):
    """A changed program in the same arrays is seen; so is the way back."""
    data = c.data()
    executor = c.bind(data, args={k: v.copy() for k, v in c.args.items()})
    c.check(executor.forward(), data)
    for name in c.neuronbins:
        executor.arg_dict[name][:] = 0
    expect_error(lambda: executor.forward()[0].wait_to_read(), "header.magic")
    for name in c.neuronbins:
        executor.arg_dict[name][:] = c.args[name]
    executor = c.bind(data, args={k: executor.arg_dict[k] for k in c.args})
    c.check(executor.forward(), data)


@check
def changed_weights_are_named(c):
    def change(b):
        offset, size = (int(number) for number in b[0, 288:304].view("uint64"))
        if size:
            b[0, offset + size // 2] ^= 1
        return b

    expect_error(lambda: c.bind(c.data(), args=c.changed(change)).forward()[0].wait_to_read(), OPERATOR,
                 "header.weights_checksum", "changed", "load the parameters")
    data = c.data()
    c.check(c.bind(data).forward(), data)


@check
def changed_code_is_named(c):
    """The digest, and what it covers of a program that has run before."""
    def change_digest(b):
        b[0, 40] ^= 1
        return b

    def change_code(b):
        b[0, int.from_bytes(b[0, 24:32].tobytes(), "little") // 2] ^= 1
        return b

    data = c.data()
    c.check(c.bind(data).forward(), data)
    for change in change_digest, change_code:
        expect_error(lambda change=change: c.bind(data, args=c.changed(change)).forward()[0].wait_to_read(), OPERATOR,
                     "header.digest", "changed", "load the parameters")


@check
def truncated_neuronbin_is_named(c):
    def call():
        args = dict(c.args)
        for name in c.neuronbins:
            args[name] = mx.nd.array(args[name].asnumpy()[:, :-200], dtype="uint8")
        symbol = json.loads(c.symbol.tojson())
        for node in symbol["nodes"]:
            if node["name"] in c.neuronbins:
                node["attrs"]["__shape__"] = str(args[node["name"]].shape)
        arrays = dict(args, data=mx.nd.array(c.data()), softmax_label=mx.nd.zeros((1,)))
        mx.sym.load_json(json.dumps(symbol)).bind(mx.cpu(), arrays, aux_states=c.aux).forward()[0].wait_to_read()

    expect_error(call, OPERATOR, "bytes, got", "it was truncated", "load the parameters")


@check
def another_version_is_named(c):
    def change(b):
        b[0, 8] = 99
        return b

    expect_error(lambda: c.bind(c.data(), args=c.changed(change)).forward()[0].wait_to_read(), "header.version",
                 "compile the model again")


@check
def unaligned_neuronbin(c):
    """A slice of an array begins where it likes."""
    args, data = dict(c.args), c.data()
    for name in c.neuronbins:
        whole = mx.nd.concat(mx.nd.zeros((1, 8), dtype="uint8"), args[name], dim=1).reshape((-1,))
        args[name] = whole[8:].reshape((1, -1))
    c.check(c.bind(data, args=args).forward(), data)


@check
def wrong_shape(c):
    wrong = (1, *[n + 1 for n in c.sample])
    expect_error(lambda: c.symbol.infer_shape(data=wrong), "input 'data'", "compiled for shape", str(wrong))
    expect_error(lambda: c.symbol.infer_shape(data=(1, 2)), "compiled for shape", "(1, 2)")


@check
def wrong_dtype(c):
    arrays = dict(c.args, data=mx.nd.array(c.data(), dtype="float64"), softmax_label=mx.nd.zeros((1,)))
    expect_error(lambda: c.symbol.bind(mx.cpu(), arrays, aux_states=c.aux), OPERATOR, "input 'data'", "compiled for float32, got float64")


@check
def no_gradient(c):
    data = c.data()
    arrays = dict(c.args, data=mx.nd.array(data), softmax_label=mx.nd.zeros((1,)))
    executor = c.symbol.bind(mx.cpu(), arrays, args_grad={"data": mx.nd.zeros(data.shape)}, aux_states=c.aux)
    c.check(executor.forward(is_train=True), data)

    def call():
        executor.backward([mx.nd.ones(output.shape) for output in executor.outputs])
        executor.grad_dict["data"].wait_to_read()

    expect_error(call, "compiled for inference")


@check
def not_known_shapes(c):
    for call in (c.symbol.infer_shape, c.symbol.infer_shape_partial):
        with contextlib.suppress(mx.base.MXNetError):
            call()


def main():
    extension, original, compiled, shape = sys.argv[1:5]
    mx.library.load(extension, False)
    shape = ast.literal_eval(f"({shape},)")
    sys.exit(run_checks(named(CHECKS, Checkpoints(original, compiled, shape, sys.argv[5]))))


main()
