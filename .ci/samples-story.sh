#!/usr/bin/env bash
# The samples, each as a user runs it, against a server that restarts while they run.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=.ci/store.sh
source .ci/store.sh
# shellcheck source=tests/clients/buf-curl/tap.sh
source tests/clients/buf-curl/tap.sh
# shellcheck source=tests/clients/buf-curl/presence.sh
source tests/clients/buf-curl/presence.sh
# shellcheck source=.ci/server.sh
source .ci/server.sh

configuration=presence.v1.ConfigurationService
rest_port=$(free_port)
back_end_port=$(free_port)
account_sid=AC00000000000000000000000000000000
auth_token=$(openssl rand -hex 16)

# How long, in seconds, a sample may take to print what it must print.
readonly sample_patience=20

start() {
  start_server env Presence__AuthToken="$auth_token" dotnet artifacts/bin/GrpcPresence.Server/debug/GrpcPresence.Server.dll \
    --allow-private-webhooks
}

# sample NAME COMMAND...: runs a sample in the background; its output is in $scratch/NAME, its process id in pids[NAME].
declare -A pids
sample() {
  : >"$scratch/$1"
  # In the foreground: otherwise timeout passes a signal on twice, to the sample and to its process group.
  timeout --foreground --kill-after=5 60 env PRESENCE_KEY="$account_sid:$auth_token" AUTH_TOKEN="$auth_token" "${@:2}" \
    >"$scratch/$1" 2>&1 </dev/null &
  pids[$1]=$!
}

# dotnet_sample NAME SAMPLE ARGUMENT...
dotnet_sample() {
  sample "$1" dotnet "artifacts/bin/$2/debug/$2.dll" --address "http://$address" --service "$sid" "${@:3}"
}

start_watcher() { dotnet_sample "$1" Watcher --token-file "$scratch/watch.token"; }

# prints NAME PATTERN [LINE]: waits until the sample has printed a line that matches the regular expression, behind that many lines.
prints() {
  local give_up=$((SECONDS + sample_patience))
  until tail -n "+$((${3:-0} + 1))" "$scratch/$1" | grep -qE "$2"; do
    if ((SECONDS > give_up)); then
      say "within $sample_patience s $1 did not print a line with: $2"
      tail -n 20 "$scratch/$1" >&2
      return 1
    fi
    sleep 0.1
  done
}

# has_no NAME PATTERN [LINE]: no line of the sample matches, behind that many lines.
has_no() { if tail -n "+$((${3:-0} + 1))" "$scratch/$1" | grep -E "$2" >&2; then return 1; fi; }

# stop_sample NAME: asks the sample to stop, which it must do with exit code 0.
stop_sample() {
  local status=0
  kill -TERM "${pids[$1]}"
  wait "${pids[$1]}" || status=$?
  equal "$status $(tail -n 1 "$scratch/$1")" '0 stopped'
  unset "pids[$1]"
}

# Bash runs this trap instead of the one of server.sh, which it calls.
end_samples() {
  local name
  for name in "${!pids[@]}"; do kill "${pids[$name]}" 2>/dev/null || true; done
  close_story
}
trap end_samples EXIT

# edit NAME: sets a friendly name over REST, as a back end that wants webhooks for its edits. Prints the status.
edit() {
  curl -sS -o "$scratch/reply" -w '%{http_code}' -u "$account_sid:$auth_token" -H 'X-Twilio-Webhook-Enabled: true' \
    --data-urlencode "FriendlyName=$1" "http://127.0.0.1:$rest_port/v1/Services/$sid/Users/gateway-user-0001"
}

step 'a server calls the webhooks of the sample back end'
start
present "$(basic "$account_sid:$auth_token")"
sid=$(call $configuration/CreateServiceInstance '{"friendlyName": "Samples"}' | jq -r .serviceInstance.sid)
# The interval is short, so that the story is. Leases are long, so that a slow machine takes nobody offline.
call $configuration/UpdateConfiguration "{\"configuration\": {\"serviceSid\": \"$sid\", \"reachabilityEnabled\": true,
  \"heartbeatInterval\": \"1s\", \"sessionTimeout\": \"60s\", \"offlineDebounce\": \"0.5s\"},
  \"updateMask\": \"reachabilityEnabled,heartbeatInterval,sessionTimeout,offlineDebounce\"}" >"$scratch/reply"
