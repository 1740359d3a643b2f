"""Symbols: lists, shapes, text.

SPDX-License-Identifier: Apache-2.0
"""

import json
import os
import subprocess
import unittest

import mx_neuron
import numpy as np
from common import DEMO, MXNET, SHARED, TestCase, needs_mxnet, needs_shared

# Lists and shapes by the real MXNet, for each symbol file with its shapes.
ASK_MXNET = """
import json, sys
import mxnet as mx
answers = []
for path, shapes in json.load(sys.stdin):
    sym = mx.sym.load(path)
    answers.append([sym.list_arguments(), sym.list_outputs(), sym.list_auxiliary_states(),
                    sym.get_internals().list_outputs(),
                    sym.infer_shape(**{name: tuple(shape) for name, shape in shapes.items()})])
json.dump(answers, sys.stdout)
"""

SYMBOLS = ("squeezenet_v1.1", "resnet-18", "resnet-50", "inception-bn", "inception-v3", "mobilenet_v2")


class Symbols(TestCase):
    def setUp(self):
        super().setUp()
        self.sym = mx_neuron.load(f"{DEMO}-symbol.json")

    def test_lists(self):
        self.assertEqual(self.sym.list_outputs(), ["softmax_output"])
        self.assertEqual(self.sym.list_arguments()[:2], ["data", "data_bn_gamma"])
        self.assertEqual(self.sym.list_arguments()[-1], "softmax_label")
        self.assertEqual(self.sym.list_auxiliary_states()[0], "data_bn_moving_mean")

    def test_infers_shapes(self):
        arguments, outputs, auxiliary = self.sym.infer_shape(data=(7, 1, 8, 8))
        shapes = dict(zip(self.sym.list_arguments(), arguments))
        self.assertEqual(outputs, [(7, 10)])
        self.assertEqual((shapes["fc_weight"], shapes["stem_weight"]), ((10, 36), (10, 1, 3, 3)))
        self.assertEqual(len(auxiliary), len(self.sym.list_auxiliary_states()))
        self.assertEqual(self.sym.infer_shape((7, 1, 8, 8)), (arguments, outputs, auxiliary))

    def test_infers_shapes_of_a_compiled_symbol(self):
        sym, args, aux = self.demo()
        sym, args, aux = mx_neuron.compile(sym, args, aux, {"data": np.zeros((1, 1, 8, 8), np.float32)},
                                           excl_node_names=["concat"])
        self.assertEqual(sym.infer_shape(data=(7, 1, 8, 8))[1], [(7, 10)])

    def test_inner_values(self):
        internals = self.sym.get_internals()
        self.assertEqual(internals.list_outputs()[0], "data")
        inner = internals["flatten_output"]
        self.assertEqual(inner.list_outputs(), ["flatten_output"])
        self.assertNotIn("fc_weight", inner.list_arguments())
        _, args, aux = self.demo()
        image = np.ones((2, 1, 8, 8), np.float32)
        self.assertEqual(mx_neuron.Predictor(inner, args, aux).run({"data": image})[0].shape, (2, 36))
        compiled = mx_neuron.compile(inner, args, aux, {"data": image})
        self.assertEqual(compiled[0].list_outputs(), ["flatten_output"])
        self.refused("near names: flatten_output", lambda: internals["flaten_output"])
        self.assertEqual([part.list_outputs() for part in self.sym], [["softmax_output"]])

    def test_says_that_shapes_are_not_known(self):
        self.assertEqual(self.sym.infer_shape(), (None, None, None))

    def test_refuses_shapes_that_disagree(self):
        self.refused("expected (10, 1, 3, 3)", self.sym.infer_shape, data=(2, 1, 8, 8), stem_weight=(10, 2, 3, 3),
                     status="SHAPE")

    def test_refuses_unknown_names_and_bad_shapes(self):
        self.refused("near names: 'data'", self.sym.infer_shape, dta=(1, 1, 8, 8))
        for shape in (("a", 1), (1.5, 1, 8, 8), (2.0, 1, 8, 8), "18", 3):
            self.refused("expected whole numbers, got", self.sym.infer_shape, data=shape)
        self.refused("at most 16", self.sym.infer_shape, data=(1,) * 17)
        self.refused("0 or more", self.sym.infer_shape, data=(-2, 1, 8, 8))
        self.refused("0 or more", self.sym.infer_shape, data=(2**64 + 1, 1, 8, 8))
        self.refused("given twice", self.sym.infer_shape, (1, 1, 8, 8), data=(1, 1, 8, 8))

    def test_text_and_file_come_back(self):
        self.sym.save(self.folder / "saved-symbol.json")
        text = self.sym.tojson()
        self.assertEqual((self.folder / "saved-symbol.json").read_text(), text)
        self.assertEqual(mx_neuron.load_json(text).tojson(), text)
        self.assertEqual(mx_neuron.load(self.folder / "saved-symbol.json").list_arguments(), self.sym.list_arguments())
        self.refused("saved", self.sym.save, self.folder / "no/saved.json", status="IO")

    def test_refuses_what_is_no_symbol(self):
        self.refused("a name or a path", mx_neuron.load, 3)
        self.refused("expected JSON text", mx_neuron.load_json, b"{}")
        self.refused("symbol", mx_neuron.load_json, "{", status="FORMAT")

    @needs_shared
    @needs_mxnet
    def test_lists_and_infers_as_mxnet(self):
        questions = []
        for name in SYMBOLS:
            size = 299 if name == "inception-v3" else 224
            questions.append([str(SHARED / f"symbols/{name}-symbol.json"), {"data": [2, 3, size, size]}])
        asked = subprocess.run([MXNET, "-c", ASK_MXNET], input=json.dumps(questions), capture_output=True, text=True,
                               check=False, env={**os.environ, "MXNET_SUBGRAPH_BACKEND": "NONE"})
        self.assertEqual(asked.returncode, 0, asked.stderr)
        for (path, shapes), expected in zip(questions, json.loads(asked.stdout)):
            with self.subTest(path):
                sym = mx_neuron.load(path)
                found = [sym.list_arguments(), sym.list_outputs(), sym.list_auxiliary_states(),
                         sym.get_internals().list_outputs(), sym.infer_shape(**shapes)]
                self.assertEqual(json.loads(json.dumps(found)), expected)


if __name__ == "__main__":
    unittest.main()
