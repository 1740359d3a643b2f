#!/usr/bin/env python3
"""Make the small models of this folder: what the compiled path must get right and real checkpoints do not show.

    make_models.py [OUTPUT_DIRECTORY]        (default: this folder; needs MXNet 1.9.1 and numpy 1.23.5)

Each model is one function below, or one row of a table, named after what it checks. A model becomes
NAME-symbol.json, NAME-0000.params and NAME.golden.params, what MXNet computes for a seeded input. Sizes are odd and
height differs from width wherever that is possible, so that a swapped axis or a border off by one shows. Numbers are
drawn by name, so a new model does not change the others.

SPDX-License-Identifier: Apache-2.0
"""

import os
import sys
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools"))
import golden
import numpy as np

import mxnet as mx

sym = mx.sym
op = mx.sym._internal
MODELS = []


def model(**inputs):
    """Register a function that builds a symbol (or a list of heads) from its input variables; shapes by input name."""
    def register(build):
        MODELS.append((build.__name__.replace("_", "-"), inputs, build))
        return build
    return register


def stored(dtype="float32", prefix=True, sparse=(), labels=()):
    """How the checkpoint differs from the usual: element type of the parameters, names without `arg:` and `aux:`,
    parameters stored row-sparse, and labels whose names do not say so."""
    def register(build):
        build.stored = {"dtype": dtype, "prefix": prefix, "sparse": sparse, "labels": labels}
        return build
    return register


# One convolution each: name, input shape, filters, kernel, and what is not the default.
CONVOLUTIONS = [
    ("conv-1x1-one-channel", (1, 1, 7, 9), 1, (1, 1), {}),
    ("conv-1x1-stride2", (2, 2, 7, 5), 3, (1, 1), {"stride": (2, 2)}),
    ("conv-1x1-pad-beyond-kernel", (2, 3, 5, 6), 4, (1, 1), {"pad": (2, 1)}),
    ("conv-1x1-31-32", (1, 31, 7, 7), 32, (1, 1), {}),
    ("conv-1x1-48-64-no-bias", (1, 48, 5, 7), 64, (1, 1), {"no_bias": True}),
    ("conv-1x1-64-100", (3, 64, 6, 5), 100, (1, 1), {}),
    ("conv-3x3-5-8", (3, 5, 9, 6), 8, (3, 3), {"pad": (1, 1)}),
    ("conv-3x3-stride2-8-15", (1, 8, 11, 7), 15, (3, 3), {"stride": (2, 2), "pad": (1, 1)}),
    ("conv-3x3-mixed-stride-and-pad-15-16", (2, 15, 8, 13), 16, (3, 3), {"stride": (2, 1), "pad": (0, 1)}),
    ("conv-3x3-stride3-3-24", (1, 3, 17, 19), 24, (3, 3), {"stride": (3, 3), "pad": (1, 2)}),
    ("conv-3x3-valid-16-16", (1, 16, 10, 33), 16, (3, 3), {}),
    ("conv-3x3-wide-row-3-17", (1, 3, 4, 61), 17, (3, 3), {"pad": (1, 1)}),
    ("conv-3x3-one-row-and-column", (2, 3, 1, 1), 5, (3, 3), {"pad": (1, 1)}),
    ("conv-1x3-16-17", (2, 16, 9, 9), 17, (1, 3), {"pad": (0, 1)}),
    ("conv-3x1-stride-in-width-17-31", (1, 17, 6, 10), 31, (3, 1), {"stride": (1, 2), "pad": (1, 0)}),
    ("conv-1x3-100-33", (1, 100, 5, 6), 33, (1, 3), {}),
    ("conv-5x2-32-33", (1, 32, 9, 5), 33, (5, 2), {"pad": (2, 1)}),
    ("conv-2x2-stride2-33-48", (2, 33, 7, 8), 48, (2, 2), {"stride": (2, 2)}),
    ("conv-4x3-whole-image", (2, 8, 4, 3), 10, (4, 3), {}),
    ("conv-7x7-stride2-3-16", (5, 3, 13, 11), 16, (7, 7), {"stride": (2, 2), "pad": (3, 3)}),
    ("conv-dilate2", (1, 5, 12, 11), 17, (3, 3), {"dilate": (2, 2), "pad": (2, 2)}),
    ("conv-dilate-in-height", (1, 8, 15, 9), 16, (3, 1), {"dilate": (3, 1), "pad": (3, 0)}),
    ("conv-dilate-and-stride", (2, 3, 12, 14), 10, (3, 3), {"dilate": (1, 2), "stride": (2, 2), "pad": (1, 2)}),
    ("conv-groups2-32-48", (1, 32, 7, 6), 48, (3, 3), {"num_group": 2}),
    ("conv-groups3-6-15", (3, 6, 8, 5), 15, (3, 3), {"num_group": 3, "pad": (1, 1)}),
    ("conv-groups2-1x1-34-34", (1, 34, 5, 7), 34, (1, 1), {"num_group": 2}),
    ("conv-groups4-1x1-32-64", (2, 32, 5, 6), 64, (1, 1), {"num_group": 4, "no_bias": True}),
    ("conv-depthwise-8", (1, 8, 9, 7), 8, (3, 3), {"num_group": 8, "pad": (1, 1)}),
    ("conv-depthwise-stride2-33", (2, 33, 8, 11), 33, (3, 3), {"num_group": 33, "stride": (2, 2), "pad": (1, 1)}),
    ("conv-depthwise-5x5-17", (1, 17, 9, 10), 17, (5, 5), {"num_group": 17, "pad": (2, 2), "no_bias": True}),
    ("conv-depthwise-twice-the-filters", (2, 5, 8, 9), 10, (3, 3), {"num_group": 5}),
]

