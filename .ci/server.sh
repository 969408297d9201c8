# Starts and ends the server that was built; to be sourced by a story, after store.sh.
# shellcheck shell=bash
# shellcheck disable=SC2154  # patience and scratch are those of presence.sh.

# How long, in seconds, the server may take until it serves, and until it is gone.
readonly start_patience=30
readonly stop_patience=5

# free_port: prints a port on which no program listens.
free_port() {
  node -e 'const s = require("node:net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })'
}

use_store "$scratch"

port=$(free_port)
# shellcheck disable=SC2034  # presence.sh reads it.
address=127.0.0.1:$port
# Two servers of one machine could not share the usual one; a story about it sets a port of its own before it starts the server.
rest_port=off

# Where a page is served that may call the server from a browser; a story that has one names it in AllowedOrigins.
# shellcheck disable=SC2034  # a story reads it.
page_origin=http://127.0.0.1:$(free_port)

# Clients would ask a proxy for this machine too.
export no_proxy=127.0.0.1,localhost NO_PROXY=127.0.0.1,localhost

# start_server COMMAND...: starts the server on the story's ports, and waits until its health says SERVING.
start_server() {
  local give_up=$((SECONDS + start_patience))
  # In a process group of its own, whose id is that of the process: what it starts can be ended with it.
  setsid "$@" --port "$port" --rest-port "$rest_port" "${store[@]}" >>"$scratch/server.log" 2>&1 </dev/null &
  server=$!
  until is_serving; do
    if ! kill -0 "$server" 2>/dev/null; then
      say 'the server ended before it served'
      return 1
    fi
    if ((SECONDS > give_up)); then
      say "within $start_patience s the server did not serve: $(cat "$scratch/health")"
      return 1
    fi
    sleep 0.2
  done
}

is_serving() {
  [[ $(call grpc.health.v1.Health/Check '{"service": "presence.v1.UserService"}' 2>"$scratch/health" | jq -r .status) == SERVING ]]
}

# kill_server: as a power cut does.
kill_server() {
  kill -KILL -- "-$server"
  wait "$server" 2>/dev/null || true
  server=''
}

# stop_server: asks the server to stop, which it must do in time and with exit code 0.
stop_server() {
  local status=0 give_up=$((SECONDS + stop_patience))
  kill -TERM "$server"
  while kill -0 "$server" 2>/dev/null; do
    if ((SECONDS > give_up)); then
      say "within $stop_patience s the server did not stop"
      return 1
    fi
    sleep 0.1
  done
  wait "$server" || status=$?
  server=''
  if ((status != 0)); then say "the server stopped with exit code $status"; fi
  return "$status"
}

# Shows what the server said when the story went wrong, and leaves nothing running.
clean_up() {
  if [[ -n $current ]]; then tail -n 40 "$scratch/server.log" 2>/dev/null || true; fi
  if [[ -n ${server-} ]]; then kill -KILL -- "-$server" 2>/dev/null || true; fi
  forget_everything
}
