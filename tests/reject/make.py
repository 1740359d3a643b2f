#!/usr/bin/env python3
"""Writes checkpoints that must be refused: make.py DIRECTORY

DIRECTORY/AREA/CASE-symbol.json and CASE-0000.params for every CASE.err in this
folder's symbol/ and params/. In area symbol the parameters are fine and the
symbol is not, in area params the other way round. CASE.err holds the message
that loading CASE gives when it is loaded from inside DIRECTORY/AREA.

SPDX-License-Identifier: Apache-2.0
"""

import json
import struct
import sys
from pathlib import Path

V1, V2, V3 = 0xF993FAC8, 0xF993FAC9, 0xF993FACA
FLOAT32 = 0


def node(op, name, inputs=(), **fields):
    return {"op": op, "name": name, "inputs": [list(i) for i in inputs], **fields}


DATA, WEIGHT = node("null", "data"), node("null", "w")


def symbol(*nodes, heads=None, **fields):
    nodes = list(nodes)
    return {"nodes": nodes, "heads": heads or [[len(nodes) - 1, 0, 0]], **fields}


def one(**fields):
    """A convolution of data and w, with some of its fields replaced or (None) left out."""
    fields = {"op": "Convolution", "name": "conv0", "inputs": [[0, 0, 0], [1, 0, 0]], **fields}
    return symbol(DATA, WEIGHT, {k: v for k, v in fields.items() if v is not None})


def nested(depth):
    inner = symbol(DATA)
    for _ in range(depth):
        inner = symbol(node("_foreach", "loop", subgraphs=[inner]))
    return inner


def array(dims, data, magic=V2, storage=0, device=1, dtype=FLOAT32, n_dims=None):
    header = struct.pack("<IiI", magic, storage, len(dims) if n_dims is None else n_dims)
    return header + struct.pack(f"<{len(dims)}q", *dims) + struct.pack("<IiI", device, 0, dtype) + data


def row_sparse(row, magic=V2, dims=(5, 3)):
    """One stored row, called number `row`, of an array of `dims`."""
    header = struct.pack("<IiI2qI2q", magic, 1, 2, 1, 3, 2, *dims) + struct.pack("<IiI", 1, 0, FLOAT32)
    stored = struct.pack("<IIq3fq", 6, 1, 1, 1, 1, 1, row)
    return listed([header + stored], [b"arg:w"])


def listed(arrays, names, count=None, magic=0x112):
    data = struct.pack("<QQQ", magic, 0, len(arrays) if count is None else count) + b"".join(arrays)
    data += struct.pack("<Q", len(names))
    return data + b"".join(struct.pack("<Q", len(n)) + n for n in names)


ONES = struct.pack("<6f", *[1] * 6)
GOOD_ARRAY = array([2, 3], ONES)
GOOD_PARAMS = listed([GOOD_ARRAY], [b"arg:w"])
GOOD_SYMBOL = symbol(DATA, WEIGHT, node("elemwise_add", "sum", [(0, 0, 0), (1, 0, 0)]))
# The weight says what it is.
TYPED_SYMBOL = symbol(
    DATA,
    node("null", "w", attrs={"__shape__": "(2, 4)", "__dtype__": "0"}),
    node("elemwise_add", "sum", [(0, 0, 0), (1, 0, 0)]),
)


def one_array(**fields):
    return listed([array(fields.pop("dims", [2, 3]), ONES, **fields)], [b"arg:w"])


SYMBOLS = {
    "empty": b"",
    "not-json": b"mxnet",
    "cut": json.dumps(GOOD_SYMBOL).encode()[:100],
    "more-behind": json.dumps(GOOD_SYMBOL).encode() + b"{}",
    "duplicate-key": b'{"nodes": [], "nodes": []}',
    "not-utf8": b'{"nodes": [{"op": "null", "name": "\xff", "inputs": []}]}',
    "nul-in-name": b'{"nodes": [{"op": "null", "name": "a\\u0000b", "inputs": []}]}',
    "integer-overflow": b'{"nodes": [], "heads": [[99999999999999999999, 0]]}',
    "real-overflow": b'{"nodes": [], "heads": [[1e999, 0]]}',
    "deep-json": b"[" * 5000,
    "top-is-an-array": [],
    "no-nodes": {"heads": []},
    "no-heads": {"nodes": [DATA]},
    "empty-heads": {"nodes": [DATA], "heads": []},
    "unknown-field": {**GOOD_SYMBOL, "head": []},
    "node-is-a-number": {"nodes": [7], "heads": [[0, 0]]},
    "no-op": one(op=None),
    "no-name": one(name=None),
    "no-inputs": one(inputs=None),
    "op-is-a-number": one(op=5),
    "unknown-node-field": one(input=[]),
    "variable-with-inputs": one(op="null"),
    "input-is-a-number": one(inputs=[0]),
    "input-of-four": one(inputs=[[0, 0, 0, 0]]),
    "input-out-of-range": one(inputs=[[7, 0, 0]]),
    "input-negative": one(inputs=[[-1, 0, 0]]),
    "input-of-itself": one(inputs=[[2, 0, 0]]),
    "not-in-order": symbol(DATA, node("relu", "a", [(2, 0)]), node("relu", "b", [(0, 0)])),
    "cycle": symbol(DATA, node("relu", "a", [(2, 0)]), node("relu", "b", [(1, 0)])),
    "input-is-a-real": one(inputs=[[0.5, 0, 0]]),
    "output-of-a-variable": one(inputs=[[0, 1, 0]]),
    "output-huge": one(inputs=[[0, 4294967295, 0]]),
    "outputs-too-many": symbol(
        *[node("split", f"s{i}") for i in range(17)], heads=[[i, 65535, 0] for i in range(17)]
    ),
    "head-out-of-range": symbol(DATA, heads=[[1, 0, 0]]),
    "attrs-is-an-array": one(attrs=[]),
    "attribute-is-null": one(attrs={"kernel": None}),
    "attribute-is-an-array": one(attr={"kernel": [3, 3]}),
    "arg-node-out-of-range": symbol(DATA, arg_nodes=[1]),
    "arg-node-is-an-operator": symbol(DATA, node("relu", "r", [(0, 0)]), arg_nodes=[1]),
    "version-is-a-number": symbol(DATA, attrs={"mxnet_version": 10901}),
    "version-is-text": symbol(DATA, attrs={"mxnet_version": ["int", "1.9.1"]}),
    "subgraph-is-broken": one(subgraphs=[symbol(DATA), symbol(DATA, node("relu", "r", [(5, 0)]))]),
    "subgraphs-too-deep": nested(40),
}