# One deconvolution each, as the convolutions; their default is to have no bias.
DECONVOLUTIONS = [
    ("deconv-4x4-stride2", (2, 5, 7, 6), 8, (4, 4), {"stride": (2, 2), "pad": (1, 1)}),
    ("deconv-4x4-of-one-pixel", (2, 17, 1, 1), 9, (4, 4), {"no_bias": False}),
    ("deconv-3x3-stride2-adj", (1, 16, 5, 8), 17, (3, 3), {"stride": (2, 2), "pad": (1, 1), "adj": (1, 1)}),
    ("deconv-2x2-stride2", (1, 33, 6, 7), 16, (2, 2), {"stride": (2, 2), "no_bias": False}),
    ("deconv-3x3-same", (2, 3, 5, 9), 5, (3, 3), {"pad": (1, 1), "no_bias": False}),
    ("deconv-5x3-stride3-2-groups2", (2, 6, 4, 5), 10, (5, 3), {"stride": (3, 2), "pad": (2, 0), "num_group": 2}),
    ("deconv-depthwise-4x4", (1, 17, 6, 5), 17, (4, 4), {"stride": (2, 2), "pad": (1, 1), "num_group": 17}),
    ("deconv-16x16-stride8", (1, 3, 4, 3), 3, (16, 16), {"stride": (8, 8), "pad": (4, 4), "num_group": 3}),
    ("deconv-7x2-pad-beyond-stride", (1, 4, 9, 8), 6, (7, 2), {"stride": (2, 1), "pad": (5, 1), "adj": (1, 0)}),
]

# One pooling each: name, input shape, attributes. The maxima are of negative numbers, so padding must not count as 0.
POOLINGS = [
    ("pool-max-2x2", (2, 5, 7, 9), {"kernel": (2, 2), "stride": (2, 2)}),
    ("pool-max-full", (1, 17, 8, 11), {"kernel": (3, 3), "stride": (2, 2), "pooling_convention": "full"}),
    ("pool-max-full-pad", (1, 33, 7, 6),
     {"kernel": (3, 2), "stride": (2, 2), "pad": (1, 1), "pooling_convention": "full"}),
    ("pool-max-stride1-pad", (3, 16, 5, 7), {"kernel": (3, 3), "pad": (1, 1)}),
    ("pool-max-stride-beyond-kernel", (1, 3, 9, 10), {"kernel": (2, 2), "stride": (3, 3)}),
    ("pool-max-3x1", (1, 8, 9, 5), {"kernel": (3, 1), "stride": (2, 1), "pad": (1, 0)}),
    ("pool-avg-pad", (2, 15, 7, 5), {"kernel": (3, 3), "stride": (2, 2), "pad": (1, 1)}),
    ("pool-avg-pad-not-counted", (2, 15, 7, 5),
     {"kernel": (3, 3), "stride": (2, 2), "pad": (1, 1), "count_include_pad": False}),
    ("pool-avg-full", (1, 6, 8, 7), {"kernel": (3, 3), "stride": (2, 2), "pooling_convention": "full"}),
    ("pool-avg-full-pad", (1, 6, 8, 7),
     {"kernel": (3, 3), "stride": (2, 3), "pad": (1, 1), "pooling_convention": "full"}),
    ("pool-avg-full-pad-not-counted", (1, 6, 8, 7),
     {"kernel": (3, 2), "stride": (2, 2), "pad": (1, 1), "pooling_convention": "full", "count_include_pad": False}),
    ("pool-sum", (1, 9, 6, 7), {"kernel": (2, 3), "stride": (2, 1)}),
    ("pool-sum-full-pad", (2, 2, 7, 6),
     {"kernel": (3, 3), "stride": (2, 2), "pad": (1, 1), "pooling_convention": "full"}),
    ("pool-global-max", (3, 31, 5, 6), {"kernel": (1, 1), "global_pool": True}),
    ("pool-global-avg", (2, 48, 7, 3), {"kernel": (2, 2), "pad": (1, 1), "stride": (2, 2), "global_pool": True}),
    ("pool-global-sum", (1, 10, 4, 5), {"kernel": (1, 1), "global_pool": True}),
]


def add_tables():
    for name, shape, filters, kernel, attributes in CONVOLUTIONS:
        def convolution(data, filters=filters, kernel=kernel, attributes=attributes):
            return sym.Convolution(data, num_filter=filters, kernel=kernel, name="conv", **attributes)
        MODELS.append((name, {"data": shape}, convolution))
    for name, shape, filters, kernel, attributes in DECONVOLUTIONS:
        def deconvolution(data, filters=filters, kernel=kernel, attributes=attributes):
            return sym.Deconvolution(data, num_filter=filters, kernel=kernel, name="deconv", **attributes)
        MODELS.append((name, {"data": shape}, deconvolution))
    for name, shape, attributes in POOLINGS:
        kind = next(k for k in ("max", "avg", "sum") if k in name)

        def pooling(data, kind=kind, attributes=attributes):
            return sym.Pooling(data - 4 if kind == "max" else data, pool_type=kind, name="pool", **attributes)
        MODELS.append((name, {"data": shape}, pooling))


add_tables()


