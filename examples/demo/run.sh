#!/usr/bin/env bash
# Compile a trained MXNet checkpoint to machine code, then load what was written
# in another process and run it: examples/demo/run.sh [BUILD]
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=${1:-build}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

step() {
  printf '\n\033[1m%s\033[0m\n' "$1"
}
if [ ! -t 1 ]; then step() { printf '\n%s\n' "$1"; }; fi

step 'A network that MXNet 1.9.1 trained on handwritten digits: examples/demo/digits'
step '1. Compile it for AVX2 and AVX-512'
echo '$ mxneuron compile digits --input data=1,1,8,8 -o compiled'
"$build/mxneuron" compile "$here/digits" --input data=1,1,8,8 -o "$work/compiled"

step '2. What was written is an MXNet checkpoint with the machine code inside'
(cd "$work" && du --apparent-size --bytes compiled-* | awk '{ printf "%9d bytes  %s\n", $1, $2 }')

step '3. Load it in a new process and try 360 images that it was not trained on'
echo '$ classify compiled heldout.params'
"$build/examples/classify" "$work/compiled" "$here/heldout.params"
