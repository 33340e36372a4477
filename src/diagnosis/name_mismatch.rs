#![doc = include_str!("../../docs/rules/name-mismatch.md")]

use super::chain_checks::{self, Told};
use super::inquiry::Inquiry;
use super::proposal::{Precedence, Proposal, Rule};
use super::wsus;
use crate::chain::{Check, CheckKind, Element};
use crate::pki::certificate::GeneralName;

/// The rule.
pub const RULE: Rule = Rule {
    id: "name-mismatch",
    doc: include_str!("../../docs/rules/name-mismatch.md"),
    apply,
};

/// Names printed of a certificate that may have hundreds.
const MAX_NAMES: usize = 4;

fn apply(inquiry: &Inquiry<'_>) -> Vec<Proposal> {
    chain_checks::proposals(inquiry, RULE.id, |rejection, position, element, check| {
        let site = rejection.site;
        let names = other_names(position, element, check)?;
        if is_update_site(inquiry, site) {
            // Update servers have a rule of their own.
            return None;
        }
        Some(Told {
            inferred: 0,
            summary: format!("The certificate that answered for {site} is for {names}."),
            remedy: format!(
                "Bind a certificate with the name {site}, or let clients use a name that it has. A handshake whose certificate lists {site} shows that it worked."
            ),
            precedence: Precedence::Content,
        })
    })
}

/// The names of a leaf that is not for the host asked.
#[must_use]
pub fn other_names(position: usize, element: &Element, check: &Check) -> Option<String> {
    if position != 0 || check.kind != CheckKind::HostName {
        return None;
    }
    Some(names_of(&element.certificate))
}

/// The names of a certificate, the first few, for sentences.
#[must_use]
pub fn names_of(certificate: &crate::pki::Certificate) -> String {
    let names = certificate.subject_alternative_names.value();
    let mut names: Vec<String> = names
        .into_iter()
        .flatten()
        .filter_map(|name| match name {
            GeneralName::Dns(name) => Some(name.clone()),
            _ => None,
        })
        .collect();
    if names.is_empty() {
        names.push(certificate.subject.short().to_owned());
    }
    let more = names.len().saturating_sub(MAX_NAMES);
    names.truncate(MAX_NAMES);
    let more = if more == 0 {
        String::new()
    } else {
        format!(" and {more} more")
    };
    format!("{}{more}", names.join(", "))
}

/// True when the rejected connections to a site are with an update server.
#[must_use]
pub fn is_update_site(inquiry: &Inquiry<'_>, site: &str) -> bool {
    let case = inquiry.case;
    case.handshakes.iter().any(|handshake| {
        handshake.site.as_deref() == Some(site) && wsus::is_update_handshake(case, handshake)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::RULE;
    use crate::diagnosis::Role;
    use crate::diagnosis::fixtures::Story;

    fn asked_for(name: &str) -> Story {
        Story::new()
            .rejects(&["leaf", "issuing-ca"], (9, 12))
            .handshake(|it| it.site = Some(name.to_owned()))
    }

    #[test]
    fn a_certificate_for_another_name_is_the_cause_and_the_names_are_told() {
        let diagnosis = asked_for("mail.shop.example").diagnosis();
        assert_eq!(diagnosis.causes(), [(RULE.id, Role::RootCause, "proven")]);
        assert_eq!(
            diagnosis.of(RULE.id)[0].summary,
            "The certificate that answered for mail.shop.example is for www.shop.example."
        );
    }

    #[test]
    fn it_is_quiet_where_the_name_fits_whatever_its_case() {
        let diagnosis = asked_for("WWW.Shop.Example").diagnosis();
        assert!(diagnosis.not_excluded(RULE.id).is_empty());
    }

    #[test]
    fn it_is_quiet_where_the_client_went_on() {
        let diagnosis = asked_for("mail.shop.example").accepted().diagnosis();
        assert!(diagnosis.of(RULE.id).is_empty());
    }

    #[test]
    fn it_is_quiet_for_an_update_server_which_has_a_rule_of_its_own() {
        let diagnosis = asked_for("wsus01")
            .handshake(|it| it.server.set_port(8531))
            .diagnosis();
        assert!(diagnosis.of(RULE.id).is_empty());
        assert_eq!(diagnosis.of("wsus-name-mismatch").len(), 1);
    }
}
