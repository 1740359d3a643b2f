#!/usr/bin/env bash
# What a real MXNet 1.9.1 adds to compiled models: bench/overhead.sh BUILD
# Makes the environment with MXNet where it is missing (MXN_VENV_MXNET names another).
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
build=$(realpath "${1:-build}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source "$root/tests/checkpoints.sh"

if [ -z "$(mxnet_python)" ]; then "$root/tools/bootstrap" --venv mxnet; fi
squeezenet "$work"
export MXNET_SUBGRAPH_BACKEND=NONE
"$(mxnet_python)" "$root/bench/overhead.py" "$build/libmxneuron-mxnet.so" "$mxneuron" "$work" 2> >(grep -v '^\[..:..:..\]' >&2)
