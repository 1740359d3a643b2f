#!/usr/bin/env python3
"""What MXNet 1.9.1 adds to compiled models, against its own cheapest operator and against mxneuron alone, in one run.

    overhead.py EXTENSION.so MXNEURON FOLDER

FOLDER holds the checkpoint squeezenet, and gets others. Things that are compared run in turns, so that a noisy neighbour
hits all of them; a figure is the best round's median: neighbours only add. Exit status 1 where a figure is above its limit.
Most of a call's time is MXNet's Python and engine, whose speed is the machine's: the lines "more than" say what is ours.

SPDX-License-Identifier: Apache-2.0
"""

import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
import warnings

import numpy as np

import mxnet as mx

warnings.simplefilter("ignore")
ROUNDS = 7
RUNS = 400
BIG = 5000  # rows and columns of a matrix of 100 MB
over = []


def compiled(mxneuron, folder, name, symbol, shape, params=None):
    """A checkpoint of `symbol` with one input, and the same compiled; the prefixes."""
    prefix = os.path.join(folder, name)
    symbol.save(prefix + "-symbol.json")
    mx.nd.save(prefix + "-0000.params", params or {})
    return prefix, compile_prefix(mxneuron, prefix, shape)


def compile_prefix(mxneuron, prefix, shape):
    output = prefix + "-compiled"
    subprocess.run([mxneuron, "compile", prefix, "--input", "data=" + ",".join(map(str, shape)), "-o", output],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return output


def microseconds(run, n_runs):
    times = []
    for _ in range(n_runs):
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
    return statistics.median(times) * 1e6


def compare(*runs, n_runs=RUNS):
    """Microseconds of each, in turns."""
    for run in runs:
        run()
    rounds = [[microseconds(run, n_runs) for run in runs] for _ in range(ROUNDS)]
    return [min(column) for column in zip(*rounds)]


def report(what, ours, others, limit):
    is_over = ours > limit
    if is_over:
        over.append(what)
    print(f"{what:<52} {ours:10.1f} {others:10.1f} {ours / others:6.2f}  limit {limit:.1f}{'  OVER' * is_over}", flush=True)


def report_more(what, ours, others):
    print(f"  more than {what:<40} {ours - others:10.1f}", flush=True)


def bound(prefix, data):
    symbol, args, aux = mx.model.load_checkpoint(prefix, 0)
    executor = symbol.bind(mx.cpu(), dict(args, data=data), aux_states=aux, grad_req="null")
    return lambda: executor.forward()[0].asnumpy()


def block(prefix, data, **options):
    net = mx.gluon.SymbolBlock.imports(prefix + "-symbol.json", ["data"], prefix + "-0000.params")
    if options:
        net.hybridize(**options)
    return lambda: net(data).asnumpy()


def with_nodes(prefix, n_nodes):
    """The compiled checkpoint with a chain of so many nodes in `subgraphs`."""
    with open(prefix + "-symbol.json") as file:
        symbol = json.load(file)
    chain = [{"op": "_mul_scalar", "name": f"m{i}", "attrs": {"scalar": "2.0"}, "inputs": [[i, 0, 0]]}
             for i in range(n_nodes)]
    for node in symbol["nodes"]:
        if "subgraphs" in node:
            node["subgraphs"] = [{"nodes": [{"op": "null", "name": "x", "inputs": []}, *chain], "arg_nodes": [0],
                                  "node_row_ptr": list(range(n_nodes + 2)), "heads": [[n_nodes, 0, 0]]}]
    with open(f"{prefix}-nodes-symbol.json", "w") as file:
        json.dump(symbol, file)
    mx.nd.save(f"{prefix}-nodes-0000.params", mx.nd.load(prefix + "-0000.params"))
    return prefix + "-nodes"


def set_cores(cores):
    """For all threads: MXNet's engine has its own."""
    for thread in os.listdir("/proc/self/task"):
        os.sched_setaffinity(int(thread), cores)


@contextlib.contextmanager
def cores_awake():
    """Idle cores poll instead of halting, where the user may ask Linux for that.

    Each call of any operator wakes MXNet's engine, and is woken by it. Where a core has halted, that takes 1 to 20
    microseconds and more: the machine's, not ours.
    """
    with contextlib.ExitStack() as stack:
        try:
            latency = stack.enter_context(open("/dev/cpu_dma_latency", "wb", buffering=0))
            latency.write(bytes(4))  # microseconds, as long as it is open
        except OSError as error:
            print(f"idle cores may halt: {error}")
        yield


def make_calls(mxneuron, folder):
    """Pairs to compare, and three with 500 nodes, one node and none of ours.

    The other is MXNet's cheapest operator with a parameter, since a compiled model has one.
    """
    data, shape = mx.sym.var("data"), (1, 8)
    x = mx.nd.ones(shape)
    _, no_op = compiled(mxneuron, folder, "no-op", mx.sym.Activation(data, act_type="relu", name="relu"), shape)
    cheapest = os.path.join(folder, "cheapest")
    mx.sym.elemwise_add(data, mx.sym.var("w", shape=shape), name="add").save(cheapest + "-symbol.json")
    mx.nd.save(cheapest + "-0000.params", {"arg:w": mx.nd.ones(shape)})
    static = {"static_alloc": True, "static_shape": True}
    pairs = {"bound executor, no-op": (bound(no_op, x), bound(cheapest, x)),
             "SymbolBlock, no-op": (block(no_op, x), block(cheapest, x)),
             "SymbolBlock, static, no-op": (block(no_op, x, **static), block(cheapest, x, **static))}
    return pairs, (block(with_nodes(no_op, 500), x), block(no_op, x), block(cheapest, x))


def bench_nodes(where, runs):
    many, one, others = compare(*runs)
    report("SymbolBlock, 500 nodes in subgraphs" + where, many, others, 50)
    report_more("with 1 node", many, one)
    report_more("MXNet's cheapest operator", many, others)
    return many


def bench_calls(pairs, nodes, asleep):
    for what, pair in pairs.items():
        ours, others = compare(*pair)
        report(what, ours, others, 1.3 * others)
    report_more("that where idle cores may halt", asleep, bench_nodes("", nodes))
    cores = os.sched_getaffinity(0)
    set_cores({min(cores)})
    bench_nodes(", one core", nodes)
    set_cores(cores)


def through_module(module, shape):
    module.bind([("data", shape)], for_training=False)
    module.init_params(allow_missing=True)
    batch = mx.io.DataBatch([mx.nd.ones(shape)])

    def run():
        module.forward(batch, is_train=False)
        module.get_outputs()[0].asnumpy()

    return run


def bench_squeezenet(mxneuron, folder):
    """What Module takes by itself, with an input of that size, is a part of what it takes with SqueezeNet."""
    shape = (1, 3, 224, 224)
    prefix = compile_prefix(mxneuron, os.path.join(folder, "squeezenet"), shape)
    run = through_module(mx.mod.Module.load(prefix, 0, label_names=None), shape)
    corner = mx.sym.slice(mx.sym.var("data"), begin=(0, 0, 0, 0), end=(1, 1, 1, 8))
    run_cheapest = through_module(mx.mod.Module(corner, label_names=None), shape)

    def alone():
        command = [mxneuron, "bench", prefix, "--input", "data=1,3,224,224", "--seconds", "0.5", "--no-check", "--json"]
        return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["median_ms"] * 1e3

    run(), run_cheapest()
    rounds = [(microseconds(run, 40), alone(), microseconds(run_cheapest, 40)) for _ in range(ROUNDS)]
    ours, others, cheapest = (min(column) for column in zip(*rounds))
    report("SqueezeNet, Module against mxneuron bench", ours, others, 1.05 * others + 150)
    report_more("mxneuron bench", ours, others)
    report_more("that and Module with MXNet's cheapest", ours, others + cheapest)


def bench_binding(mxneuron, folder):
    """From the file to the first answer, for 100 MB of weights as a neuronbin and as MXNet's own.

    As installed MXNet's executor fuses by oneDNN, which makes a copy of the weights in another order.
    """
    symbol = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=BIG, no_bias=True, name="fc")
    weight = mx.nd.array(np.random.RandomState(0).uniform(size=(BIG, BIG)).astype("float32"))
    original, ours_prefix = compiled(mxneuron, folder, "big", symbol, (1, BIG), {"arg:fc_weight": weight})
    x = mx.nd.ones((1, BIG))

    def answer(prefix, backend):
        os.environ["MXNET_SUBGRAPH_BACKEND"] = backend
        bound(prefix, x)()
        mx.nd.waitall()  # the engine frees late: each pays for its own memory

    ours, as_installed, plain = compare(lambda: answer(ours_prefix, "MKLDNN"), lambda: answer(original, "MKLDNN"),
                                        lambda: answer(original, "NONE"), n_runs=5)
    report("load, bind, first answer, 100 MB", ours, plain, plain)
    report_more("MXNet as installed", ours, as_installed)


def main():
    extension, mxneuron, folder = sys.argv[1:]
    mx.library.load(extension, False)
    print(f"{'microseconds':<52} {'compiled':>10} {'other':>10} {'ratio':>6}")
    pairs, nodes = make_calls(mxneuron, folder)
    asleep = compare(*nodes)[0]  # first: cores go on polling for a while
    with cores_awake():
        bench_calls(pairs, nodes, asleep)
        bench_squeezenet(mxneuron, folder)
        bench_binding(mxneuron, folder)
    if over:
        print("over the limit: " + "; ".join(over))
    sys.exit(bool(over))


main()
