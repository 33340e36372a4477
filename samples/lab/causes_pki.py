"""Certificates and lists of the scenarios in causes.py: authorities of a house,
of a proxy that signs anew, of a public root that no list has; lists that
disable a root, lack one, or are signed by a certificate that ran out.

Each `prepare` function writes below the folder that build.py has filled.
"""

import datetime as dt
import hashlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID as EKU
from cryptography.x509.oid import NameOID

import build

SERVER = EKU.SERVER_AUTH.dotted_string
PUBLIC_SITES = ("www.north-bank.example", "www.daily-herald.example",
                "www.parcel-track.example")
INTRANET = "intranet.corp.lab.example"
WSUS_HOST = "wsus01.corp.lab.example"
# The name by which machines outside the house call it.
WSUS_OUTSIDE = "updates.lab.example"
TICKETS = "tickets.quill-sample.example"
QUILL_PATH = "/certs/QuillTrustTLSCA2.crt"


def ec_key(text):
    """A key from a text, the same in every run."""
    scalar = int.from_bytes(hashlib.sha256(b"whychain lab " + text.encode()).digest(), "big")
    return ec.derive_private_key(scalar % (2**255), ec.SECP256R1())


def ec_pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption())


def put_chain(pki, stem, chain, key=None):
    """A chain for nginx below tls/, with a key of its own if it has one."""
    (pki / "tls" / f"{stem}.pem").write_bytes(b"".join(build.pem(c) for c in chain))
    if key:
        (pki / "tls" / f"{stem}.key").write_bytes(ec_pem(key))


def put_root(pki, stem, root):
    (pki / "roots" / f"{stem}.pem").write_bytes(build.pem(root))


# ------------------------------------------------------------- public sites

def public_sites(pki):
    """Three sites of three owners below the lab's public root, and the authority
    of the inspecting proxy."""
    site = build.site_pki()
    issuing_key, server_key = build.key("site-issuing"), build.key("site-server")
    for number, host in enumerate(PUBLIC_SITES):
        leaf = build.cert(build.name(host, host.split(".")[1]), server_key,
                          site["issuing"].subject, issuing_key, 0x2B01 + number,
                          "2026-05-01", "2035-01-01", usage=build.SERVER_USE, san=(host,),
                          eku=(SERVER,), aia=build.ISSUING_URL,
                          ocsp=f"http://{build.OCSP_HOST}", crl=build.ISSUING_CRL_URL)
        put_chain(pki, host, [leaf, site["issuing"]])
    root, key = inspection_root()
    put_root(pki, "inspection", root)
    (pki / "inspection.pem").write_bytes(build.pem(root) + ec_pem(key))


def inspection_root():
    key = ec_key("inspection root")
    name = build.name("Gateway Inspection CA", "Lab Head Office")
    return build.cert(name, key, name, key, 0x5001, "2026-02-01", "2036-02-01",
                      ca="any", usage=build.CA_USE), key


# -------------------------------------------------------- authority of a house

def corporate(pki):
    """A root with domain parts in its name and addresses in a directory, with
    certificates for the intranet and the update server."""
    root_key, leaf_key = ec_key("corporate root"), ec_key("corporate server")
    root_name = x509.Name([
        x509.NameAttribute(NameOID.DOMAIN_COMPONENT, part) for part in ("example", "lab", "corp")
    ] + [x509.NameAttribute(NameOID.COMMON_NAME, "Lab Corporate Root CA")])
    root = build.cert(root_name, root_key, root_name, root_key, 0x6001,
                      "2026-01-01", "2036-01-01", ca="any", usage=build.CA_USE)
    for serial, names in ((0x6101, (INTRANET,)), (0x6102, (WSUS_HOST,)),
                          (0x6103, (WSUS_HOST, WSUS_OUTSIDE))):
        place = "CN=Lab%20Corporate%20Root%20CA,CN=AIA,CN=Public%20Key%20Services," \
                "CN=Services,CN=Configuration,DC=corp,DC=lab,DC=example"
        leaf = build.cert(
            x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])]), leaf_key,
            root_name, root_key, serial, "2026-06-01", "2030-06-01",
            usage=build.SERVER_USE, san=names, eku=(SERVER,),
            aia=f"ldap:///{place}?cACertificate?base?objectClass=certificationAuthority",
            crl=f"ldap:///{place}?certificateRevocationList?base?"
                "objectClass=cRLDistributionPoint")
        put_chain(pki, names[-1], [leaf], leaf_key)
    put_root(pki, "corporate", root)


