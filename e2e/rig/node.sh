# The node: containerd, kubelet, kube-proxy and CoreDNS as local processes. It requires root. Its bridge, pod network and
# cgroup are global to the machine, so there is one node at a time.
# shellcheck shell=bash

runtime=/run/userstream-cluster # short: the path of a Unix socket has at most 107 characters
bridge=userstream0
pod_network=10.244.0.0/24
node_address=10.244.0.1 # the bridge's: of the API server, the kubelet, DNS, and of the machine for pods
first_pod_address=10.244.0.10
node_settings=(net.ipv4.ip_forward net.bridge.bridge-nf-call-iptables vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops)

# node_obstacle: prints why this machine cannot run a node, such as a container without privileges; nothing if it can.
node_obstacle() {
  local probe program cgroup
  [ "$(id -u)" = 0 ] || { echo "a node needs root"; return; }
  for program in containerd runc nft ip python3 cc; do
    command -v $program >/dev/null || { echo "a node needs $program"; return; }
  done
  [ -x /usr/lib/cni/bridge ] || { echo "a node needs the CNI plugins in /usr/lib/cni"; return; }
  ip link add us-probe type bridge 2>/dev/null || { echo "this machine may not make a network bridge"; return; }
  ip link delete us-probe
  unshare --mount --net --pid --fork true 2>/dev/null || { echo "this machine may not make namespaces"; return; }
  nft add table ip userstream-probe 2>/dev/null || { echo "this machine may not write nftables' rules"; return; }
  nft delete table ip userstream-probe
  cgroup=/sys/fs/cgroup
  [ -f $cgroup/cgroup.controllers ] || cgroup=/sys/fs/cgroup/memory
  mkdir $cgroup/userstream-probe 2>/dev/null || { echo "this machine may not make cgroups"; return; }
  rmdir $cgroup/userstream-probe
  probe=$(mktemp -d)
  mkdir "$probe"/{lower,upper,work,merged}
  unshare --mount mount -t overlay overlay \
    -o "lowerdir=$probe/lower,upperdir=$probe/upper,workdir=$probe/work" "$probe/merged" 2>/dev/null ||
    echo "this machine may not mount overlays in $(dirname "$probe")"
  rm -rf "$probe"
}

# claim_node: makes this rig the owner of the machine's single node, and first removes what a killed rig left behind.
claim_node() {
  local owner
  owner=$(cat $runtime/owner 2>/dev/null) || owner=
  [ "$owner" != "$rig_dir" ] || return 0
  if [ -n "$owner" ]; then
    ! (rig_dir=$owner && pid_of kubelet >/dev/null) || fail "this machine already runs the node of $owner"
    (rig_dir=$owner && discard_node)
  fi
  mkdir -p $runtime
  sysctl "${node_settings[@]}" >$runtime/settings 2>/dev/null || true
  echo "$rig_dir" >$runtime/owner
}

# The bridge comes first, because all servers listen on its address. No port of the cluster is on the machine's network.
start_network() {
  # Without the second, replies between pods would cross the bridge without reverse translation of the Service address.
  sysctl -qw net.ipv4.ip_forward=1 net.bridge.bridge-nf-call-iptables=1
  ip link show $bridge >/dev/null 2>&1 || ip link add $bridge type bridge
  ip address replace $node_address/24 dev $bridge
  ip link set $bridge up
  # Pods reach the rig's servers on loopback as host.rig.local. The ports of the node are not redirected.
  sysctl -qw net.ipv4.conf.$bridge.route_localnet=1
  local own_ports
  own_ports="{ 53, 8181, 10249, 10250, 10256, $(api_address | cut -d: -f2) }"
  nft -f - <<NFT
table ip userstream-rig
delete table ip userstream-rig
table ip userstream-rig {
  chain loopback {
    type nat hook prerouting priority dstnat - 10
    iifname $bridge ip daddr $node_address tcp dport != $own_ports dnat to 127.0.0.1
  }
  # The same for local processes, so that an advertised address works for pods and for the machine.
  chain own {
    type nat hook output priority -110
    ip daddr $node_address tcp dport != $own_ports dnat to 127.0.0.1
  }
}
NFT
}

start_containerd() {
  pid_of containerd >/dev/null && return
  configure containerd containerd.toml config.toml
  configure containerd cni.conflist cni/10-rig.conflist
  fresh_log containerd
  launch containerd containerd --config "$rig_dir/containerd/config.toml"
  await_answer containerd 30 ctr -a $runtime/containerd.sock version
  load_image pause "--entrypoint=/pause" --user=0 "$(pause_program)=/pause"
}

# pause_program: prints the path of the program of the pause image, which it compiles.
pause_program() {
  local program=$rig_dir/containerd/pause
  [ -x "$program" ] || cc -Os -static -s -o "$program" "$here/kubernetes/pause.c"
  echo "$program"
}

# load_image NAME ARGS...: builds the image rig.local/NAME:1 (see image.py) and imports it into the node. The kubelet does
# not pull a present image unless its tag is `latest`.
load_image() {
  local name=rig.local/$1:1 archive=$rig_dir/containerd/image-$1.tar
  shift
  "$here/kubernetes/image.py" "$name" "$archive" "$@"
  ctr -a $runtime/containerd.sock -n k8s.io images import "$archive" >/dev/null
  rm -f "$archive"
  echo "$name"
}

