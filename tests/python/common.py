"""What the tests share: where checkpoints are, and how they are compared.

SPDX-License-Identifier: Apache-2.0
"""

import os
import pathlib
import tempfile
import unittest

import mx_neuron

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DEMO = ROOT / "examples/demo/digits"
MODELS = ROOT / "tests/models"
SHARED = pathlib.Path(os.environ["MXN_SHARED"])
MXNET = pathlib.Path(os.environ["MXN_VENV_MXNET"]) / "bin/python"

needs_shared = unittest.skipUnless(SHARED.is_dir(), f"no folder {SHARED} (MXN_SHARED names it)")
needs_mxnet = unittest.skipUnless(MXNET.exists(), "no MXNet 1.9.1 (MXN_VENV_MXNET names its environment)")

TOLERANCE = 1e-4


def golden(prefix):
    """Inputs and outputs of a golden."""
    arrays = mx_neuron.load_arrays(f"{prefix}.golden.params")
    groups = [{name[len(kind):]: array for name, array in arrays.items() if name.startswith(kind)}
              for kind in ("in:", "out:")]
    return tuple(groups)


class TestCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def demo(self):
        return mx_neuron.load_checkpoint(DEMO, 0)

    def refused(self, expected, function, *args, status="ARGUMENT", **kwargs):
        """Raises, with `expected` in the message."""
        with self.assertRaises(mx_neuron.MXNeuronError) as caught:
            function(*args, **kwargs)
        self.assertIn(expected, str(caught.exception))
        self.assertEqual(caught.exception.status, status)

    def assert_close(self, found, expected):
        self.assertEqual(found.shape, expected.shape)
        self.assertEqual(found.dtype, expected.dtype)
        largest = max(abs(expected).max(), 1e-30) if expected.size else 1
        self.assertLessEqual(abs(found.astype(float) - expected).max(initial=0), TOLERANCE * largest)

    def assert_gives(self, model, prefix):
        """A model gives what the golden says."""
        inputs, outputs = golden(prefix)
        predictor = mx_neuron.Predictor(*model)
        self.assertEqual(predictor.output_names, list(outputs))
        for found, expected in zip(predictor.run(inputs), outputs.values()):
            self.assert_close(found, expected)
