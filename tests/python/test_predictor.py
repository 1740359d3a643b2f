"""Predictor: batch sizes, kinds of arrays, threads, lifetimes.

SPDX-License-Identifier: Apache-2.0
"""

import ctypes
import gc
import os
import subprocess
import sys
import threading
import unittest
from unittest import mock

import mx_neuron
import numpy as np
from common import DEMO, MODELS, TestCase, golden


class Predict(TestCase):
    @classmethod
    def setUpClass(cls):
        cls.images = mx_neuron.load_arrays(DEMO.parent / "heldout.params")["data"]
        cls.compiled = mx_neuron.compile(*mx_neuron.load_checkpoint(DEMO), {"data": cls.images[:4]})
        cls.predictor = mx_neuron.Predictor(*cls.compiled)
        cls.expected = cls.predictor.run({"data": cls.images})[0]

    def answers(self, images):
        return self.predictor.run({"data": images})[0]

    def test_batch_sizes(self):
        for size in (1, 3, 4, 17):
            self.assert_close(self.answers(self.images[:size]), self.expected[:size])

    def test_a_batch_that_is_not_proven(self):
        prefix = MODELS / "reshape-mixes-the-batch"
        inputs, _ = golden(prefix)
        compiled = mx_neuron.compile(*mx_neuron.load_checkpoint(prefix), inputs)
        self.assert_gives(compiled, prefix)
        more = {name: np.concatenate([array, array]) for name, array in inputs.items()}
        self.refused("mix", mx_neuron.Predictor(*compiled).run, more, status="SHAPE")

    def test_any_order_of_memory(self):
        images = self.images[:6]
        frozen = images.copy()
        frozen.flags.writeable = False
        apart = np.zeros((12, 1, 8, 16), np.float32)[::2, :, :, ::2]
        apart[:] = images
        for array in (np.asfortranarray(images), frozen, apart, images.astype(">f4"), images[::-1][::-1]):
            np.testing.assert_array_equal(self.answers(array), self.answers(images))

    def test_dtypes_are_cast(self):
        for dtype in (np.float64, np.float16):
            self.assert_close(self.answers(self.images[:2].astype(dtype)), self.expected[:2])
        pixels = np.arange(64).reshape(1, 1, 8, 8)
        for dtype in (np.uint8, np.int64, np.int8, np.bool_):
            array = pixels.astype(dtype)
            np.testing.assert_array_equal(self.answers(array), self.answers(array.astype(np.float32)))
        self.assertEqual(self.answers(pixels.tolist()).shape, (1, 10))
        for array in (np.zeros((1, 1, 8, 8), complex), np.zeros((1, 1, 8, 8), mx_neuron.bfloat16)):
            self.refused("expected float32, got", self.answers, array)

    def test_refuses_inputs(self):
        run = self.predictor.run
        self.refused("near names: 'data'", run, {"dta": self.images})
        self.refused("'data'", run, {})
        self.refused("expected a dict", run, self.images)
        self.refused("at most 16", run, {"data": np.zeros((1,) * 17)})
        for shape in ((1, 1, 8, 9), (8, 8), ()):
            self.refused("_neuron_subgraph_op0", run, {"data": np.zeros(shape, np.float32)}, status="SHAPE")

    def test_outputs_are_the_callers(self):
        first = self.answers(self.images[:2])
        kept = first.copy()
        self.answers(self.images[2:4])
        np.testing.assert_array_equal(first, kept)
        first[:] = 0

    def test_parameters_may_change_afterwards(self):
        sym, args, aux = self.demo()
        predictor = mx_neuron.Predictor(sym, args, aux)
        before = predictor.run({"data": self.images[:1]})[0]
        for array in args.values():
            array[:] = 0
        np.testing.assert_array_equal(predictor.run({"data": self.images[:1]})[0], before)

    def test_programs_are_read_only(self):
        with self.assertRaises(ValueError):
            self.compiled[1]["_neuron_subgraph_op0_neuronbin"][0, 0] = 1

    def test_damaged_programs_are_refused(self):
        sym, args, aux = self.compiled
        damaged = args["_neuron_subgraph_op0_neuronbin"].copy()
        damaged[0, :64] = 255
        predictor = mx_neuron.Predictor(sym, {"_neuron_subgraph_op0_neuronbin": damaged}, aux)
        self.refused("_neuron_subgraph_op0", predictor.run, {"data": self.images[:1]}, status="FORMAT")
        self.refused("_neuron_subgraph_op0_neuronbin", mx_neuron.Predictor(sym, {}, {}).run,
                     {"data": self.images[:1]}, status="FORMAT")

    def test_threads(self):
        wrong = []

        def work(size):
            for _ in range(20):
                if abs(self.answers(self.images[:size]) - self.expected[:size]).max() > 1e-6:
                    wrong.append(size)

        threads = [threading.Thread(target=work, args=(size,)) for size in (1, 1, 5, 9)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])

    def test_many_shapes_keep_few_executors(self):
        for size in range(1, 20):
            self.answers(self.images[:size])
        self.assertLessEqual(len(self.predictor._idle), 8)

    def test_arrays_outlive_what_made_them(self):
        mx_neuron.save_checkpoint(self.folder / "kept", 0, *self.compiled)
        _, args, _ = mx_neuron.load_checkpoint(self.folder / "kept", 0)
        os.remove(self.folder / "kept-0000.params")
        expected = self.compiled[1]["_neuron_subgraph_op0_neuronbin"].tobytes()
        gc.collect()
        self.assertEqual(args["_neuron_subgraph_op0_neuronbin"].tobytes(), expected)


