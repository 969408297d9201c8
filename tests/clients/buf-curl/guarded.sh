#!/usr/bin/env bash
# PRESENCE_CA=FILE PRESENCE_KEY=SID:SECRET bash guarded.sh [host:port]
#
# The story of authorization: an administrator, a back end, an end user and strangers, each with their own credentials or none. It needs a
# server with TLS. The file contains the authority of its certificate, and the key belongs to an administrator of the whole deployment. The
# story leaves only revoked API keys behind.
set -euo pipefail
address=${1:-${PRESENCE_ADDRESS:-127.0.0.1:5080}}
: "${PRESENCE_CA:?must be the file of the authority of the server}" "${PRESENCE_KEY:?must be SID:SECRET of an administrator}"
here=$(dirname "$0")
# shellcheck source-path=SCRIPTDIR
source "$here/tap.sh"
# shellcheck source-path=SCRIPTDIR
source "$here/presence.sh"
clean_up() { forget_everything; }

configuration=presence.v1.ConfigurationService
keys=presence.v1.ApiKeyService
users=presence.v1.UserService
ada=ada@example.com
grace=grace@example.com

# A watch ends within a second of the revocation. A busy machine may report it later.
readonly soon_ms=2000

administrator=$(basic "$PRESENCE_KEY")

# make_key ROLE: creates an API key for the story's service instance, and prints it as SID:SECRET.
make_key() {
  call $keys/CreateApiKey "{\"role\": \"API_KEY_ROLE_$1\", \"serviceSid\": \"$sid\", \"friendlyName\": \"buf curl story\"}" |
    jq -r '"\(.apiKey.sid):\(.secret)"'
}

base64url() { base64 -w 0 | tr '+/' '-_' | tr -d '='; }

