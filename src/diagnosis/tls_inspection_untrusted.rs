#![doc = include_str!("../../docs/rules/tls-inspection-untrusted.md")]

use super::inquiry::{Basis, Inquiry};
use super::inspections::Signs;
use super::proposal::{Precedence, Proposal, Rule, Stance};
use super::rejections::{Said, joined};
use super::roots::{self, RootKind, Unlisted};

/// The rule.
pub const RULE: Rule = Rule {
    id: "tls-inspection-untrusted",
    doc: include_str!("../../docs/rules/tls-inspection-untrusted.md"),
    apply,
};

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    let made = roots::unlisted(inquiry).into_iter().filter_map(|it| {
        let RootKind::Inspection(signs) = &it.kind else {
            return None;
        };
        Some(it.rejection.proposal(RULE.id, Stance::Cause, Said {
            summary: summary(&it, signs),
            remedy: format!(
                "Deploy \"{0}\" to Local Computer > Trusted Root Certification Authorities where inspection is wanted, or exempt the sites from it (update, telemetry and pinned hosts always). A chain that ends at the site's usual authority, or \"{0}\" in certutil -verifystore Root, shows that it worked.",
                it.authority
            ),
            basis: Basis {
                fault_seen: true,
                reaction_seen: true,
                inferred: u8::from(!signs.are_strong()),
                ..Basis::default()
            },
            precedence: Precedence::Shape,
            subject: it.authority.clone(),
            cites: signs.cites.clone(),
        }))
    });
    let mut proposals = joined(made);
    // One story per authority: the sentence of the first site speaks for all.
    proposals.dedup_by(|later, first| {
        let same = later.subject == first.subject && later.confidence == first.confidence;
        if same {
            first.explains.append(&mut later.explains);
            first.cites.append(&mut later.cites);
        }
        same
    });
    proposals
}

fn summary(it: &Unlisted<'_>, signs: &Signs) -> String {
    let way = match &it.rejection.handshake.tunnel {
        Some(_) => format!("the proxy {}", it.rejection.handshake.server),
        None => "something on the way".to_owned(),
    };
    let shown = if signs.are_strong() {
        let key = if signs.one_key {
            ", some with one and the same key"
        } else {
            ""
        };
        format!(
            "The unrelated sites {} show certificates of one authority{key}, \"{}\"",
            roots::some_of(&signs.sites, signs.more),
            it.authority
        )
    } else {
        let but = if signs.differs {
            ", while other connections to it show another issuer"
        } else {
            ""
        };
        format!(
            "The public site {} shows a certificate of \"{}\" without any public address in it{but}",
            it.rejection.site, it.authority
        )
    };
    format!(
        "{shown}, {}: {way} opens the connections and signs anew, and this client does not trust its authority.",
        it.listing()
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use crate::diagnosis::Role;
    use crate::diagnosis::fixtures::{CTL, Story, at, trust_list};
    use crate::pki::Artifact;
    use crate::retrieval::{ObjectKind, Outcome};

    fn bank(story: Story) -> Story {
        story.handshake(|it| it.site = Some("login.bank.test".to_owned()))
    }

    fn two_sites() -> Story {
        let shop = Story::new().rejects(&["inspected-shop", "inspection-ca"], (9, 12));
        bank(shop.rejects(&["inspected-bank", "inspection-ca"], (20, 22)))
    }

    #[test]
    fn unrelated_sites_of_one_authority_that_nobody_lists_were_signed_on_the_way() {
        let diagnosis = two_sites().diagnosis();
        assert_eq!(
            diagnosis.causes(),
            [("tls-inspection-untrusted", Role::RootCause, "high")]
        );
        assert_eq!(diagnosis.incidents.len(), 1);
        assert_eq!(diagnosis.findings[0].explains, [0, 1]);
    }

    #[test]
    fn with_a_list_the_root_that_it_lacks_only_contributes() {
        let list = trust_list(&["list-pca"], &["list-root"], at(-86_400));
        let diagnosis = bank(
            Story::new()
                .fetch(ObjectKind::Ctl, CTL, Outcome::Ok, (1, 2))
                .brings(&Artifact::Ctl(list))
                .rejects(&["inspected-shop", "inspection-ca"], (9, 12))
                .rejects(&["inspected-bank", "inspection-ca"], (20, 22)),
        )
        .diagnosis();
        assert_eq!(
            diagnosis.verdict.root_cause,
            Some("tls-inspection-untrusted")
        );
        assert!(
            diagnosis
                .of("root-not-in-program")
                .iter()
                .all(|it| it.role == Role::Contributing)
        );
    }

    #[test]
    fn one_site_is_medium() {
        let diagnosis = Story::new()
            .rejects(&["inspected-shop", "inspection-ca"], (9, 12))
            .diagnosis();
        assert_eq!(
            diagnosis.causes(),
            [("tls-inspection-untrusted", Role::RootCause, "medium")]
        );
    }

    #[test]
    fn it_is_quiet_when_the_client_accepts() {
        let diagnosis = Story::new()
            .rejects(&["inspected-shop", "inspection-ca"], (9, 12))
            .accepted()
            .diagnosis();
        assert!(diagnosis.of("tls-inspection-untrusted").is_empty());
    }

    #[test]
    fn it_is_quiet_for_two_sites_of_a_public_authority() {
        let diagnosis = bank(
            Story::new()
                .rejects(&["leaf", "issuing-ca"], (9, 12))
                .rejects(&["leaf-without-aia", "issuing-ca"], (20, 22)),
        );
        assert!(
            diagnosis
                .diagnosis()
                .of("tls-inspection-untrusted")
                .is_empty()
        );
    }

    #[test]
    fn it_is_quiet_for_the_names_of_one_organization() {
        let diagnosis = Story::new()
            .rejects(&["corp-leaf", "corp-root"], (9, 12))
            .handshake(|it| it.site = Some("intranet.corp.example".to_owned()))
            .rejects(&["wsus-leaf", "corp-root"], (20, 22))
            .handshake(|it| it.site = Some("wsus.corp.example".to_owned()))
            .diagnosis();
        assert!(diagnosis.of("tls-inspection-untrusted").is_empty());
    }
}
