"""compile_args of MXNet-Neuron, and the flags of neuron-cc that scripts pass through it.

SPDX-License-Identifier: Apache-2.0
"""

from __future__ import annotations

import difflib
import logging
import shlex

from ._library import MXNeuronTypeError, MXNeuronValueError
from ._neuron_cc_options import OPTIONS as FLAGS

logger = logging.getLogger("mx_neuron")

MAX_PIPELINE_CORES = 64
# The flags with an effect here, and their names in what parse() gives.
EFFECTIVE = {
    "--neuroncore-pipeline-cores": "n_pipeline_cores",
    "--num-neuroncores": "n_pipeline_cores",
    "--targets": "targets",
    "--dump": "dump",
    "--dump-path": "dump_path",
}
# The arguments that are no flags.
OPTIONS = ("flags", "excl_node_names", "force_incl_node_names", "work_dir")


def _unknown(what: str, name: str, known):
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    ending = f"near names: {', '.join(near)}" if near else f"known are {', '.join(known)}"
    raise MXNeuronValueError(f"there is no {what} '{name}'; {ending}")


def _split(flags) -> list[str]:
    """A list of strings, each one or more words, or one such string."""
    texts = [flags] if isinstance(flags, str) else flags
    if not isinstance(texts, (list, tuple)) or not all(isinstance(text, str) for text in texts):
        raise MXNeuronTypeError(f"flags: expected a list of strings, got {flags!r}")
    try:
        return shlex.split(" ".join(texts))
    except ValueError as error:
        raise MXNeuronValueError(f"flags: {error} in {' '.join(texts)!r}") from None


def _check_count(name: str, values: list[str]) -> None:
    value, is_words = FLAGS[name]
    least = 1 if value and not value.startswith("[") else 0
    most = len(values) if is_words else 1 if value else 0
    if not least <= len(values) <= most:
        expected = "a value" if value else "no value"
        raise MXNeuronValueError(f"{name}: expected {expected}, got {' '.join(values) or 'none'}")


def _check_value(name: str, value: str) -> None:
    kind, is_words = FLAGS[name]
    if is_words and value not in kind.split("|"):
        raise MXNeuronValueError(f"{name}: expected {kind}, got '{value}'")
    if kind == "N" and not (value.isascii() and value.isdigit()):
        raise MXNeuronValueError(f"{name}: expected a number, got '{value}'")
    if kind == "BOOL" and value.lower() not in ("true", "false"):
        raise MXNeuronValueError(f"{name}: expected True or False, got '{value}'")


def _number(name: str, value, most: int) -> int:
    if not 1 <= int(value) <= most:
        raise MXNeuronValueError(f"{name}: expected 1 to {most}, got {value}")
    return int(value)


def _accept(name: str, values: list[str], options: dict) -> None:
    if name not in FLAGS:
        _unknown("flag", name, list(FLAGS))
    _check_count(name, values)
    for value in values:
        _check_value(name, value)
    option = EFFECTIVE.get(name)
    if option is None:
        logger.info("%s is accepted and has no effect here", " ".join([name, *values]))
    else:
        options[option] = _number(name, values[0], MAX_PIPELINE_CORES) if FLAGS[name][0] == "N" else values[0]


def _accept_words(words: list[str], options: dict) -> None:
    """Each flag with the words up to the next one."""
    at = 0
    while at < len(words):
        name, equals, value = words[at].partition("=")
        at += 1
        values = [value] if equals else []
        while not equals and at < len(words) and not words[at].startswith("-"):
            values.append(words[at])
            at += 1
        _accept(name, values, options)


def _values(value) -> list[str]:
    """The value of a keyword as a command line has it; True is a flag without one."""
    if value is True or value is None or value == "":
        return []
    return [str(v) for v in value] if isinstance(value, (list, tuple)) else [str(value)]


def _names(option: str, value) -> list[str]:
    """A list of names, or one string of names with commas."""
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, (list, tuple, set, frozenset)) or not all(isinstance(name, str) for name in names):
        raise MXNeuronTypeError(f"{option}: expected a list of node names, got {value!r}")
    return [name.strip() for name in names if name.strip()]


def parse(compile_args: dict) -> dict:
    """The OPTIONS and what EFFECTIVE flags stand for, None where not given; flags are checked."""
    options = dict.fromkeys((*OPTIONS, *EFFECTIVE.values()))
    for key, value in compile_args.items():
        if key in OPTIONS:
            options[key] = value
        elif key not in FLAGS:
            _unknown("argument of compile", key, [*OPTIONS, *FLAGS])
        elif value is not False:
            _accept(key, ["True"] if value is True and FLAGS[key][0] == "BOOL" else _values(value), options)
    if options["flags"] is not None:
        _accept_words(_split(options["flags"]), options)
    for option in ("excl_node_names", "force_incl_node_names"):
        options[option] = _names(option, options[option] or [])
    return options
