#!/usr/bin/env bash
# Makes the captures beside it: openssl s_server and s_client on the loopback
# interface, TLS 1.2 and 1.3, recorded by tcpdump (root; openssl, tcpdump,
# Python cryptography). Times, keys and ports differ from run to run.
set -eu
cd "$(mktemp -d)"
python3 "$OLDPWD/make.py"
port=9640
for case in selfsigned expissuer name eku good; do
    host=a.example
    [ "$case" = selfsigned ] && host=self.example
    for version in 2 3; do
        port=$((port + 1))
        openssl x509 -in "$case.pem" -out leaf.pem
        csplit -s -z -f part "$case.pem" '/-----BEGIN/' '{*}'
        chain=()
        [ -f part01 ] && chain=(-cert_chain part01)
        tcpdump -i lo -U -w "$OLDPWD/$case-tls1$version.pcap" "tcp port $port" 2>/dev/null &
        dump=$!
        sleep 1
        openssl s_server -accept "$port" -cert leaf.pem -key leaf.key "${chain[@]}" \
            "-tls1_$version" -www >/dev/null 2>&1 &
        server=$!
        sleep 0.5
        printf 'GET / HTTP/1.0\r\n\r\n' | timeout 3 openssl s_client \
            -connect "127.0.0.1:$port" -servername "$host" -CAfile root.pem \
            -verify_hostname "$host" -purpose sslserver -verify_return_error \
            "-tls1_$version" -ign_eof >/dev/null 2>&1 || true
        sleep 0.5
        kill "$server" "$dump"
        rm -f part0*
    done
done
