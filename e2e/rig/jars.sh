# Jars: each server's folder of them, from Maven Central, kept in the user's cache between runs.
# shellcheck shell=bash

jar_cache=${USERSTREAM_CACHE:-$HOME/.cache/userstream}/rig

# jars SERVER: prints the folder with the jars that SERVER/pom.xml lists. The folder's name holds the pom's
# checksum and appears whole or not at all: an interrupted download leaves nothing that looks finished.
jars() {
  local pom=$here/$1/pom.xml folder fresh
  folder=$jar_cache/$1-$(sed -n 's/^  <version>\(.*\)<\/version>/\1/p' "$pom")-$(sha256sum "$pom" | cut -c1-8)
  if [ ! -d "$folder" ]; then
    command -v mvn >/dev/null || fail "Maven is not installed: it fetches the servers (Debian: apt-get install maven)"
    mkdir -p "$jar_cache"
    fresh=$(mktemp -d "$jar_cache/$1.XXXXXX")
    echo "rig: fetching the jars of $1 into $folder" >&2
    mvn -q -B -f "$pom" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$fresh" >&2 ||
      { rm -rf "$fresh"; fail "Maven could not fetch the jars of $1"; }
    # Another run may have finished the same download first: then its folder is as good as ours.
    mv -T "$fresh" "$folder" 2>/dev/null || rm -rf "$fresh"
  fi
  echo "$folder"
}
