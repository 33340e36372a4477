"""Makes the fixtures of this folder, byte for byte the same each time.

Needs Python 3.11 and `cryptography` 48 or later. Keys come from fixed seeds,
the RSA key from two fixed primes; times and serial numbers are written out.
Run it in this folder: python make.py
"""
import datetime
import hashlib
import ipaddress
import struct
import zlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, mldsa, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID as Access
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


def when(text):
    return datetime.datetime.strptime(text, "%Y-%m-%d %H:%M:%S")


def name(*pairs):
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in pairs])


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


# ---- DER by hand -----------------------------------------------------------

def tlv(tag, *parts):
    body = b"".join(parts)
    if len(body) < 0x80:
        return bytes([tag, len(body)]) + body
    octets = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + body


def oid(text):
    arcs = [int(arc) for arc in text.split(".")]
    out = b""
    for arc in [arcs[0] * 40 + arcs[1]] + arcs[2:]:
        septets = [arc & 0x7F]
        while arc > 0x7F:
            arc >>= 7
            septets.append(0x80 | (arc & 0x7F))
        out += bytes(reversed(septets))
    return tlv(6, out)


def integer(number):
    return tlv(2, number.to_bytes(number.bit_length() // 8 + 1, "big"))


# ---- keys ------------------------------------------------------------------

CA_KEY = ed25519.Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
RESPONDER_KEY = ed25519.Ed25519PrivateKey.from_private_bytes(b"\x02" * 32)
LEAF_KEY = ec.derive_private_key(0x1234567, ec.SECP256R1())
P = int("c0dfeb1c2a0e1d5b9f0c7d8e3f4a5b6c7d8e9fa0b1c2d3e4f5061728394a5b6c"
        "7d8e9fa0b1c2d3e4f5061728394a5b6c7d8e9fa0b1c2d3e4f506172839400001", 16)


def next_prime(number):
    """Miller-Rabin with fixed bases: certain enough for a test key."""
    number |= 1
    while True:
        if all(number % small for small in (3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)):
            odd, twos = number - 1, 0
            while odd % 2 == 0:
                odd, twos = odd // 2, twos + 1
            for base in range(2, 42):
                x = pow(base, odd, number)
                if x in (1, number - 1):
                    continue
                for _ in range(twos - 1):
                    x = x * x % number
                    if x == number - 1:
                        break
                else:
                    break
            else:
                return number
        number += 2


def rsa_key():
    e = 65537
    p = next_prime(P)
    q = next_prime(P + (1 << 505))
    d = pow(e, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(e, p * q)
    numbers = rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), public)
    return numbers.private_key()


RSA_KEY = rsa_key()
CA_NAME = name((NameOID.COUNTRY_NAME, "DE"), (NameOID.COMMON_NAME, "Test CA"))


def spki(key):
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.DER, form)


# ---- certificates ----------------------------------------------------------

def authority():
    builder = x509.CertificateBuilder(
        issuer_name=CA_NAME, subject_name=CA_NAME, public_key=CA_KEY.public_key(),
        serial_number=1, not_valid_before=when("1999-12-31 23:59:59"),
        not_valid_after=when("9999-12-31 23:59:59"),
    ).add_extension(x509.BasicConstraints(True, 0), True)
    return builder.sign(CA_KEY, None)


