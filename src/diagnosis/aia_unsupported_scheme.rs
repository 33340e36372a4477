#![doc = include_str!("../../docs/rules/aia-unsupported-scheme.md")]

use super::inquiry::Inquiry;
use super::missing_intermediates::{self, Told};
use super::proposal::{Proposal, Rule};
use crate::pki::certificate::CA_ISSUERS;

/// The rule.
pub const RULE: Rule = Rule {
    id: "aia-unsupported-scheme",
    doc: include_str!("../../docs/rules/aia-unsupported-scheme.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    missing_intermediates::proposals(inquiry, RULE.id, |rejection, child| {
        let urls = child.access_urls(CA_ISSUERS);
        let is_http = |url: &&str| {
            url.get(..7)
                .is_some_and(|head| head.eq_ignore_ascii_case("http://"))
        };
        if urls.iter().any(is_http) || !rejection.may_be_windows() {
            return None;
        }
        let first = urls.first()?;
        let issuer = child.issuer.short();
        let scheme = first.split(':').next().unwrap_or_default();
        Some(Told {
            summary: format!(
                "The server's list for {} lacks \"{issuer}\", and the only address of it is {scheme}: ({first}), from which Windows does not fetch issuers.",
                rejection.site
            ),
            remedy: format!(
                "Let the server send \"{issuer}\" too, or install it on the clients; name an http URL when the certificate is issued again. A request for that URL before the handshake ends shows that it worked."
            ),
        })
    })
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
