#!/usr/bin/env python3
"""Compare the reference operators with a real MXNet on random attributes, shapes and types.

    ops_against_mxnet.py OPS_RUN [--cases N] [--seed S] [--op NAME]... [--keep DIR]
    ops_against_mxnet.py --write DIR [--cases N] [--seed S] [--op NAME]...

OPS_RUN is tests/oracle/ops_run.c (`ninja -C build tests/ops_run`). Each case is a graph of one operator: MXNet computes it, OPS_RUN computes it,
outputs must agree in type, shape and value; what MXNet refuses must be refused. Names, inputs, attributes and defaults
of all operators are compared as well. Prints what differs and exits 1; the last line counts.

With --write the cases that MXNet computes become a folder for `mxneuron conformance`, with MXNet's outputs: so
tests/operators was made (see its README). MXNet runs each operator in a process of its own, as some end it.

Needs MXNet 1.9.1 and numpy 1.23.5. oneDNN's fusion is switched off.

SPDX-License-Identifier: Apache-2.0
"""

import argparse
import ctypes
import os
import re
import struct
import subprocess
import sys
import tempfile

os.environ["MXNET_SUBGRAPH_BACKEND"] = "NONE"

import numpy as np
import numpy_cases
import ops_cases_control
import ops_cases_layers
import ops_cases_random
import ops_cases_tensor

import mxnet as mx

# Of the coarsest type in a case. MXNet has constants in float32 in some float64 operators.
TOLERANCE = {"float32": 2e-5, "float64": 2e-7, "float16": 4e-3}
FLOATS = ["float32", "float32", "float32", "float64", "float16"]
NUMBERS = [*FLOATS, "int32", "int64", "uint8", "int8"]

UNARY = {
    "": "_copy BlockGrad make_loss relu sigmoid softsign exp expm1 square abs negative sign floor ceil trunc fix round "
    "rint sin cos arctan sinh cosh tanh arcsinh degrees radians erf cbrt logical_not gammaln",
    "positive": "log log10 log2 log1p sqrt rsqrt rcbrt reciprocal gamma",
    "unit": "arcsin arccos arctanh tan",
    "large": "arccosh",
}
BINARY = (
    "elemwise_add elemwise_sub elemwise_mul elemwise_div _mod _power _maximum _minimum _hypot _equal _not_equal "
    "_greater _greater_equal _lesser _lesser_equal _logical_and _logical_or _logical_xor"
)
BROADCAST = (
    "add sub mul div mod power maximum minimum hypot equal not_equal greater greater_equal lesser lesser_equal "
    "logical_and logical_or logical_xor"
)
SCALAR = (
    "_plus _minus _rminus _mul _div _rdiv _mod _rmod _power _rpower _maximum _minimum _hypot _equal _not_equal _greater "
    "_greater_equal _lesser _lesser_equal _logical_and _logical_or _logical_xor"
)


class Case:
    """A random source and the arrays of one case."""

    def __init__(self, rng):
        self.rng = rng
        self.arrays = {}

    def pick(self, *values):
        return values[self.rng.randint(len(values))]

    def flip(self, chance=0.5):
        return bool(self.rng.rand() < chance)

    def shape(self, low=1, high=5, largest=5):
        return tuple(int(d) for d in self.rng.randint(1, largest + 1, self.rng.randint(low, high + 1)))

    def values(self, shape, dtype, kind=""):
        if np.dtype(dtype).kind in "iu":
            low = 1 if kind else (0 if np.dtype(dtype).kind == "u" else -5)
            return self.rng.randint(low, 6, shape).astype(dtype)
        if kind == "unit":
            return self.rng.uniform(-0.95, 0.95, shape).astype(dtype)
        if kind in ("positive", "large"):
            return self.rng.uniform(1.1 if kind == "large" else 0.1, 3, shape).astype(dtype)
        # Some halves, so that ties of rounding and comparison occur.
        x = self.rng.standard_normal(shape) * 2
        return np.where(self.rng.rand(*shape) < 0.2, np.round(x * 2) / 2, x).astype(dtype)

    def variable(self, name, shape, dtype="float32", kind=""):
        self.arrays[name] = self.values(shape, dtype, kind)
        return mx.sym.var(name)

    def var(self, name):
        return mx.sym.var(name)

    def symbol(self, op, *inputs, **attributes):
        return symbol(op, *inputs, **attributes)


MODULES = {"_contrib_": mx.sym.contrib, "_linalg_": mx.sym.linalg, "_image_": mx.sym.image, "_npi_": mx.symbol.numpy._internal}


def symbol(op, *inputs, **attributes):
    """A node as a file may hold it: attributes are texts."""
    function = getattr(mx.sym, op, None) or getattr(mx.sym._internal, op, None)
    for prefix, module in MODULES.items():
        if not function and op.startswith(prefix):
            function = getattr(module, op[len(prefix) :])
            if prefix == "_npi_":
                inputs = [i.as_np_ndarray() for i in inputs]
    outputs = function(*inputs, **attributes)
    outputs = outputs if isinstance(outputs, list) else [outputs]
    outputs = [o.as_nd_ndarray() if hasattr(o, "as_nd_ndarray") else o for o in outputs]
    return outputs[0] if len(outputs) == 1 else mx.sym.Group(outputs)


def unary(op, kind):
    def make(c):
        dtype = c.pick(*FLOATS) if kind or op not in ("_copy", "abs", "negative", "square", "sign") else c.pick(*NUMBERS)
        return symbol(op, c.variable("data", c.shape(), dtype, kind))

    return make


