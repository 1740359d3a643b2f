"""Random cases for tools/ops_against_mxnet.py: layers beyond the classics, images, boxes, anchors and regions.

A maker takes a Case and returns a symbol of one operator; MAKERS names them. An attribute is left out now and then, so
that defaults are compared too.

SPDX-License-Identifier: Apache-2.0
"""

import numpy as np
from numpy_cases import graph

FLOATS = ["float32", "float32", "float64"]


def some(c, **values):
    """Attributes, each left out half of the time; a list is a choice."""
    return {k: c.pick(*v) if isinstance(v, list) else v for k, v in values.items() if c.flip()}


def whole(c, low, high):
    return int(c.rng.randint(low, high + 1))


def given(c, name, values, dtype="float32"):
    c.arrays[name] = np.asarray(values).astype(dtype)
    return c.var(name)


def window(c, n, dilates=True):
    kernel = tuple(whole(c, 1, 3) for _ in range(n))
    a = some(c, stride=[(1,) * n, (2,) * n, tuple(whole(c, 1, 3) for _ in range(n))],
             pad=[tuple(whole(c, 0, k - 1) for k in kernel)])
    if dilates and c.flip(0.3):
        a["dilate"] = tuple(whole(c, 1, 2) for _ in range(n))
    return {"kernel": kernel, **a}


def images(c, channels=None, largest=7):
    return whole(c, 1, 2), channels or whole(c, 1, 4), whole(c, 3, largest), whole(c, 3, largest)


# Windows.


