# Steps that count what passed and what failed, one after another or side by side; to be sourced by run.
# shellcheck shell=bash

# The script that sources this sets run_seconds: after as many seconds, nothing is begun any more. It is far more than a run takes, so
# that a slow machine alone fails nothing.
# shellcheck disable=SC2154
readonly deadline=$((SECONDS + run_seconds))

work=$(mktemp -d)
finished=''
: >"$work/counts"
: >"$work/failures"

# step NAME COMMAND...: runs a command and prints its result. The output of the command is printed only when something failed. A step that
# fails without having counted a failure counts as one, and so does one that counted nothing. Sets step_failed.
step() {
  local name=$1 started=$SECONDS status passed
  shift
  step_folder=$(mktemp -d "$work/step.XXXXXX")
  : >"$step_folder/counts"
  : >"$step_folder/shown"
  set +e
  (
    set -eE
    trap 'printf "line %s failed: %s\n" "$LINENO" "$BASH_COMMAND"' ERR
    "$@"
  ) >"$step_folder/log" 2>&1 </dev/null
  status=$?
  set -e
  read -r passed step_failed < <(sum "$step_folder/counts")
  if ((step_failed == 0 && (status != 0 || passed == 0))); then
    step_failed=1
    count 0 1
  fi
  {
    printf '== %s\n' "$name"
    cat "$step_folder/shown"
    if ((step_failed > 0)); then tail -n 150 "$step_folder/log"; fi
    printf -- '-- %s: %d passed, %d failed, %d s\n' "$name" "$passed" "$step_failed" $((SECONDS - started))
  } >"$step_folder/report"
  # Steps run side by side, but each report is printed in one piece, and counted with it.
  (
    flock 9
    cat "$step_folder/report"
    cat "$step_folder/counts" >>"$work/counts"
    if ((step_failed > 0)); then summarize_failures "$name" >>"$work/failures"; fi
  ) 9>"$work/lock"
  rm -rf "$step_folder"
}

# summarize_failures STEP: the failures of a step, a line each, for the end of the output.
summarize_failures() {
  local line failures='^ *(not ok - |failed )|failed: |: error |not over within'
  while IFS= read -r line; do
    printf '%s: %s\n' "$1" "$line"
  done < <({ grep -ahE "$failures" "$step_folder/shown" "$step_folder/log" || echo 'see its output above'; } |
    sed -E 's/^ +//' | sort -u | head -n 10 | cut -c 1-300)
}

# needed_step NAME COMMAND...: a step without which no later one means anything.
needed_step() {
  step "$@"
  if ((step_failed > 0)); then
    printf 'nothing that needs "%s" was tried\n' "$1"
    exit 1
  fi
}

# side_by_side LANE...: runs functions at the same time, each of which calls its steps one after another. Fails when a needed step failed.
side_by_side() {
  local lane status=0 running=()
  for lane in "$@"; do
    "$lane" &
    running+=($!)
  done
  for lane in "${running[@]}"; do wait "$lane" || status=1; done
  return "$status"
}

# count PASSED FAILED: what a step found.
count() { printf '%d %d\n' "$1" "$2" >>"$step_folder/counts"; }

# check COMMAND...: counts one, and goes on either way.
check() { if "$@"; then count 1 0; else count 0 1; fi; }

# show TEXT...: a line that is printed whether or not the step fails.
show() { printf '   %s\n' "$*" >>"$step_folder/shown"; }

sum() { awk '{ passed += $1; failed += $2 } END { print passed + 0, failed + 0 }' "$1"; }

# run_story SECONDS SCRIPT [ARGUMENT...]: runs a script that prints `ok - ` and `not ok - `, and counts these lines.
run_story() {
  local status=0 passed failed story=$step_folder/story
  bounded "$1" bash "${@:2}" >"$story" 2>&1 || status=$?
  cat "$story"
  passed=$(grep -c '^ok - ' "$story" || true)
  failed=$(grep -c '^not ok - ' "$story" || true)
  if ((status != 0 && failed == 0)); then failed=1; fi
  count "$passed" "$failed"
}

# bounded SECONDS COMMAND...: runs a command no longer than that, nor beyond the deadline.
bounded() {
  local left=$((deadline - SECONDS)) limit=$1
  shift
  if ((left < limit)); then limit=$left; fi
  if ((limit < 1)); then
    printf 'there is no time left for: %s\n' "$*"
    return 1
  fi
  timeout --kill-after=10 "$limit" "$@" || {
    local status=$?
    if ((status == 124)); then printf 'not over within %d s: %s\n' "$limit" "$*"; fi
    return "$status"
  }
}

# The last line is the sum, however the run ends.
finish() {
  local passed failed
  read -r passed failed < <(sum "$work/counts")
  if [[ -z $finished ]]; then failed=$((failed + 1)); fi
  if ((failed > 0)); then cat "$work/failures"; fi
  rm -rf "$work"
  printf '%d s\n' "$SECONDS"
  printf '%d passed, %d failed\n' "$passed" "$failed"
  exit $((failed > 0))
}
trap finish EXIT
