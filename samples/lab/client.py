#!/usr/bin/env python3
"""The client of the lab: does the steps it reads (JSON) from standard input and
writes what came of them (JSON) to standard output. Runs inside the client's
network namespace.

Requests carry the header lines of the Windows CryptoAPI in its order. TLS goes
through OpenSSL with memory buffers, so that a handshake can wait after the
server's certificates have arrived, as it does on Windows while the chain is
being built, and go on when other steps are done.
"""

import base64
import datetime as dt
import hashlib
import json
import os
import random
import select
import socket
import ssl
import struct
import sys
import time
from urllib.parse import urlsplit

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import ldap_words as ldap

AGENT = "Microsoft-CryptoAPI/6.1"


def now():
    return dt.datetime.now(dt.timezone.utc).isoformat()


class Abandoned(Exception):
    """The client gives up during the handshake and closes the connection."""


NTLM_FLAGS = 0xA2088207


def ntlm_offer():
    return b"NTLMSSP\0" + struct.pack("<II", 1, NTLM_FLAGS) + bytes(16) + bytes.fromhex(
        "0601b11d0000000f")


def ntlm_answer(domain, user, machine):
    """A type 3 message. The responses are the hash of a fixed text: there is no
    password, and the helper of the lab's proxy accepts any."""
    fake = hashlib.sha256(b"whychain lab, no password").digest()[:24]
    parts = [fake, fake, *(t.encode("utf-16-le") for t in (domain, user, machine)), b""]
    at, fields, payload = 64 + 8, b"", b""
    for part in parts:
        fields += struct.pack("<HHI", len(part), len(part), at + len(payload))
        payload += part
    return (b"NTLMSSP\0" + struct.pack("<I", 3) + fields + struct.pack("<I", NTLM_FLAGS)
            + bytes.fromhex("0601b11d0000000f") + payload)


