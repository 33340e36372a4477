"""Writes cases.jsonl: one case a line, as `whychain verify --batch` reads them,
with what is expected beside it. Fixed Ed25519 keys, serial numbers and times:
the same bytes each run. Needs Python `cryptography`."""
import base64, datetime, ipaddress, json, os
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID as EKU, NameOID
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

KEYS = [ed25519.Ed25519PrivateKey.from_private_bytes(bytes([i + 1] * 32)) for i in range(20)]
ROOT, INT, LEAF, A, B, STRANGER = range(6)
DAY = lambda y, m=1, d=1: datetime.datetime(y, m, d)
OID = x509.ObjectIdentifier
serials = iter(range(1000, 9999))

def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)] if text else [])

def usage(*bits):
    names = ["digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
             "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"]
    return x509.KeyUsage(**{n: n in bits for n in names})

def cert(subject, key, issuer, issuer_key, ca=False, start=DAY(2020), end=DAY(2030),
         san="www.example.com", eku=(EKU.SERVER_AUTH,), path_length=None, aki=True, ski=True,
         basic=True, basic_critical=True, key_usage=None, extra=(), san_critical=None):
    key, issuer_key = KEYS[key], KEYS[issuer_key]
    b = (x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer))
         .public_key(key.public_key()).serial_number(next(serials))
         .not_valid_before(start).not_valid_after(end))
    if ca:
        if basic:
            b = b.add_extension(x509.BasicConstraints(True, path_length), basic_critical)
        b = b.add_extension(key_usage or usage("key_cert_sign", "crl_sign"), True)
        if ski:
            b = b.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        eku = () if eku == (EKU.SERVER_AUTH,) else eku
    else:
        b = b.add_extension(key_usage or usage("digital_signature"), True)
        names = [san] if isinstance(san, str) else san
        if names:
            names = [x509.DNSName(n) if isinstance(n, str) else n for n in names]
            critical = (not subject) if san_critical is None else san_critical
            b = b.add_extension(x509.SubjectAlternativeName(names), critical)
    if eku:
        b = b.add_extension(x509.ExtendedKeyUsage(eku), False)
    if aki and not (ca and subject == issuer):
        b = b.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), False)
    for extension, critical in extra:
        b = b.add_extension(extension, critical)
    return b.sign(issuer_key, None)

def crl(issuer, key, revoked=(), start=DAY(2024, 5), end=DAY(2024, 7), number_critical=False):
    b = (x509.CertificateRevocationListBuilder().issuer_name(name(issuer))
         .last_update(start).next_update(end).add_extension(x509.CRLNumber(7), number_critical))
    for c in revoked:
        b = b.add_revoked_certificate(
            x509.RevokedCertificateBuilder().serial_number(c.serial_number)
            .revocation_date(DAY(2024, 4)).add_extension(
                x509.CRLReason(x509.ReasonFlags.key_compromise), False).build())
    return b.sign(KEYS[key], None)

def text(thing):
    return base64.b64encode(thing.public_bytes(serialization.Encoding.DER)).decode()

root = lambda **k: cert("Root", ROOT, "Root", ROOT, ca=True, **k)
inter = lambda **k: cert("Intermediate", INT, "Root", ROOT, ca=True, **k)
leaf = lambda **k: cert("www.example.com", LEAF, "Intermediate", INT, **k)
R, I, L = root(), inter(), leaf()
constrained = lambda p=None, e=None: inter(extra=[(x509.NameConstraints(p, e), True)])
unknown = lambda oid, der: x509.UnrecognizedExtension(OID(oid), der)
cases = []

def case(id, expect, leaf=L, ints=(I,), roots=(R,), elements=None, profile="windows",
         host="www.example.com", time="2024-06-01T00:00:00Z", **more):
    """`expect`: the bits of the union, or accept/reject alone; `elements`: the bits of each."""
    cases.append({"id": id, "profile": profile, "expect": expect, "expect_elements": elements,
                  "leaf": text(leaf), "intermediates": [text(c) for c in ints],
                  "roots": [text(c) for c in roots], "distrusted": [], "crls": [], "time": time,
                  "purpose": "server-auth", "host": host, "host_kind": None, "max_depth": None,
                  "check_revocation": False, "anchor": "plain", "policy": None} | more)

TIME, SIGNATURE, USAGE = "IS_NOT_TIME_VALID", "IS_NOT_SIGNATURE_VALID", "IS_NOT_VALID_FOR_USAGE"
ROOTLESS, PARTIAL, BASIC = "IS_UNTRUSTED_ROOT", "IS_PARTIAL_CHAIN", "INVALID_BASIC_CONSTRAINTS"
NOT_PERMITTED, EXCLUDED = "HAS_NOT_PERMITTED_NAME_CONSTRAINT", "HAS_EXCLUDED_NAME_CONSTRAINT"
UNKNOWN = ["REVOCATION_STATUS_UNKNOWN", "IS_OFFLINE_REVOCATION"]

