#!/usr/bin/env bash
# The real checkpoints and symbols of ../shared (MXN_SHARED names another folder)
# against what MXNet computed: tests/check-shared.sh BUILD [quick|full]
#
# For each: compiled for AVX2 and, where the CPU has it, for AVX-512, and on the
# reference operators; a line says how many operators were compiled, in how many
# subgraphs, and the largest relative errors. Symbols without weights get seeded
# ones. `quick` takes those that take seconds. Without the folder all is skipped.
# Last line: N passed, N failed, N skipped.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
build=$(realpath "${1:-build}")
mode=${2:-quick}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source "$root/tests/checkpoints.sh"

quick_symbols=(squeezenet_v1.1 mobilenet mobilenet_v2)
full_symbols=(squeezenet_v1.1 mobilenet mobilenet_v2 resnet-18 resnet-50 resnet-152 inception-bn inception-v3
  vgg16_reduced shufflenas)

# largest FILE PATTERN: the largest number that follows PATTERN in a line.
largest() { sed -n "s/.*$2\([0-9.e+-]*\).*/\1/p" "$1" | sort --general-numeric-sort | tail -1; }

# verify_for ISA PREFIX GOLDEN: a failed check shows what verify printed. The
# numbers go to the summary line of the model.
verify_for() {
  local isa=$1 prefix=$2 golden=$3 text
  text=$work/$isa.txt
  MXNEURON_ISA=$isa "$mxneuron" verify "$prefix" --golden "$golden" >"$text" 2>&1 || { cat "$text" && return 1; }
}

# The line of one model: what was compiled, and the errors of all runs.
summarize() {
  local name=$1 isa counts line
  line=$(printf '%-20s' "$name")
  for isa in "${isas[@]}"; do
    counts=$(sed -n 's/^compiled \([0-9]* of [0-9]*\) operators in \([0-9]* subgraphs*\)$/\1 in \2/p;T;q' "$work/$isa.txt")
    line+=" $isa: $counts, $(largest "$work/$isa.txt" ' compiled: largest error [^,]*, relative ')"
  done
  line+=", by reference $(largest "$work/$isa.txt" ' by reference: largest error [^,]*, relative ')"
  echo "$line"
  sed --quiet '/run in float64/s/^/    /p' "$work"/*.txt
}

# Every operator of every model here is compiled, into one subgraph.
is_whole() {
  local isa
  for isa in "${isas[@]}"; do
    grep --quiet --extended-regexp '^compiled ([0-9]+) of \1 operators in 1 subgraph$' "$work/$isa.txt" ||
      { head -1 "$work/$isa.txt" && return 1; }
  done
}

# check_model NAME PREFIX GOLDEN
check_model() {
  local name=$1 prefix=$2 golden=$3 isa
  rm -f "$work"/*.txt
  for isa in "${isas[@]}"; do check "$name, $isa" verify_for "$isa" "$prefix" "$golden"; done
  check "$name, one subgraph" is_whole
  summarize "$name"
}

check_symbol() {
  local name=$1
  "$python" "$shared/tools/seeded_params.py" "$name" "$work/$name-0000.params"
  cp "$shared/symbols/$name-symbol.json" "$work"
  check_model "$name" "$work/$name" "$shared/symbols/$name.golden.params"
  rm "$work/$name-0000.params"
}

# Operators of a fork: what is MXNet's is compiled, the rest is kept, and running
# the model names all of the rest at once.
check_fork() {
  local prefix=$shared/models/bmx-mnist-32bit/bmx-mnist-32bit out=$work/fork
  check 'operators of a fork: compile' "$mxneuron" compile "$prefix" --input data=1,1,28,28 -o "$out"
  check 'operators of a fork: kept' fork_is_kept "$prefix-symbol.json" "$out-symbol.json"
  check 'operators of a fork: run' fork_is_refused "$prefix"
  check 'operators of a fork: run compiled' fork_is_refused "$out"
}

# The operators whose name begins with Q, one a line.
fork_operators() { grep --only-matching --extended-regexp '"op": ?"Q[A-Za-z]*"' "$1" | tr -d ' ' | sort; }

fork_is_kept() {
  grep --quiet '"_neuron_subgraph_op"' "$2" && diff <(fork_operators "$1") <(fork_operators "$2")
}

fork_is_refused() {
  local op
  "$python" -c 'import numpy, sys; numpy.save(sys.argv[1], numpy.zeros((1, 1, 28, 28), "float32"))' "$work/digit.npy"
  if "$mxneuron" run "$1" --input "data=$work/digit.npy" >"$work/message" 2>&1; then
    echo 'it ran, expected an error that lists the operators'
    return 1
  fi
  cat "$work/message"
  for op in QActivation QConvolution QFullyConnected; do
    grep --quiet "($op)" "$work/message" || return 1
  done
}

main() {
  local golden name symbols
  if [ ! -d "$shared" ]; then
    skip "real checkpoints: no folder $shared (MXN_SHARED names it)"
    report
    return
  fi
  isas=(x86-64-v3)
  if has_avx512; then isas+=(x86-64-v4); else skip 'real checkpoints on AVX-512: this CPU has none'; fi
  for golden in "$shared"/models/*/*.golden.params; do
    name=$(basename "$golden" .golden.params)
    check_model "$name" "${golden%.golden.params}" "$golden"
  done
  python=$(numpy_python)
  if [ -z "$python" ]; then
    skip 'symbols with seeded weights: no Python with numpy (tools/bootstrap --venv mxnet makes one)'
    report
    return
  fi
  check_fork
  symbols=("${quick_symbols[@]}")
  if [ "$mode" = full ]; then symbols=("${full_symbols[@]}"); fi
  for name in "${symbols[@]}"; do check_symbol "$name"; done
  report
}

main
