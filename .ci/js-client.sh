#!/usr/bin/env bash
# The JavaScript client: built, tested on a server in memory, then on a server that was built, in Node and in Chromium. It installs what it
# needs, except Node, .NET and the build of the server.
set -euo pipefail
cd "$(dirname "$0")/.."

# As in run; another version takes its place, with a message, when this one is no longer served.
chromium=chromium=156.0.8078.108-1~deb12u1

# check NAME COMMAND...: runs a command that must succeed.
check() {
  if "${@:2}"; then
    printf 'ok - %s\n' "$1"
  else
    printf 'not ok - %s\n' "$1"
    exit 1
  fi
}

install_chromium() {
  if [[ -x ${CHROMIUM:-/usr/bin/chromium} ]]; then return; fi
  local install=(timeout 120 apt-get install -q -y --no-install-recommends -o DPkg::Lock::Timeout=60)
  export DEBIAN_FRONTEND=noninteractive
  timeout 120 apt-get update -q
  "${install[@]}" "$chromium" || { echo "$chromium is not served; installing whichever version is" && "${install[@]}" chromium; }
}

# The page links to the client, so its lock must know the same packages.
install_packages() {
  local folder
  for folder in clients/js samples/page; do
    timeout 180 npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund
  done
}

check 'Chromium is installed' install_chromium
check 'the packages are installed' install_packages
cd clients/js
check 'the package is built' timeout 60 npm run --silent build
check 'the tests compile' timeout 60 npm run --silent check
export no_proxy=127.0.0.1,localhost NO_PROXY=127.0.0.1,localhost
timeout --kill-after=5 "${JS_CLIENT_SECONDS:-140}" npx vitest run --reporter=default --reporter=./test/support/tap-reporter.ts "$@"
