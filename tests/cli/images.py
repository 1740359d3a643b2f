"""Small PNG and JPEG files without a library, so that the tests know every pixel and can break them.

SPDX-License-Identifier: Apache-2.0
"""

import struct
import zlib

GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, colours, pixels, depth=8, palette=b"", interlaced=False):
    """`pixels` holds the bytes of each pixel, from the top left."""
    rows = b""
    for x0, y0, dx, dy in ADAM7 if interlaced else [(0, 0, 1, 1)]:
        for y in range(y0, height, dy):
            row = b"".join(pixels[y * width + x] for x in range(x0, width, dx))
            rows += b"\0" + row if row else b""
    header = struct.pack(">IIBBBBB", width, height, depth, colours, 0, 0, int(interlaced))
    parts = [chunk(b"IHDR", header), chunk(b"PLTE", palette) if palette else b"", chunk(b"IDAT", zlib.compress(rows))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts) + chunk(b"IEND", b"")


def exif(orientation, order="<"):
    mark = b"II" if order == "<" else b"MM"
    entry = struct.pack(order + "HHIHH", 0x112, 3, 1, orientation, 0)
    return b"Exif\0\0" + mark + struct.pack(order + "HIH", 42, 8, 1) + entry + bytes(4)


class BitWriter:
    """Bits of a JPEG scan: a byte of ones is followed by a zero byte, the end is filled with ones."""

    def __init__(self):
        self.bits = ""

    def put(self, number, n):
        self.bits += f"{number:0{n}b}" if n else ""

    def bytes(self):
        bits = self.bits + "1" * (-len(self.bits) % 8)
        data = bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))
        return data.replace(b"\xff", b"\xff\0")


def segment(marker, data):
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(data) + 2) + data


def jpeg(width, height, blocks, exif_data=b""):
    """A baseline JPEG whose blocks of 8 x 8 pixels are flat: `blocks` holds a tuple of components (grey; Y, Cb, Cr;
    or four) for each."""
    n = len(blocks[0])
    out = BitWriter()
    last = [128] * n
    for block in blocks:
        for i, value in enumerate(block):
            difference, last[i] = value - last[i], value
            size = abs(difference).bit_length()
            out.put(size, 4)
            out.put(difference if difference >= 0 else difference + (1 << size) - 1, size)
            out.put(0, 1)  # no other coefficient
    frame = struct.pack(">BHHB", 8, height, width, n) + b"".join(bytes([i + 1, 0x11, 0]) for i in range(n))
    scan = bytes([n]) + b"".join(bytes([i + 1, 0]) for i in range(n)) + b"\0\x3f\0"
    return b"".join(
        [
            b"\xff\xd8",
            segment(0xE1, exif_data) if exif_data else b"",
            segment(0xDB, b"\0" + b"\x08" * 64),
            segment(0xC0, frame),
            segment(0xC4, b"\0" + bytes([0, 0, 0, 12] + [0] * 12) + bytes(range(12))),
            segment(0xC4, b"\x10" + bytes([1] + [0] * 15) + b"\0"),
            segment(0xDA, scan),
            out.bytes(),
            b"\xff\xd9",
        ]
    )
