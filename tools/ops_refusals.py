#!/usr/bin/env python3
"""Compare what the reference operators refuse with what a real MXNet 1.9.1 refuses.

    ops_refusals.py OPS_RUN [--cases N] [--seed S] [--op NAME]... [--keep DIR] [--types]

OPS_RUN is tests/oracle/ops_run.c (`ninja -C build tests/ops_run`). A random case of tools/ops_against_mxnet.py is spoilt in one place: an
attribute's text, an input's type or shape, the number of inputs. MXNet runs it in a process of its own, which it may
end. With --types all arrays of the first one's element type get another one instead. Prints what one of the two refuses alone, and outputs that differ; the last line counts.

SPDX-License-Identifier: Apache-2.0
"""

import argparse
import json
import os
import pickle
import signal
import subprocess
import sys
import tempfile

import numpy as np
import numpy_cases
import ops_against_mxnet as oracle
import ops_cases_random

import mxnet as mx

INTEGERS = ["0", "-1", "1", "2", "3", "-2", "100", "2147483648", "1.5", "1e1", "+1", " 1", "1 ", "1L", "0x10", "x", "", "None", "True"]
NUMBERS = ["0", "-1", "0.5", "1e-3", "nan", "inf", "-inf", "1e400", "1e39", "x", "", "None", "1.", ".5", "1f", " 1", "1 ", "(1,)"]
BOOLS = ["True", "False", "true", "FALSE", "0", "1", "2", "-1", "yes", "", "None", " True", "1.0"]
TUPLES = ["()", "(0,)", "(0,0)", "(1,)", "(1,1)", "(2,2)", "(1,1,1)", "(2,1,1,1)", "(-1,1)", "(-1,)", "[1,1]", "[2, 2]", "2", "0", "-1",
          "( 1 , 2 )", "(1,2", "1,2", "(1.5,1)", "(1L,1L)", "(None,1)", "None", "x", "", "(,)", "(1,,1)", "(3,2,1)", "(100,100)"]
MAKERS = {**oracle.MAKERS, **ops_cases_random.MAKERS}
NUMPY = {*numpy_cases.MAKERS, *ops_cases_random.NUMPY_MAKERS}
TYPES = ["float32", "float64", "float16", "int32", "int64", "uint8", "int8"]
OTHERS = ["x", "", "None", "0", "True", "float32", "float16", "int32", "uint8"]


def texts_for(kind, case):
    if "boolean" in kind:
        return BOOLS
    if "{" in kind:
        choices = [t.strip(" '") for t in kind[kind.index("{") + 1 : kind.index("}")].split(",")]
        return [*choices, *OTHERS]
    if "Shape" in kind or "tuple" in kind:
        return TUPLES
    if "int" in kind or "long" in kind:
        return INTEGERS
    if "float" in kind or "double" in kind:
        return NUMBERS
    return [*OTHERS, *INTEGERS, *TUPLES]


def spoil_attribute(case, node, kinds):
    name = case.pick(*sorted(kinds)) if kinds else None
    if not name:
        return False
    attributes = node.setdefault("attrs", {})
    if name in attributes and case.flip(0.1):
        del attributes[name]
    else:
        attributes[name] = case.pick(*texts_for(kinds[name], case))
    return True


def change_types(case, dtype):
    """Of the first array and all of its type."""
    first = next(iter(case.arrays.values()), None)
    for name, array in case.arrays.items():
        if array.dtype == first.dtype:
            case.arrays[name] = array.astype(dtype)
    return first is not None


def spoil_array(case):
    if not case.arrays:
        return False
    name = case.pick(*sorted(case.arrays))
    array = case.arrays[name]
    way = case.rng.randint(5)
    if way == 0:
        array = array.astype(case.pick(*TYPES))
    elif way == 1:
        array = array[None]
    elif way == 2 and array.ndim > 1:
        array = array[0]
    elif array.ndim:
        axis = case.rng.randint(array.ndim)
        array = np.concatenate([array, array], axis) if way == 3 or array.shape[axis] == 1 else np.delete(array, 0, axis)
    case.arrays[name] = np.ascontiguousarray(array)
    return True


def spoil_inputs(case, node):
    if not node["inputs"]:
        return False
    node["inputs"] = node["inputs"][:-1] if case.flip() else [*node["inputs"], node["inputs"][0]]
    return True


def spoilt_case(name, kinds, number, are_types):
    """A case with one fault, or none: (texts of the graph, arrays)."""
    case = oracle.Case(np.random.RandomState((oracle.hash_name(name) + number) % 2**32))
    try:
        graph = json.loads(MAKERS[name](case).tojson())
    except (mx.MXNetError, ValueError):
        return None
    nodes = [n for n in graph["nodes"] if n["op"] != "null"]
    if len(nodes) != 1:
        return None
    if are_types:
        types = [*TYPES, "bool"] if name in NUMPY else TYPES
        return (graph, case.arrays) if change_types(case, types[number % len(types)]) else None
    way = case.rng.randint(10)
    done = spoil_inputs(case, nodes[0]) if way == 0 else spoil_array(case) if way < 4 else spoil_attribute(case, nodes[0], kinds)
    return (graph, case.arrays) if done else None


