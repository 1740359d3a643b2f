#!/usr/bin/env python3
"""Write src/ops/mxnet_names.def: every operator that MXNet 1.9.1 registers, and which of them are not for inference.

    mxnet_names.py [--check] [FILE]

FILE is src/ops/mxnet_names.def of this repository by default; --check compares instead of writing, and exits 1 where
they differ. Names come from the library itself (MXListAllOpNames), reasons from RULES. Needs MXNet 1.9.1.

SPDX-License-Identifier: Apache-2.0
"""

import argparse
import ctypes
import pathlib
import re
import sys

from mxnet.base import _LIB, check_call, py_str

FILE = pathlib.Path(__file__).resolve().parent.parent / "src/ops/mxnet_names.def"

HEAD = """/* mxnet_names.def - the operators that MXNet 1.9.1 registers, in its library's own
 * words: X(name, reason). NONE: it means something in inference. Made by
 * tools/mxnet_names.py from a real MXNet; the reasons are MXNET_REASON_LIST of
 * partition/catalog.h. */
"""

# The first pattern that matches a whole name decides.
RULES = [
    ("BACKWARD", r"_backward_.*|.*_backward|_(contrib|npi)_backward_.*"),
    ("PYTHON", r"Custom|_npi_Custom"),
    ("SPARSE", r"_contrib_(dgl_.*|edge_id|getnnz)"),
    ("INTERNAL", r"_CachedOp|_CachedOpThreadSafe|_CustomFunction|_NDArray|_Native|_NoGradient"),
    ("OPTIMIZER", r".*_update|.*_update_phase[12]"),
    ("GRADIENTS", r"reset_arrays"),
    ("FILES", r"_(npi_)?cvim(decode|read)|_imdecode"),
    ("APPLICATION", r"_copyto|_npi_copyto|_set_value|_onehot_encode|_npi_share_memory|fill_element_0index"),
]


def registered_names():
    count, names = ctypes.c_uint(), ctypes.POINTER(ctypes.c_char_p)()
    check_call(_LIB.MXListAllOpNames(ctypes.byref(count), ctypes.byref(names)))
    return sorted(py_str(names[i]) for i in range(count.value))


def reason(name):
    return next((reason for reason, pattern in RULES if re.fullmatch(pattern, name)), "NONE")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("file", nargs="?", type=pathlib.Path, default=FILE)
    options = parser.parse_args()

    text = HEAD + "".join(f'X("{name}", {reason(name)})\n' for name in registered_names())
    if not options.check:
        options.file.write_text(text, encoding="utf-8")
    elif options.file.read_text(encoding="utf-8") != text:
        sys.exit(f"{options.file} is not what MXNet registers: run tools/mxnet_names.py")


if __name__ == "__main__":
    main()
