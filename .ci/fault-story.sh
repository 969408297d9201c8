#!/usr/bin/env bash
# What tests/faults does to a running server, one scenario after another; each says in its first lines what must hold.
set -euo pipefail
cd "$(dirname "$0")/.."
bash tests/faults/run.sh kill 12
bash tests/faults/run.sh disk
bash tests/faults/run.sh lock
bash tests/faults/run.sh readonly
bash tests/faults/run.sh damage 16
bash tests/faults/run.sh second
bash tests/faults/run.sh backup 3
