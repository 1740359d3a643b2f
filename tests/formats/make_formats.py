#!/usr/bin/env python3
"""Make the array files of this folder, as MXNet itself writes them: what real checkpoints hold less often.

    make_formats.py [OUTPUT_DIRECTORY]        (default: this folder; needs MXNet 1.9.1 and numpy 1.23.5)

    dtypes.params   an array `arg:DTYPE` of every element type that MXNet saves: 1, 0 and, where there is room, -3
    sparse.params   row_sparse and csr arrays `NAME`, and what MXNet makes of each as a dense one, `dense:NAME`
    numpy.params    arrays with numpy's shapes (V3): a scalar, an empty one, a matrix

SPDX-License-Identifier: Apache-2.0
"""

import os
import sys

import numpy as np

import mxnet as mx

DTYPES = ["float32", "float64", "float16", "uint8", "int32", "int8", "int64", "bool", "bfloat16"]
BFLOAT16 = np.dtype([("bfloat16", np.uint16)])


def dtypes():
    for dtype in DTYPES:
        numbers = mx.nd.array([1, 0, 1 if dtype in ("uint8", "bool") else -3])
        yield "arg:" + dtype, numbers.astype(BFLOAT16 if dtype == "bfloat16" else dtype)


def sparse():
    matrix = np.array([[0, 0, 0], [1, 0, 2], [0, 0, 0], [0, 3, 0], [0, 0, 0]], "float32")
    cube = mx.nd.sparse.row_sparse_array((np.arange(12).reshape(2, 2, 3), [0, 3]), shape=(4, 2, 3), dtype="float16")
    arrays = {
        "rows": mx.nd.array(matrix).tostype("row_sparse"),
        "rows-all": mx.nd.array(matrix + 1).tostype("row_sparse"),
        "rows-none": mx.nd.sparse.zeros("row_sparse", (4, 2)),
        "rows-of-matrices": cube,
        "csr": mx.nd.array(matrix).tostype("csr"),
        "csr-double": mx.nd.array(matrix, dtype="float64").tostype("csr"),
        "csr-none": mx.nd.sparse.zeros("csr", (4, 2)),
    }
    for name, array in arrays.items():
        yield name, array
        yield "dense:" + name, array.tostype("default")


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))
    mx.nd.save(os.path.join(folder, "dtypes.params"), dict(dtypes()))
    mx.nd.save(os.path.join(folder, "sparse.params"), dict(sparse()))
    with mx.util.np_shape(True):
        shapes = {"scalar": (), "empty": (0, 3), "matrix": (2, 3)}
        arrays = {name: mx.np.full(shape, 7.5).as_nd_ndarray() for name, shape in shapes.items()}
        mx.nd.save(os.path.join(folder, "numpy.params"), arrays)


if __name__ == "__main__":
    main()
