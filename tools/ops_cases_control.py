"""Random cases for tools/ops_against_mxnet.py: loops and branches whose shapes are known only when they run.

SPDX-License-Identifier: Apache-2.0
"""

import mxnet as mx


def doubled(x):
    return mx.sym.concat(x, x, dim=0)


def halved(x):
    return mx.sym.slice_axis(x, axis=0, begin=0, end=-1)


def selected(x):
    """The rows whose sum is positive."""
    return mx.sym.contrib.boolean_mask(x, mx.sym.sum(x, axis=1) > 0)


def while_loop(c):
    """Turns are as many as there may be: MXNet leaves rows that no turn writes as they are in memory."""
    turns, change = int(c.rng.randint(1, 4)), c.pick(doubled, halved, selected, lambda x: x * 0.5)
    x = c.variable("x", (int(c.rng.randint(4, 7)), int(c.rng.randint(1, 4))), c.pick("float32", "float64"))
    c.arrays["x"][0] = abs(c.arrays["x"][0]) + 1
    c.arrays["i"] = mx.nd.zeros(1).asnumpy()

    def body(i, x):
        return [mx.sym.sum(x, axis=0), i], [i + 1, change(x) + 1]

    rows, last = mx.sym.contrib.while_loop(lambda i, x: i < turns, body, (c.var("i"), x), turns)
    return mx.sym.Group([*rows, *last, last[1] * 2])


def cond(c):
    x = c.variable("x", (4, 3))
    c.arrays["x"][0] = 1
    c.arrays["p"] = c.rng.randint(0, 2, (1,)).astype("float32")
    then, otherwise = c.pick(doubled, selected, lambda x: x + 1), c.pick(halved, selected, lambda x: x - 1)
    s = mx.sym.contrib.cond(c.var("p"), lambda: then(x), lambda: otherwise(x))
    return mx.sym.Group([s, s + 1])


MAKERS = {"_while_loop": while_loop, "_cond": cond}
