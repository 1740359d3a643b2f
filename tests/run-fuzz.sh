#!/usr/bin/env bash
# Fuzzes the parsers: tests/run-fuzz.sh BUILD SECONDS [NAME...], BUILD configured
# with -Dfuzz=true. Each target first runs its seeds and tests/fuzz/corpus/NAME,
# then new inputs for the given seconds.
#
# What it learns is kept in BUILD/fuzz/NAME. A finding is left beside it; it goes
# into tests/fuzz/corpus/NAME together with its fix.
# Last line: N passed, N failed, N skipped. SPDX-License-Identifier: Apache-2.0
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
build=$(realpath "$1")
seconds=$2
shift 2
if [ $# = 0 ]; then set -- symbol graph params arrays image neuronbin; fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source "$root/tests/checkpoints.sh"

# made FOLDER PATTERN...: of the inputs of the command line tests those that match.
made() {
  local folder=$1 pattern
  shift
  input_files "$work/made"
  for pattern in "$@"; do find "$work/made" -name "$pattern" -exec cp -t "$folder" {} +; done
}

# Small good inputs: what the other tests use, and a compiled model. Its neuronbin
# begins at byte 64 of the params file.
seeds() {
  case $1 in
    symbol) cp "$root"/tests/models/*-symbol.json "$2" ;;
    graph) cp "$root"/tests/golden/*.graph "$2" ;;
    params) find "$root/tests/models" "$root/tests/formats" -name '*.params' -size -8k -exec cp -t "$2" {} + ;;
    arrays) made "$2" '*.npy' '*.npz' '*.json' ;;
    image) made "$2" '*.png' '*.jpg' ;;
    neuronbin)
      "$mxneuron" compile "$root/tests/models/conv-1x1-one-channel" --input data=1,1,7,9 --target x86-64-v3 \
        -o "$work/compiled" &&
        tail --bytes +65 "$work/compiled-0000.params" >"$2/compiled"
      ;;
  esac
}

fuzz() {
  local name=$1 target=$build/tests/$1_fuzz learned=$build/fuzz/$1 folders dictionary=()
  folders=("$work/$name")
  if [ -d "$root/tests/fuzz/corpus/$name" ]; then folders+=("$root/tests/fuzz/corpus/$name"); fi
  if [ -f "$root/tests/fuzz/$name.dict" ]; then dictionary=("-dict=$root/tests/fuzz/$name.dict"); fi
  mkdir -p "$learned" "$work/$name"
  seeds "$name" "$work/$name" &&
    "$target" -runs=0 "${folders[@]}" &&
    "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=131072 "${dictionary[@]}" \
      -artifact_prefix="$build/fuzz/$name-" "$learned" "${folders[@]}"
}

for name in "$@"; do check "fuzz $name" fuzz "$name"; done
report
