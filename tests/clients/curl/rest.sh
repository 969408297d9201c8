#!/usr/bin/env bash
# PRESENCE_REST=host:port bash rest.sh [host:port]
#
# The story of a script: REST with only curl, and the commands of docs/rest.md unchanged. Heartbeats use gRPC, with buf. It needs a running
# server, and leaves nothing behind.
set -euo pipefail
# shellcheck disable=SC2034  # presence.sh reads it.
address=${1:-${PRESENCE_ADDRESS:-127.0.0.1:5080}}
rest=${PRESENCE_REST:-127.0.0.1:5081}
here=$(dirname "$0")
# shellcheck source-path=SCRIPTDIR
source "$here/../buf-curl/tap.sh"
# shellcheck source-path=SCRIPTDIR
source "$here/../buf-curl/presence.sh"
clean_up() { forget_everything; }

# A server without credentials ignores them; the commands of the documentation contain some.
export TWILIO_ACCOUNT_SID=AC00000000000000000000000000000000 TWILIO_AUTH_TOKEN=any

# request PATH [OPTION...]: stores the status of the answer in status, and its body in body.
request() {
  body=$(curl -sS -m "$patience" -w '\n%{http_code}' "${@:2}" "http://$rest/v1/Services$1")
  status=${body##*$'\n'}
  body=${body%$'\n'*}
}

# is_rejected CODE STATUS: the request must have failed with these, in the body that every error has.
is_rejected() {
  equal "$status $(jq -c '[.code, .status, .more_info]' <<<"$body")" "$2 [$1,$2,\"https://www.twilio.com/docs/errors/$1\"]"
}

# shown TEXT: prints the documentation's command that contains this text, for this server and this service instance.
shown() {
  awk -v text="$1" '/^curl/ && index($0, text) { on = 1 } on { print; if (!/\\$/) exit }' "$here/../../../docs/rest.md" |
    sed -e "s|127\.0\.0\.1:5081|$rest|" -e "s/IS0\{31\}1/$sid/"
}

# follow [OPTION...]: receives events in the background with the documentation's command. A later call replaces an earlier one.
follow() {
  rm -f "$scratch/events"
  mkfifo "$scratch/events"
  bash -c "exec $(shown 'curl -N') \"\$@\"" curl "$@" >"$scratch/events" 2>"$scratch/complaints" &
  watcher=$!
  exec {messages}<"$scratch/events"
}

# expect NAME: the next event must have this name. Stores its data in data, and its id, if it has one, in id. progress only shows that the
# stream is alive.
expect() {
  local line name=''
  while [[ -z $name || $name == progress ]]; do
    while IFS= read -r -t "$patience" -u "$messages" line && [[ -n $line ]]; do
      case $line in
        'event: '*) name=${line#event: } ;;
        'id: '*) id=${line#id: } ;;
        'data: '*) data=${line#data: } ;;
      esac
    done
    if [[ -z $name ]]; then
      say "within $patience s there was no $1"
      return 1
    fi
    [[ $name == "$1" ]] && break
    [[ $name == progress ]] && name=''
  done
  equal "$name" "$1"
}

change='[.user.identity, .user.is_online, .update_reasons]'

step 'creates a service'
request '' -d 'FriendlyName=curl+%26+REST'
equal "$status $(jq -c '[.friendly_name, .account_sid]' <<<"$body")" "201 [\"curl & REST\",\"$TWILIO_ACCOUNT_SID\"]"
sid=$(jq -r .sid <<<"$body")

step 'switches reachability on as docs/rest.md says, and gets the answer of Twilio Conversations'
bash -c "$(shown 'curl -X POST')" >"$scratch/reply"
equal "$(jq -cS . "$scratch/reply")" "$(jq -cnS --arg url "http://$rest/v1/Services/$sid/Configuration" --arg sid "$sid" '{
  chat_service_sid: $sid, default_conversation_creator_role_sid: null,
  default_conversation_role_sid: null, default_chat_service_role_sid: null,
  reachability_enabled: true, url: $url, links: {notifications: ($url + "/Notifications"), webhooks: ($url + "/Webhooks")}}')"

