//! So why did it fail? Rules that read the case, find causes, and say what
//! they explain; a ranking that gives each finding its role.

use crate::case::Case;
use crate::time::Timestamp;

mod aia_limit_exceeded;
mod aia_object_unusable;
mod aia_unsupported_scheme;
mod application_policy_stricter;
mod cached_pages;
mod captive_or_redirected;
mod certificate_revoked;
mod chain_checks;
mod claims;
mod client_certificate_required;
mod client_clock_wrong;
mod critical_extension_or_malformed;
mod crl_expired;
mod crl_not_applicable;
mod crl_slow_or_huge;
mod cross_certificate_bad_branch;
mod ctl_body_not_cabinet;
mod ctl_cached_signer_expired;
mod ctl_download_blocked;
mod ctl_signature_or_content_invalid;
mod ctl_signer_issuer_missing_aia_blocked;
#[cfg(test)]
mod ctl_signer_issuer_missing_tests;
mod delayed;
mod delta_crl_missing;
mod direct_blocked;
mod dns_failed;
mod endpoints;
mod explicitly_distrusted;
mod failure;
mod failures;
#[cfg(test)]
mod false_friends;
mod finding;
#[cfg(test)]
pub(crate) mod fixtures;
mod healing;
mod hidden;
mod host_logs;
mod host_policies;
mod identity_proxy_gap;
mod incidents;
mod inquiry;
mod inspections;
mod intermediary_serves_stale;
mod intermediate_missing_aia_failed;
mod intermediate_missing_no_aia;
mod issuer_expired;
mod issuer_name_match_key_mismatch;
mod ldap_cdp_unreachable;
mod leaf_expired;
mod leaf_not_yet_valid;
mod leaf_validity;
mod links;
mod list_faults;
mod missing_intermediates;
mod mtu_or_path_stall;
mod name_constraints_violated;
mod name_mismatch;
mod network;
mod no_revocation_source;
mod not_a_ca_or_path_length;
mod object_failures;
mod ocsp_error_response;
mod ocsp_stale_or_bad_signer;
mod ocsp_unknown;
mod origin_http_error;
mod outcomes;
mod outcomes_capture;
mod outcomes_sources;
mod own_verifier;
mod pin_mismatch;
mod private_root_not_deployed;
mod proposal;
mod proxy_auth_required;
mod proxy_denied_or_filtered;
mod proxy_unreachable;
mod ranking;
mod recorded;
mod redirects;
mod rejections;
mod remedy_proof;
mod revocation_server_unreachable;
#[cfg(test)]
mod revocation_tests;
mod root_crt;
mod root_crt_download_failed;
mod root_disabled_or_not_before;
mod root_not_in_program;
mod roots;
mod ruled_out;
mod self_signed_leaf;
mod server_omits_intermediate;
mod server_without_certificate_binding;
mod setting_conflicts;
mod signature_invalid;
mod statuses;
mod successes;
mod tls_inspection_untrusted;
mod tls_version_or_cipher_mismatch;
mod transfer_incomplete;
mod unneeded_or_disordered_chain;
mod update_logs;
mod update_names;
mod verdict;
mod verifier;
mod weak_algorithm;
mod wpad_answer_suspicious;
mod wpad_pac_failure;
mod wrong_eku;
mod wsus;
mod wsus_content_forced_to_https;
mod wsus_name_mismatch;
mod wsus_root_untrusted;
mod wsus_scheme_port_mismatch;
mod wsus_ssl_required_but_http;

pub use cached_pages::wanted_instead_of_page;
pub use claims::{Claim, Standing};
pub use failure::{Failure, FailureKind, Healed, HealedBy, Lost, Reaction, Verifier, VerifierKind};
pub use finding::{Confidence, Finding, Role};
pub use inquiry::{Inquiry, Link, Need};
pub use proposal::{Precedence, Proposal, Rule, Stance};
pub use remedy_proof::RemedyProof;

