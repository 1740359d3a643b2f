#!/usr/bin/env bash
# From process start to the first answer of a compiled symbol of ../shared, the end
# of the process included, and a warm run: bench/first-answer.sh BUILD [SYMBOL],
# squeezenet_v1.1 by default. The aim is at most 50 ms for that, and at most 60 ms
# more than a warm run for resnet-50.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
build=$(realpath "${1:-build}")
model=${2:-squeezenet_v1.1}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source "$root/tests/checkpoints.sh"
source "$root/bench/timing.sh"

ensure_numpy
seeded_model "$model" "$work/$model"
"$mxneuron" compile "$work/$model" --input data=1,3,224,224 -o "$work/compiled" >/dev/null

run() {
  on_one_core "$mxneuron" run "$work/compiled" --input "data=$work/image.npy" --cores 1 --output "$work/answer.npy"
}
runtime_alone() {
  on_one_core "$build/examples/hello_rt" "$work/compiled-0000.params"
}

echo "$model, process start to end with one answer, one core, median of 21:"
echo "  mxneuron run        $(median_ms 21 run) ms"
echo "  examples/hello_rt   $(median_ms 21 runtime_alone) ms"
echo "  a warm run          $(on_one_core "$mxneuron" bench "$work/compiled" --input data=1,3,224,224 --cores 1 --no-check |
  sed -n 's/.*median \([0-9.]*\) ms.*/\1/p') ms"