class Client:
    def __init__(self, script):
        self.dns_server = script["dns"]
        self.save = script["save"]
        self.names = {}
        self.idle = {}
        self.log = []

    # -- names

    def resolve(self, host, tries=(1, 1, 2, 4)):
        """An address, or None. One cache for the whole machine."""
        if host[0].isdigit():
            return host
        if host in self.names:
            return self.names[host]
        ident = random.randrange(65536)
        labels = b"".join(bytes([len(x)]) + x.encode() for x in host.split("."))
        query = struct.pack(">6H", ident, 0x0100, 1, 0, 0, 0) + labels + b"\0\0\1\0\1"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.connect((self.dns_server, 53))
            for wait in tries:
                s.settimeout(wait)
                try:
                    s.send(query)
                    answer = s.recv(4096)
                except (TimeoutError, ConnectionError):
                    continue
                break
            else:
                return None
        count = struct.unpack(">H", answer[6:8])[0]
        at = len(query)
        for _ in range(count):
            while answer[at]:
                if answer[at] >= 0xC0:
                    at += 1
                    break
                at += answer[at] + 1
            at += 1
            kind, _, _, size = struct.unpack(">HHIH", answer[at:at + 10])
            at += 10
            if kind == 1:
                self.names[host] = socket.inet_ntoa(answer[at:at + 4])
                return self.names[host]
            at += size
        return None

    def connect(self, host, port, timeout=10, own=None):
        """`own`: the address of the machine that this step plays."""
        address = self.resolve(host)
        if address is None:
            raise OSError("name not resolved")
        s = socket.create_connection((address, port), timeout, own and (own, 0))
        s.settimeout(20)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return s

    # -- looking for a proxy

    @staticmethod
    def address():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.connect(("203.0.113.1", 9))
            return s.getsockname()[0]

    def inform(self, step):
        """DHCPINFORM that asks for option 252, as WinHTTP sends it."""
        own = self.address()
        mac = bytes.fromhex("02000a14000f")
        options = (b"\x35\x01\x08" + b"\x3d\x07\x01" + mac
                   + bytes([12, len(step["name"])]) + step["name"].encode()
                   + b"\x3c\x08MSFT 5.0" + bytes([55, 4, 6, 15, 44, 252]) + b"\xff")
        message = (struct.pack(">BBBBIHH", 1, 1, 6, 0, random.randrange(2**32), 0, 0)
                   + socket.inet_aton(own) + bytes(12) + mac + bytes(10 + 192)
                   + b"\x63\x82\x53\x63" + options)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
            s.bind(("0.0.0.0", 68))
            s.settimeout(3)
            s.sendto(message, ("255.255.255.255", 67))
            try:
                answer = s.recv(2048)
            except TimeoutError:
                answer = b""
        return {"inform": len(answer), "started": now()}

    def lookup(self, step):
        """A name by DNS, then, without an answer, asked of everybody."""
        found = self.resolve(step["name"])
        label = step["name"].split(".")[0]
        if found is None and "llmnr" in step["then"]:
            query = (struct.pack(">6H", random.randrange(65536), 0, 1, 0, 0, 0)
                     + bytes([len(label)]) + label.encode() + b"\0\0\1\0\1")
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                for _ in range(2):
                    s.sendto(query, ("224.0.0.252", 5355))
                    if select.select([s], [], [], 0.4)[0]:
                        found = self.names[label] = socket.inet_ntoa(s.recv(512)[-4:])
                        break
        if found is None and "nbns" in step["then"]:
            raw = label.upper().ljust(15).encode() + b"\0"
            name = bytes(x for c in raw for x in (65 + (c >> 4), 65 + (c & 15)))
            query = (struct.pack(">6H", random.randrange(65536), 0x0110, 1, 0, 0, 0)
                     + b"\x20" + name + b"\0\0\x20\0\1")
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
                s.bind(("", 137))
                for _ in range(3):
                    s.sendto(query, ("10.20.0.255", 137))
                    time.sleep(0.75)
        return {"lookup": step["name"], "found": found, "started": now()}

    # -- a directory

    def directory(self, step):
        """Finds a directory by its SRV record, binds and searches."""
        labels = b"".join(bytes([len(x)]) + x.encode() for x in step["service"].split("."))
        query = (struct.pack(">6H", random.randrange(65536), 0x0100, 1, 0, 0, 0)
                 + labels + b"\0\0\x21\0\1")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(2)
            s.sendto(query, (self.dns_server, 53))
            s.recv(4096)
        s = self.connect(step["server"], 389)
        sealed = step["sealed"]
        s.sendall(ldap.message(1, ldap.bind(sealed)))
        ldap.read(s)
        wrap = ldap.sealed if sealed else lambda it: it
        s.sendall(wrap(ldap.message(2, ldap.search(step["base"], step["attribute"]))))
        sizes = [len(ldap.read(s, sealed)) for _ in range(2)]
        s.sendall(wrap(ldap.message(3, ldap.unbind())))
        s.close()
        return {"directory": step["server"], "sizes": sizes, "started": now()}

    # -- HTTP

    @staticmethod
    def read_answer(s, head_only=False):
        raw = b""
        while b"\r\n\r\n" not in raw:
            part = s.recv(65536)
            if not part:
                raise OSError("closed before the header ended")
            raw += part
        head, body = raw.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        status = int(lines[0].split()[1])
        headers = {k.strip().lower(): v.strip() for k, v in
                   (line.split(":", 1) for line in lines[1:])}
        complete = True
        if head_only or status == 304 or status < 200:
            return status, headers, body, True
        if headers.get("transfer-encoding", "").lower() == "chunked":
            while not body.endswith(b"0\r\n\r\n"):
                part = s.recv(65536)
                if not part:
                    complete = False
                    break
                body += part
            out = b""
            while body:
                size, _, body = body.partition(b"\r\n")
                n = int(size or b"0", 16)
                out, body = out + body[:n], body[n + 2:]
                if n == 0:
                    break
            body = out
        else:
            want = headers.get("content-length")
            while want is None or len(body) < int(want):
                part = s.recv(65536)
                if not part:
                    complete = want is None
                    break
                body += part
        return status, headers, body, complete

    def get(self, step):
        """One request. `conn` names a connection to keep and use again."""
        url = urlsplit(step["url"])
        proxy = step.get("proxy")
        key = step.get("conn")
        result = {"url": step["url"], "started": now(), "as": step.get("as")}
        s = self.idle.pop(key, None) if key else None
        host, port = (proxy.split(":") if proxy else (url.hostname, url.port or 80))
        if s is None:
            s = self.connect(host, int(port), step.get("timeout", 10), step.get("from"))
        first, more = [], []
        if step.get("refresh"):
            had = [e for e in self.log if e.get("url") == step["url"]
                   and e.get("status") == 200][-1]["headers"]
            age = had["cache-control"].partition("max-age=")[2]
            first = [f"Cache-Control: max-age = {age}"]
            more = [f"If-Modified-Since: {had['last-modified']}",
                    f"If-None-Match: {had['etag']}"]
        if step.get("reload"):
            first = ["Cache-Control: no-cache"]
            more = ["Pragma: no-cache"]
        target = url.path + (f"?{step['query']}" if step.get("query") else "")
        keep = "Proxy-Connection" if proxy else "Connection"
        text = step.get("post", "").encode()
        if text:
            more += ["Content-Type: text/xml; charset=utf-8", f"Content-Length: {len(text)}"]
            if step.get("soap"):
                more += [f"SOAPAction: \"{step['soap']}\""]
        method = "POST" if text else "GET"
        lines = [f"{method} {'http://' + url.netloc if proxy else ''}{target} HTTP/1.1",
                 *first, f"{keep}: Keep-Alive", "Accept: */*", *more,
                 f"User-Agent: {step.get('agent', AGENT)}", f"Host: {url.netloc}"]
        s.sendall(("\r\n".join(lines) + "\r\n\r\n").encode() + text)
        status, headers, body, complete = self.read_answer(s)
        if status == 407 and step.get("login"):
            # The machine logs on with NTLM inside Negotiate's place: offer, answer.
            for message in (ntlm_offer(), ntlm_answer(*step["login"])):
                text = base64.b64encode(message).decode()
                if "close" in headers.get("connection", "").lower():
                    s.close()
                    s = self.connect(host, int(port), step.get("timeout", 10))
                login = [*lines, f"Proxy-Authorization: Negotiate {text}"]
                s.sendall(("\r\n".join(login) + "\r\n\r\n").encode())
                status, headers, body, complete = self.read_answer(s)
                if status != 407:
                    break
        result |= {"ended": now(), "status": status, "headers": headers, "size": len(body),
                   "sha256": hashlib.sha256(body).hexdigest(), "complete": complete}
        with open(os.path.join(self.save, result["sha256"]), "wb") as f:
            f.write(body)
        close = "close" in (headers.get("connection", "") +
                            headers.get("proxy-connection", "")).lower()
        if key and complete and not close:
            self.idle[key] = s
        else:
            s.close()
        return result

    # -- TLS

    def tls(self, step):
        host = step["host"]
        result = {"tls": host, "started": now(), "as": step.get("as")}
        if step.get("proxy"):
            where, port = step["proxy"].split(":")
            s = self.connect(where, int(port))
            lines = (f"CONNECT {host}:443 HTTP/1.0\r\n"
                     f"User-Agent: {step['agent']}\r\n"
                     f"Host: {host}\r\nContent-Length: 0\r\n"
                     "Proxy-Connection: Keep-Alive\r\nPragma: no-cache\r\n")
            s.sendall((lines + "\r\n").encode())
            status, headers, rest, _ = self.read_answer(s, head_only=True)
            if status == 407 and step.get("user"):
                # The browser logs on with NTLM: offer, challenge, answer.
                for message in (ntlm_offer(), ntlm_answer(*step["user"])):
                    want = int(headers.get("content-length", 0))
                    while len(rest) < want:
                        rest += s.recv(65536)
                    if "close" in headers.get("connection", "").lower():
                        s.close()
                        s = self.connect(where, int(port))
                    text = base64.b64encode(message).decode()
                    s.sendall((lines + f"Proxy-Authorization: NTLM {text}\r\n\r\n").encode())
                    status, headers, rest, _ = self.read_answer(s, head_only=True)
            if status != 200:
                raise OSError(f"CONNECT answered {status}")
        else:
            s, rest = self.connect(host, step.get("port", 443), own=step.get("from")), b""
        ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        version = ssl.TLSVersion.TLSv1_3 if step.get("tls13") else ssl.TLSVersion.TLSv1_2
        ctx.minimum_version = ctx.maximum_version = version
        if step.get("keys"):
            ctx.keylog_filename = step["keys"]
        ctx.load_verify_locations(step["roots"])
        for extra in step.get("also", []):
            ctx.load_verify_locations(extra)
        # As WinHTTP does: finish the handshake, then look at the name, then go.
        late = step.get("name_after")
        ctx.check_hostname = not late
        come, go = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = ctx.wrap_bio(come, go, server_hostname=host)
        come.write(rest)
        paused = step.get("while_paused")

        def flush():
            data = go.read()
            if data:
                s.sendall(data)

        def more():
            part = s.recv(65536)
            if not part:
                come.write_eof()
            come.write(part)

        def attempt(act):
            nonlocal paused
            while True:
                try:
                    return act()
                except ssl.SSLWantReadError:
                    flush()
                    if paused is not None:
                        # The server's whole flight, kept back from OpenSSL.
                        flight = b""
                        while select.select([s], [], [], 0.4)[0]:
                            flight += s.recv(65536)
                        steps, paused = paused, None
                        self.run(steps)
                        if step.get("abandon"):
                            raise Abandoned
                        come.write(flight)
                    else:
                        more()

        try:
            attempt(tls.do_handshake)
            flush()
            names = [value for _, value in tls.getpeercert()["subjectAltName"]] if late else []
            if late and host not in names:
                raise Abandoned
            text = step.get("post", "")
            soap = (f"Content-Type: text/xml; charset=utf-8\r\nContent-Length: {len(text)}\r\n"
                    f"SOAPAction: \"{step.get('soap', '')}\"\r\n") if text else ""
            tls.write((f"{'POST' if text else 'GET'} {step.get('path', '/')} HTTP/1.1\r\n"
                       f"Accept: text/html, */*\r\n{soap}"
                       f"User-Agent: {step['agent']}\r\nHost: {host}\r\n"
                       f"Connection: Keep-Alive\r\n\r\n{text}").encode())
            flush()
            page = attempt(lambda: tls.read(65536))
            result |= {"ended": now(), "completed": True, "page": len(page)}
            try:
                tls.unwrap()
            except ssl.SSLError:
                pass
            flush()
        except Abandoned:
            result |= {"ended": now(), "completed": False, "error": "closed by the client"}
        except ssl.SSLError as e:
            flush()
            result |= {"ended": now(), "completed": False, "error": str(e)}
        s.close()
        return result

    # -- steps

    def run(self, steps):
        for step in steps:
            kind = step["do"]
            begin = now()
            try:
                if kind == "sleep":
                    time.sleep(step["s"])
                    continue
                self.log.append({"get": self.get, "tls": self.tls, "inform": self.inform,
                                 "lookup": self.lookup,
                                 "directory": self.directory}[kind](step))
            except OSError as e:
                self.log.append({"url": step.get("url"), "tls": step.get("host"),
                                 "as": step.get("as"), "started": begin, "ended": now(),
                                 "failed": str(e) or type(e).__name__})


def main():
    script = json.load(sys.stdin)
    client = Client(script)
    client.run(script["steps"])
    for s in client.idle.values():
        s.close()
    json.dump(client.log, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
