#!/usr/bin/env python3
"""Train the demo model: a small convolutional network on scikit-learn's handwritten digits (1797 images of 8 x 8).

    train_demo.py [OUTPUT_DIRECTORY]        (default: examples/demo)

Made with Python 3.11, mxnet 1.9.1, numpy 1.23.5 and scikit-learn 1.7.2 on one thread; everything random is seeded, so
the same versions on the same kind of CPU give the same files. Writes

    digits-symbol.json, digits-0000.params   the checkpoint
    digits.golden.params                     in:data, what MXNet computes from it, and the logits
    heldout.params                           data and label: the fifth of the images that was never trained on

and ends by saying the accuracy on the held-out images; below 97 % it fails.

The network is small but has what makes real ones hard to compile: a scalar operator and a BatchNorm before the first
convolution, fix_gamma of both kinds, channels of so little variance that BatchNorm's eps counts, numbers of channels
that fill no vector, a residual add, a Concat of branches with kernels that are not square, pooling that rounds up.

SPDX-License-Identifier: Apache-2.0
"""

import os
import sys

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["MXNET_SUBGRAPH_BACKEND"] = "NONE"

import numpy as np
from sklearn.datasets import load_digits

import mxnet as mx

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import golden

SEED = 20
N_HELDOUT = 360
N_GOLDEN = 8
BATCH = 61
EPOCHS = 60

# Convolutions in front of a BatchNorm start with small weights and learn as much more slowly, so that the variance of
# their outputs stays near eps = 1e-3.
WEIGHT_SCALE = 0.03


def convolution(data, name, filters, kernel, pad, fix_gamma):
    data = mx.sym.Convolution(data, num_filter=filters, kernel=kernel, pad=pad, no_bias=True, name=name,
                              attr={"__lr_mult__": str(WEIGHT_SCALE)})
    return mx.sym.BatchNorm(data, fix_gamma=fix_gamma, name=name + "_bn")


def relu(data, name):
    return mx.sym.Activation(data, act_type="relu", name=name)


def network():
    data = mx.sym.Variable("data")
    data = mx.sym._internal._mul_scalar(data, scalar=1 / 64, name="scale")
    data = mx.sym.BatchNorm(data, fix_gamma=True, name="data_bn")
    stem = relu(convolution(data, "stem", 10, (3, 3), (1, 1), False), "stem_relu")

    wide = relu(convolution(stem, "wide", 24, (3, 3), (1, 1), True), "wide_relu")
    inner = relu(convolution(wide, "inner", 24, (3, 3), (1, 1), False), "inner_relu")
    inner = convolution(inner, "outer", 24, (3, 3), (1, 1), True)
    block = relu(mx.sym.elemwise_add(wide, inner, name="add"), "block_relu")
    block = mx.sym.Pooling(block, kernel=(3, 3), stride=(2, 2), pool_type="max", pooling_convention="full",
                           name="pool1")

    branches = [relu(convolution(block, "point", 8, (1, 1), (0, 0), False), "point_relu"),
                relu(convolution(block, "across", 12, (1, 3), (0, 1), False), "across_relu"),
                relu(convolution(block, "down", 16, (3, 1), (1, 0), True), "down_relu")]
    joined = mx.sym.Concat(*branches, dim=1, name="concat")
    joined = mx.sym.Pooling(joined, kernel=(2, 2), stride=(2, 2), pool_type="avg", name="pool2")
    last = relu(convolution(joined, "last", 36, (2, 2), (1, 0), False), "last_relu")
    pooled = mx.sym.Pooling(last, global_pool=True, kernel=(1, 1), pool_type="avg", name="pool3")
    logits = mx.sym.FullyConnected(mx.sym.Dropout(mx.sym.Flatten(pooled, name="flatten"), p=0.2, name="drop"),
                                   num_hidden=10, name="fc")
    return mx.sym.SoftmaxOutput(logits, name="softmax")


def initial(symbol):
    """Arguments and auxiliary states, drawn by numpy: its streams do not depend on MXNet's threads."""
    rng = np.random.RandomState(SEED)
    arg_shapes, _, aux_shapes = symbol.infer_shape(data=(1, 1, 8, 8))
    args = {}
    for name, shape in zip(symbol.list_arguments(), arg_shapes, strict=False):
        if name.endswith("weight"):
            scale = np.sqrt(2 / np.prod(shape[1:])) * (1 if name == "fc_weight" else WEIGHT_SCALE)
            args[name] = mx.nd.array(rng.standard_normal(shape) * scale)
        elif name not in ("data", "softmax_label"):
            args[name] = mx.nd.array(np.full(shape, 1.0 if name.endswith("gamma") else 0.0))
    aux = {name: mx.nd.array(np.full(shape, 1.0 if name.endswith("var") else 0.0))
           for name, shape in zip(symbol.list_auxiliary_states(), aux_shapes, strict=False)}
    return args, aux


def train(symbol, images, labels):
    mx.random.seed(SEED)
    np.random.seed(SEED)
    args, aux = initial(symbol)
    schedule = mx.lr_scheduler.CosineScheduler(EPOCHS * (len(images) // BATCH), 2e-3)
    batches = mx.io.NDArrayIter(images, labels, BATCH, shuffle=True, last_batch_handle="discard")
    module = mx.mod.Module(symbol, context=mx.cpu())
    module.fit(batches, num_epoch=EPOCHS, arg_params=args, aux_params=aux, optimizer="adam",
               optimizer_params={"learning_rate": 2e-3, "wd": 1e-4, "lr_scheduler": schedule})
    mx.nd.waitall()
    return module.get_params()


def main():
    target = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "..", "examples", "demo")
    digits = load_digits()
    order = np.random.RandomState(SEED).permutation(len(digits.target))
    images = digits.images[order].astype("float32").reshape(-1, 1, 8, 8)
    labels = digits.target[order].astype("float32")
    heldout, heldout_labels = images[:N_HELDOUT], labels[:N_HELDOUT]

    symbol = network()
    args, aux = train(symbol, images[N_HELDOUT:], labels[N_HELDOUT:])
    # MXNet sets the gammas that it ignores to 1 while it trains; a compiler has to ignore them too.
    args["wide_bn_gamma"][:] = 0.5

    mx.model.save_checkpoint(os.path.join(target, "digits"), 0, symbol, args, aux)
    golden.save(os.path.join(target, "heldout.params"), {"data": heldout, "label": heldout_labels})
    arrays = {**args, **aux}
    golden.save(os.path.join(target, "digits.golden.params"),
                golden.golden(symbol, arrays, {"data": heldout[:N_GOLDEN]}, ["fc_output"]))

    found = golden.evaluate(symbol, arrays, {"data": heldout})[0].argmax(axis=1)
    accuracy = (found == heldout_labels).mean()
    smallest = {k: float(v.min().asscalar()) for k, v in aux.items() if k.endswith("var")}
    print("smallest variance of a channel: " + ", ".join(f"{k[:-11]} {v:.1e}" for k, v in smallest.items()))
    print(f"accuracy on {N_HELDOUT} held-out images: {100 * accuracy:.2f} %")
    if accuracy < 0.97:
        sys.exit("expected at least 97 %")


if __name__ == "__main__":
    main()
