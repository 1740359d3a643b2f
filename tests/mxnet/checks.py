"""What the scripts of this folder share: running and counting checks.

SPDX-License-Identifier: Apache-2.0
"""

import functools

import mxnet as mx


def named(functions, *arguments, prefix=""):
    """(title, call) of functions that are named after what they check."""
    for function in functions:
        title = function.__name__.removeprefix("check_").replace("_", " ")
        yield prefix + title, functools.partial(function, *arguments)


def checks_of(module):
    """The functions check_... of a script, by its globals(), in their order."""
    return [function for name, function in module.items() if name.startswith("check_")]


def run_checks(checks):
    """Calls each of the (title, call): one that raises has failed, and a text that it returns is why it was skipped.
    Prints a line for each and the counts last, and gives the script's exit status."""
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for title, call in checks:
        try:
            reason = call()
        except Exception as error:  # MXNet raises its own kinds; each is a failed check here
            counts["failed"] += 1
            lines = str(error).strip().split("\n")
            print("  FAILED", title + ":", type(error).__name__, lines[0][:300], lines[-1][:300], flush=True)
            continue
        counts["skipped" if reason else "passed"] += 1
        print("  SKIPPED" if reason else "  ok     ", title, reason or "", flush=True)
    print(", ".join(f"{count} {what}" for what, count in counts.items()))
    return counts["failed"] > 0


def expect_error(call, *parts):
    """The call raises an MXNetError that says all parts."""
    try:
        call()
    except mx.base.MXNetError as error:
        missing = [part for part in parts if part not in str(error)]
        assert not missing, f"expected {missing} in: {error}"
        return
    raise AssertionError("no MXNetError")
