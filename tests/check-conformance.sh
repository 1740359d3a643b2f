#!/usr/bin/env bash
# Cases recorded from MXNet's own unit tests, and those of tests/operators, on the
# reference operators: tests/check-conformance.sh BUILD
#
# FLOOR is how many of the recorded ones pass today. It only grows: raise it with every
# operator. They are in ../shared, or the folder that MXN_SHARED names; skipped where
# it is absent.
# Last line: N passed, N failed, N skipped.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
FLOOR=3596
root=$(cd "$(dirname "$0")/.." && pwd)
build=$(realpath "${1:-build}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source "$root/tests/checkpoints.sh"

enough_cases() {
  local passed
  "$mxneuron" conformance "$shared/conformance" --reference >"$work/report" || true
  grep '^FAILED' "$work/report" || true
  passed=$(sed -n 's/^\([0-9]*\) passed, [0-9]* failed, 0 skipped$/\1/p' "$work/report")
  echo "$(tail -n 1 "$work/report"); expected at least $FLOOR passed"
  [ "${passed:-0}" -ge "$FLOOR" ]
}

# conformance STATUS TEXT ARGUMENT...: exit status, and a line that the report has.
conformance() {
  local expected=$1 text=$2 status=0
  shift 2
  "$mxneuron" conformance "$@" >"$work/report" 2>&1 || status=$?
  cat "$work/report"
  [ $status = "$expected" ] && grep --quiet "$text" "$work/report"
}

# A folder with one case whose expected output has one byte changed.
make_wrong() {
  local id
  mkdir -p "$work/wrong"
  id=$(awk -F'\t' '$3 == "relu" && $4 == "float32" { print $1; exit }' "$shared/conformance/index.tsv")
  mkdir -p "$work/wrong/${id%/*}"
  awk -F'\t' -v id="$id" 'NR == 1 || $1 == id' "$shared/conformance/index.tsv" >"$work/wrong/index.tsv"
  cp "$shared/conformance/$id-symbol.json" "$shared/conformance/$id.params" "$work/wrong/${id%/*}"
  # The names, two of them, stand behind the data of the last array, which is out:0.
  python3 -c 'if True:
    import pathlib, struct, sys
    path = pathlib.Path(sys.argv[1])
    data = bytearray(path.read_bytes())
    data[data.rindex(struct.pack("<Q", 2)) - 1] ^= 0x40
    path.write_bytes(data)' "$work/wrong/$id.params"
}

check 'single operators, by reference' "$mxneuron" conformance "$root/tests/operators" --reference
if [ -d "$shared/conformance" ]; then
  check 'recorded cases, by reference' enough_cases
  check 'a compiled case' conformance 0 '^1 fully compiled, 0 partly, 0 by reference only$' \
    "$shared/conformance" --compiled --case "$(awk -F'\t' '$3 == "relu" { print $1; exit }' "$shared/conformance/index.tsv")"
  # Recurrent networks: the batch of a begin state is known from what reads it, which is compiled.
  check 'states of unknown batch, compiled' conformance 0 ' passed, 0 failed, 0 skipped$' \
    "$shared/conformance" --compiled --op _zeros
  check 'no such operator' conformance 1 'no case fits' "$shared/conformance" --op NoSuchOperator
  make_wrong
  check 'a wrong output' conformance 1 'expected .*, got .*, error .*; 1 of' "$work/wrong"
  rm "$work"/wrong/*/*.params
  check 'a case without arrays' conformance 1 '^0 passed, 1 failed, 0 skipped$' "$work/wrong"
else
  skip "recorded cases: no folder $shared/conformance (MXN_SHARED names ../shared)"
fi
report
