#!/usr/bin/env bash
# Checkpoints that must be refused, each with the message of its .err file:
# tests/check-reject.sh BUILD. tests/reject/make.py makes them; MXN_UPDATE_GOLDEN=1
# writes the messages anew.
# Last line: N passed, N failed, N skipped. SPDX-License-Identifier: Apache-2.0
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
build=$(realpath "${1:-build}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source "$root/tests/checkpoints.sh"

# refuses CASE EXPECTED: exit status 1 and the message, nothing on stdout.
refuses() {
  local status=0
  "$mxneuron" inspect "$1" >out 2>message || status=$?
  sed --in-place 's/^mxneuron[a-z ]*: //' message
  if [ -n "${MXN_UPDATE_GOLDEN:-}" ]; then cp message "$2"; fi
  diff --new-file --unified "$2" message && [ $status = 1 ] && [ ! -s out ] && return
  echo "exit status $status, expected 1; $(wc --bytes <out) bytes on stdout, expected none"
  return 1
}

# every_case AREA: make.py makes a case for each message.
every_case() {
  local expected
  for expected in "$root/tests/reject/$1"/*.err; do
    [ -e "$(basename "$expected" .err)-symbol.json" ] || { echo "no case for $expected" && return 1; }
  done
}

python3 "$root/tests/reject/make.py" "$work"
for area in symbol params; do
  cd "$work/$area"
  for symbol in *-symbol.json; do
    case_name=${symbol%-symbol.json}
    check "$area/$case_name" refuses "$case_name" "$root/tests/reject/$area/$case_name.err"
  done
  check "$area: cases" every_case "$area"
done
report