def leaf():
    uri = x509.UniformResourceIdentifier
    relative = x509.RelativeDistinguishedName([x509.NameAttribute(NameOID.COMMON_NAME, "shard 7")])
    subject = x509.Name([
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Müller, Söhne + Co"),
        x509.NameAttribute(NameOID.COMMON_NAME, "leaf.example"),
    ])
    builder = x509.CertificateBuilder(
        issuer_name=CA_NAME, subject_name=subject, public_key=LEAF_KEY.public_key(),
        serial_number=0x80AB, not_valid_before=when("2011-01-25 20:54:12"),
        not_valid_after=when("2051-01-01 00:00:00"),
    )
    reasons = frozenset([x509.ReasonFlags.key_compromise, x509.ReasonFlags.aa_compromise])
    ip = x509.IPAddress(ipaddress.ip_network("10.0.0.0/8"))
    for value, critical in [
        (x509.BasicConstraints(False, None), True),
        (x509.KeyUsage(True, False, True, False, False, False, False, False, False), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
         False),
        (x509.SubjectAlternativeName([
            x509.DNSName("leaf.example"), x509.RFC822Name("a@leaf.example"),
            uri("https://leaf.example/"), x509.IPAddress(ipaddress.ip_address("192.0.2.1")),
            x509.DirectoryName(CA_NAME),
            x509.RegisteredID(x509.ObjectIdentifier("1.2.3.4")),
            x509.OtherName(x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), tlv(12, b"a@b")),
        ]), False),
        (x509.SubjectKeyIdentifier(b"\x07" * 20), False),
        (x509.AuthorityKeyIdentifier(b"\x08" * 20, [x509.DirectoryName(CA_NAME)], 1), False),
        (x509.AuthorityInformationAccess([
            x509.AccessDescription(Access.OCSP, uri("http://ocsp.example/")),
            x509.AccessDescription(Access.CA_ISSUERS, uri("http://aia.example/ca.crt")),
        ]), False),
        (x509.CRLDistributionPoints([
            x509.DistributionPoint([uri("http://crl.example/a.crl"), uri("ldap:///CN=a")],
                                   None, None, None),
            x509.DistributionPoint(None, relative, reasons, [x509.DirectoryName(CA_NAME)]),
        ]), False),
        (x509.NameConstraints([x509.DNSName("example"), ip], [x509.DNSName("bad.example")]), True),
        (x509.CertificatePolicies([
            x509.PolicyInformation(x509.ObjectIdentifier("1.2.3.4.5"), ["http://cps.example/"]),
            x509.PolicyInformation(x509.ObjectIdentifier("2.5.29.32.0"), None),
        ]), False),
        (x509.PolicyConstraints(2, 0), True),
        (x509.InhibitAnyPolicy(3), True),
    ]:
        builder = builder.add_extension(value, critical)
    mapping = tlv(0x30, tlv(0x30, oid("1.2.3.4.5"), oid("1.2.3.4.6")))
    mappings = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.33"), mapping)
    return builder.add_extension(mappings, False).sign(CA_KEY, None)


def odd_leaf():
    """Version 1 with extensions, negative serial, two algorithms, BER inside."""
    ed25519_algorithm = tlv(0x30, oid("1.3.101.112"))
    ecdsa_algorithm = tlv(0x30, oid("1.2.840.10045.4.3.2"))
    issuer = CA_NAME.public_bytes()
    validity = tlv(0x30, tlv(0x18, b"20110125205412Z"), tlv(0x17, b"1101252054Z"))
    critical = bytes([0x01, 0x01, 0x01])
    constraints = tlv(0x30, oid("2.5.29.19"), critical, tlv(4, b"\x30\x03\x01\x01\xff"))
    usage = tlv(0x30, oid("2.5.29.37"), tlv(4, b"\x30\x02\x05\x00"))
    extensions = tlv(0xA3, tlv(0x30, constraints, usage, constraints))
    tbs = tlv(0x30, tlv(2, b"\xff"), ed25519_algorithm, issuer, validity, issuer,
              spki(LEAF_KEY), extensions)
    return tlv(0x30, tbs, ecdsa_algorithm, tlv(3, b"\x00" + b"\x55" * 8))


# ---- CRL and OCSP ----------------------------------------------------------