step 'creates a user, reads it, and lists it with and without reachability'
bash -c "$(shown '/Users" --data-urlencode')" >"$scratch/reply"
equal "$(jq -c '[.identity, .attributes, .is_online]' "$scratch/reply")" '["alice","{}",null]'
call presence.v1.UserService/Heartbeat "{\"serviceSid\": \"$sid\", \"userKey\": \"alice\", \"sessionId\": \"$(new_id)\"}" >"$scratch/reply"
bash -c "$(shown '/Users/alice"')" >"$scratch/reply"
equal "$(jq -c '[.identity, .is_online, .is_notifiable]' "$scratch/reply")" '["alice",true,null]'
bash -c "$(shown '/Users?View=full"')" >"$scratch/reply"
equal "$(jq -c '[.users[] | [.identity, .is_online]]' "$scratch/reply")" '[["alice",true]]'
request "/$sid/Users"
equal "$status $(jq -c '[.users[] | [.identity, .is_online]]' <<<"$body")" '200 [["alice",null]]'

step 'follows the changes: configuration, reset, all users without reasons, synced'
follow
expect configuration
equal "$(jq -c .reachability_enabled <<<"$data")" true
expect reset
equal "$(jq -r .reason <<<"$data")" initial
id=''
expect updated
equal "$(jq -c "$change" <<<"$data") $id" '["alice",true,[]] '
expect synced
[[ -n $id ]]

step 'receives an edit with its reasons'
request "/$sid/Users/alice" --data-urlencode 'FriendlyName=Alice & Söhne'
equal "$status" 200
expect updated
equal "$(jq -c "[.user.friendly_name, .update_reasons]" <<<"$data")" '["Alice & Söhne",["friendlyName"]]'

step 'goes on from the last event, and sees what it missed and no more'
end_watch
request "/$sid/Users" --data-urlencode 'Identity=of/two parts 🦊'
equal "$status" 201
request "/$sid/Users/$(jq -rn '"of/two parts 🦊" | @uri')" --data-urlencode 'Attributes={"team":"ü"}'
equal "$status $(jq -r .attributes <<<"$body")" '200 {"team":"ü"}'
follow -H "Last-Event-ID: $id"
expect configuration
expect updated
equal "$(jq -c "$change" <<<"$data")" '["of/two parts 🦊",null,["created","attributes"]]'
expect synced

step 'names the back end that receives webhooks as docs/rest.md says'
bash -c "$(shown '/Configuration/Webhooks"')" >"$scratch/reply"
equal "$(jq -c '[.post_webhook_url, .filters, .method]' "$scratch/reply")" \
  '["https://example.org/presence",["onUserAdded","onUserUpdated"],"POST"]'

step 'is rejected with a body that says why, whatever is wrong'
request "/$sid/Users" -H 'Content-Type: application/json' -d '{"Identity": "bob"}'
is_rejected 20415 415
request "/$sid/Configuration" -d ReachabilityEnabled=maybe -d DefaultChatServiceRoleSid=none
is_rejected 20001 400
equal "$(jq -c '[.details.violations[].parameter]' <<<"$body")" '["ReachabilityEnabled","DefaultChatServiceRoleSid"]'
request "/$sid/Users/alice" -X PATCH
is_rejected 20004 405
request "/$sid/Nothing"
is_rejected 20404 404
request "/$sid/Users?PageSize=0"
is_rejected 20001 400

step 'reads what there is to call'
curl -sS -m "$patience" "http://$rest/openapi/v1.json" >"$scratch/reply"
equal "$(jq -r '.paths["/v1/Services/{ChatServiceSid}/Configuration"].post.operationId' "$scratch/reply")" UpdateServiceConfiguration

step 'deletes the service, and the stream ends with the reason'
request "/$sid" -X DELETE
equal "$status $body" '204 '
expect end
equal "$(jq -r .reason <<<"$data")" SERVICE_INSTANCE_NOT_FOUND

the_end
