"""libmxneuron: where it is, its structs and functions (include/mxneuron/*.h), errors and handles.

A handle is closed when nothing in Python refers to it any more: what borrows from it keeps it.

SPDX-License-Identifier: Apache-2.0
"""

from __future__ import annotations

import ctypes
import os
import pathlib
import weakref

MAX_DIMS = 16
MESSAGE_BYTES = 508
LIBRARY = "libmxneuron.so.0"
EXTENSION = "libmxneuron-mxnet.so"


class MXNeuronError(RuntimeError):
    """What mxneuron refuses. `status` is the name of the status in mxneuron/status.h: "ARGUMENT", "SHAPE", ..."""

    def __init__(self, message: str, status: str = "ARGUMENT"):
        super().__init__(message)
        self.status = status


class MXNeuronTypeError(MXNeuronError, TypeError):
    """An argument of the wrong kind."""


class MXNeuronValueError(MXNeuronError, ValueError):
    """An argument of the right kind with a value that it cannot have."""


STATUSES = (
    "OK", "ARGUMENT", "NOMEM", "IO", "FORMAT", "VERSION", "UNSUPPORTED", "SHAPE", "TARGET", "INTERNAL",
    "CANCELLED",
)  # fmt: skip


class Error(ctypes.Structure):
    _fields_ = [("code", ctypes.c_int), ("message", ctypes.c_char * MESSAGE_BYTES)]


class Type(ctypes.Structure):
    _fields_ = [("dtype", ctypes.c_int), ("n_dims", ctypes.c_int32), ("dims", ctypes.c_int64 * MAX_DIMS)]

    def shape(self) -> tuple | None:
        """None where a dimension is not known."""
        dims = tuple(self.dims[: max(self.n_dims, 0)])
        return None if self.n_dims < 0 or any(dim < 0 for dim in dims) else dims


class Tensor(ctypes.Structure):
    _fields_ = [("type", Type), ("data", ctypes.c_void_p)]


class Array(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("tensor", Tensor)]


class Input(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("type", Type)]


class Variable(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("is_auxiliary", ctypes.c_bool)]


IsCancelled = ctypes.CFUNCTYPE(ctypes.c_bool, ctypes.c_void_p)


class CompileOptions(ctypes.Structure):
    _fields_ = [
        ("struct_bytes", ctypes.c_size_t),
        ("excl_node_names", ctypes.POINTER(ctypes.c_char_p)),
        ("n_excl_node_names", ctypes.c_size_t),
        ("force_incl_node_names", ctypes.POINTER(ctypes.c_char_p)),
        ("n_force_incl_node_names", ctypes.c_size_t),
        ("targets", ctypes.c_char_p),
        ("n_jobs", ctypes.c_uint32),
        ("dump", ctypes.c_char_p),
        ("dump_path", ctypes.c_char_p),
        ("compiler", ctypes.c_char_p),
        ("work_dir", ctypes.c_char_p),
        ("progress", ctypes.c_void_p),
        ("progress_context", ctypes.c_void_p),
        ("outputs", ctypes.POINTER(ctypes.c_char_p)),
        ("n_outputs", ctypes.c_size_t),
        ("is_cancelled", IsCancelled),
        ("cancel_context", ctypes.c_void_p),
        ("n_pipeline_cores", ctypes.c_uint32),
    ]


class Statistics(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in ("n_original", "n_operators", "n_subgraphs", "n_compiled")]


class LeftOut(ctypes.Structure):
    _fields_ = [("node", ctypes.c_char_p), ("op", ctypes.c_char_p), ("reason", ctypes.c_char_p)]


class ExecutorOptions(ctypes.Structure):
    _fields_ = [("struct_bytes", ctypes.c_size_t), ("n_cores", ctypes.c_uint32)]


HANDLE = ctypes.c_void_p
SIZE = ctypes.c_size_t
TEXT = ctypes.c_char_p
OUT_HANDLE = ctypes.POINTER(HANDLE)

