#!/usr/bin/env python3
"""A network for images, float32, one core: MXNet 1.9.1 as installed against mxneuron, in turns in one run.

    vs-mxnet.py MXNEURON PREFIX [--shape 1,3,224,224] [--rounds N] [--seconds S]

Both run on the core that this process is bound to first, so that a noisy neighbour hits both. MXNet keeps its default
fusion and may use a bound executor or a hybridized SymbolBlock, whichever is faster here. Results are compared before
anything is timed.

SPDX-License-Identifier: Apache-2.0
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings

CORE = max(os.sched_getaffinity(0))
os.sched_setaffinity(0, {CORE})
os.environ.update(OMP_NUM_THREADS="1", MXNET_CPU_WORKER_NTHREADS="1")

import numpy as np

import mxnet as mx

warnings.simplefilter("ignore")


def bound_executor(prefix, image):
    symbol, args, aux = mx.model.load_checkpoint(prefix, 0)
    executor = symbol.simple_bind(mx.cpu(), grad_req="null", data=image.shape)
    executor.copy_params_from(args, aux, allow_extra_params=True)

    def run():
        return executor.forward(is_train=False, data=image)[0]
    return run


def symbol_block(prefix, image):
    labels = [name for name in mx.sym.load(prefix + "-symbol.json").list_arguments() if name.endswith("label")]
    block = mx.gluon.SymbolBlock.imports(prefix + "-symbol.json", ["data", *labels], prefix + "-0000.params")
    block.hybridize(static_alloc=True, static_shape=True)
    label = mx.nd.zeros((1,))

    def run():
        return block(image, *[label for _ in labels])
    return run


def time_mxnet(run, seconds):
    """Milliseconds of each run, the wait for its result included."""
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end:
        begin = time.perf_counter()
        run().wait_to_read()
        times.append(1e3 * (time.perf_counter() - begin))
    return times


def fastest_mxnet(prefix, image):
    """The faster front end of those that work, warmed up, with its name."""
    candidates = []
    for make in (bound_executor, symbol_block):
        try:
            run = make(prefix, image)
            time_mxnet(run, 1)
            candidates.append((statistics.median(time_mxnet(run, 1)), make.__name__, run))
        except (mx.MXNetError, AssertionError, RuntimeError, ValueError) as error:
            print(f"MXNet's {make.__name__} does not run this model: {str(error).splitlines()[0]}")
    if not candidates:
        sys.exit("MXNet runs this model in neither way: there is nothing to compare with")
    for median, name, _ in candidates:
        print(f"MXNet {name}: {median:.3f} ms")
    return min(candidates, key=lambda candidate: candidate[0])[1:]


def compare(mxneuron, compiled, image, expected):
    with tempfile.TemporaryDirectory() as folder:
        given, answer = folder + "/in.npy", folder + "/out.params"
        np.save(given, image.asnumpy())
        subprocess.run([mxneuron, "run", compiled, "--input", "data=" + given, "--output", answer, "--cores", "1"],
                       check=True, stdout=subprocess.DEVNULL)
        found = next(iter(mx.nd.load(answer).values())).asnumpy()
    error = abs(found - expected).max() / abs(expected).max()
    print(f"largest difference between both results: {error:.1e} of the largest output")
    assert error < 1e-4


def time_mxneuron(mxneuron, compiled, given, seconds):
    output = subprocess.run([mxneuron, "bench", compiled, "--input", given, "--cores", "1", "--seconds", str(seconds),
                             "--no-check", "--json"], check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(output)


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        return next(line.split(":")[1].strip() for line in file if line.startswith("model name"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mxneuron")
    parser.add_argument("prefix")
    parser.add_argument("--shape", default="1,3,224,224", help="of the input, data")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=2)
    options = parser.parse_args()

    print(f"{machine()}, core {CORE}; MXNet {mx.__version__}; {os.path.basename(options.prefix)}, "
          f"{options.shape}, float32")
    given = "data=" + options.shape
    image = mx.nd.array(np.random.RandomState(0).standard_normal([int(n) for n in options.shape.split(",")]))
    name, run = fastest_mxnet(options.prefix, image)
    with tempfile.TemporaryDirectory() as folder:
        compiled = folder + "/compiled"
        subprocess.run([options.mxneuron, "compile", options.prefix, "--input", given, "-o", compiled], check=True,
                       stdout=subprocess.DEVNULL)
        compare(options.mxneuron, compiled, image, run().asnumpy())
        theirs, ours = [], []
        print(f"\n  turn   MXNet ms   mxneuron ms   MXNet / mxneuron      (medians of {options.seconds:g} s)")
        for turn in range(1, options.rounds + 1):
            theirs.append(statistics.median(time_mxnet(run, options.seconds)))
            result = time_mxneuron(options.mxneuron, compiled, given, options.seconds)
            ours.append(result["median_ms"])
            print(f"  {turn:4}   {theirs[-1]:8.3f}   {ours[-1]:11.3f}   {theirs[-1] / ours[-1]:16.2f}", flush=True)
    their, our = statistics.median(theirs), statistics.median(ours)
    ratios = sorted(a / b for a, b in zip(theirs, ours, strict=True))
    ratio = statistics.median(ratios)
    print(f"\nMXNet ({name}) {their:.3f} ms, mxneuron {our:.3f} ms: mxneuron is {ratio:.2f} times as fast")
    print(f"(turns {ratios[0]:.2f} to {ratios[-1]:.2f}); {result['gflops']:.1f} GFLOP/s, "
          f"{result['percent_of_peak']:.0f} % of the core's peak in the last turn")


if __name__ == "__main__":
    main()