/// Every rule, in the order of `whychain rules`: causes by family, then the
/// outcomes when the evidence does not suffice.
pub const RULES: &[Rule] = &[
    ctl_signer_issuer_missing_aia_blocked::RULE,
    ctl_cached_signer_expired::RULE,
    ctl_body_not_cabinet::RULE,
    ctl_signature_or_content_invalid::RULE,
    ctl_download_blocked::RULE,
    root_not_in_program::RULE,
    root_disabled_or_not_before::RULE,
    root_crt_download_failed::RULE,
    explicitly_distrusted::RULE,
    identity_proxy_gap::RULE,
    host_policies::ROOT_UPDATE_DISABLED,
    host_policies::ROOT_UPDATE_REDIRECT_BAD,
    host_policies::AIA_DISABLED_BY_POLICY,
    server_omits_intermediate::RULE,
    intermediate_missing_aia_failed::RULE,
    intermediate_missing_no_aia::RULE,
    aia_object_unusable::RULE,
    aia_unsupported_scheme::RULE,
    aia_limit_exceeded::RULE,
    private_root_not_deployed::RULE,
    self_signed_leaf::RULE,
    issuer_name_match_key_mismatch::RULE,
    cross_certificate_bad_branch::RULE,
    tls_inspection_untrusted::RULE,
    unneeded_or_disordered_chain::RULE,
    leaf_expired::RULE,
    leaf_not_yet_valid::RULE,
    issuer_expired::RULE,
    client_clock_wrong::RULE,
    name_mismatch::RULE,
    wrong_eku::RULE,
    not_a_ca_or_path_length::RULE,
    name_constraints_violated::RULE,
    critical_extension_or_malformed::RULE,
    weak_algorithm::RULE,
    signature_invalid::RULE,
    pin_mismatch::RULE,
    application_policy_stricter::RULE,
    certificate_revoked::RULE,
    revocation_server_unreachable::RULE,
    crl_expired::RULE,
    crl_not_applicable::RULE,
    crl_slow_or_huge::RULE,
    ocsp_error_response::RULE,
    ocsp_stale_or_bad_signer::RULE,
    ocsp_unknown::RULE,
    no_revocation_source::RULE,
    ldap_cdp_unreachable::RULE,
    delta_crl_missing::RULE,
    dns_failed::RULE,
    direct_blocked::RULE,
    proxy_auth_required::RULE,
    proxy_denied_or_filtered::RULE,
    proxy_unreachable::RULE,
    wpad_pac_failure::RULE,
    wpad_answer_suspicious::RULE,
    intermediary_serves_stale::RULE,
    captive_or_redirected::RULE,
    origin_http_error::RULE,
    transfer_incomplete::RULE,
    mtu_or_path_stall::RULE,
    wsus_root_untrusted::RULE,
    wsus_scheme_port_mismatch::RULE,
    wsus_ssl_required_but_http::RULE,
    wsus_content_forced_to_https::RULE,
    tls_version_or_cipher_mismatch::RULE,
    server_without_certificate_binding::RULE,
    client_certificate_required::RULE,
    wsus_name_mismatch::RULE,
    update_logs::USER_PROXY_NOT_USED,
    update_logs::POLICY_OVERRIDDEN,
    update_logs::SERVER_STOPPED,
    update_logs::SYNC_TLS_FAILURE,
    outcomes::NO_FAILURE_OBSERVED,
    outcomes_sources::ANSWERED_FROM_CACHE,
    outcomes_capture::CAPTURE_STARTS_LATE,
    outcomes_capture::CAPTURE_ONE_SIDED,
    outcomes_capture::CAPTURE_LOSS,
    outcomes_capture::CAPTURE_TRUNCATED,
    outcomes_capture::WRONG_VANTAGE_POINT,
    hidden::CERTIFICATES_NOT_VISIBLE,
    outcomes::IDENTITY_UNKNOWN,
    outcomes::STORE_UNKNOWN,
    outcomes::CTL_UNKNOWN,
    host_logs::LOG_ABSENT_OR_SUSPENDED,
    outcomes_sources::CLOCK_UNCERTAIN,
    own_verifier::RULE,
    outcomes_sources::PRIVATE_KEY_OR_APP_ISSUE,
    outcomes_sources::CONFLICTING_EVIDENCE,
    outcomes_sources::UNSUPPORTED_OBJECT,
];

/// Finds what failed, asks every rule why, and ranks the answers. `site` is the
/// server whose failure comes first.
#[must_use]
pub fn diagnose(case: &Case, site: Option<&str>) -> Diagnosis {
    let inquiry = failures::inquire(case);
    let mut proposals: Vec<Proposal> = RULES
        .iter()
        .flat_map(|rule| (rule.apply)(&inquiry))
        .collect();
    let refuted = ruled_out::proposals(&inquiry, &proposals);
    proposals.extend(refuted);
    ranking::rank(inquiry, proposals, site)
}

/// The answer to the whole case.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnosis {
    /// The answer in one line, for the leading incident.
    pub verdict: Verdict,
    /// Failures that share a cause.
    pub incidents: Vec<Incident>,
    /// Validations rejected or delayed, and trust objects not obtained.
    pub failures: Vec<Failure>,
    /// What was found, considered and ruled out.
    pub findings: Vec<Finding>,
    /// What was said of the fault of 2011, judged by this evidence; empty where
    /// the case is not of that kind.
    pub claims: Vec<Claim>,
}

/// The verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Which of the four.
    pub state: VerdictState,
    /// The rule of the root cause.
    pub root_cause: Option<&'static str>,
    /// One or two sentences for people.
    pub sentence: String,
}

/// The four verdicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerdictState {
    /// Nothing failed, a validation was seen, and the quality gates held.
    Clean,
    /// A failure was found and explained.
    Explained,
    /// A failure was found and its cause not determined, or the evidence is
    /// too poor to say that nothing failed.
    Undetermined,
    /// Nothing in the evidence validates a certificate.
    NoValidationSeen,
}

impl VerdictState {
    /// The word of the JSON report.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            VerdictState::Clean => "clean",
            VerdictState::Explained => "explained",
            VerdictState::Undetermined => "undetermined",
            VerdictState::NoValidationSeen => "no-validation-seen",
        }
    }
}

/// Failures that share rule, object and hop.
#[derive(Debug, Clone, PartialEq)]
pub struct Incident {
    /// Index of the root-cause finding.
    pub root_cause: Option<usize>,
    /// The findings that explain it equally well, where none is the root cause.
    pub equal_causes: Vec<usize>,
    /// First failure.
    pub from: Timestamp,
    /// Last failure.
    pub to: Timestamp,
    /// Machines, by index.
    pub machines: Vec<usize>,
    /// Failures, by index.
    pub failures: Vec<usize>,
    /// For people.
    pub sentence: String,
}
