#!/usr/bin/env python3
"""Builds the PKI, the trust lists and the web files of the sample lab.

Everything comes out byte for byte the same for the same --day: keys are the
PEM files in keys/, serial numbers and dates are fixed, all signatures are
deterministic. CRLs, OCSP answers and nothing else depend on the day.

    build.py OUT [--day 2026-11-21]     write everything below OUT
    build.py --new-keys                 make keys that are missing in keys/

Needs the Python package "cryptography" (43 or later, for deterministic ECDSA).
"""

import argparse
import base64
import datetime as dt
import hashlib
import json
import os
import struct
import urllib.parse
import zlib
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID as AIA
from cryptography.x509.oid import ExtendedKeyUsageOID as EKU
from cryptography.x509.oid import NameOID

HERE = Path(__file__).resolve().parent
KEYS = HERE / "keys"
UTC = dt.timezone.utc

KEY_NAMES = [
    "trust-list-root", "trust-list-pca", "trust-list-publisher",
    "site-root", "site-issuing", "site-ocsp", "site-server", "device-ca",
]

# Hosts. The first is the one Windows itself asks; it exists only inside the
# namespaces of the lab.
CTL_HOST = "www.download.windowsupdate.com"
NEW_CTL_HOST = "ctldl.windowsupdate.com"
CTL_DIR = "/msdownload/update/v3/static/trustedr/en/"
PKI_HOST = "pki.lab.example"
AIA_HOST = "aia.lab.example"
CRL_HOST = "crl.lab.example"
OCSP_HOST = "ocsp.lab.example"
INTRANET_CRL_HOST = "crl.corp.lab.example"

PCA_PATH = "/pki/certs/WhychainLabTrustListPCA_2026-01-02.crt"
PCA_URL = f"http://{PKI_HOST}{PCA_PATH}"
ISSUING_PATH = "/certs/LabSiteIssuingCA1.crt"
ISSUING_URL = f"http://{AIA_HOST}{ISSUING_PATH}"
ISSUING_CRL_PATH = "/crl/LabSiteIssuingCA1.crl"
ISSUING_CRL_URL = f"http://{CRL_HOST}{ISSUING_CRL_PATH}"

THIS_UPDATE = dt.datetime(2026, 11, 10, 20, 54, 12, 694000, UTC)
OLD_UPDATE = dt.datetime(2026, 9, 22, 17, 31, 5, 120000, UTC)


# ---------------------------------------------------------------- DER by hand

def tlv(tag, *parts):
    body = b"".join(parts)
    n = len(body)
    if n < 0x80:
        head = bytes([tag, n])
    else:
        size = n.to_bytes((n.bit_length() + 7) // 8, "big")
        head = bytes([tag, 0x80 | len(size)]) + size
    return head + body


def seq(*parts):
    return tlv(0x30, *parts)


def set_of(*parts):
    return tlv(0x31, *sorted(parts))


def octets(value):
    return tlv(0x04, value)


def integer(value):
    if isinstance(value, int):
        value = value.to_bytes(value.bit_length() // 8 + 1, "big")
    return tlv(0x02, value)


def oid(dotted):
    arcs = [int(x) for x in dotted.split(".")]
    out = bytes([arcs[0] * 40 + arcs[1]])
    for arc in arcs[2:]:
        part = [arc & 0x7F]
        while arc := arc >> 7:
            part.append(0x80 | arc & 0x7F)
        out += bytes(reversed(part))
    return tlv(0x06, out)


NULL = b"\x05\x00"


def utc_time(t):
    return tlv(0x17, t.strftime("%y%m%d%H%M%SZ").encode())


def generalized_time(t):
    return tlv(0x18, t.strftime("%Y%m%d%H%M%SZ").encode())


def filetime(t):
    """100 ns steps since 1601, as an integer."""
    d = t - dt.datetime(1601, 1, 1, tzinfo=UTC)
    return (d.days * 86400 + d.seconds) * 10_000_000 + d.microseconds * 10


# ----------------------------------------------------------------------- keys

def key(name):
    pem = (KEYS / f"TEST-KEY-{name}.pem").read_bytes()
    return serialization.load_pem_private_key(pem, None)


def new_keys():
    KEYS.mkdir(exist_ok=True)
    for name in KEY_NAMES:
        path = KEYS / f"TEST-KEY-{name}.pem"
        if path.exists():
            continue
        k = rsa.generate_private_key(65537, 2048)
        path.write_bytes(k.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption()))
        print("made", path)


# --------------------------------------------------------------- certificates

def name(cn, o="Whychain Lab"):
    return x509.Name([
        x509.NameAttribute(NameOID.COUNTRY_NAME, "US"),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, o),
        x509.NameAttribute(NameOID.COMMON_NAME, cn),
    ])


