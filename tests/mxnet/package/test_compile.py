"""compile() of MXNet's Symbols and of Gluon's blocks.

SPDX-License-Identifier: Apache-2.0
"""

import contextlib
import io
import os
import subprocess
import sys
import unittest
import unittest.mock
import warnings

import numpy as np
from common import DEMO, SHARED, TestCase, mx, needs_shared
from documented import count_ops, get_compile_stats, sym_nodes
from mxnet.contrib import neuron

NEURONBINS = ["_neuron_subgraph_op0_neuronbin", "_neuron_subgraph_op1_neuronbin"]


def bytes_of(arrays):
    return {name: array.asnumpy().tobytes() for name, array in arrays.items()}


class Symbols(TestCase):
    def compile(self, inputs=None, **compile_args):
        return neuron.compile(*self.demo(), {"data": self.image()} if inputs is None else inputs, **compile_args)

    def test_gives_new_objects(self):
        sym, args, aux = self.demo()
        before = sym.tojson(), bytes_of(args), bytes_of(aux)
        csym, cargs, caux = neuron.compile(sym, args, aux, {"data": self.image()}, excl_node_names=["concat", "fc"])
        self.assertEqual((sym.tojson(), bytes_of(args), bytes_of(aux)), before)
        self.assertIsInstance(csym, mx.sym.Symbol)
        self.assertEqual(sorted(cargs), [*NEURONBINS, "_neuron_subgraph_op2_neuronbin", "fc_bias", "fc_weight"])
        self.assertEqual(caux, {})
        cargs["fc_bias"][:] = 7
        self.assertEqual(bytes_of(args), before[1])

    def test_checkpoints_come_back(self):
        csym, cargs, caux = self.compile(excl_node_names=["concat"])
        mx.model.save_checkpoint(str(self.folder / "c"), 3, csym, cargs, caux)
        sym, args, aux = mx.model.load_checkpoint(str(self.folder / "c"), 3)
        self.assertEqual(sym.tojson(), csym.tojson())
        self.assertEqual((bytes_of(args), bytes_of(aux)), (bytes_of(cargs), {}))
        self.assertEqual([args[name].dtype for name in NEURONBINS], [np.uint8] * 2)

    def test_takes_numpy_and_arrays_with_names(self):
        rows = np.asfortranarray(np.zeros((2, 1, 8, 8)))[::2]
        rows.setflags(write=False)
        for data in (np.zeros((1, 1, 8, 8)), rows, mx.nd.ones([1, 1, 8, 8], name="data", dtype="float32"),
                     mx.np.zeros((1, 1, 8, 8))):
            self.assertEqual(list(self.compile({"data": data})[1]), NEURONBINS[:1])

    def test_every_form_of_the_call(self):
        sym, args, aux = self.demo()
        inputs = {"data": self.image()}
        expected = neuron.compile(sym, args, aux, inputs)[0].tojson()
        self.assertEqual(neuron.compile(sym=sym, args=args, aux=aux, inputs=inputs)[0].tojson(), expected)
        self.assertEqual(neuron.compile(obj=sym, args=args, aux=aux, inputs=inputs)[0].tojson(), expected)

    def test_what_args_has_of_inputs_stays(self):
        sym, args, aux = self.demo()
        data, label = self.image(), mx.nd.zeros((1,))
        _, cargs, _ = neuron.compile(sym, {**args, "data": data, "softmax_label": label}, aux, {"data": data})
        self.assertEqual(sorted(cargs), [NEURONBINS[0], "data", "softmax_label"])

    def test_labels_may_be_inputs(self):
        csym, _, _ = self.compile({"data": self.image(), "softmax_label": mx.nd.zeros((1,))})
        self.assertEqual(csym.list_arguments(), ["data", "softmax_label", NEURONBINS[0]])

    def test_compile_args(self):
        csym, cargs, _ = self.compile(excl_node_names=["concat"], force_incl_node_names=["softmax"],
                                      flags=["--neuroncore-pipeline-cores 4 --fast-math none"],
                                      work_dir=self.folder / "work")
        self.assertEqual(get_compile_stats(csym), (3, 2, 34))
        self.assertEqual(cargs[NEURONBINS[0]].asnumpy()[0, 476:480].tolist(), [4, 0, 0, 0])
        self.assertTrue((self.folder / "work/_neuron_subgraph_op0.neuronbin").exists())

    @needs_shared
    def test_statistics_of_squeezenet(self):
        params = self.folder / "squeezenet-0000.params"
        subprocess.run([sys.executable, SHARED / "tools/seeded_params.py", "squeezenet_v1.1", params], check=True)
        sym = mx.sym.load(str(SHARED / "symbols/squeezenet_v1.1-symbol.json"))
        arrays = mx.nd.load(str(params))
        args = {name[4:]: array for name, array in arrays.items() if name.startswith("arg:")}
        csym, _, _ = neuron.compile(sym, args, {}, {"data": mx.nd.ones([1, 3, 224, 224], name="data", dtype="float32")},
                                    excl_node_names=["drop9", "prob"])
        self.assertEqual((count_ops(sym_nodes(sym)), *get_compile_stats(csym)), (67, 4, 2, 65))

    def test_prints_the_partition(self):
        os.environ["SUBGRAPH_INFO"] = "1"
        self.addCleanup(os.environ.pop, "SUBGRAPH_INFO")
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            self.compile(excl_node_names=["softmax"])
        lines = printed.getvalue().splitlines()
        self.assertEqual(lines[0], "SUBGRAPH_INFO: operators 35, after compiling 2; subgraphs 1, operators in them 34")
        self.assertIn("_neuron_subgraph_op0, operators 34: scale (_mul_scalar), data_bn (BatchNorm), ", lines[1])
        self.assertEqual(lines[2], "  not compiled: softmax (SoftmaxOutput): it is in excl_node_names")

    def test_warns_of_nan(self):
        sym, args, aux = self.demo()
        args["fc_bias"][3] = float("nan")
        with self.assertWarnsRegex(RuntimeWarning, "fc_bias") as caught:
            neuron.compile(sym, args, aux, {"data": self.image()})
        self.assertEqual(caught.filename, __file__)

    def test_row_sparse_parameters(self):
        sym, args, aux = self.demo()
        csym, cargs, _ = neuron.compile(sym, {**args, "fc_weight": args["fc_weight"].tostype("row_sparse")}, aux,
                                        {"data": self.image()}, excl_node_names=["fc"])
        self.assertEqual(cargs["fc_weight"].stype, "row_sparse")
        self.assertIn("fc_weight", csym.list_arguments())


