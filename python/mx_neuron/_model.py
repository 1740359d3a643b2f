"""A model of the library: a symbol, with its arrays or without.

SPDX-License-Identifier: Apache-2.0
"""

from __future__ import annotations

import ctypes
import os
import sys
import warnings

import numpy as np

from ._arrays import (
    DTYPES,
    UNKNOWN,
    array_of,
    as_array,
    bfloat16,
    cast,
    is_owned_by_library,
    packed,
    tensor_of,
    type_of,
)
from ._library import Array, Handle, Input, MXNeuronTypeError, Tensor, Type, create, encode, lib

NEURONBIN = "_neuronbin"


def _level_of_caller() -> int:
    """The stacklevel of warnings.warn() in the caller that means the first frame outside this package."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__package__") == __package__:
        level, frame = level + 1, frame.f_back
    return level


def _has_nan(array: np.ndarray) -> bool:
    if array.dtype == bfloat16:
        return bool(((array["bfloat16"] & 0x7FFF) > 0x7F80).any())
    return array.dtype.kind == "f" and bool(np.isnan(array).any())


def named_arrays(what: str, arrays) -> list:
    """Names and values of a dict."""
    if not hasattr(arrays, "items"):
        raise MXNeuronTypeError(f"{what}: expected a dict of name to array, got {type(arrays).__name__}")
    items = list(arrays.items())
    for name, _ in items:
        if not isinstance(name, str):
            raise MXNeuronTypeError(f"{what}: expected names, got {name!r}")
    return items


def _parameters(args, aux):
    """(name with "arg:" or "aux:", array), programs first: they are mapped from where they then stand in the file."""
    named = []
    for prefix, what, arrays in (("arg:", "args", args), ("aux:", "aux", aux)):
        named += [(prefix, name, value) for name, value in named_arrays(what, arrays)]
    named.sort(key=lambda item: not item[1].endswith(NEURONBIN))
    return [(prefix + name, None if value is None else packed(name, as_array(name, value)))
            for prefix, name, value in named]


def _array_struct(name: str, array: np.ndarray | None) -> Array:
    none = Tensor(Type(UNKNOWN, -1), None)
    return Array(encode(name), none if array is None else tensor_of(array))


class Model(Handle):
    """An mxn_model. It is only read: any number of threads may use it."""

    def __init__(self, handle: int, borrowed=()):
        super().__init__(handle, lib.model_close, borrowed)

    @classmethod
    def load(cls, prefix: str | os.PathLike, epoch: int) -> Model:
        return cls(create(lib.model_load, encode(prefix), epoch))

    @classmethod
    def load_symbol(cls, path: str | os.PathLike) -> Model:
        return cls(create(lib.model_load_files, encode(path), None))

    @classmethod
    def of_symbol(cls, name: str, text: str) -> Model:
        data = text.encode("utf-8", "surrogateescape")
        return cls(create(lib.model_create, encode(name), data, len(data), None, 0))

    @classmethod
    def of(cls, sym, args, aux, is_kept: bool = False) -> Model:
        """Of a symbol (anything with tojson()) and its arrays. Where the model is kept, arrays that others can write to
        are copied."""
        if not hasattr(sym, "tojson"):
            raise MXNeuronTypeError(f"sym: expected a Symbol, got {type(sym).__name__}")
        arrays = _parameters(args, aux)
        for name, array in arrays:
            if array is not None and _has_nan(array):
                warnings.warn(f"parameter '{name[4:]}' holds NaN", RuntimeWarning, stacklevel=_level_of_caller())
        if is_kept:
            arrays = [(n, a if a is None or is_owned_by_library(a) else a.copy()) for n, a in arrays]
        structs = (Array * len(arrays))(*[_array_struct(name, array) for name, array in arrays])
        text = sym.tojson().encode("utf-8", "surrogateescape")
        name = encode(getattr(sym, "source", "symbol"))
        handle = create(lib.model_create, name, text, len(text), structs, len(arrays))
        return cls(handle, borrowed=[array for _, array in arrays])

    def symbol_text(self) -> str:
        size = ctypes.c_size_t()
        lib.model_print_symbol(self.handle, None, 0, ctypes.byref(size))
        buffer = ctypes.create_string_buffer(size.value + 1)
        lib.model_print_symbol(self.handle, buffer, len(buffer), ctypes.byref(size))
        return buffer.value.decode("utf-8", "surrogateescape")

    def variables(self) -> list[tuple[str, bool]]:
        """Name, and whether it is an auxiliary state."""
        count = lib.model_n_variables(self.handle)
        found = [lib.model_get_variable(self.handle, i) for i in range(count)]
        return [(os.fsdecode(variable.name), variable.is_auxiliary) for variable in found]

    def output_names(self) -> list[str]:
        return [os.fsdecode(lib.model_output_name(self.handle, i)) for i in range(lib.model_n_outputs(self.handle))]

    def input_types(self) -> dict[str, Type]:
        """What is known of each input before anything is bound."""
        count = lib.model_n_inputs(self.handle)
        return {os.fsdecode(lib.model_input_name(self.handle, i)): lib.model_input_type(self.handle, i).contents
                for i in range(count)}

    def label_names(self) -> list[str]:
        """Labels of output operators, of a model that has no arrays: arguments that are no inputs."""
        inputs = self.input_types()
        return [name for name, is_auxiliary in self.variables() if not is_auxiliary and name not in inputs]

    def arrays(self):
        """(name, with "arg:" or "aux:" if the file has it, read-only array or None) of each array."""
        for i in range(lib.model_n_arrays(self.handle)):
            array = lib.model_get_array(self.handle, i)
            yield os.fsdecode(array.name), array_of(array.tensor, self)

    def infer(self, inputs: dict[str, Type]) -> tuple[list[Type], list[Type]]:
        """Types of the variables and of the outputs."""
        variables = (Type * lib.model_n_variables(self.handle))()
        outputs = (Type * lib.model_n_outputs(self.handle))()
        lib.model_infer(self.handle, input_structs(inputs), len(inputs), variables, outputs)
        return list(variables), list(outputs)

    def input_dtypes(self, inputs: dict[str, np.ndarray]) -> dict[str, np.dtype]:
        """What the model wants each input to be: parameters and symbol decide. Where they do not, the array does, but
        numpy's float64, which MXNet would not make from it either, counts as float32."""
        known = self.input_types()
        wanted = {name: known[name].dtype for name in inputs if name in known}
        if any(dtype == UNKNOWN for dtype in wanted.values()):
            shapes = {name: type_of(None, inputs[name].shape) for name in wanted}
            inferred, _ = self.infer(shapes)
            wanted.update({name: found.dtype for (name, _), found in zip(self.variables(), inferred) if name in wanted})
        result = {}
        for name, array in inputs.items():
            number = wanted.get(name, UNKNOWN)
            own = np.dtype(np.float32) if array.dtype == np.float64 else array.dtype.newbyteorder("=")
            result[name] = own if number == UNKNOWN else DTYPES[number]
        return result

    def cast_inputs(self, inputs) -> dict[str, np.ndarray]:
        """The arrays as the model wants them."""
        arrays = {name: as_array(name, value) for name, value in named_arrays("inputs", inputs)}
        dtypes = self.input_dtypes(arrays)
        return {name: packed(name, cast(name, array, dtypes[name])) for name, array in arrays.items()}


def input_structs(inputs: dict[str, Type]) -> ctypes.Array:
    return (Input * len(inputs))(*[Input(encode(name), found) for name, found in inputs.items()])