def day(text):
    t = dt.datetime.fromisoformat(text)
    return t.replace(tzinfo=UTC)


def cert(subject, subject_key, issuer, issuer_key, serial, start, end, *,
         ca=None, eku=(), usage=(), san=(), aia=None, ocsp=None, crl=None,
         nocheck=False):
    b = (x509.CertificateBuilder()
         .subject_name(subject).issuer_name(issuer)
         .public_key(subject_key.public_key()).serial_number(serial)
         .not_valid_before(day(start)).not_valid_after(day(end)))
    if ca is not None:
        path_len = None if ca == "any" else ca
        b = b.add_extension(x509.BasicConstraints(True, path_len), True)
    names = ["digital_signature", "content_commitment", "key_encipherment",
             "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign",
             "encipher_only", "decipher_only"]
    b = b.add_extension(x509.KeyUsage(**{n: n in usage for n in names}), True)
    if eku:
        b = b.add_extension(x509.ExtendedKeyUsage(
            [x509.ObjectIdentifier(o) for o in eku]), False)
    if san:
        b = b.add_extension(x509.SubjectAlternativeName(
            [x509.DNSName(n) for n in san]), False)
    b = b.add_extension(
        x509.SubjectKeyIdentifier.from_public_key(subject_key.public_key()), False)
    if subject != issuer:
        b = b.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(
                issuer_key.public_key()), False)
    if crl:
        b = b.add_extension(x509.CRLDistributionPoints([x509.DistributionPoint(
            [x509.UniformResourceIdentifier(crl)], None, None, None)]), False)
    access = []
    if ocsp:
        access.append(x509.AccessDescription(
            AIA.OCSP, x509.UniformResourceIdentifier(ocsp)))
    if aia:
        access.append(x509.AccessDescription(
            AIA.CA_ISSUERS, x509.UniformResourceIdentifier(aia)))
    if access:
        b = b.add_extension(x509.AuthorityInformationAccess(access), False)
    if nocheck:
        b = b.add_extension(x509.OCSPNoCheck(), False)
    if isinstance(issuer_key, ec.EllipticCurvePrivateKey):
        return b.sign(issuer_key, hashes.SHA256(), ecdsa_deterministic=True)
    return b.sign(issuer_key, hashes.SHA256())


def der(obj):
    return obj.public_bytes(serialization.Encoding.DER)


def pem(obj):
    return obj.public_bytes(serialization.Encoding.PEM)


CA_USE = ("digital_signature", "key_cert_sign", "crl_sign")
SERVER_USE = ("digital_signature", "key_encipherment")
LIST_SIGNER = "1.3.6.1.4.1.311.10.3.9"
TRUST_LIST_SIGNING = "1.3.6.1.4.1.311.10.3.1"


def trust_list_pki():
    root_k, pca_k, pub_k = map(key, KEY_NAMES[:3])
    root_n = name("Whychain Lab Root Authority")
    pca_n = name("Whychain Lab Trust List PCA")
    pub_n = name("Whychain Lab Trust List Publisher")
    root = cert(root_n, root_k, root_n, root_k, 0x1001,
                "2026-01-01", "2046-01-01", ca="any", usage=CA_USE)
    pca = cert(pca_n, pca_k, root_n, root_k, 0x6103019E000100000002,
               "2026-01-02", "2035-01-02", ca="any", usage=CA_USE,
               eku=(TRUST_LIST_SIGNING, LIST_SIGNER),
               crl=f"http://{CRL_HOST}/crl/WhychainLabRootAuthority.crl")
    aia = dict(aia=PCA_URL, crl=f"http://{CRL_HOST}/crl/WhychainLabTrustListPCA.crl")
    # The signer of the first list of the lab, and that of the later one,
    # certified 95 seconds before the later list was made.
    old_pub = cert(pub_n, pub_k, pca_n, pca_k, 0x6103019F00010000000E,
                   "2026-01-05", "2035-01-01",
                   usage=("digital_signature",), eku=(LIST_SIGNER,), **aia)
    pub = cert(pub_n, pub_k, pca_n, pca_k, 0x6103019F00010000000F,
               "2026-11-10T20:52:37", "2035-01-01",
               usage=("digital_signature",), eku=(LIST_SIGNER,), **aia)
    return dict(root=root, pca=pca, old_publisher=old_pub, publisher=pub)


