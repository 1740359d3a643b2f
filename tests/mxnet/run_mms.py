#!/usr/bin/env python3
"""Serve compiled checkpoints with a real Multi Model Server, as examples/mms says.

    run_mms.py EXTENSION.so WORK NAME PREFIX COMPILED_PREFIX FOLDER IMAGE [NAME PREFIX ...]

FOLDER has signature.json and synset.txt; PREFIX is the checkpoint before it was compiled, with which MXNet says what the
server's answer for IMAGE has to be. Prints a line for each check and ends with how many passed.

SPDX-License-Identifier: Apache-2.0
"""

import json
import os
import random
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np

import mxnet as mx

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS, ANSWER_SECONDS = 120, 120


class Server:
    """The server with its own folder, ports and temporary files."""

    def __init__(self, build, work):
        self.work = work
        self.management, self.inference = self.free_ports()
        (work / "site").mkdir(parents=True)
        # What pip install does with the package: mx_neuron.pth is read when Python starts.
        (work / "site" / "sitecustomize.py").write_text(f"import site\nsite.addsitedir({str(ROOT / 'python')!r})\n")
        (work / "config.properties").write_text(
            f"inference_address=http://127.0.0.1:{self.inference}\n"
            f"management_address=http://127.0.0.1:{self.management}\n"
            "default_workers_per_model=1\ndecode_input_request=false\n"
        )
        folders = [str(Path(sys.executable).parent), os.environ["PATH"]]
        self.environment = dict(
            os.environ,
            PATH=":".join(folders),
            PYTHONPATH=str(work / "site"),
            MXNEURON_LIBRARY=str(build),
            TMPDIR=str(work),
            TEMP=str(work),
        )

    @staticmethod
    def free_ports():
        """Two that nobody listens on; the server refuses those above 32767."""
        found = []
        while len(found) < 2:
            port = random.randrange(10000, 32768)
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) != 0 and port not in found:
                    found.append(port)
        return found

    def command(self, *arguments):
        with open(self.work / "server.log", "a") as log:
            subprocess.run(
                arguments,
                cwd=self.work,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=True,
            )

    def archive(self, name, prefix, folder):
        self.command(str(ROOT / "examples/mms/archive.sh"), str(prefix), str(folder), name, str(self.work / "store"))

    def start(self):
        self.command("multi-model-server", "--start", "--model-store", "store", "--mms-config", "config.properties")
        end = time.monotonic() + START_SECONDS
        while True:
            try:
                return self.request(self.inference, "GET", "/ping")
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.2)

    def stop(self):
        self.command("multi-model-server", "--stop")

    @staticmethod
    def request(port, method, path, body=None):
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body, method=method)
        request.add_header("Content-Type", "application/octet-stream")
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
            return json.loads(answer.read())

    def register(self, name):
        query = f"url={name}.mar&initial_workers=1&synchronous=true&response_timeout={ANSWER_SECONDS}"
        return self.request(self.management, "POST", f"/models?{query}")

    def predict(self, name, body):
        return self.request(self.inference, "POST", f"/predictions/{name}", body)

    def unregister(self, name):
        return self.request(self.management, "DELETE", f"/models/{name}")


def expected_answer(prefix, folder, image):
    """The five likeliest classes by MXNet's own operators."""
    signature = json.loads((folder / "signature.json").read_text())["inputs"][0]
    _, channels, height, width = signature["data_shape"]
    pixels = mx.image.imdecode(image.read_bytes(), flag=int(channels == 3))
    pixels = mx.image.imresize(pixels, width, height).asnumpy().astype("float32")
    numbers = (pixels - np.float32(signature.get("mean", 0))) * np.float32(signature["scale"])
    symbol, args, aux = mx.model.load_checkpoint(str(prefix), 0)
    executor = symbol.simple_bind(mx.cpu(), data=(1, channels, height, width), grad_req="null")
    executor.copy_params_from(args, aux, allow_extra_params=True)
    row = executor.forward(data=mx.nd.array(numbers.transpose(2, 0, 1)[None]))[0].asnumpy()[0]
    classes = (folder / "synset.txt").read_text().splitlines()
    return [{"class": classes[i], "probability": float(row[i])} for i in row.argsort()[::-1][:5]]


def is_same(found, expected):
    return [f["class"] for f in found] == [e["class"] for e in expected] and all(
        abs(f["probability"] - e["probability"]) < 1e-4 for f, e in zip(found, expected)
    )


def status_of(call, *arguments):
    try:
        call(*arguments)
        return 200
    except urllib.error.HTTPError as error:
        return error.code


def serve(server, models, check):
    for name, prefix, folder, image in models:
        registered = server.register(name)
        check(f"{name}: register", registered == {"status": "Workers scaled"}, registered)
        found, expected = server.predict(name, image.read_bytes()), expected_answer(prefix, folder, image)
        check(f"{name}: the answer is MXNet's", is_same(found, expected), found, expected)
        check(f"{name}: what is no image is a bad request", status_of(server.predict, name, b"no image") == 400)
        check(f"{name}: and the worker goes on", is_same(server.predict(name, image.read_bytes()), expected))
    for name, *_ in models:
        check(f"{name}: unregister", "unregistered" in server.unregister(name)["status"])
        check(f"{name}: is gone", status_of(server.predict, name, b"") == 404)


def main():
    extension, work, *rest = (Path(a) for a in sys.argv[1:])
    counts = [0, 0]

    def check(name, is_right, *seen):
        counts[not is_right] += 1
        print(f"  {'ok    ' if is_right else 'FAILED'} {name}", *(() if is_right else seen), flush=True)

    models = []
    server = Server(extension.parent, work.resolve())
    for name, prefix, compiled, folder, image in zip(*[iter(rest)] * 5):
        server.archive(str(name), compiled, folder)
        models.append((str(name), prefix, folder, image))
    server.start()
    try:
        serve(server, models, check)
    finally:
        server.stop()
    check("the server is stopped", status_when_stopped(server))
    print(f"{counts[0]} passed, {counts[1]} failed, 0 skipped")
    return counts[1] != 0


def status_when_stopped(server):
    """True as soon as nobody answers."""
    for _ in range(50):
        try:
            server.request(server.inference, "GET", "/ping")
        except OSError:
            return True
        time.sleep(0.2)
    return False


if __name__ == "__main__":
    sys.exit(main())
