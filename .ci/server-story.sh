#!/usr/bin/env bash
# Clients of three languages against the server, of gRPC-Web and of REST; then a power cut, a start on the same database, and a shutdown.
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

rest_port=$(free_port)
export PRESENCE_REST=127.0.0.1:$rest_port PRESENCE_PAGE=$page_origin

step 'the server starts and says that it serves'
start_server dotnet "$server_program" --allowed-origins "$page_origin"
finish_step

run_client Node: node tests/clients/node/story.mjs
run_client Python: /usr/bin/python3 tests/clients/python/story.py
run_client 'buf curl:' bash tests/clients/buf-curl/story.sh
run_client 'Node, gRPC-Web:' node tests/clients/web/run.mjs node story
run_client 'Chromium, gRPC-Web:' node tests/clients/web/run.mjs chromium story
run_client 'Node, REST:' node tests/clients/node/rest.mjs
run_client 'curl, REST:' bash tests/clients/curl/rest.sh
report_clients

step 'a user comes online while a watch is open'
sid=$(call $configuration/CreateServiceInstance '{"friendlyName": "Power cut"}' | jq -r .serviceInstance.sid)
call $configuration/UpdateConfiguration \
  "{\"configuration\": {\"serviceSid\": \"$sid\", \"reachabilityEnabled\": true}, \"updateMask\": \"reachabilityEnabled\"}" \
  >"$scratch/reply"
watch "{\"serviceSid\": \"$sid\"}"
expect_event configuration
expect_event reset
expect_event synced
end_watch
call $users/Heartbeat "{\"serviceSid\": \"$sid\", \"userKey\": \"ada\", \"sessionId\": \"$(new_id)\"}" >"$scratch/reply"

step 'kill -9 right after the answer loses no acknowledged change, and nobody goes offline'
kill_server
start_server dotnet "$server_program"
equal "$(call $users/GetUser "{\"serviceSid\": \"$sid\", \"userKey\": \"ada\"}" | jq -c '.user | [.identity, .isOnline]')" '["ada",true]'
equal "$(call $users/ListSessions "{\"serviceSid\": \"$sid\", \"userKey\": \"ada\"}" | jq -c .recovering)" true

step 'a watch resumes across kill -9 with what it missed'
watch "{\"serviceSid\": \"$sid\", \"resumeToken\": \"$token\"}"
expect_event configuration
expect_event updates
equal "$(jq -c '[.updates.updates[] | [.user.identity, .user.isOnline, .updateReasons]]' <<<"$message")" \
  '[["ada",true,["UPDATE_REASON_CREATED","UPDATE_REASON_REACHABILITY_ONLINE"]]]'
expect_event synced

step 'SIGTERM stops the server in time, and the open watch ends with SERVER_STOPPING and its token'
stop_server
watch_ends
equal "$(cut -d ' ' -f 1-4 <<<"$end")" 'unavailable SERVER_STOPPING grpc-presence resume_token'

the_end
exit $((failed_clients > 0))