def site_pki():
    root_k, issuing_k = key("site-root"), key("site-issuing")
    server_k, ocsp_k = key("site-server"), key("site-ocsp")
    root_n = name("Lab Site Root", "Whychain Lab Sites")
    issuing_n = name("Lab Site Issuing CA 1", "Whychain Lab Sites")
    root = cert(root_n, root_k, root_n, root_k, 0x2001,
                "2026-01-01", "2046-01-01", ca="any", usage=CA_USE)
    issuing = cert(issuing_n, issuing_k, root_n, root_k, 0x2002,
                   "2026-01-02", "2036-01-02", ca=0, usage=CA_USE,
                   eku=(EKU.SERVER_AUTH.dotted_string, EKU.CLIENT_AUTH.dotted_string),
                   aia=f"http://{AIA_HOST}/certs/LabSiteRoot.crt",
                   crl=f"http://{CRL_HOST}/crl/LabSiteRoot.crl")

    def server(host, serial, start, end, ocsp=f"http://{OCSP_HOST}"):
        return cert(name(host, "Whychain Lab Sites"), server_k, issuing_n, issuing_k,
                    serial, start, end, usage=SERVER_USE, san=(host,),
                    eku=(EKU.SERVER_AUTH.dotted_string,),
                    aia=ISSUING_URL, ocsp=ocsp, crl=ISSUING_CRL_URL)

    ocsp = cert(name("Lab Site OCSP Responder", "Whychain Lab Sites"), ocsp_k,
                issuing_n, issuing_k, 0x2F01, "2026-01-03", "2035-01-01",
                usage=("digital_signature",),
                eku=(EKU.OCSP_SIGNING.dotted_string,), nocheck=True)
    return dict(
        root=root, issuing=issuing, ocsp=ocsp,
        shop=server("shop.lab.example", 0x2A01, "2026-03-01", "2035-01-01"),
        portal_expired=server("portal.lab.example", 0x2A02, "2025-11-14", "2026-11-14"),
        portal=server("portal.lab.example", 0x2A03, "2026-11-13", "2035-01-01"),
        vpn=server("vpn.lab.example", 0x2A04, "2026-04-01", "2035-01-01", ocsp=None),
    )


FILLER_WORDS = ("Amber Birch Cedar Dune Ember Fjord Garnet Harbor Indigo Juniper "
                "Kestrel Lagoon Maple Nimbus Onyx Prairie Quartz Raven Summit "
                "Timber").split()


def filler_roots():
    """38 more roots for the list; their keys come from their names."""
    out = []
    for i in range(38):
        cn = f"{FILLER_WORDS[i % 20]} Lab Root CA {'G2' if i >= 20 else 'G1'}"
        scalar = int.from_bytes(hashlib.sha256(b"whychain lab " + cn.encode()).digest(), "big")
        k = ec.derive_private_key(scalar % (2**255), ec.SECP256R1())
        n = name(cn, f"{FILLER_WORDS[i % 20]} Lab Trust Services")
        out.append(cert(n, k, n, k, 0x3000 + i, "2026-01-01", "2046-01-01",
                        ca="any", usage=CA_USE))
    return out


# ---------------------------------------------------------------- trust lists

OID_SIGNED_DATA = "1.2.840.113549.1.7.2"
OID_CTL = "1.3.6.1.4.1.311.10.1"
OID_SHA1 = "1.3.14.3.2.26"
OID_SHA256 = "2.16.840.1.101.3.4.2.1"
OID_RSA = "1.2.840.113549.1.1.1"
OID_CONTENT_TYPE = "1.2.840.113549.1.9.3"
OID_MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
OID_OPUS_INFO = "1.3.6.1.4.1.311.2.1.12"
PROP = "1.3.6.1.4.1.311.10.11."


def attribute(number, value):
    return seq(oid(f"{PROP}{number}"), set_of(octets(value)))