# Name without mxn_: result, parameters. CHECKED functions return a status and take an mxn_error last.
CHECKED = "checked"
FUNCTIONS = {
    "model_load": (CHECKED, TEXT, ctypes.c_int, OUT_HANDLE),
    "model_load_files": (CHECKED, TEXT, TEXT, OUT_HANDLE),
    "model_create": (CHECKED, TEXT, TEXT, SIZE, ctypes.POINTER(Array), SIZE, OUT_HANDLE),
    "model_save": (CHECKED, HANDLE, TEXT, ctypes.c_int),
    "model_print_symbol": (CHECKED, HANDLE, ctypes.c_void_p, SIZE, ctypes.POINTER(SIZE)),
    "model_infer": (CHECKED, HANDLE, ctypes.POINTER(Input), SIZE, ctypes.POINTER(Type), ctypes.POINTER(Type)),
    "model_close": (None, HANDLE),
    "model_n_inputs": (SIZE, HANDLE),
    "model_input_name": (TEXT, HANDLE, SIZE),
    "model_input_type": (ctypes.POINTER(Type), HANDLE, SIZE),
    "model_n_outputs": (SIZE, HANDLE),
    "model_output_name": (TEXT, HANDLE, SIZE),
    "model_n_variables": (SIZE, HANDLE),
    "model_get_variable": (Variable, HANDLE, SIZE),
    "model_get_statistics": (None, HANDLE, ctypes.POINTER(Statistics)),
    "model_n_left_out": (SIZE, HANDLE),
    "model_get_left_out": (LeftOut, HANDLE, SIZE),
    "model_n_arrays": (SIZE, HANDLE),
    "model_get_array": (Array, HANDLE, SIZE),
    "arrays_load": (CHECKED, TEXT, OUT_HANDLE),
    "arrays_n": (SIZE, HANDLE),
    "arrays_get": (Array, HANDLE, SIZE),
    "arrays_close": (None, HANDLE),
    "compile": (
        CHECKED, HANDLE, ctypes.POINTER(Input), SIZE, ctypes.POINTER(CompileOptions), OUT_HANDLE,
    ),
    "executor_create": (
        CHECKED, HANDLE, ctypes.POINTER(Input), SIZE, ctypes.POINTER(ExecutorOptions), OUT_HANDLE,
    ),
    "executor_destroy": (None, HANDLE),
    "executor_run": (CHECKED, HANDLE, ctypes.POINTER(Tensor), SIZE, ctypes.POINTER(Tensor), SIZE),
}  # fmt: skip


def library_path() -> str:
    """MXNEURON_LIBRARY (the file or its folder), else beside this package, else what the loader finds."""
    given = os.environ.get("MXNEURON_LIBRARY")
    if given:
        return os.path.join(given, LIBRARY) if os.path.isdir(given) else given
    beside = pathlib.Path(__file__).parent / LIBRARY
    return str(beside) if beside.exists() else LIBRARY


def _loaded_folder() -> str:
    """Where the library was found by the loader."""
    with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
        paths = (line.split(maxsplit=5)[-1].rstrip("\n") for line in maps if "/libmxneuron.so" in line)
        return os.path.dirname(next(paths))


def extension_path() -> str:
    """MXNet's extension, which is beside the library."""
    folder = os.path.dirname(library_path()) or _loaded_folder()
    path = os.path.join(os.path.abspath(folder), EXTENSION)
    if not os.path.exists(path):
        raise MXNeuronError(f"there is no {path}, which runs compiled operators in MXNet", "IO")
    return path


def encode(text: str | os.PathLike) -> bytes:
    if not isinstance(text, (str, os.PathLike)):
        raise MXNeuronError(f"expected a name or a path, got {text!r}")
    data = os.fsencode(text)
    if b"\0" in data:
        raise MXNeuronError(f"there is a NUL character in {os.fspath(text)!r}")
    return data


def _raise(error: Error):
    message = bytes(error.message).decode("utf-8", "replace")
    raise MXNeuronError(message, STATUSES[error.code] if error.code < len(STATUSES) else str(error.code))


def _checked(function):
    def call(*args):
        error = Error()
        if function(*args, ctypes.byref(error)):
            _raise(error)

    return call


class _Library:
    """The functions without their mxn_; those that return a status raise instead."""

    def __init__(self):
        path = library_path()
        try:
            loaded = ctypes.CDLL(path)
        except OSError as error:
            raise MXNeuronError(f"cannot load {path}: {error} (MXNEURON_LIBRARY names it)", "IO") from None
        for name, (result, *parameters) in FUNCTIONS.items():
            function = getattr(loaded, "mxn_" + name)
            is_checked = result is CHECKED
            function.argtypes = [*parameters, ctypes.POINTER(Error)] if is_checked else parameters
            function.restype = ctypes.c_int if is_checked else result
            setattr(self, name, _checked(function) if is_checked else function)


lib = _Library()


def create(function, *args) -> int:
    """The handle that a function with out-parameter last gives."""
    handle = HANDLE()
    function(*args, ctypes.byref(handle))
    return handle.value


def _close(close, handle, borrowed):
    """`borrowed` has lived until now because the finalizer held it."""
    close(handle)


class Handle:
    """Closes what it holds when nothing refers to it any more; `borrowed` lives until then. At the end of the process
    the system does it, since arrays may still look into the memory."""

    def __init__(self, handle: int, close, borrowed=()):
        self.handle = handle
        weakref.finalize(self, _close, close, handle, borrowed).atexit = False


def names_array(names) -> ctypes.Array:
    return (ctypes.c_char_p * len(names))(*[encode(name) for name in names])
