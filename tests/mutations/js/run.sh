#!/usr/bin/env bash
# Breaks the JavaScript client on purpose, one patch at a time. Fails for each patch that the test named in it does not notice:
#   bash tests/mutations/js/run.sh [NAME...]      NAME as in NAME.patch; without names, all patches
# `Test:` names a file below clients/js/test, and a test in it: unit/page.test.ts: Gone > ends the session. Needs the packages of
# clients/js and its generated code (npm ci && npm run check), and breaks a copy of the sources.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(git -C "$here" rev-parse --show-toplevel)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
client=$scratch/clients/js

# The time limits in seconds: of all named tests on unbroken code, and of one test on broken code. A test that hangs has noticed the patch.
readonly patience=120 short_patience=30

# header NAME FIELD: what the patch says of itself above its first line of diff.
header() { sed -n "s/^$2: //p; /^diff /q" "$here/$1.patch"; }

# run_tests SECONDS [ARGUMENT...]: writes a line for each test, "ok - FILE: NAME" or "not ok - FILE: NAME".
run_tests() {
  (cd "$client" && timeout -s KILL "$1" npx vitest run --project unit --reporter=./test/support/tap-reporter.ts "${@:2}")
}

# show LINES LOG: the end of what vitest printed, marked: .ci/run counts the lines of this script, and not those of the tests, of which all
# but the named one were skipped and so count as failed.
show() { tail -n "$1" "$2" | sed 's/^/| /'; }

# pattern_of TEST: the regular expression of vitest for exactly this test, whose names it joins by spaces.
pattern_of() { sed -E 's/^[^:]*: //; s/ > / /g; s/[][\\^$.*+?(){}|/]/\\&/g; s/^/^/; s/$/$/' <<<"$1"; }

# Checks that the named tests exist and pass on unbroken code: otherwise their failure proves nothing.
check_whole() {
  local name file files=()
  mapfile -t files < <(for name in "${names[@]}"; do header "$name" Test | sed 's/:.*//; s#^#test/#'; done | sort -u)
  run_tests "$patience" "${files[@]}" >"$scratch/whole" 2>&1 || true
  for name in "${names[@]}"; do
    if ! grep -qxF "ok - $(header "$name" Test)" "$scratch/whole"; then
      show 40 "$scratch/whole"
      echo "not ok - $name: without the patch no such test passes: $(header "$name" Test)"
      exit 1
    fi
  done
}

# run_one NAME: breaks the copy, runs the test of the patch, and prints whether it fails as it must. The copy is whole again afterwards.
run_one() {
  local test status=0
  test=$(header "$1" Test)
  (cd "$scratch" && git apply "$here/$1.patch") || { echo "not ok - $1: the patch does not apply any more"; return 1; }
  run_tests "$short_patience" "test/${test%%:*}" --testNamePattern "$(pattern_of "$test")" >"$scratch/log" 2>&1 || status=$?
  (cd "$scratch" && git apply -R "$here/$1.patch")
  if ((status == 137)) || grep -qxF "not ok - $test" "$scratch/log"; then
    echo "ok - $1 is noticed"
  else
    echo "not ok - $1 is not noticed by $test, which is to hold: $(header "$1" Promise)"
    show 5 "$scratch/log"
    return 1
  fi
}

if (($# > 0)); then
  names=("$@")
else
  mapfile -t names < <(cd "$here" && printf '%s\n' *.patch | sed 's/\.patch$//')
fi

cd "$root"
git ls-files -co --exclude-standard -z clients/js | tar -c --null -T - | tar -x -C "$scratch"
for folder in src/gen test/gen; do cp -a "clients/js/$folder" "$client/$folder"; done
ln -s "$root/clients/js/node_modules" "$client/node_modules"

check_whole
unnoticed=0
for name in "${names[@]}"; do run_one "$name" || unnoticed=$((unnoticed + 1)); done
echo "1..${#names[@]}"
exit $((unnoticed > 0))