def convolution_v1(c):
    groups, a = c.pick(1, 1, 2), window(c, 2)
    channels, filters, no_bias = groups * whole(c, 1, 3), groups * whole(c, 1, 3), c.flip()
    inputs = [c.variable("data", images(c, channels)), c.variable("weight", (filters, channels // groups, *a["kernel"]))]
    if not no_bias:
        inputs.append(c.variable("bias", (filters,)))
    return c.symbol("Convolution_v1", *inputs, num_filter=filters, num_group=groups, no_bias=no_bias, **a)


def pooling_v1(c):
    a = {**window(c, 2, False), **some(c, pool_type=["max", "avg", "sum"], pooling_convention=["valid", "full"])}
    if c.flip(0.2):
        a["global_pool"] = True
    return c.symbol("Pooling_v1", c.variable("data", images(c), c.pick(*FLOATS)), **a)


def upsampling(c):
    scale, kind = whole(c, 1, 3), c.pick("nearest", "nearest", "bilinear")
    shape = images(c, None, 4)
    if kind == "bilinear":
        side = 2 * scale - scale % 2
        inputs = [c.variable("data", shape), c.variable("weight", (shape[1], 1, side, side))]
        return c.symbol("UpSampling", *inputs, scale=scale, sample_type=kind, num_filter=shape[1], num_args=c.pick(1, 2))
    n, mode = whole(c, 1, 3), c.pick("concat", "sum")
    inputs = []
    for i in range(n):
        factor = c.pick(1, 2) if i else 1
        channels = shape[1] if mode == "sum" else whole(c, 1, 3)
        size = [max(d * scale // (scale * factor), 1) for d in shape[2:]]
        inputs.append(c.variable(f"in{i}", (shape[0], channels, *size)))
    return c.symbol("UpSampling", *inputs, scale=scale, sample_type=kind, num_args=n, multi_input_mode=mode)


def correlation(c):
    shape = (whole(c, 1, 2), whole(c, 1, 3), whole(c, 5, 9), whole(c, 5, 9))
    a = some(c, kernel_size=[1, 3], max_displacement=[0, 1, 2, 3], stride1=[1, 2], stride2=[1, 2], pad_size=[0, 1, 2, 3],
             is_multiply=[True, False])
    return c.symbol("Correlation", c.variable("data1", shape), c.variable("data2", shape), **a)


def deformable(op):
    def make(c):
        groups, parts, a = c.pick(1, 1, 2), c.pick(1, 1, 2), window(c, 2)
        channels, filters, no_bias = 2 * groups, groups * whole(c, 1, 2), c.flip()
        data, (kh, kw) = images(c, channels), a["kernel"]
        pad, stride, dilate = (a.get(k, (d, d)) for k, d in (("pad", 0), ("stride", 1), ("dilate", 1)))
        size = [(data[2 + i] + 2 * pad[i] - dilate[i] * (a["kernel"][i] - 1) - 1) // stride[i] + 1 for i in range(2)]
        inputs = [c.variable("data", data), c.variable("offset", (data[0], 2 * parts * kh * kw, *size))]
        if "Modulated" in op:
            inputs.append(c.variable("mask", (data[0], parts * kh * kw, *size)))
        inputs.append(c.variable("weight", (filters, channels // groups, kh, kw)))
        if not no_bias:
            inputs.append(c.variable("bias", (filters,)))
        return c.symbol(op, *inputs, num_filter=filters, num_group=groups, num_deformable_group=parts, no_bias=no_bias, **a)

    return make


def adaptive_pooling(c):
    a = some(c, output_size=[(whole(c, 1, 4),), (whole(c, 1, 4), whole(c, 1, 4)), ()])
    return c.symbol("_contrib_AdaptiveAvgPooling2D", c.variable("data", images(c), c.pick(*FLOATS)), **a)


def bilinear_resize(c):
    mode = c.pick("size", "size", "odd_scale", "like", "to_even_down", "to_even_up", "to_odd_down", "to_odd_up")
    a, inputs = some(c, align_corners=[True, False]), [c.variable("data", images(c))]
    if mode == "like":
        inputs.append(c.variable("like", images(c)))
    if mode == "odd_scale" or (mode == "size" and c.flip(0.4)):
        a.update(scale_height=c.pick(0.5, 2, 1.5), scale_width=c.pick(0.6, 2, 3))
    elif mode == "size":
        a.update(height=whole(c, 1, 8), width=whole(c, 1, 8))
    return c.symbol("_contrib_BilinearResize2D", *inputs, mode=mode, **a)


def col2im(c):
    a, size = window(c, 2), (whole(c, 5, 7), whole(c, 5, 7))
    pad, stride, dilate = (a.get(k, (d, d)) for k, d in (("pad", 0), ("stride", 1), ("dilate", 1)))
    columns = [(size[i] + 2 * pad[i] - dilate[i] * (a["kernel"][i] - 1) - 1) // stride[i] + 1 for i in range(2)]
    shape = (whole(c, 1, 2), 2 * int(np.prod(a["kernel"])), int(np.prod(columns)))
    return c.symbol("col2im", c.variable("data", shape), output_size=size, **a)


# Norms.


def lrn(c):
    a = some(c, alpha=[1e-4, 0.1, 1], beta=[0.75, 0.5], knorm=[2, 1])
    return c.symbol("LRN", c.variable("data", images(c, whole(c, 1, 7)), c.pick(*FLOATS)), nsize=c.pick(1, 3, 5), **a)


def layer_norm(c):
    shape, dtype = c.shape(1, 4), c.pick(*FLOATS, "float16")
    a = some(c, axis=[int(c.rng.randint(-len(shape), len(shape)))], eps=[1e-5, 1e-2])
    if c.flip(0.2):
        a["output_mean_var"] = True
    n = shape[a.get("axis", -1)]
    inputs = [c.variable("data", shape, dtype), c.variable("gamma", (n,), dtype), c.variable("beta", (n,), dtype)]
    return c.symbol("LayerNorm", *inputs, **a)


def group_norm(c):
    groups = whole(c, 1, 3)
    shape = (whole(c, 1, 3), groups * whole(c, 1, 3), *c.shape(0, 2))
    a = some(c, eps=[1e-5, 1e-2])
    if c.flip(0.2):
        a["output_mean_var"] = True
    if groups > 1 or c.flip():
        a["num_groups"] = groups
    inputs = [c.variable("data", shape), c.variable("gamma", (groups,)), c.variable("beta", (groups,))]
    return c.symbol("GroupNorm", *inputs, **a)


def instance_norm(c):
    shape = c.shape(3, 5)
    inputs = [c.variable("data", shape), c.variable("gamma", shape[1:2]), c.variable("beta", shape[1:2])]
    return c.symbol("InstanceNorm", *inputs, **some(c, eps=[1e-5, 1e-2]))


def batch_norm(op):
    def make(c):
        shape = c.shape(2, 4)
        a = some(c, fix_gamma=[True, False], eps=[1e-5, 2e-5, 1e-2], use_global_stats=[True, False])
        # MXNet does not write those of SyncBatchNorm.
        if op == "BatchNorm_v1" and c.flip():
            a["output_mean_var"] = True
        inputs = [c.variable("data", shape), c.variable("gamma", shape[1:2]), c.variable("beta", shape[1:2])]
        given(c, "bn_moving_mean", c.rng.standard_normal(shape[1]))
        given(c, "bn_moving_var", c.rng.uniform(0.1, 3, shape[1]))
        return c.symbol(op, *inputs, name="bn", **a, **({"key": "bn"} if "Sync" in op else {}))

    return make


# Sequences and recurrence.


def sequence(op):
    def make(c):
        shape = c.shape(2, 4)
        a, axis = {}, 0
        if c.flip():
            axis = a["axis"] = c.pick(0, 1)
        if op == "SequenceReverse":
            axis = 0
            a = {}
        if op == "SequenceMask" and c.flip():
            a["value"] = c.pick(-1, 0.5)
        inputs = [c.variable("data", shape, c.pick(*FLOATS, "int32"))]
        if c.flip(0.7):
            inputs.append(given(c, "length", c.rng.randint(1, shape[axis] + 1, shape[1 - axis]), c.pick("float32", "int32")))
            a["use_sequence_length"] = True
        return c.symbol(op, *inputs, **a)

    return make


def rnn(c):
    """Without projection, clipping and lengths, which MXNet has with cuDNN alone."""
    mode, layers, both = c.pick("rnn_relu", "rnn_tanh", "lstm", "gru"), whole(c, 1, 3), c.flip(0.4)
    gates, directions = {"lstm": 4, "gru": 3}.get(mode, 1), 2 if both else 1
    steps, batch, width, state = whole(c, 1, 4), whole(c, 1, 3), whole(c, 1, 4), whole(c, 1, 4)
    widths = [width] + [directions * state] * (layers - 1)
    n = sum(directions * gates * state * (w + state + 2) for w in widths)
    arrays = [c.variable("data", (steps, batch, width)), c.variable("parameters", (n,))]
    arrays += [c.variable(name, (layers * directions, batch, state)) for name in ("state", "state_cell")[: 2 if mode == "lstm" else 1]]
    a = {"mode": mode, "num_layers": layers, "state_size": state, "bidirectional": both}
    return c.symbol("RNN", *arrays, **a, **some(c, p=0.3, state_outputs=True))


def quantized_rnn(c):
    """MXNet wants DNNL_MAX_CPU_ISA=AVX512_CORE where a CPU has more. Sums of two products stay in int16 there, so numbers are small."""
    layers, both = whole(c, 1, 3), c.flip(0.4)
    steps, batch, width, state = whole(c, 1, 4), whole(c, 1, 3), whole(c, 1, 5), whole(c, 1, 5)
    directions = 2 if both else 1
    # MXNet reads beyond the parameters where the first layer has many inputs.
    width = state if c.flip(0.2) else min(width, state)
    widths = [width] + [directions * state] * (layers - 1)
    n = sum(directions * 4 * state * (w + state + 2) for w in widths)
    given(c, "data", c.rng.randint(0, 128, (steps, batch, width)), "uint8")
    given(c, "parameters", c.rng.uniform(-0.5, 0.5, n))
    for name in ("state", "state_cell"):
        given(c, name, c.rng.uniform(-0.9, 0.9, (layers * directions, batch, state)))
    given(c, "data_scale", [c.pick(50.0, 60.0)])
    given(c, "data_shift", [c.pick(60.0, 64.0, 62.5)])
    a = {"mode": "lstm", "num_layers": layers, "state_size": state, "bidirectional": both, **some(c, p=0.3, state_outputs=True)}
    # MXNet composes it by other names than it documents.
    return graph("_contrib_quantized_rnn", list(c.arrays), 3 if "state_outputs" in a else 1, False, a)


def rnn_param_concat(c):
    shapes = [(whole(c, 1, 5),) for _ in range(whole(c, 1, 4))]
    return c.symbol("_rnn_param_concat", *[c.variable(f"in{i}", s) for i, s in enumerate(shapes)], dim=0, num_args=len(shapes))


def ctc_loss(c):
    steps, batch, classes, longest = whole(c, 3, 7), whole(c, 1, 3), whole(c, 3, 5), whole(c, 1, 3)
    last = c.flip()
    a, label = {"blank_label": "last"} if last else {}, np.zeros((batch, longest))
    for row in label:
        row[:] = -1 if last else 0
        n = whole(c, 1, longest)
        row[:n] = c.rng.randint(0 if last else 1, classes - (1 if last else 0), n)
    inputs, dtype = {"data": c.variable("data", (steps, batch, classes)), "label": given(c, "label", label)}, "float32"
    if c.flip(0.4):
        a["use_data_lengths"] = True
        inputs["data_lengths"] = given(c, "data_lengths", c.rng.randint(1, steps + 1, batch), dtype)
    if c.flip(0.4):
        a["use_label_lengths"] = True
        inputs["label_lengths"] = given(c, "label_lengths", c.rng.randint(1, longest + 1, batch), dtype)
    return c.symbol("CTCLoss", **inputs, **a)


def attention(op):
    """Interleaved heads: queries, keys and values of one projection stand side by side. Scores do not want columns for
    all heads alike."""

    def make(c):
        heads, width, batch, queries, keys = (whole(c, 1, 4) for _ in range(5))
        queries, parts = (keys, 3) if "selfatt" in op else (queries, 2)
        columns = heads * width + (c.pick(0, 0, 1) if op.endswith("qk") else 0)
        projected = c.variable("projected", (keys, batch, columns * parts))
        inputs = [projected]
        if op == "encdec_qk":
            inputs.insert(0, c.variable("queries", (queries, batch, columns)))
        if "valatt" in op:
            inputs.append(c.variable("attention", (batch * heads, queries, keys)))
        return c.symbol("_contrib_interleaved_matmul_" + op, *inputs, heads=heads)

    return make


def hawkes(c):
    n, k, t = whole(c, 1, 3), whole(c, 1, 3), whole(c, 1, 5)
    positive = [c.variable(name, shape, "float32", "positive") for name, shape in
                (("lda", (n, k)), ("alpha", (k,)), ("beta", (k,)), ("state", (n, k)), ("lags", (n, t)))]
    return c.symbol("_contrib_hawkesll", *positive, given(c, "marks", c.rng.randint(0, k, (n, t)), "int32"),
                    given(c, "valid_length", c.rng.randint(0, t + 1, n)), given(c, "max_time", np.full(n, 100.0)))


# Sampling.


def grid_generator(c):
    if c.flip():
        return c.symbol("GridGenerator", c.variable("data", (whole(c, 1, 3), 6)), transform_type="affine",
                        target_shape=(whole(c, 2, 5), whole(c, 2, 5)))
    return c.symbol("GridGenerator", c.variable("data", (whole(c, 1, 3), 2, whole(c, 2, 5), whole(c, 2, 5))), transform_type="warp")


def bilinear_sampler(c):
    shape, dtype = images(c), c.pick(*FLOATS)
    grid = c.rng.uniform(-1.3, 1.3, (shape[0], 2, whole(c, 1, 5), whole(c, 1, 5)))
    return c.symbol("BilinearSampler", c.variable("data", shape, dtype), given(c, "grid", grid, dtype))


def spatial_transformer(c):
    shape = images(c)
    a = {"target_shape": (whole(c, 2, 5), whole(c, 2, 5))}
    return c.symbol("SpatialTransformer", c.variable("data", shape), c.variable("loc", (shape[0], 6)),
                    transform_type="affine", sampler_type="bilinear", **a)


# Boxes.


def corners(c, *shape):
    """Boxes whose first corner comes first."""
    first = c.rng.uniform(0, 0.6, (*shape, 2))
    return np.concatenate([first, first + c.rng.uniform(0.05, 0.5, (*shape, 2))], -1)


def box_nms(c):
    shape, width = c.shape(1, 3, 6), c.pick(6, 6, 7)
    n = (*shape[:-1], whole(c, 2, 8)) if c.flip() else shape
    boxes = corners(c, *n)
    score, kind = c.rng.permutation(int(np.prod(n))).reshape(n) / 20, c.rng.randint(-1, 3, n)
    extra = c.rng.rand(*n, width - 6)
    data = np.concatenate([kind[..., None], score[..., None], boxes, extra], -1)
    a = some(c, overlap_thresh=[0.3, 0.5, 0.7], valid_thresh=[0.0, 0.1], topk=[-1, 2, 3, 100], id_index=[0], background_id=[-1, 0],
             force_suppress=[True, False], in_format=["corner", "center"], out_format=["corner", "center"])
    return c.symbol("_contrib_box_nms", given(c, "data", data, c.pick(*FLOATS)), **a)


def box_iou(c):
    left, right = (given(c, name, corners(c, *c.shape(0, 2, 4))) for name in ("lhs", "rhs"))
    return c.symbol("_contrib_box_iou", left, right, **some(c, format=["corner", "center"]))


def box_encode(c):
    b, n, m = whole(c, 1, 2), whole(c, 1, 4), whole(c, 1, 3)
    return c.symbol("_contrib_box_encode", given(c, "samples", c.rng.randint(-1, 2, (b, n))), given(c, "matches", c.rng.randint(0, m, (b, n))),
                    given(c, "anchors", corners(c, b, n)), given(c, "refs", corners(c, b, m)), c.variable("means", (4,)),
                    c.variable("stds", (4,), "float32", "positive"))


def box_decode(c):
    b, n = whole(c, 1, 2), whole(c, 1, 4)
    a = some(c, std0=0.1, std1=0.2, std2=0.3, std3=0.4, clip=[-1, 0.3, 2], format=["corner", "center"])
    return c.symbol("_contrib_box_decode", c.variable("data", (b, n, 4)), given(c, "anchors", corners(c, 1, n)), **a)


def bipartite_matching(c):
    shape = c.shape(2, 3)
    numbers = c.rng.permutation(int(np.prod(shape))).reshape(shape) / 30
    return c.symbol("_contrib_bipartite_matching", given(c, "data", numbers), threshold=c.pick(1e-12, 0.2, 0.5),
                    **some(c, is_ascend=[True, False], topk=[-1, 1, 2]))


def multibox_prior(c):
    shape = (1, whole(c, 1, 2), whole(c, 1, 4), whole(c, 1, 4))
    a = some(c, sizes=[(0.5,), (0.2, 0.4, 0.9)], ratios=[(1,), (1, 2, 0.5), (3, 0.3)], clip=[True, False],
             steps=[(0.2, 0.3), (-1, -1)], offsets=[(0.5, 0.5), (0.2, 0.7)])
    return c.symbol("_contrib_MultiBoxPrior", c.variable("data", shape), **a)


def multibox_detection(c):
    b, classes, n = whole(c, 1, 2), whole(c, 2, 4), whole(c, 1, 8)
    scores = c.rng.permutation(b * classes * n).reshape(b, classes, n) / (b * classes * n)
    a = some(c, clip=[True, False], threshold=[0.01, 0.3], nms_threshold=[0.2, 0.5, 0.9], force_suppress=[True, False],
             variances=[(0.1, 0.1, 0.2, 0.2), (1, 0.5, 0.1, 0.3)], nms_topk=[-1, 2, 4])
    return c.symbol("_contrib_MultiBoxDetection", given(c, "cls_prob", scores), c.variable("loc_pred", (b, 4 * n)),
                    given(c, "anchor", corners(c, 1, n)), **a)


def multibox_target(c):
    b, classes, n, objects = whole(c, 1, 2), whole(c, 2, 4), whole(c, 2, 8), whole(c, 1, 3)
    label = np.concatenate([c.rng.randint(0, classes - 1, (b, objects, 1)), corners(c, b, objects)], -1)
    label[0, whole(c, 1, objects) :] = -1
    a = some(c, overlap_threshold=[0.3, 0.5, 0.7], ignore_label=[-1, 7], variances=[(0.1, 0.1, 0.2, 0.2), (1, 0.5, 0.1, 0.3)])
    if c.flip(0.4):
        a.update(negative_mining_ratio=c.pick(1, 3), negative_mining_thresh=c.pick(0.3, 0.5), minimum_negative_samples=c.pick(0, 1))
    return c.symbol("_contrib_MultiBoxTarget", given(c, "anchor", corners(c, 1, n)), given(c, "label", label),
                    c.variable("cls_pred", (b, classes, n)), **a)


# Regions.


def rois(c, batch, n, size):
    first = c.rng.uniform(-1, size - 2, (n, 2))
    return np.concatenate([c.rng.randint(0, batch, (n, 1)), first, first + c.rng.uniform(0, size, (n, 2))], -1)


def regions(op):
    def make(c):
        shape, n = images(c, c.pick(1, 2, 4)), whole(c, 1, 4)
        a = {"pooled_size": (whole(c, 1, 3), whole(c, 1, 3)), "spatial_scale": c.pick(1.0, 0.5, 0.25)}
        boxes = rois(c, shape[0], n, shape[2] / a["spatial_scale"])
        if op == "ROIPooling":
            boxes = np.round(np.abs(boxes))
        if op == "_contrib_ROIAlign":
            a.update(some(c, sample_ratio=[-1, 1, 2, 3], aligned=[True, False]))
            if c.flip(0.2):
                shape = (shape[0], int(np.prod(a["pooled_size"])) * whole(c, 1, 2), *shape[2:])
                a["position_sensitive"] = True
        if op == "_contrib_RROIAlign":
            boxes = np.concatenate([np.abs(boxes), c.rng.uniform(-180, 180, (n, 1))], -1)
            a.update(some(c, sampling_ratio=[-1, 1, 2]))
        return c.symbol(op, c.variable("data", shape), given(c, "rois", boxes), **a)

    return make


def psroi_pooling(c):
    pooled, out, groups = whole(c, 1, 3), whole(c, 1, 2), whole(c, 1, 3)
    a = {"spatial_scale": c.pick(1.0, 0.5), "output_dim": out, "pooled_size": pooled}
    if c.flip():
        a["group_size"] = groups
    else:
        groups = pooled
    shape = images(c, out * groups * groups)
    return c.symbol("_contrib_PSROIPooling", c.variable("data", shape), given(c, "rois", np.abs(rois(c, shape[0], 3, 6))), **a)


def deformable_psroi(c):
    pooled, out, groups, n, plain = whole(c, 1, 3), whole(c, 1, 2), whole(c, 1, 3), whole(c, 1, 3), c.flip(0.4)
    shape = images(c, out * groups * groups)
    a = {"spatial_scale": c.pick(1.0, 0.5), "output_dim": out, "pooled_size": pooled, "group_size": groups,
         **some(c, sample_per_part=[1, 2, 3], trans_std=[0.1, 0.5])}
    part = c.pick(0, pooled)
    if part:
        a["part_size"] = part
    inputs = [c.variable("data", shape), given(c, "rois", np.abs(rois(c, shape[0], n, 6)))]
    if plain:
        a["no_trans"] = True
    else:
        inputs.append(c.variable("trans", (n, 2 * c.pick(1, out), part or pooled, part or pooled)))
    return c.symbol("_contrib_DeformablePSROIPooling", *inputs, **a)


def proposal(op):
    def make(c):
        b, h, w = 1 if op == "_contrib_Proposal" else whole(c, 1, 3), whole(c, 1, 4), whole(c, 1, 4)
        a = {"scales": c.pick((2, 4), (8,)), "ratios": c.pick((1,), (0.5, 2)), "feature_stride": c.pick(8, 16), "rpn_min_size": c.pick(0, 4, 16),
             "rpn_pre_nms_top_n": c.pick(6, 100), "rpn_post_nms_top_n": c.pick(3, 8), **some(c, threshold=[0.3, 0.7], output_score=True)}
        if c.flip(0.2):
            a["iou_loss"] = True
        k = len(a["scales"]) * len(a["ratios"])
        scores = c.rng.permutation(b * 2 * k * h * w).reshape(b, 2 * k, h, w) / (2 * b * k * h * w)
        info = np.stack([[h * a["feature_stride"], w * a["feature_stride"], c.pick(1, 1.5)] for _ in range(b)])
        deltas = c.rng.standard_normal((b, 4 * k, h, w)) * 0.3
        return c.symbol(op, given(c, "cls_prob", scores), given(c, "bbox_pred", deltas), given(c, "im_info", info), **a)

    return make


# Images, outputs.


def picture(c, dtype=None):
    batch = (whole(c, 1, 2),) if c.flip(0.4) else ()
    shape, dtype = (*batch, whole(c, 2, 6), whole(c, 2, 6), c.pick(1, 3)), dtype or c.pick("uint8", "float32")
    numbers = c.rng.randint(0, 256, shape) if dtype == "uint8" else c.rng.rand(*shape)
    return shape, given(c, "data", numbers, dtype)


def image_flip(op):
    """Of even sides: MXNet does not write the middle of odd ones."""

    def make(c):
        dtype = c.pick("uint8", "float32")
        return c.symbol(op, given(c, "data", c.rng.randint(0, 256, (2 * whole(c, 1, 3), 2 * whole(c, 1, 3), c.pick(1, 3))), dtype))

    return make


def image_crop(c):
    shape, data = picture(c)
    x, y = whole(c, 0, shape[-2] - 1), whole(c, 0, shape[-3] - 1)
    return c.symbol("_image_crop", data, x=x, y=y, width=whole(c, 1, shape[-2] - x), height=whole(c, 1, shape[-3] - y))


def image_normalize(c):
    channels = c.pick(1, 3)
    shape = (*((2,) if c.flip(0.4) else ()), channels, whole(c, 1, 4), whole(c, 1, 4))
    a = some(c, mean=[0.5, (0.1, 0.2, 0.3)[:channels]], std=[2.0, (0.5, 0.25, 2.0)[:channels]])
    return c.symbol("_image_normalize", c.variable("data", shape), **a)


def to_resize(c):
    """An image, and numbers that it shrinks or grows to; often by a whole factor. MXNet's copy of the nearest pixel has no
    code for bytes of more than four channels, and in a batch it does not survive area of so many."""
    side, channels = whole(c, 1, 20), c.pick(1, 3, 3, 4, 2, 5)
    shape, dtype = (side, c.pick(side, whole(c, 1, 20)), channels), c.pick("uint8", "uint8", "float32", "float64")
    interp = whole(c, 0, 5)
    if interp in (0, 3) and channels > 4:
        raise ValueError("not for OpenCV")
    if c.flip(0.3):
        shape = (whole(c, 1, 2), *shape)
    data = given(c, "data", c.rng.randint(0, 256, shape) / (1 if dtype == "uint8" else c.pick(1, 255)), dtype)
    height, width = shape[-3], shape[-2]
    to = c.pick((height // 2, width // 2), (height // 3, width // 2), (2 * height, 3 * width),
                (whole(c, 1, 25), whole(c, 1, 25)))
    return data, (max(to[0], 1), max(to[1], 1)), {} if interp == 1 and c.flip() else {"interp": interp}


def image_resize(c):
    data, (height, width), a = to_resize(c)
    size = c.pick((width, height), (width, height), (width,), height)
    return c.symbol("_image_resize", data, size=size, **some(c, keep_ratio=[True, False]), **a)


def one_image(c, dtypes=("uint8", "float32", "float64", "float16", "int32")):
    shape, dtype = (whole(c, 1, 6), whole(c, 1, 6), c.pick(1, 3, 3)), c.pick(*dtypes)
    # MXNet leaves the hue and the light of one channel as they are in memory.
    return given(c, "data", c.rng.randint(0, 256, shape) / (1 if dtype in ("uint8", "int32") else c.pick(1, 255)), dtype)


def image_factor(op):
    """The least factor is the largest one, so that nothing is drawn."""

    def make(c):
        factor = c.pick(0.0, 0.3, 1.0, 1.7)
        data = one_image(c)
        if op.endswith("hue") and c.arrays["data"].shape[2] == 1:
            raise ValueError("not written")
        return c.symbol(op, data, min_factor=factor, max_factor=factor)

    return make


def adjust_lighting(c):
    data = one_image(c)
    if c.arrays["data"].shape[2] == 1:
        raise ValueError("not written")
    return c.symbol("_image_adjust_lighting", data, alpha=c.pick((0.1, -0.2, 0.3), (5, 1, -1), (0.5, 0, 0)))


def cv_resize(c):
    data, (height, width), a = to_resize(c)
    return c.symbol("_cvimresize", data, w=width, h=height, **a)


def cv_border(c):
    a = {side: whole(c, 0, 4) for side in ("top", "bot", "left", "right")}
    a.update(some(c, type=[0, 1, 2, 3, 4], value=2.5, values=[(3,), (1, 2, 3), (1, 2, 3, 4)]))
    return c.symbol("_cvcopyMakeBorder", one_image(c, ("uint8", "float32", "float64", "int32")), **a)


def multi_sum_sq(c):
    n, dtype = whole(c, 1, 4), c.pick("float32", "float32", "float64", "float16")
    return c.symbol("multi_sum_sq", *[c.variable(f"in{i}", c.shape(1, 3), dtype) for i in range(n)], num_arrays=n)


def multi_lars(c):
    shape = c.shape(1, 2)
    names = ("lrs", "weights_sum_sq", "grads_sum_sq", "wds")
    arrays = [given(c, name, c.rng.uniform(-0.2, 2, shape).clip(0)) for name in names]
    return c.symbol("multi_lars", *arrays, eta=0.5, eps=0.1, **some(c, rescale_grad=0.25))


def boolean_mask(c):
    shape = c.shape(1, 3)
    index = c.rng.randint(0, 2, shape[0])
    index[whole(c, 0, shape[0] - 1)] = 1
    return c.symbol("_contrib_boolean_mask", c.variable("data", shape), given(c, "index", index, c.pick("float32", "int32")))


def index_copy(c):
    shape = c.shape(1, 3)
    n = whole(c, 1, shape[0])
    index = given(c, "index", c.rng.permutation(shape[0])[:n], c.pick("int32", "int64"))
    return c.symbol("_contrib_index_copy", c.variable("old", shape), index, c.variable("new", (n, *shape[1:])))


def svm_output(c):
    shape = c.shape(2, 3)
    return c.symbol("SVMOutput", c.variable("data", shape), c.variable("label", (shape[0],)), **some(c, margin=0.5, use_linear=True))


def make_loss(c):
    a = some(c, grad_scale=0.5, normalization=["null", "batch", "valid"])
    return c.symbol("MakeLoss", c.variable("data", c.shape(), c.pick(*FLOATS)), **a)


def multi_all_finite(c):
    n = whole(c, 1, 3)
    inputs = [c.variable(f"in{i}", c.shape()) for i in range(n)]
    if c.flip():
        c.arrays["in0"].flat[0] = c.pick(np.inf, np.nan)
    return c.symbol("multi_all_finite", *inputs, num_arrays=n)


MAKERS = {
    "Convolution_v1": convolution_v1,
    "Pooling_v1": pooling_v1,
    "UpSampling": upsampling,
    "Correlation": correlation,
    **{op: deformable(op) for op in ("_contrib_DeformableConvolution", "_contrib_ModulatedDeformableConvolution")},
    "_contrib_AdaptiveAvgPooling2D": adaptive_pooling,
    "_contrib_BilinearResize2D": bilinear_resize,
    "col2im": col2im,
    "LRN": lrn,
    "LayerNorm": layer_norm,
    "GroupNorm": group_norm,
    "InstanceNorm": instance_norm,
    **{op: batch_norm(op) for op in ("BatchNorm_v1", "_contrib_SyncBatchNorm")},
    **{op: sequence(op) for op in ("SequenceLast", "SequenceMask", "SequenceReverse")},
    "RNN": rnn,
    "_contrib_quantized_rnn": quantized_rnn,
    "_rnn_param_concat": rnn_param_concat,
    "CTCLoss": ctc_loss,
    **{"_contrib_interleaved_matmul_" + op: attention(op) for op in ("selfatt_qk", "selfatt_valatt", "encdec_qk", "encdec_valatt")},
    "_contrib_hawkesll": hawkes,
    "GridGenerator": grid_generator,
    "BilinearSampler": bilinear_sampler,
    "SpatialTransformer": spatial_transformer,
    "_contrib_box_nms": box_nms,
    "_contrib_box_iou": box_iou,
    "_contrib_box_encode": box_encode,
    "_contrib_box_decode": box_decode,
    "_contrib_bipartite_matching": bipartite_matching,
    "_contrib_MultiBoxPrior": multibox_prior,
    "_contrib_MultiBoxDetection": multibox_detection,
    "_contrib_MultiBoxTarget": multibox_target,
    **{op: regions(op) for op in ("ROIPooling", "_contrib_ROIAlign", "_contrib_RROIAlign")},
    "_contrib_PSROIPooling": psroi_pooling,
    "_contrib_DeformablePSROIPooling": deformable_psroi,
    **{op: proposal(op) for op in ("_contrib_Proposal", "_contrib_MultiProposal")},
    **{op: image_flip(op) for op in ("_image_flip_left_right", "_image_flip_top_bottom")},
    "_image_to_tensor": lambda c: c.symbol("_image_to_tensor", picture(c)[1]),
    "_image_crop": image_crop,
    "_image_normalize": image_normalize,
    "_image_resize": image_resize,
    **{op: image_factor(op) for op in ("_image_random_" + what for what in ("brightness", "contrast", "saturation", "hue"))},
    "_image_adjust_lighting": adjust_lighting,
    "_cvimresize": cv_resize,
    "_cvcopyMakeBorder": cv_border,
    "multi_sum_sq": multi_sum_sq,
    "multi_lars": multi_lars,
    "_contrib_boolean_mask": boolean_mask,
    "_contrib_index_copy": index_copy,
    "SVMOutput": svm_output,
    "MakeLoss": make_loss,
    "multi_all_finite": multi_all_finite,
}
