"""Writes canary.pcap: one client whose user, machine, domain and secrets all
carry "canary" and stand in every place and encoding a report could repeat.

    python3 make-canary.py            (needs scapy)
"""

import base64
import struct

from scapy.all import (BOOTP, DHCP, DNS, DNSQR, IP, TCP, UDP, Ether, Raw,
                       wrpcap)

USER, DOMAIN, MACHINE = "canaryuser", "CANARYCORP", "CANARYPC"
CLIENT, PROXY, SERVER = "10.77.0.15", "10.77.0.8", "203.0.113.77"
START = 1_770_000_000.0
packets = []


def add(layer, source, target, seconds):
    packet = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP(
        src=source, dst=target) / layer
    packet.time = START + seconds
    packets.append(packet)


def wide(text):
    return text.encode("utf-16-le")


def ntlm(kind, *fields):
    """MS-NLMP 2.2.1: type 1 and 3, fields as (length, room, offset)."""
    if kind == 1:
        body = b"NTLMSSP\0" + struct.pack("<II", 1, 0xE2088297) + b"\0" * 16
        return base64.b64encode(body).decode()
    head, payload = b"NTLMSSP\0" + struct.pack("<I", 3), b""
    at = 12 + 8 * 6 + 4
    for field in fields:
        head += struct.pack("<HHI", len(field), len(field), at + len(payload))
        payload += field
    head += struct.pack("<I", 0xE2088297)
    return base64.b64encode(head + payload).decode()


def challenge():
    """Type 2: target name and the names in its target information."""
    name = wide(DOMAIN)
    pairs = b""
    for kind, text in ((2, DOMAIN), (1, "CANARYDC"), (4, "canarycorp.example"),
                       (3, "canarydc.canarycorp.example")):
        pairs += struct.pack("<HH", kind, len(wide(text))) + wide(text)
    pairs += struct.pack("<HH", 0, 0)
    body = b"NTLMSSP\0" + struct.pack("<I", 2)
    body += struct.pack("<HHI", len(name), len(name), 56)
    body += struct.pack("<I", 0xE2898215) + b"\1" * 8 + b"\0" * 8
    body += struct.pack("<HHI", len(pairs), len(pairs), 56 + len(name)) + b"\0" * 8
    return base64.b64encode(body + name + pairs).decode()


class Talk:
    """One TCP connection, acknowledged as it goes."""

    def __init__(self, client_port, server, server_port, seconds):
        self.ends = (CLIENT, client_port), (server, server_port)
        self.sequence = [1000, 5000]
        self.now = seconds
        self.send(0, "S")
        self.send(1, "SA")
        self.send(0, "A")

    def send(self, side, flags, data=b""):
        (source, sport), (target, dport) = self.ends[side], self.ends[1 - side]
        ack = self.sequence[1 - side] if "A" in flags else 0
        layer = TCP(sport=sport, dport=dport, seq=self.sequence[side], ack=ack,
                    flags=flags, window=64240)
        add(layer / Raw(data) if data else layer, source, target, self.now)
        self.sequence[side] += len(data) + ("S" in flags or "F" in flags)
        self.now += 0.01

    def ask(self, lines, answer, body=b""):
        self.send(0, "PA", ("\r\n".join(lines) + "\r\n\r\n").encode())
        head = "\r\n".join(answer + [f"Content-Length: {len(body)}"])
        self.send(1, "PA", (head + "\r\n\r\n").encode() + body)

    def end(self):
        self.send(0, "FA")
        self.send(1, "FA")
        self.send(0, "A")


hardware = bytes.fromhex("020000000001") + b"\0" * 10
add(UDP(sport=68, dport=67) / BOOTP(op=1, chaddr=hardware, xid=7) / DHCP(options=[
    ("message-type", "request"), ("requested_addr", CLIENT), ("hostname", MACHINE),
    (81, b"\0\0\0" + b"canarypc.canarycorp.example"), ("param_req_list", [1, 3, 6, 15, 252]),
    "end"]), "0.0.0.0", "255.255.255.255", 0)
