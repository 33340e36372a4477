#![doc = include_str!("../../docs/rules/wrong-eku.md")]

use super::chain_checks::{self, Told};
use super::inquiry::Inquiry;
use super::proposal::{Precedence, Proposal, Rule};
use crate::chain::CheckKind;

/// The rule.
pub const RULE: Rule = Rule {
    id: "wrong-eku",
    doc: include_str!("../../docs/rules/wrong-eku.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    chain_checks::proposals(inquiry, RULE.id, |rejection, _, element, check| {
        let site = rejection.site;
        if check.kind != CheckKind::ExtendedKeyUsage {
            return None;
        }
        let subject = element.certificate.subject.short();
        Some(Told {
            inferred: 0,
            summary: format!(
                "In the chain of {site}, \"{subject}\" may not be used for a TLS server: {}.",
                check.detail
            ),
            remedy: format!(
                "Issue the certificate of {site} again with the extended key usage Server Authentication (1.3.6.1.5.5.7.3.1), under an issuer that allows it. A handshake that goes on to application data shows that it worked."
            ),
            precedence: Precedence::Content,
        })
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::RULE;
    use crate::diagnosis::fixtures::{SITE, Story};

    #[test]
    fn a_signer_of_lists_is_no_server() {
        // Its only usage is 1.3.6.1.4.1.311.10.3.9.
        let diagnosis = Story::new()
            .rejects(&["list-publisher"], (9, 12))
            .diagnosis();
        let summary = &diagnosis.of(RULE.id)[0].summary;
        assert!(
            summary.contains(SITE) && summary.contains("may not be used for a TLS server"),
            "{summary}"
        );
    }

    #[test]
    fn it_is_quiet_where_the_client_went_on() {
        let accepted = Story::new()
            .rejects(&["list-publisher"], (9, 12))
            .accepted();
        assert!(accepted.diagnosis().of(RULE.id).is_empty());
    }

    #[test]
    fn it_is_quiet_for_a_server_certificate_that_is_refused_for_something_else() {
        const YEAR: i64 = 365 * 86_400;
        let expired = Story::new().rejects(&["leaf", "issuing-ca"], (YEAR, YEAR + 1));
        assert!(expired.diagnosis().not_excluded(RULE.id).is_empty());
    }
}
