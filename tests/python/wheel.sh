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
"$work/builder/bin/python" -m zipfile --list "$work"/dist/*.whl | tee "$work/files"
for file in mx_neuron/{libmxneuron.so.0,libmxneuron-rt.so.0,neuron-cc,__init__.py} mx_neuron.pth; do
  grep --quiet "^$file " "$work/files"
done
[[ $(echo "$work"/dist/*.whl) == *-py3-none-linux_x86_64.whl ]]

python3 -m venv "$work/user"
"$work/user/bin/python" -m pip install --quiet "$work"/dist/*.whl
"$work/user/bin/neuron-cc" --version
inside=$("$work/user/bin/python" -c 'import os, mx_neuron; print(os.path.dirname(mx_neuron.__file__))')
# All that a machine needs is glibc: nothing of LLVM or C++, and jansson is there.
for file in "$inside"/{neuron-cc,libmxneuron.so.0}; do
  ldd "$file" | tee "$work/needs"
  if grep --quiet -E 'LLVM|stdc|not found' "$work/needs"; then exit 1; fi
  grep --quiet "libjansson.so.4 => $inside/" "$work/needs"
done
export MXN_SHARED=${MXN_SHARED:-$root/../shared} MXN_VENV_MXNET=${MXN_VENV_MXNET:-$root/build/venv-mxnet}
cd "$root/tests/python"
export PYTHONDONTWRITEBYTECODE=1
"$work/user/bin/python" "$root/tests/run_unittest.py" . | tee "$work/log"

# The same wheel for every Python that is here.
for version in 9 10 11 12 13; do
  if ! "python3.$version" -c 'import ensurepip' 2>/dev/null; then
    echo "SKIPPED wheel under Python 3.$version: there is none"
    continue
  fi
  "python3.$version" -m venv "$work/python3.$version"
  "$work/python3.$version/bin/python" -m pip install --quiet "$work"/dist/*.whl
  "$work/python3.$version/bin/python" "$root/tests/run_unittest.py" . test_models.Models.test_demo
done

# In an environment with MXNet, which is borrowed here.
if [ ! -x "$MXN_VENV_MXNET/bin/python" ]; then
  echo "SKIPPED wheel in MXNet: no $MXN_VENV_MXNET (MXN_VENV_MXNET names it)"
else
  purelib='import sysconfig; print(sysconfig.get_paths()["purelib"])'
  "$MXN_VENV_MXNET/bin/python" -m venv "$work/mxnet"
  MXN_PACKAGE=$("$work/mxnet/bin/python" -c "$purelib")
  "$MXN_VENV_MXNET/bin/python" -c "$purelib" >"$MXN_PACKAGE/mxnet.pth"
  "$work/mxnet/bin/python" -m pip install --quiet --no-deps "$work"/dist/*.whl
  MXN_PACKAGE=$MXN_PACKAGE "$work/mxnet/bin/python" "$root/tests/run_unittest.py" "$root/tests/mxnet/package" 2>&1 |
    tee --append "$work/log"
fi
# For all of them.
awk '/^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$/ { p += $1; f += $3; s += $5 }
  END { print p " passed, " f " failed, " s " skipped" }' "$work/log"
