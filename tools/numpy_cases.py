"""Random graphs of one numpy operator, for ops_against_mxnet.py.

Each maker draws inputs and attributes and returns a symbol. Element types and shapes that MXNet refuses are drawn as
well: it must be refused then.

SPDX-License-Identifier: Apache-2.0
"""

import ctypes
import json

import numpy as np
from mxnet.base import _LIB, check_call

import mxnet as mx

ANY = ["float32", "float32", "float64", "float16", "int32", "int64", "uint8", "int8", "bool"]
NUMBERS = ["float32", "float32", "float64", "float16", "int32", "int64", "uint8", "int8"]
FLOATS = ["float32", "float32", "float64"]

UNARY = {
    "": "absolute negative sign rint ceil floor trunc fix square cbrt exp expm1 sin cos arctan sinh cosh tanh arcsinh "
    "degrees radians bitwise_not logical_not isnan isinf isposinf isneginf isfinite",
    "positive": "reciprocal sqrt log log10 log2 log1p",
    "unit": "arcsin arccos arctanh tan",
    "large": "arccosh",
}
BINARY = (
    "add subtract multiply mod power true_divide copysign ldexp arctan2 hypot lcm bitwise_and bitwise_or bitwise_xor "
    "equal not_equal greater greater_equal less less_equal"
)
SCALAR = (
    "add subtract rsubtract multiply mod rmod power rpower true_divide rtrue_divide copysign rcopysign arctan2 rarctan2 "
    "ldexp rldexp lcm bitwise_and bitwise_or bitwise_xor equal not_equal greater greater_equal less less_equal"
)


def graph(op, names, n_outputs, is_numpy, attributes):
    """A graph of one operator over variables, its attributes as a file holds them."""
    nodes = [{"op": "null", "name": name, "inputs": []} for name in names]
    inputs = [[i, 0, 0] for i in range(len(names))]
    nodes.append({"op": op, "name": "op", "inputs": inputs, "attrs": {k: str(v) for k, v in attributes.items()}})
    whole = {"nodes": nodes, "arg_nodes": list(range(len(names))), "heads": [[len(names), i, 0] for i in range(n_outputs)]}
    whole["attrs"] = {"mxnet_version": ["int", 10901], "is_np_shape": ["int", int(is_numpy)]}
    return mx.sym.load_json(json.dumps(whole))


def node(op, n_inputs, n_outputs=1, **attributes):
    """A graph with numpy's semantics over variables in0, in1, ..."""
    return graph(op, [f"in{i}" for i in range(n_inputs)], n_outputs, True, attributes)


def run(s, values):
    """MXNet's outputs. The operator is called by itself: graphs cannot have shapes that depend on data, and want
    gradients."""
    graph = json.loads(s.tojson())
    call = graph["nodes"][-1]
    handle, attributes = ctypes.c_void_p(), call.get("attrs", {})
    check_call(_LIB.NNGetOpHandle(call["op"].encode(), ctypes.byref(handle)))
    inputs = [values[graph["nodes"][i[0]]["name"]] for i in call["inputs"]]
    invoke = mx.nd.register._imperative_invoke
    # MXNet assigns through a mask in place only.
    out = inputs[0] if "mask_assign" in call["op"] else None
    outputs = invoke(handle.value, inputs, list(attributes), list(attributes.values()), out, False, True)
    return [o.asnumpy() for o in (outputs if out is None else [out])]


def draw(c, shape, dtype, kind=""):
    """Values of a shape that may be () or have a 0."""
    if dtype == "bool":
        return c.rng.randint(0, 2, shape).astype(bool)
    return np.asarray(c.values(shape, dtype, kind)).reshape(shape)


def put(c, *arrays):
    for array in arrays:
        c.arrays[f"in{len(c.arrays)}"] = array
    return len(c.arrays)


