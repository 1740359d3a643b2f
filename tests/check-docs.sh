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

python_options_are_listed() {
  "$build/cli-documents" python neuron-cc >"$work/options.py"
  diff "$root/python/mx_neuron/_neuron_cc_options.py" "$work/options.py" ||
    { echo "run: $build/cli-documents python neuron-cc >python/mx_neuron/_neuron_cc_options.py" && return 1; }
}

# Every row of mxnet_names.def once, and none without an answer.
names_are_complete() {
  "$mxneuron" list-operators --json >"$work/operators.json"
  sed -n 's/^X("\(.*\)", .*/\1/p' "$root/src/ops/mxnet_names.def" >"$work/names"
  python3 - "$work/operators.json" "$work/names" <<'PYTHON'
import json, sys
operators = json.load(open(sys.argv[1]))["operators"]
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

commands_of() { "$build/$1" --help | sed -n '/^commands:/,/^$/s/^  \([a-z-]*\) .*/\1/p'; }
options_of() { "$build/$1" "$2" --help | sed -n 's/^  \(-[a-z], \)\{0,1\}\(--*[A-Za-z0-9_-]*\).*/\2/p'; }

# Every command says how it is used, by an example.
help_is_complete() {
  local command
  for command in $(commands_of "$1"); do
    "$build/$1" "$command" --help >"$work/help"
    grep -q "^usage: $1 $command" "$work/help" || { echo "$1 $command: no usage" && return 1; }
    grep -A 1 '^example:' "$work/help" | grep -q "^  $1 $command" || { echo "$1 $command: no example" && return 1; }
  done
}

# documents_are_complete PROGRAM: man page and completion have every option of every command.
documents_are_complete() {
  local command option file
  sed 's/\\-/-/g; s/\\://g' "$build/docs/$1.1" >"$work/page"
  for command in $(commands_of "$1"); do
    for file in "$work/page" "$build/docs/$1" "$build/docs/_$1"; do
      grep -q -- "$command" "$file" || { echo "$file lacks $command" && return 1; }
    done
    for option in $(options_of "$1" "$command"); do
      grep -q -- "^\.B.* $option\b" "$work/page" || { echo "the page of $1 lacks $option" && return 1; }
      grep -q -- "^    $command) options=.*$option " "$build/docs/$1" || { echo "bash: $1 lacks $option" && return 1; }
      grep -q -- "'.*${option}[=[,]" "$build/docs/_$1" || { echo "zsh: $1 lacks $option" && return 1; }
    done
  done
}

no_output() { "$@" >"$work/output" 2>&1 && [ ! -s "$work/output" ] || { cat "$work/output" && return 1; }; }
man_is_silent() { man --warnings -l "$1" 2>&1 >"$work/page.txt" | tee "$work/warnings" && [ ! -s "$work/warnings" ]; }

# complete_bash EXPECTED WORD...: what completion makes of the last word, in order.
complete_bash() {
  local expected=$1
  shift
  (
    cd "$work/models"
    # shellcheck source=/dev/null
    source "$build/docs/$1"
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
    "_${1//-/_}"
    echo "${COMPREPLY[*]}"
  ) >"$work/completed"
  diff <(echo "$expected") "$work/completed"
}

for program in mxneuron neuron-cc; do
  check "help of $program" help_is_complete $program
  check "man page and completion of $program" documents_are_complete $program
  check "bash reads the completion of $program" bash -n "$build/docs/$program"
  if command -v zsh >/dev/null; then check "zsh reads it" zsh -n "$build/docs/_$program"; fi
  if command -v mandoc >/dev/null; then
    check "mandoc -Tlint $program.1" no_output mandoc -Tlint -W warning "$build/docs/$program.1"
  elif command -v man >/dev/null && command -v groff >/dev/null; then
    check "man --warnings $program.1" man_is_silent "$build/docs/$program.1"
  else
    skip "form of $program.1: neither mandoc nor man"
  fi
done
mkdir "$work/models"
touch "$work/models/net-symbol.json" "$work/models/other"
check 'bash: commands' complete_bash 'verify' mxneuron v
check 'bash: options' complete_bash '--seconds' mxneuron bench --s
check 'bash: checkpoints' complete_bash 'net' mxneuron run n
check 'bash: values' complete_bash 'matmult matmult-fp16 matmult-bf16' neuron-cc compile --fp32-cast m
check 'docs/operators.md' operators_are_listed
check 'python/mx_neuron/_neuron_cc_options.py' python_options_are_listed
check 'list-operators' names_are_complete
report
