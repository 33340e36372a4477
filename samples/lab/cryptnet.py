"""Writes CryptnetUrlCache folders: MetaData records with the 112-byte header of
Windows Vista and later, and Content files with the exact body.
"""

import datetime as dt
import email.utils
import hashlib
import struct
from pathlib import Path

UTC = dt.timezone.utc
NONE, BLOB, CRL, OCSP, AUTHROOT, DISALLOWED, PINRULES = 0, 1, 2, 3, 5, 6, 7
NEVER = 0xFFFFFFFF
LAYOUT = "<4IQ 4I3Q 2IQ I2HQ4I"


def filetime(t):
    if t is None:
        return 0
    if isinstance(t, str):
        t = dt.datetime.fromisoformat(t)
    d = t - dt.datetime(1601, 1, 1, tzinfo=UTC)
    return (d.days * 86400 + d.seconds) * 10_000_000 + d.microseconds * 10


def file_name(url, cdp_der=None):
    """MD5 of the URL in UTF-16LE; an OCSP entry of a certificate with CRL
    distribution points has the MD5 of that extension in front."""
    name = hashlib.md5(url.encode("utf-16-le")).hexdigest().upper()
    if cdp_der:
        name = f"{hashlib.md5(cdp_der).hexdigest().upper()}_{name}"
    return name


def proxy_id(headers):
    """Zero without a Via line. What Windows feeds into the hash is not known in
    full; only zero or not zero means anything in these folders."""
    if "via" not in headers:
        return 0
    text = "".join(headers.get(h, "") for h in ("via", "etag", "last-modified"))
    return struct.unpack("<I", hashlib.md5(text.encode("utf-16-le")).digest()[:4])[0]


def max_age(headers):
    for part in headers.get("cache-control", "").split(","):
        k, _, v = part.strip().partition("=")
        if k == "max-age":
            return int(v)
    return 0


def metadata(url, size, sync, headers, kind=NONE, this=None, following=None,
             publish=None, exempt=0, error=0):
    etag = headers.get("etag", "")
    if etag.startswith("W/"):
        etag = ""
    etag = (etag + "\0").encode("utf-16-le") if etag else b""
    url = (url + "\0").encode("utf-16-le")
    modified = headers.get("last-modified")
    modified = email.utils.parsedate_to_datetime(modified) if modified else None
    head = struct.pack(
        LAYOUT,
        112, 0x20020101, 1, len(url), filetime(sync),
        40, kind, error, 0, filetime(this), filetime(following), filetime(publish),
        16, exempt, filetime(following),
        32, 1, 0x8000, filetime(modified), max_age(headers), len(etag),
        proxy_id(headers), 0)
    assert len(head) == 112
    return head + struct.pack("<I", size) + url + etag


class Folder:
    """One CryptnetUrlCache: a mapping of relative path to (bytes, time)."""

    def __init__(self, prefix, files):
        self.prefix, self.files = Path(prefix), files

    def add(self, url, body, sync, headers, cdp_der=None, **kw):
        name = file_name(url, cdp_der)
        meta = metadata(url, len(body), sync, headers, **kw)
        if isinstance(sync, str):
            sync = dt.datetime.fromisoformat(sync)
        for part, data in (("Content", body), ("MetaData", meta)):
            self.files[self.prefix / part / name] = (data, sync)

    def add_list(self, url, body, sync, headers):
        """A trust-list cabinet: checked at `sync`, due again a week later."""
        if isinstance(sync, str):
            sync = dt.datetime.fromisoformat(sync)
        following = sync + dt.timedelta(hours=168)
        self.add(url, body, sync, headers, kind=AUTHROOT, this=sync, following=following,
                 publish=following - dt.timedelta(hours=12), exempt=NEVER)
