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

import images

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


def image_files():
    """The digit as every kind of PNG, a colour image, and JPEGs of flat blocks."""
    grey = [bytes([p]) for p in PIXELS]
    colour = [bytes([10 * i, 100 + i, 200 - i]) for i in range(8)]
    palette = b"".join(bytes([i, i, i]) for i in range(17))
    wide = images.jpeg(16, 8, [(40,), (200,)])
    digit = images.png(8, 8, images.GREY, grey)
    big = images.png(1, 1, images.GREY, [b"\0"])
    big = big[:8] + images.chunk(b"IHDR", struct.pack(">IIBBBBB", 100000, 100000, 8, 0, 0, 0, 0)) + big[33:]
    return {
        "digit.png": digit,
        "digit,comma.png": digit,
        "digit-rgb.png": images.png(8, 8, images.RGB, [p * 3 for p in grey]),
        "digit-alpha.png": images.png(8, 8, images.GREY_ALPHA, [p + b"\x80" for p in grey]),
        "digit-rgba.png": images.png(8, 8, images.RGBA, [p * 3 + b"\0" for p in grey]),
        "digit-16.png": images.png(8, 8, images.GREY, [p + b"\xff" for p in grey], depth=16),
        "digit-palette.png": images.png(8, 8, images.PALETTE, grey, palette=palette),
        "digit-interlaced.png": images.png(8, 8, images.GREY, grey, interlaced=True),
        "double.png": images.png(16, 16, images.GREY, [grey[y // 2 * 8 + x // 2] for y in range(16) for x in range(16)]),
        "colour.png": images.png(4, 2, images.RGB, colour),
        "one-bit.png": images.png(8, 1, images.GREY, [b"\xa5"] + [b""] * 7, depth=1),
        "wide.jpg": wide,
        "yellow.jpg": images.jpeg(8, 8, [(180, 40, 150)]),
        "turned.jpg": images.jpeg(16, 8, [(40,), (200,)], images.exif(6)),
        "turned-motorola.jpg": images.jpeg(16, 8, [(40,), (200,)], images.exif(3, ">")),
        "cmyk.jpg": images.jpeg(8, 8, [(10, 20, 30, 40)]),
        "truncated.jpg": wide[:-4],
        "headless.jpg": wide[:60],
        "truncated.png": digit[:-30],
        "damaged.png": digit[:45] + bytes([digit[45] ^ 1]) + digit[46:],
        "big.png": big,
        "big.jpg": images.jpeg(65000, 65000, [(1,)]),
    }


def number_files():
    """The digit as JSON and as bare numbers, and files that are nearly that."""
    rows = [PIXELS[i : i + 8] for i in range(0, 64, 8)]
    raw = struct.pack("<64f", *PIXELS)
    texts = {
        "flat.json": PIXELS,
        "nested.json": [[rows]],
        "object.json": {"id": "seven", "data": [[[[x + 0.0 for x in row] for row in rows]]]},
        "ragged.json": [[1, 2], [3]],
        "text.json": [[1, "2"]],
        "deeper.json": [1, [2]],
        "empty.json": [[], []],
        "without-lists.json": {"id": "seven"},
        "two.json": {"a": [1], "b": [2]},
        "item.json": [rows],
        "large.json": [[[1e300] * 8] * 8],
        "short.json": PIXELS[:-1],
    }
    files = {name: json.dumps(value).encode() for name, value in texts.items()}
    files.update({"digit.raw": raw, "digits.bin": raw * 2, "short.raw": raw[:-1], "empty.raw": b""})
    files.update({"broken.json": b"[1, 2,\n 3", "nested-deep.json": b"[" * 3000, "deep.json": b"[" * 17 + b"1" + b"]" * 17})
    return files


def main():
    folder = pathlib.Path(sys.argv[1])
    image = npy(PIXELS, (1, 1, 8, 8))
    files = {
        "image.npy": image,
        "float64.npy": npy(PIXELS, (1, 1, 8, 8), "<f8", "<d"),
        "bytes.npy": npy(PIXELS, (1, 1, 8, 8), "|u1", "<B"),
        "none.npy": npy([], (0, 1, 8, 8)),
        "nan.npy": npy([float("nan"), -float("nan"), float("inf"), -float("inf")], (1, 4)),
        "three.npy": npy(PIXELS * 3, (3, 1, 8, 8)),
        "wide.npy": npy(PIXELS, (1, 1, 4, 16)),
        "truncated.npy": image[:-1],
        "header.npy": image[:40],
        "overflow.npy": npy(PIXELS, (1 << 40, 1 << 40)),
        "big-endian.npy": npy(PIXELS, (1, 1, 8, 8), ">f4", ">f"),
        "fortran.npy": npy([PIXELS[i % 8 * 8 + i // 8] for i in range(64)], (1, 1, 8, 8), fortran=True),
        "empty.params": b"",
        "text.params": b"no parameters\n",
        "labels.txt": b"".join(b"the digit %d\n" % i for i in range(10)),
        "labels-9.txt": b"label\n" * 9,
        "labels.bin": b"\xff\xfe\n" * 10,
        **image_files(),
        **number_files(),
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
    stored = (folder / "images.npz").read_bytes()
    (folder / "broken.npz").write_bytes(stored[:-30])
    directory, last = stored.index(b"PK\x01\x02"), stored.rindex(b"PK\x01\x02")
    (folder / "stored-byte.npz").write_bytes(stored[: directory - 1] + b"\x42" + stored[directory:])
    (folder / "stored-size.npz").write_bytes(stored[: last + 20] + b"\x01\0\0\0" + stored[last + 24 :])

    data = {"op": "null", "name": "data", "inputs": []}
    nodes = [data, {"op": "Foo", "name": "first", "inputs": [[0, 0, 0]]}, {"op": "relu", "name": "r", "inputs": [[1, 0, 0]]},
             {"op": "Bar", "name": "second", "inputs": [[2, 0, 0]]}]
    (folder / "unknown-symbol.json").write_text(symbol(nodes, [[3, 0, 0]]))
    for name, variable in {"copy": data, "copy-of-integers": {**data, "attrs": {"__dtype__": "4"}}}.items():
        nodes = [variable, {"op": "identity", "name": "copy", "inputs": [[0, 0, 0]]}]
        (folder / f"{name}-symbol.json").write_text(symbol(nodes, [[1, 0, 0]]))
        (folder / f"{name}-0000.params").write_bytes(struct.pack("<QQQQ", 0x112, 0, 0, 0))
    (folder / "unknown-0000.params").write_bytes(struct.pack("<QQQQ", 0x112, 0, 0, 0))


if __name__ == "__main__":
    main()
