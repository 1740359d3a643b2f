#!/usr/bin/env bash
# Runs the unit tests of a build folder: tests/run-unit.sh BUILD [SUITE...]
# Last line: N passed, N failed, N skipped (cmocka's test cases).
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
build=$1
shift
root=$(cd "$(dirname "$0")/.." && pwd)
suites=()
for suite in "$@"; do suites+=(--suite "$suite"); done

status=0
meson test -C "$build" --no-rebuild --print-errorlogs "${suites[@]}" || status=$?
python3 "$root/tests/count.py" "$build/meson-logs/testlog.json"
exit $status