def np_shape(c, low=0, high=4):
    """Sometimes a scalar, sometimes without elements."""
    shape = c.shape(max(low, 1), high) if low or c.flip(0.85) else ()
    return tuple(0 if c.flip(0.04) else d for d in shape)


def axis_of(c, shape, may_be_none=True):
    if may_be_none and c.flip(0.3):
        return None
    return int(c.rng.randint(-len(shape), len(shape))) if shape else 0


def first_axis(c, shape):
    """MXNet refuses to count from the end in some operators."""
    return c.pick(None, int(c.rng.randint(len(shape))))


def axes_of(c, shape):
    if c.flip(0.3):
        return None
    n = c.rng.randint(0, len(shape) + 1)
    axes = [int(a) - len(shape) * c.flip(0.3) for a in c.rng.permutation(len(shape))[:n]]
    return "(" + "".join(f"{a}," for a in axes) + ")"


def unary(op, kind):
    def make(c):
        # Without elements MXNet does not look at the type.
        shape, dtype = np_shape(c), c.pick(*ANY)
        if 0 in shape and dtype != "int32":
            dtype = "int32" if "bitwise" in op else "float32"
        return node(op, put(c, draw(c, shape, dtype, kind)))

    return make


def binary(op):
    def make(c):
        shape, left = np_shape(c), c.pick(*ANY)
        right = left if c.flip(0.6) else c.pick(*ANY)
        sides = [tuple(d if c.flip(0.7) else 1 for d in shape) for _ in range(2)]
        # What MXNet refuses here depends on whether shapes differ, so it is not followed.
        if op in ("_npi_subtract", "_npi_mod") and np.dtype(left).kind != "f" and np.dtype(right).kind != "f":
            left = right = "int32"
        if ("bitwise" in op or "lcm" in op) and left == "bool":
            left = right = "int64"
        short = c.rng.randint(2)
        sides[short] = sides[short][c.rng.randint(len(shape) + 1) :]
        kind = "positive" if op in ("_npi_mod", "_npi_power", "_npi_true_divide") else ""
        return node(op, put(c, draw(c, sides[0], left, kind), draw(c, sides[1], right, kind)))

    return make


def scalar(op):
    def make(c):
        # Where it takes booleans or a float, MXNet's lcm crashes.
        dtype = c.pick("int32", "int64", "uint8") if "lcm" in op else c.pick(*ANY)
        is_int = c.flip() or "lcm" in op
        number = c.pick(1, 2, 3) if is_int else c.pick(0.5, 1.5, 2.0, 0.1)
        kind = "positive" if "mod" in op or "power" in op or "divide" in op else ""
        return node(op, put(c, draw(c, np_shape(c), dtype, kind)), scalar=float(number), is_int=is_int)

    return make


def around(c):
    return node("_npi_around", put(c, draw(c, np_shape(c), c.pick(*FLOATS, "int32"))), decimals=c.pick(0, 0, 1, 2))


def nan_to_num(c):
    x = draw(c, np_shape(c), c.pick(*FLOATS, "float16", "int32"))
    if x.dtype.kind == "f" and x.size:
        x = np.where(c.rng.rand(*x.shape) < 0.3, c.pick(np.nan, np.inf, -np.inf), x).astype(x.dtype)
    a = {"nan": 1.5, "posinf": 7.0} if c.flip() else {}
    return node("_npi_nan_to_num", put(c, x), **a)


def where(c):
    # MXNet takes the larger of 0 and 1 here.
    shape, dtype = c.shape(), c.pick(*ANY)
    sides = [tuple(d if c.flip(0.8) else 1 for d in shape) for _ in range(3)]
    kind = c.pick("_npi_where", "_npi_where_lscalar", "_npi_where_rscalar", "_npi_where_scalar2")
    arrays = [draw(c, sides[0], c.pick("bool", "float32", "int64"))]
    if kind == "_npi_where_scalar2":
        return node(kind, put(c, *arrays), x=1.5, y=-2.0)
    arrays.append(draw(c, sides[1], dtype))
    if kind != "_npi_where":
        return node(kind, put(c, *arrays), scalar=3.0)
    return node(kind, put(c, *arrays, draw(c, sides[2], dtype)))