def crl():
    point = x509.IssuingDistributionPoint(
        full_name=[x509.UniformResourceIdentifier("http://crl.example/a.crl")], relative_name=None,
        only_contains_user_certs=True, only_contains_ca_certs=False,
        only_some_reasons=frozenset([x509.ReasonFlags.key_compromise]), indirect_crl=True,
        only_contains_attribute_certs=False)
    builder = x509.CertificateRevocationListBuilder(
        CA_NAME, when("2024-01-01 00:00:00"), when("2024-02-01 00:00:00")
    ).add_extension(x509.CRLNumber(300), False).add_extension(x509.DeltaCRLIndicator(299), True)
    builder = builder.add_extension(point, True)
    publish = x509.UnrecognizedExtension(
        x509.ObjectIdentifier("1.3.6.1.4.1.311.21.4"), tlv(0x17, b"240125000000Z"))
    builder = builder.add_extension(publish, False)
    other = name((NameOID.COMMON_NAME, "Other CA"))
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    entries = [
        (0x80AB, "2023-12-01 10:00:00", [
            (x509.CRLReason(x509.ReasonFlags.key_compromise), False),
            (x509.InvalidityDate(when("2023-11-30 00:00:00")), False)]),
        (5, "2023-12-02 10:00:00", [
            (x509.CRLReason(x509.ReasonFlags.remove_from_crl), False),
            (x509.CertificateIssuer([x509.DirectoryName(other)]), True)]),
        (6, "2023-12-03 10:00:00", [(unknown, True)]),
    ]
    for serial, date, extensions in entries:
        entry = x509.RevokedCertificateBuilder(serial, when(date))
        for value, critical in extensions:
            entry = entry.add_extension(value, critical)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(CA_KEY, None)


def responder():
    builder = x509.CertificateBuilder(
        issuer_name=CA_NAME, subject_name=name((NameOID.COMMON_NAME, "Responder")),
        public_key=RESPONDER_KEY.public_key(), serial_number=9,
        not_valid_before=when("2024-01-01 00:00:00"), not_valid_after=when("2025-01-01 00:00:00"),
    ).add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), False)
    return builder.sign(CA_KEY, None)


def ocsp_revoked(ca, certificate):
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=certificate, issuer=ca, algorithm=hashes.SHA1(),
        cert_status=ocsp.OCSPCertStatus.REVOKED, this_update=when("2024-01-02 00:00:00"),
        next_update=when("2024-01-09 00:00:00"), revocation_time=when("2023-12-01 10:00:00"),
        revocation_reason=x509.ReasonFlags.superseded)
    responder_certificate = responder()
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, responder_certificate)
    builder = builder.certificates([responder_certificate])
    # producedAt is the current time in this builder; put a fixed one and sign again.
    data = builder.sign(RESPONDER_KEY, None)
    tbs = data.tbs_response_bytes
    produced = data.produced_at_utc.strftime("%Y%m%d%H%M%SZ").encode()
    tbs = tbs.replace(produced, b"20240102000001Z", 1)
    der = data.public_bytes(serialization.Encoding.DER)
    der = der.replace(data.tbs_response_bytes, tbs, 1)
    return der.replace(data.signature, RESPONDER_KEY.sign(tbs), 1)


# ---- trust list and cabinets -----------------------------------------------

def filetime(text):
    seconds = int(when(text).replace(tzinfo=datetime.timezone.utc).timestamp())
    return struct.pack("<Q", (seconds + 11644473600) * 10**7)


