#!/usr/bin/env bash
# The server with TLS, API keys and an auth token: clients of three languages, of gRPC-Web and of REST, who may do what; a certificate
# that is renewed meanwhile, a client that shows one, keys that are replaced and revoked beside the server, a power cut, and what the
# log must not say.
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
# shellcheck source=.ci/clients.sh
source .ci/clients.sh

server_program=artifacts/bin/GrpcPresence.Server/debug/GrpcPresence.Server.dll
configuration=presence.v1.ConfigurationService
users=presence.v1.UserService
gateway=spiffe://example.org/ns/push/sa/gateway

# How long, in seconds, a renewed certificate may go unseen: the server looks at its files every 5 s.
readonly renewal_patience=10
# How long, in seconds, a subcommand may take; it starts a program.
readonly command_patience=20

# certificate NAME ALTERNATIVE-NAMES USAGE: makes NAME.pem and NAME.key, signed by the story's authority.
certificate() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -CA "$scratch/ca.pem" -CAkey "$scratch/ca.key" \
    -subj "/CN=$1" -addext "subjectAltName=$2" -addext "extendedKeyUsage=$3" -addext basicConstraints=critical,CA:FALSE \
    -keyout "$scratch/$1.key" -out "$scratch/$1.pem" 2>"$scratch/complaints"
}

fingerprint() { openssl x509 -noout -fingerprint -sha256; }

# shown: the fingerprint of the certificate that a new connection is shown.
shown() {
  timeout "$patience" openssl s_client -connect "$address" -CAfile "$scratch/ca.pem" -verify_return_error -alpn h2 \
    </dev/null 2>"$scratch/complaints" | fingerprint
}

# keys VERB...: the subcommand of the operator. What it says beside its result is searched with the server's log.
keys() { timeout "$command_patience" dotnet "$server_program" keys "$@" "${store[@]}" 2>>"$scratch/server.log"; }

start_guarded_server() {
  # What happens for each call is logged too: it must not contain names of users either.
  start_server env Logging__LogLevel__GrpcPresence=Debug dotnet "$server_program" \
    --tls-certificate "$scratch/server.pem" --tls-key "$scratch/server.key" \
    --client-certificates optional --client-certificate-authorities "$scratch/ca.pem" --allow-private-webhooks \
    --allowed-origins "$page_origin"
}

# is_rejected REASON METHOD JSON
is_rejected() { equal "$(error_info "$(rejected "$2" "$3")" | cut -d ' ' -f 1-2)" "$1"; }

# beat USER: the body of a heartbeat in the story's own service instance.
beat() { printf '{"serviceSid": "%s", "userKey": "%s", "sessionId": "%s"}' "$sid" "$1" "$(new_id)"; }

# sees_online USER: the next update of the watch.
sees_online() {
  expect_event updates
  equal "$(jq -c '[.updates.updates[].user | [.identity, .isOnline]]' <<<"$message")" "[[\"$1\",true]]"
}

step 'the server does not start for everybody in the network, and says what to do'
status=0
timeout "$command_patience" dotnet "$server_program" --host 0.0.0.0 --port "$port" --rest-port off --database "$scratch/open.db" \
  >"$scratch/output" 2>"$scratch/rejection" || status=$?
equal "$status" 2
grep -q -- --allow-anonymous "$scratch/rejection"

step 'the first key is made before the server starts'
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj '/CN=The authority of the story' \
  -keyout "$scratch/ca.key" -out "$scratch/ca.pem" 2>"$scratch/complaints"
certificate server IP:127.0.0.1 serverAuth
certificate renewed IP:127.0.0.1 serverAuth
certificate gateway "URI:$gateway" clientAuth
certificate stranger "URI:$gateway-of-another" clientAuth
key=$(keys create --role admin)
[[ $key =~ ^SK[0-9a-f]{32}:.{64}$ ]]
Presence__AuthToken=$(openssl rand -hex 16)
export Presence__AuthToken

step 'the server starts with TLS and that key'
trust "$scratch/ca.pem"
start_guarded_server
is_rejected 'unauthenticated CREDENTIALS_REQUIRED' $users/GetUser '{}'
present "$(basic "$key")"
sid=$(call $configuration/CreateServiceInstance '{"friendlyName": "Guarded"}' | jq -r .serviceInstance.sid)
call $configuration/UpdateConfiguration \
  "{\"configuration\": {\"serviceSid\": \"$sid\", \"reachabilityEnabled\": true}, \"updateMask\": \"reachabilityEnabled\"}" \
  >"$scratch/reply"

step 'its certificate is renewed while a watch is open'
watch "{\"serviceSid\": \"$sid\"}"
expect_event configuration
expect_event reset
expect_event synced
equal "$(shown)" "$(fingerprint <"$scratch/server.pem")"
mv "$scratch/renewed.key" "$scratch/server.key"
mv "$scratch/renewed.pem" "$scratch/server.pem"
renewed=$SECONDS
finish_step

