#!/usr/bin/env bash
# Breaks the code on purpose, one patch at a time. Fails for each patch that the test named in it does not notice:
#   bash tests/mutations/run.sh [NAME...]      NAME as in NAME.patch; without names, all patches
# Builds the tests in place, and breaks a copy of the sources. Compiles only the patched project, and puts it into a copy of the tests
# that were built without the patch. While the test of one patch runs, the script compiles the next one.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(git -C "$here" rev-parse --show-toplevel)
scratch=$(mktemp -d)
compiler=mutations-$$

# The compiler stays between the patches, under a name of its own, and ends with the script.
clean_up() {
  local left
  wait
  for left in $(pgrep -f -- "-pipename:$compiler" || true); do kill "$left"; done
  rm -rf "$scratch"
}
trap clean_up EXIT

# The time limits in seconds: of all tests on unbroken code, of one test on broken code, and of one on a machine that is too busy for that.
# A test that hangs has noticed the patch, unless unbroken code does not pass it in the same time.
readonly patience=180 short_patience=5 long_patience=60

# header NAME FIELD: what the patch says of itself above its first line of diff.
header() { sed -n "s/^$2: //p; /^diff /q" "$here/$1.patch"; }

# project_of TEST: GrpcPresence.Core.Tests of GrpcPresence.Core.Tests.Watching…
project_of() { grep -o '^GrpcPresence\.[A-Za-z]*\.Tests' <<<"$1"; }

# broken_by NAME: the project whose code the patch breaks.
broken_by() { sed -n 's#^diff --git a/src/\([^/]*\)/.*#\1#p' "$here/$1.patch" | head -n 1; }

# said COMMAND...: shows what a command says only when it fails, which ends the script.
said() { "$@" >"$scratch/log" 2>&1 || { cat "$scratch/log"; exit 1; }; }

# learn_to_compile PROJECT: keeps the arguments that MSBuild would pass to the compiler, because starting MSBuild for each patch takes
# longer than compiling. Source paths are relative to the project, so they work in the copy too; generated files and references are those
# of the tree. Embedded files must be included, or the store would find no migrations. MSBuild skips the target when everything is up to
# date, so one output is a file that never exists.
learn_to_compile() {
  (cd "$root" && dotnet msbuild -nologo "src/$1" "-t:PrepareResources;Compile" -p:BuildProjectReferences=false -p:NonExistentFile=none \
    -p:SkipCompilerExecution=true -p:ProvideCommandLineArgs=true -getProperty:RoslynTargetsPath -getItem:CscCommandLineArgs) \
    >"$scratch/$1.json" || { cat "$scratch/$1.json"; exit 1; }
  jq -r '.Properties.RoslynTargetsPath + "/bincore/csc.dll"' "$scratch/$1.json" >"$scratch/$1.csc"
  # Leaves out what a compilation would write into the tree, analyzers, and generators that the tests of the patches do not need. Each
  # generator takes time in each compilation. If a test comes to need one of these, check_whole fails.
  local unneeded='Razor|OpenApi|Validations|CodeStyle|NetAnalyzers|Banned|Mvc|Components|CodeFixes|ComInterface|JSImport'
  {
    jq -r '.Items.CscCommandLineArgs[].Identity' "$scratch/$1.json" |
      grep -vE "^/((ref)?out|doc):|^/noconfig\$|^/analyzer:.*/[^/]*($unneeded)[^/]*\$"
    printf '/skipanalyzers+\n/warnaserror-\n'
  } >"$scratch/$1.rsp"
}

# compile PROJECT FILE: that project of the copy alone, to the file.
compile() {
  (cd "$scratch/src/$1" && said dotnet "$(<"$scratch/$1.csc")" -noconfig -nologo "-shared:$compiler" "@$scratch/$1.rsp" "-out:$2")
}

# run_tests SECONDS PROJECT TEST...: writes the output of the runner, whose last lines contain the totals. Exit code 137 means that time
# ran out. The script kills the runner, because a runner that is asked to end first waits for the test that hangs.
run_tests() {
  local seconds=$1 project=$2 test filter=()
  shift 2
  for test in "$@"; do filter+=(-method "$test"); done
  timeout -s KILL "$seconds" "$scratch/artifacts/bin/$project/debug/$project" "${filter[@]}" -noColor
}

