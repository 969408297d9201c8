# Calls presence.v1 with only `buf curl`, which learns the API from the server's reflection. Source this file. It needs buf (the variable
# BUF may contain its path) and jq. The caller sets address (host:port).
# shellcheck shell=bash
# shellcheck disable=SC2154  # address is the caller's.

# How many seconds an answer may take before the wait fails with a message that names what did not happen.
patience=20
scratch=$(mktemp -d)

# How calls connect and authenticate: without TLS and credentials, until the caller changes that.
scheme=http
connection=(--protocol grpc --http2-prior-knowledge)
metadata=''

say() { printf '%s\n' "$*" >&2; }

# trust AUTHORITIES [OPTION...]: later calls use TLS, and trust the authorities in that file. The options are those of buf for a client
# certificate.
trust() {
  scheme=https
  connection=(--protocol grpc --cacert "$@")
}

# present AUTHORIZATION: later calls send this as the metadata `authorization`, or none if it is empty.
present() { metadata=${1:+authorization: $1}; }

# basic SID:SECRET: prints a back end's credentials for HTTP Basic.
basic() { printf 'Basic %s' "$(printf %s "$1" | base64 -w 0)"; }

# call SERVICE/METHOD JSON: makes a unary call. Prints the response, or the error on stderr. Credentials go through a pipe, because all
# users of the machine can read the arguments of a program.
call() {
  timeout "$patience" "${BUF:-buf}" curl "${connection[@]}" --header @- "$scheme://$address/$1" -d "$2" <<<"$metadata"
}

# rejected SERVICE/METHOD JSON: makes a unary call that must fail. Prints the error as one line of JSON.
rejected() {
  if call "$1" "$2" >"$scratch/answer" 2>"$scratch/rejection"; then
    say "$1 was not rejected: $(cat "$scratch/answer")"
    return 1
  fi
  jq -c . "$scratch/rejection"
}

# error_info ERROR: prints the code of an error, then the texts of its ErrorInfo: reason, domain, metadata. buf extracts the details from
# `grpc-status-details-bin`, but does not decode them.
error_info() {
  jq -r '[.code, (.details[] | select(.type == "google.rpc.ErrorInfo").value
    | @base64d | match("[A-Za-z0-9_-]{2,}"; "g").string)] | join(" ")' <<<"$1"
}

# watch JSON: watches in the background. A later watch replaces an earlier one.
watch() {
  rm -f "$scratch/watch"
  mkfifo "$scratch/watch"
  "${BUF:-buf}" curl "${connection[@]}" --header @- \
    "$scheme://$address/presence.v1.UserService/WatchUsers" -d "$1" <<<"$metadata" >"$scratch/watch" 2>"$scratch/watch.end" &
  watcher=$!
  exec {messages}< <(jq --unbuffered -c . <"$scratch/watch")
}

# next_message WHAT: stores the next message of the watch in message, and its resume token in token.
next_message() {
  if ! read -r -t "$patience" -u "$messages" message; then
    say "within $patience s there was no $1; $(cat "$scratch/watch.end")"
    return 1
  fi
  token=$(jq -r --arg token "${token-}" '.resumeToken // $token' <<<"$message")
}

# expect_event EVENT: the next message must be this event; progress only shows that the watch is alive.
expect_event() {
  local event
  while true; do
    next_message "$1"
    event=$(jq -r 'del(.resumeToken) | keys[0]' <<<"$message")
    [[ $event != progress ]] && break
  done
  equal "$event" "$1"
}

# watch_ends: the watch must end without another message. Stores the error in end, in the format of error_info.
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
