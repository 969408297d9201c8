#!/usr/bin/env bash
# Breaks the code on purpose, one patch at a time, and fails for each patch that the test it names does not notice:
#   bash tests/mutations/run.sh [NAME...]      NAME as in NAME.patch; all of them unless given
# Works on a copy of the tree; the patched project alone is built, and takes its place beside the tests that were built without the patch.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
compiler=mutations-$$

# The compiler stays between the patches, under a name of its own, and ends with the script.
clean_up() {
  local left
  for left in $(pgrep -f -- "-pipename:$compiler" || true); do kill "$left"; done
  rm -rf "$scratch"
}
trap clean_up EXIT

# How long, in seconds, the tests may take on whole code, and one of them on broken code: one that hangs has noticed, and fails by its own patience.
readonly patience=60 short_patience=5
# Analyzers have no say in what a test notices.
readonly quick=(-nologo -v:quiet "-p:SharedCompilationId=$compiler" -p:UseSharedCompilation=true -p:RunAnalyzers=false -p:TreatWarningsAsErrors=false)

# header NAME FIELD: what the patch says of itself above its first line of diff.
header() { sed -n "s/^$2: //p; /^diff /q" "$here/$1.patch"; }

# project_of TEST: GrpcPresence.Core.Tests of GrpcPresence.Core.Tests.Watching…
project_of() { grep -o '^GrpcPresence\.[A-Za-z]*\.Tests' <<<"$1"; }

# broken_by NAME: the project whose code the patch breaks.
broken_by() { sed -n 's#^diff --git a/src/\([^/]*\)/.*#\1#p' "$here/$1.patch" | head -n 1; }

# compile PROJECT: that project alone, with what is embedded in it; without its migrations the store would fail every test.
compile() {
  rm -f "artifacts/obj/$1/debug/$1.dll"
  dotnet msbuild "${quick[@]}" "-t:PrepareResources;Compile" -p:BuildProjectReferences=false "src/$1" >"$scratch/log" || { cat "$scratch/log"; exit 1; }
}

# run_tests SECONDS PROJECT TEST...: writes what the runner says; its last lines have the sum. 124: it was not over in time.
run_tests() {
  local seconds=$1 project=$2 test filter=()
  shift 2
  for test in "$@"; do filter+=(-method "$test"); done
  timeout "$seconds" "artifacts/bin/$project/debug/$project" "${filter[@]}" -noColor
}

if (($# > 0)); then
  names=("$@")
else
  mapfile -t names < <(cd "$here" && printf '%s\n' *.patch | sed 's/\.patch$//')
fi

git -C "$here" rev-parse --show-toplevel | { read -r root; cd "$root" && git ls-files -co --exclude-standard -z | tar -c --null -T - | tar -x -C "$scratch"; }
cd "$scratch"
declare -A tests
for name in "${names[@]}"; do
  project=$(project_of "$(header "$name" Test)")
  tests[$project]+=" $(header "$name" Test)"
done

# A test that fails, or does not exist, without the patch says nothing with it. Whole code is compiled here as broken code will be: a failure that
# comes of how it is compiled must not pass for a patch that is noticed.
for project in "${!tests[@]}"; do
  dotnet build "${quick[@]}" "tests/$project" >"$scratch/log" || { cat "$scratch/log"; exit 1; }
  for broken in $(for name in "${names[@]}"; do [[ $(project_of "$(header "$name" Test)") != "$project" ]] || broken_by "$name"; done | sort -u); do
    compile "$broken"
    cp "artifacts/obj/$broken/debug/$broken.dll" "artifacts/bin/$project/debug/"
  done
  mapfile -t wanted < <(tr ' ' '\n' <<<"${tests[$project]}" | sort -u | grep .)
  for test in "${wanted[@]}"; do
    class=${test%.*}
    grep -rq "${test##*.}" "tests/$project" || { echo "$class has no test ${test##*.}"; exit 1; }
  done
  run_tests "$patience" "$project" "${wanted[@]}" >"$scratch/log" || { cat "$scratch/log"; exit 1; }
done

unnoticed=0
for name in "${names[@]}"; do
  test=$(header "$name" Test)
  project=$(project_of "$test")
  broken=$(broken_by "$name")
  git apply "$here/$name.patch" || { echo "not ok - $name: the patch does not apply any more"; exit 1; }
  compile "$broken"
  cp "artifacts/bin/$project/debug/$broken.dll" "$scratch/whole.dll"
  cp "artifacts/obj/$broken/debug/$broken.dll" "artifacts/bin/$project/debug/"
  status=0
  run_tests "$short_patience" "$project" "$test" >"$scratch/log" 2>&1 || status=$?
  if ((status == 124)) || grep -q ' Failed: [1-9]' "$scratch/log"; then
    echo "ok - $name is noticed"
  else
    unnoticed=$((unnoticed + 1))
    echo "not ok - $name is not noticed by $test, which is to hold: $(header "$name" Promise)"
    tail -n 5 "$scratch/log"
  fi
  git apply -R "$here/$name.patch"
  cp "$scratch/whole.dll" "artifacts/bin/$project/debug/$broken.dll"
done
echo "1..${#names[@]}"
exit $((unnoticed > 0))