start_node_agents() {
  local program
  for program in kubelet kube-proxy coredns; do
    pid_of $program >/dev/null && continue
    mkdir -p "$rig_dir/$program"
    cp "$rig_dir/kubeconfig" "$rig_dir/$program/kubeconfig"
    fresh_log $program
  done
  echo 'options ndots:1' >"$rig_dir/kubelet/resolv.conf"
  configure kubelet kubelet.yaml config.yaml
  configure kube-proxy kube-proxy.yaml config.yaml
  configure coredns Corefile Corefile
  pid_of kubelet >/dev/null || launch kubelet "$(programs)/kubelet" --kubeconfig="$rig_dir/kubelet/kubeconfig" \
    --config="$rig_dir/kubelet/config.yaml" --root-dir="$rig_dir/kubelet/data" --cert-dir="$rig_dir/kubelet/data/pki" \
    --hostname-override=rig --node-ip=$node_address
  pid_of kube-proxy >/dev/null || launch kube-proxy "$(programs)/kube-proxy" --config="$rig_dir/kube-proxy/config.yaml"
  pid_of coredns >/dev/null || launch coredns "$(programs)/coredns" -conf "$rig_dir/coredns/Corefile" -quiet
}

# configure SERVER TEMPLATE FILE: renders the template with this rig's addresses and paths into the server's folder.
configure() {
  local file=$rig_dir/$1/$3
  mkdir -p "$(dirname "$file")"
  sed -e "s#@FOLDER@#$rig_dir/$1#g; s#@RUNTIME@#$runtime#g; s#@CERTIFICATES@#$certificates#g; s#@BRIDGE@#$bridge#g" \
    -e "s#@ADDRESS@#$node_address#g; s#@NETWORK@#$pod_network#g; s#@FIRST_POD@#$first_pod_address#g" \
    "$here/kubernetes/$2" >"$file"
}

await_node() {
  await_answer kubelet 60 node_is_ready
  await_answer kube-controller-manager 30 kubectl get serviceaccount default -o name
  await_answer coredns 30 answers_http "$node_address" 8181 /ready
}

node_is_ready() {
  [ "$(kubectl get node rig -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}')" = True ]
}

# answers_http HOST PORT PATH: whether a GET of PATH returns 200.
answers_http() {
  local status
  status=$( { exec 3<>"/dev/tcp/$1/$2" && printf 'GET %s HTTP/1.0\r\n\r\n' "$3" >&3 && timeout 2 head -c 12 <&3; } 2>/dev/null) || return 1
  [ "${status#* }" = 200 ]
}

# discard_node: stops the node and all pods, and reverts all changes to the machine.
discard_node() {
  [ "$(cat $runtime/owner 2>/dev/null)" = "$rig_dir" ] || return 0
  local server
  # The kubelet and containerd would restart the pods that are stopped below.
  for server in kubelet kube-proxy coredns containerd; do kill_process "$server"; done
  local attempt
  for attempt in 1 2 3 4 5 6 7 8 9 10; do
    stop_pods || break
    sleep 0.1 # sleep-ok: interval of a bounded poll
  done
  local mount
  # A node that failed to start has no mounts.
  { grep -oE " ($rig_dir|$runtime|/run/netns/cni-)[^ ]*" /proc/self/mounts || true; } | sort -r |
    while read -r mount; do umount -l "$mount" 2>/dev/null || true; done
  rm -f /run/netns/cni-*
  ip link delete $bridge 2>/dev/null || true
  local table
  for table in 'ip kube-proxy' 'ip6 kube-proxy' 'ip userstream-rig'; do
    # shellcheck disable=SC2086 # a family and a name
    nft delete table $table 2>/dev/null || true
  done
  local group
  for group in /sys/fs/cgroup/kubepods /sys/fs/cgroup/*/kubepods; do
    [ ! -d "$group" ] || find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || true
  done
  rm -rf /var/log/pods /var/log/containers /var/lib/cni/results/rig-* "$rig_dir/containerd" "$rig_dir/kubelet/data"
  sysctl -q -p $runtime/settings 2>/dev/null || true
  rm -rf $runtime
}

# stop_pods: kills the processes of pods and their shims; fails if there are none.
stop_pods() {
  local found
  found=$( {
    find /sys/fs/cgroup -path '*/kubepods*' -name cgroup.procs -exec cat {} + 2>/dev/null
    shims
  } | sort -u)
  [ -n "$found" ] || return 1
  # shellcheck disable=SC2086 # pids
  kill -KILL $found 2>/dev/null || true
}

# shims: prints the pids of the shims of this node's containerd, which outlive it. Their arguments name its socket.
shims() {
  local folder
  for folder in /proc/[0-9]*; do
    case $({ tr '\0' ' ' <"$folder/cmdline"; } 2>/dev/null) in
      *containerd-shim*" -address $runtime/"*) echo "${folder#/proc/}" ;;
    esac
  done
}