def right_kind(op):
    """Divisors are not zero, bases of powers are positive."""
    return "positive" if re.search("div|mod|power", op) else ""


def binary(op):
    def make(c):
        shape, dtype = c.shape(), c.pick(*NUMBERS)
        kind = right_kind(op)
        return symbol(op, c.variable("lhs", shape, dtype, kind), c.variable("rhs", shape, dtype, kind))

    return make


def broadcast(op):
    def make(c):
        shape, dtype, kind = c.shape(), c.pick(*NUMBERS), right_kind(op)
        sides = [tuple(d if c.flip(0.7) else 1 for d in shape) for _ in range(2)]
        short = c.rng.randint(2)
        sides[short] = sides[short][c.rng.randint(len(shape)) :]
        return symbol("broadcast_" + op, c.variable("lhs", sides[0], dtype, kind), c.variable("rhs", sides[1], dtype, kind))

    return make


def scalar(op):
    def make(c):
        dtype, kind = c.pick(*NUMBERS), right_kind(op)
        is_int = np.dtype(dtype).kind not in "iu" or c.flip(0.7)
        number = c.pick(1, 2, 3) if np.dtype(dtype).kind in "iu" else c.pick(0.5, 2, 1.5, 3, 0.1)
        return symbol(op + "_scalar", c.variable("data", c.shape(), dtype, kind), scalar=number, is_int=is_int)

    return make


def window(c, n, dilates):
    """kernel, stride, pad and dilate of n dimensions, some left out."""
    a = {"kernel": tuple(c.rng.randint(1, 5, n))}
    if c.flip(0.7):
        a["stride"] = tuple(c.rng.randint(1, 4, n))
    if c.flip(0.7):
        # oneDNN refuses windows inside the pad.
        a["pad"] = tuple(c.rng.randint(0, min(k, 3)) for k in a["kernel"])
    if dilates and c.flip(0.3):
        a["dilate"] = tuple(c.rng.randint(1, 3, n))
    return a


