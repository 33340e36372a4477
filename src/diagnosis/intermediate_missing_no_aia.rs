#![doc = include_str!("../../docs/rules/intermediate-missing-no-aia.md")]

use super::inquiry::{Basis, Inquiry};
use super::proposal::{Precedence, Proposal, Rule, Stance};
use super::rejections::{Said, is_known_intermediate, is_private, joined, rejections};
use super::roots;
use crate::pki::certificate::CA_ISSUERS;

/// The rule.
pub const RULE: Rule = Rule {
    id: "intermediate-missing-no-aia",
    doc: include_str!("../../docs/rules/intermediate-missing-no-aia.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let found = rejections(inquiry).filter_map(|rejection| {
        let child = rejection.child_of_missing()?;
        if !child.access_urls(CA_ISSUERS).is_empty() || child.is_self_issued() {
            return None;
        }
        let known = is_known_intermediate(inquiry, child);
        // The issuer of a certificate that was sent alone is an intermediate with
        // every public authority; that of an authority may be a root, which is
        // rarely sent. A private one may sign servers with its root.
        let alone = roots::was_sent_alone(&rejection, child) && !is_private(child);
        if !known && !alone {
            return None;
        }
        let issuer = child.issuer.short();
        Some(rejection.proposal(RULE.id, Stance::Cause, Said {
            summary: format!(
                "The server's list for {} lacks \"{issuer}\", which issued \"{}\", and the certificate gives no address to fetch it from: the chain stops half-way.",
                rejection.site,
                child.subject.short()
            ),
            remedy: format!(
                "Let the server send \"{issuer}\" too, or install it in Intermediate Certification Authorities of the clients. A list with both certificates and a handshake that goes on show that it worked."
            ),
            basis: Basis {
                fault_seen: true,
                reaction_seen: true,
                inferred: u8::from(!known),
                ..Basis::default()
            },
            precedence: Precedence::Shape,
            subject: issuer.to_owned(),
            cites: Vec::new(),
        }))
    });
    joined(found)
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
