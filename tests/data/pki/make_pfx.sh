#!/bin/sh
# Makes the PFX fixtures with OpenSSL 3. Keys and salts are random, so a new run
# gives other bytes; the facts in ../pki.md stay the same.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
word='Prüf-1'
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 \
    -subj '/CN=pfx root' -keyout "$work/root.key" -out "$work/root.pem" 2>/dev/null
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -subj '/CN=pfx leaf' -keyout "$work/leaf.key" -out "$work/leaf.csr" 2>/dev/null
openssl x509 -req -in "$work/leaf.csr" -CA "$work/root.pem" -CAkey "$work/root.key" \
    -days 3650 -set_serial 7 -out "$work/leaf.pem" 2>/dev/null
make() {
    name=$1
    shift
    LC_ALL=C.UTF-8 openssl pkcs12 -export -in "$work/leaf.pem" -inkey "$work/leaf.key" \
        -certfile "$work/root.pem" -passout "pass:$word" -out "$name" "$@"
}
make pfx-aes256.pfx
make pfx-3des.pfx -certpbe PBE-SHA1-3DES -keypbe PBE-SHA1-3DES -macalg sha1
make pfx-rc2-40.pfx -certpbe PBE-SHA1-RC2-40 -keypbe PBE-SHA1-3DES -macalg sha1 \
    -provider legacy -provider default
make pfx-no-mac.pfx -nomac -certpbe AES-256-CBC -keypbe AES-256-CBC
make pfx-mac-sha512.pfx -macalg sha512 -certpbe AES-128-CBC
make pfx-certs-in-clear.pfx -certpbe NONE