add(UDP(sport=67, dport=68) / BOOTP(op=2, chaddr=hardware, xid=7, yiaddr=CLIENT) / DHCP(options=[
    ("message-type", "ack"), ("server_id", "10.77.0.1"), ("lease_time", 3600),
    ("domain", b"canarycorp.example"), (252, b"http://wpad.canarycorp.example/wpad.dat"),
    "end"]), "10.77.0.1", CLIENT, 0.1)
for number, name in enumerate(("wpad.canarycorp.example", "canaryproxy.canarycorp.example")):
    add(UDP(sport=50000 + number, dport=53) / DNS(id=number, rd=1, qd=DNSQR(qname=name)),
        CLIENT, "10.77.0.1", 0.5 + number / 10)
add(UDP(sport=50010, dport=5355) / DNS(id=9, qd=DNSQR(qname="canarynas")),
    CLIENT, "224.0.0.252", 0.8)

plain = f"{USER}:canarysecret".encode()
in_base64 = base64.b64encode(USER.encode()).decode()
in_wide = base64.b64encode(wide(USER)).decode()
in_hex = USER.encode().hex()
in_wide_hex = wide(MACHINE).hex()
in_percent = "".join(f"%{byte:02X}" for byte in USER.encode())
agent = "User-Agent: Microsoft-CryptoAPI/10.0"
busy = ["HTTP/1.1 407 Proxy Authentication Required", "Proxy-Authenticate: NTLM",
        'Proxy-Authenticate: Basic realm="Canarycorp gate of CANARYPROXY"',
        "Via: 1.1 canaryproxy (squid/5.7)", "X-Cache: MISS from canaryproxy",
        f"X-Canary: {in_base64} {in_wide} {in_hex} {in_percent}", "Content-Type: text/html"]
page = f"<html><title>Access denied for {DOMAIN}\\{USER} at {MACHINE}</title></html>".encode()
urls = [
    "http://ctldl.windowsupdate.com/msdownload/update/v3/static/trustedr/en/authrootstl.cab"
    f"?{in_hex}",
    f"http://crl.microsoft.com/pki/{in_base64}/canarypc.crl",
    f"http://crl.microsoft.com/pki/crl/{in_percent}/{in_wide_hex}.crl",
    f"http://{in_percent}:canarysecret@crl.canarycorp.example/{in_wide}/root.crl?who={USER}",
    "http://canarynas/CertEnroll/canarynas_Canary%20Root.crl",
]
for number, url in enumerate(urls):
    talk = Talk(51000 + number, PROXY, 3128, 2 + number)
    host = url.split("/")[2].split("@")[-1]
    first = [f"GET {url} HTTP/1.1", f"Host: {host}", agent, "Proxy-Connection: Keep-Alive"]
    talk.ask(first, busy, page)
    if number % 2 == 0:
        talk.ask(first + [f"Proxy-Authorization: NTLM {ntlm(1)}"],
                 busy[:1] + [f"Proxy-Authenticate: NTLM {challenge()}"], page)
        proof = ntlm(3, b"\2" * 24, b"\3" * 24, wide(DOMAIN), wide(USER), wide(MACHINE), b"")
        talk.ask(first + [f"Proxy-Authorization: NTLM {proof}"], busy, page)
    else:
        basic = base64.b64encode(plain).decode()
        talk.ask(first + [f"Proxy-Authorization: Basic {basic}"], busy, page)
    talk.end()
talk = Talk(52000, SERVER, 80, 9)
talk.ask(["GET /CertEnroll/canary.crt HTTP/1.1", "Host: pki.canarycorp.example",
          "User-Agent: CanaryAgent/1.0 (canarypc)"],
         ["HTTP/1.1 302 Found",
          f"Location: http://login.canarycorp.example/{in_percent}?u={in_base64}"])
talk.end()
wrpcap("canary.pcap", packets)