# check_whole PROJECT: checks that its tests pass without a patch. Compiles unbroken code in the same way as broken code, so that a
# failure caused by this way of compiling does not count as a noticed patch. A test that fails or does not exist without the patch proves
# nothing with it.
check_whole() {
  local built=$scratch/artifacts/bin/$1/debug name broken test wanted
  mkdir -p "$scratch/artifacts/bin/$1"
  cp -a "$root/artifacts/bin/$1/debug" "$built"
  for broken in $(
    for name in "${names[@]}"; do
      [[ $(project_of "$(header "$name" Test)") != "$1" ]] || broken_by "$name"
    done | sort -u
  ); do
    [[ -e $scratch/$broken.rsp ]] || learn_to_compile "$broken"
    compile "$broken" "$built/$broken.dll"
  done
  mapfile -t wanted < <(tr ' ' '\n' <<<"${tests[$1]}" | sort -u | grep .)
  "$built/$1" -list methods -noLogo -noColor >"$scratch/methods"
  for test in "${wanted[@]}"; do
    grep -qxF "$test" "$scratch/methods" || { echo "${test%.*} has no test ${test##*.}"; exit 1; }
  done
  said run_tests "$patience" "$1" "${wanted[@]}"
}

# compile_broken NAME: what the patch makes of its project, as NAME.dll; the copy is whole again afterwards.
compile_broken() {
  git apply "$here/$1.patch" || { await_one; echo "not ok - $1: the patch does not apply any more"; exit 1; }
  mkdir "$scratch/$1"
  compile "$(broken_by "$1")" "$scratch/$1/$(broken_by "$1").dll"
  git apply -R "$here/$1.patch"
}

# run_one NAME: runs the test of a patch that was compiled, and prints whether it fails as it must.
run_one() {
  local test project built broken status=0
  test=$(header "$1" Test)
  project=$(project_of "$test")
  broken=$(broken_by "$1")
  built=$scratch/artifacts/bin/$project/debug
  cp "$built/$broken.dll" "$scratch/$1/whole"
  cp "$scratch/$1/$broken.dll" "$built/"
  run_tests "$short_patience" "$project" "$test" >"$scratch/$1/log" 2>&1 || status=$?
  cp "$scratch/$1/whole" "$built/$broken.dll"
  if ((status == 137)) && ! run_tests "$short_patience" "$project" "$test" >/dev/null 2>&1; then
    status=0
    cp "$scratch/$1/$broken.dll" "$built/"
    run_tests "$long_patience" "$project" "$test" >"$scratch/$1/log" 2>&1 || status=$?
    cp "$scratch/$1/whole" "$built/$broken.dll"
  fi
  if ((status == 137)) || grep -q ' Failed: [1-9]' "$scratch/$1/log"; then
    echo "ok - $1 is noticed"
  else
    echo "not ok - $1 is not noticed by $test, which is to hold: $(header "$1" Promise)"
    tail -n 5 "$scratch/$1/log"
    return 1
  fi
}

# await_one: waits for the test that runs, if any; two of them would take turns with the same files.
await_one() {
  if [[ -n $running ]]; then wait "$running" || unnoticed=$((unnoticed + 1)); fi
  running=''
}

if (($# > 0)); then
  names=("$@")
else
  mapfile -t names < <(cd "$here" && printf '%s\n' *.patch | sed 's/\.patch$//')
fi

cd "$root"
git ls-files -co --exclude-standard -z src | tar -c --null -T - | tar -x -C "$scratch"
declare -A tests
for name in "${names[@]}"; do
  project=$(project_of "$(header "$name" Test)")
  tests[$project]+=" $(header "$name" Test)"
done
# With the settings of every other build, which then finds it up to date; this finds theirs.
for project in "${!tests[@]}"; do
  said dotnet build -nologo -v:quiet "-p:SharedCompilationId=$compiler" -p:UseSharedCompilation=true "tests/$project"
done

cd "$scratch"
for project in "${!tests[@]}"; do check_whole "$project"; done

unnoticed=0
running=''
for name in "${names[@]}"; do
  compile_broken "$name"
  await_one
  run_one "$name" &
  running=$!
done
await_one
echo "1..${#names[@]}"
exit $((unnoticed > 0))