def run_spoilt(graph, arrays):
    """MXNet's outputs, None where it refuses; ValueError where it says nothing of use."""
    try:
        s = mx.sym.load_json(json.dumps(graph))
    except mx.MXNetError:
        return None
    if any(k not in arrays for k in (*s.list_arguments(), *s.list_auxiliary_states())):
        raise ValueError("other inputs")
    return oracle.run_mxnet(s, arrays)


def record(name, kinds, options, folder, first, out):
    """Cases from number `first`: a pickle of number and outputs for each, as soon as it is known."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    for k in range(first, options.cases):
        out.write(pickle.dumps((k, "begin")))
        out.flush()
        signal.alarm(20)
        with mx.util.np_shape(name in NUMPY):
            spoilt = spoilt_case(name, kinds, 1000003 * options.seed + k, options.types)
            if not spoilt:
                continue
            try:
                outputs = run_spoilt(*spoilt)
            except ValueError:
                continue
            graph, arrays = spoilt
            aux = {a for a in arrays if "moving" in a}
            with open(f"{folder}/{name}{k}-symbol.json", "w") as file:
                json.dump(graph, file)
            mx.nd.save(f"{folder}/{name}{k}.params", {("aux:" if a in aux else "arg:") + a: mx.nd.array(v, dtype=v.dtype) for a, v in arrays.items()})
        out.write(pickle.dumps((k, outputs)))
        out.flush()


def read_records(path):
    records = []
    with open(path, "rb") as file:
        while True:
            try:
                records.append(pickle.load(file))
            except (EOFError, pickle.UnpicklingError):
                return records


def run_operator(name, kinds, options, folder):
    """{number: MXNet's outputs} of the cases that MXNet survived."""
    first, found, path = 0, {}, f"{folder}/{name}.pickle"
    while first < options.cases:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                with open(path, "wb") as out:
                    record(name, kinds, options, folder, first, out)
                code = 0
            finally:
                os._exit(code)
        status = os.waitpid(child, 0)[1]
        records = read_records(path)
        found.update({k: outputs for k, outputs in records if not isinstance(outputs, str)})
        first = options.cases if status == 0 else max((k for k, _ in records), default=first) + 1
    os.remove(path)
    return found


def compare(name, base, want, answer):
    """What differs, or None."""
    if want is None:
        return None if answer != "ok" else "is computed, MXNet refuses it"
    if any(w.size == 0 for w in want):
        return None
    if answer != "ok":
        return f"is refused: {answer}"
    if name in ops_cases_random.MAKERS:
        want = [np.zeros_like(w) for w in want]
    types = [str(w.dtype) for w in want]
    tolerance = max((oracle.TOLERANCE.get(t, 0) for t in types), default=0)
    got = oracle.load(base + ".out")
    if name in ops_cases_random.MAKERS:
        got = [np.zeros_like(g) for g in got]
    differences = [oracle.differs(w, g, 50 * tolerance) for w, g in zip(want, got)]
    return next((d for d in differences if d), None)


def describe(base):
    with open(base + "-symbol.json") as file:
        node = next(n for n in json.load(file)["nodes"] if n["op"] != "null")
    arrays = oracle.load_arrays(base + ".params") or {}
    types = {k: f"{v.dtype.__name__}{v.shape}" for k, v in arrays.items()}
    return f"{node.get('attrs', {})} {len(node['inputs'])} of {types}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("ops_run")
    parser.add_argument("--cases", type=int, default=20, help="of each operator")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--op", action="append", help="only this operator")
    parser.add_argument("--keep", help="folder for the cases; it is kept")
    parser.add_argument("--types", action="store_true", help="change element types alone")
    options = parser.parse_args()
    operators, n_wrong, n_cases = oracle.mxnet_operators(), 0, 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or temporary
        os.makedirs(folder, exist_ok=True)
        for name in options.op or sorted(MAKERS):
            found = run_operator(name, operators[name][2], options, folder)
            bases = {k: f"{folder}/{name}{k}" for k in found}
            with open(f"{folder}/list", "w") as listing:
                listing.writelines(f"{b}-symbol.json\t{b}.params\t{b}.out\n" for b in bases.values())
            run = subprocess.run([options.ops_run, f"{folder}/list"], stdout=subprocess.PIPE, text=True)
            answers = run.stdout.splitlines()
            if len(answers) != len(found):
                print(f"{name}: ended by a case: {list(bases.values())[len(answers)]}")
            for k, answer in zip(found, answers):
                difference = compare(name, bases[k], found[k], answer)
                n_cases += 1
                if difference:
                    n_wrong += 1
                    print(f"{name} ({k}): {difference}: {describe(bases[k])}", flush=True)
    print(f"{n_cases} cases, {n_wrong} differences")
    return 1 if n_wrong else 0


if __name__ == "__main__":
    sys.exit(main())
