# Go, which compiles Kubernetes: that of the machine, or else the toolchain from the Go module proxy.
# shellcheck shell=bash

go_version=1.26.8
# Checksums of the toolchain's zip, by GOARCH.
declare -A go_checksums=(
  [amd64]=30c2b1bf7dcc88d3eb0a1364e47ddd9128edb3110a30e8a0ef61cd5856b31de7
  [arm64]=02b36b6787b3ac767668f630e2998df45a3b1f9ffee08d1bf3ef6487cd658d99
)

# go_program: prints the path of a Go that accepts kubernetes/components/go.mod.
go_program() {
  if has_go; then
    command -v go
    return
  fi
  local folder=${USERSTREAM_CACHE:-$HOME/.cache/userstream}/rig/go-$go_version
  [ -x "$folder/bin/go" ] || fetch_go "$folder"
  echo "$folder/bin/go"
}

# has_go: whether the machine has one. An older Go suffices if it may download a newer toolchain.
has_go() {
  command -v go >/dev/null && (cd "$here/kubernetes/components" && GOFLAGS=-mod=readonly go list -m >/dev/null 2>&1)
}

# fetch_go FOLDER: downloads Go into FOLDER, which appears atomically.
fetch_go() {
  local folder=$1 platform proxy module fresh
  case $(uname -s)/$(uname -m) in
    Linux/x86_64) platform=amd64 ;;
    Linux/aarch64) platform=arm64 ;;
    *) fail "Go is not installed: it compiles Kubernetes (https://go.dev/dl, $go_version or newer)" ;;
  esac
  proxy=${GOPROXY:-https://proxy.golang.org}
  proxy=${proxy%%[,|]*}
  module=golang.org/toolchain@v0.0.1-go$go_version.linux-$platform
  mkdir -p "$(dirname "$folder")"
  fresh=$(mktemp -d "$folder.XXXXXX")
  echo "rig: fetching Go $go_version into $folder" >&2
  {
    curl -sSf --retry 3 -o "$fresh/zip" "${proxy%/}/${module%@*}/@v/${module#*@}.zip" &&
      echo "${go_checksums[$platform]}  $fresh/zip" | sha256sum --check --quiet >&2 &&
      unzip -q "$fresh/zip" -d "$fresh" &&
      # The zip of a module stores no file modes.
      chmod +x "$fresh/$module"/bin/* &&
      find "$fresh/$module/pkg/tool" -type f -exec chmod +x {} +
  } || { rm -rf "$fresh"; fail "Go $go_version could not be fetched from $proxy"; }
  mv -T "$fresh/$module" "$folder" 2>/dev/null || true
  rm -rf "$fresh"
}