def reduction(op, dtypes, has_dtype=False, **attributes):
    def make(c):
        # Without elements MXNet leaves some results as they are in memory, or fails one call later.
        shape = np_shape(c) if dtypes is ANY else c.shape()
        a = {"axis": axes_of(c, shape), "keepdims": c.flip(), **attributes}
        if has_dtype and c.flip(0.4):
            a["dtype"] = c.pick("float32", "float64", "int32", "int64")
        return node(op, put(c, draw(c, shape, c.pick(*dtypes), "positive" if op == "_np_prod" else "")), **a)

    return make


def average(c):
    shape, dtype, a = c.shape(), c.pick(*FLOATS), {}
    a["axis"] = axes_of(c, shape)
    a["weighted"], a["returned"] = c.flip(0.7), False
    arrays = [draw(c, shape, dtype)]
    if a["weighted"]:
        arrays.append(draw(c, shape, dtype, "positive"))
    return node("_npi_average", put(c, *arrays), **a)


def percentile(c):
    shape = c.shape(1, 4)
    a = {"axis": axes_of(c, shape), "keepdims": c.flip()}
    a["interpolation"] = c.pick("linear", "lower", "higher", "midpoint", "nearest")
    arrays = [draw(c, shape, c.pick(*FLOATS, "int32"))]
    if c.flip():
        a["q_scalar"] = float(c.rng.randint(0, 101))
    else:
        arrays.append(c.rng.randint(0, 101, c.pick((), (3,))).astype("float32"))
    return node("_npi_percentile", put(c, *arrays), **a)


def search(op):
    def make(c):
        shape = np_shape(c)
        return node(op, put(c, draw(c, shape, c.pick(*NUMBERS))), axis=axis_of(c, shape), keepdims=c.flip())

    return make


def cumsum(c):
    shape = np_shape(c, 1)
    a = {"dtype": c.pick("float32", "float64", "int32")} if c.flip(0.3) else {}
    return node("_np_cumsum", put(c, draw(c, shape, c.pick("float32", "float64", "int32", "int64"))), axis=first_axis(c, shape), **a)


def created(op, **choices):
    """Attributes are drawn from lists; None is left out."""

    def make(c):
        drawn = {k: c.pick(*v) for k, v in choices.items()}
        dtype = c.pick("float32", "float32", "float64", "int32", "int64", "float16", "uint8")
        return node(op, 0, dtype=dtype, **{k: v for k, v in drawn.items() if v is not None})

    return make


def full_like(c):
    a = {"dtype": c.pick(*NUMBERS)} if c.flip() else {}
    return node("_npi_full_like", put(c, draw(c, np_shape(c), c.pick(*ANY))), fill_value=c.pick(0.0, 1.5, 2.0), **a)


def reshape(c):
    shape = np_shape(c, 1)
    new = [int(d) for d in c.rng.permutation(shape)]
    if c.flip(0.6):
        new[c.rng.randint(len(new))] = -1
    return node("_np_reshape", put(c, draw(c, shape, c.pick(*ANY))), newshape=tuple(new))


def npx_reshape(c):
    shape, codes = c.shape(1, 5), []
    for _ in range(c.rng.randint(1, 5)):
        codes += c.pick([-1], [-2], [-2], [-3], [-4], [-5], [-6, c.pick(1, 2, -1), c.pick(1, -1, 2)], [c.pick(1, 2, 6)])
    return node("_npx_reshape", put(c, draw(c, shape, "float32")), newshape=tuple(codes), reverse=c.flip(0.3))


