#!/usr/bin/env bash
# The command line against golden texts: tests/cli/run.sh BUILD [FOLDER]
#
# FOLDER (default: this one) holds NAME.case: the expected exit status, then a
# shell command. What it prints must be NAME.out and NAME.err (absent: nothing).
# The command runs in a folder with the demo checkpoint and the files that
# make_inputs.py makes. MXN_UPDATE_GOLDEN=1 writes the texts anew.
# Last line: N passed, N failed, N skipped. SPDX-License-Identifier: Apache-2.0
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
build=$(realpath "${1:-build}")
cases=$(realpath "${2:-$root/tests/cli}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source "$root/tests/checkpoints.sh"
export PATH=$build:$PATH TMPDIR=$work/temporary

# For the cases: numbers of a line with two digits, which every CPU agrees on.
rounded() { awk '{ for (i = 1; i <= NF; i++) if ($i ~ /^-?[0-9]+\.[0-9e+-]+$/) $i = sprintf("%.2g", $i); print }'; }
export -f rounded

# Times, speeds and versions differ from run to run.
mask() {
  sed -E -e 's/[0-9]+\.[0-9]+( ms|,|\}| GFLOP| %)/N\1/g; s/peak of [0-9.]+/peak of N/; s/^[0-9]+ runs/N runs/' \
    -e 's/(cores?), x86-64-v[34]$/\1, x86-64-vN/; s/x86-64-v[34] on this CPU/x86-64-vN on this CPU/' \
    -e 's/^(mxneuron|neuron-cc) [0-9.]+$/\1 N/; s/in [0-9]+ steps/in N steps/; / MFLOP /d' \
    -e 's/(arena|scratch|code|weights) [0-9]+/\1 N/g' \
    -e 's/"(arena|scratch)_bytes": [0-9]+/"\1_bytes": N/g; s/(total_bytes: .* got) [0-9]+/\1 N/' "$1"
}

same_text() {
  local expected=$1 found=$2
  mask "$found" >"$found.masked"
  if [ -n "${MXN_UPDATE_GOLDEN:-}" ]; then
    rm -f "$expected"
    if [ -s "$found.masked" ]; then cp "$found.masked" "$expected"; fi
  fi
  [ -e "$expected" ] || expected=/dev/null
  diff --unified "$expected" "$found.masked"
}

# run_case NAME: the command's exit status and both texts are as expected.
run_case() {
  local expected status=0 folder=$work/case
  expected=$(head -n 1 "$cases/$1.case")
  rm -rf "$folder"
  cp -r "$work/inputs" "$folder"
  (cd "$folder" && tail -n +2 "$cases/$1.case" | bash -euo pipefail) >"$work/out" 2>"$work/err" </dev/null || status=$?
  same_text "$cases/$1.out" "$work/out" && same_text "$cases/$1.err" "$work/err" || return 1
  if [ $status != "$expected" ]; then echo "exit status $status, expected $expected" && return 1; fi
  nothing_left "$TMPDIR" "$folder"
}

# A command leaves neither its temporary folder nor half-written files.
nothing_left() {
  local left
  left=$(find "$@" -name '*.tmp-*' -o -name 'mxneuron-*')
  [ -z "$left" ] || { echo "left behind: $left" && return 1; }
}

mkdir "$work/inputs" "$TMPDIR"
input_files "$work/inputs"
for case_file in "$cases"/*.case; do
  name=$(basename "$case_file" .case)
  check "$name" run_case "$name"
done
report
