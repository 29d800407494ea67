# Certificates: one authority per rig, a server certificate for loopback and for the name that pods use, and named client
# certificates.
# shellcheck shell=bash

new_key=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)

# issue_certificate NAME [SUBJECT] [ALTERNATIVE_NAMES]: writes NAME.pem and NAME.key, signed by the rig's authority. The
# defaults are the subject /CN=NAME and the names of loopback.
issue_certificate() {
  local subject=${2:-/CN=$1} names=${3:-DNS:localhost,IP:127.0.0.1}
  ensure_authority
  (
    cd "$certificates" || exit
    openssl req "${new_key[@]}" -subj "$subject" -keyout "$1.key.new" -out "$1.csr" 2>/dev/null
    openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 3650 -out "$1.pem.new" \
      -extfile <(echo "subjectAltName=$names") 2>/dev/null
    mv "$1.key.new" "$1.key"
    mv "$1.pem.new" "$1.pem"
    rm -f "$1.csr"
  )
}

# new_authority NAME: a self-signed authority.
new_authority() {
  openssl req -x509 "${new_key[@]}" -days 3650 -subj "/CN=userstream rig $1" \
    -keyout "$certificates/$1.key" -out "$certificates/$1.pem" 2>/dev/null
}

# Creates the authority once, under a lock: servers that start at the same time share it.
ensure_authority() {
  mkdir -p "$certificates"
  (
    flock 9
    [ -f "$certificates/ca.pem" ] || new_authority ca
  ) 9>"$certificates/.lock"
}

# Creates what the secured listeners and their clients require. stranger.pem is an authority that clients must not trust.
ensure_certificates() {
  ensure_authority
  (
    flock 9
    cd "$certificates" || exit
    [ ! -f ready ] || exit 0
    new_authority stranger
    issue_certificate server /CN=server \
      "DNS:localhost,DNS:host.rig.local,IP:127.0.0.1,IP:${USERSTREAM_RIG_CLIENT_ADDRESS:-$pods_address}"
    issue_certificate client
    cat server.key server.pem ca.pem >server.keystore.pem
    openssl pkcs12 -export -in server.pem -inkey server.key -certfile ca.pem -name server -passout pass:changeit -out server.p12
    touch ready
  ) 9>"$certificates/.servers.lock"
}