def squeeze(c):
    shape = tuple(c.pick(1, 1, 3) for _ in range(c.rng.randint(1, 5)))
    return node("_np_squeeze", put(c, draw(c, shape, "float32")), axis=axes_of(c, shape) or None)


def at_least_dimensions(op):
    def make(c):
        n = int(c.rng.randint(1, 4))
        return node(op, put(c, *[draw(c, np_shape(c), "float32") for _ in range(n)]), n, num_args=n)

    return make


def joined(op, low, high, axis):
    """axis: which axis of the inputs may differ, None for a drawn one that is an attribute."""

    def make(c):
        shape, n = list(np_shape(c, low, high)), int(c.rng.randint(1, 4))
        a = {"num_args": n}
        drawn = axis_of(c, shape, False) if axis is None else min(axis, len(shape) - 1)
        if axis is None:
            a["axis"] = drawn
        arrays = []
        for _ in range(n):
            if shape and op != "_npi_stack" and drawn < len(shape):
                shape[drawn] = int(c.rng.randint(1, 4))
            arrays.append(draw(c, tuple(shape), "float32"))
        return node(op, put(c, *arrays), **a)

    return make


def split(op, axis):
    def make(c):
        shape = list(c.shape(axis + 1, 4))
        if c.flip():
            n = int(c.rng.randint(1, 4))
            shape[axis] = n * c.pick(1, 2)
            return node(op, put(c, draw(c, tuple(shape), "float32")), n, indices="()", axis=axis, sections=n)
        indices = (0, *sorted(int(i) for i in c.rng.randint(0, shape[axis] + 1, 2)))
        return node(op, put(c, draw(c, tuple(shape), "float32")), 3, indices=indices, axis=axis)

    return make


def transpose(c):
    shape = np_shape(c)
    axes = tuple(int(a) for a in c.rng.permutation(len(shape))) if c.flip() and shape else None
    return node("_np_transpose", put(c, draw(c, shape, c.pick(*NUMBERS))), axes=axes)


def moveaxis(c):
    shape = c.shape(1, 4)
    n = c.rng.randint(1, len(shape) + 1)
    axes = [tuple(int(a) for a in c.rng.permutation(len(shape))[:n]) for _ in range(2)]
    return node("_np_moveaxis", put(c, draw(c, shape, "float32")), source=axes[0], destination=axes[1])


def broadcast_to(c):
    shape = np_shape(c)
    source = tuple(d if c.flip() else 1 for d in shape)[c.rng.randint(len(shape) + 1) :]
    return node("_npi_broadcast_to", put(c, draw(c, source, c.pick(*NUMBERS))), shape=shape)


def flip(c):
    shape = c.shape(1, 4)
    return node("_npi_flip", put(c, draw(c, shape, c.pick(*NUMBERS))), axis=f"({c.rng.randint(len(shape))},)")


def rot90(c):
    shape = c.shape(2, 4)
    axes = tuple(int(a) for a in c.rng.permutation(len(shape))[:2])
    return node("_npi_rot90", put(c, draw(c, shape, c.pick(*NUMBERS))), k=int(c.rng.randint(-3, 5)), axes=axes)


def roll(c):
    shape = c.shape(1, 4)
    if c.flip(0.4):
        return node("_np_roll", put(c, draw(c, shape, "float32")), shift=f"({c.rng.randint(-7, 8)},)")
    axis = axis_of(c, shape, False)
    # MXNet reads outside the array where a shift to the left is longer than the axis.
    shift = c.rng.randint(-shape[axis] + 1, 8)
    return node("_np_roll", put(c, draw(c, shape, "float32")), shift=f"({shift},)", axis=f"({axis},)")


def pad(c):
    shape, mode = c.shape(2, 3), c.pick("constant", "edge", "reflect", "symmetric", "maximum", "minimum")
    widths = tuple((int(a), int(b)) for a, b in c.rng.randint(0, 6, (len(shape), 2)))
    a = {"constant_value": 2.5} if mode == "constant" else {}
    return node("_npi_pad", put(c, draw(c, shape, c.pick(*FLOATS, "int32"))), pad_width=widths, mode=mode, **a)


