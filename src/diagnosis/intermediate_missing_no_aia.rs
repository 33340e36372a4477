#![doc = include_str!("../../docs/rules/intermediate-missing-no-aia.md")]

use super::inquiry::Inquiry;
use super::missing_intermediates::{self, Told};
use super::proposal::{Proposal, Rule};
use crate::pki::certificate::CA_ISSUERS;

/// The rule.
pub const RULE: Rule = Rule {
    id: "intermediate-missing-no-aia",
    doc: include_str!("../../docs/rules/intermediate-missing-no-aia.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    missing_intermediates::proposals(inquiry, RULE.id, |rejection, child| {
        if !child.access_urls(CA_ISSUERS).is_empty() || child.is_self_issued() {
            return None;
        }
        let issuer = child.issuer.short();
        Some(Told {
            summary: format!(
                "The server's list for {} lacks \"{issuer}\", which issued \"{}\", and the certificate gives no address to fetch it from: the chain stops half-way.",
                rejection.site,
                child.subject.short()
            ),
            remedy: format!(
                "Let the server send \"{issuer}\" too, or install it in Intermediate Certification Authorities of the clients. A list with both certificates and a handshake that goes on show that it worked."
            ),
        })
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::diagnosis::Role;
    use crate::diagnosis::fixtures::Story;

    const RULE: &str = "intermediate-missing-no-aia";

    #[test]
    fn a_certificate_sent_alone_without_an_address_of_its_issuer_is_the_cause() {
        let diagnosis = Story::new()
            .rejects(&["leaf-without-aia"], (9, 12))
            .diagnosis();
        assert_eq!(diagnosis.causes(), [(RULE, Role::RootCause, "medium")]);
    }

    #[test]
    fn an_issuer_that_is_seen_elsewhere_and_is_no_root_makes_it_high() {
        let diagnosis = Story::new()
            .rejects(&["leaf-without-aia"], (9, 12))
            .rejects(&["leaf-without-aia", "issuing-ca"], (900, 901))
            .accepted()
            .diagnosis();
        assert_eq!(diagnosis.causes(), [(RULE, Role::RootCause, "high")]);
    }

    #[test]
    fn it_is_quiet_when_the_issuer_is_sent_and_only_the_root_is_not() {
        let diagnosis = Story::new()
            .rejects(&["leaf-without-aia", "issuing-ca"], (9, 12))
            .diagnosis();
        assert!(diagnosis.of(RULE).is_empty());
    }

    #[test]
    fn it_is_quiet_when_the_certificate_names_an_address() {
        assert!(
            Story::new()
                .rejects(&["leaf"], (9, 12))
                .diagnosis()
                .of(RULE)
                .is_empty()
        );
    }

    #[test]
    fn it_is_quiet_when_the_issuer_came_another_way() {
        let issuer = crate::pki::Artifact::Certificate(crate::diagnosis::fixtures::certificate(
            "issuing-ca",
        ));
        let cached = Story::new()
            .cached(
                crate::diagnosis::fixtures::system(),
                "http://aia.example/issuing.crt",
                &issuer,
                -100,
            )
            .rejects(&["leaf-without-aia"], (9, 12));
        assert!(cached.diagnosis().of(RULE).is_empty());
    }
}
