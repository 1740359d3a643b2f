# What the scripts that check whole models share: counting, and where checkpoints
# come from. Sourced, with `root` and `build` set to absolute paths.
# SPDX-License-Identifier: Apache-2.0
shared=${MXN_SHARED:-$root/../shared}
mxneuron=$build/mxneuron
n_passed=0 n_failed=0 n_skipped=0

# check NAME COMMAND...: a command or function that must succeed; its output is
# shown where it does not. Not for use in a condition: bash would go on after
# errors inside the function.
check() {
  local name=$1 status
  shift
  set +e
  (set -e && "$@") >"$work/log" 2>&1
  status=$?
  set -e
  if [ $status = 0 ]; then
    n_passed=$((n_passed + 1))
  else
    n_failed=$((n_failed + 1))
    echo "FAILED $name: ${*#"$root/"}"
    sed 's/^/    /' "$work/log"
  fi
}

skip() {
  n_skipped=$((n_skipped + 1))
  echo "SKIPPED $1" >&2
}

# Add the counts of the last line of a script of tests/mxnet in $work/found; none means that it died.
count_found() {
  local passed failed
  if read -r passed failed < <(sed -n '$s/^\([0-9]*\) passed, \([0-9]*\) failed.*/\1 \2/p' "$work/found"); then
    n_passed=$((n_passed + passed)) n_failed=$((n_failed + failed))
  else
    n_failed=$((n_failed + 1))
  fi
}

# The last line of every script, and its exit status.
report() {
  echo "$n_passed passed, $n_failed failed, $n_skipped skipped"
  [ $n_failed = 0 ]
}

# input_files FOLDER: the demo checkpoint and the small files of tests/cli/make_inputs.py.
input_files() {
  mkdir -p "$1"
  cp "$root"/examples/demo/digits{-symbol.json,-0000.params,.golden.params} "$1"
  python3 "$root/tests/cli/make_inputs.py" "$1"
}

# The Python with the real MXNet: MXN_VENV_MXNET names an environment, else the
# one that `tools/bootstrap --venv mxnet` makes. Empty where there is none.
mxnet_python() {
  local venv=${MXN_VENV_MXNET:-$root/build/venv-mxnet}
  if [ -x "$venv/bin/python" ]; then echo "$venv/bin/python"; fi
}

# Any Python with numpy.
numpy_python() {
  local python
  for python in python3 "$(mxnet_python)"; do
    if [ -n "$python" ] && "$python" -c 'import numpy' 2>/dev/null; then
      echo "$python"
      return
    fi
  done
}

# Whether code for x86-64-v4 runs here.
has_avx512() {
  local flag
  for flag in avx512f avx512bw avx512cd avx512dq avx512vl; do
    grep --quiet --word-regexp $flag /proc/cpuinfo || return 1
  done
}

# seeded_model SYMBOL PREFIX: a symbol of ../shared with seeded weights, its golden
# and, beside it as image.npy, the golden's input. Fails where shared/ or numpy is absent.
seeded_model() {
  local python
  python=$(numpy_python)
  if [ ! -d "$shared" ]; then
    echo "no folder $shared (MXN_SHARED names it)" >&2
    return 1
  elif [ -z "$python" ]; then
    echo "no Python with numpy (tools/bootstrap --venv mxnet makes one)" >&2
    return 1
  fi
  "$python" "$shared/tools/seeded_params.py" "$1" "$2-0000.params" &&
    cp "$shared/symbols/$1-symbol.json" "$2-symbol.json" &&
    cp "$shared/symbols/$1.golden.params" "$2.golden.params" &&
    PYTHONPATH=$shared/tools PYTHONDONTWRITEBYTECODE=1 "$python" -c 'if True:
      import sys, numpy, seeded_params
      numpy.save(sys.argv[2], seeded_params.load(sys.argv[1])["in:data"])' "$2.golden.params" "$(dirname "$2")/image.npy"
}

# SqueezeNet v1.1 as DIR/squeezenet.
squeezenet() { seeded_model squeezenet_v1.1 "$1/squeezenet"; }
