"""Predictor: numpy arrays in, numpy arrays out.

SPDX-License-Identifier: Apache-2.0
"""

from __future__ import annotations

import ctypes
import threading

import numpy as np

from ._arrays import array_of, tensor_of, type_of
from ._library import ExecutorOptions, Handle, MXNeuronError, Tensor, create, lib
from ._model import Model, input_structs

MAX_IDLE = 8


class _Executor(Handle):
    """A model bound to input types. One thread at a time."""

    def __init__(self, model: Model, inputs: dict[str, np.ndarray], n_cores: int):
        types = {name: type_of(array.dtype, array.shape) for name, array in inputs.items()}
        options = ExecutorOptions(ctypes.sizeof(ExecutorOptions), n_cores)
        handle = create(
            lib.executor_create, model.handle, input_structs(types), len(types), ctypes.byref(options)
        )
        super().__init__(handle, lib.executor_destroy, borrowed=model)
        self.outputs = (Tensor * lib.model_n_outputs(model.handle))()

    def run(self, arrays: list[np.ndarray]) -> list[np.ndarray]:
        tensors = (Tensor * len(arrays))(*[tensor_of(array) for array in arrays])
        lib.executor_run(self.handle, tensors, len(tensors), self.outputs, len(self.outputs))
        return [array_of(tensor, self).copy() for tensor in self.outputs]


class Predictor:
    """Runs a model, compiled or not: compiled operators on machine code, the others on reference operators.

    Threads: any number may call run() at once. Each run has an executor of its own, which is kept for the next run of
    the same shapes (8 idle ones at most); weights are shared by all. Input shapes may change from run to run. What was
    compiled for another batch size is run in pieces where the batch is proven, else a run says which node stands
    against it.
    """

    def __init__(self, sym, args, aux, n_cores: int = 0):
        """`n_cores` 0 takes what the process may use. Arrays are copied, so that the caller may change his; programs of
        load_checkpoint() and compile() are shared."""
        if isinstance(n_cores, bool) or not isinstance(n_cores, int) or not 0 <= n_cores < 2**32:
            raise MXNeuronError(f"n_cores: expected a number of 0 or more, got {n_cores!r}")
        self._model = Model.of(sym, args, aux, is_kept=True)
        self._n_cores = n_cores
        self._lock = threading.Lock()
        self._idle = []  # (key, executor), the one used last at the end
        self.input_names = list(self._model.input_types())
        self.output_names = self._model.output_names()

    def _take(self, key):
        with self._lock:
            for i in range(len(self._idle) - 1, -1, -1):
                if self._idle[i][0] == key:
                    return self._idle.pop(i)[1]
        return None

    def _give_back(self, key, executor) -> None:
        with self._lock:
            self._idle.append((key, executor))
            del self._idle[:-MAX_IDLE]

    def run(self, inputs) -> list[np.ndarray]:
        """Outputs for `inputs`, a dict of name to array, in the order of `output_names`; the arrays are the caller's.

        Arrays may have any order and byte order, and may be read-only. A dtype that is not the model's is cast, but not
        from floats to integers: that is an error.
        """
        arrays = self._model.cast_inputs(inputs)
        key = tuple((name, array.dtype.str, array.shape) for name, array in arrays.items())
        executor = self._take(key) or _Executor(self._model, arrays, self._n_cores)
        outputs = executor.run(list(arrays.values()))
        self._give_back(key, executor)
        return outputs
