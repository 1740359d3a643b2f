"""mx_neuron inside MXNet: the operator, mx.neuron(i), mx.contrib.neuron.

A context neuron(i) is one that MXNet has: neuron(0) is cpu(0) itself, so that arrays made without a context go with
it, and neuron(i > 0) is device type 3, id i. That is plain memory in a CPU build, every CPU operator runs on it, and it
keeps the id that cpu(i) loses before an operator sees it. Its str() stays "cpu_pinned(i)", which MXNet's C++ parses.

SPDX-License-Identifier: Apache-2.0
"""

from __future__ import annotations

import contextlib
import copy
import functools
import operator
import os
import sys

from ._library import MXNeuronError, MXNeuronTypeError, MXNeuronValueError, extension_path

OPERATOR = "_neuron_subgraph_op"
CORES_MARK = "__subgraph_opt_neuroncore__"
DEVICE_MARK = "__neuron_dev__"
DEVICE_TYPE = 3
MAX_DEVICES = 64
MXNET_VERSIONS = "1.9."
# Forwards of our operator use one of so many random resources each: the same one means one after the other.
RANDOM_COPIES = "MXNET_CPU_PARALLEL_RAND_COPY"
MAX_RANDOM_COPIES = 16

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


def _load_extension(mx) -> None:
    """Once in a process: MXNet raises when the same names are registered again."""
    if not hasattr(mx.symbol._internal, OPERATOR):
        mx.library.load(extension_path(), verbose=False)


def _device_id(value) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        raise MXNeuronTypeError(f"neuron: device_id: expected a number, got {value!r}") from None
    if isinstance(value, bool) or not 0 <= number < MAX_DEVICES:
        raise MXNeuronValueError(f"neuron: device_id: expected 0 to {MAX_DEVICES - 1}, got {value!r}")
    return number


def _context_maker(mx):
    def neuron(device_id: int = 0):
        """The context of NeuronCore `device_id`: models run there on cores of this CPU."""
        with errors_of(mx):
            check_supported(mx)
            number = _device_id(device_id)
        return mx.context.Context("neuron" if number else "cpu", number)

    return neuron


def _context_repr(context) -> str:
    return f"neuron({context.device_id})" if context.device_typeid == DEVICE_TYPE else str(context)


def _on_device(sym, device_id: int):
    """A copy of the symbol whose compiled operators know their device themselves."""
    sym = copy.copy(sym)
    internals = sym.get_internals()
    for node in internals:
        if node.attr(CORES_MARK) is not None:
            node._set_attr(**{DEVICE_MARK: str(device_id)})
    return sym


def _bind_anywhere(bind):
    """Symbol.bind() wants every array in its context, and scripts bind arrays of the CPU on neuron(i). They are bound
    where they are, so that the caller's stay those of the executor, and the operators are told the device."""

    @functools.wraps(bind)
    def bind_on_device(self, ctx, args, args_grad=None, grad_req="write", aux_states=None, *rest, **named):
        if getattr(ctx, "device_typeid", None) == DEVICE_TYPE:
            groups = [group.values() if isinstance(group, dict) else group for group in (args, aux_states) if group]
            places = {array.context for group in groups for array in group if hasattr(array, "context")}
            if len(places) == 1 and ctx not in places:
                self, ctx = _on_device(self, ctx.device_id), places.pop()
        return bind(self, ctx, args, args_grad, grad_req, aux_states, *rest, **named)

    return bind_on_device


def _device_of(block):
    """The neuron(i > 0) that the block's parameters are on, else None."""
    for parameter in block.params.values():
        if parameter._ctx_list:
            context = parameter._ctx_list[0]
            return context if context.device_typeid == DEVICE_TYPE else None
    return None


def _forward_anywhere(forward):
    """Results of imperative operators never stay on device type 3, so a SymbolBlock there takes its inputs over."""

    @functools.wraps(forward)
    def forward_on_device(self, x, *args):
        context = _device_of(self)
        if context is not None:
            x, *args = [a.as_in_context(context) if hasattr(a, "as_in_context") else a for a in (x, *args)]
        return forward(self, x, *args)

    return forward_on_device


def _add_context(mx) -> None:
    context = mx.context.Context
    context.devstr2type["neuron"] = DEVICE_TYPE
    context.__repr__ = _context_repr
    mx.symbol.Symbol.bind = _bind_anywhere(mx.symbol.Symbol.bind)
    mx.gluon.SymbolBlock.forward = _forward_anywhere(mx.gluon.SymbolBlock.forward)


def _set_up(mx) -> None:
    _check_version(mx)
    os.environ.setdefault(RANDOM_COPIES, str(MAX_RANDOM_COPIES))
    _load_extension(mx)
    _add_context(mx)


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
