#!/usr/bin/env bash
# A symbol of ../shared on one core against MXNet 1.9.1:
# bench/vs-mxnet.sh BUILD [SYMBOL [OPTIONS of vs-mxnet.py]], squeezenet_v1.1 by default.
# Makes the environment with MXNet where it is missing (MXN_VENV_MXNET names another).
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
build=$(realpath "${1:-build}")
model=${2:-squeezenet_v1.1}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source "$root/tests/checkpoints.sh"

if [ -z "$(mxnet_python)" ]; then "$root/tools/bootstrap" --venv mxnet; fi
seeded_model "$model" "$work/$model"
"$(mxnet_python)" "$root/bench/vs-mxnet.py" "$mxneuron" "$work/$model" "${@:3}" 2> >(grep -v '^\[..:..:..\]' >&2)
