#!/usr/bin/env bash
# bash story.sh [host:port]
#
# The story of two users: presence is switched on, watched, missed and caught up with. It needs a running server, and leaves nothing behind.
# It reads no proto: buf asks the server for its API.
set -euo pipefail
address=${1:-${PRESENCE_ADDRESS:-127.0.0.1:5080}}
here=$(dirname "$0")
# shellcheck source-path=SCRIPTDIR
source "$here/tap.sh"
# shellcheck source-path=SCRIPTDIR
source "$here/presence.sh"
clean_up() { forget_everything; }

configuration=presence.v1.ConfigurationService
users=presence.v1.UserService
phone=$(new_id)
laptop=$(new_id)

# reachability KEY: prints the three values of a user.
reachability() {
  call $users/GetUser "{\"serviceSid\": \"$sid\", \"userKey\": \"$1\"}" |
    jq -c '.user | [.isOnline, .isNotifiable, .lastOnlineTime]'
}

step 'learns the API from reflection alone'
listed=$("${BUF:-buf}" curl --protocol grpc --http2-prior-knowledge --list-services "http://$address")
equal "$(grep '^presence' <<<"$listed")" $'presence.v1.ApiKeyService\npresence.v1.ConfigurationService\npresence.v1.UserService'

step 'creates a service instance'
sid=$(call $configuration/CreateServiceInstance '{"friendlyName": "buf curl story"}' | jq -r .serviceInstance.sid)
[[ $sid =~ ^IS[0-9a-f]{32}$ ]]

step 'reads nulls while reachability is off, even of a user whose session lives'
call $users/CreateUser "{\"serviceSid\": \"$sid\", \"identity\": \"ada\"}" >"$scratch/created"
call $users/Heartbeat "{\"serviceSid\": \"$sid\", \"userKey\": \"ada\", \"sessionId\": \"$laptop\"}" >"$scratch/reply"
equal "$(jq -c '.reachabilityEnabled // false' "$scratch/reply")" false
equal "$(reachability ada)" '[null,null,null]'
call $users/EndSession "{\"serviceSid\": \"$sid\", \"userKey\": \"ada\", \"sessionId\": \"$laptop\"}" >"$scratch/reply"

step 'switches reachability on'
call $configuration/UpdateConfiguration \
  "{\"configuration\": {\"serviceSid\": \"$sid\", \"reachabilityEnabled\": true}, \"updateMask\": \"reachabilityEnabled\"}" \
  >"$scratch/reply"
call $configuration/GetConfiguration "{\"serviceSid\": \"$sid\"}" >"$scratch/reply"
equal "$(jq -c '.configuration | [.reachabilityEnabled, .sessionTimeout]' "$scratch/reply")" '[true,"75s"]'

step 'reads nulls for a user that was never online'
equal "$(reachability ada)" '[null,null,null]'

step 'watches: configuration, reset, all users without reasons, synced'
watch "{\"serviceSid\": \"$sid\"}"
expect_event configuration
expect_event reset
equal "$(jq -r .reset.reason <<<"$message")" RESET_REASON_INITIAL
expect_event updates
equal "$(jq -c '[.updates.updates[] | [.user.identity, .updateReasons]]' <<<"$message")" '[["ada",null]]'
expect_event synced
[[ -n $token ]]

# The next update of the watch: its user, its reasons, and the three values without the time.
change='[.updates.updates[] | [.user.identity, .updateReasons, .user.isOnline, .user.isNotifiable]]'

step 'beats, and the watch sees REACHABILITY_ONLINE'
call $users/Heartbeat "{\"serviceSid\": \"$sid\", \"userKey\": \"ada\", \"sessionId\": \"$phone\"}" >"$scratch/reply"
equal "$(jq -c '[.reachabilityEnabled, .heartbeatInterval]' "$scratch/reply")" '[true,"30s"]'
expect_event updates
equal "$(jq -c "$change" <<<"$message")" '[["ada",["UPDATE_REASON_REACHABILITY_ONLINE"],true,null]]'

