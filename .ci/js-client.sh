#!/usr/bin/env bash
# The JavaScript client: built, tested on a server in memory, then on a server that was built, in Node, in Chromium and in Firefox. It
# installs what it needs, except Node, .NET and the build of the server.
set -euo pipefail
cd "$(dirname "$0")/.."

# As in run; other versions take their places, with a message, when these are no longer served.
chromium=chromium=156.0.8078.108-1~deb12u1
firefox=firefox-esr=153.8.0esr-1~deb12u1

# check NAME COMMAND...: runs a command that must succeed.
check() {
  if "${@:2}"; then
    printf 'ok - %s\n' "$1"
  else
    printf 'not ok - %s\n' "$1"
    exit 1
  fi
}

# install_browser PROGRAM PACKAGE=VERSION
install_browser() {
  if [[ -x $1 ]]; then return; fi
  local install=(timeout 120 apt-get install -q -y --no-install-recommends -o DPkg::Lock::Timeout=60)
  export DEBIAN_FRONTEND=noninteractive
  timeout 120 apt-get update -q
  "${install[@]}" "$2" || { echo "$2 is not served; installing whichever version is" && "${install[@]}" "${2%%=*}"; }
}

# The page links to the client, so its lock must know the same packages.
install_packages() {
  local folder
  for folder in clients/js samples/page; do
    timeout 180 npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund
  done
}

# pack_whole FILE...: builds the package as for a publication, and checks that it has these files beside those of dist/. The script after
# the packing takes the copy of the license away.
pack_whole() {
  timeout 60 npm pack --dry-run --json --silent | node -e '
    const paths = JSON.parse(fs.readFileSync(0, "utf8"))[0].files.map(({ path }) => path);
    const missing = process.argv.slice(1).filter((path) => !paths.includes(path));
    const others = paths.filter((path) => !path.startsWith("dist/") && !process.argv.includes(path));
    if (missing.length + others.length > 0) throw new Error(`missing: ${missing}; not expected: ${others}`);
  ' "$@"
}

check 'Chromium is installed' install_browser "${CHROMIUM:-/usr/bin/chromium}" "$chromium"
check 'Firefox is installed' install_browser "${FIREFOX:-/usr/bin/firefox-esr}" "$firefox"
check 'the packages are installed' install_packages
cd clients/js
check 'the package is built, with its license' pack_whole LICENSE README.md package.json dist/index.js dist/index.d.ts \
  dist/transport/node.js dist/transport/web.js
check 'the tests compile' timeout 60 npm run --silent check
export no_proxy=127.0.0.1,localhost NO_PROXY=127.0.0.1,localhost
timeout --kill-after=5 "${JS_CLIENT_SECONDS:-160}" npx vitest run --reporter=default --reporter=./test/support/tap-reporter.ts "$@"
