#!/usr/bin/env bash
# The Python package against the libraries of a build: tests/python/run.sh BUILD [TEST...]
#
# A TEST is what unittest takes: test_compile, test_compile.Flags.test_order, ...
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
build=$(realpath "${1:-build}")
shift || true
"$root/tools/bootstrap" --venv python
export MXNEURON_LIBRARY=$build
export MXN_SHARED=${MXN_SHARED:-$root/../shared} MXN_VENV_MXNET=${MXN_VENV_MXNET:-$root/build/venv-mxnet}
export PYTHONPATH=$root/python PYTHONDONTWRITEBYTECODE=1
cd "$root/tests/python"
exec "$root/build/venv-python/bin/python" "$root/tests/run_unittest.py" . "$@"
