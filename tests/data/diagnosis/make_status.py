"""Makes the CRLs and OCSP answers of this folder; answers carry the time of the run as producedAt.

Needs Python 3.11 and `cryptography` 42 or later; keys as in make.py, which must
have been run before. Run it in this folder: python make_status.py
"""
import datetime
import hashlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

UTC = datetime.timezone.utc
URL = "http://crl.example/issuing.crl"


def key(name):
    return ed25519.Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())


def day(text):
    return datetime.datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)


def subject(common_name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def read(name):
    with open(name + ".der", "rb") as file:
        return x509.load_der_x509_certificate(file.read())


def write(name, content):
    with open(name, "wb") as file:
        file.write(content)


def crl(file, start, end, *, revoked=None, point=None, signer="Issuing CA", freshest=None,
        issuer="Issuing CA", base=None):
    builder = (x509.CertificateRevocationListBuilder().issuer_name(subject(issuer))
               .last_update(day(start)).next_update(day(end))
               .add_extension(x509.CRLNumber(1), False))
    if point:
        builder = builder.add_extension(x509.IssuingDistributionPoint(
            [x509.UniformResourceIdentifier(point)], None, False, False, None, False, False), True)
    if base is not None:
        builder = builder.add_extension(x509.DeltaCRLIndicator(base), True)
    if freshest:
        builder = builder.add_extension(x509.FreshestCRL([x509.DistributionPoint(
            [x509.UniformResourceIdentifier(freshest)], None, None, None)]), False)
    if revoked:
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder().serial_number(3).revocation_date(day(revoked))
            .add_extension(x509.CRLReason(x509.ReasonFlags.key_compromise), False).build())
    write(file, builder.sign(key(signer), None).public_bytes(serialization.Encoding.DER))


def answer(file, start, end, *, status=ocsp.OCSPCertStatus.GOOD, signer="Issuing CA", responder=None):
    revoked = status == ocsp.OCSPCertStatus.REVOKED
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=read("leaf"), issuer=read("issuing-ca"), algorithm=hashes.SHA1(), cert_status=status,
        this_update=day(start), next_update=day(end),
        revocation_time=day("2026-03-01") if revoked else None,
        revocation_reason=x509.ReasonFlags.key_compromise if revoked else None)
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.NAME, responder or read("issuing-ca"))
    if responder is not None:
        builder = builder.certificates([responder])
    write(file, builder.sign(key(signer), None).public_bytes(serialization.Encoding.DER))


def responder(usage):
    builder = (x509.CertificateBuilder().subject_name(subject("Responder"))
               .issuer_name(subject("Issuing CA")).serial_number(77)
               .public_key(key("Responder").public_key())
               .not_valid_before(day("2026-01-01")).not_valid_after(day("2027-01-01"))
               .add_extension(x509.ExtendedKeyUsage([usage]), False))
    return builder.sign(key("Issuing CA"), None)


crl("crl-in-force.crl", "2026-05-28", "2026-06-08")
crl("crl-expired.crl", "2026-05-20", "2026-05-31")
crl("crl-revokes-leaf.crl", "2026-05-28", "2026-06-08", revoked="2026-03-01")
crl("crl-revokes-later.crl", "2026-05-28", "2026-06-08", revoked="2026-06-05")
crl("crl-other-point.crl", "2026-05-28", "2026-06-08", point="http://crl.example/other.crl")
crl("crl-other-key.crl", "2026-05-28", "2026-06-08", signer="Somebody Else")
crl("crl-promises-delta.crl", "2026-05-28", "2026-06-08", freshest="http://crl.example/issuing+.crl")
crl("crl-other-issuer.crl", "2026-05-28", "2026-06-08", issuer="Other CA", signer="Other CA")
crl("delta-in-force.crl", "2026-05-31", "2026-06-02", base=1)
crl("delta-expired.crl", "2026-05-28", "2026-05-29", base=1)
answer("ocsp-good.der", "2026-06-01", "2026-06-05")
answer("ocsp-stale.der", "2026-05-20", "2026-05-24")
answer("ocsp-revoked.der", "2026-06-01", "2026-06-05", status=ocsp.OCSPCertStatus.REVOKED)
answer("ocsp-unknown.der", "2026-06-01", "2026-06-05", status=ocsp.OCSPCertStatus.UNKNOWN)
answer("ocsp-delegated.der", "2026-06-01", "2026-06-05", signer="Responder",
       responder=responder(ExtendedKeyUsageOID.OCSP_SIGNING))
answer("ocsp-not-entitled.der", "2026-06-01", "2026-06-05", signer="Responder",
       responder=responder(ExtendedKeyUsageOID.SERVER_AUTH))
write("ocsp-try-later.der", ocsp.OCSPResponseBuilder.build_unsuccessful(
    ocsp.OCSPResponseStatus.TRY_LATER).public_bytes(serialization.Encoding.DER))
