# Processes of the rig: started detached, and stopped only by the pid in their pid file.
# shellcheck shell=bash

fail() { echo "rig: $*" >&2; exit 1; }

# The current time in milliseconds.
now_ms() { echo $(($(date +%s%N) / 1000000)); }

# pid_of SERVER: prints the pid of a running server of this rig; fails if it does not run. The kernel may have reused the pid
# for another program, so the command line must contain this rig's directory.
pid_of() {
  local pid
  pid=$(cat "$rig_dir/$1/pid" 2>/dev/null) || return 1
  { tr '\0' ' ' <"/proc/$pid/cmdline"; } 2>/dev/null | grep -qF "$rig_dir/$1/" && echo "$pid"
}

# The JVM's optimising compiler takes half of the CPU of a short-lived server, and pays off after a million rows. Tests
# disable it, benchmarks enable it.
# shellcheck disable=SC2034 # the servers read it
jit=(-XX:TieredStopAtLevel=1)
[ -z "${USERSTREAM_RIG_FULL_JIT:-}" ] || jit=()

# Cassandra 5 runs on Java 17 and not on newer versions; Kafka runs on either.
java_17() {
  local candidate
  for candidate in "${JAVA_HOME:-}/bin/java" "$(command -v java)" /usr/lib/jvm/*17*/bin/java; do
    if [ -x "$candidate" ] && "$candidate" -version 2>&1 | grep -q '"17\.'; then
      echo "$candidate"
      return
    fi
  done
  fail "Java 17 is not installed (Debian: apt-get install openjdk-17-jre-headless)"
}

# launch SERVER COMMAND...: starts COMMAND in a new session, so that a Ctrl-C for the tests does not reach it.
launch() {
  local server=$1
  shift
  setsid nohup "$@" >>"$rig_dir/$server/log" 2>&1 </dev/null &
  echo $! >"$rig_dir/$server/pid"
  # Otherwise the shell prints a message when the server is killed.
  disown $!
}

# await_answer SERVER SECONDS CONDITION...: polls CONDITION until it holds; on a timeout prints the server's log and fails.
await_answer() {
  local server=$1 deadline=$(($(now_ms) + $2 * 1000)) started
  shift 2
  started=$(now_ms)
  until "$@" >/dev/null 2>&1; do
    pid_of "$server" >/dev/null || { tail -30 "$rig_dir/$server/log" >&2; fail "$server ended while starting"; }
    [ "$(now_ms)" -lt "$deadline" ] || { tail -30 "$rig_dir/$server/log" >&2; fail "$server does not answer"; }
    sleep 0.05 # sleep-ok: interval of a poll with a deadline
  done
  echo "rig: $server answers after $(($(now_ms) - started)) ms" >&2
}

# answers PORT BYTES [HOST]: whether a server on PORT replies to the request BYTES (printf escapes).
answers() {
  local reply
  reply=$( { exec 3<>"/dev/tcp/${3:-127.0.0.1}/$1" && printf '%b' "$2" >&3 && timeout 2 head -c 4 <&3 | wc -c; } 2>/dev/null) || return 1
  [ "$reply" = 4 ]
}

signal_process() {
  local pid
  pid=$(pid_of "$1") || fail "$1 is not running"
  kill "-$2" "$pid"
}

# await_end SERVER SECONDS: waits until the server has exited.
await_end() {
  local deadline=$(($(now_ms) + $2 * 1000))
  while pid_of "$1" >/dev/null; do
    [ "$(now_ms)" -lt "$deadline" ] || return 1
    sleep 0.05 # sleep-ok: interval of a poll with a deadline
  done
}

stop_process() {
  local pid
  pid=$(pid_of "$1") || return 0
  kill -CONT "$pid"
  kill -TERM "$pid"
  await_end "$1" 20 || { kill -KILL "$pid"; await_end "$1" 10; }
  rm -f "$rig_dir/$1/pid"
}

# kill_process SERVER: kills a server whose state is discarded with it.
kill_process() {
  local pid
  pid=$(pid_of "$1") || return 0
  kill -KILL "$pid"
  await_end "$1" 10
  rm -f "$rig_dir/$1/pid"
}

# await_foreign_end PID: waits until a process that is not a child of this shell has exited.
await_foreign_end() { tail --pid="$1" -f /dev/null; }