case("good", [])
case("expired-leaf", [TIME], leaf(end=DAY(2021)), elements=[[TIME], [], []])
case("last-second", [], leaf(end=DAY(2024, 6)))
case("a-millisecond-late", [TIME], leaf(end=DAY(2024, 6)), time="2024-06-01T00:00:00.001Z")
case("expired-root", [TIME], roots=[root(end=DAY(2021))], elements=[[], [], [TIME]])
case("expired-root-rfc5280", [], roots=[root(end=DAY(2021))], profile="rfc5280")
case("expired-root-rfc5280-checked", [TIME], roots=[root(end=DAY(2021))], profile="rfc5280",
     anchor="expiry")
case("two-errors", [TIME, BASIC], leaf(end=DAY(2021)), [inter(basic=False)],
     elements=[[TIME], [BASIC], []])
case("root-only-as-intermediate", [ROOTLESS], ints=[I, R], roots=[], elements=[[], [], [ROOTLESS]])
case("no-intermediate", [PARTIAL], ints=[], elements=[[]])
case("wrong-host", "reject", host="other.example.com")
case("usage-of-issuer", [USAGE], ints=[inter(eku=(EKU.CLIENT_AUTH,))], elements=[[], [USAGE], []])
case("no-key-cert-sign", [USAGE], ints=[inter(key_usage=usage("crl_sign"))],
     elements=[[], [USAGE], []])
case("path-length", [BASIC], roots=[root(path_length=0)], elements=[[], [], [BASIC]])
case("depth-used-up", [PARTIAL], max_depth=0)
case("depth-enough", [], max_depth=1)
case("leaf-is-anchor", [], roots=[L], ints=[])
case("intermediate-is-anchor", [], roots=[I], ints=[])
case("stranger-of-the-same-name", [], ints=[cert("Intermediate", STRANGER, "Root", ROOT, ca=True), I])
case("only-a-stranger", [PARTIAL], ints=[cert("Intermediate", STRANGER, "Root", ROOT, ca=True)])
case("stranger-without-identifiers", [SIGNATURE], leaf(aki=False),
     [cert("Intermediate", STRANGER, "Root", ROOT, ca=True, ski=False)],
     elements=[[SIGNATURE], [], []])
loop = [cert("A", A, "B", B, ca=True), cert("B", B, "A", A, ca=True)]
of_a = cert("www.example.com", LEAF, "A", A)
case("loop-with-a-way-out", [], of_a, loop + [cert("A", A, "Root", ROOT, ca=True)])
case("loop", ["IS_CYCLIC", PARTIAL], of_a, loop)
case("name-not-permitted", [NOT_PERMITTED], ints=[constrained([x509.DNSName("example.org")])],
     elements=[[NOT_PERMITTED], [], []])
case("name-excluded", [EXCLUDED], ints=[constrained(None, [x509.DNSName("example.com")])])
case("constraint-of-another-kind", [],
     ints=[constrained([x509.RFC822Name("example.com")])])
case("constraint-not-supported", ["HAS_NOT_SUPPORTED_NAME_CONSTRAINT"],
     ints=[constrained(None, [x509.RegisteredID(OID("1.2.3"))])])
case("critical-unknown", ["HAS_NOT_SUPPORTED_CRITICAL_EXT"],
     leaf(extra=[(unknown("1.2.3.4", b"\x05\x00"), True)]))
case("names-unreadable", ["INVALID_EXTENSION"],
     leaf(san=None, extra=[(unknown("2.5.29.17", b"\x05\x00"), False)]))
case("distrusted", ["IS_EXPLICIT_DISTRUST"], distrusted=[text(I)])
case("distrusted-with-a-twin", [], ints=[I, inter()], distrusted=[text(I)])
case("no-crl", UNKNOWN, check_revocation=True, elements=[UNKNOWN, UNKNOWN, []])
good_crls = [text(crl("Root", ROOT)), text(crl("Intermediate", INT))]
case("crls", [], check_revocation=True, crls=good_crls)
case("revoked", ["IS_REVOKED"], check_revocation=True, elements=[["IS_REVOKED"], [], []],
     crls=[text(crl("Root", ROOT)), text(crl("Intermediate", INT, [L]))])
case("crl-stale", UNKNOWN, check_revocation=True, elements=[UNKNOWN, [], []],
     crls=[text(crl("Root", ROOT)), text(crl("Intermediate", INT, end=DAY(2024, 5, 2)))])
case("crl-of-another-key", UNKNOWN, check_revocation=True, elements=[UNKNOWN, [], []],
     crls=[text(crl("Root", ROOT)), text(crl("Intermediate", STRANGER))])
policy = lambda **k: {"initial": [], "explicit": False, "inhibit_mapping": False,
                      "inhibit_any": False} | k
case("policy-required", ["NO_ISSUANCE_CHAIN_POLICY"], policy=policy(explicit=True))

