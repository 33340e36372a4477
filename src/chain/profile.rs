//! The profiles, and everything in which they differ: one table.

use super::question::{AnchorChecks, Policy, Profile};

/// What a profile demands. Every difference between profiles is a field here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)]
pub(super) struct Rules {
    /// An anchor's validity period counts.
    pub anchor_dates: bool,
    /// An anchor's extensions count: basic and name constraints, key usage,
    /// extended key usage, policies, critical extensions.
    pub anchor_constraints: bool,
    /// A root without basicConstraints may issue.
    pub root_without_basic_constraints: bool,
    /// extendedKeyUsage of issuers limits what is below them.
    pub issuer_usages_count: bool,
    /// Which algorithms and keys are refused.
    pub strength: Strength,
    /// The subject's commonName names the host when no alternative name of
    /// its kind does.
    pub common_name_fallback: bool,
    /// A wildcard must have this many labels after it.
    pub labels_after_wildcard: usize,
    /// Unsupported kinds of name constraints count even when no name of the
    /// kind is below them.
    pub unsupported_constraints_always_count: bool,
    /// CRLs that are indirect or cover only some reasons can be used.
    pub partial_crls: bool,
    /// What is said of the form of certificates that counts.
    pub form: Form,
    /// Extensions given twice count as malformed.
    pub duplicate_extensions_count: bool,
    /// Malformed extensions that take no part in validation count too.
    pub all_malformed_count: bool,
}

/// By whom the form of certificates and CRLs is laid down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Windows validates without looking at it.
    Any,
    /// RFC 5280 §4 and §5, as far as validators can hold certificates to it.
    Standard,
    /// The same in full, and the CA/Browser Forum's demands.
    Forum,
}

/// Which algorithms and keys are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strength {
    /// RFC 5280 says nothing.
    Any,
    /// As Windows has refused them since the dates of its updates.
    WindowsDates,
    /// As the CA/Browser Forum demands.
    Forum,
}

const WINDOWS: Rules = Rules {
    anchor_dates: true,
    anchor_constraints: true,
    root_without_basic_constraints: true,
    issuer_usages_count: true,
    strength: Strength::WindowsDates,
    common_name_fallback: true,
    labels_after_wildcard: 1,
    unsupported_constraints_always_count: true,
    // Windows ignores CRLs with onlySomeReasons or indirectCRL.
    partial_crls: false,
    form: Form::Any,
    duplicate_extensions_count: false,
    all_malformed_count: false,
};

const RFC5280: Rules = Rules {
    anchor_dates: false,
    anchor_constraints: false,
    root_without_basic_constraints: false,
    issuer_usages_count: true,
    strength: Strength::Any,
    common_name_fallback: true,
    labels_after_wildcard: 1,
    unsupported_constraints_always_count: false,
    partial_crls: true,
    form: Form::Standard,
    duplicate_extensions_count: true,
    all_malformed_count: true,
};

const WEBPKI: Rules = Rules {
    anchor_dates: true,
    anchor_constraints: true,
    root_without_basic_constraints: false,
    issuer_usages_count: true,
    strength: Strength::Forum,
    common_name_fallback: false,
    labels_after_wildcard: 2,
    unsupported_constraints_always_count: false,
    partial_crls: true,
    form: Form::Forum,
    duplicate_extensions_count: true,
    all_malformed_count: true,
};

/// The rules of a policy's profile, with what it says of anchors.
pub(super) fn rules(policy: &Policy) -> Rules {
    match policy.profile {
        Profile::Windows => WINDOWS,
        Profile::Webpki => WEBPKI,
        Profile::Rfc5280 => {
            let AnchorChecks {
                expiry,
                constraints,
            } = policy.anchor_checks;
            Rules {
                anchor_dates: expiry,
                anchor_constraints: constraints,
                ..RFC5280
            }
        }
    }
}
