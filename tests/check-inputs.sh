#!/usr/bin/env bash
# Images and numbers as inputs of real models: tests/check-inputs.sh BUILD
#
# The digits of ../shared (MXN_SHARED) against the classes that MXNet 1.9.1 gives;
# with an environment that has MXNet (MXN_VENV_MXNET, or tools/bootstrap --venv
# mxnet), pixels and outputs against its own. Without them it says so and skips.
# Last line: N passed, N failed, N skipped. SPDX-License-Identifier: Apache-2.0
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
build=$(realpath "${1:-build}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source "$root/tests/checkpoints.sh"
digits=$shared/inputs/sm-mnist

# classes COMMAND...: the best class of each item, which is a line of its own.
classes() { "$mxneuron" run "$shared/models/sm-mnist-mlp/sm-mnist-mlp" --top 1 "$@" | awk 'NF == 2 { printf " %d", $1 }'; }

# The images show 7 2 1 0 4 1 4 9 5 9; of the five MXNet 1.9.1 makes a nine.
digits_are() {
  local found=$1
  echo "expected 7 2 1 0 4 1 4 9 9 9, got$found"
  [ "$found" = ' 7 2 1 0 4 1 4 9 9 9' ]
}

digits_one_by_one() {
  local found='' file
  for file in "$digits"/*.json; do found+=$(classes --input "data=$file" "$@"); done
  digits_are "$found"
}

digits_as_a_batch() { digits_are "$(classes --input "data=$(printf '%s,' "$digits"/*.json | sed 's/,$//')" "$@")"; }

# Pixels, a detector's arrays and the digits by MXNet, made here and now.
against_mxnet() {
  input_files "$work/made"
  echo 'inputs in MXNet'
  PYTHONDONTWRITEBYTECODE=1 "$1" "$root/tests/mxnet/run_inputs.py" "$mxneuron" "$shared" "$work/made" 2>"$work/log" |
    tee "$work/found" || sed 's/^/    /' "$work/log"
  count_found
}

main() {
  local python
  python=$(mxnet_python)
  if [ ! -d "$digits" ]; then
    skip "inputs of real models: no folder $digits (MXN_SHARED names ../shared)"
  else
    check 'digits, one by one' digits_one_by_one --reference
    check 'digits, a batch' digits_as_a_batch
    if [ -n "$python" ]; then
      against_mxnet "$python"
    else
      skip "inputs against MXNet: no environment with it (tools/bootstrap --venv mxnet makes one, MXN_VENV_MXNET names another)"
    fi
  fi
  report
}

main
