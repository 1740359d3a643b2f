"""`mxneuron run` on files against the real MXNet: run_inputs.py MXNEURON SHARED GENERATED

Decoding and resizing must give MXNet's bytes (image.imdecode, image.imresize), real models MXNet's arrays within 1e-4
of the largest, and the digits of sm-mnist MXNet's classes. GENERATED holds what tests/cli/make_inputs.py makes. The
last line is "N passed, N failed".

SPDX-License-Identifier: Apache-2.0
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ["MXNET_SUBGRAPH_BACKEND"] = "NONE"
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))

import golden
import numpy as np

import mxnet as mx

MXNEURON, SHARED, GENERATED = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
SIZES = [None, (112, 84), (300, 500), (640, 240), (1, 1), (448, 336)]
TOLERANCE = 1e-4
results = []


def run(prefix, *options):
    """The outputs of `mxneuron run`, by name."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/out.params"
        subprocess.run([MXNEURON, "run", str(prefix), "--output", path, *options], check=True)
        return {name: array.asnumpy() for name, array in mx.nd.load(path).items()}


def check(name, passed, text=""):
    results.append(passed)
    print(f"{'ok' if passed else 'FAILED'} {name} {text}")


def decode(path, n_channels=3, size=None):
    pixels = mx.image.imdecode(path.read_bytes(), flag=1 if n_channels == 3 else 0)
    return (mx.image.imresize(pixels, *size, interp=1) if size else pixels).asnumpy()


def check_pixels(path):
    """Through a model that gives back its input, for as many channels as the file has."""
    for size in SIZES:
        resize = ["--resize", "{}x{}".format(*size)] if size else []
        found = run(GENERATED / "copy", f"--input=data={path}", "--layout=NHWC", "--reference", *resize)["copy_output"][0]
        expected = decode(path, found.shape[2], size)
        same = found.shape == expected.shape and np.array_equal(found, expected)
        check(f"{path.name} {size or ''}", same, f"{found.shape}")


def outputs_by_mxnet(prefix, batch):
    symbol = mx.sym.load(f"{prefix}-symbol.json")
    arrays = {name.split(":", 1)[1]: array for name, array in mx.nd.load(f"{prefix}-0000.params").items()}
    return dict(zip(symbol.list_outputs(), golden.evaluate(symbol, arrays, {"data": batch}), strict=False))


def check_model(name, paths, size, mean, scale):
    prefix = SHARED / "models" / name / name
    batch = np.stack([decode(path, size=size) for path in paths]).astype(np.float32)
    batch = np.ascontiguousarray(((batch - np.float32(mean)) * np.float32(scale)).transpose(0, 3, 1, 2))
    resize = ["--resize", "{}x{}".format(*size)] if size else []
    found = run(prefix, "--input=data=" + ",".join(map(str, paths)), f"--mean={mean}", f"--scale={scale}", *resize)
    for output, expected in outputs_by_mxnet(prefix, batch).items():
        error = np.abs(found[output] - expected).max() / np.abs(expected).max()
        names = " ".join(path.name for path in paths)
        check(f"{name} {names}: {output}", error <= TOLERANCE, f"{expected.shape}, relative error {error:.3g}")


def check_digits():
    prefix = SHARED / "models/sm-mnist-mlp/sm-mnist-mlp"
    files = sorted((SHARED / "inputs/sm-mnist").glob("*.json"))
    batch = np.array([json.loads(f.read_text(encoding="utf-8")) for f in files], np.float32)
    found = run(prefix, "--input=data=" + ",".join(map(str, files)))["softmax_output"]
    expected = outputs_by_mxnet(prefix, batch)["softmax_output"]
    check("digits", np.array_equal(found.argmax(1), expected.argmax(1)), f"{expected.argmax(1)}")
    check("digits: probabilities", np.abs(found - expected).max() <= TOLERANCE)


def main():
    photographs = sorted((SHARED / "inputs/images").glob("*.jpg"))
    made = ["digit.png", "digit-alpha.png", "digit-rgba.png", "digit-16.png", "digit-palette.png", "digit-interlaced.png",
            "one-bit.png", "colour.png", "wide.jpg", "yellow.jpg", "turned.jpg", "turned-motorola.jpg"]  # fmt: skip
    for path in [*photographs, *(GENERATED / name for name in made)]:
        check_pixels(path)
    check_digits()
    for path in photographs:
        check_model("mtcnn-det1-pnet", [path], None, 127.5, 0.0078125)
    check_model("mtcnn-det1-pnet", photographs, (90, 70), 127.5, 0.0078125)
    for path in photographs:
        check_model("lffd-head", [path], None, 0, 1)
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")


main()