def trust_list():
    """Shaped as Microsoft's: the SEQUENCE directly in eContent."""
    def attribute(number, value):
        return tlv(0x30, oid(f"1.3.6.1.4.1.311.10.11.{number}"), tlv(0x31, tlv(4, value)))

    def subject(identifier, *attributes):
        return tlv(0x30, tlv(4, identifier), tlv(0x31, *attributes))

    usages = tlv(0x30, oid("1.3.6.1.5.5.7.3.1"), oid("1.3.6.1.5.5.7.3.4"))
    first = subject(
        b"\x11" * 20, attribute(9, usages), attribute(11, "Test Root\0".encode("utf-16-le")),
        attribute(20, b"\x22" * 20), attribute(29, b"\x33" * 16), attribute(98, b"\x44" * 32),
        attribute(104, filetime("2020-01-01 00:00:00")), attribute(122, usages),
        attribute(126, b""), attribute(127, usages), attribute(83, b"\x05\x00"))
    second = subject(b"\x12" * 20, attribute(126, b"\xff" * 8), attribute(104, b"\x01"))
    content = tlv(
        0x30, tlv(0x30, oid("1.3.6.1.4.1.311.10.3.9")), tlv(2, bytes.fromhex("1401cbbcd205389c94")),
        tlv(0x17, b"110125205412Z"), tlv(0x30, oid("1.3.14.3.2.26"), tlv(5)),
        tlv(0x30, first, second))
    octets = content[2:] if content[1] < 0x80 else content[2 + (content[1] & 0x7F):]
    signer = x509.CertificateBuilder(
        issuer_name=CA_NAME, subject_name=name((NameOID.COMMON_NAME, "Publisher")),
        public_key=RSA_KEY.public_key(), serial_number=77,
        not_valid_before=when("2011-01-25 20:52:37"), not_valid_after=when("2012-04-25 20:52:37"),
    ).sign(CA_KEY, None).public_bytes(serialization.Encoding.DER)
    sha256 = tlv(0x30, oid("2.16.840.1.101.3.4.2.1"), tlv(5))
    list_type = oid("1.3.6.1.4.1.311.10.1")
    digest = hashlib.sha256(octets).digest()
    attributes = (tlv(0x30, oid("1.2.840.113549.1.9.3"), tlv(0x31, list_type))
                  + tlv(0x30, oid("1.2.840.113549.1.9.4"), tlv(0x31, tlv(4, digest))))
    signature = RSA_KEY.sign(tlv(0x31, attributes), padding.PKCS1v15(), hashes.SHA256())
    info = tlv(
        0x30, integer(1), tlv(0x30, CA_NAME.public_bytes(), integer(77)), sha256,
        tlv(0xA0, attributes), tlv(0x30, oid("1.2.840.113549.1.1.1"), tlv(5)), tlv(4, signature))
    broken = tlv(0x30, b"\x02\x01\x05")
    data = tlv(
        0x30, integer(1), tlv(0x31, sha256), tlv(0x30, list_type, tlv(0xA0, content)),
        tlv(0xA0, broken, signer), tlv(0x31, info))
    return tlv(0x30, oid("1.2.840.113549.1.7.2"), tlv(0xA0, data))


def checksum(data, seed=0):
    words = len(data) // 4
    for word in struct.unpack(f"<{words}I", data[: words * 4]):
        seed ^= word
    rest = 0
    for byte in data[words * 4:]:
        rest = rest << 8 | byte
    return seed ^ rest


def cabinet(file_name, contents, compression):
    """One folder, one file; `compression` gives the block's bytes."""
    blocks = b""
    count = 0
    for start in range(0, len(contents), 32768):
        plain = contents[start:start + 32768]
        data = compression[1](plain, contents[max(0, start - 32768):start])
        sizes = struct.pack("<HH", len(data), len(plain))
        blocks += struct.pack("<I", checksum(sizes, checksum(data))) + sizes + data
        count += 1
    entry = struct.pack("<IIHHHH", len(contents), 0, 0, 0, 0, 0x20) + file_name + b"\0"
    data_at = 36 + 8 + len(entry)
    folder = struct.pack("<IHH", data_at, count, compression[0])
    header = struct.pack("<4sIIIIIBBHHHHH", b"MSCF", 0, data_at + len(blocks), 0, 44, 0,
                         3, 1, 1, 1, 0, 0, 0)
    return header + folder + entry + blocks


def ms_zip(plain, history):
    arguments = (zlib.Z_DEFAULT_COMPRESSION, zlib.DEFLATED, -15, 9, zlib.Z_DEFAULT_STRATEGY)
    packer = zlib.compressobj(*arguments, history) if history else zlib.compressobj(*arguments)
    return b"CK" + packer.compress(plain) + packer.flush()


