"""mx_neuron inside MXNet: the operator, mx.neuron(i), mx.contrib.neuron.

Nothing here changes an MXNet whose version is not supported, but for functions that say so when they are called.

SPDX-License-Identifier: Apache-2.0
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import sys

from . import _mxnet_device as device
from ._library import MXNeuronError, extension_path

OPERATOR = "_neuron_subgraph_op"
MXNET_VERSIONS = "1.9."
# Each of our operators has one of so many random resources while it runs: two with the same run one after the other.
# MXNet makes all of them at the first use, which costs 5 MB and some milliseconds each.
RANDOM_COPIES = "MXNET_CPU_PARALLEL_RAND_COPY"
MIN_COPIES, MAX_COPIES = 4, 16

_refusals = {}  # why a module `mxnet` is not supported


@functools.cache
def _error_class(ours: type, theirs: type) -> type:
    return type(ours.__name__, (ours, theirs), {"__doc__": ours.__doc__})


@contextlib.contextmanager
def errors_of(mx):
    """Inside MXNet an error of ours is also an MXNetError."""
    try:
        yield
    except MXNeuronError as error:
        raise _error_class(type(error), mx.base.MXNetError)(str(error), error.status) from None


def check_supported(mx) -> None:
    """Raises where install() has failed."""
    if mx in _refusals:
        raise MXNeuronError(_refusals[mx], "VERSION")


def _check_version(mx) -> None:
    version = getattr(mx, "__version__", "of unknown version")
    if not version.startswith(MXNET_VERSIONS):
        raise MXNeuronError(f"MXNet {version} is not supported: the interface of extensions must match exactly, and "
                            "that of MXNet 1.9 is the one that mx_neuron has", "VERSION")


def _add_functions(mx) -> None:
    """Of our operator alone. mx.library.load() makes those of all operators anew, a third of the time of an import."""
    handle = mx.base.OpHandle()
    mx.base.check_call(mx.base._LIB.NNGetOpHandle(mx.base.c_str(OPERATOR), ctypes.byref(handle)))
    for module, make in ((mx.ndarray, mx.ndarray.register._make_ndarray_function),
                         (mx.symbol, mx.symbol.register._make_symbol_function)):
        function = make(handle, OPERATOR, OPERATOR)
        setattr(module._internal, OPERATOR, function)
        module._internal.__all__.append(OPERATOR)


def _load_extension(mx) -> None:
    """Once in a process: MXNet raises when the same names are registered again."""
    if hasattr(mx.symbol._internal, OPERATOR):
        return
    path = ctypes.c_char_p(os.fsencode(extension_path()))
    mx.base.check_call(mx.base._LIB.MXLoadLib(path, mx.base.mx_uint(0)))
    _add_functions(mx)


def _context_maker(mx):
    def neuron(device_id: int = 0):
        """The context of NeuronCore `device_id`: models run there on cores of this CPU."""
        with errors_of(mx):
            check_supported(mx)
            return device.context(mx, device_id)

    return neuron


def _set_up(mx) -> None:
    _check_version(mx)
    n_copies = min(max(len(os.sched_getaffinity(0)), MIN_COPIES), MAX_COPIES)
    os.environ.setdefault(RANDOM_COPIES, str(n_copies))
    _load_extension(mx)
    device.set_up(mx)


def install(mx) -> None:
    """Once for an MXNet that was imported. Where it is not supported this raises, and so do all calls of ours in it."""
    if hasattr(mx, "neuron"):
        return
    mx.neuron = mx.context.neuron = _context_maker(mx)
    mx.contrib.neuron = sys.modules[f"{mx.__name__}.contrib.neuron"] = sys.modules[__package__]
    try:
        _set_up(mx)
    except Exception as error:
        _refusals[mx] = str(error)
        raise