def diagonals(op):
    def make(c):
        flat = op in ("_np_diag", "_np_diagflat", "_npi_tril")
        shape = c.shape(1, 2) if flat else c.shape(2, 4)
        k = int(c.rng.randint(-3, 4))
        a = {"k": k} if flat else {"offset": k, "axis1": 0, "axis2": len(shape) - 1}
        return node(op, put(c, draw(c, shape, c.pick("float32", "float64", "int32"))), **a)

    return make


def diag_indices_from(c):
    n = int(c.rng.randint(1, 5))
    return node("_npi_diag_indices_from", put(c, draw(c, (n,) * c.pick(2, 3), "float32")))


def dot(c):
    k = int(c.rng.randint(1, 5))
    a, b = (*c.shape(1, 2), k)[c.rng.randint(3) :] or (k,), c.pick((k,), (k, 3), (2, k, 3))
    dtype = c.pick(*FLOATS)
    return node("_np_dot", put(c, draw(c, a, dtype), draw(c, b, dtype)))


def matmul(c):
    m, k, n = (int(d) for d in c.rng.randint(1, 5, 3))
    batch = c.shape(1, 2)
    a = c.pick((k,), (m, k), (*batch, m, k), (1, m, k))
    b = c.pick((k,), (k, n), (*batch, k, n))
    dtype = c.pick(*FLOATS)
    return node("_npi_matmul", put(c, draw(c, a, dtype), draw(c, b, dtype)))


def tensordot(c):
    shape, dtype = c.shape(2, 3), c.pick(*FLOATS)
    n = int(c.rng.randint(1, len(shape)))
    if c.flip():
        arrays = [draw(c, shape, dtype), draw(c, (*shape[-n:], 2), dtype)]
        return node("_npi_tensordot_int_axes", put(c, *arrays), axes=n)
    axes = tuple(int(a) for a in c.rng.permutation(len(shape))[:n])
    other = (*(shape[a] for a in axes), 3)
    arrays = [draw(c, shape, dtype), draw(c, other, dtype)]
    return node("_npi_tensordot", put(c, *arrays), a_axes_summed=axes, b_axes_summed=tuple(range(n)))


def einsum(c):
    sizes = {letter: int(c.rng.randint(1, 4)) for letter in "abcd"}
    text = c.pick("ab,bc->ac", "ab,bc", "aa->a", "aa", "abc->cb", "ab,ab,b->a", "a,b->ba", "...a,...a->...", "...ab,bc->...ac", "ba")
    arrays = []
    for term in text.split("->")[0].split(","):
        hidden = (2,) if "..." in term else ()
        arrays.append(draw(c, (*hidden, *(sizes[x] for x in term.replace("...", ""))), "float32"))
    return node("_npi_einsum", put(c, *arrays), num_args=len(arrays), subscripts=text)


def places(c, size):
    if c.flip():
        return {"int_ind": int(c.rng.randint(-size, size))}
    return {"start": c.pick(None, 0, -2, 1), "stop": c.pick(None, 2, -1, 9), "step": c.pick(1, 2, -1)}


def delete(c):
    shape = c.shape(1, 3)
    axis = axis_of(c, shape)
    size = int(np.prod(shape)) if axis is None else shape[axis]
    return node("_npi_delete", put(c, draw(c, shape, c.pick(*NUMBERS))), axis=axis, **places(c, size))


def insert(c):
    shape = c.shape(1, 3)
    axis = axis_of(c, shape)
    size = int(np.prod(shape)) if axis is None else shape[axis]
    at = places(c, size)
    seen = (size,) if axis is None else shape
    others = [d for i, d in enumerate(seen) if i != (axis or 0) % len(seen)]
    values = (int(c.rng.randint(1, 4)), *others)
    op = "_npi_insert_scalar"
    if "int_ind" not in at:
        op, values = "_npi_insert_slice", tuple(1 if i == (axis or 0) % len(seen) else d for i, d in enumerate(seen))
    return node(op, put(c, draw(c, shape, "float32"), draw(c, values, "float32")), axis=axis, **at)


