#!/usr/bin/env python3
"""Writes objects/: what the machines of the generated fleet download and keep.

The same bytes in every run: keys of samples/lab/keys, fixed serials and times,
deterministic signatures. Needs the Python package "cryptography" (43 or later).
"""

import datetime as dt
import hashlib
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import build  # noqa: E402


def main():
    objects = HERE / "objects"
    objects.mkdir(exist_ok=True)
    versions = []

    def put(name, data, content=None):
        (objects / name).write_bytes(data)
        versions.append(f"{hashlib.sha256(content or data).hexdigest()}  {name}\n")

    with tempfile.TemporaryDirectory() as folder:
        build.build(folder, dt.date(2026, 11, 21))
        for variant in ("older", "first", "resigned"):
            lists = Path(folder) / "ctl"
            put(f"authroot-{variant}.cab", (lists / variant / "authrootstl.cab").read_bytes(),
                (lists / f"{variant}.stl").read_bytes())
    site = build.site_pki()
    put("shop.crt", build.der(site["shop"]))
    put("portal-expired.crt", build.der(site["portal_expired"]))
    put("issuing.crt", build.der(site["issuing"]))
    # The same authority and key, certified once more two days before the outage.
    again = build.cert(
        site["issuing"].subject, build.key("site-issuing"), site["root"].subject,
        build.key("site-root"), 0x2003, "2026-11-18", "2036-01-02", ca=0, usage=build.CA_USE,
        aia=f"http://{build.AIA_HOST}/certs/LabSiteRoot.crt",
        crl=f"http://{build.CRL_HOST}/crl/LabSiteRoot.crl")
    put("issuing-again.crt", build.der(again))
    for number, day in ((41, "2026-11-14"), (42, "2026-11-19")):
        put(f"issuing-{number}.crl", build.der(build.crl(
            site["issuing"], build.key("site-issuing"), number, build.day(day), 7, 12)))
    # By what a report knows an object: of a cabinet, the list in it.
    (objects / "versions.txt").write_text("".join(sorted(versions)))


if __name__ == "__main__":
    main()
