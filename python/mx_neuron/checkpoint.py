"""Checkpoints: PREFIX-symbol.json with PREFIX-0000.params.

SPDX-License-Identifier: Apache-2.0
"""

from __future__ import annotations

import os

import numpy as np

from ._arrays import array_of
from ._library import Handle, MXNeuronError, create, encode, lib
from ._model import NEURONBIN, Model
from .symbol import Symbol


def checked_epoch(epoch) -> int:
    if isinstance(epoch, bool) or not isinstance(epoch, (int, np.integer)) or not 0 <= epoch < 2**31:
        raise MXNeuronError(f"epoch: expected a number of 0 or more, got {epoch!r}")
    return int(epoch)


def take_apart(model: Model, source: str):
    """(sym, args, aux) of a model. The arrays are the caller's, all but the programs, which stay where they are."""
    sym = Symbol(Model.of_symbol(source, model.symbol_text()), source)
    auxiliary = set(sym.list_auxiliary_states())
    args, aux = {}, {}
    for full_name, array in model.arrays():
        kind, colon, name = full_name.partition(":")
        if not colon or kind not in ("arg", "aux"):
            kind, name = ("aux" if full_name in auxiliary else "arg"), full_name
        if not name:
            raise MXNeuronError(f"{source}: the parameters have an array without a name", "FORMAT")
        if array is not None and not name.endswith(NEURONBIN):
            array = array.copy()
        (aux if kind == "aux" else args)[name] = array
    return sym, args, aux


def load_checkpoint(prefix: str | os.PathLike, epoch: int = 0):
    """(sym, args, aux) of a checkpoint, compiled or not: a Symbol and two dicts of name to numpy array.

    The arrays are the caller's to change; a program (NAME_neuronbin) is mapped from the file and read-only. The file
    may be replaced by rename meanwhile.
    """
    model = Model.load(prefix, checked_epoch(epoch))
    return take_apart(model, f"{os.fspath(prefix)}-symbol.json")


class _Arrays(Handle):
    """An mxn_arrays."""

    def __init__(self, fname):
        super().__init__(create(lib.arrays_load, encode(fname)), lib.arrays_close)


def load_arrays(fname: str | os.PathLike):
    """The arrays of an MXNet parameter file (.params, .nd): a dict of name to array, or a list where it has no names,
    as mx.nd.load gives. The names have their "arg:" and "aux:"."""
    owner = _Arrays(fname)
    found = [lib.arrays_get(owner.handle, i) for i in range(lib.arrays_n(owner.handle))]
    names = [os.fsdecode(item.name) for item in found]
    arrays = [None if item.tensor.type.n_dims < 0 else array_of(item.tensor, owner).copy() for item in found]
    return dict(zip(names, arrays)) if any(names) else arrays


def save_checkpoint(prefix: str | os.PathLike, epoch: int, sym, args, aux) -> None:
    """Write PREFIX-symbol.json and PREFIX-EPOCH.params; old files stay whole on any error."""
    model = Model.of(sym, args, aux)
    lib.model_save(model.handle, encode(prefix), checked_epoch(epoch))
