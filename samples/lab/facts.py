"""Fact tables for the README of a sample, from tools that know nothing of
whychain: tshark for packets and bodies, openssl for certificates."""

import datetime as dt
import hashlib
import subprocess
import tempfile
from pathlib import Path

SECRETS = Path("/dev/null")


def run(*args):
    return subprocess.run(list(map(str, args)), check=True, capture_output=True,
                          text=True, errors="replace").stdout


def tshark(capture, display, *fields, options=()):
    args = ["tshark", *options, "-n", "-r", capture, "-Y", display, "-T", "fields",
            "-E", "separator=\t", "-E", "occurrence=a", "-E", "aggregator=|"]
    for f in fields:
        args += ["-e", f]
    return [line.split("\t") for line in run(*args).splitlines()]


def clock(epoch):
    return dt.datetime.fromtimestamp(float(epoch), dt.timezone.utc).strftime("%H:%M:%S.%f")


def streams(capture, display):
    return {r[0] for r in tshark(capture, display, "tcp.stream")}


def key_frames(capture):
    """Names, unanswered connects, HTTP, TLS, in order; the end of a connection
    where an answer or a handshake stopped short."""
    silent = (streams(capture, "tcp.flags.syn==1")
              - streams(capture, "tcp.flags.syn==1 && tcp.flags.ack==1"))
    short = {stream for stream, *_ in cut_short(capture).values()}
    short |= (streams(capture, "tls.handshake.type==1")
              - streams(capture, "tls.record.content_type==21 || tls.record.content_type==23"))
    display = "dns || http || tls.record.content_type"
    display += "".join(f" || tcp.stream=={s}" for s in sorted(silent))
    display += "".join(f" || (tcp.stream=={s} && (tcp.len>0 || tcp.flags.fin==1 || "
                       "tcp.flags.reset==1))" for s in sorted(short))
    rows = tshark(capture, display, "frame.number", "frame.time_epoch", "ip.src", "ip.dst",
                  "_ws.col.Protocol", "_ws.col.Info")
    date = dt.datetime.fromtimestamp(float(rows[0][1]), dt.timezone.utc).date()
    out = [f"Packets that matter, as `tshark` prints them ({date}, UTC):", "",
           "| no. | time | from | to | protocol | what |", "|---|---|---|---|---|---|"]
    for no, t, src, dst, proto, info in rows:
        info = " ".join(info.split()).replace("|", "/")
        if len(info) > 150:
            info = info[:147] + "..."
        out.append(f"| {no} | {clock(t)} | {src} | {dst} | {proto} | `{info.replace('`', '')}` |")
    return out


def cut_short(capture):
    """Requests whose answer began and did not end:
    request -> (stream, packet of the answer, status, promised, received)."""
    whole = {r[0] for r in tshark(capture, "http.response", "http.request_in")}
    ends = ["-o", "http.desegment_body:FALSE"]
    begun = {r[1]: r for r in tshark(capture, "http.response", "frame.number",
                                     "http.request_in", "tcp.stream", "http.response.code",
                                     "http.content_length", options=ends)}
    out = {}
    for request, (no, _, stream, code, length) in begun.items():
        if request in whole or not length:
            continue
        text = run("tshark", "-n", "-r", capture, "-q", "-z", f"follow,tcp,raw,{stream}")
        answer = bytes.fromhex("".join(line.strip() for line in text.splitlines()
                                       if line.startswith("\t")))
        out[request] = (stream, no, code, int(length), len(answer.partition(b"\r\n\r\n")[2]))
    return out


