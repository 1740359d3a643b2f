"""What is there after `import mxnet`, and what an import never suffers from.

SPDX-License-Identifier: Apache-2.0
"""

import os
import pathlib
import re
import subprocess
import sys
import textwrap
import unittest

import numpy as np
from common import DEMO, PACKAGE, TestCase, mx, run_python

ALL_NAMES = """
    import mxnet as mx
    from mxnet.contrib import neuron
    import mxnet.contrib.neuron as again
    import mx_neuron
    print(neuron is again is mx_neuron is mx.contrib.neuron, callable(neuron.compile), mx.neuron() == mx.cpu())
"""


class Import(TestCase):
    def fake(self, text):
        """Another `mxnet` before the real one."""
        package = self.folder / "mxnet"
        package.mkdir()
        (package / "__init__.py").write_text(text)
        (package / "contrib").mkdir()
        for name, body in (("contrib/__init__", ""), ("context", ""), ("symbol", "class Symbol:\n  pass\n"),
                           ("gluon", "class Block:\n  pass\n"), ("base", "class MXNetError(RuntimeError):\n  pass\n")):
            (package / f"{name}.py").write_text(body)
        return {"PYTHONPATH": str(self.folder)}

    def test_all_names(self):
        self.says("True True True", ALL_NAMES)

    def test_our_name_first(self):
        self.says("True True True", "import mx_neuron\n" + textwrap.dedent(ALL_NAMES))

    def test_without_the_pth(self):
        for first, second in (("mx_neuron", "mxnet"), ("mxnet", "mx_neuron")):
            code = f"import {first}, {second}; print(mxnet.contrib.neuron is mx_neuron, mxnet.neuron(2))"
            done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False,
                                  env={**os.environ, "PYTHONPATH": PACKAGE})
            self.assertEqual(done.stdout, "True cpu_pinned(2)\n", done.stderr)

    def test_the_operator_is_registered_once(self):
        for module in (mx.nd, mx.sym):
            self.assertTrue(callable(module._internal._neuron_subgraph_op))
        self.says("fine", """
            import importlib, sys
            import mxnet
            from mx_neuron import _mxnet
            _mxnet.install(mxnet)
            importlib.reload(sys.modules["mx_neuron"])
            print("fine")
        """)

    def test_without_mxnet_nothing_happens(self):
        done = self.says("False False", """
            import sys
            print("mx_neuron" in sys.modules, "numpy" in sys.modules)
        """)
        self.assertEqual(done.stderr, "")

    def test_costs_little_at_every_start(self):
        done = run_python("", "-X", "importtime")
        found = re.search(r"(\d+) \|\s+\d+ \|\s+_mx_neuron_hook", done.stderr)
        self.assertLess(int(found.group(1)), 5000, "microseconds")

    def test_a_broken_mxnet_fails_as_it_would(self):
        done = run_python("import mxnet", **self.fake("raise ImportError('libmxnet.so is not there')\n"))
        self.assertEqual(done.returncode, 1)
        self.assertIn("ImportError: libmxnet.so is not there", done.stderr)
        self.assertNotIn("mx_neuron:", done.stderr)

    def test_we_work_beside_a_broken_mxnet(self):
        """One that breaks half way, and one of which only the folder is there."""
        code = f"""
            import mx_neuron
            try:
                import mxnet
            except AttributeError as error:
                print(error)
            sym, args, aux = mx_neuron.load_checkpoint({str(DEMO)!r}, 0)
            compiled = mx_neuron.compile(sym, args, aux, {{"data": [[[[1.0] * 8] * 8]]}})
            print(mx_neuron.Predictor(*compiled).run({{"data": [[[[1.0] * 8] * 8]]}})[0].shape)
        """
        broken = self.fake("from . import base, gluon\nimport numpy\nnumpy.no_such_name\n")
        done = self.says("(1, 10)", code, **broken)
        self.assertIn("module 'numpy' has no attribute 'no_such_name'", done.stdout)
        (self.folder / "mxnet/__init__.py").unlink()
        (self.folder / "numpy").symlink_to(pathlib.Path(np.__file__).parent)
        hide_mxnet = f"import sys; sys.path.remove({str(pathlib.Path(mx.__file__).parents[1])!r})\n"
        done = self.says("(1, 10)", hide_mxnet + textwrap.dedent(code), **broken)
        self.assertEqual(done.stderr, "")

    def test_no_mxnet_fails_as_it_would(self):
        done = run_python("import sys; sys.path = [p for p in sys.path if 'site-packages' not in p]; import mxnet")
        self.assertIn("ModuleNotFoundError: No module named 'mxnet'", done.stderr)

    def test_a_broken_package_leaves_mxnet_alone(self):
        done = self.says("1.9.1", "import mxnet; print(mxnet.__version__)", "-W", "error::RuntimeWarning", MXNEURON_LIBRARY="/nowhere.so")
        self.assertIn("mx_neuron: not available in MXNet: cannot load /nowhere.so", done.stderr)

    def test_another_version_is_refused(self):
        done = self.says("2", """
            import mxnet as mx
            n_refused = 0
            for call in (lambda: mx.neuron(), lambda: mx.contrib.neuron.compile(mx.symbol.Symbol(), {}, {}, {})):
                try:
                    call()
                except mx.base.MXNetError as error:
                    n_refused += "MXNet 1.8.0 is not supported" in str(error) and "MXNet 1.9" in str(error)
            print(n_refused)
        """, **self.fake("__version__ = '1.8.0'\nfrom . import base, context, contrib, gluon, symbol\n"))
        self.assertIn("MXNet 1.8.0 is not supported", done.stderr)

    def test_random_copies(self):
        code = "import os, mxnet; print(os.environ['MXNET_CPU_PARALLEL_RAND_COPY'])"
        self.says("3", code, MXNET_CPU_PARALLEL_RAND_COPY="3")
        self.assertGreaterEqual(int(os.environ["MXNET_CPU_PARALLEL_RAND_COPY"]), 4)


class Contexts(TestCase):
    def test_are_contexts_of_mxnet(self):
        self.assertEqual(mx.neuron(0), mx.cpu())
        self.assertEqual((repr(mx.neuron(3)), repr(mx.Context(mx.neuron(3)))), ("neuron(3)", "neuron(3)"))
        self.assertEqual((repr(mx.cpu_pinned()), repr(mx.cpu(2))), ("cpu_pinned(0)", "cpu(2)"))
        array = mx.nd.array([1, 2], ctx=mx.neuron(1))
        self.assertEqual(array.context, mx.neuron(1))
        with mx.neuron(2):
            self.assertEqual(mx.nd.ones((2,)).context, mx.neuron(2))
        self.assertEqual((array.as_in_context(mx.cpu()) + 1).asnumpy().tolist(), [2, 3])

    def test_wrong_ones(self):
        for value, kind, text in ((-1, ValueError, "got -1"), (64, ValueError, "expected 0 to 63, got 64"),
                                  ("1", TypeError, "expected a number, got '1'"), (1.5, TypeError, "got 1.5"),
                                  (None, TypeError, "got None"), (True, ValueError, "got True")):
            with self.refused(kind, "device_id", text):
                mx.neuron(value)


if __name__ == "__main__":
    unittest.main()
