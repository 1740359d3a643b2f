#!/usr/bin/env python3
"""Write what the real MXNet computes for a checkpoint: the goldens that tests compare with.

    golden.py PREFIX -o OUT.golden.params --input data=1,3,224,224[:float32] ... [--internal fc_output ...]

An input is a shape, filled from --seed, or a file: .npy, or FILE.params:ARRAY (`data=images.params:data`); `[A:B]`
after it takes these rows. OUT holds `in:NAME`, `out:NAME` for every output, and `internal:NAME` for the inner values
asked for. Labels, which inference ignores, are zeros.

Needs MXNet 1.9.1 and numpy 1.23.5 (pip install mxnet==1.9.1 numpy==1.23.5). oneDNN's fusion is switched off, so that
each operator computes what its own documentation says.

SPDX-License-Identifier: Apache-2.0
"""

import argparse
import os
import re

os.environ["MXNET_SUBGRAPH_BACKEND"] = "NONE"

import numpy as np

import mxnet as mx


def read_input(text, rng):
    """The array that `--input` means: NAME=SHAPE[:DTYPE] or NAME=FILE[A:B]."""
    name, value = text.split("=", 1)
    if re.fullmatch(r"\d+(,\d+)*(:\w+)?", value):
        shape, _, dtype = value.partition(":")
        return name, rng.standard_normal([int(d) for d in shape.split(",")]).astype(dtype or "float32")
    value, rows = re.fullmatch(r"(.*?)(?:\[(\d*:\d*)\])?", value).groups()
    first, last = [int(r) if r else None for r in (rows or ":").split(":")]
    if value.endswith(".npy"):
        return name, np.load(value)[first:last]
    path, _, array = value.rpartition(":")
    return name, mx.nd.load(path)[array].asnumpy()[first:last]


def evaluate(symbol, arrays, inputs):
    """Outputs of `symbol` by MXNet, in its order; labels that the inputs leave out are zeros."""
    shapes = {k: v.shape for k, v in inputs.items()}
    known = {k: v.shape for k, v in arrays.items() if k in symbol.list_inputs()}
    arg_shapes, _, aux_shapes = symbol.infer_shape(**{**known, **shapes})

    def bind_array(name, shape):
        if name in inputs:
            return mx.nd.array(inputs[name], dtype=inputs[name].dtype)
        if name in arrays:
            return arrays[name]
        assert "label" in name, f"no array and no input for '{name}'"
        return mx.nd.zeros(shape)

    args = [bind_array(n, s) for n, s in zip(symbol.list_arguments(), arg_shapes, strict=False)]
    aux = [bind_array(n, s) for n, s in zip(symbol.list_auxiliary_states(), aux_shapes, strict=False)]
    executor = symbol.bind(mx.cpu(), args, aux_states=aux, grad_req="null")
    return [o.asnumpy() for o in executor.forward(is_train=False)]


def golden(symbol, arrays, inputs, internals=()):
    """`in:`, `out:` and `internal:` arrays of a symbol with its parameters (one dictionary for args and aux)."""
    result = {"in:" + k: v for k, v in inputs.items()}
    for name, value in zip(symbol.list_outputs(), evaluate(symbol, arrays, inputs), strict=False):
        result["out:" + name] = value
    for name in internals:
        result["internal:" + name] = evaluate(symbol.get_internals()[name], arrays, inputs)[0]
    return result


def save(path, arrays):
    mx.nd.save(path, {k: mx.nd.array(v, dtype=v.dtype) for k, v in arrays.items()})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prefix")
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--input", action="append", required=True, metavar="NAME=SHAPE[:DTYPE]|FILE[A:B]")
    parser.add_argument("--internal", action="append", default=[], metavar="NAME_output")
    parser.add_argument("--epoch", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    rng = np.random.RandomState(options.seed)
    inputs = dict(read_input(text, rng) for text in options.input)
    symbol, args, aux = mx.model.load_checkpoint(options.prefix, options.epoch)
    save(options.output, golden(symbol, {**args, **aux}, inputs, options.internal))


if __name__ == "__main__":
    main()
