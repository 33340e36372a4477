#!/usr/bin/env python3
"""Lays the fixtures of the project into corpus/<target>/ as first inputs.

Packets and conversations are taken out of the captures; small scripts, logs,
events and settings are written out below.
"""

import gzip
import hashlib
import pathlib
import struct

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent
DATA = ROOT / "tests" / "data"
# Longer ones make every run slow; what they show, shorter ones show.
LONGEST = 131_072


def seed(target, data):
    data = bytes(data)
    if 0 < len(data) <= LONGEST:
        folder = HERE / "corpus" / target
        folder.mkdir(parents=True, exist_ok=True)
        name = "seed-" + hashlib.sha256(data).hexdigest()[:16]
        (folder / name).write_bytes(data)


def files():
    folders = [DATA, ROOT / "samples"]
    # Real data beside the project, where there is any, is not kept in it.
    folders.append(ROOT.parent / "shared" / "data")
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.suffix not in {".md", ".py", ".sh"}:
                yield path, path.read_bytes()


def blocks(data):
    """Frames of a pcap or pcapng: (link type, bytes)."""
    magic = data[:4]
    if magic in (b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4"):
        order = "<" if magic[0] == 0xD4 else ">"
        link = struct.unpack_from(order + "I", data, 20)[0]
        at = 24
        while at + 16 <= len(data):
            length = struct.unpack_from(order + "I", data, at + 8)[0]
            yield link, data[at + 16 : at + 16 + length]
            at += 16 + length
    elif magic == b"\x0a\x0d\x0d\x0a":
        order = "<" if data[8:12] == b"\x4d\x3c\x2b\x1a" else ">"
        links, at = [], 0
        while at + 12 <= len(data):
            kind, length = struct.unpack_from(order + "II", data, at)
            if length < 12:
                return
            if kind == 1:
                links.append(struct.unpack_from(order + "H", data, at + 8)[0])
            if kind == 6:
                interface = struct.unpack_from(order + "I", data, at + 8)[0]
                captured = struct.unpack_from(order + "I", data, at + 20)[0]
                if interface < len(links):
                    yield links[interface], data[at + 28 : at + 28 + captured]
            at += length


def payload(link, frame):
    """Ports and payload of a TCP segment or datagram over IPv4."""
    start = {1: 14, 101: 0, 113: 16, 0: 4}.get(link)
    if start is None or len(frame) < start + 20 or frame[start] >> 4 != 4:
        return None
    ip = frame[start:]
    header = (ip[0] & 15) * 4
    rest = ip[header : struct.unpack_from(">H", ip, 2)[0]]
    if ip[9] == 6 and len(rest) >= 20:
        return 6, (ip[12:16], rest[:2]), (ip[16:20], rest[2:4]), rest[(rest[12] >> 4) * 4 :]
    if ip[9] == 17 and len(rest) >= 8:
        return 17, (ip[12:16], rest[:2]), (ip[16:20], rest[2:4]), rest[8:]
    return None


def pieces(direction, data):
    """A piece of a conversation, as the target wants them."""
    out = b""
    for at in range(0, len(data), 255 * 16):
        part = data[at : at + 255 * 16]
        if len(part) < 256:
            out += bytes([direction, len(part)]) + part
        else:
            part = part + b"\0" * (-len(part) % 16)
            out += bytes([direction | 4, len(part) // 16]) + part
    return out


def from_capture(data):
    flows, seen = {}, set()
    for link, frame in blocks(data):
        if (link, len(frame) // 64) not in seen and link < 256:
            seen.add((link, len(frame) // 64))
            seed("packet", bytes([link, 0]) + frame)
        found = payload(link, frame)
        if not found or not found[3]:
            continue
        transport, source, destination, content = found
        if transport == 17:
            seed("datagram", bytes([4, 0, min(len(content), 255)]) + content[:255])
            if destination[1] in (b"\0\x43", b"\0\x44"):
                seed("datagram", b"\0" + content)
            continue
        key = tuple(sorted([source, destination]))
        client, parts = flows.setdefault(key, (source, []))
        parts.append((0 if source == client else 1, content))
    for _, parts in flows.values():
        for first in (0, 2, 9):
            seed("conversation", bytes([first]) + b"".join(pieces(*part) for part in parts)[:40_000])


def der(path, data):
    targets = {
        ".der": ["certificate", "crl", "ocsp"],
        ".cer": ["certificate"],
        ".crt": ["certificate"],
        ".crl": ["crl"],
        ".stl": ["trust_list"],
        ".cab": ["cabinet"],
        ".hive": ["hive"],
        ".evtx": ["event_log"],
        ".log": ["update_log", "access_log", "pasted"],
        ".pfx": ["pfx"],
        ".json": ["merge"],
        ".zip": ["zip"],
        ".toml": ["settings"],
    }
    for target in targets.get(path.suffix, []):
        seed(target, data)
    if path.suffix in {".der", ".cer", ".crt", ".crl", ".stl", ".cab", ".p7b"}:
        seed("object", data)
    if path.parent.name == "MetaData":
        seed("meta_data", data)
    if path.parent.name == "Content":
        seed("object", data)


SCRIPTS = [
    'function FindProxyForURL(u, h) { if (shExpMatch(h, "*.lab")) return "DIRECT"; return "PROXY p:3128; DIRECT"; }',
    'function FindProxyForURL(u, h) { if (isInNet(myIpAddress(), "10.0.0.0", "255.0.0.0") && dnsDomainLevels(h) > 1) { return "SOCKS5 s:1080"; } return null; }',
    'var a = {x: [1, 2, 3]}; function FindProxyForURL(u, h) { for (var i in a.x) { if (h.indexOf("a" + i) >= 0) return "DIRECT"; } try { throw 1; } catch (e) { return "PROXY a:1"; } }',
    'function FindProxyForURL(u, h) { return weekdayRange("MON", "FRI") && timeRange(8, 18) ? "PROXY w:1" : dateRange("JAN") ? "DIRECT" : /^[a-z]+$/.test(h) ? "PROXY r:2" : "HTTPS x:3"; }',
]
EVENT = """<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event"><System><Provider Name="Microsoft-Windows-CAPI2" Guid="{5bbca4a8-b209-48dc-a8c7-b23d3e5216fb}"/><EventID>%d</EventID><TimeCreated SystemTime="2011-02-21T08:59:14.694123900Z"/><EventRecordID>7</EventRecordID><Execution ProcessID="1234" ThreadID="5"/><Channel>Microsoft-Windows-CAPI2/Operational</Channel><Computer>PC-0415</Computer><Security UserID="S-1-5-18"/></System><UserData>%s</UserData></Event>"""
BODIES = [
    (53, '<CryptRetrieveObjectByUrlWire><URL scheme="http">http://crl.example/a.crl</URL><Object type="CONTEXT_OID_CRL" constant="2"/><Timeout>PT15S</Timeout><Flags value="2884013"/><AdditionalInfo><Action name="NetworkRetrieveTimeout"><Error value="102">x</Error></Action></AdditionalInfo><EventAuxInfo ProcessName="svchost.exe"/><CorrelationAuxInfo TaskId="{1}" SeqNumber="2"/><Result value="5B4">timeout</Result></CryptRetrieveObjectByUrlWire>'),
    (11, '<CertGetCertificateChain><Certificate fileRef="AA.cer" subjectName="www"/><CertificateChain chainRef="{1}"><TrustStatus><ErrorStatus value="1000040" CERT_TRUST_REVOCATION_STATUS_UNKNOWN="true"/><InfoStatus value="100"/></TrustStatus><ChainElement><Certificate fileRef="AA.cer" subjectName="www"/><SignatureAlgorithm oid="1.2.840.113549.1.1.11"/></ChainElement></CertificateChain><EventAuxInfo ProcessName="iexplore.exe"/><Result value="800B0112">x</Result></CertGetCertificateChain>'),
    (30, '<CertVerifyCertificateChainPolicy><Policy type="CERT_CHAIN_POLICY_SSL" constant="4"/><Certificate fileRef="AA.cer" subjectName="www"/><Result value="800B0109">x</Result></CertVerifyCertificateChainPolicy>'),
    (41, '<CertVerifyRevocation><Certificate fileRef="AA.cer" subjectName="www"/><IssuerCertificate fileRef="BB.cer" subjectName="ca"/><Flags value="0"/><AdditionalParameters timeToUse="2011-02-21T08:59:14Z"/><RevocationStatus index="0" error="80092013" reason="0"/><Result value="80092013">x</Result></CertVerifyRevocation>'),
]
LOGS = [
    '<![LOG[Failed to verify signature 0x800b0109]LOG]!><time="08:59:14.694-60" date="02-21-2011" component="WUAHandler" context="" type="3" thread="1234" file="a.cpp:12">\n',
    "2011-02-21\t08:59:14:694\t 924\t1a4\tMisc\tWARNING: Error: 0x800b0109 when verifying trust for C:\\\\x.cab\n",
    "2021/02/21 08:59:14.6941234 924 1234 Agent WARNING: WinHttp: SendRequestUsingProxy failed for <http://wsus:8530/a>. error 0x80072ee2\n",
]
SETTINGS = [
    'title = "x"\n[[machine]]\nname = "PC-0415"\naddresses = ["10.20.0.15"]\n[zones]\ndefault = "+01:00"\n',
    "2011-02-21T08:59:14Z",
    "Tue, 14 Nov 2023 22:13:20 GMT",
    "+05:30",
]
# flags, more, sequence, acknowledgment, length, missing, seconds: see flow.rs.
SYN, SYN_ACK, ACK, FIN, RST = (0x22, 0, 99), (0x27, 0, 499), (4, 0, 100), (12, 0, 100), (16, 0, 100)
FLOWS = [
    [SYN, SYN_ACK, ACK, (4, 0, 100, 20), (5, 0, 500, 50), (5, 0, 600, 50), (5, 0, 550, 50), FIN, (13, 0, 650)],
    [(4, 1, 0xFFFF, 40), (4, 0, 0, 40), (4, 0, 10, 90, 3), (5, 6, 0, 200), RST, (4, 0, 10, 90)],
    [SYN, SYN_ACK, (5, 4, 500, 255), (5, 4, 30_000, 255), RST, SYN, SYN_ACK, (4, 8, 100, 9), (4, 0, 120, 9)],
    [(8, 0x60, 0, 16), (0, 0x60, 2, 16), SYN, (0, 0x70, 99), (24, 0x60, 1, 9), (16, 0x60, 0, 9)],
]
WIN_HTTP = struct.pack("<III", 24, 0, 3) + struct.pack("<I", 7) + b"p:31280" + struct.pack("<I", 5) + b"local"
CONNECTIONS = struct.pack("<III", 70, 9, 15) + b"".join(
    struct.pack("<I", len(text)) + text for text in (b"p:3128", b"<local>", b"http://wpad/wpad.dat")
)


def main():
    for path, data in files():
        der(path, data)
        if path.suffix in {".pcap", ".pcapng"}:
            seed("capture", data[:20_000])
            from_capture(data)
        if len(data) < 60_000 and "pkits" not in path.parts and path.suffix not in {".txt", ".json"}:
            seed("pipeline", data)
        if path.suffix == ".bin" and path.parent.name == "protocol":
            seed("conversation", b"\0" + pieces(0, data))
    many = DATA / "pki" / "many-access-urls.der.gz"
    seed("certificate", gzip.decompress(many.read_bytes())[:20_000])
    seed("zip", many.read_bytes())
    for script in SCRIPTS:
        seed("proxy_script", script.encode())
    for number, body in BODIES:
        seed("event_xml", (EVENT % (number, body)).encode())
    for log in LOGS:
        seed("update_log", log.encode() * 3)
        seed("update_log", log.encode("utf-16"))
    for text in SETTINGS:
        seed("settings", text.encode())
    for flow in FLOWS:
        records = [(*record, 0, 0)[:5] for record in flow]
        seed("flow", b"".join(struct.pack("<BBHHBBB", *r[:3], 500, *r[3:], 1) for r in records))
    host = DATA / "host"
    for name in ("dirty.hive", "dirty-old-form.hive"):
        hive = (host / name).read_bytes()
        logs = [path.read_bytes() for path in sorted(host.glob(name + ".LOG*"))]
        seed("hive_log", struct.pack("<II", len(hive), len(logs[0])) + hive + b"".join(logs))
    for value in (WIN_HTTP, CONNECTIONS):
        seed("bytes_of_registry", value)
    for hive in sorted((DATA / "host").glob("*.hive")):
        data = hive.read_bytes()
        for needle in (b"\x20\0\0\0\1\0\0\0", b"\x03\0\0\0\1\0\0\0"):
            at = data.find(needle)
            if at >= 0:
                seed("bytes_of_registry", data[at : at + 4096])


main()