def insert_tensor(c):
    shape = c.shape(1, 3)
    axis = axis_of(c, shape)
    seen = (int(np.prod(shape)),) if axis is None else shape
    at = (axis or 0) % len(seen)
    n = int(c.rng.randint(1, 4))
    values = tuple(c.pick(1, n) if i == at else d for i, d in enumerate(seen))
    obj = c.rng.randint(-seen[at], seen[at] + 1, (n,)).astype("int64")
    return node("_npi_insert_tensor", put(c, draw(c, shape, "float32"), draw(c, values, "float32"), obj), axis=axis)


def diff(c):
    shape = c.shape(1, 4)
    a = {"n": c.pick(0, 1, 1, 2, 3), "axis": axis_of(c, shape, False)}
    return node("_npi_diff", put(c, draw(c, shape, c.pick("float32", "float64", "int32", "int64"))), **a)


def ediff1d(c):
    dtype, arrays, a = c.pick(*FLOATS, "int32"), [], {}
    for end in ("begin", "end"):
        kind = c.pick("array", "scalar", "none")
        a[f"to_{end}_arr_given"] = kind == "array"
        if kind == "array":
            arrays.append(draw(c, c.shape(1, 2), dtype))
        elif kind == "scalar":
            a[f"to_{end}_scalar"] = 2.0
    return node("_npi_ediff1d", put(c, draw(c, c.shape(1, 3), dtype), *arrays), **a)


def polyval(c):
    dtype = c.pick(*NUMBERS)
    return node("_npi_polyval", put(c, draw(c, c.shape(1, 1), dtype), draw(c, c.shape(1, 3), dtype)))


def nonzero(c):
    return node("_npx_nonzero", put(c, draw(c, np_shape(c), c.pick(*ANY)).round()))


def bincount(c):
    n = int(c.rng.randint(1, 9))
    arrays = [c.rng.randint(0, 7, n).astype(c.pick("int32", "int64", "uint8"))]
    a = {"minlength": c.pick(0, 3, 9), "has_weights": c.flip()}
    if a["has_weights"]:
        arrays.append(draw(c, (n,), c.pick(*FLOATS)))
    return node("_npi_bincount", put(c, *arrays), **a)


def unique(c):
    shape = c.shape(1, 3, 3)
    a = {f"return_{what}": c.flip() for what in ("index", "inverse", "counts")}
    axis = axis_of(c, shape) if c.flip(0.7) else None
    data = c.rng.randint(0, 3, shape).astype(c.pick("float32", "float64", "int32", "int64"))
    return node("_npi_unique", put(c, data), 1 + sum(a.values()), axis=axis, **a)


def mask_assign(c):
    shape = c.shape(1, 3)
    start = int(c.rng.randint(0, len(shape)))
    end = int(c.rng.randint(start + 1, len(shape) + 1))
    mask = c.rng.randint(0, 2, shape[start:end]).astype(bool)
    data = draw(c, shape, c.pick(*FLOATS, "int32"))
    if c.flip() or not mask.any():
        return node("_npi_boolean_mask_assign_scalar", put(c, data, mask), value=2.0, start_axis=start)
    values = draw(c, c.pick((1,), (*shape[:start], int(mask.sum()), *shape[end:])), str(data.dtype))
    return node("_npi_boolean_mask_assign_tensor", put(c, data, mask, values), start_axis=start)


def delete_indices(c):
    shape = c.shape(1, 3)
    axis = axis_of(c, shape)
    size = int(np.prod(shape)) if axis is None else shape[axis]
    indices = c.rng.randint(-size, size, c.rng.randint(1, 4)).astype("int64")
    return node("_npi_delete", put(c, draw(c, shape, "float32"), indices), axis=axis)


