#!/usr/bin/env bash
# All tests of a build: tests/run-all.sh BUILD [quick|full]. `make check` builds
# first and calls it.
#
# A stage is a command; it passes with exit status 0. Its last line may be "N
# passed, N failed, N skipped", without that it counts as one case. What it skips
# it says in lines "SKIPPED what: why", which are repeated at the end. Logs are kept
# in BUILD/check. Every tests/check-NAME.sh is a stage, called with BUILD and quick or full.
# Shared test data is in ../shared, or where MXN_SHARED says.
#
# SPDX-License-Identifier: Apache-2.0
set -uo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
build=$(realpath "$1")
mode=${2:-quick}
logs=$build/check
passed=0 failed=0 skipped=0
failures=()
cd "$root"
mkdir -p "$logs"
rm -f "$logs"/*.log

# Where a stage failed but its own count admits no failure, that is one more.
count_stage() {
  local status=$1 last=$2 p=0 f=0 s=0
  if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]; then
    p=${BASH_REMATCH[1]} f=${BASH_REMATCH[2]} s=${BASH_REMATCH[3]}
  elif [ "$status" = 0 ]; then
    p=1
  fi
  if [ "$status" != 0 ] && [ "$f" = 0 ]; then f=1; fi
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

# stage NAME COMMAND...
stage() {
  local name=$1 log=$logs/${1//[^a-zA-Z0-9]/-}.log status=0 begin=$SECONDS verdict=ok last
  shift
  printf '%-30s ' "$name"
  "$@" >"$log" 2>&1 </dev/null || status=$?
  last=$(tail -n 1 "$log")
  count_stage "$status" "$last"
  if [ "$status" != 0 ]; then verdict=FAILED && failures+=("$name (exit status $status): $log"); fi
  printf '%-8s %4d s   %s\n' "$verdict" $((SECONDS - begin)) "$last"
  if [ "$status" != 0 ]; then tail -n 60 "$log" | sed 's/^/    | /'; fi
}

# MXNet is wanted as an oracle, but tests go on where it cannot be installed.
find_mxnet() {
  local log=$logs/venv.log
  if ! tools/bootstrap --venv mxnet >"$log" 2>&1; then
    echo "SKIPPED MXNet 1.9.1: cannot be installed: $(tail -n 1 "$log")" | tee -a "$log"
  fi
}

run_stages() {
  local script fuzz_seconds=4
  if [ "$mode" = full ]; then fuzz_seconds=120; fi
  stage 'unit' tests/run-unit.sh "$build"
  for script in tests/check-*.sh; do
    stage "$(basename "$script" .sh)" "$script" "$build" "$mode"
  done
  stage 'python' tests/python/run.sh "$build"
  stage 'command line' tests/cli/run.sh "$build"
  stage 'command line, refused' tests/cli/run.sh "$build" tests/reject/cli
  stage 'unit, ASan and UBSan' tests/run-unit.sh build-asan
  stage 'reject, ASan and UBSan' tests/check-reject.sh build-asan
  stage 'command line, ASan and UBSan' tests/cli/run.sh build-asan
  stage 'refused, ASan and UBSan' tests/cli/run.sh build-asan tests/reject/cli
  stage 'runtime, TSan' tests/run-unit.sh build-tsan runtime
  if [ "$mode" = full ]; then stage 'python wheel' tests/python/wheel.sh; fi
  stage 'fuzz' tests/run-fuzz.sh build-asan $fuzz_seconds
}

export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
find_mxnet
run_stages
echo
grep -h '^SKIPPED ' "$logs"/*.log | sort -u
for failure in "${failures[@]}"; do echo "FAILED $failure"; done
echo "make check ($mode): $SECONDS seconds"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