step 'reads a null isNotifiable for a user that never had a push binding'
equal "$(reachability ada)" '[true,null,null]'

step 'reads nulls from a list that asks for no view, and values from one that does'
listed='[.users[] | [.identity, .isOnline, .isNotifiable, .lastOnlineTime]]'
call $users/ListUsers "{\"serviceSid\": \"$sid\"}" >"$scratch/reply"
equal "$(jq -c "$listed" "$scratch/reply")" '[["ada",null,null,null]]'
call $users/ListUsers "{\"serviceSid\": \"$sid\", \"view\": \"USER_VIEW_REACHABILITY\", \"online\": true}" >"$scratch/reply"
equal "$(jq -c "$listed" "$scratch/reply")" '[["ada",true,null,null]]'

step 'sets a push binding, and the watch sees REACHABILITY_NOTIFIABLE'
call $users/SetPushBinding \
  "{\"serviceSid\": \"$sid\", \"userKey\": \"ada\", \"bindingType\": \"BINDING_TYPE_FCM\", \"endpoint\": \"the-device-token-of-ada\"}" \
  >"$scratch/reply"
expect_event updates
equal "$(jq -c "$change" <<<"$message")" '[["ada",["UPDATE_REASON_REACHABILITY_NOTIFIABLE"],true,true]]'

step 'ends the session, and the watch sees the user offline'
call $users/EndSession "{\"serviceSid\": \"$sid\", \"userKey\": \"ada\", \"sessionId\": \"$phone\"}" >"$scratch/reply"
expect_event updates
equal "$(jq -c "$change" <<<"$message")" '[["ada",["UPDATE_REASON_REACHABILITY_ONLINE"],false,true]]'
equal "$(jq -c '.updates.updates[0].user | has("lastOnlineTime")' <<<"$message")" true

step 'gets an error for a late heartbeat of an ended session, which changes nothing'
error=$(rejected $users/Heartbeat "{\"serviceSid\": \"$sid\", \"userKey\": \"ada\", \"sessionId\": \"$phone\"}")
equal "$(error_info "$error")" 'failed_precondition SESSION_ENDED grpc-presence'

step 'resumes a watch, and sees what it missed with the reasons'
end_watch
call $users/UpdateUser \
  "{\"user\": {\"serviceSid\": \"$sid\", \"identity\": \"ada\", \"friendlyName\": \"Ada\"}, \"updateMask\": \"friendlyName\"}" \
  >"$scratch/reply"
call $users/Heartbeat "{\"serviceSid\": \"$sid\", \"userKey\": \"grace\", \"sessionId\": \"$phone\"}" >"$scratch/reply"
watch "{\"serviceSid\": \"$sid\", \"resumeToken\": \"$token\"}"
expect_event configuration
expect_event updates
equal "$(jq -c '.updates.updates | map({(.user.identity): .updateReasons}) | add' <<<"$message")" \
  '{"ada":["UPDATE_REASON_FRIENDLY_NAME"],"grace":["UPDATE_REASON_CREATED","UPDATE_REASON_REACHABILITY_ONLINE"]}'
expect_event synced

step 'gets a documented error with its ErrorInfo'
error=$(rejected $users/GetUser "{\"serviceSid\": \"$sid\", \"userKey\": \"nobody\"}")
equal "$(error_info "$error")" 'not_found USER_NOT_FOUND grpc-presence user_key nobody'

step 'deletes the service instance, and the watch ends with the reason'
call $configuration/DeleteServiceInstance "{\"serviceSid\": \"$sid\"}" >"$scratch/reply"
watch_ends
equal "$(cut -d ' ' -f 1-3 <<<"$end")" 'not_found SERVICE_INSTANCE_NOT_FOUND grpc-presence'
[[ $end == *" service_sid $sid"* ]]

the_end
