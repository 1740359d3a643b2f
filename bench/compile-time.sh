#!/usr/bin/env bash
# How long a symbol of ../shared takes to compile for both targets on one core:
# bench/compile-time.sh BUILD [SYMBOL], squeezenet_v1.1 by default. The aim is at most 5 s.
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
compile() {
  on_one_core "$mxneuron" compile "$work/$model" --input data=1,3,224,224 --jobs 1 -o "$work/compiled"
}
echo "compile $model for both targets on one core: $(median_ms 3 compile) ms"
