#!/usr/bin/env bash
# What tests/faults does to a running server; each scenario says in its first lines what must hold:
#   bash .ci/fault-story.sh waiting|on_postgres|loading
set -euo pipefail
cd "$(dirname "$0")/.."

# at_once 'SCENARIO [ARGUMENT...]'...: scenarios that mostly wait; the output of each is printed in one piece.
at_once() {
  local scenario words printed status=0 running=()
  printed=$(mktemp -d)
  for scenario in "$@"; do
    read -ra words <<<"$scenario"
    bash tests/faults/run.sh "${words[@]}" >"$printed/$scenario" 2>&1 &
    running+=($!)
  done
  for scenario in "${running[@]}"; do wait "$scenario" || status=$?; done
  for scenario in "$@"; do cat "$printed/$scenario"; done
  rm -rf "$printed"
  return "$status"
}

# Scenarios that mostly wait can run beside other work. The others load both cores, and some measure how long something takes.
waiting() {
  at_once halfopen pause clock lock private
  at_once ended output 'signals 12' 'settings AdminSocket' files
  at_once stalled disk readonly second 'backup 3' eventsource webhooks
  bash tests/faults/run.sh kill 6
  bash tests/faults/run.sh damage 12
}

# With PostgreSQL in place of the SQLite file.
on_postgres() {
  bash tests/faults/run.sh import 20000
  export FAULTS_STORE=postgres
  at_once second ended webhooks
  bash tests/faults/run.sh backup 1
  bash tests/faults/run.sh kill 4
  bash tests/faults/run.sh postgres
}

loading() {
  bash tests/faults/run.sh hostile-webhooks
  bash tests/faults/run.sh hostile-names
  bash tests/faults/run.sh drain 10000
  bash tests/faults/run.sh slow 20000
  bash tests/faults/run.sh churn 5000
}

"$1"
