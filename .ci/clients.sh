# Has clients tell their stories, side by side, and passes on what they tell; to be sourced by a story.
# shellcheck shell=bash
# shellcheck disable=SC2154  # scratch is that of presence.sh, address that of server.sh, told that of telling.sh.

clients=()
tellers=()
failed_clients=0

# tell CLIENT COMMAND...: starts a client's story, beside those that were started before.
tell() {
  local file=$scratch/client-${#clients[@]}
  clients+=("$1")
  timeout 60 "${@:2}" "$address" >"$file.told" 2>"$file.complaints" &
  tellers+=($!)
}

# hear: passes on what each client told. One that fails does not keep the others from telling, but it must say so.
hear() {
  local i client file status
  for i in "${!clients[@]}"; do
    client=${clients[i]} file=$scratch/client-$i status=0
    wait "${tellers[i]}" || status=$?
    sed -nE "s/^(not )?ok - /&$client /p" "$file.told"
    told=$((told + $(grep -cE '^(not )?ok - ' "$file.told" || true)))
    if ((status == 0)) && [[ $(tail -n 1 "$file.told") == "1..$(grep -c '^ok - ' "$file.told")" ]]; then continue; fi
    failed_clients=$((failed_clients + 1))
    cat "$file.complaints"
    if ! grep -q '^not ok - ' "$file.told"; then
      printf 'not ok - %s did not tell its story to the end\n' "$client"
      told=$((told + 1))
    fi
  done
}