# They run while the certificate is replaced under them.
export PRESENCE_CA=$scratch/ca.pem PRESENCE_KEY=$key PRESENCE_AUTH_TOKEN=$Presence__AuthToken PRESENCE_PAGE=$page_origin
run_client Node: node tests/clients/node/guarded.mjs
run_client Python: /usr/bin/python3 tests/clients/python/guarded.py
run_client 'buf curl:' bash tests/clients/buf-curl/guarded.sh
run_client 'Node, gRPC-Web:' env NODE_EXTRA_CA_CERTS="$PRESENCE_CA" node tests/clients/web/run.mjs node guarded
run_client 'Chromium, gRPC-Web:' env NODE_EXTRA_CA_CERTS="$PRESENCE_CA" node tests/clients/web/run.mjs chromium guarded
run_client 'Node, REST:' node tests/clients/node/guarded-rest.mjs
report_clients

step 'a new connection is shown the new certificate, and the open watch goes on'
until [[ $(shown) == "$(fingerprint <"$scratch/server.pem")" ]]; do
  if ((SECONDS > renewed + renewal_patience)); then
    say "within $renewal_patience s the new certificate was not shown"
    exit 1
  fi
  sleep 0.2
done
call $users/Heartbeat "$(beat ada@example.com)" >"$scratch/reply"
sees_online ada@example.com

step 'a client certificate with the name of a key stands for it, without a header'
mesh=$(keys create --role service --service-sid "$sid" --certificate-name "$gateway")
present ''
trust "$scratch/ca.pem" --cert "$scratch/gateway.pem" --key "$scratch/gateway.key"
call $users/Heartbeat "$(beat grace@example.com)" >"$scratch/reply"
sees_online grace@example.com
end_watch
# It may no more than that key.
is_rejected 'permission_denied PERMISSION_DENIED' $configuration/UpdateConfiguration "{\"configuration\": {\"serviceSid\": \"$sid\"}}"
is_rejected 'not_found SERVICE_INSTANCE_NOT_FOUND' $users/GetUser \
  '{"serviceSid": "IS00000000000000000000000000000bad", "userKey": "ada@example.com"}'

step 'a certificate of the same authority with a name that is nobody stands for nobody'
trust "$scratch/ca.pem" --cert "$scratch/stranger.pem" --key "$scratch/stranger.key"
is_rejected 'unauthenticated CREDENTIALS_INVALID' $users/GetUser '{}'

step 'keys rotate beside the running server takes effect at once'
trust "$scratch/ca.pem"
present "$(basic "$mesh")"
call $users/Heartbeat "$(beat ada@example.com)" >"$scratch/reply"
rotated=$(keys rotate "${mesh%%:*}")
is_rejected 'unauthenticated API_KEY_REVOKED' $users/GetUser '{}'
present "$(basic "$rotated")"
call $users/Heartbeat "$(beat ada@example.com)" >"$scratch/reply"

step 'keys revoke does too, and ends the watch of the certificate that stands for the key'
present ''
trust "$scratch/ca.pem" --cert "$scratch/gateway.pem" --key "$scratch/gateway.key"
watch "{\"serviceSid\": \"$sid\", \"start\": \"WATCH_START_NOW\"}"
expect_event configuration
expect_event synced
equal "$(keys revoke "${mesh%%:*}")" "Revoked ${mesh%%:*}."
is_rejected 'unauthenticated CREDENTIALS_INVALID' $users/GetUser '{}'
watch_ends
equal "$(cut -d ' ' -f 1-3 <<<"$end")" 'unauthenticated API_KEY_REVOKED grpc-presence'

step 'after kill -9 the keys are what they were'
kill_server
trust "$scratch/ca.pem"
start_guarded_server
is_rejected 'unauthenticated CREDENTIALS_REQUIRED' $users/GetUser '{}'
present "$(basic "$rotated")"
is_rejected 'unauthenticated API_KEY_REVOKED' $users/GetUser '{}'
present "$(basic "$key")"
equal "$(call $users/GetUser "{\"serviceSid\": \"$sid\", \"userKey\": \"grace@example.com\"}" | jq -c .user.isOnline)" true

step 'SIGTERM stops the server in time'
stop_server

step 'the log names the keys, but neither secrets nor users'
grep -q "RevokeApiKey by operator: ${mesh%%:*}" "$scratch/server.log"
if grep -n -e @example.com -e Lovelace -e Hopper -e Somerville -e "$Presence__AuthToken" \
  -e "${key#*:}" -e "${mesh#*:}" -e "${rotated#*:}" "$scratch/server.log"; then exit 1; fi
# What the clients were given, and the tokens that they signed: all texts with the length of a secret. Thumbprints of certificates have it
# too.
if grep -oE '[A-Za-z0-9_-]{64,}' "$scratch/server.log" | grep -vxE '[0-9A-F]{64}'; then exit 1; fi

the_end
exit $((failed_clients > 0))
