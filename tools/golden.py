#!/usr/bin/env python3
"""Write what the real MXNet computes for a checkpoint, in the form that `mxneuron verify --golden` reads.

    golden PREFIX --input data=1,3,224,224 ... [-o OUT] [--internal fc_output ...] [--epoch N] [--seed S]
                  [--weights FILE]

reads PREFIX-symbol.json and PREFIX-0000.params. An input is

    NAME=SHAPE              normal numbers from --seed, float32
    NAME=SHAPE:TYPE         of another type
    NAME=SHAPE:FILE         a .npy, or FILE.params[:ARRAY], which must have that shape; ARRAY is NAME if not given
    NAME=FILE               as it is; [A:B] behind FILE takes these rows

OUT (PREFIX.golden.params if not given) holds `in:NAME`, `out:NAME` for every output, and `internal:NAME` for the inner
values asked for. Labels, which inference ignores, are zeros. Where there is no parameter file, weights are drawn from
--seed and saved to --weights (PREFIX-0000.params if not given). Exit status: 0, 1 with one line on an error, 2 for wrong
usage.

Needs MXNet 1.9.1 and numpy 1.23.5, which tools/golden sets up. oneDNN's fusion is switched off, so that each operator
computes what its own documentation says.

SPDX-License-Identifier: Apache-2.0
"""

import argparse
import contextlib
import json
import os
import re
import sys
import tempfile
import zlib

os.environ["MXNET_SUBGRAPH_BACKEND"] = "NONE"

import numpy as np

import mxnet as mx

OUTPUTS_WITH_LABEL = {
    "SoftmaxOutput", "Softmax", "SVMOutput", "LinearRegressionOutput", "LogisticRegressionOutput", "MAERegressionOutput",
}  # fmt: skip


class GoldenError(Exception):
    """What went wrong, in one line."""


def read_file(text, name):
    """FILE.npy or FILE.params[:ARRAY], with [A:B] behind it; the array is called as the input if not said."""
    value, rows = re.fullmatch(r"(.*?)(?:\[(\d*:\d*)\])?", text).groups()
    first, last = [int(r) if r else None for r in (rows or ":").split(":")]
    if value.endswith(".npy"):
        return np.load(value)[first:last]
    match = re.fullmatch(r"(.*?\.(?:params|nd))(?::(.+))?", value)
    if not match:
        raise GoldenError(f"--input: '{value}' is neither .npy nor .params or .nd")
    path, array = match[1], match[2] or name
    arrays = mx.nd.load(path)
    if not isinstance(arrays, dict) or array not in arrays:
        raise GoldenError(f"{path}: there is no array '{array}'")
    return arrays[array].asnumpy()[first:last]


def read_input(text, rng):
    """Name and array of an `--input`."""
    name, _, value = text.partition("=")
    match = re.fullmatch(r"(\d+(?:,\d+)*)(?::(.*))?", value)
    if not name or not value:
        raise GoldenError(f"--input: expected NAME=SHAPE[:TYPE|:FILE] or NAME=FILE, got '{text}'")
    if not match:
        return name, read_file(value, name)
    shape, rest = tuple(int(d) for d in match[1].split(",")), match[2]
    if rest and re.fullmatch(r"\w+", rest):
        try:
            return name, rng.standard_normal(shape).astype(np.dtype(rest))
        except TypeError:
            raise GoldenError(f"--input: '{text}': unknown element type '{rest}'") from None
    if not rest:
        return name, rng.standard_normal(shape).astype("float32")
    array = read_file(rest, name)
    if array.shape != shape:
        raise GoldenError(f"--input: '{text}': the array has shape {array.shape}, expected {shape}")
    return name, array


def label_names(symbol):
    """Variables that are the label of an output operator, by their place."""
    nodes = json.loads(symbol.tojson())["nodes"]
    with_label = [n for n in nodes if n["op"] in OUTPUTS_WITH_LABEL and len(n["inputs"]) > 1]
    labels = [nodes[n["inputs"][1][0]] for n in with_label]
    return {n["name"] for n in labels if n["op"] == "null"}


def infer_shapes(symbol, known):
    """Shapes of all arguments and auxiliary states."""
    names = [*symbol.list_arguments(), *symbol.list_auxiliary_states()]
    arg_shapes, _, aux_shapes = symbol.infer_shape_partial(**{k: s for k, s in known.items() if k in names})
    shapes = dict(zip(names, [*arg_shapes, *aux_shapes], strict=True))
    unknown = [n for n, s in shapes.items() if s is None or (not mx.util.is_np_shape() and (not s or 0 in s))]
    if unknown:
        raise GoldenError(f"shapes are not known: give --input for {', '.join(unknown[:4])}")
    return shapes


def draw(name, shape, seed):
    """A weight: scales about 1, other vectors about 0, the rest by their fan-in, so that values keep their size."""
    rng = np.random.RandomState((zlib.crc32(name.encode()) + seed) % 2**32)
    if name.endswith(("gamma", "var")):
        return rng.uniform(0.8, 1.2, shape).astype("float32")
    if len(shape) < 2:
        return rng.uniform(-0.1, 0.1, shape).astype("float32")
    return (rng.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:]))).astype("float32")


