#!/usr/bin/env python3
"""Makes frames.pcapng: one HTTP exchange in every wrapping, each on an
interface of its own link type. Host names say the wrapping. Needs scapy.

    python3 make.py > frames.pcapng
"""
import struct
import sys

from scapy.all import (ARP, GRE, IP, TCP, UDP, Dot11, Dot11QoS, Ether, IPv6, LLC, PPP, SNAP,
                       Dot1Q, PPPoE, RadioTap, VXLAN, Raw)
from scapy.contrib.geneve import GENEVE
from scapy.contrib.mpls import MPLS

START = 1_750_000_000


def block(kind, body):
    body += bytes(-len(body) % 4)
    length = 12 + len(body)
    return struct.pack("<II", kind, length) + body + struct.pack("<I", length)


def exchange(host, number, v6=False):
    """The segments of one whole connection, as (sender is client, IP packet)."""
    client, server = (f"fd00::{number:x}", "fd00::ffff") if v6 else (f"10.9.{number}.1", f"10.9.{number}.2")
    ip = IPv6 if v6 else IP
    request = f"GET /a.crl HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone"
    port = 50000 + number

    def packet(out, flags, seq, ack, payload=b""):
        ends = (client, server, port, 80) if out else (server, client, 80, port)
        segment = TCP(sport=ends[2], dport=ends[3], flags=flags, seq=seq, ack=ack)
        return out, ip(src=ends[0], dst=ends[1]) / segment / Raw(payload)

    return [
        packet(True, "S", 100, 0),
        packet(False, "SA", 500, 101),
        packet(True, "A", 101, 501),
        packet(True, "PA", 101, 501, request),
        packet(False, "PA", 501, 101 + len(request), answer),
        packet(True, "FA", 101 + len(request), 501 + len(answer)),
        packet(False, "FA", 501 + len(answer), 102 + len(request)),
        packet(True, "A", 102 + len(request), 502 + len(answer)),
    ]


ETHER = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
AIR = dict(addr1="02:00:00:00:00:01", addr2="02:00:00:00:00:02", addr3="02:00:00:00:00:03")
OUTER = IP(src="192.0.2.1", dst="192.0.2.2")


def snap(ip):
    return LLC(dsap=0xaa, ssap=0xaa, ctrl=3) / SNAP(code=0x86dd if IPv6 in ip else 0x0800) / ip


def air(out, ip):
    return Dot11(type=2, subtype=0, FCfield=1 if out else 2, **AIR) / snap(ip)


def erspan2(ip):
    gre = struct.pack(">HHI", 0x1000, 0x88be, 1)
    return ETHER / IP(src="192.0.2.1", dst="192.0.2.2", proto=47) / Raw(gre + bytes.fromhex("1001000100000000") + bytes(ETHER / ip))


# (host, link type, wrapping)
WAYS = [
    ("ethernet", 1, lambda out, ip: ETHER / ip),
    ("vlan", 1, lambda out, ip: ETHER / Dot1Q(vlan=7) / ip),
    ("pppoe", 1, lambda out, ip: ETHER / PPPoE(sessionid=9) / PPP(proto=0x21) / ip),
    ("mpls", 1, lambda out, ip: ETHER / MPLS(label=16, s=0) / MPLS(label=17, s=1) / ip),
    ("ip-in-ip", 1, lambda out, ip: ETHER / OUTER / ip),
    ("six-in-four", 1, lambda out, ip: ETHER / OUTER / ip),
    ("gre", 1, lambda out, ip: ETHER / OUTER / GRE() / ip),
    ("gre-keyed", 1, lambda out, ip: ETHER / OUTER / GRE(key_present=1, key=5, seqnum_present=1, seqence_number=1) / ip),
    ("gre-ethernet", 1, lambda out, ip: ETHER / OUTER / GRE(proto=0x6558) / ETHER / ip),
    ("erspan", 1, lambda out, ip: erspan2(ip)),
    ("vxlan", 1, lambda out, ip: ETHER / OUTER / UDP(sport=44444, dport=4789) / VXLAN(vni=5, flags="Instance") / ETHER / ip),
    ("geneve", 1, lambda out, ip: ETHER / OUTER / UDP(sport=44444, dport=6081) / GENEVE(vni=5, proto=0x6558) / ETHER / ip),
    ("teredo", 1, lambda out, ip: ETHER / OUTER / UDP(sport=44444, dport=3544) / ip),
    ("ppp", 9, lambda out, ip: Raw(b"\xff\x03\x00\x21") / ip),
    ("hdlc", 104, lambda out, ip: Raw(b"\x0f\x00\x08\x00") / ip),
    ("dot11", 105, air),
    ("radiotap", 127, lambda out, ip: RadioTap() / air(out, ip)),
    ("dot11-qos", 105, lambda out, ip: Dot11(type=2, subtype=8, FCfield=1 if out else 2, **AIR) / Dot11QoS() / snap(ip)),
]
V6 = {"six-in-four", "teredo"}

out = bytearray(block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)))
for _, link_type, _ in WAYS:
    out += block(1, struct.pack("<HHI", link_type, 0, 0))
micros = START * 1_000_000
for interface, (host, _, wrap) in enumerate(WAYS):
    for client, ip in exchange(f"{host}.example", interface + 1, host in V6):
        frame = bytes(wrap(client, ip))
        micros += 1000
        out += block(6, struct.pack("<IIIII", interface, micros >> 32, micros & 0xFFFFFFFF, len(frame), len(frame)) + frame)
sys.stdout.buffer.write(out)
