# Steps that count what passed and what failed; to be sourced by run.
# shellcheck shell=bash

# Everything ought to be over within 12 minutes, the last line included. What takes longer on a slower machine is cut a little later, so that slowness
# alone fails nothing.
readonly deadline=$((SECONDS + 840))

work=$(mktemp -d)
finished=''
: >"$work/counts"

# step NAME COMMAND...: runs a command whose output is shown only when something failed. A step that fails
# without having counted a failure counts as one, and so does one that counted nothing.
step() {
  local name=$1 started=$SECONDS status passed failed
  shift
  printf '== %s\n' "$name"
  : >"$work/step.counts"
  : >"$work/step.shown"
  set +e
  (
    set -eE
    trap 'printf "line %s failed: %s\n" "$LINENO" "$BASH_COMMAND"' ERR
    "$@"
  ) >"$work/step.log" 2>&1 </dev/null
  status=$?
  set -e
  read -r passed failed < <(sum "$work/step.counts")
  if ((failed == 0 && (status != 0 || passed == 0))); then
    failed=1
    count 0 1
  fi
  cat "$work/step.counts" >>"$work/counts"
  cat "$work/step.shown"
  if ((failed > 0)); then tail -n 150 "$work/step.log"; fi
  printf -- '-- %s: %d passed, %d failed, %d s\n' "$name" "$passed" "$failed" $((SECONDS - started))
}

# needed_step NAME COMMAND...: a step without which no later one means anything.
needed_step() {
  local failed
  step "$@"
  read -r _ failed < <(sum "$work/step.counts")
  if ((failed > 0)); then
    printf 'nothing after this was tried\n'
    exit 1
  fi
}

# count PASSED FAILED: what a step found.
count() { printf '%d %d\n' "$1" "$2" >>"$work/step.counts"; }

# check COMMAND...: counts one, and goes on either way.
check() { if "$@"; then count 1 0; else count 0 1; fi; }

# show TEXT...: a line that is shown whether or not the step fails.
show() { printf '   %s\n' "$*" >>"$work/step.shown"; }

sum() { awk '{ passed += $1; failed += $2 } END { print passed + 0, failed + 0 }' "$1"; }

# count_story FILE STATUS: counts the lines of a story, which tells `ok - ` and `not ok - `.
count_story() {
  local passed failed
  passed=$(grep -c '^ok - ' "$1" || true)
  failed=$(grep -c '^not ok - ' "$1" || true)
  if (($2 != 0 && failed == 0)); then failed=1; fi
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

# The last line says the sum, however the run ends.
finish() {
  local passed failed
  read -r passed failed < <(sum "$work/counts")
  if [[ -z $finished ]]; then failed=$((failed + 1)); fi
  rm -rf "$work"
  printf '%d passed, %d failed\n' "$passed" "$failed"
  exit $((failed > 0))
}
trap finish EXIT
