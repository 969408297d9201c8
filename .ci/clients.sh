# Runs the stories of clients side by side, and prints their results. Source this file.
# shellcheck shell=bash
# shellcheck disable=SC2154  # scratch is that of presence.sh, address that of server.sh, completed that of tap.sh.

clients=()
running=()
failed_clients=0

# run_client CLIENT COMMAND...: starts the story of a client, beside those that were started before.
run_client() {
  local file=$scratch/client-${#clients[@]}
  clients+=("$1")
  timeout 60 "${@:2}" "$address" >"$file.out" 2>"$file.complaints" &
  running+=($!)
}

# report_clients: waits for all clients, and prints their results. One that fails does not stop the others, but must report it.
report_clients() {
  local i client file status
  for i in "${!clients[@]}"; do
    client=${clients[i]} file=$scratch/client-$i status=0
    wait "${running[i]}" || status=$?
    sed -nE "s/^(not )?ok - /&$client /p" "$file.out"
    completed=$((completed + $(grep -cE '^(not )?ok - ' "$file.out" || true)))
    if ((status == 0)) && [[ $(tail -n 1 "$file.out") == "1..$(grep -c '^ok - ' "$file.out")" ]]; then continue; fi
    failed_clients=$((failed_clients + 1))
    cat "$file.complaints"
    if ! grep -q '^not ok - ' "$file.out"; then
      printf 'not ok - %s did not complete its story\n' "$client"
      completed=$((completed + 1))
    fi
  done
}
