//! The kinds of objects that certificate validation fetches.

/// What an attempt was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    /// The authroot trust list.
    Ctl,
    /// The list of distrusted certificates.
    Disallowed,
    /// The pin rules.
    PinRules,
    /// `authrootseq.txt`.
    Seq,
    /// A root by thumbprint, from the trust-list folder.
    RootCrt,
    /// An issuer certificate by authorityInfoAccess.
    AiaCert,
    /// A CRL.
    Crl,
    /// A delta CRL.
    DeltaCrl,
    /// An OCSP answer.
    Ocsp,
    /// A proxy auto-configuration script.
    Pac,
    /// An update service.
    Wsus,
    /// Anything else.
    Other,
}

impl ObjectKind {
    /// The word of the JSON report.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            ObjectKind::Ctl => "ctl",
            ObjectKind::Disallowed => "disallowed",
            ObjectKind::PinRules => "pinrules",
            ObjectKind::Seq => "seq",
            ObjectKind::RootCrt => "root-crt",
            ObjectKind::AiaCert => "aia-cert",
            ObjectKind::Crl => "crl",
            ObjectKind::DeltaCrl => "delta-crl",
            ObjectKind::Ocsp => "ocsp",
            ObjectKind::Pac => "pac",
            ObjectKind::Wsus => "wsus",
            ObjectKind::Other => "other",
        }
    }

    /// For people.
    #[must_use]
    pub fn phrase(self) -> &'static str {
        match self {
            ObjectKind::Ctl => "trust list",
            ObjectKind::Disallowed => "list of distrusted certificates",
            ObjectKind::PinRules => "pin rules",
            ObjectKind::Seq => "trust-list sequence number",
            ObjectKind::RootCrt => "root certificate",
            ObjectKind::AiaCert => "issuer certificate",
            ObjectKind::Crl => "CRL",
            ObjectKind::DeltaCrl => "delta CRL",
            ObjectKind::Ocsp => "OCSP answer",
            ObjectKind::Pac => "proxy script",
            ObjectKind::Wsus => "update service",
            ObjectKind::Other => "other",
        }
    }
}