class Refused(TestCase):
    def setUp(self):
        super().setUp()
        self.sym, self.args, self.aux = self.demo()
        self.inputs = {"data": self.image()}

    def test_wrong_dicts(self):
        for kind, model in (("args: expected a dict of name to array, got list", (list(self.args), self.aux, self.inputs)),
                            ("args: expected a dict of name to array, got NoneType", (None, self.aux, self.inputs)),
                            ("inputs: expected a dict of name to array, got NoneType", (self.args, self.aux, None)),
                            ("inputs: expected names, got 3", (self.args, self.aux, {3: self.image()})),
                            ("aux: expected a dict of name to array, got int", (self.args, 3, self.inputs))):
            with self.refused(TypeError, kind):
                neuron.compile(self.sym, *model)

    def test_missing_arrays(self):
        del self.args["fc_bias"]
        with self.refused(mx.MXNetError, "'fc_bias'"):
            neuron.compile(self.sym, self.args, self.aux, self.inputs)
        with self.refused(mx.MXNetError, "'data'"):
            neuron.compile(*self.demo(), {})

    def test_wrong_dtypes_and_shapes(self):
        for name, array, texts in (("fc_bias", self.args["fc_bias"].astype("int32"), ("int32", "expected float32")),
                                   ("fc_bias", self.args["fc_weight"], ("'fc'", "(10, 36)", "expected (10)")),
                                   ("fc_bias", 3, ("'fc'", "expected (10)"))):
            with self.refused(mx.MXNetError, *texts):
                neuron.compile(self.sym, {**self.args, name: array}, self.aux, self.inputs)

    def test_wrong_inputs(self):
        for kind, inputs, texts in (
            (mx.MXNetError, {"dta": self.image()}, ("no input 'dta'", "near names: 'data'")),
            (mx.MXNetError, {"data": mx.nd.ones((1, 2, 8, 8))}, ("data_bn", "expected (2)")),
            (ValueError, {"data": np.zeros((0, 1, 8, 8))}, ("'data'", "(0, 1, 8, 8)")),
            (TypeError, {"data": "x"}, ("'data'", "expected float32")),
            (TypeError, {"data": None}, ("'data'", "expected numbers")),
            (TypeError, {"data": (1, 1, 8, 8)}, ("'data'", "expected an array, got the tuple (1, 1, 8, 8)")),
            (TypeError, {"data": np.zeros((1, 1, 8, 8), complex)}, ("'data'", "complex128")),
        ):
            with self.refused(kind, *texts):
                neuron.compile(self.sym, self.args, self.aux, inputs)

    def test_arrays_on_a_gpu(self):
        """MXNet without CUDA has none, but any context can be told."""
        def on_gpu(fake):
            return mx.gpu(0) if fake is wrong else mx.cpu()

        for what, name in (("args", "fc_bias"), ("aux", "stem_bn_moving_var"), ("inputs", "data")):
            wrong = getattr(self, what)[name]
            text = f"{what}: array '{name}': expected it on a CPU context, got gpu(0)"
            with unittest.mock.patch.object(mx.nd.NDArray, "ctx", property(on_gpu)), self.refused(ValueError, text):
                neuron.compile(self.sym, self.args, self.aux, self.inputs)
        net = mx.gluon.nn.Dense(3, in_units=2)
        net.initialize()
        net.weight._ctx_list = [mx.gpu(0)]
        with self.refused(ValueError, "_weight': expected it on a CPU context, got gpu(0)"):
            neuron.compile(net, inputs={"data": mx.nd.ones((1, 2))})
        for call in (lambda: mx.nd.ones((1,), ctx=mx.gpu(0)), lambda: self.bind_compiled(mx.gpu(0))):
            with self.assertRaises(mx.MXNetError):
                call()

    def bind_compiled(self, ctx):
        sym, args, aux = neuron.compile(self.sym, self.args, self.aux, self.inputs)
        return sym.bind(ctx, {**args, **self.inputs, "softmax_label": mx.nd.zeros((1,))}, aux_states=aux)

    def test_wrong_labels(self):
        with self.refused(TypeError, "'softmax_label': expected numbers"):
            neuron.compile(self.sym, {**self.args, "softmax_label": None}, self.aux, self.inputs)

    def test_wrong_arguments(self):
        for kind, compile_args, text in ((ValueError, {"excl_nodes": []}, "near names: excl_node_names"),
                                         (TypeError, {"excl_node_names": 3}, "expected a list of node names, got 3"),
                                         (mx.MXNetError, {"excl_node_names": ["fcc"]}, "'fc"),
                                         (TypeError, {"work_dir": 3}, "work_dir: expected a folder, got 3"),
                                         (ValueError, {"flags": ["--fp32-cast half"]}, "--fp32-cast: expected")):
            with self.refused(kind, text):
                neuron.compile(self.sym, self.args, self.aux, self.inputs, **compile_args)

    def test_a_compiled_symbol(self):
        with self.refused(mx.MXNetError, "compiled already"):
            neuron.compile(*neuron.compile(self.sym, self.args, self.aux, self.inputs), self.inputs)

    def test_what_is_no_model(self):
        for obj in (None, "digits", mx.nd.ones((1,)), object()):
            with self.assertRaisesRegex(TypeError, "expected a Symbol"):
                neuron.compile(obj, self.args, self.aux, self.inputs)
        with self.refused(TypeError, "expected a Symbol or a HybridBlock, got Block"):
            neuron.compile(mx.gluon.Block(), inputs=self.inputs)

    def test_operators_that_cannot_be_compiled(self):
        sym = mx.sym.topk(mx.sym.relu(mx.sym.var("data"), name="relu"), name="best")
        inputs = {"data": mx.nd.ones((2, 3))}
        with self.refused(mx.MXNetError, "best", "topk"):
            neuron.compile(sym, {}, {}, inputs, force_incl_node_names=["best"])
        self.assertEqual(get_compile_stats(neuron.compile(sym, {}, {}, inputs)[0]), (2, 1, 1))

    def test_operators_of_the_users(self):
        class Twice(mx.operator.CustomOpProp):
            pass

        mx.operator.register("mx_neuron_test_twice")(Twice)
        data = mx.sym.relu(mx.sym.var("data"), name="relu")
        sym = mx.sym.Custom(data, op_type="mx_neuron_test_twice", name="custom")
        self.assertEqual(get_compile_stats(neuron.compile(sym, {}, {}, {"data": mx.nd.ones((2, 3))})[0]), (2, 1, 1))

    def test_a_missing_compiler(self):
        os.environ["MXNEURON_CC"] = "/nowhere/neuron-cc"
        self.addCleanup(os.environ.pop, "MXNEURON_CC")
        with self.refused(mx.MXNetError, "/nowhere/neuron-cc"):
            neuron.compile(self.sym, self.args, self.aux, self.inputs)


