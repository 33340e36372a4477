"""Makes the certificates of this folder, byte for byte the same each time.

Needs Python 3.11 and `cryptography` 42 or later. Keys come from fixed seeds;
times and serial numbers are written out. Run it in this folder: python make.py
"""
import datetime
import hashlib

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.x509.oid import AuthorityInformationAccessOID as Access
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier


def key(name):
    return ed25519.Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())


def day(text):
    return datetime.datetime.strptime(text, "%Y-%m-%d")


def subject(common_name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def uri(url):
    return x509.UniformResourceIdentifier(url)


def certificate(file, name, issuer, serial, start, end, *, usage=None, host=None,
                ca_issuers=None, ocsp=None, crl=None):
    """One certificate; an authority unless it has a usage."""
    issuer_key = key(issuer)
    builder = (x509.CertificateBuilder().subject_name(subject(name)).issuer_name(subject(issuer))
               .serial_number(serial).public_key(key(name).public_key())
               .not_valid_before(day(start)).not_valid_after(day(end)))
    builder = builder.add_extension(x509.BasicConstraints(usage is None, None), True)
    builder = builder.add_extension(
        x509.SubjectKeyIdentifier.from_public_key(key(name).public_key()), False)
    if issuer != name:
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), False)
    if usage is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), False)
    if host is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), False)
    access = []
    if ocsp is not None:
        access.append(x509.AccessDescription(Access.OCSP, uri(ocsp)))
    if ca_issuers is not None:
        access.append(x509.AccessDescription(Access.CA_ISSUERS, uri(ca_issuers)))
    if access:
        builder = builder.add_extension(x509.AuthorityInformationAccess(access), False)
    if crl is not None:
        point = x509.DistributionPoint([uri(crl)], None, None, None)
        builder = builder.add_extension(x509.CRLDistributionPoints([point]), False)
    made = builder.sign(issuer_key, None)
    with open(file, "wb") as out:
        out.write(made.public_bytes(serialization.Encoding.DER))


SERVER = ExtendedKeyUsageOID.SERVER_AUTH
LIST_SIGNER = ObjectIdentifier("1.3.6.1.4.1.311.10.3.9")

certificate("site-root.der", "Site Root", "Site Root", 1, "2010-01-01", "2040-01-01")
certificate("issuing-ca.der", "Issuing CA", "Site Root", 2, "2020-01-01", "2035-01-01")
certificate("leaf.der", "www.shop.example", "Issuing CA", 3, "2026-01-01", "2027-01-01",
            usage=SERVER, host="www.shop.example", ca_issuers="http://aia.example/issuing.crt",
            ocsp="http://ocsp.example", crl="http://crl.example/issuing.crl")
certificate("list-root.der", "List Root", "List Root", 4, "2010-01-01", "2040-01-01")
certificate("list-pca.der", "List PCA", "List Root", 5, "2020-01-01", "2035-01-01")
certificate("list-publisher.der", "List Publisher", "List PCA", 6, "2026-01-01", "2027-06-01",
            usage=LIST_SIGNER, ca_issuers="http://pki.example/pca.crt")
