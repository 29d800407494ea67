# The control plane: etcd, the API server, the controllers and the scheduler.
# shellcheck shell=bash

# The network of Services, and the address of the API server in it.
service_network=10.96.0.0/16
kubernetes_service=10.96.0.1

# api_address: prints the address of the API server, as HOST:PORT.
api_address() { cat "$rig_dir/kube-apiserver/address"; }

# start_api_server HOST: starts etcd and the API server on HOST, and writes an administrator's kubeconfig into the rig's
# directory.
start_api_server() {
  local host=$1
  pid_of kube-apiserver >/dev/null && return
  start_etcd
  issue_cluster_certificates "$host"
  local folder=$rig_dir/kube-apiserver port
  mkdir -p "$folder"
  # A restarted server keeps its address, so that clients can reconnect.
  [ -f "$folder/address" ] || echo "$host:$(free_port)" >"$folder/address"
  port=$(api_address)
  port=${port##*:}
  fresh_log kube-apiserver
  write_kubeconfig
  # Pods cannot reach loopback, so the API server on it publishes no endpoint.
  local endpoints=(--advertise-address="$host")
  [ "$host" != 127.0.0.1 ] || endpoints=(--endpoint-reconciler-type=none)
  launch kube-apiserver "$(programs)/kube-apiserver" --etcd-servers="http://$(cat "$rig_dir/etcd/address")" \
    --bind-address="$host" "${endpoints[@]}" --secure-port="$port" --service-cluster-ip-range=$service_network \
    --cert-dir="$folder/data" --client-ca-file="$certificates/ca.pem" \
    --tls-cert-file="$certificates/kube-apiserver.pem" --tls-private-key-file="$certificates/kube-apiserver.key" \
    --kubelet-client-certificate="$certificates/admin.pem" --kubelet-client-key="$certificates/admin.key" \
    --kubelet-certificate-authority="$certificates/ca.pem" --kubelet-preferred-address-types=InternalIP \
    --service-account-issuer=https://kubernetes.default.svc.cluster.local \
    --service-account-signing-key-file="$certificates/service-accounts.key" \
    --service-account-key-file="$certificates/service-accounts.key" \
    --audit-policy-file="$here/kubernetes/audit.yaml" --audit-log-path="$folder/audit.log" \
    --authorization-mode=Node,RBAC --allow-privileged=true --profiling=false
  await_answer kube-apiserver 60 kubectl get --raw=/readyz
}

# The state is discarded with the cluster, so etcd does not sync it to disk, which makes it start in seconds.
start_etcd() {
  pid_of etcd >/dev/null && return
  local folder=$rig_dir/etcd client peer
  mkdir -p "$folder"
  [ -f "$folder/address" ] || echo "127.0.0.1:$(free_port)" >"$folder/address"
  client=http://$(cat "$folder/address")
  peer=http://127.0.0.1:$(free_port)
  fresh_log etcd
  launch etcd "$(programs)/etcd" --name rig --data-dir "$folder/data" --unsafe-no-fsync --log-level warn \
    --listen-client-urls "$client" --advertise-client-urls "$client" --listen-peer-urls "$peer" \
    --initial-advertise-peer-urls "$peer" --initial-cluster "rig=$peer"
}

# Starts the controllers and the scheduler. Their ports serve only metrics, which the rig does not read.
start_controllers() {
  local program
  for program in kube-controller-manager kube-scheduler; do
    pid_of $program >/dev/null && continue
    mkdir -p "$rig_dir/$program"
    cp "$rig_dir/kubeconfig" "$rig_dir/$program/kubeconfig"
    fresh_log $program
  done
  pid_of kube-controller-manager >/dev/null || launch kube-controller-manager "$(programs)/kube-controller-manager" \
    --kubeconfig="$rig_dir/kube-controller-manager/kubeconfig" --leader-elect=false --secure-port=0 \
    --service-account-private-key-file="$certificates/service-accounts.key" --root-ca-file="$certificates/ca.pem" \
    --cluster-signing-cert-file="$certificates/ca.pem" --cluster-signing-key-file="$certificates/ca.key"
  pid_of kube-scheduler >/dev/null || launch kube-scheduler "$(programs)/kube-scheduler" \
    --kubeconfig="$rig_dir/kube-scheduler/kubeconfig" --leader-elect=false --secure-port=0
}

# Starts a new log file, so that its lines are from this start alone.
fresh_log() { [ ! -f "$rig_dir/$1/log" ] || mv "$rig_dir/$1/log" "$rig_dir/$1/log.$(date +%s%N)"; }

# Issues the certificates of one authority. All components use the administrator's client certificate.
issue_cluster_certificates() {
  [ ! -f "$certificates/cluster" ] || return 0
  local names=IP:$1,IP:127.0.0.1,IP:$kubernetes_service,DNS:localhost,DNS:kubernetes,DNS:kubernetes.default
  issue_certificate kube-apiserver /CN=kube-apiserver "$names,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local"
  issue_certificate kubelet /CN=rig "IP:$1,DNS:rig"
  issue_certificate admin /O=system:masters/CN=admin
  openssl ecparam -name prime256v1 -genkey -noout -out "$certificates/service-accounts.key"
  touch "$certificates/cluster"
}

write_kubeconfig() {
  local inline=(base64 -w0)
  (
    umask 077
    cat >"$rig_dir/kubeconfig" <<YAML
apiVersion: v1
kind: Config
current-context: rig
contexts: [{name: rig, context: {cluster: rig, user: admin}}]
clusters:
  - name: rig
    cluster: {server: "https://$(api_address)", certificate-authority-data: $("${inline[@]}" "$certificates/ca.pem")}
users:
  - name: admin
    user:
      client-certificate-data: $("${inline[@]}" "$certificates/admin.pem")
      client-key-data: $("${inline[@]}" "$certificates/admin.key")
YAML
  )
}

# kubectl ARGS...: kubectl as the administrator of this cluster, with its cache in the rig's directory.
kubectl() { KUBECONFIG=$rig_dir/kubeconfig KUBECACHEDIR=$rig_dir/kubectl "$(programs)/kubectl" "$@"; }

helm() {
  KUBECONFIG=$rig_dir/kubeconfig HELM_CACHE_HOME=$rig_dir/helm/cache HELM_CONFIG_HOME=$rig_dir/helm/config \
    HELM_DATA_HOME=$rig_dir/helm/data "$(programs)/helm" "$@"
}