def convolution(c):
    n, groups = c.pick(1, 2, 2, 2, 3), c.pick(1, 1, 2, 3)
    channels, filters = groups * c.rng.randint(1, 5), groups * c.rng.randint(1, 7)
    a = window(c, n, True)
    dtype, no_bias = c.pick("float32", "float32", "float64"), c.flip()
    shape = (c.rng.randint(1, 4), channels, *c.rng.randint(3, 15 if n < 3 else 9, n))
    inputs = [c.variable("data", shape, dtype), c.variable("weight", (filters, channels // groups, *a["kernel"]), dtype)]
    if not no_bias:
        inputs.append(c.variable("bias", (filters,), dtype))
    return symbol("Convolution", *inputs, num_filter=filters, num_group=groups, no_bias=no_bias, **a)


def deconvolution(c):
    n, groups = c.pick(1, 2, 2), c.pick(1, 1, 2)
    channels, filters = groups * c.rng.randint(1, 4), groups * c.rng.randint(1, 4)
    a = window(c, n, True)
    if c.flip(0.3) and "stride" in a:
        a["adj"] = tuple(c.rng.randint(0, s) for s in a["stride"])
    shape = (c.rng.randint(1, 3), channels, *c.rng.randint(3, 8, n))
    if c.flip(0.2) and "dilate" not in a:
        a["target_shape"] = tuple(d * s for d, s in zip(shape[2:], a.get("stride", (1,) * n), strict=True))
    inputs = [c.variable("data", shape), c.variable("weight", (channels, filters // groups, *a["kernel"]))]
    no_bias = c.flip()
    if not no_bias:
        inputs.append(c.variable("bias", (filters,)))
    return symbol("Deconvolution", *inputs, num_filter=filters, num_group=groups, no_bias=no_bias, **a)


def pooling(c):
    n = c.pick(1, 2, 2, 2, 3)
    a = window(c, n, False)
    a["pool_type"] = c.pick("max", "avg", "avg", "sum", "lp")
    a["pooling_convention"] = c.pick("valid", "full", "full", "same" if n == 1 else "full")
    if a["pooling_convention"] == "same":
        a["pad"] = (0, 0, 0)
    if a["pool_type"] == "lp":
        a["p_value"] = int(c.rng.randint(1, 4))
    if c.flip():
        a["count_include_pad"] = c.flip()
    if c.flip(0.2):
        a["global_pool"] = True
    if c.flip(0.2) and a["pooling_convention"] != "same":
        a["layout"] = ["NWC", "NHWC", "NDHWC"][n - 1]
    shape = (c.rng.randint(1, 3), c.rng.randint(1, 4), *c.rng.randint(3, 12 if n < 3 else 8, n))
    if a.get("layout"):
        shape = (shape[0], *shape[2:], shape[1])
    # oneDNN does not know the convention same.
    dtype = "float64" if a["pooling_convention"] == "same" else c.pick("float32", "float32", "float64")
    return symbol("Pooling", c.variable("data", shape, dtype), **a)


def fully_connected(c):
    shape, hidden, flatten, no_bias = c.shape(2, 4), c.rng.randint(1, 9), c.flip(0.7), c.flip()
    dtype = c.pick("float32", "float64")
    columns = int(np.prod(shape[1:])) if flatten else shape[-1]
    inputs = [c.variable("data", shape, dtype), c.variable("weight", (hidden, columns), dtype)]
    if not no_bias:
        inputs.append(c.variable("bias", (hidden,), dtype))
    return symbol("FullyConnected", *inputs, num_hidden=hidden, flatten=flatten, no_bias=no_bias)


def batch_norm(c):
    shape, dtype = c.shape(2, 5), c.pick(*FLOATS)
    axis = c.rng.randint(len(shape)) if c.flip(0.3) else 1
    n = shape[axis]
    parameters = "float32" if dtype == "float16" else dtype
    a = {"axis": axis - len(shape) if c.flip(0.2) else axis}
    for name, values in (("fix_gamma", (True, False)), ("eps", (1e-5, 2e-5, 1e-2)), ("use_global_stats", (True, False))):
        if c.flip():
            a[name] = c.pick(*values)
    if c.flip(0.2):
        a["output_mean_var"] = True
    s = symbol(
        "BatchNorm",
        c.variable("data", shape, dtype),
        *[c.variable(k, (n,), parameters, kind) for k, kind in (("gamma", ""), ("beta", ""), ("mean", ""), ("var", "positive"))],
        **a,
    )
    return s


def batch_norm_relu(c):
    """oneDNN alone has it, of float32."""
    shape = c.shape(4, 4)
    names = [(k, (shape[1],), "float32", kind) for k, kind in (("gamma", ""), ("beta", ""), ("mean", ""), ("var", "positive"))]
    inputs = [c.variable("data", shape), *[c.variable(*v) for v in names]]
    return symbol("_contrib_BatchNormWithReLU", *inputs, fix_gamma=c.flip(), eps=c.pick(1e-5, 1e-2))


def leaky_relu(c):
    shape, act = c.shape(2, 5), c.pick("rrelu", "leaky", "prelu", "elu", "selu", "gelu")
    dtype = c.pick("float32", "float64")
    inputs = [c.variable("data", shape, dtype)]
    if act == "prelu":
        inputs.append(c.variable("gamma", c.pick((1,), (shape[1],), shape[:2], (shape[0], 1), (shape[0],), (1, shape[1])), dtype))
    a = {"slope": c.pick(0.1, 0.3)} if c.flip() else {}
    s = symbol("LeakyReLU", *inputs, act_type=act, **a)
    return s[0] if act == "rrelu" else s


def softmax(op):
    def make(c):
        shape = c.shape(1, 5)
        a = {"axis": int(c.rng.randint(-len(shape), len(shape)))} if c.flip(0.8) else {}
        if c.flip(0.3):
            a["temperature"] = c.pick(0.5, 2.0, 10)
        if c.flip(0.2):
            a["dtype"] = c.pick("float32", "float64")
        inputs = [c.variable("data", shape, c.pick(*FLOATS))]
        lengths = {}
        if op == "softmax" and c.flip(0.2) and 0 < a.get("axis", -1) % len(shape) and len(shape) < 4:
            axis = a.get("axis", -1) % len(shape)
            a["use_length"] = True
            c.arrays["length"] = c.rng.randint(1, shape[axis] + 1, shape[:axis] + shape[axis + 1 :]).astype("int32")
            lengths["length"] = mx.sym.var("length")
        return symbol(op, *inputs, **lengths, **a)

    return make


def softmax_output(c):
    shape, multi, preserve = c.shape(2, 5), c.flip(0.4), c.flip(0.3)
    dtype = c.pick("float32", "float64")
    label = (shape[0], int(np.prod(shape[2:]))) if multi else shape[:-1]
    inputs = [c.variable("data", shape, dtype), c.variable("label", label, dtype)]
    return symbol("SoftmaxOutput", *inputs, multi_output=multi, preserve_shape=preserve)


def regression(op):
    def make(c):
        shape = c.shape(2, 4)
        return symbol(op, c.variable("data", shape), c.variable("label", shape))

    return make


def reshape(c):
    shape = c.shape(1, 5)
    reverse = c.flip(0.3)
    codes, groups = [], c.rng.randint(1, 6)
    for _ in range(groups):
        codes += c.pick([0], [-1], [-2], [-3], [-4, c.pick(1, 2, -1), c.pick(1, -1, 2)], [c.pick(1, 2, 3, 6)])
    # MXNet takes the place of -1 among the codes for its place in the shape, and writes beyond it.
    if -1 in codes and (-2 in codes or -4 in codes):
        codes = [0, -1]
    s = symbol("Reshape", c.variable("data", shape), shape=tuple(codes), reverse=reverse)
    # MXNet does not check that the elements fit.
    if np.prod(s.infer_shape(data=shape)[1][0]) != np.prod(shape):
        raise ValueError("another number of elements")
    return s


def slices(c):
    shape = c.shape(1, 4)
    n = c.rng.randint(1, len(shape) + 1)

    # With steps of 1 oneDNN computes, and refuses bounds outside the data.
    step = {"step": tuple(c.pick(None, 2, -1, -2) for _ in range(n))} if c.flip() else {}

    def bound(d):
        return None if c.flip(0.3) else int(c.rng.randint(-6, 7) if step else c.rng.randint(-d, d + 1))

    begin, end = tuple(bound(d) for d in shape[:n]), tuple(bound(d) for d in shape[:n])
    return symbol("slice", c.variable("data", shape, c.pick(*NUMBERS)), begin=begin, end=end, **step)


def slice_axis(c):
    shape = c.shape()
    end = None if c.flip(0.3) else int(c.rng.randint(-4, 6))
    axis = int(c.rng.randint(-len(shape), len(shape)))
    return symbol("slice_axis", c.variable("data", shape), axis=axis, begin=int(c.rng.randint(-4, 4)), end=end)


def slice_like(c):
    shape = c.shape()
    like = tuple(int(c.rng.randint(1, d + 1)) for d in shape)
    axes = {"axes": tuple(set(c.rng.randint(-len(shape), len(shape), 2)))} if c.flip() else {}
    return symbol("slice_like", c.variable("data", shape), c.variable("like", like), **axes)


def transpose(c):
    shape = c.shape()
    axes = {"axes": tuple(c.rng.permutation(len(shape)))} if c.flip(0.8) else {}
    return symbol("transpose", c.variable("data", shape, c.pick(*NUMBERS)), **axes)


def swap_axis(c):
    shape = c.shape()
    a, b = (int(x) for x in c.rng.randint(-len(shape), len(shape), 2))
    return symbol("SwapAxis", c.variable("data", shape), dim1=a, dim2=b)


def concat(c):
    shape, n = list(c.shape()), c.rng.randint(1, 4)
    axis, inputs = int(c.rng.randint(-len(shape), len(shape))), []
    for i in range(n):
        shape[axis] = int(c.rng.randint(1, 5))
        inputs.append(c.variable(f"in{i}", tuple(shape)))
    return symbol("Concat", *inputs, dim=axis)


def slice_channel(c):
    shape, n = list(c.shape()), int(c.rng.randint(1, 4))
    axis, squeeze = int(c.rng.randint(-len(shape), len(shape))), c.flip(0.3)
    shape[axis] = n * (1 if squeeze else int(c.rng.randint(1, 3)))
    return symbol("SliceChannel", c.variable("data", tuple(shape)), num_outputs=n, axis=axis, squeeze_axis=squeeze)


def expand_dims(c):
    shape = c.shape(1, 4)
    return symbol("expand_dims", c.variable("data", shape), axis=int(c.rng.randint(-len(shape) - 1, len(shape) + 1)))


def cast(c):
    return symbol("Cast", c.variable("data", c.shape(), c.pick(*NUMBERS)), dtype=c.pick(*NUMBERS))


def clip(c):
    return symbol("clip", c.variable("data", c.shape(), c.pick(*FLOATS, "int32")), a_min=c.pick(-1, 0, -0.3), a_max=c.pick(1, 6, -0.5))


def add_n(c):
    shape = c.shape()
    return symbol("add_n", *[c.variable(f"in{i}", shape) for i in range(c.rng.randint(1, 5))])


def l2_normalization(c):
    mode = c.pick("instance", "channel", "spatial")
    shape = c.shape(2 if mode == "instance" else 3, 5)
    return symbol("L2Normalization", c.variable("data", shape), mode=mode, eps=c.pick(1e-10, 1e-3))


def activation(c):
    act = c.pick("relu", "sigmoid", "softrelu", "softsign", "tanh")
    return symbol("Activation", c.variable("data", c.shape(), c.pick(*FLOATS)), act_type=act)


def softmax_activation(c):
    mode = c.pick("instance", "channel")
    return symbol("SoftmaxActivation", c.variable("data", c.shape(3, 4)), mode=mode)


def quantized(c, name, shape, dtype):
    """An int8 or uint8 array and the two ends of its range."""
    c.arrays[name] = c.rng.randint(-128 if dtype == "int8" else 0, 128 if dtype == "int8" else 256, shape).astype(dtype)
    for end, low, high in (("min", -3, 0), ("max", 0.5, 3)):
        c.arrays[f"{name}_{end}"] = c.rng.uniform(low, high, 1).astype("float32")
    return mx.sym.var(name), [mx.sym.var(f"{name}_min"), mx.sym.var(f"{name}_max")]


def calibration(c):
    low = c.pick(0.0, -1.5)
    return {"min_calib_range": low, "max_calib_range": 2.25} if c.flip(0.7) else {}


def quantize(c):
    ranges = [c.variable("low", (1,), kind="unit"), c.variable("high", (1,), kind="positive")]
    return symbol("_contrib_quantize", c.variable("data", c.shape()), *ranges, out_type=c.pick("int8", "uint8"))


def quantize_v2(c):
    return symbol("_contrib_quantize_v2", c.variable("data", c.shape()), out_type=c.pick("auto", "int8", "uint8"), **calibration(c))


def dequantize(c):
    data, ranges = quantized(c, "data", c.shape(), c.pick("int8", "uint8"))
    return symbol("_contrib_dequantize", data, *ranges)


def requantize(c):
    _, ranges = quantized(c, "data", c.shape(), "int8")
    c.arrays["data"] = (c.arrays["data"].astype("int32") + 1) * (1 << 22)
    return symbol("_contrib_requantize", mx.sym.var("data"), *ranges, **calibration(c))


def quantized_layer(op):
    """FullyConnected and Convolution; the latter takes uint8 data only."""

    def make(c):
        is_fc = op == "_contrib_quantized_fully_connected"
        shape = c.shape(2, 4) if is_fc else (2, 3, 6, 5)
        n, no_bias = int(c.rng.randint(1, 6)), c.flip(0.4)
        attributes = {"num_hidden": n} if is_fc else {"num_filter": n, "kernel": (3, 2), "pad": (1, 0), "stride": (1, 2)}
        data, ranges = quantized(c, "data", shape, c.pick("int8", "uint8") if is_fc else "uint8")
        weight, more = quantized(c, "weight", (n, int(np.prod(shape[1:]))) if is_fc else (n, 3, 3, 2), "int8")
        arrays, ranges = [data, weight], ranges + more
        if not no_bias:
            bias, more = quantized(c, "bias", (n,), "int8")
            arrays, ranges = [*arrays, bias], ranges + more
        return symbol(op, *arrays, *ranges, no_bias=no_bias, **attributes)

    return make


def quantized_pooling(c):
    data, ranges = quantized(c, "data", (2, 3, 6, 7), c.pick("int8", "uint8"))
    kind, convention = c.pick("max", "avg"), c.pick("valid", "full")
    return symbol("_contrib_quantized_pooling", data, *ranges, kernel=(3, 2), stride=(2, 2), pad=(1, 0), pool_type=kind,
                  pooling_convention=convention, global_pool=c.flip(0.3))


def quantized_concat(c):
    arrays, ranges, n = [], [], int(c.rng.randint(1, 4))
    for i in range(n):
        data, more = quantized(c, f"in{i}", (2, int(c.rng.randint(1, 4)), 3), c.pick("int8", "uint8"))
        arrays, ranges = [*arrays, data], ranges + more
    return symbol("_contrib_quantized_concat", *arrays, *ranges, dim=1, num_args=n)


def quantized_add(c):
    shape = c.shape()
    left, ranges = quantized(c, "lhs", shape, c.pick("int8", "uint8"))
    right, more = quantized(c, "rhs", shape, c.pick("int8", "uint8"))
    return symbol("_contrib_quantized_elemwise_add", left, right, *ranges, *more, **calibration(c))


def quantized_multiply(c):
    shape = c.shape()
    left, ranges = quantized(c, "lhs", shape, "int8")
    right, more = quantized(c, "rhs", shape, "int8")
    return symbol("_contrib_quantized_elemwise_mul", left, right, *ranges, *more, enable_float_output=c.flip(0.3), **calibration(c))


def quantized_flatten(c):
    data, ranges = quantized(c, "data", c.shape(2, 4), c.pick("int8", "uint8"))
    return symbol("_contrib_quantized_flatten", data, *ranges)


def quantized_batch_norm(c):
    data, ranges = quantized(c, "data", (2, 3, 4, 5), c.pick("int8", "uint8"))
    parameters = [c.variable(name, (3,), kind="positive") for name in ("gamma", "beta", "mean", "var")]
    return symbol("_contrib_quantized_batch_norm", data, *parameters, *ranges, min_calib_range=-6.5, max_calib_range=7.0)


def linalg_matrices(c, rows, columns, positive=False):
    """A batch of matrices, well conditioned where they are square."""
    batch = c.shape(0, 2, 3)
    x = c.rng.standard_normal((*batch, rows, columns))
    if rows == columns:
        x = x @ x.swapaxes(-1, -2) + np.eye(rows) if positive else x + 3 * np.eye(rows)
    return x.astype(c.pick("float32", "float64"))


def linalg(op, attributes=None, tall=False, positive=False, square=True):
    """Of one input."""

    def make(c):
        n = int(c.rng.randint(1, 6))
        m = n if square else int(c.rng.randint(1, 6) if tall else c.rng.randint(n, 8))
        c.arrays["A"] = linalg_matrices(c, n, m, positive)
        return symbol(op, mx.sym.var("A"), **(attributes(c, n) if attributes else {}))

    return make


def linalg_gemm(op):
    def make(c):
        m, n, k, dtype = *(int(x) for x in c.rng.randint(1, 5, 3)), c.pick("float32", "float64")
        a, b, middle, outer = c.flip(), c.flip(), c.shape(0, 1), c.shape(0, 1)
        shapes = [(k, m) if a else (m, k), (n, k) if b else (k, n), (m, n)][: 3 if op == "_linalg_gemm" else 2]
        inputs = [c.variable(name, (*outer, r, *middle, q), dtype) for name, (r, q) in zip("ABC", shapes, strict=False)]
        return symbol(op, *inputs, transpose_a=a, transpose_b=b, alpha=1.5, axis=-2 - len(middle), **({"beta": 0.5} if len(inputs) > 2 else {}))

    return make


def linalg_triangle(op):
    def make(c):
        n, m, right = int(c.rng.randint(1, 6)), int(c.rng.randint(1, 5)), c.flip()
        a = linalg_matrices(c, n, n)
        b = c.rng.standard_normal((*a.shape[:-2], m, n) if right else (*a.shape[:-2], n, m)).astype(a.dtype)
        c.arrays.update(A=a, B=b)
        return symbol(op, mx.sym.var("A"), mx.sym.var("B"), rightside=right, transpose=c.flip(), lower=c.flip(), alpha=0.5)

    return make


def lower(c, _):
    return {"lower": c.flip()}


def diagonal(c, n):
    return {"offset": int(c.rng.randint(-n, n + 1))}


def triangle_offset(c, n):
    return {"offset": int(c.rng.randint(-n, n + 1)), "lower": c.flip()}


def linalg_make(op, is_triangle):
    def make(c):
        n = int(c.rng.randint(1, 5))
        shape = (*c.shape(0, 2), n * (n + 1) // 2 if is_triangle else n)
        return symbol(op, c.variable("A", shape), offset=int(c.rng.randint(-3, 4)), **({"lower": c.flip()} if is_triangle else {}))

    return make


def quantized_activation(c):
    data, ranges = quantized(c, "data", c.shape(), c.pick("int8", "uint8"))
    return symbol("_contrib_quantized_act", data, *ranges, act_type="relu")


def quantized_embedding(c):
    rows, columns = (int(d) for d in c.rng.randint(1, 6, 2))
    c.arrays["data"] = c.rng.randint(0, rows, c.shape(1, 3)).astype("float32")
    weight, ranges = quantized(c, "weight", (rows, columns), "int8")
    return symbol("_contrib_quantized_embedding", mx.sym.var("data"), weight, *ranges, input_dim=rows, output_dim=columns)


MAKERS = {
    **ops_cases_tensor.MAKERS,
    **ops_cases_layers.MAKERS,
    **ops_cases_control.MAKERS,
    **ops_cases_random.PDFS,
    **{op: unary(op, kind) for kind, ops in UNARY.items() for op in ops.split()},
    **{op: binary(op) for op in BINARY.split()},
    **{"broadcast_" + op: broadcast(op) for op in BROADCAST.split()},
    **{op + "_scalar": scalar(op) for op in (*SCALAR.split(), "_scatter_plus", "_scatter_minus")},
    **{op: binary(op) for op in ("_grad_add", "_scatter_elemwise_div")},
    "_contrib_quantized_act": quantized_activation,
    "_contrib_quantized_embedding": quantized_embedding,
    **{op: softmax(op) for op in ("softmax", "log_softmax", "softmin")},
    **{op + "RegressionOutput": regression(op + "RegressionOutput") for op in ("Linear", "Logistic", "MAE")},
    "Convolution": convolution,
    "Deconvolution": deconvolution,
    "Pooling": pooling,
    "FullyConnected": fully_connected,
    "BatchNorm": batch_norm,
    "_contrib_BatchNormWithReLU": batch_norm_relu,
    "LeakyReLU": leaky_relu,
    "SoftmaxOutput": softmax_output,
    "Reshape": reshape,
    "Flatten": lambda c: symbol("Flatten", c.variable("data", c.shape())),
    "Dropout": lambda c: symbol("Dropout", c.variable("data", c.shape()), p=0.3),
    "slice": slices,
    "slice_axis": slice_axis,
    "slice_like": slice_like,
    "transpose": transpose,
    "SwapAxis": swap_axis,
    "Concat": concat,
    "SliceChannel": slice_channel,
    "expand_dims": expand_dims,
    "Cast": cast,
    "clip": clip,
    "add_n": add_n,
    "L2Normalization": l2_normalization,
    "Activation": activation,
    "SoftmaxActivation": softmax_activation,
    "_linalg_gemm": linalg_gemm("_linalg_gemm"),
    "_linalg_gemm2": linalg_gemm("_linalg_gemm2"),
    "_linalg_trmm": linalg_triangle("_linalg_trmm"),
    "_linalg_trsm": linalg_triangle("_linalg_trsm"),
    "_linalg_potrf": linalg("_linalg_potrf", lower, positive=True),
    "_linalg_potri": linalg("_linalg_potri", lower, positive=True),
    "_linalg_syrk": linalg("_linalg_syrk", lambda c, _: {"transpose": c.flip(), "alpha": 0.5}, square=False, tall=True),
    "_linalg_gelqf": linalg("_linalg_gelqf", square=False),
    "_linalg_syevd": linalg("_linalg_syevd", positive=True),
    "_linalg_sumlogdiag": linalg("_linalg_sumlogdiag", positive=True),
    "_linalg_inverse": linalg("_linalg_inverse"),
    "_linalg_det": linalg("_linalg_det"),
    "_linalg_slogdet": linalg("_linalg_slogdet"),
    "_linalg_extractdiag": linalg("_linalg_extractdiag", diagonal),
    "_linalg_extracttrian": linalg("_linalg_extracttrian", triangle_offset),
    "_linalg_makediag": linalg_make("_linalg_makediag", False),
    "_linalg_maketrian": linalg_make("_linalg_maketrian", True),
    "_npi_svd": linalg("_npi_svd", square=False),
    "_npi_eigh": linalg("_npi_eigh", lambda c, _: {"UPLO": c.pick("L", "U")}),
    "_npi_eigvalsh": linalg("_npi_eigvalsh", lambda c, _: {"UPLO": c.pick("L", "U")}),
    "_npi_cholesky": linalg("_npi_cholesky", lower, positive=True),
    "_npi_pinv_scalar_rcond": linalg("_npi_pinv_scalar_rcond", lambda c, _: {"rcond": 1e-5}, square=False, tall=True),
    "_contrib_quantize": quantize,
    "_contrib_quantize_v2": quantize_v2,
    "_contrib_dequantize": dequantize,
    "_contrib_requantize": requantize,
    "_contrib_quantized_conv": quantized_layer("_contrib_quantized_conv"),
    "_contrib_quantized_fully_connected": quantized_layer("_contrib_quantized_fully_connected"),
    "_contrib_quantized_pooling": quantized_pooling,
    "_contrib_quantized_concat": quantized_concat,
    "_contrib_quantized_elemwise_add": quantized_add,
    "_contrib_quantized_elemwise_mul": quantized_multiply,
    "_contrib_quantized_flatten": quantized_flatten,
    "_contrib_quantized_batch_norm": quantized_batch_norm,
    **numpy_cases.MAKERS,
}
# More cases for what has many attributes.
MANY = {"Convolution": 8, "Deconvolution": 8, "Pooling": 12, "Reshape": 12, "slice": 6, "BatchNorm": 4, "LeakyReLU": 3, "SoftmaxOutput": 3}


def run_mxnet(s, arrays):
    """MXNet's outputs, or None where it refuses."""
    values = {k: mx.nd.array(v, dtype=v.dtype) for k, v in arrays.items()}
    try:
        if mx.util.is_np_shape():
            return numpy_cases.run(s, values)
        args = [values[k] for k in s.list_arguments()]
        aux = [values[k] for k in s.list_auxiliary_states()]
        executor = s.bind(mx.cpu(), args, aux_states=aux, grad_req="null")
        return [o.asnumpy() for o in executor.forward(is_train=False)]
    except mx.MXNetError as error:
        # oneDNN lacks something, or MXNet trips over its own cache of oneDNN's slices.
        if re.search("could not (create|construct)|delay_alloc", str(error)):
            raise ValueError("not for oneDNN") from error
        return None


def differs(want, got, tolerance):
    """What differs between two arrays, or None; the tolerance is relative, and absolute to the largest magnitude."""
    if want.dtype != got.dtype:
        return f"type {got.dtype}, MXNet has {want.dtype}"
    if want.shape != got.shape:
        return f"shape {got.shape}, MXNet has {want.shape}"
    if want.size == 0:
        return None
    a, b = want.astype("float64"), got.astype("float64")
    tolerance = tolerance if want.dtype.kind == "f" else 0
    finite = np.abs(a[np.isfinite(a)])
    largest = np.clip(finite.max(), 0.3, 1e3) if finite.size else 0.3
    wrong = ~np.isclose(b, a, rtol=tolerance, atol=tolerance * largest, equal_nan=True)
    if not wrong.any():
        return None
    at = tuple(int(i) for i in np.argwhere(wrong)[0])
    return f"{wrong.sum()} of {wrong.size} values, at {at} {got[at]!r}, MXNet has {want[at]!r}"


def load_arrays(path):
    """A file with an empty array or a scalar has numpy's semantics."""
    with open(path, "rb") as file:
        is_numpy = struct.pack("<I", 0xF993FACA) in file.read()
    with mx.util.np_shape(is_numpy):
        return mx.nd.load(path)


def load(path):
    """What ops_run wrote."""
    arrays = load_arrays(path)
    return [arrays[f"out:{i}"].asnumpy() for i in range(len(arrays))]


def save_case(base, s, arrays, outputs=()):
    aux = set(s.list_auxiliary_states())
    named = {("aux:" if k in aux else "arg:") + k: mx.nd.array(v, dtype=v.dtype) for k, v in arrays.items()}
    named.update({f"out:{i}": mx.nd.array(v, dtype=v.dtype) for i, v in enumerate(outputs)})
    s.save(base + "-symbol.json")
    mx.nd.save(base + ".params", named)


def make_cases(names, n, seed, folder):
    """[(operator, files, MXNet's outputs or None, tolerance)], and the list for ops_run."""
    cases = []
    with open(f"{folder}/list", "w") as listing:
        for name in names:
            for k in range(n * MANY.get(name, 1)):
                c = Case(np.random.RandomState((hash_name(name) + 1000003 * seed + k) % 2**32))
                base = f"{folder}/{len(cases)}"
                with mx.util.np_shape(name in numpy_cases.MAKERS):
                    try:
                        s = MAKERS[name](c)
                        want = run_mxnet(s, c.arrays)
                    except (mx.MXNetError, ValueError):
                        continue
                    save_case(base, s, c.arrays)
                listing.write(f"{base}-symbol.json\t{base}.params\t{base}.out\n")
                types = [str(v.dtype) for v in (*c.arrays.values(), *(want or []))]
                tolerance = max((TOLERANCE.get(t, 0) for t in types), default=TOLERANCE["float32"])
                cases.append((name, base, want, tolerance))
    return cases


def write_operator(name, n, seed, folder):
    """n cases of one operator that MXNet computes, with its outputs; their rows of index.tsv."""
    rows = []
    os.makedirs(f"{folder}/{name}", exist_ok=True)
    for k in range(4 * n):
        c = Case(np.random.RandomState((hash_name(name) + 1000003 * seed + k) % 2**32))
        try:
            s = MAKERS[name](c)
            outputs = run_mxnet(s, c.arrays)
        except (mx.MXNetError, ValueError):
            continue
        if outputs is None or len(rows) == n:
            continue
        case = f"{name}/{len(rows):02}"
        save_case(f"{folder}/{case}", s, c.arrays, outputs)
        types = sorted({str(v.dtype) for v in (*c.arrays.values(), *outputs)})
        rows.append(f"{case}\t{name}\t{','.join(types)}\n")
    return rows


def write_folder(names, n, seed, folder):
    os.makedirs(folder, exist_ok=True)
    for name in names:
        child = os.fork()
        if child == 0:
            with open(f"{folder}/{name}.tsv", "w") as rows, mx.util.np_shape(name in numpy_cases.MAKERS):
                rows.writelines(write_operator(name, n, seed, folder))
            os._exit(0)
        if os.waitpid(child, 0)[1] != 0:
            print(f"{name}: MXNet does not survive it")
    with open(f"{folder}/index.tsv", "w") as index:
        index.write("case\tops\tdtypes\n")
        for name in names:
            with open(f"{folder}/{name}.tsv") as rows:
                index.write(rows.read())
            os.remove(f"{folder}/{name}.tsv")


def hash_name(name):
    return sum(ord(ch) * 31**i for i, ch in enumerate(name)) % 2**31


def compare(case, answer):
    """What is wrong with a case, or None."""
    _, base, want, tolerance = case
    if want is None:
        is_refused = answer != "ok" or any(g.size == 0 for g in load(base + ".out"))
        return None if is_refused else "is computed, MXNet refuses it"
    if answer != "ok":
        return f"is refused: {answer}"
    for w, g in zip(want, load(base + ".out"), strict=True):
        difference = differs(w, g, tolerance)
        if difference:
            return difference
    return None


# The tables.


def mxnet_operators():
    """Every name that MXNet knows: (handle, inputs, {attribute: type text})."""
    lib = mx.base._LIB
    count, names = ctypes.c_uint(), ctypes.POINTER(ctypes.c_char_p)()
    lib.NNListAllOpNames(ctypes.byref(count), ctypes.byref(names))
    operators = {}
    for name in [names[i] for i in range(count.value)]:
        handle = ctypes.c_void_p()
        lib.NNGetOpHandle(ctypes.c_char_p(name), ctypes.byref(handle))
        operators[name.decode()] = (handle.value, *describe(lib, handle))
    return operators


def describe(lib, handle):
    text, n = [ctypes.c_char_p() for _ in range(4)], ctypes.c_uint()
    arguments, types, helps = (ctypes.POINTER(ctypes.c_char_p)() for _ in range(3))
    lib.MXSymbolGetAtomicSymbolInfo(
        handle, *map(ctypes.byref, (text[0], text[1], n, arguments, types, helps, text[2], text[3]))
    )
    pairs = [(arguments[i].decode(), types[i].decode()) for i in range(n.value)]
    inputs = [name for name, kind in pairs if "Symbol" in kind]
    return inputs, {name: kind for name, kind in pairs if "Symbol" not in kind}


def numbers(text):
    """The numbers of a text such as "(0.1, 2)" or "[0.1,2]", or None."""
    try:
        return [np.float32(n) for n in re.split("[,()[\\]]+", text.replace(" ", "")) if n]
    except ValueError:
        return None


def same_default(ours, theirs):
    match = re.search(r"default=(.*)$", theirs)
    if not match:
        # Operators without a parameter struct name a type alone.
        return ours == "required" or ours == "None" or "required" not in theirs
    text = match.group(1).strip("'")
    return text in ("None", ours) or (numbers(ours) is not None and numbers(ours) == numbers(text))


# Attributes that MXNet parses but describes otherwise: it registers the description of another operator.
MISDESCRIBED = {
    "_linspace": {"num", "endpoint", "step", "repeat", "infer_range"},
    "smooth_l1": {"scalar", "is_int"},
    "all_finite": {"data"},
    "_contrib_SparseEmbedding": {"deterministic", "sparse_grad"},
    "_npi_concatenate": {"axis", "dim"},
}


def compare_tables(ops_run):
    """Names, inputs, attributes and defaults of all operators; prints what differs and returns how much."""
    theirs, wrong = mxnet_operators(), []
    for line in subprocess.run([ops_run], stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines():
        name, aliases, inputs, attributes = line.split("\t")
        if name not in theirs:
            wrong.append(f"{name}: MXNet has no such operator")
            continue
        handle, their_inputs, their_attributes = theirs[name]
        for alias in filter(None, aliases.split(",")):
            if alias != "ChannelwiseConvolution" and theirs.get(alias, (None,))[0] != handle:
                wrong.append(f"{name}: {alias} is no alias in MXNet")
        if inputs and inputs.split(",")[: len(their_inputs)] != their_inputs and "moving_mean" not in inputs:
            wrong.append(f"{name}: inputs {inputs}, MXNet has {their_inputs}")
        ours = dict(a.split("=", 1) for a in filter(None, attributes.split(";")))
        for a in sorted((set(ours) ^ set(their_attributes)) - MISDESCRIBED.get(name, set())):
            if a != "num_args" and their_attributes:  # some parse attributes that they do not list
                wrong.append(f"{name}: attribute {a} is only {'here' if a in ours else 'in MXNet'}")
        for a in sorted((set(ours) & set(their_attributes)) - MISDESCRIBED.get(name, set())):
            if not same_default(ours[a], their_attributes[a]):
                wrong.append(f"{name}: attribute {a} is {ours[a]}, MXNet has {their_attributes[a]}")
    print(*wrong, sep="\n", end="\n" if wrong else "")
    return len(wrong)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("ops_run", nargs="?")
    parser.add_argument("--write", help="folder for cases with MXNet's outputs")
    parser.add_argument("--cases", type=int, default=10, help="of each operator; more where it has many attributes")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--op", action="append", help="only this operator")
    parser.add_argument("--keep", help="folder for the cases; it is kept")
    options = parser.parse_args()
    names = options.op or sorted(MAKERS)
    if options.write:
        write_folder(names, options.cases, options.seed, options.write)
        return 0
    if not options.ops_run:
        parser.error("OPS_RUN or --write is expected")
    n_wrong = 0 if options.op else compare_tables(options.ops_run)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or temporary
        os.makedirs(folder, exist_ok=True)
        cases = make_cases(names, options.cases, options.seed, folder)
        run = subprocess.run([options.ops_run, f"{folder}/list"], stdout=subprocess.PIPE, text=True, check=True)
        answers = run.stdout.splitlines()
        n_refused = sum(want is None for _, _, want, _ in cases)
        for case, answer in zip(cases, answers, strict=True):
            difference = compare(case, answer)
            if difference:
                n_wrong += 1
                print(f"{case[0]} ({os.path.basename(case[1])}): {difference}")
    print(f"{len(cases)} cases, {n_refused} that MXNet refuses, {n_wrong} differences")
    return 1 if n_wrong else 0


if __name__ == "__main__":
    sys.exit(main())
