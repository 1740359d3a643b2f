"""compile() of MXNet's own objects: a Symbol with NDArrays, or a HybridBlock of Gluon.

What is given is never changed: its arrays are copied to numpy for the compiler, and the results are new objects.

SPDX-License-Identifier: Apache-2.0
"""

from __future__ import annotations

import sys

from ._arrays import as_array
from ._library import MXNeuronTypeError, MXNeuronValueError
from ._model import Model, named_arrays
from ._mxnet import check_supported, errors_of


def mxnet_of(obj):
    """The MXNet whose object this is, or None."""
    mx = sys.modules.get("mxnet")
    gluon = getattr(mx, "gluon", None)
    return mx if gluon is not None and isinstance(obj, (mx.symbol.Symbol, gluon.Block)) else None


def _new_array(mx, array):
    new = mx.nd.empty(array.shape, dtype=array.dtype)
    new[:] = array
    return new


def _new_arrays(mx, arrays: dict, given: dict) -> dict:
    """NDArrays; one that was given as an NDArray is a copy of that, on its context and of its storage type."""
    return {name: given[name].copy() if isinstance(given.get(name), mx.nd.NDArray) else _new_array(mx, array)
            for name, array in arrays.items()}


def _check_context(what: str, name: str, ctx) -> None:
    if ctx.device_type == "gpu":
        raise MXNeuronValueError(f"{what}: array '{name}': expected it on a CPU context, got {ctx}")


def _check_contexts(mx, what: str, arrays) -> None:
    for name, array in named_arrays(what, arrays):
        if isinstance(array, mx.nd.NDArray):
            _check_context(what, name, array.ctx)


def compile_symbol(mx, run, sym, args, aux, inputs):
    """`run` is compile() of anything with tojson() and arrays. What `args` has of inputs and labels is no parameter, and
    comes back as it was."""
    with errors_of(mx):
        check_supported(mx)
        aux = {} if aux is None else aux
        for what, arrays in (("args", args), ("aux", aux), ("inputs", inputs)):
            _check_contexts(mx, what, arrays)
        named_inputs = dict(named_arrays("inputs", inputs))
        no_parameters = {*named_inputs, *Model.of_symbol("symbol", sym.tojson()).label_names()}
        parameters = {name: array for name, array in named_arrays("args", args) if name not in no_parameters}
        csym, cargs, caux = run(sym, parameters, aux, named_inputs)
        still_there = {name: as_array(name, args[name]) for name in csym.list_arguments() if name in args}
    new = mx.symbol.load_json(csym.tojson())
    if isinstance(sym, mx.np_symbol._Symbol):
        new = new.as_np_ndarray()
    return new, _new_arrays(mx, {**cargs, **still_there}, args), _new_arrays(mx, caux, aux)


def _variables(mx, inputs: dict) -> list:
    """A variable for each array, with its name and dtype."""
    variables = [mx.symbol.var(name, dtype=array.dtype) for name, array in inputs.items()]
    return [variable.as_np_ndarray() for variable in variables] if mx.util.is_np_array() else variables


def _positional(mx, block, inputs) -> dict:
    """The inputs as NDArrays in the order of the block's forward(): a SymbolBlock has names, another takes the order of
    the dict."""
    array_of = mx.np.array if mx.util.is_np_array() else mx.nd.array
    arrays = {name: a if isinstance(a, mx.nd.NDArray) else array_of(as_array(name, a))
              for name, a in named_arrays("inputs", inputs)}
    if not isinstance(block, mx.gluon.SymbolBlock):
        return arrays
    names = [variable.name for variable in block._cached_graph[0]]
    if set(names) != set(arrays):
        raise MXNeuronValueError(f"inputs: expected {', '.join(names)}, got {', '.join(arrays) or 'none'}")
    return {name: arrays[name] for name in names}


def _traced(mx, block, inputs: dict):
    """The block as a symbol over variables with the names of the inputs."""
    if isinstance(block, mx.gluon.SymbolBlock):
        return block._cached_graph[1]
    with mx.autograd.pause():
        block(*inputs.values())  # parameters whose shapes are not known yet get them
    output = block(*_variables(mx, inputs))
    return output if isinstance(output, mx.symbol.Symbol) else mx.symbol.Group(list(output))


def _parameters(block, sym):
    """(args, aux) of the symbol, as the block has them."""
    own = {parameter.name: parameter for parameter in block.collect_params().values()}
    lists = (sym.list_arguments(), sym.list_auxiliary_states())
    return [{name: own[name]._reduce() for name in names if name in own} for names in lists]


def _new_block(mx, block, inputs: dict, sym, arrays: dict):
    """A SymbolBlock with the arrays as its parameters, on the contexts that the block has. Its cache is built, since
    export() asks for that."""
    new = mx.gluon.SymbolBlock(sym, _variables(mx, inputs))
    contexts = next((parameter.list_ctx() for parameter in block.collect_params().values()), [mx.current_context()])
    for name, parameter in new.collect_params().items():
        parameter._load_init(arrays[name], contexts, cast_dtype=True, dtype_source="saved")
    if block._active:
        new.hybridize(True, **dict(block._flags))
    new._build_cache(*inputs.values())
    return new


def compile_block(mx, run, block, args, aux, inputs):
    """A new SymbolBlock, which can be called and exported at once."""
    with errors_of(mx):
        check_supported(mx)
        if not isinstance(block, mx.gluon.HybridBlock):
            raise MXNeuronTypeError(f"obj: expected a Symbol or a HybridBlock, got {type(block).__name__}")
        if args or aux:
            raise MXNeuronTypeError("args, aux: expected None with a block, which has its own parameters")
        for parameter in block.collect_params().values():
            for ctx in parameter._ctx_list or ():
                _check_context("block", parameter.name, ctx)
        arrays = _positional(mx, block, inputs)
        if not arrays:
            raise MXNeuronValueError("inputs: expected an array for each argument of the block's forward(), got none")
    sym = _traced(mx, block, arrays)
    args, aux = _parameters(block, sym)
    csym, cargs, caux = compile_symbol(mx, run, sym, args, aux, arrays)
    return _new_block(mx, block, arrays, csym, {**cargs, **caux})
