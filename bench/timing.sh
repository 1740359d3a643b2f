# Timing whole processes from the shell. Sourced, after tests/checkpoints.sh.
# SPDX-License-Identifier: Apache-2.0

# SqueezeNet's weights are drawn with numpy.
ensure_numpy() {
  if [ -z "$(numpy_python)" ]; then "$root/tools/bootstrap" --venv mxnet; fi
}

# The last core that this process may use does the work.
on_one_core() {
  taskset --cpu-list "$(taskset --cpu-list --pid $$ | sed 's/.*[:,-] *//')" "$@"
}

# median_ms N COMMAND...: the median of N runs after one to warm up, process start and end included.
median_ms() {
  local n=$1 i begin end
  shift
  "$@" >/dev/null
  for ((i = 0; i < n; i++)); do
    begin=$EPOCHREALTIME
    "$@" >/dev/null
    end=$EPOCHREALTIME
    echo $((${end/[.,]/} - ${begin/[.,]/}))
  done | sort --numeric-sort | awk '{ t[NR] = $1 } END { printf "%.1f", t[int((NR + 1) / 2)] / 1000 }'
}
