#!/usr/bin/env bash
# Kills the server with SIGKILL under load, a dozen times; tests/crash/rounds.mjs says what must hold.
set -euo pipefail
cd "$(dirname "$0")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
port=$(node -e 'const s = require("node:net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
export no_proxy=127.0.0.1,localhost NO_PROXY=127.0.0.1,localhost
node tests/crash/rounds.mjs artifacts/bin/GrpcPresence.Server/debug/GrpcPresence.Server.dll "$port" "$scratch/presence.db" 12