PARAMS = {
    "empty": b"",
    "wrong-magic": listed([GOOD_ARRAY], [b"arg:w"], magic=0x113),
    "cut-header": GOOD_PARAMS[:20],
    "cut-shape": GOOD_PARAMS[:40],
    "cut-data": GOOD_PARAMS[:80],
    "cut-name": GOOD_PARAMS[:-2],
    "more-behind": GOOD_PARAMS + b"\0",
    "count-huge": listed([GOOD_ARRAY], [b"arg:w"], count=1 << 60),
    "count-too-large": listed([GOOD_ARRAY], [], count=2),
    "names-too-few": listed([GOOD_ARRAY] * 2, [b"arg:w"]),
    "unknown-format": one_array(magic=0xF993FACB),
    "row-sparse-row": row_sparse(5),
    "row-sparse-huge": row_sparse(1, dims=(1 << 50, 3)),
    "row-sparse-cut": row_sparse(1)[:90],
    "csr-shapes": one_array(storage=2),
    "storage-unknown": one_array(storage=9),
    "row-sparse-v3": row_sparse(1, magic=V3),
    "dimensions-negative": one_array(n_dims=0x80000000),
    "dimensions-20": one_array(dims=[1] * 20),
    "dimensions-33": one_array(dims=[1] * 33),
    "dimension-negative": one_array(dims=[-2, 3]),
    "elements-overflow": one_array(dims=[1 << 62, 1 << 62]),
    "bytes-overflow": one_array(dims=[1 << 61, 2]),
    "data-huge": one_array(dims=[1 << 40, 3]),
    "device-unknown": one_array(device=0),
    "dtype-unknown": one_array(dtype=77),
    "dtype-uint16": one_array(dtype=9),
    "name-not-utf8": listed([GOOD_ARRAY], [b"arg:\xff"]),
    "name-with-nul": listed([GOOD_ARRAY], [b"arg:w\0"]),
    "name-twice": listed([GOOD_ARRAY] * 2, [b"arg:w", b"arg:w"]),
    "array-is-none": listed([struct.pack("<IiI", V2, 0, 0)], [b"arg:w"]),
    "shape-contradicts": (TYPED_SYMBOL, GOOD_PARAMS),
    "dtype-contradicts": (TYPED_SYMBOL, one_array(dims=[2, 4], dtype=6)[: 24 + 40] + bytes(64) + GOOD_PARAMS[-21:]),
    "shape-malformed": (symbol(node("null", "w", attrs={"__shape__": "2 by 3"})), GOOD_PARAMS),
    "dtype-malformed": (symbol(node("null", "w", attrs={"__dtype__": "float31"})), GOOD_PARAMS),
}


def write_case(folder, case, graph, params):
    text = graph if isinstance(graph, bytes) else json.dumps(graph, indent=1).encode()
    (folder / f"{case}-symbol.json").write_bytes(text)
    (folder / f"{case}-0000.params").write_bytes(params)


def main():
    directory = Path(sys.argv[1])
    for area in ("symbol", "params"):
        (directory / area).mkdir(parents=True, exist_ok=True)
    for case, graph in SYMBOLS.items():
        write_case(directory / "symbol", case, graph, GOOD_PARAMS)
    for case, made in PARAMS.items():
        graph, params = made if isinstance(made, tuple) else (GOOD_SYMBOL, made)
        write_case(directory / "params", case, graph, params)


if __name__ == "__main__":
    main()