def ctl_entry(c, with_eku, more=()):
    """One entry; `more` are further properties, as (number, value)."""
    raw = der(c)
    cn = c.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
    ski = c.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    attrs = [
        attribute(11, (cn + "\0").encode("utf-16-le")),
        attribute(20, ski),
        attribute(29, hashlib.md5(c.subject.public_bytes()).digest()),
        attribute(98, hashlib.sha256(raw).digest()),
    ]
    if with_eku:
        attrs.append(attribute(9, seq(oid(EKU.SERVER_AUTH.dotted_string),
                                      oid(EKU.CLIENT_AUTH.dotted_string),
                                      oid(EKU.CODE_SIGNING.dotted_string))))
    attrs += [attribute(number, value) for number, value in more]
    attrs.sort(key=lambda a: (len(a), a))
    return seq(octets(hashlib.sha1(raw).digest()), set_of(*attrs))


def ctl_content(list_root, others, this_update, more=None):
    """The CertificateTrustList SEQUENCE. The list's own root comes first. `more`
    has further properties by the SHA-1 of a root."""
    more = more or {}
    entries = [ctl_entry(list_root, False)]
    entries += [ctl_entry(c, True, more.get(hashlib.sha1(der(c)).digest(), ()))
                for c in others]
    sequence = b"\x14" + filetime(this_update).to_bytes(8, "big")
    return seq(
        seq(oid(LIST_SIGNER)),
        integer(sequence),
        utc_time(this_update),
        seq(oid(OID_SHA1), NULL),
        seq(*entries),
    )


def value_octets(encoded):
    """An encoding without its tag and length."""
    n = encoded[1]
    return encoded[2:] if n < 0x80 else encoded[2 + (n & 0x7F):]


def sign_ctl(content, publisher, publisher_key, enclosed):
    """PKCS#7 SignedData with the list directly in [0], as Microsoft makes it."""
    digest = hashlib.sha256(value_octets(content)).digest()
    attrs = [
        seq(oid(OID_CONTENT_TYPE), set_of(oid(OID_CTL))),
        seq(oid(OID_MESSAGE_DIGEST), set_of(octets(digest))),
        seq(oid(OID_OPUS_INFO), set_of(seq())),
    ]
    signed = set_of(*attrs)
    signature = publisher_key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
    sha256 = seq(oid(OID_SHA256), NULL)
    signer = seq(
        integer(1),
        seq(publisher.issuer.public_bytes(), integer(publisher.serial_number)),
        sha256,
        b"\xa0" + signed[1:],
        seq(oid(OID_RSA), NULL),
        octets(signature),
    )
    return seq(oid(OID_SIGNED_DATA), tlv(0xA0, seq(
        integer(1),
        tlv(0x31, sha256),
        seq(oid(OID_CTL), tlv(0xA0, content)),
        tlv(0xA0, *[der(c) for c in enclosed]),
        tlv(0x31, signer),
    )))


def cab_checksum(data, seed=0):
    full = len(data) & ~3
    for (word,) in struct.iter_unpack("<I", data[:full]):
        seed ^= word
    rest = data[full:]
    if rest:
        seed ^= int.from_bytes(rest, "big")
    return seed


def cabinet(file_name, data, written):
    """One folder, one file, MSZIP, no reserve, no signature."""
    blocks, history = [], b""
    for i in range(0, len(data), 32768):
        part = data[i:i + 32768]
        if history:
            z = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zdict=history)
        else:
            z = zlib.compressobj(9, zlib.DEFLATED, -15, 9)
        packed = b"CK" + z.compress(part) + z.flush()
        sizes = struct.pack("<HH", len(packed), len(part))
        check = cab_checksum(sizes, cab_checksum(packed))
        blocks.append(struct.pack("<I", check) + sizes + packed)
        history = part
    dos_date = (written.year - 1980) << 9 | written.month << 5 | written.day
    dos_time = written.hour << 11 | written.minute << 5 | written.second // 2
    entry = struct.pack("<IIHHHH", len(data), 0, 0, dos_date, dos_time, 0x20)
    entry += file_name.encode() + b"\0"
    start = 36 + 8 + len(entry)
    total = start + sum(map(len, blocks))
    head = b"MSCF" + struct.pack("<IIIIIBBHHHHH", 0, total, 0, 44, 0,
                                 3, 1, 1, 1, 0, 0, 0)
    folder = struct.pack("<IHH", start, len(blocks), 1)
    return head + folder + entry + b"".join(blocks)


# ------------------------------------------------------- CRLs and OCSP answers

