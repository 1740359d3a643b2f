#!/usr/bin/env bash
# What is made from the program itself is up to date and well formed:
# docs/operators.md, man pages and completion: tests/check-docs.sh BUILD
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
build=$(realpath "${1:-build}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source "$root/tests/checkpoints.sh"

operators_are_listed() {
  python3 "$root/tools/operators_md.py" "$mxneuron" >"$work/operators.md"
  diff "$root/docs/operators.md" "$work/operators.md" ||
    { echo "run: tools/operators_md.py $mxneuron >docs/operators.md" && return 1; }
}

# Every row of mxnet_names.def once, and none without an answer.
names_are_complete() {
  "$mxneuron" list-operators --json >"$work/operators.json"
  sed -n 's/^X("\(.*\)", .*/\1/p' "$root/src/ops/mxnet_names.def" >"$work/names"
  python3 - "$work/operators.json" "$work/names" <<'PYTHON'
import json, sys
operators = json.load(open(sys.argv[1]))
names = open(sys.argv[2]).read().split()
assert [o["name"] for o in operators] == names == sorted(set(names)), "names differ"
assert len(names) == 1167, len(names)
by_name = {o["name"]: o for o in operators}
assert by_name["Convolution"]["support"] == "compiled"
assert by_name["_Plus"]["canonical"] == "elemwise_add"
assert by_name["sgd_update"]["reason"].startswith("optimizer")
for o in operators:
    assert (o["support"] == "not for inference") == ("reason" in o), o
    assert o["support"] not in ("compiled", "reference") or o["canonical"], o
PYTHON
}

check 'docs/operators.md' operators_are_listed
check 'list-operators' names_are_complete
report
