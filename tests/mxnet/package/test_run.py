"""What users of MXNet-Neuron do with a compiled model, against MXNet's own answers.

SPDX-License-Identifier: Apache-2.0
"""

import multiprocessing
import threading
import unittest
import warnings
import weakref

import numpy as np
from common import DEMO, TestCase, mx
from mxnet.contrib import neuron

BATCH = 4
TOLERANCE = 1e-5


def bind_and_run(sym, args, aux, image, ctx):
    """As MXNet-Neuron's tutorials do it."""
    args = dict(args)
    args["softmax_label"] = mx.nd.random_normal(shape=(1,))
    args["data"] = image
    exe = sym.bind(ctx=ctx, args=args, aux_states=aux, grad_req="null")
    exe.forward(data=image)
    return exe.outputs[0].asnumpy()


def answer_in_a_process(prefix, image, device, queue):
    sym, args, aux = mx.model.load_checkpoint(prefix, 0)
    queue.put(bind_and_run(sym, args, aux, mx.nd.array(image), mx.neuron(device)))


class Run(TestCase):
    @classmethod
    def setUpClass(cls):
        mx.random.seed(1)
        cls.image = mx.nd.random.uniform(shape=(BATCH, 1, 8, 8))
        cls.original = mx.model.load_checkpoint(str(DEMO), 0)
        inputs = {"data": cls.image}
        cls.compiled = [neuron.compile(*cls.original, inputs), neuron.compile(*cls.original, inputs, excl_node_names=["concat"])]
        cls.expected = cls.by_mxnet(cls.image)

    @classmethod
    def by_mxnet(cls, image):
        sym, args, aux = cls.original
        args = {**args, "data": image, "softmax_label": mx.nd.zeros((BATCH,))}
        return sym.bind(mx.cpu(), args, aux_states=aux, grad_req="null").forward()[0].asnumpy()

    def assert_close(self, found, expected=None):
        np.testing.assert_allclose(found, self.expected if expected is None else expected, atol=TOLERANCE)

    def save(self):
        prefix = str(self.folder / "m")
        mx.model.save_checkpoint(prefix, 0, *self.compiled[1])
        return prefix

    def test_bind(self):
        for model in self.compiled:
            for ctx in (mx.neuron(), mx.neuron(1), mx.cpu()):
                self.assert_close(bind_and_run(*model, self.image, ctx))

    def test_bound_arrays_stay_the_callers(self):
        sym, args, aux = self.compiled[1]
        other = mx.nd.random.uniform(shape=self.image.shape)
        for ctx in (mx.neuron(), mx.neuron(1)):
            args = {**args, "data": self.image.copy(), "softmax_label": mx.nd.zeros((BATCH,))}
            executor = sym.bind(ctx, args, aux_states=aux, grad_req="null")
            self.assertEqual(executor.forward()[0].context, ctx)
            args["data"][:] = other
            self.assert_close(executor.forward()[0].asnumpy(), self.by_mxnet(other))
            executor.forward(data=self.image)
            self.assert_close(args["data"].asnumpy(), self.image.asnumpy())
            executor.arg_dict["data"][:] = other
            self.assert_close(executor.forward()[0].asnumpy(), self.by_mxnet(other))

    def test_reshaped_executors_follow_the_callers_arrays(self):
        """As far as MXNet's own share their memory."""
        sym, args, aux = self.compiled[1]
        other = mx.nd.random.uniform(shape=self.image.shape)
        for ctx in (mx.cpu(), mx.neuron(1)):
            args = {**args, "data": self.image.copy(), "softmax_label": mx.nd.zeros((BATCH,))}
            executor = sym.bind(ctx, args, aux_states=aux, grad_req="null")
            smaller = executor.reshape(data=(2, 1, 8, 8), softmax_label=(2,))
            self.assert_close(smaller.forward(data=other[:2])[0].asnumpy(), self.by_mxnet(other)[:2])
            self.assert_close(args["data"][:2].asnumpy(), other[:2].asnumpy())
            args["data"][:] = self.image
            self.assert_close(smaller.forward()[0].asnumpy(), self.expected[:2])
            same = smaller.reshape(data=(2, 1, 8, 8), softmax_label=(2,))
            args["data"][:] = other
            self.assert_close(same.forward()[0].asnumpy(), self.by_mxnet(other)[:2])
            larger = executor.reshape(allow_up_sizing=True, data=(2 * BATCH, 1, 8, 8), softmax_label=(2 * BATCH,))
            twice = mx.nd.concat(self.image, self.image, dim=0)
            self.assert_close(larger.forward(data=twice)[0].asnumpy()[BATCH:], self.expected)
            larger.arg_dict["data"][:] = mx.nd.concat(other, other, dim=0)
            self.assert_close(larger.forward()[0].asnumpy()[:BATCH], self.by_mxnet(other))

    def test_executors_go_with_their_last_name(self):
        sym, args, aux = self.compiled[0]
        args = {**args, "data": self.image, "softmax_label": mx.nd.zeros((BATCH,))}
        for ctx in (mx.cpu(), mx.neuron(1)):
            executor = sym.bind(ctx, args, aux_states=aux, grad_req="null")
            executor.forward()
            gone = weakref.ref(executor)
            del executor
            self.assertIsNone(gone())

    def test_what_forward_refuses(self):
        sym, args, aux = self.compiled[0]
        args = {**args, "data": self.image, "softmax_label": mx.nd.zeros((BATCH,))}
        for ctx in (mx.cpu(), mx.neuron(1)):
            executor = sym.bind(ctx, args, aux_states=aux, grad_req="null")
            for kind, text, inputs in ((TypeError, "Unknown argument dta", {"dta": self.image.asnumpy()}),
                                       (ValueError, "Shape not match", {"data": self.image[:1]}),
                                       (ValueError, "NDArrays", {"data": [1]})):
                with self.assertRaisesRegex(kind, text):
                    executor.forward(**inputs)
        with self.assertRaisesRegex(ValueError, "`data` is missing"):
            sym.bind(mx.neuron(1), {"softmax_label": args["softmax_label"]}, aux_states=aux)
        with self.assertRaisesRegex(TypeError, "Only accept"):
            sym.bind(mx.neuron(1), {**args, "data": 3}, aux_states=aux)

    def test_eval_and_simple_bind(self):
        sym, args, _ = self.compiled[0]
        label = mx.nd.zeros((BATCH,))
        self.assert_close(sym.eval(ctx=mx.neuron(1), data=self.image, softmax_label=label, **args)[0].asnumpy())
        executor = sym.simple_bind(mx.neuron(2), data=self.image.shape, grad_req="null")
        executor.copy_params_from(args, {})
        self.assert_close(executor.forward(data=self.image)[0].asnumpy())

    def test_module(self):
        warnings.simplefilter("ignore", UserWarning)  # of Module, for every net whose labels are not bound
        sym, args, aux = self.compiled[1]
        module = mx.mod.Module(sym, context=mx.neuron(1))
        module.bind(data_shapes=[("data", self.image.shape)], for_training=False)
        module.set_params(args, aux)
        module.forward(mx.io.DataBatch([self.image]))
        self.assert_close(module.get_outputs()[0].asnumpy())

    def test_gluon(self):
        warnings.simplefilter("ignore", UserWarning)  # of imports(), which cannot tell the type of the data
        names, label = ["data", "softmax_label"], mx.nd.zeros((BATCH,))
        block = mx.gluon.nn.SymbolBlock.imports(f"{DEMO}-symbol.json", names, f"{DEMO}-0000.params", ctx=mx.cpu())
        block.hybridize()
        block = neuron.compile(block, inputs={"data": self.image, "softmax_label": label})
        self.assert_close(block(self.image, label).asnumpy())
        prefix = str(self.folder / "m_compiled")
        block.export(prefix, 0, block)
        for ctx in (mx.cpu(), mx.neuron(1)):
            again = mx.gluon.nn.SymbolBlock.imports(f"{prefix}-symbol.json", names, f"{prefix}-0000.params", ctx=ctx)
            output = again(self.image, label)
            self.assertEqual(output.context, ctx)
            self.assert_close(output.asnumpy())

    def test_a_block_of_layers(self):
        net = mx.gluon.nn.HybridSequential()
        net.add(mx.gluon.nn.Conv2D(4, 3), mx.gluon.nn.BatchNorm(), mx.gluon.nn.Dense(10, activation="relu"))
        net.initialize()
        expected = net(self.image).asnumpy()
        for options in (None, {}, {"static_alloc": True, "static_shape": True}):
            if options is not None:
                net.hybridize(**options)
            self.assert_close(neuron.compile(net, inputs={"data": self.image})(self.image).asnumpy(), expected)

    def test_processes(self):
        """The parent has imported MXNet, compiled and run."""
        prefix = self.save()
        self.assert_close(bind_and_run(*self.compiled[1], self.image, mx.neuron()))
        for way in ("fork", "spawn"):
            context = multiprocessing.get_context(way)
            queue = context.Queue()
            processes = [context.Process(target=answer_in_a_process, args=(prefix, self.image.asnumpy(), i, queue))
                         for i in range(2)]
            for process in processes:
                process.start()
            for _ in processes:
                self.assert_close(queue.get(timeout=120))
            for process in processes:
                process.join()
                self.assertEqual(process.exitcode, 0)

    def test_threads_with_a_device_each(self):
        answers = {}

        def run(device):
            model = self.compiled[device % 2]
            answers[device] = [bind_and_run(*model, self.image, mx.neuron(device)) for _ in range(5)]

        threads = [threading.Thread(target=run, args=(device,)) for device in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(answers), [0, 1, 2, 3])
        for found in answers.values():
            for answer in found:
                self.assert_close(answer)

    def test_a_process_ends_well_with_models_open(self):
        done = self.says("open", f"""
            import mxnet as mx
            sym, args, aux = mx.model.load_checkpoint({str(DEMO)!r}, 0)
            data = mx.nd.ones((1, 1, 8, 8))
            sym, args, aux = mx.contrib.neuron.compile(sym, args, aux, {{"data": data}})
            executor = sym.bind(mx.neuron(1), {{**args, "data": data, "softmax_label": mx.nd.zeros((1,))}}, grad_req="null")
            executor.forward()
            print("open")
        """)
        self.assertNotIn("rror", done.stderr)


if __name__ == "__main__":
    unittest.main()
