"""Random cases for tools/ops_against_mxnet.py: reductions, arrangement, indexing, sorting, products of matrices.

A maker takes a Case and returns a symbol of one operator; MAKERS names them.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np

FLOATS = ["float32", "float32", "float64"]
NUMBERS = [*FLOATS, "int32", "int64", "uint8", "int8"]


def signed(c, axis, n):
    """An axis counted from either end."""
    return int(axis - n if c.flip(0.3) else axis)


def axes(c, n):
    """Some axes of n, a bare one, none, or now and then one that is out of range."""
    if c.flip(0.05):
        return n + 1
    chosen = [signed(c, a, n) for a in c.rng.permutation(n)[: c.rng.randint(1, n + 1)]]
    return chosen[0] if len(chosen) == 1 and c.flip() else tuple(chosen)


def reduction(op):
    def make(c):
        shape, a = c.shape(), {}
        if c.flip(0.8):
            a["axis"] = axes(c, len(shape))
        for name in ("keepdims", "exclude"):
            if c.flip(0.3):
                a[name] = c.flip(0.8)
        # MXNet has no mean and product of integers that fit.
        dtype = c.pick(*FLOATS) if op in ("mean", "prod", "nanprod") else c.pick(*FLOATS, "int32", "int64")
        return c.symbol(op, c.variable("data", shape, dtype), **a)

    return make


def norm(c):
    shape, a = c.shape(), {"ord": c.pick(1, 2, 2, 3)}
    if c.flip(0.8):
        a["axis"] = axes(c, len(shape))
    if c.flip(0.3):
        a["keepdims"] = True
    dtype = c.pick(*FLOATS)
    # Another type than the data's is for MXNET_SAFE_ACCUMULATION=1.
    if c.flip(0.2):
        a["out_dtype"] = dtype
    return c.symbol("norm", c.variable("data", shape, dtype), **a)


def moments(c):
    shape = c.shape()
    return c.symbol("moments", c.variable("data", shape, c.pick(*FLOATS)), axes=axes(c, len(shape)), keepdims=c.flip(0.3))


def search(op):
    def make(c):
        shape, a = c.shape(), {}
        if c.flip(0.8):
            a["axis"] = signed(c, c.rng.randint(len(shape)), len(shape))
        if c.flip(0.3):
            a["keepdims"] = True
        return c.symbol(op, c.variable("data", shape, c.pick(*FLOATS, "int32")), **a)

    return make


def pick(c):
    shape, keepdims = c.shape(), c.flip(0.3)
    axis = c.rng.randint(len(shape))
    c.arrays["index"] = c.rng.randint(-3, 8, shape[:axis] + shape[axis + 1 :] or (1,)).astype(c.pick("float32", "int32"))
    a = {"axis": signed(c, axis, len(shape)), "mode": c.pick("clip", "wrap"), "keepdims": keepdims}
    return c.symbol("pick", c.variable("data", shape, c.pick(*NUMBERS)), c.var("index"), **a)


def ones_in(c, shape):
    return tuple(1 if c.flip(0.5) else d for d in shape)


def broadcast_to(c):
    shape = c.shape()
    to = tuple(0 if c.flip(0.2) else d for d in shape)
    if c.flip(0.1):
        to = (*to[:-1], 7)
    return c.symbol("broadcast_to", c.variable("data", ones_in(c, shape), c.pick(*NUMBERS)), shape=to)


def broadcast_axis(c):
    shape = list(c.shape())
    chosen = c.rng.permutation(len(shape))[: c.rng.randint(1, len(shape) + 1)]
    for a in chosen:
        shape[a] = 1
    sizes = tuple(int(d) for d in c.rng.randint(1, 5, len(chosen)))
    data = c.variable("data", tuple(shape), c.pick(*NUMBERS))
    return c.symbol("broadcast_axis", data, axis=tuple(int(a) for a in chosen), size=sizes)


def broadcast_like(c):
    shape = c.shape()
    inputs = [c.variable("lhs", ones_in(c, shape), c.pick(*NUMBERS)), c.variable("rhs", shape)]
    return c.symbol("broadcast_like", *inputs)


def reshape_like(c):
    return c.symbol("reshape_like", c.variable("lhs", (2, 3, 4)), c.variable("rhs", c.pick((4, 6), (24,), (2, 12), (5, 5))))


def squeeze(c):
    shape = ones_in(c, c.shape())
    a = {"axis": axes(c, len(shape))} if c.flip(0.4) else {}
    return c.symbol("squeeze", c.variable("data", shape, c.pick(*NUMBERS)), **a)


def stack(c):
    shape, n, dtype = c.shape(1, 4), c.rng.randint(1, 4), c.pick(*NUMBERS)
    axis = int(c.rng.randint(-len(shape) - 1, len(shape) + 1))
    return c.symbol("stack", *[c.variable(f"data{i}", shape, dtype) for i in range(n)], axis=axis, num_args=n)


def tile(c):
    # MXNet refuses more than five dimensions and repetitions together.
    reps = tuple(int(r) for r in c.rng.randint(1, 4, c.rng.randint(1, 3)))
    return c.symbol("tile", c.variable("data", c.shape(1, 3), c.pick(*NUMBERS)), reps=reps)


def repeat(c):
    shape = c.shape(1, 4)
    a = {"axis": int(c.rng.randint(-len(shape), len(shape)))} if c.flip(0.7) else {}
    return c.symbol("repeat", c.variable("data", shape, c.pick(*NUMBERS)), repeats=int(c.rng.randint(1, 4)), **a)


def reverse(c):
    shape = c.shape()
    chosen = tuple(int(a) for a in c.rng.permutation(len(shape))[: c.rng.randint(1, len(shape) + 1)])
    return c.symbol("reverse", c.variable("data", shape, c.pick(*NUMBERS)), axis=chosen)


def pad(c):
    mode = c.pick("constant", "edge", "reflect")
    shape = (2, 3, *(int(d) for d in c.rng.randint(3, 6, c.pick(2, 3))))
    widths = (0, 0, 0, 0, *(int(w) for w in c.rng.randint(0, 3, 2 * (len(shape) - 2))))
    a = {"constant_value": c.pick(0.5, -2)} if mode == "constant" else {}
    return c.symbol("Pad", c.variable("data", shape, c.pick(*FLOATS)), mode=mode, pad_width=widths, **a)


def diag(c):
    shape, a = c.shape(1, 4), {"k": int(c.rng.randint(-1, 2))}
    if len(shape) > 2:
        first, second = c.rng.permutation(len(shape))[:2]
        a.update(axis1=signed(c, first, len(shape)), axis2=int(second))
    if len(shape) > 1 and min(shape) < 2:
        a["k"] = 0
    return c.symbol("diag", c.variable("data", shape, c.pick(*FLOATS, "int32")), **a)


def blocks(op):
    def make(c):
        block = c.pick(1, 2, 3)
        n, channels, h, w = (int(d) for d in c.rng.randint(1, 4, 4))
        shape = (n, channels * block * block, h, w) if op == "depth_to_space" else (n, channels, h * block, w * block)
        return c.symbol(op, c.variable("data", shape, c.pick(*FLOATS, "int32")), block_size=block)

    return make


def split_v2(c):
    shape = c.shape(1, 4, 6)
    axis = c.rng.randint(len(shape))
    a = {"axis": signed(c, axis, len(shape)), "indices": ()}
    if c.flip():
        a["sections"] = int(c.rng.randint(1, shape[axis] + 1))
    else:
        a["indices"] = (0, *sorted(int(i) for i in c.rng.choice(range(1, shape[axis] + 1), c.rng.randint(1, 3))))
        if len(set(a["indices"])) < len(a["indices"]) or shape[axis] in a["indices"]:
            raise ValueError("empty parts")
    return c.symbol("_split_v2", c.variable("data", shape, c.pick(*NUMBERS)), **a)


def crop(c):
    inputs = [c.variable("data", (2, 3, 7, 8))]
    a = {"center_crop": True} if c.flip(0.3) else {"offset": (int(c.rng.randint(0, 4)), int(c.rng.randint(0, 4)))}
    size = (int(c.rng.randint(1, 8)), int(c.rng.randint(1, 9)))
    if c.flip():
        inputs.append(c.variable("like", (2, 1, *size)))
    else:
        a["h_w"] = size
    return c.symbol("Crop", *inputs, num_args=len(inputs), **a)


def shape_of(op):
    return lambda c: c.symbol(op, c.variable("data", c.shape(), c.pick(*NUMBERS)))


def created(op, **fixed):
    def make(c):
        a = {name: value(c) for name, value in fixed.items()}
        if op != "_contrib_arange_like" and c.flip():
            a["dtype"] = c.pick(*NUMBERS)
        return c.symbol(op, **a)

    return make


def arange_like(c):
    shape, a = c.shape(1, 3), {"start": c.pick(0, 1.5), "step": c.pick(1, 0.5, 2)}
    if c.flip():
        a["axis"] = int(c.rng.randint(-len(shape), len(shape)))
    return c.symbol("_contrib_arange_like", c.variable("data", shape, c.pick(*FLOATS, "float16")), **a)


def where(c):
    shape, dtype = c.shape(), c.pick(*NUMBERS)
    c.arrays["condition"] = c.rng.randint(0, 2, shape[:1] if c.flip(0.3) else shape).astype(c.pick("float32", "int32"))
    return c.symbol("where", c.var("condition"), c.variable("x", shape, dtype), c.variable("y", shape, dtype))


def take(c):
    shape, mode = c.shape(1, 4), c.pick("clip", "wrap")
    axis = c.rng.randint(len(shape))
    c.arrays["indices"] = c.rng.randint(-9, 9, c.shape(1, 2)).astype(c.pick("float32", "int32", "int64"))
    a = {"axis": signed(c, axis, len(shape)), "mode": mode}
    return c.symbol("take", c.variable("a", shape, c.pick(*NUMBERS)), c.var("indices"), **a)


def batch_take(c):
    shape = c.shape(2, 2)
    c.arrays["indices"] = c.rng.randint(-2, 7, shape[:1]).astype("int32")
    return c.symbol("batch_take", c.variable("a", shape, c.pick(*FLOATS)), c.var("indices"))


def embedding(op):
    def make(c):
        rows, columns = (int(d) for d in c.rng.randint(1, 6, 2))
        c.arrays["data"] = c.rng.randint(0, rows, c.shape(1, 3)).astype("float32")
        dtype = c.pick("float32", "float64")
        inputs = [c.var("data"), c.variable("weight", (rows, columns), dtype)]
        return c.symbol(op, *inputs, input_dim=rows, output_dim=columns, dtype=dtype)

    return make


def softmax_cross_entropy(c):
    rows, classes = (int(d) for d in c.rng.randint(1, 6, 2))
    dtype = c.pick(*FLOATS)
    c.arrays["label"] = c.rng.randint(0, classes, rows).astype(dtype)
    return c.symbol("softmax_cross_entropy", c.variable("data", (rows, classes), dtype), c.var("label"))


def straight_through(op):
    return lambda c: c.symbol(op, c.variable("data", c.shape(), c.pick(*FLOATS)))


def one_hot(c):
    c.arrays["indices"] = c.rng.randint(-1, 6, c.shape(1, 3)).astype(c.pick("float32", "int32"))
    a = {"on_value": c.pick(1, 2), "off_value": c.pick(0, -1)} if c.flip() else {}
    return c.symbol("one_hot", c.var("indices"), depth=int(c.rng.randint(1, 6)), dtype=c.pick("float32", "int32", "float64"), **a)


def columns_of(c, shape, n):
    """Indices of n positions along the first axes."""
    m = c.rng.randint(1, len(shape) + 1)
    return np.stack([c.rng.randint(0, shape[d], n) for d in range(m)]).astype(c.pick("int32", "float32"))


def gather_nd(c):
    shape = c.shape(1, 4)
    c.arrays["indices"] = columns_of(c, shape, 4)
    return c.symbol("gather_nd", c.variable("data", shape, c.pick(*NUMBERS)), c.var("indices"))


def scatter_nd(c):
    shape = c.shape(2, 4)
    places = c.rng.permutation(shape[0])
    c.arrays["indices"] = places[None].astype("int32")
    return c.symbol("scatter_nd", c.variable("data", (len(places), *shape[1:])), c.var("indices"), shape=shape)


def distinct(c, shape, dtype):
    """Numbers of which no two are equal, so that their order is one."""
    n = int(np.prod(shape))
    c.arrays["data"] = c.rng.permutation(n).reshape(shape).astype(dtype)
    return c.var("data")


def ordering(op):
    def make(c):
        shape, a = c.shape(1, 4, 4), {}
        axis = c.rng.randint(len(shape))
        if c.flip(0.8):
            a["axis"] = signed(c, axis, len(shape)) if c.flip(0.9) else None
        if c.flip():
            a["is_ascend"] = c.flip()
        if op == "topk":
            a["ret_typ"] = c.pick("both", "indices", "mask", "value")
            a["k"] = int(c.rng.randint(0, shape[axis] + 1))
        if op != "sort" and c.flip(0.3):
            a["dtype"] = c.pick("int32", "float64", "int64")
        return c.symbol(op, distinct(c, shape, c.pick(*FLOATS, "int32")), **a)

    return make


def dot(c):
    left, right = c.flip(0.3), c.flip(0.3)
    shapes = [c.shape(2, 3), c.shape(2, 3)]
    k = shapes[0][0 if left else -1]
    shapes[1] = (*shapes[1][:-1], k) if right else (k, *shapes[1][1:])
    dtype = c.pick("float32", "float64")
    inputs = [c.variable(name, shape, dtype) for name, shape in zip(("lhs", "rhs"), shapes, strict=True)]
    return c.symbol("dot", *inputs, transpose_a=left, transpose_b=right)


def batch_dot(c):
    left, right, dtype = c.flip(), c.flip(), c.pick("float32", "float64")
    b, m, k, n = (int(d) for d in c.rng.randint(1, 5, 4))
    inputs = [
        c.variable("lhs", (b, k, m) if left else (b, m, k), dtype),
        c.variable("rhs", (b, n, k) if right else (b, k, n), dtype),
    ]
    return c.symbol("batch_dot", *inputs, transpose_a=left, transpose_b=right)


def khatri_rao(c):
    k, n = int(c.rng.randint(1, 4)), int(c.rng.randint(1, 4))
    return c.symbol("khatri_rao", *[c.variable(f"m{i}", (int(c.rng.randint(1, 4)), k)) for i in range(n)], num_args=n)


def im2col(c):
    a = {"kernel": (2, 3), "stride": c.pick((1, 1), (2, 1)), "pad": c.pick((0, 0), (1, 1)), "dilate": c.pick((1, 1), (1, 2))}
    return c.symbol("im2col", c.variable("data", (2, 3, 6, 7)), **a)


def slice_assign(c):
    shape = c.shape(1, 4)
    begin = tuple(int(c.rng.randint(0, d)) for d in shape)
    end = tuple(int(c.rng.randint(b + 1, d + 1)) for b, d in zip(begin, shape, strict=True))
    part = tuple(e - b for b, e in zip(begin, end, strict=True))
    dtype = c.pick(*FLOATS, "int32")
    return c.symbol("_slice_assign", c.variable("lhs", shape, dtype), c.variable("rhs", part, dtype), begin=begin, end=end)


def slice_assign_scalar(c):
    shape = c.shape(1, 4)
    begin = tuple(int(c.rng.randint(0, d)) if c.flip() else None for d in shape)
    a = {"begin": begin, "end": (None,) * len(shape), "scalar": c.pick(0, 2.5)}
    return c.symbol("_slice_assign_scalar", c.variable("data", shape, c.pick(*FLOATS)), **a)


def scaled(op, **attributes):
    return lambda c: c.symbol(op, c.variable("data", c.shape(), c.pick(*FLOATS)), **attributes)


def all_close(c):
    shape = c.shape(1, 3)
    a = c.variable("a", shape, c.pick(*FLOATS))
    c.arrays["b"] = (c.arrays["a"] * (1 + c.pick(0, 1e-6, 1e-3))).astype(c.arrays["a"].dtype)
    if c.flip(0.2):
        c.arrays["a"].flat[0] = c.arrays["b"].flat[0] = np.nan
    given = {k: v for k, v in (("rtol", 1e-2), ("atol", 1e-4), ("equal_nan", c.flip())) if c.flip()}
    return c.symbol("_contrib_allclose", a, c.var("b"), **given)


def histogram(c):
    data = c.variable("data", c.shape(1, 3), c.pick("float32", "float64", "int32"))
    if c.flip():
        return c.symbol("_histogram", data, bin_cnt=int(c.rng.randint(1, 7)), range=c.pick((-2.0, 2.0), (0, 3)))
    c.arrays["bins"] = np.sort(c.rng.uniform(-3, 3, int(c.rng.randint(2, 6)))).astype(c.arrays["data"].dtype)
    return c.symbol("_histogram", data, c.var("bins"))


def ravel(op):
    def make(c):
        shape = c.shape(1, 4)
        n, dtype = c.shape(1, 1), c.pick("int32", "int64", "float32")
        if op == "_unravel_index":
            c.arrays["data"] = c.rng.randint(0, int(np.prod(shape)), n).astype(dtype)
        else:
            c.arrays["data"] = np.stack([c.rng.randint(0, d, n) for d in shape]).astype(dtype)
        return c.symbol(op, c.var("data"), shape=shape)

    return make


def attributes_of_right(c):
    shape, dtype = c.shape(1, 3), c.pick(*NUMBERS)
    return c.symbol("_identity_with_attr_like_rhs", c.variable("lhs", shape, dtype), c.variable("rhs", shape, dtype))


def amp_cast(c):
    return c.symbol("amp_cast", c.variable("data", c.shape(1, 4), c.pick("float32", "float16", "int32")), dtype=c.pick("float16", "float32"))


MAKERS = {
    "_contrib_allclose": all_close,
    "_histogram": histogram,
    **{op: ravel(op) for op in ("_ravel_multi_index", "_unravel_index")},
    "_identity_with_attr_like_rhs": attributes_of_right,
    "amp_cast": amp_cast,
    **{op: reduction(op) for op in ("sum", "mean", "prod", "nansum", "nanprod", "max", "min")},
    "norm": norm,
    "moments": moments,
    **{op: search(op) for op in ("argmax", "argmin")},
    "argmax_channel": lambda c: c.symbol("argmax_channel", c.variable("data", c.shape(2, 3))),
    "pick": pick,
    "broadcast_to": broadcast_to,
    "broadcast_axis": broadcast_axis,
    "broadcast_like": broadcast_like,
    "reshape_like": reshape_like,
    "squeeze": squeeze,
    "stack": stack,
    "tile": tile,
    "repeat": repeat,
    "reverse": reverse,
    "Pad": pad,
    "diag": diag,
    **{op: blocks(op) for op in ("depth_to_space", "space_to_depth")},
    "_split_v2": split_v2,
    "Crop": crop,
    **{op: shape_of(op) for op in ("shape_array", "size_array", "zeros_like", "ones_like", "_contrib_index_array")},
    **{op: created(op, shape=lambda c: c.shape()) for op in ("_zeros", "_ones")},
    "_full": created("_full", shape=lambda c: c.shape(), value=lambda c: c.pick(2, 3.5)),
    "_eye": created("_eye", N=lambda c: c.pick(1, 3), M=lambda c: c.pick(0, 4), k=lambda c: c.pick(-1, 0, 2)),
    "_arange": created("_arange", start=lambda c: c.pick(0, 1, 1.5), stop=lambda c: c.pick(5, 7), step=lambda c: c.pick(1, 2, 3, 1.5)),
    "_linspace": created("_linspace", start=lambda c: c.pick(0, 1), stop=lambda c: c.pick(5, 7), num=lambda c: c.pick(1, 3, 5)),
    "_contrib_arange_like": arange_like,
    "where": where,
    "take": take,
    "batch_take": batch_take,
    "Embedding": embedding("Embedding"),
    "_contrib_SparseEmbedding": embedding("_contrib_SparseEmbedding"),
    "softmax_cross_entropy": softmax_cross_entropy,
    "_contrib_round_ste": straight_through("_contrib_round_ste"),
    "_contrib_sign_ste": straight_through("_contrib_sign_ste"),
    "one_hot": one_hot,
    "gather_nd": gather_nd,
    "scatter_nd": scatter_nd,
    **{op: ordering(op) for op in ("topk", "sort", "argsort")},
    "dot": dot,
    "batch_dot": batch_dot,
    "khatri_rao": khatri_rao,
    "im2col": im2col,
    "_slice_assign": slice_assign,
    "_slice_assign_scalar": slice_assign_scalar,
    "smooth_l1": scaled("smooth_l1", scalar=2.0),
    "hard_sigmoid": scaled("hard_sigmoid", alpha=0.3),
    "_contrib_quadratic": scaled("_contrib_quadratic", a=2, b=-1, c=0.5),
    "_contrib_div_sqrt_dim": scaled("_contrib_div_sqrt_dim"),
    "_contrib_gradientmultiplier": scaled("_contrib_gradientmultiplier", scalar=3),
    "all_finite": scaled("all_finite"),
    "erfinv": lambda c: c.symbol("erfinv", c.variable("data", c.shape(), c.pick(*FLOATS), "unit")),
}
