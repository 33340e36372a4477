#!/usr/bin/env python3
"""Records TLS handshakes between `openssl s_server` and `openssl s_client`.

A relay on 127.0.0.1 stands between the two and writes what passes, in order:

    kind (1 byte) | length (4 bytes, big-endian) | bytes

`C` and `S` are bytes of the client and of the server, `c` and `s` the end of
their streams (length 0). Keys, randoms and times differ from run to run, so a
new run makes new files; the facts in ../protocol.md stay the same.

With `keys` as second argument other handshakes are recorded, `keys-*`, each
with the key log that the client wrote beside it.

Usage: make_tls.py OUTPUT_DIRECTORY [keys]
"""

import os
import socket
import subprocess
import sys
import tempfile
import threading
import time

OUT = sys.argv[1]
WITH_KEYS = sys.argv[2:] == ["keys"]
PREFIX = "keys" if WITH_KEYS else "tls"
PORTS = iter(range(24400, 24600))


def run(command, **options):
    return subprocess.run(command, shell=True, check=True, capture_output=True, **options)


def relay(listen_port, server_port, path):
    """Accepts one connection, passes it on, and writes what passed to `path`."""
    listener = socket.create_server(("127.0.0.1", listen_port))

    def work():
        client, _ = listener.accept()
        listener.close()
        server = socket.create_connection(("127.0.0.1", server_port))
        lock = threading.Lock()
        with open(path, "wb") as log:

            def pump(source, sink, kind):
                while True:
                    try:
                        data = source.recv(65536)
                    except OSError:
                        data = b""
                    with lock:
                        mark = kind if data else kind.lower()
                        log.write(mark + len(data).to_bytes(4, "big") + data)
                    if not data:
                        try:
                            sink.shutdown(socket.SHUT_WR)
                        except OSError:
                            pass
                        return
                    sink.sendall(data)

            pumps = [
                threading.Thread(target=pump, args=(client, server, b"C")),
                threading.Thread(target=pump, args=(server, client, b"S")),
            ]
            for one in pumps:
                one.start()
            for one in pumps:
                one.join()

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def record(server_options, *clients):
    """Starts a server and lets clients come one after another: (name, options, text)."""
    port = next(PORTS)
    server = subprocess.Popen(
        f"exec openssl s_server -accept 127.0.0.1:{port} -cert leaf.pem -key leaf.key "
        f"-cert_chain intermediate.pem -quiet -rev -naccept {len(clients)} {server_options}",
        shell=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(0.4)
    for name, options, text in clients:
        middle = next(PORTS)
        path = os.path.join(OUT, name + ".bin") if name else os.devnull
        thread = relay(middle, port, path)
        if WITH_KEYS:
            options += f" -keylogfile {os.path.join(OUT, name + '.txt')}"
        client = subprocess.Popen(
            f"exec openssl s_client -connect 127.0.0.1:{middle} -servername www.example.com {options}",
            shell=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        time.sleep(0.4)
        try:
            client.stdin.write(text)
            client.stdin.flush()
            time.sleep(0.4)
            client.stdin.close()
        except BrokenPipeError:
            pass
        output = client.stdout.read().decode(errors="replace")
        client.wait()
        thread.join()
        for line in output.splitlines():
            if "Cipher is" in line or "alert" in line or "OCSP Response Status" in line:
                print(f"{name or '(first)'}: {line.strip()}")
    server.terminate()
    server.wait()


def certificates():
    new_key = "openssl ecparam -name prime256v1 -genkey -noout -out"
    for name in ("root", "intermediate", "leaf", "client"):
        run(f"{new_key} {name}.key")
    run("openssl req -x509 -new -key root.key -subj /CN=Trial_Root -days 36500 -out root.pem")
    for name, issuer, extension in (
        ("intermediate", "root", "basicConstraints=critical,CA:TRUE"),
        ("leaf", "intermediate", "subjectAltName=DNS:www.example.com"),
        ("client", "intermediate", "extendedKeyUsage=clientAuth"),
    ):
        run(f"openssl req -new -key {name}.key -subj /CN=Trial_{name} -out {name}.csr")
        with open("extension", "w") as file:
            file.write(extension + "\n")
        run(
            f"openssl x509 -req -in {name}.csr -CA {issuer}.pem -CAkey {issuer}.key -set_serial 7 "
            f"-days 36500 -extfile extension -out {name}.pem"
        )
    run(
        "openssl ocsp -issuer intermediate.pem -cert leaf.pem -reqout request.der -no_nonce;"
        "touch index.txt;"
        "openssl ocsp -index index.txt -rsigner intermediate.pem -rkey intermediate.key "
        "-CA intermediate.pem -reqin request.der -respout ocsp.der"
    )
    for name in ("leaf", "intermediate"):
        der = run(f"openssl x509 -in {name}.pem -outform DER").stdout
        with open(os.path.join(OUT, f"{PREFIX}-{name}.der"), "wb") as file:
            file.write(der)
    with open("ocsp.der", "rb") as source, open(os.path.join(OUT, f"{PREFIX}-ocsp.der"), "wb") as file:
        file.write(source.read())


def main():
    certificates()
    hello = b"hello\n"
    record("-tls1_2 -status_file ocsp.der -alpn http/1.1",
           ("tls12-stapled-ocsp", "-CAfile root.pem -status -alpn h2,http/1.1", hello))
    record("-tls1_2", ("tls12-client-rejects", "-verify_return_error", hello))
    record("-tls1_2", (None, "-sess_out session", hello),
           ("tls12-resumed-by-ticket", "-sess_in session", hello))
    record("-tls1_2 -no_ticket", (None, "-sess_out session", hello),
           ("tls12-resumed-by-id", "-sess_in session", hello))
    record("-tls1_2 -verify 1", ("tls12-client-certificate", "-cert client.pem -key client.key", hello))
    record("-tls1_2", ("tls12-no-common-version", "-tls1_3", hello))
    record("-tls1_2 -nocert -cipher ADH-AES128-SHA:@SECLEVEL=0",
           ("tls12-anonymous", "-tls1_2 -cipher ADH-AES128-SHA:@SECLEVEL=0", hello))
    record("-tls1 -cipher DEFAULT:@SECLEVEL=0",
           ("tls10", "-tls1 -cipher DEFAULT:@SECLEVEL=0", hello))
    record("-tls1_3", ("tls13", "-CAfile root.pem", hello))
    record("-tls1_3", ("tls13-client-rejects", "-verify_return_error", hello))
    record("-tls1_3", ("tls13-closed-without-data", "-CAfile root.pem", b""))
    record("-tls1_3 -groups P-384", ("tls13-retry-request", "-groups X25519:P-384", hello))
    record("-tls1_3", (None, "-sess_out session", hello),
           ("tls13-resumed", "-sess_in session", hello))
    record("-tls1_3 -verify 1",
           ("tls13-client-certificate", "-cert client.pem -key client.key", hello))


def main_with_keys():
    certificates()
    hello = b"hello\n"
    login = "-cert client.pem -key client.key"
    record("-tls1_3 -ciphersuites TLS_AES_256_GCM_SHA384 -status_file ocsp.der",
           ("keys-13-stapled", "-CAfile root.pem -status", hello))
    record("-tls1_3 -ciphersuites TLS_AES_128_GCM_SHA256 -Verify 1",
           ("keys-13-certificate-required", "-CAfile root.pem", hello))
    record("-tls1_3 -ciphersuites TLS_CHACHA20_POLY1305_SHA256 -verify 1",
           ("keys-13-client-certificate", login, hello))
    record("-tls1_3 -ciphersuites TLS_AES_128_GCM_SHA256",
           ("keys-13-key-update", "-CAfile root.pem", b"K\nhello\n"))
    record("-tls1_3 -groups P-384", ("keys-13-retry-request", "-groups X25519:P-384", hello))
    for cipher, name in (("AES256-GCM-SHA384", "aes256"), ("AES128-GCM-SHA256", "aes128"),
                         ("CHACHA20-POLY1305", "chacha"), ("AES128-SHA256", "cbc")):
        record(f"-tls1_2 -cipher ECDHE-ECDSA-{cipher}",
               (f"keys-12-{name}", f"-cipher ECDHE-ECDSA-{cipher} -CAfile root.pem", hello))
    record("-tls1_2 -client_renegotiation", ("keys-12-renegotiated", login, b"R\nhello\n"))


OUT = os.path.abspath(OUT)
with tempfile.TemporaryDirectory() as work:
    os.chdir(work)
    main_with_keys() if WITH_KEYS else main()
