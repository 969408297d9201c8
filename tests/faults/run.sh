#!/usr/bin/env bash
# Runs one fault scenario against the server that was built, or against FAULTS_PROGRAM:
#   bash tests/faults/run.sh SCENARIO [ARGUMENTS...]      for instance: run.sh kill 100
# Each scenario is a file beside this one, whose first lines say what must hold. Some need root to mount a small disk.
set -euo pipefail
scenario=$1
here=$(cd "$(dirname "$0")" && pwd)
FAULTS_SCRATCH=$(mktemp -d)
FAULTS_PROGRAM=${FAULTS_PROGRAM:-$(cd "$here/../.." && pwd)/artifacts/bin/GrpcPresence.Server/debug/GrpcPresence.Server.dll}
FAULTS_PORT=$(node -e '
  const s = require("node:net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
export FAULTS_SCRATCH FAULTS_PROGRAM FAULTS_PORT
# Clients would otherwise use a proxy even for this machine.
export no_proxy=127.0.0.1,localhost NO_PROXY=127.0.0.1,localhost

clean_up() {
  local status=$?
  if ((status != 0)); then
    tail -n 40 "$FAULTS_SCRATCH/server.log" 2>/dev/null || true
    keep_logs
  fi
  if mountpoint -q "$FAULTS_SCRATCH/disk"; then umount "$FAULTS_SCRATCH/disk"; fi
  rm -rf "$FAULTS_SCRATCH"
}
# Keeps the logs of a cluster that failed, in FAULTS_LOGS or a new folder.
keep_logs() {
  local folder=${FAULTS_LOGS:-}
  if [[ $scenario != cluster-* ]]; then return; fi
  folder=${folder:-$(mktemp -d -t "$scenario.XXXX")}
  mkdir -p "$folder"
  cp "$FAULTS_SCRATCH"/node-*.log "$folder" 2>/dev/null || true
  cp "$FAULTS_SCRATCH/nginx/log" "$folder/nginx.log" 2>/dev/null || true
  cp "$FAULTS_SCRATCH/postgres/log" "$folder/postgres.log" 2>/dev/null || true
  printf '# the logs are in %s\n' "$folder"
}
trap clean_up EXIT
launcher=()
# Scenarios that cut a network have one of their own, so that nothing of it is left. That needs root.
case $scenario in cluster-cut | cluster-random) launcher=(unshare --net) ;; esac
"${launcher[@]}" node "$here/$scenario.mjs" "${@:2}"
