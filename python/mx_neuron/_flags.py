"""compile_args of MXNet-Neuron, and the flags of neuron-cc that scripts pass through it.

SPDX-License-Identifier: Apache-2.0
"""

from __future__ import annotations

import difflib
import logging
import re
import shlex

from ._library import MXNeuronTypeError, MXNeuronValueError

logger = logging.getLogger("mx_neuron")

# How many values follow a flag, and what one looks like.
SWITCH, ONE, OPTIONAL, SEVERAL = "switch", "one", "optional", "several"
NUMBER = r"[0-9]+"
CASTS = "all|matmult|matmult-fp16|matmult-bf16|all-fp16"
FAST_MATH = rf"all|none|(no-)?fast-relayout|fp32-cast-({CASTS})"
ANYTHING = r"(?s:.*)"

FLAGS = {
    "--fp32-cast": (ONE, CASTS),
    "--fast-math": (SEVERAL, FAST_MATH),
    "--neuroncore-pipeline-cores": (ONE, NUMBER),
    "--num-neuroncores": (ONE, NUMBER),
    "--enable-fast-loading-neuron-binaries": (SWITCH, None),
    "--enable-fast-context-switch": (SWITCH, None),
    "--enable-saturate-infinity": (SWITCH, None),
    "--static-weights": (SWITCH, None),
    "--batching_en": (SWITCH, None),
    "--rematerialization_en": (SWITCH, None),
    "--arith_intensity_target": (ONE, NUMBER),
    "--sb_size": (ONE, NUMBER),
    "--spill_dis": (SWITCH, None),
    "--enable-replication": (ONE, "True|False|true|false"),
    "--tensor-layout-heuristics": (ONE, ANYTHING),
    "-O1": (SWITCH, None),
    "-O2": (SWITCH, None),
    "-O3": (SWITCH, None),
    "--verbose": (ONE, ANYTHING),
    "--output": (ONE, ANYTHING),
    "--io-config": (ONE, ANYTHING),
    "--framework": (ONE, ANYTHING),
    "--pipeline": (SEVERAL, ANYTHING),
    "--extract-weights": (OPTIONAL, ANYTHING),
}
# The flags with an effect, and their names in what parse() gives.
MAX_PIPELINE_CORES = 64
EFFECTIVE = {"--neuroncore-pipeline-cores": "n_pipeline_cores", "--num-neuroncores": "n_pipeline_cores"}
# The arguments that are no flags; None where not given.
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


def _check(name: str, values: list[str]) -> None:
    arity, pattern = FLAGS[name]
    counts = {SWITCH: (0, 0), ONE: (1, 1), OPTIONAL: (0, 1), SEVERAL: (1, len(values))}[arity]
    if not counts[0] <= len(values) <= counts[1]:
        expected = "no value" if arity == SWITCH else "a value"
        raise MXNeuronValueError(f"{name}: expected {expected}, got {' '.join(values) or 'none'}")
    for value in values:
        if not re.fullmatch(pattern, value):
            wanted = "a number" if pattern == NUMBER else pattern
            raise MXNeuronValueError(f"{name}: expected {wanted}, got '{value}'")


def _accept(name: str, values: list[str], options: dict) -> None:
    if name not in FLAGS:
        _unknown("flag", name, list(FLAGS))
    _check(name, values)
    if name in EFFECTIVE:
        if not 1 <= int(values[0]) <= MAX_PIPELINE_CORES:
            raise MXNeuronValueError(f"{name}: expected 1 to {MAX_PIPELINE_CORES}, got {values[0]}")
        options[EFFECTIVE[name]] = int(values[0])
        return
    logger.info("%s is accepted and has no effect here", " ".join([name, *values]))


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
    """excl_node_names, force_incl_node_names, work_dir and n_pipeline_cores; flags are checked."""
    options = {**dict.fromkeys(OPTIONS), "n_pipeline_cores": 0}
    for key, value in compile_args.items():
        if key in OPTIONS:
            options[key] = value
        elif key not in FLAGS:
            _unknown("argument of compile", key, [*OPTIONS, *FLAGS])
        elif value is not False:
            arity = FLAGS[key][0]
            _accept(key, [str(value)] if arity == ONE and value is True else _values(value), options)
    if options["flags"] is not None:
        _accept_words(_split(options["flags"]), options)
    for option in ("excl_node_names", "force_incl_node_names"):
        options[option] = _names(option, options[option] or [])
    return options
