#!/usr/bin/env bash
# Whole models, from the checkpoint to the numbers, against what MXNet computed:
# tests/check-models.sh BUILD
#
# The small models of tests/models, the demo, and (with ../shared, or MXN_SHARED)
# lenet and SqueezeNet; on AVX2 code and, where the CPU has it, AVX-512 code.
# Last line: N passed, N failed, N skipped.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
build=$(realpath "${1:-build}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source "$root/tests/checkpoints.sh"
export mxneuron work
demo=$root/examples/demo/digits

# Output and exit status of one verify go to $work/$MXNEURON_ISA/NAME.
verify_one() {
  local out
  out=$work/$MXNEURON_ISA/$(basename "$1")
  "$mxneuron" verify "$1" --golden "$1.golden.params" --tolerance 1e-4 >"$out" 2>&1
  echo $? >"$out.status"
}
export -f verify_one

# verify_all ISA PREFIX...: as many at a time as there are cores.
verify_all() {
  local isa=$1 prefix out
  shift
  mkdir "$work/$isa"
  printf '%s\0' "$@" | MXNEURON_ISA=$isa xargs --null --max-procs "$(nproc)" -I{} bash -c 'verify_one "$1"' - {}
  for prefix in "$@"; do
    out=$work/$isa/$(basename "$prefix")
    check "$isa $(basename "$prefix")" show "$out" "$(cat "$out.status")"
  done
  echo "$isa: $# models, largest relative error $(largest_error "$work/$isa")"
}

show() {
  cat "$1"
  return "$2"
}

# The largest of the relative errors that the verifies in a folder printed.
largest_error() {
  cat "$1"/* | sed -n 's/.*relative \([0-9.e+-]*\).*/\1/p' | sort --general-numeric-sort | tail -1
}

# statistics EXPECTED PREFIX OPTION...: the four numbers that compile prints.
statistics() {
  local expected=$1 prefix=$2 found
  shift 2
  "$mxneuron" compile "$prefix" -o "$work/statistics" "$@" >"$work/statistics.txt"
  found=$(sed -n 's/^INFO:mxnet: Number of .* \([0-9]*\)$/\1/p' "$work/statistics.txt" | paste --serial --delimiters /)
  cat "$work/statistics.txt"
  echo "expected $expected, got $found"
  [ "$found" = "$expected" ]
}

# same_bits PREFIX FILE: one core and two give the same bytes.
same_bits() {
  rm -f "$work"/one.params "$work"/two.params
  "$mxneuron" run "$1" --input "data=$2" --cores 1 --output "$work/one.params" &&
    "$mxneuron" run "$1" --input "data=$2" --cores 2 --output "$work/two.params" &&
    cmp "$work/one.params" "$work/two.params"
}

# same_bytes PREFIX SHAPE OPTION...: compiled again, and with other numbers of processes, gives the same files.
same_bytes() {
  local prefix=$1 shape=$2 jobs
  shift 2
  "$mxneuron" compile "$prefix" --input "data=$shape" --jobs 1 -o "$work/first" "$@" || return 1
  for jobs in 1 2; do
    rm -f "$work"/again-*
    "$mxneuron" compile "$prefix" --input "data=$shape" --jobs $jobs -o "$work/again" "$@" &&
      cmp "$work/again-symbol.json" "$work/first-symbol.json" &&
      cmp "$work/again-0000.params" "$work/first-0000.params" || return 1
  done
}

# compiled_for SHAPE PREFIX [OPTION...]: compiled for SHAPE, then compared with a golden of another batch size.
compiled_for() {
  local shape=$1 prefix=$2
  shift 2
  rm -f "$work"/other-*
  "$mxneuron" compile "$prefix" --input "data=$shape" -o "$work/other" "$@" &&
    "$mxneuron" verify "$work/other" --golden "$prefix.golden.params"
}

# by_hand SHAPE PREFIX: the whole model as one program of neuron-cc, compared with the golden.
by_hand() {
  local io="{\"inputs\": {\"data\": [[$1], \"float32\"]}}"
  rm -f "$work/hand.neuronbin"
  "$build/neuron-cc" compile "$2-symbol.json" "$2-0000.params" --io-config "$io" --output "$work/hand.neuronbin" &&
    "$mxneuron" verify "$work/hand.neuronbin" --golden "$2.golden.params"
}

# refuses TEXT COMMAND...: fails with a message that holds TEXT.
refuses() {
  local text=$1
  shift
  if "$@" >"$work/refused.txt" 2>&1; then
    echo "succeeded, expected an error with '$text'"
    return 1
  fi
  cat "$work/refused.txt"
  grep --quiet --fixed-strings "$text" "$work/refused.txt"
}

classifies() {
  "$build/examples/classify" "$1" "$root/examples/demo/heldout.params" | tee "$work/classified"
  grep --quiet '^359 of 360 ' "$work/classified"
}

check_small() {
  check 'demo: statistics' statistics 35/1/1/35 "$demo" --input data=1,1,8,8
  check 'demo: same bits on one core and two' same_bits "$demo" "$root/examples/demo/heldout.params"
  check 'demo: same bytes' same_bytes "$demo" 1,1,8,8 --excl concat
  check 'demo: partly compiled' compiled_for 8,1,8,8 "$demo" --excl concat --excl flatten
  for batch in 1 3 5 16; do check "demo: compiled for batch $batch, run with 8" compiled_for $batch,1,8,8 "$demo"; done
  check 'demo: accuracy' classifies "$work/other"
  local models=$root/tests/models
  check 'neuron-cc by hand: demo' by_hand 8,1,8,8 "$demo"
  check 'neuron-cc by hand: several outputs' by_hand 2,3,5,6 "$models/head-in-the-middle"
  check 'neuron-cc by hand: what cannot be compiled' refuses 'its temperature is not 1' \
    by_hand 2,5,3,4 "$models/softmax-temperature-and-large-numbers"
  check 'batch 4 run with 5' compiled_for 4,17 "$models/fully-connected-chain"
  check 'batch 1 run with 3' compiled_for 1,64,6,5 "$models/conv-1x1-64-100"
  check 'batch 4 run with 3' compiled_for 4,64,6,5 "$models/conv-1x1-64-100"
  check 'batch 3 run with 2, an input as output' compiled_for 3,3,4,5 "$models/head-is-an-input"
  check 'batch 4 run with 2, several outputs' compiled_for 4,3,5,6 "$models/head-in-the-middle"
  check 'batch that is not proven' refuses "'mix'" compiled_for 4,3,4,5 "$models/reshape-mixes-the-batch"
  check 'excluded name that no node has' refuses wide_relu \
    "$mxneuron" compile "$demo" --input data=1,1,8,8 --excl wide_rleu -o "$work/refused"
}

check_squeezenet() {
  local net=$work/squeezenet shape=1,3,224,224
  check 'squeezenet: statistics' statistics 67/1/1/67 "$net" --input data=$shape
  check 'squeezenet: statistics with names left out' \
    statistics 67/4/2/65 "$net" --input data=$shape --excl drop9 --excl prob
  check 'squeezenet: neuron-cc by hand' by_hand $shape "$net"
  check 'squeezenet: partly compiled' compiled_for $shape "$net" --excl drop9 --excl prob
  check 'squeezenet: same bits on one core and two' same_bits "$net" "$work/image.npy"
  check 'squeezenet: same bytes' same_bytes "$net" $shape --excl drop9 --excl prob
  check 'squeezenet: compiled for batch 2, run with 1' compiled_for 2,3,224,224 "$net"
}

main() {
  local models=() isas=(x86-64-v3) isa symbol
  for symbol in "$root"/tests/models/*-symbol.json; do models+=("${symbol%-symbol.json}"); done
  models+=("$demo")
  if [ -d "$shared" ]; then
    models+=("$shared/models/lenet/lenet")
  else
    skip "lenet: no folder $shared (MXN_SHARED names it)"
  fi
  if squeezenet "$work"; then models+=("$work/squeezenet"); else skip squeezenet; fi
  if has_avx512; then isas+=(x86-64-v4); else skip 'AVX-512 code: this CPU has no AVX-512'; fi

  for isa in "${isas[@]}"; do verify_all "$isa" "${models[@]}"; done
  check_small
  if [ -f "$work/squeezenet-0000.params" ]; then check_squeezenet; fi
  report
}

main
