#!/usr/bin/env python3
"""Checks the trust lists of build.py with tools that share no code with it:
cabextract for the cabinet, asn1crypto for the structure, the openssl program
for certificates and signatures.

    check.py OUT      (OUT as written by build.py)
"""

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

from asn1crypto import cms, core, parser


def run(*args, **kw):
    return subprocess.run(args, check=True, capture_output=True, **kw).stdout


def check(out, variant):
    cab = out / "ctl" / variant / "authrootstl.cab"
    with tempfile.TemporaryDirectory() as tmp:
        tmp = Path(tmp)
        run("cabextract", "-q", "-d", str(tmp), str(cab))
        stl = (tmp / "authroot.stl").read_bytes()
        assert stl == (out / "ctl" / f"{variant}.stl").read_bytes()

        info = cms.ContentInfo.load(stl, strict=True)
        signed = info["content"]
        assert signed["version"].native == "v1"
        inner = signed["encap_content_info"]
        assert inner["content_type"].dotted == "1.3.6.1.4.1.311.10.1"
        # The octets of the [0] are the list itself, with no OCTET STRING around it.
        ctl = core.Sequence.load(parser.parse(inner["content"].dump())[4], strict=True)
        signer = signed["signer_infos"][0]
        attrs = {a["type"].dotted: a["values"] for a in signer["signed_attrs"]}
        said = attrs["1.2.840.113549.1.9.4"][0].native
        assert hashlib.sha256(ctl.contents).digest() == said, "digest"

        certs = [c.chosen for c in signed["certificates"]]
        serial = signer["sid"].chosen["serial_number"].native
        publisher = next(c for c in certs if c.serial_number == serial)
        (tmp / "pub.der").write_bytes(publisher.public_key.dump())
        (tmp / "sig").write_bytes(signer["signature"].native)
        (tmp / "attrs").write_bytes(b"\x31" + signer["signed_attrs"].dump()[1:])
        run("openssl", "dgst", "-sha256", "-verify", str(tmp / "pub.der"),
            "-keyform", "DER", "-signature", str(tmp / "sig"), str(tmp / "attrs"))

        def pem(name):
            path = tmp / f"{name}.pem"
            path.write_bytes(run("openssl", "x509", "-inform", "DER", "-in",
                                 str(out / "certs" / f"{name}.crt")))
            return str(path)

        (tmp / "signer.der").write_bytes(publisher.dump())
        (tmp / "signer.pem").write_bytes(
            run("openssl", "x509", "-inform", "DER", "-in", str(tmp / "signer.der")))
        run("openssl", "verify", "-CAfile", pem("list-root"), "-untrusted",
            pem("list-pca"), str(tmp / "signer.pem"))
        sequence = ctl[1].contents.hex()
        entries = len(ctl[4])
        names = [c.subject.native["common_name"] for c in certs]
        print(f"{variant}: cab {cab.stat().st_size} stl {len(stl)} sequence {sequence} "
              f"thisUpdate {ctl[2].native:%Y-%m-%d %H:%M:%S} entries {entries} "
              f"encloses {names} signature {hashlib.sha256(signer['signature'].native).hexdigest()[:16]}"
              f" content {said.hex()[:16]}: digest and signature verified")


if __name__ == "__main__":
    for v in ("first", "resigned", "older"):
        check(Path(sys.argv[1]), v)
