#![doc = include_str!("../../docs/rules/aia-unsupported-scheme.md")]

use super::inquiry::{Basis, Inquiry};
use super::proposal::{Precedence, Proposal, Rule, Stance};
use super::rejections::{Said, is_known_intermediate, is_private, joined, rejections};
use super::roots;
use crate::pki::certificate::CA_ISSUERS;

/// The rule.
pub const RULE: Rule = Rule {
    id: "aia-unsupported-scheme",
    doc: include_str!("../../docs/rules/aia-unsupported-scheme.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let found = rejections(inquiry).filter_map(|rejection| {
        let child = rejection.child_of_missing()?;
        let urls = child.access_urls(CA_ISSUERS);
        let is_http = |url: &&str| url.get(..7).is_some_and(|head| head.eq_ignore_ascii_case("http://"));
        if urls.is_empty() || urls.iter().any(is_http) || !rejection.may_be_windows() {
            return None;
        }
        let known = is_known_intermediate(inquiry, child);
        let alone = roots::was_sent_alone(&rejection, child) && !is_private(child);
        if !known && !alone {
            return None;
        }
        let issuer = child.issuer.short();
        let scheme = urls.first()?.split(':').next().unwrap_or_default();
        Some(rejection.proposal(RULE.id, Stance::Cause, Said {
            summary: format!(
                "The server's list for {} lacks \"{issuer}\", and the only address of it is {scheme}: ({}), from which Windows does not fetch issuers.",
                rejection.site,
                urls.first()?
            ),
            remedy: format!(
                "Let the server send \"{issuer}\" too, or install it on the clients; name an http URL when the certificate is issued again. A request for that URL before the handshake ends shows that it worked."
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

    const RULE: &str = "aia-unsupported-scheme";

    #[test]
    fn an_issuer_offered_over_https_only_is_not_fetched() {
        let diagnosis = Story::new()
            .rejects(&["leaf-https-aia"], (9, 12))
            .diagnosis();
        assert_eq!(diagnosis.causes(), [(RULE, Role::RootCause, "medium")]);
    }

    #[test]
    fn it_is_quiet_when_the_issuer_is_sent() {
        let diagnosis = Story::new()
            .rejects(&["leaf-https-aia", "issuing-ca"], (9, 12))
            .diagnosis();
        assert!(diagnosis.of(RULE).is_empty());
    }

    #[test]
    fn it_is_quiet_for_an_http_address_and_for_none() {
        for leaf in ["leaf", "leaf-without-aia"] {
            assert!(
                Story::new()
                    .rejects(&[leaf], (9, 12))
                    .diagnosis()
                    .of(RULE)
                    .is_empty(),
                "{leaf}"
            );
        }
    }

    #[test]
    fn it_is_quiet_for_the_root_of_a_directory_forest() {
        let diagnosis = Story::new().rejects(&["corp-leaf"], (9, 12)).diagnosis();
        assert!(diagnosis.of(RULE).is_empty());
    }
}
