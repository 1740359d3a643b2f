#!/usr/bin/env bash
# From process start to the first answer of the compiled SqueezeNet, the end of
# the process included: bench/first-answer.sh BUILD. The aim is at most 50 ms.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
build=$(realpath "${1:-build}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source "$root/tests/checkpoints.sh"
source "$root/bench/timing.sh"

ensure_numpy
squeezenet "$work"
"$mxneuron" compile "$work/squeezenet" --input data=1,3,224,224 -o "$work/compiled" >/dev/null

run() {
  on_one_core "$mxneuron" run "$work/compiled" --input "data=$work/image.npy" --cores 1 --output "$work/answer.npy"
}
runtime_alone() {
  on_one_core "$build/examples/hello_rt" "$work/compiled-0000.params"
}

echo "SqueezeNet, process start to end with one answer, one core, median of 21:"
echo "  mxneuron run        $(median_ms 21 run) ms"
echo "  examples/hello_rt   $(median_ms 21 runtime_alone) ms"
