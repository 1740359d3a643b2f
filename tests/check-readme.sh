#!/usr/bin/env bash
# The commands of README.md, run as they stand: tests/check-readme.sh BUILD
#
# Blocks marked `sh` run in a scratch folder that looks like the repository after
# a build. Blocks marked `sh make` are the build itself: their targets must exist.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
build=$(realpath "${1:-build}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source "$root/tests/checkpoints.sh"

# The lines of all blocks with that mark.
blocks() { awk -v mark="\`\`\`$1" '$0 == mark { on = 1; next } /^```/ { on = 0 } on' "$root/README.md"; }

make_target_exists() { make --directory "$root" --dry-run BUILD="$build" "$1"; }

mkdir "$work/tree"
ln -s "$root/examples" "$root/include" "$work/tree"
ln -s "$build" "$work/tree/build"
cd "$work/tree"

mapfile -t targets < <(blocks 'sh make' | sed -n 's/^make \([a-z-]*\).*/\1/p')
mapfile -t commands < <(blocks sh)
check 'there are commands' test ${#targets[@]} -gt 0 -a ${#commands[@]} -gt 0
for target in "${targets[@]}"; do
  check "make $target" make_target_exists "$target"
done
for command in "${commands[@]}"; do check "$command" bash -euo pipefail -c "$command"; done
report
