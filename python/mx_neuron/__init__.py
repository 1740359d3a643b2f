"""MXNet models, compiled for the CPU, from Python; numpy is all it needs.

The functions are shaped as MXNet's and MXNet-Neuron's:

    sym, args, aux = mx_neuron.load_checkpoint("digits", 0)
    sym, args, aux = mx_neuron.compile(sym, args, aux, {"data": images})
    mx_neuron.save_checkpoint("digits_compiled", 0, sym, args, aux)
    outputs = mx_neuron.Predictor(sym, args, aux).run({"data": images})

Every error is an MXNeuronError. Everything here may be used by any number of threads.

SPDX-License-Identifier: Apache-2.0
"""

import _mx_neuron_hook

from ._arrays import bfloat16
from ._library import MXNeuronError
from .checkpoint import load_arrays, load_checkpoint, save_checkpoint
from .compiler import compile
from .predictor import Predictor
from .symbol import Symbol, load, load_json

# Where no .pth was read: MXNet gets mx.contrib.neuron and mx.neuron now, or when it is imported.
_mx_neuron_hook.ensure()

__all__ = [
    "MXNeuronError",
    "Predictor",
    "Symbol",
    "bfloat16",
    "compile",
    "load",
    "load_arrays",
    "load_checkpoint",
    "load_json",
    "save_checkpoint",
]
