"""Contexts neuron(i), and MXNet's functions that need help with them.

neuron(0) is cpu(0) itself, so that arrays made without a context go with it, and neuron(i > 0) is device type 3, id i.
That is plain memory in a CPU build, every CPU operator runs on it, and it keeps the id that cpu(i) loses before an
operator sees it. Its str() stays "cpu_pinned(i)", which MXNet's C++ parses.

SPDX-License-Identifier: Apache-2.0
"""

from __future__ import annotations

import functools
import operator

import numpy as np

from ._library import MXNeuronTypeError, MXNeuronValueError
from ._model import NEURONBIN

DEVICE_TYPE = 3
MAX_DEVICES = 64


def context(mx, device_id):
    try:
        number = operator.index(device_id)
    except TypeError:
        raise MXNeuronTypeError(f"neuron: device_id: expected a number, got {device_id!r}") from None
    if isinstance(device_id, bool) or not 0 <= number < MAX_DEVICES:
        raise MXNeuronValueError(f"neuron: device_id: expected 0 to {MAX_DEVICES - 1}, got {device_id!r}")
    return mx.context.Context("neuron" if number else "cpu", number)


def _is_device(ctx) -> bool:
    return getattr(ctx, "device_typeid", None) == DEVICE_TYPE


def _repr(ctx) -> str:
    """MXNet's own loaders of data know cpu_pinned(0), which context() never gives."""
    return f"neuron({ctx.device_id})" if _is_device(ctx) and ctx.device_id else str(ctx)


def _on(ctx, array):
    """The array on a context; what is none of MXNet's is left for MXNet to refuse."""
    return array.as_in_context(ctx) if hasattr(array, "as_in_context") else array


def _all_on(ctx, arrays, names):
    """The same for a list, or for what a dict has of the names."""
    if isinstance(arrays, dict):
        return {name: _on(ctx, arrays[name]) for name in names if name in arrays}
    return [_on(ctx, array) for array in arrays] if isinstance(arrays, list) else arrays


def _takes(own, array) -> bool:
    return own is not None and isinstance(array, (type(own), np.ndarray)) and array.shape == own.shape


def _in_order(arrays, names) -> list:
    return [arrays[name] for name in names] if isinstance(arrays, dict) else list(arrays or [])


def _seen_as(array, copy):
    """The caller's array in the shape of the copy, on the same memory; the copy itself where that is larger."""
    if array.shape == copy.shape:
        return array
    return array.reshape((-1,))[:copy.size].reshape(copy.shape) if copy.size <= array.size else copy


@functools.cache
def _following_class(executor_class):
    """Executors that compute with copies on their device. The caller's arrays stay the ones to write to, so each
    forward() copies them anew; not the programs, which never change. A reshaped executor does the same."""

    class Executor(executor_class):
        def follow(self, here, names):
            """`here` are the caller's arrays, and `names` theirs: arguments and auxiliary states."""
            self._names, self._here = names, here
            self._copied = [(source, copy) for group in zip(names, here, (self.arg_arrays, self.aux_arrays))
                            for name, source, copy in zip(*group)
                            if source is not copy and not name.endswith(NEURONBIN)]
            self.arg_arrays, self.aux_arrays = here

        @functools.wraps(executor_class.forward)
        def forward(self, is_train=False, **inputs):
            for name in [name for name, array in inputs.items() if _takes(self.arg_dict.get(name), array)]:
                self.arg_dict[name][:] = inputs.pop(name)
            for source, copy in self._copied:
                source.copyto(copy)
            return super().forward(is_train, **inputs)  # what is left is refused

        @functools.wraps(executor_class.reshape)
        def reshape(self, *args, **named):
            new = super().reshape(*args, **named)
            copies = (new.arg_arrays, new.aux_arrays)
            _follow(new, [[_seen_as(*pair) for pair in zip(*both)] for both in zip(self._here, copies)], self._names)
            return new

    return Executor


def _follow(executor, here, names) -> None:
    executor.__class__ = _following_class(type(executor))
    executor.follow(here, names)


def _bind_on_device(bind):
    """Symbol.bind() wants every array on its context; scripts bind arrays of the CPU on neuron(i), so that executors on
    different NeuronCores run at the same time."""

    @functools.wraps(bind)
    def bind_on_device(self, ctx, args, args_grad=None, grad_req="write", aux_states=None, *rest, **named):
        if not _is_device(ctx):
            return bind(self, ctx, args, args_grad, grad_req, aux_states, *rest, **named)
        names = (self.list_arguments(), self.list_auxiliary_states())
        arguments, states = (_all_on(ctx, given, order) for given, order in zip((args, aux_states), names))
        executor = bind(self, ctx, arguments, args_grad, grad_req, states, *rest, **named)
        _follow(executor, [_in_order(given, order) for given, order in zip((args, aux_states), names)], names)
        return executor

    return bind_on_device


def _context_of(block):
    """The neuron(i > 0) that the block's parameters are on, else None."""
    for parameter in block.params.values():
        if parameter._ctx_list:
            return parameter._ctx_list[0] if _is_device(parameter._ctx_list[0]) else None
    return None


def _forward_on_device(forward):
    """Results of imperative operators never stay on device type 3, so a SymbolBlock there takes its inputs over."""

    @functools.wraps(forward)
    def forward_on_device(self, x, *args):
        ctx = _context_of(self)
        if ctx is not None:
            x, *args = (_on(ctx, array) for array in (x, *args))
        return forward(self, x, *args)

    return forward_on_device


def set_up(mx) -> None:
    mx.context.Context.devstr2type["neuron"] = DEVICE_TYPE
    mx.context.Context.__repr__ = _repr
    mx.symbol.Symbol.bind = _bind_on_device(mx.symbol.Symbol.bind)
    mx.gluon.SymbolBlock.forward = _forward_on_device(mx.gluon.SymbolBlock.forward)
