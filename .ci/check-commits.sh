#!/usr/bin/env bash
# Checks the subjects of the commits of a range, or of one commit, and fails when there are any to mend:
#   bash .ci/check-commits.sh origin/main..HEAD
# A subject reads `area: imperative`, with an area in lower case, and has at most 72 characters. Merges have no subject of their own.
set -euo pipefail
cd "$(dirname "$0")/.."
# Characters are counted, not bytes.
export LC_ALL=C.UTF-8
range=$1
readonly longest=72 form='^[a-z0-9][a-z0-9 ,./_-]*: [^ ].*[^ .]$'
select=(--no-merges)
if [[ $range != *..* ]]; then select+=(--max-count=1); fi
failed=0
while IFS=$'\t' read -r commit subject; do
  if ((${#subject} > longest)); then
    printf '%s: %d characters, at most %d: %s\n' "$commit" "${#subject}" "$longest" "$subject"
    failed=1
  fi
  if [[ ! $subject =~ $form ]]; then
    printf '%s: not of the form "area: imperative", without a full stop: %s\n' "$commit" "$subject"
    failed=1
  fi
done < <(git log "${select[@]}" --format='%h%x09%s' "$range")
exit "$failed"
