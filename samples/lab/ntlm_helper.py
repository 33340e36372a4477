#!/usr/bin/env python3
"""An NTLM helper for squid that challenges like a domain and believes any
answer; with --refuse-machines, of people only. Speaks squid's helper protocol:
YR asks for a challenge, KK checks."""

import base64
import struct
import sys

FLAGS = 0xA2898205
CHALLENGE = bytes.fromhex("4c61622043686c67")


def pair(kind, text):
    raw = text.encode("utf-16-le")
    return struct.pack("<HH", kind, len(raw)) + raw


def challenge():
    target = "LAB".encode("utf-16-le")
    info = pair(2, "LAB") + pair(1, "PROXY") + pair(4, "corp.lab.example") + \
        pair(3, "proxy.corp.lab.example") + bytes(4)
    at = 56
    return (b"NTLMSSP\0" + struct.pack("<I", 2)
            + struct.pack("<HHI", len(target), len(target), at)
            + struct.pack("<I", FLAGS) + CHALLENGE + bytes(8)
            + struct.pack("<HHI", len(info), len(info), at + len(target))
            + bytes.fromhex("0601b11d0000000f") + target + info)


for line in sys.stdin:
    verb, _, text = line.strip().partition(" ")
    if verb == "YR":
        reply = "TT " + base64.b64encode(challenge()).decode()
    elif verb == "KK":
        message = base64.b64decode(text.split()[0])
        size, _, at = struct.unpack("<HHI", message[36:44])
        user = message[at:at + size].decode("utf-16-le")
        refused = user.endswith("$") and "--refuse-machines" in sys.argv
        reply = "NA no machines here" if refused else "AF " + user
    else:
        reply = "BH unknown"
    print(reply, flush=True)
