#!/usr/bin/env bash
# SqueezeNet on one core against MXNet 1.9.1: bench/squeezenet-vs-mxnet.sh BUILD
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
"$(mxnet_python)" "$root/bench/squeezenet-vs-mxnet.py" "$mxneuron" "$work/squeezenet" "${@:2}" 2> >(grep -v '^\[..:..:..\]' >&2)