def draw_weights(symbol, inputs, seed):
    """`arg:` and `aux:` arrays of everything that is no input and no label."""
    shapes = infer_shapes(symbol, {k: v.shape for k, v in inputs.items()})
    given = set(inputs) | label_names(symbol)
    kinds = dict.fromkeys(symbol.list_auxiliary_states(), "aux:")
    return {kinds.get(n, "arg:") + n: mx.nd.array(draw(n, s, seed)) for n, s in shapes.items() if n not in given}


def evaluate(symbol, arrays, inputs):
    """Outputs of `symbol` by MXNet, in its order; labels that the inputs leave out are zeros."""
    names = [*symbol.list_arguments(), *symbol.list_auxiliary_states()]
    labels = label_names(symbol)
    missing = [n for n in names if n not in inputs and n not in arrays and n not in labels]
    if missing:
        raise GoldenError(f"neither an array nor --input for {', '.join(missing[:4])}")
    shapes = infer_shapes(symbol, {k: v.shape for k, v in [*arrays.items(), *inputs.items()]})

    def bind_array(name):
        if name in inputs:
            return mx.nd.array(inputs[name], dtype=inputs[name].dtype)
        return arrays[name] if name in arrays else mx.nd.zeros(shapes[name])

    args = [bind_array(n) for n in symbol.list_arguments()]
    aux = [bind_array(n) for n in symbol.list_auxiliary_states()]
    executor = symbol.bind(mx.cpu(), args, aux_states=aux, grad_req="null")
    return [o.asnumpy() for o in executor.forward(is_train=False)]


def golden(symbol, arrays, inputs, internals=()):
    """`in:`, `out:` and `internal:` arrays of a symbol with its parameters (one dictionary for args and aux)."""
    result = {"in:" + k: v for k, v in inputs.items()}
    for name, value in zip(symbol.list_outputs(), evaluate(symbol, arrays, inputs), strict=True):
        result["out:" + name] = value
    for name in internals:
        if name not in symbol.get_internals().list_outputs():
            raise GoldenError(f"--internal: there is no value '{name}'")
        result["internal:" + name] = evaluate(symbol.get_internals()[name], arrays, inputs)[0]
    return result


def save(path, arrays):
    mx.nd.save(path, {k: mx.nd.array(v, dtype=v.dtype) for k, v in arrays.items()})


def plain_names(arrays):
    """Names without "arg:" and "aux:"."""
    return {re.sub("^(arg|aux):", "", k): v for k, v in arrays.items()}


def has_np_shape(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file).get("attrs", {}).get("is_np_shape", ["int", 0])[1] == 1


def describe(arrays):
    return ", ".join(f"{k} {v.dtype} {v.shape}" for k, v in arrays.items())


def make(options, say):
    """Do what the command line asks for; `say` prints what was done."""
    params_path = f"{options.prefix}-{options.epoch:04d}.params"
    rng = np.random.RandomState(options.seed)
    symbol = mx.sym.load(options.prefix + "-symbol.json")
    inputs = dict(read_input(text, rng) for text in options.input)
    unknown = [n for n in inputs if n not in symbol.list_inputs()]
    if unknown:
        raise GoldenError(f"--input: there is no input '{unknown[0]}'")
    if os.path.exists(params_path):
        arrays = mx.nd.load(params_path)
        say(f"read {params_path}: {len(arrays)} arrays")
    else:
        arrays = draw_weights(symbol, inputs, options.seed)
        path = options.weights or params_path
        mx.nd.save(path, arrays)
        say(f"there is no {params_path}: wrote {path}, {len(arrays)} arrays from seed {options.seed}")
    result = golden(symbol, plain_names(arrays), inputs, options.internal)
    broken = [k for k, v in result.items() if not k.startswith("in:") and not np.isfinite(v.astype("float64")).all()]
    if broken:
        say(f"note: {', '.join(broken)} has numbers that are not finite")
    path = options.output or options.prefix + ".golden.params"
    save(path, result)
    say(f"MXNet {mx.__version__} wrote {path}: {describe(result)}")


def one_line(error):
    """MXNet's errors have a C++ traceback around the line that says what is wrong."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if "Check failed" in line or re.match(r"\w*Error: ", line)]
    line = (telling or lines or [type(error).__name__])[0]
    return re.sub(r"^\w*Error: |\[[\d:]+\] \S+:\d+: |Check failed: .*?: ", "", line)


@contextlib.contextmanager
def mxnet_silent():
    """MXNet's own notes on stderr would hide the one line that matters."""
    with tempfile.TemporaryFile() as sink, os.fdopen(os.dup(2), "w") as stderr:
        os.dup2(sink.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr.fileno(), 2)


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1].strip(), add_help=False)
    parser.add_argument("prefix")
    parser.add_argument("-o", "--output")
    parser.add_argument("--input", action="append", required=True)
    parser.add_argument("--internal", action="append", default=[])
    parser.add_argument("--epoch", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--weights")
    options = parser.parse_args()

    failure = None
    try:
        with mxnet_silent(), mx.util.np_shape(has_np_shape(options.prefix + "-symbol.json")):
            make(options, lambda text: print("golden: " + text))
    except (GoldenError, mx.MXNetError, OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        failure = one_line(error)
    if failure:
        print(f"golden: {options.prefix}: {failure}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
