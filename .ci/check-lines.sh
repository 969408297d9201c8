#!/usr/bin/env bash
# Lists lines of code with more than 140 characters, as file:line:text, and fails when there are any.
# Files that git ignores are left out, and so is the documentation's own sample of the C# library.
set -euo pipefail
cd "$(dirname "$0")/.."
# Characters are counted, not bytes.
export LC_ALL=C.UTF-8
status=0
git grep --untracked -nE '^.{141}' -- '*.cs' '*.sh' '*.mjs' '*.py' '*.ts' .ci/run .ci/long ':!tests/GrpcPresence.Twilio.Sample' || status=$?
# 1 is git's answer that nothing matches.
((status == 1))