def crl(issuer, issuer_key, number, this_update, days, revoked=0):
    b = (x509.CertificateRevocationListBuilder()
         .issuer_name(issuer.subject).last_update(this_update)
         .next_update(this_update + dt.timedelta(days=days))
         .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(
             issuer_key.public_key()), False)
         .add_extension(x509.CRLNumber(number), False))
    for i in range(revoked):
        serial = int.from_bytes(hashlib.sha256(b"revoked %d" % i).digest()[:15], "big")
        b = b.add_revoked_certificate(
            x509.RevokedCertificateBuilder().serial_number(serial)
            .revocation_date(day("2026-02-01") + dt.timedelta(hours=i)).build())
    return b.sign(issuer_key, hashes.SHA256())


def cert_id(leaf, issuer):
    """SHA-1 CertID, the kind Windows asks with."""
    spki = issuer.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.PKCS1)
    return seq(seq(oid(OID_SHA1), NULL),
               octets(hashlib.sha1(issuer.subject.public_bytes()).digest()),
               octets(hashlib.sha1(spki).digest()),
               integer(leaf.serial_number))


def ocsp_url(leaf, issuer):
    request = seq(seq(seq(seq(cert_id(leaf, issuer)))))
    text = base64.b64encode(request).decode()
    return f"http://{OCSP_HOST}/{urllib.parse.quote(text, safe='')}"


def ocsp_answer(leaf, issuer, responder, responder_key, this_update, days):
    key_hash = hashlib.sha1(responder.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.PKCS1)).digest()
    single = seq(cert_id(leaf, issuer), tlv(0x80),
                 generalized_time(this_update),
                 tlv(0xA0, generalized_time(this_update + dt.timedelta(days=days))))
    data = seq(tlv(0xA2, octets(key_hash)), generalized_time(this_update), seq(single))
    signature = responder_key.sign(data, padding.PKCS1v15(), hashes.SHA256())
    basic = seq(data, seq(oid("1.2.840.113549.1.1.11"), NULL),
                tlv(0x03, b"\0" + signature), tlv(0xA0, seq(der(responder))))
    return seq(tlv(0x0A, b"\0"), tlv(0xA0, seq(
        oid("1.3.6.1.5.5.7.48.1.1"), octets(basic))))


# ------------------------------------------------------------------ everything

def write(out, path, data, mtime):
    path = out / path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, (mtime.timestamp(), mtime.timestamp()))


