# Runs a story step by step and prints it in the Test Anything Protocol. Source this file. A step is printed when the next one begins, or
# when a command of it fails.
# shellcheck shell=bash

completed=0
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
  completed=$((completed + 1))
}

the_end() {
  finish_step
  printf '1..%d\n' "$completed"
  over=yes
}

# Runs when the story ends, whether it succeeded or not. The story defines clean_up.
close_story() {
  if [[ -z $over ]]; then printf 'not ok - %s\n' "${current:-the story itself}"; fi
  clean_up
}
trap close_story EXIT
