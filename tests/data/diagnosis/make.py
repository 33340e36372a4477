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
    """A name; `Corp …` are those of a directory forest, with DC= components."""
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if common_name.startswith("Corp "):
        domain = [x509.NameAttribute(NameOID.DOMAIN_COMPONENT, dc) for dc in ("example", "corp")]
        parts = domain + parts
    return x509.Name(parts)


def uri(url):
    return x509.UniformResourceIdentifier(url)


def certificate(file, name, issuer, serial, start, end, *, usage=None, host=None,
                ca_issuers=None, ocsp=None, crl=None, seed=None):
    """One certificate; an authority unless it has a usage. `seed` names another key."""
    issuer_key = key(issuer)
    own_key = key(seed or name)
    builder = (x509.CertificateBuilder().subject_name(subject(name)).issuer_name(subject(issuer))
               .serial_number(serial).public_key(own_key.public_key())
               .not_valid_before(day(start)).not_valid_after(day(end)))
    builder = builder.add_extension(x509.BasicConstraints(usage is None, None), True)
    builder = builder.add_extension(
        x509.SubjectKeyIdentifier.from_public_key(own_key.public_key()), False)
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

# A forest's own CA, which names only its directory.
LDAP_AIA = "ldap:///CN=Corp%20Root%20CA,CN=AIA,CN=Public%20Key%20Services?cACertificate"
LDAP_CRL = "ldap:///CN=Corp%20Root%20CA,CN=CDP,CN=Public%20Key%20Services?certificateRevocationList"
certificate("corp-root.der", "Corp Root CA", "Corp Root CA", 7, "2015-01-01", "2035-01-01")
certificate("corp-leaf.der", "intranet.corp.example", "Corp Root CA", 8, "2026-01-01", "2027-01-01",
            usage=SERVER, host="intranet.corp.example", ca_issuers=LDAP_AIA, crl=LDAP_CRL)
certificate("wsus-leaf.der", "wsus.corp.example", "Corp Root CA", 9, "2026-01-01", "2027-01-01",
            usage=SERVER, host="wsus.corp.example", ca_issuers=LDAP_AIA, crl=LDAP_CRL)
# Nobody says where the issuer can be had.
certificate("leaf-without-aia.der", "www.shop.example", "Issuing CA", 10, "2026-01-01", "2027-01-01",
            usage=SERVER, host="www.shop.example", seed="leaf without AIA")
certificate("leaf-https-aia.der", "www.shop.example", "Issuing CA", 11, "2026-01-01", "2027-01-01",
            usage=SERVER, host="www.shop.example", ca_issuers="https://aia.example/issuing.crt")
# The CA before it got a new key, and the CA certified by a root that has ended.
certificate("issuing-ca-old-key.der", "Issuing CA", "Site Root", 12, "2018-01-01", "2030-01-01",
            seed="Issuing CA of 2018")
certificate("issuing-ca-cross.der", "Issuing CA", "Old Root", 13, "2015-01-01", "2024-01-01")
# An inspecting proxy makes certificates for whatever is asked for.
certificate("inspection-ca.der", "Gateway Inspection CA", "Gateway Inspection CA", 14,
            "2024-01-01", "2034-01-01")
certificate("inspected-shop.der", "www.shop.example", "Gateway Inspection CA", 15,
            "2026-05-30", "2026-06-06", usage=SERVER, host="www.shop.example")
certificate("inspected-bank.der", "login.bank.test", "Gateway Inspection CA", 16,
            "2026-05-30", "2026-06-06", usage=SERVER, host="login.bank.test")
# The signer of lists of the year before.
certificate("list-publisher-2025.der", "List Publisher", "List PCA", 17, "2025-01-01", "2026-04-01",
            usage=LIST_SIGNER, ca_issuers="http://pki.example/pca.crt")
