# Cassandra: single nodes; `cassandra` is open, `cassandra-secure` requires TLS and a password.
# shellcheck shell=bash

cassandra_ports() {
  local ports=$rig_dir/$1/ports port
  if [ ! -f "$ports" ]; then
    mkdir -p "$rig_dir/$1"
    if [ "$1" = cassandra ]; then port=$(preferred_port 9042); else port=$(free_port); fi
    echo "port=$port storage_port=$(free_port)" >"$ports"
  fi
  cat "$ports"
}

cassandra_is_ready() {
  grep -q 'Starting listening for CQL clients' "$rig_dir/$1/log" || return 1
  # A node with TLS does not answer a plain request, so the log line has to suffice.
  [ "$1" = cassandra-secure ] || answers "$2" '\x04\0\0\0\x05\0\0\0\0' "$pods_address" # OPTIONS, native protocol 4
}

start_cassandra() {
  pid_of "$1" >/dev/null && return
  local folder=$rig_dir/$1 java lib port storage_port tls=false authenticator=AllowAllAuthenticator authorizer=AllowAllAuthorizer
  java=$(java_17)
  lib=$(jars cassandra)
  eval "$(cassandra_ports "$1")"
  ensure_certificates
  if [ "$1" = cassandra-secure ]; then
    tls=true authenticator=PasswordAuthenticator authorizer=CassandraAuthorizer
  fi
  # A killed node must keep the writes that it has acknowledged. With the default it loses up to ten seconds of them, which a
  # ring recovers from other replicas. Benchmarks use the default.
  local commitlog='commitlog_sync: batch'
  [ -z "${USERSTREAM_RIG_FULL_JIT:-}" ] || commitlog='commitlog_sync: periodic\ncommitlog_sync_period: 10000ms'
  mkdir -p "$folder/data"
  sed -e "s#@PORT@#$port#; s#@STORAGE_PORT@#$storage_port#; s#@DATA@#$folder/data#; s#@CERTIFICATES@#$certificates#" \
    -e "s#@ADDRESS@#$pods_address#; s#@CLIENT_ADDRESS@#${USERSTREAM_RIG_CLIENT_ADDRESS:-$pods_address}#; s#@COMMITLOG@#$commitlog#" \
    -e "s#@TLS@#$tls#; s#@AUTHENTICATOR@#$authenticator#; s#@AUTHORIZER@#$authorizer#" \
    "$here/cassandra/cassandra.yaml" >"$folder/cassandra.yaml"
  [ ! -f "$folder/log" ] || mv "$folder/log" "$folder/log.$(date +%s%N)"
  # The disabled waits for gossip, for the ring and before the first role only matter to a ring of many nodes. A single node
  # would spend 40 s in them.
  launch "$1" "$java" "@$here/cassandra/jvm17.args" "${jit[@]}" -Xms1g -Xmx1g -Xss256k -XX:+UseG1GC \
    -XX:+ParallelRefProcEnabled -XX:+ExitOnOutOfMemoryError -XX:+PerfDisableSharedMem -XX:MaxDirectMemorySize=1g \
    "-Dcassandra.config=file://$folder/cassandra.yaml" "-Dcassandra.storagedir=$folder/data" \
    "-Dlogback.configurationFile=$here/cassandra/logback.xml" -Dcassandra.libjemalloc=- \
    -Dcassandra.skip_wait_for_gossip_to_settle=0 -Dcassandra.ring_delay_ms=0 -Dcassandra.load_ring_state=false \
    -Dcassandra.superuser_setup_delay_ms=0 -Dcassandra-foreground=yes \
    -cp "$lib/*" org.apache.cassandra.service.CassandraDaemon
  await_answer "$1" 120 cassandra_is_ready "$1" "$port"
}

cassandra_env() {
  local port storage_port prefix=RIG_CASSANDRA
  eval "$(cassandra_ports "$1")"
  [ "$1" = cassandra ] || prefix=RIG_CASSANDRA_SECURE
  echo "$prefix=$pods_address:$port"
}