def norm(c):
    shape = np_shape(c)
    axes = [int(d) - (len(shape) if c.flip(0.3) else 0) for d in c.rng.permutation(max(len(shape), 1))[: c.pick(1, 2)]]
    a = {"axis": tuple(axes) if c.flip(0.7) else None, "keepdims": c.flip()}
    a["flag"] = c.pick(-2, -1, -1, -1, 0, 1, 2)
    a["ord"] = 2 if a["flag"] > 0 else c.pick(2, -2, 1, -1, 0, 3, -2.5, 0.5, "inf", "-inf")
    return node("_npi_norm", put(c, draw(c, shape, c.pick(*NUMBERS))), **a)


def eigen(op, n_outputs):
    """Matrices that are similar to triangular ones, so that their eigenvalues are real; and some others."""

    def make(c):
        shape, n = np_shape(c, 0, 2), c.pick(1, 2, 3, 4, 6)
        a = draw(c, (*shape, n, n), "float64") + c.pick(0, 4) * np.eye(n)
        if c.flip(0.8):
            values = np.round(draw(c, (*shape, n, n), "float64") * 2) / 2
            a = np.linalg.pinv(a) @ np.triu(values) @ a if c.flip() else values + np.swapaxes(values, -1, -2)
        return node(op, put(c, a.astype(c.pick("float32", "float64", "float64", "int32", "int8"))), n_outputs)

    return make


def invertible(c, n, batch=()):
    return (draw(c, (*batch, n, n), "float64") + 4 * np.eye(n)).astype(c.pick("float32", "float64"))


def solve(c):
    n, batch = int(c.rng.randint(1, 5)), c.shape(1, 2) if c.flip() else ()
    a = invertible(c, n, batch)
    return node("_npi_solve", put(c, a, draw(c, (*batch, n, 2), str(a.dtype))))


def tensorinv(c):
    m, n = (int(d) for d in c.rng.randint(1, 4, 2))
    a = invertible(c, m * n)
    shape, ind = c.pick(((m * n, m, n), 1), ((m, n, m * n), 2), ((m, n, n, m), 2))
    return node("_npi_tensorinv", put(c, a.reshape(shape)), ind=ind)


def tensorsolve(c):
    m, n = (int(d) for d in c.rng.randint(1, 4, 2))
    a = invertible(c, m * n).reshape((m, n, m, n) if m * n > 1 or c.flip() else (1, 1))
    b = draw(c, (m, n) if m * n > 1 else (1,) * int(c.rng.randint(1, 6)), str(a.dtype))
    return node("_npi_tensorsolve", put(c, a, b), a_axes=c.pick("()", "None", "(0,)"))


def pinv(c):
    shape = (*np_shape(c, 0, 2), *c.shape(2, 2))
    a = draw(c, shape, c.pick("float32", "float64"))
    return node("_npi_pinv", put(c, a, np.full(shape[:-2], 1e-5, a.dtype)))


