#!/usr/bin/env bash
# In the demo, users come online and go offline within seconds.
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

demo_sid=IS00000000000000000000000000000de0

# The demo's service instance comes to be after the server serves.
demo_begins() {
  local give_up=$((SECONDS + 10))
  until call presence.v1.ConfigurationService/GetConfiguration "{\"serviceSid\": \"$demo_sid\"}" >"$scratch/reply" 2>&1; do
    if ((SECONDS > give_up)); then
      say 'within 10 s there was no service instance of the demo'
      return 1
    fi
    sleep 0.2
  done
}

step 'the demo starts'
start_server dotnet run --no-build --project src/GrpcPresence.Server -- --demo
demo_begins

step 'a watch sees users come and go'
watch "{\"serviceSid\": \"$demo_sid\", \"start\": \"WATCH_START_NOW\", \"reasons\": [\"UPDATE_REASON_REACHABILITY_ONLINE\"]}"
expect_event configuration
expect_event synced
for _ in 1 2 3; do
  expect_event updates
  jq -r '.updates.updates[] | [.user.identity, .user.isOnline] | @text' <<<"$message"
done

step 'the demo stops in time'
end_watch
stop_server

the_end
