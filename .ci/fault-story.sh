#!/usr/bin/env bash
# What tests/faults does to a running server, one scenario after another; each says in its first lines what must hold.
set -euo pipefail
cd "$(dirname "$0")/.."
bash tests/faults/run.sh kill 12
