from cryptography import x509
from cryptography.x509.oid import NameOID, ExtendedKeyUsageOID as E
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
import datetime as d
now=d.datetime.now(d.timezone.utc).replace(microsecond=0)
def name(n): return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME,n)])
def key(): return ec.generate_private_key(ec.SECP256R1())
def cert(sub,k,iss,ik,ca,nb=-30,na=300,san=None,eku=None,ikpub=None):
    b=x509.CertificateBuilder().subject_name(name(sub)).issuer_name(name(iss)).public_key(k.public_key()).serial_number(x509.random_serial_number()).not_valid_before(now+d.timedelta(days=nb)).not_valid_after(now+d.timedelta(days=na))
    b=b.add_extension(x509.BasicConstraints(ca,None),True).add_extension(x509.SubjectKeyIdentifier.from_public_key(k.public_key()),False).add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ik.public_key()),False)
    if san: b=b.add_extension(x509.SubjectAlternativeName([x509.DNSName(san)]),False)
    if eku: b=b.add_extension(x509.ExtendedKeyUsage(eku),False)
    return b.sign(ik,hashes.SHA256())
def w(fn,*cs): open(fn,'wb').write(b''.join(c.public_bytes(serialization.Encoding.PEM) for c in cs))
def wk(fn,k): open(fn,'wb').write(k.private_bytes(serialization.Encoding.PEM,serialization.PrivateFormat.PKCS8,serialization.NoEncryption()))
rk,ik,lk=key(),key(),key(); wk('leaf.key',lk)
root=cert('Root',rk,'Root',rk,True); w('root.pem',root)
inter=cert('Inter',ik,'Root',rk,True); exp=cert('Inter',ik,'Root',rk,True,-300,-10)
S=[E.SERVER_AUTH]
w('selfsigned.pem',cert('self.example',lk,'self.example',lk,False,san='self.example',eku=S))
w('expissuer.pem',cert('a.example',lk,'Inter',ik,False,san='a.example',eku=S),exp)
w('name.pem',cert('other.example',lk,'Inter',ik,False,san='other.example',eku=S),inter)
w('eku.pem',cert('a.example',lk,'Inter',ik,False,san='a.example',eku=[E.CLIENT_AUTH]),inter)
w('good.pem',cert('a.example',lk,'Inter',ik,False,san='a.example',eku=S),inter)
