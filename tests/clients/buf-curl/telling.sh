# Tells a story step by step, in the lines of the Test Anything Protocol; to be sourced. A step is told when
# the next one begins, or when the story dies of the first command that fails.
# shellcheck shell=bash

told=0
current=''
over=''

step() {
  finish_step
  current=$1
}

finish_step() {
  [[ -z $current ]] && return
  printf 'ok - %s\n' "$current"
  current=''
  told=$((told + 1))
}

the_end() {
  finish_step
  printf '1..%d\n' "$told"
  over=yes
}

# When the story ends, well or not. clean_up is the story's own.
close_story() {
  if [[ -z $over ]]; then printf 'not ok - %s\n' "${current:-the story itself}"; fi
  clean_up
}
trap close_story EXIT
