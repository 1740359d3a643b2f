#!/usr/bin/env python3
"""Write the small input files that the command line tests use: make_inputs.py FOLDER

They are made without NumPy, so that the broken ones can be broken.

SPDX-License-Identifier: Apache-2.0
"""

import json
import pathlib
import struct
import sys
import zipfile

PIXELS = [(i * 7) % 17 for i in range(64)]


def npy(numbers, shape, descr="<f4", code="<f", fortran=False):
    """The bytes of a .npy file."""
    header = f"{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}"
    header = header.ljust(128 - 10 - 1) + "\n"
    data = b"".join(struct.pack(code, n) for n in numbers)
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data


def write_npz(path, arrays, compression):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in arrays.items():
            archive.writestr(name + ".npy", data)


def off_golden(golden, factor):
    """The demo's golden with the largest number (by magnitude) of its last array, (8, 10), multiplied."""
    data = bytearray(golden)
    shape = struct.pack("<2q", 8, 10)
    begin = data.rindex(shape) + len(shape) + 12
    numbers = struct.unpack_from("<80f", data, begin)
    largest = max(range(80), key=lambda i: abs(numbers[i]))
    struct.pack_into("<f", data, begin + 4 * largest, numbers[largest] * factor)
    return bytes(data)


def symbol(nodes, heads):
    arguments = [i for i, node in enumerate(nodes) if node["op"] == "null"]
    return json.dumps({"nodes": nodes, "arg_nodes": arguments, "heads": heads, "attrs": {"mxnet_version": ["int", 10901]}})


def main():
    folder = pathlib.Path(sys.argv[1])
    image = npy(PIXELS, (1, 1, 8, 8))
    files = {
        "image.npy": image,
        "float64.npy": npy(PIXELS, (1, 1, 8, 8), "<f8", "<d"),
        "bytes.npy": npy(PIXELS, (1, 1, 8, 8), "|u1", "<B"),
        "three.npy": npy(PIXELS * 3, (3, 1, 8, 8)),
        "wide.npy": npy(PIXELS, (1, 1, 4, 16)),
        "truncated.npy": image[:-1],
        "header.npy": image[:40],
        "overflow.npy": npy(PIXELS, (1 << 40, 1 << 40)),
        "big-endian.npy": npy(PIXELS, (1, 1, 8, 8), ">f4", ">f"),
        "fortran.npy": npy([PIXELS[i % 8 * 8 + i // 8] for i in range(64)], (1, 1, 8, 8), fortran=True),
        "empty.params": b"",
        "text.params": b"no parameters\n",
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    golden = (folder / "digits.golden.params").read_bytes()
    (folder / "off.golden.params").write_bytes(off_golden(golden, 1 + 1.5e-4))
    (folder / "far-off.golden.params").write_bytes(off_golden(golden, 1 + 2.5e-4))
    write_npz(folder / "images.npz", {"other": npy([1], (1,)), "data": image}, zipfile.ZIP_STORED)
    write_npz(folder / "compressed.npz", {"data": image}, zipfile.ZIP_DEFLATED)
    compressed = (folder / "compressed.npz").read_bytes()
    directory = compressed.index(b"PK\x01\x02")
    damaged = {"crc": (directory + 16, b"0000"), "size": (directory + 24, b"\xff\xff\xff\x7f"), "method": (directory + 10, b"\x0c")}
    for name, (at, new) in damaged.items():
        (folder / f"compressed-{name}.npz").write_bytes(compressed[:at] + new + compressed[at + len(new) :])
    (folder / "broken.npz").write_bytes((folder / "images.npz").read_bytes()[:-30])

    data = {"op": "null", "name": "data", "inputs": []}
    nodes = [data, {"op": "Foo", "name": "first", "inputs": [[0, 0, 0]]}, {"op": "relu", "name": "r", "inputs": [[1, 0, 0]]},
             {"op": "Bar", "name": "second", "inputs": [[2, 0, 0]]}]
    (folder / "unknown-symbol.json").write_text(symbol(nodes, [[3, 0, 0]]))
    (folder / "unknown-0000.params").write_bytes(struct.pack("<QQQQ", 0x112, 0, 0, 0))


if __name__ == "__main__":
    main()
