#!/usr/bin/env python3
"""Compare MXNet's C predict API on a compiled checkpoint with the original in Python.

    run_predict.py EXTENSION.so PREDICT ORIGINAL_PREFIX COMPILED_PREFIX N,C,H,W

PREDICT is tests/mxnet/predict.c, linked with MXNet. Ends with how many checks passed.

SPDX-License-Identifier: Apache-2.0
"""

import subprocess
import sys

import numpy as np

import mxnet as mx

THREADS = 3


def main():
    extension, predict, original, compiled, text = sys.argv[1:]
    shape = [int(number) for number in text.split(",")]
    data = np.random.RandomState(3).uniform(size=shape).astype("float32")
    symbol, args, aux = mx.model.load_checkpoint(original, 0)
    executor = symbol.simple_bind(mx.cpu(), data=tuple(shape), grad_req="null")
    executor.copy_params_from(args, aux)
    expected = executor.forward(data=data)[0].asnumpy()
    command = [predict, extension, compiled, *[str(number) for number in shape], str(THREADS)]
    done = subprocess.run(command, input=data.tobytes(), stdout=subprocess.PIPE, check=False)
    found = np.frombuffer(done.stdout, "float32")
    names = ["a predictor", "a reshaped predictor", *[f"a predictor of thread {i}" for i in range(THREADS)]]
    failed = 0
    for i, name in enumerate(names):
        output = found[i * expected.size:(i + 1) * expected.size]
        is_right = output.size == expected.size and abs(output - expected.ravel()).max() <= 1e-5 * abs(expected).max()
        print("  ok     " if is_right else "  FAILED ", name)
        failed += not is_right
    print("  ok     " if done.returncode == 0 else "  FAILED ", "exit status", done.returncode)
    failed += done.returncode != 0
    print(f"{len(names) + 1 - failed} passed, {failed} failed, 0 skipped")
    sys.exit(failed > 0)


main()
