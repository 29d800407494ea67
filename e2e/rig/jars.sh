# Jars: one folder per server, from Maven Central, cached between runs.
# shellcheck shell=bash

jar_cache=${USERSTREAM_CACHE:-$HOME/.cache/userstream}/rig

# jars SERVER: prints the folder with the jars that SERVER/pom.xml lists. Its name contains the checksum of the pom, and it
# appears atomically: an interrupted download leaves no incomplete folder under that name.
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
    # If another run has completed the same download first, its folder is used.
    mv -T "$fresh" "$folder" 2>/dev/null || rm -rf "$fresh"
  fi
  echo "$folder"
}
