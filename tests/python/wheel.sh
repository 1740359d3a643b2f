#!/usr/bin/env bash
# The Python package as its users get it: tests/python/wheel.sh
#
# `python -m build` makes the source distribution of what is committed and a wheel
# of that, in a clean environment; another one installs the wheel and runs the tests.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset PYTHONPATH MXNEURON_LIBRARY MXNEURON_CC

python3 -m venv "$work/builder"
"$work/builder/bin/python" -m pip install --quiet --requirement "$root/tools/requirements-build.txt"
"$work/builder/bin/python" -m build --outdir "$work/dist" "$root"
"$work/builder/bin/python" -m zipfile --list "$work"/dist/*.whl
for file in mx_neuron/{libmxneuron.so.0,libmxneuron-rt.so.0,neuron-cc,__init__.py} mx_neuron.pth; do
  "$work/builder/bin/python" -m zipfile --list "$work"/dist/*.whl | grep --quiet "^$file "
done
[[ $(echo "$work"/dist/*.whl) == *-py3-none-linux_x86_64.whl ]]

python3 -m venv "$work/user"
"$work/user/bin/python" -m pip install --quiet "$work"/dist/*.whl
inside=$("$work/user/bin/python" -c 'import os, mx_neuron; print(os.path.dirname(mx_neuron.__file__))')
# All that a machine needs is glibc: nothing of LLVM or C++, and jansson is there.
for file in "$inside"/{neuron-cc,libmxneuron.so.0}; do
  ldd "$file" | tee "$work/needs"
  if grep --quiet -E 'LLVM|stdc|not found' "$work/needs"; then exit 1; fi
  grep --quiet "libjansson.so.4 => $inside/" "$work/needs"
done
export MXN_SHARED=${MXN_SHARED:-$root/../shared} MXN_VENV_MXNET=${MXN_VENV_MXNET:-$root/build/venv-mxnet}
cd "$root/tests/python"
PYTHONDONTWRITEBYTECODE=1 "$work/user/bin/python" "$root/tests/run_unittest.py" .
