# The programs of the cluster: compiled once from the Go module proxy, cached between runs.
# shellcheck shell=bash

program_names=(etcd kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy coredns kubectl helm)

# programs: prints the folder with the programs. Its name contains the checksum of the sources, and it appears atomically.
# go.sum pins every module by its checksum. A cold compile takes eight minutes on two cores, and 5 GB in Go's caches.
programs() {
  local sources=$here/kubernetes/components version folder fresh
  version=$(module_version k8s.io/kubernetes)
  folder=${USERSTREAM_CACHE:-$HOME/.cache/userstream}/rig/kubernetes-${version#v}-$(cat "$sources"/* | sha256sum | cut -c1-8)
  if [ ! -d "$folder" ]; then
    local go
    go=$(go_program)
    mkdir -p "$(dirname "$folder")"
    fresh=$(mktemp -d "$folder.XXXXXX")
    echo "rig: compiling Kubernetes ${version#v} into $folder; the first time takes minutes" >&2
    compile "$go" "$fresh/kubernetes" >&2 || { rm -rf "$fresh"; fail "Kubernetes did not compile"; }
    local name
    for name in "${program_names[@]}"; do
      ln -s kubernetes "$fresh/$name"
    done
    # If another run has completed the same compile first, its folder is used.
    mv -T "$fresh" "$folder" 2>/dev/null || rm -rf "$fresh"
  fi
  echo "$folder"
}

# module_version MODULE: prints the version of its first requirement in go.mod; replacements follow later.
module_version() { sed -n "s#^\s$1 \(v[^ ]*\).*#\1#p" "$here/kubernetes/components/go.mod" | head -1; }

# compile GO FILE: compiles without cgo, so that FILE runs in an image without a C library.
compile() {
  local stamp=k8s.io/component-base/version major minor rest
  IFS=. read -r major minor rest <<<"$(module_version k8s.io/kubernetes)"
  (
    cd "$here/kubernetes/components" || exit
    CGO_ENABLED=0 GOFLAGS='-mod=readonly -buildvcs=false -trimpath' nice -n 10 "$1" build -o "$2" -ldflags "-s -w \
      -X $stamp.gitVersion=$major.$minor.$rest -X $stamp.gitMajor=${major#v} -X $stamp.gitMinor=$minor \
      -X helm.sh/helm/v4/internal/version.version=$(module_version helm.sh/helm/v4)" .
  )
}
