#!/usr/bin/env bash
# The samples of Twilio Conversations, in which nothing changes but the SID, against the server with TLS on the product's own host name: the
# official libraries for Node, C# and Python, the command line, and curl. Then requests of the form of those for Go, Java, PHP and Ruby.
# The host name and the port belong to this story alone, because it runs in namespaces of its own for mounts and the network.
set -euo pipefail
cd "$(dirname "$0")/.."
# PostgreSQL starts outside of the namespaces, in which a user may be root without its rights.
# shellcheck source=.ci/store.sh
source .ci/store.sh
if [[ ${1-} != inside ]]; then
  if unshare --mount --net true 2>/dev/null; then exec unshare --mount --net bash "$0" inside; fi
  exec unshare --user --map-root-user --mount --net bash "$0" inside
fi

# shellcheck source=tests/clients/buf-curl/tap.sh
source tests/clients/buf-curl/tap.sh
# shellcheck source=tests/clients/buf-curl/presence.sh
source tests/clients/buf-curl/presence.sh

ip link set lo up
# shellcheck source=.ci/server.sh
source .ci/server.sh

readonly host=conversations.twilio.com
port=443
# shellcheck disable=SC2034  # presence.sh reads it.
address=$host:$port
sid=IS0123456789abcdef0123456789abcdef
users=https://$host/v1/Services/$sid/Users
samples=tests/clients/official/samples
configuration=presence.v1.ConfigurationService
# How long, in seconds, one client may take.
readonly client_patience=60

printf '127.0.0.1 localhost %s\n' "$host" >"$scratch/hosts"
mount --bind "$scratch/hosts" /etc/hosts

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj '/CN=The authority of the story' \
  -keyout "$scratch/ca.key" -out "$scratch/ca.pem" 2>"$scratch/complaints"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -CA "$scratch/ca.pem" -CAkey "$scratch/ca.key" \
  -subj "/CN=$host" -addext "subjectAltName=DNS:$host" -addext extendedKeyUsage=serverAuth -addext basicConstraints=critical,CA:FALSE \
  -keyout "$scratch/server.key" -out "$scratch/server.pem" 2>"$scratch/complaints"

TWILIO_ACCOUNT_SID=AC0123456789abcdef0123456789abcdef
TWILIO_AUTH_TOKEN=$(openssl rand -hex 16)
export TWILIO_ACCOUNT_SID TWILIO_AUTH_TOKEN
# The only authority that this story's programs trust. Node and .NET read it from the environment, and the others from the system's file.
export NODE_EXTRA_CA_CERTS=$scratch/ca.pem SSL_CERT_FILE=$scratch/ca.pem
mount --bind "$scratch/ca.pem" /etc/ssl/certs/ca-certificates.crt
export NODE_PATH=$PWD/tests/clients/node/node_modules PATH=$PWD/tests/clients/cli/node_modules/.bin:$PATH
# The command line keeps its settings in the home folder.
export HOME=$scratch

# with_sid FILE: prints the sample with the only change that its user makes.
with_sid() { sed "s/ISX\{32\}/$sid/" "$samples/$1"; }

# switches_on COMMAND...: runs a sample, whose effect is that reachability is on.
switches_on() {
  call $configuration/UpdateConfiguration "{\"configuration\": {\"serviceSid\": \"$sid\"}, \"updateMask\": \"reachabilityEnabled\"}" \
    >"$scratch/reply"
  timeout "$client_patience" "$@" >"$scratch/told" 2>"$scratch/complaints" || {
    cat "$scratch/complaints" >&2
    return 1
  }
  grep -q "$sid" "$scratch/told"
  equal "$(call $configuration/GetConfiguration "{\"serviceSid\": \"$sid\"}" | jq -r .configuration.reachabilityEnabled)" true
}

# request OPTION...: a request without Accept, as Go and Java send it. Sets status and body.
request() {
  status=$(curl -sS -m "$patience" --http1.1 -u "$TWILIO_ACCOUNT_SID:$TWILIO_AUTH_TOKEN" -H 'Accept:' \
    -o "$scratch/body" -w '%{http_code}' "$@")
  body=$(<"$scratch/body")
}