def lzx_uncompressed(plain, _history):
    """An LZX stream of one uncompressed block ([MS-PATCH] 2.3): no E8 bit,
    block type 3, size in 24 bits, then R0 to R2 and the bytes."""
    bits = "0" + "011" + f"{len(plain):024b}"
    bits += "0" * (-len(bits) % 16)
    words = [int(bits[at:at + 16], 2) for at in range(0, len(bits), 16)]
    return struct.pack(f"<{len(words)}H", *words) + struct.pack("<III", 1, 1, 1) + plain


# ---- signatures ------------------------------------------------------------

MESSAGE = b"abc"
MD2_ABC = bytes.fromhex("da853b0d3f88d99b30283a69e6ded6bb")  # RFC 1319, A.5


def md2_signature():
    """PKCS#1 v1.5 by hand, for no library offers MD2 any more."""
    info = tlv(0x30, tlv(0x30, oid("1.2.840.113549.2.2"), tlv(5)), tlv(4, MD2_ABC))
    numbers = RSA_KEY.private_numbers()
    size = (RSA_KEY.key_size + 7) // 8
    block = b"\0\1" + b"\xff" * (size - 3 - len(info)) + b"\0" + info
    number = pow(int.from_bytes(block, "big"), numbers.d, numbers.public_numbers.n)
    return number.to_bytes(size, "big")


def pss_parameters(hash_oid, mask_oid, salt):
    mask = tlv(0x30, oid("1.2.840.113549.1.1.8"), tlv(0x30, oid(mask_oid), tlv(5)))
    return tlv(0x30, tlv(0xA0, tlv(0x30, oid(hash_oid), tlv(5))), tlv(0xA1, mask),
               tlv(0xA2, integer(salt)))


