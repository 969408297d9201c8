#!/usr/bin/env bash
# The command line as a person meets it in a shell: help, version, mistyped names, completion, and the commands that need no server.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=.ci/store.sh
source .ci/store.sh
# shellcheck source=tests/clients/buf-curl/tap.sh
source tests/clients/buf-curl/tap.sh

scratch=$(mktemp -d)
clean_up() { rm -rf "$scratch"; }
# Without options, a file in the current directory is used.
store=()
if [[ -n ${STORY_CONNECTION-} ]]; then use_store "$scratch"; fi

PATH=$PWD/artifacts/bin/GrpcPresence.Server/debug:$PATH

# run CODE ARGUMENT...: runs the program in an empty directory; it must end with the code. Its output is in $scratch/out and $scratch/err.
run() {
  local expected=$1 status=0
  shift
  mkdir -p "$scratch/empty"
  (cd "$scratch/empty" && timeout 20 GrpcPresence.Server "$@") >"$scratch/out" 2>"$scratch/err" </dev/null || status=$?
  ((status == expected)) || { printf '%s: exit code %d\n' "$*" "$status"; cat "$scratch/out" "$scratch/err"; return 1; }
}

one_line() { (($(wc -l <"$1") == 1)); }

# complete_line LINE: what bash suggests behind the line.
complete_line() {
  COMP_LINE=$1 COMP_POINT=${#1} COMPREPLY=()
  # Bash makes a word of each =.
  read -ra COMP_WORDS <<<"${1//=/ = }"
  if [[ $1 == *' ' ]]; then COMP_WORDS+=(''); fi
  # shellcheck disable=SC2034  # the function that completes reads it.
  COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
  _grpc_presence
  printf '%s\n' "${COMPREPLY[@]}" | sort | tr '\n' ' '
}

step '--help prints the usage of every command, and exits with 0'
for command in '' serve keys 'keys create' 'keys list' 'keys rotate' 'keys revoke' backup restore settings completion; do
  # shellcheck disable=SC2086  # words of one command
  run 0 $command --help
  grep -q '^Usage:' "$scratch/out"
done

step '--version prints one line, and exits with 0'
run 0 --version
one_line "$scratch/out"

step 'a mistyped option is one line that suggests the right one, and exit code 2'
run 2 --prot 5
one_line "$scratch/err"
grep -q 'Did you mean --port?' "$scratch/err"

step 'settings that cannot be used are one line each, and exit code 2'
run 2 --port 65536 --keep-alive-ping-delay 30
[[ $(cut -d ' ' -f 1 "$scratch/err" | tr '\n' ' ') == 'Presence:Port Presence:KeepAlivePingDelay ' ]]

step 'a command that finds no database says so with exit code 3'
run 3 backup "$scratch/backup.db" --database "$scratch/empty/absent.db"
one_line "$scratch/err"

step 'an API key is created, listed and revoked without a server'
run 0 keys create --role admin "${store[@]}"
key=$(<"$scratch/out")
[[ $key =~ ^SK[0-9a-f]{32}:.{64}$ ]]
run 0 keys list "${store[@]}"
grep -q "^${key%%:*}	admin	" "$scratch/out"
run 0 keys revoke "${key%%:*}" "${store[@]}"

step 'a backup of that database can be restored'
if [[ -n ${STORY_CONNECTION-} ]]; then
  # The commands of the server copy a file, and name PostgreSQL's own tools here.
  run 2 backup copy.db "${store[@]}"
  grep -q pg_dump "$scratch/err"
  pg_dump -F c >"$scratch/copy"
  run 0 keys create --role read "${store[@]}"
  pg_restore -d "$PGDATABASE" --clean --if-exists --no-owner --single-transaction "$scratch/copy"
  run 0 keys list "${store[@]}"
  one_line "$scratch/out"
  grep -q "^${key%%:*}	admin	" "$scratch/out"
else
  run 0 backup copy.db
  run 0 restore copy.db
fi

step 'bash completes commands, options and their values'
# shellcheck disable=SC1090  # the program writes it.
source <(GrpcPresence.Server completion bash)
[[ $(complete_line 'GrpcPresence.Server ke') == 'keys ' ]]
[[ $(complete_line 'GrpcPresence.Server --tls') == '--tls-certificate --tls-key ' ]]
[[ $(complete_line 'GrpcPresence.Server keys create --role ') == 'admin read service ' ]]
[[ $(complete_line 'GrpcPresence.Server --log-format j') == 'json ' ]]
[[ $(complete_line 'GrpcPresence.Server --log-format=j') == 'json ' ]]
[[ $(complete_line 'GrpcPresence.Server --client-certificates=') == 'none optional required ' ]]
touch -- "$scratch/-x"
(cd "$scratch" && [[ $(complete_line 'GrpcPresence.Server -') != *-x* ]])

the_end
