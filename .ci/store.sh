# Selects the store of a story. Source this file before the others, because it may start the story again:
#   bash .ci/server-story.sh
#   STORY_STORE=postgres bash .ci/server-story.sh
# The second one gets a PostgreSQL server of its own, whose connection string is in STORY_CONNECTION.
# shellcheck shell=bash

if [[ ${STORY_STORE-} == postgres && -z ${STORY_CONNECTION-} ]]; then exec node .ci/on-postgres.mjs bash ".ci/$(basename "$0")" "$@"; fi

# use_store FOLDER: stores in the array store the options of a server or command whose files are in the folder.
use_store() {
  if [[ -n ${STORY_CONNECTION-} ]]; then
    store=(--postgres "$STORY_CONNECTION" --secret-file "$1/presence.secret" --admin-socket "$1/presence.sock")
  else
    # shellcheck disable=SC2034  # stories read it.
    store=(--database "$1/presence.db")
  fi
}
