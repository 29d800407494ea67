# Kafka: one broker (KRaft) with a plain listener and a secured one (TLS, client certificate, SCRAM).
# shellcheck shell=bash

kafka_username=userstream
kafka_password=rig-secret

kafka_ports() {
  local ports=$rig_dir/kafka/ports
  if [ ! -f "$ports" ]; then
    mkdir -p "$rig_dir/kafka"
    echo "port=$(preferred_port 9092) pods_port=$(free_port) secure_port=$(free_port) secure_pods_port=$(free_port) controller_port=$(free_port)" >"$ports"
  fi
  cat "$ports"
}

# The log is new for each start, so that its lines are from this start alone.
kafka_is_ready() {
  grep -q 'Kafka Server started' "$rig_dir/kafka/log" &&
    answers "$1" '\0\0\0\x0a\0\x12\0\0\0\0\0\x01\xff\xff' # ApiVersions, version 0
}

start_kafka() {
  pid_of kafka >/dev/null && return
  local folder=$rig_dir/kafka lib port pods_port secure_port secure_pods_port controller_port
  lib=$(jars kafka)
  ensure_certificates
  eval "$(kafka_ports)"
  sed -e "s#@PORT@#$port#g; s#@PODS_PORT@#$pods_port#g; s#@SECURE_PORT@#$secure_port#g; s#@CONTROLLER_PORT@#$controller_port#g" \
    -e "s#@SECURE_PODS_PORT@#$secure_pods_port#g; s#@DATA@#$folder/data#; s#@CERTIFICATES@#$certificates#; s#@USERNAME@#$kafka_username#" \
    -e "s#@PODS_ADDRESS@#$pods_address#g" "$here/kafka/server.properties" >"$folder/server.properties"
  local java
  java=("$(java_17)" "-Dlog4j2.configurationFile=$here/kafka/log4j2.properties" -cp "$lib/*")
  if [ ! -f "$folder/data/meta.properties" ]; then
    "${java[@]}" -XX:TieredStopAtLevel=1 -XX:+UseSerialGC kafka.tools.StorageTool format --standalone \
      -t MkU3OEVBNTcwNTJENDM2Qg -c "$folder/server.properties" \
      --add-scram "SCRAM-SHA-512=[name=$kafka_username,password=$kafka_password]" >"$folder/format.log" 2>&1 ||
      { cat "$folder/format.log" >&2; fail "Kafka's storage could not be formatted"; }
  fi
  [ ! -f "$folder/log" ] || mv "$folder/log" "$folder/log.$(date +%s%N)"
  launch kafka "${java[@]:0:1}" "${jit[@]}" -Xms512m -Xmx512m -XX:+UseG1GC -XX:+ExitOnOutOfMemoryError \
    "${java[@]:1}" kafka.Kafka "$folder/server.properties"
  await_answer kafka 60 kafka_is_ready "$port"
}

kafka_env() {
  local port pods_port secure_port secure_pods_port controller_port
  eval "$(kafka_ports)"
  echo "RIG_KAFKA=127.0.0.1:$port"
  echo "RIG_KAFKA_PODS=host.rig.local:$pods_port"
  echo "RIG_KAFKA_SECURE=127.0.0.1:$secure_port"
  echo "RIG_KAFKA_SECURE_PODS=host.rig.local:$secure_pods_port"
  echo "RIG_KAFKA_USERNAME=$kafka_username"
  echo "RIG_KAFKA_PASSWORD=$kafka_password"
}

# kafka_tool CLASS ARGS...: runs a class of org.apache.kafka.tools, or a fully qualified one, against the plain listener.
kafka_tool() {
  local class=$1 port pods_port secure_port secure_pods_port controller_port lib
  shift
  case $class in *.*) ;; *) class=org.apache.kafka.tools.$class ;; esac
  lib=$(jars kafka)
  eval "$(kafka_ports)"
  "$(java_17)" -Xmx128m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Dlog4j2.level=warn -cp "$lib/*" "$class" \
    --bootstrap-server "127.0.0.1:$port" "$@"
}
