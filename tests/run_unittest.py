"""Runs the tests of a folder, or those named, and counts them as tests/run-all.sh wants it.

    run_unittest.py FOLDER [TEST...]

SPDX-License-Identifier: Apache-2.0
"""

import sys
import unittest


def main():
    folder, *names = sys.argv[1:]
    sys.path.insert(0, folder)
    loader = unittest.TestLoader()
    tests = loader.loadTestsFromNames(names) if names else loader.discover(folder)
    result = unittest.TextTestRunner(verbosity=2, stream=sys.stdout, warnings="default").run(tests)
    for test, reason in result.skipped:
        print(f"SKIPPED {test.id()}: {reason}")
    n_failed, n_skipped = len(result.failures) + len(result.errors), len(result.skipped)
    print(f"{result.testsRun - n_failed - n_skipped} passed, {n_failed} failed, {n_skipped} skipped")
    return 0 if result.wasSuccessful() and result.testsRun > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
