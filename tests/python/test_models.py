"""Whole checkpoints from Python: loaded, compiled, saved, loaded and run, against what MXNet computed.

SPDX-License-Identifier: Apache-2.0
"""

import unittest

import mx_neuron
import numpy as np
from common import DEMO, MODELS, SHARED, TestCase, golden, needs_shared
from documented import count_ops, get_compile_stats, sym_nodes

# One of each kind: inputs, outputs, operators left out, shapes.
SMALL = ("two-inputs", "head-in-the-middle", "head-is-an-input", "batchnorm-of-the-input", "fire-module", "elu",
         "two-inputs-of-different-rank", "concat-chain")


def random_model(symbol_path, **shapes):
    """A symbol with arrays of the shapes that are inferred."""
    rng = np.random.default_rng(1)
    sym = mx_neuron.load(symbol_path)
    arguments, _, auxiliary = sym.infer_shape(**shapes)
    args = {name: rng.uniform(-0.1, 0.1, shape).astype(np.float32)
            for name, shape in zip(sym.list_arguments(), arguments) if name not in shapes and "label" not in name}
    aux = {name: np.ones(shape, np.float32) for name, shape in zip(sym.list_auxiliary_states(), auxiliary)}
    return sym, args, aux


class Models(TestCase):
    def whole_way(self, prefix):
        inputs, _ = golden(prefix)
        loaded = mx_neuron.load_checkpoint(prefix, 0)
        self.assert_gives(loaded, prefix)
        compiled = mx_neuron.compile(*loaded, inputs)
        self.assert_gives(compiled, prefix)
        mx_neuron.save_checkpoint(self.folder / prefix.name, 3, *compiled)
        self.assert_gives(mx_neuron.load_checkpoint(self.folder / prefix.name, 3), prefix)

    def test_demo(self):
        self.whole_way(DEMO)

    def test_small(self):
        for name in SMALL:
            with self.subTest(name):
                self.whole_way(MODELS / name)

    @needs_shared
    def test_lenet(self):
        self.whole_way(SHARED / "models/lenet/lenet")

    @needs_shared
    def test_another_shape_than_the_symbol_says(self):
        """Its __shape__ is of the batch that it was trained with."""
        prefix = SHARED / "models/lffd-plate-small/lffd-plate-small"
        sym, args, aux = mx_neuron.load_checkpoint(prefix)
        inputs, outputs = golden(prefix)
        shapes = {name: array.shape for name, array in inputs.items()}
        self.assertEqual(sym.infer_shape(**shapes)[1], [array.shape for array in outputs.values()])
        self.assert_gives(mx_neuron.compile(sym, args, aux, inputs), prefix)

    @needs_shared
    def test_statistics_of_squeezenet(self):
        image = np.zeros((1, 3, 224, 224), np.float32)
        sym, args, aux = random_model(SHARED / "symbols/squeezenet_v1.1-symbol.json", data=image.shape)
        csym, _, _ = mx_neuron.compile(sym, args, aux, {"data": image}, excl_node_names=["drop9", "prob"])
        self.assertEqual(count_ops(sym_nodes(sym)), 67)
        self.assertEqual(get_compile_stats(csym), (4, 2, 65))
        again = mx_neuron.load_json(csym.tojson())
        self.assertEqual(get_compile_stats(again), (4, 2, 65))

    def test_statistics_of_demo(self):
        sym, args, aux = self.demo()
        csym, _, _ = mx_neuron.compile(sym, args, aux, {"data": np.zeros((1, 1, 8, 8), np.float32)})
        self.assertEqual((count_ops(sym_nodes(sym)), *get_compile_stats(csym)), (35, 1, 1, 35))


class Checkpoints(TestCase):
    def test_saves_what_it_loaded(self):
        sym, args, aux = self.demo()
        mx_neuron.save_checkpoint(self.folder / "copy", 12, sym, args, aux)
        sym2, args2, aux2 = mx_neuron.load_checkpoint(self.folder / "copy", 12)
        self.assertEqual(sym2.tojson(), sym.tojson())
        for old, new in ((args, args2), (aux, aux2)):
            self.assertEqual(list(new), list(old))
            for name in old:
                np.testing.assert_array_equal(new[name], old[name])

    def test_every_dtype_comes_back(self):
        sym, args, aux = self.demo()
        kinds = [np.dtype(t) for t in ("f4", "f8", "f2", "u1", "i4", "i1", "i8", "?")] + [mx_neuron.bfloat16]
        extra = {f"extra{i}": np.zeros((2, 3), kind) for i, kind in enumerate(kinds)}
        extra |= {"none": None, "scalar": np.float32(3).reshape(()), "empty": np.zeros((0, 4), np.float32)}
        mx_neuron.save_checkpoint(self.folder / "kinds", 0, sym, {**args, **extra}, aux)
        _, found, _ = mx_neuron.load_checkpoint(self.folder / "kinds", 0)
        self.assertIsNone(found["none"])
        for name in extra.keys() - {"none"}:
            self.assertEqual((found[name].dtype, found[name].shape), (extra[name].dtype, extra[name].shape))

    def test_the_program_is_aligned_in_the_file(self):
        sym, args, aux = self.demo()
        sym, args, aux = mx_neuron.compile(sym, args, aux, {"data": np.zeros((1, 1, 8, 8), np.float32)},
                                           excl_node_names=["concat"])
        late = {**args, "one_more": np.zeros(3, np.float32)}
        late = dict(reversed(late.items()))
        mx_neuron.save_checkpoint(self.folder / "late", 0, sym, late, aux)
        data = (self.folder / "late-0000.params").read_bytes()
        programs = [array for name, array in late.items() if name.endswith("_neuronbin")]
        self.assertGreater(len(programs), 1)
        for array in programs:
            self.assertEqual(data.index(array.tobytes()) % 64, 0)

    def test_loaded_arrays_are_the_callers(self):
        _, args, _ = self.demo()
        args["fc_bias"][:] = 5
        self.assertTrue((self.demo()[1]["fc_bias"] != 5).all())

    def test_names_the_missing_file(self):
        self.refused("nothing-symbol.json", mx_neuron.load_checkpoint,
                     self.folder / "nothing", 0, status="IO")
        self.refused("nothing.json", mx_neuron.load, self.folder / "nothing.json", status="IO")

    def test_refuses_a_bad_epoch(self):
        for epoch in (-1, 1.5, "0", True, 2**31):
            self.refused("epoch", mx_neuron.load_checkpoint, DEMO, epoch)

    def test_says_where_a_short_file_ends(self):
        data = (DEMO.parent / "digits-0000.params").read_bytes()
        (self.folder / "cut-0000.params").write_bytes(data[:1000])
        (self.folder / "cut-symbol.json").write_bytes((DEMO.parent / "digits-symbol.json").read_bytes())
        self.refused("cut-0000.params", mx_neuron.load_checkpoint, self.folder / "cut", 0, status="FORMAT")

    def test_loads_arrays(self):
        arrays = mx_neuron.load_arrays(DEMO.parent / "heldout.params")
        self.assertEqual(arrays["data"].shape[1:], (1, 8, 8))
        self.refused("absent.nd", mx_neuron.load_arrays, self.folder / "absent.nd", status="IO")


if __name__ == "__main__":
    unittest.main()
