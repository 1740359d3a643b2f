"""compile(): arguments, what it leaves alone, what it refuses.

SPDX-License-Identifier: Apache-2.0
"""

import json
import os
import signal
import threading
import unittest

import mx_neuron
import numpy as np
from common import DEMO, TestCase
from mx_neuron._flags import EFFECTIVE, OPTIONS, parse

IMAGE = np.zeros((1, 1, 8, 8), np.float32)


class CompileCase(TestCase):
    def compile(self, inputs=None, **compile_args):
        return mx_neuron.compile(*self.demo(), {"data": IMAGE} if inputs is None else inputs, **compile_args)

    def refused_arguments(self, expected, **compile_args):
        self.refused(expected, self.compile, **compile_args)


class Compile(CompileCase):
    def test_leaves_the_callers_alone(self):
        sym, args, aux = self.demo()
        text, before = sym.tojson(), {name: array.copy() for name, array in {**args, **aux}.items()}
        csym, cargs, caux = mx_neuron.compile(sym, args, aux, {"data": IMAGE})
        self.assertEqual(sym.tojson(), text)
        self.assertEqual(list(before), list({**args, **aux}))
        for name, array in {**args, **aux}.items():
            np.testing.assert_array_equal(array, before[name])
        self.assertIsNot(csym, sym)
        self.assertEqual((list(cargs), list(caux)), (["_neuron_subgraph_op0_neuronbin"], []))

    def test_excluded_nodes_stay(self):
        for names in (["flatten", "softmax"], "flatten, softmax", ("flatten", "softmax")):
            sym, _, _ = self.compile(excl_node_names=names)
            nodes = {node["name"]: node["op"] for node in json.loads(sym.tojson())["nodes"]}
            self.assertEqual((nodes["flatten"], nodes["softmax"]), ("Flatten", "SoftmaxOutput"))
        self.refused_arguments("near names: 'flatten'", excl_node_names=["flaten"])
        self.refused_arguments("list of node names", excl_node_names=3)

    def test_forced_nodes(self):
        sym, _, _ = self.compile(force_incl_node_names=["softmax"])
        self.assertEqual(sym.list_outputs(), ["softmax_output"])
        self.refused_arguments("softmax", force_incl_node_names=["softmax"], excl_node_names=["softmax"])

    def test_work_dir_is_kept(self):
        self.compile(work_dir=self.folder / "work")
        self.assertTrue((self.folder / "work/_neuron_subgraph_op0.neuronbin").exists())
        self.refused_arguments("work_dir", work_dir=3)

    def test_warns_of_nan(self):
        sym, args, aux = self.demo()
        args["fc_bias"][3] = np.nan
        with self.assertWarnsRegex(RuntimeWarning, "fc_bias") as caught:
            mx_neuron.compile(sym, args, aux, {"data": IMAGE})
        self.assertEqual(caught.filename, __file__)

    def test_inputs_are_cast(self):
        for dtype in (np.float64, np.float16, np.uint8, np.int64, ">f4"):
            sym, _, _ = self.compile({"data": IMAGE.astype(dtype)})
            inner = next(n for n in json.loads(sym.tojson())["nodes"] if n["op"] == "_neuron_subgraph_op")
            self.assertEqual(inner["attrs"]["in_types"], "[0]")

    def test_refuses_inputs(self):
        for inputs, expected in (({"dta": IMAGE}, "near names: 'data'"), ({}, "'data'"), ({"data": IMAGE[:0]}, "which is empty"),
                                 ({"data": (1, 1, 8, 8)}, "expected an array, got the tuple (1, 1, 8, 8), which is 4 "),
                                 ([IMAGE], "expected a dict"),
                                 ({"data": np.zeros((1, 1, 8, 8), complex)}, "complex128"),
                                 ({"data": np.full((1, 1, 8, 8), "a")}, "<U1"),
                                 ({"data": np.array([[1], [2, 3]], object)}, "expected numbers, got objects"),
                                 ({1: IMAGE}, "inputs: expected names, got 1")):
            self.refused(expected, self.compile, inputs)
        self.refused("data_bn", self.compile, {"data": np.zeros((1, 2, 8, 8))}, status="SHAPE")

    def test_refuses_parameters(self):
        sym, args, aux = self.demo()
        inputs = {"data": IMAGE}
        self.refused("complex64", mx_neuron.compile, sym, {**args, "fc_bias": np.zeros(10, "c8")}, aux, inputs)
        self.refused("expected a dict", mx_neuron.compile, sym, list(args), aux, inputs)
        self.refused("fc", mx_neuron.compile, sym, {**args, "fc_bias": np.zeros(9, "f4")}, aux, inputs, status="SHAPE")
        self.refused("args: expected names, got 3", mx_neuron.compile, sym, {3: IMAGE}, aux, inputs)
        self.refused("sym: expected a Symbol, got str", mx_neuron.compile, "digits", args, aux, inputs)
        without = {name: array for name, array in args.items() if name != "fc_bias"}
        self.refused("'fc_bias'", mx_neuron.compile, sym, without, aux, inputs)

    def test_refuses_to_compile_twice(self):
        self.refused("compiled already", mx_neuron.compile, *self.compile(), {"data": IMAGE})

    def test_ctrl_c_ends_it(self):
        script = self.folder / "neuron-cc"
        script.write_text("#!/bin/sh\nexec sleep 100\n")
        script.chmod(0o755)
        os.environ["MXNEURON_CC"] = str(script)
        self.addCleanup(os.environ.pop, "MXNEURON_CC")
        # Programs that a shell starts in the background ignore SIGINT.
        self.addCleanup(signal.signal, signal.SIGINT, signal.signal(signal.SIGINT, signal.default_int_handler))
        timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        self.addCleanup(timer.join)
        with self.assertRaises(KeyboardInterrupt):
            self.compile()

    def test_takes_any_object_with_tojson(self):
        class Other:
            def tojson(self):
                return (DEMO.parent / "digits-symbol.json").read_text()

        _, args, aux = self.demo()
        self.assertIn("_neuron_subgraph_op0_neuronbin", mx_neuron.compile(Other(), args, aux, {"data": IMAGE})[1])


