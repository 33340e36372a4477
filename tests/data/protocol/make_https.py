#!/usr/bin/env python3
"""Records HTTP inside TLS between Python's client and server, with the key log
of the client beside it, in the format that make_tls.py describes.

    GET /large.crl     answered with 40,000 bytes, byte n is n modulo 251
    POST /ocsp         4 bytes; answered in chunks of 3 and 2 bytes, `30 03 0a 01 03`

Both over one connection, then close_notify of both sides. Keys and randoms
differ from run to run; the facts stay the same.

Usage: make_https.py OUTPUT_DIRECTORY
"""

import os
import ssl
import subprocess
import sys
import tempfile

OUT = os.path.abspath(sys.argv[1])
LARGE = bytes(n % 251 for n in range(40_000))
TALK = [
    (b"GET /large.crl HTTP/1.1\r\nHost: pki.example\r\n\r\n",
     b"HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n" + LARGE),
    (b"POST /ocsp HTTP/1.1\r\nHost: pki.example\r\nContent-Type: application/ocsp-request\r\n"
     b"Content-Length: 4\r\n\r\n0\x02\x30\x00",
     b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
     b"3\r\n\x30\x03\x0a\r\n2\r\n\x01\x03\r\n0\r\n\r\n"),
]


def record(name, version, ciphers=None):
    keys = os.path.join(OUT, name + ".txt")
    if os.path.exists(keys):
        os.remove(keys)
    client_context = ssl.create_default_context(cafile="cert.pem")
    client_context.keylog_filename = keys
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain("cert.pem", "key.pem")
    for context in (client_context, server_context):
        context.minimum_version = context.maximum_version = version
        if ciphers:
            context.set_ciphers(ciphers)
    bios = [ssl.MemoryBIO() for _ in range(4)]
    client = client_context.wrap_bio(bios[0], bios[1], server_hostname="pki.example")
    server = server_context.wrap_bio(bios[2], bios[3], server_side=True)
    log = []

    def pump():
        for kind, source, sink in ((b"C", bios[1], bios[2]), (b"S", bios[3], bios[0])):
            data = source.read()
            if data:
                log.append(kind + len(data).to_bytes(4, "big") + data)
                sink.write(data)

    def until_done(*steps):
        left = list(steps)
        while left:
            for step in list(left):
                try:
                    step()
                    left.remove(step)
                except (ssl.SSLWantReadError, ssl.SSLSyscallError):
                    pass
                pump()

    until_done(client.do_handshake, server.do_handshake)
    for request, answer in TALK:
        client.write(request)
        pump()
        assert server.read(65536) == request
        server.write(answer)
        pump()
        got = b""
        while len(got) < len(answer):
            got += client.read(65536)
        assert got == answer
    until_done(client.unwrap, server.unwrap)
    for kind in (b"c", b"s"):
        log.append(kind + bytes(4))
    with open(os.path.join(OUT, name + ".bin"), "wb") as file:
        file.write(b"".join(log))
    print(name, client.cipher(), len(log))


with tempfile.TemporaryDirectory() as work:
    os.chdir(work)
    subprocess.run(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem "
        "-out cert.pem -days 36500 -subj /CN=pki.example -addext subjectAltName=DNS:pki.example",
        shell=True, check=True, capture_output=True)
    record("https-13", ssl.TLSVersion.TLSv1_3)
    record("https-12", ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES128-GCM-SHA256")
