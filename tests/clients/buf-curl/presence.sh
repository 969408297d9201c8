# Calls presence.v1 with nothing but `buf curl`, which learns the API from the server's reflection; to be
# sourced. Needs buf (its path may stand in BUF) and jq. The caller sets address (host:port).
# shellcheck shell=bash
# shellcheck disable=SC2154  # address is the caller's.

# How long, in seconds, an answer may take before the caller is told what did not happen.
patience=5
scratch=$(mktemp -d)

# How the server is reached, and what calls bear: in the clear and without credentials, until the caller says otherwise.
scheme=http
connection=(--protocol grpc --http2-prior-knowledge)
metadata=''

say() { printf '%s\n' "$*" >&2; }

# trust AUTHORITIES [OPTION...]: calls go over TLS from now on, to a server whose certificate comes from an authority in that
# file. The options are those of buf for a certificate of the client's own.
trust() {
  scheme=https
  connection=(--protocol grpc --cacert "$@")
}

# present AUTHORIZATION: what calls bear from now on as the metadata `authorization`; nothing when it is empty.
present() { metadata=${1:+authorization: $1}; }

# basic SID:SECRET: what a back end presents, as HTTP Basic has it.
basic() { printf 'Basic %s' "$(printf %s "$1" | base64 -w 0)"; }

# call SERVICE/METHOD JSON: a unary call. Prints the response, or on stderr the error. Credentials go through a pipe: the
# arguments of a program can be read by everybody on the machine.
call() {
  timeout "$patience" "${BUF:-buf}" curl "${connection[@]}" --header @- "$scheme://$address/$1" -d "$2" <<<"$metadata"
}

# refused SERVICE/METHOD JSON: a unary call that must be refused. Prints the error as one line of JSON.
refused() {
  if call "$1" "$2" >"$scratch/answer" 2>"$scratch/refusal"; then
    say "$1 was not refused: $(cat "$scratch/answer")"
    return 1
  fi
  jq -c . "$scratch/refusal"
}

# error_info ERROR: the code of an error, then the texts of its ErrorInfo: reason, domain, metadata. buf has
# taken the details out of `grpc-status-details-bin`; their bytes it leaves alone.
error_info() {
  jq -r '[.code, (.details[] | select(.type == "google.rpc.ErrorInfo").value
    | @base64d | match("[A-Za-z0-9_-]{2,}"; "g").string)] | join(" ")' <<<"$1"
}

# watch JSON: watches in the background. A later watch takes the place of an earlier one.
watch() {
  rm -f "$scratch/watch"
  mkfifo "$scratch/watch"
  "${BUF:-buf}" curl "${connection[@]}" --header @- \
    "$scheme://$address/presence.v1.UserService/WatchUsers" -d "$1" <<<"$metadata" >"$scratch/watch" 2>"$scratch/watch.end" &
  watcher=$!
  exec {messages}< <(jq --unbuffered -c . <"$scratch/watch")
}

# next_message WHAT: puts the next message of the watch into message, and what to resume with into token.
next_message() {
  if ! read -r -t "$patience" -u "$messages" message; then
    say "within $patience s there was no $1; $(cat "$scratch/watch.end")"
    return 1
  fi
  token=$(jq -r --arg token "${token-}" '.resumeToken // $token' <<<"$message")
}

# expect_event EVENT: the next message must be this event; progress only says that the watch is alive.
expect_event() {
  local event
  while true; do
    next_message "$1"
    event=$(jq -r 'del(.resumeToken) | keys[0]' <<<"$message")
    [[ $event != progress ]] && break
  done
  equal "$event" "$1"
}

# watch_ends: the watch must end without another word. Puts the error that it ended with into end, as error_info tells it.
watch_ends() {
  if read -r -t "$patience" -u "$messages" message; then
    say "the watch goes on with $message"
    return 1
  fi
  end=$(error_info "$(cat "$scratch/watch.end")")
  if [[ -z $end ]]; then
    say "within $patience s the watch did not end with an error"
    return 1
  fi
}

# end_watch: stops watching.
end_watch() {
  kill "$watcher" 2>/dev/null || true
  wait "$watcher" || true
  exec {messages}<&-
}

# forget_everything: stops watching and removes the scratch folder.
forget_everything() {
  if [[ -n ${watcher-} ]]; then kill "$watcher" 2>/dev/null || true; fi
  rm -rf "$scratch"
}

# equal GOT EXPECTED
equal() {
  if [[ $1 != "$2" ]]; then
    say "expected: $2"
    say "got:      $1"
    return 1
  fi
}

# new_id: a random session id.
new_id() { cat /proc/sys/kernel/random/uuid; }
