#!/usr/bin/env python3
"""Run compiled models in a real MXNet and compare with what their goldens say that MXNet gave.

    run_models.py EXTENSION.so MXNEURON WORK_FOLDER PREFIX...

PREFIX.golden.params has arrays in:NAME and out:NAME. Prints a line for each model and ends with how many passed.

SPDX-License-Identifier: Apache-2.0
"""

import functools
import os
import subprocess
import sys

from checks import run_checks

import mxnet as mx

TOLERANCE = 2e-5  # of the largest element


def compiled(mxneuron, folder, prefix, inputs):
    output = os.path.join(folder, "model")
    shapes = [f"--input={name}={','.join(map(str, array.shape))}" for name, array in inputs.items()]
    subprocess.run([mxneuron, "compile", prefix, "-o", output, *shapes], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    return mx.model.load_checkpoint(output, 0)


def run(symbol, args, aux, inputs):
    """Labels, which the golden does not have, are zeros."""
    shapes, _, _ = symbol.infer_shape_partial(**{name: array.shape for name, array in inputs.items()})
    arrays = dict(args, **inputs)
    for name, shape in zip(symbol.list_arguments(), shapes):
        if name not in arrays:
            arrays[name] = mx.nd.zeros(shape)
    arrays = {name: arrays[name] for name in symbol.list_arguments()}
    return symbol.bind(mx.cpu(), arrays, aux_states=aux, grad_req="null").forward()


def check(mxneuron, folder, prefix):
    golden = mx.nd.load(prefix + ".golden.params")
    inputs = {name[3:]: array for name, array in golden.items() if name.startswith("in:")}
    expected = [array.asnumpy() for name, array in golden.items() if name.startswith("out:")]
    outputs = [output.asnumpy() for output in run(*compiled(mxneuron, folder, prefix, inputs), inputs)]
    assert len(outputs) == len(expected), f"expected {len(expected)} outputs, got {len(outputs)}"
    for i, (found, right) in enumerate(zip(outputs, expected)):
        assert found.shape == right.shape, f"output {i}: expected shape {right.shape}, got {found.shape}"
        error = abs(found - right).max() / max(abs(right).max(), 1e-6)
        assert error <= TOLERANCE, f"output {i} differs by {error}"


def main():
    extension, mxneuron, folder, *prefixes = sys.argv[1:]
    mx.library.load(extension, False)
    sys.exit(run_checks((os.path.basename(p), functools.partial(check, mxneuron, folder, p)) for p in prefixes))


main()
