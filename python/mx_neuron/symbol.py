"""Symbols: a network without its arrays.

SPDX-License-Identifier: Apache-2.0
"""

from __future__ import annotations

import difflib
import json
import operator
import os
import tempfile

from ._arrays import UNKNOWN, type_of
from ._library import MAX_DIMS, MXNeuronError, MXNeuronTypeError, MXNeuronValueError
from ._model import Model


def _checked_shape(name: str, shape) -> tuple:
    try:
        dims = tuple(operator.index(dim) for dim in shape)
    except TypeError:
        raise MXNeuronTypeError(f"shape of '{name}': expected whole numbers, got {shape!r}") from None
    if len(dims) > MAX_DIMS or any(not UNKNOWN <= dim < 2**63 for dim in dims):
        raise MXNeuronValueError(f"shape of '{name}': expected at most {MAX_DIMS} dimensions of 0 or more, got {shape!r}")
    return tuple(UNKNOWN if dim in (0, -1) else dim for dim in dims)


def _with_heads(graph: dict, heads: list) -> str:
    """The text of a symbol with other outputs and of what they need alone."""
    nodes, needed = graph["nodes"], {head[0] for head in heads}
    for i in range(len(nodes) - 1, -1, -1):
        if i in needed:
            needed.update(source[0] for source in nodes[i]["inputs"])
    order = sorted(needed)
    place = {old: new for new, old in enumerate(order)}
    kept = [{**nodes[i], "inputs": [[place[s], *rest] for s, *rest in nodes[i]["inputs"]]} for i in order]
    return json.dumps({
        "nodes": kept,
        "arg_nodes": [i for i, node in enumerate(kept) if node["op"] == "null"],
        "heads": [[place[node], *rest] for node, *rest in heads],
        "attrs": graph["attrs"],
    })


class Symbol:
    """An MXNet symbol, as a checkpoint has it. It never changes."""

    def __init__(self, model: Model, source: str):
        """Use load(), load_json() or load_checkpoint(). `source` is what messages call it."""
        self._model = model
        self.source = source

    def __repr__(self) -> str:
        return f"<Symbol {self.source}: {', '.join(self.list_outputs())}>"

    def tojson(self) -> str:
        """The JSON text that MXNet 1.9.1 reads."""
        return self._model.symbol_text()

    def save(self, fname: str | os.PathLike) -> None:
        """Write tojson() to a file; an old one stays whole on any error."""
        folder = os.path.dirname(os.path.abspath(fname))
        try:
            with tempfile.NamedTemporaryFile("wb", dir=folder, delete=False) as file:
                file.write(self.tojson().encode("utf-8", "surrogateescape"))
            umask = os.umask(0)
            os.umask(umask)
            os.chmod(file.name, 0o666 & ~umask)
            os.replace(file.name, fname)
        except OSError as error:
            raise MXNeuronError(f"{os.fspath(fname)}: {error.strerror}", "IO") from error

    def list_arguments(self) -> list[str]:
        """Inputs, labels and parameters."""
        return [name for name, is_auxiliary in self._model.variables() if not is_auxiliary]

    def list_auxiliary_states(self) -> list[str]:
        """States such as the moving mean of BatchNorm."""
        return [name for name, is_auxiliary in self._model.variables() if is_auxiliary]

    def list_outputs(self) -> list[str]:
        """Names of the outputs; of a compiled symbol those that it had before."""
        return self._model.output_names()

    def _select(self, choose) -> Symbol:
        """The symbol whose heads are choose(graph)."""
        graph = json.loads(self.tojson())
        return Symbol(Model.of_symbol(self.source, _with_heads(graph, choose(graph))), self.source)

    def get_internals(self) -> Symbol:
        """A symbol that has every value as an output, inputs and parameters too."""

        def every(graph):
            ends = graph["node_row_ptr"]
            return [[i, k, 0] for i in range(len(graph["nodes"])) for k in range(ends[i + 1] - ends[i])]

        return self._select(every)

    def __getitem__(self, output: str | int) -> Symbol:
        """The symbol of one output, by name or number: sym.get_internals()["fc1_output"]."""
        names = self.list_outputs()
        if isinstance(output, str):
            if output not in names:
                near = ", ".join(difflib.get_close_matches(output, names)) or "none"
                raise MXNeuronError(f"{self.source}: there is no output '{output}'; near names: {near}")
            output = names.index(output)
        if not 0 <= output < len(names):
            raise IndexError(f"{self.source}: there is no output {output}, there are {len(names)}")
        return self._select(lambda graph: [graph["heads"][output]])

    def infer_shape(self, *args, **kwargs):
        """Shapes of arguments, outputs and auxiliary states, each a list of tuples in the order of its list_ function;
        (None, None, None) where one cannot be inferred. Shapes of variables are given by name, or in the order of
        list_arguments(); 0 is a dimension that is not known."""
        if len(args) > len(self.list_arguments()):
            raise MXNeuronError(f"expected at most {len(self.list_arguments())} shapes, got {len(args)}")
        given = {n: s for n, s in zip(self.list_arguments(), args) if s is not None}
        for name in given:
            if name in kwargs:
                raise MXNeuronError(f"the shape of '{name}' is given twice")
        given.update(kwargs)
        types = {name: type_of(None, _checked_shape(name, shape)) for name, shape in given.items()}
        variables, outputs = self._model.infer(types)
        auxiliary = [is_auxiliary for _, is_auxiliary in self._model.variables()]
        shapes = [found.shape() for found in variables]
        output_shapes = [found.shape() for found in outputs]
        if None in shapes or None in output_shapes:
            return None, None, None
        arguments = [shape for shape, is_aux in zip(shapes, auxiliary) if not is_aux]
        return arguments, output_shapes, [shape for shape, is_aux in zip(shapes, auxiliary) if is_aux]


def load(fname: str | os.PathLike) -> Symbol:
    """A symbol of NAME-symbol.json, of any MXNet version."""
    return Symbol(Model.load_symbol(fname), os.fspath(fname))


def load_json(json_str: str) -> Symbol:
    """A symbol of JSON text."""
    if not isinstance(json_str, str):
        raise MXNeuronError(f"expected JSON text, got {type(json_str).__name__}")
    return Symbol(Model.of_symbol("symbol", json_str), "symbol")
