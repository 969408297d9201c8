#!/usr/bin/env bash
# Runs one fault scenario against the server that was built:
#   bash tests/faults/run.sh SCENARIO [ARGUMENTS...]      for instance: run.sh kill 100
# Each scenario is a file beside this one, whose first lines say what must hold. Some need root to mount a small disk.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
FAULTS_SCRATCH=$(mktemp -d)
FAULTS_PROGRAM=$(cd "$here/../.." && pwd)/artifacts/bin/GrpcPresence.Server/debug/GrpcPresence.Server.dll
FAULTS_PORT=$(node -e '
  const s = require("node:net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
export FAULTS_SCRATCH FAULTS_PROGRAM FAULTS_PORT
# Clients would otherwise use a proxy even for this machine.
export no_proxy=127.0.0.1,localhost NO_PROXY=127.0.0.1,localhost

clean_up() {
  local status=$?
  if ((status != 0)); then tail -n 40 "$FAULTS_SCRATCH/server.log" 2>/dev/null || true; fi
  if mountpoint -q "$FAULTS_SCRATCH/disk"; then umount "$FAULTS_SCRATCH/disk"; fi
  rm -rf "$FAULTS_SCRATCH"
}
trap clean_up EXIT
node "$here/$1.mjs" "${@:2}"
