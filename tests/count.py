#!/usr/bin/env python3
"""Count the test cases in Meson's log of a run: `N passed, N failed, N skipped`, after a line for each skipped one.

A program that cmocka drives prints how many of its cases passed, failed and were skipped. One that says nothing of that
kind, or that died, counts as one case.

SPDX-License-Identifier: Apache-2.0
"""

import json
import re
import sys

RESULTS = ("PASSED", "FAILED", "SKIPPED")


def count_cases(run):
    """Cases of one program: {"PASSED": n, "FAILED": n, "SKIPPED": n}."""
    output = run.get("stdout", "") + run.get("stderr", "")
    cases = {r: sum(map(int, re.findall(rf"\[ +{r} +\] (\d+) test", output))) for r in RESULTS}
    if run["result"] == "SKIP":
        return {"PASSED": 0, "FAILED": 0, "SKIPPED": 1}
    if run["result"] == "OK":
        return cases if sum(cases.values()) else {"PASSED": 1, "FAILED": 0, "SKIPPED": 0}
    return cases if cases["FAILED"] else {**cases, "FAILED": 1}


def skipped_cases(run):
    """Names of the cases that cmocka skipped, and what a program says that skips all of its cases."""
    output = run.get("stdout", "") + run.get("stderr", "")
    names = sorted(set(re.findall(r"\[ +SKIPPED +\] ([A-Za-z_]\w*)", output)))
    reasons = re.findall(r"^SKIPPED:? (.*)", output, re.MULTILINE)
    return [*names, *reasons]


def main(path):
    total = dict.fromkeys(RESULTS, 0)
    with open(path, encoding="utf-8") as log:
        for run in map(json.loads, log):
            for result, n in count_cases(run).items():
                total[result] += n
            for what in skipped_cases(run):
                print(f"SKIPPED {run['name']}: {what}")
    print(f"{total['PASSED']} passed, {total['FAILED']} failed, {total['SKIPPED']} skipped")


if __name__ == "__main__":
    main(sys.argv[1])
