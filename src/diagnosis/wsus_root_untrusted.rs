#![doc = include_str!("../../docs/rules/wsus-root-untrusted.md")]

use super::inquiry::{Basis, Inquiry};
use super::proposal::{Precedence, Proposal, Rule, Stance};
use super::rejections::{Said, joined};
use super::roots::{self, RootKind};

/// The rule.
pub const RULE: Rule = Rule {
    id: "wsus-root-untrusted",
    doc: include_str!("../../docs/rules/wsus-root-untrusted.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let own = roots::unlisted(inquiry).into_iter().filter_map(|it| {
        if it.kind != RootKind::Update {
            return None;
        }
        Some(it.rejection.proposal(RULE.id, Stance::Cause, Said {
            summary: format!(
                "The certificate of the update server {} comes from \"{}\", {}, and the client broke off when it had seen it: nothing shows that this machine trusts that authority.",
                it.rejection.site, it.authority, it.listing()
            ),
            remedy: format!(
                "Deploy \"{}\" (and any authority between) to the Local Computer stores of all clients and of the site server before SSL is demanded. A scan that goes on to ClientWebService over TLS shows that it worked.",
                it.authority
            ),
            basis: Basis {
                fault_seen: true,
                reaction_seen: true,
                inferred: u8::from(it.inferred() > 1),
                ..Basis::default()
            },
            precedence: Precedence::Shape,
            subject: it.authority.clone(),
            cites: Vec::new(),
        }))
    });
    joined(own)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::diagnosis::Role;
    use crate::diagnosis::diagnose;
    use crate::diagnosis::fixtures::Story;

    fn scan() -> Story {
        Story::new()
            .rejects(&["wsus-leaf", "corp-root"], (9, 12))
            .handshake(|it| {
                it.site = Some("wsus.corp.example".to_owned());
                it.server = "10.0.0.20:8531".parse().unwrap();
            })
    }

    #[test]
    fn a_client_that_refuses_the_update_server_lacks_its_authority() {
        assert_eq!(
            scan().diagnosis().causes(),
            [("wsus-root-untrusted", Role::RootCause, "high")]
        );
    }

    #[test]
    fn it_is_quiet_when_the_root_is_trusted() {
        let case = scan().case_with(&["corp-root"]);
        assert!(diagnose(&case, None).of("wsus-root-untrusted").is_empty());
    }

    #[test]
    fn it_is_quiet_for_another_server_of_the_house() {
        let other = scan().handshake(|it| it.server = "10.0.0.20:443".parse().unwrap());
        let diagnosis = other.diagnosis();
        assert!(diagnosis.of("wsus-root-untrusted").is_empty());
        assert_eq!(diagnosis.causes()[0].0, "private-root-not-deployed");
    }
}
