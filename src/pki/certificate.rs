//! X.509 certificates (RFC 5280 §4), read tolerantly: what cannot be decoded
//! is kept as bytes and named in [`Certificate::oddities`].

use std::sync::Arc;

use crate::time::Timestamp;

/// A certificate with its decoded fields.
#[derive(Debug, Clone, PartialEq)]
pub struct Certificate {
    /// The original bytes.
    pub der: Arc<[u8]>,
    /// SHA-256 of them.
    pub sha256: [u8; 32],
    /// SHA-1 of them: Windows' thumbprint.
    pub sha1: [u8; 20],
    /// 1, 2 or 3 (the encoded number plus one); other numbers as found.
    pub version: u32,
    /// serialNumber, the contents octets as encoded (leading zero kept).
    pub serial: Vec<u8>,
    /// The range of `tbsCertificate` in `der`.
    pub tbs: std::ops::Range<usize>,
    /// signature inside tbsCertificate.
    pub tbs_signature_algorithm: AlgorithmIdentifier,
    /// signatureAlgorithm outside.
    pub signature_algorithm: AlgorithmIdentifier,
    /// signatureValue, the octets of the bit string.
    pub signature: Vec<u8>,
    /// issuer.
    pub issuer: Name,
    /// subject.
    pub subject: Name,
    /// notBefore.
    pub not_before: Timestamp,
    /// notAfter.
    pub not_after: Timestamp,
    /// subjectPublicKeyInfo.
    pub public_key: PublicKeyInfo,
    /// All extensions in order, duplicates kept.
    pub extensions: Vec<Extension>,
    /// basicConstraints.
    pub basic_constraints: Decoded<BasicConstraints>,
    /// keyUsage, bit 0 (digitalSignature) is 0x8000.
    pub key_usage: Decoded<u16>,
    /// extendedKeyUsage: dotted OIDs in order.
    pub extended_key_usage: Decoded<Vec<String>>,
    /// subjectAltName.
    pub subject_alternative_names: Decoded<Vec<GeneralName>>,
    /// subjectKeyIdentifier.
    pub subject_key_identifier: Decoded<Vec<u8>>,
    /// authorityKeyIdentifier.
    pub authority_key_identifier: Decoded<AuthorityKeyIdentifier>,
    /// authorityInfoAccess.
    pub authority_info_access: Decoded<Vec<AccessDescription>>,
    /// cRLDistributionPoints.
    pub crl_distribution_points: Decoded<Vec<DistributionPoint>>,
    /// freshestCRL.
    pub freshest_crl: Decoded<Vec<DistributionPoint>>,
    /// nameConstraints.
    pub name_constraints: Decoded<NameConstraints>,
    /// certificatePolicies: dotted OIDs in order.
    pub certificate_policies: Decoded<Vec<String>>,
    /// policyMappings: (issuerDomainPolicy, subjectDomainPolicy).
    pub policy_mappings: Decoded<Vec<(String, String)>>,
    /// policyConstraints.
    pub policy_constraints: Decoded<PolicyConstraints>,
    /// inhibitAnyPolicy.
    pub inhibit_any_policy: Decoded<u32>,
    /// Deviations from the standard that did not stop the reading, one line each.
    pub oddities: Vec<String>,
}

/// A part that may be there, absent, or there and unreadable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decoded<T> {
    /// Not in the certificate.
    Absent,
    /// Decoded.
    Present(T),
    /// In the certificate, and malformed: why.
    Malformed(String),
}

impl<T> Decoded<T> {
    /// The value, where there is a readable one.
    pub fn value(&self) -> Option<&T> {
        match self {
            Decoded::Present(value) => Some(value),
            Decoded::Absent | Decoded::Malformed(_) => None,
        }
    }
}

/// An AlgorithmIdentifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlgorithmIdentifier {
    /// Dotted OID.
    pub oid: String,
    /// DER of the parameters, where present.
    pub parameters: Option<Vec<u8>>,
}

/// A distinguished name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    /// The DER of the Name SEQUENCE as found.
    pub der: Vec<u8>,
    /// RFC 4514 text, most specific first, for people.
    pub text: String,
    /// The attributes in order of the RDNs: dotted OID, and the value as text
    /// where it is a string type.
    pub attributes: Vec<(String, String)>,
}

impl Name {
    /// The last commonName, else the last organizationalUnit or organization,
    /// else the whole text: a short name for people.
    #[must_use]
    pub fn short(&self) -> &str {
        let last = |oid: &str| {
            let mut reversed = self.attributes.iter().rev();
            reversed.find(|(key, _)| key == oid).map(|(_, value)| value.as_str())
        };
        last("2.5.4.3")
            .or_else(|| last("2.5.4.11"))
            .or_else(|| last("2.5.4.10"))
            .unwrap_or(&self.text)
    }
}