def answers(capture):
    rows = tshark(capture, "http.request", "frame.number", "tcp.stream", "http.request.method",
                  "http.request.full_uri", "http.user_agent")
    if not rows:
        return ["No HTTP in the capture."]
    replies = tshark(capture, "http.response", "frame.number", "http.request_in",
                     "http.response.code", "http.response.line")
    by_request = {}
    for r in replies:
        by_request.setdefault(r[1], r)
    bodies, short = exported(capture), cut_short(capture)
    out = ["HTTP exchanges (`tshark`, bodies by `tshark --export-objects http`):", "",
           "| request | answer | method | URL | status | proxy mark | body | SHA-256 of the body |",
           "|---|---|---|---|---|---|---|---|"]
    for no, _, method, url, _ in rows:
        r = by_request.get(no)
        if r is None and no in short:
            _, answer, code, promised, got = short[no]
            out.append(f"| {no} | {answer} | {method} | `{url}` | {code} | | "
                       f"{got} of {promised} | broken off |")
            continue
        if r is None:
            out.append(f"| {no} | none | {method} | `{url}` | | | | |")
            continue
        size, digest = bodies.get(r[0], ("", ""))
        digest = f"`{digest}`" if digest else ""
        out.append(f"| {no} | {r[0]} | {method} | `{url}` | {r[2]} | "
                   f"{'Via' if 'Via:' in r[3] else ''} | {size} | {digest} |")
    return out


def exported(capture):
    """Body sizes and digests by answer packet. Objects come out named after the
    URL; equal names get a number, in packet order."""
    rows = tshark(capture, "http.response", "frame.number", "http.response_for.uri",
                  "http.content_length", "http.response.code")
    with tempfile.TemporaryDirectory() as tmp:
        run("tshark", "-n", "-r", capture, "-q", "--export-objects", f"http,{tmp}")
        files = {p.name: p.read_bytes() for p in Path(tmp).iterdir()}
    out = {}
    left = dict(files)
    for no, uri, length, code in rows:
        size = int(length) if length else None
        tail = uri.rsplit("/", 1)[-1]
        for name in sorted(left):
            stem = name.replace("%25", "%")
            base = tail.split("?")[0]
            plain = base.rsplit(".", 1)[0]
            if plain and stem.startswith(plain[:40]) and size == len(left[name]):
                body = left.pop(name)
                out[no] = (len(body), hashlib.sha256(body).hexdigest())
                break
    return out


def certificates(capture):
    keys = [("-o", f"tls.keylog_file:{log}") for log in sorted(capture.parent.glob("*.log"))]
    rows = tshark(capture, "tls.handshake.certificate", "frame.number", "ip.src",
                  "tls.handshake.certificate", options=sum(keys, ()))
    out = ["Certificates in TLS handshakes (`tshark`, `openssl x509`):", "",
           "| packet | subject | issuer | not before | not after | SHA-1 |",
           "|---|---|---|---|---|---|"]
    for no, _, chain in rows:
        for hexed in chain.split("|"):
            out.append(f"| {no} " + certificate_row(bytes.fromhex(hexed.replace(":", ""))))
    return out if rows else []


def certificate_row(der):
    with tempfile.NamedTemporaryFile(suffix=".crt") as f:
        f.write(der)
        f.flush()
        text = run("openssl", "x509", "-inform", "DER", "-in", f.name, "-noout", "-subject",
                   "-issuer", "-startdate", "-enddate", "-nameopt", "RFC2253", "-dateopt",
                   "iso_8601")
    v = [line.split("=", 1)[1] for line in text.splitlines()]
    return (f"| `{v[0]}` | `{v[1]}` | {v[2]} | {v[3]} | "
            f"`{hashlib.sha1(der).hexdigest()}` |")


def file_table(folder):
    out = ["Files:", "", "| file | bytes | SHA-256 |", "|---|---|---|"]
    for p in sorted(folder.rglob("*")):
        if p.is_file() and p.name not in ("README.md", "report.txt", "report.json"):
            data = p.read_bytes()
            out.append(f"| `{p.relative_to(folder)}` | {len(data)} | "
                       f"`{hashlib.sha256(data).hexdigest()}` |")
    return out


def write_readme(story, folder):
    lines = [story.read_text().rstrip(), "", "## Facts", ""]
    for capture in sorted(folder.glob("*.pcapng")):
        lines += key_frames(capture) + [""]
        lines += answers(capture) + [""]
        lines += certificates(capture) + [""]
    lines += file_table(folder)
    (folder / "README.md").write_text("\n".join(lines) + "\n")