def dsa_signature(numbers, x, digest):
    """DSA with a fixed k, so that the file stays the same."""
    p, q, g = numbers.p, numbers.q, numbers.g
    k = 0x123456789ABCDEF
    r = pow(g, k, p) % q
    z = int.from_bytes(digest[: q.bit_length() // 8], "big")
    return utils.encode_dss_signature(r, pow(k, -1, q) * (z + x * r) % q)


def dsa_parameters():
    q = next_prime((1 << 159) + 0xABCDEF)
    start = (1 << 1023) + 0x1234567
    candidate = start - (start - 1) % (2 * q)
    while next_prime(candidate) != candidate:
        candidate += 2 * q
    return dsa.DSAParameterNumbers(candidate, q, pow(2, (candidate - 1) // q, candidate))


def signatures():
    lines = []

    def add(title, algorithm, key, signature):
        lines.append(" ".join([title, algorithm.hex(), key.hex(), signature.hex()]))

    null = tlv(5)
    rsa_spki = spki(RSA_KEY)
    for title, number, digest in [
        ("rsa-md5", "1.2.840.113549.1.1.4", hashes.MD5()),
        ("rsa-sha1", "1.2.840.113549.1.1.5", hashes.SHA1()),
        ("rsa-sha1-oiw", "1.3.14.3.2.29", hashes.SHA1()),
        ("rsa-sha224", "1.2.840.113549.1.1.14", hashes.SHA224()),
        ("rsa-sha256", "1.2.840.113549.1.1.11", hashes.SHA256()),
        ("rsa-sha384", "1.2.840.113549.1.1.12", hashes.SHA384()),
        ("rsa-sha512", "1.2.840.113549.1.1.13", hashes.SHA512()),
    ]:
        signature = RSA_KEY.sign(MESSAGE, padding.PKCS1v15(), digest)
        add(title, tlv(0x30, oid(number), null), rsa_spki, signature)
    add("rsa-md2", tlv(0x30, oid("1.2.840.113549.1.1.2"), null), rsa_spki, md2_signature())
    sha1, sha256 = "1.3.14.3.2.26", "2.16.840.1.101.3.4.2.1"
    # Without a salt PSS has no random part.
    for title, digest, mask, parameters in [
        ("pss-sha256", hashes.SHA256(), hashes.SHA256(), pss_parameters(sha256, sha256, 0)),
        ("pss-mixed", hashes.SHA256(), hashes.SHA1(), pss_parameters(sha256, sha1, 0)),
    ]:
        signature = RSA_KEY.sign(MESSAGE, padding.PSS(padding.MGF1(mask), 0), digest)
        add(title, tlv(0x30, oid("1.2.840.113549.1.1.10"), parameters), rsa_spki, signature)
    for curve in [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1(), ec.SECP256K1()]:
        key = ec.derive_private_key(0xABCDEF, curve)
        for number, digest in [("1", hashes.SHA1()), ("3.2", hashes.SHA256()),
                               ("3.4", hashes.SHA512())]:
            signature = key.sign(MESSAGE, ec.ECDSA(digest, deterministic_signing=True))
            algorithm = tlv(0x30, oid(f"1.2.840.10045.4.{number}"))
            add(f"ecdsa-{curve.name}-{digest.name}", algorithm, spki(key), signature)
    key = ec.derive_private_key(0xABCDEF, ec.SECP256R1())
    specified = tlv(0x30, oid("1.2.840.10045.4.3"), tlv(0x30, oid(sha256)))
    signature = key.sign(MESSAGE, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
    add("ecdsa-specified", specified, spki(key), signature)
    add("ed25519", tlv(0x30, oid("1.3.101.112")), spki(CA_KEY), CA_KEY.sign(MESSAGE))
    parameters = dsa_parameters()
    x = 0xFEDCBA9876543210
    y = pow(parameters.g, x, parameters.p)
    public = dsa.DSAPublicNumbers(y, parameters).public_key()
    signature = dsa_signature(parameters, x, hashlib.sha1(MESSAGE).digest())
    public.verify(signature, MESSAGE, hashes.SHA1())
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    der = public.public_bytes(serialization.Encoding.DER, form)
    algorithm = tlv(0x30, oid("1.2.840.10040.4.3"))
    add("dsa-sha1", algorithm, der, signature)
    bare = tlv(0x30, tlv(0x30, oid("1.2.840.10040.4.1")), tlv(3, b"\0" + integer(y)))
    add("dsa-inheriting", algorithm, bare, signature)
    return "\n".join(lines) + "\n"


def ml_dsa():
    """Hedged by nature: made once, kept as long as it verifies."""
    key = mldsa.MLDSA44PrivateKey.from_seed_bytes(b"\x03" * 32)
    algorithm = tlv(0x30, oid("2.16.840.1.101.3.4.3.17"))
    try:
        with open("signature-ml-dsa-44.txt", encoding="ascii") as file:
            text = file.read()
        key.public_key().verify(bytes.fromhex(text.split()[3]), MESSAGE)
        return text
    except FileNotFoundError:
        parts = ["ml-dsa-44", algorithm.hex(), spki(key).hex(), key.sign(MESSAGE).hex()]
        return " ".join(parts) + "\n"


def main():
    der = serialization.Encoding.DER
    ca, certificate = authority(), leaf()
    write("ca.der", ca.public_bytes(der))
    write("leaf-every-extension.der", certificate.public_bytes(der))
    write("leaf-odd.der", odd_leaf())
    write("crl-indirect-delta.der", crl().public_bytes(der))
    write("ocsp-revoked.der", ocsp_revoked(ca, certificate))
    write("bag.p7b", pkcs7.serialize_certificates([certificate, ca], der))
    stl = trust_list()
    write("ctl-limits.stl", stl)
    write("ctl-limits.cab", cabinet(b"authroot.stl", stl, (1, ms_zip)))
    text = b"".join(b"line %d\n" % number for number in range(5000))
    write("cab-two-blocks.cab", cabinet(b"lines.txt", text, (1, ms_zip)))
    write("cab-lzx.cab", cabinet(b"hello.txt", b"hello, lzx", (0x0F03, lzx_uncompressed)))
    write("signatures.txt", signatures().encode())
    write("signature-ml-dsa-44.txt", ml_dsa().encode())


main()
