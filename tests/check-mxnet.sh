#!/usr/bin/env bash
# Compiled checkpoints in a real MXNet 1.9.1, and MXNet as the oracle of inputs
# that no file holds: tests/check-mxnet.sh BUILD
#
# Needs the environment of `tools/bootstrap --venv mxnet` (MXN_VENV_MXNET names
# another one) and ../shared (MXN_SHARED). Without them it says so and skips.
# Last line: N passed, N failed, N skipped.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
build=$(realpath "${1:-build}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source "$root/tests/checkpoints.sh"
export MXNET_SUBGRAPH_BACKEND=NONE

# load NAME PREFIX STATISTICS INPUT [OPTION...]: compile, then every check of load_compiled.py.
load() {
  local name=$1 prefix=$2 statistics=$3 input=$4
  shift 4
  check "$name: compile" "$mxneuron" compile "$prefix" --input "$input" -o "$work/$name" "$@"
  echo "$name in MXNet"
  "$python" "$root/tests/mxnet/load_compiled.py" "$work/extension.so" "$prefix" "$work/$name" "$statistics" "$input" \
    2>"$work/log" | tee "$work/found" || sed 's/^/    /' "$work/log"
  count_found
}

# Add the counts of the last line of load_compiled.py; none means that it died.
count_found() {
  local passed failed
  if read -r passed failed < <(sed -n '$s/^\([0-9]*\) passed, \([0-9]*\) failed.*/\1 \2/p' "$work/found"); then
    n_passed=$((n_passed + passed)) n_failed=$((n_failed + failed))
  else
    n_failed=$((n_failed + 1))
  fi
}

# unseen SEED: the demo model on random numbers, MXNet's answer made here and now.
unseen() {
  "$python" "$root/tools/golden.py" "$root/examples/demo/digits" --input data=3,1,8,8 --seed "$1" \
    --internal concat_output --internal fc_output -o "$work/unseen.golden.params"
  "$mxneuron" verify "$root/examples/demo/digits" --golden "$work/unseen.golden.params"
}

main() {
  python=$(mxnet_python)
  if [ -z "$python" ]; then
    skip "all: no environment with MXNet (tools/bootstrap --venv mxnet makes one, MXN_VENV_MXNET names another)"
    report
    return
  fi
  check "names of operators" "$python" "$root/tools/mxnet_names.py" --check
  for seed in 1 2 3; do check "demo, unseen input $seed" unseen $seed; done

  local extension=$shared/poc/mxnet-extension/poc_ext.c
  if [ ! -f "$extension" ]; then
    skip "loading into MXNet: no $extension (MXN_SHARED names the folder)"
    report
    return
  fi
  "${CC:-cc}" -std=c11 -O2 -fPIC -shared -fvisibility=hidden "$extension" -o "$work/extension.so"
  load demo "$root/examples/demo/digits" 35,1,1,35 data=1,1,8,8
  if squeezenet "$work"; then
    load squeezenet-whole "$work/squeezenet" 67,1,1,67 data=1,3,224,224
    load squeezenet-parts "$work/squeezenet" 67,4,2,65 data=1,3,224,224 --excl drop9 --excl prob
  else
    skip "squeezenet"
  fi
  report
}

main