class Flags(CompileCase):
    def test_are_accepted_in_every_spelling(self):
        for compile_args in (
            {"--num-neuroncores": "2", "--fp32-cast": "all", "--enable-saturate-infinity": True},
            {"--static-weights": None, "--batching_en": "", "--spill_dis": False},
            {"flags": ["--fast-math none", "-O2"]},
            {"flags": ["--pipeline", "compile", "SaveTemps", "--enable-replication=True", "--extract-weights"]},
            {"--extract-weights": "inf1.2xlarge", "--enable-replication": True},
            {"flags": "--verbose 35 --sb_size 8 --tensor-layout-heuristics=X --fast-math fast-relayout fp32-cast-all"},
            {"flags": []},
        ):
            with self.subTest(compile_args):
                self.assertEqual(set(parse(compile_args)), {*OPTIONS, *EFFECTIVE.values()})

    def test_pipeline_cores_are_in_the_program(self):
        for compile_args in ({"--neuroncore-pipeline-cores": 4}, {"flags": ["--num-neuroncores 4"]}):
            program = self.compile(**compile_args)[1]["_neuron_subgraph_op0_neuronbin"]
            # Where AWS's check tool reads what was asked for.
            self.assertEqual(program[0, 476:480].tolist(), [4, 0, 0, 0])

    def test_of_this_project(self):
        dump = self.folder / "fused.graph"
        program = self.compile(flags=f"--targets x86-64-v3 --dump fuse --dump-path {dump}")[1]
        both = self.compile()[1]
        name = "_neuron_subgraph_op0_neuronbin"
        self.assertLess(program[name].size, both[name].size)
        self.assertIn("Convolution", dump.read_text())
        self.refused_arguments("x86-64-v9", **{"--targets": "x86-64-v9"})

    def test_without_effect_say_so(self):
        with self.assertLogs("mx_neuron", "INFO") as logged:
            self.compile(**{"--fp32-cast": "matmult", "flags": "--sb_size 8"})
        self.assertEqual([line.split(" is ")[0] for line in logged.output],
                         ["INFO:mx_neuron:--fp32-cast matmult", "INFO:mx_neuron:--sb_size 8"])

    def test_unknown_ones_have_near_names(self):
        for expected, compile_args in (
            ("near names: --neuroncore-pipeline-cores", {"--neuroncore-pipline-cores": 4}),
            ("near names: excl_node_names", {"excl_node_name": ["a"]}),
            ("near names: --fast-math", {"flags": ["--fast-maths", "none"]}),
            ("known are", {"xyzzy": 1}),
            ("there is no flag 'none'", {"flags": ["none"]}),
            ("--fp32-cast: expected all|matmult", {"--fp32-cast": "half"}),
            ("--neuroncore-pipeline-cores: expected a number", {"--neuroncore-pipeline-cores": "four"}),
            ("--neuroncore-pipeline-cores: expected a number", {"--neuroncore-pipeline-cores": -1}),
            ("expected 1 to 64, got 65", {"--num-neuroncores": 65}),
            ("expected 1 to 64, got 0", {"flags": ["--neuroncore-pipeline-cores=0"]}),
            ("--sb_size: expected a value, got none", {"flags": "--sb_size"}),
            ("-O2: expected no value", {"flags": "-O2 yes"}),
            ("expected a list of strings", {"flags": 7}),
            ("No closing quotation", {"flags": "--verbose 'x"}),
        ):
            with self.subTest(expected):
                self.refused_arguments(expected, **compile_args)


if __name__ == "__main__":
    unittest.main()
