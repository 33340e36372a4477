#!/usr/bin/env python3
"""A directory that knows one CRL.

    directory_server.py ADDRESS CRL BASE ATTRIBUTE clear|sealed
"""

import socket
import sys

import ldap_words as ldap

address, path, base, attribute, how = sys.argv[1:]
with open(path, "rb") as file:
    crl = file.read()
sealed = how == "sealed"
listener = socket.create_server((address, 389))
while True:
    connection, _ = listener.accept()
    ldap.read(connection)
    connection.sendall(ldap.message(1, ldap.bound(sealed)))
    ldap.read(connection, sealed)
    answer = [ldap.message(2, ldap.entry(base, attribute, crl)), ldap.message(2, ldap.done())]
    connection.sendall(b"".join(ldap.sealed(it) if sealed else it for it in answer))
    ldap.read(connection, sealed)
    connection.close()
