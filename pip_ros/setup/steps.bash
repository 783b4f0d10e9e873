# Long steps: one at a time, with progress, a log, a reason when they fail, and a stamp only when they are whole.
# Expects: dot_ros.

say() { printf '\033[1m%s\033[0m\n' "$*" >&2; }
[[ -t 2 ]] || say() { printf '%s\n' "$*" >&2; }

fail() {
  say "run: $1"
  shift
  (($# == 0)) || printf '     %s\n' "$@" >&2
  exit 1
}

# Only one ./run builds at a time; the others wait here. release_lock comes before the command itself: it may run for
# hours.
take_lock() {
  mkdir -p "$dot_ros/log" "$dot_ros/stamps"
  touch "$dot_ros/COLCON_IGNORE"
  exec 9>"$dot_ros/lock"
  flock --nonblock 9 && return
  say "Another ./run is preparing the environment; waiting for it."
  flock 9
}
release_lock() { exec 9>&-; }

# A stamp holds the digest of what a step was made from. It goes before the step and comes back after it, so that an
# interrupted step is never taken for a finished one.
is_fresh() { [[ -f $dot_ros/stamps/$1 && $(<"$dot_ros/stamps/$1") == "$2" ]]; }
forget() { rm -f "$dot_ros/stamps/$1"; }
remember() { printf '%s\n' "$2" >"$dot_ros/stamps/$1"; }

digest() { sha256sum | cut -d' ' -f1; }

# step TITLE LOG ADVICE COMMAND...: runs COMMAND with its output in .ros/log/LOG.log.
step() {
  local title=$1 log=$dot_ros/log/$2.log advice=$3 started=$SECONDS code=0
  shift 3
  say "$title ..."
  # Some commands are killed by Ctrl-C, others tidy up and exit with a code of their own, as after a failure.
  trap 'stop_interrupted "$title"' INT
  show_progress "$log" "$started" 9>&- &
  ticker=$!
  # In the foreground, so that Ctrl-C reaches it; with the lock, so that it keeps others out even if this shell is
  # killed.
  "$@" >"$log" 2>&1 </dev/null || code=$?
  stop_ticker
  trap - INT
  ((code == 0)) || fail_with_log "failed after $((SECONDS - started)) s (exit code $code): $title" "$log" "$advice"
  say "  done in $((SECONDS - started)) s"
}

stop_interrupted() {
  stop_ticker
  say "run: interrupted: $1"
  printf '     %s\n' "Start again: what was whole is kept, this step is made anew." >&2
  exit 130
}

fail_with_log() {
  printf '\n--- the last lines of %s ---\n' "$2" >&2
  tail -n 25 "$2" >&2
  printf -- '---\n' >&2
  fail "$1" "$3"
}

# On a terminal: seconds and the newest line of the log, rewritten every second. Elsewhere: a line every 20 s.
show_progress() {
  local log=$1 started=$2 width line nothing pause=20
  [[ ! -t 2 ]] || pause=1
  width=$(tput cols 2>/dev/null || echo 80)
  # A read that nothing answers is a sleep that needs no process, so that none is left behind.
  exec {nothing}<> <(:)
  while ! read -rt "$pause" -u "$nothing"; do
    if [[ -t 2 ]]; then
      line=$(tail -n 1 "$log" 2>/dev/null | tr -cd '[:print:]')
      printf '\r\033[K  %d s  %s' "$((SECONDS - started))" "${line:0:width-12}" >&2
    else
      printf '  %d s\n' "$((SECONDS - started))" >&2
    fi
  done
}

ticker=
stop_ticker() {
  [[ -n $ticker ]] || return 0
  kill "$ticker" 2>/dev/null || true
  wait "$ticker" 2>/dev/null || true
  ticker=
  [[ ! -t 2 ]] || printf '\r\033[K' >&2
}
trap stop_ticker EXIT