for id, expect, more in [
    ("good", "accept", {}),
    ("any-usage", "reject", dict(leaf=leaf(eku=(EKU.ANY_EXTENDED_KEY_USAGE,)))),
    ("no-names", "reject", dict(leaf=leaf(san=None))),
    ("leaf-without-aki", "reject", dict(leaf=leaf(aki=False))),
    ("ca-without-ski", "reject", dict(ints=[inter(ski=False)])),
    ("root-basic-not-critical", "reject", dict(roots=[root(basic_critical=False)])),
    ("names-critical", "reject", dict(leaf=leaf(san_critical=True))),
    ("no-subject", "accept", dict(leaf=cert("", LEAF, "Intermediate", INT))),
    ("wildcard-of-a-suffix", "reject", dict(leaf=leaf(san="*.com"), host="example.com")),
    ("wildcard", "accept", dict(leaf=leaf(san="*.example.com"))),
    ("address", "accept", dict(
        leaf=leaf(san=[x509.DNSName("www.example.com"),
                       x509.IPAddress(ipaddress.ip_address("10.1.2.3"))]),
        ints=[constrained([x509.IPAddress(ipaddress.ip_network("10.0.0.0/8"))])],
        host="10.1.2.3")),
    ("constraint-with-period", "reject",
     dict(ints=[constrained([x509.DNSName(".example.com")])])),
    ("leaf-with-constraints", "reject",
     dict(leaf=leaf(extra=[(x509.NameConstraints([x509.DNSName("example.com")], None), True)]))),
    ("root-with-usages", "reject", dict(roots=[root(eku=(EKU.SERVER_AUTH, EKU.CLIENT_AUTH))])),
    ("policy-constraints-not-critical", "reject",
     dict(ints=[inter(extra=[(x509.PolicyConstraints(None, 0), False)])])),
    ("common-name-not-there", "reject",
     dict(leaf=cert("mail.example.com", LEAF, "Intermediate", INT))),
    ("underscore", "reject", dict(leaf=leaf(san=["www.example.com", "a_b.example.com"]))),
    ("common-name-respelled", "reject",
     dict(leaf=cert("WWW.example.com", LEAF, "Intermediate", INT))),
]:
    case("webpki-" + id, expect, profile="webpki", **more)

for id, expect, more in [
    ("good", "accept", {}),
    ("ca-as-leaf", "accept", dict(leaf=I, ints=[], host=None, purpose="any")),
    ("leaf-without-aki", "reject", dict(leaf=leaf(aki=False))),
    ("intermediate-without-aki", "reject", dict(ints=[inter(aki=False)])),
    ("intermediate-without-ski", "reject", dict(ints=[inter(ski=False)])),
    ("no-key-identifiers", "accept", dict(leaf=leaf(aki=False), ints=[inter(ski=False)])),
    ("root-without-ski", "accept", dict(roots=[root(ski=False)])),
    ("root-without-ski-checked", "reject",
     dict(roots=[root(ski=False)], anchor="expiry+constraints")),
    ("root-basic-not-critical-checked", "reject",
     dict(roots=[root(basic_critical=False)], anchor="constraints")),
    ("intermediate-basic-not-critical", "accept", dict(ints=[inter(basic_critical=False)])),
    ("leaf-signs-certificates", "reject", dict(leaf=leaf(key_usage=usage("key_cert_sign")))),
    ("leaf-with-constraints", "reject",
     dict(leaf=leaf(extra=[(x509.NameConstraints([x509.DNSName("example.com")], None), True)]))),
    ("no-subject-names-not-critical", "reject",
     dict(leaf=cert("", LEAF, "Intermediate", INT, san_critical=False))),
    ("aia-critical", "reject", dict(leaf=leaf(extra=[(x509.AuthorityInformationAccess(
        [x509.AccessDescription(OID("1.3.6.1.5.5.7.48.2"),
                                x509.UniformResourceIdentifier("http://a.example/"))]), True)]))),
    ("leaf-without-usages", "accept", dict(leaf=leaf(eku=()))),
    ("any-usage", "accept", dict(leaf=leaf(eku=(EKU.ANY_EXTENDED_KEY_USAGE,)))),
    ("usages-empty", "reject",
     dict(leaf=leaf(eku=(), extra=[(unknown("2.5.29.37", b"\x30\x00"), False)]))),
    ("constraint-mask-with-gaps", "reject", dict(ints=[inter(extra=[(unknown(
        "2.5.29.30", bytes.fromhex("300ea00c300a87080a000000ff00ff00")), True)])])),
    ("self-issued-does-not-count", "accept", dict(
        ints=[I, cert("Intermediate", A, "Intermediate", INT, ca=True, aki=True,
                      extra=[(x509.AuthorityKeyIdentifier.from_issuer_public_key(
                          KEYS[INT].public_key()), False)])],
        leaf=cert("www.example.com", LEAF, "Intermediate", A), max_depth=1)),
    ("critical-crl-number", "reject", dict(check_revocation=True, crls=[
        text(crl("Root", ROOT)), text(crl("Intermediate", INT, number_critical=True))])),
]:
    case("rfc5280-" + id, expect, profile="rfc5280", **more)

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "cases.jsonl"), "w") as out:
    for line in cases:
        out.write(json.dumps(line) + "\n")
