#!/usr/bin/env python3
"""A proxy that opens TLS: answers CONNECT, asks the site for its certificate and
shows the client one of its own making for the same name.

    inspect_proxy.py ADDRESS PORT AUTHORITY.pem SITE-ROOT.pem DNS
"""

import datetime as dt
import socket
import ssl
import sys
import tempfile
import threading
from socketserver import StreamRequestHandler, ThreadingTCPServer

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

import client

ADDRESS, PORT, AUTHORITY, SITE_ROOT, DNS = sys.argv[1:6]
PEM = open(AUTHORITY, "rb").read()
CA = x509.load_pem_x509_certificate(PEM)
CA_KEY = serialization.load_pem_private_key(PEM, None)
KEY = ec.generate_private_key(ec.SECP256R1())


def copy_of(host, real):
    """A certificate for the same name and period, signed by the proxy."""
    now = dt.datetime.now(dt.timezone.utc)
    copy = (x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)]))
            .issuer_name(CA.subject).public_key(KEY.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(max(real.not_valid_before_utc, now - dt.timedelta(days=2)))
            .not_valid_after(min(real.not_valid_after_utc, now + dt.timedelta(days=90)))
            .add_extension(x509.BasicConstraints(False, None), True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(
                CA.public_key()), False)
            .sign(CA_KEY, hashes.SHA256()))
    return copy.public_bytes(serialization.Encoding.PEM)


class Inspect(StreamRequestHandler):
    def handle(self):
        host, _, port = self.rfile.readline().split()[1].decode().partition(":")
        while self.rfile.readline().strip():
            pass
        ctx = ssl.create_default_context(cafile=SITE_ROOT)
        address = client.Client({"dns": DNS, "save": ""}).resolve(host)
        site = ctx.wrap_socket(socket.create_connection((address, int(port)), 10),
                               server_hostname=host)
        real = x509.load_der_x509_certificate(site.getpeercert(True))
        self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        mine = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.NamedTemporaryFile(suffix=".pem") as f:
            f.write(copy_of(host, real) + PEM.split(b"-----BEGIN PRIVATE")[0]
                    + KEY.private_bytes(serialization.Encoding.PEM,
                                        serialization.PrivateFormat.PKCS8,
                                        serialization.NoEncryption()))
            f.flush()
            mine.load_cert_chain(f.name)
        try:
            inner = mine.wrap_socket(self.connection, server_side=True)
        except (ssl.SSLError, OSError):
            site.close()
            return
        site.sendall(inner.recv(65536))
        inner.sendall(site.recv(65536))
        try:
            inner.recv(1)
        except (ssl.SSLError, OSError):
            pass
        site.close()
        inner.close()


threading.excepthook = lambda _: None
ThreadingTCPServer.allow_reuse_address = True
ThreadingTCPServer((ADDRESS, int(PORT)), Inspect).serve_forever()
