# Ports: chosen once and stored in the server's folder, so that a restarted server keeps its address.
# shellcheck shell=bash

# Below the kernel's ephemeral range: no outgoing connection can occupy the port of a stopped server.
free_port() {
  local port
  for _ in $(seq 200); do
    port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
  done
  fail "no free port between 20000 and 32000"
}

# preferred_port PORT: prints PORT if it is free, or else another free port.
preferred_port() {
  if [ -z "${USERSTREAM_RIG_FREE_PORTS:-}" ] && ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then
    echo "$1"
  else
    free_port
  fi
}
