#!/usr/bin/env bash
# Compiled checkpoints in a real MXNet 1.9.1, and MXNet as the oracle of inputs
# that no file holds: tests/check-mxnet.sh BUILD
#
# Needs the environment of `tools/bootstrap --venv mxnet` (MXN_VENV_MXNET names
# another one) and ../shared (MXN_SHARED). Without them it says so and skips.
# Last line: N passed, N failed, N skipped.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
build=$(realpath "${1:-build}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source "$root/tests/checkpoints.sh"
export MXNET_SUBGRAPH_BACKEND=NONE
extension=$build/libmxneuron-mxnet.so

# load NAME PREFIX STATISTICS INPUT [OPTION...]: compile, then every check of load_compiled.py.
load() {
  local name=$1 prefix=$2 statistics=$3 input=$4
  shift 4
  check "$name: compile" "$mxneuron" compile "$prefix" --input "$input" -o "$work/$name" "$@"
  echo "$name in MXNet"
  mxnet_script load_compiled.py "$prefix" "$work/$name" "$statistics" "$input"
}

# mxnet_script NAME ARGUMENT...: a script of tests/mxnet that counts its checks.
mxnet_script() {
  local script=$root/tests/mxnet/$1
  shift
  "$python" "$script" "$extension" "$@" 2>"$work/log" | tee "$work/found" || sed 's/^/    /' "$work/log"
  count_found
}

# run_predict NAME PREFIX SHAPE: what load() compiled, in MXNet's own C predict API.
run_predict() {
  local mxnet
  mxnet=$("$python" -c 'import mxnet; print(mxnet.__path__[0])' 2>"$work/log")
  check "$1: link with MXNet" "${CC:-cc}" -std=c17 -O1 -isystem "$mxnet/include" "$root/tests/mxnet/predict.c" \
    -o "$work/predict" "$mxnet/libmxnet.so" -Wl,-rpath,"$mxnet" -pthread
  echo "$1 in the C predict API"
  mxnet_script run_predict.py "$work/predict" "$2" "$work/$1" "$3"
}

# Several inputs, outputs and labels, heads in the middle, batches that are mixed.
run_models() {
  local name prefixes=()
  for name in two-inputs two-inputs-of-different-rank head-in-the-middle head-is-an-input head-before-its-activation \
    regression-outputs labels-through-operators reshape-mixes-the-batch net-of-everything; do
    prefixes+=("$root/tests/models/$name")
  done
  echo "models in MXNet"
  mxnet_script run_models.py "$mxneuron" "$work" "${prefixes[@]}"
}

# run_operator NAME PREFIX SHAPE: what load() compiled, run in all of MXNet's ways.
run_operator() {
  local engine
  for engine in ThreadedEnginePerDevice NaiveEngine; do
    echo "$1 runs in MXNet, $engine"
    MXNET_ENGINE_TYPE=$engine mxnet_script run_operator.py "$2" "$work/$1" "$3" "$work"
  done
}

# serve ARGUMENT...: models behind a real Multi Model Server, see run_mms.py.
serve() {
  if ! command -v java >/dev/null || ! "$python" -c 'import mms, model_archiver' 2>/dev/null; then
    skip "Multi Model Server: needs Java and what tools/requirements-mxnet.txt lists"
    return
  fi
  echo "Multi Model Server"
  mxnet_script run_mms.py "$work/mms" "$@"
  if grep --quiet FAILED "$work/found"; then tail -n 40 "$work"/mms/logs/m*_log.log; fi
}

# The demo, and SqueezeNet where its parts could be made; its classes have numbers for names.
serve_models() {
  local mms=$root/examples/mms digits=$root/examples/demo/digits net=$work/squeezenet models
  models=(digits "$digits" "$work/demo" "$mms/digits" "$root/examples/demo/digit.png")
  if [ -e "$net-0000.params" ]; then
    mkdir "$work/imagenet"
    cp "$mms/squeezenet/signature.json" "$work/imagenet"
    seq 0 999 >"$work/imagenet/synset.txt"
    "$python" -c 'import sys; from PIL import Image; Image.radial_gradient("L").convert("RGB").save(sys.argv[1])' \
      "$work/image.jpg"
    models+=(squeezenet "$net" "$work/squeezenet-whole" "$work/imagenet" "$work/image.jpg")
  fi
  serve "${models[@]}"
}

golden() { "$root/tools/golden" "$@"; }

# unseen SEED: the demo model on random numbers, MXNet's answer made here and now.
unseen() {
  golden "$root/examples/demo/digits" --input data=3,1,8,8 --seed "$1" \
    --internal concat_output --internal fc_output -o "$work/unseen.golden.params"
  "$mxneuron" verify "$root/examples/demo/digits" --golden "$work/unseen.golden.params"
}

# A symbol alone: weights are drawn, saved beside it, and the same for the same seed.
without_params() {
  cp "$root/examples/demo/digits-symbol.json" "$work/alone-symbol.json"
  golden "$work/alone" --input data=2,1,8,8 --seed 5 --weights "$work/again.params"
  golden "$work/alone" --input data=2,1,8,8 --seed 5
  cmp "$work/again.params" "$work/alone-0000.params"
  "$mxneuron" verify "$work/alone" --golden "$work/alone.golden.params"
}

# Inputs from a file: what MXNet gave when the golden of the demo was made.
from_file() {
  local file=$root/examples/demo/digits.golden.params
  golden "$root/examples/demo/digits" --input "data=8,1,8,8:$file:in:data" --internal fc_output -o "$work/file.params"
  cmp "$work/file.params" "$file"
}

# golden_refuses TEXT ARGUMENT...: exit status 1 and one line that says what is wrong.
golden_refuses() {
  local text=$1 status=0
  shift
  golden "$@" -o "$work/refused.params" >"$work/out" 2>"$work/err" || status=$?
  cat "$work/err"
  [ $status = 1 ] && [ "$(wc -l <"$work/err")" = 1 ] && grep -qF -- "$text" "$work/err" && [ ! -e "$work/refused.params" ]
}

# The tool that makes goldens is itself checked.
check_golden() {
  local digits=$root/examples/demo/digits
  for seed in 1 2 3; do check "demo, unseen input $seed" unseen $seed; done
  check "golden: without parameters" without_params
  check "golden: from a file" from_file
  check "golden: no symbol" golden_refuses "nothing-symbol.json" "$work/nothing" --input data=1,1,8,8
  check "golden: no such input" golden_refuses "no input 'dat'" "$digits" --input dat=1,1,8,8
  check "golden: no input" golden_refuses "for data" "$digits" --input softmax_label=1
  check "golden: shapes disagree" golden_refuses "Shape inconsistent" "$digits" --input data=1,3,8,8
  check "golden: element type" golden_refuses "float31" "$digits" --input data=1,1,8,8:float31
  check "golden: array" golden_refuses "no array 'x'" "$digits" --input "data=$digits.golden.params:x"
  check "golden: shape of the file" golden_refuses "expected (1, 1, 8, 8)" "$digits" \
    --input "data=1,1,8,8:$digits.golden.params:in:data"
}

# mx_neuron inside MXNet, from the sources and with the libraries of the build.
package() {
  echo "mx_neuron in MXNet"
  MXNEURON_LIBRARY=$build MXN_SHARED=$shared PYTHONDONTWRITEBYTECODE=1 \
    "$python" "$root/tests/run_unittest.py" "$root/tests/mxnet/package" >"$work/found" 2>&1 || cat "$work/found"
  grep '^SKIPPED ' "$work/found" >&2 || true
  count_found
}

main() {
  python=$(mxnet_python)
  if [ -z "$python" ]; then
    skip "all: no environment with MXNet (tools/bootstrap --venv mxnet makes one, MXN_VENV_MXNET names another)"
    report
    return
  fi
  check "names of operators" "$python" "$root/tools/mxnet_names.py" --check
  export MXN_VENV_MXNET=${python%/bin/python}
  check_golden
  package

  load demo "$root/examples/demo/digits" 35,1,1,35 data=1,1,8,8
  load demo-parts "$root/examples/demo/digits" 35,7,5,33 data=1,1,8,8 --excl concat --excl pool1
  run_operator demo "$root/examples/demo/digits" 1,1,8,8
  run_operator demo-parts "$root/examples/demo/digits" 1,1,8,8
  run_models
  run_predict demo "$root/examples/demo/digits" 5,1,8,8
  echo "demo and Gluon blocks through optimize_for"
  mxnet_script run_optimize_for.py "$root/examples/demo/digits" 2,1,8,8
  echo "demo in threads and processes"
  mxnet_script run_processes.py "$work/demo" 1,1,8,8
  if squeezenet "$work"; then
    load squeezenet-whole "$work/squeezenet" 67,1,1,67 data=1,3,224,224
    load squeezenet-parts "$work/squeezenet" 67,4,2,65 data=1,3,224,224 --excl drop9 --excl prob
  else
    skip "squeezenet"
  fi
  serve_models
  report
}

main
