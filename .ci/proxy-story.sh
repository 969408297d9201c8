#!/usr/bin/env bash
# The server behind a real nginx and a real HAProxy, which end TLS: calls, watches, errors, and the URLs in responses, also under a path
# prefix. tests/clients/proxy has their configurations.
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

server_program=artifacts/bin/GrpcPresence.Server/debug/GrpcPresence.Server.dll
configuration=presence.v1.ConfigurationService
users=presence.v1.UserService
proxies=()

stop_everything() {
  local proxy
  for proxy in "${proxies[@]}"; do kill "$proxy" 2>/dev/null || true; done
  clean_up_server
}
eval "clean_up_server() $(declare -f clean_up | tail -n +2)"
clean_up() { stop_everything; }

# A machine without the proxies skips the story. In CI that is a failure, because the run would prove nothing.
for program in nginx haproxy; do
  if [[ -z $(PATH=$PATH:/usr/sbin type -P "$program") ]]; then
    if [[ -n ${CI-} ]]; then step "$program is installed"; exit 1; fi
    printf 'ok - behind proxies # SKIP %s is not installed\n1..1\n' "$program"
    over=yes
    exit 0
  fi
done
PATH=$PATH:/usr/sbin

# start_proxy TEMPLATE PORT COMMAND...: starts a proxy on the port, and waits until it listens.
start_proxy() {
  local file=$scratch/${1##*/}
  sed -e "s|@FOLDER@|$scratch|g" -e "s|@PROXY_PORT@|$2|g" -e "s|@PORT@|$port|g" -e "s|@REST_PORT@|$rest_port|g" "$1" >"$file"
  "${@:3}" "$file" >>"$scratch/proxy.log" 2>&1 </dev/null &
  proxies+=($!)
  for _ in {1..100}; do
    if (exec {probe}<>"/dev/tcp/127.0.0.1/$2") 2>/dev/null; then return; fi
    sleep 0.1
  done
  say "the proxy does not listen: $(tail -n 5 "$scratch/proxy.log")"
  return 1
}

# get URL: a JSON response of REST.
get() { curl -sS --fail --max-time "$patience" --cacert "$scratch/ca.pem" "$1"; }

# all_pages URL BASE: reads a list page by page by its next_page_url, which must begin with BASE, and prints the identities.
all_pages() {
  local url=$1
  while [[ $url != null ]]; do
    get "$url" >"$scratch/page"
    jq -r '.users[].identity' "$scratch/page"
    url=$(jq -r .meta.next_page_url "$scratch/page")
    [[ $url == null || $url == "$2"/v1/* ]] || { say "the next page is $url"; return 1; }
  done
}

# calls_work PROXY USER: unary calls, a watch and an error reach the client through the proxy at $address.
calls_work() {
  step "$1: a watch over gRPC sees a heartbeat"
  watch "{\"serviceSid\": \"$sid\", \"start\": \"WATCH_START_NOW\"}"
  expect_event configuration
  expect_event synced
  call $users/Heartbeat "{\"serviceSid\": \"$sid\", \"userKey\": \"$2\", \"sessionId\": \"$(new_id)\"}" >"$scratch/reply"
  expect_event updates
  call $users/UpdateUser "{\"user\": {\"serviceSid\": \"$sid\", \"identity\": \"$2\", \"friendlyName\": \"$1\"}, \
    \"updateMask\": \"friendlyName\"}" >"$scratch/reply"
  expect_event updates
  end_watch

  step "$1: an error with many violations reaches the client"
  local keys
  keys=$(jq -nc '[range(100) | "x" * 1100]')
  equal "$(error_info "$(rejected $users/BatchGetUsers "{\"serviceSid\": \"$sid\", \"userKeys\": $keys}")" | cut -d ' ' -f 1-3)" \
    'invalid_argument FIELD_TOO_LONG grpc-presence'
}

step 'the server and both proxies start'
rest_port=$(free_port)
nginx_port=$(free_port)
haproxy_port=$(free_port)
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj '/CN=The authority of the story' \
  -keyout "$scratch/ca.key" -out "$scratch/ca.pem" 2>"$scratch/complaints"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -CA "$scratch/ca.pem" -CAkey "$scratch/ca.key" \
  -subj /CN=proxy -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE \
  -keyout "$scratch/server.key" -out "$scratch/server.pem" 2>"$scratch/complaints"
cat "$scratch/server.pem" "$scratch/server.key" >"$scratch/both.pem"
start_server dotnet "$server_program" --trusted-proxies 127.0.0.1
start_proxy tests/clients/proxy/nginx.conf "$nginx_port" nginx -e "$scratch/nginx.log" -c
start_proxy tests/clients/proxy/haproxy.cfg "$haproxy_port" haproxy -db -f
sid=$(call $configuration/CreateServiceInstance '{"friendlyName": "Behind proxies"}' | jq -r .serviceInstance.sid)
call $configuration/UpdateConfiguration \
  "{\"configuration\": {\"serviceSid\": \"$sid\", \"reachabilityEnabled\": true}, \"updateMask\": \"reachabilityEnabled\"}" \
  >"$scratch/reply"
for i in 1 2 3; do call $users/CreateUser "{\"serviceSid\": \"$sid\", \"identity\": \"user-$i\"}" >"$scratch/reply"; done
trust "$scratch/ca.pem"

address=127.0.0.1:$nginx_port
calls_work nginx user-1

step 'nginx: REST with TLS: the pages of a list are found by their URLs'
equal "$(all_pages "https://$address/v1/Services/$sid/Users?PageSize=1" "https://$address" | wc -l)" 3

step 'nginx: so are they under a path prefix, and resources have it in their URLs'
equal "$(all_pages "https://$address/presence/v1/Services/$sid/Users?PageSize=1" "https://$address/presence" | wc -l)" 3
equal "$(get "https://$address/presence/v1/Services/$sid/Users/user-1" | jq -r .url | sed 's|/Users/.*||')" \
  "https://$address/presence/v1/Services/$sid"

step 'nginx: events are not held back'
curl -sSN --max-time "$patience" --cacert "$scratch/ca.pem" "https://$address/v1/Services/$sid/Users/Updates" >"$scratch/events" &
events=$!
for _ in {1..200}; do if grep -q '^event: synced' "$scratch/events"; then break; fi; sleep 0.1; done
kill "$events"
grep -q '^event: synced' "$scratch/events"

address=127.0.0.1:$haproxy_port
calls_work HAProxy user-2

step 'HAProxy: REST with TLS: the pages of a list are found by their URLs'
equal "$(all_pages "https://$address/v1/Services/$sid/Users?PageSize=1" "https://$address" | wc -l)" 3

step 'SIGTERM stops the server in time behind them'
stop_server

step 'nginx: while the server is down, a connection is closed without a response, so that an EventSource reconnects'
status=0
curl -sS --http1.1 --max-time "$patience" --cacert "$scratch/ca.pem" \
  "https://127.0.0.1:$nginx_port/presence/v1/Services/$sid/Users/Updates" >"$scratch/reply" 2>"$scratch/complaints" || status=$?
equal "$status" 52

the_end
