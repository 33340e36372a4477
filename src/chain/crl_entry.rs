//! Looking a certificate up in a CRL.

use super::names::CanonicalName;
use crate::pki::Certificate;
use crate::pki::crl::{Crl, RevokedCertificate};

/// reasonCode removeFromCRL.
pub(super) const REMOVE_FROM_CRL: u8 = 8;

/// The entry of a certificate. In an indirect CRL an entry belongs to the
/// issuer that it, or the nearest one before it, names; before any, to the
/// CRL's own issuer.
///
/// Spec: RFC 5280 §5.3.3.
pub(super) fn find<'a>(
    crl: &'a Crl,
    certificate: &Certificate,
    indirect: bool,
) -> Option<&'a RevokedCertificate> {
    if !indirect {
        return crl
            .revoked
            .iter()
            .find(|entry| entry.serial == certificate.serial);
    }
    let wanted = CanonicalName::of(&certificate.issuer);
    let mut is_ours = CanonicalName::of(&crl.issuer) == wanted;
    for entry in &crl.revoked {
        if let Some(issuer) = &entry.certificate_issuer {
            is_ours = CanonicalName::of(issuer) == wanted;
        }
        if is_ours && entry.serial == certificate.serial {
            return Some(entry);
        }
    }
    None
}

/// A reasonCode in words.
///
/// Spec: RFC 5280 §5.3.1.
pub(super) fn reason_text(reason: u8) -> &'static str {
    match reason {
        0 => "unspecified",
        1 => "keyCompromise",
        2 => "cACompromise",
        3 => "affiliationChanged",
        4 => "superseded",
        5 => "cessationOfOperation",
        6 => "certificateHold",
        REMOVE_FROM_CRL => "removeFromCRL",
        9 => "privilegeWithdrawn",
        10 => "aACompromise",
        _ => "unknown reason",
    }
}