def build(out, today):
    out = Path(out)
    midnight = dt.datetime(today.year, today.month, today.day, tzinfo=UTC)
    lists, site = trust_list_pki(), site_pki()
    fillers = filler_roots()
    device_k = key("device-ca")
    device_n = name("Lab Device CA")
    device = cert(device_n, device_k, device_n, device_k, 0x4001,
                  "2026-01-01", "2046-01-01", ca="any", usage=CA_USE)

    pub_k = key("trust-list-publisher")
    by_hash = lambda c: hashlib.sha1(der(c)).digest()
    content = ctl_content(lists["root"],
                          sorted(fillers + [site["root"]], key=by_hash), THIS_UPDATE)
    first = sign_ctl(content, lists["publisher"], pub_k, [lists["publisher"]])
    again = sign_ctl(content, lists["publisher"], pub_k,
                     [lists["publisher"], lists["pca"]])
    older = sign_ctl(ctl_content(lists["root"], sorted(fillers, key=by_hash), OLD_UPDATE),
                     lists["old_publisher"], pub_k,
                     [lists["old_publisher"], lists["pca"]])
    pacific = dt.timedelta(hours=-8)
    cabs = {
        "first": cabinet("authroot.stl", first, THIS_UPDATE + pacific),
        "resigned": cabinet("authroot.stl", again, THIS_UPDATE + pacific),
        "older": cabinet("authroot.stl", older, OLD_UPDATE + pacific),
    }
    published = {
        "first": dt.datetime(2026, 11, 10, 21, 30, 44, tzinfo=UTC),
        "resigned": dt.datetime(2026, 11, 20, 19, 2, 31, tzinfo=UTC),
        "older": dt.datetime(2026, 9, 22, 18, 3, 12, tzinfo=UTC),
    }
    for variant, data in cabs.items():
        write(out, f"ctl/{variant}/authrootstl.cab", data, published[variant])
        write(out, f"ctl/{variant}.stl", {"first": first, "resigned": again,
                                          "older": older}[variant], published[variant])

    www = Path("www")
    root_sha1 = hashlib.sha1(der(site["root"])).hexdigest().upper()
    put = lambda host, path, data, t: write(out, www / host / path.lstrip("/"), data, t)
    put(CTL_HOST, f"{CTL_DIR}{root_sha1}.crt", der(site["root"]), day("2026-01-08T18:00:00"))
    put(PKI_HOST, PCA_PATH, der(lists["pca"]), day("2026-01-05T17:11:09"))
    put(AIA_HOST, ISSUING_PATH, der(site["issuing"]), day("2026-01-04T09:20:00"))
    put(AIA_HOST, "/certs/LabSiteRoot.crt", der(site["root"]), day("2026-01-04T09:19:00"))
    crls = {
        (CRL_HOST, ISSUING_CRL_PATH): crl(site["issuing"], key("site-issuing"),
                                          41, midnight - dt.timedelta(days=2), 7, 120),
        (CRL_HOST, "/crl/LabSiteRoot.crl"): crl(site["root"], key("site-root"),
                                                7, midnight - dt.timedelta(days=20), 90),
        (CRL_HOST, "/crl/WhychainLabTrustListPCA.crl"): crl(
            lists["pca"], key("trust-list-pca"), 12, midnight - dt.timedelta(days=12), 90),
        (INTRANET_CRL_HOST, "/crl/LabDeviceCA.crl"): crl(
            device, device_k, 305, midnight - dt.timedelta(days=1), 8, 3),
    }
    for (host, path), c in crls.items():
        put(host, path, der(c), c.last_update_utc + dt.timedelta(minutes=4))
    answered = midnight - dt.timedelta(hours=14)
    for n in ("shop", "portal"):
        put(OCSP_HOST, f"/{n}.der",
            ocsp_answer(site[n], site["issuing"], site["ocsp"], key("site-ocsp"),
                        answered, 4), answered)

    server_key = (KEYS / "TEST-KEY-site-server.pem").read_bytes()
    fixed = day("2026-01-01")
    write(out, "tls/server.key", server_key, fixed)
    for n in ("shop", "portal", "portal_expired", "vpn"):
        write(out, f"tls/{n}-full.pem", pem(site[n]) + pem(site["issuing"]), fixed)
        write(out, f"tls/{n}-leaf.pem", pem(site[n]), fixed)
    write(out, "roots/LabSiteRoot.pem", pem(site["root"]), fixed)
    write(out, "roots/other.pem", pem(fillers[0]), fixed)
    write(out, "roots/LabSiteIssuingCA1.pem", pem(site["issuing"]), fixed)
    everything = {f"list-{k}": v for k, v in lists.items()}
    everything |= {f"site-{k}": v for k, v in site.items()} | {"device-root": device}
    for k, c in everything.items():
        write(out, f"certs/{k}.crt", der(c), fixed)

    facts = {
        "ctl_url": f"http://{CTL_HOST}{CTL_DIR}authrootstl.cab",
        "root_url": f"http://{CTL_HOST}{CTL_DIR}{root_sha1}.crt",
        "new_ctl_url": f"http://{NEW_CTL_HOST}{CTL_DIR}authrootstl.cab",
        "new_root_url": f"http://{NEW_CTL_HOST}{CTL_DIR}{root_sha1}.crt",
        "pca_url": PCA_URL, "issuing_url": ISSUING_URL, "crl_url": ISSUING_CRL_URL,
        "root_crl_url": f"http://{CRL_HOST}/crl/LabSiteRoot.crl",
        "device_crl_url": f"http://{INTRANET_CRL_HOST}/crl/LabDeviceCA.crl",
        "ocsp_url": ocsp_url(site["shop"], site["issuing"]),
        "portal_ocsp_url": ocsp_url(site["portal"], site["issuing"]),
        "site_cdp_der": site["shop"].extensions.get_extension_for_class(
            x509.CRLDistributionPoints).value.public_bytes().hex(),
        "crl_times": {f"http://{h}{p}": [c.last_update_utc.isoformat(),
                                         c.next_update_utc.isoformat()]
                      for (h, p), c in crls.items()},
        "ocsp_times": [answered.isoformat(),
                       (answered + dt.timedelta(days=4)).isoformat()],
    }
    (out / "facts.json").write_text(json.dumps(facts, indent=1))
    return facts


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("out", nargs="?", type=Path)
    p.add_argument("--day", type=dt.date.fromisoformat, default=dt.date(2026, 11, 21))
    p.add_argument("--new-keys", action="store_true")
    a = p.parse_args()
    if a.new_keys:
        new_keys()
    if a.out:
        build(a.out, a.day)


if __name__ == "__main__":
    main()