def conv(data, filters, kernel=(3, 3), **attributes):
    return sym.Convolution(data, num_filter=filters, kernel=kernel, pad=(kernel[0] // 2, kernel[1] // 2), **attributes)


def relu(data):
    return sym.Activation(data, act_type="relu")


# BatchNorm

@model(data=(2, 5, 6, 7))
def batchnorm_of_the_input(data):
    return sym.BatchNorm(data, fix_gamma=False)


@model(data=(3, 17))
def batchnorm_of_a_matrix(data):
    return sym.BatchNorm(data, fix_gamma=False, eps=2e-5)


@model(data=(1, 3, 7, 5))
def batchnorm_default_attributes(data):
    return sym.BatchNorm(conv(data, 9))


@model(data=(1, 3, 7, 5))
def batchnorm_with_gamma_and_relu(data):
    return relu(sym.BatchNorm(conv(data, 18, no_bias=True), fix_gamma=False, eps=1e-5, use_global_stats=True))


@model(data=(2, 4, 5, 7))
def batchnorm_before_a_padded_convolution(data):
    return conv(sym.BatchNorm(data, fix_gamma=False), 10)


@model(data=(1, 4, 7, 5))
def batchnorm_relu_before_a_padded_convolution(data):
    x = conv(data, 8, (1, 1))
    return conv(relu(sym.BatchNorm(x, fix_gamma=False)), 10)


@model(data=(1, 3, 5, 6))
def batchnorm_of_a_convolution_used_twice(data):
    x = conv(data, 7)
    return sym.BatchNorm(x, fix_gamma=False) + x


@model(data=(1, 3, 5, 6))
def batchnorm_twice_and_grouped(data):
    x = conv(data, 12, num_group=3)
    return sym.BatchNorm(sym.BatchNorm(x, fix_gamma=False), fix_gamma=True, eps=0.01)


@model(data=(1, 3, 5, 6))
def batchnorm_of_a_convolution_that_is_a_head(data):
    x = conv(data, 7)
    return [x, sym.BatchNorm(x, fix_gamma=False)]


@model(data=(1, 3, 5, 6))
def batchnorm_of_one_of_two_shared_weights(data):
    weight, bias = sym.Variable("shared_weight"), sym.Variable("shared_bias")
    x = sym.BatchNorm(conv(data, 3, weight=weight, bias=bias), fix_gamma=False)
    return conv(relu(x), 3, weight=weight, bias=bias)


@model(data=(2, 3, 5, 6))
def batchnorm_of_a_fully_connected(data):
    return sym.BatchNorm(sym.FullyConnected(data, num_hidden=19), fix_gamma=False)


# Activations

@model(data=(1, 3, 5, 7))
def activations_after_convolutions(data):
    kinds = ["relu", "sigmoid", "tanh", "softrelu", "softsign"]
    return sym.Concat(*[sym.Activation(conv(data, 3 + i), act_type=k) for i, k in enumerate(kinds)])


@model(data=(3, 5, 4, 3))
def activations_alone(data):
    return [sym.Activation(8 * data, act_type=k) for k in ["relu", "sigmoid", "tanh", "softrelu", "softsign"]]


@model(data=(2, 3, 7, 5))
def leaky_relu(data):
    leaky = sym.LeakyReLU(conv(data, 6), act_type="leaky", slope=0.1)
    return sym.Concat(leaky, sym.LeakyReLU(data, act_type="leaky"))


@model(data=(1, 3, 7, 5))
def prelu_after_a_convolution(data):
    return sym.LeakyReLU(conv(data, 18), act_type="prelu")


@model(data=(2, 5, 3, 4))
def prelu_alone(data):
    return sym.LeakyReLU(data, act_type="prelu")


@model(data=(2, 5, 3, 4))
def prelu_with_one_slope(data):
    return sym.LeakyReLU(data, gamma=sym.Variable("slope_gamma", shape=(1,)), act_type="prelu")


@model(data=(1, 5, 7, 4))
def elu(data):
    return sym.LeakyReLU(conv(data, 9), act_type="elu", slope=0.7)


# Residual additions

@model(data=(1, 5, 7, 6))
def add_two_convolutions_then_relu(data):
    return relu(conv(data, 17) + conv(data, 17, (1, 1)))


@model(data=(2, 5, 7, 6))
def add_after_relu(data):
    return relu(conv(data, 10)) + relu(conv(data, 10, (1, 1)))


@model(data=(1, 12, 5, 6))
def add_to_the_input(data):
    return conv(relu(conv(data, 12)), 12) + data


@model(data=(1, 6, 5, 7))
def add_a_value_to_itself(data):
    x = conv(data, 11)
    return x + x


@model(data=(1, 16, 6, 7))
def residual_blocks(data):
    for _ in range(3):
        data = relu(sym.BatchNorm(conv(relu(conv(data, 16)), 16), fix_gamma=False) + data)
    return data


@model(data=(1, 4, 6, 5))
def residual_before_activation(data):
    x = conv(data, 8)
    y = conv(relu(x), 8)
    return [relu(x + y), x]


@model(data=(1, 4, 9, 7))
def residual_with_stride(data):
    short = sym.Convolution(data, num_filter=12, kernel=(1, 1), stride=(2, 2), no_bias=True)
    x = sym.Convolution(data, num_filter=12, kernel=(3, 3), stride=(2, 2), pad=(1, 1))
    return relu(short + sym.BatchNorm(x))


# Concat

@model(data=(2, 3, 5, 7))
def concat_of_convolutions(data):
    return relu(sym.Concat(conv(data, 5), conv(data, 16, (1, 1)), conv(data, 3, (1, 3))))


@model(data=(1, 5, 7, 6))
def concat_of_pools(data):
    return sym.Concat(*[sym.Pooling(data, pool_type=k, kernel=(3, 3), pad=(1, 1)) for k in ("max", "avg")])


@model(data=(2, 5, 7, 6))
def concat_of_the_input(data):
    return sym.Concat(data, conv(data, 3), data)


@model(data=(1, 3, 5, 6))
def concat_nested(data):
    a = sym.Concat(conv(data, 3), conv(data, 4, (1, 1)))
    b = sym.Concat(conv(data, 2), a, relu(conv(data, 5)))
    return conv(b, 7)


@model(data=(1, 3, 5, 6))
def concat_and_another_use(data):
    x = relu(conv(data, 6))
    return sym.Concat(x, conv(data, 5)), conv(x, 4)


@model(data=(1, 3, 5, 6))
def concat_twice(data):
    x = conv(data, 6)
    return sym.Concat(x, conv(data, 5)), sym.Concat(conv(data, 4), x)


@model(data=(1, 3, 5, 6))
def concat_of_one_value_three_times(data):
    x = conv(data, 3)
    return conv(sym.Concat(x, x, x), 5)


@model(data=(1, 4, 6, 7))
def concat_chain(data):
    for _ in range(4):
        data = sym.Concat(data, conv(relu(sym.BatchNorm(data, fix_gamma=False)), 3))
    return data


@model(data=(2, 3, 4, 5))
def concat_in_height_and_width(data):
    x = sym.Concat(conv(data, 3), data, dim=2)
    return sym.Concat(x, 2 * x, dim=3)


@model(data=(2, 3, 5, 4))
def concat_along_every_axis(data):
    x = conv(data, 6)
    boxes = sym.reshape(sym.transpose(x, axes=(0, 2, 3, 1)), shape=(0, -1, 3))
    wide = sym.reshape(x, shape=(0, -4, 2, 3, -2))
    matrix = sym.FullyConnected(x, num_hidden=7)
    return sym.Group([sym.Concat(boxes, 2 * boxes, sym.slice_axis(boxes, axis=2, begin=1, end=3), dim=-1),
                      sym.Concat(boxes, boxes + 1, dim=0),
                      sym.Concat(wide, sym.relu(wide), dim=2),
                      sym.Concat(wide, sym.slice_axis(wide, axis=3, begin=0, end=2), dim=3),
                      sym.Concat(matrix, matrix * 3, dim=0)])


@model(data=(2, 3, 5, 4))
def concat_with_parameters(data):
    tokens = sym.Variable("tokens", shape=(2, 2, 5, 4))
    column = sym.Variable("column", shape=(2, 3, 5, 1))
    x = sym.Concat(tokens, data, tokens, dim=1)
    return sym.Group([conv(x, 6), sym.Concat(column, data, dim=3),
                      sym.Concat(sym.Flatten(data), sym.Variable("row", shape=(2, 9)))])


@model(data=(3, 7))
def concat_of_matrices(data):
    return sym.Concat(sym.FullyConnected(data, num_hidden=5), data, relu(sym.FullyConnected(data, num_hidden=17)))


@model(data=(1, 8, 7, 9))
def fire_module(data):
    x = relu(conv(data, 4, (1, 1)))
    x = sym.Concat(relu(conv(x, 12, (1, 1))), relu(conv(x, 12)))
    return sym.Pooling(x, kernel=(3, 3), stride=(2, 2), pool_type="max", pooling_convention="full")


# Several outputs

@model(data=(2, 3, 5, 6))
def head_in_the_middle(data):
    x = relu(conv(data, 7))
    return [x, sym.softmax(sym.FullyConnected(x, num_hidden=4))]


@model(data=(1, 3, 5, 6))
def head_before_its_activation(data):
    x = conv(data, 7)
    return [conv(relu(x), 2), x]


@model(data=(1, 3, 5, 6))
def head_inside_a_concat(data):
    x, y = conv(data, 7), relu(conv(data, 9))
    return [sym.Concat(x, y), y, x]


@model(data=(2, 3, 4, 5))
def head_is_an_input(data):
    return [conv(data, 4), data]


@model(data=(1, 3, 4, 5))
def head_appears_twice(data):
    x = conv(data, 4)
    return [x, sym.Flatten(x), x]


@model(data=(2, 3, 4, 5))
def head_flattened_and_not(data):
    x = sym.Pooling(conv(data, 18), kernel=(2, 2), pool_type="avg")
    return [sym.Flatten(x), x]


# FullyConnected

@model(data=(5, 17))
def fully_connected_chain(data):
    x = relu(sym.FullyConnected(data, num_hidden=33))
    x = sym.Activation(sym.FullyConnected(x, num_hidden=16, no_bias=True), act_type="tanh")
    return sym.FullyConnected(x, num_hidden=1)


@model(data=(2, 17, 3, 4))
def flatten_then_fully_connected(data):
    return sym.FullyConnected(sym.Flatten(data), num_hidden=11)


@model(data=(1, 3, 5, 6))
def fully_connected_of_a_convolution(data):
    return relu(sym.FullyConnected(conv(data, 5), num_hidden=18))


@model(data=(3, 3, 5, 6))
def flatten_of_a_concat_then_fully_connected(data):
    return sym.FullyConnected(sym.Flatten(sym.Concat(conv(data, 2), data)), num_hidden=7)


@model(data=(2, 3, 19))
def fully_connected_not_flattened(data):
    return sym.FullyConnected(data, num_hidden=6, flatten=False)


@model(data=(2, 5, 3, 7))
def fully_connected_not_flattened_4d(data):
    return sym.FullyConnected(conv(data, 4), num_hidden=6, flatten=False)


@model(data=(3, 5, 17))
def fully_connected_not_flattened_then_batchnorm(data):
    rows = sym.FullyConnected(data, num_hidden=9, flatten=False, no_bias=True)
    rows = relu(sym.BatchNorm(rows, fix_gamma=False))
    return sym.FullyConnected(rows + sym.FullyConnected(data, num_hidden=9, flatten=False), num_hidden=4, flatten=False)


@model(data=(1, 100))
def fully_connected_100_48(data):
    return sym.FullyConnected(data, num_hidden=48)


@model(data=(2, 3, 4, 5))
def flatten_as_output(data):
    return sym.Flatten(conv(data, 17))


# Softmax

@model(data=(3, 37))
def softmax_of_a_matrix(data):
    return sym.softmax(8 * data)


@model(data=(2, 5, 3, 4))
def softmax_axes(data):
    return [sym.softmax(data, axis=a) for a in (1, 2, 3, -1)]


@model(data=(3, 17, 5, 4))
def softmax_over_images_rows_and_pixels(data):
    x = conv(data, 19)
    y = sym.Concat(sym.softmax(x, axis=2), relu(sym.softmax(x, axis=-1) - 0.2), sym.softmax(x, axis=0), dim=1)
    return [conv(y, 3), sym.softmax(sym.FullyConnected(y, num_hidden=35), axis=0)]


@model(data=(2, 3, 7, 6))
def softmax_output_of_four_dimensions(data):
    return sym.SoftmaxOutput(conv(data, 21), name="softmax")


@model(data=(2, 5, 3, 4))
def softmax_temperature_and_large_numbers(data):
    return [sym.softmax(data, axis=1, temperature=0.5), sym.softmax(200 * data, axis=1)]


@model(data=(2, 3, 4, 5))
def softmax_activation(data):
    x = conv(data, 6)
    return [sym.SoftmaxActivation(x, mode="channel"), sym.SoftmaxActivation(x)]


@model(data=(2, 3, 4, 5))
def softmax_output_per_pixel(data):
    return sym.SoftmaxOutput(conv(data, 4), multi_output=True, name="softmax")


@model(data=(4, 9))
def regression_outputs(data):
    x = sym.FullyConnected(data, num_hidden=3)
    return [sym.LogisticRegressionOutput(x, name="a"), sym.LinearRegressionOutput(x, name="b"),
            sym.MAERegressionOutput(x, name="c")]


# Elementwise

@model(data=(2, 3, 5, 4))
def scalar_operators(data):
    x = 2 - (data * 3 + 1) / 4
    low, high = op._minimum_scalar(x - 1, scalar=-0.5), op._maximum_scalar(x, scalar=0.25)
    return sym.Concat(x, 1 / (sym.abs(x) + 0.5), low, high)


@model(data=(2, 5, 6, 7))
def numpy_operators(data):
    x = conv(data, 6).as_np_ndarray()
    y = mx.sym.npx.relu(x) + mx.sym.npx.sigmoid(x * 0.5) * mx.sym.np.tanh(x - 0.25)
    z = mx.sym.np.exp(0.1 * x) / (1.5 + mx.sym.np.abs(y)) - mx.sym.np.square(2 - y) / 3
    mean = mx.sym.Pooling(data, kernel=(1, 1), pool_type="avg", global_pool=True)
    gates = mx.sym.np.sqrt(2 / (mx.sym.np.log(mx.sym.np.abs(conv(mean, 6, (1, 1)).as_np_ndarray()) + 3)))
    return mx.sym.Group([(z * gates).as_nd_ndarray(), mx.sym.np.negative(y).as_nd_ndarray()])


@model(data=(1, 3, 5, 4))
def elementwise_chain(data):
    x = sym.sqrt(sym.square(data) + 1)
    y = sym.log(sym.exp(sym.negative(x)) + sym.abs(data))
    return sym.clip(sym.tanh(y) * sym.sigmoid(x) - sym.relu(data), a_min=-0.8, a_max=0.3)


@model(data=(1, 3, 5, 4))
def elementwise_pairs(data):
    a, b = conv(data, 6), conv(data, 6, (1, 1))
    return (a - b) * op._maximum(a, b) / (op._minimum(a, b) * b + 4)


@model(data=(2, 3, 5, 4))
def broadcast_per_channel(data):
    scale, shift = sym.Variable("scale_weight", shape=(1, 7, 1, 1)), sym.Variable("shift_bias", shape=(1, 7, 1, 1))
    return sym.broadcast_add(sym.broadcast_mul(conv(data, 7), scale), shift)


@model(data=(2, 6, 5, 4))
def broadcast_of_a_pooled_value(data):
    x = conv(data, 20)
    gate = sym.Pooling(x, global_pool=True, kernel=(1, 1), pool_type="avg")
    gate = sym.Activation(conv(relu(conv(gate, 5, (1, 1))), 20, (1, 1)), act_type="sigmoid")
    return sym.broadcast_mul(x, gate)


@model(data=(2, 3, 5, 4))
def broadcast_other_axes(data):
    row, number = sym.Variable("row_weight", shape=(1, 1, 1, 4)), sym.Variable("number_bias", shape=(1, 1, 1, 1))
    x = sym.broadcast_sub(data, row)
    return sym.broadcast_maximum(sym.broadcast_div(x, sym.exp(number)), sym.broadcast_minimum(number, row))


@model(data=(2, 3, 5, 4))
def elementwise_of_the_input_alone(data):
    return relu(data)


# Interfaces

@model(data=(2, 4, 5, 3))
def dropout(data):
    return sym.Dropout(conv(sym.Dropout(data, p=0.3), 5), p=0.5)


@model(left=(2, 3, 5, 4), right=(2, 6, 5, 4))
def two_inputs(left, right):
    return relu(conv(left, 6) + right)


@model(left=(1, 3, 5, 4), right=(1, 7))
def two_inputs_of_different_rank(left, right):
    return sym.Concat(sym.Flatten(sym.Pooling(left, global_pool=True, kernel=(1, 1), pool_type="max")), right)


@model(data=(3, 2, 4, 5))
def reshape_keeps_the_order(data):
    return sym.Reshape(conv(data, 6), shape=(0, 3, -1))


@model(data=(2, 3, 4, 5))
def reshape_mixes_the_batch(data):
    return sym.FullyConnected(sym.Reshape(conv(data, 6), shape=(-1, 16), name="mix"), num_hidden=3)


# Operators that move elements

def shuffled(data, groups):
    x = sym.SwapAxis(sym.Reshape(data, shape=(0, -4, groups, -1, -2)), dim1=1, dim2=2)
    return sym.Reshape(x, shape=(0, -3, -2))


@model(data=(2, 3, 5, 7))
def move_channel_shuffle(data):
    x = shuffled(sym.Concat(conv(data, 8), relu(conv(data, 8)), dim=1), 2)
    left, right = sym.slice_axis(x, axis=1, begin=0, end=8), sym.slice_axis(x, axis=1, begin=8, end=None)
    return sym.Concat(conv(left, 5), relu(right), dim=1)


@model(data=(1, 3, 6, 4))
def move_channel_shuffle_in_three_before_a_border(data):
    return conv(shuffled(conv(data, 51), 3), 4, kernel=(3, 5))


@model(data=(2, 5, 6, 3))
def move_from_nhwc(data):
    x = sym.transpose(data, axes=(0, 3, 1, 2))
    return [conv(x, 9), sym.Convolution(x, num_filter=4, kernel=(2, 3)), sym.transpose(relu(x), axes=(0, 2, 3, 1))]


@model(data=(2, 3, 4, 5))
def move_transposes(data):
    x = conv(data, 17)
    orders = [(0, 2, 3, 1), (0, 3, 2, 1), (1, 0, 2, 3), (3, 2, 1, 0), (2, 3, 0, 1)]
    return [sym.transpose(x), *(sym.relu(sym.transpose(x, axes=a)) for a in orders), sym.SwapAxis(x, dim1=0, dim2=3)]


@model(data=(2, 4, 9, 8))
def move_slices(data):
    x = conv(data, 19)
    rows = sym.slice(x, begin=(None, 1, 3), end=(None, 18, -1), step=(None, 3, 2))
    pixels = sym.slice_axis(x, axis=-1, begin=-5, end=-1)
    return [conv(rows, 3), sym.Pooling(pixels, kernel=(2, 2), pool_type="max"), sym.slice_axis(x, axis=0, begin=1, end=2),
            sym.softmax(sym.slice(data, begin=(0, 1), end=(2, 3)), axis=1), sym.slice(rows, begin=(1,), end=(None,))]


@model(data=(2, 6, 4, 9))
def move_parts(data):
    x = conv(data, 12)
    a, b, c = sym.SliceChannel(x, num_outputs=3)
    pixels = sym.SliceChannel(x, num_outputs=9, axis=3, squeeze_axis=True)
    return [conv(b, 4), a + c, sym.relu(pixels[2]), *sym.SliceChannel(data, num_outputs=2, axis=2),
            sym.FullyConnected(pixels[8], num_hidden=5)]


@model(data=(3, 4, 6, 5))
def move_reshapes(data):
    x = conv(data, 12)
    return [sym.Reshape(x, shape=shape) for shape in
            ((0, 2, 6, -1), (0, -3, -2), (0, 0, -1), (-1, 5), (0, 8, 5, 9), (0, -4, 3, 4, -4, 2, 3, 5), (-1,), (5, 8, 27))]


@model(data=(2, 3, 4, 6))
def move_reshapes_without_common_parts(data):
    x = sym.Reshape(conv(data, 5) + 1, shape=(0, 4, 5, 6))
    return [conv(sym.Reshape(x, shape=(0, 6, 5, 4)), 3), sym.Reshape(sym.transpose(x), shape=(5, 4, -1))]


@model(data=(4, 6))
def move_new_axes(data):
    x = sym.FullyConnected(data, num_hidden=15)
    y = sym.Reshape(x, shape=(0, 3, 5))
    wide = sym.broadcast_mul(sym.expand_dims(x, axis=2), sym.expand_dims(data, axis=1))
    return [conv(sym.expand_dims(sym.expand_dims(x, axis=2), axis=3), 7), sym.softmax(y, axis=-1), sym.softmax(y, axis=1),
            sym.Concat(y, relu(y), dim=1), wide, sym.squeeze(sym.Reshape(wide, shape=(0, 1, 3, 5, 1, 6)))]


@model(data=(2, 3, 5, 4))
def move_scores_of_anchors(data):
    scores = [sym.Flatten(sym.transpose(conv(data, n), axes=(0, 2, 3, 1))) for n in (12, 24)]
    x = sym.Reshape(sym.Concat(*scores, dim=1), shape=(0, -1, 6))
    return [sym.softmax(sym.transpose(x, axes=(0, 2, 1)), axis=1), sym.softmax(x, axis=-1)]


@model(data=(2, 3, 5, 4))
def move_five_dimensions(data):
    x = sym.Reshape(conv(data, 12), shape=(0, -4, 3, 4, -2))
    y = sym.tanh(sym.transpose(x, axes=(0, 3, 2, 4, 1)))
    return [sym.broadcast_add(x, sym.slice(x, begin=(None, None, 0, 0), end=(None, None, 1, 1))), sym.FullyConnected(y, num_hidden=3), sym.softmax(y, axis=1),
            sym.BatchNorm(y, fix_gamma=False)]


@model(data=(2, 3, 5, 4))
def broadcast_inner_axes_alone(data):
    parts = sym.reshape(conv(data, 12), shape=(0, -4, 3, 4, -2))
    means = sym.slice(parts, begin=(None, None, None, 1, 1), end=(None, None, None, 2, 2))
    rows = sym.slice(parts, begin=(None, None, 1, None, 2), end=(None, None, 2, None, 3))
    ones = sym.slice_axis(sym.expand_dims(parts, axis=3), axis=4, begin=0, end=1)
    return sym.Group([sym.broadcast_mul(parts, sym.softmax(means, axis=1)), sym.broadcast_add(means, sym.relu(parts)),
                      sym.broadcast_sub(ones, sym.slice_axis(ones, axis=2, begin=2, end=3)),
                      sym.broadcast_maximum(sym.relu(rows), means)])


@model(data=(2, 3, 7, 6))
def pad_before_convolutions(data):
    image = sym.Pad(data, mode="constant", pad_width=(0, 0, 0, 0, 2, 2, 1, 1))
    skewed = sym.Pad(data, mode="constant", pad_width=(0, 0, 0, 0, 0, 1, 2, 1))
    x = sym.Convolution(image, num_filter=5, kernel=(3, 3), stride=(2, 2), pad=(0, 1))
    y = sym.Convolution(image, num_filter=5, kernel=(5, 3), stride=(2, 2))
    return sym.Group([x, y, sym.Convolution(skewed, num_filter=17, kernel=(3, 3))])


@model(data=(2, 3, 5, 4))
def pad_with_numbers(data):
    x = conv(data, 6)
    both = sym.Pad(x, mode="constant", pad_width=(0, 0, 0, 0, 1, 2, 0, 3), constant_value=-1.5)
    pooled = sym.Pooling(sym.Pad(x - 4, mode="constant", pad_width=(0, 0, 0, 0, 1, 1, 1, 1)), kernel=(3, 3), pool_type="max")
    return sym.Group([both, pooled])


@model(data=(2, 5, 11))
def along_one_dimension(data):
    x = sym.Convolution(data, num_filter=17, kernel=(3,), stride=(2,), pad=(2,), dilate=(2,), layout="NCW")
    x = relu(sym.BatchNorm(x, fix_gamma=False))
    y = sym.Convolution(x, num_filter=34, kernel=(2,), num_group=17, no_bias=True)
    pooled = sym.Pooling(y, kernel=(3,), stride=(2,), pad=(1,), pool_type="avg", pooling_convention="full")
    return sym.Group([pooled, sym.Pooling(y - 4, kernel=(2,), pool_type="max"),
                      sym.Flatten(sym.Pooling(x, kernel=(1,), pool_type="max", global_pool=True))])


@model(data=(2, 3, 5, 4))
def upsampling_nearest(data):
    x = conv(data, 17)
    up = sym.UpSampling(x, scale=2, sample_type="nearest")
    return sym.Group([conv(sym.Concat(up, sym.Deconvolution(data, num_filter=3, kernel=(2, 2), stride=(2, 2))), 6),
                      sym.UpSampling(relu(data), scale=3, sample_type="nearest")])


# Reductions

@model(data=(2, 5, 12, 9))
def pool_adaptive(data):
    x = conv(data, 17)
    gates = sym.contrib.AdaptiveAvgPooling2D(x, output_size=1)
    return sym.Group([sym.broadcast_mul(x, sym.sigmoid(gates)), sym.contrib.AdaptiveAvgPooling2D(x, output_size=(4, 3)),
                      sym.contrib.AdaptiveAvgPooling2D(x)])


@model(data=(3, 5, 4, 7))
def l2_normalization(data):
    x = conv(data, 19)
    return [conv(sym.L2Normalization(x, mode="channel", eps=1e-3), 3), relu(sym.L2Normalization(x, mode="spatial") - 0.1),
            sym.L2Normalization(x), sym.L2Normalization(sym.FullyConnected(x, num_hidden=33)),
            sym.L2Normalization(sym.Reshape(x, shape=(0, 0, -1)), mode="channel")]


@model(data=(3, 5, 4, 7))
def reductions(data):
    x = conv(data, 19)
    return [sym.mean(x, axis=(2, 3), keepdims=True), sym.mean(x, axis=1), relu(sym.sum(x, axis=(0, 2), keepdims=True)),
            sym.max(x, axis=(1, 3)), sym.min(x, axis=-1), sym.sum(x, axis=1, exclude=True, keepdims=True),
            conv(sym.broadcast_sub(x, sym.mean(x, axis=(1, 2, 3), keepdims=True)), 2)]


@model(data=(2, 3, 8, 6))
def stop_gradient_and_identity(data):
    return op._copy(conv(sym.BlockGrad(data), 4)) + 1


@model(data=(1, 3, 9, 8))
def shared_weights(data):
    weight, bias = sym.Variable("shared_weight"), sym.Variable("shared_bias")
    x = conv(data, 3, weight=weight, bias=bias)
    return conv(relu(x), 3, weight=weight, bias=bias)


@model(data=(1, 2, 11, 9))
def net_of_everything(data):
    x = relu(sym.BatchNorm(conv(sym.BatchNorm(data, fix_gamma=True), 10), fix_gamma=False))
    y = conv(x, 10, num_group=10)
    x = sym.Concat(x + y, sym.LeakyReLU(conv(x, 6, (1, 3)), act_type="prelu"))
    x = sym.Pooling(x, kernel=(3, 3), stride=(2, 2), pool_type="max", pooling_convention="full")
    x = sym.FullyConnected(sym.Dropout(sym.Pooling(x, kernel=(2, 2), stride=(2, 1), pool_type="avg")), num_hidden=9)
    return [sym.SoftmaxOutput(x, name="softmax"), x]


@model(data=(3, 6))
@stored(dtype="float64")
def float64_parameters(data):
    return sym.softmax(sym.FullyConnected(data, num_hidden=4))


@model(data=(3, 6))
@stored(dtype="float16")
def float16_parameters(data):
    return sym.broadcast_mul(data, sym.Variable("scales_gamma", shape=(1, 6))) + 1


@model(data=(2, 3, 5, 6))
@stored(prefix=False)
def names_without_prefix(data):
    return sym.BatchNorm(conv(data, 4), fix_gamma=False)


@model(data=(3, 6))
@stored(sparse=["fully_weight"])
def row_sparse_weight(data):
    return sym.FullyConnected(data, num_hidden=4, name="fully")


@model(data=(3, 6))
@stored(labels=["n_epoch"])
def label_of_another_name(data):
    return sym.SoftmaxOutput(sym.FullyConnected(data, num_hidden=4), sym.Variable("n_epoch"), name="softmax")


@model(data=(3, 6))
@stored(labels=["input_", "output"])
def labels_through_operators(data):
    x = sym.FullyConnected(data, num_hidden=4)
    label = sym.Reshape(sym.Variable("input_", shape=(3, 1)), shape=(-1,))
    return [sym.SoftmaxOutput(x, label, name="softmax"), sym.LinearRegressionOutput(x, sym.Variable("output"), name="linear")]


@model(data=(3, 6))
def inputs_of_one_name(data):
    """A variable made anew for every use, as scripts do: one input, although the symbol has three nodes for it."""
    x = sym.Activation(sym.FullyConnected(data, num_hidden=5), act_type="relu")
    wide = sym.FullyConnected(sym.Variable("data"), num_hidden=4, no_bias=True)
    return [sym.FullyConnected(x, num_hidden=4) + wide, sym.Flatten(sym.Variable("data"), name="as_given")]


def draw(name, shape):
    """An array for a parameter, by its name; variances reach down to where BatchNorm's eps counts."""
    rng = np.random.RandomState(zlib.crc32(name.encode()))
    if name.endswith("var"):
        return 10.0 ** rng.uniform(-3, 0, shape)
    if name.endswith("gamma"):
        return rng.uniform(0.1, 1.3, shape)
    if len(shape) < 2 or name.endswith(("beta", "bias", "mean")):
        return rng.uniform(-0.5, 0.5, shape)
    return rng.standard_normal(shape) * np.sqrt(2.0 / np.prod(shape[1:]))


def write(target, name, shapes, build):
    with mx.name.NameManager():
        heads = build(**{k: sym.Variable(k) for k in shapes})
    symbol = heads if isinstance(heads, sym.Symbol) else sym.Group(list(heads))
    arg_shapes, _, aux_shapes = symbol.infer_shape(**shapes)
    how = getattr(build, "stored", {"dtype": "float32", "prefix": True, "sparse": (), "labels": ()})
    dtype = how["dtype"]

    def arrays(names, all_shapes):
        return {n: mx.nd.array(draw(f"{name}/{n}", s), dtype=dtype) for n, s in zip(names, all_shapes, strict=False)
                if n not in shapes and not n.endswith("label") and n not in how["labels"]}

    args = arrays(symbol.list_arguments(), arg_shapes)
    aux = arrays(symbol.list_auxiliary_states(), aux_shapes)
    labels = {n: mx.nd.zeros(s) for n, s in zip(symbol.list_arguments(), arg_shapes, strict=False) if n in how["labels"]}
    inputs = {k: np.random.RandomState(zlib.crc32(f"{name}/{k}".encode())).standard_normal(s).astype("float32").astype(dtype)
              for k, s in shapes.items()}
    prefix = os.path.join(target, name)
    symbol.save(prefix + "-symbol.json")
    kinds = {**dict.fromkeys(args, "arg:"), **dict.fromkeys(aux, "aux:")}
    mx.nd.save(prefix + "-0000.params",
               {(kinds[k] if how["prefix"] else "") + k: v.tostype("row_sparse") if k in how["sparse"] else v
                for k, v in {**args, **aux}.items()})
    result = golden.golden(symbol, {**args, **aux, **labels}, inputs)
    # Inputs stay what people have, float32: the model's type is the reader's business.
    golden.save(prefix + ".golden.params", {**result, **{"in:" + k: v.astype("float32") for k, v in inputs.items()}})


def main():
    target = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))
    os.makedirs(target, exist_ok=True)
    for name, shapes, build in MODELS:
        write(target, name, shapes, build)
    print(f"{len(MODELS)} models")


if __name__ == "__main__":
    main()