# ------------------------------------------------------------ lists of another day

def quill(pki):
    """A public site whose root no list has, and the same list with the root."""
    root_key, ca_key, leaf_key = map(ec_key, ("quill root", "quill ca", "quill leaf"))
    root_name = build.name("Quill Trust Root R1", "Quill Trust Services")
    ca_name = build.name("Quill Trust TLS CA 2", "Quill Trust Services")
    root = build.cert(root_name, root_key, root_name, root_key, 0x7001,
                      "2026-01-01", "2046-01-01", ca="any", usage=build.CA_USE)
    ca = build.cert(ca_name, ca_key, root_name, root_key, 0x7002, "2026-01-02", "2036-01-02",
                    ca=0, usage=build.CA_USE, eku=(SERVER,),
                    aia=f"http://{build.AIA_HOST}/certs/QuillTrustRootR1.crt",
                    crl=f"http://{build.CRL_HOST}/crl/QuillTrustRootR1.crl")
    leaf = build.cert(build.name(TICKETS, "Quill Sample Tickets"), leaf_key, ca_name, ca_key,
                      0x7101, "2026-06-01", "2027-06-01", usage=build.SERVER_USE,
                      san=(TICKETS,), eku=(SERVER,),
                      aia=f"http://{build.AIA_HOST}{QUILL_PATH}",
                      crl=f"http://{build.CRL_HOST}/crl/QuillTrustTLSCA2.crl")
    put_chain(pki, TICKETS, [leaf, ca], leaf_key)
    put_root(pki, "quill", root)
    thumbprint = hashlib.sha1(build.der(root)).hexdigest().upper()
    (pki / f"www/{build.CTL_HOST}{build.CTL_DIR}{thumbprint}.crt").write_bytes(build.der(root))
    make_list(pki, "with-quill", [root])
    return f"http://{build.NEW_CTL_HOST}{build.CTL_DIR}{thumbprint}.crt"


def make_list(pki, variant, extra=(), more=None, signer=None, update=build.THIS_UPDATE):
    """A list of the usual roots, those in `extra`, and `more` properties."""
    lists, site = build.trust_list_pki(), build.site_pki()
    roots = build.filler_roots() + [site["root"], *extra]
    roots.sort(key=lambda c: hashlib.sha1(build.der(c)).digest())
    content = build.ctl_content(lists["root"], roots, update, more)
    signer = signer or lists["publisher"]
    signed = build.sign_ctl(content, signer, build.key("trust-list-publisher"),
                            [signer, lists["pca"]])
    written = update + dt.timedelta(hours=22)
    build.write(pki, f"ctl/{variant}/authrootstl.cab",
                build.cabinet("authroot.stl", signed, written), written)


def disabled(pki, since):
    """A list that disables the site root from `since` on (property 104)."""
    root = hashlib.sha1(build.der(build.site_pki()["root"])).digest()
    value = build.filetime(build.day(since)).to_bytes(8, "little")
    make_list(pki, "disabling", more={root: [(104, value)]})


def lapsed(pki, ends):
    """A list from September, signed by a certificate that ends at `ends`."""
    pca_key, pub_key = build.key("trust-list-pca"), build.key("trust-list-publisher")
    signer = build.cert(build.name("Whychain Lab Trust List Publisher"), pub_key,
                        build.name("Whychain Lab Trust List PCA"), pca_key,
                        0x6103019F00010000000D, "2026-01-05", ends,
                        usage=("digital_signature",), eku=(build.LIST_SIGNER,),
                        aia=build.PCA_URL,
                        crl=f"http://{build.CRL_HOST}/crl/WhychainLabTrustListPCA.crl")
    make_list(pki, "lapsed", signer=signer, update=build.OLD_UPDATE)
