//! PKI objects from bytes: certificates, CRLs, OCSP answers, trust lists, and
//! the containers they come in.
//!
//! Third-party parsers stay inside this module. A decoded object keeps its
//! original bytes, and signatures are verified over those, never over a
//! re-encoding.

mod asn1_time;
pub mod cab;
mod cab_folder;
pub mod certificate;
pub mod crl;
pub mod ctl;
mod ctl_entry;
mod damaged;
mod deviation;
pub mod digest;
mod distribution_point;
mod extension;
mod extension_value;
mod general_name;
mod html;
mod key;
mod looks_like;
mod name;
mod object;
pub mod ocsp;
pub mod pem;
pub mod pin_rules;
pub mod pkcs12;
mod pkcs12_cipher;
pub mod signature;
mod signature_curve;
mod signature_rsa;
mod signed;
mod signed_data;
mod tlv;
mod unsigned;

use std::sync::Arc;

use crate::bytes::ParseError;

pub use certificate::Certificate;
pub use crl::Crl;
pub use ctl::Ctl;
pub use damaged::DamagedCertificate;
pub use html::html_title;
pub use key::key_identifier_sha1;
pub use looks_like::{LOOKS_LIKE_PREFIX, looks_like};
pub use object::read_object;
pub use ocsp::OcspResponse;
pub use unsigned::{Beside, NestedSignature};

/// A decoded object, shared by everything that saw its bytes.
#[derive(Debug, Clone, PartialEq)]
pub enum Artifact {
    /// A certificate.
    Certificate(Arc<Certificate>),
    /// A certificate revocation list.
    Crl(Arc<Crl>),
    /// An OCSP response.
    Ocsp(Arc<OcspResponse>),
    /// A certificate trust list.
    Ctl(Arc<Ctl>),
}

impl Artifact {
    /// SHA-256 of the object's own bytes (of the PKCS#7 for a CTL, not of the
    /// cabinet around it).
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        match self {
            Artifact::Certificate(certificate) => certificate.sha256,
            Artifact::Crl(crl) => crl.sha256,
            Artifact::Ocsp(ocsp) => ocsp.sha256,
            Artifact::Ctl(ctl) => ctl.sha256,
        }
    }
}

/// What bytes are, judged by content alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LooksLike {
    /// Starts `MSCF`.
    Cab,
    /// PKCS#7 around a certificate trust list.
    Ctl,
    /// A DER certificate.
    Certificate,
    /// A DER CRL.
    Crl,
    /// A DER OCSP response.
    Ocsp,
    /// Other PKCS#7.
    Pkcs7,
    /// PEM text.
    Pem,
    /// A web page.
    Html,
    /// Other text.
    Text,
    /// Nothing.
    Empty,
    /// Anything else.
    Other,
}

impl LooksLike {
    /// The word of the JSON report.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            LooksLike::Cab => "cab",
            LooksLike::Ctl => "ctl",
            LooksLike::Certificate => "certificate",
            LooksLike::Crl => "crl",
            LooksLike::Ocsp => "ocsp",
            LooksLike::Pkcs7 => "pkcs7",
            LooksLike::Pem => "pem",
            LooksLike::Html => "html",
            LooksLike::Text => "text",
            LooksLike::Empty => "empty",
            LooksLike::Other => "other",
        }
    }
}

/// Everything found in one body or file.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadObject {
    /// What the outermost bytes are.
    pub looks_like: LooksLike,
    /// The objects, outermost first: a cabinet gives its CTL, then the
    /// certificates the CTL encloses; a PKCS#7 its certificates and CRLs; an OCSP
    /// response itself, then its responder certificates.
    pub artifacts: Vec<Artifact>,
    /// What could not be read, each with its offset in the given bytes.
    pub problems: Vec<ParseError>,
}
