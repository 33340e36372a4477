#!/usr/bin/env python3
"""A host that says "that is me" to whoever asks everybody for a name (RFC 4795).

    llmnr_responder.py ADDRESS
"""

import socket
import struct
import sys

own = socket.inet_aton(sys.argv[1])
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("", 5355))
s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton("224.0.0.252") + own)
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
out.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
out.bind((sys.argv[1], 5355))
while True:
    query, sender = s.recvfrom(512)
    if sender[0] == sys.argv[1]:
        continue
    question = query[12:]
    head = query[:2] + struct.pack(">5H", 0x8000, 1, 1, 0, 0)
    answer = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 30, 4) + own
    out.sendto(head + question + answer, sender)
