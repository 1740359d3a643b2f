"""What the tests of mx_neuron inside MXNet share.

SPDX-License-Identifier: Apache-2.0
"""

import contextlib
import os
import pathlib
import site
import subprocess
import sys
import tempfile
import textwrap
import unittest

os.environ["MXNET_SUBGRAPH_BACKEND"] = "NONE"
ROOT = pathlib.Path(__file__).resolve().parents[3]
PACKAGE = os.environ.get("MXN_PACKAGE", str(ROOT / "python"))
site.addsitedir(PACKAGE)  # reads mx_neuron.pth, as Python does where the package is installed

import mxnet as mx

DEMO = ROOT / "examples/demo/digits"
SHARED = pathlib.Path(os.environ["MXN_SHARED"])
needs_shared = unittest.skipUnless(SHARED.is_dir(), f"no folder {SHARED} (MXN_SHARED names it)")


def run_python(code, *options, **environment):
    """A new Python with the package, as its users start it."""
    code = f"import site; site.addsitedir({PACKAGE!r})\n{textwrap.dedent(code)}"
    return subprocess.run([sys.executable, *options, "-c", code], capture_output=True, text=True, check=False,
                          env={**os.environ, **environment}, timeout=300)


class TestCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def demo(self):
        return mx.model.load_checkpoint(str(DEMO), 0)

    def image(self, n=1):
        return mx.nd.random.uniform(shape=(n, 1, 8, 8))

    def says(self, expected, code, *options, **environment):
        """A new Python ends well and its last line is this."""
        done = run_python(code, *options, **environment)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.strip().split("\n")[-1], expected, done.stderr)
        return done

    @contextlib.contextmanager
    def refused(self, kind, *texts):
        """Raises an MXNetError of this kind as well, which says what was expected and what came."""
        with self.assertRaises(mx.MXNetError) as caught:
            yield
        self.assertIsInstance(caught.exception, kind)
        for text in texts:
            self.assertIn(text, str(caught.exception))
