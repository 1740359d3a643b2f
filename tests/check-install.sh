#!/usr/bin/env bash
# An installed mxneuron, as another project uses it: tests/check-install.sh BUILD
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
build=$(realpath "${1:-build}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source "$root/tests/checkpoints.sh"

configured=$(meson introspect --buildoptions "$build" |
  python3 -c 'import json, sys; print(next(o["value"] for o in json.load(sys.stdin) if o["name"] == "prefix"))')
prefix=$work$configured
library_folder() { dirname "$(find "$prefix" -name libmxneuron-rt.so)"; }

# build_with PACKAGE SOURCE: with what pkg-config says alone.
build_with() {
  local flags
  flags=$(PKG_CONFIG_SYSROOT_DIR=$work PKG_CONFIG_PATH=$(library_folder)/pkgconfig pkg-config --cflags --libs "$1")
  # shellcheck disable=SC2086
  cc -std=c17 -Wall -Wextra -Werror "$root/$2" $flags -o "$work/$(basename "$2" .c)"
}

run_installed() { LD_LIBRARY_PATH=$(library_folder) PATH=$prefix/bin:$PATH "$@"; }

# installs_to PREFIX [DESTDIR]: also what the pkg-config files say.
installs_to() {
  make -C "$root" --no-print-directory install BUILD="$build" PREFIX="$1" DESTDIR="${2:-}" &&
    "${2:-}$1/bin/mxneuron" --version &&
    grep --recursive "^prefix=$1$" "$(dirname "$(find "${2:-}$1" -name libmxneuron-rt.so)")/pkgconfig"
}

# A header needs nothing before it, in C and in C++.
header_alone() {
  echo "#include <mxneuron/$1>" | cc -std=c17 -Wall -Wextra -Werror -fsyntax-only -I"$prefix/include" -x c - &&
    echo "#include <mxneuron/$1>" | clang-19 -std=c++17 -Wall -Wextra -Werror -fsyntax-only -I"$prefix/include" -x c++ -
}

check 'install' meson install -C "$build" --no-rebuild --destdir "$work"
for header in "$root"/include/mxneuron/*.h; do
  check "$(basename "$header") alone" header_alone "$(basename "$header")"
done
check 'build with mxneuron' build_with mxneuron examples/hello.c
check 'build with mxneuron-rt' build_with mxneuron-rt examples/hello_rt.c
for document in man/man1/mxneuron.1 man/man1/neuron-cc.1 bash-completion/completions/mxneuron \
  zsh/site-functions/_neuron-cc; do
  check "$document" test -s "$prefix/share/$document"
done
check 'the installed compiler is found' run_installed mxneuron compile "$root/examples/demo/digits" \
  --input data=1,1,8,8 -o "$work/digits"
check 'the installed runtime runs it' run_installed "$work/hello_rt" "$work/digits-0000.params"
check 'make install to another prefix' installs_to "$work/elsewhere"
check 'make install to the former prefix' installs_to "$configured" "$work/again"
report