MAKERS = {
    "_npi_solve": solve,
    "_npi_tensorinv": tensorinv,
    "_npi_tensorsolve": tensorsolve,
    "_npi_pinv": pinv,
    "_npi_norm": norm,
    "_npi_eig": eigen("_npi_eig", 2),
    "_npi_eigvals": eigen("_npi_eigvals", 1),
    "_npx_nonzero": nonzero,
    "_npi_bincount": bincount,
    "_npi_unique": unique,
    "_npi_boolean_mask_assign": mask_assign,
    "_npi_delete_indices": delete_indices,
    **{f"_npi_{op}": unary(f"_npi_{op}", kind) for kind, ops in UNARY.items() for op in ops.split()},
    **{f"_npi_{op}": binary(f"_npi_{op}") for op in BINARY.split()},
    **{f"_npi_{op}_scalar": scalar(f"_npi_{op}_scalar") for op in SCALAR.split()},
    **{op: unary(op, "") for op in ("_npx_relu", "_npx_sigmoid", "_np_copy")},
    **{f"_np_{op}": reduction(f"_np_{op}", NUMBERS, True) for op in ("sum", "prod")},
    **{f"_np_{op}": reduction(f"_np_{op}", NUMBERS) for op in ("max", "min")},
    **{f"_np_{op}": reduction(f"_np_{op}", ANY) for op in ("any", "all")},
    "_npi_mean": reduction("_npi_mean", [*FLOATS, "int32"], True),
    **{f"_npi_{op}": reduction(f"_npi_{op}", FLOATS) for op in ("std", "var")},
    **{f"_npi_{op}": search(f"_npi_{op}") for op in ("argmax", "argmin")},
    **{f"_np_atleast_{n}d": at_least_dimensions(f"_np_atleast_{n}d") for n in (1, 2, 3)},
    **{op: diagonals(op) for op in ("_np_diag", "_np_diagflat", "_np_diagonal", "_np_trace", "_npi_tril")},
    "_npi_around": around,
    "_npi_nan_to_num": nan_to_num,
    "_npi_where": where,
    "_npi_average": average,
    "_npi_percentile": percentile,
    "_np_cumsum": cumsum,
    "_npi_zeros": created("_npi_zeros", shape=[(), (2, 3), (0, 2)]),
    "_npi_ones": created("_npi_ones", shape=[(), (2, 3), (4,)]),
    "_npi_identity": created("_npi_identity", shape=[(1, 1), (4, 4)]),
    "_npi_eye": created("_npi_eye", N=[0, 1, 3, 4], M=[None, 2, 5], k=[-2, 0, 1]),
    "_npi_arange": created("_npi_arange", start=[0, 1.5, -2], stop=[5, 7.2, -3], step=[1, 2, 0.5, -1]),
    "_npi_logspace": created("_npi_logspace", start=[0, 1], stop=[2, 3], num=[0, 1, 5], endpoint=[True, False], base=[2, 10]),
    "_npi_indices": created("_npi_indices", dimensions=[(2, 3), (4,), (2, 1, 3)]),
    **{f"_npi_{w}": created(f"_npi_{w}", M=[-1, 0, 1, 2, 9]) for w in ("hanning", "hamming", "blackman")},
    "_npi_full_like": full_like,
    "_np_reshape": reshape,
    "_npx_reshape": npx_reshape,
    "_np_squeeze": squeeze,
    "_npi_concatenate": joined("_npi_concatenate", 1, 4, None),
    "_npi_stack": joined("_npi_stack", 1, 3, None),
    "_npi_vstack": joined("_npi_vstack", 2, 4, 0),
    "_npi_hstack": joined("_npi_hstack", 1, 4, 1),
    "_npi_dstack": joined("_npi_dstack", 1, 4, 2),
    "_npi_column_stack": joined("_npi_column_stack", 2, 2, 1),
    "_npi_hsplit": split("_npi_hsplit", 1),
    "_npi_dsplit": split("_npi_dsplit", 2),
    "_np_transpose": transpose,
    "_np_moveaxis": moveaxis,
    "_npi_broadcast_to": broadcast_to,
    "_npi_flip": flip,
    "_npi_rot90": rot90,
    "_np_roll": roll,
    "_npi_pad": pad,
    "_npi_diag_indices_from": diag_indices_from,
    "_np_dot": dot,
    "_npi_matmul": matmul,
    "_npi_tensordot": tensordot,
    "_npi_einsum": einsum,
    "_npi_delete": delete,
    "_npi_insert": insert,
    "_npi_insert_tensor": insert_tensor,
    "_npi_diff": diff,
    "_npi_ediff1d": ediff1d,
    "_npi_polyval": polyval,
}
