"""compile(): from a model to a compiled model.

SPDX-License-Identifier: Apache-2.0
"""

from __future__ import annotations

import concurrent.futures
import ctypes
import os
import threading

from ._arrays import type_of
from ._flags import parse
from ._library import (
    CompileOptions,
    IsCancelled,
    MXNeuronTypeError,
    MXNeuronValueError,
    create,
    encode,
    lib,
    names_array,
)
from ._model import Model, input_structs
from ._mxnet_compile import compile_block, compile_symbol, mxnet_of
from ._partition import print_partition
from .checkpoint import take_apart


def _text(option: str, what: str, value) -> bytes | None:
    if value is None:
        return None
    if not isinstance(value, (str, os.PathLike)):
        raise MXNeuronTypeError(f"{option}: expected {what}, got {value!r}")
    return encode(value)


def _options(parsed: dict) -> CompileOptions:
    excluded = names_array(parsed["excl_node_names"])
    forced = names_array(parsed["force_incl_node_names"])
    return CompileOptions(
        struct_bytes=ctypes.sizeof(CompileOptions),
        excl_node_names=excluded,
        n_excl_node_names=len(excluded),
        force_incl_node_names=forced,
        n_force_incl_node_names=len(forced),
        work_dir=_text("work_dir", "a folder", parsed["work_dir"]),
        targets=_text("--targets", "names", parsed["targets"]),
        dump=_text("--dump", "a pass", parsed["dump"]),
        dump_path=_text("--dump-path", "a file", parsed["dump_path"]),
        n_pipeline_cores=parsed["n_pipeline_cores"] or 0,
    )


def _input_type(name: str, array):
    if array.size == 0:
        raise MXNeuronValueError(f"input '{name}': expected a shape to compile for, got {array.shape}, which is empty")
    return type_of(array.dtype, array.shape)


def _run(model: Model, types: dict, options: CompileOptions) -> Model:
    """On a thread of its own: signals come to the thread that waits, so Ctrl-C ends the compile."""
    cancelled = threading.Event()
    options.is_cancelled = IsCancelled(lambda _context: cancelled.is_set())

    def run() -> Model:
        return Model(create(lib.compile, model.handle, input_structs(types), len(types), ctypes.byref(options)))

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        try:
            return pool.submit(run).result()
        except BaseException:
            cancelled.set()
            raise


def _compile(sym, args, aux, inputs, compile_args: dict):
    """The one way through, of anything with tojson() and arrays that numpy takes."""
    options = _options(parse(compile_args))
    model = Model.of(sym, args, aux)
    arrays = model.cast_inputs(inputs)
    types = {name: _input_type(name, array) for name, array in arrays.items()}
    compiled = _run(model, types, options)
    if os.environ.get("SUBGRAPH_INFO", "0") not in ("", "0"):
        print_partition(compiled)
    return take_apart(compiled, getattr(sym, "source", "symbol"))


def compile(obj=None, args=None, aux=None, inputs=None, **compile_args):
    """Compile for the shapes and dtypes of `inputs`, a dict of input name to array; a new (sym, args, aux).

    What is given stays as it was. What the compiler cannot do stays in the symbol. An array is cast to the dtype that
    the parameters ask for. `obj` is a Symbol of this package with dicts of numpy arrays, or in MXNet a Symbol with
    dicts of NDArrays, and what comes back is of the same kind; or it is a HybridBlock of Gluon, which has its arrays
    itself, and a new block comes back. compile_args are those of MXNet-Neuron:

        excl_node_names        nodes to leave to the framework
        force_incl_node_names  nodes that must be compiled, else an error says why
        flags                  flags of neuron-cc, a list or words in a string
        work_dir               folder that keeps what goes to and from the compiler
        "--fp32-cast", ...     a flag of neuron-cc and its value

    Flags that mean nothing on a CPU are checked and accepted, with a line on the logger "mx_neuron" (INFO). NaN in the
    parameters is a RuntimeWarning. With SUBGRAPH_INFO=1 in the environment the partition is printed.
    """
    obj = compile_args.pop("sym", None) if obj is None else obj

    def run(*model):
        return _compile(*model, compile_args)

    mx = mxnet_of(obj)
    if mx is None:
        return run(obj, args, aux, inputs)
    is_symbol = isinstance(obj, mx.symbol.Symbol)
    return (compile_symbol if is_symbol else compile_block)(mx, run, obj, args, aux, inputs)