# mint IDENTITY SECONDS: prints an access token for that end user, signed with the back end's key. This openssl accepts a secret only as an
# argument, which all users of the machine can read. A real back end signs with a library.
mint() {
  local now signed
  now=$(date +%s)
  signed=$(printf '{"alg":"HS256","typ":"JWT","cty":"twilio-fpa;v=1"}' | base64url).$(
    jq -jcn --arg key "${key%%:*}" --arg identity "$1" --arg service "$sid" --argjson now "$now" --argjson seconds "$2" '{
      jti: "\($key)-\($now)", iss: $key, sub: "AC00000000000000000000000000000000", iat: $now, exp: ($now + $seconds),
      grants: {identity: $identity, chat: {service_sid: $service}}}' | base64url)
  printf '%s.%s' "$signed" "$(printf %s "$signed" | openssl dgst -sha256 -hmac "${key#*:}" -binary | base64url)"
}

# beat IDENTITY: prints the body of a heartbeat.
beat() { printf '{"serviceSid": "%s", "userKey": "%s", "sessionId": "phone-1"}' "$sid" "$1"; }

step 'does not talk to a server whose authority it does not know'
scheme=https
# With local protos, the call itself is rejected, instead of the reflection request.
connection=(--protocol grpc --schema "$here/../../../protos")
equal "$(rejected $users/GetUser '{}' | jq -r '.code + ": " + .message')" 'unavailable: x509: certificate signed by unknown authority'

step 'learns the API over TLS without credentials, and may not call it'
trust "$PRESENCE_CA"
equal "$(error_info "$(rejected $users/GetUser '{}')")" 'unauthenticated CREDENTIALS_REQUIRED grpc-presence'

step 'is rejected with a wrong secret'
present "$(basic "${PRESENCE_KEY%%:*}:not-the-secret")"
equal "$(error_info "$(rejected $users/GetUser '{}')")" 'unauthenticated CREDENTIALS_INVALID grpc-presence'

step 'makes two service instances and the key of a back end, as the administrator'
present "$administrator"
sid=$(call $configuration/CreateServiceInstance '{"friendlyName": "buf curl story"}' | jq -r .serviceInstance.sid)
other=$(call $configuration/CreateServiceInstance '{"friendlyName": "buf curl story, another"}' | jq -r .serviceInstance.sid)
call $configuration/UpdateConfiguration \
  "{\"configuration\": {\"serviceSid\": \"$sid\", \"reachabilityEnabled\": true}, \"updateMask\": \"reachabilityEnabled\"}" \
  >"$scratch/reply"
key=$(make_key SERVICE)
[[ $key =~ ^SK[0-9a-f]{32}:.{64}$ ]]

step 'creates users, as the back end'
present "$(basic "$key")"
call $users/CreateUser "{\"serviceSid\": \"$sid\", \"identity\": \"$ada\"}" >"$scratch/reply"
call $users/CreateUser "{\"serviceSid\": \"$sid\", \"identity\": \"$grace\"}" >"$scratch/reply"
error=$(rejected $users/CreateUser "{\"serviceSid\": \"$other\", \"identity\": \"$ada\"}")
equal "$(error_info "$error" | cut -d ' ' -f 1-3)" 'not_found SERVICE_INSTANCE_NOT_FOUND grpc-presence'

step 'beats and edits her friendly name, as the end user of an access token'
present "Bearer $(mint $ada 3600)"
equal "$(call $users/Heartbeat "$(beat $ada)" | jq -c .reachabilityEnabled)" true
call $users/UpdateUser \
  "{\"user\": {\"serviceSid\": \"$sid\", \"identity\": \"$ada\", \"friendlyName\": \"Countess of Lovelace\"},
  \"updateMask\": \"friendlyName\"}" \
  >"$scratch/reply"
equal "$(jq -r .user.friendlyName "$scratch/reply")" 'Countess of Lovelace'

step 'may not beat for somebody else, nor change the configuration'
equal "$(error_info "$(rejected $users/Heartbeat "$(beat $grace)")")" 'permission_denied PERMISSION_DENIED grpc-presence'
error=$(rejected $configuration/UpdateConfiguration \
  "{\"configuration\": {\"serviceSid\": \"$sid\", \"reachabilityEnabled\": false}, \"updateMask\": \"reachabilityEnabled\"}")
equal "$(error_info "$error")" 'permission_denied PERMISSION_DENIED grpc-presence'

# answer_about SID: prints the answer to a request about another service instance, without the SID itself.
answer_about() {
  local error answer
  error=$(rejected $users/GetUser "{\"serviceSid\": \"$1\", \"userKey\": \"$ada\"}")
  answer=$(jq -r .message <<<"$error")$'\n'$(error_info "$error")
  printf '%s' "${answer//$1/it}"
}

step 'gets the same answer about a service instance that exists and one that does not'
answer=$(answer_about "$other")
equal "$(tail -n 1 <<<"$answer")" 'not_found SERVICE_INSTANCE_NOT_FOUND grpc-presence service_sid it'
equal "$answer" "$(answer_about IS00000000000000000000000000000bad)"

step 'watches all users with a token that lives for seconds; the watch ends with the token, and has a resume token'
present "Bearer $(mint $ada 4)"
watch "{\"serviceSid\": \"$sid\", \"view\": \"USER_VIEW_REACHABILITY\"}"
expect_event configuration
expect_event reset
expect_event updates
equal "$(jq -c '[.updates.updates[].user | [.identity, .isOnline]]' <<<"$message")" "[[\"$ada\",true],[\"$grace\",null]]"
expect_event synced
watch_ends
equal "$(cut -d ' ' -f 1-4 <<<"$end")" 'unauthenticated ACCESS_TOKEN_EXPIRED grpc-presence resume_token'
[[ $end == *"$token" ]]

step 'resumes there with a new token, and sees what it missed without a reset'
end_watch
present "$(basic "$key")"
call $users/Heartbeat "$(beat $grace)" >"$scratch/reply"
present "Bearer $(mint $ada 3600)"
watch "{\"serviceSid\": \"$sid\", \"view\": \"USER_VIEW_REACHABILITY\", \"resumeToken\": \"$token\"}"
expect_event configuration
expect_event updates
equal "$(jq -c '[.updates.updates[] | [.user.identity, .updateReasons]]' <<<"$message")" \
  "[[\"$grace\",[\"UPDATE_REASON_REACHABILITY_ONLINE\"]]]"
expect_event synced
end_watch

step 'makes a key that only reads, and revokes it: its watch ends within about a second'
present "$administrator"
reader=$(make_key READ)
present "$(basic "$reader")"
equal "$(error_info "$(rejected $users/Heartbeat "$(beat $ada)")")" 'permission_denied PERMISSION_DENIED grpc-presence'
watch "{\"serviceSid\": \"$sid\", \"start\": \"WATCH_START_NOW\"}"
expect_event configuration
expect_event synced
present "$administrator"
call $keys/RevokeApiKey "{\"apiKeySid\": \"${reader%%:*}\"}" >"$scratch/reply"
revoked=${EPOCHREALTIME/[.,]/}
watch_ends
took_ms=$(((${EPOCHREALTIME/[.,]/} - revoked) / 1000))
equal "$(cut -d ' ' -f 1-3 <<<"$end")" 'unauthenticated API_KEY_REVOKED grpc-presence'
if ((took_ms > soon_ms)); then
  say "the watch ended $took_ms ms after the key was revoked"
  exit 1
fi
present "$(basic "$reader")"
equal "$(error_info "$(rejected $users/GetUser '{}')" | cut -d ' ' -f 1-3)" 'unauthenticated API_KEY_REVOKED grpc-presence'

step 'revokes the key of the back end: the tokens that it signed end with it'
present "$administrator"
call $keys/RevokeApiKey "{\"apiKeySid\": \"${key%%:*}\"}" >"$scratch/reply"
present "Bearer $(mint $ada 3600)"
equal "$(error_info "$(rejected $users/Heartbeat "$(beat $ada)")" | cut -d ' ' -f 1-3)" 'unauthenticated API_KEY_REVOKED grpc-presence'
present "$administrator"
call $configuration/DeleteServiceInstance "{\"serviceSid\": \"$sid\"}" >"$scratch/reply"
call $configuration/DeleteServiceInstance "{\"serviceSid\": \"$other\"}" >"$scratch/reply"

the_end
