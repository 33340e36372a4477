//! The nouns of certificate and CRL extensions (RFC 5280 §4.2, §5.2).

use super::name::Name;

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

/// issuingDistributionPoint.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(clippy::struct_excessive_bools)]
pub struct IssuingDistributionPoint {
    /// distributionPoint, its names in `full_name` or `relative_name`.
    pub distribution_point: Option<DistributionPoint>,
    /// onlyContainsUserCerts.
    pub only_user: bool,
    /// onlyContainsCACerts.
    pub only_ca: bool,
    /// onlySomeReasons: bit 0 is 0x8000.
    pub only_some_reasons: Option<u16>,
    /// indirectCRL.
    pub indirect: bool,
    /// onlyContainsAttributeCerts.
    pub only_attribute: bool,
}