sample back-end node samples/webhook-backend/back-end.mjs --port "$back_end_port"
prints back-end '^listening'
call $configuration/UpdateWebhookConfiguration "{\"webhookConfiguration\": {\"serviceSid\": \"$sid\",
  \"postWebhookUrl\": \"http://127.0.0.1:$back_end_port/events\", \"preWebhookUrl\": \"http://127.0.0.1:$back_end_port/before\",
  \"filters\": [\"onUserAdded\", \"onUserUpdate\", \"onUserUpdated\"]},
  \"updateMask\": \"postWebhookUrl,preWebhookUrl,filters\"}" >"$scratch/reply"

step 'the watcher sees the users of the gateway come online'
start_watcher watcher
prints watcher '^synced'
dotnet_sample gateway Gateway
prints gateway '^accepted [0-9]{4,}, rejected 0, streams 1'
prints watcher '^gateway-user-1000 is online \(.*ReachabilityOnline\)'

step 'the back end receives events, signed by the server'
prints back-end '^onUserAdded: gateway-user-1000, online: true, changed: created$'
prints back-end '^onUserUpdated: gateway-user-1000, online: true, changed: reachabilityOnline$'
has_no back-end 'signature'

step 'the back end rejects a request that the server did not sign'
equal "$(curl -sS -o "$scratch/reply" -w '%{http_code}' -d EventType=onUserAdded "http://127.0.0.1:$back_end_port/events")" 403

step 'the back end rejects one edit and allows another'
equal "$(edit 'The Administrator')" 403
prints back-end '^edit of gateway-user-0001: rejected'
equal "$(edit 'Grace')" 200
prints back-end '^edit of gateway-user-0001: allowed'

step 'the gateway ends its sessions when it stops'
stop_sample gateway
prints watcher '^gateway-user-1000 is offline \(ReachabilityOnline\)'

step 'both resume when the server restarts, and nobody goes offline'
lines=$(wc -l <"$scratch/watcher")
dotnet_sample gateway Gateway
prints watcher '^gateway-user-1000 is online' "$lines"
lines=$(wc -l <"$scratch/watcher")
stop_server
prints watcher '^disconnected: Unavailable SERVER_STOPPING' "$lines"
prints gateway '^disconnected: Unavailable SERVER_STOPPING'
start
prints watcher '^synced' "$lines"
prints gateway ', rejected 0, streams 2$'
has_no watcher 'is offline|^reset' "$lines"
stop_sample gateway

step 'the watcher resumes from its file without a snapshot'
stop_sample watcher
start_watcher resumed
prints resumed '^synced'
equal "$(head -n 1 "$scratch/resumed")" 'watching from the last token'
has_no resumed '^reset'
stop_sample resumed

step 'the client library shows the users of its gateway come online'
dotnet_sample client-watcher ClientWatcher
prints client-watcher '^alice is online: unknown'
dotnet_sample client-gateway ClientGateway
prints client-gateway '^1000 users are online'
prints client-watcher '^client-user-01000: .*ReachabilityOnline'

step 'the client library ends its sessions when it stops'
lines=$(wc -l <"$scratch/client-watcher")
stop_sample client-gateway
prints client-watcher '^client-user-01000: ReachabilityOnline' "$lines"

step 'the client library goes on when the server restarts, and nobody goes offline'
lines=$(wc -l <"$scratch/client-watcher")
dotnet_sample client-gateway ClientGateway
prints client-watcher '^client-user-01000: ReachabilityOnline' "$lines"
prints client-gateway '^1000 users are online'
stop_server
lines=$(wc -l <"$scratch/client-watcher")
start
call presence.v1.UserService/CreateUser "{\"serviceSid\": \"$sid\", \"identity\": \"late\"}" >"$scratch/reply"
prints client-watcher '^late: Created' "$lines"
has_no client-watcher 'client-user' "$lines"
stop_sample client-gateway
stop_sample client-watcher

step 'the back end stops when asked to'
stop_sample back-end
stop_server

the_end
