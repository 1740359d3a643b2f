"""numpy arrays to mxn_tensor and back.

SPDX-License-Identifier: Apache-2.0
"""

from __future__ import annotations

import numpy as np

from ._library import MAX_DIMS, MXNeuronTypeError, MXNeuronValueError, Tensor, Type

# As MXNet spells it: numpy has no such type, so the 16 bits stand in a field.
bfloat16 = np.dtype([("bfloat16", np.uint16)])

UNKNOWN = -1
# MXNet's numbers (include/mxneuron/tensor.h).
DTYPES = {
    0: np.dtype(np.float32),
    1: np.dtype(np.float64),
    2: np.dtype(np.float16),
    3: np.dtype(np.uint8),
    4: np.dtype(np.int32),
    5: np.dtype(np.int8),
    6: np.dtype(np.int64),
    7: np.dtype(np.bool_),
    12: bfloat16,
}
NUMBERS = {dtype: number for number, dtype in DTYPES.items()}


def dtype_name(dtype: np.dtype) -> str:
    return "bfloat16" if dtype == bfloat16 else str(dtype)


class _Memory:
    """What numpy asks for an array over foreign memory; the array keeps this, and this keeps the owner."""

    def __init__(self, tensor: Tensor, dtype: np.dtype, owner):
        typestr = "<u2" if dtype == bfloat16 else dtype.str
        shape = tuple(tensor.type.dims[: tensor.type.n_dims])
        self.__array_interface__ = {"version": 3, "shape": shape, "typestr": typestr, "data": (tensor.data, True)}
        self.owner = owner


def array_of(tensor: Tensor, owner) -> np.ndarray | None:
    """A read-only array over the tensor's memory, which `owner` holds; None for what MXNet calls none."""
    if tensor.type.n_dims < 0:
        return None
    dtype = DTYPES[tensor.type.dtype]
    if not tensor.data:
        return np.empty(tuple(tensor.type.dims[: tensor.type.n_dims]), dtype)
    array = np.asarray(_Memory(tensor, dtype, owner))
    return array.view(bfloat16) if dtype == bfloat16 else array


def is_owned_by_library(array: np.ndarray) -> bool:
    """True for what array_of() gave: nobody can write to it."""
    return isinstance(array.base, _Memory)


def as_array(name: str, value) -> np.ndarray:
    """What a caller gives as an array: also lists, and anything that has asnumpy(). A tuple of numbers was meant as a
    shape."""
    if isinstance(value, tuple) and all(isinstance(number, int) for number in value):
        raise MXNeuronTypeError(f"array '{name}': expected an array, got the tuple {value!r}, which is {len(value)} "
                                "numbers and no array of that shape")
    if hasattr(value, "asnumpy"):
        value = value.asnumpy()
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise MXNeuronValueError(f"array '{name}': {error}") from None
    if array.dtype.kind == "O":
        raise MXNeuronTypeError(f"array '{name}': expected numbers, got objects")
    if array.ndim > MAX_DIMS:
        raise MXNeuronValueError(f"array '{name}': expected at most {MAX_DIMS} dimensions, got {array.ndim}")
    return array


def packed(name: str, array: np.ndarray) -> np.ndarray:
    """The array as C wants it: row-major without gaps, in the host's byte order, of a type that MXNet has."""
    native = array.dtype.newbyteorder("=")
    if native not in NUMBERS:
        known = ", ".join(dtype_name(dtype) for dtype in NUMBERS)
        raise MXNeuronTypeError(f"array '{name}': MXNet has no dtype {array.dtype}; it has {known}")
    return np.asarray(array, dtype=native, order="C")


def cast(name: str, array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """The array as `dtype`, where that changes no more than precision or range; an error that says so elsewhere."""
    if array.dtype == dtype:
        return packed(name, array)
    if bfloat16 in (dtype, array.dtype) or not np.can_cast(array.dtype, dtype, "same_kind"):
        raise MXNeuronTypeError(
            f"input '{name}': expected {dtype_name(dtype)}, got {dtype_name(array.dtype)}, which is not cast by itself"
        )
    return np.asarray(array.astype(dtype), order="C")


def type_of(dtype: np.dtype | None, shape) -> Type:
    """Of None or of dimensions -1 nothing is known."""
    result = Type(UNKNOWN if dtype is None else NUMBERS[dtype], len(shape))
    result.dims[: len(shape)] = list(shape)
    return result


def tensor_of(array: np.ndarray) -> Tensor:
    """The array as C sees it; the caller keeps it alive."""
    return Tensor(type_of(array.dtype, array.shape), array.ctypes.data)