/// A SubjectPublicKeyInfo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKeyInfo {
    /// Its DER.
    pub der: Vec<u8>,
    /// algorithm.
    pub algorithm: AlgorithmIdentifier,
    /// subjectPublicKey, the octets of the bit string.
    pub key: Vec<u8>,
    /// Key length in bits (RSA and DSA modulus, EC field), where understood.
    pub bits: Option<u32>,
}

/// An extension as found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// Dotted OID.
    pub oid: String,
    /// critical.
    pub critical: bool,
    /// extnValue contents.
    pub value: Vec<u8>,
}

/// basicConstraints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BasicConstraints {
    /// cA.
    pub ca: bool,
    /// pathLenConstraint.
    pub path_length: Option<u32>,
}

/// authorityKeyIdentifier.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuthorityKeyIdentifier {
    /// keyIdentifier.
    pub key_identifier: Option<Vec<u8>>,
    /// The directoryName of authorityCertIssuer.
    pub issuer: Option<Name>,
    /// authorityCertSerialNumber contents octets.
    pub serial: Option<Vec<u8>>,
}

/// An access method with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessDescription {
    /// Dotted OID: 1.3.6.1.5.5.7.48.2 caIssuers, 1.3.6.1.5.5.7.48.1 OCSP.
    pub method: String,
    /// Where.
    pub location: GeneralName,
}

/// A GeneralName.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GeneralName {
    /// rfc822Name.
    Email(String),
    /// dNSName.
    Dns(String),
    /// uniformResourceIdentifier.
    Uri(String),
    /// iPAddress octets (4 or 16; in name constraints 8 or 32).
    Ip(Vec<u8>),
    /// directoryName.
    Directory(Name),
    /// otherName: type OID and DER of the value.
    Other(String, Vec<u8>),
    /// registeredID.
    RegisteredId(String),
    /// x400Address, ediPartyName or an unreadable name: context tag and bytes.
    Raw(u8, Vec<u8>),
}

/// A DistributionPoint.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DistributionPoint {
    /// distributionPoint fullName.
    pub full_name: Vec<GeneralName>,
    /// DER of nameRelativeToCRLIssuer.
    pub relative_name: Option<Vec<u8>>,
    /// reasons: bit 0 (unused) is 0x8000.
    pub reasons: Option<u16>,
    /// cRLIssuer.
    pub crl_issuer: Vec<GeneralName>,
}

/// nameConstraints.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NameConstraints {
    /// permittedSubtrees.
    pub permitted: Vec<GeneralSubtree>,
    /// excludedSubtrees.
    pub excluded: Vec<GeneralSubtree>,
}

/// A GeneralSubtree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GeneralSubtree {
    /// base.
    pub base: GeneralName,
    /// minimum.
    pub minimum: u32,
    /// maximum.
    pub maximum: Option<u32>,
}

/// policyConstraints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PolicyConstraints {
    /// requireExplicitPolicy.
    pub require_explicit_policy: Option<u32>,
    /// inhibitPolicyMapping.
    pub inhibit_policy_mapping: Option<u32>,
}

/// caIssuers access method.
pub const CA_ISSUERS: &str = "1.3.6.1.5.5.7.48.2";
/// OCSP access method.
pub const OCSP: &str = "1.3.6.1.5.5.7.48.1";

impl Certificate {
    /// True when subject and issuer are the same name (the key is not checked).
    #[must_use]
    pub fn is_self_issued(&self) -> bool {
        self.subject.der == self.issuer.der
    }

    /// The tbsCertificate as signed.
    #[must_use]
    pub fn tbs_bytes(&self) -> &[u8] {
        self.der.get(self.tbs.clone()).unwrap_or_default()
    }

    /// URLs of an access method of authorityInfoAccess, in order.
    #[must_use]
    pub fn access_urls(&self, method: &str) -> Vec<&str> {
        let list = self.authority_info_access.value();
        let of_method = list.into_iter().flatten().filter(|access| access.method == method);
        let urls = of_method.filter_map(|access| match &access.location {
            GeneralName::Uri(url) => Some(url.as_str()),
            _ => None,
        });
        urls.collect()
    }

    /// URLs of the CRL distribution points, in order.
    #[must_use]
    pub fn crl_urls(&self) -> Vec<&str> {
        let points = self.crl_distribution_points.value().into_iter().flatten();
        let names = points.flat_map(|point| &point.full_name);
        let urls = names.filter_map(|name| match name {
            GeneralName::Uri(url) => Some(url.as_str()),
            _ => None,
        });
        urls.collect()
    }
}