class Blocks(TestCase):
    def setUp(self):
        super().setUp()
        warnings.simplefilter("ignore", UserWarning)  # MXNet: imports() cannot tell the type of the data
        self.names = ["data", "softmax_label"]

    def imports(self, prefix, **options):
        return mx.gluon.nn.SymbolBlock.imports(f"{prefix}-symbol.json", self.names, f"{prefix}-0000.params", **options)

    def test_a_symbol_block(self):
        block = self.imports(DEMO, ctx=mx.cpu())
        block.hybridize()
        before = bytes_of({name: p.data() for name, p in block.collect_params().items()})
        inputs = {"softmax_label": mx.nd.zeros((1,)), "data": self.image()}
        new = neuron.compile(block, inputs=inputs)
        self.assertIsNot(new, block)
        self.assertEqual(bytes_of({name: p.data() for name, p in block.collect_params().items()}), before)
        self.assertEqual(list(new.collect_params()), NEURONBINS[:1])
        new.export(str(self.folder / "m_compiled"), 0, block)
        again = self.imports(self.folder / "m_compiled")
        self.assertEqual(list(again.collect_params()), NEURONBINS[:1])

    def test_a_block_of_layers(self):
        net = mx.gluon.nn.HybridSequential()
        net.add(mx.gluon.nn.Conv2D(4, 3), mx.gluon.nn.BatchNorm(), mx.gluon.nn.Dense(10, activation="relu"))
        net.initialize()  # shapes of parameters come with the inputs
        new = neuron.compile(net, inputs={"data": self.image()})
        self.assertEqual(list(new.collect_params()), NEURONBINS[:1])
        new.export(str(self.folder / "net"))

    def test_two_inputs_and_two_outputs(self):
        class Two(mx.gluon.HybridBlock):
            def hybrid_forward(self, F, a, b):  # noqa: N803 MXNet's name
                return F.broadcast_add(a, b), F.broadcast_mul(a, b)

        block = Two()
        block.hybridize(static_alloc=True)
        new = neuron.compile(block, inputs={"a": np.ones((2, 3)), "b": mx.nd.ones((2, 3))})
        self.assertEqual((len(new._cached_graph[0]), len(new._cached_graph[1].list_outputs())), (2, 2))
        self.assertIn(("static_alloc", True), new._flags)

    def test_refused(self):
        block = self.imports(DEMO)
        with self.refused(ValueError, "expected data, softmax_label, got data"):
            neuron.compile(block, inputs={"data": self.image()})
        with self.refused(TypeError, "args, aux: expected None with a block"):
            neuron.compile(block, {"fc_bias": mx.nd.ones((3,))}, None, {"data": self.image()})


if __name__ == "__main__":
    unittest.main()
