#!/usr/bin/env bash
# Pack a compiled checkpoint for Multi Model Server: archive.sh PREFIX FOLDER NAME STORE
#
# FOLDER holds signature.json and synset.txt; STORE/NAME.mar is written. The runtime is
# `python`: the server takes the interpreter that it runs in.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
prefix=$1 folder=$2 name=$3 store=$4
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cp "$prefix-symbol.json" "$work/$name-symbol.json"
cp "$prefix-0000.params" "$work/$name-0000.params"
cp "$folder/signature.json" "$folder/synset.txt" "$here/service.py" "$work"
mkdir -p "$store"
model-archiver --model-name "$name" --model-path "$work" --handler service:handle --runtime python \
  --export-path "$store" --force