class Lifetimes(TestCase):
    def open_models(self):
        """How many models and executors are closed, while errors come out of everything."""
        from mx_neuron import _library

        counts = {"created": 0, "closed": 0}
        real_create, real_close = _library.create, _library._close

        def create(*args):
            handle = real_create(*args)
            counts["created"] += 1
            return handle

        def close(*args):
            counts["closed"] += 1
            return real_close(*args)

        return counts, create, close

    def test_errors_leave_no_handles(self):
        counts, create, close = self.open_models()
        from mx_neuron import _library, _model, checkpoint, compiler, predictor

        with mock.patch.object(_library, "_close", close):
            for module in (_model, checkpoint, compiler, predictor):
                patch = mock.patch.object(module, "create", create)
                patch.start()
                self.addCleanup(patch.stop)
            self.provoke_errors()
            gc.collect()
        self.assertGreater(counts["created"], 10)
        self.assertEqual(counts["closed"], counts["created"])

    def provoke_errors(self):
        sym, args, aux = self.demo()
        image = np.zeros((1, 1, 8, 8), np.float32)
        self.refused("near", mx_neuron.compile, sym, args, aux, {"dta": image})
        self.refused("near", mx_neuron.compile, sym, args, aux, {"data": image}, excl_node_names=["softmx"])
        self.refused("'data'", mx_neuron.Predictor(sym, args, aux).run, {})
        self.refused("absent", mx_neuron.save_checkpoint, self.folder / "absent/x", 0, sym, args, aux,
                     status="IO")
        compiled = mx_neuron.compile(sym, args, aux, {"data": image})
        mx_neuron.Predictor(*compiled).run({"data": image})

    def test_the_process_ends_well(self):
        # With everything alive, in a cycle, and used by threads that are still there.
        script = (
            "import mx_neuron, numpy as np, threading, sys\n"
            "sym, args, aux = mx_neuron.load_checkpoint(sys.argv[1], 0)\n"
            "class Cycle: pass\n"
            "c = Cycle(); c.c = c; c.p = mx_neuron.Predictor(sym, args, aux)\n"
            "c.p.run({'data': np.zeros((1, 1, 8, 8))})\n"
            "def work():\n"
            "    while True: c.p.run({'data': np.zeros((1, 1, 8, 8))})\n"
            "threading.Thread(target=work, daemon=True).start()\n"
        )
        ended = subprocess.run([sys.executable, "-c", script, DEMO], capture_output=True, text=True, check=False)
        self.assertEqual((ended.returncode, ended.stderr), (0, ""))

    def test_a_library_that_is_not_there(self):
        ended = subprocess.run([sys.executable, "-c", "import mx_neuron"], capture_output=True, text=True, check=False,
                               env={**os.environ, "MXNEURON_LIBRARY": str(self.folder / "libmxneuron.so")})
        self.assertIn("MXNEURON_LIBRARY names it", ended.stderr)

    def test_structs_are_those_of_the_headers(self):
        from mx_neuron import _library

        for struct, n_bytes in ((_library.Error, 512), (_library.Type, 136), (_library.Tensor, 144),
                                (_library.Array, 152), (_library.Input, 144), (_library.Variable, 16)):
            self.assertEqual(ctypes.sizeof(struct), n_bytes)


if __name__ == "__main__":
    unittest.main()
