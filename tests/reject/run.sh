#!/usr/bin/env bash
# Command lines and inputs that mxneuron must refuse, each with its exit status and
# message: tests/reject/run.sh BUILD. The cases are in tests/reject/cli.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
exec "$here/../cli/run.sh" "${1:-build}" "$here/cli"