step 'the server starts on the host name of the product'
trust "$scratch/ca.pem"
present "$(basic "$TWILIO_ACCOUNT_SID:$TWILIO_AUTH_TOKEN")"
start_server env "Presence__AuthToken=$TWILIO_AUTH_TOKEN" dotnet artifacts/bin/GrpcPresence.Server/debug/GrpcPresence.Server.dll \
  --account-sid "$TWILIO_ACCOUNT_SID" --tls-certificate "$scratch/server.pem" --tls-key "$scratch/server.key"
call $configuration/CreateServiceInstance "{\"serviceSid\": \"$sid\", \"friendlyName\": \"Samples\"}" >"$scratch/reply"

step 'the sample for Node'
with_sid node.cjs >"$scratch/node.cjs"
switches_on node "$scratch/node.cjs"

step 'the sample for Python'
with_sid python.py >"$scratch/python.py"
switches_on /usr/bin/python3 "$scratch/python.py"

step 'the sample for C#'
# The SID has the length of its placeholder, so the compiled sample can be given it as an editor gives it to the source.
cp -r artifacts/bin/GrpcPresence.Twilio.Sample/debug "$scratch/sample"
SID=$sid node -e 'const fs = require("node:fs"), [, file] = process.argv, bytes = fs.readFileSync(file);
  const at = bytes.indexOf(Buffer.from("IS" + "X".repeat(32), "utf16le"));
  bytes.write(process.env.SID, at, "utf16le");
  fs.writeFileSync(file, bytes);' "$scratch/sample/GrpcPresence.Twilio.Sample.dll"
switches_on dotnet "$scratch/sample/GrpcPresence.Twilio.Sample.dll"

step 'the sample for the command line'
with_sid cli.sh >"$scratch/cli.sh"
switches_on bash "$scratch/cli.sh"

step 'the sample for curl'
with_sid curl.sh >"$scratch/curl.sh"
switches_on bash "$scratch/curl.sh"

step 'Node: identities in paths, pages in both directions, and errors'
timeout "$client_patience" node tests/clients/official/checks.cjs "$sid"

step 'Python: identities in paths, pages in both directions, and errors'
timeout "$client_patience" /usr/bin/python3 tests/clients/official/checks.py "$sid"

step 'a request of the form of Go and Java, without Accept, reads a user named Updates'
request "$users" --data-urlencode 'Identity=Updates'
equal "$status" 201
request "$users/Updates"
equal "$status $(jq -r .identity <<<"$body")" '200 Updates'

step 'identities that PHP, Java and the command line encode by themselves'
for pair in 'a b=a%20b' 'a/b=a%2Fb' '50%=50%25' 'ü=%C3%BC' 'a+b=a%2Bb'; do
  request "$users" --data-urlencode "Identity=${pair%%=*}"
  equal "$status" 201
  request "$users/${pair#*=}"
  equal "$status $(jq -r .identity <<<"$body")" "200 ${pair%%=*}"
done

step 'the command line names a user as it is'
timeout "$client_patience" twilio api:conversations:v1:services:users:fetch --chat-service-sid "$sid" --sid 'a b' -o json >"$scratch/told"
equal "$(jq -r '.[].identity' "$scratch/told")" 'a b'

step 'pages as PHP and Ruby ask for them: Page=0 first, and then in both directions'
request "$users?PageSize=2&Page=0"
equal "$status" 200
first=$(jq -c '[.users[].sid]' <<<"$body")
request "$(jq -r .meta.next_page_url <<<"$body")"
equal "$(jq -r .meta.page <<<"$body")" 1
request "$(jq -r .meta.previous_page_url <<<"$body")"
equal "$(jq -c '[.users[].sid]' <<<"$body")" "$first"
request "$users?Page=1"
equal "$status $(jq -r '"\(.code) \(.message)"' <<<"$body")" '400 20001 PageToken is required for paging.'

step 'curl -I reads the headers over HTTP/2'
curl -sSI -m "$patience" --http2 -u "$TWILIO_ACCOUNT_SID:$TWILIO_AUTH_TOKEN" "$users" >"$scratch/head"
grep -q '^HTTP/2 200' "$scratch/head"

step 'the server stops'
stop_server
the_end
